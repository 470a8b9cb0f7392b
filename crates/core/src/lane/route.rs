//! The outbox, entry by entry.

use super::calls::is_far_call;
use super::letters::has_letter;
use super::{Lane, Rings};
use crate::cell::{Cell, State, bit};
use crate::entry::{Entry, OP_MASK, TAG_SHIFT, dead, flag, mode, note, op, outcome, policy, stop, word};
use crate::mailbox::local::{Envelope, NONE};
use crate::mailbox::overflow::{Overflow, decide};
use crate::supervise::Restart;

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

/// In the upper half of the time-out of a tell, which has none: the lower half is the age of the sender, who is not the one that
/// wrote it.
pub(crate) const FORWARDED: u32 = u32::MAX - 1;

fn forwarded_from(e: &Entry, timeout: u64) -> Option<u32> {
    let [low, high] = [timeout, timeout >> 32].map(|half| u32::try_from(half & 0xffff_ffff).unwrap_or(0));
    (high == FORWARDED && e.head & (flag::ASK | flag::SEND | flag::STREAM) == 0).then_some(low)
}

/// Whether an entry of the outbox leaves alone who may be given messages. MODE says so of the outbox as a whole, but is
/// said of the one that was handed over when the isolate found no room for the entry itself.
fn changes_no_life(e: &Entry) -> bool {
    matches!(e.op(), op::MSG | op::EXT | op::CARRY | op::SPAWN | op::GIVEN_UP | op::SETTLED)
        || (e.op() == op::DONE && e.from == outcome::OK)
}

/// A message is plain when none of these flags is set and this is its operation.
const PLAIN: u32 = OP_MASK | flag::EXT | flag::ASK | flag::SEND | flag::ASYNC | flag::SHARED;

impl Lane {
    /// Routes the whole outbox. In mid-way of an inbox (`whole` is false) only messages and spawns are; what changes
    /// lives waits for the next turn.
    pub(super) fn submit_all(&mut self, io: &mut Rings<'_>, whole: bool, direct: bool) {
        let count = usize::try_from(io.header[word::OUT]).unwrap_or(0).min(io.outbox.len());
        let direct = direct && self.mode & mode::ORDERED == 0 && self.facts.is_empty() && self.endings == 0;
        let direct = direct && !self.bag_is_full;
        if self.has_taken() {
            // what came from elsewhere was there before the outbox, and beside messages may have begun ends
            let alone = direct && io.outbox[..count].iter().all(changes_no_life);
            let ordered = self.route_mail(io, alone);
            let direct = direct && !ordered && self.facts.is_empty() && self.endings == 0;
            self.submit_outbox(io, count, whole, direct);
            return self.settle_calls();
        }
        self.submit_outbox(io, count, whole, direct);
        self.settle_calls();
    }

    #[inline(always)]
    pub(super) fn submit_outbox(&mut self, io: &mut Rings<'_>, count: usize, whole: bool, direct: bool) {
        // apart from the other rings while it is read, so that the words of an entry are read where they lie
        let outbox = std::mem::take(&mut io.outbox);
        let mut at = 0;
        while at < count {
            let entry = &outbox[at];
            at += 1;
            if entry.head & (OP_MASK | flag::EXT) == op::MSG {
                let from_age = self.age_of(entry.from);
                self.message(io, entry, from_age, direct);
                if direct && outbox[at..count].first().is_some_and(|next| next.index == entry.index) {
                    at += self.row(io, &outbox[at..count]);
                }
                continue;
            }
            let extra = if entry.has(flag::EXT) && at < count {
                at += 1;
                Some(&outbox[at - 1])
            } else {
                None
            };
            if entry.op() == op::MSG {
                let extra = extra.map_or_else(Extra::default, Extra::of);
                self.message_with(io, entry, extra);
            } else if entry.op() == op::CARRY {
                self.carry_out(io, entry);
            } else if entry.op() == op::GIVEN_UP && has_letter(entry) {
                self.given_up_far(io, entry);
            } else if entry.op() == op::GIVEN_UP {
                self.ledger.sent += 1;
                let entry = Entry { head: entry.head & !flag::EXT, ..*entry };
                self.refuse(&entry, self.age_of(entry.from), dead::ABORTED);
            } else if whole || entry.op() == op::SPAWN {
                self.operate(entry, extra);
            } else {
                self.postpone(*entry);
            }
        }
        if self.far.is_some() {
            for entry in &mut outbox[..count] {
                entry.head = 0; // what has a head was not read: see `unsent`
            }
        }
        io.outbox = outbox;
    }

