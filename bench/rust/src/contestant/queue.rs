//! The floor: a queue per actor and a queue of actors that have something to do, on one thread. Nothing is promised.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::task::{Poll, Waker};

use crate::peer::{Behaviour, Context, Peer};
use crate::question::{Answer, Question, Threads};

pub(super) struct Queue;

struct Actor<B: Behaviour<Queue>> {
    behaviour: Option<B>,
    waiting: VecDeque<B::Msg>,
    queued: bool,
}

/// Where an actor lies. Actors are never freed, only their behaviours are.
pub struct Place<B: Behaviour<Queue>>(*mut Actor<B>, PhantomData<B>);

// SAFETY: the floor has one thread; nothing of it is ever used on another.
unsafe impl<B: Behaviour<Queue>> Send for Place<B> {}
// SAFETY: as above.
unsafe impl<B: Behaviour<Queue>> Sync for Place<B> {}

impl<B: Behaviour<Queue>> Clone for Place<B> {
    fn clone(&self) -> Self {
        Self(self.0, PhantomData)
    }
}

type Ready = (*mut (), fn(*mut ()));

thread_local! {
    static READY: RefCell<VecDeque<Ready>> = const { RefCell::new(VecDeque::new()) };
}

/// Handles what waits for one actor.
fn turn<B: Behaviour<Queue>>(place: *mut ()) {
    let actor = place.cast::<Actor<B>>();
    loop {
        // SAFETY: actors are never freed and there is one thread. No reference to the queue outlives its statement, so
        // a handler may tell its own actor.
        let Some(msg) = (unsafe { (*actor).waiting.pop_front() }) else { break };
        let mut scope = Scope { me: Place(actor, PhantomData), stopped: false };
        // SAFETY: only this function touches a behaviour, and turns do not nest.
        if let Some(behaviour) = unsafe { (*actor).behaviour.as_mut() } {
            behaviour.handle(msg, &mut scope);
        }
        if scope.stopped {
            // SAFETY: as above.
            drop(unsafe { (*actor).behaviour.take() });
        }
    }
    // SAFETY: as above.
    unsafe { (*actor).queued = false };
}

struct Scope<B: Behaviour<Queue>> {
    me: Place<B>,
    stopped: bool,
}

impl<B: Behaviour<Queue>> Context<Queue, B> for Scope<B> {
    fn me(&self) -> Place<B> {
        self.me.clone()
    }

    fn spawn<C: Behaviour<Queue>>(&mut self, behaviour: C) -> Place<C> {
        Queue::spawn(behaviour)
    }

    fn stop(&mut self) {
        self.stopped = true;
    }
}

fn turns() {
    while let Some((place, turn)) = READY.with_borrow_mut(VecDeque::pop_front) {
        turn(place);
    }
}

impl Peer for Queue {
    type Ref<B: Behaviour<Self>> = Place<B>;

    fn run<T: Send + 'static>(
        _question: Question,
        _threads: Threads,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let mut context = std::task::Context::from_waker(Waker::noop());
        let mut work = pin!(work);
        loop {
            if let Poll::Ready(value) = work.as_mut().poll(&mut context) {
                return value;
            }
            turns();
        }
    }

    fn spawn<B: Behaviour<Self>>(behaviour: B) -> Self::Ref<B> {
        let actor = Actor { behaviour: Some(behaviour), waiting: VecDeque::new(), queued: false };
        Place(Box::into_raw(Box::new(actor)), PhantomData)
    }

    fn tell<B: Behaviour<Self>>(to: &Self::Ref<B>, msg: B::Msg) {
        let actor = to.0;
        // SAFETY: actors are never freed, there is one thread, and no other reference to these fields is alive.
        let queued = unsafe {
            (*actor).waiting.push_back(msg);
            std::mem::replace(&mut (*actor).queued, true)
        };
        if !queued {
            READY.with_borrow_mut(|ready| ready.push_back((actor.cast(), turn::<B>)));
        }
    }

    /// A queue of questions and one of answers.
    async fn ask(n: u64, window: u64) -> u64 {
        let (mut asked, mut answered) = (VecDeque::new(), VecDeque::new());
        let mut sum = 0;
        let mut next = 0;
        while next < n {
            asked.extend(next..n.min(next + window));
            next += window;
            while let Some(question) = std::hint::black_box(&mut asked).pop_front() {
                answered.push_back(question + 1);
            }
            while let Some(answer) = std::hint::black_box(&mut answered).pop_front() {
                sum += answer;
            }
        }
        sum
    }

    fn keep_busy(_threads: Threads, _stop: &'static AtomicBool) {}

    fn restart(_threads: Threads, _rounds: u64) -> Answer {
        Err("a queue has no supervision")
    }

    fn lacks(_question: Question, threads: Threads) -> Option<&'static str> {
        (threads == Threads::All).then_some("a plain queue has one thread")
    }
}
