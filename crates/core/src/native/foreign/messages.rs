//! A message of an isolate of JavaScript's, from its arguments to what its caller is told.

use super::args::Args;
use super::call::Call;
use super::fault::{Fault, Thrown, told_by};
use super::seat::{Seat, arm, is_foreign};
use super::side::{Beside, Foreign, Letter, letter, put_reply, side};
use super::{Reply, news, streams};
use crate::entry::{Entry, TAG_SHIFT, carry, dead, flag, mark, op, outcome};
use crate::limits::{CALL_BITS, FAR_CALL};
use crate::native::error::Cause;
use crate::native::isolate::Isolate;
use crate::native::promise::Promise;
use crate::native::run::guard;
use crate::native::seat::{Head, ends};
use crate::sync::Arc;
use buskin_value::{ErrorKind, ErrorValue, Value};

/// The method of a message.
enum Found {
    /// Which one, and whether its name was looked up.
    Method(usize, bool),
    /// None of this name.
    None(Arc<str>),
}

/// Runs a message without a block.
///
/// # Safety
/// The thread's own isolate, to which no reference lives; the entry is one of its inbox, and the seat that of its actor, whose turn
/// it is.
#[cold]
#[inline(never)]
pub(crate) unsafe fn message(this: *mut Isolate, seat: *mut Head, entry: *const Entry) {
    // SAFETY: the caller's promise, here and below.
    unsafe {
        let (e, at) = (*entry, (*this).at);
        let Some(foreign) = side(this).filter(|_| is_foreign(seat)) else { return not_ours(this, &e) };
        let seat = &mut *seat.cast::<Seat>();
        let has_letter = e.has(flag::LETTER);
        let read = if has_letter { letter(this, at, e.payload) } else { None };
        let mut args = match &read {
            Some(letter) => letter.args().unwrap_or(Args::None),
            None if e.head & flag::ARITY == 0 || has_letter => Args::None,
            None => Args::Word(e.payload.cast_signed()),
        };
        match find(foreign, seat, &e, read.as_ref(), &mut args) {
            Found::Method(method, by_name) => {
                if by_name && e.has(flag::SEND) && e.corr != 0 {
                    (*this).put(about(carry::ACCEPTED, &e)); // now it is known that there is such a method
                }
                run(this, seat, &e, method, args, read.as_ref());
            }
            Found::None(name) => {
                let args = values(foreign, args, read.as_ref());
                missing(this, Some(seat), &e, &name, args);
            }
        }
    }
}

fn find(foreign: &mut Foreign, seat: &Seat, e: &Entry, read: Option<&Letter<'_>>, args: &mut Args<'_>) -> Found {
    let known = seat.class.as_ref();
    if let Some(method) = e.tag().checked_sub(1) {
        return Found::Method(method as usize, false);
    }
    let name = match read.map_or(0, |letter| letter.name) {
        0 => args.text().map(Arc::from), // it had no number
        id => foreign.name(id),
    };
    let name: Arc<str> = name.unwrap_or_default();
    match known.and_then(|known| known.kind.method(&name)) {
        Some(method) => Found::Method(method, true),
        None => Found::None(name),
    }
}

/// The arguments of a message that will not run.
fn values(foreign: &mut Foreign, args: Args<'_>, read: Option<&Letter<'_>>) -> Option<Vec<Value>> {
    let Foreign { hub, lane, codec, .. } = foreign;
    args.values(codec, &mut Beside { hub, lane, letter: read.map_or(0, Letter::number) }).ok()
}

unsafe fn run(
    this: *mut Isolate,
    seat: &mut Seat,
    e: &Entry,
    method: usize,
    args: Args<'_>,
    read: Option<&Letter<'_>>,
) {
    // SAFETY: as of `message`: while the method runs there is no other reference to the isolate than those in the call.
    unsafe {
        let (Some(foreign), Some(known)) = (side(this), seat.class.clone()) else { return not_ours(this, e) };
        let Some(declared) = known.kind.methods().get(method) else { return not_ours(this, e) };
        let is_stream = e.has(flag::STREAM);
        if declared.is_stream != is_stream {
            let args = values(foreign, args, read);
            return missing(this, Some(seat), e, &declared.name, args);
        }
        let number = read.map_or(0, Letter::number);
        let lane = Arc::clone(&foreign.lane);
        let mut call = Call {
            args,
            is_whole: read.is_none_or(Letter::is_whole),
            codec: &mut foreign.codec,
            beside: Beside { hub: &foreign.hub, lane: &lane, letter: number },
            kind: known.kind.name(),
            method: &declared.name,
            path: &seat.path,
            sender: (e.from, e.age),
            lane: &lane,
            now: None,
            raw: read.and_then(Letter::raw),
        };
        let Some(behaviour) = seat.behaviour.as_mut() else { return not_ours(this, e) };
        let result = if is_stream {
            let opened = guard(|| behaviour.stream(method, &mut call));
            match opened {
                Ok(Ok(items)) => return streams::open(this, seat, e, method, items),
                Ok(Err(fault)) => Ok(Err(fault)),
                Err(panic) => Err(panic),
            }
        } else {
            guard(|| behaviour.call(method, &mut call))
        };
        let result = result.unwrap_or_else(|panic| Err(panicked(&panic)));
        if let Ok(Reply::Later(future)) = result {
            return later(this, seat, e, &declared.name, future);
        }
        finish(this, seat, e, &declared.name, result);
        arm(this, e.index, seat);
        if !seat.streams.is_empty() {
            streams::wake(this, seat);
        }
    }
}

