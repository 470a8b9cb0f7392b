//! The lock-free parts between real threads: for the ThreadSanitizer, and for what loom's few steps miss.
//!
//! `TSAN_OPTIONS=suppressions=tests/tsan.supp RUSTC_BOOTSTRAP=1 \
//!  RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" \
//!  cargo test -p buskin-core --test stress --target x86_64-unknown-linux-gnu`
#![cfg(not(loom))]

use buskin_core::{
    lane::{
        bell::{Doorbell, Gate},
        head::Sleep,
        inbox::{Closed, Inbox, Pushed},
        parcel::{Header, INLINE, Parcel},
        pool::{Pool, Spent},
    },
    mailbox::{
        links::Batch,
        scheduled::{Released, Scheduled},
        shared::{Pop, Shared},
    },
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
};

const PRODUCERS: u32 = 3;

/// Wakes a parked thread.
struct Unpark(thread::Thread);

impl Doorbell for Unpark {
    fn ring(&self) {
        self.0.unpark();
    }
}

/// One lane and its doorbell.
#[derive(Default)]
struct Lane {
    inbox: Inbox<Parcel>,
    gate: Gate,
}

/// How a producer's parcels ended that the lane did not get.
struct Sent {
    sent: u64,
    back: u64,
}

/// Pushes batches of 1 to 7 parcels, numbered, each with bytes that repeat the number, until the
/// lane is closed.
fn produce(lane: &Lane, mut pool: Pool, id: u32) -> Sent {
    let mut sent = 0u64;
    loop {
        let mut batch = Batch::new();
        for _ in 0..=sent % 7 {
            let header = Header { corr: sent as u32, source_lane: id, ..Header::default() };
            let len = if sent.is_multiple_of(100) { INLINE + 1 } else { (sent % 80) as usize };
            batch.push(pool.parcel(header, &vec![sent as u8; len]));
            sent += 1;
        }
        let (len, first) = (batch.len(), sent - batch.len() as u64);
        match lane.inbox.push(batch) {
            Ok(Pushed::Awake) => {}
            Ok(Pushed::MustRing) => {
                lane.gate.ring();
            }
            Err(Closed(batch)) => {
                let back: Vec<u64> = batch.into_mail().map(|parcel| parcel.header().corr.into()).collect();
                assert_eq!(back, (first..sent).collect::<Vec<_>>(), "given back whole and in order");
                return Sent { sent, back: len as u64 };
            }
        }
        if sent % 64 < 8 {
            thread::yield_now(); // let the lane fall asleep now and then
        }
    }
}

/// Reads until `stop` parcels have come, then closes; returns what came per producer.
fn consume(lane: &Lane, returns: &[Arc<buskin_core::lane::pool::Returns>], stop: u64) -> [u64; 3] {
    let (mut got, mut slept) = ([0u64; PRODUCERS as usize], 0);
    let mut read = |mail: buskin_core::mailbox::links::Mail<Parcel>| {
        let mut spent: [Spent; PRODUCERS as usize] = Default::default();
        for parcel in mail {
            let Header { corr, source_lane, .. } = *parcel.header();
            let from = source_lane as usize;
            assert_eq!(u64::from(corr), got[from], "in the order sent");
            assert!(parcel.bytes().iter().all(|&byte| byte == corr as u8));
            got[from] += 1;
            spent[from].add(parcel);
        }
        returns.iter().zip(spent).for_each(|(home, spent)| home.give(spent));
        got.iter().sum::<u64>()
    };
    while read(lane.inbox.drain()) < stop {
        if lane.inbox.begin_sleep() == Sleep::Asleep {
            slept += 1;
            thread::park();
        }
    }
    drop(lane.gate.shut());
    read(lane.inbox.close());
    assert!(lane.inbox.drain().is_empty(), "after {slept} sleeps");
    got
}

#[test]
fn a_lane_that_closes_while_others_push_accounts_for_every_parcel() {
    for round in 0..60 {
        let lane = Lane::default();
        lane.gate.hang(Box::new(Unpark(thread::current())));
        let pools: Vec<Pool> = (0..PRODUCERS).map(|_| Pool::new()).collect();
        let returns: Vec<_> = pools.iter().map(|pool| Arc::clone(pool.returns())).collect();
        thread::scope(|scope| {
            let producers: Vec<_> = (0..PRODUCERS)
                .zip(pools)
                .map(|(id, pool)| {
                    let lane = &lane;
                    scope.spawn(move || produce(lane, pool, id))
                })
                .collect();
            let got = consume(&lane, &returns, round * 50);
            for (id, producer) in producers.into_iter().enumerate() {
                let Sent { sent, back } = producer.join().unwrap();
                assert_eq!(sent, got[id] + back, "sent = delivered + given back");
            }
        });
    }
}

#[test]
fn an_actor_told_by_many_threads_runs_on_one_at_a_time_and_misses_nothing() {
    const EACH: u64 = 20_000;
    let (mailbox, scheduled) = (Shared::<Parcel>::new(), Scheduled::new());
    let (running, handled) = (AtomicBool::new(false), AtomicU64::new(0));
    let run = || {
        assert!(!running.swap(true, Relaxed), "two threads run one actor");
        loop {
            // SAFETY: this thread has claimed the actor.
            match unsafe { mailbox.pop() } {
                // Not a fetch_add: losing a count is how a second runner would show.
                Pop::Some(_) => handled.store(handled.load(Relaxed) + 1, Relaxed),
                Pop::Busy => thread::yield_now(),
                Pop::Empty => {
                    running.store(false, Relaxed);
                    if scheduled.release(|| mailbox.is_empty()) == Released::Idle {
                        return;
                    }
                    assert!(!running.swap(true, Relaxed), "two threads run one actor");
                }
            }
        }
    };
    thread::scope(|scope| {
        let tell = || {
            for _ in 0..EACH {
                if mailbox.push(Parcel::new(Header::default())) && scheduled.claim() {
                    run();
                }
            }
        };
        // Joined one by one, because the sanitizer does not see how a scope waits.
        let threads: Vec<_> = (0..PRODUCERS).map(|_| scope.spawn(tell)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(handled.into_inner(), EACH * u64::from(PRODUCERS));
    assert!(mailbox.is_empty() && !scheduled.is_scheduled());
}

#[test]
fn steady_traffic_reuses_its_nodes() {
    let (mut pool, inbox) = (Pool::new(), Inbox::new());
    let mut nodes = std::collections::HashSet::new();
    for turn in 0..1_000u32 {
        let mut batch = Batch::new();
        for corr in 0..10 {
            let header = Header { corr, ..Header::default() };
            batch.push(pool.parcel(header, &[turn as u8]));
        }
        assert_eq!(inbox.push(batch).unwrap(), Pushed::Awake);
        let mut spent = Spent::new();
        for parcel in inbox.drain() {
            nodes.insert(std::ptr::from_ref(parcel.header()).addr());
            spent.add(parcel);
        }
        pool.returns().give(spent);
    }
    assert_eq!(nodes.len(), 10);
    pool.trim(3);
    assert_eq!(pool.free(), 3);
}
