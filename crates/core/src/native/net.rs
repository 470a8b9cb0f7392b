//! What the threads of a system share, and what other threads reach it by.

use super::blocking::Pool;
use super::error::{AskError, Cause, Lost, Reason, SpawnError};
use super::isolate::{self, Isolate};
use super::numbers::Whose;
use super::options::{Decide, Directive, Failure, Options};
use super::quiet::Quiet;
use super::refs::AnyRef;
use super::reply::ReplyTo;
use super::run::{Came, Hand, guard};
use super::seat::{self, Head, Seats, Shape};
use super::tables::{Arrivals, Tables};
use super::vault::{Block, Kind};
use crate::entry::{Entry, TAG_SHIFT, carry, mode, op, reason, spawn};
use crate::hub::{Hub, Shared};
use crate::lane::Lane;
use crate::lane::far::Address;
use crate::lane::parcel::{Header, Parcel};
use crate::mailbox::links::Batch;
use crate::sync::{Arc, Mutex, lock};
use std::collections::{HashMap, VecDeque};
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{PoisonError, RwLock, Weak};

/// Actors without a parent that ordinary code spawns one after the other share a thread up to this many: those who are made together
/// talk to each other, and a hop to another thread costs ten times one within it. One that an actor spawns lives beside that.
const TOGETHER: u32 = 128;

/// Causes of ends that a lane remembers.
const ENDS: usize = 1024;

/// A message that nobody handled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Whom it was for.
    pub target: AnyRef,
    /// Its type.
    pub message: &'static str,
    /// Why.
    pub why: Lost,
}

type OnDead = Box<dyn Fn(&DeadLetter) + Send + Sync>;
type OnFailure = Box<dyn Fn(&Failure, Option<Directive>) + Send + Sync>;

/// Who listens.
#[derive(Default)]
pub(crate) struct Listeners {
    pub(crate) dead: Option<OnDead>,
    pub(crate) failure: Option<OnFailure>,
    pub(crate) decide: Option<Decide>,
}

/// A lane of native actors.
pub(crate) struct Place {
    pub(crate) shared: Arc<Shared>,
    pub(crate) seats: Arc<Seats>,
    /// Messages that its isolate is to send for other threads, and that are not handed over yet.
    pub(crate) errands: AtomicU32,
    /// Why actors ended that failed or were killed, the latest ones: index, age, reason. Whoever asks later, or elsewhere, is told.
    ends: Mutex<VecDeque<(u32, u32, Reason)>>,
    known: Mutex<Known>,
    /// What its actors wait for that other threads run.
    pub(crate) guests: Mutex<Tables>,
    arrivals: Mutex<Arrivals>,
    arrived: AtomicBool,
}

/// What the lane knows by number.
#[derive(Default)]
struct Known {
    classes: HashMap<usize, u32>,
    profiles: HashMap<[u64; crate::supervise::PROFILE], u32>,
}

impl Place {
    pub(crate) fn new(shared: Arc<Shared>) -> Place {
        let plain = Options::new().profile();
        let id = shared.with(|lane| lane.profile(&plain));
        let known = Known { classes: HashMap::new(), profiles: HashMap::from([(plain.map(f64::to_bits), id)]) };
        Place {
            shared,
            seats: Arc::new(Seats::new()),
            errands: AtomicU32::new(0),
            ends: Mutex::default(),
            known: Mutex::new(known),
            guests: Mutex::new(Tables::new(Whose::Guests)),
            arrivals: Mutex::default(),
            arrived: AtomicBool::new(false),
        }
    }

    /// The number of a type of actors.
    pub(crate) fn class(&self, shape: &'static Shape) -> u32 {
        let mut known = lock(&self.known);
        let next = u32::try_from(known.classes.len() + 1).unwrap_or(0).min(0xffff);
        *known.classes.entry(ptr::from_ref(shape).addr()).or_insert_with(|| {
            self.shared.with(|lane| lane.class(next, short((shape.name)())));
            next
        })
    }

    /// A guest leaves something for the isolate, which looks at its next turn.
    pub(crate) fn arrive(&self, leave: impl FnOnce(&mut Arrivals)) {
        leave(&mut lock(&self.arrivals));
        self.arrived.store(true, Release);
    }

    #[inline(always)]
    pub(crate) fn has_arrivals(&self) -> bool {
        self.arrived.load(Acquire)
    }

