//! What comes from other lanes and is no message.

use super::Lane;
use super::far::Address;
use super::mail::Taken;
use super::parcel::Header;
use crate::ask::{age, slot};
use crate::cell::ext::Home;
use crate::cell::{State, bit};
use crate::entry::{Entry, TAG_SHIFT, carry, ended, flag, note, op, phase, reason};

impl Lane {
    /// One of [`carry`].
    pub(super) fn carried(&mut self, taken: &Taken) {
        let Taken { header: h, letter } = *taken;
        let lane = h.source_lane & 0xff;
        let kind = h.w0 >> TAG_SHIFT;
        let is_stale = matches!(kind, carry::CREDIT | carry::LEAVE) && !self.is_for_stream(&h);
        if is_stale || self.is_for_another(&h) {
            return self.drop_letter(letter);
        }
        let reads = matches!(kind, carry::SPAWN | carry::BORN | carry::FAILED);
        match kind {
            carry::REPLY => {
                self.close_call(h.corr);
                self.hand_on(&h, letter);
            }
            carry::REFUSED => {
                // whom it was for, and what it asked, is to be said
                let call = self.calls.get(slot(h.corr)).filter(|c| c.open && c.age == age(h.corr)).copied();
                self.close_call(h.corr);
                let (index, generation, tag) = call.map_or((0, 0, 0), |c| (c.target, c.target_age, c.tag));
                self.hand_on(&Header { index, generation, from_index: u32::from(tag), ..h }, letter);
            }
            carry::SPAWN => self.foster(&h, letter),
            carry::BORN => self.born(&h, letter),
            carry::STOP => {
                self.is_unborn(&h);
                self.operate_here(op::STOP, &h);
            }
            carry::ABORT => {
                if let Some(corr) = self.far_call(&h) {
                    self.abort(&Entry { corr, ..entry_of(op::ABORT, &h) });
                }
            }
            carry::QUERY => self.query_far(lane, &h),
            carry::WATCH => self.watch_far(&h),
            carry::UNWATCH => {
                if let Some(ext) = self.live_ext(h.index, h.generation) {
                    ext.watchers.retain(|w| !(w.0 == h.from_index && w.2 == h.payload));
                }
            }
            carry::WATCHED => self.watched(&h, letter),
            carry::LINK => self.link_far(&h),
            carry::UNLINK => {
                self.forget_link(h.index, h.generation, h.payload);
            }
            carry::UNLINKED => self.unlinked_far(&h),
            carry::UP => self.stand_in_up(&h),
            carry::FAILED => self.stand_in_failed(&h, letter),
            carry::SELF => {
                if self.stand_in(&h) && !self.ext(h.index).fenced {
                    self.stops_itself(h.index);
                }
            }
            carry::DOWN => self.stand_in_down(&h),
            carry::GONE => self.stand_in_gone(&h),
            carry::WIND => self.wind(&h),
            carry::KILL => self.kill_from_afar(&h),
            carry::REVIVE => self.revive_from_afar(&h),
            carry::RESUME => self.resume_from_afar(&h),
            carry::CHASE => self.chased(&h, letter),
            carry::MOVE => self.ordered(&h, letter),
            carry::ADOPTED => self.moved_or_not(&h),
            carry::FORFEIT => self.forfeit(&h),
            _ => self.hand_on(&h, letter),
        }
        let kept = reads || matches!(kind, carry::WATCHED);
        if letter != 0 && !kept && !self.is_for_isolate(kind) {
            self.drop_letter(letter);
        }
    }

    fn is_for_isolate(&self, kind: u32) -> bool {
        !matches!(kind, carry::STOP | carry::ABORT..=carry::RESUME | carry::QUERY | carry::WATCH..=carry::UNLINKED | carry::CHASE | carry::MOVE | carry::FORFEIT)
    }

    /// The isolate reads it.
    fn hand_on(&mut self, h: &Header, letter: u32) {
        let form = if letter == 0 { h.w0 & flag::ARITY } else { flag::ARITY | flag::LETTER };
        let payload = if letter == 0 { h.payload } else { letter };
        self.notify(Entry {
            head: note::CARRY | form | h.w0 & (u32::MAX << TAG_SHIFT),
            index: h.index,
            age: h.generation,
            payload,
            from: h.from_index,
            corr: h.corr,
        });
    }

    fn operate_here(&mut self, op: u32, h: &Header) {
        self.operate(&entry_of(op, h), None);
    }

