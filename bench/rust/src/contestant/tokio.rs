//! No library: a task that owns the state and an unbounded channel, as tokio's own guide to actors has it.

use std::sync::atomic::AtomicBool;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::tokio_runtime;
use crate::peer::{Behaviour, Context, Peer};
use crate::question::{Answer, Question, Threads};

pub(super) struct Tokio;

struct Scope<M> {
    me: UnboundedSender<M>,
    stopped: bool,
}

impl<B: Behaviour<Tokio>> Context<Tokio, B> for Scope<B::Msg> {
    fn me(&self) -> UnboundedSender<B::Msg> {
        self.me.clone()
    }

    fn spawn<C: Behaviour<Tokio>>(&mut self, behaviour: C) -> UnboundedSender<C::Msg> {
        Tokio::spawn(behaviour)
    }

    fn stop(&mut self) {
        self.stopped = true;
    }
}

impl Peer for Tokio {
    type Ref<B: Behaviour<Self>> = UnboundedSender<B::Msg>;

    fn run<T: Send + 'static>(
        _question: Question,
        threads: Threads,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        tokio_runtime::run(threads, work)
    }

    fn spawn<B: Behaviour<Self>>(mut behaviour: B) -> Self::Ref<B> {
        let (tx, mut rx) = unbounded_channel();
        let mut scope = Scope { me: tx.clone(), stopped: false };
        tokio::spawn(async move {
            while let Some(msg) = rx.recv().await {
                behaviour.handle(msg, &mut scope);
                if scope.stopped {
                    break;
                }
            }
        });
        tx
    }

    fn tell<B: Behaviour<Self>>(to: &Self::Ref<B>, msg: B::Msg) {
        let _ = to.send(msg);
    }

    async fn ask(n: u64, window: u64) -> u64 {
        let (tx, mut rx) = unbounded_channel::<(u64, oneshot::Sender<u64>)>();
        tokio::spawn(async move {
            while let Some((question, reply)) = rx.recv().await {
                let _ = reply.send(question + 1);
            }
        });
        let mut sum = 0;
        let mut waiting = Vec::new();
        let mut next = 0;
        while next < n {
            for question in next..n.min(next + window) {
                let (reply, answer) = oneshot::channel();
                let _ = tx.send((question, reply));
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

    fn restart(_threads: Threads, _rounds: u64) -> Answer {
        Err("tokio has no supervision")
    }
}
