//! Parent and child in different lanes.
//!
//! The child lives in its lane, below a cell that is nobody (`foster`). In its parent's lane a cell stands in for it:
//! there it has its place among its siblings, there its failures are decided about, its group restarts, its restarts are
//! counted. The stand-in has no mailbox and no instance; where an actor would be wound up, revived or killed, it sends word
//! to its actor and waits (it has [`AWAY`] in hand) until that reports.
//!
//! ```text
//!   parent's lane                      child's lane
//!   fail, decide      <-- FAILED --    fail; nothing more is delivered
//!   wind_up           --- WIND  -->    wind_up: hand, children, onStop
//!   finish, is_down   <-- DOWN  --     is_down: another instance follows
//!                     <-- GONE  --     finish: none does
//!   revive            -- REVIVE -->    revive
//!   started           <--  UP   --     started
//! ```

use super::far::Address;
use super::parcel::Header;
use super::{Fact, Lane, ROOT};
use crate::cell::ext::Home;
use crate::cell::{Cell, State, bit, family};
use crate::entry::{Entry, TAG_SHIFT, carry, note, phase, reason, spawn};

/// What a stand-in has in hand while its actor is at it.
pub(super) const AWAY: u8 = u8::MAX;
/// Words before the isolates' own in the letter of a spawn: class, bits, capacity, policy, shutdown, start, the stand-in's
/// address and age.
const WORDS: usize = 8;

impl Lane {
    fn send_home(&mut self, index: u32, kind: u32, payload: u32, from: u32) {
        if let Some(home) = self.home_of(index)
            && let Some(to) = Address::of(home.word)
        {
            let header = Header {
                w0: kind,
                index: to.index,
                generation: home.age,
                payload,
                from_index: from,
                ..Header::default()
            };
            self.tell(to.lane, header, &[], false);
        }
    }

    /// Tells the stand-in of an actor of this lane.
    pub(super) fn report_home(&mut self, index: u32, kind: u32, payload: u32, from: u32) {
        match self.away_of(index) {
            Some(Home::NOWHERE) => self.ext(index).kept_back.push((kind, payload, from)),
            Some(seat) => self.report_to(seat, (kind, payload, from)),
            None => {}
        }
    }

    // ------------------------------------------------------------------------------------ the child's side

    /// A new actor, whose parent is elsewhere.
    pub(super) fn foster(&mut self, h: &Header, letter: u32) {
        let words = self.words_of::<WORDS>(letter);
        let foster = self.foster_cell();
        self.is_used(h.index);
        let Some(cell) = self.table.get_mut(h.index).filter(|c| c.age == h.generation && c.state == State::Free) else {
            return self.drop_letter(letter);
        };
        let Some([class, bits, capacity, policy, shutdown, start, stand_in, age_of_stand_in]) = words else {
            return self.drop_letter(letter);
        };
        let hook = if bits & spawn::STOP_HOOK != 0 { bit::STOP_HOOK } else { 0 };
        let kept = cell.bits & bit::READY;
        *cell = Cell {
            age: h.generation,
            state: State::Starting,
            bits: bit::START_DUE | bit::FOREIGN | hook | kept,
            policy: policy.to_le_bytes()[0],
            bound: capacity,
            class: u16::try_from(class & 0xffff).unwrap_or(0),
            asking: crate::ask::NONE,
            ..Cell::default()
        };
        let age = age_of_stand_in;
        let ext = self.exts.ensure(&mut cell.ext);
        (ext.shutdown, ext.start) = (shutdown, start);
        ext.away = Some(Home { word: stand_in, age });
        (ext.seed, ext.mortal) = (letter, bits & spawn::MORTAL != 0);
        self.ledger.actors += 1;
        self.lives += 1;
        family::adopt(&mut self.table, foster, h.index);
        self.push_ready(h.index);
        // should it end before it starts, the isolate knows what it was called
        let head = note::CARRY | carry::BORN << TAG_SHIFT;
        self.notify(Entry { head, index: h.index, age: h.generation, payload: letter, from: 1, corr: 0 });
        let unborn = self.far.as_mut().and_then(|far| {
            let at = far.unborn.iter().position(|u| *u == (h.index, h.generation))?;
            Some(far.unborn.swap_remove(at))
        });
        if unborn.is_some() {
            self.facts.push_back(Fact::End { index: h.index, age: h.generation, reason: reason::SHUTDOWN });
        }
    }

