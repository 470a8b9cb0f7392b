//! What is submitted and is no message: actors are spawned, stopped, asked after.

use super::far::Address;
use super::{Fact, Lane, ROOT};
use crate::cell::ext::{BRUTAL, FOREVER, SHUTDOWN_MS, START_MS};
use crate::cell::{Cell, State, bit, family};
use crate::entry::{Entry, TAG_SHIFT, note, op, reason, restart, spawn, stop};
use crate::mailbox::local::Envelope;
use crate::supervise::Restart;

impl Lane {
    /// Everything that is no message.
    pub(super) fn operate(&mut self, entry: &Entry, extra: Option<&Entry>) {
        if let Some(to) = Address::of(entry.index)
            && matches!(entry.op(), op::STOP | op::WATCH | op::LINK)
        {
            return self.operate_there(entry, to);
        }
        match entry.op() {
            op::SPAWN if entry.payload & spawn::AWAY != 0 => {
                if let Some(extra) = extra {
                    self.stand_in_for(entry, extra);
                }
            }
            op::SPAWN => self.spawn(entry, extra),
            op::STOP => self.stop(entry),
            op::DONE => self.done(entry),
            // what an instance that is over began has ended with it
            op::WATCH if self.is_between(entry.from) => {}
            op::TIMER if self.is_between(entry.index) => {}
            op::WATCH => self.watch(entry),
            op::UNWATCH => self.unwatch(entry.from, entry.payload),
            op::TIMER => self.timer(entry),
            op::CANCEL => self.cancel(entry.payload),
            op::HOLD => self.hold_timer(entry.payload, entry.from != 0),
            op::ABORT => self.abort(entry),
            op::RESUME => self.resume_stream(entry),
            op::RETURN if self.live(entry.index, entry.age).is_some() => {
                self.signal(entry.index, note::RETURN, entry.payload, 0, 0);
            }
            op::STREAM_END => self.stream_end(entry),
            op::QUERY => self.query(entry),
            op::SHUTDOWN => self.shutdown(entry.corr),
            op::SETTLED => self.close_call(entry.corr),
            op::DEMAND if entry.from == 1 => self.demands += 1,
            op::DEMAND => self.demands = self.demands.saturating_sub(1),
            op::DECISION => self.decided(entry),
            op::LINK => self.link(entry),
            op::UNLINK => self.unlink(entry.from, entry.payload),
            op::ADOPT => self.adopt(entry),
            _ => {}
        }
    }

    fn spawn(&mut self, e: &Entry, extra: Option<&Entry>) {
        let Some(cell) = self.table.get_mut(e.index) else {
            return;
        };
        if cell.age != e.age || cell.state != State::Free {
            return;
        }
        let hook = if e.payload & spawn::STOP_HOOK != 0 { bit::STOP_HOOK } else { 0 };
        let kept = cell.bits & bit::READY;
        *cell = Cell {
            age: e.age,
            state: State::Starting,
            bits: bit::START_DUE | hook | kept,
            policy: self.defaults.policy.to_le_bytes()[0],
            bound: self.defaults.capacity,
            ready_next: cell.ready_next,
            class: (e.head >> TAG_SHIFT).to_le_bytes()[..2].try_into().map_or(0, u16::from_le_bytes),
            asking: crate::ask::NONE,
            ..Cell::default()
        };
        if let Some(x) = extra {
            cell.bound = x.index;
            cell.policy = x.age.to_le_bytes()[0];
            if (x.payload, x.from, x.corr) != (SHUTDOWN_MS, START_MS, 0) {
                let ext = self.exts.ensure(&mut cell.ext);
                (ext.shutdown, ext.start, ext.profile) = (x.payload, x.from, x.corr);
            }
        }
        if e.payload & spawn::ONCE != 0 {
            cell.policy = cell.policy & 3 | restart::TEMPORARY.to_le_bytes()[0];
        }
        self.ledger.actors += 1;
        self.lives += 1;
        // a parent that ends takes no more children, one that has ended is none
        let parent = self.table.get(e.from).filter(|p| p.state != State::Free && e.from != e.index);
        let orphan = parent.is_none_or(|p| p.state.is_over()) || self.is_between(e.from);
        let parent = if parent.is_some() { e.from } else { ROOT };
        family::adopt(&mut self.table, parent, e.index);
        if orphan {
            self.facts.push_back(Fact::End { index: e.index, age: e.age, reason: reason::SHUTDOWN });
        }
        self.push_ready(e.index);
    }

    fn stop(&mut self, e: &Entry) {
        let is_between = self.is_between(e.index);
        let Some(cell) = self.table.get_mut(e.index).filter(|c| c.age == e.age && c.state != State::Free) else {
            return;
        };
        match e.payload {
            stop::KILL => self.end(e.index, reason::KILLED),
            stop::DRAIN if !cell.ends() => {
                if !cell.is(bit::DRAINING) {
                    self.endings += 1;
                }
                cell.bits |= bit::CLOSED | bit::DRAINING;
                if e.corr != FOREVER {
                    self.arm_drain(e.index, e.corr);
                }
                self.facts.push_back(Fact::Drained { index: e.index, age: e.age });
            }
            stop::DRAIN => {}
            stop::SELF if is_between => {} // the instance before wanted to end: it has
            stop::SELF if cell.restart() == Restart::Permanent => self.stops_itself(e.index),
            _ => self.end(e.index, reason::NORMAL),
        }
    }

    fn query(&mut self, e: &Entry) {
        let Some(cell) = self.live(e.index, e.age) else {
            return;
        };
        if cell.is(bit::STARTED) {
            let note =
                Entry { head: note::STARTED, index: e.index, age: e.age, payload: cell.generation, ..Entry::default() };
            self.notify(note);
        } else {
            cell.bits |= bit::QUERIED;
        }
    }

    fn resume_stream(&mut self, e: &Entry) {
        let Some(cell) = self.table.get_mut(e.index).filter(|c| c.age == e.age) else {
            return;
        };
        if cell.state.is_over() {
            return;
        }
        // it holds nothing up: whether somebody waits for the item is said by DEMAND
        let envelope = Envelope { head: note::RESUME, payload: e.payload, ..Envelope::default() };
        let active = cell.state == State::Active;
        if e.from == 0 {
            cell.normal.push(&mut self.pool, envelope);
        } else {
            cell.bits |= bit::LISTS;
            self.exts.ensure(&mut cell.ext).held.push_front(&mut self.pool, envelope);
        }
        if active {
            self.push_ready(e.index);
        }
    }

    /// Whether an instance of it is over and the next one has yet to be made: what it says now the one before says.
    pub(super) fn is_between(&self, index: u32) -> bool {
        let Some(cell) = self.table.get(index) else { return false };
        cell.state == State::Down || (cell.state == State::Starting && cell.generation > 0 && cell.is(bit::START_DUE))
    }

    /// Whether `brutal` was asked for when it is to end.
    pub(super) fn is_brutal(&self, index: u32) -> bool {
        self.ext_of(index).is_some_and(|x| x.shutdown == BRUTAL)
    }
}
