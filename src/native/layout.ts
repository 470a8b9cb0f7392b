// Generated from crates/core/src/entry.rs by scripts/layout.mjs. Do not edit.

/** Which layout this is: the addon must have been built with the same. */
export const LAYOUT = 340159656
/** The low bits of head. */
export const OP_MASK = 31
/** The tag is the upper half of head: which method, or which class. */
export const TAG_SHIFT = 16
/** Indices have 26 bits: 67 million actors in one system, and room for a kind beside an index in one word. */
export const INDEX_BITS = 26
/** The slot of a call has 26 bits of its correlation; the other 6 are the slot's age. */
export const CALL_BITS = 26
/** See CALL_BITS. */
export const CALL_MASK = 67108863
/** The age of calls that another isolate waits for; no call of the own isolate has it. */
export const FAR_CALL = 63

/** The caller waits for the reply. */
export const FLAG_ASK = 32
/** The caller waits for the acceptance. */
export const FLAG_SEND = 64
/** The handler is asynchronous: it is delivered alone and suspends its actor. */
export const FLAG_ASYNC = 128
/** The handler may overlap others that have this flag. */
export const FLAG_SHARED = 256
/** Outbox: of a send to another isolate: its caller may abort it after it was let in. */
export const FLAG_ABORTS = 256
/** The payload word is a slot of the isolate's table. */
export const FLAG_SLOT = 512
/** How many arguments: 0, 1, 2, or 3 for an array of them; 3 without SLOT: a letter. */
export const FLAG_ARITY = 3072
/** Outbox: an entry with options (op::EXT) follows. */
export const FLAG_EXT = 4096
/** Inbox: the payload is a letter, which lies in the bag. */
export const FLAG_LETTER = 4096
/** A stream call. */
export const FLAG_STREAM = 8192
/** Kept for sampling. */
export const FLAG_SAMPLE = 16384
/** Kept for tracing. */
export const FLAG_TRACE = 32768

/** A message. */
export const OP_MSG = 1
/** Options of the entry before: of a message index = priority (0 normal, 1 high, 2 low), age,payload = time to live in µs + 1 (64 bits, 0 none), from,corr = time-out of the ask in µs + 1 (0: the system's; all ones: none). Of a spawn: index = capacity, age = policy | restart bits, payload = shutdown in ms (all ones: infinity, one less: brutal), from = start time-out in ms (all ones: none), corr = its profile. */
export const OP_EXT = 2
/** A new actor: tag = class, payload = spawn bits, from = parent. */
export const OP_SPAWN = 3
/** End an actor: payload = stop, corr = time-out of the drain in ms (all ones: none). */
export const OP_STOP = 4
/** What an asynchronous run came to: tag = the note it ran for, payload = slot of the error, from = outcome, corr = the call; flag SHARED as the message had it. */
export const OP_DONE = 5
/** from watches the actor; payload = the watch. */
export const OP_WATCH = 6
/** Takes the watch payload of the watcher from back. */
export const OP_UNWATCH = 7
/** A timer: tag = timer bits, payload = the timer, from,corr = period in µs (64 bits). */
export const OP_TIMER = 8
/** Cancels the timer payload. */
export const OP_CANCEL = 9
/** Whether the timer payload holds the process (from = 1) or not (0). */
export const OP_HOLD = 10
/** The caller of corr gave up: the message becomes a dead letter if it still waits. */
export const OP_ABORT = 11
/** Run the stream payload to its next yield: from = 0 behind what waits, 1 before it. */
export const OP_RESUME = 12
/** End the stream payload early. */
export const OP_RETURN = 13
/** Answer with STARTED or ENDED when it is so. */
export const OP_QUERY = 14
/** End the root: corr = time-out in ms (all ones: none). */
export const OP_SHUTDOWN = 15
/** The call corr was settled on the isolate. */
export const OP_SETTLED = 16
/** The stream call that the actor runs came to its end: from = outcome, payload = slot of the error. */
export const OP_STREAM_END = 17
/** The reader of a stream asks for an item (from = 1), or does not any more (0). */
export const OP_DEMAND = 18
/** A message whose caller gave it up before it was handed over. */
export const OP_GIVEN_UP = 19
/** What decide says of the actor that failed: payload = directive, 0 for nothing. */
export const OP_DECISION = 20
/** from and the actor fail together; payload = the link, corr = 1 when the actor is known to have ended by a failure. */
export const OP_LINK = 21
/** Takes the link payload of from back. */
export const OP_UNLINK = 22
/** The actor gets the parent from (0: the root); ADOPTED answers. payload = the request. */
export const OP_ADOPT = 23
/** Something for another isolate: tag = carry, payload as that of a message. */
export const OP_CARRY = 24

