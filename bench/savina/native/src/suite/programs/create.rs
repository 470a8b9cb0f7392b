//! 4. Fork-join, create: ordinary code makes actors. Each computes once and ends.

use super::super::Wrong;
use super::super::registry::Numbers;
use super::super::stage::Place;
use super::super::tally::{Fact, Tally, fact};
use super::throughput::compute;
use buskin_core::native::{Actor, AnyRef, Ctx, Handler};
use std::sync::Arc;

#[derive(Default)]
struct Leaf {
    tally: Tally,
}

struct Run(f64);

impl Actor for Leaf {}
impl Handler<Run> for Leaf {
    type Reply = ();
    fn handle(&mut self, Run(theta): Run, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        let square = compute(theta);
        if square <= 0.0 || square >= 1.0 {
            return ctx.fail(format!("sin² is {square}"));
        }
        fact(Fact::Computed, 1);
        self.tally.exit(ctx);
    }
}

pub(super) fn start(place: &Arc<Place>, sizes: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let (actors, theta) = (sizes.whole("actors")?, sizes.real("theta")?);
    let mut last = None;
    for i in 0..actors {
        let leaf = place.system.spawn_with(&place.share(i, actors), Leaf::default)?;
        leaf.tell(Run(theta));
        last = Some(leaf.any());
    }
    Ok(last.into_iter().collect())
}
