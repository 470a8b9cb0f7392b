//! Ends, failures and names of actors, as other isolates are told of them.

use super::fault::{Thrown, told_by};
use super::news;
use super::seat::{Seat, is_foreign};
use super::side::{Ended, Foreign, put_values, side};
use crate::entry::{Entry, TAG_SHIFT, carry, ended as ended_bits, op, phase, reason};
use crate::lane::far::Address;
use crate::limits::INDEX_BITS;
use crate::native::error::{Cause, Reason};
use crate::native::isolate::Isolate;
use crate::sync::Arc;
use buskin_value::{ErrorKind, ErrorValue, RefValue, Value};

const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
/// Of the word of a failure: the actor cannot be made, whatever its supervisor says.
const FINAL: u32 = 1 << 10;
/// Phases of a failure, as JavaScript knows them.
const PHASES: [&str; 10] =
    ["message", "start", "message", "timer", "watch", "stop", "health", "watch", "message", "isolate"];
/// What is done about a failure.
const DIRECTIVES: [&str; 5] = ["stop", "restart", "stop", "resume", "escalate"];

/// Something from elsewhere that is no reply.
///
/// # Safety
/// The thread's own isolate, to which no reference lives; the entry is the one that is run.
pub(crate) unsafe fn carried(this: *mut Isolate, e: &Entry) {
    // SAFETY: the caller's promise.
    unsafe {
        match e.tag() {
            carry::QUERY => asked(this, e, carry::ENDED, e.from & !INDEX_MASK, e.from & INDEX_MASK),
            carry::WATCH => asked(this, e, carry::WATCHED, e.from, reason::FAILED),
            carry::FAILED => failed(this, e),
            carry::CREDIT => super::streams::credit(this, e),
            carry::LEAVE => super::streams::leave(this, e),
            carry::MOVED if e.from & 3 == 0 => moved(this, e),
            // BORN says what START reads of the letter; of the others only isolates of JavaScript make anything
            _ => {}
        }
    }
}

/// A message is a dead letter, whose words these are.
///
/// # Safety
/// As of [`carried`].
pub(crate) unsafe fn mark_dead(this: *mut Isolate, e: &Entry) {
    // SAFETY: the caller's promise.
    unsafe { news::read(this, e) }
}

/// Why it is.
///
/// # Safety
/// As of [`carried`].
pub(crate) unsafe fn published(this: *mut Isolate, e: &Entry) {
    // SAFETY: the caller's promise.
    unsafe { news::tell(this, e) }
}

/// The path of an actor that cannot be looked for now.
pub(super) fn path_below(foreign: &Foreign, parent: &Value, name: &Value) -> String {
    let above = match parent {
        Value::Ref(parent) => {
            let known = foreign.path_at(parent.address, parent.age.cast_unsigned());
            known.or_else(|| Some(parent.path.as_ref()?.as_str()?.to_owned()))
        }
        _ => None,
    };
    format!("{}/{}", above.unwrap_or_default(), name.as_str().unwrap_or("actor"))
}

/// It has another parent.
unsafe fn moved(this: *mut Isolate, e: &Entry) {
    // SAFETY: as of `carried`.
    unsafe {
        let head = (*this).seats().get(e.index);
        let Some(foreign) = side(this).filter(|_| is_foreign(head)) else { return };
        let seat = &mut *head.cast::<Seat>();
        if let Some(path) = foreign.path((*this).place, e.index, e.age) {
            seat.path = path.into();
        }
        seat.stand_in = foreign.stand_in(e.index, e.age);
    }
}

/// What an actor failed with, as a value; none when it was nothing of its own.
pub(super) fn error_of(cause: &Cause, path: &str) -> (ErrorValue, Option<Box<str>>) {
    match cause.downcast_ref::<Thrown>() {
        Some(thrown) => (thrown.error.clone(), thrown.method.clone()),
        None => (told_by(ErrorValue::new(ErrorKind::Error, &cause.to_string()), path, ""), None),
    }
}

/// ENDED: what others may ask about it is kept.
///
/// # Safety
/// As of [`carried`].
pub(crate) unsafe fn ended(this: *mut Isolate, e: &Entry, why: &Reason) {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(foreign) = side(this) else { return };
        let head = (*this).seats().get(e.index);
        let seat = is_foreign(head).then(|| &*head.cast::<Seat>());
        let path = seat.map(|seat| Arc::clone(&seat.path));
        let error = match why {
            Reason::Failed(cause) => Some(error_of(cause, path.as_deref().unwrap_or("")).0.into()),
            _ => None,
        };
        let started = e.corr & ended_bits::STARTED != 0;
        let class = seat.and_then(|seat| seat.class.clone());
        foreign.keep_ended(e.index, Ended { age: e.age, started, error, path, class });
    }
}

/// An isolate, or an actor that watches, asks for the end of an actor of this lane that has ended.
unsafe fn asked(this: *mut Isolate, e: &Entry, kind: u32, address: u32, why: u32) {
    // SAFETY: as of `carried`.
    unsafe {
        let head = op::CARRY | kind << TAG_SHIFT;
        let answer = Entry { head, index: address, age: e.corr, payload: 0, from: why, corr: e.payload };
        let Some(foreign) = side(this) else { return (*this).put(answer) };
        let Some(known) = foreign.ended.get(&e.index).filter(|known| known.age == e.age) else {
            return (*this).put(answer);
        };
        let bits = if known.started { ended_bits::STARTED } else { 0 };
        let error = if why == reason::FAILED { known.error.clone().unwrap_or_default() } else { Value::Undefined };
        let path = known.path.as_deref().map_or(Value::Undefined, Value::from);
        let answer = Entry { from: why | bits << 8, ..answer };
        if put_values(this, answer, &[error, path]).is_err() {
            (*this).put(answer);
        }
    }
}

