//! Everything at once, by chance, on two threads: whatever happens, each message is handled at most once, in its sender's order, every
//! ask comes to something, the identity holds at every moment, and in the end nothing is left.
//!
//! Two seconds by default, as long as `BUSKIN_STRESS_MS` says, or ten minutes with `BUSKIN_LONG=1`; `BUSKIN_SEED` is where chance begins.
#![allow(clippy::unwrap_used)]

mod native_common;

use buskin_core::native::{
    Actor, AsyncHandler, Backoff, Call, Ctx, Emitter, Handler, Options, Overflow, Priority, Ref, Reply, ReplyHandler,
    Restart, Shutdown, Strategy, StreamHandler, System,
};
use native_common::{Random, ms, quiet_panics};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What all of it is measured by.
#[derive(Default)]
struct World {
    /// Values of messages, replies and items that are alive.
    alive: AtomicU64,
    made: AtomicU64,
    handled: AtomicU64,
    /// Numbers of senders: every instance, and every plain thread, is one.
    senders: AtomicU64,
    /// Asks that await in a handler, begun and over.
    awaits: AtomicU64,
    over: AtomicU64,
    actors: Mutex<Vec<Ref<Storm>>>,
    /// No new work.
    calm: AtomicBool,
}

/// Something that is made once and dropped once.
struct Token(Arc<World>);
impl Token {
    fn new(world: &Arc<World>) -> Token {
        world.alive.fetch_add(1, Relaxed);
        world.made.fetch_add(1, Relaxed);
        Token(Arc::clone(world))
    }
}
impl Drop for Token {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Relaxed);
    }
}

/// A message: from whom, which of that one's, and what chance is at.
struct Load {
    from: u64,
    number: u64,
    chance: u64,
    /// How many more may follow from it.
    left: u32,
    #[allow(dead_code)] // it is dropped with the message
    token: Token,
}
struct Now(Load);
struct Wait(Load);
struct Many(Load);
struct Later(Load);

struct Storm {
    world: Arc<World>,
    id: u64,
    sent: u64,
    seen: HashMap<u64, u64>,
    kept: Vec<Reply<Token>>,
}

impl Storm {
    fn new(world: &Arc<World>) -> Storm {
        let id = world.senders.fetch_add(1, Relaxed) + 1;
        Storm { world: Arc::clone(world), id, sent: 0, seen: HashMap::new(), kept: Vec::new() }
    }

    /// Whose turn it is: in order of the sender.
    #[allow(clippy::print_stderr)] // the last words
    fn takes(&mut self, load: &Load) {
        self.world.handled.fetch_add(1, Relaxed);
        let last = self.seen.entry(load.from).or_default();
        if load.number != 0 {
            if load.number <= *last {
                eprintln!("message {} of {} after {last}", load.number, load.from);
                std::process::abort(); // a panic here is part of the game
            }
            *last = load.number;
        }
    }

    fn load(&mut self, random: &mut Random, left: u32) -> Load {
        self.sent += 1;
        let (from, number) = (self.id, self.sent);
        Load { from, number, chance: random.0 | 1, left, token: Token::new(&self.world) }
    }

    fn other(&self, random: &mut Random) -> Ref<Storm> {
        let actors = self.world.actors.lock().unwrap();
        actors[usize::try_from(random.below(actors.len() as u64)).unwrap()]
    }

    /// What may follow from a message.
    fn plays(&mut self, load: &Load, ctx: &mut Ctx<Self>) {
        let mut random = Random(load.chance);
        if self.world.calm.load(Relaxed) {
            self.kept.clear();
            return;
        }
        for _ in 0..random.below(3).min(u64::from(load.left)) {
            let (to, next) = (self.other(&mut random), load.left - 1);
            match random.below(40) {
                0..16 => to.tell(Now(self.load(&mut random, next))),
                16..19 => to.tell(Wait(self.load(&mut random, next))),
                19..21 => drop(to.send(Now(self.load(&mut random, next)))),
                21..24 => {
                    let load = Load { number: 0, ..self.load(&mut random, next) }; // may overtake
                    let priority = if random.below(2) == 0 { Priority::High } else { Priority::Low };
                    to.with(Call::new().priority(priority).ttl(ms(random.below(3)))).tell(Now(load));
                }
                24..27 => {
                    let ask = to.ask(Now(self.load(&mut random, next)));
                    ctx.ask_then(ask, |storm, _, _| storm.sent += 1);
                }
                27..29 => {
                    let ask = to.ask(Later(self.load(&mut random, next)));
                    ctx.ask_then(ask, |storm, token, _| drop((storm.world.clone(), token)));
                }
                29 => drop(to.stream(Many(self.load(&mut random, next)))),
                30 => drop(ctx.watch(to, |storm, _, _| storm.sent += 1)),
                31 => drop(ctx.link(to)),
                32 => {
                    let token = Token::new(&self.world);
                    let timer = ctx.after(ms(random.below(4)), move |_, _| drop(token));
                    if random.below(2) == 0 {
                        ctx.cancel(timer);
                    }
                }
                33 => to.drain(Some(ms(random.below(5)))),
                34 => to.kill(),
                35 => to.stop(),
                36 => {
                    if let Some(reply) = self.kept.pop() {
                        reply.give(Token::new(&self.world));
                    }
                }
                37 => ctx.fail("by chance"),
                38 => panic!("by chance"),
                _ => self.spawns(&mut random, ctx),
            }
        }
    }

