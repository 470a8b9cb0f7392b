//! The claim, the hand-over of the scout, and a guest beside its owner, under every interleaving that loom finds.
//!
//! `npm run loom`

use super::claim::Claim;
use super::idle::nap;
use super::scout::Roster;
use crate::clock::Clock;
use crate::entry::{Entry, mark, note, op, word};
use crate::hub::Shared;
use crate::lane::{Defaults, Guest, Lane, Ran, Rings};
use crate::mailbox::interleavings::explore;
use crate::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed, Ordering::SeqCst},
    thread,
};

#[test]
fn every_entry_is_run_by_the_owner_or_goes_back() {
    explore(|| {
        let claim = Arc::new(Claim::default());
        claim.open(6);
        let thief = {
            let claim = Arc::clone(&claim);
            thread::spawn(move || [claim.cut(4), claim.cut(0)])
        };
        let mut at = 0;
        loop {
            let end = claim.more(at);
            if end == at {
                break;
            }
            at = end;
        }
        let [first, second] = thief.join().unwrap();
        assert_eq!(second.or(first).unwrap_or(6), at, "where the owner ended is where the rest begins");
        assert!(first.is_none_or(|first| first >= 4 && second.is_none_or(|second| second < first)));
    });
}

/// Two threads that rest and work; whoever is sent is unparked. A third one stays at work.
#[test]
fn who_is_sent_looks_or_somebody_else_does() {
    explore(|| {
        let roster = Arc::new(Roster::new(3));
        let other = Arc::clone(&roster);
        let sleeper = thread::spawn(move || {
            other.rests(1);
            other.works(1)
        });
        roster.rests(0);
        let sent = roster.works(0);
        let sent_too = sleeper.join().unwrap();
        // both work now: none is left behind as the scout, whoever was sent meanwhile
        assert!(!roster.is_scout(0) && !roster.is_scout(1), "{sent:?} {sent_too:?}");
        assert!(!roster.is_idle(0) && !roster.is_idle(1));
    });
}

/// The last scout gives up when all are calm, while one of them begins to work: somebody looks, or nobody works.
#[test]
fn a_scout_that_gives_up_does_not_miss_one_that_begins_to_work() {
    explore(|| {
        let roster = Arc::new(Roster::new(2));
        roster.rests(0);
        roster.rests(1);
        assert!(roster.is_scout(0));
        let other = Arc::clone(&roster);
        let worker = thread::spawn(move || other.works(1));
        roster.resigns(0);
        let looks_on = !roster.is_calm(0) && roster.take_up(0);
        let sent = worker.join().unwrap();
        assert!(looks_on || sent == Some(0), "{sent:?}");
        assert!(roster.is_scout(0));
    });
}

struct Mine {
    header: [i32; word::COUNT],
    outbox: Vec<Entry>,
    inbox: Vec<Entry>,
    marks: Vec<u8>,
}

impl Mine {
    fn new(room: usize) -> Self {
        let entries = vec![Entry::default(); room];
        Mine { header: [0; word::COUNT], outbox: entries.clone(), inbox: entries, marks: vec![0; room] }
    }

