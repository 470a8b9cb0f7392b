//! What the tests of native actors share.
#![allow(dead_code)] // each test uses a part

use buskin_core::count::Ledger;
use buskin_core::native::{Actor, AsyncHandler, Builder, Cause, Ctx, Failure, Handler, Options, Reason, Ref, System};
use std::any::Any;
use std::future::poll_fn;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, Once};
use std::task::{Poll, Waker};
use std::time::Duration;

/// A system with so many threads and the machine's clock.
pub(crate) fn system(threads: usize) -> System {
    quiet_panics();
    Builder::new().threads(threads).build()
}

/// One whose clock is moved by hand.
pub(crate) fn manual(threads: usize) -> System {
    quiet_panics();
    Builder::new().threads(threads).manual_clock().build()
}

/// Panics of actors are part of the tests: nobody is to read of them. Those of the tests' own threads are shown.
pub(crate) fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !std::thread::current().name().is_some_and(|name| name.starts_with("buskin-core")) {
                before(info);
            }
        }));
    });
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What actors say, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    /// What was said since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// What comes next; fails when nothing comes.
pub(crate) fn next<T>(from: &Receiver<T>) -> T {
    from.recv_timeout(Duration::from_secs(20)).expect("something was to come")
}

/// xorshift: the same numbers for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % n
    }
}

// -------------------------------------------------------------------------------------------------- a probe

/// An actor that does what its messages say, and writes down what becomes of it.
pub(crate) struct Probe {
    pub(crate) name: &'static str,
    pub(crate) log: Log,
    pub(crate) count: u64,
    pub(crate) kept: Option<Box<dyn Any + Send>>,
}

/// A message: what is to be done.
pub(crate) struct Run<F>(F);
/// The same over several steps.
pub(crate) struct Later<F>(F);
/// One that is written down when it is handled.
#[derive(Clone)]
pub(crate) struct Note(pub(crate) String);

impl Actor for Probe {
    fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
        let generation = ctx.generation();
        self.log.say(format!("{} starts {generation}", self.name));
        Ok(())
    }

    fn stopped(&mut self, reason: &Reason, _: &mut Ctx<Self>) {
        self.log.say(format!("{} stops: {reason}", self.name));
    }
}

impl<F, R> Handler<Run<F>> for Probe
where
    F: FnOnce(&mut Probe, &mut Ctx<Probe>) -> R,
    R: Send + 'static,
{
    type Reply = R;
    fn handle(&mut self, Run(run): Run<F>, ctx: &mut Ctx<Self>) -> R {
        run(self, ctx)
    }
}

impl<F, R> AsyncHandler<Later<F>> for Probe
where
    F: AsyncFnOnce(&mut Probe, &mut Ctx<Probe>) -> R,
    R: Send + 'static,
{
    type Reply = R;
    async fn handle(&mut self, Later(run): Later<F>, ctx: &mut Ctx<Self>) -> R {
        run(self, ctx).await
    }
}

impl Handler<Note> for Probe {
    type Reply = ();
    fn handle(&mut self, Note(what): Note, _: &mut Ctx<Self>) {
        self.log.say(format!("{}: {what}", self.name));
    }
}

pub(crate) fn run<R>(
    run: impl FnOnce(&mut Probe, &mut Ctx<Probe>) -> R,
) -> Run<impl FnOnce(&mut Probe, &mut Ctx<Probe>) -> R> {
    Run(run)
}

pub(crate) fn later<R>(
    run: impl AsyncFnOnce(&mut Probe, &mut Ctx<Probe>) -> R,
) -> Later<impl AsyncFnOnce(&mut Probe, &mut Ctx<Probe>) -> R> {
    Later(run)
}

pub(crate) fn note(what: impl ToString) -> Note {
    Note(what.to_string())
}

/// Makes a probe, again and again.
pub(crate) fn make(name: &'static str, log: &Log) -> impl FnMut() -> Probe + Send + 'static + use<> {
    let log = log.clone();
    move || Probe { name, log: log.clone(), count: 0, kept: None }
}

/// A probe of this name on this thread.
pub(crate) fn probe(system: &System, log: &Log, name: &'static str, options: Options) -> Ref<Probe> {
    system.spawn_with(&options.name(name), make(name, log)).unwrap()
}

/// Fails, with an error of this text.
pub(crate) fn fail(why: &'static str) -> Run<impl FnOnce(&mut Probe, &mut Ctx<Probe>)> {
    run(move |_, ctx| ctx.fail(why))
}

/// A handler that holds its thread until it is told to go on, or until the sender is dropped.
#[allow(clippy::type_complexity)] // of a closure
pub(crate) fn hold() -> (Sender<()>, Run<impl FnOnce(&mut Probe, &mut Ctx<Probe>) + Send + 'static>) {
    let (go, gate) = channel::<()>();
    let holds = run(move |_, _| {
        let _ = gate.recv();
    });
    (go, holds)
}

/// Holds a probe in hand, without holding its thread, until this is opened.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Gate {
    pub(crate) fn open(&self) {
        let wakers = {
            let mut gate = self.0.lock().unwrap();
            gate.0 = true;
            std::mem::take(&mut gate.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) async fn pass(&self) {
        poll_fn(|cx| {
            let mut gate = self.0.lock().unwrap();
            if gate.0 {
                return Poll::Ready(());
            }
            gate.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Dead letters as they are told: type and reason.
pub(crate) fn dead_letters(system: &System) -> Log {
    let log = Log::default();
    let says = log.clone();
    system.on_dead_letter(move |letter| {
        let name = letter.message.split('<').next().unwrap_or_default();
        says.say(format!("{} {:?}", name.rsplit("::").next().unwrap_or_default(), letter.why));
    });
    log
}

/// Failures as they are told: who, with what, in which phase, how often before, and what is done.
pub(crate) fn failures(system: &System) -> Log {
    let log = Log::default();
    let says = log.clone();
    system.on_failure(move |failure, directive| {
        let Failure { cause, phase, restarts, .. } = failure;
        says.say(format!("{cause} {phase:?} {restarts} {directive:?}"));
    });
    log
}

/// The identity, and that nothing is left.
pub(crate) fn settled(system: &System) -> Ledger {
    let stats = system.stats();
    assert!(stats.balanced(), "{stats:?}");
    assert_eq!((stats.waiting, stats.running), (0, 0), "{stats:?}");
    stats
}
