//! Goes over a value without making it: where it ends, and what in it depends on the message around it.

use std::ops::Range;

use crate::codec::{Codec, Outside};
use crate::error::{DecodeError, Malformed};
use crate::input::Input;
use crate::read::{here, kind};
use crate::tags::{
    AGAIN, BIGINT, BIGINT64, BOXED, BUFFER, BUFFER_ATTACHED, BUFFER_MOVED, DATE, DEEPEST, DOM_EXCEPTION, END, ERROR,
    FALSE, HOLE, INSTANCE, LOOSE, MAP, NULL, OBJECT, REF, REF_AT, REGEXP, SET, TRUE, UNDEFINED, URL_PARAMS, URL_TEXT,
    VIEW, VIEW_ATTACHED, VIEW_MOVED,
};

/// What was found in a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Objects.
    pub(crate) objects: u64,
    /// How many stand inside each other at most.
    pub(crate) depth: u32,
    /// What has to be written otherwise elsewhere, in order.
    pub(crate) loose_ends: Vec<LooseEnd>,
    /// Memory that nobody can keep.
    pub(crate) moved: Option<usize>,
}

/// Bytes that mean something only in their message.
#[derive(Clone, Debug)]
pub(crate) struct LooseEnd {
    pub(crate) bytes: Range<usize>,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// The number of an object.
    Again(u64),
    /// The place of large bytes; the kind of the view on them.
    Piece { place: u64, kind: Option<u8> },
}

/// How many values follow each other; what ends with an END has `UNTIL_END`.
const UNTIL_END: usize = usize::MAX;

/// What is being gone over. A list of these takes the place of a stack of calls.
struct Level {
    left: usize,
    is_list: bool,
    /// What comes when its values have ended.
    then: Then,
    /// Whether a text is before each of its values.
    is_keyed: bool,
    values: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    Nothing,
    /// As many texts as there were values.
    Keys,
    /// More values by key, up to another END.
    More,
    /// An even number of values, it must have been.
    Pairs,
}

/// Goes over the value that `input` is at.
pub(crate) fn value(input: &mut Input<'_>, codec: &mut Codec, outside: &mut dyn Outside) -> Result<Found, DecodeError> {
    let mut found = Found::default();
    let mut levels: Vec<Level> = Vec::new();
    loop {
        if let Some(level) = one(input, levels.last().is_some_and(|level| level.is_list), &mut found, codec, outside)? {
            levels.push(level);
            if levels.len() > DEEPEST as usize {
                return input.wrong(Malformed::Depth);
            }
            found.depth = found.depth.max(levels.len() as u32);
        }
        // closes what ends here
        loop {
            let Some(level) = levels.last_mut() else { return Ok(found) };
            if level.left == UNTIL_END {
                let is_odd = level.then == Then::Pairs && level.values % 2 == 1;
                if is_odd || !input.ended()? {
                    level.values += 1;
                } else if level.then == Then::More {
                    level.then = Then::Nothing;
                    continue;
                } else {
                    if level.then == Then::Keys {
                        for _ in 0..level.values {
                            input.text()?;
                        }
                    }
                    levels.pop();
                    continue;
                }
            } else if level.left > 0 {
                level.left -= 1;
            } else {
                levels.pop();
                continue;
            }
            if level.is_keyed {
                input.text()?;
            }
            break;
        }
    }
}

impl Level {
    fn of(left: usize) -> Self {
        Self { left, is_list: false, then: Then::Nothing, is_keyed: false, values: 0 }
    }
}

