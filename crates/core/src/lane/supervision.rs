//! What follows from a failure: the decision is made by `supervise`, and carried out here.

use super::{Fact, Lane, ROOT};
use crate::cell::{State, bit};
use crate::entry::{Entry, TAG_SHIFT, again, directive, note, phase, reason};
use crate::supervise::judge::{Case, Cause, judge};
use crate::supervise::{Directive, PROFILE, Profile, Strategy};

/// One failure of one instance.
#[derive(Clone, Copy)]
pub(super) struct Failure {
    pub(super) index: u32,
    pub(super) phase: u32,
    pub(super) tag: u32,
    pub(super) error: u32,
    /// It had not started: there is nothing to go on with, whatever it was that failed.
    pub(super) starting: bool,
}

impl Lane {
    /// Keeps a profile; the first is that of actors whose spawn names none. Its number.
    pub fn profile(&mut self, numbers: &[f64; PROFILE]) -> u32 {
        self.profiles.push(Profile::read(numbers));
        if let Some(log) = self.log.as_mut() {
            log.profile(numbers);
        }
        u32::try_from(self.profiles.len() - 1).unwrap_or(0)
    }

    /// The root supervises by this profile.
    pub fn supervise_root(&mut self, profile: u32) {
        self.ext(ROOT).profile = profile;
        if let Some(log) = self.log.as_mut() {
            log.rooted(profile);
        }
    }

    /// How `index` supervises its children and is checked itself.
    pub(super) fn profile_of(&self, index: u32) -> Profile {
        let at = self.ext_of(index).map_or(0, |x| x.profile);
        self.profiles.get(at as usize).copied().unwrap_or_default()
    }

    // ---------------------------------------------------------------------------------------- decisions

    /// An instance failed. Whoever ends anyway is reported, and the end goes on.
    pub(super) fn failed(&mut self, failure: Failure) {
        let Failure { index, phase, tag, error, starting } = failure;
        let starting = starting || phase == phase::ISOLATE;
        let failure = Failure { starting, ..failure };
        let cell = self.table.at_mut(index);
        if cell.state != State::Failing || self.exts.get(cell.ext).is_some_and(|x| x.asking.is_some()) {
            return self.report_as_is(index, phase, tag, error);
        }
        let is_foreign = cell.is(bit::FOREIGN);
        if phase == phase::START && std::mem::take(&mut cell.hand) != 0 {
            self.ext(index).restarts.get_or_insert_default().given_up = true; // a start that is late
            self.drop_asking(index);
        }
        self.ext(index).error = error;
        if is_foreign && self.away_of(index).is_some() {
            self.ext(index).asking = Some((phase, tag, starting));
            return self.fails_away(index, phase, tag, error, starting);
        }
        let parent = self.table.at(index).parent;
        if !self.is_final(index) && self.profile_of(parent).decides {
            self.ext(index).asking = Some((phase, tag, starting));
            let restarts = self.restarts_of(index);
            let head = note::DECIDE | tag << TAG_SHIFT;
            return self.notify(Entry { head, index, age: restarts, payload: error, from: phase, corr: parent });
        }
        self.decide(failure, None);
    }

    /// It is killed: what `decide` was asked about is reported, and nothing follows from it.
    pub(super) fn undecided(&mut self, index: u32) {
        let at = self.table.at(index).ext;
        let Some(ext) = self.exts.get_mut(at) else { return };
        let is_silent = std::mem::take(&mut ext.is_silent);
        if let Some((phase, tag, _)) = ext.asking.take()
            && (ext.away.is_none() || is_silent)
        {
            let error = ext.error;
            self.report_as_is(index, phase, tag, error);
        }
    }

    /// A failure that nobody was told of changes nothing any more.
    pub(super) fn untold(&mut self, index: u32) {
        if self.ext(index).is_silent {
            self.undecided(index);
        }
    }

    /// `decide` has answered.
    pub(super) fn decided(&mut self, e: &Entry) {
        if self.live(e.index, e.age).is_none_or(|c| c.state != State::Failing) {
            return; // it was killed meanwhile
        }
        let ext = self.ext(e.index);
        let Some((phase, tag, starting)) = ext.asking.take() else { return };
        let failure = Failure { index: e.index, phase, tag, error: ext.error, starting };
        self.decide(failure, Directive::from_number(e.payload));
    }

