//! What a core thread runs: the isolate of a lane whose actors are Rust.
//!
//! It keeps the rings as an isolate of JavaScript does: what handlers send is written into the outbox, a turn hands it over and
//! brings an inbox, and what did not simply return is marked there. Handlers use the isolate while it runs them (to send, to
//! spawn), so nothing here holds a reference to it across one: it is reached through a raw pointer, and every reference ends
//! before the next user's code begins.

use super::dispatch::dispatch;
use super::error::{AskError, Cause, Reason};
use super::foreign::{self, Foreign};
use super::net::Net;
use super::numbers::Whose;
use super::reactor::Reactor;
use super::refs::AnyRef;
use super::run::Hand;
use super::seat::Seats;
use super::tables::Tables;
use super::tasks::Tasks;
use super::vault::Block;
use crate::entry::{Entry, TAG_SHIFT, carry, flag, mode, op, outcome, word};
use crate::hub::{Pulse, Shared};
use crate::lane::far::Address;
use crate::lane::{Lane, Rings};
use crate::limits::{CALL_BITS, FAR_CALL};
use crate::sched::claim::Claim;
use crate::sync::lock;
use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// Entries of a ring: 24 KiB each, which stay in the first levels of the cache.
const RING: usize = 1024;
/// Indices that are granted at once.
const GRANTS: usize = 64;

thread_local! {
    pub(super) static HERE: Cell<*mut Isolate> = const { Cell::new(ptr::null_mut()) };
    /// The same, but also while the thread runs what is no actor's.
    static CORE: Cell<*mut Isolate> = const { Cell::new(ptr::null_mut()) };
}

/// Whether the calling thread is a core thread of some system.
pub(crate) fn is_core_thread() -> bool {
    !CORE.get().is_null() || !HERE.get().is_null()
}

/// The isolate of the lane of the calling thread, whose actors it may not be running just now; null when it has none.
#[cfg(feature = "tokio")]
pub(crate) fn core() -> *mut Isolate {
    CORE.get()
}

/// The system of the calling thread if it is a core thread.
pub(crate) fn net() -> Option<Arc<Net>> {
    let core = CORE.get();
    // SAFETY: the isolate of this thread, whose `net` is never written after it was made.
    (!core.is_null()).then(|| unsafe { Arc::clone(&(*core).net) })
}

/// Runs what is no actor's on this core thread, a reactor: what it sends or wakes takes the way of any other thread, which wakes
/// the lane if it sleeps.
#[cfg(feature = "tokio")]
pub(crate) fn aside<T>(run: impl FnOnce() -> T) -> T {
    struct Back(*mut Isolate);
    impl Drop for Back {
        fn drop(&mut self) {
            HERE.set(self.0);
        }
    }
    let _back = Back(HERE.replace(ptr::null_mut()));
    run()
}

/// Whether an isolate is the one that the calling thread runs.
pub(crate) fn is_current(isolate: *mut Isolate) -> bool {
    HERE.get() == isolate
}

/// The isolate of the calling thread if it is one of this system; null otherwise.
#[inline(always)]
pub(crate) fn here(system: u32) -> *mut Isolate {
    let here = HERE.get();
    // SAFETY: the pointer is that of the isolate which this thread runs, and `system` is never written after it was made.
    if !here.is_null() && unsafe { (*here).system } == system { here } else { ptr::null_mut() }
}

/// Who asks on this thread: the lane of its isolate, plus one; 0 when it has none of this system.
#[inline(always)]
pub(crate) fn asker(system: u32) -> u32 {
    let here = here(system);
    // SAFETY: as above; `place` is never written either.
    if here.is_null() { 0 } else { unsafe { (*here).place + 1 } }
}

/// Keeps a cell whose outcome is told when the outbox was handed over. Whether that is so: the asker is elsewhere.
#[inline(always)]
pub(crate) fn defer(asker: u32, cell: Block) -> bool {
    let here = HERE.get();
    // SAFETY: the isolate of this thread; handlers, which reply, run while no reference to it lives.
    let Some(here) = (unsafe { here.as_mut() }).filter(|here| here.place + 1 != asker || here.is_guest) else {
        return false;
    };
    here.replies.push(cell);
    true
}

