//! Starting, failing, stopping, draining, killing; parents and children; watches; names; indices; the end of it all.
mod common;

use buskin_core::entry::{note, policy, restart};
use common::{ASYNC, BRUTAL, Comes, FAILED, FOREVER, HANDLED, How, Isolate, Options, Ref, SHARED};

const SLOW: How = How { priority: 0, ttl: None, timeout: None, flags: ASYNC, from: 0, tag: 1 };

/// Messages with tag 1 promise, with tag 2 throw; hooks return.
fn worker(_: &mut Isolate, e: &buskin_core::entry::Entry) -> Comes {
    match (e.op(), e.tag()) {
        (note::MSG, 1) => Comes::Promises,
        (note::MSG, 2) => Comes::Throws,
        _ => Comes::Returns,
    }
}

/// Both hooks promise.
fn slow_hooks(_: &mut Isolate, e: &buskin_core::entry::Entry) -> Comes {
    if matches!(e.op(), note::START | note::STOP) { Comes::Promises } else { Comes::Returns }
}

const HOOKED: Options = Options {
    parent: 0,
    capacity: 1 << 20,
    policy: policy::REJECT,
    shutdown: 5_000,
    start: 30_000,
    hook: true,
    restart: restart::TEMPORARY,
    profile: 0,
};

fn ended(trace: &[String]) -> Vec<&str> {
    trace.iter().filter(|t| t.contains(" ended ")).map(String::as_str).collect()
}

#[test]
fn messages_wait_until_the_actor_has_started() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, slow_hooks);
    iso.tell(a);
    assert_eq!(iso.after_run(), ["a starts"]);
    iso.done(a, true);
    assert_eq!(iso.after_run(), ["a started", "a 1"]);
}

#[test]
fn a_start_that_throws_ends_the_actor_and_what_waits() {
    for promised in [false, true] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", Options::default(), move |_, _| if promised { Comes::Promises } else { Comes::Throws });
        let id = iso.tell(a);
        iso.run();
        if promised {
            iso.done(a, false);
        }
        assert_eq!(iso.after_run(), ["a starts", "a failed 1", "dead 1 stopped", "a ended failed"]);
        assert_eq!(iso.end_of(id), "stopped");
        assert!(!iso.is_busy() && !iso.lane.is_alive(a.index, a.age));
    }
}

#[test]
fn a_start_past_its_deadline_fails_and_what_it_does_later_changes_nothing() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options { start: 50, ..Options::default() }, slow_hooks);
    iso.tell(a);
    iso.advance(49);
    assert_eq!(iso.take(), ["a starts"]);
    iso.advance(1);
    assert_eq!(iso.take(), ["a failed 1", "dead 1 stopped", "a ended failed"]);
    assert!(!iso.is_busy());
    iso.all_accounted_for();
}

#[test]
fn a_stop_takes_effect_after_the_message_in_hand_and_overtakes_what_waits() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    let (in_hand, waits) = (iso.tell_how(a, SLOW), iso.tell(a));
    iso.run();
    iso.stop(a);
    iso.run();
    assert_eq!((iso.end_of(in_hand), iso.end_of(waits)), ("pending", "stopped"));
    let late = iso.tell(a);
    iso.take();
    iso.run();
    assert_eq!(iso.end_of(late), "stopped");
    iso.done(a, true);
    iso.take();
    assert_eq!(iso.after_run(), ["a stops normal", "a ended normal"]);
    assert_eq!(iso.end_of(in_hand), HANDLED);
    iso.all_accounted_for();
}

#[test]
fn a_stop_in_mid_way_of_the_inbox_holds_for_what_was_delivered() {
    for by_itself in [false, true] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", HOOKED, move |iso, e| {
            if e.op() == note::MSG && by_itself {
                iso.stop(Ref { index: e.index, age: 0 });
                iso.submit();
            }
            Comes::Returns
        });
        let b = iso.spawn("b", Options::default(), move |iso, e| {
            if e.op() == note::MSG && !by_itself {
                iso.stop(a);
                iso.submit();
            }
            Comes::Returns
        });
        iso.run();
        let first = iso.tell(a);
        iso.tell(b);
        let rest = [iso.tell(a), iso.tell(a)];
        iso.run();
        assert_eq!((iso.end_of(first), rest.map(|id| iso.end_of(id))), (HANDLED, ["stopped"; 2]), "{by_itself}");
        iso.all_accounted_for();
        assert!(!iso.is_busy());
    }
}

