//! Crews without typed actors: core threads that run scripted handlers over real lanes.
#![allow(dead_code)] // every test file uses a part of it

use buskin_core::clock::Clock;
use buskin_core::entry::{Entry, OP_MASK, TAG_SHIFT, flag, mark, note, op, word};
use buskin_core::hub::{Hub, Pulse, Shared};
use buskin_core::lane::far::Address;
use buskin_core::lane::{Defaults, Guest, Lane, Ran, Rings};
use buskin_core::sched::{Crew, Cycle, Options, Threads};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// An actor: its lane, index and age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Who {
    pub(crate) lane: u32,
    pub(crate) index: u32,
    pub(crate) age: u32,
}

/// What a handler does with a message. The entry is as the lane gave it.
pub(crate) type Script = Arc<dyn Fn(&mut Out, &Entry) -> bool + Send + Sync>;

/// What a handler has: who it is, and where what it does is written. Returning false it throws.
pub(crate) struct Out {
    pub(crate) who: Who,
    pub(crate) world: Arc<World>,
    pub(crate) written: Vec<Entry>,
}

impl Out {
    pub(crate) fn tell(&mut self, to: Who, payload: u32) {
        self.tell_as(to, payload, 0);
    }

    /// `flags`: [`flag::ASYNC`] and the like.
    pub(crate) fn tell_as(&mut self, to: Who, payload: u32, flags: u32) {
        let Who { lane, index, age } = to;
        let index = if lane == self.who.lane { index } else { Address { lane, index }.word() };
        let head = op::MSG | 1 << TAG_SHIFT | flags | 1 << flag::ARITY.trailing_zeros();
        self.written.push(Entry { head, index, age, payload, from: self.who.index, corr: 0 });
    }

    /// A child in the lane of this actor.
    pub(crate) fn spawn(&mut self, script: impl Fn(&mut Out, &Entry) -> bool + Send + Sync + 'static) -> Who {
        let lane = self.who.lane;
        let (index, age) = self.world.lane(lane).with(Lane::grant).expect("room");
        let child = Who { lane, index, age };
        self.world.scripts().insert(child, Arc::new(script));
        self.written.push(Entry { head: op::SPAWN, index, age, from: self.who.index, ..Entry::default() });
        child
    }

    pub(crate) fn stop(&mut self, who: Who, how: u32) {
        self.written.push(Entry {
            head: op::STOP,
            index: who.index,
            age: who.age,
            payload: how,
            from: 0,
            corr: u32::MAX,
        });
    }
}

/// What all crews share.
pub(crate) struct World {
    pub(crate) hub: Arc<Hub>,
    scripts: Mutex<HashMap<Who, Script>>,
    /// Actors that a lane begins with.
    births: Mutex<Vec<Who>>,
    /// Messages that were run by another lane's thread.
    pub(crate) moved: AtomicU64,
}

impl World {
    /// So many lanes with a core thread each, from 1; lane 0 is nobody's.
    pub(crate) fn new(lanes: u32) -> Arc<World> {
        let clock = Clock::real();
        let lanes = (0..=lanes).map(|_| Arc::new(Shared::new(Lane::new(clock, Defaults::default()))));
        let hub = Hub::open(lanes.collect());
        for lane in 0..hub.posts().all().len() as u32 {
            let head = 1 << TAG_SHIFT | 1 << flag::ARITY.trailing_zeros();
            hub.lane(lane).unwrap().with(|lane| lane.head(0, 1, head));
        }
        Arc::new(World { hub, scripts: Mutex::default(), births: Mutex::default(), moved: AtomicU64::new(0) })
    }

    pub(crate) fn lane(&self, lane: u32) -> &Arc<Shared> {
        self.hub.lane(lane).expect("a lane")
    }

