//! A lane and the memory it shares with its isolate, as functions of one JavaScript object.

use std::cell::{Cell, OnceCell};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::slice::{from_raw_parts, from_raw_parts_mut};
use std::sync::Arc;

use buskin_core::clock::Clock;
use buskin_core::hub::{Hub, Pulse, Shared};
use buskin_core::lane::parcel::{Header, Parcel};
use buskin_core::lane::{Destination as _, Lane, Rings};
use buskin_core::mailbox::links::Batch;
use buskin_core::supervise::PROFILE;
use napi::sys::{self, napi_callback_info as Info, napi_env as Env, napi_value as Value};

use crate::call::{self, Native, guard};
use crate::hubs;
use crate::isolate::Bell;
use crate::memory::{Letters, Memory};
use crate::settings::{defaults, exact, micros, settings_of};

/// A lane bound to an isolate.
///
/// # Memory
/// The four arrays are allocated by JavaScript and held by references until this is dropped, so the pointers stay
/// good for as long as any function of the object lives. Rust touches them only inside a call from their own thread,
/// while no JavaScript runs; nothing else writes them then.
pub(crate) struct Bound {
    pub(crate) lane: Arc<Shared>,
    /// The lanes of the system, when there are several: then the lane is touched under its lock.
    pub(crate) hub: OnceCell<Arc<Hub>>,
    memory: Cell<Memory>,
    pub(crate) letters: Cell<Letters>,
    env: Env,
    /// Until it is given back.
    bell: Cell<Option<Bell>>,
    /// A call panicked: the lane's state is not to be trusted.
    broken: Cell<bool>,
}

/// What the functions of a lane are called.
const FUNCTIONS: [(&std::ffi::CStr, Native); 18] = [
    (c"rings", rings),
    (c"turn", turn),
    (c"submit", submit),
    (c"grant", grant),
    (c"stats", stats),
    (c"reserve", reserve),
    (c"find", find),
    (c"className", class_name),
    (c"profile", profile),
    (c"setTime", set_time),
    (c"nextDeadline", next_deadline),
    (c"actors", actors),
    (c"audit", audit),
    (c"log", log),
    (c"memory", memory),
    (c"children", children),
    (c"pushFromThread", push_from_thread),
    (c"close", close),
];

/// `lane(wake, header, outbox, inbox, marks, settings)`: settings are `[ask time-out in µs, capacity, policy,
/// manual clock, time in µs, keep a log, time for a shutdown after an escalation in ms (-1: none), seed of chance]`.
pub(crate) unsafe extern "C" fn make(env: Env, info: Info) -> Value {
    guard(env, || {
        // SAFETY: env and info are those of this call.
        let (_, args) = unsafe { call::arguments::<6>(env, info) };
        // SAFETY: as above.
        let settings = unsafe { settings_of(env, args[5]) };
        // SAFETY: as above.
        let memory = unsafe { Memory::hold(env, [args[1], args[2], args[3], args[4]]) };
        let (Some(memory), Some(settings)) = (memory, settings) else {
            call::throw(env, "lane(wake, header, outbox, inbox, marks, settings) was called with other arguments");
            return null_mut();
        };
        let clock = if settings[3] == 0.0 { Clock::real() } else { Clock::Manual(micros(settings[4])) };
        let mut lane = Lane::new(clock, defaults(&settings));
        if settings[5] != 0.0 {
            lane.keep_log();
        }
        // SAFETY: env and function are those of this call.
        unsafe { bind(env, args[0], memory, Arc::new(Shared::new(lane)), None) }
    })
}

