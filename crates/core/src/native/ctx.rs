//! What a handler can do beside its work.

use super::actor::Actor;
use super::error::{AskError, Cause, Reason, SpawnError};
use super::isolate::Isolate;
use super::net;
use super::numbers::Whose;
use super::options::Options;
use super::refs::{AnyRef, Ref};
use super::reply::Ask;
use super::run::{Came, Hand, Handles, guard};
use super::seat::{Head, Seat};
use super::timers::{self, TimerId, Timers};
use crate::entry::{Entry, op, stop, timer};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

/// The actor's side of its runtime: who it is, who sent the message, and everything it may do. Callbacks given here run inside the
/// actor, one at a time with its messages, and end with the instance.
pub struct Ctx<A> {
    here: *mut Isolate,
    seat: *mut Head,
    index: u32,
    age: u32,
    from: u32,
    from_age: u32,
    failed: Option<Cause>,
    actor: PhantomData<fn(A)>,
}

impl<A: Actor> Ctx<A> {
    #[inline(always)]
    pub(crate) fn new(hand: &Hand) -> Ctx<A> {
        let seat = hand.seat.cast::<Head>();
        // SAFETY: the seat of the actor whose entry this is.
        let age = unsafe { (*seat).age };
        // SAFETY: the entry that is run stays in the inbox meanwhile.
        let (index, from, from_age) = unsafe { ((*hand.entry).index, (*hand.entry).from, (*hand.entry).age) };
        Ctx { here: hand.here, seat, index, age, from, from_age, failed: None, actor: PhantomData }
    }

    /// What the run came to, as far as the context knows.
    #[inline(always)]
    pub(crate) fn came(&mut self) -> Came {
        match self.failed.take() {
            None => Came::Returned,
            Some(cause) => Came::Failed(cause),
        }
    }

    #[inline(always)]
    fn here(&mut self) -> &mut Isolate {
        // SAFETY: a context lives while the handler runs that got it, on the isolate's thread; the isolate holds no reference to
        // itself then, and this one ends with the call that asked for it.
        unsafe { &mut *self.here }
    }

    /// The actor's own address.
    #[must_use]
    pub fn self_ref(&self) -> Ref<A> {
        // SAFETY: as in `here`.
        Ref::new(unsafe { &*self.here }.any(self.index, self.age))
    }

    /// Who sent the message that is handled; none when it was no actor.
    #[must_use]
    pub fn sender(&self) -> Option<AnyRef> {
        // SAFETY: as in `here`.
        (self.from != 0).then(|| unsafe { &*self.here }.any(self.from, self.from_age))
    }

    /// Its parent; none when it has none.
    #[must_use]
    pub fn parent(&mut self) -> Option<AnyRef> {
        let index = self.index;
        let here = self.here();
        let (parent, age) = here.with_lane(|lane| lane.parent_of(index));
        (parent != crate::lane::ROOT).then(|| here.any(parent, age))
    }

    /// Its children that have not ended, the oldest first.
    #[must_use]
    pub fn children(&mut self) -> Vec<AnyRef> {
        let index = self.index;
        let here = self.here();
        here.submit(); // those that it has just spawned
        let children = here.with_lane(|lane| lane.children_of(index));
        children.into_iter().map(|(child, age)| here.any(child, age)).collect()
    }

    /// Which instance of the actor this is: 0, and one more after each restart.
    #[must_use]
    pub fn generation(&mut self) -> u32 {
        let index = self.index;
        self.here().with_lane(|lane| lane.generation_of(index))
    }

    /// Sends a message on in the name of whoever sent the one that is handled: the other actor finds that one as its
    /// [`sender`](Ctx::sender). An ask is passed on with its [`Reply`](super::Reply) instead.
    pub fn forward<B, M, How>(&mut self, to: Ref<B>, message: M)
    where
        B: Actor + Handles<M, How>,
    {
        let sender = (self.from, self.from_age);
        let here = self.here();
        if here.system != to.any().system {
            return to.tell(message); // there is no such sender
        }
        to.any().put_from(here, B::block_of_tell(message), B::FLAGS, sender);
    }

    /// Sends `message` after `delay`, unless the instance is over before.
    pub fn send_after<B, M, How>(&mut self, delay: Duration, to: Ref<B>, message: M) -> TimerId
    where
        B: Actor + Handles<M, How>,
        M: Send + 'static,
    {
        self.after(delay, move |_, _| to.tell(message))
    }

