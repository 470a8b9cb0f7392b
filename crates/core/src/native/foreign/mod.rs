//! Actors in Rust that JavaScript spawns by the name of their kind and calls by method.
//!
//! A [`Kind`] says what it is called, which methods it has, and makes a [`Behaviour`] of the arguments that an actor was spawned
//! with. A behaviour is called with its arguments where they lie, and answers with a [`Reply`]. Kinds are of the whole process:
//! [`register`] them before a system spawns their actors. [`kv`] is there from the beginning.
//!
//! Who makes a system of JavaScript [attaches](super::attach) lanes to it; on their threads these actors run. For other isolates
//! they are actors like any: supervised, watched, stopped, with mailboxes, priorities and streams.
//!
//! ```
//! use buskin_core::native::foreign::{self, Behaviour, Call, Fault, Kind, Method, Reply};
//!
//! struct Counters;
//!
//! impl Kind for Counters {
//!     fn name(&self) -> &str {
//!         "counter"
//!     }
//!     fn methods(&self) -> Vec<Method> {
//!         vec![Method::call("add")]
//!     }
//!     fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault> {
//!         Ok(Box::new(Counter(args.optional_number("from")?.unwrap_or(0.0))))
//!     }
//! }
//!
//! struct Counter(f64);
//!
//! impl Behaviour for Counter {
//!     fn call(&mut self, _method: usize, call: &mut Call<'_>) -> Result<Reply, Fault> {
//!         self.0 += call.number("by")?;
//!         Ok(self.0.into())
//!     }
//! }
//!
//! foreign::register(Counters)?;
//! # Ok::<(), foreign::RegisterError>(())
//! ```

mod args;
mod call;
mod fault;
pub mod kv;
mod lives;
mod messages;
mod news;
mod plugin;
mod seat;
mod side;
mod streams;

pub use call::{Argument, Call};
pub use fault::{Fault, RegisterError};
pub(crate) use lives::{carried, ended, mark_dead, own_verdict, published};
pub(crate) use messages::message;
pub use plugin::{PluginError, register_plugin};
pub(crate) use seat::{birth, is_foreign};
pub(crate) use side::{BAG, Foreign};
pub(crate) use streams::{over as streams_over, resumed, returned};

use crate::sync::Arc;
use buskin_value::{Kept, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// Actors that JavaScript can spawn.
pub trait Kind: Send + Sync + 'static {
    /// What it is spawned by: `native('name')`.
    fn name(&self) -> &str;

    /// Its methods. A behaviour is told which one is called by its place here. Asked once.
    fn methods(&self) -> Vec<Method>;

    /// Makes an actor of the arguments that it is spawned with; again after every failure, of the same ones.
    ///
    /// # Errors
    /// What is wrong with the arguments: the actor does not start.
    fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault>;
}

/// A method of a [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// What it is called.
    pub name: Cow<'static, str>,
    /// It is read with `ref.stream`, not called.
    pub is_stream: bool,
}

impl Method {
    /// One that is called: told, sent or asked.
    #[must_use]
    pub fn call(name: impl Into<Cow<'static, str>>) -> Method {
        Method { name: name.into(), is_stream: false }
    }

    /// One that is read as a stream.
    #[must_use]
    pub fn stream(name: impl Into<Cow<'static, str>>) -> Method {
        Method { name: name.into(), is_stream: true }
    }
}

