//! Random programs of supervision with asynchronous handlers and hooks: whatever fails, stops, restarts, is killed or
//! adopted, every message ends once, in order, and everything comes to rest.
//!
//! `PROPTEST_CASES=100000 cargo test -p buskin-core --test supervision_random` looks harder.
mod common;

use buskin_core::entry::{Entry, flag, note, restart, stop, timer};
use buskin_core::lane::{Defaults, Ran};
use common::{ASYNC, BRUTAL, Comes, FOREVER, How, Isolate, Options, Ref, SHARED, profile};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// What a program does next; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Spawn { parent: usize, restart: u32, profile: u32, hook: bool, hooks: u8, shutdown: u32 },
    Message { from: usize, to: usize, priority: u32, kind: u32 },
    Stop(usize),
    StopItself(usize),
    Drain(usize, u32),
    Kill(usize),
    Settle(usize, bool),
    Watch(usize, usize),
    Link(usize, usize),
    Unlink(usize, u32),
    Adopt(usize, usize),
    Timer(usize, u64),
    Submit,
    Turn,
    ReadSome(usize),
    Advance(u64),
    Part(usize),
    Back(usize, Ran, u8, usize),
    Recall(usize),
}

/// Of a message, in its tag: what its handler does, and how it is declared.
const KINDS: [(u32, u32); 12] = [
    (0, 0),
    (0, ASYNC),
    (1, 0),
    (1, ASYNC),
    (1, SHARED),
    (2, 0),
    (2, ASYNC),
    (2, SHARED),
    (3, 0),
    (4, 0),
    (5, flag::STREAM),
    (6, 0),
];

fn step() -> impl Strategy<Value = Step> {
    let actor = 0_usize..10;
    let pair = (0_usize..10, 0_usize..10);
    let shutdown = prop_oneof![4 => Just(40_u32), 1 => Just(BRUTAL), 1 => Just(FOREVER)];
    prop_oneof![
        5 => (actor.clone(), 0_u32..6, 0_u32..9, any::<bool>(), 0_u8..8, shutdown).prop_map(
            |(parent, restart, profile, hook, hooks, shutdown)| Step::Spawn {
                parent, restart, profile, hook, hooks, shutdown
            }
        ),
        16 => (actor.clone(), actor.clone(), 0_u32..3, 0_u32..12)
            .prop_map(|(from, to, priority, kind)| Step::Message { from, to, priority, kind }),
        1 => actor.clone().prop_map(Step::Stop),
        2 => actor.clone().prop_map(Step::StopItself),
        1 => (actor.clone(), prop_oneof![Just(FOREVER), 1_u32..30]).prop_map(|(a, t)| Step::Drain(a, t)),
        1 => actor.clone().prop_map(Step::Kill),
        10 => (actor.clone(), prop::bool::weighted(0.6)).prop_map(|(a, ok)| Step::Settle(a, ok)),
        1 => pair.clone().prop_map(|(a, b)| Step::Watch(a, b)),
        1 => pair.clone().prop_map(|(a, b)| Step::Link(a, b)),
        1 => (actor.clone(), 0_u32..9).prop_map(|(a, l)| Step::Unlink(a, l)),
        2 => pair.prop_map(|(a, b)| Step::Adopt(a, b)),
        1 => (actor, 1_000_u64..20_000).prop_map(|(a, t)| Step::Timer(a, t)),
        2 => Just(Step::Submit),
        8 => Just(Step::Turn),
        4 => (1_usize..5).prop_map(Step::ReadSome),
        6 => (1_u64..60).prop_map(Step::Advance),
        5 => (1_usize..5).prop_map(Step::Part),
        5 => (0_usize..8, ran(), 0_u8..9, 0_usize..10).prop_map(|(at, ran, does, to)| Step::Back(at, ran, does, to)),
        2 => (0_usize..4).prop_map(Step::Recall),
    ]
}

fn ran() -> impl Strategy<Value = Ran> {
    prop_oneof![5 => Just(Ran::Returned), 3 => Just(Ran::Threw(9)), 1 => Just(Ran::NoHandler), 1 => Just(Ran::Open)]
}

struct World {
    iso: Isolate,
    actors: Vec<Ref>,
    /// By sender, receiver and priority, in order.
    sent: HashMap<(u32, Ref, u32), Vec<u32>>,
    /// Hooks return, nobody fails, `decide` says nothing.
    calm: Rc<Cell<bool>>,
    next: u32,
}

/// What hook number `nth` of an actor does whose hooks are of this kind.
fn hook(kind: u8, nth: u32) -> Comes {
    match (kind, nth % 3) {
        (1 | 2, _) | (3, 0) => Comes::Promises,
        (4 | 3, 1) | (5, 2) => Comes::Throws,
        _ => Comes::Returns,
    }
}

