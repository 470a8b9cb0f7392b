//! The functions of a lane that concern other isolates of its system.

use std::ptr::null_mut;
use std::slice::{from_raw_parts, from_raw_parts_mut};
use std::sync::Arc;

use buskin_core::count::Ledger;
use buskin_core::entry::dead;
use buskin_core::hub::{Hub, Shared};
use buskin_core::lane::Lane;
use buskin_core::lane::letters::WORDS;
use buskin_core::limits::MAX_LANES;
use napi::sys::{self, napi_callback_info as Info, napi_env as Env, napi_value as Value};

use crate::bound::Bound;
use crate::call::{self, Native, guard};
use crate::hubs::{self, Opened};
use crate::memory::Letters;
use crate::settings::{defaults, exact, settings_of};
use crate::threads::Crew;

/// Bytes of a core thread's stack at least: the deepest value that may be in a message takes half of it to be read.
const LEAST_STACK: usize = 2 << 20;

/// What they are called.
pub(crate) const FUNCTIONS: [(&std::ffi::CStr, Native); 36] = [
    (c"open", open),
    (c"bags", bags),
    (c"head", head),
    (c"word", word),
    (c"wordAt", word_at),
    (c"define", define),
    (c"spin", spin),
    (c"crowd", crowd),
    (c"pin", pin),
    (c"attach", attach),
    (c"detach", detach),
    (c"letter", letter),
    (c"seed", seed),
    (c"plant", plant),
    (c"keepError", keep_error),
    (c"grantOn", grant_on),
    (c"reserveOn", reserve_on),
    (c"findOn", find_on),
    (c"nameOn", name_on),
    (c"endOn", end_on),
    (c"actorsOn", actors_on),
    (c"auditOn", audit_on),
    (c"ageOn", age_on),
    (c"classOn", class_on),
    (c"profileOf", profile_of),
    (c"total", total),
    (c"idle", idle),
    (c"listens", listens),
    (c"listeners", listeners),
    (c"look", look),
    (c"watch", watch),
    (c"care", care),
    (c"lost", lost),
    (c"startThread", start_thread),
    (c"hasThread", has_thread),
    (c"stopThreads", stop_threads),
];

