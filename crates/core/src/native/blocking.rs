//! Work that blocks: a pool of threads beside the core threads.

use super::actor::Actor;
use super::ctx::Ctx;
use super::error::AskError;
use super::isolate;
use super::reply::{self, Ask, ReplyTo};
use super::run::{Came, Hand, guard};
use super::vault::{Block, Kind};
use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::marker::PhantomData;
use std::ptr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Threads of a pool at most, as tokio has it.
pub(crate) const MOST: usize = 512;
/// How long a thread without work stays, as tokio has it.
const STAY: Duration = Duration::from_secs(10);

/// Runs work that blocks on a thread made for that, while the core thread does other things. It is for code in handlers that has no
/// context at hand; otherwise see [`Ctx::blocking`], which says the rest.
///
/// ```
/// use buskin_core::native::{Actor, AskError, AsyncHandler, Ctx, System};
///
/// async fn sum(numbers: Vec<u64>) -> Result<u64, AskError> {
///     buskin_core::native::blocking(move || numbers.iter().sum()).await
/// }
///
/// # struct Adder; struct Add(Vec<u64>);
/// # impl Actor for Adder {}
/// impl AsyncHandler<Add> for Adder {
///     type Reply = u64;
///     async fn handle(&mut self, Add(numbers): Add, _: &mut Ctx<Self>) -> u64 {
///         sum(numbers).await.unwrap_or(0)
///     }
/// }
///
/// let system = System::new();
/// let adder = system.spawn(|| Adder).unwrap();
/// assert_eq!(adder.ask(Add(vec![40, 2])).wait().unwrap(), 42);
/// system.shutdown();
/// ```
///
/// On a thread that is no core thread there is no system whose pool it could be, and it comes to [`AskError::NoSystem`].
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Ask<T> {
    match isolate::net() {
        Some(net) => net.blocking.run(work),
        None => {
            let (to, ask) = reply::pair();
            to.settle(Err(AskError::NoSystem));
            ask
        }
    }
}

impl<A: Actor> Ctx<A> {
    /// Runs work that blocks (files, a database, much arithmetic) on a thread made for that, while the core thread does other
    /// things. Await it in an asynchronous handler, or hand it to [`ask_then`](Ctx::ask_then).
    ///
    /// ```
    /// use buskin_core::native::{Actor, AsyncHandler, Ctx, Handler, System};
    ///
    /// struct Files { read: u64 }
    /// struct Size(&'static str);
    /// struct Load(&'static str);
    ///
    /// impl Actor for Files {}
    /// impl AsyncHandler<Size> for Files {
    ///     type Reply = Option<u64>;
    ///     async fn handle(&mut self, Size(path): Size, ctx: &mut Ctx<Self>) -> Option<u64> {
    ///         ctx.blocking(move || std::fs::metadata(path).ok().map(|meta| meta.len())).await.ok()?
    ///     }
    /// }
    /// impl Handler<Load> for Files {
    ///     type Reply = ();
    ///     fn handle(&mut self, Load(path): Load, ctx: &mut Ctx<Self>) {
    ///         let text = ctx.blocking(move || std::fs::read(path));
    ///         ctx.ask_then(text, |files, text, _| {
    ///             if let Ok(Ok(text)) = text {
    ///                 files.read += text.len() as u64;
    ///             }
    ///         });
    ///     }
    /// }
    ///
    /// let system = System::new();
    /// let files = system.spawn(|| Files { read: 0 }).unwrap();
    /// files.tell(Load("Cargo.toml"));
    /// assert!(files.ask(Size("Cargo.toml")).wait().unwrap() > Some(0));
    /// system.shutdown();
    /// ```
    ///
    /// Its threads are started when there is work, up to [`Builder::blocking_threads`](super::Builder::blocking_threads), and end when
    /// they had none for ten seconds; work waits when all are taken. A panic comes to [`AskError::Failed`]. What has begun cannot be
    /// taken back: it runs to its end though nobody waits for it any more, and [`shutdown`](super::System::shutdown) waits for it;
    /// what has not begun by then comes to [`AskError::Ended`].
    pub fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Ask<T> {
        blocking(work)
    }
}

thread_local! {
    /// The pool of which the calling thread is one.
    static POOL: Cell<*const Pool> = const { Cell::new(ptr::null()) };
}

