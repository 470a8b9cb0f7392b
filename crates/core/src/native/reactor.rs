//! tokio's sockets and timers in handlers: a reactor of a core thread, which the thread waits in.
//!
//! # Wake-up
//! A thread that has a reactor does not park: it waits in `block_on`, which polls what is ready in it. Its lane then has another
//! bell, hung by the thread itself while it was awake, whose ring is a flag and a waker of that `block_on`: the flag is set before
//! the waker is woken, and looked at after the waker was registered, so a ring ends the wait that runs or the next one.
//! What the reactor wakes, and what is spawned on it, runs [aside](isolate::aside): it wakes the lane as another thread would.

use super::actor::Actor;
use super::ctx::Ctx;
use super::isolate::{self, Isolate};
use super::system::Builder;
use crate::lane::bell::Doorbell;
use atomic_waker::AtomicWaker;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::runtime::{self, EnterGuard, Handle, Runtime};
use tokio::time::Sleep;

/// Between two looks at what is ready while the thread has other work.
const LOOK: Duration = Duration::from_micros(100);
/// Turns between two looks at the clock, at most.
const MOST: u32 = 64;

/// The reactor of a core thread; none before something asked for it.
pub(crate) struct Reactor(Option<Box<Running>>);

struct Running {
    /// The thread is in the runtime's context for as long as it has one.
    _context: EnterGuard<'static>,
    /// When the wait is over.
    alarm: Pin<Box<Sleep>>,
    chime: Arc<Chime>,
    looked: Instant,
    /// Turns since the clock was read, and after how many it is read again.
    unread: u32,
    stride: u32,
    /// Dropped last: the context and the alarm are its.
    runtime: Box<Runtime>,
}

/// Ends the wait of a thread in its reactor.
#[derive(Default)]
struct Chime {
    /// Set by whoever rings, taken by the thread: a ring that nobody waited for.
    rung: AtomicBool,
    waker: AtomicWaker,
}

struct Bell(Arc<Chime>);

impl Doorbell for Bell {
    fn ring(&self) {
        self.0.rung.store(true, Release); // pairs with the swap of `Running::wait`
        self.0.waker.wake();
    }
}

fn runtime() -> io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

impl Reactor {
    pub(crate) fn none() -> Reactor {
        Reactor(None)
    }

    fn start(here: &mut Isolate, runtime: Runtime) {
        let runtime = Box::new(runtime);
        // SAFETY: the guard names a runtime that does not move and is dropped after it, see `Running`.
        let context = unsafe { std::mem::transmute::<EnterGuard<'_>, EnterGuard<'static>>(runtime.enter()) };
        let alarm = Box::pin(tokio::time::sleep(Duration::ZERO));
        let chime = Arc::new(Chime::default());
        let bell = Bell(Arc::clone(&chime));
        here.with_lane(|lane| lane.hang(Box::new(bell)));
        let looked = Instant::now();
        here.reactor =
            Reactor(Some(Box::new(Running { _context: context, alarm, chime, looked, unread: 0, stride: 1, runtime })));
    }

    /// After a turn that gave something: runs what is ready in the reactor, if the last time was long ago.
    ///
    /// # Safety
    /// The thread's own isolate, to which no reference lives.
    #[inline(always)]
    pub(crate) unsafe fn look(this: *mut Isolate) {
        // SAFETY: the caller's promise; what runs aside does not reach the isolate.
        if let Some(running) = unsafe { &mut (*this).reactor.0 } {
            running.look();
        }
    }

    /// Waits in the reactor until the lane's bell rings, for no longer than `limit`. False: there is none.
    ///
    /// # Safety
    /// As of [`look`](Self::look).
    pub(crate) unsafe fn nap(this: *mut Isolate, limit: Option<Duration>) -> bool {
        // SAFETY: as in `look`.
        let Some(running) = (unsafe { &mut (*this).reactor.0 }) else { return false };
        running.wait(limit);
        true
    }
}

impl Running {
    fn wait(&mut self, limit: Option<Duration>) {
        let Running { runtime, alarm, chime, .. } = self;
        if let Some(limit) = limit {
            let now = tokio::time::Instant::now();
            // a year is as good as for ever, and never more than the clock can say
            alarm.as_mut().reset(now + limit.min(Duration::from_secs(365 * 86_400)));
        }
        let wait = poll_fn(|cx| {
            chime.waker.register(cx.waker());
            if chime.rung.swap(false, Acquire) {
                return Poll::Ready(());
            }
            if limit.is_some() { alarm.as_mut().poll(cx) } else { Poll::Pending }
        });
        isolate::aside(|| runtime.block_on(wait));
        drop(chime.waker.take()); // it keeps the runtime
        self.looked = Instant::now();
        self.unread = 0;
    }

