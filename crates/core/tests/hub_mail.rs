//! Messages and calls between lanes: order, letters, bounds, deadlines, dead letters; the counts are exact after each step.
mod common;

use buskin_core::entry::{directive, flag, mode, policy, restart, word};
use buskin_core::lane::Defaults;
use buskin_core::lane::far::Address;
use common::hub::{KILL, MISSING, STOP, UNMET, World, abort, at, post, spawn_on, stop_there, worker};
use common::{How, Options, Ref, profile};
use std::rc::Rc;

const TELL: u32 = 0;
const PLAIN: How = How { priority: 0, ttl: None, timeout: None, flags: 0, from: 0, tag: 4 };
const SLOW: How = How { tag: 1, ..PLAIN };

fn two(bag: usize) -> World {
    World::new(2, 64, bag, Defaults { escalate: None, ..Defaults::default() })
}

/// An actor in lane 1, as lane 0 knows it.
fn there(w: &mut World, o: Options) -> (Ref, Ref) {
    let who = w.isos[1].spawn("b", o, worker);
    w.run();
    (who, at(1, who))
}

fn bounded(policy: u32) -> Options {
    Options { capacity: 2, policy, ..Options::default() }
}

fn end(mut w: World) {
    for lane in 0..2 {
        w.isos[lane].shutdown(1_000);
    }
    w.run();
    w.nothing_left();
}

#[test]
fn messages_keep_their_order_whatever_they_carry() {
    let mut w = two(4096);
    let (_, to) = there(&mut w, Options::default());
    let ids: Vec<_> = (0..300)
        .map(|n| post(&mut w.isos[0], to, PLAIN, TELL, [0, 10, 77, 79, 80, 81, 700, 5_000, 7_000][n % 9]))
        .collect();
    w.run();
    let ran: Vec<_> = w.isos[1].begun.iter().map(|b| b.1).collect();
    assert_eq!(ran, ids);
    assert_eq!((w.hub.ledger().sent, w.hub.ledger().handled), (300, 300));
    end(w);
}

#[test]
fn an_actor_that_a_lane_spawns_in_itself_is_there_for_the_message_behind_it() {
    for full in [false, true] {
        let mut w = two(4096);
        let (child, _) = spawn_on(&mut w.isos[1], 1, "c", Options::default(), Rc::new(worker));
        let own = Ref { index: Address::of(child.index).unwrap().index, age: child.age };
        if full {
            w.isos[1].submit(); // as when the outbox is handed over early
        }
        let id = post(&mut w.isos[1], own, PLAIN, flag::ASK, 0);
        let by_address = post(&mut w.isos[1], child, PLAIN, flag::ASK, 0);
        w.run();
        assert_eq!([w.end_of(id), w.end_of(by_address)], ["handled"; 2]);
        end(w);
    }
}

#[test]
fn letters_larger_than_the_bag_are_asked_for_and_what_is_held_back_keeps_its_own() {
    let mut w = two(64);
    let (who, to) = there(&mut w, Options::default());
    // the first promises: those behind it are handed back, with their letters
    let ids: Vec<_> = (0..20)
        .map(|n| post(&mut w.isos[0], to, How { tag: if n == 0 { UNMET } else { 4 }, ..PLAIN }, TELL, 20 + n * 9))
        .collect();
    w.run();
    assert_eq!(w.isos[1].begun.len(), 1);
    w.isos[1].done(who, true);
    w.run();
    assert_eq!(w.isos[1].begun.iter().map(|b| b.1).collect::<Vec<_>>(), ids);
    end(w);
}

