//! An isolate without JavaScript: it keeps the rings, runs scripted actors, and marks its inbox exactly as the façade
//! does (src/runtime/dispatch.ts). After every turn and every submission the lane's counts are audited.
#![allow(dead_code)] // every test file uses a part of it

pub(crate) mod cycles;
pub(crate) mod guests;
pub(crate) mod hub;
pub(crate) mod supervision;
pub(crate) mod supervision_model;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use buskin_core::clock::Clock;
use buskin_core::entry::{
    Entry, OP_MASK, TAG_SHIFT, adopted, dead, directive, flag, mark, mode, note, op, outcome, reason, restart, spawn,
    stop, word,
};
use buskin_core::lane::{Defaults, Lane, Rings};
use buskin_core::limits::{CALL_BITS, CALL_MASK, FAR_CALL};
use buskin_core::supervise::PROFILE;

/// An actor's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ref {
    pub(crate) index: u32,
    pub(crate) age: u32,
}

/// What a run comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comes {
    Returns,
    /// [`Isolate::done`] settles it.
    Promises,
    Throws,
    NoHandler,
    /// A stream call begins; [`Isolate::stream_end`] ends it.
    Streams,
}

/// What an actor does with an entry.
pub(crate) type Script = Rc<dyn Fn(&mut Isolate, &Entry) -> Comes>;

/// What `decide` answers to a failure: of [`directive`], 0 for nothing.
pub(crate) type Decider = Rc<dyn Fn(&mut Isolate, &Entry) -> u32>;

/// The handler is declared `async`.
pub(crate) const ASYNC: u32 = flag::ASYNC;
/// The handler is marked `concurrent`.
pub(crate) const SHARED: u32 = flag::SHARED;
pub(crate) const FOREVER: u32 = u32::MAX;
pub(crate) const BRUTAL: u32 = u32::MAX - 1;

/// How a message is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// 0 normal, 1 high, 2 low.
    pub(crate) priority: u32,
    /// In µs.
    pub(crate) ttl: Option<u64>,
    /// In µs; `u64::MAX`: none.
    pub(crate) timeout: Option<u64>,
    /// Of the handler: [`ASYNC`], [`SHARED`].
    pub(crate) flags: u32,
    /// The sender.
    pub(crate) from: u32,
    pub(crate) tag: u32,
}

/// Options of a spawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) parent: u32,
    pub(crate) capacity: u32,
    pub(crate) policy: u32,
    /// In ms.
    pub(crate) shutdown: u32,
    /// In ms.
    pub(crate) start: u32,
    pub(crate) hook: bool,
    /// Of [`restart`].
    pub(crate) restart: u32,
    /// See [`Isolate::profile`].
    pub(crate) profile: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            parent: 0,
            capacity: 1 << 20,
            policy: 0,
            shutdown: 5_000,
            start: 30_000,
            hook: false,
            restart: restart::TEMPORARY,
            profile: 0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Hand {
    note: u32,
    /// The message's number, or that of the timer.
    id: u32,
    corr: u32,
    shared: bool,
    /// It killed its own actor: nothing it does counts any more.
    lost: bool,
}

/// Numbers of a profile: strategy, most restarts, within (µs), and of the backoff from whether there is one to whether
/// the first restart is at once.
pub(crate) fn profile(strategy: f64, most: f64, within: f64, backoff: Option<[f64; 7]>) -> [f64; PROFILE] {
    let b = backoff.unwrap_or_default();
    [strategy, most, within, b[0], b[1], b[2], b[3], b[4], b[5], b[6], 0.0, 0.0, 0.0, 0.0]
}

/// How messages ended.
pub(crate) const HANDLED: &str = "handled";
pub(crate) const FAILED: &str = "failed";
pub(crate) const REASONS: [&str; 8] =
    ["no-such-actor", "stopped", "mailbox-full", "dropped", "expired", "no-handler", "isolate-lost", "aborted"];

