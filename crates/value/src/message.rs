//! The arguments of a message, one after the other, where they lie.

use std::borrow::Cow;

use crate::codec::{Codec, Outside};
use crate::error::{DecodeError, Malformed};
use crate::input::{Input, RawText};
use crate::kept::Kept;
use crate::scan::{self, Found, What};
use crate::tags::{AGAIN, BUFFER, NULL, NUMBERED, UNDEFINED, VIEW};
use crate::value::{Value, ViewKind};
use crate::write;

/// A message whose arguments are taken one by one.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    input: Input<'a>,
    left: usize,
    numbered: bool,
    /// Objects in the arguments that were taken.
    objects: u64,
}

/// One argument, where it lies.
#[derive(Clone, Debug)]
pub struct ValueRef<'a> {
    message: &'a [u8],
    from: usize,
    to: usize,
    found: Found,
    numbered: bool,
    /// Objects in the arguments before it.
    before: u64,
}

impl<'a> Message<'a> {
    /// Begins to read a message.
    ///
    /// # Errors
    ///
    /// When it does not even begin as one.
    pub fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes, 0);
        let head = input.byte()?;
        if head > NUMBERED {
            return Err(DecodeError { at: 0, why: Malformed::Head(head) });
        }
        let left = input.count()?;
        Ok(Self { input, left, numbered: head == NUMBERED, objects: 0 })
    }

    /// How many arguments were not taken yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left
    }

    /// Takes an argument that must be a string. Nothing is copied if it is ASCII, or long; half a character becomes
    /// U+FFFD.
    ///
    /// # Errors
    ///
    /// When it is none, or there is none.
    pub fn text(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        self.one(Malformed::NoText)?;
        self.input.text().map(RawText::to_str_lossy)
    }

    /// Takes an argument that must be a number.
    ///
    /// # Errors
    ///
    /// When it is none, or there is none.
    pub fn number(&mut self) -> Result<f64, DecodeError> {
        self.one(Malformed::NoNumber)?;
        self.input.number()
    }

    fn one(&mut self, missing: Malformed) -> Result<(), DecodeError> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return self.input.wrong(missing),
        }
        Ok(())
    }

    /// Takes the next argument. All of it is gone over, and nothing is made of it.
    ///
    /// # Errors
    ///
    /// For bytes that are no value.
    pub fn next(&mut self, codec: &mut Codec, outside: &mut dyn Outside) -> Result<Option<ValueRef<'a>>, DecodeError> {
        if self.left == 0 {
            return if self.input.left() > 0 { self.input.wrong(Malformed::Left) } else { Ok(None) };
        }
        self.left -= 1;
        let from = self.input.at;
        let found = scan::value(&mut self.input, codec, outside)?;
        let before = self.objects;
        self.objects += found.objects;
        Ok(Some(ValueRef {
            message: self.input.bytes,
            from,
            to: self.input.at,
            found,
            numbered: self.numbered,
            before,
        }))
    }

    /// Keeps the last argument, which is all that was not taken yet; `undefined` when there is none. When nothing lies
    /// beside the message (`is_whole`: no large bytes, and no memory that was handed over) the bytes are copied unseen.
    /// Should they be wrong, whoever reads them next says so.
    ///
    /// # Errors
    ///
    /// As those of [`next`](Self::next) and [`ValueRef::keep`]; and when more arguments are left.
    pub fn keep_last(
        mut self,
        is_whole: bool,
        codec: &mut Codec,
        outside: &mut dyn Outside,
    ) -> Result<Kept, DecodeError> {
        if self.left == 0 && self.input.left() == 0 {
            return Ok(Kept { bytes: [UNDEFINED].into(), numbered: false });
        }
        if self.left == 1 && is_whole && (!self.numbered || self.objects == 0) && self.input.left() > 0 {
            let bytes = self.input.bytes.get(self.input.at..).unwrap_or_default();
            return Ok(Kept { bytes: bytes.into(), numbered: self.numbered });
        }
        let Some(last) = self.next(codec, outside)? else { return self.input.wrong(Malformed::Left) };
        if self.left > 0 || self.input.left() > 0 {
            return self.input.wrong(Malformed::Left);
        }
        last.keep(outside)
    }
}

impl<'a> ValueRef<'a> {
    /// Its bytes. The same string has the same bytes always and everywhere; this is true of no other kind of value.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.message.get(self.from..self.to).unwrap_or_default()
    }

    /// The text of a string. Nothing is copied if it is ASCII, or long; half a character becomes U+FFFD.
    #[must_use]
    pub fn as_text(&self) -> Option<Cow<'a, str>> {
        self.input().text().ok().map(RawText::to_str_lossy)
    }

    /// The number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.input().number().ok()
    }

    /// Whether it is `undefined` or `null`.
    #[must_use]
    pub fn is_nullish(&self) -> bool {
        matches!(self.as_bytes(), [UNDEFINED | NULL])
    }

    fn input(&self) -> Input<'a> {
        Input::new(self.message.get(..self.to).unwrap_or_default(), self.from)
    }

    /// The value. Objects that occur again are numbered from 0 within it.
    ///
    /// # Errors
    ///
    /// As those of [`keep`](Self::keep).
    pub fn to_value(&self, codec: &mut Codec, outside: &mut dyn Outside) -> Result<Value, DecodeError> {
        self.keep(outside)?.to_value(codec, outside)
    }

    /// Keeps the value by itself. Large bytes beside the message are taken into it.
    ///
    /// # Errors
    ///
    /// When it needs what is in another argument, when large bytes are missing, or when memory was handed over.
    pub fn keep(&self, outside: &mut dyn Outside) -> Result<Kept, DecodeError> {
        if let Some(at) = self.found.moved {
            return Err(DecodeError { at, why: Malformed::Moved });
        }
        let mut bytes = Vec::with_capacity(self.to - self.from);
        let mut from = self.from;
        for end in &self.found.loose_ends {
            bytes.extend_from_slice(self.message.get(from..end.bytes.start).unwrap_or_default());
            from = end.bytes.end;
            self.tie(end.what, &mut bytes, outside).map_err(|why| DecodeError { at: end.bytes.start, why })?;
        }
        bytes.extend_from_slice(self.message.get(from..self.to).unwrap_or_default());
        Ok(Kept { bytes: bytes.into(), numbered: self.numbered })
    }

    fn tie(&self, what: What, into: &mut Vec<u8>, outside: &mut dyn Outside) -> Result<(), Malformed> {
        match what {
            What::Again(number) if !self.numbered || number >= self.before + self.found.objects => {
                Err(Malformed::Again(number))
            }
            What::Again(number) => {
                let number = number.checked_sub(self.before).ok_or(Malformed::Shared(number))?;
                into.push(AGAIN);
                write::length(into, number);
                Ok(())
            }
            What::Piece { place, kind } => {
                let piece = outside.piece(place).ok_or(Malformed::Piece(place))?;
                match kind {
                    Some(kind) if piece.len() % ViewKind::of(kind).map_or(1, ViewKind::size) != 0 => {
                        return Err(Malformed::View);
                    }
                    Some(kind) => into.extend_from_slice(&[VIEW, kind]),
                    None => into.push(BUFFER),
                }
                write::bytes(into, &piece);
                Ok(())
            }
        }
    }
}
