//! Random programs over several lanes: trees whose members live wherever, messages of every kind in all directions,
//! failures, stops and kills at any moment, isolates that die and come back or do not. Everything settles, every message
//! ends at most once and is counted exactly, every call is settled once, and nothing is left over.
//!
//! `PROPTEST_CASES=100000 cargo test -p buskin-core --test hub_random` looks harder.
mod common;

use buskin_core::entry::{Entry, dead, flag, note, restart};
use buskin_core::lane::Defaults;
use common::hub::{KILL, KNOWN, MISSING, STOP, UNMET, World, abort, at, post, spawn_on, stop_there, worker};
use common::{BRUTAL, Comes, FOREVER, How, Isolate, Options, Ref, profile};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Step {
    Spawn { parent: usize, lane: usize, restart: u32, profile: u32, hook: bool, hooks: u8, shutdown: u32, policy: u32 },
    Message { lane: usize, to: usize, kind: usize, how: u32, priority: u32, ttl: Option<u64>, length: usize },
    Stop { lane: usize, who: usize, kill: bool },
    StopItself(usize),
    Drain(usize),
    Settle { lane: usize, nth: usize, ok: bool },
    Abort { lane: usize, nth: usize },
    Watch(usize, usize),
    Link(usize, usize),
    Adopt(usize, usize),
    Release(usize, usize),
    Turn(usize),
    Read(usize, usize),
    Submit(usize),
    Advance(u64),
    Lose(usize, bool),
    Revive(usize),
}

/// What handlers do, by name; and one that is a stream.
const KINDS: [(u32, u32); 9] =
    [(4, 0), (4, 0), (1, 0), (2, 0), (3, 0), (5, 0), (UNMET, 0), (MISSING, 0), (6, flag::STREAM)];
const CALLS: [u32; 4] = [0, flag::SEND, flag::ASK, flag::SEND | flag::ABORTS];

fn step(loses: bool) -> impl Strategy<Value = Step> {
    let (actor, lane) = (0_usize..10, 0_usize..3);
    let shutdown = prop_oneof![4 => Just(40_u32), 1 => Just(BRUTAL), 1 => Just(FOREVER)];
    let restart = prop_oneof![Just(restart::TRANSIENT), Just(restart::PERMANENT), Just(restart::TEMPORARY)];
    let length = prop_oneof![3 => Just(0_usize), 2 => 1_usize..200, 1 => 200_usize..3000];
    prop_oneof![
        6 => (actor.clone(), lane.clone(), restart, 0_u32..9, any::<bool>(), 0_u8..8, shutdown, 0_u32..4).prop_map(
            |(parent, lane, restart, profile, hook, hooks, shutdown, policy)| Step::Spawn {
                parent, lane, restart, profile, hook, hooks, shutdown, policy
            }
        ),
        16 => (lane.clone(), actor.clone(), 0..KINDS.len(), 0_u32..4, 0_u32..4, prop::option::weighted(0.1, 0_u64..5000), length)
            .prop_map(|(lane, to, kind, how, priority, ttl, length)| Step::Message {
                lane, to, kind, how, priority: priority % 3, ttl, length
            }),
        2 => (lane.clone(), actor.clone(), prop::bool::weighted(0.3)).prop_map(|(lane, who, kill)| Step::Stop { lane, who, kill }),
        2 => actor.clone().prop_map(Step::StopItself),
        1 => actor.clone().prop_map(Step::Drain),
        10 => (lane.clone(), 0_usize..8, prop::bool::weighted(0.6)).prop_map(|(lane, nth, ok)| Step::Settle { lane, nth, ok }),
        1 => (lane.clone(), 0_usize..8).prop_map(|(lane, nth)| Step::Abort { lane, nth }),
        2 => (actor.clone(), actor.clone()).prop_map(|(a, b)| Step::Watch(a, b)),
        2 => (actor.clone(), actor.clone()).prop_map(|(a, b)| Step::Link(a, b)),
        3 => (actor.clone(), actor.clone()).prop_map(|(a, b)| Step::Adopt(a, b)),
        1 => (actor, lane.clone()).prop_map(|(a, lane)| Step::Release(a, lane)),
        16 => lane.clone().prop_map(Step::Turn),
        4 => (lane.clone(), 1_usize..5).prop_map(|(lane, n)| Step::Read(lane, n)),
        3 => lane.clone().prop_map(Step::Submit),
        4 => (1_u64..60).prop_map(Step::Advance),
        2 => (1_usize..3, any::<bool>()).prop_map(move |(lane, io)| if loses { Step::Lose(lane, io) } else { Step::Turn(lane) }),
        2 => (1_usize..3).prop_map(move |lane| if loses { Step::Revive(lane) } else { Step::Turn(lane) }),
    ]
}

