//! Restarts of one actor: what is kept, who comes back, what a stop or a kill does in every state.
mod common;

use buskin_core::entry::{again, note, policy, restart};
use common::supervision::*;
use common::{Comes, FAILED, FOREVER, HANDLED, How, Isolate, Options, Ref};

#[test]
fn a_restart_keeps_the_ref_the_place_and_the_waiting_messages_in_order() {
    let mut iso = root(&at_once(ONE));
    let [a, b, c] = children(&mut iso, ["a", "b", "c"]);
    let failing = iso.tell_how(b, THROW);
    let waits = [iso.tell(b), iso.tell_how(b, How { priority: 2, ..How::default() }), iso.tell(b)];
    iso.run();
    let trace = iso.take();
    assert_eq!(
        trace,
        [
            "b 1",
            "b failed 2",
            "b will restart",
            "b stops failed",
            "b down failed",
            "b starts",
            "b started",
            "b 2",
            "b 4",
            "b 3"
        ]
    );
    assert_eq!((iso.end_of(failing), waits.map(|id| iso.end_of(id))), (FAILED, [HANDLED; 3]));
    assert_eq!(iso.lane.children(0), [a.index, b.index, c.index]);
    assert_eq!([a, b, c].map(|x| generation(&iso, x)), [Some(0), Some(1), Some(0)]);
    assert_eq!(iso.lane.ledger.restarts, 1);
    at_rest(&iso);
}

#[test]
fn the_message_that_failed_is_not_redone_and_counts_as_failed_once() {
    for how in [THROW, SLOW, How { flags: common::SHARED, ..SLOW }] {
        let mut iso = root(&at_once(ONE));
        let [a] = children(&mut iso, ["a"]);
        let id = iso.ask_how(a, how);
        iso.run();
        if how.tag == 1 {
            iso.done(a, false);
            iso.run();
        }
        assert_eq!((iso.end_of(id), iso.begun.len()), (FAILED, 1));
        assert_eq!((iso.lane.ledger.failed, generation(&iso, a)), (1, Some(1)));
        at_rest(&iso);
    }
}

#[test]
fn what_was_delivered_behind_the_failure_waits_for_the_next_instance() {
    let mut iso = root(&at_once(ONE));
    let [a] = children(&mut iso, ["a"]);
    let before = [iso.tell(a), fail(&mut iso, a), iso.tell(a), iso.tell(a)];
    iso.turn();
    assert_eq!(iso.delivered().len(), 4, "all are in one inbox");
    iso.run();
    let late = iso.tell(a);
    iso.run();
    assert_eq!(iso.begun.iter().map(|b| b.1).collect::<Vec<_>>(), [before[0], before[1], before[2], before[3], late]);
    at_rest(&iso);
}

#[test]
fn the_generation_grows_with_every_instance_and_the_start_says_why() {
    let mut iso = root(&at_once(ONE));
    let a = iso.spawn("a", under(0, restart::PERMANENT), worker);
    iso.run();
    for how in [THROW, QUIT, THROW] {
        iso.tell_how(a, how);
        iso.run();
    }
    let name = |generation, why| ("a".to_owned(), generation, why);
    assert_eq!(iso.starts, [name(0, 0), name(1, again::FAILURE), name(2, again::NORMAL), name(3, again::FAILURE)]);
    at_rest(&iso);
}

#[test]
fn children_of_a_restarting_actor_end_before_its_on_stop_last_started_first() {
    let mut iso = root(&at_once(ONE));
    let [a] = children(&mut iso, ["a"]);
    let b = iso.spawn("b", under(a.index, restart::PERMANENT), worker);
    iso.spawn("c", under(b.index, restart::PERMANENT), worker);
    iso.spawn("d", under(a.index, restart::PERMANENT), worker);
    iso.run();
    iso.take();
    fail(&mut iso, a);
    iso.run();
    let trace = iso.take();
    let expected = [
        "d stops shutdown",
        "d ended shutdown",
        "c stops shutdown",
        "c ended shutdown",
        "b stops shutdown",
        "b ended shutdown",
        "a stops failed",
        "a down failed",
        "a starts",
    ];
    assert_eq!(lives(&trace), expected);
    assert_eq!(iso.lane.ledger.actors, 1);
    at_rest(&iso);
}

