//! Messages: order, one at a time, priorities, limits of time, whom they are from.
#![allow(clippy::unwrap_used)]

mod native_common;

use buskin_core::native::{Actor, AskError, AsyncHandler, Call, Ctx, Handler, Lost, Options, Priority, Ref};
use native_common::{Log, manual, ms, next, system};
use std::sync::mpsc::{Receiver, channel};

struct Keeper(Log);
struct Note(String);
/// Blocks the thread until told to go on.
struct Hold(Receiver<()>);
struct Say(String);

impl Actor for Keeper {}
impl Handler<Note> for Keeper {
    type Reply = ();
    fn handle(&mut self, Note(what): Note, _: &mut Ctx<Self>) {
        self.0.say(what);
    }
}
impl Handler<Hold> for Keeper {
    type Reply = ();
    fn handle(&mut self, Hold(gate): Hold, _: &mut Ctx<Self>) {
        gate.recv().unwrap();
    }
}
impl Handler<Say> for Keeper {
    type Reply = String;
    fn handle(&mut self, Say(what): Say, _: &mut Ctx<Self>) -> String {
        self.0.say(what.clone());
        what
    }
}

fn note(what: impl ToString) -> Note {
    Note(what.to_string())
}

#[test]
fn what_one_thread_sends_arrives_in_order_whatever_the_verb() {
    for _ in 0..200 {
        let system = system(1);
        let log = Log::default();
        let of = log.clone();
        let keeper = system.spawn(move || Keeper(of.clone())).unwrap();
        let mut asks = Vec::new();
        for at in 0..12 {
            match at % 4 {
                0 => asks.push(keeper.ask(Say(at.to_string()))),
                1 => drop(keeper.send(note(at))),
                2 => keeper.with(Call::new().ttl(ms(60_000))).tell(note(at)),
                _ => keeper.tell(note(at)),
            }
        }
        system.idle();
        let expected: Vec<String> = (0..12).map(|at| at.to_string()).collect();
        assert_eq!(log.take(), expected);
        let replies: Vec<_> = asks.into_iter().map(|ask| ask.wait().unwrap()).collect();
        assert_eq!(replies, ["0", "4", "8"]);
    }
}