    /// Whether what came is for an actor that has yet to come itself, by way of another lane. It ends as soon as it comes.
    pub(super) fn is_unborn(&mut self, h: &Header) -> bool {
        let is_free = |c: &Cell, age: u32| c.age == age && c.state == State::Free;
        if !self.table.get(h.index).is_some_and(|c| is_free(c, h.generation)) {
            return false;
        }
        let Some(far) = self.far.as_mut() else { return false };
        // those that have ended are here too, until their indices are granted again
        far.unborn.retain(|u| self.table.get(u.0).is_some_and(|c| is_free(c, u.1)));
        far.unborn.push((h.index, h.generation));
        true
    }

    /// The cell that is parent to actors whose parent is elsewhere.
    pub(super) fn foster_cell(&mut self) -> u32 {
        if self.foster == ROOT
            && let Ok((index, _)) = self.table.grant()
        {
            let cell = self.table.at_mut(index);
            cell.state = State::Active;
            cell.bits = bit::CLOSED;
            cell.asking = crate::ask::NONE;
            self.foster = index;
        }
        self.foster
    }

    /// It failed: its stand-in's isolate is told by its own, which knows the error.
    pub(super) fn fails_away(&mut self, index: u32, phase: u32, tag: u32, error: u32, starting: bool) {
        if self.away_of(index) == Some(Home::NOWHERE) {
            self.ext(index).is_silent = true;
            return;
        }
        let age = phase | u32::from(starting) << 8;
        if self.is_lost() {
            return self.report_home(index, carry::FAILED, 0, age);
        }
        let corr = self.table.at(index).age;
        self.ext(index).is_telling = true;
        self.notify(Entry {
            head: note::CARRY | carry::FAILED << TAG_SHIFT,
            index,
            age,
            payload: error,
            from: tag,
            corr,
        });
    }

    /// Its stand-in lets it end.
    pub(super) fn wind(&mut self, h: &Header) {
        let (index, why, again) = (h.index, h.payload, h.from_index != 0);
        if self.is_unborn(h) {
            return;
        }
        let Some(cell) = self.live(index, h.generation) else { return };
        let state = cell.state;
        if state == State::Failing {
            self.untold(index);
            let ext = self.ext(index);
            ext.asking = None;
            let is_final = ext.is_final;
            return self.wind_up(index, why, again && !is_final);
        }
        if !again {
            return self.end(index, why);
        }
        match state {
            State::Starting | State::Active | State::Suspended => {
                self.begin_end(index);
                self.wind_up(index, why, true);
            }
            State::Down => self.report_home(index, carry::DOWN, why, 0),
            _ => {}
        }
    }

    pub(super) fn kill_from_afar(&mut self, h: &Header) {
        if self.is_unborn(h) {
            return;
        }
        let index = h.index;
        let Some(cell) = self.live(index, h.generation) else { return };
        let state = cell.state;
        if h.from_index == 0 {
            return self.end(index, reason::KILLED);
        }
        if state.is_winding() {
            if self.table.at(index).is(bit::AGAIN) {
                self.abandon(index);
            }
        } else if state == State::Failing && self.ext(index).is_final {
            self.end(index, reason::KILLED);
        } else if state != State::Down {
            if !state.is_ending() {
                self.begin_end(index);
            }
            self.undecided(index);
            self.wind_up(index, reason::KILLED, true);
        }
    }

