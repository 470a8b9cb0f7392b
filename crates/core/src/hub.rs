//! Several isolates, one system: what their lanes share.
//!
//! Each lane is run by one thread, and nobody else touches it while that thread is in a turn. Between its turns another
//! thread may look into it, or act for it when its isolate is gone, under the lane's lock. A thread that holds one
//! lane's lock takes no other, except to look at all of them, in their order.

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicI32;
use std::time::Duration;

use crossbeam_utils::CachePadded;

use crate::count::Ledger;
use crate::entry::{Entry, note, word};
use crate::lane::blocks::Blocks;
use crate::lane::inbox::Closed;
use crate::lane::parcel::Parcel;
use crate::lane::pool::Returns;
use crate::lane::{Destination as _, Guest, Lane, Remote};
use crate::mailbox::links::Batch;
use crate::sched::claim::Claim;
use crate::sched::scout::Sight;
use crate::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use crate::sync::{Arc, Mutex, MutexGuard, lock};
use crate::watchdog::{Watch, Watchdog};

/// What other threads see of a lane.
#[derive(Debug)]
pub struct Post {
    /// Where they send to.
    pub remote: Remote,
    /// Where its parcels go home to.
    pub returns: Arc<Returns>,
    /// Messages on their way to it.
    pub queued: CachePadded<AtomicU64>,
    /// Parcels of all kinds that were sent to it, and that it has not drawn all consequences of.
    pub moving: CachePadded<AtomicU64>,
    /// See [`post`].
    pub state: AtomicU32,
    /// Turns so far, in none of which a handler ran: a lane that has work and makes none is stalled.
    pub turns: AtomicU64,
    /// [`mode`](crate::entry::mode) bits of the feeds that its isolate listens to.
    pub listens: AtomicU32,
}

/// Bits of [`Post::state`].
pub mod post {
    /// Something waits, runs, starts or stops.
    pub const BUSY: u32 = 1;
    /// The process must stay alive.
    pub const HOLD: u32 = 2;
    /// It was handed something that it has not come back with.
    pub const READS: u32 = 4;
    /// Its isolate waits for all lanes to be idle.
    pub const WAITS: u32 = 8;
    /// It has an isolate.
    pub const LIVES: u32 = 16;
    /// Either keeps the process alive: what is read may become something that holds it.
    pub const ALIVE: u32 = HOLD | READS;
}

impl Post {
    /// Pushes a batch.
    ///
    /// # Errors
    /// [`Closed`] with the batch when nothing will ever be read there again.
    pub(crate) fn deliver(&self, batch: Batch<Parcel>) -> Result<(), Closed<Batch<Parcel>>> {
        let count = batch.len() as u64;
        self.moving.fetch_add(count, SeqCst); // seen by a watchdog that has not seen it when it parked: see there
        self.remote.deliver(batch).inspect_err(|_| {
            self.moving.fetch_sub(count, Relaxed);
        })
    }
}

/// The lanes of a system, as other threads see them.
#[derive(Debug)]
pub struct Posts {
    list: Box<[Post]>,
    /// How many lanes wait for all to be idle.
    pub waiters: AtomicU32,
    /// The first lane's isolate holds the process only because of other lanes.
    pub held_for_others: AtomicBool,
    /// The first lane's isolate holds the process.
    pub held: AtomicBool,
    /// Messages that went from one isolate to another.
    pub crossed: AtomicU64,
    /// How often an isolate began or ceased to listen to a feed.
    pub listened: AtomicU32,
    /// Who looks for lanes that are stalled.
    pub watch: Watch,
}

impl Posts {
    /// The post of a lane.
    #[must_use]
    pub fn get(&self, lane: u32) -> Option<&Post> {
        self.list.get(lane as usize)
    }

    /// All of them, in order.
    #[must_use]
    pub fn all(&self) -> &[Post] {
        &self.list
    }

    /// Whether another lane than the first keeps the process alive, or is about to.
    #[must_use]
    pub fn others_hold(&self) -> bool {
        let lives = |p: &Post| p.state.load(SeqCst) & post::LIVES != 0;
        let moves = self.list.iter().any(|p| p.moving.load(SeqCst) > 0 && (lives(p) || p.queued.load(Relaxed) > 0));
        moves || self.list.iter().skip(1).any(|p| p.state.load(SeqCst) & post::ALIVE != 0)
    }

