//! Drives lanes from several threads, without Node.

fn main() {}
