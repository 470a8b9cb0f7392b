//! An actor gets another parent, wherever it, its parent and its next parent are, and whatever happens meanwhile.
mod common;

use buskin_core::entry::restart;
use buskin_core::lane::Defaults;
use common::hub::{KILL, STOP, World, at, post, spawn_on, stop_there};
use common::supervision::{ALL, ANY, CHILD, ONE, SLOW, at_once, patient, slow_worker, worker};
use common::{Comes, FOREVER, How, Isolate, Options, Ref, profile};
use std::rc::Rc;

/// An actor: its lane, and who it is there.
type Who = (usize, Ref);
const ROOT: Who = (0, Ref { index: 0, age: 0 });
const LOUD: How = How { priority: 0, ttl: None, timeout: None, flags: 0, from: 0, tag: 2 };

struct Town {
    w: World,
    one: u32,
    all: u32,
}

impl Town {
    fn new(numbers: &[f64; buskin_core::supervise::PROFILE]) -> Town {
        let mut w = World::new(3, 64, 4096, Defaults { escalate: None, ..Defaults::default() });
        let (mut one, mut all) = (0, 0);
        for iso in &mut w.isos {
            let root = iso.lane.profile(numbers);
            iso.lane.supervise_root(root);
            one = root;
            let mut group = *numbers;
            group[0] = ALL;
            all = iso.lane.profile(&group);
        }
        Town { w, one, all }
    }

    fn spawn(&mut self, name: &str, parent: Who, lane: usize, profile: u32) -> Who {
        self.spawn_as(name, parent, lane, Options { profile, ..CHILD }, worker)
    }

    fn spawn_as(
        &mut self,
        name: &str,
        (home, parent): Who,
        lane: usize,
        o: Options,
        script: impl Fn(&mut Isolate, &buskin_core::entry::Entry) -> Comes + 'static,
    ) -> Who {
        let o = Options { parent: parent.index, ..o };
        let who = if home == lane {
            self.w.isos[lane].spawn(name, o, script)
        } else {
            let (far, _) = spawn_on(&mut self.w.isos[home], lane as u32, name, o, Rc::new(script));
            Ref { index: far.index & ((1 << 26) - 1), age: far.age }
        };
        self.w.run();
        (lane, who)
    }

    /// `parent` asks for `child`; the root is asked for by the lane `asker`.
    fn ask(&mut self, child: Who, parent: Who, asker: usize) {
        let target = if child.0 == asker { child.1 } else { at(child.0 as u32, child.1) };
        self.w.isos[asker].adopt(target, parent.1.index);
    }

    fn adopts(&mut self, parent: Who, child: Who) -> String {
        let asker = if parent == ROOT { child.0 } else { parent.0 };
        self.adopts_by(parent, child, asker)
    }

    fn adopts_by(&mut self, parent: Who, child: Who, asker: usize) -> String {
        self.w.run();
        self.w.take();
        self.ask(child, parent, asker);
        self.w.run();
        let trace = self.w.take();
        let answers: Vec<_> = trace.iter().filter_map(|t| t.split_once(" adopted ")).collect();
        assert_eq!(answers.len(), 1, "{trace:?}");
        answers[0].1.to_owned()
    }

    fn fail(&mut self, (lane, who): Who) {
        post(&mut self.w.isos[(lane + 1) % 3], at(lane as u32, who), LOUD, 0, 0);
    }

    fn lives(&self, (lane, who): Who) -> bool {
        self.w.isos[lane].lane.is_alive(who.index, who.age)
    }

    fn generation(&self, (lane, who): Who) -> Option<u32> {
        self.w.isos[lane].lane.actors_below(who.index, who.age).first().map(|i| i.generation)
    }

    fn parent(&self, who: Who) -> Option<Who> {
        self.w.tree().get(&who).copied()
    }

    /// Children of an actor, in order.
    fn children(&self, (lane, who): Who) -> Vec<Who> {
        let lane_of = &self.w.isos[lane].lane;
        let child = |index: u32| {
            let (word, age) = lane_of.stands_for(index);
            match buskin_core::lane::far::Address::of(word) {
                Some(to) => (to.lane as usize, Ref { index: to.index, age }),
                None => (lane, Ref { index, age: lane_of.age_at(index).unwrap() }),
            }
        };
        lane_of.children(who.index).into_iter().map(child).collect()
    }

    fn end(mut self) {
        for lane in 1..3 {
            if self.w.dead[lane] {
                self.w.revive(lane);
            }
        }
        self.w.isos[0].shutdown(FOREVER);
        for _ in 0..50 {
            self.w.run();
            for lane in 0..3 {
                while let Some(&who) = self.w.isos[lane].all_hands().first() {
                    self.w.isos[lane].done(who, true);
                    self.w.run();
                }
            }
        }
        self.w.nothing_left();
    }
}

