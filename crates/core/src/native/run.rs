//! What a message does when its turn has come: the functions behind a block's [`Kind`].

use super::actor::{Actor, AsyncHandler, Handler};
use super::ctx::Ctx;
use super::error::{AskError, Cause};
use super::isolate::Isolate;
use super::promise::Promise;
use super::reply::ReplyTo;
use super::seat::Seat;
use super::vault::{Block, Kind};
use crate::entry::{Entry, flag};
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// Where an entry of the inbox is being run.
pub(crate) struct Hand {
    /// The isolate of this thread.
    pub(crate) here: *mut Isolate,
    /// The actor's.
    pub(crate) seat: *mut (),
    /// The entry, where it lies in the inbox: a copy would be read in other pieces than it was written in, which costs more than
    /// all the rest.
    pub(crate) entry: *const Entry,
}

/// What running an entry came to.
pub(crate) enum Came {
    /// It is over.
    Returned,
    /// A future goes on with it.
    Promised(Promise),
    /// The handler has returned, and the message is over when the token of this number is used.
    Late(u32),
    /// The actor failed.
    Failed(Cause),
}

/// The flags of a message whose handler is asynchronous. The arity of a block says to another lane what ASYNC, which has another
/// meaning on the way, says here.
pub(super) const LATER: u32 = flag::ASYNC | 1 << flag::ARITY.trailing_zeros();

/// A future that may panic.
pub(super) async fn guarded<T>(future: impl Future<Output = T>) -> Result<T, Cause> {
    let mut future = std::pin::pin!(future);
    poll_fn(|cx| match guard(|| future.as_mut().poll(cx)) {
        Ok(polled) => polled.map(Ok),
        Err(cause) => Poll::Ready(Err(cause)),
    })
    .await
}

/// Runs what may panic.
#[inline(always)]
pub(crate) fn guard<T>(run: impl FnOnce() -> T) -> Result<T, Cause> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| Cause::panic(&*payload))
}

/// Of a message: no other thread runs it. What its handler begins is kept where only the lane's own thread looks.
pub(crate) const HOME: u32 = 2 << flag::ARITY.trailing_zeros();

/// A message of type `M` to an actor of type `A`; `How`: [`Plain`] or [`Later`].
pub(crate) struct To<A, M, How>(PhantomData<(A, M, How)>);

/// How a message is handled: the handler returns. See [`Handles`].
#[derive(Debug)]
pub struct Plain;
/// How a message is handled: the handler is asynchronous. See [`Handles`].
#[derive(Debug)]
pub struct Later;

/// Actors that handle messages of type `M`, in either way: whoever implements [`Handler`] or [`AsyncHandler`] does. `How` says
/// which of them, and is found by the compiler.
pub trait Handles<M, How>: sealed::Sealed<M, How> {
    /// What an ask is answered with.
    type Reply: Send + 'static;
    #[doc(hidden)]
    const FLAGS: u32;
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn block_of_tell(message: M) -> Block;
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn block_of_ask(message: M, reply: ReplyTo<Self::Reply>) -> Block;
}

pub(super) mod sealed {
    /// Nobody else implements [`Handles`](super::Handles).
    pub trait Sealed<M, How> {}
    impl<A: super::Handler<M>, M> Sealed<M, super::Plain> for A {}
    impl<A: super::AsyncHandler<M>, M> Sealed<M, super::Later> for A {}
}

impl<A: Actor + Handler<M>, M: Send + 'static> Handles<M, Plain> for A {
    type Reply = A::Reply;
    const FLAGS: u32 = 0;

    #[inline(always)]
    #[allow(private_interfaces)]
    fn block_of_tell(message: M) -> Block {
        Block::new(To::<A, M, Plain>::TELL, message)
    }

    #[inline(always)]
    #[allow(private_interfaces)]
    fn block_of_ask(message: M, reply: ReplyTo<A::Reply>) -> Block {
        Block::new(To::<A, M, Plain>::ASK, (message, reply))
    }
}

impl<A: Actor + AsyncHandler<M>, M: Send + 'static> Handles<M, Later> for A {
    type Reply = A::Reply;
    const FLAGS: u32 = LATER;

    #[inline(always)]
    #[allow(private_interfaces)]
    fn block_of_tell(message: M) -> Block {
        Block::new(To::<A, M, Later>::TELL, message)
    }

    #[inline(always)]
    #[allow(private_interfaces)]
    fn block_of_ask(message: M, reply: ReplyTo<A::Reply>) -> Block {
        Block::new(To::<A, M, Later>::ASK, (message, reply))
    }
}