#[test]
fn a_stop_written_before_a_tell_of_the_same_handler_holds_for_it() {
    let mut iso = Isolate::with(Default::default(), 2);
    let a = iso.plain("a");
    iso.run();
    iso.stop(a);
    let ids: Vec<_> = (0..5).map(|_| iso.tell(a)).collect();
    iso.run();
    assert!(ids.iter().all(|&id| iso.end_of(id) == "stopped"));
}

#[test]
fn an_actor_that_is_stopped_before_it_was_made_runs_nothing() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    iso.tell(a);
    iso.stop(a);
    assert_eq!(iso.after_run(), ["dead 1 stopped", "a ended normal"]);
    assert!(!iso.is_busy());
}

#[test]
fn an_actor_that_is_stopped_while_it_starts_ends_when_it_has_started() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, slow_hooks);
    iso.run();
    iso.stop(a);
    assert_eq!(iso.after_run(), ["a starts"]);
    iso.done(a, true);
    assert_eq!(iso.after_run(), ["a stops normal"]);
    iso.done(a, true);
    assert_eq!(iso.after_run(), ["a ended normal"]);
}

#[test]
fn a_drain_handles_what_waits_and_takes_nothing_new() {
    for ring in [2, 64] {
        let mut iso = Isolate::with(Default::default(), ring);
        let a = iso.spawn("a", HOOKED, worker);
        iso.tell_how(a, SLOW);
        let waits = [iso.tell(a), iso.tell(a)];
        iso.run();
        iso.drain(a, FOREVER);
        let late = iso.tell(a);
        iso.run();
        assert_eq!(iso.end_of(late), "stopped");
        iso.done(a, true);
        iso.take();
        iso.run();
        assert_eq!(waits.map(|id| iso.end_of(id)), [HANDLED; 2]);
        assert_eq!(iso.take().iter().rev().take(2).collect::<Vec<_>>(), ["a ended normal", "a stops normal"]);
        assert!(!iso.is_busy());
    }
}

#[test]
fn a_drain_lets_in_who_waited_for_room() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options { capacity: 1, policy: policy::WAIT, ..HOOKED }, worker);
    iso.tell_how(a, SLOW);
    iso.run();
    let ids: Vec<_> = (0..4).map(|_| iso.send_how(a, How::default())).collect();
    iso.drain(a, FOREVER);
    iso.run();
    iso.done(a, true);
    iso.run();
    assert!(ids.iter().all(|&id| iso.end_of(id) == HANDLED));
    assert!(!iso.lane.is_alive(a.index, a.age));
}

#[test]
fn a_drain_whose_last_message_expires_ends_all_the_same() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    iso.tell_how(a, SLOW);
    let mortal = iso.tell_how(a, How { ttl: Some(5_000), ..How::default() });
    iso.run();
    iso.drain(a, FOREVER);
    iso.advance(10);
    iso.take();
    iso.done(a, true);
    iso.run();
    assert_eq!(iso.end_of(mortal), "expired");
    assert_eq!(iso.take(), [format!("dead {mortal} expired"), "a stops normal".into(), "a ended normal".into()]);
}

#[test]
fn past_its_deadline_a_drain_is_a_kill() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    let (in_hand, waits) = (iso.ask_how(a, SLOW), iso.tell(a));
    iso.run();
    iso.drain(a, 100);
    iso.advance(99);
    iso.take();
    assert!(iso.lane.is_alive(a.index, a.age));
    iso.advance(1);
    assert_eq!(iso.take(), [format!("dead {waits} stopped"), "a ended killed".into()]);
    assert_eq!(iso.end_of(in_hand), FAILED);
    iso.all_accounted_for();
    assert!(!iso.is_busy() && !iso.holds());
}

