//! The books: what the receivers have counted.

use super::registry::Numbers;
use buskin_core::native::{Actor, Ctx};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

macro_rules! facts {
    ($($fact:ident $name:literal),*) => {
        /// What a program finds beside its counts. What several actors find is added up.
        #[derive(Clone, Copy)]
        pub(crate) enum Fact { $($fact),* }
        const NAMES: &[&str] = &[$($name),*];
    };
}

facts! {
    Pongs "pongs", Count "count", Computed "computed", Tokens "tokens", Meetings "meetings", Red "red", Yellow "yellow", Blue "blue",
    Pings "pings", Weighted "weighted", Result "result", Reads "reads", Writes "writes", Keys "keys", Wrong "wrong",
    Sizes "sizes", Items "items", Sum "sum", Unsorted "unsorted"
}

/// An actor counts for itself, and hands that over when it ends.
#[derive(Default)]
pub(crate) struct Tally {
    messages: u64,
}

impl Tally {
    /// Every handler begins with it.
    #[inline]
    pub(crate) fn heard(&mut self) {
        self.messages += 1;
    }

    /// The end of the actor, after the handler in hand.
    pub(crate) fn exit<A: Actor>(&self, ctx: &mut Ctx<A>) {
        MINE.with(|mine| {
            add(&mine.messages, self.messages);
            add(&mine.actors, 1);
        });
        ctx.stop();
    }
}

/// Adds to a result of the program. One that was never found is not there; 0 is found, too.
pub(crate) fn fact(fact: Fact, value: u64) {
    MINE.with(|mine| add(&mine.facts[fact as usize], value + 1 - mine.facts[fact as usize].load(Relaxed).min(1)));
}

/// To be found after the clock has stopped.
pub(crate) fn later(find: impl FnOnce() + Send + 'static) {
    lock(&LATER).push(Box::new(find));
}

/// The books of a thread: nobody else writes there. A fact lies there plus one, as 0 says that it was not found.
#[repr(align(128))]
struct Books {
    messages: AtomicU64,
    actors: AtomicU64,
    facts: [AtomicU64; NAMES.len()],
}

static ALL: Mutex<Vec<Arc<Books>>> = Mutex::new(Vec::new());
static LATER: Mutex<Vec<Box<dyn FnOnce() + Send>>> = Mutex::new(Vec::new());

thread_local! {
    static MINE: Arc<Books> = {
        let zero = || AtomicU64::new(0);
        let mine = Arc::new(Books { messages: zero(), actors: zero(), facts: std::array::from_fn(|_| zero()) });
        lock(&ALL).push(Arc::clone(&mine));
        mine
    };
}

fn add(to: &AtomicU64, value: u64) {
    to.store(to.load(Relaxed) + value, Relaxed);
}

/// Hands out what was counted, and begins anew. All who count must have ended.
pub(crate) fn take() -> Numbers {
    for find in std::mem::take(&mut *lock(&LATER)) {
        find();
    }
    let mut found = Numbers::default();
    let mut put = |name: &str, value: u64| *found.0.entry(name.to_owned()).or_default() += value as f64;
    put("messages", 0);
    put("actors", 0);
    for books in lock(&ALL).iter() {
        put("messages", books.messages.swap(0, Relaxed));
        put("actors", books.actors.swap(0, Relaxed));
        for (name, value) in NAMES.iter().zip(&books.facts) {
            if let Some(value) = value.swap(0, Relaxed).checked_sub(1) {
                put(name, value);
            }
        }
    }
    found
}

/// The books are the process's, so one stage is open at a time.
pub(crate) fn reserve() -> MutexGuard<'static, ()> {
    static STAGE: Mutex<()> = Mutex::new(());
    lock(&STAGE)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
