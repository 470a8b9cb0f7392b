//! The words that cross between an isolate and the core: declared here once, generated into TypeScript.
//!
//! An [`Entry`] is six 32-bit words. The isolate writes entries into its outbox (see [`op`]), the core
//! writes entries into the isolate's inbox (see [`note`]). What the isolate has to say about an inbox entry
//! that did not simply return is a byte in a table beside the inbox (see [`mark`]); no byte means "returned".

/// One entry of a ring.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `op | flags | tag`, see [`op`], [`flag`] and [`TAG_SHIFT`].
    pub head: u32,
    /// The actor's cell index.
    pub index: u32,
    /// Outbox: the age of the index, which tells a stale ref from a live one. Inbox: the sender's age.
    pub age: u32,
    /// An integer, or the slot where the isolate keeps the arguments (flag [`flag::SLOT`]).
    pub payload: u32,
    /// The sender's cell index; 0 for none.
    pub from: u32,
    /// Which call this belongs to: `slot | age << 26`; 0 for none.
    pub corr: u32,
}

const _: () = assert!(size_of::<Entry>() == 24);

/// The low bits of [`Entry::head`].
pub const OP_MASK: u32 = 31;
/// The tag is the upper half of [`Entry::head`]: which method, or which class.
pub const TAG_SHIFT: u32 = 16;

impl Entry {
    /// The operation or note.
    #[inline(always)]
    #[must_use]
    pub fn op(&self) -> u32 {
        self.head & OP_MASK
    }
    /// The method or class.
    #[inline(always)]
    #[must_use]
    pub fn tag(&self) -> u32 {
        self.head >> TAG_SHIFT
    }
    /// Whether all bits of `flags` are set.
    #[inline(always)]
    #[must_use]
    pub fn has(&self, flags: u32) -> bool {
        self.head & flags == flags
    }
}

/// Flags of a message.
pub mod flag {
    /// The caller waits for the reply.
    pub const ASK: u32 = 1 << 5;
    /// The caller waits for the acceptance.
    pub const SEND: u32 = 1 << 6;
    /// The handler is asynchronous: it is delivered alone and suspends its actor.
    pub const ASYNC: u32 = 1 << 7;
    /// The handler may overlap others that have this flag.
    pub const SHARED: u32 = 1 << 8;
    /// Outbox: of a send to another isolate: its caller may abort it after it was let in.
    pub const ABORTS: u32 = 1 << 8;
    /// The payload word is a slot of the isolate's table.
    pub const SLOT: u32 = 1 << 9;
    /// How many arguments: 0, 1, 2, or 3 for an array of them; 3 without SLOT: a letter.
    pub const ARITY: u32 = 3 << 10;
    /// Outbox: an entry with options ([`super::op::EXT`]) follows.
    pub const EXT: u32 = 1 << 12;
    /// Inbox: the payload is a letter, which lies in the bag.
    pub const LETTER: u32 = 1 << 12;
    /// A stream call.
    pub const STREAM: u32 = 1 << 13;
    /// Kept for sampling.
    pub const SAMPLE: u32 = 1 << 14;
    /// Kept for tracing.
    pub const TRACE: u32 = 1 << 15;
}

