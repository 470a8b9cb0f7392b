use buskin_core::native::*;
use std::sync::mpsc;
use std::time::Instant;
struct Sink {
    n: u64,
    until: u64,
    done: mpsc::Sender<()>,
}
impl Actor for Sink {}
struct Hit(u64);
impl Handler<Hit> for Sink {
    type Reply = ();
    fn handle(&mut self, h: Hit, _: &mut Ctx<Self>) {
        self.n += h.0;
        if self.n == self.until {
            self.done.send(()).unwrap();
        }
    }
}
struct Src {
    to: Ref<Sink>,
    n: u64,
}
struct Go;
impl Actor for Src {}
impl Handler<Go> for Src {
    type Reply = ();
    fn handle(&mut self, _: Go, _: &mut Ctx<Self>) {
        for _ in 0..self.n {
            self.to.tell(Hit(1));
        }
    }
}

struct Ping {
    peer: Option<Ref<Ping>>,
    left: u64,
    done: Option<mpsc::Sender<()>>,
}
struct Ball(u64);
struct Meet(Ref<Ping>);
impl Actor for Ping {}
impl Handler<Meet> for Ping {
    type Reply = ();
    fn handle(&mut self, m: Meet, _: &mut Ctx<Self>) {
        self.peer = Some(m.0);
    }
}
impl Handler<Ball> for Ping {
    type Reply = ();
    fn handle(&mut self, b: Ball, _: &mut Ctx<Self>) {
        self.left += 1;
        if b.0 == 0 {
            if let Some(d) = &self.done {
                d.send(()).unwrap();
            } else {
                self.peer.unwrap().tell(Ball(0));
            }
        } else {
            self.peer.unwrap().tell(Ball(b.0 - 1));
        }
    }
}

struct Echo;
struct Q(u64);
impl Actor for Echo {}
impl Handler<Q> for Echo {
    type Reply = u64;
    fn handle(&mut self, q: Q, _: &mut Ctx<Self>) -> u64 {
        q.0 + 1
    }
}
struct Asker {
    e: Ref<Echo>,
}
impl Actor for Asker {}
struct AskN(u64);
struct AskW(u64, usize);
impl AsyncHandler<AskN> for Asker {
    type Reply = u64;
    async fn handle(&mut self, a: AskN, _: &mut Ctx<Self>) -> u64 {
        let mut s = 0;
        for i in 0..a.0 {
            s += self.e.ask(Q(i)).await.unwrap();
        }
        s
    }
}
impl AsyncHandler<AskW> for Asker {
    type Reply = u64;
    async fn handle(&mut self, a: AskW, _: &mut Ctx<Self>) -> u64 {
        let mut s = 0;
        let mut v = Vec::new();
        for _ in 0..a.0 {
            for i in 0..a.1 {
                v.push(self.e.ask(Q(i as u64)));
            }
            for x in v.drain(..) {
                s += x.await.unwrap();
            }
        }
        s
    }
}

struct Fib {
    parent: Option<Ref<Fib>>,
    acc: u64,
    got: u8,
    done: Option<mpsc::Sender<u64>>,
}
struct N(u32);
struct V(u64);
impl Actor for Fib {}
impl Fib {
    fn out(&mut self, v: u64, ctx: &mut Ctx<Self>) {
        match self.parent {
            Some(p) => p.tell(V(v)),
            None => self.done.as_ref().unwrap().send(v).unwrap(),
        }
        ctx.stop();
    }
}
impl Handler<N> for Fib {
    type Reply = ();
    fn handle(&mut self, n: N, ctx: &mut Ctx<Self>) {
        if n.0 <= 2 {
            self.out(1, ctx);
        } else {
            let me = ctx.self_ref();
            for k in [1, 2] {
                let c = ctx.spawn(move || Fib { parent: Some(me), acc: 0, got: 0, done: None }).unwrap();
                c.tell(N(n.0 - k));
            }
        }
    }
}
impl Handler<V> for Fib {
    type Reply = ();
    fn handle(&mut self, v: V, ctx: &mut Ctx<Self>) {
        self.acc += v.0;
        self.got += 1;
        if self.got == 2 {
            let a = self.acc;
            self.out(a, ctx);
        }
    }
}

