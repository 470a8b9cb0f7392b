//! What goes to the lanes of other isolates: messages, and what isolates and lanes say to each other.

use super::calls::Wants;
use super::far::{Address, EPOCH_SHIFT, EXPIRES, LANE, PRIORITY_SHIFT, WAITS};
use super::letters::has_letter;
use super::parcel::{Header, Parcel};
use super::{Lane, Rings};
use crate::cell::State;
use crate::entry::{Entry, OP_MASK, TAG_SHIFT, carry, dead, flag, op};
use crate::limits::CALL_MASK;
use crate::mailbox::links::Batch;
use crate::sync::atomic::Ordering::Relaxed;

impl Lane {
    /// A message whose target is no index of this lane.
    #[cold]
    #[inline(never)]
    pub(super) fn message_out(
        &mut self,
        io: &Rings<'_>,
        e: &Entry,
        from_age: u32,
        priority: u32,
        ttl: u64,
        timeout: u64,
    ) {
        let parcel = self.pack(io, e, from_age);
        let Some(to) = Address::of(e.index).filter(|to| self.has_lane(to.lane)) else {
            return self.refuse_parcel(e, parcel, from_age, dead::NO_SUCH_ACTOR);
        };
        let Some(mut parcel) = parcel else { return };
        let header = parcel.header_mut();
        header.index = to.index;
        header.source_lane |= priority << PRIORITY_SHIFT;
        if ttl != 0 {
            let expires = self.now().saturating_add(ttl - 1).max(1);
            let header = parcel.header_mut();
            header.source_lane |= EXPIRES;
            let bytes = [&expires.to_ne_bytes()[..], parcel.bytes()].concat();
            parcel.replace_bytes(&bytes);
        }
        if e.head & flag::ASK != 0 {
            self.open_call(e, timeout);
            if self.may_wait(e) {
                parcel.header_mut().w0 |= WAITS;
            }
        }
        self.send(to.lane, parcel, true, false);
    }

    pub(super) fn has_lane(&self, lane: u32) -> bool {
        self.far.as_ref().is_some_and(|far| (lane as usize) < far.out.len())
    }

    /// A message that does not even leave.
    fn refuse_parcel(&mut self, e: &Entry, parcel: Option<Parcel>, from_age: u32, why: u32) {
        self.ledger.sent += 1;
        let mut e = *e;
        if has_letter(&e) {
            match (self.far.as_mut(), parcel) {
                (Some(far), Some(parcel)) => {
                    e.payload = far.letters.keep(parcel);
                    e.head |= flag::LETTER;
                }
                _ => e.head &= !flag::ARITY,
            }
        }
        self.refuse(&e, from_age, why);
    }

    /// A message that its caller gave up before it left.
    pub(super) fn given_up_far(&mut self, io: &Rings<'_>, e: &Entry) {
        let from_age = self.age_of(e.from);
        let parcel = self.pack(io, e, from_age);
        self.refuse_parcel(e, parcel, from_age, dead::ABORTED);
    }

    /// An entry of the outbox as a parcel, with its letter.
    fn pack(&mut self, io: &Rings<'_>, e: &Entry, from_age: u32) -> Option<Parcel> {
        let from_index = if Address::of(e.from).is_some() { e.from } else { self.address(e.from) };
        let source_lane = self.source();
        let far = self.far.as_mut()?;
        let header = Header {
            w0: e.head & !(flag::EXT | WAITS),
            index: e.index,
            generation: e.age,
            payload: e.payload,
            from_index,
            from_generation: from_age,
            corr: e.corr,
            source_lane,
        };
        if !has_letter(e) {
            return Some(far.parcels.parcel(header, &[]));
        }
        let (bytes, attached) = written(io.satchel, e.payload);
        let mut parcel = far.parcels.parcel(header, bytes);
        if attached > 0 {
            let attached = far.attached.drain(..attached.min(far.attached.len())).map(Some).collect();
            parcel.attach(attached);
        }
        Some(parcel)
    }

