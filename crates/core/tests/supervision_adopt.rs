//! An actor gets another parent; an actor is asked whether it is well.
mod common;

use buskin_core::entry::{note, restart};
use buskin_core::supervise::PROFILE;
use common::supervision::*;
use common::{Comes, HANDLED, Isolate, Options, Ref};

fn adopts(iso: &mut Isolate, who: Ref, parent: Ref) -> String {
    iso.run();
    iso.take();
    iso.adopt(who, parent.index);
    iso.run();
    let answer = iso.take();
    answer.iter().find_map(|t| t.split_once(" adopted ")).expect("an answer").1.to_owned()
}

#[test]
fn an_adopted_actor_is_the_youngest_child_of_its_new_parent_and_goes_on_as_it_was() {
    let mut iso = root(&at_once(ONE));
    let [a, b] = children(&mut iso, ["a", "b"]);
    let c = iso.spawn("c", under(a.index, restart::TRANSIENT), worker);
    let d = iso.spawn("d", under(b.index, restart::TRANSIENT), worker);
    let below = iso.spawn("below", under(d.index, restart::TRANSIENT), worker);
    iso.tell_how(d, SLOW);
    let waits = iso.tell(d);
    assert_eq!(adopts(&mut iso, d, a), "done");
    assert_eq!((iso.lane.children(a.index), iso.lane.children(b.index)), (vec![c.index, d.index], vec![]));
    assert_eq!((iso.lane.parent(d.index), iso.lane.parent(below.index)), (a.index, d.index));
    iso.done(d, true);
    iso.run();
    iso.take();
    iso.stop(a);
    iso.run();
    assert_eq!(iso.end_of(waits), HANDLED);
    let trace = iso.take();
    let ends: Vec<_> = trace.iter().filter(|t| t.contains(" ended ")).collect();
    assert_eq!(ends, ["below ended shutdown", "d ended shutdown", "c ended shutdown", "a ended normal"]);
    at_rest(&iso);
}

#[test]
fn what_cannot_be_adopted_stays_where_it_is() {
    let mut iso = root(&at_once(ONE));
    let [a, b] = children(&mut iso, ["a", "b"]);
    let c = iso.spawn("c", under(a.index, restart::TRANSIENT), worker);
    let d = iso.spawn("d", under(c.index, restart::TRANSIENT), worker);
    assert_eq!(adopts(&mut iso, a, a), "above");
    assert_eq!(adopts(&mut iso, a, d), "above");
    assert_eq!(adopts(&mut iso, c, a), "done", "it is there already");
    assert!(iso.lane.reserve(a.index, "x", c.index).is_ok() && iso.lane.reserve(b.index, "x", 77).is_ok());
    assert_eq!(adopts(&mut iso, c, b), "name-taken");
    assert_eq!((iso.lane.find(a.index, "x").map(|f| f.0), iso.lane.parent(c.index)), (Some(c.index), a.index));
    iso.kill(d);
    assert_eq!(adopts(&mut iso, d, b), "ended");
    iso.tell_how(b, SLOW);
    iso.run();
    iso.stop(b);
    assert_eq!(adopts(&mut iso, c, b), "ended", "the parent is ending");
    iso.done(b, true);
    iso.run();
    at_rest(&iso);
}

#[test]
fn a_name_goes_with_an_adopted_actor() {
    let mut iso = root(&at_once(ONE));
    let [a, b] = children(&mut iso, ["a", "b"]);
    let c = iso.spawn("c", under(a.index, restart::TRANSIENT), worker);
    assert!(iso.lane.reserve(a.index, "x", c.index).is_ok());
    assert_eq!(adopts(&mut iso, c, b), "done");
    assert_eq!((iso.lane.find(a.index, "x"), iso.lane.find(b.index, "x")), (None, Some((c.index, c.age))));
    iso.kill(c);
    iso.run();
    assert_eq!(iso.lane.find(b.index, "x"), None);
    at_rest(&iso);
}