fn comes(iso: &mut Isolate, e: &Entry, hooks: u8, calm: bool, count: &Cell<u32>) -> Comes {
    count.set(count.get() + 1);
    match e.op() {
        _ if calm && e.op() != note::MSG => Comes::Returns,
        note::START | note::STOP | note::HEALTH | note::WATCH | note::TIMER => hook(hooks, count.get()),
        note::MSG => match e.tag() {
            1 => Comes::Promises,
            2 => Comes::Throws,
            3 => {
                iso.stop_itself_at(e.index);
                if count.get().is_multiple_of(2) { Comes::Throws } else { Comes::Returns }
            }
            4 => {
                iso.kill_at(e.index);
                Comes::Returns
            }
            5 => Comes::Streams,
            6 => {
                iso.stop_at(e.index);
                Comes::Throws
            }
            _ => Comes::Returns,
        },
        _ => Comes::Returns,
    }
}

impl World {
    fn new(ring: usize, escalate: Option<u32>) -> Self {
        let mut iso = Isolate::with(Defaults { escalate, ..Defaults::default() }, ring);
        let backoff = [1.0, 3_000.0, 40_000.0, 2.0, 0.2, 50_000.0, 0.0];
        for strategy in [0.0, 1.0, 2.0] {
            for (most, backoff) in [(f64::INFINITY, Some(backoff)), (3.0, None), (1.0, Some(backoff))] {
                let mut numbers = profile(strategy, most, 100_000.0, backoff);
                if most == 1.0 {
                    numbers[10] = 1.0;
                    numbers[11..].copy_from_slice(&[30_000.0, 9_000.0, 2.0]);
                }
                iso.lane.profile(&numbers);
            }
        }
        iso.lane.supervise_root(0);
        let calm = Rc::new(Cell::new(false));
        let quiet = calm.clone();
        let count = Cell::new(0);
        iso.decider = Some(Rc::new(move |iso, e| {
            count.set(count.get() + 1);
            match count.get() % 7 {
                _ if quiet.get() => 0,
                5 => {
                    iso.stop_at(e.index);
                    1
                }
                6 => {
                    iso.kill_at(e.index);
                    3
                }
                answer => answer,
            }
        }));
        let mut world = World { iso, actors: vec![], sent: HashMap::new(), calm, next: 0 };
        for at in 0..4 {
            world.act(&Step::Spawn { parent: at, restart: 1, profile: 3, hook: true, hooks: 0, shutdown: 40 });
        }
        world
    }

    fn at(&self, which: usize) -> Ref {
        self.actors[which % self.actors.len()]
    }

    fn is_here(&self, who: Ref) -> bool {
        self.iso.age_of(who) == who.age && self.iso.lane.is_alive(who.index, who.age)
    }