/// What an isolate submits.
pub mod op {
    /// A message.
    pub const MSG: u32 = 1;
    /// Options of the entry before: of a message `index` = priority (0 normal, 1 high, 2 low), `age`,`payload` =
    /// time to live in µs + 1 (64 bits, 0 none), `from`,`corr` = time-out of the ask in µs + 1 (0: the system's; all ones: none).
    /// Of a spawn: `index` = capacity, `age` = policy | [`super::restart`] bits, `payload` = shutdown in ms (all ones:
    /// infinity, one less: brutal), `from` = start time-out in ms (all ones: none), `corr` = its profile.
    pub const EXT: u32 = 2;
    /// A new actor: tag = class, `payload` = [`super::spawn`] bits, `from` = parent.
    pub const SPAWN: u32 = 3;
    /// End an actor: `payload` = [`super::stop`], `corr` = time-out of the drain in ms (all ones: none).
    pub const STOP: u32 = 4;
    /// What an asynchronous run came to: tag = the note it ran for, `payload` = slot of the error,
    /// `from` = [`super::outcome`], `corr` = the call; flag SHARED as the message had it.
    pub const DONE: u32 = 5;
    /// `from` watches the actor; `payload` = the watch.
    pub const WATCH: u32 = 6;
    /// Takes the watch `payload` of the watcher `from` back.
    pub const UNWATCH: u32 = 7;
    /// A timer: tag = [`super::timer`] bits, `payload` = the timer, `from`,`corr` = period in µs (64 bits).
    pub const TIMER: u32 = 8;
    /// Cancels the timer `payload`.
    pub const CANCEL: u32 = 9;
    /// Whether the timer `payload` holds the process (`from` = 1) or not (0).
    pub const HOLD: u32 = 10;
    /// The caller of `corr` gave up: the message becomes a dead letter if it still waits.
    pub const ABORT: u32 = 11;
    /// Run the stream `payload` to its next yield: `from` = 0 behind what waits, 1 before it.
    pub const RESUME: u32 = 12;
    /// End the stream `payload` early.
    pub const RETURN: u32 = 13;
    /// Answer with STARTED or ENDED when it is so.
    pub const QUERY: u32 = 14;
    /// End the root: `corr` = time-out in ms (all ones: none).
    pub const SHUTDOWN: u32 = 15;
    /// The call `corr` was settled on the isolate.
    pub const SETTLED: u32 = 16;
    /// The stream call that the actor runs came to its end: `from` = [`super::outcome`], `payload` = slot of the error.
    pub const STREAM_END: u32 = 17;
    /// The reader of a stream asks for an item (`from` = 1), or does not any more (0).
    pub const DEMAND: u32 = 18;
    /// A message whose caller gave it up before it was handed over.
    pub const GIVEN_UP: u32 = 19;
    /// What `decide` says of the actor that failed: `payload` = [`super::directive`], 0 for nothing.
    pub const DECISION: u32 = 20;
    /// `from` and the actor fail together; `payload` = the link, `corr` = 1 when the actor is known
    /// to have ended by a failure.
    pub const LINK: u32 = 21;
    /// Takes the link `payload` of `from` back.
    pub const UNLINK: u32 = 22;
    /// The actor gets the parent `from` (0: the root); ADOPTED answers. `payload` = the request.
    pub const ADOPT: u32 = 23;
    /// Something for another isolate: tag = [`super::carry`], `payload` as that of a message.
    pub const CARRY: u32 = 24;
}

