//! Three isolates on three threads that tell and ask each other, while a fourth thread looks at all of them.
//!
//! `TSAN_OPTIONS=suppressions=tests/tsan.supp RUSTC_BOOTSTRAP=1 \
//!  RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" \
//!  cargo test -p buskin-core --test hub_threads --target x86_64-unknown-linux-gnu`
#![cfg(not(loom))]

use buskin_core::clock::Clock;
use buskin_core::entry::{Entry, TAG_SHIFT, carry, flag, mode, note, op, outcome, word};
use buskin_core::hub::{Hub, Shared};
use buskin_core::lane::bell::Doorbell;
use buskin_core::lane::far::Address;
use buskin_core::lane::letters::{APART, WORDS};
use buskin_core::lane::{Defaults, Lane, Rings};
use buskin_core::limits::CALL_BITS;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

const LANES: u32 = 3;
const ACTORS: u32 = 4;
/// What each lane sends.
const EACH: u32 = 35_000;
const RING: usize = 1024;

struct Unpark(thread::Thread);

impl Doorbell for Unpark {
    fn ring(&self) {
        self.0.unpark();
    }
}

struct Mine {
    header: [i32; word::COUNT],
    outbox: Vec<Entry>,
    inbox: Vec<Entry>,
    marks: Vec<u8>,
    bag: Vec<u8>,
    places: Vec<u32>,
    satchel: Vec<u8>,
    written: usize,
}

impl Mine {
    fn put(&mut self, entry: Entry) {
        self.outbox[self.written] = entry;
        self.written += 1;
    }

    fn letter(&mut self, bytes: &[u8]) -> u32 {
        let place = self.satchel.len() as u32;
        self.satchel.extend((bytes.len() as u32).to_ne_bytes());
        self.satchel.extend(0_u32.to_ne_bytes());
        self.satchel.extend(bytes);
        place
    }

    fn turn(&mut self, shared: &Shared) -> usize {
        self.header[word::OUT] = std::mem::take(&mut self.written) as i32;
        self.header[word::MODE] = mode::EVENTS as i32;
        let Mine { header, outbox, inbox, marks, bag, places, satchel, .. } = self;
        shared.with(|lane| lane.turn(&mut Rings { header, outbox, inbox, marks, bag, places, satchel }));
        self.satchel.clear();
        self.header[word::IN] as usize
    }
}

/// A lane's isolate; how many asks were answered.
fn run(place: u32, shared: &Shared, stop: &AtomicBool, answered: &AtomicU64, ready: &Barrier) {
    shared.with(|lane| {
        lane.hang(Box::new(Unpark(thread::current())));
        lane.head(0, 1, 1 << TAG_SHIFT);
    });
    let mut m = Mine {
        header: [0; word::COUNT],
        outbox: vec![Entry::default(); 4 * RING],
        inbox: vec![Entry::default(); RING],
        marks: vec![0; RING],
        bag: vec![0; 1 << 14],
        places: vec![0; RING],
        satchel: Vec::new(),
        written: 0,
    };
    for _ in 0..ACTORS {
        let (index, age) = shared.with(buskin_core::lane::Lane::grant).unwrap();
        m.put(Entry { head: op::SPAWN, index, age, ..Entry::default() });
    }
    m.turn(shared);
    ready.wait();
    let (mut sent, mut last, mut calls) = (0, [[0_u32; 8]; LANES as usize], vec![]);
    let mut filled = m.header[word::IN] as usize;
    loop {
        for at in 0..filled {
            let e = m.inbox[at];
            match e.op() {
                note::MSG => {
                    let number = if e.has(flag::LETTER) {
                        let place = m.places[at];
                        assert_ne!(place, APART);
                        let at = place as usize + WORDS * 4;
                        u32::from_ne_bytes(m.bag[at..at + 4].try_into().unwrap())
                    } else {
                        e.payload
                    };
                    let (from, number) = ((number >> 24) as usize, number & 0xff_ffff);
                    let before = &mut last[from][e.index as usize];
                    assert!(*before < number, "in the order sent");
                    *before = number;
                    if e.corr != 0 {
                        let payload = m.letter(&number.to_ne_bytes());
                        let head = op::CARRY | flag::ARITY | carry::REPLY << TAG_SHIFT;
                        m.put(Entry { head, corr: e.corr, from: outcome::OK, payload, ..Entry::default() });
                    }
                }
                note::CARRY if e.tag() == carry::REPLY => {
                    calls.push(e.corr);
                    answered.fetch_add(1, SeqCst);
                }
                note::START | note::STARTED => {}
                other => panic!("a note {other}"),
            }
        }
        for _ in 0..(EACH - sent).min(300) {
            sent += 1;
            let to = (place + 1 + sent % 2) % LANES;
            let index = Address { lane: to, index: 1 + sent % ACTORS }.word();
            let number = place << 24 | sent;
            let (form, payload) = match sent % 5 {
                0 => (flag::ARITY, m.letter(&[&number.to_ne_bytes()[..], &[7; 120]].concat())),
                _ => (1 << 10, number),
            };
            let asks = sent % 7 == 0;
            let corr =
                if asks { calls.pop().map_or(sent, |c: u32| (c + (1 << CALL_BITS)) % (63 << CALL_BITS)) } else { 0 };
            let kind = if asks { flag::ASK } else { 0 };
            m.put(Entry { head: op::MSG | kind | form | 1 << TAG_SHIFT, index, age: 0, payload, from: 0, corr });
        }
        filled = m.turn(shared);
        if filled == 0 && sent == EACH {
            if stop.load(SeqCst) {
                return;
            }
            thread::park();
        }
    }
}

#[test]
fn lanes_on_threads_tell_and_ask_each_other_and_every_message_is_counted() {
    let lanes: Vec<_> =
        (0..LANES).map(|_| Arc::new(Shared::new(Lane::new(Clock::real(), Defaults::default())))).collect();
    let hub = Hub::open(lanes.clone());
    let (stop, ready) = (AtomicBool::new(false), Barrier::new(LANES as usize));
    let answered = AtomicU64::new(0);
    let total = u64::from(LANES * EACH);
    let asks = u64::from(LANES * (EACH / 7));
    thread::scope(|scope| {
        let run = |(place, shared): (u32, &Arc<Shared>)| {
            let (shared, stop, answered, ready) = (Arc::clone(shared), &stop, &answered, &ready);
            scope.spawn(move || run(place, &shared, stop, answered, ready))
        };
        let threads: Vec<_> = (0..LANES).zip(&lanes).map(run).collect();
        let mut looks = 0_u64;
        loop {
            let ledger = hub.ledger();
            assert!(ledger.balanced(), "{ledger:?}");
            looks += 1;
            if ledger.handled == total && answered.load(SeqCst) == asks && hub.is_idle() {
                break;
            }
            assert!(!threads.iter().any(std::thread::ScopedJoinHandle::is_finished), "a lane failed");
            thread::sleep(std::time::Duration::from_micros(200));
        }
        assert!(looks > 1);
        stop.store(true, SeqCst);
        for thread in threads {
            thread.thread().unpark();
            thread.join().unwrap();
        }
    });
    for lane in &lanes {
        assert_eq!(lane.with(|lane| lane.open_from_afar()), (0, 0));
    }
    let ledger = hub.ledger();
    assert_eq!((ledger.sent, ledger.handled, ledger.dead()), (total, total, 0));
    assert_eq!(hub.posts().crossed.load(SeqCst), total);
}
