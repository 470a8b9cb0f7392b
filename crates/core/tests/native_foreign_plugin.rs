//! Kinds as a library has them, through its C functions. examples/plugin-rate-limiter loads one.

mod js;

use buskin_core::entry::directive;
use buskin_core::native::foreign;
use buskin_plugin::{Behaviour, Call, Fault, Items, Kind, Method, Reply, Step};
use buskin_value::{ErrorKind, ErrorValue, Value};
use js::{Far, Heard, STREAM, Stage, text};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

struct Guest;

const METHODS: [&str; 9] = ["echo", "kept", "int", "none", "panic", "fail", "refuse", "tickIn", "push"];

impl Kind for Guest {
    fn name(&self) -> &'static str {
        "guest"
    }
    fn methods(&self) -> Vec<Method> {
        METHODS.into_iter().map(Method::call).chain([Method::stream("pushed")]).collect()
    }
    fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault> {
        if args.optional_text("how")?.as_deref() == Some("panic") {
            panic!("no start");
        }
        LIVING.fetch_add(1, SeqCst);
        Ok(Box::new(State { due: None, queue: Arc::default() }))
    }
}

static LIVING: AtomicU32 = AtomicU32::new(0);

struct State {
    due: Option<Duration>,
    queue: Arc<Mutex<Vec<Value>>>,
}

impl Drop for State {
    fn drop(&mut self) {
        LIVING.fetch_sub(1, SeqCst);
    }
}

impl Behaviour for State {
    fn call(&mut self, method: usize, call: &mut Call<'_>) -> Result<Reply, Fault> {
        match METHODS[method] {
            "echo" => Ok(call.value()?.into()),
            "kept" => Ok(call.keep()?.map_or(Reply::Undefined, Reply::Kept)),
            "int" => Ok(Reply::Int(call.left() as i32)),
            "panic" => panic!("in a library"),
            "fail" => Err(Fault::failed(
                ErrorValue::new(ErrorKind::RangeError, "it failed").with("at", Value::object([("x", 1)])),
            )),
            "refuse" => Err(ErrorValue::refusal("no", call.value()?).into()),
            "tickIn" => {
                let ms = call.number("ms")?;
                self.due = Some(call.now() + Duration::from_secs_f64(ms / 1000.0));
                Ok(Reply::Undefined)
            }
            "push" => {
                self.queue.lock().unwrap().push(call.value()?);
                Ok(Reply::Undefined)
            }
            _ => Ok(Reply::Undefined),
        }
    }

    fn stream(&mut self, _method: usize, _call: &mut Call<'_>) -> Result<Box<dyn Items>, Fault> {
        Ok(Box::new(Pushed(Arc::clone(&self.queue))))
    }

    fn due(&self) -> Option<Duration> {
        self.due
    }

    fn tick(&mut self, now: Duration) -> Result<(), Fault> {
        assert!(self.due.is_none_or(|due| due > now), "it is due");
        Ok(())
    }
}

struct Pushed(Arc<Mutex<Vec<Value>>>);

impl Items for Pushed {
    fn next(&mut self) -> Result<Step, Fault> {
        let mut queue = self.0.lock().unwrap();
        if queue.is_empty() {
            return Ok(Step::Wait);
        }
        match queue.remove(0) {
            Value::Null => Ok(Step::Done),
            Value::Bool(_) => panic!("a bad item"),
            value => Ok(Step::Item(value.into())),
        }
    }
    fn is_ready(&self) -> bool {
        !self.0.lock().unwrap().is_empty()
    }
}

fn stage() -> (Stage, Far) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let table = buskin_plugin::export(vec![Box::new(Guest)]);
        // SAFETY: the table stays for ever.
        unsafe { foreign::register_plugin(table) }.expect("the first of its name");
    });
    let mut stage = Stage::new(1, 1);
    let guest = stage.spawn("guest", "guest", vec![]);
    (stage, guest)
}

#[test]
fn values_go_in_and_come_out() {
    let (mut stage, guest) = stage();
    let point = |x: i32| Value::object([("x", x), ("y", 2)]);
    let values = [
        Value::Int(5),
        Value::from(0.5),
        "text".into(),
        Value::Null,
        point(1),
        Value::from(vec![point(1), point(2), point(3)]),
        Value::node_buffer(vec![1; 50_000]),
    ];
    for method in ["echo", "kept"] {
        for value in &values {
            let got = stage.ask(guest, method, std::slice::from_ref(value));
            assert_eq!(got.as_ref(), Ok(value), "{method}");
            let got = stage.ask(guest, method, &[value.clone(), "more".into()]);
            assert_eq!(got.as_ref(), Ok(value), "{method} of two");
        }
    }
    assert_eq!(stage.ask(guest, "none", &[]), Ok(Value::Undefined));
    assert_eq!(stage.ask(guest, "kept", &[]), Ok(Value::Undefined));
    assert_eq!(stage.ask(guest, "int", &["a".into(), "b".into()]), Ok(Value::Int(2)));
    stage.nothing_left();
}