    /// The first lane tells the others whether it holds the process; whether it does.
    ///
    /// Each side writes before it reads: another lane shows that it holds, then looks here whether it has to ring; this one says
    /// what it made of the others, then looks at them once more. So whichever came second sees what the first one wrote. What it
    /// says already it need not say again.
    pub(crate) fn show_first(&self, holds: bool, reads: bool) -> bool {
        let say = |word: &AtomicBool, value| {
            if word.load(Relaxed) != value {
                word.store(value, SeqCst);
            }
        };
        loop {
            let others = !holds && !reads && self.others_hold();
            say(&self.held_for_others, others);
            say(&self.held, holds || others);
            if holds || reads || others == self.others_hold() {
                return holds || others;
            }
        }
    }

    /// Whether nothing waits, runs or moves anywhere, by what the lanes show of themselves. For a lane that has just shown that it
    /// rests: if so, it wakes those who wait for that, and otherwise it leaves it to a lane that is to come to rest later.
    ///
    /// The last wake-up is not lost. Nothing but a lane's own show, or its close, can make this true: a lane that is busy or
    /// reads shows its rest, and what moves to a lane is taken off by that lane, in a show. Each show writes first and looks
    /// then, all in one order (`SeqCst`, which these loads pair with): of two at once, the one that wrote second sees what the
    /// other wrote. So the last show that changes anything finds all at rest. A waiter that it wakes looks at the lanes themselves, under their locks,
    /// and so not before that lane's turn has ended. Should it find one awake, as it looks for mail before it sleeps, that one
    /// has a turn to come, in which it shows its rest again. Whoever begins to wait says so before it looks under the same locks:
    /// a turn that it does not see sees it.
    ///
    /// It may be true too early, while a parcel goes on behind the look: that costs a look of the waiter's, no more.
    pub(crate) fn all_rest(&self) -> bool {
        self.list.iter().all(|p| {
            // what moves comes first: it is taken off only when what follows from it is shown
            let rests = || p.moving.load(SeqCst) == 0 && p.state.load(SeqCst) & (post::BUSY | post::READS) == 0;
            rests() || p.remote.is_closed()
        })
    }

    /// The isolate of a lane listens to these feeds from now on: whoever hears of anything it does after that knows so.
    pub fn listen(&self, lane: u32, bits: u32) {
        if let Some(post) = self.get(lane)
            && post.listens.swap(bits, SeqCst) != bits
        {
            self.listened.fetch_add(1, SeqCst);
        }
    }

    /// What the isolates of all other lanes listen to.
    #[must_use]
    pub fn asked_of(&self, lane: u32) -> u32 {
        let others = (0..).zip(self.list.iter()).filter(|(at, _)| *at != lane);
        others.fold(0, |bits, (_, post)| bits | post.listens.load(SeqCst))
    }

    /// How many lanes have an isolate; of the `native` ones, whose threads take no CPU while they have nothing to do, those that have.
    #[must_use]
    pub fn crowd(&self, native: std::ops::Range<u32>) -> u32 {
        let counts = |lane, p: &Post| {
            let needs = if native.contains(&lane) { post::LIVES | post::BUSY } else { post::LIVES };
            p.state.load(Relaxed) & needs == needs
        };
        (0..).zip(self.list.iter()).map(|(lane, p)| u32::from(counts(lane, p))).sum()
    }

    /// Makes a lane look round.
    pub fn nudge(&self, lane: u32) {
        if let Some(post) = self.get(lane) {
            post.remote.wake();
        }
    }
}

/// A lane and the lock before it.
pub struct Shared {
    lock: Mutex<()>,
    lane: UnsafeCell<Lane>,
    /// Where the isolate says what it runs; none while there is none.
    pulse: Mutex<Option<Pulse>>,
    /// Of an isolate in Rust: which entries of its inbox it runs.
    pub claim: Claim,
}

/// The memory in which an isolate says which entry of its inbox it runs.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    /// See [`word::CURSOR`].
    pub header: *const i32,
    /// The inbox.
    pub inbox: *const Entry,
    /// How many entries it has room for.
    pub length: usize,
}

// SAFETY: two addresses; who reads there is told when.
unsafe impl Send for Pulse {}

impl Pulse {
    /// Under the lock that it is kept under.
    fn word(self, at: usize) -> i32 {
        // SAFETY: the memory is there while the lock is held. The isolate may write the word meanwhile: it is read in one piece, and
        // any value is taken.
        unsafe { AtomicI32::from_ptr(self.header.add(at).cast_mut()) }.load(Relaxed)
    }

