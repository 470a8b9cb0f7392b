//! Actors of this lane that other threads run.
//!
//! While the owner dispatches its inbox, or sleeps, another thread may take ready actors out, under the lane's lock, one message
//! of each. Such an actor is from then on as if its handler were asynchronous and had returned its promise: the state is
//! Suspended, its message runs, and whatever happens meanwhile (a stop, a kill, a deadline, a group that restarts) is what
//! happens to an actor with such a handler. When the message was run, what it wrote is routed as if the owner had looked in in
//! mid-way, and the actor is free again.
//!
//! Two things are for guests alone. None leaves of whom something is in the owner's inbox, or goes back from there: it would run
//! twice at once, or out of order. And the isolate is not told of a guest's end before the guest is back: it would take apart
//! what another thread uses.

use super::calls::is_far_call;
use super::route::take_in_hand;
use super::{Lane, Rings};
use crate::cell::{State, bit};
use crate::entry::{Entry, OP_MASK, TAG_SHIFT, dead, flag, note, op, outcome, word};
use crate::mailbox::local::{Envelope, NONE};

/// A message of an actor that another thread runs.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// As it would be in the inbox.
    pub entry: Entry,
    /// The age of the actor's index.
    pub age: u32,
    /// What it came to.
    pub ran: Ran,
}

/// What became of a guest's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It is not over.
    Open,
    /// It returned.
    Returned,
    /// It threw; the slot of the error.
    Threw(u32),
    /// There is no handler for it.
    NoHandler,
}

/// What a lane knows of its actors that other threads run.
#[derive(Debug, Default)]
pub(super) struct Guests {
    /// Index and age.
    out: Vec<(u32, u32)>,
    /// Notes of ends that wait until a guest is back.
    notes: Vec<Entry>,
    /// Flags that a message has to have, and must not have.
    only: u32,
    never: u32,
}

impl Guests {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Whether the isolate is yet to be told of the end of an instance at this index.
    pub(super) fn keep_note_of(&self, index: u32) -> bool {
        self.notes.iter().any(|note| note.index == index)
    }
}

/// How many ready actors are looked at.
const LOOKS: u32 = 1024;

impl Lane {
    /// Lends only actors whose next message has these flags, and not those.
    pub fn lend_only(&mut self, only: u32, never: u32) {
        (self.guests.only, self.guests.never) = (only, never);
    }

    /// Which entries of its inbox the isolate may run yet, or has run without this being known. Who may leave depends on whom
    /// they are for.
    #[must_use]
    pub fn unread(&self) -> std::ops::Range<usize> {
        self.acked..self.filled
    }

    /// While the isolate reads: lets messages in that came from elsewhere, so that others need not wait until it looks. What is
    /// more than messages, and all behind it, waits for that.
    pub(crate) fn let_in(&mut self) {
        if self.filled == 0 || self.log.is_some() {
            return; // it will take them itself
        }
        self.take_mail();
        if self.has_only_messages() {
            self.now = None;
            let (outbox, inbox, marks, bag, places) = (&mut [][..], &mut [][..], &mut [][..], &mut [][..], &mut [][..]);
            let header = &mut [0; word::COUNT];
            self.route_mail(&mut Rings { header, outbox, inbox, marks, bag, places, satchel: &[] }, false);
            self.push_out();
        }
    }

    /// Takes one message each of ready actors for another thread: of half of those that are ready, and of `most` at most. `here`:
    /// whom the entries of the inbox that are [`unread`](Self::unread) are for. How many there are.
    pub fn part_with(&mut self, mut here: Vec<u32>, most: usize, guests: &mut Vec<Guest>) -> usize {
        if self.ready_head == NONE || self.log.is_some() || self.is_lost() {
            return 0;
        }
        self.now = None;
        here.extend(self.held.iter().map(|(e, _)| e.index));
        here.extend(self.later.iter().map(|e| e.index));
        here.sort_unstable();
        let most = (self.ready_count as usize).div_ceil(2).min(most);
        let (first, mut looks) = (guests.len(), LOOKS.min(self.ready_count));
        let (mut before, mut at) = (NONE, self.ready_head);
        while looks > 0 && guests.len() - first < most {
            looks -= 1;
            let next = self.table.at(at).ready_next;
            if self.may_leave(at) && here.binary_search(&at).is_err() {
                self.unready(before, at);
                guests.push(self.leaves(at));
            } else {
                before = at;
            }
            at = next;
        }
        guests.len() - first
    }

