//! Orders about actors that get another parent: how they go from lane to lane, and the queue of moves in the first one.
//! What they say is in [`super::moves`].

use std::collections::VecDeque;

use super::far::{Address, EPOCH_MASK};
use super::parcel::Header;
use super::{Fact, Lane, ROOT};
use crate::cell::ext::Home;
use crate::entry::{Entry, carry, note};

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
    pub(super) gone: Vec<(u32, u32, Vec<Word>)>,
}

/// What an actor tells its seat: one of [`carry`], and its words.
pub(crate) type Word = (u32, u32, u32);

/// One move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) child: Home,
    pub(super) parent: Home,
    /// Where it is supervised.
    pub(super) seat: Home,
    /// Where it will be.
    pub(super) room: Home,
    /// How far the climb is.
    pub(super) at: Home,
    /// The generation of the new parent: the one after it has asked for nobody.
    pub(super) since: u32,
    /// The lane that asked, which of its isolates, and by which number.
    pub(super) asker: [u32; 3],
}

/// What is to be done next.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) step: u32,
    pub(super) result: u32,
    pub(super) of: Move,
    pub(super) more: Vec<u32>,
}

/// Words of a move.
const WORDS: usize = 14;

/// What is to be done.
pub(super) mod step {
    pub(in crate::lane) const ASK: u32 = 0;
    pub(in crate::lane) const CLIMB: u32 = 1;
    pub(in crate::lane) const CHILD: u32 = 2;
    pub(in crate::lane) const SEAT: u32 = 3;
    pub(in crate::lane) const ROOM: u32 = 4;
    pub(in crate::lane) const GO: u32 = 5;
    pub(in crate::lane) const DEPART: u32 = 6;
    pub(in crate::lane) const INSTALL: u32 = 7;
    pub(in crate::lane) const ARRIVED: u32 = 8;
    /// At the actor: it stays where it was.
    pub(in crate::lane) const BACK: u32 = 9;
    /// At the new parent: the name is not needed.
    pub(in crate::lane) const CLEAR: u32 = 10;
    /// At the actor: its seat is the same, and has another parent.
    pub(in crate::lane) const TOLD: u32 = 11;
    pub(in crate::lane) const OVER: u32 = 12;
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
pub(super) fn lane_of(home: Home) -> u32 {
    Address::of(home.word).map_or(0, |a| a.lane)
}

/// The index of a home in its lane.
pub(super) fn index_of(home: Home) -> u32 {
    Address::of(home.word).map_or(0, |a| a.index)
}

impl Lane {
    pub(super) fn place(&self) -> u32 {
        self.far.as_ref().map_or(0, |far| far.place)
    }

    pub(super) fn order(&mut self, lane: u32, step: u32, of: Move, result: u32, more: &[u32]) {
        let bytes: Vec<u8> = of.words().iter().chain(more).flat_map(|word| word.to_ne_bytes()).collect();
        let header = Header { w0: carry::MOVE, payload: step, from_index: result, ..Header::default() };
        self.tell(lane, header, &bytes, true);
    }

    /// An order came.
    pub(super) fn ordered(&mut self, h: &Header, letter: u32) {
        let Some(far) = self.far.as_mut() else { return };
        let Some(parcel) = far.letters.get(letter) else { return };
        let words: Vec<u32> = parcel.bytes().as_chunks().0.iter().map(|bytes| u32::from_ne_bytes(*bytes)).collect();
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

    pub(super) fn over(&mut self, of: Move, result: u32) {
        self.order(0, step::OVER, of, result, &[]);
    }

    // ---------------------------------------------------------------------------------------- the first lane

    pub(super) fn asked_for_move(&mut self, of: Move) {
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

    pub(super) fn move_is_over(&mut self, of: Move, result: u32) {
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
}
