//! An isolate without JavaScript that spawns actors of native kinds and calls them, word by word as the façade does
//! (src/cores), and a stage of such isolates and native lanes. After every turn the lane's counts are audited.
#![allow(dead_code, unused_imports)] // every test file uses a part of it

mod stage;

pub(crate) use stage::Stage;

use buskin_core::entry::{Entry, TAG_SHIFT, carry, flag, mode, note, op, spawn, stop, word};
use buskin_core::hub::{Hub, Shared};
use buskin_core::lane::far::Address;
use buskin_core::lane::letters::{APART, WORDS};
use buskin_core::lane::{Lane, Rings};
use buskin_value::{Codec, Outside, Value};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) const ASK: u32 = flag::ASK;
pub(crate) const SEND: u32 = flag::SEND;
pub(crate) const STREAM: u32 = flag::STREAM;
/// A tell whose caller may abort it has a call, too.
pub(crate) const SIGNAL: u32 = 0;
const RING: usize = 64;

/// An actor elsewhere, and its stand-in here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Far {
    pub(crate) word: u32,
    pub(crate) age: u32,
    pub(crate) seat: u32,
    pub(crate) seat_age: u32,
    class: u32,
}

/// What an isolate was told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    Reply(u32, Value),
    Threw(u32, Value),
    Accepted(u32, u32),
    Over(u32),
    Refused(u32, u32),
    Begun(u32),
    Item(u32, Value),
    /// The stand-in has started.
    Started(u32, u32),
    /// The stand-in failed: the error's number, and what was decided.
    Failed(u32, Vec<Value>, u32),
    Ended(u32, u32),
    /// A watch: its number, the reason, and the error.
    Watched(u32, u32, Option<Value>),
    /// A question about an actor was answered: the number, the reason, bits, the error and the path.
    Told(u32, u32, u32, Vec<Value>),
    News(Vec<Value>),
    Dead(u32),
}

struct Beside<'a>(&'a Hub, &'a Shared, u32);

impl Outside for Beside<'_> {
    fn shape(&mut self, keys: &str) -> Option<u16> {
        self.0.word(1, keys, 0xffff)?.try_into().ok()
    }
    fn keys(&mut self, shape: u16) -> Option<Box<str>> {
        self.0.word_at(1, u32::from(shape))
    }
    fn piece(&mut self, place: u64) -> Option<Vec<u8>> {
        self.1.with(|lane| lane.detach(self.2, place as usize))
    }
    fn attach(&mut self, bytes: &[u8]) -> Option<u32> {
        // one piece at a time is all that the tests send
        self.1.with(|lane| lane.attach(bytes.to_vec()));
        Some(0)
    }
}

pub(crate) struct Js {
    pub(crate) hub: Arc<Hub>,
    pub(crate) lane: Arc<Shared>,
    place: u32,
    header: Vec<i32>,
    outbox: Vec<Entry>,
    inbox: Vec<Entry>,
    marks: Vec<u8>,
    bag: Vec<u8>,
    places: Vec<u32>,
    satchel: Vec<u8>,
    written: usize,
    mode: u32,
    codec: Codec,
    /// Ages of calls by slot.
    calls: Vec<u32>,
    pub(crate) heard: Vec<Heard>,
    /// Where the words of streams go, by call.
    streams: HashMap<u32, u32>,
    failing: Option<Entry>,
    /// What is spawned next: of [`restart`](buskin_core::entry::restart).
    pub(crate) restart: u32,
    /// Items that were not credited yet are, at once.
    pub(crate) credits: bool,
}

impl Js {
    pub(crate) fn new(hub: &Arc<Hub>, place: u32) -> Js {
        let lane = Arc::clone(hub.lane(place).unwrap());
        Js {
            hub: Arc::clone(hub),
            lane,
            place,
            header: vec![0; word::COUNT],
            outbox: vec![Entry::default(); RING],
            inbox: vec![Entry::default(); RING],
            marks: vec![0; RING],
            bag: vec![0; 4096],
            places: vec![0; RING],
            satchel: Vec::new(),
            written: 0,
            mode: 0,
            codec: Codec::new(),
            calls: vec![0],
            heard: Vec::new(),
            streams: HashMap::new(),
            failing: None,
            restart: 0,
            credits: true,
        }
    }

    // ------------------------------------------------------------------------------------------ the outbox

