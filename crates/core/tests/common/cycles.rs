//! Actors on several lanes that ask each other, beside a model: the graph of who waits for whom.

use super::hub::{World, at, post, worker};
use super::{How, Options, Ref};
use buskin_core::entry::flag;
use buskin_core::lane::Defaults;
use buskin_core::lane::far::Address;
use std::collections::HashSet;

pub(crate) const SLOW: How = How { priority: 0, ttl: None, timeout: None, flags: 0, from: 0, tag: 1 };
pub(crate) const LATE: u64 = 5_000;

/// An ask that an actor made while a certain message was in its hand.
#[derive(Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) hand: u32,
    pub(crate) lane: usize,
    pub(crate) id: u32,
    pub(crate) corr: u32,
    /// The moments at which it was made, and first seen to be over.
    pub(crate) made: usize,
    pub(crate) over: usize,
}

/// Actors on some lanes that ask each other, and the graph of who waits for whom.
pub(crate) struct Town {
    pub(crate) w: World,
    pub(crate) actors: Vec<(usize, Ref)>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) now: usize,
    /// Per lane: what of its list of cycles was read.
    pub(crate) read: Vec<usize>,
    pub(crate) told: Vec<Told>,
    /// Rows for isolates that did not tell, which are yet to be matched: lane, members, calls.
    pub(crate) heard: Vec<(usize, Vec<Address>, Vec<u32>)>,
    /// Calls whose lane said that they are in a cycle.
    pub(crate) marked: HashSet<(usize, u32)>,
}

pub(crate) struct Told {
    pub(crate) lane: usize,
    pub(crate) members: Vec<Address>,
    /// By member, 0 where it is elsewhere.
    pub(crate) calls: Vec<u32>,
    /// What the other isolates heard of it is in `calls`.
    pub(crate) merged: bool,
    pub(crate) moment: usize,
}

impl Town {
    pub(crate) fn new(places: &[usize]) -> Self {
        let defaults = Defaults { escalate: None, ask_timeout: u64::MAX, ..Defaults::default() };
        let mut w = World::new(3, 64, 1 << 12, defaults);
        let actors = places
            .iter()
            .enumerate()
            .map(|(n, &lane)| (lane, w.isos[lane].spawn(&format!("a{n}"), Options::default(), worker)))
            .collect();
        w.run();
        Town { w, actors, edges: vec![], now: 0, read: vec![0; 3], told: vec![], heard: vec![], marked: HashSet::new() }
    }

    /// It is busy from now on: told something whose handler promises.
    pub(crate) fn begin(&mut self, n: usize) {
        let (lane, who) = self.actors[n];
        self.w.isos[lane].tell_how(who, SLOW);
    }

    pub(crate) fn begin_all(&mut self) {
        (0..self.actors.len()).for_each(|n| self.begin(n));
        self.w.run();
    }

    pub(crate) fn hand(&self, n: usize) -> Option<u32> {
        let (lane, who) = self.actors[n];
        let here = !self.w.dead[lane] && self.w.isos[lane].lane.is_alive(who.index, who.age);
        self.w.isos[lane].hand_ids(who).first().copied().filter(|_| here)
    }

    /// The busy actor `from` asks another one, and hands that over.
    pub(crate) fn ask(&mut self, from: usize, to: usize, timeout: u64) -> u32 {
        let lane = self.actors[from].0;
        self.w.isos[lane].read();
        let id = self.write_ask(from, to, timeout);
        self.w.isos[lane].turn();
        id
    }

    pub(crate) fn write_ask(&mut self, from: usize, to: usize, timeout: u64) -> u32 {
        let ((lane, asker), (there, who)) = (self.actors[from], self.actors[to]);
        let hand = self.hand(from).expect("it is busy");
        let iso = &mut self.w.isos[lane];
        let how = How { from: asker.index, timeout: Some(timeout), ..SLOW };
        let id =
            if lane == there { iso.ask_how(who, how) } else { post(iso, at(there as u32, who), how, flag::ASK, 0) };
        let corr = iso.corr_of(id);
        self.edges.push(Edge { from, to, hand, lane, id, corr, made: self.now, over: usize::MAX });
        id
    }

    /// What it has in hand is over.
    pub(crate) fn done(&mut self, n: usize) {
        let (lane, who) = self.actors[n];
        self.w.isos[lane].read();
        self.w.isos[lane].done(who, true);
        self.w.isos[lane].turn();
    }

    pub(crate) fn is_over(&self, e: &Edge) -> bool {
        self.hand(e.from) != Some(e.hand) || self.w.end_of(e.id) != "pending" || self.w.settled(e.id) != "open"
    }

