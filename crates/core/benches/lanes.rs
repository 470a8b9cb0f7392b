//! What the lock-free parts cost, driven by threads, beside a floor of well-known queues.
//!
//! `cargo bench -p buskin-core --bench lanes` prints a table and one JSON line per row. Rows are
//! medians of interleaved rounds, in nanoseconds per message of wall time, all threads together.
//! The receiver counts what came and sums it up; a round that does not agree with what was sent is
//! a failure. No producer runs more than a window ahead, so that all rows work on warm memory.
#![allow(clippy::print_stdout)]

use buskin_core::{
    lane::{
        inbox::Inbox,
        parcel::{Header, Parcel},
        pool::{Pool, Returns, Spent},
    },
    mailbox::{
        links::Batch,
        shared::{Pop, Shared},
    },
    timer::Wheel,
};
use crossbeam_queue::SegQueue;
use crossbeam_utils::{Backoff, CachePadded};
use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Instant,
};

const ROUNDS: usize = 7;
const PER_ROUND: u64 = 1 << 19;
/// How far a producer may run ahead; checked every `STRIDE` messages, in every row.
const WINDOW: u64 = 8_192;
const STRIDE: u64 = 64;

/// The floor's message: as large as a parcel's header and its 16 bytes.
type Plain = (Header, [u8; 16]);

/// How far each producer's messages were received.
struct Seen(Vec<CachePadded<AtomicU64>>);

impl Seen {
    /// Before message `at` of a producer: waits while it is too far ahead.
    fn pace(&self, id: u32, at: u64) {
        let backoff = Backoff::new();
        while at.is_multiple_of(STRIDE) && at >= self.0[id as usize].load(Relaxed) + WINDOW {
            backoff.snooze();
        }
    }
}

/// Runs producers beside this thread, which receives; returns ns per message.
/// `receive` takes what is there and calls back with (producer, number) of each message.
fn race<P: FnOnce(u32, u64, &Seen) + Send>(
    producers: Vec<P>,
    mut receive: impl FnMut(&mut dyn FnMut(u32, u32)),
) -> f64 {
    let each = PER_ROUND / producers.len() as u64;
    let seen = Seen(producers.iter().map(|_| CachePadded::new(AtomicU64::new(0))).collect());
    let start = Instant::now();
    thread::scope(|scope| {
        for (id, produce) in (0..).zip(producers) {
            let seen = &seen;
            scope.spawn(move || produce(id, each, seen));
        }
        let mut counts = vec![0u64; seen.0.len()];
        let backoff = Backoff::new();
        while counts.iter().any(|&count| count < each) {
            let before: u64 = counts.iter().sum();
            receive(&mut |id, number| {
                let count = &mut counts[id as usize];
                assert_eq!(u64::from(number), *count, "lost, doubled or out of order");
                *count += 1;
            });
            for (seen, count) in seen.0.iter().zip(&counts) {
                seen.store(*count, Relaxed);
            }
            if counts.iter().sum::<u64>() == before {
                backoff.snooze();
            } else {
                backoff.reset();
            }
        }
        assert_eq!(counts, vec![each; counts.len()], "counts must agree");
    });
    start.elapsed().as_nanos() as f64 / (each * seen.0.len() as u64) as f64
}

fn header(id: u32, at: u64) -> Header {
    Header { corr: at as u32, source_lane: id, ..Header::default() }
}

