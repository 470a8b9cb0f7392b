//! Which entries of an inbox its owner runs, and which go back because another thread has time for them.
//!
//! One word has where the owner has claimed up to, and where the inbox ends for it. The owner claims from the front, a few entries
//! at a time, twice as many each time: while handlers are fast that costs next to nothing, and behind a slow one most of the
//! inbox is left to others. A thief moves the end forward, never before what was claimed; what lies behind it goes back to
//! the mailboxes ([`Lane::recall`](crate::lane::Lane::recall)).

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// See the module. Relaxed throughout: the entries themselves are ordered by the lane's lock, which the owner has held since the
/// inbox was filled, and which a thief holds.
#[derive(Debug, Default)]
pub struct Claim(AtomicU64);

/// So many entries are claimed at once, at most.
const MOST: usize = 64;

fn word(claimed: usize, end: usize) -> u64 {
    (claimed as u64) << 32 | end as u64
}

fn parts(word: u64) -> (usize, usize) {
    ((word >> 32) as usize, (word & u64::from(u32::MAX)) as usize)
}

impl Claim {
    /// An inbox of `count` entries begins, of which the first is claimed. Under the lock of the turn that gave it: so a thief, which
    /// has that lock, never takes it for the one before.
    #[inline]
    pub fn open(&self, count: usize) {
        self.0.store(word(count.min(1), count), Relaxed);
    }

    /// The owner has run all before `at`, which it had claimed. Where what it may run now ends; `at` when it is through.
    #[inline]
    pub fn more(&self, at: usize) -> usize {
        let mut found = self.0.load(Relaxed);
        loop {
            let (claimed, end) = parts(found);
            if claimed > at || claimed == end {
                return claimed;
            }
            let next = (claimed + (claimed + 1).min(MOST)).min(end);
            match self.0.compare_exchange_weak(found, word(next, end), Relaxed, Relaxed) {
                Ok(_) => return next,
                Err(now) => found = now,
            }
        }
    }

    /// The inbox ends here, or where the owner has claimed up to; that is where it ends now. None when it has claimed all. The
    /// caller has the lane's lock, and recalls what is behind before it lets go of that.
    pub(crate) fn cut(&self, from: usize) -> Option<usize> {
        let mut found = self.0.load(Relaxed);
        loop {
            let (claimed, end) = parts(found);
            let cut = claimed.max(from);
            if cut >= end {
                return None;
            }
            match self.0.compare_exchange_weak(found, word(claimed, cut), Relaxed, Relaxed) {
                Ok(_) => return Some(cut),
                Err(now) => found = now,
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_owner_claims_more_each_time_and_a_thief_gets_the_rest() {
        let claim = Claim::default();
        claim.open(1000);
        let ends = (0..9).scan(0, |at, _| {
            *at = claim.more(*at);
            Some(*at)
        });
        assert_eq!(ends.collect::<Vec<_>>(), [1, 3, 7, 15, 31, 63, 127, 191, 255]);
        assert_eq!(claim.cut(300), Some(300));
        assert_eq!(claim.cut(0), Some(255));
        assert_eq!((claim.more(255), claim.cut(0)), (255, None));
        claim.open(0);
        assert_eq!((claim.more(0), claim.cut(0)), (0, None));
    }
}