/// What the core hands to an isolate.
pub mod note {
    /// Nothing: an entry taken back before it was run.
    pub const NOP: u32 = 0;
    /// A message to handle.
    pub const MSG: u32 = 1;
    /// Make the instance and start it; `age` = the index's age, `payload` = generation, `from` = [`super::again`].
    pub const START: u32 = 2;
    /// Run onStop; `payload` = reason, `from` = slot of the error.
    pub const STOP: u32 = 3;
    /// The actor has ended; `payload` = reason, `from` = slot of the error, `corr` = [`super::ended`] bits.
    pub const ENDED: u32 = 4;
    /// A dead letter: the message's own words (`age` of the target); REASON follows.
    pub const DEAD: u32 = 5;
    /// Belongs to the entry before: `index` = reason of the dead letter, `age` = the sender's age.
    pub const REASON: u32 = 6;
    /// The mailbox took the message of call `corr`.
    pub const ACCEPTED: u32 = 7;
    /// The ask `corr` is late; tag = method, `index`,`age` = whom it asked, `payload` = 1 in a cycle.
    pub const TIMEOUT: u32 = 8;
    /// The timer `payload` is due; `corr` = 1 when it will not come again.
    pub const TIMER: u32 = 9;
    /// The watched actor ended; `payload` = the watch, `from` = reason, `corr` = slot of the error.
    pub const WATCH: u32 = 10;
    /// Run the stream `payload` to its next yield.
    pub const RESUME: u32 = 11;
    /// Return the generator of the stream `payload`.
    pub const RETURN: u32 = 12;
    /// The actor has started.
    pub const STARTED: u32 = 13;
    /// The actor failed; tag = method, `payload` = slot of the error (0: the isolate knows it), `from` = phase, `corr` =
    /// parent. VERDICT follows.
    pub const FAILED: u32 = 14;
    /// One member of a cycle of asks; `payload` = how many follow; `corr` = its call, 0: made elsewhere; `from` = 1 when
    /// another isolate tells of the cycle.
    pub const CYCLE: u32 = 15;
    /// The root has ended.
    pub const CLOSED: u32 = 16;
    /// As FAILED, and `age` = restarts: what does the parent's `decide` say? DECISION answers.
    pub const DECIDE: u32 = 17;
    /// Belongs to the entry before: `index` = [`super::directive`], `age` = restarts, `payload` = delay in ms, `from` =
    /// strategy; `corr` = 1 when this failure changes nothing.
    pub const VERDICT: u32 = 18;
    /// The instance is over, the actor is not; `payload` = generation, `from` = slot of the error, `corr` = reason.
    pub const DOWN: u32 = 19;
    /// The actor (0: the root) fails with its child `from`; `payload` = 1 when that failed, 0 when it ended normally too
    /// often; `corr` = 1 when the system ends.
    pub const ESCALATED: u32 = 20;
    /// A health check failed, and is not a failure yet; `payload` = slot of the error, 0 when it was late.
    pub const MISSED: u32 = 21;
    /// Ask the actor whether it is well.
    pub const HEALTH: u32 = 22;
    /// The link `payload` is no more: the actor ended, on one side of it, or took it back. What fails with it fails later.
    pub const UNLINKED: u32 = 23;
    /// What became of the request `payload`: `from` = parent, `corr` = [`super::adopted`].
    pub const ADOPTED: u32 = 24;
    /// What was thrown, in the slot `payload`, is of a run that was given up before: nobody reports it.
    pub const FORGET: u32 = 25;
    /// Something from another isolate: tag = [`super::carry`], `payload` as that of a message.
    pub const CARRY: u32 = 26;
}

