//! 8. The recursion as a tree of actors: each makes two, adds their replies up and ends.

use super::super::Wrong;
use super::super::registry::Numbers;
use super::super::stage::Place;
use super::super::tally::{Fact, Tally, fact};
use buskin_core::native::{Actor, AnyRef, Ctx, Handler, Options, Ref, SpawnError};
use std::sync::Arc;

/// This generation is dealt out to the threads, without parents; whoever comes later is its parent's child and lives beside it.
const DEALT: u32 = 5;

/// The upper generations have it.
#[derive(Clone)]
struct Upper {
    home: Arc<Place>,
    on: Arc<[usize]>,
    depth: u32,
    /// Numbers the ones of a generation: a bit per step down, 1 for the smaller half.
    place: usize,
}

struct Fibonacci {
    parent: Option<Ref<Fibonacci>>,
    upper: Option<Upper>,
    replies: u32,
    result: u64,
    tally: Tally,
}

struct Request(u32);
struct Response(u64);

impl Fibonacci {
    fn new(parent: Option<Ref<Fibonacci>>, upper: Option<Upper>) -> Fibonacci {
        Fibonacci { parent, upper, replies: 0, result: 0, tally: Tally::default() }
    }

    fn make(&self, bit: usize, ctx: &mut Ctx<Self>) -> Result<Ref<Fibonacci>, SpawnError> {
        let parent = Some(ctx.self_ref());
        let Some(upper) = &self.upper else { return ctx.spawn(move || Fibonacci::new(parent, None)) };
        let (depth, place) = (upper.depth + 1, upper.place * 2 + bit);
        if depth == DEALT {
            let on = Options::new().on(upper.on[place]);
            return upper.home.system.spawn_with(&on, move || Fibonacci::new(parent, None));
        }
        let upper = Upper { depth, place, ..upper.clone() };
        ctx.spawn(move || Fibonacci::new(parent, Some(upper.clone())))
    }

    fn finish(&mut self, result: u64, ctx: &mut Ctx<Self>) {
        match self.parent {
            None => fact(Fact::Result, result),
            Some(parent) => parent.tell(Response(result)),
        }
        self.tally.exit(ctx);
    }
}

impl Actor for Fibonacci {}
impl Handler<Request> for Fibonacci {
    type Reply = ();
    fn handle(&mut self, Request(n): Request, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        if n <= 2 {
            return self.finish(1, ctx);
        }
        for (bit, less) in [(0, 1), (1, 2)] {
            match self.make(bit, ctx) {
                Ok(child) => child.tell(Request(n - less)),
                Err(error) => return ctx.fail(error),
            }
        }
    }
}
impl Handler<Response> for Fibonacci {
    type Reply = ();
    fn handle(&mut self, Response(value): Response, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        self.result += value;
        self.replies += 1;
        if self.replies == 2 {
            self.finish(self.result, ctx);
        }
    }
}

/// The thread of each place of the generation `DEALT`: the largest subtree first, to the thread with the least so far.
fn deal(threads: usize) -> Arc<[usize]> {
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let weight = |place: usize| ratio.powi(place.count_ones() as i32);
    let mut places: Vec<usize> = (0..1 << DEALT).collect();
    places.sort_by_key(|place| place.count_ones());
    let mut loads = vec![0.0; threads];
    let mut on = vec![0; places.len()];
    for place in places {
        let (least, load) =
            loads.iter_mut().enumerate().min_by(|a, b| f64::total_cmp(a.1, b.1)).expect("a system has threads");
        *load += weight(place);
        on[place] = least;
    }
    on.into()
}

pub(super) fn start(place: &Arc<Place>, sizes: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let n = sizes.whole("n")?;
    let upper =
        (place.threads > 1).then(|| Upper { home: Arc::clone(place), on: deal(place.threads), depth: 0, place: 0 });
    let root = place.system.spawn_with(&place.first(), move || Fibonacci::new(None, upper.clone()))?;
    root.tell(Request(n));
    Ok(vec![root.any()])
}
