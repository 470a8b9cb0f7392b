//! `native('kv')`, as an isolate of JavaScript's calls it.

mod js;

use buskin_value::{ErrorKind, Value};
use js::{Heard, STREAM, Stage};

fn int(value: i32) -> Value {
    Value::Int(value)
}

fn texts<const N: usize>(items: [&str; N]) -> Value {
    Value::Array(items.into_iter().map(Value::from).collect())
}

#[test]
fn values_come_back_as_they_went() {
    let mut stage = Stage::new(1, 1);
    let kv = stage.spawn("kv", "store", vec![]);
    let values = [
        int(7),
        Value::from(1.5),
        "text".into(),
        Value::Null,
        Value::Undefined,
        Value::Bool(true),
        Value::object([("name", Value::from("a")), ("list", Value::from(vec![1, 2, 3]))]),
        Value::node_buffer(vec![9_u8; 40_000]), // travels beside its message, and is taken inside
        "ä".repeat(100).as_str().into(),
    ];
    for (at, value) in values.iter().enumerate() {
        let key = format!("key-{at}");
        assert_eq!(stage.ask(kv, "set", &[key.as_str().into(), value.clone()]), Ok(Value::Undefined));
        assert_eq!(stage.ask(kv, "get", &[key.as_str().into()]).as_ref(), Ok(value), "{value:?}");
    }
    assert_eq!(stage.ask(kv, "get", &["missing".into()]), Ok(Value::Undefined));
    assert_eq!(stage.ask(kv, "has", &["key-0".into()]), Ok(true.into()));
    assert_eq!(stage.ask(kv, "has", &["missing".into()]), Ok(false.into()));
    assert_eq!(stage.ask(kv, "size", &[]), Ok(int(9)));
    assert_eq!(stage.ask(kv, "delete", &["key-0".into()]), Ok(true.into()));
    assert_eq!(stage.ask(kv, "delete", &["key-0".into()]), Ok(false.into()));
    assert_eq!(stage.ask(kv, "clear", &[]), Ok(int(8)));
    assert_eq!(stage.ask(kv, "size", &[]), Ok(int(0)));
    stage.nothing_left();
}

#[test]
fn a_store_takes_memory_out_of_a_message_once_and_gives_it_often() {
    let mut stage = Stage::new(1, 1);
    let kv = stage.spawn("kv", "store", vec![]);
    let large = |byte: u8| Value::node_buffer(vec![byte; 20_000]);
    let nested = Value::object([("head", Value::from("x")), ("body", large(3)), ("again", Value::from(vec![1]))]);
    stage.ask(kv, "set", &["nested".into(), nested.clone()]).unwrap();
    let options = Value::object([("ttl", 60_000)]);
    stage.ask(kv, "set", &["with".into(), large(4), options]).unwrap();
    for _ in 0..3 {
        assert_eq!(stage.ask(kv, "get", &["nested".into()]).as_ref(), Ok(&nested));
        let many = stage.ask(kv, "getMany", &[texts(["with", "nested"])]);
        assert_eq!(many, Ok(Value::Array(vec![large(4), nested.clone()])));
    }
    assert_eq!(stage.ask(kv, "compareAndSet", &["nested".into(), nested, int(1)]), Ok(true.into()));
    stage.nothing_left();
}

#[test]
fn counters_count_and_hold_numbers_only() {
    let mut stage = Stage::new(1, 1);
    let kv = stage.spawn("kv", "store", vec![]);
    assert_eq!(stage.ask(kv, "increment", &["hits".into()]), Ok(int(1)));
    assert_eq!(stage.ask(kv, "increment", &["hits".into(), int(41)]), Ok(int(42)));
    assert_eq!(stage.ask(kv, "increment", &["hits".into(), Value::from(-0.5)]), Ok(Value::from(41.5)));
    assert_eq!(stage.ask(kv, "get", &["hits".into()]), Ok(Value::from(41.5)));
    stage.js[0].tell(kv, "set", &["hits".into(), int(10)]);
    assert_eq!(stage.ask(kv, "increment", &["hits".into()]), Ok(int(11)));
    stage.js[0].tell(kv, "set", &["text".into(), "x".into()]);
    let error = stage.ask(kv, "increment", &["text".into()]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TypeError);
    assert_eq!(
        error.message(),
        "kv.increment: the value of 'text' is no number; set it to one, or count under another key"
    );
    assert_eq!(stage.ask(kv, "get", &["text".into()]), Ok("x".into()));
}