    /// Whether the next thing for a ready actor is a message that can be run anywhere.
    fn may_leave(&mut self, index: u32) -> bool {
        const NOT_PLAIN: u32 = OP_MASK | flag::ASYNC | flag::SHARED | flag::LETTER | flag::STREAM;
        let cell = self.table.at(index);
        // what it waits for is kept where only its own thread looks
        let waits = self.exts.get(cell.ext).is_some_and(|ext| ext.timers != u32::MAX || !ext.watching.is_empty());
        if waits {
            return false;
        }
        let leaves_soon = cell.is(bit::CLOSED) && !cell.is(bit::DRAINING);
        if cell.state != State::Active || cell.in_hand() || leaves_soon || cell.is(bit::SERIAL) {
            return false;
        }
        let next = if cell.is(bit::LISTS) {
            // what went back is next, unless there are signals; whose turn it is among priorities only a visit knows
            let ext = self.exts.get(cell.ext).filter(|ext| ext.signals.is_empty());
            ext.and_then(|ext| ext.held.first(&self.pool))
        } else {
            cell.normal.first(&self.pool)
        };
        let Some(v) = next else { return false };
        // who asks from elsewhere is known by a number that may be another one's when the answer comes
        let Guests { only, never, .. } = self.guests;
        let is_plain = v.head & (NOT_PLAIN | only | never) == note::MSG | only && !is_far_call(v.corr);
        is_plain && (v.expires == 0 || self.clock.micros() <= v.expires)
    }

    /// Takes a cell out of the ready queue.
    fn unready(&mut self, before: u32, at: u32) {
        let cell = self.table.at_mut(at);
        cell.bits &= !bit::READY;
        let next = cell.ready_next;
        if before == NONE {
            self.ready_head = next;
        } else {
            self.table.at_mut(before).ready_next = next;
        }
        if self.ready_tail == at {
            self.ready_tail = before;
        }
        self.ready_count -= 1;
    }

    /// Delivers the next message of an actor as an asynchronous one, and notes that it has begun.
    fn leaves(&mut self, index: u32) -> Guest {
        let cell = self.table.at_mut(index);
        let mut v = None;
        if cell.is(bit::LISTS)
            && let Some(ext) = self.exts.get_mut(cell.ext)
        {
            v = ext.held.pop(&mut self.pool);
            if !ext.has_lists() {
                cell.bits &= !bit::LISTS;
            }
        }
        let v = v.or_else(|| cell.normal.pop(&mut self.pool)).unwrap_or_default();
        let age = cell.age;
        take_in_hand(cell, flag::ASYNC);
        let head = v.head | flag::ASYNC;
        let entry = Entry { head, index, age: v.from_age, payload: v.payload, from: v.from, corr: v.corr };
        self.guests.out.push((index, age));
        self.promised(&entry);
        // the handler may be none that is asynchronous
        Guest { entry: Entry { head: v.head, ..entry }, age, ran: Ran::Open }
    }

    /// Takes guests back, and routes what they wrote: the outbox of `io`, whose other parts mean nothing. Those that are still
    /// [open](Ran::Open) stay out. Wakes the owner when there is something for it to do.
    pub fn take_guests(&mut self, io: &mut Rings<'_>, guests: &[Guest]) {
        self.now = None;
        // what came of them is known before what they wrote is routed, as with the marks of an inbox
        for guest in guests {
            self.is_back(guest);
        }
        let whole = self.filled == 0; // otherwise the owner reads, and will look in
        if whole {
            self.take_later();
        }
        let count = usize::try_from(io.header[word::OUT]).unwrap_or(0).min(io.outbox.len());
        self.submit_outbox(io, count, whole, false);
        io.header[word::OUT] = 0;
        if whole {
            self.draw_consequences();
            self.follow_orders();
        }
        self.push_out();
        if whole && self.has_news() {
            self.rouse();
        }
    }

    /// Whether its isolate has to look: there is something for it, or others are to be shown that nothing is left.
    fn has_news(&self) -> bool {
        let for_it = self.ready_head != NONE || !self.pending.is_empty() || !self.facts.is_empty();
        for_it || self.rearm || !self.young.is_empty() || !self.is_busy()
    }

