//! Futures that go on with what a handler began. They run on the thread that began them, and never leave it.

use super::error::Cause;
use super::isolate::{self, Isolate};
use super::net::Net;
use super::promise::Promise;
use super::run::guard;
use crate::entry::{Entry, TAG_SHIFT, flag, mode, note, op, outcome};
use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

/// One that another thread may begin.
pub(crate) struct Sendable(Promise);

// SAFETY: `new` takes only what may be sent, and a room of the vault may be given back on any thread.
unsafe impl Send for Sendable {}

impl Sendable {
    pub(crate) fn new(future: impl Future<Output = Result<(), Cause>> + Send + 'static) -> Sendable {
        Sendable(Promise::new(future))
    }
}

impl From<Sendable> for Promise {
    fn from(of: Sendable) -> Promise {
        of.0
    }
}

/// How many futures are polled between two turns.
const POLLS: usize = 256;

struct Task {
    future: Option<Promise>,
    /// What it goes on with; its op is 0 when it is nothing that the lane knows of.
    entry: Entry,
    corr: u32,
    waker: Option<Waker>,
    wakes: Arc<Wakes>,
}

/// Wakes one slot; used again for the next future there, which at worst is polled once too often.
struct Wakes {
    woken: Arc<Woken>,
    slot: u32,
    queued: AtomicBool,
}

/// What other threads woke.
struct Woken {
    system: u32,
    place: u32,
    net: Weak<Net>,
    slots: Mutex<Vec<u32>>,
    any: AtomicBool,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, AcqRel) {
            return;
        }
        let here = isolate::here(self.woken.system);
        // SAFETY: this thread's isolate. Futures and handlers, which wake, run while no reference to it lives.
        if !here.is_null() && unsafe { (*here).place == self.woken.place && !(*here).is_guest } {
            // SAFETY: as above.
            unsafe { (*here).tasks.ready.push_back(self.slot) };
            return;
        }
        self.woken.slots.lock().unwrap_or_else(PoisonError::into_inner).push(self.slot);
        self.woken.any.store(true, Release);
        if let Some(net) = self.woken.net.upgrade() {
            net.wake(self.woken.place);
        }
    }
}

/// The futures of an isolate by slot.
pub(crate) struct Tasks {
    slots: Vec<Task>,
    free: Vec<u32>,
    ready: VecDeque<u32>,
    woken: Arc<Woken>,
}

impl Tasks {
    pub(crate) fn new(net: &Arc<Net>, place: u32) -> Self {
        let woken = Woken {
            system: net.id,
            place,
            net: Arc::downgrade(net),
            slots: Mutex::default(),
            any: AtomicBool::new(false),
        };
        Tasks { slots: Vec::new(), free: Vec::new(), ready: VecDeque::new(), woken: Arc::new(woken) }
    }

    /// Takes a future in; it is polled soon. Its slot.
    pub(crate) fn add(&mut self, future: Promise, entry: &Entry, corr: u32) -> u32 {
        let slot = self.slot();
        let task = &mut self.slots[slot as usize];
        (task.future, task.entry, task.corr) = (Some(future), *entry, corr);
        if !task.wakes.queued.swap(true, AcqRel) {
            self.ready.push_back(slot);
        }
        slot
    }

    /// A slot that nobody has.
    fn slot(&mut self) -> u32 {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        let slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let wakes = Arc::new(Wakes { woken: Arc::clone(&self.woken), slot, queued: AtomicBool::new(false) });
        let waker = Some(Waker::from(Arc::clone(&wakes)));
        self.slots.push(Task { future: None, entry: Entry::default(), corr: 0, waker, wakes });
        slot
    }

    /// Polls a future for the first time, in the turn of its message. Its slot, or what it came to if it did not have to wait.
    ///
    /// # Safety
    /// As of [`poll`](Self::poll).
    pub(crate) unsafe fn begin(
        this: *mut Isolate,
        mut future: Promise,
        entry: &Entry,
        corr: u32,
    ) -> Result<u32, Result<(), Cause>> {
        // SAFETY: the caller's promise.
        unsafe {
            let slot = (*this).tasks.slot();
            let task = &mut (&mut (*this).tasks.slots)[slot as usize];
            let waker = task.waker.take().unwrap_or_else(|| Waker::from(Arc::clone(&task.wakes)));
            let polled = guard(|| future.poll(&mut Context::from_waker(&waker)));
            let task = &mut (&mut (*this).tasks.slots)[slot as usize];
            task.waker = Some(waker);
            let outcome = match polled {
                Ok(Poll::Pending) => {
                    (task.future, task.entry, task.corr) = (Some(future), *entry, corr);
                    return Ok(slot);
                }
                Ok(Poll::Ready(outcome)) => outcome,
                Err(cause) => Err(cause),
            };
            (*this).tasks.free.push(slot);
            let _ = guard(|| drop(future));
            Err(outcome)
        }
    }

