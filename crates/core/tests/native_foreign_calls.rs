//! What calls of native actors come to, word by word as an isolate of JavaScript reads it.

mod js;

use buskin_core::entry::{dead, directive, reason, restart};
use buskin_core::native::foreign::{self, Behaviour, Call, Fault, Items, Kind, Method, Reply, Step};
use buskin_value::{ErrorKind, ErrorValue, Value};
use js::{Far, Heard, SEND, SIGNAL, STREAM, Stage, text};
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Once};
use std::task::{Poll, Waker};

/// Does what its methods are called; how often it was made is in its state.
struct Odd;

const METHODS: [&str; 14] = [
    "echo",
    "none",
    "big",
    "fail",
    "refuse",
    "panic",
    "later",
    "laterFails",
    "made",
    "items",
    "broken",
    "unsendable",
    "bits",
    "sender",
];

static MADE: AtomicU32 = AtomicU32::new(0);
/// Futures that wait.
static WAITING: Mutex<Vec<Arc<Gate>>> = Mutex::new(Vec::new());

#[derive(Default)]
struct Gate(Mutex<(bool, Option<Waker>)>);

impl Gate {
    fn open(&self) {
        let mut gate = self.0.lock().unwrap();
        gate.0 = true;
        if let Some(waker) = gate.1.take() {
            waker.wake();
        }
    }
}

impl Kind for Odd {
    fn name(&self) -> &str {
        "odd"
    }
    fn methods(&self) -> Vec<Method> {
        let method = |name: &&'static str| {
            if ["items", "broken"].contains(name) { Method::stream(*name) } else { Method::call(*name) }
        };
        METHODS.iter().map(method).collect()
    }
    fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault> {
        let name = args.optional_text("name")?.unwrap_or_default().into_owned();
        let more = args.value()?;
        match &*name {
            "bad" => Err(Fault::failed(ErrorValue::new(ErrorKind::RangeError, "bad from the start"))),
            "panic" => panic!("no start"),
            _ => Ok(Box::new(State { name, more, made: MADE.fetch_add(1, SeqCst) })),
        }
    }
}

struct State {
    name: String,
    more: Value,
    made: u32,
}

impl Behaviour for State {
    fn call(&mut self, method: usize, call: &mut Call<'_>) -> Result<Reply, Fault> {
        match METHODS[method] {
            "echo" => Ok(call.value()?.into()),
            "big" => Ok(Reply::Value("x".repeat(call.number("size")? as usize).as_str().into())),
            "fail" => Err(Fault::failed(ErrorValue::new(ErrorKind::Error, "it failed"))),
            "refuse" => Err(ErrorValue::refusal("not today", 7).into()),
            "panic" => panic!("at the disco"),
            "later" | "laterFails" => {
                let (gate, fails) = (Arc::new(Gate::default()), METHODS[method] == "laterFails");
                WAITING.lock().unwrap().push(Arc::clone(&gate));
                Ok(Reply::later(async move {
                    poll_fn(|cx| {
                        let mut inner = gate.0.lock().unwrap();
                        inner.1 = Some(cx.waker().clone());
                        if inner.0 { Poll::Ready(()) } else { Poll::Pending }
                    })
                    .await;
                    if fails {
                        Err(Fault::failed(ErrorValue::new(ErrorKind::Error, "failed later")))
                    } else {
                        Ok("now".into())
                    }
                }))
            }
            "made" => Ok(Value::Array(vec![self.name.as_str().into(), self.more.clone(), self.made.into()]).into()),
            "unsendable" => Ok(Reply::Value(Value::Hole)),
            "bits" => Ok(f64::from(-0.0_f32).into()),
            "sender" => Ok(call.sender().is_some().into()),
            _ => Ok(Reply::Undefined),
        }
    }

    fn stream(&mut self, method: usize, call: &mut Call<'_>) -> Result<Box<dyn Items>, Fault> {
        let count = call.optional_count("count")?.unwrap_or(3);
        let breaks = METHODS[method] == "broken";
        Ok(Box::new(Counts { at: 0, count, breaks }))
    }
}

struct Counts {
    at: u64,
    count: u64,
    breaks: bool,
}