#[test]
fn every_kind_of_call_is_settled_once() {
    let mut w = two(4096);
    let (who, to) = there(&mut w, Options::default());
    let ask = post(&mut w.isos[0], to, PLAIN, flag::ASK, 0);
    let late = post(&mut w.isos[0], to, SLOW, flag::ASK, 30);
    let send = post(&mut w.isos[0], to, PLAIN, flag::SEND, 0);
    w.run();
    assert_eq!([w.settled(ask), w.settled(late), w.settled(send)], ["ok", "open", "accepted"]);
    w.isos[1].done(who, true);
    w.run();
    assert_eq!(w.settled(late), "ok");
    let missing = [TELL, flag::ASK, flag::SEND].map(|k| post(&mut w.isos[0], to, How { tag: MISSING, ..PLAIN }, k, 9));
    let unmet = post(&mut w.isos[0], to, How { tag: UNMET, ..PLAIN }, flag::SEND, 0);
    let stream = post(&mut w.isos[0], to, How { tag: 6, ..PLAIN }, flag::STREAM, 9);
    let again = post(&mut w.isos[0], to, How { tag: 4, ..PLAIN }, flag::ASK, 9);
    w.run();
    assert_eq!(missing.map(|id| w.end_of(id)), ["no-handler"; 3]);
    assert_eq!([w.settled(missing[1]), w.settled(missing[2])], ["threw"; 2]);
    w.isos[1].done(who, true);
    w.run();
    assert_eq!([w.settled(unmet), w.settled(again)], ["accepted", "ok"]);
    w.isos[1].stream_end(who, true);
    w.run();
    assert_eq!(w.settled(stream), "ok");
    let thrown = post(&mut w.isos[0], to, How { tag: 2, ..PLAIN }, flag::ASK, 9);
    w.run();
    assert_eq!(w.settled(thrown), "threw");
    end(w);
}

#[test]
fn a_full_mailbox_refuses_waits_or_drops_as_its_policy_says() {
    for (policy, ends) in [
        (policy::REJECT, ["pending", "pending", "mailbox-full", "mailbox-full"]),
        (policy::WAIT, ["pending"; 4]),
        (policy::DROP_NEWEST, ["pending", "pending", "dropped", "dropped"]),
        (policy::DROP_OLDEST, ["dropped", "dropped", "pending", "pending"]),
    ] {
        let mut w = two(4096);
        let (who, to) = there(&mut w, bounded(policy));
        post(&mut w.isos[0], to, SLOW, TELL, 0);
        w.run();
        let ids = [flag::ASK, flag::SEND, flag::ASK, flag::SEND].map(|kind| post(&mut w.isos[0], to, PLAIN, kind, 12));
        w.run();
        assert_eq!(ids.map(|id| w.end_of(id)), ends, "{policy}");
        let accepted = w.settled(ids[3]);
        assert_eq!(accepted == "accepted", policy == policy::DROP_OLDEST, "{accepted}");
        w.isos[1].done(who, true);
        w.run();
        for (id, before) in ids.into_iter().zip(ends) {
            assert_eq!(w.end_of(id), if before == "pending" { "handled" } else { before });
            assert_ne!(w.settled(id), "open", "{policy}");
        }
        end(w);
    }
}

#[test]
fn a_send_that_was_let_in_and_is_dropped_in_the_same_turn_is_refused_and_a_later_one_is_not() {
    for kind in [flag::SEND, flag::SEND | flag::ABORTS] {
        let mut w = two(4096);
        let (who, to) = there(&mut w, bounded(policy::DROP_OLDEST));
        post(&mut w.isos[0], to, SLOW, TELL, 0);
        w.run();
        let one_turn = [0, 12, 0, 12].map(|length| post(&mut w.isos[0], to, PLAIN, kind, length));
        w.run();
        assert_eq!(one_turn.map(|id| w.settled(id)), ["dropped", "dropped", "accepted", "accepted"]);
        let later = post(&mut w.isos[0], to, PLAIN, kind, 0);
        w.run();
        assert_eq!([w.end_of(one_turn[2]), w.settled(one_turn[2])], ["dropped", "accepted"]);
        assert_eq!(w.settled(later), "accepted");
        w.isos[1].done(who, true);
        w.run();
        assert_eq!([one_turn[3], later].map(|id| w.end_of(id)), ["handled"; 2]);
        end(w);
    }
}

