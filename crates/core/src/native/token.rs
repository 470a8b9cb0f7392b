//! Replies that are given later, by a token.

use super::actor::Actor;
use super::ctx::Ctx;
use super::error::AskError;
use super::isolate::{self, Isolate};
use super::net::Net;
use super::refs::AnyRef;
use super::reply::ReplyTo;
use super::run::{Came, Hand, Handles, To, guard, sealed};
use super::seat::{self, Seat};
use super::vault::{Block, Kind};
use crate::entry::{Entry, op, outcome};
use crate::lane::far::Address;
use crate::limits::{CALL_BITS, FAR_CALL};
use std::fmt;

/// How a message is handled: with a token for the reply. See [`Handles`].
#[derive(Debug)]
pub struct ByToken;

/// How an actor handles messages of type `M` that it answers later, or that somebody else answers for it. It goes on with its other
/// messages meanwhile.
///
/// ```
/// use buskin_core::native::{Actor, Ctx, Handler, Reply, ReplyHandler, System};
///
/// /// Lets everybody wait until the door opens.
/// #[derive(Default)]
/// struct Door(Vec<Reply<u32>>);
/// struct Pass;
/// struct Open;
///
/// impl Actor for Door {}
/// impl ReplyHandler<Pass> for Door {
///     type Reply = u32;
///     fn handle(&mut self, _: Pass, reply: Reply<u32>, _: &mut Ctx<Self>) {
///         self.0.push(reply);
///     }
/// }
/// impl Handler<Open> for Door {
///     type Reply = ();
///     fn handle(&mut self, _: Open, _: &mut Ctx<Self>) {
///         for (place, reply) in self.0.drain(..).enumerate() {
///             reply.give(place as u32);
///         }
///     }
/// }
///
/// let system = System::new();
/// let door = system.spawn(Door::default).unwrap();
/// let [first, second] = [door.ask(Pass), door.ask(Pass)];
/// door.tell(Open);
/// assert_eq!((first.wait().unwrap(), second.wait().unwrap()), (0, 1));
/// ```
pub trait ReplyHandler<M>: Actor {
    /// What an ask is answered with.
    type Reply: Send + 'static;

    /// Begins to handle one message.
    fn handle(&mut self, message: M, reply: Reply<Self::Reply>, ctx: &mut Ctx<Self>);
}

/// The right to answer an ask, once, from anywhere: it may be kept, or sent to another actor or thread.
///
/// Until it is used the message counts as running. Dropped without a reply, the asker gets [`AskError::Ended`]; so it does when the
/// instance that was asked is over before, and when the ask has timed out a reply reaches nobody.
#[must_use = "the asker waits for it"]
pub struct Reply<R: Send + 'static> {
    /// None: it was a tell.
    to: Option<ReplyTo<R>>,
    of: Token,
}

#[derive(Clone, Copy)]
struct Token {
    actor: AnyRef,
    id: u32,
}

impl<R: Send + 'static> Reply<R> {
    /// Answers.
    pub fn give(mut self, value: R) {
        if let Some(to) = self.to.take() {
            to.settle(Ok(value));
            self.of.is_used();
        }
    }

    /// Whether somebody waits for it: not of a tell, and not when the ask has timed out.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.to.as_ref().is_some_and(ReplyTo::is_pending)
    }
}

impl<R: Send + 'static> Drop for Reply<R> {
    fn drop(&mut self) {
        let Some(to) = self.to.take() else { return };
        if std::thread::panicking() && self.of.is_in_hand() {
            return to.release(); // the handler fails: the asker is told with what
        }
        drop(to);
        self.of.is_used();
    }
}

impl<R: Send + 'static> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("actor", &self.of.actor).field("is_wanted", &self.is_wanted()).finish()
    }
}

impl Token {
    /// Whether it is that of the message that this thread handles.
    fn is_in_hand(self) -> bool {
        let here = isolate::here(self.actor.system);
        // SAFETY: as in `is_used`.
        !here.is_null() && unsafe { (*here).late_now } == self.id
    }

    /// The message is over, if it was not before.
    fn is_used(self) {
        let Some(at) = Address::of(self.actor.word) else { return };
        let over = move |here: &mut Isolate| here.late_is_over(at.index, self.actor.age, self.id);
        let here = isolate::here(self.actor.system);
        // SAFETY: this thread's isolate; handlers, which use tokens, run while no reference to it lives.
        match unsafe { here.as_mut() }.filter(|here| here.place == at.lane && !here.is_guest) {
            Some(here) => over(here),
            // SAFETY: errands are run by the isolate's thread, while no reference to it lives.
            None => Net::errand(self.actor, move |here| over(unsafe { &mut *here }), |_| {}),
        }
    }
}

