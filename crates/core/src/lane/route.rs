//! The outbox, entry by entry.

use super::{Fact, Lane, ROOT, Rings};
use crate::cell::ext::{BRUTAL, FOREVER, START_MS, SHUTDOWN_MS};
use crate::cell::{Cell, State, bit, family};
use crate::entry::{Entry, TAG_SHIFT, dead, flag, mode, note, op, policy, reason, spawn, stop};
use crate::mailbox::local::{Envelope, List};
use crate::mailbox::overflow::{Overflow, decide};

/// Options of one message, from the entry behind it.
#[derive(Clone, Copy, Default)]
struct Extra {
    priority: u32,
    /// In µs, plus one; 0: none.
    ttl: u64,
    /// In µs, plus one; 0: the system's; `u64::MAX`: none.
    timeout: u64,
}

impl Extra {
    fn of(entry: &Entry) -> Self {
        let wide = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        Extra { priority: entry.index, ttl: wide(entry.age, entry.payload), timeout: wide(entry.from, entry.corr) }
    }
}

impl Lane {
    /// Routes the whole outbox. In mid-way of an inbox (`whole` is false) only messages and spawns are; what changes
    /// lives waits for the next turn.
    pub(super) fn submit_all(&mut self, io: &mut Rings<'_>, whole: bool, direct: bool) {
        let count = usize::try_from(io.header[crate::entry::word::OUT]).unwrap_or(0).min(io.outbox.len());
        let direct = direct && self.mode & mode::ORDERED == 0 && self.facts.is_empty() && self.endings == 0;
        let mut at = 0;
        while at < count {
            let entry = io.outbox[at];
            at += 1;
            if entry.head & (crate::entry::OP_MASK | flag::EXT) == op::MSG {
                self.message(io, &entry, direct);
                continue;
            }
            let extra = if entry.has(flag::EXT) && at < count {
                at += 1;
                Some(io.outbox[at - 1])
            } else {
                None
            };
            if entry.op() == op::MSG {
                let extra = extra.map_or_else(Extra::default, |e| Extra::of(&e));
                self.message_with(io, &entry, extra, whole);
            } else if whole || entry.op() == op::SPAWN {
                self.operate(&entry, extra.as_ref());
            } else {
                self.postpone(entry);
            }
        }
    }

    /// An operation that must not happen while the inbox is being read. What a stop promises at once, it does at once.
    #[cold]
    fn postpone(&mut self, entry: Entry) {
        if matches!(entry.op(), op::DONE | op::SETTLED) {
            self.close_call(entry.corr); // the isolate may use its slot again at once
        }
        if entry.op() == op::STOP {
            if let Some(cell) = self.live(entry.index, entry.age) {
                cell.bits |= bit::CLOSED;
            }
        }
        self.later.push(entry);
    }

    /// Everything that is no message.
    pub(super) fn operate(&mut self, entry: &Entry, extra: Option<&Entry>) {
        match entry.op() {
            op::SPAWN => self.spawn(entry, extra),
            op::STOP => self.stop(entry),
            op::DONE => self.done(entry),
            op::WATCH => self.watch(entry),
            op::UNWATCH => self.unwatch(entry.from, entry.payload),
            op::TIMER => self.timer(entry),
            op::CANCEL => self.cancel(entry.payload),
            op::HOLD => self.hold_timer(entry.payload, entry.from != 0),
            op::ABORT => self.abort(entry),
            op::RESUME => self.resume_stream(entry),
            op::RETURN => {
                if self.live(entry.index, entry.age).is_some_and(|c| !c.state.is_ending()) {
                    self.signal(entry.index, note::RETURN, entry.payload, 0, 0);
                }
            }
            op::STREAM_END => self.stream_end(entry),
            op::QUERY => self.query(entry),
            op::SHUTDOWN => self.shutdown(entry.corr),
            op::SETTLED => self.close_call(entry.corr),
            _ => {}
        }
    }

    // -------------------------------------------------------------------------------------- messages

