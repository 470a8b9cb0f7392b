//! What the core allocates, counted: bytes of an idle actor, and nothing at all for a message.
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use buskin_core::clock::Clock;
use buskin_core::entry::{Entry, flag, mark, note, op, word};
use buskin_core::lane::{Defaults, Lane, Rings};

struct Counting;

thread_local! {
    /// Bytes held, and how often memory was asked for, by this thread.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    HELD.with(|held| held.set(held.get() + bytes));
    ASKED.with(|asked| asked.set(asked.get() + u64::from(bytes > 0)));
}

// SAFETY: it passes everything on to the system's allocator and only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The rings and a lane, without a scripted isolate: that one would allocate.
struct Bare {
    lane: Lane,
    header: [i32; word::COUNT],
    outbox: Vec<Entry>,
    inbox: Vec<Entry>,
    marks: Vec<u8>,
    written: usize,
}

impl Bare {
    fn new() -> Self {
        Self::with(Clock::real())
    }

    fn with(clock: Clock) -> Self {
        let ring = || vec![Entry::default(); 1024];
        let lane = Lane::new(clock, Defaults::default());
        Bare { lane, header: [0; word::COUNT], outbox: ring(), inbox: ring(), marks: vec![0; 1024], written: 0 }
    }

    fn put(&mut self, entry: Entry) {
        self.outbox[self.written] = entry;
        self.written += 1;
    }

    /// How many notes came.
    fn turn(&mut self) -> usize {
        self.header[word::OUT] = self.written as i32;
        self.written = 0;
        let Bare { lane, header, outbox, inbox, marks, .. } = self;
        lane.turn(&mut Rings { header, outbox, inbox, marks, bag: &mut [], places: &mut [], satchel: &[] });
        self.header[word::IN] as usize
    }

    fn spawn(&mut self) -> (u32, u32) {
        let (index, age) = self.lane.grant().unwrap();
        self.put(Entry { head: op::SPAWN, index, age, ..Entry::default() });
        (index, age)
    }

    fn tell(&mut self, to: (u32, u32), head: u32, corr: u32) {
        self.put(Entry { head: op::MSG | head, index: to.0, age: to.1, payload: 7, from: 0, corr });
    }
}

/// How often memory was asked for meanwhile.
fn asked_during(run: impl FnOnce()) -> u64 {
    let before = ASKED.get();
    run();
    ASKED.get() - before
}

#[test]
fn an_idle_actor_takes_at_most_128_bytes_of_the_core() {
    const ACTORS: usize = 1_000_000;
    let mut bare = Bare::new();
    let before = HELD.get();
    for _ in 0..ACTORS / 1_000 {
        for _ in 0..1_000 {
            bare.spawn();
        }
        while bare.turn() > 0 {}
    }
    let bytes = (HELD.get() - before) as f64 / ACTORS as f64;
    assert_eq!(bare.lane.ledger.actors as usize, ACTORS);
    assert!(!bare.lane.is_busy(), "all have started");
    assert!(bytes <= 128.0, "{bytes:.1} bytes an idle actor");
}

#[test]
fn a_tell_allocates_nothing() {
    let mut bare = Bare::new();
    let to: Vec<_> = (0..100).map(|_| bare.spawn()).collect();
    while bare.turn() > 0 {}
    let run = |bare: &mut Bare, rounds: usize, straight: bool| {
        for round in 0..rounds {
            for at in 0..1_000 {
                let to = to[if straight { 0 } else { (at * 7 + round) % 100 }];
                bare.tell(to, 0, 0);
            }
            while bare.turn() > 0 {}
        }
    };
    for straight in [true, false] {
        run(&mut bare, 10, straight);
        assert_eq!(asked_during(|| run(&mut bare, 100, straight)), 0, "to one actor: {straight}");
    }
    assert_eq!(bare.lane.ledger.handled, 220_000);
}

