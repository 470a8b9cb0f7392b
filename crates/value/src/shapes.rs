//! Which keys an object has, as a number. The system knows a list of keys as the text that `JSON.stringify` makes of it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::text::Text;

/// Objects with more keys than this are dictionaries, and so are those with a key longer than that.
const MOST_KEYS: u32 = 64;
const LONGEST_KEY: usize = 64;
/// A list with this many ways on belongs to dictionaries: their keys are data.
const MOST_BRANCHES: usize = 256;
/// How many branches are compared one by one before a map is made.
const FEW_BRANCHES: usize = 8;
const MOST_NODES: usize = 32_768;
/// A list of keys has a shape from this many objects on.
const USES: u8 = 2;

/// A list of keys: those up to the root. `None` is where every list ends that gets no shape.
pub(crate) type Keys = Option<u32>;
pub(crate) const ROOT: Keys = Some(0);

#[derive(Debug)]
struct Node {
    key: Text,
    above: u32,
    length: u32,
    asked: Asked,
    branches: Vec<u32>,
    all: HashMap<Text, u32>,
}

#[derive(Clone, Copy, Debug)]
enum Asked {
    Not { uses: u8 },
    Is(Option<u16>),
}

/// The lists of keys that were written, and those that were read.
#[derive(Debug)]
pub(crate) struct Shapes {
    nodes: Vec<Node>,
    read: Vec<Option<Arc<[Text]>>>,
}

impl Shapes {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::new(Text::default(), 0, 0)], read: Vec::new() }
    }

    /// The list `from` with one key more.
    pub(crate) fn step(&mut self, from: Keys, key: &Text) -> Keys {
        let from = from?;
        let node = self.nodes.get(from as usize)?;
        let few =
            node.branches.iter().copied().find(|next| self.nodes.get(*next as usize).is_some_and(|n| n.key == *key));
        few.or_else(|| node.all.get(key).copied()).or_else(|| self.grow(from, key))
    }

    fn grow(&mut self, from: u32, key: &Text) -> Keys {
        let number = u32::try_from(self.nodes.len()).ok()?;
        let node = self.nodes.get_mut(from as usize)?;
        let ways = node.branches.len() + node.all.len();
        if node.length >= MOST_KEYS || ways >= MOST_BRANCHES || number as usize > MOST_NODES || is_data(key) {
            return None;
        }
        if ways < FEW_BRANCHES {
            node.branches.push(number);
        } else {
            node.all.insert(key.clone(), number);
        }
        let length = node.length + 1;
        self.nodes.push(Node::new(key.clone(), from, length));
        Some(number)
    }

    /// The number of a list; `ask` gives it for the text of one.
    pub(crate) fn number(&mut self, keys: Keys, ask: impl FnOnce(&str) -> Option<u16>) -> Option<u16> {
        let at = keys?;
        let node = self.nodes.get_mut(at as usize)?;
        match &mut node.asked {
            Asked::Is(shape) => return *shape,
            Asked::Not { uses } => {
                *uses += 1;
                if *uses < USES {
                    return None;
                }
            }
        }
        let shape = ask(&self.text_of(at)).filter(|shape| *shape < u16::MAX);
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.asked = Asked::Is(shape);
        }
        shape
    }

    fn text_of(&self, at: u32) -> String {
        let mut keys = Vec::new();
        let mut at = at;
        while at != 0 {
            let Some(node) = self.nodes.get(at as usize) else { break };
            keys.push(&node.key);
            at = node.above;
        }
        keys.reverse();
        to_json(keys)
    }

    /// The keys of a number; `ask` gives the text for one.
    pub(crate) fn keys(&mut self, shape: u16, ask: impl FnOnce() -> Option<Box<str>>) -> Option<Arc<[Text]>> {
        let at = usize::from(shape);
        if let Some(Some(known)) = self.read.get(at) {
            return Some(Arc::clone(known));
        }
        let keys: Arc<[Text]> = from_json(&ask()?)?.into();
        if self.read.len() <= at {
            self.read.resize(at + 1, None);
        }
        self.read[at] = Some(Arc::clone(&keys));
        Some(keys)
    }
}

impl Node {
    fn new(key: Text, above: u32, length: u32) -> Self {
        Self { key, above, length, asked: Asked::Not { uses: 0 }, branches: Vec::new(), all: HashMap::new() }
    }
}

/// A digit first: an index, or the number of something.
fn is_data(key: &Text) -> bool {
    key.as_str().is_some_and(|text| text.starts_with(|first: char| first.is_ascii_digit()) || text == "__proto__")
        || key.len_utf16() > LONGEST_KEY
}

