//! Core threads over real lanes: they run, sleep, wake and end.
#![cfg(not(loom))]

#[path = "common/crew.rs"]
mod crew;

use buskin_core::sched::{Options, count};
use crew::{Who, World, until};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

/// Passes a number on until it is 0.
fn ring(world: &Arc<World>, lanes: u32, done: &Arc<AtomicU32>) -> Vec<Who> {
    let all: Arc<OnceLock<Vec<Who>>> = Arc::default();
    let members = (0..lanes).map(|at| {
        let (all, done) = (Arc::clone(&all), Arc::clone(done));
        world.actor(at + 1, move |out, e| {
            if e.payload == 0 {
                done.fetch_add(1, SeqCst);
            } else {
                let all = all.get().unwrap();
                out.tell(all[(at as usize + 1) % all.len()], e.payload - 1);
            }
            true
        })
    });
    let members: Vec<_> = members.collect();
    all.set(members.clone()).unwrap();
    members
}

#[test]
fn messages_go_round_over_all_threads_which_sleep_between() {
    let world = World::new(3);
    let done = Arc::default();
    let members = ring(&world, 3, &done);
    let threads = world.start(&Options::default());
    for round in 1..=50 {
        world.tell(members[0], [300]);
        until("the token is back", || done.load(SeqCst) == round);
        world.rests();
    }
    assert_eq!(world.hub.ledger().handled, 50 * 301);
    threads.end();
}

#[test]
fn threads_are_named_and_have_the_stack_that_was_asked_for() {
    let world = World::new(2);
    let (names, mut actors) = (Arc::new(Mutex::new(Vec::new())), Vec::new());
    for lane in [1, 2] {
        let names = Arc::clone(&names);
        let who = world.actor(lane, move |_, _| {
            let large = std::hint::black_box([0_u8; 12 << 20]); // more than a thread has by default
            names.lock().unwrap().push((thread::current().name().map(str::to_owned), large[4096]));
            true
        });
        actors.push(who);
    }
    let threads = world.start(&Options { stack: Some(16 << 20), ..Options::default() });
    actors.into_iter().for_each(|who| world.tell(who, [0]));
    until("both have run", || names.lock().unwrap().len() == 2);
    threads.end();
    let mut names: Vec<_> = names.lock().unwrap().iter().map(|(name, _)| name.clone().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["buskin-core-0", "buskin-core-1"]);
}

#[cfg(target_os = "linux")]
#[test]
fn pinned_threads_stay_on_one_cpu_each() {
    let world = World::new(2);
    let (found, mut actors) = (Arc::new(Mutex::new(Vec::new())), Vec::new());
    for lane in [1, 2] {
        let found = Arc::clone(&found);
        let who = world.actor(lane, move |_, _| {
            found.lock().unwrap().push((lane, buskin_core::sched::pin::cpus()));
            true
        });
        actors.push(who);
    }
    let threads = world.start(&Options { pin: true, ..Options::default() });
    actors.into_iter().for_each(|who| world.tell(who, [0]));
    until("both have run", || found.lock().unwrap().len() == 2);
    threads.end();
    let may = buskin_core::sched::pin::cpus();
    for (lane, cpus) in found.lock().unwrap().iter() {
        assert_eq!(cpus[..], [may[(*lane as usize - 1) % may.len()]]);
    }
}

#[test]
fn an_end_is_seen_by_a_thread_that_sleeps_and_by_one_that_never_does() {
    for _ in 0..200 {
        let world = World::new(2);
        let laps = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&laps);
        let restless = world.actor(1, move |out, _| {
            counted.fetch_add(1, SeqCst);
            let who = out.who;
            out.tell(who, 0);
            true
        });
        let threads = world.start(&Options::default());
        world.tell(restless, [0]);
        until("it runs", || laps.load(SeqCst) > 0);
        threads.end();
        let after = laps.load(SeqCst);
        thread::yield_now();
        assert_eq!(laps.load(SeqCst), after);
    }
}

#[test]
fn a_closed_lane_does_not_keep_its_thread() {
    let world = World::new(2);
    let threads = world.start(&Options::default());
    world.rests();
    world.lane(1).with(buskin_core::lane::Lane::close);
    threads.end();
}

#[test]
fn there_are_as_many_as_asked_for_or_as_there_are_cpus() {
    assert_eq!(count(None), thread::available_parallelism().unwrap().get());
    assert_eq!(count(Some(0)), 0);
    assert_eq!(count(Some(3)), 3);
    assert_eq!(count(Some(1000)), buskin_core::limits::MAX_LANES as usize);
    assert!(World::new(0).start(&Options::default()).is_empty());
}
