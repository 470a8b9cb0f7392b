//! Supervision as pure decisions: what follows from an end, whether there were too many, how long to wait. Functions
//! of plain data; the lane's `supervision` and `group` apply what they say.

pub mod backoff;
pub mod judge;
pub mod window;

use backoff::Backoff;

/// Who restarts with the one that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Nobody else.
    #[default]
    OneForOne,
    /// All children.
    OneForAll,
    /// Those that started after it.
    RestForOne,
}

/// After which ends an actor is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Restart {
    /// After a failure.
    #[default]
    Transient,
    /// After a failure, and after it stopped itself.
    Permanent,
    /// Never.
    Temporary,
}

/// What is done about an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Directive {
    /// A new instance takes its place.
    Restart,
    /// It is over.
    Stop,
    /// The instance goes on.
    Resume,
    /// Its supervisor fails with it.
    Escalate,
}

/// How often an actor is asked whether it is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checks {
    /// From one check's end to the next, in µs.
    pub every: u64,
    /// From when a check is due to its answer, in µs; `u64::MAX`: for ever.
    pub timeout: u64,
    /// How many failed ones in a row are a failure of the actor.
    pub threshold: u32,
}

/// How an actor supervises its children, and how it is checked itself. Equal ones are kept once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Who restarts with the one that failed.
    pub strategy: Strategy,
    /// More restarts than this within `within` are a failure of the supervisor.
    pub max_restarts: f64,
    /// The sliding window, in µs; `u64::MAX`: for ever.
    pub within: u64,
    /// How long restarts wait; none: not at all.
    pub backoff: Option<Backoff>,
    /// The isolate is asked about every failure.
    pub decides: bool,
    /// Whether and how the actor itself is checked.
    pub checks: Option<Checks>,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            strategy: Strategy::OneForOne,
            max_restarts: f64::INFINITY,
            within: u64::MAX,
            backoff: None,
            decides: false,
            checks: None,
        }
    }
}

impl Strategy {
    /// From its number in an entry or a profile.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        match number {
            1 => Strategy::OneForAll,
            2 => Strategy::RestForOne,
            _ => Strategy::OneForOne,
        }
    }

    /// Its number in an entry.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Strategy::OneForOne => 0,
            Strategy::OneForAll => 1,
            Strategy::RestForOne => 2,
        }
    }
}

impl Restart {
    /// From its number in an entry.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        match number {
            1 => Restart::Permanent,
            2 => Restart::Temporary,
            _ => Restart::Transient,
        }
    }
}

impl Directive {
    /// From its number in an entry; 0 is none.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Directive::Restart),
            2 => Some(Directive::Stop),
            3 => Some(Directive::Resume),
            4 => Some(Directive::Escalate),
            _ => None,
        }
    }

    /// Its number in an entry.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Directive::Restart => 1,
            Directive::Stop => 2,
            Directive::Resume => 3,
            Directive::Escalate => 4,
        }
    }
}

/// How many numbers a profile is made of.
pub const PROFILE: usize = 14;

impl Profile {
    /// From what the façade gives: strategy, most restarts, within (µs), whether there is a backoff, its min and max
    /// (µs), factor, jitter, reset (µs), whether the first is at once, whether it decides, checks every (µs; 0: none),
    /// their time-out (µs) and threshold. Infinity is "for ever".
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a cast of a float saturates
    pub fn read(n: &[f64; PROFILE]) -> Self {
        let time = |value: f64| if value.is_finite() { value as u64 } else { u64::MAX };
        let backoff =
            Backoff { min: n[4], max: n[5], factor: n[6], jitter: n[7], reset: time(n[8]), first_at_once: n[9] != 0.0 };
        Profile {
            strategy: Strategy::from_number(n[0] as u32),
            max_restarts: n[1],
            within: time(n[2]),
            backoff: (n[3] != 0.0).then_some(backoff),
            decides: n[10] != 0.0,
            checks: (n[11] > 0.0).then(|| Checks {
                every: time(n[11]).max(1000),
                timeout: time(n[12]).max(1000),
                threshold: (n[13] as u32).max(1),
            }),
        }
    }
}
