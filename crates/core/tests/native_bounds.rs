//! Bounded mailboxes: what becomes of one message too many, and senders that wait.
#![allow(clippy::unwrap_used)]

mod native_common;

use buskin_core::native::{Ask, AskError, Builder, Call, Lost, Options, Overflow, Priority, Ref};
use native_common::*;

/// Where sender and receiver are.
const PLACES: [[usize; 2]; 2] = [[0, 0], [0, 1]];

/// A probe that is held in hand, with room for two; and who sends to it.
fn held(
    system: &buskin_core::native::System,
    log: &Log,
    [at, to]: [usize; 2],
    overflow: Overflow,
) -> (Ref<Probe>, Ref<Probe>, Gate) {
    let target = probe(system, log, "t", Options::new().on(to).capacity(2).overflow(overflow));
    let source = probe(system, &Log::default(), "s", Options::new().on(at));
    let gate = Gate::default();
    let of = gate.clone();
    target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
    system.advance(ms(0));
    (target, source, gate)
}

/// From inside the other actor.
fn from<R: Send + 'static>(source: Ref<Probe>, send: impl FnOnce() -> R + Send + 'static) -> R {
    source.ask(run(move |_, _| send())).wait().unwrap()
}

/// How it came out, once it has.
fn outcome<R: Send + 'static>(ask: Ask<R>) -> String {
    match ask.wait() {
        Ok(_) => "ok".into(),
        Err(AskError::Lost(why)) => format!("{why:?}"),
        Err(other) => format!("{other:?}"),
    }
}

#[test]
fn what_a_full_mailbox_does_with_one_more_is_what_its_policy_says() {
    let cases = [
        (Overflow::Reject, ["MailboxFull", "MailboxFull"], ["Note MailboxFull"; 3], vec!["t: 0", "t: 1"]),
        (Overflow::DropNewest, ["MailboxFull", "MailboxFull"], ["Note Dropped"; 3], vec!["t: 0", "t: 1"]),
        (Overflow::DropOldest, ["Ok", "Ok"], ["Note Dropped"; 3], vec!["t: asked", "t: sent"]),
    ];
    for places in PLACES {
        for (overflow, outcomes, dead, handled) in cases.clone() {
            let (system, log) = (manual(2), Log::default());
            let letters = dead_letters(&system);
            let (target, source, gate) = held(&system, &log, places, overflow);
            let (ask, send) = from(source, move || {
                target.tell(note(0));
                target.tell(note(1));
                target.tell(note(2));
                (target.ask(note("asked")), target.send(note("sent")))
            });
            system.advance(ms(0));
            assert_eq!(letters.take(), dead, "{overflow:?} {places:?}");
            gate.open();
            let came = [outcome(ask), outcome(send)];
            if outcomes[0] == "Ok" {
                assert_eq!(came, ["ok", "ok"], "{overflow:?} {places:?}");
            } else {
                let why = if overflow == Overflow::DropNewest { "Dropped" } else { outcomes[0] };
                assert_eq!(came, [why, why], "{overflow:?} {places:?}");
            }
            system.idle();
            assert_eq!(log.take()[1..], handled, "{overflow:?} {places:?}");
            settled(&system);
        }
    }
}

#[test]
fn drop_oldest_drops_of_the_lowest_priority_and_the_newcomer_if_that_is_lower_than_all() {
    for places in PLACES {
        let (system, log) = (manual(2), Log::default());
        let (target, source, gate) = held(&system, &log, places, Overflow::DropOldest);
        from(source, move || {
            let with = |priority| target.with(Call::new().priority(priority));
            with(Priority::Low).tell(note("low"));
            with(Priority::High).tell(note("high 0"));
            with(Priority::Normal).tell(note("normal")); // instead of low
            with(Priority::Low).tell(note("low too")); // lower than all
            with(Priority::High).tell(note("high 1")); // instead of normal
        });
        system.advance(ms(0));
        gate.open();
        system.idle();
        assert_eq!(log.take()[1..], ["t: high 0", "t: high 1"]);
        assert_eq!(settled(&system).dead[3], 3);
    }
}

#[test]
fn with_wait_senders_are_let_in_one_after_another_in_order_and_a_tell_is_refused() {
    for places in PLACES {
        let (system, log) = (manual(2), Log::default());
        let letters = dead_letters(&system);
        let (target, source, gate) = held(&system, &log, places, Overflow::Wait);
        let mut sends = from(source, move || {
            let sends: Vec<_> = (0..6).map(|n| target.send(note(n))).collect();
            target.tell(note("told"));
            sends
        });
        system.advance(ms(0));
        assert_eq!(letters.take(), ["Note MailboxFull"]);
        let parked = sends.split_off(2);
        for send in sends {
            send.wait().unwrap(); // there was room
        }
        let parked: Vec<_> = parked.into_iter().map(|send| send.try_take().unwrap_err()).collect();
        assert_eq!(system.stats().waiting, 6, "those that are not let in count as waiting");
        gate.open();
        for send in parked {
            send.wait().unwrap();
        }
        system.idle();
        assert_eq!(log.take()[1..], [0, 1, 2, 3, 4, 5].map(|n| format!("t: {n}")));
        assert_eq!(settled(&system).handled, 8);
    }
}