    /// Sends a copy of `message` every `period`; see [`every`](Ctx::every).
    pub fn send_every<B, M, How>(&mut self, period: Duration, to: Ref<B>, message: M) -> TimerId
    where
        B: Actor + Handles<M, How>,
        M: Clone + Send + 'static,
    {
        self.every(period, move |_, _| to.tell(message.clone()))
    }

    /// In [`started`](Actor::started): the actor has not started before `ready` is, and `then` has run. Messages wait, and the start
    /// may take as long as [`start_timeout`](Options::start_timeout) says.
    ///
    /// ```
    /// # use buskin_core::native::{Actor, Cause, Ctx, Handler, Ref, System};
    /// # struct Config; struct Get; struct Front(u32); struct Read;
    /// # impl Actor for Config {}
    /// # impl Handler<Get> for Config { type Reply = u32; fn handle(&mut self, _: Get, _: &mut Ctx<Self>) -> u32 { 8080 } }
    /// # impl Handler<Read> for Front { type Reply = u32; fn handle(&mut self, _: Read, _: &mut Ctx<Self>) -> u32 { self.0 } }
    /// impl Actor for Front {
    ///     fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
    ///         let config = ctx.spawn(|| Config)?;
    ///         ctx.start_when(config.ask(Get), |front, port, _| {
    ///             front.0 = port?;
    ///             Ok(())
    ///         });
    ///         Ok(())
    ///     }
    /// }
    /// let system = System::new();
    /// let front = system.spawn(|| Front(0)).unwrap();
    /// assert_eq!(front.ask(Read).wait().unwrap(), 8080);
    /// ```
    pub fn start_when<T: 'static>(
        &mut self,
        ready: impl Future<Output = T> + 'static,
        then: impl FnOnce(&mut A, T, &mut Ctx<A>) -> Result<(), Cause> + 'static,
    ) {
        let Ctx { here, seat, index, age, from, from_age, .. } = *self;
        let own = Ctx { here, seat, index, age, from, from_age, failed: None, actor: PhantomData };
        super::proceed::start_when(seat, own, ready, then);
    }

    /// Fails: as a panic would, with an error of a type, and without unwinding. The handler should return at once.
    pub fn fail(&mut self, cause: impl Into<Cause>) {
        self.failed.get_or_insert(cause.into());
    }

    /// A child: `make` makes its state, now and after every failure.
    ///
    /// # Errors
    /// See [`spawn_with`](Ctx::spawn_with).
    pub fn spawn<C: Actor>(&mut self, make: impl FnMut() -> C + Send + 'static) -> Result<Ref<C>, SpawnError> {
        let (index, seat) = (self.index, super::seat::new(make));
        net::spawn_here(self.here(), index, seat, None).map(Ref::new)
    }

    /// A child that is there already. It cannot be made anew, so it is never restarted: when it fails it ends.
    ///
    /// # Errors
    /// See [`spawn_with`](Ctx::spawn_with).
    pub fn spawn_once<C: Actor>(&mut self, actor: C) -> Result<Ref<C>, SpawnError> {
        let (index, seat) = (self.index, super::seat::once(actor));
        net::spawn_here(self.here(), index, seat, None).map(Ref::new)
    }

    /// A child with options.
    ///
    /// # Errors
    /// The name is taken, or an option has a value that it cannot have.
    pub fn spawn_with<C: Actor>(
        &mut self,
        options: &Options,
        make: impl FnMut() -> C + Send + 'static,
    ) -> Result<Ref<C>, SpawnError> {
        let (index, seat) = (self.index, super::seat::new(make));
        net::spawn_here(self.here(), index, seat, Some(options)).map(Ref::new)
    }

    /// Ends this actor after the message in hand. A permanent one comes back.
    pub fn stop(&mut self) {
        let (me, index) = (self.self_ref().any(), self.index);
        self.here().hold_back(index);
        self.here().order(op::STOP, me, stop::SELF, index, u32::MAX);
    }

    /// Runs `then` when the actor has ended, with why; soon when it has ended before. What it returns takes the watch back.
    pub fn watch(
        &mut self,
        target: impl Into<AnyRef>,
        then: impl FnOnce(&mut A, Reason, &mut Ctx<A>) + Send + 'static,
    ) -> WatchId {
        let target = target.into();
        let then = Box::new(move |hand: &Hand, why| {
            let mut ctx = Ctx::new(hand);
            // SAFETY: a watch of this actor, whose turn it is.
            let actor = unsafe { Seat::<A>::actor(hand.seat) };
            match guard(|| then(actor, why, &mut ctx)) {
                Ok(()) => ctx.came(),
                Err(cause) => Came::Failed(cause),
            }
        });
        let (index, seat) = (self.index, self.seat);
        let here = self.here();
        let watch = here.tables(|tables| tables.watches.add(target, then));
        // SAFETY: the actor's own seat.
        unsafe { (*seat).side() }.watches.push(watch);
        here.order(op::WATCH, target, watch, index, 0);
        WatchId(watch)
    }

    /// Takes a watch back; its callback will not run.
    pub fn unwatch(&mut self, watch: WatchId) {
        let (index, seat) = (self.index, self.seat);
        // SAFETY: the actor's own seat.
        let side = unsafe { (*seat).side() };
        let Some(at) = side.watches.iter().position(|w| *w == watch.0) else { return };
        side.watches.swap_remove(at);
        let here = self.here();
        let taken = here.tables_of(watch.0, |tables| tables.watches.take(watch.0));
        here.put(Entry { head: op::UNWATCH, payload: watch.0, from: index, ..Entry::default() });
        drop(taken);
    }

    /// This actor and another one fail together: when one fails, so does the other.
    pub fn link(&mut self, target: impl Into<AnyRef>) -> LinkId {
        let (target, index) = (target.into(), self.index);
        let here = self.here();
        let link = here.next_link();
        // of one that ended long ago its lane does not know why
        let has_failed = target.system == here.system && here.net.known_end(target).is_some();
        here.order(op::LINK, target, link, index, u32::from(has_failed));
        LinkId(link)
    }

    /// Takes a link back.
    pub fn unlink(&mut self, link: LinkId) {
        let index = self.index;
        self.here().put(Entry { head: op::UNLINK, payload: link.0, from: index, ..Entry::default() });
    }

    /// Runs `then` once after `delay`, to the millisecond and never early.
    pub fn after(&mut self, delay: Duration, then: impl FnOnce(&mut A, &mut Ctx<A>) + Send + 'static) -> TimerId {
        let mut then = Some(then);
        self.timer(0, delay, move |actor, ctx| {
            if let Some(then) = then.take() {
                then(actor, ctx);
            }
        })
    }

    /// Runs `then` every `period`, counted from when it was due; what is missed is made up for by one run.
    pub fn every(&mut self, period: Duration, then: impl FnMut(&mut A, &mut Ctx<A>) + Send + 'static) -> TimerId {
        self.timer(timer::EVERY, period, then)
    }

    /// Runs `then` again and again, `pause` after the last time has ended.
    pub fn every_from_end(
        &mut self,
        pause: Duration,
        then: impl FnMut(&mut A, &mut Ctx<A>) + Send + 'static,
    ) -> TimerId {
        self.timer(timer::FROM_END, pause, then)
    }

    fn timer(
        &mut self,
        bits: u32,
        period: Duration,
        mut then: impl FnMut(&mut A, &mut Ctx<A>) + Send + 'static,
    ) -> TimerId {
        let callback = Box::new(move |hand: &Hand| {
            let mut ctx = Ctx::new(hand);
            // SAFETY: a timer of this actor, whose turn it is.
            let actor = unsafe { Seat::<A>::actor(hand.seat) };
            match guard(|| then(actor, &mut ctx)) {
                Ok(()) => ctx.came(),
                Err(cause) => Came::Failed(cause),
            }
        });
        let micros = u64::try_from(period.as_micros()).unwrap_or(u64::MAX);
        let (index, age, seat) = (self.index, self.age, self.seat);
        let here = self.here();
        let whose = if here.is_guest { Whose::Guests } else { Whose::Own };
        // SAFETY: the actor's own seat.
        let first = unsafe { &mut (*seat).side().timers[whose as usize] };
        let id = here.tables(|tables| tables.timers.add(index, callback, first));
        here.put(timers::start(id, index, age, bits, micros));
        id
    }

    /// Takes a timer of this actor back; whether it was still to come.
    pub fn cancel(&mut self, timer: TimerId) -> bool {
        // SAFETY: the isolate of this thread, to which this context holds no reference now.
        unsafe { Timers::cancel(self.here, self.index, timer) }
    }

    /// Runs `then` inside this actor when an ask has come to something. Messages are handled meanwhile.
    pub fn ask_then<R: Send + 'static>(
        &mut self,
        ask: Ask<R>,
        then: impl FnOnce(&mut A, Result<R, AskError>, &mut Ctx<A>) + Send + 'static,
    ) {
        let to = self.self_ref();
        super::proceed::then(self.here(), ask, to, then);
    }
}

/// A watch; [`Ctx::unwatch`] takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatchId(u32);

/// A link; [`Ctx::unlink`] takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId(u32);

impl<A: Actor> fmt::Debug for Ctx<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("self", &self.self_ref()).finish_non_exhaustive()
    }
}