/// The threads of a system that may block.
pub(crate) struct Pool {
    most: usize,
    stay: Duration,
    state: Mutex<State>,
    /// There is work for one that waits, or the pool has closed.
    more: Condvar,
    /// The last thread has ended.
    over: Condvar,
}

#[derive(Default)]
struct State {
    work: VecDeque<Block>,
    /// Threads that wait, less those that were called.
    idle: usize,
    /// Threads that were called and have not come yet.
    called: usize,
    threads: usize,
    /// How many there ever were.
    started: usize,
    closed: bool,
}

impl Pool {
    pub(crate) fn new(most: usize) -> Arc<Pool> {
        Pool::staying(most, STAY)
    }

    fn staying(most: usize, stay: Duration) -> Arc<Pool> {
        Arc::new(Pool { most: most.max(1), stay, state: Mutex::default(), more: Condvar::new(), over: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs work on one of its threads.
    pub(crate) fn run<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(self: &Arc<Pool>, work: F) -> Ask<T> {
        let (to, ask) = reply::pair();
        let block = Block::new(Work::<F, T>::KIND, (work, to));
        if let Err((block, why)) = self.add(block) {
            block.lose(why);
        }
        ask
    }

    fn add(self: &Arc<Pool>, work: Block) -> Result<(), (Block, AskError)> {
        let mut state = self.state();
        if state.closed {
            return Err((work, AskError::Ended));
        }
        state.work.push_back(work);
        if state.idle > 0 {
            state.idle -= 1;
            state.called += 1;
            drop(state);
            self.more.notify_one();
        } else if state.threads < self.most
            && let Err(error) = self.start(&mut state)
            && state.threads == 0
            && let Some(work) = state.work.pop_back()
        {
            return Err((work, AskError::Failed(error.into()))); // nobody will ever come
        }
        Ok(())
    }

    fn start(self: &Arc<Pool>, state: &mut State) -> io::Result<()> {
        let pool = Arc::clone(self);
        Builder::new().name(format!("buskin-blocking-{}", state.started)).spawn(move || {
            POOL.set(Arc::as_ptr(&pool));
            pool.work();
        })?;
        state.started += 1;
        state.threads += 1;
        Ok(())
    }

    /// What a thread of it does.
    fn work(&self) {
        let mut state = self.state();
        loop {
            while let Some(work) = state.work.pop_front() {
                drop(state);
                let hand = Hand { here: ptr::null_mut(), seat: ptr::null_mut(), entry: &raw const super::net::NOTHING };
                // SAFETY: work that was added, and is nobody else's. What it gave may have a destructor that panics.
                let _ = guard(|| unsafe { (work.kind().run)(work, &hand) });
                state = self.state();
            }
            if state.closed {
                break;
            }
            let (back, goes_on) = self.wait(state);
            state = back;
            if !goes_on {
                break;
            }
        }
        state.threads -= 1;
        if state.threads == 0 {
            self.over.notify_all();
        }
    }

    /// Waits for work. Whether there is some, or the pool has closed.
    fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>) -> (MutexGuard<'a, State>, bool) {
        let until = Instant::now() + self.stay;
        state.idle += 1;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            state = self.more.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            if state.called > 0 {
                state.called -= 1; // who called has taken one from the idle
                return (state, true);
            }
            if state.closed || Instant::now() >= until {
                state.idle -= 1;
                let closed = state.closed;
                return (state, closed);
            }
        }
    }

    /// No more is taken in, and what has not begun is lost. `waits`: until what has begun is over, unless that is what calls.
    pub(crate) fn close(&self, waits: bool) {
        let mut state = self.state();
        state.closed = true;
        let left = std::mem::take(&mut state.work);
        drop(state);
        self.more.notify_all();
        for work in left {
            let _ = guard(|| work.lose(AskError::Ended));
        }
        if waits && !ptr::eq(POOL.get(), self) {
            let state = self.state();
            drop(self.over.wait_while(state, |state| state.threads > 0));
        }
    }
}

struct Work<F, T>(PhantomData<(F, T)>);

impl<T: Send + 'static, F: FnOnce() -> T + Send + 'static> Work<F, T> {
    const KIND: &'static Kind = &Kind { run: Self::run, lose: Self::lose, name: std::any::type_name::<F> };

    unsafe fn run(block: Block, _: &Hand) -> Came {
        // SAFETY: work of these types.
        let (work, to) = unsafe { block.take::<(F, ReplyTo<T>)>() };
        to.settle(guard(work).map_err(AskError::Failed));
        Came::Returned
    }

