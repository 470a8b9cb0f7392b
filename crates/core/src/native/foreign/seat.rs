//! The seat of an actor of a [`Kind`](super::Kind): its state, and what made it.

use super::call::Call;
use super::fault::{Fault, Thrown, told_by};
use super::side::{Foreign, Known, SHARED, apart, side};
use super::{Behaviour, lives};
use crate::entry::Entry;
use crate::native::error::{Cause, Reason};
use crate::native::isolate::Isolate;
use crate::native::numbers::Whose;
use crate::native::run::{Came, Hand, guard};
use crate::native::seat::{Head, Shape};
use crate::native::timers::{self, TimerId, Timers};
use crate::supervise::PROFILE;
use crate::sync::Arc;
use buskin_value::{ErrorKind, ErrorValue, Value, ViewKind};
use std::any::TypeId;
use std::ptr;
use std::time::Duration;

/// Words of the core's before the isolates' own in the letter of a spawn.
const LEAD: usize = 8;

#[repr(C)]
pub(super) struct Seat {
    pub(super) head: Head,
    pub(super) class: Option<Arc<Known>>,
    pub(super) behaviour: Option<Box<dyn Behaviour>>,
    pub(super) path: Arc<str>,
    /// The address and the age of what stands in for it, where its parent is.
    pub(super) stand_in: Option<(u32, u32)>,
    pub(super) generation: u32,
    /// Numbers of its streams.
    pub(super) streams: Vec<u32>,
    /// When its timer is due.
    due: Option<(Duration, TimerId)>,
}

static SHAPE: Shape = Shape { start, stop, check, empty, free, name: || "native", id: TypeId::of::<Seat>, once: false };

/// Whether a seat is one of these.
///
/// # Safety
/// The seat is whole.
pub(crate) unsafe fn is_foreign(seat: *mut Head) -> bool {
    // SAFETY: the caller's promise.
    !seat.is_null() && ptr::eq(unsafe { (*seat).shape }, &raw const SHAPE)
}

/// START of an actor that has no seat yet: it was spawned elsewhere.
///
/// # Safety
/// The thread's own isolate, to which no reference lives.
pub(crate) unsafe fn birth(this: *mut Isolate, e: &Entry) -> *mut Head {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(foreign) = side(this) else { return ptr::null_mut() };
        foreign.ended.remove(&e.index);
        let head = Head { shape: &SHAPE, side: None, ends: None, held: 0, age: e.age };
        let seat = Seat {
            head,
            class: None,
            behaviour: None,
            path: "".into(),
            stand_in: None,
            generation: 0,
            streams: Vec::new(),
            due: None,
        };
        let seat = Box::into_raw(Box::new(seat)).cast();
        (*this).seats().put(e.index, seat);
        seat
    }
}

unsafe fn start(hand: &Hand) -> Came {
    // SAFETY: START of this seat: nobody else uses it, and no reference to the isolate lives.
    unsafe {
        let (seat, e) = (&mut *hand.seat.cast::<Seat>(), &*hand.entry);
        seat.generation = e.payload;
        let Some(foreign) = side(hand.here) else { return Came::Returned };
        let made = guard(|| make(foreign, seat, hand.here, e))
            .unwrap_or_else(|cause| Err(Fault::failed(ErrorValue::new(ErrorKind::Error, &cause.to_string()))));
        match made {
            Ok(behaviour) => {
                seat.behaviour = Some(behaviour);
                arm(hand.here, e.index, seat);
                Came::Returned
            }
            Err(fault) => {
                let error = told_by(fault.error, &seat.path, "");
                Came::Failed(Cause::from(Thrown { error, method: None }))
            }
        }
    }
}

