//! The lane-owned mailbox: plain lists of pooled envelopes, touched by one thread, so without atomics.

use crate::limits::{CALM_TURNS, ENVELOPES_KEPT};

/// No envelope.
pub const NONE: u32 = u32::MAX;

/// A message, or a signal, that waits.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Envelope {
    /// The next one in its list.
    pub next: u32,
    /// As in the entry; the op is the note it will be delivered as.
    pub head: u32,
    /// As in the entry.
    pub payload: u32,
    /// The sender.
    pub from: u32,
    /// The sender's age.
    pub from_age: u32,
    /// The call.
    pub corr: u32,
    /// Not to be handled after this moment, in µs; 0: no such moment.
    pub expires: u64,
}

const _: () = assert!(size_of::<Envelope>() == 32);

/// A list of envelopes, by its two ends.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// The oldest.
    pub head: u32,
    /// The newest; meaningless when the list is empty.
    pub tail: u32,
}

impl Default for List {
    fn default() -> Self {
        List { head: NONE, tail: NONE }
    }
}

impl List {
    /// Whether nothing is in it.
    #[inline(always)]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head == NONE
    }

    /// The oldest, left where it is.
    #[inline(always)]
    #[must_use]
    pub fn first<'a>(&self, pool: &'a Pool) -> Option<&'a Envelope> {
        pool.slots.get(self.head as usize)
    }

    /// Appends.
    #[inline(always)]
    pub fn push(&mut self, pool: &mut Pool, envelope: Envelope) {
        let slot = self.append(pool);
        *slot = Envelope { next: NONE, ..envelope };
    }

    /// Appends an envelope that the caller fills in place: made elsewhere and copied it costs twice as much, because
    /// the processor cannot read in one piece what was just written in several. Its `next` is not to be touched.
    #[inline(always)]
    pub fn append<'a>(&mut self, pool: &'a mut Pool) -> &'a mut Envelope {
        let at = pool.take_free();
        if self.head == NONE {
            self.head = at;
        } else {
            pool.at(self.tail).next = at;
        }
        self.tail = at;
        let slot = pool.at(at);
        slot.next = NONE;
        slot
    }

    /// Puts back to the front.
    pub fn push_front(&mut self, pool: &mut Pool, envelope: Envelope) {
        let at = pool.take_free();
        *pool.at(at) = Envelope { next: self.head, ..envelope };
        if self.head == NONE {
            self.tail = at;
        }
        self.head = at;
    }

    /// Takes the oldest.
    #[inline(always)]
    pub fn pop(&mut self, pool: &mut Pool) -> Option<Envelope> {
        if self.head == NONE {
            return None;
        }
        let envelope = pool.take(self.head);
        self.head = envelope.next;
        Some(envelope)
    }

    /// Takes the oldest if `wanted` accepts it.
    #[inline(always)]
    pub fn pop_if(&mut self, pool: &mut Pool, wanted: impl FnOnce(&Envelope) -> bool) -> Option<Envelope> {
        let slot = pool.slots.get_mut(self.head as usize)?;
        if !wanted(slot) {
            return None;
        }
        let envelope = *slot;
        slot.next = pool.free;
        pool.free = self.head;
        pool.used -= 1;
        self.head = envelope.next;
        Some(envelope)
    }

    /// Takes the first that `wanted` accepts. Linear: for what is rare (abort, eviction).
    pub fn remove(&mut self, pool: &mut Pool, mut wanted: impl FnMut(&Envelope) -> bool) -> Option<Envelope> {
        let (mut before, mut at) = (NONE, self.head);
        while at != NONE {
            let next = pool.at(at).next;
            if wanted(pool.at(at)) {
                if before == NONE {
                    self.head = next;
                } else {
                    pool.at(before).next = next;
                }
                if next == NONE {
                    self.tail = before;
                }
                return Some(pool.take(at));
            }
            (before, at) = (at, next);
        }
        None
    }

    /// Walks the list.
    pub fn iter<'a>(&self, pool: &'a Pool) -> impl Iterator<Item = &'a Envelope> {
        let mut at = self.head;
        std::iter::from_fn(move || {
            let envelope = pool.slots.get(at as usize)?;
            at = envelope.next;
            Some(envelope)
        })
    }
}

/// The envelopes of a lane. Nothing is allocated for a message while the pool is warm.
#[derive(Debug)]
pub struct Pool {
    slots: Vec<Envelope>,
    free: u32,
    used: usize,
    /// Turns in a row in which nothing waited, while there is more memory than need be.
    calm: u32,
}

impl Default for Pool {
    fn default() -> Self {
        Pool { slots: Vec::new(), free: NONE, used: 0, calm: 0 }
    }
}

impl Pool {
    #[inline(always)]
    fn at(&mut self, at: u32) -> &mut Envelope {
        &mut self.slots[at as usize]
    }

    /// An envelope to use; what is in it means nothing.
    #[inline(always)]
    fn take_free(&mut self) -> u32 {
        self.used += 1;
        let at = self.free;
        match self.slots.get(at as usize) {
            Some(slot) => {
                self.free = slot.next;
                at
            }
            None => self.grow(),
        }
    }

    #[inline(always)]
    fn take(&mut self, at: u32) -> Envelope {
        let slot = &mut self.slots[at as usize];
        let envelope = *slot;
        slot.next = self.free;
        self.free = at;
        self.used -= 1;
        envelope
    }

    /// None is free: a fresh one. Memory is touched only when it is needed.
    #[inline(never)]
    fn grow(&mut self) -> u32 {
        if self.slots.len() == self.slots.capacity() {
            // a backlog that outgrows what is kept gets address space for a full mailbox at once: memory is only where it is written,
            // and to move it again and again costs more than the messages
            let many = crate::limits::CAPACITY as usize;
            let len = self.slots.len();
            let more = if (ENVELOPES_KEPT..many).contains(&len) { many - len } else { len.max(64) };
            self.slots.reserve_exact(more);
        }
        self.slots.push(Envelope::default());
        index(self.slots.len() - 1)
    }

    /// How many envelopes are in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Envelope>()
    }

    /// To be called once a turn: gives the memory of a past backlog back when for some turns nothing has waited.
    #[inline]
    pub fn rest(&mut self) {
        if self.slots.len() > ENVELOPES_KEPT {
            self.calm = if self.used == 0 { self.calm + 1 } else { 0 };
            if self.calm == CALM_TURNS {
                *self = Pool::default();
            }
        }
    }
}

/// Indices fit: a pool of 2^32 envelopes would be 128 GiB.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}
