//! Cycles of asks over several lanes.
//!
//! A lane knows the asks of its own actors only, so a search is handed on from lane to lane. It begins where an ask meets
//! an actor that waits itself: of the asks of a cycle the one that was made last finds all others there, so that each
//! cycle is found. An ask whose target does not wait costs nothing.
//!
//! 1. A *probe* goes along the asks, each step into the lane of the one that is asked, and takes the chain of asks with it.
//!    It ends where nobody waits, or where the first ask's actor is met.
//! 2. Then the chain is *checked*: once more round, from the ask that comes first in order, which is the same one whoever
//!    found the cycle. Each ask must still be waited for, and not be answered. An ask is made once and over once, so one
//!    that was there before and after the probe came back was there at that moment: all of them together.
//! 3. The lane of the first ask *tells* of the cycle, once, and all lanes in it mark their asks.
//!
//! A check that fails has met an ask that is over. There may be another way to the same actor, which the chase did not
//! take twice, so the search begins *again*.

use super::Lane;
use super::far::{Address, EPOCH_MASK, EPOCH_SHIFT, LANE};
use super::parcel::Header;
use crate::ask::{NONE, age, slot};
use crate::entry::{Entry, carry, note};
use crate::limits::{CALL_BITS, INDEX_BITS};

/// Steps of a chase: the header's `from_index`.
mod step {
    /// `index`,`generation` = who is asked, `payload` = the chase. The letter is the chain.
    pub(super) const PROBE: u32 = 0;
    /// `payload` = how many asks of the letter were checked.
    pub(super) const CHECK: u32 = 1;
    /// The letter is a cycle.
    pub(super) const TELL: u32 = 2;
    /// The letter is the ask to begin with.
    pub(super) const AGAIN: u32 = 3;
}

/// Longer chains are not followed: what travels grows with them.
const LONGEST: usize = 1024;
/// How often a search that was in vain begins again.
const VAIN: u8 = 100;

/// An ask, by who made it and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    /// The lane and which of its isolates, as in a header.
    source: u32,
    corr: u32,
    index: u32,
    age: u32,
}

const BYTES: usize = size_of::<Member>();

impl Member {
    fn lane(&self) -> u32 {
        self.source & LANE
    }

    fn bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        for (to, word) in bytes.chunks_exact_mut(4).zip([self.source, self.corr, self.index, self.age]) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    fn of(bytes: &[u8]) -> Self {
        let word =
            |at: usize| bytes.get(at * 4..at * 4 + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes);
        Member { source: word(0), corr: word(1), index: word(2), age: word(3) }
    }
}

/// What a lane remembers of chases.
#[derive(Debug, Default)]
pub(super) struct Chases {
    /// How many it began.
    begun: u32,
    /// Cycles that it told of whose first ask is open, each in order.
    told: Vec<Vec<Member>>,
}

impl Lane {
    /// This lane and its isolate, as in a header.
    pub(super) fn source(&self) -> u32 {
        self.far.as_ref().map_or(0, |far| far.place | (far.epoch & EPOCH_MASK) << EPOCH_SHIFT)
    }

    pub(super) fn new_chase(&mut self) -> u32 {
        let Some(far) = self.far.as_mut() else { return 0 };
        far.chases.begun = far.chases.begun % ((1 << INDEX_BITS) - 1) + 1;
        Address { lane: far.place, index: far.chases.begun }.word()
    }

    /// An ask came from an actor that waits for it.
    #[inline]
    pub(super) fn asked_from_afar(&mut self, h: &Header) {
        if self.table.get(h.index).is_some_and(|c| c.asking != NONE) {
            self.begin_chase(h);
        }
    }

    #[cold]
    fn begin_chase(&mut self, h: &Header) {
        let Some(from) = Address::of(h.from_index) else { return };
        let source = h.source_lane & (LANE | EPOCH_MASK << EPOCH_SHIFT);
        let first = Member { source, corr: h.corr, index: from.index, age: h.from_generation };
        let chase = self.new_chase();
        self.pursue(chase, &[first], h);
    }

