//! The core threads of a system: its native lanes, and how they begin and end.

use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use buskin_core::hub::Hub;
use buskin_core::native::{self, Attached};
use buskin_core::sched;

/// How long the threads of a system that has ended may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// How far the end of the threads is.
mod end {
    /// They run, or have yet to be needed.
    pub(super) const NONE: u8 = 3;
    /// They are to end.
    pub(super) const ENDING: u8 = 1;
    /// They have ended.
    pub(super) const ENDED: u8 = 0;
    /// Some do not come back, and were left to themselves.
    pub(super) const LEFT: u8 = 2;
}

/// The lanes of a system that threads of the core run. They rest, and there is nothing else of them, until one is needed.
#[derive(Debug)]
pub(crate) struct Crew {
    hub: Arc<Hub>,
    /// The first of their lanes, and how many there are.
    first: u32,
    count: u32,
    options: sched::Options,
    attached: OnceLock<Attached>,
    end: AtomicU8,
}

impl Crew {
    pub(crate) fn new(hub: Arc<Hub>, first: u32, count: u32, options: sched::Options) -> Arc<Self> {
        Arc::new(Self { hub, first, count, options, attached: OnceLock::new(), end: AtomicU8::new(end::NONE) })
    }

    /// Whether that is a lane of theirs.
    pub(crate) fn has(&self, place: u32) -> bool {
        self.places().contains(&place)
    }

    /// Their lanes.
    pub(crate) fn places(&self) -> std::ops::Range<u32> {
        self.first..self.first + self.count
    }

    /// Begins the thread of a lane, if it has not begun; whether it has.
    pub(crate) fn start(&self, place: u32) -> std::io::Result<bool> {
        if !self.has(place) || self.end.load(SeqCst) != end::NONE {
            return Ok(false);
        }
        let attached = self.attached.get_or_init(|| {
            let lanes = self.places().filter_map(|at| self.hub.lane(at).cloned()).collect();
            native::attach(Arc::clone(&self.hub), self.first, lanes, &self.options)
        });
        attached.start(place)?;
        Ok(attached.has_started(place))
    }

    /// Whether the thread of a lane has begun.
    pub(crate) fn has_started(&self, place: u32) -> bool {
        self.has(place) && self.attached.get().is_some_and(|attached| attached.has_started(place))
    }

    /// How many threads have begun.
    fn started(&self) -> usize {
        self.places().filter(|at| self.has_started(*at)).count()
    }

    /// Ends the threads, on a thread of its own: how far that is.
    pub(crate) fn stop(self: &Arc<Self>) -> u8 {
        if self.end.compare_exchange(end::NONE, end::ENDING, SeqCst, SeqCst).is_ok() {
            let this = Arc::clone(self);
            let wait = move || this.finish(GRACE);
            if self.started() == 0 || std::thread::Builder::new().name("buskin-end".into()).spawn(wait).is_err() {
                self.finish(if self.started() == 0 { GRACE } else { Duration::ZERO });
            }
        }
        self.end.load(SeqCst)
    }

    fn finish(&self, limit: Duration) {
        let ended = self.attached.get().is_none_or(|attached| attached.stop(limit));
        self.end.store(if ended { end::ENDED } else { end::LEFT }, SeqCst);
    }

    /// The isolate that made the system is gone: the threads end when they come to it, and nobody waits for them.
    pub(crate) fn abandon(&self) {
        if self.end.compare_exchange(end::NONE, end::ENDING, SeqCst, SeqCst).is_ok() {
            self.finish(Duration::ZERO);
        }
    }
}
