//! Calls that this isolate made and that are not over: asks, and sends that wait to be let in.

use super::reply;
use super::vault::Block;
use crate::limits::{CALL_BITS, CALL_MASK, FAR_CALL};

struct Call {
    age: u32,
    open: bool,
    /// Its message is for another lane: it is over when it is late.
    far: bool,
    /// It waits for being let in.
    sends: bool,
    share: Option<Block>,
}

/// By the slot of the correlation; slot 0 is none's.
#[derive(Default)]
pub(crate) struct Calls {
    slots: Vec<Call>,
    free: Vec<u32>,
}

impl Calls {
    /// Opens a call; `share` is the table's share of the cell of what it comes to.
    pub(crate) fn open(&mut self, share: Block, far: bool, sends: bool) -> u32 {
        if self.slots.is_empty() {
            self.slots.push(Call { age: 0, open: false, far: false, sends: false, share: None });
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Call { age: 0, open: false, far: false, sends: false, share: None });
                u32::try_from(self.slots.len() - 1).unwrap_or(0) & CALL_MASK
            }
        };
        let call = &mut self.slots[slot as usize];
        (call.open, call.far, call.sends, call.share) = (true, far, sends, Some(share));
        slot | call.age << CALL_BITS
    }

    fn get(&mut self, corr: u32) -> Option<&mut Call> {
        let call = self.slots.get_mut((corr & CALL_MASK) as usize)?;
        (call.open && call.age == corr >> CALL_BITS).then_some(call)
    }

    /// The call is over; the share, if it was not told anything.
    pub(crate) fn take(&mut self, corr: u32) -> Option<Block> {
        let call = self.get(corr)?;
        call.open = false;
        call.age = (call.age + 1) % FAR_CALL;
        let share = call.share.take();
        self.free.push(corr & CALL_MASK);
        share
    }

    /// The call is over, and whom it was for has told what it came to.
    pub(crate) fn close(&mut self, corr: u32) {
        let sends = self.get(corr).is_some_and(|call| call.sends);
        match self.take(corr) {
            // SAFETY: the share of a call that sends is one of a cell of `()`. What was handled was let in.
            Some(share) if sends => unsafe { reply::let_in(share) },
            // what was told stands; what was not, never will be
            Some(share) => share.lose(super::error::AskError::Ended),
            None => {}
        }
    }

    /// The reply is late. The call goes on until its message is over, when that is here.
    pub(crate) fn late(&mut self, corr: u32) -> Option<Block> {
        let call = self.get(corr)?;
        if call.far { self.take(corr) } else { call.share.take() }
    }

    /// The message was let in.
    pub(crate) fn accepted(&mut self, corr: u32) {
        if let Some(call) = self.get(corr)
            && call.sends
            && let Some(share) = call.share.take()
        {
            // SAFETY: the share of a call that sends is one of a cell of `()`.
            unsafe { reply::let_in(share) };
        }
    }

    /// The shares of all that are open.
    pub(crate) fn into_shares(self) -> impl Iterator<Item = Block> {
        self.slots.into_iter().filter_map(|call| call.share)
    }

    /// How many are open.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slots.iter().filter(|call| call.open).count()
    }
}
