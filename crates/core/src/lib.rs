//! The actor core of Buskin: cells, mailboxes, lanes, timers and counts. It knows nothing of Node.
//!
//! Read in this order: [`entry`] (the words that cross), [`cell`] (one actor), [`mailbox`], [`lane`] (what happens in
//! a turn), [`supervise`], [`timer`], [`ask`], [`count`] (the identity), [`replay`].
#![forbid(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

pub mod ask;
pub mod cell;
pub mod clock;
pub mod count;
pub mod entry;
pub mod hub;
pub mod lane;
pub mod limits;
pub mod mailbox;
#[cfg(not(loom))]
pub mod native;
pub mod registry;
pub mod replay;
pub mod sched;
pub mod supervise;
pub mod sync;
pub mod timer;
pub mod watchdog;

/// Which layout the rings have: a hash of its declaration. A façade generated from another one must not use this core.
pub const LAYOUT: u32 = fnv(include_bytes!("entry.rs"));

const fn fnv(bytes: &[u8]) -> u32 {
    let (mut hash, mut at) = (0x811c_9dc5_u32, 0);
    while at < bytes.len() {
        // line ends do not count: a checkout may change them
        if bytes[at] != b'\r' {
            hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        }
        at += 1;
    }
    hash
}
