//! Random programs against a model that has nothing but lists: one per sender, receiver and priority.
//!
//! `PROPTEST_CASES=100000 cargo test -p buskin-core --test model` looks harder.
mod common;

use buskin_core::entry::{note, stop, timer};
use buskin_core::lane::Ran;
use common::{ASYNC, Comes, FOREVER, How, Isolate, Options, Ref, SHARED};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// What a program does next; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Spawn { parent: usize, capacity: u32, policy: u32, hook: bool, slow_hooks: bool },
    Message { verb: u8, from: usize, to: usize, priority: u32, kind: Kind, ttl: Option<u64> },
    Many { to: usize, count: usize, kind: Kind },
    Stop(usize),
    Drain(usize, u32),
    Kill(usize),
    Settle(usize, bool),
    Watch(usize, usize),
    Timer { owner: usize, bits: u32, period: u64 },
    Cancel(u32),
    Abort(usize),
    Submit,
    Turn,
    ReadSome(usize),
    Advance(u64),
    Part(usize),
    Back(usize, Ran, u8, usize),
    Recall(usize),
}

/// What the handler does; in the message's tag.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Returns,
    Promises,
    AsyncPromises,
    AsyncReturns,
    SharedPromises,
    Throws,
    NoHandler,
    /// Tells the next actor, and mostly submits in mid-way.
    Forwards,
    StopsItself,
    KillsItself,
}

