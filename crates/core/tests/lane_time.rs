//! What has to do with time: ttl, asks that are late, timers; and asks that wait for each other.
mod common;

use buskin_core::entry::{note, timer, word};
use common::{ASYNC, Comes, HANDLED, How, Isolate, Options, Ref, SHARED};

const PLAIN: How = How { priority: 0, ttl: None, timeout: None, flags: 0, from: 0, tag: 0 };
const SLOW: How = How { flags: ASYNC, tag: 1, ..PLAIN };

fn worker(_: &mut Isolate, e: &buskin_core::entry::Entry) -> Comes {
    if e.op() == note::MSG && e.tag() == 1 { Comes::Promises } else { Comes::Returns }
}

// ------------------------------------------------------------------------------------------------------ ttl

#[test]
fn a_message_past_its_time_to_live_is_not_handled() {
    for (ttl, waited, end) in [(0, 0, HANDLED), (0, 1, "expired"), (5_000, 5, HANDLED), (5_000, 6, "expired")] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", Options::default(), worker);
        iso.set_time(1_000_000);
        iso.tell_how(a, SLOW);
        iso.run();
        let mortal = How { ttl: Some(ttl), ..PLAIN };
        let ids = [iso.tell_how(a, mortal), iso.send_how(a, mortal), iso.ask_how(a, mortal)];
        iso.run();
        iso.set_time(1_000_000 + waited * 1_000);
        iso.done(a, true);
        iso.run();
        assert_eq!(ids.map(|id| iso.end_of(id)), [end; 3], "ttl of {ttl} µs after {waited} ms");
        iso.all_accounted_for();
        assert!(!iso.is_busy() && !iso.holds());
    }
}

#[test]
fn many_that_expire_at_once_are_all_dead_letters_and_the_lane_does_not_stall() {
    let mut iso = Isolate::with(Default::default(), 16);
    let a = iso.spawn("a", Options::default(), worker);
    iso.tell_how(a, SLOW);
    iso.run();
    let other = iso.spawn("b", Options::default(), worker);
    iso.tell_how(other, SLOW);
    for _ in 0..500 {
        iso.ask_how(a, How { ttl: Some(10), ..PLAIN });
        iso.ask_how(other, How { ttl: Some(10), ..PLAIN });
    }
    let last = iso.tell(a);
    iso.run();
    iso.set_time(1_000);
    iso.done(a, true);
    iso.done(other, true);
    iso.run();
    assert_eq!((iso.lane.ledger.dead(), iso.end_of(last)), (1_000, HANDLED));
    iso.all_accounted_for();
    assert!(!iso.is_busy() && !iso.holds());
}

#[test]
fn many_that_expire_unnoticed_do_not_stall_the_lane() {
    let mut iso = Isolate::with(Default::default(), 16);
    iso.deaf = true;
    let (a, b) = (iso.spawn("a", Options::default(), worker), iso.spawn("b", Options::default(), worker));
    iso.tell_how(a, SLOW);
    iso.tell_how(b, SLOW);
    iso.run();
    for _ in 0..500 {
        iso.tell_how(a, How { ttl: Some(10), ..PLAIN });
        iso.tell_how(b, How { ttl: Some(10), ..PLAIN });
    }
    let last = iso.tell(a);
    iso.run();
    iso.set_time(1_000);
    iso.done(a, true);
    iso.done(b, true);
    iso.run();
    assert_eq!((iso.lane.ledger.dead(), iso.end_of(last)), (1_000, HANDLED));
    assert!(!iso.is_busy());
}

#[test]
fn what_was_handed_back_keeps_its_time_to_live() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), worker);
    iso.run();
    iso.tell_how(a, How { tag: 1, ..PLAIN });
    let mortal = iso.tell_how(a, How { ttl: Some(5_000), ..PLAIN });
    let other = iso.tell(a);
    iso.turn();
    assert_eq!(iso.delivered().len(), 3, "all in one inbox");
    iso.run();
    iso.set_time(10_000);
    iso.done(a, true);
    iso.run();
    assert_eq!((iso.end_of(mortal), iso.end_of(other)), ("expired", HANDLED));
}

