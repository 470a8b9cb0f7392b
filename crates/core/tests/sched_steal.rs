//! Idle threads run actors of lanes that are slow: real threads, scripted handlers.
#![cfg(not(loom))]

#[path = "common/crew.rs"]
mod crew;

use buskin_core::sched::Options;
use crew::{World, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

fn two_cpus() -> bool {
    std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1) // with one nobody steals
}

#[test]
fn a_handler_that_blocks_does_not_keep_the_other_actors_of_its_lane() {
    if !two_cpus() {
        return;
    }
    let world = World::new(2);
    let (free, blocked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (waits, begun) = (Arc::clone(&free), Arc::clone(&blocked));
    let stuck = world.actor(1, move |_, _| {
        begun.fetch_add(1, SeqCst);
        until("the others have run", || waits.load(SeqCst)); // which they can only elsewhere
        true
    });
    let ran = Arc::new(AtomicU32::new(0));
    let others: Vec<_> = (0..8)
        .map(|_| {
            let ran = Arc::clone(&ran);
            world.actor(1, move |_, _| ran.fetch_add(1, SeqCst) < u32::MAX)
        })
        .collect();
    let threads = world.start(&Options::default());
    for round in 1..=20 {
        free.store(false, SeqCst);
        world.tell(stuck, [0]);
        until("it blocks", || blocked.load(SeqCst) == round);
        for who in &others {
            world.tell(*who, [0]);
        }
        until("all others have run", || ran.load(SeqCst) == round * 8);
        free.store(true, SeqCst);
        world.rests();
    }
    assert!(world.moved.load(SeqCst) >= 20 * 8, "elsewhere");
    world.rests();
    threads.end();
}

/// Comes back when as many have come as make a pair.
fn met(count: &AtomicU32) {
    let pair = (count.fetch_add(1, SeqCst) / 2 + 1) * 2;
    until("the other one comes", || count.load(SeqCst) >= pair);
}

/// Two handlers that wait for each other can only both be done when two threads run them.
#[test]
fn two_actors_of_one_lane_run_at_the_same_time() {
    if !two_cpus() {
        return;
    }
    let world = World::new(2);
    let both = Arc::new(AtomicU32::new(0));
    let done = Arc::new(AtomicU32::new(0));
    let pair: Vec<_> = (0..2)
        .map(|_| {
            let (both, done) = (Arc::clone(&both), Arc::clone(&done));
            world.actor(1, move |_, _| {
                met(&both);
                done.fetch_add(1, SeqCst) < u32::MAX
            })
        })
        .collect();
    let threads = world.start(&Options::default());
    for round in 1..=50 {
        pair.iter().for_each(|who| world.tell(*who, [0]));
        until("they have met", || done.load(SeqCst) == 2 * round);
    }
    assert!(world.moved.load(SeqCst) >= 50, "one of each pair ran elsewhere");
    world.rests();
    threads.end();
}
