//! What came to an end after its handler had returned a promise or a generator.

use super::{Fact, Lane};
use crate::entry::{Entry, flag, note, outcome, phase};

impl Lane {
    /// An asynchronous run ended.
    pub(super) fn done(&mut self, e: &Entry) {
        let what = e.tag();
        let shared = e.has(flag::SHARED);
        let Some(cell) = self.live(e.index, e.age) else {
            return self.forget(e);
        };
        let ours = if shared { cell.shared > 0 } else { u32::from(cell.hand) == what };
        if !ours {
            return self.forget(e); // the run was given up before; what it does now changes no count
        }
        let ok = e.from == outcome::OK;
        let timer = cell.hand_timer;
        if shared {
            cell.shared -= 1;
        } else {
            cell.hand = 0;
            self.drop_asking(e.index);
        }
        match what {
            note::MSG => {
                let cell = self.table.at_mut(e.index);
                self.ledger.running -= 1;
                if ok {
                    cell.handled += 1;
                    self.ledger.handled += 1;
                } else {
                    cell.failed += 1;
                    self.ledger.failed += 1;
                }
                self.close_call(e.corr);
                if ok {
                    self.hand_is_free(e.index);
                } else {
                    // DONE has no room for the method: the isolate knows which one failed
                    self.fail(e.index, phase::MESSAGE, 0, e.payload);
                }
            }
            note::START if ok => self.started(e.index),
            note::START => self.fail(e.index, phase::START, 0, e.payload),
            note::STOP => self.facts.push_back(Fact::Hooked { index: e.index, error: (!ok).then_some(e.payload) }),
            _ if ok => {
                self.signal_done(e.index, what, timer);
                self.hand_is_free(e.index);
            }
            note::HEALTH => {
                self.signal_over(what);
                self.is_unwell(e.index, e.payload);
                self.hand_is_free(e.index);
            }
            _ => {
                self.signal_over(what);
                self.fail(e.index, phase_of(what), 0, e.payload);
            }
        }
    }

    /// Nobody waits for the run: it was given up, before the isolate had read of that.
    fn forget(&mut self, e: &Entry) {
        if e.tag() == note::MSG {
            self.close_call(e.corr); // its caller was answered all the same
        }
        if e.from == outcome::THREW {
            self.notify(Entry { head: note::FORGET, payload: e.payload, ..Entry::default() });
        }
    }

    /// A stream call ended.
    pub(super) fn stream_end(&mut self, e: &Entry) {
        let Some(cell) = self.live(e.index, e.age) else {
            return;
        };
        let at = cell.ext;
        match self.exts.get_mut(at) {
            Some(ext) if ext.streams > 0 => ext.streams -= 1,
            _ => return,
        }
        self.streams -= 1;
        self.ledger.running -= 1;
        let cell = self.table.at_mut(e.index);
        if e.from == outcome::OK {
            cell.handled += 1;
            self.ledger.handled += 1;
        } else {
            cell.failed += 1;
            self.ledger.failed += 1;
        }
        self.after_message(e.index);
    }
}

pub(super) fn phase_of(what: u32) -> u32 {
    match what {
        note::TIMER => phase::TIMER,
        note::WATCH => phase::WATCH,
        _ => phase::MESSAGE,
    }
}