    #[inline(always)]
    fn message(&mut self, io: &mut Rings<'_>, e: &Entry, direct: bool) {
        self.ledger.sent += 1;
        let from_age = if e.from == 0 { 0 } else { self.table.get(e.from).map_or(0, |c| c.age) };
        // an idle actor, and nobody waits in this lane: hand it over without an envelope
        let idle = direct && self.ready_head == crate::mailbox::local::NONE && self.filled < io.inbox.len();
        let Some(cell) = self.table.get_mut(e.index) else {
            return self.refuse(e, from_age, dead::NO_SUCH_ACTOR);
        };
        let fits = cell.age == e.age && cell.state == State::Active && cell.waiting < cell.bound && cell.bits & bit::INDIRECT == 0;
        if !fits {
            return self.message_slow(io, e, from_age, Extra::default(), direct);
        }
        if e.head & flag::ASK != 0 {
            self.open_call(e, 0);
        }
        let cell = self.table.at_mut(e.index);
        cell.waiting += 1;
        self.ledger.waiting += 1;
        if idle && cell.shared == 0 && cell.normal.is_empty() && cell.policy != policy::DROP_OLDEST.to_le_bytes()[0] {
            if e.head & (flag::ASYNC | flag::SHARED) != 0 {
                take_in_hand(cell, e.head);
            }
            io.inbox[self.filled] = Entry { age: from_age, ..*e };
            self.filled += 1;
            if e.head & flag::SEND != 0 {
                self.accepted(e.corr);
            }
            return;
        }
        let envelope = Envelope { head: e.head, payload: e.payload, from: e.from, from_age, corr: e.corr, next: 0, expires: 0 };
        cell.normal.push(&mut self.pool, envelope);
        if !cell.is(bit::READY) {
            self.push_ready(e.index);
        }
        if e.head & flag::SEND != 0 {
            self.accepted(e.corr);
        }
    }

    #[inline(never)]
    fn message_with(&mut self, io: &mut Rings<'_>, e: &Entry, extra: Extra, whole: bool) {
        self.ledger.sent += 1;
        let from_age = if e.from == 0 { 0 } else { self.table.get(e.from).map_or(0, |c| c.age) };
        self.message_slow(io, &Entry { head: e.head & !flag::EXT, ..*e }, from_age, extra, whole);
    }

    /// Every message that cannot take the short way: the target is not simply open, or options came with it.
    #[inline(never)]
    fn message_slow(&mut self, io: &mut Rings<'_>, e: &Entry, from_age: u32, extra: Extra, whole: bool) {
        let Some(cell) = self.table.get(e.index) else {
            return self.refuse(e, from_age, dead::NO_SUCH_ACTOR);
        };
        if !self.table.was_granted(e.index, e.age) {
            return self.refuse(e, from_age, dead::NO_SUCH_ACTOR);
        }
        if cell.age != e.age || cell.state == State::Free || cell.state.is_ending() || cell.is(bit::CLOSED) {
            return self.refuse(e, from_age, dead::STOPPED);
        }
        let expires = if extra.ttl == 0 { 0 } else { self.now().saturating_add(extra.ttl - 1).max(1) };
        let envelope = Envelope { head: e.head, payload: e.payload, from: e.from, from_age, corr: e.corr, next: 0, expires };
        let cell = self.table.at(e.index);
        let full = cell.waiting >= cell.bound || cell.is(bit::PARKED);
        if full {
            let can_wait = e.head & (flag::SEND | flag::ASK | flag::STREAM) != 0;
            match decide(u32::from(cell.policy), can_wait) {
                Overflow::Refuse(reason) => return self.refuse(e, from_age, reason),
                Overflow::Park => {
                    if e.head & flag::ASK != 0 {
                        self.open_call(e, extra.timeout);
                    }
                    return self.park(e.index, envelope, extra.priority);
                }
                Overflow::Evict => {
                    if !self.evict(io, e.index, extra.priority, whole) {
                        return self.refuse(e, from_age, dead::DROPPED);
                    }
                }
            }
        }
        if e.head & flag::ASK != 0 {
            self.open_call(e, extra.timeout);
        }
        self.accept(e.index, envelope, extra.priority);
    }

