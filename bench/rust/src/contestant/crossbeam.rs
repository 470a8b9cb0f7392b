//! The floor across threads: bare channels, and threads where there is more than one. It has no actors, so it answers
//! only what channels can.

use std::hint::spin_loop;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::question::{Answer, Outcome, Question, Size, Threads};

const NO_ACTORS: &str = "a channel has no actors";

pub(super) fn answer(question: Question, threads: Threads, size: Size) -> Answer {
    match (question, threads) {
        (Question::Flood, Threads::One) => Ok(flood_alone(size.of(1_000_000))),
        (Question::Flood, Threads::All) => Ok(flood(1, size.of(1_000_000))),
        (Question::FanIn, Threads::All) => Ok(flood(threads.count() as u64, size.of(1_000_000))),
        (Question::PingPong, Threads::One) => Ok(ring(2, size.of(1_000_000))),
        (Question::Ring, Threads::One) => Ok(ring(1_000, size.of(1_000_000))),
        (Question::PingPong, Threads::All) => Ok(ping_pong(size.of(100_000), |rx| rx.recv().ok())),
        (Question::BusyPingPong, Threads::All) => Ok(ping_pong(size.of(1_000_000), spin)),
        (Question::Ask, Threads::One) => Ok(ask(size.of(300_000), 1)),
        (Question::AskMany, Threads::One) => Ok(ask(size.of(1_000_000), 1_000)),
        (Question::FanOut, Threads::One) => Ok(fan_out(1_000, size.of(1_000))),
        (Question::FanIn | Question::BusyPingPong, Threads::One) => Err("asked of all threads only"),
        _ => Err(NO_ACTORS),
    }
}

fn flood_alone(n: u64) -> Outcome {
    let (tx, rx) = unbounded();
    let start = Instant::now();
    for i in 1..=n {
        let _ = tx.send(i);
    }
    let (mut count, mut sum) = (0, 0);
    while let Ok(i) = rx.try_recv() {
        count += 1;
        sum += i;
    }
    Outcome::timed(n, start.elapsed(), count == n && sum == n * (n + 1) / 2)
}

fn flood(senders: u64, n: u64) -> Outcome {
    let share = n / senders;
    let (tx, rx) = unbounded();
    let start = Instant::now();
    let threads: Vec<_> = (0..senders)
        .map(|_| {
            let tx = tx.clone();
            std::thread::spawn(move || {
                for i in 1..=share {
                    let _ = tx.send(i);
                }
            })
        })
        .collect();
    drop(tx);
    let (mut count, mut sum) = (0, 0);
    while let Ok(i) = rx.recv() {
        count += 1;
        sum += i;
    }
    let took = start.elapsed();
    for thread in threads {
        let _ = thread.join();
    }
    Outcome::timed(share * senders, took, count == share * senders && sum == senders * (share * (share + 1) / 2))
}

/// A channel per place, all served by one loop.
fn ring(places: usize, hops: u64) -> Outcome {
    let channels: Vec<_> = (0..places).map(|_| unbounded::<u64>()).collect();
    let _ = channels[0].0.send(hops);
    let (mut at, mut handled) = (0, 0);
    let start = Instant::now();
    while let Ok(left) = channels[at].1.try_recv() {
        if left == 0 {
            break;
        }
        handled += 1;
        at = if at + 1 == places { 0 } else { at + 1 };
        let _ = channels[at].0.send(left - 1);
    }
    Outcome::timed(hops, start.elapsed(), handled == hops)
}

fn spin(rx: &Receiver<u64>) -> Option<u64> {
    loop {
        match rx.try_recv() {
            Ok(left) => return Some(left),
            Err(error) if error.is_disconnected() => return None,
            Err(_) => spin_loop(),
        }
    }
}

/// Two threads, one message.
fn ping_pong(hops: u64, wait: fn(&Receiver<u64>) -> Option<u64>) -> Outcome {
    let (there, from_here) = unbounded();
    let (back, from_there) = unbounded();
    let start = Instant::now();
    let other = std::thread::spawn(move || play(&from_here, &back, wait));
    let _ = there.send(hops);
    let handled = play(&from_there, &there, wait);
    drop(there);
    let handled = handled + other.join().unwrap_or(0);
    Outcome::timed(hops, start.elapsed(), handled == hops)
}

fn play(rx: &Receiver<u64>, tx: &Sender<u64>, wait: fn(&Receiver<u64>) -> Option<u64>) -> u64 {
    let mut handled = 0;
    while let Some(left) = wait(rx) {
        if left == 0 {
            break;
        }
        handled += 1;
        let _ = tx.send(left - 1);
        if left == 1 {
            break;
        }
    }
    handled
}

fn ask(n: u64, window: u64) -> Outcome {
    let (ask, asked) = unbounded();
    let (reply, replies) = unbounded();
    let (mut next, mut sum) = (0, 0);
    let start = Instant::now();
    while next < n {
        for question in next..n.min(next + window) {
            let _ = ask.send(question);
        }
        next += window;
        while let Ok(question) = asked.try_recv() {
            let _ = reply.send(question + 1);
        }
        while let Ok(answer) = replies.try_recv() {
            sum += answer;
        }
    }
    Outcome::timed(n, start.elapsed(), sum == n * (n + 1) / 2)
}

fn fan_out(width: usize, rounds: u64) -> Outcome {
    let channels: Vec<_> = (0..width).map(|_| unbounded::<u64>()).collect();
    let mut handled = vec![0; width];
    let start = Instant::now();
    for round in 0..rounds {
        for (tx, _) in &channels {
            let _ = tx.send(round);
        }
        for ((_, rx), handled) in channels.iter().zip(&mut handled) {
            while rx.try_recv().is_ok() {
                *handled += 1;
            }
        }
    }
    let sum: u64 = handled.iter().sum();
    let total = width as u64 * rounds;
    Outcome::timed(total, start.elapsed(), sum == total)
}