    /// The clock costs as much as a message: it is read only so often that two looks at it are about [`LOOK`] apart.
    fn look(&mut self) {
        self.unread += 1;
        if self.unread < self.stride {
            return;
        }
        self.unread = 0;
        let now = Instant::now();
        if now.duration_since(self.looked) < LOOK {
            self.stride = (self.stride * 2).min(MOST);
            return;
        }
        self.stride = (self.stride / 2).max(1);
        let mut polled = false;
        // pending once: what is ready is run, and nothing is waited for
        let once = poll_fn(|cx| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        isolate::aside(|| self.runtime.block_on(once));
        self.looked = Instant::now();
    }
}

impl<A: Actor> Ctx<A> {
    /// The tokio runtime of this core thread, which is started now if it has none yet. From here on, what runs on this thread may
    /// use tokio's sockets and timers, and spawn.
    ///
    /// There is one runtime per core thread; a thread that nobody asks for one has none, and costs nothing. A thread that has one
    /// waits in it, and looks at its sockets and timers about every 100 µs while it has other work. What is spawned on it is no
    /// actor: it runs until it is over or the thread ends. A handler that finds its socket ready again and again should
    /// yield now and then, as one that computes should. A system whose threads all have one from the beginning: [`Builder::tokio`].
    ///
    /// ```
    /// use buskin_core::native::{Actor, AsyncHandler, Ctx, System};
    /// use std::time::Duration;
    ///
    /// struct Clock;
    /// struct Wait(Duration);
    ///
    /// impl Actor for Clock {}
    /// impl AsyncHandler<Wait> for Clock {
    ///     type Reply = std::io::Result<()>;
    ///     async fn handle(&mut self, Wait(time): Wait, ctx: &mut Ctx<Self>) -> std::io::Result<()> {
    ///         ctx.tokio()?;
    ///         tokio::time::sleep(time).await;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let system = System::new();
    /// let clock = system.spawn(|| Clock).unwrap();
    /// clock.ask(Wait(Duration::from_millis(1))).wait().unwrap().unwrap();
    /// system.shutdown();
    /// ```
    ///
    /// # Errors
    /// The process can have no more of what a reactor is made of (file descriptors).
    pub fn tokio(&self) -> io::Result<Handle> {
        tokio()
    }
}

/// The tokio runtime of the core thread that calls, for code in handlers that has no context at hand; see [`Ctx::tokio`].
///
/// ```
/// use buskin_core::native::{Actor, AsyncHandler, Ctx, System};
/// use std::io;
/// use tokio::net::UdpSocket;
///
/// async fn any_port() -> io::Result<u16> {
///     buskin_core::native::tokio()?;
///     UdpSocket::bind("127.0.0.1:0").await?.local_addr().map(|address| address.port())
/// }
/// # struct Ports; struct Find;
/// # impl Actor for Ports {}
/// # impl AsyncHandler<Find> for Ports {
/// #     type Reply = io::Result<u16>;
/// #     async fn handle(&mut self, _: Find, _: &mut Ctx<Self>) -> io::Result<u16> { any_port().await }
/// # }
/// # let system = System::new();
/// # let ports = system.spawn(|| Ports).unwrap();
/// # assert_ne!(ports.ask(Find).wait().unwrap().unwrap(), 0);
/// # system.shutdown();
/// ```
///
/// # Errors
/// As of [`Ctx::tokio`]; and the thread is no core thread.
pub fn tokio() -> io::Result<Handle> {
    // the thread's own isolate: an actor may be run for another thread
    // SAFETY: handlers and futures run while no reference to it lives.
    let Some(core) = (unsafe { isolate::core().as_mut() }) else {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "this is no core thread: call it in a handler"));
    };
    if core.reactor.0.is_none() {
        Reactor::start(core, runtime()?);
    }
    Ok(Handle::current())
}

impl Builder {
    /// Every thread begins with a tokio runtime, so that handlers may use tokio's sockets and timers without further ado; see
    /// [`Ctx::tokio`], which starts one where it is needed.
    ///
    /// ```
    /// use buskin_core::native::{Actor, AsyncHandler, Builder, Ctx};
    /// use tokio::io::{self, Interest};
    /// use tokio::net::UdpSocket;
    ///
    /// struct Port;
    /// struct Open;
    ///
    /// impl Actor for Port {}
    /// impl AsyncHandler<Open> for Port {
    ///     type Reply = io::Result<u16>;
    ///     async fn handle(&mut self, _: Open, _: &mut Ctx<Self>) -> io::Result<u16> {
    ///         let socket = UdpSocket::bind("127.0.0.1:0").await?;
    ///         socket.ready(Interest::WRITABLE).await?;
    ///         Ok(socket.local_addr()?.port())
    ///     }
    /// }
    ///
    /// let system = Builder::new().threads(1).tokio(true).build();
    /// let port = system.spawn(|| Port).unwrap();
    /// assert_ne!(port.ask(Open).wait().unwrap().unwrap(), 0);
    /// system.shutdown();
    /// ```
    pub fn tokio(mut self, tokio: bool) -> Builder {
        self.reactors = Wanted(tokio);
        self
    }
}

/// Whether a system's threads begin with a reactor.
#[derive(Clone, Debug)]
pub(crate) struct Wanted(bool);

impl Wanted {
    pub(crate) const NO: Wanted = Wanted(false);

    /// One for each thread, made where it can be said that it is not possible.
    pub(crate) fn make(&self, threads: usize) -> io::Result<Ready> {
        let threads = if self.0 { threads } else { 0 };
        (0..threads).map(|_| Ok(Mutex::new(Some(runtime()?)))).collect::<io::Result<_>>().map(Ready)
    }
}

/// What was made for the threads.
#[derive(Default)]
pub(crate) struct Ready(Box<[Mutex<Option<Runtime>>]>);

impl Ready {
    /// The calling thread, which is the `at`-th, has its reactor from now on.
    pub(crate) fn start(&self, at: usize, here: &mut Isolate) {
        let Some(made) = self.0.get(at) else { return };
        if let Some(runtime) = made.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Reactor::start(here, runtime);
        }
    }
}