    pub(crate) fn take_arrivals(&self) -> Arrivals {
        let mut arrivals = lock(&self.arrivals);
        self.arrived.store(false, Release);
        std::mem::take(&mut *arrivals)
    }

    /// An actor fails for good, or was killed.
    pub(crate) fn keep_end(&self, index: u32, age: u32, why: Reason) {
        let mut ends = lock(&self.ends);
        if ends.len() == ENDS {
            ends.pop_front();
        }
        ends.push_back((index, age, why));
    }

    /// How an actor failed or was killed, if that is not too long ago.
    pub(crate) fn known_end(&self, index: u32, age: u32) -> Option<Reason> {
        let ends = lock(&self.ends);
        ends.iter().rev().find(|end| (end.0, end.1) == (index, age)).map(|end| end.2.clone())
    }

    /// Why an actor ended, by the number of its reason.
    pub(crate) fn end_of(&self, index: u32, age: u32, number: u32) -> Reason {
        match number {
            reason::NORMAL => Reason::Normal,
            reason::SHUTDOWN => Reason::Shutdown,
            reason::KILLED => Reason::Killed,
            reason::FAILED => match self.known_end(index, age) {
                Some(why @ Reason::Failed(_)) => why,
                _ => Reason::Failed(Cause::core("failed")),
            },
            reason::LOST => Reason::Lost,
            _ => self.known_end(index, age).unwrap_or(Reason::Unknown),
        }
    }

    fn profile(&self, options: &Options) -> u32 {
        let numbers = options.profile();
        *lock(&self.known)
            .profiles
            .entry(numbers.map(f64::to_bits))
            .or_insert_with(|| self.shared.with(|lane| lane.profile(&numbers)))
    }
}

