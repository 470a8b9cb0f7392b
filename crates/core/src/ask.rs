//! Open asks: their deadlines, and who waits for whom.

use crate::limits::{CALL_BITS, CALL_MASK};
use crate::timer::wheel::TimerKey;

/// No call.
pub const NONE: u32 = u32::MAX;

/// One slot of the isolate's table of calls, as far as the core needs it.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The slot's age while the call is open.
    pub age: u8,
    /// Whether it is open.
    pub open: bool,
    /// Whether it is in a cycle of asks.
    pub cyclic: bool,
    /// How many chases that began with it were in vain.
    pub vain: u8,
    /// The last chase that followed it to another lane; 0: none.
    pub chase: u32,
    /// The last chase that began with it and came back.
    pub found: u32,
    /// The method.
    pub tag: u16,
    /// Whom it asks.
    pub target: u32,
    /// See `target`.
    pub target_age: u32,
    /// The actor that waits for it; 0: none does.
    pub asker: u32,
    /// Its deadline.
    pub key: Option<TimerKey>,
    /// Other open asks of the same asker.
    pub prev: u32,
    /// See `prev`.
    pub next: u32,
}

/// The calls of a lane by slot.
#[derive(Debug, Default)]
pub struct Calls {
    slots: Vec<Call>,
    /// How many are open.
    pub open: u64,
}

/// The slot of a correlation.
#[inline(always)]
#[must_use]
pub fn slot(corr: u32) -> u32 {
    corr & CALL_MASK
}

/// The slot's age in a correlation.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // 6 bits are left
pub fn age(corr: u32) -> u8 {
    (corr >> CALL_BITS) as u8
}

impl Calls {
    /// Opens the call `corr`.
    #[inline]
    pub fn open(&mut self, corr: u32, tag: u16, target: u32, target_age: u32, key: Option<TimerKey>) {
        let at = slot(corr) as usize;
        if at >= self.slots.len() {
            let empty = Call {
                age: 0,
                open: false,
                cyclic: false,
                vain: 0,
                chase: 0,
                found: 0,
                tag: 0,
                target: 0,
                target_age: 0,
                asker: 0,
                key: None,
                prev: NONE,
                next: NONE,
            };
            self.slots.resize((at + 1).next_power_of_two(), empty);
        }
        self.slots[at] = Call {
            age: age(corr),
            open: true,
            cyclic: false,
            vain: 0,
            chase: 0,
            found: 0,
            tag,
            target,
            target_age,
            asker: 0,
            key,
            prev: NONE,
            next: NONE,
        };
        self.open += 1;
    }

    /// Closes the call `corr` if it is still open.
    #[inline]
    pub fn close(&mut self, corr: u32) -> Option<Call> {
        let call = self.slots.get_mut(slot(corr) as usize)?;
        if !call.open || call.age != age(corr) {
            return None;
        }
        call.open = false;
        self.open -= 1;
        Some(*call)
    }

    /// The call in a slot.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&Call> {
        self.slots.get(slot as usize)
    }

    /// The call in a slot.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Call> {
        self.slots.get_mut(slot as usize)
    }

    /// Forgets all of them. The deadlines of those that were open.
    pub fn drain(&mut self) -> impl Iterator<Item = TimerKey> {
        self.open = 0;
        std::mem::take(&mut self.slots).into_iter().filter(|call| call.open).filter_map(|call| call.key)
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Call>()
    }
}
