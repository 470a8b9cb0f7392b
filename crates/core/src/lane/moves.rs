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
//! go after all that it wrote in the same turn. A failure that is being decided about is waited for, on either side.
//! Lanes whose isolate is gone follow orders like others.

use std::collections::VecDeque;

use super::far::{Address, EPOCH_MASK};
use super::parcel::Header;
use super::{Fact, Lane, ROOT};
use crate::cell::ext::Home;
use crate::cell::{Cell, State, bit, family};
use crate::entry::{Entry, TAG_SHIFT, adopted, carry, note, reason};
use crate::registry::split_number;

/// What a lane has to do with moves.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// To be followed at the end of the turn.
    orders: Vec<Order>,
    /// Of the first lane: those that wait for their turn.
    queue: VecDeque<Move>,
    /// Of the first lane: one is on its way.
    moves: bool,
    /// Of actors that ended between two seats: index, age and what they would have reported.
    gone: Vec<(u32, u32, Vec<Word>)>,
}

/// What an actor tells its seat: one of [`carry`], and its words.
pub(crate) type Word = (u32, u32, u32);

/// One move.
#[derive(Clone, Copy, Debug)]
struct Move {
    child: Home,
    parent: Home,
    /// Where it is supervised.
    seat: Home,
    /// Where it will be.
    room: Home,
    /// How far the climb is.
    at: Home,
    /// The generation of the new parent: the one after it has asked for nobody.
    since: u32,
    /// The lane that asked, which of its isolates, and by which number.
    asker: [u32; 3],
}

/// What is to be done next.
#[derive(Debug)]
struct Order {
    step: u32,
    result: u32,
    of: Move,
    more: Vec<u32>,
}

/// Words of a move.
const WORDS: usize = 14;

mod step {
    pub(super) const ASK: u32 = 0;
    pub(super) const CLIMB: u32 = 1;
    pub(super) const CHILD: u32 = 2;
    pub(super) const SEAT: u32 = 3;
    pub(super) const ROOM: u32 = 4;
    pub(super) const GO: u32 = 5;
    pub(super) const DEPART: u32 = 6;
    pub(super) const INSTALL: u32 = 7;
    pub(super) const ARRIVED: u32 = 8;
    /// At the actor: it stays where it was.
    pub(super) const BACK: u32 = 9;
    /// At the new parent: the name is not needed.
    pub(super) const CLEAR: u32 = 10;
    /// At the actor: its seat is the same, and has another parent.
    pub(super) const TOLD: u32 = 11;
    pub(super) const OVER: u32 = 12;
}

impl Move {
    fn words(&self) -> [u32; WORDS] {
        let [asker, epoch, number] = self.asker;
        let homes = [self.child, self.parent, self.seat, self.room, self.at];
        let mut words = [0; WORDS];
        for (to, home) in words.chunks_exact_mut(2).zip(homes) {
            to.copy_from_slice(&[home.word, home.age]);
        }
        words[10..].copy_from_slice(&[self.since, asker, epoch, number]);
        words
    }

    fn read(words: &[u32]) -> Option<Move> {
        let home = |at: usize| Some(Home { word: *words.get(at)?, age: *words.get(at + 1)? });
        let asker = words.get(11..WORDS)?.try_into().ok()?;
        let since = words[10];
        Some(Move { child: home(0)?, parent: home(2)?, seat: home(4)?, room: home(6)?, at: home(8)?, since, asker })
    }
}

/// The lane of a home.
fn lane_of(home: Home) -> u32 {
    Address::of(home.word).map_or(0, |a| a.lane)
}

/// The index of a home in its lane.
fn index_of(home: Home) -> u32 {
    Address::of(home.word).map_or(0, |a| a.index)
}

impl Lane {
    fn place(&self) -> u32 {
        self.far.as_ref().map_or(0, |far| far.place)
    }

    fn order(&mut self, lane: u32, step: u32, of: Move, result: u32, more: &[u32]) {
        let bytes: Vec<u8> = of.words().iter().chain(more).flat_map(|word| word.to_ne_bytes()).collect();
        let header = Header { w0: carry::MOVE, payload: step, from_index: result, ..Header::default() };
        self.tell(lane, header, &bytes, true);
    }

