//! Who waits for whom: a cycle of actors that wait for each other's replies is seen when it closes.
//!
//! An edge exists while something exclusive (a handler, a timer, the start) is suspended and a call that it made
//! before its first `await` is open. Each actor keeps its open calls in a list; a new call looks from its target along
//! these lists for its asker. What leads to another lane is followed there, see [`super::chase`].

use super::Lane;
use super::far::Address;
use crate::ask::{Call, NONE, age, slot};
use crate::entry::{Entry, note};
use crate::limits::CALL_BITS;

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
            self.look_for_cycle(e.from, at);
        }
    }

    /// Whether the sender of an ask that was just routed waits for it, or will if it turns out to return a promise.
    pub(super) fn may_wait(&self, e: &Entry) -> bool {
        let is_linked = |c: &Call| c.open && c.age == age(e.corr) && c.asker != 0;
        e.from != 0 && (self.begun == Some(e.from) || self.calls.get(slot(e.corr)).is_some_and(is_linked))
    }

    /// Searches from the target of the call `first` for `asker`, which made it. What leads elsewhere is searched there.
    #[cold]
    fn look_for_cycle(&mut self, asker: u32, first: u32) {
        if let Some(way) = self.search(asker, first) {
            self.report_cycle(&way);
        }
    }

    /// The calls of a cycle within this lane, or a chase through others.
    pub(super) fn search(&mut self, asker: u32, first: u32) -> Option<Vec<u32>> {
        let mut away = Vec::new();
        let found = self.follow_asks(first, false, Some(asker), Vec::new(), &mut away);
        if found.is_none() && !away.is_empty() {
            let chase = self.new_chase();
            self.chase_on(chase, &[], &away);
        }
        found
    }

    /// Follows calls from `first`, and from others of the same asker if `all` are to be tried, to one that asks `goal`, and
    /// through none of `seen`. The calls on the way there; those that lead elsewhere come into `away`, each behind the
    /// calls before it.
    pub(super) fn follow_asks(
        &self,
        first: u32,
        all: bool,
        goal: Option<u32>,
        mut seen: Vec<u32>,
        away: &mut Vec<Vec<u32>>,
    ) -> Option<Vec<u32>> {
        // depth first
        let mut way = vec![first];
        loop {
            let call = self.calls.get(*way.last()?)?;
            if Some(call.target) == goal {
                return Some(way);
            }
            if Address::of(call.target).is_some() {
                away.push(way.clone());
            }
            let next = self.table.get(call.target).map_or(NONE, |c| c.asking);
            if next != NONE && !seen.contains(&call.target) {
                seen.push(call.target);
                way.push(next);
                continue;
            }
            // a dead end: try the siblings of this call, then of those before
            loop {
                let at = way.pop()?;
                if way.is_empty() && !all {
                    return None;
                }
                let sibling = self.calls.get(at).map_or(NONE, |c| c.next);
                if sibling != NONE {
                    way.push(sibling);
                    break;
                }
            }
        }
    }

    fn report_cycle(&mut self, way: &[u32]) {
        for (left, &at) in (0..way.len()).rev().zip(way) {
            let Some(call) = self.calls.get_mut(at) else {
                continue;
            };
            call.cyclic = true;
            let corr = at | u32::from(call.age) << CALL_BITS;
            let index = call.asker;
            let age = self.table.at(index).age;
            let left = u32::try_from(left).unwrap_or(0);
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
