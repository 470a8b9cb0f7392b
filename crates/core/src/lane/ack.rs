//! What became of the last inbox.
//!
//! An entry without a mark was run and returned. The isolate marks the others in place, so what they did to an
//! actor's state is known before anything that was submitted after it, or before it, is routed.

use super::calls::is_far_call;
use super::done::phase_of;
use super::{Fact, Lane, Rings};
use crate::cell::{State, bit};
use crate::entry::{Entry, OP_MASK, dead, flag, mark, note, phase};
use crate::mailbox::local::Envelope;

/// The note of an entry whose head the isolate has overwritten is in the upper bits of its mark.
pub(super) fn note_of(entry: &Entry, byte: u8) -> u32 {
    if entry.op() == note::NOP { u32::from(byte >> 3) } else { entry.op() }
}

/// A message is plain when none of these flags is set and this is its note.
const PLAIN: u32 = OP_MASK | flag::ASK | flag::ASYNC | flag::SHARED;

impl Lane {
    /// Takes note of the entries before `upto`.
    pub(super) fn ack(&mut self, io: &mut Rings<'_>, upto: usize) {
        if self.begun.is_some() && upto > self.acked {
            self.unbegin(io.marks[self.acked]);
        }
        let mut at = self.acked;
        while at < upto {
            let entry = &io.inbox[at];
            let byte = io.marks[at];
            if byte != 0 {
                io.marks[at] = 0;
                self.marked(entry, byte, at);
            } else if entry.head & PLAIN == note::MSG {
                // messages to one actor come in rows
                let index = entry.index;
                let mut row = 1;
                while at + (row as usize) < upto
                    && io.marks[at + row as usize] == 0
                    && io.inbox[at + row as usize].index == index
                    && io.inbox[at + row as usize].head & PLAIN == note::MSG
                {
                    row += 1;
                }
                self.handled(index, row);
                at += row as usize;
                continue;
            } else if entry.op() == note::MSG {
                self.handled(entry.index, 1);
                self.returned(entry);
            } else {
                self.signal_returned(entry);
            }
            at += 1;
        }
        self.acked = upto;
    }

    /// The isolate looks in while it runs the entry at the cursor: that one is running, and waits no more.
    pub(super) fn begin(&mut self, io: &Rings<'_>) {
        if self.begun.is_some() || self.acked >= self.filled {
            return;
        }
        let entry = io.inbox[self.acked];
        if entry.op() == note::MSG && io.marks[self.acked] == 0 {
            self.table.at_mut(entry.index).waiting -= 1;
            self.ledger.waiting -= 1;
            self.ledger.running += 1;
            self.begun = Some(entry.index);
        }
    }

    /// The entry that had begun has come to something, which its mark says.
    fn unbegin(&mut self, mark: u8) {
        let Some(index) = self.begun.take() else { return };
        self.table.at_mut(index).waiting += 1;
        self.ledger.waiting += 1;
        self.ledger.running -= 1;
        if mark & 7 != mark::PROMISED {
            self.asked.clear();
        }
    }

    /// A row of messages was handled.
    #[inline]
    fn handled(&mut self, index: u32, row: u32) {
        let cell = self.table.at_mut(index);
        cell.waiting -= row;
        cell.handled += u64::from(row);
        let after = cell.bits & bit::AFTER;
        self.ledger.waiting -= u64::from(row);
        self.ledger.handled += u64::from(row);
        if after != 0 {
            self.after_message(index);
        }
    }

    #[inline(never)]
    fn returned(&mut self, entry: &Entry) {
        if entry.has(flag::ASK) {
            self.close_call(entry.corr);
        }
        self.let_go(entry);
        self.after_message(entry.index);
    }

    /// A message that was delivered is not in hand (any more).
    fn let_go(&mut self, entry: &Entry) {
        let cell = self.table.at_mut(entry.index);
        if entry.has(flag::SHARED) {
            cell.shared -= 1;
            if cell.shared == 0 {
                self.hand_is_free(entry.index);
            }
        } else if entry.has(flag::ASYNC) {
            self.hand_is_free(entry.index);
        }
    }

