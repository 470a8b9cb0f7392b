//! One value of JavaScript.

use crate::bigint::BigInt;
use crate::failure::{DomException, ErrorValue};
use crate::kept::Kept;
use crate::text::Text;

/// A value that travels from isolate to isolate.
///
/// Objects are trees here. Within one message an object that occurs twice is written once, and then [`Value::Again`].
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub enum Value {
    /// `undefined`
    #[default]
    Undefined,
    /// `null`
    Null,
    /// `true` and `false`
    Bool(bool),
    /// A number that is an integer of 32 bits, and not -0.
    Int(i32),
    /// Any other number. What is an [`Int`](Self::Int) is written as one, and comes back as one.
    Float(f64),
    /// A bigint of 64 bits.
    BigInt64(i64),
    /// A larger one.
    BigInt(Box<BigInt>),
    /// A string.
    Text(Text),
    /// An array.
    Array(Vec<Value>),
    /// A place in an array where nothing is.
    Hole,
    /// A plain object.
    Object(Object),
    /// A `Map`, in its order.
    Map(Vec<(Value, Value)>),
    /// A `Set`, in its order.
    Set(Vec<Value>),
    /// A `Date` in ms; not a number for an invalid one.
    Date(f64),
    /// A `RegExp`.
    RegExp(Box<RegExp>),
    /// An error.
    Error(Box<ErrorValue>),
    /// An exception of the web's.
    DomException(Box<DomException>),
    /// A typed array, a `DataView` or a `Buffer`.
    View(View),
    /// An `ArrayBuffer`.
    Buffer(Vec<u8>),
    /// Memory that is shared, or that was given away. It can be seen that it is there; it cannot be had, nor written.
    Moved(Moved),
    /// A `URL`.
    Url(Text),
    /// A `URLSearchParams`.
    UrlParams(Text),
    /// A primitive value in an object, as `new String('a')` makes.
    Boxed(Box<Value>),
    /// An instance of a registered class.
    Instance(Box<Instance>),
    /// A ref to an actor.
    Ref(Box<RefValue>),
    /// The object with this number once more. Numbers go to all objects of a message (all from [`Array`](Self::Array) on but
    /// holes) as they begin, from 0. Cycles are made so, too.
    Again(u32),
    /// A value in the bytes it came as.
    Kept(Kept),
}

/// A plain object: its own properties in their order.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Object {
    /// Keys and values.
    pub entries: Vec<(Text, Value)>,
    /// Whether it has no prototype, as `Object.create(null)`.
    pub is_bare: bool,
}

/// A regular expression.
#[derive(Clone, Debug, PartialEq)]
pub struct RegExp {
    /// Between the slashes.
    pub source: Text,
    /// Behind them.
    pub flags: Text,
    /// Where it goes on.
    pub last_index: f64,
}

/// Bytes, as items of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// What the items are.
    pub kind: ViewKind,
    /// All bytes, little end first. As many as whole items have.
    pub bytes: Vec<u8>,
}

/// Classes of views, by their numbers in the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names of the classes say all")]
pub enum ViewKind {
    Int8 = 0,
    Uint8 = 1,
    Uint8Clamped = 2,
    Int16 = 3,
    Uint16 = 4,
    Int32 = 5,
    Uint32 = 6,
    Float32 = 7,
    Float64 = 8,
    BigInt64 = 9,
    BigUint64 = 10,
    DataView = 11,
    /// Node's `Buffer`.
    Buffer = 12,
    /// Node has it from version 24 on.
    Float16 = 13,
}

const KINDS: [(ViewKind, usize); 14] = [
    (ViewKind::Int8, 1),
    (ViewKind::Uint8, 1),
    (ViewKind::Uint8Clamped, 1),
    (ViewKind::Int16, 2),
    (ViewKind::Uint16, 2),
    (ViewKind::Int32, 4),
    (ViewKind::Uint32, 4),
    (ViewKind::Float32, 4),
    (ViewKind::Float64, 8),
    (ViewKind::BigInt64, 8),
    (ViewKind::BigUint64, 8),
    (ViewKind::DataView, 1),
    (ViewKind::Buffer, 1),
    (ViewKind::Float16, 2),
];