impl Items for Counts {
    fn next(&mut self) -> Result<Step, Fault> {
        self.at += 1;
        if self.at > self.count {
            return if self.breaks {
                Err(Fault::failed(ErrorValue::new(ErrorKind::Error, "broke")))
            } else {
                Ok(Step::Done)
            };
        }
        Ok(Step::Item((self.at as f64).into()))
    }
}

fn stage() -> Stage {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        foreign::register(Odd).expect("the first of its name");
        assert!(foreign::register(Odd).is_err(), "its name is taken");
    });
    Stage::new(1, 1)
}

fn odd(stage: &mut Stage) -> Far {
    stage.spawn("odd", "odd", vec![])
}

#[test]
fn an_ask_is_answered_with_nothing_a_word_or_a_letter() {
    let mut stage = stage();
    let odd = odd(&mut stage);
    assert_eq!(stage.ask(odd, "none", &[]), Ok(Value::Undefined));
    assert_eq!(stage.ask(odd, "echo", &[]), Ok(Value::Undefined));
    for value in
        [Value::Int(-5), Value::Int(i32::MAX), Value::from(0.25), "text".into(), Value::Null, Value::from(vec![1, 2])]
    {
        assert_eq!(stage.ask(odd, "echo", std::slice::from_ref(&value)), Ok(value.clone()));
    }
    let bits = stage.ask(odd, "bits", &[]).unwrap();
    assert!(matches!(bits, Value::Float(zero) if zero.is_sign_negative()), "minus nothing is no integer: {bits:?}");
    // larger than the bag
    let big = stage.ask(odd, "big", &[Value::Int(300_000)]).unwrap();
    assert_eq!(big.as_str().map(str::len), Some(300_000));
    assert_eq!(stage.ask(odd, "echo", std::slice::from_ref(&big)), Ok(big.clone()));
    assert_eq!(stage.ask(odd, "sender", &[]), Ok(false.into()));
    let error = stage.ask(odd, "unsendable", &[]).unwrap_err();
    assert_eq!(error.get("code").and_then(Value::as_str), Some("ERR_BUSKIN_NOT_SERIALIZABLE"));
    stage.nothing_left();
}

#[test]
fn many_large_replies_of_one_inbox_are_handed_over_in_between() {
    let mut stage = stage();
    let odd = odd(&mut stage);
    let calls: Vec<u32> = (0..200).map(|_| stage.js[0].ask(odd, "big", &[Value::Int(60_000)])).collect();
    stage.run();
    for corr in calls {
        assert!(matches!(stage.js[0].came(corr), Some(Heard::Reply(..))));
    }
    stage.nothing_left();
}

#[test]
fn a_send_is_let_in_once_and_a_tell_with_a_signal_is_answered() {
    let mut stage = stage();
    let odd = odd(&mut stage);
    for round in 0..2 {
        let sent = stage.js[0].post(odd, Some(SEND), "echo", &[Value::Int(1)]);
        let failed = stage.js[0].post(odd, Some(SEND), "refuse", &[]);
        let told = stage.js[0].post(odd, Some(SIGNAL), "echo", &["x".into()]);
        stage.run();
        let heard = stage.js[0].take();
        let of = |corr: u32| {
            heard
                .iter()
                .filter(|h| matches!(h, Heard::Accepted(c, _) | Heard::Reply(c, _) | Heard::Over(c) if *c == corr))
                .count()
        };
        assert_eq!((of(sent), of(failed)), (1, 1), "round {round}: {heard:?}");
        assert!(heard.contains(&Heard::Reply(told, Value::Undefined)), "{heard:?}");
    }
    // the method is looked up: of another name there is none, and that is a dead letter
    let missing = stage.js[0].post(odd, Some(SEND), "nothing", &[]);
    stage.run();
    assert!(stage.js[0].take().contains(&Heard::Refused(missing, dead::NO_HANDLER)));
    stage.nothing_left();
}