struct Actor {
    lane: usize,
    who: Ref,
    /// Whose child it was, or was to be.
    parents: Vec<(usize, Ref)>,
}

const ROOT: (usize, Ref) = (0, Ref { index: 0, age: 0 });

struct Program {
    w: World,
    actors: Vec<Actor>,
    calm: Rc<Cell<bool>>,
    next: u32,
    losses: u32,
    /// Calls by their lane, and the epoch of its isolate.
    calls: Vec<(usize, u32, u32)>,
    epochs: [u32; 3],
    begun: Vec<(usize, u32, u32)>,
    seen: [usize; 3],
    sent: HashMap<(usize, usize, u32, u32), Vec<u32>>,
    /// Nobody listens to dead letters.
    deaf: bool,
}

fn hook(kind: u8, nth: u32) -> Comes {
    match (kind, nth % 3) {
        (1 | 2, _) | (3, 0) => Comes::Promises,
        (4 | 3, 1) | (5, 2) => Comes::Throws,
        _ => Comes::Returns,
    }
}

fn script(hooks: u8, calm: &Rc<Cell<bool>>) -> impl Fn(&mut Isolate, &Entry) -> Comes + 'static {
    let (calm, count) = (Rc::clone(calm), Cell::new(0));
    move |iso, e| {
        count.set(count.get() + 1);
        match e.op() {
            note::MSG if calm.get() && matches!(e.tag(), 2 | 3) => Comes::Returns,
            note::MSG => worker(iso, e),
            _ if calm.get() => Comes::Returns,
            note::START | note::STOP | note::WATCH => hook(hooks, count.get()),
            _ => Comes::Returns,
        }
    }
}

impl Program {
    fn new(ring: usize, bag: usize, deaf: bool) -> Self {
        let defaults = Defaults { escalate: None, ask_timeout: u64::MAX, ..Defaults::default() };
        let mut w = World::new(3, ring, bag, defaults);
        for iso in &mut w.isos {
            iso.deaf = deaf;
            for n in 0..9_u32 {
                let backoff = (n % 2 == 1).then_some([1.0, 10_000.0, 40_000.0, 2.0, 0.0, 1_000_000.0, 0.0]);
                let mut numbers = profile(f64::from(n % 3), if n < 6 { f64::INFINITY } else { 3.0 }, 1e6, backoff);
                numbers[10] = f64::from(u8::from(n == 4 || n == 8));
                iso.lane.profile(&numbers);
            }
            iso.decider = Some(Rc::new(|_, e| e.payload % 5 * u32::from(e.from != 0) + e.age % 5));
        }
        Program {
            w,
            actors: vec![],
            calm: Rc::default(),
            next: 1,
            losses: 0,
            calls: vec![],
            epochs: [0; 3],
            begun: vec![],
            seen: [0; 3],
            sent: HashMap::new(),
            deaf,
        }
    }

    fn pick(&self, n: usize) -> Option<(usize, Ref)> {
        (!self.actors.is_empty()).then(|| {
            let a = &self.actors[n % self.actors.len()];
            (a.lane, a.who)
        })
    }

    fn lives(&self, (lane, who): (usize, Ref)) -> bool {
        !self.w.dead[lane] && self.w.isos[lane].lane.is_alive(who.index, who.age) && self.w.isos[lane].knows(who)
    }

    fn note_begun(&mut self) {
        for lane in 0..3 {
            let begun = &self.w.isos[lane].begun[self.seen[lane]..];
            self.begun.extend(begun.iter().map(|(index, id)| (lane, *index, *id)));
            self.seen[lane] = self.w.isos[lane].begun.len();
        }
    }