/// A type's name without its path.
fn short(name: &'static str) -> &'static str {
    let plain = name.split('<').next().unwrap_or(name);
    plain.rsplit("::").next().unwrap_or(plain)
}

/// A system, as its threads and refs see it.
pub(crate) struct Net {
    pub(crate) id: u32,
    pub(crate) hub: Arc<Hub>,
    /// The first lane of native actors, and all of them.
    first: u32,
    places: Box<[Place]>,
    /// How many actors without a parent there were.
    roots: AtomicU32,
    /// [`mode`] bits of what is listened to.
    listens: AtomicU32,
    listeners: RwLock<Listeners>,
    /// Held while a name is given to an actor without a parent.
    names: Mutex<()>,
    pub(crate) quiet: Quiet,
    /// How many actors were killed.
    pub(crate) killed: AtomicU64,
    /// Who does work that blocks.
    pub(crate) blocking: std::sync::Arc<Pool>,
}

/// Systems of this process by number.
static SYSTEMS: RwLock<Vec<(u32, Weak<Net>)>> = RwLock::new(Vec::new());
static NEXT: AtomicU32 = AtomicU32::new(1);

impl Net {
    /// A system whose native lanes are those of the hub from `first` on.
    pub(crate) fn new(hub: Arc<Hub>, first: u32, lanes: Vec<Arc<Shared>>, manual: bool, blocking: usize) -> Arc<Net> {
        let net = Arc::new(Net {
            id: NEXT.fetch_add(1, Relaxed),
            hub,
            first,
            places: lanes.into_iter().map(Place::new).collect(),
            roots: AtomicU32::new(0),
            listens: AtomicU32::new(0),
            listeners: RwLock::default(),
            names: Mutex::default(),
            quiet: Quiet::new(manual),
            killed: AtomicU64::new(0),
            blocking: Pool::new(blocking),
        });
        let mut systems = SYSTEMS.write().unwrap_or_else(PoisonError::into_inner);
        systems.retain(|(_, net)| net.strong_count() > 0);
        systems.push((net.id, Arc::downgrade(&net)));
        net
    }

    /// The system of a number.
    pub(crate) fn of(system: u32) -> Option<Arc<Net>> {
        let systems = SYSTEMS.read().unwrap_or_else(PoisonError::into_inner);
        systems.iter().find(|(id, _)| *id == system)?.1.upgrade()
    }

    /// The first lane of native actors.
    pub(crate) fn first(&self) -> u32 {
        self.first
    }

    pub(crate) fn place(&self, lane: u32) -> &Place {
        &self.places[(lane - self.first) as usize]
    }

    fn get(&self, lane: u32) -> Option<&Place> {
        self.places.get(lane.checked_sub(self.first)? as usize)
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = (u32, &Place)> {
        (self.first..).zip(&self.places)
    }

    /// How an actor failed or was killed, if it has and that is not too long ago.
    pub(crate) fn known_end(&self, who: AnyRef) -> Option<Reason> {
        let at = Address::of(who.word)?;
        self.get(at.lane)?.known_end(at.index, who.age)
    }

    pub(crate) fn wake(&self, lane: u32) {
        self.hub.posts().nudge(lane);
    }

    /// What is listened to.
    #[inline(always)]
    pub(crate) fn listens(&self) -> u32 {
        self.listens.load(Relaxed)
    }

    pub(crate) fn listen(&self, change: impl FnOnce(&mut Listeners)) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut listeners);
        self.listens.store(if listeners.dead.is_some() { mode::DEAD } else { 0 }, Relaxed);
    }

    pub(crate) fn dead_letter(&self, letter: &DeadLetter) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(dead) = &listeners.dead {
            let _ = guard(|| dead(letter));
        }
    }

    pub(crate) fn failed(&self, failure: &Failure, directive: Option<Directive>) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(on) = &listeners.failure {
            let _ = guard(|| on(failure, directive));
        }
    }

    /// How actors without a parent are supervised.
    pub(crate) fn supervise(&self, options: &Options) {
        for place in &self.places {
            let profile = place.profile(options);
            place.shared.with(|lane| lane.supervise_root(profile));
        }
        self.listen(|listeners| listeners.decide.clone_from(&options.decide));
    }

    /// All lanes are to end, within this many ms.
    pub(crate) fn end_lanes(&self, limit: u32) {
        for (lane, _) in self.places() {
            let shutdown = move |here: *mut Isolate| {
                // SAFETY: errands are run by the isolate's thread, while no reference to it lives.
                let here = unsafe { &mut *here };
                here.mode |= mode::ORDERED;
                here.put(Entry { head: op::SHUTDOWN, corr: limit, ..Entry::default() });
            };
            self.errand_to(lane, shutdown);
        }
    }

    pub(crate) fn root_decides(&self) -> Option<Decide> {
        self.listeners.read().unwrap_or_else(PoisonError::into_inner).decide.clone()
    }

    /// Runs something on the thread of an actor's lane, in order with what else this thread sends there. `lost`: there is no
    /// such thread any more.
    pub(crate) fn errand(to: AnyRef, run: impl FnOnce(*mut Isolate) + Send + 'static, lost: impl FnOnce(AskError)) {
        let Some(at) = Address::of(to.word) else { return lost(Lost::NoSuchActor.into()) };
        match Net::of(to.system) {
            Some(net) => {
                if !net.errand_to(at.lane, run) {
                    lost(AskError::Ended);
                }
            }
            None => lost(AskError::Ended),
        }
    }

    /// The same, to a lane. Whether it will run.
    pub(crate) fn errand_to<F: FnOnce(*mut Isolate) + Send + 'static>(&self, lane: u32, run: F) -> bool {
        let Some(post) = self.hub.posts().get(lane).filter(|_| self.get(lane).is_some()) else { return false };
        let block = Block::new(Errand::<F>::KIND, run);
        let w0 = op::CARRY | carry::ERRAND << TAG_SHIFT;
        let header = Header { w0, payload: block.word(), source_lane: lane, ..Header::default() };
        let mut batch = Batch::new();
        batch.push(Parcel::new(header));
        let delivered = post.deliver(batch).is_ok();
        if !delivered {
            block.lose(AskError::Ended);
        }
        delivered
    }

    /// An actor without a parent, from any thread.
    pub(crate) fn spawn(&self, seat: *mut Head, options: &Options) -> Result<AnyRef, SpawnError> {
        let here = isolate::here(self.id);
        // SAFETY: this thread's isolate; handlers run while no reference to it lives.
        let here = unsafe { here.as_mut() };
        let own = here.as_ref().map(|here| (here.place - self.first) as usize);
        let count = self.places.len().max(1);
        let at = match (options.on, own) {
            (Some(on), _) => on % count,
            (None, Some(own)) => own,
            (None, None) => (self.roots.fetch_add(1, Relaxed) / TOGETHER) as usize % count,
        };
        if let Some(here) = here
            && own == Some(at)
            && options.name.is_none()
        {
            return spawn_here(here, crate::lane::ROOT, seat, Some(options));
        }
        let spawned = self.spawn_at(at, seat, options);
        if spawned.is_err() {
            // SAFETY: it was not put anywhere.
            unsafe { ((*seat).shape.free)(seat.cast()) };
        }
        spawned
    }

    fn spawn_at(&self, at: usize, seat: *mut Head, options: &Options) -> Result<AnyRef, SpawnError> {
        options.check()?;
        let Some(place) = self.places.get(at) else { return Err(SpawnError::Ended) };
        let lane_number = self.first + u32::try_from(at).unwrap_or(0);
        // SAFETY: the seat is ours until it is put into the table.
        let class = place.class(unsafe { (*seat).shape });
        // SAFETY: as above.
        let (entry, extra) = unsafe { entries(place, seat, options, class, crate::lane::ROOT) };
        let _names = options.name.as_ref().map(|_| lock(&self.names));
        if let Some(name) = &options.name
            && self.find(name).is_some()
        {
            return Err(SpawnError::NameTaken(name.to_string()));
        }
        let (index, age) = place.shared.with(|lane| {
            if lane.is_closed() {
                return Err(SpawnError::Ended);
            }
            let (index, age) = lane.grant().map_err(|_| SpawnError::Full)?;
            if let Some(name) = &options.name
                && lane.reserve(crate::lane::ROOT, name, index).is_err()
            {
                lane.give_back(index);
                return Err(SpawnError::NameTaken(name.to_string()));
            }
            // SAFETY: as above; other threads see it once it is in the table.
            unsafe { (*seat).age = age };
            place.seats.put(index, seat);
            lane.spawn_from_outside(&Entry { index, age, ..entry }, &extra);
            Ok((index, age))
        })?;
        self.wake(lane_number);
        Ok(AnyRef { system: self.id, word: Address { lane: lane_number, index }.word(), age })
    }

    /// Who has this name under the root.
    pub(crate) fn find(&self, name: &str) -> Option<AnyRef> {
        self.places().find_map(|(lane, place)| {
            let (index, age) = place.shared.with(|l| l.find(crate::lane::ROOT, name))?;
            Some(AnyRef { system: self.id, word: Address { lane, index }.word(), age })
        })
    }

    /// The type of the actor that has an address.
    pub(crate) fn type_of(&self, who: AnyRef) -> Option<std::any::TypeId> {
        let at = Address::of(who.word)?;
        let place = self.get(at.lane)?;
        // under the lock the actor cannot end, so its seat stays
        place.shared.with(|lane| {
            let seat = place.seats.get(at.index);
            // SAFETY: a seat in the table is whole.
            (lane.is_alive(at.index, who.age) && !seat.is_null()).then(|| unsafe { ((*seat).shape.id)() })
        })
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.blocking.close(false); // for a system that ended on a thread of its own, which waits for nothing
    }
}

