//! Messages from other threads: the handle they are pushed with, and how a turn takes them.
//!
//! # Wake-up
//! A turn that gives nothing ends in one exchange that says "asleep, unless something is there"; the push that finds
//! it so rings. README.md of this folder has the protocol. A lane that nobody has a handle of skips it all.

use super::bell::{Doorbell, Gate};
use super::head::Sleep;
use super::inbox::{Closed, Inbox, Pushed};
use super::parcel::{Header, Parcel};
use super::pool::{Returns, Spent};
use super::{Lane, Rings};
use crate::entry::{Entry, OP_MASK, TAG_SHIFT, carry, dead, flag, op};
use crate::hub::post;
use crate::mailbox::links::{Batch, Mail as Parcels};
use crate::sync::Arc;
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Whatever batches of messages can be sent to: the lane of an isolate, a core thread.
pub trait Destination: Send + Sync {
    /// Hands a batch over and wakes whoever is to read it.
    ///
    /// # Errors
    /// [`Closed`] with the batch when nothing will ever be read there again.
    fn deliver(&self, batch: Batch<Parcel>) -> Result<(), Closed<Batch<Parcel>>>;
}

/// What a lane and the handles of it share.
#[derive(Debug, Default)]
struct Door {
    inbox: Inbox<Parcel>,
    gate: Gate,
}

/// A handle of a lane, for any thread.
#[derive(Clone, Debug)]
pub struct Remote(Arc<Door>);

impl Remote {
    /// Makes the lane look round, should it sleep.
    pub fn wake(&self) {
        if self.0.inbox.wake() == Pushed::MustRing {
            self.0.gate.ring();
        }
    }

    /// Rings, whether it sleeps or not.
    pub fn ring(&self) {
        self.0.gate.ring();
    }

    /// Whether something is on its way.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        self.0.inbox.has_mail()
    }

    /// Whether nothing will ever be taken there again.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.inbox.is_closed()
    }
}

/// A parcel that was taken: its header, and the letter that it is kept as; 0: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) header: Header,
    pub(crate) letter: u32,
}

impl Destination for Remote {
    fn deliver(&self, batch: Batch<Parcel>) -> Result<(), Closed<Batch<Parcel>>> {
        if self.0.inbox.push(batch)? == Pushed::MustRing {
            self.0.gate.ring(); // shut: the lane is about to close, and closing finds the batch
        }
        Ok(())
    }
}

/// The lane's side.
#[derive(Debug, Default)]
pub(super) struct Mail {
    door: Arc<Door>,
    /// Whether a handle was ever given away.
    shared: bool,
    /// Whether the last turn gave nothing.
    quiet: bool,
    /// Whether the next push is to ring.
    asleep: bool,
    /// What this turn took.
    taken: Vec<Taken>,
    /// Of these, some are more than messages: none skips its mailbox.
    ordered: bool,
    /// By lane: where its parcels go home to, and those on their way.
    homes: Vec<Option<(Arc<Returns>, Spent)>>,
}

impl Mail {
    /// Whether nothing is there. If so, the next push rings.
    fn sleep(&mut self) -> bool {
        self.quiet = true;
        if !self.shared || self.asleep {
            return true;
        }
        let slept = self.door.inbox.begin_sleep();
        self.asleep = slept == Sleep::Asleep;
        slept != Sleep::Mail
    }

    #[cold]
    fn read(&mut self, parcels: Parcels<Parcel>, mut keep: impl FnMut(Parcel) -> Result<u32, Parcel>) -> u64 {
        let mut messages = 0;
        for parcel in parcels {
            let header = *parcel.header();
            let is_message = header.w0 & OP_MASK == op::MSG;
            messages += u64::from(is_message);
            self.ordered |= !is_message;
            let letter = if parcel.bytes().is_empty() { Err(parcel) } else { keep(parcel) };
            let letter = letter.unwrap_or_else(|parcel| {
                self.spend(parcel);
                0
            });
            self.taken.push(Taken { header, letter });
        }
        self.give_back();
        messages
    }

    /// A parcel that was read goes home with the next ones.
    pub(super) fn spend(&mut self, parcel: Parcel) {
        let home = (parcel.header().source_lane & 0xff) as usize;
        if let Some(Some((_, spent))) = self.homes.get_mut(home) {
            spent.add(parcel);
        }
    }

    fn give_back(&mut self) {
        for (returns, spent) in self.homes.iter_mut().flatten() {
            if !spent.is_empty() {
                returns.give(std::mem::take(spent));
            }
        }
    }
}

