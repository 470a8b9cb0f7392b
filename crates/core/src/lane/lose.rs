//! The end of an isolate, as its lane sees it, and the beginning of the next one.
//!
//! The lane stays: its cells, its mailboxes, what is on its way to it. What only the isolate had is lost: instances,
//! arguments that were never encoded, calls it waited for. Until another isolate comes, the lane is looked after by
//! whoever has its lock ([`Lane::care`]), so that ends and stops go on.

use super::ack::note_of;
use super::calls::is_far_call;
use super::parcel::{Header, Parcel};
use super::{Fact, Lane, Rings};
use crate::cell::{State, bit, family};
use crate::entry::{Entry, OP_MASK, TAG_SHIFT, dead, flag, mark, note, op, phase, reason, word};
use crate::mailbox::local::{Envelope, List};

/// The place of the list of those that are parked.
const PARKED: usize = 4;

impl Lane {
    /// The isolate is gone. `io` is what it left, while that can still be read.
    pub fn lose(&mut self, io: Option<&mut Rings<'_>>) {
        if self.far.as_ref().is_none_or(|far| far.lost) || self.is_closed() {
            return;
        }
        self.mail_gate_shut();
        self.now = None;
        self.forget_guests();
        let unread = io.map(|io| self.read_remains(io));
        self.mode = 0;
        if let Some(far) = self.far.as_ref() {
            far.posts.listen(far.place, 0);
        }
        self.tell_in_hand(unread.as_deref());
        self.held.clear();
        self.lose_runs();
        if let Some(far) = self.far.as_mut() {
            far.lost = true;
            far.letters.read(|parcel| self.mail.spend(parcel));
            far.attached.clear();
            far.errors.clear();
        }
        (self.filled, self.acked, self.ticked) = (0, 0, false);
        self.mortal.clear();
        self.asked.clear();
        self.drop_calls();
        self.facts.clear();
        self.read_by_nobody();
        self.end_instances();
        if let Some(far) = self.far.as_mut() {
            far.forget_heads();
        }
        self.draw_consequences();
        self.follow_orders();
        // names that it reserved for actors whose spawn it never handed over
        let table = &self.table;
        self.registry.retain(|index| table.get(index).is_some_and(|c| c.state != State::Free));
        self.read_by_nobody();
        self.forfeit_all();
        self.wait_for_all(false);
        self.push_out();
        self.show(self.is_busy(), self.is_busy());
    }

    /// There is no isolate that could read notes: what would follow from that follows now.
    fn read_by_nobody(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        for entry in pending.drain(..) {
            if entry.op() == note::ENDED || super::moves::is_left(&entry) {
                self.ended.push(entry.index);
            } else if entry.has(flag::LETTER) {
                self.drop_letter(entry.payload);
            }
        }
        self.pending = pending;
        self.accepts = 0;
        self.given_up.clear();
        self.drop_stale();
        while let Some(index) = self.ended.pop() {
            self.recycle(index);
        }
    }

    /// What was handled, and what the isolate asked for before, is known. The messages that were delivered and did not end.
    fn read_remains(&mut self, io: &mut Rings<'_>) -> Vec<Entry> {
        io.header[word::OUT] = i32::try_from(Lane::unsent(io)).unwrap_or(0);
        self.submit(io);
        for entry in &self.later.clone() {
            if matches!(entry.op(), op::DONE | op::STREAM_END) {
                self.operate(entry, None);
            }
        }
        let unread = self.acked..self.filled;
        let entries = io.inbox[unread.clone()].iter().zip(&io.marks[unread.clone()]);
        let entries = entries.filter(|(_, byte)| **byte & 7 != mark::ABORTED); // the isolate has told of these
        let mut left: Vec<Entry> =
            entries.map(|(e, byte)| Entry { head: e.head & !OP_MASK | note_of(e, *byte), ..*e }).collect();
        left.extend(self.held.iter().map(|held| held.0));
        left.retain(|e| e.op() == note::MSG);
        io.marks[unread].fill(0);
        left
    }

    fn drop_calls(&mut self) {
        let mut calls = std::mem::take(&mut self.calls);
        for key in calls.drain() {
            self.wheel.remove(key);
        }
        self.young.clear();
        self.demands = 0;
    }