#[test]
fn who_waits_for_room_expires_too() {
    let mut iso = Isolate::new();
    let options = Options { capacity: 1, policy: buskin_core::entry::policy::WAIT, ..Options::default() };
    let a = iso.spawn("a", options, worker);
    iso.tell_how(a, SLOW);
    iso.run();
    iso.tell(a);
    let outside = iso.send_how(a, How { ttl: Some(5_000), ..PLAIN });
    iso.run();
    iso.set_time(10_000);
    iso.take();
    iso.done(a, true);
    iso.run();
    assert_eq!(iso.end_of(outside), "expired");
    assert!(!iso.take().contains(&format!("accepted {outside}")));
}

// ----------------------------------------------------------------------------------------------------- asks

#[test]
fn an_ask_that_is_late_is_told_and_handled_all_the_same() {
    for (timeout, due) in [(None, 5_000), (Some(20_000), 20), (Some(1), 1), (Some(0), 0)] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", Options::default(), worker);
        let ask = iso.ask_how(a, How { timeout, ..SLOW });
        iso.run();
        iso.take();
        if due > 0 {
            iso.advance(due - 1);
            assert_eq!(iso.take(), Vec::<String>::new());
            iso.advance(1);
        } else {
            iso.advance(0);
        }
        assert_eq!(iso.take(), [format!("late {ask}")], "{timeout:?}");
        iso.done(a, true);
        iso.run();
        assert_eq!(iso.end_of(ask), HANDLED);
        assert!(!iso.holds());
    }
}

#[test]
fn an_ask_without_a_time_out_waits_for_ever_and_holds_the_process() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), worker);
    iso.ask_how(a, How { timeout: Some(u64::MAX), ..SLOW });
    iso.run();
    iso.take();
    iso.advance(1 << 40);
    assert!(iso.take().is_empty() && iso.holds());
    iso.done(a, true);
    iso.run();
    assert!(!iso.holds());
}

#[test]
fn an_ask_that_was_answered_is_never_late() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), worker);
    for _ in 0..300 {
        iso.ask_how(a, PLAIN); // slots are used again
        iso.run();
    }
    iso.take();
    iso.advance(60_000);
    assert!(iso.take().is_empty() && !iso.holds());
    iso.all_accounted_for();
}

#[test]
fn the_host_is_told_when_to_come_next() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), worker);
    iso.run();
    assert_eq!(iso.header(word::NEXT), -1);
    iso.timer(a, 0, 0, 7_500);
    iso.turn();
    assert_eq!(iso.header(word::NEXT), 8, "rounded up, so that nothing fires early");
    iso.timer(a, 1, 0, 9_000);
    iso.turn();
    assert_eq!(iso.header(word::NEXT), -1, "later than what it knows");
    iso.timer(a, 2, 0, 2_000);
    iso.turn();
    assert_eq!(iso.header(word::NEXT), 2);
    iso.set_time(2_000);
    iso.tick();
    iso.run();
    iso.set_time(9_000);
    iso.tick();
    iso.turn();
    assert_eq!(iso.header(word::NEXT), -2, "nothing more");
}

#[test]
fn a_tick_that_meets_a_submission_is_not_lost() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), worker);
    iso.timer(a, 0, 0, 1_000);
    iso.run();
    iso.set_time(1_000);
    iso.tick();
    iso.submit();
    assert!(iso.is_busy());
    iso.take();
    assert_eq!(iso.after_run(), ["a timer 0 last"]);
}

// --------------------------------------------------------------------------------------------------- timers

#[test]
fn a_timer_fires_once_and_holds_the_process_until_then() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), worker);
    iso.timer(a, 0, 0, 10_000);
    iso.timer(a, 1, timer::UNREF, 50_000);
    iso.run();
    assert!(iso.holds() && !iso.is_busy());
    iso.take();
    iso.advance(9);
    assert!(iso.take().is_empty());
    iso.advance(1);
    assert_eq!(iso.take(), ["a timer 0 last"]);
    assert!(!iso.holds(), "the other is unrefed");
    iso.hold_timer(1, true);
    iso.run();
    assert!(iso.holds());
    iso.hold_timer(1, false);
    iso.run();
    assert!(!iso.holds());
    iso.advance(100);
    assert_eq!(iso.take(), ["a timer 1 last"]);
}

