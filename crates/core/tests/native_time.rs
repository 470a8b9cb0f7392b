//! Timers of native actors.
#![allow(clippy::unwrap_used)]

mod native_common;

use buskin_core::native::{Ctx, Options};
use native_common::*;
use std::sync::Arc;

#[test]
fn a_timer_runs_once_at_its_time_and_not_before() {
    let (system, log) = (manual(1), Log::default());
    let target = probe(&system, &log, "t", Options::new());
    target.tell(run(|_, ctx| {
        for delay in [20, 0, 10] {
            ctx.after(ms(delay), move |probe, _| probe.log.say(format!("{delay}")));
        }
    }));
    system.advance(ms(0));
    assert_eq!(log.take(), ["t starts 0", "0"]);
    system.advance(ms(9));
    assert_eq!(log.take(), [""; 0]);
    system.advance(ms(1));
    assert_eq!(log.take(), ["10"]);
    system.advance(ms(1_000));
    assert_eq!(log.take(), ["20"]);
    assert_eq!(settled(&system).sent, 1, "timers are no messages");
}

#[test]
fn every_counts_from_when_it_was_due_and_what_is_missed_is_made_up_for_by_one_run() {
    let (system, log, gate) = (manual(1), Log::default(), Gate::default());
    let target = probe(&system, &log, "t", Options::new());
    target.tell(run(|_, ctx| {
        ctx.every(ms(10), |probe, _| probe.count += 1);
    }));
    system.advance(ms(100));
    let count = || target.ask(run(|probe, _| probe.count)).wait().unwrap();
    assert_eq!(count(), 10);
    let of = gate.clone();
    target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
    system.advance(ms(55));
    gate.open();
    system.idle();
    assert_eq!(count(), 11, "five are one");
    system.advance(ms(4));
    assert_eq!(count(), 11);
    system.advance(ms(1));
    assert_eq!(count(), 12, "the rhythm is what it was");
}

#[test]
fn every_from_end_pauses_after_each_run() {
    let (system, log, gate) = (manual(1), Log::default(), Gate::default());
    let target = probe(&system, &log, "t", Options::new());
    target.tell(run(|_, ctx| {
        ctx.every_from_end(ms(10), |probe, _| probe.count += 1);
    }));
    system.advance(ms(30));
    let count = || target.ask(run(|probe, _| probe.count)).wait().unwrap();
    assert_eq!(count(), 3);
    let of = gate.clone();
    target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
    system.advance(ms(15));
    gate.open();
    system.idle();
    assert_eq!(count(), 4, "the one that was due while it was busy");
    system.advance(ms(9));
    assert_eq!(count(), 4, "the pause begins when it has run");
    system.advance(ms(1));
    assert_eq!(count(), 5);
}

#[test]
fn a_timer_that_was_cancelled_does_not_run_and_says_whether_it_was_to_come() {
    let (system, log) = (manual(1), Log::default());
    let live = Arc::new(());
    let held = Arc::clone(&live);
    let [target, other] = ["t", "o"].map(|name| probe(&system, &log, name, Options::new()));
    let ids = target.ask(run(move |_, ctx: &mut Ctx<Probe>| {
        let once = ctx.after(ms(10), move |_, _| {
            let _held = &held;
            panic!("it was cancelled")
        });
        let again = ctx.every(ms(10), |_, _| panic!("it was cancelled"));
        let kept = ctx.after(ms(10), |probe, _| probe.log.say("kept"));
        // one that cancels itself
        let own = Arc::new(std::sync::Mutex::new(None));
        let of = Arc::clone(&own);
        let id = ctx.every(ms(10), move |probe, ctx| {
            probe.log.say("own");
            assert!(ctx.cancel(of.lock().unwrap().unwrap()));
        });
        *own.lock().unwrap() = Some(id);
        (once, again, kept, id)
    }));
    let (once, again, kept, own) = ids.wait().unwrap();
    assert_eq!(Arc::strong_count(&live), 2);
    assert!(!other.ask(run(move |_, ctx| ctx.cancel(once))).wait().unwrap(), "it is another actor's");
    let came = target.ask(run(move |_, ctx| [ctx.cancel(once), ctx.cancel(once), ctx.cancel(again)])).wait().unwrap();
    assert_eq!(came, [true, false, true]);
    assert_eq!(Arc::strong_count(&live), 1, "what it held is dropped");
    system.advance(ms(50));
    let mut said = log.take();
    said.sort_unstable();
    assert_eq!(said, ["kept", "o starts 0", "own", "t starts 0"]);
    let came = target.ask(run(move |_, ctx| [ctx.cancel(kept), ctx.cancel(own)])).wait().unwrap();
    assert_eq!(came, [false, false]);
    // a number that is used again is another timer
    let later = target.ask(run(|_, ctx| ctx.after(ms(10), |probe, _| probe.log.say("later")))).wait().unwrap();
    assert_ne!(later, kept);
    assert!(!target.ask(run(move |_, ctx| ctx.cancel(kept))).wait().unwrap());
    system.advance(ms(10));
    assert_eq!(log.take(), ["later"]);
}

