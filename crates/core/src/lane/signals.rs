//! What overtakes messages: timers, watches, the return of a stream. Never bounded, never counted as messages.

use super::Lane;
use super::foster::FAR_ERROR;
use crate::cell::{State, bit};
use crate::entry::{OP_MASK, note};
use crate::mailbox::local::Envelope;

impl Lane {
    /// Queues a signal; it overtakes messages.
    pub(super) fn signal(&mut self, index: u32, what: u32, payload: u32, from: u32, corr: u32) {
        let cell = self.table.at_mut(index);
        if cell.state.is_over() {
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
        let mut signals = std::mem::take(&mut ext.signals);
        while let Some(signal) = signals.pop(&mut self.pool) {
            self.signals -= 1;
            if signal.head & OP_MASK == note::WATCH && signal.corr & FAR_ERROR != 0 {
                self.drop_letter(signal.corr & !FAR_ERROR);
            }
        }
    }
}
