//! 9. Workers read and write one dictionary, each with one operation under way.

use super::super::Wrong;
use super::super::registry::Numbers;
use super::super::stage::Place;
use super::super::tally::{Fact, Tally, fact, later};
use super::master::{End, Ended, Master, Task, Work, begin};
use super::random::Random;
use buskin_core::native::{Actor, AnyRef, Ctx, Handler, Ref};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Clone, Copy)]
struct Sizes {
    workers: u32,
    messages: u32,
    write_percent: u32,
    keys: u32,
}

impl Task for Sizes {
    type Server = Dictionary;
    type Worker = Worker;

    fn workers(&self) -> u32 {
        self.workers
    }

    fn server(&self) -> Dictionary {
        Dictionary { sizes: *self, map: (0..self.keys).map(|key| (key, key)).collect(), tally: Tally::default() }
    }

    fn worker(&self, id: u32, master: Ref<Master<Self>>, dictionary: Ref<Dictionary>) -> Worker {
        let (random, tally) = (self.random(id), Tally::default());
        let (left, write_percent) = (self.messages, self.write_percent);
        Worker { master, dictionary, left, write_percent, random, reads: 0, writes: 0, written: None, tally }
    }
}

impl Sizes {
    /// The generator of a worker.
    fn random(&self, id: u32) -> Random {
        Random::new(id + self.messages + self.write_percent)
    }

    /// How many keys hold what they cannot. Whose write came last is nobody's decision, but it was the last one that some worker
    /// made to this key; and a key that nobody wrote holds itself.
    fn wrong_keys(&self, map: &HashMap<u32, u32>) -> u64 {
        let mut allowed: HashMap<u32, Vec<u32>> = HashMap::new();
        for id in 0..self.workers {
            let (mut last, mut random) = (HashMap::new(), self.random(id));
            for _ in 0..self.messages {
                let write = random.below(100) < self.write_percent;
                let key = random.next() % self.keys;
                if write {
                    last.insert(key, random.next());
                }
            }
            for (key, value) in last {
                allowed.entry(key).or_default().push(value);
            }
        }
        map.iter()
            .filter(|(key, value)| !allowed.get(*key).map_or(key == value, |allowed| allowed.contains(value)))
            .count() as u64
    }
}

struct Worker {
    master: Ref<Master<Sizes>>,
    dictionary: Ref<Dictionary>,
    left: u32,
    write_percent: u32,
    random: Random,
    reads: u64,
    writes: u64,
    written: Option<u32>,
    tally: Tally,
}

struct Reply(Option<u32>);

impl Worker {
    fn next(&mut self, ctx: &mut Ctx<Self>) {
        if self.left == 0 {
            fact(Fact::Reads, self.reads);
            fact(Fact::Writes, self.writes);
            self.master.tell(Ended);
            return self.tally.exit(ctx);
        }
        self.left -= 1;
        let me = ctx.self_ref();
        if self.random.below(100) < self.write_percent {
            self.writes += 1;
            let (key, value) = (self.random.next(), self.random.next());
            self.written = Some(value);
            self.dictionary.tell(Write(me, key, value));
        } else {
            self.reads += 1;
            self.written = None;
            self.dictionary.tell(Read(me, self.random.next()));
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
        if value.is_none() || self.written.is_some() && value != self.written {
            return ctx.fail(format!("wrote {:?} and was told {value:?}", self.written));
        }
        self.next(ctx);
    }
}

struct Dictionary {
    sizes: Sizes,
    map: HashMap<u32, u32>,
    tally: Tally,
}

impl Dictionary {
    /// The key of a random number.
    fn key(&self, random: u32) -> u32 {
        random.checked_rem(self.sizes.keys).unwrap_or(random)
    }
}

struct Read(Ref<Worker>, u32);
struct Write(Ref<Worker>, u32, u32);

impl Actor for Dictionary {}
impl Handler<Read> for Dictionary {
    type Reply = ();
    fn handle(&mut self, Read(sender, key): Read, _: &mut Ctx<Self>) {
        self.tally.heard();
        sender.tell(Reply(self.map.get(&self.key(key)).copied()));
    }
}
impl Handler<Write> for Dictionary {
    type Reply = ();
    fn handle(&mut self, Write(sender, key, value): Write, _: &mut Ctx<Self>) {
        self.tally.heard();
        self.map.insert(self.key(key), value);
        sender.tell(Reply(Some(value)));
    }
}
impl Handler<End> for Dictionary {
    type Reply = ();
    fn handle(&mut self, _: End, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        let (map, sizes) = (std::mem::take(&mut self.map), self.sizes);
        later(move || {
            fact(Fact::Keys, map.len() as u64);
            fact(Fact::Wrong, sizes.wrong_keys(&map));
        });
        self.tally.exit(ctx);
    }
}

pub(super) fn start(place: &Arc<Place>, sizes: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let whole = |name| sizes.whole(name);
    let (workers, messages) = (whole("workers")?, whole("messages")?);
    begin(place, Sizes { workers, messages, write_percent: whole("writePercent")?, keys: whole("keys")? })
}
