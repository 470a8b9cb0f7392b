//! A room and its guests: tells, a watch for those who leave, a timer, and a late reply.
//!
//! `cargo run -p buskin-core --example chat`
#![allow(clippy::print_stdout)]

use buskin_core::native::{Actor, Cause, Ctx, Handler, Options, Ref, Reply, ReplyHandler, System};
use std::error::Error;
use std::time::Duration;

/// Passes on what is said, and knows who is there.
#[derive(Default)]
struct Room {
    guests: Vec<(&'static str, Ref<Guest>)>,
    /// Who waits for the room to be empty.
    waiting: Vec<Reply<u32>>,
    said: u32,
}
struct Join(&'static str, Ref<Guest>);
#[derive(Clone)]
struct Said {
    by: &'static str,
    what: String,
}
struct Empty;

impl Actor for Room {}
impl Handler<Join> for Room {
    type Reply = usize;
    fn handle(&mut self, Join(name, guest): Join, ctx: &mut Ctx<Self>) -> usize {
        self.tell_all(&Said { by: "the room", what: format!("{name} is here") });
        self.guests.push((name, guest));
        // whatever becomes of a guest, the room learns of it
        ctx.watch(guest, move |room: &mut Room, _, _| room.has_left(name));
        self.guests.len()
    }
}
impl Handler<Said> for Room {
    type Reply = ();
    fn handle(&mut self, said: Said, _: &mut Ctx<Self>) {
        self.said += 1;
        self.tell_all(&said);
    }
}
/// Answered when it is so; the room goes on meanwhile.
impl ReplyHandler<Empty> for Room {
    type Reply = u32;
    fn handle(&mut self, _: Empty, reply: Reply<u32>, _: &mut Ctx<Self>) {
        if self.guests.is_empty() {
            reply.give(self.said);
        } else {
            self.waiting.push(reply);
        }
    }
}
impl Room {
    fn tell_all(&self, said: &Said) {
        for (name, guest) in &self.guests {
            if *name != said.by {
                guest.tell(said.clone());
            }
        }
    }

    fn has_left(&mut self, who: &'static str) {
        self.guests.retain(|(name, _)| *name != who);
        self.tell_all(&Said { by: "the room", what: format!("{who} has left") });
        if self.guests.is_empty() {
            self.waiting.drain(..).for_each(|reply| reply.give(self.said));
        }
    }
}

/// Talks now and then, and leaves when it has said what it had to say.
struct Guest {
    name: &'static str,
    room: Ref<Room>,
    lines: Vec<&'static str>,
}

impl Actor for Guest {
    fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
        self.room.tell(Join(self.name, ctx.self_ref()));
        ctx.every(Duration::from_millis(5), |guest, ctx| match guest.lines.pop() {
            Some(line) => guest.room.tell(Said { by: guest.name, what: line.into() }),
            None => ctx.stop(),
        });
        Ok(())
    }
}
impl Handler<Said> for Guest {
    type Reply = ();
    fn handle(&mut self, Said { by, what }: Said, _: &mut Ctx<Self>) {
        println!("{:>5} hears {by}: {what}", self.name);
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let system = System::builder().threads(2).build();
    let room = system.spawn_with(&Options::new().name("room").on(0), Room::default)?;
    for (name, lines) in [("ada", vec!["bye", "how are you?", "hello"]), ("bob", vec!["so long", "hi"])] {
        // they live on another thread than the room: nothing is different
        let options = Options::new().name(name).on(1);
        let guest = system.spawn_with(&options, move || Guest { name, room, lines: lines.clone() })?;
        guest.started().wait()?;
        room.ask(Said { by: name, what: "(comes in)".into() }).wait()?;
    }
    let said = room.ask(Empty).wait()?;
    println!("the room is empty, {said} lines were said");
    assert!((2..=7).contains(&said), "the news that somebody has left overtakes what waits");
    system.shutdown();
    Ok(())
}
