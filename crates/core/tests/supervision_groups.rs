//! one-for-all and rest-for-one: who restarts together, in which order, and what may happen in the middle of it.
mod common;

use buskin_core::entry::{again, directive, note, restart};
use common::supervision::*;
use common::{BRUTAL, Comes, FAILED, HANDLED, How, Isolate, Options, Ref, profile};
use std::rc::Rc;

/// Four children with hooks that promise, all started.
fn slow_children(iso: &mut Isolate) -> [Ref; 4] {
    let refs = ["a", "b", "c", "d"].map(|name| iso.spawn(name, CHILD, slow_worker));
    iso.run();
    for who in refs {
        iso.done(who, true);
    }
    iso.run();
    iso.take();
    refs
}

fn settle(iso: &mut Isolate, who: Ref) -> Vec<String> {
    iso.done(who, true);
    iso.after_run()
}

#[test]
fn a_group_stops_last_first_and_starts_first_first_and_who_is_not_of_it_goes_on() {
    for (strategy, members) in [(ONE, &["b"][..]), (ALL, &["a", "b", "c", "d"]), (REST, &["b", "c", "d"])] {
        let mut iso = root(&at_once(strategy));
        let [a, b, c, d] = children(&mut iso, ["a", "b", "c", "d"]);
        fail(&mut iso, b);
        let waits = [a, b, c, d].map(|x| iso.tell(x));
        iso.run();
        let mut expected = vec!["b stops failed".to_owned(), "b down failed".into()];
        for name in members.iter().rev().filter(|n| **n != "b") {
            expected.extend([format!("{name} stops shutdown"), format!("{name} down shutdown")]);
        }
        expected.extend(members.iter().map(|name| format!("{name} starts")));
        assert_eq!(lives(&iso.take()), expected);
        assert_eq!(waits.map(|id| iso.end_of(id)), [HANDLED; 4], "waiting messages are kept");
        let again: Vec<_> = iso.starts[4..].iter().map(|s| (s.0.as_str(), s.1)).collect();
        assert_eq!(again, members.iter().map(|&m| (m, 1)).collect::<Vec<_>>());
        assert!(iso.starts[4..].iter().all(|s| s.2 != again::NORMAL));
        at_rest(&iso);
    }
}

#[test]
fn each_stop_waits_for_the_one_before_it_and_each_start_too() {
    let mut iso = root(&at_once(ALL));
    let [a, b, c, d] = slow_children(&mut iso);
    fail(&mut iso, b);
    iso.run();
    assert_eq!(lives(&iso.take()), ["b stops failed"]);
    assert_eq!(settle(&mut iso, b), ["b down failed", "d stops shutdown"]);
    assert_eq!(settle(&mut iso, d), ["d down shutdown", "c stops shutdown"]);
    assert_eq!(settle(&mut iso, c), ["c down shutdown", "a stops shutdown"]);
    assert_eq!(settle(&mut iso, a), ["a down shutdown", "a starts"]);
    assert_eq!(settle(&mut iso, a), ["a started", "b starts"]);
    assert_eq!(settle(&mut iso, b), ["b started", "c starts"]);
    assert_eq!(settle(&mut iso, c), ["c started", "d starts"]);
    assert_eq!(settle(&mut iso, d), ["d started"]);
    at_rest(&iso);
}

#[test]
fn temporary_siblings_of_a_group_are_stopped_and_gone() {
    let mut iso = root(&at_once(ALL));
    let a = iso.spawn("a", CHILD, worker);
    let b = iso.spawn("b", under(0, restart::TEMPORARY), worker);
    iso.run();
    iso.take();
    fail(&mut iso, a);
    let id = iso.tell(b);
    iso.run();
    let expected = ["a stops failed", "a down failed", "b stops shutdown", "b ended shutdown", "a starts"];
    assert_eq!(lives(&iso.take()), expected);
    assert_eq!((generation(&iso, b), iso.end_of(id)), (None, HANDLED), "what was delivered before its stop is handled");
    at_rest(&iso);
}