    /// Nothing exclusive is in hand: what waits may go on.
    pub(super) fn hand_is_free(&mut self, index: u32) {
        self.drop_asking(index);
        let cell = self.table.at_mut(index);
        if cell.in_hand() {
            return;
        }
        match cell.state {
            State::Suspended | State::Active => {
                cell.state = State::Active;
                if cell.normal.is_empty() && !cell.is(bit::LISTS) {
                    cell.bits &= !bit::SERIAL;
                } else {
                    self.push_ready(index);
                }
                if self.table.at(index).is(bit::DRAINING) {
                    self.after_message(index);
                }
            }
            State::StopHand => self.facts.push_back(Fact::Step { index }),
            _ => {}
        }
    }

    /// A place in the mailbox is free.
    pub(super) fn after_message(&mut self, index: u32) {
        let cell = self.table.at(index);
        if cell.is(bit::PARKED) {
            self.unpark(index);
        }
        let cell = self.table.at(index);
        if cell.is(bit::DRAINING) {
            self.facts.push_back(Fact::Drained { index, age: cell.age });
        }
    }

    fn signal_returned(&mut self, entry: &Entry) {
        match entry.op() {
            note::START => self.started(entry.index),
            note::STOP => self.facts.push_back(Fact::Hooked { index: entry.index, error: None }),
            note::TIMER => self.signal_done(entry.index, entry.op(), entry.payload),
            note::WATCH | note::HEALTH | note::RESUME | note::RETURN => self.signal_done(entry.index, entry.op(), 0),
            _ => {}
        }
    }

    /// A signal is over. Steps of streams are not counted: they hold nothing up by themselves.
    pub(super) fn signal_over(&mut self, what: u32) {
        if what != note::RESUME {
            self.signals -= 1;
        }
    }

    pub(super) fn signal_done(&mut self, index: u32, what: u32, timer: u32) {
        self.signal_over(what);
        match what {
            note::TIMER => self.timer_ran(timer),
            note::HEALTH => self.is_well(index),
            _ => {}
        }
        self.after_message(index);
    }

    #[inline(never)]
    fn marked(&mut self, entry: &Entry, byte: u8, at: usize) {
        let what = note_of(entry, byte);
        let entry = Entry { head: (entry.head & !OP_MASK) | what, ..*entry };
        match byte & 7 {
            mark::HELD => {
                let mortal = self.mortal.iter().find(|m| m.0 == at);
                self.held.push((entry, mortal.map_or(0, |m| m.1)));
            }
            mark::GONE => {}
            mark::PROMISED => {
                self.promised(&entry);
                for asked in std::mem::take(&mut self.asked) {
                    self.waits_for(&asked);
                }
            }
            mark::THREW => self.threw(&entry),
            mark::STREAMING => {
                self.leave_waiting(&entry);
                self.ledger.running += 1;
                self.streams += 1;
                self.ext(entry.index).streams += 1;
                self.let_go(&entry);
                self.after_message(entry.index);
            }
            mark::NO_HANDLER => self.not_handled(&entry, dead::NO_HANDLER),
            mark::ABORTED => self.not_handled(&entry, dead::ABORTED),
            _ => {}
        }
    }

    fn leave_waiting(&mut self, entry: &Entry) {
        self.table.at_mut(entry.index).waiting -= 1;
        self.ledger.waiting -= 1;
    }

    fn not_handled(&mut self, entry: &Entry, why: u32) {
        self.leave_waiting(entry);
        self.ledger.dead[why as usize] += 1;
        self.close_call(entry.corr);
        if is_far_call(entry.corr) && why != dead::NO_HANDLER {
            self.refuse_call(entry.corr, why); // the isolate says itself which handler there is none of
        }
        self.let_go(entry);
        self.after_message(entry.index);
    }

