//! What few actors have: kept beside the cell, made on first use, freed at the end.

use crate::lane::far::Address;
use crate::mailbox::local::List;
use crate::supervise::window::Window;

/// The side record of a cell.
#[derive(Debug)]
pub struct Ext {
    /// Handed back by the isolate; served before anything else.
    pub held: List,
    /// Messages of high priority.
    pub high: List,
    /// Messages of low priority.
    pub low: List,
    /// Deliveries of high priority in a row while some of normal priority waited.
    pub over_normal: u8,
    /// Deliveries of higher priorities in a row while some of low priority waited.
    pub over_low: u8,
    /// Timers, watches and the like; they overtake messages and are not bounded.
    pub signals: List,
    /// Sends and asks before the full mailbox, in order.
    pub parked: List,
    /// How many.
    pub parked_count: u32,
    /// For the handler in hand and onStop, in ms; `u32::MAX`: none.
    pub shutdown: u32,
    /// For onStart, in ms; `u32::MAX`: none.
    pub start: u32,
    /// When the time for the hand is over, in ms of the lane's clock.
    pub stop_by: u64,
    /// What the hand left of the time for onStop, in ms.
    pub stop_left: u32,
    /// The deadline of the drain on the wheel, plus one; 0: none.
    pub drain: u32,
    /// The slot of the error it ends with.
    pub error: u32,
    /// Who watches it: watcher, its age, the watch.
    pub watchers: Vec<(u32, u32, u32)>,
    /// What it watches: target, its age, the watch.
    pub watching: Vec<(u32, u32, u32)>,
    /// Its timers: the head of a list; `u32::MAX`: none.
    pub timers: u32,
    /// Stream calls that run.
    pub streams: u32,
    /// Who fails with it: the other end, its age, the link.
    pub links: Vec<(u32, u32, u32)>,
    /// How it supervises and is checked: which of the lane's profiles.
    pub profile: u32,
    /// The failure that `decide` was asked about: phase, method, and whether the actor had yet to start.
    pub asking: Option<(u32, u32, bool)>,
    /// Somebody stopped it while it was not yet decided what follows from its failure.
    pub is_final: bool,
    /// Its own restarts.
    pub restarts: Option<Box<Restarts>>,
    /// The restarts of its children.
    pub supervisor: Option<Box<Supervisor>>,
    /// Its health check.
    pub health: Option<Box<Health>>,
    /// Of a stand-in: where its actor is.
    pub home: Option<Home>,
    /// Of an actor whose parent is in another lane: where its stand-in is.
    pub away: Option<Home>,
    /// The letter that it was spawned with; 0: none.
    pub seed: u32,
    /// The letter tells too little to spawn it anew.
    pub mortal: bool,
    /// Of a stand-in: its actor was killed, and until it says that it is down what it says is of the instance before.
    pub fenced: bool,
    /// Of a stand-in: the letter of the failure that was told last; 0: none.
    pub told: u32,
    /// Its isolate was asked for the failure's error, which its stand-in is to be told, and has not answered.
    pub is_telling: bool,
    /// It failed between two seats, and nobody was told yet.
    pub is_silent: bool,
    /// What it is to tell its next seat.
    pub(crate) kept_back: Vec<crate::lane::Word>,
}

/// A cell of another lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// Its address.
    pub word: u32,
    /// Its age.
    pub age: u32,
}

impl Home {
    /// The root, in the first lane.
    pub const ROOT: Home = Home { word: Address { lane: 0, index: 0 }.word(), age: 0 };
    /// Of an actor between two seats: it has none.
    pub const NOWHERE: Home = Home { word: 0, age: 0 };
}

/// What is known of an actor that was restarted, or is about to be.
#[derive(Clone, Debug)]
pub struct Restarts {
    /// When they were.
    pub window: Window,
    /// How many in a row.
    pub row: u32,
    /// Since when the instance has been well, in µs; `u64::MAX`: it has not started.
    pub well_since: u64,
    /// How long the next instance is waited for, in µs.
    pub delay: u64,
    /// Until when, in µs of the lane's clock.
    pub due: u64,
    /// Why there is another instance: see [`crate::entry::again`].
    pub cause: u32,
    /// Something that the instance had in hand was given up, and may yet be heard of.
    pub given_up: bool,
}

impl Default for Restarts {
    fn default() -> Self {
        Restarts {
            window: Window::new(CHILD_PLACES),
            row: 0,
            well_since: u64::MAX,
            delay: 0,
            due: 0,
            cause: 0,
            given_up: false,
        }
    }
}

