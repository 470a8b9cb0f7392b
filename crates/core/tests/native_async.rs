//! Handlers that wait: what goes on meanwhile, what happens when their actor ends, who wakes them.
#![allow(clippy::unwrap_used)]

mod common {
    pub(crate) mod gate;
}

use buskin_core::native::{
    Actor, AskError, AsyncHandler, Builder, Cause, Ctx, Handler, Lost, Options, Reason, Ref, Restart, Shutdown, System,
    blocking,
};
use common::gate::Gate;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

fn threads(count: usize) -> System {
    Builder::new().threads(count).build()
}

// ------------------------------------------------------------------------------------------- one that waits

/// Waits at a gate, and says what it does.
struct Waiter {
    gate: Gate,
    says: mpsc::Sender<String>,
    count: u32,
}
struct Wait;
struct Count;
struct Panic;

/// Says that it was dropped.
struct Dropped(mpsc::Sender<String>);
impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped".into());
    }
}

impl Actor for Waiter {
    fn stopped(&mut self, reason: &Reason, _: &mut Ctx<Self>) {
        let _ = self.says.send(format!("stopped: {reason}"));
    }
}
impl AsyncHandler<Wait> for Waiter {
    type Reply = u32;
    async fn handle(&mut self, _: Wait, _: &mut Ctx<Self>) -> u32 {
        let dropped = Dropped(self.says.clone());
        let before = (self.count, std::thread::current().id());
        self.says.send("waits".into()).unwrap();
        self.gate.opened().await;
        assert_eq!(before, (self.count, std::thread::current().id()), "nobody touched it, and it was not moved");
        self.count += 1;
        let _kept = std::mem::ManuallyDrop::new(dropped);
        self.says.send("goes on".into()).unwrap();
        self.count
    }
}
impl Handler<Count> for Waiter {
    type Reply = u32;
    fn handle(&mut self, _: Count, _: &mut Ctx<Self>) -> u32 {
        self.count += 100;
        self.says.send("counts".into()).unwrap();
        self.count
    }
}
impl AsyncHandler<Panic> for Waiter {
    type Reply = ();
    async fn handle(&mut self, _: Panic, _: &mut Ctx<Self>) {
        self.gate.opened().await;
        panic!("later");
    }
}

struct Stage {
    system: System,
    waiter: Ref<Waiter>,
    other: Ref<Waiter>,
    gate: Gate,
    said: mpsc::Receiver<String>,
}

impl Stage {
    fn new(options: &Options) -> Stage {
        let system = threads(1);
        let (says, said) = mpsc::channel();
        let gate = Gate::default();
        let spawn = |options: &Options| {
            let (gate, says) = (gate.clone(), says.clone());
            system.spawn_with(options, move || Waiter { gate: gate.clone(), says: says.clone(), count: 0 }).unwrap()
        };
        let (waiter, other) = (spawn(options), spawn(&Options::new()));
        Stage { system, waiter, other, gate, said }
    }

    fn next(&self) -> String {
        self.said.recv_timeout(LONG).unwrap()
    }
}

#[test]
fn an_actor_that_waits_gets_no_other_message_and_the_others_go_on() {
    let stage = Stage::new(&Options::new());
    let waits = stage.waiter.ask(Wait);
    assert_eq!(stage.next(), "waits");
    let behind = stage.waiter.ask(Count);
    assert_eq!(stage.other.ask(Count).wait().unwrap(), 100);
    assert_eq!(stage.next(), "counts");
    stage.gate.open();
    assert_eq!(waits.wait().unwrap(), 1);
    assert_eq!(behind.wait().unwrap(), 101);
    assert_eq!((stage.next(), stage.next()), ("goes on".into(), "counts".into()));
    stage.system.shutdown();
    let stats = stage.system.stats();
    assert_eq!((stats.sent, stats.handled, stats.running, stats.waiting), (3, 3, 0, 0));
}

#[test]
fn a_handler_that_need_not_wait_is_handled_in_its_turn() {
    let stage = Stage::new(&Options::new());
    stage.gate.open();
    for n in 1..=1000 {
        assert_eq!(stage.waiter.ask(Wait).wait().unwrap(), n);
    }
    stage.system.shutdown();
    assert_eq!(stage.system.stats().handled, 1000);
}

