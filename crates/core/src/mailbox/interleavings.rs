//! The shared queue and the scheduling word under every interleaving that loom finds.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p buskin-core --profile loom --lib interleavings`

use super::{
    links::{Batch, Hook, Link},
    scheduled::{Released, Scheduled},
    shared::{Pop, Shared},
};
use crate::sync::{Arc, UnsafeCell, thread};
use std::ptr::NonNull;

/// Runs a test under all interleavings with up to three preemptions, so that all take seconds and
/// not minutes; `LOOM_MAX_PREEMPTIONS` overrides.
pub(crate) fn explore(test: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(3));
    model.check(test);
}

/// A node whose content loom watches: reading it without the writer's release is a failure, and so
/// is losing it (loom counts what is left of `alive`).
pub(crate) struct Letter(Box<Content>);

#[repr(C)]
struct Content {
    hook: Hook,
    text: UnsafeCell<u32>,
    alive: Arc<()>,
}

// SAFETY: a box has one address for life; the hook is the first field of a `repr(C)` struct.
unsafe impl Link for Letter {
    fn into_hook(self) -> NonNull<Hook> {
        NonNull::from(Box::leak(self.0)).cast()
    }

    unsafe fn from_hook(hook: NonNull<Hook>) -> Self {
        // SAFETY: the caller's promise: the pointer of `into_hook`, taken back once.
        Self(unsafe { Box::from_raw(hook.cast().as_ptr()) })
    }
}

// SAFETY: a letter is owned by one thread at a time; loom checks it.
unsafe impl Send for Letter {}

impl Letter {
    pub(crate) fn new(text: u32) -> Self {
        let letter = Self(Box::new(Content { hook: Hook::new(), text: UnsafeCell::new(0), alive: Arc::new(()) }));
        // SAFETY: just made; nobody else has it.
        letter.0.text.with_mut(|at| unsafe { *at = text });
        letter
    }

    pub(crate) fn batch(texts: impl IntoIterator<Item = u32>) -> Batch<Self> {
        let mut batch = Batch::new();
        texts.into_iter().for_each(|text| batch.push(Self::new(text)));
        batch
    }

    pub(crate) fn read(self) -> u32 {
        let _alive = Arc::clone(&self.0.alive);
        // SAFETY: we own it; loom fails here if its writing is not ordered before.
        self.0.text.with(|at| unsafe { *at })
    }
}

#[test]
fn nodes_of_two_producers_all_come_out_each_in_order() {
    explore(|| {
        let queue = Arc::new(Shared::new());
        let producers = [10, 20].map(|base| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let _ = queue.push(Letter::new(base));
                let _ = queue.push(Letter::new(base + 1));
            })
        });
        let mut got = Vec::new();
        while got.len() < 4 {
            // SAFETY: this thread is the only consumer.
            match unsafe { queue.pop() } {
                Pop::Some(letter) => got.push(letter.read()),
                Pop::Empty | Pop::Busy => thread::yield_now(),
            }
        }
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        for base in [10, 20] {
            let of: Vec<u32> = got.iter().copied().filter(|text| text / 10 == base / 10).collect();
            assert_eq!(of, [base, base + 1]);
        }
        assert!(queue.is_empty());
    });
}

#[test]
fn an_emptied_queue_reports_its_next_push() {
    explore(|| {
        let queue = Arc::new(Shared::new());
        assert!(queue.push(Letter::new(1)));
        let other = Arc::clone(&queue);
        let producer = thread::spawn(move || other.push(Letter::new(2)));
        // SAFETY: this thread is the only consumer.
        let first = unsafe { queue.pop() };
        assert!(matches!(first, Pop::Some(_) | Pop::Busy));
        let found_empty = producer.join().unwrap();
        assert!(!found_empty || matches!(first, Pop::Some(_)), "it was not empty before the pop");
        // The rest is dropped with the queue; loom would report a leak.
    });
}

/// An actor as core threads see it: whoever claims it runs it at once.
struct Cell {
    mailbox: Shared<Letter>,
    scheduled: Scheduled,
    /// Loom fails when two threads run the actor, or one without having seen the last one's work.
    handled: UnsafeCell<u32>,
}

// SAFETY: `handled` is touched by the one thread that has claimed the actor; loom checks it.
unsafe impl Sync for Cell {}

impl Cell {
    fn tell(&self, text: u32) {
        if self.mailbox.push(Letter::new(text)) && self.scheduled.claim() {
            self.run();
        }
    }

    fn run(&self) {
        loop {
            // SAFETY: claimed by this thread.
            match unsafe { self.mailbox.pop() } {
                Pop::Some(letter) => {
                    let text = letter.read();
                    // SAFETY: claimed by this thread.
                    self.handled.with_mut(|sum| unsafe { *sum += text });
                }
                Pop::Busy => thread::yield_now(),
                Pop::Empty if self.scheduled.release(|| self.mailbox.is_empty()) == Released::Idle => return,
                Pop::Empty => {}
            }
        }
    }
}

fn told_by_threads(threads: u32, each: u32) {
    explore(move || {
        let cell = Arc::new(Cell { mailbox: Shared::new(), scheduled: Scheduled::new(), handled: UnsafeCell::new(0) });
        let tell = move |cell: &Cell| (0..each).for_each(|_| cell.tell(1));
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let cell = Arc::clone(&cell);
                thread::spawn(move || tell(&cell))
            })
            .collect();
        tell(&cell);
        others.into_iter().for_each(|other| other.join().unwrap());
        // SAFETY: all others have ended.
        assert_eq!(cell.handled.with(|sum| unsafe { *sum }), threads * each, "a wake-up was lost");
        assert!(!cell.scheduled.is_scheduled());
    });
}

#[test]
fn an_actor_told_by_two_threads_runs_on_one_and_misses_nothing() {
    told_by_threads(2, 2);
}

#[test]
fn an_actor_told_by_three_threads_runs_on_one_and_misses_nothing() {
    told_by_threads(3, 1);
}
