//! Starting, failing, ending: what follows from a fact, step by step. No recursion: a step that calls for another
//! puts it on the list, so a tree of any depth ends without a deep stack.

use super::{Fact, Lane, ROOT};
use crate::cell::ext::FOREVER;
use crate::cell::{State, bit, family};
use crate::entry::{Entry, TAG_SHIFT, dead, ended, note, phase, reason};

impl Lane {
    /// Draws the consequences of everything that was routed, until none is left.
    pub(super) fn draw_consequences(&mut self) {
        while let Some(fact) = self.facts.pop_front() {
            match fact {
                Fact::Failed { index, phase, error } => self.failed(index, phase, error),
                Fact::Step { index } => self.step(index),
                Fact::Hooked { index, error } => self.hooked(index, error),
                Fact::End { index, age, reason } => {
                    if self.live(index, age).is_some() {
                        self.end(index, reason);
                    }
                }
                Fact::Drained { index, age } => self.drained(index, age),
            }
        }
    }

    // ------------------------------------------------------------------------------------------- start

    /// onStart is done.
    pub(super) fn started(&mut self, index: u32) {
        self.disarm(index);
        let cell = self.table.at_mut(index);
        cell.hand = 0;
        match cell.state {
            State::Starting => {}
            State::StopHand => return self.facts.push_back(Fact::Step { index }),
            _ => return,
        }
        cell.state = State::Active;
        cell.bits |= bit::STARTED;
        self.lives -= 1;
        let told = cell.is(bit::QUERIED) || self.mode & crate::entry::mode::EVENTS != 0;
        let work = !cell.normal.is_empty() || cell.is(bit::LISTS);
        let (age, generation, draining) = (cell.age, cell.generation, cell.is(bit::DRAINING));
        if work {
            self.push_ready(index);
        }
        if told {
            self.notify(Entry { head: note::STARTED, index, age, payload: generation, ..Entry::default() });
        }
        if draining {
            self.facts.push_back(Fact::Drained { index, age });
        }
    }

    // --------------------------------------------------------------------------------------------- end

    /// Something in the actor failed. Nothing more is delivered to it; the rest follows at the end of the turn.
    pub(super) fn fail(&mut self, index: u32, phase: u32, tag: u32, error: u32) {
        let cell = self.table.at_mut(index);
        self.pending.push_back(Entry {
            head: note::FAILED | tag << TAG_SHIFT,
            index,
            age: cell.age,
            payload: error,
            from: phase,
            corr: cell.parent,
        });
        match cell.state {
            State::Starting | State::Active | State::Suspended => {
                if cell.state != State::Starting {
                    self.lives += 1;
                }
                self.endings += 1;
                cell.state = State::Failing;
            }
            _ => {}
        }
        let go_on = cell.state == State::StopHand && !cell.in_hand();
        self.facts.push_back(Fact::Failed { index, phase, error });
        if go_on {
            self.facts.push_back(Fact::Step { index });
        }
    }

    fn failed(&mut self, index: u32, phase: u32, error: u32) {
        let cell = self.table.at_mut(index);
        if cell.state != State::Failing {
            return; // it was ending anyway: reported, and the end goes on
        }
        if phase == crate::entry::phase::START {
            cell.hand = 0; // a start that is late is given up
            self.drop_asking(index);
        }
        self.ext(index).error = error;
        self.wind_up(index, reason::FAILED);
    }

    /// An actor is to end. The first reason wins; a kill cuts short what another reason began.
    pub(super) fn end(&mut self, index: u32, why: u32) {
        let cell = self.table.at_mut(index);
        match cell.state {
            State::Free => return,
            State::Failing | State::StopHand | State::StopChildren | State::StopHook => {
                if why == reason::KILLED {
                    self.kill(index);
                }
                return;
            }
            State::Starting => {}
            State::Active | State::Suspended => self.lives += 1,
        }
        self.endings += 1;
        let why = if self.is_brutal(index) { reason::KILLED } else { why };
        self.wind_up(index, why);
    }

    /// The end of an actor begins: nothing waits any more, its timers are gone, the hand is awaited.
    fn wind_up(&mut self, index: u32, why: u32) {
        let cell = self.table.at_mut(index);
        cell.reason = why.to_le_bytes()[0];
        cell.state = State::StopHand;
        self.cut_off(index);
        if why == reason::KILLED {
            return self.kill(index);
        }
        let cell = self.table.at_mut(index);
        if cell.is(bit::START_DUE) {
            cell.bits &= !bit::START_DUE; // never made: nothing to run
        }
        if cell.in_hand() {
            self.arm_stop(index);
        } else {
            self.facts.push_back(Fact::Step { index });
        }
    }

    /// Nothing waits at `index` any more: no messages, no signals, no timers, no deadline.
    fn cut_off(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        if cell.is(bit::DRAINING) {
            cell.bits &= !bit::DRAINING;
            self.endings -= 1;
            self.disarm_drain(index);
        }
        self.disarm(index);
        self.bury_all(index, dead::STOPPED);
        self.drop_timers(index);
        self.drop_signals(index);
    }

    /// The hand is free: the children, last started first, then onStop, then the end.
    fn step(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        if !matches!(cell.state, State::StopHand | State::StopChildren) || cell.in_hand() {
            return;
        }
        let (child, first) = (cell.last_child, cell.state == State::StopHand);
        if first {
            self.pause_stop(index);
        }
        let cell = self.table.at_mut(index);
        if child != 0 {
            cell.state = State::StopChildren;
            let age = self.table.at(child).age;
            self.facts.push_back(Fact::End { index: child, age, reason: reason::SHUTDOWN });
            return;
        }
        if cell.is(bit::STOP_HOOK) && cell.is(bit::MADE) && u32::from(cell.reason) != reason::KILLED {
            cell.state = State::StopHook;
            cell.bits |= bit::STOP_DUE;
            self.push_ready(index);
            return;
        }
        self.finish(index);
    }

