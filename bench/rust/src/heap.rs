//! The allocator of all contestants, and a counting one for the question about memory, which has a binary of its own so
//! that nothing timed pays for the counting.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(not(feature = "mimalloc"))]
pub type Heap = std::alloc::System;
#[cfg(not(feature = "mimalloc"))]
pub const HEAP: Heap = std::alloc::System;

#[cfg(feature = "mimalloc")]
pub type Heap = mimalloc::MiMalloc;
#[cfg(feature = "mimalloc")]
pub const HEAP: Heap = mimalloc::MiMalloc;

static COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Bytes asked for and not given back; `None` in a binary that does not count.
pub fn live_bytes() -> Option<usize> {
    COUNTING.load(Ordering::Relaxed).then(|| LIVE.load(Ordering::Acquire))
}

pub struct Counting;

// SAFETY: every call is passed on unchanged to the heap beneath; only sizes are added up.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNTING.store(true, Ordering::Relaxed);
        LIVE.fetch_add(layout.size(), Ordering::AcqRel);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { HEAP.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::AcqRel);
        // SAFETY: the caller keeps the contract of `dealloc`, and the block came from the heap beneath.
        unsafe { HEAP.dealloc(ptr, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::AcqRel);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { HEAP.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        LIVE.fetch_add(new_size, Ordering::AcqRel);
        LIVE.fetch_sub(layout.size(), Ordering::AcqRel);
        // SAFETY: the caller keeps the contract of `realloc`, and the block came from the heap beneath.
        unsafe { HEAP.realloc(ptr, layout, new_size) }
    }
}
