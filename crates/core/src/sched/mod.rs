//! Core threads: one per CPU, each with a lane whose isolate is Rust.
//!
//! Read README.md of this folder first: the states, both sides' steps, why no wake-up is lost. A thread's loop is in
//! [`worker`], how it waits in [`idle`], where it may run in [`pin`].

pub mod claim;
pub mod idle;
#[cfg(all(test, loom))]
mod interleavings;
pub mod pin;
pub mod scout;
mod worker;

use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::thread::{Builder, JoinHandle, Thread, current};
use std::time::{Duration, Instant};

use crate::hub::Shared;
use crate::lane::{Guest, Remote};
use crate::limits::MAX_LANES;
use crate::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use crate::sync::{Arc, Mutex, lock};
use scout::Roster;
use worker::Worker;

/// What a core thread runs: the isolate of its lane. It is made on its thread, and stays there.
pub trait Crew {
    /// One turn of the lane, and the dispatch of what it gave. `mode`: bits of [`mode`](crate::entry::mode) that the thread
    /// adds to the crew's own: TICK when the lane's timer is due, AWAKE when the thread looks for mail itself should the turn
    /// give nothing. Without AWAKE a turn that gives nothing has put the lane to sleep.
    fn cycle(&mut self, mode: u32) -> Cycle;

    /// Waits until the lane's bell rings, for no longer than `limit`, in a way of the crew's own: it has hung another bell, whose
    /// ring is a token as that of a park is. False: it has none, and the thread parks.
    fn nap(&mut self, limit: Option<Duration>) -> bool {
        let _ = limit;
        false
    }

    /// Whether it can run actors of other lanes.
    fn takes_guests(&self) -> bool {
        false
    }

    /// Runs the messages of actors of the lane at `host`, says beside each what it came to, and hands them back, with what their
    /// handlers wrote, by [`Lane::take_guests`](crate::lane::Lane::take_guests). What is left open it hands back later.
    fn run_guests(&mut self, host: u32, guests: &mut [Guest]) {
        let _ = (host, guests);
    }
}

/// What came of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// How much it gave, all of which was run.
    pub gave: usize,
    /// There is nothing left to do, ever: the thread ends.
    pub over: bool,
    /// The header's [`NEXT`](crate::entry::word::NEXT) as the turn left it.
    pub next: i32,
}

/// How core threads are started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What they are called, before their number; none: `buskin-core`.
    pub name: Option<Box<str>>,
    /// Bytes of each thread's stack; none: as the standard library has it, 2 MiB unless `RUST_MIN_STACK` says otherwise.
    pub stack: Option<usize>,
    /// Each thread stays on a CPU of its own, as far as there are enough; see [`pin`].
    pub pin: bool,
}

/// How many core threads there are to be when `asked` for so many, or for none in particular: then as many as the process
/// has CPUs. [`std::thread::available_parallelism`] knows: on Linux it heeds the affinity mask and the cgroup's quota.
#[must_use]
pub fn count(asked: Option<usize>) -> usize {
    let count = asked.unwrap_or_else(cpus);
    count.min(MAX_LANES as usize)
}

/// How many CPUs this process may use.
fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What the threads see of each other.
#[derive(Debug)]
struct Yard {
    desks: Box<[Desk]>,
    /// The threads are to end.
    over: AtomicBool,
    /// Whether waiting awake could pay: there is more than one CPU.
    spins: bool,
    roster: Roster,
}

/// One thread's place.
#[derive(Debug)]
struct Desk {
    /// Which lane is its own.
    place: u32,
    lane: Arc<Shared>,
    remote: Remote,
    /// Whom to unpark; none while it has not begun.
    thread: OnceLock<Thread>,
}

impl Yard {
    fn is_over(&self) -> bool {
        self.over.load(Acquire)
    }
}

/// Begins one thread.
type Begin = Box<dyn Fn(usize) -> io::Result<JoinHandle<()>> + Send + Sync>;

/// The core threads of a system. Dropping it ends them.
pub struct Threads {
    yard: Arc<Yard>,
    begin: Begin,
    begun: Mutex<Begun>,
}

/// Which threads have begun.
struct Begun {
    all: Box<[bool]>,
    handles: Vec<JoinHandle<()>>,
}

/// Between two looks whether a thread has ended.
const LOOK: Duration = Duration::from_millis(1);