#[test]
fn a_timer_of_fixed_rate_gives_one_tick_a_period() {
    for period in [1_000, 3_000, 10_000, 100_000, 33_333] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", Options::default(), worker);
        iso.timer(a, 0, timer::EVERY, period);
        iso.run();
        iso.take();
        iso.advance(1_000);
        assert_eq!(iso.take().len() as u64, 1_000_000 / period, "every {period} µs");
    }
}

#[test]
fn ticks_are_coalesced_while_the_actor_is_busy_and_the_rate_is_kept() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), worker);
    iso.timer(a, 0, timer::EVERY, 10_000);
    iso.tell_how(a, SLOW);
    iso.run();
    iso.advance(55);
    iso.take();
    iso.done(a, true);
    assert_eq!(iso.after_run(), ["a timer 0"], "five became one");
    iso.advance(4);
    assert!(iso.take().is_empty());
    iso.advance(1);
    assert_eq!(iso.take(), ["a timer 0"], "at 60");
}

#[test]
fn a_timer_of_fixed_delay_counts_from_the_end_of_its_callback() {
    let mut iso = Isolate::new();
    let a =
        iso.spawn("a", Options::default(), |_, e| if e.op() == note::TIMER { Comes::Promises } else { Comes::Returns });
    iso.timer(a, 0, timer::FROM_END, 10_000);
    iso.run();
    iso.take();
    iso.advance(10);
    assert_eq!(iso.take(), ["a timer 0"]);
    iso.advance(100);
    assert!(iso.take().is_empty(), "it still runs");
    iso.done(a, true);
    iso.advance(9);
    assert!(iso.take().is_empty());
    iso.advance(1);
    assert_eq!(iso.take(), ["a timer 0"]);
}

#[test]
fn a_cancelled_timer_does_not_fire_and_its_number_may_be_used_again() {
    for bits in [0, timer::EVERY, timer::FROM_END] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", Options::default(), worker);
        iso.timer(a, 0, bits, 10_000);
        iso.run();
        iso.cancel(0);
        iso.timer(a, 0, bits, 30_000);
        iso.run();
        iso.take();
        iso.advance(29);
        assert!(iso.take().is_empty());
        iso.advance(1);
        assert_eq!(iso.take().len(), 1);
        iso.cancel(0);
        iso.cancel(0);
        iso.cancel(77);
        iso.advance(100);
        assert!(iso.take().is_empty() && !iso.holds() && !iso.is_busy());
    }
}

#[test]
fn a_timer_cancelled_while_its_tick_waits_does_not_fire() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), worker);
    iso.timer(a, 0, timer::EVERY, 10_000);
    iso.tell_how(a, SLOW);
    iso.run();
    iso.advance(15);
    iso.cancel(0);
    iso.timer(a, 0, 0, 100_000);
    iso.run();
    iso.take();
    iso.done(a, true);
    assert!(iso.after_run().is_empty());
    assert!(!iso.is_busy() && iso.holds());
}

#[test]
fn the_end_of_a_cancelled_callback_does_not_touch_the_timer_that_has_its_number_now() {
    for (old, new) in [(0, 0), (0, timer::EVERY), (timer::EVERY, 0), (timer::FROM_END, timer::FROM_END)] {
        let mut iso = Isolate::new();
        let a =
            iso.spawn(
                "a",
                Options::default(),
                |_, e| {
                    if e.op() == note::TIMER { Comes::Promises } else { Comes::Returns }
                },
            );
        iso.timer(a, 0, old, 10_000);
        iso.timer(a, 1, old, 50_000);
        iso.advance(10);
        if old != 0 {
            iso.cancel(0); // one that fired for the last time is free by itself
        }
        iso.run();
        iso.timer(a, 0, new, 5_000);
        iso.advance(7);
        iso.take();
        iso.done(a, true);
        let last = if new == 0 { " last" } else { "" };
        assert_eq!(iso.after_run(), [format!("a timer 0{last}")], "{old} {new}");
        iso.done(a, true);
        iso.stop(a);
        iso.run();
        assert!(!iso.is_busy() && !iso.holds());
    }
}

