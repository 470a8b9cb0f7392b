//! Libraries with native kinds, which are loaded at run time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use buskin_core::native::foreign;
use buskin_plugin::abi;
use libloading::Library;

/// Those that were loaded, and the names of their kinds.
static LOADED: Mutex<BTreeMap<PathBuf, Vec<String>>> = Mutex::new(BTreeMap::new());

/// Loads a library, once in a process; the names of its kinds.
pub(crate) fn load(path: &str) -> Result<Vec<String>, String> {
    let path = std::fs::canonicalize(path).map_err(|error| error.to_string())?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(names) = loaded.get(&path) {
        return Ok(names.clone());
    }
    // SAFETY: whoever names a library wants what it does when it is loaded.
    let library = unsafe { Library::new(&path) }.map_err(|error| error.to_string())?;
    // SAFETY: a library that has this function has it of this type, as the crate `buskin-plugin` makes it.
    let entry = unsafe { library.get::<abi::Entry>(abi::ENTRY.as_bytes()) };
    let entry = *entry.map_err(|_| "it has no native kinds: end it in buskin_plugin::plugin!".to_owned())?;
    // its actors run its code as long as the process lives
    let _stays: &'static mut Library = Box::leak(Box::new(library));
    // SAFETY: the library is there for good, and so is what its function gives.
    let names = unsafe { foreign::register_plugin(entry()) }.map_err(|error| error.to_string())?;
    loaded.insert(path, names.clone());
    Ok(names)
}
