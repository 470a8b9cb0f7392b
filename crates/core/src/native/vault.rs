//! Where messages lie: blocks in process-wide slabs, one free list per size and thread.
//!
//! A block begins with what can be done to it (a [`Kind`]), the message follows. It is written once, by the sender, and read once,
//! by the receiver; on the way only its number travels, in the payload word of an entry. Blocks are carved out of chunks of two
//! megabytes that are never given back, so a number leads to its block by one look at a table, on every thread.
//!
//! A thread frees into lists of its own and takes from them. When two full lists have come together it hands one to the other
//! threads, and takes one of theirs before it carves: so it is with a thread that only sends and one that only receives.

use super::error::AskError;
use std::alloc::{Layout, alloc, handle_alloc_error};
use std::cell::UnsafeCell;
use std::fmt;
use std::mem::{align_of, size_of};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering::Acquire, Ordering::Release};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Blocks begin at multiples of this many bytes of their chunk.
const UNIT_BITS: u32 = 4;
/// Bytes of a chunk.
const CHUNK: usize = 1 << 21;
/// Units of a chunk, as bits of a block's number.
const PLACE_BITS: u32 = 21 - UNIT_BITS;
/// 8,192 chunks: 16 GiB of messages that wait.
const CHUNKS: usize = 1 << 13;
/// The smallest block, and every doubling up to the largest.
const SMALLEST: usize = 16;
/// 16, 32, … 65,536 bytes.
const CLASSES: usize = 13;
/// The largest block.
pub(crate) const LARGEST: usize = SMALLEST << (CLASSES - 1);
/// No block.
const NONE: u32 = 0;

/// What can be done to a block: a function of its message's type and of whom it is for.
pub(crate) struct Kind {
    /// Hands the message to the actor, and frees the block.
    pub(crate) run: unsafe fn(Block, &super::run::Hand) -> super::run::Came,
    /// Drops the message, whose reader there is none, and frees the block.
    pub(crate) lose: unsafe fn(Block, AskError),
    /// What the message is called.
    pub(crate) name: fn() -> &'static str,
}

/// The number of a block that is in use. Dropping it does nothing: whoever has it runs it, loses it or takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block(u32);

/// How a block with a `P` behind its kind lies.
struct Shape<P>(std::marker::PhantomData<P>);

impl<P> Shape<P> {
    const AT: usize = if align_of::<P>() > size_of::<usize>() { align_of::<P>() } else { size_of::<usize>() };
    const CLASS: usize = {
        let size = Self::AT + size_of::<P>();
        assert!(size <= LARGEST && align_of::<P>() <= 4096, "a message of more than 64 KiB: put it into a Box");
        class(size)
    };
}

/// The smallest size that has room for so many bytes.
const fn class(size: usize) -> usize {
    let rounded = if size < SMALLEST { SMALLEST } else { size.next_power_of_two() };
    (rounded.trailing_zeros() - SMALLEST.trailing_zeros()) as usize
}

/// A block whose owner knows what lies in it: it has no kind.
pub(crate) struct Room {
    block: u32,
    class: u32,
}

/// Room for an `F`, and where; none when it is larger than the largest block.
#[inline(always)]
pub(crate) fn room<F>() -> Option<(Room, NonNull<F>)> {
    // a block is aligned as its size is, up to a chunk's 64 KiB
    let size = const { if align_of::<F>() > size_of::<F>() { align_of::<F>() } else { size_of::<F>() } };
    if size > LARGEST {
        return None;
    }
    let class = class(size);
    let block = take(class);
    let at = NonNull::new(address(block))?.cast();
    Some((Room { block, class: u32::try_from(class).unwrap_or(0) }, at))
}

impl Room {
    /// Frees it.
    ///
    /// # Safety
    /// Nobody uses what lies there.
    pub(crate) unsafe fn give_back(&self) {
        give(self.class as usize, self.block);
    }
}

/// Of a size, how many blocks make a list that is handed to other threads.
const fn batch(class: usize) -> usize {
    let count = (1 << 14) >> class;
    if count > 1024 {
        1024
    } else if count < 4 {
        4
    } else {
        count
    }
}

