//! Streams: items are made when their reader has room for them, between the messages of their actor.

use super::fault::{Fault, told_by};
use super::messages::{about, fail, panicked, stopped, throw};
use super::seat::{Seat, is_foreign};
use super::side::{put_reply, side};
use super::{Items, Step};
use crate::entry::{Entry, carry, mark, op, outcome};
use crate::limits::{CALL_BITS, CALL_MASK, FAR_CALL};
use crate::native::isolate::Isolate;
use crate::native::run::guard;
use crate::sync::Arc;
use buskin_value::ErrorValue;
use std::collections::HashMap;

/// Items that a reader has room for at first.
const AHEAD: u32 = 256;
/// Items that are made at once, before messages have their turn.
const AT_ONCE: u32 = 32;

pub(super) struct Stream {
    corr: u32,
    index: u32,
    method: Box<str>,
    items: Box<dyn Items>,
    room: u32,
    /// A step is on its way through the lane.
    pending: bool,
    /// It said that it has nothing.
    waits: bool,
    /// Its reader has gone.
    leaves: bool,
}

/// The streams of a lane by number.
#[derive(Default)]
pub(super) struct Streams {
    all: HashMap<u32, Stream>,
    /// By the call of their readers.
    by_call: HashMap<u32, u32>,
    last: u32,
}

/// The number of the call that a reader's words are about.
fn call_of(index: u32) -> u32 {
    FAR_CALL << CALL_BITS | index & CALL_MASK
}

/// A stream begins.
///
/// # Safety
/// As of [`message`](super::messages::message), of whose entry this is.
pub(super) unsafe fn open(this: *mut Isolate, seat: &mut Seat, e: &Entry, method: usize, items: Box<dyn Items>) {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(foreign) = side(this) else { return };
        let name = seat.class.as_ref().and_then(|known| known.kind.methods().get(method));
        let name: Box<str> = name.map_or("", |method| &method.name).into();
        let streams = &mut foreign.streams;
        streams.last = streams.last.wrapping_add(1).max(1);
        let number = streams.last;
        streams.by_call.insert(e.corr, number);
        let (corr, index) = (e.corr, e.index);
        streams.all.insert(
            number,
            Stream { corr, index, method: name, items, room: AHEAD, pending: true, waits: false, leaves: false },
        );
        seat.streams.push(number);
        let here = &mut *this;
        here.mark(mark::STREAMING);
        here.hold_back(e.index); // its first step comes before what waits
        here.put(about(carry::BEGIN, e));
        let age = seat.head.age;
        here.put(Entry { head: op::RESUME, index, age, payload: number, from: 1, corr: 0 });
    }
}

/// RESUME: makes items.
///
/// # Safety
/// The thread's own isolate, to which no reference lives; the entry is the one that it runs.
pub(crate) unsafe fn resumed(this: *mut Isolate, e: &Entry) {
    // SAFETY: the caller's promise.
    unsafe {
        let head = (*this).seats().get(e.index);
        if !is_foreign(head) {
            return;
        }
        let seat = &mut *head.cast::<Seat>();
        // while it runs it lies here: what it writes goes by way of the same tables
        let Some(mut stream) = take(this, e.payload) else { return };
        stream.pending = false;
        match steps(this, seat, &mut stream) {
            Ok(goes_on) => {
                if goes_on && stream.room > 0 {
                    stream.pending = true;
                    next(this, e.index, seat.head.age, e.payload);
                }
                if let Some(foreign) = side(this) {
                    foreign.streams.all.insert(e.payload, stream);
                }
            }
            Err(fault) => close(this, seat, e, stream, fault),
        }
    }
}

/// Makes some items. Whether there are more; or it is over, with what it failed with.
unsafe fn steps(this: *mut Isolate, seat: &Seat, stream: &mut Stream) -> Result<bool, Option<Fault>> {
    for _ in 0..AT_ONCE {
        if stream.leaves || stream.room == 0 {
            return Ok(false);
        }
        let items = &mut stream.items;
        let step = guard(|| items.next()).unwrap_or_else(|panic| Err(panicked(&panic)));
        match step {
            Ok(Step::Item(reply)) => {
                stream.room -= 1;
                let entry = about(carry::ITEM, &Entry { corr: stream.corr, ..Entry::default() });
                // SAFETY: as of `resumed`.
                if let Err(why) = unsafe { put_reply(this, entry, reply) } {
                    let (path, method) = (&seat.path, &stream.method);
                    let text = format!("not serializable: an item of '{method}' of {path} cannot be copied: {why}");
                    return Err(Some(Fault::refused(ErrorValue::buskin("ERR_BUSKIN_NOT_SERIALIZABLE", &text))));
                }
            }
            Ok(Step::Wait) => {
                stream.waits = true;
                return Ok(false);
            }
            Ok(Step::Done) => return Err(None),
            Err(fault) => return Err(Some(fault)),
        }
    }
    Ok(true)
}

/// Takes a stream out of the table.
unsafe fn take(this: *mut Isolate, number: u32) -> Option<Stream> {
    // SAFETY: as of `resumed`.
    unsafe { side(this)?.streams.all.remove(&number) }
}

