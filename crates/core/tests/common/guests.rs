//! Actors of an isolate that another thread runs, in a test's one thread.

use super::{FAILED, HANDLED, Isolate, REASONS, Ref};
use buskin_core::entry::{Entry, dead, op, stop, word};
use buskin_core::lane::{Guest, Ran, Rings};

impl Isolate {
    /// Another thread takes up to so many; how many it got.
    pub(crate) fn part(&mut self, most: usize) -> usize {
        let here = self.lane.unread().map(|at| self.inbox[at].index).collect();
        let mut guests = Vec::new();
        let count = self.lane.part_with(here, most, &mut guests);
        assert!(count == guests.len() && count <= most);
        for guest in guests {
            let Entry { index, payload, .. } = guest.entry;
            assert!(!self.is_out(index), "it is out twice");
            assert!(self.hands.get(&index).is_none_or(|h| h.iter().all(|h| h.lost)), "a suspended one was taken");
            self.say(format!("{} leaves with {payload}", self.name(index)));
            self.begun.push((index, payload));
            self.guests.push(guest);
        }
        self.audited();
        count
    }

    /// Whether another thread runs it.
    pub(crate) fn is_out(&self, index: u32) -> bool {
        self.guests.iter().any(|guest| guest.entry.index == index)
    }

    /// A guest comes back, with what its handler did.
    pub(crate) fn comes_back(&mut self, at: usize, ran: Ran, handler: impl FnOnce(&mut Isolate, Ref)) {
        let guest = Guest { ran, ..self.guests.remove(at) };
        self.come_back(&[guest], |iso| handler(iso, Ref { index: guest.entry.index, age: guest.age }));
    }

    /// Several come back at once.
    pub(crate) fn come_back(&mut self, guests: &[Guest], handler: impl FnOnce(&mut Isolate)) {
        // what it writes goes into an outbox of its own
        let room = vec![Entry::default(); 256];
        let (own, written, mode, current) =
            (std::mem::replace(&mut self.outbox, room), self.written, self.mode, self.current);
        (self.written, self.current) = (0, guests[0].entry.index);
        handler(self);
        let mut outbox = std::mem::replace(&mut self.outbox, own);
        let mut header = [0; word::COUNT];
        header[word::OUT] = self.written as i32;
        (self.written, self.mode, self.current) = (written, mode, current);
        for Guest { entry, age, ran } in guests {
            let ours = self.lane.has_in_hand(entry.index, *age);
            let how = match ran {
                Ran::Open => {
                    self.guests.push(Guest { entry: *entry, age: *age, ran: *ran });
                    continue;
                }
                Ran::Returned if ours => HANDLED,
                Ran::NoHandler if ours => REASONS[dead::NO_HANDLER as usize],
                _ => FAILED,
            };
            self.end(entry.payload, how);
            self.close_call(entry.corr);
        }
        self.lane.take_guests(
            &mut Rings {
                header: &mut header,
                outbox: &mut outbox,
                inbox: &mut [],
                marks: &mut [],
                bag: &mut [],
                places: &mut [],
                satchel: &[],
            },
            guests,
        );
        self.audited();
    }

    /// All come back.
    pub(crate) fn come_home(&mut self) {
        while !self.guests.is_empty() {
            self.comes_back(0, Ran::Returned, |_, _| {});
        }
    }

    /// As a guest's handler says it, which cannot hold back what is in the inbox.
    pub(crate) fn end_as_guest(&mut self, who: Ref, how: u32) {
        assert!(matches!(how, stop::NORMAL | stop::KILL | stop::SELF | stop::DRAIN));
        if how == stop::KILL && self.age_of(who) == who.age && !self.gone.contains(&who) {
            self.fence(who.index);
        }
        self.op(op::STOP, who, how, self.current, u32::MAX);
    }

    /// What was not begun goes back, but for so many.
    pub(crate) fn recall(&mut self, keep: usize) {
        if self.at == self.filled {
            return; // it may be over already
        }
        let inbox = self.inbox.clone();
        let end = self.lane.recall(self.at + keep, |at| inbox[at]);
        assert!(end >= self.at && end <= self.filled);
        self.filled = end;
        self.audited();
    }

    fn audited(&self) {
        let audit = self.lane.audit(&self.inbox, &self.marks);
        assert!(audit.is_ok(), "the counts are wrong: {audit:?} {:?} {:?}", self.trace, self.lane.ledger);
    }
}
