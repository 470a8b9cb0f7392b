//! What befalls an actor whose parent is in another lane: under every strategy, option, place and depth the same happens,
//! in the same order, as if all were in one.
mod common;

use buskin_core::entry::{directive, note, restart};
use buskin_core::lane::Defaults;
use common::hub::{KILL, STOP, World, at, post, spawn_on, stop_there};
use common::supervision::{ANY, CHILD, STRATEGIES, at_most, worker};
use common::supervision_model::{Befalls, LENIENT, Model, Plan};
use common::{Comes, FOREVER, How, Options, Ref};
use std::rc::Rc;

const RESTARTS: [u32; 3] = [restart::TRANSIENT, restart::PERMANENT, restart::TEMPORARY];
const CAUSES: [Befalls; 4] = [Befalls::Throw, Befalls::Quit, Befalls::Stop, Befalls::Kill];
const ANSWERS: [u32; 5] = [0, directive::RESTART, directive::STOP, directive::RESUME, directive::ESCALATE];

/// The model beside some lanes.
struct Twins {
    model: Model,
    w: World,
    /// By node: its lane, and where it is there; its stand-in in its parent's lane.
    refs: Vec<(usize, Ref, Option<Ref>)>,
}

impl Twins {
    fn new(plan: &Plan) -> Self {
        let mut w = World::new(3, 64, 4096, Defaults { escalate: None, ..Defaults::default() });
        for iso in &mut w.isos {
            let profile = iso.lane.profile(&numbers(plan));
            iso.lane.supervise_root(profile);
        }
        Twins { model: Model::new(plan.clone()), w, refs: vec![(0, Ref { index: 0, age: 0 }, None)] }
    }

    fn spawn(&mut self, name: &str, parent: usize, lane: usize, plan: &Plan) -> usize {
        let made = self.model.spawn(name, parent, plan.clone());
        let mut profile = 0;
        for iso in &mut self.w.isos {
            profile = iso.lane.profile(&numbers(plan));
        }
        let (home, above, _) = self.refs[parent];
        let options = Options { parent: above.index, profile, restart: plan.restart, ..CHILD };
        let bad = plan.bad.clone();
        let script = move |iso: &mut common::Isolate, e: &buskin_core::entry::Entry| {
            if e.op() == note::START && bad.contains(&e.payload) { Comes::Throws } else { worker(iso, e) }
        };
        let iso = &mut self.w.isos[home];
        self.refs.push(if lane == home {
            (lane, iso.spawn(name, options, script), None)
        } else {
            let (who, stand_in) = spawn_on(iso, lane as u32, name, options, Rc::new(script));
            (lane, Ref { index: who.index & ((1 << 26) - 1), age: who.age }, Some(stand_in))
        });
        for lane in 0..self.w.isos.len() {
            let mine = |n: &usize| self.refs[*n].0 == lane;
            let answers: Vec<_> = (0..self.refs.len())
                .filter(mine)
                .map(|n| (self.refs[n].1.index, self.model.nodes[n].plan.answer))
                .collect();
            self.w.isos[lane].decider =
                Some(Rc::new(move |_, e| answers.iter().rev().find(|a| a.0 == e.corr).map_or(0, |a| a.1)));
        }
        made
    }

    fn befalls(&mut self, who: usize, what: Befalls) {
        let (lane, me, _) = self.refs[who];
        let from = (lane + 1) % 3;
        let to = at(lane as u32, me);
        match what {
            Befalls::Throw => {
                post(&mut self.w.isos[from], to, How { tag: 2, ..How::default() }, 0, 0);
            }
            Befalls::Quit => self.w.isos[lane].stop_itself(me),
            Befalls::Stop => stop_there(&mut self.w.isos[from], to, STOP),
            Befalls::Kill => stop_there(&mut self.w.isos[from], to, KILL),
        }
        self.model.befalls(who, what);
    }

    fn compare(&mut self) -> (Vec<String>, Vec<String>) {
        let kinds = [" starts", " stops ", " down ", " ended ", "escalated to "];
        self.w.run();
        let mut seen = self.w.take();
        seen.retain(|t| !t.starts_with('~') && kinds.iter().any(|k| t.contains(k)));
        for (node, (lane, who, stand_in)) in self.model.nodes.iter().zip(&self.refs).skip(1) {
            let iso = &self.w.isos[*lane];
            assert_eq!(iso.lane.is_alive(who.index, who.age), node.alive, "{} lives", node.name);
            if let Some(s) = stand_in {
                let home = self.refs[node.parent].0;
                assert_eq!(self.w.isos[home].lane.is_alive(s.index, s.age), node.alive, "stand-in of {}", node.name);
            }
            if node.alive {
                let generation = iso.lane.actors_below(who.index, who.age).first().map(|i| i.generation);
                assert_eq!(generation, Some(node.generation), "{}", node.name);
            }
        }
        assert!(self.w.isos.iter().all(|iso| !iso.is_busy()));
        let mut said = std::mem::take(&mut self.model.trace);
        for trace in [&mut seen, &mut said] {
            trace.sort_by_key(|t| !t.starts_with("escalated"));
        }
        (seen, said)
    }

