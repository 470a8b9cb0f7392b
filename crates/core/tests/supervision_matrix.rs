//! Everything that may befall an actor, under every strategy, option, place and depth, against a model; and the table
//! of it in docs/guide/supervision.md. `UPDATE_DOCS=1 cargo test -p buskin-core --test supervision_matrix` writes it.
mod common;

use buskin_core::entry::{directive, restart};
use common::supervision::{ANY, STRATEGIES, at_rest};
use common::supervision_model::{Befalls, LENIENT, Model, Plan, Twins};

const RESTARTS: [u32; 3] = [restart::TRANSIENT, restart::PERMANENT, restart::TEMPORARY];
const CAUSES: [Befalls; 4] = [Befalls::Throw, Befalls::Quit, Befalls::Stop, Befalls::Kill];
const ANSWERS: [u32; 5] = [0, directive::RESTART, directive::STOP, directive::RESUME, directive::ESCALATE];

/// Four siblings below the root, of which the one at `place` is what it happens to, or supervises it `depth` levels
/// above, where nobody below it may restart anything.
fn check(strategy: f64, restarts: [u32; 2], cause: Befalls, answer: u32, place: usize, depth: usize, bad: u32) {
    let [own, others] = restarts;
    let strict = Plan { strategy, most: 0.0, ..LENIENT };
    let victim = Plan { restart: own, bad: bad..bad + u32::from(bad > 0), ..LENIENT };
    let mut twins = Twins::new(&Plan { strategy, answer: if depth == 0 { answer } else { 0 }, ..LENIENT });
    let mut at = 0;
    for sibling in 0..4 {
        let name = ["a", "b", "c", "d"][sibling];
        let plan = match (sibling == place, depth) {
            (false, _) => Plan { restart: others, ..LENIENT },
            (true, 0) => victim.clone(),
            (true, 1) => Plan { answer, ..strict.clone() },
            (true, _) => strict.clone(),
        };
        let made = twins.spawn(name, 0, &plan);
        at = if sibling == place { made } else { at };
    }
    for level in 1..=depth {
        let last = level == depth;
        let plan = if last { victim.clone() } else { Plan { answer, ..strict.clone() } };
        at = twins.spawn(["x", "y"][level - 1], at, &plan);
    }
    let what = format!("{strategy} {restarts:?} {cause:?} {answer} {place} {depth} {bad}");
    for round in 0..2 {
        let (seen, said) = twins.compare();
        assert_eq!(seen, said, "{what}, round {round}");
        if twins.model.nodes[at].alive {
            twins.befalls(at, cause);
        }
    }
    let (seen, said) = twins.compare();
    assert_eq!(seen, said, "{what}");
    at_rest(&twins.iso);
}

#[test]
fn what_happens_is_what_the_model_says() {
    for strategy in STRATEGIES {
        for own in RESTARTS {
            for others in RESTARTS {
                for cause in CAUSES {
                    for answer in ANSWERS {
                        for place in [0, 1, 3] {
                            for depth in 0..3 {
                                // the start of the first generations throws, or none does
                                for bad in 0..3 {
                                    check(strategy, [own, others], cause, answer, place, depth, bad);
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
fn a_start_that_fails_at_the_spawn_is_judged_like_any() {
    for strategy in STRATEGIES {
        for own in RESTARTS {
            for most in [0.0, 1.0, ANY] {
                for answer in ANSWERS {
                    let mut twins = Twins::new(&Plan { strategy, answer, most, ..LENIENT });
                    twins.spawn("a", 0, &LENIENT);
                    twins.compare();
                    twins.spawn("b", 0, &Plan { restart: own, bad: 0..3, ..LENIENT });
                    let (seen, said) = twins.compare();
                    assert_eq!(seen, said, "{strategy} {own} {most} {answer}");
                    at_rest(&twins.iso);
                }
            }
        }
    }
}

// ------------------------------------------------------------------------------------------------ the table

/// What becomes of the second of three, and of the others, in words.
fn in_words(strategy: f64, restart: u32, cause: Befalls) -> String {
    let mut model = Model::new(Plan { strategy, ..LENIENT });
    for (name, restart) in [("a", restart::TRANSIENT), ("b", restart), ("c", restart::TRANSIENT)] {
        model.spawn(name, 0, Plan { restart, ..LENIENT });
    }
    let before: Vec<_> = model.nodes.iter().map(|n| n.generation).collect();
    model.trace.clear();
    model.befalls(2, cause);
    let again = |at: usize| model.nodes[at].alive && model.nodes[at].generation > before[at];
    let mine = model.trace.iter().find_map(|t| t.strip_prefix("b ended "));
    match (mine, [1, 2, 3].map(again)) {
        (Some(why), [false, false, false]) => format!("ends, `{why}`"),
        (None, [false, true, false]) => "restarts".to_owned(),
        (None, [false, true, true]) => "restarts, with those started after it".to_owned(),
        (None, [true, true, true]) => "restarts, with all its siblings".to_owned(),
        other => panic!("no words for {other:?}"),
    }
}

fn table() -> String {
    let mut lines = vec![
        "| `restart` | what befalls it | one-for-one | one-for-all | rest-for-one |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    for (restart, name) in
        [(restart::TRANSIENT, "transient"), (restart::PERMANENT, "permanent"), (restart::TEMPORARY, "temporary")]
    {
        for (cause, what) in [
            (Befalls::Throw, "a failure, also of its start"),
            (Befalls::Quit, "`ctx.stop()`"),
            (Befalls::Stop, "`ref.stop()`"),
            (Befalls::Kill, "`ref.kill()`"),
        ] {
            let cells = STRATEGIES.map(|strategy| in_words(strategy, restart, cause));
            lines.push(format!("| {name} | {what} | {} |", cells.join(" | ")));
        }
    }
    lines.join("\n")
}

#[test]
fn the_guide_has_the_table_that_the_model_gives() {
    const MARKS: [&str; 2] = ["<!-- table -->", "<!-- /table -->"];
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/supervision.md");
    let text = std::fs::read_to_string(path).unwrap();
    let found = text.split_once(MARKS[0]).and_then(|(before, rest)| Some((before, rest.split_once(MARKS[1])?)));
    let (before, (block, after)) = found.expect("the guide has the markers");
    let expected = format!("\n\n{}\n\n", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, [before, MARKS[0], &expected, MARKS[1], after].concat()).unwrap();
    } else {
        assert_eq!(block.trim(), expected.trim(), "stale: write it with UPDATE_DOCS=1");
    }
}
