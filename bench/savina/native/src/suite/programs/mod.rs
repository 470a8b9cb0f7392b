//! The programs, a file for each.

mod big;
mod chameneos;
mod counting;
mod create;
mod dictionary;
mod fibonacci;
mod master;
mod ping_pong;
mod random;
mod ring;
mod sorted_list;
mod throughput;

use super::Wrong;
use super::stage::{Settle, Start};

/// A program by its name in the registry, and what makes of the facts what is known of them.
pub(crate) fn find(name: &str) -> Result<(Start, Settle), Wrong> {
    let start: Start = match name {
        "ping-pong" => ping_pong::start,
        "counting" => counting::start,
        "throughput" => throughput::start,
        "create" => create::start,
        "ring" => ring::start,
        "chameneos" => return Ok((chameneos::start, chameneos::settle)),
        "big" => big::start,
        "fibonacci" => fibonacci::start,
        "dictionary" => dictionary::start,
        "sorted-list" => sorted_list::start,
        _ => return Err(format!("nobody has written {name} yet").into()),
    };
    Ok((start, |_| {}))
}
