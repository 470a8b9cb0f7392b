//! Actors of a lane that another thread runs: what leaves, what comes of it, and what happens meanwhile. The random programs of
//! `model.rs` and `supervision_random.rs` do the same in all combinations.
mod common;

use buskin_core::entry::{dead, note, policy, restart};
use buskin_core::lane::Ran;
use common::{ASYNC, Comes, FAILED, HANDLED, How, Isolate, Options, REASONS, Ref, SHARED};

/// Two actors that have started: something for the first is in the inbox, and the second one is ready with `count` messages.
fn ready(count: u32, options: Options) -> (Isolate, Ref, Ref, Vec<u32>) {
    let mut iso = Isolate::new();
    let (a, b) = (iso.plain("a"), iso.spawn("b", options, |_, _| Comes::Returns));
    iso.run();
    iso.tell(a);
    iso.turn();
    let ids = (0..count).map(|_| iso.tell(b)).collect();
    iso.submit();
    iso.take();
    (iso, a, b, ids)
}

#[test]
fn one_message_leaves_and_the_next_one_when_it_is_back() {
    let (mut iso, _, _, ids) = ready(3, Options::default());
    assert_eq!((iso.part(64), iso.part(64)), (1, 0));
    assert_eq!(iso.lane.ledger.running, 1);
    iso.comes_back(0, Ran::Returned, |_, _| {});
    assert_eq!(iso.end_of(ids[0]), HANDLED);
    assert_eq!(iso.part(64), 1, "while the owner still reads");
    iso.run();
    assert_eq!(iso.end_of(ids[2]), "pending", "it waits for the one before");
    iso.come_home();
    assert_eq!(iso.after_run().last().unwrap(), "b 4");
    iso.all_accounted_for();
}

#[test]
fn what_is_in_the_inbox_does_not_leave_and_neither_does_what_waits_behind_it() {
    let (mut iso, a, _, _) = ready(0, Options::default());
    iso.tell(a);
    iso.submit();
    assert_eq!(iso.part(64), 0);
    iso.read();
    iso.submit();
    assert_eq!(iso.part(64), 1, "its end is known");
    iso.come_home();
    iso.run();
    iso.all_accounted_for();
}

#[test]
fn what_was_recalled_may_leave() {
    let (mut iso, a, b) = {
        let mut iso = Isolate::new();
        let (a, b) = (iso.plain("a"), iso.plain("b"));
        iso.run();
        (iso, a, b)
    };
    let ids: Vec<_> = [a, b, b].map(|who| iso.tell(who)).into();
    iso.turn();
    assert_eq!((iso.delivered().len(), iso.part(64)), (3, 0));
    iso.recall(1);
    assert_eq!((iso.delivered().len(), iso.part(64)), (1, 1));
    assert_eq!(iso.guests[0].entry.payload, ids[1]);
    iso.come_home();
    iso.take();
    assert_eq!(iso.after_run(), ["a 1", "b 3"]);
    iso.all_accounted_for();
}

#[test]
fn handlers_that_are_asynchronous_or_concurrent_stay_and_so_do_actors_that_are_suspended() {
    for flags in [ASYNC, SHARED] {
        let (mut iso, _, b, _) = ready(0, Options::default());
        iso.tell_how(b, How { flags, ..How::default() });
        iso.submit();
        assert_eq!(iso.part(64), 0);
        iso.run();
    }
    let mut iso = Isolate::new();
    let b =
        iso.spawn("b", Options::default(), |_, e| if e.op() == note::MSG { Comes::Promises } else { Comes::Returns });
    iso.run();
    iso.tell(b);
    iso.tell(b);
    iso.run();
    assert_eq!((iso.in_hand(b), iso.part(64)), (1, 0));
    iso.done(b, true);
    iso.turn();
    assert_eq!(iso.part(64), 0, "it is run one by one by its owner");
}

#[test]
fn what_comes_to_nothing_is_counted_as_that() {
    for (ran, how) in [(Ran::Threw(9), FAILED), (Ran::NoHandler, REASONS[dead::NO_HANDLER as usize])] {
        let (mut iso, _, b, ids) = ready(1, Options { restart: restart::PERMANENT, ..Options::default() });
        iso.part(1);
        iso.comes_back(0, ran, |_, _| {});
        iso.run();
        assert_eq!(iso.end_of(ids[0]), how);
        assert!(iso.lane.is_alive(b.index, b.age));
        assert_eq!(iso.lane.ledger.restarts, u64::from(ran == Ran::Threw(9)));
        iso.all_accounted_for();
    }
}