    fn end(mut self) {
        self.w.isos[0].shutdown(FOREVER);
        self.w.run();
        self.w.nothing_left();
    }
}

fn numbers(plan: &Plan) -> [f64; buskin_core::supervise::PROFILE] {
    let mut numbers = at_most(plan.strategy, plan.most);
    numbers[10] = f64::from(u8::from(plan.answer != 0));
    numbers
}

/// Where the siblings are, and those below the one that it happens to.
const LANES: [([usize; 4], [usize; 2]); 4] =
    [([1, 1, 1, 1], [1, 1]), ([0, 1, 0, 1], [2, 0]), ([1, 0, 2, 1], [0, 1]), ([1, 2, 1, 2], [0, 2])];

#[allow(clippy::too_many_arguments)] // one case of the matrix
fn check(
    strategy: f64,
    restarts: [u32; 2],
    cause: Befalls,
    answer: u32,
    place: usize,
    depth: usize,
    bad: u32,
    lanes: usize,
) {
    let [own, others] = restarts;
    let (siblings, below) = LANES[lanes];
    let strict = Plan { strategy, most: 0.0, ..LENIENT };
    let victim = Plan { restart: own, bad: bad..bad + u32::from(bad > 0), ..LENIENT };
    let mut twins = Twins::new(&Plan { strategy, answer: if depth == 0 { answer } else { 0 }, ..LENIENT });
    let mut here = 0;
    for sibling in 0..4 {
        let name = ["a", "b", "c", "d"][sibling];
        let plan = match (sibling == place, depth) {
            (false, _) => Plan { restart: others, ..LENIENT },
            (true, 0) => victim.clone(),
            (true, 1) => Plan { answer, ..strict.clone() },
            (true, _) => strict.clone(),
        };
        let made = twins.spawn(name, 0, siblings[sibling], &plan);
        here = if sibling == place { made } else { here };
    }
    let what = format!("{strategy} {restarts:?} {cause:?} {answer} {place} {depth} {bad} {lanes}");
    // between lanes the order of starts is that of the lanes, until all have started
    let start = |twins: &mut Twins| {
        let (mut seen, mut said) = twins.compare();
        seen.sort();
        said.sort();
        assert_eq!(seen, said, "{what}");
    };
    start(&mut twins);
    for level in 1..=depth {
        let plan = if level == depth { victim.clone() } else { Plan { answer, ..strict.clone() } };
        here = twins.spawn(["x", "y"][level - 1], here, below[level - 1], &plan);
        start(&mut twins);
    }
    for round in 0..2 {
        if twins.model.nodes[here].alive {
            twins.befalls(here, cause);
        }
        let (seen, said) = twins.compare();
        assert_eq!(seen, said, "{what}, round {round}");
    }
    twins.end();
}

#[test]
fn what_happens_between_lanes_is_what_the_model_says() {
    for strategy in STRATEGIES {
        for own in RESTARTS {
            for others in RESTARTS {
                for cause in CAUSES {
                    for answer in ANSWERS {
                        for (place, depth) in [(0, 0), (1, 0), (3, 0), (1, 1), (3, 1), (0, 2), (1, 2)] {
                            for bad in [0, 2] {
                                for lanes in 0..LANES.len() {
                                    check(strategy, [own, others], cause, answer, place, depth, bad, lanes);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_start_that_fails_elsewhere_is_judged_like_any() {
    for strategy in STRATEGIES {
        for own in RESTARTS {
            for most in [0.0, 1.0, ANY] {
                for answer in ANSWERS {
                    let mut twins = Twins::new(&Plan { strategy, answer, most, ..LENIENT });
                    twins.spawn("a", 0, 2, &LENIENT);
                    twins.compare();
                    twins.spawn("b", 0, 1, &Plan { restart: own, bad: 0..3, ..LENIENT });
                    let (seen, said) = twins.compare();
                    assert_eq!(seen, said, "{strategy} {own} {most} {answer}");
                    twins.end();
                }
            }
        }
    }
}