/// The way of the runtime: pooled parcels, `size` per push, nodes returned per drain.
fn inbox(threads: u32, size: u64) -> f64 {
    let inbox = Inbox::<Parcel>::new();
    let pools: Vec<Pool> = (0..threads).map(|_| Pool::new()).collect();
    let homes: Vec<Arc<Returns>> = pools.iter().map(|pool| Arc::clone(pool.returns())).collect();
    let mut spent: Vec<Spent> = homes.iter().map(|_| Spent::new()).collect();
    let inbox = &inbox;
    let producers = pools.into_iter().map(|mut pool| {
        move |id, each, seen: &Seen| {
            let mut batch = Batch::new();
            for at in 0..each {
                seen.pace(id, at);
                batch.push(pool.parcel(header(id, at), &[at as u8; 16]));
                if batch.len() as u64 == size || at + 1 == each {
                    let _awake = inbox.push(std::mem::take(&mut batch)).expect("open");
                }
            }
        }
    });
    race(producers.collect(), |count| {
        for parcel in inbox.drain() {
            black_box(parcel.bytes());
            let &Header { corr, source_lane, .. } = parcel.header();
            count(source_lane, corr);
            spent[source_lane as usize].add(parcel);
        }
        homes.iter().zip(&mut spent).for_each(|(home, spent)| home.give(std::mem::take(spent)));
    })
}

/// The native actors' queue, with the same parcels, one by one.
fn shared(threads: u32) -> f64 {
    let queue = Shared::<Parcel>::new();
    let pools: Vec<Pool> = (0..threads).map(|_| Pool::new()).collect();
    let homes: Vec<Arc<Returns>> = pools.iter().map(|pool| Arc::clone(pool.returns())).collect();
    let mut spent: Vec<Spent> = homes.iter().map(|_| Spent::new()).collect();
    let queue = &queue;
    let producers = pools.into_iter().map(|mut pool| {
        move |id, each, seen: &Seen| {
            for at in 0..each {
                seen.pace(id, at);
                black_box(queue.push(pool.parcel(header(id, at), &[at as u8; 16])));
            }
        }
    });
    race(producers.collect(), |count| {
        // SAFETY: only this thread pops.
        while let Pop::Some(parcel) = unsafe { queue.pop() } {
            black_box(parcel.bytes());
            let &Header { corr, source_lane, .. } = parcel.header();
            count(source_lane, corr);
            spent[source_lane as usize].add(parcel);
            if spent[source_lane as usize].len() as u64 == STRIDE {
                homes[source_lane as usize].give(std::mem::take(&mut spent[source_lane as usize]));
                break;
            }
        }
    })
}

/// A floor: `send` and `receive` of a queue that allocates for itself.
fn floor<S: FnMut(Plain) + Send>(senders: Vec<S>, mut receive: impl FnMut() -> Option<Plain>) -> f64 {
    let producers = senders.into_iter().map(|mut send| {
        move |id, each, seen: &Seen| {
            for at in 0..each {
                seen.pace(id, at);
                send((header(id, at), [at as u8; 16]));
            }
        }
    });
    race(producers.collect(), |count| {
        for _ in 0..STRIDE {
            let Some((header, bytes)) = receive() else { break };
            black_box(&bytes);
            count(header.source_lane, header.corr);
        }
    })
}

fn seg_queue(threads: u32) -> f64 {
    let queue = &SegQueue::new();
    floor((0..threads).map(|_| move |plain| queue.push(plain)).collect(), || queue.pop())
}

fn std_mpsc(threads: u32) -> f64 {
    let (sender, receiver) = mpsc::channel();
    let senders = (0..threads).map(|_| {
        let sender = sender.clone();
        move |plain| sender.send(plain).expect("open")
    });
    floor(senders.collect(), || receiver.try_recv().ok())
}

/// Single-threaded rows: ns per call of `step`.
fn alone(mut step: impl FnMut(u64)) -> f64 {
    let start = Instant::now();
    (0..PER_ROUND).for_each(&mut step);
    start.elapsed().as_nanos() as f64 / PER_ROUND as f64
}

fn shared_alone() -> f64 {
    let (queue, mut pool, mut popped) = (Shared::<Parcel>::new(), Pool::new(), 0);
    let time = alone(|at| {
        let _ = queue.push(pool.parcel(header(0, at), &[at as u8; 16]));
        // SAFETY: only this thread pops.
        if let Pop::Some(parcel) = unsafe { queue.pop() } {
            popped += 1;
            pool.put(parcel);
        }
    });
    assert_eq!(popped, PER_ROUND, "counts must agree");
    time
}