/// What travels between isolates beside messages. `corr` names a call of the isolate that reads it.
pub mod carry {
    /// What the call `corr` came to: `from` = [`super::outcome`]. It is over.
    pub const REPLY: u32 = 1;
    /// An item of the stream `corr`.
    pub const ITEM: u32 = 2;
    /// The stream `corr` has begun; `index` = where its reader's words go.
    pub const BEGIN: u32 = 3;
    /// To where BEGIN said: the reader has room for `payload` more items.
    pub const CREDIT: u32 = 4;
    /// To where BEGIN said: the reader has left.
    pub const LEAVE: u32 = 5;
    /// The message of the call `corr` was let in; `from` = 1: OVER follows when it is over.
    pub const ACCEPTED: u32 = 6;
    /// The message of the call `corr` is a dead letter; `payload` = [`super::dead`].
    pub const REFUSED: u32 = 7;
    /// The call `corr` is over, and its caller knows what it asked: sent only where ACCEPTED said so.
    pub const OVER: u32 = 8;
    /// To all other isolates: something for their feeds, or about the system.
    pub const NEWS: u32 = 9;
    /// A new actor: a letter of the isolates, and `index`,`age` are granted. EXT as of a spawn follows.
    pub const SPAWN: u32 = 10;
    /// As op STOP.
    pub const STOP: u32 = 11;
    /// The isolate wants to know of the actor: `payload` = its own number for it, `from` = 1: when it has started as well.
    pub const QUERY: u32 = 12;
    /// Answers QUERY: it has started; `payload` = the number.
    pub const STARTED: u32 = 13;
    /// Answers QUERY: it has ended; `payload` = the number, `from` = reason, `corr` = [`super::ended`] bits. A letter tells
    /// the error, and perhaps the path. From an isolate: `index`,`age` as it was asked, `from` = reason, above it (8) the
    /// bits, `corr` = the number. It is asked by QUERY, `from` = the lane and the reason, or WATCH; `corr` = the age to answer.
    pub const ENDED: u32 = 14;
    /// As op WATCH; `from` is an address.
    pub const WATCH: u32 = 15;
    /// As op UNWATCH; `from` is an address.
    pub const UNWATCH: u32 = 16;
    /// The watched actor has ended: as note WATCH.
    pub const WATCHED: u32 = 17;
    /// As op LINK; `from` is an address.
    pub const LINK: u32 = 18;
    /// As op UNLINK; `from` is an address.
    pub const UNLINK: u32 = 19;
    /// One end of the link `payload` is over; `from` = its reason, 0 when the link was taken back.
    pub const UNLINKED: u32 = 20;
    /// As op ABORT.
    pub const ABORT: u32 = 21;
    /// To the stand-in: the actor has started; `payload` = generation.
    pub const UP: u32 = 22;
    /// To the stand-in: the actor failed: `payload` = phase, `from` = 1 when it had yet to start. A letter tells the error.
    pub const FAILED: u32 = 23;
    /// To the stand-in: the permanent actor stops itself.
    pub const SELF: u32 = 24;
    /// To the stand-in: the instance is over; `payload` = reason, `from` = whether there was one.
    pub const DOWN: u32 = 25;
    /// To the stand-in: the actor has ended; `payload` = reason, `from` = [`super::ended`] bits.
    pub const GONE: u32 = 26;
    /// From the stand-in: end; `payload` = reason, `from` = 1 when another instance follows.
    pub const WIND: u32 = 27;
    /// From the stand-in: end at once; `from` as of WIND.
    pub const KILL: u32 = 28;
    /// From the stand-in: another instance; `payload` = [`super::again`].
    pub const REVIVE: u32 = 29;
    /// From the stand-in: the instance goes on.
    pub const RESUME: u32 = 30;
    /// What `class` means is known now; `payload` = class.
    pub const CLASS: u32 = 31;
    /// To the parent's isolate: a stand-in was made at `index`. To the actor's own, with `from` = 1: it was spawned from
    /// elsewhere; `payload` = the number of the letter that tells of it.
    pub const BORN: u32 = 32;
    /// To the isolate: what became of an actor's seat. `from` = 0: it has another parent; 1: at `index` nobody stands in
    /// for it any more; 2: the one there does from now on, for the actor at the address `payload` of age `corr`. Of 2, bits
    /// above: 4 it has started, 8 it runs, and above these its generation.
    pub const MOVED: u32 = 33;
    /// To the stand-in's isolate (`index`; 0: none): a message for its actor, or one below, is a dead letter.
    pub const DEAD: u32 = 34;
    /// The same of an instance below its actor that is over: `from` = reason, `corr` = generation.
    pub const STOPPED: u32 = 35;
    /// From the watchdog: `index`,`age` (0: unknown) blocks its isolate; `from` = the name, `corr` = [`super::note`].
    pub const STALLED: u32 = 36;
    /// Between the lanes alone: whether asks over several of them are a cycle.
    pub const CHASE: u32 = 37;
    /// An order about an actor that gets another parent; `payload` = what is to be done, `from` = [`super::adopted`].
    pub const MOVE: u32 = 38;
    /// Answers a request for another parent: as note ADOPTED.
    pub const ADOPTED: u32 = 39;
    /// From a lane whose isolate is gone, behind all that it sent: what it was granted and did not use is free.
    pub const FORFEIT: u32 = 40;
    /// To a lane of native actors: `payload` is a block that its isolate runs.
    pub const ERRAND: u32 = 41;
}

