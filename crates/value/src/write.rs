//! Values into bytes: the very bytes that `src/cores/codec` makes of the same values.

use crate::codec::{Codec, Outside};
use crate::error::EncodeError;
use crate::input::Input;
use crate::kept::Kept;
use crate::scan::{self, What};
use crate::shapes::ROOT;
use crate::tags::{
    AGAIN, BIGINT, BIGINT64, BOXED, BUFFER, BUFFER_ATTACHED, DATE, DEEPEST, DOM_EXCEPTION, DOUBLE, END, ERROR, FALSE,
    HOLE, INSTANCE, INT8, INT16, INT32, LARGE, LIST, LOOSE, MAP, NULL, NUMBERED, OBJECT, PLAIN, REF, REF_AT, REGEXP,
    SET, SHORT_LIST, SMALL_INTS, TRUE, UNDEFINED, URL_PARAMS, URL_TEXT, VIEW, VIEW_ATTACHED,
};
use crate::text::{Text, write_str};
use crate::value::{Object, Value, as_int};

type Written = Result<(), EncodeError>;

struct Writer<'a, 'o> {
    into: &'a mut Vec<u8>,
    codec: &'o mut Codec,
    outside: &'o mut dyn Outside,
    depth: u32,
    /// Objects so far.
    count: u64,
    /// Some object occurs again.
    numbered: bool,
    /// The message has one value only.
    is_alone: bool,
    /// Instances that are being written: their reader has them only at their ends.
    closed: Vec<u64>,
}

pub(crate) fn message(values: &[Value], into: &mut Vec<u8>, codec: &mut Codec, outside: &mut dyn Outside) -> Written {
    let head = into.len();
    into.push(PLAIN);
    length(into, values.len() as u64);
    let is_alone = values.len() == 1;
    let mut w = Writer { into, codec, outside, depth: 0, count: 0, numbered: false, is_alone, closed: Vec::new() };
    for value in values {
        w.value(value)?;
    }
    if w.numbered {
        into[head] = NUMBERED;
    }
    Ok(())
}

/// A number that is an integer, or not.
pub(crate) fn number(into: &mut Vec<u8>, value: f64) {
    match as_int(value) {
        Some(int) => integer(into, int),
        None => {
            into.push(DOUBLE);
            into.extend_from_slice(&value.to_le_bytes());
        }
    }
}

fn integer(into: &mut Vec<u8>, value: i32) {
    if let Ok(small) = u8::try_from(value)
        && small < SMALL_INTS
    {
        into.push(small);
    } else if let Ok(value) = i8::try_from(value) {
        into.extend_from_slice(&[INT8, value as u8]);
    } else if let Ok(value) = i16::try_from(value) {
        into.push(INT16);
        into.extend_from_slice(&value.to_le_bytes());
    } else {
        into.push(INT32);
        into.extend_from_slice(&value.to_le_bytes());
    }
}

pub(crate) fn length(into: &mut Vec<u8>, length: u64) {
    number(into, length as f64);
}