/// What a panic is told as.
pub(super) fn panicked(panic: &Cause) -> Fault {
    Fault::failed(ErrorValue::new(ErrorKind::Error, &panic.to_string()))
}

/// An entry about the call of a message.
pub(super) fn about(kind: u32, e: &Entry) -> Entry {
    Entry { head: op::CARRY | kind << TAG_SHIFT, corr: e.corr, ..Entry::default() }
}

/// A method has come to something.
unsafe fn finish(this: *mut Isolate, seat: &Seat, e: &Entry, method: &str, result: Result<Reply, Fault>) {
    // SAFETY: as of `message`.
    unsafe {
        match result {
            Ok(reply) => {
                if e.corr != 0 {
                    let reply = if e.has(flag::ASK) { reply } else { Reply::Undefined };
                    answer(this, e, &seat.path, method, reply);
                }
            }
            Err(Fault { error, fails }) => {
                let error = told_by(error, &seat.path, method);
                refuse(this, e, &error);
                if fails {
                    fail(this, e, error, method);
                } else if e.corr == 0 || e.has(flag::SEND) {
                    news::log(this, "debug", &format!("refused: {}", error.message()), &seat.path, Some(method));
                }
            }
        }
    }
}

/// The entry in hand threw.
///
/// # Safety
/// As of [`message`].
pub(super) unsafe fn fail(this: *mut Isolate, e: &Entry, error: ErrorValue, method: &str) {
    // SAFETY: the caller's promise.
    let here = unsafe { &mut *this };
    let number = here.keep_cause(Cause::from(Thrown { error, method: Some(method.into()) }));
    here.mark(mark::THREW);
    let at = here.at;
    here.inbox[at].payload = number;
    here.hold_back(e.index);
}

/// Tells who waits what a message came to.
unsafe fn answer(this: *mut Isolate, e: &Entry, path: &str, method: &str, reply: Reply) {
    // SAFETY: as of `message`.
    unsafe {
        if let Err(why) = put_reply(this, about(carry::REPLY, e), reply) {
            let text = format!("not serializable: the reply of '{method}' of {path} cannot be copied: {why}");
            refuse(this, e, &told_by(ErrorValue::buskin("ERR_BUSKIN_NOT_SERIALIZABLE", &text), path, method));
        }
    }
}

/// Tells who waits that there is no reply.
///
/// # Safety
/// As of [`message`].
pub(super) unsafe fn refuse(this: *mut Isolate, e: &Entry, error: &ErrorValue) {
    // SAFETY: the caller's promise.
    unsafe {
        if e.corr >> CALL_BITS != FAR_CALL {
            return;
        }
        if e.has(flag::SEND) {
            // it was accepted, and that is all that a send asks
            (*this).put(about(carry::ACCEPTED, e));
            (*this).put(about(carry::OVER, e));
            return;
        }
        throw(this, Entry { from: outcome::THREW, ..about(carry::REPLY, e) }, error);
    }
}

/// Writes an entry with an error.
///
/// # Safety
/// As of [`message`].
pub(super) unsafe fn throw(this: *mut Isolate, entry: Entry, error: &ErrorValue) {
    // SAFETY: the caller's promise.
    unsafe {
        if put_reply(this, entry, Reply::Value(error.clone().into())).is_err() {
            // what an error holds may not be sendable; its text always is
            let bare = ErrorValue::new(error.kind, error.message());
            let _ = put_reply(this, entry, Reply::Value(bare.into()));
        }
    }
}

