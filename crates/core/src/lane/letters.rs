//! Bytes that came from other isolates, and wait for being read.
//!
//! A letter is the parcel it came in, kept until its message is over. While the message is in the inbox its bytes lie
//! in the bag, memory of the isolate: three words (length, which method and how many large bytes beside it, which letter)
//! and then the bytes; where, is said beside the inbox ([`Rings::places`](super::Rings)).

use super::parcel::Parcel;
use crate::entry::{Entry, TAG_SHIFT, flag};

/// Words before the bytes.
pub const WORDS: usize = 4;
/// The place of a letter that the bag has no room for: the isolate asks for it.
pub const APART: u32 = u32::MAX;

/// A letter that is kept.
#[derive(Debug)]
struct Kept {
    parcel: Parcel,
    /// It is in the bag, or was asked for: the isolate may be reading it.
    posted: bool,
    /// Its message goes back to where it waited.
    stays: bool,
}

/// The letters of a lane.
#[derive(Debug, Default)]
pub struct Letters {
    slots: Vec<Option<Kept>>,
    free: Vec<u32>,
    /// Those in the bag.
    posted: Vec<u32>,
    /// Bytes of the bag in use.
    used: usize,
}

impl Letters {
    /// Keeps a letter; its number, which is never 0.
    pub fn keep(&mut self, parcel: Parcel) -> u32 {
        let kept = Some(Kept { parcel, posted: false, stays: false });
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = kept;
                at
            }
            None => {
                self.slots.push(kept);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        at + 1
    }

    /// The letter of this number.
    #[must_use]
    pub fn get(&self, letter: u32) -> Option<&Parcel> {
        let slot = self.slots.get(letter.checked_sub(1)? as usize)?;
        slot.as_ref().map(|kept| &kept.parcel)
    }

    /// The letter of this number.
    pub fn get_mut(&mut self, letter: u32) -> Option<&mut Parcel> {
        let slot = self.slots.get_mut(letter.checked_sub(1)? as usize)?;
        slot.as_mut().map(|kept| &mut kept.parcel)
    }

    /// The letter is over. One that is in the bag is over with this inbox.
    pub fn take(&mut self, letter: u32) -> Option<Parcel> {
        let at = letter.checked_sub(1)?;
        let slot = self.slots.get_mut(at as usize)?;
        if let Some(kept) = slot.as_mut().filter(|kept| kept.posted) {
            kept.stays = false;
            return None;
        }
        let kept = slot.take()?;
        self.free.push(at);
        Some(kept.parcel)
    }

    /// Puts the letter into the bag. Its place; none when there is no room now.
    pub fn post(&mut self, letter: u32, bag: &mut [u8]) -> Option<u32> {
        let Some(kept) = self.slots.get_mut(letter.checked_sub(1)? as usize).and_then(Option::as_mut) else {
            return Some(APART);
        };
        let (header, bytes) = (kept.parcel.header(), kept.parcel.bytes());
        let end = self.used + WORDS * 4 + bytes.len();
        if end > bag.len() {
            if self.used > 0 {
                return None;
            }
            kept.posted = true;
            self.posted.push(letter);
            return Some(APART);
        }
        let place = self.used;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let words = [number(bytes.len()), meta(header.w0, kept.parcel.attached()), letter, header.payload];
        for (to, word) in bag[place..].chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        bag[place + WORDS * 4..end].copy_from_slice(bytes);
        kept.posted = true;
        self.used = end.next_multiple_of(8);
        self.posted.push(letter);
        Some(number(place))
    }

    /// The words that stand before a letter's bytes.
    #[must_use]
    pub fn words(&self, letter: u32) -> Option<[u32; WORDS]> {
        let parcel = self.get(letter)?;
        let header = parcel.header();
        let length = u32::try_from(parcel.bytes().len()).unwrap_or(u32::MAX);
        Some([length, meta(header.w0, parcel.attached()), letter, header.payload])
    }

    /// The letter's message goes back: it is not over with this inbox.
    pub fn stays(&mut self, letter: u32) {
        if let Some(at) = letter.checked_sub(1)
            && let Some(Some(kept)) = self.slots.get_mut(at as usize)
        {
            kept.stays = true;
        }
    }

    /// The inbox was read: the bag is empty. What is over is handed to `over`.
    pub fn read(&mut self, mut over: impl FnMut(Parcel)) {
        self.used = 0;
        if self.posted.is_empty() {
            return;
        }
        let mut posted = std::mem::take(&mut self.posted);
        for letter in posted.drain(..) {
            let Some(Some(kept)) = self.slots.get_mut(letter as usize - 1) else { continue };
            kept.posted = false;
            if !std::mem::take(&mut kept.stays)
                && let Some(parcel) = self.take(letter)
            {
                over(parcel);
            }
        }
        self.posted = posted;
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The name of the method, and above it how the arguments travel (see [`flag::ARITY`]) and how many large bytes there are.
fn meta(w0: u32, attached: usize) -> u32 {
    let form = (w0 & flag::ARITY) >> flag::ARITY.trailing_zeros();
    w0 >> TAG_SHIFT | form << 16 | u32::try_from(attached).unwrap_or(0).min(0x3fff) << 18
}

/// Whether the words of an outbox entry say that a letter of the satchel belongs to it.
#[must_use]
pub fn has_letter(e: &Entry) -> bool {
    e.head & (flag::ARITY | flag::SLOT) == flag::ARITY
}
