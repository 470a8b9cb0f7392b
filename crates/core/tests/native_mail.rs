//! Messages: order, one at a time, priorities, limits of time, whom they are from, what becomes of those that nobody handles.
#![allow(clippy::unwrap_used)]

mod native_common;

use buskin_core::native::{Ask, AskError, Call, Lost, Options, Priority, Ref};
use native_common::*;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, mpsc::channel};

/// Where sender and receiver are: on one thread, or on two.
const PLACES: [[usize; 2]; 3] = [[0, 0], [0, 1], [1, 0]];

fn on(thread: usize) -> Options {
    Options::new().on(thread)
}

/// Has the probe sent these to the other.
fn sends(from: Ref<Probe>, send: impl FnOnce(&mut Probe) + Send + 'static) {
    from.ask(run(move |probe, _| send(probe))).wait().unwrap();
}

#[test]
fn what_one_sends_to_one_arrives_in_order_whatever_the_verb() {
    for places in [None, Some([0, 0]), Some([0, 1]), Some([1, 0])] {
        for _ in 0..40 {
            let (system, log) = (system(2), Log::default());
            let [at, to] = places.unwrap_or([0, 0]);
            let target = probe(&system, &log, "t", on(to));
            let send = move || {
                for n in 0..24 {
                    match n % 4 {
                        0 => drop(target.ask(note(n))),
                        1 => drop(target.send(note(n))),
                        2 => target.with(Call::new().ttl(ms(600_000))).tell(note(n)),
                        _ => target.tell(note(n)),
                    }
                }
            };
            if places.is_some() {
                sends(probe(&system, &Log::default(), "s", on(at)), move |_| send());
            } else {
                send();
            }
            system.idle();
            let expected: Vec<String> = (0..24).map(|n| format!("t: {n}")).collect();
            assert_eq!(log.take()[1..], expected, "from {places:?}");
            assert_eq!(settled(&system).handled, 24 + u64::from(places.is_some()));
        }
    }
}

#[test]
fn a_burst_larger_than_any_buffer_arrives_complete_and_in_order() {
    for [at, to] in PLACES {
        let (system, log) = (system(2), Log::default());
        let target = probe(&system, &log, "t", on(to));
        sends(probe(&system, &Log::default(), "s", on(at)), move |_| {
            for n in 0..20_000_u64 {
                target.tell(run(move |probe, ctx| {
                    if probe.count != n {
                        ctx.fail("out of order");
                    }
                    probe.count += 1;
                }));
            }
        });
        assert_eq!(target.ask(run(|probe, _| probe.count)).wait().unwrap(), 20_000);
        assert_eq!(settled(&system).failed, 0);
    }
}

#[test]
fn one_handler_runs_at_a_time_to_its_end_across_its_awaits() {
    let (system, log, gate) = (system(1), Log::default(), Gate::default());
    let target = probe(&system, &log, "t", on(0));
    let other = probe(&system, &log, "o", on(0));
    let of = gate.clone();
    target.tell(later(async move |probe: &mut Probe, _: &mut _| {
        probe.log.say("begins");
        of.pass().await;
        probe.log.say("ends");
    }));
    target.tell(note(1));
    other.ask(note(2)).wait().unwrap();
    let stats = system.stats();
    assert_eq!((stats.running, stats.waiting), (1, 1), "the first is in hand, the second waits");
    gate.open();
    target.ask(note(3)).wait().unwrap();
    let said: Vec<_> = log.take().into_iter().filter(|what| !what.starts_with('o')).collect();
    assert_eq!(said, ["t starts 0", "begins", "ends", "t: 1", "t: 3"]);
}

#[test]
fn waiting_messages_are_handled_by_priority_and_in_order_within_one() {
    for [at, to] in PLACES {
        let (system, log) = (manual(2), Log::default());
        let target = probe(&system, &log, "t", on(to));
        let gate = Gate::default();
        let of = gate.clone();
        target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
        sends(probe(&system, &Log::default(), "s", on(at)), move |_| {
            let with = |priority| target.with(Call::new().priority(priority));
            for n in 0..2 {
                with(Priority::Low).tell(note(format!("low {n}")));
                drop(with(Priority::Normal).ask(note(format!("normal {n}"))));
                drop(with(Priority::High).send(note(format!("high {n}"))));
            }
        });
        gate.open();
        system.idle();
        assert_eq!(log.take()[1..], ["t: high 0", "t: high 1", "t: normal 0", "t: normal 1", "t: low 0", "t: low 1"]);
    }
}

