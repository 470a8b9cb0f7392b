//! The life of native actors: start, restart, stop, drain, kill, and the end of the system.
#![allow(clippy::unwrap_used)]

mod native_common;

use buskin_core::native::{
    Actor, AskError, Cause, Ctx, Options, Reason, Ref, Restart, Shutdown, SpawnError, Strategy, System,
};
use native_common::*;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, mpsc::channel};

/// Holds the probe in hand until the gate opens.
fn held(target: Ref<Probe>, gate: &Gate) {
    let gate = gate.clone();
    target.tell(later(async move |probe: &mut Probe, _: &mut _| {
        gate.pass().await;
        probe.log.say("let go");
    }));
}

#[test]
fn a_restart_keeps_ref_name_and_waiting_messages_and_does_not_redo_the_one_that_failed() {
    for outside in [true, false] {
        let (system, log) = (manual(2), Log::default());
        let failures = failures(&system);
        let target = probe(&system, &log, "t", Options::new().on(1));
        let send = move || {
            target.tell(note(1));
            target.tell(run(|probe, _| probe.count = 7));
            target.tell(run(|probe, _| {
                probe.log.say("once");
                panic!("bang")
            }));
            target.tell(note(2));
            target.tell(run(|probe, _| probe.log.say(format!("count {}", probe.count))));
        };
        if outside {
            send();
        } else {
            probe(&system, &Log::default(), "s", Options::new()).tell(run(move |_, _| send()));
        }
        system.idle();
        let expected =
            ["t starts 0", "t: 1", "once", "t stops: failed: panicked: bang", "t starts 1", "t: 2", "count 0"];
        assert_eq!(log.take(), expected);
        assert_eq!(failures.take(), ["panicked: bang Message 0 Some(Restart)"]);
        assert!(target.is_alive());
        assert_eq!(system.lookup::<Probe>("t"), Some(target));
        assert_eq!(target.path().as_deref(), Some("/t"));
        let stats = settled(&system);
        assert_eq!((stats.failed, stats.restarts), (1, 1));
    }
}

#[test]
fn a_restart_can_clear_the_mailbox() {
    let (system, log) = (manual(1), Log::default());
    let letters = dead_letters(&system);
    let target = probe(&system, &log, "t", Options::new().clear_on_restart());
    let gate = Gate::default();
    let of = gate.clone();
    target.tell(later(async move |_: &mut Probe, ctx: &mut Ctx<Probe>| {
        of.pass().await;
        ctx.fail("bang");
    }));
    target.tell(note("waits"));
    system.advance(ms(0));
    gate.open();
    system.idle();
    target.tell(note("after"));
    system.idle();
    assert_eq!(log.take(), ["t starts 0", "t stops: failed: bang", "t starts 1", "t: after"]);
    assert_eq!(letters.take(), ["Note Stopped"]);
}

#[test]
fn the_asker_gets_the_very_error_of_a_handler_of_either_kind() {
    let (system, log) = (manual(2), Log::default());
    for at in [0, 1] {
        let target = system.spawn_with(&Options::new().on(at), make("t", &log)).unwrap();
        let failed = |error: AskError| match error {
            AskError::Failed(cause) => cause,
            other => panic!("{other:?}"),
        };
        let io = |error: Cause| error.downcast_ref::<std::io::Error>().unwrap().kind();
        let plain = target.ask(run(|_, ctx| ctx.fail(std::io::Error::from(std::io::ErrorKind::NotFound))));
        assert_eq!(io(failed(plain.wait().unwrap_err())), std::io::ErrorKind::NotFound);
        let asynchronous = target.ask(later(async |_: &mut Probe, ctx: &mut Ctx<Probe>| {
            std::future::ready(()).await;
            ctx.fail(std::io::Error::from(std::io::ErrorKind::AddrInUse));
        }));
        assert_eq!(io(failed(asynchronous.wait().unwrap_err())), std::io::ErrorKind::AddrInUse);
        let panics = target.ask(run(|_, _| panic!("one")));
        assert_eq!(failed(panics.wait().unwrap_err()).to_string(), "panicked: one");
        let panics = target.ask(later(async |_: &mut Probe, _: &mut Ctx<Probe>| panic!("two {}", 2)));
        let cause = failed(panics.wait().unwrap_err());
        assert_eq!((cause.to_string().as_str(), cause.is_panic()), ("panicked: two 2", true));
    }
    system.idle();
    assert_eq!(settled(&system).failed, 8);
}

