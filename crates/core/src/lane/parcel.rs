//! A parcel: one message on its way between two lanes, in a node of 128 bytes.

use crate::mailbox::links::{Hook, Link};
use std::{fmt, mem, ptr::NonNull};

/// Payloads up to this size travel inside the node; larger ones in a box of their own.
/// 80 leaves room for the hook, the header and the tag in two cache lines.
pub const INLINE: usize = 80;

/// What the core reads of a message, as in the entries of the rings.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// Operation, flags and method tag.
    pub w0: u32,
    /// The receiver's cell.
    pub index: u32,
    /// The receiver's generation.
    pub generation: u32,
    /// A small payload, or what the flags say it is.
    pub payload: u32,
    /// The sender's cell.
    pub from_index: u32,
    /// The sender's generation.
    pub from_generation: u32,
    /// Correlation of an ask.
    pub corr: u32,
    /// The lane that sent it, whose [pool](super::pool::Pool) wants the node back.
    pub source_lane: u32,
}

/// The bytes that travel along.
enum Body {
    Inline { len: u8, bytes: [u8; INLINE] },
    Spill(Box<[u8]>),
    Loaded(Box<Load>),
}

/// Bytes with large ones beside them, which are never copied within the core.
struct Load {
    bytes: Box<[u8]>,
    attached: Vec<Option<Vec<u8>>>,
}

/// Aligned to a pair of lines, so that two threads that work on neighbours do not share one.
#[repr(C, align(128))]
struct Node {
    hook: Hook,
    header: Header,
    body: Body,
}

// Loom's atomics are larger than the real ones.
#[cfg(all(not(loom), target_pointer_width = "64"))]
const _: () = assert!(size_of::<Node>() == 128);
const _: () = assert!(INLINE <= u8::MAX as usize && mem::offset_of!(Node, hook) == 0);

/// The handle that owns a node. Dropping it frees the node; [`Returns::give`](super::pool::Returns::give)
/// sends it home instead.
pub struct Parcel(Box<Node>);

// SAFETY: a box has one address for life, which no other node shares; the hook is the first field
// of a `repr(C)` node, so a pointer to the node is one to the hook, with the node's provenance.
unsafe impl Link for Parcel {
    #[inline]
    fn into_hook(self) -> NonNull<Hook> {
        // SAFETY: `Box::into_raw` is never null.
        unsafe { NonNull::new_unchecked(Box::into_raw(self.0)) }.cast()
    }

    #[inline]
    unsafe fn from_hook(hook: NonNull<Hook>) -> Self {
        // SAFETY: the caller's promise: it is the pointer of `into_hook`, taken back once.
        Self(unsafe { Box::from_raw(hook.cast().as_ptr()) })
    }
}

impl Parcel {
    /// A parcel in a fresh node, without bytes. A pool gives out used ones.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self(Box::new(Node { hook: Hook::new(), header, body: Body::Inline { len: 0, bytes: [0; INLINE] } }))
    }

    /// The header.
    #[must_use]
    #[inline]
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// The header, to change.
    #[inline]
    pub fn header_mut(&mut self) -> &mut Header {
        &mut self.0.header
    }

    /// The bytes.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match &self.0.body {
            Body::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Body::Spill(bytes) => bytes,
            Body::Loaded(load) => &load.bytes,
        }
    }

    /// Puts large bytes beside the others.
    pub fn attach(&mut self, attached: Vec<Option<Vec<u8>>>) {
        let bytes = self.bytes().into();
        self.0.body = Body::Loaded(Box::new(Load { bytes, attached }));
    }

    /// How many large ones there are.
    #[must_use]
    pub fn attached(&self) -> usize {
        if let Body::Loaded(load) = &self.0.body { load.attached.len() } else { 0 }
    }

    /// Takes all of them.
    pub(super) fn take_attached(&mut self) -> Vec<Option<Vec<u8>>> {
        if let Body::Loaded(load) = &mut self.0.body { mem::take(&mut load.attached) } else { Vec::new() }
    }

    /// Takes the large bytes at a place out.
    pub fn detach(&mut self, place: usize) -> Option<Vec<u8>> {
        if let Body::Loaded(load) = &mut self.0.body { load.attached.get_mut(place)?.take() } else { None }
    }

    /// Copies bytes in; allocates only for more than [`INLINE`].
    #[inline]
    pub fn set_bytes(&mut self, from: &[u8]) {
        match &mut self.0.body {
            Body::Inline { len, bytes } if from.len() <= INLINE => {
                bytes[..from.len()].copy_from_slice(from);
                *len = from.len() as u8; // INLINE fits, asserted above
            }
            body if from.len() <= INLINE => {
                let mut bytes = [0; INLINE];
                bytes[..from.len()].copy_from_slice(from);
                *body = Body::Inline { len: from.len() as u8, bytes };
            }
            body => *body = Body::Spill(from.into()),
        }
    }

    /// Other bytes in the place of those it has; what lies beside them stays.
    pub(super) fn replace_bytes(&mut self, from: &[u8]) {
        if let Body::Loaded(load) = &mut self.0.body {
            load.bytes = from.into();
        } else {
            self.set_bytes(from);
        }
    }

    /// Takes the first bytes off.
    pub(super) fn take_front<const N: usize>(&mut self) -> Option<[u8; N]> {
        let front = self.bytes().first_chunk::<N>().copied()?;
        let rest = self.bytes()[N..].to_vec();
        self.replace_bytes(&rest);
        Some(front)
    }

    /// Drops the bytes, so that a resting node holds no memory but its own.
    #[inline]
    pub(super) fn clear(&mut self) {
        match &mut self.0.body {
            Body::Inline { len, .. } => *len = 0,
            body => *body = Body::Inline { len: 0, bytes: [0; INLINE] },
        }
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel").field("header", self.header()).field("len", &self.bytes().len()).finish()
    }
}
