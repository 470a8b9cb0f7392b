//! Streams of replies, and replies that are given later.
#![allow(clippy::unwrap_used)]

mod native_common;

use buskin_core::native::{
    Actor, AskError, Call, Ctx, Emitter, Handler, Options, Ref, Replies, Reply, ReplyHandler, StreamHandler,
};
use native_common::*;
use std::sync::mpsc::channel;

/// Reader and emitter: on one thread, or on two; none: a plain thread reads.
const PLACES: [Option<[usize; 2]>; 4] = [None, Some([0, 0]), Some([0, 1]), Some([1, 0])];

struct Source(Log);
struct Upto(u32);
struct Breaks(&'static str);
struct Endless;
struct Passes(Ref<Source>, u32);
struct Take(Emitter<u32>, bool);

impl Actor for Source {}
impl Handler<Note> for Source {
    type Reply = ();
    fn handle(&mut self, Note(what): Note, _: &mut Ctx<Self>) {
        self.0.say(what);
    }
}
impl StreamHandler<Upto> for Source {
    type Item = u32;
    async fn stream(&mut self, Upto(end): Upto, out: &mut Emitter<u32>, _: &mut Ctx<Self>) {
        for n in 0..end {
            out.emit(n).await.unwrap();
            self.0.say(format!("made {n}"));
        }
    }
}
impl StreamHandler<Breaks> for Source {
    type Item = u32;
    async fn stream(&mut self, Breaks(how): Breaks, out: &mut Emitter<u32>, ctx: &mut Ctx<Self>) {
        out.emit(1).await.unwrap();
        match how {
            "panic" => panic!("bang"),
            "fail" => ctx.fail("bang"),
            "stop" => ctx.stop(),
            _ => std::future::pending().await,
        }
    }
}
impl StreamHandler<Endless> for Source {
    type Item = u32;
    async fn stream(&mut self, _: Endless, out: &mut Emitter<u32>, _: &mut Ctx<Self>) {
        let mut n = 0;
        while out.emit(n).await.is_ok() {
            n += 1;
        }
        assert!(out.is_closed());
        self.0.say(format!("left at {n}"));
    }
}
/// Gives its stream to another one, and is free.
impl StreamHandler<Passes> for Source {
    type Item = u32;
    async fn stream(&mut self, Passes(to, n): Passes, out: &mut Emitter<u32>, _: &mut Ctx<Self>) {
        out.emit(n).await.unwrap();
        to.tell(Take(out.hand_over(), true));
        assert!(out.is_closed() && out.emit(9).await.is_err());
    }
}
impl buskin_core::native::AsyncHandler<Take> for Source {
    type Reply = ();
    async fn handle(&mut self, Take(mut out, finishes): Take, _: &mut Ctx<Self>) {
        for n in 0..40 {
            out.emit(n).await.unwrap();
        }
        if finishes {
            out.finish();
        }
    }
}

/// Reads all of a stream, where it is read.
fn read(
    system: &buskin_core::native::System,
    at: Option<[usize; 2]>,
    stream: impl FnOnce() -> Replies<u32> + Send + 'static,
) -> Vec<Result<u32, String>> {
    let plain = |item: Result<u32, AskError>| item.map_err(|error| error.to_string());
    let Some([at, _]) = at else { return stream().blocking().map(plain).collect() };
    let reader = system.spawn_with(&Options::new().on(at), make("r", &Log::default())).unwrap();
    let reads = later(async move |_: &mut Probe, _: &mut _| {
        let (mut stream, mut items) = (stream(), Vec::new());
        while let Some(item) = stream.next().await {
            items.push(plain(item));
        }
        assert!(stream.next().await.is_none(), "nothing comes after the end");
        items
    });
    reader.with(Call::new().timeout(None)).ask(reads).wait().unwrap()
}

fn source(system: &buskin_core::native::System, log: &Log, at: Option<[usize; 2]>) -> Ref<Source> {
    let log = log.clone();
    system.spawn_with(&Options::new().on(at.map_or(1, |at| at[1])), move || Source(log.clone())).unwrap()
}

#[test]
fn the_items_of_a_stream_come_in_order_and_it_is_one_message() {
    for at in PLACES {
        for count in [0, 1, 16, 17, 1_000] {
            let (system, log) = (system(2), Log::default());
            let source = source(&system, &log, at);
            let items = read(&system, at, move || source.stream(Upto(count)));
            assert_eq!(items, (0..count).map(Ok).collect::<Vec<_>>(), "{at:?}");
            system.idle();
            assert_eq!(settled(&system).sent, 1 + u64::from(at.is_some()));
        }
    }
}

#[test]
fn no_more_items_are_made_ahead_than_the_buffer_holds_and_the_actor_is_held_up() {
    for (buffer, ahead) in [(None, 16), (Some(3), 3), (Some(0), 1)] {
        let (system, log) = (manual(2), Log::default());
        let source = source(&system, &log, None);
        let call = buffer.map_or(Call::new(), |items| Call::new().buffer(items));
        let mut stream = source.with(call).stream(Upto(30)).blocking();
        source.tell(note("waits"));
        system.advance(ms(3_600_000)); // there is no limit of time
        assert_eq!(log.take().len(), ahead, "{buffer:?}");
        assert_eq!(stream.next().unwrap().unwrap(), 0);
        system.advance(ms(0));
        assert_eq!(log.take(), [format!("made {ahead}")]);
        assert_eq!(stream.by_ref().map(Result::unwrap).collect::<Vec<_>>(), (1..30).collect::<Vec<_>>());
        system.idle();
        assert_eq!(log.take().last().unwrap(), "waits");
    }
}

#[test]
fn items_before_an_error_come_before_it_and_the_error_fails_the_actor() {
    for at in PLACES {
        for (how, error) in [("panic", "the handler failed: panicked: bang"), ("fail", "the handler failed: bang")] {
            let (system, log) = (system(2), Log::default());
            let failures = failures(&system);
            let source = source(&system, &log, at);
            let items = read(&system, at, move || source.stream(Breaks(how)));
            assert_eq!(items, [Ok(1), Err(error.to_string())], "{at:?}");
            system.idle();
            assert_eq!(failures.take().len(), 1);
            assert_eq!(settled(&system).failed, 1);
        }
    }
}

#[test]
fn when_the_actor_ends_the_reader_is_told() {
    for how in ["kill", "before", "time-out", "shutdown"] {
        let (system, log) = (manual(2), Log::default());
        let source = source(&system, &log, None);
        if how == "before" {
            source.stop_and_wait().wait().unwrap();
        }
        let call = if how == "time-out" { Call::new().timeout(Some(ms(50))) } else { Call::new() };
        let stream = source.with(call).stream(Breaks("hangs"));
        system.advance(ms(0));
        match how {
            "kill" => source.kill(),
            "time-out" => _ = system.advance(ms(50)),
            "shutdown" => std::thread::scope(|scope| {
                let ends = scope.spawn(|| system.shutdown_within(ms(30)));
                while !ends.is_finished() {
                    system.advance(ms(30)); // as the handler hangs
                }
            }),
            _ => {}
        }
        let items: Vec<_> = stream.blocking().map(|item| item.map_err(|e| e.to_string())).collect();
        let (count, error) = match how {
            "before" => (1, "the actor has stopped"),
            "time-out" => (2, "no reply in time"),
            _ => (2, "the actor, or the system, ended before the reply"),
        };
        assert_eq!(items.len(), count, "{how}: {items:?}");
        assert_eq!(items.last().unwrap().as_ref().unwrap_err(), error, "{how}");
        source.kill();
        system.idle();
    }
}

#[test]
fn a_handler_learns_that_the_reader_has_left() {
    for at in PLACES {
        let (system, log) = (system(2), Log::default());
        let source = source(&system, &log, at);
        let leaves = move |mut stream: buskin_core::native::Blocking<u32>| {
            let two = [stream.next().unwrap().unwrap(), stream.next().unwrap().unwrap()];
            assert_eq!(two, [0, 1]);
        };
        match at {
            None => leaves(source.stream(Endless).blocking()),
            Some([at, _]) => {
                let reader = system.spawn_with(&Options::new().on(at), make("r", &log)).unwrap();
                let reads = later(async move |_: &mut Probe, _: &mut _| {
                    let mut stream = source.stream(Endless);
                    assert_eq!(stream.next().await.unwrap().unwrap(), 0);
                });
                reader.ask(reads).wait().unwrap();
            }
        }
        system.idle();
        assert!(log.take().iter().any(|what| what.starts_with("left at")));
        drop(source.stream(Endless)); // before it has begun
        system.idle();
        let left = log.take();
        assert!(left.len() == 1 && left[0].starts_with("left at"), "{left:?}");
        settled(&system);
    }
}

#[test]
fn a_stream_that_is_handed_over_goes_on_and_its_actor_is_free() {
    for at in PLACES {
        let (system, log) = (system(2), Log::default());
        let [first, second] = [(); 2].map(|()| source(&system, &log, at));
        let items = read(&system, at, move || first.stream(Passes(second, 7)));
        assert_eq!(items, [7].into_iter().chain(0..40).map(Ok).collect::<Vec<_>>(), "{at:?}");
    }
    // unfinished, it is an error
    let (system, log) = (manual(1), Log::default());
    let [first, second] = [(); 2].map(|()| source(&system, &log, None));
    let mut stream = first.stream(Passes(second, 7)).blocking();
    system.advance(ms(0));
    first.ask(note("free")).wait().unwrap();
    assert_eq!(stream.next().unwrap().unwrap(), 7);
    second.kill();
    system.idle();
    let last = stream.last().unwrap();
    assert!(matches!(last, Err(AskError::Ended)), "{last:?}");
}

#[test]
fn a_core_thread_must_not_wait_for_items() {
    let (system, log) = (system(2), Log::default());
    let source = source(&system, &log, None);
    let reader = probe(&system, &log, "r", Options::new().on(0));
    let items = reader.ask(run(move |_, _| source.stream(Upto(3)).blocking().map(Result::err).collect::<Vec<_>>()));
    assert!(matches!(items.wait().unwrap()[..], [Some(AskError::OnCoreThread)]));
}

// ----------------------------------------------------------------------------------------- replies by token

/// Keeps replies until it is told what to do with them.
#[derive(Default)]
struct Desk {
    kept: Vec<Reply<u32>>,
}
struct Later(u32);
struct Now(u32);
struct Fail(bool);
struct Give(Vec<u32>);
struct Lose;
struct Hand(Ref<Desk>);
struct Adopt(Reply<u32>);

impl Actor for Desk {}
impl ReplyHandler<Later> for Desk {
    type Reply = u32;
    fn handle(&mut self, Later(n): Later, reply: Reply<u32>, _: &mut Ctx<Self>) {
        assert!(reply.is_wanted() || n == 0);
        self.kept.push(reply);
    }
}
impl ReplyHandler<Now> for Desk {
    type Reply = u32;
    fn handle(&mut self, Now(n): Now, reply: Reply<u32>, _: &mut Ctx<Self>) {
        reply.give(n);
    }
}
impl ReplyHandler<Fail> for Desk {
    type Reply = u32;
    fn handle(&mut self, Fail(panics): Fail, reply: Reply<u32>, ctx: &mut Ctx<Self>) {
        if panics {
            panic!("bang");
        }
        self.kept.push(reply);
        ctx.fail("bang");
    }
}
impl ReplyHandler<Hand> for Desk {
    type Reply = u32;
    fn handle(&mut self, Hand(to): Hand, reply: Reply<u32>, _: &mut Ctx<Self>) {
        to.tell(Adopt(reply));
    }
}
impl Handler<Adopt> for Desk {
    type Reply = ();
    fn handle(&mut self, Adopt(reply): Adopt, _: &mut Ctx<Self>) {
        self.kept.push(reply);
    }
}
impl Handler<Give> for Desk {
    type Reply = Vec<bool>;
    fn handle(&mut self, Give(values): Give, _: &mut Ctx<Self>) -> Vec<bool> {
        let wanted = self.kept.iter().map(Reply::is_wanted).collect();
        for (reply, n) in self.kept.drain(..).zip(values) {
            reply.give(n);
        }
        wanted
    }
}
impl Handler<Lose> for Desk {
    type Reply = ();
    fn handle(&mut self, _: Lose, _: &mut Ctx<Self>) {
        self.kept.clear();
    }
}

fn desk(system: &buskin_core::native::System, at: Option<[usize; 2]>) -> Ref<Desk> {
    system.spawn_with(&Options::new().on(at.map_or(1, |at| at[1])), Desk::default).unwrap()
}

/// Asks from there.
fn asks<R: Send + 'static>(
    system: &buskin_core::native::System,
    at: Option<[usize; 2]>,
    asks: impl FnOnce() -> R + Send + 'static,
) -> R {
    let Some([at, _]) = at else { return asks() };
    let asker = system.spawn_with(&Options::new().on(at), make("a", &Log::default())).unwrap();
    asker.ask(run(move |_, _| asks())).wait().unwrap()
}

