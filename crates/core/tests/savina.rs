//! The Savina programs of bench/savina/native at small sizes: what they count and compute is right on one core thread and on several.
#![allow(clippy::unwrap_used)]

#[path = "../../../bench/savina/native/src/suite/mod.rs"]
#[allow(dead_code)] // the times are for the program
mod suite;

use buskin_core::native::{Actor, AnyRef, Ctx, Handler};
use std::sync::Arc;
use suite::registry::{self, Numbers, Program};
use suite::stage::{Layout, Place};
use suite::{Stage, Wrong};

fn run(stage: &Stage, program: &Program) -> Result<(f64, f64), Wrong> {
    let expected = program.expected.get("small")?;
    let run = stage.run(program, (program.sizes.get("small")?, expected))?;
    Ok((run.messages as f64, run.actors as f64))
}

#[test]
fn all_ten_programs_count_and_compute_what_they_must() {
    let programs = registry::read().unwrap();
    assert_eq!(programs.len(), 10);
    for (threads, layout) in [(1, Layout::Together), (0, Layout::Together), (2, Layout::Dealt), (3, Layout::Dealt)] {
        let stage = Stage::open(threads, layout).unwrap();
        assert!(threads == 0 || stage.threads() == threads);
        for program in &programs {
            // twice, as nothing may be left over for the next run
            for _ in 0..2 {
                let done = run(&stage, program).unwrap();
                let expected = program.expected.get("small").unwrap();
                assert_eq!(
                    done,
                    (expected.real("messages").unwrap(), expected.real("actors").unwrap()),
                    "{}",
                    program.name
                );
            }
        }
    }
}

#[test]
fn a_result_that_is_not_what_it_must_be_fails_the_run_of_every_program() {
    let stage = Stage::open(1, Layout::Together).unwrap();
    for program in registry::read().unwrap() {
        let (sizes, right) = (program.sizes.get("small").unwrap(), program.expected.get("small").unwrap());
        for (name, value) in &right.0 {
            let mut wrong = right.clone();
            wrong.0.insert(name.clone(), value + 1.0);
            let error = stage.run(&program, (sizes, &wrong)).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|e| e.contains("instead of")), "{}, {name}: {error:?}", program.name);
        }
    }
}

#[test]
fn what_an_actor_finds_wrong_fails_the_run() {
    let programs = registry::read().unwrap();
    for threads in [1, 2] {
        for (name, size, wrong, message) in [
            ("create", "theta", 0.0, "create: sin² is 0"), // made by ordinary code
            ("dictionary", "keys", 0.0, "was told None"),  // made by an actor
        ] {
            let stage = Stage::open(threads, Layout::Dealt).unwrap();
            let program = programs.iter().find(|program| program.name == name).unwrap();
            let mut sizes = program.sizes.get("small").unwrap().clone();
            sizes.0.insert(size.to_owned(), wrong);
            let error = stage
                .run(program, (&sizes, program.expected.get("small").unwrap()))
                .err()
                .map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|e| e.contains(message)), "{name}: {error:?}");
        }
    }
}

struct Idler;
struct Hear;

impl Actor for Idler {}
impl Handler<Hear> for Idler {
    type Reply = ();
    fn handle(&mut self, _: Hear, _: &mut Ctx<Self>) {}
}

fn lose_one(place: &Arc<Place>, _: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let idler = place.system.spawn(|| Idler)?;
    idler.stop();
    idler.tell(Hear);
    Ok(vec![idler.any()])
}

fn count_none(place: &Arc<Place>, _: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let idler = place.system.spawn(|| Idler)?;
    idler.tell(Hear);
    idler.drain(None);
    Ok(vec![idler.any()])
}

#[test]
fn messages_that_nobody_handles_or_counts_fail_the_run() {
    for threads in [1, 2] {
        let stage = Stage::open(threads, Layout::Dealt).unwrap();
        let nothing = Numbers([("messages".to_owned(), 0.0), ("actors".to_owned(), 0.0)].into());
        // in this order: a dead letter stays one
        for (start, message) in
            [(count_none as suite::stage::Start, "the receivers 0"), (lose_one, "more than handled")]
        {
            let error = stage.time(start, &Numbers::default(), &nothing, |_| {}).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|e| e.contains(message)), "{error:?}");
        }
    }
}
