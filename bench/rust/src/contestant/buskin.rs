//! Buskin's native actors.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use buskin_core::native::{Actor, AsyncHandler, Builder, Ctx, Handler, Options, Ref, System};
use tokio::sync::oneshot;

use crate::peer::{Behaviour, Context, Peer, Signal};
use crate::question::{Answer, Outcome, Question, Threads};
use crate::questions;

pub(super) fn answer(question: Question, threads: Threads, size: crate::question::Size) -> Answer {
    questions::answer::<Buskin>(question, threads, size)
}

pub(super) struct Buskin;

/// The system of the question that runs.
static SYSTEM: AtomicPtr<System> = AtomicPtr::new(std::ptr::null_mut());
/// Whether actors are to be spread over the threads one by one: the question is about what goes between threads.
static SPREAD: AtomicBool = AtomicBool::new(false);
static NEXT: AtomicUsize = AtomicUsize::new(0);

fn system() -> &'static System {
    // SAFETY: set by `run` for as long as its work runs, and only what runs in it asks.
    unsafe { SYSTEM.load(Ordering::Acquire).as_ref() }.expect("a question runs")
}

fn spawn<A: Actor>(actor: A) -> Ref<A> {
    if !SPREAD.load(Ordering::Relaxed) {
        return system().spawn_once(actor).expect("room");
    }
    let mut actor = Some(actor);
    let options = Options::new().on(NEXT.fetch_add(1, Ordering::Relaxed));
    system().spawn_with(&options, move || actor.take().expect("it does not fail")).expect("room")
}

pub struct Wrap<B>(B);

impl<B: Behaviour<Buskin>> Actor for Wrap<B> {}

pub struct Tell<M>(M);

impl<B: Behaviour<Buskin>> Handler<Tell<B::Msg>> for Wrap<B> {
    type Reply = ();

    #[inline]
    fn handle(&mut self, Tell(msg): Tell<B::Msg>, ctx: &mut Ctx<Self>) {
        self.0.handle(msg, &mut Scope(ctx));
    }
}

struct Scope<'a, B: Behaviour<Buskin>>(&'a mut Ctx<Wrap<B>>);

impl<B: Behaviour<Buskin>> Context<Buskin, B> for Scope<'_, B> {
    fn me(&self) -> Ref<Wrap<B>> {
        self.0.self_ref()
    }

    fn spawn<C: Behaviour<Buskin>>(&mut self, behaviour: C) -> Ref<Wrap<C>> {
        self.0.spawn_once(Wrap(behaviour)).expect("room")
    }

    fn stop(&mut self) {
        self.0.stop();
    }
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Main;

impl Actor for Main {}

impl AsyncHandler<Work> for Main {
    type Reply = ();

    async fn handle(&mut self, work: Work, _: &mut Ctx<Self>) {
        work.await;
    }
}

struct Idler;

impl Actor for Idler {}

impl AsyncHandler<&'static AtomicBool> for Idler {
    type Reply = ();

    async fn handle(&mut self, stop: &'static AtomicBool, _: &mut Ctx<Self>) {
        super::tokio_runtime::give_way(stop).await;
    }
}

struct Oracle;

impl Actor for Oracle {}

struct Asked(u64);

impl Handler<Asked> for Oracle {
    type Reply = u64;

    fn handle(&mut self, Asked(n): Asked, _: &mut Ctx<Self>) -> u64 {
        n + 1
    }
}

impl Peer for Buskin {
    type Ref<B: Behaviour<Self>> = Ref<Wrap<B>>;

    fn run<T: Send + 'static>(
        question: Question,
        threads: Threads,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        SPREAD.store(matches!(question, Question::BusyPingPong | Question::FanIn), Ordering::Relaxed);
        NEXT.store(0, Ordering::Relaxed);
        let system = Box::new(Builder::new().threads(threads.count()).build());
        SYSTEM.store((&raw const *system).cast_mut(), Ordering::Release);
        let (tx, rx) = oneshot::channel();
        let main = system.spawn_once(Main).expect("room");
        let work: Work = Box::pin(async move {
            let _ = tx.send(work.await);
        });
        main.tell(work);
        let result = rx.blocking_recv().expect("the question does not panic");
        system.shutdown();
        result
    }

    fn spawn<B: Behaviour<Self>>(behaviour: B) -> Self::Ref<B> {
        spawn(Wrap(behaviour))
    }

    #[inline]
    fn tell<B: Behaviour<Self>>(to: &Self::Ref<B>, msg: B::Msg) {
        to.tell(Tell(msg));
    }

    async fn ask(n: u64, window: u64) -> u64 {
        let oracle = spawn(Oracle);
        let mut sum = 0;
        if window == 1 {
            for next in 0..n {
                sum += oracle.ask(Asked(next)).await.unwrap_or(0);
            }
            return sum;
        }
        let mut waiting = Vec::new();
        let mut next = 0;
        while next < n {
            waiting.extend((next..n.min(next + window)).map(|question| oracle.ask(Asked(question))));
            next += window;
            for answer in waiting.drain(..) {
                sum += answer.await.unwrap_or(0);
            }
        }
        sum
    }

    fn keep_busy(threads: Threads, stop: &'static AtomicBool) {
        for thread in 0..threads.count() {
            system().spawn_with(&Options::new().on(thread), || Idler).expect("room").tell(stop);
        }
    }

    fn restart(threads: Threads, rounds: u64) -> Answer {
        Ok(Self::run(Question::Restart, threads, async move {
            let (signal, done) = Signal::new();
            let (handled, started) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let (signal, count, starts) = (Mutex::new(signal), Arc::clone(&handled), Arc::clone(&started));
            let make = move || Patient {
                rounds,
                handled: Arc::clone(&count),
                started: Arc::clone(&starts),
                signal: signal.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            };
            let patient = system().spawn(make).expect("room");
            let start = Instant::now();
            patient.tell(Order::Fail);
            patient.tell(Order::Work);
            let handled = done.await.unwrap_or(0);
            let right = handled == rounds && started.load(Ordering::Relaxed) == rounds + 1;
            Outcome::timed(rounds, start.elapsed(), right)
        }))
    }
}

/// Its mailbox outlives it, so the order to work that follows the panic reaches the replacement.
struct Patient {
    rounds: u64,
    handled: Arc<AtomicU64>,
    started: Arc<AtomicU64>,
    signal: Signal,
}

enum Order {
    Work,
    Fail,
}

impl Actor for Patient {
    fn started(&mut self, _: &mut Ctx<Self>) -> Result<(), buskin_core::native::Cause> {
        self.started.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Handler<Order> for Patient {
    type Reply = ();

    fn handle(&mut self, order: Order, ctx: &mut Ctx<Self>) {
        match order {
            Order::Fail => panic!("as asked"),
            Order::Work => {
                let handled = self.handled.fetch_add(1, Ordering::Relaxed) + 1;
                if handled == self.rounds {
                    self.signal.send(handled);
                } else {
                    let me = ctx.self_ref();
                    me.tell(Order::Fail);
                    me.tell(Order::Work);
                }
            }
        }
    }
}
