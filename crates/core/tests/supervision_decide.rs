//! What `decide` answers, and links, which make a failure one of others.
mod common;

use buskin_core::entry::{Entry, directive, restart};
use common::supervision::*;
use common::{FAILED, HANDLED, How, Isolate, profile};
use std::rc::Rc;

fn deciding(strategy: f64, answer: impl Fn(&mut Isolate, &Entry) -> u32 + 'static) -> Isolate {
    let mut numbers = profile(strategy, 2.0, ANY, None);
    numbers[10] = 1.0;
    let mut iso = root(&numbers);
    iso.decider = Some(Rc::new(answer));
    iso
}

#[test]
fn an_answer_of_decide_wins_over_the_options() {
    for restart in [restart::TRANSIENT, restart::PERMANENT, restart::TEMPORARY] {
        for (answer, expected) in [
            (directive::RESTART, Some(1)),
            (directive::STOP, None),
            (directive::RESUME, Some(0)),
            (directive::ESCALATE, None),
            (0, if restart == restart::TEMPORARY { None } else { Some(1) }),
            (9, if restart == restart::TEMPORARY { None } else { Some(1) }),
        ] {
            let mut iso = deciding(ONE, move |_, _| answer);
            let a = iso.spawn("a", under(0, restart), worker);
            iso.run();
            fail(&mut iso, a);
            let id = iso.tell(a);
            iso.run();
            assert_eq!(generation(&iso, a), expected, "{restart} {answer}");
            assert_eq!(iso.end_of(id), if expected.is_some() { HANDLED } else { "stopped" });
            assert_eq!(iso.take().contains(&"escalated to -".to_owned()), answer == directive::ESCALATE);
            at_rest(&iso);
        }
    }
}

#[test]
fn a_resumed_actor_goes_on_with_its_instance_its_hand_and_what_waits() {
    let mut iso = deciding(ONE, |_, _| directive::RESUME);
    let [a, b] = children(&mut iso, ["a", "b"]);
    iso.watch(a, b, 1);
    let shared = How { flags: common::SHARED, ..SLOW };
    let ids = [iso.tell_how(a, shared), iso.tell_how(a, How { tag: 2, ..shared }), iso.tell(a)];
    iso.run();
    assert_eq!(iso.take(), ["a 1", "a 2", "a failed 2", "a will resume"]);
    iso.done(a, true);
    iso.stop(b);
    iso.run();
    assert_eq!(ids.map(|id| iso.end_of(id)), [HANDLED, FAILED, HANDLED]);
    assert_eq!(iso.take(), ["a 3", "b stops normal", "b ended normal", "a watch 1 normal"]);
    assert_eq!(generation(&iso, a), Some(0));
    at_rest(&iso);
}

#[test]
fn whatever_fails_an_actor_that_has_not_started_it_cannot_be_resumed() {
    // its start throws, or what it is linked to ends while it starts
    for linked in [false, true] {
        for before in [false, true] {
            let mut iso = deciding(ONE, |_, _| directive::RESUME);
            let [b] = children(&mut iso, ["b"]);
            let a = iso.spawn("a", CHILD, slow_worker);
            if !before {
                iso.run();
            }
            if linked {
                iso.link(a, b, 1);
                iso.kill(b);
            }
            iso.run();
            for _ in 0..4 {
                if iso.in_hand(a) > 0 {
                    iso.done(a, linked || iso.starts.len() > 2);
                }
                iso.run();
            }
            assert_eq!(generation(&iso, a), Some(if linked && before { 0 } else { 1 }), "{linked} {before}");
            let id = iso.tell(a);
            iso.run();
            assert_eq!(iso.end_of(id), HANDLED, "{linked} {before}");
            at_rest(&iso);
        }
    }
}

#[test]
fn a_stop_or_a_kill_while_decide_is_pending_is_final() {
    for answer in [directive::RESTART, directive::RESUME, directive::STOP, directive::ESCALATE, 0] {
        for kill in [false, true] {
            let mut iso = deciding(ONE, move |iso, e| {
                if kill {
                    iso.kill_at(e.index);
                } else {
                    iso.stop_at(e.index);
                }
                answer
            });
            let [a] = children(&mut iso, ["a"]);
            fail(&mut iso, a);
            let id = iso.tell(a);
            iso.run();
            assert_eq!((generation(&iso, a), iso.end_of(id)), (None, "stopped"), "{answer} {kill}");
            let why = if kill { "killed" } else { "failed" };
            assert_eq!(lives(&iso.take()).last(), Some(&format!("a ended {why}").as_str()));
            at_rest(&iso);
        }
    }
}

// -------------------------------------------------------------------------------------------------- links

