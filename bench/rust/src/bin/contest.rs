//! Puts one question to one contestant.

use std::process::ExitCode;

use buskin_bench_rust::heap::{HEAP, Heap};

#[global_allocator]
static ALLOCATOR: Heap = HEAP;

fn main() -> ExitCode {
    buskin_bench_rust::report::main()
}
