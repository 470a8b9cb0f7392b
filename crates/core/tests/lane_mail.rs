//! Messages from other threads.
mod common;

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

use buskin_core::entry::note;
use buskin_core::lane::bell::Doorbell;
use buskin_core::lane::inbox::Closed;
use buskin_core::lane::parcel::{Header, Parcel};
use buskin_core::lane::pool::Pool;
use buskin_core::lane::{Destination, Remote};
use buskin_core::mailbox::links::Batch;
use common::{Comes, FOREVER, HANDLED, How, Isolate, Options, Ref};

/// Counts its rings, and wakes whoever waits.
#[derive(Clone)]
struct Bell(Arc<AtomicU64>, mpsc::Sender<()>);

impl Doorbell for Bell {
    fn ring(&self) {
        self.0.fetch_add(1, SeqCst);
        let _ = self.1.send(());
    }
}

fn bell() -> (Bell, Arc<AtomicU64>, mpsc::Receiver<()>) {
    let (rung, (wake, woken)) = (Arc::new(AtomicU64::new(0)), mpsc::channel());
    (Bell(rung.clone(), wake), rung, woken)
}

fn batch(to: Ref, payloads: impl IntoIterator<Item = u32>) -> Batch<Parcel> {
    let mut batch = Batch::new();
    for payload in payloads {
        batch.push(Parcel::new(Header { index: to.index, generation: to.age, payload, ..Header::default() }));
    }
    batch
}

#[test]
fn mail_comes_first_and_in_order_and_is_counted_like_messages() {
    let mut iso = Isolate::new();
    let a = iso.plain("a");
    iso.run();
    iso.take();
    let remote = iso.lane.remote();
    remote.deliver(batch(a, [100, 101])).unwrap();
    remote.deliver(batch(a, [102])).unwrap();
    iso.tell(a);
    assert_eq!(iso.after_run(), ["a 100", "a 101", "a 102", "a 1"]);
    assert_eq!((iso.lane.ledger.sent, iso.lane.ledger.handled), (4, 4));
}

#[test]
fn mail_obeys_bounds_and_reaches_nobody_who_has_ended() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options { capacity: 2, ..Options::default() }, |_, _| Comes::Returns);
    let gone = iso.plain("gone");
    iso.run();
    iso.kill(gone);
    iso.run();
    let remote = iso.lane.remote();
    remote.deliver(batch(a, 100..105)).unwrap();
    remote.deliver(batch(gone, [200])).unwrap();
    remote.deliver(batch(Ref { index: 1 << 20, age: 0 }, [300])).unwrap();
    iso.take();
    iso.run();
    let dead: Vec<_> = iso.take().into_iter().filter(|t| t.starts_with("dead")).collect();
    assert_eq!(
        dead,
        [
            "dead 102 mailbox-full",
            "dead 103 mailbox-full",
            "dead 104 mailbox-full",
            "dead 200 stopped",
            "dead 300 no-such-actor",
        ]
    );
    assert_eq!((iso.lane.ledger.sent, iso.lane.ledger.handled, iso.lane.ledger.dead()), (7, 2, 5));
}

#[test]
fn mail_waits_for_what_changes_lives_in_the_same_turn() {
    let mut iso = Isolate::new();
    let a = iso.plain("a");
    iso.run();
    let remote = iso.lane.remote();
    remote.deliver(batch(a, [100])).unwrap();
    iso.stop(a);
    iso.take();
    assert_eq!(iso.after_run(), ["dead 100 stopped", "a ended normal"]);
}

#[test]
fn the_sender_of_mail_is_told_with_its_age() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", Options::default(), |iso, e| {
        if e.op() == note::MSG {
            iso.say(format!("from {} {}", e.from, e.age));
        }
        Comes::Returns
    });
    iso.run();
    iso.take();
    let remote = iso.lane.remote();
    let mut batch = Batch::new();
    let header = Header { index: a.index, from_index: 77, from_generation: 5, ..Header::default() };
    batch.push(Parcel::new(header));
    remote.deliver(batch).unwrap();
    assert!(iso.after_run().contains(&"from 77 5".to_owned()));
}

#[test]
fn the_push_that_ends_a_sleep_rings_once() {
    let mut iso = Isolate::new();
    let (bell, rung, _woken) = bell();
    iso.lane.hang(Box::new(bell));
    let a = iso.plain("a");
    iso.turn();
    let remote = iso.lane.remote();
    remote.deliver(batch(a, [1])).unwrap();
    assert_eq!(rung.load(SeqCst), 0, "awake");
    iso.run();
    remote.deliver(batch(a, [2])).unwrap();
    remote.deliver(batch(a, [3])).unwrap();
    assert_eq!(rung.load(SeqCst), 1, "the first one ended the sleep");
    iso.turn();
    remote.deliver(batch(a, [4])).unwrap();
    assert_eq!(rung.load(SeqCst), 1, "awake");
    iso.run();
    remote.deliver(batch(a, [5])).unwrap();
    assert_eq!(rung.load(SeqCst), 2);
    iso.run();
    assert_eq!(iso.lane.ledger.handled, 5);
}