/// As `JSON.stringify` writes a list of strings, letter by letter: the same list must have the same text everywhere.
fn to_json<'a>(keys: impl IntoIterator<Item = &'a Text>) -> String {
    let mut json = String::from("[");
    for (i, key) in keys.into_iter().enumerate() {
        json.push_str(if i == 0 { "\"" } else { ",\"" });
        for unit in char::decode_utf16(key.to_utf16()) {
            let written = match unit {
                Ok('"') => json.write_str("\\\""),
                Ok('\\') => json.write_str("\\\\"),
                Ok('\u{8}') => json.write_str("\\b"),
                Ok('\u{c}') => json.write_str("\\f"),
                Ok('\n') => json.write_str("\\n"),
                Ok('\r') => json.write_str("\\r"),
                Ok('\t') => json.write_str("\\t"),
                Ok(other) if u32::from(other) < 0x20 => write!(json, "\\u{:04x}", u32::from(other)),
                Ok(other) => json.write_char(other),
                Err(half) => write!(json, "\\u{:04x}", half.unpaired_surrogate()),
            };
            debug_assert!(written.is_ok(), "a String takes all");
        }
        json.push('"');
    }
    json.push(']');
    json
}

/// Reads a list of strings; nothing else, and no spaces, as nothing else is written.
fn from_json(json: &str) -> Option<Vec<Text>> {
    let mut chars = json.strip_prefix('[')?.strip_suffix(']')?.chars();
    let mut keys = Vec::new();
    if chars.as_str().is_empty() {
        return Some(keys);
    }
    loop {
        if chars.next()? != '"' {
            return None;
        }
        keys.push(one_string(&mut chars)?);
        match chars.next() {
            None => return Some(keys),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

/// The rest of a string, up to its quote.
fn one_string(chars: &mut std::str::Chars<'_>) -> Option<Text> {
    let mut units = Vec::new();
    loop {
        let plain = match chars.next()? {
            '"' => return Some(Text::from_utf16(&units)),
            '\\' => match chars.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digits = chars.as_str().get(..4)?;
                    units.push(u16::from_str_radix(digits, 16).ok()?);
                    *chars = chars.as_str().get(4..)?.chars();
                    continue;
                }
                same @ ('"' | '\\' | '/') => same,
                _ => return None,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_keys_comes_back_from_its_text() {
        let keys = ["", "a", "\"\\/", "\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}", "é\u{2028}中😀"].map(Text::from);
        let mut keys = Vec::from(keys);
        keys.push(Text::from_utf16(&[0x61, 0xd800, 0x62]));
        let json = to_json(&keys);
        assert_eq!(
            json,
            "[\"\",\"a\",\"\\\"\\\\/\",\"\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}\",\"é\u{2028}中😀\",\"a\\ud800b\"]"
        );
        assert_eq!(from_json(&json), Some(keys));
        assert_eq!(from_json("[]"), Some(Vec::new()));
        for bad in
            ["", "[", "[\"]", "[\"a\"", "[1]", "[\"a\",]", "[\"\\u12\"]", "[\"\\x\"]", "[\"a\"\"b\"]", "[\"\\u00é0\"]"]
        {
            assert_eq!(from_json(bad), None, "{bad}");
        }
    }

    #[test]
    fn keys_that_are_data_get_no_shape() {
        let mut shapes = Shapes::new();
        for key in ["0", "9 lives", "__proto__", &"k".repeat(65)] {
            assert_eq!(shapes.step(ROOT, &key.into()), None, "{key}");
        }
        let ways = (0..300).filter(|i| shapes.step(ROOT, &format!("k{i}").as_str().into()).is_some()).count();
        assert_eq!(ways, MOST_BRANCHES);
        assert_eq!(shapes.step(ROOT, &"k255".into()), shapes.step(ROOT, &"k255".into()), "found again among many");
        let deep = (0..70).fold(ROOT, |at, i| shapes.step(at, &format!("d{i}").as_str().into()));
        assert_eq!(deep, None);
    }

    #[test]
    fn a_number_is_asked_for_from_the_second_object_on_and_once() {
        let mut shapes = Shapes::new();
        let at = shapes.step(ROOT, &"a".into());
        assert_eq!(shapes.number(at, |_| unreachable!("not yet")), None);
        assert_eq!(shapes.number(at, |json| (json == "[\"a\"]").then_some(7)), Some(7));
        assert_eq!(shapes.number(at, |_| unreachable!("known")), Some(7));
        let at = shapes.step(at, &"b".into());
        shapes.number(at, |_| None);
        assert_eq!(shapes.number(at, |_| None), None);
        assert_eq!(shapes.number(at, |_| unreachable!("refused once is refused")), None);
    }
}
