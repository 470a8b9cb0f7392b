//! What overtakes messages: timers, watches, the return of a stream. Never bounded, never counted as messages.

use super::Lane;
use crate::cell::{State, bit};
use crate::entry::{Entry, note, reason};
use crate::mailbox::local::Envelope;

impl Lane {
    /// Queues a signal; it overtakes messages.
    pub(super) fn signal(&mut self, index: u32, what: u32, payload: u32, from: u32, corr: u32) {
        let cell = self.table.at_mut(index);
        if cell.state.is_ending() {
            return; // nobody would take it
        }
        self.signals += 1;
        cell.bits |= bit::LISTS;
        let envelope = Envelope { head: what, payload, from, corr, ..Envelope::default() };
        self.exts.ensure(&mut cell.ext).signals.push(&mut self.pool, envelope);
        if cell.state == State::Active {
            self.push_ready(index);
        }
    }

    pub(super) fn drop_signals(&mut self, index: u32) {
        let at = self.table.at(index).ext;
        let Some(ext) = self.exts.get_mut(at) else { return };
        while ext.signals.pop(&mut self.pool).is_some() {
            self.signals -= 1;
        }
    }

    pub(super) fn watch(&mut self, e: &Entry) {
        let (watch, watcher) = (e.payload, e.from);
        let Some(watcher_age) = self.table.get(watcher).filter(|c| c.state != State::Free).map(|c| c.age) else {
            return;
        };
        if self.live(e.index, e.age).is_none() {
            // it has ended before: the isolate knows why
            return self.signal(watcher, note::WATCH, watch, reason::UNKNOWN, 0);
        }
        self.ext(e.index).watchers.push((watcher, watcher_age, watch));
        self.ext(watcher).watching.push((e.index, e.age, watch));
    }

    pub(super) fn unwatch(&mut self, watcher: u32, watch: u32) {
        let Some(at) = self.table.get(watcher).map(|c| c.ext) else {
            return;
        };
        let Some(ext) = self.exts.get_mut(at) else { return };
        let Some(place) = ext.watching.iter().position(|w| w.2 == watch) else {
            return;
        };
        let (target, age, _) = ext.watching.swap_remove(place);
        if let Some(at) = self.live(target, age).map(|c| c.ext)
            && let Some(ext) = self.exts.get_mut(at)
        {
            ext.watchers.retain(|w| !(w.0 == watcher && w.2 == watch));
        }
    }

    pub(super) fn forget_watch(&mut self, watcher: u32, watch: u32) {
        let at = self.table.at(watcher).ext;
        if let Some(ext) = self.exts.get_mut(at) {
            ext.watching.retain(|w| w.2 != watch);
        }
    }
}