/// See the module.
pub(crate) struct Isolate {
    pub(crate) system: u32,
    pub(crate) place: u32,
    pub(crate) net: Arc<Net>,
    pub(super) shared: Arc<Shared>,
    pub(super) seats: Arc<Seats>,
    pub(super) header: Box<[i32; word::COUNT]>,
    pub(super) outbox: Box<[Entry]>,
    pub(super) written: usize,
    pub(super) inbox: Box<[Entry]>,
    pub(super) marks: Box<[u8]>,
    pub(super) bag: Box<[u8]>,
    pub(super) places: Box<[u32]>,
    pub(super) satchel: Vec<u8>,
    /// What it has when isolates of JavaScript talk to it.
    pub(super) foreign: Option<Box<Foreign>>,
    /// Entries of the inbox.
    pub(super) filled: usize,
    /// The entry that is run.
    pub(super) at: usize,
    /// How many inboxes there were.
    pub(super) turns: u32,
    pub(crate) mode: u32,
    /// The actor that runs; 0: none.
    pub(crate) current: u32,
    pub(super) grants: Vec<(u32, u32)>,
    /// Errands whose messages were written, and are to be handed over.
    pub(crate) errands: u32,
    /// Replies to askers elsewhere, which are told after what was sent before them.
    pub(super) replies: Vec<Block>,
    pub(super) own: Tables,
    pub(crate) tasks: Tasks,
    pub(crate) reactor: Reactor,
    /// It runs actors of another thread's lane.
    pub(crate) is_guest: bool,
    /// The message in hand that may be answered later, and the last number of one; see [`super::token`].
    pub(crate) late_now: u32,
    pub(crate) last_late: u32,
    pub(super) last_link: u32,
    /// A note whose second half comes next.
    pub(super) half: Entry,
    /// The last type of actors that was spawned, and its number.
    pub(super) class: (usize, u32),
    /// The root has ended.
    pub(crate) closed: bool,
}

impl Isolate {
    pub(crate) fn new(net: Arc<Net>, place: u32, shared: Arc<Shared>, seats: Arc<Seats>) -> Box<Isolate> {
        shared.with(|lane| lane.lend_only(flag::SLOT, super::run::HOME));
        let entries = || vec![Entry::default(); RING].into_boxed_slice();
        Box::new(Isolate {
            system: net.id,
            place,
            tasks: Tasks::new(&net, place),
            reactor: Reactor::none(),
            net,
            shared,
            seats,
            header: Box::new([0; word::COUNT]),
            outbox: entries(),
            written: 0,
            inbox: entries(),
            marks: vec![0; RING].into_boxed_slice(),
            bag: Box::default(),
            places: vec![0; RING].into_boxed_slice(),
            satchel: Vec::new(),
            foreign: None,
            filled: 0,
            at: 0,
            turns: 1,
            mode: 0,
            current: 0,
            grants: Vec::new(),
            errands: 0,
            replies: Vec::new(),
            own: Tables::new(Whose::Own),
            is_guest: false,
            late_now: 0,
            last_late: 0,
            last_link: 0,
            half: Entry::default(),
            class: (0, 0),
            closed: false,
        })
    }

    /// Isolates of JavaScript talk to it.
    pub(crate) fn opens(&mut self) {
        self.foreign = Some(Foreign::new(Arc::clone(&self.net.hub), Arc::clone(&self.shared)));
        self.bag = vec![0; foreign::BAG].into_boxed_slice();
    }

    /// This thread runs it from now on.
    pub(crate) fn enter(&mut self) {
        HERE.set(self);
        CORE.set(self);
    }

    /// No more.
    pub(crate) fn leave() {
        HERE.set(ptr::null_mut());
        CORE.set(ptr::null_mut());
    }

    // -------------------------------------------------------------------------------------- the outbox

    /// Writes an entry.
    #[inline(always)]
    pub(crate) fn put(&mut self, entry: Entry) {
        if self.written == RING {
            self.submit();
        }
        self.outbox[self.written] = entry;
        self.written += 1;
    }

    /// Makes room for so many entries: what is written into the satchel next goes with them.
    pub(super) fn reserve(&mut self, entries: usize) {
        if self.written + entries > RING {
            self.submit();
        }
    }

    /// Writes an entry with its options.
    pub(crate) fn put_with(&mut self, entry: Entry, extra: Entry) {
        self.reserve(2);
        self.put(Entry { head: entry.head | flag::EXT, ..entry });
        self.put(Entry { head: op::EXT, ..extra });
    }

    /// Writes an operation on an actor.
    pub(crate) fn order(&mut self, op: u32, to: AnyRef, payload: u32, from: u32, corr: u32) {
        // an actor of another system is nobody here
        let to = if to.system == self.system { to } else { AnyRef { system: self.system, word: 0, age: u32::MAX } };
        let index = self.local(to.word);
        self.mode |= mode::ORDERED;
        self.put(Entry { head: op, index, age: to.age, payload, from, corr });
    }

