//! What ties native actors to each other beside parent and child: watches, and asks with their time-outs and circles.
#![allow(clippy::unwrap_used)]

mod native_common;

use buskin_core::native::{AskError, Builder, Call, Ctx, Options, Ref, Restart};
use native_common::*;
use std::time::Duration;

/// Watcher and watched: on one thread, or on two.
const PLACES: [[usize; 2]; 3] = [[0, 0], [0, 1], [1, 0]];

fn pair(system: &buskin_core::native::System, log: &Log, [at, to]: [usize; 2]) -> [Ref<Probe>; 2] {
    let temporary = Options::new().restart(Restart::Temporary);
    [("w", at), ("t", to)].map(|(name, at)| probe(system, log, name, temporary.clone().on(at)))
}

/// Has the first watch the second.
fn watch(watcher: Ref<Probe>, target: Ref<Probe>) {
    let watches = run(move |_, ctx: &mut Ctx<Probe>| {
        ctx.watch(target, |probe, why, _| probe.log.say(format!("{} sees: {why}", probe.name)));
    });
    watcher.ask(watches).wait().unwrap();
}

#[test]
fn a_watch_tells_once_why_the_watched_ended_also_when_that_was_before() {
    for places in PLACES {
        for (how, expected) in
            [("stop", "stopped"), ("fail", "failed: bang"), ("panic", "failed: panicked: bang"), ("kill", "killed")]
        {
            for early in [true, false] {
                let (system, log) = (manual(2), Log::default());
                let [watcher, target] = pair(&system, &log, places);
                system.idle();
                if early {
                    watch(watcher, target);
                    system.idle();
                }
                log.take();
                match how {
                    "stop" => target.stop(),
                    "kill" => target.kill(),
                    "fail" => target.tell(fail("bang")),
                    _ => target.tell(run(|_, _| panic!("bang"))),
                }
                system.idle();
                if !early {
                    watch(watcher, target);
                    system.idle();
                    // and when others have had its place since
                    for _ in 0..3 {
                        let heir = system.spawn_with(&Options::new().on(places[1]), make("h", &log)).unwrap();
                        heir.stop_and_wait().wait().unwrap();
                    }
                    if how != "stop" {
                        watch(watcher, target);
                        system.idle();
                    }
                }
                let sees = format!("w sees: {expected}");
                let said: Vec<_> = log.take().into_iter().filter(|what| what.starts_with("w sees")).collect();
                let times = if early || how == "stop" { 1 } else { 2 };
                assert_eq!(said, vec![sees; times], "{how} {early} {places:?}");
                settled(&system);
            }
        }
    }
}

#[test]
fn a_watch_is_not_told_of_restarts_or_after_it_was_taken_back_or_when_its_instance_is_over() {
    for places in PLACES {
        let (system, log) = (manual(2), Log::default());
        let target = probe(&system, &log, "t", Options::new().on(places[1]));
        let watchers = ["w", "x", "y"].map(|name| probe(&system, &log, name, Options::new().on(places[0])));
        for watcher in watchers {
            watch(watcher, target);
        }
        watchers[1]
            .ask(run(move |_, ctx| {
                let taken = ctx.watch(target, |_, _, _| panic!("it was taken back"));
                ctx.unwatch(taken);
                ctx.unwatch(taken);
            }))
            .wait()
            .unwrap();
        target.tell(fail("bang"));
        watchers[2].tell(fail("bang"));
        system.idle();
        assert!(log.take().iter().all(|what| !what.contains("sees")));
        target.stop();
        system.idle();
        let mut said: Vec<_> = log.take().into_iter().filter(|what| what.contains("sees")).collect();
        said.sort_unstable();
        assert_eq!(said, ["w sees: stopped", "x sees: stopped"], "{places:?}");
    }
}