struct Maker {
    left: u64,
    done: mpsc::Sender<()>,
}
struct Made;
struct Baby(Ref<Maker>);
impl Actor for Maker {}
impl Actor for Baby {}
struct Hello;
impl Handler<Hello> for Baby {
    type Reply = ();
    fn handle(&mut self, _: Hello, ctx: &mut Ctx<Self>) {
        self.0.tell(Made);
        ctx.stop();
    }
}
impl Handler<Go> for Maker {
    type Reply = ();
    fn handle(&mut self, _: Go, ctx: &mut Ctx<Self>) {
        let me = ctx.self_ref();
        for _ in 0..self.left {
            ctx.spawn(move || Baby(me)).unwrap().tell(Hello);
        }
    }
}
impl Handler<Made> for Maker {
    type Reply = ();
    fn handle(&mut self, _: Made, _: &mut Ctx<Self>) {
        self.left -= 1;
        if self.left == 0 {
            self.done.send(()).unwrap();
        }
    }
}

fn time(name: &str, n: u64, f: impl FnOnce()) {
    let t = Instant::now();
    f();
    println!("{name:12} {:8.1} ns", t.elapsed().as_nanos() as f64 / n as f64);
}
fn main() {
    let threads = std::env::args().nth(1).map_or(1, |a| a.parse().unwrap());
    let system = Builder::new().threads(threads).build();
    for _ in 0..15 {
        let (done, rx) = mpsc::channel();
        let n = 1_000_000;
        let d = done.clone();
        let sink = system.spawn(move || Sink { n: 0, until: n, done: d.clone() }).unwrap();
        let src = system.spawn(move || Src { to: sink, n }).unwrap();
        time("flood", n, || {
            src.tell(Go);
            rx.recv().unwrap();
        });
        let d = done.clone();
        let a = system.spawn(move || Ping { peer: None, left: 0, done: Some(d.clone()) }).unwrap();
        let b = system.spawn(move || Ping { peer: Some(a), left: 0, done: None }).unwrap();
        a.ask(Meet(b)).wait().unwrap();
        time("ping-pong", n, || {
            b.tell(Ball(n));
            rx.recv().unwrap();
        });
        let d = done.clone();
        let first = system.spawn(move || Ping { peer: None, left: 0, done: Some(d.clone()) }).unwrap();
        let mut last = first;
        for _ in 0..999 {
            let l = last;
            last = system.spawn(move || Ping { peer: Some(l), left: 0, done: None }).unwrap();
        }
        first.ask(Meet(last)).wait().unwrap();
        time("ring", n, || {
            first.tell(Ball(n));
            rx.recv().unwrap();
        });
        let e = system.spawn(|| Echo).unwrap();
        let q = system.spawn(move || Asker { e }).unwrap();
        let n = 300_000;
        time("ask", n, || {
            q.ask(AskN(n)).wait_for(std::time::Duration::from_secs(60)).unwrap();
        });
        time("ask-1000", n, || {
            q.ask(AskW(n / 1000, 1000)).wait_for(std::time::Duration::from_secs(60)).unwrap();
        });
        let d = done.clone();
        let m = system.spawn(move || Maker { left: 100_000, done: d.clone() }).unwrap();
        time("spawn", 100_000, || {
            m.tell(Go);
            rx.recv().unwrap();
        });
        let (fd, frx) = mpsc::channel();
        let f = system.spawn(move || Fib { parent: None, acc: 0, got: 0, done: Some(fd.clone()) }).unwrap();
        time("fib", 150_049, || {
            f.tell(N(25));
            assert_eq!(frx.recv().unwrap(), 75025);
        });
        println!();
    }
    println!("{:?}", system.stats());
    system.shutdown();
}