#[test]
fn what_is_wrong_with_a_call_is_its_callers_alone() {
    let mut stage = Stage::new(1, 1);
    let kv = stage.spawn("kv", "store", vec![]);
    stage.js[0].tell(kv, "set", &["kept".into(), int(1)]);
    let object = || Value::object([("ttl", "soon")]);
    let wrong: &[(&str, Vec<Value>, &str)] = &[
        ("get", vec![], "kv.get: the argument 'key' is missing; give a string"),
        ("get", vec![int(5)], "kv.get: the argument 'key' is 5; give a string"),
        ("set", vec![Value::Null, int(5)], "kv.set: the argument 'key' is null; give a string"),
        (
            "set",
            vec!["a".into(), int(1), int(2)],
            "kv.set: the argument 'options' is 2; give an object with 'ttl', or leave it out",
        ),
        ("set", vec!["a".into(), int(1), object()], "kv.set: the argument 'ttl' is 'soon'; give a number of ms"),
        (
            "set",
            vec!["a".into(), int(1), Value::object([("tll", 5)])],
            "kv.set: there is no option 'tll'; the only one is 'ttl', in ms",
        ),
        ("increment", vec!["a".into(), "b".into()], "kv.increment: the argument 'by' is 'b'; give a number"),
        ("keys", vec!["a".into(), int(-1)], "kv.keys: the argument 'limit' is -1; give an integer of 0 or more"),
        ("getMany", vec!["a".into()], "kv.getMany: the argument 'keys' is 'a'; give an array of strings"),
        (
            "compareAndSet",
            vec!["a".into(), int(1)],
            "kv.compareAndSet: the argument 'value' is missing; give what it is to be set to; delete removes a key",
        ),
        (
            "setMany",
            vec![int(3)],
            "kv.setMany: the argument 'entries' is 3; give an object, a Map, or an array of [key, value]",
        ),
        (
            "expire",
            vec!["kept".into(), int(-5)],
            "kv.expire: the argument 'ms' is -5; give a number of ms of 0 or more",
        ),
    ];
    for (method, args, told) in wrong {
        let error = stage.ask(kv, method, args).unwrap_err();
        assert_eq!((error.kind, error.message()), (ErrorKind::TypeError, *told));
        assert_eq!(error.get("actor").and_then(Value::as_str), Some("/store"));
        assert_eq!(error.get("method").and_then(Value::as_str), Some(*method));
        let stack = format!("TypeError: {told}\n    at /store.{method} (native)");
        assert_eq!(error.get("stack").and_then(Value::as_str), Some(&*stack));
    }
    // the store has not failed, and has what it had
    assert_eq!(stage.ask(kv, "get", &["kept".into()]), Ok(int(1)));
    assert!(!stage.js[0].heard.iter().any(|heard| matches!(heard, Heard::Failed(..))));
    stage.nothing_left();
}

#[test]
fn compare_and_set_sets_what_was_expected() {
    let mut stage = Stage::new(1, 1);
    let kv = stage.spawn("kv", "store", vec![]);
    let point = |x: i32| Value::object([("x", Value::Int(x)), ("tags", texts(["a", "b"]))]);
    let mut swap = |expected: Value, value: Value| stage.ask(kv, "compareAndSet", &["k".into(), expected, value]);
    assert_eq!(swap(int(1), point(1)), Ok(false.into()));
    assert_eq!(swap(Value::Undefined, point(1)), Ok(true.into()), "a key that is not there is undefined");
    assert_eq!(swap(point(2), point(3)), Ok(false.into()));
    // the same object again and again: in between it gets a shape, and other bytes
    for x in 1..6 {
        assert_eq!(swap(point(x), point(x + 1)), Ok(true.into()));
    }
    assert_eq!(stage.ask(kv, "get", &["k".into()]), Ok(point(6)));
    stage.ask(kv, "increment", &["n".into()]).unwrap();
    assert_eq!(stage.ask(kv, "compareAndSet", &["n".into(), int(1), int(5)]), Ok(true.into()));
}

#[test]
fn many_at_once_and_keys_in_order() {
    let mut stage = Stage::new(1, 1);
    let kv = stage.spawn("kv", "store", vec![]);
    stage.ask(kv, "setMany", &[Value::object([("b", 2), ("a", 1)])]).unwrap();
    stage.ask(kv, "setMany", &[Value::Map(vec![("c".into(), int(3))])]).unwrap();
    stage.ask(kv, "setMany", &[Value::Array(vec![Value::Array(vec!["user:1".into(), "x".into()])])]).unwrap();
    // one that is wrong, and nothing is set
    let pairs = Value::Array(vec![Value::Array(vec!["z".into(), int(1)]), int(2)]);
    assert!(stage.ask(kv, "setMany", &[pairs]).is_err());
    assert_eq!(stage.ask(kv, "keys", &[]), Ok(texts(["a", "b", "c", "user:1"])));
    assert_eq!(stage.ask(kv, "keys", &["user:".into()]), Ok(texts(["user:1"])));
    assert_eq!(stage.ask(kv, "keys", &[Value::Undefined, int(2)]), Ok(texts(["a", "b"])));
    let got = stage.ask(kv, "getMany", &[texts(["a", "none", "user:1"])]);
    assert_eq!(got, Ok(Value::Array(vec![int(1), Value::Undefined, "x".into()])));
}