impl Lane {
    /// A handle with which other threads send to this lane.
    pub fn remote(&mut self) -> Remote {
        self.mail.shared = true;
        if self.mail.quiet {
            self.mail.sleep(); // nobody could have pushed before
        }
        Remote(Arc::clone(&self.mail.door))
    }

    /// Hangs the bell that is rung when something comes while the lane sleeps.
    pub fn hang(&mut self, bell: Box<dyn Doorbell>) {
        self.mail.door.gate.hang(bell);
    }

    /// Tells where the parcels of another lane go home to once they were read. Without it they are freed.
    pub fn home(&mut self, source_lane: u32, returns: Arc<Returns>) {
        let at = source_lane as usize;
        if self.mail.homes.len() <= at {
            self.mail.homes.resize_with(at + 1, || None);
        }
        self.mail.homes[at] = Some((returns, Spent::new()));
    }

    /// The isolate is gone: nothing is taken from other threads any more. After this has returned no bell rings, every
    /// push fails, and what was on its way is a dead letter.
    pub fn close(&mut self) {
        self.mail.door.gate.shut();
        let left = self.mail.door.inbox.close();
        self.read(left);
        self.record_close();
        let mut taken = std::mem::take(&mut self.mail.taken);
        for Taken { header, letter } in taken.drain(..) {
            let kind = (header.w0 & OP_MASK, header.w0 >> TAG_SHIFT);
            if header.w0 & flag::SLOT != 0 || kind == (op::CARRY, carry::ERRAND) {
                self.orphans.push(header.payload);
            }
            if self.far.is_some() && header.w0 & OP_MASK == op::MSG {
                self.lost_in(&header);
            } else if self.far.is_none() {
                self.ledger.sent += 1;
                self.refuse(&entry_of(&header), header.from_generation, dead::ISOLATE_LOST);
            }
            self.drop_letter(letter);
        }
        self.mail.taken = taken;
        self.push_out();
        self.nudge_waiters(); // what was on its way here is so no more
    }