    /// What concerns an actor of another lane goes there.
    pub(super) fn operate_there(&mut self, e: &Entry, to: Address) {
        let kind = match e.op() {
            op::STOP => carry::STOP,
            op::WATCH => carry::WATCH,
            op::LINK => carry::LINK,
            _ => return,
        };
        let (from_index, from_generation) = (self.address(e.from), self.age_of(e.from));
        let header = Header {
            w0: kind,
            index: to.index,
            generation: e.age,
            payload: e.payload,
            from_index,
            from_generation,
            corr: e.corr,
            source_lane: 0,
        };
        match e.op() {
            op::WATCH if self.is_between(e.from) || self.live(e.from, from_generation).is_none() => return,
            op::WATCH => {
                self.ext(e.from).watching.push((e.index, e.age, e.payload));
                // while the question is on its way something is to be waited for
            }
            op::LINK => {
                let gone = self.is_between(e.from) || self.table.get(e.from).is_none_or(|c| c.state.is_over());
                if gone {
                    return self.notify(Entry {
                        head: note::UNLINKED,
                        index: e.from,
                        payload: e.payload,
                        ..Entry::default()
                    });
                }
                self.ext(e.from).links.push((e.index, e.age, e.payload));
            }
            _ => {}
        }
        self.tell(to.lane, header, &[], false);
    }

    // --------------------------------------------------------------------------------------- ends elsewhere

    /// An isolate wants to know of the end of an actor, and perhaps of its start.
    fn query_far(&mut self, lane: u32, h: &Header) {
        let epoch = Lane::epoch_of(h);
        let answer = |kind: u32, from: u32| Header {
            w0: kind,
            payload: h.payload,
            from_index: from,
            source_lane: epoch,
            ..Header::default()
        };
        let Some(cell) = self.live(h.index, h.generation) else {
            let (why, bits) = self.end_known(h.index, h.generation);
            let isolate = Address { lane, index: why }.word();
            if !self.ask_isolate(carry::QUERY, h, (isolate, epoch)) {
                self.tell(lane, Header { corr: bits, ..answer(carry::ENDED, why) }, &[], true);
            }
            return;
        };
        let (started, generation) = (cell.is(bit::STARTED), cell.generation);
        let watcher = Address { lane, index: 0 }.word();
        self.ext(h.index).watchers.push((watcher, epoch << 1 | (h.from_index & 1), h.payload));
        if started && h.from_index == 1 {
            self.tell(lane, answer(carry::STARTED, generation), &[], true);
        }
    }

    /// The actor has started: isolates that asked are told.
    pub(super) fn tell_started(&mut self, index: u32) {
        let Some(ext) = self.ext_of(index) else { return };
        let asked: Vec<_> = ext.watchers.iter().filter(|w| is_isolate(w.0) && w.1 & 1 == 1).copied().collect();
        for (watcher, asks, number) in asked {
            if let Some(to) = Address::of(watcher) {
                let header =
                    Header { w0: carry::STARTED, payload: number, source_lane: asks >> 1, ..Header::default() };
                self.tell(to.lane, header, &[], true);
            }
        }
    }

    /// The actor has ended: whoever watches it from elsewhere is told.
    pub(super) fn tell_far(&mut self, watcher: (u32, u32, u32), why: u32, bits: u32, error: &[u8]) {
        let (word, age, number) = watcher;
        let Some(to) = Address::of(word) else { return };
        let is_isolate = to.index == 0;
        let (kind, epoch) = if is_isolate { (carry::ENDED, age >> 1) } else { (carry::WATCHED, 0) };
        let header = Header {
            w0: kind,
            index: to.index,
            generation: age,
            payload: number,
            from_index: why,
            corr: bits,
            source_lane: epoch,
            ..Header::default()
        };
        self.tell(to.lane, header, error, true);
    }

    fn watch_far(&mut self, h: &Header) {
        let watcher = (h.from_index, h.from_generation, h.payload);
        if self.live(h.index, h.generation).is_some() {
            return self.ext(h.index).watchers.push(watcher);
        }
        let (why, _) = self.end_known(h.index, h.generation);
        if why != reason::FAILED || !self.ask_isolate(carry::WATCH, h, (watcher.0, watcher.1)) {
            self.tell_far(watcher, why, 0, &[]);
        }
    }

    /// Somebody elsewhere asks for the end of an actor that has ended: its isolate knows the error and the path, as long
    /// as nobody else has the index. Whether there is one that can answer.
    fn ask_isolate(&mut self, kind: u32, h: &Header, (from, corr): (u32, u32)) -> bool {
        let known = self.table.get(h.index).is_some_and(|c| c.age == h.generation && c.reason != 0) && !self.is_lost();
        if known {
            let head = note::CARRY | kind << TAG_SHIFT;
            self.notify(Entry { head, index: h.index, age: h.generation, payload: h.payload, from, corr });
        }
        known
    }

