//! A record of a lane, replayed without any isolate, gives the same notes again.
mod common;

use buskin_core::entry::{note, restart, timer};
use buskin_core::lane::parcel::{Header, Parcel};
use buskin_core::lane::{Defaults, Destination};
use buskin_core::mailbox::links::Batch;
use buskin_core::replay::{Log, Mismatch};
use common::{ASYNC, Comes, How, Isolate, Options, Ref, SHARED};
use rand_like::Rng;

/// Small random numbers, so that a program is its seed.
mod rand_like {
    pub(crate) struct Rng(pub u64);
    impl Rng {
        pub(crate) fn below(&mut self, n: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % n
        }
    }
}

/// A random program of everything; its record.
fn record(seed: u64, ring: usize) -> Log {
    let mut rng = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let defaults = Defaults { ask_timeout: 20_000, capacity: 50, policy: (seed % 4) as u32, seed, escalate: None };
    let mut iso = Isolate::with(defaults, ring);
    iso.lane.keep_log();
    iso.lane.class(0, "A\tclass\\of\nits own");
    for strategy in [0.0, 1.0, 2.0] {
        let most = [f64::INFINITY, 3.0, 0.0][(seed % 3) as usize];
        let backoff = [1.0, 1_000.0, 9_000.0, 2.0, 0.5, 10_000.0, 0.0];
        iso.lane.profile(&common::profile(strategy, most, 50_000.0, seed.is_multiple_of(2).then_some(backoff)));
    }
    iso.lane.supervise_root((seed % 3) as u32);
    let remote = iso.lane.remote();
    let mut refs: Vec<Ref> = vec![];
    for step in 0..150 {
        let who = |rng: &mut Rng, refs: &[Ref]| refs[rng.below(refs.len() as u64) as usize];
        match rng.below(14) {
            0 | 1 => {
                let parent = if refs.is_empty() || rng.below(2) == 0 { 0 } else { who(&mut rng, &refs).index };
                let options = Options {
                    parent,
                    capacity: rng.below(5) as u32 + 1,
                    policy: rng.below(4) as u32,
                    shutdown: 30,
                    start: 30,
                    hook: rng.below(2) == 0,
                    restart: [restart::TRANSIENT, restart::PERMANENT, restart::TEMPORARY][rng.below(3) as usize],
                    profile: rng.below(3) as u32,
                };
                let made = iso.spawn("x", options, move |iso, e| match (e.op(), e.tag()) {
                    (note::MSG, 1) => Comes::Promises,
                    (note::MSG, 2) => Comes::Throws,
                    (note::MSG, 3) => {
                        iso.submit();
                        Comes::Returns
                    }
                    (note::MSG, 4) => Comes::NoHandler,
                    _ => Comes::Returns,
                });
                if rng.below(3) == 0 {
                    let _ = iso.lane.reserve(parent, &format!("name\t{}", rng.below(4)), made.index);
                }
                refs.push(made);
            }
            _ if refs.is_empty() => {}
            2..=5 => {
                let how = How {
                    priority: rng.below(3) as u32,
                    ttl: (rng.below(4) == 0).then(|| rng.below(10_000)),
                    timeout: (rng.below(4) == 0).then(|| rng.below(30_000)),
                    flags: [0, ASYNC, SHARED][rng.below(3) as usize],
                    from: 0,
                    tag: rng.below(6) as u32,
                };
                let to = who(&mut rng, &refs);
                match rng.below(3) {
                    0 => iso.tell_how(to, how),
                    1 => iso.send_how(to, how),
                    _ => iso.ask_how(to, how),
                };
            }
            6 => match rng.below(4) {
                0 => iso.stop(who(&mut rng, &refs)),
                1 => iso.drain(who(&mut rng, &refs), 10),
                2 => iso.kill(who(&mut rng, &refs)),
                _ => iso.timer(who(&mut rng, &refs), step, timer::EVERY, 5_000),
            },
            7 => {
                if let Some(&at) = iso.all_hands().first() {
                    iso.done(at, rng.below(5) > 0);
                }
            }
            8 => iso.submit(),
            9 => {
                let now = iso.now + rng.below(20_000);
                iso.set_time(now);
                iso.tick();
            }
            10 => {
                let to = who(&mut rng, &refs);
                let mut batch = Batch::new();
                for payload in 0..rng.below(4) as u32 {
                    let (index, generation) = (to.index, to.age);
                    batch.push(Parcel::new(Header { index, generation, payload, ..Header::default() }));
                }
                remote.deliver(batch).unwrap();
            }
            _ => {
                iso.read();
                iso.turn();
            }
        }
    }
    iso.read();
    iso.lane.close();
    iso.turn();
    iso.lane.log().unwrap().clone()
}

#[test]
fn a_record_replayed_without_an_isolate_gives_the_same_notes() {
    for seed in 0..300 {
        let log = record(seed, [3, 16, 64, 1024][seed as usize % 4]);
        let read = Log::from_text(&log.to_text()).expect("it can be read");
        assert_eq!(read, log);
        assert!(!log.notes().is_empty());
        if let Err(Mismatch(what)) = read.replay() {
            panic!("seed {seed}: {what}");
        }
    }
}

#[test]
fn a_record_that_was_altered_is_a_mismatch() {
    let (mut altered, mut seen) = (0, 0);
    for seed in 0..30 {
        let text = record(seed, 64).to_text();
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, l)| l.starts_with("turn")) {
            let mut fields: Vec<_> = line.split('\t').map(str::to_owned).collect();
            // one word of one note: whom it is for
            let Some((head, rest)) = fields[6].split_once(',') else {
                continue;
            };
            fields[6] = format!("{head},7{rest}");
            let mut lines: Vec<_> = lines.iter().map(|&l| l.to_owned()).collect();
            lines[at] = fields.join("\t");
            altered += 1;
            seen += u32::from(Log::from_text(&lines.join("\n")).unwrap().replay().is_err());
            break;
        }
    }
    assert_eq!((altered, seen), (30, 30));
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    for line in ["nonsense", "turn\t1", "class\tx\ty", "defaults\t1\t2", "turn\t0\t0\t-\t\tzz\t-"] {
        let Err(Mismatch(what)) = Log::from_text(&format!("grant\n{line}")) else { panic!("{line} was read") };
        assert!(what.starts_with("line 2 "), "{what}");
    }
    assert!(Log::from_text("defaults\t5000000\t1048576\t0").is_ok(), "without the ring's size");
}

/// Records made by the façade under Node lie beside this file.
#[test]
fn the_records_made_under_node_replay() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let files = std::fs::read_dir(folder).unwrap();
    let mut count = 0;
    for file in files.map(|f| f.unwrap().path()).filter(|f| f.extension().is_some_and(|e| e == "log")) {
        let log = Log::from_text(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert!(!log.notes().is_empty(), "{file:?} has notes");
        if let Err(Mismatch(what)) = log.replay() {
            panic!("{file:?}: {what}");
        }
        count += 1;
    }
    assert!(count > 0, "there is a record");
}
