//! Where an actor lies: its state, what makes it anew, and what only few actors have.

use super::actor::Actor;
use super::ctx::Ctx;
use super::error::{Cause, Reason};
use super::options::Decide;
use super::promise::Promise;
use super::reply::ReplyTo;
use super::run::{Came, Hand, guard};
use super::vault::Block;
use std::any::TypeId;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};

/// What can be done to a seat: functions of the actor's type.
pub(crate) struct Shape {
    pub(crate) start: unsafe fn(&Hand) -> Came,
    pub(crate) stop: unsafe fn(&Hand, &Reason) -> Came,
    pub(crate) check: unsafe fn(&Hand) -> Came,
    /// Drops the instance.
    pub(crate) empty: unsafe fn(*mut ()),
    /// Drops all of it.
    pub(crate) free: unsafe fn(*mut ()),
    pub(crate) name: fn() -> &'static str,
    pub(crate) id: fn() -> TypeId,
    /// It cannot be made anew.
    pub(crate) once: bool,
}

/// The beginning of every seat.
#[repr(C)]
pub(crate) struct Head {
    pub(crate) shape: &'static Shape,
    /// Used by whoever runs the actor.
    pub(crate) side: Option<Box<Side>>,
    /// Used by the thread of its lane, while another one may run the actor.
    pub(crate) ends: Option<Box<Ends>>,
    /// Of the inbox with this number nothing more is run.
    pub(crate) held: u32,
    /// The age of its index.
    pub(crate) age: u32,
}

/// What its handlers began, if they did.
#[derive(Default)]
pub(crate) struct Side {
    /// The first of its timers in either table, plus one.
    pub(crate) timers: [u32; 2],
    pub(crate) watches: Vec<u32>,
}

/// What its isolate knows of few actors.
#[derive(Default)]
pub(crate) struct Ends {
    /// Slots of futures that run for it.
    pub(crate) tasks: Vec<u32>,
    /// Messages that are answered later: the number of the token, and the call.
    pub(crate) late: Vec<(u32, u32)>,
    /// What came of asks and is to go on in the actor.
    pub(crate) goes_on: Vec<(u32, Block)>,
    /// What its start waits for.
    pub(crate) starts_when: Option<Promise>,
    pub(crate) decide: Option<Decide>,
    /// Who waits for its end.
    pub(crate) stopped: Vec<ReplyTo<Reason>>,
    /// Who waits for its start.
    pub(crate) started: Vec<ReplyTo<()>>,
}

impl Head {
    pub(crate) fn side(&mut self) -> &mut Side {
        self.side.get_or_insert_default()
    }
}

/// The isolate's record of a seat.
///
/// # Safety
/// The thread of the seat's lane calls, and uses no other reference to the record.
pub(crate) unsafe fn ends<'a>(seat: *mut Head) -> &'a mut Ends {
    // SAFETY: the caller's promise; another thread that runs the actor does not touch this field.
    unsafe { &mut (*seat).ends }.get_or_insert_default()
}

/// The same, if there is one.
///
/// # Safety
/// As of [`ends`].
pub(crate) unsafe fn ends_if<'a>(seat: *mut Head) -> Option<&'a mut Ends> {
    // SAFETY: the caller's promise.
    unsafe { &mut (*seat).ends }.as_deref_mut()
}

/// Who waits for its start is told.
///
/// # Safety
/// As of [`ends`].
pub(crate) unsafe fn has_started(seat: *mut Head) {
    // SAFETY: the caller's promise.
    let waiting = unsafe { ends_if(seat) }.map(|ends| std::mem::take(&mut ends.started));
    for waits in waiting.into_iter().flatten() {
        waits.settle(Ok(()));
    }
}

/// The part that handlers see.
#[repr(C)]
pub(crate) struct Seat<A> {
    head: Head,
    actor: Option<A>,
}

#[repr(C)]
struct Whole<A, F> {
    seat: Seat<A>,
    make: F,
}

impl<A> Seat<A> {
    /// # Safety
    /// The seat is an `A`'s, and nobody else uses the actor meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn actor<'a>(seat: *mut ()) -> &'a mut A {
        // SAFETY: the caller's promise. The core hands over nothing before START has made the instance.
        unsafe { (*seat.cast::<Seat<A>>()).actor.as_mut().unwrap_unchecked() }
    }
}