impl Isolate {
    /// A number for a message that may be answered later.
    fn begin_late(&mut self) -> u32 {
        self.last_late = self.last_late.wrapping_add(1).max(1);
        self.late_now = self.last_late;
        self.late_now
    }

    /// A message that is answered later is over.
    fn late_is_over(&mut self, index: u32, age: u32, id: u32) {
        let seat = self.seats().get(index);
        if seat.is_null() || self.age(index) != age {
            return;
        }
        // SAFETY: a seat of this lane, which is this thread's.
        let Some(ends) = (unsafe { seat::ends_if(seat) }) else { return };
        let Some(at) = ends.late.iter().position(|late| late.0 == id) else { return };
        let (_, corr) = ends.late.swap_remove(at);
        self.put(Entry { head: op::STREAM_END, index, age, from: outcome::OK, ..Entry::default() });
        self.call_is_over(corr, true);
    }

    /// A call of which the lane does not know by itself that it is over.
    pub(crate) fn call_is_over(&mut self, corr: u32, ok: bool) {
        if corr == 0 {
            return;
        }
        self.reply_far(corr, ok);
        if corr >> CALL_BITS != FAR_CALL {
            self.put(Entry { head: op::SETTLED, corr, ..Entry::default() });
        }
    }
}

// ---------------------------------------------------------------------------------------------- messages

impl<A: ReplyHandler<M>, M> sealed::Sealed<M, ByToken> for A {}

impl<A: Actor + ReplyHandler<M>, M: Send + 'static> Handles<M, ByToken> for A {
    type Reply = A::Reply;
    const FLAGS: u32 = super::run::HOME;

    #[allow(private_interfaces)]
    fn block_of_tell(message: M) -> Block {
        Block::new(To::<A, M, ByToken>::TELL, message)
    }

    #[allow(private_interfaces)]
    fn block_of_ask(message: M, reply: ReplyTo<A::Reply>) -> Block {
        Block::new(To::<A, M, ByToken>::ASK, (message, reply))
    }
}

impl<A: ReplyHandler<M>, M: Send + 'static> To<A, M, ByToken> {
    const TELL: &'static Kind =
        &Kind { run: Self::tell, lose: super::run::lose_tell::<M>, name: std::any::type_name::<M> };
    const ASK: &'static Kind =
        &Kind { run: Self::ask, lose: super::run::lose_ask::<M, A::Reply>, name: std::any::type_name::<M> };

    unsafe fn tell(block: Block, hand: &Hand) -> Came {
        // SAFETY: a tell of an `M` to an `A`, whose turn it is: nobody else touches the actor.
        let (message, actor) = unsafe { (block.take::<M>(), Seat::<A>::actor(hand.seat)) };
        let mut ctx = Ctx::new(hand);
        let reply = Reply { to: None, of: Token { actor: ctx.self_ref().any(), id: 0 } };
        match guard(|| actor.handle(message, reply, &mut ctx)) {
            Ok(()) => ctx.came(),
            Err(cause) => Came::Failed(cause),
        }
    }

    unsafe fn ask(block: Block, hand: &Hand) -> Came {
        // SAFETY: an ask of an `M` to an `A`, whose turn it is: nobody else touches the actor.
        let ((message, to), actor) = unsafe { (block.take::<(M, ReplyTo<A::Reply>)>(), Seat::<A>::actor(hand.seat)) };
        let mut ctx = Ctx::new(hand);
        // SAFETY: the thread's isolate, to which no reference lives.
        let id = unsafe { (*hand.here).begin_late() };
        let own = to.share();
        let reply = Reply { to: Some(to), of: Token { actor: ctx.self_ref().any(), id } };
        let came = guard(|| actor.handle(message, reply, &mut ctx));
        // SAFETY: as above: the handler has returned.
        unsafe { (*hand.here).late_now = 0 };
        let cause = match came {
            Ok(()) => match ctx.came() {
                Came::Failed(cause) => cause,
                came => {
                    let is_late = own.is_pending();
                    own.release();
                    return if is_late { Came::Late(id) } else { came };
                }
            },
            Err(cause) => cause,
        };
        own.settle(Err(AskError::Failed(cause.clone())));
        Came::Failed(cause)
    }
}
