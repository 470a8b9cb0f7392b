//! The inbox, filled fairly from what is ready.

use super::route::take_in_hand;
use super::{Lane, Rings};
use crate::cell::{State, bit};
use crate::entry::{Entry, OP_MASK, dead, flag, note};
use crate::limits::{STREAK, VISIT};
use crate::mailbox::local::Envelope;

/// What a visit finds.
enum Found {
    /// Something to deliver.
    Deliver(Envelope),
    /// Something waits that must not run yet.
    Blocked,
    /// Nothing waits.
    Nothing,
}

impl Lane {
    /// Notes that waited for room go first.
    #[inline(always)]
    pub(super) fn flush_pending(&mut self, io: &mut Rings<'_>) {
        if !self.pending.is_empty() {
            self.flush_some(io);
        }
    }

    fn flush_some(&mut self, io: &mut Rings<'_>) {
        while self.filled < io.inbox.len() {
            let Some(entry) = self.pending.pop_front() else {
                return;
            };
            if !self.guests.is_empty() && self.keeps_note(&entry) {
                continue;
            }
            if entry.has(flag::LETTER) && !self.post(io, entry.payload) {
                return self.pending.push_front(entry);
            }
            match entry.op() {
                note::ENDED => self.ended.push(entry.index),
                note::CARRY if super::moves::is_left(&entry) => self.ended.push(entry.index),
                note::ACCEPTED => self.accepts -= 1,
                note::DOWN => self.given_up.iter_mut().filter(|g| g.0 == entry.index).for_each(|g| g.1 = true),
                _ => {}
            }
            io.inbox[self.filled] = entry;
            self.filled += 1;
        }
    }

    /// Fills the inbox. Each ready actor is visited once a turn, so none waits for another's backlog.
    pub(super) fn fill(&mut self, io: &mut Rings<'_>) {
        loop {
            self.flush_pending(io);
            let mut visits = self.ready_count;
            while visits > 0 && self.filled < io.inbox.len() && !self.bag_is_full {
                let Some(index) = self.pop_ready() else { break };
                visits -= 1;
                // alone, an actor may have the whole inbox
                let budget = if self.ready_count == 0 { u32::MAX } else { VISIT };
                self.visit(io, index, budget);
            }
            // what expired on the way left dead letters, and may have been the last that a draining actor waited for
            self.flush_pending(io);
            let is_over = self.ready_count == 0 || io.inbox.is_empty();
            if self.filled > 0 || (is_over && self.facts.is_empty()) {
                break;
            }
            self.draw_consequences(); // nothing is in the inbox, so nothing in it can be wrong
        }
        self.bag_is_full = false;
        self.pool.rest();
    }

    /// Puts a letter beside the entry that comes next. Whether there was room.
    fn post(&mut self, io: &mut Rings<'_>, letter: u32) -> bool {
        let Some(far) = self.far.as_mut() else { return true };
        let (Some(place), Some(to)) = (far.letters.post(letter, io.bag), io.places.get_mut(self.filled)) else {
            self.bag_is_full = true;
            return false;
        };
        *to = place;
        true
    }