#[test]
fn when_it_restarts_is_what_its_option_says() {
    // after a failure, and after it stopped itself
    let cases =
        [(Restart::Transient, [true, false]), (Restart::Permanent, [true, true]), (Restart::Temporary, [false, false])];
    for (restart, expected) in cases {
        for (at, comes_back) in expected.into_iter().enumerate() {
            let (system, log) = (manual(1), Log::default());
            let target = probe(&system, &log, "t", Options::new().restart(restart));
            match at {
                0 => target.tell(fail("bang")),
                _ => target.tell(run(|_, ctx| ctx.stop())),
            }
            system.idle();
            assert_eq!(target.is_alive(), comes_back, "{restart:?} {at}");
            let reason = if at == 0 { "failed: bang" } else { "stopped" };
            assert_eq!(log.take()[1], format!("t stops: {reason}"));
            // a stop from elsewhere is final
            target.stop();
            system.idle();
            assert!(!target.is_alive());
        }
    }
}

#[test]
fn a_stop_takes_effect_after_the_message_in_hand_and_what_waits_becomes_dead_letters() {
    for at in [0, 1] {
        let (system, log, gate) = (manual(2), Log::default(), Gate::default());
        let letters = dead_letters(&system);
        let target = probe(&system, &log, "t", Options::new().on(at));
        let source = probe(&system, &Log::default(), "s", Options::new().on(0));
        held(target, &gate);
        target.tell(note("waits"));
        system.advance(ms(0));
        let stopped = target.stopped();
        source.tell(run(move |_, _| {
            target.stop();
            target.stop(); // idempotent
        }));
        system.advance(ms(0));
        assert!(target.is_alive(), "its handler has not ended");
        gate.open();
        assert!(matches!(stopped.wait().unwrap(), Reason::Normal));
        assert_eq!(log.take(), ["t starts 0", "let go", "t stops: stopped"]);
        assert_eq!(letters.take(), ["Note Stopped"]);
        assert!(matches!(target.stop_and_wait().wait().unwrap(), Reason::Normal), "the reason is kept");
    }
}

#[test]
fn a_drain_handles_what_waits_and_takes_nothing_new() {
    for at in [0, 1] {
        let (system, log, gate) = (manual(2), Log::default(), Gate::default());
        let letters = dead_letters(&system);
        let target = probe(&system, &log, "t", Options::new().on(at));
        let source = probe(&system, &Log::default(), "s", Options::new().on(0));
        held(target, &gate);
        target.tell(note(1));
        target.tell(note(2));
        system.advance(ms(0));
        source.tell(run(move |_, _| target.drain(None)));
        system.advance(ms(0));
        target.tell(note("new"));
        system.advance(ms(0));
        assert_eq!(letters.take(), ["Note Stopped"]);
        gate.open();
        system.idle();
        assert_eq!(log.take(), ["t starts 0", "let go", "t: 1", "t: 2", "t stops: stopped"]);
    }
}

#[test]
fn a_drain_that_is_late_kills() {
    let (system, log, gate) = (manual(1), Log::default(), Gate::default());
    let target = probe(&system, &log, "t", Options::new());
    held(target, &gate);
    target.tell(note(1));
    target.drain(Some(ms(50)));
    system.advance(ms(49));
    assert!(target.is_alive());
    system.advance(ms(1));
    assert!(!target.is_alive());
    assert!(matches!(target.stopped().wait().unwrap(), Reason::Killed));
    assert_eq!(log.take(), ["t starts 0"]);
    let stats = settled(&system);
    assert_eq!((stats.failed, stats.dead[1]), (1, 1));
}

