//! Messages to and from the lanes of other isolates.
//!
//! A lane that is alone has none of this. A message for another lane becomes a parcel in that lane's batch, which is
//! pushed at the end of the turn; one that comes in is counted and routed like one of the own isolate. What else goes
//! between lanes is a parcel too, see [`carry`] and [`super::carried`].

use std::collections::{HashMap, VecDeque};

use super::calls::{FarCall, FarCalls, InHand, Wants};
use super::chase::Chases;
use super::letters::Letters;
use super::mail::Taken;
use super::orders::Moves;
use super::parcel::{Header, Parcel};
use super::pool::{Pool, Returns};
use super::{Lane, Rings};
use crate::entry::{Entry, OP_MASK, TAG_SHIFT, carry, dead, flag, op, policy};
use crate::hub::Posts;
use crate::limits::INDEX_BITS;
use crate::mailbox::links::Batch;
use crate::sync::Arc;
use crate::sync::atomic::Ordering::Relaxed;

/// Where something is: its lane and its index there. As a word: the index, and above it the lane's number plus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Which lane.
    pub lane: u32,
    /// Its index there.
    pub index: u32,
}

impl Address {
    /// What a word says; none when it is an index of the own lane.
    #[inline]
    #[must_use]
    pub fn of(word: u32) -> Option<Address> {
        let lane = (word >> INDEX_BITS).checked_sub(1)?;
        Some(Address { lane, index: word & ((1 << INDEX_BITS) - 1) })
    }

    /// As a word.
    #[inline]
    #[must_use]
    pub const fn word(self) -> u32 {
        (self.lane + 1) << INDEX_BITS | self.index
    }
}

/// What goes to one lane.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Goes before the batches of all lanes: an actor is there before anybody elsewhere can know of it.
    pub(super) births: Batch<Parcel>,
    pub(super) batch: Batch<Parcel>,
    pub(super) messages: u64,
    /// Goes when the batches of all lanes went: what tells of an end comes after what was sent before it.
    pub(super) news: Batch<Parcel>,
}

/// What a lane has that is not alone.
#[derive(Debug)]
pub(super) struct Far {
    pub(super) place: u32,
    pub(super) posts: Arc<Posts>,
    pub(super) parcels: Pool,
    pub(super) out: Vec<Outgoing>,
    /// Something is in `out`.
    pub(super) writes: bool,
    /// See [`Heads`].
    heads: Heads,
    pub(super) calls: FarCalls,
    /// Calls whose messages were let in this turn, to be told at its end.
    pub(super) let_in: Vec<u32>,
    pub(super) letters: Letters,
    /// Large bytes of letters that were written, in order.
    pub(super) attached: VecDeque<Vec<u8>>,
    /// Errors as letters, by their number.
    pub(super) errors: HashMap<u32, Box<[u8]>>,
    /// Parcels that this turn took.
    pub(super) took: u64,
    /// How many of `waiters` are this lane's.
    pub(super) waits: bool,
    /// Its isolate is gone.
    pub(super) lost: bool,
    /// What other isolates listen to, and which change of that was the last.
    pub(super) asked: (u32, u32),
    /// Of each actor the message in hand, by index; says nothing of one that has none.
    pub(super) in_hand: Vec<(InHand, u32)>,
    /// How many isolates it had before this one.
    pub(super) epoch: u32,
    /// Letters that nobody needs once the notes that name them were read.
    pub(super) stale: Vec<u32>,
    /// Indices that were granted to other isolates, and are not in use yet: lane, epoch, index.
    pub(super) lent: Vec<(u32, u32, u32)>,
    /// Lanes that have lent to this one's isolate.
    pub(super) borrows: Vec<u32>,
    /// Actors that are to end as soon as they come: their stand-in was faster than they.
    pub(super) unborn: Vec<(u32, u32)>,
    pub(super) chases: Chases,
    /// Actors that get another parent.
    pub(super) moves: Moves,
}

/// By class and name: what the heads of messages of that method begin with; 0: not known. Classes that the isolate numbers itself
/// and those that all isolates number alike ([`SHARED`] and above) lie apart, each from 0 on.
#[derive(Debug, Default)]
struct Heads([Vec<Vec<u32>>; 2]);

/// Of the number of a class: all isolates number it alike.
const SHARED: usize = 0x8000;

