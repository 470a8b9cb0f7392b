//! The loop of a core thread: turn, dispatch, and when there is nothing to do, wait.

use std::time::{Duration, Instant};

use super::idle::{Bell, Spin, nap};
use super::scout::{CALM, FAST, LONGEST, SHORTEST, SIGHT};
use super::{Crew, Desk, Yard};
use crate::entry::mode;
use crate::lane::Guest;
use crate::sync::hint;

/// A core thread.
pub(super) struct Worker<'a, C> {
    yard: &'a Yard,
    desk: &'a Desk,
    /// Which one.
    at: usize,
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
    guests: Vec<Guest>,
}

/// A batch of guests is to take about so long: then this thread looks whether there is something for its own lane.
const BATCH: Duration = Duration::from_micros(100);
/// Guests of a batch, at most.
const GUESTS: usize = 64;
/// Messages that take less than this are not worth taking.
const SLOW: Duration = Duration::from_micros(1);

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
            at,
            crew: make(),
            spin: Spin::new(yard.spins),
            due: None,
            unread: 0,
            stride: 1,
            looked: Instant::now(),
            idles: true,
            guests: Vec::new(),
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
                self.rest();
                awake = true;
            }
        }
    }

    /// The lane sleeps: waits until it is rung, or its timer is due, or the threads are to end. Meanwhile it may have to look for
    /// what others could do with help.
    fn rest(&mut self) {
        if self.crew.nap(self.left()) {
            return; // in a way of its own
        }
        if self.yard.desks.len() < 2 || !self.yard.spins || !self.crew.takes_guests() {
            return nap(self.left());
        }
        let roster = &self.yard.roster;
        roster.rests(self.at);
        if roster.is_scout(self.at) {
            self.scout();
        } else {
            nap(self.left());
            if roster.is_scout(self.at) {
                self.scout(); // it was sent
            }
        }
        self.unpark(roster.works(self.at));
    }

    fn unpark(&self, whom: Option<usize>) {
        if let Some(thread) = whom.and_then(|at| self.yard.desks[at].thread.get()) {
            thread.unpark();
        }
    }

    /// How long until the lane's timer is due.
    fn left(&self) -> Option<Duration> {
        self.due.map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// Whether there is something for its own lane to do.
    fn is_wanted(&self) -> bool {
        self.desk.remote.has_mail() || self.yard.is_over() || self.left().is_some_and(|left| left.is_zero())
    }

    /// Looks, less and less often, until there is something to do for itself, or nobody does anything, or another one looks.
    fn scout(&mut self) {
        let (mut pause, mut calm) = (SHORTEST, Duration::ZERO);
        while !self.is_wanted() {
            nap(Some(self.left().map_or(pause, |left| left.min(pause))));
            if self.is_wanted() {
                return;
            }
            if self.help() {
                if !self.yard.roster.take_up(self.at) {
                    return nap_unless(self.is_wanted(), self.left()); // another one was sent
                }
                (pause, calm) = (SHORTEST, Duration::ZERO);
                continue;
            }
            calm = if self.yard.roster.is_calm(self.at) { calm + pause } else { Duration::ZERO };
            if calm >= CALM {
                self.yard.roster.resigns(self.at);
                // one that woke meanwhile saw a scout, and sent nobody
                if self.yard.roster.is_calm(self.at) || !self.yard.roster.take_up(self.at) {
                    return nap_unless(self.is_wanted(), self.left());
                }
            }
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// Helps a lane that could do with it. Whether there was one.
    fn help(&mut self) -> bool {
        let count = self.yard.desks.len();
        let own = self.at;
        (1..count).map(|step| (own + step) % count).any(|other| self.is_slow(other) && self.steal(other))
    }

    /// Whether a lane has entries to run and runs few of them.
    fn is_slow(&self, other: usize) -> bool {
        let sight = || self.yard.desks[other].lane.sight().filter(|sight| sight.filled > 0);
        let Some(before) = sight().filter(|_| !self.yard.roster.is_idle(other)) else { return false };
        let begun = Instant::now();
        while begun.elapsed() < SIGHT {
            hint::spin_loop();
        }
        sight().is_some_and(|after| after.since(before) < FAST)
    }

    /// Runs actors of another lane until it has none to give, or they turn out to be fast, or there is something to do for
    /// itself. Whether it ran any.
    fn steal(&mut self, other: usize) -> bool {
        let host = &self.yard.desks[other];
        let (mut most, mut any) = (1, false);
        let mut guests = std::mem::take(&mut self.guests);
        while !self.is_wanted() {
            guests.clear();
            if host.lane.lend(most, &mut guests) == 0 {
                break;
            }
            if !any {
                any = true; // where there was something for one there may be for two
                self.yard.roster.resigns(self.at);
                self.unpark(self.yard.roster.send(self.at));
            }
            let begun = Instant::now();
            let count = u32::try_from(guests.len()).unwrap_or(1);
            self.crew.run_guests(host.place, &mut guests);
            let took = begun.elapsed();
            if took < SLOW * count {
                break;
            }
            most = if took > BATCH { (most / 2).max(1) } else { (most * 2).min(GUESTS) };
        }
        self.guests = guests;
        any
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

/// Parks, if there is nothing to do.
fn nap_unless(is_wanted: bool, left: Option<Duration>) {
    if !is_wanted {
        nap(left);
    }
}
