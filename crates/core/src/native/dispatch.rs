//! What an isolate does with the entries of its inbox.

use super::error::{AskError, Cause, Lost, Reason};
use super::foreign;
use super::isolate::Isolate;
use super::options::{Failure, Phase};
use super::refs::AnyRef;
use super::run::{Came, Hand};
use super::seat::{self, Head};
use super::tasks::Tasks;
use super::timers::Timers;
use super::vault::Block;
use crate::entry::{Entry, OP_MASK, carry, flag, mark, mode, note, op, phase, reason};
use crate::lane::far::Address;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Runs an entry of the inbox.
///
/// # Safety
/// The thread's own isolate, to which no reference lives; the entry is one of its inbox.
#[inline(always)]
pub(super) unsafe fn dispatch(this: *mut Isolate, at: *const Entry) {
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

impl Isolate {
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
