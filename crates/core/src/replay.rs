//! A record of everything that went into a lane and came out of it; replayed, it must give the same notes again.

use std::fmt::Write as _;

use crate::clock::Clock;
use crate::entry::{Entry, word};
use crate::lane::{Defaults, Lane, Rings};

/// What happened at a lane's border.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Grant,
    Class(u32, String),
    Reserve(u32, u32, String),
    Call { whole: bool, mode: i32, cursor: i32, now: Option<u64>, marks: Vec<(u32, u8, Entry)>, out: Vec<Entry>, inbox: Option<Vec<Entry>> },
}

/// The record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    events: Vec<Event>,
}

/// A record that cannot be read, or that gave something else this time.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch(pub String);

impl Log {
    pub(crate) fn granted(&mut self) {
        self.events.push(Event::Grant);
    }

    pub(crate) fn class(&mut self, id: u32, name: &str) {
        self.events.push(Event::Class(id, name.to_owned()));
    }

    pub(crate) fn reserved(&mut self, parent: u32, name: &str, index: u32) {
        self.events.push(Event::Reserve(parent, index, name.to_owned()));
    }

    pub(crate) fn time(&mut self, read: impl FnOnce() -> u64) -> u64 {
        let read = read();
        if let Some(Event::Call { now, .. }) = self.events.last_mut() {
            *now = Some(read);
        }
        read
    }

    fn begin(&mut self, io: &Rings<'_>, whole: bool, delivered: usize) {
        let count = usize::try_from(io.header[word::OUT]).unwrap_or(0).min(io.outbox.len());
        let marks = (0..delivered)
            .filter(|&at| io.marks[at] != 0)
            .map(|at| (u32::try_from(at).unwrap_or(0), io.marks[at], io.inbox[at]))
            .collect();
        self.events.push(Event::Call {
            whole,
            mode: io.header[word::MODE],
            cursor: io.header[word::CURSOR],
            now: None,
            marks,
            out: io.outbox[..count].to_vec(),
            inbox: None,
        });
    }

    fn end(&mut self, filled: &[Entry]) {
        if let Some(Event::Call { inbox, whole: true, .. }) = self.events.last_mut() {
            *inbox = Some(filled.to_vec());
        }
    }

    /// Runs the record through a fresh lane, without any isolate.
    ///
    /// # Errors
    /// [`Mismatch`] when a turn gives other notes than were recorded.
    pub fn replay(&self, defaults: Defaults) -> Result<Lane, Mismatch> {
        let widest = self.events.iter().map(|e| match e {
            Event::Call { out, inbox, .. } => out.len().max(inbox.as_ref().map_or(0, Vec::len)),
            _ => 0,
        });
        let size = widest.max().unwrap_or(0).max(1024);
        let (mut outbox, mut inbox) = (vec![Entry::default(); size], vec![Entry::default(); size]);
        let mut marks = vec![0_u8; size];
        let mut header = [0_i32; word::COUNT];
        let mut lane = Lane::new(Clock::Manual(0), defaults);
        for (at, event) in self.events.iter().enumerate() {
            match event {
                Event::Grant => drop(lane.grant()),
                Event::Class(id, name) => lane.class(*id, name),
                Event::Reserve(parent, index, name) => drop(lane.reserve(*parent, name, *index)),
                Event::Call { whole, mode, cursor, now, marks: marked, out, inbox: expected } => {
                    outbox[..out.len()].copy_from_slice(out);
                    for (place, byte, entry) in marked {
                        marks[*place as usize] = *byte;
                        inbox[*place as usize] = *entry;
                    }
                    header[word::OUT] = i32::try_from(out.len()).unwrap_or(0);
                    (header[word::MODE], header[word::CURSOR]) = (*mode, *cursor);
                    if let Some(now) = now {
                        lane.set_time(*now);
                    }
                    let io = &mut Rings { header: &mut header, outbox: &mut outbox, inbox: &mut inbox, marks: &mut marks };
                    if *whole {
                        lane.turn(io);
                    } else {
                        lane.submit(io);
                    }
                    let filled = usize::try_from(header[word::IN]).unwrap_or(0);
                    if let Some(expected) = expected {
                        if inbox[..filled] != expected[..] {
                            return Err(Mismatch(format!("event {at}: {:?} instead of {expected:?}", &inbox[..filled])));
                        }
                    }
                }
            }
        }
        Ok(lane)
    }