/** Nothing: an entry taken back before it was run. */
export const NOTE_NOP = 0
/** A message to handle. */
export const NOTE_MSG = 1
/** Make the instance and start it; age = the index's age, payload = generation, from = again. */
export const NOTE_START = 2
/** Run onStop; payload = reason, from = slot of the error. */
export const NOTE_STOP = 3
/** The actor has ended; payload = reason, from = slot of the error, corr = ended bits. */
export const NOTE_ENDED = 4
/** A dead letter: the message's own words (age of the target); REASON follows. */
export const NOTE_DEAD = 5
/** Belongs to the entry before: index = reason of the dead letter, age = the sender's age. */
export const NOTE_REASON = 6
/** The mailbox took the message of call corr. */
export const NOTE_ACCEPTED = 7
/** The ask corr is late; tag = method, index,age = whom it asked, payload = 1 in a cycle. */
export const NOTE_TIMEOUT = 8
/** The timer payload is due; corr = 1 when it will not come again. */
export const NOTE_TIMER = 9
/** The watched actor ended; payload = the watch, from = reason, corr = slot of the error. */
export const NOTE_WATCH = 10
/** Run the stream payload to its next yield. */
export const NOTE_RESUME = 11
/** Return the generator of the stream payload. */
export const NOTE_RETURN = 12
/** The actor has started. */
export const NOTE_STARTED = 13
/** The actor failed; tag = method, payload = slot of the error (0: the isolate knows it), from = phase, corr = parent. VERDICT follows. */
export const NOTE_FAILED = 14
/** One member of a cycle of asks; payload = how many follow; corr = its call, 0: made elsewhere; from = 1 when another isolate tells of the cycle. */
export const NOTE_CYCLE = 15
/** The root has ended. */
export const NOTE_CLOSED = 16
/** As FAILED, and age = restarts: what does the parent's decide say? DECISION answers. */
export const NOTE_DECIDE = 17
/** Belongs to the entry before: index = directive, age = restarts, payload = delay in ms, from = strategy; corr = 1 when this failure changes nothing. */
export const NOTE_VERDICT = 18
/** The instance is over, the actor is not; payload = generation, from = slot of the error, corr = reason. */
export const NOTE_DOWN = 19
/** The actor (0: the root) fails with its child from; payload = 1 when that failed, 0 when it ended normally too often; corr = 1 when the system ends. */
export const NOTE_ESCALATED = 20
/** A health check failed, and is not a failure yet; payload = slot of the error, 0 when it was late. */
export const NOTE_MISSED = 21
/** Ask the actor whether it is well. */
export const NOTE_HEALTH = 22
/** The link payload is no more: the actor ended, on one side of it, or took it back. What fails with it fails later. */
export const NOTE_UNLINKED = 23
/** What became of the request payload: from = parent, corr = adopted. */
export const NOTE_ADOPTED = 24
/** What was thrown, in the slot payload, is of a run that was given up before: nobody reports it. */
export const NOTE_FORGET = 25
/** Something from another isolate: tag = carry, payload as that of a message. */
export const NOTE_CARRY = 26

