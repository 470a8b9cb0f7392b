//! Callbacks of timers by number. When they are due the lane says.

use super::isolate::Isolate;
use super::numbers::Whose;
use super::run::{Came, Hand, guard};
use crate::entry::{Entry, TAG_SHIFT, op};

/// No timer.
const NONE: u32 = u32::MAX;

pub(crate) type Callback = Box<dyn FnMut(&Hand) -> Came + Send>;

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

/// By number. One that was given back is used again two inboxes later: until then an entry that names it may be on its way.
#[derive(Default)]
pub(crate) struct Timers {
    whose: Whose,
    slots: Vec<Timer>,
    free: Vec<u32>,
    given_back: [Vec<u32>; 2],
}

impl Timers {
    pub(crate) fn new(whose: Whose) -> Self {
        Timers { whose, ..Timers::default() }
    }

    /// Adds a timer of `owner`, whose first one of this table is at `*first`: its place, plus one.
    pub(crate) fn add(&mut self, owner: u32, callback: Callback, first: &mut u32) -> TimerId {
        let next = first.wrapping_sub(1);
        let at = match self.free.pop() {
            Some(at) => {
                let timer = &mut self.slots[at as usize];
                timer.age = timer.age.wrapping_add(1);
                (timer.callback, timer.owner, timer.live) = (Some(callback), owner, true);
                (timer.prev, timer.next) = (NONE, next);
                at
            }
            None => {
                self.slots.push(Timer { callback: Some(callback), owner, age: 0, live: true, prev: NONE, next });
                u32::try_from(self.slots.len() - 1).unwrap_or(NONE)
            }
        };
        if let Some(next) = self.slots.get_mut(next as usize) {
            next.prev = at;
        }
        *first = at + 1;
        TimerId { id: self.whose.number(at as usize), age: self.slots[at as usize].age }
    }

    fn get(&mut self, id: u32) -> Option<&mut Timer> {
        let at = self.whose.place(id);
        self.slots.get_mut(at).filter(|timer| timer.live)
    }

    /// Takes a timer out of its owner's list; its callback. None when it is over, or runs.
    fn remove(&mut self, at: usize, first: &mut u32) -> Option<Callback> {
        let timer = self.slots.get_mut(at).filter(|timer| timer.live)?;
        timer.live = false;
        let (callback, prev, next) = (timer.callback.take(), timer.prev, timer.next);
        match self.slots.get_mut(prev as usize) {
            Some(prev) => prev.next = next,
            None => *first = next.wrapping_add(1),
        }
        if let Some(next) = self.slots.get_mut(next as usize) {
            next.prev = prev;
        }
        self.given_back[0].push(u32::try_from(at).unwrap_or(NONE));
        callback
    }

    /// An inbox was read.
    #[inline]
    pub(crate) fn rest(&mut self) {
        let [now, before] = &mut self.given_back;
        if !(now.is_empty() && before.is_empty()) {
            self.free.append(before);
            std::mem::swap(now, before);
        }
    }

    /// Takes back the timer of an actor. Whether it was still to come.
    ///
    /// # Safety
    /// The thread's own isolate, to which no reference lives.
    pub(crate) unsafe fn cancel(this: *mut Isolate, owner: u32, timer: TimerId) -> bool {
        // SAFETY: the caller's promise: the callback is dropped when no reference lives.
        unsafe {
            let seat = (*this).seats().get(owner);
            if seat.is_null() {
                return false;
            }
            let whose = Whose::of(timer.id);
            let first = &mut (*seat).side().timers[whose as usize];
            let removed = (*this).tables_of(timer.id, |tables| {
                let is_it = tables.timers.get(timer.id).is_some_and(|t| t.age == timer.age && t.owner == owner);
                is_it.then(|| tables.timers.remove(whose.place(timer.id), first))
            });
            let Some(callback) = removed else { return false };
            (*this).put(Entry { head: op::CANCEL, payload: timer.id, ..Entry::default() });
            let _ = guard(|| drop(callback));
            true
        }
    }

    /// The actor's instance is over, and its timers with it.
    ///
    /// # Safety
    /// As of [`cancel`](Self::cancel).
    pub(crate) unsafe fn forget(this: *mut Isolate, firsts: [u32; 2]) {
        for (whose, mut first) in [Whose::Own, Whose::Guests].into_iter().zip(firsts) {
            while first != 0 {
                // SAFETY: the caller's promise.
                unsafe {
                    let at = (first - 1) as usize;
                    let callback = (*this).tables_of(whose.number(at), |t| t.timers.remove(at, &mut first));
                    let _ = guard(|| drop(callback));
                }
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
            let whose = Whose::of(id);
            let first = &mut (*hand.seat.cast::<super::seat::Head>()).side().timers[whose as usize];
            let taken = (*this).tables_of(id, |tables| {
                let callback = tables.timers.get(id)?.callback.take();
                if last {
                    tables.timers.remove(whose.place(id), first);
                }
                callback
            });
            let Some(mut callback) = taken else { return Came::Returned }; // it was taken back
            let came = callback(hand);
            let over = (*this).tables_of(id, |tables| match tables.timers.get(id) {
                Some(timer) => {
                    timer.callback = Some(callback);
                    None
                }
                None => Some(callback),
            });
            let _ = guard(|| drop(over));
            came
        }
    }
}

/// The entry that starts a timer.
pub(crate) fn start(timer: TimerId, index: u32, age: u32, bits: u32, period: u64) -> Entry {
    let [low, high] = [period, period >> 32].map(|half| u32::try_from(half & 0xffff_ffff).unwrap_or(0));
    Entry { head: op::TIMER | bits << TAG_SHIFT, index, age, payload: timer.id, from: low, corr: high }
}
