//! Timers: a wheel that knows nothing of clocks, and the timers of actors.

pub mod table;
pub mod wheel;

pub use wheel::{NEVER, TimerKey, Wheel};