    pub(super) fn revive_from_afar(&mut self, h: &Header) {
        if self.live(h.index, h.generation).is_some_and(|c| c.state == State::Down) {
            self.ext(h.index).restarts.get_or_insert_default().cause = h.payload;
            self.revive(h.index);
        }
    }

    pub(super) fn resume_from_afar(&mut self, h: &Header) {
        if self.live(h.index, h.generation).is_none_or(|c| c.state != State::Failing) {
            return;
        }
        let ext = self.ext(h.index);
        if ext.is_silent || ext.asking.is_some_and(|(phase, ..)| phase == phase::ISOLATE) {
            return; // the instance is gone, and that was told
        }
        ext.asking = None;
        if ext.is_final {
            self.wind_up(h.index, reason::FAILED, false);
        } else {
            self.resume(h.index);
        }
    }

    /// Whether its stand-in is to say what follows from its failure.
    pub(super) fn asks_home(&self, index: u32) -> bool {
        self.ext_of(index).is_some_and(|x| x.asking.is_some_and(|(phase, ..)| phase != phase::ISOLATE))
    }

    // --------------------------------------------------------------------------------- the parent's side

    /// A child elsewhere is stood in for.
    pub(super) fn stand_in_for(&mut self, e: &Entry, extra: &Entry) {
        let Some(cell) = self.table.get_mut(e.index).filter(|c| c.age == e.age && c.state == State::Free) else {
            return;
        };
        let kept = cell.bits & bit::READY;
        *cell = Cell {
            age: e.age,
            state: State::Starting,
            bits: bit::FOREIGN | bit::MADE | kept,
            policy: extra.age.to_le_bytes()[0],
            class: (e.head >> TAG_SHIFT).to_le_bytes()[..2].try_into().map_or(0, u16::from_le_bytes),
            asking: crate::ask::NONE,
            ..Cell::default()
        };
        let ext = self.exts.ensure(&mut cell.ext);
        ext.shutdown = extra.payload;
        ext.home = Some(Home { word: extra.index, age: extra.from });
        self.lives += 1;
        let parent = self.table.get(e.from).filter(|p| p.state != State::Free && e.from != e.index);
        let orphan = parent.is_none_or(|p| p.state.is_over()) || self.is_between(e.from);
        let parent = if parent.is_some() { e.from } else { ROOT };
        family::adopt(&mut self.table, parent, e.index);
        if matches!(self.table.at(parent).state, State::StopHook | State::Down | State::Free) {
            self.end_unseen(e.index, reason::SHUTDOWN); // its parent waits for no child any more
        } else if orphan {
            self.facts.push_back(Fact::End { index: e.index, age: e.age, reason: reason::SHUTDOWN });
        }
    }

    /// An actor was spawned on the system by another isolate: its parent, the root, is here.
    pub(super) fn born(&mut self, h: &Header, letter: u32) {
        self.is_used(h.index);
        if let Some([class, policy, shutdown, home, home_age]) = self.words_of::<5>(letter) {
            let e = Entry { head: class << TAG_SHIFT, index: h.index, age: h.generation, ..Entry::default() };
            let extra = Entry { index: home, age: policy, payload: shutdown, from: home_age, ..Entry::default() };
            self.stand_in_for(&e, &extra);
        }
        self.notify(Entry {
            head: note::CARRY | crate::entry::flag::ARITY | crate::entry::flag::LETTER | carry::BORN << TAG_SHIFT,
            index: h.index,
            age: h.generation,
            payload: letter,
            ..Entry::default()
        });
    }

    /// Whether what came is for a stand-in that there still is.
    pub(super) fn stand_in(&mut self, h: &Header) -> bool {
        self.live(h.index, h.generation).is_some_and(|c| c.is(bit::FOREIGN)) && self.home_of(h.index).is_some()
    }