/// There is no such method, or it is for another verb.
unsafe fn missing(this: *mut Isolate, seat: Option<&Seat>, e: &Entry, name: &str, args: Option<Vec<Value>>) {
    // SAFETY: as of `message`.
    unsafe {
        let path: Arc<str> = seat.map_or_else(|| "".into(), |seat| Arc::clone(&seat.path));
        let known = seat.and_then(|seat| seat.class.as_ref());
        let declared = known.and_then(|known| known.kind.methods().get(known.kind.method(name)?));
        (*this).mark(mark::NO_HANDLER);
        if e.corr >> CALL_BITS == FAR_CALL {
            if e.has(flag::SEND) {
                let entry = about(carry::REFUSED, e);
                (*this).put(Entry { head: entry.head | super::side::ARITY_1, payload: dead::NO_HANDLER, ..entry });
            } else {
                let remedy = match declared {
                    Some(method) if method.is_stream => format!("it is a generator: use ref.stream.{name}() for it"),
                    Some(_) => format!("it is no generator: use ref.ask.{name}() for it"),
                    None => {
                        let all = known.map(|known| known.kind.methods()).unwrap_or_default();
                        let all: Vec<&str> = all.iter().map(|method| &*method.name).collect();
                        format!("its methods are {}", all.join(", "))
                    }
                };
                let text = format!("no handler: {path} has none for '{name}'; {remedy}");
                let error = ErrorValue::buskin("ERR_BUSKIN_NO_HANDLER", &text);
                throw(this, Entry { from: outcome::THREW, ..about(carry::REPLY, e) }, &error);
            }
        }
        news::dead_letter(this, dead::NO_HANDLER, &path, (e.from, e.age), name, args);
    }
}

/// A message for an actor that is none of a kind.
unsafe fn not_ours(this: *mut Isolate, e: &Entry) {
    // SAFETY: as of `message`.
    unsafe {
        if side(this).is_some() {
            return missing(this, None, e, "", None);
        }
        (*this).mark(mark::NO_HANDLER);
        if e.corr != 0 {
            (*this).reply_far(e.corr, false);
        }
    }
}

// ----------------------------------------------------------------------------------------------- futures

/// A future goes on with a message.
unsafe fn later(
    this: *mut Isolate,
    seat: &mut Seat,
    e: &Entry,
    method: &str,
    future: std::pin::Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>,
) {
    let waits = Waits { here: this, entry: *e, path: Arc::clone(&seat.path), method: method.into(), is_over: false };
    let running = Promise::new(async move {
        let mut waits = waits;
        let result = future.await;
        waits.is_over = true;
        let Waits { here, entry, path, method, .. } = &waits;
        // SAFETY: futures are polled on the thread of their isolate; no reference to it lives meanwhile.
        unsafe {
            match result {
                Ok(reply) => {
                    if entry.corr != 0 {
                        let reply = if entry.has(flag::ASK) { reply } else { Reply::Undefined };
                        answer(*here, entry, path, method, reply);
                    }
                    Ok(())
                }
                Err(Fault { error, fails }) => {
                    let error = told_by(error, path, method);
                    refuse(*here, entry, &error);
                    if fails { Err(Cause::from(Thrown { error, method: Some(method.clone()) })) } else { Ok(()) }
                }
            }
        }
    });
    // SAFETY: as of `message`.
    unsafe {
        let here = &mut *this;
        here.mark(mark::PROMISED);
        let task = here.tasks.add(running, e, 0); // its caller is told here
        ends(&raw mut seat.head).tasks.push(task);
        here.hold_back(e.index);
    }
}

/// A message that a future goes on with.
struct Waits {
    here: *mut Isolate,
    entry: Entry,
    path: Arc<str>,
    method: Box<str>,
    is_over: bool,
}

/// The future was given up: the caller is told. When the isolate itself has ended there is nobody to tell.
impl Drop for Waits {
    fn drop(&mut self) {
        // SAFETY: `here` is only compared before it is known to be the isolate of this thread, which is whole then.
        unsafe {
            if !self.is_over && self.entry.corr != 0 && crate::native::isolate::is_current(self.here) {
                refuse(self.here, &self.entry, &stopped(&self.path, &self.method));
            }
        }
    }
}

/// What who waits for an actor is told that ended.
pub(super) fn stopped(path: &str, method: &str) -> ErrorValue {
    let what = if method.is_empty() { "a message".to_owned() } else { format!("'{method}'") };
    let text = format!(
        "actor stopped: {path} ended without completing {what}; spawn it again, or watch it to learn of its end in time"
    );
    ErrorValue::buskin("ERR_BUSKIN_STOPPED", &text)
}
