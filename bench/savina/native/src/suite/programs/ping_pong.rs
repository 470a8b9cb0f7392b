//! 1. One message in flight between two actors; before each next round ping sends itself one.

use super::super::Wrong;
use super::super::registry::Numbers;
use super::super::stage::Place;
use super::super::tally::{Fact, Tally, fact};
use buskin_core::native::{Actor, AnyRef, Ctx, Handler, Ref};
use std::sync::Arc;

struct Ping {
    left: u32,
    pong: Ref<Pong>,
    tally: Tally,
}

struct Start;
struct Again;
struct Reply;

impl Ping {
    fn serve(&mut self, ctx: &Ctx<Self>) {
        self.pong.tell(Serve(ctx.self_ref()));
        self.left -= 1;
    }
}

impl Actor for Ping {}
impl Handler<Start> for Ping {
    type Reply = ();
    fn handle(&mut self, _: Start, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        self.serve(ctx);
    }
}
impl Handler<Again> for Ping {
    type Reply = ();
    fn handle(&mut self, _: Again, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        self.serve(ctx);
    }
}
impl Handler<Reply> for Ping {
    type Reply = ();
    fn handle(&mut self, _: Reply, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        if self.left > 0 {
            return ctx.self_ref().tell(Again);
        }
        self.pong.tell(Stop);
        self.tally.exit(ctx);
    }
}

#[derive(Default)]
struct Pong {
    count: u64,
    tally: Tally,
}

struct Serve(Ref<Ping>);
struct Stop;

impl Actor for Pong {}
impl Handler<Serve> for Pong {
    type Reply = ();
    fn handle(&mut self, Serve(sender): Serve, _: &mut Ctx<Self>) {
        self.tally.heard();
        sender.tell(Reply);
        self.count += 1;
    }
}
impl Handler<Stop> for Pong {
    type Reply = ();
    fn handle(&mut self, _: Stop, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        fact(Fact::Pongs, self.count);
        self.tally.exit(ctx);
    }
}

pub(super) fn start(place: &Arc<Place>, sizes: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let left = sizes.whole("rounds")?;
    let together = place.first();
    let pong = place.system.spawn_with(&together, Pong::default)?;
    let ping = place.system.spawn_with(&together, move || Ping { left, pong, tally: Tally::default() })?;
    ping.tell(Start);
    Ok(vec![ping.any(), pong.any()])
}
