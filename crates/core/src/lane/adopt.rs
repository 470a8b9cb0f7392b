//! An actor gets another parent.

use super::far::Address;
use super::{Fact, Lane};
use crate::cell::{State, bit, family};
use crate::entry::{Entry, adopted, note};

impl Lane {
    /// Gives the actor the parent `from`, as its youngest child, and answers.
    pub(super) fn adopt(&mut self, e: &Entry) {
        let result = self.move_to(e);
        self.notify(Entry {
            head: note::ADOPTED,
            index: e.index,
            age: e.age,
            payload: e.payload,
            from: e.from,
            corr: result,
        });
    }

    fn move_to(&mut self, e: &Entry) -> u32 {
        let (index, parent) = (e.index, e.from);
        let is_foreign =
            |index: u32| self.table.get(index).is_some_and(|c| c.is(bit::FOREIGN) && c.state != State::Free);
        // the root is in the isolate that made the system
        let to_root = parent == super::ROOT && self.far.as_ref().is_some_and(|far| far.place != 0);
        if to_root || Address::of(index).is_some() || (is_foreign(index) && self.live(index, e.age).is_some()) {
            return adopted::ELSEWHERE;
        }
        let Some(cell) = self.live(index, e.age).filter(|c| !c.ends()).map(|c| *c) else {
            return adopted::ENDED;
        };
        if self.table.get(parent).is_none_or(|p| p.state.is_over()) {
            return adopted::ENDED;
        }
        if cell.parent == parent {
            return adopted::DONE;
        }
        let mut above = parent;
        while above != super::ROOT {
            if above == index {
                return adopted::ABOVE;
            }
            above = self.table.at(above).parent;
        }
        let given = self.registry.given(index).map(str::to_owned);
        if let Some(name) = given {
            // also one whose spawn is on its way has it
            if self.registry.find(parent, &name).is_some() || self.find(parent, &name).is_some() {
                return adopted::NAME_TAKEN;
            }
            self.registry.take(index);
            let _free = self.registry.give(parent, &name, index);
        }
        self.leave_group(index);
        family::part(&mut self.table, index);
        family::adopt(&mut self.table, parent, index);
        if self.table.at(cell.parent).state == State::StopChildren {
            self.facts.push_back(Fact::Step { index: cell.parent });
        }
        adopted::DONE
    }
}
