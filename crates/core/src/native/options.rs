//! How an actor is spawned: options in OTP's words.

use super::error::{Cause, SpawnError};
use super::refs::AnyRef;
use crate::cell::ext::{BRUTAL, FOREVER, SHUTDOWN_MS, START_MS};
use crate::entry::{policy, restart};
use crate::supervise::PROFILE;
pub use crate::supervise::{Directive, Restart, Strategy};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a full mailbox does with one more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// Refuses it: a dead letter.
    #[default]
    Reject,
    /// Lets senders that can wait do so: [`Ref::send`](super::Ref::send) and [`Ref::ask`](super::Ref::ask). A tell is refused.
    Wait,
    /// Drops it.
    DropNewest,
    /// Drops the oldest of the lowest priority, and takes it.
    DropOldest,
}

/// Restarts that follow each other wait longer and longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first wait.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
    /// By how much the next one is longer.
    pub factor: f64,
    /// Which part of the time chance may take away: 0 to 1.
    pub jitter: f64,
    /// An instance that was well for this long ends the row.
    pub reset_after: Duration,
    /// The first restart of a row does not wait.
    pub first_at_once: bool,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff {
            min: Duration::from_millis(100),
            max: Duration::from_secs(30),
            factor: 2.0,
            jitter: 0.2,
            reset_after: Duration::from_secs(60),
            first_at_once: true,
        }
    }
}

/// How long an actor may take to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Shutdown {
    /// Five seconds, as OTP's workers.
    #[default]
    Default,
    /// That long; then it is killed.
    Within(Duration),
    /// As long as it takes.
    Infinity,
    /// No time: it is killed at once.
    Brutal,
}

/// In which phase an actor failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// It could not be made or started.
    Start,
    /// While it handled a message.
    Message,
    /// In a timer's callback.
    Timer,
    /// In a watch's callback.
    Watch,
    /// In its `stopped`.
    Stop,
    /// It was unwell too often.
    Health,
    /// An actor that it is linked to ended.
    Link,
    /// Its children were restarted too often, or one escalated.
    Child,
    /// Where it lived is gone.
    Isolate,
}

impl Phase {
    pub(crate) fn of(number: u32) -> Phase {
        use crate::entry::phase;
        match number {
            phase::START => Phase::Start,
            phase::TIMER => Phase::Timer,
            phase::WATCH => Phase::Watch,
            phase::STOP => Phase::Stop,
            phase::HEALTH => Phase::Health,
            phase::LINK => Phase::Link,
            phase::CHILD => Phase::Child,
            phase::ISOLATE => Phase::Isolate,
            _ => Phase::Message,
        }
    }
}

/// A failure, as its supervisor sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// Who failed.
    pub child: AnyRef,
    /// What with.
    pub cause: Cause,
    /// Doing what.
    pub phase: Phase,
    /// How often it was restarted so far.
    pub restarts: u32,
}

pub(crate) type Decide = Arc<dyn Fn(&Failure) -> Option<Directive> + Send + Sync>;

/// How an actor is spawned. The defaults are those of [`System::spawn`](super::System::spawn).
///
/// ```
/// use buskin_core::native::{Options, Overflow, Restart};
/// let options = Options::new().name("orders").capacity(10_000).overflow(Overflow::Wait).restart(Restart::Permanent);
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until an actor is spawned with them"]
pub struct Options {
    pub(crate) name: Option<Box<str>>,
    pub(crate) capacity: Option<u32>,
    pub(crate) overflow: Overflow,
    pub(crate) restart: Restart,
    pub(crate) clear: bool,
    pub(crate) shutdown: Shutdown,
    pub(crate) start: Option<Duration>,
    pub(crate) strategy: Strategy,
    pub(crate) limit: Option<(u32, Duration)>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) decide: Option<Decide>,
    pub(crate) health: Option<(Duration, Duration, u32)>,
    pub(crate) on: Option<usize>,
}

impl Options {
    /// The defaults.
    pub fn new() -> Options {
        Options::default()
    }