/// An ask: its time-out goes in, and out again unfired, among `others` that stay.
fn wheel_ask(others: u64) -> f64 {
    let mut wheel = Wheel::new(0);
    for at in 0..others {
        wheel.insert(5_000 + at * 7 % 60_000, at);
    }
    let mut removed = 0;
    let time = alone(|at| {
        let key = wheel.insert(5_000 + at % 1_024, at);
        removed += u64::from(wheel.remove(black_box(key)) == Some(at));
    });
    assert_eq!(removed, PER_ROUND, "counts must agree");
    time
}

/// The same with 1,000 in flight, answered in the order asked.
fn wheel_window() -> f64 {
    let mut wheel = Wheel::new(0);
    let mut window: Vec<_> = (0..1_000).map(|at| wheel.insert(5_000 + at, at)).collect();
    let time = alone(|at| {
        let place = (at % 1_000) as usize;
        wheel.remove(window[place]);
        window[place] = wheel.insert(5_000 + at / 1_000, at);
    });
    assert_eq!(wheel.len(), window.len(), "counts must agree");
    time
}

/// Timers that fire, up to 1 s ahead, the clock moving 1 ms per 50 of them.
fn wheel_fire() -> f64 {
    let (mut wheel, mut fired) = (Wheel::new(0), 0);
    let time = alone(|at| {
        let now = at / 50;
        wheel.insert(now + 1 + at * 7_919 % 1_000, at);
        while let Some(due) = wheel.pop_due(now) {
            black_box(due);
            fired += 1;
        }
    });
    while wheel.pop_due(u64::MAX - 1).is_some() {
        fired += 1;
    }
    assert_eq!(fired, PER_ROUND, "counts must agree");
    time
}

fn main() {
    type Row = (&'static str, Box<dyn Fn() -> f64>);
    let mut rows: Vec<Row> = vec![
        ("wheel insert+remove, alone", Box::new(|| wheel_ask(0))),
        ("wheel insert+remove, among 100,000", Box::new(|| wheel_ask(100_000))),
        ("wheel remove+insert, 1,000 in flight", Box::new(wheel_window)),
        ("wheel insert+fire, 25,000 waiting", Box::new(wheel_fire)),
        ("shared push+pop, one thread", Box::new(shared_alone)),
    ];
    for threads in [1, 2, 4] {
        let name = |what: &str| -> &'static str { format!("{what}, {threads} producers").leak() };
        rows.push((name("lane inbox, batch 64"), Box::new(move || inbox(threads, 64))));
        rows.push((name("lane inbox, batch 1"), Box::new(move || inbox(threads, 1))));
        rows.push((name("shared queue"), Box::new(move || shared(threads))));
        rows.push((name("floor: SegQueue"), Box::new(move || seg_queue(threads))));
        rows.push((name("floor: std mpsc"), Box::new(move || std_mpsc(threads))));
    }
    let mut times = vec![Vec::new(); rows.len()];
    for _ in 0..ROUNDS {
        rows.iter().zip(&mut times).for_each(|((_, run), times)| times.push(run()));
    }
    println!("{:40} {:>8} {:>8} {:>8}  ns/op", "", "median", "min", "max");
    for ((name, _), times) in rows.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        println!("{name:40} {:8.1} {:8.1} {:8.1}", times[ROUNDS / 2], times[0], times[ROUNDS - 1]);
    }
    for ((name, _), times) in rows.iter().zip(&times) {
        let (median, min, max) = (times[ROUNDS / 2], times[0], times[ROUNDS - 1]);
        println!(
            r#"{{"bench":"lanes","row":"{name}","unit":"ns/op","median":{median:.2},"min":{min:.2},"max":{max:.2},"rounds":{ROUNDS},"n":{PER_ROUND}}}"#
        );
    }
}
