//! Streams as the core sees them: calls that run until they end, and steps that hold the actor.
mod common;

use buskin_core::entry::{flag, note};
use common::{Comes, FAILED, FOREVER, HANDLED, How, Isolate, Options};

const HOOKED: Options = Options {
    parent: 0,
    capacity: 100,
    policy: 0,
    shutdown: 5_000,
    start: 30_000,
    hook: true,
    restart: buskin_core::entry::restart::TEMPORARY,
    profile: 0,
};

/// Stream calls begin a stream; steps promise.
fn streamer(_: &mut Isolate, e: &buskin_core::entry::Entry) -> Comes {
    match e.op() {
        note::MSG if e.has(flag::STREAM) => Comes::Streams,
        note::RESUME => Comes::Promises,
        _ => Comes::Returns,
    }
}

#[test]
fn a_stream_runs_until_it_ends_and_holds_nothing_up() {
    for ok in [true, false] {
        let mut iso = Isolate::new();
        let a = iso.spawn("a", HOOKED, streamer);
        let id = iso.stream_how(a, How::default());
        iso.run();
        assert_eq!((iso.lane.ledger.running, iso.is_busy()), (1, false));
        let tell = iso.tell(a);
        iso.run();
        assert_eq!((iso.end_of(id), iso.end_of(tell)), ("pending", HANDLED));
        iso.stream_end(a, ok);
        iso.run();
        assert_eq!(iso.end_of(id), if ok { HANDLED } else { FAILED });
        iso.all_accounted_for();
    }
}

#[test]
fn a_step_holds_the_actor_and_messages_run_between_steps() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, streamer);
    iso.stream_how(a, How::default());
    iso.run();
    iso.take();
    iso.resume(a, 5);
    iso.tell(a);
    iso.resume(a, 6);
    assert_eq!(iso.after_run(), ["a resume 5"]);
    iso.done(a, true);
    assert_eq!(iso.after_run(), ["a 2", "a resume 6"]);
    iso.done(a, true);
    iso.return_stream(a, 5);
    assert_eq!(iso.after_run(), ["a return 5"]);
    assert!(!iso.is_busy());
}

#[test]
fn streams_end_with_their_actor() {
    for (how, end) in [("stop", HANDLED), ("kill", FAILED), ("shutdown", HANDLED)] {
        for step in [false, true] {
            let mut iso = Isolate::new();
            let a = iso.spawn("a", HOOKED, streamer);
            let ids = [iso.stream_how(a, How::default()), iso.stream_how(a, How::default())];
            iso.run();
            iso.resume(a, 1);
            iso.resume(a, 2);
            if step {
                iso.run();
            }
            match how {
                "stop" => iso.stop(a),
                "kill" => iso.kill(a),
                _ => iso.shutdown(FOREVER),
            }
            iso.run();
            if iso.in_hand(a) > 0 {
                iso.done(a, true);
                iso.run();
            }
            assert!(!iso.lane.is_alive(a.index, a.age), "{how}");
            assert_eq!(ids.map(|id| iso.end_of(id)), [end; 2], "{how}, step: {step}");
            iso.all_accounted_for();
            assert!(!iso.is_busy(), "{how}, step: {step}");
        }
    }
}

#[test]
fn a_stream_that_ends_while_its_actor_stops_is_counted_once() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, |_, e| match e.op() {
        note::MSG => Comes::Streams,
        note::STOP => Comes::Promises,
        _ => Comes::Returns,
    });
    let id = iso.stream_how(a, How::default());
    iso.run();
    iso.stop(a);
    iso.run();
    iso.stream_end(a, true);
    iso.run();
    iso.done(a, true);
    iso.run();
    assert_eq!(iso.end_of(id), HANDLED);
    iso.all_accounted_for();
}

#[test]
fn a_step_that_throws_fails_the_actor() {
    let mut iso = Isolate::new();
    let a = iso.spawn("a", HOOKED, streamer);
    let id = iso.stream_how(a, How::default());
    iso.run();
    iso.resume(a, 1);
    iso.run();
    iso.take();
    iso.stream_end(a, false);
    iso.done(a, false);
    assert_eq!(iso.after_run(), ["a failed 2", "a stops failed", "a ended failed"]);
    assert_eq!(iso.end_of(id), FAILED);
    iso.all_accounted_for();
    assert!(!iso.is_busy());
}
