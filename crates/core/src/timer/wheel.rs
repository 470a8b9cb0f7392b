//! The timing wheel: many timers, one clock that is not here. Time is a number of milliseconds
//! that the caller passes in; the wheel only compares.
//!
//! Eleven levels of 64 slots cover all 64 bits of time. A timer waits at the level of the highest
//! base-64 digit in which its deadline differs from the wheel's time, in the slot of that digit:
//!
//! ```text
//! time 0o_03_17_05   deadline 0o_03_17_44  level 0, slot 0o44    fires straight from there
//!                    deadline 0o_03_21_00  level 1, slot 0o21    moves down when time gets there
//!                    deadline 0o_04_00_12  level 2, slot 0o04
//! ```
//!
//! Three things follow, and the code leans on them:
//! - All timers of one level come before all of the next, and within a level slots are in order,
//!   so the earliest slot is the lowest bit of the lowest level that is not empty.
//! - Where a timer waits depends on its deadline and the wheel's time alone. Time moves on only to
//!   the start of the earliest slot, whose timers are then placed anew in order, or within the gap
//!   before it, which changes no placement. So timers of one millisecond are always in one slot,
//!   in the order of their insertion.
//! - Nothing overflows: a deadline of a million years waits at level 9.
//!
//! # Ordering
//! Timers come out by deadline, and for one millisecond in the order of insertion. A deadline in
//! the past counts as the wheel's time.

/// Bits of one digit: 64 slots fit one word, so a level is searched with one instruction.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
/// As many as 64 bits of time have digits.
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;
/// Where timers wait whose deadline is [`NEVER`]; one past the last slot, and in no level that is searched.
const NEVER_SLOT: u32 = (LEVELS * SLOTS) as u32;
/// Nodes below this index are the heads of the slots' lists.
const HEADS: u32 = NEVER_SLOT + 1;
/// In `prev`: the node is not in a list. In `next`: the free list ends.
const NONE: u32 = u32::MAX;

/// The deadline of a timer that never fires, but has a key and can be removed.
pub const NEVER: u64 = u64::MAX;

const _: () = assert!(SLOTS == u64::BITS as usize && LEVELS < u16::BITS as usize);
const _: () = assert!(size_of::<Node>() == 24);

/// Names a timer from its insertion until it is popped or removed. Then the number is given to
/// another timer: forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerKey(pub u32);

/// A timer, or the head of a slot's circular list (its `deadline` and `token` mean nothing).
#[derive(Debug, Clone, Copy)]
struct Node {
    deadline: u64,
    token: u64,
    next: u32,
    prev: u32,
}

/// The wheel. One per loop, used by its thread alone.
#[derive(Debug)]
pub struct Wheel {
    /// Never after the time of the last `pop_due`, never after the earliest deadline.
    time: u64,
    /// The heads, then the timers. Grows to the most timers ever, and stays.
    nodes: Vec<Node>,
    /// First free node; linked by `next`.
    free: u32,
    len: usize,
    /// One bit per level with a bit in `occupied`; the pseudo-level of NEVER_SLOT has none.
    levels: u16,
    /// One bit per slot with timers.
    occupied: [u64; LEVELS + 1],
}

/// The heads of all slots, with room for a few timers. Made for the first one: many wheels never have any.
#[cold]
fn heads() -> Vec<Node> {
    let mut nodes = Vec::with_capacity(HEADS as usize + 32);
    nodes.extend((0..HEADS).map(|slot| Node { deadline: 0, token: 0, next: slot, prev: slot }));
    nodes
}

impl Wheel {
    /// An empty wheel at this time. (At time [`NEVER`] it would be of no use any more.)
    #[must_use]
    pub fn new(now: u64) -> Self {
        Self { time: now, nodes: Vec::new(), free: NONE, len: 0, levels: 0, occupied: [0; LEVELS + 1] }
    }

    /// How many timers wait, those that never fire included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a timer. `token` is the caller's and comes back with it.
    #[inline]
    pub fn insert(&mut self, deadline: u64, token: u64) -> TimerKey {
        let deadline = deadline.max(self.time);
        let key = self.free;
        let key = if key == NONE {
            if self.nodes.is_empty() {
                self.nodes = heads();
            }
            self.nodes.push(Node { deadline, token, next: NONE, prev: NONE });
            // Fits: 2^32 nodes are 96 GiB, and the allocation fails before.
            (self.nodes.len() - 1) as u32
        } else {
            let node = &mut self.nodes[key as usize];
            self.free = node.next;
            (node.deadline, node.token) = (deadline, token);
            key
        };
        self.len += 1;
        self.place(key, deadline);
        TimerKey(key)
    }

    /// Takes a timer out before it fires; returns its token, or nothing when the key names no timer.
    #[inline]
    pub fn remove(&mut self, key: TimerKey) -> Option<u64> {
        let node = *self.nodes.get(key.0 as usize)?;
        if key.0 < HEADS || node.prev == NONE {
            return None;
        }
        self.take_out(key.0, node);
        Some(node.token)
    }