    /// Why an actor ended, if that is still known, and [`ended`] bits.
    #[must_use]
    pub fn end_known(&self, index: u32, age: u32) -> (u32, u32) {
        let Some(kept) = self.table.get(index).filter(|c| c.age == age) else {
            return (reason::UNKNOWN, 0);
        };
        (u32::from(kept.reason), if kept.is(bit::STARTED) { ended::STARTED } else { 0 })
    }

    /// An actor elsewhere that is watched here has ended.
    fn watched(&mut self, h: &Header, letter: u32) {
        let lives = self.live(h.index, h.generation).is_some_and(|c| !c.state.is_over());
        let waits = self.ext_of_live(h.index).is_some_and(|x| x.watching.iter().any(|w| w.2 == h.payload));
        if !lives || !waits {
            return self.drop_letter(letter);
        }
        self.forget_watch(h.index, h.payload);
        let error = if letter == 0 { 0 } else { letter | super::foster::FAR_ERROR };
        self.signal(h.index, note::WATCH, h.payload, h.from_index, error);
    }

    fn ext_of_live(&self, index: u32) -> Option<&crate::cell::ext::Ext> {
        self.table.get(index).and_then(|c| self.exts.get(c.ext))
    }

    // ------------------------------------------------------------------------------------------------ links

    fn link_far(&mut self, h: &Header) {
        let gone = self.live(h.index, h.generation).is_none();
        if gone {
            let kept = self.table.get(h.index).filter(|c| c.age == h.generation);
            let why = kept.map_or(0, |c| u32::from(c.reason));
            let why = if why == 0 && h.corr != 0 { reason::FAILED } else { why };
            return self.tell_unlinked((h.from_index, h.from_generation, h.payload), why);
        }
        self.ext(h.index).links.push((h.from_index, h.from_generation, h.payload));
    }

    /// One end of a link is over, or took it back; the other one is elsewhere.
    pub(super) fn tell_unlinked(&mut self, (word, age, link): (u32, u32, u32), why: u32) {
        if let Some(to) = Address::of(word) {
            let header = Header {
                w0: carry::UNLINKED,
                index: to.index,
                generation: age,
                payload: link,
                from_index: why,
                ..Header::default()
            };
            self.tell(to.lane, header, &[], true);
        }
    }

    fn unlinked_far(&mut self, h: &Header) {
        let (index, link, why) = (h.index, h.payload, h.from_index);
        let Some(ext) = self.live_ext(index, h.generation) else { return };
        let Some(place) = ext.links.iter().position(|l| l.2 == link) else { return };
        let (peer, age, _) = ext.links.swap_remove(place);
        let traps = ext.watching.iter().any(|w| (w.0, w.1) == (peer, age));
        self.notify(Entry { head: note::UNLINKED, index: peer, payload: link, ..Entry::default() });
        let lives = |s: State| matches!(s, State::Starting | State::Active | State::Suspended);
        if super::bonds::fails_others(why) && !traps && self.live(index, h.generation).is_some_and(|c| lives(c.state)) {
            self.fail(index, phase::LINK, 0, 0);
        }
    }

    /// A child elsewhere, and where its stand-in is, from a letter's first words.
    pub(super) fn words_of<const N: usize>(&self, letter: u32) -> Option<[u32; N]> {
        let bytes = self.far.as_ref()?.letters.get(letter)?.bytes();
        let mut words = [0; N];
        for (to, from) in words.iter_mut().zip(bytes.get(..N * 4)?.chunks_exact(4)) {
            *to = u32::from_ne_bytes(from.try_into().ok()?);
        }
        Some(words)
    }

    /// Where the stand-in's actor is.
    pub(super) fn home_of(&self, index: u32) -> Option<Home> {
        let cell = self.table.get(index)?;
        if cell.is(bit::FOREIGN) { self.exts.get(cell.ext)?.home } else { None }
    }

    /// Where the actor's stand-in is.
    pub(super) fn away_of(&self, index: u32) -> Option<Home> {
        let cell = self.table.get(index)?;
        if cell.is(bit::FOREIGN) { self.exts.get(cell.ext)?.away } else { None }
    }
}

/// Whether an isolate watches, not an actor.
fn is_isolate(watcher: u32) -> bool {
    Address::of(watcher).is_some_and(|a| a.index == 0)
}

fn entry_of(op: u32, h: &Header) -> Entry {
    Entry { head: op, index: h.index, age: h.generation, payload: h.payload, from: h.from_index, corr: h.corr }
}