#[test]
fn kill_drops_the_future_and_tells_the_asker() {
    let stage = Stage::new(&Options::new());
    let waits = stage.waiter.ask(Wait);
    assert_eq!(stage.next(), "waits");
    let behind = stage.waiter.ask(Count);
    stage.waiter.kill();
    assert!(matches!(waits.wait(), Err(AskError::Ended)));
    assert!(matches!(behind.wait(), Err(AskError::Lost(Lost::Stopped))));
    assert_eq!(stage.next(), "dropped");
    stage.gate.open(); // wakes nobody
    assert_eq!(stage.other.ask(Count).wait().unwrap(), 100);
    stage.system.shutdown();
    let stats = stage.system.stats();
    assert_eq!((stats.running, stats.waiting), (0, 0));
}

#[test]
fn stop_lets_what_is_in_hand_end_within_the_deadline() {
    let stage = Stage::new(&Options::new());
    let waits = stage.waiter.ask(Wait);
    assert_eq!(stage.next(), "waits");
    stage.waiter.stop();
    stage.gate.open();
    assert_eq!(waits.wait().unwrap(), 1);
    assert_eq!((stage.next(), stage.next()), ("goes on".into(), "stopped: stopped".into()));
    stage.system.shutdown();
}

#[test]
fn stop_drops_the_future_when_the_deadline_is_over() {
    let stage = Stage::new(&Options::new().shutdown(Shutdown::Within(Duration::from_millis(20))));
    let waits = stage.waiter.ask(Wait);
    assert_eq!(stage.next(), "waits");
    stage.waiter.stop();
    assert!(matches!(waits.wait(), Err(AskError::Ended)));
    assert_eq!(stage.next(), "dropped");
    stage.system.shutdown();
}

#[test]
fn the_end_of_the_system_drops_futures_and_tells_the_askers() {
    let stage = Stage::new(&Options::new().shutdown(Shutdown::Brutal));
    let waits = stage.waiter.ask(Wait);
    assert_eq!(stage.next(), "waits");
    stage.system.shutdown();
    assert!(matches!(waits.wait(), Err(AskError::Ended)));
    let said: Vec<_> = stage.said.try_iter().collect();
    assert!(said.contains(&"dropped".to_owned()), "{said:?}");
}

struct Owner(Option<System>);
struct DropIt;
impl Actor for Owner {}
impl Handler<DropIt> for Owner {
    type Reply = ();
    fn handle(&mut self, _: DropIt, _: &mut Ctx<Self>) {
        drop(self.0.take());
    }
}

#[test]
fn a_system_that_an_actor_of_its_own_drops_drops_futures_before_their_actors() {
    let Stage { system, waiter, said, gate, .. } = Stage::new(&Options::new());
    let waits = waiter.ask(Wait);
    assert_eq!(said.recv_timeout(LONG).unwrap(), "waits");
    let (gives, given) = mpsc::channel();
    let owner = system
        .spawn(move || {
            let system: System = given.recv().unwrap();
            Owner(Some(system))
        })
        .unwrap();
    gives.send(system).unwrap();
    owner.tell(DropIt);
    assert!(matches!(waits.wait(), Err(AskError::Ended)));
    assert_eq!(said.recv_timeout(LONG).unwrap(), "dropped");
    drop(gate);
}

#[test]
fn a_panic_after_a_wait_fails_the_asker_and_a_fresh_instance_takes_the_place() {
    let stage = Stage::new(&Options::new());
    let asks = (stage.waiter.ask(Panic), stage.waiter.ask(Count));
    stage.gate.open();
    let error = asks.0.wait().unwrap_err();
    assert!(matches!(&error, AskError::Failed(cause) if cause.to_string() == "panicked: later"), "{error}");
    assert_eq!(asks.1.wait().unwrap(), 100);
    let at_once = stage.waiter.ask(Panic).wait().unwrap_err(); // before it waits
    assert!(matches!(at_once, AskError::Failed(_)));
    stage.system.shutdown();
}

// -------------------------------------------------------------------------------------------------- wakers

