//! Where an actor is supervised, as words: what the next seat needs to go on where this one was.

use super::foster::AWAY;
use super::orders::Word;
use super::{Fact, Lane};
use crate::cell::ext::{Home, Restarts};
use crate::cell::{Cell, State, bit, family};
use crate::entry::{carry, reason};

/// What a seat has of its actor.
struct Seat {
    state: State,
    policy: u8,
    bits: u16,
    reason: u8,
    generation: u32,
    shutdown: u32,
    is_final: bool,
    fenced: bool,
    /// When the backoff is over.
    due: u64,
    restarts: Option<Box<Restarts>>,
}

/// Of the bits of a seat those that go with it.
const KEPT: u16 = bit::STARTED | bit::MADE;
const RUNS: u32 = 0;
const STARTS: u32 = 1;
const WINDS: u32 = 2;
const DOWN: u32 = 3;

fn halves(word: u64) -> [u32; 2] {
    [(word & u64::from(u32::MAX)).try_into().unwrap_or(0), (word >> 32).try_into().unwrap_or(0)]
}

/// Words one after another.
struct Reader<'a>(&'a [u32]);

impl Reader<'_> {
    fn word(&mut self) -> u32 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn long(&mut self) -> u64 {
        u64::from(self.word()) | u64::from(self.word()) << 32
    }
}

impl Seat {
    fn words(&self) -> Vec<u32> {
        let state = match self.state {
            State::Starting => STARTS,
            State::Down => DOWN,
            state if state.is_winding() => WINDS,
            _ => RUNS,
        };
        let flags = u32::from(self.is_final) | u32::from(self.fenced) << 1 | u32::from(self.restarts.is_some()) << 2;
        let mut words = vec![state, self.policy.into(), self.bits.into(), self.reason.into(), self.generation];
        words.extend([self.shutdown, flags]);
        words.extend(halves(self.due));
        if let Some(restarts) = &self.restarts {
            words.extend([restarts.row, restarts.cause]);
            words.extend(halves(restarts.well_since));
            words.extend(halves(restarts.delay));
            for (at, count) in restarts.window.places() {
                words.extend(halves(at));
                words.push(count);
            }
        }
        words
    }

    fn read(words: &[u32]) -> Seat {
        let mut r = Reader(words);
        let state = match r.word() {
            STARTS => State::Starting,
            WINDS => State::StopHand,
            DOWN => State::Down,
            _ => State::Active,
        };
        let byte = |word: u32| word.to_le_bytes()[0];
        let (policy, bits, why) = (byte(r.word()), u16::try_from(r.word()).unwrap_or(0), byte(r.word()));
        let (generation, shutdown, flags, due) = (r.word(), r.word(), r.word(), r.long());
        let restarts = (flags & 4 != 0).then(|| {
            let mut restarts = Box::new(Restarts { row: r.word(), cause: r.word(), ..Restarts::default() });
            (restarts.well_since, restarts.delay) = (r.long(), r.long());
            while !r.0.is_empty() {
                restarts.window.put(r.long(), r.word());
            }
            restarts
        });
        let (is_final, fenced) = (flags & 1 != 0, flags & 2 != 0);
        Seat { state, policy, bits, reason: why, generation, shutdown, is_final, fenced, due, restarts }
    }
}

impl Lane {
    /// The actor, or its stand-in, is no child of its parent any more. What the next seat needs.
    pub(super) fn leave_seat(&mut self, index: u32) -> Vec<u32> {
        self.leave_group(index);
        let cell = *self.table.at(index);
        let is_stand_in = self.home_of(index).is_some();
        let mut seat = Seat {
            state: cell.state,
            policy: cell.policy,
            bits: cell.bits & KEPT,
            reason: cell.reason,
            generation: cell.generation,
            shutdown: crate::cell::ext::SHUTDOWN_MS,
            is_final: false,
            fenced: false,
            due: 0,
            restarts: None,
        };
        if let Some(ext) = self.exts.get_mut(cell.ext) {
            seat.shutdown = ext.shutdown;
            seat.is_final = is_stand_in && ext.is_final;
            seat.fenced = ext.fenced;
            seat.due = ext.restarts.as_ref().map_or(0, |r| r.due);
            seat.restarts.clone_from(&ext.restarts);
        }
        if cell.state == State::Down {
            self.disarm(index);
        }
        family::part(&mut self.table, index);
        self.registry.take(index);
        self.was_left(cell.parent);
        seat.words()
    }