    fn visit(&mut self, io: &mut Rings<'_>, index: u32, mut budget: u32) {
        let cell = self.table.at_mut(index);
        match cell.state {
            State::Active => {}
            State::Free => return self.recycle_late(index),
            // what the instance before has yet to say of its runs must not be taken for this one's
            State::Starting if self.given_up.iter().any(|g| g.0 == index) => {
                if !self.guests.keep_note_of(index) {
                    self.push_ready(index); // otherwise it is when the guest is back
                }
                return;
            }
            State::Starting if cell.is(bit::START_DUE) => {
                cell.bits &= !bit::START_DUE;
                let (age, generation) = (cell.age, cell.generation);
                // MADE before it ran: if the constructor throws the isolate has no instance and runs no onStop
                cell.bits |= bit::MADE;
                let from = if generation == 0 { 0 } else { self.restarted(index) };
                return self.put(io, Entry { head: note::START, index, age, payload: generation, from, corr: 0 });
            }
            State::StopHook if cell.is(bit::STOP_DUE) => {
                cell.bits &= !bit::STOP_DUE;
                let (age, why) = (cell.age, u32::from(cell.reason));
                let error = self.ext_of(index).map_or(0, |x| x.error);
                return self
                    .put(io, Entry { head: note::STOP, index, age, payload: why, from: error, ..Entry::default() });
            }
            _ => return,
        }
        budget -= self.deliver_plain(io, index, budget);
        while budget > 0 && self.filled < io.inbox.len() {
            let envelope = match self.next(index) {
                Found::Deliver(envelope) => envelope,
                Found::Blocked | Found::Nothing => return,
            };
            budget -= 1;
            if envelope.expires != 0 {
                if self.now() > envelope.expires {
                    self.table.at_mut(index).waiting -= 1;
                    self.ledger.waiting -= 1;
                    self.bury(index, &envelope, dead::EXPIRED);
                    self.after_message(index);
                    continue;
                }
                self.mortal.push((self.filled, envelope.expires));
            }
            if envelope.head & flag::LETTER != 0 && !self.post(io, envelope.payload) {
                let cell = self.table.at_mut(index);
                cell.bits |= bit::LISTS;
                self.exts.ensure(&mut cell.ext).held.push_front(&mut self.pool, envelope);
                return self.push_ready(index);
            }
            let cell = self.table.at_mut(index);
            let mut head = envelope.head;
            if head & OP_MASK == note::MSG {
                if cell.is(bit::SERIAL) && head & flag::SHARED == 0 {
                    head |= flag::ASYNC;
                }
                if head & (flag::ASYNC | flag::SHARED) != 0 {
                    take_in_hand(cell, head);
                }
            } else if head & OP_MASK == note::TIMER {
                self.timers.wait(envelope.payload, false); // from here on a tick is another one
            }
            io.inbox[self.filled] = Entry {
                head,
                index,
                age: envelope.from_age,
                payload: envelope.payload,
                from: envelope.from,
                corr: envelope.corr,
            };
            self.filled += 1;
            if self.table.at(index).state != State::Active {
                return; // suspended: the rest waits for DONE
            }
        }
        let cell = self.table.at(index);
        if !cell.normal.is_empty() || cell.is(bit::LISTS) {
            self.push_ready(index);
        }
    }

    /// Delivers messages of normal priority up to the first that needs a closer look; how many.
    #[inline]
    fn deliver_plain(&mut self, io: &mut Rings<'_>, index: u32, budget: u32) -> u32 {
        let cell = self.table.at_mut(index);
        if cell.bits & (bit::LISTS | bit::SERIAL) != 0 || cell.shared != 0 {
            return 0;
        }
        let (mut list, mut count) = (cell.normal, 0);
        for place in io.inbox[self.filled..].iter_mut().take(budget as usize) {
            const NOT_PLAIN: u32 = flag::ASYNC | flag::SHARED | flag::LETTER;
            let plain = |e: &Envelope| e.head & (OP_MASK | NOT_PLAIN) == note::MSG && e.expires == 0;
            let Some(e) = list.pop_if(&mut self.pool, plain) else {
                break;
            };
            *place = Entry { head: e.head, index, age: e.from_age, payload: e.payload, from: e.from, corr: e.corr };
            count += 1;
        }
        cell.normal = list;
        self.filled += count as usize;
        count
    }

    fn put(&mut self, io: &mut Rings<'_>, entry: Entry) {
        io.inbox[self.filled] = entry;
        self.filled += 1;
    }

    /// The next thing for an active actor: what was handed back, signals, then messages by priority.
    #[inline(always)]
    fn next(&mut self, index: u32) -> Found {
        let cell = self.table.at_mut(index);
        if cell.is(bit::LISTS) {
            return self.next_of_lists(index);
        }
        if cell.shared > 0 && cell.normal.first(&self.pool).is_some_and(|e| e.head & flag::SHARED == 0) {
            return Found::Blocked;
        }
        match cell.normal.pop(&mut self.pool) {
            Some(envelope) => Found::Deliver(envelope),
            None => Found::Nothing,
        }
    }

