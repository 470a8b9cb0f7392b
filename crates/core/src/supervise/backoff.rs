//! How long a restart waits.

/// Restarts in a row wait longer and longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// In µs.
    pub min: f64,
    /// In µs.
    pub max: f64,
    /// By how much the next one waits longer.
    pub factor: f64,
    /// Which part of the time chance may take away: 0 to 1.
    pub jitter: f64,
    /// Health of that long ends the row, in µs; `u64::MAX`: nothing does.
    pub reset: u64,
    /// The first of a row does not wait.
    pub first_at_once: bool,
}

impl Backoff {
    /// How long the `nth` restart in a row waits, from 1, in µs. `chance` is from 0 to 1.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a cast of a float saturates
    pub fn delay(&self, nth: u32, chance: f64) -> u64 {
        if self.min <= 0.0 || (nth <= 1 && self.first_at_once) {
            return 0;
        }
        let exponent = i32::try_from(nth.saturating_sub(1)).unwrap_or(i32::MAX);
        let full = (self.min * self.factor.powi(exponent)).min(self.max);
        (full * (1.0 - self.jitter * chance)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Backoff =
        Backoff { min: 100.0, max: 5_000.0, factor: 3.0, jitter: 0.0, reset: 0, first_at_once: false };

    #[test]
    fn each_waits_factor_times_longer_up_to_the_most() {
        let delays = [1, 2, 3, 4, 5, 6, 1_000_000, u32::MAX].map(|nth| PLAIN.delay(nth, 0.5));
        assert_eq!(delays, [100, 300, 900, 2_700, 5_000, 5_000, 5_000, 5_000]);
    }

    #[test]
    fn the_first_may_be_at_once_and_the_second_is_the_second_all_the_same() {
        let backoff = Backoff { first_at_once: true, ..PLAIN };
        assert_eq!([1, 2, 3].map(|nth| backoff.delay(nth, 0.0)), [0, 300, 900]);
    }

    #[test]
    fn chance_takes_away_no_more_than_its_part() {
        let backoff = Backoff { jitter: 0.2, ..PLAIN };
        assert_eq!([0.0, 0.5, 1.0].map(|chance| backoff.delay(2, chance)), [300, 270, 240]);
        assert_eq!(Backoff { min: 0.0, ..backoff }.delay(9_999, 0.3), 0);
    }
}
