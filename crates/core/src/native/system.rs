//! A system of native actors: its threads, and what a program does with it.

use super::actor::Actor;
use super::blocking;
use super::error::{AskError, SpawnError};
use super::isolate::Isolate;
use super::net::{DeadLetter, Net};
use super::options::{Directive, Failure, Options};
use super::reactor::{Reactor, Wanted};
use super::refs::{AnyRef, Ref};
use super::vault::Block;
use crate::clock::Clock;
use crate::count::Ledger;
use crate::hub::{Hub, Shared};
use crate::lane::{Defaults, Guest, Lane};
use crate::sched::{self, Crew, Cycle, Threads};
use crate::sync::Arc;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How long a system may take to end.
const SHUTDOWN_MS: u32 = 10_000;

/// How a [`System`] is made.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    threads: usize,
    name: Box<str>,
    stack: Option<usize>,
    pin: bool,
    blocking: usize,
    pub(crate) reactors: Wanted,
    manual: bool,
    root: Options,
    defaults: Defaults,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            threads: 0,
            name: "buskin-core".into(),
            stack: None,
            pin: false,
            blocking: blocking::MOST,
            reactors: Wanted::NO,
            manual: false,
            root: Options::new(),
            defaults: Defaults::default(),
        }
    }
}

impl Builder {
    /// The defaults: as many threads as the process may use CPUs (its affinity mask and, on Linux, its cgroup's quota count).
    pub fn new() -> Builder {
        Builder::default()
    }

    /// How many threads; 0: one per CPU. No more than 62.
    pub fn threads(mut self, threads: usize) -> Builder {
        self.threads = threads;
        self
    }

    /// What its threads are called: this, and a number.
    pub fn thread_name(mut self, name: impl Into<Box<str>>) -> Builder {
        self.name = name.into();
        self
    }

    /// The stack of each thread, in bytes; by default that of Rust's threads.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack = Some(bytes);
        self
    }

    /// Each thread stays on a CPU of its own, as far as there are enough and the system allows it (Linux does).
    pub fn pin(mut self, pin: bool) -> Builder {
        self.pin = pin;
        self
    }

    /// How many threads there may be for [work that blocks](super::Ctx::blocking); at least 1. By default 512. They are started when
    /// there is some.
    pub fn blocking_threads(mut self, threads: usize) -> Builder {
        self.blocking = threads;
        self
    }

    /// Its clock is moved by hand, with [`System::advance`]: nothing times out and no timer runs until then. For tests.
    pub fn manual_clock(mut self) -> Builder {
        self.manual = true;
        self
    }

    /// How actors without a parent are supervised: strategy, most restarts, backoff and `decide` of these options, the others of
    /// which mean nothing here. Each thread's actors are a group of their own. When their restarts are too many, or `decide` says
    /// so, the system ends.
    pub fn supervision(mut self, options: &Options) -> Builder {
        self.root = options.clone();
        self
    }

    fn threads_options(&self) -> sched::Options {
        sched::Options { name: Some(self.name.clone()), stack: self.stack, pin: self.pin }
    }

    /// How long an ask waits for its reply; none: for ever. By default five seconds.
    pub fn ask_timeout(mut self, limit: Option<Duration>) -> Builder {
        self.defaults.ask_timeout = limit.map_or(u64::MAX, |t| u64::try_from(t.as_micros()).unwrap_or(u64::MAX));
        self
    }

    /// How many messages may wait at an actor that does not say; at least 1. By default 1,048,576.
    pub fn capacity(mut self, messages: u32) -> Builder {
        self.defaults.capacity = messages.max(1);
        self
    }

    /// Makes the system, and starts its threads.
    ///
    /// # Errors
    /// The process can have no more threads.
    pub fn try_build(self) -> std::io::Result<System> {
        let count = sched::count((self.threads > 0).then_some(self.threads)).max(1);
        let clock = if self.manual { Clock::Manual(0) } else { Clock::real() };
        let lanes: Vec<Arc<Shared>> =
            (0..count).map(|_| Arc::new(Shared::new(Lane::new(clock, self.defaults)))).collect();
        let hub = Hub::open(lanes.clone());
        let net = Net::new(hub, 0, lanes, self.manual, self.blocking);
        net.supervise(&self.root);
        let lanes = net.places().map(|(lane, place)| (lane, Arc::clone(&place.shared))).collect();
        let of = Arc::clone(&net);
        let reactors = self.reactors.make(count)?;
        let threads = Threads::start(&self.threads_options(), lanes, move |lane| {
            let mut native = native(&of, lane, false);
            reactors.start(lane as usize, &mut native.isolate);
            native
        });
        Ok(System { net, threads: threads? })
    }
}

