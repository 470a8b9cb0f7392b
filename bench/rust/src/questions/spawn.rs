//! Actors that come and go.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::heap::live_bytes;
use crate::peer::{Behaviour, Context, Latch, Peer, Signal};
use crate::question::{Answer, Outcome};

/// Spawns a wave, tells each child once, and stops the clock at the last acknowledgement. Stopping is not timed.
struct Parent<P: Peer> {
    children: Vec<P::Ref<Child<P>>>,
    acknowledged: usize,
    wave: Option<(Signal, Instant)>,
}

#[derive(Clone)]
enum ToParent {
    Wave(u64, Signal, Latch),
    Ready,
}

impl<P: Peer> Behaviour<P> for Parent<P> {
    type Msg = ToParent;

    fn handle<C: Context<P, Self>>(&mut self, msg: ToParent, ctx: &mut C) {
        match msg {
            ToParent::Wave(n, signal, latch) => {
                self.wave = Some((signal, Instant::now()));
                for _ in 0..n {
                    let child = ctx.spawn(Child::<P> { parent: ctx.me(), handled: 0, latch: latch.clone() });
                    P::tell(&child, ToChild::Hello);
                    self.children.push(child);
                }
            }
            ToParent::Ready => {
                self.acknowledged += 1;
                if self.acknowledged < self.children.len() {
                    return;
                }
                let (signal, start) = self.wave.take().expect("a child answers within its wave");
                let took = start.elapsed();
                self.acknowledged = 0;
                for child in self.children.drain(..) {
                    P::tell(&child, ToChild::Stop);
                }
                signal.send(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            }
        }
    }
}

struct Child<P: Peer> {
    parent: P::Ref<Parent<P>>,
    handled: u64,
    latch: Latch,
}

#[derive(Clone, Copy)]
enum ToChild {
    Hello,
    Stop,
}

impl<P: Peer> Behaviour<P> for Child<P> {
    type Msg = ToChild;

    fn handle<C: Context<P, Self>>(&mut self, msg: ToChild, ctx: &mut C) {
        match msg {
            ToChild::Hello => {
                self.handled += 1;
                P::tell(&self.parent, ToParent::Ready);
            }
            ToChild::Stop => ctx.stop(),
        }
    }
}

impl<P: Peer> Drop for Child<P> {
    fn drop(&mut self) {
        self.latch.leave(self.handled);
    }
}

pub(super) async fn waves<P: Peer>(waves: u64, width: u64) -> Outcome {
    let parent = P::spawn(Parent::<P> { children: Vec::new(), acknowledged: 0, wave: None });
    let mut took = Duration::ZERO;
    let mut handled = 0;
    for _ in 0..waves {
        let (signal, wave) = Signal::new();
        let (latch, gone) = Latch::new(width);
        P::tell(&parent, ToParent::Wave(width, signal, latch));
        took += Duration::from_nanos(wave.await.unwrap_or(0));
        handled += gone.await.unwrap_or(0);
    }
    Outcome::timed(waves * width, took, handled == waves * width)
}

/// ForkJoin's worker: one message, one computation, gone.
struct Worker {
    handled: u64,
    latch: Latch,
}

impl<P: Peer> Behaviour<P> for Worker {
    type Msg = ();

    fn handle<C: Context<P, Self>>(&mut self, (): (), ctx: &mut C) {
        let sine = black_box(37.2_f64).sin();
        black_box(sine * sine);
        self.handled += 1;
        ctx.stop();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.latch.leave(self.handled);
    }
}

struct Creator;

impl<P: Peer> Behaviour<P> for Creator {
    type Msg = (u64, Latch);