    pub(super) fn promised(&mut self, entry: &Entry) {
        let what = entry.op();
        let index = entry.index;
        match what {
            note::MSG => {
                self.leave_waiting(entry);
                self.ledger.running += 1;
                if !entry.has(flag::SHARED) {
                    let cell = self.table.at_mut(index);
                    cell.hand = what.to_le_bytes()[0];
                    if !entry.has(flag::ASYNC) {
                        cell.bits |= bit::SERIAL;
                    }
                    cell.state = State::Suspended;
                    self.remember(entry);
                }
                self.after_message(index);
            }
            note::START => {
                self.table.at_mut(index).hand = what.to_le_bytes()[0];
                self.arm_start(index);
            }
            note::STOP => {
                self.table.at_mut(index).hand = what.to_le_bytes()[0];
                self.arm_hook(index);
            }
            _ => {
                let cell = self.table.at_mut(index);
                cell.hand = what.to_le_bytes()[0];
                cell.state = State::Suspended;
                if what == note::TIMER {
                    self.timer_runs_on(index, entry.payload);
                }
            }
        }
    }

    fn threw(&mut self, entry: &Entry) {
        let (index, error, tag) = (entry.index, entry.payload, entry.tag());
        match entry.op() {
            note::MSG => {
                self.leave_waiting(entry);
                self.ledger.failed += 1;
                self.close_call(entry.corr);
                let cell = self.table.at_mut(index);
                cell.failed += 1;
                if entry.has(flag::SHARED) {
                    cell.shared -= 1;
                }
                self.fail(index, phase::MESSAGE, tag, error);
            }
            note::START => self.fail(index, phase::START, 0, error),
            note::STOP => self.facts.push_back(Fact::Hooked { index, error: Some(error) }),
            note::HEALTH => {
                self.signal_over(note::HEALTH);
                self.is_unwell(index, error);
            }
            what => {
                self.signal_over(what);
                self.fail(index, phase_of(what), tag, error);
            }
        }
    }

    /// Entries that were not run go back, in order, in front of everything else. Only when the whole inbox was read:
    /// those of one actor may be taken note of at different times.
    pub(super) fn take_back(&mut self) {
        while let Some((entry, expires)) = self.held.pop() {
            let index = entry.index;
            self.not_delivered(&entry);
            self.letter_stays(&entry);
            let cell = self.table.at_mut(index);
            match entry.op() {
                note::MSG | note::RESUME | note::TIMER | note::WATCH | note::HEALTH | note::RETURN => {}
                note::START | note::STOP => {
                    let (due, made) =
                        if entry.op() == note::START { (bit::START_DUE, bit::MADE) } else { (bit::STOP_DUE, 0) };
                    cell.bits = (cell.bits & !made) | due;
                    self.push_ready(index);
                    continue;
                }
                _ => {
                    self.pending.push_front(entry); // concerns no run of the actor
                    continue;
                }
            }
            let active = cell.state == State::Active;
            cell.bits |= bit::LISTS;
            if entry.op() == note::TIMER {
                self.timers.wait(entry.payload, true);
            }
            let envelope = Envelope {
                next: 0,
                head: entry.head,
                payload: entry.payload,
                from: entry.from,
                from_age: entry.age,
                corr: entry.corr,
                expires,
            };
            let ext = self.exts.ensure(&mut cell.ext);
            let list = if matches!(entry.op(), note::MSG | note::RESUME) { &mut ext.held } else { &mut ext.signals };
            list.push_front(&mut self.pool, envelope);
            if active {
                self.push_ready(index);
            }
        }
    }

    /// The letter of an entry that goes back is needed again.
    pub(super) fn letter_stays(&mut self, entry: &Entry) {
        if entry.has(flag::LETTER)
            && let Some(far) = self.far.as_mut()
        {
            far.letters.stays(entry.payload);
        }
    }

    /// A message that was delivered will not run now: its actor has it not in hand.
    pub(super) fn not_delivered(&mut self, entry: &Entry) {
        if entry.op() != note::MSG {
            return;
        }
        let cell = self.table.at_mut(entry.index);
        if entry.has(flag::SHARED) {
            cell.shared -= 1;
        } else if entry.has(flag::ASYNC) && cell.state == State::Suspended && !cell.in_hand() {
            cell.state = State::Active;
        }
    }
}