#[test]
fn the_deadline_of_a_drain_does_not_reach_beyond_the_drain() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, |_, e| if e.op() == note::STOP { Comes::Promises } else { Comes::Returns });
    iso.run();
    iso.drain(a, 50);
    iso.run();
    iso.take();
    iso.advance(1_000);
    assert_eq!(iso.take(), Vec::<String>::new(), "onStop has the time of a stop");
    iso.done(a, true);
    assert_eq!(iso.after_run(), ["a ended normal"]);
}

#[test]
fn a_drain_while_the_actor_starts_keeps_both_deadlines() {
    for (start, drain, at, reason) in [(50, 100, 50, "failed"), (100, 50, 50, "killed")] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", Options { start, ..Options::default() }, slow_hooks);
        iso.run();
        iso.drain(a, drain);
        iso.advance(at - 1);
        assert!(iso.lane.is_alive(a.index, a.age));
        iso.advance(1);
        assert_eq!(ended(&iso.take()), [format!("a ended {reason}")]);
    }
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), |_, e| {
        if e.tag() == 1 || e.op() == note::START { Comes::Promises } else { Comes::Returns }
    });
    iso.tell_how(a, SLOW);
    iso.run();
    iso.drain(a, 50);
    iso.done(a, true);
    iso.advance(49);
    assert!(iso.lane.is_alive(a.index, a.age));
    iso.advance(1);
    assert!(!iso.lane.is_alive(a.index, a.age), "the drain's deadline outlived the start");
}

#[test]
fn past_its_deadline_a_stop_is_a_kill() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options { shutdown: 100, ..HOOKED }, worker);
    let id = iso.tell_how(a, SLOW);
    iso.run();
    iso.stop(a);
    iso.run();
    iso.take();
    iso.advance(99);
    assert_eq!(iso.take(), Vec::<String>::new());
    iso.advance(1);
    assert_eq!(iso.take(), ["a ended killed"]);
    assert_eq!(iso.end_of(id), FAILED);
    iso.all_accounted_for();
}

#[test]
fn the_hand_and_on_stop_share_one_deadline_and_the_children_have_their_own() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options { shutdown: 100, ..HOOKED }, |_, e| {
        if e.op() == note::STOP || e.tag() == 1 { Comes::Promises } else { Comes::Returns }
    });
    let child = iso.spawn("c", Options { parent: a.index, shutdown: 500, ..HOOKED }, |_, e| {
        if e.op() == note::STOP { Comes::Promises } else { Comes::Returns }
    });
    iso.tell_how(a, SLOW);
    iso.run();
    iso.stop(a);
    iso.advance(60);
    iso.done(a, true); // 40 ms are left for onStop
    iso.advance(300);
    iso.take();
    iso.done(child, true);
    assert_eq!(iso.after_run(), ["c ended shutdown", "a stops normal"]);
    iso.advance(39);
    assert_eq!(iso.take(), Vec::<String>::new());
    iso.advance(1);
    assert_eq!(iso.take(), ["a ended killed"]);
}

#[test]
fn an_infinite_shutdown_waits_and_a_brutal_one_does_not() {
    for (shutdown, trace) in [(FOREVER, vec![]), (BRUTAL, vec!["a ended killed"])] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", Options { shutdown, ..HOOKED }, worker);
        iso.tell_how(a, SLOW);
        iso.run();
        iso.take();
        iso.stop(a);
        iso.advance(1_000_000);
        assert_eq!(iso.take(), trace);
    }
}

#[test]
fn a_kill_ends_everything_below_at_once_and_runs_no_on_stop() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    let b = iso.spawn("b", Options { parent: a.index, ..HOOKED }, worker);
    let c = iso.spawn("c", Options { parent: b.index, ..HOOKED }, worker);
    let d = iso.spawn("d", Options { parent: a.index, ..HOOKED }, worker);
    iso.run();
    let ids = [iso.tell_how(a, SLOW), iso.tell_how(c, SLOW), iso.tell_how(d, How { flags: SHARED, tag: 1, ..SLOW })];
    let waits = iso.tell(c);
    iso.run();
    iso.take();
    iso.kill(a);
    iso.run();
    let trace = iso.take();
    assert_eq!(ended(&trace), ["d ended killed", "c ended killed", "b ended killed", "a ended killed"]);
    assert!(!trace.iter().any(|t| t.contains("stops")));
    assert_eq!((ids.map(|id| iso.end_of(id)), iso.end_of(waits)), ([FAILED; 3], "stopped"));
    iso.all_accounted_for();
    assert!(!iso.is_busy());
}

