//! The C functions of a library, and what is behind them. None unwinds: a panic is told as a failure.

use crate::abi::{
    Answer, Bytes, Call as Raw, Host, Kind as RawKind, Method as RawMethod, NEVER, NONE, Plugin, VERSION, answer,
};
use crate::{Behaviour, Call, Fault, Items, Kind, Method, Reply, Step};
use buskin_value::{Codec, ErrorKind, ErrorValue, Message, Outside, Value};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

/// A kind, as the functions know it.
struct Known {
    kind: Box<dyn Kind>,
    methods: Vec<Method>,
}

/// An actor. Shapes are remembered by actor: a library may serve several systems at once, which number them differently.
struct Actor {
    known: Arc<Known>,
    behaviour: Box<dyn Behaviour>,
    codec: Codec,
}

struct Stream {
    items: Box<dyn Items>,
    codec: Codec,
}

/// The table of a library. It stays for ever, as the library does.
#[must_use]
pub fn export(kinds: Vec<Box<dyn Kind>>) -> *const Plugin {
    let kinds: Vec<RawKind> = kinds.into_iter().map(raw).collect();
    let count = u32::try_from(kinds.len()).unwrap_or(0);
    let kinds = Box::leak(kinds.into_boxed_slice()).as_ptr();
    Box::leak(Box::new(Plugin { version: VERSION, count, kinds }))
}

fn raw(kind: Box<dyn Kind>) -> RawKind {
    let (name, methods) = (kind.name(), kind.methods());
    let raws: Vec<RawMethod> = methods
        .iter()
        .map(|method| RawMethod { name: Bytes::of(method.name.as_bytes()), is_stream: u32::from(method.is_stream) })
        .collect();
    let raws = Box::leak(raws.into_boxed_slice());
    let data = Box::into_raw(Box::new(Arc::new(Known { kind, methods })));
    RawKind {
        name: Bytes::of(name.as_bytes()),
        methods: raws.as_ptr(),
        method_count: raws.len(),
        data: data.cast_const().cast(),
        make,
        call,
        stream,
        next,
        is_ready,
        due,
        tick,
        healthy,
        stopped,
        free: free::<Actor>,
        free_items: free::<Stream>,
    }
}

// ------------------------------------------------------------------------------------------------ the process

struct Beside(Host);

impl Outside for Beside {
    fn shape(&mut self, keys: &str) -> Option<u16> {
        // SAFETY: a function of the process, with its own context, during a call of its.
        let shape = unsafe { (self.0.shape)(self.0.context, Bytes::of(keys.as_bytes())) };
        if shape == NONE { None } else { u16::try_from(shape).ok() }
    }

    fn keys(&mut self, shape: u16) -> Option<Box<str>> {
        unsafe extern "C" fn take(into: *mut c_void, bytes: Bytes) {
            // SAFETY: `into` is the option below, and the bytes are there during this call.
            unsafe { *into.cast::<Option<Box<str>>>() = std::str::from_utf8(bytes.get()).ok().map(Into::into) };
        }
        let mut keys: Option<Box<str>> = None;
        // SAFETY: as above; `keys` is there until the function returns.
        unsafe { (self.0.keys)(self.0.context, u32::from(shape), take, (&raw mut keys).cast()) };
        keys
    }
}

impl Beside {
    fn now(&self) -> Duration {
        // SAFETY: as above.
        Duration::from_micros(unsafe { (self.0.now)(self.0.context) })
    }

    fn put(&self, bytes: &[u8]) {
        // SAFETY: as above.
        unsafe { (self.0.put)(self.0.context, Bytes::of(bytes)) };
    }
}

const NOTHING: Answer = Answer { what: answer::NOTHING, int: 0, made: ptr::null_mut() };

fn said(what: u32) -> Answer {
    Answer { what, ..NOTHING }
}

fn made<T>(what: T) -> Answer {
    Answer { what: answer::MADE, made: Box::into_raw(Box::new(what)).cast(), ..NOTHING }
}

/// What a reply is told as.
fn reply(reply: &Reply, codec: &mut Codec, beside: &mut Beside) -> Answer {
    let mut bytes = Vec::new();
    match reply {
        Reply::Undefined => return NOTHING,
        Reply::Int(int) => return Answer { what: answer::INT, int: *int, ..NOTHING },
        Reply::Kept(kept) => kept.write_message(&mut bytes),
        Reply::Value(value) => {
            if let Err(error) = codec.encode(std::slice::from_ref(value), &mut bytes, beside) {
                return fault(Fault::refused(ErrorValue::new(ErrorKind::TypeError, &error.to_string())), codec, beside);
            }
        }
    }
    beside.put(&bytes);
    said(answer::VALUE)
}

fn fault(fault: Fault, codec: &mut Codec, beside: &mut Beside) -> Answer {
    let mut bytes = Vec::new();
    let bare = ErrorValue::new(fault.error.kind, fault.error.message());
    let error: Value = fault.error.into();
    if codec.encode(&[error], &mut bytes, beside).is_err() && codec.encode(&[bare.into()], &mut bytes, beside).is_err()
    {
        return said(answer::FAILED); // the process says that there are no words for it
    }
    beside.put(&bytes);
    said(if fault.fails { answer::FAILED } else { answer::REFUSED })
}

/// Runs what may panic.
fn guard<T>(run: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text = format!("panicked: {}", text.unwrap_or("a panic without words"));
        Err(Fault::failed(ErrorValue::new(ErrorKind::Error, &text)))
    })
}

// ---------------------------------------------------------------------------------------------- the functions

