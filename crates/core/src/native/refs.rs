//! Addresses of actors.

use super::actor::Actor;
use super::error::Reason;
use super::isolate::{self, Isolate};
use super::net::{self, Net};
use super::outside;
use super::reply::{self, Ask};
use super::run::Handles;
use super::vault::Block;
use crate::entry::{Entry, TAG_SHIFT, flag, mode, op, stop};
use crate::lane::FORWARDED;
use crate::lane::far::Address;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::time::Duration;

/// What marks a message of a native actor: its payload is a block of the vault. The tag says to the lane that the name of the
/// method need not be looked up.
pub(crate) const NATIVE: u32 = flag::SLOT | 1 << TAG_SHIFT;

/// The address of an actor of any type.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AnyRef {
    pub(crate) system: u32,
    /// Of [`Address`].
    pub(crate) word: u32,
    pub(crate) age: u32,
}

/// The address of an actor: small, comparable, and good on every thread. It survives restarts; once the actor has ended it leads
/// to nobody, and never to another actor.
pub struct Ref<A> {
    any: AnyRef,
    actor: PhantomData<fn(A)>,
}

impl<A> Clone for Ref<A> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A> Copy for Ref<A> {}
impl<A> PartialEq for Ref<A> {
    fn eq(&self, other: &Self) -> bool {
        self.any == other.any
    }
}
impl<A> Eq for Ref<A> {}
impl<A> Hash for Ref<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.any.hash(state);
    }
}
impl<A> fmt::Debug for Ref<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any.fmt(f)
    }
}
impl<A> From<Ref<A>> for AnyRef {
    fn from(of: Ref<A>) -> AnyRef {
        of.any
    }
}

impl fmt::Debug for AnyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Address::of(self.word).unwrap_or(Address { lane: 0, index: 0 });
        write!(f, "Ref({}:{}/{})", at.lane, at.index, self.age)
    }
}

/// Which of the waiting messages is handled first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// Before the others; one lower is handled after 64 in a row.
    High,
    /// As they come.
    #[default]
    Normal,
    /// When nothing else waits, or after 64 others.
    Low,
}

/// How a message is sent; see [`Ref::with`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Call {
    priority: Priority,
    ttl: Option<Duration>,
    timeout: Option<Option<Duration>>,
    pub(crate) buffer: Option<u32>,
}

impl Call {
    /// As ever.
    #[must_use]
    pub fn new() -> Call {
        Call::default()
    }

    /// Which of the waiting messages is handled first.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Call {
        self.priority = priority;
        self
    }

    /// A message that is not handled within this time is a dead letter.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Call {
        self.ttl = Some(ttl);
        self
    }

    /// How long an ask waits for its reply; none: for ever. By default what the system says.
    #[must_use]
    pub fn timeout(mut self, timeout: Option<Duration>) -> Call {
        self.timeout = Some(timeout);
        self
    }

    /// How many items of a stream are made ahead of its reader; at least 1. By default 16.
    #[must_use]
    pub fn buffer(mut self, items: u32) -> Call {
        self.buffer = Some(items);
        self
    }

    /// The same for a stream, which has no limit of time by default.
    pub(crate) fn of_stream(mut self) -> Call {
        self.timeout = self.timeout.or(Some(None));
        self
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.priority == Priority::Normal && self.ttl.is_none() && self.timeout.is_none()
    }

    fn extra(&self) -> Entry {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX - 2);
        let ttl = self.ttl.map_or(0, |t| us(t).saturating_add(1));
        let timeout = match self.timeout {
            None => 0,
            Some(None) => u64::MAX,
            Some(Some(t)) => us(t).saturating_add(1),
        };
        let halves = |word: u64| [word, word >> 32].map(|half| u32::try_from(half & 0xffff_ffff).unwrap_or(0));
        let ([age, payload], [from, corr]) = (halves(ttl), halves(timeout));
        let index = match self.priority {
            Priority::Normal => 0,
            Priority::High => 1,
            Priority::Low => 2,
        };
        Entry { head: op::EXT, index, age, payload, from, corr }
    }
}

/// A ref, and how to send through it.
#[derive(Debug)]
pub struct With<A> {
    pub(crate) to: Ref<A>,
    pub(crate) call: Call,
}

