//! Who gets what when: order, one at a time, priorities.
mod common;

use buskin_core::entry::flag;
use common::{ASYNC, Comes, How, Isolate, Options, Ref, SHARED};
use std::cell::Cell;
use std::rc::Rc;

fn numbers(iso: &Isolate, who: Ref) -> Vec<u32> {
    iso.begun.iter().filter(|b| b.0 == who.index).map(|b| b.1).collect()
}

#[test]
fn messages_of_one_sender_arrive_in_the_order_sent() {
    for ring in [2, 3, 7, 64, 1024] {
        let mut iso = Isolate::with(Default::default(), ring);
        let (a, b) = (iso.plain("a"), iso.plain("b"));
        let (mut to_a, mut to_b) = (vec![], vec![]);
        for i in 0..500 {
            to_a.push(iso.tell(a));
            if i % 3 == 0 {
                to_b.push(iso.tell(b));
            }
            if i % 41 == 0 {
                iso.run();
            }
        }
        iso.run();
        assert_eq!((numbers(&iso, a), numbers(&iso, b)), (to_a, to_b), "ring of {ring}");
        iso.all_accounted_for();
        assert!(!iso.is_busy());
    }
}

#[test]
fn what_a_handler_submits_in_mid_way_arrives_in_order_too() {
    let mut iso = Isolate::with(Default::default(), 4);
    let sink = iso.plain("sink");
    let source = iso.spawn("source", Options::default(), move |iso, e| {
        if e.op() == buskin_core::entry::note::MSG {
            for _ in 0..11 {
                iso.tell(sink);
            }
        }
        Comes::Returns
    });
    for _ in 0..5 {
        iso.tell(source);
    }
    iso.run();
    let got = numbers(&iso, sink);
    assert_eq!(got.len(), 55);
    assert!(got.is_sorted(), "{got:?}");
    iso.all_accounted_for();
}

/// The hazard of the prototype: `b` tells `a` while `a`'s handler promises, in one inbox with more for `a`.
#[test]
fn a_promise_is_over_before_anything_written_earlier_reaches_its_actor() {
    for flags in [0, ASYNC] {
        let mut iso = Isolate::new();
        let slow = Rc::new(Cell::new(u32::MAX));
        let is_slow = slow.clone();
        let a = iso.spawn("a", Options::default(), move |_, e| {
            if e.payload == is_slow.get() { Comes::Promises } else { Comes::Returns }
        });
        let b = iso.spawn("b", Options::default(), move |iso, e| {
            if e.op() == buskin_core::entry::note::MSG {
                iso.tell(a);
            }
            Comes::Returns
        });
        iso.run();
        iso.tell(b);
        slow.set(iso.tell_how(a, How { flags, ..How::default() }));
        let mark = iso.tell(a);
        iso.run();
        assert_eq!(numbers(&iso, a), [slow.get()], "nothing else runs while the promise is pending");
        assert!(iso.is_busy());
        iso.done(a, true);
        iso.run();
        assert_eq!(numbers(&iso, a), [slow.get(), mark, mark + 1]);
        iso.all_accounted_for();
        assert!(!iso.is_busy());
    }
}

#[test]
fn what_is_handed_back_at_two_moments_keeps_its_order() {
    let mut iso = Isolate::new();
    let first = Rc::new(Cell::new(u32::MAX));
    let is_first = first.clone();
    let a =
        iso.spawn(
            "a",
            Options::default(),
            move |_, e| {
                if e.payload == is_first.get() { Comes::Promises } else { Comes::Returns }
            },
        );
    let b = iso.spawn("b", Options::default(), |iso, _| {
        iso.submit();
        Comes::Returns
    });
    iso.run();
    first.set(iso.tell(a));
    let mut rest = vec![];
    for _ in 0..3 {
        rest.push(iso.tell(a));
        iso.tell(b);
    }
    iso.turn();
    assert_eq!(iso.delivered().len(), 7, "all in one inbox");
    iso.run();
    iso.done(a, true);
    iso.run();
    rest.insert(0, first.get());
    assert_eq!(numbers(&iso, a), rest);
}

#[test]
fn a_handler_that_promised_once_is_delivered_one_at_a_time_until_its_mailbox_is_empty() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), |_, e| {
        if e.op() == buskin_core::entry::note::MSG { Comes::Promises } else { Comes::Returns }
    });
    iso.run();
    let ids: Vec<_> = (0..5).map(|_| iso.tell(a)).collect();
    for n in 1..=5 {
        iso.run();
        assert_eq!(numbers(&iso, a), ids[..n]);
        assert_eq!(iso.lane.ledger.running, 1);
        iso.done(a, true);
    }
    iso.run();
    iso.all_accounted_for();
}

