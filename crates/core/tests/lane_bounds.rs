//! Bounds and policies (semantics 10 and 11), dead letters, aborts.
mod common;

use buskin_core::entry::{note, policy};
use common::{ASYNC, Comes, HANDLED, How, Isolate, Options, Ref};

const PLAIN: How = How { priority: 0, ttl: None, timeout: None, flags: 0, from: 0, tag: 0 };

/// An actor of this capacity and policy that holds its first message in hand.
fn busy(iso: &mut Isolate, capacity: u32, policy: u32) -> Ref {
    let a = iso.spawn("a", Options { capacity, policy, ..Options::default() }, |_, e| {
        if e.has(ASYNC) && e.op() == note::MSG { Comes::Promises } else { Comes::Returns }
    });
    iso.tell_how(a, How { flags: ASYNC, ..PLAIN });
    iso.run();
    assert_eq!(iso.in_hand(a), 1, "the one in hand does not count");
    a
}

fn post(iso: &mut Isolate, verb: usize, to: Ref, how: How) -> u32 {
    match verb {
        0 => iso.tell_how(to, how),
        1 => iso.send_how(to, how),
        _ => iso.ask_how(to, how),
    }
}

#[test]
fn a_full_mailbox_does_with_each_verb_what_its_policy_says() {
    for (which, expected) in [
        (policy::REJECT, ["mailbox-full"; 3]),
        (policy::DROP_NEWEST, ["dropped"; 3]),
        (policy::WAIT, ["mailbox-full", "pending", "pending"]),
        (policy::DROP_OLDEST, ["pending"; 3]),
    ] {
        for (verb, expected) in expected.into_iter().enumerate() {
            for ring in [2, 64] {
                let mut iso = Isolate::with(Default::default(), ring);
                let a = busy(&mut iso, 3, which);
                let before: Vec<_> = (0..3).map(|_| post(&mut iso, verb, a, PLAIN)).collect();
                iso.run();
                let late = post(&mut iso, verb, a, PLAIN);
                iso.run();
                let case = format!("policy {which}, verb {verb}, ring {ring}");
                assert_eq!(iso.end_of(late), expected, "{case}");
                let oldest = if which == policy::DROP_OLDEST { "dropped" } else { "pending" };
                assert_eq!(iso.end_of(before[0]), oldest, "{case}");
                iso.done(a, true);
                iso.run();
                for id in before.into_iter().chain([late]) {
                    let end = iso.end_of(id);
                    assert!(end == HANDLED || end == expected || end == oldest, "{case}: {end}");
                }
                iso.all_accounted_for();
                assert!(!iso.is_busy(), "{case}");
            }
        }
    }
}

#[test]
fn a_send_is_accepted_when_there_is_room_and_nobody_overtakes_who_waits_for_it() {
    let mut iso = Isolate::new();
    let a = busy(&mut iso, 2, policy::WAIT);
    let ids: Vec<_> = (0..4).map(|_| iso.send_how(a, PLAIN)).collect();
    iso.take();
    let told = iso.tell(a);
    assert_eq!(
        iso.after_run(),
        [format!("accepted {}", ids[0]), format!("accepted {}", ids[1]), format!("dead {told} mailbox-full"),]
    );
    assert_eq!(iso.lane.ledger.waiting, 4, "who waits for room waits");
    iso.done(a, true);
    iso.run();
    let got: Vec<_> = iso.begun.iter().skip(1).map(|b| b.1).collect();
    assert_eq!(got, ids);
    let trace = iso.take();
    assert_eq!(trace.iter().filter(|t| t.starts_with("accepted")).count(), 2);
    iso.all_accounted_for();
}

#[test]
fn nobody_overtakes_who_waits_for_room_while_a_handler_makes_some() {
    let mut iso = Isolate::new();
    let options = Options { capacity: 1, policy: policy::WAIT, ..Options::default() };
    let a = iso.spawn("a", options, |iso, e| {
        if e.op() == note::MSG && e.payload == 1 {
            iso.tell(Ref { index: e.index, age: 0 }); // its own place is free, but taken
            iso.submit();
        }
        Comes::Returns
    });
    iso.run();
    let ids = [iso.send_how(a, PLAIN), iso.send_how(a, PLAIN)];
    iso.run();
    assert_eq!(ids.map(|id| iso.end_of(id)), [HANDLED; 2]);
    assert_eq!(iso.end_of(3), "mailbox-full");
    iso.all_accounted_for();
}

#[test]
fn who_waits_for_room_is_told_when_the_actor_ends() {
    let mut iso = Isolate::new();
    let a = busy(&mut iso, 1, policy::WAIT);
    let ids: Vec<_> = (0..3).map(|_| iso.ask_how(a, PLAIN)).collect();
    iso.run();
    iso.stop(a);
    iso.done(a, true);
    iso.run();
    for id in ids {
        assert_eq!(iso.end_of(id), "stopped");
    }
    iso.all_accounted_for();
    assert!(!iso.holds());
}