#[test]
fn after_64_of_a_higher_priority_one_of_a_lower_is_handled() {
    let (system, log) = (manual(1), Log::default());
    let target = probe(&system, &log, "t", on(0));
    let (go, held) = hold();
    target.started().wait().unwrap();
    target.tell(held);
    target.with(Call::new().priority(Priority::Low)).tell(note("low"));
    for _ in 0..200 {
        target.with(Call::new().priority(Priority::High)).tell(note("high"));
    }
    go.send(()).unwrap();
    system.idle();
    let said = log.take();
    let low = said.iter().position(|what| what == "t: low").unwrap();
    assert!((60..=66).contains(&low), "at {low}");
}

#[test]
fn a_message_is_not_handled_after_its_time_to_live() {
    for [at, to] in PLACES {
        let (system, log, gate) = (manual(2), Log::default(), Gate::default());
        let dead = dead_letters(&system);
        let target = probe(&system, &log, "t", on(to));
        let of = gate.clone();
        target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
        system.advance(ms(0));
        let asked = probe(&system, &Log::default(), "s", on(at)).ask(run(move |_, _| {
            let with = |ttl| target.with(Call::new().ttl(ms(ttl)).timeout(None));
            with(10).tell(note("late"));
            with(11).tell(note("in time"));
            target.tell(note("without"));
            with(5).ask(note("asked late"))
        }));
        let asked = asked.wait().unwrap();
        system.advance(ms(11));
        gate.open();
        system.idle();
        assert_eq!(log.take()[1..], ["t: in time", "t: without"]);
        assert_eq!(dead.take(), ["Note Expired", "Note Expired"]);
        assert!(matches!(asked.wait(), Err(AskError::Lost(Lost::Expired))));
        assert_eq!(settled(&system).dead[4], 2);
    }
}

#[test]
fn a_time_to_live_of_nothing_is_valid() {
    let (system, log) = (manual(1), Log::default());
    let target = probe(&system, &log, "t", on(0));
    target.with(Call::new().ttl(ms(0))).ask(note(1)).wait().unwrap();
    assert_eq!(log.take(), ["t starts 0", "t: 1"]);
}

#[test]
fn the_sender_is_the_actor_that_sent_it_and_nobody_of_a_plain_thread() {
    for [at, to] in PLACES {
        let (system, log) = (system(2), Log::default());
        let target = probe(&system, &log, "t", on(to));
        let source = probe(&system, &log, "s", on(at));
        let (says, said) = channel();
        let outside = says.clone();
        target.tell(run(move |_, ctx| outside.send(ctx.sender()).unwrap()));
        assert_eq!(next(&said), None);
        let in_future = says.clone();
        source.tell(later(async move |_: &mut Probe, _: &mut _| {
            target.tell(run(move |_, ctx| says.send(ctx.sender()).unwrap()));
            target.ask(note(1)).await.unwrap();
            target.tell(run(move |_, ctx| in_future.send(ctx.sender()).unwrap()));
        }));
        assert_eq!([next(&said), next(&said)], [Some(source.any()); 2], "across awaits");
    }
}

#[test]
fn a_message_that_is_forwarded_keeps_its_sender() {
    for [at, to] in PLACES {
        let (system, log) = (system(2), Log::default());
        let [middle, target] = [("m", to), ("t", at)].map(|(name, at)| probe(&system, &log, name, on(at)));
        // one whose index others had before it: its ref is not the first of that index
        let source = loop {
            let source = system.spawn_with(&on(at), make("s", &log)).unwrap();
            if !format!("{source:?}").ends_with("/0)") {
                break source;
            }
            source.stop_and_wait().wait().unwrap();
        };
        let (says, said) = channel();
        source.tell(run(move |_, _| {
            middle.tell(run(move |_, ctx| {
                let plain = says.clone();
                ctx.forward(target, run(move |_, ctx| says.send(ctx.sender()).unwrap()));
                target.tell(run(move |_, ctx| plain.send(ctx.sender()).unwrap()));
            }));
        }));
        assert_eq!([next(&said), next(&said)], [Some(source.any()), Some(middle.any())]);
        // and the sender can be answered
        let answered = next(&{
            let (says, said) = channel();
            source.tell(run(move |_, _| {
                middle.tell(run(move |_, ctx| {
                    ctx.forward(
                        target,
                        run(move |_, ctx| says.send(ctx.sender().unwrap().downcast::<Probe>()).unwrap()),
                    );
                }));
            }));
            said
        });
        answered.unwrap().ask(note("answer")).wait().unwrap();
        assert!(log.take().contains(&"s: answer".to_string()));
    }
}

