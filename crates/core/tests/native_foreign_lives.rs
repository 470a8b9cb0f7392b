//! Lives and ends of native actors, as isolates of JavaScript see them; and once with threads.

mod js;

use buskin_core::clock::Clock;
use buskin_core::entry::{directive, reason, restart};
use buskin_core::hub::{Hub, Shared};
use buskin_core::lane::{Defaults, Lane};
use buskin_core::native::attach;
use buskin_core::native::foreign::{self, Behaviour, Call, Fault, Kind, Method, Reply};
use buskin_core::sched;
use buskin_value::{ErrorKind, ErrorValue, Value, View, ViewKind};
use js::{Heard, Stage, text};
use std::sync::{Arc, Once};
use std::time::Duration;

/// Ends in all the ways that there are.
struct Frail;

impl Kind for Frail {
    fn name(&self) -> &str {
        "frail"
    }
    fn methods(&self) -> Vec<Method> {
        vec![Method::call("fail"), Method::call("ill"), Method::call("echo")]
    }
    fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault> {
        Ok(Box::new(State { ill: false, stops_badly: args.left() > 0 }))
    }
}

struct State {
    ill: bool,
    stops_badly: bool,
}

impl Behaviour for State {
    fn call(&mut self, method: usize, call: &mut Call<'_>) -> Result<Reply, Fault> {
        match method {
            0 => Err(Fault::failed(ErrorValue::new(ErrorKind::RangeError, "too frail").with("code", 7))),
            1 => {
                self.ill = true;
                Ok(Reply::Undefined)
            }
            _ => Ok(call.value()?.into()),
        }
    }
    fn healthy(&mut self) -> Result<(), Fault> {
        if self.ill { Err(Fault::failed(ErrorValue::new(ErrorKind::Error, "a cold"))) } else { Ok(()) }
    }
    fn stopped(&mut self) -> Result<(), Fault> {
        assert!(!self.stops_badly, "not like this");
        Ok(())
    }
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        foreign::register(Frail).expect("the first of its name");
    });
}

fn stage() -> Stage {
    register();
    Stage::new(2, 1)
}

/// More restarts than this within a second are too many; `health`: every so many µs.
fn settings(health: f64) -> Value {
    let numbers = [0.0, f64::INFINITY, f64::INFINITY, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, health, health, 1.0];
    let bytes = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    Value::View(View { kind: ViewKind::Float64, bytes })
}

#[test]
fn who_asks_late_is_told_how_it_ended_and_where_it_was() {
    let mut stage = stage();
    let kv = stage.spawn("kv", "store", vec![]);
    stage.js[1].query(kv, 41);
    stage.js[0].stop(kv, js::STOP);
    stage.run();
    // asked in time: the core knows
    assert!(stage.js[1].take().iter().any(|h| matches!(h, Heard::Told(41, reason::NORMAL, 1, _))));
    stage.js[1].query(kv, 42);
    stage.run();
    let told = stage.js[1].take();
    assert_eq!(told, [Heard::Told(42, reason::NORMAL, 1, vec![Value::Undefined, "/store".into()])]);
    stage.nothing_left();
}

#[test]
fn watchers_elsewhere_are_told_the_error_before_and_after_the_end() {
    let mut stage = stage();
    stage.js[0].restart = restart::TEMPORARY;
    let frail = stage.spawn("frail", "frail", vec![]);
    let watcher = stage.js[1].plain();
    stage.js[1].watch(watcher, frail, 5);
    stage.run();
    stage.js[0].tell(frail, "fail", &[]);
    stage.advance(10);
    let failed = |h: &Heard| matches!(h, Heard::Failed(_, _, directive::STOP));
    assert!(stage.js[0].heard.iter().any(failed), "{:?}", stage.js[0].heard);
    let told = stage.js[1].take();
    let watched = |told: &[Heard], number: u32| {
        told.iter().find_map(|h| match h {
            Heard::Watched(n, reason::FAILED, Some(error)) if *n == number => Some(text(error)),
            _ => None,
        })
    };
    assert_eq!(watched(&told, 5).as_deref(), Some("too frail"), "{told:?}");
    // and one who comes late
    stage.js[1].watch(watcher, frail, 6);
    stage.js[1].query(frail, 7);
    stage.run();
    let told = stage.js[1].take();
    assert_eq!(watched(&told, 6).as_deref(), Some("too frail"), "{told:?}");
    let asked = told
        .iter()
        .find_map(|h| if let Heard::Told(7, reason::FAILED, 1, values) = h { Some(values.clone()) } else { None });
    let values = asked.expect("an answer");
    assert_eq!((text(&values[0]), &values[1]), ("too frail".to_owned(), &Value::from("/frail")));
}