#[test]
fn a_method_by_its_name_alone_works_as_well() {
    let mut stage = stage();
    let odd = odd(&mut stage);
    let corr = stage.js[0].post_named(odd, Some(js::ASK), 0, &["echo".into(), "x".into()]);
    stage.run();
    assert_eq!(stage.js[0].came(corr), Some(&Heard::Reply(corr, "x".into())));
    let corr = stage.js[0].post_named(odd, Some(js::ASK), 0, &[Value::Int(5)]);
    stage.run();
    assert!(matches!(stage.js[0].came(corr), Some(Heard::Threw(..))), "a name that is none");
    stage.nothing_left();
}

#[test]
fn what_there_is_no_handler_for_is_told_with_a_remedy_and_is_a_dead_letter() {
    let mut stage = stage();
    let odd = odd(&mut stage);
    stage.hub.posts().listen(0, buskin_core::entry::mode::DEAD);
    let error = stage.ask(odd, "nothing", &[Value::Int(3)]).unwrap_err();
    assert_eq!(error.get("code").and_then(Value::as_str), Some("ERR_BUSKIN_NO_HANDLER"));
    assert!(
        error.message().starts_with("no handler: /odd has none for 'nothing'; its methods are echo, none"),
        "{}",
        error.message()
    );
    let Some(Heard::News(news)) = stage.js[0].take().into_iter().find(|h| matches!(h, Heard::News(_))) else {
        panic!()
    };
    assert_eq!(news[0], "dead".into());
    let letter = |key: &str| news[1].get(key).cloned();
    assert_eq!(letter("reason"), Some("no-handler".into()));
    assert_eq!(letter("target"), Some("/odd".into()));
    assert_eq!(letter("method"), Some("nothing".into()));
    assert_eq!(letter("args"), Some(Value::Array(vec![Value::Int(3)])));
    assert_eq!(letter("sender"), Some(Value::Null));
    let error = stage.ask(odd, "items", &[]).unwrap_err();
    assert!(error.message().ends_with("it is a generator: use ref.stream.items() for it"), "{}", error.message());
    let corr = stage.js[0].post(odd, Some(STREAM), "echo", &[]);
    stage.run();
    let Some(Heard::Threw(_, error)) = stage.js[0].came(corr) else { panic!() };
    assert!(text(error).ends_with("it is no generator: use ref.ask.echo() for it"));
    stage.nothing_left();
}

#[test]
fn a_dead_letter_tells_its_method_and_its_arguments() {
    let mut stage = stage();
    let odd = odd(&mut stage);
    stage.hub.posts().listen(0, buskin_core::entry::mode::DEAD);
    stage.js[0].stop(odd, js::STOP);
    stage.run();
    stage.js[0].take();
    stage.js[0].tell(odd, "echo", &["x".into(), Value::Int(2)]);
    stage.js[0].tell(odd, "echo", &[Value::Int(9)]);
    stage.js[0].tell(odd, "none", &[]);
    stage.run();
    let all: Vec<(Value, Value, Value)> = stage.js[0]
        .take()
        .iter()
        .filter_map(|h| if let Heard::News(n) = h { Some(n[1].clone()) } else { None })
        .map(|n| {
            (n.get("target").cloned().unwrap(), n.get("method").cloned().unwrap(), n.get("args").cloned().unwrap())
        })
        .collect();
    let array = |items: Vec<Value>| Value::Array(items);
    assert_eq!(
        all,
        [
            ("/odd".into(), "echo".into(), array(vec!["x".into(), Value::Int(2)])),
            ("/odd".into(), "echo".into(), array(vec![Value::Int(9)])),
            ("/odd".into(), "none".into(), array(vec![])),
        ]
    );
    stage.nothing_left();
}

