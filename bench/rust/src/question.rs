//! The questions, how much work each is, and what an answer looks like.

use std::time::Duration;

/// `Err` says why a library has no answer.
pub type Answer = Result<Outcome, &'static str>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    One,
    All,
}

impl Threads {
    pub fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::All => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// The full work, or a part of it: to warm up, or to see that it runs.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The work is divided by ten so many times.
    pub tenths: u32,
}

impl Size {
    pub fn of(self, n: u64) -> u64 {
        (n / 10u64.pow(self.tenths)).max(1)
    }
}

/// What was done, what it took (ns; bytes for `idle`), and whether the receivers have counted what they should have.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub ops: u64,
    pub amount: u64,
    pub right: bool,
}

impl Outcome {
    pub fn timed(ops: u64, took: Duration, right: bool) -> Self {
        Self { ops, amount: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), right }
    }
}

macro_rules! questions {
    ($($variant:ident $name:literal $unit:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Question { $($variant,)* }

        impl Question {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub fn unit(self) -> &'static str {
                match self { $(Self::$variant => $unit,)* }
            }

            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|question| question.name() == name)
            }
        }
    };
}

impl Question {
    /// Whether many threads have something to share in it, or must be there: actors that are placed by hand are then
    /// spread over them. Elsewhere they only talk to each other in turn, and are fastest on one.
    pub fn apart(self) -> bool {
        matches!(self, Self::FanIn | Self::BusyPingPong | Self::Big | Self::Chameneos)
    }
}

questions! {
    Flood "flood" "ns/message",
    PingPong "ping-pong" "ns/hop",
    Ring "ring" "ns/hop",
    Ask "ask" "ns/ask",
    AskMany "ask-1000" "ns/ask",
    Spawn "spawn" "ns/actor",
    FanOut "fan-out" "ns/message",
    Restart "restart" "ns/restart",
    Idle "idle" "bytes/actor",
    Create "create" "ns/actor",
    Fibonacci "fibonacci" "ns/actor",
    Big "big" "ns/message",
    Chameneos "chameneos" "ns/meeting",
    BusyPingPong "busy-ping-pong" "ns/hop",
    FanIn "fan-in" "ns/message",
}
