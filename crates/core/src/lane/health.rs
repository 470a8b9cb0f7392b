//! Health checks: an actor is asked now and then whether it is well, and must answer in time.

use super::Lane;
use crate::cell::ext::Health;
use crate::entry::{Entry, note, phase};
use crate::supervise::Checks;

impl Lane {
    fn checks_of(&self, index: u32) -> Option<Checks> {
        self.profile_of(index).checks
    }

    /// The instance has started, or goes on: the next check is in a while.
    pub(super) fn watch_health(&mut self, index: u32) {
        if let Some(checks) = self.checks_of(index) {
            self.drop_health(index);
            self.next_check(index, false, 0, checks.every);
        }
    }

    fn next_check(&mut self, index: u32, asked: bool, missed: u32, micros: u64) {
        let before = self.ext(index).health.get_or_insert_default().key;
        self.take_off(before);
        let key = self.arm_health(index, micros);
        **self.ext(index).health.get_or_insert_default() = Health { key, asked, missed };
    }

    pub(super) fn drop_health(&mut self, index: u32) {
        let at = self.table.at(index).ext;
        if let Some(health) = self.exts.get_mut(at).and_then(|x| x.health.take()) {
            self.take_off(health.key);
        }
    }

    /// It is time to ask, or the answer is late.
    pub(super) fn health_is_due(&mut self, index: u32) {
        let Some(health) = self.ext(index).health.as_mut() else { return };
        health.key = 0;
        let (asked, missed) = (health.asked, health.missed);
        match self.running_checks(index) {
            Some(_) if asked => self.missed(index, 0, true),
            Some(checks) => {
                self.next_check(index, true, missed, checks.timeout);
                self.signal(index, note::HEALTH, 0, 0, 0);
            }
            None => {}
        }
    }

    /// The check ended well.
    pub(super) fn is_well(&mut self, index: u32) {
        if let Some(checks) = self.running_checks(index) {
            self.next_check(index, false, 0, checks.every);
        }
    }

    /// The check failed with the error in this slot.
    pub(super) fn is_unwell(&mut self, index: u32, error: u32) {
        match self.running_checks(index) {
            Some(_) => self.missed(index, error, false),
            None => self.fail(index, phase::HEALTH, 0, error), // it ends: reported
        }
        self.after_message(index);
    }

    fn running_checks(&self, index: u32) -> Option<Checks> {
        self.checks_of(index).filter(|_| self.table.at(index).state.runs())
    }

    /// One more failed check in a row; the last that is tolerated is the one before the threshold. `asked`: it has yet to
    /// be answered.
    fn missed(&mut self, index: u32, error: u32, asked: bool) {
        let Some(checks) = self.running_checks(index) else { return };
        let missed = self.ext(index).health.get_or_insert_default().missed + 1;
        self.next_check(index, asked, missed, checks.every);
        if missed >= checks.threshold {
            return self.fail(index, phase::HEALTH, 0, error);
        }
        let age = self.table.at(index).age;
        self.notify(Entry { head: note::MISSED, index, age, payload: error, ..Entry::default() });
    }
}
