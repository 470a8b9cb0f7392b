//! Siblings that restart together: they stop one after another, last started first; then, after the backoff, they start
//! one after another, first started first.

use super::{Fact, Lane};
use crate::cell::ext::{Group, Phase};
use crate::cell::{Cell, State, bit};
use crate::entry::{again, reason};
use crate::supervise::{Restart, Strategy};

impl Lane {
    /// Whether the actor fails while the group that it belongs to is being stopped: it is restarted anyway.
    pub(super) fn is_stopping_with_group(&self, index: u32) -> bool {
        let cell = self.table.at(index);
        cell.is(bit::GROUPED) && self.group_of(cell.parent).is_some_and(|g| g.phase == Phase::Stopping)
    }

    fn group_of(&self, supervisor: u32) -> Option<&Group> {
        self.ext_of(supervisor)?.supervisor.as_deref()?.group.as_ref()
    }

    /// `first` ends, and its group with it. A group that was restarting already starts over, with the new members.
    pub(super) fn restart_group(&mut self, supervisor: u32, first: u32, why: u32, delay: u64) {
        let before = self.group_of(supervisor).map(|g| g.delay);
        self.drop_group(supervisor);
        let all = self.profile_of(supervisor).strategy == Strategy::OneForAll;
        let mut members = Vec::new();
        // a group that begins is looked for from the first member on, one that starts over among all children
        let mut at = if all || before.is_some() { self.table.at(supervisor).first_child } else { first };
        let mut follows = all;
        while at != 0 {
            follows |= at == first;
            let cell = self.table.at_mut(at);
            let next = cell.next;
            let is_final = cell.ends() || self.exts.get(cell.ext).is_some_and(|x| x.is_final);
            if (follows || cell.is(bit::GROUPED)) && !is_final {
                cell.bits |= bit::GROUPED;
                members.push((at, cell.age));
            }
            at = next;
        }
        let cause = if why == reason::NORMAL { again::NORMAL } else { again::GROUP };
        let current = Some((first, self.table.at(first).age));
        let delay = delay.max(before.unwrap_or(0));
        let group = Group { at: members.len(), members, current, phase: Phase::Stopping, delay, cause, key: 0 };
        self.put_group(supervisor, group);
        self.lives += 1;
        self.wind_up(first, why, true);
    }

    fn take_group(&mut self, supervisor: u32) -> Option<Group> {
        let at = self.table.at(supervisor).ext;
        self.exts.get_mut(at)?.supervisor.as_mut()?.group.take()
    }

    fn put_group(&mut self, supervisor: u32, group: Group) {
        self.ext(supervisor).supervisor.get_or_insert_default().group = Some(group);
    }

    /// The group that restarts now does so no more: its supervisor ends, or another one takes its place.
    pub(super) fn drop_group(&mut self, supervisor: u32) {
        let Some(group) = self.take_group(supervisor) else { return };
        if group.key == 0 {
            self.lives -= 1;
        } else {
            self.backoffs -= 1;
            self.take_off(group.key);
        }
    }

    /// The backoff is over.
    pub(super) fn group_goes_on(&mut self, supervisor: u32) {
        let Some(mut group) = self.take_group(supervisor) else { return };
        group.key = 0;
        self.backoffs -= 1;
        self.lives += 1;
        group.phase = Phase::Starting;
        self.put_group(supervisor, group);
        self.group_steps(supervisor);
    }

    /// Goes on as far as nobody has to be waited for.
    pub(super) fn group_steps(&mut self, supervisor: u32) {
        let Some(mut group) = self.take_group(supervisor) else { return };
        if group.phase == Phase::Waiting && !self.is_waited_for(supervisor, &group) {
            self.backoffs -= 1;
            return self.take_off(group.key);
        }
        let goes_on = match group.phase {
            Phase::Stopping => self.stop_members(supervisor, &mut group),
            Phase::Waiting => true,
            Phase::Starting => self.start_members(supervisor, &mut group),
        };
        if goes_on {
            self.put_group(supervisor, group);
        } else {
            self.lives -= 1;
        }
    }