/// `attach(hub, place, wake, header, outbox, inbox, marks)`: the lane of another isolate of the system.
pub(crate) unsafe extern "C" fn attach(env: Env, info: Info) -> Value {
    guard(env, || {
        // SAFETY: env and info are those of this call.
        let (_, args) = unsafe { call::arguments::<7>(env, info) };
        // SAFETY: as above.
        let memory = unsafe { Memory::hold(env, [args[3], args[4], args[5], args[6]]) };
        // SAFETY: as above.
        let (id, place) = unsafe { (call::word(env, args[0]), call::word(env, args[1])) };
        let hub = hubs::find(id);
        let shared = hub.as_ref().and_then(|hub| hub.lane(place)).cloned();
        let (Some(memory), Some(hub), Some(shared)) = (memory, hub, shared) else {
            call::throw(env, "attach(hub, place, wake, header, outbox, inbox, marks) was called with other arguments");
            return null_mut();
        };
        shared.with(Lane::take_over);
        // SAFETY: env and function are those of this call.
        unsafe { bind(env, args[2], memory, shared, Some(hub)) }
    })
}

/// Binds a lane to the isolate.
///
/// # Safety
/// `env` and `wake` belong to the call in progress.
unsafe fn bind(env: Env, wake: Value, memory: Memory, lane: Arc<Shared>, hub: Option<Arc<Hub>>) -> Value {
    // SAFETY: the caller's promise.
    let bell = unsafe { Bell::new(env, wake) };
    if let Some(bell) = bell {
        lane.with(|lane| lane.hang(Box::new(bell)));
    }
    let bound = Box::new(Bound {
        lane,
        hub: hub.map_or_else(OnceCell::new, OnceCell::from),
        memory: Cell::new(memory),
        letters: Cell::new(Letters::NONE),
        env,
        bell: Cell::new(bell),
        broken: Cell::new(false),
    });
    bound.show_pulse();
    weigh(env, WEIGHT);
    expose(env, Box::into_raw(bound))
}

/// The object with the functions. Each holds the owner, whose finalizer drops what they all point to.
fn expose(env: Env, bound: *mut Bound) -> Value {
    let (mut object, mut owner) = (null_mut(), null_mut());
    // SAFETY: env is that of the call in progress; `bound` is fresh from a box and given to one finalizer, and to a
    // hook that this finalizer takes back.
    unsafe {
        sys::napi_create_object(env, &mut object);
        sys::napi_create_external(env, bound.cast(), Some(dropped), null_mut(), &mut owner);
        sys::napi_add_env_cleanup_hook(env, Some(isolate_ends), bound.cast());
        for (name, native) in FUNCTIONS.into_iter().chain(crate::system::FUNCTIONS) {
            let function = call::define(env, object, name, native, bound.cast());
            sys::napi_set_named_property(env, function, c"owner".as_ptr(), owner);
        }
    }
    object
}

/// The isolate ends: from here on nobody rings.
unsafe extern "C" fn isolate_ends(data: *mut c_void) {
    // SAFETY: the hook is taken back before `Bound` is dropped, so it is alive; this is its thread.
    let bound = unsafe { &*data.cast::<Bound>() };
    bound.bell.set(None); // Node frees it with the isolate
    bound.hide_pulse();
    quietly(|| {
        if bound.is_core() {
            // SAFETY: the isolate runs nothing any more, and its memory is still there.
            bound.lane.with(|lane| lane.lose(Some(&mut unsafe { bound.rings() })));
        } else {
            bound.end();
        }
    });
}

/// Where no error can be thrown any more, a panic ends here.
fn quietly(body: impl FnOnce()) {
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)));
}

/// No function of the lane can be called any more.
unsafe extern "C" fn dropped(env: Env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: this finalizer runs once, on the isolate's thread, after the last function was collected.
    unsafe {
        let bound = Box::from_raw(data.cast::<Bound>());
        sys::napi_remove_env_cleanup_hook(env, Some(isolate_ends), data);
        bound.hide_pulse();
        bound.memory.get().release(env);
        bound.letters.get().release(env);
        quietly(|| {
            if bound.is_core() {
                bound.lane.with(|lane| lane.lose(None));
            } else {
                bound.end();
            }
        });
        if let Some(bell) = bound.bell.take() {
            bell.release();
        }
    }
    weigh(env, -WEIGHT);
}

/// What a lane is worth to the collector: three times what a small system holds in and outside JavaScript's heap, so
/// that a few hundred that ended are enough for a collection.
const WEIGHT: i64 = 256 << 10;

