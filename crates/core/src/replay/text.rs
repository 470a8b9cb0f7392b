//! A record as text: one event a line, its fields between tabs, words in hexadecimal.

use std::fmt::Write as _;

use super::{Call, Event, Log, Mismatch, RING};
use crate::entry::Entry;
use crate::lane::Defaults;
use crate::lane::parcel::Header;

impl Log {
    /// The record as text, one event a line; the first line has the system's defaults and the ring's size.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Defaults { ask_timeout, capacity, policy, escalate, seed } = self.defaults;
        let escalate = escalate.map_or("-".to_owned(), |ms| ms.to_string());
        let mut text = format!("defaults\t{ask_timeout}\t{capacity}\t{policy}\t{}\t{escalate}\t{seed}\n", self.ring);
        for event in &self.events {
            // writing to a String does not fail
            let _ = match event {
                Event::Grant => writeln!(text, "grant"),
                Event::Class(id, name) => writeln!(text, "class\t{id}\t{}", escape(name)),
                Event::Reserve(parent, index, name) => {
                    writeln!(text, "reserve\t{parent}\t{index}\t{}", escape(name))
                }
                Event::Profile(bits) => writeln!(text, "profile\t{}", list(bits, |b| format!("{b:x}"))),
                Event::Root(profile) => writeln!(text, "root\t{profile}"),
                Event::Close(mail) => writeln!(text, "close\t{}", list(mail, headers)),
                Event::Call(Call { whole, mode, cursor, now, marks, out, inbox, mail }) => {
                    let what = if *whole { "turn" } else { "submit" };
                    let now = now.map_or("-".to_owned(), |n| n.to_string());
                    let marks = list(marks, |(at, byte, e)| format!("{at:x}:{byte:x}:{}", words(e)));
                    let (out, mail) = (list(out, words), list(mail, headers));
                    let inbox = inbox.as_ref().map_or("-".to_owned(), |i| list(i, words));
                    writeln!(text, "{what}\t{mode}\t{cursor}\t{now}\t{marks}\t{out}\t{inbox}\t{mail}")
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
        let mut log = Log::new(Defaults::default());
        for (at, line) in text.lines().enumerate() {
            let unreadable = || Mismatch(format!("line {} cannot be read: {line}", at + 1));
            if let (0, Some(rest)) = (at, line.strip_prefix("defaults\t")) {
                (log.defaults, log.ring) = parse_defaults(rest).ok_or_else(unreadable)?;
            } else {
                log.events.push(parse(line).ok_or_else(unreadable)?);
            }
        }
        Ok(log)
    }
}

fn list<T>(items: &[T], one: impl Fn(&T) -> String) -> String {
    items.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn words(e: &Entry) -> String {
    format!("{:x},{:x},{:x},{:x},{:x},{:x}", e.head, e.index, e.age, e.payload, e.from, e.corr)
}

fn headers(h: &Header) -> String {
    let Header { w0, index, generation, payload, from_index, from_generation, corr, .. } = h;
    format!("{w0:x},{index:x},{generation:x},{payload:x},{from_index:x},{from_generation:x},{corr:x}")
}

/// Names may have any character; a line and a field end with their own.
fn escape(name: &str) -> String {
    name.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        name.push(match (c, if c == '\\' { chars.next() } else { None }) {
            (_, Some('t')) => '\t',
            (_, Some('n')) => '\n',
            (_, Some('r')) => '\r',
            (_, Some(other)) => other,
            (c, None) => c,
        });
    }
    name
}

/// Ask time-out in µs, capacity, policy; the ring's size, the time for an escalated shutdown and the seed of chance
/// when they are there.
fn parse_defaults(text: &str) -> Option<(Defaults, usize)> {
    let mut words = text.split('\t');
    let mut word = || words.next();
    let (ask_timeout, capacity, policy) = (word()?.parse().ok()?, word()?.parse().ok()?, word()?.parse().ok()?);
    let ring = word().map_or(Some(RING), |ring| ring.parse().ok())?;
    let (escalate, seed) = match (word(), word()) {
        (Some("-"), Some(seed)) => (None, seed.parse().ok()?),
        (Some(ms), Some(seed)) => (Some(ms.parse().ok()?), seed.parse().ok()?),
        _ => (Defaults::default().escalate, Defaults::default().seed),
    };
    Some((Defaults { ask_timeout, capacity, policy, escalate, seed }, ring))
}

fn parse(line: &str) -> Option<Event> {
    let mut words = line.split('\t');
    let mut word = || words.next();
    Some(match word()? {
        "grant" => Event::Grant,
        "class" => Event::Class(word()?.parse().ok()?, unescape(word()?)),
        "reserve" => Event::Reserve(word()?.parse().ok()?, word()?.parse().ok()?, unescape(word()?)),
        "profile" => {
            let bits = word()?.split(' ').map(|b| u64::from_str_radix(b, 16).ok()).collect::<Option<Vec<_>>>()?;
            Event::Profile(bits.try_into().ok()?)
        }
        "root" => Event::Root(word()?.parse().ok()?),
        "close" => Event::Close(parse_mail(word()?)?),
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
            let mail = word().map_or(Some(Vec::new()), parse_mail)?;
            Event::Call(Call { whole: what == "turn", mode, cursor, now, marks, out, inbox, mail })
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

fn parse_mail(text: &str) -> Option<Vec<Header>> {
    text.split_whitespace().map(parse_header).collect()
}

fn parse_header(text: &str) -> Option<Header> {
    let mut words = text.split(',').map(|w| u32::from_str_radix(w, 16).ok());
    let mut word = || words.next().flatten();
    let (w0, index, generation, payload) = (word()?, word()?, word()?, word()?);
    let (from_index, from_generation, corr) = (word()?, word()?, word()?);
    Some(Header { w0, index, generation, payload, from_index, from_generation, corr, source_lane: 0 })
}
