//! A lane bound to an isolate: the memory they share, how it begins and how it ends.

use std::cell::{Cell, OnceCell};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::slice::{from_raw_parts, from_raw_parts_mut};
use std::sync::Arc;

use buskin_core::clock::Clock;
use buskin_core::hub::{Hub, Pulse, Shared};
use buskin_core::lane::{Lane, Rings};
use napi::sys::{self, napi_callback_info as Info, napi_env as Env, napi_value as Value};

use crate::call::{self, guard};
use crate::hubs::{self, Opened};
use crate::isolate::Bell;
use crate::memory::{Letters, Memory};
use crate::settings::{defaults, micros, settings_of};
use crate::threads::Crew;

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
    /// Its core threads, at the same time.
    pub(crate) crew: OnceCell<Arc<Crew>>,
    pub(crate) memory: Cell<Memory>,
    pub(crate) letters: Cell<Letters>,
    env: Env,
    /// Until it is given back.
    pub(crate) bell: Cell<Option<Bell>>,
    /// A call panicked: the lane's state is not to be trusted.
    broken: Cell<bool>,
}

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
        let opened = hubs::find(id).filter(|opened| !opened.crew.has(place));
        let shared = opened.as_ref().and_then(|opened| opened.hub.lane(place)).cloned();
        let (Some(memory), Some(opened), Some(shared)) = (memory, opened, shared) else {
            call::throw(env, "attach(hub, place, wake, header, outbox, inbox, marks) was called with other arguments");
            return null_mut();
        };
        shared.with(Lane::take_over);
        // SAFETY: env and function are those of this call.
        unsafe { bind(env, args[2], memory, shared, Some(opened)) }
    })
}

/// Binds a lane to the isolate.
///
/// # Safety
/// `env` and `wake` belong to the call in progress.
unsafe fn bind(env: Env, wake: Value, memory: Memory, lane: Arc<Shared>, opened: Option<Opened>) -> Value {
    // SAFETY: the caller's promise.
    let bell = unsafe { Bell::new(env, wake) };
    if let Some(bell) = bell {
        lane.with(|lane| lane.hang(Box::new(bell)));
    }
    let (hub, crew) = opened.map_or_else(Default::default, |Opened { hub, crew }| (hub.into(), crew.into()));
    let bound = Box::new(Bound {
        lane,
        hub,
        crew,
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
        for (name, native) in crate::lane::FUNCTIONS.into_iter().chain(crate::system::FUNCTIONS) {
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
    pub(crate) unsafe fn with<R>(data: *mut c_void, body: impl FnOnce(&mut Lane, &mut Rings<'_>) -> R) -> Option<R> {
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
    pub(crate) fn show_pulse(&self) {
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
    pub(crate) fn end(&self) {
        if let Some(hub) = self.hub.get() {
            hub.unwatch();
        }
        if let Some(crew) = self.crew.get() {
            crew.abandon();
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