#[test]
fn an_ask_that_waits_for_room_has_its_time_out_running() {
    let mut iso = Isolate::new();
    let a = busy(&mut iso, 1, policy::WAIT);
    iso.tell(a);
    let ask = iso.ask_how(a, How { timeout: Some(10_000), ..PLAIN });
    iso.run();
    iso.take();
    iso.advance(10);
    assert_eq!(iso.take(), [format!("late {ask}")]);
    iso.done(a, true);
    iso.run();
    assert_eq!(iso.end_of(ask), HANDLED, "a late ask is handled all the same");
}

#[test]
fn drop_oldest_drops_the_oldest_of_the_lowest_priority() {
    // what waits, then the newcomer, then which of them dies (the newcomer is the last)
    for (waiting, newcomer, dies) in [
        ([0, 0, 0], 0, 0),
        ([0, 0, 0], 1, 0),
        ([0, 0, 0], 2, 3),
        ([1, 0, 2], 0, 2),
        ([1, 0, 2], 1, 2),
        ([1, 0, 2], 2, 2),
        ([2, 2, 0], 2, 0),
        ([1, 1, 0], 0, 2),
        ([1, 1, 1], 0, 3),
        ([1, 1, 1], 2, 3),
        ([1, 1, 1], 1, 0),
        ([2, 1, 1], 1, 0),
    ] {
        let mut iso = Isolate::new();
        let a = busy(&mut iso, 3, policy::DROP_OLDEST);
        let mut ids: Vec<_> = waiting.iter().map(|&priority| iso.send_how(a, How { priority, ..PLAIN })).collect();
        iso.run();
        ids.push(iso.send_how(a, How { priority: newcomer, ..PLAIN }));
        iso.run();
        for (at, id) in ids.iter().enumerate() {
            let expected = if at == dies { "dropped" } else { "pending" };
            assert_eq!(iso.end_of(*id), expected, "{waiting:?} then {newcomer}: number {at}");
        }
        iso.done(a, true);
        iso.run();
        iso.all_accounted_for();
    }
}

#[test]
fn in_mid_way_of_the_inbox_the_oldest_may_be_one_that_was_delivered() {
    for flags in [0, ASYNC, common::SHARED] {
        let mut iso = Isolate::new();
        let options = Options { capacity: 3, policy: policy::DROP_OLDEST, ..Options::default() };
        let a = iso.spawn("a", options, |_, _| Comes::Returns);
        let b = iso.spawn("b", Options::default(), move |iso, e| {
            if e.op() == note::MSG {
                iso.tell_how(a, PLAIN);
                iso.submit();
            }
            Comes::Returns
        });
        iso.run();
        let of_b = iso.tell(b);
        let ids: Vec<_> = (0..3).map(|_| iso.tell_how(a, How { flags, ..PLAIN })).collect();
        iso.run();
        assert_eq!(iso.end_of(of_b), HANDLED);
        assert_eq!(ids.iter().map(|&id| iso.end_of(id)).collect::<Vec<_>>(), ["dropped", HANDLED, HANDLED], "{flags}");
        iso.all_accounted_for();
        assert!(!iso.is_busy());
    }
}

#[test]
fn what_was_handed_back_is_the_oldest_too() {
    let mut iso = Isolate::new();
    let options = Options { capacity: 3, policy: policy::DROP_OLDEST, ..Options::default() };
    let a = iso.spawn("a", options, |_, e| if e.tag() == 1 { Comes::Promises } else { Comes::Returns });
    let b = iso.spawn("b", Options::default(), move |iso, e| {
        if e.op() == note::MSG {
            iso.tell(a);
            iso.tell(a);
            iso.submit();
        }
        Comes::Returns
    });
    iso.run();
    iso.tell_how(a, How { tag: 1, ..PLAIN });
    let (one, of_b, two) = (iso.tell(a), iso.tell(b), iso.tell(a));
    iso.run();
    assert_eq!([one, two].map(|id| iso.end_of(id)), ["dropped", "pending"]);
    iso.done(a, true);
    iso.run();
    assert_eq!((iso.end_of(of_b), iso.end_of(two)), (HANDLED, HANDLED));
    iso.all_accounted_for();
}

#[test]
fn the_bound_holds_while_the_actor_starts() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options { capacity: 2, ..Options::default() }, |_, e| {
        if e.op() == note::START { Comes::Promises } else { Comes::Returns }
    });
    let ids: Vec<_> = (0..3).map(|_| iso.tell(a)).collect();
    iso.run();
    assert_eq!(ids.iter().map(|&id| iso.end_of(id)).collect::<Vec<_>>(), ["pending", "pending", "mailbox-full"]);
    iso.done(a, true);
    iso.run();
    iso.all_accounted_for();
}

