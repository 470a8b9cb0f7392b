//! The life of an isolate as the addon sees it: a doorbell that rings on its event loop, and the hook that runs
//! before the loop is gone.

use std::ffi::c_void;
use std::ptr::null_mut;

use buskin_core::lane::bell::Doorbell;
use napi::sys::{self, napi_env as Env, napi_value as Value};

use crate::call;

/// A thread-safe function that wakes one isolate. It carries no payload, so nothing is lost with it.
///
/// Calling it after its isolate died aborts the process on Node 20 and 22. It hangs behind the lane's gate, which is
/// shut before that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bell(sys::napi_threadsafe_function);

// SAFETY: a thread-safe function may be called from any thread; the gate keeps calls before its end.
unsafe impl Send for Bell {}

impl Doorbell for Bell {
    fn ring(&self) {
        // SAFETY: the gate is held, so the isolate's end has not begun; no payload.
        unsafe {
            sys::napi_call_threadsafe_function(self.0, null_mut(), sys::ThreadsafeFunctionCallMode::nonblocking);
        }
    }
}

impl Bell {
    /// A bell that calls `function` on the isolate's loop. It does not keep the loop alive.
    ///
    /// # Safety
    /// `env` and `function` belong to the call in progress.
    pub(crate) unsafe fn new(env: Env, function: Value) -> Option<Bell> {
        // SAFETY: the caller's promise.
        let name = unsafe { call::string(env, "buskin doorbell") };
        let (call, mut handle) = (Some(ring_on_loop as _), null_mut());
        // SAFETY: the caller's promise; one thread count, no queue bound, no context, no finalizer to run.
        unsafe {
            let (none, no) = (null_mut(), null_mut());
            let status =
                sys::napi_create_threadsafe_function(env, function, none, name, 0, 1, no, None, no, call, &mut handle);
            if status != sys::Status::napi_ok {
                return None;
            }
            sys::napi_unref_threadsafe_function(env, handle);
        }
        Some(Bell(handle))
    }

    /// Gives the handle back.
    ///
    /// # Safety
    /// The gate is shut, this is the loop's thread, the isolate lives, and it was not given back before.
    pub(crate) unsafe fn release(self) {
        // SAFETY: the caller's promise.
        unsafe { sys::napi_release_threadsafe_function(self.0, sys::ThreadsafeFunctionReleaseMode::abort) };
    }
}

unsafe extern "C" fn ring_on_loop(env: Env, function: Value, _context: *mut c_void, _data: *mut c_void) {
    if !env.is_null() && !function.is_null() {
        // SAFETY: Node calls this on the loop's thread; a null env (teardown) was excluded.
        unsafe { call::invoke(env, function) };
    }
}
