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
use crate::entry::{Entry, TAG_SHIFT, dead, flag, op};
use crate::mailbox::links::{Batch, Mail as Parcels};
use crate::sync::Arc;

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
    taken: Vec<Header>,
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
    fn read(&mut self, parcels: Parcels<Parcel>) {
        for parcel in parcels {
            let header = *parcel.header();
            self.taken.push(header);
            if let Some(Some((_, spent))) = self.homes.get_mut(header.source_lane as usize) {
                spent.add(parcel);
            }
        }
        for (returns, spent) in self.homes.iter_mut().flatten() {
            returns.give(std::mem::take(spent));
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
        self.mail.read(left);
        self.record_close();
        let mut taken = std::mem::take(&mut self.mail.taken);
        for header in taken.drain(..) {
            self.ledger.sent += 1;
            self.refuse(&entry_of(&header), header.from_generation, dead::ISOLATE_LOST);
        }
        self.mail.taken = taken;
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
            self.mail.read(parcels);
        }
    }

    /// Routes what was taken.
    #[inline]
    pub(super) fn route_mail(&mut self, io: &mut Rings<'_>, direct: bool) {
        if self.mail.taken.is_empty() {
            return;
        }
        let mut taken = std::mem::take(&mut self.mail.taken);
        for header in taken.drain(..) {
            self.message(io, &entry_of(&header), header.from_generation, direct);
        }
        self.mail.taken = taken;
    }

    /// What this turn took.
    pub(crate) fn taken(&self) -> &[Header] {
        &self.mail.taken
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
}

/// A message from elsewhere as an entry. It carries a word or nothing, and nobody here waits for its reply.
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