#[test]
fn the_bound_counts_what_is_sent_in_mid_way() {
    let mut iso = Isolate::with(Default::default(), 2);
    let a = iso.spawn("a", Options { capacity: 5, ..Options::default() }, |_, _| Comes::Returns);
    let b = iso.spawn("b", Options::default(), move |iso, e| {
        if e.op() == note::MSG {
            for _ in 0..20 {
                iso.tell(a);
            }
            iso.submit();
            assert_eq!(iso.lane.ledger.waiting, 5);
        }
        Comes::Returns
    });
    iso.run();
    iso.tell(b);
    iso.run();
    assert_eq!((iso.lane.ledger.handled, iso.lane.ledger.dead()), (6, 15));
    iso.all_accounted_for();
}

#[test]
fn an_aborted_message_that_waits_is_a_dead_letter_and_one_in_hand_is_handled() {
    let mut iso = Isolate::new();
    let a = busy(&mut iso, 2, policy::WAIT);
    let (waits, outside) = (iso.ask_how(a, PLAIN), [iso.ask_how(a, PLAIN), iso.ask_how(a, PLAIN)]);
    let low = iso.ask_how(a, How { priority: 2, ..PLAIN });
    iso.run();
    for id in [waits, outside[1], low] {
        iso.abort(a, id);
    }
    iso.run();
    assert_eq!(
        [waits, outside[0], outside[1], low].map(|id| iso.end_of(id)),
        ["aborted", "pending", "aborted", "aborted"]
    );
    iso.done(a, true);
    let asked = iso.ask_how(a, How { flags: ASYNC, ..PLAIN });
    iso.run();
    iso.abort(a, asked);
    iso.run();
    assert!(iso.is_busy() && iso.end_of(asked) == "pending");
    iso.done(a, true);
    iso.run();
    assert_eq!(iso.end_of(asked), HANDLED);
    iso.all_accounted_for();
    assert!(!iso.holds());
}

#[test]
fn an_aborted_message_in_the_inbox_does_not_run() {
    for flags in [0, ASYNC, common::SHARED] {
        let mut iso = Isolate::new();
        let a = iso.plain("a");
        let b = iso.spawn("b", Options::default(), move |iso, e| {
            if e.op() == note::MSG {
                iso.abort(a, e.payload + 1);
                // its slot is used again before the core knows
                iso.ask_how(a, PLAIN);
                iso.submit();
            }
            Comes::Returns
        });
        iso.run();
        iso.tell(b);
        let id = iso.ask_how(a, How { flags, ..PLAIN });
        iso.run();
        assert_eq!(iso.end_of(id), "aborted");
        iso.all_accounted_for();
        assert!(!iso.holds(), "the call that was given up does not hold the process");
    }
}

#[test]
fn a_message_without_a_handler_is_a_dead_letter() {
    for flags in [0, ASYNC, common::SHARED] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", Options::default(), |_, e| if e.tag() == 9 { Comes::NoHandler } else { Comes::Returns });
        let ask = iso.ask_how(a, How { flags, tag: 9, ..PLAIN });
        let next = iso.tell(a);
        iso.run();
        assert_eq!((iso.end_of(ask), iso.end_of(next)), ("no-handler", HANDLED));
        iso.all_accounted_for();
        assert!(!iso.holds());
    }
}

#[test]
fn a_message_to_nobody_says_whether_there_ever_was_somebody() {
    let mut iso = Isolate::new();
    let a = iso.plain("a");
    iso.run();
    let never = [Ref { index: a.index + 1, age: 0 }, Ref { index: 1 << 25, age: 0 }, Ref { age: 1, ..a }];
    for to in never {
        let id = iso.ask_how(to, PLAIN);
        iso.run();
        assert_eq!(iso.end_of(id), "no-such-actor", "{to:?}");
    }
    iso.stop(a);
    let id = iso.tell(a);
    iso.run();
    let later = iso.tell(a);
    iso.run();
    assert_eq!([id, later].map(|id| iso.end_of(id)), ["stopped"; 2]);
    iso.all_accounted_for();
}

#[test]
fn losing_a_message_makes_the_audit_fail() {
    let mut iso = Isolate::new();
    let a = busy(&mut iso, 10, policy::REJECT);
    for _ in 0..3 {
        iso.tell(a);
    }
    iso.run();
    let (inbox, marks) = iso.rings();
    assert_eq!(iso.lane.audit(inbox, marks), Ok(()));
    assert!(iso.lane.lose_one(a.index));
    let (inbox, marks) = iso.rings();
    assert!(iso.lane.audit(inbox, marks).is_err());
}
