//! Bytes into values.

use crate::bigint::BigInt;
use crate::codec::{Codec, Outside};
use crate::error::{DecodeError, Malformed};
use crate::failure::{DomException, ErrorKind, ErrorValue};
use crate::input::{Input, RawText};
use crate::tags::{
    AGAIN, BIGINT, BIGINT64, BOXED, BUFFER, BUFFER_ATTACHED, BUFFER_MOVED, DATE, DEEPEST, DOM_EXCEPTION, END, ERROR,
    FALSE, HOLE, INSTANCE, LOOSE, MAP, NULL, NUMBERED, OBJECT, REF, REF_AT, REGEXP, SET, SHORT_LIST, SHORT_WIDE, TEXT,
    TRUE, UNDEFINED, URL_PARAMS, URL_TEXT, VIEW, VIEW_ATTACHED, VIEW_MOVED, WIDE,
};
use crate::text::Text;
use crate::value::{Instance, Moved, Object, RefValue, RegExp, Value, View, ViewKind};

type Read<T> = Result<T, DecodeError>;

struct Reader<'a, 'o> {
    input: Input<'a>,
    codec: &'o mut Codec,
    outside: &'o mut dyn Outside,
    depth: u32,
    numbered: bool,
    /// Objects so far.
    count: u64,
    /// Numbers of instances that are not there until all of them was read.
    closed: Vec<u64>,
}

pub(crate) fn message(bytes: &[u8], codec: &mut Codec, outside: &mut dyn Outside) -> Read<Vec<Value>> {
    let mut input = Input::new(bytes, 0);
    let head = input.byte()?;
    if head > NUMBERED {
        return Err(DecodeError { at: 0, why: Malformed::Head(head) });
    }
    let length = input.count()?;
    let numbered = head == NUMBERED;
    let mut r = Reader { input, codec, outside, depth: 0, numbered, count: 0, closed: Vec::new() };
    let values = r.some(length, Reader::value)?;
    if r.input.left() > 0 { r.input.wrong(Malformed::Left) } else { Ok(values) }
}

/// Reads bytes that are one value.
pub(crate) fn one(bytes: &[u8], numbered: bool, codec: &mut Codec, outside: &mut dyn Outside) -> Read<Value> {
    let input = Input::new(bytes, 0);
    let mut r = Reader { input, codec, outside, depth: 0, numbered, count: 0, closed: Vec::new() };
    let value = r.value()?;
    if r.input.left() > 0 { r.input.wrong(Malformed::Left) } else { Ok(value) }
}

impl Reader<'_, '_> {
    fn value(&mut self) -> Read<Value> {
        let from = self.input.at;
        let tag = self.input.byte()?;
        if let Some(number) = self.input.number_of(tag)? {
            return Ok(Value::number(number));
        }
        if tag < SHORT_LIST || matches!(tag, TEXT | SHORT_WIDE | WIDE) {
            return self.string(tag);
        }
        if let Some(length) = self.input.items_of(tag)? {
            return self.list(length);
        }
        match tag {
            OBJECT => self.object(),
            LOOSE => self.loose(),
            TRUE => Ok(Value::Bool(true)),
            FALSE => Ok(Value::Bool(false)),
            NULL => Ok(Value::Null),
            UNDEFINED => Ok(Value::Undefined),
            BIGINT64 => Ok(Value::BigInt64(i64::from_le_bytes(self.input.array()?))),
            BIGINT => self.bigint(),
            AGAIN => self.again(),
            END => Err(DecodeError { at: from, why: Malformed::End }),
            _ => self.rare(tag, from),
        }
    }

    /// Apart, as are all that follow: what they need on the stack is not needed once per level.
    #[inline(never)]
    fn string(&mut self, tag: u8) -> Read<Value> {
        match self.input.text_of(tag)? {
            Some(text) => Ok(Value::Text(text.to_text())),
            None => self.input.wrong(Malformed::NoText),
        }
    }

    /// So many of what takes a byte at least. Memory for all of them at once would be many times that of the bytes.
    fn some<T>(&mut self, length: usize, mut read: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        const AT_ONCE: usize = 64;
        let mut all = Vec::with_capacity(length.min(self.input.left()).min(AT_ONCE));
        for _ in 0..length {
            all.push(read(self)?);
        }
        Ok(all)
    }