impl ViewKind {
    pub(crate) fn of(number: u8) -> Option<Self> {
        KINDS.get(usize::from(number)).map(|(kind, _)| *kind)
    }

    /// Bytes per item.
    #[must_use]
    pub fn size(self) -> usize {
        KINDS[self as usize].1
    }
}

/// Memory that isolates hand over outside of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which of the memories that were handed over with the message.
    pub number: u64,
    /// Of a view: its kind, where it begins in bytes, and how many items it has.
    pub view: Option<(ViewKind, u64, u64)>,
}

/// An instance of a class that is registered with `registerClass`.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// The name of the class.
    pub name: Text,
    /// What its `encode` gave.
    pub data: Value,
}

/// A ref to an actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefValue {
    /// The number of its lane plus 1, and its index there.
    pub address: u32,
    /// Which of all actors with this address.
    pub age: i32,
    /// The system's number of its class; 0: none that others may load.
    pub class: u32,
    /// Where it is, when that may not be found out by the address.
    pub path: Option<Text>,
}

impl Value {
    /// A bigint.
    #[must_use]
    pub fn bigint(value: BigInt) -> Self {
        value.to_i64().map_or_else(|| Self::BigInt(Box::new(value)), Self::BigInt64)
    }

    /// A number: an [`Int`](Self::Int) if it is one.
    #[must_use]
    pub fn number(value: f64) -> Self {
        as_int(value).map_or(Self::Float(value), Self::Int)
    }

    /// A plain object.
    #[must_use]
    pub fn object<K: Into<Text>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self::Object(Object { entries, is_bare: false })
    }

    /// Node's `Buffer`.
    #[must_use]
    pub fn node_buffer(bytes: impl Into<Vec<u8>>) -> Self {
        Self::View(View { kind: ViewKind::Buffer, bytes: bytes.into() })
    }

    /// The text of a string without halves of characters.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { text.as_str() } else { None }
    }

    /// The number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(f64::from(*value)),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is an integer that numbers and 64 bits hold; or a bigint of 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        const SAFE: f64 = 9_007_199_254_740_991.0;
        match self {
            Self::Int(value) => Some(i64::from(*value)),
            Self::Float(value) if value.fract() == 0.0 && value.abs() <= SAFE => Some(*value as i64),
            Self::BigInt64(value) => Some(*value),
            _ => None,
        }
    }

    /// `true` or `false`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The items of an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The bytes of a view or a buffer.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::View(view) => Some(&view.bytes),
            Self::Buffer(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A property of a plain object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Self::Object(object) = self else { return None };
        object.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Whether it is `undefined` or `null`.
    #[must_use]
    pub fn is_nullish(&self) -> bool {
        matches!(self, Self::Undefined | Self::Null)
    }

    /// Whether a box may hold it.
    pub(crate) fn is_primitive(&self) -> bool {
        matches!(
            self,
            Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::BigInt64(_) | Self::BigInt(_) | Self::Text(_)
        )
    }
}

/// The integer of 32 bits that a number is.
pub(crate) fn as_int(value: f64) -> Option<i32> {
    let int = value as i32;
    (f64::from(int).to_bits() == value.to_bits()).then_some(int)
}

macro_rules! from {
    ($($from:ty => |$value:ident| $make:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $make
            }
        })*
    };
}

from! {
    () => |_value| Self::Undefined;
    bool => |value| Self::Bool(value);
    i32 => |value| Self::Int(value);
    u32 => |value| Self::number(f64::from(value));
    f64 => |value| Self::number(value);
    &str => |value| Self::Text(value.into());
    String => |value| Self::Text(value.into());
    Text => |value| Self::Text(value);
    BigInt => |value| Self::bigint(value);
    ErrorValue => |value| Self::Error(Box::new(value));
    RefValue => |value| Self::Ref(Box::new(value));
    Object => |value| Self::Object(value);
    Kept => |value| Self::Kept(value);
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Undefined, Into::into)
    }
}