    /// A stand-in whose actor is stood in for elsewhere.
    pub(super) fn forget_seat(&mut self, index: u32) {
        let cell = *self.table.at(index);
        if cell.state == State::Starting || cell.state.is_ending() {
            self.lives -= 1;
            self.endings -= u64::from(cell.state.is_ending());
        }
        let told = self.exts.get(cell.ext).map_or(0, |x| x.told);
        self.drop_letter_later(told);
        self.exts.drop(cell.ext);
        let c = self.table.at_mut(index);
        (c.state, c.ext) = (State::Free, 0);
        c.reason = reason::UNKNOWN.to_le_bytes()[0];
        c.bits &= bit::READY;
    }

    /// From now on this cell stands in for an actor of another lane.
    pub(super) fn take_seat(&mut self, index: u32, parent: u32, child: Home, words: &[u32]) {
        let seat = Seat::read(words);
        let cell = self.table.at_mut(index);
        *cell = Cell {
            age: cell.age,
            state: seat.state,
            bits: bit::FOREIGN | seat.bits | cell.bits & bit::READY,
            policy: seat.policy,
            reason: seat.reason,
            generation: seat.generation,
            class: UNKNOWN_CLASS,
            asking: crate::ask::NONE,
            ready_next: cell.ready_next,
            ..Cell::default()
        };
        let ext = self.exts.ensure(&mut cell.ext);
        (ext.shutdown, ext.is_final, ext.fenced) = (seat.shutdown, seat.is_final, seat.fenced);
        (ext.home, ext.restarts) = (Some(child), seat.restarts);
        family::adopt(&mut self.table, parent, index);
        match seat.state {
            State::StopHand => {
                let cell = self.table.at_mut(index);
                (cell.hand, cell.bits) = (AWAY, cell.bits | bit::AGAIN);
                self.lives += 1;
                self.endings += 1;
            }
            State::Starting => self.lives += 1,
            State::Down => self.await_restart(index, seat.due),
            _ => {}
        }
    }

    /// An actor of this lane needs no stand-in any more: its parent is here.
    pub(super) fn take_home(&mut self, index: u32, parent: u32, words: &[u32]) {
        let seat = Seat::read(words);
        family::part(&mut self.table, index);
        family::adopt(&mut self.table, parent, index);
        let cell = self.table.at_mut(index);
        cell.bits &= !bit::FOREIGN;
        let state = cell.state;
        let ext = self.exts.ensure(&mut cell.ext);
        ext.away = None;
        ext.is_final |= seat.is_final;
        let said = std::mem::take(&mut ext.kept_back);
        if let Some(mut restarts) = seat.restarts {
            if let Some(own) = ext.restarts.take() {
                restarts.given_up = own.given_up;
                restarts.well_since = own.well_since;
            }
            ext.restarts = Some(restarts);
        }
        match state {
            State::Failing if std::mem::take(&mut self.ext(index).is_silent) => {
                let ext = self.ext(index);
                let (phase, tag, starting) = ext.asking.take().unwrap_or_default();
                let error = ext.error;
                self.facts.push_back(Fact::Failed { index, phase, tag, error, starting });
            }
            State::Failing if said.iter().any(|word: &Word| word.0 == carry::SELF) => self.judge_own_stop(index, true),
            State::Down if seat.state == State::Down => self.await_restart(index, seat.due),
            State::Down => {
                let delay = self.ext(index).restarts.get_or_insert_default().delay;
                if delay == 0 {
                    self.revive(index);
                } else {
                    self.arm_restart(index, delay);
                }
            }
            _ => {}
        }
    }

    /// The rest of a backoff.
    fn await_restart(&mut self, index: u32, due: u64) {
        let rest = due.saturating_sub(self.now());
        self.arm_restart(index, rest);
    }

    /// What an actor tells its seat.
    pub(super) fn report_to(&mut self, seat: Home, (kind, payload, from): Word) {
        if let Some(to) = super::far::Address::of(seat.word) {
            let header = super::parcel::Header {
                w0: kind,
                index: to.index,
                generation: seat.age,
                payload,
                from_index: from,
                ..super::parcel::Header::default()
            };
            self.tell(to.lane, header, &[], true);
        }
    }

    /// A failure that it had between two seats.
    pub(super) fn fails_at_last(&mut self, index: u32) {
        let ext = self.ext(index);
        if std::mem::take(&mut ext.is_silent)
            && let Some((phase, tag, starting)) = ext.asking
        {
            let error = ext.error;
            self.fails_away(index, phase, tag, error, starting);
        }
    }
}

/// The class of a stand-in that came from another lane: its actor's own lane knows.
pub(super) const UNKNOWN_CLASS: u16 = u16::MAX;