/// What is known of the restarts of an actor's children.
#[derive(Debug)]
pub struct Supervisor {
    /// When they were, those of a group counted once.
    pub window: Window,
    /// The group that restarts now.
    pub group: Option<Group>,
}

impl Default for Supervisor {
    fn default() -> Self {
        Supervisor { window: Window::new(PLACES), group: None }
    }
}

/// Where a group is in its restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its members stop, last started first.
    Stopping,
    /// It waits for its backoff.
    Waiting,
    /// Its members start, first started first.
    Starting,
}

/// Siblings that restart together.
#[derive(Debug)]
pub struct Group {
    /// Index and age, in order of start.
    pub members: Vec<(u32, u32)>,
    /// While stopping how many are not asked to yet; while starting how many were.
    pub at: usize,
    /// Who is stopping, or starting, now.
    pub current: Option<(u32, u32)>,
    /// What it does.
    pub phase: Phase,
    /// How long it waits, in µs.
    pub delay: u64,
    /// See [`Restarts::cause`].
    pub cause: u32,
    /// Its place on the wheel, plus one; 0: none.
    pub key: u32,
}

/// Where an actor's health check is.
#[derive(Debug, Default)]
pub struct Health {
    /// Its place on the wheel, plus one; 0: none.
    pub key: u32,
    /// It was asked, and has not answered.
    pub asked: bool,
    /// Failed checks in a row.
    pub missed: u32,
}

/// Places in a supervisor's window: with fewer busy milliseconds in it the count is exact.
const PLACES: usize = 1 << 14;
/// The same for one child, whose count only informs.
const CHILD_PLACES: usize = 64;

/// How long the handler in hand and onStop may take when nothing else was said.
pub const SHUTDOWN_MS: u32 = 5_000;
/// How long onStart may take when nothing else was said.
pub const START_MS: u32 = 30_000;
/// No deadline.
pub const FOREVER: u32 = u32::MAX;
/// Killed at once.
pub const BRUTAL: u32 = u32::MAX - 1;

impl Default for Ext {
    fn default() -> Self {
        Ext {
            held: List::default(),
            high: List::default(),
            low: List::default(),
            over_normal: 0,
            over_low: 0,
            signals: List::default(),
            parked: List::default(),
            parked_count: 0,
            shutdown: SHUTDOWN_MS,
            start: START_MS,
            stop_by: 0,
            stop_left: FOREVER,
            drain: 0,
            error: 0,
            watchers: Vec::new(),
            watching: Vec::new(),
            timers: u32::MAX,
            streams: 0,
            links: Vec::new(),
            profile: 0,
            asking: None,
            is_final: false,
            restarts: None,
            supervisor: None,
            health: None,
            home: None,
            away: None,
            seed: 0,
            mortal: false,
            fenced: false,
            told: 0,
            is_telling: false,
            is_silent: false,
            kept_back: Vec::new(),
        }
    }
}

impl Ext {
    /// Whether a visit has anything to look at here.
    #[must_use]
    pub fn has_lists(&self) -> bool {
        !(self.held.is_empty() && self.high.is_empty() && self.low.is_empty() && self.signals.is_empty())
    }
}

/// The side records of a lane. Index 0 is nobody's.
#[derive(Debug)]
pub struct Exts {
    slots: Vec<Option<Box<Ext>>>,
    free: Vec<u32>,
}

impl Default for Exts {
    fn default() -> Self {
        Exts { slots: vec![None], free: Vec::new() }
    }
}

impl Exts {
    /// The record `at`.
    #[inline]
    pub fn get_mut(&mut self, at: u32) -> Option<&mut Ext> {
        self.slots.get_mut(at as usize)?.as_deref_mut()
    }

    /// The record `at`.
    #[inline]
    #[must_use]
    pub fn get(&self, at: u32) -> Option<&Ext> {
        self.slots.get(at as usize)?.as_deref()
    }

    /// The record `*at`, made when there is none.
    pub fn ensure(&mut self, at: &mut u32) -> &mut Ext {
        if *at == 0 {
            *at = self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1).unwrap_or(0)
            });
        }
        self.slots[*at as usize].get_or_insert_with(Box::default)
    }

    /// Frees the record `at`.
    pub fn drop(&mut self, at: u32) {
        if let Some(slot) = self.slots.get_mut(at as usize)
            && slot.take().is_some()
        {
            self.free.push(at);
        }
    }
}