/// What an isolate says of an inbox entry; the low bits of the byte (the others keep the note it was).
pub mod mark {
    /// Returned.
    pub const NONE: u8 = 0;
    /// Returned a promise; DONE follows one day.
    pub const PROMISED: u8 = 1;
    /// Threw; the entry's payload word is the slot of the error.
    pub const THREW: u8 = 2;
    /// No handler of that name.
    pub const NO_HANDLER: u8 = 3;
    /// Not run: the actor was suspended, failed or stopped by an earlier entry.
    pub const HELD: u8 = 4;
    /// A stream call began; STREAM_END follows one day.
    pub const STREAMING: u8 = 5;
    /// Not run: the caller aborted it.
    pub const ABORTED: u8 = 6;
    /// Taken back by the core.
    pub const GONE: u8 = 7;
}

/// Bits of a spawn.
pub mod spawn {
    /// The name was reserved.
    pub const NAMED: u32 = 1;
    /// The class has an onStop.
    pub const STOP_HOOK: u32 = 2;
    /// It stands in for an actor of another lane: of EXT `index`,`from` = that one's address and age, `age` and `payload`
    /// as ever.
    pub const AWAY: u32 = 4;
    /// No other isolate could spawn it anew: it ends with the one that it is spawned in.
    pub const MORTAL: u32 = 8;
    /// It cannot be made anew: it is never restarted, whatever the system's default is.
    pub const ONCE: u32 = 16;
}

/// How to end.
pub mod stop {
    /// After the message in hand.
    pub const NORMAL: u32 = 0;
    /// After those that wait.
    pub const DRAIN: u32 = 1;
    /// At once.
    pub const KILL: u32 = 2;
    /// It stops itself: a permanent one comes back.
    pub const SELF: u32 = 3;
}

/// Bits beside the policy of a spawn.
pub mod restart {
    /// Of these, one is given: after a failure.
    pub const TRANSIENT: u32 = 0;
    /// After a failure, and after it stopped itself.
    pub const PERMANENT: u32 = 1 << 2;
    /// Never.
    pub const TEMPORARY: u32 = 2 << 2;
    /// A restart turns what waits into dead letters.
    pub const CLEAR: u32 = 1 << 4;
}

/// Why an instance takes the place of another.
pub mod again {
    /// The one before ended normally.
    pub const NORMAL: u32 = 0;
    /// The one before failed.
    pub const FAILURE: u32 = 1;
    /// One of its group failed.
    pub const GROUP: u32 = 2;
}

/// What is done about a failure.
pub mod directive {
    /// A new instance takes its place.
    pub const RESTART: u32 = 1;
    /// It is over.
    pub const STOP: u32 = 2;
    /// The instance goes on.
    pub const RESUME: u32 = 3;
    /// Its parent fails with it.
    pub const ESCALATE: u32 = 4;
}

/// What became of a request for another parent.
pub mod adopted {
    /// It has the parent.
    pub const DONE: u32 = 0;
    /// It has ended, or is ending.
    pub const ENDED: u32 = 1;
    /// The parent has a child of that name.
    pub const NAME_TAKEN: u32 = 2;
    /// It is the parent itself, or above it.
    pub const ABOVE: u32 = 3;
}

/// What a run came to.
pub mod outcome {
    /// Returned.
    pub const OK: u32 = 0;
    /// Threw or rejected.
    pub const THREW: u32 = 1;
}

/// Bits of a timer.
pub mod timer {
    /// Comes again, counted from when it was due.
    pub const EVERY: u32 = 1;
    /// Comes again, counted from when its callback ended.
    pub const FROM_END: u32 = 2;
    /// Does not hold the process.
    pub const UNREF: u32 = 4;
}

/// Why an actor ended.
pub mod reason {
    /// It was stopped.
    pub const NORMAL: u32 = 1;
    /// Its parent or the system ended.
    pub const SHUTDOWN: u32 = 2;
    /// It was killed, or was past its deadline.
    pub const KILLED: u32 = 3;
    /// It failed.
    pub const FAILED: u32 = 4;
    /// Its isolate died.
    pub const LOST: u32 = 5;
    /// Ended too long ago to remember.
    pub const UNKNOWN: u32 = 6;
}

