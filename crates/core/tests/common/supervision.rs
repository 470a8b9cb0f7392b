//! What the tests of supervision have in common.

use super::{ASYNC, Comes, How, Isolate, Options, Ref, profile};
use buskin_core::entry::{Entry, note, restart};
use buskin_core::lane::Defaults;
use buskin_core::supervise::PROFILE;

pub(crate) const ONE: f64 = 0.0;
pub(crate) const ALL: f64 = 1.0;
pub(crate) const REST: f64 = 2.0;
pub(crate) const STRATEGIES: [f64; 3] = [ONE, ALL, REST];
pub(crate) const ANY: f64 = f64::INFINITY;

const PLAIN: How = How { priority: 0, ttl: None, timeout: None, flags: 0, from: 0, tag: 0 };
/// Its handler promises.
pub(crate) const SLOW: How = How { flags: ASYNC, tag: 1, ..PLAIN };
/// Its handler throws.
pub(crate) const THROW: How = How { tag: 2, ..PLAIN };
/// Its handler stops the actor.
pub(crate) const QUIT: How = How { tag: 3, ..PLAIN };

/// Does what the message says; hooks return.
pub(crate) fn worker(iso: &mut Isolate, e: &Entry) -> Comes {
    match (e.op(), e.tag()) {
        (note::MSG, 1) => Comes::Promises,
        (note::MSG, 2) => Comes::Throws,
        (note::MSG, 3) => {
            iso.stop_itself_at(e.index);
            Comes::Returns
        }
        _ => Comes::Returns,
    }
}

/// As [`worker`]; its hooks promise.
pub(crate) fn slow_worker(iso: &mut Isolate, e: &Entry) -> Comes {
    if matches!(e.op(), note::START | note::STOP) { Comes::Promises } else { worker(iso, e) }
}

/// As [`worker`]; the start of these generations throws.
pub(crate) fn failing_starts(range: std::ops::Range<u32>) -> impl Fn(&mut Isolate, &Entry) -> Comes {
    move |iso, e| {
        if e.op() == note::START && range.contains(&e.payload) { Comes::Throws } else { worker(iso, e) }
    }
}

/// A root that supervises like this, and so do all whose options name no profile.
pub(crate) fn root(numbers: &[f64; PROFILE]) -> Isolate {
    root_with(numbers, Defaults { escalate: None, ..Defaults::default() })
}

pub(crate) fn root_with(numbers: &[f64; PROFILE], defaults: Defaults) -> Isolate {
    let mut iso = Isolate::with(defaults, 64);
    let at = iso.lane.profile(numbers);
    iso.lane.supervise_root(at);
    iso
}

/// Without bounds, and without any wait.
pub(crate) fn at_once(strategy: f64) -> [f64; PROFILE] {
    profile(strategy, ANY, ANY, None)
}

/// `min` 100 ms, `max` 1 s, twice as long each time, no jitter, well after 5 s.
pub(crate) fn patient(strategy: f64) -> [f64; PROFILE] {
    profile(strategy, ANY, ANY, Some([1.0, 100_000.0, 1_000_000.0, 2.0, 0.0, 5_000_000.0, 0.0]))
}

/// At most so many restarts within 10 s, and no wait.
pub(crate) fn at_most(strategy: f64, most: f64) -> [f64; PROFILE] {
    profile(strategy, most, 10_000_000.0, None)
}

/// With an onStop, below `parent`.
pub(crate) fn under(parent: u32, restart: u32) -> Options {
    Options { hook: true, restart, parent, ..Options::default() }
}

/// Transient, with an onStop, below the root.
pub(crate) const CHILD: Options = Options {
    parent: 0,
    capacity: 1 << 20,
    policy: 0,
    shutdown: 5_000,
    start: 30_000,
    hook: true,
    restart: restart::TRANSIENT,
    profile: 0,
};

/// Some transient children of the root, by name; they have started.
pub(crate) fn children<const N: usize>(iso: &mut Isolate, names: [&str; N]) -> [Ref; N] {
    let refs = names.map(|name| iso.spawn(name, CHILD, worker));
    iso.run();
    iso.take();
    refs
}

pub(crate) fn fail(iso: &mut Isolate, who: Ref) -> u32 {
    iso.tell_how(who, THROW)
}

/// Its generation, if it is alive.
pub(crate) fn generation(iso: &Isolate, who: Ref) -> Option<u32> {
    iso.lane.actors().iter().find(|i| (i.index, i.age) == (who.index, who.age)).map(|i| i.generation)
}

/// Of the words of a trace those that begin or end an instance.
pub(crate) fn lives(trace: &[String]) -> Vec<&str> {
    let kinds = [" starts", " stops ", " down ", " ended "];
    trace.iter().filter(|t| kinds.iter().any(|k| t.contains(k))).map(String::as_str).collect()
}

/// Nothing hangs, and every message is accounted for.
pub(crate) fn at_rest(iso: &Isolate) {
    assert!(!iso.is_busy(), "nothing hangs");
    iso.all_accounted_for();
}
