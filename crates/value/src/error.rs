//! What is wrong with bytes, or with values.

use std::error::Error;
use std::fmt;

use crate::tags::DEEPEST;

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Where in the bytes it was noticed.
    pub at: usize,
    /// What is wrong there.
    pub why: Malformed,
}

/// What is wrong with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// They end inside a value.
    Short,
    /// The first byte says nothing that is known.
    Head(u8),
    /// A length, or a number of something, is none.
    Length,
    /// More values or items or bytes are announced than are left.
    Announced,
    /// More bytes than values.
    Left,
    /// No value begins with this byte.
    Tag(u8),
    /// An end where a value should be.
    End,
    /// No list of keys has this number.
    Shape(u16),
    /// Too many levels.
    Depth,
    /// An object again that was not there before.
    Again(u64),
    /// An object again that is in another argument: this one cannot be kept alone.
    Shared(u64),
    /// No text where one should be.
    NoText,
    /// No number where one should be.
    NoNumber,
    /// Text that is not UTF-8.
    Utf8,
    /// A bigint without digits.
    Digits,
    /// No class of views has this number.
    ViewKind(u8),
    /// No class of errors has this number.
    ErrorKind(u8),
    /// A view that ends inside an item.
    View,
    /// Large bytes are missing.
    Piece(u64),
    /// Memory that is shared or given away cannot be kept.
    Moved,
    /// Nothing in a box.
    Box,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("it ends inside a value"),
            Self::Head(byte) => write!(f, "an unknown first byte, {byte}"),
            Self::Length => f.write_str("a bad length"),
            Self::Announced => f.write_str("more is announced than there is"),
            Self::Left => f.write_str("more bytes than values"),
            Self::Tag(tag) => write!(f, "an unknown tag, {tag}"),
            Self::End => f.write_str("an end where a value should be"),
            Self::Shape(shape) => write!(f, "an unknown shape, {shape}"),
            Self::Depth => f.write_str("too many levels"),
            Self::Again(number) => write!(f, "an object again that was not there before, {number}"),
            Self::Shared(number) => write!(f, "an object again that is in another argument, {number}"),
            Self::NoText => f.write_str("no string where one should be"),
            Self::NoNumber => f.write_str("no number where one should be"),
            Self::Utf8 => f.write_str("a string that is not UTF-8"),
            Self::Digits => f.write_str("a bigint without digits"),
            Self::ViewKind(kind) => write!(f, "an unknown kind of view, {kind}"),
            Self::ErrorKind(kind) => write!(f, "an unknown kind of error, {kind}"),
            Self::View => f.write_str("a view that ends inside an item"),
            Self::Piece(place) => write!(f, "large bytes that are missing, {place}"),
            Self::Moved => f.write_str("memory that is shared or was given away, which cannot be kept"),
            Self::Box => f.write_str("nothing in a box"),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed message: {}, at byte {}", self.why, self.at)
    }
}

impl Error for DecodeError {}

/// Values that cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// More levels than [`DEEPEST`].
    TooDeep,
    /// A [`Value::Hole`](crate::Value::Hole) that is not in an array.
    Hole,
    /// A [`Value::Again`](crate::Value::Again) of an object that does not come before it.
    Again(u32),
    /// A [`Value::Moved`](crate::Value::Moved): memory is handed over by isolates only.
    Moved,
    /// A view whose bytes end inside an item.
    View,
    /// A box with an object in it, or with nothing.
    Box,
    /// More bytes than a text can have: 4 GiB.
    Large,
    /// Bytes that were [`Kept`](crate::Kept) and are none of this system's.
    Kept(DecodeError),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep => {
                write!(f, "not sendable: more than {DEEPEST} levels; send a flat list with indices instead")
            }
            Self::Hole => f.write_str("not sendable: a hole that is not in an array; use undefined instead"),
            Self::Again(number) => write!(f, "not sendable: object {number} again, which does not come before"),
            Self::Moved => f.write_str("not sendable: memory that another isolate shared or gave away; send a copy"),
            Self::View => f.write_str("not sendable: a view that ends inside an item; give whole items"),
            Self::Box => f.write_str("not sendable: a box with no primitive value in it"),
            Self::Large => f.write_str("not sendable: a string of more than 4 GiB"),
            Self::Kept(error) => write!(f, "not sendable: kept bytes of another system: {error}"),
        }
    }
}

impl Error for EncodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Kept(error) = self { Some(error) } else { None }
    }
}

impl From<DecodeError> for EncodeError {
    fn from(error: DecodeError) -> Self {
        Self::Kept(error)
    }
}