impl Builder {
    /// Makes the system, and starts its threads.
    ///
    /// # Panics
    /// When the process can have no more threads; [`try_build`](Builder::try_build) says so instead.
    #[must_use]
    pub fn build(self) -> System {
        match self.try_build() {
            Ok(system) => system,
            Err(error) => panic!("core threads cannot be started: {error}"),
        }
    }
}

/// Actors in Rust, and the threads that run them.
pub struct System {
    net: Arc<Net>,
    threads: Threads,
}

impl Default for System {
    fn default() -> Self {
        System::new()
    }
}

impl System {
    /// A system with one thread per CPU.
    #[must_use]
    pub fn new() -> System {
        Builder::new().build()
    }

    /// To say more about it.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// An actor: `make` makes its state, now and after every failure.
    ///
    /// Spawned by a handler it lives on the handler's thread, by ordinary code on one with 127 others, and then on the next;
    /// [`Options::on`] says otherwise.
    ///
    /// # Errors
    /// [`SpawnError::Ended`] when the system has ended, [`SpawnError::Full`] when it has 67 million actors.
    pub fn spawn<A: Actor>(&self, make: impl FnMut() -> A + Send + 'static) -> Result<Ref<A>, SpawnError> {
        self.spawn_with(&Options::new(), make)
    }

    /// An actor with options.
    ///
    /// # Errors
    /// As [`spawn`](System::spawn); and the name is taken, or an option has a value that it cannot have.
    pub fn spawn_with<A: Actor>(
        &self,
        options: &Options,
        make: impl FnMut() -> A + Send + 'static,
    ) -> Result<Ref<A>, SpawnError> {
        self.net.spawn(super::seat::new(make), options).map(Ref::new)
    }

    /// An actor that is there already. It cannot be made anew, so it is never restarted: when it fails it ends.
    ///
    /// # Errors
    /// As [`spawn`](System::spawn).
    pub fn spawn_once<A: Actor>(&self, actor: A) -> Result<Ref<A>, SpawnError> {
        self.net.spawn(super::seat::once(actor), &Options::new()).map(Ref::new)
    }

    /// The actor without a parent that has this name, if it is an `A`.
    #[must_use]
    pub fn lookup<A: Actor>(&self, name: &str) -> Option<Ref<A>> {
        let who = self.net.find(name)?;
        (self.net.type_of(who)? == std::any::TypeId::of::<A>()).then(|| Ref::new(who))
    }

    /// The same, of any type.
    #[must_use]
    pub fn lookup_any(&self, name: &str) -> Option<AnyRef> {
        self.net.find(name)
    }

    /// What became of all messages so far: a consistent cut over all threads.
    #[must_use]
    pub fn stats(&self) -> Ledger {
        self.net.hub.ledger()
    }

    /// Tells of every message that is not handled. It runs on core threads, so it should be short.
    pub fn on_dead_letter(&self, on: impl Fn(&DeadLetter) + Send + Sync + 'static) {
        self.net.listen(|l| l.dead = Some(Box::new(on)));
    }

    /// Tells of every failure, and what is done about it.
    pub fn on_failure(&self, on: impl Fn(&Failure, Option<Directive>) + Send + Sync + 'static) {
        self.net.listen(|l| l.failure = Some(Box::new(on)));
    }

