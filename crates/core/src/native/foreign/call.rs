//! A call as its method sees it: the arguments, one after the other.

use super::args::Args;
use super::fault::Fault;
use super::side::Beside;
use crate::hub::{Hub, Shared};
use crate::sync::Arc;
use buskin_value::{Codec, DecodeError, ErrorKind, ErrorValue, Kept, Value, ValueRef};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// A call. Its arguments are taken in their order; what is not taken is not looked at.
pub struct Call<'a> {
    pub(super) args: Args<'a>,
    /// Nothing lies beside the message.
    pub(super) is_whole: bool,
    pub(super) codec: &'a mut Codec,
    pub(super) beside: Beside<'a>,
    pub(super) kind: &'a str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) sender: (u32, u32),
    pub(super) lane: &'a Shared,
    pub(super) now: Option<Duration>,
    /// All arguments as a message, if they came as one, and none was taken.
    pub(super) raw: Option<&'a [u8]>,
}

/// An argument that nobody has looked into yet.
#[derive(Debug)]
pub enum Argument<'a> {
    /// An integer that came without being written.
    Int(i32),
    /// Any other.
    Ref(ValueRef<'a>),
}

impl<'a> Argument<'a> {
    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<Cow<'a, str>> {
        if let Self::Ref(value) = self { value.as_text() } else { None }
    }

    /// The number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(int) => Some(f64::from(*int)),
            Self::Ref(value) => value.as_f64(),
        }
    }

    /// Whether it is `undefined` or `null`.
    #[must_use]
    pub fn is_nullish(&self) -> bool {
        matches!(self, Self::Ref(value) if value.is_nullish())
    }
}

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

    /// The address and the age of the actor that sent it; none when it was no actor.
    #[must_use]
    pub fn sender(&self) -> Option<(u32, u32)> {
        (self.sender.0 != 0).then_some(self.sender)
    }

    /// How many arguments were not taken yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.args.left()
    }

    /// The time since the system was made.
    pub fn now(&mut self) -> Duration {
        *self.now.get_or_insert_with(|| super::side::time(self.lane))
    }

    /// Takes the next argument; none when there is no more.
    ///
    /// # Errors
    /// The message is malformed.
    pub fn argument(&mut self) -> Result<Option<Argument<'a>>, Fault> {
        let next = self.args.next(self.codec, &mut self.beside);
        next.map_err(|error| self.malformed(error))
    }

    /// Takes a string.
    ///
    /// # Errors
    /// A `TypeError` that names the argument, for the caller.
    pub fn text(&mut self, name: &str) -> Result<Cow<'a, str>, Fault> {
        if let Some(text) = self.args.text() {
            return Ok(text);
        }
        let value = self.peek()?;
        Err(self.bad(name, value.as_ref(), "a string"))
    }

    /// Takes a string that is not empty.
    ///
    /// # Errors
    /// As of [`text`](Call::text).
    pub fn name(&mut self, name: &str) -> Result<Cow<'a, str>, Fault> {
        let text = self.text(name)?;
        if text.is_empty() {
            return Err(self.bad(name, Some(&"".into()), "a string that is not empty"));
        }
        Ok(text)
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
                None => Err(self.bad_argument(name, value, "a string, or leave it out")),
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
            None => Err(self.bad(name, None, "a number")),
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
                None => Err(self.bad_argument(name, value, "a number")),
            },
        }
    }

    /// Takes an integer that may be missing, from 0 to 9,007,199,254,740,991.
    ///
    /// # Errors
    /// As of [`text`](Call::text).
    pub fn optional_count(&mut self, name: &str) -> Result<Option<u64>, Fault> {
        let Some(number) = self.optional_number(name)? else { return Ok(None) };
        match to_count(number) {
            Some(count) => Ok(Some(count)),
            None => Err(self.bad(name, Some(&number.into()), "an integer of 0 or more")),
        }
    }

    /// Takes a value; `undefined` when there is none.
    ///
    /// # Errors
    /// The message is malformed, or memory in it was given away or is shared.
    pub fn value(&mut self) -> Result<Value, Fault> {
        match self.argument()? {
            None => Ok(Value::Undefined),
            Some(Argument::Int(int)) => Ok(Value::Int(int)),
            Some(Argument::Ref(value)) => {
                value.to_value(self.codec, &mut self.beside).map_err(|error| self.malformed(error))
            }
        }
    }

    /// Takes a value as the bytes that it came as; `undefined` when there is none.
    ///
    /// # Errors
    /// As of [`value`](Call::value).
    pub fn keep(&mut self) -> Result<Kept, Fault> {
        match self.argument()? {
            Some(Argument::Ref(value)) => value.keep(&mut self.beside).map_err(|error| self.malformed(error)),
            Some(Argument::Int(int)) => self.to_kept(&Value::Int(int)),
            None => self.to_kept(&Value::Undefined),
        }
    }

    /// The same of the last argument, which is not even gone over if nothing lies beside the message.
    ///
    /// # Errors
    /// As of [`value`](Call::value); and there are more arguments.
    pub fn keep_last(&mut self) -> Result<Kept, Fault> {
        if self.args.left() == 0 {
            return self.to_kept(&Value::Undefined);
        }
        match std::mem::replace(&mut self.args, Args::None) {
            Args::None => self.to_kept(&Value::Undefined),
            Args::Word(word) => self.to_kept(&Value::Int(word)),
            Args::Message(message) => {
                let kept = message.keep_last(self.is_whole, self.codec, &mut self.beside);
                kept.map_err(|error| self.malformed(error))
            }
        }
    }

    /// The bytes of a value, as if it had come.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn to_kept(&mut self, value: &Value) -> Result<Kept, Fault> {
        super::args::to_kept(value, self.codec, &mut self.beside)
    }

    /// What was kept, to look into it.
    ///
    /// # Errors
    /// The bytes are those of another system.
    pub fn to_value(&mut self, kept: &Kept) -> Result<Value, Fault> {
        kept.to_value(self.codec, &mut self.beside).map_err(|error| self.malformed(error))
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        self.beside.hub
    }

    /// Takes all arguments, as a message.
    pub(super) fn message(&mut self) -> Result<Cow<'a, [u8]>, Fault> {
        if let Some(raw) = self.raw {
            return Ok(Cow::Borrowed(raw));
        }
        let args = std::mem::replace(&mut self.args, Args::None);
        let values = args.values(self.codec, &mut self.beside).map_err(|error| self.malformed(error))?;
        let mut bytes = Vec::new();
        let written = self.codec.encode(&values, &mut bytes, &mut self.beside);
        written.map_err(|error| self.wrong(&error.to_string(), "send plain data"))?;
        Ok(Cow::Owned(bytes))
    }

    /// A `TypeError` for the caller: what is wrong, and what to do.
    #[must_use]
    pub fn wrong(&self, what: &str, remedy: &str) -> Fault {
        let (kind, method) = (self.kind, self.method);
        Fault::refused(ErrorValue::new(ErrorKind::TypeError, &format!("{kind}.{method}: {what}; {remedy}")))
    }

    /// A `TypeError` for the caller: the argument `name` is what it should not be, none: missing; `needed` completes "give".
    #[must_use]
    pub fn bad(&self, name: &str, value: Option<&Value>, needed: &str) -> Fault {
        let what = value.map_or_else(|| "missing".to_owned(), show);
        self.wrong(&format!("the argument '{name}' is {what}"), &format!("give {needed}"))
    }

    fn bad_argument(&mut self, name: &str, value: Argument<'_>, needed: &str) -> Fault {
        let value = match value {
            Argument::Int(int) => Value::Int(int),
            Argument::Ref(value) => match value.to_value(self.codec, &mut self.beside) {
                Ok(value) => value,
                Err(error) => return self.malformed(error),
            },
        };
        self.bad(name, Some(&value), needed)
    }

    /// The next argument; it is not taken.
    fn peek(&mut self) -> Result<Option<Value>, Fault> {
        let args = self.args.clone();
        let is_there = self.left() > 0;
        let value = self.value();
        self.args = args;
        value.map(|value| is_there.then_some(value))
    }

    #[cold]
    fn malformed(&self, error: DecodeError) -> Fault {
        use buskin_value::Malformed;
        if error.why == Malformed::Moved {
            return self.wrong("memory that is shared or was given away cannot be kept", "send a copy of it");
        }
        self.wrong(&error.to_string(), "send plain data")
    }
}

