//! What a method says when it does not answer.

use buskin_value::{ErrorKind, ErrorValue};
use std::error::Error;
use std::fmt;

/// Why a method does not answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub(crate) error: ErrorValue,
    /// The actor failed: its supervisor decides what becomes of it.
    pub(crate) fails: bool,
}

impl Fault {
    /// Who asked is told, and nothing else happens: the actor goes on with the state that it has. For what is wrong with a call.
    #[must_use]
    pub fn refused(error: ErrorValue) -> Fault {
        Fault { error, fails: false }
    }

    /// The actor failed: who asked is told, and its supervisor, which by default starts it afresh.
    #[must_use]
    pub fn failed(error: ErrorValue) -> Fault {
        Fault { error, fails: true }
    }

    /// The same, of any error: JavaScript sees its text.
    #[must_use]
    pub fn from_error(error: &dyn Error) -> Fault {
        Fault::failed(ErrorValue::new(ErrorKind::Error, &error.to_string()))
    }

    /// Whether it is a failure of the actor.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.fails
    }

    /// What JavaScript is told.
    #[must_use]
    pub fn error(&self) -> &ErrorValue {
        &self.error
    }
}

/// An error is a failure, unless it is a [`Refusal`](ErrorKind::Refusal).
impl From<ErrorValue> for Fault {
    fn from(error: ErrorValue) -> Self {
        let fails = error.kind != ErrorKind::Refusal;
        Fault { error, fails }
    }
}

/// What an actor of JavaScript's failed with.
#[derive(Clone, Debug)]
pub(crate) struct Thrown {
    pub(crate) error: ErrorValue,
    pub(crate) method: Option<Box<str>>,
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error.name(), self.error.message())
    }
}

impl Error for Thrown {}

/// The same with who threw it, and in which method.
pub(crate) fn told_by(mut error: ErrorValue, path: &str, method: &str) -> ErrorValue {
    if error.get("actor").is_none() {
        error = error.with("actor", path);
    }
    if !method.is_empty() && error.get("method").is_none() {
        error = error.with("method", method);
    }
    let plain = format!("{}: {}", error.kind.name(), error.message());
    let place = if method.is_empty() { path.to_owned() } else { format!("{path}.{method}") };
    for (key, value) in &mut error.hidden {
        // what it has of its own stays
        if *key == "stack" && value.as_str() == Some(&plain) {
            *value = format!("{plain}\n    at {place} (native)").into();
        }
    }
    error
}

/// Why a kind was not registered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another kind has its name.
    NameTaken(Box<str>),
    /// The name is empty, or has a line's end or a `/`.
    BadName(Box<str>),
    /// Two methods have one name.
    MethodTwice(Box<str>),
    /// More than 65,534 methods.
    TooManyMethods(Box<str>),
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken(name) => write!(f, "a kind '{name}' is registered already: choose another name"),
            Self::BadName(name) => {
                write!(f, "'{name}' is no name of a kind: one is not empty, and has no '/' and no line's end")
            }
            Self::MethodTwice(name) => write!(f, "the kind '{name}' has two methods of one name: rename one of them"),
            Self::TooManyMethods(name) => {
                write!(f, "the kind '{name}' has more than {} methods: have fewer", super::MOST_METHODS)
            }
        }
    }
}

impl Error for RegisterError {}