    /// Drops all that run: the actors that they use are about to go.
    ///
    /// # Safety
    /// As of [`poll`](Self::poll).
    pub(crate) unsafe fn give_all_up(this: *mut Isolate) {
        // SAFETY: the caller's promise. Destructors begin no more of them: only handlers do.
        let count = unsafe { (*this).tasks.slots.len() };
        for slot in 0..count {
            // SAFETY: as above.
            unsafe { Self::give_up(this, u32::try_from(slot).unwrap_or(0)) };
        }
    }

    /// Whether one is to be polled.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty() || self.woken.any.load(Acquire)
    }

    /// Polls those that were woken. How many there were.
    ///
    /// # Safety
    /// The thread's own isolate, to which no reference lives.
    pub(crate) unsafe fn poll(this: *mut Isolate) -> usize {
        // SAFETY: the caller's promise: every reference to the isolate ends before a future is polled or dropped.
        unsafe {
            let woken = &(*this).tasks.woken;
            if woken.any.load(Acquire) && woken.any.swap(false, Acquire) {
                let slots = std::mem::take(&mut *woken.slots.lock().unwrap_or_else(PoisonError::into_inner));
                (*this).tasks.ready.extend(slots);
            }
            let count = (*this).tasks.ready.len().min(POLLS);
            for _ in 0..count {
                let Some(slot) = (*this).tasks.ready.pop_front() else { break };
                Self::poll_one(this, slot);
            }
            (*this).current = 0;
            count
        }
    }

    unsafe fn poll_one(this: *mut Isolate, slot: u32) {
        // SAFETY: as of `poll`.
        unsafe {
            let task = &mut (&mut (*this).tasks.slots)[slot as usize];
            task.wakes.queued.store(false, Release);
            // a wake that came late finds nobody, and must leave the waker to the next one
            let Some(mut future) = task.future.take() else { return };
            let Some(waker) = task.waker.take() else { return };
            (*this).current = task.entry.index;
            let polled = guard(|| future.poll(&mut Context::from_waker(&waker)));
            let task = &mut (&mut (*this).tasks.slots)[slot as usize];
            task.waker = Some(waker);
            let outcome = match polled {
                Ok(Poll::Pending) => {
                    task.future = Some(future);
                    return;
                }
                Ok(Poll::Ready(outcome)) => outcome,
                Err(cause) => Err(cause),
            };
            let (entry, corr) = (task.entry, task.corr);
            (*this).tasks.free.push(slot);
            let _ = guard(|| drop(future));
            Self::over(this, slot, &entry, corr, outcome);
        }
    }

    /// A future came to its end: the lane is told.
    unsafe fn over(this: *mut Isolate, slot: u32, entry: &Entry, corr: u32, outcome: Result<(), Cause>) {
        // SAFETY: as of `poll`.
        let this = unsafe { &mut *this };
        let seat = this.seats().get(entry.index);
        if seat.is_null() {
            return;
        }
        // SAFETY: a seat of this lane.
        if let Some(ends) = unsafe { super::seat::ends_if(seat) } {
            ends.tasks.retain(|task| *task != slot);
        }
        let what = entry.op();
        if what == 0 {
            return;
        }
        if what == note::START && outcome.is_ok() {
            // SAFETY: as above.
            unsafe { super::seat::has_started(seat) };
        }
        let (came, payload) = match outcome {
            Ok(()) => (outcome::OK, 0),
            Err(cause) => {
                this.mode |= mode::ORDERED;
                (outcome::THREW, this.keep_cause(cause))
            }
        };
        let number = if what == note::TIMER { entry.payload } else { corr };
        let head = op::DONE | entry.head & flag::SHARED | what << TAG_SHIFT;
        let age = this.age(entry.index);
        this.put(Entry { head, index: entry.index, age, payload, from: came, corr: number });
        if corr != 0 {
            this.reply_far(corr, came == outcome::OK);
        }
    }

    /// Drops a future that goes on with something that is over; its call.
    ///
    /// # Safety
    /// As of [`poll`](Self::poll).
    pub(crate) unsafe fn give_up(this: *mut Isolate, slot: u32) -> u32 {
        // SAFETY: the caller's promise.
        unsafe {
            let task = &mut (&mut (*this).tasks.slots)[slot as usize];
            let Some(future) = task.future.take() else { return 0 };
            let corr = task.corr;
            (*this).tasks.free.push(slot);
            let _ = guard(|| drop(future));
            corr
        }
    }
}
