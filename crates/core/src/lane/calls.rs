//! Calls whose callers are in other isolates.

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
    /// It asks only whether its message was let in, and is over when that was told.
    pub(super) sends: bool,
    pub(super) message: InHand,
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

/// Whether another isolate waits for the call.
#[inline(always)]
pub(super) fn is_far_call(corr: u32) -> bool {
    corr >> CALL_BITS == FAR_CALL
}