/// Asks for the next step, behind what waits.
unsafe fn next(this: *mut Isolate, index: u32, age: u32, number: u32) {
    // SAFETY: the thread's own isolate, to which no reference lives.
    unsafe { (*this).put(Entry { head: op::RESUME, index, age, payload: number, from: 0, corr: 0 }) };
}

/// RETURN: its reader has gone.
///
/// # Safety
/// As of [`resumed`].
pub(crate) unsafe fn returned(this: *mut Isolate, e: &Entry) {
    // SAFETY: the caller's promise.
    unsafe {
        let head = (*this).seats().get(e.index);
        if is_foreign(head) {
            let Some(stream) = take(this, e.payload) else { return };
            close(this, &mut *head.cast::<Seat>(), e, stream, None);
        }
    }
}

/// A stream is over, at the entry that is run; `fault`: it failed.
unsafe fn close(this: *mut Isolate, seat: &mut Seat, e: &Entry, stream: Stream, fault: Option<Fault>) {
    // SAFETY: as of `resumed`.
    unsafe {
        seat.streams.retain(|known| *known != e.payload);
        forget(this, &stream);
        let fails = fault.as_ref().is_some_and(|fault| fault.fails);
        let (method, age) = (stream.method.clone(), seat.head.age);
        let error = fault.map(|fault| told_by(fault.error, &seat.path, &method));
        let came = if fails { outcome::THREW } else { outcome::OK };
        (*this).put(Entry { head: op::STREAM_END, index: e.index, age, payload: 0, from: came, corr: 0 });
        let entry = about(carry::REPLY, &Entry { corr: stream.corr, ..Entry::default() });
        match &error {
            Some(error) => throw(this, Entry { from: outcome::THREW, ..entry }, error),
            None => (*this).put(entry),
        }
        if let Some(error) = error.filter(|_| fails) {
            fail(this, e, error, &method);
        }
        drop(guard(|| drop(stream)));
    }
}

/// Nothing more of a stream that was taken out.
unsafe fn forget(this: *mut Isolate, stream: &Stream) {
    // SAFETY: as of `resumed`.
    unsafe {
        if let Some(foreign) = side(this) {
            foreign.streams.by_call.remove(&stream.corr);
        }
        if stream.leaves {
            (*this).put(Entry { head: op::DEMAND, from: 0, ..Entry::default() });
        }
    }
}

/// The actor at this index ends, and with it its streams: their readers are told.
///
/// # Safety
/// The thread's own isolate, to which no reference lives.
pub(crate) unsafe fn over(this: *mut Isolate, index: u32) {
    // SAFETY: the caller's promise.
    unsafe {
        let head = (*this).seats().get(index);
        if !is_foreign(head) {
            return;
        }
        let seat = &mut *head.cast::<Seat>();
        let path = Arc::clone(&seat.path);
        for number in std::mem::take(&mut seat.streams) {
            let Some(stream) = take(this, number) else { continue };
            forget(this, &stream);
            let entry = about(carry::REPLY, &Entry { corr: stream.corr, ..Entry::default() });
            throw(this, Entry { from: outcome::THREW, ..entry }, &stopped(&path, &stream.method));
            drop(guard(|| drop(stream)));
        }
    }
}

/// An actor has run: its streams that waited may have something now.
///
/// # Safety
/// As of [`over`]; nobody else uses the seat.
pub(super) unsafe fn wake(this: *mut Isolate, seat: &Seat) {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(foreign) = side(this) else { return };
        for number in &seat.streams {
            let Some(stream) = foreign.streams.all.get_mut(number) else { continue };
            if stream.waits && stream.items.is_ready() {
                stream.waits = false;
                if !stream.pending && !stream.leaves && stream.room > 0 {
                    stream.pending = true;
                    next(this, stream.index, seat.head.age, *number);
                }
            }
        }
    }
}

/// CREDIT: the reader has room for more.
///
/// # Safety
/// As of [`over`].
pub(super) unsafe fn credit(this: *mut Isolate, e: &Entry) {
    // SAFETY: the caller's promise.
    unsafe {
        let Some((number, stream)) = by_call(this, e) else { return };
        stream.room = stream.room.saturating_add(e.payload);
        if !stream.pending && !stream.leaves && !stream.waits {
            stream.pending = true;
            let (index, age) = (stream.index, (*this).age(stream.index));
            next(this, index, age, number);
        }
    }
}

/// LEAVE: the reader has gone.
///
/// # Safety
/// As of [`over`].
pub(super) unsafe fn leave(this: *mut Isolate, e: &Entry) {
    // SAFETY: the caller's promise.
    unsafe {
        let Some((number, stream)) = by_call(this, e) else { return };
        if std::mem::replace(&mut stream.leaves, true) {
            return;
        }
        let (index, age) = (stream.index, (*this).age(stream.index));
        // its end is work, though nobody asks for items
        (*this).put(Entry { head: op::DEMAND, from: 1, ..Entry::default() });
        (*this).put(Entry { head: op::RETURN, index, age, payload: number, from: 0, corr: 0 });
    }
}

unsafe fn by_call<'a>(this: *mut Isolate, e: &Entry) -> Option<(u32, &'a mut Stream)> {
    // SAFETY: as of `over`.
    let streams = unsafe { &mut side(this)?.streams };
    let number = *streams.by_call.get(&call_of(e.index))?;
    Some((number, streams.all.get_mut(&number)?))
}
