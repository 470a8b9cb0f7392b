//! The same, with an allocator that counts: for `idle`.

use std::process::ExitCode;

use buskin_bench_rust::heap::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    buskin_bench_rust::report::main()
}