#[test]
fn timers_end_with_their_actor() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options { hook: true, ..Options::default() }, |_, e| {
        if e.op() == note::STOP { Comes::Promises } else { Comes::Returns }
    });
    for id in 0..10 {
        iso.timer(a, id, if id % 2 == 0 { timer::EVERY } else { 0 }, 10_000);
    }
    iso.run();
    iso.stop(a);
    iso.run();
    iso.timer(a, 11, 0, 1_000); // in onStop: too late
    iso.take();
    iso.advance(100);
    assert!(iso.take().is_empty());
    iso.done(a, true);
    iso.run();
    assert!(!iso.is_busy() && !iso.holds());
    assert_eq!(iso.lane.next_deadline(), None, "nothing is left on the wheel");
}

#[test]
fn a_period_of_nothing_does_not_hang_the_lane() {
    for bits in [0, timer::EVERY, timer::FROM_END] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", Options::default(), worker);
        iso.timer(a, 0, bits, 0);
        iso.run();
        iso.tick();
        iso.run();
        iso.advance(3);
        iso.cancel(0);
        iso.run();
        assert!(!iso.is_busy());
    }
}

#[test]
fn a_timer_that_throws_fails_its_actor() {
    let mut iso = Isolate::new();
    let a =
        iso.spawn("a", Options::default(), |_, e| if e.op() == note::TIMER { Comes::Throws } else { Comes::Returns });
    iso.timer(a, 0, timer::EVERY, 10_000);
    iso.run();
    iso.take();
    iso.advance(50);
    assert_eq!(iso.take(), ["a timer 0", "a failed 3", "a ended failed"]);
    assert!(!iso.is_busy() && !iso.holds());
}

#[test]
fn a_tick_handed_back_comes_again() {
    let mut iso = Isolate::new();
    let a =
        iso.spawn("a", Options::default(), |_, e| if e.op() == note::WATCH { Comes::Promises } else { Comes::Returns });
    let b = iso.plain("b");
    iso.watch(a, b, 1);
    iso.timer(a, 0, 0, 10_000);
    iso.run();
    iso.stop(b);
    iso.turn();
    iso.read();
    // both signals in one inbox, the watch first
    iso.set_time(10_000);
    iso.tick();
    iso.run();
    iso.take();
    if iso.in_hand(a) > 0 {
        iso.done(a, true);
    }
    iso.run();
    assert!(!iso.is_busy() && !iso.holds());
}

// --------------------------------------------------------------------------------------------------- cycles

/// Actors that ask the next one from within a handler that waits for the reply: message tags say whom.
fn ring(iso: &mut Isolate, count: usize) -> Vec<Ref> {
    let names = ["a", "b", "c", "d"];
    (0..count).map(|at| iso.spawn(names[at], Options::default(), worker)).collect()
}

#[test]
fn a_cycle_of_asks_is_seen_when_it_closes_and_its_time_outs_say_so() {
    for count in [1, 2, 3, 4] {
        let mut iso = Isolate::new();
        let refs = ring(&mut iso, count);
        let outer = iso.ask_how(refs[0], SLOW);
        iso.run();
        for at in 0..count - 1 {
            iso.ask_how(refs[at + 1], How { from: refs[at].index, ..SLOW });
            iso.run();
        }
        iso.take();
        let last = iso.ask_how(refs[0], How { from: refs[count - 1].index, ..SLOW });
        let mut expected = vec![format!("cycle {} {}", iso.name(refs[count - 1].index), count - 1)];
        for (at, asker) in refs[..count - 1].iter().enumerate() {
            expected.push(format!("cycle {} {}", iso.name(asker.index), count - 2 - at));
        }
        assert_eq!(iso.after_run(), expected, "{count} actors");
        iso.advance(5_000);
        let mut late: Vec<_> =
            (outer..=last).map(|id| format!("late {id}{}", if id == outer { "" } else { " deadlock" })).collect();
        let mut told = iso.take();
        late.sort();
        told.sort();
        assert_eq!(told, late);
        for &r in &refs {
            iso.done(r, true);
        }
        iso.run();
        iso.done(refs[0], true);
        iso.run();
        iso.all_accounted_for();
        assert!(!iso.is_busy());
    }
}