#[test]
fn what_is_sent_to_one_that_has_ended_is_a_dead_letter_with_the_reason() {
    for [at, to] in PLACES {
        let (system, log) = (system(2), Log::default());
        let dead = dead_letters(&system);
        let target = probe(&system, &log, "t", on(to));
        target.stop_and_wait().wait().unwrap();
        target.tell(note("outside"));
        assert!(matches!(target.ask(note("outside")).wait(), Err(AskError::Lost(Lost::Stopped))));
        assert!(matches!(target.send(note("outside")).wait(), Err(AskError::Lost(Lost::Stopped))));
        // whoever takes its place does not get its mail
        let heir = probe(&system, &log, "t", on(to));
        let source = probe(&system, &Log::default(), "s", on(at));
        source.ask(run(move |_, _| target.tell(note("inside")))).wait().unwrap();
        system.idle();
        assert_eq!(dead.take(), ["Note Stopped"; 4]);
        assert_eq!(log.take(), ["t starts 0", "t stops: stopped", "t starts 0"]);
        assert_ne!(heir.any(), target.any());
        assert_eq!(settled(&system).dead[1], 4);
    }
}

#[test]
fn when_the_system_has_ended_messages_are_counted_and_told_of_and_asks_answered() {
    let (system, log) = (system(2), Log::default());
    let dead = dead_letters(&system);
    let target = probe(&system, &log, "t", on(1));
    system.shutdown();
    target.tell(note(1));
    target.with(Call::new().priority(Priority::High)).tell(note(1));
    assert!(matches!(target.ask(note(2)).wait(), Err(AskError::Lost(Lost::Stopped))));
    assert!(matches!(target.send(note(3)).wait(), Err(AskError::Lost(Lost::Stopped))));
    assert_eq!(dead.take(), ["Note Stopped"; 4]);
    assert_eq!(settled(&system).dead[1], 4);
    assert!(target.stopped().wait().is_err());
}

#[test]
fn asks_that_race_with_the_end_of_the_system_are_all_answered() {
    for round in 0..30 {
        let (system, log) = (system(2), Log::default());
        let target = probe(&system, &log, "t", on(1));
        let asks = std::thread::scope(|scope| {
            let asks = scope.spawn(|| (0..300).map(|n| target.ask(note(n))).collect::<Vec<_>>());
            for _ in 0..round * 20 {
                std::hint::spin_loop();
            }
            system.shutdown();
            asks.join().unwrap()
        });
        let answered = asks.into_iter().map(Ask::wait).filter(Result::is_ok).count();
        let stats = settled(&system);
        assert_eq!((stats.sent, stats.handled), (300, answered as u64));
    }
}

/// Counts how many are alive.
struct Live(Arc<AtomicU32>);
impl Live {
    fn new(count: &Arc<AtomicU32>) -> Live {
        count.fetch_add(1, SeqCst);
        Live(Arc::clone(count))
    }
}
impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn messages_and_states_that_nobody_handles_are_dropped() {
    let count = Arc::new(AtomicU32::new(0));
    let log = Log::default();
    let system = system(2);
    let [a, b] = [0, 1].map(|at| system.spawn_with(&on(at).capacity(4), make("p", &log)).unwrap());
    for (at, to) in [(0, b), (1, a), (0, a)] {
        let of = Arc::clone(&count);
        system
            .spawn_with(&on(at), make("s", &log))
            .unwrap()
            .ask(run(move |probe, _| {
                probe.kept = Some(Box::new(Live::new(&of)));
                for _ in 0..20 {
                    let live = Live::new(&of);
                    to.tell(run(move |_, _| drop(live)));
                    let live = Live::new(&of);
                    drop(to.ask(later(async move |_: &mut Probe, _: &mut _| {
                        let _live = live;
                        std::future::pending::<()>().await;
                    })));
                }
            }))
            .wait()
            .unwrap();
    }
    a.tell(fail("so that it restarts"));
    b.kill();
    system.shutdown();
    assert_eq!(count.load(SeqCst), 0, "something was neither handled nor dropped");
    settled(&system);
}
