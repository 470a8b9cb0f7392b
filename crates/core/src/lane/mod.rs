//! The core's side of one isolate: it routes what the isolate submits and fills its inbox with what is ready.
//!
//! One [`Lane::turn`] is: take note of what became of the last inbox ([`ack`]), route
//! the outbox ([`route`]), draw the consequences ([`life`]), fill the inbox ([`fill`]). Messages enter the inbox only
//! after every change of an actor's state in that turn is done, so nothing has to be taken back.

mod ack;
mod adopt;
pub mod bell;
pub mod blocks;
mod bonds;
mod border;
mod calls;
mod carried;
mod chase;
mod cycle;
mod dead;
mod done;
pub mod far;
mod feeds;
mod fill;
mod foster;
mod group;
pub mod guest;
pub mod head;
mod health;
pub mod inbox;
#[cfg(all(test, loom))]
mod interleavings;
mod lend;
pub mod letters;
mod life;
mod look;
mod lose;
mod mail;
mod moves;
mod names;
mod operate;
mod orders;
mod outward;
pub mod parcel;
pub mod pool;
mod remains;
mod route;
mod seat;
mod signals;
mod supervision;
mod timing;

pub use border::{Defaults, Rings};
pub use guest::{Guest, Ran};
pub use look::{Info, Memory};
pub use mail::{Destination, Remote};
pub(crate) use orders::Word;
pub(crate) use route::FORWARDED;

use std::collections::VecDeque;

use crate::ask::Calls;
use crate::cell::ext::{Ext, Exts};
use crate::cell::table::Table;
use crate::cell::{Cell, State, bit};
use crate::clock::Clock;
use crate::count::Ledger;
use crate::entry::{Entry, mode, word};
use crate::mailbox::local::{NONE, Pool};
use crate::registry::Registry;
use crate::replay::Log;
use crate::supervise::Profile;
use crate::timer::table::Timers;
use crate::timer::wheel::Wheel;
use border::cursor;
use mail::Mail;

/// The root's index. Its actors' parent is 0, and a message from 0 has no sender.
pub const ROOT: u32 = 0;

/// What is left to do at the end of a turn's routing.
#[derive(Clone, Copy, Debug)]
enum Fact {
    /// An actor failed in `phase`; `starting`: before it had started.
    Failed { index: u32, phase: u32, tag: u32, error: u32, starting: bool },
    /// What held the end of an actor up is done.
    Step { index: u32 },
    /// onStop is done.
    Hooked { index: u32, error: Option<u32> },
    /// An actor is to end.
    End { index: u32, age: u32, reason: u32 },
    /// A draining actor may have nothing left.
    Drained { index: u32, age: u32 },
    /// Something that a group waits for may have happened.
    Group { supervisor: u32 },
}

/// One isolate's lane.
#[derive(Debug)]
pub struct Lane {
    table: Table,
    exts: Exts,
    registry: Registry,
    pool: Pool,
    calls: Calls,
    timers: Timers,
    wheel: Wheel,
    clock: Clock,
    defaults: Defaults,
    /// Counts; see [`Ledger`].
    pub ledger: Ledger,
    ready_head: u32,
    ready_tail: u32,
    ready_count: u32,
    /// Entries in the inbox.
    filled: usize,
    /// Entries of the inbox that were taken note of.
    acked: usize,
    /// The actor of the next entry to take note of, when that had begun as the isolate looked in mid-way.
    begun: Option<u32>,
    /// Asks that this entry made: their asker waits for them if it turns out to return a promise.
    asked: Vec<Entry>,
    /// Entries of the inbox that must not be handled after a certain moment: where they are, and the moment.
    mortal: Vec<(usize, u64)>,
    /// Notes that found no room, or must not mix with an inbox that is being read.
    pending: VecDeque<Entry>,
    /// Of those, how many tell of an acceptance.
    accepts: u32,
    facts: VecDeque<Fact>,
    /// Operations on actors' lives that came while an inbox was being read.
    later: Vec<Entry>,
    /// What the isolate handed back of this inbox, and until when it may be handled (0: for ever).
    held: Vec<(Entry, u64)>,
    /// The isolate looked in mid-way of its inbox.
    reading: bool,
    /// Actors whose end is in the inbox: their indices are free when it was read.
    ended: Vec<u32>,
    /// Instances that had something in hand when they ended, and whether the isolate was handed DOWN: until it has read
    /// that, what comes of it must meet no other instance.
    given_up: Vec<(u32, bool)>,
    /// See [`word::GAVE_UP`].
    gave_up: bool,
    guests: guest::Guests,
    /// Actors that start or end.
    lives: u64,
    /// Of those, the ones that end, and the ones that drain: while there are any, no message skips its mailbox.
    endings: u64,
    /// Restarts that are waited for.
    backoffs: u64,
    /// How actors supervise and are checked; see [`Profile`].
    profiles: Vec<Profile>,
    /// What chance is at.
    random: u64,
    /// Signals that wait or run.
    signals: u64,
    /// Streams whose reader waits for an item.
    demands: u64,
    /// Running messages that are streams: they hold nothing up.
    streams: u64,
    /// This turn's time in µs, once it was read.
    now: Option<u64>,
    /// When the host's timer is to fire, in ms.
    armed: u64,
    rearm: bool,
    /// Asks of this turn that wait for the system's time and are not on the wheel yet.
    young: Vec<u32>,
    /// The host's timer fired, and no turn has looked since.
    ticked: bool,
    /// This turn's [`mode`] bits.
    mode: u32,
    /// Where other threads' messages come in.
    mail: Mail,
    /// The cell below which actors are whose parent is elsewhere; the root: there is none yet.
    foster: u32,
    /// The bag has no room for the next letter of this inbox.
    bag_is_full: bool,
    /// What it has when it is not alone.
    far: Option<Box<far::Far>>,
    /// Where what it sends to other lanes comes from, until it is one of several.
    parcels: pool::Pool,
    /// See [`take_orphans`](Lane::take_orphans).
    orphans: Vec<u32>,
    log: Option<Box<Log>>,
}