#[test]
fn an_actor_may_kill_itself() {
    for flags in [0, ASYNC, SHARED] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", HOOKED, |iso, e| {
            if e.op() == note::MSG {
                iso.kill(Ref { index: e.index, age: 0 });
            }
            Comes::Returns
        });
        iso.run();
        let ids = [iso.tell_how(a, How { flags, ..How::default() }), iso.tell(a)];
        iso.run();
        assert_eq!(ids.map(|id| iso.end_of(id)), [FAILED, "stopped"], "{flags}");
        iso.all_accounted_for();
    }
}

#[test]
fn the_first_reason_wins_and_a_kill_cuts_short() {
    type Act = fn(&mut Isolate, Ref);
    let stop: Act = |iso, a| iso.stop(a);
    let kill: Act = |iso, a| iso.kill(a);
    let fail: Act = |iso, a| iso.done(a, false);
    let down: Act = |iso, _| iso.shutdown(FOREVER);
    for (first, second, reason) in [
        (stop, stop, "normal"),
        (stop, down, "normal"),
        (stop, kill, "killed"),
        (stop, fail, "normal"),
        (kill, stop, "killed"),
        (kill, kill, "killed"),
        (fail, stop, "failed"),
        (fail, down, "failed"),
        (down, stop, "shutdown"),
        (down, fail, "shutdown"),
    ] {
        for at_once in [false, true] {
            if at_once && first as usize == down as usize {
                continue; // a shutdown comes to an actor when those started later have ended
            }
            let mut iso = Isolate::new();
            let a = iso.spawn("a", HOOKED, worker);
            iso.tell_how(a, SLOW);
            iso.run();
            first(&mut iso, a);
            if !at_once {
                iso.run();
            }
            if iso.in_hand(a) > 0 || second as usize != fail as usize {
                second(&mut iso, a);
            }
            iso.run();
            if iso.in_hand(a) > 0 {
                iso.done(a, true);
            }
            iso.run();
            assert_eq!(ended(&iso.take()), [format!("a ended {reason}")], "at once: {at_once}");
            iso.all_accounted_for();
            assert!(!iso.is_busy());
        }
    }
}

#[test]
fn a_failure_ends_the_actor_and_is_told_before_the_end() {
    for slow in [false, true] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", HOOKED, worker);
        iso.run();
        iso.take();
        let how = if slow { SLOW } else { How { tag: 2, ..How::default() } };
        let ids = [iso.tell_how(a, how), iso.tell(a)];
        iso.run();
        if slow {
            iso.done(a, false);
        }
        iso.run();
        assert_eq!(
            iso.take(),
            ["a 1", "a failed 2", "dead 2 stopped", "a stops failed", "a ended failed"],
            "onStop runs on the failed instance"
        );
        assert_eq!(ids.map(|id| iso.end_of(id)), [FAILED, "stopped"]);
        iso.all_accounted_for();
    }
}

#[test]
fn a_failure_waits_for_the_concurrent_handlers_beside_it() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    iso.run();
    let shared = How { flags: SHARED, ..SLOW };
    let ids = [iso.tell_how(a, shared), iso.tell_how(a, shared), iso.tell_how(a, How { tag: 2, ..shared })];
    iso.run();
    assert_eq!(ids.map(|id| iso.end_of(id)), ["pending", "pending", FAILED]);
    iso.take();
    iso.done(a, true);
    assert_eq!(iso.after_run(), Vec::<String>::new());
    iso.done(a, false);
    assert_eq!(iso.after_run(), ["a failed 2", "a stops failed", "a ended failed"]);
    iso.all_accounted_for();
}

#[test]
fn on_stop_that_throws_is_reported_and_the_end_goes_on() {
    for slow in [false, true] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", HOOKED, move |_, e| match e.op() {
            note::STOP if slow => Comes::Promises,
            note::STOP => Comes::Throws,
            _ => Comes::Returns,
        });
        iso.run();
        iso.take();
        iso.stop(a);
        iso.run();
        if slow {
            iso.done(a, false);
        }
        iso.run();
        assert_eq!(iso.take(), ["a stops normal", "a failed 5", "a ended normal"]);
    }
}