    /// No actor has an instance any more: those that may have another one fail, all others end.
    fn end_instances(&mut self) {
        let (foster, later) = (self.foster, std::mem::take(&mut self.later));
        for index in 1..self.table.len() {
            if index != foster && self.table.at(index).state != State::Free {
                self.lose_mail(index);
            }
        }
        self.refuse_open_calls();
        // of what it asked for while it read, only this concerns more than itself
        for entry in later.iter().filter(|entry| entry.op() == op::STOP) {
            self.operate(entry, None);
        }
        for below in family::tree(&self.table, super::ROOT).into_iter().skip(1).rev() {
            self.kill_lost(below); // whose parent had ended
        }
        let mut at = self.table.at(foster).first_child;
        while foster != super::ROOT && at != 0 {
            let next = self.table.at(at).next;
            for below in family::tree(&self.table, at).into_iter().skip(1).rev() {
                self.kill_lost(below);
            }
            self.loses_instance(at);
            at = next;
        }
    }

    fn kill_lost(&mut self, index: u32) {
        self.cut_off(index);
        let cell = self.table.at_mut(index);
        if cell.state == State::Free {
            return;
        }
        self.tell_stopped(index);
        if self.home_of(index).is_some() {
            return self.end_unseen(index, reason::SHUTDOWN);
        }
        self.close_mailbox(index);
        let state = self.table.at(index).state;
        if state != State::Down && !state.is_ending() {
            self.begin_end(index);
        }
        let cell = self.table.at_mut(index);
        cell.reason = reason::LOST.to_le_bytes()[0];
        cell.hand = 0;
        cell.bits &= !(bit::START_DUE | bit::STOP_DUE | bit::AGAIN);
        if state != State::Down {
            cell.state = State::StopHand;
        }
        self.finish(index);
    }

    /// Nothing runs any more, and of the signals only those wait that were not delivered.
    fn lose_runs(&mut self) {
        self.begun = None; // it is counted among those that run
        self.ledger.dead[dead::ISOLATE_LOST as usize] += std::mem::take(&mut self.ledger.running);
        (self.streams, self.signals) = (0, 0);
        for index in 1..self.table.len() {
            let cell = self.table.at_mut(index);
            if cell.state == State::Free || cell.hand == super::foster::AWAY {
                continue;
            }
            (cell.hand, cell.shared, cell.asking) = (0, 0, crate::ask::NONE);
            if let Some(ext) = self.exts.get_mut(cell.ext) {
                (ext.streams, ext.is_telling) = (0, false);
                self.signals += ext.signals.iter(&self.pool).count() as u64;
            }
        }
    }

    /// Of what waits, only what came encoded can be kept; the next isolate looks its method up by name.
    fn lose_mail(&mut self, index: u32) {
        let at = self.table.at(index).ext;
        let mut lists = vec![std::mem::take(&mut self.table.at_mut(index).normal)];
        if let Some(ext) = self.exts.get_mut(at) {
            lists.extend([&mut ext.held, &mut ext.high, &mut ext.low, &mut ext.parked].map(std::mem::take));
        }
        let (mut kept, mut counts) = (Vec::new(), [0_u32; PARKED + 1]);
        for (which, mut list) in lists.into_iter().enumerate() {
            let mut left = List::default();
            while let Some(v) = list.pop(&mut self.pool) {
                if let Some(v) = self.keep_waiting(index, v) {
                    left.push(&mut self.pool, v);
                    counts[which] += 1;
                }
            }
            kept.push(left);
        }
        let (waiting, parked) = (counts[..PARKED].iter().sum(), counts[PARKED]);
        let cell = self.table.at_mut(index);
        let before = u64::from(std::mem::replace(&mut cell.waiting, waiting));
        let mut lost = before - u64::from(waiting); // with what was delivered and not run
        let mut kept = kept.into_iter();
        cell.normal = kept.next().unwrap_or_default();
        if parked == 0 {
            cell.bits &= !bit::PARKED;
        }
        if let Some(ext) = self.exts.get_mut(at) {
            for to in [&mut ext.held, &mut ext.high, &mut ext.low, &mut ext.parked] {
                *to = kept.next().unwrap_or_default();
            }
            lost += u64::from(std::mem::replace(&mut ext.parked_count, parked) - parked);
        }
        self.ledger.waiting -= lost;
        self.ledger.dead[dead::ISOLATE_LOST as usize] += lost;
    }

