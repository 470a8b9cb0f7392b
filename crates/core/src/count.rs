//! The accounting identity: every message is counted where it is, never by subtraction.

use crate::entry::dead;

/// One lane's counts. At every moment `sent == handled + failed + dead() + waiting + running`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Messages that were submitted, refused ones included.
    pub sent: u64,
    /// Messages whose handler ended well (or refused).
    pub handled: u64,
    /// Messages whose handler failed, or was cut off.
    pub failed: u64,
    /// Messages in mailboxes, parked before them, or delivered and not begun.
    pub waiting: u64,
    /// Messages whose handler has begun and not ended.
    pub running: u64,
    /// Dead letters by reason.
    pub dead: [u64; dead::COUNT],
    /// Actors that have not ended.
    pub actors: u64,
    /// Restarts.
    pub restarts: u64,
}

impl Ledger {
    /// Dead letters of all reasons.
    #[must_use]
    pub fn dead(&self) -> u64 {
        self.dead.iter().sum()
    }

    /// Adds another lane's counts.
    pub fn add(&mut self, other: &Ledger) {
        self.sent += other.sent;
        self.handled += other.handled;
        self.failed += other.failed;
        self.waiting += other.waiting;
        self.running += other.running;
        for (dead, more) in self.dead.iter_mut().zip(other.dead) {
            *dead += more;
        }
        self.actors += other.actors;
        self.restarts += other.restarts;
    }

    /// Whether the identity holds.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.sent == self.handled + self.failed + self.dead() + self.waiting + self.running
    }
}
