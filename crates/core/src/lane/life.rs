//! Starting, failing, ending: what follows from a fact, step by step. No recursion: a step that calls for another
//! puts it on the list, so a tree of any depth ends without a deep stack.

use super::supervision::Failure;
use super::{Fact, Lane, ROOT};
use crate::cell::ext::FOREVER;
use crate::cell::{State, bit, family};
use crate::entry::{Entry, carry, dead, ended, note, phase, reason};

impl Lane {
    /// Draws the consequences of everything that was routed, until none is left.
    pub(super) fn draw_consequences(&mut self) {
        while let Some(fact) = self.facts.pop_front() {
            match fact {
                Fact::Failed { index, phase, tag, error, starting } => {
                    self.failed(Failure { index, phase, tag, error, starting });
                }
                Fact::Step { index } => self.step(index),
                Fact::Hooked { index, error } => self.hooked(index, error),
                Fact::End { index, age, reason } => {
                    if self.live(index, age).is_some() {
                        self.end(index, reason);
                    }
                }
                Fact::Drained { index, age } => self.drained(index, age),
                Fact::Group { supervisor } => self.group_steps(supervisor),
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
        let told = cell.is(bit::QUERIED) || cell.generation > 0 || self.mode & crate::entry::mode::EVENTS != 0;
        let work = !cell.normal.is_empty() || cell.is(bit::LISTS);
        let (age, generation, draining) = (cell.age, cell.generation, cell.is(bit::DRAINING));
        let (has_more, is_foreign) = (cell.ext != 0, cell.is(bit::FOREIGN));
        if work {
            self.push_ready(index);
        }
        if told {
            self.notify(Entry { head: note::STARTED, index, age, payload: generation, ..Entry::default() });
        }
        if is_foreign {
            self.report_home(index, carry::UP, generation, 0);
        }
        if draining {
            self.facts.push_back(Fact::Drained { index, age });
        }
        if has_more {
            self.tell_started(index);
            self.is_up(index);
            self.watch_health(index);
        }
    }

    // --------------------------------------------------------------------------------------------- end

    /// Something in the actor failed. Nothing more is delivered to it; the rest follows at the end of the turn.
    pub(super) fn fail(&mut self, index: u32, phase: u32, tag: u32, error: u32) {
        let cell = self.table.at_mut(index);
        let starting = cell.state == State::Starting;
        match cell.state {
            State::Starting | State::Active | State::Suspended => {
                if !starting {
                    self.lives += 1;
                }
                self.endings += 1;
                cell.state = State::Failing;
            }
            _ => {}
        }
        let go_on = cell.state == State::StopHand && !cell.in_hand();
        self.facts.push_back(Fact::Failed { index, phase, tag, error, starting });
        if go_on {
            self.facts.push_back(Fact::Step { index });
        }
    }

    /// An actor is to end for good. The first reason wins; a kill cuts short what another reason began.
    pub(super) fn end(&mut self, index: u32, why: u32) {
        let why = if self.is_brutal(index) { reason::KILLED } else { why };
        let cell = self.table.at_mut(index);
        match cell.state {
            State::Free => {}
            State::Down => self.end_down(index, why),
            _ if cell.state.is_ending() && why == reason::KILLED => self.kill(index),
            State::Failing => self.ext(index).is_final = true,
            State::StopHand | State::StopChildren | State::StopHook => {
                if cell.is(bit::AGAIN) {
                    // the instance was ending anyway; now none follows
                    cell.bits &= !bit::AGAIN;
                    cell.reason = why.to_le_bytes()[0];
                    self.close_mailbox(index);
                    self.end_away(index, why);
                }
            }
            State::Starting | State::Active | State::Suspended => {
                self.begin_end(index);
                self.wind_up(index, why, false);
            }
        }
    }

    /// Counts an actor that ran among those that end.
    pub(super) fn begin_end(&mut self, index: u32) {
        if self.table.at(index).state != State::Starting {
            self.lives += 1;
        }
        self.endings += 1;
    }

    /// The end of an instance begins: its timers are gone, the hand is awaited. Nothing waits any more unless another
    /// instance follows (`again`).
    pub(super) fn wind_up(&mut self, index: u32, why: u32, again: bool) {
        if self.home_of(index).is_some() {
            return self.wind_away(index, why, again);
        }
        let cell = self.table.at_mut(index);
        cell.reason = why.to_le_bytes()[0];
        cell.state = State::StopHand;
        if again {
            cell.bits |= bit::AGAIN;
            if cell.clears() {
                self.bury_all(index, dead::STOPPED);
            }
        } else {
            self.close_mailbox(index);
        }
        self.cut_off(index);
        if why == reason::KILLED {
            return if again { self.abandon(index) } else { self.kill(index) };
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

    /// The actor takes no messages any more, and those that wait are dead letters.
    pub(super) fn close_mailbox(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        if cell.is(bit::DRAINING) {
            cell.bits &= !bit::DRAINING;
            self.endings -= 1;
            self.disarm_drain(index);
        }
        self.bury_all(index, dead::STOPPED);
    }

    /// Nothing of the instance is to come any more: no signals, no timers, no deadline, no restarts below it.
    pub(super) fn cut_off(&mut self, index: u32) {
        self.disarm(index);
        self.drop_timers(index);
        self.drop_signals(index);
        self.drop_health(index);
        self.drop_group(index);
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
        if index == ROOT && child == 0 && self.is_moving() {
            return; // somebody may yet become its child
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
        if let Some(error) = error {
            self.report_as_is(index, phase::STOP, 0, error);
        }
        let cell = self.table.at_mut(index);
        if cell.state != State::StopHook {
            return; // killed meanwhile
        }
        cell.hand = 0;
        self.finish(index);
    }

    fn drained(&mut self, index: u32, age: u32) {
        let Some(cell) = self.live(index, age) else { return };
        let parked = cell.is(bit::PARKED);
        let open = matches!(cell.state, State::Active | State::Suspended | State::Down);
        if cell.is(bit::DRAINING) && open && cell.waiting == 0 && !parked && !cell.in_hand() {
            self.end(index, reason::NORMAL);
        }
    }

    /// Ends an actor and all below it at once: no onStop, and what is in hand is given up.
    pub(super) fn kill(&mut self, top: u32) {
        if self.home_of(top).is_some() {
            return self.kill_away(top, false);
        }
        self.kill_below(top);
        self.kill_one(top);
    }

    /// The instance is given up, with all below it; another one follows.
    pub(super) fn abandon(&mut self, index: u32) {
        if self.home_of(index).is_some() {
            return self.kill_away(index, true);
        }
        self.kill_below(index);
        let cell = self.table.at_mut(index);
        cell.reason = reason::KILLED.to_le_bytes()[0];
        cell.bits &= !(bit::START_DUE | bit::STOP_DUE);
        if cell.in_hand() {
            self.ext(index).restarts.get_or_insert_default().given_up = true;
        }
        self.give_up(index);
        self.finish(index);
    }

    fn kill_below(&mut self, top: u32) {
        for index in family::tree(&self.table, top).into_iter().skip(1).rev() {
            self.kill_one(index);
        }
    }

    fn kill_one(&mut self, index: u32) {
        let state = self.table.at(index).state;
        if state == State::Down {
            return self.end_down(index, reason::KILLED);
        }
        if self.home_of(index).is_some() {
            return self.kill_away(index, false);
        }
        if !state.is_ending() {
            self.begin_end(index);
        }
        self.undecided(index);
        let cell = self.table.at_mut(index);
        cell.state = State::StopHand;
        cell.reason = reason::KILLED.to_le_bytes()[0];
        cell.bits &= !(bit::START_DUE | bit::STOP_DUE | bit::AGAIN);
        self.close_mailbox(index);
        self.cut_off(index);
        self.give_up(index);
        if index == ROOT {
            self.facts.push_back(Fact::Step { index });
        } else {
            self.finish(index);
        }
    }

    /// An actor ends that has no instance: there is nothing to run.
    fn end_down(&mut self, index: u32, why: u32) {
        self.end_away(index, why);
        self.disarm(index);
        self.close_mailbox(index);
        self.table.at_mut(index).reason = why.to_le_bytes()[0];
        self.finish(index);
    }

    /// What is in hand is not waited for: it failed at this moment.
    fn give_up(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        let exclusive = u32::from(u32::from(cell.hand) == note::MSG);
        let runs = cell.shared + exclusive;
        let what = u32::from(cell.hand);
        self.gave_up |= cell.in_hand();
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

    /// The end itself: name, place and index are given back, who watches is told, the parent goes on. When another
    /// instance follows, only this one is over.
    pub(super) fn finish(&mut self, index: u32) {
        self.disarm(index);
        if index == ROOT {
            let root = self.table.at_mut(ROOT);
            root.state = State::StopHook; // the root stays, closed
            self.lives -= 1;
            self.endings -= 1;
            return self.notify(Entry { head: note::CLOSED, ..Entry::default() });
        }
        self.end_streams(index);
        let cell = *self.table.at(index);
        let (why, error) = (u32::from(cell.reason), self.ext_of(index).map_or(0, |x| x.error));
        if cell.is(bit::AGAIN) {
            return self.is_down(index, error);
        }
        let bits = if cell.is(bit::STARTED) { ended::STARTED } else { 0 }
            | if cell.state == State::Down { ended::DOWN } else { 0 };
        self.notify(Entry { head: note::ENDED, index, age: cell.age, payload: why, from: error, corr: bits });
        self.unbind(index, why);
        self.tell_watchers(index, why, error);
        if cell.is(bit::FOREIGN) || self.seed(index).is_some() {
            self.foreign_ends(index, why, bits);
        }
        let is_stand_in = self.home_of(index).is_some();
        family::part(&mut self.table, index);
        self.registry.take(index);
        self.exts.drop(cell.ext);
        let c = self.table.at_mut(index);
        c.state = State::Free;
        c.ext = 0;
        c.bits &= bit::READY | bit::STARTED; // who asks later is told so
        if cell.state != State::Down {
            self.lives -= 1;
            self.endings -= 1;
        }
        self.ledger.actors -= u64::from(!is_stand_in);
        if self.table.at(cell.parent).state == State::StopChildren {
            self.facts.push_back(Fact::Step { index: cell.parent });
        }
        if cell.is(bit::GROUPED) {
            self.facts.push_back(Fact::Group { supervisor: cell.parent });
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
        self.drop_group(ROOT);
        if timeout != FOREVER {
            self.arm_root(timeout);
        }
        self.facts.push_back(Fact::Step { index: ROOT });
    }
}