#[test]
fn a_failure_is_told_to_who_asked_and_to_the_supervisor_and_a_fresh_instance_follows() {
    let mut stage = stage();
    let odd = stage.spawn("odd", "odd", vec!["it".into(), Value::from(vec![1, 2])]);
    let before = stage.ask(odd, "made", &[]).unwrap();
    for (method, told) in [("fail", "it failed"), ("panic", "panicked: at the disco")] {
        let error = stage.ask(odd, method, &[]).unwrap_err();
        assert_eq!((error.kind, error.message()), (ErrorKind::Error, told));
        assert_eq!(error.get("actor").and_then(Value::as_str), Some("/odd"));
        stage.advance(10);
        let heard = stage.js[0].take();
        let failed = heard.iter().find_map(|h| {
            if let Heard::Failed(seat, told, what) = h { Some((*seat, told.clone(), *what)) } else { None }
        });
        let Some((seat, values, what)) = failed else { panic!("{heard:?}") };
        assert_eq!((seat, what), (odd.seat, directive::RESTART));
        assert_eq!((text(&values[0]), &values[1]), (told.to_owned(), &Value::from(method)));
    }
    let after = stage.ask(odd, "made", &[]).unwrap();
    let (before, after) = (before.as_array().unwrap(), after.as_array().unwrap());
    assert_eq!(before[..2], after[..2], "made of the same arguments");
    assert!(after[2].as_f64() > before[2].as_f64(), "another instance");
    stage.nothing_left();
}

#[test]
fn a_refusal_is_no_failure() {
    let mut stage = stage();
    let odd = odd(&mut stage);
    let error = stage.ask(odd, "refuse", &[]).unwrap_err();
    assert_eq!((error.kind, error.message()), (ErrorKind::Refusal, "not today"));
    assert_eq!(error.get("details"), Some(&Value::Int(7)));
    stage.js[0].tell(odd, "refuse", &[]);
    stage.run();
    assert!(!stage.js[0].heard.iter().any(|h| matches!(h, Heard::Failed(..))));
    let logged = stage.js[0].heard.iter().any(|h| matches!(h, Heard::News(n) if n[0] == "log".into()));
    assert!(logged, "nobody asked: the log says it");
    stage.nothing_left();
}

#[test]
fn what_cannot_be_made_does_not_start_and_says_why() {
    let mut stage = stage();
    for (kind, args, told) in [
        ("odd", vec!["bad".into()], "bad from the start"),
        ("odd", vec!["panic".into()], "panicked: no start"),
        ("odd", vec![Value::Int(5)], "odd.spawn: the argument 'name' is 5; give a string, or leave it out"),
        ("nobody", vec![], "no native actor: 'nobody' is not registered in this process"),
    ] {
        // a kind that there is not is over at once, whatever the options say
        stage.js[0].restart = if kind == "odd" { restart::TEMPORARY } else { restart::TRANSIENT };
        stage.js[0].spawn(kind, 1, "x", args);
        stage.run();
        let heard = stage.js[0].take();
        let failed = heard
            .iter()
            .find_map(|h| if let Heard::Failed(_, told, what) = h { Some((told.clone(), *what)) } else { None });
        let Some((values, what)) = failed else { panic!("{kind}: {heard:?}") };
        assert!(text(&values[0]).starts_with(told), "{values:?}");
        assert_eq!(what, directive::STOP, "{kind}");
    }
    stage.nothing_left();
}

#[test]
fn a_future_holds_its_actor_up_and_answers_at_its_end() {
    let _alone = GATES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut stage = stage();
    let odd = odd(&mut stage);
    let later = stage.js[0].ask(odd, "later", &[]);
    let echo = stage.js[0].ask(odd, "echo", &[Value::Int(1)]);
    stage.run();
    assert_eq!((stage.js[0].came(later), stage.js[0].came(echo)), (None, None));
    WAITING.lock().unwrap().drain(..).for_each(|gate| gate.open());
    stage.run();
    assert_eq!(stage.js[0].came(later), Some(&Heard::Reply(later, "now".into())));
    assert_eq!(stage.js[0].came(echo), Some(&Heard::Reply(echo, Value::Int(1))));
    // one that fails
    let fails = stage.js[0].ask(odd, "laterFails", &[]);
    let sent = stage.js[0].post(odd, Some(SEND), "later", &[]);
    stage.run();
    WAITING.lock().unwrap().drain(..).for_each(|gate| gate.open());
    stage.advance(10);
    let Some(Heard::Threw(_, error)) = stage.js[0].came(fails) else { panic!() };
    assert_eq!(text(error), "failed later");
    WAITING.lock().unwrap().drain(..).for_each(|gate| gate.open());
    stage.run();
    assert!(stage.js[0].heard.iter().any(|h| matches!(h, Heard::Accepted(c, _) | Heard::Reply(c, _) if *c == sent)));
    // one that is killed
    let killed = stage.js[0].ask(odd, "later", &[]);
    stage.run();
    stage.js[0].stop(odd, js::KILL);
    stage.run();
    WAITING.lock().unwrap().clear();
    let Some(Heard::Threw(_, error)) = stage.js[0].came(killed) else { panic!("{:?}", stage.js[0].heard) };
    assert_eq!(
        text(error),
        "actor stopped: /odd ended without completing 'later'; spawn it again, or watch it to learn of its end in time"
    );
    stage.nothing_left();
}

