//! Calls that this isolate made and that are not over: asks, and sends that wait to be let in.

use super::numbers::Whose;
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

/// By the slot of the correlation; 0 is none's.
#[derive(Default)]
pub(crate) struct Calls {
    whose: Whose,
    slots: Vec<Call>,
    /// Places in `slots`.
    free: Vec<u32>,
}

const NEVER: Call = Call { age: 0, open: false, far: false, sends: false, share: None };

impl Calls {
    pub(crate) fn new(whose: Whose) -> Self {
        let slots = if whose == Whose::Guests { vec![NEVER] } else { Vec::new() };
        Calls { whose, slots, free: Vec::new() }
    }

    /// Opens a call; `share` is the table's share of the cell of what it comes to.
    pub(crate) fn open(&mut self, share: Block, far: bool, sends: bool) -> u32 {
        let at = match self.free.pop() {
            Some(at) => at as usize,
            None => {
                self.slots.push(NEVER);
                self.slots.len() - 1
            }
        };
        let call = &mut self.slots[at];
        (call.open, call.far, call.sends, call.share) = (true, far, sends, Some(share));
        self.whose.number(at) & CALL_MASK | call.age << CALL_BITS
    }

    fn get(&mut self, corr: u32) -> Option<&mut Call> {
        let call = self.slots.get_mut(self.whose.place(corr & CALL_MASK))?;
        (call.open && call.age == corr >> CALL_BITS).then_some(call)
    }

    /// The call is over; the share, if it was not told anything.
    pub(crate) fn take(&mut self, corr: u32) -> Option<Block> {
        let call = self.get(corr)?;
        call.open = false;
        call.age = (call.age + 1) % FAR_CALL;
        let share = call.share.take();
        self.free.push(u32::try_from(self.whose.place(corr & CALL_MASK)).unwrap_or(0));
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
}
