//! The inbox, its sleep, its end and the way home of parcels, under every interleaving that loom finds.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p buskin-core --profile loom --lib interleavings`

use super::{
    Defaults, Lane,
    bell::{Doorbell, Gate},
    head::Sleep,
    inbox::{Closed, Inbox, Pushed},
    parcel::{Header, Parcel},
    pool::{Pool, Spent},
};
use crate::{
    clock::Clock,
    hub::{Hub, Shared},
    mailbox::interleavings::{Letter, explore},
    sync::{
        Arc, UnsafeCell,
        atomic::{
            AtomicU32,
            Ordering::{Relaxed, SeqCst},
        },
        thread,
    },
};

type Letters = Arc<Inbox<Letter>>;

/// A thread that pushes these batches; gives what was returned to it, and how often it had to ring.
fn producer(inbox: &Letters, batches: &'static [&'static [u32]]) -> thread::JoinHandle<(Vec<u32>, u32)> {
    let inbox = Arc::clone(inbox);
    thread::spawn(move || {
        let (mut back, mut rings) = (Vec::new(), 0);
        for &texts in batches {
            match inbox.push(Letter::batch(texts.iter().copied())) {
                Ok(pushed) => rings += u32::from(pushed == Pushed::MustRing),
                Err(Closed(batch)) => back.extend(batch.into_mail().map(Letter::read)),
            }
        }
        (back, rings)
    })
}

#[test]
fn messages_of_one_producer_stay_in_order_across_batches() {
    explore(|| {
        let inbox = Letters::default();
        let producers = [producer(&inbox, &[&[10, 11], &[12]]), producer(&inbox, &[&[20], &[21, 22]])];
        let mut got: Vec<u32> = inbox.drain().map(Letter::read).collect();
        producers.into_iter().for_each(|producer| drop(producer.join().unwrap()));
        got.extend(inbox.drain().map(Letter::read));
        let of = |tens| got.iter().copied().filter(|text| text / 10 == tens).collect::<Vec<_>>();
        assert_eq!((of(1), of(2)), (vec![10, 11, 12], vec![20, 21, 22]));
    });
}

#[test]
fn one_sleep_is_rung_exactly_once() {
    explore(|| {
        let inbox = Letters::default();
        let producers = [producer(&inbox, &[&[1]]), producer(&inbox, &[&[2]])];
        let slept = inbox.begin_sleep();
        let rings: u32 = producers.map(|producer| producer.join().unwrap().1).iter().sum();
        assert_eq!(rings, u32::from(slept == Sleep::Asleep), "{slept:?}");
        assert_eq!(inbox.drain().len(), 2);
        assert_eq!(inbox.begin_sleep(), Sleep::Asleep);
    });
}

/// A bell that wakes a parked thread.
struct Unpark(thread::Thread);

impl Doorbell for Unpark {
    fn ring(&self) {
        self.0.unpark();
    }
}

#[test]
fn a_lane_that_sleeps_whenever_it_can_gets_everything() {
    explore(|| {
        let inbox = Letters::default();
        let gate = Arc::new(Gate::new());
        gate.hang(Box::new(Unpark(thread::current())));
        let producers = [1, 2].map(|text| {
            let (inbox, gate) = (Arc::clone(&inbox), Arc::clone(&gate));
            thread::spawn(move || {
                if inbox.push(Letter::batch([text])).unwrap() == Pushed::MustRing {
                    gate.ring();
                }
            })
        });
        let mut got = 0;
        while got < 2 {
            got += inbox.drain().len();
            // Loom reports a deadlock when nobody rings a lane that is parked with mail inside.
            if got < 2 && inbox.begin_sleep() == Sleep::Asleep {
                thread::park();
            }
        }
        producers.into_iter().for_each(|producer| producer.join().unwrap());
    });
}

#[test]
fn a_wake_makes_the_lane_see_what_was_done_before_it() {
    explore(|| {
        let inbox = Letters::default();
        let news = Arc::new(AtomicU32::new(0));
        let (lane, other) = (thread::current(), (Arc::clone(&inbox), Arc::clone(&news)));
        let waker = thread::spawn(move || {
            other.1.store(1, Relaxed); // ordered by the wake alone
            if other.0.wake() == Pushed::MustRing {
                lane.unpark();
            }
        });
        // So that the wake finds every state: mail, none, and a lane that sleeps.
        assert_eq!(inbox.push(Letter::batch([1])).unwrap(), Pushed::Awake);
        loop {
            drop(inbox.drain());
            if news.load(Relaxed) == 1 {
                break;
            }
            if inbox.begin_sleep() == Sleep::Asleep {
                thread::park();
            }
        }
        waker.join().unwrap();
    });
}

#[test]
fn every_node_of_a_closing_lane_is_delivered_or_given_back() {
    explore(|| {
        let inbox = Letters::default();
        let producers = [producer(&inbox, &[&[1, 2], &[3]]), producer(&inbox, &[&[4]])];
        let mut ends: Vec<u32> = inbox.drain().map(Letter::read).collect();
        ends.extend(inbox.close().map(Letter::read));
        assert_eq!(inbox.begin_sleep(), Sleep::Closed);
        for producer in producers {
            let (back, rings) = producer.join().unwrap();
            assert_eq!(rings, 0);
            ends.extend(back);
        }
        assert!(inbox.close().is_empty() && inbox.drain().is_empty());
        ends.sort_unstable();
        assert_eq!(ends, [1, 2, 3, 4]);
    });
}