#[test]
fn what_an_actor_sent_before_it_ended_is_in_the_mailbox_before_the_news_of_its_end() {
    for places in PLACES {
        for _ in 0..20 {
            let (system, log) = (system(2), Log::default());
            let [watcher, target] = pair(&system, &log, places);
            watcher
                .ask(run(move |_, ctx| {
                    // it handles what is there, and takes nothing that comes later
                    ctx.watch(target, |_, _, ctx| ctx.self_ref().drain(None));
                }))
                .wait()
                .unwrap();
            target.tell(run(move |_, ctx| {
                for n in 0..10 {
                    watcher.tell(note(n));
                }
                ctx.stop();
            }));
            system.idle();
            let said: Vec<_> = log.take().into_iter().filter(|what| what.starts_with("w:")).collect();
            assert_eq!(said.len(), 10, "{places:?}");
            assert!(!watcher.is_alive());
        }
    }
}

#[test]
fn a_ref_of_another_system_leads_there_and_is_nobody_to_watch_or_link() {
    let ([one, two], log) = ([manual(1), manual(1)], Log::default());
    let here = probe(&one, &log, "here", Options::new());
    // the same index and age as somebody here
    let there = probe(&two, &log, "there", Options::new());
    here.ask(run(move |probe, ctx| {
        there.tell(note("hello"));
        ctx.link(there);
        ctx.watch(there, |probe, why, _| probe.log.say(format!("sees: {why}")));
        probe.log.say("went on");
        ctx.forward(there, note("forwarded"));
    }))
    .wait()
    .unwrap();
    one.idle();
    two.idle();
    let mut said = log.take();
    said.sort_unstable();
    let expected =
        ["here starts 0", "sees: ended before", "there starts 0", "there: forwarded", "there: hello", "went on"];
    assert_eq!(said, expected);
    assert!(here.is_alive() && there.is_alive());
}

// ------------------------------------------------------------------------------------------------- asks

#[test]
fn an_ask_that_is_not_answered_in_time_says_so_and_is_handled_all_the_same() {
    for places in PLACES.into_iter().map(Some).chain([None]) {
        let (system, log, gate) = (manual(2), Log::default(), Gate::default());
        let [source, target] = pair(&system, &log, places.unwrap_or([0, 0]));
        let of = gate.clone();
        target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
        let ask = move || {
            let with = |ms: Option<u64>| target.with(Call::new().timeout(ms.map(Duration::from_millis)));
            [with(Some(10)).ask(note(10)), target.ask(note(5_000)), with(None).ask(note("never"))]
        };
        let asks = match places {
            None => ask(),
            Some(_) => source.ask(run(move |_, _| ask())).wait().unwrap(),
        };
        system.advance(ms(9));
        let [first, second, third] = asks.map(|ask| ask.try_take().unwrap_err());
        system.advance(ms(1));
        assert!(matches!(first.try_take().unwrap(), Err(AskError::TimedOut { deadlock: false })), "{places:?}");
        system.advance(ms(4_989));
        let second = second.try_take().unwrap_err();
        system.advance(ms(1));
        assert!(matches!(second.try_take().unwrap(), Err(AskError::TimedOut { .. })));
        system.advance(ms(1_000_000));
        let third = third.try_take().unwrap_err();
        gate.open();
        third.wait().unwrap();
        system.idle();
        assert_eq!(log.take()[2..], ["t: 10", "t: 5000", "t: never"]);
        settled(&system);
    }
}

#[test]
fn the_time_out_of_the_system_holds_where_a_call_does_not_say() {
    quiet_panics();
    for (limit, expected) in [(Some(ms(30)), true), (None, false)] {
        let system = Builder::new().threads(1).manual_clock().ask_timeout(limit).build();
        let (log, gate) = (Log::default(), Gate::default());
        let target = probe(&system, &log, "t", Options::new());
        let of = gate.clone();
        target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
        let ask = target.ask(note(1));
        system.advance(ms(29));
        let ask = ask.try_take().unwrap_err();
        system.advance(ms(if expected { 1 } else { 1_000_000 }));
        assert_eq!(ask.try_take().is_ok(), expected);
        gate.open();
        system.idle();
    }
}

