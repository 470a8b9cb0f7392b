//! 3. Fork-join, throughput: ordinary code tells a crowd round robin. Each computes, and ends at its last message.

use super::super::Wrong;
use super::super::registry::Numbers;
use super::super::stage::Place;
use super::super::tally::{Fact, Tally, fact};
use buskin_core::native::{Actor, AnyRef, Ctx, Handler, Ref, SpawnError};
use std::sync::Arc;

/// The computation of programs 3 and 4. The angle is no constant of the code, or the compiler would compute it.
pub(super) fn compute(theta: f64) -> f64 {
    let sine = theta.sin();
    sine * sine
}

struct Runner {
    messages: u32,
    theta: f64,
    seen: u32,
    sum: f64,
    tally: Tally,
}

struct Run;

impl Actor for Runner {}
impl Handler<Run> for Runner {
    type Reply = ();
    fn handle(&mut self, _: Run, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        self.sum += compute(self.theta);
        self.seen += 1;
        if self.seen < self.messages {
            return;
        }
        let mean = self.sum / f64::from(self.messages);
        if (mean - compute(self.theta)).abs() >= 1e-9 {
            return ctx.fail(format!("sin² is {mean} on average"));
        }
        fact(Fact::Computed, self.seen.into());
        self.tally.exit(ctx);
    }
}

pub(super) fn start(place: &Arc<Place>, sizes: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let (actors, messages, theta) = (sizes.whole("actors")?, sizes.whole("messages")?, sizes.real("theta")?);
    let make = move || Runner { messages, theta, seen: 0, sum: 0.0, tally: Tally::default() };
    let runners = (0..actors).map(|i| place.system.spawn_with(&place.share(i, actors), make));
    let runners = runners.collect::<Result<Vec<Ref<Runner>>, SpawnError>>()?;
    for _ in 0..messages {
        for runner in &runners {
            runner.tell(Run);
        }
    }
    Ok(runners.into_iter().map(Into::into).collect())
}