#[test]
fn the_options_say_who_comes_back() {
    let table = [
        (restart::TRANSIENT, THROW, Some(1)),
        (restart::TRANSIENT, QUIT, None),
        (restart::PERMANENT, THROW, Some(1)),
        (restart::PERMANENT, QUIT, Some(1)),
        (restart::TEMPORARY, THROW, None),
        (restart::TEMPORARY, QUIT, None),
    ];
    for (restart, how, expected) in table {
        let mut iso = root(&at_once(ONE));
        let a = iso.spawn("a", under(0, restart), worker);
        iso.run();
        iso.tell_how(a, how);
        let waits = iso.tell(a);
        iso.run();
        assert_eq!(generation(&iso, a), expected, "{restart} {how:?}");
        assert_eq!(iso.end_of(waits), if expected.is_some() { HANDLED } else { "stopped" });
        let why = if how.tag == 2 { "failed" } else { "normal" };
        let over = if expected.is_some() { "down" } else { "ended" };
        let trace = iso.take();
        assert!(trace.contains(&format!("a stops {why}")) && trace.contains(&format!("a {over} {why}")), "{trace:?}");
        at_rest(&iso);
    }
}

#[test]
fn a_mailbox_may_be_cleared_by_a_restart_and_takes_newcomers_then() {
    let mut iso = root(&patient(ONE));
    let a = iso.spawn("a", under(0, restart::PERMANENT | restart::CLEAR), worker);
    iso.run();
    fail(&mut iso, a);
    let waits = [iso.tell(a), iso.tell(a)];
    iso.run();
    assert_eq!(waits.map(|id| iso.end_of(id)), ["stopped"; 2]);
    let late = iso.tell(a);
    iso.advance(100);
    assert_eq!((iso.end_of(late), generation(&iso, a)), (HANDLED, Some(1)));
    at_rest(&iso);
}

#[test]
fn a_bound_holds_while_an_actor_restarts_and_who_waits_comes_in_afterwards() {
    let mut iso = root(&patient(ONE));
    let a = iso.spawn("a", Options { capacity: 2, policy: policy::WAIT, ..CHILD }, worker);
    iso.run();
    fail(&mut iso, a);
    iso.run();
    let sends: Vec<_> = (0..5).map(|_| iso.send_how(a, How::default())).collect();
    let told = iso.tell(a);
    iso.run();
    assert_eq!(iso.end_of(told), "mailbox-full");
    assert!(sends.iter().all(|&id| iso.end_of(id) == "pending"));
    iso.advance(100);
    assert!(sends.iter().all(|&id| iso.end_of(id) == HANDLED));
    at_rest(&iso);
}

type Act = fn(&mut Isolate, Ref);

#[test]
fn a_stop_or_a_kill_is_final_in_every_state() {
    let stop: Act = |iso, a| iso.stop(a);
    let kill: Act = |iso, a| iso.kill(a);
    let drain: Act = |iso, a| iso.drain(a, 10);
    // what brings the actor into the state; whether onStop was due already
    let states: [(&str, Act); 7] = [
        ("failed in the same turn", |iso, a| {
            fail(iso, a);
        }),
        ("with a message in hand, beside which another failed", |iso, a| {
            iso.tell_how(a, How { flags: common::SHARED, ..SLOW });
            iso.tell_how(a, How { flags: common::SHARED, ..THROW });
            iso.run();
        }),
        ("in onStop of the failed instance", |iso, a| {
            fail(iso, a);
            iso.run();
        }),
        ("in the backoff", |iso, a| {
            fail(iso, a);
            iso.run();
            iso.done(a, true);
            iso.run();
        }),
        ("with a start due", |iso, a| {
            fail(iso, a);
            iso.run();
            iso.done(a, true);
            iso.run();
            iso.set_time(iso.now + 100_000);
            iso.tick();
        }),
        ("in onStart of the next instance", |iso, a| {
            fail(iso, a);
            iso.run();
            iso.done(a, true);
            iso.advance(100);
        }),
        ("running again", |iso, a| {
            fail(iso, a);
            iso.run();
            iso.done(a, true);
            iso.advance(100);
            iso.done(a, true);
            iso.run();
        }),
    ];
    for (state, bring) in states {
        for (what, act) in [("stop", stop), ("kill", kill), ("drain", drain)] {
            let mut iso = root(&patient(ONE));
            let a = iso.spawn("a", CHILD, slow_worker);
            iso.run();
            iso.done(a, true);
            iso.run();
            bring(&mut iso, a);
            act(&mut iso, a);
            let late = iso.tell(a);
            for _ in 0..6 {
                iso.run();
                if iso.in_hand(a) > 0 {
                    iso.done(a, true);
                }
                iso.advance(if what == "drain" { 1 } else { 0 });
            }
            iso.advance(1_000);
            assert!(!iso.lane.is_alive(a.index, a.age), "{what} {state}");
            assert_eq!(iso.end_of(late), "stopped", "{what} {state}");
            assert!(!iso.holds(), "{what} {state}: nothing is waited for");
            let trace = iso.take();
            let ends: Vec<_> = trace.iter().filter(|t| t.contains(" ended ")).collect();
            assert_eq!(ends.len(), 1);
            if what == "kill" {
                assert_eq!(ends, ["a ended killed"], "{state}");
            }
            at_rest(&iso);
        }
    }
}

