//! Looking in from outside: the tree of actors, the memory, and the walk that proves the counts.

use super::ack::note_of;
use super::far::Address;
use super::{Lane, ROOT};
use crate::cell::{State, bit, family};
use crate::entry::{OP_MASK, flag, mark, note};
use crate::mailbox::local::List;

/// One actor, as plain data.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Its index.
    pub index: u32,
    /// The index's age.
    pub age: u32,
    /// How many actors are between it and the root, the root not counted.
    pub depth: u32,
    /// 0 starting, 1 idle, 2 ready, 3 running, 4 suspended, 5 restarting, 6 stopping.
    pub state: u32,
    /// The instance's number.
    pub generation: u32,
    /// Messages that wait, parked ones included.
    pub waiting: u32,
    /// Messages handled.
    pub handled: u64,
    /// Messages failed.
    pub failed: u32,
}

/// Bytes that the core holds.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Cells.
    pub cells: usize,
    /// Envelopes.
    pub envelopes: usize,
    /// Calls.
    pub calls: usize,
}

impl Lane {
    /// All actors, parents before children, in order of start; the root is left out.
    #[must_use]
    pub fn actors(&self) -> Vec<Info> {
        let mut depth = vec![(ROOT, 0)];
        let mut infos = Vec::new();
        for index in family::tree(&self.table, ROOT).into_iter().skip(1) {
            let cell = self.table.at(index);
            while depth.last().is_some_and(|d| d.0 != cell.parent) {
                depth.pop();
            }
            let level = depth.last().map_or(0, |d| d.1);
            depth.push((index, level + 1));
            infos.push(self.info(index, level));
        }
        infos
    }

    /// An actor and all below it, as [`Lane::actors`]; nobody when it has ended.
    #[must_use]
    pub fn actors_below(&self, top: u32, age: u32) -> Vec<Info> {
        if top != ROOT && !self.is_alive(top, age) {
            return Vec::new();
        }
        let depth_of = |mut index: u32| {
            let mut depth = 0;
            while index != top {
                index = self.table.at(index).parent;
                depth += 1;
            }
            depth
        };
        family::tree(&self.table, top).into_iter().map(|index| self.info(index, depth_of(index))).collect()
    }

    fn info(&self, index: u32, depth: u32) -> Info {
        let cell = self.table.at(index);
        let parked = self.exts.get(cell.ext).map_or(0, |x| x.parked_count);
        let state = match cell.state {
            State::Down => 5,
            _ if cell.is(bit::AGAIN) => 5,
            State::Starting => 0,
            _ if self.begun == Some(index) => 3,
            State::Suspended => 4,
            State::Active if cell.in_hand() => 4,
            State::Active if cell.waiting > 0 => 2,
            State::Active => 1,
            _ => 6,
        };
        Info {
            index,
            age: cell.age,
            depth,
            state,
            generation: cell.generation,
            waiting: cell.waiting + parked,
            handled: cell.handled,
            failed: cell.failed,
        }
    }

    /// Whether the ref still leads to an actor.
    #[must_use]
    pub fn is_alive(&self, index: u32, age: u32) -> bool {
        index != ROOT && self.table.get(index).is_some_and(|c| c.age == age && c.state != State::Free)
    }

    /// The parent of a live actor.
    #[must_use]
    pub fn parent(&self, index: u32) -> u32 {
        self.table.get(index).map_or(ROOT, |c| c.parent)
    }

    /// Children of a live actor, in order of start.
    #[must_use]
    pub fn children(&self, index: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut at = self.table.get(index).map_or(0, |c| c.first_child);
        while at != 0 {
            found.push(at);
            at = self.table.at(at).next;
        }
        found
    }

    /// The parent of an actor, and its age.
    pub(crate) fn parent_of(&self, index: u32) -> (u32, u32) {
        let parent = self.parent(index);
        (parent, self.table.at(parent).age)
    }

    /// Children of an actor that have not ended, and their ages.
    pub(crate) fn children_of(&self, index: u32) -> Vec<(u32, u32)> {
        self.children(index).into_iter().map(|child| (child, self.table.at(child).age)).collect()
    }

    /// Which instance of an actor it is.
    pub(crate) fn generation_of(&self, index: u32) -> u32 {
        self.table.get(index).map_or(0, |c| c.generation)
    }

