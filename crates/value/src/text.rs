//! Strings as JavaScript has them: UTF-16, halves of characters included.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::error::EncodeError;
use crate::tags::{LONGEST_SHORT, SHORT_TEXT, SHORT_WIDE, TEXT, WIDE};

/// A string of JavaScript. Nearly all are Unicode text; one that has half a character is kept as it is. Cloning copies
/// nothing.
#[derive(Clone)]
pub struct Text(Units);

#[derive(Clone)]
enum Units {
    Whole(Arc<str>),
    /// Only what is no Unicode text, so that equal strings are equal here.
    Broken(Arc<[u16]>),
}

impl Text {
    /// The string of these code units.
    #[must_use]
    pub fn from_utf16(units: &[u16]) -> Self {
        match String::from_utf16(units) {
            Ok(text) => Self::from(text),
            Err(_) => Self(Units::Broken(units.into())),
        }
    }

    /// The text; `None` when there is half a character in it.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Units::Whole(text) => Some(text),
            Units::Broken(_) => None,
        }
    }

    /// The text, with U+FFFD for each half of a character.
    #[must_use]
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        match &self.0 {
            Units::Whole(text) => Cow::Borrowed(text),
            Units::Broken(units) => Cow::Owned(String::from_utf16_lossy(units)),
        }
    }

    /// Its code units.
    #[must_use]
    pub fn to_utf16(&self) -> Vec<u16> {
        match &self.0 {
            Units::Whole(text) => text.encode_utf16().collect(),
            Units::Broken(units) => units.to_vec(),
        }
    }

    /// How many code units it has; `length` in JavaScript.
    #[must_use]
    pub fn len_utf16(&self) -> usize {
        match &self.0 {
            Units::Whole(text) if text.is_ascii() => text.len(),
            Units::Whole(text) => text.encode_utf16().count(),
            Units::Broken(units) => units.len(),
        }
    }

    pub(crate) fn write(&self, into: &mut Vec<u8>) -> Result<(), EncodeError> {
        match &self.0 {
            Units::Whole(text) => write_str(into, text),
            Units::Broken(units) => write_units(into, units),
        }
    }
}

/// The same string has the same bytes, always and in every isolate: they can be compared instead.
pub(crate) fn write_str(into: &mut Vec<u8>, text: &str) -> Result<(), EncodeError> {
    if text.is_ascii() {
        if text.len() <= LONGEST_SHORT {
            into.push(SHORT_TEXT + text.len() as u8);
        } else {
            head(into, TEXT, text.len())?;
        }
        into.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    if units.len() <= LONGEST_SHORT || is_wide(&units) {
        return write_units(into, &units);
    }
    head(into, TEXT, text.len())?;
    into.extend_from_slice(text.as_bytes());
    Ok(())
}

/// What is short, mostly wide, or no Unicode text.
fn write_units(into: &mut Vec<u8>, units: &[u16]) -> Result<(), EncodeError> {
    if units.len() > LONGEST_SHORT {
        head(into, WIDE, units.len())?;
    } else if units.iter().all(|unit| *unit <= 0xff) {
        into.push(SHORT_TEXT + units.len() as u8);
        into.extend(units.iter().map(|unit| *unit as u8));
        return Ok(());
    } else {
        into.extend_from_slice(&[SHORT_WIDE, units.len() as u8]);
    }
    into.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    Ok(())
}

fn head(into: &mut Vec<u8>, tag: u8, length: usize) -> Result<(), EncodeError> {
    let length = u32::try_from(length).map_err(|_| EncodeError::Large)?;
    into.push(tag);
    into.extend_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Whether most of it is beyond U+00FF, by four samples.
fn is_wide(units: &[u16]) -> bool {
    (0..4).filter(|i| units[units.len() * i / 4] > 0xff).count() >= 3
}

impl Default for Text {
    fn default() -> Self {
        Self::from("")
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Units::Whole(text.into()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Units::Whole(text.into()))
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(Units::Whole(text))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_str_lossy())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str_lossy(), f)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Units::Whole(a), Units::Whole(b)) => a == b,
            (Units::Broken(a), Units::Broken(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Units::Whole(text) => text.hash(state),
            Units::Broken(units) => units.hash(state),
        }
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}
