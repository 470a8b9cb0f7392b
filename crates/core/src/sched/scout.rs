//! Who of the threads without work looks for what others could do with help.
//!
//! At most one does. Looking takes a timed park and a few loads; that messages arrive never depends on it.

use std::time::Duration;

use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

/// Between two looks: at first, and at most.
pub(super) const SHORTEST: Duration = Duration::from_micros(50);
pub(super) const LONGEST: Duration = Duration::from_millis(2);
/// Nobody has worked for that long: nobody looks any more.
pub(super) const CALM: Duration = Duration::from_millis(10);
/// For how long it looks at a lane, and how many entries are handled meanwhile where help does not pay: to run a message elsewhere
/// costs about as much as ten small ones.
pub(super) const SIGHT: Duration = Duration::from_micros(20);
pub(super) const FAST: u32 = 10;

/// Nobody.
const NONE: u32 = 0;

/// Which threads are without work, and which of them looks.
#[derive(Debug)]
pub(super) struct Roster {
    /// The one that looks, plus one.
    scout: AtomicU32,
    /// By thread: its lane sleeps.
    idle: Box<[AtomicBool]>,
}

impl Roster {
    pub(super) fn new(threads: usize) -> Self {
        Roster { scout: AtomicU32::new(NONE), idle: (0..threads).map(|_| AtomicBool::new(false)).collect() }
    }

    fn name(at: usize) -> u32 {
        u32::try_from(at + 1).unwrap_or(NONE)
    }

    pub(super) fn is_idle(&self, at: usize) -> bool {
        self.idle[at].load(SeqCst)
    }

    /// Whether all but one are without work.
    pub(super) fn is_calm(&self, but: usize) -> bool {
        (0..self.idle.len()).all(|at| at == but || self.is_idle(at))
    }

    /// The lane of a thread sleeps. If nobody looks, it does.
    pub(super) fn rests(&self, at: usize) {
        self.idle[at].store(true, SeqCst);
        self.take_up(at);
    }

    /// Looks if nobody does. Whether it does.
    pub(super) fn take_up(&self, at: usize) -> bool {
        self.scout.compare_exchange(NONE, Self::name(at), SeqCst, SeqCst).is_ok()
    }

    pub(super) fn is_scout(&self, at: usize) -> bool {
        self.scout.load(SeqCst) == Self::name(at)
    }

    /// It looks no more.
    pub(super) fn resigns(&self, at: usize) {
        let _none = self.scout.compare_exchange(Self::name(at), NONE, SeqCst, SeqCst);
    }

    /// A thread has something to do. Whom it is to unpark: one without work, that looks from now on.
    pub(super) fn works(&self, at: usize) -> Option<usize> {
        // before it looks who is idle: one that sends it sees that, or it sees that it was sent
        self.idle[at].store(false, SeqCst);
        self.resigns(at);
        if self.scout.load(SeqCst) == NONE { self.send(at) } else { None }
    }

    /// Somebody without work is to look, if nobody does. Whom to unpark.
    pub(super) fn send(&self, from: usize) -> Option<usize> {
        for next in (from + 1..self.idle.len()).chain(0..from) {
            if !self.is_idle(next) {
                continue;
            }
            if !self.take_up(next) {
                return None; // somebody does already
            }
            if self.is_idle(next) {
                return Some(next);
            }
            self.resigns(next); // it found work meanwhile, and may not have seen that it was sent
        }
        None
    }
}

/// What is seen of a lane from outside: turns, entries of its inbox, and the one that it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// How many turns it has made.
    pub turns: u32,
    /// Entries of its inbox.
    pub filled: u32,
    /// All before this one are over.
    pub at: u32,
}

impl Sight {
    /// How many entries were run between two sights, at least.
    #[must_use]
    pub fn since(self, before: Sight) -> u32 {
        match self.turns.wrapping_sub(before.turns) {
            0 => self.at.saturating_sub(before.at),
            turns => turns.saturating_add(self.at),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_run_is_counted_over_turns() {
        let sight = |turns, at| Sight { turns, filled: 100, at };
        assert_eq!(sight(5, 30).since(sight(5, 10)), 20);
        assert_eq!(sight(6, 30).since(sight(5, 90)), 31);
        assert_eq!(sight(0, 0).since(sight(u32::MAX, 9)), 1);
    }

    #[test]
    fn one_looks_and_hands_over_when_it_finds_work() {
        let roster = Roster::new(3);
        for at in 0..3 {
            roster.rests(at);
        }
        assert!(roster.is_scout(0) && !roster.is_scout(1));
        assert!(roster.is_calm(0));
        assert_eq!(roster.works(0), Some(1));
        assert!(roster.is_scout(1) && !roster.is_calm(1));
        assert_eq!(roster.send(0), None, "one is enough");
        roster.resigns(1);
        assert_eq!(roster.send(1), Some(2), "the next one");
    }
}