/// A function with arguments: `env`, what the isolate is bound to and the arguments go in, a value comes out.
macro_rules! asking {
    ($(#[$doc:meta])* $name:ident, $count:literal, |$env:ident, $bound:ident, $args:ident| $body:expr) => {
        $(#[$doc])*
        unsafe extern "C" fn $name($env: Env, info: Info) -> Value {
            guard($env, || {
                // SAFETY: env, info and their arguments are those of this call, the data that of `expose`.
                unsafe {
                    let (data, $args) = call::arguments::<$count>($env, info);
                    let $bound = &*data.cast::<Bound>();
                    $body
                }
            })
        }
    };
}

asking! {
    /// `open(cores, threads, settings, name, pin, stack)`: the system has that many worker isolates, and lanes for that many core
    /// threads; the number that they find it by.
    open, 6, |env, bound, args| {
        let [cores, threads] = [args[0], args[1]].map(|arg| call::word(env, arg));
        let Some(settings) = settings_of(env, args[2]).filter(|_| cores + threads < MAX_LANES) else {
            call::throw(env, "open(cores, threads, settings, name, pin, stack) was called with other arguments");
            return null_mut();
        };
        let defaults = defaults(&settings);
        let clock = bound.lane.with(|lane| lane.clock());
        let mut lanes = vec![Arc::clone(&bound.lane)];
        for core in 0..u64::from(cores + threads) {
            let seed = defaults.seed.wrapping_mul(core.wrapping_mul(2) + 3);
            lanes.push(Arc::new(Shared::new(Lane::new(clock, buskin_core::lane::Defaults { seed, ..defaults }))));
        }
        let hub = Hub::open(lanes);
        let stack = call::word(env, args[5]);
        let options = buskin_core::sched::Options {
            name: Some(call::text(env, args[3]).into()),
            stack: (stack > 0).then_some((stack as usize).max(LEAST_STACK)),
            pin: call::word(env, args[4]) != 0,
        };
        let crew = Crew::new(Arc::clone(&hub), cores + 1, threads, options);
        let id = hubs::add(Opened { hub: Arc::clone(&hub), crew: Arc::clone(&crew) });
        let (_first, _only) = (bound.hub.set(hub), bound.crew.set(crew));
        call::double(env, f64::from(id))
    }
}

asking! {
    /// `bags(bag, places, satchel)`: where letters lie from now on.
    bags, 3, |env, bound, args| {
        let arrays = args.map(|array| call::elements(env, array));
        if arrays.iter().any(|a| a.0.is_null()) || !arrays[1].0.cast::<u32>().is_aligned() {
            call::throw(env, "bags(bag, places, satchel) was called with other arguments");
            return null_mut();
        }
        let held = args.map(|array| {
            let mut reference = null_mut();
            sys::napi_create_reference(env, array, 1, &mut reference);
            reference
        });
        bound.letters.replace(Letters { arrays, held }).release(env);
        null_mut()
    }
}

asking! {
    /// `head(class, name, head)`: what messages of a method begin with.
    head, 3, |env, bound, args| {
        let [class, name, head] = args.map(|arg| call::word(env, arg));
        bound.lane.with(|lane| lane.head(class, name, head));
        null_mut()
    }
}

asking! {
    /// `word(kind, text, most)`: its number in the system; -1 when there are too many.
    word, 3, |env, bound, args| {
        let (kind, most) = (call::word(env, args[0]), call::word(env, args[2]));
        let text = call::text(env, args[1]);
        let id = bound.hub.get().and_then(|hub| hub.word(kind as usize, &text, most));
        call::double(env, id.map_or(-1.0, f64::from))
    }
}

asking! {
    /// `wordAt(kind, number)`: the word; undefined when there is none.
    word_at, 2, |env, bound, args| {
        let (kind, id) = (call::word(env, args[0]), call::word(env, args[1]));
        match bound.hub.get().and_then(|hub| hub.word_at(kind as usize, id)) {
            Some(word) => call::string(env, &word),
            None => null_mut(),
        }
    }
}

asking! {
    /// `define(kind, number, text)`: what a word means.
    define, 3, |env, bound, args| {
        let (kind, id) = (call::word(env, args[0]), call::word(env, args[1]));
        if let Some(hub) = bound.hub.get() {
            hub.define(kind as usize, id, &call::text(env, args[2]));
        }
        null_mut()
    }
}

asking! {
    /// `spin(µs)`: waits for mail without giving the processor away; whether some came.
    spin, 1, |env, bound, args| {
        let micros = u128::from(call::word(env, args[0]));
        let remote = bound.lane.with(buskin_core::lane::Lane::remote);
        let start = std::time::Instant::now();
        let mut came = remote.has_mail();
        while !came && start.elapsed().as_micros() < micros {
            for _ in 0..8 {
                std::hint::spin_loop();
                came = came || remote.has_mail();
            }
        }
        call::boolean(env, came)
    }
}

asking! {
    /// `pin(nth)`: keeps the thread on the nth of the CPUs that it may use, round and round; whether that was done.
    pin, 1, |env, _bound, args| {
        call::boolean(env, crate::pin::pin(call::word(env, args[0]) as usize))
    }
}

asking! {
    /// `crowd()`: how many isolates, and threads at work, the system has now.
    crowd, 0, |env, bound, _args| {
        call::double(env, bound.hub.get().map_or(1.0, |hub| f64::from(hub.posts().crowd(bound.crew.get().map_or(0..0, |crew| crew.places())))))
    }
}

/// The bytes of an array.
///
/// # Safety
/// `env` and `value` belong to the call in progress, and no JavaScript runs while the slice is in use.
unsafe fn bytes<'a>(env: Env, value: Value) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe {
        let (data, length) = call::elements(env, value);
        if data.is_null() { &[] } else { from_raw_parts(data.cast(), length) }
    }
}

asking! {
    /// `attach(Uint8Array)`: keeps a copy of large bytes for the letter that is being written.
    attach, 1, |env, bound, args| {
        let bytes = bytes(env, args[0]);
        let copy = bound.hub.get().map_or_else(|| bytes.to_vec(), |hub| hub.blocks().copy(bytes));
        bound.lane.with(|lane| lane.attach(copy));
        null_mut()
    }
}

