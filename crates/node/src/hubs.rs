//! Systems of several isolates, by the number that their isolates know them by.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use buskin_core::hub::Hub;
use buskin_core::lane::Lane;

use crate::threads::Crew;

/// What isolates of a system share.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) hub: Arc<Hub>,
    pub(crate) crew: Arc<Crew>,
}

static OPEN: Mutex<BTreeMap<u32, Opened>> = Mutex::new(BTreeMap::new());
static LAST: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

fn open() -> MutexGuard<'static, BTreeMap<u32, Opened>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a system known; its number.
pub(crate) fn add(opened: Opened) -> u32 {
    let id = LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
    open().insert(id, opened);
    id
}

pub(crate) fn find(id: u32) -> Option<Opened> {
    open().get(&id).cloned()
}

/// The system has ended: its other lanes, whose isolates are gone, take nothing any more. Its isolates may still hold it.
pub(crate) fn close(hub: &Arc<Hub>) {
    hub.unwatch();
    for place in 1..=buskin_core::limits::MAX_LANES {
        let Some(lane) = hub.lane(place) else { break };
        lane.with(Lane::close);
    }
    open().retain(|_, known| !Arc::ptr_eq(&known.hub, hub));
}
