//! Runs a program, times it, and compares what its receivers have counted with what there must be.

use super::registry::{Numbers, Program};
use super::tally::{self, lock};
use super::{Wrong, programs};
use buskin_core::native::{Actor, AnyRef, AsyncHandler, Builder, Call, Ctx, Options, Ref, System};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(120);

/// Where actors without a parent live.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Layout {
    /// On one thread: a message to another one costs more than what most of them do with it.
    Together,
    /// On all threads: neighbours share one, and each has as many as the others.
    Dealt,
}

/// What a program is made in.
pub(crate) struct Place {
    pub(crate) system: Arc<System>,
    pub(crate) threads: usize,
    layout: Layout,
}

impl Place {
    /// The thread of those that are few, and of all when they live together.
    pub(crate) fn first(&self) -> Options {
        Options::new().on(0)
    }

    /// The thread of the one with number `index` among `count`.
    pub(crate) fn share(&self, index: u32, count: u32) -> Options {
        match self.layout {
            Layout::Together => self.first(),
            Layout::Dealt => Options::new().on(index as usize * self.threads / count.max(1) as usize),
        }
    }
}

/// The ordinary code of a program. It gives back actors among those that end last.
pub(crate) type Start = fn(&Arc<Place>, &Numbers) -> Result<Vec<AnyRef>, Wrong>;

/// Makes of what the actors found what is known of it.
pub(crate) type Settle = fn(&mut Numbers);

/// The ordinary code runs in here, so that it is on a core thread.
struct Opening(Arc<Place>);
struct Open(Start, Numbers);

impl Actor for Opening {}
impl AsyncHandler<Open> for Opening {
    type Reply = Result<(), Wrong>;
    async fn handle(&mut self, Open(start, sizes): Open, _: &mut Ctx<Self>) -> Self::Reply {
        for last in start(&self.0, &sizes)? {
            last.stopped().await?;
        }
        Ok(())
    }
}

/// A system that runs one program after the other.
pub(crate) struct Stage {
    place: Arc<Place>,
    opening: Ref<Opening>,
    failed: Arc<Mutex<Option<String>>>,
    _books: MutexGuard<'static, ()>,
}

/// A run that was right.
pub(crate) struct Run {
    pub(crate) time: Duration,
    pub(crate) messages: u64,
    pub(crate) actors: u64,
}

impl Stage {
    /// `threads`: so many core threads; 0: one for each CPU.
    pub(crate) fn open(threads: usize, layout: Layout) -> Result<Stage, Wrong> {
        let books = tally::reserve();
        tally::take(); // of a run that was given up
        let system = Arc::new(Builder::new().threads(threads).try_build()?);
        let failed = end_at_failure(&system);
        let place = Arc::new(Place { threads: system.threads(), system, layout });
        let inner = Arc::clone(&place);
        let opening = place.system.spawn_with(&place.first(), move || Opening(Arc::clone(&inner)))?;
        opening.started().wait_for(LIMIT)?;
        Ok(Stage { place, opening, failed, _books: books })
    }

    /// From the first spawn until every actor has ended; anything wrong is an error.
    pub(crate) fn run(&self, program: &Program, (sizes, expected): (&Numbers, &Numbers)) -> Result<Run, Wrong> {
        let (start, settle) = programs::find(&program.name)?;
        self.time(start, sizes, expected, settle).map_err(|wrong| format!("{}: {wrong}", program.name).into())
    }

    pub(crate) fn time(&self, start: Start, sizes: &Numbers, expected: &Numbers, settle: Settle) -> Result<Run, Wrong> {
        let system = &self.place.system;
        let open = Open(start, sizes.clone());
        let before = system.stats();
        let from = Instant::now();
        let opened = self.opening.with(Call::new().timeout(None)).ask(open).wait_for(LIMIT);
        if let Some(failed) = lock(&self.failed).take() {
            return Err(failed.into());
        }
        opened??;
        // nothing tells when all have ended, but the last ones have
        while system.stats().actors > before.actors {
            if from.elapsed() > LIMIT {
                return Err(format!("{} actors that did not end", system.stats().actors - before.actors).into());
            }
            std::thread::sleep(Duration::from_micros(10));
        }
        let time = from.elapsed();
        let after = system.stats();
        if let Some(failed) = lock(&self.failed).take() {
            return Err(failed.into());
        }
        let mut found = tally::take();
        settle(&mut found);
        if found != *expected {
            return Err(format!("found {:?} instead of {:?}", found.0, expected.0).into());
        }
        let whole = |name| found.whole(name).map(u64::from);
        let (messages, actors) = (whole("messages")?, whole("actors")?);
        if [after.dead(), after.failed, after.restarts, after.waiting, after.running] != [0; 5] {
            return Err(format!("more than handled messages: {after:?}").into());
        }
        let told = [after.sent - before.sent, after.handled - before.handled];
        if told != [messages + 1; 2] {
            return Err(format!(
                "the system says sent and handled {told:?}, the receivers {messages} and the one that opens"
            )
            .into());
        }
        Ok(Run { time, messages, actors })
    }

    pub(crate) fn threads(&self) -> usize {
        self.place.threads
    }
}

impl Drop for Stage {
    /// The actor that opens has the system, so it must end before the system can go.
    fn drop(&mut self) {
        self.place.system.shutdown();
    }
}

/// A handler that fails has found something wrong: the first failure is kept, and ends the system.
fn end_at_failure(system: &Arc<System>) -> Arc<Mutex<Option<String>>> {
    let failed = Arc::new(Mutex::new(None));
    let (first, weak) = (Arc::clone(&failed), Arc::downgrade(system));
    system.on_failure(move |failure, _| {
        lock(&first).get_or_insert_with(|| failure.cause.to_string());
        if let Some(system) = Weak::upgrade(&weak) {
            system.shutdown();
        }
    });
    failed
}
