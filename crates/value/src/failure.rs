//! Errors, as values.

use crate::text::Text;
use crate::value::Value;

/// Classes of errors that every isolate has. Another class arrives as the nearest one that it extends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names of the classes say all")]
pub enum ErrorKind {
    Error = 0,
    TypeError = 1,
    RangeError = 2,
    SyntaxError = 3,
    ReferenceError = 4,
    EvalError = 5,
    UriError = 6,
    AggregateError = 7,
    /// An error of Buskin itself; it has a `code`.
    BuskinError = 8,
    /// A handler's no to who asks, which is no failure of the actor; it has `details`.
    Refusal = 9,
}

const KINDS: [(ErrorKind, &str); 10] = [
    (ErrorKind::Error, "Error"),
    (ErrorKind::TypeError, "TypeError"),
    (ErrorKind::RangeError, "RangeError"),
    (ErrorKind::SyntaxError, "SyntaxError"),
    (ErrorKind::ReferenceError, "ReferenceError"),
    (ErrorKind::EvalError, "EvalError"),
    (ErrorKind::UriError, "URIError"),
    (ErrorKind::AggregateError, "AggregateError"),
    (ErrorKind::BuskinError, "BuskinError"),
    (ErrorKind::Refusal, "Refusal"),
];

impl ErrorKind {
    pub(crate) fn of(number: u8) -> Option<Self> {
        KINDS.get(usize::from(number)).map(|(kind, _)| *kind)
    }

    /// The name of the class.
    #[must_use]
    pub fn name(self) -> &'static str {
        KINDS[self as usize].1
    }
}

/// An error with all that is on it.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorValue {
    /// Its class.
    pub kind: ErrorKind,
    /// What does not show when properties are listed: message, stack, name, cause, errors.
    pub hidden: Vec<(Text, Value)>,
    /// Its other properties.
    pub own: Vec<(Text, Value)>,
}

impl ErrorValue {
    /// An error with a message. Its stack is that one line: nothing of where it was thrown means anything to JavaScript,
    /// and without one it would have that of whoever reads it.
    #[must_use]
    pub fn new(kind: ErrorKind, message: &str) -> Self {
        let stack = format!("{}: {message}", kind.name());
        Self { kind, hidden: vec![("message".into(), message.into()), ("stack".into(), stack.into())], own: Vec::new() }
    }

    /// An error of Buskin itself, with its code.
    #[must_use]
    pub fn buskin(code: &str, message: &str) -> Self {
        Self::new(ErrorKind::BuskinError, message).with("code", code)
    }

    /// A handler's no, with what it wants the asker to know.
    #[must_use]
    pub fn refusal(message: &str, details: impl Into<Value>) -> Self {
        Self::new(ErrorKind::Refusal, message).with("details", details)
    }

    /// The same with one more property.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.own.push((key.into(), value.into()));
        self
    }

    /// The same with the error behind it.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Value>) -> Self {
        self.hidden.push(("cause".into(), cause.into()));
        self
    }

    /// One of its properties.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.hidden.iter().chain(&self.own).find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// What it says.
    #[must_use]
    pub fn message(&self) -> &str {
        self.get("message").and_then(Value::as_str).unwrap_or("")
    }

    /// The name it goes by.
    #[must_use]
    pub fn name(&self) -> &str {
        self.get("name").and_then(Value::as_str).unwrap_or(self.kind.name())
    }
}

/// An exception of the web's, such as that of an aborted signal.
#[derive(Clone, Debug, PartialEq)]
pub struct DomException {
    /// Which one.
    pub name: Text,
    /// What it says.
    pub message: Text,
    /// Where it was made.
    pub stack: Text,
}
