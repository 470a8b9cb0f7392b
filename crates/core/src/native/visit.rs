//! Actors of another thread's lane, run here.

use super::isolate::{HERE, Isolate};
use super::net::Net;
use super::run::{Came, Hand};
use super::vault::Block;
use crate::lane::{Guest, Ran};
use std::sync::Arc;

impl Isolate {
    /// What a thread runs actors of another lane in: as that lane's isolate, whose own it leaves alone.
    pub(crate) fn visitor(net: &Arc<Net>, place: u32) -> Box<Isolate> {
        let of = net.place(place);
        let mut isolate = Isolate::new(Arc::clone(net), place, Arc::clone(&of.shared), Arc::clone(&of.seats));
        (isolate.is_guest, isolate.turns) = (true, 0);
        isolate
    }

    /// It visits another lane from now on.
    pub(crate) fn visit(&mut self, place: u32) {
        if self.place != place {
            self.give_grants_back();
            let of = self.net.place(place);
            (self.shared, self.seats) = (Arc::clone(&of.shared), Arc::clone(&of.seats));
            (self.place, self.class) = (place, (0, 0));
        }
    }

    /// Runs guests, and hands them back.
    ///
    /// # Safety
    /// A visitor of the guests' lane, to which no reference lives.
    pub(crate) unsafe fn run_guests(this: *mut Isolate, guests: &mut [Guest]) {
        let before = HERE.replace(this);
        // SAFETY: the caller's promise, and as of `dispatch`.
        unsafe {
            for guest in &mut *guests {
                let seat = (*this).seats.get(guest.entry.index);
                (*this).current = guest.entry.index;
                let hand = Hand { here: this, seat: seat.cast(), entry: &raw const guest.entry };
                let block = Block::of(guest.entry.payload);
                let came = (block.kind().run)(block, &hand);
                if guest.entry.corr != 0 {
                    (*this).close_call(guest.entry.corr);
                }
                guest.ran = match came {
                    Came::Failed(cause) => Ran::Threw((*this).keep_cause(cause)),
                    // one that goes on is never lent
                    _ => Ran::Returned,
                };
            }
            (*this).current = 0;
            (*this).with_rings(|lane, io, _| lane.take_guests(io, guests));
            let home = (*this).place;
            if (*this).net.place(home).has_arrivals() {
                (*this).net.wake(home); // of what was left the lane knows nothing
            }
        }
        HERE.set(before);
    }

    /// Indices of another lane, which has no use for them here.
    pub(crate) fn give_grants_back(&mut self) {
        let grants = &mut self.grants;
        self.shared.with(|lane| grants.drain(..).for_each(|granted| lane.give_back(granted.0)));
    }
}
