//! What an isolate has that other isolates talk to: letters, names, classes, and who ended.

use super::args::Args;
use super::{Registered, Reply};
use crate::clock::Clock;
use crate::entry::{Entry, TAG_SHIFT, flag, op};
use crate::hub::{Hub, Shared};
use crate::lane::far::Address;
use crate::lane::letters::{APART, WORDS};
use crate::native::isolate::Isolate;
use crate::sync::Arc;
use buskin_value::{Codec, DecodeError, EncodeError, Message, Outside, Value};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Bytes of letters that an inbox brings: as an isolate of JavaScript's.
pub(crate) const BAG: usize = 256 << 10;
/// When this much was written it is handed over, in the middle of an inbox.
const SATCHEL: usize = 1 << 20;
/// Kinds of the hub's words.
const NAMES: usize = 0;
const SHAPES: usize = 1;
const CLASSES: usize = 2;
/// More names, or shapes, than this have no number.
const MOST: u32 = 0xffff;
/// What the number of a class has in a lane that not its own isolate gave.
pub(super) const SHARED: u32 = 0x8000;
/// Of so many actors that ended it is known what with.
const ENDED: usize = 1 << 16;
/// What the word of a native class begins with.
const NATIVE: char = '@';
/// An argument travels in the entry.
pub(super) const ARITY_1: u32 = 1 << flag::ARITY.trailing_zeros();
/// A letter does.
pub(super) const ARITY_N: u32 = flag::ARITY;

/// See the module.
pub(crate) struct Foreign {
    pub(super) hub: Arc<Hub>,
    pub(super) lane: Arc<Shared>,
    pub(super) codec: Codec,
    /// By the hub's number.
    classes: HashMap<u32, Arc<Known>>,
    names: HashMap<u32, Arc<str>>,
    pub(super) ended: HashMap<u32, Ended>,
    /// Those, the oldest first, with their ages.
    order: VecDeque<(u32, u32)>,
    pub(super) streams: super::streams::Streams,
    /// A message that is a dead letter, until its reason comes.
    pub(super) dead: Option<super::news::Dead>,
}

/// A class whose methods the lane knows by the numbers of their names.
pub(crate) struct Known {
    pub(super) id: u32,
    pub(super) kind: Arc<Registered>,
}

/// What is known of an actor that has ended.
pub(super) struct Ended {
    pub(super) age: u32,
    pub(super) started: bool,
    pub(super) error: Option<Value>,
    pub(super) path: Option<Arc<str>>,
    pub(super) class: Option<Arc<Known>>,
}

/// A letter that an entry of the inbox has.
pub(super) struct Letter<'a> {
    form: u32,
    word: u32,
    /// The number of the method's name.
    pub(super) name: u32,
    pieces: u32,
    number: u32,
    bytes: Cow<'a, [u8]>,
}

impl Letter<'_> {
    /// Nothing lies beside it.
    pub(super) fn is_whole(&self) -> bool {
        self.pieces == 0
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// All of it, when that is the arguments and nothing else.
    pub(super) fn raw(&self) -> Option<&[u8]> {
        (self.form == 3 && self.pieces == 0 && self.name != 0).then_some(&*self.bytes)
    }

    /// The arguments.
    pub(super) fn args(&self) -> Result<Args<'_>, DecodeError> {
        Ok(match self.form {
            0 => Args::None,
            3 => Args::Message(Message::new(&self.bytes)?),
            _ => Args::Word(self.word.cast_signed()),
        })
    }
}

/// What a codec needs of the system.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) hub: &'a Arc<Hub>,
    pub(super) lane: &'a Shared,
    /// The letter that is read.
    pub(super) letter: u32,
}

impl Outside for Beside<'_> {
    fn shape(&mut self, keys: &str) -> Option<u16> {
        self.hub.word(SHAPES, keys, MOST)?.try_into().ok()
    }

    fn keys(&mut self, shape: u16) -> Option<Box<str>> {
        self.hub.word_at(SHAPES, u32::from(shape))
    }

    fn piece(&mut self, place: u64) -> Option<Vec<u8>> {
        let place = usize::try_from(place).ok()?;
        self.lane.with(|lane| lane.detach(self.letter, place))
    }
}

/// The time of a lane.
pub(super) fn time(lane: &Shared) -> Duration {
    let clock: Clock = lane.with(|lane| lane.clock());
    Duration::from_micros(clock.micros())
}

