//! Who waits for all lanes to be idle: woken when that may be so, not whenever a lane rests, and never forgotten.
mod common;

use buskin_core::lane::Defaults;
use common::hub::{World, at, post, worker};
use common::{How, Options, Ref};
use std::sync::atomic::Ordering::Relaxed;

const PLAIN: How = How { priority: 0, ttl: None, timeout: None, flags: 0, from: 0, tag: 4 };
/// Its handler returns a promise.
const SLOW: How = How { tag: 1, ..PLAIN };

fn world(lanes: u32) -> (World, Vec<Ref>) {
    let mut w = World::new(lanes, 64, 4096, Defaults { escalate: None, ..Defaults::default() });
    let actors = (0..lanes as usize).map(|lane| w.isos[lane].spawn("a", Options::default(), worker)).collect();
    w.run();
    (w, actors)
}

fn is_woken(w: &World, lane: u32) -> bool {
    w.hub.posts().get(lane).unwrap().remote.has_mail()
}

/// What an isolate does that waits and has come to rest: looks, and goes on waiting if it must.
fn looks(w: &mut World, lane: usize) -> bool {
    w.isos[lane].lane.wait_for_all(true);
    let is_idle = w.hub.is_idle();
    if is_idle {
        w.isos[lane].lane.wait_for_all(false);
    }
    is_idle
}

/// The promise of a handler is settled, if one is pending.
fn ends(w: &mut World, lane: usize) {
    if let Some(&who) = w.isos[lane].all_hands().first() {
        w.isos[lane].done(who, true);
    }
}

#[test]
fn lanes_that_rest_while_another_is_busy_wake_nobody() {
    let (mut w, actors) = world(4);
    post(&mut w.isos[1], at(2, actors[2]), SLOW, 0, 0);
    w.run();
    assert!(!looks(&mut w, 0));
    for _ in 0..100 {
        post(&mut w.isos[3], at(1, actors[1]), PLAIN, 0, 0);
        for lane in [3, 1, 1, 3, 1, 2] {
            w.turn(lane);
            assert!(!is_woken(&w, 0), "lane {lane}");
        }
    }
    w.isos[2].done(actors[2], true);
    w.turn(2);
    assert!(is_woken(&w, 0), "the last one rests");
    w.turn(0);
    assert!(looks(&mut w, 0));
}

#[test]
fn a_lane_that_rests_leaves_it_to_the_one_that_its_message_goes_to() {
    let (mut w, actors) = world(3);
    post(&mut w.isos[1], at(1, actors[1]), PLAIN, 0, 0);
    w.turn(1);
    w.turn(0); // from now on it holds the process for the other
    assert!(!looks(&mut w, 0), "that has something to read");
    post(&mut w.isos[1], at(2, actors[2]), PLAIN, 0, 0);
    w.turn(1);
    assert!(!is_woken(&w, 0), "what moves is no rest");
    w.turn(2);
    assert!(!is_woken(&w, 0), "it reads");
    w.turn(2);
    assert!(is_woken(&w, 0));
    w.turn(0);
    assert!(looks(&mut w, 0));
}

#[test]
fn whoever_rests_last_wakes_whoever_waits() {
    for (last, waits) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
        let (mut w, actors) = world(3);
        post(&mut w.isos[waits], at(last as u32, actors[last]), SLOW, 0, 0);
        w.run();
        assert!(!looks(&mut w, waits));
        w.isos[last].done(actors[last], true);
        w.turn(last);
        assert!(is_woken(&w, waits as u32), "{last} rests, {waits} waits");
        while let Some(lane) = (0..3).find(|lane| w.has_work(*lane)) {
            w.turn(lane);
            if lane == waits && looks(&mut w, lane) {
                break;
            }
        }
        assert!(w.hub.is_idle());
        let waiters = w.hub.posts().waiters.load(Relaxed);
        assert_eq!(waiters, 0, "{last} rests, {waits} waits");
    }
}

#[test]
fn who_waits_and_was_woken_in_vain_wakes_no_other() {
    let (mut w, actors) = world(3);
    post(&mut w.isos[2], at(2, actors[2]), SLOW, 0, 0);
    w.run();
    assert!(!looks(&mut w, 0) && !looks(&mut w, 1));
    for lane in [0, 1] {
        w.hub.posts().nudge(lane);
        w.turn(lane as usize);
        assert!(!is_woken(&w, 1 - lane));
    }
    w.isos[2].done(actors[2], true);
    w.turn(2);
    assert!(is_woken(&w, 0) && is_woken(&w, 1));
}

#[test]
fn who_waited_in_an_isolate_that_died_waits_no_more() {
    let (mut w, actors) = world(3);
    post(&mut w.isos[2], at(2, actors[2]), SLOW, 0, 0);
    w.run();
    assert!(!looks(&mut w, 1) && !looks(&mut w, 0));
    w.lose(1, true);
    w.run();
    assert_eq!(w.hub.posts().waiters.load(Relaxed), 1);
}

#[test]
fn nobody_is_forgotten_whatever_order_lanes_take_their_turns_in() {
    for seed in 0..400_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = move |n: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 33) as usize % n
        };
        let lanes = 2 + below(3);
        let (mut w, actors) = world(lanes as u32);
        let mut waits = vec![false; lanes];
        for _ in 0..60 {
            let (lane, to) = (below(lanes), below(lanes));
            match below(8) {
                0 => {
                    let how = if below(3) == 0 { SLOW } else { PLAIN };
                    post(&mut w.isos[lane], at(to as u32, actors[to]), how, 0, [0, 20][below(2)]);
                }
                1 => ends(&mut w, lane),
                2 => waits[lane] |= !looks(&mut w, lane),
                _ => {
                    w.turn(lane);
                    waits[lane] = waits[lane] && !looks(&mut w, lane);
                }
            }
        }
        for _ in 0..200 {
            // as isolates do: those that sleep have a turn only when something comes, or somebody wakes them
            for (lane, waits) in waits.iter_mut().enumerate() {
                ends(&mut w, lane);
                while w.has_work(lane) {
                    w.turn(lane);
                    *waits = *waits && !looks(&mut w, lane);
                }
            }
        }
        assert!(w.hub.is_idle(), "seed {seed}");
        assert!(waits.iter().all(|waits| !waits), "seed {seed}: {waits:?}");
    }
}
