//! Messages that will not be handled.

use super::ack::note_of;
use super::calls::is_far_call;
use super::far::{Address, EPOCH_SHIFT};
use super::parcel::Header;
use super::route::unparked;
use super::{Lane, Rings};
use crate::cell::{State, bit};
use crate::entry::{Entry, OP_MASK, carry, dead, flag, mark, mode, note};
use crate::mailbox::local::{Envelope, List};

impl Lane {
    /// A message that was never let in.
    #[cold]
    pub(super) fn refuse(&mut self, e: &Entry, from_age: u32, why: u32) {
        self.dead_letter(e, from_age, why);
    }

    /// A message that waited and will not be handled. Its place in the counts is given up by the caller.
    #[cold]
    pub(super) fn bury(&mut self, index: u32, v: &Envelope, why: u32) {
        let age = self.table.at(index).age;
        let (head, _) = unparked(v.head);
        let entry = Entry { head, index, age, payload: v.payload, from: v.from, corr: v.corr };
        self.close_call(v.corr);
        if entry.has(flag::SEND) && self.accepts > 0 {
            self.unaccept(v.corr);
        }
        self.dead_letter(&entry, v.from_age, why);
    }

    /// The sender of a message that is dead already is not told that it was accepted.
    fn unaccept(&mut self, corr: u32) {
        let told = self.pending.iter().position(|e| e.op() == note::ACCEPTED && e.corr == corr);
        if let Some(at) = told {
            self.pending.remove(at);
            self.accepts -= 1;
        }
    }

    fn dead_letter(&mut self, e: &Entry, from_age: u32, why: u32) {
        self.ledger.dead[why as usize] += 1;
        let mut corr = e.corr;
        if is_far_call(corr) {
            self.refuse_call(corr, why);
            corr = 0;
        }
        if self.is_lost() {
            self.tell_dead(e, from_age, why);
            if e.has(flag::LETTER) {
                self.drop_letter(e.payload);
            }
            return;
        }
        // somebody listens, a slot is to be freed, or a caller waits
        if self.mode & mode::DEAD != 0 || e.has(flag::SLOT) || corr != 0 {
            self.notify(Entry { head: (e.head & !OP_MASK) | note::DEAD, corr, ..*e });
            self.notify(Entry { head: note::REASON, index: why, age: from_age, ..Entry::default() });
        } else if e.has(flag::LETTER) {
            self.drop_letter(e.payload);
        }
    }

    /// Everything that waits at `index` becomes a dead letter.
    pub(super) fn bury_all(&mut self, index: u32, why: u32) {
        let cell = self.table.at_mut(index);
        let ext = self.exts.get_mut(cell.ext);
        let mut lists =
            [List::default(), std::mem::take(&mut cell.normal), List::default(), List::default(), List::default()];
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
                if v.head & OP_MASK != note::MSG {
                    continue; // a step of a stream
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
    pub(super) fn abort(&mut self, e: &Entry) {
        self.close_call(e.corr);
        if let Some(to) = Address::of(e.index) {
            let source_lane = self.source() >> EPOCH_SHIFT; // whose call it is, there
            let (index, generation, corr) = (to.index, e.age, e.corr);
            let header = Header { w0: carry::ABORT, index, generation, corr, source_lane, ..Header::default() };
            return self.tell(to.lane, header, &[], false);
        }
        let Some(cell) = self.live(e.index, e.age) else {
            return;
        };
        let wanted = |v: &Envelope| v.corr == e.corr && v.head & OP_MASK == note::MSG;
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
                if was_parked && ext.parked.is_empty() {
                    self.table.at_mut(e.index).bits &= !bit::PARKED;
                }
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

    /// Makes room by dropping the oldest of the lowest waiting priority. Whether the newcomer may come in. What was
    /// delivered once counts as of normal priority, and is older than what waits.
    pub(super) fn evict(&mut self, io: Option<&mut Rings<'_>>, index: u32, priority: u32) -> bool {
        let is_message = |e: &Envelope| e.head & OP_MASK == note::MSG;
        let (is_low, is_high) = (priority >= 2, priority == 1);
        let at = self.table.at(index).ext;
        let mut victim = self.exts.get_mut(at).and_then(|x| x.low.remove(&mut self.pool, is_message));
        if victim.is_none() && is_low {
            return false;
        }
        if victim.is_none() {
            victim = self.evict_held(index);
        }
        if victim.is_none()
            && self.reading
            && let Some(io) = io
        {
            victim = self.evict_delivered(io, index);
        }
        if victim.is_none() {
            victim = self.exts.get_mut(at).and_then(|x| x.held.remove(&mut self.pool, is_message));
        }
        if victim.is_none() {
            victim = self.table.at_mut(index).normal.remove(&mut self.pool, is_message);
        }
        if victim.is_none() && is_high {
            victim = self.exts.get_mut(at).and_then(|x| x.high.remove(&mut self.pool, is_message));
        }
        let Some(victim) = victim else { return false };
        self.table.at_mut(index).waiting -= 1;
        self.ledger.waiting -= 1;
        self.bury(index, &victim, dead::DROPPED);
        true
    }

    /// The oldest message that the isolate handed back of the inbox it reads.
    fn evict_held(&mut self, index: u32) -> Option<Envelope> {
        let at = self.held.iter().position(|(e, _)| e.index == index && e.op() == note::MSG)?;
        let (entry, _) = self.held.remove(at);
        Some(self.undeliver(&entry))
    }

    /// The oldest message of `index` that was delivered and neither begun nor settled otherwise.
    fn evict_delivered(&mut self, io: &mut Rings<'_>, index: u32) -> Option<Envelope> {
        let from = self.acked + usize::from(self.begun.is_some());
        let at = (from..self.filled).find(|&i| {
            let (e, byte) = (&io.inbox[i], io.marks[i]);
            let waits = byte == 0 || byte & 7 == mark::HELD;
            e.index == index && waits && note_of(e, byte) == note::MSG
        })?;
        let e = io.inbox[at];
        io.inbox[at].head &= !OP_MASK;
        io.marks[at] = mark::GONE;
        Some(self.undeliver(&Entry { head: (e.head & !OP_MASK) | note::MSG, ..e }))
    }

    fn undeliver(&mut self, e: &Entry) -> Envelope {
        self.not_delivered(e);
        self.letter_stays(e);
        if self.table.at(e.index).state == State::Active {
            self.push_ready(e.index);
        }
        let Entry { head, payload, from, corr, age: from_age, .. } = *e;
        Envelope { head, payload, from, from_age, corr, next: 0, expires: 0 }
    }
}
