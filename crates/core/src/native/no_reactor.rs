//! There is no reactor: the feature `tokio` is off.

use super::isolate::Isolate;
use std::time::Duration;

/// Nothing.
pub(crate) struct Reactor;

impl Reactor {
    pub(crate) fn none() -> Reactor {
        Reactor
    }

    /// Does nothing; see `reactor.rs`.
    ///
    /// # Safety
    /// The thread's own isolate.
    #[inline(always)]
    pub(crate) unsafe fn look(this: *mut Isolate) {
        // SAFETY: the caller's promise.
        let Reactor = unsafe { &(*this).reactor };
    }

    /// The thread parks; see `reactor.rs`.
    ///
    /// # Safety
    /// None is needed.
    #[inline(always)]
    pub(crate) unsafe fn nap(_: *mut Isolate, _: Option<Duration>) -> bool {
        false
    }
}

/// What a system's threads begin with.
#[derive(Clone, Debug)]
pub(crate) struct Wanted;

impl Wanted {
    pub(crate) const NO: Wanted = Wanted;

    /// One for each thread.
    pub(crate) fn make(&self, _: usize) -> std::io::Result<Ready> {
        Ok(Ready)
    }
}

/// What was made for the threads.
#[derive(Default)]
pub(crate) struct Ready;

impl Ready {
    pub(crate) fn start(&self, _: usize, _: &mut Isolate) {}
}