    fn until_end<T>(&mut self, mut read: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut all = Vec::new();
        while !self.input.ended()? {
            all.push(read(self)?);
        }
        Ok(all)
    }

    fn enter(&mut self) -> Read<()> {
        self.count += 1;
        self.depth += 1;
        if self.depth > DEEPEST { self.input.wrong(Malformed::Depth) } else { Ok(()) }
    }

    #[inline(never)]
    fn list(&mut self, length: usize) -> Read<Value> {
        self.enter()?;
        let items = self.some(length, |r| {
            if r.input.bytes.get(r.input.at) == Some(&HOLE) {
                r.input.at += 1;
                return Ok(Value::Hole);
            }
            r.value()
        })?;
        self.depth -= 1;
        Ok(Value::Array(items))
    }

    #[inline(never)]
    fn object(&mut self) -> Read<Value> {
        let from = self.input.at;
        let shape = u16::from_le_bytes(self.input.array()?);
        self.enter()?;
        let Some(keys) = self.codec.keys(shape, self.outside) else {
            return Err(DecodeError { at: from, why: Malformed::Shape(shape) });
        };
        let mut keys = keys.iter();
        let entries = self.some(keys.len(), |r| Ok((keys.next().cloned().unwrap_or_default(), r.value()?)))?;
        self.depth -= 1;
        Ok(Value::Object(Object { entries, is_bare: false }))
    }

    #[inline(never)]
    fn loose(&mut self) -> Read<Value> {
        let [is_bare, _] = self.input.array()?;
        self.enter()?;
        let mut entries = self.until_end(|r| Ok((Text::default(), r.value()?)))?;
        for (key, _) in &mut entries {
            *key = self.text()?;
        }
        self.depth -= 1;
        Ok(Value::Object(Object { entries, is_bare: is_bare == 1 }))
    }

    fn text(&mut self) -> Read<Text> {
        self.input.text().map(RawText::to_text)
    }

    #[inline(never)]
    fn bigint(&mut self) -> Read<Value> {
        let is_negative = self.input.byte()? == 1;
        let from = self.input.at;
        let digits = self.input.text()?.borrowed();
        digits
            .and_then(|digits| BigInt::from_hex(is_negative, digits.as_bytes()))
            .map(Value::bigint)
            .ok_or(DecodeError { at: from, why: Malformed::Digits })
    }

    #[inline(never)]
    fn again(&mut self) -> Read<Value> {
        let from = self.input.at;
        let number = self.input.length()?;
        if !self.numbered || number >= self.count || self.closed.contains(&number) {
            return Err(DecodeError { at: from, why: Malformed::Again(number) });
        }
        match u32::try_from(number) {
            Ok(number) => Ok(Value::Again(number)),
            Err(_) => Err(DecodeError { at: from, why: Malformed::Again(number) }),
        }
    }

    #[inline(never)]
    fn rare(&mut self, tag: u8, from: usize) -> Read<Value> {
        match tag {
            MAP => {
                self.enter()?;
                let entries = self.until_end(|r| Ok((r.value()?, r.value()?)))?;
                self.depth -= 1;
                Ok(Value::Map(entries))
            }
            SET => {
                self.enter()?;
                let items = self.until_end(Self::value)?;
                self.depth -= 1;
                Ok(Value::Set(items))
            }
            ERROR => self.error(),
            INSTANCE => self.instance(),
            BOXED => {
                let from = self.input.at;
                // no object may be in it, so that nothing goes deeper here
                self.count += 1;
                let value = self.primitive()?;
                if value.is_primitive() {
                    return Ok(Value::Boxed(Box::new(value)));
                }
                Err(DecodeError { at: from, why: Malformed::Box })
            }
            _ => self.flat(tag, from),
        }
    }

