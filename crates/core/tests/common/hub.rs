//! Several isolates without JavaScript, and what they do for each other: letters, replies, children elsewhere.

use super::{Comes, Isolate, Options, Ref, Script};
use buskin_core::entry::{Entry, OP_MASK, TAG_SHIFT, carry, flag, mode, note, op, outcome, reason, spawn, stop};
use buskin_core::hub::{Hub, Shared};
use buskin_core::lane::far::Address;
use buskin_core::lane::letters::{APART, WORDS};
use buskin_core::lane::{Defaults, Lane};
use buskin_core::limits::{CALL_BITS, FAR_CALL, INDEX_BITS};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::sync::Arc;

/// A lane that only the test's thread touches.
pub(crate) struct Held(pub(crate) Arc<Shared>);

impl Held {
    pub(crate) fn new(lane: Lane) -> Self {
        Held(Arc::new(Shared::new(lane)))
    }
}

impl Deref for Held {
    type Target = Lane;
    fn deref(&self) -> &Lane {
        // SAFETY: one thread, and no reference outlives a call.
        unsafe { self.0.alone() }
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Lane {
        // SAFETY: one thread, and no reference outlives a call.
        unsafe { self.0.alone() }
    }
}

/// Where letters lie.
#[derive(Default)]
pub(crate) struct Bags {
    pub(crate) bag: Vec<u8>,
    pub(crate) places: Vec<u32>,
    pub(crate) satchel: Vec<u8>,
}

/// An actor that is spawned from elsewhere: what its isolate must know.
#[derive(Clone)]
pub(crate) struct Birth {
    name: String,
    script: Script,
    profile: u32,
}

/// What all isolates of the test share.
#[derive(Default)]
pub(crate) struct Common {
    births: HashMap<(u32, Ref), Birth>,
    /// How every call ended, by its message.
    pub(crate) settled: HashMap<u32, Vec<&'static str>>,
    /// What was told of messages that are dead letters in a lane without an isolate: the reasons, and the paths.
    pub(crate) remains: Vec<(u32, String)>,
}

/// What an isolate has that is not alone.
pub(crate) struct FarSide {
    pub(crate) place: u32,
    pub(crate) hub: Arc<Hub>,
    pub(crate) bags: Bags,
    pub(crate) trace: Rc<RefCell<Vec<String>>>,
    pub(crate) common: Rc<RefCell<Common>>,
    /// Sends that were let in and are not over.
    pub(crate) accepted: HashSet<u32>,
    /// Calls of streams, by message.
    streams: HashMap<u32, u32>,
    /// The last STARTED and ENDED, by number.
    pub(crate) told: Vec<(u32, u32, u32)>,
}

fn is_far(corr: u32) -> bool {
    corr >> CALL_BITS == FAR_CALL
}

/// The entry as the script is to see it: the payload is the message's number, the tag that of its name.
pub(crate) fn opened(iso: &mut Isolate, i: usize, entry: Entry) -> Entry {
    let is_letter = matches!(entry.op(), note::MSG | note::DEAD) && entry.has(flag::LETTER);
    if !is_letter || iso.far.is_none() {
        return entry;
    }
    let (words, bytes) = letter(iso, i, entry.payload);
    let number = |b: &[u8]| u32::from_ne_bytes(b[..4].try_into().unwrap());
    let form = words[1] >> 16 & 3;
    let payload = if form == 3 { number(&bytes) } else { words[3] };
    if form == 3 {
        assert!(bytes[4..].iter().all(|b| *b == payload as u8), "the bytes came whole");
        let attached = words[1] >> 18;
        assert_eq!(attached, u32::from(bytes.len() % 7 == 0), "large bytes came along");
    }
    let tag = if entry.tag() == 0 { words[1] & 0xffff } else { entry.tag() };
    Entry { payload, head: entry.head & 0xffff | tag << TAG_SHIFT, ..entry }
}

fn letter(iso: &mut Isolate, i: usize, number: u32) -> (Vec<u32>, Vec<u8>) {
    let bags = &iso.far.as_ref().unwrap().bags;
    let place = bags.places[i];
    if place == APART {
        let (words, bytes) = iso.lane.letter(number).expect("the letter is there");
        return (words, bytes.to_vec());
    }
    let at = place as usize;
    let word = |w: usize| u32::from_ne_bytes(bags.bag[at + w * 4..at + w * 4 + 4].try_into().unwrap());
    let words: Vec<u32> = (0..WORDS).map(word).collect();
    assert_eq!(words[2], number);
    let from = at + WORDS * 4;
    (words.clone(), bags.bag[from..from + words[0] as usize].to_vec())
}

/// Writes a letter; its place.
pub(crate) fn write(iso: &mut Isolate, bytes: &[u8], attached: u32) -> u32 {
    let satchel = &mut iso.far.as_mut().unwrap().bags.satchel;
    let place = satchel.len() as u32;
    satchel.extend((bytes.len() as u32).to_ne_bytes());
    satchel.extend(attached.to_ne_bytes());
    satchel.extend(bytes);
    place
}

fn numbered(id: u32, length: usize) -> Vec<u8> {
    let mut bytes = id.to_ne_bytes().to_vec();
    bytes.resize(length.max(4), id as u8);
    bytes
}

fn room(iso: &mut Isolate, entries: usize) {
    if iso.written + entries > iso.outbox.len() {
        iso.submit();
    }
}

pub(crate) fn reply(iso: &mut Isolate, corr: u32, id: u32, ok: bool) {
    if !is_far(corr) {
        return;
    }
    room(iso, 1);
    let from = if ok { outcome::OK } else { outcome::THREW };
    let payload = if id.is_multiple_of(2) { write(iso, &numbered(id, 20), 0) } else { id };
    let form = if id.is_multiple_of(2) { flag::ARITY } else { 1 << 10 };
    iso.put(Entry { head: op::CARRY | form | carry::REPLY << TAG_SHIFT, corr, from, payload, ..Entry::default() });
}

pub(crate) fn stream_begins(iso: &mut Isolate, e: &Entry) {
    if let Some(far) = iso.far.as_mut().filter(|_| is_far(e.corr)) {
        far.streams.insert(e.payload, e.corr);
    }
}

pub(crate) fn stream_over(iso: &mut Isolate, id: u32, ok: bool) {
    if let Some(corr) = iso.far.as_mut().and_then(|far| far.streams.remove(&id)) {
        reply(iso, corr, id, ok);
    }
}

pub(crate) fn settled(iso: &mut Isolate, corr: u32, id: u32, how: &'static str) {
    let _ = corr;
    if let Some(far) = iso.far.as_mut() {
        far.common.borrow_mut().settled.entry(id).or_default().push(how);
    }
}

/// A note of another isolate.
pub(crate) fn carried(iso: &mut Isolate, i: usize, e: &Entry) {
    match e.tag() {
        carry::OVER => {
            iso.far.as_mut().unwrap().accepted.remove(&e.corr);
            iso.close_call(e.corr);
        }
        carry::REPLY | carry::REFUSED | carry::ACCEPTED => {
            let Some(id) = iso.asked.get(&e.corr).copied() else { return };
            if e.tag() == carry::ACCEPTED && e.from == 1 {
                iso.far.as_mut().unwrap().accepted.insert(e.corr);
                return settled(iso, e.corr, id, "accepted");
            }
            if e.tag() == carry::REPLY {
                let got = if e.has(flag::LETTER) {
                    let (_, bytes) = letter(iso, i, e.payload);
                    u32::from_ne_bytes(bytes[..4].try_into().unwrap())
                } else {
                    e.payload
                };
                assert_eq!(got, id, "the reply of another call");
            }
            let how = match e.tag() {
                carry::REPLY if e.from == outcome::OK => "ok",
                carry::REPLY => "threw",
                carry::ACCEPTED => "accepted",
                _ => super::REASONS[e.payload as usize],
            };
            settled(iso, e.corr, id, how);
            iso.close_call(e.corr);
        }
        carry::FAILED => {
            let age = e.corr;
            room(iso, 1);
            let payload = write(iso, &[1, 2, 3, 4, 5, 6, 7, 8], 0);
            let head = op::CARRY | flag::ARITY | carry::FAILED << TAG_SHIFT;
            iso.put(Entry { head, index: e.index, age, payload, from: e.age, corr: 0 });
        }
        carry::STARTED | carry::ENDED => {
            let told = (e.tag(), e.payload, e.from);
            iso.far.as_mut().unwrap().told.push(told);
        }
        carry::DEAD => {
            let (_, bytes) = letter(iso, i, e.payload);
            let word = |at: usize| u32::from_ne_bytes(bytes[at * 4..at * 4 + 4].try_into().unwrap());
            let path = String::from_utf8(bytes[16..16 + word(3) as usize].to_vec()).unwrap();
            iso.far.as_mut().unwrap().common.borrow_mut().remains.push((word(0), path));
        }
        carry::BORN | carry::NEWS | carry::STOPPED => {}
        carry::MOVED => seat_moved(iso, e),
        carry::QUERY | carry::WATCH => {
            let (kind, why) = match e.tag() {
                carry::QUERY => (carry::ENDED, e.from & ((1 << INDEX_BITS) - 1)),
                _ => (carry::WATCHED, reason::FAILED),
            };
            room(iso, 1);
            let head = op::CARRY | kind << TAG_SHIFT;
            iso.put(Entry { head, index: e.from, age: e.corr, payload: 0, from: why, corr: e.payload });
        }
        other => panic!("an unknown word {other}"),
    }
}

/// An actor has another parent, or another stand-in.
fn seat_moved(iso: &mut Isolate, e: &Entry) {
    match e.from & 3 {
        0 => {
            // none of this isolate's when it is stood in for
            let (name, [_, parent, _]) = iso.lane.called(e.index, e.age).unwrap_or_default();
            iso.parents.insert(e.index, name.map_or(0, |_| parent));
            let Some(far) = iso.far.as_ref() else { return };
            let key = (far.place, Ref { index: e.index, age: e.age });
            if far.common.borrow().births.contains_key(&key) {
                return; // it was spawned from elsewhere
            }
            let birth = Birth { name: iso.name(e.index), script: iso.scripts[&e.index].clone(), profile: 0 };
            far.common.borrow_mut().births.insert(key, birth);
            iso.lane.plant(e.index, e.age, &[0; 40]);
        }
        1 => {}
        _ => {
            iso.names.insert(e.index, format!("~{:x}", e.payload));
            iso.ages.insert(e.index, e.age);
            iso.parents.insert(e.index, 0);
        }
    }
}

/// What START of an actor from elsewhere brings.
pub(crate) fn unpack(iso: &mut Isolate, e: &Entry) {
    let Some(far) = iso.far.as_ref() else { return };
    let who = Ref { index: e.index, age: e.age };
    let birth = far.common.borrow().births.get(&(far.place, who)).cloned();
    if let Some(birth) = birth {
        assert!(iso.lane.seed(e.index).and_then(|seed| iso.lane.letter(seed)).is_some(), "its letter is kept");
        iso.names.insert(e.index, birth.name);
        iso.ages.insert(e.index, e.age);
        iso.parents.insert(e.index, 0);
        iso.scripts.insert(e.index, birth.script);
        iso.lane.supervises_by(e.index, birth.profile);
    }
}

/// A message to elsewhere; its number. `length`: of the letter, 0: none.
pub(crate) fn post(iso: &mut Isolate, to: Ref, how: super::How, kind: u32, length: usize) -> u32 {
    room(iso, 2);
    let id = iso.next_id;
    iso.next_id += 1;
    let corr = if kind == 0 { 0 } else { iso.open_call() };
    if corr != 0 {
        iso.asked.insert(corr, id);
    }
    let attached = u32::from(length > 0 && length.max(4).is_multiple_of(7));
    if attached == 1 {
        iso.lane.attach(vec![id as u8; 1000]);
    }
    let (form, payload) =
        if length > 0 { (flag::ARITY, write(iso, &numbered(id, length), attached)) } else { (1 << 10, id) };
    let head = op::MSG | kind | form | how.tag << TAG_SHIFT;
    let from = if how.from == 0 { iso.current } else { how.from };
    let entry = Entry { head, index: to.index, age: to.age, payload, from, corr };
    if how.priority == 0 && how.ttl.is_none() && how.timeout.is_none() {
        iso.put(entry);
    } else {
        iso.mode |= if how.priority != 0 { mode::ORDERED } else { 0 };
        let ttl = how.ttl.map_or(0, |t| t + 1);
        let wait = how.timeout.map_or(0, |t| t.saturating_add(1));
        let [a, b, c, d] = [ttl, ttl >> 32, wait, wait >> 32].map(|w| w as u32);
        iso.put_pair(entry, Entry { index: how.priority, age: a, payload: b, from: c, corr: d, ..Entry::default() });
    }
    id
}

/// A child in the lane `at`: its address, and its stand-in.
pub(crate) fn spawn_on(iso: &mut Isolate, at: u32, name: &str, o: Options, script: Script) -> (Ref, Ref) {
    room(iso, 3);
    let far = iso.far.as_ref().unwrap();
    let hub = Arc::clone(&far.hub);
    let place = far.place;
    let whose = iso.lane.borrows(at);
    let (index, age) = hub.lane(at).unwrap().with(|lane| lane.lend(whose)).unwrap();
    let who = Ref { index, age };
    let birth = Birth { name: name.to_owned(), script, profile: o.profile };
    iso.far.as_ref().unwrap().common.borrow_mut().births.insert((at, who), birth);
    let (si, sa) = iso.lane.grant().unwrap();
    iso.names.insert(si, format!("~{name}"));
    iso.ages.insert(si, sa);
    iso.parents.insert(si, o.parent);
    let address = Address { lane: at, index }.word();
    let stand_in = Address { lane: place, index: si }.word();
    iso.put_pair(
        Entry { head: op::SPAWN, index: si, age: sa, payload: spawn::AWAY, from: o.parent, corr: 0 },
        Entry { index: address, age: o.policy | o.restart, payload: o.shutdown, from: age, ..Entry::default() },
    );
    let bits = if o.hook { spawn::STOP_HOOK } else { 0 };
    let words = [0, bits, o.capacity, o.policy | o.restart, o.shutdown, o.start, stand_in, sa];
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();
    let payload = write(iso, &bytes, 0);
    let head = op::CARRY | flag::ARITY | carry::SPAWN << TAG_SHIFT;
    iso.put(Entry { head, index: address, age, payload, ..Entry::default() });
    (Ref { index: address, age }, Ref { index: si, age: sa })
}

/// Ends an actor elsewhere: of [`stop`].
pub(crate) fn stop_there(iso: &mut Isolate, who: Ref, how: u32) {
    iso.mode |= mode::ORDERED;
    iso.put(Entry { head: op::STOP, index: who.index, age: who.age, payload: how, from: 0, corr: u32::MAX });
}

pub(crate) fn abort(iso: &mut Isolate, to: Ref, id: u32) {
    let Some((&corr, _)) = iso.asked.iter().find(|a| *a.1 == id) else { return };
    iso.mode |= mode::ORDERED;
    iso.put(Entry { head: op::ABORT, index: to.index, age: to.age, corr, ..Entry::default() });
    if !iso.far.as_ref().unwrap().accepted.contains(&corr) {
        settled(iso, corr, id, "gave up");
        iso.close_call(corr);
    }
}

/// Methods that every class has: their names' numbers are their tags.
pub(crate) const KNOWN: [(u32, u32); 6] = [(1, flag::ASYNC), (2, 0), (3, 0), (4, 0), (5, flag::SHARED), (6, 0)];
/// A method that the receiving isolate has not met yet: a promise.
pub(crate) const UNMET: u32 = 8;
/// A method that there is not.
pub(crate) const MISSING: u32 = 9;

/// Some isolates of one system.
pub(crate) struct World {
    pub(crate) hub: Arc<Hub>,
    pub(crate) isos: Vec<Isolate>,
    pub(crate) trace: Rc<RefCell<Vec<String>>>,
    pub(crate) common: Rc<RefCell<Common>>,
    ring: usize,
    defaults: Defaults,
    bag: usize,
    /// The lanes that have no isolate now.
    pub(crate) dead: Vec<bool>,
    /// How messages ended at isolates that are gone, and how many ran there.
    pub(crate) ends: HashMap<u32, Vec<&'static str>>,
}

impl World {
    pub(crate) fn new(lanes: u32, ring: usize, bag: usize, defaults: Defaults) -> Self {
        let mut isos: Vec<_> = (0..lanes).map(|_| Isolate::with(defaults, ring)).collect();
        let hub = Hub::open(isos.iter().map(|iso| Arc::clone(&iso.lane.0)).collect());
        hub.posts().listen(0, mode::EVENTS | mode::DEAD);
        let (trace, common) = (Rc::default(), Rc::default());
        for (place, iso) in (0..).zip(&mut isos) {
            settle_in(iso, place, ring, bag, &hub, &trace, &common);
        }
        let dead = vec![false; lanes as usize];
        World { hub, isos, trace, common, ring, defaults, bag, dead, ends: HashMap::new() }
    }

