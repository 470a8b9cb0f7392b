//! Supervision of native actors: strategies, intensity, backoff, decisions, escalation, links, health.
#![allow(clippy::unwrap_used)]

mod native_common;

use buskin_core::native::{
    Actor, Backoff, Builder, Cause, Ctx, Directive, Handler, Options, Phase, Reason, Ref, Restart, Strategy,
};
use native_common::*;
use std::time::Duration;

/// A supervisor with three children.
fn family(system: &buskin_core::native::System, log: &Log, options: Options) -> (Ref<Probe>, [Ref<Probe>; 3]) {
    let top = probe(system, log, "top", options);
    let of = log.clone();
    let children = top.ask(run(move |_, ctx| {
        ["a", "b", "c"].map(|name| ctx.spawn_with(&Options::new().name(name), make(name, &of)).unwrap())
    }));
    let children = children.wait().unwrap();
    system.idle();
    log.take();
    (top, children)
}

#[test]
fn a_strategy_says_who_restarts_with_one_that_failed() {
    const OF: &str = "stops: its parent or the system ended";
    let all: [String; 6] = [format!("c {OF}"), format!("a {OF}"), "a".into(), "b".into(), "c".into(), String::new()];
    let cases = [
        (Strategy::OneForOne, vec!["b starts 1".to_string()]),
        (Strategy::RestForOne, vec![all[0].clone(), "b starts 1".into(), "c starts 1".into()]),
        (
            Strategy::OneForAll,
            vec![all[0].clone(), all[1].clone(), "a starts 1".into(), "b starts 1".into(), "c starts 1".into()],
        ),
    ];
    for (strategy, then) in cases {
        let (system, log) = (manual(1), Log::default());
        let (top, [a, b, c]) = family(&system, &log, Options::new().strategy(strategy));
        b.tell(fail("bang"));
        for child in [a, b, c] {
            child.tell(note("kept"));
        }
        system.idle();
        let said = log.take();
        let (notes, steps): (Vec<_>, Vec<_>) = said.into_iter().partition(|what| what.ends_with(": kept"));
        assert_eq!(steps[0], "b stops: failed: bang", "{strategy:?}");
        assert_eq!(steps[1..], then, "{strategy:?}");
        assert_eq!(notes.len(), 3, "messages that wait are kept");
        assert!([a, b, c, top].iter().all(|who| who.is_alive()));
        assert_eq!(settled(&system).restarts, then.iter().filter(|what| what.contains("starts")).count() as u64);
    }
}

#[test]
fn more_restarts_than_allowed_within_the_window_are_a_failure_of_the_supervisor() {
    let (system, log) = (manual(1), Log::default());
    let failures = failures(&system);
    let (top, [a, b, _]) = family(&system, &log, Options::new().max_restarts(2, ms(100)));
    for _ in 0..4 {
        // two in each window, over all children
        a.tell(fail("bang"));
        system.advance(ms(50));
        b.tell(fail("bang"));
        system.advance(ms(51));
    }
    assert!(top.is_alive() && a.is_alive());
    system.advance(ms(100));
    failures.take();
    log.take();
    for child in [a, b, a] {
        child.tell(fail("bang"));
        system.idle();
    }
    assert_eq!(
        failures.take()[2..],
        ["bang Message 1 Some(Escalate)", "its children failed too often, or one escalated Child 0 Some(Restart)"]
    );
    assert!(top.is_alive() && !a.is_alive() && !b.is_alive());
    let said = log.take();
    assert_eq!(said.last().unwrap(), "top starts 1");
    assert!(matches!(a.stopped().wait().unwrap(), Reason::Failed(cause) if cause.to_string() == "bang"));
    assert!(matches!(b.stopped().wait().unwrap(), Reason::Shutdown));
}

#[test]
fn a_restart_within_no_limit_is_allowed_for_ever() {
    let (system, log) = (manual(1), Log::default());
    let (_, [a, ..]) = family(&system, &log, Options::new());
    for _ in 0..500 {
        a.tell(fail("bang"));
    }
    system.idle();
    assert!(a.is_alive());
    assert_eq!(settled(&system).restarts, 500);
}

