//! Indices that one lane grants to the isolates of others, for actors that they spawn here.

use super::Lane;
use super::far::{EPOCH_MASK, EPOCH_SHIFT, LANE};
use super::parcel::Header;
use crate::cell::table::Full;
use crate::entry::carry;
use crate::hub::Post;
use crate::sync::atomic::Ordering::Relaxed;

impl Lane {
    /// The isolate is to be granted indices of another lane; who it is there: its lane, and how many isolates that had before.
    pub fn borrows(&mut self, from: u32) -> (u32, u32) {
        let Some(far) = self.far.as_mut() else { return (0, 0) };
        if !far.borrows.contains(&from) {
            far.borrows.push(from);
        }
        (far.place, far.epoch & EPOCH_MASK)
    }

    /// As [`grant`](Self::grant), to the isolate of another lane.
    ///
    /// # Errors
    /// [`Full`] when every index is in use.
    pub fn lend(&mut self, (lane, epoch): (u32, u32)) -> Result<(u32, u32), Full> {
        let granted = self.grant()?;
        if let Some(far) = self.far.as_mut() {
            far.lent.push((lane, epoch, granted.0));
        }
        Ok(granted)
    }

    /// How many of these are not in use yet.
    #[must_use]
    pub fn lent(&self) -> usize {
        self.far.as_ref().map_or(0, |far| far.lent.len())
    }

    /// An actor has come to an index that was lent.
    pub(super) fn is_used(&mut self, index: u32) {
        if let Some(far) = self.far.as_mut()
            && let Some(at) = far.lent.iter().position(|lent| lent.2 == index)
        {
            far.lent.swap_remove(at);
        }
    }

    /// The isolate that this comes from is gone, and all that it sent before has come.
    pub(super) fn forfeit(&mut self, h: &Header) {
        let whose = (h.source_lane & LANE, h.source_lane >> EPOCH_SHIFT);
        let Some(far) = self.far.as_mut() else { return };
        for (_, _, index) in far.lent.extract_if(.., |lent| (lent.0, lent.1) == whose) {
            self.registry.take(index); // a name that was reserved for it
            self.table.recycle(index);
        }
    }

    /// The isolate is gone, and will not use what it was granted elsewhere. A lane that has never had an isolate is not told:
    /// nobody would read it.
    pub(super) fn forfeit_all(&mut self) {
        let Some(far) = self.far.as_mut() else { return };
        let (epoch, mut lenders) = (far.epoch, std::mem::take(&mut far.borrows));
        let reads = |post: &Post| post.turns.load(Relaxed) > 0 || post.moving.load(Relaxed) > 0;
        lenders.retain(|lane| far.posts.get(*lane).is_some_and(reads));
        for lane in lenders {
            self.tell(lane, Header { w0: carry::FORFEIT, source_lane: epoch, ..Header::default() }, &[], true);
        }
    }
}
