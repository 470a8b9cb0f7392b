//! Typed actors in Rust, on the core's own threads.
//!
//! An actor is a plain struct; a [`Handler`] for each type of message says what it does; a [`Ref`] is its address. A [`System`] runs
//! them on one thread per CPU, supervises them as OTP does, and accounts for every message: it is handled, or it fails with its
//! actor, or it becomes a dead letter with a reason.
#![doc = include_str!("../../README.md")]

mod actor;
mod blocking;
mod calls;
mod ctx;
mod dispatch;
mod error;
pub mod foreign;
mod isolate;
mod net;
mod numbers;
mod options;
mod outside;
mod proceed;
mod promise;
mod quiet;
#[cfg_attr(not(feature = "tokio"), path = "no_reactor.rs")]
mod reactor;
mod refs;
mod reply;
mod run;
mod seat;
mod stream;
mod system;
mod tables;
mod tasks;
mod timers;
mod token;
mod vault;
mod visit;

pub use actor::{Actor, AsyncHandler, Handler};
pub use blocking::blocking;
pub use ctx::{Ctx, LinkId, WatchId};
pub use error::{AskError, Cause, Lost, Reason, SpawnError};
pub use net::DeadLetter;
pub use options::{Backoff, Directive, Failure, Options, Overflow, Phase, Restart, Shutdown, Strategy};
#[cfg(feature = "tokio")]
pub use reactor::tokio;
pub use refs::{AnyRef, Call, Priority, Ref, With};
pub use reply::Ask;
pub use run::{Handles, Later, Plain};
pub use stream::{Blocking, Emitter, ReaderLeft, Replies, StreamHandler};
#[doc(hidden)]
pub use system::ByHand;
pub use system::{Attached, Builder, System, attach};
pub use timers::TimerId;
pub use token::{ByToken, Reply, ReplyHandler};