impl Heads {
    fn of(&self, class: usize) -> Option<&Vec<u32>> {
        self.0[usize::from(class & SHARED != 0)].get(class & (SHARED - 1))
    }

    fn set(&mut self, class: usize, name: usize, head: u32) {
        let classes = &mut self.0[usize::from(class & SHARED != 0)];
        let class = class & (SHARED - 1);
        if classes.len() <= class {
            classes.resize_with(class + 1, Vec::new);
        }
        let heads = &mut classes[class];
        if heads.len() <= name {
            heads.resize(name + 1, 0);
        }
        heads[name] = head;
    }
}

impl Far {
    /// The method that an isolate knows by this number.
    pub(super) fn name_of(&self, class: usize, tag: u32) -> Option<u32> {
        let heads = self.heads.of(class)?;
        let at = heads.iter().position(|head| *head != 0 && head >> TAG_SHIFT == tag)?;
        u32::try_from(at).ok().filter(|_| tag != 0)
    }

    /// The isolate that knew the methods is gone.
    pub(super) fn forget_heads(&mut self) {
        self.heads = Heads::default();
    }
}

/// Of a header's last word: the lane, the priority, and whether a moment stands before the bytes.
pub(super) const LANE: u32 = 0xff;
pub(super) const PRIORITY_SHIFT: u32 = 8;
pub(super) const EXPIRES: u32 = 1 << 10;
/// Above these: which of the isolates that the lane had one after another asks, or is answered. What is meant for one that
/// is gone must not reach the next, which counts its calls anew.
pub(super) const EPOCH_SHIFT: u32 = 11;
pub(super) const EPOCH_MASK: u32 = u32::MAX >> EPOCH_SHIFT;
/// Of a message: the handler that sent it waits for the reply, or will if it turns out to return a promise. Which methods
/// are asynchronous only the receiver knows.
pub(super) const WAITS: u32 = flag::ASYNC;

impl Lane {
    /// The lane is one of several from now on.
    pub fn join(&mut self, place: u32, posts: Arc<Posts>) {
        for (other, post) in (0..).zip(posts.all()) {
            self.home(other, Arc::clone(&post.returns));
        }
        if place > 0 {
            self.rests(); // until its isolate begins
        }
        let parcels = std::mem::take(&mut self.parcels);
        let out = posts.all().iter().map(|_| Outgoing::default()).collect();
        self.far = Some(Box::new(Far {
            place,
            posts,
            parcels,
            out,
            writes: false,
            heads: Heads::default(),
            calls: FarCalls::default(),
            let_in: Vec::new(),
            letters: Letters::default(),
            attached: VecDeque::new(),
            errors: HashMap::new(),
            took: 0,
            waits: false,
            lost: false,
            asked: (0, 0),
            in_hand: Vec::new(),
            epoch: 0,
            stale: Vec::new(),
            lent: Vec::new(),
            borrows: Vec::new(),
            unborn: Vec::new(),
            chases: Chases::default(),
            moves: Moves::default(),
        }));
    }

    /// Where the lane's parcels come home to.
    #[must_use]
    pub fn returns(&self) -> Arc<Returns> {
        Arc::clone(self.far.as_ref().map_or(&self.parcels, |far| &far.parcels).returns())
    }

    /// What messages of the method `name` begin with when they are for an actor of this class.
    pub fn head(&mut self, class: u32, name: u32, head: u32) {
        if let Some(far) = self.far.as_mut() {
            far.heads.set(class as usize, name as usize, head);
        }
    }

    /// Keeps large bytes for the letter that is being written.
    pub fn attach(&mut self, bytes: Vec<u8>) {
        if let Some(far) = self.far.as_mut() {
            far.attached.push_back(bytes);
        }
    }

    /// Takes large bytes out of a letter.
    pub fn detach(&mut self, letter: u32, place: usize) -> Option<Vec<u8>> {
        self.far.as_mut()?.letters.get_mut(letter)?.detach(place)
    }

    /// The bytes of a letter that the bag had no room for, behind the words that stand before them.
    #[must_use]
    pub fn letter(&self, letter: u32) -> Option<(Vec<u32>, &[u8])> {
        let letters = &self.far.as_ref()?.letters;
        Some((letters.words(letter)?.to_vec(), letters.get(letter)?.bytes()))
    }

