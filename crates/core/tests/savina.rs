//! The Savina programs of bench/savina/native at small sizes: what they count and compute is right on one core thread and on several.
#![allow(clippy::unwrap_used)]

#[path = "../../../bench/savina/native/src/suite/mod.rs"]
mod suite;

use suite::registry::{self, Program};
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
    for threads in [1, 0, 2, 3] {
        let stage = Stage::open(threads).unwrap();
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
    let stage = Stage::open(1).unwrap();
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
            ("create", "theta", 0.0, "create: sin² is 0"),  // made by ordinary code
            ("dictionary", "keys", 0.0, "divisor of zero"), // made by an actor
        ] {
            let stage = Stage::open(threads).unwrap();
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