#[test]
fn children_end_last_started_first_before_their_parents_on_stop() {
    for fails in [false, true] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", HOOKED, worker);
        let b = iso.spawn("b", Options { parent: a.index, ..HOOKED }, slow_hooks);
        let c = iso.spawn("c", Options { parent: a.index, ..HOOKED }, worker);
        let d = iso.spawn("d", Options { parent: b.index, ..HOOKED }, worker);
        iso.run();
        iso.done(b, true);
        iso.run();
        assert_eq!((iso.lane.children(a.index), iso.lane.parent(d.index)), (vec![b.index, c.index], b.index));
        if fails {
            iso.tell_how(a, How { tag: 2, ..How::default() });
        } else {
            iso.stop(a);
        }
        iso.run();
        iso.done(b, true);
        iso.run();
        let why = if fails { "failed" } else { "normal" };
        let trace = iso.take();
        let order: Vec<_> = trace.iter().filter(|t| t.contains("stops") || t.contains("ended")).cloned().collect();
        assert_eq!(
            order,
            [
                "c stops shutdown",
                "c ended shutdown",
                "d stops shutdown",
                "d ended shutdown",
                "b stops shutdown",
                "b ended shutdown",
                &format!("a stops {why}"),
                &format!("a ended {why}"),
            ]
        );
    }
}

#[test]
fn a_child_of_an_ending_parent_never_starts() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    iso.tell_how(a, SLOW);
    iso.run();
    iso.stop(a);
    iso.run();
    iso.take();
    let b = iso.spawn("b", Options { parent: a.index, ..HOOKED }, worker);
    iso.tell(b);
    assert_eq!(iso.after_run(), ["dead 2 stopped", "b ended shutdown"]);
    iso.done(a, true);
    iso.run();
    let c = iso.spawn("c", Options { parent: a.index, ..HOOKED }, worker);
    iso.run();
    assert!(!iso.lane.is_alive(c.index, c.age) && !iso.is_busy());
    iso.all_accounted_for();
}

#[test]
fn a_long_chain_of_children_ends_without_a_deep_stack() {
    let mut iso = Isolate::with(Default::default(), 1024);
    let (mut parent, mut last) = (0, None);
    for _ in 0..20_000 {
        let child = iso.spawn("x", Options { parent, ..Options::default() }, worker);
        last = last.or(Some(child));
        parent = child.index;
    }
    iso.stop(last.unwrap());
    iso.run();
    assert_eq!(iso.lane.ledger.actors, 0);
    assert!(!iso.is_busy());
}

#[test]
fn a_watch_tells_once_and_of_the_dead_at_once() {
    let mut iso = Isolate::new();
    let (a, b) = (iso.plain("a"), iso.plain("b"));
    iso.run();
    iso.take();
    iso.watch(a, b, 1);
    iso.watch(a, b, 2);
    iso.unwatch(a, 2);
    iso.run();
    iso.kill(b);
    assert_eq!(iso.after_run(), ["b ended killed", "a watch 1 killed"]);
    iso.watch(a, b, 3);
    assert_eq!(iso.after_run(), ["a watch 3 unknown"]);
    iso.stop(a);
    assert_eq!(iso.after_run(), ["a ended normal"]);
    assert!(!iso.is_busy());
}

#[test]
fn a_watcher_that_ends_is_not_told() {
    let mut iso = Isolate::new();
    let (a, b) = (iso.spawn("a", HOOKED, slow_hooks), iso.plain("b"));
    iso.run();
    iso.done(a, true);
    iso.watch(a, b, 1);
    iso.run();
    iso.stop(a);
    iso.run(); // a is in onStop
    iso.watch(a, b, 2);
    iso.stop(b);
    iso.run();
    iso.watch(a, b, 3);
    iso.run();
    iso.take();
    iso.done(a, true);
    assert_eq!(iso.after_run(), ["a ended normal"]);
    assert!(!iso.is_busy(), "no signal is left over");
}