/// Tells the collector of memory that it does not see, so that systems that ended are collected in time.
fn weigh(env: Env, bytes: i64) {
    let mut total = 0;
    // SAFETY: env is that of the call, or of the finalizer, in progress.
    unsafe { sys::napi_adjust_external_memory(env, bytes, &mut total) };
}

impl Bound {
    /// Runs `body` with the lane and the rings.
    ///
    /// # Safety
    /// `data` is what [`expose`] gave the function that is being called, on the isolate's thread, and no other call
    /// of this lane is in progress (the core never calls JavaScript).
    #[inline(always)]
    unsafe fn with<R>(data: *mut c_void, body: impl FnOnce(&mut Lane, &mut Rings<'_>) -> R) -> Option<R> {
        // SAFETY: the caller's promise.
        let bound = unsafe { &*data.cast::<Bound>() };
        if bound.broken.replace(true) {
            call::throw(bound.env, "the core is broken: an earlier call panicked; make a new system");
            return None;
        }
        // SAFETY: the caller's promise.
        let mut rings = unsafe { bound.rings() };
        let held = bound.hub.get().map(|_| bound.lane.hold());
        // SAFETY: the lock is held, or there is no hub, so that no other thread knows of the lane; no other call is in
        // progress.
        let result = body(unsafe { bound.lane.alone() }, &mut rings);
        drop(held);
        bound.broken.set(false);
        Some(result)
    }

    /// What the isolate and the lane share.
    ///
    /// # Safety
    /// On the isolate's thread, while no JavaScript runs, for the length of a call.
    unsafe fn rings(&self) -> Rings<'static> {
        let [header, outbox, inbox, marks] = self.memory.get().rings;
        let [bag, places, satchel] = self.letters.get().arrays;
        // SAFETY: see the type: the memory is alive, of this length, aligned, and nobody else touches it now. An
        // entry is six words without padding, any bits are valid.
        unsafe {
            Rings {
                header: from_raw_parts_mut(header.0.cast(), header.1),
                outbox: from_raw_parts_mut(outbox.0.cast(), outbox.1 / 6),
                inbox: from_raw_parts_mut(inbox.0.cast(), inbox.1 / 6),
                marks: from_raw_parts_mut(marks.0.cast(), marks.1),
                bag: from_raw_parts_mut(bag.0.cast(), bag.1),
                places: from_raw_parts_mut(places.0.cast(), places.1),
                satchel: from_raw_parts(satchel.0.cast(), satchel.1),
            }
        }
    }

    /// Tells where the isolate says what it runs.
    fn show_pulse(&self) {
        let [header, _, inbox, _] = self.memory.get().rings;
        let pulse = Pulse { header: header.0.cast(), inbox: inbox.0.cast(), length: inbox.1 / 6 };
        // SAFETY: the arrays are held until others take their place, or the isolate ends: both tell so before.
        unsafe { self.lane.set_pulse(Some(pulse)) };
    }

    /// Nobody looks there any more.
    fn hide_pulse(&self) {
        // SAFETY: there is no memory.
        unsafe { self.lane.set_pulse(None) };
    }

    /// The isolate that made the system is gone.
    fn end(&self) {
        if let Some(hub) = self.hub.get() {
            hub.unwatch();
        }
        self.lane.with(Lane::close);
    }

    /// Whether it is the lane of a worker isolate.
    pub(crate) fn is_core(&self) -> bool {
        self.hub.get().and_then(|hub| hub.lane(0)).is_some_and(|first| !Arc::ptr_eq(first, &self.lane))
    }

    /// The lane of that number, of another isolate too; without one the own.
    pub(crate) fn lane_at<R>(&self, lane: u32, look: impl FnOnce(&mut Lane) -> R) -> Option<R> {
        self.hub.get()?.lane(lane).map(|shared| shared.with(look))
    }
}

