//! The watchdog: a thread that notices when a lane's isolate does not come back from a handler.
//!
//! It looks at what lanes show anyway: whether they read an inbox, how many turns they made, which entry they run. It
//! tells the first lane, which is where cores are ended.
//!
//! # Wake-up
//! While no lane reads, and nothing is on its way to one, it is parked. It says so, looks once more, and waits. A lane that
//! begins to read, or sends, shows that first and looks then whether the watchdog is parked. Both sides are sequentially
//! consistent, so one of them sees the other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::entry::{Entry, TAG_SHIFT, carry, op};
use crate::hub::{Post, Posts, Shared, post};
use crate::lane::far::Address;
use crate::lane::parcel::{Header, Parcel};
use crate::mailbox::links::Batch;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// How often it looks in the time after which a lane is stalled.
const LOOKS: u32 = 4;

/// What lanes and the watchdog share.
#[derive(Debug, Default)]
pub struct Watch {
    /// It waits until it is woken. The watchdog sets it, whoever wakes it takes it back; lanes read it.
    parked: AtomicBool,
    asked: Mutex<Asked>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Asked {
    to_look: bool,
    to_end: bool,
}

impl Watch {
    /// A lane reads, or something was sent to one: that was shown before.
    #[inline]
    pub(crate) fn notice(&self) {
        if self.parked.load(SeqCst) {
            self.ask(|asked| asked.to_look = true);
        }
    }

    /// Whether it waits until it is woken.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.parked.load(SeqCst)
    }