#[test]
fn a_watch_of_itself_is_never_told() {
    let mut iso = Isolate::new();
    let a = iso.plain("a");
    iso.watch(a, a, 1);
    iso.run();
    iso.stop(a);
    iso.run();
    assert!(!iso.is_busy() && !iso.take().iter().any(|t| t.contains("watch")));
}

#[test]
fn a_signal_overtakes_messages_and_a_promise_holds_it_up() {
    let mut iso = Isolate::new();
    let (a, b) = (iso.spawn("a", Options::default(), worker), iso.plain("b"));
    iso.watch(a, b, 1);
    iso.tell_how(a, SLOW);
    iso.run();
    iso.tell(a);
    iso.stop(b);
    iso.run();
    iso.take();
    iso.done(a, true);
    assert_eq!(iso.after_run(), ["a watch 1 normal", "a 2"]);
}

#[test]
fn a_signal_whose_callback_promises_holds_the_actor() {
    for ok in [true, false] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", HOOKED, |_, e| if e.op() == note::WATCH { Comes::Promises } else { Comes::Returns });
        let b = iso.plain("b");
        iso.watch(a, b, 1);
        iso.run();
        iso.stop(b);
        iso.tell(a);
        iso.run();
        iso.take();
        iso.tell(a);
        assert_eq!(iso.after_run(), Vec::<String>::new());
        assert!(iso.is_busy());
        iso.done(a, ok);
        iso.run();
        let trace = iso.take();
        if ok {
            assert_eq!(trace, ["a 1", "a 2"]);
        } else {
            let dead = ["a failed 4", "dead 1 stopped", "dead 2 stopped", "a stops failed", "a ended failed"];
            assert_eq!(trace, dead);
        }
        iso.all_accounted_for();
        assert!(!iso.is_busy());
    }
}

#[test]
fn a_name_is_free_when_the_actor_has_ended_and_not_before() {
    let mut iso = Isolate::new();
    iso.lane.class(0, "Worker");
    let (index, _) = iso.lane.grant().unwrap();
    assert!(iso.lane.reserve(0, "x", index).is_ok());
    iso.lane.class(0, "Worker");
    let a = iso.spawn("a", HOOKED, slow_hooks);
    assert!(iso.lane.reserve(0, "y", a.index).is_ok());
    iso.run();
    iso.done(a, true);
    iso.run();
    let other = a.index + 100;
    assert_eq!((iso.lane.find(0, "y"), iso.lane.name(a.index)), (Some((a.index, a.age)), "y".to_owned()));
    assert!(iso.lane.reserve(0, "y", other).is_err());
    assert!(iso.lane.reserve(a.index, "y", other).is_ok(), "another parent");
    iso.stop(a);
    iso.run();
    assert!(iso.lane.reserve(0, "y", other).is_err(), "it stops, and has its name still");
    iso.done(a, true);
    iso.run();
    assert_eq!(iso.lane.find(0, "y"), None);
    assert!(iso.lane.reserve(0, "y", other + 1).is_ok());
}

#[test]
fn an_actor_without_a_name_is_called_after_its_class_and_its_number() {
    let mut iso = Isolate::new();
    iso.lane.class(0, "Worker");
    let a = iso.plain("a");
    iso.run();
    let name = iso.lane.name(a.index);
    assert_eq!(name, format!("Worker-{}", a.index));
    assert_eq!(iso.lane.find(0, &name), Some((a.index, a.age)));
    assert_eq!(iso.lane.find(0, "Worker-77"), None);
    assert_eq!(iso.lane.find(a.index, &name), None);
    assert!(iso.lane.reserve(0, &name, 9).is_err());
}

#[test]
fn an_index_is_used_again_only_after_its_end_was_dispatched() {
    let mut iso = Isolate::new();
    let a = iso.plain("a");
    iso.run();
    iso.stop(a);
    iso.turn(); // ENDED is in the inbox, not read yet
    let b = iso.plain("b");
    assert_ne!(b.index, a.index);
    iso.run();
    let c = iso.plain("c");
    assert_eq!(c, Ref { index: a.index, age: a.age + 1 });
    iso.run();
    let (stale, fresh) = (iso.tell(a), iso.tell(c));
    iso.stop(a);
    iso.kill(a);
    iso.drain(a, 1);
    iso.query(a);
    iso.run();
    assert_eq!((iso.end_of(stale), iso.end_of(fresh)), ("stopped", HANDLED));
    assert!(iso.lane.is_alive(c.index, c.age) && !iso.lane.is_alive(a.index, a.age));
    iso.all_accounted_for();
}