    /// Puts a message into the mailbox; there is room.
    pub(super) fn accept(&mut self, index: u32, envelope: Envelope, priority: u32) {
        let cell = self.table.at_mut(index);
        cell.waiting += 1;
        self.ledger.waiting += 1;
        if priority == 0 {
            cell.normal.push(&mut self.pool, envelope);
        } else {
            cell.bits |= bit::LISTS;
            let ext = self.exts.ensure(&mut cell.ext);
            let list = if priority == 1 { &mut ext.high } else { &mut ext.low };
            list.push(&mut self.pool, envelope);
        }
        if matches!(self.table.at(index).state, State::Active) {
            self.push_ready(index);
        }
        if envelope.head & flag::SEND != 0 {
            self.accepted(envelope.corr);
        }
    }

    /// A sender that waits before the full mailbox. The priority is kept in the link, which the list rewrites, so it
    /// travels in the head's spare bits instead.
    fn park(&mut self, index: u32, envelope: Envelope, priority: u32) {
        let cell = self.table.at_mut(index);
        cell.bits |= bit::PARKED;
        let ext = self.exts.ensure(&mut cell.ext);
        let head = envelope.head | if priority == 0 { 0 } else { flag::EXT } | if priority == 2 { flag::TRACE } else { 0 };
        ext.parked.push(&mut self.pool, Envelope { head, ..envelope });
        ext.parked_count += 1;
        self.ledger.waiting += 1;
    }

    /// Lets parked senders in while there is room.
    pub(super) fn unpark(&mut self, index: u32) {
        loop {
            let cell = self.table.at_mut(index);
            if !cell.is(bit::PARKED) || cell.waiting >= cell.bound {
                return;
            }
            let Some(ext) = self.exts.get_mut(cell.ext) else { return };
            let Some(envelope) = ext.parked.pop(&mut self.pool) else {
                cell.bits &= !bit::PARKED;
                return;
            };
            ext.parked_count -= 1;
            if ext.parked.is_empty() {
                cell.bits &= !bit::PARKED;
            }
            self.ledger.waiting -= 1;
            let (head, priority) = unparked(envelope.head);
            self.accept(index, Envelope { head, ..envelope }, priority);
        }
    }

    /// Makes room by dropping the oldest of the lowest waiting priority. Whether the newcomer may come in.
    fn evict(&mut self, io: &mut Rings<'_>, index: u32, priority: u32, whole: bool) -> bool {
        let rank = |priority: u32| [1, 2, 0][priority as usize % 3];
        let is_message = |e: &Envelope| e.head & crate::entry::OP_MASK == note::MSG;
        let cell = self.table.at_mut(index);
        let mut victim = None;
        let ext = self.exts.get_mut(cell.ext);
        if let Some(ext) = ext {
            victim = ext.low.remove(&mut self.pool, is_message);
            if victim.is_none() && rank(priority) == 0 {
                return false;
            }
            if victim.is_none() {
                victim = ext.held.remove(&mut self.pool, is_message);
            }
        } else if rank(priority) == 0 {
            return false;
        }
        if victim.is_none() && !whole {
            victim = self.evict_delivered(io, index);
        }
        let cell = self.table.at_mut(index);
        if victim.is_none() {
            victim = cell.normal.remove(&mut self.pool, is_message);
        }
        if victim.is_none() {
            if rank(priority) < 2 {
                return false;
            }
            victim = self.exts.get_mut(cell.ext).and_then(|x| x.high.remove(&mut self.pool, is_message));
        }
        let Some(victim) = victim else { return false };
        self.table.at_mut(index).waiting -= 1;
        self.ledger.waiting -= 1;
        self.bury(index, &victim, dead::DROPPED);
        true
    }