/// Makes the instance of what the actor was spawned with, which is read afresh.
unsafe fn make(
    foreign: &mut Foreign,
    seat: &mut Seat,
    this: *mut Isolate,
    e: &Entry,
) -> Result<Box<dyn Behaviour>, Fault> {
    let gone =
        || Fault::failed(ErrorValue::buskin("ERR_BUSKIN_MODULE", "the actor's arguments are missing; spawn it again"));
    // SAFETY: as of `start`; `place` is never written.
    let place = unsafe { (*this).place };
    let number = foreign.lane.with(|lane| lane.seed(e.index)).ok_or_else(gone)?;
    let seed = apart(&foreign.lane, number).ok_or_else(gone)?;
    let class = seed.lead(0) & !SHARED;
    let seed = seed.behind(LEAD).ok_or_else(gone)?;
    let malformed =
        |why: &dyn std::fmt::Display| Fault::failed(ErrorValue::buskin("ERR_BUSKIN_MODULE", &why.to_string()));
    let mut args = seed.args().map_err(|error| malformed(&error))?;
    let (hub, lane) = (Arc::clone(&foreign.hub), Arc::clone(&foreign.lane));
    let mut beside = super::side::Beside { hub: &hub, lane: &lane, letter: number };
    let mut values = Vec::new();
    for _ in 0..3 {
        let value = match args.next(&mut foreign.codec, &mut beside).map_err(|error| malformed(&error))? {
            Some(super::call::Argument::Ref(value)) => {
                value.to_value(&mut foreign.codec, &mut beside).map_err(|error| malformed(&error))?
            }
            _ => Value::Undefined,
        };
        values.push(value);
    }
    let [name, parent, options] = &values[..] else { return Err(gone()) };
    seat.path = foreign.path(place, e.index, e.age).unwrap_or_else(|| lives::path_below(foreign, parent, name)).into();
    seat.stand_in = foreign.stand_in(e.index, e.age);
    let known = foreign.class(class).map_err(|word| unknown(&word))?;
    seat.class = Some(Arc::clone(&known));
    if let Some(numbers) = profile(options) {
        let profile = foreign.lane.with(|lane| lane.profile(&numbers));
        foreign.lane.with(|lane| lane.supervises_by(e.index, profile));
    }
    // what it is spawned with is the array that comes last
    let mut own = Vec::new();
    let args = match args.next(&mut foreign.codec, &mut beside).map_err(|error| malformed(&error))? {
        Some(super::call::Argument::Ref(value)) => {
            let whole = value.to_value(&mut foreign.codec, &mut beside).map_err(|error| malformed(&error))?;
            let items = if let Value::Array(items) = whole { items } else { Vec::new() };
            // objects that occur again are counted from the array on: another one stands in its place
            let items: Vec<Value> = std::iter::once(Value::Array(Vec::new())).chain(items).collect();
            foreign.bytes(&items, &mut own).map_err(|error| malformed(&error))?;
            let mut message = buskin_value::Message::new(&own).map_err(|error| malformed(&error))?;
            message.next(&mut foreign.codec, &mut beside).map_err(|error| malformed(&error))?;
            super::args::Args::Message(message)
        }
        _ => super::args::Args::None,
    };
    let mut call = Call {
        args,
        is_whole: true,
        codec: &mut foreign.codec,
        beside: super::side::Beside { hub: &hub, lane: &lane, letter: 0 },
        kind: known.kind.name(),
        method: "spawn",
        path: &seat.path,
        sender: (0, 0),
        lane: &lane,
        now: None,
        raw: None,
    };
    known.kind.kind.make(&mut call)
}

/// What JavaScript is told of a class that this build does not have.
fn unknown(word: &str) -> Fault {
    let names: Vec<String> = super::kinds().iter().map(|kind| format!("'{}'", kind.name())).collect();
    let text = format!(
        "no native actor: '{word}' is not registered in this process; register it before it is spawned, or use one of {}",
        names.join(", ")
    );
    Fault::failed(ErrorValue::buskin("ERR_BUSKIN_MODULE", &text))
}

/// How the actor supervises and is checked, as the façade writes it.
fn profile(options: &Value) -> Option<[f64; PROFILE]> {
    let Value::View(view) = options else { return None };
    if view.kind != ViewKind::Float64 || view.bytes.len() != PROFILE * 8 {
        return None;
    }
    let mut numbers = [0.0; PROFILE];
    for (to, from) in numbers.iter_mut().zip(view.bytes.chunks_exact(8)) {
        *to = f64::from_le_bytes(from.try_into().ok()?);
    }
    Some(numbers)
}

