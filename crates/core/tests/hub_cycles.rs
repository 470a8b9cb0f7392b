//! Cycles of asks over several lanes: each is told once, by one isolate, its time-outs say so in all of them, and what
//! waits in no circle is never told.
//!
//! `PROPTEST_CASES=100000 cargo test -p buskin-core --test hub_cycles` looks harder.
mod common;

use buskin_core::entry::policy;
use common::cycles::{LATE, SLOW, Town};
use common::hub::{abort, at, worker};
use common::{How, Options, SHARED};
use proptest::prelude::*;

fn rotated(circle: &[usize]) -> Vec<usize> {
    let first = circle.iter().enumerate().min_by_key(|c| c.1).map_or(0, |c| c.0);
    circle.iter().cycle().skip(first).take(circle.len()).copied().collect()
}

const PLACES: [&[usize]; 9] = [
    &[0, 1],
    &[1, 2],
    &[2, 0],
    &[0, 1, 2],
    &[2, 1, 0],
    &[1, 1, 2],
    &[0, 1, 0, 1],
    &[0, 0, 1, 1, 2, 2, 0],
    &[0, 1, 2, 0, 1, 2, 0, 1, 2],
];

#[test]
fn a_cycle_is_told_once_when_it_closes_and_all_its_time_outs_say_so() {
    for places in PLACES {
        for together in [false, true] {
            let mut town = Town::new(places);
            town.begin_all();
            let count = places.len();
            let ids: Vec<_> = (0..count)
                .map(|n| {
                    let id = town.write_ask(n, (n + 1) % count, LATE);
                    if !together {
                        town.w.run();
                        town.look();
                        assert_eq!(town.told.is_empty(), n + 1 < count, "before it closes");
                    }
                    id
                })
                .collect();
            let circles = town.circles();
            assert_eq!(circles.len(), 1, "{places:?}");
            assert_eq!(rotated(&circles[0]), (0..count).collect::<Vec<_>>());
            if !together {
                assert_eq!(circles[0][0], count - 1, "whoever closes it comes first");
            }
            assert_eq!(town.late(&ids), vec![true; count]);
            town.end();
        }
    }
}

#[test]
fn an_ask_that_waits_outside_of_a_cycle_is_late_as_usual() {
    let mut town = Town::new(&[0, 1, 2, 0]);
    town.begin_all();
    let ids = [(0, 1), (1, 2), (2, 1), (3, 0)].map(|(from, to)| {
        let id = town.ask(from, to, LATE);
        town.w.run();
        id
    });
    assert_eq!(town.circles(), [[2, 1]]);
    assert_eq!(town.late(&ids), [false, true, true, false]);
    town.end();
}

#[test]
fn two_cycles_are_told_each_for_itself() {
    let mut town = Town::new(&[0, 1, 1, 2, 2]);
    town.begin_all();
    let ids = [(0, 1), (2, 3), (3, 4), (1, 0), (4, 2)].map(|(from, to)| town.ask(from, to, LATE));
    let mut circles: Vec<_> = town.circles().iter().map(|c| rotated(c)).collect();
    circles.sort();
    assert_eq!(circles, [vec![0, 1], vec![2, 3, 4]]);
    assert_eq!(town.late(&ids), [true; 5]);
    town.end();
}

#[test]
fn the_search_looks_at_every_open_ask() {
    let mut town = Town::new(&[0, 1, 2, 1, 0]);
    town.begin_all();
    for (from, to) in [(0, 1), (0, 2), (0, 3), (3, 4), (3, 2)] {
        town.ask(from, to, LATE); // Promise.all
        town.w.run();
    }
    assert!(town.circles().is_empty());
    town.ask(2, 0, LATE);
    let circles = town.circles();
    assert_eq!(circles.len(), 1, "one ask closes one cycle");
    town.end();
}

#[test]
fn one_pair_that_waits_for_each_other_again_is_told_again() {
    let mut town = Town::new(&[1, 2]);
    for round in 1..4 {
        town.begin_all();
        town.ask(0, 1, 1_000);
        town.ask(1, 0, 1_000);
        assert_eq!(town.circles().len(), round);
        town.w.advance(1);
        for n in [0, 1, 0, 1] {
            town.done(n);
            town.w.run();
        }
        town.look();
    }
    town.end();
}

