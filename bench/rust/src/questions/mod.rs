//! The actors of the questions, written once for all libraries.

mod hop;
mod savina;
mod spawn;
mod tell;

use std::time::Instant;

use crate::peer::Peer;
use crate::question::{Answer, Outcome, Question, Size, Threads};

const ONLY_ALL: &str = "asked of all threads only";
const ONLY_ONE: &str = "the same as on one thread";

/// Puts one question to one library, in a runtime of its own.
pub fn answer<P: Peer>(question: Question, threads: Threads, size: Size) -> Answer {
    if let Some(reason) = P::lacks(question, threads) {
        return Err(reason);
    }
    match question {
        Question::Flood => Ok(P::run(question, threads, tell::flood::<P>(1, size.of(1_000_000)))),
        Question::FanIn if threads == Threads::One => Err(ONLY_ALL),
        Question::FanIn => Ok(P::run(question, threads, tell::flood::<P>(threads.count() as u64, size.of(1_000_000)))),
        Question::FanOut => Ok(P::run(question, threads, tell::fan_out::<P>(1_000, size.of(1_000)))),
        Question::PingPong => Ok(P::run(question, threads, hop::ring::<P>(2, size.of(1_000_000)))),
        Question::Ring => Ok(P::run(question, threads, hop::ring::<P>(1_000, size.of(1_000_000)))),
        Question::BusyPingPong if threads == Threads::One => Err(ONLY_ALL),
        Question::BusyPingPong => Ok(P::run(question, threads, hop::busy::<P>(threads, size.of(1_000_000)))),
        Question::Ask => Ok(P::run(question, threads, ask::<P>(size.of(300_000), 1))),
        Question::AskMany => Ok(P::run(question, threads, ask::<P>(size.of(1_000_000), 1_000))),
        Question::Spawn => Ok(P::run(question, threads, spawn::waves::<P>(size.of(200), 512))),
        Question::Create => Ok(P::run(question, threads, spawn::create::<P>(size.of(40_000)))),
        Question::Fibonacci => Ok(P::run(question, threads, spawn::fibonacci::<P>(25 - 5 * size.tenths.min(4)))),
        Question::Idle if threads == Threads::All => Err(ONLY_ONE),
        Question::Idle => P::run(question, threads, spawn::idle::<P>(size.of(100_000))),
        Question::Big => Ok(P::run(question, threads, savina::big::<P>(120, size.of(20_000)))),
        Question::Chameneos => Ok(P::run(question, threads, savina::chameneos::<P>(100, size.of(200_000)))),
        Question::Restart => {
            // Every panic of this question is meant.
            std::panic::set_hook(Box::new(|_| {}));
            P::restart(threads, size.of(20_000))
        }
    }
}

async fn ask<P: Peer>(n: u64, window: u64) -> Outcome {
    let start = Instant::now();
    let sum = P::ask(n, window).await;
    Outcome::timed(n, start.elapsed(), sum == n * (n + 1) / 2)
}
