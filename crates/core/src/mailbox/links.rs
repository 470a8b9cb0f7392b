//! The links of the lock-free queues: a hook inside every node, and the two chains that own nodes
//! outside a queue. This is the memory file: it alone turns hooks back into what owns them.

use crate::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::{fmt, iter::FusedIterator, marker::PhantomData, mem::ManuallyDrop, ptr, ptr::NonNull};

/// The link inside a node: where the next node is.
///
/// Written by whoever owns the node; in the Vyukov queue also, once, by the producer that comes
/// after it. A queue reads it only after an acquire of the word that published the node.
#[derive(Debug)]
pub struct Hook {
    pub(crate) next: AtomicPtr<Hook>,
}

impl Hook {
    /// A hook in no queue.
    #[must_use]
    pub fn new() -> Self {
        Self { next: AtomicPtr::new(ptr::null_mut()) }
    }
}

impl Default for Hook {
    fn default() -> Self {
        Self::new()
    }
}

/// An owning handle that a queue can hold as one pointer.
///
/// # Safety
/// `into_hook` gives up ownership of the node and returns a pointer to its [`Hook`] that is valid
/// for reads and writes, stays at that address, and is distinct from every other node's, until
/// `from_hook` takes ownership back. Nothing but the queue touches the hook in between.
/// The pointer keeps provenance over the whole node when the node is larger than its hook.
pub unsafe trait Link: Sized {
    /// Gives the node up.
    fn into_hook(self) -> NonNull<Hook>;

    /// Takes the node back.
    ///
    /// # Safety
    /// `hook` came from `into_hook` of this type and is taken back only once.
    unsafe fn from_hook(hook: NonNull<Hook>) -> Self;
}

/// Nodes on their way into a stack: linked newest first, because taking a whole stack and
/// reversing it then gives the order in which they were added.
pub struct Batch<H: Link> {
    newest: *mut Hook,
    oldest: *mut Hook,
    len: usize,
    owns: PhantomData<H>,
}

// SAFETY: a batch owns its nodes and nobody else has a pointer to them; it is as sendable as they are.
unsafe impl<H: Link + Send> Send for Batch<H> {}

impl<H: Link> Batch<H> {
    /// An empty batch; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { newest: ptr::null_mut(), oldest: ptr::null_mut(), len: 0, owns: PhantomData }
    }

    /// How many nodes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds one behind all others.
    #[inline]
    pub fn push(&mut self, handle: H) {
        let hook = handle.into_hook();
        // SAFETY: `into_hook` just gave us the node, so its hook is valid and ours alone.
        unsafe { hook.as_ref() }.next.store(self.newest, Relaxed); // Relaxed: not shared yet
        if self.newest.is_null() {
            self.oldest = hook.as_ptr();
        }
        self.newest = hook.as_ptr();
        self.len += 1;
    }

    /// Takes the *newest* back: the warm end, which is what a free list wants.
    #[inline]
    pub fn pop(&mut self) -> Option<H> {
        let hook = NonNull::new(self.newest)?;
        // SAFETY: a non-null `newest` is a node we own, linked to the next older one or null.
        self.newest = unsafe { hook.as_ref() }.next.load(Relaxed);
        self.len -= 1;
        // SAFETY: `push` or `from_raw` took it from `into_hook`; we just unlinked it, so once only.
        Some(unsafe { H::from_hook(hook) })
    }

    /// Turns it round, so that it can be read in the order of the pushes.
    #[must_use]
    pub fn into_mail(self) -> Mail<H> {
        let (newest, ..) = self.into_raw();
        // SAFETY: `into_raw` gave the chain up to us, linked newest first and ended by null.
        unsafe { Mail::from_newest(newest) }
    }

    /// Gives the chain up: (newest, oldest, length). The oldest's link is null.
    pub(crate) fn into_raw(self) -> (*mut Hook, *mut Hook, usize) {
        let given_up = ManuallyDrop::new(self); // the nodes go to the caller
        (given_up.newest, given_up.oldest, given_up.len)
    }

    /// Takes a chain over whose ends and length are known.
    ///
    /// # Safety
    /// The three came from `into_raw` of the same type, and the oldest's link is null again.
    pub(crate) unsafe fn from_raw((newest, oldest, len): (*mut Hook, *mut Hook, usize)) -> Self {
        Self { newest, oldest, len, owns: PhantomData }
    }

    /// Takes a chain over of which only the newest node is known, by walking it.
    ///
    /// # Safety
    /// `newest` is null or heads a chain of nodes from `H::into_hook`, ended by null and owned by the caller.
    pub(crate) unsafe fn from_newest(newest: *mut Hook) -> Self {
        let (mut oldest, mut len, mut at) = (ptr::null_mut(), 0, newest);
        while !at.is_null() {
            (oldest, len) = (at, len + 1);
            // SAFETY: the caller's promise: every link leads to an owned node or is null.
            at = unsafe { &*at }.next.load(Relaxed);
        }
        Self { newest, oldest, len, owns: PhantomData }
    }
}

impl<H: Link> Default for Batch<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Link> Drop for Batch<H> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

impl<H: Link> fmt::Debug for Batch<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("len", &self.len).finish()
    }
}

/// Nodes that came out of a stack, oldest first. Iterating hands them over; dropping it drops the rest.
pub struct Mail<H: Link> {
    next: *mut Hook,
    len: usize,
    owns: PhantomData<H>,
}

// SAFETY: as for `Batch`.
unsafe impl<H: Link + Send> Send for Mail<H> {}

impl<H: Link> Mail<H> {
    /// Reverses a chain that is linked newest first.
    ///
    /// # Safety
    /// As for [`Batch::from_newest`].
    pub(crate) unsafe fn from_newest(newest: *mut Hook) -> Self {
        let (mut next, mut at, mut len) = (ptr::null_mut(), newest, 0);
        while !at.is_null() {
            // SAFETY: the caller's promise: every link leads to an owned node or is null.
            let link = &unsafe { &*at }.next;
            let older = link.load(Relaxed);
            link.store(next, Relaxed); // Relaxed: the chain is ours alone
            (next, at, len) = (at, older, len + 1);
        }
        Self { next, len, owns: PhantomData }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<H: Link> Iterator for Mail<H> {
    type Item = H;

    #[inline]
    fn next(&mut self) -> Option<H> {
        let hook = NonNull::new(self.next)?;
        // SAFETY: a non-null `next` is a node we own, linked to the next newer one or null.
        self.next = unsafe { hook.as_ref() }.next.load(Relaxed);
        self.len -= 1;
        // SAFETY: it came from `into_hook` of this type and was just unlinked, so once only.
        Some(unsafe { H::from_hook(hook) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl<H: Link> ExactSizeIterator for Mail<H> {}
impl<H: Link> FusedIterator for Mail<H> {}

impl<H: Link> Drop for Mail<H> {
    fn drop(&mut self) {
        for _ in self {}
    }
}

impl<H: Link> fmt::Debug for Mail<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("len", &self.len).finish()
    }
}
