//! A reply on its way: a cell in the vault that the asker, the message and the asker's table of calls share.

use super::error::AskError;
use super::vault::{Block, Kind};
use atomic_waker::AtomicWaker;
use std::cell::UnsafeCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

const PENDING: u8 = 0;
/// Somebody writes the outcome, or has: it is told when what the handler sent before it was handed over.
const WRITING: u8 = 1;
const DONE: u8 = 2;
/// The outcome was taken.
const TAKEN: u8 = 3;
/// Beside these: the asker waits, and has left a waker.
const WAITS: u8 = 1 << 7;

/// What the three share.
struct Slot<R> {
    refs: AtomicU32,
    state: AtomicU8,
    /// The lane whose isolate asked, plus one; 0: another thread did.
    asker: u32,
    waker: AtomicWaker,
    /// Written by whoever moves the state from PENDING, read by the asker once it is DONE.
    outcome: UnsafeCell<Option<Result<R, AskError>>>,
}

struct Of<R>(PhantomData<R>);

impl<R: Send + 'static> Of<R> {
    const KIND: &'static Kind = &Kind { run: tell::<R>, lose: lose::<R>, name: std::any::type_name::<R> };
}

/// For the isolate that wrote the outcome: it is told now.
unsafe fn tell<R: Send + 'static>(block: Block, _: &super::run::Hand) -> super::run::Came {
    Held::<R>(block, PhantomData).publish();
    super::run::Came::Returned
}

/// For the asker's table of calls, which does not know the type: the call came to nothing, if it did not come to something.
unsafe fn lose<R: Send + 'static>(block: Block, why: AskError) {
    Held::<R>(block, PhantomData).settle(Err(why));
}

/// One share of a cell.
struct Held<R: Send + 'static>(Block, PhantomData<R>);

// SAFETY: what is in the cell is written by one and read by one, in this order, which the state says; and an `R` may be sent.
unsafe impl<R: Send> Send for Held<R> {}
// SAFETY: as above; through a shared reference only atomics are touched.
unsafe impl<R: Send> Sync for Held<R> {}

impl<R: Send + 'static> Held<R> {
    fn slot(&self) -> &Slot<R> {
        // SAFETY: a cell of this type, alive while a share is.
        unsafe { &*self.0.message::<Slot<R>>() }
    }

    /// Tells the outcome, unless one was told.
    fn settle(&self, outcome: Result<R, AskError>) {
        if self.write(outcome) {
            self.publish();
        }
    }

    fn write(&self, outcome: Result<R, AskError>) -> bool {
        let slot = self.slot();
        let mut state = slot.state.load(Relaxed); // who comes too late pays no more than this
        loop {
            if state & !WAITS != PENDING {
                return false;
            }
            match slot.state.compare_exchange_weak(state, state | WRITING, Acquire, Relaxed) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        // SAFETY: WRITING is ours alone, and nobody reads before DONE.
        unsafe { *slot.outcome.get() = Some(outcome) };
        true
    }

    /// The outcome that was written is told. An asker that leaves its waker after this finds it done.
    fn publish(&self) {
        let slot = self.slot();
        if slot.state.swap(DONE, AcqRel) & WAITS != 0 {
            slot.waker.wake();
        }
    }

    fn state(&self) -> u8 {
        self.slot().state.load(Acquire) & !WAITS
    }

    /// Leaves a waker. Whether there is something to wait for.
    fn wait(&self, waker: &Waker) -> bool {
        let slot = self.slot();
        slot.waker.register(waker);
        slot.state.fetch_or(WAITS, AcqRel) & !WAITS < DONE
    }
}

impl<R: Send + 'static> Drop for Held<R> {
    fn drop(&mut self) {
        let refs = &self.slot().refs;
        if refs.load(Acquire) == 1 || refs.fetch_sub(1, AcqRel) == 1 {
            // SAFETY: the last share is gone.
            unsafe { self.0.discard::<Slot<R>>() };
        }
    }
}

/// Where a handler's reply goes. Dropped without one, the asker is told so.
pub(crate) struct ReplyTo<R: Send + 'static>(Held<R>);

impl<R: Send + 'static> ReplyTo<R> {
    /// Tells the outcome, unless one was told. An asker elsewhere is told after what this thread has sent so far, so that it finds
    /// done what the reply speaks of.
    #[inline]
    pub(crate) fn settle(self, outcome: Result<R, AskError>) {
        if !self.0.write(outcome) {
            return;
        }
        match super::isolate::defer(self.0.slot().asker, self.0.0) {
            true => {
                let _given = ManuallyDrop::new(self); // the isolate has this share now
            }
            false => self.0.publish(),
        }
    }
}