    /// One of [`step`].
    #[cold]
    pub(super) fn chased(&mut self, h: &Header, letter: u32) {
        let bytes = self.far.as_ref().and_then(|far| far.letters.get(letter)).map_or(&[][..], |parcel| parcel.bytes());
        let members: Vec<_> = bytes.chunks_exact(BYTES).map(Member::of).collect();
        match h.from_index {
            step::PROBE => self.pursue(h.payload, &members, h),
            step::CHECK => self.check(&members, h.payload as usize),
            step::TELL => self.hear_of_cycle(&members, true),
            _ => self.search_again(&members),
        }
    }

    /// The last ask of the chain asks the actor that `h` names: its own asks are followed.
    fn pursue(&mut self, chase: u32, chain: &[Member], h: &Header) {
        let Some(first) = chain.first() else { return };
        let Some(asked) = self.table.get(h.index).filter(|c| c.age == h.generation).map(|c| c.asking) else { return };
        let is_here = first.lane() == self.source() & LANE;
        if asked == NONE || (is_here && !self.is_awaited(first)) {
            return;
        }
        let goal = is_here.then_some(first.index);
        if goal == Some(h.index) {
            return self.came_back(chase, chain);
        }
        // an actor that it came through before is not asked again: what it asks since then is chased for itself
        let place = self.source() & LANE;
        let seen: Vec<_> = chain.iter().filter(|it| it.lane() == place).map(|it| it.index).collect();
        if seen.contains(&h.index) {
            return;
        }
        let mut away = Vec::new();
        match self.follow_asks(asked, true, goal, seen, &mut away) {
            Some(way) => self.came_back(chase, &self.chain(chain, &way)),
            None => self.chase_on(chase, chain, &away),
        }
    }

    /// The chase has found a cycle. One ask closes one, whatever other ways there are.
    fn came_back(&mut self, chase: u32, members: &[Member]) {
        let first = members.first().and_then(|it| self.calls.get_mut(slot(it.corr)));
        if let Some(call) = first.filter(|call| call.found != chase) {
            call.found = chase;
            self.check(members, 0);
        }
    }

    /// The chain with own calls behind it.
    fn chain(&self, chain: &[Member], way: &[u32]) -> Vec<Member> {
        let source = self.source();
        let own = way.iter().filter_map(|&at| {
            let call = self.calls.get(at)?;
            let corr = at | u32::from(call.age) << CALL_BITS;
            Some(Member { source, corr, index: call.asker, age: self.table.at(call.asker).age })
        });
        chain.iter().copied().chain(own).collect()
    }

    /// Follows calls into the lanes that they lead to, each once.
    pub(super) fn chase_on(&mut self, chase: u32, chain: &[Member], away: &[Vec<u32>]) {
        for way in away {
            if chain.len() + way.len() > LONGEST {
                continue;
            }
            let Some(call) = way.last().and_then(|&at| self.calls.get_mut(at)).filter(|c| c.chase != chase) else {
                continue;
            };
            call.chase = chase;
            let (target, generation) = (call.target, call.target_age);
            let Some(to) = Address::of(target) else { continue };
            let chain = self.chain(chain, way);
            self.send_step(
                to.lane,
                Header { index: to.index, generation, payload: chase, ..Header::default() },
                &chain,
            );
        }
    }

    fn send_step(&mut self, lane: u32, h: Header, members: &[Member]) {
        let bytes: Vec<u8> = members.iter().flat_map(|m| m.bytes()).collect();
        self.tell(lane, Header { w0: carry::CHASE, ..h }, &bytes, false);
    }

    /// Whether somebody of this lane waits for it.
    fn is_awaited(&self, it: &Member) -> bool {
        let is_open = |c: &crate::ask::Call| c.open && c.age == age(it.corr) && c.asker == it.index;
        it.source == self.source()
            && self.calls.get(slot(it.corr)).is_some_and(is_open)
            && self.table.get(it.index).is_some_and(|c| c.age == it.age)
    }