#[test]
fn the_time_out_of_an_ask_that_waits_to_be_let_in_runs_and_senders_that_wait_are_told_of_the_end() {
    for places in PLACES {
        let (system, log) = (manual(2), Log::default());
        let (target, source, gate) = held(&system, &log, places, Overflow::Wait);
        let (ask, send) = from(source, move || {
            target.tell(note(0));
            target.tell(note(1));
            let ask = target.with(Call::new().timeout(Some(ms(30)))).ask(note(2));
            (ask, target.send(note(3)))
        });
        system.advance(ms(29));
        let ask = ask.try_take().unwrap_err();
        system.advance(ms(1));
        assert!(matches!(ask.wait(), Err(AskError::TimedOut { deadlock: false })));
        target.stop();
        system.advance(ms(0));
        assert!(matches!(send.wait(), Err(AskError::Lost(Lost::Stopped))));
        gate.open();
        system.idle();
        assert_eq!(log.take(), ["t starts 0", "t stops: stopped"]);
        assert_eq!(settled(&system).dead[1], 4);
    }
}

#[test]
fn the_message_in_hand_and_what_asks_come_to_do_not_count() {
    for places in PLACES {
        let (system, log) = (manual(2), Log::default());
        let other = probe(&system, &Log::default(), "o", Options::new().on(places[0]));
        let target = probe(&system, &log, "t", Options::new().on(places[1]).capacity(1));
        let gate = Gate::default();
        let of = gate.clone();
        // the answers come while the mailbox is full
        target
            .ask(run(move |_, ctx| {
                for n in 0..5 {
                    ctx.ask_then(other.ask(run(move |_, _| n)), |probe, n, _| probe.log.say(format!("{}", n.unwrap())));
                }
            }))
            .wait()
            .unwrap();
        target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
        system.advance(ms(0));
        target.tell(note("waits"));
        gate.open();
        system.idle();
        let mut said = log.take();
        said.sort_unstable();
        assert_eq!(said, ["0", "1", "2", "3", "4", "t starts 0", "t: waits"]);
        assert_eq!(settled(&system).sent, 8, "what asks come to are no messages");
    }
}

#[test]
fn the_capacity_of_the_system_holds_where_an_actor_does_not_say() {
    quiet_panics();
    let system = Builder::new().threads(1).manual_clock().capacity(1).build();
    let log = Log::default();
    let gate = Gate::default();
    let [plain, roomy] = [Options::new(), Options::new().capacity(3)].map(|options| {
        let target = system.spawn_with(&options, make("t", &log)).unwrap();
        let of = gate.clone();
        target.tell(later(async move |_: &mut Probe, _: &mut _| of.pass().await));
        system.advance(ms(0));
        target
    });
    for target in [plain, roomy] {
        for n in 0..3 {
            target.tell(note(n));
        }
    }
    system.advance(ms(0));
    assert_eq!(system.stats().dead[2], 2);
    gate.open();
    system.idle();
    settled(&system);
}

#[test]
fn bounds_hold_while_an_actor_starts() {
    let (system, log) = (manual(1), Log::default());
    let gate = Gate::default();
    let of = gate.clone();
    let target = system.spawn_with(&Options::new().capacity(2), move || Slow(of.clone(), log.clone())).unwrap();
    for n in 0..5 {
        target.tell(note(n));
    }
    system.advance(ms(0));
    assert_eq!(system.stats().dead[2], 3);
    gate.open();
    system.idle();
    assert_eq!(settled(&system).handled, 2);
}

/// Starts when the gate is open.
struct Slow(Gate, Log);
impl buskin_core::native::Actor for Slow {
    fn started(&mut self, ctx: &mut buskin_core::native::Ctx<Self>) -> Result<(), buskin_core::native::Cause> {
        let gate = self.0.clone();
        ctx.start_when(async move { gate.pass().await }, |_, (), _| Ok(()));
        Ok(())
    }
}
impl buskin_core::native::Handler<Note> for Slow {
    type Reply = ();
    fn handle(&mut self, Note(what): Note, _: &mut buskin_core::native::Ctx<Self>) {
        self.1.say(what);
    }
}