/// One value without those in it.
fn one(
    input: &mut Input<'_>,
    in_list: bool,
    found: &mut Found,
    codec: &mut Codec,
    outside: &mut dyn Outside,
) -> Result<Option<Level>, DecodeError> {
    let from = input.at;
    let tag = input.byte()?;
    if input.number_of(tag)?.is_some() || input.text_of(tag)?.is_some() {
        return Ok(None);
    }
    if let Some(length) = input.items_of(tag)? {
        found.objects += 1;
        return Ok(Some(Level { is_list: true, ..Level::of(length) }));
    }
    match tag {
        TRUE | FALSE | NULL | UNDEFINED => return Ok(None),
        HOLE if in_list => return Ok(None),
        BIGINT64 => return input.array::<8>().map(|_| None),
        BIGINT => {
            input.byte()?;
            return input.text().map(|_| None);
        }
        AGAIN => {
            let number = input.length()?;
            found.loose_ends.push(LooseEnd { bytes: from..input.at, what: What::Again(number) });
            return Ok(None);
        }
        END => return Err(DecodeError { at: from, why: Malformed::End }),
        _ => found.objects += 1,
    }
    match tag {
        OBJECT => {
            let at = input.at;
            let shape = u16::from_le_bytes(input.array()?);
            let keys = codec.keys(shape, outside).ok_or(DecodeError { at, why: Malformed::Shape(shape) })?;
            return Ok(Some(Level::of(keys.len())));
        }
        LOOSE => {
            input.array::<2>()?;
            return Ok(Some(Level { then: Then::Keys, ..Level::of(UNTIL_END) }));
        }
        MAP => return Ok(Some(Level { then: Then::Pairs, ..Level::of(UNTIL_END) })),
        SET => return Ok(Some(Level::of(UNTIL_END))),
        ERROR => {
            input.byte()?;
            return Ok(Some(Level { then: Then::More, is_keyed: true, ..Level::of(UNTIL_END) }));
        }
        INSTANCE => {
            input.text()?;
            return Ok(Some(Level::of(1)));
        }
        _ => {}
    }
    flat(input, tag, from, found)?;
    Ok(None)
}

/// Objects with nothing but primitives in them.
fn flat(input: &mut Input<'_>, tag: u8, from: usize, found: &mut Found) -> Result<(), DecodeError> {
    match tag {
        DATE => input.number().map(|_| ()),
        REGEXP => {
            input.text()?;
            input.text()?;
            input.number().map(|_| ())
        }
        DOM_EXCEPTION => {
            input.text()?;
            input.text()?;
            input.text().map(|_| ())
        }
        URL_TEXT | URL_PARAMS => input.text().map(|_| ()),
        REF => input.array::<12>().map(|_| ()),
        REF_AT => {
            input.array::<12>()?;
            input.text().map(|_| ())
        }
        BOXED => boxed(input),
        VIEW => {
            kind(input)?;
            here(input).map(|_| ())
        }
        BUFFER => here(input).map(|_| ()),
        VIEW_ATTACHED | BUFFER_ATTACHED => {
            let kind = if tag == VIEW_ATTACHED { Some(kind(input)? as u8) } else { None };
            let place = input.length()?;
            found.loose_ends.push(LooseEnd { bytes: from..input.at, what: What::Piece { place, kind } });
            Ok(())
        }
        VIEW_MOVED | BUFFER_MOVED => {
            found.moved.get_or_insert(from);
            if tag == BUFFER_MOVED {
                return input.length().map(|_| ());
            }
            kind(input)?;
            input.length()?;
            input.length()?;
            input.length().map(|_| ())
        }
        _ => Err(DecodeError { at: from, why: Malformed::Tag(tag) }),
    }
}

fn boxed(input: &mut Input<'_>) -> Result<(), DecodeError> {
    let from = input.at;
    let tag = input.byte()?;
    if input.number_of(tag)?.is_some() || input.text_of(tag)?.is_some() {
        return Ok(());
    }
    match tag {
        TRUE | FALSE => Ok(()),
        BIGINT64 => input.array::<8>().map(|_| ()),
        BIGINT => {
            input.byte()?;
            input.text().map(|_| ())
        }
        _ => Err(DecodeError { at: from, why: Malformed::Box }),
    }
}
