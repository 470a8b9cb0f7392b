//! The arguments of a call, in the forms that they come in.

use super::call::Argument;
use super::fault::Fault;
use buskin_value::{Codec, DecodeError, ErrorKind, ErrorValue, Kept, Message, Outside, Value};
use std::borrow::Cow;

/// The arguments that were not taken yet.
#[derive(Clone, Debug)]
pub(crate) enum Args<'a> {
    None,
    /// One, an integer.
    Word(i32),
    Message(Message<'a>),
}

impl<'a> Args<'a> {
    pub(crate) fn left(&self) -> usize {
        match self {
            Args::None => 0,
            Args::Word(_) => 1,
            Args::Message(message) => message.left(),
        }
    }

    /// Takes a string if the next one is that; nothing otherwise.
    #[inline]
    pub(crate) fn text(&mut self) -> Option<Cow<'a, str>> {
        let Args::Message(message) = self else { return None };
        let mut rest = message.clone();
        let text = rest.text().ok()?;
        *message = rest;
        Some(text)
    }

    pub(crate) fn next(
        &mut self,
        codec: &mut Codec,
        outside: &mut dyn Outside,
    ) -> Result<Option<Argument<'a>>, DecodeError> {
        match self {
            Args::None => Ok(None),
            Args::Word(word) => {
                let word = *word;
                *self = Args::None;
                Ok(Some(Argument::Int(word)))
            }
            Args::Message(message) => Ok(message.next(codec, outside)?.map(Argument::Ref)),
        }
    }

    /// All that are left.
    pub(crate) fn values(mut self, codec: &mut Codec, outside: &mut dyn Outside) -> Result<Vec<Value>, DecodeError> {
        let mut values = Vec::new();
        while let Some(next) = self.next(codec, outside)? {
            values.push(match next {
                Argument::Int(int) => Value::Int(int),
                Argument::Ref(value) => Value::Kept(value.keep(outside)?),
            });
        }
        Ok(values)
    }
}

/// The bytes of a value.
pub(crate) fn to_kept(value: &Value, codec: &mut Codec, outside: &mut dyn Outside) -> Result<Kept, Fault> {
    if let Value::Kept(kept) = value {
        return Ok(kept.clone());
    }
    let mut bytes = Vec::new();
    let unsendable = |why: String| Fault::refused(ErrorValue::new(ErrorKind::TypeError, &why));
    codec.encode(std::slice::from_ref(value), &mut bytes, outside).map_err(|error| unsendable(error.to_string()))?;
    let message = Message::new(&bytes).map_err(|error| unsendable(error.to_string()))?;
    message.keep_last(true, codec, outside).map_err(|error| unsendable(error.to_string()))
}