static TABLE: [AtomicPtr<u8>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];

/// What all threads share: lists of free blocks by size, and where the next chunk is carved.
struct Common {
    lists: [Vec<Vec<u32>>; CLASSES],
    /// Lists without blocks, for whoever needs one.
    empty: Vec<Vec<u32>>,
    chunks: usize,
    /// Where the next region begins in the last chunk.
    next: usize,
}

static COMMON: Mutex<Common> =
    Mutex::new(Common { lists: [const { Vec::new() }; CLASSES], empty: Vec::new(), chunks: 0, next: CHUNK });

fn common() -> MutexGuard<'static, Common> {
    COMMON.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Common {
    /// A fresh region of `count` blocks: the number of the first.
    fn carve(&mut self, class: usize, count: usize) -> u32 {
        let size = SMALLEST << class;
        let bytes = size * count;
        let mut at = self.next.next_multiple_of(size);
        if at + bytes > CHUNK {
            assert!(self.chunks < CHUNKS, "16 GiB of messages wait");
            let layout = Layout::from_size_align(CHUNK, 1 << 16).unwrap_or(Layout::new::<u64>());
            // SAFETY: the layout has a size.
            let Some(chunk) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
            TABLE[self.chunks].store(chunk.as_ptr(), Release);
            // the first unit of all is no block: its number says that there is none
            at = if self.chunks == 0 { size } else { 0 };
            self.chunks += 1;
        }
        self.next = at + bytes;
        let chunk = u32::try_from(self.chunks - 1).unwrap_or(0);
        chunk << PLACE_BITS | u32::try_from(at >> UNIT_BITS).unwrap_or(0)
    }
}

/// One size of one thread. The lists are apart from the blocks: to take one from a list that the blocks themselves were linked in
/// would wait for its memory, which to write it does not.
struct Rack {
    /// Free blocks; as a rule there is room for one more.
    list: Vec<u32>,
    /// Free blocks too: full, or empty.
    spare: Vec<u32>,
    /// Blocks that were carved and never used: the next, and how many.
    fresh: (u32, usize),
}

struct Racks([Rack; CLASSES]);

thread_local! {
    static RACKS: UnsafeCell<Racks> = const {
        UnsafeCell::new(Racks([const { Rack { list: Vec::new(), spare: Vec::new(), fresh: (NONE, 0) } }; CLASSES]))
    };
}

impl Racks {
    #[inline(always)]
    fn take(&mut self, class: usize) -> u32 {
        match self.0[class].list.pop() {
            Some(block) => block,
            None => self.refill(class),
        }
    }

    #[cold]
    fn refill(&mut self, class: usize) -> u32 {
        let rack = &mut self.0[class];
        if !rack.spare.is_empty() {
            std::mem::swap(&mut rack.list, &mut rack.spare);
        } else if rack.fresh.1 == 0 {
            let mut common = common();
            match common.lists[class].pop() {
                Some(full) => common.empty.push(std::mem::replace(&mut rack.list, full)),
                None => rack.fresh = (common.carve(class, batch(class)), batch(class)),
            }
        }
        match rack.list.pop() {
            Some(block) => block,
            None => rack.next_fresh(class),
        }
    }

    #[inline(always)]
    fn give(&mut self, class: usize, block: u32) {
        let rack = &mut self.0[class];
        if rack.list.len() >= batch(class) {
            rack.shelve(class);
        }
        rack.list.push(block);
    }
}

impl Rack {
    fn next_fresh(&mut self, class: usize) -> u32 {
        let (at, left) = self.fresh;
        self.fresh = (at + (1 << class), left - 1);
        at
    }

    /// The list is full.
    #[cold]
    fn shelve(&mut self, class: usize) {
        std::mem::swap(&mut self.list, &mut self.spare);
        if self.list.is_empty() {
            self.list.reserve_exact(batch(class));
            return;
        }
        let mut common = common();
        let empty = common.empty.pop().unwrap_or_default();
        let full = std::mem::replace(&mut self.list, empty);
        common.lists[class].push(full);
        drop(common);
        self.list.reserve_exact(batch(class));
    }
}

