//! The actor core of Buskin: cells, mailboxes, lanes, timers and counts. It knows nothing of Node.
//!
//! Read in this order: [`entry`] (the words that cross), [`cell`] (one actor), [`mailbox`], [`lane`] (what happens in
//! a turn), [`timer`], [`ask`], [`count`] (the identity), [`replay`].
#![forbid(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

pub mod ask;
pub mod cell;
pub mod clock;
pub mod count;
pub mod entry;
pub mod lane;
pub mod limits;
pub mod mailbox;
pub mod registry;
pub mod replay;
pub mod sync;
pub mod timer;