fn name<M>() -> &'static str {
    std::any::type_name::<M>()
}

pub(super) unsafe fn lose_tell<M>(block: Block, _: AskError) {
    // SAFETY: a tell of an `M`, which nobody reads any more.
    unsafe { block.discard::<M>() };
}

pub(super) unsafe fn lose_ask<M, R: Send + 'static>(block: Block, why: AskError) {
    // SAFETY: an ask of an `M`, which nobody reads any more.
    let (message, reply) = unsafe { block.take::<(M, ReplyTo<R>)>() };
    drop(message);
    reply.settle(Err(why));
}

impl<A: Handler<M>, M: Send + 'static> To<A, M, Plain> {
    const TELL: &'static Kind = &Kind { run: Self::tell, lose: lose_tell::<M>, name: name::<M> };
    const ASK: &'static Kind = &Kind { run: Self::ask, lose: lose_ask::<M, A::Reply>, name: name::<M> };

    unsafe fn tell(block: Block, hand: &Hand) -> Came {
        // SAFETY: a tell of an `M` to an `A`, whose turn it is: nobody else touches the actor.
        let (message, actor) = unsafe { (block.take::<M>(), Seat::<A>::actor(hand.seat)) };
        let mut ctx = Ctx::new(hand);
        match guard(|| actor.handle(message, &mut ctx)) {
            Ok(_) => ctx.came(),
            Err(cause) => Came::Failed(cause),
        }
    }

    unsafe fn ask(block: Block, hand: &Hand) -> Came {
        // SAFETY: an ask of an `M` to an `A`, whose turn it is: nobody else touches the actor.
        let ((message, reply), actor) =
            unsafe { (block.take::<(M, ReplyTo<A::Reply>)>(), Seat::<A>::actor(hand.seat)) };
        let mut ctx = Ctx::new(hand);
        let cause = match guard(|| actor.handle(message, &mut ctx)) {
            Ok(value) => match ctx.came() {
                Came::Failed(cause) => cause,
                came => {
                    reply.settle(Ok(value));
                    return came;
                }
            },
            Err(cause) => cause,
        };
        reply.settle(Err(AskError::Failed(cause.clone())));
        Came::Failed(cause)
    }
}

impl<A: AsyncHandler<M>, M: Send + 'static> To<A, M, Later> {
    const TELL: &'static Kind = &Kind { run: Self::tell, lose: lose_tell::<M>, name: name::<M> };
    const ASK: &'static Kind = &Kind { run: Self::ask, lose: lose_ask::<M, A::Reply>, name: name::<M> };

    unsafe fn tell(block: Block, hand: &Hand) -> Came {
        // SAFETY: a tell of an `M`.
        let message = unsafe { block.take::<M>() };
        // SAFETY: an `A`, which stays where it is, and which nobody else touches until the future is over.
        let future = unsafe { Self::begin(message, hand) };
        Came::Promised(Promise::new(async move { future.await.map(|_| ()) }))
    }

    unsafe fn ask(block: Block, hand: &Hand) -> Came {
        // SAFETY: an ask of an `M`.
        let (message, reply) = unsafe { block.take::<(M, ReplyTo<A::Reply>)>() };
        // SAFETY: as in `tell`.
        let future = unsafe { Self::begin(message, hand) };
        Came::Promised(Promise::new(async move {
            match future.await {
                Ok(value) => reply.settle(Ok(value)),
                Err(cause) => {
                    reply.settle(Err(AskError::Failed(cause.clone())));
                    return Err(cause);
                }
            }
            Ok(())
        }))
    }

    /// # Safety
    /// The seat is an `A`'s, and until the future is over or dropped nobody else touches the actor.
    unsafe fn begin(message: M, hand: &Hand) -> impl Future<Output = Result<A::Reply, Cause>> + 'static {
        let (mut ctx, seat) = (Ctx::<A>::new(hand), hand.seat);
        async move {
            // SAFETY: the caller's promise.
            let actor = unsafe { Seat::<A>::actor(seat) };
            let reply = guarded(async { actor.handle(message, &mut ctx).await }).await?;
            match ctx.came() {
                Came::Failed(cause) => Err(cause),
                _ => Ok(reply),
            }
        }
    }
}
