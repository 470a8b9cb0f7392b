//! The loop of a core thread: turn, dispatch, and when there is nothing to do, wait.

use std::time::{Duration, Instant};

use super::idle::{Bell, Spin, nap};
use super::{Crew, Desk, Yard};
use crate::entry::mode;

/// A core thread.
pub(super) struct Worker<'a, C> {
    yard: &'a Yard,
    desk: &'a Desk,
    crew: C,
    spin: Spin,
    /// When the lane's timer is due.
    due: Option<Instant>,
}

impl<'a, C: Crew> Worker<'a, C> {
    /// Takes its desk, on its thread. What comes from now on rings.
    pub(super) fn new(yard: &'a Yard, at: usize, make: impl FnOnce() -> C) -> Self {
        let desk = &yard.desks[at];
        let thread = desk.thread.get_or_init(std::thread::current);
        desk.lane.with(|lane| lane.hang(Box::new(Bell(thread.clone()))));
        Worker { yard, desk, crew: make(), spin: Spin::new(yard.spins), due: None }
    }

    /// Until the threads are to end.
    pub(super) fn run(&mut self) {
        let mut awake = true;
        while !self.yard.is_over() {
            awake &= self.spin.pays();
            if self.cycle(awake) {
                awake = true;
            } else if awake {
                // the lane does not sleep yet: nobody has to ring
                awake = self.spin.wait(|| self.desk.remote.has_mail(), self.due);
            } else {
                self.spin.parked();
                nap(self.due.map(|due| due.saturating_duration_since(Instant::now())));
                awake = true;
            }
        }
    }

    /// One turn. Whether it gave anything.
    fn cycle(&mut self, awake: bool) -> bool {
        let mut bits = if awake { mode::AWAKE } else { 0 };
        if self.due.is_some_and(|due| due <= Instant::now()) {
            bits |= mode::TICK;
            self.due = None;
        }
        let cycle = self.crew.cycle(bits);
        match cycle.next {
            -1 => {}
            ms => self.due = u64::try_from(ms).ok().map(|ms| Instant::now() + Duration::from_millis(ms)),
        }
        cycle.gave
    }
}