    /// How many entries are in the outbox of an isolate that was ended before it could say so.
    pub(super) fn unsent(io: &Rings<'_>) -> usize {
        let count = io.outbox.iter().take_while(|e| e.head != 0).count();
        let is_parted = count > 0 && io.outbox[count - 1].has(flag::EXT) && io.outbox[count - 1].op() != op::EXT;
        count - usize::from(is_parted)
    }

    /// Hands over how many messages from one sender to one idle actor begin `entries`: they come in rows, and what was
    /// found out for the first holds for all.
    #[inline]
    fn row(&mut self, io: &mut Rings<'_>, entries: &[Entry]) -> usize {
        let first = &entries[0];
        if first.head & PLAIN != op::MSG || self.ready_head != NONE {
            return 0;
        }
        let from_age = self.age_of(first.from);
        let Some(cell) = self.table.get_mut(first.index) else { return 0 };
        let idle = cell.age == first.age
            && cell.state == State::Active
            && cell.bits & bit::INDIRECT == 0
            && cell.shared == 0
            && cell.normal.is_empty()
            && cell.overflow() != policy::DROP_OLDEST;
        if !idle {
            return 0;
        }
        let room = cell.bound.saturating_sub(cell.waiting) as usize;
        let (index, age, from) = (first.index, first.age, first.from);
        let mut row = 0;
        for (to, e) in io.inbox[self.filled..].iter_mut().zip(entries).take(room) {
            if e.head & PLAIN != op::MSG || e.index != index || e.age != age || e.from != from {
                break;
            }
            *to = Entry { age: from_age, ..*e };
            row += 1;
        }
        cell.waiting += u32::try_from(row).unwrap_or(0);
        self.filled += row;
        self.ledger.sent += row as u64;
        self.ledger.waiting += row as u64;
        row
    }

    /// An operation that must not happen while the inbox is being read. What a stop promises at once, it does at once.
    #[cold]
    fn postpone(&mut self, entry: Entry) {
        if entry.op() == op::SETTLED || (entry.op() == op::DONE && entry.tag() == note::MSG) {
            self.close_call(entry.corr); // the isolate may use its slot again at once
        }
        if entry.op() == op::STOP
            && let Some(cell) = self.live(entry.index, entry.age)
            && !(entry.payload == stop::SELF && cell.restart() == Restart::Permanent)
        {
            cell.bits |= bit::CLOSED;
        }
        self.later.push(entry);
    }

    // -------------------------------------------------------------------------------------- messages

    #[inline(always)]
    pub(super) fn message(&mut self, io: &mut Rings<'_>, e: &Entry, from_age: u32, direct: bool) {
        // an idle actor, and nobody waits in this lane: hand it over without an envelope
        let idle = direct && self.ready_head == NONE && self.filled < io.inbox.len();
        let Some(cell) = self.table.get_mut(e.index) else {
            return self.message_out(io, e, from_age, 0, 0, 0);
        };
        self.ledger.sent += 1;
        let active = cell.state == State::Active;
        let fits = cell.age == e.age
            && (active || cell.state == State::Starting)
            && cell.waiting < cell.bound
            && cell.bits & bit::INDIRECT == 0;
        if !fits {
            return self.message_slow(Some(io), e, from_age, Extra::default(), 0);
        }
        cell.waiting += 1;
        self.ledger.waiting += 1;
        if idle && active && cell.shared == 0 && cell.normal.is_empty() && cell.overflow() != policy::DROP_OLDEST {
            if e.head & (flag::ASYNC | flag::SHARED) != 0 {
                take_in_hand(cell, e.head);
            }
            io.inbox[self.filled] = Entry { age: from_age, ..*e };
            self.filled += 1;
        } else {
            let slot = cell.normal.append(&mut self.pool);
            (slot.head, slot.payload, slot.from) = (e.head, e.payload, e.from);
            (slot.from_age, slot.corr, slot.expires) = (from_age, e.corr, 0);
            if active && !cell.is(bit::READY) {
                self.push_ready(e.index);
            }
        }
        if e.head & flag::ASK != 0 {
            self.open_call(e, 0);
        } else if e.head & flag::SEND != 0 {
            self.accepted(e.corr, e.head);
        }
    }