impl Drop for Racks {
    fn drop(&mut self) {
        for (class, rack) in self.0.iter_mut().enumerate() {
            let mut lists = [std::mem::take(&mut rack.list), std::mem::take(&mut rack.spare)];
            while rack.fresh.1 > 0 {
                let block = rack.next_fresh(class);
                lists[0].push(block);
            }
            common().lists[class].extend(lists.into_iter().filter(|list| !list.is_empty()));
        }
    }
}

/// Where a block lies.
#[inline(always)]
fn address(block: u32) -> *mut u8 {
    // Relaxed would do: whoever has a number got it from one who saw the chunk. Acquire is as cheap, and needs no such reason
    let chunk = TABLE[(block >> PLACE_BITS) as usize % CHUNKS].load(Acquire);
    let at = ((block & ((1 << PLACE_BITS) - 1)) as usize) << UNIT_BITS;
    // SAFETY: the number is of a block within the chunk.
    unsafe { chunk.add(at) }
}

#[inline(always)]
fn take(class: usize) -> u32 {
    // after the thread's lists were given back (a message sent by another thread-local's destructor) blocks come one by one
    RACKS
        // SAFETY: the thread's own, and nothing that it does comes back here.
        .try_with(|racks| unsafe { (*racks.get()).take(class) })
        .unwrap_or_else(|_| common().carve(class, 1))
}

#[inline(always)]
fn give(class: usize, block: u32) {
    // SAFETY: as above. A block that is freed so late is not used again
    let _ = RACKS.try_with(|racks| unsafe { (*racks.get()).give(class, block) });
}

impl Block {
    /// Writes a message.
    #[inline]
    pub(crate) fn new<P>(kind: &'static Kind, message: P) -> Block {
        let block = take(Shape::<P>::CLASS);
        let at = address(block);
        // SAFETY: the block is ours, and large enough for the kind and a `P` at its place.
        unsafe {
            at.cast::<&'static Kind>().write(kind);
            at.add(Shape::<P>::AT).cast::<P>().write(message);
        }
        Block(block)
    }

    /// The number as it travels.
    pub(crate) fn word(self) -> u32 {
        self.0
    }

    /// The block of a word.
    ///
    /// # Safety
    /// The word came from [`word`](Self::word), and the block was not taken, run or lost since.
    pub(crate) unsafe fn of(word: u32) -> Block {
        Block(word)
    }

    /// What can be done to it.
    #[inline(always)]
    pub(crate) fn kind(self) -> &'static Kind {
        // SAFETY: a block in use begins with its kind.
        unsafe { address(self.0).cast::<&'static Kind>().read() }
    }

    /// The message, where it lies.
    ///
    /// # Safety
    /// It is a `P`, and nobody else has a reference to it.
    pub(crate) unsafe fn message<P>(self) -> *mut P {
        // SAFETY: the caller's promise.
        unsafe { address(self.0).add(Shape::<P>::AT).cast() }
    }

    /// Takes the message out, and frees the block.
    ///
    /// # Safety
    /// It is a `P`, and the block is not used again.
    #[inline(always)]
    pub(crate) unsafe fn take<P>(self) -> P {
        // SAFETY: the caller's promise.
        let message = unsafe { address(self.0).add(Shape::<P>::AT).cast::<P>().read() };
        give(Shape::<P>::CLASS, self.0);
        message
    }

    /// Drops the message where it lies, and frees the block.
    ///
    /// # Safety
    /// As of [`take`](Self::take).
    pub(crate) unsafe fn discard<P>(self) {
        // SAFETY: the caller's promise.
        unsafe { ptr::drop_in_place(self.message::<P>()) };
        give(Shape::<P>::CLASS, self.0);
    }

    /// Nobody will read the message.
    pub(crate) fn lose(self, why: AskError) {
        let kind = self.kind();
        // SAFETY: the block is in use, and of this kind; it is not used again.
        unsafe { (kind.lose)(self, why) }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kind").field("name", &(self.name)()).finish_non_exhaustive()
    }
}
