//! Waiting until nothing is left to do, and a clock that is moved by hand.

use super::isolate;
use super::net::Net;
use crate::lane::Lane;
use crate::sync::{Mutex, lock};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread::Thread;
use std::time::Duration;

/// Who waits for a system to be idle, and its clock if that is moved by hand.
#[derive(Default)]
pub(crate) struct Quiet {
    /// How many wait.
    count: AtomicU32,
    who: Mutex<Vec<Thread>>,
    /// In µs.
    clock: Option<Mutex<u64>>,
}

impl Quiet {
    pub(crate) fn new(manual: bool) -> Self {
        Quiet { clock: manual.then(Mutex::default), ..Quiet::default() }
    }

    /// A lane may have fallen asleep, or ended.
    pub(crate) fn notice(&self) {
        if self.count.load(SeqCst) > 0 {
            for thread in &*lock(&self.who) {
                thread.unpark();
            }
        }
    }

    /// Whether the clock is moved by hand.
    pub(crate) fn is_manual(&self) -> bool {
        self.clock.is_some()
    }
}

impl Net {
    /// Blocks until nothing waits, runs, starts or stops anywhere.
    pub(crate) fn wait_until_idle(&self) -> bool {
        self.wait_until(Lane::is_quiet)
    }

    /// Blocks until this is so of all lanes at once. Whoever falls asleep later looks for who waits after that, under the lock that the look here takes:
    /// so either this look sees it asleep, or it sees this thread.
    fn wait_until(&self, is_so: impl Fn(&Lane) -> bool) -> bool {
        if isolate::is_core_thread() {
            return false;
        }
        let me = std::thread::current();
        let id = me.id();
        lock(&self.quiet.who).push(me);
        self.quiet.count.fetch_add(1, SeqCst);
        while !self.hub.all(|lanes| lanes.iter().all(|lane| lane.is_closed() || is_so(lane))) {
            std::thread::park();
        }
        self.quiet.count.fetch_sub(1, SeqCst);
        let mut who = lock(&self.quiet.who);
        if let Some(at) = who.iter().position(|thread| thread.id() == id) {
            who.swap_remove(at);
        }
        true
    }

    /// Moves the clock, and stops wherever something is due.
    pub(crate) fn advance(&self, by: Duration) -> bool {
        let Some(clock) = self.quiet.clock.as_ref().filter(|_| !isolate::is_core_thread()) else { return false };
        let mut now = lock(clock); // one after another
        self.wait_until(Lane::is_still);
        let goal = now.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX));
        loop {
            let due = self.next_due().filter(|due| *due <= goal);
            *now = due.unwrap_or(goal).max(*now);
            self.move_to(*now);
            self.wait_until(Lane::is_still);
            if due.is_none() && self.next_due().is_none_or(|due| due > goal) {
                return true;
            }
        }
    }

    fn next_due(&self) -> Option<u64> {
        let due = |lane: &mut Lane| if lane.is_closed() { None } else { lane.next_deadline() };
        self.places().filter_map(|(_, place)| place.shared.with(due)).min().map(|ms| ms.saturating_mul(1000))
    }

    /// All lanes read the new time before any of them acts on it.
    fn move_to(&self, micros: u64) {
        for (_, place) in self.places() {
            place.shared.with(|lane| lane.set_time(micros));
        }
        for (lane, place) in self.places() {
            place.shared.with(Lane::tick_soon);
            self.wake(lane);
        }
    }
}
