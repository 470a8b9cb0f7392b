//! Random trees whose hooks return at once, against the recursive model: who lives, below whom, in which generation,
//! and in which order instances began and ended.
//!
//! `PROPTEST_CASES=100000 cargo test -p buskin-core --test supervision_model` looks harder.
mod common;

use buskin_core::entry::restart;
use common::supervision::{ANY, at_rest};
use common::supervision_model::{Befalls, LENIENT, Plan, Twins};
use proptest::prelude::*;

/// What happens next; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Spawn(usize, Plan),
    Befalls(usize, Befalls),
    Adopt(usize, usize),
}

fn plan() -> impl Strategy<Value = Plan> {
    let restart =
        prop_oneof![3 => Just(restart::TRANSIENT), 3 => Just(restart::PERMANENT), 1 => Just(restart::TEMPORARY)];
    let most = prop_oneof![2 => Just(ANY), 1 => Just(0.0), 1 => Just(1.0), 2 => Just(3.0)];
    let answer = prop_oneof![6 => Just(0_u32), 4 => 0_u32..6];
    let strategy = (0_u32..3).prop_map(f64::from);
    let bad = prop_oneof![4 => Just(0..0), 1 => Just(0..1), 2 => (1_u32..4, 1_u32..3).prop_map(|(a, n)| a..a + n)];
    (restart, strategy, most, answer, bad).prop_map(|(restart, strategy, most, answer, bad)| Plan {
        restart,
        strategy,
        most,
        answer,
        bad,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let actor = 0_usize..16;
    let what = prop_oneof![
        6 => Just(Befalls::Throw),
        2 => Just(Befalls::Quit),
        1 => Just(Befalls::Stop),
        1 => Just(Befalls::Kill),
    ];
    prop_oneof![
        4 => (actor.clone(), plan()).prop_map(|(parent, plan)| Step::Spawn(parent, plan)),
        6 => (actor.clone(), what).prop_map(|(who, what)| Step::Befalls(who, what)),
        1 => (actor.clone(), actor).prop_map(|(who, parent)| Step::Adopt(who, parent)),
    ]
}

/// What happened to each actor, in order: an escalation ends a child beside its supervisor's other children, and which
/// of them is first is left open.
fn by_actor(trace: &[String]) -> Vec<&str> {
    let mut lines: Vec<_> = trace.iter().map(String::as_str).collect();
    lines.sort_by_key(|t| t.split_once(' ').map_or("", |s| s.0));
    lines
}

fn run(top: &Plan, steps: &[Step]) {
    let mut twins = Twins::new(top);
    for (number, step) in steps.iter().enumerate() {
        let live: Vec<_> = (0..twins.model.nodes.len()).filter(|&n| twins.model.nodes[n].alive).collect();
        let pick = |at: usize| live[at % live.len()];
        match step {
            Step::Spawn(parent, plan) => {
                twins.spawn(&format!("n{number}"), pick(*parent), plan);
            }
            Step::Befalls(who, what) if pick(*who) != 0 => twins.befalls(pick(*who), *what),
            Step::Adopt(who, parent) if pick(*who) != 0 => twins.adopt(pick(*who), pick(*parent)),
            _ => continue,
        }
        let (seen, said) = twins.compare();
        if said.iter().any(|t| t.starts_with("escalated")) {
            assert_eq!(by_actor(&seen), by_actor(&said), "{step:?}");
        } else {
            assert_eq!(seen, said, "{step:?}");
        }
        at_rest(&twins.iso);
    }
    twins.iso.shutdown(common::FOREVER);
    twins.iso.run();
    assert_eq!(twins.iso.lane.ledger.actors, 0);
    at_rest(&twins.iso);
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_model_says_the_same(top in plan(), steps in prop::collection::vec(step(), 1..40)) {
        // the root's own start and restarts are none
        run(&Plan { bad: LENIENT.bad, restart: LENIENT.restart, ..top }, &steps);
    }
}
