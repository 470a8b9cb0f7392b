//! Kinds of a library that was loaded at run time: see the crate `buskin-plugin`.

use super::call::Call;
use super::{Behaviour, Fault, Items, Kind, Method, RegisterError, Reply, Step};
use crate::hub::Hub;
use crate::sync::Arc;
use buskin_plugin::abi::{self, Answer, Bytes, Host, NEVER, NONE, answer};
use buskin_value::{Codec, ErrorKind, ErrorValue, Message, Value};
use std::borrow::Cow;
use std::error::Error;
use std::ffi::c_void;
use std::fmt;
use std::time::Duration;

/// Why a library's kinds are not registered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PluginError {
    /// It was built with another version of `buskin-plugin`.
    Version(u32),
    /// Its table is none, or has a name that is no text.
    Malformed,
    /// One of its kinds cannot be registered; those before it are.
    Register(RegisterError),
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(theirs) => write!(
                f,
                "the library speaks version {theirs:#x}, and this process {:#x}: build it with the buskin-plugin of this version of buskin",
                abi::VERSION
            ),
            Self::Malformed => f.write_str("the library has no table of kinds: end it in buskin_plugin::plugin!"),
            Self::Register(error) => error.fmt(f),
        }
    }
}

impl Error for PluginError {}

/// Registers all kinds of a library; their names.
///
/// # Errors
/// See [`PluginError`].
///
/// # Safety
/// `plugin` came from the library's [`ENTRY`](abi::ENTRY), and the library is never unloaded.
pub unsafe fn register_plugin(plugin: *const abi::Plugin) -> Result<Vec<String>, PluginError> {
    // SAFETY: the caller's promise: it stays, and of another version only the first word is read.
    unsafe {
        if plugin.is_null() {
            return Err(PluginError::Malformed);
        }
        let version = (&raw const (*plugin).version).read();
        if version != abi::VERSION {
            return Err(PluginError::Version(version));
        }
        let kinds = list((*plugin).kinds, (*plugin).count as usize);
        let mut names = Vec::with_capacity(kinds.len());
        for raw in kinds {
            let mut methods = Vec::with_capacity(raw.method_count);
            for method in list(raw.methods, raw.method_count) {
                let name = Cow::Owned(text(method.name)?);
                methods.push(Method { name, is_stream: method.is_stream == 1 });
            }
            let name = text(raw.name)?;
            names.push(name.clone());
            super::register(Loaded { raw, name, methods }).map_err(PluginError::Register)?;
        }
        Ok(names)
    }
}

unsafe fn list<T>(at: *const T, count: usize) -> &'static [T] {
    if count == 0 || at.is_null() {
        return &[];
    }
    // SAFETY: as of `register_plugin`.
    unsafe { std::slice::from_raw_parts(at, count) }
}

unsafe fn text(bytes: Bytes) -> Result<String, PluginError> {
    // SAFETY: as of `register_plugin`.
    std::str::from_utf8(unsafe { bytes.get() }).map(str::to_owned).map_err(|_| PluginError::Malformed)
}

/// A kind of a library.
struct Loaded {
    raw: &'static abi::Kind,
    name: String,
    methods: Vec<Method>,
}

// SAFETY: the table is never written, and a library's kinds are `Sync`, as `buskin_plugin::Kind` demands.
unsafe impl Send for Loaded {}
// SAFETY: as above.
unsafe impl Sync for Loaded {}

struct Actor {
    raw: &'static abi::Kind,
    actor: *mut c_void,
    hub: Arc<Hub>,
}

// SAFETY: a library's behaviours are `Send`, as `buskin_plugin::Behaviour` demands.
unsafe impl Send for Actor {}

struct Stream {
    raw: &'static abi::Kind,
    items: *mut c_void,
    hub: Arc<Hub>,
}

// SAFETY: as above, of `buskin_plugin::Items`.
unsafe impl Send for Stream {}