impl<A> Clone for With<A> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A> Copy for With<A> {}

impl<A: Actor> Ref<A> {
    pub(crate) fn new(any: AnyRef) -> Ref<A> {
        Ref { any, actor: PhantomData }
    }

    /// Sends a message and forgets it. One that is not handled becomes a dead letter.
    #[inline]
    pub fn tell<M, How>(&self, message: M)
    where
        A: Handles<M, How>,
    {
        let here = isolate::here(self.any.system);
        if here.is_null() {
            return outside::tell(self.any, A::block_of_tell(message), A::FLAGS, &Call::new());
        }
        let block = A::block_of_tell(message);
        // SAFETY: this thread's isolate; handlers run while no reference to it lives.
        let here = unsafe { &mut *here };
        here.put(self.any.message(here, block, A::FLAGS, 0));
    }

    /// Sends a message and gets a reply, or an error that says why there is none.
    #[inline]
    pub fn ask<M, How>(&self, message: M) -> Ask<A::Reply>
    where
        A: Handles<M, How>,
    {
        self.with(Call::new()).ask(message)
    }

    /// Sends a message, and tells when the mailbox has taken it: backpressure, with [`Overflow::Wait`](super::Overflow::Wait).
    #[inline]
    pub fn send<M, How>(&self, message: M) -> Ask<()>
    where
        A: Handles<M, How>,
    {
        self.with(Call::new()).send(message)
    }

    /// The same ref, with options for what is sent through it.
    #[must_use]
    pub fn with(&self, call: Call) -> With<A> {
        With { to: *self, call }
    }

    /// The address without the type.
    #[must_use]
    pub fn any(&self) -> AnyRef {
        self.any
    }
}

impl<A: Actor> With<A> {
    /// See [`Ref::tell`].
    pub fn tell<M, How>(&self, message: M)
    where
        A: Handles<M, How>,
    {
        let (to, block) = (self.to.any, A::block_of_tell(message));
        let here = isolate::here(to.system);
        if here.is_null() {
            return outside::tell(to, block, A::FLAGS, &self.call);
        }
        // SAFETY: as in `Ref::tell`.
        let here = unsafe { &mut *here };
        to.put(here, block, A::FLAGS, 0, &self.call);
    }

    /// See [`Ref::ask`].
    #[inline]
    pub fn ask<M, How>(&self, message: M) -> Ask<A::Reply>
    where
        A: Handles<M, How>,
    {
        let (to, share, ask) = reply::cell(isolate::asker(self.to.any.system));
        self.to.any.call(A::block_of_ask(message, to), share, A::FLAGS | flag::ASK, self.call);
        ask
    }

    /// See [`Ref::send`].
    pub fn send<M, How>(&self, message: M) -> Ask<()>
    where
        A: Handles<M, How>,
    {
        let (share, ask) = reply::table_cell();
        self.to.any.call(A::block_of_tell(message), share, A::FLAGS | flag::SEND, self.call);
        ask
    }
}

impl AnyRef {
    /// A message for it.
    #[inline(always)]
    fn message(self, here: &Isolate, block: Block, flags: u32, corr: u32) -> Entry {
        let index = here.local(self.word);
        Entry { head: op::MSG | NATIVE | flags, index, age: self.age, payload: block.word(), from: here.current, corr }
    }

    #[inline]
    pub(crate) fn put(self, here: &mut Isolate, block: Block, flags: u32, corr: u32, call: &Call) {
        let entry = self.message(here, block, flags, corr);
        if call.is_plain() {
            return here.put(entry);
        }
        if call.priority != Priority::Normal {
            here.mode |= mode::ORDERED;
        }
        here.put_with(entry, call.extra());
    }

    /// A tell in the name of another actor. The sender's age travels where the time-out of an ask does.
    pub(crate) fn put_from(self, here: &mut Isolate, block: Block, flags: u32, (from, age): (u32, u32)) {
        let entry = self.message(here, block, flags, 0);
        let extra = Entry { head: op::EXT, from: age, corr: FORWARDED, ..Entry::default() };
        here.put_with(Entry { from, ..entry }, extra);
    }