    fn hooked(&mut self, index: u32, error: Option<u32>) {
        let cell = self.table.at_mut(index);
        if cell.state != State::StopHook {
            return;
        }
        cell.hand = 0;
        if let Some(error) = error {
            let (age, parent) = (cell.age, cell.parent);
            let note = Entry { head: note::FAILED, index, age, payload: error, from: phase::STOP, corr: parent };
            self.notify(note);
        }
        self.finish(index);
    }

    fn drained(&mut self, index: u32, age: u32) {
        let Some(cell) = self.live(index, age) else { return };
        let parked = cell.is(bit::PARKED);
        let open = matches!(cell.state, State::Active | State::Suspended);
        if cell.is(bit::DRAINING) && open && cell.waiting == 0 && !parked && !cell.in_hand() {
            self.end(index, reason::NORMAL);
        }
    }

    /// Ends an actor and all below it at once: no onStop, and what is in hand is given up.
    pub(super) fn kill(&mut self, top: u32) {
        for index in family::tree(&self.table, top).into_iter().rev() {
            let cell = self.table.at_mut(index);
            if !cell.state.is_ending() {
                if cell.state != State::Starting {
                    self.lives += 1;
                }
                self.endings += 1;
            }
            cell.state = State::StopHand;
            cell.reason = reason::KILLED.to_le_bytes()[0];
            cell.bits &= !(bit::START_DUE | bit::STOP_DUE);
            self.cut_off(index);
            self.give_up(index);
            if index == ROOT {
                self.facts.push_back(Fact::Step { index });
            } else {
                self.finish(index);
            }
        }
    }

    /// What is in hand is not waited for: it failed at this moment.
    fn give_up(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        let exclusive = u32::from(u32::from(cell.hand) == note::MSG);
        let runs = cell.shared + exclusive;
        let what = u32::from(cell.hand);
        cell.shared = 0;
        cell.hand = 0;
        cell.failed += runs;
        self.ledger.running -= u64::from(runs);
        self.ledger.failed += u64::from(runs);
        if !matches!(what, 0 | note::MSG | note::START | note::STOP) {
            self.signal_over(what);
        }
        self.drop_asking(index);
    }

    /// The end itself: name, place and index are given back, who watches is told, the parent goes on.
    fn finish(&mut self, index: u32) {
        self.disarm(index);
        self.end_streams(index);
        let cell = *self.table.at(index);
        let (watchers, watching, error) = match self.exts.get_mut(cell.ext) {
            Some(ext) => (std::mem::take(&mut ext.watchers), std::mem::take(&mut ext.watching), ext.error),
            None => (Vec::new(), Vec::new(), 0),
        };
        if index == ROOT {
            let root = self.table.at_mut(ROOT);
            root.state = State::StopHook; // the root stays, closed
            self.lives -= 1;
            self.endings -= 1;
            return self.notify(Entry { head: note::CLOSED, ..Entry::default() });
        }
        let bits = if cell.is(bit::STARTED) { ended::STARTED } else { 0 }
            | if cell.is(bit::LATE) { ended::START_LATE } else { 0 };
        let why = u32::from(cell.reason);
        self.notify(Entry { head: note::ENDED, index, age: cell.age, payload: why, from: error, corr: bits });
        for (watcher, age, watch) in watchers {
            if self.live(watcher, age).is_some_and(|c| !c.state.is_ending()) {
                self.signal(watcher, note::WATCH, watch, why, error);
                self.forget_watch(watcher, watch);
            }
        }
        for (target, age, watch) in watching {
            if let Some(at) = self.live(target, age).map(|c| c.ext)
                && let Some(ext) = self.exts.get_mut(at)
            {
                ext.watchers.retain(|w| *w != (index, cell.age, watch));
            }
        }
        family::part(&mut self.table, index);
        self.registry.take(index);
        self.exts.drop(cell.ext);
        let c = self.table.at_mut(index);
        c.state = State::Free;
        c.ext = 0;
        c.bits &= bit::READY;
        self.lives -= 1;
        self.endings -= 1;
        self.ledger.actors -= 1;
        if self.table.at(cell.parent).state == State::StopChildren {
            self.facts.push_back(Fact::Step { index: cell.parent });
        }
    }

    /// Stream calls end with their actor.
    fn end_streams(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        let Some(ext) = self.exts.get_mut(cell.ext) else {
            return;
        };
        let runs = std::mem::take(&mut ext.streams);
        self.streams -= u64::from(runs);
        self.ledger.running -= u64::from(runs);
        if matches!(u32::from(cell.reason), reason::NORMAL | reason::SHUTDOWN) {
            self.ledger.handled += u64::from(runs);
            cell.handled += u64::from(runs);
        } else {
            self.ledger.failed += u64::from(runs);
            cell.failed += runs;
        }
    }

    /// The system ends.
    pub(super) fn shutdown(&mut self, timeout: u32) {
        let root = self.table.at_mut(ROOT);
        if root.state != State::Active {
            return;
        }
        root.state = State::StopHand;
        self.lives += 1;
        self.endings += 1;
        if timeout != FOREVER {
            self.arm_root(timeout);
        }
        self.facts.push_back(Fact::Step { index: ROOT });
    }
}