/// Lanes of the child, of its parent and of the next one.
fn places() -> impl Iterator<Item = [usize; 3]> {
    (0..27).map(|n| [n / 9, n / 3 % 3, n % 3])
}

#[test]
fn wherever_they_are_the_actor_goes_on_as_the_youngest_child_of_its_new_parent_and_is_supervised_there() {
    for [c, p, n] in places() {
        let mut t = Town::new(&at_once(ONE));
        let old = t.spawn("old", ROOT, p, t.one);
        let new = t.spawn("new", ROOT, n, t.all);
        let sibling = t.spawn("sibling", new, c, t.one);
        let kid = t.spawn("kid", old, c, t.one);
        let below = t.spawn("below", kid, n, t.one);
        let what = format!("{c} {p} {n}");
        assert_eq!(t.adopts(new, kid), "done", "{what}");
        assert_eq!((t.children(old), t.children(new)), (vec![], vec![sibling, kid]), "{what}");
        assert_eq!((t.parent(kid), t.parent(below)), (Some(new), Some(kid)), "{what}");
        assert_eq!(t.adopts(new, kid), "done", "it is there already");
        t.w.take();
        t.fail(kid);
        t.w.run();
        let trace = t.w.take();
        assert_eq!(trace.iter().filter(|t| t.contains(" will restart")).count(), 1, "{what} {trace:?}");
        assert_eq!([kid, sibling, new, old].map(|x| t.generation(x)), [Some(1), Some(1), Some(0), Some(0)], "{what}");
        stop_there(&mut t.w.isos[(p + 1) % 3], at(p as u32, old.1), STOP);
        t.w.run();
        assert!(t.lives(kid) && !t.lives(old), "{what}");
        stop_there(&mut t.w.isos[(n + 1) % 3], at(n as u32, new.1), STOP);
        t.w.run();
        assert!(!t.lives(kid) && !t.lives(new), "{what}");
        t.end();
    }
}

#[test]
fn an_actor_can_be_given_to_the_root_and_taken_again_and_there_and_back() {
    for [c, p, n] in places() {
        let mut t = Town::new(&at_once(ONE));
        let old = t.spawn("old", ROOT, p, t.one);
        let new = t.spawn("new", ROOT, n, t.one);
        let kid = t.spawn("kid", old, c, t.one);
        for parent in [ROOT, new, ROOT, old, new, old, ROOT] {
            let asker = if parent == ROOT { p } else { parent.0 };
            assert_eq!(t.adopts_by(parent, kid, asker), "done", "{c} {p} {n}");
            assert_eq!(t.parent(kid), Some(parent));
        }
        t.fail(kid);
        t.w.run();
        assert_eq!(t.generation(kid), Some(1));
        t.end();
    }
}

#[test]
fn what_cannot_be_adopted_elsewhere_stays_where_it_is() {
    for [c, p, n] in places() {
        let mut t = Town::new(&at_once(ONE));
        let old = t.spawn("old", ROOT, p, t.one);
        let kid = t.spawn("kid", old, c, t.one);
        let low = t.spawn("low", kid, n, t.one);
        let new = t.spawn("new", ROOT, n, t.one);
        assert_eq!(t.adopts(low, kid), "above");
        assert_eq!(t.adopts(low, old), "above");
        assert_eq!(t.adopts(kid, kid), "above");
        assert_eq!((t.parent(kid), t.parent(low)), (Some(old), Some(kid)));
        let slow = How { ..SLOW };
        post(&mut t.w.isos[(c + 1) % 3], at(c as u32, kid.1), slow, 0, 0);
        t.w.run();
        stop_there(&mut t.w.isos[p], at(c as u32, kid.1), STOP);
        assert_eq!(t.adopts(new, kid), "ended");
        t.w.isos[c].done(kid.1, true);
        t.w.run();
        assert_eq!(t.adopts(new, kid), "ended");
        t.end();
    }
}

