//! acton-reactive, with handlers that are not asynchronous and inboxes that hold whatever a question sends, so that a
//! send is done at its first poll.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use acton_reactive::prelude::*;

use super::tokio_runtime::{self, at_once};
use crate::peer::{Behaviour, Context, Peer, Signal};
use crate::question::{Answer, Outcome, Question, Threads};

pub(super) struct Acton;

const ROOM: usize = 4_000_000;

/// The runtime of the run. It is a handle; spawning wants it mutable.
static RUNTIME: Mutex<Option<ActorRuntime>> = Mutex::new(None);

fn runtime() -> ActorRuntime {
    RUNTIME.lock().unwrap_or_else(PoisonError::into_inner).clone().expect("set at the start of the run")
}

/// A model must have a default and show itself.
struct Wrap<B>(Option<B>);

impl<B> Default for Wrap<B> {
    fn default() -> Self {
        Self(None)
    }
}

impl<B> fmt::Debug for Wrap<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrap")
    }
}

#[derive(Clone)]
struct Tell<M>(M);

impl<M> fmt::Debug for Tell<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell")
    }
}

struct Scope<'a>(&'a ActorHandle);

impl<B: Behaviour<Acton>> Context<Acton, B> for Scope<'_> {
    fn me(&self) -> ActorHandle {
        self.0.clone()
    }

    fn spawn<C: Behaviour<Acton>>(&mut self, behaviour: C) -> ActorHandle {
        Acton::spawn(behaviour)
    }

    fn stop(&mut self) {
        // What `stop` sends; waiting for the end from inside would never end.
        at_once(self.0.send(SystemSignal::Terminate));
    }
}

fn config() -> ActorConfig {
    ActorConfig::new_with_name("actor").expect("a name that is valid").with_inbox_capacity(ROOM)
}

#[derive(Clone, Debug)]
struct Asked(u64);

#[derive(Clone, Debug)]
struct Reply(u64);

impl Request for Asked {
    type Response = Reply;
}

impl Peer for Acton {
    type Ref<B: Behaviour<Self>> = ActorHandle;

    fn run<T: Send + 'static>(
        _question: Question,
        threads: Threads,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        tokio_runtime::run(threads, async {
            let runtime = ActonApp::launch_async().await;
            *RUNTIME.lock().unwrap_or_else(PoisonError::into_inner) = Some(runtime);
            work.await
        })
    }

    fn spawn<B: Behaviour<Self>>(behaviour: B) -> Self::Ref<B> {
        let mut actor = runtime().new_actor_with_config::<Wrap<B>>(config());
        actor.model.0 = Some(behaviour);
        actor.mutate_on_sync::<Tell<B::Msg>>(|actor, context| {
            let msg = context.message().0.clone();
            let me = actor.handle().clone();
            if let Some(behaviour) = &mut actor.model.0 {
                behaviour.handle(msg, &mut Scope(&me));
            }
        });
        at_once(actor.start())
    }

    fn tell<B: Behaviour<Self>>(to: &Self::Ref<B>, msg: B::Msg) {
        at_once(to.send(Tell(msg)));
    }

    async fn ask(n: u64, window: u64) -> u64 {
        let mut oracle = runtime().new_actor_with_config::<Wrap<()>>(config());
        oracle.mutate_on_sync::<Asked>(|_, context| {
            let reply = Reply(context.message().0 + 1);
            at_once(context.reply_envelope().send(reply));
        });
        let oracle = oracle.start().await;
        let mut sum = 0;
        let mut next = 0;
        while next < n {
            if window == 1 {
                sum += oracle.ask(Asked(next)).await.map_or(0, |reply| reply.0);
            } else {
                let wave = (next..n.min(next + window)).map(|question| oracle.ask(Asked(question)));
                let answers = futures_util::future::join_all(wave).await;
                sum += answers.into_iter().map(|answer| answer.map_or(0, |reply| reply.0)).sum::<u64>();
            }
            next += window;
        }
        sum
    }

    fn keep_busy(threads: Threads, stop: &'static AtomicBool) {
        tokio_runtime::keep_busy(threads, stop);
    }

    fn restart(threads: Threads, rounds: u64) -> Answer {
        // A restart waits for a timer of a millisecond even without a backoff.
        let rounds = (rounds / 40).max(1);
        Ok(Self::run(Question::Restart, threads, restart(rounds)))
    }
}

#[derive(Clone, Debug)]
struct Fail;

#[derive(Clone)]
struct Work(Signal);

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

/// A replacement has a new inbox, so its supervisor is asked for it each time.
async fn restart(rounds: u64) -> Outcome {
    let nurse = runtime().new_actor_with_config::<Wrap<()>>(config()).start().await;
    let config = ActorConfig::for_supervised_child("patient", nurse.clone(), None)
        .expect("a name that is valid")
        .with_restart_policy(RestartPolicy::Permanent)
        .with_restart_limiter(RestartLimiterConfig::disabled());
    let mut child = nurse
        .supervise_with::<Wrap<()>>(&runtime(), config, |patient| {
            patient.mutate_on_sync::<Fail>(|_, _| panic!("as asked"));
            patient.mutate_on_sync::<Work>(|_, context| context.message().0.send(1));
        })
        .await
        .expect("a child of a supervisor that runs");
    let mut handled = 0;
    let start = Instant::now();
    for _ in 0..rounds {
        let before = child.status().generation();
        let Some(patient) = child.current() else { break };
        patient.send(Fail).await;
        let replaced =
            |status: &SupervisionStatus| status.generation() != before && status.state() == SupervisionState::Running;
        if child.wait_for(replaced).await.is_err() {
            break;
        }
        let Some(patient) = child.current() else { break };
        let (signal, done) = Signal::new();
        patient.send(Work(signal)).await;
        handled += done.await.unwrap_or(0);
    }
    Outcome::timed(rounds, start.elapsed(), handled == rounds)
}