/// Calls `run` with what the process wants to have done.
///
/// # Safety
/// The words are the process's, and are there during the call.
unsafe fn with_call<T>(
    known: &Known,
    codec: &mut Codec,
    beside: &mut Beside,
    raw: *const Raw,
    method: &str,
    run: impl FnOnce(usize, &mut Call<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // SAFETY: the caller's promise.
    let (at, args, path) = unsafe { ((*raw).method as usize, (*raw).args.get(), (*raw).path.get()) };
    let args = Message::new(args)
        .map_err(|error| Fault::refused(ErrorValue::new(ErrorKind::TypeError, &error.to_string())))?;
    let (kind, path, now) = (known.kind.name(), std::str::from_utf8(path).unwrap_or(""), beside.now());
    let method = known.methods.get(at).filter(|_| method.is_empty()).map_or(method, |method| method.name);
    let mut call = Call { args, codec, outside: beside, kind, method, path, now };
    guard(|| run(at, &mut call))
}

unsafe extern "C" fn make(data: *const c_void, host: *const Host, raw: *const Raw) -> Answer {
    // SAFETY: `data` is of `raw` above, and stays; the others are the process's.
    let (known, mut beside) = unsafe { (&*data.cast::<Arc<Known>>(), Beside(*host)) };
    let mut codec = Codec::new();
    // SAFETY: as above.
    let behaviour = unsafe { with_call(known, &mut codec, &mut beside, raw, "spawn", |_, call| known.kind.make(call)) };
    match behaviour {
        Ok(behaviour) => made(Actor { known: Arc::clone(known), behaviour, codec }),
        Err(why) => fault(why, &mut codec, &mut beside),
    }
}

unsafe extern "C" fn call(actor: *mut c_void, host: *const Host, raw: *const Raw) -> Answer {
    // SAFETY: an actor of `make`, which one thread at a time calls; the others are the process's.
    let (Actor { known, behaviour, codec }, mut beside) = unsafe { (&mut *actor.cast::<Actor>(), Beside(*host)) };
    // SAFETY: as above.
    let came = unsafe { with_call(known, codec, &mut beside, raw, "", |at, call| behaviour.call(at, call)) };
    match came {
        Ok(came) => reply(&came, codec, &mut beside),
        Err(why) => fault(why, codec, &mut beside),
    }
}

unsafe extern "C" fn stream(actor: *mut c_void, host: *const Host, raw: *const Raw) -> Answer {
    // SAFETY: as of `call`.
    let (Actor { known, behaviour, codec }, mut beside) = unsafe { (&mut *actor.cast::<Actor>(), Beside(*host)) };
    // SAFETY: as above.
    let items = unsafe { with_call(known, codec, &mut beside, raw, "", |at, call| behaviour.stream(at, call)) };
    match items {
        Ok(items) => made(Stream { items, codec: Codec::new() }),
        Err(why) => fault(why, codec, &mut beside),
    }
}

unsafe extern "C" fn next(items: *mut c_void, host: *const Host) -> Answer {
    // SAFETY: items of `stream`, which one thread at a time calls; the host is the process's.
    let (Stream { items, codec }, mut beside) = unsafe { (&mut *items.cast::<Stream>(), Beside(*host)) };
    match guard(|| items.next()) {
        Ok(Step::Item(item)) => reply(&item, codec, &mut beside),
        Ok(Step::Wait) => said(answer::WAIT),
        Ok(Step::Done) => said(answer::DONE),
        Err(why) => fault(why, codec, &mut beside),
    }
}

unsafe extern "C" fn is_ready(items: *mut c_void) -> u32 {
    // SAFETY: as of `next`.
    let stream = unsafe { &*items.cast::<Stream>() };
    // one that panics is asked for its next item, and may say so again
    u32::from(guard(|| Ok(stream.items.is_ready())).unwrap_or(true))
}

unsafe extern "C" fn due(actor: *mut c_void) -> u64 {
    // SAFETY: as of `call`.
    let actor = unsafe { &*actor.cast::<Actor>() };
    let due = guard(|| Ok(actor.behaviour.due())).ok().flatten();
    due.map_or(NEVER, |due| u64::try_from(due.as_micros()).unwrap_or(NEVER))
}

unsafe extern "C" fn tick(actor: *mut c_void, host: *const Host, now: u64) -> Answer {
    // SAFETY: as of `call`.
    unsafe { run(actor, host, |behaviour| behaviour.tick(Duration::from_micros(now))) }
}

unsafe extern "C" fn healthy(actor: *mut c_void, host: *const Host) -> Answer {
    // SAFETY: as of `call`.
    unsafe { run(actor, host, Behaviour::healthy) }
}

unsafe extern "C" fn stopped(actor: *mut c_void, host: *const Host) -> Answer {
    // SAFETY: as of `call`.
    unsafe { run(actor, host, Behaviour::stopped) }
}

unsafe fn run(
    actor: *mut c_void,
    host: *const Host,
    run: impl FnOnce(&mut dyn Behaviour) -> Result<(), Fault>,
) -> Answer {
    // SAFETY: as of `call`.
    let (Actor { behaviour, codec, .. }, mut beside) = unsafe { (&mut *actor.cast::<Actor>(), Beside(*host)) };
    match guard(|| run(&mut **behaviour)) {
        Ok(()) => NOTHING,
        Err(why) => fault(why, codec, &mut beside),
    }
}

unsafe extern "C" fn free<T>(what: *mut c_void) {
    // SAFETY: it was made by `made` with this type, and nobody uses it any more.
    let what = unsafe { Box::from_raw(what.cast::<T>()) };
    let _ = guard(|| {
        drop(what);
        Ok(())
    });
}
