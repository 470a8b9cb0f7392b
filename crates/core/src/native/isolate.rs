//! What a core thread runs: the isolate of a lane whose actors are Rust.
//!
//! It keeps the rings as an isolate of JavaScript does: what handlers send is written into the outbox, a turn hands it over and
//! brings an inbox, and what did not simply return is marked there. Handlers use the isolate while it runs them (to send, to
//! spawn), so nothing here holds a reference to it across one: it is reached through a raw pointer, and every reference ends
//! before the next user's code begins.

use super::error::{AskError, Cause, Lost, Reason};
use super::foreign::{self, Foreign};
use super::net::Net;
use super::numbers::Whose;
use super::options::{Failure, Phase};
use super::reactor::Reactor;
use super::refs::AnyRef;
use super::run::{Came, Hand};
use super::seat::{self, Head, Seats};
use super::tables::{Arrivals, Tables};
use super::tasks::Tasks;
use super::timers::Timers;
use super::vault::Block;
use crate::entry::{Entry, OP_MASK, TAG_SHIFT, carry, flag, mark, mode, note, op, outcome, phase, reason, word};
use crate::hub::{Pulse, Shared};
use crate::lane::far::Address;
use crate::lane::{Guest, Ran};
use crate::lane::{Lane, Rings};
use crate::limits::{CALL_BITS, CALL_MASK, FAR_CALL};
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
    static HERE: Cell<*mut Isolate> = const { Cell::new(ptr::null_mut()) };
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
    seats: Arc<Seats>,
    pub(super) header: Box<[i32; word::COUNT]>,
    outbox: Box<[Entry]>,
    written: usize,
    pub(super) inbox: Box<[Entry]>,
    marks: Box<[u8]>,
    pub(super) bag: Box<[u8]>,
    pub(super) places: Box<[u32]>,
    pub(super) satchel: Vec<u8>,
    /// What it has when isolates of JavaScript talk to it.
    pub(super) foreign: Option<Box<Foreign>>,
    /// Entries of the inbox.
    filled: usize,
    /// The entry that is run.
    pub(super) at: usize,
    /// How many inboxes there were.
    turns: u32,
    pub(crate) mode: u32,
    /// The actor that runs; 0: none.
    pub(crate) current: u32,
    grants: Vec<(u32, u32)>,
    /// Errands whose messages were written, and are to be handed over.
    pub(crate) errands: u32,
    /// Replies to askers elsewhere, which are told after what was sent before them.
    replies: Vec<Block>,
    own: Tables,
    pub(crate) tasks: Tasks,
    pub(crate) reactor: Reactor,
    /// It runs actors of another thread's lane.
    pub(crate) is_guest: bool,
    /// The message in hand that may be answered later, and the last number of one; see [`super::token`].
    pub(crate) late_now: u32,
    pub(crate) last_late: u32,
    last_link: u32,
    /// A note whose second half comes next.
    pub(super) half: Entry,
    /// The last type of actors that was spawned, and its number.
    class: (usize, u32),
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
        if self.written + 2 > RING {
            self.submit();
        }
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
    fn with_rings(&mut self, call: impl FnOnce(&mut Lane, &mut Rings<'_>, &Claim)) {
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
    fn tell_replies(&mut self) {
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

    /// What a thread runs actors of another lane in: as that lane's isolate, whose own it leaves alone.
    pub(crate) fn visitor(net: &Arc<Net>, place: u32) -> Box<Isolate> {
        let of = net.place(place);
        let mut isolate = Isolate::new(Arc::clone(net), place, Arc::clone(&of.shared), Arc::clone(&of.seats));
        (isolate.is_guest, isolate.turns) = (true, 0);
        isolate
    }

    /// It visits another lane from now on.
    pub(crate) fn visit(&mut self, place: u32) {
        if self.place != place {
            self.give_grants_back();
            let of = self.net.place(place);
            (self.shared, self.seats) = (Arc::clone(&of.shared), Arc::clone(&of.seats));
            (self.place, self.class) = (place, (0, 0));
        }
    }

    /// Runs guests, and hands them back.
    ///
    /// # Safety
    /// A visitor of the guests' lane, to which no reference lives.
    pub(crate) unsafe fn run_guests(this: *mut Isolate, guests: &mut [Guest]) {
        let before = HERE.replace(this);
        // SAFETY: the caller's promise, and as of `dispatch`.
        unsafe {
            for guest in &mut *guests {
                let seat = (*this).seats.get(guest.entry.index);
                (*this).current = guest.entry.index;
                let hand = Hand { here: this, seat: seat.cast(), entry: &raw const guest.entry };
                let block = Block::of(guest.entry.payload);
                let came = (block.kind().run)(block, &hand);
                if guest.entry.corr != 0 {
                    (*this).close_call(guest.entry.corr);
                }
                guest.ran = match came {
                    Came::Failed(cause) => Ran::Threw((*this).keep_cause(cause)),
                    // one that goes on is never lent
                    _ => Ran::Returned,
                };
            }
            (*this).current = 0;
            (*this).with_rings(|lane, io, _| lane.take_guests(io, guests));
        }
        HERE.set(before);
    }

    fn turn(&mut self) {
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

    /// Indices of another lane, which has no use for them here.
    pub(crate) fn give_grants_back(&mut self) {
        let grants = &mut self.grants;
        self.shared.with(|lane| grants.drain(..).for_each(|granted| lane.give_back(granted.0)));
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
            filled + Tasks::poll(this) + usize::from(waits || (*this).written > 0)
        }
    }

    /// Other threads look where it is.
    #[inline(always)]
    fn show_cursor(&mut self, at: i32) {
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

    /// Where what begins now is kept.
    #[inline(always)]
    pub(crate) fn tables<T>(&mut self, body: impl FnOnce(&mut Tables) -> T) -> T {
        if self.is_guest { body(&mut lock(&self.net.place(self.place).guests)) } else { body(&mut self.own) }
    }

    /// Where a number is kept. A guest has none of the isolate's own: who has is not lent.
    #[inline(always)]
    pub(crate) fn tables_of<T>(&mut self, number: u32, body: impl FnOnce(&mut Tables) -> T) -> T {
        match Whose::of(number) {
            Whose::Own => body(&mut self.own),
            Whose::Guests => body(&mut lock(&self.net.place(self.place).guests)),
        }
    }

    /// The same, of a call.
    #[inline(always)]
    pub(crate) fn calls_of<T>(&mut self, corr: u32, body: impl FnOnce(&mut super::calls::Calls) -> T) -> T {
        self.tables_of(corr & CALL_MASK, |tables| body(&mut tables.calls))
    }

    /// A call within the lane is over.
    #[inline(always)]
    fn close_call(&mut self, corr: u32) {
        if self.is_guest && Whose::of(corr & CALL_MASK) == Whose::Own {
            self.net.place(self.place).arrive(|arrivals| arrivals.closed.push(corr));
        } else {
            self.calls_of(corr, |calls| calls.close(corr));
        }
    }

    /// What guests left for it.
    #[cold]
    fn take_arrivals(&mut self) {
        let Arrivals { closed, tasks } = self.net.place(self.place).take_arrivals();
        for corr in closed {
            self.close_call(corr);
        }
        for (future, index) in tasks {
            self.add_task(future, index);
        }
    }

    /// A future that goes on for an actor, and is nothing that the lane knows of.
    pub(crate) fn add_task(&mut self, future: super::tasks::Sendable, index: u32) {
        if self.is_guest {
            return self.net.place(self.place).arrive(|arrivals| arrivals.tasks.push((future, index)));
        }
        let seat = self.seats.get(index);
        if !seat.is_null() {
            let task = self.tasks.add(future.into(), &Entry { index, ..Entry::default() }, 0);
            // SAFETY: a seat of this lane, which is this thread's.
            unsafe { seat::ends(seat) }.tasks.push(task);
        }
    }

    /// Keeps what an actor failed with; its number.
    pub(crate) fn keep_cause(&mut self, cause: Cause) -> u32 {
        self.tables(|tables| tables.keep_cause(cause))
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
    fn reason(&self, index: u32, number: u32) -> Reason {
        self.net.place(self.place).end_of(index, self.age(index), number)
    }

    /// What its instance began is over.
    fn instance_over(this: *mut Isolate, index: u32) {
        // SAFETY: the thread's own isolate; destructors of users' values run while no reference to it lives.
        unsafe {
            let seat = (*this).seats.get(index);
            if seat.is_null() {
                return;
            }
            foreign::streams_over(this, index);
            if let Some(ends) = seat::ends_if(seat) {
                let (late, goes_on) = (std::mem::take(&mut ends.late), std::mem::take(&mut ends.goes_on));
                for task in std::mem::take(&mut ends.tasks) {
                    let corr = Tasks::give_up(this, task);
                    (*this).call_is_over(corr, false);
                }
                for (_, corr) in late {
                    (*this).call_is_over(corr, false);
                }
                for (_, block) in goes_on {
                    block.lose(AskError::Ended);
                }
            }
            if let Some(side) = (*seat).side.take() {
                for watch in side.watches {
                    let taken = (*this).tables_of(watch, |tables| tables.watches.take(watch));
                    drop(taken);
                }
                Timers::forget(this, side.timers);
            }
            ((*seat).shape.empty)(seat.cast());
        }
    }
}

/// Runs an entry of the inbox.
///
/// # Safety
/// The thread's own isolate, to which no reference lives; the entry is one of its inbox.
#[inline(always)]
unsafe fn dispatch(this: *mut Isolate, at: *const Entry) {
    // SAFETY: the caller's promise, here and below: every reference to the isolate ends before a user's function begins.
    unsafe {
        let (head, index) = ((*at).head, (*at).index);
        if head & OP_MASK != note::MSG {
            return dispatch_note(this, &*at);
        }
        let seat = (*this).seats.get(index);
        if seat.is_null() || (*seat).held == (*this).turns {
            return hold(this, &*at);
        }
        (*this).current = index;
        let hand = Hand { here: this, seat: seat.cast(), entry: at };
        if head & flag::SLOT == 0 {
            return foreign::message(this, seat, at);
        }
        let block = Block::of((*at).payload);
        let came = (block.kind().run)(block, &hand);
        match came {
            Came::Returned => {
                if (*at).corr != 0 {
                    (*this).reply_far((*at).corr, true);
                }
            }
            came => came_to(this, seat, at, came),
        }
    }
}

/// An entry that is not run now goes back.
unsafe fn hold(this: *mut Isolate, entry: &Entry) {
    // SAFETY: as of `dispatch`.
    let this = unsafe { &mut *this };
    let at = this.at;
    this.marks[at] = mark::HELD | (entry.op().to_le_bytes()[0]) << 3;
    this.inbox[at].head &= !OP_MASK;
}

/// An entry did not simply return.
#[cold]
#[inline(never)]
unsafe fn came_to(this: *mut Isolate, seat: *mut Head, at: *const Entry, came: Came) {
    // SAFETY: as of `dispatch`; the seat is the entry's actor's, which nobody else uses.
    unsafe {
        let entry = &{ *at }; // futures begin here, which are users' code: no reference into the inbox lives meanwhile
        let is_message = entry.op() == note::MSG;
        let came = match came {
            Came::Promised(future) => {
                let corr = if is_message { entry.corr } else { 0 };
                match Tasks::begin(this, future, entry, corr) {
                    Ok(task) => {
                        (*this).mark(mark::PROMISED);
                        seat::ends(seat).tasks.push(task);
                        if !is_message || !entry.has(flag::ASYNC) {
                            (*this).hold_back(entry.index);
                        }
                        return;
                    }
                    Err(Ok(())) => Came::Returned,
                    Err(Err(cause)) => Came::Failed(cause),
                }
            }
            came => came,
        };
        match came {
            Came::Returned => {
                if is_message && entry.corr != 0 {
                    (*this).reply_far(entry.corr, true);
                }
                if entry.op() == note::START {
                    seat::has_started(seat);
                }
            }
            Came::Promised(_) => {}
            Came::Failed(cause) => {
                (*this).mark(mark::THREW);
                let number = (*this).keep_cause(cause);
                let at = (*this).at;
                (*this).inbox[at].payload = number;
                (*this).hold_back(entry.index);
                if is_message && entry.corr != 0 {
                    (*this).reply_far(entry.corr, false);
                }
            }
            Came::Late(token) => {
                (*this).mark(mark::STREAMING);
                seat::ends(seat).late.push((token, entry.corr));
            }
        }
    }
}

/// What is no message.
#[inline(never)]
unsafe fn dispatch_note(this: *mut Isolate, e: &Entry) {
    // SAFETY: as of `dispatch`.
    unsafe {
        let what = e.op();
        let mut seat = (*this).seats.get(e.index);
        if what == note::START && seat.is_null() {
            seat = foreign::birth(this, e);
        }
        let hand = Hand { here: this, seat: seat.cast(), entry: e };
        let runs = matches!(what, note::TIMER | note::WATCH | note::HEALTH | note::RESUME | note::RETURN);
        if runs && (seat.is_null() || (*seat).held == (*this).turns) {
            return hold(this, e);
        }
        match what {
            note::START if !seat.is_null() => {
                (*this).current = e.index;
                came_to(this, seat, e, ((*seat).shape.start)(&hand));
            }
            note::STOP if !seat.is_null() => {
                // of an instance that makes way for another one nothing is kept but the error
                let cause = if e.payload == reason::FAILED { (*this).cause(e.from) } else { None };
                let why = cause.map_or_else(|| (*this).reason(e.index, e.payload), Reason::Failed);
                (*this).current = e.index;
                came_to(this, seat, e, ((*seat).shape.stop)(&hand, &why));
            }
            note::ENDED => {
                if e.payload == reason::KILLED {
                    (*this).net.place((*this).place).keep_end(e.index, e.age, Reason::Killed);
                    let net = &(*this).net;
                    net.killed.fetch_add(1, Relaxed);
                }
                let why = (*this).reason(e.index, e.payload);
                foreign::ended(this, e, &why);
                Isolate::instance_over(this, e.index);
                (*this).seats.put(e.index, ptr::null_mut());
                if !seat.is_null() {
                    if let Some(ends) = (*seat).ends.take() {
                        for waits in ends.stopped {
                            waits.settle(Ok(why.clone()));
                        }
                    }
                    ((*seat).shape.free)(seat.cast());
                }
            }
            note::DOWN => Isolate::instance_over(this, e.index),
            note::TIMER => {
                (*this).current = e.index;
                let came = Timers::fire(this, e.payload, e.corr == 1, &hand);
                came_to(this, seat, e, came);
            }
            note::WATCH => {
                let taken = (*this).tables_of(e.payload, |tables| tables.watches.take(e.payload));
                let Some((target, then)) = taken else { return };
                if let Some(side) = &mut (*seat).side {
                    side.watches.retain(|w| *w != e.payload);
                }
                let why = (*this).end_of(&target, e.from);
                (*this).current = e.index;
                came_to(this, seat, e, then(&hand, why));
            }
            note::HEALTH => {
                (*this).current = e.index;
                came_to(this, seat, e, ((*seat).shape.check)(&hand));
            }
            note::RESUME => {
                (*this).current = e.index;
                if foreign::is_foreign(seat) {
                    foreign::resumed(this, e);
                } else {
                    came_to(this, seat, e, super::proceed::go_on(&hand, e.payload));
                }
            }
            note::RETURN => {
                (*this).current = e.index;
                foreign::returned(this, e);
            }
            note::DEAD => {
                (*this).half = *e;
                foreign::mark_dead(this, e);
            }
            note::FAILED => (*this).half = *e,
            note::REASON => lost(this, e),
            note::TIMEOUT => {
                let why = AskError::TimedOut { deadlock: e.payload == 1 };
                let share = (*this).calls_of(e.corr, |calls| calls.late(e.corr));
                if let Some(share) = share {
                    share.lose(why);
                }
            }
            note::ACCEPTED => (*this).calls_of(e.corr, |calls| calls.accepted(e.corr)),
            note::DECIDE => {
                let answer = decide(this, e);
                let age = (*this).age(e.index);
                (*this).put(Entry { head: op::DECISION, index: e.index, age, payload: answer, from: 0, corr: 0 });
            }
            note::VERDICT => verdict(this, e),
            // nobody is above the root of a lane: the others end with it
            note::ESCALATED if e.index == crate::lane::ROOT && e.corr == 1 && (*this).foreign.is_none() => {
                let net = Arc::clone(&(*this).net);
                net.end_lanes((*this).with_lane(|lane| lane.defaults().escalate.unwrap_or(u32::MAX)));
            }
            note::CLOSED => (*this).closed = true,
            note::CARRY => carried(this, e),
            _ => {}
        }
    }
}

impl Isolate {
    /// Why a watched actor ended.
    fn end_of(&self, target: &AnyRef, number: u32) -> Reason {
        let Some(to) = Address::of(target.word).filter(|_| target.system == self.system) else {
            return Reason::Unknown;
        };
        let place = self.net.place(to.lane);
        // of one that had ended before it was watched the lane of the watcher knows nothing
        let known = || place.shared.with(|lane| lane.end_known(to.index, target.age).0);
        let number = if number == reason::UNKNOWN { known() } else { number };
        place.end_of(to.index, target.age, number)
    }
}

/// A message is a dead letter; the isolate keeps its words in `half`.
unsafe fn lost(this: *mut Isolate, e: &Entry) {
    // SAFETY: as of `dispatch`.
    unsafe {
        foreign::published(this, e);
        let letter = std::mem::take(&mut (*this).half);
        let why = Lost::of(e.index);
        let listens = (*this).net.listens() & mode::DEAD != 0;
        if letter.has(flag::SLOT) {
            let block = Block::of(letter.payload);
            let name = (block.kind().name)();
            block.lose(AskError::Lost(why));
            if listens {
                let target = (*this).any(letter.index, letter.age);
                (*this).net.dead_letter(&super::net::DeadLetter { target, message: name, why });
            }
        }
        let share = (*this).calls_of(letter.corr, |calls| calls.take(letter.corr));
        if let Some(share) = share {
            share.lose(AskError::Lost(why));
        }
    }
}

/// What a supervisor's `decide` says.
unsafe fn decide(this: *mut Isolate, e: &Entry) -> u32 {
    // SAFETY: as of `dispatch`.
    unsafe {
        let failure = (*this).failure(e, e.age);
        let seat = (*this).seats.get(e.corr);
        let decide = if e.corr == 0 {
            (*this).net.root_decides()
        } else if seat.is_null() {
            None
        } else {
            seat::ends_if(seat).and_then(|ends| ends.decide.clone())
        };
        let Some(decide) = decide else { return 0 };
        let answer = super::run::guard(|| decide(&failure)).ok().flatten();
        // there is no instance to go on with
        let answer = answer.filter(|a| !(e.from == phase::START && *a == super::options::Directive::Resume));
        answer.map_or(0, super::options::Directive::number)
    }
}

impl Isolate {
    /// The age of an index of this lane that is in use.
    pub(crate) fn age(&self, index: u32) -> u32 {
        let seat = self.seats.get(index);
        // SAFETY: a seat of this lane; its age is never written after it was put there.
        if seat.is_null() { 0 } else { unsafe { (*seat).age } }
    }

    fn failure(&mut self, e: &Entry, restarts: u32) -> Failure {
        let age = self.age(e.index);
        let cause = self.cause(e.payload).unwrap_or_else(|| {
            Cause::core(match e.from {
                phase::START => "it did not start in time",
                phase::HEALTH => "a health check was not answered in time",
                phase::LINK => "an actor that it is linked to ended",
                phase::CHILD => "its children failed too often, or one escalated",
                _ => "failed",
            })
        });
        Failure { child: self.any(e.index, age), cause, phase: Phase::of(e.from), restarts }
    }
}

/// What is done about the failure in `half`.
unsafe fn verdict(this: *mut Isolate, e: &Entry) {
    // SAFETY: as of `dispatch`.
    unsafe {
        let failed = std::mem::take(&mut (*this).half);
        let failure = (*this).failure(&failed, e.age);
        let is_final = e.index != crate::entry::directive::RESTART && e.index != crate::entry::directive::RESUME;
        let seat = (*this).seats.get(failed.index);
        if !seat.is_null() && is_final && e.corr != 1 {
            (*this).net.place((*this).place).keep_end(failed.index, (*seat).age, Reason::Failed(failure.cause.clone()));
        }
        (*this).told(failed.payload);
        foreign::own_verdict(this, &failed, e);
        (*this).net.failed(&failure, super::options::Directive::from_number(e.index));
    }
}

/// Something from elsewhere.
unsafe fn carried(this: *mut Isolate, e: &Entry) {
    // SAFETY: as of `dispatch`.
    unsafe {
        match e.tag() {
            carry::REPLY | carry::OVER => (*this).close_call(e.corr),
            carry::REFUSED => {
                let share = (*this).calls_of(e.corr, |calls| calls.take(e.corr));
                if let Some(share) = share {
                    share.lose(AskError::Lost(Lost::of(e.payload)));
                }
            }
            carry::ACCEPTED => {
                (*this).calls_of(e.corr, |calls| calls.accepted(e.corr));
                if e.from != 1 {
                    (*this).close_call(e.corr);
                }
            }
            carry::ERRAND => super::net::errand(this, Block::of(e.payload)),
            _ => foreign::carried(this, e),
        }
    }
}