#[test]
fn a_handle_given_away_while_the_lane_sleeps_rings_too() {
    let mut iso = Isolate::new();
    let (bell, rung, _woken) = bell();
    iso.lane.hang(Box::new(bell));
    let a = iso.plain("a");
    iso.run();
    iso.lane.remote().deliver(batch(a, [1])).unwrap();
    assert_eq!(rung.load(SeqCst), 1);
    iso.run();
    assert_eq!(iso.lane.ledger.handled, 1);
}

#[test]
fn what_is_on_its_way_to_a_closed_lane_is_a_dead_letter_and_what_comes_later_comes_back() {
    let mut iso = Isolate::new();
    let (bell, rung, _woken) = bell();
    iso.lane.hang(Box::new(bell));
    let a = iso.plain("a");
    iso.run();
    let remote = iso.lane.remote();
    remote.deliver(batch(a, 100..110)).unwrap();
    iso.lane.close();
    let rings = rung.load(SeqCst);
    let Err(Closed(back)) = remote.deliver(batch(a, [1, 2])) else { panic!("it was taken") };
    let back: Vec<_> = back.into_mail().map(|p| p.header().payload).collect();
    assert_eq!((back, rung.load(SeqCst)), (vec![1, 2], rings));
    iso.take();
    iso.run();
    assert_eq!(iso.lane.ledger.dead[buskin_core::entry::dead::ISOLATE_LOST as usize], 10);
    assert_eq!(iso.take().iter().filter(|t| t.ends_with("isolate-lost")).count(), 10);
    let id = iso.tell_how(a, How::default());
    iso.run();
    assert_eq!(iso.end_of(id), HANDLED, "what the isolate itself sends goes on");
    iso.lane.close();
}

#[test]
fn parcels_go_home() {
    let mut iso = Isolate::new();
    let a = iso.plain("a");
    let remote = iso.lane.remote();
    let mut pool = Pool::new();
    iso.lane.home(3, pool.returns().clone());
    for _ in 0..100 {
        let mut batch = Batch::new();
        for payload in 0..10 {
            let header = Header { index: a.index, generation: a.age, payload, source_lane: 3, ..Header::default() };
            batch.push(pool.parcel(header, &[]));
        }
        remote.deliver(batch).unwrap();
        iso.run();
    }
    pool.trim(1_000);
    assert_eq!(pool.free(), 10, "ten nodes did it all");
}

/// A lane that sleeps for real, three threads that send in bursts, and a close in mid-flight.
#[test]
fn threads_that_send_to_a_sleeping_lane_lose_nothing() {
    const THREADS: u32 = 3;
    for round in 0..20 {
        let mut iso = Isolate::new();
        let (bell, rung, woken) = bell();
        iso.lane.hang(Box::new(bell));
        let a = iso.plain("a");
        iso.run();
        let remote = iso.lane.remote();
        let send = move |remote: Remote, thread: u32| {
            let (mut taken, mut back) = (0_u64, 0_u64);
            for burst in 0..500 {
                let payloads = (0..burst % 7 + 1).map(|n| thread << 24 | (taken as u32 + n));
                match remote.deliver(batch(a, payloads)) {
                    Ok(()) => taken += u64::from(burst % 7 + 1),
                    Err(Closed(b)) => {
                        back += b.len() as u64;
                        break;
                    }
                }
                if burst % 5 == 0 {
                    thread::yield_now();
                }
            }
            (taken, back)
        };
        let threads: Vec<_> = (0..THREADS)
            .map(|t| {
                let remote = remote.clone();
                thread::spawn(move || send(remote, t))
            })
            .collect();
        let mut sleeps = 0;
        loop {
            iso.run(); // to sleep
            if iso.lane.ledger.handled >= round * 250 {
                break;
            }
            sleeps += 1;
            woken.recv().unwrap();
        }
        iso.lane.close();
        let (mut taken, mut back) = (0, 0);
        for thread in threads {
            let (t, b) = thread.join().unwrap();
            (taken, back) = (taken + t, back + b);
        }
        iso.run();
        let l = &iso.lane.ledger;
        assert_eq!((l.sent, l.handled + l.dead()), (taken, taken), "and {back} came back");
        let rings = rung.load(SeqCst);
        assert!(rings >= sleeps && rings <= sleeps + 1, "{rings} rings for {sleeps} sleeps");
        let mut last = [0; THREADS as usize];
        for (_, payload) in &iso.begun {
            let (thread, n) = ((payload >> 24) as usize, payload & 0xFF_FFFF);
            assert_eq!(n, last[thread], "in the order sent");
            last[thread] += 1;
        }
        iso.shutdown(FOREVER);
        iso.run();
        assert!(!iso.is_busy());
    }
}
