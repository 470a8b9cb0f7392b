//! How long a restart waits, how many there may be, and what becomes of a failure that nobody may handle.
mod common;

use buskin_core::entry::restart;
use buskin_core::lane::Defaults;
use common::supervision::*;
use common::{FOREVER, HANDLED, Isolate, Options, Ref, profile};

/// How long it takes `who` to be back after a failure, in ms, to the millisecond.
fn back_after(iso: &mut Isolate, who: Ref) -> u64 {
    let (from, before) = (iso.now, generation(iso, who).unwrap());
    fail(iso, who);
    iso.run();
    while generation(iso, who) == Some(before) || iso.holds() {
        iso.advance(1);
        assert!(iso.now - from < 100_000_000, "it never comes back");
    }
    (iso.now - from) / 1000
}

#[test]
fn each_restart_in_a_row_waits_longer_up_to_the_most_and_health_ends_the_row() {
    let mut iso = root(&patient(ONE));
    let [a, b] = children(&mut iso, ["a", "b"]);
    let waits: Vec<_> = (0..6).map(|_| back_after(&mut iso, a)).collect();
    assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000]);
    iso.advance(4_999);
    assert_eq!(back_after(&mut iso, a), 1_000, "not well for long enough");
    iso.advance(5_000);
    assert_eq!(back_after(&mut iso, a), 100);
    assert_eq!(back_after(&mut iso, b), 100, "a row is one actor's");
    at_rest(&iso);
}

#[test]
fn the_verdict_says_how_long_and_siblings_go_on_meanwhile() {
    let mut iso = root(&patient(ONE));
    let [a, b] = children(&mut iso, ["a", "b"]);
    fail(&mut iso, a);
    iso.run();
    assert!(iso.take().contains(&"a will restart after 100".to_owned()));
    let ids = [iso.tell(a), iso.tell(b)];
    iso.run();
    assert_eq!(ids.map(|id| iso.end_of(id)), ["pending", HANDLED]);
    iso.advance(100);
    assert_eq!(iso.end_of(ids[0]), HANDLED);
    at_rest(&iso);
}

#[test]
fn the_first_restart_may_be_at_once_and_the_second_waits_like_a_second() {
    let backoff = [1.0, 100_000.0, 1_000_000.0, 2.0, 0.0, 5_000_000.0, 1.0];
    let mut iso = root(&profile(ONE, ANY, ANY, Some(backoff)));
    let [a] = children(&mut iso, ["a"]);
    let waits: Vec<_> = (0..3).map(|_| back_after(&mut iso, a)).collect();
    assert_eq!(waits, [0, 200, 400]);
    at_rest(&iso);
}

#[test]
fn jitter_takes_away_no_more_than_its_part() {
    let backoff = [1.0, 100_000.0, 100_000.0, 1.0, 0.5, 5_000_000.0, 0.0];
    let mut iso = root(&profile(ONE, ANY, ANY, Some(backoff)));
    let [a] = children(&mut iso, ["a"]);
    let waits: Vec<_> = (0..40).map(|_| back_after(&mut iso, a)).collect();
    assert!(waits.iter().all(|w| (50..=100).contains(w)), "{waits:?}");
    assert!(waits.iter().max().unwrap() - waits.iter().min().unwrap() > 20, "{waits:?}");
}

#[test]
fn exactly_the_most_are_allowed_and_one_more_escalates() {
    for most in [0_u32, 1, 3] {
        for quits in [false, true] {
            let mut iso = root(&at_once(ONE));
            let numbers = at_most(ONE, f64::from(most));
            let strict = iso.lane.profile(&numbers);
            let top = iso.spawn("top", Options { profile: strict, ..CHILD }, worker);
            let a = iso.spawn("a", under(top.index, restart::PERMANENT), worker);
            iso.run();
            let how = if quits { QUIT } else { THROW };
            for round in 1..=most {
                iso.tell_how(a, how);
                iso.run();
                assert_eq!((generation(&iso, a), generation(&iso, top)), (Some(round), Some(0)));
            }
            iso.take();
            iso.tell_how(a, how);
            iso.run();
            let trace = iso.take();
            let why = if quits { "normal" } else { "failed" };
            assert!(trace.contains(&"escalated to top".to_owned()) && trace.contains(&format!("a ended {why}")));
            assert!(trace.contains(&"top failed 8".to_owned()) && trace.contains(&"top will restart".to_owned()));
            assert_eq!((generation(&iso, a), generation(&iso, top)), (None, Some(1)));
            assert_eq!(lives(&trace)[..2], [format!("a stops {why}"), format!("a ended {why}")], "the child first");
            at_rest(&iso);
        }
    }
}

#[test]
fn the_window_slides_and_a_new_instance_of_the_supervisor_begins_with_none() {
    let mut iso = root(&at_once(ONE));
    let strict = iso.lane.profile(&at_most(ONE, 2.0));
    let top = iso.spawn("top", Options { profile: strict, ..CHILD }, worker);
    let a = iso.spawn("a", under(top.index, restart::TRANSIENT), worker);
    let b = iso.spawn("b", under(top.index, restart::TRANSIENT), worker);
    iso.run();
    for (at, who, alive) in [(0, a, true), (6_000, b, true), (10_001, a, true), (16_001, b, true), (16_002, a, false)] {
        let ms = at - iso.now / 1000;
        iso.advance(ms);
        fail(&mut iso, who);
        iso.run();
        assert_eq!(generation(&iso, who).is_some(), alive, "at {at}");
    }
    assert_eq!(generation(&iso, top), Some(1));
    let c = iso.spawn("c", under(top.index, restart::TRANSIENT), worker);
    iso.run();
    for round in 1..=2 {
        fail(&mut iso, c);
        iso.run();
        assert_eq!(generation(&iso, c), Some(round));
    }
    at_rest(&iso);
}

