//! Any value comes back, and no bytes do any harm.

mod common;

use buskin_value::{
    BigInt, Codec, DomException, ErrorKind, ErrorValue, Instance, Message, Object, RefValue, RegExp, Text, Value, View,
    ViewKind,
};
use common::{World, recorded, show};
use proptest::collection::vec;
use proptest::prelude::*;

const VIEWS: [ViewKind; 14] = [
    ViewKind::Int8,
    ViewKind::Uint8,
    ViewKind::Uint8Clamped,
    ViewKind::Int16,
    ViewKind::Uint16,
    ViewKind::Int32,
    ViewKind::Uint32,
    ViewKind::Float32,
    ViewKind::Float64,
    ViewKind::BigInt64,
    ViewKind::BigUint64,
    ViewKind::DataView,
    ViewKind::Buffer,
    ViewKind::Float16,
];

const ERRORS: [ErrorKind; 10] = [
    ErrorKind::Error,
    ErrorKind::TypeError,
    ErrorKind::RangeError,
    ErrorKind::SyntaxError,
    ErrorKind::ReferenceError,
    ErrorKind::EvalError,
    ErrorKind::UriError,
    ErrorKind::AggregateError,
    ErrorKind::BuskinError,
    ErrorKind::Refusal,
];

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        8 => "[a-z0-9 ]{0,8}".prop_map(Text::from),
        2 => "\\PC{0,80}".prop_map(Text::from),
        1 => vec(any::<u16>(), 0..80).prop_map(|units| Text::from_utf16(&units)),
        1 => vec(0_u16..0x180, 0..80).prop_map(|units| Text::from_utf16(&units)),
    ]
}

/// Few keys, so that objects have the same.
fn key() -> impl Strategy<Value = Text> {
    prop_oneof![8 => "[a-c]", 1 => "[a-z]{0,70}", 1 => "\\PC{0,3}"].prop_map(Text::from)
}

fn primitive() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::Int),
        (-200_i32..200).prop_map(Value::Int),
        any::<f64>().prop_map(Value::number),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::BigInt64),
        (any::<bool>(), vec(any::<u64>(), 0..5)).prop_map(|(sign, limbs)| Value::bigint(BigInt::new(sign, limbs))),
        text().prop_map(Value::Text),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    let memory = |most| vec(any::<u8>(), 0..most);
    prop_oneof![
        8 => primitive(),
        1 => Just(Value::Undefined),
        1 => Just(Value::Null),
        1 => primitive().prop_map(|value| Value::Boxed(Box::new(value))),
        1 => any::<f64>().prop_map(Value::Date),
        1 => memory(40).prop_map(Value::Buffer),
        1 => (0..VIEWS.len(), memory(5)).prop_map(|(kind, items)| {
            let kind = VIEWS[kind];
            Value::View(View { kind, bytes: items.repeat(kind.size()) })
        }),
        1 => text().prop_map(Value::Url),
        1 => text().prop_map(Value::UrlParams),
        1 => (text(), text(), any::<f64>())
            .prop_map(|(source, flags, last_index)| Value::RegExp(Box::new(RegExp { source, flags, last_index }))),
        1 => (text(), text(), text())
            .prop_map(|(name, message, stack)| Value::DomException(Box::new(DomException { name, message, stack }))),
        1 => (any::<u32>(), any::<i32>(), any::<u32>(), proptest::option::of(text()))
            .prop_map(|(address, age, class, path)| Value::from(RefValue { address, age, class, path })),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 60, 6, |inner| {
        let entries = vec((key(), inner.clone()), 0..5).boxed();
        let item = prop_oneof![9 => inner.clone(), 1 => Just(Value::Hole)];
        prop_oneof![
            3 => vec(item, 0..20).prop_map(Value::Array),
            3 => (entries.clone(), any::<bool>()).prop_map(|(entries, is_bare)| Value::Object(Object { entries, is_bare })),
            1 => vec((inner.clone(), inner.clone()), 0..5).prop_map(Value::Map),
            1 => vec(inner.clone(), 0..5).prop_map(Value::Set),
            1 => (0..ERRORS.len(), entries.clone(), entries).prop_map(|(kind, hidden, own)| {
                Value::from(ErrorValue { kind: ERRORS[kind], hidden, own })
            }),
            1 => (text(), inner).prop_map(|(name, data)| Value::Instance(Box::new(Instance { name, data }))),
        ]
    })
}

