//! What a message costs in a turn of one lane, without an isolate: routed, delivered, taken note of.
//!
//! `cargo bench -p buskin-core --bench turn`; medians of 21 rounds, in ns. The outbox is written once, so what is
//! measured is the core alone. An argument picks the lines that contain it.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use buskin_core::clock::Clock;
use buskin_core::entry::{Entry, OP_MASK, flag, mark, mode, note, op, spawn, word};
use buskin_core::lane::{Defaults, Lane, Rings};

const RING: usize = 1024;
const ROUNDS: usize = 21;

struct Bench {
    lane: Lane,
    header: [i32; word::COUNT],
    outbox: Vec<Entry>,
    inbox: Vec<Entry>,
    marks: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let ring = || vec![Entry::default(); RING];
        let lane = Lane::new(Clock::real(), Defaults::default());
        Bench { lane, header: [0; word::COUNT], outbox: ring(), inbox: ring(), marks: vec![0; RING] }
    }

    /// Hands over the first `count` entries of the outbox; how many notes came.
    #[inline(never)]
    fn turn(&mut self, count: usize, bits: u32) -> usize {
        self.header[word::OUT] = count as i32;
        self.header[word::MODE] = bits as i32;
        let Bench { lane, header, outbox, inbox, marks } = self;
        lane.turn(&mut Rings { header, outbox, inbox, marks, bag: &mut [], places: &mut [], satchel: &[] });
        self.header[word::IN] as usize
    }

    fn rest(&mut self) {
        while self.turn(0, 0) > 0 {}
    }

    fn actors(&mut self, count: usize) -> Vec<(u32, u32)> {
        self.actors_with(count, 0)
    }

    fn actors_with(&mut self, count: usize, bits: u32) -> Vec<(u32, u32)> {
        (0..count)
            .map(|_| {
                let (index, age) = self.lane.grant().expect("room");
                self.outbox[0] = Entry { head: op::SPAWN, index, age, payload: bits, ..Entry::default() };
                self.turn(1, 0);
                self.rest();
                (index, age)
            })
            .collect()
    }
}

fn message(to: (u32, u32), flags: u32, corr: u32) -> Entry {
    Entry { head: op::MSG | flags, index: to.0, age: to.1, payload: 1, from: 0, corr }
}

/// The median of some rounds of `run`, which handles `messages`.
fn report(what: &str, messages: usize, mut run: impl FnMut()) {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    if wanted.is_some_and(|part| !what.contains(&part)) {
        return;
    }
    run();
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_nanos() as f64 / messages as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{what:<44} {:>7.2} ns   (best {:.2})", times[ROUNDS / 2], times[0]);
}