    /// Under the lock that it is kept under.
    fn cursor(self) -> Option<usize> {
        let at = self.word(word::CURSOR);
        usize::try_from(at).ok().filter(|at| *at < self.length)
    }
}

// SAFETY: the lane is touched under the lock, or by its own thread while nobody else knows of it (see `alone`).
unsafe impl Sync for Shared {}
// SAFETY: what a lane owns may be dropped on any thread.
unsafe impl Send for Shared {}

impl Shared {
    /// A lane that only its own thread knows.
    #[must_use]
    pub fn new(lane: Lane) -> Self {
        Self { lock: Mutex::new(()), lane: UnsafeCell::new(lane), pulse: Mutex::new(None), claim: Claim::default() }
    }

    /// The lane, with the lock.
    pub fn with<R>(&self, body: impl FnOnce(&mut Lane) -> R) -> R {
        let _held = lock(&self.lock);
        // SAFETY: the lock is held, and nobody is let in without it once there are several threads.
        body(unsafe { &mut *self.lane.get() })
    }

    /// The lane, without taking the lock.
    ///
    /// # Safety
    /// The lock is held, or no other thread knows of the lane yet; and no other reference to the lane is in use.
    #[allow(clippy::mut_from_ref)] // that is the caller's promise
    pub unsafe fn alone(&self) -> &mut Lane {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.lane.get() }
    }

    /// Where the isolate says what it runs.
    ///
    /// # Safety
    /// The memory stays until another place, or none, is given.
    pub unsafe fn set_pulse(&self, pulse: Option<Pulse>) {
        *lock(&self.pulse) = pulse;
    }

    /// Which entry the isolate runs; none between two.
    pub(crate) fn cursor(&self) -> Option<usize> {
        (*lock(&self.pulse))?.cursor()
    }

    /// The entry that the isolate runs; for whoever asks why it does not come back.
    pub fn running(&self) -> Option<Entry> {
        let pulse = lock(&self.pulse);
        let at = (*pulse)?.cursor()?;
        let Pulse { inbox, .. } = (*pulse)?;
        let _held = lock(&self.lock);
        // SAFETY: as above; the entries are written by the lane alone, whose lock is held.
        Some(unsafe { inbox.add(at).read_volatile() })
    }

    /// What is seen of the lane while its isolate runs; none while it has none.
    pub(crate) fn sight(&self) -> Option<Sight> {
        let pulse = (*lock(&self.pulse))?;
        let read = |at: usize| pulse.word(at);
        let at = read(word::CURSOR);
        let at = if at < 0 { !at } else { at };
        let [turns, filled, at] = [read(word::TURNS), read(word::IN), at].map(i32::cast_unsigned);
        Some(Sight { turns, filled, at })
    }

    /// Takes up to `most` ready actors out of the lane, for another thread to run: see [`Lane::part_with`]. When none is ready but
    /// those in the inbox, what the isolate has not claimed of that goes back first. The isolate is one that claims.
    pub(crate) fn lend(&self, most: usize, guests: &mut Vec<Guest>) -> usize {
        let pulse = lock(&self.pulse);
        let Some(Pulse { inbox, length, .. }) = *pulse else { return 0 };
        self.with(|lane| {
            // SAFETY: within the inbox, which is there while the lock is held. The lane alone writes there, but for words of
            // entries that the isolate has claimed: those are read in one piece, and any value is taken.
            let entry_at = |at: usize| unsafe { inbox.add(at.min(length - 1)).read_volatile() };
            lane.let_in();
            let here = |lane: &Lane| lane.unread().map(|at| entry_at(at).index).collect();
            let count = lane.part_with(here(lane), most, guests);
            if count > 0 {
                return count;
            }
            let unread = lane.unread();
            let messages = unread.clone().rev().take_while(|at| entry_at(*at).op() == note::MSG).count();
            match self.claim.cut(unread.end - messages) {
                Some(end) => {
                    lane.recall(end, entry_at);
                    lane.part_with(here(lane), most, guests)
                }
                None => 0,
            }
        })
    }

    /// The lock; see [`alone`](Self::alone).
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        lock(&self.lock)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Words that all isolates of a system number alike.
#[derive(Debug, Default)]
struct Words {
    ids: HashMap<Box<str>, u32>,
    words: Vec<Box<str>>,
    /// What some of them mean, which was known later.
    meanings: HashMap<u32, Box<str>>,
}

/// A system of several isolates.
#[derive(Debug)]
pub struct Hub {
    lanes: Box<[Arc<Shared>]>,
    posts: Arc<Posts>,
    /// Names of methods, shapes of objects, classes: by kind.
    words: Mutex<[Words; KINDS]>,
    blocks: Blocks,
    watchdog: Mutex<Option<Watchdog>>,
}