impl Lane {
    /// A lane with nothing but the root.
    #[must_use]
    pub fn new(clock: Clock, defaults: Defaults) -> Self {
        let mut table = Table::default();
        if table.grant() == Ok((ROOT, 0)) {
            let root = table.at_mut(ROOT);
            root.state = State::Active;
            root.asking = crate::ask::NONE;
            root.bits = bit::CLOSED;
        }
        let now = clock.micros() / 1000;
        Lane {
            table,
            exts: Exts::default(),
            registry: Registry::default(),
            pool: Pool::default(),
            calls: Calls::default(),
            timers: Timers::default(),
            wheel: Wheel::new(now),
            clock,
            defaults,
            ledger: Ledger::default(),
            ready_head: NONE,
            ready_tail: NONE,
            ready_count: 0,
            filled: 0,
            acked: 0,
            begun: None,
            asked: Vec::new(),
            mortal: Vec::new(),
            pending: VecDeque::new(),
            accepts: 0,
            facts: VecDeque::new(),
            later: Vec::new(),
            held: Vec::new(),
            reading: false,
            ended: Vec::new(),
            given_up: Vec::new(),
            gave_up: false,
            guests: guest::Guests::default(),
            lives: 0,
            endings: 0,
            backoffs: 0,
            profiles: Vec::new(),
            random: defaults.seed | 1,
            signals: 0,
            streams: 0,
            demands: 0,
            now: None,
            armed: u64::MAX,
            rearm: false,
            young: Vec::new(),
            ticked: false,
            mode: 0,
            mail: Mail::default(),
            foster: ROOT,
            bag_is_full: false,
            far: None,
            parcels: pool::Pool::default(),
            orphans: Vec::new(),
            log: None,
        }
    }

    /// Takes the outbox, gives a full inbox. When it gives nothing the lane sleeps, and the next push to it rings; unless
    /// the isolate wants it [awake](mode::AWAKE).
    pub fn turn(&mut self, io: &mut Rings<'_>) {
        io.header[word::NEXT] = -1; // what one pass says of it the next one must not take back
        loop {
            self.pass(io);
            let is_told = self.pending.is_empty() || io.inbox.is_empty();
            if self.filled > 0 || (is_told && (self.mode & mode::AWAKE != 0 || self.fall_asleep())) {
                return;
            }
        }
    }

    fn pass(&mut self, io: &mut Rings<'_>) {
        self.take_mail();
        self.record(io, true);
        self.note_mode(io);
        self.ack(io, self.filled);
        self.next_inbox();
        if !self.young.is_empty() {
            self.arm_asks();
        }
        let ticked = std::mem::take(&mut self.ticked);
        self.flush_pending(io);
        self.take_later();
        self.submit_all(io, true, !ticked);
        if ticked {
            self.draw_consequences(); // what was done before its deadline was in time
            self.tick();
        }
        if !self.facts.is_empty() {
            self.draw_consequences();
        }
        if self.far.is_some() {
            self.follow_orders();
        }
        self.fill(io);
        if self.filled == 0 && !self.young.is_empty() {
            self.arm_asks(); // no turn need follow
        }
        self.record_end(io);
        io.header[word::CURSOR] = !0; // nothing of the new inbox was read
        self.publish(io);
    }

    /// Takes the outbox while the isolate still reads its inbox.
    pub fn submit(&mut self, io: &mut Rings<'_>) {
        io.header[word::NEXT] = -1;
        self.record(io, false);
        self.note_mode(io);
        let (cursor, running) = cursor(io.header[word::CURSOR]);
        self.ack(io, cursor.min(self.filled));
        if running {
            self.begin(io);
        }
        let all_read = !running && self.acked == self.filled;
        if all_read {
            // nothing is delivered that did not begin: lives may change, so the counts are those of this moment
            self.next_inbox();
            self.take_later();
        }
        self.reading = !all_read;
        self.submit_all(io, all_read, false);
        if all_read {
            self.draw_consequences();
        }
        self.publish(io);
        self.reading = false;
    }

