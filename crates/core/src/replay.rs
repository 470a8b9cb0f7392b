//! A record of everything that went into a lane and came out of it; replayed, it must give the same notes again.

mod text;

use crate::clock::Clock;
use crate::entry::{Entry, word};
use crate::lane::parcel::Header;
use crate::lane::{Defaults, Lane, Rings};
use crate::supervise::PROFILE;

/// What happened at a lane's border.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Grant,
    Class(u32, String),
    Reserve(u32, u32, String),
    Profile([u64; PROFILE]),
    Root(u32),
    Call(Call),
    Close(Vec<Header>),
}

/// One turn, or one submission in mid-way of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    whole: bool,
    mode: i32,
    cursor: i32,
    /// The time, if it was looked at.
    now: Option<u64>,
    /// What the isolate said of its inbox: place, mark and entry.
    marks: Vec<(u32, u8, Entry)>,
    out: Vec<Entry>,
    /// What a turn gave.
    inbox: Option<Vec<Entry>>,
    /// What other threads had sent.
    mail: Vec<Header>,
}

/// The record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    defaults: Defaults,
    /// Entries of the inbox: what did not fit came a turn later.
    ring: usize,
    events: Vec<Event>,
}

/// A record that cannot be read, or that gave something else this time.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch(pub String);

/// Entries of a ring when the record does not say.
const RING: usize = 1024;

impl Log {
    fn new(defaults: Defaults) -> Self {
        Log { defaults, ring: RING, events: Vec::new() }
    }

    pub(crate) fn granted(&mut self) {
        self.events.push(Event::Grant);
    }

    pub(crate) fn class(&mut self, id: u32, name: &str) {
        self.events.push(Event::Class(id, name.to_owned()));
    }

    pub(crate) fn reserved(&mut self, parent: u32, name: &str, index: u32) {
        self.events.push(Event::Reserve(parent, index, name.to_owned()));
    }

    /// As bits, so that records can be compared.
    pub(crate) fn profile(&mut self, numbers: &[f64; PROFILE]) {
        self.events.push(Event::Profile(numbers.map(f64::to_bits)));
    }

    pub(crate) fn rooted(&mut self, profile: u32) {
        self.events.push(Event::Root(profile));
    }

    pub(crate) fn time(&mut self, read: impl FnOnce() -> u64) -> u64 {
        let read = read();
        if let Some(Event::Call(call)) = self.events.last_mut() {
            call.now = Some(read);
        }
        read
    }

    fn begin(&mut self, io: &Rings<'_>, whole: bool, delivered: usize, mail: Vec<Header>) {
        self.ring = io.inbox.len();
        let count = usize::try_from(io.header[word::OUT]).unwrap_or(0).min(io.outbox.len());
        let marks = (0..delivered)
            .filter(|&at| io.marks[at] != 0)
            .map(|at| (u32::try_from(at).unwrap_or(0), io.marks[at], io.inbox[at]))
            .collect();
        self.events.push(Event::Call(Call {
            whole,
            mode: io.header[word::MODE],
            cursor: io.header[word::CURSOR],
            now: None,
            marks,
            out: io.outbox[..count].to_vec(),
            inbox: None,
            mail,
        }));
    }

    fn end(&mut self, filled: &[Entry]) {
        if let Some(Event::Call(call)) = self.events.last_mut() {
            call.inbox = Some(filled.to_vec());
        }
    }

    /// Runs the record through a fresh lane, without any isolate.
    ///
    /// # Errors
    /// [`Mismatch`] when a turn gives other notes than were recorded.
    pub fn replay(&self) -> Result<Lane, Mismatch> {
        let widest = self.calls().map(|call| call.out.len()).max().unwrap_or(0);
        let (mut outbox, mut inbox) = (vec![Entry::default(); widest], vec![Entry::default(); self.ring]);
        let mut marks = vec![0_u8; self.ring];
        let mut header = [0_i32; word::COUNT];
        let mut lane = Lane::new(Clock::Manual(0), self.defaults);
        for (at, event) in self.events.iter().enumerate() {
            let wrong = |what: String| Mismatch(format!("event {at}: {what}"));
            match event {
                Event::Grant => drop(lane.grant()),
                Event::Class(id, name) => lane.class(*id, name),
                Event::Reserve(parent, index, name) => drop(lane.reserve(*parent, name, *index)),
                Event::Profile(bits) => drop(lane.profile(&bits.map(f64::from_bits))),
                Event::Root(profile) => lane.supervise_root(*profile),
                Event::Close(mail) => {
                    lane.retake(mail);
                    lane.close();
                }
                Event::Call(call) => {
                    outbox[..call.out.len()].copy_from_slice(&call.out);
                    for &(place, byte, entry) in &call.marks {
                        let place = place as usize;
                        if place >= self.ring {
                            return Err(wrong(format!("a mark at {place}, beyond the inbox")));
                        }
                        (marks[place], inbox[place]) = (byte, entry);
                    }
                    header[word::OUT] = i32::try_from(call.out.len()).unwrap_or(0);
                    (header[word::MODE], header[word::CURSOR]) = (call.mode, call.cursor);
                    if let Some(now) = call.now {
                        lane.set_time(now);
                    }
                    if !call.mail.is_empty() {
                        lane.retake(&call.mail);
                    }
                    let io = &mut Rings {
                        header: &mut header,
                        outbox: &mut outbox,
                        inbox: &mut inbox,
                        marks: &mut marks,
                        bag: &mut [],
                        places: &mut [],
                        satchel: &[],
                    };
                    if call.whole {
                        lane.turn(io);
                    } else {
                        lane.submit(io);
                    }
                    let filled = &inbox[..lane.delivered()];
                    if call.inbox.as_ref().is_some_and(|expected| filled != expected) {
                        return Err(wrong(format!("{filled:?} instead of {:?}", call.inbox)));
                    }
                }
            }
        }
        Ok(lane)
    }

    fn calls(&self) -> impl Iterator<Item = &Call> {
        self.events.iter().filter_map(|e| if let Event::Call(call) = e { Some(call) } else { None })
    }

    /// All notes that came out, in order.
    #[must_use]
    pub fn notes(&self) -> Vec<Entry> {
        self.calls().filter_map(|call| call.inbox.as_deref()).flatten().copied().collect()
    }
}

impl Lane {
    /// From now on, keeps a record. To be called before anything else happened.
    pub fn keep_log(&mut self) {
        let log = Log::new(self.defaults());
        self.set_log(Some(Box::new(log)));
    }

    /// The record so far.
    #[must_use]
    pub fn log(&self) -> Option<&Log> {
        self.log_ref()
    }

    #[inline(always)]
    pub(crate) fn record(&mut self, io: &Rings<'_>, whole: bool) {
        if self.log_ref().is_some() {
            self.record_call(io, whole);
        }
    }

    #[cold]
    fn record_call(&mut self, io: &Rings<'_>, whole: bool) {
        let (delivered, mail) = (self.delivered(), if whole { self.taken().to_vec() } else { Vec::new() });
        if let Some(log) = self.log_mut() {
            log.begin(io, whole, delivered, mail);
        }
    }

    pub(crate) fn record_close(&mut self) {
        let mail = self.taken().to_vec();
        if let Some(log) = self.log_mut() {
            log.events.push(Event::Close(mail));
        }
    }

    #[inline]
    pub(crate) fn record_end(&mut self, io: &Rings<'_>) {
        let delivered = self.delivered();
        if let Some(log) = self.log_mut() {
            log.end(&io.inbox[..delivered]);
        }
    }
}