    fn is_back(&mut self, guest: &Guest) {
        let Guest { entry, age, ran } = *guest;
        let (from, payload) = match ran {
            Ran::Open => return,
            Ran::Threw(error) => (outcome::THREW, error),
            Ran::Returned | Ran::NoHandler => (outcome::OK, 0),
        };
        if let Some(at) = self.guests.out.iter().position(|guest| *guest == (entry.index, age)) {
            self.guests.out.swap_remove(at);
        }
        let head = op::DONE | note::MSG << TAG_SHIFT;
        let done = Entry { head, index: entry.index, age, payload, from, corr: entry.corr };
        if ran == Ran::NoHandler {
            self.had_no_handler(&done);
        } else {
            self.done(&done);
        }
        self.let_go_of_notes(entry.index);
    }

    fn had_no_handler(&mut self, e: &Entry) {
        self.close_call(e.corr);
        if let Some(cell) = self.live(e.index, e.age)
            && u32::from(cell.hand) == note::MSG
        {
            cell.hand = 0;
            self.ledger.running -= 1;
            self.ledger.dead[dead::NO_HANDLER as usize] += 1;
            self.hand_is_free(e.index);
        }
    }

    /// Whether a message of the actor runs that nobody gave up.
    #[doc(hidden)]
    #[must_use]
    pub fn has_in_hand(&self, index: u32, age: u32) -> bool {
        self.table.get(index).is_some_and(|c| c.age == age && c.state != State::Free && u32::from(c.hand) == note::MSG)
    }

    // -------------------------------------------------------------------------------- the end of a guest

    /// A note to the isolate of the end of an instance waits while another thread may use that. Whether it does.
    #[cold]
    pub(super) fn keeps_note(&mut self, entry: &Entry) -> bool {
        let is_end = matches!(entry.op(), note::ENDED | note::DOWN);
        let is_kept = is_end && self.guests.out.iter().any(|guest| guest.0 == entry.index);
        if is_kept {
            self.guests.notes.push(*entry);
            self.lives += 1; // its end is not over
        }
        is_kept
    }

    fn let_go_of_notes(&mut self, index: u32) {
        for note in self.guests.notes.extract_if(.., |note| note.index == index) {
            self.lives -= 1;
            self.pending.push_back(note);
        }
        let cell = self.table.at(index);
        if cell.state == State::Starting && cell.is(bit::START_DUE) {
            self.push_ready(index);
        }
    }

    /// The isolate is gone, and with it whoever used what was its.
    pub(super) fn forget_guests(&mut self) {
        self.guests.out.clear();
        self.lives -= self.guests.notes.len() as u64;
        self.pending.extend(self.guests.notes.drain(..));
    }

    // ------------------------------------------------------------------------------------------- recall

    /// Messages that were delivered and not begun go back to where they waited: those from `from` on, which the isolate will not
    /// look at. Only messages do; what else is in the inbox, and all before it, is left there. Where the inbox ends now.
    pub fn recall(&mut self, from: usize, entry_at: impl Fn(usize) -> Entry) -> usize {
        let from = from.max(self.acked + usize::from(self.begun.is_some()));
        while from < self.filled {
            let at = self.filled - 1;
            let entry = entry_at(at);
            if entry.op() != note::MSG {
                break;
            }
            let mortal = self.mortal.iter().position(|m| m.0 == at);
            let expires = mortal.map_or(0, |place| self.mortal.swap_remove(place).1);
            self.goes_back(&entry, expires);
            self.filled = at;
        }
        self.filled
    }

    fn goes_back(&mut self, e: &Entry, expires: u64) {
        self.not_delivered(e);
        self.letter_stays(e);
        let Entry { head, payload, from, corr, age: from_age, index } = *e;
        let envelope = Envelope { next: 0, head, payload, from, from_age, corr, expires };
        let cell = self.table.at_mut(index);
        let active = cell.state == State::Active;
        if let Some(ext) = self.exts.get_mut(cell.ext) {
            cell.bits |= bit::LISTS;
            ext.held.push_front(&mut self.pool, envelope);
        } else {
            cell.normal.push_front(&mut self.pool, envelope); // it has never had any of another priority
        }
        if active {
            self.push_ready(index);
        }
    }
}
