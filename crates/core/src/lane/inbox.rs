//! A lane's inbox: where all other threads push, one batch with one exchange, and from where the
//! lane's thread takes everything at once. README.md of this folder has the protocol and its proofs.
//!
//! # Ordering
//! Messages of one producer come out in the order they were added to its batches, and its batches
//! in the order it pushed them.
//!
//! # Delivery
//! A push either succeeds, and then its nodes come out of exactly one [`drain`](Inbox::drain) or
//! of [`close`](Inbox::close); or it fails, and gives its batch back. There is no third case.
//!
//! # Wake-up
//! Of all pushes and wakes that end one sleep exactly one reports [`Pushed::MustRing`].
//! A close reports nothing: whoever closes sees to the thread itself.

use super::head::{Found, Head, Sleep};
use crate::mailbox::links::{Batch, Link, Mail};
use crossbeam_utils::CachePadded;
use std::{fmt, marker::PhantomData};

/// The inbox. `H` is the handle that owns a node.
///
/// The lane's own thread drains and sleeps; everybody pushes, wakes, closes.
pub struct Inbox<H: Link> {
    /// Alone on its cache line: every producer writes it.
    head: CachePadded<Head>,
    owns: PhantomData<H>,
}

// SAFETY: the inbox owns its nodes; sending it sends them.
unsafe impl<H: Link + Send> Send for Inbox<H> {}
// SAFETY: nodes move in on one thread and out on another, which `H: Send` allows. No reference to
// one is ever shared, and each leaves once: the exchange that takes a chain removes it.
unsafe impl<H: Link + Send> Sync for Inbox<H> {}

/// What the producer of a batch that went in does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a sleeping lane sleeps on when nobody rings"]
pub enum Pushed {
    /// Nothing: the lane is awake, or somebody else rings.
    Awake,
    /// Ring the lane's doorbell.
    MustRing,
}

/// The lane was closed; here is what was not delivered.
pub struct Closed<T>(pub T);

impl<H: Link> Inbox<H> {
    /// An open inbox of an awake lane.
    #[must_use]
    pub fn new() -> Self {
        Self { head: CachePadded::new(Head::new()), owns: PhantomData }
    }

    /// Hands a batch over. An empty one does nothing.
    ///
    /// # Errors
    /// [`Closed`] with the batch, in its order, when the lane is closed.
    #[inline]
    pub fn push(&self, batch: Batch<H>) -> Result<Pushed, Closed<Batch<H>>> {
        if batch.is_empty() {
            return Ok(Pushed::Awake);
        }
        let raw = batch.into_raw();
        // SAFETY: `into_raw` gave us the chain, linked from its first to its second part.
        match unsafe { self.head.put(raw.0, raw.1) } {
            Ok(Found::Awake) => Ok(Pushed::Awake),
            Ok(Found::Asleep) => Ok(Pushed::MustRing),
            // SAFETY: a failed put leaves the chain ours and as it was.
            Err(_) => Err(Closed(unsafe { Batch::from_raw(raw) })),
        }
    }

    /// Takes everything, oldest first, and ends a sleep. Costs one load when there is nothing.
    #[inline]
    pub fn drain(&self) -> Mail<H> {
        // SAFETY: `take` unlinked the chain, so it is ours alone; puts linked it, newest first and
        // ended by null, and every node came from `into_hook` of `H`.
        unsafe { Mail::from_newest(self.head.take()) }
    }

    /// The last step before the thread blocks: only if nothing is there, and in the same exchange,
    /// the lane counts as asleep.
    pub fn begin_sleep(&self) -> Sleep {
        self.head.sleep()
    }

    /// A push without a message: the lane drains once more, after this, before it sleeps, and that
    /// drain sees what the caller did before. For news that do not travel in nodes.
    pub fn wake(&self) -> Pushed {
        match self.head.nudge() {
            Ok(Found::Asleep) => Pushed::MustRing,
            Ok(Found::Awake) | Err(_) => Pushed::Awake,
        }
    }

    /// Closes for ever; returns what was still inside, oldest first. Later calls return nothing.
    pub fn close(&self) -> Mail<H> {
        // SAFETY: as in `drain`.
        unsafe { Mail::from_newest(self.head.close()) }
    }

    /// Whether a drain would find something: one load, for a thread that spins before it sleeps.
    #[inline]
    #[must_use]
    pub fn has_mail(&self) -> bool {
        self.head.has_mail()
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.head.is_closed()
    }
}

impl<H: Link> Default for Inbox<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Link> Drop for Inbox<H> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

impl<H: Link> fmt::Debug for Inbox<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("head", &self.head).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").field(&self.0).finish()
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lane is closed")
    }
}

impl<T: fmt::Debug> std::error::Error for Closed<T> {}