impl Foreign {
    pub(crate) fn new(hub: Arc<Hub>, lane: Arc<Shared>) -> Box<Foreign> {
        Box::new(Foreign {
            hub,
            lane,
            codec: Codec::new(),
            classes: HashMap::new(),
            names: HashMap::new(),
            ended: HashMap::new(),
            order: VecDeque::new(),
            streams: super::streams::Streams::default(),
            dead: None,
        })
    }

    /// The method that has this number.
    pub(super) fn name(&mut self, id: u32) -> Option<Arc<str>> {
        let at = id.checked_sub(1)?;
        if let Some(name) = self.names.get(&id) {
            return Some(Arc::clone(name));
        }
        let name: Arc<str> = self.hub.word_at(NAMES, at)?.into();
        self.names.insert(id, Arc::clone(&name));
        Some(name)
    }

    /// The class that has this number, or what its word is. From now on the lane knows its methods.
    pub(super) fn class(&mut self, id: u32) -> Result<Arc<Known>, String> {
        if let Some(known) = self.classes.get(&id) {
            return Ok(Arc::clone(known));
        }
        let word = id.checked_sub(1).and_then(|at| self.hub.word_at(CLASSES, at)).unwrap_or_default();
        let name = word.strip_prefix(NATIVE).ok_or_else(|| word.to_string())?;
        let kind = super::find(name).ok_or_else(|| name.to_owned())?;
        let ids: Vec<u32> =
            kind.methods().iter().map(|m| self.hub.word(NAMES, &m.name, MOST).map_or(0, |at| at + 1)).collect();
        self.lane.with(|lane| {
            lane.class(id | SHARED, kind.name());
            for ((tag, method), name) in (1..).zip(kind.methods()).zip(ids) {
                // of a stream the name is always looked up
                if !method.is_stream && name != 0 {
                    lane.head(id | SHARED, name, op::MSG | tag << TAG_SHIFT);
                }
            }
        });
        let known = Arc::new(Known { id, kind });
        self.classes.insert(id, Arc::clone(&known));
        Ok(known)
    }

    /// Keeps what an actor ended with, as long as there is room.
    pub(super) fn keep_ended(&mut self, index: u32, ended: Ended) {
        if self.order.len() >= ENDED
            && let Some((oldest, age)) = self.order.pop_front()
            && self.ended.get(&oldest).is_some_and(|known| known.age == age)
        {
            self.ended.remove(&oldest);
        }
        self.order.push_back((index, ended.age));
        self.ended.insert(index, ended);
    }

    /// Values as the bytes of a message.
    pub(super) fn bytes(&mut self, values: &[Value], into: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut beside = Beside { hub: &self.hub, lane: &self.lane, letter: 0 };
        self.codec.encode(values, into, &mut beside)
    }

    /// The path of an actor; none when it has ended, or when it is between two parents.
    pub(super) fn path(&self, place: u32, index: u32, age: u32) -> Option<String> {
        let (mut place, mut index, mut age) = (place, index, age);
        let mut names = Vec::new();
        while index != 0 {
            let (name, above) = self.hub.lane(place)?.with(|lane| lane.called(index, age))?;
            names.extend(name);
            [place, index, age] = above;
        }
        Some(names.iter().rev().fold(String::new(), |path, name| path + "/" + name))
    }

    /// The same of an address.
    pub(super) fn path_at(&self, word: u32, age: u32) -> Option<String> {
        let at = Address::of(word)?;
        self.path(at.lane, at.index, age)
    }

    /// The address and the age of what stands in for an actor of this lane, whose parent is elsewhere.
    pub(super) fn stand_in(&self, index: u32, age: u32) -> Option<(u32, u32)> {
        match self.lane.with(|lane| lane.called(index, age))? {
            (None, [lane, index, age]) => Some((Address { lane, index }.word(), age)),
            _ => None,
        }
    }
}

/// The isolate's other side, if it has one.
///
/// # Safety
/// The thread's own isolate, and no reference to its other side lives.
#[allow(clippy::mut_from_ref, reason = "that is the caller's promise")]
pub(super) unsafe fn side<'a>(this: *mut Isolate) -> Option<&'a mut Foreign> {
    // SAFETY: the caller's promise. It lies apart from the isolate, and lives as long.
    unsafe { (*this).foreign.as_deref_mut() }
}

