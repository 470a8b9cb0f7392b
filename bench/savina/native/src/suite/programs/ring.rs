//! 5. A token that counts down goes around; at 0 another one makes a round and ends everybody.

use super::super::Wrong;
use super::super::registry::Numbers;
use super::super::stage::Place;
use super::super::tally::{Fact, Tally, fact};
use buskin_core::native::{Actor, AnyRef, Ctx, Handler, Ref, SpawnError};
use std::sync::Arc;

struct Link {
    size: u32,
    next: Option<Ref<Link>>,
    /// A token that came before the next one was known: it comes from another thread than who says so, and nothing orders the two.
    early: Option<u32>,
    seen: u64,
    tally: Tally,
}

struct Data(Ref<Link>);
struct Token(u32);
struct End(u32);

impl Link {
    fn pass(&self, left: u32, next: Ref<Link>) {
        if left > 0 {
            next.tell(Token(left - 1));
        } else {
            next.tell(End(self.size - 1));
        }
    }
}

impl Actor for Link {}
impl Handler<Data> for Link {
    type Reply = ();
    fn handle(&mut self, Data(next): Data, _: &mut Ctx<Self>) {
        self.tally.heard();
        self.next = Some(next);
        if let Some(left) = self.early.take() {
            self.pass(left, next);
        }
    }
}
impl Handler<Token> for Link {
    type Reply = ();
    fn handle(&mut self, Token(left): Token, _: &mut Ctx<Self>) {
        self.tally.heard();
        self.seen += 1;
        match self.next {
            Some(next) => self.pass(left, next),
            None => self.early = Some(left),
        }
    }
}
impl Handler<End> for Link {
    type Reply = ();
    fn handle(&mut self, End(left): End, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        fact(Fact::Tokens, self.seen);
        if let Some(next) = self.next.filter(|_| left > 0) {
            next.tell(End(left - 1));
        }
        self.tally.exit(ctx);
    }
}

pub(super) fn start(place: &Arc<Place>, sizes: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let (actors, hops) = (sizes.whole("actors")?, sizes.whole("hops")?);
    let make = move || Link { size: actors, next: None, early: None, seen: 0, tally: Tally::default() };
    let ring = (0..actors).map(|i| place.system.spawn_with(&place.share(i, actors), make));
    let ring = ring.collect::<Result<Vec<Ref<Link>>, SpawnError>>()?;
    for (link, next) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        link.tell(Data(*next));
    }
    ring[0].tell(Token(hops));
    Ok(vec![ring[0].any()])
}
