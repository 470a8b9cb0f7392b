//! Messages of threads that have no isolate of the system: they go to the lane's thread, which sends them.
//!
//! A tell without options is a parcel for the lane. Anything else is an errand: the lane's isolate writes it into its outbox, which is
//! handed over a turn later. While one is on its way plain tells are errands too, so that what one thread sends stays in order.

use super::error::{AskError, Lost};
use super::isolate::Isolate;
use super::net::{DeadLetter, Net};
use super::refs::{AnyRef, Call, NATIVE};
use super::vault::Block;
use crate::entry::{flag, op};
use crate::lane::far::Address;
use crate::lane::parcel::{Header, Parcel};
use crate::mailbox::links::Batch;
use crate::sync::Arc;
use std::mem::ManuallyDrop;
use std::sync::atomic::{Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};

/// A message that the isolate is to send. Dropped before that, it is a dead letter.
struct Letter {
    net: Arc<Net>,
    to: AnyRef,
    block: Block,
    share: Option<Block>,
    flags: u32,
    call: Call,
}

impl Letter {
    fn post(self, at: Address) {
        let net = Arc::clone(&self.net);
        let place = net.place(at.lane);
        let Some(post) = net.hub.posts().get(at.lane) else { return };
        // seen by this thread's next tell; and by who reads the counts
        place.errands.fetch_add(1, AcqRel);
        post.queued.fetch_add(1, Relaxed);
        net.errand_to(at.lane, move |here| {
            // SAFETY: errands are run by the isolate's thread, while no reference to it lives.
            self.send(unsafe { &mut *here });
        });
    }

    fn send(self, here: &mut Isolate) {
        let this = ManuallyDrop::new(self);
        // SAFETY: it is not dropped.
        let _net = unsafe { std::ptr::read(&this.net) };
        match this.share {
            Some(share) => this.to.call_here(here, this.block, share, this.flags, &this.call),
            None => this.to.put(here, this.block, this.flags, 0, &this.call),
        }
        here.errands += 1; // not before: a full outbox is handed over first
    }
}

impl Drop for Letter {
    /// The system has ended, and nobody will send it.
    fn drop(&mut self) {
        if let Some(at) = Address::of(self.to.word) {
            self.net.errands_are_over(at.lane, 1, true);
        }
        self.net.refused(self.to, self.block, self.share, Lost::Stopped);
    }
}

impl Net {
    /// Errands of a lane were done, and what they wrote was handed over; the caller holds the lane's lock, unless they are `lost`.
    pub(crate) fn errands_are_over(&self, lane: u32, count: u32, lost: bool) {
        let place = self.place(lane);
        let over = || {
            if let Some(post) = self.hub.posts().get(lane) {
                post.queued.fetch_sub(u64::from(count), Relaxed);
            }
            place.errands.fetch_sub(count, AcqRel);
        };
        if lost { place.shared.with(|_| over()) } else { over() }
    }

    /// A message that found nobody: it is counted and told of.
    fn refused(&self, to: AnyRef, block: Block, share: Option<Block>, why: Lost) {
        if let Some(at) = Address::of(to.word) {
            self.place(at.lane).shared.with(crate::lane::Lane::refused_outside);
        }
        let message = (block.kind().name)();
        if let Some(share) = share {
            share.lose(why.into());
        }
        block.lose(why.into());
        self.dead_letter(&DeadLetter { target: to, message, why });
    }

    fn tell(&self, to: AnyRef, at: Address, block: Block, flags: u32) {
        let head = flags | NATIVE;
        let header = Header {
            w0: op::MSG | head & !flag::ASYNC,
            index: at.index,
            generation: to.age,
            payload: block.word(),
            source_lane: at.lane,
            ..Header::default()
        };
        let Some(post) = self.hub.posts().get(at.lane) else { return };
        let mut batch = Batch::new();
        batch.push(Parcel::new(header));
        post.queued.fetch_add(1, Relaxed);
        if post.deliver(batch).is_err() {
            post.queued.fetch_sub(1, Relaxed);
            self.refused(to, block, None, Lost::Stopped);
        }
    }
}

fn net_of(to: AnyRef) -> Option<(Arc<Net>, Address)> {
    let at = Address::of(to.word)?;
    Some((Net::of(to.system)?, at))
}

/// A tell of a thread that has no isolate of the system.
#[cold]
pub(crate) fn tell(to: AnyRef, block: Block, flags: u32, call: &Call) {
    match net_of(to) {
        Some((net, at)) if call.is_plain() && net.place(at.lane).errands.load(Acquire) == 0 => {
            net.tell(to, at, block, flags);
        }
        Some((net, at)) => Letter { net, to, block, share: None, flags, call: *call }.post(at),
        None => block.lose(Lost::Stopped.into()),
    }
}

/// An ask or a send of such a thread.
#[cold]
pub(crate) fn call(to: AnyRef, block: Block, share: Block, flags: u32, call: Call) {
    match net_of(to) {
        Some((net, at)) => Letter { net, to, block, share: Some(share), flags, call }.post(at),
        None => {
            share.lose(AskError::Ended);
            block.lose(AskError::Ended);
        }
    }
}