    /// Stops the next member, unless one still is at it. When all have stopped the wait begins, or the start.
    fn stop_members(&mut self, supervisor: u32, group: &mut Group) -> bool {
        if let Some((index, age)) = group.current
            && self.live(index, age).is_some_and(|c| c.is(bit::GROUPED) && c.state.runs())
            && group.members.get(group.at) == group.current.as_ref()
        {
            group.at += 1; // it had failed, and was resumed: it is asked again
        }
        loop {
            if group.current.take_if(|m| !self.is_winding(supervisor, *m)).is_none() && group.current.is_some() {
                return true;
            }
            let Some(at) = group.at.checked_sub(1) else { break };
            group.at = at;
            let member = group.members[at];
            let (index, age) = member;
            let Some(cell) = self.live(index, age).filter(|c| is_member(c, supervisor)) else { continue };
            match cell.state {
                State::Down => self.disarm(index), // adopted in mid-backoff: from now on it waits with the group
                State::Starting | State::Active | State::Suspended => {
                    if cell.restart() == Restart::Temporary {
                        self.end(index, reason::SHUTDOWN);
                    } else {
                        let why = if self.is_brutal(index) { reason::KILLED } else { reason::SHUTDOWN };
                        self.begin_end(index);
                        self.wind_up(index, why, true);
                    }
                    group.current = Some(member);
                }
                _ => group.current = Some(member),
            }
        }
        if group.delay > 0 {
            group.phase = Phase::Waiting;
            group.key = self.arm_group(supervisor, group.delay);
            self.backoffs += 1;
            self.lives -= 1;
            return true;
        }
        group.phase = Phase::Starting;
        self.start_members(supervisor, group)
    }

    /// Whether anybody is left that the wait is for.
    fn is_waited_for(&mut self, supervisor: u32, group: &Group) -> bool {
        group.members.iter().any(|&member| self.waits(supervisor, member))
    }

    fn waits(&mut self, supervisor: u32, (index, age): (u32, u32)) -> bool {
        self.live(index, age).is_some_and(|c| is_member(c, supervisor) && c.state == State::Down)
    }

    fn is_winding(&mut self, supervisor: u32, (index, age): (u32, u32)) -> bool {
        self.live(index, age).is_some_and(|c| is_member(c, supervisor) && c.state.is_ending())
    }

    /// Starts the next member, unless one still is at it. Whether any is left.
    fn start_members(&mut self, supervisor: u32, group: &mut Group) -> bool {
        if let Some((index, age)) = group.current.take()
            && self.live(index, age).is_some_and(|c| is_member(c, supervisor))
        {
            group.current = Some((index, age));
            return true;
        }
        while let Some(&(index, age)) = group.members.get(group.at) {
            group.at += 1;
            if self.waits(supervisor, (index, age)) {
                self.ext(index).restarts.get_or_insert_default().cause = group.cause;
                self.revive(index);
                group.current = Some((index, age));
                return true;
            }
        }
        false
    }

    /// A child leaves its supervisor, or comes to another one: its group does not wait for it.
    pub(super) fn leave_group(&mut self, index: u32) {
        let cell = self.table.at_mut(index);
        if !cell.is(bit::GROUPED) {
            return;
        }
        cell.bits &= !bit::GROUPED;
        // one that has a backoff of its own waits for that still
        let (supervisor, is_down) = (cell.parent, cell.state == State::Down && cell.deadline == 0);
        self.facts.push_back(Fact::Group { supervisor });
        if is_down {
            self.revive(index);
        }
    }
}

/// Whether the actor belongs to the group of `supervisor`: one that left and came back does not.
fn is_member(cell: &Cell, supervisor: u32) -> bool {
    cell.parent == supervisor && cell.is(bit::GROUPED)
}
