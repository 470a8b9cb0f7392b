//! Calls whose callers are in other isolates.

use super::Lane;
use super::far::{EPOCH_SHIFT, LANE};
use super::parcel::Header;
use crate::entry::{Entry, carry, outcome};
use crate::limits::{CALL_BITS, CALL_MASK, FAR_CALL};

/// The word of a far call: which it is, above it the caller's lane, above that [`FAR_CALL`].
const SLOT_BITS: u32 = 20;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// A message in hand: whom it is for, the number of its method's name, and who sent it. Known should the isolate die.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InHand {
    pub(super) index: u32,
    pub(super) name: u32,
    pub(super) from: u32,
    pub(super) from_age: u32,
}

/// A call whose caller is in another isolate.
#[derive(Clone, Copy, Debug)]
pub(super) struct FarCall {
    pub(super) lane: u32,
    /// See [`EPOCH_SHIFT`].
    pub(super) epoch: u32,
    pub(super) corr: u32,
    pub(super) wants: Wants,
    /// That its message was let in was told.
    pub(super) told: bool,
    pub(super) message: InHand,
}

/// What a caller in another isolate waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// What its message comes to.
    Outcome,
    /// That its message was let in: the call is over with that.
    Entry,
    /// The same, but the call stays open until the message is over. It may be dropped for another one before the turn
    /// ends in which it came, or be for a name that the isolate has to look up.
    Place,
    /// As `Place`, and it is told of the end as well: until then it may abort the message.
    End,
}

/// Calls that other isolates wait for.
#[derive(Debug, Default)]
pub(super) struct FarCalls {
    slots: Vec<Option<FarCall>>,
    free: Vec<u32>,
    /// Not in use, and not used again before the isolate's outbox was read: it may say something of them.
    closed: Vec<u32>,
}

impl FarCalls {
    pub(super) fn open(&mut self, call: FarCall) -> Option<u32> {
        let lane = call.lane;
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = Some(call);
                at
            }
            None => {
                let at = u32::try_from(self.slots.len()).ok().filter(|at| *at <= SLOT_MASK)?;
                self.slots.push(Some(call));
                at
            }
        };
        Some(at | lane << SLOT_BITS | FAR_CALL << CALL_BITS)
    }

    pub(super) fn get(&self, corr: u32) -> Option<&FarCall> {
        let call = self.slots.get((corr & SLOT_MASK) as usize)?.as_ref();
        call.filter(|call| call.lane == (corr & CALL_MASK) >> SLOT_BITS)
    }

    pub(super) fn get_mut(&mut self, corr: u32) -> Option<&mut FarCall> {
        let call = self.slots.get_mut((corr & SLOT_MASK) as usize)?.as_mut();
        call.filter(|call| call.lane == (corr & CALL_MASK) >> SLOT_BITS)
    }

    pub(super) fn close(&mut self, corr: u32) -> Option<FarCall> {
        let call = *self.get(corr)?;
        let at = corr & SLOT_MASK;
        self.slots[at as usize] = None;
        self.closed.push(at);
        Some(call)
    }

    /// The outbox was read.
    pub(super) fn settle(&mut self) {
        self.free.append(&mut self.closed);
    }

    pub(super) fn find(&self, (lane, epoch): (u32, u32), corr: u32) -> Option<u32> {
        let wanted = |c: FarCall| (c.lane, c.epoch, c.corr) == (lane, epoch, corr);
        let at = self.slots.iter().position(|c| c.is_some_and(wanted))?;
        u32::try_from(at).ok().map(|at| at | lane << SLOT_BITS | FAR_CALL << CALL_BITS)
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len() - self.closed.len()
    }

    /// All that are open.
    pub(super) fn all(&self) -> Vec<u32> {
        let word = |(at, c): (u32, &Option<FarCall>)| c.map(|c| at | c.lane << SLOT_BITS | FAR_CALL << CALL_BITS);
        (0..).zip(&self.slots).filter_map(word).collect()
    }
}