/** What the call corr came to: from = outcome. It is over. */
export const CARRY_REPLY = 1
/** An item of the stream corr. */
export const CARRY_ITEM = 2
/** The stream corr has begun; index = where its reader's words go. */
export const CARRY_BEGIN = 3
/** To where BEGIN said: the reader has room for payload more items. */
export const CARRY_CREDIT = 4
/** To where BEGIN said: the reader has left. */
export const CARRY_LEAVE = 5
/** The message of the call corr was let in; from = 1: OVER follows when it is over. */
export const CARRY_ACCEPTED = 6
/** The message of the call corr is a dead letter; payload = dead. */
export const CARRY_REFUSED = 7
/** The call corr is over, and its caller knows what it asked: sent only where ACCEPTED said so. */
export const CARRY_OVER = 8
/** To all other isolates: something for their feeds, or about the system. */
export const CARRY_NEWS = 9
/** A new actor: a letter of the isolates, and index,age are granted. EXT as of a spawn follows. */
export const CARRY_SPAWN = 10
/** As op STOP. */
export const CARRY_STOP = 11
/** The isolate wants to know of the actor: payload = its own number for it, from = 1: when it has started as well. */
export const CARRY_QUERY = 12
/** Answers QUERY: it has started; payload = the number. */
export const CARRY_STARTED = 13
/** Answers QUERY: it has ended; payload = the number, from = reason, corr = ended bits. A letter tells the error, and perhaps the path. From an isolate: index,age as it was asked, from = reason, above it (8) the bits, corr = the number. It is asked by QUERY, from = the lane and the reason, or WATCH; corr = the age to answer. */
export const CARRY_ENDED = 14
/** As op WATCH; from is an address. */
export const CARRY_WATCH = 15
/** As op UNWATCH; from is an address. */
export const CARRY_UNWATCH = 16
/** The watched actor has ended: as note WATCH. */
export const CARRY_WATCHED = 17
/** As op LINK; from is an address. */
export const CARRY_LINK = 18
/** As op UNLINK; from is an address. */
export const CARRY_UNLINK = 19
/** One end of the link payload is over; from = its reason, 0 when the link was taken back. */
export const CARRY_UNLINKED = 20
/** As op ABORT. */
export const CARRY_ABORT = 21
/** To the stand-in: the actor has started; payload = generation. */
export const CARRY_UP = 22
/** To the stand-in: the actor failed: payload = phase, from = 1 when it had yet to start. A letter tells the error. */
export const CARRY_FAILED = 23
/** To the stand-in: the permanent actor stops itself. */
export const CARRY_SELF = 24
/** To the stand-in: the instance is over; payload = reason, from = whether there was one. */
export const CARRY_DOWN = 25
/** To the stand-in: the actor has ended; payload = reason, from = ended bits. */
export const CARRY_GONE = 26
/** From the stand-in: end; payload = reason, from = 1 when another instance follows. */
export const CARRY_WIND = 27
/** From the stand-in: end at once; from as of WIND. */
export const CARRY_KILL = 28
/** From the stand-in: another instance; payload = again. */
export const CARRY_REVIVE = 29
/** From the stand-in: the instance goes on. */
export const CARRY_RESUME = 30
/** What class means is known now; payload = class. */
export const CARRY_CLASS = 31
/** To the parent's isolate: a stand-in was made at index. To the actor's own, with from = 1: it was spawned from elsewhere; payload = the number of the letter that tells of it. */
export const CARRY_BORN = 32
/** To the isolate: what became of an actor's seat. from = 0: it has another parent; 1: at index nobody stands in for it any more; 2: the one there does from now on, for the actor at the address payload of age corr. Of 2, bits above: 4 it has started, 8 it runs, and above these its generation. */
export const CARRY_MOVED = 33
/** To the stand-in's isolate (index; 0: none): a message for its actor, or one below, is a dead letter. */
export const CARRY_DEAD = 34
/** The same of an instance below its actor that is over: from = reason, corr = generation. */
export const CARRY_STOPPED = 35
/** From the watchdog: index,age (0: unknown) blocks its isolate; from = the name, corr = note. */
export const CARRY_STALLED = 36
/** Between the lanes alone: whether asks over several of them are a cycle. */
export const CARRY_CHASE = 37
/** An order about an actor that gets another parent; payload = what is to be done, from = adopted. */
export const CARRY_MOVE = 38
/** Answers a request for another parent: as note ADOPTED. */
export const CARRY_ADOPTED = 39
/** From a lane whose isolate is gone, behind all that it sent: what it was granted and did not use is free. */
export const CARRY_FORFEIT = 40
/** To a lane of native actors: payload is a block that its isolate runs. */
export const CARRY_ERRAND = 41

/** Returned. */
export const MARK_NONE = 0
/** Returned a promise; DONE follows one day. */
export const MARK_PROMISED = 1
/** Threw; the entry's payload word is the slot of the error. */
export const MARK_THREW = 2
/** No handler of that name. */
export const MARK_NO_HANDLER = 3
/** Not run: the actor was suspended, failed or stopped by an earlier entry. */
export const MARK_HELD = 4
/** A stream call began; STREAM_END follows one day. */
export const MARK_STREAMING = 5
/** Not run: the caller aborted it. */
export const MARK_ABORTED = 6
/** Taken back by the core. */
export const MARK_GONE = 7

/** The name was reserved. */
export const SPAWN_NAMED = 1
/** The class has an onStop. */
export const SPAWN_STOP_HOOK = 2
/** It stands in for an actor of another lane: of EXT index,from = that one's address and age, age and payload as ever. */
export const SPAWN_AWAY = 4
/** No other isolate could spawn it anew: it ends with the one that it is spawned in. */
export const SPAWN_MORTAL = 8
/** It cannot be made anew: it is never restarted, whatever the system's default is. */
export const SPAWN_ONCE = 16

/** After the message in hand. */
export const STOP_NORMAL = 0
/** After those that wait. */
export const STOP_DRAIN = 1
/** At once. */
export const STOP_KILL = 2
/** It stops itself: a permanent one comes back. */
export const STOP_SELF = 3

/** Of these, one is given: after a failure. */
export const RESTART_TRANSIENT = 0
/** After a failure, and after it stopped itself. */
export const RESTART_PERMANENT = 4
/** Never. */
export const RESTART_TEMPORARY = 8
/** A restart turns what waits into dead letters. */
export const RESTART_CLEAR = 16