    /// Bytes that the core holds for actors and messages.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory { cells: self.table.bytes(), envelopes: self.pool.bytes(), calls: self.calls.bytes() }
    }

    /// Walks all mailboxes and the inbox and compares what is there with what was counted. For tests and debugging.
    ///
    /// # Errors
    /// What does not agree, in words.
    pub fn audit(&self, inbox: &[crate::entry::Entry], marks: &[u8]) -> Result<(), String> {
        let mut walked = 0_u64;
        let mut running = 0_u64;
        let mut actors = 0_u64;
        // by actor: messages that were delivered and did not begin; concurrent ones that are in its count all the same
        let mut delivered = vec![0_u64; self.table.len() as usize];
        let mut unread = vec![0_u64; self.table.len() as usize];
        for at in self.acked..self.filled {
            let (e, byte) = (&inbox[at], marks[at]);
            if note_of(e, byte) != note::MSG || byte & 7 == mark::GONE {
                continue;
            }
            unread[e.index as usize] += u64::from(e.has(flag::SHARED));
            delivered[e.index as usize] += u64::from(at > self.acked || self.begun.is_none());
        }
        for (e, _) in self.held.iter().filter(|(e, _)| e.op() == note::MSG) {
            unread[e.index as usize] += u64::from(e.has(flag::SHARED));
            delivered[e.index as usize] += 1;
        }
        for index in 1..self.table.len() {
            let cell = self.table.at(index);
            if cell.state == State::Free {
                continue;
            }
            let is_nobody = index == self.foster || self.home_of(index).is_some();
            actors += u64::from(!is_nobody);
            let count = |list: &List| list.iter(&self.pool).filter(|e| e.head & OP_MASK == note::MSG).count() as u64;
            let mut here = count(&cell.normal) + delivered[index as usize];
            let mut parked = 0;
            if let Some(ext) = self.exts.get(cell.ext) {
                here += count(&ext.held) + count(&ext.high) + count(&ext.low);
                parked = count(&ext.parked);
                running += u64::from(ext.streams);
                if parked != u64::from(ext.parked_count) || (parked > 0) != cell.is(bit::PARKED) {
                    return Err(format!("{}: {parked} parked, {} counted", self.name(index), ext.parked_count));
                }
            }
            if here != u64::from(cell.waiting) {
                return Err(format!("{}: {here} wait, {} counted", self.name(index), cell.waiting));
            }
            walked += here + parked;
            let Some(begun) = u64::from(cell.shared).checked_sub(unread[index as usize]) else {
                return Err(format!(
                    "{}: {} in hand, {} delivered",
                    self.name(index),
                    cell.shared,
                    unread[index as usize]
                ));
            };
            running += begun + u64::from(u32::from(cell.hand) == note::MSG);
        }
        running += u64::from(self.begun.is_some());
        if walked != self.ledger.waiting {
            return Err(format!("{walked} wait, {} counted", self.ledger.waiting));
        }
        if running != self.ledger.running {
            return Err(format!("{running} run, {} counted", self.ledger.running));
        }
        if actors != self.ledger.actors {
            return Err(format!("{actors} actors, {} counted", self.ledger.actors));
        }
        if !self.ledger.balanced() {
            return Err(format!("the identity does not hold: {:?}", self.ledger));
        }
        Ok(())
    }

    /// Envelopes in use: messages and signals that wait.
    #[must_use]
    pub fn envelopes_in_use(&self) -> usize {
        self.pool.used()
    }

    /// What an actor is called, and lane, index and age of its parent. No name: its stand-in, which is given in the
    /// parent's place, has that.
    #[must_use]
    pub fn called(&self, index: u32, age: u32) -> Option<(Option<String>, [u32; 3])> {
        if !self.is_alive(index, age) {
            return None;
        }
        if let Some(away) = self.away_of(index) {
            let to = Address::of(away.word)?;
            return Some((None, [to.lane, to.index, away.age]));
        }
        let parent = self.parent(index);
        let parent_age = self.table.get(parent).map_or(0, |c| c.age);
        Some((Some(self.name(index)), [self.far.as_ref().map_or(0, |far| far.place), parent, parent_age]))
    }

    /// Letters that are kept, and calls that other isolates wait for.
    #[must_use]
    pub fn open_from_afar(&self) -> (usize, usize) {
        self.far.as_ref().map_or((0, 0), |far| (far.letters.len(), far.calls.len()))
    }

    /// Loses one waiting message of `index` on purpose, so that a test can see the audit find it.
    #[doc(hidden)]
    pub fn lose_one(&mut self, index: u32) -> bool {
        self.table.at_mut(index).normal.pop(&mut self.pool).is_some()
    }
}
