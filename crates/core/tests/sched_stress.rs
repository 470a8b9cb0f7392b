//! All of the scheduler under load: lanes with a core thread each, actors whose handlers are now fast and now slow, so that
//! stealing begins and ends all the time. Every message is handled exactly once, and in the order in which its sender sent it.
//!
//! `BUSKIN_LONG=1 cargo test --release -p buskin-core --test sched_stress` takes longer. Under the ThreadSanitizer: see
//! `hub_threads.rs`.
#![cfg(not(loom))]

#[path = "common/crew.rs"]
mod crew;

use buskin_core::sched::Options;
use crew::{Out, Who, World, until};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

const LANES: u32 = 3;
const ACTORS: u32 = 12;

/// A number after another: what a program does is the same for a seed, when it happens is not.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(below)) as u32
    }
}

/// An actor: only one thread may be in it, and what it gets from each sender is in order.
struct Member {
    me: u32,
    is_in: AtomicBool,
    state: Mutex<State>,
    handled: Arc<AtomicU64>,
    all: Arc<OnceLock<Vec<Who>>>,
}

struct State {
    chance: Chance,
    /// By sender: the last number that came, and the last that was sent to each.
    came: Vec<u32>,
    sent: Vec<u32>,
}

impl Member {
    /// A message: who sent it (8 bits), how many hops are left (6), its number (18).
    fn handle(&self, out: &mut Out, payload: u32) -> bool {
        assert!(!self.is_in.swap(true, SeqCst), "two threads are in one actor");
        let (from, hops, number) = (payload >> 24, payload >> 18 & 63, payload & 0x3_ffff);
        let mut state = self.state.try_lock().expect("nobody else is here");
        let before = std::mem::replace(&mut state.came[from as usize], number);
        assert_eq!(number, before + 1, "from {from} to {}: one was lost, came twice or in a wrong order", self.me);
        if state.chance.next(4) == 0 {
            let until = Instant::now() + Duration::from_micros(u64::from(state.chance.next(60)));
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        }
        let all = self.all.get().expect("it began");
        // one hop goes on as one message, so that the load stays as it is
        if hops > 0 {
            let to = state.chance.next(all.len() as u32);
            state.sent[to as usize] += 1;
            out.tell(all[to as usize], self.me << 24 | (hops - 1) << 18 | state.sent[to as usize]);
        }
        self.handled.fetch_add(1, Relaxed);
        drop(state);
        self.is_in.store(false, SeqCst);
        true
    }
}

/// What `seed` makes of it; how many messages another lane's thread ran.
fn run(seed: u64, rounds: u32) -> u64 {
    let world = World::new(LANES);
    let (handled, all) = (Arc::new(AtomicU64::new(0)), Arc::new(OnceLock::new()));
    let broken = Arc::new(AtomicU32::new(0));
    let count = LANES * ACTORS;
    let members = (0..count).map(|me| {
        let member = Member {
            me,
            is_in: AtomicBool::new(false),
            state: Mutex::new(State {
                chance: Chance(seed ^ u64::from(me) << 40),
                came: vec![0; count as usize + 1],
                sent: vec![0; count as usize],
            }),
            handled: Arc::clone(&handled),
            all: Arc::clone(&all),
        };
        let broken = Arc::clone(&broken);
        // most are on one lane: the others have time for them
        let lane = if me < 2 * ACTORS { 1 } else { 2 + me % (LANES - 1) };
        world.actor(lane, move |out, e| {
            let run = std::panic::AssertUnwindSafe(|| member.handle(out, e.payload));
            std::panic::catch_unwind(run).unwrap_or_else(|_| {
                broken.fetch_add(1, SeqCst);
                true
            })
        })
    });
    all.set(members.collect()).expect("once");
    let threads = world.start(&Options::default());
    let (mut chance, mut sent, mut expected) = (Chance(seed), vec![0; count as usize], 0);
    for _ in 0..rounds {
        for _ in 0..40 {
            let (to, hops) = (chance.next(count), chance.next(64));
            sent[to as usize] += 1;
            expected += u64::from(hops) + 1;
            world.tell(all.get().expect("set")[to as usize], [count << 24 | hops << 18 | sent[to as usize]]);
        }
        until("all messages were handled", || handled.load(Relaxed) >= expected || broken.load(SeqCst) > 0);
        assert_eq!(broken.load(SeqCst), 0);
        world.rests(); // and all threads sleep
        let ledger = world.hub.ledger();
        assert_eq!((ledger.handled, ledger.sent), (expected, expected));
    }
    threads.end();
    world.moved.load(SeqCst)
}

#[test]
fn every_message_is_handled_once_and_in_order_whoever_runs_it() {
    let is_long = std::env::var_os("BUSKIN_LONG").is_some();
    let (seeds, rounds) = if is_long { (60, 40) } else { (6, 8) };
    let moved: u64 = (1..=seeds).map(|seed| run(seed, rounds)).sum();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    assert!(cpus < 2 || moved > 100, "too little was stolen to mean anything: {moved}");
}
