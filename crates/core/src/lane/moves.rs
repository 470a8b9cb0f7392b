//! An actor gets another parent, and not all of it happens in one lane.
//!
//! One such move is on its way at a time, in the whole system: the first lane has the queue. So whoever climbs from the
//! new parent to the root and does not meet the actor knows that no loop comes of it. What is to be done next, and
//! where, is an order; it goes from lane to lane, after what its lane sent before, and is followed when all consequences
//! of a turn are drawn.
//!
//! ```text
//!   CLIMB    from the new parent up           no loop
//!   CHILD    at the actor                     where is its seat? There it is supervised: itself, or its stand-in
//!   SEAT     at the seat                      what is it called?
//!   ROOM     at the new parent                that name is kept for it
//!   GO       at the actor                     from now on it keeps to itself what it would report
//!   DEPART   at the seat                      all that it reported was obeyed: the seat is given up
//!   INSTALL  at the new parent                the next seat goes on where that one was
//!   ARRIVED  at the actor                     what it kept to itself is told there
//!   OVER     at the first lane                the answer, and the next move
//! ```
//!
//! What the seat told its actor before it was given up is there before anything of the next seat can be: a lane's news
//! go after all that it wrote in the same turn. An actor that is being decided about does not go before that is done.
//! Lanes whose isolate is gone follow orders like others.

use super::far::Address;
use super::orders::Word;
use super::orders::{Move, Order, index_of, lane_of, step};
use super::{Fact, Lane, ROOT};
use crate::cell::ext::Home;
use crate::cell::{Cell, State, bit, family};
use crate::entry::{Entry, TAG_SHIFT, adopted, carry, note, reason};
use crate::registry::split_number;

impl Lane {
    /// Whether that could be done now.
    pub(super) fn follow(&mut self, o: &Order) -> bool {
        let of = o.of;
        match o.step {
            step::ASK => self.asked_for_move(of),
            step::CLIMB => self.climb(of),
            step::CHILD => self.find_seat(of),
            step::SEAT => self.look_at_seat(of),
            step::ROOM => self.make_room(of, &o.more),
            step::GO => return self.go(of),
            step::DEPART => self.depart(of),
            step::INSTALL => self.install(of, o.result, &o.more),
            step::ARRIVED => {
                self.is_seated(of.child, of.room);
                self.tell_of_move(of.child);
                self.over(of, o.result);
            }
            step::BACK => {
                self.is_seated(of.child, of.seat);
                self.order(lane_of(of.parent), step::CLEAR, of, o.result, &[]);
            }
            step::CLEAR => {
                self.clear_room(of);
                self.over(of, o.result);
            }
            step::TOLD => {
                self.tell_of_move(of.child);
                self.over(of, o.result);
            }
            _ => self.move_is_over(of, o.result),
        }
        true
    }

    // ------------------------------------------------------------------------------------- may it, and where

    /// From parent to parent, as far as they are in this lane.
    fn climb(&mut self, of: Move) {
        let mut at = of.at;
        loop {
            if at == of.child {
                return self.over(of, adopted::ABOVE);
            }
            let (lane, index) = (lane_of(at), index_of(at));
            if lane != self.place() {
                return self.order(lane, step::CLIMB, Move { at, ..of }, 0, &[]);
            }
            if index == ROOT && lane == 0 {
                return self.order(lane_of(of.child), step::CHILD, of, 0, &[]);
            }
            let Some(parent) = self.live(index, at.age).filter(|_| index != ROOT).map(|c| c.parent) else {
                return self.over(of, adopted::ENDED); // one above it was killed: it is about to end
            };
            at = if self.away_of(index).is_some() {
                self.away_of(index).unwrap_or(Home::NOWHERE)
            } else if parent == ROOT && lane == 0 {
                Home::ROOT
            } else {
                Home { word: self.address(parent), age: self.table.at(parent).age }
            };
            if Address::of(at.word).is_none() {
                return self.over(of, adopted::ENDED);
            }
        }
    }

    fn find_seat(&mut self, of: Move) {
        let index = index_of(of.child);
        if self.live(index, of.child.age).is_none_or(|c| c.ends()) {
            return self.over(of, adopted::ENDED);
        }
        let seat = self.away_of(index).unwrap_or(of.child);
        self.order(lane_of(seat), step::SEAT, Move { seat, ..of }, 0, &[]);
    }

