//! What a question needs of an actor library. The actors of every question are written once, over [`Peer`]; each library
//! is a thin adapter that the compiler inlines, in the fastest form its own documentation shows.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::oneshot;

use crate::question::{Answer, Question, Threads};

/// An actor of a question: one type of message, one handler that never waits.
pub trait Behaviour<P: Peer>: Sized + Send + Sync + Unpin + 'static {
    type Msg: Clone + Send + Sync + Unpin + 'static;

    fn handle<C: Context<P, Self>>(&mut self, msg: Self::Msg, ctx: &mut C);
}

/// What a handler may do besides telling.
pub trait Context<P: Peer, B: Behaviour<P>> {
    fn me(&self) -> P::Ref<B>;
    fn spawn<C: Behaviour<P>>(&mut self, behaviour: C) -> P::Ref<C>;
    /// The actor ends after this message and its behaviour is dropped.
    fn stop(&mut self);
}

/// One library.
pub trait Peer: Sized + Send + Sync + 'static {
    type Ref<B: Behaviour<Self>>: Clone + Send + Sync + Unpin + 'static;

    /// Starts the library on so many threads, performs `work` and returns what it returns. `work` runs inside the
    /// runtime where there is such a place. Where actors must be placed by hand, the question says whether apart.
    fn run<T: Send + 'static>(
        question: Question,
        threads: Threads,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T;

    fn spawn<B: Behaviour<Self>>(behaviour: B) -> Self::Ref<B>;

    fn tell<B: Behaviour<Self>>(to: &Self::Ref<B>, msg: B::Msg);

    /// Spawns one actor that answers a number with its successor, asks it `n` times in waves of `window` with the
    /// library's own request, `0` to `n - 1`, and returns the sum of the answers.
    fn ask(n: u64, window: u64) -> impl Future<Output = u64> + Send;

    /// Keeps every thread from parking until `stop` is set, with what costs a turn least.
    fn keep_busy(threads: Threads, stop: &'static AtomicBool);

    /// An actor panics and its supervisor restarts it, `rounds` times one after another; each round ends when the
    /// replacement has handled a message.
    fn restart(_threads: Threads, _rounds: u64) -> Answer {
        Err("no supervision")
    }

    /// Why a question cannot be put to this library.
    fn lacks(_question: Question, _threads: Threads) -> Option<&'static str> {
        None
    }
}

/// Says once how a run ended. Whoever holds the other end waits without a thread.
#[derive(Clone)]
pub struct Signal(Arc<Mutex<Option<oneshot::Sender<u64>>>>);

impl Signal {
    pub fn new() -> (Self, oneshot::Receiver<u64>) {
        let (tx, rx) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(tx)))), rx)
    }

    pub fn send(&self, value: u64) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            let _ = sender.send(value); // nobody waits any more: the run was given up
        }
    }
}

/// Counts actors that are done, and what they have counted.
#[derive(Clone)]
pub struct Latch(Arc<Open>);

struct Open {
    left: AtomicU64,
    sum: AtomicU64,
    signal: Signal,
}

impl Latch {
    /// Opens after `n` calls of `leave`; the receiver gets the sum of what they brought.
    pub fn new(n: u64) -> (Self, oneshot::Receiver<u64>) {
        let (signal, rx) = Signal::new();
        (Self(Arc::new(Open { left: AtomicU64::new(n), sum: AtomicU64::new(0), signal })), rx)
    }

    pub fn leave(&self, counted: u64) {
        self.0.sum.fetch_add(counted, Ordering::AcqRel);
        if self.0.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.signal.send(self.0.sum.load(Ordering::Acquire));
        }
    }
}

/// References that actors learn after they were spawned and before the first message. Read once, then kept.
pub struct Later<T>(Arc<OnceLock<T>>);

impl<T> Clone for Later<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Later<T> {
    #[expect(clippy::new_without_default, reason = "nothing here is a default")]
    pub fn new() -> Self {
        Self(Arc::new(OnceLock::new()))
    }

    pub fn set(&self, value: T) {
        assert!(self.0.set(value).is_ok(), "set twice");
    }

    pub fn get(&self) -> &T {
        self.0.get().expect("set before the first message")
    }
}