    /// The oldest message of `index` that was delivered and not begun.
    fn evict_delivered(&mut self, io: &mut Rings<'_>, index: u32) -> Option<Envelope> {
        let from = self.acked + usize::from(self.begun.is_some());
        let at = (from..self.filled).find(|&i| io.inbox[i].index == index && io.inbox[i].op() == note::MSG)?;
        let e = io.inbox[at];
        io.inbox[at].head &= !crate::entry::OP_MASK;
        io.marks[at] = crate::entry::mark::GONE;
        let cell = self.table.at_mut(index);
        if e.has(flag::SHARED) {
            cell.shared -= 1;
        } else if e.has(flag::ASYNC) && cell.hand == 0 && cell.state == State::Suspended {
            cell.state = State::Active;
            self.push_ready(index);
        }
        Some(Envelope { head: e.head, payload: e.payload, from: e.from, from_age: e.age, corr: e.corr, next: 0, expires: 0 })
    }

    /// A message that was never let in.
    #[cold]
    fn refuse(&mut self, e: &Entry, from_age: u32, why: u32) {
        self.dead_letter(e, from_age, why);
    }

    /// A message that waited and will not be handled. Its place in the counts is given up by the caller.
    #[cold]
    pub(super) fn bury(&mut self, index: u32, v: &Envelope, why: u32) {
        let age = self.table.at(index).age;
        let (head, _) = unparked(v.head);
        let entry = Entry { head, index, age, payload: v.payload, from: v.from, corr: v.corr };
        self.close_call(v.corr);
        self.dead_letter(&entry, v.from_age, why);
    }

    fn dead_letter(&mut self, e: &Entry, from_age: u32, why: u32) {
        self.ledger.dead[why as usize] += 1;
        // somebody listens, a slot is to be freed, or a caller waits
        if self.mode & mode::DEAD != 0 || e.has(flag::SLOT) || e.corr != 0 {
            self.notify(Entry { head: (e.head & !crate::entry::OP_MASK & !flag::EXT) | note::DEAD, ..*e });
            self.notify(Entry { head: note::REASON, index: why, age: from_age, ..Entry::default() });
        }
    }

    /// Everything that waits at `index` becomes a dead letter.
    pub(super) fn bury_all(&mut self, index: u32, why: u32) {
        let cell = self.table.at_mut(index);
        let ext = self.exts.get_mut(cell.ext);
        let mut lists = [List::default(), std::mem::take(&mut cell.normal), List::default(), List::default(), List::default()];
        if let Some(ext) = ext {
            lists[0] = std::mem::take(&mut ext.held);
            lists[2] = std::mem::take(&mut ext.high);
            lists[3] = std::mem::take(&mut ext.low);
            lists[4] = std::mem::take(&mut ext.parked);
            ext.parked_count = 0;
        }
        cell.bits &= !bit::PARKED;
        for (which, mut list) in lists.into_iter().enumerate() {
            while let Some(v) = list.pop(&mut self.pool) {
                if v.head & crate::entry::OP_MASK != note::MSG {
                    self.signals -= 1; // a stream's resume
                    continue;
                }
                if which < 4 {
                    self.table.at_mut(index).waiting -= 1;
                }
                self.ledger.waiting -= 1;
                self.bury(index, &v, why);
            }
        }
    }

    /// The caller of `corr` gave up.
    fn abort(&mut self, e: &Entry) {
        let Some(cell) = self.live(e.index, e.age) else { return };
        let wanted = |v: &Envelope| v.corr == e.corr && v.head & crate::entry::OP_MASK == note::MSG;
        let ext_at = cell.ext;
        let mut found = cell.normal;
        let mut victim = found.remove(&mut self.pool, wanted);
        self.table.at_mut(e.index).normal = found;
        let mut was_parked = false;
        if let (None, Some(ext)) = (&victim, self.exts.get_mut(ext_at)) {
            for list in [&mut ext.held, &mut ext.high, &mut ext.low] {
                victim = victim.or_else(|| list.remove(&mut self.pool, wanted));
            }
            if victim.is_none() {
                victim = ext.parked.remove(&mut self.pool, wanted);
                was_parked = victim.is_some();
                ext.parked_count -= u32::from(was_parked);
            }
        }
        let Some(victim) = victim else { return };
        self.ledger.waiting -= 1;
        if !was_parked {
            self.table.at_mut(e.index).waiting -= 1;
        }
        self.bury(e.index, &victim, dead::ABORTED);
        self.after_message(e.index);
    }