    unsafe fn lose(block: Block, why: AskError) {
        // SAFETY: work of these types, which nobody will run.
        let (work, to) = unsafe { block.take::<(F, ReplyTo<T>)>() };
        drop(work);
        to.settle(Err(why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// How many threads there are, were started, and wait.
    fn counts(pool: &Pool) -> (usize, usize, usize) {
        let state = pool.state();
        (state.threads, state.started, state.idle)
    }

    fn until(condition: impl Fn() -> bool) {
        while !condition() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn threads_are_started_when_all_are_taken_up_to_the_limit_and_are_used_again() {
        let pool = Pool::new(2);
        let (go, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let blocked = |name: u32| {
            let gate = Arc::clone(&gate);
            pool.run(move || {
                gate.lock().unwrap().recv().unwrap();
                name
            })
        };
        let asks = [blocked(0), blocked(1), blocked(2)];
        assert_eq!(counts(&pool).1, 2, "the third waits");
        for _ in &asks {
            go.send(()).unwrap();
        }
        assert_eq!(asks.map(|ask| ask.wait().unwrap()), [0, 1, 2]);
        until(|| counts(&pool) == (2, 2, 2));
        let name = pool.run(|| std::thread::current().name().map(str::to_owned)).wait().unwrap();
        assert!(matches!(name.as_deref(), Some("buskin-blocking-0" | "buskin-blocking-1")), "{name:?}");
        assert_eq!(counts(&pool).1, 2);
        pool.close(true);
        assert_eq!(counts(&pool).0, 0);
    }

    #[test]
    fn a_thread_without_work_ends_and_another_is_started_when_there_is_some() {
        let pool = Pool::staying(8, Duration::from_millis(1));
        assert_eq!(pool.run(|| 1).wait().unwrap(), 1);
        until(|| counts(&pool).0 == 0);
        assert_eq!(pool.run(|| 2).wait().unwrap(), 2);
        until(|| counts(&pool) == (0, 2, 0));
    }

    #[test]
    fn work_comes_to_something_though_threads_end_all_the_time() {
        let pool = Pool::staying(3, Duration::ZERO);
        for round in 0..2000 {
            let asks = [0, 1, 2, 3, 4].map(|n| pool.run(move || round + n));
            assert_eq!(asks.map(|ask| ask.wait().unwrap()), [0, 1, 2, 3, 4].map(|n| round + n));
        }
        assert!(counts(&pool).0 <= 3);
    }

    #[test]
    fn closing_waits_for_what_has_begun_and_loses_the_rest() {
        let pool = Pool::new(1);
        let (begun, begins) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let first = pool.run(move || {
            begun.send(()).unwrap();
            gate.recv().unwrap();
            1
        });
        let second = pool.run(|| 2);
        begins.recv().unwrap();
        let closes = {
            let pool = Arc::clone(&pool);
            std::thread::spawn(move || pool.close(true))
        };
        assert!(matches!(second.wait(), Err(AskError::Ended)));
        assert!(!closes.is_finished());
        go.send(()).unwrap();
        closes.join().unwrap();
        assert!(matches!(first.try_take(), Ok(Ok(1))), "it was over when closing was");
        assert!(matches!(pool.run(|| 3).wait(), Err(AskError::Ended)));
    }

    #[test]
    fn a_panic_is_an_error_and_so_is_one_of_a_destructor_nobodys() {
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                panic!("a destructor");
            }
        }
        let pool = Pool::new(1);
        let error = pool.run(|| panic!("boom")).wait().map(|(): ()| ()).unwrap_err();
        assert!(matches!(&error, AskError::Failed(cause) if cause.is_panic()), "{error}");
        let (go, gate) = mpsc::channel::<()>();
        drop(pool.run(move || {
            gate.recv().unwrap();
            Bad
        }));
        go.send(()).unwrap(); // nobody takes it
        assert_eq!(pool.run(|| 1).wait().unwrap(), 1);
        assert_eq!(counts(&pool).1, 1, "the thread lives on");
    }

    #[test]
    fn who_closes_the_pool_that_it_is_of_does_not_wait_for_itself() {
        let pool = Pool::new(1);
        let own = Arc::clone(&pool);
        assert!(pool.run(move || own.close(true)).wait().is_ok());
    }
}
