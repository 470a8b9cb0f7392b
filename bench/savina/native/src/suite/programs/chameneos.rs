//! 6. Creatures meet in pairs at a mall and take the complement of their colours.

use super::super::Wrong;
use super::super::registry::Numbers;
use super::super::stage::Place;
use super::super::tally::{Fact, Tally, fact};
use buskin_core::native::{Actor, AnyRef, Cause, Ctx, Handler, Ref};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq)]
enum Colour {
    Red,
    Yellow,
    Blue,
}

impl Colour {
    /// Two of one colour stay; two of different colours both take the third.
    fn complement(self, other: Colour) -> Colour {
        use Colour::{Blue, Red, Yellow};
        match (self, other) {
            (Red, Red) | (Yellow, Blue) | (Blue, Yellow) => Red,
            (Yellow, Yellow) | (Red, Blue) | (Blue, Red) => Yellow,
            (Blue, Blue) | (Red, Yellow) | (Yellow, Red) => Blue,
        }
    }
}

struct Mall {
    left: u32,
    creatures: u32,
    waiting: Option<Ref<Creature>>,
    sum: u64,
    faded: u32,
    tally: Tally,
}

struct Meet(Colour, Ref<Creature>);
struct Count(u64);

impl Actor for Mall {
    fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
        let mall = ctx.self_ref();
        for i in 0..self.creatures {
            let colour = [Colour::Red, Colour::Yellow, Colour::Blue][i as usize % 3];
            ctx.spawn(move || Creature { mall, colour, meetings: 0, tally: Tally::default() })?;
        }
        Ok(())
    }
}
impl Handler<Meet> for Mall {
    type Reply = ();
    fn handle(&mut self, Meet(colour, creature): Meet, _: &mut Ctx<Self>) {
        self.tally.heard();
        if self.left == 0 {
            return creature.tell(End);
        }
        match self.waiting.take() {
            None => self.waiting = Some(creature),
            Some(first) => {
                self.left -= 1;
                first.tell(Meet(colour, creature));
            }
        }
    }
}
impl Handler<Count> for Mall {
    type Reply = ();
    fn handle(&mut self, Count(meetings): Count, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        self.sum += meetings;
        self.faded += 1;
        if self.faded == self.creatures {
            fact(Fact::Meetings, self.sum);
            self.tally.exit(ctx);
        }
    }
}

struct Creature {
    mall: Ref<Mall>,
    colour: Colour,
    meetings: u64,
    tally: Tally,
}

struct Change(Colour);
struct End;

impl Actor for Creature {
    fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
        self.mall.tell(Meet(self.colour, ctx.self_ref()));
        Ok(())
    }
}
impl Handler<Meet> for Creature {
    type Reply = ();
    fn handle(&mut self, Meet(colour, creature): Meet, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        self.colour = self.colour.complement(colour);
        self.meetings += 1;
        creature.tell(Change(self.colour));
        self.mall.tell(Meet(self.colour, ctx.self_ref()));
    }
}
impl Handler<Change> for Creature {
    type Reply = ();
    fn handle(&mut self, Change(colour): Change, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        self.colour = colour;
        self.meetings += 1;
        self.mall.tell(Meet(colour, ctx.self_ref()));
    }
}
impl Handler<End> for Creature {
    type Reply = ();
    fn handle(&mut self, _: End, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        let colour = match self.colour {
            Colour::Red => Fact::Red,
            Colour::Yellow => Fact::Yellow,
            Colour::Blue => Fact::Blue,
        };
        fact(colour, 1);
        self.mall.tell(Count(self.meetings));
        self.tally.exit(ctx);
    }
}

/// The creatures are the mall's children, so they live on its thread.
pub(super) fn start(place: &Arc<Place>, sizes: &Numbers) -> Result<Vec<AnyRef>, Wrong> {
    let (left, creatures) = (sizes.whole("meetings")?, sizes.whole("creatures")?);
    let mall = move || Mall { left, creatures, waiting: None, sum: 0, faded: 0, tally: Tally::default() };
    Ok(vec![place.system.spawn_with(&place.first(), mall)?.any()])
}

/// Who meets whom is nobody's decision, so the colours at the end are not known. But no meeting changes the difference of two
/// colours' numbers by anything but 3.
pub(super) fn settle(found: &mut Numbers) {
    let [red, yellow, blue] = ["red", "yellow", "blue"].map(|colour| found.0.remove(colour).unwrap_or(0.0));
    found.0.insert("creatures".into(), red + yellow + blue);
    found.0.insert("redLessYellow".into(), (red - yellow).rem_euclid(3.0));
    found.0.insert("yellowLessBlue".into(), (yellow - blue).rem_euclid(3.0));
}
