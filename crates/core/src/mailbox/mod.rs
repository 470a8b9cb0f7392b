//! Mailboxes: the lane-owned one, the one shared between threads, and what a full one does.

#[cfg(all(test, loom))]
pub(crate) mod interleavings;
pub mod links;
pub mod local;
pub mod overflow;
pub mod scheduled;
pub mod shared;