#[test]
fn an_ask_with_a_deadline_allocates_nothing() {
    let mut bare = Bare::new();
    let to = bare.spawn();
    let run = |bare: &mut Bare| {
        for _ in 0..1_000 {
            for corr in 1..=100 {
                bare.tell(to, flag::ASK | if corr % 2 == 0 { flag::ASYNC } else { 0 }, corr);
            }
            while bare.turn() > 0 {}
        }
    };
    run(&mut bare);
    assert_eq!(asked_during(|| run(&mut bare)), 0);
    assert_eq!(bare.lane.ledger.handled, 200_000);
}

#[test]
fn an_ask_with_a_deadline_of_its_own_allocates_nothing() {
    let mut bare = Bare::new();
    let to = bare.spawn();
    let run = |bare: &mut Bare| {
        for _ in 0..1_000 {
            for corr in 1..=100 {
                bare.tell(to, flag::ASK | flag::EXT, corr);
                bare.put(Entry { head: op::EXT, from: 1_000_000, ..Entry::default() });
            }
            while bare.turn() > 0 {}
        }
    };
    run(&mut bare);
    assert_eq!(asked_during(|| run(&mut bare)), 0);
    assert_eq!((bare.lane.ledger.handled, bare.lane.next_deadline()), (200_000, None));
}

#[test]
fn a_send_allocates_nothing() {
    let mut bare = Bare::new();
    let to = bare.spawn();
    let run = |bare: &mut Bare| {
        for _ in 0..1_000 {
            for corr in 1..=100 {
                bare.tell(to, flag::SEND, corr);
            }
            while bare.turn() > 0 {}
        }
    };
    run(&mut bare);
    assert_eq!(asked_during(|| run(&mut bare)), 0);
}

#[test]
fn ping_pong_allocates_nothing() {
    let mut bare = Bare::new();
    let refs = [bare.spawn(), bare.spawn()];
    while bare.turn() > 0 {}
    let run = |bare: &mut Bare| {
        bare.tell(refs[0], 0, 0);
        for hop in 0..100_000 {
            assert_eq!(bare.turn(), 1);
            assert_eq!(bare.inbox[0].op(), note::MSG);
            bare.put(Entry { from: refs[hop % 2].0, ..Entry::default() });
            bare.written = 0;
            bare.tell(refs[(hop + 1) % 2], 0, 0);
        }
        while bare.turn() > 0 {}
    };
    run(&mut bare);
    assert_eq!(asked_during(|| run(&mut bare)), 0);
}

#[test]
fn priorities_and_times_to_live_allocate_nothing() {
    let mut bare = Bare::new();
    let to = bare.spawn();
    let run = |bare: &mut Bare| {
        for _ in 0..1_000 {
            for at in 0..100 {
                bare.tell(to, flag::EXT, 0);
                bare.put(Entry { head: op::EXT, index: at % 3, age: 1_000_000, ..Entry::default() });
            }
            while bare.turn() > 0 {}
        }
    };
    run(&mut bare);
    assert_eq!(asked_during(|| run(&mut bare)), 0);
}

#[test]
fn a_restart_allocates_nothing_once_an_actor_was_restarted_often() {
    let mut bare = Bare::with(Clock::Manual(0));
    let numbers = [0.0, 1e9, 1e6, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let profile = bare.lane.profile(&numbers);
    bare.lane.supervise_root(profile);
    let children: Vec<_> = (0..100).map(|_| bare.spawn()).collect();
    while bare.turn() > 0 {}
    let run = |bare: &mut Bare, from: u64, rounds: u64| {
        for at in from..from + rounds {
            bare.lane.set_time(at * 1_000);
            for &to in &children {
                bare.tell(to, 0, 0);
            }
            assert_eq!(bare.turn(), children.len());
            bare.marks[..children.len()].fill(mark::THREW);
            while bare.turn() > 0 {}
        }
    };
    run(&mut bare, 0, 2_000);
    let before = bare.lane.ledger.restarts;
    let asked = asked_during(|| run(&mut bare, 2_000, 1_000));
    assert_eq!(bare.lane.ledger.restarts - before, 100_000);
    assert_eq!(asked, 0, "allocations of 100,000 restarts");
}