/** The one before ended normally. */
export const AGAIN_NORMAL = 0
/** The one before failed. */
export const AGAIN_FAILURE = 1
/** One of its group failed. */
export const AGAIN_GROUP = 2

/** A new instance takes its place. */
export const DIRECTIVE_RESTART = 1
/** It is over. */
export const DIRECTIVE_STOP = 2
/** The instance goes on. */
export const DIRECTIVE_RESUME = 3
/** Its parent fails with it. */
export const DIRECTIVE_ESCALATE = 4

/** It has the parent. */
export const ADOPTED_DONE = 0
/** It has ended, or is ending. */
export const ADOPTED_ENDED = 1
/** The parent has a child of that name. */
export const ADOPTED_NAME_TAKEN = 2
/** It is the parent itself, or above it. */
export const ADOPTED_ABOVE = 3

/** Returned. */
export const OUTCOME_OK = 0
/** Threw or rejected. */
export const OUTCOME_THREW = 1

/** Comes again, counted from when it was due. */
export const TIMER_EVERY = 1
/** Comes again, counted from when its callback ended. */
export const TIMER_FROM_END = 2
/** Does not hold the process. */
export const TIMER_UNREF = 4

/** It was stopped. */
export const REASON_NORMAL = 1
/** Its parent or the system ended. */
export const REASON_SHUTDOWN = 2
/** It was killed, or was past its deadline. */
export const REASON_KILLED = 3
/** It failed. */
export const REASON_FAILED = 4
/** Its isolate died. */
export const REASON_LOST = 5
/** Ended too long ago to remember. */
export const REASON_UNKNOWN = 6

/** It had started before. */
export const ENDED_STARTED = 1
/** It had no instance: it was about to restart. */
export const ENDED_DOWN = 2

/** The constructor or onStart. */
export const PHASE_START = 1
/** A message. */
export const PHASE_MESSAGE = 2
/** A timer. */
export const PHASE_TIMER = 3
/** A watch. */
export const PHASE_WATCH = 4
/** onStop. */
export const PHASE_STOP = 5
/** A health check. */
export const PHASE_HEALTH = 6
/** An actor that it is linked to ended. */
export const PHASE_LINK = 7
/** Its children were restarted too often, or one escalated. */
export const PHASE_CHILD = 8
/** Its isolate is gone. */
export const PHASE_ISOLATE = 9

/** There never was such an actor here. */
export const DEAD_NO_SUCH_ACTOR = 0
/** It has ended or is ending. */
export const DEAD_STOPPED = 1
/** The mailbox was full. */
export const DEAD_MAILBOX_FULL = 2
/** The mailbox was full and its policy drops. */
export const DEAD_DROPPED = 3
/** Its time to live was over. */
export const DEAD_EXPIRED = 4
/** No handler of that name. */
export const DEAD_NO_HANDLER = 5
/** The isolate died. */
export const DEAD_ISOLATE_LOST = 6
/** The caller aborted it. */
export const DEAD_ABORTED = 7
/** How many reasons there are. */
export const DEAD_COUNT = 8

/** Refuses the newcomer. */
export const POLICY_REJECT = 0
/** Lets senders that can wait do so. */
export const POLICY_WAIT = 1
/** Drops the newcomer. */
export const POLICY_DROP_NEWEST = 2
/** Drops the oldest of the lowest priority. */
export const POLICY_DROP_OLDEST = 3

/** Isolate: entries in the outbox. */
export const WORD_OUT = 0
/** Core: entries in the inbox. */
export const WORD_IN = 1
/** Isolate: the inbox entry it runs; everything before it is done. Between two entries: the next one's complement. */
export const WORD_CURSOR = 2
/** Isolate: mode bits of this turn. */
export const WORD_MODE = 3
/** Core: in how many ms the host's timer must fire; -1: as it is. */
export const WORD_NEXT = 4
/** Core: 1 while something waits, runs, starts or stops. */
export const WORD_BUSY = 5
/** Core: 1 while the process must stay alive. */
export const WORD_HOLD = 6
/** Core: turns so far. */
export const WORD_TURNS = 7
/** Core: 1 when the inbox tells of an end that gave up what was in hand: a run that ends before that was read is over. */
export const WORD_GAVE_UP = 8
/** Core: mode bits of what other isolates listen to. */
export const WORD_ASKED = 9
/** How many words. */
export const WORD_COUNT = 16

/** The outbox has signals or priorities: no message may skip its mailbox. */
export const MODE_ORDERED = 1
/** The host's timer fired. */
export const MODE_TICK = 2
/** Somebody listens to events. */
export const MODE_EVENTS = 4
/** Somebody listens to dead letters. */
export const MODE_DEAD = 8
/** A turn that gives nothing does not fall asleep: its isolate looks for mail itself, and comes again. */
export const MODE_AWAKE = 16
