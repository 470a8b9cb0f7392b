//! The word that schedules an actor exactly once however many threads push to it.
//!
//! ```text
//!            claim by the push that found the queue empty
//!    IDLE ───────────────────────────────────────────────▶ SCHEDULED   (in a run queue, or running)
//!      ▲                                                      │
//!      └──────────────── release, after Pop::Empty ───────────┘
//! ```
//!
//! Producer: push; if the queue was empty: `claim`; if that returns true: put the actor into a run queue.
//! Consumer: pop until `Pop::Empty` or the budget is spent; spent, or `Pop::Busy`: put the actor
//! into a run queue, still SCHEDULED; empty: `release`, and on [`Released::Again`] carry on.
//!
//! # Wake-up
//! No wake-up is lost, for any push P that found the queue empty (a push that did not is behind
//! one that did, and the consumer cannot report Empty before it has taken both):
//! - P's `claim` comes after the consumer's swap to IDLE in the order of this word: it reads IDLE,
//!   and P schedules the actor.
//! - It comes before: the consumer's swap reads what `claim` wrote, so it synchronises with P, and
//!   the recheck that follows sees P's node. The consumer claims the actor itself.
//!
//! Both cannot schedule: `claim` and the recheck's claim are swaps on one word, and only one of
//! them reads IDLE.

use crate::sync::atomic::{
    AtomicU8,
    Ordering::{AcqRel, Relaxed},
};

const IDLE: u8 = 0;
const SCHEDULED: u8 = 1;

/// The word. Producers and the consumer write it, by swaps only.
#[derive(Debug)]
pub struct Scheduled(AtomicU8);

/// What a consumer that found nothing does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Released {
    /// The actor is idle, or already scheduled by somebody else: let go of it.
    Idle,
    /// A message came in between and nobody else will see to it: the actor is still the caller's.
    Again,
}

impl Scheduled {
    /// An idle actor.
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicU8::new(IDLE))
    }

    /// After a push into an empty queue: `true` when the caller must put the actor into a run queue.
    #[inline]
    #[must_use = "the actor is now the caller's to schedule"]
    pub fn claim(&self) -> bool {
        // Release: pairs with the Acquire half of the swap in `release`, which must see our push.
        // Acquire: pairs with the Release half of that swap: who claims sees all that the last
        // consumer did.
        self.0.swap(SCHEDULED, AcqRel) == IDLE
    }

    /// The consumer's way back to idle, with the recheck that keeps a wake-up from being lost.
    ///
    /// From the swap on, the actor may run elsewhere: `is_empty` must be a look that any thread
    /// may take ([`Shared::is_empty`](super::shared::Shared::is_empty)), on memory that lives on.
    #[inline]
    pub fn release(&self, is_empty: impl FnOnce() -> bool) -> Released {
        // Release: pairs with the Acquire half of the swap in `claim`.
        // Acquire: pairs with the Release half of the swap in `claim`, for the recheck below.
        self.0.swap(IDLE, AcqRel);
        if is_empty() || !self.claim() { Released::Idle } else { Released::Again }
    }

    /// Whether it was scheduled or running a moment ago. For display only.
    #[must_use]
    pub fn is_scheduled(&self) -> bool {
        self.0.load(Relaxed) == SCHEDULED // Relaxed: decides nothing
    }
}

impl Default for Scheduled {
    fn default() -> Self {
        Self::new()
    }
}