    fn id(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn act(&mut self, step: &Step) {
        match *step {
            Step::Spawn { parent, restart, profile, hook, hooks, shutdown } => {
                let above = self.actors.get(parent).filter(|&&p| self.is_here(p)).map_or(0, |r| r.index);
                let when = [restart::TRANSIENT, restart::PERMANENT, restart::TEMPORARY][restart as usize % 3];
                let clear = if restart == 4 { restart::CLEAR } else { 0 };
                let options = Options {
                    parent: above,
                    profile,
                    hook,
                    shutdown,
                    start: 40,
                    restart: when | clear,
                    capacity: 20,
                    policy: restart % 4,
                };
                let (calm, count) = (self.calm.clone(), Cell::new(0));
                let made = self.iso.spawn("x", options, move |iso, e| comes(iso, e, hooks, calm.get(), &count));
                self.actors.push(made);
                if self.actors.len() > 10 {
                    self.actors.remove(0);
                }
            }
            Step::Message { from, to, priority, kind } => {
                let (from, to) = (self.at(from), self.at(to));
                let sender = if from == to { 0 } else { from.index };
                let (tag, flags) = KINDS[kind as usize];
                let how = How { priority, ttl: None, timeout: None, flags: flags & !flag::STREAM, from: sender, tag };
                let id = match kind % 3 {
                    _ if flags == flag::STREAM => self.iso.stream_how(to, how),
                    0 => self.iso.tell_how(to, how),
                    1 => self.iso.send_how(to, how),
                    _ => self.iso.ask_how(to, how),
                };
                self.sent.entry((sender, to, priority)).or_default().push(id);
            }
            Step::Stop(who) => self.iso.stop(self.at(who)),
            Step::StopItself(who) => self.iso.stop_itself(self.at(who)),
            Step::Drain(who, timeout) => self.iso.drain(self.at(who), timeout),
            Step::Kill(who) => self.iso.kill(self.at(who)),
            Step::Settle(who, ok) => {
                self.iso.run(); // what was given up meanwhile is known then
                let who = self.at(who);
                if self.is_here(who) && self.iso.in_hand(who) > 0 {
                    self.iso.done(who, ok);
                } else if self.is_here(who) && self.iso.streaming(who) > 0 {
                    self.iso.stream_end(who, ok);
                }
            }
            Step::Watch(a, b) => {
                let (a, b, id) = (self.at(a), self.at(b), self.id());
                if self.is_here(a) {
                    self.iso.watch(a, b, id);
                }
            }
            Step::Link(a, b) => {
                let (a, b, id) = (self.at(a), self.at(b), self.id());
                if self.is_here(a) && a != b {
                    self.iso.link(a, b, id);
                }
            }
            Step::Unlink(who, back) => {
                let (who, id) = (self.at(who), self.next.saturating_sub(back));
                if self.is_here(who) {
                    self.iso.unlink(who, id);
                }
            }
            Step::Adopt(who, parent) => {
                self.iso.run();
                let (who, parent) = (self.at(who), self.at(parent));
                let above = if self.is_here(parent) { parent.index } else { 0 };
                self.iso.adopt(who, above);
                self.iso.run();
            }
            Step::Timer(owner, period) => {
                let (owner, id) = (self.at(owner), self.id());
                self.iso.timer(owner, id, if id % 2 == 0 { timer::EVERY } else { 0 } | timer::UNREF, period);
            }
            Step::Submit => self.iso.submit(),
            Step::Turn => {
                self.iso.read();
                self.iso.turn();
            }
            Step::ReadSome(count) => self.iso.read_some(count),
            Step::Advance(ms) => self.iso.advance(ms),
            Step::Part(most) => {
                self.iso.part(most);
            }
            Step::Back(at, ran, does, to) => self.back(at, ran, does, to),
            Step::Recall(keep) => self.iso.recall(keep),
        }
    }

    /// What another thread ran comes back.
    fn back(&mut self, at: usize, ran: Ran, does: u8, to: usize) {
        if self.iso.guests.is_empty() {
            return;
        }
        let (to, id, at) = (self.at(to), self.id(), at % self.iso.guests.len());
        if does == 2 {
            self.iso.submit(); // whatever was over before the kill is
        }
        let here = self.is_here(to);
        self.iso.comes_back(at, ran, |iso, who| match does {
            1 => iso.end_as_guest(who, stop::NORMAL),
            2 => iso.end_as_guest(to, stop::KILL),
            3 => iso.end_as_guest(who, stop::SELF),
            4 => iso.watch(who, to, id),
            5 if here && who != to => iso.link(who, to, id),
            6 => iso.timer(who, id, timer::UNREF, 5_000),
            7 => {
                iso.spawn("y", Options { parent: who.index, ..Options::default() }, |_, _| Comes::Returns);
            }
            _ => {}
        });
    }

    /// Messages that came out keep the order they went in, whatever became of the others.
    fn check_order(&self) {
        let mut place = HashMap::new();
        for (at, (_, id)) in self.iso.begun.iter().enumerate() {
            assert!(place.insert(*id, at).is_none(), "message {id} ran twice");
        }
        for (key, ids) in &self.sent {
            let places: Vec<_> = ids.iter().filter_map(|id| place.get(id)).collect();
            assert!(places.is_sorted(), "from, to, priority {key:?}: {ids:?} came out at {places:?}");
        }
    }

    /// Settles everything until nothing is left to settle.
    fn settle(&mut self) {
        for round in 0.. {
            self.iso.come_home();
            self.iso.run();
            let hands = self.iso.all_hands();
            if hands.is_empty() && !self.iso.is_busy() {
                return;
            }
            assert!(round < 10_000, "it never comes to rest");
            match hands.first() {
                // one by one: what one brings about may give another up
                Some(&who) => self.iso.done(who, true),
                None => self.iso.advance(1), // messages behind a backoff
            }
        }
    }

    /// From now on nothing fails any more: everybody is well at last.
    fn calm_down(&mut self) {
        self.calm.set(true);
        for _ in 0..3 {
            self.settle();
            self.iso.advance(60);
        }
        self.settle();
        for info in self.iso.lane.actors() {
            assert_eq!((info.state, info.waiting), (if info.state == 4 { 4 } else { 1 }, 0), "{info:?}");
        }
        self.iso.all_accounted_for();
    }

    /// The end.
    fn wind_up(&mut self) {
        self.iso.shutdown(FOREVER);
        self.settle();
        let trace = self.iso.take();
        assert_eq!(trace.iter().filter(|t| *t == "closed").count(), 1);
        assert_eq!(self.iso.lane.ledger.actors, 0);
        assert!(!self.iso.is_busy() && !self.iso.holds(), "nothing is left over");
        assert_eq!(self.iso.lane.envelopes_in_use(), 0, "no envelope is lost");
        self.iso.all_accounted_for();
        for id in 1..=self.iso.sent() {
            assert_ne!(self.iso.end_of(id), "pending", "message {id} has no end");
        }
    }
}

fn run(ring: usize, escalate: Option<u32>, steps: &[Step]) {
    let mut world = World::new(ring, escalate);
    for step in steps {
        world.act(step);
    }
    world.check_order();
    world.calm_down();
    world.wind_up();
    world.check_order();
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_everything_comes_to_rest_and_is_accounted_for(
        ring in prop_oneof![Just(4_usize), Just(64), Just(256)],
        escalate in prop_oneof![2 => Just(None), 1 => Just(Some(100_u32))],
        steps in prop::collection::vec(step(), 1..100),
    ) {
        run(ring, escalate, &steps);
    }
}
