//! Programs of the Savina suite with native actors: one JSON line for each.

mod suite;

use std::process::ExitCode;
use suite::registry::{Numbers, Program};
use suite::stage::Layout;
use suite::{Stage, Wrong, registry};

const USAGE: &str = "buskin-savina <threads> <together or dealt> <size> <size of the run before the clock> [program …]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [threads, layout, size, first, names @ ..] = arguments.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(threads, layout, size, first, names) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

fn run(threads: &str, layout: &str, size: &str, first: &str, names: &[String]) -> Result<(), Wrong> {
    let threads = threads.parse().map_err(|_| format!("{threads} is no number of threads\n{USAGE}"))?;
    let layout = match layout {
        "together" => Layout::Together,
        "dealt" => Layout::Dealt,
        _ => return Err(format!("{layout} is no layout\n{USAGE}").into()),
    };
    let programs = registry::read()?;
    if let Some(name) = names.iter().find(|name| programs.iter().all(|program| program.name != **name)) {
        return Err(format!("no program is called {name}").into());
    }
    for program in programs.iter().filter(|program| names.is_empty() || names.contains(&program.name)) {
        let stage = Stage::open(threads, layout)?;
        stage.run(program, size_of(program, first)?)?;
        let done = stage.run(program, size_of(program, size)?)?;
        println!(
            r#"{{"program":"{}","threads":{},"ms":{:.4},"messages":{},"actors":{}}}"#,
            program.name,
            stage.threads(),
            done.time.as_secs_f64() * 1e3,
            done.messages,
            done.actors
        );
    }
    Ok(())
}

fn size_of<'p>(program: &'p Program, size: &str) -> Result<(&'p Numbers, &'p Numbers), Wrong> {
    Ok((program.sizes.get(size)?, program.expected.get(size)?))
}