    fn decide(&mut self, failure: Failure, asked: Option<Directive>) {
        let index = failure.index;
        let cell = self.table.at(index);
        let (supervisor, restart) = (cell.parent, cell.restart());
        let cause = if failure.starting { Cause::Start } else { Cause::Failed };
        let case = Case { restart, cause, asked, is_final: self.is_final(index) };
        let mut directive = judge(&case);
        let joins = directive == Directive::Restart && self.is_stopping_with_group(index);
        if directive == Directive::Restart && !joins && self.is_too_often(supervisor) {
            directive = Directive::Escalate;
        }
        let counts = directive == Directive::Restart && !joins;
        let delay = if counts { self.next_delay(index, supervisor) } else { 0 };
        self.report(failure, directive.number(), delay, joins);
        let why = if failure.phase == phase::ISOLATE { reason::LOST } else { reason::FAILED };
        match directive {
            Directive::Resume => self.resume(index),
            Directive::Stop => self.wind_up(index, why, false),
            Directive::Restart if joins => self.wind_up(index, why, true),
            Directive::Restart => self.restart(index, why, delay),
            Directive::Escalate => {
                self.wind_up(index, why, false);
                self.escalate(supervisor, index, true);
            }
        }
    }

    /// A permanent actor stops itself: it comes back.
    pub(super) fn stops_itself(&mut self, index: u32) {
        let cell = self.table.at(index);
        if cell.state.is_over() || cell.state == State::Failing {
            return;
        }
        if self.away_of(index).is_some() {
            self.begin_end(index);
            self.table.at_mut(index).state = State::Failing; // its stand-in says what follows
            return self.report_home(index, crate::entry::carry::SELF, 0, 0);
        }
        self.judge_own_stop(index, false);
    }

    /// `begun`: it is counted among those that end.
    pub(super) fn judge_own_stop(&mut self, index: u32, begun: bool) {
        let cell = self.table.at(index);
        let supervisor = cell.parent;
        let case = Case {
            restart: cell.restart(),
            cause: Cause::Normal,
            asked: None,
            is_final: self.is_final(index) || cell.is(bit::DRAINING),
        };
        match judge(&case) {
            Directive::Restart if self.is_stopping_with_group(index) => {
                self.begin_own_stop(index, begun);
                self.wind_up(index, reason::NORMAL, true);
            }
            Directive::Restart if self.is_too_often(supervisor) => {
                self.stop_for_good(index, begun);
                self.escalate(supervisor, index, false);
            }
            Directive::Restart => {
                let delay = self.next_delay(index, supervisor);
                self.begin_own_stop(index, begun);
                self.restart(index, reason::NORMAL, delay);
            }
            _ => self.stop_for_good(index, begun),
        }
    }

    fn begin_own_stop(&mut self, index: u32, begun: bool) {
        if !begun {
            self.begin_end(index);
        }
    }

    fn stop_for_good(&mut self, index: u32, begun: bool) {
        if begun {
            self.wind_up(index, reason::NORMAL, false);
        } else {
            self.end(index, reason::NORMAL);
        }
    }

    /// Whether it does not come back whatever the options say.
    fn is_final(&self, index: u32) -> bool {
        let parent = self.table.at(self.table.at(index).parent);
        parent.state.is_over() || self.ext_of(index).is_some_and(|x| x.is_final)
    }

    /// Counts one more restart below `supervisor`. Whether that is more than it allows.
    fn is_too_often(&mut self, supervisor: u32) -> bool {
        let profile = self.profile_of(supervisor);
        if profile.max_restarts == f64::INFINITY {
            return false;
        }
        let now = self.now();
        let window = &mut self.ext(supervisor).supervisor.get_or_insert_default().window;
        window.add(now, profile.within);
        #[allow(clippy::cast_precision_loss)] // nobody counts that far
        let count = window.count(now, profile.within) as f64;
        count > profile.max_restarts
    }