    /// The isolate dies where it is; what it left is read, or not.
    pub(crate) fn lose(&mut self, lane: usize, readable: bool) {
        assert!(!std::mem::replace(&mut self.dead[lane], true));
        let iso = &mut self.isos[lane];
        if readable {
            if !iso.dispatching {
                iso.header[buskin_core::entry::word::CURSOR] = !(iso.at as i32);
            }
            iso.written = 0; // what it had not handed over is gone
            iso.with_rings(|lane, io| lane.lose(Some(io)));
        } else {
            iso.lane.lose(None);
        }
        for (id, how) in iso.ends.drain() {
            self.ends.entry(id).or_default().extend(how);
        }
        iso.lane.audit(&[], &[]).expect("the counts are right");
    }

    /// Another isolate takes the lane over.
    pub(crate) fn revive(&mut self, lane: usize) {
        assert!(std::mem::replace(&mut self.dead[lane], false));
        let next_id = self.isos[lane].next_id;
        let mut fresh = Isolate::with(self.defaults, self.ring);
        fresh.lane = Held(Arc::clone(&self.isos[lane].lane.0));
        fresh.lane.take_over();
        fresh.next_id = next_id;
        fresh.now = self.isos[lane].now;
        fresh.decider = self.isos[lane].decider.clone();
        settle_in(&mut fresh, lane as u32, self.ring, self.bag, &self.hub, &self.trace, &self.common);
        self.isos[lane] = fresh;
    }