impl Drop for Actor {
    fn drop(&mut self) {
        // SAFETY: it is the library's, and is not used again.
        unsafe { (self.raw.free)(self.actor) };
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: it is the library's, and is not used again.
        unsafe { (self.raw.free_items)(self.items) };
    }
}

// --------------------------------------------------------------------------------------------------- the host

struct Context<'a> {
    hub: &'a Hub,
    now: Duration,
    /// What the library put.
    out: Vec<u8>,
}

const SHAPES: usize = 1;
const MOST: u32 = 0xffff;

unsafe extern "C" fn shape(context: *mut c_void, keys: Bytes) -> u32 {
    // SAFETY: the context of `host`, during a call.
    let (context, keys) = unsafe { (&*context.cast::<Context<'_>>(), keys.get()) };
    std::str::from_utf8(keys).ok().and_then(|keys| context.hub.word(SHAPES, keys, MOST)).unwrap_or(NONE)
}

unsafe extern "C" fn keys(
    context: *mut c_void,
    shape: u32,
    take: unsafe extern "C" fn(*mut c_void, Bytes),
    into: *mut c_void,
) {
    // SAFETY: as above; `take` and `into` belong together.
    unsafe {
        if let Some(keys) = (*context.cast::<Context<'_>>()).hub.word_at(SHAPES, shape) {
            take(into, Bytes::of(keys.as_bytes()));
        }
    }
}

unsafe extern "C" fn now(context: *mut c_void) -> u64 {
    // SAFETY: as above.
    let now = unsafe { (*context.cast::<Context<'_>>()).now };
    u64::try_from(now.as_micros()).unwrap_or(NEVER)
}

unsafe extern "C" fn put(context: *mut c_void, bytes: Bytes) {
    // SAFETY: as above; the context is not used otherwise during the call.
    unsafe { (*context.cast::<Context<'_>>()).out = bytes.get().to_vec() };
}

/// Calls into the library.
fn with_host(hub: &Hub, time: Duration, call: impl FnOnce(*const Host) -> Answer) -> (Answer, Vec<u8>) {
    let mut context = Context { hub, now: time, out: Vec::new() };
    let host = Host { context: (&raw mut context).cast(), shape, keys, now, put };
    let answer = call(&raw const host);
    (answer, context.out)
}

/// What the library said of a fault.
fn fault(hub: &Hub, answer: &Answer, bytes: &[u8]) -> Fault {
    struct Keys<'a>(&'a Hub);
    impl buskin_value::Outside for Keys<'_> {
        fn shape(&mut self, _: &str) -> Option<u16> {
            None
        }
        fn keys(&mut self, shape: u16) -> Option<Box<str>> {
            self.0.word_at(SHAPES, u32::from(shape))
        }
    }
    let error = match Codec::new().decode(bytes, &mut Keys(hub)).ok().and_then(|values| values.into_iter().next()) {
        Some(Value::Error(error)) => *error,
        _ => ErrorValue::new(ErrorKind::Error, "the library that the actor is of failed without words"),
    };
    if answer.what == answer::REFUSED { Fault::refused(error) } else { Fault::failed(error) }
}

/// What the library answered.
fn came(hub: &Hub, answer: &Answer, bytes: &[u8]) -> Result<Reply, Fault> {
    match answer.what {
        answer::NOTHING => Ok(Reply::Undefined),
        answer::INT => Ok(Reply::Int(answer.int)),
        answer::VALUE => {
            let kept = Message::new(bytes).and_then(|message| message.keep_last(true, &mut Codec::new(), &mut Nothing));
            kept.map(Reply::Kept).map_err(|error| Fault::failed(ErrorValue::new(ErrorKind::Error, &error.to_string())))
        }
        _ => Err(fault(hub, answer, bytes)),
    }
}

/// Of a message of one value that is whole nothing is asked.
struct Nothing;

impl buskin_value::Outside for Nothing {
    fn shape(&mut self, _: &str) -> Option<u16> {
        None
    }
    fn keys(&mut self, _: u16) -> Option<Box<str>> {
        None
    }
}

impl Kind for Loaded {
    fn name(&self) -> &str {
        &self.name
    }

    fn methods(&self) -> Vec<Method> {
        self.methods.clone()
    }

    fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault> {
        let hub = Arc::clone(args.hub());
        // SAFETY: the library's function, with its data.
        let (answer, bytes) = called(args, 0, |host, call| unsafe { (self.raw.make)(self.raw.data, host, call) })?;
        match answer.what {
            answer::MADE => Ok(Box::new(Actor { raw: self.raw, actor: answer.made, hub })),
            _ => Err(fault(&hub, &answer, &bytes)),
        }
    }
}

/// Calls a method of the library with the arguments that are left.
fn called(
    call: &mut Call<'_>,
    method: usize,
    run: impl FnOnce(*const Host, *const abi::Call) -> Answer,
) -> Result<(Answer, Vec<u8>), Fault> {
    let (hub, time, path) = (Arc::clone(call.hub()), call.now(), call.path().to_owned());
    let args = call.message()?;
    let method = u32::try_from(method).unwrap_or(u32::MAX);
    let raw = abi::Call { method, args: Bytes::of(&args), path: Bytes::of(path.as_bytes()) };
    Ok(with_host(&hub, time, |host| run(host, &raw const raw)))
}

impl Behaviour for Actor {
    fn call(&mut self, method: usize, call: &mut Call<'_>) -> Result<Reply, Fault> {
        // SAFETY: an actor of this library, which nobody else calls meanwhile.
        let (answer, bytes) = called(call, method, |host, raw| unsafe { (self.raw.call)(self.actor, host, raw) })?;
        came(&self.hub, &answer, &bytes)
    }

    fn stream(&mut self, method: usize, call: &mut Call<'_>) -> Result<Box<dyn Items>, Fault> {
        // SAFETY: as above.
        let (answer, bytes) = called(call, method, |host, raw| unsafe { (self.raw.stream)(self.actor, host, raw) })?;
        match answer.what {
            answer::MADE => Ok(Box::new(Stream { raw: self.raw, items: answer.made, hub: Arc::clone(&self.hub) })),
            _ => Err(fault(&self.hub, &answer, &bytes)),
        }
    }

    fn due(&self) -> Option<Duration> {
        // SAFETY: as above.
        let due = unsafe { (self.raw.due)(self.actor) };
        (due != NEVER).then(|| Duration::from_micros(due))
    }

    fn tick(&mut self, now: Duration) -> Result<(), Fault> {
        let micros = u64::try_from(now.as_micros()).unwrap_or(NEVER);
        // SAFETY: as above.
        self.told(now, |actor, host| unsafe { (self.raw.tick)(actor, host, micros) })
    }

    fn healthy(&mut self) -> Result<(), Fault> {
        // SAFETY: as above.
        self.told(Duration::ZERO, |actor, host| unsafe { (self.raw.healthy)(actor, host) })
    }

    fn stopped(&mut self) -> Result<(), Fault> {
        // SAFETY: as above.
        self.told(Duration::ZERO, |actor, host| unsafe { (self.raw.stopped)(actor, host) })
    }
}

impl Actor {
    fn told(&self, now: Duration, call: impl FnOnce(*mut c_void, *const Host) -> Answer) -> Result<(), Fault> {
        let (answer, bytes) = with_host(&self.hub, now, |host| call(self.actor, host));
        came(&self.hub, &answer, &bytes).map(|_| ())
    }
}

impl Items for Stream {
    fn next(&mut self) -> Result<Step, Fault> {
        // SAFETY: items of this library, which nobody else uses meanwhile.
        let (answer, bytes) = with_host(&self.hub, Duration::ZERO, |host| unsafe { (self.raw.next)(self.items, host) });
        match answer.what {
            answer::WAIT => Ok(Step::Wait),
            answer::DONE => Ok(Step::Done),
            _ => came(&self.hub, &answer, &bytes).map(Step::Item),
        }
    }

    fn is_ready(&self) -> bool {
        // SAFETY: as above.
        unsafe { (self.raw.is_ready)(self.items) == 1 }
    }
}