/// A seat for an actor that `make` makes, now and after every failure.
pub(crate) fn new<A: Actor, F: FnMut() -> A + Send + 'static>(make: F) -> *mut Head {
    let head = Head { shape: Of::<A, F>::MADE, side: None, ends: None, held: 0, age: 0 };
    Box::into_raw(Box::new(Whole { seat: Seat::<A> { head, actor: None }, make })).cast()
}

/// A seat for an actor that is there already, and cannot be made anew.
pub(crate) fn once<A: Actor>(actor: A) -> *mut Head {
    let head = Head { shape: Of::<A, ()>::ONCE, side: None, ends: None, held: 0, age: 0 };
    Box::into_raw(Box::new(Whole { seat: Seat { head, actor: Some(actor) }, make: () })).cast()
}

struct Of<A, F>(std::marker::PhantomData<(A, F)>);

impl<A: Actor> Of<A, ()> {
    const ONCE: &'static Shape = &Shape { start: Self::start_once, once: true, ..*Self::SHAPE };

    unsafe fn start_once(hand: &Hand) -> Came {
        let mut ctx = Ctx::<A>::new(hand);
        // SAFETY: START of this seat, the only one: nobody else uses it, and the actor is there.
        let actor = unsafe { Seat::<A>::actor(hand.seat) };
        Self::started(hand, guard(|| actor.started(&mut ctx)), &mut ctx)
    }
}

impl<A: Actor, F: FnMut() -> A + Send + 'static> Of<A, F> {
    const MADE: &'static Shape = &Shape { start: Self::start, ..*Self::SHAPE };

    unsafe fn start(hand: &Hand) -> Came {
        let whole = hand.seat.cast::<Whole<A, F>>();
        let mut ctx = Ctx::<A>::new(hand);
        // SAFETY: START of this seat: nobody else uses it.
        let started = guard(|| unsafe {
            let actor = ((*whole).make)();
            (*whole).seat.actor.insert(actor).started(&mut ctx)
        });
        Self::started(hand, started, &mut ctx)
    }
}

impl<A: Actor, F: 'static> Of<A, F> {
    /// All but how it starts.
    const SHAPE: &'static Shape = &Shape {
        start: Self::check,
        stop: Self::stop,
        check: Self::check,
        empty: Self::empty,
        free: Self::free,
        name: std::any::type_name::<A>,
        id: TypeId::of::<A>,
        once: false,
    };

    fn started(hand: &Hand, outcome: Result<Result<(), Cause>, Cause>, ctx: &mut Ctx<A>) -> Came {
        // SAFETY: START of this seat, on the thread of its lane.
        let goes_on = unsafe { ends_if(hand.seat.cast()) }.and_then(|ends| ends.starts_when.take());
        match outcome {
            Ok(Ok(())) => match (ctx.came(), goes_on) {
                (Came::Returned, Some(future)) => Came::Promised(future),
                (came, _) => came,
            },
            Ok(Err(cause)) | Err(cause) => Came::Failed(cause),
        }
    }

    unsafe fn stop(hand: &Hand, why: &Reason) -> Came {
        let mut ctx = Ctx::<A>::new(hand);
        // SAFETY: STOP of this seat: nobody else uses it.
        let Some(actor) = (unsafe { &mut (*hand.seat.cast::<Seat<A>>()).actor }) else { return Came::Returned };
        match guard(|| actor.stopped(why, &mut ctx)) {
            Ok(()) => ctx.came(),
            Err(cause) => Came::Failed(cause),
        }
    }

    unsafe fn check(hand: &Hand) -> Came {
        let mut ctx = Ctx::<A>::new(hand);
        // SAFETY: HEALTH of this seat: nobody else uses it.
        let actor = unsafe { Seat::<A>::actor(hand.seat) };
        match guard(|| actor.healthy(&mut ctx)) {
            Ok(Ok(())) => ctx.came(),
            Ok(Err(cause)) | Err(cause) => Came::Failed(cause),
        }
    }

    unsafe fn empty(seat: *mut ()) {
        // SAFETY: the instance is over: nobody uses it.
        let actor = unsafe { (*seat.cast::<Seat<A>>()).actor.take() };
        drop(guard(|| drop(actor))); // a panic of a destructor is nobody's
    }

    unsafe fn free(seat: *mut ()) {
        // SAFETY: it came from `new` with these types, and is not used again.
        let whole = unsafe { Box::from_raw(seat.cast::<Whole<A, F>>()) };
        drop(guard(|| drop(whole)));
    }
}