    fn act(&mut self, step: &Step) {
        match step.clone() {
            Step::Spawn { parent, lane, restart, profile, hook, hooks, shutdown, policy } => {
                let name = format!("a{}", self.actors.len());
                let above = self.pick(parent).filter(|p| parent % 3 != 0 && self.lives(*p));
                let (home, parent) = above.map_or((0, 0), |(lane, who)| (lane, who.index));
                let parents = vec![above.unwrap_or(ROOT)];
                if self.w.dead[home] {
                    return;
                }
                let capacity = if policy == 0 { 1 << 20 } else { 3 };
                let o = Options { parent, restart, profile, hook, shutdown, policy, capacity, ..Options::default() };
                let iso = &mut self.w.isos[home];
                let script = script(hooks, &self.calm);
                let who = if lane == home {
                    iso.spawn(&name, o, script)
                } else {
                    let (who, _) = spawn_on(iso, lane as u32, &name, o, Rc::new(script));
                    Ref { index: who.index & ((1 << 26) - 1), age: who.age }
                };
                self.actors.push(Actor { lane, who, parents });
            }
            Step::Message { lane, to, kind, how, priority, ttl, length } => {
                let Some((home, who)) = self.pick(to).filter(|_| !self.w.dead[lane]) else { return };
                let (tag, flags) = KINDS[kind];
                if lane == home && how == 0 && flags == 0 && self.lives((home, who)) {
                    let declared = KNOWN.iter().find(|k| k.0 == tag).map_or(0, |k| k.1);
                    let h = How { tag, priority, ttl, flags: declared, ..How::default() };
                    let id = self.w.isos[lane].tell_how(who, h);
                    // not in order with what goes round by way of the mail
                    return self.sent.entry((lane + 3, home, who.index, priority)).or_default().push(id);
                }
                let kind = if flags != 0 { flags } else { CALLS[how as usize] };
                let h = How { tag, priority, ttl, ..How::default() };
                let id = post(&mut self.w.isos[lane], at(home as u32, who), h, kind, length);
                self.sent.entry((lane, home, who.index, priority)).or_default().push(id);
                if kind != 0 {
                    self.calls.push((lane, self.epochs[lane], id));
                }
            }
            Step::Stop { lane, who, kill } => {
                let Some((home, who)) = self.pick(who).filter(|_| !self.w.dead[lane]) else { return };
                if lane != home {
                    stop_there(&mut self.w.isos[lane], at(home as u32, who), if kill { KILL } else { STOP });
                } else if self.lives((home, who)) {
                    let iso = &mut self.w.isos[lane];
                    if kill { iso.kill(who) } else { iso.stop(who) }
                }
            }
            Step::StopItself(who) => {
                if let Some((home, who)) = self.pick(who).filter(|a| self.lives(*a)) {
                    self.w.isos[home].stop_itself(who);
                }
            }
            Step::Drain(who) => {
                if let Some((home, who)) = self.pick(who).filter(|a| self.lives(*a)) {
                    self.w.isos[home].drain(who, 20);
                }
            }
            Step::Settle { lane, nth, ok } => {
                self.settle_one(lane, nth, ok);
            }
            Step::Abort { lane, nth } => {
                let mine: Vec<_> =
                    self.calls.iter().filter(|c| c.0 == lane && c.1 == self.epochs[lane]).copied().collect();
                if self.w.dead[lane] || mine.is_empty() {
                    return;
                }
                let id = mine[nth % mine.len()].2;
                if let Some((&(_, home, index, _), _)) = self.sent.iter().find(|s| s.1.contains(&id)) {
                    let age =
                        self.actors.iter().find(|a| a.lane == home && a.who.index == index).map_or(0, |a| a.who.age);
                    abort(&mut self.w.isos[lane], at(home as u32, Ref { index, age }), id);
                }
            }
            Step::Watch(a, b) => {
                let (Some((lane, a)), Some((to, b))) = (self.pick(a).filter(|a| self.lives(*a)), self.pick(b)) else {
                    return;
                };
                self.next += 1;
                self.w.isos[lane].watch(a, if lane == to { b } else { at(to as u32, b) }, self.next);
            }
            Step::Link(a, b) => {
                let (Some((lane, a)), Some((to, b))) = (self.pick(a).filter(|a| self.lives(*a)), self.pick(b)) else {
                    return;
                };
                self.next += 1;
                if (lane, a) != (to, b) {
                    self.w.isos[lane].link(a, if lane == to { b } else { at(to as u32, b) }, self.next);
                }
            }
            Step::Adopt(a, b) => {
                if let Some(parent) = self.pick(b).filter(|b| self.lives(*b)) {
                    self.adopt(a, parent, parent.0);
                }
            }
            Step::Release(a, lane) => self.adopt(a, ROOT, lane),
            Step::Turn(lane) => self.w.turn(lane),
            Step::Read(lane, n) => {
                if !self.w.dead[lane] {
                    self.w.isos[lane].read_some(n);
                }
            }
            Step::Submit(lane) => {
                if !self.w.dead[lane] {
                    self.w.isos[lane].submit();
                }
            }
            Step::Advance(ms) => self.w.advance(ms),
            Step::Lose(lane, readable) => {
                if !self.w.dead[lane] {
                    self.note_begun();
                    self.losses += 1;
                    self.epochs[lane] += 1;
                    self.w.lose(lane, readable);
                }
            }
            Step::Revive(lane) => {
                if self.w.dead[lane] {
                    self.seen[lane] = 0;
                    self.w.revive(lane);
                }
            }
        }
        self.w.check();
    }

    fn adopt(&mut self, child: usize, parent: (usize, Ref), asker: usize) {
        if self.actors.is_empty() || self.w.dead[asker] {
            return;
        }
        let at_most = self.actors.len();
        let actor = &mut self.actors[child % at_most];
        actor.parents.push(parent);
        let target = if actor.lane == asker { actor.who } else { at(actor.lane as u32, actor.who) };
        self.w.isos[asker].adopt(target, parent.1.index);
    }

