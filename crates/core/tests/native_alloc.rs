//! What a message costs of the allocator once everything has found its size: nothing.
#![allow(clippy::unwrap_used)]

use buskin_core::native::{Actor, AsyncHandler, Builder, Ctx, Handler, Options, Ref};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::mpsc;
use std::time::Duration;

/// Counts what each thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise, here and below.
        unsafe { std::alloc::System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { std::alloc::System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { std::alloc::System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Rounds before it counts, and while it does.
const WARM: u32 = 3000;
const ROUNDS: u32 = 20_000;

/// Counts the rounds on the core thread, and what was allocated there in the second part.
#[derive(Clone)]
struct Meter {
    says: mpsc::Sender<u64>,
    round: u32,
    warm: u32,
    rounds: u32,
    before: u64,
}

impl Meter {
    fn new(warm: u32, rounds: u32) -> (Meter, mpsc::Receiver<u64>) {
        let (says, said) = mpsc::channel();
        (Meter { says, round: 0, warm, rounds, before: 0 }, said)
    }

    /// One more round. Whether there is to be another.
    fn more(&mut self) -> bool {
        self.round += 1;
        if self.round == self.warm {
            self.before = ALLOCATIONS.get();
        }
        if self.round == self.warm + self.rounds {
            self.says.send(ALLOCATIONS.get() - self.before).unwrap();
        }
        self.round < self.warm + self.rounds
    }
}

fn counted(said: &mpsc::Receiver<u64>) -> u64 {
    said.recv_timeout(Duration::from_secs(60)).unwrap()
}

/// Answers, at once or later.
struct Leaf;
struct Plain(Ref<Root>, [u64; 4]);
struct Double(u64);
struct Slow(u64);
impl Actor for Leaf {}
impl Handler<Plain> for Leaf {
    type Reply = ();
    fn handle(&mut self, Plain(back, numbers): Plain, _: &mut Ctx<Self>) {
        back.tell(Tells(numbers[0] + 1));
    }
}
impl Handler<Double> for Leaf {
    type Reply = u64;
    fn handle(&mut self, Double(n): Double, _: &mut Ctx<Self>) -> u64 {
        n * 2
    }
}

/// Asks a leaf for its answer.
struct Branch(Ref<Leaf>);
impl Actor for Branch {}
impl AsyncHandler<Slow> for Branch {
    type Reply = u64;
    async fn handle(&mut self, Slow(n): Slow, _: &mut Ctx<Self>) -> u64 {
        let room = [n; 100]; // a future of some size
        let doubled = self.0.ask(Double(n)).await.unwrap();
        doubled + room[99] - n
    }
}
/// Does not wait.
impl AsyncHandler<Double> for Branch {
    type Reply = u64;
    async fn handle(&mut self, Double(n): Double, _: &mut Ctx<Self>) -> u64 {
        n * 2
    }
}

/// Drives, and counts.
struct Root {
    meter: Meter,
    leaf: Ref<Leaf>,
    branch: Ref<Branch>,
}
struct Tells(u64);
struct Then;
struct Awaits;
struct Chain;
struct AtOnce;
struct Ticks(Duration);
struct Blocks;

impl Root {
    fn again<M: Send + 'static>(&mut self, ctx: &mut Ctx<Self>, message: M)
    where
        Root: Handler<M>,
    {
        if self.meter.more() {
            ctx.self_ref().tell(message);
        }
    }
}

impl Actor for Root {}
impl Handler<Tells> for Root {
    type Reply = ();
    fn handle(&mut self, Tells(n): Tells, ctx: &mut Ctx<Self>) {
        if self.meter.more() {
            self.leaf.tell(Plain(ctx.self_ref(), [n; 4]));
        }
    }
}
impl Handler<Then> for Root {
    type Reply = ();
    fn handle(&mut self, _: Then, ctx: &mut Ctx<Self>) {
        let ask = self.leaf.ask(Double(21));
        ctx.ask_then(ask, |root, doubled, ctx| {
            assert_eq!(doubled.unwrap(), 42);
            root.again(ctx, Then);
        });
    }
}
impl AsyncHandler<Awaits> for Root {
    type Reply = ();
    async fn handle(&mut self, _: Awaits, _: &mut Ctx<Self>) {
        while self.meter.more() {
            assert_eq!(self.leaf.ask(Double(21)).await.unwrap(), 42);
        }
    }
}
impl AsyncHandler<Chain> for Root {
    type Reply = ();
    async fn handle(&mut self, _: Chain, ctx: &mut Ctx<Self>) {
        let [one, two] = [1, 2].map(|n| self.branch.ask(Slow(n)));
        assert_eq!((one.await.unwrap(), two.await.unwrap()), (2, 4));
        if self.meter.more() {
            ctx.self_ref().tell(Chain);
        }
    }
}
impl Handler<AtOnce> for Root {
    type Reply = ();
    fn handle(&mut self, _: AtOnce, ctx: &mut Ctx<Self>) {
        let ask = self.branch.ask(Double(1));
        ctx.ask_then(ask, |root, doubled, ctx| {
            assert_eq!(doubled.unwrap(), 2);
            root.again(ctx, AtOnce);
        });
    }
}
impl Handler<Ticks> for Root {
    type Reply = ();
    fn handle(&mut self, Ticks(period): Ticks, ctx: &mut Ctx<Self>) {
        ctx.every(period, |root, ctx| {
            if !root.meter.more() {
                ctx.stop();
            }
        });
    }
}
impl AsyncHandler<Blocks> for Root {
    type Reply = ();
    async fn handle(&mut self, _: Blocks, ctx: &mut Ctx<Self>) {
        while self.meter.more() {
            assert_eq!(ctx.blocking(|| 42).await.unwrap(), 42);
        }
    }
}

/// How many allocations there were on the core thread while a root drove messages of this type.
fn allocations<M: Send + 'static, How>(message: M, rounds: (u32, u32)) -> u64
where
    Root: buskin_core::native::Handles<M, How>,
{
    allocations_on(1, message, rounds)
}

/// The same, on the root's of so many threads. The others live on the last one.
fn allocations_on<M: Send + 'static, How>(threads: usize, message: M, (warm, rounds): (u32, u32)) -> u64
where
    Root: buskin_core::native::Handles<M, How>,
{
    let system = Builder::new().threads(threads).build();
    let (meter, said) = Meter::new(warm, rounds);
    let there = Options::new().on(threads - 1);
    let leaf = system.spawn_with(&there, || Leaf).unwrap();
    let branch = system.spawn_with(&there, move || Branch(leaf)).unwrap();
    let root =
        system.spawn_with(&Options::new().name("root"), move || Root { meter: meter.clone(), leaf, branch }).unwrap();
    root.tell(message);
    let count = counted(&said);
    system.shutdown();
    count
}

#[test]
fn tells_allocate_nothing() {
    assert_eq!(allocations(Tells(0), (WARM, ROUNDS)), 0);
}

#[test]
fn asks_with_continuations_allocate_nothing() {
    assert_eq!(allocations(Then, (WARM, ROUNDS)), 0);
}

#[test]
fn asks_that_are_awaited_allocate_nothing() {
    assert_eq!(allocations(Awaits, (WARM, ROUNDS)), 0);
}

#[test]
fn asynchronous_handlers_that_wait_for_each_other_allocate_nothing() {
    assert_eq!(allocations(Chain, (WARM, ROUNDS)), 0);
}

#[test]
fn asynchronous_handlers_that_need_not_wait_allocate_nothing() {
    assert_eq!(allocations(AtOnce, (WARM, ROUNDS)), 0);
}

#[test]
fn timers_that_repeat_allocate_nothing() {
    assert_eq!(allocations(Ticks(Duration::from_millis(1)), (100, 100)), 0);
}

#[test]
fn work_that_blocks_allocates_hardly_anything_on_the_core_thread() {
    // blocks wander between the threads in lists, which are kept in lists that grow
    let count = allocations(Blocks, (WARM, WARM));
    assert!(count < u64::from(WARM) / 100, "{count}");
}

#[test]
fn between_two_threads_hardly_anything_is_allocated() {
    // what wanders comes home in lists, which are kept in lists that grow
    let counts = [
        allocations_on(2, Tells(0), (WARM, ROUNDS)),
        allocations_on(2, Awaits, (WARM, ROUNDS)),
        allocations_on(2, Chain, (WARM, ROUNDS)),
    ];
    assert!(counts.iter().all(|count| *count < u64::from(ROUNDS) / 100), "{counts:?}");
}

#[test]
fn what_does_allocate_is_counted() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}
