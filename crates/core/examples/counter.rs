//! The smallest actor: a number that many threads add to, and one that tells whenever it has grown by so much.
//!
//! `cargo run -p buskin-core --example counter`
#![allow(clippy::print_stdout)]

use buskin_core::native::{Actor, Ctx, Emitter, Handler, Replies, StreamHandler, System};
use std::error::Error;

/// What an actor is: plain state.
#[derive(Default)]
struct Counter {
    total: u64,
}

/// What it understands: plain types, each with its handler.
struct Add(u64);
struct Total;
struct Countdown(u64);

impl Actor for Counter {}

impl Handler<Add> for Counter {
    type Reply = ();
    fn handle(&mut self, Add(n): Add, _: &mut Ctx<Self>) {
        self.total += n;
    }
}

impl Handler<Total> for Counter {
    type Reply = u64;
    fn handle(&mut self, _: Total, _: &mut Ctx<Self>) -> u64 {
        self.total
    }
}

/// Many replies to one message. The reader sets the pace.
impl StreamHandler<Countdown> for Counter {
    type Item = u64;
    async fn stream(&mut self, Countdown(from): Countdown, out: &mut Emitter<u64>, _: &mut Ctx<Self>) {
        for n in (0..=from).rev() {
            if out.emit(n).await.is_err() {
                return; // nobody reads on
            }
        }
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let system = System::new();
    let counter = system.spawn(Counter::default)?;

    // a ref is small, may be copied, and is good on every thread
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|n| counter.tell(Add(n))));
        }
    });
    let total = counter.ask(Total).wait()?;
    println!("the total is {total}");
    assert_eq!(total, 4 * 999 * 500);

    let countdown: Replies<u64> = counter.stream(Countdown(3));
    for n in countdown.blocking() {
        println!("{} …", n?);
    }

    let stats = system.stats();
    println!("{} messages sent, {} handled, {} actors", stats.sent, stats.handled, stats.actors);
    system.shutdown();
    Ok(())
}
