//! 10. Workers read and write one sorted linked list, each with one operation under way.

use super::super::Wrong;
use super::super::registry::Numbers;
use super::super::stage::Place;
use super::super::tally::{Fact, Tally, fact, later};
use super::master::{End, Ended, Master, Task, Work, begin};
use super::random::Random;
use buskin_core::native::{Actor, AnyRef, Ctx, Handler, Ref};
use std::sync::Arc;

#[derive(Clone, Copy)]
struct Sizes {
    workers: u32,
    messages: u32,
    write_percent: u32,
    size_percent: u32,
}

impl Task for Sizes {
    type Server = Server;
    type Worker = Worker;

    fn workers(&self) -> u32 {
        self.workers
    }

    fn server(&self) -> Server {
        Server::default()
    }

    fn worker(&self, id: u32, master: Ref<Master<Self>>, list: Ref<Server>) -> Worker {
        let random = Random::new(id + self.messages + self.write_percent + self.size_percent);
        let (left, sizes, tally) = (self.messages, *self, Tally::default());
        Worker { master, list, left, sizes, random, asked: [0; 3], written: None, tally }
    }
}

struct Worker {
    master: Ref<Master<Sizes>>,
    list: Ref<Server>,
    left: u32,
    sizes: Sizes,
    random: Random,
    /// Writes, reads, sizes.
    asked: [u64; 3],
    written: Option<u32>,
    tally: Tally,
}

struct Reply(u32);

impl Worker {
    fn next(&mut self, ctx: &mut Ctx<Self>) {
        if self.left == 0 {
            for (name, asked) in [Fact::Writes, Fact::Reads, Fact::Sizes].into_iter().zip(self.asked) {
                fact(name, asked);
            }
            self.master.tell(Ended);
            return self.tally.exit(ctx);
        }
        self.left -= 1;
        self.written = None;
        let me = ctx.self_ref();
        let dice = self.random.below(100);
        if dice < self.sizes.size_percent {
            self.asked[2] += 1;
            self.list.tell(Size(me));
        } else if dice < self.sizes.size_percent + self.sizes.write_percent {
            self.asked[0] += 1;
            let value = self.random.next();
            self.written = Some(value);
            self.list.tell(Write(me, value));
        } else {
            self.asked[1] += 1;
            self.list.tell(Contains(me, self.random.next()));
        }
    }
}

impl Actor for Worker {}
impl Handler<Work> for Worker {
    type Reply = ();
    fn handle(&mut self, _: Work, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        self.next(ctx);
    }
}
impl Handler<Reply> for Worker {
    type Reply = ();
    fn handle(&mut self, Reply(value): Reply, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        if self.written.is_some_and(|written| written != value) {
            return ctx.fail(format!("wrote {:?} and was told {value}", self.written));
        }
        self.next(ctx);
    }
}

#[derive(Default)]
struct Server {
    list: List,
    tally: Tally,
}

struct Write(Ref<Worker>, u32);
struct Contains(Ref<Worker>, u32);
struct Size(Ref<Worker>);

impl Actor for Server {}
impl Handler<Write> for Server {
    type Reply = ();
    fn handle(&mut self, Write(sender, value): Write, _: &mut Ctx<Self>) {
        self.tally.heard();
        self.list.add(value);
        sender.tell(Reply(value));
    }
}
impl Handler<Contains> for Server {
    type Reply = ();
    fn handle(&mut self, Contains(sender, value): Contains, _: &mut Ctx<Self>) {
        self.tally.heard();
        let found = self.list.values().any(|one| one == value); // to the end if not, as the original does
        sender.tell(Reply(found.into()));
    }
}
impl Handler<Size> for Server {
    type Reply = ();
    fn handle(&mut self, Size(sender): Size, _: &mut Ctx<Self>) {
        self.tally.heard();
        sender.tell(Reply(u32::try_from(self.list.values().count()).unwrap_or(u32::MAX)));
    }
}
impl Handler<End> for Server {
    type Reply = ();
    fn handle(&mut self, _: End, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        let list = std::mem::take(&mut self.list);
        later(move || {
            fact(Fact::Items, list.values().count() as u64);
            fact(Fact::Sum, list.values().map(u64::from).sum());
            fact(Fact::Unsorted, list.values().zip(list.values().skip(1)).filter(|(a, b)| b < a).count() as u64);
        });
        self.tally.exit(ctx);
    }
}

#[derive(Default)]
struct List(Option<Box<Node>>);

struct Node {
    value: u32,
    next: Option<Box<Node>>,
}

impl List {
    /// Behind those of the same value.
    fn add(&mut self, value: u32) {
        let mut place = &mut self.0;
        while place.as_ref().is_some_and(|node| node.value <= value) {
            let Some(node) = place else { return };
            place = &mut node.next;
        }
        *place = Some(Box::new(Node { value, next: place.take() }));
    }

    fn values(&self) -> impl Iterator<Item = u32> {
        std::iter::successors(self.0.as_deref(), |node| node.next.as_deref()).map(|node| node.value)
    }
}

/// One node after the other: a long list would be too deep for the stack.
impl Drop for List {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut node) = next {
            next = node.next.take();
        }
    }
}

pub(super) fn start(place: &Arc<Place>, sizes: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let whole = |name| sizes.whole(name);
    let (workers, messages) = (whole("workers")?, whole("messages")?);
    begin(
        place,
        Sizes { workers, messages, write_percent: whole("writePercent")?, size_percent: whole("sizePercent")? },
    )
}