#[test]
fn a_kill_runs_nothing_and_the_message_in_hand_counts_as_failed() {
    for at in [0, 1] {
        let (system, log, gate) = (manual(2), Log::default(), Gate::default());
        let target = probe(&system, &log, "t", Options::new().on(at));
        let source = probe(&system, &Log::default(), "s", Options::new().on(0));
        let child = target.ask(run({
            let log = log.clone();
            move |_, ctx| ctx.spawn(make("c", &log)).unwrap()
        }));
        let child = child.wait().unwrap();
        system.advance(ms(0));
        let of = gate.clone();
        let ask = target.ask(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
        system.advance(ms(0));
        source.tell(run(move |_, _| target.kill()));
        assert!(matches!(ask.wait(), Err(AskError::Ended)));
        gate.open(); // what the handler does now changes nothing
        system.idle();
        assert_eq!(log.take(), ["t starts 0", "c starts 0"]);
        for who in [target, child] {
            assert!(matches!(who.stopped().wait().unwrap(), Reason::Killed));
        }
        assert_eq!(settled(&system).failed, 1);
    }
}

#[test]
fn an_actor_that_takes_longer_to_end_than_it_may_is_killed() {
    let cases = [
        (Shutdown::Within(ms(70)), 70, Some(Reason::Killed)),
        (Shutdown::Default, 5_000, Some(Reason::Killed)),
        (Shutdown::Brutal, 0, Some(Reason::Killed)),
        (Shutdown::Infinity, 1_000_000, None),
    ];
    for (shutdown, limit, reason) in cases {
        let (system, log, gate) = (manual(1), Log::default(), Gate::default());
        let target = probe(&system, &log, "t", Options::new().shutdown(shutdown));
        held(target, &gate);
        system.advance(ms(0));
        target.stop();
        if limit > 0 {
            system.advance(ms(limit - 1));
            assert!(target.is_alive(), "{shutdown:?}");
        }
        system.advance(ms(1));
        assert_eq!(target.is_alive(), reason.is_none(), "{shutdown:?}");
        gate.open();
        let why = target.stopped().wait().unwrap();
        assert_eq!(why.to_string(), reason.unwrap_or(Reason::Normal).to_string(), "{shutdown:?}");
        system.idle();
        settled(&system);
    }
}

#[test]
fn children_end_before_their_parents_the_last_first_and_with_a_failed_one() {
    let (system, log) = (manual(1), Log::default());
    let top = probe(&system, &log, "top", Options::new());
    let of = log.clone();
    let tree = move || {
        let log = of.clone();
        run(move |_, ctx: &mut Ctx<Probe>| {
            for name in ["a", "b"] {
                let child = ctx.spawn_with(&Options::new().name(name), make(name, &log)).unwrap();
                let log = log.clone();
                let grandchild = if name == "a" { "aa" } else { "bb" };
                child.tell(run(move |_, ctx| ctx.spawn(make(grandchild, &log)).map(|_| ()).unwrap()));
            }
        })
    };
    top.tell(tree());
    system.idle();
    log.take();
    top.tell(fail("bang"));
    system.idle();
    let down = ["bb", "b", "aa", "a"].map(|name| format!("{name} stops: its parent or the system ended"));
    assert_eq!(log.take(), [&down[..], &["top stops: failed: bang".into(), "top starts 1".into()]].concat());
    top.tell(tree());
    system.idle();
    log.take();
    assert_eq!(system.shutdown(), 0);
    let end = "top stops: its parent or the system ended".to_string();
    assert_eq!(log.take(), [&down[..], &[end]].concat());
}

#[test]
fn a_shutdown_ends_actors_of_all_threads_and_kills_what_is_late() {
    let (system, log, gate) = (system(2), Log::default(), Gate::default());
    for at in [0, 1, 0] {
        let target = system.spawn_with(&Options::new().on(at), make("t", &log)).unwrap();
        target.started().wait().unwrap();
    }
    for at in [0, 1] {
        let late = system.spawn_with(&Options::new().on(at).shutdown(Shutdown::Infinity), make("late", &log)).unwrap();
        let (of, (begins, begun)) = (gate.clone(), channel());
        late.tell(later(async move |_: &mut Probe, _: &mut _| {
            begins.send(()).unwrap();
            of.pass().await;
        }));
        late.tell(note("waits"));
        next(&begun);
    }
    log.take();
    // the last children of both threads are late, so those before them have not had their turn
    assert_eq!(system.shutdown_within(ms(30)), 5);
    assert_eq!(log.take(), [""; 0]);
    let stats = settled(&system);
    assert_eq!((stats.actors, stats.failed, stats.dead[1]), (0, 2, 2));
}

#[test]
fn a_handler_can_end_the_system_and_dropping_it_ends_it() {
    let log = Log::default();
    let system = Arc::new(system(2));
    let target = system.spawn_with(&Options::new().on(1), make("t", &log)).unwrap();
    let of = Arc::clone(&system);
    target.tell(run(move |_, _| assert_eq!(of.shutdown(), 0)));
    assert!(matches!(target.stopped().wait(), Ok(Reason::Shutdown) | Err(_)));
    drop(system);
    assert_eq!(log.take(), ["t starts 0", "t stops: its parent or the system ended"]);
}

/// Fails to start as often as this says.
struct Stubborn(Arc<AtomicU32>, u32);
impl Actor for Stubborn {
    fn started(&mut self, _: &mut Ctx<Self>) -> Result<(), Cause> {
        match self.0.fetch_add(1, SeqCst) {
            n if n < self.1 => Err(format!("not yet {n}").into()),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_start_that_fails_is_a_failure_and_started_tells_when_it_has_come_about() {
    for at in [0, 1] {
        let system = manual(2);
        let failures = failures(&system);
        let count = Arc::new(AtomicU32::new(0));
        let of = Arc::clone(&count);
        let stubborn = system.spawn_with(&Options::new().on(at), move || Stubborn(Arc::clone(&of), 2)).unwrap();
        stubborn.started().wait().unwrap();
        assert_eq!(count.load(SeqCst), 3);
        assert_eq!(failures.take(), ["not yet 0 Start 0 Some(Restart)", "not yet 1 Start 1 Some(Restart)"]);
        let of = Arc::clone(&count);
        let options = Options::new().on(at).restart(Restart::Temporary);
        let never = system.spawn_with(&options, move || Stubborn(Arc::clone(&of), u32::MAX)).unwrap();
        assert!(never.started().wait().is_err());
        assert!(matches!(never.stopped().wait().unwrap(), Reason::Failed(_)));
        let panics = system.spawn_with(&options, || -> Stubborn { panic!("no state") }).unwrap();
        assert!(panics.started().wait().is_err());
        system.idle();
        assert!(failures.take().contains(&"panicked: no state Start 0 Some(Stop)".to_string()));
    }
}

#[test]
fn spawn_does_not_run_the_constructor() {
    let (system, log) = (manual(1), Log::default());
    let blocked = probe(&system, &log, "b", Options::new());
    blocked.started().wait().unwrap();
    let (go, holds) = hold();
    blocked.tell(holds);
    let (says, said) = channel();
    let own = std::thread::current().id();
    let target = system
        .spawn(move || {
            says.send(std::thread::current().id()).unwrap();
            Stubborn(Arc::default(), 0)
        })
        .unwrap();
    assert!(said.try_recv().is_err());
    go.send(()).unwrap();
    assert_ne!(next(&said), own);
    target.started().wait().unwrap();
}

/// Starts when the gate is open.
struct Late(Gate, Log);
impl Actor for Late {
    fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
        let gate = self.0.clone();
        ctx.start_when(async move { gate.pass().await }, |late, (), ctx| {
            late.1.say(format!("starts {}", ctx.generation()));
            if ctx.generation() == 0 { Err("not at first".into()) } else { Ok(()) }
        });
        Ok(())
    }
}

#[test]
fn a_start_may_wait_and_is_given_up_when_it_takes_too_long() {
    let (system, log) = (manual(1), Log::default());
    let failures = failures(&system);
    let gate = Gate::default();
    let (of, says) = (gate.clone(), log.clone());
    let late =
        system.spawn_with(&Options::new().start_timeout(ms(40)), move || Late(of.clone(), says.clone())).unwrap();
    let started = late.started();
    system.advance(ms(39));
    let started = started.try_take().unwrap_err();
    assert_eq!(failures.take(), [""; 0]);
    system.advance(ms(1));
    assert_eq!(failures.take(), ["it did not start in time Start 0 Some(Restart)"]);
    gate.open();
    system.idle();
    started.wait().unwrap();
    assert_eq!(log.take(), ["starts 1"], "what the one before waited for is dropped");
    let (of, says) = (gate.clone(), log.clone());
    system.spawn(move || Late(of.clone(), says.clone())).unwrap().started().wait().unwrap();
    assert_eq!(log.take(), ["starts 0", "starts 1"]);
    assert_eq!(failures.take(), ["not at first Start 0 Some(Restart)"]);
}

#[test]
fn names_are_unique_below_one_parent_and_free_when_the_actor_has_ended() {
    let (system, log) = (manual(2), Log::default());
    let first = probe(&system, &log, "x", Options::new().on(0));
    for at in [0, 1] {
        let taken = system.spawn_with(&Options::new().name("x").on(at), make("x", &log));
        assert_eq!(taken.unwrap_err(), SpawnError::NameTaken("x".into()));
    }
    let of = log.clone();
    let child = first.ask(run(move |_, ctx| {
        let child = ctx.spawn_with(&Options::new().name("x"), make("c", &of));
        let again = ctx.spawn_with(&Options::new().name("x"), make("c", &of));
        (child, again.is_err())
    }));
    let (child, again) = child.wait().unwrap();
    assert!(again);
    assert_eq!(child.unwrap().path().as_deref(), Some("/x/x"));
    let gate = Gate::default();
    held(first, &gate);
    system.advance(ms(0));
    first.stop();
    system.advance(ms(0));
    let options = Options::new().name("x").on(1);
    assert!(system.spawn_with(&options, make("x", &log)).is_err(), "it has not ended yet");
    gate.open();
    system.idle();
    let second = system.spawn_with(&options, make("x", &log)).unwrap();
    assert_eq!((system.lookup_any("x"), system.lookup::<Probe>("x")), (Some(second.any()), Some(second)));
    assert_eq!(system.lookup::<Late>("x"), None, "it is of another type");
    assert_eq!(system.lookup_any("y"), None);
    for name in ["", "a/b"] {
        let bad = system.spawn_with(&Options::new().name(name), make("x", &log));
        assert_eq!(bad.unwrap_err(), SpawnError::BadName(name.into()));
    }
    let unnamed = system.spawn(make("u", &log)).unwrap();
    assert!(unnamed.path().unwrap().starts_with("/Probe-"), "{:?}", unnamed.path());
}

#[test]
fn a_context_knows_parent_children_and_instance_and_a_ref_its_type() {
    let (system, log) = (manual(1), Log::default());
    let top = probe(&system, &log, "top", Options::new());
    let of = log.clone();
    let family = top.ask(run(move |_, ctx| {
        let none = ctx.children();
        let children = [(); 2].map(|()| ctx.spawn(make("c", &of)).unwrap().any());
        (none, children, ctx.children(), ctx.parent(), ctx.generation())
    }));
    let (none, children, found, parent, generation) = family.wait().unwrap();
    assert_eq!((none.len(), found, parent, generation), (0, children.to_vec(), None, 0));
    let child = children[0].downcast::<Probe>().unwrap();
    assert!(children[0].downcast::<Late>().is_none());
    assert_eq!(child.ask(run(|_, ctx| ctx.parent())).wait().unwrap(), Some(top.any()));
    child.tell(fail("bang"));
    assert_eq!(child.ask(run(|_, ctx| ctx.generation())).wait().unwrap(), 1);
    child.stop_and_wait().wait().unwrap();
    assert!(children[0].downcast::<Probe>().is_none());
    assert_eq!(top.ask(run(|_, ctx| ctx.children())).wait().unwrap(), [children[1]]);
}

#[test]
fn options_with_values_that_they_cannot_have_are_refused() {
    use buskin_core::native::Backoff;
    let (system, log) = (system(1), Log::default());
    let refused = |options: Options| match system.spawn_with(&options, make("x", &log)) {
        Err(SpawnError::Option { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Options::new().capacity(0)), "capacity");
    assert_eq!(refused(Options::new().backoff(Backoff { factor: 0.5, ..Backoff::default() })), "backoff");
    assert_eq!(refused(Options::new().backoff(Backoff { jitter: f64::NAN, ..Backoff::default() })), "backoff");
    assert_eq!(refused(Options::new().backoff(Backoff { min: ms(2), max: ms(1), ..Backoff::default() })), "backoff");
    assert_eq!(refused(Options::new().health(ms(0), ms(1), 1)), "health");
    assert_eq!(refused(Options::new().health(ms(1), ms(1), 0)), "health");
    assert_eq!(system.stats().actors, 0);
}

#[test]
fn threads_have_the_name_and_number_that_was_asked_for_and_actors_live_where_they_are_put() {
    quiet_panics();
    let system = System::builder().threads(3).thread_name("stage").stack_size(1 << 20).pin(true).build();
    let log = Log::default();
    assert_eq!(system.threads(), 3);
    for on in [0, 1, 2, 4] {
        let target = system.spawn_with(&Options::new().on(on).strategy(Strategy::OneForAll), make("t", &log)).unwrap();
        let name = run(|_, _| std::thread::current().name().map(str::to_string));
        assert_eq!(target.ask(name).wait().unwrap(), Some(format!("stage-{}", on % 3)));
    }
}
