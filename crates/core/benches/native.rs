//! What a million native actors and a million timers cost, how late timers are, and what an idle system uses.
//!
//! `cargo bench -p buskin-core --bench native` prints one line per question, with its bar.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use buskin_core::native::{Actor, Builder, Ctx, Handler, Ref, System, TimerId};
use std::alloc::{GlobalAlloc, Layout, System as Malloc};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::{Duration, Instant};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator, with a count beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { Malloc.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { Malloc.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MANY: u32 = 1_000_000;

struct Leaf(u64);
struct Parent;
struct Spawn(u32);
struct Greet(Vec<Ref<Leaf>>);
struct Hello;

impl Actor for Leaf {}
impl Actor for Parent {}

impl Handler<Spawn> for Parent {
    type Reply = Vec<Ref<Leaf>>;
    fn handle(&mut self, Spawn(count): Spawn, ctx: &mut Ctx<Self>) -> Vec<Ref<Leaf>> {
        (0..count).map(|n| ctx.spawn(move || Leaf(u64::from(n))).unwrap()).collect()
    }
}

impl Handler<Greet> for Parent {
    type Reply = ();
    fn handle(&mut self, Greet(leaves): Greet, _: &mut Ctx<Self>) {
        leaves.iter().for_each(|leaf| leaf.tell(Hello));
    }
}

impl Handler<Hello> for Leaf {
    type Reply = ();
    fn handle(&mut self, _: Hello, _: &mut Ctx<Self>) {
        self.0 += 1;
    }
}

fn actors(system: &System) {
    let parent = system.spawn_once(Parent).unwrap();
    let before = HELD.load(Relaxed);
    let begun = Instant::now();
    let leaves = parent.ask(Spawn(MANY)).wait_for(Duration::from_secs(60)).unwrap();
    system.idle();
    let took = begun.elapsed();
    let held = HELD.load(Relaxed) - before - leaves.capacity() * size_of::<Ref<Leaf>>();
    say("a million actors: bytes each", held as f64 / f64::from(MANY), "320");
    say("a million actors: ns each to start", took.as_nanos() as f64 / f64::from(MANY), "-");
    let stats = system.stats();
    assert!(stats.actors >= u64::from(MANY), "all are alive: {stats:?}");
    parent.ask(Greet(leaves)).wait_for(Duration::from_secs(60)).unwrap();
    system.idle();
    assert_eq!(system.stats().handled - stats.handled, u64::from(MANY) + 1, "each has answered");
    parent.any().stop();
    parent.stopped().wait_for(Duration::from_secs(60)).unwrap();
}

#[derive(Default)]
struct Clockwork {
    timers: Vec<TimerId>,
    late: Vec<u64>,
    left: usize,
    told: Option<mpsc::Sender<Vec<u64>>>,
}
struct Wind(u32);
struct Unwind;
struct Look;
struct Ticks(mpsc::Sender<Vec<u64>>);

impl Actor for Clockwork {}

impl Handler<Wind> for Clockwork {
    type Reply = ();
    fn handle(&mut self, Wind(count): Wind, ctx: &mut Ctx<Self>) {
        self.timers.clear();
        for n in 0..count {
            let after = Duration::from_millis(600_000 + u64::from(n.wrapping_mul(2_654_435_761) % 600_000));
            self.timers.push(ctx.after(after, |_, _| panic!("nobody waits that long")));
        }
    }
}

impl Handler<Unwind> for Clockwork {
    type Reply = usize;
    fn handle(&mut self, _: Unwind, ctx: &mut Ctx<Self>) -> usize {
        self.timers.drain(..).filter(|timer| ctx.cancel(*timer)).count()
    }
}

impl Handler<Look> for Clockwork {
    type Reply = usize;
    fn handle(&mut self, _: Look, _: &mut Ctx<Self>) -> usize {
        self.timers.len()
    }
}

impl Handler<Ticks> for Clockwork {
    type Reply = ();
    fn handle(&mut self, Ticks(told): Ticks, ctx: &mut Ctx<Self>) {
        (self.left, self.told) = (5_000, Some(told));
        for n in 0..5_000_u64 {
            // none is due while this handler still runs, as no timer of an actor runs beside its handlers
            let after = Duration::from_micros(50_000 + n * 397 % 2_000_000);
            let due = Instant::now() + after;
            ctx.after(after, move |clock: &mut Clockwork, _| {
                let late = Instant::now().checked_duration_since(due).expect("never early");
                clock.late.push(u64::try_from(late.as_micros()).unwrap());
                clock.left -= 1;
                if clock.left == 0 {
                    clock.told.take().unwrap().send(std::mem::take(&mut clock.late)).unwrap();
                }
            });
        }
    }
}

fn timers(system: &System) {
    let clock = system.spawn(Clockwork::default).unwrap();
    let long = Duration::from_secs(60);
    let (mut insert, mut cancel) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..5 {
        let each = |begun: Instant| begun.elapsed().as_nanos() as f64 / f64::from(MANY);
        // an ask behind it is answered when the lane has seen to all of it
        let begun = Instant::now();
        clock.ask(Wind(MANY)).wait_for(long).unwrap();
        clock.ask(Look).wait_for(long).unwrap();
        insert = insert.min(each(begun));
        let begun = Instant::now();
        assert_eq!(clock.ask(Unwind).wait_for(long).unwrap(), MANY as usize, "all were still to come");
        clock.ask(Look).wait_for(long).unwrap();
        cancel = cancel.min(each(begun));
    }
    say("a million timers: ns to set one", insert, "150");
    say("a million timers: ns to take one back", cancel, "100");
    let (says, said) = mpsc::channel();
    clock.tell(Ticks(says));
    let mut late = said.recv_timeout(long).unwrap();
    late.sort_unstable();
    let at = |part: f64| late[((late.len() - 1) as f64 * part) as usize] as f64;
    say("lateness of a timer: p50, us", at(0.5), "-");
    say("lateness of a timer: p99, us", at(0.99), "2000");
}

/// CPU time of this process so far.
fn cpu() -> Duration {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: all zero is a value of the structure, which the call fills.
        let usage = unsafe {
            let mut usage = std::mem::zeroed::<libc::rusage>();
            libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
            usage
        };
        let of = |t: libc::timeval| Duration::new(t.tv_sec.unsigned_abs(), t.tv_usec.unsigned_abs() as u32 * 1000);
        of(usage.ru_utime) + of(usage.ru_stime)
    }
    #[cfg(not(target_os = "linux"))]
    Duration::ZERO
}

fn idle(system: &System) {
    system.idle();
    std::thread::sleep(Duration::from_millis(100)); // whoever looks for work has given up
    let (before, begun) = (cpu(), Instant::now());
    std::thread::sleep(Duration::from_secs(3));
    let used = (cpu() - before).as_secs_f64() / begun.elapsed().as_secs_f64();
    say("an idle system: CPU, per cent", used * 100.0, "0");
}

fn say(what: &str, value: f64, bar: &str) {
    println!("{what:44} {value:10.2}   bar {bar}");
}

fn main() {
    let system = Builder::new().build();
    actors(&system);
    timers(&system);
    idle(&system);
    system.shutdown();
}