#[test]
fn a_reply_on_its_way_makes_no_cycle() {
    // b has answered a, and asks c, which waits for a: a will go on
    let mut town = Town::new(&[0, 1, 2]);
    town.begin(0);
    town.begin(2);
    town.w.run();
    town.ask(0, 1, LATE);
    town.w.turn(1);
    town.w.turn(1); // it is in hand
    town.ask(2, 0, LATE);
    town.begin(1);
    town.w.isos[1].turn();
    town.done(1); // and the next message is
    town.w.turn(1);
    town.ask(1, 2, LATE);
    town.look();
    for lane in [2, 1, 2, 1, 2] {
        town.w.turn(lane); // the lane of a comes last
    }
    assert!(town.circles().is_empty());
    town.end();
}

#[test]
fn an_ask_turned_away_during_the_search_makes_no_cycle() {
    // a asks b, that asks c in another lane, whose mailbox drops it; c asks a
    let mut town = Town::new(&[0, 0]);
    let o = Options { capacity: 1, policy: policy::DROP_OLDEST, ..Options::default() };
    town.actors.push((1, town.w.isos[1].spawn("a2", o, worker)));
    town.begin_all();
    town.ask(2, 0, LATE);
    town.ask(0, 1, LATE);
    town.w.run();
    let dropped = town.ask(1, 2, LATE);
    town.w.turn(1); // the search goes to the first lane
    town.begin(2);
    town.w.turn(1); // and behind it, that the ask was dropped
    assert_eq!(town.w.settled(dropped), "open");
    assert!(town.circles().is_empty());
    assert_eq!(town.w.settled(dropped), "dropped");
    town.end();
}

#[test]
fn an_end_on_the_way_of_a_search_makes_no_cycle() {
    for killed in 0..3 {
        for turns in 0..12 {
            let mut town = Town::new(&[0, 1, 2]);
            town.begin_all();
            for n in 0..3 {
                town.ask(n, (n + 1) % 3, LATE);
            }
            for turn in 0..turns {
                town.w.turn(turn % 3);
                town.look();
            }
            let before = town.told.len();
            let (lane, who) = town.actors[killed];
            town.w.isos[lane].kill(who);
            town.w.turn(lane);
            town.look();
            town.w.run();
            town.look();
            for told in &town.told[before..] {
                assert!(town.was_there(told));
            }
            assert_ne!(town.w.settled(town.edges[(killed + 2) % 3].id), "open", "whoever asked it is told");
            town.end();
        }
    }
}

#[test]
fn whoever_does_not_wait_is_in_no_cycle() {
    // a's handler is one of those that overlap
    let mut town = Town::new(&[0, 1]);
    let (lane, a) = town.actors[0];
    town.w.isos[lane].tell_how(a, How { flags: SHARED, ..SLOW });
    town.begin(1);
    town.w.run();
    town.ask(0, 1, LATE);
    town.ask(1, 0, LATE);
    town.edges.clear();
    assert!(town.circles().is_empty());
    town.end();
    // and here it ends without waiting for the reply
    let mut town = Town::new(&[0, 1]);
    town.begin_all();
    town.ask(0, 1, LATE);
    town.done(0);
    town.begin_all();
    town.ask(1, 0, LATE);
    assert!(town.circles().is_empty());
    town.end();
}

#[test]
fn an_ask_that_was_given_up_is_in_no_cycle() {
    let mut town = Town::new(&[0, 1]);
    town.begin_all();
    let id = town.ask(0, 1, LATE);
    town.w.run();
    let (lane, who) = town.actors[1];
    abort(&mut town.w.isos[0], at(lane as u32, who), id);
    town.w.run();
    town.ask(1, 0, LATE);
    assert!(town.circles().is_empty());
    town.end();
}