    #[inline]
    fn accepted(&mut self, corr: u32) {
        self.pending.push_back(Entry { head: note::ACCEPTED, corr, ..Entry::default() });
    }

    // ------------------------------------------------------------------------------ spawn, stop, query

    fn spawn(&mut self, e: &Entry, extra: Option<&Entry>) {
        let Some(cell) = self.table.get_mut(e.index) else { return };
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
            if (x.payload, x.from) != (SHUTDOWN_MS, START_MS) {
                let ext = self.exts.ensure(&mut cell.ext);
                (ext.shutdown, ext.start) = (x.payload, x.from);
            }
        }
        self.ledger.actors += 1;
        self.lives += 1;
        let parent = self.table.get(e.from).map_or(ROOT, |_| e.from);
        family::adopt(&mut self.table, parent, e.index);
        // a parent that is ending takes no more children
        let orphan = {
            let p = self.table.at(parent);
            p.state == State::Free || p.state.is_ending()
        };
        if orphan {
            self.facts.push(Fact::End { index: e.index, age: e.age, reason: reason::SHUTDOWN });
        }
        self.push_ready(e.index);
    }

    fn stop(&mut self, e: &Entry) {
        let Some(cell) = self.table.get_mut(e.index).filter(|c| c.age == e.age && c.state != State::Free) else { return };
        match e.payload {
            stop::KILL => self.end(e.index, reason::KILLED),
            stop::DRAIN if !cell.state.is_ending() => {
                if !cell.is(bit::DRAINING) {
                    self.endings += 1;
                }
                cell.bits |= bit::CLOSED | bit::DRAINING;
                if e.corr != FOREVER {
                    self.arm_drain(e.index, e.corr);
                }
                self.facts.push(Fact::Drained { index: e.index, age: e.age });
            }
            stop::DRAIN => {}
            _ => self.end(e.index, reason::NORMAL),
        }
    }

    fn query(&mut self, e: &Entry) {
        let Some(cell) = self.live(e.index, e.age) else { return };
        if cell.is(bit::STARTED) {
            let note = Entry { head: note::STARTED, index: e.index, age: e.age, payload: cell.generation, ..Entry::default() };
            self.notify(note);
        } else {
            cell.bits |= bit::QUERIED;
        }
    }

    fn resume_stream(&mut self, e: &Entry) {
        let Some(cell) = self.table.get_mut(e.index).filter(|c| c.age == e.age) else { return };
        if cell.state == State::Free || cell.state.is_ending() {
            return;
        }
        let envelope = Envelope { head: note::RESUME, payload: e.payload, ..Envelope::default() };
        cell.normal.push(&mut self.pool, envelope);
        let active = cell.state == State::Active;
        self.signals += 1;
        if active {
            self.push_ready(e.index);
        }
    }

    /// Whether `brutal` was asked for when it is to end.
    pub(super) fn is_brutal(&self, index: u32) -> bool {
        self.ext_of(index).is_some_and(|x| x.shutdown == BRUTAL)
    }
}

/// An asynchronous or shared message was delivered: its actor takes no other for now.
#[inline]
pub(super) fn take_in_hand(cell: &mut Cell, head: u32) {
    if head & flag::SHARED != 0 {
        cell.shared += 1;
    } else {
        cell.state = State::Suspended;
    }
}

/// Head and priority of an envelope that was parked (see [`Lane::park`]).
fn unparked(head: u32) -> (u32, u32) {
    let priority = match (head & flag::EXT != 0, head & flag::TRACE != 0) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => 2,
    };
    let clean = if priority == 0 { head } else { head & !(flag::EXT | flag::TRACE) };
    (clean, priority)
}