    pub(super) fn stand_in_up(&mut self, h: &Header) {
        if !self.stand_in(h) {
            return;
        }
        if self.ext(h.index).fenced {
            return;
        }
        let cell = self.table.at_mut(h.index);
        cell.generation = h.payload;
        if cell.state == State::Starting {
            self.started(h.index);
        } else {
            cell.bits |= bit::STARTED; // it is to end: that crossed this
            let (index, age, payload) = (h.index, cell.age, h.payload);
            self.notify(Entry { head: note::STARTED, index, age, payload, ..Entry::default() });
        }
    }

    pub(super) fn stand_in_failed(&mut self, h: &Header, letter: u32) {
        if !self.stand_in(h) {
            return self.drop_letter(letter);
        }
        let index = h.index;
        let phase = h.from_index & 0xff;
        if h.from_index & FINAL != 0 {
            self.ext(index).is_final = true;
        }
        let before = std::mem::replace(&mut self.ext(index).told, letter);
        self.drop_letter_later(before);
        let error = if letter == 0 { 0 } else { letter | FAR_ERROR };
        if h.from_index & AS_IS != 0 || self.ext(index).fenced {
            return self.report_as_is(index, phase, 0, error);
        }
        self.fail(index, phase, 0, error);
    }

    /// The actor is between two instances.
    pub(super) fn stand_in_down(&mut self, h: &Header) {
        if !self.stand_in(h) {
            return;
        }
        if std::mem::take(&mut self.ext(h.index).fenced) {
            return;
        }
        let cell = self.table.at_mut(h.index);
        if cell.state != State::StopHand || cell.hand != AWAY {
            return;
        }
        cell.hand = 0;
        cell.bits = cell.bits & !bit::MADE | if h.from_index != 0 { bit::MADE } else { 0 };
        if cell.is(bit::AGAIN) {
            cell.reason = h.payload.to_le_bytes()[0];
            self.finish(h.index);
        } else {
            cell.hand = AWAY; // it is to end for good: that was sent after it
        }
    }

    /// The actor has ended.
    pub(super) fn stand_in_gone(&mut self, h: &Header) {
        if !self.stand_in(h) {
            return;
        }
        let index = h.index;
        self.undecided(index);
        let cell = self.table.at_mut(index);
        cell.hand = 0;
        cell.bits &= !bit::AGAIN;
        cell.bits |= if h.from_index & crate::entry::ended::STARTED != 0 { bit::STARTED } else { 0 };
        let why = h.payload;
        if cell.state == State::Down {
            self.disarm(index);
            self.table.at_mut(index).reason = why.to_le_bytes()[0];
            return self.finish(index);
        }
        if !cell.state.is_ending() {
            self.begin_end(index);
        }
        let cell = self.table.at_mut(index);
        cell.state = State::StopHand;
        cell.reason = why.to_le_bytes()[0];
        self.cut_off(index);
        self.finish(index);
    }

    /// The stand-in winds its actor up.
    pub(super) fn wind_away(&mut self, index: u32, why: u32, again: bool) {
        let cell = self.table.at_mut(index);
        cell.reason = why.to_le_bytes()[0];
        cell.state = State::StopHand;
        cell.hand = AWAY;
        if again {
            cell.bits |= bit::AGAIN;
        }
        self.cut_off(index);
        if why == reason::KILLED {
            return self.kill_away(index, again);
        }
        self.send_home(index, carry::WIND, why, u32::from(again));
    }

    /// The stand-in kills its actor, and does not wait for it.
    pub(super) fn kill_away(&mut self, index: u32, again: bool) {
        self.send_home(index, carry::KILL, 0, u32::from(again));
        self.ext(index).fenced = again;
        let state = self.table.at(index).state;
        if !state.is_ending() {
            self.begin_end(index);
        }
        self.undecided(index);
        let cell = self.table.at_mut(index);
        cell.state = State::StopHand;
        cell.reason = reason::KILLED.to_le_bytes()[0];
        cell.hand = 0;
        if !again {
            cell.bits &= !bit::AGAIN;
        }
        self.cut_off(index);
        self.finish(index);
    }