/// The letter of an entry of the inbox. It can be read until the inbox is over.
///
/// # Safety
/// The thread's own isolate; the entry lies at `at` of its inbox, and has a letter; what is returned is given up before the outbox
/// is handed over.
pub(super) unsafe fn letter<'a>(this: *mut Isolate, at: usize, number: u32) -> Option<Letter<'a>> {
    // SAFETY: the caller's promise: the bag is the isolate's, and is written in a turn only.
    unsafe {
        let here = &*this;
        let place = *here.places.get(at)?;
        if place == APART {
            return apart(&here.shared, number);
        }
        let bag: *const [u8] = &raw const *here.bag;
        let at = place as usize;
        let words = (&*bag).get(at..at + WORDS * 4)?;
        let word = |w: usize| words.get(w * 4..w * 4 + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes);
        let words = [word(0), word(1), word(2), word(3)];
        let from = at + WORDS * 4;
        let bytes = (&*bag).get(from..from + words[0] as usize)?;
        Some(opened(words, Cow::Borrowed(bytes)))
    }
}

/// A letter that does not lie in the bag.
pub(super) fn apart<'a>(lane: &Shared, number: u32) -> Option<Letter<'a>> {
    lane.with(|lane| {
        let (words, bytes) = lane.letter(number)?;
        let words: [u32; WORDS] = words.try_into().ok()?;
        Some(opened(words, Cow::Owned(bytes.to_vec())))
    })
}

fn opened(words: [u32; WORDS], bytes: Cow<'_, [u8]>) -> Letter<'_> {
    let [_, meta, number, word] = words;
    Letter { form: meta >> 16 & 3, word, name: meta & 0xffff, pieces: meta >> 18, number, bytes }
}

impl Letter<'_> {
    /// The same without the words of the core's before it.
    pub(super) fn behind(self, words: usize) -> Option<Self> {
        let from = words * 4;
        if self.bytes.len() < from {
            return None;
        }
        let bytes = match self.bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[from..]),
            Cow::Owned(mut bytes) => {
                bytes.drain(..from);
                Cow::Owned(bytes)
            }
        };
        Some(Self { bytes, ..self })
    }

    /// A word of the core's.
    pub(super) fn lead(&self, at: usize) -> u32 {
        self.bytes.get(at * 4..at * 4 + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes)
    }
}

/// Writes an entry with a letter, whose bytes `write` writes. Nothing is written of an error.
///
/// # Safety
/// The thread's own isolate, to which no reference lives, and no letter of the inbox is being read.
pub(super) unsafe fn put_letter<E>(
    this: *mut Isolate,
    entry: Entry,
    write: impl FnOnce(&mut Foreign, &mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(foreign) = side(this) else { return Ok(()) };
        let here = &mut *this;
        here.reserve(2);
        let start = here.satchel.len().next_multiple_of(8);
        let before = here.satchel.len();
        here.satchel.resize(start + 8, 0);
        if let Err(error) = write(foreign, &mut here.satchel) {
            here.satchel.truncate(before);
            return Err(error);
        }
        let length = u32::try_from(here.satchel.len() - start - 8).unwrap_or(u32::MAX);
        here.satchel[start..start + 4].copy_from_slice(&length.to_ne_bytes());
        let payload = u32::try_from(start).unwrap_or(u32::MAX);
        here.put(Entry { head: entry.head | ARITY_N, payload, ..entry });
        if here.satchel.len() > SATCHEL {
            here.submit();
        }
        Ok(())
    }
}

/// The same, of values that can always be written.
///
/// # Safety
/// As of [`put_letter`].
pub(super) unsafe fn put_values(this: *mut Isolate, entry: Entry, values: &[Value]) -> Result<(), EncodeError> {
    // SAFETY: the caller's promise.
    unsafe { put_letter(this, entry, |foreign, into| foreign.bytes(values, into)) }
}

/// Writes an entry about a call, with what it came to.
///
/// # Errors
/// The value cannot be written.
///
/// # Safety
/// As of [`put_letter`].
pub(super) unsafe fn put_reply(this: *mut Isolate, entry: Entry, reply: Reply) -> Result<(), EncodeError> {
    // SAFETY: the caller's promise.
    unsafe {
        match reply {
            Reply::Undefined | Reply::Value(Value::Undefined) | Reply::Later(_) => (*this).put(entry),
            Reply::Int(int) | Reply::Value(Value::Int(int)) => {
                (*this).put(Entry { head: entry.head | ARITY_1, payload: int.cast_unsigned(), ..entry });
            }
            Reply::Value(value) => put_values(this, entry, std::slice::from_ref(&value))?,
            Reply::Kept(kept) => put_letter(this, entry, |_, into| {
                kept.write_message(into);
                Ok::<(), EncodeError>(())
            })?,
        }
        Ok(())
    }
}
