//! What JavaScript wrote, read and written again.

mod common;

use std::collections::BTreeSet;

use buskin_value::{Codec, DecodeError, Malformed, Message, Text, Value};
use common::{World, brief, recorded, show};

fn small_stack(body: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(body).expect("a thread");
    thread.join().expect("it comes to its end");
}

#[test]
fn messages_of_javascript_are_read_as_what_was_sent() {
    let (mut world, all) = recorded();
    let mut codec = Codec::new();
    assert!(all.len() > 30);
    for vector in all {
        world.pieces = vector.pieces;
        let values = codec.decode(&vector.bytes, &mut world).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        let shown: Vec<_> = values.iter().map(|value| brief(&show(value))).collect();
        assert_eq!(shown, vector.values, "{}", vector.name);
    }
}

#[test]
fn values_are_written_as_the_bytes_that_javascript_writes() {
    let (mut there, all) = recorded();
    // this side begins with nothing, as that of JavaScript did: it has to come to the same shapes in the same order
    let (mut here, mut reads, mut writes) = (World::default(), Codec::new(), Codec::new());
    for vector in all {
        there.pieces.clone_from(&vector.pieces);
        here.pieces.clear();
        let values = reads.decode(&vector.bytes, &mut there).expect("a message");
        let mut bytes = vec![0xee];
        writes.encode(&values, &mut bytes, &mut here).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(bytes[1..], vector.bytes, "{}", vector.name);
        assert_eq!(here.pieces, vector.pieces, "{}", vector.name);
    }
    assert_eq!(here.lists, there.lists);
}

#[test]
fn every_argument_can_be_kept_and_sent_alone() {
    let (mut world, all) = recorded();
    let mut codec = Codec::new();
    let (mut alone_as_shown, mut shared) = (0, 0);
    for vector in all {
        world.pieces = vector.pieces;
        world.is_whole = true;
        let mut message = Message::new(&vector.bytes).expect("a message");
        let mut kept: Vec<buskin_value::Kept> = Vec::new();
        while let Some(value) = message.next(&mut codec, &mut world).unwrap_or_else(|e| panic!("{}: {e}", vector.name))
        {
            let own = match value.keep(&mut world) {
                Ok(own) => own,
                // with objects of another argument in it, it cannot be alone
                Err(DecodeError { why: Malformed::Shared(_), .. }) if vector.values[kept.len()].contains('&') => {
                    shared += 1;
                    kept[0].clone()
                }
                Err(error) => panic!("{}, argument {}: {error}", vector.name, kept.len()),
            };
            kept.push(own);
        }
        assert_eq!(kept.len(), vector.values.len(), "{}", vector.name);
        world.pieces.clear(); // what lay beside the message is in what was kept
        for (own, shown) in kept.iter().zip(&vector.values) {
            let mut alone = Vec::new();
            own.write_message(&mut alone);
            let values = codec.decode(&alone, &mut world).unwrap_or_else(|e| panic!("{}: {e}", vector.name));
            let [value] = &values[..] else { panic!("{}: one value", vector.name) };
            if !shown.contains('&') {
                assert_eq!(brief(&show(value)), *shown, "{}", vector.name);
                alone_as_shown += 1;
            }
            assert_eq!(show(&own.to_value(&mut codec, &mut world).expect("a value")), show(value));
            let mut again = Vec::new();
            codec.encode(&[Value::Kept(own.clone())], &mut again, &mut world).expect("bytes");
            assert_eq!(again, alone);
        }
    }
    assert!(alone_as_shown > 200);
    assert_eq!(shared, 6);
}

#[test]
fn a_store_reads_the_key_where_it_lies_and_keeps_the_value_unseen() {
    let (mut world, all) = recorded();
    let mut codec = Codec::new();
    let vector = all.iter().find(|vector| vector.name == "a key and a value that is cyclic").expect("there is one");
    let mut message = Message::new(&vector.bytes).expect("a message");
    assert_eq!(message.left(), 2);
    let key = message.text().expect("a string");
    assert!(matches!(key, std::borrow::Cow::Borrowed("key")));
    let kept = message.keep_last(true, &mut codec, &mut world).expect("a value");
    assert_eq!(kept.size(), vector.bytes.len() - 6);

    // alone, and behind other objects and other kept values, its objects have other numbers
    let mut alone = Vec::new();
    kept.write_message(&mut alone);
    let value = codec.decode(&alone, &mut world).expect("a message").remove(0);
    assert_eq!(show(&value), "{\"list\": [&0, &1], \"self\": &0}");
    let pair = |key: &str| Value::Array(vec![key.into(), Value::Kept(kept.clone())]);
    let mut list = Vec::new();
    codec.encode(&[Value::Array(vec![pair("a"), pair("b"), Value::Again(1)])], &mut list, &mut world).expect("bytes");
    let list = codec.decode(&list, &mut world).expect("a message").remove(0);
    let expected = "[[\"a\", {\"list\": [&2, &3], \"self\": &2}], [\"b\", {\"list\": [&5, &6], \"self\": &5}], &1]";
    assert_eq!(show(&list), expected);
}

