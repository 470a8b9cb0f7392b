//! A rate limiter for all isolates of a system: each key has a bucket that refills, and every permit takes one out.
//!
//! ```js
//! // in a process that has loaded this library
//! const limiter = system.spawn(native('rate-limiter'), { args: [{ perSecond: 100, burst: 20 }] })
//! if (await limiter.ask.take('user:42')) serve()
//! ```

use buskin_plugin::value::Value;
use buskin_plugin::{Behaviour, Call, Fault, Items, Kind, Method, Reply, Step};
use std::collections::HashMap;
use std::time::Duration;

struct RateLimiter;

const TAKE: usize = 0;
const LEFT: usize = 1;
const RESET: usize = 2;

impl Kind for RateLimiter {
    fn name(&self) -> &'static str {
        "rate-limiter"
    }

    fn methods(&self) -> Vec<Method> {
        vec![Method::call("take"), Method::call("left"), Method::call("reset"), Method::stream("keys")]
    }

    fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault> {
        let options = args.value()?;
        let option = |name: &str, default: f64| match options.get(name) {
            None | Some(Value::Undefined) => Ok(default),
            Some(value) => match value.as_f64() {
                Some(number) if number > 0.0 && number.is_finite() => Ok(number),
                _ => Err(args.bad(name, "no number above 0", "one")),
            },
        };
        let per_second = option("perSecond", 10.0)?;
        let burst = option("burst", per_second)?;
        Ok(Box::new(Buckets { per_second, burst, buckets: HashMap::new(), swept: Duration::ZERO }))
    }
}

struct Bucket {
    tokens: f64,
    since: Duration,
}

struct Buckets {
    per_second: f64,
    burst: f64,
    buckets: HashMap<Box<str>, Bucket>,
    swept: Duration,
}

/// Buckets that are full again are forgotten this often.
const SWEEP: Duration = Duration::from_secs(10);

impl Buckets {
    /// What a key has now.
    fn left(&self, key: &str, now: Duration) -> f64 {
        self.buckets.get(key).map_or(self.burst, |bucket| {
            let refilled = now.saturating_sub(bucket.since).as_secs_f64() * self.per_second;
            (bucket.tokens + refilled).min(self.burst)
        })
    }
}

impl Behaviour for Buckets {
    fn call(&mut self, method: usize, call: &mut Call<'_>) -> Result<Reply, Fault> {
        let key = call.text("key")?;
        let now = call.now();
        let left = self.left(&key, now);
        match method {
            TAKE => {
                let count = call.optional_number("count")?.unwrap_or(1.0);
                if !(count > 0.0 && count <= self.burst) {
                    let needed = format!("a number above 0 and up to the burst, {}", self.burst);
                    return Err(call.bad("count", &count.to_string(), &needed));
                }
                if left < count {
                    return Ok(false.into());
                }
                self.buckets.insert((&*key).into(), Bucket { tokens: left - count, since: now });
                Ok(true.into())
            }
            LEFT => Ok(left.floor().into()),
            RESET => Ok(self.buckets.remove(&*key).is_some().into()),
            _ => Ok(Reply::Undefined),
        }
    }

    /// `keys`: those that do not have all their permits.
    fn stream(&mut self, _method: usize, call: &mut Call<'_>) -> Result<Box<dyn Items>, Fault> {
        let now = call.now();
        let mut keys: Vec<Box<str>> =
            self.buckets.keys().filter(|key| self.left(key, now) < self.burst).cloned().collect();
        keys.sort_unstable_by(|a, b| b.cmp(a));
        Ok(Box::new(Keys(keys)))
    }

    fn due(&self) -> Option<Duration> {
        (!self.buckets.is_empty()).then_some(self.swept + SWEEP)
    }

    fn tick(&mut self, now: Duration) -> Result<(), Fault> {
        self.swept = now;
        let full: Vec<Box<str>> =
            self.buckets.keys().filter(|key| self.left(key, now) >= self.burst).cloned().collect();
        for key in full {
            self.buckets.remove(&key);
        }
        Ok(())
    }
}

struct Keys(Vec<Box<str>>);

impl Items for Keys {
    fn next(&mut self) -> Result<Step, Fault> {
        Ok(self.0.pop().map_or(Step::Done, |key| Step::Item(Value::from(&*key).into())))
    }
}

buskin_plugin::plugin!(RateLimiter);