    /// Goes on with the check where `done` asks were found as they were.
    fn check(&mut self, members: &[Member], mut done: usize) {
        let count = members.len();
        let Some(first) = (0..count).min_by_key(|&at| members[at]) else { return };
        let place = self.source() & LANE;
        loop {
            let at = (first + done) % count;
            let (it, asks_it) = (members[at], members[(at + count - 1) % count]);
            if it.lane() != place {
                let payload = u32::try_from(done).unwrap_or(u32::MAX);
                let header = Header { from_index: step::CHECK, payload, ..Header::default() };
                return self.send_step(it.lane(), header, members);
            }
            if !self.is_awaited(&it) || !(asks_it.lane() == place || self.is_unanswered(&asks_it)) {
                return self.was_in_vain(&members[0]);
            }
            if done == count {
                return self.tell_of_cycle(members);
            }
            done += 1;
        }
    }

    /// Whether an ask of another lane, for an actor of this one, is open here.
    fn is_unanswered(&self, it: &Member) -> bool {
        let whose = (it.lane(), it.source >> EPOCH_SHIFT);
        self.far.as_ref().is_some_and(|far| far.calls.find(whose, it.corr).is_some())
    }

    fn was_in_vain(&mut self, first: &Member) {
        if first.lane() == self.source() & LANE {
            return self.search_again(&[*first]);
        }
        self.send_step(first.lane(), Header { from_index: step::AGAIN, ..Header::default() }, &[*first]);
    }

    fn search_again(&mut self, members: &[Member]) {
        let Some(first) = members.first().filter(|it| self.is_awaited(it)) else { return };
        let at = slot(first.corr);
        if let Some(call) = self.calls.get_mut(at).filter(|c| c.vain < VAIN) {
            call.vain += 1;
            let _told = self.search(first.index, at); // whichever ask closed that one has reported it
        }
    }

    /// Whoever found the cycle: it is told of here, and once.
    fn tell_of_cycle(&mut self, members: &[Member]) {
        let mut cycle = members.to_vec();
        cycle.sort_unstable();
        let told = self.far.as_mut().map(|far| std::mem::take(&mut far.chases.told)).unwrap_or_default();
        let mut told: Vec<_> = told.into_iter().filter(|cycle| self.is_awaited(&cycle[0])).collect();
        let is_known = told.contains(&cycle);
        let mut lanes: Vec<_> = cycle.iter().map(Member::lane).collect();
        if !is_known {
            told.push(cycle);
        }
        if let Some(far) = self.far.as_mut() {
            far.chases.told = told;
        }
        if is_known {
            return;
        }
        lanes.dedup(); // those of one lane stand together
        let place = self.source() & LANE;
        for lane in lanes.into_iter().filter(|lane| *lane != place) {
            self.send_step(lane, Header { from_index: step::TELL, ..Header::default() }, members);
        }
        self.hear_of_cycle(members, false);
    }

    /// Asks of this lane are in the cycle. `elsewhere`: another isolate tells of it.
    fn hear_of_cycle(&mut self, members: &[Member], elsewhere: bool) {
        for (left, it) in (0..members.len()).rev().zip(members) {
            let is_own = it.source == self.source();
            let call = self.calls.get_mut(slot(it.corr)).filter(|c| is_own && c.open && c.age == age(it.corr));
            let corr = call.map_or(0, |call| {
                call.cyclic = true;
                it.corr
            });
            let index = if it.lane() == self.source() & LANE {
                it.index
            } else {
                Address { lane: it.lane(), index: it.index }.word()
            };
            let payload = u32::try_from(left).unwrap_or(0);
            let from = u32::from(elsewhere);
            self.notify(Entry { head: note::CYCLE, index, age: it.age, payload, from, corr });
        }
    }
}