    /// The last inbox is over.
    #[inline(always)]
    fn next_inbox(&mut self) {
        if !self.held.is_empty() {
            self.take_back();
        }
        while let Some(index) = self.ended.pop() {
            self.recycle(index);
        }
        if !self.given_up.is_empty() {
            self.given_up.retain(|g| !g.1);
        }
        self.gave_up = false;
        self.mortal.clear();
        if self.far.is_some() {
            self.drop_read();
        }
        (self.filled, self.acked) = (0, 0);
    }

    /// What was postponed happens now.
    #[inline(always)]
    fn take_later(&mut self) {
        if self.later.is_empty() {
            return;
        }
        let mut later = std::mem::take(&mut self.later);
        for entry in later.drain(..) {
            self.operate(&entry, None);
        }
        self.later = later;
    }

    #[inline(always)]
    fn publish(&mut self, io: &mut Rings<'_>) {
        io.header[word::OUT] = 0;
        io.header[word::IN] = i32::try_from(self.filled).unwrap_or(i32::MAX);
        if self.rearm {
            self.rearm = false;
            io.header[word::NEXT] = if self.armed == u64::MAX {
                -2
            } else {
                let now = self.now() / 1000;
                i32::try_from(self.armed.saturating_sub(now)).unwrap_or(i32::MAX)
            };
        }
        let busy = self.is_busy();
        let mut holds = busy || self.calls.open > 0 || self.timers.holding > 0 || self.backoffs > 0;
        if self.far.is_some() {
            holds = self.publish_far(busy, holds);
        }
        io.header[word::BUSY] = i32::from(busy);
        io.header[word::HOLD] = i32::from(holds);
        io.header[word::GAVE_UP] = i32::from(self.gave_up);
        io.header[word::TURNS] = io.header[word::TURNS].wrapping_add(1);
    }

    /// Whether anything waits, runs, starts or stops.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.ledger.waiting > 0
            || self.ledger.running > self.streams
            || self.lives > 0
            || self.signals > 0
            || self.demands > 0
            || !self.pending.is_empty()
            || !self.later.is_empty()
            || self.ticked
    }

    /// This turn's time in µs.
    #[inline]
    fn now(&mut self) -> u64 {
        match self.now {
            Some(now) => now,
            None => self.read_clock(),
        }
    }

    fn read_clock(&mut self) -> u64 {
        let now = match self.log.as_mut() {
            Some(log) => log.time(|| self.clock.micros()),
            None => self.clock.micros(),
        };
        self.now = Some(now);
        now
    }

    /// Moves a manual clock; does nothing to a real one.
    pub fn set_time(&mut self, micros: u64) {
        if let Clock::Manual(now) = &mut self.clock {
            *now = micros.max(*now);
        }
        self.now = None;
    }

    /// The clock, for other lanes that are to read it alike.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The next moment, in ms, at which something is due.
    pub fn next_deadline(&mut self) -> Option<u64> {
        self.wheel.next_deadline()
    }

    pub(crate) fn defaults(&self) -> Defaults {
        self.defaults
    }

    pub(crate) fn delivered(&self) -> usize {
        self.filled
    }

    pub(crate) fn set_log(&mut self, log: Option<Box<Log>>) {
        self.log = log;
    }

    pub(crate) fn log_ref(&self) -> Option<&Log> {
        self.log.as_deref()
    }

    pub(crate) fn log_mut(&mut self) -> Option<&mut Log> {
        self.log.as_deref_mut()
    }

    fn ext(&mut self, index: u32) -> &mut Ext {
        self.exts.ensure(&mut self.table.at_mut(index).ext)
    }

    fn ext_of(&self, index: u32) -> Option<&Ext> {
        self.exts.get(self.table.at(index).ext)
    }

    /// The live cell of a ref.
    fn live(&mut self, index: u32, age: u32) -> Option<&mut Cell> {
        self.table.get_mut(index).filter(|c| c.age == age && c.state != State::Free)
    }

    #[inline]
    fn push_ready(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        if cell.is(bit::READY) {
            return;
        }
        cell.bits |= bit::READY;
        cell.ready_next = NONE;
        if self.ready_head == NONE {
            self.ready_head = index;
        } else {
            self.table.at_mut(self.ready_tail).ready_next = index;
        }
        self.ready_tail = index;
        self.ready_count += 1;
    }

    #[inline]
    fn pop_ready(&mut self) -> Option<u32> {
        let index = self.ready_head;
        if index == NONE {
            return None;
        }
        let cell = self.table.at_mut(index);
        cell.bits &= !bit::READY;
        self.ready_head = cell.ready_next;
        self.ready_count -= 1;
        Some(index)
    }

    fn recycle(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        if cell.is(bit::READY) {
            cell.bits |= bit::SPENT;
        } else {
            self.table.recycle(index);
        }
    }

    /// A note to the isolate that is no message and no signal.
    fn notify(&mut self, entry: Entry) {
        self.pending.push_back(entry);
    }
}