    /// A call of the isolate of this thread, or of that of the actor's.
    #[inline]
    pub(crate) fn call(self, block: Block, share: Block, flags: u32, call: Call) {
        let here = isolate::here(self.system);
        if here.is_null() {
            return outside::call(self, block, share, flags, call);
        }
        // SAFETY: this thread's isolate; handlers run while no reference to it lives.
        self.call_here(unsafe { &mut *here }, block, share, flags, &call);
    }

    #[inline]
    pub(crate) fn call_here(self, here: &mut Isolate, block: Block, share: Block, flags: u32, call: &Call) {
        let far = Address::of(here.local(self.word)).is_some();
        let corr = here.tables(|tables| tables.calls.open(share, far, flags & flag::SEND != 0));
        self.put(here, block, flags, corr, call);
    }

    /// Ends the actor after the message in hand. What waits becomes dead letters.
    pub fn stop(&self) {
        self.end(stop::NORMAL, u32::MAX);
    }

    /// Ends the actor after what waits, or when the limit is over.
    pub fn drain(&self, limit: Option<Duration>) {
        let ms = limit.map_or(u32::MAX, |t| u32::try_from(t.as_millis()).unwrap_or(u32::MAX - 1));
        self.end(stop::DRAIN, ms);
    }

    /// Ends the actor at once: its `stopped` is not called, and what it has in hand counts as failed.
    pub fn kill(&self) {
        self.end(stop::KILL, u32::MAX);
    }

    fn end(self, how: u32, limit: u32) {
        let here = isolate::here(self.system);
        if here.is_null() {
            // SAFETY: errands are run by the isolate's thread, while no reference to it lives.
            return Net::errand(self, move |here| self.end_here(unsafe { &mut *here }, how, limit), |_| {});
        }
        // SAFETY: as in `call`.
        self.end_here(unsafe { &mut *here }, how, limit);
    }

    fn end_here(self, here: &mut Isolate, how: u32, limit: u32) {
        let index = here.local(self.word);
        if how != stop::DRAIN && !here.is_guest && Address::of(index).is_none() && here.age(index) == self.age {
            here.hold_back(index);
        }
        let from = here.current;
        here.order(op::STOP, self, how, from, limit);
    }

    /// Ends the actor as [`stop`](AnyRef::stop) does, and tells when it has ended, and why.
    pub fn stop_and_wait(&self) -> Ask<Reason> {
        let stopped = self.stopped();
        self.stop();
        stopped
    }

    /// The same actor with its type, if it is an `A` and has not ended.
    #[must_use]
    pub fn downcast<A: Actor>(&self) -> Option<Ref<A>> {
        let id = Net::of(self.system)?.type_of(*self)?;
        (id == std::any::TypeId::of::<A>()).then(|| Ref::new(*self))
    }

    /// Settles when the actor has ended, with why; at once when it has ended before.
    pub fn stopped(&self) -> Ask<Reason> {
        let (to, ask) = reply::pair();
        self.when(move |here, index, age| net::when_stopped(here, index, age, to));
        ask
    }

    /// Settles when the actor has started; with an error when it ends before.
    pub fn started(&self) -> Ask<()> {
        let (to, ask) = reply::pair();
        self.when(move |here, index, age| net::when_started(here, index, age, to));
        ask
    }

    fn when(self, ask: impl FnOnce(&mut Isolate, u32, u32) + Send + 'static) {
        let index = Address::of(self.word).map_or(0, |to| to.index);
        // SAFETY: errands are run by the isolate's thread, while no reference to it lives.
        Net::errand(self, move |here| ask(unsafe { &mut *here }, index, self.age), |_| {});
    }

    /// Whether the actor has not ended, as far as is known here.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        net::look(*self, |lane, index| lane.is_alive(index, self.age)).unwrap_or(false)
    }

    /// Where it is in the tree of actors: the names from the root down. None when it has ended.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        net::look(*self, |lane, index| lane.is_alive(index, self.age).then(|| lane.path(index)))?
    }
}

impl<A: Actor> std::ops::Deref for Ref<A> {
    type Target = AnyRef;
    fn deref(&self) -> &AnyRef {
        &self.any
    }
}
