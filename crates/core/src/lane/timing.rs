//! Everything with a deadline: timers of actors, asks, starts, stops, drains. One wheel, one host timer.

use super::calls::is_far_call;
use super::{Lane, ROOT};
use crate::ask::{Call, age, slot};
use crate::cell::ext::{BRUTAL, FOREVER, SHUTDOWN_MS, START_MS};
use crate::cell::{State, bit};
use crate::clock::ceil_ms;
use crate::entry::{Entry, TAG_SHIFT, note, phase, reason, timer};
use crate::limits::{CALL_BITS, INDEX_BITS};
use crate::timer::table::{self, Timer, next_due};
use crate::timer::wheel::TimerKey;

/// What a place on the wheel is for: a kind, an age and an index (or the word of a call, or the number of a timer).
mod token {
    pub(super) const CALL: u64 = 1;
    pub(super) const TIMER: u64 = 2;
    pub(super) const START: u64 = 3;
    pub(super) const STOP: u64 = 4;
    pub(super) const DRAIN: u64 = 5;
    pub(super) const ROOT: u64 = 6;
    pub(super) const RESTART: u64 = 7;
    pub(super) const GROUP: u64 = 8;
    pub(super) const HEALTH: u64 = 9;
}
const KIND_SHIFT: u32 = 60;

impl Lane {
    /// Fires what is due.
    pub(super) fn tick(&mut self) {
        let now = self.now();
        while let Some((token, _)) = self.wheel.pop_due(now / 1000) {
            self.due(token, now);
        }
        self.armed = self.wheel.next_check().unwrap_or(u64::MAX);
        self.rearm = true;
    }