#[test]
fn restarts_in_a_row_wait_longer_and_longer_until_one_was_well() {
    let (system, log) = (manual(1), Log::default());
    let backoff =
        Backoff { min: ms(100), max: ms(350), factor: 2.0, jitter: 0.0, reset_after: ms(1_000), first_at_once: false };
    for (first_at_once, waits) in [(false, [100, 200, 350, 350]), (true, [0, 200, 350, 350])] {
        let options = Options::new().backoff(Backoff { first_at_once, ..backoff });
        let (top, [a, ..]) = family(&system, &log, options);
        for wait in waits {
            a.tell(fail("bang"));
            a.tell(note("waits"));
            if wait > 0 {
                system.advance(ms(wait - 1));
                assert_eq!(log.take(), ["a stops: failed: bang"]);
                assert!(a.is_alive(), "it keeps its place");
                system.advance(ms(1));
            } else {
                system.advance(ms(0));
                assert_eq!(log.take()[0], "a stops: failed: bang");
                continue;
            }
            let said = log.take();
            assert!(said[0].starts_with("a starts") && said[1] == "a: waits", "{said:?}");
        }
        system.advance(ms(1_000)); // well for long enough
        a.tell(fail("bang"));
        system.advance(ms(if first_at_once { 0 } else { 100 }));
        assert!(log.take().iter().any(|what| what.starts_with("a starts")));
        // a stop while it waits ends it, and what waits is a dead letter
        a.tell(fail("bang"));
        a.tell(note("lost"));
        system.advance(ms(0));
        let before = system.stats().dead[1];
        log.take();
        a.stop();
        system.idle();
        assert!(!a.is_alive());
        assert_eq!(log.take(), [""; 0], "stopped has run before");
        assert_eq!(system.stats().dead[1], before + 1);
        top.stop_and_wait().wait().unwrap();
    }
}

#[test]
fn jitter_takes_away_no_more_than_its_part() {
    let (system, log) = (manual(1), Log::default());
    let backoff = Backoff { min: ms(1_000), max: ms(1_000), jitter: 0.5, first_at_once: false, ..Backoff::default() };
    let (_, [a, ..]) = family(&system, &log, Options::new().backoff(backoff));
    let mut early = 0;
    for _ in 0..40 {
        a.tell(fail("bang"));
        system.advance(ms(499));
        assert_eq!(log.take().len(), 1, "at least half of it");
        system.advance(ms(250));
        early += log.take().len();
        system.advance(ms(251));
        log.take();
    }
    assert!((1..40).contains(&early), "{early} of 40 within the first half of what is left");
}

#[test]
fn decide_says_what_is_done_and_nothing_leaves_it_to_the_other_options() {
    for (answer, expected) in [
        (Some(Directive::Resume), "count 7"),
        (Some(Directive::Restart), "count 0"),
        (None, "count 0"),
        (Some(Directive::Stop), "dead"),
        (Some(Directive::Escalate), "top"),
    ] {
        let (system, log) = (manual(1), Log::default());
        let seen = Log::default();
        let says = seen.clone();
        let options = Options::new().decide(move |failure| {
            says.say(format!("{} {:?} {}", failure.cause, failure.phase, failure.restarts));
            answer
        });
        let (top, [a, ..]) = family(&system, &log, options);
        a.tell(run(|probe, _| probe.count = 7));
        a.tell(fail("bang"));
        a.tell(run(|probe, _| probe.log.say(format!("count {}", probe.count))));
        system.idle();
        assert_eq!(seen.take(), ["bang Message 0"]);
        let said = log.take();
        match expected {
            "dead" => assert!(!a.is_alive() && top.is_alive()),
            "top" => assert!(!a.is_alive() && said.contains(&"top starts 1".to_string())),
            count => assert_eq!(said.last().unwrap(), count, "{answer:?}"),
        }
    }
}

#[test]
fn a_decide_that_panics_leaves_it_to_the_other_options() {
    let (system, log) = (manual(1), Log::default());
    let (top, [a, ..]) = family(&system, &log, Options::new().decide(|_| panic!("no")));
    a.tell(fail("bang"));
    a.tell(note("goes on"));
    system.idle();
    assert!(top.is_alive());
    assert_eq!(log.take(), ["a stops: failed: bang", "a starts 1", "a: goes on"]);
}

