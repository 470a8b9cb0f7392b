//! A system as far as a codec can tell, the vectors that JavaScript wrote, and values as texts.
#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]

use std::collections::HashMap;
use std::fmt::Write as _;

use buskin_value::{ErrorValue, Outside, Text, Value, ViewKind};

#[derive(Debug, Default)]
pub struct World {
    pub lists: Vec<Box<str>>,
    pub numbers: HashMap<Box<str>, u16>,
    pub pieces: Vec<Vec<u8>>,
    /// Nothing may lie beside a message.
    pub is_whole: bool,
}

impl Outside for World {
    fn shape(&mut self, keys: &str) -> Option<u16> {
        if let Some(known) = self.numbers.get(keys) {
            return Some(*known);
        }
        let number = u16::try_from(self.lists.len()).ok()?;
        self.lists.push(keys.into());
        self.numbers.insert(keys.into(), number);
        Some(number)
    }

    fn keys(&mut self, shape: u16) -> Option<Box<str>> {
        self.lists.get(usize::from(shape)).cloned()
    }

    fn piece(&mut self, place: u64) -> Option<Vec<u8>> {
        self.pieces.get(usize::try_from(place).ok()?).cloned()
    }

    fn attach(&mut self, bytes: &[u8]) -> Option<u32> {
        if self.is_whole {
            return None;
        }
        self.pieces.push(bytes.to_vec());
        u32::try_from(self.pieces.len() - 1).ok()
    }
}

/// One message of vectors.txt.
#[derive(Debug, Default)]
pub struct Vector {
    pub name: String,
    /// Lists of keys that it was the first to use.
    pub shapes: Vec<String>,
    pub pieces: Vec<Vec<u8>>,
    pub bytes: Vec<u8>,
    pub values: Vec<String>,
}

pub fn vectors() -> Vec<Vector> {
    let mut all = Vec::new();
    let mut shapes = Vec::new();
    for line in include_str!("../vectors.txt").lines().filter(|line| !line.starts_with('#')) {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        if kind == "message" {
            all.push(Vector { name: rest.into(), shapes: std::mem::take(&mut shapes), ..Vector::default() });
            continue;
        }
        if kind == "shape" {
            shapes.push(rest.into());
            continue;
        }
        let last: &mut Vector = all.last_mut().expect("a message comes first");
        match kind {
            "piece" => last.pieces.push(unpack(rest)),
            "bytes" => last.bytes = unpack(rest),
            "value" => last.values.push(rest.into()),
            _ => panic!("an unknown line: {line}"),
        }
    }
    all
}

/// The vectors with the system that they were written in.
pub fn recorded() -> (World, Vec<Vector>) {
    let all = vectors();
    let mut world = World::default();
    for keys in all.iter().flat_map(|vector| &vector.shapes) {
        world.shape(keys);
    }
    (world, all)
}

fn unpack(text: &str) -> Vec<u8> {
    let hex = |pair: &str| u8::from_str_radix(pair, 16).expect("hexadecimal digits");
    let mut bytes = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(run) = rest.strip_prefix('(') {
            let (run, after) = run.split_once(')').expect("a run ends");
            let (byte, times) = run.split_once('*').expect("a byte and how often");
            bytes.resize(bytes.len() + times.parse::<usize>().expect("a number"), hex(byte));
            rest = after;
        } else {
            let (pair, after) = rest.split_at(2);
            bytes.push(hex(pair));
            rest = after;
        }
    }
    bytes
}

/// Of a long text its length and its FNV-1a hash.
pub fn brief(text: &str) -> String {
    if text.len() <= 400 {
        return text.into();
    }
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("#{} {hash:08x}", text.len())
}

/// A value as a text, the same as __test__/unit/codec-vectors.ts makes of it.
pub fn show(value: &Value) -> String {
    let float = |value: f64| match Value::number(value) {
        Value::Int(int) => int.to_string(),
        _ => format!("f{:016x}", value.to_bits()),
    };
    let all = |values: &[Value]| values.iter().map(show).collect::<Vec<_>>().join(", ");
    match value {
        Value::Undefined => "undefined".into(),
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => float(*value),
        Value::BigInt64(value) => {
            format!("{}0x{:x}n", if *value < 0 { "-" } else { "" }, value.unsigned_abs())
        }
        Value::BigInt(value) => {
            let mut text = String::from(if value.is_negative() { "-0x" } else { "0x" });
            for (i, limb) in value.limbs().iter().rev().enumerate() {
                let _ = if i == 0 { write!(text, "{limb:x}") } else { write!(text, "{limb:016x}") };
            }
            text + "n"
        }
        Value::Text(text) => quoted(text),
        Value::Array(items) => format!("[{}]", all(items)),
        Value::Hole => "-".into(),
        Value::Object(object) => format!("{}{}", if object.is_bare { "bare" } else { "" }, fields(&object.entries)),
        Value::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{} => {}", show(key), show(value))).collect();
            format!("Map{{{}}}", entries.join(", "))
        }
        Value::Set(items) => format!("Set{{{}}}", all(items)),
        Value::Date(time) => format!("Date({})", float(*time)),
        Value::RegExp(p) => format!("RegExp({}, {}, {})", quoted(&p.source), quoted(&p.flags), float(p.last_index)),
        Value::Error(error) => shown_error(error),
        Value::DomException(e) => {
            format!("DOMException({}, {}, {})", quoted(&e.name), quoted(&e.message), quoted(&e.stack))
        }
        Value::View(view) => format!("{}({})", class_of(view.kind), hex(&view.bytes)),
        Value::Buffer(bytes) => format!("ArrayBuffer({})", hex(bytes)),
        Value::Moved(moved) => format!("{moved:?}"),
        Value::Url(text) => format!("URL({})", quoted(text)),
        Value::UrlParams(text) => format!("URLSearchParams({})", quoted(text)),
        Value::Boxed(value) => format!("Object({})", show(value)),
        Value::Instance(instance) => format!("Instance({}, {})", quoted(&instance.name), show(&instance.data)),
        Value::Ref(to) => {
            let path = to.path.as_ref().map_or(String::new(), |path| format!(", {}", quoted(path)));
            format!("Ref({}, {}, {}{path})", to.address, to.age, to.class)
        }
        Value::Again(number) => format!("&{number}"),
        other => format!("{other:?}"),
    }
}

fn quoted(text: &Text) -> String {
    let mut shown = String::from("\"");
    for unit in text.to_utf16() {
        match u8::try_from(unit) {
            Ok(plain @ (b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')) => shown.push(char::from(plain)),
            _ => drop(write!(shown, "\\u{unit:04x}")),
        }
    }
    shown + "\""
}

fn fields(entries: &[(Text, Value)]) -> String {
    let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{}: {}", quoted(key), show(value))).collect();
    format!("{{{}}}", entries.join(", "))
}

fn shown_error(error: &ErrorValue) -> String {
    format!("{}{}{}", error.name(), fields(&error.hidden), fields(&error.own))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn class_of(kind: ViewKind) -> String {
    match kind {
        ViewKind::DataView | ViewKind::Buffer => format!("{kind:?}"),
        _ => format!("{kind:?}Array"),
    }
}