    /// What is over by now, and what was told.
    pub(crate) fn look(&mut self) {
        self.now += 1;
        for at in 0..self.edges.len() {
            let e = self.edges[at];
            if e.over == usize::MAX && self.is_over(&e) {
                self.edges[at].over = self.now;
            }
        }
        for lane in 0..3 {
            let notes = self.w.isos[lane].cycles[self.read[lane]..].to_vec();
            self.read[lane] += notes.len();
            for row in notes.split_inclusive(|note| note.payload == 0) {
                assert!(row.iter().rev().zip(0..).all(|(note, left)| note.payload == left), "in order");
                let place = |index| Address::of(index).unwrap_or(Address { lane: lane as u32, index });
                let members: Vec<_> = row.iter().map(|note| place(note.index)).collect();
                let calls: Vec<_> = row.iter().map(|note| note.corr).collect();
                self.marked.extend(calls.iter().filter(|c| **c != 0).map(|c| (lane, *c)));
                if row[0].from == 0 {
                    self.told.push(Told { lane, members, calls, merged: false, moment: self.now });
                } else {
                    self.heard.push((lane, members, calls));
                }
            }
        }
    }

    pub(crate) fn member(&self, n: usize) -> Address {
        Address { lane: self.actors[n].0 as u32, index: self.actors[n].1.index }
    }

    /// Whether all asks of a circle were there at one moment, at the latest when it was told.
    pub(crate) fn was_there(&self, told: &Told) -> bool {
        let pairs: Vec<_> = told.members.iter().zip(told.members.iter().cycle().skip(1)).collect();
        let is = |e: &Edge, (a, b): &(&Address, &Address)| self.member(e.from) == **a && self.member(e.to) == **b;
        (0..=told.moment).any(|moment| {
            let there = |pair| self.edges.iter().any(|e| is(e, pair) && e.made <= moment && moment <= e.over);
            pairs.iter().all(there)
        })
    }

    /// Asks that are open now and close a circle of older ones that are open.
    pub(crate) fn closing(&self) -> Vec<Edge> {
        let open = |e: &&Edge| e.over == usize::MAX;
        let closes = |last: &&Edge| {
            let (mut reached, mut todo) = (HashSet::new(), vec![last.to]);
            while let Some(at) = todo.pop() {
                if reached.insert(at) {
                    let older = self.edges.iter().filter(open).filter(|e| e.id != last.id && is_older(e, last));
                    todo.extend(older.filter(|e| e.from == at).map(|e| e.to));
                }
            }
            reached.contains(&last.from)
        };
        self.edges.iter().filter(open).filter(closes).copied().collect()
    }

    /// All is at rest: what was told was so, was told once, and nothing is missing.
    pub(crate) fn check(&mut self, all_live: bool) {
        self.w.run();
        self.look();
        let mut known = HashSet::new();
        for told in &self.told {
            assert!(self.was_there(told), "{:?} is no circle", told.members);
        }
        for told in &mut self.told {
            if all_live {
                let lanes: HashSet<_> = told.members.iter().map(|it| it.lane as usize).collect();
                let merged = std::mem::replace(&mut told.merged, true);
                for lane in lanes.into_iter().filter(|lane| !merged && *lane != told.lane) {
                    let at = self.heard.iter().position(|h| h.0 == lane && h.1 == told.members);
                    let (_, _, calls) = self.heard.remove(at.expect("all its isolates were told"));
                    for (to, from) in told.calls.iter_mut().zip(calls).filter(|(_, from)| *from != 0) {
                        *to = from;
                    }
                }
                let mut ids: Vec<_> = told.members.iter().map(|m| m.lane).zip(told.calls.clone()).collect();
                ids.sort_unstable();
                let is_whole = !told.calls.contains(&0); // none was over when it was told
                assert!(!is_whole || known.insert(ids), "{:?} was told twice", told.members);
            }
        }
        assert!(!all_live || self.heard.is_empty(), "nobody told of it");
        for e in self.closing() {
            assert!(self.marked.contains(&(e.lane, e.corr)), "a{} -> a{} closes a circle", e.from, e.to);
        }
    }

    /// Who waits in circles that were told: numbers of actors.
    pub(crate) fn circles(&mut self) -> Vec<Vec<usize>> {
        self.check(true);
        let number = |m: &Address| (0..self.actors.len()).find(|n| self.member(*n) == *m).unwrap();
        self.told.iter().map(|told| told.members.iter().map(number).collect()).collect()
    }

    /// How the asks end whose time is over: those in a cycle say so.
    pub(crate) fn late(&mut self, ids: &[u32]) -> Vec<bool> {
        self.w.take();
        self.w.advance(LATE / 1000);
        let trace = self.w.take();
        let is = |id: &u32, more: &str| trace.contains(&format!("late {id}{more}"));
        ids.iter()
            .map(|id| {
                assert!(is(id, "") || is(id, " deadlock"), "{id:#x} is not late: {trace:?}");
                is(id, " deadlock")
            })
            .collect()
    }

    pub(crate) fn end(mut self) {
        for round in 0.. {
            self.w.run();
            let busy: Vec<_> = (0..self.actors.len()).filter(|n| self.hand(*n).is_some()).collect();
            busy.iter().for_each(|n| self.done(*n));
            if busy.is_empty() {
                break;
            }
            assert!(round < 1_000, "it never comes to rest");
        }
        for lane in 0..3 {
            if !self.w.dead[lane] {
                self.w.isos[lane].shutdown(1_000);
            }
        }
        self.w.run();
        self.w.nothing_left();
    }
}

pub(crate) fn is_older(e: &Edge, than: &Edge) -> bool {
    (e.made, e.id & 0xfffff) < (than.made, than.id & 0xfffff)
}