#[test]
fn actors_that_wait_for_each_other_in_a_circle_are_told_so() {
    for [at, to] in PLACES {
        for length in [2, 3] {
            let (system, log) = (manual(2), Log::default());
            let actors: Vec<_> = (0..length)
                .map(|n| {
                    system.spawn_with(&Options::new().on(if n % 2 == 0 { at } else { to }), make("p", &log)).unwrap()
                })
                .collect();
            let (together, told) = (Gate::default(), Gate::default());
            let asks: Vec<_> = (0..length)
                .map(|n| {
                    let (next, together, told) = (actors[(n + 1) % length], together.clone(), told.clone());
                    actors[n].with(Call::new().timeout(None)).ask(later(async move |_: &mut Probe, _: &mut _| {
                        together.pass().await;
                        let note = next.with(Call::new().timeout(Some(ms(100)))).ask(note("late")).await;
                        told.pass().await; // until then the circle is one
                        matches!(note, Err(AskError::TimedOut { deadlock: true }))
                    }))
                })
                .collect();
            system.advance(ms(0));
            together.open();
            system.advance(ms(100));
            told.open();
            let told = asks.into_iter().map(|ask| ask.wait().unwrap()).filter(|told| *told).count();
            assert_eq!(told, length, "{at} {to}");
            // and no circle where there is none
            let [a, b] = [actors[0], actors[1]];
            let gate = Gate::default();
            let of = gate.clone();
            b.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
            let ask = a.with(Call::new().timeout(None)).ask(later(async move |_: &mut Probe, _: &mut _| {
                b.with(Call::new().timeout(Some(ms(100)))).ask(note(1)).await
            }));
            system.advance(ms(100));
            assert!(matches!(ask.wait().unwrap(), Err(AskError::TimedOut { deadlock: false })));
            gate.open();
            system.idle();
        }
    }
}

#[test]
fn a_core_thread_must_not_wait_and_can_go_on_with_ask_then_or_await() {
    for [at, to] in PLACES {
        let (system, log) = (system(2), Log::default());
        let [source, target] = pair(&system, &log, [at, to]);
        let waits = source.ask(run(move |_, _| target.ask(note(1)).wait())).wait().unwrap();
        assert!(matches!(waits, Err(AskError::OnCoreThread)));
        source
            .ask(run(move |_, ctx| {
                let ask = target.ask(run(|_, _| 41));
                ctx.ask_then(ask, move |probe, n, ctx| {
                    probe.count = n.unwrap() + 1;
                    ctx.ask_then(target.ask(fail("bang")), |probe, error, _| {
                        probe.log.say(format!("{}", error.unwrap_err()));
                    });
                });
            }))
            .wait()
            .unwrap();
        system.idle();
        assert_eq!(source.ask(run(|probe, _| probe.count)).wait().unwrap(), 42);
        assert!(log.take().contains(&"the handler failed: bang".to_string()));
        let twice = source.ask(later(async move |_: &mut Probe, _: &mut _| target.ask(note(1)).await));
        assert!(twice.wait().unwrap().is_err(), "it has ended: it was temporary");
    }
}

#[test]
fn what_an_instance_asked_does_not_reach_the_next_one() {
    for [at, to] in PLACES {
        let (system, log, gate) = (manual(2), Log::default(), Gate::default());
        let source = probe(&system, &log, "s", Options::new().on(at));
        let target = probe(&system, &log, "t", Options::new().on(to));
        let of = gate.clone();
        target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
        source.tell(run(move |_, ctx| {
            let ask = target.ask(note(1));
            ctx.ask_then(ask, |_, _, _| panic!("it is over"));
        }));
        system.advance(ms(0));
        source.tell(fail("bang"));
        system.advance(ms(0));
        gate.open();
        system.idle();
        assert!(log.take().contains(&"t: 1".to_string()));
        let stats = settled(&system);
        assert_eq!((stats.failed, stats.restarts), (1, 1));
    }
}