#[test]
fn an_index_that_is_used_again_tells_nothing_of_who_had_it_before() {
    let mut stage = stage();
    let mut before = None;
    for _ in 0..200 {
        let kv = stage.spawn("kv", "store", vec![]);
        stage.ask(kv, "increment", &["n".into()]).unwrap();
        assert_eq!(stage.ask(kv, "get", &["n".into()]), Ok(Value::Int(1)));
        stage.js[0].stop(kv, js::STOP);
        stage.run();
        before = Some(kv);
    }
    stage.js[1].query(before.unwrap(), 1);
    stage.run();
    assert!(matches!(&stage.js[1].take()[..], [Heard::Told(1, reason::NORMAL, 1, _)]));
    stage.nothing_left();
}

#[test]
fn one_that_is_ill_is_restarted_as_its_options_say() {
    let mut stage = stage();
    let frail = stage.js[0].spawn_with("frail", 2, "frail", vec![], settings(50_000.0));
    stage.run();
    stage.advance(200);
    assert!(!stage.js[0].heard.iter().any(|h| matches!(h, Heard::Failed(..))), "it is well");
    stage.js[0].tell(frail, "ill", &[]);
    stage.advance(200);
    let heard = stage.js[0].take();
    let failed = heard
        .iter()
        .find_map(|h| if let Heard::Failed(_, told, directive::RESTART) = h { Some(text(&told[0])) } else { None });
    assert_eq!(failed.as_deref(), Some("a cold"), "{heard:?}");
    assert!(heard.contains(&Heard::Started(frail.seat, 1)));
}

#[test]
fn one_that_stops_badly_is_told_of_by_its_supervisor() {
    let mut stage = stage();
    let frail = stage.spawn("frail", "frail", vec![Value::Int(1)]);
    stage.js[0].stop(frail, js::STOP);
    stage.advance(10);
    let heard = stage.js[0].take();
    let hook = heard
        .iter()
        .find_map(|h| if let Heard::News(n) = h { (n[0] == "hook".into()).then(|| n.clone()) } else { None });
    let hook = hook.unwrap_or_else(|| panic!("{heard:?}"));
    let told = hook[4].as_array().unwrap();
    assert!(text(&told[1]).starts_with("panicked: not like this"), "{told:?}");
    assert_eq!(told[2], "stop".into());
    assert!(heard.iter().any(|h| matches!(h, Heard::Ended(seat, _) if *seat == frail.seat)));
    stage.nothing_left();
}

#[test]
fn an_actor_that_ends_before_it_starts_leaves_nothing() {
    let mut stage = stage();
    for how in [js::STOP, js::KILL] {
        let kv = stage.js[0].spawn("kv", 2, "store", vec![]);
        let corr = stage.js[0].ask(kv, "size", &[]);
        stage.js[0].stop(kv, how);
        stage.run();
        assert!(stage.js[0].came(corr).is_some(), "{:?}", stage.js[0].heard);
        assert!(stage.js[0].heard.iter().any(|h| matches!(h, Heard::Ended(seat, _) if *seat == kv.seat)));
        stage.js[0].take();
    }
    stage.nothing_left();
}