    fn spawns(&mut self, random: &mut Random, ctx: &mut Ctx<Self>) {
        let world = Arc::clone(&self.world);
        let child = ctx.spawn_with(&options(random), move || Storm::new(&world)).unwrap();
        self.world.actors.lock().unwrap().push(child);
    }
}

fn options(random: &mut Random) -> Options {
    let pick = |random: &mut Random, n| random.below(n);
    let restart = [Restart::Transient, Restart::Permanent, Restart::Temporary][pick(random, 3) as usize];
    let strategy = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne][pick(random, 3) as usize];
    let overflow =
        [Overflow::Reject, Overflow::Wait, Overflow::DropNewest, Overflow::DropOldest][pick(random, 4) as usize];
    let mut options =
        Options::new().restart(restart).strategy(strategy).overflow(overflow).on(pick(random, 2) as usize);
    if pick(random, 2) == 0 {
        options = options.capacity(1 + pick(random, 8) as u32);
    }
    if pick(random, 4) == 0 {
        options = options.shutdown(Shutdown::Brutal);
    }
    if pick(random, 4) == 0 {
        options = options.clear_on_restart();
    }
    if pick(random, 4) == 0 {
        options = options.backoff(Backoff { min: ms(1), max: ms(2), ..Backoff::default() });
    }
    if pick(random, 4) == 0 {
        options = options.max_restarts(pick(random, 4) as u32, ms(5));
    }
    options
}

impl Actor for Storm {}
impl Handler<Now> for Storm {
    type Reply = Token;
    fn handle(&mut self, Now(load): Now, ctx: &mut Ctx<Self>) -> Token {
        self.takes(&load);
        self.plays(&load, ctx);
        Token::new(&self.world)
    }
}
impl AsyncHandler<Wait> for Storm {
    type Reply = Token;
    async fn handle(&mut self, Wait(load): Wait, ctx: &mut Ctx<Self>) -> Token {
        self.takes(&load);
        let mut random = Random(load.chance);
        if load.left > 0 && !self.world.calm.load(Relaxed) {
            let to = self.other(&mut random);
            let asked = self.load(&mut random, load.left - 1);
            self.world.awaits.fetch_add(1, SeqCst);
            let _over = Over(Arc::clone(&self.world));
            // actors wait for each other in circles: nobody waits for long
            let ask =
                to.with(Call::new().timeout(Some(ms(1 + random.below(3))))).ask(Wait(Load { number: 0, ..asked }));
            drop(ask.await);
        }
        self.plays(&load, ctx);
        Token::new(&self.world)
    }
}
impl StreamHandler<Many> for Storm {
    type Item = Token;
    async fn stream(&mut self, Many(load): Many, out: &mut Emitter<Token>, _: &mut Ctx<Self>) {
        self.takes(&load);
        for _ in 0..load.chance % 40 {
            if out.emit(Token::new(&self.world)).await.is_err() {
                return;
            }
        }
    }
}
impl ReplyHandler<Later> for Storm {
    type Reply = Token;
    fn handle(&mut self, Later(load): Later, reply: Reply<Token>, ctx: &mut Ctx<Self>) {
        self.takes(&load);
        self.kept.push(reply);
        self.plays(&load, ctx);
    }
}

/// A wait that is over, one way or the other.
struct Over(Arc<World>);
impl Drop for Over {
    fn drop(&mut self) {
        self.0.over.fetch_add(1, SeqCst);
    }
}