#[test]
fn a_send_may_be_aborted_as_long_as_it_waits_and_its_call_is_open_until_it_is_over() {
    const SEND: u32 = flag::SEND | flag::ABORTS;
    let mut w = two(4096);
    let (who, to) = there(&mut w, Options::default());
    post(&mut w.isos[0], to, SLOW, TELL, 0);
    let waits = [0, 12].map(|length| post(&mut w.isos[0], to, PLAIN, SEND, length));
    let plain = post(&mut w.isos[0], to, PLAIN, flag::SEND, 0);
    let late = post(&mut w.isos[0], to, How { tag: UNMET, ..PLAIN }, SEND, 0);
    w.run();
    let open = |w: &World| w.isos[0].far.as_ref().unwrap().accepted.len();
    assert_eq!([waits[0], waits[1], plain].map(|id| w.settled(id)), ["accepted"; 3]);
    assert_eq!((w.settled(late), open(&w)), ("open", 2)); // nobody knows yet whether there is such a method
    for id in waits {
        abort(&mut w.isos[0], to, id);
    }
    w.run();
    assert_eq!(waits.map(|id| w.end_of(id)), ["aborted"; 2]);
    assert_eq!(open(&w), 0);
    w.isos[1].done(who, true);
    w.run();
    let runs = post(&mut w.isos[0], to, How { tag: 5, ..PLAIN }, SEND, 0);
    w.isos[1].done(who, true);
    w.run();
    assert_eq!([plain, late, runs].map(|id| w.end_of(id)), ["handled", "handled", "pending"]);
    assert_eq!((w.settled(late), w.settled(runs), open(&w)), ("accepted", "accepted", 1));
    abort(&mut w.isos[0], to, runs);
    w.run();
    assert_eq!((w.end_of(runs), open(&w)), ("pending", 1));
    w.isos[1].done(who, true);
    w.run();
    assert_eq!((w.end_of(runs), open(&w)), ("handled", 0));
    end(w);
}

#[test]
fn the_call_of_a_send_that_was_let_in_is_over_when_the_isolate_is_gone_that_had_its_message() {
    let mut w = two(4096);
    let o = Options { restart: restart::PERMANENT, ..Options::default() };
    for iso in &mut w.isos {
        iso.lane.profile(&profile(0.0, f64::INFINITY, 1e6, None));
    }
    let (to, _) = spawn_on(&mut w.isos[0], 1, "b", o, Rc::new(worker));
    w.run();
    let begun = post(&mut w.isos[0], to, SLOW, flag::SEND | flag::ABORTS, 12);
    let waits = post(&mut w.isos[0], to, PLAIN, flag::SEND | flag::ABORTS, 12);
    w.run();
    assert_eq!(w.isos[0].far.as_ref().unwrap().accepted.len(), 2);
    w.lose(1, true);
    w.run();
    assert_eq!([begun, waits].map(|id| w.settled(id)), ["accepted"; 2]);
    assert_eq!(w.isos[0].far.as_ref().unwrap().accepted.len(), 1); // what waits will be handled yet
    w.revive(1);
    w.run();
    assert_eq!(w.end_of(waits), "handled");
    end(w);
}