#[test]
fn an_ask_of_somebody_who_does_not_wait_sends_nothing_more() {
    let mut town = Town::new(&[0, 1, 2]);
    town.begin(0);
    town.begin(1);
    town.w.run();
    town.ask(0, 1, LATE);
    town.w.isos[1].turn();
    let has_mail = |town: &Town, lane: u32| town.w.hub.posts().get(lane).unwrap().remote.has_mail();
    assert!(!has_mail(&town, 0) && !has_mail(&town, 2));
    town.ask(1, 2, LATE);
    town.w.isos[2].turn();
    assert!(!has_mail(&town, 0) && !has_mail(&town, 1));
    town.end();
}

#[test]
fn a_cycle_through_a_lane_whose_isolate_died_is_none() {
    for turns in 0..8 {
        let mut town = Town::new(&[0, 1, 2]);
        town.begin_all();
        for n in 0..3 {
            town.ask(n, (n + 1) % 3, LATE);
        }
        for turn in 0..turns {
            town.w.turn(turn % 3);
            town.look();
        }
        town.w.lose(1, true);
        town.look();
        town.w.run();
        town.look();
        town.w.revive(1);
        town.read[1] = 0;
        town.check(false);
        assert_ne!(town.w.settled(town.edges[0].id), "open");
        town.end();
    }
}

// ----------------------------------------------------------------------------------------------------- random

#[derive(Clone, Debug)]
enum Step {
    Begin(usize),
    Ask(usize, usize, bool),
    Done(usize),
    Kill(usize),
    Turn(usize),
    Advance(u64),
    Lose(usize),
    Revive(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (actor, lane) = (0_usize..7, 0_usize..3);
    prop_oneof![
        8 => actor.clone().prop_map(Step::Begin),
        20 => (actor.clone(), actor.clone(), prop::bool::weighted(0.2)).prop_map(|(a, b, late)| Step::Ask(a, b, late)),
        5 => actor.clone().prop_map(Step::Done),
        1 => actor.prop_map(Step::Kill),
        16 => lane.clone().prop_map(Step::Turn),
        1 => (1_u64..8).prop_map(Step::Advance),
        1 => (1_usize..3).prop_map(Step::Lose),
        1 => (1_usize..3).prop_map(Step::Revive),
    ]
}

fn act(town: &mut Town, step: &Step) {
    match *step {
        Step::Begin(n) => {
            let (lane, who) = town.actors[n];
            if !town.w.dead[lane] && town.w.isos[lane].lane.is_alive(who.index, who.age) {
                town.begin(n);
            }
        }
        Step::Ask(from, to, late) => {
            let lane = town.actors[from].0;
            if town.w.dead[lane] {
                return;
            }
            town.w.isos[lane].read();
            if town.hand(from).is_some() {
                town.look();
                town.ask(from, to, if late { LATE } else { u64::MAX });
            }
        }
        Step::Done(n) => {
            let lane = town.actors[n].0;
            if town.w.dead[lane] {
                return;
            }
            town.w.isos[lane].read();
            if town.hand(n).is_some() {
                town.done(n);
            }
        }
        Step::Kill(n) => {
            let (lane, who) = town.actors[n];
            if !town.w.dead[lane] && town.w.isos[lane].lane.is_alive(who.index, who.age) {
                town.w.isos[lane].kill(who);
            }
        }
        Step::Turn(lane) => town.w.turn(lane),
        Step::Advance(ms) => town.w.advance(ms),
        Step::Lose(lane) => {
            if !town.w.dead[lane] {
                town.look();
                town.w.lose(lane, true);
            }
        }
        Step::Revive(lane) => {
            if town.w.dead[lane] {
                town.w.revive(lane);
                town.read[lane] = 0;
            }
        }
    }
    town.look();
}

fn run(places: &[usize], steps: &[Step]) {
    let mut town = Town::new(places);
    let loses = steps.iter().any(|s| matches!(s, Step::Lose(_)));
    for step in steps {
        act(&mut town, step);
    }
    town.check(!loses);
    town.end();
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_500)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_is_what_the_graph_of_all_lanes_says(
        places in prop::collection::vec(0_usize..3, 7),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        run(&places, &steps);
    }

    #[test]
    fn the_same_without_the_end_of_an_isolate(
        places in prop::collection::vec(0_usize..3, 7),
        steps in prop::collection::vec(step().prop_filter("no end", |s| !matches!(s, Step::Lose(_))), 1..160),
    ) {
        run(&places, &steps);
    }
}
