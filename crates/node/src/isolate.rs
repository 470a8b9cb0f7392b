//! The life of an isolate as the addon sees it: a doorbell that rings on its event loop, and the hook that runs
//! before the loop is gone.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex};

use napi::sys::{self, napi_env as Env, napi_value as Value};

use crate::call;

/// A thread-safe function that wakes one isolate. It carries no payload, so nothing is lost with it.
///
/// Calling it after its isolate died aborts the process on Node 20 and 22, hence the gate: whoever rings holds it, and
/// the hook that runs at the isolate's end takes the handle out first.
#[derive(Debug, Clone)]
pub(crate) struct Bell(Arc<Mutex<Option<Handle>>>);

#[derive(Debug)]
struct Handle(sys::napi_threadsafe_function);

// SAFETY: a thread-safe function may be called from any thread; the gate keeps calls before its end.
unsafe impl Send for Handle {}

impl Bell {
    /// Hangs a bell that calls `function` on the isolate's loop. It does not keep the loop alive.
    ///
    /// # Safety
    /// `env` and `function` belong to the call in progress.
    pub(crate) unsafe fn hang(env: Env, function: Value) -> Bell {
        // SAFETY: the caller's promise.
        let name = unsafe { call::string(env, "buskin doorbell") };
        let mut handle = null_mut();
        // SAFETY: the caller's promise; one thread count, no queue bound, no context, no finalizer to run.
        let status = unsafe {
            sys::napi_create_threadsafe_function(
                env,
                function,
                null_mut(),
                name,
                0,
                1,
                null_mut(),
                None,
                null_mut(),
                Some(ring_on_loop),
                &mut handle,
            )
        };
        if status != sys::Status::napi_ok {
            return Bell(Arc::default());
        }
        // SAFETY: the handle is fresh and this is its loop's thread.
        unsafe { sys::napi_unref_threadsafe_function(env, handle) };
        Bell(Arc::new(Mutex::new(Some(Handle(handle)))))
    }

    /// Rings, unless the isolate is gone.
    pub(crate) fn ring(&self) {
        let gate = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(handle) = &*gate {
            // SAFETY: the gate is held, so the isolate's end has not begun; no payload.
            unsafe {
                sys::napi_call_threadsafe_function(handle.0, null_mut(), sys::ThreadsafeFunctionCallMode::nonblocking);
            }
        }
    }

    /// After this nobody rings. `release`: the isolate lives on and gives the handle back itself.
    pub(crate) fn shut(&self, release: bool) {
        let handle = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let (Some(handle), true) = (handle, release) {
            // SAFETY: called on the loop's thread while it lives; nobody else has the handle any more.
            unsafe {
                sys::napi_release_threadsafe_function(handle.0, sys::ThreadsafeFunctionReleaseMode::abort);
            }
        }
    }
}

unsafe extern "C" fn ring_on_loop(env: Env, function: Value, _context: *mut c_void, _data: *mut c_void) {
    if !env.is_null() && !function.is_null() {
        // SAFETY: Node calls this on the loop's thread; a null env (teardown) was excluded.
        unsafe { call::invoke(env, function) };
    }
}