#[test]
fn a_cycle_that_a_reply_has_broken_is_none() {
    let mut iso = Isolate::new();
    let refs = ring(&mut iso, 3);
    let how = |from: Ref| How { from: from.index, ..SLOW };
    iso.tell_how(refs[0], SLOW);
    iso.run();
    iso.ask_how(refs[1], how(refs[0]));
    iso.run();
    iso.ask_how(refs[2], how(refs[1]));
    iso.run();
    iso.done(refs[2], true); // b goes on, and asks nobody any more
    iso.run();
    iso.done(refs[1], true);
    iso.run();
    iso.tell_how(refs[1], SLOW);
    iso.run();
    iso.take();
    iso.ask_how(refs[0], how(refs[1]));
    iso.run();
    assert!(!iso.take().iter().any(|t| t.contains("cycle")), "a waits for nobody");
}

#[test]
fn an_ask_that_outlives_its_handler_is_waited_for_by_nobody() {
    let mut iso = Isolate::new();
    let refs = ring(&mut iso, 2);
    iso.tell_how(refs[0], SLOW);
    iso.run();
    iso.ask_how(refs[1], How { from: refs[0].index, ..SLOW });
    iso.run();
    iso.done(refs[0], true); // without awaiting the reply
    iso.tell_how(refs[0], SLOW);
    iso.run();
    iso.ask_how(refs[0], How { from: refs[1].index, ..SLOW });
    iso.run();
    assert!(!iso.take().iter().any(|t| t.contains("cycle")));
}

#[test]
fn concurrent_handlers_and_those_that_ended_wait_for_nobody() {
    let mut iso = Isolate::new();
    let refs = ring(&mut iso, 2);
    iso.tell_how(refs[0], How { flags: SHARED, ..SLOW });
    iso.tell_how(refs[1], SLOW);
    iso.run();
    iso.ask_how(refs[1], How { from: refs[0].index, ..SLOW });
    iso.run();
    iso.ask_how(refs[0], How { from: refs[1].index, ..SLOW });
    iso.run();
    assert!(!iso.take().iter().any(|t| t.contains("cycle")));
}

#[test]
fn a_cycle_through_a_start_or_a_timer_is_seen_too() {
    for what in [note::START, note::TIMER] {
        let mut iso = Isolate::new();
        let a = iso.spawn(
            "a",
            Options::default(),
            move |_, e| {
                if e.op() == what { Comes::Promises } else { Comes::Returns }
            },
        );
        let b = iso.spawn("b", Options::default(), worker);
        iso.timer(a, 0, 0, 1_000);
        iso.advance(1);
        iso.ask_how(b, How { from: a.index, ..SLOW });
        iso.run();
        iso.take();
        iso.ask_how(a, How { from: b.index, ..PLAIN });
        assert_eq!(iso.after_run(), ["cycle b 1", "cycle a 0"]);
    }
}

#[test]
fn an_ask_handed_over_before_its_handler_promised_is_in_the_cycle_too() {
    let mut iso = Isolate::new();
    let b = iso.spawn("b", Options::default(), worker);
    let a = iso.spawn("a", Options::default(), move |iso, e| {
        if e.op() != note::MSG || e.tag() != 1 {
            return Comes::Returns;
        }
        iso.ask_how(b, SLOW);
        iso.submit();
        Comes::Promises
    });
    iso.run();
    iso.tell_how(a, How { tag: 1, ..PLAIN });
    iso.run();
    iso.take();
    iso.ask_how(a, How { from: b.index, ..PLAIN });
    assert_eq!(iso.after_run(), ["cycle b 1", "cycle a 0"]);
}

#[test]
fn the_search_for_a_cycle_looks_at_every_open_ask() {
    let mut iso = Isolate::new();
    let refs = ring(&mut iso, 4);
    iso.tell_how(refs[0], SLOW);
    iso.run();
    for to in [1, 2, 3] {
        iso.ask_how(refs[to], How { from: refs[0].index, ..SLOW }); // Promise.all
        iso.run();
    }
    iso.take();
    iso.ask_how(refs[2], How { from: refs[3].index, ..SLOW });
    iso.run();
    assert!(!iso.take().iter().any(|t| t.contains("cycle")));
    iso.ask_how(refs[0], How { from: refs[2].index, ..SLOW });
    let trace = iso.after_run();
    assert_eq!(trace, ["cycle c 2", "cycle a 1", "cycle d 0"], "a waits for c itself, and for d, which waits for c");
}
