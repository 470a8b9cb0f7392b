//! What a lane and its isolate share, and how a system is set up.

use crate::entry::Entry;

/// The memory that an isolate and its lane share for the length of a call.
#[derive(Debug)]
pub struct Rings<'a> {
    /// See [`word`].
    pub header: &'a mut [i32],
    /// Written by the isolate.
    pub outbox: &'a mut [Entry],
    /// Written by the lane.
    pub inbox: &'a mut [Entry],
    /// One byte per inbox entry, written by the isolate.
    pub marks: &'a mut [u8],
    /// Letters of the inbox, written by the lane.
    pub bag: &'a mut [u8],
    /// One word per inbox entry: where its letter lies in the bag.
    pub places: &'a mut [u32],
    /// Letters of the outbox, written by the isolate.
    pub satchel: &'a [u8],
}

/// Defaults of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// In µs; `u64::MAX`: none.
    pub ask_timeout: u64,
    /// Of a mailbox.
    pub capacity: u32,
    /// Of a mailbox.
    pub policy: u32,
    /// A failure that nobody could handle ends the system, within that many ms (all ones: no limit); none: it is only
    /// reported.
    pub escalate: Option<u32>,
    /// What chance begins with.
    pub seed: u64,
}

impl Default for Defaults {
    fn default() -> Self {
        Defaults {
            ask_timeout: 5_000_000,
            capacity: crate::limits::CAPACITY,
            policy: crate::entry::policy::REJECT,
            escalate: Some(10_000),
            seed: 1,
        }
    }
}

/// Where the isolate is in its inbox: the entry, and whether it runs it now or only stopped before it.
pub(super) fn cursor(word: i32) -> (usize, bool) {
    let at = if word < 0 { !word } else { word };
    (usize::try_from(at).unwrap_or(0), word >= 0)
}
