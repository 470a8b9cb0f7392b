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
    /// Turns since the clock was read, and after how many it is read again.
    unread: u32,
    stride: u32,
    looked: Instant,
    /// The last turn gave nothing.
    idles: bool,
}

/// Between two looks at the clock while there is work.
const LOOK: Duration = Duration::from_micros(200);
/// Turns between two looks at the clock, at most.
const MOST: u32 = 64;

impl<'a, C: Crew> Worker<'a, C> {
    /// Takes its desk, on its thread. What comes from now on rings.
    pub(super) fn new(yard: &'a Yard, at: usize, make: impl FnOnce() -> C) -> Self {
        let desk = &yard.desks[at];
        let thread = desk.thread.get_or_init(std::thread::current);
        desk.lane.with(|lane| lane.hang(Box::new(Bell(thread.clone()))));
        Worker {
            yard,
            desk,
            crew: make(),
            spin: Spin::new(yard.spins),
            due: None,
            unread: 0,
            stride: 1,
            looked: Instant::now(),
            idles: true,
        }
    }

    /// Until the threads are to end.
    pub(super) fn run(&mut self) {
        let mut awake = true;
        while !self.yard.is_over() {
            awake &= self.spin.pays();
            let Some(gave) = self.cycle(awake) else { return };
            if gave {
                awake = true;
            } else if awake {
                // the lane does not sleep yet: nobody has to ring
                awake = self.spin.wait(|| self.desk.remote.has_mail(), self.due);
            } else {
                self.spin.parked();
                let limit = self.due.map(|due| due.saturating_duration_since(Instant::now()));
                if !self.crew.nap(limit) {
                    nap(limit);
                }
                awake = true;
            }
        }
    }

    /// One turn. Whether it gave anything; none: it was the last.
    fn cycle(&mut self, awake: bool) -> Option<bool> {
        let mut bits = if awake { mode::AWAKE } else { 0 };
        if self.due.is_some() && self.is_due() {
            bits |= mode::TICK;
            self.due = None;
        }
        let cycle = self.crew.cycle(bits);
        match cycle.next {
            -1 => {}
            ms => self.due = u64::try_from(ms).ok().map(|ms| Instant::now() + Duration::from_millis(ms)),
        }
        self.idles = cycle.gave == 0;
        (!cycle.over).then_some(cycle.gave > 0)
    }

    /// Whether the lane's timer is due. The clock costs as much as a message: while there is work it is read only so often that two
    /// looks are about [`LOOK`] apart.
    fn is_due(&mut self) -> bool {
        self.unread += 1;
        if self.unread < self.stride && !self.idles {
            return false;
        }
        let now = Instant::now();
        let apart = now.duration_since(self.looked);
        if !self.idles {
            self.stride = if apart > LOOK { (self.stride / 2).max(1) } else { (self.stride * 2).min(MOST) };
        }
        (self.unread, self.looked) = (0, now);
        self.due.is_some_and(|due| due <= now)
    }
}