#[test]
fn timers_end_with_their_instance() {
    let (system, log) = (manual(1), Log::default());
    let live = Arc::new(());
    let [restarts, stops, dies] = ["r", "s", "d"].map(|name| probe(&system, &log, name, Options::new()));
    for target in [restarts, stops, dies] {
        let held = Arc::clone(&live);
        target.tell(run(move |_, ctx| {
            ctx.every(ms(10), move |_, _| {
                let _held = &held;
                panic!("it is over")
            });
        }));
    }
    restarts.tell(fail("bang"));
    stops.stop();
    dies.kill();
    system.idle();
    assert_eq!(Arc::strong_count(&live), 1);
    system.advance(ms(100));
    assert_eq!(settled(&system).failed, 1);
}

#[test]
fn timers_overtake_messages_and_run_one_at_a_time_with_them() {
    let (system, log, gate) = (manual(1), Log::default(), Gate::default());
    let target = probe(&system, &log, "t", Options::new());
    let of = gate.clone();
    target.tell(later(async move |_: &mut Probe, ctx: &mut Ctx<Probe>| {
        ctx.after(ms(5), |probe, _| probe.log.say("timer"));
        of.pass().await;
    }));
    target.tell(note(1));
    target.tell(note(2));
    system.advance(ms(10));
    assert_eq!(log.take(), ["t starts 0"], "it waits for the message in hand");
    gate.open();
    system.idle();
    assert_eq!(log.take(), ["timer", "t: 1", "t: 2"]);
}

#[test]
fn messages_can_be_sent_later_and_again_and_again() {
    for [at, to] in [[0, 0], [0, 1]] {
        let (system, log) = (manual(2), Log::default());
        let target = probe(&system, &log, "t", Options::new().on(to));
        let source = probe(&system, &Log::default(), "s", Options::new().on(at));
        let timer = source.ask(run(move |_, ctx| {
            ctx.send_after(ms(15), target, note("once"));
            ctx.send_every(ms(10), target, note("again"))
        }));
        let timer = timer.wait().unwrap();
        system.advance(ms(30));
        assert_eq!(log.take()[1..], ["t: again", "t: once", "t: again", "t: again"]);
        assert!(source.ask(run(move |_, ctx| ctx.cancel(timer))).wait().unwrap());
        system.advance(ms(30));
        assert_eq!(log.take(), [""; 0]);
    }
}

#[test]
fn with_the_machines_clock_timers_run_too_and_never_early() {
    let (system, log) = (system(2), Log::default());
    let (says, said) = std::sync::mpsc::channel();
    let target = probe(&system, &log, "t", Options::new().on(1));
    let begun = std::time::Instant::now();
    target.tell(run(move |_, ctx| {
        ctx.after(ms(7), move |_, _| says.send(()).unwrap());
    }));
    next(&said);
    assert!(begun.elapsed() >= ms(7));
}