unsafe fn stop(hand: &Hand, _: &Reason) -> Came {
    // SAFETY: STOP of this seat: nobody else uses it.
    let seat = unsafe { &mut *hand.seat.cast::<Seat>() };
    // SAFETY: no reference to the isolate lives.
    unsafe { super::streams::over(hand.here, (*hand.entry).index) };
    let Some(behaviour) = &mut seat.behaviour else { return Came::Returned };
    let stopped = guard(|| behaviour.stopped());
    came(seat, stopped, "stopped")
}

unsafe fn check(hand: &Hand) -> Came {
    // SAFETY: HEALTH of this seat: nobody else uses it.
    let seat = unsafe { &mut *hand.seat.cast::<Seat>() };
    let Some(behaviour) = &mut seat.behaviour else { return Came::Returned };
    let healthy = guard(|| behaviour.healthy());
    came(seat, healthy, "healthy")
}

/// What one of a behaviour's own came to.
fn came(seat: &Seat, outcome: Result<Result<(), Fault>, Cause>, what: &str) -> Came {
    let (error, what) = match outcome {
        Ok(Ok(())) => return Came::Returned,
        Ok(Err(fault)) => (fault.error, ""),
        Err(panic) => (ErrorValue::new(ErrorKind::Error, &panic.to_string()), what),
    };
    let error = told_by(error, &seat.path, what);
    Came::Failed(Cause::from(Thrown { error, method: None }))
}

unsafe fn empty(seat: *mut ()) {
    // SAFETY: the instance is over: nobody uses it.
    let seat = unsafe { &mut *seat.cast::<Seat>() };
    let behaviour = seat.behaviour.take();
    seat.due = None;
    drop(guard(|| drop(behaviour))); // a panic of a destructor is nobody's
}

unsafe fn free(seat: *mut ()) {
    // SAFETY: it came from `birth`, and is not used again.
    let seat = unsafe { Box::from_raw(seat.cast::<Seat>()) };
    drop(guard(|| drop(seat)));
}

/// A timer that is due later looks in between.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Sees to the timer of a behaviour, which has run.
///
/// # Safety
/// The thread's own isolate, to which no reference lives; the seat is that of the index, and nobody else uses it.
pub(super) unsafe fn arm(this: *mut Isolate, index: u32, seat: &mut Seat) {
    let Some(due) = seat.behaviour.as_ref().and_then(|behaviour| behaviour.due()) else { return };
    if seat.due.is_some_and(|(armed, _)| armed <= due) {
        return; // it looks then
    }
    let fire = Box::new(move |hand: &Hand| {
        // SAFETY: a timer of this actor, whose turn it is, and no reference to the isolate lives.
        unsafe {
            let seat = &mut *hand.seat.cast::<Seat>();
            seat.due = None;
            let now = super::side::time(&(*hand.here).shared);
            let Some(behaviour) = &mut seat.behaviour else { return Came::Returned };
            let ticked = guard(|| behaviour.tick(now));
            if !matches!(ticked, Ok(Ok(()))) {
                return came(seat, ticked, "tick");
            }
            arm(hand.here, (*hand.entry).index, seat);
            super::streams::wake(hand.here, seat);
            Came::Returned
        }
    });
    // SAFETY: the caller's promise.
    unsafe {
        if let Some((_, timer)) = seat.due.take() {
            Timers::cancel(this, index, timer);
        }
        let here = &mut *this;
        let now = super::side::time(&here.shared);
        let first = &mut seat.head.side().timers[Whose::Own as usize];
        let timer = here.tables(|tables| tables.timers.add(index, fire, first));
        let wait = u64::try_from(due.saturating_sub(now).min(LONGEST).as_micros()).unwrap_or(u64::MAX);
        let (age, bits) = (seat.head.age, crate::entry::timer::UNREF);
        here.put(timers::start(timer, index, age, bits, wait));
        seat.due = Some((due, timer));
    }
}