    fn with(&mut self, lane: &mut Lane, written: &[Entry], call: impl FnOnce(&mut Lane, &mut Rings<'_>)) -> usize {
        self.outbox[..written.len()].copy_from_slice(written);
        self.header[word::OUT] = i32::try_from(written.len()).unwrap();
        let Mine { header, outbox, inbox, marks } = self;
        let (bag, places) = (&mut [][..], &mut [][..]);
        call(lane, &mut Rings { header, outbox, inbox, marks, bag, places, satchel: &[] });
        lane.audit(inbox, marks).unwrap();
        usize::try_from(self.header[word::IN]).unwrap()
    }
}

fn actor(lane: &mut Lane) -> (u32, u32) {
    lane.grant().unwrap()
}

fn entry(head: u32, (index, age): (u32, u32), payload: u32) -> Entry {
    Entry { head, index, age, payload, ..Entry::default() }
}

/// A lane with two actors that have started, of which one is in the inbox and one is ready.
fn ready(mine: &mut Mine) -> (Lane, [(u32, u32); 2]) {
    let mut lane = Lane::new(Clock::Manual(0), Defaults::default());
    let who = [actor(&mut lane), actor(&mut lane)];
    mine.with(&mut lane, &who.map(|who| entry(op::SPAWN, who, 0)), Lane::turn);
    mine.with(&mut lane, &[], Lane::turn);
    mine.with(&mut lane, &[entry(op::MSG, who[0], 1)], Lane::turn);
    // let in in mid-way: it waits for a visit
    mine.header[word::CURSOR] = !0;
    mine.with(&mut lane, &[entry(op::MSG, who[1], 2)], Lane::submit);
    (lane, who)
}

fn race(stop: u32) {
    explore(move || {
        let mut mine = Mine::new(4);
        let (lane, who) = ready(&mut mine);
        let shared = Arc::new(Shared::new(lane));
        let ran = Arc::new([AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0)]);
        let thief = {
            let (shared, ran) = (Arc::clone(&shared), Arc::clone(&ran));
            thread::spawn(move || {
                let mut guests: Vec<Guest> = Vec::new();
                shared.with(|lane| lane.part_with(vec![1], 1, &mut guests));
                for guest in &mut guests {
                    ran[guest.entry.payload as usize].fetch_add(1, SeqCst);
                    guest.ran = Ran::Returned;
                }
                let mut theirs = Mine::new(1);
                let (Mine { header, outbox, .. }, none, marks) = (&mut theirs, &mut [][..], &mut [][..]);
                let (bag, places) = (&mut [][..], &mut [][..]);
                let io = &mut Rings { header, outbox, inbox: none, marks, bag, places, satchel: &[] };
                shared.with(|lane| lane.take_guests(io, &guests));
            })
        };
        let mut written = vec![entry(op::STOP, who[1], stop)];
        for _ in 0..3 {
            let filled = usize::try_from(mine.header[word::IN]).unwrap();
            for at in 0..filled {
                if mine.inbox[at].op() == note::MSG {
                    ran[mine.inbox[at].payload as usize].fetch_add(1, SeqCst);
                    mine.marks[at] = mark::NONE;
                }
            }
            let write = if stop == u32::MAX { Vec::new() } else { std::mem::take(&mut written) };
            shared.with(|lane| mine.with(lane, &write, Lane::turn));
        }
        thief.join().unwrap();
        for _ in 0..3 {
            shared.with(|lane| mine.with(lane, &[], Lane::turn));
        }
        let times = |at: usize| ran[at].load(Relaxed);
        assert_eq!(times(1), 1);
        shared.with(|lane| {
            assert!(!lane.is_busy());
            let (ledger, dead) = (lane.ledger, lane.ledger.dead());
            assert_eq!((ledger.sent, ledger.waiting, ledger.running), (2, 0, 0));
            assert_eq!(u64::from(times(2)), ledger.handled + ledger.failed - 1, "what ran is counted");
            assert_eq!(times(2) + u32::try_from(dead).unwrap(), 1, "run once, or dead");
            assert_eq!(lane.is_alive(who[1].0, who[1].1), stop == u32::MAX);
        });
    });
}

#[test]
fn a_ready_actor_is_run_once_by_its_owner_or_by_a_thief() {
    race(u32::MAX);
}

#[test]
fn a_guest_comes_back_while_its_owner_stops_it() {
    race(crate::entry::stop::NORMAL);
}

#[test]
fn a_guest_comes_back_while_its_owner_kills_it() {
    race(crate::entry::stop::KILL);
}

/// A thread parks when it has seen no word of the end, and is unparked behind that word.
#[test]
fn an_end_ends_every_park() {
    explore(|| {
        let over = Arc::new(AtomicU32::new(0));
        let (flag, sleeper) = (Arc::clone(&over), thread::current());
        let ender = thread::spawn(move || {
            flag.store(1, SeqCst);
            sleeper.unpark();
        });
        while over.load(SeqCst) == 0 {
            nap(None);
        }
        ender.join().unwrap();
    });
}