/// An actor of this lane failed whose parent is elsewhere: that is told what only this isolate knows.
unsafe fn failed(this: *mut Isolate, e: &Entry) {
    // SAFETY: as of `carried`.
    unsafe {
        let head = (*this).seats().get(e.index);
        let seat = is_foreign(head).then(|| &*head.cast::<Seat>());
        let (path, generation) =
            seat.as_ref().map_or_else(|| (Arc::from(""), 0), |seat| (Arc::clone(&seat.path), seat.generation));
        let cause = (*this).cause(e.payload).filter(|_| e.payload != 0);
        let (error, method) = match &cause {
            Some(cause) => error_of(cause, &path),
            None => (late(e.age & 0xff, &path), None),
        };
        let is_final = error.get("code").and_then(Value::as_str) == Some("ERR_BUSKIN_MODULE");
        let error: Value = error.into();
        let method = method.as_deref().map_or(Value::Null, Value::from);
        let entry = Entry {
            head: op::CARRY | carry::FAILED << TAG_SHIFT,
            index: e.index,
            age: e.corr,
            payload: 0,
            from: e.age | if is_final { FINAL } else { 0 },
            corr: 0,
        };
        let generation = Value::from(generation);
        let told = [error.clone(), method.clone(), generation.clone()];
        if put_values(this, entry, &told).is_err() {
            let bare = bare(&error);
            let _ = put_values(this, entry, &[bare, method, generation]);
        }
        if let Some(cause) = &cause {
            (*this).net.place((*this).place).keep_end(e.index, e.corr, Reason::Failed(cause.clone()));
        }
        if e.payload != 0 {
            keep(this, e.payload, &error);
            (*this).told(e.payload);
        }
    }
}

/// An error less what cannot travel.
fn bare(error: &Value) -> Value {
    match error {
        Value::Error(error) => ErrorValue::new(error.kind, error.message()).into(),
        _ => Value::Undefined,
    }
}

/// Who watches from elsewhere is told of it with the end.
unsafe fn keep(this: *mut Isolate, number: u32, error: &Value) {
    // SAFETY: as of `carried`.
    unsafe {
        let Some(foreign) = side(this) else { return };
        let mut bytes = Vec::new();
        let whole = foreign.bytes(std::slice::from_ref(error), &mut bytes);
        if whole.or_else(|_| foreign.bytes(&[bare(error)], &mut bytes)).is_ok() {
            foreign.lane.with(|lane| lane.keep_error(number, &bytes));
        }
    }
}

/// What an actor fails with that threw nothing.
fn late(what: u32, path: &str) -> ErrorValue {
    let (code, text) = match what {
        phase::HEALTH => (
            "ERR_BUSKIN_TIMEOUT",
            format!(
                "health check timed out: {path} did not answer in time; make it quicker, or allow more with the option health.timeout"
            ),
        ),
        phase::START => (
            "ERR_BUSKIN_TIMEOUT",
            format!(
                "start timed out: {path} did not start in time; make it quicker, or allow more with the option startTimeout"
            ),
        ),
        phase::LINK => (
            "ERR_BUSKIN_STOPPED",
            format!("linked actor ended: one that {path} is linked to; watch it to live on when it ends"),
        ),
        _ => ("ERR_BUSKIN_STOPPED", format!("actor failed: {path} failed with its children; look at their failures")),
    };
    ErrorValue::buskin(code, &text)
}

/// A failure about which nobody elsewhere is asked any more, as of an actor that is ending: its supervisor's isolate tells of it.
///
/// # Safety
/// As of [`carried`].
pub(crate) unsafe fn own_verdict(this: *mut Isolate, failed: &Entry, verdict: &Entry) {
    // SAFETY: the caller's promise.
    unsafe {
        let head = (*this).seats().get(failed.index);
        if !is_foreign(head) {
            return;
        }
        let seat = &*head.cast::<Seat>();
        let (age, place) = (seat.head.age, (*this).place);
        let Some((word, seat_age)) = seat.stand_in else { return };
        let cause = (*this).cause(failed.payload);
        let (error, method) =
            cause.map_or_else(|| (late(failed.from, &seat.path), None), |cause| error_of(&cause, &seat.path));
        let class = seat.class.as_ref().map_or(0, |known| known.id);
        let address = Address { lane: place, index: failed.index }.word();
        let child = RefValue { address, age: age.cast_signed(), class, path: Some(seat.path.to_string().into()) };
        let phase = *PHASES.get(failed.from as usize).unwrap_or(&"message");
        let directive = *DIRECTIVES.get(verdict.index as usize).unwrap_or(&"stop");
        let method = if phase == "message" { method } else { None };
        let told = |error: Value| {
            Value::Array(vec![
                child.clone().into(),
                error,
                phase.into(),
                method.as_deref().map_or(Value::Null, Value::from),
                seat.generation.into(),
                verdict.age.into(),
            ])
        };
        let words = |error: Value| ["hook".into(), word.into(), seat_age.into(), directive.into(), told(error)];
        let error: Value = error.into();
        if !news::to_stand_in(this, word, seat_age, &words(error.clone())) {
            news::to_stand_in(this, word, seat_age, &words(bare(&error)));
        }
    }
}
