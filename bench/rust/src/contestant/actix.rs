//! actix. An actor lives on the arbiter it was started on. On all threads those spawned from outside take turns among
//! the arbiters where a question gains by it, and children stay with their parent; elsewhere all share one, which is
//! faster.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use actix::{Actor, ActorContext as _, Addr, Arbiter, ArbiterHandle, AsyncContext as _, Handler, Message, System};

use super::tokio_runtime::give_way;
use crate::peer::{Behaviour, Context, Peer};
use crate::question::{Answer, Question, Threads};

pub(super) struct Actix;

/// The arbiters of the run.
static ARBITERS: Mutex<Vec<ArbiterHandle>> = Mutex::new(Vec::new());
static NEXT: AtomicUsize = AtomicUsize::new(0);

fn arbiters() -> Vec<ArbiterHandle> {
    ARBITERS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

pub struct Wrap<B>(B);

impl<B: Behaviour<Actix>> Actor for Wrap<B> {
    type Context = actix::Context<Self>;
}

struct Tell<M>(M);

impl<M: 'static> Message for Tell<M> {
    type Result = ();
}

impl<B: Behaviour<Actix>> Handler<Tell<B::Msg>> for Wrap<B> {
    type Result = ();

    fn handle(&mut self, Tell(msg): Tell<B::Msg>, ctx: &mut Self::Context) {
        self.0.handle(msg, &mut Scope(ctx));
    }
}

struct Scope<'a, B: Behaviour<Actix>>(&'a mut actix::Context<Wrap<B>>);

impl<B: Behaviour<Actix>> Context<Actix, B> for Scope<'_, B> {
    fn me(&self) -> Addr<Wrap<B>> {
        self.0.address()
    }

    fn spawn<C: Behaviour<Actix>>(&mut self, behaviour: C) -> Addr<Wrap<C>> {
        Wrap(behaviour).start()
    }

    fn stop(&mut self) {
        self.0.stop();
    }
}

struct Oracle;

impl Actor for Oracle {
    type Context = actix::Context<Self>;

    /// Room for all that are in flight: a request beyond the capacity makes its sender wait.
    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(2_000);
    }
}

struct Asked(u64);

impl Message for Asked {
    type Result = u64;
}

impl Handler<Asked> for Oracle {
    type Result = u64;

    fn handle(&mut self, Asked(n): Asked, _ctx: &mut Self::Context) -> u64 {
        n + 1
    }
}

impl Peer for Actix {
    type Ref<B: Behaviour<Self>> = Addr<Wrap<B>>;

    fn run<T: Send + 'static>(
        question: Question,
        threads: Threads,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let system = System::new();
        let more: Vec<Arbiter> =
            (1..if question.apart() { threads.count() } else { 1 }).map(|_| Arbiter::new()).collect();
        let result = system.block_on(async {
            let handles = [Arbiter::current()].into_iter().chain(more.iter().map(Arbiter::handle)).collect();
            *ARBITERS.lock().unwrap_or_else(PoisonError::into_inner) = handles;
            work.await
        });
        for arbiter in more {
            arbiter.stop();
        }
        result
    }

    fn spawn<B: Behaviour<Self>>(behaviour: B) -> Self::Ref<B> {
        let arbiters = ARBITERS.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = NEXT.fetch_add(1, Ordering::Relaxed) % arbiters.len();
        if turn == 0 {
            return Wrap(behaviour).start();
        }
        Wrap::start_in_arbiter(&arbiters[turn], move |_| Wrap(behaviour))
    }

    fn tell<B: Behaviour<Self>>(to: &Self::Ref<B>, msg: B::Msg) {
        to.do_send(Tell(msg));
    }

    async fn ask(n: u64, window: u64) -> u64 {
        let oracle = Oracle.start();
        let mut sum = 0;
        let mut waiting = Vec::new();
        let mut next = 0;
        while next < n {
            for question in next..n.min(next + window) {
                waiting.push(oracle.send(Asked(question)));
            }
            next += window;
            for answer in waiting.drain(..) {
                sum += answer.await.unwrap_or(0);
            }
        }
        sum
    }

    fn keep_busy(_threads: Threads, stop: &'static AtomicBool) {
        for arbiter in arbiters() {
            arbiter.spawn(give_way(stop));
        }
    }

    fn restart(_threads: Threads, _rounds: u64) -> Answer {
        Err("actix restarts what stopped itself; a panic ends the arbiter")
    }
}
