//! Who listens to feeds: each isolate says so where all lanes look, and what happens in any of them is told to it.

use super::{Lane, Rings};
use crate::entry::{mode, word};
use crate::sync::atomic::Ordering::SeqCst;

impl Lane {
    /// What the isolate listens to from now on, in [`mode`](crate::entry::mode) bits.
    pub fn listens(&self, bits: u32) {
        if let Some(far) = &self.far {
            far.posts.listen(far.place, bits);
        }
    }

    /// The isolate's MODE word, and what others ask of it. A tick is remembered until a turn has looked.
    pub(super) fn note_mode(&mut self, io: &mut Rings<'_>) {
        self.mode = io.header[word::MODE].cast_unsigned();
        self.ticked |= self.mode & mode::TICK != 0;
        io.header[word::MODE] = (self.mode & !mode::TICK).cast_signed();
        self.note_asked(io);
        self.now = None;
    }

    /// Others are told as this isolate is. After the mail was taken, as who wrote that may have begun to listen before. Costs
    /// one load when nobody did.
    #[inline]
    fn note_asked(&mut self, io: &mut Rings<'_>) {
        let Some(far) = self.far.as_mut().filter(|far| !far.lost) else { return };
        let change = far.posts.listened.load(SeqCst);
        if change != far.asked.1 {
            far.asked = (far.posts.asked_of(far.place), change);
        }
        self.mode |= far.asked.0;
        io.header[word::ASKED] = far.asked.0.cast_signed();
    }

    /// Whether another isolate listens.
    pub(super) fn listened(&self, what: u32) -> bool {
        self.far.as_ref().is_some_and(|far| far.posts.asked_of(far.place) & what != 0)
    }
}