    /// An order came.
    pub(super) fn ordered(&mut self, h: &Header, letter: u32) {
        let Some(far) = self.far.as_mut() else { return };
        let Some(parcel) = far.letters.get(letter) else { return };
        let words: Vec<u32> =
            parcel.bytes().as_chunks().0.iter().map(|bytes| u32::from_ne_bytes(*bytes)).collect();
        if let Some(of) = Move::read(&words) {
            let more = words[WORDS..].to_vec();
            far.moves.orders.push(Order { step: h.payload, result: h.from_index, of, more });
        }
    }

    /// Somebody here wants the actor to get another parent.
    pub(super) fn ask_for_move(&mut self, child: Home, parent: Home, number: u32) {
        let Some(far) = self.far.as_ref() else { return };
        let asker = [far.place, far.epoch & EPOCH_MASK, number];
        let since = self.table.at(index_of(parent)).generation;
        let of = Move { child, parent, seat: Home::NOWHERE, room: Home::NOWHERE, at: parent, since, asker };
        self.order(0, step::ASK, of, 0, &[]);
    }

    /// Whether actors are on their way from one parent to another: the system does not end before.
    pub(super) fn is_moving(&self) -> bool {
        self.far.as_ref().is_some_and(|far| far.moves.moves)
    }

    /// Follows what can be followed now. All consequences are drawn.
    pub(super) fn follow_orders(&mut self) {
        loop {
            let Some(far) = self.far.as_mut().filter(|far| !far.moves.orders.is_empty()) else { return };
            let orders = std::mem::take(&mut far.moves.orders);
            let before = orders.len();
            let mut later = Vec::new();
            for order in orders {
                if !self.follow(&order) {
                    later.push(order);
                }
            }
            self.draw_consequences();
            let waits = later.len() == before;
            if let Some(far) = self.far.as_mut() {
                far.moves.orders = later;
            }
            if waits {
                return;
            }
        }
    }

    /// Whether that could be done now.
    fn follow(&mut self, o: &Order) -> bool {
        let of = o.of;
        match o.step {
            step::ASK => self.asked_for_move(of),
            step::CLIMB => self.climb(of),
            step::CHILD => self.find_seat(of),
            step::SEAT => self.look_at_seat(of),
            step::ROOM => self.make_room(of, &o.more),
            step::GO => return self.go(of),
            step::DEPART => return self.depart(of),
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

    fn over(&mut self, of: Move, result: u32) {
        self.order(0, step::OVER, of, result, &[]);
    }

    // ---------------------------------------------------------------------------------------- the first lane

    fn asked_for_move(&mut self, of: Move) {
        if let Some(far) = self.far.as_mut() {
            far.moves.queue.push_back(of);
        }
        self.next_move();
    }

    fn next_move(&mut self) {
        let Some(far) = self.far.as_mut().filter(|far| !far.moves.moves) else { return };
        let Some(of) = far.moves.queue.pop_front() else { return };
        far.moves.moves = true;
        self.order(lane_of(of.parent), step::CLIMB, of, 0, &[]);
    }

    fn move_is_over(&mut self, of: Move, result: u32) {
        if let Some(far) = self.far.as_mut() {
            far.moves.moves = false;
        }
        let [asker, epoch, number] = of.asker;
        let header = Header {
            w0: carry::ADOPTED,
            index: of.child.word,
            generation: of.child.age,
            payload: number,
            from_index: result,
            corr: index_of(of.parent),
            source_lane: epoch,
            ..Header::default()
        };
        self.tell(asker, header, &[], true);
        self.next_move();
        if !self.is_moving() && self.table.at(ROOT).state.is_winding() {
            self.facts.push_back(Fact::Step { index: ROOT });
        }
    }

    /// The answer, where it was asked.
    pub(super) fn moved_or_not(&mut self, h: &Header) {
        let own = Address::of(h.index).filter(|a| a.lane == self.place());
        self.notify(Entry {
            head: note::ADOPTED,
            index: own.map_or(h.index, |a| a.index),
            age: h.generation,
            payload: h.payload,
            from: h.corr,
            corr: h.from_index,
        });
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

    /// The stand-in is none any more.
    fn depart(&mut self, of: Move) -> bool {
        let index = index_of(of.seat);
        let Some(cell) = self.live(index, of.seat.age).filter(|c| !c.ends()) else {
            self.order(lane_of(of.child), step::BACK, of, adopted::ENDED, &[]);
            return true;
        };
        if cell.state == State::Failing {
            return false;
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
        true
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