pub(crate) fn bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    length(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

impl Writer<'_, '_> {
    fn value(&mut self, value: &Value) -> Written {
        match value {
            Value::Undefined => self.into.push(UNDEFINED),
            Value::Null => self.into.push(NULL),
            Value::Bool(value) => self.into.push(if *value { TRUE } else { FALSE }),
            Value::Int(value) => integer(self.into, *value),
            Value::Float(value) => number(self.into, *value),
            Value::BigInt64(value) => {
                self.into.push(BIGINT64);
                self.into.extend_from_slice(&value.to_le_bytes());
            }
            Value::BigInt(value) => {
                if let Some(small) = value.to_i64() {
                    return self.value(&Value::BigInt64(small));
                }
                self.into.extend_from_slice(&[BIGINT, u8::from(value.is_negative())]);
                return write_str(self.into, &value.to_hex());
            }
            Value::Text(text) => return text.write(self.into),
            Value::Array(items) => return self.list(items),
            Value::Hole => return Err(EncodeError::Hole),
            Value::Object(object) => return self.object(object),
            Value::Again(number) => {
                let number = *number;
                if u64::from(number) >= self.count || self.closed.contains(&u64::from(number)) {
                    return Err(EncodeError::Again(number));
                }
                self.again(u64::from(number));
            }
            Value::Kept(kept) => return self.kept(kept),
            _ => return self.rare(value),
        }
        Ok(())
    }

    fn again(&mut self, number: u64) {
        self.numbered = true;
        self.into.push(AGAIN);
        length(self.into, number);
    }

    fn enter(&mut self) -> Written {
        self.count += 1;
        self.depth += 1;
        if self.depth > DEEPEST { Err(EncodeError::TooDeep) } else { Ok(()) }
    }

    fn list(&mut self, items: &[Value]) -> Written {
        if items.len() < 16 {
            self.into.push(SHORT_LIST + items.len() as u8);
        } else {
            self.into.push(LIST);
            length(self.into, items.len() as u64);
        }
        self.enter()?;
        for item in items {
            match item {
                Value::Hole => self.into.push(HOLE),
                item => self.value(item)?,
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// The values come before it is known by which number the keys go, as in JavaScript.
    fn object(&mut self, object: &Object) -> Written {
        let head = self.into.len();
        self.into.extend_from_slice(&[LOOSE, u8::from(object.is_bare), 0]);
        self.enter()?;
        let mut keys = if object.is_bare { None } else { ROOT };
        for (key, value) in &object.entries {
            keys = self.codec.shapes.step(keys, key);
            self.value(value)?;
        }
        self.depth -= 1;
        let outside = &mut *self.outside;
        if let Some(shape) = self.codec.shapes.number(keys, |json| outside.shape(json)) {
            let [low, high] = shape.to_le_bytes();
            self.into[head..head + 3].copy_from_slice(&[OBJECT, low, high]);
            return Ok(());
        }
        self.into.push(END);
        object.entries.iter().try_for_each(|(key, _)| key.write(self.into))
    }

    #[inline(never)]
    fn rare(&mut self, value: &Value) -> Written {
        match value {
            Value::Map(entries) => {
                self.into.push(MAP);
                self.enter()?;
                for (key, value) in entries {
                    self.value(key)?;
                    self.value(value)?;
                }
                self.end();
            }
            Value::Set(items) => {
                self.into.push(SET);
                self.enter()?;
                for item in items {
                    self.value(item)?;
                }
                self.end();
            }
            Value::Error(error) => {
                self.into.extend_from_slice(&[ERROR, error.kind as u8]);
                self.enter()?;
                for fields in [&error.hidden, &error.own] {
                    for (key, value) in fields {
                        key.write(self.into)?;
                        self.value(value)?;
                    }
                    self.into.push(END);
                }
                self.depth -= 1;
            }
            Value::Instance(instance) => {
                self.into.push(INSTANCE);
                instance.name.write(self.into)?;
                self.closed.push(self.count);
                self.enter()?;
                self.value(&instance.data)?;
                self.depth -= 1;
                self.closed.pop();
            }
            Value::Boxed(inner) => {
                if !inner.is_primitive() {
                    return Err(EncodeError::Box);
                }
                self.count += 1;
                self.into.push(BOXED);
                self.value(inner)?;
            }
            value => return self.flat(value),
        }
        Ok(())
    }

    fn end(&mut self) {
        self.into.push(END);
        self.depth -= 1;
    }

    /// Objects with nothing but primitives in them.
    fn flat(&mut self, value: &Value) -> Written {
        self.count += 1;
        match value {
            Value::Date(time) => {
                self.into.push(DATE);
                number(self.into, *time);
            }
            Value::RegExp(pattern) => {
                self.into.push(REGEXP);
                pattern.source.write(self.into)?;
                pattern.flags.write(self.into)?;
                number(self.into, pattern.last_index);
            }
            Value::DomException(error) => {
                return self.texts(DOM_EXCEPTION, [&error.name, &error.message, &error.stack]);
            }
            Value::Url(text) => return self.texts(URL_TEXT, [text]),
            Value::UrlParams(text) => return self.texts(URL_PARAMS, [text]),
            Value::View(view) => {
                if view.bytes.len() % view.kind.size() != 0 {
                    return Err(EncodeError::View);
                }
                self.memory(&[VIEW, view.kind as u8], &[VIEW_ATTACHED, view.kind as u8], &view.bytes);
            }
            Value::Buffer(memory) => self.memory(&[BUFFER], &[BUFFER_ATTACHED], memory),
            Value::Ref(to) => {
                self.into.push(if to.path.is_none() { REF } else { REF_AT });
                self.into.extend_from_slice(&to.address.to_le_bytes());
                self.into.extend_from_slice(&to.age.to_le_bytes());
                self.into.extend_from_slice(&to.class.to_le_bytes());
                if let Some(path) = &to.path {
                    path.write(self.into)?;
                }
            }
            // the only one that is left: what is written above has no place here
            _ => return Err(EncodeError::Moved),
        }
        Ok(())
    }

    fn texts<const N: usize>(&mut self, tag: u8, texts: [&Text; N]) -> Written {
        self.into.push(tag);
        texts.into_iter().try_for_each(|text| text.write(self.into))
    }

    fn memory(&mut self, inside: &[u8], beside: &[u8], memory: &[u8]) {
        let place = if memory.len() >= LARGE { self.outside.attach(memory) } else { None };
        match place {
            Some(place) => {
                self.into.extend_from_slice(beside);
                length(self.into, u64::from(place));
            }
            None => {
                self.into.extend_from_slice(inside);
                bytes(self.into, memory);
            }
        }
    }

    fn kept(&mut self, kept: &Kept) -> Written {
        if self.is_alone && self.depth == 0 {
            self.numbered |= kept.numbered;
            self.into.extend_from_slice(&kept.bytes);
            return Ok(());
        }
        let mut input = Input::new(&kept.bytes, 0);
        let found = scan::value(&mut input, self.codec, self.outside)?;
        if self.depth + found.depth > DEEPEST {
            return Err(EncodeError::TooDeep);
        }
        if found.moved.is_some() {
            return Err(EncodeError::Moved);
        }
        let mut from = 0;
        for end in &found.loose_ends {
            self.into.extend_from_slice(&kept.bytes[from..end.bytes.start]);
            from = end.bytes.end;
            match end.what {
                What::Again(number) => self.again(number + self.count),
                What::Piece { .. } => self.into.extend_from_slice(&kept.bytes[end.bytes.clone()]),
            }
        }
        self.into.extend_from_slice(&kept.bytes[from..input.at]);
        self.count += found.objects;
        Ok(())
    }
}