/// An actor of a [`Kind`]: its state, and what its methods do. It is called by one thread at a time, and by one message at a time.
pub trait Behaviour: Send + 'static {
    /// Runs a method, by its place among [`Kind::methods`].
    ///
    /// # Errors
    /// See [`Fault`]: either the caller's alone, or a failure of the actor. A panic is a failure, too.
    fn call(&mut self, method: usize, call: &mut Call<'_>) -> Result<Reply, Fault>;

    /// Begins a stream, of a method that is one.
    ///
    /// # Errors
    /// As of [`call`](Behaviour::call).
    fn stream(&mut self, method: usize, call: &mut Call<'_>) -> Result<Box<dyn Items>, Fault> {
        let _ = method;
        Err(call.wrong("this kind has no streams", "call another method"))
    }

    /// When [`tick`](Behaviour::tick) is to run next, on the clock of [`Call::now`]. Asked after every call and every tick.
    fn due(&self) -> Option<Duration> {
        None
    }

    /// The time that [`due`](Behaviour::due) told has come. It may come too early, when that has changed since.
    ///
    /// # Errors
    /// The actor failed.
    fn tick(&mut self, now: Duration) -> Result<(), Fault> {
        let _ = now;
        Ok(())
    }

    /// Whether it is well, asked as often as the actor's options say.
    ///
    /// # Errors
    /// What is wrong.
    fn healthy(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    /// It is stopped; not called when it is killed, or failed.
    ///
    /// # Errors
    /// What went wrong; it ends all the same.
    fn stopped(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

/// What a stream gives, one after the other. Dropped when its reader leaves, or its actor ends.
pub trait Items: Send + 'static {
    /// The next one.
    ///
    /// # Errors
    /// As of [`Behaviour::call`]. The stream is over with it.
    fn next(&mut self) -> Result<Step, Fault>;

    /// Whether [`next`](Items::next) would give something other than [`Step::Wait`]. Asked after it did, whenever its actor has run.
    fn is_ready(&self) -> bool {
        true
    }
}

/// What a stream comes to.
#[derive(Debug)]
pub enum Step {
    /// An item.
    Item(Reply),
    /// Nothing now: see [`Items::is_ready`].
    Wait,
    /// There is no more.
    Done,
}

/// What a method answers.
#[non_exhaustive]
pub enum Reply {
    /// `undefined`
    Undefined,
    /// An integer: it travels without being written.
    Int(i32),
    /// Any value.
    Value(Value),
    /// A value in the bytes that it came as.
    Kept(Kept),
    /// What this future comes to. Until then the actor handles nothing else. Not for streams.
    Later(Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>),
}

impl Reply {
    /// What a future comes to.
    pub fn later(future: impl Future<Output = Result<Reply, Fault>> + Send + 'static) -> Reply {
        Reply::Later(Box::pin(future))
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reply::Undefined => f.write_str("Undefined"),
            Reply::Int(int) => f.debug_tuple("Int").field(int).finish(),
            Reply::Value(value) => f.debug_tuple("Value").field(value).finish(),
            Reply::Kept(kept) => f.debug_tuple("Kept").field(kept).finish(),
            Reply::Later(_) => f.write_str("Later"),
        }
    }
}

impl<T: Into<Value>> From<T> for Reply {
    fn from(value: T) -> Self {
        match value.into() {
            Value::Undefined => Reply::Undefined,
            Value::Int(int) => Reply::Int(int),
            // what is an integer of 32 bits travels as one
            Value::Float(float) => match Value::number(float) {
                Value::Int(int) => Reply::Int(int),
                other => Reply::Value(other),
            },
            Value::Kept(kept) => Reply::Kept(kept),
            other => Reply::Value(other),
        }
    }
}

/// A kind that is registered.
pub struct Registered {
    kind: Box<dyn Kind>,
    name: Box<str>,
    methods: Vec<Method>,
    by_name: HashMap<Cow<'static, str>, usize>,
}

impl Registered {
    fn new(kind: Box<dyn Kind>) -> Registered {
        let (name, methods) = (kind.name().into(), kind.methods());
        let by_name = methods.iter().enumerate().map(|(at, method)| (method.name.clone(), at)).collect();
        Registered { kind, name, methods, by_name }
    }

    /// What it is spawned by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its methods.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    pub(crate) fn method(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registered").field("name", &self.name).field("methods", &self.methods).finish()
    }
}

/// More methods than this a kind cannot have: a method's number travels in 16 bits.
const MOST_METHODS: usize = 0xfffe;

fn table() -> &'static RwLock<Vec<Arc<Registered>>> {
    static KINDS: OnceLock<RwLock<Vec<Arc<Registered>>>> = OnceLock::new();
    KINDS.get_or_init(|| RwLock::new(vec![Arc::new(Registered::new(Box::new(kv::Kv)))]))
}

/// Makes a kind known to all systems of this process.
///
/// # Errors
/// Its name is taken or is none, or it has two methods of a name, or too many.
pub fn register(kind: impl Kind) -> Result<(), RegisterError> {
    register_boxed(Box::new(kind))
}

/// The same, of a kind that is known at run time only.
///
/// # Errors
/// See [`register`].
pub fn register_boxed(kind: Box<dyn Kind>) -> Result<(), RegisterError> {
    let new = Registered::new(kind);
    if new.name.is_empty() || new.name.contains(['\n', '/']) {
        return Err(RegisterError::BadName(new.name));
    }
    if new.methods.len() > MOST_METHODS {
        return Err(RegisterError::TooManyMethods(new.name));
    }
    if new.by_name.len() < new.methods.len() {
        return Err(RegisterError::MethodTwice(new.name));
    }
    let mut kinds = table().write().unwrap_or_else(PoisonError::into_inner);
    if kinds.iter().any(|known| known.name == new.name) {
        return Err(RegisterError::NameTaken(new.name));
    }
    kinds.push(Arc::new(new));
    Ok(())
}

/// The kind of this name.
#[must_use]
pub fn find(name: &str) -> Option<Arc<Registered>> {
    let kinds = table().read().unwrap_or_else(PoisonError::into_inner);
    kinds.iter().find(|kind| *kind.name == *name).cloned()
}

/// All kinds.
#[must_use]
pub fn kinds() -> Vec<Arc<Registered>> {
    table().read().unwrap_or_else(PoisonError::into_inner).clone()
}
