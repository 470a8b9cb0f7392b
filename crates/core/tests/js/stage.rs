//! Isolates and native lanes, turned by hand.

use super::{Far, Heard, Js};
use buskin_core::clock::Clock;
use buskin_core::entry::mode;
use buskin_core::hub::{Hub, Shared};
use buskin_core::lane::{Defaults, Lane};
use buskin_core::native::{Attached, ByHand, attach};
use buskin_core::sched;
use buskin_value::{ErrorValue, Value};
use std::sync::Arc;

/// Isolates, then native lanes, that the test's thread turns one after the other.
pub(crate) struct Stage {
    pub(crate) hub: Arc<Hub>,
    pub(crate) js: Vec<Js>,
    natives: Vec<ByHand>,
    pub(crate) attached: Attached,
    lanes: Vec<Arc<Shared>>,
    now: u64,
    /// Actors that live.
    seats: usize,
}

impl Stage {
    pub(crate) fn new(isolates: u32, natives: u32) -> Stage {
        let new = |_| Arc::new(Shared::new(Lane::new(Clock::Manual(0), Defaults::default())));
        let lanes: Vec<_> = (0..isolates + natives).map(new).collect();
        let hub = Hub::open(lanes.clone());
        let js = (0..isolates).map(|place| Js::new(&hub, place)).collect();
        let own = lanes[isolates as usize..].to_vec();
        let attached = attach(Arc::clone(&hub), isolates, own, &sched::Options::default());
        let natives = (0..natives).map(|at| attached.by_hand(isolates + at)).collect();
        Stage { hub, js, natives, attached, lanes, now: 0, seats: 0 }
    }

    fn turns(&mut self, bits: u32) -> bool {
        let mut gave = false;
        for js in &mut self.js {
            js.mode |= bits;
            gave |= js.written > 0;
            gave |= js.turn() > 0;
        }
        for native in &mut self.natives {
            gave |= native.turn(bits) > 0;
        }
        gave || (0..self.lanes.len()).any(|at| self.hub.posts().get(at as u32).unwrap().remote.has_mail())
    }

    /// Turns until nothing is left to do without time passing.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000 {
            if !self.turns(0) {
                let ledger = self.hub.ledger();
                assert!(ledger.balanced(), "{ledger:?}");
                return;
            }
        }
        panic!("it never ends");
    }

    /// Moves all clocks, stopping wherever something is due.
    pub(crate) fn advance(&mut self, ms: u64) {
        self.run();
        let goal = self.now + ms * 1000;
        while self.now < goal {
            let due = self.lanes.iter().filter_map(|lane| lane.with(Lane::next_deadline)).min();
            self.now = due.map_or(goal, |due| (due * 1000).clamp(self.now + 1, goal));
            for lane in &self.lanes {
                lane.with(|lane| lane.set_time(self.now));
            }
            self.turns(mode::TICK);
            self.run();
        }
    }

    /// Spawns, and waits until it has started.
    pub(crate) fn spawn(&mut self, kind: &str, name: &str, args: Vec<Value>) -> Far {
        let on = self.js.len() as u32;
        let far = self.js[0].spawn(kind, on, name, args);
        self.run();
        assert!(self.js[0].heard.contains(&Heard::Started(far.seat, 0)), "{:?}", self.js[0].heard);
        self.js[0].take();
        far
    }

    /// Asks, and waits for what it comes to.
    pub(crate) fn ask(&mut self, to: Far, method: &str, args: &[Value]) -> Result<Value, ErrorValue> {
        let corr = self.js[0].ask(to, method, args);
        self.run();
        match self.js[0].came(corr) {
            Some(Heard::Reply(_, value)) => Ok(value.clone()),
            Some(Heard::Threw(_, Value::Error(error))) => Err((**error).clone()),
            other => panic!("'{method}' came to {other:?}"),
        }
    }

    /// Nothing is left: no letter, no call.
    pub(crate) fn nothing_left(&mut self) {
        self.run();
        let ledger = self.hub.ledger();
        self.seats = ledger.actors as usize;
        for (at, lane) in self.lanes.iter().enumerate() {
            let (letters, calls) = lane.with(|lane| lane.open_from_afar());
            // of each actor that was spawned from elsewhere the letter stays that it is made of, and where its parent is the last
            // error, if there was one
            let seeds = lane.with(|lane| lane.ledger.actors);
            let is_right = if at < self.js.len() { letters <= self.seats } else { letters as u64 == seeds };
            assert!(is_right && calls == 0, "{letters} letters, {calls} calls of lane {at}");
        }
        assert_eq!((ledger.waiting, ledger.running), (0, 0), "{ledger:?}");
    }
}
