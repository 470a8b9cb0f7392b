//! programs.json: sizes and results of the programs.

use super::Wrong;
use std::collections::BTreeMap;

const REGISTRY: &str = include_str!("../../../programs.json");

pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) sizes: Sets,
    pub(crate) expected: Sets,
}

/// Numbers for each size of a program.
pub(crate) struct Sets(BTreeMap<String, Numbers>);

impl Sets {
    pub(crate) fn get(&self, size: &str) -> Result<&Numbers, Wrong> {
        self.0.get(size).ok_or_else(|| format!("there is no size {size}").into())
    }
}

/// Numbers by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Numbers(pub(crate) BTreeMap<String, f64>);

impl Numbers {
    pub(crate) fn real(&self, name: &str) -> Result<f64, Wrong> {
        self.0.get(name).copied().ok_or_else(|| format!("there is no number {name}").into())
    }

    pub(crate) fn whole(&self, name: &str) -> Result<u32, Wrong> {
        let number = self.real(name)?;
        let whole = number as u32;
        if f64::from(whole) == number { Ok(whole) } else { Err(format!("{name} is {number}").into()) }
    }
}

pub(crate) fn read() -> Result<Vec<Program>, Wrong> {
    let mut text = Text(REGISTRY);
    let mut root = text.value()?.fields()?;
    root.remove("programs").ok_or("there are no programs")?.items()?.into_iter().map(program).collect()
}

fn program(value: Value) -> Result<Program, Wrong> {
    let mut fields = value.fields()?;
    let mut take = |name: &str| fields.remove(name).ok_or_else(|| Wrong::from(format!("a program has no {name}")));
    Ok(Program { name: take("name")?.word()?, sizes: sets(take("sizes")?)?, expected: sets(take("expected")?)? })
}

fn sets(value: Value) -> Result<Sets, Wrong> {
    let sets = value.fields()?.into_iter().map(|(size, numbers)| {
        let numbers = numbers.fields()?.into_iter().map(|(name, number)| Ok((name, number.number()?)));
        Ok((size, Numbers(numbers.collect::<Result<_, Wrong>>()?)))
    });
    Ok(Sets(sets.collect::<Result<_, Wrong>>()?))
}

/// As much of JSON as the registry has.
enum Value {
    Fields(BTreeMap<String, Value>),
    Items(Vec<Value>),
    Word(String),
    Number(f64),
}

impl Value {
    fn fields(self) -> Result<BTreeMap<String, Value>, Wrong> {
        if let Value::Fields(fields) = self { Ok(fields) } else { Err("no object where there must be one".into()) }
    }

    fn items(self) -> Result<Vec<Value>, Wrong> {
        if let Value::Items(items) = self { Ok(items) } else { Err("no array where there must be one".into()) }
    }

    fn word(self) -> Result<String, Wrong> {
        if let Value::Word(word) = self { Ok(word) } else { Err("no string where there must be one".into()) }
    }

    fn number(self) -> Result<f64, Wrong> {
        if let Value::Number(number) = self { Ok(number) } else { Err("no number where there must be one".into()) }
    }
}

/// What is still to be read.
struct Text(&'static str);

impl Text {
    fn value(&mut self) -> Result<Value, Wrong> {
        if self.skip("{") {
            let mut fields = BTreeMap::new();
            while !self.skip("}") {
                let name = self.value()?.word()?;
                self.must(":")?;
                fields.insert(name, self.value()?);
                self.skip(",");
            }
            return Ok(Value::Fields(fields));
        }
        if self.skip("[") {
            let mut items = Vec::new();
            while !self.skip("]") {
                items.push(self.value()?);
                self.skip(",");
            }
            return Ok(Value::Items(items));
        }
        if self.skip("\"") {
            let (word, rest) = self.0.split_once('"').ok_or("a string without an end")?;
            if word.contains('\\') {
                return Err("strings with escapes are not read here".into());
            }
            self.0 = rest;
            return Ok(Value::Word(word.to_owned()));
        }
        let end = self.0.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(self.0.len());
        let (number, rest) = self.0.split_at(end);
        self.0 = rest;
        Ok(Value::Number(number.parse()?))
    }

    /// Whether that comes next; then it is over.
    fn skip(&mut self, what: &str) -> bool {
        self.0 = self.0.trim_start();
        let Some(rest) = self.0.strip_prefix(what) else { return false };
        self.0 = rest.trim_start();
        true
    }

    fn must(&mut self, what: &str) -> Result<(), Wrong> {
        if self.skip(what) { Ok(()) } else { Err(format!("{what} is missing").into()) }
    }
}
