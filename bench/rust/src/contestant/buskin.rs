//! Buskin's native actors. Implement `Peer`, or answer by hand.

use crate::question::{Answer, Question, Size, Threads};

pub(super) fn answer(_question: Question, _threads: Threads, _size: Size) -> Answer {
    Err("its typed actors are not here yet")
}