    /// Something for another isolate that its isolate wrote.
    pub(super) fn carry_out(&mut self, io: &Rings<'_>, e: &Entry) {
        let Some(mut parcel) = self.pack(io, e, 0) else { return };
        let kind = e.tag();
        match kind {
            carry::REPLY | carry::REFUSED | carry::ITEM | carry::BEGIN | carry::ACCEPTED | carry::OVER => {
                let Some(far) = self.far.as_mut() else { return };
                let Some(call) = far.calls.get(e.corr).copied() else { return };
                if call.wants != Wants::Outcome {
                    if !self.send_said(e, kind) {
                        return;
                    }
                } else if kind == carry::ACCEPTED {
                    return;
                } else if !matches!(kind, carry::ITEM | carry::BEGIN) {
                    far.calls.close(e.corr);
                    if kind == carry::OVER {
                        return;
                    }
                }
                let Some(far) = self.far.as_ref() else { return };
                let header = parcel.header_mut();
                header.corr = call.corr;
                header.source_lane = far.place | call.epoch << EPOCH_SHIFT;
                header.from_index = e.from;
                if kind == carry::BEGIN {
                    header.index = Address { lane: far.place, index: e.corr & CALL_MASK }.word();
                }
                self.send(call.lane, parcel, false, false);
            }
            carry::CLASS if Address::of(e.index).is_none() => {
                let Some(far) = self.far.as_mut() else { return };
                let (bytes, header) = (parcel.bytes().to_vec(), *parcel.header());
                for lane in (0..).take(far.out.len()) {
                    let Some(far) = self.far.as_mut() else { return };
                    let lives = far.posts.all()[lane as usize].state.load(Relaxed) & crate::hub::post::LIVES != 0;
                    if lane != far.place && lives {
                        let copy = far.parcels.parcel(header, &bytes);
                        self.send(lane, copy, false, true);
                    }
                }
            }
            carry::FAILED => {
                let Some(away) = self.away_of(e.index).filter(|_| self.live(e.index, e.age).is_some()) else { return };
                self.ext(e.index).is_telling = false;
                let Some(to) = Address::of(away.word) else { return };
                let waits = self.table.at(e.index).state == State::Failing && self.asks_home(e.index);
                let as_is = if waits { 0 } else { super::foster::AS_IS };
                let header = parcel.header_mut();
                (header.index, header.generation, header.from_index) = (to.index, away.age, e.from | as_is);
                self.send(to.lane, parcel, false, true);
            }
            carry::ENDED | carry::WATCHED => {
                let Some(to) = Address::of(e.index).filter(|to| self.has_lane(to.lane)) else { return };
                let header = parcel.header_mut();
                (header.index, header.payload) = (to.index, e.corr);
                (header.from_index, header.corr) = (e.from & 0xff, e.from >> 8);
                header.source_lane = header.source_lane & LANE | e.age << EPOCH_SHIFT;
                self.send(to.lane, parcel, false, true);
            }
            _ => {
                let Some(to) = Address::of(e.index).filter(|to| self.has_lane(to.lane)) else { return };
                let Some(far) = self.far.as_mut() else { return };
                let header = parcel.header_mut();
                header.index = to.index;
                header.from_index = e.from;
                if kind == carry::SPAWN && to.lane == far.place {
                    // messages to it are the lane's own, and may be next in the outbox: it is there before them
                    let header = *header;
                    let letter = far.letters.keep(parcel);
                    return self.foster(&header, letter);
                }
                self.send(to.lane, parcel, false, kind == carry::NEWS);
            }
        }
    }

    /// Words of the core for another lane; `news`: they tell of an end. The header's lane is the epoch of the isolate that
    /// they answer.
    pub(super) fn tell(&mut self, lane: u32, header: Header, bytes: &[u8], news: bool) {
        let Some(far) = self.far.as_mut() else { return };
        let w0 = op::CARRY | header.w0 << TAG_SHIFT | if bytes.is_empty() { 0 } else { flag::ARITY };
        let source_lane = far.place | header.source_lane << EPOCH_SHIFT;
        let parcel = far.parcels.parcel(Header { w0, source_lane, ..header }, bytes);
        self.send(lane, parcel, false, news);
    }