/// Kinds of words.
const KINDS: usize = 3;

impl Hub {
    /// Joins the lanes of a system; the first is the one that made it, and is in use.
    #[must_use]
    pub fn open(lanes: Vec<Arc<Shared>>) -> Arc<Hub> {
        let list = lanes.iter().map(|lane| {
            lane.with(|lane| Post {
                remote: lane.remote(),
                returns: lane.returns(),
                queued: CachePadded::new(AtomicU64::new(0)),
                moving: CachePadded::new(AtomicU64::new(0)),
                state: AtomicU32::new(0),
                turns: AtomicU64::new(0),
                listens: AtomicU32::new(0),
            })
        });
        let posts = Arc::new(Posts {
            list: list.collect(),
            waiters: AtomicU32::new(0),
            held_for_others: AtomicBool::new(false),
            held: AtomicBool::new(false),
            crossed: AtomicU64::new(0),
            listened: AtomicU32::new(0),
            watch: Watch::default(),
        });
        for (place, lane) in (0..).zip(&lanes) {
            lane.with(|lane| lane.join(place, Arc::clone(&posts)));
        }
        Arc::new(Hub {
            lanes: lanes.into(),
            posts,
            words: Mutex::default(),
            blocks: Blocks::default(),
            watchdog: Mutex::default(),
        })
    }

    /// The lane of a number.
    #[must_use]
    pub fn lane(&self, lane: u32) -> Option<&Arc<Shared>> {
        self.lanes.get(lane as usize)
    }

    /// What threads see of each other.
    #[must_use]
    pub fn posts(&self) -> &Arc<Posts> {
        &self.posts
    }

    /// Memory for large bytes.
    #[must_use]
    pub fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// From now on lanes that stay in one handler for longer than this are told of, to the first one.
    pub fn watch(&self, stall_after: Duration) {
        let mut watchdog = lock(&self.watchdog);
        if watchdog.is_none() {
            *watchdog = Watchdog::start(self.lanes.clone(), &self.posts, stall_after);
        }
    }

    /// No more. The thread has ended when this returns; the caller holds no lane's lock.
    pub fn unwatch(&self) {
        let watchdog = lock(&self.watchdog).take();
        drop(watchdog);
    }

    /// Looks at all lanes at one moment.
    pub fn all<R>(&self, look: impl FnOnce(&[&mut Lane]) -> R) -> R {
        let held: Vec<_> = self.lanes.iter().map(|lane| lane.hold()).collect();
        // SAFETY: all locks are held.
        let lanes: Vec<&mut Lane> = self.lanes.iter().map(|lane| unsafe { lane.alone() }).collect();
        let result = look(&lanes);
        drop(held);
        result
    }

    /// The counts of all lanes, what is on its way between them included, at one moment.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.all(|lanes| {
            let mut sum = Ledger::default();
            for (lane, post) in lanes.iter().zip(self.posts.all()) {
                sum.add(&lane.ledger);
                let queued = post.queued.load(Relaxed);
                sum.sent += queued;
                sum.waiting += queued;
            }
            sum
        })
    }

    /// Whether nothing waits, runs, starts or stops anywhere. The caller's own lane has just come to its end.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.all(|lanes| lanes.iter().all(|lane| lane.is_quiet()))
    }

    /// The number of a word of some kind; the same in all isolates. None when there are too many.
    #[must_use]
    pub fn word(&self, kind: usize, word: &str, most: u32) -> Option<u32> {
        let mut words = lock(&self.words);
        let Words { ids, words, .. } = words.get_mut(kind)?;
        if let Some(id) = ids.get(word) {
            return Some(*id);
        }
        let id = u32::try_from(words.len()).ok().filter(|id| *id < most)?;
        words.push(word.into());
        ids.insert(word.into(), id);
        Some(id)
    }

    /// What a word means, or the word itself.
    #[must_use]
    pub fn word_at(&self, kind: usize, id: u32) -> Option<Box<str>> {
        let words = lock(&self.words);
        let words = words.get(kind)?;
        words.meanings.get(&id).or_else(|| words.words.get(id as usize)).cloned()
    }

    /// Tells what a word means.
    pub fn define(&self, kind: usize, id: u32, meaning: &str) {
        if let Some(words) = lock(&self.words).get_mut(kind) {
            words.meanings.insert(id, meaning.into());
        }
    }
}