    #[allow(clippy::cast_possible_truncation)] // the words were put together below
    fn due(&mut self, token: u64, now: u64) {
        let low = token as u32;
        let index = low & ((1 << INDEX_BITS) - 1);
        let age = (token >> INDEX_BITS) as u32;
        match token >> KIND_SHIFT {
            token::CALL => self.ask_is_late(low),
            token::TIMER => self.timer_is_due(low, now),
            token::ROOT => {
                if self.table.at(ROOT).state.is_ending() {
                    self.table.at_mut(ROOT).deadline = 0;
                    self.kill(ROOT);
                }
            }
            kind => {
                let Some(cell) = self.live(index, age) else { return };
                match kind {
                    token::DRAIN => {
                        self.ext(index).drain = 0;
                        return self.end(index, reason::KILLED);
                    }
                    token::GROUP => return self.group_goes_on(index),
                    token::HEALTH => return self.health_is_due(index),
                    _ => cell.deadline = 0,
                }
                match kind {
                    token::START if cell.state == State::Starting => self.fail(index, phase::START, 0, 0),
                    token::STOP if cell.is(bit::AGAIN) => self.abandon(index),
                    token::STOP => self.kill(index),
                    token::RESTART => {
                        self.backoffs -= 1;
                        self.revive(index);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Puts something on the wheel.
    fn schedule(&mut self, kind: u64, rest: u64, due: u64) -> TimerKey {
        let ms = ceil_ms(due);
        if ms < self.armed {
            self.armed = ms;
            self.rearm = true;
        }
        self.wheel.insert(ms, kind << KIND_SHIFT | rest)
    }

    // --------------------------------------------------------------------------- deadlines of an actor

    /// Puts a deadline of an actor on the wheel: its place, plus one; 0 when it is for ever.
    fn deadline(&mut self, index: u32, kind: u64, ms: u32) -> u32 {
        if ms == FOREVER {
            return 0;
        }
        let ms = if ms == BRUTAL { 0 } else { ms };
        self.schedule_for(index, kind, u64::from(ms) * 1000)
    }

    /// Puts something that concerns an actor on the wheel: its place, plus one.
    fn schedule_for(&mut self, index: u32, kind: u64, micros: u64) -> u32 {
        let due = self.now().saturating_add(micros);
        let age = u64::from(self.table.at(index).age);
        self.schedule(kind, age << INDEX_BITS | u64::from(index), due).0 + 1
    }

    fn arm(&mut self, index: u32, kind: u64, ms: u32) {
        self.disarm(index);
        self.table.at_mut(index).deadline = self.deadline(index, kind, ms);
    }

    pub(super) fn disarm(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        let deadline = std::mem::take(&mut cell.deadline);
        if deadline != 0 {
            if cell.state == State::Down {
                self.backoffs -= 1;
            }
            self.wheel.remove(TimerKey(deadline - 1));
        }
    }

    /// The next instance is waited for.
    pub(super) fn arm_restart(&mut self, index: u32, micros: u64) {
        self.backoffs += 1;
        let due = self.now().saturating_add(micros);
        self.ext(index).restarts.get_or_insert_default().due = due;
        let key = self.schedule_for(index, token::RESTART, micros);
        self.table.at_mut(index).deadline = key;
    }

    /// A group waits; its place on the wheel, plus one.
    pub(super) fn arm_group(&mut self, supervisor: u32, micros: u64) -> u32 {
        self.schedule_for(supervisor, token::GROUP, micros)
    }

    /// A check, or its answer, is due; its place on the wheel, plus one.
    pub(super) fn arm_health(&mut self, index: u32, micros: u64) -> u32 {
        if micros == u64::MAX { 0 } else { self.schedule_for(index, token::HEALTH, micros) }
    }

    pub(super) fn take_off(&mut self, key: u32) {
        if key != 0 {
            self.wheel.remove(TimerKey(key - 1));
        }
    }

    pub(super) fn arm_start(&mut self, index: u32) {
        let ms = self.ext_of(index).map_or(START_MS, |x| x.start);
        self.arm(index, token::START, ms);
    }

    /// The handler in hand was asked to end.
    pub(super) fn arm_stop(&mut self, index: u32) {
        let ms = self.ext_of(index).map_or(SHUTDOWN_MS, |x| x.shutdown);
        self.arm(index, token::STOP, ms);
        if ms != FOREVER {
            let by = self.now() / 1000 + u64::from(ms);
            self.ext(index).stop_by = by;
        }
    }

    /// The hand is free in time: while the children end the actor's own time does not pass.
    pub(super) fn pause_stop(&mut self, index: u32) {
        if index == ROOT || self.table.at(index).deadline == 0 {
            return;
        }
        self.disarm(index);
        let now = self.now() / 1000;
        let ext = self.ext(index);
        ext.stop_left = u32::try_from(ext.stop_by.saturating_sub(now)).unwrap_or(FOREVER);
    }

    /// onStop returned a promise: it has what the handler in hand left of the time.
    pub(super) fn arm_hook(&mut self, index: u32) {
        let ms = self.ext_of(index).map_or(SHUTDOWN_MS, |x| x.shutdown.min(x.stop_left));
        self.arm(index, token::STOP, ms);
    }

    pub(super) fn arm_drain(&mut self, index: u32, ms: u32) {
        self.disarm_drain(index);
        self.ext(index).drain = self.deadline(index, token::DRAIN, ms);
    }

    pub(super) fn disarm_drain(&mut self, index: u32) {
        let at = self.table.at(index).ext;
        let drain = self.exts.get_mut(at).map_or(0, |x| std::mem::take(&mut x.drain));
        self.take_off(drain);
    }

    pub(super) fn arm_root(&mut self, ms: u32) {
        self.arm(ROOT, token::ROOT, ms);
    }

    // -------------------------------------------------------------------------------------------- asks

    /// An ask waits for its reply. `timeout`: in µs, plus one; 0: the system's; all ones: none.
    #[inline]
    pub(super) fn open_call(&mut self, e: &Entry, timeout: u64) {
        if is_far_call(e.corr) {
            return; // its time is kept where it was made
        }
        let micros = match timeout {
            0 => self.defaults.ask_timeout,
            u64::MAX => u64::MAX,
            n => n - 1,
        };
        let key = if micros == u64::MAX {
            None
        } else if timeout == 0 {
            self.young.push(e.corr);
            None
        } else {
            let due = self.now().saturating_add(micros);
            Some(self.schedule(token::CALL, u64::from(e.corr), due))
        };
        self.close_call_in(e.corr); // a caller that gave up may have used the slot again before we heard of it
        let tag = (e.head >> TAG_SHIFT).to_le_bytes();
        self.calls.open(e.corr, u16::from_le_bytes([tag[0], tag[1]]), e.index, e.age, key);
        if e.from != 0 {
            self.waits_for(e);
        }
    }

    #[inline]
    pub(super) fn close_call(&mut self, corr: u32) {
        if corr == 0 {
            return;
        }
        let Some(call) = self.calls.close(corr) else {
            return;
        };
        if let Some(key) = call.key {
            self.wheel.remove(key);
        }
        if call.asker != 0 {
            self.unlink_call(corr);
        }
    }

    /// Asks that the last inbox did not answer come onto the wheel now. Most are answered before: they cost neither a
    /// look at the clock nor a place. What the isolate took for that inbox is added to their time, never taken from it.
    pub(super) fn arm_asks(&mut self) {
        let mut young = std::mem::take(&mut self.young);
        for corr in young.drain(..) {
            let open = |c: &&Call| c.open && c.age == age(corr) && c.key.is_none();
            if self.calls.get(slot(corr)).filter(open).is_none() {
                continue;
            }
            let due = self.now().saturating_add(self.defaults.ask_timeout);
            let key = self.schedule(token::CALL, u64::from(corr), due);
            if let Some(call) = self.calls.get_mut(slot(corr)) {
                call.key = Some(key);
            }
        }
        self.young = young;
    }

    /// Closes whatever call is open in the slot of `corr`.
    #[inline]
    fn close_call_in(&mut self, corr: u32) {
        if let Some(call) = self.calls.get(slot(corr)).filter(|c| c.open) {
            let stale = slot(corr) | u32::from(call.age) << CALL_BITS;
            self.close_call(stale);
        }
    }

    fn ask_is_late(&mut self, corr: u32) {
        let Some(call) = self.calls.close(corr) else {
            return;
        };
        if call.asker != 0 {
            self.unlink_call(corr);
        }
        self.notify(Entry {
            head: note::TIMEOUT | u32::from(call.tag) << TAG_SHIFT,
            index: call.target,
            age: call.target_age,
            payload: u32::from(call.cyclic),
            from: 0,
            corr,
        });
    }

    // ------------------------------------------------------------------------------------------ timers

    pub(super) fn timer(&mut self, e: &Entry) {
        let mode = e.tag();
        // a period of nothing would never let the wheel come to an end
        let least = u64::from(mode & (timer::EVERY | timer::FROM_END) != 0);
        let period = (u64::from(e.from) | u64::from(e.corr) << 32).max(least);
        if self.live(e.index, e.age).is_none_or(|c| c.state.is_over()) {
            return;
        }
        self.cancel(e.payload);
        let due = self.now().saturating_add(period);
        let key = Some(self.schedule(token::TIMER, u64::from(e.payload), due));
        let holds = mode & timer::UNREF == 0;
        let t = Timer {
            live: true,
            pending: false,
            holds,
            mode,
            index: e.index,
            key,
            period,
            due,
            prev: table::NONE,
            next: table::NONE,
        };
        let ext = self.exts.ensure(&mut self.table.at_mut(e.index).ext);
        self.timers.add(e.payload, t, &mut ext.timers);
    }

    pub(super) fn cancel(&mut self, id: u32) {
        let Some((index, pending)) = self.timers.get_mut(id).map(|t| (t.index, t.pending)) else {
            return;
        };
        let at = self.table.at(index).ext;
        let Some(ext) = self.exts.get_mut(at) else { return };
        if pending {
            // its signal may still wait; the isolate will use the number again
            let ours = |e: &crate::mailbox::local::Envelope| e.head == note::TIMER && e.payload == id;
            if ext.signals.remove(&mut self.pool, ours).is_some() {
                self.signals -= 1;
            }
        }
        if let Some(key) = self.timers.remove(id, &mut ext.timers).and_then(|t| t.key) {
            self.wheel.remove(key);
        }
        let cell = self.table.at_mut(index);
        if u32::from(cell.hand) == note::TIMER && cell.hand_timer == id {
            cell.hand_timer = table::NONE;
        }
    }

    /// The callback of a timer returned a promise. One that will not come again is forgotten: its number is free.
    pub(super) fn timer_runs_on(&mut self, index: u32, id: u32) {
        self.table.at_mut(index).hand_timer = id;
        let once = self.timers.get_mut(id).is_some_and(|t| t.mode & (timer::EVERY | timer::FROM_END) == 0);
        if once {
            self.cancel(id);
        }
    }

    pub(super) fn hold_timer(&mut self, id: u32, hold: bool) {
        let Some(t) = self.timers.get_mut(id) else { return };
        if t.holds != hold {
            t.holds = hold;
            if hold {
                self.timers.holding += 1;
            } else {
                self.timers.holding -= 1;
            }
        }
    }

    fn timer_is_due(&mut self, id: u32, now: u64) {
        let Some(t) = self.timers.get_mut(id) else { return };
        t.key = None;
        let (index, mode, pending) = (t.index, t.mode, t.pending);
        let every = mode & (timer::EVERY | timer::FROM_END) != 0;
        t.pending = true;
        if mode & timer::EVERY != 0 {
            let due = next_due(t.due, t.period, now);
            t.due = due;
            let key = self.schedule(token::TIMER, u64::from(id), due);
            if let Some(t) = self.timers.get_mut(id) {
                t.key = Some(key);
            }
        }
        if !pending {
            self.signal(index, note::TIMER, id, 0, u32::from(!every));
        }
    }

    /// The callback of a timer is done.
    pub(super) fn timer_ran(&mut self, id: u32) {
        let Some(t) = self.timers.get_mut(id) else { return };
        let (mode, period) = (t.mode, t.period);
        if mode & timer::FROM_END != 0 {
            let due = self.now().saturating_add(period);
            let key = self.schedule(token::TIMER, u64::from(id), due);
            if let Some(t) = self.timers.get_mut(id) {
                (t.due, t.key) = (due, Some(key));
            }
        } else if mode & timer::EVERY == 0 {
            self.cancel(id);
        }
    }

    pub(super) fn drop_timers(&mut self, index: u32) {
        let at = self.table.at(index).ext;
        loop {
            let Some(ext) = self.exts.get(at) else { return };
            if ext.timers == table::NONE {
                return;
            }
            self.cancel(ext.timers);
        }
    }
}