    fn scripts(&self) -> MutexGuard<'_, HashMap<Who, Script>> {
        self.scripts.lock().unwrap()
    }

    /// An actor that is there when the threads start.
    pub(crate) fn actor(&self, lane: u32, script: impl Fn(&mut Out, &Entry) -> bool + Send + Sync + 'static) -> Who {
        let (index, age) = self.lane(lane).with(Lane::grant).expect("room");
        let who = Who { lane, index, age };
        self.scripts().insert(who, Arc::new(script));
        self.births.lock().unwrap().push(who);
        who
    }

    pub(crate) fn start(self: &Arc<Self>, options: &Options) -> Threads {
        let lanes: Vec<_> =
            (1..self.hub.posts().all().len() as u32).map(|at| (at, Arc::clone(self.lane(at)))).collect();
        let world = Arc::clone(self);
        let threads = Threads::start(options, lanes, move |place| Mock::new(&world, place)).expect("threads");
        let born = self.births.lock().unwrap().len() as u64;
        until("all have begun", || self.hub.ledger().actors == born);
        threads
    }

    /// From the test's own lane.
    pub(crate) fn tell(self: &Arc<Self>, to: Who, payloads: impl IntoIterator<Item = u32>) {
        let mut out = Out { who: Who { lane: 0, index: 0, age: 0 }, world: Arc::clone(self), written: Vec::new() };
        payloads.into_iter().for_each(|payload| out.tell(to, payload));
        loop {
            let part = out.written.len().min(64);
            self.turn(&mut out.written.drain(..part).collect::<Vec<_>>());
            if out.written.is_empty() {
                return;
            }
        }
    }

    /// A turn of the test's own lane.
    fn turn(&self, outbox: &mut [Entry]) {
        let mut header = [0; word::COUNT];
        header[word::OUT] = outbox.len() as i32;
        self.lane(0).with(|lane| {
            lane.turn(&mut Rings {
                header: &mut header,
                outbox,
                inbox: &mut [],
                marks: &mut [],
                bag: &mut [],
                places: &mut [],
                satchel: &[],
            });
        });
    }

    /// Nothing waits, runs or is on its way.
    pub(crate) fn rests(self: &Arc<Self>) {
        until("all lanes rest", || {
            self.turn(&mut []); // the first lane is told how the others are
            self.hub.is_idle()
        });
    }
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::yield_now();
    }
}

const RING: usize = 256;

/// A core thread's isolate.
pub(crate) struct Mock {
    place: u32,
    shared: Arc<Shared>,
    world: Arc<World>,
    header: Box<[i32; word::COUNT]>,
    outbox: Vec<Entry>,
    inbox: Vec<Entry>,
    marks: Vec<u8>,
    bag: Vec<u8>,
    places: Vec<u32>,
    written: usize,
}

impl Mock {
    pub(crate) fn new(world: &Arc<World>, place: u32) -> Self {
        let mut mock = Mock {
            place,
            shared: Arc::clone(world.lane(place)),
            world: Arc::clone(world),
            header: Box::new([0; word::COUNT]),
            outbox: vec![Entry::default(); RING],
            inbox: vec![Entry::default(); RING],
            marks: vec![0; RING],
            bag: vec![0; 1 << 10],
            places: vec![0; RING],
            written: 0,
        };
        let pulse = Pulse { header: mock.header.as_ptr(), inbox: mock.inbox.as_ptr(), length: RING };
        // SAFETY: taken back when the mock is dropped.
        unsafe { mock.shared.set_pulse(Some(pulse)) };
        let births = world.births.lock().unwrap().clone();
        for who in births.into_iter().filter(|who| who.lane == place) {
            mock.put(&[Entry { head: op::SPAWN, index: who.index, age: who.age, ..Entry::default() }]);
        }
        mock
    }

    fn put(&mut self, entries: &[Entry]) {
        for entry in entries {
            if self.written == self.outbox.len() {
                self.with_rings(0, Lane::submit);
            }
            self.outbox[self.written] = *entry;
            self.written += 1;
        }
    }