#[test]
fn a_stop_during_the_backoff_removes_the_actor_at_once_and_the_reason_is_that_of_the_stop() {
    for (act, why) in [(Isolate::stop as fn(&mut Isolate, Ref), "normal"), (Isolate::kill, "killed")] {
        let mut iso = root(&patient(ONE));
        let [a, b] = children(&mut iso, ["a", "b"]);
        assert!(iso.lane.reserve(0, "x", a.index).is_ok());
        iso.watch(b, a, 7);
        fail(&mut iso, a);
        let waits = iso.tell(a);
        iso.run();
        assert!(iso.lane.reserve(0, "x", 99).is_err(), "it has its name still");
        iso.take();
        act(&mut iso, a);
        let trace = iso.after_run();
        assert_eq!(trace, [format!("dead {waits} stopped"), format!("a ended {why}"), format!("b watch 7 {why}")]);
        assert_eq!(iso.end_of(waits), "stopped");
        assert!(iso.lane.reserve(0, "x", b.index).is_ok(), "the name is free");
        assert!(!iso.holds());
        assert_eq!(iso.lane.ledger.actors, 1);
        at_rest(&iso);
    }
}

#[test]
fn a_drain_during_the_backoff_handles_what_waits_and_ends_at_once_when_nothing_does() {
    for waits in [true, false] {
        let mut iso = root(&patient(ONE));
        let [a] = children(&mut iso, ["a"]);
        fail(&mut iso, a);
        let id = if waits { Some(iso.tell(a)) } else { None };
        iso.run();
        iso.drain(a, FOREVER);
        iso.run();
        assert_eq!(iso.lane.is_alive(a.index, a.age), waits);
        iso.advance(100);
        assert!(!iso.lane.is_alive(a.index, a.age));
        assert_eq!(id.map(|id| iso.end_of(id)), id.map(|_| HANDLED));
        assert_eq!(lives(&iso.take()).last(), Some(&"a ended normal"));
        assert!(!iso.holds());
        at_rest(&iso);
    }
}

#[test]
fn a_draining_actor_that_fails_restarts_and_handles_the_rest() {
    let mut iso = root(&at_once(ONE));
    let [a] = children(&mut iso, ["a"]);
    let ids = [fail(&mut iso, a), iso.tell(a)];
    iso.drain(a, FOREVER);
    iso.run();
    assert_eq!(ids.map(|id| iso.end_of(id)), [FAILED, HANDLED]);
    assert_eq!(lives(&iso.take()), ["a stops failed", "a down failed", "a starts", "a stops normal", "a ended normal"]);
    at_rest(&iso);
}

#[test]
fn a_failure_in_on_stop_is_reported_and_the_restart_goes_on() {
    for slow in [false, true] {
        let mut iso = root(&at_once(ONE));
        let a = iso.spawn("a", CHILD, move |iso, e| match e.op() {
            note::STOP if slow => Comes::Promises,
            note::STOP => Comes::Throws,
            _ => worker(iso, e),
        });
        iso.run();
        iso.take();
        fail(&mut iso, a);
        iso.run();
        if slow {
            iso.done(a, false);
        }
        iso.run();
        let trace = iso.take();
        assert_eq!(
            trace[3..],
            ["a stops failed", "a failed 5", "a will restart", "a down failed", "a starts", "a started"],
            "no restart more than one: {trace:?}"
        );
        assert_eq!(iso.lane.ledger.restarts, 1);
        at_rest(&iso);
    }
}

#[test]
fn a_start_that_fails_is_restarted_and_runs_on_stop_of_nothing() {
    let mut iso = root(&at_most(ONE, 5.0));
    let a = iso.spawn("a", CHILD, failing_starts(0..3));
    let id = iso.tell(a);
    iso.query(a);
    iso.run();
    assert_eq!((generation(&iso, a), iso.end_of(id)), (Some(3), HANDLED));
    let trace = iso.take();
    assert_eq!(trace.iter().filter(|t| *t == "a failed 1").count(), 3);
    assert_eq!(trace.iter().filter(|t| *t == "a started").count(), 1);
    at_rest(&iso);
}

#[test]
fn a_late_start_is_given_up_and_what_becomes_of_it_is_not_taken_for_the_next_ones() {
    for ok in [true, false] {
        let mut iso = root(&at_once(ONE));
        let a = iso.spawn("a", Options { start: 50, hook: false, ..CHILD }, slow_worker);
        let id = iso.tell(a);
        iso.run();
        iso.set_time(50_000);
        iso.tick();
        iso.turn(); // the deadline is over; the isolate has not read that yet
        iso.done(a, ok);
        iso.run();
        assert_eq!(lives(&iso.take()), ["a starts", "a down failed", "a starts"]);
        assert_eq!((iso.end_of(id), generation(&iso, a)), ("pending", Some(1)), "the second start still is at it");
        iso.done(a, true);
        iso.run();
        assert_eq!((iso.end_of(id), generation(&iso, a)), (HANDLED, Some(1)));
        at_rest(&iso);
    }
}