    /// A name, unique among the children of one parent. Without one it is called after its type and a number.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Options {
        self.name = Some(name.into());
        self
    }

    /// How many messages may wait; at least 1. By default 1,048,576.
    pub fn capacity(mut self, messages: u32) -> Options {
        self.capacity = Some(messages);
        self
    }

    /// What a full mailbox does.
    pub fn overflow(mut self, overflow: Overflow) -> Options {
        self.overflow = overflow;
        self
    }

    /// After which ends it is started again: by default after a failure.
    pub fn restart(mut self, restart: Restart) -> Options {
        self.restart = restart;
        self
    }

    /// A restart turns what waits into dead letters. By default it is kept.
    pub fn clear_on_restart(mut self) -> Options {
        self.clear = true;
        self
    }

    /// How long it may take to end.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Options {
        self.shutdown = shutdown;
        self
    }

    /// How long it may take to start; by default 30 seconds.
    pub fn start_timeout(mut self, limit: Duration) -> Options {
        self.start = Some(limit);
        self
    }

    /// Which of its children restart when one fails.
    pub fn strategy(mut self, strategy: Strategy) -> Options {
        self.strategy = strategy;
        self
    }

    /// More restarts of its children than this within this time are a failure of its own. By default there is no limit.
    pub fn max_restarts(mut self, restarts: u32, within: Duration) -> Options {
        self.limit = Some((restarts, within));
        self
    }

    /// Restarts of its children wait.
    pub fn backoff(mut self, backoff: Backoff) -> Options {
        self.backoff = Some(backoff);
        self
    }

    /// What is to be done about a child's failure; nothing: what the other options say. It runs between two messages.
    pub fn decide(mut self, decide: impl Fn(&Failure) -> Option<Directive> + Send + Sync + 'static) -> Options {
        self.decide = Some(Arc::new(decide));
        self
    }

    /// The actor is asked every so often whether it is [`healthy`](super::Actor::healthy), and has that long to answer; so many
    /// bad answers in a row are a failure.
    pub fn health(mut self, every: Duration, timeout: Duration, threshold: u32) -> Options {
        self.health = Some((every, timeout, threshold));
        self
    }

    /// On which core thread it lives, counted from 0, round and round. A child lives on its parent's, whatever this says.
    pub fn on(mut self, thread: usize) -> Options {
        self.on = Some(thread);
        self
    }

    pub(crate) fn check(&self) -> Result<(), SpawnError> {
        if let Some(name) = &self.name
            && (name.is_empty() || name.contains('/'))
        {
            return Err(SpawnError::BadName(name.to_string()));
        }
        let bad = |name, remedy| Err(SpawnError::Option { name, remedy });
        if self.capacity == Some(0) {
            return bad("capacity", "is at least 1");
        }
        if self.backoff.is_some_and(|b| !(b.factor >= 1.0 && (0.0..=1.0).contains(&b.jitter) && b.min <= b.max)) {
            return bad("backoff", "has a factor of at least 1, a jitter from 0 to 1, and min is not above max");
        }
        if self.health.is_some_and(|(every, timeout, n)| every.is_zero() || timeout.is_zero() || n == 0) {
            return bad("health", "has times above 0 and a threshold of at least 1");
        }
        Ok(())
    }

    /// Whether the lane's defaults say the same.
    pub(crate) fn is_plain(&self) -> bool {
        self.capacity.is_none()
            && self.overflow == Overflow::Reject
            && self.restart == Restart::Transient
            && !self.clear
            && self.shutdown == Shutdown::Default
            && self.start.is_none()
            && self.has_no_profile()
    }

    pub(crate) fn has_no_profile(&self) -> bool {
        self.strategy == Strategy::OneForOne
            && self.limit.is_none()
            && self.backoff.is_none()
            && self.decide.is_none()
            && self.health.is_none()
    }

    /// The bits of policy and restart.
    pub(crate) fn policy(&self) -> u32 {
        let overflow = match self.overflow {
            Overflow::Reject => policy::REJECT,
            Overflow::Wait => policy::WAIT,
            Overflow::DropNewest => policy::DROP_NEWEST,
            Overflow::DropOldest => policy::DROP_OLDEST,
        };
        let again = match self.restart {
            Restart::Transient => restart::TRANSIENT,
            Restart::Permanent => restart::PERMANENT,
            Restart::Temporary => restart::TEMPORARY,
        };
        overflow | again | if self.clear { restart::CLEAR } else { 0 }
    }

    pub(crate) fn shutdown_ms(&self) -> u32 {
        match self.shutdown {
            Shutdown::Default => SHUTDOWN_MS,
            Shutdown::Within(limit) => ms(limit),
            Shutdown::Infinity => FOREVER,
            Shutdown::Brutal => BRUTAL,
        }
    }

    pub(crate) fn start_ms(&self) -> u32 {
        self.start.map_or(START_MS, ms)
    }

    /// As [`crate::supervise::Profile::read`] wants them.
    pub(crate) fn profile(&self) -> [f64; PROFILE] {
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        let (most, within) = self.limit.map_or((f64::INFINITY, f64::INFINITY), |(n, t)| (f64::from(n), us(t)));
        let bit = |on: bool| if on { 1.0 } else { 0.0 };
        let b = self.backoff.map_or([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], |b| {
            [1.0, us(b.min), us(b.max), b.factor, b.jitter, us(b.reset_after), bit(b.first_at_once)]
        });
        let [c, d, e] = self.health.map_or([0.0; 3], |(every, timeout, n)| [us(every), us(timeout), f64::from(n)]);
        let decides = bit(self.decide.is_some());
        let strategy = f64::from(self.strategy.number());
        [strategy, most, within, b[0], b[1], b[2], b[3], b[4], b[5], b[6], decides, c, d, e]
    }
}

/// In whole milliseconds, rounded up; what does not fit is for ever, or as good as.
fn ms(time: Duration) -> u32 {
    u32::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u32::MAX).min(BRUTAL - 1)
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("name", &self.name)
            .field("capacity", &self.capacity)
            .field("overflow", &self.overflow)
            .field("restart", &self.restart)
            .field("strategy", &self.strategy)
            .finish_non_exhaustive()
    }
}