asking! {
    /// `detach(letter, place)`: the large bytes there, as an ArrayBuffer; undefined when there are none.
    detach, 2, |env, bound, args| {
        let (letter, place) = (call::word(env, args[0]), call::word(env, args[1]));
        match bound.lane.with(|lane| lane.detach(letter, place as usize)) {
            Some(bytes) => {
                let (buffer, read) = call::buffer(env, bytes);
                if let (Some(hub), Some(read)) = (bound.hub.get(), read) {
                    hub.blocks().put(read);
                }
                buffer
            }
            None => null_mut(),
        }
    }
}

asking! {
    /// `letter(number)`: the words and the bytes of a letter that does not lie in the bag; undefined when there is none.
    letter, 1, |env, bound, args| {
        let number = call::word(env, args[0]);
        let copy = bound.lane.with(|lane| lane.letter(number).map(|(words, bytes)| joined(&words, bytes)));
        copy.map_or(null_mut(), |copy| call::buffer(env, copy).0)
    }
}

asking! {
    /// `seed(index)`: the words and the bytes of the letter that the actor was spawned with; undefined when there is none.
    seed, 1, |env, bound, args| {
        let index = call::word(env, args[0]);
        let copy = bound.lane.with(|lane| {
            let number = lane.seed(index)?;
            lane.letter(number).map(|(words, bytes)| joined(&words, bytes))
        });
        copy.map_or(null_mut(), |copy| call::buffer(env, copy).0)
    }
}

asking! {
    /// `plant(index, age, Uint8Array)`: keeps that as the letter the actor was spawned with, if it has none.
    plant, 3, |env, bound, args| {
        let (index, age, bytes) = (call::word(env, args[0]), call::word(env, args[1]), bytes(env, args[2]));
        bound.lane.with(|lane| lane.plant(index, age, bytes));
        null_mut()
    }
}

fn joined(words: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(WORDS * 4 + bytes.len());
    all.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    all.extend_from_slice(bytes);
    all
}

asking! {
    /// `keepError(number, Uint8Array)`: the error as a letter, should it have to be told elsewhere.
    keep_error, 2, |env, bound, args| {
        let (number, bytes) = (call::word(env, args[0]), bytes(env, args[1]));
        bound.lane.with(|lane| lane.keep_error(number, bytes));
        null_mut()
    }
}

asking! {
    /// `grantOn(lane, Int32Array)`: as grant, of another lane.
    grant_on, 2, |env, bound, args| {
        let (data, length) = call::elements(env, args[1]);
        let pairs = if data.is_null() { &mut [] } else { from_raw_parts_mut(data.cast::<u32>(), length) };
        let from = call::word(env, args[0]);
        let whose = bound.lane.with(|lane| lane.borrows(from));
        let count = bound.lane_at(from, |lane| {
            let mut count = 0.0;
            for pair in pairs.chunks_exact_mut(2) {
                let Ok((index, age)) = lane.lend(whose) else { break };
                (pair[0], pair[1]) = (index, age);
                count += 1.0;
            }
            count
        });
        call::double(env, count.unwrap_or(0.0))
    }
}

asking! {
    /// `reserveOn(lane, parent, name, index)`: as reserve.
    reserve_on, 4, |env, bound, args| {
        let (parent, name, index) = (call::word(env, args[1]), call::text(env, args[2]), call::word(env, args[3]));
        let free = bound.lane_at(call::word(env, args[0]), |lane| lane.reserve(parent, &name, index).is_ok());
        call::boolean(env, free.unwrap_or(false))
    }
}

asking! {
    /// `findOn(lane, parent, name, Int32Array(4))`: whether there is such a child: its index and age; of a stand-in, the
    /// address and age of its actor, else 0.
    find_on, 4, |env, bound, args| {
        let (parent, name) = (call::word(env, args[1]), call::text(env, args[2]));
        let found = bound.lane_at(call::word(env, args[0]), |lane| {
            lane.find(parent, &name).map(|(index, age)| [index, age, lane.stands_for(index).0, lane.stands_for(index).1])
        });
        let (data, length) = call::elements(env, args[3]);
        if let (Some(Some(words)), true) = (found, !data.is_null() && length >= 4) {
            from_raw_parts_mut(data.cast::<u32>(), 4).copy_from_slice(&words);
        }
        call::boolean(env, found.flatten().is_some())
    }
}