#[test]
fn a_hand_that_never_ends_is_given_up_at_the_deadline_and_the_restart_goes_on() {
    let mut iso = root(&at_once(ONE));
    let a = iso.spawn("a", Options { shutdown: 100, ..CHILD }, worker);
    iso.run();
    let shared = How { flags: common::SHARED, ..SLOW };
    let ids =
        [iso.tell_how(a, shared), iso.tell_how(a, shared), iso.tell_how(a, How { tag: 2, ..shared }), iso.tell(a)];
    iso.run();
    iso.take();
    iso.advance(99);
    assert_eq!(iso.take(), Vec::<String>::new());
    iso.advance(1);
    assert_eq!(iso.take(), ["a down killed", "a starts", "a started", "a 4"], "no onStop");
    assert_eq!(ids.map(|id| iso.end_of(id)), [FAILED, FAILED, FAILED, HANDLED]);
    assert_eq!(iso.lane.ledger.failed, 3);
    at_rest(&iso);
}

#[test]
fn what_ends_in_the_turn_of_its_deadline_is_in_time() {
    let mut iso = root(&at_once(ONE));
    let [a] = children(&mut iso, ["a"]);
    iso.tell_how(a, SLOW);
    iso.run();
    iso.stop(a);
    iso.run();
    iso.set_time(5_000_000);
    iso.tick();
    iso.done(a, true);
    assert_eq!(iso.after_run(), ["a 1", "a stops normal", "a ended normal"]);
    at_rest(&iso);
}

#[test]
fn watchers_hear_of_the_final_end_only_and_what_an_instance_watches_ends_with_it() {
    let mut iso = root(&at_once(ONE));
    let [a, b, c] = children(&mut iso, ["a", "b", "c"]);
    iso.watch(b, a, 1);
    iso.watch(a, c, 2);
    iso.timer(a, 3, buskin_core::entry::timer::EVERY, 10_000);
    iso.run();
    fail(&mut iso, a);
    iso.advance(50);
    iso.stop(c);
    iso.run();
    assert!(!iso.take().iter().any(|t| t.contains("watch") || t.contains("timer")));
    assert!(!iso.holds());
    iso.stop(a);
    assert_eq!(iso.after_run(), ["a stops normal", "a ended normal", "b watch 1 normal"]);
    at_rest(&iso);
}

#[test]
fn streams_end_with_the_instance() {
    let mut iso = root(&at_once(ONE));
    let a =
        iso.spawn(
            "a",
            CHILD,
            |iso, e| {
                if e.has(buskin_core::entry::flag::STREAM) { Comes::Streams } else { worker(iso, e) }
            },
        );
    let streams = [iso.stream_how(a, How::default()), iso.stream_how(a, How::default())];
    iso.run();
    assert_eq!(iso.lane.ledger.running, 2);
    fail(&mut iso, a);
    iso.run();
    assert_eq!((streams.map(|id| iso.end_of(id)), iso.lane.ledger.running), ([FAILED; 2], 0));
    assert_eq!(generation(&iso, a), Some(1));
    at_rest(&iso);
}

#[test]
fn a_backoff_holds_the_process_and_keeps_the_lane_busy_for_messages_only() {
    let mut iso = root(&patient(ONE));
    let [a] = children(&mut iso, ["a"]);
    fail(&mut iso, a);
    iso.run();
    assert!(!iso.is_busy() && iso.holds(), "a restart is waited for");
    iso.tell(a);
    iso.run();
    assert!(iso.is_busy(), "a message waits behind it");
    iso.advance(100);
    assert!(!iso.holds());
    at_rest(&iso);
}

#[test]
fn a_child_of_an_actor_between_two_instances_never_starts_whatever_it_asks_for() {
    for strategy in STRATEGIES {
        let mut iso = root(&patient(strategy));
        let [a] = children(&mut iso, ["a"]);
        fail(&mut iso, a);
        iso.run();
        let child = iso.spawn("child", under(a.index, restart::PERMANENT), worker);
        iso.stop_itself(child);
        let id = iso.tell(child);
        iso.run();
        assert_eq!((generation(&iso, child), iso.end_of(id)), (None, "stopped"));
        iso.kill(a);
        iso.run();
        assert!(!iso.holds());
        at_rest(&iso);
    }
}