    fn rings(&mut self, call: impl FnOnce(&mut Lane, &mut Rings<'_>)) {
        self.header[word::OUT] = self.written as i32;
        self.header[word::MODE] = (self.mode | mode::EVENTS | mode::DEAD) as i32;
        (self.written, self.mode) = (0, 0);
        let Js { lane, header, outbox, inbox, marks, bag, places, satchel, .. } = self;
        lane.with(|lane| {
            call(lane, &mut Rings { header, outbox, inbox, marks, bag, places, satchel });
            lane.audit(inbox, marks).expect("the counts are right");
        });
        self.satchel.clear();
    }

    fn reserve(&mut self, entries: usize) {
        if self.written + entries > RING {
            self.rings(Lane::submit);
        }
    }

    pub(crate) fn put(&mut self, entry: Entry) {
        self.reserve(1);
        self.outbox[self.written] = entry;
        self.written += 1;
    }

    /// Writes a letter; its place.
    pub(crate) fn write(&mut self, words: &[u32], values: &[Value]) -> u32 {
        let start = self.satchel.len().next_multiple_of(8);
        self.satchel.resize(start + 8, 0);
        self.satchel.extend(words.iter().flat_map(|w| w.to_ne_bytes()));
        let mut bytes = Vec::new();
        let mut attached = Counts(Beside(&self.hub, &self.lane, 0), 0);
        self.codec.encode(values, &mut bytes, &mut attached).expect("it can be sent");
        let attached = attached.1;
        self.satchel.extend(bytes);
        let length = (self.satchel.len() - start - 8) as u32;
        self.satchel[start..start + 4].copy_from_slice(&length.to_ne_bytes());
        self.satchel[start + 4..start + 8].copy_from_slice(&attached.to_ne_bytes());
        start as u32
    }

    pub(crate) fn name(&self, name: &str) -> u32 {
        self.hub.word(0, name, 0xffff).map_or(0, |at| at + 1)
    }

    /// The number of a native class.
    pub(crate) fn class(&self, kind: &str) -> u32 {
        self.hub.word(2, &format!("@{kind}"), 0x7fff).unwrap() + 1
    }

    pub(crate) fn spawn(&mut self, kind: &str, on: u32, name: &str, args: Vec<Value>) -> Far {
        self.spawn_with(kind, on, name, args, Value::Null)
    }

    /// `settings`: how it supervises and is checked.
    pub(crate) fn spawn_with(&mut self, kind: &str, on: u32, name: &str, args: Vec<Value>, settings: Value) -> Far {
        self.reserve(3);
        let class = self.class(kind);
        let whose = self.lane.with(|lane| lane.borrows(on));
        let (index, age) = self.hub.lane(on).unwrap().with(|lane| lane.lend(whose)).unwrap();
        let (seat, seat_age) = self.lane.with(Lane::grant).unwrap();
        self.lane.with(|lane| lane.reserve(0, name, seat)).expect("the name is free");
        let address = Address { lane: on, index }.word();
        let stand_in = Address { lane: self.place, index: seat }.word();
        let (policy, shutdown) = (self.restart, 5000);
        let head = op::SPAWN | flag::EXT | 7 << TAG_SHIFT;
        self.put(Entry { head, index: seat, age: seat_age, payload: spawn::AWAY | spawn::NAMED, from: 0, corr: 0 });
        self.put(Entry { head: op::EXT, index: address, age: policy, payload: shutdown, from: age, corr: 0 });
        let words = [class | 0x8000, spawn::STOP_HOOK, 1 << 20, policy, shutdown, 30_000, stand_in, seat_age];
        let payload = self.write(&words, &[name.into(), Value::Null, settings, Value::Array(args)]);
        let head = op::CARRY | flag::ARITY | carry::SPAWN << TAG_SHIFT;
        self.put(Entry { head, index: address, age, payload, ..Entry::default() });
        Far { word: address, age, seat, seat_age, class }
    }

    fn open(&mut self) -> u32 {
        self.calls.push(0);
        self.calls.len() as u32 - 1
    }

    /// A message; its call, if it has one.
    pub(crate) fn post(&mut self, to: Far, kind: Option<u32>, method: &str, args: &[Value]) -> u32 {
        let name = self.name(method);
        self.post_named(to, kind, name, args)
    }

    /// The same, of a method by its number; 0: its name is the first argument.
    pub(crate) fn post_named(&mut self, to: Far, kind: Option<u32>, name: u32, args: &[Value]) -> u32 {
        self.reserve(2);
        let corr = if kind.is_some() { self.open() } else { 0 };
        let head = op::MSG | kind.unwrap_or(0) | name << TAG_SHIFT;
        let entry = Entry { head, index: to.word, age: to.age, payload: 0, from: 0, corr };
        match args {
            [] => self.put(entry),
            [Value::Int(int)] if name != 0 => {
                self.put(Entry { head: head | 1 << 10, payload: *int as u32, ..entry });
            }
            args => {
                let payload = self.write(&[], args);
                self.put(Entry { head: head | flag::ARITY, payload, ..entry });
            }
        }
        corr
    }

    pub(crate) fn tell(&mut self, to: Far, method: &str, args: &[Value]) {
        self.post(to, None, method, args);
    }

    pub(crate) fn ask(&mut self, to: Far, method: &str, args: &[Value]) -> u32 {
        self.post(to, Some(ASK), method, args)
    }

    pub(crate) fn leave(&mut self, corr: u32) {
        let index = self.streams[&corr];
        self.put(Entry { head: op::CARRY | 1 << 10 | carry::LEAVE << TAG_SHIFT, index, corr, ..Entry::default() });
    }

    /// The reader has room for more.
    pub(crate) fn credit(&mut self, corr: u32, items: u32) {
        let index = self.streams[&corr];
        let head = op::CARRY | 1 << 10 | carry::CREDIT << TAG_SHIFT;
        self.put(Entry { head, index, corr, payload: items, ..Entry::default() });
    }

    /// Ends the actor, by way of its stand-in: of [`stop`].
    pub(crate) fn stop(&mut self, who: Far, how: u32) {
        self.mode |= mode::ORDERED;
        self.put(Entry { head: op::STOP, index: who.seat, age: who.seat_age, payload: how, from: 0, corr: u32::MAX });
    }

    pub(crate) fn query(&mut self, who: Far, number: u32) {
        let head = op::CARRY | 1 << 10 | carry::QUERY << TAG_SHIFT;
        self.put(Entry { head, index: who.word, age: who.age, payload: number, from: 1, corr: 0 });
    }

    /// An actor of this lane's own, which watches; its index.
    pub(crate) fn plain(&mut self) -> u32 {
        let (index, age) = self.lane.with(Lane::grant).unwrap();
        self.put(Entry { head: op::SPAWN, index, age, ..Entry::default() });
        index
    }

    pub(crate) fn watch(&mut self, watcher: u32, who: Far, number: u32) {
        self.mode |= mode::ORDERED;
        self.put(Entry { head: op::WATCH, index: who.word, age: who.age, payload: number, from: watcher, corr: 0 });
    }

    // ------------------------------------------------------------------------------------------- the inbox

    /// How many entries came.
    pub(crate) fn turn(&mut self) -> usize {
        self.rings(Lane::turn);
        let filled = self.header[word::IN] as usize;
        for at in 0..filled {
            self.header[word::CURSOR] = at as i32;
            let entry = self.inbox[at];
            self.read(at, &entry);
        }
        self.header[word::CURSOR] = !(filled as i32);
        filled
    }

    fn decode(&mut self, letter: u32, words: &[u32], bytes: &[u8]) -> Vec<Value> {
        match words[1] >> 16 & 3 {
            0 => vec![],
            3 => self.codec.decode(bytes, &mut Beside(&self.hub, &self.lane, letter)).expect("it can be read"),
            _ => vec![Value::Int(words[3] as i32)],
        }
    }

    fn apart(&mut self, letter: u32) -> Vec<Value> {
        let (words, bytes) = self.lane.with(|lane| {
            let (words, bytes) = lane.letter(letter).expect("the letter is there");
            (words, bytes.to_vec())
        });
        self.decode(letter, &words, &bytes)
    }

    /// What an entry carries.
    fn carried(&mut self, at: usize, e: &Entry) -> Vec<Value> {
        if !e.has(flag::LETTER) {
            return if e.head & flag::ARITY == 0 { vec![] } else { vec![Value::Int(e.payload as i32)] };
        }
        let place = self.places[at];
        if place == APART {
            return self.apart(e.payload);
        }
        let from = place as usize;
        let word = |w: usize| u32::from_ne_bytes(self.bag[from + w * 4..from + w * 4 + 4].try_into().unwrap());
        let words: Vec<u32> = (0..WORDS).map(word).collect();
        let bytes = self.bag[from + WORDS * 4..from + WORDS * 4 + words[0] as usize].to_vec();
        self.decode(words[2], &words, &bytes)
    }

    fn read(&mut self, at: usize, e: &Entry) {
        let heard = match e.op() {
            note::CARRY => return self.read_carried(at, e),
            note::STARTED => Heard::Started(e.index, e.payload),
            note::FAILED => {
                self.failing = Some(*e);
                return;
            }
            note::VERDICT => {
                let failed = self.failing.take().expect("a failure before its verdict");
                let told = if failed.payload >> 30 == 1 { self.apart(failed.payload & !(1 << 30)) } else { vec![] };
                Heard::Failed(failed.index, told, e.index)
            }
            note::ENDED => Heard::Ended(e.index, e.payload),
            note::WATCH => {
                let error = if e.corr >> 30 == 1 { self.apart(e.corr & !(1 << 30)).into_iter().next() } else { None };
                Heard::Watched(e.payload, e.from, error)
            }
            note::REASON => Heard::Dead(e.index),
            _ => return,
        };
        self.heard.push(heard);
    }

    fn read_carried(&mut self, at: usize, e: &Entry) {
        let mut values = self.carried(at, e);
        let first = |values: &mut Vec<Value>| if values.is_empty() { Value::Undefined } else { values.remove(0) };
        let heard = match e.tag() {
            carry::REPLY if e.from == 0 => Heard::Reply(e.corr, first(&mut values)),
            carry::REPLY => Heard::Threw(e.corr, first(&mut values)),
            carry::ACCEPTED => Heard::Accepted(e.corr, e.from),
            carry::OVER => Heard::Over(e.corr),
            carry::REFUSED => Heard::Refused(e.corr, e.payload),
            carry::BEGIN => {
                self.streams.insert(e.corr, e.index);
                Heard::Begun(e.corr)
            }
            carry::ITEM => {
                if self.credits {
                    self.credit(e.corr, 1);
                }
                Heard::Item(e.corr, first(&mut values))
            }
            carry::ENDED => {
                let number = if e.has(flag::LETTER) { self.beside(at) } else { e.payload };
                Heard::Told(number, e.from, e.corr, values)
            }
            carry::NEWS => Heard::News(values),
            carry::STARTED | carry::BORN => return,
            other => panic!("an unknown word {other}"),
        };
        self.heard.push(heard);
    }

    /// The word beside a letter.
    fn beside(&self, at: usize) -> u32 {
        let from = self.places[at] as usize + 12;
        u32::from_ne_bytes(self.bag[from..from + 4].try_into().unwrap())
    }

    /// What was told since the last time.
    pub(crate) fn take(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.heard)
    }