    /// All notes that came out, in order.
    #[must_use]
    pub fn notes(&self) -> Vec<Entry> {
        let inboxes = self.events.iter().filter_map(|e| match e {
            Event::Call { inbox, .. } => inbox.as_deref(),
            _ => None,
        });
        inboxes.flatten().copied().collect()
    }

    /// The record as text, one event a line.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let entry = |e: &Entry| format!("{:x},{:x},{:x},{:x},{:x},{:x}", e.head, e.index, e.age, e.payload, e.from, e.corr);
        let list = |es: &[Entry]| es.iter().map(entry).collect::<Vec<_>>().join(" ");
        for event in &self.events {
            // writing to a String does not fail
            let _ = match event {
                Event::Grant => writeln!(text, "grant"),
                Event::Class(id, name) => writeln!(text, "class\t{id}\t{name}"),
                Event::Reserve(parent, index, name) => writeln!(text, "reserve\t{parent}\t{index}\t{name}"),
                Event::Call { whole, mode, cursor, now, marks, out, inbox } => {
                    let marks: Vec<_> = marks.iter().map(|(at, byte, e)| format!("{at:x}:{byte:x}:{}", entry(e))).collect();
                    let now = now.map_or("-".to_owned(), |n| n.to_string());
                    let inbox = inbox.as_ref().map_or("-".to_owned(), |i| list(i));
                    let what = if *whole { "turn" } else { "submit" };
                    writeln!(text, "{what}\t{mode}\t{cursor}\t{now}\t{}\t{}\t{inbox}", marks.join(" "), list(out))
                }
            };
        }
        text
    }

    /// Reads what [`Log::to_text`] wrote.
    ///
    /// # Errors
    /// [`Mismatch`] names the line that cannot be read.
    pub fn from_text(text: &str) -> Result<Self, Mismatch> {
        let mut log = Log::default();
        for (at, line) in text.lines().enumerate() {
            let event = parse(line).ok_or_else(|| Mismatch(format!("line {} cannot be read: {line}", at + 1)))?;
            log.events.push(event);
        }
        Ok(log)
    }
}

fn parse(line: &str) -> Option<Event> {
    let mut words = line.split('\t');
    let mut word = || words.next();
    Some(match word()? {
        "grant" => Event::Grant,
        "class" => Event::Class(word()?.parse().ok()?, word()?.to_owned()),
        "reserve" => Event::Reserve(word()?.parse().ok()?, word()?.parse().ok()?, word()?.to_owned()),
        what @ ("turn" | "submit") => {
            let (mode, cursor) = (word()?.parse().ok()?, word()?.parse().ok()?);
            let now = match word()? {
                "-" => None,
                n => Some(n.parse().ok()?),
            };
            let marks = word()?.split_whitespace().map(parse_mark).collect::<Option<_>>()?;
            let out = parse_list(word()?)?;
            let inbox = match word()? {
                "-" => None,
                list => Some(parse_list(list)?),
            };
            Event::Call { whole: what == "turn", mode, cursor, now, marks, out, inbox }
        }
        _ => return None,
    })
}

fn parse_mark(text: &str) -> Option<(u32, u8, Entry)> {
    let mut parts = text.split(':');
    let at = u32::from_str_radix(parts.next()?, 16).ok()?;
    let byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    Some((at, byte, parse_entry(parts.next()?)?))
}

fn parse_list(text: &str) -> Option<Vec<Entry>> {
    text.split_whitespace().map(parse_entry).collect()
}

fn parse_entry(text: &str) -> Option<Entry> {
    let mut words = text.split(',').map(|w| u32::from_str_radix(w, 16).ok());
    let mut word = || words.next().flatten();
    Some(Entry { head: word()?, index: word()?, age: word()?, payload: word()?, from: word()?, corr: word()? })
}

impl Lane {
    /// From now on, keeps a record. To be called before anything else happened.
    pub fn keep_log(&mut self) {
        self.set_log(Some(Box::default()));
    }

    /// The record so far.
    #[must_use]
    pub fn log(&self) -> Option<&Log> {
        self.log_ref()
    }

    #[inline]
    pub(crate) fn record(&mut self, io: &Rings<'_>, whole: bool) {
        let delivered = self.delivered();
        if let Some(log) = self.log_mut() {
            log.begin(io, whole, delivered);
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
