//! 2. One actor floods another out of one handler, then asks what it has counted.

use super::super::Wrong;
use super::super::registry::Numbers;
use super::super::stage::Place;
use super::super::tally::{Fact, Tally, fact};
use buskin_core::native::{Actor, AnyRef, Ctx, Handler, Ref};
use std::sync::Arc;

struct Producer {
    counter: Ref<Counter>,
    tally: Tally,
}

struct Start(u32);
struct Counted(u64);

impl Actor for Producer {}
impl Handler<Start> for Producer {
    type Reply = ();
    fn handle(&mut self, Start(messages): Start, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        for _ in 0..messages {
            self.counter.tell(Increment);
        }
        self.counter.tell(Retrieve(ctx.self_ref()));
    }
}
impl Handler<Counted> for Producer {
    type Reply = ();
    fn handle(&mut self, Counted(count): Counted, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        fact(Fact::Count, count);
        self.tally.exit(ctx);
    }
}

#[derive(Default)]
struct Counter {
    count: u64,
    tally: Tally,
}

struct Increment;
struct Retrieve(Ref<Producer>);

impl Actor for Counter {}
impl Handler<Increment> for Counter {
    type Reply = ();
    fn handle(&mut self, _: Increment, _: &mut Ctx<Self>) {
        self.tally.heard();
        self.count += 1;
    }
}
impl Handler<Retrieve> for Counter {
    type Reply = ();
    fn handle(&mut self, Retrieve(sender): Retrieve, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        sender.tell(Counted(self.count));
        self.tally.exit(ctx);
    }
}

pub(super) fn start(place: &Arc<Place>, sizes: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let together = place.first();
    let counter = place.system.spawn_with(&together, Counter::default)?;
    let producer = place.system.spawn_with(&together, move || Producer { counter, tally: Tally::default() })?;
    producer.tell(Start(sizes.whole("messages")?));
    Ok(vec![producer.any()])
}
