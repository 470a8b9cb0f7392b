//! The timing wheel against a model that is a sorted map, and its edges as tables.

use buskin_core::timer::{NEVER, TimerKey, Wheel};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Everything due at `now`, in the order it comes out.
fn pop_all(wheel: &mut Wheel, now: u64) -> Vec<(u64, u64)> {
    std::iter::from_fn(|| wheel.pop_due(now)).collect()
}

#[derive(Debug, Clone)]
enum Step {
    /// Insert this far after (or, negative, before) the model's time.
    Insert(i64),
    InsertAt(u64),
    /// Remove the timer at this place of the model, wrapped round.
    Remove(usize),
    /// Move this far and pop at most so many.
    Advance(u64, usize),
    /// Pop everything due, without moving.
    PopAll,
}

fn delays() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..4i64, // many in one millisecond
        4 => -70..200i64,
        3 => 4_000..4_200i64, // around the border of levels 1 and 2
        2 => 0..400_000i64,
        1 => 0..100_000_000_000i64,
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => delays().prop_map(Step::Insert),
        1 => prop_oneof![Just(0), Just(NEVER), Just(NEVER - 1), any::<u64>()].prop_map(Step::InsertAt),
        4 => any::<usize>().prop_map(Step::Remove),
        4 => (prop_oneof![0..3u64, 0..130u64, 3_900..4_300u64, 0..500_000u64, 0..200_000_000_000u64], 0..6usize)
            .prop_map(|(by, pops)| Step::Advance(by, pops)),
        2 => Just(Step::PopAll),
    ]
}

/// What the wheel promises, said with a sorted map: key (deadline, order of insertion).
struct Model {
    timers: BTreeMap<(u64, u64), TimerKey>,
    /// The deadline of the last pop, or the last time nothing was due.
    floor: u64,
    now: u64,
    inserted: u64,
}

impl Model {
    fn insert(&mut self, wheel: &mut Wheel, deadline: u64) {
        let token = self.inserted;
        self.inserted += 1;
        let key = wheel.insert(deadline, token);
        assert!(!self.timers.values().any(|&k| k == key), "a key in use was given out again");
        self.timers.insert((deadline.max(self.floor), token), key);
    }

    fn pop(&mut self, wheel: &mut Wheel) -> bool {
        let due = self.timers.first_key_value().map(|(&at, _)| at).filter(|at| at.0 <= self.now && at.0 != NEVER);
        assert_eq!(wheel.pop_due(self.now), due.map(|(deadline, token)| (token, deadline)));
        self.floor = due.map_or(self.now, |(deadline, _)| deadline);
        due.is_some_and(|at| self.timers.remove(&at).is_some())
    }

