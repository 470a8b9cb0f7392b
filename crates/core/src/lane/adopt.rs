//! An actor gets another parent.
//!
//! Where it and its next parent are below the same actor of their lane, and nobody below it is elsewhere, that is done
//! at once: it changes nothing of what is above or below other lanes' actors. Anything else goes through
//! [`super::moves`].

use super::far::Address;
use super::{Fact, Lane, ROOT};
use crate::cell::ext::Home;
use crate::cell::{State, family};
use crate::entry::{Entry, adopted, note};

impl Lane {
    /// Gives the actor the parent `from`, as its youngest child, and answers.
    pub(super) fn adopt(&mut self, e: &Entry) {
        let place = self.far.as_ref().map_or(0, |far| far.place);
        let child = Address::of(e.index).unwrap_or(Address { lane: place, index: e.index });
        let is_here = child.lane == place;
        let is_gone = is_here && self.live(child.index, e.age).is_none_or(|c| c.ends());
        let no_parent = (place == 0 || e.from != ROOT) && self.table.get(e.from).is_none_or(|p| p.state.is_over());
        let result = if is_gone || no_parent {
            adopted::ENDED
        } else if self.far.is_none() || (is_here && self.is_all_here(child.index, e.from)) {
            self.move_here(child.index, e.from)
        } else {
            let age = self.table.get(e.from).map_or(0, |p| p.age);
            let parent = if e.from == ROOT { Home::ROOT } else { Home { word: self.address(e.from), age } };
            return self.ask_for_move(Home { word: child.word(), age: e.age }, parent, e.payload);
        };
        self.notify(Entry {
            head: note::ADOPTED,
            index: e.index,
            age: e.age,
            payload: e.payload,
            from: e.from,
            corr: result,
        });
    }

    /// Whether nothing of the move concerns another lane: then no move there can make a loop of it either.
    fn is_all_here(&self, index: u32, parent: u32) -> bool {
        let is_at_root = parent == ROOT && self.far.as_ref().is_some_and(|far| far.place != 0);
        !is_at_root
            && self.away_of(index).is_none()
            && self.top_of(index) == self.top_of(parent)
            && family::tree(&self.table, index).into_iter().all(|below| self.home_of(below).is_none())
    }

    /// The first above the actor whose parent is elsewhere; the root when there is none.
    fn top_of(&self, mut index: u32) -> u32 {
        while index != ROOT && self.away_of(index).is_none() {
            index = self.table.at(index).parent;
        }
        index
    }

    /// The actor, or one that is stood in for, gets another parent of this lane.
    pub(super) fn move_here(&mut self, index: u32, parent: u32) -> u32 {
        let mut above = parent;
        while above != ROOT {
            if above == index {
                return adopted::ABOVE;
            }
            above = self.table.at(above).parent;
        }
        let before = self.table.at(index).parent;
        if before == parent {
            return adopted::DONE;
        }
        let given = self.registry.given(index).map(str::to_owned);
        if let Some(name) = given {
            if self.is_named(parent, &name) {
                return adopted::NAME_TAKEN;
            }
            self.registry.take(index);
            let _free = self.registry.give(parent, &name, index);
        }
        self.leave_group(index);
        family::part(&mut self.table, index);
        family::adopt(&mut self.table, parent, index);
        self.was_left(before);
        adopted::DONE
    }

    /// Whether a child of `parent` has the name; also one whose spawn is on its way has it.
    pub(super) fn is_named(&self, parent: u32, name: &str) -> bool {
        self.registry.find(parent, name).is_some() || self.find(parent, name).is_some()
    }

    /// A child has another parent now: an end that waits for the children goes on.
    pub(super) fn was_left(&mut self, parent: u32) {
        if self.table.at(parent).state == State::StopChildren {
            self.facts.push_back(Fact::Step { index: parent });
        }
    }
}
