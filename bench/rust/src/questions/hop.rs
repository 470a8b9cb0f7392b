//! One message in flight.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::peer::{Behaviour, Context, Latch, Later, Peer};
use crate::question::{Outcome, Threads};

/// Passes the token on, one lower. The end of it goes round once more, so that everybody says how often he had it.
struct Node<P: Peer> {
    next: Option<P::Ref<Node<P>>>,
    closing: Later<P::Ref<Node<P>>>,
    handled: u64,
    done: bool,
    latch: Latch,
}

impl<P: Peer> Behaviour<P> for Node<P> {
    type Msg = u64;

    fn handle<C: Context<P, Self>>(&mut self, left: u64, _ctx: &mut C) {
        let next = self.next.get_or_insert_with(|| self.closing.get().clone());
        if left > 0 {
            self.handled += 1;
            P::tell(next, left - 1);
        } else if !self.done {
            self.done = true;
            P::tell(next, 0);
            self.latch.leave(self.handled);
        }
    }
}

fn link<P: Peer>(actors: u64, latch: &Latch) -> P::Ref<Node<P>> {
    let closing = Later::new();
    let node = |next| Node::<P> { next, closing: closing.clone(), handled: 0, done: false, latch: latch.clone() };
    let last = P::spawn(node(None));
    let mut first = last;
    for _ in 1..actors {
        first = P::spawn(node(Some(first)));
    }
    closing.set(first.clone());
    first
}

/// A token that makes `hops` hops.
pub(super) async fn ring<P: Peer>(actors: u64, hops: u64) -> Outcome {
    let (latch, done) = Latch::new(actors);
    let first = link::<P>(actors, &latch);
    let start = Instant::now();
    P::tell(&first, hops);
    let handled = done.await.unwrap_or(0);
    Outcome::timed(hops, start.elapsed(), handled == hops)
}

static STOP: AtomicBool = AtomicBool::new(false);

/// Two actors, on two threads where the library can place them, none of which ever parks.
pub(super) async fn busy<P: Peer>(threads: Threads, hops: u64) -> Outcome {
    STOP.store(false, Ordering::Release);
    P::keep_busy(threads, &STOP);
    let outcome = ring::<P>(2, hops).await;
    STOP.store(true, Ordering::Release);
    outcome
}
