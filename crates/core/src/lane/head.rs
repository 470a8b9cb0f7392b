//! The one word of a lane's inbox: a stack of nodes, or one of four marks.
//!
//! ```text
//!   state     put                  take     sleep    nudge            close
//!   EMPTY     NODES                –        ASLEEP   NUDGED           CLOSED
//!   NODES     NODES                EMPTY    – Mail   NODES            CLOSED
//!   NUDGED    NODES                EMPTY    – Mail   NUDGED           CLOSED
//!   ASLEEP    NODES, ring          EMPTY    –        NUDGED, ring     CLOSED
//!   CLOSED    fails                –        –        –                –
//! ```
//!
//! Emptiness, sleep and closure share a word so that they cannot disagree: "go to sleep if there
//! is nothing" and "put this and tell me whether it slept" are one exchange each. README.md of
//! this folder has the proofs. This is the memory file: it alone touches the raw pointers.

use crate::{
    mailbox::links::Hook,
    sync::atomic::{
        AtomicPtr,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};
use std::ptr;

/// No nodes; the lane is awake.
const EMPTY: *mut Hook = ptr::null_mut();
/// No nodes, and the lane's thread sleeps or is about to: the next put or nudge must ring.
const ASLEEP: *mut Hook = ptr::without_provenance_mut(1);
/// No nodes, but the lane shall not fall asleep before it has looked round once more.
const NUDGED: *mut Hook = ptr::without_provenance_mut(2);
/// Nothing will ever be taken again: every put fails.
const CLOSED: *mut Hook = ptr::without_provenance_mut(3);

// A hook is aligned to a pointer, so the marks are no node's address.
const _: () = assert!(align_of::<Hook>() > 3);

/// The word. Any thread puts, nudges and closes; one thread takes and sleeps.
#[derive(Debug)]
pub(super) struct Head(AtomicPtr<Hook>);

/// What a successful put or nudge found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Awake,
    Asleep,
}

/// How an attempt to fall asleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Sleep {
    /// The next push or wake is told to ring. The thread may block.
    Asleep,
    /// Something came: drain and look round instead.
    Mail,
    /// The lane was closed: nothing will come again and nothing will ring.
    Closed,
}

/// A put that came after the close.
pub(super) struct IsClosed;

impl Head {
    pub(super) fn new() -> Self {
        Self(AtomicPtr::new(EMPTY))
    }

    /// Puts a chain on top: `newest` down to `oldest`, linked in this direction.
    ///
    /// # Safety
    /// Both are nodes of one chain that the caller owns, `newest` leading to `oldest`, whose link
    /// is null. On `Ok` the chain belongs to the head, on `Err` it is the caller's as before.
    #[inline]
    pub(super) unsafe fn put(&self, newest: *mut Hook, oldest: *mut Hook) -> Result<Found, IsClosed> {
        // SAFETY: the caller owns `oldest` until an exchange below succeeds; not used after it.
        let bottom = unsafe { &(*oldest).next };
        // Relaxed: what is read is only compared and linked to; the exchange confirms it.
        let mut found = self.0.load(Relaxed);
        loop {
            if found == CLOSED {
                // Acquire: pairs with the Release of `close`, so that whoever finds the lane
                // closed also sees what was done before it was. (A second load, not a fence,
                // because the ThreadSanitizer does not know fences.)
                let _closed = self.0.load(Acquire);
                bottom.store(EMPTY, Relaxed); // ours again, and ended by null again
                return Err(IsClosed);
            }
            let below = if is_mark(found) { EMPTY } else { found };
            bottom.store(below, Relaxed); // published by the exchange
            // Release: pairs with the Acquire of `take` and `close`. Ours need not be the value
            // they read: every later change of the word until then is an exchange, and exchanges
            // continue our release sequence.
            // The word may have left `found` and come back meanwhile (a node taken, reused and put
            // again). That is harmless: all we rely on is that `below` is the top, and it is.
            match self.0.compare_exchange_weak(found, newest, Release, Relaxed) {
                Ok(ASLEEP) => return Ok(Found::Asleep),
                Ok(_) => return Ok(Found::Awake),
                Err(now) => found = now,
            }
        }
    }

    /// Takes all nodes, newest first; null when there are none. Ends a sleep and uses up a nudge.
    /// Never reopens a closed head, which is why this is not a swap.
    #[inline]
    pub(super) fn take(&self) -> *mut Hook {
        // Relaxed: nothing is read through it. Most calls find nothing and end here.
        let mut found = self.0.load(Relaxed);
        loop {
            if found == EMPTY || found == CLOSED {
                return EMPTY;
            }
            // Acquire: pairs with the Release of every `put` and `nudge` since the last take.
            match self.0.compare_exchange_weak(found, EMPTY, Acquire, Relaxed) {
                Ok(_) => return if is_mark(found) { EMPTY } else { found },
                Err(now) => found = now,
            }
        }
    }

    /// Falls asleep, if there is nothing to take and no nudge.
    pub(super) fn sleep(&self) -> Sleep {
        // Relaxed, twice: falling asleep publishes nothing, and whatever ends the sleep is
        // acquired by the `take` that follows.
        match self.0.compare_exchange(EMPTY, ASLEEP, Relaxed, Relaxed) {
            Ok(_) | Err(ASLEEP) => Sleep::Asleep,
            Err(CLOSED) => Sleep::Closed,
            Err(_) => Sleep::Mail,
        }
    }

    /// A put without nodes: the lane takes at least once more, after this, before it sleeps.
    pub(super) fn nudge(&self) -> Result<Found, IsClosed> {
        let mut found = self.0.load(Relaxed); // Relaxed: the exchange confirms it
        loop {
            let next = match found {
                CLOSED => return Err(IsClosed),
                EMPTY | ASLEEP => NUDGED,
                // There is something to take already, but an exchange is still due: the next
                // `take` shall acquire what the caller did before it called.
                same => same,
            };
            // Release: pairs with the Acquire of the next `take`.
            match self.0.compare_exchange_weak(found, next, Release, Relaxed) {
                Ok(ASLEEP) => return Ok(Found::Asleep),
                Ok(_) => return Ok(Found::Awake),
                Err(now) => found = now,
            }
        }
    }

    /// Closes for ever and takes what is left, newest first; null when nothing is.
    pub(super) fn close(&self) -> *mut Hook {
        // Acquire: pairs with the Release of every `put` since the last take.
        // Release: pairs with the Acquire of a failing `put` and of `is_closed`.
        let left = self.0.swap(CLOSED, AcqRel);
        if is_mark(left) { EMPTY } else { left }
    }

    /// Whether a take would do anything. For a thread that spins.
    #[inline]
    pub(super) fn has_mail(&self) -> bool {
        // Relaxed: decides only whether to call `take`, which acquires.
        !matches!(self.0.load(Relaxed), EMPTY | ASLEEP | CLOSED)
    }

    pub(super) fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release of `close`.
        self.0.load(Acquire) == CLOSED
    }
}

/// Whether it stands for a state without nodes.
#[inline]
fn is_mark(word: *mut Hook) -> bool {
    word.addr() <= CLOSED.addr()
}