#[test]
fn arguments_that_are_missing_or_left_over_are_noticed() {
    let (mut world, mut codec) = (World::default(), Codec::new());
    let at_key = |bytes: &'static [u8]| {
        let mut message = Message::new(bytes).expect("it begins as one");
        message.text().expect("a key");
        message
    };
    let mut keep = |message: Message<'_>| message.keep_last(true, &mut codec, &mut world);
    assert_eq!(keep(at_key(&[0, 1, 0x61, b'k'])).expect("undefined").size(), 1);
    for (bytes, why) in [
        (&[0, 1, 0x61, b'k', 5][..], Malformed::Left),
        (&[0, 3, 0x61, b'k', 5, 6], Malformed::Left),
        (&[0, 2, 0x61, b'k'], Malformed::Short),
    ] {
        assert_eq!(keep(at_key(bytes)).expect_err("malformed").why, why);
    }
    assert_eq!(Message::new(&[0, 0]).expect("a message").text().expect_err("no argument").why, Malformed::NoText);
    assert_eq!(Message::new(&[2, 0]).expect_err("malformed").why, Malformed::Head(2));
    assert_eq!(Message::new(&[0, 2, 1]).expect_err("malformed").why, Malformed::Announced);
}

#[test]
fn the_same_string_has_the_same_bytes_whoever_wrote_it() {
    let mut codec = Codec::new();
    let (mut world, all) = recorded();
    for vector in all.iter().filter(|vector| vector.name.contains("string") || vector.name.contains("halves")) {
        let mut message = Message::new(&vector.bytes).expect("a message");
        while let Some(value) = message.next(&mut codec, &mut world).expect("a value") {
            let own = value.to_value(&mut codec, &mut world).expect("a value");
            let mut bytes = Vec::new();
            codec.encode(&[own], &mut bytes, &mut world).expect("bytes");
            assert_eq!(&bytes[2..], value.as_bytes());
        }
    }
}

#[test]
fn a_thousand_levels_fit_a_small_stack_and_more_are_refused() {
    small_stack(|| {
        let mut codec = Codec::new();
        let mut world = World::default();
        let levels = |count: usize| [vec![0_u8, 1], vec![0xa1; count - 1], vec![0xa0]].concat();
        let maps = |count: usize| [vec![0_u8, 1], [0xc4, 0x00].repeat(count), vec![0x00], vec![0xc1; count]].concat();
        let errors = |count: usize| {
            let fields = [0xc8_u8, 0x00, 0xc1, 0x61, b'e'].repeat(count);
            [vec![0, 1], fields, vec![0x00], vec![0xc1; count]].concat()
        };
        for make in [&levels as &dyn Fn(usize) -> Vec<u8>, &maps, &errors] {
            let values = codec.decode(&make(1000), &mut world).expect("as deep as may be");
            let mut bytes = Vec::new();
            codec.encode(&values, &mut bytes, &mut world).expect("bytes");
            assert_eq!(bytes, make(1000));
            let nested = [Value::Array(values)];
            assert_eq!(codec.encode(&nested, &mut bytes, &mut world), Err(buskin_value::EncodeError::TooDeep));
            assert_eq!(bytes.len(), make(1000).len(), "nothing stays of what could not be written");
            assert!(codec.decode(&make(1001), &mut world).is_err());
            let far_too_many = make(100_000);
            assert!(codec.decode(&far_too_many, &mut world).is_err());
            let mut message = Message::new(&far_too_many).expect("it begins as one");
            assert!(message.next(&mut codec, &mut world).is_err());
        }
        let boxes = [vec![0_u8, 1], vec![0xd2; 100_000]].concat();
        assert!(codec.decode(&boxes, &mut world).is_err());
        let lengths = [vec![0_u8, 1], vec![0xbd; 100_000]].concat();
        assert!(codec.decode(&lengths, &mut world).is_err());
    });
}

#[test]
fn the_vectors_have_every_kind_of_value_that_a_writer_writes() {
    let (mut world, all) = recorded();
    let mut codec = Codec::new();
    let mut kinds = BTreeSet::new();
    for vector in all {
        world.pieces = vector.pieces;
        for value in codec.decode(&vector.bytes, &mut world).expect("a message") {
            collect(&value, &mut kinds);
        }
    }
    let has = |kind: &str| kinds.contains(kind);
    let values = "Undefined Null Bool Int Float BigInt64 BigInt Text Array Hole Object Map Set Date RegExp Error DomException \
        View Buffer Url UrlParams Boxed Instance Ref Again";
    let views = "Int8 Uint8 Uint8Clamped Int16 Uint16 Int32 Uint32 Float32 Float64 BigInt64 BigUint64 DataView Buffer";
    let errors =
        "Error TypeError RangeError SyntaxError ReferenceError EvalError UriError AggregateError BuskinError Refusal";
    let missing: Vec<_> = [("", values), ("view ", views), ("error ", errors)]
        .into_iter()
        .flat_map(|(what, names)| names.split_whitespace().map(move |name| format!("{what}{name}")))
        .filter(|kind| !has(kind))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// What kinds of values are in a value.
fn collect(value: &Value, kinds: &mut BTreeSet<String>) {
    let debug = format!("{value:?}");
    kinds.insert(debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().into());
    let mut fields = |entries: &[(Text, Value)]| entries.iter().for_each(|(_, value)| collect(value, kinds));
    match value {
        Value::Array(items) | Value::Set(items) => items.iter().for_each(|item| collect(item, kinds)),
        Value::Object(object) => fields(&object.entries),
        Value::Map(entries) => entries.iter().for_each(|(key, value)| {
            collect(key, kinds);
            collect(value, kinds);
        }),
        Value::Error(error) => {
            fields(&error.hidden);
            fields(&error.own);
            kinds.insert(format!("error {:?}", error.kind));
        }
        Value::Instance(instance) => collect(&instance.data, kinds),
        Value::View(view) => drop(kinds.insert(format!("view {:?}", view.kind))),
        _ => {}
    }
}
