//! The core's record of one actor.

pub mod ext;
pub mod family;
pub mod table;

use crate::mailbox::local::List;
use crate::supervise::Restart;

/// Where an actor is in its life. Only the core moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum State {
    /// No actor has this cell.
    #[default]
    Free,
    /// START is due, delivered, or its promise is pending.
    Starting,
    /// May be given messages.
    Active,
    /// An exclusive handler is in hand: delivered as asynchronous, or its promise is pending.
    Suspended,
    /// Has failed; what follows from it is decided at the end of the turn.
    Failing,
    /// Ends after what is in hand.
    StopHand,
    /// Its children end first.
    StopChildren,
    /// onStop is due, delivered, or its promise is pending.
    StopHook,
    /// Between two instances: nothing runs, what comes waits.
    Down,
}

impl State {
    /// Whether the end has begun.
    #[must_use]
    pub fn is_ending(self) -> bool {
        self == State::Failing || self.is_winding()
    }

    /// Whether it has an instance that may be given messages.
    #[must_use]
    pub fn runs(self) -> bool {
        matches!(self, State::Active | State::Suspended)
    }

    /// Whether its instance is being taken apart, whether or not another one follows.
    #[must_use]
    pub fn is_winding(self) -> bool {
        matches!(self, State::StopHand | State::StopChildren | State::StopHook)
    }

    /// Whether there is, or will be in this state, no instance that could take up anything new.
    #[must_use]
    pub fn is_over(self) -> bool {
        self.is_winding() || matches!(self, State::Down | State::Free)
    }
}

/// Bits of [`Cell::bits`].
pub mod bit {
    /// Linked in the lane's ready queue.
    pub const READY: u16 = 1;
    /// START was not delivered yet.
    pub const START_DUE: u16 = 1 << 1;
    /// STOP was not delivered yet.
    pub const STOP_DUE: u16 = 1 << 2;
    /// A plain handler returned a promise: deliver one at a time until the mailbox is empty.
    pub const SERIAL: u16 = 1 << 3;
    /// The class has an onStop.
    pub const STOP_HOOK: u16 = 1 << 4;
    /// Takes no newcomers.
    pub const CLOSED: u16 = 1 << 5;
    /// Ends when nothing waits.
    pub const DRAINING: u16 = 1 << 6;
    /// Somebody is parked before the full mailbox.
    pub const PARKED: u16 = 1 << 7;
    /// Its side record has lists that a visit must look at (priorities, signals, handed back).
    pub const LISTS: u16 = 1 << 8;
    /// It has started once.
    pub const STARTED: u16 = 1 << 9;
    /// Has an instance (START was delivered and did not throw in the constructor).
    pub const MADE: u16 = 1 << 10;
    /// Somebody asked to be told when it has started.
    pub const QUERIED: u16 = 1 << 11;
    /// Its parent, or its child that it stands in for, is in another lane.
    pub const FOREIGN: u16 = 1 << 12;
    /// Its end was dispatched; it is recycled when the ready queue lets it go.
    pub const SPENT: u16 = 1 << 13;
    /// Its instance ends and another one follows: what waits is kept.
    pub const AGAIN: u16 = 1 << 14;
    /// A group that restarts waits for it, or it for the group.
    pub const GROUPED: u16 = 1 << 15;
    /// What the accounting of a message's end must look at.
    pub const AFTER: u16 = PARKED | DRAINING;
    /// What forbids to skip the mailbox.
    pub const INDIRECT: u16 = PARKED | LISTS | SERIAL | CLOSED;
}

/// One actor. The first line of the cache is what a message touches.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Cell {
    /// How many times the index was granted: tells a stale ref.
    pub age: u32,
    /// Where it is in its life.
    pub state: State,
    /// What a full mailbox does, and the bits of [`crate::entry::restart`].
    pub policy: u8,
    /// See [`bit`].
    pub bits: u16,
    /// Messages in the mailbox, or delivered and not begun; what is parked is not in it.
    pub waiting: u32,
    /// How many may wait.
    pub bound: u32,
    /// The mailbox of normal priority.
    pub normal: List,
    /// The next in the ready queue.
    pub ready_next: u32,
    /// Concurrent handlers delivered and not ended.
    pub shared: u32,
    /// Messages handled.
    pub handled: u64,
    /// Side record for what few actors have; 0: none.
    pub ext: u32,
    /// Messages failed.
    pub failed: u32,
    /// The actor that spawned it; 0: the root.
    pub parent: u32,
    /// Children in order of start.
    pub first_child: u32,
    /// See `first_child`.
    pub last_child: u32,
    /// The sibling that started before.
    pub prev: u32,
    /// The sibling that started after.
    pub next: u32,
    /// The instance's number.
    pub generation: u32,
    /// The deadline on the wheel, plus one; 0: none.
    pub deadline: u32,
    /// The timer whose callback is in hand; `u32::MAX`: it was cancelled.
    pub hand_timer: u32,
    /// Open asks of the run in hand: the head of a list of calls; `u32::MAX`: none.
    pub asking: u32,
    /// The class.
    pub class: u16,
    /// Which note the exclusive run in hand came from; 0: none.
    pub hand: u8,
    /// Why it ends.
    pub reason: u8,
}

const _: () = assert!(size_of::<Cell>() <= 104, "an idle actor's cell; the bar is 128 bytes in the core");

impl Cell {
    /// Whether all of `bits` are set.
    #[inline(always)]
    #[must_use]
    pub fn is(&self, bits: u16) -> bool {
        self.bits & bits == bits
    }

    /// What a full mailbox does.
    #[inline(always)]
    #[must_use]
    pub fn overflow(&self) -> u32 {
        u32::from(self.policy & 3)
    }

    /// After which ends it is started again.
    #[must_use]
    pub fn restart(&self) -> Restart {
        Restart::from_number(u32::from(self.policy >> 2 & 3))
    }

    /// Whether a restart turns what waits into dead letters.
    #[must_use]
    pub fn clears(&self) -> bool {
        u32::from(self.policy) & crate::entry::restart::CLEAR != 0
    }

    /// Whether messages are for an instance that is, or that will be.
    #[must_use]
    pub fn takes_messages(&self) -> bool {
        self.state != State::Free && !self.is(bit::CLOSED) && (!self.state.is_winding() || self.is(bit::AGAIN))
    }

    /// Whether it ends for good.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.state == State::Free || (self.state.is_winding() && !self.is(bit::AGAIN))
    }

    /// Whether anything is in hand.
    #[must_use]
    pub fn in_hand(&self) -> bool {
        self.hand != 0 || self.shared > 0
    }
}