    /// Whoever lives has one parent: that which it was spawned by, or one that asked for it.
    fn check_tree(&self) {
        let tree = self.w.tree();
        let lives = |a: &&Actor| self.w.isos[a.lane].lane.is_alive(a.who.index, a.who.age);
        for actor in self.actors.iter().filter(lives) {
            let parent = tree.get(&(actor.lane, actor.who));
            assert!(parent.is_some_and(|p| actor.parents.contains(p)), "{:?}: {parent:?}", actor.who);
        }
        assert_eq!(tree.len(), self.actors.iter().filter(lives).count());
    }

    fn settle_one(&mut self, lane: usize, nth: usize, ok: bool) -> bool {
        if self.w.dead[lane] {
            return false;
        }
        self.w.isos[lane].read();
        self.w.isos[lane].turn();
        let iso = &mut self.w.isos[lane];
        let mut hands = iso.all_hands();
        hands.extend(iso.all_streams());
        if hands.is_empty() {
            return false;
        }
        let who = hands[nth % hands.len()];
        if !iso.lane.is_alive(who.index, who.age) {
            return true;
        }
        if iso.in_hand(who) > 0 {
            iso.done(who, ok);
        } else {
            iso.stream_end(who, ok);
        }
        true
    }

    fn settle(&mut self) {
        for round in 0.. {
            self.w.run();
            let settled = [0, 1, 2].map(|lane| self.settle_one(lane, 0, true)); // each of them
            let any = settled.contains(&true);
            let alive = |l: &usize| !self.w.dead[*l];
            if !any && (0..3).filter(alive).all(|l| !self.w.isos[l].lane.is_busy()) {
                return;
            }
            assert!(round < 3_000, "it never comes to rest");
            if !any {
                self.w.advance(1);
            }
        }
    }

    fn end(mut self, revived: bool) {
        self.calm.set(true);
        if revived {
            for lane in 1..3 {
                self.act(&Step::Revive(lane));
            }
            self.settle();
            self.w.advance(100);
            self.settle();
            self.check_tree();
        }
        self.w.isos[0].shutdown(FOREVER);
        self.settle();
        self.note_begun();
        self.w.nothing_left();
        let mut ran = HashSet::new();
        let mut place = HashMap::new();
        for (nth, (_, _, id)) in self.begun.iter().enumerate() {
            assert!(ran.insert(*id), "message {id:#x} ran twice");
            place.insert(*id, nth);
        }
        for (key, ids) in &self.sent {
            let places: Vec<_> = ids.iter().filter_map(|id| place.get(id)).collect();
            assert!(places.is_sorted(), "{key:?}");
        }
        let ledger = self.w.hub.ledger();
        let sent: Vec<u32> = self.sent.values().flatten().copied().collect();
        let pending = sent.iter().filter(|id| self.w.end_of(**id) == "pending").count() as u64;
        if self.losses == 0 {
            let unheard = if self.deaf { ledger.dead() } else { 0 };
            assert_eq!(ledger.sent, sent.len() as u64);
            assert!(pending <= unheard, "{pending} have no end");
        } else {
            assert!(ledger.sent <= sent.len() as u64); // what was not handed over was never sent
            let told = self.w.remains().iter().filter(|(why, _)| *why == dead::ISOLATE_LOST).count() as u64;
            assert!(told <= ledger.dead[dead::ISOLATE_LOST as usize], "a dead letter was told twice");
        }
        for (lane, epoch, id) in &self.calls {
            let how = self.w.settled(*id);
            assert!(
                how != "open" || *epoch != self.epochs[*lane],
                "call {id:#x} of lane {lane} is open: {}",
                self.w.end_of(*id)
            );
        }
    }
}

fn run(ring: usize, bag: usize, deaf: bool, revived: bool, steps: &[Step]) {
    let mut p = Program::new(ring, bag, deaf);
    for step in steps {
        p.act(step);
    }
    p.end(revived);
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(4_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn over_several_lanes_everything_settles_and_nothing_is_left(
        ring in prop_oneof![Just(4_usize), Just(64)],
        bag in prop_oneof![Just(64_usize), Just(512), Just(1 << 16)],
        deaf in any::<bool>(),
        steps in prop::collection::vec(step(false), 1..90),
    ) {
        run(ring, bag, deaf, true, &steps);
    }

    #[test]
    fn whatever_isolate_dies_everything_settles_and_nothing_is_left(
        ring in prop_oneof![Just(4_usize), Just(64)],
        bag in prop_oneof![Just(64_usize), Just(1 << 16)],
        revived in any::<bool>(),
        deaf in any::<bool>(),
        steps in prop::collection::vec(step(true), 1..90),
    ) {
        run(ring, bag, deaf, revived, &steps);
    }
}