#[test]
fn concurrent_handlers_overlap_only_with_each_other() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), |_, e| if e.has(SHARED) { Comes::Promises } else { Comes::Returns });
    iso.run();
    let shared = How { flags: SHARED, ..How::default() };
    let ids = [
        iso.tell_how(a, shared),
        iso.tell_how(a, shared),
        iso.tell(a),
        iso.tell_how(a, shared),
        iso.tell_how(a, How { flags: ASYNC, ..How::default() }),
    ];
    iso.run();
    assert_eq!(numbers(&iso, a), ids[..2], "the plain one waits for both");
    iso.done(a, true);
    iso.run();
    assert_eq!(numbers(&iso, a), ids[..2]);
    iso.done(a, true);
    iso.run();
    assert_eq!(numbers(&iso, a), ids[..4], "then the plain one, then the next concurrent one, which holds the last up");
    iso.done(a, true);
    iso.run();
    assert_eq!(numbers(&iso, a), ids);
    iso.all_accounted_for();
}

#[test]
fn a_concurrent_handler_in_mid_way_of_the_inbox_is_counted_once() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), |iso, _| {
        iso.submit();
        Comes::Promises
    });
    iso.run();
    iso.done(a, true); // the start
    for _ in 0..3 {
        iso.tell_how(a, How { flags: SHARED, ..How::default() });
    }
    iso.run();
    assert_eq!((iso.lane.ledger.running, iso.in_hand(a)), (3, 3));
    for _ in 0..3 {
        iso.done(a, true);
    }
    iso.run();
    iso.all_accounted_for();
}

#[test]
fn higher_priorities_come_first_and_after_64_of_them_one_lower_is_served() {
    let mut iso = Isolate::with(Default::default(), 1024);
    let a = iso.plain("a");
    iso.run();
    let how = |priority| How { priority, ..How::default() };
    let low = iso.tell_how(a, how(2));
    let normal = iso.tell_how(a, how(0));
    let high: Vec<_> = (0..200).map(|_| iso.tell_how(a, how(1))).collect();
    iso.run();
    let got = numbers(&iso, a);
    assert_eq!((&got[..64], got[64]), (&high[..64], normal));
    assert_eq!((&got[65..129], got[129]), (&high[64..128], low));
    assert_eq!(got[130..], high[128..]);
    let ids = [iso.tell_how(a, how(2)), iso.tell_how(a, how(0)), iso.tell_how(a, how(1))];
    iso.run();
    assert_eq!(numbers(&iso, a)[202..], [ids[2], ids[1], ids[0]]);
    iso.all_accounted_for();
}

#[test]
fn order_within_a_priority_is_the_order_sent_whatever_the_ring() {
    for ring in [3, 8, 64] {
        let mut iso = Isolate::with(Default::default(), ring);
        let a = iso.spawn(
            "a",
            Options::default(),
            |_, e| {
                if e.payload % 7 == 3 { Comes::Promises } else { Comes::Returns }
            },
        );
        iso.run();
        let mut sent = [vec![], vec![], vec![]];
        for i in 0..300_u32 {
            let priority = (i * 7 + i / 5) % 3;
            let flags = if i % 7 == 3 { ASYNC } else { 0 };
            let id = iso.tell_how(a, How { priority, flags, ..How::default() });
            sent[priority as usize].push(id);
            if i % 11 == 0 {
                iso.run();
            }
        }
        loop {
            iso.run();
            if iso.in_hand(a) == 0 {
                break;
            }
            iso.done(a, true);
        }
        let got = numbers(&iso, a);
        for (priority, ids) in sent.iter().enumerate() {
            let of: Vec<_> = got.iter().copied().filter(|id| ids.contains(id)).collect();
            assert_eq!(&of, ids, "priority {priority}, ring {ring}");
        }
        iso.all_accounted_for();
    }
}

#[test]
fn a_backlog_of_one_actor_does_not_keep_the_others_waiting() {
    let mut iso = Isolate::with(Default::default(), 256);
    let (busy, calm) = (iso.plain("busy"), iso.plain("calm"));
    iso.run();
    for _ in 0..10_000 {
        iso.tell(busy);
    }
    let id = iso.tell(calm);
    let before = iso.turns;
    while iso.end_of(id) == "pending" {
        iso.turn();
        iso.read();
    }
    assert!(iso.turns - before <= 2, "after {} turns", iso.turns - before);
}

#[test]
fn a_message_to_itself_is_handled_after_the_current_one() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), |iso, e| {
        if e.op() == buskin_core::entry::note::MSG && e.payload == 1 {
            let me = Ref { index: e.index, age: 0 };
            iso.tell(me);
            iso.say("a goes on".to_owned());
        }
        Comes::Returns
    });
    iso.tell(a);
    assert_eq!(iso.after_run(), ["a starts", "a started", "a 1", "a goes on", "a 2"]);
}

#[test]
fn the_sender_travels_with_its_message() {
    let mut iso = Isolate::new();
    let b = iso.spawn("b", Options::default(), |iso, e| {
        if e.op() == buskin_core::entry::note::MSG {
            iso.say(format!("from {} {}", e.from, e.age));
        }
        Comes::Returns
    });
    iso.run();
    iso.take();
    iso.tell(b);
    iso.tell_how(b, How { from: b.index, ..How::default() });
    iso.tell_how(b, How { from: b.index, flags: flag::SAMPLE, ..How::default() });
    let trace = iso.after_run();
    let from: Vec<_> = trace.iter().filter(|t| t.starts_with("from")).collect();
    assert_eq!(from, ["from 0 0", "from 1 0", "from 1 0"]);
}