/// A number that another thread raises.
#[derive(Clone, Default)]
struct Bell(Arc<(AtomicU64, Mutex<Option<Waker>>)>);

impl Bell {
    fn ring(&self) {
        self.0.0.fetch_add(1, SeqCst);
        let waker = self.0.1.lock().unwrap().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn rung(&self, times: u64) {
        poll_fn(|cx| {
            *self.0.1.lock().unwrap() = Some(cx.waker().clone());
            if self.0.0.load(SeqCst) >= times { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

struct Listener(Bell, mpsc::Sender<u64>);
struct Listen(u64);
impl Actor for Listener {}
impl AsyncHandler<Listen> for Listener {
    type Reply = ();
    async fn handle(&mut self, Listen(times): Listen, _: &mut Ctx<Self>) {
        for time in 1..=times {
            self.1.send(time).unwrap();
            self.0.rung(time).await;
        }
    }
}

#[test]
fn ten_thousand_wake_ups_of_another_thread_all_arrive() {
    let system = threads(1);
    let (bell, (says, said)) = (Bell::default(), mpsc::channel());
    let of = bell.clone();
    let listener = system.spawn(move || Listener(of.clone(), says.clone())).unwrap();
    let done = listener.ask(Listen(10_000));
    for time in 1..=10_000 {
        assert_eq!(said.recv_timeout(LONG).unwrap(), time);
        bell.ring(); // whether it waits already or not
    }
    done.wait().unwrap();
    system.shutdown();
}

#[test]
fn wake_ups_of_many_threads_at_once_all_arrive() {
    let system = threads(1);
    let (bell, (says, _said)) = (Bell::default(), mpsc::channel());
    let of = bell.clone();
    let listener = system.spawn(move || Listener(of.clone(), says.clone())).unwrap();
    let done = listener.ask(Listen(10_000));
    let ringers: Vec<_> = (0..4)
        .map(|_| {
            let bell = bell.clone();
            std::thread::spawn(move || (0..2500).for_each(|_| bell.ring()))
        })
        .collect();
    done.wait().unwrap();
    for ringer in ringers {
        ringer.join().unwrap();
    }
    system.shutdown();
}

/// Wakes itself again and again until it is told to end.
struct Restless(Arc<AtomicBool>, Arc<AtomicU32>);
struct Go;
impl Actor for Restless {}
impl AsyncHandler<Go> for Restless {
    type Reply = ();
    async fn handle(&mut self, _: Go, _: &mut Ctx<Self>) {
        poll_fn(|cx| {
            self.1.fetch_add(1, SeqCst);
            cx.waker().wake_by_ref();
            if self.0.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

struct Ticker(u32);
struct Tick(u32);
impl Actor for Ticker {}
impl AsyncHandler<Tick> for Ticker {
    type Reply = u32;
    async fn handle(&mut self, Tick(times): Tick, ctx: &mut Ctx<Self>) -> u32 {
        // a timer of the actor waits for the handler; one of a child of its own does not
        let gate = Gate::default();
        let rings = gate.clone();
        let child = ctx.spawn(|| Ticker(0)).unwrap();
        child.ask(Alarm(times, rings)).await.unwrap();
        gate.opened().await;
        self.0 += times;
        self.0
    }
}
struct Alarm(u32, Gate);
impl Handler<Alarm> for Ticker {
    type Reply = ();
    fn handle(&mut self, Alarm(times, gate): Alarm, ctx: &mut Ctx<Self>) {
        ctx.every(Duration::from_millis(1), move |ticker, ctx| {
            ticker.0 += 1;
            if ticker.0 == times {
                gate.open();
                ctx.stop();
            }
        });
    }
}

#[test]
fn a_future_that_wakes_itself_for_ever_starves_neither_messages_nor_timers() {
    let system = threads(1);
    let (over, polls) = (Arc::<AtomicBool>::default(), Arc::<AtomicU32>::default());
    let of = (over.clone(), polls.clone());
    let restless = system.spawn(move || Restless(of.0.clone(), of.1.clone())).unwrap();
    let done = restless.ask(Go);
    let ticker = system.spawn(|| Ticker(0)).unwrap();
    for n in 1..=5 {
        assert_eq!(ticker.ask(Tick(3)).wait_for(LONG).unwrap(), 3 * n);
    }
    assert!(polls.load(SeqCst) > 5);
    over.store(true, SeqCst);
    done.wait().unwrap();
    system.shutdown();
}

// --------------------------------------------------------------------------------------------------- chains

struct Link(Option<Ref<Link>>);
struct Pass(u32);
impl Actor for Link {}
impl AsyncHandler<Pass> for Link {
    type Reply = u32;
    async fn handle(&mut self, Pass(n): Pass, _: &mut Ctx<Self>) -> u32 {
        match self.0 {
            Some(next) => next.ask(Pass(n + 1)).await.unwrap_or(0),
            None => n,
        }
    }
}

#[test]
fn asks_within_asks_come_back_through_all_of_them() {
    for count in [1, 2] {
        let system = threads(count);
        let mut next = None;
        for at in 0..65 {
            next = Some(system.spawn_with(&Options::new().on(at % 2), move || Link(next)).unwrap());
        }
        for n in 0..20 {
            assert_eq!(next.unwrap().ask(Pass(n)).wait().unwrap(), n + 64);
        }
        system.shutdown();
    }
}

struct Loop(Option<Ref<Loop>>);
struct Meet(Ref<Loop>);
impl Actor for Loop {}
impl Handler<Meet> for Loop {
    type Reply = ();
    fn handle(&mut self, Meet(other): Meet, _: &mut Ctx<Self>) {
        self.0 = Some(other);
    }
}
impl AsyncHandler<Pass> for Loop {
    type Reply = String;
    async fn handle(&mut self, _: Pass, _: &mut Ctx<Self>) -> String {
        match self.0.unwrap().ask(Pass(0)).await {
            Ok(said) => said,
            Err(error) => error.to_string(),
        }
    }
}

#[test]
fn a_circle_of_asks_is_told_so() {
    let system = Builder::new().threads(1).ask_timeout(Some(Duration::from_millis(50))).build();
    let [a, b] = [0, 1].map(|_| system.spawn(|| Loop(None)).unwrap());
    a.tell(Meet(b));
    b.tell(Meet(a));
    let said = a.ask(Pass(0)).wait();
    let text = said.unwrap_or_else(|error| error.to_string());
    assert!(text.contains("circle") || text.contains("in time"), "{text}");
    system.shutdown();
}

#[test]
fn systems_ask_each_other() {
    let (here, there) = (threads(1), threads(1));
    let end = there.spawn(|| Link(None)).unwrap();
    let middle = here.spawn(move || Link(Some(end))).unwrap();
    let first = there.spawn(move || Link(Some(middle))).unwrap();
    for n in 0..100 {
        assert_eq!(first.ask(Pass(n)).wait().unwrap(), n + 2);
    }
    here.shutdown();
    assert_eq!(first.ask(Pass(1)).wait().unwrap(), 0, "an actor of a system that ended answers nobody");
    there.shutdown();
}

struct Impatient(Ref<Waiter>);
impl Actor for Impatient {}
impl AsyncHandler<Count> for Impatient {
    type Reply = u32;
    async fn handle(&mut self, _: Count, _: &mut Ctx<Self>) -> u32 {
        for _ in 0..10 {
            let mut ask = std::pin::pin!(self.0.ask(Count));
            let first = poll_fn(|cx| Poll::Ready(ask.as_mut().poll(cx))).await;
            assert!(first.is_pending());
        } // dropped: the message is handled, and nobody hears of it
        self.0.ask(Count).await.unwrap()
    }
}

#[test]
fn an_ask_that_is_dropped_takes_nothing_back_and_disturbs_nobody() {
    let stage = Stage::new(&Options::new());
    let other = stage.other;
    let impatient = stage.system.spawn(move || Impatient(other)).unwrap();
    assert_eq!(impatient.ask(Count).wait().unwrap(), 1100);
    drop(stage.other.ask(Count));
    assert_eq!(stage.other.ask(Count).wait().unwrap(), 1300);
    stage.system.shutdown();
    let stats = stage.system.stats();
    assert_eq!((stats.sent, stats.handled), (14, 14));
}

// ------------------------------------------------------------------------------------------- work that blocks

struct Worker(u64);
struct Sum(Vec<u64>);
struct Later(Vec<u64>, mpsc::Sender<String>);
struct Bad;
impl Actor for Worker {}
impl AsyncHandler<Sum> for Worker {
    type Reply = u64;
    async fn handle(&mut self, Sum(numbers): Sum, ctx: &mut Ctx<Self>) -> u64 {
        let here = std::thread::current().id();
        let work = move || (numbers.iter().sum::<u64>(), std::thread::current().id());
        let (sum, there) = ctx.blocking(work).await.unwrap();
        assert_ne!(here, there);
        self.0 += sum;
        self.0
    }
}
impl Handler<Later> for Worker {
    type Reply = ();
    fn handle(&mut self, Later(numbers, says): Later, ctx: &mut Ctx<Self>) {
        let sum = ctx.blocking(move || numbers.iter().sum::<u64>());
        ctx.ask_then(sum, move |worker, sum, _| {
            worker.0 += sum.unwrap();
            says.send(worker.0.to_string()).unwrap();
        });
    }
}
impl AsyncHandler<Bad> for Worker {
    type Reply = Result<(), Cause>;
    async fn handle(&mut self, _: Bad, _: &mut Ctx<Self>) -> Result<(), Cause> {
        match blocking(|| panic!("in the pool")).await {
            Err(AskError::Failed(cause)) => Err(cause),
            other => other.map_err(Cause::from),
        }
    }
}

#[test]
fn work_that_blocks_runs_elsewhere_and_its_panic_is_an_error() {
    let system = Builder::new().threads(1).blocking_threads(2).build();
    let worker = system.spawn(|| Worker(0)).unwrap();
    for n in 1..=100 {
        assert_eq!(worker.ask(Sum(vec![1, 2])).wait().unwrap(), 3 * n);
    }
    let (says, said) = mpsc::channel();
    worker.tell(Later(vec![40, 2], says));
    assert_eq!(said.recv_timeout(LONG).unwrap(), "342");
    let cause = worker.ask(Bad).wait().unwrap().unwrap_err();
    assert!(cause.is_panic(), "{cause}");
    assert_eq!(worker.ask(Sum(vec![8])).wait().unwrap(), 350, "the actor did not fail");
    system.shutdown();
}

#[test]
fn on_a_thread_without_a_system_there_is_no_pool() {
    assert!(matches!(blocking(|| 1).wait(), Err(AskError::NoSystem)));
}

struct Stuck(Arc<Mutex<Option<mpsc::Receiver<()>>>>, Arc<AtomicBool>);
impl Actor for Stuck {}
impl AsyncHandler<Wait> for Stuck {
    type Reply = ();
    async fn handle(&mut self, _: Wait, ctx: &mut Ctx<Self>) {
        let (gate, over) = (self.0.lock().unwrap().take().unwrap(), Arc::clone(&self.1));
        let work = move || {
            gate.recv().unwrap();
            over.store(true, SeqCst);
        };
        ctx.blocking(work).await.unwrap();
    }
}

#[test]
fn shutdown_waits_for_work_that_has_begun_though_its_actor_was_killed() {
    let system = threads(1);
    let (go, gate) = mpsc::channel();
    let (gate, over) = (Arc::new(Mutex::new(Some(gate))), Arc::<AtomicBool>::default());
    let of = (gate, over.clone());
    let options = Options::new().restart(Restart::Temporary).shutdown(Shutdown::Brutal);
    let stuck = system.spawn_with(&options, move || Stuck(of.0.clone(), of.1.clone())).unwrap();
    let ask = stuck.ask(Wait);
    let opens = std::thread::spawn(move || {
        assert!(matches!(ask.wait(), Err(AskError::Ended)), "its actor was killed");
        go.send(()).unwrap();
    });
    // work begins in the order it was given in: when this is over, that of before has begun
    let other = system.spawn(|| Worker(0)).unwrap();
    assert_eq!(other.ask(Sum(vec![1])).wait().unwrap(), 1);
    system.shutdown();
    assert!(over.load(SeqCst));
    opens.join().unwrap();
}
