//! Large pages for large memory: a backlog of a million messages is 50 MiB that was never touched, and to have it page by page
//! costs as much as to handle the messages.

/// From this size on it pays.
pub(crate) const LEAST: usize = 4 << 20;

/// Asks for large pages where the memory that will be written is not there yet. A wish: it may be ignored, and is elsewhere.
#[cfg(all(target_os = "linux", not(loom)))]
pub(crate) fn prefer(at: *mut u8, bytes: usize) {
    const PAGE: usize = 4096;
    let begin = at.addr().next_multiple_of(PAGE);
    let end = (at.addr() + bytes) & !(PAGE - 1);
    if end > begin {
        // SAFETY: the range is within memory of the caller's; the advice changes nothing but how it is mapped.
        let _ignored = unsafe { libc::madvise(at.with_addr(begin).cast(), end - begin, libc::MADV_HUGEPAGE) };
    }
}

/// See above.
#[cfg(not(all(target_os = "linux", not(loom))))]
pub(crate) fn prefer(_at: *mut u8, _bytes: usize) {}