    /// How often it was restarted within its supervisor's window.
    fn restarts_of(&mut self, index: u32) -> u32 {
        let (now, parent) = (self.now(), self.table.at(index).parent);
        let within = self.profile_of(parent).within;
        let count = self.ext(index).restarts.as_mut().map_or(0, |r| r.window.count(now, within));
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// One more restart in a row: how long it waits, in µs.
    fn next_delay(&mut self, index: u32, supervisor: u32) -> u64 {
        let Some(backoff) = self.profile_of(supervisor).backoff else { return 0 };
        let (now, chance) = (self.now(), self.chance());
        let restarts = self.ext(index).restarts.get_or_insert_default();
        if restarts.well_since != u64::MAX && now.saturating_sub(restarts.well_since) >= backoff.reset {
            restarts.row = 0;
        }
        restarts.row = restarts.row.saturating_add(1);
        backoff.delay(restarts.row, chance)
    }

    /// From 0 to 1: xorshift, so that a record replays.
    fn chance(&mut self) -> f64 {
        let mut x = self.random;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random = x;
        #[allow(clippy::cast_possible_truncation)] // the upper half is the better one
        let high = (x >> 32) as u32;
        f64::from(high) / f64::from(u32::MAX)
    }

    // ------------------------------------------------------------------------------------------ reports

    /// A failure that changes nothing: what becomes of the actor was decided before.
    pub(super) fn report_as_is(&mut self, index: u32, phase: u32, tag: u32, error: u32) {
        let cell = self.table.at(index);
        let comes_back = !cell.ends() && (cell.is(bit::AGAIN) || cell.state == State::Down);
        let what = if comes_back { directive::RESTART } else { directive::STOP };
        self.report(Failure { index, phase, tag, error, starting: false }, what, 0, true);
    }

    /// `as_is`: what follows, follows from another failure, which was reported before.
    fn report(&mut self, failure: Failure, directive: u32, delay: u64, as_is: bool) {
        let Failure { index, phase, tag, error, .. } = failure;
        let cell = self.table.at(index);
        let (age, parent) = (cell.age, cell.parent);
        let restarts = if cell.state == State::Free { 0 } else { self.restarts_of(index) };
        let strategy = self.profile_of(parent).strategy.number();
        let head = note::FAILED | tag << TAG_SHIFT;
        self.notify(Entry { head, index, age, payload: error, from: phase, corr: parent });
        let delay = u32::try_from(delay.div_ceil(1000)).unwrap_or(u32::MAX);
        self.notify(Entry {
            head: note::VERDICT,
            index: directive,
            age: restarts,
            payload: delay,
            from: strategy,
            corr: u32::from(as_is),
        });
    }

    // ------------------------------------------------------------------------------------ what is done

    /// The instance goes on as if nothing had been.
    pub(super) fn resume(&mut self, index: u32) {
        if self.home_of(index).is_some() {
            self.resume_away(index);
        }
        let cell = self.table.at_mut(index);
        cell.state = if cell.hand == 0 { State::Active } else { State::Suspended };
        self.lives -= 1;
        self.endings -= 1;
        self.ext(index).error = 0;
        self.take_up(index);
        self.watch_health(index);
        if self.is_stopping_with_group(index) {
            let supervisor = self.table.at(index).parent;
            self.facts.push_back(Fact::Group { supervisor }); // it is stopped all the same
        }
    }

    /// What waits may go on.
    fn take_up(&mut self, index: u32) {
        self.after_message(index);
        let cell = self.table.at(index);
        if cell.state == State::Active && (!cell.normal.is_empty() || cell.is(bit::LISTS)) {
            self.push_ready(index);
        }
    }

    /// The instance, which is counted among those that end, makes way for another one.
    fn restart(&mut self, index: u32, why: u32, delay: u64) {
        let supervisor = self.table.at(index).parent;
        let failed = why != reason::NORMAL;
        if self.profile_of(supervisor).strategy != Strategy::OneForOne {
            return self.restart_group(supervisor, index, why, delay);
        }
        let restarts = self.ext(index).restarts.get_or_insert_default();
        restarts.delay = delay;
        restarts.cause = if failed { again::FAILURE } else { again::NORMAL };
        self.wind_up(index, why, true);
    }

    /// The instance is over; another one follows, at once or after a while, or when its group is at it.
    pub(super) fn is_down(&mut self, index: u32, error: u32) {
        self.drop_asking(index);
        let cell = *self.table.at(index);
        let (why, made) = (u32::from(cell.reason), cell.is(bit::MADE));
        if made {
            let payload = cell.generation;
            self.notify(Entry { head: note::DOWN, index, age: cell.age, payload, from: error, corr: why });
        }
        self.unbind(index, why);
        if let Some(far) = self.far.as_mut() {
            far.errors.remove(&error); // it is told at the end only
        }
        let c = self.table.at_mut(index);
        c.bits &= !(bit::AGAIN | bit::MADE | bit::STOP_DUE | bit::START_DUE | bit::SERIAL);
        c.state = State::Down;
        c.reason = 0;
        c.generation += u32::from(made);
        self.lives -= 1;
        self.endings -= 1;
        let ext = self.ext(index);
        (ext.error, ext.stop_left, ext.supervisor) = (0, crate::cell::ext::FOREVER, None);
        let restarts = ext.restarts.get_or_insert_default();
        let delay = restarts.delay;
        if std::mem::take(&mut restarts.given_up) && made {
            self.given_up.push((index, false));
        }
        if cell.is(bit::FOREIGN) && self.away_of(index).is_some() {
            self.report_home(index, crate::entry::carry::DOWN, why, u32::from(made));
        } else if cell.is(bit::GROUPED) {
            self.facts.push_back(Fact::Group { supervisor: cell.parent });
        } else if delay == 0 {
            self.revive(index);
        } else {
            self.arm_restart(index, delay);
        }
    }

    /// Another instance is made.
    pub(super) fn revive(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        cell.state = State::Starting;
        cell.bits |= bit::START_DUE;
        self.lives += 1;
        let restarts = self.ext(index).restarts.get_or_insert_default();
        restarts.well_since = u64::MAX;
        restarts.delay = 0;
        if self.home_of(index).is_some() {
            self.table.at_mut(index).bits &= !bit::START_DUE;
            return self.revive_away(index);
        }
        self.push_ready(index);
    }

    /// Another instance is handed to the isolate: that is the restart. Why there is one.
    pub(super) fn restarted(&mut self, index: u32) -> u32 {
        self.ledger.restarts += 1;
        self.counted(index)
    }

    /// The same for a stand-in, whose actor counts the restart.
    pub(super) fn counted(&mut self, index: u32) -> u32 {
        let now = self.now();
        let within = self.profile_of(self.table.at(index).parent).within;
        let restarts = self.ext(index).restarts.get_or_insert_default();
        restarts.window.add(now, within);
        restarts.cause
    }

    /// An instance has started; if it took the place of another, its group goes on and senders that wait may come in.
    pub(super) fn is_up(&mut self, index: u32) {
        let cell = self.table.at(index);
        let (generation, grouped, supervisor) = (cell.generation, cell.is(bit::GROUPED), cell.parent);
        // one whose first start ends while its group is being stopped has its turn to stop yet to come
        if grouped && !self.is_stopping_with_group(index) {
            self.table.at_mut(index).bits &= !bit::GROUPED;
            self.facts.push_back(Fact::Group { supervisor });
        }
        if generation == 0 {
            return;
        }
        let now = self.now();
        self.ext(index).restarts.get_or_insert_default().well_since = now;
        self.take_up(index);
    }

    /// `child` ends, and its supervisor fails with it; where there is none, the system may end.
    fn escalate(&mut self, supervisor: u32, child: u32, failed: bool) {
        let ends = supervisor == ROOT && self.defaults.escalate.is_some();
        self.notify(Entry {
            head: note::ESCALATED,
            index: supervisor,
            age: self.table.at(supervisor).age,
            payload: u32::from(failed),
            from: child,
            corr: u32::from(ends),
        });
        if supervisor != ROOT {
            self.fail(supervisor, phase::CHILD, 0, 0);
        } else if let Some(timeout) = self.defaults.escalate {
            self.shutdown(timeout);
        }
    }
}
