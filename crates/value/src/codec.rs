//! One thread's side.

use std::sync::Arc;

use crate::error::{DecodeError, EncodeError};
use crate::shapes::Shapes;
use crate::text::Text;
use crate::value::Value;
use crate::{read, write};

/// What a [`Codec`] needs of the system it works in.
pub trait Outside {
    /// The system's number of a list of keys, given as a text; the same text gives the same number everywhere. `None`
    /// when no more are given. Asked once per list.
    fn shape(&mut self, keys: &str) -> Option<u16>;

    /// The text that has this number. Asked once per number that is known.
    fn keys(&mut self, shape: u16) -> Option<Box<str>>;

    /// Large bytes that lie beside the message being read.
    fn piece(&mut self, _place: u64) -> Option<Vec<u8>> {
        None
    }

    /// Puts large bytes beside the message being written; their place there: 0, 1, … `None`: they are to be inside.
    fn attach(&mut self, _bytes: &[u8]) -> Option<u32> {
        None
    }
}

/// Reads and writes messages. One per thread, as it remembers the shapes it has met.
#[derive(Debug)]
pub struct Codec {
    pub(crate) shapes: Shapes,
}

impl Default for Codec {
    fn default() -> Self {
        Self::new()
    }
}

impl Codec {
    /// One that has met nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { shapes: Shapes::new() }
    }

    /// Reads a message: its arguments.
    ///
    /// # Errors
    ///
    /// For bytes that are no message.
    pub fn decode(&mut self, bytes: &[u8], outside: &mut dyn Outside) -> Result<Vec<Value>, DecodeError> {
        read::message(bytes, self, outside)
    }

    /// Writes a message behind what is in `into`. Of an error nothing stays there; large bytes that were put beside the
    /// message meanwhile are the caller's to drop.
    ///
    /// # Errors
    ///
    /// For values that cannot be written.
    pub fn encode(
        &mut self,
        values: &[Value],
        into: &mut Vec<u8>,
        outside: &mut dyn Outside,
    ) -> Result<(), EncodeError> {
        let before = into.len();
        let result = write::message(values, into, self, outside);
        if result.is_err() {
            into.truncate(before);
        }
        result
    }

    pub(crate) fn keys(&mut self, shape: u16, outside: &mut dyn Outside) -> Option<Arc<[Text]>> {
        self.shapes.keys(shape, || outside.keys(shape))
    }
}