    /// Blocks of native messages that were on their way when it closed.
    pub(crate) fn take_orphans(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.orphans)
    }

    /// Whether nothing is taken any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.mail.door.inbox.is_closed()
    }

    /// The system has ended: what its actors needed is given back. What is sent from now on is counted, as dead letters.
    pub fn rest(&mut self) {
        self.close();
        self.pool = crate::mailbox::local::Pool::default();
        self.exts = crate::cell::ext::Exts::default();
        self.wheel = crate::timer::wheel::Wheel::new(self.clock.micros() / 1000);
        self.timers = crate::timer::table::Timers::default();
        self.registry = crate::registry::Registry::default();
    }

    /// Takes what came. Costs one load when that is nothing.
    #[inline]
    pub(super) fn take_mail(&mut self) {
        self.mail.quiet = false;
        if self.mail.asleep || self.mail.door.inbox.has_mail() {
            self.mail.asleep = false;
            let parcels = self.mail.door.inbox.drain();
            self.read(parcels);
        }
    }

    fn read(&mut self, parcels: Parcels<Parcel>) {
        let Some(far) = self.far.as_mut() else {
            self.mail.read(parcels, Err);
            return;
        };
        let messages = self.mail.read(parcels, |parcel| Ok(far.letters.keep(parcel)));
        far.took += self.mail.taken.len() as u64;
        if let Some(post) = far.posts.get(far.place)
            && messages > 0
        {
            post.queued.fetch_sub(messages, Relaxed);
        }
    }

    /// Whether something was taken that is yet to be routed.
    #[inline]
    pub(super) fn has_taken(&self) -> bool {
        !self.mail.taken.is_empty()
    }

    /// Whether something was taken, and all of it is messages.
    pub(super) fn has_only_messages(&self) -> bool {
        self.has_taken() && !self.mail.ordered
    }

    /// Routes what was taken. Whether it was more than messages.
    pub(super) fn route_mail(&mut self, io: &mut Rings<'_>, direct: bool) -> bool {
        let ordered = std::mem::take(&mut self.mail.ordered);
        let direct = direct && !ordered;
        let mut taken = std::mem::take(&mut self.mail.taken);
        for each in taken.drain(..) {
            if self.far.is_none() {
                self.message(io, &entry_of(&each.header), each.header.from_generation, direct);
            } else if each.header.w0 & OP_MASK == op::MSG {
                self.message_in(io, &each, direct);
            } else {
                self.carried(&each);
            }
        }
        self.mail.taken = taken;
        ordered
    }

    /// What this turn took.
    pub(crate) fn taken(&self) -> Vec<Header> {
        self.mail.taken.iter().map(|taken| taken.header).collect()
    }

    /// Whether it sleeps, and nothing waits, runs, starts, stops or is on its way to it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        (self.mail.asleep || self.mail.quiet) && !self.mail.door.inbox.has_mail() && !self.is_busy()
    }

    /// Whether it sleeps, and only time or somebody else can make it go on.
    #[must_use]
    pub fn is_still(&self) -> bool {
        let is_told = self.pending.is_empty() && self.later.is_empty() && !self.ticked;
        (self.mail.asleep || self.mail.quiet) && !self.mail.door.inbox.has_mail() && is_told
    }

    /// Puts messages into the inbox again that a record says were there.
    pub(crate) fn retake(&mut self, headers: &[Header]) {
        let mut batch = Batch::new();
        for header in headers {
            batch.push(Parcel::new(*header));
        }
        drop(self.remote().deliver(batch));
    }

    /// The last step of a turn that gives nothing: whether nothing came meanwhile.
    #[inline]
    pub(super) fn fall_asleep(&mut self) -> bool {
        self.mail.sleep()
    }

    /// Its thread is to look, should it sleep or be about to.
    pub(super) fn rouse(&self) {
        if self.mail.door.inbox.wake() == Pushed::MustRing {
            self.mail.door.gate.ring();
        }
    }

    /// Nobody rings any more, until another bell is hung.
    pub(super) fn mail_gate_shut(&mut self) {
        self.mail.door.gate.shut();
    }

    /// It has nothing to do yet.
    pub(super) fn rests(&mut self) {
        self.mail.quiet = true;
        self.mail.sleep();
    }

    /// A thread runs it from now on.
    pub(crate) fn awakes(&mut self) {
        self.mail_awake();
    }

    /// Whatever it slept through, it looks.
    pub(super) fn mail_awake(&mut self) {
        self.mail.asleep = true;
        self.mail.quiet = false;
    }

    /// Tells other threads how this lane is.
    pub(super) fn show(&mut self, busy: bool, holds: bool) -> bool {
        let Some(far) = self.far.as_mut() else { return holds };
        let Some(own) = far.posts.get(far.place) else { return holds };
        let took = std::mem::take(&mut far.took);
        let reads = self.filled > 0;
        let state = if busy { post::BUSY } else { 0 }
            | if holds { post::HOLD } else { 0 }
            | if reads { post::READS } else { 0 }
            | if far.waits { post::WAITS } else { 0 }
            | if far.lost { 0 } else { post::LIVES };
        if !self.reading {
            own.turns.store(own.turns.load(Relaxed).wrapping_add(1), Relaxed); // nobody else writes it
        }
        // who looks at several words sees the change before, or this lane sees theirs: without a change there is nothing to see
        let mut before = own.state.load(Relaxed);
        if before != state {
            before = own.state.swap(state, SeqCst); // pairs with the watchdog's look after it has parked
        }
        if state & !before & post::READS != 0 {
            far.posts.watch.notice();
        }
        if took > 0 {
            own.moving.fetch_sub(took, SeqCst); // what follows from it is shown, or on its way
        }
        // one that waits itself, and was woken in vain, wakes no other
        let rests = !busy && !reads && (!far.waits || took > 0 || before != state);
        let mut holds = holds;
        if far.place == 0 {
            holds = far.posts.show_first(holds, reads);
        } else {
            let begins = state & post::ALIVE != 0 && before & post::ALIVE == 0 && !far.posts.held.load(SeqCst);
            // while others hold it there is nothing to tell: the last of them does that
            let ends = !holds && !reads && far.posts.held_for_others.load(SeqCst) && !far.posts.others_hold();
            if begins || ends {
                far.posts.nudge(0);
            }
        }
        if rests && far.posts.waiters.load(Relaxed) > 0 && far.posts.all_rest() {
            self.nudge_waiters();
        }
        holds
    }
}

/// A message of a plain thread as an entry. It carries a word or nothing, and nobody here waits for its reply.
fn entry_of(header: &Header) -> Entry {
    const KEPT: u32 = flag::ASYNC | flag::SHARED | flag::ARITY | flag::SAMPLE | flag::TRACE | u32::MAX << TAG_SHIFT;
    Entry {
        head: op::MSG | header.w0 & KEPT,
        index: header.index,
        age: header.generation,
        payload: header.payload,
        from: header.from_index,
        corr: 0,
    }
}