#[test]
fn a_stop_waits_for_the_guest_and_nobody_is_told_of_the_end_before() {
    let (mut iso, _, b, ids) = ready(2, Options::default());
    iso.part(1);
    iso.stop(b);
    assert!(!iso.after_run().iter().any(|t| t.contains("ended")));
    iso.comes_back(0, Ran::Returned, |_, _| {});
    assert!(iso.after_run().contains(&"b ended normal".to_owned()));
    assert_eq!((iso.end_of(ids[0]), iso.end_of(ids[1])), (HANDLED, "stopped"));
    iso.all_accounted_for();
}

#[test]
fn a_kill_gives_the_guest_up_but_is_told_when_it_is_back() {
    let (mut iso, _, b, ids) = ready(1, Options::default());
    iso.part(1);
    iso.kill(b);
    iso.run();
    assert!(!iso.lane.is_alive(b.index, b.age) && iso.is_busy());
    assert!(!iso.take().iter().any(|t| t.contains("ended")));
    iso.comes_back(0, Ran::Returned, |_, _| {});
    assert_eq!(iso.after_run(), ["b ended killed"]);
    assert_eq!(iso.end_of(ids[0]), FAILED);
    assert!(!iso.is_busy());
    iso.all_accounted_for();
}

#[test]
fn what_it_wrote_is_routed_when_it_is_back_and_what_changes_lives_when_the_owner_has_read() {
    let (mut iso, a, b, _) = ready(1, Options::default());
    iso.part(1);
    let mut asked = 0;
    iso.comes_back(0, Ran::Returned, |iso, who| {
        asked = iso.ask_how(a, How::default());
        iso.spawn("c", Options { parent: who.index, ..Options::default() }, |_, _| Comes::Returns);
        iso.end_as_guest(a, buskin_core::entry::stop::NORMAL);
    });
    assert!(iso.lane.is_alive(a.index, a.age));
    let trace = iso.after_run();
    assert!(trace.contains(&"c starts".to_owned()) && trace.contains(&"a ended normal".to_owned()), "{trace:?}");
    assert_eq!(iso.end_of(asked), "stopped");
    assert_eq!(iso.lane.children(b.index).len(), 1);
    assert!(iso.cycles.is_empty());
    iso.all_accounted_for();
}

#[test]
fn an_owner_with_nothing_to_read_finds_the_consequences_drawn() {
    let (mut iso, a, _, _) = ready(1, Options::default());
    iso.part(1);
    iso.run();
    iso.comes_back(0, Ran::Returned, |iso, _| iso.end_as_guest(a, buskin_core::entry::stop::NORMAL));
    assert!(!iso.lane.is_alive(a.index, a.age), "at once");
    assert_eq!(iso.after_run().last().unwrap(), "a ended normal");
}

#[test]
fn a_place_in_a_bounded_mailbox_is_free_when_its_message_leaves() {
    let options = Options { capacity: 1, policy: policy::WAIT, ..Options::default() };
    let (mut iso, _, b, _) = ready(1, options);
    let sent = iso.send_how(b, How::default());
    iso.submit();
    iso.part(1);
    iso.run();
    assert!(iso.take().contains(&format!("accepted {sent}")));
    iso.come_home();
    iso.run();
    iso.all_accounted_for();
}

#[test]
fn a_message_whose_time_is_over_does_not_leave() {
    let (mut iso, _, b, _) = ready(0, Options::default());
    let id = iso.tell_how(b, How { ttl: Some(1_000), ..How::default() });
    iso.submit();
    iso.set_time(5_000);
    assert_eq!(iso.part(1), 0);
    iso.run();
    assert_eq!(iso.end_of(id), "expired");
}

#[test]
fn half_of_those_that_are_ready_leave_and_no_more_than_asked_for() {
    let mut iso = Isolate::new();
    let all: Vec<_> = (0..10).map(|_| iso.plain("x")).collect();
    iso.run();
    iso.tell(all[9]);
    iso.turn();
    for who in &all[..9] {
        iso.tell(*who);
    }
    iso.submit();
    assert_eq!((iso.part(2), iso.part(64), iso.part(64)), (2, 4, 2));
    let guests = std::mem::take(&mut iso.guests);
    let guests: Vec<_> = guests.into_iter().map(|g| buskin_core::lane::Guest { ran: Ran::Returned, ..g }).collect();
    iso.come_back(&guests, |_| {});
    iso.run();
    iso.all_accounted_for();
}