/// The entries of a spawn, and what the seat has to know of its options.
///
/// # Safety
/// The seat is the caller's.
unsafe fn entries(place: &Place, seat: *mut Head, options: &Options, class: u32, parent: u32) -> (Entry, Entry) {
    if let Some(decide) = &options.decide {
        // SAFETY: the caller's promise.
        unsafe { seat::ends(seat) }.decide = Some(Arc::clone(decide));
    }
    let named = if options.name.is_some() { spawn::NAMED } else { 0 };
    // SAFETY: as above.
    let once = if unsafe { (*seat).shape.once } { spawn::ONCE } else { 0 };
    let head = op::SPAWN | class << TAG_SHIFT;
    let entry = Entry { head, payload: spawn::STOP_HOOK | named | once, from: parent, ..Entry::default() };
    let defaults = place.shared.with(|lane| lane.defaults());
    let extra = Entry {
        head: op::EXT,
        index: options.capacity.unwrap_or(defaults.capacity),
        age: options.policy(),
        payload: options.shutdown_ms(),
        from: options.start_ms(),
        corr: if options.has_no_profile() { 0 } else { place.profile(options) },
    };
    (entry, extra)
}

/// A child of an actor of this isolate.
pub(crate) fn spawn_here(
    here: &mut Isolate,
    parent: u32,
    seat: *mut Head,
    options: Option<&Options>,
) -> Result<AnyRef, SpawnError> {
    let spawned = try_spawn(here, parent, seat, options);
    if spawned.is_err() {
        // SAFETY: it was not put anywhere.
        unsafe { ((*seat).shape.free)(seat.cast()) };
    }
    spawned
}