/// A function without arguments and result.
macro_rules! plain {
    ($(#[$doc:meta])* $name:ident, $body:expr) => {
        $(#[$doc])*
        unsafe extern "C" fn $name(env: Env, info: Info) -> Value {
            guard(env, || {
                // SAFETY: env and info are those of this call, the data that of `expose`.
                unsafe {
                    let (data, []) = call::arguments::<0>(env, info);
                    Bound::with(data, $body);
                }
                null_mut()
            })
        }
    };
}

/// A function with arguments: `env`, the lane, the rings and the arguments go in, a value comes out.
macro_rules! asking {
    ($(#[$doc:meta])* $name:ident, $count:literal, |$env:ident, $lane:ident, $rings:ident, $args:ident| $body:expr) => {
        $(#[$doc])*
        unsafe extern "C" fn $name($env: Env, info: Info) -> Value {
            guard($env, || {
                // SAFETY: env, info and their arguments are those of this call, the data that of `expose`.
                unsafe {
                    let (data, $args) = call::arguments::<$count>($env, info);
                    Bound::with(data, |$lane, $rings| { let _ = (&$rings, &$args); $body }).unwrap_or(null_mut())
                }
            })
        }
    };
}

plain! {
    /// `turn()`: hands the outbox over, takes a full inbox.
    turn, Lane::turn
}

plain! {
    /// `submit()`: hands the outbox over in mid-way of an inbox.
    submit, Lane::submit
}

asking! {
    /// `grant(Int32Array)`: fills it with indices and ages; how many pairs there are.
    grant, 1, |env, lane, rings, args| {
        let (data, length) = call::elements(env, args[0]);
        let pairs = if data.is_null() { &mut [] } else { from_raw_parts_mut(data.cast::<u32>(), length) };
        let mut count = 0.0;
        for pair in pairs.chunks_exact_mut(2) {
            let Ok((index, age)) = lane.grant() else { break };
            (pair[0], pair[1]) = (index, age);
            count += 1.0;
        }
        call::double(env, count)
    }
}

asking! {
    /// `stats(Float64Array)`: sent, handled, failed, waiting, running, actors, restarts, then dead letters by reason.
    stats, 1, |env, lane, rings, args| {
        let (data, length) = call::elements(env, args[0]);
        let values = crate::system::numbers(&lane.ledger);
        if !data.is_null() && length >= values.len() {
            for (to, from) in from_raw_parts_mut(data.cast::<f64>(), length).iter_mut().zip(values) {
                *to = exact(from);
            }
        }
        null_mut()
    }
}

asking! {
    /// `reserve(parent, name, index)`: whether the name was free, and is now this actor's.
    reserve, 3, |env, lane, rings, args| {
        let (parent, index) = (call::word(env, args[0]), call::word(env, args[2]));
        call::boolean(env, lane.reserve(parent, &call::text(env, args[1]), index).is_ok())
    }
}

asking! {
    /// `find(parent, name, Int32Array(2))`: whether there is such a child; its index and age.
    find, 3, |env, lane, rings, args| {
        let found = lane.find(call::word(env, args[0]), &call::text(env, args[1]));
        let (data, length) = call::elements(env, args[2]);
        if let (Some((index, age)), true) = (found, !data.is_null() && length >= 2) {
            from_raw_parts_mut(data.cast::<u32>(), 2).copy_from_slice(&[index, age]);
        }
        call::boolean(env, found.is_some())
    }
}

asking! {
    /// `className(id, name)`.
    class_name, 2, |env, lane, rings, args| {
        lane.class(call::word(env, args[0]), &call::text(env, args[1]));
        null_mut()
    }
}

asking! {
    /// `profile(Float64Array, root)`: keeps a profile, see [`buskin_core::supervise::Profile::read`]; its number. By `root` the root supervises by
    /// it.
    profile, 2, |env, lane, rings, args| {
        let (data, length) = call::elements(env, args[0]);
        if data.is_null() || length < PROFILE {
            call::throw(env, "profile(numbers, root) was called with other arguments");
            return null_mut();
        }
        let id = lane.profile(&*data.cast());
        if call::word(env, args[1]) != 0 {
            lane.supervise_root(id);
        }
        call::double(env, f64::from(id))
    }
}

asking! {
    /// `setTime(µs)`: moves the manual clock.
    set_time, 1, |env, lane, rings, args| {
        lane.set_time(micros(call::number(env, args[0])));
        null_mut()
    }
}

asking! {
    /// `nextDeadline()`: in ms; -1 when nothing is due.
    next_deadline, 0, |env, lane, rings, args| {
        call::double(env, lane.next_deadline().map_or(-1.0, exact))
    }
}

asking! {
    /// `actors()`: eight numbers an actor, see [`buskin_core::lane::Info`].
    actors, 0, |env, lane, rings, args| {
        let rows: Vec<f64> = lane
            .actors()
            .iter()
            .flat_map(|i| {
                let words = [i.index, i.age, i.depth, i.state, i.generation, i.waiting].map(f64::from);
                words.into_iter().chain([exact(i.handled), f64::from(i.failed)])
            })
            .collect();
        call::doubles(env, &rows)
    }
}

asking! {
    /// `audit()`: what the walk over all mailboxes finds wrong; an empty string when nothing is.
    audit, 0, |env, lane, rings, args| {
        call::string(env, &lane.audit(rings.inbox, rings.marks).err().unwrap_or_default())
    }
}

asking! {
    /// `log()`: the record as text, when one is kept.
    log, 0, |env, lane, rings, args| {
        call::string(env, &lane.log().map(buskin_core::replay::Log::to_text).unwrap_or_default())
    }
}

asking! {
    /// `memory()`: bytes of cells, envelopes and calls.
    memory, 0, |env, lane, rings, args| {
        let m = lane.memory();
        call::doubles(env, &[m.cells, m.envelopes, m.calls].map(|bytes| exact(bytes as u64)))
    }
}

asking! {
    /// `children(index)`: their indices, in order of start.
    children, 1, |env, lane, rings, args| {
        let found: Vec<f64> = lane.children(call::word(env, args[0])).into_iter().map(f64::from).collect();
        call::doubles(env, &found)
    }
}

/// `rings(header, outbox, inbox, marks)`: other memory from now on, into which the old was copied.
unsafe extern "C" fn rings(env: Env, info: Info) -> Value {
    guard(env, || {
        // SAFETY: env, info and their arguments are those of this call, the data that of `expose`; no slice of the
        // old memory outlives the call that made it.
        unsafe {
            let (data, arrays) = call::arguments::<4>(env, info);
            let bound = &*data.cast::<Bound>();
            match Memory::hold(env, arrays) {
                Some(memory) => {
                    let old = bound.memory.replace(memory);
                    bound.show_pulse();
                    old.release(env);
                }
                None => call::throw(env, "rings(header, outbox, inbox, marks) was called with other arguments"),
            }
        }
        null_mut()
    })
}

asking! {
    /// `pushFromThread(index, age, head, count)`: messages with the numbers from 0 on, from a thread of its own. For
    /// tests of the doorbell: nothing else pushes before there are more isolates.
    push_from_thread, 4, |env, lane, rings, args| {
        let [index, generation, w0, count] = args.map(|arg| call::word(env, arg));
        let remote = lane.remote();
        std::thread::spawn(move || {
            for payload in 0..count {
                let header = Header { w0, index, generation, payload, ..Header::default() };
                let mut batch = Batch::new();
                batch.push(Parcel::new(header));
                drop(remote.deliver(batch)); // closed: the isolate is gone
            }
        });
        null_mut()
    }
}

/// `close()`: the system has ended; nobody rings any more.
unsafe extern "C" fn close(env: Env, info: Info) -> Value {
    guard(env, || {
        // SAFETY: env and info are those of this call, the data that of `expose`.
        unsafe {
            let (data, []) = call::arguments::<0>(env, info);
            Bound::with(data, |lane, _| lane.rest());
            let bound = &*data.cast::<Bound>();
            if let Some(hub) = bound.hub.get().filter(|_| !bound.is_core()) {
                crate::hubs::close(hub);
            }
            if let Some(bell) = bound.bell.take() {
                bell.release();
            }
        }
        null_mut()
    })
}
