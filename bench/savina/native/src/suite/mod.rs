//! Programs 1 to 10 of the Savina suite with native actors, and what checks them: the same as in JavaScript beside it.

mod programs;
pub(crate) mod registry;
pub(crate) mod stage;
mod tally;

pub(crate) use stage::Stage;

/// What is wrong with a run.
pub(crate) type Wrong = Box<dyn std::error::Error + Send + Sync>;
