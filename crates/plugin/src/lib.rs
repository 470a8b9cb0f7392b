//! Native actors of Buskin in a library of one's own.
//!
//! Such a library is a plain `cdylib`. It is built by itself, knows nothing of Node or of Buskin's core, and is loaded by a running
//! process. Say what the actors do in a [`Kind`] and a [`Behaviour`], and name the kinds to [`plugin!`]:
//!
//! ```
//! use buskin_plugin::{Behaviour, Call, Fault, Kind, Method, Reply};
//!
//! struct Sums;
//!
//! impl Kind for Sums {
//!     fn name(&self) -> &'static str {
//!         "sums"
//!     }
//!     fn methods(&self) -> Vec<Method> {
//!         vec![Method::call("add")]
//!     }
//!     fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault> {
//!         Ok(Box::new(Sum(args.optional_number("from")?.unwrap_or(0.0))))
//!     }
//! }
//!
//! struct Sum(f64);
//!
//! impl Behaviour for Sum {
//!     fn call(&mut self, _method: usize, call: &mut Call<'_>) -> Result<Reply, Fault> {
//!         self.0 += call.number("by")?;
//!         Ok(self.0.into())
//!     }
//! }
//!
//! buskin_plugin::plugin!(Sums);
//! # fn main() {}
//! ```
//!
//! The library and the process may have been built by different compilers: they say C structs and bytes to each other ([`abi`]).
//! They have to agree on [`abi::VERSION`] and on the format of values. A library is never unloaded.

pub mod abi;
mod call;
mod glue;

pub use buskin_value as value;
pub use call::{Argument, Call, Fault};
pub use glue::export;

use buskin_value::{Kept, Value};
use std::time::Duration;

/// Actors that JavaScript can spawn by name.
pub trait Kind: Send + Sync + 'static {
    /// What it is spawned by: `native('name')`. Unique in the process.
    fn name(&self) -> &'static str;

    /// Its methods. A behaviour is told which one is called by its place here.
    fn methods(&self) -> Vec<Method>;

    /// Makes an actor of the arguments that it is spawned with; again after every failure, of the same ones.
    ///
    /// # Errors
    /// What is wrong with the arguments: the actor does not start.
    fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault>;
}

/// A method of a [`Kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    name: &'static str,
    is_stream: bool,
}

impl Method {
    /// One that is told, sent or asked.
    #[must_use]
    pub fn call(name: &'static str) -> Method {
        Method { name, is_stream: false }
    }

    /// One that is read with `ref.stream`.
    #[must_use]
    pub fn stream(name: &'static str) -> Method {
        Method { name, is_stream: true }
    }
}

/// An actor: its state, and what its methods do. It is called by one thread at a time, and should not block it for long.
pub trait Behaviour: Send + 'static {
    /// Runs a method, by its place among [`Kind::methods`].
    ///
    /// # Errors
    /// See [`Fault`]. A panic is a failure, too.
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

/// What a stream gives, one after the other.
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
    /// Nothing now.
    Wait,
    /// There is no more.
    Done,
}

/// What a method answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// `undefined`
    Undefined,
    /// An integer.
    Int(i32),
    /// Any value.
    Value(Value),
    /// A value in the bytes that it came as.
    Kept(Kept),
}

impl<T: Into<Value>> From<T> for Reply {
    fn from(value: T) -> Self {
        match value.into() {
            Value::Undefined => Reply::Undefined,
            Value::Int(int) => Reply::Int(int),
            Value::Kept(kept) => Reply::Kept(kept),
            other => Reply::Value(other),
        }
    }
}

/// Makes the library's one function, for these kinds: values of types that are [`Kind`]s.
#[macro_export]
macro_rules! plugin {
    ($($kind:expr),+ $(,)?) => {
        /// What the process that loads this library calls first.
        #[unsafe(no_mangle)]
        pub extern "C" fn buskin_plugin() -> *const $crate::abi::Plugin {
            static PLUGIN: ::std::sync::OnceLock<usize> = ::std::sync::OnceLock::new();
            let at = PLUGIN.get_or_init(|| $crate::export(vec![$(::std::boxed::Box::new($kind)),+]) as usize);
            *at as *const $crate::abi::Plugin
        }
    };
}