    /// Keeps an error as a letter of the isolate, should it have to be told elsewhere.
    pub fn keep_error(&mut self, number: u32, bytes: &[u8]) {
        if let Some(far) = self.far.as_mut() {
            far.errors.insert(number, bytes.into());
        }
    }

    /// The number of the name of what an entry runs; 0 when it is no message.
    #[must_use]
    pub fn name_of_entry(&self, e: &Entry) -> u32 {
        let class = self.table.get(e.index).map_or(0, |c| usize::from(c.class));
        let is_message = e.op() == crate::entry::note::MSG;
        self.far.as_ref().filter(|_| is_message).and_then(|far| far.name_of(class, e.tag())).unwrap_or(0)
    }

    /// Whether its isolate is gone.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.far.as_ref().is_some_and(|far| far.lost)
    }

    /// Lanes that wait for all to be idle look again.
    #[cold]
    pub(super) fn nudge_waiters(&self) {
        let Some(far) = self.far.as_ref() else { return };
        for (lane, post) in (0..).zip(far.posts.all()) {
            if lane != far.place && post.state.load(Relaxed) & crate::hub::post::WAITS != 0 {
                post.remote.wake();
            }
        }
    }

    /// The isolate waits, or not any more, for all lanes to be idle.
    pub fn wait_for_all(&mut self, waits: bool) {
        let Some(far) = self.far.as_mut() else { return };
        if far.waits == waits {
            return;
        }
        far.waits = waits;
        let Some(own) = far.posts.get(far.place) else { return };
        if waits {
            own.state.fetch_or(crate::hub::post::WAITS, Relaxed);
            far.posts.waiters.fetch_add(1, Relaxed);
        } else {
            own.state.fetch_and(!crate::hub::post::WAITS, Relaxed);
            far.posts.waiters.fetch_sub(1, Relaxed);
            self.nudge_waiters(); // those who found this one awake, before it could look itself
        }
    }

    /// The address of one of this lane's indices; 0 for nobody.
    pub(super) fn address(&self, index: u32) -> u32 {
        match &self.far {
            Some(far) if index != 0 => Address { lane: far.place, index }.word(),
            _ => 0,
        }
    }

    // ----------------------------------------------------------------------------------------------- in

    /// A message of another isolate.
    pub(super) fn message_in(&mut self, io: &mut Rings<'_>, taken: &Taken, direct: bool) {
        let Taken { header, letter } = *taken;
        let Some(cell) = self.table.get(header.index) else {
            return self.unknown_in(&header, letter);
        };
        let (class, drops) = (usize::from(cell.class), cell.overflow() == policy::DROP_OLDEST);
        let Some(far) = self.far.as_mut() else { return };
        let name = (header.w0 >> TAG_SHIFT) as usize;
        let known = if header.w0 & flag::STREAM != 0 {
            0
        } else {
            far.heads.of(class).and_then(|h| h.get(name)).copied().unwrap_or(0)
        };
        let mut e = Entry {
            head: op::MSG | header.w0 & (flag::ASK | flag::SEND | flag::STREAM | flag::ARITY | flag::SLOT),
            index: header.index,
            age: header.generation,
            payload: header.payload,
            from: header.from_index,
            corr: 0,
        };
        let lane = header.source_lane & LANE;
        if header.corr != 0 {
            let epoch = header.source_lane >> EPOCH_SHIFT;
            let wants = match header.w0 & (flag::SEND | flag::ABORTS) {
                flag::SEND if drops || known == 0 => Wants::Place,
                flag::SEND => Wants::Entry,
                w if w & flag::SEND != 0 => Wants::End,
                _ => Wants::Outcome,
            };
            let message = InHand {
                index: header.index,
                name: header.w0 >> TAG_SHIFT,
                from: header.from_index,
                from_age: header.from_generation,
            };
            let call = FarCall { lane, epoch, corr: header.corr, wants, told: false, message };
            let Some(corr) = far.calls.open(call) else {
                self.drop_letter(letter);
                return self.refuse_in(&header, dead::MAILBOX_FULL); // a million wait for this isolate
            };
            e.corr = corr;
        }
        let (mut letter, mut expires) = (letter, 0);
        if header.w0 & flag::SLOT != 0 {
            if let Some(mut parcel) = far.letters.take(letter) {
                expires = parcel.take_front().map_or(0, u64::from_ne_bytes); // it has no words, only the moment
                self.mail.spend(parcel);
            }
            letter = 0;
            // a block of a native actor's: its arity says whether the handler is asynchronous, and nothing is looked up
            let is_async = if header.w0 & 1 << flag::ARITY.trailing_zeros() != 0 { flag::ASYNC } else { 0 };
            e.head |= is_async | header.w0 & u32::MAX << TAG_SHIFT;
        } else if known == 0 && letter == 0 {
            letter = far.letters.keep(Parcel::new(header)); // the method is looked up by its name, which stands there
        }
        e.head |= known & !OP_MASK;
        if letter != 0 {
            e.head |= flag::LETTER | flag::ARITY;
            e.payload = letter;
            if header.source_lane & EXPIRES != 0
                && let Some(parcel) = far.letters.get_mut(letter)
            {
                expires = parcel.take_front().map_or(0, u64::from_ne_bytes);
            }
        }
        let priority = header.source_lane >> PRIORITY_SHIFT & 3;
        if priority == 0 && expires == 0 && !e.has(flag::SEND) {
            self.message(io, &e, header.from_generation, direct && letter == 0);
        } else {
            self.message_late(&e, header.from_generation, priority, expires);
        }
        if header.w0 & WAITS != 0 {
            self.asked_from_afar(&header);
        }
    }

    /// For an index that was never in use: only a ref of another system can lead there.
    #[cold]
    fn unknown_in(&mut self, header: &Header, letter: u32) {
        self.drop_letter(letter);
        self.refuse_in(header, dead::NO_SUCH_ACTOR);
    }

    /// A message that came when the lane had closed.
    #[cold]
    pub(super) fn lost_in(&mut self, header: &Header) {
        self.refuse_in(header, dead::ISOLATE_LOST);
    }

    fn refuse_in(&mut self, header: &Header, why: u32) {
        self.ledger.sent += 1;
        self.ledger.dead[why as usize] += 1;
        if header.corr != 0 {
            let (lane, epoch) = (header.source_lane & LANE, header.source_lane >> EPOCH_SHIFT);
            self.tell_refused(lane, epoch, header.corr, why);
        }
    }

    /// Whether what came answers an isolate that is gone.
    pub(super) fn is_for_another(&self, h: &Header) -> bool {
        let answers = matches!(
            h.w0 >> TAG_SHIFT,
            carry::REPLY
                | carry::REFUSED
                | carry::ITEM
                | carry::BEGIN
                | carry::ACCEPTED
                | carry::OVER
                | carry::STARTED
                | carry::ENDED
                | carry::ADOPTED
        );
        answers && self.far.as_ref().is_some_and(|far| h.source_lane >> EPOCH_SHIFT != far.epoch & EPOCH_MASK)
    }

    /// Which isolate of its lane sent this.
    pub(super) fn epoch_of(h: &Header) -> u32 {
        h.source_lane >> EPOCH_SHIFT
    }

    /// The last step of a turn of one of several lanes. Whether the isolate holds the process.
    #[inline(never)]
    pub(super) fn publish_far(&mut self, busy: bool, holds: bool) -> bool {
        self.push_out();
        self.show(busy, holds)
    }

    /// The letters of the last inbox were read.
    #[inline(never)]
    pub(super) fn drop_read(&mut self) {
        let Some(far) = self.far.as_mut() else { return };
        far.letters.read(|parcel| self.mail.spend(parcel));
        if !far.stale.is_empty() {
            self.drop_stale();
        }
    }

    /// Letters that were needed for what is read now.
    pub(super) fn drop_stale(&mut self) {
        if !self.pending.is_empty() {
            return;
        }
        let stale = self.far.as_mut().map(|far| std::mem::take(&mut far.stale)).unwrap_or_default();
        for letter in stale {
            self.drop_letter(letter);
        }
    }

    /// A letter that notes on their way to the isolate name.
    pub(super) fn drop_letter_later(&mut self, letter: u32) {
        if let Some(far) = self.far.as_mut().filter(|_| letter != 0) {
            far.stale.push(letter);
        }
    }

    /// A letter that nobody will read.
    pub(super) fn drop_letter(&mut self, letter: u32) {
        if letter == 0 {
            return;
        }
        if let Some(parcel) = self.far.as_mut().and_then(|far| far.letters.take(letter)) {
            self.mail.spend(parcel);
        }
    }
}