    fn check(&self, wheel: &Wheel) {
        assert_eq!(wheel.len(), self.timers.len());
        let first = self.timers.keys().map(|at| at.0).next().filter(|&deadline| deadline != NEVER);
        assert_eq!(wheel.next_deadline(), first);
        let check = wheel.next_check();
        assert_eq!(check.is_some(), first.is_some());
        assert!(check <= first && check.unwrap_or(NEVER) >= self.floor);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn timers_come_out_as_from_a_sorted_map(start in prop_oneof![Just(0), 0..1u64 << 40], steps in prop::collection::vec(steps(), 1..120)) {
        let mut wheel = Wheel::new(start);
        let mut model = Model { timers: BTreeMap::new(), floor: start, now: start, inserted: 0 };
        for step in steps {
            match step {
                Step::Insert(delay) => {
                    let deadline = model.now.saturating_add_signed(delay);
                    model.insert(&mut wheel, deadline);
                }
                Step::InsertAt(deadline) => model.insert(&mut wheel, deadline),
                Step::Remove(place) if !model.timers.is_empty() => {
                    let at = *model.timers.keys().nth(place % model.timers.len()).unwrap();
                    let key = model.timers.remove(&at).unwrap();
                    prop_assert_eq!(wheel.remove(key), Some(at.1));
                    prop_assert_eq!(wheel.remove(key), None, "removed twice");
                }
                Step::Remove(_) => prop_assert_eq!(wheel.remove(TimerKey(u32::MAX)), None),
                Step::Advance(by, pops) => {
                    model.now += by;
                    let _ = (0..pops).all(|_| model.pop(&mut wheel));
                }
                Step::PopAll => while model.pop(&mut wheel) {},
            }
            model.check(&wheel);
        }
        model.now = NEVER - 1;
        while model.pop(&mut wheel) {}
        model.check(&wheel);
    }
}

#[test]
fn a_timer_fires_at_its_deadline_and_not_before() {
    const DAY: u64 = 86_400_000;
    let borders = (0..64).map(|bit| 1u64 << bit).flat_map(|b| [b - 1, b, b + 1]);
    for deadline in borders.chain([DAY, 365 * DAY, 1_000_000 * DAY, NEVER - 1]).filter(|&d| d > 1) {
        for start in [0, 1, 63, 64, 4095, deadline / 2, deadline - 1] {
            if start >= deadline {
                continue;
            }
            let mut wheel = Wheel::new(start);
            wheel.insert(deadline, 7);
            assert_eq!(wheel.next_deadline(), Some(deadline));
            assert_eq!(wheel.pop_due(deadline - 1), None, "{deadline} from {start}: too early");
            assert_eq!(wheel.pop_due(deadline), Some((7, deadline)), "{deadline} from {start}");
            assert!(wheel.is_empty());
        }
    }
}

#[test]
fn a_deadline_in_the_past_fires_at_the_next_pop_after_what_was_due_before() {
    let mut wheel = Wheel::new(1_000);
    wheel.insert(1_000, 1);
    wheel.insert(3, 2);
    wheel.insert(0, 3);
    assert_eq!(wheel.next_deadline(), Some(1_000));
    assert_eq!(pop_all(&mut wheel, 1_000), [(1, 1_000), (2, 1_000), (3, 1_000)]);
}

#[test]
fn a_time_in_the_past_finds_nothing_and_breaks_nothing() {
    let mut wheel = Wheel::new(0);
    wheel.insert(500, 1);
    assert_eq!(wheel.pop_due(499), None);
    assert_eq!(wheel.pop_due(3), None);
    wheel.insert(10, 2); // counts as 499
    assert_eq!(wheel.pop_due(20), None);
    assert_eq!(pop_all(&mut wheel, 500), [(2, 499), (1, 500)]);
}

#[test]
fn timers_of_one_millisecond_keep_their_order_through_cascades() {
    // The same deadline, inserted from ever nearer: at levels 3, 2, 1 and 0.
    let deadline = 64 * 64 * 64 + 5;
    let mut wheel = Wheel::new(0);
    for (token, back) in [64 * 64 * 64, 64 * 64 - 1, 63, 3, 1].into_iter().enumerate() {
        assert_eq!(wheel.pop_due(deadline - back), None);
        wheel.insert(deadline, token as u64);
        wheel.insert(deadline + 1, 100 + token as u64);
    }
    let popped: Vec<u64> = pop_all(&mut wheel, deadline + 1).iter().map(|p| p.0).collect();
    assert_eq!(popped, [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]);
}

#[test]
fn a_jump_of_days_fires_all_in_order() {
    let mut wheel = Wheel::new(12_345);
    let mut want: Vec<(u64, u64)> =
        (0..5_000u64).map(|token| (12_345 + token * 7_919_777 % 864_000_000, token)).collect();
    for &(deadline, token) in &want {
        wheel.insert(deadline, token);
    }
    want.sort_unstable();
    let got: Vec<(u64, u64)> = pop_all(&mut wheel, 30 * 86_400_000).iter().map(|&(t, d)| (d, t)).collect();
    assert_eq!(got, want);
}

#[test]
fn the_last_moment_never_comes() {
    let mut wheel = Wheel::new(0);
    let key = wheel.insert(NEVER, 1);
    assert_eq!((wheel.next_deadline(), wheel.next_check(), wheel.len()), (None, None, 1));
    assert_eq!(wheel.pop_due(NEVER), None);
    assert_eq!(wheel.remove(key), Some(1));
    assert!(wheel.is_empty());
}

#[test]
fn timers_may_be_inserted_and_removed_between_pops() {
    let mut wheel = Wheel::new(0);
    let keys: Vec<TimerKey> = (0..4).map(|token| wheel.insert(100, token)).collect();
    assert_eq!(wheel.pop_due(200), Some((0, 100)));
    assert_eq!(wheel.remove(keys[1]), Some(1)); // the next in line
    wheel.insert(100, 10); // due at once, behind its peers
    wheel.insert(150, 11); // later in this series
    wheel.insert(201, 12); // in the next
    assert_eq!(pop_all(&mut wheel, 200), [(2, 100), (3, 100), (10, 100), (11, 150)]);
    assert_eq!(wheel.remove(keys[0]), None);
    assert_eq!(pop_all(&mut wheel, 201), [(12, 201)]);
}

#[test]
fn a_loop_that_wakes_when_told_wakes_in_vain_at_most_once_per_level() {
    for (deadline, vain) in [(63, 0), (64, 0), (100, 1), (5_000, 2), (86_399_999, 4), (NEVER - 1, 10)] {
        let mut wheel = Wheel::new(0);
        wheel.insert(deadline, 1);
        let mut wakes = 0;
        while let Some(check) = wheel.next_check() {
            let popped = wheel.pop_due(check);
            assert_eq!(popped.is_some(), check == deadline);
            wakes += u32::from(popped.is_none());
        }
        assert_eq!(wakes, vain, "deadline {deadline}");
    }
}
