//! What ties one actor to another beside parent and child: watches, which tell of an end, and links, which share it.

use super::Lane;
use super::far::Address;
use super::parcel::Header;
use crate::cell::ext::Ext;
use crate::cell::{State, bit};
use crate::entry::{Entry, carry, ended, note, phase, reason};

impl Lane {
    // ------------------------------------------------------------------------------------------- watches

    /// The side record of a ref's live cell, if it has one.
    pub(super) fn live_ext(&mut self, index: u32, age: u32) -> Option<&mut Ext> {
        let at = self.live(index, age)?.ext;
        self.exts.get_mut(at)
    }

    pub(super) fn watch(&mut self, e: &Entry) {
        let (watch, watcher) = (e.payload, e.from);
        let Some(watcher_age) = self.table.get(watcher).filter(|c| c.state != State::Free).map(|c| c.age) else {
            return;
        };
        if self.live(e.index, e.age).is_none() {
            // it has ended before: the isolate knows why
            return self.signal(watcher, note::WATCH, watch, reason::UNKNOWN, 0);
        }
        self.ext(e.index).watchers.push((watcher, watcher_age, watch));
        self.ext(watcher).watching.push((e.index, e.age, watch));
    }

    pub(super) fn unwatch(&mut self, watcher: u32, watch: u32) {
        let Some(at) = self.table.get(watcher).map(|c| c.ext) else {
            return;
        };
        let Some(ext) = self.exts.get_mut(at) else { return };
        let Some(place) = ext.watching.iter().position(|w| w.2 == watch) else {
            return;
        };
        let (target, age, _) = ext.watching.swap_remove(place);
        self.watched_no_more(watcher, (target, age, watch));
    }

    /// The target of a watch that is taken back, or whose watcher is over, need not tell of its end.
    fn watched_no_more(&mut self, watcher: u32, (target, age, watch): (u32, u32, u32)) {
        if let Some(to) = Address::of(target) {
            let from_index = self.address(watcher);
            let header = Header {
                w0: carry::UNWATCH,
                index: to.index,
                generation: age,
                payload: watch,
                from_index,
                ..Header::default()
            };
            self.tell(to.lane, header, &[], false);
        } else if let Some(ext) = self.live_ext(target, age) {
            ext.watchers.retain(|w| !(w.0 == watcher && w.2 == watch));
        }
    }

    pub(super) fn forget_watch(&mut self, watcher: u32, watch: u32) {
        let at = self.table.at(watcher).ext;
        if let Some(ext) = self.exts.get_mut(at) {
            ext.watching.retain(|w| w.2 != watch);
        }
    }

    /// What watchers elsewhere are told beside the reason: whether it had started, and the error as a letter.
    fn end_of(&mut self, index: u32, error: u32, watchers: &[(u32, u32, u32)]) -> (u32, Box<[u8]>) {
        let bytes = self.far.as_mut().and_then(|far| far.errors.remove(&error)).unwrap_or_default();
        if watchers.is_empty() {
            return (0, bytes);
        }
        (if self.table.at(index).is(bit::STARTED) { ended::STARTED } else { 0 }, bytes)
    }

    /// The actor has ended: whoever watches it is told.
    pub(super) fn tell_watchers(&mut self, index: u32, why: u32, error: u32) {
        let at = self.table.at(index).ext;
        let watchers = self.exts.get_mut(at).map(|x| std::mem::take(&mut x.watchers)).unwrap_or_default();
        let (bits, bytes) = self.end_of(index, error, &watchers);
        for (watcher, age, watch) in watchers {
            if Address::of(watcher).is_some() {
                self.tell_far((watcher, age, watch), why, bits, &bytes);
            } else if self.live(watcher, age).is_some_and(|c| !c.state.is_over()) {
                self.signal(watcher, note::WATCH, watch, why, error);
                self.forget_watch(watcher, watch);
            }
        }
    }

    // --------------------------------------------------------------------------------------------- links

    /// Two actors fail together from now on.
    pub(super) fn link(&mut self, e: &Entry) {
        let (owner, link) = (e.from, e.payload);
        let is_between = self.is_between(owner);
        let Some(owner_age) = self.table.get(owner).filter(|c| !c.state.is_over() && !is_between).map(|c| c.age) else {
            return self.notify(Entry { head: note::UNLINKED, index: owner, payload: link, ..Entry::default() });
        };
        // one that is between two instances is not gone: the next one is linked
        if self.live(e.index, e.age).is_none() {
            self.notify(Entry { head: note::UNLINKED, index: e.index, payload: link, ..Entry::default() });
            // the isolate may not have read of the end yet, so its reason is still there; else it knew the reason
            let unread = self.table.get(e.index).filter(|c| c.age == e.age);
            if unread.map_or(e.corr != 0, |c| fails_others(u32::from(c.reason))) {
                self.fail(owner, phase::LINK, 0, 0);
            }
            return;
        }
        self.ext(e.index).links.push((owner, owner_age, link));
        self.ext(owner).links.push((e.index, e.age, link));
    }

    pub(super) fn unlink(&mut self, owner: u32, link: u32) {
        let Some(at) = self.table.get(owner).map(|c| c.ext) else { return };
        let Some(ext) = self.exts.get_mut(at) else { return };
        let Some(place) = ext.links.iter().position(|l| l.2 == link) else { return };
        let (peer, age, _) = ext.links.swap_remove(place);
        self.forget_link(peer, age, link);
        self.tell_unlinked((peer, age, link), 0);
        self.notify(Entry { head: note::UNLINKED, index: owner, payload: link, ..Entry::default() });
    }

    pub(super) fn forget_link(&mut self, index: u32, age: u32, link: u32) {
        if let Some(ext) = self.live_ext(index, age) {
            ext.links.retain(|l| l.2 != link);
        }
    }

    /// An instance is over: nothing that it watches concerns it any more, and what is linked to it fails with it,
    /// unless it ended in good order or the other end traps it by watching.
    pub(super) fn unbind(&mut self, index: u32, why: u32) {
        let (at, own_age) = (self.table.at(index).ext, self.table.at(index).age);
        let Some(ext) = self.exts.get_mut(at) else { return };
        let (watching, links) = (std::mem::take(&mut ext.watching), std::mem::take(&mut ext.links));
        for watch in watching {
            self.watched_no_more(index, watch);
        }
        let fails = fails_others(why);
        for (peer, age, link) in links {
            if Address::of(peer).is_some() {
                self.tell_unlinked((peer, age, link), why);
                self.notify(Entry { head: note::UNLINKED, index, payload: link, ..Entry::default() });
                continue;
            }
            self.forget_link(peer, age, link);
            self.notify(Entry { head: note::UNLINKED, index, payload: link, ..Entry::default() });
            let lives = |s: State| matches!(s, State::Starting | State::Active | State::Suspended);
            if !fails || !self.live(peer, age).is_some_and(|c| lives(c.state)) {
                continue;
            }
            let traps = self.ext_of(peer).is_some_and(|x| x.watching.iter().any(|w| (w.0, w.1) == (index, own_age)));
            if !traps {
                self.fail(peer, phase::LINK, 0, 0);
            }
        }
    }
}

/// Whether what is linked to an actor fails when it ends like that.
pub(super) fn fails_others(why: u32) -> bool {
    matches!(why, reason::FAILED | reason::KILLED | reason::LOST)
}