fn try_spawn(
    here: &mut Isolate,
    parent: u32,
    seat: *mut Head,
    options: Option<&Options>,
) -> Result<AnyRef, SpawnError> {
    let options = options.filter(|options| !options.is_plain() || options.name.is_some());
    if let Some(options) = options {
        options.check()?;
    }
    let (index, age) = here.grant().ok_or(SpawnError::Full)?;
    if let Some(name) = options.and_then(|options| options.name.as_ref())
        && here.with_lane(|lane| lane.reserve(parent, name, index)).is_err()
    {
        here.give_grant_back((index, age));
        return Err(SpawnError::NameTaken(name.to_string()));
    }
    // SAFETY: the seat is ours until it is put into the table.
    let shape = unsafe { (*seat).shape };
    let class = here.class(shape);
    // SAFETY: as above.
    unsafe { (*seat).age = age };
    match options {
        None => {
            here.seats().put(index, seat);
            let head = op::SPAWN | class << TAG_SHIFT;
            let payload = spawn::STOP_HOOK | if shape.once { spawn::ONCE } else { 0 };
            here.put(Entry { head, index, age, payload, from: parent, corr: 0 });
        }
        Some(options) => {
            let net = Arc::clone(&here.net);
            // SAFETY: as above.
            let (entry, extra) = unsafe { entries(net.place(here.place), seat, options, class, parent) };
            here.seats().put(index, seat);
            here.put_with(Entry { index, age, ..entry }, extra);
        }
    }
    Ok(here.any(index, age))
}

// ------------------------------------------------------------------------------------------------- errands

struct Errand<F>(PhantomData<F>);

impl<F: FnOnce(*mut Isolate) + Send + 'static> Errand<F> {
    const KIND: &'static Kind = &Kind { run: Self::run, lose: Self::lose, name: std::any::type_name::<F> };

    unsafe fn run(block: Block, hand: &Hand) -> Came {
        // SAFETY: an errand of this type.
        let run = unsafe { block.take::<F>() };
        run(hand.here);
        Came::Returned
    }

    unsafe fn lose(block: Block, _: AskError) {
        // SAFETY: an errand of this type.
        unsafe { block.discard::<F>() };
    }
}

/// No entry.
pub(crate) static NOTHING: Entry = Entry { head: 0, index: 0, age: 0, payload: 0, from: 0, corr: 0 };

/// Runs an errand that has come.
///
/// # Safety
/// The thread's own isolate, to which no reference lives, and the block of an errand.
pub(crate) unsafe fn errand(here: *mut Isolate, block: Block) {
    let hand = Hand { here, seat: ptr::null_mut(), entry: &raw const NOTHING };
    // SAFETY: the caller's promise.
    unsafe {
        (*here).current = 0;
        (block.kind().run)(block, &hand);
    }
}

/// Tells when an actor of this isolate has ended.
pub(crate) fn when_stopped(here: &mut Isolate, index: u32, age: u32, to: ReplyTo<Reason>) {
    let seat = here.seats().get(index);
    if seat.is_null() || here.age(index) != age {
        let (why, _) = here.with_lane(|lane| lane.end_known(index, age));
        return to.settle(Ok(here.net.place(here.place).end_of(index, age, why)));
    }
    // SAFETY: a seat of this lane, which is this thread's.
    unsafe { seat::ends(seat) }.stopped.push(to);
}

/// Tells when an actor of this isolate has started.
pub(crate) fn when_started(here: &mut Isolate, index: u32, age: u32, to: ReplyTo<()>) {
    let seat = here.seats().get(index);
    if seat.is_null() || here.age(index) != age {
        return to.settle(Err(Lost::Stopped.into()));
    }
    if here.with_lane(|lane| lane.has_started(index, age)) {
        return to.settle(Ok(()));
    }
    // SAFETY: as above.
    unsafe { seat::ends(seat) }.started.push(to);
}

/// Looks into the lane of an actor.
pub(crate) fn look<T>(who: AnyRef, look: impl FnOnce(&Lane, u32) -> T) -> Option<T> {
    let net = Net::of(who.system)?;
    let at = Address::of(who.word)?;
    Some(net.get(at.lane)?.shared.with(|lane| look(lane, at.index)))
}
