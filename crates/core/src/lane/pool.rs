//! Where a lane's parcels come from and where they return to, so that steady traffic allocates nothing.
//!
//! ```text
//!   producing lane                                   consuming lane
//!   Pool::parcel ──▶ Batch ──▶ Inbox::push ─────────▶ Inbox::drain ──▶ read
//!        ▲                                                              │
//!        └── Pool, when its free list is empty ◀── Returns::give ◀── Spent, one per source lane
//! ```
//!
//! A node belongs to nobody in particular: one that is dropped instead of given back, or given to
//! another lane's returns, costs an allocation later and nothing else.

use super::{
    head::Head,
    parcel::{Header, Parcel},
};
use crate::{mailbox::links::Batch, sync::Arc};
use crossbeam_utils::CachePadded;

/// The producing lane's side; used by its thread alone.
#[derive(Debug)]
pub struct Pool {
    /// Ready for use, the warmest on top.
    free: Batch<Parcel>,
    returns: Arc<Returns>,
}

/// The side of everybody else: a stack of nodes that may go home.
#[derive(Debug)]
pub struct Returns {
    /// Consuming lanes put, the pool takes and, when it dies, closes. Never asleep: nothing waits here.
    head: CachePadded<Head>,
}

// `Head` is only words; what `Returns` moves between threads is parcels, so they must be sendable.
const _: () = {
    const fn sendable<T: Send>() {}
    sendable::<Parcel>();
};

impl Pool {
    /// An empty pool; the first parcels are allocated.
    #[must_use]
    pub fn new() -> Self {
        Self { free: Batch::new(), returns: Arc::new(Returns { head: CachePadded::new(Head::new()) }) }
    }

    /// Where other lanes give this pool's parcels back.
    #[must_use]
    pub fn returns(&self) -> &Arc<Returns> {
        &self.returns
    }

    /// A parcel with this header and a copy of these bytes.
    #[inline]
    pub fn parcel(&mut self, header: Header, bytes: &[u8]) -> Parcel {
        let mut parcel = match self.free.pop() {
            Some(parcel) => parcel,
            None => self.refill(),
        };
        *parcel.header_mut() = header;
        parcel.set_bytes(bytes);
        parcel
    }

    /// Takes back a parcel that never left, or whose home does not matter.
    pub fn put(&mut self, mut parcel: Parcel) {
        parcel.clear();
        self.free.push(parcel);
    }

    /// How many lie ready, without a look at the returns.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// Frees all but `keep`: for a lane that is about to sleep, after a burst.
    pub fn trim(&mut self, keep: usize) {
        self.collect();
        while self.free.len() > keep {
            drop(self.free.pop());
        }
    }

    #[cold]
    fn refill(&mut self) -> Parcel {
        self.collect();
        self.free.pop().unwrap_or_else(|| Parcel::new(Header::default()))
    }

    /// Moves what came back to the free list.
    fn collect(&mut self) {
        // SAFETY: `take` unlinked the chain, so it is ours alone; only `give` puts here: parcels,
        // linked newest first and ended by null.
        let mut back = unsafe { Batch::<Parcel>::from_newest(self.returns.head.take()) };
        if self.free.is_empty() {
            self.free = back;
        } else {
            while let Some(parcel) = back.pop() {
                self.free.push(parcel);
            }
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.returns.shut();
    }
}

/// Parcels that were read, on their way home.
#[derive(Debug, Default)]
pub struct Spent(Batch<Parcel>);

impl Spent {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Batch::new())
    }

    /// Adds one; its bytes are dropped here, on the consumer's thread.
    #[inline]
    pub fn add(&mut self, mut parcel: Parcel) {
        parcel.clear();
        self.0.push(parcel);
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing to give back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Returns {
    /// Sends used parcels home with one exchange; frees them when the home is gone.
    pub fn give(&self, spent: Spent) {
        if spent.is_empty() {
            return;
        }
        let raw = spent.0.into_raw();
        // SAFETY: `into_raw` gave us the chain, linked from its first to its second part.
        if unsafe { self.head.put(raw.0, raw.1) }.is_err() {
            // SAFETY: a failed put leaves the chain ours and as it was.
            drop(unsafe { Batch::<Parcel>::from_raw(raw) });
        }
    }

    fn shut(&self) {
        // SAFETY: as in `Pool::collect`.
        drop(unsafe { Batch::<Parcel>::from_newest(self.head.close()) });
    }
}

impl Drop for Returns {
    fn drop(&mut self) {
        self.shut();
    }
}
