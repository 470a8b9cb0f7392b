//! What the actors of a lane wait for: calls, timers, watches; and what they failed with.

use super::calls::Calls;
use super::error::{Cause, Reason};
use super::isolate::Isolate;
use super::numbers::Whose;
use super::refs::AnyRef;
use super::run::{Came, Hand};
use super::seat;
use super::tasks::Sendable;
use super::timers::Timers;
use crate::entry::Entry;
use crate::limits::CALL_MASK;
use crate::sync::lock;
use std::collections::{HashMap, VecDeque};

/// Causes that are kept after they were told.
const CAUSES: usize = 1024;

/// See the module. A lane has two: one is its isolate's own, one, under a lock, is for its actors that other threads run.
pub(crate) struct Tables {
    whose: Whose,
    pub(crate) calls: Calls,
    pub(crate) timers: Timers,
    pub(crate) watches: Watches,
    /// What actors failed with, by number, until what follows from it was told.
    causes: HashMap<u32, Cause>,
    /// Those that were told, the oldest first: watchers may read of them a little later.
    told: VecDeque<u32>,
    given: usize,
}

/// What guests leave for the isolate of their home.
#[derive(Default)]
pub(crate) struct Arrivals {
    /// Calls of its own whose messages were handled.
    pub(crate) closed: Vec<u32>,
    /// Futures that go on there, and for whom.
    pub(crate) tasks: Vec<(Sendable, u32)>,
}

impl Tables {
    pub(crate) fn new(whose: Whose) -> Self {
        Tables {
            whose,
            calls: Calls::new(whose),
            timers: Timers::new(whose),
            watches: Watches { whose, ..Watches::default() },
            causes: HashMap::new(),
            told: VecDeque::new(),
            given: 0,
        }
    }

    /// Keeps what an actor failed with; its number, which is never 0.
    pub(crate) fn keep_cause(&mut self, cause: Cause) -> u32 {
        self.given = (self.given + 1) & 0xff_ffff; // above, numbers mean other isolates'
        let number = self.whose.number(self.given.max(1));
        self.causes.insert(number, cause);
        number
    }

    pub(crate) fn take_calls(&mut self) -> Calls {
        std::mem::replace(&mut self.calls, Calls::new(self.whose))
    }

    pub(crate) fn cause(&self, number: u32) -> Option<Cause> {
        self.causes.get(&number).cloned()
    }

    /// What follows from it was told.
    pub(crate) fn told(&mut self, number: u32) {
        self.told.push_back(number);
        if self.told.len() > CAUSES
            && let Some(oldest) = self.told.pop_front()
        {
            self.causes.remove(&oldest);
        }
    }
}

/// Callbacks of watches by number.
#[derive(Default)]
pub(crate) struct Watches {
    whose: Whose,
    slots: Vec<Option<Watch>>,
    free: Vec<usize>,
}

pub(crate) type OnEnd = Box<dyn FnOnce(&Hand, Reason) -> Came + Send>;

struct Watch {
    target: AnyRef,
    then: OnEnd,
}

impl Watches {
    pub(crate) fn add(&mut self, target: AnyRef, then: OnEnd) -> u32 {
        let watch = Some(Watch { target, then });
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at] = watch;
                at
            }
            None => {
                self.slots.push(watch);
                self.slots.len() - 1
            }
        };
        self.whose.number(at)
    }

    pub(crate) fn take(&mut self, number: u32) -> Option<(AnyRef, OnEnd)> {
        let at = self.whose.place(number);
        let watch = self.slots.get_mut(at)?.take()?;
        self.free.push(at);
        Some((watch.target, watch.then))
    }
}

impl Isolate {
    /// Where what begins now is kept.
    #[inline(always)]
    pub(crate) fn tables<T>(&mut self, body: impl FnOnce(&mut Tables) -> T) -> T {
        if self.is_guest { body(&mut lock(&self.net.place(self.place).guests)) } else { body(&mut self.own) }
    }

    /// Where a number is kept. A guest has none of the isolate's own: who has is not lent.
    #[inline(always)]
    pub(crate) fn tables_of<T>(&mut self, number: u32, body: impl FnOnce(&mut Tables) -> T) -> T {
        match Whose::of(number) {
            Whose::Own => body(&mut self.own),
            Whose::Guests => body(&mut lock(&self.net.place(self.place).guests)),
        }
    }

    /// The same, of a call.
    #[inline(always)]
    pub(crate) fn calls_of<T>(&mut self, corr: u32, body: impl FnOnce(&mut super::calls::Calls) -> T) -> T {
        self.tables_of(corr & CALL_MASK, |tables| body(&mut tables.calls))
    }

    /// A call within the lane is over.
    #[inline(always)]
    pub(super) fn close_call(&mut self, corr: u32) {
        if self.is_guest && Whose::of(corr & CALL_MASK) == Whose::Own {
            self.net.place(self.place).arrive(|arrivals| arrivals.closed.push(corr));
        } else {
            self.calls_of(corr, |calls| calls.close(corr));
        }
    }

    /// What guests left for it.
    #[cold]
    pub(super) fn take_arrivals(&mut self) {
        let Arrivals { closed, tasks } = self.net.place(self.place).take_arrivals();
        for corr in closed {
            self.close_call(corr);
        }
        for (future, index) in tasks {
            self.add_task(future, index);
        }
    }

    /// A future that goes on for an actor, and is nothing that the lane knows of.
    pub(crate) fn add_task(&mut self, future: super::tasks::Sendable, index: u32) {
        if self.is_guest {
            return self.net.place(self.place).arrive(|arrivals| arrivals.tasks.push((future, index)));
        }
        let seat = self.seats.get(index);
        if !seat.is_null() {
            let task = self.tasks.add(future.into(), &Entry { index, ..Entry::default() }, 0);
            // SAFETY: a seat of this lane, which is this thread's.
            unsafe { seat::ends(seat) }.tasks.push(task);
        }
    }

    /// Keeps what an actor failed with; its number.
    pub(crate) fn keep_cause(&mut self, cause: Cause) -> u32 {
        self.tables(|tables| tables.keep_cause(cause))
    }
}