#[test]
fn what_expires_is_aborted_or_comes_to_the_dead_is_refused() {
    let mut w = two(4096);
    let (who, to) = there(&mut w, bounded(policy::WAIT));
    post(&mut w.isos[0], to, SLOW, TELL, 0);
    w.run();
    let mortal =
        [0, 50].map(|l| post(&mut w.isos[0], to, How { ttl: Some(5_000), priority: 1, ..PLAIN }, flag::ASK, l));
    let parked = [0, 50].map(|l| post(&mut w.isos[0], to, PLAIN, flag::SEND, l));
    w.run();
    abort(&mut w.isos[0], to, parked[0]);
    w.advance(10);
    assert_eq!(w.end_of(parked[0]), "aborted");
    w.isos[1].done(who, true);
    w.run();
    assert_eq!(mortal.map(|id| w.end_of(id)), ["expired"; 2]);
    assert_eq!(mortal.map(|id| w.settled(id)), ["expired"; 2]);
    assert_eq!([w.end_of(parked[1]), w.settled(parked[1])], ["handled", "accepted"]);
    let patient = post(&mut w.isos[0], to, How { timeout: Some(3_000), ..SLOW }, flag::ASK, 0);
    w.advance(5);
    assert_eq!(w.settled(patient), "late");
    let behind = post(&mut w.isos[0], to, PLAIN, flag::ASK, 40);
    w.run();
    stop_there(&mut w.isos[0], to, KILL);
    let after = [TELL, flag::ASK, flag::SEND].map(|k| post(&mut w.isos[0], to, PLAIN, k, 40));
    w.run();
    assert_eq!([w.end_of(behind), w.settled(behind)], ["stopped"; 2]);
    assert_eq!(after.map(|id| w.end_of(id)), ["stopped"; 3]);
    let nobody = post(&mut w.isos[0], at(1, Ref { index: 50_000, age: 0 }), PLAIN, flag::ASK, 40);
    let nowhere = post(&mut w.isos[0], at(9, Ref { index: 1, age: 0 }), PLAIN, flag::ASK, 40);
    w.run();
    assert_eq!([w.settled(nobody), w.settled(nowhere)], ["no-such-actor", "dead"]);
    let l = w.hub.ledger();
    assert_eq!(l.dead[0], 2);
    end(w);
}

#[test]
fn a_lane_knows_from_each_turn_what_other_isolates_listen_to() {
    let mut w = two(4096);
    let asked = |w: &World| [0, 1].map(|lane: usize| w.isos[lane].header[word::ASKED].cast_unsigned());
    w.run();
    assert_eq!(asked(&w), [0, mode::EVENTS | mode::DEAD]);
    w.isos[0].lane.listens(0);
    w.isos[1].lane.listens(mode::DEAD);
    w.run();
    assert_eq!(asked(&w), [mode::DEAD, 0]);
    w.lose(1, false);
    w.run();
    assert_eq!(asked(&w)[0], 0, "who is gone listens no more");
    w.revive(1);
    end(w);
}

#[test]
fn what_an_isolate_had_dies_with_it_and_what_waits_encoded_is_kept() {
    for readable in [true, false] {
        let mut w = two(4096);
        let o = Options { restart: restart::PERMANENT, hook: true, ..Options::default() };
        for iso in &mut w.isos {
            iso.lane.profile(&profile(0.0, f64::INFINITY, 1e6, None));
        }
        let (to, stand_in) = spawn_on(&mut w.isos[0], 1, "b", o, Rc::new(worker));
        let (temporary, other) =
            spawn_on(&mut w.isos[0], 1, "c", Options { restart: restart::TEMPORARY, ..o }, Rc::new(worker));
        w.run();
        let running = post(&mut w.isos[0], to, SLOW, flag::ASK, 0);
        let waiting = [0, 40].map(|l| post(&mut w.isos[0], to, PLAIN, flag::ASK, l));
        let lost = post(&mut w.isos[0], temporary, SLOW, flag::ASK, 0);
        w.run();
        w.take();
        w.lose(1, readable);
        w.run();
        assert_eq!([w.settled(running), w.settled(lost)], ["isolate-lost"; 2]);
        assert_eq!(waiting.map(|id| w.settled(id)), ["open"; 2]);
        let trace = w.take();
        assert!(trace.contains(&"~c ended lost".to_owned()), "{trace:?}");
        assert!(
            !w.isos[0].lane.is_alive(other.index, other.age) && w.isos[0].lane.is_alive(stand_in.index, stand_in.age)
        );
        let meanwhile = post(&mut w.isos[0], to, PLAIN, flag::ASK, 0);
        w.run();
        w.revive(1);
        w.run();
        assert_eq!(waiting.map(|id| w.settled(id)), ["ok"; 2]);
        assert_eq!(w.settled(meanwhile), "ok");
        let l = w.hub.ledger();
        assert_eq!((l.restarts, l.dead[6], l.actors), (1, 2, 1));
        assert_eq!(
            w.remains(),
            [(6, String::new()), (6, String::new())],
            "one letter each, told where the stand-ins are"
        );
        stop_there(&mut w.isos[0], to, STOP);
        w.run();
        end(w);
    }
}