    fn with_rings(&mut self, mode: u32, call: impl FnOnce(&mut Lane, &mut Rings<'_>)) {
        self.header[word::OUT] = std::mem::take(&mut self.written) as i32;
        self.header[word::MODE] = (mode | buskin_core::entry::mode::ORDERED) as i32;
        let Mock { shared, header, outbox, inbox, marks, bag, places, .. } = self;
        shared.with(|lane| {
            call(lane, &mut Rings { header: &mut header[..], outbox, inbox, marks, bag, places, satchel: &[] });
            lane.audit(inbox, marks).expect("the counts agree");
        });
    }

    fn dispatch(&mut self) {
        let (mut at, mut failed) = (0, Vec::new());
        loop {
            let end = self.shared.claim.more(at);
            if end == at {
                break;
            }
            while at < end {
                self.header[word::CURSOR] = at as i32;
                self.run(at, &mut failed);
                at += 1;
            }
        }
        self.header[word::CURSOR] = !(at as i32);
    }

    fn run(&mut self, at: usize, failed: &mut Vec<u32>) {
        let entry = self.inbox[at];
        if entry.op() != note::MSG {
            return;
        }
        if failed.contains(&entry.index) {
            self.marks[at] = mark::HELD | (note::MSG as u8) << 3;
            self.inbox[at].head &= !OP_MASK;
            return;
        }
        let age = self.shared.with(|lane| lane.age_at(entry.index)).expect("it lives");
        let who = Who { lane: self.place, index: entry.index, age };
        let (well, written) = run(&self.world, who, &entry);
        self.put(&written);
        if !well {
            self.marks[at] = mark::THREW;
            failed.push(entry.index);
        } else if entry.has(flag::ASYNC) {
            self.marks[at] = mark::PROMISED;
            let head = op::DONE | note::MSG << TAG_SHIFT;
            self.put(&[Entry { head, index: who.index, age: who.age, ..Entry::default() }]);
        }
    }
}

/// Runs a message; whether that went well, and what it wrote.
pub(crate) fn run(world: &Arc<World>, who: Who, entry: &Entry) -> (bool, Vec<Entry>) {
    let script = Arc::clone(world.scripts().get(&who).expect("a script"));
    let mut out = Out { who, world: Arc::clone(world), written: Vec::new() };
    let well = script(&mut out, entry);
    (well, out.written)
}

impl Crew for Mock {
    fn cycle(&mut self, mode: u32) -> Cycle {
        let shared = Arc::clone(&self.shared);
        self.with_rings(mode, |lane, io| {
            lane.turn(io);
            shared.claim.open(io.header[word::IN] as usize);
        });
        let next = self.header[word::NEXT];
        let gave = usize::try_from(self.header[word::IN]).unwrap_or(0);
        self.dispatch();
        Cycle { gave, over: false, next }
    }

    fn takes_guests(&self) -> bool {
        true
    }

    fn run_guests(&mut self, host: u32, guests: &mut [Guest]) {
        let mut outbox = Vec::new();
        for guest in &mut *guests {
            self.world.moved.fetch_add(1, SeqCst);
            let who = Who { lane: host, index: guest.entry.index, age: guest.age };
            let (well, written) = run(&self.world, who, &guest.entry);
            guest.ran = if well { Ran::Returned } else { Ran::Threw(0) };
            outbox.extend(written);
        }
        let mut header = [0; word::COUNT];
        header[word::OUT] = outbox.len() as i32;
        let (inbox, marks, bag, places) = (&mut [][..], &mut [][..], &mut [][..], &mut [][..]);
        let io = &mut Rings { header: &mut header, outbox: &mut outbox, inbox, marks, bag, places, satchel: &[] };
        self.world.lane(host).with(|lane| lane.take_guests(io, guests));
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // SAFETY: nothing is given.
        unsafe { self.shared.set_pulse(None) };
    }
}