    /// The stand-in ends, and does not wait for its actor, which ends in its own time.
    pub(super) fn end_unseen(&mut self, index: u32, why: u32) {
        self.end_away(index, why);
        self.undecided(index);
        let state = self.table.at(index).state;
        if state != State::Down {
            if !state.is_ending() {
                self.begin_end(index);
            }
            self.table.at_mut(index).state = State::StopHand;
        }
        let cell = self.table.at_mut(index);
        cell.hand = 0;
        cell.bits &= !bit::AGAIN;
        cell.reason = why.to_le_bytes()[0];
        self.finish(index);
    }

    /// A stand-in whose actor is between two instances ends.
    pub(super) fn end_away(&mut self, index: u32, why: u32) {
        self.send_home(index, carry::WIND, why, 0);
    }

    pub(super) fn revive_away(&mut self, index: u32) {
        let cause = self.counted(index);
        self.send_home(index, carry::REVIVE, cause, 0);
    }

    pub(super) fn resume_away(&mut self, index: u32) {
        self.send_home(index, carry::RESUME, 0, 0);
    }

    /// A stand-in, or an actor that has one, has ended.
    pub(super) fn foreign_ends(&mut self, index: u32, why: u32, bits: u32) {
        self.report_home(index, carry::GONE, why, bits);
        if self.away_of(index) == Some(Home::NOWHERE) {
            self.is_gone_between(index);
        }
        let at = self.table.at(index).ext;
        let (seed, told) = self.exts.get(at).map_or((0, 0), |x| (x.seed, x.told));
        self.drop_letter_later(seed);
        self.drop_letter_later(told);
    }

    /// The age of an index, if anybody is there, or is about to be.
    #[must_use]
    pub fn age_at(&self, index: u32) -> Option<u32> {
        self.table.get(index).filter(|c| index != ROOT && (c.state != State::Free || c.reason == 0)).map(|c| c.age)
    }

    /// What the actor's class is called; nothing when this lane does not know.
    #[must_use]
    pub fn class_of(&self, index: u32) -> String {
        let class = self.table.get(index).map_or(0, |c| c.class);
        self.registry.class(u32::from(class)).unwrap_or_default().to_owned()
    }

    /// Of a stand-in the address and the age of its actor; else 0.
    #[must_use]
    pub fn stands_for(&self, index: u32) -> (u32, u32) {
        self.home_of(index).map_or((0, 0), |home| (home.word, home.age))
    }

    /// An actor that was spawned from elsewhere supervises by this profile.
    pub fn supervises_by(&mut self, index: u32, profile: u32) {
        if index != ROOT && self.table.get(index).is_some_and(|c| c.state != State::Free) {
            self.ext(index).profile = profile;
        }
    }

    /// Keeps what the actor's isolate wrote of it, as if it had been spawned from elsewhere: the next isolate reads that.
    pub fn plant(&mut self, index: u32, age: u32, bytes: &[u8]) {
        if self.seed(index).is_some() || self.live(index, age).is_none() {
            return;
        }
        let Some(far) = self.far.as_mut() else { return };
        let parcel = far.parcels.parcel(Header { source_lane: far.place, ..Header::default() }, bytes);
        let seed = far.letters.keep(parcel);
        self.ext(index).seed = seed;
    }

    /// What the isolates wrote when the actor was spawned: the number of the letter.
    #[must_use]
    pub fn seed(&self, index: u32) -> Option<u32> {
        self.ext_of(index).map(|x| x.seed).filter(|seed| *seed != 0)
    }
}

/// Of the number of an error: it is that of a letter.
pub(super) const FAR_ERROR: u32 = 1 << 30;
/// Of the word with the phase of a failure: something else was decided before it was told.
pub(super) const AS_IS: u32 = 1 << 9;
/// Of the words of a failure: the actor may not come back, whatever the options say.
const FINAL: u32 = 1 << 10;
