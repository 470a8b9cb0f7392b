//! The doorbell of a lane, and the gate in front of it.

use crate::sync::{Mutex, lock};
use std::fmt;

/// Makes a sleeping lane look into its inbox, from any thread.
pub trait Doorbell: Send {
    /// Rings. Must not block, must not panic, and must not call into the [`Gate`] it hangs behind.
    /// Ringing too often is harmless.
    fn ring(&self);
}

/// Stands between whoever rings and a bell whose target may die (a terminated worker's thread-safe
/// function aborts the process).
///
/// A lock, not a flag: a flag cannot tell when the last ring that passed it has ended. It is free
/// of contention, because one push per sleep comes here.
pub struct Gate {
    /// Written by the lane (hang, shut), read by whoever ended a sleep. `None`: shut.
    bell: Mutex<Option<Box<dyn Doorbell>>>,
}

impl Gate {
    /// A gate without a bell: shut.
    #[must_use]
    pub fn new() -> Self {
        Self { bell: Mutex::new(None) }
    }

    /// Hangs the bell; returns the one that hung there.
    pub fn hang(&self, bell: Box<dyn Doorbell>) -> Option<Box<dyn Doorbell>> {
        lock(&self.bell).replace(bell)
    }

    /// Rings, unless the gate is shut; `false` when it is.
    pub fn ring(&self) -> bool {
        let bell = lock(&self.bell);
        bell.as_ref().map(|bell| bell.ring()).is_some()
    }

    /// Shuts the gate and returns the bell. After this has returned no ring is running and none
    /// will run, so the bell's target may go.
    pub fn shut(&self) -> Option<Box<dyn Doorbell>> {
        lock(&self.bell).take()
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}