    /// One lane reads what it has and takes a turn.
    pub(crate) fn turn(&mut self, lane: usize) {
        if self.dead[lane] {
            self.isos[lane].lane.care();
            self.isos[lane].lane.audit(&[], &[]).expect("the counts are right");
        } else {
            self.isos[lane].read();
            self.isos[lane].turn();
        }
    }

    pub(crate) fn has_work(&self, lane: usize) -> bool {
        let iso = &self.isos[lane];
        let mail = self.hub.posts().get(lane as u32).unwrap().remote.has_mail();
        mail || (!self.dead[lane] && (iso.filled > iso.at || iso.written > 0))
    }

    /// Turns until nothing is left to do without time passing.
    pub(crate) fn run(&mut self) {
        for round in 0..20_000 {
            for lane in 0..self.isos.len() {
                if round == 0 || self.has_work(lane) {
                    self.turn(lane);
                }
            }
            if (0..self.isos.len()).all(|lane| !self.has_work(lane)) {
                return self.check();
            }
        }
        panic!("it never ends");
    }

    /// The identity holds for all lanes together.
    pub(crate) fn check(&self) {
        let ledger = self.hub.ledger();
        assert!(ledger.balanced(), "{ledger:?}");
    }

    /// Moves all clocks, stopping wherever something is due.
    pub(crate) fn advance(&mut self, ms: u64) {
        self.run();
        let goal = self.isos[0].now + ms * 1000;
        loop {
            let due = self.isos.iter_mut().filter_map(|i| i.lane.next_deadline()).min().map_or(u64::MAX, |d| d * 1000);
            let now = due.min(goal).max(self.isos[0].now);
            for iso in &mut self.isos {
                iso.set_time(now);
                iso.mode |= mode::TICK;
            }
            self.run();
            let next = self.isos.iter_mut().filter_map(|i| i.lane.next_deadline()).min();
            if due >= goal && next.is_none_or(|d| d * 1000 > goal) {
                return;
            }
        }
    }