    /// An address as the lane wants it: an index when it is its own.
    #[inline(always)]
    pub(crate) fn local(&self, word: u32) -> u32 {
        if word >> crate::limits::INDEX_BITS == self.place + 1 {
            word & ((1 << crate::limits::INDEX_BITS) - 1)
        } else {
            word
        }
    }

    /// The address of an index.
    pub(crate) fn address(&self, index: u32) -> u32 {
        Address { lane: self.place, index }.word()
    }

    /// Who an index and an age are.
    pub(crate) fn any(&self, index: u32, age: u32) -> AnyRef {
        let word = if Address::of(index).is_some() { index } else { self.address(index) };
        AnyRef { system: self.system, word, age }
    }

    #[inline(always)]
    pub(super) fn with_rings(&mut self, call: impl FnOnce(&mut Lane, &mut Rings<'_>, &Claim)) {
        self.header[word::OUT] = i32::try_from(self.written).unwrap_or(0);
        self.header[word::MODE] = (self.mode | self.net.listens()).cast_signed();
        (self.written, self.mode) = (0, 0);
        let Isolate { shared, header, outbox, inbox, marks, bag, places, satchel, errands, net, place, .. } = self;
        let held = shared.hold();
        // SAFETY: the lock is held.
        let lane = unsafe { shared.alone() };
        call(lane, &mut Rings { header: &mut header[..], outbox, inbox, marks, bag, places, satchel }, &shared.claim);
        if *errands > 0 {
            net.errands_are_over(*place, std::mem::take(errands), false);
        }
        drop(held);
        satchel.clear();
        if !self.replies.is_empty() {
            self.tell_replies();
        }
    }

    #[inline(never)]
    pub(super) fn tell_replies(&mut self) {
        let mut replies = std::mem::take(&mut self.replies);
        let this: *mut Isolate = self;
        let hand = Hand { here: this, seat: ptr::null_mut(), entry: &raw const super::net::NOTHING };
        for cell in replies.drain(..) {
            // SAFETY: a share of a cell, given up by `ReplyTo::settle`. A waker may use the isolate: no reference is used meanwhile.
            unsafe { (cell.kind().run)(cell, &hand) };
        }
        // SAFETY: the reference that this was made of is still good.
        unsafe { (*this).replies = replies };
    }

    /// Hands the outbox over in mid-way.
    #[cold]
    pub(crate) fn submit(&mut self) {
        if self.is_guest {
            self.with_rings(|lane, io, _| lane.take_guests(io, &[]));
        } else {
            self.with_rings(|lane, io, _| lane.submit(io));
        }
    }

    pub(super) fn turn(&mut self) {
        self.turns = self.turns.wrapping_add(1).max(1);
        self.with_rings(|lane, io, claim| {
            lane.turn(io);
            claim.open(usize::try_from(io.header[word::IN]).unwrap_or(0));
        });
        self.filled = usize::try_from(self.header[word::IN]).unwrap_or(0);
    }

    /// Grants an index.
    pub(crate) fn grant(&mut self) -> Option<(u32, u32)> {
        if let Some(granted) = self.grants.pop() {
            return Some(granted);
        }
        let grants = &mut self.grants;
        self.shared.with(|lane| grants.extend((0..GRANTS).map_while(|_| lane.grant().ok())));
        self.grants.reverse();
        self.grants.pop()
    }

    pub(crate) fn with_lane<T>(&self, body: impl FnOnce(&mut Lane) -> T) -> T {
        self.shared.with(body)
    }

    pub(crate) fn give_grant_back(&mut self, granted: (u32, u32)) {
        self.grants.push(granted);
    }

    pub(crate) fn seats(&self) -> &Arc<Seats> {
        &self.seats
    }

    /// The number of a type of actors.
    pub(crate) fn class(&mut self, shape: &'static super::seat::Shape) -> u32 {
        let key = ptr::from_ref(shape).addr();
        if self.class.0 != key {
            self.class = (key, self.net.place(self.place).class(shape));
        }
        self.class.1
    }

    // --------------------------------------------------------------------------------------- the inbox

    /// One turn with these bits of [`mode`], and what it gave is run. How many entries there were, and polls of futures.
    ///
    /// # Safety
    /// The thread's own isolate, to which no reference lives.
    pub(crate) unsafe fn cycle(this: *mut Isolate, bits: u32) -> usize {
        // SAFETY: the caller's promise; no reference lives while a handler runs.
        unsafe {
            // what futures are to do is no business of the lane's: it must not sleep over it
            let waits = (*this).tasks.has_ready() || !(*this).replies.is_empty();
            (*this).mode |= bits | if waits { mode::AWAKE } else { 0 };
            if (*this).net.place((*this).place).has_arrivals() {
                (*this).take_arrivals();
            }
            (*this).turn();
            // another thread may take what is behind the claim while a handler takes its time
            let claim = {
                let shared = &(*this).shared;
                &raw const shared.claim
            };
            let (mut at, mut end) = (0, (*claim).more(0));
            while at < end {
                (*this).at = at;
                (*this).show_cursor(i32::try_from(at).unwrap_or(0));
                let entry = (&raw const *(*this).inbox).cast::<Entry>().add(at);
                dispatch(this, entry);
                at += 1;
                if at == end {
                    end = (*claim).more(at);
                }
            }
            let filled = at;
            ((*this).at, (*this).filled) = (filled, filled);
            (*this).show_cursor(!i32::try_from(filled).unwrap_or(0));
            (*this).current = 0;
            (*this).own.timers.rest();
            // looked at after the lane may have fallen asleep: who left something before that did not have to ring
            let arrived = (*this).net.place((*this).place).has_arrivals();
            filled + Tasks::poll(this) + usize::from(waits || arrived || (*this).written > 0)
        }
    }

    /// Other threads look where it is.
    #[inline(always)]
    pub(super) fn show_cursor(&mut self, at: i32) {
        let word = &raw mut self.header[word::CURSOR];
        // SAFETY: a word of ours, which others read in the same way.
        unsafe { AtomicI32::from_ptr(word) }.store(at, Relaxed);
    }

    /// Where other threads look.
    pub(crate) fn pulse(&self) -> Pulse {
        Pulse { header: self.header.as_ptr(), inbox: self.inbox.as_ptr(), length: RING }
    }

    /// When the lane's timer is due: see [`word::NEXT`].
    pub(crate) fn next(&self) -> i32 {
        self.header[word::NEXT]
    }

    /// The root has ended: what still comes is told so.
    ///
    /// # Safety
    /// The thread's own isolate, to which no reference lives.
    pub(crate) unsafe fn end(this: *mut Isolate) {
        // SAFETY: the caller's promise.
        unsafe {
            Tasks::give_all_up(this);
            let orphans = (*this).with_lane(|lane| {
                lane.rest();
                lane.take_orphans()
            });
            for word in orphans {
                Block::of(word).lose(AskError::Ended);
            }
            (*this).tell_replies();
            let calls = [(*this).own.take_calls(), lock(&(*this).net.place((*this).place).guests).take_calls()];
            for share in calls.into_iter().flat_map(super::calls::Calls::into_shares) {
                share.lose(AskError::Ended);
            }
        }
    }

    /// Of this actor nothing more is run in this inbox.
    pub(crate) fn hold_back(&mut self, index: u32) {
        if self.is_guest {
            return; // whom it runs has one message in hand; others are not its to look at
        }
        let seat = self.seats.get(index);
        if !seat.is_null() {
            // SAFETY: a seat of this lane, whose head only this thread uses.
            unsafe { (*seat).held = self.turns };
        }
    }

    /// A number for a link that no other one has in this system.
    pub(crate) fn next_link(&mut self) -> u32 {
        self.last_link = (self.last_link + 1) & ((1 << crate::limits::INDEX_BITS) - 1);
        self.address(self.last_link)
    }

    pub(super) fn cause(&mut self, number: u32) -> Option<Cause> {
        self.tables_of(number, |tables| tables.cause(number))
    }

    /// What follows from a cause was told.
    pub(super) fn told(&mut self, number: u32) {
        self.tables_of(number, |tables| tables.told(number));
    }

    pub(super) fn mark(&mut self, what: u8) {
        let at = self.at;
        self.marks[at] = what;
    }

    /// Tells the lane of the caller, elsewhere, that its call is over: what it came to is in its cell.
    pub(crate) fn reply_far(&mut self, corr: u32, ok: bool) {
        if corr >> CALL_BITS == FAR_CALL {
            let from = if ok { outcome::OK } else { outcome::THREW };
            self.put(Entry { head: op::CARRY | carry::REPLY << TAG_SHIFT, corr, from, ..Entry::default() });
        } else {
            self.close_call(corr);
        }
    }

    /// What an actor's end is put down to.
    pub(super) fn reason(&self, index: u32, number: u32) -> Reason {
        self.net.place(self.place).end_of(index, self.age(index), number)
    }
}
