//! Savina 6 and 7.

use std::time::Instant;

use crate::peer::{Behaviour, Context, Latch, Later, Peer, Signal};
use crate::question::Outcome;

/// Pings a random peer, waits for its pong, and does so again.
struct Player<P: Peer> {
    me: u32,
    random: u32,
    left: u64,
    handled: u64,
    peers: Later<Vec<P::Ref<Player<P>>>>,
    sink: P::Ref<Sink<P>>,
    latch: Latch,
}

#[derive(Clone, Copy)]
enum Play {
    Start,
    Ping(u32),
    Pong,
    Exit,
}

impl<P: Peer> Player<P> {
    fn ping(&mut self) {
        let peers = self.peers.get();
        self.random = (self.random * 1309 + 13849) & 65535;
        P::tell(&peers[self.random as usize % peers.len()], Play::Ping(self.me));
    }
}

impl<P: Peer> Behaviour<P> for Player<P> {
    type Msg = Play;

    fn handle<C: Context<P, Self>>(&mut self, msg: Play, ctx: &mut C) {
        match msg {
            Play::Start => self.ping(),
            Play::Ping(from) => {
                self.handled += 1;
                P::tell(&self.peers.get()[from as usize], Play::Pong);
            }
            Play::Pong => {
                self.handled += 1;
                self.left -= 1;
                if self.left == 0 {
                    P::tell(&self.sink, ());
                } else {
                    self.ping();
                }
            }
            Play::Exit => ctx.stop(),
        }
    }
}

impl<P: Peer> Drop for Player<P> {
    fn drop(&mut self) {
        self.latch.leave(self.handled);
    }
}

/// When all have said that they are done, all may go.
struct Sink<P: Peer> {
    left: usize,
    players: Later<Vec<P::Ref<Player<P>>>>,
}

impl<P: Peer> Behaviour<P> for Sink<P> {
    type Msg = ();

    fn handle<C: Context<P, Self>>(&mut self, (): (), ctx: &mut C) {
        self.left -= 1;
        if self.left == 0 {
            for player in self.players.get() {
                P::tell(player, Play::Exit);
            }
            ctx.stop();
        }
    }
}

pub(super) async fn big<P: Peer>(actors: u32, pings: u64) -> Outcome {
    let start = Instant::now();
    let (latch, gone) = Latch::new(u64::from(actors));
    let peers = Later::new();
    let sink = P::spawn(Sink::<P> { left: actors as usize, players: peers.clone() });
    peers.set(
        (0..actors)
            .map(|me| {
                let (peers, sink, latch) = (peers.clone(), sink.clone(), latch.clone());
                P::spawn(Player::<P> { me, random: me, left: pings, handled: 0, peers, sink, latch })
            })
            .collect(),
    );
    for player in peers.get() {
        P::tell(player, Play::Start);
    }
    let handled = gone.await.unwrap_or(0);
    let messages = 2 * u64::from(actors) * pings;
    Outcome::timed(messages, start.elapsed(), handled == messages)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    Blue,
    Red,
    Yellow,
}

impl Colour {
    fn complement(self, other: Self) -> Self {
        use Colour::{Blue, Red, Yellow};
        match (self, other) {
            (Blue, Blue) | (Red, Yellow) | (Yellow, Red) => Blue,
            (Red, Red) | (Blue, Yellow) | (Yellow, Blue) => Red,
            (Yellow, Yellow) | (Blue, Red) | (Red, Blue) => Yellow,
        }
    }
}

struct Mall<P: Peer> {
    left: u64,
    waiting: Option<P::Ref<Creature<P>>>,
    creatures: u32,
    sum: u64,
    signal: Signal,
}

enum ToMall<P: Peer> {
    Meet(Colour, P::Ref<Creature<P>>),
    Count(u64),
}

impl<P: Peer> Clone for ToMall<P> {
    fn clone(&self) -> Self {
        match self {
            Self::Meet(colour, from) => Self::Meet(*colour, from.clone()),
            Self::Count(n) => Self::Count(*n),
        }
    }
}

impl<P: Peer> Behaviour<P> for Mall<P> {
    type Msg = ToMall<P>;

    fn handle<C: Context<P, Self>>(&mut self, msg: ToMall<P>, ctx: &mut C) {
        match msg {
            ToMall::Meet(_, from) if self.left == 0 => P::tell(&from, ToCreature::Exit),
            ToMall::Meet(colour, from) => match self.waiting.take() {
                None => self.waiting = Some(from),
                Some(first) => {
                    self.left -= 1;
                    P::tell(&first, ToCreature::Meet(colour, from));
                }
            },
            ToMall::Count(n) => {
                self.sum += n;
                self.creatures -= 1;
                if self.creatures == 0 {
                    self.signal.send(self.sum);
                    ctx.stop();
                }
            }
        }
    }
}

struct Creature<P: Peer> {
    colour: Colour,
    met: u64,
    mall: P::Ref<Mall<P>>,
}

enum ToCreature<P: Peer> {
    Start,
    Meet(Colour, P::Ref<Creature<P>>),
    Change(Colour),
    Exit,
}

impl<P: Peer> Clone for ToCreature<P> {
    fn clone(&self) -> Self {
        match self {
            Self::Start => Self::Start,
            Self::Meet(colour, from) => Self::Meet(*colour, from.clone()),
            Self::Change(colour) => Self::Change(*colour),
            Self::Exit => Self::Exit,
        }
    }
}

impl<P: Peer> Behaviour<P> for Creature<P> {
    type Msg = ToCreature<P>;

    fn handle<C: Context<P, Self>>(&mut self, msg: ToCreature<P>, ctx: &mut C) {
        match msg {
            ToCreature::Start => {}
            ToCreature::Meet(colour, other) => {
                self.colour = self.colour.complement(colour);
                self.met += 1;
                P::tell(&other, ToCreature::Change(self.colour));
            }
            ToCreature::Change(colour) => {
                self.colour = colour;
                self.met += 1;
            }
            ToCreature::Exit => {
                P::tell(&self.mall, ToMall::Count(self.met));
                ctx.stop();
                return;
            }
        }
        P::tell(&self.mall, ToMall::Meet(self.colour, ctx.me()));
    }
}

pub(super) async fn chameneos<P: Peer>(creatures: u32, meetings: u64) -> Outcome {
    let start = Instant::now();
    let (signal, done) = Signal::new();
    let mall = P::spawn(Mall::<P> { left: meetings, waiting: None, creatures, sum: 0, signal });
    // Kept until the end: some libraries stop an actor to which nobody holds a reference.
    let all: Vec<_> = (0..creatures)
        .map(|i| {
            let colour = [Colour::Yellow, Colour::Blue, Colour::Red][i as usize % 3];
            let creature = P::spawn(Creature::<P> { colour, met: 0, mall: mall.clone() });
            P::tell(&creature, ToCreature::Start);
            creature
        })
        .collect();
    let met = done.await.unwrap_or(0);
    let outcome = Outcome::timed(meetings, start.elapsed(), met == 2 * meetings);
    drop(all);
    outcome
}