    fn handle<C: Context<P, Self>>(&mut self, (n, latch): (u64, Latch), ctx: &mut C) {
        for _ in 0..n {
            let worker = ctx.spawn(Worker { handled: 0, latch: latch.clone() });
            P::tell(&worker, ());
        }
    }
}

/// Savina 4: timed until all of them are gone.
pub(super) async fn create<P: Peer>(n: u64) -> Outcome {
    let (latch, done) = Latch::new(n);
    let start = Instant::now();
    let creator = P::spawn(Creator);
    P::tell(&creator, (n, latch));
    let handled = done.await.unwrap_or(0);
    Outcome::timed(n, start.elapsed(), handled == n)
}

/// Savina 8. Who has both halves answers and ends.
struct Fibonacci<P: Peer> {
    parent: Asker<P>,
    sum: u64,
    waiting: u8,
    latch: Latch,
}

enum Asker<P: Peer> {
    Actor(P::Ref<Fibonacci<P>>),
    Driver(Signal),
}

#[derive(Clone, Copy)]
enum Number {
    Request(u32),
    Response(u64),
}

impl<P: Peer> Behaviour<P> for Fibonacci<P> {
    type Msg = Number;

    fn handle<C: Context<P, Self>>(&mut self, msg: Number, ctx: &mut C) {
        match msg {
            Number::Request(n) if n <= 2 => self.reply(1, ctx),
            Number::Request(n) => {
                self.waiting = 2;
                for m in [n - 1, n - 2] {
                    let child = Self { parent: Asker::Actor(ctx.me()), sum: 0, waiting: 0, latch: self.latch.clone() };
                    P::tell(&ctx.spawn(child), Number::Request(m));
                }
            }
            Number::Response(value) => {
                self.sum += value;
                self.waiting -= 1;
                if self.waiting == 0 {
                    self.reply(self.sum, ctx);
                }
            }
        }
    }
}

impl<P: Peer> Fibonacci<P> {
    fn reply<C: Context<P, Self>>(&self, value: u64, ctx: &mut C) {
        match &self.parent {
            Asker::Actor(parent) => P::tell(parent, Number::Response(value)),
            Asker::Driver(signal) => signal.send(value),
        }
        ctx.stop();
    }
}

impl<P: Peer> Drop for Fibonacci<P> {
    fn drop(&mut self) {
        self.latch.leave(1);
    }
}

pub(super) async fn fibonacci<P: Peer>(n: u32) -> Outcome {
    let (mut value, mut before) = (1u64, 0u64);
    for _ in 1..n {
        (value, before) = (value + before, value);
    }
    let actors = 2 * value - 1;
    let (latch, gone) = Latch::new(actors);
    let (signal, result) = Signal::new();
    let start = Instant::now();
    let root = P::spawn(Fibonacci::<P> { parent: Asker::Driver(signal), sum: 0, waiting: 0, latch });
    P::tell(&root, Number::Request(n));
    let result = result.await.unwrap_or(0);
    let gone = gone.await.unwrap_or(0);
    Outcome::timed(actors, start.elapsed(), result == value && gone == actors)
}

/// Has handled one message and waits for the next.
struct Idler {
    latch: Latch,
}

impl<P: Peer> Behaviour<P> for Idler {
    type Msg = u64;

    fn handle<C: Context<P, Self>>(&mut self, n: u64, _ctx: &mut C) {
        self.latch.leave(n);
    }
}

/// Heap per actor that has handled a message and waits; the reference to it lies in a vector that is not counted.
pub(super) async fn idle<P: Peer>(n: u64) -> Answer {
    let (latch, done) = Latch::new(n);
    let mut actors = Vec::with_capacity(usize::try_from(n).unwrap_or(0));
    let Some(before) = live_bytes() else { return Err("needs the binary that counts") };
    for _ in 0..n {
        let actor = P::spawn(Idler { latch: latch.clone() });
        P::tell(&actor, 1);
        actors.push(actor);
    }
    let handled = done.await.unwrap_or(0);
    let after = live_bytes().unwrap_or(before);
    drop(actors);
    Ok(Outcome { ops: n, amount: after.saturating_sub(before) as u64, right: handled == n })
}
