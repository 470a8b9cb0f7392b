//! How a thread without work waits: awake for a moment, then parked.
//!
//! # Wake-up
//! A thread parks only when its lane sleeps, which the lane's inbox says in the same word that pushes change (README.md of
//! the lane). Whoever pushes then rings, and the ring is a token of the thread: it ends the park that follows, whenever
//! that begins.

use std::time::{Duration, Instant};

use crate::lane::bell::Doorbell;
use crate::sync::{hint, thread};

/// Unparks a core thread.
#[derive(Debug)]
pub(super) struct Bell(pub(super) std::thread::Thread);

impl Doorbell for Bell {
    fn ring(&self) {
        self.0.unpark();
    }
}

/// Blocks this thread until it is unparked, or for so long. It may end early.
pub(super) fn nap(limit: Option<Duration>) {
    #[cfg(not(loom))]
    match limit {
        Some(limit) => thread::park_timeout(limit),
        None => thread::park(),
    }
    #[cfg(loom)] // has no time: what is limited ends at any moment
    match limit {
        Some(_) => thread::yield_now(),
        None => thread::park(),
    }
}

/// How long a thread waits awake. Whoever finds it awake need not ring, which is a system call, and it need not be woken,
/// which takes the system tens of microseconds; but waiting takes a CPU from others.
const LONGEST: Duration = Duration::from_micros(20);
/// Looks between two looks at the clock.
const LOOKS: u32 = 32;
/// So much more often in vain than not, and it waits no more.
const PATIENCE: u32 = 8;
/// Parks at once so many times before it tries again: at first, and at most.
const REST: u32 = 16;
const LONGEST_REST: u32 = 256;

/// Whether waiting awake pays, by what came of it before.
#[derive(Debug)]
pub(super) struct Spin {
    patience: u32,
    /// Parks until it tries again; 0: it waits awake.
    rest: u32,
    next_rest: u32,
    /// There are no CPUs to spare.
    never: bool,
}

impl Spin {
    pub(super) fn new(spins: bool) -> Self {
        Spin { patience: PATIENCE, rest: 0, next_rest: REST, never: !spins }
    }

    /// Whether a turn that gives nothing is to leave the lane awake.
    pub(super) fn pays(&self) -> bool {
        !self.never && self.rest == 0
    }

    /// Waits awake until there is mail. Whether there is; if not, the next turn that gives nothing puts the lane to sleep.
    pub(super) fn wait(&mut self, has_mail: impl Fn() -> bool, due: Option<Instant>) -> bool {
        let begun = Instant::now();
        let until = due.map_or(begun + LONGEST, |due| due.min(begun + LONGEST));
        loop {
            for _ in 0..LOOKS {
                if has_mail() {
                    self.paid();
                    return true;
                }
                hint::spin_loop();
            }
            if Instant::now() >= until {
                self.was_in_vain();
                return false;
            }
        }
    }

    fn paid(&mut self) {
        if self.patience < PATIENCE {
            self.patience += 1;
        } else {
            self.next_rest = REST;
        }
    }

    fn was_in_vain(&mut self) {
        self.patience -= 1;
        if self.patience == 0 {
            self.rest = self.next_rest;
            self.next_rest = (self.next_rest * 2).min(LONGEST_REST);
        }
    }

    /// It parked at once. After some of these it tries again: once in vain, and it rests again.
    pub(super) fn parked(&mut self) {
        if self.rest > 0 {
            self.rest -= 1;
            if self.rest == 0 {
                self.patience = 1;
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn waiting_in_vain_is_given_up_tried_again_and_given_up_for_longer() {
        let mut spin = Spin::new(true);
        for _ in 0..PATIENCE {
            assert!(spin.pays());
            assert!(!spin.wait(|| false, None));
        }
        for rest in [REST, 2 * REST, 4 * REST] {
            for _ in 0..rest {
                assert!(!spin.pays());
                spin.parked();
            }
            assert!(spin.pays());
            assert!(!spin.wait(|| false, None));
        }
    }

    #[test]
    fn what_pays_goes_on() {
        let mut spin = Spin::new(true);
        for _ in 0..10 * PATIENCE {
            assert!(spin.pays());
            assert!(spin.wait(|| true, None));
            assert!(!spin.wait(|| false, None));
        }
    }

    #[test]
    fn with_one_cpu_nobody_waits_awake() {
        assert!(!Spin::new(false).pays());
    }

    #[test]
    fn what_is_due_ends_the_wait() {
        let mut spin = Spin::new(true);
        assert!(!spin.wait(|| false, Some(Instant::now())));
    }
}