fn kind() -> impl Strategy<Value = Kind> {
    use Kind::*;
    prop_oneof![
        8 => Just(Returns),
        3 => Just(Promises),
        3 => Just(AsyncPromises),
        2 => Just(AsyncReturns),
        3 => Just(SharedPromises),
        1 => Just(Throws),
        1 => Just(NoHandler),
        3 => Just(Forwards),
        1 => Just(StopsItself),
        1 => Just(KillsItself),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let actor = 0_usize..8;
    let ttl = prop_oneof![4 => Just(None), 1 => (0_u64..20_000).prop_map(Some)];
    prop_oneof![
        3 => (actor.clone(), 1_u32..6, 0_u32..4, any::<bool>(), prop::bool::weighted(0.3))
            .prop_map(|(parent, capacity, policy, hook, slow_hooks)| Step::Spawn { parent, capacity, policy, hook, slow_hooks }),
        20 => (0_u8..3, actor.clone(), actor.clone(), 0_u32..3, kind(), ttl)
            .prop_map(|(verb, from, to, priority, kind, ttl)| Step::Message { verb, from, to, priority, kind, ttl }),
        3 => (actor.clone(), 1_usize..40, kind()).prop_map(|(to, count, kind)| Step::Many { to, count, kind }),
        1 => actor.clone().prop_map(Step::Stop),
        1 => (actor.clone(), prop_oneof![Just(FOREVER), 1_u32..30]).prop_map(|(a, t)| Step::Drain(a, t)),
        1 => actor.clone().prop_map(Step::Kill),
        10 => (actor.clone(), prop::bool::weighted(0.9)).prop_map(|(a, ok)| Step::Settle(a, ok)),
        1 => (actor.clone(), actor.clone()).prop_map(|(a, b)| Step::Watch(a, b)),
        1 => (actor.clone(), 0_u32..3, 0_u64..20_000).prop_map(|(owner, bits, period)| Step::Timer { owner, bits, period }),
        1 => (0_u32..20).prop_map(Step::Cancel),
        1 => (0_usize..100).prop_map(Step::Abort),
        3 => Just(Step::Submit),
        8 => Just(Step::Turn),
        4 => (1_usize..5).prop_map(Step::ReadSome),
        2 => (1_u64..30).prop_map(Step::Advance),
        5 => (1_usize..5).prop_map(Step::Part),
        5 => (0_usize..8, ran(), 0_u8..8, actor).prop_map(|(at, ran, does, to)| Step::Back(at, ran, does, to)),
        2 => (0_usize..4).prop_map(Step::Recall),
    ]
}

fn ran() -> impl Strategy<Value = Ran> {
    prop_oneof![8 => Just(Ran::Returned), 1 => Just(Ran::Threw(9)), 1 => Just(Ran::NoHandler), 1 => Just(Ran::Open)]
}

/// Beside a sender: it was its handler.
const RUNS: u32 = 1 << 31;

/// Where each message was sent, in the order sent.
#[derive(Default)]
struct Model {
    /// By sender, receiver (index and age) and priority.
    sent: HashMap<(u32, Ref, u32), Vec<u32>>,
    to: Vec<(u32, Ref)>,
    timers: u32,
}

type Shared = Rc<RefCell<Model>>;

struct World {
    iso: Isolate,
    actors: Vec<Ref>,
    model: Shared,
}

fn comes(iso: &mut Isolate, e: &buskin_core::entry::Entry, model: &Shared, slow_hooks: bool) -> Comes {
    let me = Ref { index: e.index, age: 0 };
    match e.op() {
        note::MSG => {}
        note::START | note::STOP | note::TIMER | note::WATCH if slow_hooks => return Comes::Promises,
        _ => return Comes::Returns,
    }
    match e.tag() {
        1 | 2 | 4 => Comes::Promises,
        5 => Comes::Throws,
        6 => Comes::NoHandler,
        7 => {
            let next = model.borrow().to.get(e.payload as usize % 7).map(|t| t.1);
            if let Some(to) = next {
                post(iso, model, 0, e.index, to, 0, Kind::Returns, None);
                if !e.payload.is_multiple_of(3) {
                    iso.submit();
                }
            }
            Comes::Returns
        }
        8 => {
            iso.stop_at(me.index);
            Comes::Returns
        }
        9 => {
            iso.kill_at(me.index);
            Comes::Returns
        }
        _ => Comes::Returns,
    }
}

#[allow(clippy::too_many_arguments)]
fn post(iso: &mut Isolate, model: &Shared, verb: u8, from: u32, to: Ref, priority: u32, kind: Kind, ttl: Option<u64>) {
    // what its handler sends, wherever that runs, is in an order of its own: it is not what a program sends in its name
    let runs = iso.current == from && from != 0;
    let (tag, flags) = match kind {
        Kind::Returns => (0, 0),
        Kind::Promises => (1, 0),
        Kind::AsyncPromises => (2, ASYNC),
        Kind::AsyncReturns => (3, ASYNC),
        Kind::SharedPromises => (4, SHARED),
        Kind::Throws => (5, 0),
        Kind::NoHandler => (6, 0),
        Kind::Forwards => (7, 0),
        Kind::StopsItself => (8, 0),
        Kind::KillsItself => (9, 0),
    };
    let how = How { priority, ttl, timeout: None, flags, from, tag };
    let id = match verb {
        0 => iso.tell_how(to, how),
        1 => iso.send_how(to, how),
        _ => iso.ask_how(to, how),
    };
    let mut model = model.borrow_mut();
    model.sent.entry((if runs { from | RUNS } else { from }, to, priority)).or_default().push(id);
    model.to.push((id, to));
}

impl World {
    fn new(ring: usize) -> Self {
        let mut world =
            World { iso: Isolate::with(Default::default(), ring), actors: vec![], model: Shared::default() };
        for _ in 0..3 {
            world.act(&Step::Spawn { parent: 99, capacity: 100, policy: 0, hook: true, slow_hooks: false });
        }
        world
    }

    fn at(&self, which: usize) -> Ref {
        self.actors[which % self.actors.len()]
    }

    fn act(&mut self, step: &Step) {
        match *step {
            Step::Spawn { parent, capacity, policy, hook, slow_hooks } => {
                let above = self.actors.get(parent).map_or(0, |r| r.index);
                let options =
                    Options { parent: above, capacity, policy, hook, shutdown: 40, start: 40, ..Options::default() };
                let model = self.model.clone();
                let made = self.iso.spawn("x", options, move |iso, e| comes(iso, e, &model, slow_hooks));
                self.actors.push(made);
                if self.actors.len() > 8 {
                    self.actors.remove(0);
                }
            }
            Step::Message { verb, from, to, priority, kind, ttl } => {
                let (from, to) = (self.at(from), self.at(to));
                let sender = if from == to { 0 } else { from.index };
                post(&mut self.iso, &self.model, verb, sender, to, priority, kind, ttl);
            }
            Step::Many { to, count, kind } => {
                let to = self.at(to);
                for _ in 0..count {
                    post(&mut self.iso, &self.model, 0, 0, to, 0, kind, None);
                }
            }
            Step::Stop(who) => self.iso.stop(self.actors[who % self.actors.len()]),
            Step::Drain(who, timeout) => self.iso.drain(self.actors[who % self.actors.len()], timeout),
            Step::Kill(who) => self.iso.kill(self.actors[who % self.actors.len()]),
            Step::Settle(who, ok) => {
                let who = self.at(who);
                if self.iso.in_hand(who) > 0 && self.iso.age_of(who) == who.age {
                    self.iso.done(who, ok);
                }
            }
            Step::Watch(a, b) => {
                let (a, b) = (self.at(a), self.at(b));
                if self.iso.age_of(a) == a.age {
                    self.iso.watch(a, b, 7);
                }
            }
            Step::Timer { owner, bits, period } => {
                let id = self.model.borrow().timers;
                self.model.borrow_mut().timers += 1;
                let bits = [0, timer::EVERY, timer::FROM_END][bits as usize];
                self.iso.timer(self.at(owner), id, bits, period.max(1_000));
            }
            Step::Cancel(id) => self.iso.cancel(id),
            Step::Abort(at) => {
                let found = self.model.borrow().to.iter().rev().nth(at).copied();
                if let Some((id, to)) = found {
                    self.iso.abort(to, id);
                }
            }
            Step::Submit => self.iso.submit(),
            Step::Turn => {
                self.iso.read();
                self.iso.turn();
            }
            Step::ReadSome(count) => self.iso.read_some(count),
            Step::Part(most) => {
                self.iso.part(most);
            }
            Step::Back(at, ran, does, to) => self.back(at, ran, does, to),
            Step::Recall(keep) => self.iso.recall(keep),
            Step::Advance(ms) => {
                let now = self.iso.now + ms * 1_000;
                self.iso.set_time(now);
                self.iso.tick();
            }
        }
    }

    /// What another thread ran comes back.
    fn back(&mut self, at: usize, ran: Ran, does: u8, to: usize) {
        if self.iso.guests.is_empty() {
            return;
        }
        let (to, model, at) = (self.at(to), self.model.clone(), at % self.iso.guests.len());
        if does == 5 {
            self.iso.submit(); // whatever was over before the kill is
        }
        self.iso.comes_back(at, ran, |iso, who| {
            let mut post = |verb, kind| post(iso, &model, verb, who.index, to, 0, kind, None);
            match does {
                1 => post(0, Kind::Returns),
                2 => post(1, Kind::Throws),
                3 => post(2, Kind::AsyncPromises),
                4 => iso.end_as_guest(who, stop::NORMAL),
                5 => iso.end_as_guest(who, stop::KILL),
                6 => iso.end_as_guest(to, stop::DRAIN),
                _ => {}
            }
        });
    }

    /// Messages that came out keep the order they went in, whatever became of the others.
    fn check_order(&self) {
        let mut place = HashMap::new();
        for (at, (_, id)) in self.iso.begun.iter().enumerate() {
            assert!(place.insert(*id, at).is_none(), "message {id} ran twice");
        }
        for (key, ids) in &self.model.borrow().sent {
            let places: Vec<_> = ids.iter().filter_map(|id| place.get(id)).collect();
            assert!(places.is_sorted(), "from, to, priority {key:?}: {ids:?} came out at {places:?}");
        }
    }

    /// Nothing more is done; all promises settle, all actors end.
    fn wind_up(&mut self) {
        for round in 0.. {
            self.iso.come_home();
            self.iso.run();
            let hands: Vec<_> = self.iso.all_hands();
            if hands.is_empty() {
                break;
            }
            assert!(round < 10_000, "it never comes to rest");
            for who in hands {
                self.iso.done(who, true);
            }
        }
        let l = &self.iso.lane.ledger;
        assert_eq!((l.waiting, l.running), (0, 0), "an actor at rest has nothing waiting");
        self.iso.shutdown(FOREVER);
        for _ in 0..10_000 {
            self.iso.run();
            let hands: Vec<_> = self.iso.all_hands();
            if hands.is_empty() {
                break;
            }
            for who in hands {
                self.iso.done(who, true);
            }
        }
        assert_eq!(self.iso.lane.ledger.actors, 0);
        assert!(!self.iso.is_busy() && !self.iso.holds(), "nothing is left over");
        let memory = self.iso.lane.envelopes_in_use();
        assert_eq!(memory, 0, "no envelope is lost");
    }
}

fn run(ring: usize, steps: &[Step]) {
    let mut world = World::new(ring);
    for step in steps {
        world.act(step);
        world.check_order();
    }
    world.iso.come_home();
    world.iso.run();
    world.iso.all_accounted_for();
    world.wind_up();
    world.check_order();
    world.iso.all_accounted_for();
    for id in 1..=world.iso.sent() {
        assert_ne!(world.iso.end_of(id), "pending", "message {id} has no end");
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(15_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_program_keeps_order_and_counts(
        ring in prop_oneof![Just(2_usize), Just(5), Just(64), Just(256)],
        steps in prop::collection::vec(step(), 1..120),
    ) {
        run(ring, &steps);
    }
}