    /// A message from elsewhere that came with options.
    #[cold]
    pub(super) fn message_late(&mut self, e: &Entry, from_age: u32, priority: u32, expires: u64) {
        self.ledger.sent += 1;
        self.message_slow(None, e, from_age, Extra { priority, ttl: 0, timeout: 0 }, expires);
    }

    #[inline(never)]
    fn message_with(&mut self, io: &mut Rings<'_>, e: &Entry, extra: Extra) {
        let (from_age, extra) = match forwarded_from(e, extra.timeout) {
            Some(age) => (age, Extra { timeout: 0, ..extra }),
            None => (self.age_of(e.from), extra),
        };
        if self.table.get(e.index).is_none() {
            return self.message_out(io, e, from_age, extra.priority, extra.ttl, extra.timeout);
        }
        self.ledger.sent += 1;
        let expires = if extra.ttl == 0 { 0 } else { self.now().saturating_add(extra.ttl - 1).max(1) };
        self.message_slow(Some(io), &Entry { head: e.head & !flag::EXT, ..*e }, from_age, extra, expires);
    }

    /// The sender's age, so that its ref can be made again.
    #[inline(always)]
    pub(super) fn age_of(&self, from: u32) -> u32 {
        if from == 0 { 0 } else { self.table.get(from).map_or(0, |c| c.age) }
    }

    /// Every message that cannot take the short way: the target is not simply open, or options came with it.
    #[inline(never)]
    fn message_slow(&mut self, io: Option<&mut Rings<'_>>, e: &Entry, from_age: u32, extra: Extra, expires: u64) {
        let Some(cell) = self.table.get(e.index) else {
            return self.refuse(e, from_age, dead::NO_SUCH_ACTOR);
        };
        if !self.table.was_granted(e.index, e.age) {
            return self.refuse(e, from_age, dead::NO_SUCH_ACTOR);
        }
        if cell.age != e.age || !cell.takes_messages() {
            return self.refuse(e, from_age, dead::STOPPED);
        }
        let envelope =
            Envelope { head: e.head, payload: e.payload, from: e.from, from_age, corr: e.corr, next: 0, expires };
        let cell = self.table.at(e.index);
        let full = cell.waiting >= cell.bound || cell.is(bit::PARKED);
        if full {
            let can_wait = e.head & (flag::SEND | flag::ASK | flag::STREAM) != 0;
            match decide(cell.overflow(), can_wait) {
                Overflow::Refuse(reason) => return self.refuse(e, from_age, reason),
                Overflow::Park => {
                    if e.head & flag::ASK != 0 {
                        self.open_call(e, extra.timeout);
                    }
                    return self.park(e.index, envelope, extra.priority);
                }
                Overflow::Evict => {
                    if !self.evict(io, e.index, extra.priority) {
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
    pub(super) fn accept(&mut self, index: u32, mut envelope: Envelope, priority: u32) {
        if envelope.head & flag::SEND != 0 && self.accepted(envelope.corr, envelope.head) {
            envelope.corr = 0;
        }
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
    }

    /// A sender that waits before the full mailbox. The priority is kept in the link, which the list rewrites, so it
    /// travels in the head's spare bits instead.
    fn park(&mut self, index: u32, envelope: Envelope, priority: u32) {
        let cell = self.table.at_mut(index);
        cell.bits |= bit::PARKED;
        let ext = self.exts.ensure(&mut cell.ext);
        let head =
            envelope.head | if priority == 0 { 0 } else { flag::SAMPLE } | if priority == 2 { flag::TRACE } else { 0 };
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
            let Some(ext) = self.exts.get_mut(cell.ext) else {
                return;
            };
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
            if envelope.expires != 0 && self.now() > envelope.expires {
                self.bury(index, &envelope, dead::EXPIRED);
                continue;
            }
            self.accept(index, Envelope { head, ..envelope }, priority);
        }
    }

    /// Tells the sender. Whether its call is over with that, and its number free.
    #[inline]
    fn accepted(&mut self, corr: u32, head: u32) -> bool {
        if is_far_call(corr) {
            return self.accept_call(corr, head >> TAG_SHIFT == 0);
        }
        self.accepts += 1;
        self.pending.push_back(Entry { head: note::ACCEPTED, corr, ..Entry::default() });
        false
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
pub(super) fn unparked(head: u32) -> (u32, u32) {
    let priority = match (head & flag::SAMPLE != 0, head & flag::TRACE != 0) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => 2,
    };
    let clean = if priority == 0 { head } else { head & !(flag::SAMPLE | flag::TRACE) };
    (clean, priority)
}