impl Threads {
    /// Starts a thread for each of these lanes, which are named by their places in the hub. `make` is called on each.
    ///
    /// # Errors
    /// The process can have no more threads; those that had begun have ended.
    pub fn start<C: Crew>(
        options: &Options,
        lanes: Vec<(u32, Arc<Shared>)>,
        make: impl Fn(u32) -> C + Send + Sync + 'static,
    ) -> io::Result<Threads> {
        let threads = Threads::rest(options, lanes, make);
        (0..threads.len()).try_for_each(|at| threads.begin(at))?;
        Ok(threads)
    }

    /// As [`start`](Threads::start), but each thread [begins](Threads::begin) when it is asked for.
    pub fn rest<C: Crew>(
        options: &Options,
        lanes: Vec<(u32, Arc<Shared>)>,
        make: impl Fn(u32) -> C + Send + Sync + 'static,
    ) -> Threads {
        let desks = lanes.into_iter().map(|(place, lane)| {
            let remote = lane.with(crate::lane::Lane::remote);
            Desk { place, lane, remote, thread: OnceLock::new() }
        });
        let desks: Box<[Desk]> = desks.collect();
        let roster = Roster::new(desks.len());
        let yard = Arc::new(Yard { desks, over: AtomicBool::new(false), spins: cpus() > 1, roster });
        let (make, of, options) = (std::sync::Arc::new(make), Arc::clone(&yard), options.clone());
        let begin = move |at: usize| {
            let (yard, make, pins) = (Arc::clone(&of), std::sync::Arc::clone(&make), options.pin);
            let name = options.name.as_deref().unwrap_or("buskin-core");
            let mut builder = Builder::new().name(format!("{name}-{at}"));
            if let Some(stack) = options.stack {
                builder = builder.stack_size(stack);
            }
            builder.spawn(move || {
                if pins {
                    pin::pin(at); // what cannot be had is done without
                }
                let place = yard.desks[at].place;
                Worker::new(&yard, at, || make(place)).run();
            })
        };
        let begun = Begun { all: vec![false; yard.desks.len()].into(), handles: Vec::new() };
        Threads { yard, begin: Box::new(begin), begun: Mutex::new(begun) }
    }

    /// Begins the thread of a lane, counted from 0, unless it has begun, or is never to begin any more.
    ///
    /// # Errors
    /// The process can have no more threads.
    pub fn begin(&self, at: usize) -> io::Result<()> {
        let mut begun = lock(&self.begun);
        if self.yard.is_over() || begun.all.get(at).is_none_or(|has| *has) {
            return Ok(());
        }
        let handle = (self.begin)(at)?;
        begun.all[at] = true;
        begun.handles.push(handle);
        Ok(())
    }

    /// Whether the thread of a lane has begun.
    #[must_use]
    pub fn has_begun(&self, at: usize) -> bool {
        lock(&self.begun).all.get(at).is_some_and(|has| *has)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.yard.desks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until all have ended by themselves, but for the one that calls.
    pub fn join(&self) {
        let handles = std::mem::take(&mut lock(&self.begun).handles);
        for handle in handles {
            if handle.thread().id() != current().id() {
                drop(handle.join()); // a panic in there has told of itself
            }
        }
    }

    /// Each thread ends after the turn that it is in, and drops its crew. They have ended when this returns, but for the one
    /// that calls.
    pub fn end(&self) {
        self.over();
        self.join();
    }

    /// The same, but one that has not ended within this time is left alone, whatever it does. Whether all have ended.
    pub fn end_within(&self, limit: Duration) -> bool {
        self.over();
        let mut handles = std::mem::take(&mut lock(&self.begun).handles);
        let since = Instant::now();
        loop {
            handles.retain(|handle| !handle.is_finished());
            if handles.is_empty() || since.elapsed() >= limit {
                return handles.is_empty();
            }
            std::thread::park_timeout(LOOK);
        }
    }

    fn over(&self) {
        let begun = lock(&self.begun); // no thread begins after this
        self.yard.over.store(true, Release);
        for handle in &begun.handles {
            handle.thread().unpark(); // not by way of its lane, which may be closed
        }
        for desk in &self.yard.desks {
            desk.remote.ring(); // who waits in another way
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("count", &self.len()).finish_non_exhaustive()
    }
}
