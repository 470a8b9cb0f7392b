//! tokio's sockets and timers in handlers.
#![allow(clippy::unwrap_used)]

use buskin_core::native::{Actor, AsyncHandler, Builder, Ctx, Handler, Options, Ref, System};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

const LONG: Duration = Duration::from_secs(20);

async fn write(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How many bytes came; 0: the other side is done.
async fn read(stream: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read(into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

// ---------------------------------------------------------------------------------------------------- echo

/// Listens, and has a child for each connection.
#[derive(Default)]
struct Server(Option<TcpListener>);
struct Listen;
struct Accept(usize);
struct Echo(TcpStream);
struct Serve;

impl Actor for Server {}
impl AsyncHandler<Listen> for Server {
    type Reply = io::Result<SocketAddr>;
    async fn handle(&mut self, _: Listen, ctx: &mut Ctx<Self>) -> io::Result<SocketAddr> {
        ctx.tokio()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        self.0 = Some(listener);
        Ok(address)
    }
}
impl AsyncHandler<Accept> for Server {
    type Reply = io::Result<()>;
    async fn handle(&mut self, Accept(times): Accept, ctx: &mut Ctx<Self>) -> io::Result<()> {
        for _ in 0..times {
            let (stream, _) = self.0.as_ref().unwrap().accept().await?;
            let mut stream = Some(stream);
            ctx.spawn(move || Echo(stream.take().unwrap())).unwrap().tell(Serve);
        }
        Ok(())
    }
}
impl Actor for Echo {}
impl AsyncHandler<Serve> for Echo {
    type Reply = ();
    async fn handle(&mut self, _: Serve, ctx: &mut Ctx<Self>) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = read(&self.0, &mut bytes).await {
            write(&self.0, &bytes[..count]).await.unwrap();
        }
        ctx.stop();
    }
}

struct Client;
struct Talk(SocketAddr, usize);
impl Actor for Client {}
impl AsyncHandler<Talk> for Client {
    type Reply = io::Result<usize>;
    async fn handle(&mut self, Talk(to, times): Talk, ctx: &mut Ctx<Self>) -> io::Result<usize> {
        ctx.tokio()?;
        let stream = TcpStream::connect(to).await?;
        let (text, mut back) = ([b'x'; 1000], [0; 1000]);
        let mut all = 0;
        for _ in 0..times {
            write(&stream, &text).await?;
            let mut count = 0;
            while count < text.len() {
                count += read(&stream, &mut back[count..]).await?;
            }
            assert_eq!(back, text);
            all += count;
        }
        Ok(all)
    }
}

#[test]
fn actors_on_two_threads_talk_through_sockets() {
    for reactors in [false, true] {
        let system = Builder::new().threads(2).tokio(reactors).build();
        let server = system.spawn_with(&Options::new().on(0), Server::default).unwrap();
        let address = server.ask(Listen).wait().unwrap().unwrap();
        let accepts = server.ask(Accept(8));
        let talks: Vec<_> = (0..8)
            .map(|at| system.spawn_with(&Options::new().on(at % 2), || Client).unwrap().ask(Talk(address, 50)))
            .collect();
        for talk in talks {
            assert_eq!(talk.wait().unwrap().unwrap(), 50_000);
        }
        accepts.wait().unwrap().unwrap();
        system.shutdown();
        let stats = system.stats();
        assert_eq!((stats.running, stats.waiting), (0, 0));
    }
}

// -------------------------------------------------------------------------------------------------- timers

struct Sleeper;
struct Sleep(Duration);
struct Ping;
struct After(Duration);
impl Actor for Sleeper {}
impl AsyncHandler<Sleep> for Sleeper {
    type Reply = Duration;
    async fn handle(&mut self, Sleep(time): Sleep, ctx: &mut Ctx<Self>) -> Duration {
        ctx.tokio().unwrap();
        let begun = Instant::now();
        tokio::time::sleep(time).await;
        begun.elapsed()
    }
}
impl Handler<Ping> for Sleeper {
    type Reply = ();
    fn handle(&mut self, _: Ping, _: &mut Ctx<Self>) {}
}
impl AsyncHandler<After> for Sleeper {
    type Reply = Option<()>;
    async fn handle(&mut self, After(limit): After, ctx: &mut Ctx<Self>) -> Option<()> {
        ctx.tokio().unwrap();
        let never = std::future::pending();
        tokio::time::timeout(limit, never).await.ok()
    }
}

fn one() -> System {
    Builder::new().threads(1).build()
}

#[test]
fn a_handler_that_sleeps_holds_up_its_own_actor_only() {
    let system = one();
    let [sleeper, other] = [0, 1].map(|_| system.spawn(|| Sleeper).unwrap());
    let sleeps = sleeper.ask(Sleep(Duration::from_secs(3600)));
    let behind = sleeper.ask(Ping);
    for _ in 0..100 {
        other.ask(Ping).wait().unwrap();
    }
    let (Err(sleeps), Err(behind)) = (sleeps.try_take(), behind.try_take()) else { panic!("it did not sleep") };
    sleeper.kill();
    assert!(sleeps.wait().is_err() && behind.wait().is_err());
    let time = Duration::from_millis(20);
    assert!(other.ask(Sleep(time)).wait().unwrap() >= time);
    assert_eq!(other.ask(After(Duration::from_millis(1))).wait().unwrap(), None);
    system.shutdown();
}

struct Delay;
impl Handler<Delay> for Sleeper {
    type Reply = ();
    fn handle(&mut self, _: Delay, ctx: &mut Ctx<Self>) {
        ctx.after(Duration::from_millis(3), |_, ctx| ctx.stop());
    }
}

#[test]
fn timers_of_actors_are_due_while_the_thread_waits_in_its_reactor() {
    let system = Builder::new().threads(1).tokio(true).build();
    let sleeper = system.spawn(|| Sleeper).unwrap();
    let stopped = sleeper.stopped();
    sleeper.tell(Delay);
    assert!(stopped.wait_for(LONG).is_ok());
    system.shutdown();
}

// ------------------------------------------------------------------------------------------------- wake-ups

#[test]
fn a_thread_that_waits_in_its_reactor_is_woken_by_every_message() {
    let system = Builder::new().threads(2).tokio(true).build();
    let all = [0, 1].map(|at| system.spawn_with(&Options::new().on(at), || Sleeper).unwrap());
    for n in 0..10_000 {
        all[n % 2].ask(Ping).wait_for(LONG).unwrap();
    }
    system.shutdown();
    assert_eq!(system.stats().handled, 10_000);
}

/// Wakes itself again and again until it is told to end.
struct Restless(Arc<AtomicBool>);
struct Go;
impl Actor for Restless {}
impl AsyncHandler<Go> for Restless {
    type Reply = ();
    async fn handle(&mut self, _: Go, _: &mut Ctx<Self>) {
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if self.0.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[test]
fn sockets_and_timers_are_looked_at_while_the_thread_is_busy() {
    let system = one();
    let over = Arc::<AtomicBool>::default();
    let of = Arc::clone(&over);
    let restless = system.spawn(move || Restless(Arc::clone(&of))).unwrap().ask(Go);
    let server = system.spawn(Server::default).unwrap();
    let address = server.ask(Listen).wait().unwrap().unwrap();
    let accepts = server.ask(Accept(1));
    let client = system.spawn(|| Client).unwrap();
    assert_eq!(client.ask(Talk(address, 10)).wait_for(LONG).unwrap().unwrap(), 10_000);
    accepts.wait_for(LONG).unwrap().unwrap();
    let sleeper = system.spawn(|| Sleeper).unwrap();
    sleeper.ask(Sleep(Duration::from_millis(2))).wait_for(LONG).unwrap();
    over.store(true, SeqCst);
    restless.wait().unwrap();
    system.shutdown();
}

// -------------------------------------------------------------------------------------------------- spawned

struct Spawner(mpsc::Sender<u32>);
struct Spawn(u32);
struct Told(u32);
impl Actor for Spawner {}
impl Handler<Spawn> for Spawner {
    type Reply = ();
    fn handle(&mut self, Spawn(n): Spawn, ctx: &mut Ctx<Self>) {
        let me: Ref<Spawner> = ctx.self_ref();
        ctx.tokio().unwrap().spawn(async move {
            tokio::task::yield_now().await;
            me.tell(Told(n));
            tokio::time::sleep(Duration::from_millis(1)).await;
            let half = me.ask(Half(n)).await.unwrap();
            me.tell(Told(half));
        });
    }
}
impl Handler<Told> for Spawner {
    type Reply = ();
    fn handle(&mut self, Told(n): Told, _: &mut Ctx<Self>) {
        self.0.send(n).unwrap();
    }
}
struct Half(u32);
impl Handler<Half> for Spawner {
    type Reply = u32;
    fn handle(&mut self, Half(n): Half, _: &mut Ctx<Self>) -> u32 {
        n / 2
    }
}

#[test]
fn what_is_spawned_on_the_thread_talks_to_actors_as_other_threads_do() {
    let system = one();
    let (says, said) = mpsc::channel();
    let spawner = system.spawn(move || Spawner(says.clone())).unwrap();
    for n in 1..=200 {
        spawner.tell(Spawn(2 * n));
        assert_eq!(said.recv_timeout(LONG).unwrap(), 2 * n);
        assert_eq!(said.recv_timeout(LONG).unwrap(), n);
    }
    system.shutdown();
}

/// Never ends by itself, and never lets the thread's reactor rest.
struct Busy(Ref<Spawner>, Arc<AtomicBool>);
impl Actor for Busy {}
impl Handler<Go> for Busy {
    type Reply = ();
    fn handle(&mut self, _: Go, ctx: &mut Ctx<Self>) {
        let (to, over) = (self.0, Arc::clone(&self.1));
        ctx.tokio().unwrap().spawn(async move {
            for n in 0.. {
                tokio::task::yield_now().await;
                if n == 1000 {
                    to.tell(Told(n));
                }
                if over.load(SeqCst) {
                    break;
                }
            }
        });
    }
}

#[test]
fn a_task_that_never_rests_holds_up_no_message() {
    let system = one();
    let (says, said) = mpsc::channel();
    let spawner = system.spawn(move || Spawner(says.clone())).unwrap();
    let over = Arc::<AtomicBool>::default();
    let of = Arc::clone(&over);
    system.spawn(move || Busy(spawner, Arc::clone(&of))).unwrap().tell(Go);
    assert_eq!(said.recv_timeout(LONG).unwrap(), 1000);
    assert_eq!(spawner.ask(Half(4)).wait_for(LONG).unwrap(), 2);
    over.store(true, SeqCst);
    system.shutdown();
}

// ------------------------------------------------------------------------------------------------------ end

/// Says when it is dropped, and holds a socket while it waits.
struct Holder(mpsc::Sender<()>);
struct Hold;
struct Dropped(mpsc::Sender<()>, TcpListener);
impl Drop for Dropped {
    fn drop(&mut self) {
        assert!(self.1.local_addr().is_ok());
        let _ = self.0.send(());
    }
}
impl Actor for Holder {}
impl AsyncHandler<Hold> for Holder {
    type Reply = io::Result<()>;
    async fn handle(&mut self, _: Hold, ctx: &mut Ctx<Self>) -> io::Result<()> {
        ctx.tokio()?;
        let held = Dropped(self.0.clone(), TcpListener::bind("127.0.0.1:0").await?);
        self.0.send(()).unwrap();
        held.1.accept().await.map(|_| ())
    }
}
struct Owner(Option<System>);
impl Actor for Owner {}
impl Handler<Go> for Owner {
    type Reply = ();
    fn handle(&mut self, _: Go, _: &mut Ctx<Self>) {
        drop(self.0.take());
    }
}

#[test]
fn threads_that_wait_in_their_reactors_end_with_their_system() {
    for inside in [false, true] {
        let system = Builder::new().threads(2).tokio(true).build();
        let (says, said) = mpsc::channel();
        let holder = system.spawn_with(&Options::new().on(1), move || Holder(says.clone())).unwrap();
        let holds = holder.ask(Hold);
        said.recv_timeout(LONG).unwrap();
        if inside {
            // on its own thread the system only begins to end: the other one is told while it waits in its reactor
            let (gives, given) = mpsc::channel();
            let owner = system.spawn_with(&Options::new().on(0), move || Owner(given.recv().ok())).unwrap();
            gives.send(system).unwrap();
            owner.tell(Go);
        } else {
            holder.kill();
            system.shutdown();
        }
        said.recv_timeout(LONG).unwrap();
        assert!(holds.wait().is_err());
        let end = said.recv_timeout(LONG);
        assert!(matches!(end, Err(mpsc::RecvTimeoutError::Disconnected)), "its actor is gone too");
    }
}
