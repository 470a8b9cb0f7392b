//! What an actor is: state, and a handler for each type of message.

use super::ctx::Ctx;
use super::error::{Cause, Reason};
use std::future::Future;

/// The state of an actor. What it does is said by [`Handler`] and [`AsyncHandler`].
///
/// One message at a time is handled, from beginning to end, so nothing in here needs a lock. A panic in a handler is a failure of this
/// actor alone: its [supervisor](super::Options::strategy) decides what follows, as a rule a fresh instance in its place.
pub trait Actor: Sized + Send + 'static {
    /// The actor begins; messages come afterwards. An error is a failure to start.
    ///
    /// # Errors
    /// Whatever the actor cannot start without.
    fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
        let _ = ctx;
        Ok(())
    }

    /// The instance ends: its last chance to say something. Its children have ended before. Not called when it is killed.
    fn stopped(&mut self, reason: &Reason, ctx: &mut Ctx<Self>) {
        let _ = (reason, ctx);
    }

    /// Asked by [health checks](super::Options::health): an error, or no answer in time, counts as unwell.
    ///
    /// # Errors
    /// What is wrong.
    fn healthy(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
        let _ = ctx;
        Ok(())
    }
}

/// How an actor handles messages of type `M`.
///
/// ```
/// use buskin_core::native::{Actor, Ctx, Handler, System};
///
/// struct Counter(u64);
/// struct Add(u64);
/// struct Read;
///
/// impl Actor for Counter {}
/// impl Handler<Add> for Counter {
///     type Reply = ();
///     fn handle(&mut self, Add(by): Add, _: &mut Ctx<Self>) {
///         self.0 += by;
///     }
/// }
/// impl Handler<Read> for Counter {
///     type Reply = u64;
///     fn handle(&mut self, _: Read, _: &mut Ctx<Self>) -> u64 {
///         self.0
///     }
/// }
///
/// let system = System::new();
/// let counter = system.spawn(|| Counter(40)).unwrap();
/// counter.tell(Add(2));
/// assert_eq!(counter.ask(Read).wait().unwrap(), 42);
/// system.shutdown();
/// ```
pub trait Handler<M>: Actor {
    /// What an ask is answered with; of a tell it is dropped.
    type Reply: Send + 'static;

    /// Handles one message.
    fn handle(&mut self, message: M, ctx: &mut Ctx<Self>) -> Self::Reply;
}

/// How an actor handles messages of type `M` that take several steps: the next message waits until the future is over, and the
/// core thread does other things meanwhile.
///
/// ```
/// use buskin_core::native::{Actor, AsyncHandler, Ctx, Handler, Ref, System};
/// # struct Store; struct Get(u32);
/// # impl Actor for Store {}
/// # impl Handler<Get> for Store { type Reply = u32; fn handle(&mut self, Get(n): Get, _: &mut Ctx<Self>) -> u32 { n * 2 } }
/// struct Front { store: Ref<Store> }
/// struct Look(u32);
///
/// impl Actor for Front {}
/// impl AsyncHandler<Look> for Front {
///     type Reply = Option<u32>;
///     async fn handle(&mut self, Look(key): Look, _: &mut Ctx<Self>) -> Option<u32> {
///         self.store.ask(Get(key)).await.ok()
///     }
/// }
///
/// let system = System::new();
/// let store = system.spawn(|| Store).unwrap();
/// let front = system.spawn(move || Front { store }).unwrap();
/// assert_eq!(front.ask(Look(21)).wait().unwrap(), Some(42));
/// system.shutdown();
/// ```
pub trait AsyncHandler<M>: Actor {
    /// What an ask is answered with; of a tell it is dropped.
    type Reply: Send + 'static;

    /// Handles one message. The future stays on the thread that polls it first, so it need not be `Send`.
    fn handle(&mut self, message: M, ctx: &mut Ctx<Self>) -> impl Future<Output = Self::Reply>;
}