asking! {
    /// `nameOn(lane, index, age, Int32Array(3))`: what the actor is called; its parent's lane, index and age are written.
    /// Undefined when it has ended.
    name_on, 4, |env, bound, args| {
        let (at, index, age) = (call::word(env, args[0]), call::word(env, args[1]), call::word(env, args[2]));
        let found = bound.lane_at(at, |lane| lane.called(index, age)).flatten();
        let Some((name, parent)) = found else { return null_mut() };
        let (data, length) = call::elements(env, args[3]);
        if !data.is_null() && length >= 3 {
            from_raw_parts_mut(data.cast::<u32>(), 3).copy_from_slice(&parent);
        }
        match name {
            Some(name) => call::string(env, &name),
            None => call::boolean(env, false), // its stand-in, which was written, knows
        }
    }
}

asking! {
    /// `endOn(lane, index, age)`: why an actor ended, and bits of that; see the carried `ENDED`.
    end_on, 3, |env, bound, args| {
        let (at, index, age) = (call::word(env, args[0]), call::word(env, args[1]), call::word(env, args[2]));
        let (why, bits) = bound.lane_at(at, |lane| lane.end_known(index, age)).unwrap_or((0, 0));
        call::double(env, f64::from(why | bits << 8))
    }
}

asking! {
    /// `actorsOn(lane, index, age)`: as actors, of those below an actor, itself first; and of each its home's address and age.
    actors_on, 3, |env, bound, args| {
        let (at, index, age) = (call::word(env, args[0]), call::word(env, args[1]), call::word(env, args[2]));
        let rows = bound.lane_at(at, |lane| {
            let mut rows: Vec<f64> = Vec::new();
            for i in lane.actors_below(index, age) {
                let home = lane.stands_for(i.index);
                rows.extend([i.index, i.age, i.depth, i.state, i.generation, i.waiting].map(f64::from));
                rows.extend([exact(i.handled), f64::from(i.failed), f64::from(home.0), f64::from(home.1)]);
            }
            rows
        });
        call::doubles(env, &rows.unwrap_or_default())
    }
}

asking! {
    /// `auditOn(lane)`: as audit, of a lane that rests.
    audit_on, 1, |env, bound, args| {
        let wrong = bound.lane_at(call::word(env, args[0]), |lane| lane.audit(&[], &[]).err().unwrap_or_default());
        call::string(env, &wrong.unwrap_or_default())
    }
}

asking! {
    /// `ageOn(lane, index)`: the age of the index; -1 when nobody is there.
    age_on, 2, |env, bound, args| {
        let index = call::word(env, args[1]);
        let age = bound.lane_at(call::word(env, args[0]), |lane| lane.age_at(index)).flatten();
        call::double(env, age.map_or(-1.0, f64::from))
    }
}

asking! {
    /// `classOn(lane, index)`: what the actor's class is called.
    class_on, 2, |env, bound, args| {
        let index = call::word(env, args[1]);
        call::string(env, &bound.lane_at(call::word(env, args[0]), |lane| lane.class_of(index)).unwrap_or_default())
    }
}

asking! {
    /// `profileOf(index, profile)`: how an actor supervises that was spawned from elsewhere.
    profile_of, 2, |env, bound, args| {
        let (index, profile) = (call::word(env, args[0]), call::word(env, args[1]));
        bound.lane.with(|lane| lane.supervises_by(index, profile));
        null_mut()
    }
}

asking! {
    /// `total(Float64Array)`: as stats, of all lanes at one moment; and how many messages went from one lane to another.
    total, 1, |env, bound, args| {
        let Some(hub) = bound.hub.get() else { return null_mut() };
        let (data, length) = call::elements(env, args[0]);
        let mut values = numbers(&hub.ledger());
        values.push(hub.posts().crossed.load(std::sync::atomic::Ordering::Relaxed));
        if !data.is_null() && length >= values.len() {
            for (to, from) in from_raw_parts_mut(data.cast::<f64>(), length).iter_mut().zip(values) {
                *to = exact(from);
            }
        }
        null_mut()
    }
}

/// In the order of `stats`.
pub(crate) fn numbers(l: &Ledger) -> Vec<u64> {
    let mut values = Vec::with_capacity(8 + dead::COUNT);
    values.extend([l.sent, l.handled, l.failed, l.waiting, l.running, l.actors, l.restarts]);
    values.extend(l.dead);
    values
}