#[test]
fn an_answer_for_an_isolate_that_is_gone_does_not_reach_the_next() {
    let mut w = two(4096);
    let here = w.isos[0].spawn("a", Options::default(), worker);
    w.run();
    let old = post(&mut w.isos[1], at(0, here), SLOW, flag::ASK, 0);
    w.run();
    w.lose(1, true);
    w.revive(1);
    let new = post(&mut w.isos[1], at(0, here), PLAIN, flag::ASK, 0);
    w.isos[0].done(here, true);
    w.run();
    assert_eq!([w.settled(old), w.settled(new)], ["open", "ok"]);
    end(w);
}

#[test]
fn the_first_lane_again_below_another_is_supervised_and_ends_in_order() {
    let mut w = two(4096);
    for iso in &mut w.isos {
        let mut numbers = profile(1.0, f64::INFINITY, 1e6, Some([1.0, 10_000.0, 10_000.0, 1.0, 0.0, 1e6, 0.0]));
        numbers[10] = 1.0;
        iso.lane.profile(&numbers);
        iso.decider = Some(Rc::new(|_, _| directive::RESTART));
    }
    let o = Options { restart: restart::PERMANENT, hook: true, ..Options::default() };
    let (top, _) = spawn_on(&mut w.isos[0], 1, "top", o, Rc::new(worker));
    w.run();
    let below = Options { parent: top.index & ((1 << 26) - 1), ..o };
    let (leaf, _) = spawn_on(&mut w.isos[1], 0, "leaf", below, Rc::new(worker));
    w.isos[1].spawn("twig", below, worker);
    w.run();
    w.take();
    post(&mut w.isos[1], leaf, How { tag: 2, ..PLAIN }, TELL, 0);
    w.run();
    let lives = |w: &mut World| {
        let mut t = w.take();
        t.retain(|t| !t.starts_with('~') && [" starts", " stops", " down", " ended"].iter().any(|k| t.contains(k)));
        t
    };
    assert_eq!(lives(&mut w), ["leaf stops failed", "leaf down failed", "twig stops shutdown", "twig down shutdown"]);
    w.advance(20);
    assert_eq!(lives(&mut w), ["leaf starts", "twig starts"]);
    w.isos[0].shutdown(10_000);
    w.run();
    assert_eq!(
        lives(&mut w),
        [
            "twig stops shutdown",
            "twig ended shutdown",
            "leaf stops shutdown",
            "leaf ended shutdown",
            "top stops shutdown",
            "top ended shutdown"
        ]
    );
    end(w);
}

#[test]
fn what_an_isolate_was_granted_elsewhere_and_did_not_use_is_free_when_it_dies_and_no_more_than_that() {
    let mut w = two(4096);
    let (used, _) = spawn_on(&mut w.isos[1], 0, "b", Options::default(), Rc::new(worker));
    w.run();
    let whose = w.isos[1].lane.borrows(0);
    let (index, age) = w.isos[0].lane.lend(whose).unwrap();
    w.isos[0].lane.reserve(0, "x", index).unwrap();
    w.lose(1, true);
    w.run();
    w.revive(1);
    let again = w.isos[1].lane.borrows(0);
    let next: Vec<_> = (0..8).map(|_| w.isos[0].lane.lend(again).unwrap()).collect();
    assert_eq!(next.iter().filter(|granted| **granted == (index, age + 1)).count(), 1, "once");
    let at = Address::of(used.index).unwrap().index;
    assert_eq!(next.iter().filter(|granted| **granted == (at, used.age + 1)).count(), 1, "its actor ended: once, too");
    assert_eq!(w.isos[0].lane.reserve(0, "x", index), Ok(()));
    w.run();
    assert_eq!(w.isos[0].lane.lent(), 8, "those of the next isolate stay");
}
