//! What is told to the feeds of the system: dead letters, and lines for the log.

use super::seat::{Seat, is_foreign};
use super::side::{Beside, Foreign, letter, put_values, side};
use crate::entry::{Entry, TAG_SHIFT, carry, dead, flag, mode, op};
use crate::lane::far::Address;
use crate::limits::INDEX_BITS;
use crate::native::isolate::Isolate;
use crate::sync::atomic::Ordering::SeqCst;
use buskin_value::Value;

/// Why a message is a dead letter, as JavaScript knows it.
const REASONS: [&str; dead::COUNT] =
    ["no-such-actor", "stopped", "mailbox-full", "dropped", "expired", "no-handler", "isolate-lost", "aborted"];

/// A message that is a dead letter.
pub(crate) struct Dead {
    path: String,
    name: String,
    args: Option<Vec<Value>>,
    from: u32,
}

/// Something for the isolate of a lane.
fn news(place: u32) -> Entry {
    let index = (place + 1) << INDEX_BITS;
    Entry { head: op::CARRY | carry::NEWS << TAG_SHIFT, index, ..Entry::default() }
}

/// Writes a line into the log of the system.
///
/// # Safety
/// The thread's own isolate, to which no reference lives, and no letter of the inbox is being read.
pub(super) unsafe fn log(this: *mut Isolate, level: &str, text: &str, actor: &str, method: Option<&str>) {
    let fields = Value::object([("actor", Value::from(actor)), ("method", method.map_or(Value::Null, Value::from))]);
    // SAFETY: the caller's promise. What is only text and null can always be written.
    let _ = unsafe { put_values(this, news(0), &["log".into(), level.into(), text.into(), fields]) };
}

/// Tells who listens of a dead letter.
///
/// # Safety
/// As of [`log`].
pub(super) unsafe fn dead_letter(
    this: *mut Isolate,
    reason: u32,
    target: &str,
    (from, age): (u32, u32),
    method: &str,
    args: Option<Vec<Value>>,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(foreign) = side(this) else { return };
        let posts = std::sync::Arc::clone(foreign.hub.posts());
        let listens = |at: u32| posts.get(at).is_some_and(|post| post.listens.load(SeqCst) & mode::DEAD != 0);
        let places: Vec<u32> = (0..).take(posts.all().len()).filter(|at| listens(*at)).collect();
        if places.is_empty() {
            return;
        }
        let sender = if from == 0 { None } else { path_of(foreign, (*this).place, from, age) };
        let letter = |args: Option<Vec<Value>>| {
            Value::object([
                ("reason", Value::from(*REASONS.get(reason as usize).unwrap_or(&"stopped"))),
                ("target", target.into()),
                ("sender", sender.as_deref().map_or(Value::Null, Value::from)),
                ("method", method.into()),
                ("args", args.map_or(Value::Null, Value::Array)),
            ])
        };
        for place in places {
            let whole = put_values(this, news(place), &["dead".into(), letter(args.clone())]);
            if whole.is_err() {
                let _ = put_values(this, news(place), &["dead".into(), letter(None)]);
            }
        }
    }
}

/// Something for the isolate of an actor's stand-in.
///
/// # Safety
/// As of [`log`].
pub(super) unsafe fn to_stand_in(this: *mut Isolate, word: u32, age: u32, values: &[Value]) -> bool {
    let entry = Entry { index: word, age, ..news(0) };
    // SAFETY: the caller's promise.
    unsafe { put_values(this, entry, values).is_ok() }
}

/// Where an actor is, or was.
pub(super) fn path_of(foreign: &Foreign, place: u32, word: u32, age: u32) -> Option<String> {
    let at = Address::of(word).unwrap_or(Address { lane: place, index: word });
    foreign.path(at.lane, at.index, age)
}

/// DEAD: what the message was is read while it can be.
///
/// # Safety
/// As of [`log`]; the entry is the one that is run.
pub(super) unsafe fn read(this: *mut Isolate, e: &Entry) {
    // SAFETY: the caller's promise.
    unsafe {
        let (at, place) = ((*this).at, (*this).place);
        let Some(foreign) = side(this) else { return };
        foreign.dead = None;
        if e.has(flag::SLOT) {
            return;
        }
        let seat = (*this).seats().get(e.index);
        let ours = is_foreign(seat).then(|| &*seat.cast::<Seat>()).filter(|seat| seat.head.age == e.age);
        let ended = foreign.ended.get(&e.index).filter(|ended| ended.age == e.age);
        let path = ours.map(|seat| seat.path.to_string()).filter(|path| !path.is_empty());
        let path = path.or_else(|| Some(ended?.path.as_deref()?.to_owned()));
        let path = path.or_else(|| path_of(foreign, place, e.index, e.age)).unwrap_or_else(|| "(ended)".to_owned());
        let class = ours.and_then(|seat| seat.class.clone()).or_else(|| ended?.class.clone());
        let tagged =
            e.tag().checked_sub(1).and_then(|tag| Some(class?.kind.methods().get(tag as usize)?.name.to_string()));
        let read = if e.has(flag::LETTER) { letter(this, at, e.payload) } else { None };
        let mut args = match &read {
            Some(letter) => letter.args().ok(),
            None if e.head & flag::ARITY == 0 => Some(super::args::Args::None),
            None => Some(super::args::Args::Word(e.payload.cast_signed())),
        };
        let name = tagged.or_else(|| match read.as_ref()?.name {
            0 => args.as_mut()?.text().map(std::borrow::Cow::into_owned),
            id => foreign.name(id).map(|name| name.to_string()),
        });
        let Foreign { hub, lane, codec, .. } = foreign;
        let mut beside = Beside { hub, lane, letter: read.as_ref().map_or(0, super::side::Letter::number) };
        let args = args.and_then(|args| args.values(codec, &mut beside).ok());
        foreign.dead = Some(Dead { path, name: name.unwrap_or_default(), args, from: e.from });
    }
}

/// REASON: the dead letter is told.
///
/// # Safety
/// As of [`log`].
pub(super) unsafe fn tell(this: *mut Isolate, e: &Entry) {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(Dead { path, name, args, from }) = side(this).and_then(|foreign| foreign.dead.take()) else { return };
        dead_letter(this, e.index, &path, (from, e.age), &name, args);
    }
}