#[test]
fn a_temporary_failure_restarts_nobody() {
    for strategy in STRATEGIES {
        let mut iso = root(&at_most(strategy, 0.0));
        let a = iso.spawn("a", under(0, restart::TEMPORARY), worker);
        let b = iso.spawn("b", CHILD, worker);
        iso.run();
        fail(&mut iso, a);
        iso.run();
        assert_eq!((generation(&iso, a), generation(&iso, b)), (None, Some(0)));
        assert!(!iso.take().iter().any(|t| t.starts_with("escalated")), "and counts for nothing");
        at_rest(&iso);
    }
}

#[test]
fn a_permanent_one_that_stops_itself_restarts_its_group_without_a_failure() {
    let mut iso = root(&at_once(ALL));
    let [a] = children(&mut iso, ["a"]);
    let b = iso.spawn("b", under(0, restart::PERMANENT), worker);
    iso.run();
    iso.tell_how(b, QUIT);
    iso.run();
    assert_eq!([a, b].map(|x| generation(&iso, x)), [Some(1); 2]);
    assert!(iso.starts[2..].iter().all(|s| s.2 == again::NORMAL), "{:?}", iso.starts);
    assert!(lives(&iso.take()).contains(&"b stops normal"));
    at_rest(&iso);
}

#[test]
fn a_failure_while_the_group_stops_joins_it_and_is_not_counted() {
    for quits in [false, true] {
        let mut iso = root(&at_most(ALL, 1.0));
        let refs = ["a", "b", "c", "d"].map(|name| iso.spawn(name, under(0, restart::PERMANENT), slow_worker));
        iso.run();
        refs.iter().for_each(|&who| iso.done(who, true));
        iso.run();
        let [a, b, c, d] = refs;
        fail(&mut iso, b);
        iso.run();
        iso.tell_how(c, if quits { QUIT } else { THROW });
        iso.run();
        iso.take();
        iso.done(c, true);
        iso.run();
        settle(&mut iso, b);
        settle(&mut iso, d);
        settle(&mut iso, a);
        for who in refs {
            settle(&mut iso, who);
        }
        let trace = iso.take();
        assert!(!trace.iter().any(|t| t.starts_with("escalated")), "{trace:?}");
        assert_eq!(refs.map(|x| generation(&iso, x)), [Some(1); 4]);
        at_rest(&iso);
    }
}

#[test]
fn failures_of_one_turn_are_one_restart_of_the_group() {
    let mut iso = root(&at_most(ALL, 1.0));
    let refs = children(&mut iso, ["a", "b", "c", "d"]);
    for x in refs {
        fail(&mut iso, x);
    }
    iso.run();
    assert_eq!(refs.map(|x| generation(&iso, x)), [Some(1); 4]);
    at_rest(&iso);
}

#[test]
fn a_failure_while_the_group_starts_begins_it_anew_and_counts() {
    for (most, generations) in [(2.0, Some([2, 2, 1, 1])), (1.0, None)] {
        let mut iso = root(&at_most(ALL, most));
        let a = iso.spawn("a", CHILD, worker);
        let b = iso.spawn("b", CHILD, failing_starts(1..2));
        let (c, d) = (iso.spawn("c", CHILD, worker), iso.spawn("d", CHILD, worker));
        iso.run();
        iso.take();
        fail(&mut iso, c);
        iso.run();
        let trace = iso.take();
        let live = [a, b, c, d].map(|x| generation(&iso, x));
        let Some(expected) = generations else {
            assert!(trace.contains(&"escalated to -".to_owned()));
            assert_eq!(live[1], None);
            at_rest(&iso);
            continue;
        };
        assert_eq!(live, expected.map(Some), "those that had not started are made once");
        let starts: Vec<_> = iso.starts[4..].iter().map(|s| s.0.as_str()).collect();
        assert_eq!(starts, ["a", "b", "a", "b", "c", "d"]);
        at_rest(&iso);
    }
}