    pub(crate) fn take(&mut self) -> Vec<String> {
        for iso in &mut self.isos {
            iso.take();
        }
        std::mem::take(&mut *self.trace.borrow_mut())
    }

    /// The end of a message, wherever that was: at most one.
    pub(crate) fn end_of(&self, id: u32) -> &'static str {
        let mut found: Vec<&'static str> = self.ends.get(&id).cloned().unwrap_or_default();
        for iso in &self.isos {
            found.extend(iso.ends.get(&id).into_iter().flatten());
        }
        match found[..] {
            [] => "pending",
            [how] => how,
            _ => panic!("message {id:#x} ended more than once: {found:?}"),
        }
    }

    /// How a call was settled: at most once.
    pub(crate) fn settled(&self, id: u32) -> &'static str {
        match self.common.borrow().settled.get(&id).map(Vec::as_slice) {
            None => "open",
            Some([how]) => how,
            Some(more) => panic!("call {id:#x} was settled more than once: {more:?}"),
        }
    }

    /// Who is whose child, by lane and ref: whoever lives is found below the root, once.
    pub(crate) fn tree(&self) -> HashMap<(usize, Ref), (usize, Ref)> {
        let mut found = HashMap::new();
        let mut todo = vec![(0, Ref { index: 0, age: 0 })];
        while let Some((lane, who)) = todo.pop() {
            for index in self.isos[lane].lane.children(who.index) {
                let age = self.isos[lane].lane.age_at(index).unwrap();
                let (word, home_age) = self.isos[lane].lane.stands_for(index);
                let child = Address::of(word).map_or((lane, Ref { index, age }), |to| {
                    (to.lane as usize, Ref { index: to.index, age: home_age })
                });
                assert!(found.insert(child, (lane, who)).is_none(), "{child:?} has two parents");
                if self.isos[child.0].lane.is_alive(child.1.index, child.1.age) {
                    todo.push(child);
                }
            }
        }
        found
    }

    /// What was told of messages that are dead letters in a lane without an isolate.
    pub(crate) fn remains(&self) -> Vec<(u32, String)> {
        self.common.borrow().remains.clone()
    }

    /// Nothing is left: no letter, no call, no envelope.
    pub(crate) fn nothing_left(&self) {
        self.check();
        for (lane, iso) in self.isos.iter().enumerate() {
            assert!(!iso.lane.is_busy(), "lane {lane} hangs");
            assert_eq!(iso.lane.open_from_afar(), (0, 0), "letters and calls of lane {lane}");
            let accepted = &iso.far.as_ref().unwrap().accepted;
            assert!(self.dead[lane] || accepted.is_empty(), "sends of lane {lane} whose end was not told");
            assert_eq!(iso.lane.envelopes_in_use(), 0, "envelopes of lane {lane}");
        }
        let ledger = self.hub.ledger();
        assert_eq!((ledger.waiting, ledger.running, ledger.actors), (0, 0, 0));
        assert!(self.hub.is_idle());
    }
}

