//! Buskin's native actors beside other actor crates: the same questions, the same work, counted by the receivers.

pub mod contestant;
pub mod heap;
pub mod peer;
pub mod question;
pub mod questions;
pub mod report;
