//! Messages between lanes.
mod common;
use buskin_core::lane::Defaults;
use common::hub::{World, at, post, worker};
use common::{How, Options};

#[test]
fn messages_keep_their_order_whatever_they_carry() {
    let mut w = World::new(2, 64, 4096, Defaults::default());
    let to = w.isos[1].spawn("b", Options::default(), worker);
    w.run();
    let mut ids = vec![];
    for n in 0..300 {
        let length = [0, 10, 79, 80, 81, 700, 5000][n % 7];
        ids.push(post(&mut w.isos[0], at(1, to), How { tag: 4, ..How::default() }, 0, length));
    }
    w.run();
    let ran: Vec<_> = w.isos[1].begun.iter().map(|b| b.1).collect();
    assert_eq!(ran, ids);
    let l = w.hub.ledger();
    assert_eq!((l.sent, l.handled), (300, 300));
    assert_eq!(w.isos[1].lane.open_from_afar(), (0, 0));
}
