//! 7. Everybody pings a random other one, waits for the pong, and goes on; a sink hears who is done, and ends everybody.

use super::super::Wrong;
use super::super::registry::Numbers;
use super::super::stage::Place;
use super::super::tally::{Fact, Tally, fact};
use super::random::Random;
use buskin_core::native::{Actor, AnyRef, Ctx, Handler, Ref, SpawnError};
use std::sync::Arc;

type Neighbours = Arc<[Ref<Big>]>;

struct Big {
    id: u32,
    rounds: u32,
    sink: Ref<Sink>,
    random: Random,
    neighbours: Neighbours,
    /// Pings that came before the neighbours were known: they come from another thread than who says so, and nothing orders the two.
    early: Vec<Ping>,
    sent: u32,
    expected: Option<u32>,
    pinged: u64,
    tally: Tally,
}

struct Meet(Neighbours);
struct Ping(u32);
/// Nobody's is the one that starts.
struct Pong(Option<u32>);
struct End;

impl Big {
    fn answer(&mut self, Ping(from): Ping) {
        self.pinged += 1;
        self.neighbours[from as usize].tell(Pong(Some(self.id)));
    }
}

impl Actor for Big {}
impl Handler<Meet> for Big {
    type Reply = ();
    fn handle(&mut self, Meet(neighbours): Meet, _: &mut Ctx<Self>) {
        self.tally.heard();
        self.neighbours = neighbours;
        for ping in std::mem::take(&mut self.early) {
            self.answer(ping);
        }
    }
}
impl Handler<Ping> for Big {
    type Reply = ();
    fn handle(&mut self, ping: Ping, _: &mut Ctx<Self>) {
        self.tally.heard();
        if self.neighbours.is_empty() {
            return self.early.push(ping);
        }
        self.answer(ping);
    }
}
impl Handler<Pong> for Big {
    type Reply = ();
    fn handle(&mut self, Pong(from): Pong, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        if from != self.expected {
            return ctx.fail(format!("a pong of {from:?} instead of {:?}", self.expected));
        }
        if self.sent == self.rounds {
            return self.sink.tell(Done);
        }
        let target = self.random.below(u32::try_from(self.neighbours.len()).unwrap_or(u32::MAX));
        self.expected = Some(target);
        self.sent += 1;
        self.neighbours[target as usize].tell(Ping(self.id));
    }
}
impl Handler<End> for Big {
    type Reply = ();
    fn handle(&mut self, _: End, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        fact(Fact::Pings, self.pinged);
        fact(Fact::Weighted, (u64::from(self.id) + 1) * self.pinged);
        self.tally.exit(ctx);
    }
}

#[derive(Default)]
struct Sink {
    neighbours: Neighbours,
    done: usize,
    tally: Tally,
}

struct Done;

impl Actor for Sink {}
impl Handler<Meet> for Sink {
    type Reply = ();
    fn handle(&mut self, Meet(neighbours): Meet, _: &mut Ctx<Self>) {
        self.tally.heard();
        self.neighbours = neighbours;
    }
}
impl Handler<Done> for Sink {
    type Reply = ();
    fn handle(&mut self, _: Done, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        self.done += 1;
        if self.done < self.neighbours.len() {
            return;
        }
        for neighbour in self.neighbours.iter() {
            neighbour.tell(End);
        }
        self.tally.exit(ctx);
    }
}

pub(super) fn start(place: &Arc<Place>, sizes: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let (actors, rounds) = (sizes.whole("actors")?, sizes.whole("rounds")?);
    let sink = place.system.spawn_with(&place.first(), Sink::default)?;
    let one = |id| {
        let make = move || {
            let (random, neighbours, tally) = (Random::new(id), Neighbours::default(), Tally::default());
            Big { id, rounds, sink, random, neighbours, early: Vec::new(), sent: 0, expected: None, pinged: 0, tally }
        };
        place.system.spawn_with(&place.share(id, actors), make)
    };
    let all: Neighbours = (0..actors).map(one).collect::<Result<_, SpawnError>>()?;
    sink.tell(Meet(Arc::clone(&all)));
    for one in all.iter() {
        one.tell(Meet(Arc::clone(&all)));
    }
    for one in all.iter() {
        one.tell(Pong(None));
    }
    Ok(all.iter().map(Ref::any).chain([sink.any()]).collect())
}