asking! {
    /// `idle(waits)`: whether all lanes are; while the isolate `waits`, the lane that comes to rest last wakes it.
    idle, 1, |env, bound, args| {
        let Some(hub) = bound.hub.get() else { return call::boolean(env, true) };
        let mut waits = false;
        sys::napi_get_value_bool(env, args[0], &mut waits);
        bound.lane.with(|lane| lane.wait_for_all(waits));
        call::boolean(env, hub.is_idle())
    }
}

asking! {
    /// `listens(bits)`: the feeds that the isolate listens to from now on.
    listens, 1, |env, bound, args| {
        let bits = call::word(env, args[0]);
        bound.lane.with(|lane| lane.listens(bits));
        null_mut()
    }
}

asking! {
    /// `listeners(Int32Array)`: of each lane, the feeds that its isolate listens to.
    listeners, 1, |env, bound, args| {
        let Some(hub) = bound.hub.get() else { return null_mut() };
        let (data, length) = call::elements(env, args[0]);
        if !data.is_null() {
            let all = from_raw_parts_mut(data.cast::<u32>(), length).iter_mut();
            for (bits, post) in all.zip(hub.posts().all()) {
                *bits = post.listens.load(std::sync::atomic::Ordering::SeqCst);
            }
        }
        null_mut()
    }
}

asking! {
    /// `look(Float64Array)`: of each lane: its turns, what is on its way to it, what waits and runs there, and its actors.
    look, 1, |env, bound, args| {
        let Some(hub) = bound.hub.get() else { return null_mut() };
        let (data, length) = call::elements(env, args[0]);
        if data.is_null() {
            return null_mut();
        }
        let rows = from_raw_parts_mut(data.cast::<f64>(), length).chunks_exact_mut(4);
        for (row, (place, posted)) in rows.zip((0..).zip(hub.posts().all())) {
            use std::sync::atomic::Ordering::Relaxed;
            let [work, actors] = hub.lane(place).map_or([0; 2], |lane| {
                lane.with(|lane| [lane.ledger.waiting + lane.ledger.running, lane.ledger.actors])
            });
            let values = [posted.turns.load(Relaxed), posted.queued.load(Relaxed), work, actors];
            for (to, from) in row.iter_mut().zip(values) {
                *to = exact(from);
            }
        }
        null_mut()
    }
}

asking! {
    /// `watch(ms)`: lanes whose isolate stays in one handler for longer are told of from now on.
    watch, 1, |env, bound, args| {
        if let Some(hub) = bound.hub.get() {
            let after = std::time::Duration::try_from_secs_f64(call::number(env, args[0]) / 1000.0);
            hub.watch(after.unwrap_or(std::time::Duration::MAX));
        }
        null_mut()
    }
}

asking! {
    /// `care(lane)`: a turn of a lane that has no isolate.
    care, 1, |env, bound, args| {
        bound.lane_at(call::word(env, args[0]), |lane| {
            if lane.is_lost() {
                lane.care();
            }
        });
        null_mut()
    }
}

asking! {
    /// `lost(lane)`: its isolate is gone, if the lane has not heard of that yet. From now on the own isolate is woken by
    /// what comes to it.
    lost, 1, |env, bound, args| {
        bound.lane_at(call::word(env, args[0]), |lane| lane.lose(None));
        null_mut()
    }
}

asking! {
    /// `startThread(lane)`: starts the core thread of a lane, if it does not run; whether it does.
    start_thread, 1, |env, bound, args| {
        match bound.crew.get().map(|crew| crew.start(call::word(env, args[0]))) {
            Some(Ok(runs)) => call::boolean(env, runs),
            Some(Err(error)) => {
                call::throw(env, &format!("a core thread cannot be started: {error}; allow the process more threads"));
                null_mut()
            }
            None => call::boolean(env, false),
        }
    }
}

asking! {
    /// `hasThread(lane)`: whether the core thread of a lane was started.
    has_thread, 1, |env, bound, args| {
        call::boolean(env, bound.crew.get().is_some_and(|crew| crew.has_started(call::word(env, args[0]))))
    }
}

asking! {
    /// `stopThreads()`: ends the core threads, and waits for none: 0 they have ended, 1 they are about to, 2 some were left alone.
    stop_threads, 0, |env, bound, _args| {
        call::double(env, f64::from(bound.crew.get().map_or(0, Crew::stop)))
    }
}
