//! `native('kv')`: values and counters by key, for all isolates of a system.
//!
//! Values are kept as the bytes that they came in, and are sent on as they are: an object is made by whoever reads it, never here. What
//! is wrong with a call is told to its caller as a `TypeError`; the store goes on.

use super::{Behaviour, Call, Fault, Items, Kind, Method, Reply, Step};
use buskin_value::{ErrorKind, ErrorValue, Kept, Value};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// The kind.
#[derive(Clone, Copy, Debug)]
pub struct Kv;

/// In the order of [`METHODS`].
#[derive(Clone, Copy)]
enum Do {
    Get,
    Set,
    Has,
    Delete,
    Increment,
    CompareAndSet,
    GetMany,
    SetMany,
    Keys,
    Size,
    Clear,
    Expire,
    Watch,
}

const METHODS: [(&str, Do); 13] = [
    ("get", Do::Get),
    ("set", Do::Set),
    ("has", Do::Has),
    ("delete", Do::Delete),
    ("increment", Do::Increment),
    ("compareAndSet", Do::CompareAndSet),
    ("getMany", Do::GetMany),
    ("setMany", Do::SetMany),
    ("keys", Do::Keys),
    ("size", Do::Size),
    ("clear", Do::Clear),
    ("expire", Do::Expire),
    ("watch", Do::Watch),
];

/// Changes that wait for a reader; one that is slower than that is told so.
const MOST_CHANGES: usize = 65_536;

impl Kind for Kv {
    fn name(&self) -> &str {
        "kv"
    }

    fn methods(&self) -> Vec<Method> {
        let method = |(name, what): &(&'static str, Do)| match what {
            Do::Watch => Method::stream(*name),
            _ => Method::call(*name),
        };
        METHODS.iter().map(method).collect()
    }

    fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault> {
        match args.left() {
            0 => Ok(Box::new(Store::default())),
            _ => Err(args.wrong("it takes no arguments", "leave args out")),
        }
    }
}

/// A value in the store.
#[derive(Clone)]
enum Stored {
    /// What was counted.
    Number(f64),
    Kept(Kept),
}

impl Stored {
    fn reply(&self) -> Reply {
        match self {
            Stored::Number(number) => (*number).into(),
            Stored::Kept(kept) => Reply::Kept(kept.clone()),
        }
    }

    fn value(&self) -> Value {
        match self {
            Stored::Number(number) => Value::number(*number),
            Stored::Kept(kept) => Value::Kept(kept.clone()),
        }
    }
}

struct Entry {
    value: Stored,
    /// When it is over.
    until: Option<Duration>,
}

#[derive(Default)]
struct Store {
    entries: HashMap<Arc<str>, Entry>,
    /// Those that are over one day, the first first.
    ends: BTreeSet<(Duration, Arc<str>)>,
    watchers: Vec<Watcher>,
}

struct Watcher {
    prefix: Box<str>,
    changes: Weak<Mutex<Changes>>,
}

/// What a reader has yet to be told.
#[derive(Default)]
struct Changes {
    waiting: VecDeque<Value>,
    /// There were too many.
    lost: bool,
}

impl Behaviour for Store {
    fn call(&mut self, method: usize, call: &mut Call<'_>) -> Result<Reply, Fault> {
        if !self.ends.is_empty() {
            let now = call.now();
            self.expire_until(now);
        }
        let Some((_, what)) = METHODS.get(method) else { return Ok(Reply::Undefined) };
        match what {
            Do::Get => {
                let key = call.text("key")?;
                Ok(self.entries.get(&*key).map_or(Reply::Undefined, |entry| entry.value.reply()))
            }
            Do::Set => self.set(call),
            Do::Has => {
                let key = call.text("key")?;
                Ok(self.entries.contains_key(&*key).into())
            }
            Do::Delete => {
                let key = call.text("key")?;
                Ok(self.delete(&key, "delete").into())
            }
            Do::Increment => self.increment(call),
            Do::CompareAndSet => self.compare_and_set(call),
            Do::GetMany => self.get_many(call),
            Do::SetMany => self.set_many(call),
            Do::Keys => self.keys(call),
            Do::Size => Ok(count(self.entries.len())),
            Do::Clear => Ok(self.clear()),
            Do::Expire => self.expire(call),
            Do::Watch => Ok(Reply::Undefined),
        }
    }