#[test]
fn an_adopted_actor_is_supervised_by_its_new_parent() {
    let mut iso = root(&at_once(ONE));
    let strict = iso.lane.profile(&at_most(ALL, 1.0));
    let top = iso.spawn("top", Options { profile: strict, ..CHILD }, worker);
    let sibling = iso.spawn("s", under(top.index, restart::TRANSIENT), worker);
    let [a] = children(&mut iso, ["a"]);
    for _ in 0..5 {
        fail(&mut iso, a);
    }
    assert_eq!(adopts(&mut iso, a, top), "done");
    fail(&mut iso, a);
    iso.run();
    assert_eq!([a, sibling, top].map(|x| generation(&iso, x)), [Some(6), Some(1), Some(0)]);
    fail(&mut iso, a);
    iso.run();
    assert_eq!([a, sibling, top].map(|x| generation(&iso, x)), [None, None, Some(1)]);
    at_rest(&iso);
}

#[test]
fn an_actor_adopted_in_its_backoff_comes_back_when_it_would_have_or_with_its_new_group() {
    for group in [false, true] {
        let mut iso = root(&patient(ONE));
        let all = iso.lane.profile(&patient(ALL));
        let top = iso.spawn("top", Options { profile: all, ..CHILD }, worker);
        let s = iso.spawn("s", under(top.index, restart::TRANSIENT), worker);
        let [a] = children(&mut iso, ["a"]);
        fail(&mut iso, a);
        assert_eq!(adopts(&mut iso, a, top), "done");
        if group {
            iso.advance(50);
            fail(&mut iso, s);
            iso.advance(50);
            assert!(iso.holds(), "a waits with its group");
        }
        let (id, others) = (iso.tell(a), iso.tell(s));
        iso.run();
        assert_eq!((iso.end_of(id), iso.end_of(others) == HANDLED), ("pending", !group));
        iso.advance(if group { 50 } else { 100 });
        assert_eq!((iso.end_of(id), generation(&iso, a)), (HANDLED, Some(1)));
        assert_eq!(generation(&iso, s), Some(u32::from(group)));
        assert!(!iso.holds());
        at_rest(&iso);
    }
}

#[test]
fn an_actor_that_leaves_its_group_in_mid_way_is_not_waited_for() {
    for rounds in 0..10 {
        for which in 0..3 {
            let mut iso = root(&patient(ONE));
            let all = iso.lane.profile(&patient(ALL));
            let [other] = children(&mut iso, ["other"]);
            let top = iso.spawn("top", Options { profile: all, ..CHILD }, worker);
            let refs = ["a", "b", "c"].map(|n| iso.spawn(n, under(top.index, restart::TRANSIENT), slow_worker));
            let step = |iso: &mut Isolate| {
                iso.run();
                match iso.all_hands().first() {
                    Some(&who) => iso.done(who, true),
                    None => iso.advance(50),
                }
            };
            for _ in 0..4 {
                step(&mut iso);
            }
            fail(&mut iso, refs[0]);
            for _ in 0..rounds {
                step(&mut iso);
            }
            assert_eq!(adopts(&mut iso, refs[which], other), "done");
            for _ in 0..20 {
                step(&mut iso);
            }
            let ids = refs.map(|x| iso.tell(x));
            iso.run();
            assert_eq!(ids.map(|id| iso.end_of(id)), [HANDLED; 3], "{which} leaves after {rounds}");
            assert_eq!(iso.lane.parent(refs[which].index), other.index);
            assert!(!iso.holds(), "{which} leaves after {rounds}");
            at_rest(&iso);
        }
    }
}

#[test]
fn an_actor_that_leaves_a_group_in_a_backoff_of_its_own_keeps_that() {
    let mut iso = root(&patient(ONE));
    let all = iso.lane.profile(&patient(ALL));
    let top = iso.spawn("top", Options { profile: all, ..CHILD }, worker);
    let s = iso.spawn("s", under(top.index, restart::TRANSIENT), slow_worker);
    let [a, other] = children(&mut iso, ["a", "other"]);
    iso.done(s, true);
    fail(&mut iso, a);
    assert_eq!(adopts(&mut iso, a, top), "done");
    iso.advance(50);
    fail(&mut iso, s); // it is in onStop when a leaves
    assert_eq!(adopts(&mut iso, a, other), "done");
    iso.advance(49);
    assert_eq!(iso.starts.last().map(|l| l.0.as_str()), Some("other"));
    iso.advance(1);
    assert_eq!(iso.starts.last(), Some(&("a".to_owned(), 1, buskin_core::entry::again::FAILURE)));
    iso.done(s, true);
    iso.advance(100);
    iso.done(s, true);
    iso.run();
    assert_eq!([a, s].map(|x| generation(&iso, x)), [Some(1); 2]);
    assert!(!iso.holds());
    at_rest(&iso);
}