    /// The same of a call that is one of many.
    pub(crate) fn came_yet(&self, corr: u32) -> Option<&Heard> {
        self.heard.iter().rev().find(|heard| matches!(heard, Heard::Reply(c, _) | Heard::Threw(c, _) if *c == corr))
    }

    /// What a call came to.
    pub(crate) fn came(&self, corr: u32) -> Option<&Heard> {
        let mut all = self.heard.iter().filter(
            |heard| matches!(heard, Heard::Reply(c, _) | Heard::Threw(c, _) | Heard::Refused(c, _) if *c == corr),
        );
        let first = all.next();
        assert!(all.next().is_none(), "call {corr} came to more than one thing: {:?}", self.heard);
        first
    }
}

struct Counts<'a>(Beside<'a>, u32);

impl Outside for Counts<'_> {
    fn shape(&mut self, keys: &str) -> Option<u16> {
        self.0.shape(keys)
    }
    fn keys(&mut self, shape: u16) -> Option<Box<str>> {
        self.0.keys(shape)
    }
    fn attach(&mut self, bytes: &[u8]) -> Option<u32> {
        self.0.attach(bytes);
        self.1 += 1;
        Some(self.1 - 1)
    }
}

pub(crate) const STOP: u32 = stop::NORMAL;
pub(crate) const KILL: u32 = stop::KILL;

/// The text of an error that was told.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Error(error) => error.message().to_owned(),
        other => panic!("no error: {other:?}"),
    }
}
