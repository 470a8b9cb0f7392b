//! kameo, with mailboxes without a bound, which are told without waiting.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kameo::actor::{Actor, ActorRef, Spawn, WeakActorRef};
use kameo::error::{ActorStopReason, Infallible, PanicError};
use kameo::mailbox;
use kameo::message::{self, Message};
use kameo::supervision::RestartPolicy;

use super::tokio_runtime;
use crate::peer::{Behaviour, Context, Peer, Signal};
use crate::question::{Answer, Outcome, Question, Threads};

pub(super) struct Kameo;

pub struct Wrap<B>(B);

impl<B: Behaviour<Kameo>> Actor for Wrap<B> {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _me: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

struct Tell<M>(M);

impl<B: Behaviour<Kameo>> Message<Tell<B::Msg>> for Wrap<B> {
    type Reply = ();

    async fn handle(&mut self, Tell(msg): Tell<B::Msg>, ctx: &mut message::Context<Self, ()>) {
        self.0.handle(msg, &mut Scope(ctx));
    }
}

struct Scope<'a, B: Behaviour<Kameo>>(&'a mut message::Context<Wrap<B>, ()>);

impl<B: Behaviour<Kameo>> Context<Kameo, B> for Scope<'_, B> {
    fn me(&self) -> ActorRef<Wrap<B>> {
        self.0.actor_ref().clone()
    }

    fn spawn<C: Behaviour<Kameo>>(&mut self, behaviour: C) -> ActorRef<Wrap<C>> {
        Kameo::spawn(behaviour)
    }

    fn stop(&mut self) {
        self.0.stop();
    }
}

struct Oracle;

impl Actor for Oracle {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _me: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

struct Asked(u64);

impl Message<Asked> for Oracle {
    type Reply = u64;

    async fn handle(&mut self, Asked(n): Asked, _ctx: &mut message::Context<Self, u64>) -> u64 {
        n + 1
    }
}

impl Peer for Kameo {
    type Ref<B: Behaviour<Self>> = ActorRef<Wrap<B>>;

    fn run<T: Send + 'static>(
        _question: Question,
        threads: Threads,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        tokio_runtime::run(threads, work)
    }

    fn spawn<B: Behaviour<Self>>(behaviour: B) -> Self::Ref<B> {
        Wrap::spawn_with_mailbox(Wrap(behaviour), mailbox::unbounded())
    }

    fn tell<B: Behaviour<Self>>(to: &Self::Ref<B>, msg: B::Msg) {
        let _ = to.tell(Tell(msg)).try_send();
    }

    async fn ask(n: u64, window: u64) -> u64 {
        let oracle = Oracle::spawn_with_mailbox(Oracle, mailbox::unbounded());
        let mut sum = 0;
        let mut next = 0;
        if window == 1 {
            while next < n {
                sum += oracle.ask(Asked(next)).send().await.unwrap_or(0);
                next += 1;
            }
            return sum;
        }
        let mut waiting = Vec::new();
        while next < n {
            for question in next..n.min(next + window) {
                waiting.extend(oracle.ask(Asked(question)).try_enqueue());
            }
            next += window;
            for answer in waiting.drain(..) {
                sum += answer.await.unwrap_or(0);
            }
        }
        sum
    }

    fn keep_busy(threads: Threads, stop: &'static AtomicBool) {
        tokio_runtime::keep_busy(threads, stop);
    }

    fn restart(threads: Threads, rounds: u64) -> Answer {
        Ok(tokio_runtime::run(threads, async move {
            let (signal, done) = Signal::new();
            let nurse = Nurse::spawn_with_mailbox(Nurse, mailbox::unbounded());
            let patient = Patient { rounds, handled: Arc::default(), started: Arc::default(), signal };
            let started = Arc::clone(&patient.started);
            let child = Patient::supervise(&nurse, patient)
                .restart_policy(RestartPolicy::Permanent)
                .restart_limit(u32::MAX, Duration::from_secs(1))
                .spawn_with_mailbox(mailbox::unbounded())
                .await;
            // What waits in the mailbox of an actor that is still starting is lost when it panics.
            child.wait_for_startup().await;
            let start = Instant::now();
            let _ = child.tell(Order::Fail).try_send();
            let _ = child.tell(Order::Work).try_send();
            let handled = done.await.unwrap_or(0);
            let right = handled == rounds && started.load(Ordering::Relaxed) == rounds + 1;
            Outcome::timed(rounds, start.elapsed(), right)
        }))
    }
}

struct Nurse;

impl Actor for Nurse {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _me: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

/// Its mailbox outlives it, so the order to work that follows the panic reaches the replacement.
#[derive(Clone)]
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
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _me: ActorRef<Self>) -> Result<Self, Infallible> {
        args.started.fetch_add(1, Ordering::Relaxed);
        Ok(args)
    }

    async fn on_panic(
        &mut self,
        _me: WeakActorRef<Self>,
        error: PanicError,
    ) -> Result<ControlFlow<ActorStopReason>, Infallible> {
        Ok(ControlFlow::Break(ActorStopReason::Panicked(error)))
    }
}

impl Message<Order> for Patient {
    type Reply = ();

    async fn handle(&mut self, order: Order, ctx: &mut message::Context<Self, ()>) {
        match order {
            Order::Fail => panic!("as asked"),
            Order::Work => {
                let handled = self.handled.fetch_add(1, Ordering::Relaxed) + 1;
                if handled == self.rounds {
                    self.signal.send(handled);
                } else {
                    let _ = ctx.actor_ref().tell(Order::Fail).try_send();
                    let _ = ctx.actor_ref().tell(Order::Work).try_send();
                }
            }
        }
    }
}
