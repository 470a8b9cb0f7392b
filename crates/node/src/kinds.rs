//! What native actors there are, by name.

use std::ptr::null_mut;

use napi::sys::{self, napi_callback_info as Info, napi_env as Env, napi_value as Value};

use crate::call::{self, guard};

/// A list of strings.
///
/// # Safety
/// `env` belongs to the call in progress.
unsafe fn list<'a>(env: Env, texts: impl Iterator<Item = &'a str>) -> Value {
    let mut array = null_mut();
    // SAFETY: the caller's promise.
    unsafe {
        sys::napi_create_array(env, &mut array);
        for (at, text) in (0..).zip(texts) {
            sys::napi_set_element(env, array, at, call::string(env, text));
        }
    }
    array
}

/// `nativeKinds()`: the names of all.
pub(crate) unsafe extern "C" fn kinds(env: Env, _info: Info) -> Value {
    guard(env, || {
        let all: [&str; 0] = [];
        // SAFETY: env is that of this call.
        unsafe { list(env, all.into_iter()) }
    })
}

/// `nativeKind(name)`: what methods it has, and which of them are read as streams; undefined when there is no such kind.
pub(crate) unsafe extern "C" fn kind(env: Env, info: Info) -> Value {
    guard(env, || {
        let _ = (env, info);
        null_mut()
    })
}