impl<R: Send + 'static> ReplyTo<R> {
    /// Whether no outcome was told yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.0.state() == PENDING
    }

    /// One more: the first outcome that any of them tells counts.
    pub(crate) fn share(&self) -> ReplyTo<R> {
        self.0.slot().refs.fetch_add(1, Relaxed);
        ReplyTo(Held(self.0.0, PhantomData))
    }

    /// Gives up the right to tell an outcome, which somebody else has.
    pub(crate) fn release(self) {
        let this = ManuallyDrop::new(self);
        drop(Held::<R>(this.0.0, PhantomData));
    }
}

impl<R: Send + 'static> Drop for ReplyTo<R> {
    fn drop(&mut self) {
        self.0.settle(Err(AskError::Ended));
    }
}

/// A cell, as the handler, the asker's table of calls and the asker have it.
pub(crate) fn cell<R: Send + 'static>(asker: u32) -> (ReplyTo<R>, Block, Ask<R>) {
    let slot: Slot<R> = Slot {
        refs: AtomicU32::new(3),
        state: AtomicU8::new(PENDING),
        asker,
        waker: AtomicWaker::new(),
        outcome: UnsafeCell::new(None),
    };
    let block = Block::new(Of::<R>::KIND, slot);
    (ReplyTo(Held(block, PhantomData)), block, Ask(Held(block, PhantomData)))
}

/// A cell of which no table of calls knows.
pub(crate) fn pair<R: Send + 'static>() -> (ReplyTo<R>, Ask<R>) {
    let (to, block, ask) = cell(0);
    drop(Held::<R>(block, PhantomData));
    (to, ask)
}

/// A cell that only the table of calls settles.
pub(crate) fn table_cell() -> (Block, Ask<()>) {
    let (to, block, ask) = cell::<()>(0);
    let ReplyTo(held) = &to;
    held.slot().refs.fetch_sub(1, Relaxed); // the handler's share, of three
    let _none = ManuallyDrop::new(to);
    (block, ask)
}

/// Tells a sender that its message was let in.
///
/// # Safety
/// The block is a share of a cell of `()` that [`cell`] gave.
pub(crate) unsafe fn let_in(share: Block) {
    Held::<()>(share, PhantomData).settle(Ok(()));
}

/// A reply that will come: a future, and outside of core threads something to [`wait`](Ask::wait) for.
///
/// It always comes to something: the reply, or an [`AskError`].
#[must_use = "an ask whose reply nobody wants is a tell"]
pub struct Ask<R: Send + 'static>(Held<R>);

impl<R: Send + 'static> Ask<R> {
    fn take(&self) -> Option<Result<R, AskError>> {
        let slot = self.0.slot();
        if self.0.state() != DONE {
            return None;
        }
        slot.state.store(TAKEN, Relaxed);
        // SAFETY: DONE was seen, so it is written; only the asker takes it, once.
        unsafe { (*slot.outcome.get()).take() }
    }

    /// The outcome if it is there.
    ///
    /// # Errors
    /// The ask itself when it is not.
    pub fn try_take(self) -> Result<Result<R, AskError>, Ask<R>> {
        self.take().ok_or(self)
    }

    /// Blocks the thread until the outcome is there. A core thread must not: it would wait for itself.
    ///
    /// # Errors
    /// What the ask came to if it was no reply.
    pub fn wait(self) -> Result<R, AskError> {
        self.wait_until(None).unwrap_or(Err(AskError::TimedOut { deadlock: false }))
    }

    /// As [`wait`](Ask::wait), for no longer than `limit`.
    ///
    /// # Errors
    /// What the ask came to if it was no reply; [`AskError::TimedOut`] when it came to nothing within the limit.
    pub fn wait_for(self, limit: Duration) -> Result<R, AskError> {
        self.wait_until(Some(Instant::now() + limit)).unwrap_or(Err(AskError::TimedOut { deadlock: false }))
    }

    fn wait_until(self, end: Option<Instant>) -> Option<Result<R, AskError>> {
        if let Some(outcome) = self.take() {
            return Some(outcome);
        }
        if super::isolate::is_core_thread() {
            return Some(Err(AskError::OnCoreThread));
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        self.0.wait(&waker);
        loop {
            if let Some(outcome) = self.take() {
                return Some(outcome);
            }
            match end {
                None => std::thread::park(),
                Some(end) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    std::thread::park_timeout(left);
                }
            }
        }
    }
}

impl<R: Send + 'static> Future for Ask<R> {
    type Output = Result<R, AskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(outcome) = self.take() {
            return Poll::Ready(outcome);
        }
        if self.0.wait(cx.waker()) {
            return Poll::Pending;
        }
        self.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<R: Send + 'static> fmt::Debug for Ask<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("is_settled", &(self.0.state() >= DONE)).finish()
    }
}

pub(super) struct Unpark(pub(super) Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