    fn stream(&mut self, _method: usize, call: &mut Call<'_>) -> Result<Box<dyn Items>, Fault> {
        let prefix = call.optional_text("prefix")?.unwrap_or_default();
        let changes = Arc::new(Mutex::new(Changes::default()));
        self.watchers.retain(|watcher| watcher.changes.strong_count() > 0);
        self.watchers.push(Watcher { prefix: (&*prefix).into(), changes: Arc::downgrade(&changes) });
        Ok(Box::new(Watch(changes)))
    }

    fn due(&self) -> Option<Duration> {
        self.ends.first().map(|(until, _)| *until)
    }

    fn tick(&mut self, now: Duration) -> Result<(), Fault> {
        self.expire_until(now);
        Ok(())
    }
}

fn count(of: usize) -> Reply {
    #[allow(clippy::cast_precision_loss, reason = "no process has so many")]
    (of as f64).into()
}

impl Store {
    fn set(&mut self, call: &mut Call<'_>) -> Result<Reply, Fault> {
        let key = call.text("key")?;
        if call.left() <= 1 {
            let value = call.keep_last()?;
            self.put(&key, Stored::Kept(value), None);
            return Ok(Reply::Undefined);
        }
        let value = call.keep()?;
        let options = call.value()?;
        let until = time_to_live(call, &options)?;
        self.put(&key, Stored::Kept(value), until);
        Ok(Reply::Undefined)
    }

    fn increment(&mut self, call: &mut Call<'_>) -> Result<Reply, Fault> {
        let key = call.text("key")?;
        let by = call.optional_number("by")?.unwrap_or(1.0);
        if !by.is_finite() {
            return Err(call.bad("by", Some(&by.into()), "a finite number"));
        }
        let before = match self.entries.get(&*key).map(|entry| &entry.value) {
            None => 0.0,
            Some(Stored::Number(number)) => *number,
            Some(Stored::Kept(kept)) => match call.to_value(kept)?.as_f64() {
                Some(number) => number,
                None => {
                    let what = format!("the value of '{key}' is no number");
                    return Err(call.wrong(&what, "set it to one, or count under another key"));
                }
            },
        };
        let after = before + by;
        if !after.is_finite() {
            return Err(call.bad("by", Some(&by.into()), "one that leads to a finite number"));
        }
        // a counter keeps its time
        match self.entries.get_mut(&*key).filter(|_| self.watchers.is_empty()) {
            Some(entry) => entry.value = Stored::Number(after),
            None => {
                let until = self.entries.get(&*key).and_then(|entry| entry.until);
                self.put(&key, Stored::Number(after), until);
            }
        }
        Ok(after.into())
    }

    fn compare_and_set(&mut self, call: &mut Call<'_>) -> Result<Reply, Fault> {
        let key = call.text("key")?;
        let expected = call.keep()?;
        if call.left() == 0 {
            return Err(call.bad("value", None, "what it is to be set to; delete removes a key"));
        }
        let value = call.keep()?;
        let is = self.entries.get(&*key).map(|entry| entry.value.clone());
        if !is_same(call, is, &expected)? {
            return Ok(false.into());
        }
        self.put(&key, Stored::Kept(value), None);
        Ok(true.into())
    }