#[test]
fn linked_actors_fail_together_whichever_of_them_ends_and_each_restarts_by_its_own_options() {
    for first in [0, 1] {
        for kill in [false, true] {
            let mut iso = root(&at_once(ONE));
            let refs = children(&mut iso, ["a", "b"]);
            iso.link(refs[0], refs[1], 5);
            iso.run();
            if kill {
                iso.kill(refs[first]);
            } else {
                fail(&mut iso, refs[first]);
            }
            let trace = iso.after_run();
            let other = ["b", "a"][first];
            assert!(
                trace.contains(&"unlinked 5".to_owned()) && trace.contains(&format!("{other} failed 7")),
                "{trace:?}"
            );
            assert_eq!(generation(&iso, refs[first]), if kill { None } else { Some(1) });
            assert_eq!(generation(&iso, refs[1 - first]), Some(1));
            iso.take();
            fail(&mut iso, refs[1 - first]);
            iso.run();
            assert!(!iso.take().iter().any(|t| t.ends_with("failed 7")), "the link is over");
            at_rest(&iso);
        }
    }
}

#[test]
fn a_link_is_trapped_by_watching_taken_back_by_unlink_and_not_broken_by_a_normal_end() {
    for case in ["watched", "unlinked", "stopped", "shut down"] {
        let mut iso = root(&at_once(ONE));
        let [a, b] = children(&mut iso, ["a", "b"]);
        iso.link(a, b, 5);
        if case == "watched" {
            iso.watch(a, b, 6);
        }
        iso.run();
        match case {
            "unlinked" => iso.unlink(a, 5),
            "stopped" => iso.stop(b),
            "shut down" => iso.shutdown(common::FOREVER),
            _ => {}
        }
        if matches!(case, "watched" | "unlinked") {
            iso.kill(b);
        }
        let trace = iso.after_run();
        assert!(!trace.iter().any(|t| t.ends_with("failed 7")), "{case}: {trace:?}");
        assert_eq!(generation(&iso, a), if case == "shut down" { None } else { Some(0) });
        assert_eq!(trace.contains(&"a watch 6 killed".to_owned()), case == "watched");
        at_rest(&iso);
    }
}

#[test]
fn a_link_to_the_dead_is_a_failure_at_once() {
    let mut iso = root(&at_once(ONE));
    let [a, b] = children(&mut iso, ["a", "b"]);
    iso.kill(b);
    iso.run();
    iso.take();
    iso.link(a, b, 5);
    let trace = iso.after_run();
    assert_eq!(trace[..2], ["unlinked 5", "a failed 7"]);
    assert_eq!(generation(&iso, a), Some(1));
    at_rest(&iso);
}

#[test]
fn a_link_to_an_actor_between_two_instances_is_one_to_the_next() {
    let mut iso = root(&patient(ONE));
    let [a, b] = children(&mut iso, ["a", "b"]);
    fail(&mut iso, b);
    iso.run(); // b waits for its restart
    iso.take();
    iso.link(a, b, 5);
    assert_eq!(iso.after_run(), [""; 0]);
    iso.advance(100);
    assert_eq!([a, b].map(|x| generation(&iso, x)), [Some(0), Some(1)]);
    fail(&mut iso, b);
    iso.advance(1_000);
    assert_eq!([a, b].map(|x| generation(&iso, x)), [Some(1), Some(2)]);
    at_rest(&iso);
}

#[test]
fn a_link_to_an_actor_that_is_ending_is_one_to_that_end() {
    for (killed, restarts) in [(false, 0), (true, 1)] {
        let mut iso = root(&at_once(ONE));
        let [a] = children(&mut iso, ["a"]);
        let b = iso.spawn("b", CHILD, slow_worker);
        iso.run();
        iso.done(b, true);
        iso.run();
        iso.stop(b);
        iso.run(); // its onStop takes its time
        iso.link(a, b, 5);
        iso.run();
        assert_eq!(generation(&iso, a), Some(0));
        if killed {
            iso.kill(b);
        } else {
            iso.done(b, true);
        }
        iso.run();
        assert_eq!(generation(&iso, a), Some(restarts), "killed: {killed}");
        at_rest(&iso);
    }
}

#[test]
fn a_ring_of_links_fails_once() {
    let mut iso = root(&at_once(ONE));
    let [a, b, c] = children(&mut iso, ["a", "b", "c"]);
    iso.link(a, b, 1);
    iso.link(b, c, 2);
    iso.link(c, a, 3);
    iso.run();
    fail(&mut iso, b);
    iso.run();
    assert_eq!([a, b, c].map(|x| generation(&iso, x)), [Some(1); 3]);
    assert_eq!(iso.lane.ledger.restarts, 3);
    at_rest(&iso);
}
