//! The examples do what they say: each checks itself.
#![allow(clippy::unwrap_used)]

#[path = "../examples/bank.rs"]
mod bank;
#[path = "../examples/chat.rs"]
mod chat;
#[path = "../examples/counter.rs"]
mod counter;

#[test]
fn the_counter_counts() {
    counter::main().unwrap();
}

#[test]
fn the_bank_goes_on_when_accounts_fail() {
    bank::main().unwrap();
}

#[test]
fn the_room_is_empty_when_all_have_left() {
    chat::main().unwrap();
}