#[test]
fn two_isolates_talk_to_one_store_and_messages_before_it_starts_are_kept() {
    let mut stage = stage();
    let kv = stage.js[0].spawn("kv", 2, "store", vec![]);
    for _ in 0..100 {
        stage.js[0].tell(kv, "increment", &["n".into()]);
    }
    stage.run();
    for _ in 0..100 {
        stage.js[1].tell(kv, "increment", &["n".into()]);
    }
    let object = Value::object([("from", "one"), ("to", "other")]);
    stage.js[1].tell(kv, "set", &["o".into(), object.clone()]);
    stage.run();
    assert_eq!(stage.ask(kv, "get", &["n".into()]), Ok(Value::Int(200)));
    assert_eq!(stage.ask(kv, "get", &["o".into()]), Ok(object));
    stage.nothing_left();
}

#[test]
fn random_calls_stops_and_respawns_account_for_everything() {
    let mut stage = stage();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |most: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % most
    };
    let mut kv = stage.js[0].spawn("frail", 2, "a", vec![]);
    let mut calls = Vec::new();
    let mut spawned = 0;
    for _ in 0..4000 {
        match next(20) {
            0 => {
                stage.js[0].stop(kv, [js::STOP, js::KILL][next(2) as usize]);
                spawned += 1;
                kv = stage.js[0].spawn("frail", 2, &format!("a{spawned}"), vec![]);
            }
            1 => stage.advance(next(5)),
            2 => stage.js[0].tell(kv, "fail", &[]),
            3 => calls.push(stage.js[0].ask(kv, "fail", &[])),
            4 => calls.push(stage.js[0].ask(kv, "none", &["x".into()])),
            5..8 => stage.run(),
            _ => calls.push(stage.js[0].ask(kv, "echo", &["some text".into()])),
        }
    }
    stage.js[0].stop(kv, js::KILL);
    stage.nothing_left();
    for corr in calls {
        assert!(stage.js[0].came(corr).is_some(), "call {corr} came to nothing");
    }
}

#[test]
fn threads_run_them_and_end() {
    register();
    let lanes: Vec<_> = (0..4).map(|_| Arc::new(Shared::new(Lane::new(Clock::real(), Defaults::default())))).collect();
    let hub = Hub::open(lanes.clone());
    let attached = attach(Arc::clone(&hub), 1, lanes[1..].to_vec(), &sched::Options::default());
    let mut js = js::Js::new(&hub, 0);
    // the threads of lanes 1 and 2 begin, one of them late; that of lane 3 never does
    attached.start(1).unwrap();
    let stores = [js.spawn("kv", 1, "a", vec![]), js.spawn("kv", 2, "b", vec![])];
    js.turn();
    attached.start(2).unwrap();
    attached.start(2).unwrap();
    attached.start(99).unwrap();
    assert!(attached.has_started(2) && !attached.has_started(3));
    let mut calls = Vec::new();
    for round in 0..500 {
        for store in stores {
            calls.push(js.ask(store, "increment", &["n".into()]));
            calls.push(js.ask(store, "set", &["o".into(), Value::object([("round", round)])]));
            calls.push(js.ask(store, "get", &["o".into()]));
        }
        js.turn();
    }
    while calls.iter().any(|corr| js.came_yet(*corr).is_none()) {
        js.turn();
        std::thread::yield_now();
    }
    for store in stores {
        let corr = js.ask(store, "get", &["n".into()]);
        while js.came_yet(corr).is_none() {
            js.turn();
            std::thread::yield_now();
        }
        assert_eq!(js.came(corr), Some(&Heard::Reply(corr, Value::Int(500))));
        js.stop(store, js::STOP);
    }
    while js.heard.iter().filter(|h| matches!(h, Heard::Ended(..))).count() < 2 {
        js.turn();
        std::thread::yield_now();
    }
    // one that nobody will ever read
    let orphan = js.spawn("kv", 3, "c", vec![]);
    js.tell(orphan, "clear", &[]);
    js.turn();
    assert!(attached.stop(Duration::from_secs(60)), "all have ended");
    assert!(hub.ledger().balanced(), "{:?}", hub.ledger());
    attached.start(3).unwrap();
    assert!(!attached.has_started(3), "it is over");
}