    fn look_at_seat(&mut self, of: Move) {
        let (index, parent) = (index_of(of.seat), index_of(of.parent));
        if self.live(index, of.seat.age).is_none_or(|c| c.ends()) {
            return self.over(of, adopted::ENDED);
        }
        if lane_of(of.parent) != self.place() {
            let name = self.name(index);
            let mut words = vec![u32::from(self.registry.given(index).is_some())];
            words.extend(name.bytes().map(u32::from));
            return self.order(lane_of(of.parent), step::ROOM, of, 0, &words);
        }
        if self.state_of_parent(of).is_over() {
            return self.over(of, adopted::ENDED);
        }
        let before = self.table.at(index).parent;
        let result = self.move_here(index, parent); // in this lane it may be below it by now
        if before == parent || result != adopted::DONE {
            return self.over(of, result);
        }
        if self.home_of(index).is_some() {
            self.tell_of_seat(index, of);
        }
        self.order(lane_of(of.child), step::TOLD, of, result, &[]);
    }

    /// The new parent is nobody any more when another instance took the place of the one that asked.
    fn state_of_parent(&mut self, of: Move) -> State {
        let parent = index_of(of.parent);
        let is_same = |p: &&mut Cell| parent == ROOT || p.generation == of.since;
        self.live(parent, of.parent.age).filter(is_same).map_or(State::Free, |p| p.state)
    }

    /// The name is kept below the new parent. One that was not given is another one when it is taken.
    fn make_room(&mut self, of: Move, more: &[u32]) {
        let parent = index_of(of.parent);
        if self.state_of_parent(of).is_over() {
            return self.over(of, adopted::ENDED);
        }
        let is_given = more.first() == Some(&1);
        let bytes = more[1..].iter().map(|byte| byte.to_le_bytes()[0]).collect();
        let mut name = String::from_utf8(bytes).unwrap_or_default();
        let room = if lane_of(of.child) == self.place() {
            of.child
        } else {
            let Ok((index, age)) = self.table.grant() else { return self.over(of, adopted::ENDED) };
            Home { word: self.address(index), age }
        };
        let of = Move { room, ..of };
        if !is_given && self.is_named(parent, &name) {
            let number = u64::from(room.age) << crate::limits::INDEX_BITS | u64::from(index_of(room));
            name = format!("{}-{number}", split_number(&name).map_or("Actor", |split| split.0));
        }
        if self.is_named(parent, &name) || self.registry.give(parent, &name, index_of(room)).is_err() {
            self.clear_room(of);
            return self.over(of, adopted::NAME_TAKEN);
        }
        self.order(lane_of(of.child), step::GO, of, 0, &[]);
    }

    fn clear_room(&mut self, of: Move) {
        self.registry.take(index_of(of.room));
        if lane_of(of.child) != self.place() {
            self.table.at_mut(index_of(of.room)).reason = reason::UNKNOWN.to_le_bytes()[0];
            self.ended.push(index_of(of.room));
        }
    }

    // ------------------------------------------------------------------------------------------- from here to there

    /// It is between two seats from now on. Not while it is decided about.
    fn go(&mut self, of: Move) -> bool {
        let index = index_of(of.child);
        let Some(cell) = self.live(index, of.child.age).filter(|c| !c.ends()) else {
            self.order(lane_of(of.parent), step::CLEAR, of, adopted::ENDED, &[]);
            return true;
        };
        if cell.state == State::Failing || self.ext_of(index).is_some_and(|x| x.is_telling) {
            return false;
        }
        if self.away_of(index).is_some() {
            self.ext(index).away = Some(Home::NOWHERE);
            self.order(lane_of(of.seat), step::DEPART, of, 0, &[]);
            return true;
        }
        let words = self.leave_seat(index);
        let foster = self.foster_cell();
        self.table.at_mut(index).bits |= bit::FOREIGN;
        self.ext(index).away = Some(Home::NOWHERE);
        family::adopt(&mut self.table, foster, index);
        self.tell_of_move(of.child); // that it has none here
        self.order(lane_of(of.parent), step::INSTALL, of, 0, &words);
        true
    }

    /// The stand-in is none any more. It decides about nothing, as its actor was not waiting for that.
    fn depart(&mut self, of: Move) {
        let index = index_of(of.seat);
        if self.live(index, of.seat.age).is_none_or(|c| c.ends()) {
            return self.order(lane_of(of.child), step::BACK, of, adopted::ENDED, &[]);
        }
        let words = self.leave_seat(index);
        self.forget_seat(index);
        self.notify(Entry {
            head: note::CARRY | carry::MOVED << TAG_SHIFT,
            index,
            age: of.seat.age,
            from: LEFT,
            ..Entry::default()
        });
        self.order(lane_of(of.parent), step::INSTALL, of, 0, &words);
    }

