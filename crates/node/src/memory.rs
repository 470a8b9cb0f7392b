//! The arrays that JavaScript allocates and the core borrows.

use std::ffi::c_void;
use std::ptr::null_mut;

use buskin_core::entry::{Entry, word};
use napi::sys::{self, napi_env as Env, napi_ref as Ref, napi_value as Value};

use crate::call;

/// The four arrays, and the references that hold them.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) rings: [(*mut c_void, usize); 4],
    held: [Ref; 4],
}

/// Where letters lie: `bag, places, satchel`, and the references that hold them. Empty until there are several lanes.
#[derive(Clone, Copy)]
pub(crate) struct Letters {
    pub(crate) arrays: [(*mut c_void, usize); 3],
    pub(crate) held: [Ref; 3],
}

impl Letters {
    pub(crate) const NONE: Letters =
        Letters { arrays: [(std::ptr::NonNull::<u64>::dangling().as_ptr().cast(), 0); 3], held: [null_mut(); 3] };

    /// # Safety
    /// `env` is the one that the arrays belong to, and nobody uses them any more.
    pub(crate) unsafe fn release(self, env: Env) {
        for reference in self.held.into_iter().filter(|held| !held.is_null()) {
            // SAFETY: the caller's promise; each reference is deleted once.
            unsafe { sys::napi_delete_reference(env, reference) };
        }
    }
}

impl Memory {
    /// The arrays `header, outbox, inbox, marks`, held; nothing when they do not fit each other.
    ///
    /// # Safety
    /// `env` and `arrays` belong to the call in progress.
    pub(crate) unsafe fn hold(env: Env, arrays: [Value; 4]) -> Option<Memory> {
        // SAFETY: the caller's promise.
        let rings = arrays.map(|array| unsafe { call::elements(env, array) });
        let fit = rings.iter().all(|r| !r.0.is_null())
            && rings[0].1 >= word::COUNT
            && rings[3].1 * 6 >= rings[2].1
            && rings[1].0.cast::<Entry>().is_aligned()
            && rings[2].0.cast::<Entry>().is_aligned();
        if !fit {
            return None;
        }
        let held = arrays.map(|array| {
            let mut reference = null_mut();
            // SAFETY: the caller's promise.
            unsafe { sys::napi_create_reference(env, array, 1, &mut reference) };
            reference
        });
        Some(Memory { rings, held })
    }

    /// # Safety
    /// `env` is the one that the arrays belong to, and nobody uses them any more.
    pub(crate) unsafe fn release(self, env: Env) {
        for reference in self.held {
            // SAFETY: the caller's promise; each reference is deleted once.
            unsafe { sys::napi_delete_reference(env, reference) };
        }
    }
}
