//! xtra, with mailboxes without a bound: a detached send is done at its first poll.

use std::sync::atomic::AtomicBool;

use xtra::{Actor, Address, Handler, Mailbox};

use super::tokio_runtime::{self, at_once};
use crate::peer::{Behaviour, Context, Peer};
use crate::question::{Question, Threads};

pub(super) struct Xtra;

/// With its own address: the context has only a weak one, which is nothing once nobody else holds a strong one.
pub struct Wrap<B: Behaviour<Xtra>>(B, Address<Self>);

impl<B: Behaviour<Xtra>> Actor for Wrap<B> {
    type Stop = ();

    async fn stopped(self) {}
}

struct Tell<M>(M);

impl<B: Behaviour<Xtra>> Handler<Tell<B::Msg>> for Wrap<B> {
    type Return = ();

    async fn handle(&mut self, Tell(msg): Tell<B::Msg>, ctx: &mut xtra::Context<Self>) {
        self.0.handle(msg, &mut Scope(&self.1, ctx));
    }
}

struct Scope<'a, B: Behaviour<Xtra>>(&'a Address<Wrap<B>>, &'a mut xtra::Context<Wrap<B>>);

impl<B: Behaviour<Xtra>> Context<Xtra, B> for Scope<'_, B> {
    fn me(&self) -> Address<Wrap<B>> {
        self.0.clone()
    }

    fn spawn<C: Behaviour<Xtra>>(&mut self, behaviour: C) -> Address<Wrap<C>> {
        Xtra::spawn(behaviour)
    }

    fn stop(&mut self) {
        self.1.stop_self();
    }
}

struct Oracle;

impl Actor for Oracle {
    type Stop = ();

    async fn stopped(self) {}
}

struct Asked(u64);

impl Handler<Asked> for Oracle {
    type Return = u64;

    async fn handle(&mut self, Asked(n): Asked, _ctx: &mut xtra::Context<Self>) -> u64 {
        n + 1
    }
}

impl Peer for Xtra {
    type Ref<B: Behaviour<Self>> = Address<Wrap<B>>;

    fn run<T: Send + 'static>(
        _question: Question,
        threads: Threads,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        tokio_runtime::run(threads, work)
    }

    fn spawn<B: Behaviour<Self>>(behaviour: B) -> Self::Ref<B> {
        let (address, mailbox) = Mailbox::unbounded();
        let me = address.clone();
        xtra::spawn_tokio(Wrap(behaviour, me), (address, mailbox))
    }

    fn tell<B: Behaviour<Self>>(to: &Self::Ref<B>, msg: B::Msg) {
        let _ = at_once(to.send(Tell(msg)).detach());
    }

    async fn ask(n: u64, window: u64) -> u64 {
        let oracle = xtra::spawn_tokio(Oracle, Mailbox::unbounded());
        let mut sum = 0;
        let mut next = 0;
        if window == 1 {
            while next < n {
                sum += oracle.send(Asked(next)).await.unwrap_or(0);
                next += 1;
            }
            return sum;
        }
        let mut waiting = Vec::new();
        while next < n {
            for question in next..n.min(next + window) {
                waiting.extend(oracle.send(Asked(question)).detach().await);
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
}
