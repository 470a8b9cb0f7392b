//! A clock that is moved by hand, and waiting until nothing is left to do.
#![allow(clippy::unwrap_used)]

mod native_common;

use buskin_core::native::{Actor, Cause, Ctx, Handler, Options, Ref};
use native_common::{Log, manual, ms};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

struct Ticker {
    log: Log,
    every: u64,
}
struct Block(std::sync::mpsc::Receiver<()>);

impl Actor for Ticker {
    fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
        let every = self.every;
        ctx.every(ms(every), move |t, _| t.log.say(format!("{every}")));
        Ok(())
    }
}
impl Handler<Block> for Ticker {
    type Reply = ();
    fn handle(&mut self, Block(gate): Block, _: &mut Ctx<Self>) {
        let _ = gate.recv();
    }
}

#[test]
fn advance_stops_at_each_moment_at_which_something_is_due_on_all_threads() {
    for threads in [1, 2] {
        let system = manual(threads);
        let log = Log::default();
        for (at, every) in [(0, 10), (threads - 1, 25)] {
            let log = log.clone();
            let make = move || Ticker { log: log.clone(), every };
            system.spawn_with(&Options::new().on(at), make).unwrap();
        }
        assert!(system.idle());
        assert_eq!(log.take(), [""; 0], "nothing is due by itself");
        assert!(system.advance(ms(49)));
        assert_eq!(log.take(), ["10", "10", "25", "10", "10"]);
        assert!(system.advance(ms(1)));
        let mut both = log.take();
        both.sort_unstable();
        assert_eq!(both, ["10", "25"]);
        assert!(system.advance(ms(950)));
        assert_eq!(log.take().len(), 95 + 38);
        system.shutdown();
    }
}

#[test]
fn a_system_with_the_machines_clock_cannot_be_advanced() {
    let system = native_common::system(1);
    assert!(!system.advance(ms(1)));
    assert!(system.idle());
}

/// Passes a number on until it is 0, over two threads.
struct Hop(Option<Ref<Hop>>, Arc<AtomicU32>);
struct Next(Ref<Hop>);
struct Go(u32);
impl Actor for Hop {}
impl Handler<Next> for Hop {
    type Reply = ();
    fn handle(&mut self, Next(next): Next, _: &mut Ctx<Self>) {
        self.0 = Some(next);
    }
}
impl Handler<Go> for Hop {
    type Reply = bool;
    fn handle(&mut self, Go(left): Go, ctx: &mut Ctx<Self>) -> bool {
        self.1.fetch_add(1, SeqCst);
        if let Some(next) = self.0.filter(|_| left > 0) {
            let asked = next.ask(Go(left - 1));
            ctx.ask_then(asked, |hop, answer, _| {
                assert!(answer.unwrap());
                hop.1.fetch_add(1, SeqCst);
            });
        }
        true
    }
}

#[test]
fn idle_waits_for_all_that_follows_over_threads() {
    for _ in 0..50 {
        let system = native_common::system(2);
        let count = Arc::new(AtomicU32::new(0));
        let [a, b] = [0, 1].map(|at| {
            let count = Arc::clone(&count);
            system.spawn_with(&Options::new().on(at), move || Hop(None, Arc::clone(&count))).unwrap()
        });
        a.tell(Next(b));
        b.tell(Next(a));
        a.tell(Go(100));
        assert!(system.idle());
        assert_eq!(count.load(SeqCst), 201, "101 messages and what followed from 100 replies");
        let stats = system.stats();
        assert_eq!((stats.waiting, stats.running), (0, 0));
    }
}

#[test]
fn idle_waits_for_the_message_in_hand_and_messages_that_wait_and_not_for_timers() {
    let system = manual(1);
    let log = Log::default();
    let of = log.clone();
    let ticker = system.spawn(move || Ticker { log: of.clone(), every: 5 }).unwrap();
    let (go, gate) = std::sync::mpsc::channel();
    ticker.tell(Block(gate));
    let done = AtomicU32::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(system.idle());
            assert_eq!(done.load(SeqCst), 1);
        });
        done.store(1, SeqCst);
        go.send(()).unwrap();
    });
    assert_eq!(log.take(), [""; 0]);
}

struct Waits;
impl Handler<Waits> for Ticker {
    type Reply = Box<dyn FnOnce() -> bool + Send>;
    fn handle(&mut self, _: Waits, _: &mut Ctx<Self>) -> Self::Reply {
        let own = manual(1);
        let came = !own.idle() && !own.advance(ms(1));
        Box::new(move || came && own.idle())
    }
}

#[test]
fn idle_returns_when_the_system_has_ended_and_a_core_thread_cannot_wait() {
    let system = native_common::system(2);
    let log = Log::default();
    let ticker = system.spawn(move || Ticker { log: log.clone(), every: 60_000 }).unwrap();
    assert!(ticker.ask(Waits).wait().unwrap()());
    system.shutdown();
    assert!(system.idle());
}