/// Keeps so many actors alive, whatever becomes of them.
fn replenish(system: &System, world: &Arc<World>, random: &mut Random, count: usize) {
    let missing = {
        let mut actors = world.actors.lock().unwrap();
        actors.retain(|actor| actor.is_alive() || random.below(4) == 0);
        count.saturating_sub(actors.len())
    };
    for _ in 0..missing {
        let of = Arc::clone(world);
        let actor = system.spawn_with(&options(random), move || Storm::new(&of)).unwrap();
        world.actors.lock().unwrap().push(actor);
    }
}

/// A plain thread that sends and asks; all its asks come to something.
fn drives(system: &System, world: &Arc<World>, seed: u64, end: Instant) {
    let mut random = Random(seed | 1);
    let mut own = Storm::new(world);
    while Instant::now() < end {
        replenish(system, world, &mut random, 24);
        let mut asks = Vec::new();
        for _ in 0..60 {
            let (to, left) = (own.other(&mut random), 6);
            match random.below(8) {
                0..4 => to.tell(Now(own.load(&mut random, left))),
                4 => asks.push(to.ask(Now(own.load(&mut random, left)))),
                5 => asks.push(to.ask(Wait(own.load(&mut random, left)))),
                6 => {
                    let calls = Call::new().timeout(Some(ms(2)));
                    asks.push(to.with(calls).ask(Later(own.load(&mut random, left))));
                }
                _ => {
                    let calls = Call::new().timeout(Some(ms(20))).buffer(4);
                    let stream = to.with(calls).stream(Many(own.load(&mut random, left)));
                    let most = usize::try_from(random.below(30)).unwrap();
                    stream.blocking().take(most).for_each(drop);
                }
            }
        }
        for ask in asks {
            drop(ask.wait());
        }
    }
}

fn storm(seed: u64, time: Duration) {
    let system = System::builder().threads(2).ask_timeout(Some(ms(50))).build();
    let world = Arc::new(World::default());
    replenish(&system, &world, &mut Random(seed | 1), 24);
    let end = Instant::now() + time;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let drivers = [1, 2].map(|n| {
            let (system, world) = (&system, &world);
            scope.spawn(move || drives(system, world, seed.wrapping_mul(n) ^ n << 40, end))
        });
        let samples = scope.spawn(|| {
            let (mut samples, mut before) = (0_u64, 0);
            while !done.load(SeqCst) {
                let stats = system.stats();
                assert!(stats.balanced(), "{stats:?}");
                let over = stats.handled + stats.failed + stats.dead();
                assert!(over >= before, "what is over stays so");
                (samples, before) = (samples + 1, over);
                std::thread::yield_now();
            }
            samples
        });
        drivers.into_iter().for_each(|driver| driver.join().unwrap());
        world.calm.store(true, SeqCst);
        done.store(true, SeqCst);
        assert!(samples.join().unwrap() > 0);
    });
    let actors = std::mem::take(&mut *world.actors.lock().unwrap());
    for actor in &actors {
        drop(actor.ask(Now(Load { from: 0, number: 0, chance: 1, left: 0, token: Token::new(&world) })).wait());
    }
    system.idle();
    let stats = system.stats();
    assert!(stats.balanced() && stats.waiting == 0, "{stats:?}");
    system.shutdown();
    let stats = native_common::settled(&system);
    assert_eq!(stats.actors, 0);
    // one that was cut off before its first step has not begun, and has failed all the same
    let begun = world.handled.load(SeqCst);
    assert!((stats.handled..=stats.handled + stats.failed).contains(&begun), "{begun} begun: {stats:?}");
    drop(system);
    assert_eq!(world.alive.load(SeqCst), 0, "of {} made, not all were dropped", world.made.load(SeqCst));
    assert_eq!(world.awaits.load(SeqCst), world.over.load(SeqCst));
    assert!(stats.restarts > 0 && stats.failed > 0 && stats.dead() > 0, "{stats:?}");
}

#[test]
fn whatever_happens_each_message_is_handled_once_in_order_and_nothing_is_left() {
    quiet_panics();
    let number = |name| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let default = if std::env::var_os("BUSKIN_LONG").is_some() { 600_000 } else { 2_000 };
    let total = ms(number("BUSKIN_STRESS_MS").unwrap_or(default));
    let mut seed = number("BUSKIN_SEED").unwrap_or(1);
    let end = Instant::now() + total;
    while Instant::now() < end {
        storm(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), ms(400).min(total));
        seed += 1;
    }
}
