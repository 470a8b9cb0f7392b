//! The mailbox of an actor that moves between core threads: an intrusive queue with many
//! producers and one consumer at a time, after Vyukov.
//!
//! Two words, no allocation, may be moved while nobody uses it. Where Vyukov has a stub node, this has null:
//!
//! ```text
//! last   the newest node; null: the queue is empty. Producers swap themselves in.
//! first  the oldest node; null: the queue is empty, or the first producer has not linked yet.
//! ```
//!
//! A producer swaps itself into `last` and *then* links itself behind what it found there: behind
//! the previous node, or into `first` if it found null. In between the queue is in two pieces, and
//! a consumer that reaches the gap sees [`Pop::Busy`].
//!
//! # Ordering
//! Nodes come out in the order of the swaps, so messages of one producer stay in order.
//!
//! # Wake-up
//! A push that found the queue empty returns `true`; its caller, and no other, must then
//! [claim](super::scheduled::Scheduled::claim) the actor. See `scheduled.rs` for why that is enough.

use super::links::{Hook, Link};
use crate::sync::atomic::{
    AtomicPtr,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use std::{fmt, marker::PhantomData, ptr, ptr::NonNull};

/// The queue. `H` is the handle that owns a node.
///
/// Both words share a cache line, because an actor is small and mostly idle. Under a flood from
/// other threads a line each made a message cost 19-23 ns instead of 32-51 (benches/lanes.rs with
/// one line changed), at 256 bytes per actor.
pub struct Shared<H: Link> {
    /// Swapped by producers; set back to null by the consumer when it takes the only node.
    last: AtomicPtr<Hook>,
    /// Written by the consumer while it is not null, by the one producer that found `last` null while it is.
    first: AtomicPtr<Hook>,
    owns: PhantomData<H>,
}

// SAFETY: the queue owns its nodes; sending it sends them.
unsafe impl<H: Link + Send> Send for Shared<H> {}
// SAFETY: `push` moves nodes in from any thread and `pop` moves them out on another: `H: Send` is
// what that takes. No reference to a node is ever shared.
unsafe impl<H: Link + Send> Sync for Shared<H> {}

/// What the consumer found.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Pop<H> {
    /// The oldest node.
    Some(H),
    /// Nothing was there. The consumer may go idle (through `Scheduled::release`).
    Empty,
    /// A producer is between its swap and its link. It will *not* schedule the actor again, so
    /// the consumer stays scheduled: it looks again, or queues the actor behind the others.
    Busy,
}

impl<H: Link> Shared<H> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self { last: AtomicPtr::new(ptr::null_mut()), first: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    /// Appends a node; `true` when the queue was empty and the caller must claim the actor.
    /// Wait-free: one swap and one store.
    #[inline]
    #[must_use = "whoever finds the queue empty must schedule the actor"]
    pub fn push(&self, handle: H) -> bool {
        let node = handle.into_hook();
        // SAFETY: `into_hook` just gave us the node, so its hook is valid and ours alone.
        unsafe { node.as_ref() }.next.store(ptr::null_mut(), Relaxed); // published by the swap
        // Release: pairs with the Acquire half of the swap of the producer behind us (it must see
        // our null before it stores our link) and with the Acquire in `is_empty`.
        // Acquire: pairs with the Release of the producer before us, and with that of `pop`'s
        // exchange, whose `first = null` must come before our store below.
        let prev = self.last.swap(node.as_ptr(), AcqRel);
        let link = match NonNull::new(prev) {
            None => &self.first,
            // SAFETY: `prev` was the newest node. The consumer frees it only after it has seen a
            // link in it, which nobody but us writes, or after it has exchanged it out of `last`,
            // which our swap has made impossible. So it is alive until our store.
            Some(prev) => unsafe { &(*prev.as_ptr()).next },
        };
        // Release: pairs with the Acquire loads in `pop`; hands the node's content over.
        link.store(node.as_ptr(), Release);
        prev.is_null()
    }

    /// Takes the oldest node.
    ///
    /// # Safety
    /// One consumer at a time: no other call of `pop` on this queue runs, and the previous one
    /// happens before this one (in the runtime: through the `Scheduled` word or a run queue).
    #[inline]
    pub unsafe fn pop(&self) -> Pop<H> {
        // Acquire: pairs with the Release store of the producer that found the queue empty.
        let Some(oldest) = NonNull::new(self.first.load(Acquire)) else {
            // Relaxed: only a hint which of the two names to return; `release` checks again.
            return if self.last.load(Relaxed).is_null() { Pop::Empty } else { Pop::Busy };
        };
        // SAFETY: `first` leads to the oldest node, which stays alive until a `pop` returns it;
        // we are the only consumer.
        let link = unsafe { &(*oldest.as_ptr()).next };
        // Acquire: pairs with the Release store of the producer behind `oldest`.
        let mut next = link.load(Acquire);
        if next.is_null() {
            // It looks like the only one. Then the queue becomes empty: `first` must be null
            // before `last` is, because a producer that finds `last` null writes `first`.
            self.first.store(ptr::null_mut(), Relaxed); // published by the exchange
            // Release: pairs with the Acquire half of the next producer's swap (see above).
            // Failure is Relaxed: nothing is read through it.
            if self.last.compare_exchange(oldest.as_ptr(), ptr::null_mut(), Release, Relaxed).is_ok() {
                // SAFETY: from `into_hook` in `push`; no producer saw it as `prev`, and it has
                // left both words, so it is ours and leaves once.
                return Pop::Some(unsafe { H::from_hook(oldest) });
            }
            // A producer came in between and will link, or has linked, behind `oldest`; no one
            // has found `last` null, so `first` is still ours to write.
            next = link.load(Acquire); // Acquire: as above
            if next.is_null() {
                self.first.store(oldest.as_ptr(), Relaxed); // read by the consumer only
                return Pop::Busy;
            }
        }
        self.first.store(next, Relaxed); // read by the consumer only
        // SAFETY: from `into_hook` in `push`; its one later producer has stored its link and
        // touches it no more, and `first` has moved on, so it is ours and leaves once.
        Pop::Some(unsafe { H::from_hook(oldest) })
    }

    /// Whether no push has begun since the consumer took the last node.
    /// Anyone may ask; the answer holds for good only after `Scheduled::release` went idle.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // Acquire: pairs with the Release half of the swap in `push`.
        self.last.load(Acquire).is_null()
    }
}

impl<H: Link> Default for Shared<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Link> Drop for Shared<H> {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: we are alone, so every push has ended (no Busy) and no other pop runs.
        while let Pop::Some(_) = unsafe { self.pop() } {}
    }
}

impl<H: Link> fmt::Debug for Shared<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("is_empty", &self.is_empty()).finish()
    }
}