static GATES: Mutex<()> = Mutex::new(());

fn items(heard: &[Heard], corr: u32) -> Vec<i32> {
    let number = |h: &Heard| if let Heard::Item(c, Value::Int(n)) = h { (*c == corr).then_some(*n) } else { None };
    heard.iter().filter_map(number).collect()
}

#[test]
fn a_stream_gives_its_items_in_order_and_ends() {
    let mut stage = stage();
    let odd = odd(&mut stage);
    let corr = stage.js[0].post(odd, Some(STREAM), "items", &[Value::Int(1000)]);
    stage.run();
    assert_eq!(items(&stage.js[0].heard, corr), (1..=1000).collect::<Vec<_>>());
    assert_eq!(stage.js[0].came(corr), Some(&Heard::Reply(corr, Value::Undefined)));
    assert!(stage.js[0].heard.contains(&Heard::Begun(corr)));
    stage.nothing_left();
}

#[test]
fn a_reader_gets_no_more_than_it_has_room_for_and_messages_go_on() {
    let mut stage = stage();
    let odd = odd(&mut stage);
    stage.js[0].credits = false;
    let corr = stage.js[0].post(odd, Some(STREAM), "items", &[Value::Int(1000)]);
    stage.run();
    assert_eq!(items(&stage.js[0].heard, corr).len(), 256);
    assert_eq!(stage.ask(odd, "echo", &[Value::Int(5)]), Ok(Value::Int(5)));
    stage.js[0].credit(corr, 10);
    stage.run();
    assert_eq!(items(&stage.js[0].heard, corr).len(), 266);
    stage.js[0].leave(corr);
    stage.run();
    assert_eq!(stage.js[0].came(corr), Some(&Heard::Reply(corr, Value::Undefined)));
    assert_eq!(items(&stage.js[0].heard, corr).len(), 266);
    stage.nothing_left();
}

#[test]
fn a_stream_that_breaks_fails_its_actor_and_one_whose_actor_ends_is_told() {
    let mut stage = stage();
    let odd = odd(&mut stage);
    let corr = stage.js[0].post(odd, Some(STREAM), "broken", &[]);
    stage.advance(10);
    assert_eq!(items(&stage.js[0].heard, corr), [1, 2, 3]);
    let Some(Heard::Threw(_, error)) = stage.js[0].came(corr) else { panic!("{:?}", stage.js[0].heard) };
    assert_eq!(text(error), "broke");
    assert!(
        stage.js[0]
            .heard
            .iter()
            .any(|h| matches!(h, Heard::Failed(_, told, directive::RESTART) if text(&told[0]) == "broke"))
    );
    stage.js[0].credits = false;
    let corr = stage.js[0].post(odd, Some(STREAM), "items", &[Value::Int(1000)]);
    let wrong = stage.js[0].post(odd, Some(STREAM), "items", &["many".into()]);
    stage.run();
    assert!(matches!(stage.js[0].came(wrong), Some(Heard::Threw(..))));
    stage.js[0].stop(odd, js::STOP);
    stage.run();
    let Some(Heard::Threw(_, error)) = stage.js[0].came(corr) else { panic!("{:?}", stage.js[0].heard) };
    assert_eq!(
        text(error),
        "actor stopped: /odd ended without completing 'items'; spawn it again, or watch it to learn of its end in time"
    );
    assert!(stage.js[0].heard.contains(&Heard::Ended(odd.seat, reason::NORMAL)));
    stage.nothing_left();
}