#[test]
fn a_reply_can_be_given_later_and_the_actor_handles_others_meanwhile() {
    for at in PLACES {
        let system = manual(2);
        let desk = desk(&system, at);
        let [first, second] = asks(&system, at, move || [desk.ask(Later(1)), desk.ask(Later(2))]);
        assert_eq!(asks(&system, at, move || desk.ask(Now(5))).wait().unwrap(), 5);
        assert!(system.idle(), "messages that are answered later do not hold it");
        assert_eq!(system.stats().running, 2, "but they run");
        let (first, second) = (first.try_take().unwrap_err(), second.try_take().unwrap_err());
        assert_eq!(desk.ask(Give(vec![10, 20])).wait().unwrap(), [true, true]);
        assert_eq!((first.wait().unwrap(), second.wait().unwrap()), (10, 20), "{at:?}");
        desk.tell(Later(0)); // nobody asked
        assert_eq!(desk.ask(Give(vec![1])).wait().unwrap(), [false]);
        system.idle();
        let stats = settled(&system);
        assert_eq!(stats.sent, stats.handled);
    }
}

#[test]
fn a_reply_can_be_given_by_another_actor_or_a_plain_thread() {
    for at in PLACES {
        let system = manual(2);
        let [one, two] = [desk(&system, at), desk(&system, at.map(|[a, b]| [b, a]))];
        let ask = asks(&system, at, move || one.ask(Hand(two)));
        system.advance(ms(0));
        two.ask(Give(vec![3])).wait().unwrap();
        assert_eq!(ask.wait().unwrap(), 3);
        let (says, said) = channel();
        let out = system.spawn_with(&Options::new().on(1), move || Out(says.clone())).unwrap();
        let ask = asks(&system, at, move || out.ask(Now(1)));
        next(&said).give(4);
        assert_eq!(ask.wait().unwrap(), 4);
        system.idle();
        let stats = settled(&system);
        assert_eq!(stats.sent, stats.handled);
    }
}