    #[inline(never)]
    fn next_of_lists(&mut self, index: u32) -> Found {
        let cell = self.table.at_mut(index);
        let Some(ext) = self.exts.get_mut(cell.ext) else {
            cell.bits &= !bit::LISTS;
            return Found::Nothing;
        };
        let present = [!ext.high.is_empty(), !cell.normal.is_empty(), !ext.low.is_empty()];
        let which = if !ext.signals.is_empty() {
            Which::Signals
        } else if !ext.held.is_empty() {
            Which::Held
        } else {
            match choose(present, ext.over_normal, ext.over_low) {
                Some(which) => which,
                None => {
                    cell.bits &= !bit::LISTS;
                    return Found::Nothing;
                }
            }
        };
        let list = match which {
            Which::Signals => &mut ext.signals,
            Which::Held => &mut ext.held,
            Which::High => &mut ext.high,
            Which::Normal => &mut cell.normal,
            Which::Low => &mut ext.low,
        };
        if cell.shared > 0 && list.first(&self.pool).is_some_and(|e| e.head & flag::SHARED == 0) {
            return Found::Blocked;
        }
        let found = list.pop(&mut self.pool);
        match which {
            Which::High | Which::Normal | Which::Low => {
                (ext.over_normal, ext.over_low) = passed_over(present, which, ext.over_normal, ext.over_low);
            }
            Which::Signals | Which::Held => {}
        }
        if !ext.has_lists() {
            cell.bits &= !bit::LISTS;
        }
        found.map_or(Found::Nothing, Found::Deliver)
    }

    /// A cell that ended while it was linked in the ready queue: its index is free once both are over.
    fn recycle_late(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        if cell.is(bit::SPENT) {
            cell.bits &= !bit::SPENT;
            self.table.recycle(index);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Signals,
    Held,
    High,
    Normal,
    Low,
}

/// Which message is next, given where some wait (high, normal, low), and how many of a higher priority were served in
/// a row while some of normal and of low priority waited.
fn choose([high, normal, low]: [bool; 3], over_normal: u8, over_low: u8) -> Option<Which> {
    if high && !(over_normal >= STREAK && (normal || low)) {
        return Some(Which::High);
    }
    // one lower is due, or nothing higher waits: low has its turn when normal was served often enough
    let patience = if high { 2 * STREAK } else { STREAK };
    match (normal, low) {
        (true, true) if over_low >= patience => Some(Which::Low),
        (true, _) => Some(Which::Normal),
        (false, true) => Some(Which::Low),
        (false, false) => None,
    }
}

/// The two counts after one of `which` was served: deliveries of high in a row, and deliveries since the last of low.
fn passed_over([_, normal, low]: [bool; 3], which: Which, over_normal: u8, over_low: u8) -> (u8, u8) {
    let one_more = |waits: bool, over: u8| if waits { over.saturating_add(1) } else { 0 };
    match which {
        Which::High => (one_more(normal || low, over_normal), one_more(low, over_low)),
        Which::Normal => (0, one_more(low, over_low)),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_streak_of_higher_ones_one_lower_is_served_and_the_lowest_after_two() {
        let lanes = [Which::High, Which::Normal, Which::Low];
        let streak = u32::from(STREAK);
        for present in [[true, true, true], [true, true, false], [true, false, true], [false, true, true]] {
            let (mut over, mut since, mut in_a_row) = ((0, 0), [0_u32; 3], 0);
            for _ in 0..10_000 {
                let which = choose(present, over.0, over.1).unwrap();
                let served = lanes.iter().position(|&l| l == which).unwrap();
                assert!(present[served]);
                in_a_row = if which == Which::High { in_a_row + 1 } else { 0 };
                assert!(in_a_row <= streak, "{present:?}");
                for lane in 0..3 {
                    since[lane] = if lane == served || !present[lane] { 0 } else { since[lane] + 1 };
                }
                let patience = if present == [true, true, true] { 2 * streak + 2 } else { streak };
                assert!(since[1] <= patience && since[2] <= patience, "{present:?}: {since:?}");
                over = passed_over(present, which, over.0, over.1);
            }
        }
    }

    #[test]
    fn the_highest_is_served_first() {
        assert_eq!(choose([true, true, true], 0, 0), Some(Which::High));
        assert_eq!(choose([false, true, true], 0, 0), Some(Which::Normal));
        assert_eq!(choose([false, false, true], 0, 0), Some(Which::Low));
        assert_eq!(choose([true, false, true], STREAK - 1, STREAK - 1), Some(Which::High));
        assert_eq!(choose([true, false, true], STREAK, STREAK), Some(Which::Low));
        assert_eq!(choose([true, true, false], STREAK, 0), Some(Which::Normal));
        assert_eq!(choose([true, false, false], STREAK, STREAK), Some(Which::High));
        assert_eq!(choose([false, false, false], 0, 0), None);
    }
}