#[test]
fn what_has_a_time_to_live_is_gone_after_it_and_its_memory_too() {
    let mut stage = Stage::new(1, 1);
    let kv = stage.spawn("kv", "store", vec![]);
    let ttl = |ms: i32| Value::object([("ttl", Value::Int(ms))]);
    stage.ask(kv, "set", &["short".into(), int(1), ttl(100)]).unwrap();
    stage.ask(kv, "set", &["long".into(), int(2), ttl(1000)]).unwrap();
    stage.ask(kv, "set", &["always".into(), int(3)]).unwrap();
    stage.advance(99);
    assert_eq!(stage.ask(kv, "size", &[]), Ok(int(3)));
    stage.advance(1);
    assert_eq!(stage.ask(kv, "get", &["short".into()]), Ok(Value::Undefined));
    assert_eq!(stage.ask(kv, "expire", &["long".into(), int(5000)]), Ok(true.into()));
    stage.advance(2000);
    assert_eq!(stage.ask(kv, "get", &["long".into()]), Ok(int(2)));
    // set without a time takes it back, null too
    stage.ask(kv, "set", &["long".into(), int(4)]).unwrap();
    assert_eq!(stage.ask(kv, "expire", &["always".into(), int(10)]), Ok(true.into()));
    assert_eq!(stage.ask(kv, "expire", &["always".into(), Value::Null]), Ok(true.into()));
    assert_eq!(stage.ask(kv, "expire", &["nothing".into(), int(10)]), Ok(false.into()));
    stage.advance(100_000);
    assert_eq!(stage.ask(kv, "size", &[]), Ok(int(2)));
}

#[test]
fn a_watch_tells_changes_and_what_expires_without_any_call() {
    let mut stage = Stage::new(1, 1);
    let kv = stage.spawn("kv", "store", vec![]);
    let corr = stage.js[0].post(kv, Some(STREAM), "watch", &["a".into()]);
    stage.run();
    stage.ask(kv, "set", &["a1".into(), int(1), Value::object([("ttl", 50)])]).unwrap();
    stage.ask(kv, "set", &["b1".into(), int(1)]).unwrap();
    stage.ask(kv, "increment", &["a2".into()]).unwrap();
    stage.ask(kv, "delete", &["a2".into()]).unwrap();
    stage.js[0].take();
    stage.ask(kv, "setMany", &[Value::object([("a3", "x")])]).unwrap();
    stage.advance(60);
    let items: Vec<Value> = stage.js[0]
        .take()
        .into_iter()
        .filter_map(|h| if let Heard::Item(c, v) = h { (c == corr).then_some(v) } else { None })
        .collect();
    let set = Value::object([("type", Value::from("set")), ("key", "a3".into()), ("value", "x".into())]);
    assert_eq!(items, [set, Value::object([("type", "expire"), ("key", "a1")])]);
    stage.js[0].leave(corr);
    stage.run();
    assert_eq!(stage.js[0].came(corr), Some(&Heard::Reply(corr, Value::Undefined)));
    stage.nothing_left();
}

#[test]
fn a_watch_that_nobody_reads_ends_with_a_word_and_keeps_a_bound() {
    let mut stage = Stage::new(1, 1);
    let kv = stage.spawn("kv", "store", vec![]);
    stage.js[0].credits = false;
    let corr = stage.js[0].post(kv, Some(STREAM), "watch", &[]);
    stage.run();
    for _ in 0..70_000 {
        stage.js[0].tell(kv, "increment", &["n".into()]);
    }
    stage.run();
    let items = stage.js[0].heard.iter().filter(|h| matches!(h, Heard::Item(..))).count();
    assert_eq!(items, 256, "as many as it had room for");
    stage.js[0].credit(corr, 1_000_000);
    stage.run();
    let told = stage.js[0].came(corr).cloned();
    let Some(Heard::Threw(_, error)) = told else { panic!("{told:?}") };
    assert!(js::text(&error).starts_with("kv.watch: more than 65536 changes waited"), "{error:?}");
    assert_eq!(stage.ask(kv, "get", &["n".into()]), Ok(int(70_000)));
    stage.nothing_left();
}