// ------------------------------------------------------------------------------------------------- health

/// Checks every 100 ms, an answer within 30 ms, the second miss in a row is a failure.
fn checked() -> [f64; PROFILE] {
    let mut numbers = patient(ONE);
    numbers[11..].copy_from_slice(&[100_000.0, 30_000.0, 2.0]);
    numbers
}

fn patient_of(answers: &'static [Comes]) -> (Isolate, Ref) {
    let mut iso = root(&patient(ONE));
    let at = iso.lane.profile(&checked());
    let count = std::cell::Cell::new(0);
    let a = iso.spawn("a", Options { profile: at, ..CHILD }, move |iso, e| {
        if e.op() == note::HEALTH {
            count.set(count.get() + 1);
            return answers.get(count.get() - 1).copied().unwrap_or(Comes::Returns);
        }
        worker(iso, e)
    });
    iso.run();
    iso.take();
    (iso, a)
}

#[test]
fn a_well_actor_is_asked_again_and_again_and_holds_nothing_up() {
    let (mut iso, a) = patient_of(&[]);
    iso.advance(99);
    assert_eq!(iso.take(), Vec::<String>::new());
    iso.advance(1);
    assert_eq!(iso.take(), ["a check"]);
    iso.advance(250);
    assert_eq!(iso.take(), ["a check", "a check"]);
    assert!(!iso.holds(), "checks keep no process alive");
    iso.stop(a);
    iso.run();
    iso.take();
    iso.advance(1_000);
    assert_eq!(iso.take(), Vec::<String>::new());
    at_rest(&iso);
}

#[test]
fn misses_in_a_row_are_a_failure_and_a_good_answer_begins_anew() {
    use Comes::{Returns, Throws};
    let (mut iso, a) = patient_of(&[Throws, Returns, Throws, Throws]);
    iso.advance(350);
    assert_eq!(iso.take(), ["a check", "a missed a check", "a check", "a check", "a missed a check"]);
    iso.advance(50);
    let trace = iso.take();
    assert_eq!(trace[..4], ["a check", "a failed 6", "a will restart after 100", "a stops failed"]);
    iso.advance(99);
    assert_eq!(iso.take(), ["a down failed"][..0].to_vec(), "nobody asks while it is down");
    iso.advance(1);
    assert_eq!((generation(&iso, a), iso.take().len()), (Some(1), 2));
    iso.advance(100);
    assert_eq!(iso.take(), ["a check"]);
    at_rest(&iso);
}

#[test]
fn a_busy_actor_misses_checks_and_a_late_answer_is_one() {
    let (mut iso, a) = patient_of(&[]);
    iso.tell_how(a, SLOW);
    iso.advance(131);
    assert_eq!(iso.take(), ["a 1", "a missed a check"]);
    iso.done(a, true);
    assert_eq!(iso.after_run(), ["a check"]);
    iso.advance(99);
    assert_eq!(iso.take(), Vec::<String>::new());
    iso.advance(1);
    assert_eq!(iso.take(), ["a check"]);
    iso.tell_how(a, SLOW);
    iso.advance(229);
    assert_eq!(iso.take(), ["a 2", "a missed a check"]);
    iso.advance(1);
    assert_eq!(iso.take(), ["a failed 6", "a will restart after 100"]);
    iso.advance(5_000);
    assert!(iso.take().contains(&"a down killed".to_owned()), "its hand never ended");
    iso.advance(100);
    assert_eq!(generation(&iso, a), Some(1));
    at_rest(&iso);
}

#[test]
fn a_check_that_never_ends_is_given_up_with_its_instance() {
    let (mut iso, a) = patient_of(&[Comes::Promises]);
    iso.advance(131);
    assert_eq!(iso.take(), ["a check", "a missed a check"]);
    iso.advance(100);
    assert_eq!(iso.take(), ["a failed 6", "a will restart after 100"]);
    iso.advance(5_100);
    assert_eq!(generation(&iso, a), Some(1));
    iso.advance(100);
    assert_eq!(iso.take().last().map(String::as_str), Some("a check"));
    at_rest(&iso);
}