    /// It is supervised here from now on. If its new parent ended meanwhile, it ends too, as a child of the root.
    fn install(&mut self, of: Move, result: u32, words: &[u32]) {
        let parent = index_of(of.parent);
        let state = self.state_of_parent(of);
        let is_left = matches!(state, State::StopHook | State::Down | State::Free);
        let is_last = parent == ROOT && self.place() == 0;
        let lost_name = of.room != Home::NOWHERE && self.registry.given(index_of(of.room)).is_none();
        if !is_last && (is_left || lost_name) {
            self.clear_room(of);
            let room = if lane_of(of.child) == 0 { of.child } else { Home::NOWHERE };
            let of = Move { parent: Home::ROOT, room, ..of };
            return self.order(0, step::INSTALL, of, adopted::ENDED, words);
        }
        let result = if state.is_over() { adopted::ENDED } else { result };
        let index = if lane_of(of.child) == self.place() {
            if self.live(index_of(of.child), of.child.age).is_none() {
                self.words_of_gone(of.child);
                return self.over(of, adopted::ENDED);
            }
            self.take_home(index_of(of.child), parent, words);
            self.tell_of_move(of.child);
            self.over(of, result);
            index_of(of.child)
        } else {
            let room = if of.room == Home::NOWHERE { self.table.grant().ok() } else { None };
            let index = room.map_or(index_of(of.room), |granted| granted.0);
            let of = Move { room: Home { word: self.address(index), age: self.table.at(index).age }, ..of };
            self.take_seat(index, parent, of.child, words);
            self.tell_of_seat(index, of);
            self.order(lane_of(of.child), step::ARRIVED, of, result, &[]);
            index
        };
        if result != adopted::DONE {
            let age = self.table.at(index).age;
            self.facts.push_back(Fact::End { index, age, reason: reason::SHUTDOWN });
        }
    }

    // --------------------------------------------------------------------------------------- where the actor is

    /// The actor has this seat now, and tells it what it kept to itself.
    fn is_seated(&mut self, child: Home, seat: Home) {
        let index = index_of(child);
        if self.live(index, child.age).is_none() {
            for word in self.words_of_gone(child) {
                self.report_to(seat, word);
            }
            return;
        }
        let ext = self.ext(index);
        ext.away = Some(seat);
        for word in std::mem::take(&mut ext.kept_back) {
            self.report_to(seat, word);
        }
        self.fails_at_last(index);
    }

    fn words_of_gone(&mut self, child: Home) -> Vec<Word> {
        let Some(far) = self.far.as_mut() else { return Vec::new() };
        let gone = &mut far.moves.gone;
        let at = gone.iter().position(|g| (g.0, g.1) == (index_of(child), child.age));
        at.map(|at| gone.swap_remove(at).2).unwrap_or_default()
    }

    /// It has ended between two seats.
    pub(super) fn is_gone_between(&mut self, index: u32) {
        let age = self.table.at(index).age;
        let words = std::mem::take(&mut self.ext(index).kept_back);
        if let Some(far) = self.far.as_mut() {
            far.moves.gone.push((index, age, words));
        }
    }

    /// The actor's isolate learns that its parent, and perhaps its name, are other ones.
    fn tell_of_move(&mut self, child: Home) {
        let (index, age) = (index_of(child), child.age);
        if self.live(index, age).is_some() {
            let head = note::CARRY | carry::MOVED << TAG_SHIFT;
            self.notify(Entry { head, index, age, from: MOVED, ..Entry::default() });
        }
    }

    /// The isolate of a seat learns of it.
    fn tell_of_seat(&mut self, index: u32, of: Move) {
        let cell = self.table.at(index);
        let (started, runs) = (u32::from(cell.is(bit::STARTED)), u32::from(cell.state.runs()));
        self.notify(Entry {
            head: note::CARRY | carry::MOVED << TAG_SHIFT,
            index,
            age: cell.age,
            payload: of.child.word,
            from: ARRIVED | started << 2 | runs << 3 | cell.generation << 4,
            corr: of.child.age,
        });
    }
}

/// What MOVED tells: that the actor has another parent.
const MOVED: u32 = 0;
/// That a stand-in is none any more.
const LEFT: u32 = 1;
/// That one stands in for another lane's actor, or has another parent.
const ARRIVED: u32 = 2;

/// Whether the isolate reads that a stand-in is none any more: its index is free then.
pub(super) fn is_left(e: &Entry) -> bool {
    e.op() == note::CARRY && e.tag() == carry::MOVED && e.from == LEFT
}
