//! A call as its method sees it.

use buskin_value::{Codec, DecodeError, ErrorKind, ErrorValue, Kept, Malformed, Message, Outside, Value, ValueRef};
use std::borrow::Cow;
use std::time::Duration;

/// A call. Its arguments are taken in their order; what is not taken is not looked at.
pub struct Call<'a> {
    pub(crate) args: Message<'a>,
    pub(crate) codec: &'a mut Codec,
    pub(crate) outside: &'a mut dyn Outside,
    pub(crate) kind: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) now: Duration,
}

/// An argument that nobody has looked into yet.
pub type Argument<'a> = ValueRef<'a>;

impl<'a> Call<'a> {
    /// What the method is called.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method
    }

    /// Where the actor is in the tree.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path
    }

    /// How many arguments were not taken yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.args.left()
    }

    /// The time since the system was made.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Takes the next argument; none when there is no more.
    ///
    /// # Errors
    /// The message is malformed.
    pub fn argument(&mut self) -> Result<Option<Argument<'a>>, Fault> {
        let next = self.args.next(self.codec, self.outside);
        next.map_err(|error| self.malformed(error))
    }

    /// Takes a string.
    ///
    /// # Errors
    /// A `TypeError` that names the argument, for the caller.
    pub fn text(&mut self, name: &str) -> Result<Cow<'a, str>, Fault> {
        match self.optional_text(name)? {
            Some(text) => Ok(text),
            None => Err(self.bad(name, "missing", "a string")),
        }
    }

    /// Takes a string that may be missing: `undefined` and `null` are as if it was.
    ///
    /// # Errors
    /// As of [`text`](Call::text).
    pub fn optional_text(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        match self.argument()? {
            None => Ok(None),
            Some(value) if value.is_nullish() => Ok(None),
            Some(value) => match value.as_text() {
                Some(text) => Ok(Some(text)),
                None => Err(self.bad(name, "no string", "a string")),
            },
        }
    }

    /// Takes a number.
    ///
    /// # Errors
    /// As of [`text`](Call::text).
    pub fn number(&mut self, name: &str) -> Result<f64, Fault> {
        match self.optional_number(name)? {
            Some(number) => Ok(number),
            None => Err(self.bad(name, "missing", "a number")),
        }
    }

    /// Takes a number that may be missing.
    ///
    /// # Errors
    /// As of [`text`](Call::text).
    pub fn optional_number(&mut self, name: &str) -> Result<Option<f64>, Fault> {
        match self.argument()? {
            None => Ok(None),
            Some(value) if value.is_nullish() => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(Some(number)),
                None => Err(self.bad(name, "no number", "a number")),
            },
        }
    }

    /// Takes a value; `undefined` when there is none.
    ///
    /// # Errors
    /// The message is malformed.
    pub fn value(&mut self) -> Result<Value, Fault> {
        match self.argument()? {
            None => Ok(Value::Undefined),
            Some(value) => {
                let value = value.to_value(self.codec, self.outside);
                value.map_err(|error| self.malformed(error))
            }
        }
    }

    /// Takes a value as the bytes that it came as; none when there is no more.
    ///
    /// # Errors
    /// The message is malformed.
    pub fn keep(&mut self) -> Result<Option<Kept>, Fault> {
        match self.argument()? {
            None => Ok(None),
            Some(value) => match value.keep(self.outside) {
                Ok(kept) => Ok(Some(kept)),
                Err(error) => Err(self.malformed(error)),
            },
        }
    }

    /// What was kept, to look into it.
    ///
    /// # Errors
    /// The bytes are those of another system.
    pub fn to_value(&mut self, kept: &Kept) -> Result<Value, Fault> {
        let value = kept.to_value(self.codec, self.outside);
        value.map_err(|error| self.malformed(error))
    }

    /// A `TypeError` for the caller: what is wrong, and what to do.
    #[must_use]
    pub fn wrong(&self, what: &str, remedy: &str) -> Fault {
        let (kind, method) = (self.kind, self.method);
        Fault::refused(ErrorValue::new(ErrorKind::TypeError, &format!("{kind}.{method}: {what}; {remedy}")))
    }

    /// A `TypeError` for the caller: the argument `name` is `what`; `needed` completes "give".
    #[must_use]
    pub fn bad(&self, name: &str, what: &str, needed: &str) -> Fault {
        self.wrong(&format!("the argument '{name}' is {what}"), &format!("give {needed}"))
    }

    #[cold]
    fn malformed(&self, error: DecodeError) -> Fault {
        if error.why == Malformed::Moved {
            return self.wrong("memory that is shared or was given away cannot be kept", "send a copy of it");
        }
        self.wrong(&error.to_string(), "send plain data")
    }
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("path", &self.path).field("method", &self.method).finish_non_exhaustive()
    }
}

/// Why a method does not answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub(crate) error: ErrorValue,
    pub(crate) fails: bool,
}

impl Fault {
    /// Who asked is told, and nothing else happens: the actor goes on with the state that it has.
    #[must_use]
    pub fn refused(error: ErrorValue) -> Fault {
        Fault { error, fails: false }
    }

    /// The actor failed: who asked is told, and its supervisor, which by default starts it afresh.
    #[must_use]
    pub fn failed(error: ErrorValue) -> Fault {
        Fault { error, fails: true }
    }
}

/// An error is a failure, unless it is a [`Refusal`](ErrorKind::Refusal).
impl From<ErrorValue> for Fault {
    fn from(error: ErrorValue) -> Self {
        let fails = error.kind != ErrorKind::Refusal;
        Fault { error, fails }
    }
}