    /// How many threads it has.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.net.places().count()
    }

    /// Waits until nothing waits, runs, starts, stops or restarts. Timers that are yet to come are not waited for; messages that wait
    /// for the next instance of their actor are. On a core thread, which must not wait, it returns at once, with `false`.
    pub fn idle(&self) -> bool {
        self.net.wait_until_idle()
    }

    /// Moves a [manual clock](Builder::manual_clock) on by so much. It stops at each moment at which something is due, in order, and
    /// returns when what followed from all that is done: after `advance(100 ms)` a timer of every 10 ms has run ten times. What is
    /// due at one moment on several threads happens at once. An asynchronous handler that waits for something else is not waited for.
    ///
    /// With the machine's clock, and on a core thread, it does nothing and returns `false`.
    ///
    /// ```
    /// # use buskin_core::native::{Actor, Ctx, Handler, System};
    /// # use std::time::Duration;
    /// # struct Clock(u32); struct Read;
    /// impl Actor for Clock {
    ///     fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), buskin_core::native::Cause> {
    ///         ctx.every(Duration::from_secs(60), |clock, _| clock.0 += 1);
    ///         Ok(())
    ///     }
    /// }
    /// # impl Handler<Read> for Clock { type Reply = u32; fn handle(&mut self, _: Read, _: &mut Ctx<Self>) -> u32 { self.0 } }
    /// let system = System::builder().manual_clock().build();
    /// let clock = system.spawn(|| Clock(0)).unwrap();
    /// system.advance(Duration::from_secs(3600));
    /// assert_eq!(clock.ask(Read).wait().unwrap(), 60);
    /// ```
    pub fn advance(&self, by: Duration) -> bool {
        self.net.advance(by)
    }

    /// Ends all actors, children before their parents, each within its deadline, and then the threads. What waits becomes dead
    /// letters. Returns when all of it is done: how many actors had to be killed, because they or others were late. After ten seconds
    /// all that is left is. Work that blocks and has begun is waited for however long it takes, and not counted.
    ///
    /// On a core thread it only begins, and returns 0. Dropping the system is the same.
    pub fn shutdown(&self) -> u64 {
        self.end(SHUTDOWN_MS)
    }

    /// The same, with another limit for all of it.
    pub fn shutdown_within(&self, limit: Duration) -> u64 {
        self.end(u32::try_from(limit.as_millis()).unwrap_or(u32::MAX - 1))
    }

    fn end(&self, limit: u32) -> u64 {
        let before = self.net.killed.load(Relaxed);
        self.net.end_lanes(limit);
        if super::isolate::is_core_thread() {
            return 0;
        }
        self.threads.join();
        self.net.blocking.close(true);
        self.net.killed.load(Relaxed) - before
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.end(SHUTDOWN_MS);
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

/// Lanes of native actors in a hub that somebody else made, and their threads.
pub struct Attached {
    net: Arc<Net>,
    threads: Threads,
}

/// The lanes of `hub` from `first` on are native ones: their actors are of the kinds that are
/// registered, and are spawned and called by other isolates of the hub. No thread begins yet.
#[must_use = "it ends with the value that is returned"]
pub fn attach(hub: Arc<Hub>, first: u32, lanes: Vec<Arc<Shared>>, options: &sched::Options) -> Attached {
    let net = Net::new(hub, first, lanes, false, blocking::MOST);
    let lanes = net.places().map(|(lane, place)| (lane, Arc::clone(&place.shared))).collect();
    let of = Arc::clone(&net);
    let threads = Threads::rest(options, lanes, move |lane| native(&of, lane, true));
    Attached { net, threads }
}

impl Attached {
    /// Begins the thread of the lane that has this number in the hub. One that has begun, or that was stopped, is left as it is.
    ///
    /// # Errors
    /// The process can have no more threads.
    pub fn start(&self, place: u32) -> std::io::Result<()> {
        self.threads.begin(self.at(place))
    }

    /// Whether the thread of a lane has begun.
    #[must_use]
    pub fn has_started(&self, place: u32) -> bool {
        self.threads.has_begun(self.at(place))
    }

    /// The lane's isolate on the calling thread, which turns it itself: for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn by_hand(&self, place: u32) -> ByHand {
        ByHand(native(&self.net, place, true))
    }

    fn at(&self, place: u32) -> usize {
        place.checked_sub(self.net.first()).map_or(usize::MAX, |at| at as usize)
    }

    /// Ends the threads: each after what it is at, and with all that was sent to its lane as dead letters. One that takes longer
    /// than this is left alone with its lane. Whether all have ended. The lanes are closed then, so what lives there should have
    /// ended before. No lane's lock is held by the caller.
    pub fn stop(&self, limit: Duration) -> bool {
        let ended = self.threads.end_within(limit);
        self.net.blocking.close(false);
        for (at, (_, place)) in self.net.places().enumerate() {
            if !self.threads.has_begun(at) {
                let orphans = place.shared.with(|lane| {
                    lane.close();
                    lane.take_orphans()
                });
                for word in orphans {
                    // SAFETY: the lane is closed, and each block that waited there is given out once.
                    unsafe { Block::of(word) }.lose(AskError::Ended);
                }
            }
        }
        ended
    }
}