/// The seats of a lane by index, for its thread and for those that run its actors as guests. Row `r` has room for twice as many
/// as the one before, and no row ever moves.
pub(crate) struct Seats([AtomicPtr<AtomicPtr<Head>>; ROWS]);

/// Seats of the first row.
const FIRST: usize = 1 << 10;
const ROWS: usize = 17;

/// Which row an index is in, and where.
#[inline(always)]
fn place(index: u32) -> (usize, usize) {
    let at = index as usize + FIRST;
    let row = (at.ilog2() - FIRST.ilog2()) as usize;
    (row, at - (FIRST << row))
}

impl Seats {
    pub(crate) fn new() -> Self {
        Seats([const { AtomicPtr::new(ptr::null_mut()) }; ROWS])
    }

    /// The seat at an index; null when nobody has it.
    #[inline(always)]
    pub(crate) fn get(&self, index: u32) -> *mut Head {
        let (row, at) = place(index);
        // a note may name an actor elsewhere by its address, which is beyond all rows or in none that there is
        let row = self.0.get(row).map_or(ptr::null_mut(), |row| row.load(Acquire));
        if row.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: a row is as long as `place` says, and is not freed while the table is.
        unsafe { &*row.add(at) }.load(Acquire)
    }

    /// Puts a seat there; the caller has been granted the index, or has read of its end.
    pub(crate) fn put(&self, index: u32, seat: *mut Head) {
        let (row, at) = place(index);
        let row_at = &self.0[row % ROWS];
        let mut first = row_at.load(Acquire);
        if first.is_null() {
            let fresh = fresh_row(row);
            first = match row_at.compare_exchange(ptr::null_mut(), fresh, AcqRel, Acquire) {
                Ok(_) => fresh,
                Err(theirs) => {
                    // SAFETY: it was just made, and nobody saw it.
                    unsafe { free_row(fresh, row) };
                    theirs
                }
            };
        }
        // SAFETY: as in `get`.
        unsafe { &*first.add(at) }.store(seat, Release);
    }
}

fn fresh_row(row: usize) -> *mut AtomicPtr<Head> {
    let fresh: Box<[AtomicPtr<Head>]> = (0..FIRST << row).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
    Box::into_raw(fresh).cast()
}

/// # Safety
/// The row came from [`fresh_row`], and nobody uses it any more.
unsafe fn free_row(first: *mut AtomicPtr<Head>, row: usize) {
    // SAFETY: the caller's promise; the length is that of `fresh_row`.
    drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(first, FIRST << row)) });
}

impl Drop for Seats {
    fn drop(&mut self) {
        for (row, first) in self.0.iter().enumerate() {
            let first = first.load(Acquire);
            if first.is_null() {
                continue;
            }
            for at in 0..FIRST << row {
                // SAFETY: within the row, which nobody else uses any more.
                let seat = unsafe { &*first.add(at) }.load(Acquire);
                if !seat.is_null() {
                    // SAFETY: seats that are in the table are whole.
                    unsafe { ((*seat).shape.free)(seat.cast()) };
                }
            }
            // SAFETY: as above.
            unsafe { free_row(first, row) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::far::Address;

    #[test]
    fn an_address_of_another_lane_has_no_seat() {
        let (seats, head) = (Seats::new(), new(|| ()));
        for row in 0..3 {
            seats.put((FIRST << row) as u32, head);
        }
        for lane in 0..62 {
            for index in [0, 1, 2, 1000, 100_000, (1 << 26) - 1] {
                assert!(seats.get(Address { lane, index }.word()).is_null());
            }
        }
        for row in 0..3 {
            assert_eq!(seats.get((FIRST << row) as u32), head);
            seats.put((FIRST << row) as u32, if row == 0 { head } else { ptr::null_mut() });
        }
    }

    impl Actor for () {}
}
