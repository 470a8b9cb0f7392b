//! The command line of the two binaries, and the one line of JSON that they print.

use std::env;
use std::process::ExitCode;

use crate::contestant::ALL;
use crate::question::{Question, Size, Threads};

/// `CONTESTANT QUESTION one|all TENTHS`: puts one question, after a tenth of the work that is not timed; `list` names
/// contestants and questions.
pub fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["list"] => list(),
        [contestant, question, threads, tenths] => one(contestant, question, threads, tenths),
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("list, or: CONTESTANT QUESTION one|all TENTHS");
    ExitCode::from(2)
}

fn list() -> ExitCode {
    let contestants: Vec<_> = ALL.iter().map(|contestant| format!("\"{}\"", contestant.name)).collect();
    let questions: Vec<_> = Question::ALL
        .iter()
        .map(|question| format!("{{\"name\":\"{}\",\"unit\":\"{}\"}}", question.name(), question.unit()))
        .collect();
    println!("{{\"contestants\":[{}],\"questions\":[{}]}}", contestants.join(","), questions.join(","));
    ExitCode::SUCCESS
}

fn one(contestant: &str, question: &str, threads: &str, tenths: &str) -> ExitCode {
    let contestant = ALL.iter().find(|one| one.name == contestant);
    let threads = match threads {
        "one" => Some(Threads::One),
        "all" => Some(Threads::All),
        _ => None,
    };
    let (Some(contestant), Some(question), Some(threads), Ok(tenths)) =
        (contestant, Question::named(question), threads, tenths.parse::<u32>())
    else {
        return usage();
    };
    // Code, heap and stacks were touched once. Memory is measured cold.
    if question != Question::Idle {
        let _ = (contestant.answer)(question, threads, Size { tenths: tenths + 1 });
    }
    match (contestant.answer)(question, threads, Size { tenths }) {
        Ok(outcome) => println!(
            "{{\"ops\":{},\"amount\":{},\"right\":{},\"value\":{:.2}}}",
            outcome.ops,
            outcome.amount,
            outcome.right,
            outcome.amount as f64 / outcome.ops as f64
        ),
        Err(reason) => println!("{{\"none\":\"{reason}\"}}"),
    }
    ExitCode::SUCCESS
}