#[test]
fn a_lane_closed_by_another_thread_while_it_drains_loses_nothing() {
    explore(|| {
        let inbox = Letters::default();
        let producer = producer(&inbox, &[&[1], &[2]]);
        let other = Arc::clone(&inbox);
        let closer = thread::spawn(move || other.close().map(Letter::read).collect::<Vec<_>>());
        let mut ends: Vec<u32> = inbox.drain().map(Letter::read).collect();
        let _ = inbox.begin_sleep();
        ends.extend(inbox.drain().map(Letter::read));
        ends.extend(producer.join().unwrap().0);
        ends.extend(closer.join().unwrap());
        assert!(inbox.is_closed() && inbox.drain().is_empty());
        ends.sort_unstable();
        assert_eq!(ends, [1, 2]);
    });
}

#[test]
fn whoever_finds_the_lane_closed_sees_what_was_done_before() {
    explore(|| {
        let inbox = Letters::default();
        let reason = Arc::new(AtomicU32::new(0));
        let other = (Arc::clone(&inbox), Arc::clone(&reason));
        let closer = thread::spawn(move || {
            other.1.store(7, Relaxed); // ordered by the close alone
            drop(other.0.close());
        });
        if inbox.push(Letter::batch([1])).is_err() {
            assert_eq!(reason.load(Relaxed), 7);
        }
        closer.join().unwrap();
    });
}

/// A bell that looks at its target: loom fails if that is being taken down meanwhile.
struct Peek(Arc<Target>);
struct Target(UnsafeCell<bool>);

// SAFETY: who writes has shut the gate, after which nobody reads; loom checks it.
unsafe impl Sync for Target {}
// SAFETY: as above.
unsafe impl Send for Target {}

impl Doorbell for Peek {
    fn ring(&self) {
        // SAFETY: the gate is open while this runs.
        assert!(self.0.0.with(|alive| unsafe { *alive }));
    }
}

#[test]
fn no_ring_runs_after_the_gate_was_shut() {
    explore(|| {
        let target = Arc::new(Target(UnsafeCell::new(true)));
        let gate = Arc::new(Gate::new());
        gate.hang(Box::new(Peek(Arc::clone(&target))));
        let ringers = [(); 2].map(|()| {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.ring())
        });
        let bell = gate.shut();
        // SAFETY: the gate is shut.
        target.0.with_mut(|alive| unsafe { *alive = false });
        assert!(bell.is_some() && !gate.ring());
        ringers.into_iter().for_each(|ringer| {
            ringer.join().unwrap();
        });
    });
}

#[test]
fn parcels_come_home_or_are_freed_when_the_home_is_gone() {
    explore(|| {
        let mut pool = Pool::new();
        let givers = [1, 2].map(|corr| {
            let (returns, mut spent) = (Arc::clone(pool.returns()), Spent::new());
            spent.add(Parcel::new(Header { corr, ..Header::default() }));
            thread::spawn(move || returns.give(spent))
        });
        let parcel = pool.parcel(Header { corr: 3, ..Header::default() }, &[1, 2, 3]);
        assert_eq!((parcel.header().corr, parcel.bytes()), (3, &[1, 2, 3][..]));
        pool.put(parcel);
        pool.trim(1);
        assert_eq!(pool.free(), 1);
        drop(pool);
        givers.into_iter().for_each(|giver| giver.join().unwrap());
    });
}

/// Four lanes; the isolate of the second waits for all to be idle, and the last two are busy.
fn lanes() -> Arc<Hub> {
    let lane = || Arc::new(Shared::new(Lane::new(Clock::Manual(0), Defaults::default())));
    let hub = Hub::open(vec![lane(), lane(), lane(), lane()]);
    hub.lane(1).unwrap().with(|lane| {
        lane.show(false, false);
        lane.wait_for_all(true);
    });
    for at in [2, 3] {
        hub.lane(at).unwrap().with(|lane| lane.show(true, true));
    }
    assert!(!was_woken(&hub));
    hub
}

/// A lane has drawn the consequences of so many parcels, and rests.
fn rests(hub: &Hub, at: u32, took: u64) {
    hub.lane(at).unwrap().with(|lane| {
        lane.far.as_mut().unwrap().took = took;
        lane.show(false, false);
    });
}

fn was_woken(hub: &Hub) -> bool {
    hub.posts().get(1).unwrap().remote.has_mail()
}

#[test]
fn of_lanes_that_come_to_rest_at_once_one_wakes_who_waits() {
    explore(|| {
        let hub = lanes();
        let other = Arc::clone(&hub);
        let thread = thread::spawn(move || rests(&other, 3, 0));
        rests(&hub, 2, 0);
        thread.join().unwrap();
        assert!(was_woken(&hub));
    });
}

#[test]
fn who_waits_is_woken_when_what_moves_has_come_to_rest() {
    explore(|| {
        let hub = lanes();
        rests(&hub, 3, 0);
        assert!(!was_woken(&hub), "the other one is busy");
        hub.posts().get(3).unwrap().moving.fetch_add(1, SeqCst);
        let other = Arc::clone(&hub);
        let thread = thread::spawn(move || rests(&other, 3, 1));
        rests(&hub, 2, 0); // as it sent something, and went on
        thread.join().unwrap();
        assert!(was_woken(&hub));
    });
}
