//! What is told of an isolate that died: the messages that went with it, and instances that nobody saw end.
//!
//! Whoever would have told is gone. So it is the isolate that has the stand-in of the actor, or of the nearest one above
//! it that has one: there it is known what that one is called, and the path from it is told along.

use std::collections::{HashMap, HashSet};

use super::calls::InHand;
use super::far::Address;
use super::foster::AWAY;
use super::parcel::Header;
use super::{Lane, ROOT};
use crate::cell::ext::Home;
use crate::cell::{Cell, State, bit};
use crate::entry::{Entry, TAG_SHIFT, carry, dead, flag, mode, note, op, reason};

/// What can still be had of a message's arguments. The numbers are in the low byte of the second word.
enum Args {
    /// There were none.
    None,
    /// One word.
    Word(u32),
    /// They were in the isolate's memory.
    Lost,
    /// What another isolate wrote.
    Letter(u32),
}

impl Lane {
    /// Keeps of a message that is in hand now what its isolate alone would know.
    #[inline]
    pub(super) fn remember(&mut self, e: &Entry) {
        if self.far.as_ref().is_some_and(|far| far.place > 0) {
            let message = self.message_of(e);
            let Some(far) = self.far.as_mut() else { return };
            let at = e.index as usize;
            if far.in_hand.len() <= at {
                far.in_hand.resize_with(at + 1, Default::default);
            }
            far.in_hand[at] = (message, e.corr);
        }
    }

    /// Of a message as it is in the inbox: `age` is that of its sender. One with a letter has its name there.
    fn message_of(&self, e: &Entry) -> InHand {
        let letter = self.far.as_ref().filter(|_| e.has(flag::LETTER)).and_then(|far| far.letters.get(e.payload));
        let name = letter.map_or_else(|| self.name_of_entry(e), |parcel| parcel.header().w0 >> TAG_SHIFT);
        InHand { index: e.index, name, from: e.from, from_age: e.age }
    }

    /// One dead letter for each message that was in hand or had been delivered. `unread`: those of the inbox, if it could
    /// be read.
    pub(super) fn tell_in_hand(&mut self, unread: Option<&[Entry]>) {
        if !self.listened(mode::DEAD) {
            return;
        }
        let mut left: HashMap<u32, u32> = HashMap::new(); // concurrent ones, and streams
        for index in 1..self.table.len() {
            let runs = self.table.at(index).shared + self.ext_of(index).map_or(0, |x| x.streams);
            if runs > 0 {
                left.insert(index, runs);
            }
        }
        let mut known: HashSet<u32> = self.waiting_calls();
        for e in unread.unwrap_or_default() {
            let age = self.table.at(e.index).age;
            self.tell_dead(&Entry { age, ..*e }, e.age, dead::ISOLATE_LOST);
            known.insert(e.corr);
            if e.has(flag::SHARED) {
                one_less(&mut left, e.index);
            }
        }
        let runs = self.far.as_mut().map(|far| std::mem::take(&mut far.in_hand)).unwrap_or_default();
        for index in 1..self.table.len() {
            if u32::from(self.table.at(index).hand) == note::MSG {
                let (message, corr) = runs.get(index as usize).copied().unwrap_or_default();
                self.tell_lost(InHand { index, ..message });
                known.insert(corr);
            }
        }
        // what was asked from elsewhere is known; a call may also be open because its reply is lost
        let open = self.far.as_ref().map(|far| far.calls.all()).unwrap_or_default();
        for corr in open.into_iter().filter(|corr| !known.contains(corr)) {
            let Some(call) = self.far.as_ref().and_then(|far| far.calls.get(corr)).copied() else { continue };
            if one_less(&mut left, call.message.index) {
                self.tell_lost(call.message);
            }
        }
        for (index, count) in left.into_iter().filter(|_| unread.is_some()) {
            for _ in 0..count {
                self.tell_lost(InHand { index, ..InHand::default() });
            }
        }
    }

    /// A message in hand, whose arguments are gone.
    fn tell_lost(&mut self, message: InHand) {
        self.send_dead(message, &Args::Lost, dead::ISOLATE_LOST);
    }

    /// A dead letter that no isolate of this lane can tell of; `age` is that of the target.
    pub(super) fn tell_dead(&mut self, e: &Entry, from_age: u32, why: u32) {
        if !self.listened(mode::DEAD) || Address::of(e.index).is_some() {
            return;
        }
        let args = if e.has(flag::LETTER) {
            Args::Letter(e.payload)
        } else if e.has(flag::SLOT) {
            Args::Lost
        } else if e.head & flag::ARITY == 0 {
            Args::None
        } else {
            Args::Word(e.payload)
        };
        let head = e.head & !crate::entry::OP_MASK | note::MSG;
        let message = self.message_of(&Entry { head, age: from_age, ..*e });
        self.send_dead(message, &args, why);
    }