    /// Whether a message that waits can be kept. Who waits for one that is not is told with the others.
    fn keep_waiting(&mut self, index: u32, v: Envelope) -> Option<Envelope> {
        if v.head & OP_MASK != note::MSG {
            return None; // a step of a stream
        }
        let tag = v.head >> TAG_SHIFT;
        let class = usize::from(self.table.at(index).class);
        let name = self.far.as_ref().and_then(|far| far.name_of(class, tag));
        let is_own = v.head & flag::SLOT != 0 || (v.corr != 0 && !is_far_call(v.corr));
        if is_own || (tag != 0 && name.is_none()) {
            let age = self.table.at(index).age;
            let e = Entry { head: v.head, index, age, payload: v.payload, from: v.from, corr: v.corr };
            self.tell_dead(&e, v.from_age, dead::ISOLATE_LOST);
            if v.head & flag::LETTER != 0 {
                self.drop_letter(v.payload);
            }
            return None;
        }
        let Some(name) = name else { return Some(v) };
        let mut letter = v.payload;
        if v.head & flag::LETTER == 0 {
            let w0 = name << TAG_SHIFT | v.head & flag::ARITY;
            letter =
                self.far.as_mut()?.letters.keep(Parcel::new(Header { w0, payload: v.payload, ..Header::default() }));
        }
        let rest = flag::ASK | flag::SEND | flag::STREAM | flag::SAMPLE | flag::TRACE;
        Some(Envelope { head: note::MSG | v.head & rest | flag::ARITY | flag::LETTER, payload: letter, ..v })
    }

    /// Calls of elsewhere whose message was begun are over.
    fn refuse_open_calls(&mut self) {
        let open = self.far.as_ref().map(|far| far.calls.all()).unwrap_or_default();
        let waiting = self.waiting_calls();
        for corr in open.into_iter().filter(|corr| !waiting.contains(corr)) {
            self.refuse_call(corr, dead::ISOLATE_LOST);
        }
    }

    pub(super) fn waiting_calls(&self) -> std::collections::HashSet<u32> {
        let mut found = std::collections::HashSet::new();
        for index in 1..self.table.len() {
            let cell = self.table.at(index);
            if cell.state == State::Free {
                continue;
            }
            let mut lists = vec![cell.normal];
            if let Some(ext) = self.exts.get(cell.ext) {
                lists.extend([ext.held, ext.high, ext.low, ext.parked]);
            }
            for list in lists {
                found.extend(list.iter(&self.pool).map(|v| v.corr).filter(|corr| is_far_call(*corr)));
            }
        }
        found
    }

    fn loses_instance(&mut self, index: u32) {
        if self.seed(index).is_none() || self.ext_of(index).is_some_and(|x| x.mortal) {
            return self.kill_lost(index); // what it was spawned with was never encoded
        }
        let cell = self.table.at_mut(index);
        if cell.is(bit::MADE) {
            cell.bits &= !bit::MADE; // no onStop, and nobody is told that it is over; but the next one is another one
            cell.generation += 1;
        }
        match cell.state {
            State::Free | State::Down => {}
            State::Starting if cell.is(bit::START_DUE) => self.push_ready(index),
            State::StopHand | State::StopChildren | State::StopHook => {
                cell.reason = reason::LOST.to_le_bytes()[0];
                cell.bits &= !bit::STOP_DUE;
                self.cut_off(index);
                self.finish(index);
            }
            State::Failing => {
                // the failure may have been told, or not: the instance is gone, whatever is said about that one
                self.cut_off(index);
                self.ext(index).asking = None;
                self.facts.push_back(Fact::Failed { index, phase: phase::ISOLATE, tag: 0, error: 0, starting: true });
            }
            State::Starting | State::Active | State::Suspended => {
                self.cut_off(index);
                self.fail(index, phase::ISOLATE, 0, 0);
            }
        }
    }

    /// Another isolate takes the lane over.
    pub fn take_over(&mut self) {
        self.lose(None);
        if let Some(far) = self.far.as_mut() {
            far.lost = false;
            far.epoch = far.epoch.wrapping_add(1);
        }
        self.mail_awake();
        self.rearm = true;
        for index in 1..self.table.len() {
            let cell = self.table.at(index);
            if cell.state == State::Starting && cell.is(bit::START_DUE) {
                self.push_ready(index);
            }
        }
    }

    /// A turn of a lane that has no isolate: what came is taken, lives go on, nothing is delivered.
    pub fn care(&mut self) {
        let mut header = [0; word::COUNT];
        header[word::MODE] = crate::entry::mode::TICK.cast_signed();
        self.turn(&mut Rings {
            header: &mut header,
            outbox: &mut [],
            inbox: &mut [],
            marks: &mut [],
            bag: &mut [],
            places: &mut [],
            satchel: &[],
        });
        self.read_by_nobody();
        self.show(self.is_busy(), self.is_busy());
    }
}