/// Gives its replies to a thread.
struct Out(std::sync::mpsc::Sender<Reply<u32>>);
impl Actor for Out {}
impl ReplyHandler<Now> for Out {
    type Reply = u32;
    fn handle(&mut self, _: Now, reply: Reply<u32>, _: &mut Ctx<Self>) {
        self.0.send(reply).unwrap();
    }
}

#[test]
fn an_asker_is_told_when_no_reply_will_come() {
    for at in PLACES {
        for how in ["lost", "fail", "panic", "restart", "kill", "time-out", "full"] {
            let system = manual(2);
            let desk = desk(&system, at);
            let ask = asks(&system, at, move || match how {
                "fail" => desk.ask(Fail(false)),
                "panic" => desk.ask(Fail(true)),
                _ => desk.ask(Later(1)),
            });
            system.advance(ms(0));
            match how {
                "lost" => desk.tell(Lose),
                "restart" => desk.tell(Fail(true)),
                "kill" => desk.kill(),
                "time-out" => {
                    system.advance(ms(5_000));
                }
                "full" => {
                    let late = desk.ask(Give(vec![6]));
                    late.wait().unwrap();
                }
                _ => {}
            }
            let outcome = ask.wait().map_err(|error| error.to_string());
            let expected = match how {
                "fail" => Err("the handler failed: bang"),
                "panic" => Err("the handler failed: panicked: bang"),
                "time-out" => Err("no reply in time"),
                "full" => Ok(6),
                _ => Err("the actor, or the system, ended before the reply"),
            };
            assert_eq!(outcome, expected.map_err(String::from), "{how} {at:?}");
            if how == "time-out" {
                assert_eq!(desk.ask(Give(vec![1])).wait().unwrap(), [false], "it is late");
            }
            system.idle();
            let failed = u64::from(matches!(how, "fail" | "panic" | "kill")) + 2 * u64::from(how == "restart");
            assert_eq!(settled(&system).failed, failed, "{how} {at:?}");
        }
    }
}

#[test]
fn a_reply_that_is_given_when_its_instance_is_over_reaches_nobody_and_counts_nothing() {
    let system = manual(2);
    let (says, said) = channel();
    let out = system.spawn_with(&Options::new().on(1), move || Out(says.clone())).unwrap();
    let [first, second] = [out.ask(Now(1)), out.ask(Now(2))];
    let early = next(&said);
    let late = next(&said);
    early.give(1);
    out.kill();
    assert_eq!(first.wait().unwrap(), 1);
    assert!(matches!(second.wait(), Err(AskError::Ended)));
    system.idle();
    late.give(2);
    system.idle();
    let stats = settled(&system);
    assert_eq!((stats.handled, stats.failed), (1, 1));
}
