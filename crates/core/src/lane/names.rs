//! What actors are called, and the indices they are reached by.

use super::{Lane, ROOT};
use crate::cell::table::Full;
use crate::cell::{State, bit};
use crate::entry::Entry;
use crate::limits::INDEX_BITS;
use crate::registry::{Taken, split_number};

impl Lane {
    /// Grants an index: its actor is spawned later, through the outbox.
    ///
    /// # Errors
    /// [`Full`] when every index is in use.
    pub fn grant(&mut self) -> Result<(u32, u32), Full> {
        let granted = self.table.grant();
        if let Some(log) = self.log.as_mut() {
            log.granted();
        }
        granted
    }

    /// Tells how a class is called.
    pub fn class(&mut self, id: u32, name: &str) {
        self.registry.set_class(id, name);
        if let Some(log) = self.log.as_mut() {
            log.class(id, name);
        }
    }

    /// Gives a granted index a name, before its spawn is submitted.
    ///
    /// # Errors
    /// [`Taken`] when an actor under `parent` has it.
    pub fn reserve(&mut self, parent: u32, name: &str, index: u32) -> Result<(), Taken> {
        let result = if self.find_numbered(parent, name).is_some() {
            Err(Taken)
        } else {
            self.registry.give(parent, name, index)
        };
        if let Some(log) = self.log.as_mut() {
            log.reserved(parent, name, index);
        }
        result
    }

    /// The actor that has this name under `parent`: index and age.
    #[must_use]
    pub fn find(&self, parent: u32, name: &str) -> Option<(u32, u32)> {
        let index = self.registry.find(parent, name).or_else(|| self.find_numbered(parent, name))?;
        let cell = self.table.get(index)?;
        (cell.state != State::Free).then_some((index, cell.age))
    }

    /// An actor without a name of its own is called after its class, its index and the index's age.
    fn find_numbered(&self, parent: u32, name: &str) -> Option<u32> {
        let (class, number) = split_number(name)?;
        let index = u32::try_from(number & ((1 << INDEX_BITS) - 1)).ok()?;
        let cell = self.table.get(index)?;
        let same = index != ROOT
            && cell.state != State::Free
            && number >> INDEX_BITS == u64::from(cell.age)
            && cell.parent == parent
            && self.registry.given(index).is_none()
            && self.registry.class_name(u32::from(cell.class)) == class;
        same.then_some(index)
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self, index: u32) -> String {
        if let Some(given) = self.registry.given(index) {
            return given.to_owned();
        }
        let cell = self.table.at(index);
        let number = (u64::from(cell.age) << INDEX_BITS) | u64::from(index);
        format!("{}-{number}", self.registry.class_name(u32::from(cell.class)))
    }

    /// An index that was granted and will not be used.
    pub(crate) fn give_back(&mut self, index: u32) {
        self.table.recycle(index);
    }

    /// Where the actor is in the tree: the names from the root down.
    #[must_use]
    pub fn path(&self, index: u32) -> String {
        let (mut names, mut at) = (Vec::new(), index);
        while at != ROOT {
            names.push(self.name(at));
            at = self.table.get(at).map_or(ROOT, |cell| cell.parent);
        }
        names.iter().rev().fold(String::new(), |path, name| path + "/" + name)
    }

    /// Whether the actor has started once.
    pub(crate) fn has_started(&self, index: u32, age: u32) -> bool {
        self.is_alive(index, age) && self.table.at(index).is(bit::STARTED)
    }

    /// A message of a thread that is not the isolate's found the lane closed.
    pub(crate) fn refused_outside(&mut self) {
        self.ledger.sent += 1;
        self.ledger.dead[crate::entry::dead::STOPPED as usize] += 1;
    }

    /// As if the host's timer had fired: for a thread that is not the isolate's. The lane is to be woken.
    pub(crate) fn tick_soon(&mut self) {
        self.ticked = true;
    }

    /// A spawn by a thread that is not the isolate's. The lane is to be woken.
    pub(crate) fn spawn_from_outside(&mut self, entry: &Entry, extra: &Entry) {
        self.operate(entry, Some(extra));
    }
}