fn settle_in(
    iso: &mut Isolate,
    place: u32,
    ring: usize,
    bag: usize,
    hub: &Arc<Hub>,
    trace: &Rc<RefCell<Vec<String>>>,
    common: &Rc<RefCell<Common>>,
) {
    let bags = Bags { bag: vec![0; bag], places: vec![0; ring], satchel: Vec::new() };
    iso.far = Some(Box::new(FarSide {
        place,
        hub: Arc::clone(hub),
        bags,
        trace: Rc::clone(trace),
        common: Rc::clone(common),
        accepted: HashSet::new(),
        streams: HashMap::new(),
        told: Vec::new(),
    }));
    iso.next_id = iso.next_id.max(place << 20 | 1);
    for (name, flags) in KNOWN {
        iso.lane.head(0, name, flags | name << TAG_SHIFT | (op::MSG & OP_MASK));
    }
}

/// Does what the message's name says.
pub(crate) fn worker(iso: &mut Isolate, e: &Entry) -> Comes {
    if e.op() != note::MSG {
        return Comes::Returns;
    }
    match e.tag() {
        1 | 5 | UNMET => Comes::Promises,
        2 => Comes::Throws,
        3 => {
            iso.stop_itself_at(e.index);
            Comes::Returns
        }
        MISSING => Comes::NoHandler,
        _ if e.has(flag::STREAM) => Comes::Streams,
        _ => Comes::Returns,
    }
}

/// The address of an actor of a lane.
pub(crate) fn at(lane: u32, who: Ref) -> Ref {
    Ref { index: Address { lane, index: who.index }.word(), age: who.age }
}

pub(crate) const STOP: u32 = stop::NORMAL;
pub(crate) const KILL: u32 = stop::KILL;