/// An integer of 0 or more that a number is.
pub(super) fn to_count(number: f64) -> Option<u64> {
    const SAFE: f64 = 9_007_199_254_740_991.0;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was just looked at")]
    (number.fract() == 0.0 && (0.0..=SAFE).contains(&number)).then_some(number as u64)
}

/// The longest text of a value that an error shows.
const LONGEST: usize = 60;

/// A value for people.
fn show(value: &Value) -> String {
    match value {
        Value::Undefined => "undefined".to_owned(),
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => float.to_string(),
        Value::BigInt64(int) => format!("{int}n"),
        Value::BigInt(_) => "a bigint".to_owned(),
        Value::Text(text) => {
            let text = text.to_str_lossy();
            let cut: String = text.chars().take(LONGEST).collect();
            if cut.len() < text.len() { format!("'{cut}…'") } else { format!("'{cut}'") }
        }
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Map(_) => "a Map".to_owned(),
        Value::Set(_) => "a Set".to_owned(),
        Value::Date(_) => "a Date".to_owned(),
        Value::Error(error) => format!("a {}", error.name()),
        Value::View(_) | Value::Buffer(_) => "a buffer".to_owned(),
        Value::Ref(_) => "a ref".to_owned(),
        _ => "an object".to_owned(),
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("path", &self.path).field("method", &self.method).finish_non_exhaustive()
    }
}
