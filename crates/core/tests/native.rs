//! Native actors as a user has them.
#![allow(clippy::unwrap_used)]

use buskin_core::native::{
    Actor, AskError, AsyncHandler, Builder, Call, Cause, Ctx, Handler, Lost, Options, Overflow, Reason, Ref, System,
};
use std::sync::mpsc;
use std::time::Duration;

fn one() -> System {
    Builder::new().threads(1).build()
}

struct Counter(u64);
struct Add(u64);
struct Read;
struct Boom;

impl Actor for Counter {}
impl Handler<Add> for Counter {
    type Reply = ();
    fn handle(&mut self, Add(by): Add, _: &mut Ctx<Self>) {
        self.0 += by;
    }
}
impl Handler<Read> for Counter {
    type Reply = u64;
    fn handle(&mut self, _: Read, _: &mut Ctx<Self>) -> u64 {
        self.0
    }
}
impl Handler<Boom> for Counter {
    type Reply = ();
    fn handle(&mut self, _: Boom, _: &mut Ctx<Self>) {
        panic!("boom");
    }
}

#[test]
fn tells_arrive_in_order_and_an_ask_is_answered() {
    let system = one();
    let counter = system.spawn(|| Counter(0)).unwrap();
    for by in 0..10_000 {
        counter.tell(Add(by));
    }
    assert_eq!(counter.ask(Read).wait().unwrap(), 49_995_000);
    let stats = system.stats();
    assert_eq!((stats.sent, stats.handled), (10_001, 10_001));
    system.shutdown();
}

#[test]
fn a_panic_fails_the_asker_with_its_words_and_a_fresh_instance_takes_the_place() {
    std::panic::set_hook(Box::new(|_| {}));
    let system = one();
    let (failures, told) = mpsc::channel();
    system.on_failure(move |failure, what| failures.send((failure.cause.to_string(), what)).unwrap());
    let counter = system.spawn(|| Counter(7)).unwrap();
    counter.tell(Add(1));
    let error = counter.ask(Boom).wait().unwrap_err();
    assert!(matches!(&error, AskError::Failed(cause) if cause.is_panic()), "{error}");
    assert_eq!(counter.ask(Read).wait().unwrap(), 7, "the state is fresh");
    let (cause, what) = told.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!((cause.as_str(), what), ("panicked: boom", Some(buskin_core::native::Directive::Restart)));
    system.shutdown();
}

struct Front(Ref<Counter>);
struct Total;

impl Actor for Front {}
impl AsyncHandler<Total> for Front {
    type Reply = u64;
    async fn handle(&mut self, _: Total, _: &mut Ctx<Self>) -> u64 {
        let mut sum = 0;
        for _ in 0..10 {
            sum += self.0.ask(Read).await.unwrap();
        }
        sum
    }
}

#[test]
fn an_asynchronous_handler_waits_for_others() {
    for threads in [1, 2] {
        let system = Builder::new().threads(threads).build();
        let counter = system.spawn_with(&Options::new().on(0), || Counter(3)).unwrap();
        let front = system.spawn_with(&Options::new().on(threads - 1), move || Front(counter)).unwrap();
        assert_eq!(front.ask(Total).wait().unwrap(), 30);
        system.shutdown();
        let stats = system.stats();
        assert_eq!((stats.sent, stats.handled), (11, 11));
    }
}

struct Parent(mpsc::Sender<String>);
struct Child;
struct Raise;

impl Actor for Child {}
impl Handler<Add> for Child {
    type Reply = ();
    fn handle(&mut self, _: Add, ctx: &mut Ctx<Self>) {
        ctx.fail(std::io::Error::other("no disk"));
    }
}
impl Actor for Parent {
    fn stopped(&mut self, reason: &Reason, _: &mut Ctx<Self>) {
        self.0.send(format!("stopped: {reason}")).unwrap();
    }
}
impl Handler<Raise> for Parent {
    type Reply = Ref<Child>;
    fn handle(&mut self, _: Raise, ctx: &mut Ctx<Self>) -> Ref<Child> {
        let options = Options::new().name("child").restart(buskin_core::native::Restart::Temporary);
        let child = ctx.spawn_with(&options, || Child).unwrap();
        ctx.watch(child, |parent, why, _| parent.0.send(format!("child: {why}")).unwrap());
        ctx.after(Duration::from_millis(5), |parent, _| parent.0.send("timer".into()).unwrap());
        child
    }
}

#[test]
fn children_watches_timers_names_and_ends() {
    let system = one();
    let (says, said) = mpsc::channel();
    let next = || said.recv_timeout(Duration::from_secs(5)).unwrap();
    let parent = system.spawn_with(&Options::new().name("parent"), move || Parent(says.clone())).unwrap();
    assert_eq!(system.lookup::<Parent>("parent"), Some(parent));
    assert_eq!(system.lookup::<Child>("parent"), None);
    let child = parent.ask(Raise).wait().unwrap();
    assert_eq!(child.path().as_deref(), Some("/parent/child"));
    assert_eq!(next(), "timer");
    child.tell(Add(1));
    assert_eq!(next(), "child: failed: no disk");
    assert!(!child.is_alive());
    let dead = child.ask(Add(2)).wait();
    assert!(dead.is_err());
    let stopped = parent.stopped();
    parent.stop();
    assert_eq!(next(), "stopped: stopped");
    assert!(matches!(stopped.wait().unwrap(), Reason::Normal));
    assert!(matches!(parent.ask(Raise).wait(), Err(AskError::Lost(Lost::Stopped))));
    system.shutdown();
}

struct Slow(mpsc::Receiver<()>);
impl Actor for Slow {}
impl Handler<Add> for Slow {
    type Reply = ();
    fn handle(&mut self, _: Add, _: &mut Ctx<Self>) {
        self.0.recv().unwrap();
    }
}

#[test]
fn a_full_mailbox_refuses_and_time_outs_and_limits_hold() {
    let system = one();
    let (go, gate) = mpsc::channel();
    let mut gate = Some(gate);
    let options = Options::new().capacity(2).overflow(Overflow::Reject);
    let slow = system.spawn_with(&options, move || Slow(gate.take().unwrap())).unwrap();
    let asks: Vec<_> = (0..2).map(|_| slow.ask(Add(0))).collect();
    let late = slow.with(Call::new().timeout(Some(Duration::from_millis(10)))).ask(Add(0));
    for _ in 0..2 {
        go.send(()).unwrap();
    }
    let outcomes: Vec<_> = asks.into_iter().map(|ask| ask.wait().is_ok()).collect();
    assert!(outcomes[0]);
    drop(go);
    assert!(late.wait().is_err());
    system.shutdown();
}

#[test]
fn a_system_that_ended_says_so() {
    let system = one();
    let counter = system.spawn(|| Counter(0)).unwrap();
    system.shutdown();
    counter.tell(Add(1));
    assert!(counter.ask(Read).wait().is_err());
    assert!(system.spawn(|| Counter(0)).is_err());
    let cause: Cause = std::io::Error::other("x").into();
    assert_eq!(cause.to_string(), "x");
}