    fn send_dead(&mut self, message: InHand, args: &Args, why: u32) {
        let InHand { index, name, from, from_age } = message;
        let from = if Address::of(from).is_some() { from } else { self.address(from) };
        let (home, path) = self.place_of(index);
        let Some(far) = self.far.as_mut() else { return };
        let (form, payload, letter) = match *args {
            Args::None => (0, 0, None),
            Args::Word(word) => (1, word, None),
            Args::Lost => (2, 0, None),
            Args::Letter(letter) => {
                let letter = far.letters.get_mut(letter);
                let w0 = letter.as_ref().map_or(0, |l| l.header().w0);
                match (w0 & flag::ARITY) >> flag::ARITY.trailing_zeros() {
                    3 => (3, 0, letter),
                    arity => (arity.min(1), letter.map_or(0, |l| l.header().payload), None),
                }
            }
        };
        let length = u32::try_from(path.len()).unwrap_or(0);
        let words = [why, form | name << 8, from_age, length];
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        bytes.extend_from_slice(path.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let mut attached = Vec::new();
        if let Some(letter) = letter {
            bytes.extend_from_slice(letter.bytes());
            attached = letter.take_attached();
        }
        let head = Header { w0: carry::DEAD, payload, from_index: from, ..Header::default() };
        self.send_remains(home, head, &bytes, attached);
    }

    /// An instance ends with this isolate, or because of that, whose parent's isolate would have said so.
    pub(super) fn tell_stopped(&mut self, index: u32) {
        let cell = self.table.at(index);
        if !self.listened(mode::EVENTS) || cell.state == State::Down || !cell.is(bit::MADE) {
            return;
        }
        let why = if self.home_of(index).is_some() { reason::SHUTDOWN } else { reason::LOST };
        let corr = cell.generation;
        let (home, path) = self.place_of(index);
        let head = Header { w0: carry::STOPPED, from_index: why, corr, ..Header::default() };
        self.send_remains(home, head, path.as_bytes(), Vec::new());
    }

    fn send_remains(&mut self, home: Home, head: Header, bytes: &[u8], attached: Vec<Option<Vec<u8>>>) {
        let Some(far) = self.far.as_mut() else { return };
        let to = Address::of(home.word).unwrap_or(Address { lane: 0, index: 0 });
        let w0 = op::CARRY | flag::ARITY | head.w0 << TAG_SHIFT;
        let header = Header { w0, index: to.index, generation: home.age, source_lane: far.place, ..head };
        let mut parcel = far.parcels.parcel(header, bytes);
        if !attached.is_empty() {
            parcel.attach(attached);
        }
        self.send(to.lane, parcel, false, false);
    }

    /// The stand-in of an actor, or of the nearest one above it that has one; and the path from there.
    fn place_of(&self, index: u32) -> (Home, String) {
        let (mut at, mut path) = (index, String::new());
        while at != ROOT && at != self.foster && self.table.get(at).is_some_and(|c| c.state != State::Free) {
            if let Some(home) = self.away_of(at) {
                return (home, path);
            }
            path.insert_str(0, &format!("/{}", self.name(at)));
            at = self.table.at(at).parent;
        }
        (Home { word: 0, age: 0 }, String::new())
    }

    /// Who keeps the isolate busy that does not come back: `e` is the entry that it runs, none when it goes on with one from
    /// before. In the entry that this gives, `head` is the note, `age` the actor's, `from` the number of the method's name; of
    /// index 0 no more is known.
    pub(crate) fn at_work(&self, e: Option<&Entry>) -> Option<Entry> {
        let age_of = |index| self.table.get(index).map_or(0, |c| c.age);
        if let Some(e) = e {
            let from = if e.op() == note::MSG { self.message_of(e).name } else { 0 };
            return Some(Entry { head: e.op(), index: e.index, age: age_of(e.index), from, ..Entry::default() });
        }
        // a start is none of these: it may be the import of a module
        let is_at_it = |c: &Cell| c.shared > 0 || !matches!(u32::from(c.hand), 0 | note::START) && c.hand != AWAY;
        let mut found = (1..self.table.len()).filter(|index| is_at_it(self.table.at(*index)));
        let index = found.next()?;
        if found.next().is_some() {
            return Some(Entry::default());
        }
        let what = u32::from(self.table.at(index).hand);
        let known = self.far.as_ref().and_then(|far| far.in_hand.get(index as usize)).filter(|_| what == note::MSG);
        let from = known.map_or(0, |(message, _)| message.name);
        Some(Entry { head: what, index, age: age_of(index), from, ..Entry::default() })
    }
}

/// Whether there was one left.
fn one_less(left: &mut HashMap<u32, u32>, index: u32) -> bool {
    let Some(count) = left.get_mut(&index).filter(|count| **count > 0) else { return false };
    *count -= 1;
    true
}
