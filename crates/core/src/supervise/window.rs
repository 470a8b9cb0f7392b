//! Restarts within a sliding window, counted without a scan and within bounds.

use std::collections::VecDeque;

/// When there were restarts, and how many: one place for each millisecond that had any. Exact while fewer places are
/// used than it may have; with more, neighbours are counted together, at the later one's time.
#[derive(Clone, Debug)]
pub struct Window {
    places: VecDeque<(u64, u32)>,
    total: u64,
    most: usize,
}

impl Window {
    /// An empty one that uses at most `most` places.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Window { places: VecDeque::new(), total: 0, most }
    }

    /// One more at `now`. Times are in µs, and do not go back.
    pub fn add(&mut self, now: u64, within: u64) {
        self.forget(now, within);
        let now = now / 1000 * 1000;
        self.total += 1;
        match self.places.back_mut() {
            Some((at, count)) if *at == now => *count += 1,
            _ => {
                if self.places.len() >= self.most {
                    self.thin();
                }
                self.places.push_back((now, 1));
            }
        }
    }

    /// How many there were from `now - within` on.
    pub fn count(&mut self, now: u64, within: u64) -> u64 {
        self.forget(now, within);
        self.total
    }

    /// When there were, and how many at a time.
    pub fn places(&self) -> impl Iterator<Item = (u64, u32)> {
        self.places.iter().copied()
    }

    /// Puts what another one had, in order.
    pub fn put(&mut self, at: u64, count: u32) {
        self.total += u64::from(count);
        self.places.push_back((at, count));
    }

    fn forget(&mut self, now: u64, within: u64) {
        while let Some(&(at, count)) = self.places.front() {
            if now.saturating_sub(at) <= within {
                return;
            }
            self.total -= u64::from(count);
            self.places.pop_front();
        }
    }

    /// Half the places, without asking for memory.
    fn thin(&mut self) {
        let half = self.places.len().div_ceil(2);
        for to in 0..half {
            let (first, count) = self.places[2 * to];
            let (at, more) = self.places.get(2 * to + 1).copied().unwrap_or((first, 0));
            self.places[to] = (at, count + more);
        }
        self.places.truncate(half);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_counts_what_a_list_of_all_times_counts(
            steps in prop::collection::vec(0_u64..5_000, 1..200), within in 0_u64..20,
        ) {
            let (mut window, mut all, mut now) = (Window::new(1 << 10), Vec::new(), 0);
            let within = within * 1000;
            for step in steps {
                now += step;
                window.add(now, within);
                all.push(now / 1000 * 1000);
                let expected = all.iter().filter(|&&at| now - at <= within).count() as u64;
                prop_assert_eq!(window.count(now, within), expected);
            }
        }
    }

    #[test]
    fn it_keeps_its_bounds_and_still_counts_all_while_they_are_young() {
        let mut window = Window::new(8);
        for at in 0..10_000 {
            window.add(at * 1000, u64::MAX);
        }
        assert_eq!(window.count(0, u64::MAX), 10_000);
        assert!(window.places.len() <= 8);
        assert_eq!(window.count(30_000_000, 1_000), 0);
        window.add(30_000_000, 1_000);
        assert_eq!(window.count(30_001_000, 1_000), 1);
        assert_eq!(window.count(30_001_001, 1_000), 0);
    }
}