/// Bits of ENDED.
pub mod ended {
    /// It had started before.
    pub const STARTED: u32 = 1;
    /// It had no instance: it was about to restart.
    pub const DOWN: u32 = 2;
}

/// In which phase an actor failed.
pub mod phase {
    /// The constructor or onStart.
    pub const START: u32 = 1;
    /// A message.
    pub const MESSAGE: u32 = 2;
    /// A timer.
    pub const TIMER: u32 = 3;
    /// A watch.
    pub const WATCH: u32 = 4;
    /// onStop.
    pub const STOP: u32 = 5;
    /// A health check.
    pub const HEALTH: u32 = 6;
    /// An actor that it is linked to ended.
    pub const LINK: u32 = 7;
    /// Its children were restarted too often, or one escalated.
    pub const CHILD: u32 = 8;
    /// Its isolate is gone.
    pub const ISOLATE: u32 = 9;
}

/// Why a message is a dead letter.
pub mod dead {
    /// There never was such an actor here.
    pub const NO_SUCH_ACTOR: u32 = 0;
    /// It has ended or is ending.
    pub const STOPPED: u32 = 1;
    /// The mailbox was full.
    pub const MAILBOX_FULL: u32 = 2;
    /// The mailbox was full and its policy drops.
    pub const DROPPED: u32 = 3;
    /// Its time to live was over.
    pub const EXPIRED: u32 = 4;
    /// No handler of that name.
    pub const NO_HANDLER: u32 = 5;
    /// The isolate died.
    pub const ISOLATE_LOST: u32 = 6;
    /// The caller aborted it.
    pub const ABORTED: u32 = 7;
    /// How many reasons there are.
    pub const COUNT: usize = 8;
}

/// What a full mailbox does.
pub mod policy {
    /// Refuses the newcomer.
    pub const REJECT: u32 = 0;
    /// Lets senders that can wait do so.
    pub const WAIT: u32 = 1;
    /// Drops the newcomer.
    pub const DROP_NEWEST: u32 = 2;
    /// Drops the oldest of the lowest priority.
    pub const DROP_OLDEST: u32 = 3;
}

/// Words of the header that both sides see.
pub mod word {
    /// Isolate: entries in the outbox.
    pub const OUT: usize = 0;
    /// Core: entries in the inbox.
    pub const IN: usize = 1;
    /// Isolate: the inbox entry it runs; everything before it is done. Between two entries: the next one's complement.
    pub const CURSOR: usize = 2;
    /// Isolate: [`super::mode`] bits of this turn.
    pub const MODE: usize = 3;
    /// Core: in how many ms the host's timer must fire; -1: as it is.
    pub const NEXT: usize = 4;
    /// Core: 1 while something waits, runs, starts or stops.
    pub const BUSY: usize = 5;
    /// Core: 1 while the process must stay alive.
    pub const HOLD: usize = 6;
    /// Core: turns so far.
    pub const TURNS: usize = 7;
    /// Core: 1 when the inbox tells of an end that gave up what was in hand: a run that ends before that was read is over.
    pub const GAVE_UP: usize = 8;
    /// Core: [`super::mode`] bits of what other isolates listen to.
    pub const ASKED: usize = 9;
    /// How many words.
    pub const COUNT: usize = 16;
}

/// Bits of the header's MODE word.
pub mod mode {
    /// The outbox has signals or priorities: no message may skip its mailbox.
    pub const ORDERED: u32 = 1;
    /// The host's timer fired.
    pub const TICK: u32 = 2;
    /// Somebody listens to events.
    pub const EVENTS: u32 = 4;
    /// Somebody listens to dead letters.
    pub const DEAD: u32 = 8;
    /// A turn that gives nothing does not fall asleep: its isolate looks for mail itself, and comes again.
    pub const AWAKE: u32 = 16;
}