    #[cold]
    fn ask(&self, what: impl FnOnce(&mut Asked)) {
        let mut asked = self.asked();
        what(&mut asked);
        self.parked.store(false, SeqCst);
        self.bell.notify_one();
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for so long, or until it is asked to look. Whether it is to go on.
    fn wait(&self, limit: Option<Duration>) -> bool {
        let mut asked = self.asked();
        let until = limit.map(|limit| Instant::now() + limit);
        while !asked.to_end && !asked.to_look {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            asked = match left {
                Some(left) if left.is_zero() => break,
                Some(left) => self.bell.wait_timeout(asked, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.bell.wait(asked).unwrap_or_else(PoisonError::into_inner),
            };
        }
        asked.to_look = false;
        !asked.to_end
    }
}

/// The thread. Dropping it ends it, and waits for that.
#[derive(Debug)]
pub(crate) struct Watchdog {
    posts: Arc<Posts>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// None when the process can have no more threads.
    pub(crate) fn start(lanes: Box<[Arc<Shared>]>, posts: &Arc<Posts>, stall_after: Duration) -> Option<Self> {
        posts.watch.asked().to_end = false;
        let seen = lanes.iter().map(|_| Seen { sight: None, since: Instant::now(), looks: 0, told: false }).collect();
        let mut look = Look { lanes, seen, posts: Arc::clone(posts), stall_after };
        let thread = Builder::new().name("buskin watchdog".to_owned()).spawn(move || look.run()).ok()?;
        Some(Watchdog { posts: Arc::clone(posts), thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.posts.watch.ask(|asked| asked.to_end = true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join()); // a panic in there has told of itself
        }
    }
}

/// What an isolate is at: how many turns its lane made, and the entry it runs; none when it does something else, though there
/// is something to read.
type Sight = (u64, Option<usize>);

struct Seen {
    sight: Option<Sight>,
    since: Instant,
    /// How often it was seen since then: a machine that slept, or is busy with other things, stalls nobody.
    looks: u32,
    told: bool,
}

struct Look {
    lanes: Box<[Arc<Shared>]>,
    seen: Vec<Seen>,
    posts: Arc<Posts>,
    stall_after: Duration,
}

impl Look {
    fn run(&mut self) {
        let tick = (self.stall_after / LOOKS).max(Duration::from_millis(1));
        let posts = Arc::clone(&self.posts);
        loop {
            self.look(Instant::now());
            let mut limit = Some(tick);
            if !self.is_any_at_work() {
                posts.watch.parked.store(true, SeqCst);
                if self.is_any_at_work() {
                    posts.watch.parked.store(false, SeqCst);
                } else {
                    limit = None;
                }
            }
            if !posts.watch.wait(limit) {
                return;
            }
        }
    }

    fn is_any_at_work(&self) -> bool {
        (0..).zip(self.posts.all()).any(|(place, post)| is_at_work(place, post))
    }

    fn look(&mut self, now: Instant) {
        for place in 0..self.lanes.len() {
            let sight = self.sight(place);
            let seen = &mut self.seen[place];
            if sight.is_none() || seen.sight != sight {
                *seen = Seen { sight, since: now, looks: 0, told: false };
                continue;
            }
            seen.looks += 1;
            let is_late = seen.looks >= LOOKS && now.saturating_duration_since(seen.since) >= self.stall_after;
            if is_late && !seen.told {
                self.seen[place].told = self.tell(place, sight);
            }
        }
    }

    /// None when it is at nothing.
    fn sight(&self, place: usize) -> Option<Sight> {
        let post = self.posts.all().get(place)?;
        if !is_at_work(place, post) {
            return None;
        }
        let runs = if post.state.load(SeqCst) & post::READS == 0 { None } else { self.lanes[place].cursor() };
        // of the first isolate only handlers are reported: it has other things to do
        if place == 0 && runs.is_none() { None } else { Some((post.turns.load(SeqCst), runs)) }
    }

    /// Tells that a lane is stalled, if it is an actor's doing.
    fn tell(&self, place: usize, sight: Option<Sight>) -> bool {
        let shared = &self.lanes[place];
        let entry = sight.and_then(|sight| sight.1).and_then(|_| shared.running());
        let at_work = shared.with(|lane| lane.at_work(entry.as_ref()));
        let (Some(Entry { head, index, age, from, .. }), true) = (at_work, self.sight(place) == sight) else {
            return false; // it has come back, or none of its actors blocks it
        };
        let lane = u32::try_from(place).unwrap_or(0);
        let header = Header {
            w0: op::CARRY | carry::STALLED << TAG_SHIFT,
            index: Address { lane, index }.word(),
            generation: age,
            from_index: from,
            corr: head,
            ..Header::default()
        };
        let mut batch = Batch::new();
        batch.push(Parcel::new(header));
        self.posts.get(0).is_some_and(|first| first.deliver(batch).is_ok())
    }
}

/// Whether the lane's isolate has something to do that it has not come back from.
fn is_at_work(place: usize, post: &Post) -> bool {
    let state = post.state.load(SeqCst);
    let reads = state & post::READS != 0;
    reads || (place > 0 && state & post::LIVES != 0 && post.moving.load(SeqCst) > 0)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::entry::{note, word};
    use crate::hub::{Hub, Pulse};
    use crate::lane::{Defaults, Lane};

    const MS: Duration = Duration::from_millis(1);

    fn until(what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is_so() {
            assert!(Instant::now() < end, "{what}");
            std::thread::sleep(MS);
        }
    }

    /// Two lanes; the second one's isolate says what it runs in the memory given.
    fn two(header: &mut [i32; word::COUNT], inbox: &mut [Entry; 2]) -> (Arc<Hub>, Vec<Arc<Shared>>) {
        let lanes: Vec<_> =
            (0..2).map(|_| Arc::new(Shared::new(Lane::new(Clock::real(), Defaults::default())))).collect();
        for lane in &lanes {
            let pulse = Pulse { header: header.as_ptr(), inbox: inbox.as_ptr(), length: inbox.len() };
            // SAFETY: the tests keep the memory longer than the hub.
            unsafe { lane.set_pulse(Some(pulse)) };
        }
        (Hub::open(lanes.clone()), lanes)
    }

    #[test]
    fn it_tells_once_of_whoever_stays_in_a_handler_and_parks_when_nobody_is_at_work() {
        let mut header = [0; word::COUNT];
        let mut inbox = [Entry { head: note::MSG, index: 1, ..Entry::default() }; 2];
        let (hub, _lanes) = two(&mut header, &mut inbox);
        hub.watch(5 * MS);
        let posts = hub.posts();
        until("it parks", || posts.watch.is_parked());
        for place in [1, 0] {
            let post = &posts.all()[place];
            let before = posts.all()[0].moving.load(SeqCst);
            post.state.store(post::READS | post::LIVES, SeqCst);
            posts.watch.notice();
            assert!(!posts.watch.is_parked(), "it was woken");
            until("it tells", || posts.all()[0].moving.load(SeqCst) == before + 1);
            std::thread::sleep(20 * MS);
            assert_eq!(posts.all()[0].moving.load(SeqCst), before + 1, "and not again");
            post.state.store(post::LIVES, SeqCst);
            until("it parks again", || posts.watch.is_parked());
        }
        drop(hub); // joins
    }

    #[test]
    fn a_lane_that_makes_turns_is_not_stalled_and_one_that_does_something_else_is_no_actors_doing() {
        let mut header = [0; word::COUNT];
        let mut inbox = [Entry { head: note::MSG, index: 1, ..Entry::default() }; 2];
        let (hub, lanes) = two(&mut header, &mut inbox);
        let post = &hub.posts().all()[1];
        post.state.store(post::READS | post::LIVES, SeqCst);
        let seen = (0..2).map(|_| Seen { sight: None, since: Instant::now(), looks: 0, told: false }).collect();
        let posts = Arc::clone(hub.posts());
        let mut look = Look { lanes: lanes.into(), seen, posts, stall_after: 10 * MS };
        let start = Instant::now();
        for round in 0..5 {
            post.turns.fetch_add(1, SeqCst);
            look.look(start + 20 * MS * round);
        }
        assert_eq!(hub.posts().all()[0].moving.load(SeqCst), 0);
        // SAFETY: nobody else writes there.
        unsafe { header.as_mut_ptr().add(word::CURSOR).write_volatile(!1) };
        for round in 5..10 {
            look.look(start + 20 * MS * round);
        }
        assert_eq!(hub.posts().all()[0].moving.load(SeqCst), 0);
        // SAFETY: as above.
        unsafe { header.as_mut_ptr().add(word::CURSOR).write_volatile(1) };
        look.look(start + 200 * MS);
        look.look(start + 1_000 * MS);
        assert_eq!(hub.posts().all()[0].moving.load(SeqCst), 0, "the machine slept");
        look.look(start + 1_001 * MS);
        look.look(start + 1_002 * MS);
        assert_eq!(hub.posts().all()[0].moving.load(SeqCst), 0);
        look.look(start + 1_003 * MS);
        assert_eq!(hub.posts().all()[0].moving.load(SeqCst), 1);
    }
}