impl Lane {
    /// The message of a far call was let in. Whether the call is over with that. `named`: whether there is such a method is
    /// yet to be seen.
    pub(super) fn accept_call(&mut self, corr: u32, named: bool) -> bool {
        let Some(far) = self.far.as_mut() else { return false };
        match far.calls.get(corr).map_or(Wants::Outcome, |c| c.wants) {
            Wants::Entry if !named => {
                self.tell_accepted(corr);
                self.far.as_mut().is_some_and(|far| far.calls.close(corr).is_some())
            }
            Wants::Place | Wants::End if !named => {
                far.let_in.push(corr);
                far.writes = true;
                false
            }
            _ => false,
        }
    }

    /// The caller is told that its message was let in, once.
    pub(super) fn tell_accepted(&mut self, corr: u32) {
        let Some(call) = self.far.as_mut().and_then(|far| far.calls.get_mut(corr)) else { return };
        if call.wants == Wants::Outcome || std::mem::replace(&mut call.told, true) {
            return;
        }
        let FarCall { lane, epoch, corr, wants, .. } = *call;
        let stays = u32::from(wants == Wants::End);
        let header = Header { w0: carry::ACCEPTED, corr, from_index: stays, source_lane: epoch, ..Header::default() };
        self.tell(lane, header, &[], false);
    }

    /// The message is over of a caller that knows that it was let in.
    pub(super) fn tell_over(&mut self, call: &FarCall) {
        if call.wants == Wants::End {
            let header = Header { w0: carry::OVER, corr: call.corr, source_lane: call.epoch, ..Header::default() };
            self.tell(call.lane, header, &[], false);
        }
    }

    /// The message of a far call is a dead letter.
    pub(super) fn refuse_call(&mut self, corr: u32, why: u32) {
        let Some(call) = self.far.as_mut().and_then(|far| far.calls.close(corr)) else { return };
        if call.told {
            self.tell_over(&call);
        } else {
            self.tell_refused(call.lane, call.epoch, call.corr, why);
        }
    }

    pub(super) fn tell_refused(&mut self, lane: u32, epoch: u32, corr: u32, why: u32) {
        let header = Header { w0: carry::REFUSED, corr, payload: why, source_lane: epoch, ..Header::default() };
        self.tell(lane, header, &[], false);
    }

    /// The isolate says something of a send. Whether its caller is to read that.
    pub(super) fn send_said(&mut self, e: &Entry, kind: u32) -> bool {
        let accepts = kind == carry::ACCEPTED;
        if accepts || (kind == carry::REPLY && e.from == outcome::OK) {
            self.tell_accepted(e.corr); // what was handled was let in
        }
        let Some(far) = self.far.as_mut().filter(|_| !accepts) else { return false };
        let Some(call) = far.calls.close(e.corr) else { return false };
        if call.told {
            self.tell_over(&call);
        }
        !call.told && kind != carry::OVER
    }

    /// The call of a caller elsewhere, by the number that it has there.
    pub(super) fn far_call(&self, h: &Header) -> Option<u32> {
        self.far.as_ref()?.calls.find((h.source_lane & LANE, h.source_lane >> EPOCH_SHIFT), h.corr)
    }

    /// Whether what a reader says concerns a stream that there still is. `corr` is the reader's call, if it says so.
    pub(super) fn is_for_stream(&self, h: &Header) -> bool {
        let whose = (h.source_lane & LANE, h.source_lane >> EPOCH_SHIFT);
        let call = self.far.as_ref().and_then(|far| far.calls.get(h.index | FAR_CALL << CALL_BITS));
        call.is_some_and(|c| (c.lane, c.epoch) == whose && (h.corr == 0 || h.corr == c.corr))
    }

    /// The outbox was read: what it said of calls that are over, it has said.
    #[inline]
    pub(super) fn settle_calls(&mut self) {
        if let Some(far) = self.far.as_mut() {
            far.calls.settle();
        }
    }
}

/// Whether another isolate waits for the call.
#[inline(always)]
pub(super) fn is_far_call(corr: u32) -> bool {
    corr >> CALL_BITS == FAR_CALL
}
