//! Timers of actors by the number the isolate gave them.

use super::wheel::TimerKey;

/// No timer.
pub const NONE: u32 = u32::MAX;

/// One timer.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    /// Whether the slot is in use.
    pub live: bool,
    /// Whether a signal for it waits; further ticks are coalesced.
    pub pending: bool,
    /// Whether it holds the process.
    pub holds: bool,
    /// [`crate::entry::timer`] bits.
    pub mode: u32,
    /// Whose it is.
    pub index: u32,
    /// Its place on the wheel.
    pub key: Option<TimerKey>,
    /// In µs.
    pub period: u64,
    /// When it is due, in µs.
    pub due: u64,
    /// Timers of the same actor.
    pub prev: u32,
    /// See `prev`.
    pub next: u32,
}

/// The timers of a lane.
#[derive(Debug, Default)]
pub struct Timers {
    slots: Vec<Option<Timer>>,
    /// How many hold the process.
    pub holding: u64,
}

impl Timers {
    /// The timer `id`.
    pub fn get_mut(&mut self, id: u32) -> Option<&mut Timer> {
        self.slots.get_mut(id as usize)?.as_mut()
    }

    /// Its signal waits, or does not any more.
    pub fn wait(&mut self, id: u32, waits: bool) {
        if let Some(timer) = self.get_mut(id) {
            timer.pending = waits;
        }
    }

    /// Adds a timer to the list whose head is `*first`.
    pub fn add(&mut self, id: u32, mut timer: Timer, first: &mut u32) {
        let at = id as usize;
        if at >= self.slots.len() {
            self.slots.resize((at + 1).next_power_of_two(), None);
        }
        timer.prev = NONE;
        timer.next = *first;
        if let Some(next) = self.get_mut(*first) {
            next.prev = id;
        }
        *first = id;
        self.holding += u64::from(timer.holds);
        self.slots[at] = Some(timer);
    }

    /// Takes a timer out of the list whose head is `*first`.
    pub fn remove(&mut self, id: u32, first: &mut u32) -> Option<Timer> {
        let timer = self.slots.get_mut(id as usize)?.take()?;
        if let Some(prev) = self.get_mut(timer.prev) {
            prev.next = timer.next;
        } else {
            *first = timer.next;
        }
        if let Some(next) = self.get_mut(timer.next) {
            next.prev = timer.prev;
        }
        self.holding -= u64::from(timer.holds);
        Some(timer)
    }
}

/// When a timer of fixed rate is due next: the first multiple of its period after `now`; what was missed is coalesced.
#[must_use]
pub fn next_due(due: u64, period: u64, now: u64) -> u64 {
    let next = due.saturating_add(period);
    if next > now || period == 0 {
        return next.max(now);
    }
    let missed = (now - due) / period;
    due.saturating_add(period.saturating_mul(missed + 1))
}

#[cfg(test)]
mod tests {
    use super::next_due;

    #[test]
    fn a_missed_tick_is_coalesced_and_the_rate_is_kept() {
        for (due, period, now, next) in
            [(10, 10, 10, 20), (10, 10, 19, 20), (10, 10, 20, 30), (10, 10, 35, 40), (10, 10, 40, 50), (5, 0, 9, 9)]
        {
            assert_eq!(next_due(due, period, now), next, "due {due} now {now}");
        }
    }
}
