//! Futures that go on with what a handler began. They run on the thread that began them, and never leave it.

use super::error::Cause;
use super::isolate::{self, Isolate};
use super::net::Net;
use super::run::guard;
use crate::entry::{Entry, TAG_SHIFT, flag, mode, note, op, outcome};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), Cause>>>>;

/// How many futures are polled between two turns.
const POLLS: usize = 256;

struct Task {
    future: Option<Running>,
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
        if !here.is_null() && unsafe { (*here).place } == self.woken.place {
            // SAFETY: as above.
            return unsafe { (*here).tasks.ready.push_back(self.slot) };
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
    pub(crate) fn add(&mut self, future: Running, entry: &Entry, corr: u32) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
            let wakes = Arc::new(Wakes { woken: Arc::clone(&self.woken), slot, queued: AtomicBool::new(false) });
            let waker = Some(Waker::from(Arc::clone(&wakes)));
            self.slots.push(Task { future: None, entry: Entry::default(), corr: 0, waker, wakes });
            slot
        });
        let task = &mut self.slots[slot as usize];
        (task.future, task.entry, task.corr) = (Some(future), *entry, corr);
        if !task.wakes.queued.swap(true, AcqRel) {
            self.ready.push_back(slot);
        }
        slot
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
            let polled = guard(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
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
        if let Some(side) = unsafe { &mut (*seat).side } {
            side.tasks.retain(|task| *task != slot);
        }
        let what = entry.op();
        if what == 0 {
            return;
        }
        if what == note::START && outcome.is_ok() {
            // SAFETY: as above.
            let waits = unsafe { (*seat).side.as_mut() }.map(|side| std::mem::take(&mut side.started));
            waits.into_iter().flatten().for_each(|waits| waits.settle(Ok(())));
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