    pub(super) fn send(&mut self, lane: u32, parcel: Parcel, message: bool, news: bool) {
        let Some(far) = self.far.as_mut() else { return };
        let Some(out) = far.out.get_mut(lane as usize) else { return };
        let (is_carry, kind) = (parcel.header().w0 & OP_MASK == op::CARRY, parcel.header().w0 >> TAG_SHIFT);
        if news {
            out.news.push(parcel);
        } else if is_carry && matches!(kind, carry::SPAWN | carry::BORN) {
            out.births.push(parcel);
        } else {
            out.batch.push(parcel);
        }
        out.messages += u64::from(message);
        far.writes = true;
    }

    /// Pushes what was written. What tells of an end goes last.
    #[inline]
    pub(super) fn push_out(&mut self) {
        if self.far.as_ref().is_some_and(|far| far.writes) {
            self.push_all();
        }
    }

    fn push_all(&mut self) {
        let mut let_in = self.far.as_mut().map(|far| std::mem::take(&mut far.let_in)).unwrap_or_default();
        for corr in let_in.drain(..) {
            self.tell_accepted(corr);
        }
        let Some(far) = self.far.as_mut() else { return };
        far.let_in = let_in;
        far.writes = false;
        let mut back = Vec::new();
        for (lane, out) in far.out.iter_mut().enumerate() {
            if !out.births.is_empty() {
                drop(far.posts.all()[lane].deliver(std::mem::take(&mut out.births))); // closed: all has ended there
            }
        }
        for (lane, out) in far.out.iter_mut().enumerate() {
            if out.batch.is_empty() {
                continue;
            }
            let post = &far.posts.all()[lane];
            let messages = std::mem::take(&mut out.messages);
            if messages > 0 {
                post.queued.fetch_add(messages, Relaxed);
                far.posts.crossed.fetch_add(messages, Relaxed);
            }
            if let Err(closed) = post.deliver(std::mem::take(&mut out.batch)) {
                post.queued.fetch_sub(messages, Relaxed);
                back.push((lane, closed.0));
            }
        }
        for (lane, out) in far.out.iter_mut().enumerate() {
            if !out.news.is_empty() {
                drop(far.posts.all()[lane].deliver(std::mem::take(&mut out.news))); // closed: nobody is to be told
            }
        }
        far.posts.watch.notice();
        for (lane, batch) in back {
            self.come_back(u32::try_from(lane).unwrap_or(0), batch);
        }
    }

    /// A lane is closed: the system has ended.
    #[cold]
    fn come_back(&mut self, lane: u32, batch: Batch<Parcel>) {
        for mut parcel in batch.into_mail() {
            let header = *parcel.header();
            if header.source_lane & EXPIRES != 0 {
                let _moment = parcel.take_front::<8>();
            }
            if header.w0 & OP_MASK != op::MSG {
                continue;
            }
            let index = Address { lane, index: header.index }.word();
            let e = Entry {
                head: header.w0 & !WAITS,
                index,
                age: header.generation,
                payload: header.payload,
                from: Address::of(header.from_index).map_or(0, |a| a.index),
                corr: header.corr,
            };
            self.close_call(e.corr);
            self.refuse_parcel(&e, Some(parcel), header.from_generation, dead::STOPPED);
        }
    }
}

/// What an isolate wrote at a place of its satchel: length, how many large ones belong to it, bytes.
fn written(satchel: &[u8], place: u32) -> (&[u8], usize) {
    let at = place as usize;
    let word =
        |at: usize| satchel.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes) as usize;
    let (length, attached) = (word(at), word(at + 4));
    (satchel.get(at + 8..at + 8 + length).unwrap_or(&[]), attached)
}