    fn get_many(&mut self, call: &mut Call<'_>) -> Result<Reply, Fault> {
        let keys = call.value()?;
        let Some(keys) = keys.as_array() else { return Err(call.bad("keys", Some(&keys), "an array of strings")) };
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            let Value::Text(text) = key else { return Err(call.bad("keys", Some(key), "an array of strings")) };
            let entry = self.entries.get(&*text.to_str_lossy());
            values.push(entry.map_or(Value::Undefined, |entry| entry.value.value()));
        }
        Ok(Reply::Value(Value::Array(values)))
    }

    fn set_many(&mut self, call: &mut Call<'_>) -> Result<Reply, Fault> {
        const NEEDED: &str = "an object, a Map, or an array of [key, value]";
        let given = call.value()?;
        let options = call.value()?;
        let until = time_to_live(call, &options)?;
        let mut entries: Vec<(Box<str>, Kept)> = Vec::new();
        // all are looked at before one is set
        let mut add = |call: &mut Call<'_>, key: &Value, value: &Value| {
            let Value::Text(key) = key else { return Err(call.bad("entries", Some(key), "keys that are strings")) };
            entries.push(((&*key.to_str_lossy()).into(), call.to_kept(value)?));
            Ok(())
        };
        match &given {
            Value::Object(object) => {
                object.entries.iter().try_for_each(|(key, value)| add(call, &Value::Text(key.clone()), value))?;
            }
            Value::Map(pairs) => pairs.iter().try_for_each(|(key, value)| add(call, key, value))?,
            Value::Array(pairs) => {
                for pair in pairs {
                    match pair.as_array() {
                        Some([key, value]) => add(call, key, value)?,
                        _ => return Err(call.bad("entries", Some(pair), NEEDED)),
                    }
                }
            }
            other => return Err(call.bad("entries", Some(other), NEEDED)),
        }
        for (key, value) in entries {
            self.put(&key, Stored::Kept(value), until);
        }
        Ok(Reply::Undefined)
    }

    fn keys(&mut self, call: &mut Call<'_>) -> Result<Reply, Fault> {
        let prefix = call.optional_text("prefix")?.unwrap_or_default();
        let limit = call.optional_count("limit")?.unwrap_or(u64::MAX);
        let mut keys: Vec<&Arc<str>> = self.entries.keys().filter(|key| key.starts_with(&*prefix)).collect();
        keys.sort_unstable();
        keys.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Reply::Value(Value::Array(keys.into_iter().map(|key| Value::Text(Arc::clone(key).into())).collect())))
    }

    fn expire(&mut self, call: &mut Call<'_>) -> Result<Reply, Fault> {
        let key = call.text("key")?;
        let wait = call.optional_number("ms")?;
        let until = match wait {
            None => None,
            Some(ms) => Some(until(call, "ms", ms)?),
        };
        let Some((key, _)) = self.entries.get_key_value(&*key) else { return Ok(false.into()) };
        let key = Arc::clone(key);
        self.lives_until(&key, until);
        Ok(true.into())
    }

    fn clear(&mut self) -> Reply {
        let cleared = count(self.entries.len());
        let keys: Vec<Arc<str>> =
            if self.watchers.is_empty() { Vec::new() } else { self.entries.keys().map(Arc::clone).collect() };
        self.entries = HashMap::new();
        self.ends.clear();
        for key in keys {
            self.tell("delete", &key, None);
        }
        cleared
    }

    // ---------------------------------------------------------------------------------------------- entries

    fn put(&mut self, key: &str, value: Stored, until: Option<Duration>) {
        if !self.watchers.is_empty() {
            self.tell("set", key, Some(value.value()));
        }
        if let Some(entry) = self.entries.get_mut(key) {
            entry.value = value;
            if entry.until == until {
                return;
            }
            let key = self.entries.get_key_value(key).map(|(key, _)| Arc::clone(key));
            if let Some(key) = key {
                self.lives_until(&key, until);
            }
            return;
        }
        let key: Arc<str> = key.into();
        if let Some(until) = until {
            self.ends.insert((until, Arc::clone(&key)));
        }
        self.entries.insert(key, Entry { value, until });
    }

    fn lives_until(&mut self, key: &Arc<str>, until: Option<Duration>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let Some(before) = std::mem::replace(&mut entry.until, until) {
            self.ends.remove(&(before, Arc::clone(key)));
        }
        if let Some(until) = until {
            self.ends.insert((until, Arc::clone(key)));
        }
    }

    fn delete(&mut self, key: &str, how: &str) -> bool {
        let Some((key, entry)) = self.entries.remove_entry(key) else { return false };
        if let Some(until) = entry.until {
            self.ends.remove(&(until, Arc::clone(&key)));
        }
        self.tell(how, &key, None);
        true
    }

    fn expire_until(&mut self, now: Duration) {
        while let Some((until, key)) = self.ends.first()
            && *until <= now
        {
            let key = Arc::clone(key);
            self.delete(&key, "expire");
        }
    }

    /// Tells whoever watches.
    fn tell(&mut self, how: &str, key: &str, value: Option<Value>) {
        self.watchers.retain(|watcher| {
            let Some(changes) = watcher.changes.upgrade() else { return false };
            if !key.starts_with(&*watcher.prefix) {
                return true;
            }
            let mut changes = changes.lock().unwrap_or_else(PoisonError::into_inner);
            if changes.waiting.len() >= MOST_CHANGES {
                changes.lost = true;
                return false;
            }
            let mut change = vec![("type", Value::from(how)), ("key", key.into())];
            change.extend(value.clone().map(|value| ("value", value)));
            changes.waiting.push_back(Value::object(change));
            true
        });
    }
}