    fn primitive(&mut self) -> Read<Value> {
        let tag = self.input.byte()?;
        if let Some(number) = self.input.number_of(tag)? {
            return Ok(Value::number(number));
        }
        if let Some(text) = self.input.text_of(tag)? {
            return Ok(Value::Text(text.to_text()));
        }
        match tag {
            TRUE => Ok(Value::Bool(true)),
            FALSE => Ok(Value::Bool(false)),
            BIGINT64 => Ok(Value::BigInt64(i64::from_le_bytes(self.input.array()?))),
            BIGINT => self.bigint(),
            _ => Ok(Value::Undefined),
        }
    }

    /// Objects with nothing but primitives in them.
    #[inline(never)]
    fn flat(&mut self, tag: u8, from: usize) -> Read<Value> {
        self.count += 1;
        match tag {
            DATE => Ok(Value::Date(self.input.number()?)),
            REGEXP => {
                let (source, flags, last_index) = (self.text()?, self.text()?, self.input.number()?);
                Ok(Value::RegExp(Box::new(RegExp { source, flags, last_index })))
            }
            DOM_EXCEPTION => {
                let (name, message, stack) = (self.text()?, self.text()?, self.text()?);
                Ok(Value::DomException(Box::new(DomException { name, message, stack })))
            }
            URL_TEXT => Ok(Value::Url(self.text()?)),
            URL_PARAMS => Ok(Value::UrlParams(self.text()?)),
            REF | REF_AT => {
                let (address, age, class) = (self.input.word()?, self.input.word()? as i32, self.input.word()?);
                let path = if tag == REF_AT { Some(self.text()?) } else { None };
                Ok(Value::Ref(Box::new(RefValue { address, age, class, path })))
            }
            VIEW | VIEW_ATTACHED => {
                let kind = kind(&mut self.input)?;
                let from = self.input.at;
                let bytes = if tag == VIEW { here(&mut self.input)?.to_vec() } else { self.piece()? };
                if bytes.len() % kind.size() != 0 {
                    return Err(DecodeError { at: from, why: Malformed::View });
                }
                Ok(Value::View(View { kind, bytes }))
            }
            BUFFER => Ok(Value::Buffer(here(&mut self.input)?.to_vec())),
            BUFFER_ATTACHED => Ok(Value::Buffer(self.piece()?)),
            VIEW_MOVED => {
                let kind = kind(&mut self.input)?;
                let number = self.input.length()?;
                let view = Some((kind, self.input.length()?, self.input.length()?));
                Ok(Value::Moved(Moved { number, view }))
            }
            BUFFER_MOVED => Ok(Value::Moved(Moved { number: self.input.length()?, view: None })),
            _ => Err(DecodeError { at: from, why: Malformed::Tag(tag) }),
        }
    }

    fn piece(&mut self) -> Read<Vec<u8>> {
        let from = self.input.at;
        let place = self.input.length()?;
        self.outside.piece(place).ok_or(DecodeError { at: from, why: Malformed::Piece(place) })
    }

    #[inline(never)]
    fn error(&mut self) -> Read<Value> {
        let from = self.input.at;
        let number = self.input.byte()?;
        let kind = ErrorKind::of(number).ok_or(DecodeError { at: from, why: Malformed::ErrorKind(number) })?;
        self.enter()?;
        let hidden = self.until_end(|r| Ok((r.text()?, r.value()?)))?;
        let own = self.until_end(|r| Ok((r.text()?, r.value()?)))?;
        self.depth -= 1;
        Ok(Value::Error(Box::new(ErrorValue { kind, hidden, own })))
    }

    #[inline(never)]
    fn instance(&mut self) -> Read<Value> {
        let name = self.text()?;
        self.closed.push(self.count);
        self.enter()?;
        let data = self.value()?;
        self.depth -= 1;
        self.closed.pop();
        Ok(Value::Instance(Box::new(Instance { name, data })))
    }
}

pub(crate) fn kind(input: &mut Input<'_>) -> Read<ViewKind> {
    let from = input.at;
    let number = input.byte()?;
    ViewKind::of(number).ok_or(DecodeError { at: from, why: Malformed::ViewKind(number) })
}

/// Bytes that are in the message itself.
pub(crate) fn here<'a>(input: &mut Input<'a>) -> Read<&'a [u8]> {
    let length = input.count()?;
    input.take(length)
}