#[test]
fn systems_that_number_shapes_differently_do_not_mix() {
    let ((mut one, guest), (mut other, guest_too)) = (stage(), stage());
    let of = |keys: [&'static str; 2], x: i32| Value::object([(keys[0], x), (keys[1], -x)]);
    let shapes = [["a", "b"], ["c", "d"], ["e", "f"]];
    for round in 0..4 {
        for (at, keys) in shapes.into_iter().enumerate() {
            let (value, reversed) = (of(keys, round), of(shapes[2 - at], round));
            assert_eq!(one.ask(guest, "echo", std::slice::from_ref(&value)), Ok(value));
            assert_eq!(other.ask(guest_too, "echo", std::slice::from_ref(&reversed)), Ok(reversed));
        }
    }
    let number = |stage: &Stage| (0..3).map(|at| stage.hub.word_at(1, at).unwrap()).collect::<Vec<_>>();
    assert_ne!(number(&one), number(&other), "the test is one");
    one.nothing_left();
    other.nothing_left();
}

#[test]
fn panics_and_failures_are_told_and_stay_in_the_library() {
    let (mut stage, guest) = stage();
    for (method, told) in [("panic", "panicked: in a library"), ("fail", "it failed")] {
        let error = stage.ask(guest, method, &[]).unwrap_err();
        assert_eq!(error.message(), told);
        assert_eq!(error.get("actor").and_then(Value::as_str), Some("/guest"));
        stage.advance(10);
        let restarted =
            |h: &Heard| matches!(h, Heard::Failed(_, values, directive::RESTART) if text(&values[0]) == told);
        assert!(stage.js[0].take().iter().any(restarted), "{told}");
    }
    let object = Value::object([("why", "because")]);
    let error = stage.ask(guest, "refuse", std::slice::from_ref(&object)).unwrap_err();
    assert_eq!((error.kind, error.get("details")), (ErrorKind::Refusal, Some(&object)));
    assert!(!stage.js[0].heard.iter().any(|h| matches!(h, Heard::Failed(..))));
    // a tick that panics
    stage.ask(guest, "tickIn", &[Value::Int(50)]).unwrap();
    stage.advance(100);
    let ticked = |h: &Heard| matches!(h, Heard::Failed(_, values, _) if text(&values[0]) == "panicked: it is due");
    assert!(stage.js[0].heard.iter().any(ticked), "{:?}", stage.js[0].heard);
    assert_eq!(stage.ask(guest, "int", &[]), Ok(Value::Int(0)));
    // and what panics while it is made
    stage.js[0].restart = buskin_core::entry::restart::TEMPORARY;
    stage.js[0].take();
    stage.js[0].spawn("guest", 1, "other", vec!["panic".into()]);
    stage.run();
    let made = |h: &Heard| matches!(h, Heard::Failed(_, values, _) if text(&values[0]) == "panicked: no start");
    assert!(stage.js[0].heard.iter().any(made), "{:?}", stage.js[0].heard);
    stage.nothing_left();
}

#[test]
fn a_stream_waits_goes_on_and_ends() {
    let (mut stage, guest) = stage();
    let corr = stage.js[0].post(guest, Some(STREAM), "pushed", &[]);
    stage.run();
    let object = Value::object([("a", 1)]);
    for value in [Value::Int(1), object.clone(), Value::Null] {
        stage.ask(guest, "push", &[value]).unwrap();
    }
    let items: Vec<Value> = stage.js[0]
        .heard
        .iter()
        .filter_map(|h| if let Heard::Item(_, v) = h { Some(v.clone()) } else { None })
        .collect();
    assert_eq!(items, [Value::Int(1), object]);
    assert_eq!(stage.js[0].came(corr), Some(&Heard::Reply(corr, Value::Undefined)));
    let corr = stage.js[0].post(guest, Some(STREAM), "pushed", &[]);
    stage.ask(guest, "push", &[true.into()]).unwrap();
    stage.advance(10);
    let Some(Heard::Threw(_, error)) = stage.js[0].came(corr) else { panic!("{:?}", stage.js[0].heard) };
    assert_eq!(text(error), "panicked: a bad item");
    stage.nothing_left();
}

#[test]
fn what_it_made_is_freed() {
    // a process of its own would be needed to count those of this test alone: it waits until the others are gone
    let (mut stage, guest) = stage();
    assert!(LIVING.load(SeqCst) > 0);
    stage.js[0].stop(guest, js::STOP);
    stage.nothing_left();
    drop(stage);
    while LIVING.load(SeqCst) > 0 {
        std::thread::yield_now();
    }
}