pub(crate) struct Isolate {
    pub(crate) lane: hub::Held,
    pub(crate) far: Option<Box<hub::FarSide>>,
    pub(crate) header: [i32; word::COUNT],
    outbox: Vec<Entry>,
    inbox: Vec<Entry>,
    marks: Vec<u8>,
    written: usize,
    at: usize,
    filled: usize,
    dispatching: bool,
    killed: u32,
    mode: u32,
    pub(crate) current: u32,
    pub(crate) turns: u64,
    /// Nobody listens to events and dead letters.
    pub(crate) deaf: bool,
    /// In µs.
    pub(crate) now: u64,
    scripts: HashMap<u32, Script>,
    names: HashMap<u32, String>,
    ages: HashMap<u32, u32>,
    parents: HashMap<u32, u32>,
    gone: HashSet<Ref>,
    /// Killed, and not ended yet.
    doomed: HashSet<u32>,
    hands: HashMap<u32, Vec<Hand>>,
    streams: HashMap<u32, Vec<u32>>,
    call_ages: Vec<u32>,
    free_calls: Vec<u32>,
    asked: HashMap<u32, u32>,
    next_id: u32,
    dead: Option<Entry>,
    /// Who failed, until the verdict comes.
    failing: Option<u32>,
    /// What `decide` answers, of every supervisor that has one.
    pub(crate) decider: Option<Decider>,
    /// What happened, in words.
    trace: Vec<String>,
    /// Every end of every message, by its number.
    pub(crate) ends: HashMap<u32, Vec<&'static str>>,
    /// Messages begun, in order: actor and number.
    pub(crate) begun: Vec<(u32, u32)>,
    /// Instances made, in order: name, generation, and why (of [`buskin_core::entry::again`]).
    pub(crate) starts: Vec<(String, u32, u32)>,
    /// What was said of cycles.
    pub(crate) cycles: Vec<Entry>,
    /// Actors that another thread runs.
    pub(crate) guests: Vec<buskin_core::lane::Guest>,
}

impl Isolate {
    pub(crate) fn new() -> Self {
        Self::with(Defaults::default(), 64)
    }

    pub(crate) fn with(defaults: Defaults, ring: usize) -> Self {
        Isolate {
            lane: hub::Held::new(Lane::new(Clock::Manual(0), defaults)),
            far: None,
            header: [0; word::COUNT],
            outbox: vec![Entry::default(); ring],
            inbox: vec![Entry::default(); ring],
            marks: vec![0; ring],
            written: 0,
            at: 0,
            filled: 0,
            dispatching: false,
            killed: 0,
            mode: 0,
            current: 0,
            turns: 0,
            deaf: false,
            now: 0,
            scripts: HashMap::new(),
            names: HashMap::new(),
            ages: HashMap::new(),
            parents: HashMap::new(),
            gone: HashSet::new(),
            doomed: HashSet::new(),
            hands: HashMap::new(),
            streams: HashMap::new(),
            call_ages: vec![0],
            free_calls: Vec::new(),
            asked: HashMap::new(),
            next_id: 1,
            dead: None,
            failing: None,
            decider: None,
            trace: Vec::new(),
            ends: HashMap::new(),
            begun: Vec::new(),
            starts: Vec::new(),
            cycles: Vec::new(),
            guests: Vec::new(),
        }
    }

    // ------------------------------------------------------------------------------------------ the outbox

    pub(crate) fn put(&mut self, entry: Entry) {
        if self.written == self.outbox.len() {
            self.submit();
        }
        self.outbox[self.written] = entry;
        self.written += 1;
    }

    fn put_pair(&mut self, entry: Entry, extra: Entry) {
        if self.written + 2 > self.outbox.len() {
            self.submit();
        }
        self.put(Entry { head: entry.head | flag::EXT, ..entry });
        self.put(Entry { head: op::EXT, ..extra });
    }

    fn op(&mut self, head: u32, to: Ref, payload: u32, from: u32, corr: u32) {
        self.put(Entry { head, index: to.index, age: to.age, payload, from, corr });
    }

    pub(crate) fn spawn(
        &mut self,
        name: &str,
        options: Options,
        script: impl Fn(&mut Isolate, &Entry) -> Comes + 'static,
    ) -> Ref {
        let (index, age) = self.lane.grant().expect("room");
        self.names.insert(index, name.to_owned());
        self.ages.insert(index, age);
        self.parents.insert(index, options.parent);
        self.scripts.insert(index, Rc::new(script));
        let bits = if options.hook { spawn::STOP_HOOK } else { 0 };
        let entry = Entry { head: op::SPAWN, index, age, payload: bits, from: options.parent, corr: 0 };
        let extra = Entry {
            index: options.capacity,
            age: options.policy | options.restart,
            payload: options.shutdown,
            from: options.start,
            corr: options.profile,
            ..Entry::default()
        };
        self.put_pair(entry, extra);
        Ref { index, age }
    }