#[test]
fn an_older_sibling_that_fails_in_mid_way_restarts_with_those_already_at_it() {
    for waiting in [false, true] {
        let mut iso = root(&if waiting { patient(REST) } else { at_once(REST) });
        let [a, b, c, d] = slow_children(&mut iso);
        fail(&mut iso, c);
        iso.run();
        if waiting {
            settle(&mut iso, c);
            settle(&mut iso, d);
        }
        fail(&mut iso, a);
        for _ in 0..40 {
            iso.run();
            let hands = iso.all_hands();
            hands.iter().for_each(|&who| iso.done(who, true));
            iso.advance(50);
        }
        assert_eq!([a, b, c, d].map(|x| generation(&iso, x)), [Some(1); 4], "waiting: {waiting}");
        assert_eq!(iso.starts[4..].iter().map(|s| s.0.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert!(!iso.holds());
        at_rest(&iso);
    }
}

#[test]
fn a_member_that_was_starting_has_its_turn_to_stop() {
    let mut iso = root(&patient(ALL));
    let a = iso.spawn("a", CHILD, slow_worker);
    iso.run();
    iso.done(a, true);
    iso.run();
    let b = iso.spawn("b", Options { shutdown: 4_000, ..CHILD }, slow_worker); // it has a side record
    iso.run();
    fail(&mut iso, a);
    iso.run();
    iso.take();
    assert_eq!(settle(&mut iso, b), ["b started"], "a still is in onStop");
    assert_eq!(settle(&mut iso, a), ["a down failed", "b stops shutdown"]);
    assert_eq!(settle(&mut iso, b), ["b down shutdown"]);
    iso.advance(99);
    assert_eq!(iso.take(), Vec::<String>::new());
    iso.advance(1);
    assert_eq!(iso.take(), ["a starts"]);
    assert_eq!(settle(&mut iso, a), ["a started", "b starts"]);
    settle(&mut iso, b);
    assert_eq!([a, b].map(|x| generation(&iso, x)), [Some(1); 2]);
    assert!(!iso.holds());
    at_rest(&iso);
}

#[test]
fn a_member_that_is_resumed_while_its_group_stops_is_stopped_all_the_same() {
    let mut numbers = at_once(ALL);
    numbers[10] = 1.0;
    let mut iso = root(&numbers);
    iso.decider = Some(Rc::new(|iso, e| if iso.name(e.index) == "b" { directive::RESUME } else { 0 }));
    let a = iso.spawn("a", CHILD, slow_worker);
    let [b] = children(&mut iso, ["b"]);
    iso.done(a, true);
    iso.run();
    fail(&mut iso, a);
    iso.run();
    iso.take();
    fail(&mut iso, b);
    iso.turn();
    iso.read();
    iso.done(a, true); // when b is asked to stop, its failure is not decided yet
    let id = iso.tell(b);
    let expected = ["a down failed", "b stops shutdown", "b down shutdown", "a starts"];
    iso.run();
    assert_eq!(lives(&iso.take()), expected);
    settle(&mut iso, a);
    assert_eq!([a, b].map(|x| generation(&iso, x)), [Some(1); 2]);
    assert_eq!(iso.end_of(id), HANDLED);
    at_rest(&iso);
}

#[test]
fn a_group_waits_as_one_for_its_backoff() {
    let mut iso = root(&patient(ALL));
    let refs = children(&mut iso, ["a", "b", "c"]);
    fail(&mut iso, refs[1]);
    iso.run();
    let ids = refs.map(|x| iso.tell(x));
    assert!(iso.holds());
    iso.advance(99);
    assert!(ids.iter().all(|&id| iso.end_of(id) == "pending"));
    iso.advance(1);
    assert_eq!(ids.map(|id| iso.end_of(id)), [HANDLED; 3]);
    at_rest(&iso);
}

#[test]
fn a_group_that_waits_for_nobody_any_more_does_not_hold_the_process() {
    let mut iso = root(&patient(ALL));
    let [a, b] = children(&mut iso, ["a", "b"]);
    fail(&mut iso, a);
    iso.run();
    assert!(iso.holds());
    iso.stop(a);
    iso.run();
    assert!(iso.holds(), "b is waited for");
    iso.kill(b);
    iso.run();
    assert!(!iso.holds());
    let [c] = children(&mut iso, ["c"]);
    fail(&mut iso, c);
    iso.advance(100);
    assert_eq!(generation(&iso, c), Some(1), "groups go on as ever");
    at_rest(&iso);
}

#[test]
fn a_member_past_its_deadline_is_given_up_and_the_group_goes_on() {
    for (shutdown, wait) in [(100, 100), (BRUTAL, 0)] {
        let mut iso = root(&at_once(ALL));
        let [a] = children(&mut iso, ["a"]);
        let b = iso.spawn("b", Options { shutdown, ..CHILD }, worker);
        iso.run();
        let id = iso.tell_how(b, SLOW);
        iso.run();
        fail(&mut iso, a);
        let waits = iso.tell(b);
        iso.run();
        if wait > 0 {
            assert_eq!((iso.end_of(id), generation(&iso, b)), ("pending", Some(0)));
        }
        iso.advance(wait);
        assert_eq!((iso.end_of(id), iso.end_of(waits)), (FAILED, HANDLED));
        assert!(iso.take().contains(&"b down killed".to_owned()));
        assert_eq!([a, b].map(|x| generation(&iso, x)), [Some(1); 2]);
        assert_eq!(iso.lane.ledger.failed, 2);
        at_rest(&iso);
    }
}

#[test]
fn stops_kills_and_ends_of_the_supervisor_in_the_middle_of_a_group_are_final() {
    type Act = fn(&mut Isolate, Ref, Ref);
    let acts: [(&str, Act); 6] = [
        ("the supervisor is killed", |iso, top, _| iso.kill(top)),
        ("the supervisor is stopped", |iso, top, _| iso.stop(top)),
        ("the supervisor fails", |iso, top, _| {
            fail(iso, top);
        }),
        ("a member is stopped", |iso, _, b| iso.stop(b)),
        ("a member is killed", |iso, _, b| iso.kill(b)),
        ("the system ends", |iso, _, _| iso.shutdown(common::FOREVER)),
    ];
    for strategy in [ALL, REST] {
        for (what, act) in acts {
            for rounds in 0..16 {
                let mut iso = root(&patient(strategy));
                let top = iso.spawn("top", under(0, restart::TRANSIENT), worker);
                let refs = ["a", "b", "c"].map(|n| iso.spawn(n, under(top.index, restart::TRANSIENT), slow_worker));
                iso.run();
                refs.iter().for_each(|&x| iso.done(x, true));
                iso.run();
                fail(&mut iso, refs[0]);
                for _ in 0..rounds {
                    iso.run();
                    if let Some(&who) = iso.all_hands().first() {
                        iso.done(who, true);
                    } else {
                        iso.advance(50);
                    }
                }
                act(&mut iso, top, refs[1]);
                for _ in 0..30 {
                    iso.run();
                    match iso.all_hands().first() {
                        Some(&who) => iso.done(who, true),
                        None => iso.advance(50),
                    }
                }
                let live = refs.map(|x| generation(&iso, x).is_some());
                let member = what.starts_with("a member");
                assert_eq!(live, [member, false, member], "{what} after {rounds}");
                assert_eq!(generation(&iso, top).is_some(), member || what.ends_with("fails"), "{what}");
                assert!(!iso.holds(), "{what} after {rounds}");
                at_rest(&iso);
            }
        }
    }
}

#[test]
fn a_group_counts_once_towards_the_intensity() {
    let mut iso = root(&profile(ALL, 2.0, ANY, None));
    let refs = children(&mut iso, ["a", "b", "c", "d"]);
    for round in 1..=2 {
        fail(&mut iso, refs[round]);
        iso.run();
        assert_eq!(refs.map(|x| generation(&iso, x)), [Some(round as u32); 4]);
    }
    fail(&mut iso, refs[3]);
    iso.run();
    assert!(iso.take().contains(&"escalated to -".to_owned()));
    at_rest(&iso);
}

#[test]
fn a_start_past_its_deadline_begins_the_group_anew() {
    let mut iso = root(&at_once(ALL));
    let a = iso.spawn("a", CHILD, worker);
    let b = iso.spawn("b", Options { start: 50, ..CHILD }, |iso, e| {
        if e.op() == note::START && e.payload == 1 { Comes::Promises } else { worker(iso, e) }
    });
    iso.run();
    fail(&mut iso, a);
    let id = iso.tell_how(b, How::default());
    iso.advance(49);
    assert_eq!([a, b].map(|x| generation(&iso, x)), [Some(1); 2]);
    iso.advance(1);
    assert_eq!([a, b].map(|x| generation(&iso, x)), [Some(2); 2]);
    assert_eq!(iso.end_of(id), HANDLED);
    at_rest(&iso);
}
