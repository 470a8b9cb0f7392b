//! One actor told by one or many, and one that tells many.

use std::time::Instant;

use crate::peer::{Behaviour, Context, Latch, Later, Peer, Signal};
use crate::question::Outcome;

/// Counts, and ends the run at the message that makes it complete.
struct Counter {
    left: u64,
    sum: u64,
    signal: Signal,
}

impl<P: Peer> Behaviour<P> for Counter {
    type Msg = u64;

    fn handle<C: Context<P, Self>>(&mut self, n: u64, _ctx: &mut C) {
        self.sum += n;
        self.left -= 1;
        if self.left == 0 {
            self.signal.send(self.sum);
        }
    }
}

/// Tells the counter 1 to `n` in one handler.
struct Flooder<P: Peer> {
    to: P::Ref<Counter>,
    n: u64,
}

impl<P: Peer> Behaviour<P> for Flooder<P> {
    type Msg = ();

    fn handle<C: Context<P, Self>>(&mut self, (): (), _ctx: &mut C) {
        for i in 1..=self.n {
            P::tell(&self.to, i);
        }
    }
}

/// `n` messages from so many senders to one receiver.
pub(super) async fn flood<P: Peer>(senders: u64, n: u64) -> Outcome {
    let share = (n / senders).max(1);
    let (signal, done) = Signal::new();
    let to = P::spawn(Counter { left: share * senders, sum: 0, signal });
    let flooders: Vec<_> = (0..senders).map(|_| P::spawn(Flooder::<P> { to: to.clone(), n: share })).collect();
    let start = Instant::now();
    for flooder in &flooders {
        P::tell(flooder, ());
    }
    let sum = done.await.unwrap_or(0);
    Outcome::timed(share * senders, start.elapsed(), sum == senders * (share * (share + 1) / 2))
}

struct Publisher<P: Peer> {
    subscribers: Later<Vec<P::Ref<Subscriber<P>>>>,
    left: u64,
}

impl<P: Peer> Behaviour<P> for Publisher<P> {
    type Msg = ();

    fn handle<C: Context<P, Self>>(&mut self, (): (), _ctx: &mut C) {
        if self.left == 0 {
            return;
        }
        for subscriber in self.subscribers.get() {
            P::tell(subscriber, self.left);
        }
        self.left -= 1;
    }
}

/// Counts its rounds; the last in the list asks for the next one. In a runtime with many threads the others may still
/// be some rounds behind.
struct Subscriber<P: Peer> {
    left: u64,
    sum: u64,
    next: Option<P::Ref<Publisher<P>>>,
    latch: Latch,
}

impl<P: Peer> Behaviour<P> for Subscriber<P> {
    type Msg = u64;

    fn handle<C: Context<P, Self>>(&mut self, round: u64, _ctx: &mut C) {
        self.sum += round;
        self.left -= 1;
        if let Some(publisher) = &self.next {
            P::tell(publisher, ());
        }
        if self.left == 0 {
            self.latch.leave(self.sum);
        }
    }
}

/// One tells `width` actors, round after round; every receipt is counted by its receiver.
pub(super) async fn fan_out<P: Peer>(width: u64, rounds: u64) -> Outcome {
    let (latch, done) = Latch::new(width);
    let subscribers = Later::new();
    let publisher = P::spawn(Publisher::<P> { subscribers: subscribers.clone(), left: rounds });
    subscribers.set(
        (1..=width)
            .map(|i| {
                let next = (i == width).then(|| publisher.clone());
                P::spawn(Subscriber::<P> { left: rounds, sum: 0, next, latch: latch.clone() })
            })
            .collect(),
    );
    let start = Instant::now();
    P::tell(&publisher, ());
    let sum = done.await.unwrap_or(0);
    Outcome::timed(width * rounds, start.elapsed(), sum == width * (rounds * (rounds + 1) / 2))
}