#[test]
fn an_infinite_number_of_restarts_is_one() {
    for within in [0.0, ANY] {
        let mut iso = root(&profile(ONE, ANY, within, None));
        let [a] = children(&mut iso, ["a"]);
        for _ in 0..2_000 {
            fail(&mut iso, a);
        }
        iso.run();
        assert_eq!((generation(&iso, a), iso.lane.ledger.restarts), (Some(2_000), 2_000));
        at_rest(&iso);
    }
}

#[test]
fn an_escalation_goes_up_until_somebody_may_handle_it() {
    for depth in 1..4_usize {
        let mut iso = root(&at_once(ONE));
        let none = iso.lane.profile(&at_most(ONE, 0.0));
        let top = iso.spawn("top", CHILD, worker);
        let mut chain = vec![top];
        for at in 0..depth {
            // the top one is lenient, those below allow nothing
            let parent = chain[at].index;
            let options = Options { profile: none, ..under(parent, restart::TRANSIENT) };
            chain.push(iso.spawn(["x", "y", "z"][at], options, worker));
        }
        iso.run();
        let last = chain[depth];
        iso.take();
        fail(&mut iso, last);
        iso.run();
        let trace = iso.take();
        assert_eq!(trace.iter().filter(|t| t.starts_with("escalated")).count(), depth - 1);
        assert_eq!(generation(&iso, top), Some(0));
        assert_eq!(generation(&iso, chain[1]), Some(1), "the one below the lenient one restarts");
        assert!(chain[2..].iter().all(|&x| generation(&iso, x).is_none()));
        at_rest(&iso);
    }
}

#[test]
fn a_failure_that_reaches_the_root_ends_the_system_or_is_only_reported() {
    for escalate in [Some(1_000), Some(FOREVER), None] {
        for quits in [false, true] {
            let mut iso = root_with(&at_most(ONE, 0.0), Defaults { escalate, ..Defaults::default() });
            let a = iso.spawn("a", under(0, restart::PERMANENT), worker);
            let [b] = children(&mut iso, ["b"]);
            iso.tell_how(a, if quits { QUIT } else { THROW });
            iso.run();
            let trace = iso.take();
            assert!(trace.contains(&"escalated to -".to_owned()), "{trace:?}");
            assert_eq!(trace.contains(&"closed".to_owned()), escalate.is_some());
            assert_eq!(generation(&iso, a), None);
            assert_eq!(generation(&iso, b), if escalate.is_some() { None } else { Some(0) });
            at_rest(&iso);
        }
    }
}

#[test]
fn a_system_that_ends_by_a_failure_has_its_time_for_it() {
    let mut iso = root_with(&at_most(ONE, 0.0), Defaults { escalate: Some(70), ..Defaults::default() });
    let [a, b] = children(&mut iso, ["a", "b"]);
    iso.tell_how(b, SLOW);
    fail(&mut iso, a);
    iso.advance(69);
    assert!(generation(&iso, b).is_some());
    iso.advance(1);
    assert!(iso.take().contains(&"closed".to_owned()));
    at_rest(&iso);
}

#[test]
fn a_supervisor_that_decides_for_itself_may_resume_in_spite_of_an_escalation() {
    let mut numbers = at_once(ONE);
    numbers[10] = 1.0;
    let mut iso = root(&numbers);
    iso.decider = Some(std::rc::Rc::new(|_, _| buskin_core::entry::directive::RESUME));
    let none = iso.lane.profile(&at_most(ALL, 0.0));
    let top = iso.spawn("top", Options { profile: none, ..CHILD }, worker);
    let a = iso.spawn("a", under(top.index, restart::TRANSIENT), worker);
    let b = iso.spawn("b", under(top.index, restart::TRANSIENT), worker);
    iso.run();
    fail(&mut iso, a);
    let id = iso.tell(top);
    iso.run();
    assert_eq!([a, b, top].map(|x| generation(&iso, x)), [None, Some(0), Some(0)]);
    assert_eq!(iso.end_of(id), HANDLED);
    at_rest(&iso);
}

#[test]
fn a_shutdown_at_any_moment_of_a_restart_ends_all() {
    for numbers in [patient(ONE), patient(ALL), at_once(REST)] {
        for rounds in 0..14 {
            let mut iso = root(&numbers);
            let a = iso.spawn("a", CHILD, slow_worker);
            let b = iso.spawn("b", CHILD, slow_worker);
            iso.run();
            iso.done(a, true);
            iso.done(b, true);
            iso.run();
            fail(&mut iso, a);
            iso.tell(a);
            for _ in 0..rounds {
                iso.run();
                match iso.all_hands().first() {
                    Some(&who) => iso.done(who, true),
                    None => iso.advance(50),
                }
            }
            iso.shutdown(FOREVER);
            for _ in 0..10 {
                iso.run();
                if let Some(&who) = iso.all_hands().first() {
                    iso.done(who, true);
                }
            }
            assert_eq!(iso.take().last().map(String::as_str), Some("closed"), "{numbers:?} {rounds}");
            assert_eq!((iso.lane.ledger.actors, iso.holds()), (0, false));
            at_rest(&iso);
        }
    }
}
