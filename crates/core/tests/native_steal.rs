//! Actors of a slow lane are run by other threads, and nobody can tell but by the time it takes.
#![allow(clippy::unwrap_used)]

use buskin_core::native::{Actor, Builder, Cause, Ctx, Handler, Options, Reason, Ref};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

type Seen = Arc<Mutex<HashSet<ThreadId>>>;

/// Works as long as a thread needs to notice that it is slow.
struct Worker {
    seen: Seen,
    done: u64,
    boss: Option<Ref<Boss>>,
}
struct Work;
struct Count;
struct Fail;

fn take_time() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(200) {
        std::hint::spin_loop();
    }
}

impl Actor for Worker {}

impl Handler<Work> for Worker {
    type Reply = ();
    fn handle(&mut self, _: Work, _: &mut Ctx<Self>) {
        take_time();
        self.seen.lock().unwrap().insert(std::thread::current().id());
        self.done += 1;
        if let Some(boss) = self.boss {
            boss.tell(Done);
        }
    }
}

impl Handler<Count> for Worker {
    type Reply = u64;
    fn handle(&mut self, _: Count, _: &mut Ctx<Self>) -> u64 {
        self.done
    }
}

impl Handler<Fail> for Worker {
    type Reply = ();
    fn handle(&mut self, _: Fail, ctx: &mut Ctx<Self>) {
        take_time();
        ctx.fail(Cause::from("enough"));
    }
}

struct Boss {
    left: u64,
    told: mpsc::Sender<()>,
}
struct Done;

impl Actor for Boss {}

impl Handler<Done> for Boss {
    type Reply = ();
    fn handle(&mut self, _: Done, _: &mut Ctx<Self>) {
        self.left -= 1;
        if self.left == 0 {
            self.told.send(()).unwrap();
        }
    }
}

const WORKERS: u64 = 16;
const EACH: u64 = 25;

fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[test]
fn slow_actors_of_one_lane_are_run_by_both_threads_and_each_message_once() {
    let system = Builder::new().threads(2).build();
    let seen = Seen::default();
    let (tells, told) = mpsc::channel();
    let boss = Boss { left: WORKERS * EACH, told: tells };
    let boss = system.spawn_once(boss).unwrap();
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let seen = Arc::clone(&seen);
            let make = move || Worker { seen: Arc::clone(&seen), done: 0, boss: Some(boss) };
            system.spawn_with(&Options::new().on(0), make).unwrap()
        })
        .collect();
    for _ in 0..EACH {
        for worker in &workers {
            worker.tell(Work);
        }
    }
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    for worker in &workers {
        assert_eq!(worker.ask(Count).wait().unwrap(), EACH);
    }
    if cpus() > 1 {
        assert_eq!(seen.lock().unwrap().len(), 2, "both threads have worked");
    }
    let stats = system.stats();
    assert_eq!((stats.sent, stats.handled), (WORKERS * (2 * EACH + 1), WORKERS * (2 * EACH + 1)));
    system.shutdown();
}

/// What a handler begins while another thread runs it goes on as ever.
struct Starter {
    seen: Seen,
    other: Ref<Worker>,
    says: mpsc::Sender<&'static str>,
}
struct Begin;

impl Actor for Starter {}

impl Handler<Begin> for Starter {
    type Reply = ();
    fn handle(&mut self, _: Begin, ctx: &mut Ctx<Self>) {
        take_time();
        self.seen.lock().unwrap().insert(std::thread::current().id());
        ctx.after(Duration::from_millis(1), |starter, _| starter.says.send("timer").unwrap());
        let never = ctx.after(Duration::from_secs(600), |_, _| panic!("it was taken back"));
        assert!(ctx.cancel(never));
        let seen = Arc::clone(&self.seen);
        let child = ctx.spawn(move || Worker { seen: Arc::clone(&seen), done: 0, boss: None }).unwrap();
        ctx.watch(child, |starter, why, _| {
            assert!(matches!(why, Reason::Normal), "{why}");
            starter.says.send("watch").unwrap();
        });
        child.tell(Work);
        child.any().drain(None);
        // nothing of this goes through a lane
        let apart = ctx.blocking(|| 7);
        ctx.ask_then(apart, |starter, seven, _| {
            assert_eq!(seven.unwrap(), 7);
            starter.says.send("blocking").unwrap();
        });
        let ask = self.other.ask(Count);
        ctx.ask_then(ask, |starter, count, _| {
            assert_eq!(count.unwrap(), 0);
            starter.says.send("reply").unwrap();
        });
    }
}

#[test]
fn what_a_handler_begins_on_another_thread_goes_on_at_home() {
    const STARTERS: usize = 40;
    let system = Builder::new().threads(2).build();
    let seen = Seen::default();
    let idle = Arc::clone(&seen);
    let make = move || Worker { seen: Arc::clone(&idle), done: 0, boss: None };
    let other = system.spawn_with(&Options::new().on(1), make).unwrap();
    let (says, said) = mpsc::channel();
    let starters: Vec<_> = (0..STARTERS)
        .map(|_| {
            let (seen, says) = (Arc::clone(&seen), says.clone());
            let make = move || Starter { seen: Arc::clone(&seen), other, says: says.clone() };
            system.spawn_with(&Options::new().on(0), make).unwrap()
        })
        .collect();
    for starter in &starters {
        starter.tell(Begin);
    }
    let mut counts = std::collections::HashMap::new();
    for _ in 0..4 * STARTERS {
        *counts.entry(said.recv_timeout(Duration::from_secs(60)).unwrap()).or_insert(0) += 1;
    }
    assert_eq!(counts, [("timer", STARTERS), ("watch", STARTERS), ("reply", STARTERS), ("blocking", STARTERS)].into());
    system.shutdown();
}

#[test]
fn a_guest_that_fails_is_restarted_at_home_and_its_mailbox_is_kept() {
    let system = Builder::new().threads(2).build();
    let seen = Seen::default();
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let seen = Arc::clone(&seen);
            let make = move || Worker { seen: Arc::clone(&seen), done: 0, boss: None };
            system.spawn_with(&Options::new().on(0), make).unwrap()
        })
        .collect();
    let asks: Vec<_> = workers
        .iter()
        .flat_map(|worker| {
            worker.tell(Work);
            let failed = worker.ask(Fail);
            worker.tell(Work);
            [(failed, *worker)]
        })
        .collect();
    for (failed, worker) in asks {
        let error = failed.wait().unwrap_err();
        assert_eq!(error.to_string(), "the handler failed: enough");
        assert_eq!(worker.ask(Count).wait().unwrap(), 1, "a fresh instance has handled what waited");
    }
    let stats = system.stats();
    assert_eq!((stats.failed, stats.restarts), (WORKERS, WORKERS));
    system.shutdown();
}
