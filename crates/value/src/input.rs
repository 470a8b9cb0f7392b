//! Bytes that are read from the front, and what reader and scanner share.

use std::borrow::Cow;

use crate::error::{DecodeError, Malformed};
use crate::tags::{DOUBLE, END, INT8, INT16, INT32, LIST, SHORT_LIST, SHORT_TEXT, SHORT_WIDE, SMALL_INTS, TEXT, WIDE};
use crate::text::Text;

/// Bytes, and how far they were read.
#[derive(Clone, Debug)]
pub(crate) struct Input<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

/// A string as it lies in a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RawText<'a> {
    /// One byte per character, up to U+00FF.
    Latin1(&'a [u8]),
    Utf8(&'a str),
    /// Little end first.
    Utf16(&'a [u8]),
}

impl<'a> RawText<'a> {
    fn units(self) -> Vec<u16> {
        match self {
            Self::Latin1(bytes) => bytes.iter().map(|byte| u16::from(*byte)).collect(),
            Self::Utf8(text) => text.encode_utf16().collect(),
            Self::Utf16(bytes) => bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect(),
        }
    }

    /// The text where it lies, if it is there as such.
    pub(crate) fn borrowed(self) -> Option<&'a str> {
        match self {
            Self::Latin1(bytes) if bytes.is_ascii() => std::str::from_utf8(bytes).ok(),
            Self::Utf8(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn to_text(self) -> Text {
        self.borrowed().map_or_else(|| Text::from_utf16(&self.units()), Text::from)
    }

    pub(crate) fn to_str_lossy(self) -> Cow<'a, str> {
        self.borrowed().map_or_else(|| String::from_utf16_lossy(&self.units()).into(), Cow::Borrowed)
    }
}

type Read<T> = Result<T, DecodeError>;

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(crate) fn wrong<T>(&self, why: Malformed) -> Read<T> {
        Err(DecodeError { at: self.at, why })
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(crate) fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.split_at_checked(length) {
            Some((taken, _)) => {
                self.at += length;
                Ok(taken)
            }
            None => self.wrong(Malformed::Short),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()) {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => self.wrong(Malformed::Short),
        }
    }

    pub(crate) fn byte(&mut self) -> Read<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn word(&mut self) -> Read<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Whether an END is next; it is taken then.
    pub(crate) fn ended(&mut self) -> Read<bool> {
        match self.bytes.get(self.at) {
            Some(&END) => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Ok(false),
            None => self.wrong(Malformed::Short),
        }
    }

    /// The number that begins with a tag that was taken; `None` for another tag.
    pub(crate) fn number_of(&mut self, tag: u8) -> Read<Option<f64>> {
        Ok(Some(match tag {
            0..SMALL_INTS => f64::from(tag),
            INT8 => f64::from(self.byte()? as i8),
            INT16 => f64::from(i16::from_le_bytes(self.array()?)),
            INT32 => f64::from(i32::from_le_bytes(self.array()?)),
            DOUBLE => f64::from_le_bytes(self.array()?),
            _ => return Ok(None),
        }))
    }

    pub(crate) fn number(&mut self) -> Read<f64> {
        let from = self.at;
        let tag = self.byte()?;
        self.number_of(tag)?.ok_or(DecodeError { at: from, why: Malformed::NoNumber })
    }

    /// A length, or a number of something.
    pub(crate) fn length(&mut self) -> Read<u64> {
        const SAFE: f64 = 9_007_199_254_740_991.0;
        let from = self.at;
        let tag = self.byte()?;
        match self.number_of(tag)? {
            Some(length) if (0.0..=SAFE).contains(&length) && length.fract() == 0.0 => Ok(length as u64),
            _ => Err(DecodeError { at: from, why: Malformed::Length }),
        }
    }

    /// How many of what takes at least a byte each.
    pub(crate) fn count(&mut self) -> Read<usize> {
        let from = self.at;
        let length = self.length()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.left() => Ok(length),
            _ => Err(DecodeError { at: from, why: Malformed::Announced }),
        }
    }

    /// The string that begins with a tag that was taken; `None` for another tag.
    pub(crate) fn text_of(&mut self, tag: u8) -> Read<Option<RawText<'a>>> {
        Ok(Some(match tag {
            SHORT_TEXT..SHORT_LIST => RawText::Latin1(self.take(usize::from(tag - SHORT_TEXT))?),
            TEXT => {
                let length = self.word()? as usize;
                let from = self.at;
                let bytes = self.take(length)?;
                let text = std::str::from_utf8(bytes)
                    .map_err(|error| DecodeError { at: from + error.valid_up_to(), why: Malformed::Utf8 })?;
                RawText::Utf8(text)
            }
            SHORT_WIDE => {
                let length = usize::from(self.byte()?);
                RawText::Utf16(self.take(length * 2)?)
            }
            WIDE => {
                let length = self.word()? as usize;
                RawText::Utf16(self.take(length.saturating_mul(2))?)
            }
            _ => return Ok(None),
        }))
    }

    pub(crate) fn text(&mut self) -> Read<RawText<'a>> {
        let from = self.at;
        let tag = self.byte()?;
        self.text_of(tag)?.ok_or(DecodeError { at: from, why: Malformed::NoText })
    }

    /// How many items the array has that begins with a tag that was taken; `None` for another tag.
    pub(crate) fn items_of(&mut self, tag: u8) -> Read<Option<usize>> {
        match tag {
            SHORT_LIST..=0xaf => {
                let length = usize::from(tag - SHORT_LIST);
                if length > self.left() { self.wrong(Malformed::Announced) } else { Ok(Some(length)) }
            }
            LIST => self.count().map(Some),
            _ => Ok(None),
        }
    }
}
