//! Systems of several isolates, by the number that their isolates know them by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use buskin_core::hub::Hub;

static OPEN: Mutex<Option<(u32, HashMap<u32, Arc<Hub>>)>> = Mutex::new(None);

fn with<R>(body: impl FnOnce(&mut u32, &mut HashMap<u32, Arc<Hub>>) -> R) -> R {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let (last, hubs) = open.get_or_insert_default();
    body(last, hubs)
}

/// Makes a system known; its number.
pub(crate) fn add(hub: Arc<Hub>) -> u32 {
    with(|last, hubs| {
        *last += 1;
        hubs.insert(*last, hub);
        *last
    })
}

pub(crate) fn find(id: u32) -> Option<Arc<Hub>> {
    with(|_, hubs| hubs.get(&id).cloned())
}

/// The system has ended; its isolates may still hold it.
pub(crate) fn remove(hub: &Arc<Hub>) {
    with(|_, hubs| hubs.retain(|_, known| !Arc::ptr_eq(known, hub)));
}