    /// An actor whose handlers all return.
    pub(crate) fn plain(&mut self, name: &str) -> Ref {
        self.spawn(name, Options::default(), |_, _| Comes::Returns)
    }

    /// A message's number is its payload.
    fn post(&mut self, to: Ref, how: How, kind: u32) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        let corr = if kind == 0 { 0 } else { self.open_call() };
        if corr != 0 {
            self.asked.insert(corr, id);
        }
        let head = op::MSG | how.flags | kind | how.tag << TAG_SHIFT;
        let from = if how.from == 0 { self.current } else { how.from };
        let entry = Entry { head, index: to.index, age: to.age, payload: id, from, corr };
        if how.priority == 0 && how.ttl.is_none() && how.timeout.is_none() {
            self.put(entry);
        } else {
            if how.priority != 0 {
                self.mode |= mode::ORDERED;
            }
            let ttl = how.ttl.map_or(0, |t| t + 1);
            let wait = how.timeout.map_or(0, |t| t.saturating_add(1));
            let [a, b, c, d] = [ttl, ttl >> 32, wait, wait >> 32].map(|w| w as u32);
            self.put_pair(
                entry,
                Entry { index: how.priority, age: a, payload: b, from: c, corr: d, ..Entry::default() },
            );
        }
        id
    }

    pub(crate) fn tell(&mut self, to: Ref) -> u32 {
        self.post(to, How::default(), 0)
    }
    pub(crate) fn tell_how(&mut self, to: Ref, how: How) -> u32 {
        self.post(to, how, 0)
    }
    pub(crate) fn send_how(&mut self, to: Ref, how: How) -> u32 {
        self.post(to, how, flag::SEND)
    }
    pub(crate) fn ask_how(&mut self, to: Ref, how: How) -> u32 {
        self.post(to, how, flag::ASK)
    }
    pub(crate) fn stream_how(&mut self, to: Ref, how: How) -> u32 {
        self.post(to, how, flag::STREAM)
    }

    pub(crate) fn stop(&mut self, who: Ref) {
        let unread = self.unread();
        self.hold_back(who.index, unread);
        self.mode |= mode::ORDERED;
        self.op(op::STOP, who, stop::NORMAL, self.current, FOREVER);
    }

    pub(crate) fn drain(&mut self, who: Ref, timeout: u32) {
        self.mode |= mode::ORDERED;
        self.op(op::STOP, who, stop::DRAIN, self.current, timeout);
    }

    pub(crate) fn kill(&mut self, who: Ref) {
        let unread = self.unread();
        self.hold_back(who.index, unread);
        if self.dispatching && self.current == who.index {
            self.killed = who.index;
        }
        if self.age_of(who) == who.age && !self.gone.contains(&who) {
            self.fence(who.index);
        }
        self.mode |= mode::ORDERED;
        self.op(op::STOP, who, stop::KILL, self.current, FOREVER);
    }

    /// As `ctx.stop()`: a permanent actor comes back.
    pub(crate) fn stop_itself(&mut self, who: Ref) {
        let unread = self.unread();
        self.hold_back(who.index, unread);
        self.mode |= mode::ORDERED;
        self.op(op::STOP, who, stop::SELF, self.current, FOREVER);
    }

    pub(crate) fn link(&mut self, owner: Ref, target: Ref, id: u32) {
        self.mode |= mode::ORDERED;
        self.op(op::LINK, target, id, owner.index, 0);
    }

    pub(crate) fn unlink(&mut self, owner: Ref, id: u32) {
        self.op(op::UNLINK, Ref { index: 0, age: 0 }, id, owner.index, 0);
    }

    pub(crate) fn adopt(&mut self, target: Ref, parent: u32) {
        self.mode |= mode::ORDERED;
        self.op(op::ADOPT, target, 1, parent, 0);
    }

    /// For a script, which knows its index only.
    pub(crate) fn stop_at(&mut self, index: u32) {
        self.stop(Ref { index, age: self.ages[&index] });
    }

    pub(crate) fn kill_at(&mut self, index: u32) {
        self.kill(Ref { index, age: self.ages[&index] });
    }

    pub(crate) fn stop_itself_at(&mut self, index: u32) {
        self.stop_itself(Ref { index, age: self.ages[&index] });
    }

    /// The age of the actor that was spawned last at this index.
    pub(crate) fn age_of(&self, who: Ref) -> u32 {
        self.ages[&who.index]
    }

    /// Everybody who has something in hand.
    pub(crate) fn all_hands(&self) -> Vec<Ref> {
        let mut all: Vec<_> = self.hands.iter().filter(|h| h.1.iter().any(|h| !h.lost)).map(|h| *h.0).collect();
        all.sort_unstable();
        all.into_iter().map(|index| Ref { index, age: self.ages[&index] }).collect()
    }

    /// What runs in a killed actor, and below it, counts as failed from this moment on.
    fn fence(&mut self, top: u32) {
        self.doomed.insert(top);
        let (parents, doomed) = (&self.parents, &self.doomed);
        for (_, hands) in self.hands.iter_mut().filter(|h| is_below(parents, doomed, *h.0)) {
            hands.iter_mut().for_each(|h| h.lost = true);
        }
    }

    pub(crate) fn shutdown(&mut self, timeout: u32) {
        self.mode |= mode::ORDERED;
        self.op(op::SHUTDOWN, Ref { index: 0, age: 0 }, 0, 0, timeout);
    }

    pub(crate) fn watch(&mut self, watcher: Ref, target: Ref, id: u32) {
        self.mode |= mode::ORDERED;
        self.op(op::WATCH, target, id, watcher.index, 0);
    }

    pub(crate) fn unwatch(&mut self, watcher: Ref, id: u32) {
        self.op(op::UNWATCH, Ref { index: 0, age: 0 }, id, watcher.index, 0);
    }

    /// A timer of `bits`, with a period in µs.
    pub(crate) fn timer(&mut self, owner: Ref, id: u32, bits: u32, period: u64) {
        self.op(op::TIMER | bits << TAG_SHIFT, owner, id, period as u32, (period >> 32) as u32);
    }

    pub(crate) fn cancel(&mut self, id: u32) {
        self.op(op::CANCEL, Ref { index: 0, age: 0 }, id, 0, 0);
    }

    pub(crate) fn hold_timer(&mut self, id: u32, hold: bool) {
        self.op(op::HOLD, Ref { index: 0, age: 0 }, id, u32::from(hold), 0);
    }

    pub(crate) fn query(&mut self, who: Ref) {
        self.op(op::QUERY, who, 0, 0, 0);
    }

    pub(crate) fn resume(&mut self, who: Ref, stream: u32) {
        self.op(op::RESUME, who, stream, 0, 0);
    }

    pub(crate) fn return_stream(&mut self, who: Ref, stream: u32) {
        self.op(op::RETURN, who, stream, 0, 0);
    }

    /// The caller of message `id` gives up.
    pub(crate) fn abort(&mut self, to: Ref, id: u32) {
        let Some((&corr, _)) = self.asked.iter().find(|(_, i)| **i == id) else {
            return;
        };
        for i in self.unread()..self.filled {
            let e = self.inbox[i];
            if e.op() == note::MSG && e.corr == corr {
                self.marks[i] = mark::ABORTED | (note::MSG as u8) << 3;
                self.inbox[i].head &= !OP_MASK;
                self.end(e.payload, REASONS[dead::ABORTED as usize]);
                self.close_call(corr);
                return;
            }
        }
        self.mode |= mode::ORDERED;
        self.op(op::ABORT, to, 0, 0, corr);
    }

    /// Settles the oldest promise of `who`.
    pub(crate) fn done(&mut self, who: Ref, ok: bool) {
        if !self.lane.is_alive(who.index, who.age) {
            return; // it has ended, and will know soon
        }
        let hands = self.hands.get_mut(&who.index).expect("something in hand");
        let at = hands.iter().position(|h| !h.lost).expect("something in hand");
        let hand = hands.remove(at);
        if !ok {
            self.mode |= mode::ORDERED;
        }
        let shared = if hand.shared { flag::SHARED } else { 0 };
        let corr = if hand.note == note::TIMER { hand.id } else { hand.corr };
        let came = if ok { outcome::OK } else { outcome::THREW };
        self.op(op::DONE | shared | hand.note << TAG_SHIFT, who, 77, came, corr);
        if hand.note == note::MSG {
            self.end(hand.id, if ok { HANDLED } else { FAILED });
            self.close_call(hand.corr);
            hub::reply(self, hand.corr, hand.id, ok);
        }
    }

    /// The oldest stream call of `who` ends.
    pub(crate) fn stream_end(&mut self, who: Ref, ok: bool) {
        let id = self.streams.get_mut(&who.index).expect("a stream").remove(0);
        self.op(op::STREAM_END, who, 0, if ok { outcome::OK } else { outcome::THREW }, 0);
        self.end(id, if ok { HANDLED } else { FAILED });
        hub::stream_over(self, id, ok);
    }

    /// Whether its START was read.
    pub(crate) fn knows(&self, who: Ref) -> bool {
        self.ages.get(&who.index) == Some(&who.age)
    }

    /// Everybody who has a stream that runs.
    pub(crate) fn all_streams(&self) -> Vec<Ref> {
        let mut all: Vec<_> = self.streams.iter().filter(|s| !s.1.is_empty()).map(|s| *s.0).collect();
        all.sort_unstable();
        all.into_iter().map(|index| Ref { index, age: self.ages[&index] }).collect()
    }

    pub(crate) fn in_hand(&self, who: Ref) -> usize {
        self.hands.get(&who.index).map_or(0, |h| h.iter().filter(|h| !h.lost).count())
    }

    /// The messages in hand of `who`.
    pub(crate) fn hand_ids(&self, who: Ref) -> Vec<u32> {
        self.hands.get(&who.index).map_or(vec![], |h| h.iter().filter(|h| !h.lost).map(|h| h.id).collect())
    }

    /// The call that asked the message `id`.
    pub(crate) fn corr_of(&self, id: u32) -> u32 {
        self.asked.iter().find(|a| *a.1 == id).map_or(0, |a| *a.0)
    }

    pub(crate) fn streaming(&self, who: Ref) -> usize {
        self.streams.get(&who.index).map_or(0, Vec::len)
    }

    // --------------------------------------------------------------------------------------------- the core

    fn with_rings(&mut self, call: impl FnOnce(&mut Lane, &mut Rings<'_>)) {
        self.header[word::OUT] = self.written as i32;
        let listening = if self.deaf { 0 } else { mode::EVENTS | mode::DEAD };
        self.header[word::MODE] = (self.mode | listening) as i32;
        (self.written, self.mode) = (0, 0);
        let Isolate { lane, header, outbox, inbox, marks, .. } = self;
        let mut none = hub::Bags::default();
        let bags = self.far.as_mut().map_or(&mut none, |far| &mut far.bags);
        let hub::Bags { bag, places, satchel } = bags;
        call(lane, &mut Rings { header, outbox, inbox, marks, bag, places, satchel });
        satchel.clear();
        let audit = self.lane.audit(&self.inbox, &self.marks);
        assert!(audit.is_ok(), "the counts are wrong: {audit:?} {:?} {:?}", self.trace, self.lane.ledger);
    }

    /// Hands the outbox over in mid-way.
    pub(crate) fn submit(&mut self) {
        if !self.dispatching {
            self.header[word::CURSOR] = !(self.at as i32);
        }
        self.with_rings(Lane::submit);
    }

    /// Hands the outbox over and takes the next inbox, which is not read yet.
    pub(crate) fn turn(&mut self) {
        assert_eq!(self.at, self.filled, "the inbox was read");
        self.turns += 1;
        self.with_rings(Lane::turn);
        self.at = 0;
        self.filled = self.header[word::IN] as usize;
    }

    /// Turns and reads until nothing is left.
    pub(crate) fn run(&mut self) {
        for _ in 0..1_000_000 {
            self.read();
            self.turn();
            if self.filled == 0 {
                return;
            }
        }
        panic!("it never ends");
    }

    /// Moves the clock by `ms`, stopping at every moment at which something is due.
    pub(crate) fn advance(&mut self, ms: u64) {
        let goal = self.now + ms * 1000;
        self.run();
        loop {
            let due = self.lane.next_deadline().map_or(u64::MAX, |d| d * 1000);
            self.set_time(due.min(goal).max(self.now));
            self.mode |= mode::TICK;
            self.run();
            if due >= goal && self.lane.next_deadline().is_none_or(|d| d * 1000 > goal) {
                return;
            }
        }
    }

    pub(crate) fn set_time(&mut self, micros: u64) {
        self.now = micros;
        self.lane.set_time(micros);
    }

    /// The host's timer fires now.
    pub(crate) fn tick(&mut self) {
        self.mode |= mode::TICK;
    }

    pub(crate) fn header(&self, at: usize) -> i32 {
        self.header[at]
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.header[word::BUSY] == 1
    }

    pub(crate) fn holds(&self) -> bool {
        self.header[word::HOLD] == 1
    }

    pub(crate) fn delivered(&self) -> &[Entry] {
        &self.inbox[self.at..self.filled]
    }

    pub(crate) fn rings(&self) -> (&[Entry], &[u8]) {
        (&self.inbox, &self.marks)
    }

    // -------------------------------------------------------------------------------------------- the inbox

    /// Reads the inbox to its end.
    pub(crate) fn read(&mut self) {
        self.read_some(usize::MAX);
    }

    /// Reads up to `count` entries.
    pub(crate) fn read_some(&mut self, count: usize) {
        let end = self.filled.min(self.at.saturating_add(count));
        self.dispatching = true;
        while self.at < end {
            let i = self.at;
            self.header[word::CURSOR] = i as i32;
            let entry = self.inbox[i];
            let entry = hub::opened(self, i, entry);
            self.current = entry.index;
            self.dispatch(i, &entry);
            self.at = i + 1;
        }
        self.dispatching = false;
        self.current = 0;
    }

    fn dispatch(&mut self, i: usize, e: &Entry) {
        let who = self.name(e.index);
        let why = |r: u32| ["", "normal", "shutdown", "killed", "failed", "lost", "unknown"][r as usize];
        match e.op() {
            note::NOP => {}
            note::MSG => {
                self.say(format!("{who} {}", e.payload));
                self.begun.push((e.index, e.payload));
                self.run_script(i, e);
            }
            note::START => {
                hub::unpack(self, e);
                let who = self.name(e.index);
                self.starts.push((who.clone(), e.payload, e.from));
                self.say(format!("{who} starts"));
                self.run_script(i, e);
            }
            note::STOP => {
                self.say(format!("{who} stops {}", why(e.payload)));
                self.run_script(i, e);
            }
            note::TIMER => {
                self.say(format!("{who} timer {}{}", e.payload, if e.corr == 1 { " last" } else { "" }));
                self.run_script(i, e);
            }
            note::WATCH => {
                self.say(format!("{who} watch {} {}", e.payload, why(e.from)));
                self.run_script(i, e);
            }
            note::RESUME => {
                self.say(format!("{who} resume {}", e.payload));
                self.run_script(i, e);
            }
            note::RETURN => {
                self.say(format!("{who} return {}", e.payload));
                self.run_script(i, e);
            }
            note::ENDED => {
                self.say(format!("{who} ended {}", why(e.payload)));
                self.doomed.remove(&e.index);
                self.gone.insert(Ref { index: e.index, age: e.age });
                self.instance_over(e.index, e.payload);
            }
            note::DOWN => {
                self.say(format!("{who} down {}", why(e.corr)));
                self.instance_over(e.index, e.corr);
            }
            note::VERDICT => {
                let child = self.failing.take().expect("a failure before its verdict");
                let who = self.name(child);
                let delay = if e.payload == 0 { String::new() } else { format!(" after {}", e.payload) };
                match e.index {
                    directive::RESTART => self.say(format!("{who} will restart{delay}")),
                    directive::RESUME => self.say(format!("{who} will resume")),
                    directive::ESCALATE => self.say(format!("{who} will escalate")),
                    _ => {}
                }
            }
            note::DECIDE => {
                let answer = self.decider.clone().map_or(0, |decide| decide(self, e));
                let age = self.ages[&e.index];
                self.op(op::DECISION, Ref { index: e.index, age }, answer, 0, 0);
            }
            note::ESCALATED => self.say(format!("escalated to {who}")),
            note::FORGET => {}
            note::MISSED => self.say(format!("{who} missed a check")),
            note::HEALTH => {
                self.say(format!("{who} check"));
                self.run_script(i, e);
            }
            note::UNLINKED => self.say(format!("unlinked {}", e.payload)),
            note::ADOPTED => {
                if e.corr == adopted::DONE {
                    self.parents.insert(e.index, e.from);
                }
                self.say(format!("{who} adopted {}", ["done", "ended", "name-taken", "above"][e.corr as usize]));
            }
            note::DEAD => self.dead = Some(*e),
            note::REASON => {
                let letter = self.dead.take().expect("a dead letter before its reason");
                self.say(format!("dead {} {}", letter.payload, REASONS[e.index as usize]));
                self.end(letter.payload, REASONS[e.index as usize]);
                if let Some(id) = self.asked.get(&letter.corr).copied() {
                    hub::settled(self, letter.corr, id, "dead");
                }
                self.close_call(letter.corr);
            }
            note::ACCEPTED => {
                if let Some(id) = self.asked.get(&e.corr).copied() {
                    self.say(format!("accepted {id}"));
                }
            }
            note::TIMEOUT => {
                if let Some(id) = self.asked.get(&e.corr).copied() {
                    self.say(format!("late {id}{}", if e.payload == 1 { " deadlock" } else { "" }));
                    hub::settled(self, e.corr, id, "late");
                    if self.far.is_some() {
                        self.close_call(e.corr);
                    }
                }
            }
            note::STARTED => self.say(format!("{who} started")),
            note::FAILED => {
                self.failing = Some(e.index);
                self.say(format!("{who} failed {}", e.from));
            }
            note::CYCLE => {
                self.cycles.push(*e);
                self.say(format!("cycle {who} {}", e.payload));
            }
            note::CLOSED => self.say("closed".to_owned()),
            note::CARRY => hub::carried(self, i, e),
            other => panic!("an unknown note {other}"),
        }
    }

    /// What it had in hand is given up.
    fn instance_over(&mut self, index: u32, why: u32) {
        assert!(!self.is_out(index), "another thread uses it");
        for hand in self.hands.remove(&index).unwrap_or_default() {
            if hand.note == note::MSG {
                self.end(hand.id, FAILED);
                hub::reply(self, hand.corr, hand.id, false);
                if hand.corr != 0 {
                    self.close_call(hand.corr);
                    self.op(op::SETTLED, Ref { index: 0, age: 0 }, 0, 0, hand.corr);
                }
            }
        }
        let well = matches!(why, reason::NORMAL | reason::SHUTDOWN);
        for id in self.streams.remove(&index).unwrap_or_default() {
            hub::stream_over(self, id, well);
            self.end(id, if well { HANDLED } else { FAILED });
        }
    }

    fn run_script(&mut self, i: usize, e: &Entry) {
        let script = self.scripts[&e.index].clone();
        let mut comes = script(self, e);
        let what = e.op();
        let is_message = what == note::MSG;
        let lost = std::mem::take(&mut self.killed) == e.index && is_message;
        let lost = lost || is_below(&self.parents, &self.doomed, e.index);
        if lost && is_message && self.doomed.contains(&e.index) {
            comes = Comes::Promises; // what it ran counts as failed when the end comes
        }
        match comes {
            Comes::Returns => {
                if is_message {
                    self.end(e.payload, HANDLED);
                    self.close_call(e.corr);
                    hub::reply(self, e.corr, e.payload, true);
                }
            }
            Comes::Promises => {
                self.marks[i] = mark::PROMISED;
                let shared = is_message && e.has(flag::SHARED);
                let alone = is_message && e.has(flag::ASYNC);
                if !shared && !alone {
                    self.hold_back(e.index, i + 1);
                }
                self.hands.entry(e.index).or_default().push(Hand {
                    note: what,
                    id: e.payload,
                    corr: e.corr,
                    shared,
                    lost,
                });
            }
            Comes::Throws => {
                self.marks[i] = mark::THREW;
                if is_message {
                    self.end(e.payload, FAILED);
                    self.close_call(e.corr);
                    hub::reply(self, e.corr, e.payload, false);
                }
                self.inbox[i].payload = 99; // the error's slot
                self.hold_back(e.index, i + 1);
            }
            Comes::NoHandler => {
                self.marks[i] = mark::NO_HANDLER;
                self.end(e.payload, REASONS[dead::NO_HANDLER as usize]);
                self.close_call(e.corr);
                hub::reply(self, e.corr, e.payload, false);
            }
            Comes::Streams => {
                self.marks[i] = mark::STREAMING;
                self.streams.entry(e.index).or_default().push(e.payload);
                hub::stream_begins(self, e);
            }
        }
    }

    fn unread(&self) -> usize {
        self.at + usize::from(self.dispatching)
    }

    fn hold_back(&mut self, index: u32, from: usize) {
        for i in from..self.filled {
            let e = &mut self.inbox[i];
            let what = e.op();
            let held =
                matches!(what, note::MSG | note::TIMER | note::WATCH | note::HEALTH | note::RESUME | note::RETURN);
            if e.index == index && held {
                self.marks[i] = mark::HELD | (what as u8) << 3;
                e.head &= !OP_MASK;
            }
        }
    }

    fn open_call(&mut self) -> u32 {
        let slot = self.free_calls.pop().unwrap_or_else(|| {
            self.call_ages.push(0);
            self.call_ages.len() as u32 - 1
        });
        slot | self.call_ages[slot as usize] << CALL_BITS
    }

    fn close_call(&mut self, corr: u32) {
        if corr == 0 || self.asked.remove(&corr).is_none() {
            return;
        }
        let slot = corr & CALL_MASK;
        let age = &mut self.call_ages[slot as usize];
        *age = (*age + 1) % FAR_CALL;
        self.free_calls.push(slot);
    }

    // --------------------------------------------------------------------------------------------- looking

    fn end(&mut self, id: u32, how: &'static str) {
        self.ends.entry(id).or_default().push(how);
    }

    /// How the message ended; it ended at most once.
    pub(crate) fn end_of(&self, id: u32) -> &'static str {
        match self.ends.get(&id).map(Vec::as_slice) {
            None => "pending",
            Some([how]) => how,
            Some(more) => panic!("message {id} ended more than once: {more:?}"),
        }
    }

    /// Messages that were sent so far.
    pub(crate) fn sent(&self) -> u32 {
        self.next_id - 1
    }

    pub(crate) fn name(&self, index: u32) -> String {
        self.names.get(&index).map_or_else(|| "-".to_owned(), Clone::clone)
    }

    pub(crate) fn say(&mut self, what: String) {
        if let Some(far) = &self.far {
            far.trace.borrow_mut().push(what.clone());
        }
        self.trace.push(what);
    }

    /// What happened since the last time.
    pub(crate) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trace)
    }

    /// Runs, then what happened since the last time.
    pub(crate) fn after_run(&mut self) -> Vec<String> {
        self.run();
        self.take()
    }

    /// Every message ended exactly once, and the ledger says the same.
    pub(crate) fn all_accounted_for(&self) {
        let l = &self.lane.ledger;
        let mut counts: HashMap<&str, u64> = HashMap::new();
        let mut pending = 0;
        for id in 1..self.next_id {
            match self.end_of(id) {
                "pending" => pending += 1,
                how => *counts.entry(how).or_default() += 1,
            }
        }
        let count = |how: &str| counts.get(how).copied().unwrap_or(0);
        assert_eq!(u64::from(self.sent()), l.sent, "sent");
        assert_eq!((count(HANDLED), count(FAILED)), (l.handled, l.failed), "handled and failed");
        assert_eq!(REASONS.map(count), l.dead, "dead letters");
        assert_eq!(pending, l.waiting + l.running, "waiting and running");
    }
}

/// Whether one of `tops` is `at` or above it.
fn is_below(parents: &HashMap<u32, u32>, tops: &HashSet<u32>, mut at: u32) -> bool {
    while at != 0 && !tops.contains(&at) {
        at = parents[&at];
    }
    at != 0
}