#[test]
fn two_that_adopt_each_other_at_once_make_no_loop() {
    for [a, b, p] in places() {
        for first in 0..12 {
            let mut t = Town::new(&at_once(ONE));
            let top = t.spawn("top", ROOT, p, t.one);
            let [x, y] = [(a, "x"), (b, "y")].map(|(lane, name)| t.spawn(name, top, lane, t.one));
            let below = t.spawn("below", y, p, t.one);
            t.w.take();
            t.ask(y, x, a);
            for turn in 0..first {
                t.w.turn(turn % 3);
            }
            t.ask(x, below, p);
            t.w.run();
            let trace = t.w.take();
            let mut answers: Vec<_> = trace.iter().filter_map(|t| t.split_once(" adopted ")).map(|t| t.1).collect();
            answers.sort_unstable();
            assert_eq!(answers, ["above", "done"], "{a} {b} {p} {first}");
            assert_eq!(t.w.tree().len(), 4);
            t.end();
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Meanwhile {
    Fails,
    Quits,
    Stops,
    Killed,
    Sibling,
    OldStops,
    OldKilled,
    NewStops,
    NewKilled,
    NewFails,
    ChildLost,
    OldLost,
    NewLost,
    Shutdown,
}

const ALL_OF_THEM: [Meanwhile; 14] = [
    Meanwhile::Fails,
    Meanwhile::Quits,
    Meanwhile::Stops,
    Meanwhile::Killed,
    Meanwhile::Sibling,
    Meanwhile::OldStops,
    Meanwhile::OldKilled,
    Meanwhile::NewStops,
    Meanwhile::NewKilled,
    Meanwhile::NewFails,
    Meanwhile::ChildLost,
    Meanwhile::OldLost,
    Meanwhile::NewLost,
    Meanwhile::Shutdown,
];

/// Something happens after so many turns of a move. Then everybody has one parent, or has ended in good order.
fn meanwhile(places: [usize; 3], what: Meanwhile, turns: usize, way: usize, slow: bool) {
    let [c, p, n] = places;
    let context = format!("{places:?} {what:?} after {turns} turns, {way} {slow}");
    let numbers = if way == 1 { patient(ONE) } else { at_once(ONE) };
    let mut t = Town::new(&numbers);
    for iso in &mut t.w.isos {
        iso.decider = Some(Rc::new(|_, _| 0));
    }
    let mut asks = profile(ALL, ANY, ANY, None);
    asks[10] = f64::from(u8::from(way == 2));
    let asking = t.w.isos.iter_mut().map(|iso| iso.lane.profile(&asks)).last().unwrap();
    let old = t.spawn("old", ROOT, p, if way == 0 { t.one } else { asking });
    let new = t.spawn("new", ROOT, n, asking);
    let sibling = t.spawn("sibling", old, n, t.one);
    let o = Options { profile: t.one, restart: restart::PERMANENT, ..CHILD };
    let kid = if slow { t.spawn_as("kid", old, c, o, slow_worker) } else { t.spawn_as("kid", old, c, o, worker) };
    let settle = |t: &mut Town| {
        for _ in 0..30 {
            t.w.run();
            for lane in 0..3 {
                while !t.w.dead[lane] {
                    let Some(&who) = t.w.isos[lane].all_hands().first() else { break };
                    t.w.isos[lane].done(who, true);
                    t.w.run();
                }
            }
            t.w.advance(100);
        }
    };
    settle(&mut t);
    let below = t.spawn("below", kid, p, t.one);
    t.w.take();
    t.ask(kid, new, n);
    for turn in 0..turns {
        t.w.turn(turn % 3);
    }
    let stop = |t: &mut Town, (lane, who): Who, how: u32| {
        stop_there(&mut t.w.isos[(lane + 1) % 3], at(lane as u32, who), how);
    };
    let lost = match what {
        Meanwhile::ChildLost => Some(c),
        Meanwhile::OldLost => Some(p),
        Meanwhile::NewLost => Some(n),
        _ => None,
    };
    match what {
        Meanwhile::Fails => t.fail(kid),
        Meanwhile::Sibling => t.fail(sibling),
        Meanwhile::NewFails => t.fail(new),
        Meanwhile::Quits => t.w.isos[c].stop_itself(kid.1),
        Meanwhile::Stops => stop(&mut t, kid, STOP),
        Meanwhile::Killed => stop(&mut t, kid, KILL),
        Meanwhile::OldStops => stop(&mut t, old, STOP),
        Meanwhile::OldKilled => stop(&mut t, old, KILL),
        Meanwhile::NewStops => stop(&mut t, new, STOP),
        Meanwhile::NewKilled => stop(&mut t, new, KILL),
        Meanwhile::Shutdown => t.w.isos[0].shutdown(FOREVER),
        Meanwhile::ChildLost | Meanwhile::OldLost | Meanwhile::NewLost => {}
    }
    if let Some(lane) = lost.filter(|lane| *lane != 0) {
        t.w.lose(lane, turns.is_multiple_of(2));
        t.w.run();
        t.w.revive(lane);
    }
    settle(&mut t);
    let trace = t.w.take();
    let answers = trace.iter().filter(|t| t.contains(" adopted ")).count();
    assert!(answers == 1 || (answers == 0 && lost == Some(n) && n != 0), "{context}: {trace:?}");
    let done = trace.iter().any(|t| t.ends_with(" adopted done"));
    let tree = t.w.tree();
    let known = [old, new, sibling, kid, below];
    for who in known {
        assert_eq!(tree.contains_key(&who), t.lives(who), "{context}: {who:?} {trace:?}");
    }
    assert_eq!(tree.len(), known.iter().filter(|who| t.lives(**who)).count(), "{context}");
    if t.lives(kid) {
        let parent = t.parent(kid);
        assert!(parent == Some(if done { new } else { old }) || answers == 0, "{context}: {parent:?}");
    }
    assert!(t.w.isos.iter().all(|iso| !iso.is_busy()), "{context}");
    let decided = trace.iter().filter(|t| t.contains(" will restart")).count();
    match what {
        Meanwhile::Fails | Meanwhile::Quits => {
            assert!(t.lives(kid), "{context}: {trace:?}");
            assert_eq!(t.generation(kid), Some(1), "{context}: {trace:?}");
            let most = usize::from(what == Meanwhile::Fails);
            assert_eq!(decided, most, "{context}: one supervisor decides: {trace:?}");
        }
        Meanwhile::Stops | Meanwhile::Killed | Meanwhile::Shutdown => assert!(!t.lives(kid), "{context}"),
        Meanwhile::Sibling => assert!(t.lives(kid) && t.lives(sibling), "{context}"),
        Meanwhile::OldStops | Meanwhile::OldKilled => assert!(t.lives(kid) == done || !t.lives(kid), "{context}"),
        Meanwhile::NewStops | Meanwhile::NewKilled => assert!(t.lives(kid) != done || !t.lives(kid), "{context}"),
        Meanwhile::ChildLost if c != p && c != n && c != 0 => {
            assert!(t.lives(kid) && done, "{context}: {trace:?}");
            assert_eq!(t.generation(kid), Some(1), "{context}: {trace:?}");
        }
        _ => {}
    }
    t.end();
}

#[test]
fn whatever_happens_meanwhile_it_has_one_parent_or_none() {
    for places in places() {
        for what in ALL_OF_THEM {
            for turns in 0..40 {
                for way in 0..3 {
                    meanwhile(places, what, turns, way, false);
                }
                meanwhile(places, what, turns, turns % 3, true);
            }
        }
    }
}

#[test]
fn one_behind_its_backoff_comes_back_when_it_would_have_below_its_new_parent() {
    for [c, p, n] in places() {
        let mut t = Town::new(&patient(ONE));
        let old = t.spawn("old", ROOT, p, t.one);
        let new = t.spawn("new", ROOT, n, t.one);
        let kid = t.spawn("kid", old, c, t.one);
        t.fail(kid);
        t.w.advance(60);
        assert_eq!(t.adopts(new, kid), "done", "{c} {p} {n}");
        t.w.advance(39);
        assert_eq!(t.generation(kid), Some(1));
        assert_eq!(t.w.take().iter().filter(|t| t.contains("kid starts")).count(), 0);
        t.w.advance(1);
        assert_eq!(t.w.take().iter().filter(|t| t.contains("kid starts")).count(), 1, "{c} {p} {n}");
        t.fail(kid);
        t.w.advance(199); // the second in a row
        assert_eq!(t.w.take().iter().filter(|t| t.contains("kid starts")).count(), 0, "{c} {p} {n}");
        t.w.advance(1);
        assert_eq!(t.w.take().iter().filter(|t| t.contains("kid starts")).count(), 1, "{c} {p} {n}");
        t.end();
    }
}

#[test]
fn a_member_that_leaves_while_its_group_is_down_is_not_waited_for() {
    for [c, p, n] in places() {
        let mut t = Town::new(&patient(ONE));
        let old = t.spawn("old", ROOT, p, t.all);
        let new = t.spawn("new", ROOT, n, t.one);
        let kid = t.spawn("kid", old, c, t.one);
        let other = t.spawn("other", old, n, t.one);
        t.fail(other);
        t.w.run();
        assert_eq!(t.adopts(new, kid), "done");
        t.w.run();
        let is_up = |t: &Town, (lane, who): Who| t.w.isos[lane].lane.actors_below(who.index, who.age)[0].state == 1;
        assert_eq!((is_up(&t, kid), is_up(&t, other)), (true, false), "{c} {p} {n}");
        t.w.advance(100);
        assert!(is_up(&t, other));
        assert_eq!([kid, other].map(|x| t.generation(x)), [Some(1), Some(1)]);
        t.end();
    }
}

#[test]
fn a_name_goes_with_an_actor_from_lane_to_lane() {
    for [c, p, n] in places() {
        let mut t = Town::new(&at_once(ONE));
        let old = t.spawn("old", ROOT, p, t.one);
        let new = t.spawn("new", ROOT, n, t.one);
        let kid = t.spawn("kid", old, c, t.one);
        let twin = t.spawn("twin", new, n, t.one);
        let seat = t.w.isos[p].lane.children(old.1.index)[0];
        assert!(t.w.isos[p].lane.reserve(old.1.index, "x", seat).is_ok());
        assert!(t.w.isos[n].lane.reserve(new.1.index, "x", twin.1.index).is_ok());
        assert_eq!(t.adopts(new, kid), "name-taken", "{c} {p} {n}");
        assert_eq!(t.parent(kid), Some(old));
        stop_there(&mut t.w.isos[(n + 1) % 3], at(n as u32, twin.1), STOP);
        t.w.run();
        assert_eq!(t.adopts(new, kid), "done", "{c} {p} {n}");
        assert_eq!(t.w.isos[p].lane.find(old.1.index, "x"), None);
        let found = t.w.isos[n].lane.find(new.1.index, "x").expect("it is called so there").0;
        assert_eq!(vec![found], t.w.isos[n].lane.children(new.1.index));
        assert!(t.w.isos[n].lane.reserve(new.1.index, "x", 77).is_err());
        t.end();
    }
}

#[test]
fn what_was_never_encoded_ends_with_its_isolate() {
    let mut t = Town::new(&at_once(ONE));
    let old = t.spawn("old", ROOT, 1, t.one);
    let new = t.spawn("new", ROOT, 2, t.one);
    let kid = t.spawn("kid", old, 1, t.one);
    t.w.take();
    t.ask(kid, new, 2);
    for _ in 0..12 {
        for lane in [0, 2, 1] {
            if lane != 1 {
                t.w.turn(lane);
            } else if t.w.isos[1].delivered().is_empty() {
                t.w.isos[1].turn(); // what it is told of the move it does not read
            }
        }
    }
    t.w.lose(1, false);
    t.w.run();
    assert!(!t.lives(kid) && t.lives(new));
    assert!(t.w.take().iter().any(|t| t.ends_with("ended lost")));
    assert_eq!(t.children(new), []);
    t.end();
}

#[test]
fn an_unnamed_actor_keeps_its_name_unless_one_there_is_called_so_by_chance() {
    for twins in [false, true] {
        let mut t = Town::new(&at_once(ONE));
        let old = t.spawn("old", ROOT, 1, t.one);
        let new = t.spawn("new", ROOT, 2, t.one);
        let kid = t.spawn("kid", old, 1, t.one);
        if twins {
            t.spawn("twin", new, 2, t.one);
        }
        let before = t.w.isos[1].lane.name(kid.1.index);
        assert_eq!(t.adopts(new, kid), "done");
        let seats = t.w.isos[2].lane.children(new.1.index);
        let names: Vec<_> = seats.iter().map(|seat| t.w.isos[2].lane.name(*seat)).collect();
        assert_eq!(names.last() == Some(&before), !twins, "{names:?}");
        assert!(names.contains(&before));
        assert_eq!(t.adopts(old, kid), "done");
        assert_eq!(t.w.isos[1].lane.name(kid.1.index), *names.last().unwrap());
        t.end();
    }
}

#[test]
fn a_system_does_not_end_before_those_that_are_on_their_way() {
    for [c, p, n] in places() {
        for (turns, seed) in (0..30).flat_map(|turns| (0..20).map(move |seed| (turns, seed))) {
            let mut t = Town::new(&at_once(ONE));
            let old = if p == 0 { ROOT } else { t.spawn("old", ROOT, p, t.one) };
            let new = t.spawn("new", ROOT, n, t.one);
            let kid = t.spawn("kid", old, c, t.one);
            t.w.take();
            t.ask(kid, new, n);
            for turn in 0..turns {
                t.w.turn(turn % 3);
            }
            t.w.isos[0].shutdown(FOREVER);
            let mut closed = false;
            let mut chance = 0x9e37_79b9_u32.wrapping_mul(seed * 31 + turns as u32 + 1);
            for _ in 0..300 {
                chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                t.w.turn((chance >> 16) as usize % 3);
                closed |= t.w.take().iter().any(|t| t == "closed");
                assert!(!closed || ![new, kid].iter().any(|who| t.lives(*who)), "{c} {p} {n} {turns}");
            }
            assert!(closed);
            t.w.nothing_left();
        }
    }
}