#[test]
fn an_actor_that_ends_while_it_is_ready_gives_its_index_back_once() {
    let mut iso = Isolate::with(Default::default(), 4);
    for _ in 0..50 {
        let refs: Vec<_> = (0..7).map(|_| iso.plain("x")).collect();
        for &r in &refs {
            iso.tell(r);
            iso.tell(r);
        }
        iso.turn();
        iso.read();
        for &r in &refs {
            iso.kill(r);
        }
        iso.run();
        assert_eq!(iso.lane.ledger.actors, 0);
    }
    let mut granted: Vec<_> = (0..30).map(|_| iso.lane.grant().unwrap().0).collect();
    granted.sort_unstable();
    granted.dedup();
    assert_eq!(granted.len(), 30, "no index is granted twice");
    iso.all_accounted_for();
}

#[test]
fn started_is_told_to_who_asked_now_or_later() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), slow_hooks);
    iso.query(a);
    iso.run();
    iso.done(a, true);
    iso.run();
    assert_eq!(iso.take(), ["a starts", "a started"]);
    iso.query(a);
    assert_eq!(iso.after_run(), ["a started"]);
}

#[test]
fn a_shutdown_ends_all_last_started_first_and_then_the_root() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    iso.spawn("b", Options { parent: a.index, ..HOOKED }, worker);
    iso.spawn("c", HOOKED, slow_hooks);
    iso.run();
    iso.take();
    iso.shutdown(FOREVER);
    let id = iso.tell(a);
    iso.run();
    let d = iso.plain("d");
    iso.run();
    assert!(!iso.lane.is_alive(d.index, d.age));
    assert_eq!(iso.end_of(id), HANDLED, "a has not been told to stop yet: c, started last, comes first");
}

#[test]
fn past_its_deadline_a_shutdown_kills_what_is_left() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    let b = iso.spawn("b", HOOKED, worker);
    let ids = [iso.tell_how(a, SLOW), iso.tell_how(b, SLOW)];
    iso.run();
    iso.take();
    iso.shutdown(100);
    iso.advance(99);
    assert_eq!(iso.take(), Vec::<String>::new());
    iso.advance(1);
    assert_eq!(iso.take(), ["b ended killed", "a ended killed", "closed"]);
    assert_eq!(ids.map(|id| iso.end_of(id)), [FAILED; 2]);
    assert!(!iso.is_busy());
    let late = iso.tell(a);
    iso.run();
    assert_eq!(iso.end_of(late), "stopped");
    iso.all_accounted_for();
}

#[test]
fn a_shutdown_without_anything_hanging_needs_no_time() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    iso.spawn("b", Options { parent: a.index, ..HOOKED }, worker);
    iso.run();
    iso.take();
    iso.shutdown(1_000);
    assert_eq!(
        iso.after_run(),
        ["b stops shutdown", "b ended shutdown", "a stops shutdown", "a ended shutdown", "closed",].to_vec()
    );
    assert!(!iso.is_busy() && !iso.holds());
    iso.shutdown(1_000);
    assert_eq!(iso.after_run(), Vec::<String>::new());
}

#[test]
fn the_tree_of_actors_is_told_parents_first() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, worker);
    let b = iso.spawn("b", Options { parent: a.index, ..HOOKED }, worker);
    let c = iso.spawn("c", HOOKED, slow_hooks);
    iso.run();
    iso.tell_how(b, SLOW);
    iso.tell(b);
    iso.tell(c);
    iso.run();
    let seen: Vec<_> = iso.lane.actors().iter().map(|i| (i.index, i.depth, i.state, i.waiting)).collect();
    assert_eq!(seen, [(a.index, 0, 1, 0), (b.index, 1, 4, 1), (c.index, 0, 0, 1)]);
}
