//! What goes on in an actor when something that it waits for has come, while it handles messages meanwhile.

use super::actor::Actor;
use super::ctx::Ctx;
use super::error::{AskError, Cause};
use super::isolate::{self, Isolate};
use super::promise::Promise;
use super::refs::Ref;
use super::reply::Ask;
use super::run::{Came, Hand, guard};
use super::seat::{self, Head, Seat};
use super::tasks::Sendable;
use super::vault::{Block, Kind};
use crate::entry::{Entry, op};
use std::future::Future;
use std::marker::PhantomData;

struct Then<A, F, R>(PhantomData<(A, F, R)>);

impl<A, F, R> Then<A, F, R>
where
    A: Actor,
    R: Send + 'static,
    F: FnOnce(&mut A, Result<R, AskError>, &mut Ctx<A>) + Send + 'static,
{
    const KIND: &'static Kind = &Kind { run: Self::run, lose: Self::lose, name: std::any::type_name::<F> };

    unsafe fn run(block: Block, hand: &Hand) -> Came {
        // SAFETY: a continuation of these types for this actor, whose turn it is.
        let ((then, outcome), actor) =
            unsafe { (block.take::<(F, Result<R, AskError>)>(), Seat::<A>::actor(hand.seat)) };
        let mut ctx = Ctx::new(hand);
        match guard(|| then(actor, outcome, &mut ctx)) {
            Ok(()) => ctx.came(),
            Err(cause) => Came::Failed(cause),
        }
    }

    unsafe fn lose(block: Block, _: AskError) {
        // SAFETY: a continuation of these types.
        unsafe { block.discard::<(F, Result<R, AskError>)>() };
    }
}

/// Hands what an ask comes to to an actor of this isolate. It is no message: no bound holds for it, and it is not counted.
pub(crate) fn then<A, F, R>(here: &mut Isolate, ask: Ask<R>, to: Ref<A>, then: F)
where
    A: Actor,
    R: Send + 'static,
    F: FnOnce(&mut A, Result<R, AskError>, &mut Ctx<A>) + Send + 'static,
{
    let index = here.local(to.any().word);
    let age = to.any().age;
    let system = here.system;
    let future = Sendable::new(async move {
        let outcome = ask.await;
        let block = Block::new(Then::<A, F, R>::KIND, (then, outcome));
        // SAFETY: futures are polled on the isolate's thread, while no reference to it lives.
        match unsafe { isolate::here(system).as_mut() } {
            Some(here) => here.goes_on(index, age, block),
            None => block.lose(AskError::Ended),
        }
        Ok(())
    });
    here.add_task(future, index);
}

impl Isolate {
    /// The actor goes on with this behind what waits.
    fn goes_on(&mut self, index: u32, age: u32, block: Block) {
        let seat = self.seats().get(index);
        if seat.is_null() || self.age(index) != age {
            return block.lose(AskError::Ended);
        }
        self.last_late = self.last_late.wrapping_add(1).max(1);
        let payload = self.last_late;
        // SAFETY: a seat of this lane, which is this thread's.
        unsafe { seat::ends(seat) }.goes_on.push((payload, block));
        self.put(Entry { head: op::RESUME, index, age, payload, ..Entry::default() });
    }
}

/// Runs what an actor goes on with. Of an instance that is over there is nothing.
///
/// # Safety
/// The actor's turn, on its isolate's thread.
pub(crate) unsafe fn go_on(hand: &Hand, number: u32) -> Came {
    // SAFETY: the caller's promise: the record is not used while the user's code runs.
    unsafe {
        let Some(ends) = seat::ends_if(hand.seat.cast()) else { return Came::Returned };
        let Some(at) = ends.goes_on.iter().position(|it| it.0 == number) else { return Came::Returned };
        let (_, block) = ends.goes_on.remove(at);
        (block.kind().run)(block, hand)
    }
}

/// Keeps what the actor's start waits for; see [`Ctx::start_when`].
pub(crate) fn start_when<A, T>(
    seat: *mut Head,
    mut ctx: Ctx<A>,
    ready: impl Future<Output = T> + 'static,
    then: impl FnOnce(&mut A, T, &mut Ctx<A>) -> Result<(), Cause> + 'static,
) where
    A: Actor,
    T: 'static,
{
    let future = Promise::new(async move {
        let value = ready.await;
        // SAFETY: the actor that starts: nobody else uses it until the future is over or dropped.
        then(unsafe { Seat::<A>::actor(seat.cast()) }, value, &mut ctx)?;
        match ctx.came() {
            Came::Failed(cause) => Err(cause),
            _ => Ok(()),
        }
    });
    // SAFETY: the actor's own seat, on its thread.
    unsafe { seat::ends(seat) }.starts_when = Some(future);
}