#[test]
fn a_failure_that_nobody_handles_ends_the_system() {
    let (system, log) = (manual(2), Log::default());
    let (_, [a, ..]) = family(&system, &log, Options::new().max_restarts(0, ms(1)).restart(Restart::Temporary));
    let other = probe(&system, &log, "other", Options::new().on(0));
    a.tell(fail("bang"));
    system.idle();
    assert!(other.is_alive(), "a temporary supervisor just ends");
    let options = Options::new().decide(|_| Some(Directive::Escalate));
    let top = probe(&system, &log, "top2", options);
    let of = log.clone();
    let child = top.ask(run(move |_, ctx| {
        let options = Options::new().max_restarts(0, ms(1));
        ctx.spawn_with(&options, make("sup", &of)).unwrap()
    }));
    child.wait().unwrap().tell(fail("bang"));
    system.idle();
    assert!(top.is_alive(), "it restarted: the root has no limit");
}

#[test]
fn phases_of_failures_are_told() {
    let (system, log) = (manual(1), Log::default());
    let failures = failures(&system);
    let target = probe(&system, &log, "t", Options::new());
    target.tell(run(|_, ctx| {
        ctx.after(ms(1), |_, ctx| ctx.fail("timer"));
    }));
    system.advance(ms(1));
    let other = probe(&system, &log, "o", Options::new());
    target.tell(run(move |_, ctx| {
        ctx.watch(other, |_, _, _| panic!("watch"));
    }));
    other.stop_and_wait().wait().unwrap();
    target.tell(run(|probe, _| probe.kept = Some(Box::new(OnDrop))));
    system.idle();
    let fails = system.spawn(|| Fails(Phase::Stop)).unwrap();
    fails.started().wait().unwrap();
    fails.stop();
    system.idle();
    assert_eq!(
        failures.take(),
        ["timer Timer 0 Some(Restart)", "panicked: watch Watch 1 Some(Restart)", "Stop Stop 0 Some(Stop)"]
    );
}

