//! The functions of one lane.

use std::ptr::null_mut;
use std::slice::from_raw_parts_mut;

use buskin_core::lane::parcel::{Header, Parcel};
use buskin_core::lane::{Destination as _, Lane};
use buskin_core::mailbox::links::Batch;
use buskin_core::supervise::PROFILE;
use napi::sys::{napi_callback_info as Info, napi_env as Env, napi_value as Value};

use crate::bound::Bound;
use crate::call::{self, Native, guard};
use crate::memory::Memory;
use crate::settings::{exact, micros};

/// What the functions of a lane are called.
pub(crate) const FUNCTIONS: [(&std::ffi::CStr, Native); 18] = [
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
