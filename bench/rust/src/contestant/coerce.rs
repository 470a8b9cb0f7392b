//! coerce. Its scheduler's `start_actor` starts an actor that nobody tracks, at once.

use std::pin::Pin;
use std::sync::atomic::AtomicBool;

use coerce::actor::context::ActorContext;
use coerce::actor::message::{Handler, Message};
use coerce::actor::scheduler::{ActorType, start_actor};
use coerce::actor::{Actor, LocalActorRef, new_actor_id};

use super::tokio_runtime;
use crate::peer::{Behaviour, Context, Peer};
use crate::question::{Answer, Question, Threads};

pub(super) struct Coerce;

pub struct Wrap<B>(B);

impl<B: Behaviour<Coerce>> Actor for Wrap<B> {}

struct Tell<M>(M);

impl<M: Send + Sync + 'static> Message for Tell<M> {
    type Result = ();
}

type Handling<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

// What `#[async_trait]` makes of the method.
impl<B: Behaviour<Coerce>> Handler<Tell<B::Msg>> for Wrap<B> {
    fn handle<'a, 'c, 'f>(&'a mut self, Tell(msg): Tell<B::Msg>, ctx: &'c mut ActorContext) -> Handling<'f, ()>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        Box::pin(async move { self.0.handle(msg, &mut Scope(ctx)) })
    }
}

struct Scope<'a>(&'a mut ActorContext);

impl<B: Behaviour<Coerce>> Context<Coerce, B> for Scope<'_> {
    fn me(&self) -> LocalActorRef<Wrap<B>> {
        self.0.actor_ref()
    }

    fn spawn<C: Behaviour<Coerce>>(&mut self, behaviour: C) -> LocalActorRef<Wrap<C>> {
        Coerce::spawn(behaviour)
    }

    fn stop(&mut self) {
        self.0.stop(None);
    }
}

struct Oracle;

impl Actor for Oracle {}

struct Asked(u64);

impl Message for Asked {
    type Result = u64;
}

impl Handler<Asked> for Oracle {
    fn handle<'a, 'c, 'f>(&'a mut self, Asked(n): Asked, _ctx: &'c mut ActorContext) -> Handling<'f, u64>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        Box::pin(async move { n + 1 })
    }
}

fn start<A: Actor>(actor: A) -> LocalActorRef<A> {
    start_actor(actor, new_actor_id(), ActorType::Anonymous, None, None, None, "".into())
}

impl Peer for Coerce {
    type Ref<B: Behaviour<Self>> = LocalActorRef<Wrap<B>>;

    fn run<T: Send + 'static>(
        _question: Question,
        threads: Threads,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        tokio_runtime::run(threads, work)
    }

    fn spawn<B: Behaviour<Self>>(behaviour: B) -> Self::Ref<B> {
        start(Wrap(behaviour))
    }

    fn tell<B: Behaviour<Self>>(to: &Self::Ref<B>, msg: B::Msg) {
        let _ = to.notify(Tell(msg));
    }

    async fn ask(n: u64, window: u64) -> u64 {
        let oracle = start(Oracle);
        let mut sum = 0;
        let mut next = 0;
        while next < n {
            if window == 1 {
                sum += oracle.send(Asked(next)).await.unwrap_or(0);
            } else {
                // It sends at the first poll and only then waits, so they must be polled together.
                let wave = (next..n.min(next + window)).map(|question| oracle.send(Asked(question)));
                sum += futures_util::future::join_all(wave)
                    .await
                    .into_iter()
                    .map(|answer| answer.unwrap_or(0))
                    .sum::<u64>();
            }
            next += window;
        }
        sum
    }

    fn keep_busy(threads: Threads, stop: &'static AtomicBool) {
        tokio_runtime::keep_busy(threads, stop);
    }

    fn restart(_threads: Threads, _rounds: u64) -> Answer {
        Err("coerce does not catch a panic: the actor's task ends and its supervisor is not told")
    }
}
