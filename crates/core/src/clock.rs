//! Time as a lane sees it: microseconds since the clock was made, read once a turn.

use std::time::Instant;

/// Where a lane's time comes from.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The machine's monotonic clock.
    Real(Instant),
    /// Moved by hand.
    Manual(u64),
}

impl Clock {
    /// The machine's clock, starting at 0 now.
    #[must_use]
    pub fn real() -> Self {
        Clock::Real(Instant::now())
    }

    /// Microseconds since the start.
    #[must_use]
    pub fn micros(&self) -> u64 {
        match self {
            Clock::Real(start) => u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
            Clock::Manual(now) => *now,
        }
    }
}

/// The first whole millisecond that is not before `micros`: a deadline rounded so that nothing fires early.
#[must_use]
pub fn ceil_ms(micros: u64) -> u64 {
    micros.div_ceil(1000)
}