/// Whether a value is what was expected; a key that is not there is `undefined`.
fn is_same(call: &mut Call<'_>, is: Option<Stored>, expected: &Kept) -> Result<bool, Fault> {
    let is = match is {
        None => Value::Undefined,
        Some(Stored::Number(number)) => Value::number(number),
        // the same bytes are the same value; others may be as well
        Some(Stored::Kept(kept)) if kept == *expected => return Ok(true),
        Some(Stored::Kept(kept)) => call.to_value(&kept)?,
    };
    Ok(is == call.to_value(expected)?)
}

/// The option `ttl`, in ms.
fn time_to_live(call: &mut Call<'_>, options: &Value) -> Result<Option<Duration>, Fault> {
    if options.is_nullish() {
        return Ok(None);
    }
    let Value::Object(object) = options else {
        return Err(call.bad("options", Some(options), "an object with 'ttl', or leave it out"));
    };
    let mut given = None;
    for (key, value) in &object.entries {
        if *key != "ttl" {
            let what = format!("there is no option '{}'", key.to_str_lossy());
            return Err(call.wrong(&what, "the only one is 'ttl', in ms"));
        }
        given = Some(value);
    }
    match given {
        None => Ok(None),
        Some(value) if value.is_nullish() => Ok(None),
        Some(value) => match value.as_f64() {
            Some(ms) => until(call, "ttl", ms).map(Some),
            None => Err(call.bad("ttl", Some(value), "a number of ms")),
        },
    }
}

/// The moment that is so many ms from now.
fn until(call: &mut Call<'_>, name: &str, ms: f64) -> Result<Duration, Fault> {
    match Duration::try_from_secs_f64(ms / 1000.0) {
        // what is beyond all clocks never comes
        Ok(wait) => Ok(call.now().saturating_add(wait.min(Duration::from_secs(1 << 40)))),
        Err(_) => Err(call.bad(name, Some(&ms.into()), "a number of ms of 0 or more")),
    }
}

/// Changes of keys, for one reader.
struct Watch(Arc<Mutex<Changes>>);

impl Items for Watch {
    fn next(&mut self) -> Result<Step, Fault> {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match changes.waiting.pop_front() {
            Some(change) => Ok(Step::Item(Reply::Value(change))),
            None if changes.lost => {
                let text = format!(
                    "kv.watch: more than {MOST_CHANGES} changes waited for their reader; read faster, or watch a longer prefix"
                );
                Err(Fault::refused(ErrorValue::new(ErrorKind::RangeError, &text)))
            }
            None => Ok(Step::Wait),
        }
    }

    fn is_ready(&self) -> bool {
        let changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !changes.waiting.is_empty() || changes.lost
    }
}
