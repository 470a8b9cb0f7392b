//! A value that nobody has to look into.

use std::fmt;
use std::sync::Arc;

use crate::codec::{Codec, Outside};
use crate::error::DecodeError;
use crate::read;
use crate::tags::{NUMBERED, PLAIN};
use crate::value::Value;

/// A value in the bytes it came as, to be sent again as it is. Cloning copies nothing.
///
/// It means the same in every isolate and lane of its system, for as long as that lives; see the crate's documentation
/// for why, and for why it means nothing elsewhere.
#[derive(Clone, PartialEq)]
pub struct Kept {
    pub(crate) bytes: Arc<[u8]>,
    /// Objects in it occur again.
    pub(crate) numbered: bool,
}

impl Kept {
    /// How many bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Writes a message that has this value alone, behind what is in `into`. Nothing is looked into.
    pub fn write_message(&self, into: &mut Vec<u8>) {
        into.reserve(2 + self.bytes.len());
        into.extend_from_slice(&[if self.numbered { NUMBERED } else { PLAIN }, 1]);
        into.extend_from_slice(&self.bytes);
    }

    /// The value. Objects that occur again are numbered from 0 within it.
    ///
    /// # Errors
    ///
    /// For bytes that are no value of this system.
    pub fn to_value(&self, codec: &mut Codec, outside: &mut dyn Outside) -> Result<Value, DecodeError> {
        read::one(&self.bytes, self.numbered, codec, outside)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({} bytes)", self.bytes.len())
    }
}
