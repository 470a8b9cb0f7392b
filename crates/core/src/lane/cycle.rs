//! Who waits for whom: a cycle of actors that wait for each other's replies is seen when it closes.
//!
//! An edge exists while something exclusive (a handler, a timer, the start) is suspended and a call that it made
//! before its first `await` is open. Each actor keeps its open calls in a list; a new call looks from its target along
//! these lists for its asker.

use super::Lane;
use crate::ask::{NONE, age, slot};
use crate::entry::{Entry, note};

impl Lane {
    /// The sender of an ask waits for its target, if what it runs was suspended before the ask was routed.
    #[inline(never)]
    pub(super) fn waits_for(&mut self, e: &Entry) {
        if self.begun == Some(e.from) {
            return self.asked.push(*e); // whether it will wait is seen when it has returned
        }
        let Some(asker) = self.table.get_mut(e.from) else {
            return;
        };
        if asker.hand == 0 || !self.calls.get(slot(e.corr)).is_some_and(|c| c.open && c.age == age(e.corr)) {
            return;
        }
        let (at, next) = (slot(e.corr), asker.asking);
        asker.asking = at;
        if let Some(call) = self.calls.get_mut(at) {
            (call.asker, call.prev, call.next) = (e.from, NONE, next);
        }
        if let Some(call) = self.calls.get_mut(next) {
            call.prev = at;
        }
        if e.index == e.from || self.table.get(e.index).is_some_and(|c| c.asking != NONE) {
            self.report_cycle(e.from, at);
        }
    }

    /// Searches from the target of the call `first` for `asker`; reports the members if it is found.
    #[cold]
    fn report_cycle(&mut self, asker: u32, first: u32) {
        // depth first; `way` holds the calls from the asker to here
        let mut way = vec![first];
        let mut seen = vec![];
        while let Some(&at) = way.last() {
            let Some(call) = self.calls.get(at).copied() else {
                return;
            };
            if call.target == asker {
                break;
            }
            let next = self.table.get(call.target).map_or(NONE, |c| c.asking);
            if next != NONE && !seen.contains(&call.target) {
                seen.push(call.target);
                way.push(next);
                continue;
            }
            // a dead end: try the siblings of this call, then of those before
            loop {
                let Some(at) = way.pop() else { return };
                if way.is_empty() {
                    return;
                }
                let sibling = self.calls.get(at).map_or(NONE, |c| c.next);
                if sibling != NONE {
                    way.push(sibling);
                    break;
                }
            }
        }
        let count = way.len();
        for (place, &at) in way.iter().enumerate() {
            let Some(call) = self.calls.get_mut(at) else {
                continue;
            };
            call.cyclic = true;
            let corr = at | u32::from(call.age) << crate::limits::CALL_BITS;
            let index = call.asker;
            let age = self.table.at(index).age;
            let left = u32::try_from(count - place - 1).unwrap_or(0);
            self.notify(Entry { head: note::CYCLE, index, age, payload: left, from: 0, corr });
        }
    }

    pub(super) fn unlink_call(&mut self, corr: u32) {
        let Some(call) = self.calls.get_mut(slot(corr)) else {
            return;
        };
        let (asker, prev, next) = (call.asker, call.prev, call.next);
        (call.asker, call.prev, call.next) = (0, NONE, NONE);
        if let Some(before) = self.calls.get_mut(prev) {
            before.next = next;
        } else if let Some(cell) = self.table.get_mut(asker) {
            cell.asking = next;
        }
        if let Some(after) = self.calls.get_mut(next) {
            after.prev = prev;
        }
    }

    /// The handler that made the calls has ended: nobody waits for them inside it.
    pub(super) fn drop_asking(&mut self, index: u32) {
        let mut at = std::mem::replace(&mut self.table.at_mut(index).asking, NONE);
        while let Some(call) = self.calls.get_mut(at) {
            at = call.next;
            (call.asker, call.prev, call.next) = (0, NONE, NONE);
        }
    }
}
