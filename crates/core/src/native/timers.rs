//! Callbacks of timers by number. When they are due the lane says.

use super::isolate::Isolate;
use super::run::{Came, Hand, guard};
use crate::entry::{Entry, TAG_SHIFT, op};

/// No timer.
const NONE: u32 = u32::MAX;

pub(crate) type Callback = Box<dyn FnMut(&Hand) -> Came>;

struct Timer {
    callback: Option<Callback>,
    owner: u32,
    /// Tells one timer of this number from the next.
    age: u32,
    live: bool,
    /// Others of the same actor.
    prev: u32,
    next: u32,
}

/// A timer of an actor; [`Ctx::cancel`](super::Ctx::cancel) takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId {
    id: u32,
    age: u32,
}

/// By number. A number that was given back is used again two inboxes later: until then an entry that names it may be on its way.
#[derive(Default)]
pub(crate) struct Timers {
    slots: Vec<Timer>,
    free: Vec<u32>,
    given_back: [Vec<u32>; 2],
}

impl Timers {
    /// Adds a timer of `owner`, whose first one is at `*first`, plus one.
    pub(crate) fn add(&mut self, owner: u32, callback: Callback, first: &mut u32) -> TimerId {
        let next = first.wrapping_sub(1);
        let id = match self.free.pop() {
            Some(id) => {
                let timer = &mut self.slots[id as usize];
                timer.age = timer.age.wrapping_add(1);
                (timer.callback, timer.owner, timer.live) = (Some(callback), owner, true);
                (timer.prev, timer.next) = (NONE, next);
                id
            }
            None => {
                self.slots.push(Timer { callback: Some(callback), owner, age: 0, live: true, prev: NONE, next });
                u32::try_from(self.slots.len() - 1).unwrap_or(NONE)
            }
        };
        if let Some(next) = self.slots.get_mut(next as usize) {
            next.prev = id;
        }
        *first = id + 1;
        TimerId { id, age: self.slots[id as usize].age }
    }

    /// Takes a timer out of its owner's list; its callback. None when it is over.
    fn remove(&mut self, id: u32, first: &mut u32) -> Option<Callback> {
        let timer = self.slots.get_mut(id as usize).filter(|timer| timer.live)?;
        timer.live = false;
        let (callback, prev, next) = (timer.callback.take(), timer.prev, timer.next);
        match self.slots.get_mut(prev as usize) {
            Some(prev) => prev.next = next,
            None => *first = next.wrapping_add(1),
        }
        if let Some(next) = self.slots.get_mut(next as usize) {
            next.prev = prev;
        }
        self.given_back[0].push(id);
        Some(callback.unwrap_or_else(|| Box::new(|_| Came::Returned))) // it runs: nothing is to be dropped
    }

    /// An inbox was read.
    pub(crate) fn rest(&mut self) {
        let [now, before] = &mut self.given_back;
        self.free.append(before);
        std::mem::swap(now, before);
    }

    /// Takes back the timer of an actor. Whether it was still to come.
    ///
    /// # Safety
    /// The thread's own isolate, to which no reference lives.
    pub(crate) unsafe fn cancel(this: *mut Isolate, owner: u32, timer: TimerId) -> bool {
        // SAFETY: the caller's promise: the callback is dropped when no reference lives.
        unsafe {
            let seat = (*this).seats().get(owner);
            let slots = &(*this).timers.slots;
            let is_it = slots
                .get(timer.id as usize)
                .is_some_and(|t| t.live && t.age == timer.age && t.owner == owner);
            if seat.is_null() || !is_it {
                return false;
            }
            let callback = (*this).timers.remove(timer.id, &mut (*seat).side().timers);
            (*this).put(Entry { head: op::CANCEL, payload: timer.id, ..Entry::default() });
            let _ = guard(|| drop(callback));
            true
        }
    }

    /// The actor's instance is over, and its timers with it.
    ///
    /// # Safety
    /// As of [`cancel`](Self::cancel).
    pub(crate) unsafe fn forget(this: *mut Isolate, mut first: u32) {
        while first != 0 {
            // SAFETY: the caller's promise.
            unsafe {
                let callback = (*this).timers.remove(first - 1, &mut first);
                let _ = guard(|| drop(callback));
            }
        }
    }

    /// Runs a timer that is due; `last`: it will not come again.
    ///
    /// # Safety
    /// As of [`cancel`](Self::cancel); nobody else uses the actor.
    pub(crate) unsafe fn fire(this: *mut Isolate, id: u32, last: bool, hand: &Hand) -> Came {
        // SAFETY: the caller's promise: while the callback runs no reference lives.
        unsafe {
            let slots = &mut (*this).timers.slots;
            let Some(timer) = slots.get_mut(id as usize).filter(|timer| timer.live) else {
                return Came::Returned; // it was taken back
            };
            let Some(mut callback) = timer.callback.take() else { return Came::Returned };
            if last {
                let side = (*hand.seat.cast::<super::seat::Head>()).side();
                (*this).timers.remove(id, &mut side.timers);
            }
            let came = callback(hand);
            let slots = &mut (*this).timers.slots;
            if let Some(timer) = slots.get_mut(id as usize).filter(|timer| timer.live) {
                timer.callback = Some(callback);
            } else {
                let _ = guard(|| drop(callback));
            }
            came
        }
    }
}

/// The entry that starts a timer.
pub(crate) fn start(timer: TimerId, index: u32, age: u32, bits: u32, period: u64) -> Entry {
    let [low, high] = [period, period >> 32].map(|half| u32::try_from(half & 0xffff_ffff).unwrap_or(0));
    Entry { head: op::TIMER | bits << TAG_SHIFT, index, age, payload: timer.id, from: low, corr: high }
}
