//! ractor. Spawned with `spawn_instant`, which does not wait until the actor has started.

use std::marker::PhantomData;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ractor::concurrency::oneshot;
use ractor::{Actor, ActorProcessingErr, ActorRef, ActorRuntime, RpcReplyPort, SupervisionEvent};

use super::tokio_runtime;
use crate::peer::{Behaviour, Context, Peer, Signal};
use crate::question::{Answer, Outcome, Question, Threads};

pub(super) struct Ractor;

struct Wrap<B>(PhantomData<B>);

impl<B: Behaviour<Ractor>> Actor for Wrap<B> {
    type Msg = B::Msg;
    type State = B;
    type Arguments = B;

    async fn pre_start(&self, _me: ActorRef<Self::Msg>, behaviour: B) -> Result<B, ActorProcessingErr> {
        Ok(behaviour)
    }

    async fn handle(&self, me: ActorRef<Self::Msg>, msg: Self::Msg, state: &mut B) -> Result<(), ActorProcessingErr> {
        state.handle(msg, &mut Scope(&me));
        Ok(())
    }
}

struct Scope<'a, M>(&'a ActorRef<M>);

impl<B: Behaviour<Ractor>> Context<Ractor, B> for Scope<'_, B::Msg> {
    fn me(&self) -> ActorRef<B::Msg> {
        self.0.clone()
    }

    fn spawn<C: Behaviour<Ractor>>(&mut self, behaviour: C) -> ActorRef<C::Msg> {
        Ractor::spawn(behaviour)
    }

    fn stop(&mut self) {
        self.0.stop(None);
    }
}

struct Oracle;

struct Asked(u64, RpcReplyPort<u64>);

impl Actor for Oracle {
    type Msg = Asked;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _me: ActorRef<Asked>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _me: ActorRef<Asked>,
        Asked(n, reply): Asked,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        reply.send(n + 1)?;
        Ok(())
    }
}

impl Peer for Ractor {
    type Ref<B: Behaviour<Self>> = ActorRef<B::Msg>;

    fn run<T: Send + 'static>(
        _question: Question,
        threads: Threads,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        tokio_runtime::run(threads, work)
    }

    fn spawn<B: Behaviour<Self>>(behaviour: B) -> Self::Ref<B> {
        ActorRuntime::spawn_instant(None, Wrap::<B>(PhantomData), behaviour).expect("an actor without a name starts").0
    }

    fn tell<B: Behaviour<Self>>(to: &Self::Ref<B>, msg: B::Msg) {
        let _ = to.send_message(msg);
    }

    async fn ask(n: u64, window: u64) -> u64 {
        let oracle = ActorRuntime::spawn_instant(None, Oracle, ()).expect("an actor without a name starts").0;
        let mut sum = 0;
        let mut waiting = Vec::new();
        let mut next = 0;
        while next < n {
            // What `call!` does without a timeout, with the waiting apart.
            for question in next..n.min(next + window) {
                let (reply, answer) = oneshot();
                let _ = oracle.send_message(Asked(question, reply.into()));
                waiting.push(answer);
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
            let start = Instant::now();
            let nurse =
                ActorRuntime::spawn_instant(None, Nurse, (rounds, signal)).expect("an actor without a name starts").0;
            let handled = done.await.unwrap_or(0);
            let outcome = Outcome::timed(rounds, start.elapsed(), handled == rounds);
            nurse.stop(None);
            outcome
        }))
    }
}

/// Spawns a linked child, hears of its end, and spawns the next one.
struct Nurse;

struct Ward {
    left: u64,
    handled: u64,
    signal: Signal,
}

/// The child's acknowledgement.
struct Well;

impl Actor for Nurse {
    type Msg = Well;
    type State = Ward;
    type Arguments = (u64, Signal);

    async fn pre_start(&self, me: ActorRef<Well>, (left, signal): (u64, Signal)) -> Result<Ward, ActorProcessingErr> {
        let child = ActorRuntime::spawn_linked_instant(None, Patient, me.clone(), me.get_cell())?.0;
        child.send_message(Order::Fail)?;
        Ok(Ward { left, handled: 0, signal })
    }

    async fn handle(&self, _me: ActorRef<Well>, Well: Well, ward: &mut Ward) -> Result<(), ActorProcessingErr> {
        ward.handled += 1;
        if ward.handled == ward.left {
            ward.signal.send(ward.handled);
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<Well>,
        event: SupervisionEvent,
        ward: &mut Ward,
    ) -> Result<(), ActorProcessingErr> {
        if matches!(event, SupervisionEvent::ActorFailed(..)) {
            let child = ActorRuntime::spawn_linked_instant(None, Patient, me.clone(), me.get_cell())?.0;
            child.send_message(Order::Work)?;
            if ward.handled + 1 < ward.left {
                child.send_message(Order::Fail)?;
            }
        }
        Ok(())
    }
}

struct Patient;

enum Order {
    Work,
    Fail,
}

impl Actor for Patient {
    type Msg = Order;
    type State = ActorRef<Well>;
    type Arguments = ActorRef<Well>;

    async fn pre_start(
        &self,
        _me: ActorRef<Order>,
        nurse: ActorRef<Well>,
    ) -> Result<ActorRef<Well>, ActorProcessingErr> {
        Ok(nurse)
    }

    async fn handle(
        &self,
        _me: ActorRef<Order>,
        order: Order,
        nurse: &mut ActorRef<Well>,
    ) -> Result<(), ActorProcessingErr> {
        match order {
            Order::Work => nurse.send_message(Well)?,
            Order::Fail => panic!("as asked"),
        }
        Ok(())
    }
}