fn main() {
    const TURNS: usize = 1_000;
    for (actors, way) in [(1, "one actor"), (1_000, "1,000 actors")] {
        for (bits, how) in [(0, "straight"), (mode::ORDERED, "through the mailbox")] {
            let mut bench = Bench::new();
            let to = bench.actors(actors);
            for at in 0..1_000 {
                bench.outbox[at] = message(to[at * 7 % actors], 0, 0);
            }
            report(&format!("1,000 tells a turn to {way}, {how}"), TURNS * 1_000, || {
                for _ in 0..TURNS {
                    black_box(bench.turn(1_000, bits));
                }
                bench.rest();
            });
        }
    }
    {
        let mut bench = Bench::new();
        let to = bench.actors(1);
        bench.outbox.fill(message(to[0], 0, 0));
        report("a backlog of 1,000,000, then drained", 1_000_000, || {
            for _ in 0..1_000 {
                bench.header[word::OUT] = 1_000;
                bench.header[word::CURSOR] = !0;
                let Bench { lane, header, outbox, inbox, marks } = &mut bench;
                lane.submit(&mut Rings { header, outbox, inbox, marks, bag: &mut [], places: &mut [], satchel: &[] });
            }
            bench.rest();
        });
    }
    {
        let mut bench = Bench::new();
        let to = bench.actors(2);
        report("ping-pong, a turn each", 1_000_000, || {
            for hop in 0..1_000_000 {
                bench.outbox[0] = message(to[hop & 1], 0, 0);
                black_box(bench.turn(1, 0));
            }
            bench.rest();
        });
    }
    for (flags, how) in [(0, "plain"), (flag::ASYNC, "async that returns")] {
        let mut bench = Bench::new();
        let to = bench.actors(1);
        report(&format!("ask, one a turn, {how}"), 1_000_000, || {
            for age in 0..1_000_000_u32 {
                bench.outbox[0] = message(to[0], flag::ASK | flags, 1 | (age & 63) << 26);
                black_box(bench.turn(1, 0));
            }
            bench.rest();
        });
    }
    {
        let mut bench = Bench::new();
        let to = bench.actors(1);
        for at in 0..1_000 {
            bench.outbox[at] = message(to[0], flag::ASK, at as u32 + 1);
        }
        report("ask, 1,000 a turn", TURNS * 1_000, || {
            for _ in 0..TURNS {
                black_box(bench.turn(1_000, 0));
            }
            bench.rest();
        });
    }
    {
        let mut bench = Bench::new();
        let to = bench.actors(1);
        for at in 0..1_000 {
            bench.outbox[at] = message(to[0], flag::SEND, at as u32 + 1);
        }
        report("send, 1,000 a turn", TURNS * 1_000, || {
            for _ in 0..TURNS {
                black_box(bench.turn(1_000, 0));
            }
            bench.rest();
        });
    }
    {
        let mut bench = Bench::new();
        let to = bench.actors(1);
        for at in 0..500 {
            bench.outbox[at * 2] = message(to[0], flag::EXT, 0);
            bench.outbox[at * 2 + 1] = Entry { head: op::EXT, index: at as u32 % 3, ..Entry::default() };
        }
        report("500 tells with priorities a turn", TURNS * 500, || {
            for _ in 0..TURNS {
                black_box(bench.turn(1_000, mode::ORDERED));
            }
            bench.rest();
        });
    }
    {
        let mut bench = Bench::new();
        report("an empty turn", 1_000_000, || {
            for _ in 0..1_000_000 {
                black_box(bench.turn(0, 0));
            }
        });
        let _remote = bench.lane.remote();
        report("an empty turn of a lane others may send to", 1_000_000, || {
            for _ in 0..1_000_000 {
                black_box(bench.turn(0, 0));
            }
        });
    }
    for siblings in [10, 10_000] {
        let mut bench = Bench::new();
        let profile = [0.0, 1e9, 60e6, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let profile = bench.lane.profile(&profile);
        bench.lane.supervise_root(profile);
        let to = bench.actors_with(siblings, spawn::STOP_HOOK);
        let mut at = 0;
        report(&format!("a failure until the next message, {siblings} siblings"), 100_000, || {
            for _ in 0..100_000 {
                at = (at + 1) % siblings;
                bench.outbox[0] = message(to[at], 0, 0);
                bench.outbox[1] = message(to[at], 0, 0);
                assert_eq!(bench.turn(2, 0), 2);
                // the first throws, the second goes back
                (bench.marks[0], bench.inbox[0].payload) = (mark::THREW, 1);
                bench.marks[1] = mark::HELD | (note::MSG as u8) << 3;
                bench.inbox[1].head &= !OP_MASK;
                let mut notes = 0;
                loop {
                    let count = bench.turn(0, 0);
                    notes += count;
                    if count == 0 {
                        break;
                    }
                }
                assert_eq!(notes, 7, "FAILED, VERDICT, STOP; DOWN, START; STARTED and the message");
            }
        });
    }
    {
        let mut bench = Bench::new();
        report("spawn, start, kill, end", 100_000, || {
            let mut born = vec![];
            for _ in 0..100 {
                for at in 0..1_000 {
                    let (index, age) = bench.lane.grant().expect("room");
                    bench.outbox[at] = Entry { head: op::SPAWN, index, age, ..Entry::default() };
                    born.push((index, age));
                }
                bench.turn(1_000, 0);
                bench.rest();
                for (at, (index, age)) in born.drain(..).enumerate() {
                    let kill = buskin_core::entry::stop::KILL;
                    bench.outbox[at] = Entry { head: op::STOP, index, age, payload: kill, from: 0, corr: u32::MAX };
                }
                bench.turn(1_000, mode::ORDERED);
                bench.rest();
            }
        });
    }
}