/// Panics where nobody expects it: nothing comes of it.
struct OnDrop;
impl Drop for OnDrop {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

struct Fails(Phase);
impl Actor for Fails {
    fn stopped(&mut self, _: &Reason, ctx: &mut Ctx<Self>) {
        ctx.fail(format!("{:?}", self.0));
    }
}

#[test]
fn linked_actors_fail_together_unless_the_end_is_normal_or_watched_or_the_link_taken_back() {
    for at in [0, 1] {
        for (how, falls) in
            [("fail", true), ("kill", true), ("stop", false), ("unlink", false), ("watched", false), ("restart", true)]
        {
            let (system, log) = (manual(2), Log::default());
            let restart = if how == "restart" { Restart::Transient } else { Restart::Temporary };
            let one = probe(&system, &log, "one", Options::new().on(0).restart(Restart::Temporary));
            let two = probe(&system, &log, "two", Options::new().on(at).restart(restart));
            one.ask(run(move |_, ctx| {
                let link = ctx.link(two);
                match how {
                    "unlink" => ctx.unlink(link),
                    "watched" => _ = ctx.watch(two, |_, _, _| {}),
                    _ => {}
                }
            }))
            .wait()
            .unwrap();
            system.idle();
            match how {
                "kill" => two.kill(),
                "stop" => two.stop(),
                _ => two.tell(fail("bang")),
            }
            system.idle();
            assert_eq!(!one.is_alive(), falls, "{how} {at}");
            if falls {
                let why = one.stopped().wait().unwrap().to_string();
                assert_eq!(why, "failed: an actor that it is linked to ended", "{how} {at}");
            }
            assert_eq!(two.is_alive(), how == "restart", "{how} {at}");
        }
    }
}

#[test]
fn a_link_holds_in_both_directions_and_to_one_that_has_failed_before() {
    for at in [0, 1] {
        let (system, log) = (manual(2), Log::default());
        let options = |at| Options::new().on(at).restart(Restart::Temporary);
        let [one, two] = [("one", 0), ("two", at)].map(|(name, at)| probe(&system, &log, name, options(at)));
        one.ask(run(move |_, ctx| {
            ctx.link(two);
        }))
        .wait()
        .unwrap();
        system.idle();
        one.tell(fail("bang"));
        system.idle();
        assert!(!two.is_alive(), "{at}");
        let three = probe(&system, &log, "three", options(0));
        three.tell(run(move |_, ctx| {
            ctx.link(two);
        }));
        system.idle();
        assert!(!three.is_alive(), "{at}: it had failed before");
    }
}

/// Well as long as this says so.
struct Patient(Log, u32);
impl Actor for Patient {
    fn healthy(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
        self.0.say("asked");
        match self.1 {
            0 => Ok(()),
            1 => Err("ill".into()),
            _ => {
                ctx.fail("very ill");
                Ok(())
            }
        }
    }
}
struct Be(u32);
impl Handler<Be> for Patient {
    type Reply = ();
    fn handle(&mut self, Be(how): Be, _: &mut Ctx<Self>) {
        self.1 = how;
    }
}

#[test]
fn an_actor_that_is_unwell_so_many_times_in_a_row_has_failed() {
    for at in [0, 1] {
        let (system, log) = (manual(2), Log::default());
        let failures = failures(&system);
        let of = log.clone();
        let options = Options::new().on(at).health(ms(100), ms(20), 3);
        let patient = system.spawn_with(&options, move || Patient(of.clone(), 0)).unwrap();
        system.advance(ms(350));
        assert_eq!(log.take(), ["asked"; 3]);
        patient.tell(Be(1));
        system.advance(ms(200));
        patient.tell(Be(0)); // two bad answers, then a good one: the row is over
        system.advance(ms(100));
        assert_eq!(failures.take(), [""; 0]);
        patient.tell(Be(1));
        system.advance(ms(300));
        assert_eq!(failures.take(), ["ill Health 0 Some(Restart)"]);
        patient.tell(Be(2));
        system.advance(ms(300));
        assert_eq!(failures.take(), ["very ill Health 1 Some(Restart)"]);
    }
}

#[test]
fn a_health_check_that_is_not_answered_in_time_counts_as_bad() {
    let (system, log, gate) = (manual(1), Log::default(), Gate::default());
    let failures = failures(&system);
    let target = probe(&system, &log, "t", Options::new().health(ms(100), ms(20), 1));
    let of = gate.clone();
    target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
    system.advance(ms(119));
    assert_eq!(failures.take(), [""; 0]);
    system.advance(ms(1));
    assert_eq!(failures.take(), ["a health check was not answered in time Health 0 Some(Restart)"]);
    gate.open();
    system.idle();
}

#[test]
fn a_failure_that_nobody_can_handle_ends_the_whole_system() {
    struct Fails;
    struct Now;
    impl Actor for Fails {}
    impl Handler<Now> for Fails {
        type Reply = ();
        fn handle(&mut self, _: Now, ctx: &mut Ctx<Self>) {
            ctx.fail(Cause::from("for good"));
        }
    }
    let often = Options::new().max_restarts(1, Duration::from_secs(60));
    let system = Builder::new().threads(2).supervision(&often).build();
    let fails = system.spawn_with(&Options::new().on(0), || Fails).unwrap();
    let other = system.spawn_with(&Options::new().on(1), || Fails).unwrap();
    let ended = other.stopped();
    fails.tell(Now);
    fails.tell(Now);
    assert!(matches!(ended.wait_for(Duration::from_secs(20)).unwrap(), Reason::Shutdown), "of the other thread too");
    system.shutdown();
    assert_eq!(system.stats().actors, 0);

    // as it is by default there is no limit
    let system = Builder::new().threads(1).build();
    let fails = system.spawn(|| Fails).unwrap();
    for _ in 0..50 {
        fails.tell(Now);
    }
    assert!(system.idle() && fails.is_alive());

    // `decide` of the system is asked
    let resumes = Options::new().decide(|_| Some(Directive::Resume));
    let system = Builder::new().threads(1).supervision(&resumes).build();
    let fails = system.spawn(|| Fails).unwrap();
    fails.tell(Now);
    assert!(system.idle());
    assert_eq!(system.stats().restarts, 0);
}