fn shown(values: &[Value]) -> Vec<String> {
    values.iter().map(show).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read(messages in vec(vec(value(), 0..4), 1..4)) {
        let mut world = World::default();
        let (mut there, mut here) = (Codec::new(), Codec::new());
        for values in messages {
            let mut bytes = Vec::new();
            there.encode(&values, &mut bytes, &mut world).expect("it can be written");
            let read = here.decode(&bytes, &mut world).expect("it can be read");
            prop_assert_eq!(shown(&read), shown(&values));
        }
    }

    #[test]
    fn what_is_kept_is_what_was_written_wherever_it_comes(values in vec(value(), 1..5)) {
        let mut world = World::default();
        let mut codec = Codec::new();
        let mut bytes = Vec::new();
        // twice, so that objects occur again in both
        let twice: Vec<_> = values.iter().map(|value| Value::Array(vec![Value::Array(vec![]), value.clone()])).collect();
        codec.encode(&twice, &mut bytes, &mut world).expect("it can be written");
        let mut message = Message::new(&bytes).expect("a message");
        let mut kept = Vec::new();
        while let Some(value) = message.next(&mut codec, &mut world).expect("a value") {
            kept.push(Value::Kept(value.keep(&mut world).expect("it can be kept")));
        }
        let mut again = Vec::new();
        codec.encode(&kept, &mut again, &mut world).expect("it can be written");
        prop_assert_eq!(&again, &bytes, "as they came");
        kept.push(Value::Array(vec![kept[0].clone(), Value::Again(0), kept[0].clone()]));
        codec.encode(&kept, &mut again, &mut world).expect("it can be written, too");
        let behind = codec.decode(&again[bytes.len()..], &mut world).expect("it can be read");
        prop_assert_eq!(shown(&behind[..twice.len()]), shown(&twice));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300), head in 0_u8..3) {
        let (mut world, _) = recorded();
        harmless(&bytes, &mut world);
        let bytes = [vec![head], bytes].concat();
        harmless(&bytes, &mut world);
    }

    #[test]
    fn messages_of_javascript_with_mistakes_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        mistakes in vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let (mut world, mut all) = recorded();
        let vector = all.swap_remove(which.index(all.len()));
        world.pieces = vector.pieces;
        let mut bytes = vector.bytes;
        for (at, byte, what) in mistakes {
            let at = at.index(bytes.len().max(1));
            match what {
                _ if bytes.is_empty() => {}
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte & 7),
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        harmless(&bytes, &mut world);
    }

    #[test]
    fn a_message_that_was_cut_off_is_refused(which in any::<prop::sample::Index>(), end in any::<prop::sample::Index>()) {
        let (mut world, mut all) = recorded();
        let vector = all.swap_remove(which.index(all.len()));
        world.pieces = vector.pieces;
        let end = end.index(vector.bytes.len());
        let error = Codec::new().decode(&vector.bytes[..end], &mut world).expect_err("too short");
        prop_assert!(error.at <= end);
    }
}

/// Reads them in each way there is. What can be read can be written, and is the same then.
fn harmless(bytes: &[u8], world: &mut World) {
    let mut codec = Codec::new();
    let read = codec.decode(bytes, world);
    let scanned = all_kept(bytes, &mut codec, world);
    match read {
        Err(error) => assert!(error.at <= bytes.len() && !error.to_string().is_empty()),
        Ok(values) => {
            let mut again = Vec::new();
            match codec.encode(&values, &mut again, world) {
                Ok(()) => {
                    let read = codec.decode(&again, world).expect("it was written here");
                    assert_eq!(shown(&read), shown(&values));
                }
                Err(error) => {
                    assert_eq!(error, buskin_value::EncodeError::Moved, "the only one that cannot be written");
                }
            }
            // whoever only goes over it agrees about where it ends
            assert!(scanned.is_some(), "read, but not gone over");
        }
    }
}

/// How many arguments there are, if all can be gone over. They are kept where they can be, and read.
fn all_kept(bytes: &[u8], codec: &mut Codec, world: &mut World) -> Option<usize> {
    let mut message = Message::new(bytes).ok()?;
    let mut count = 0;
    while let Some(value) = message.next(codec, world).ok()? {
        count += 1;
        let _ = (value.as_text(), value.as_f64(), value.is_nullish());
        if let Ok(kept) = value.keep(world) {
            let _ = kept.to_value(codec, world);
            let _ = codec.encode(&[Value::Kept(kept.clone()), Value::Kept(kept)], &mut Vec::new(), world);
        }
    }
    let mut message = Message::new(bytes).ok()?;
    if message.left() > 1 && message.text().is_ok() {
        let _ = message.clone().keep_last(true, codec, world).map(|kept| kept.to_value(codec, world));
        let _ = message.keep_last(false, codec, world);
    }
    Some(count)
}
