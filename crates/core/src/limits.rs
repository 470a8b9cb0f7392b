//! Constants with a reason.

/// Cells per chunk of the table: one chunk is allocated at a time, so memory grows with the actors alive.
pub const CHUNK: usize = 1 << CHUNK_BITS;
/// See [`CHUNK`].
pub const CHUNK_BITS: u32 = 6;
/// Indices have 26 bits: 67 million actors in one system, and room for a kind beside an index in one word.
pub const INDEX_BITS: u32 = 26;
/// One past the highest index.
pub const MAX_CELLS: u32 = 1 << INDEX_BITS;
/// The slot of a call has 26 bits of its correlation; the other 6 are the slot's age.
pub const CALL_BITS: u32 = 26;
/// See [`CALL_BITS`].
pub const CALL_MASK: u32 = (1 << CALL_BITS) - 1;
/// An address is an index with the number of its lane, plus one, above it; an index of the own lane has 0 there.
pub const MAX_LANES: u32 = (1 << (32 - INDEX_BITS)) - 1;
/// The age of calls that another isolate waits for; no call of the own isolate has it.
pub const FAR_CALL: u32 = 63;
/// Messages that one actor may be handed before the next ready one has its turn.
pub const VISIT: u32 = 64;
/// Deliveries in a row of a higher priority after which one lower message is served.
pub const STREAK: u8 = 64;
/// The default bound of a mailbox: high enough that a plain loop of tells does not meet it, low enough
/// that a leak ends in dead letters (32 MiB of envelopes) and not in the machine's memory.
pub const CAPACITY: u32 = 1 << 20;
/// Envelopes kept after a backlog was worked off; what lies above goes back to the allocator.
pub const ENVELOPES_KEPT: usize = 1 << 16;
/// Turns in a row without a message before that happens: bursts that follow each other do not pay for fresh memory.
pub const CALM_TURNS: u32 = 64;

const _: () = assert!(CHUNK.is_power_of_two());
const _: () = assert!(INDEX_BITS + 6 == 32, "an index and a 6-bit kind share a word");