/// What threads that are ended without a limit get: they have nothing left to do then.
const LIMIT: Duration = Duration::from_secs(1);

impl Drop for Attached {
    fn drop(&mut self) {
        self.stop(LIMIT);
    }
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

/// See [`Attached::by_hand`].
#[doc(hidden)]
pub struct ByHand(Native);

impl ByHand {
    /// One turn with these bits of [`mode`](crate::entry::mode). How much it gave.
    pub fn turn(&mut self, bits: u32) -> usize {
        self.0.isolate.enter();
        self.0.cycle(bits).gave
    }
}

impl fmt::Debug for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByHand").finish_non_exhaustive()
    }
}

/// The isolate of a core thread.
struct Native {
    isolate: Box<Isolate>,
    /// What it runs actors of other lanes in, once it did.
    visitor: Option<Box<Isolate>>,
}

impl Crew for Native {
    fn cycle(&mut self, mode: u32) -> Cycle {
        let this: *mut Isolate = &raw mut *self.isolate;
        // SAFETY: the thread's own isolate, which nobody else has a reference to.
        let gave = unsafe { Isolate::cycle(this, mode) };
        if gave > 0 {
            // SAFETY: as above.
            unsafe { Reactor::look(this) };
        }
        let quiet = &self.isolate.net.quiet;
        if gave == 0 {
            quiet.notice();
        }
        // with a clock that is moved by hand nothing is due by itself
        let next = if quiet.is_manual() { -1 } else { self.isolate.next() };
        Cycle { gave, over: self.isolate.closed && gave == 0, next }
    }

    fn takes_guests(&self) -> bool {
        true
    }

    fn run_guests(&mut self, host: u32, guests: &mut [Guest]) {
        let net = &self.isolate.net;
        let visitor = self.visitor.get_or_insert_with(|| Isolate::visitor(net, host));
        visitor.visit(host);
        let this: *mut Isolate = &raw mut **visitor;
        // SAFETY: of the lane that these are guests of; nobody else has a reference to it.
        unsafe { Isolate::run_guests(this, guests) };
    }

    fn nap(&mut self, limit: Option<Duration>) -> bool {
        let this: *mut Isolate = &raw mut *self.isolate;
        // SAFETY: as above.
        unsafe { Reactor::nap(this, limit) }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        let this: *mut Isolate = &raw mut *self.isolate;
        if let Some(mut visitor) = self.visitor.take() {
            visitor.give_grants_back();
        }
        // SAFETY: nothing is given.
        unsafe { self.isolate.net.place(self.isolate.place).shared.set_pulse(None) };
        // SAFETY: as above.
        unsafe { Isolate::end(this) };
        Isolate::leave();
        self.isolate.net.quiet.notice();
    }
}

/// `opens`: isolates of JavaScript talk to it.
fn native(net: &Arc<Net>, lane: u32, opens: bool) -> Native {
    let place = net.place(lane);
    let mut isolate = Isolate::new(Arc::clone(net), lane, Arc::clone(&place.shared), Arc::clone(&place.seats));
    if opens {
        isolate.opens();
    }
    // SAFETY: what the isolate shows stays until it is taken back, before the isolate is dropped.
    unsafe { place.shared.set_pulse(Some(isolate.pulse())) };
    place.shared.with(Lane::awakes);
    isolate.enter();
    Native { isolate, visitor: None }
}