    /// The earliest timer due at `now` and its deadline (never after `now`); nothing when none is.
    ///
    /// Call it until it returns nothing. In between, timers may be inserted and removed; one
    /// inserted for `now` or earlier comes out in the same series, so a caller that answers each
    /// timer with such a one must bound the series itself. A `now` before an earlier one finds nothing new.
    #[inline]
    pub fn pop_due(&mut self, now: u64) -> Option<(u64, u64)> {
        loop {
            let Some((slot, start)) = self.earliest_slot() else {
                self.time = self.time.max(now);
                return None;
            };
            if start > now {
                // The gap before the earliest slot: every timer's highest differing digit, and so
                // its place, is the same anywhere in it.
                self.time = self.time.max(now);
                return None;
            }
            self.time = start;
            if slot < SLOTS as u32 {
                let key = self.nodes[slot as usize].next;
                let node = self.nodes[key as usize];
                self.take_out(key, node);
                return Some((node.token, node.deadline));
            }
            self.cascade(slot);
        }
    }

    /// When `pop_due` next has something to do: the start of the earliest slot, in constant time.
    /// What a loop arms its wake-up with.
    ///
    /// Never after the earliest deadline; equal to it when both have all but the last digit in
    /// common, else too early by less than the slot is wide. A `pop_due` at that moment moves the
    /// slot's timers down, so a timer wakes its loop in vain at most once per level: twice for
    /// one of five seconds, ten times for one of a million years.
    #[must_use]
    #[inline]
    pub fn next_check(&self) -> Option<u64> {
        self.earliest_slot().map(|(_, start)| start)
    }

    /// The earliest deadline, exactly. Walks one slot when it is more than 64 ms away: for tests,
    /// displays and clocks advanced by hand.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let (slot, start) = self.earliest_slot()?;
        if slot < SLOTS as u32 {
            return Some(start);
        }
        let mut earliest = NEVER;
        let mut key = self.nodes[slot as usize].next;
        while key != slot {
            let node = &self.nodes[key as usize];
            earliest = earliest.min(node.deadline);
            key = node.next;
        }
        Some(earliest)
    }

    /// The earliest slot with timers and the first millisecond it stands for.
    #[inline]
    fn earliest_slot(&self) -> Option<(u32, u64)> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros();
        let digit = self.occupied[level as usize].trailing_zeros();
        // Time's digits above the level, then ours, then zeros. Two shifts each, because the
        // highest level has only four bits and shifting a word by its width is an error.
        let shift = level * BITS;
        let above = self.time >> shift >> BITS << BITS;
        Some((level * SLOTS as u32 + digit, (above | u64::from(digit)) << shift))
    }

    /// Appends a timer to the slot it waits in.
    #[inline]
    fn place(&mut self, key: u32, deadline: u64) {
        let slot = if deadline == NEVER { NEVER_SLOT } else { slot_of(self.time, deadline) };
        let last = self.nodes[slot as usize].prev;
        let node = &mut self.nodes[key as usize];
        (node.next, node.prev) = (slot, last);
        self.nodes[last as usize].next = key;
        self.nodes[slot as usize].prev = key;
        let level = slot as usize / SLOTS;
        self.occupied[level] |= 1 << (slot as usize % SLOTS);
        self.levels |= (1 << level) & ((1 << LEVELS) - 1);
    }

    /// Unlinks a timer and frees its node.
    #[inline]
    fn take_out(&mut self, key: u32, node: Node) {
        self.nodes[node.prev as usize].next = node.next;
        self.nodes[node.next as usize].prev = node.prev;
        if node.prev == node.next {
            self.vacate(node.next); // both are the head of its slot: it was the only one
        }
        let vacant = &mut self.nodes[key as usize];
        (vacant.next, vacant.prev) = (self.free, NONE);
        self.free = key;
        self.len -= 1;
    }

    /// Marks a slot as empty.
    #[inline]
    fn vacate(&mut self, slot: u32) {
        let level = slot as usize / SLOTS;
        self.occupied[level] &= !(1 << (slot as usize % SLOTS));
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }

    /// Time has reached the slot's start: places its timers anew, in order, all at lower levels.
    #[cold]
    fn cascade(&mut self, slot: u32) {
        let head = &mut self.nodes[slot as usize];
        let mut key = head.next;
        (head.next, head.prev) = (slot, slot);
        self.vacate(slot);
        while key != slot {
            let Node { deadline, next, .. } = self.nodes[key as usize];
            self.place(key, deadline);
            key = next;
        }
    }
}

/// The slot in which a timer of this deadline waits at this time (not after the deadline).
#[inline]
fn slot_of(time: u64, deadline: u64) -> u32 {
    // The lowest digit is forced to differ, so that a timer due now waits at level 0.
    let level = ((time ^ deadline) | (SLOTS as u64 - 1)).ilog2() / BITS;
    let digit = (deadline >> (level * BITS)) as u32 % SLOTS as u32;
    level * SLOTS as u32 + digit
}
