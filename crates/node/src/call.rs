//! One call from JavaScript: its arguments, its result, and the guard that no panic passes.

use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};

use napi::sys::{self, napi_callback_info as Info, napi_env as Env, napi_value as Value};

/// A function of the addon.
pub(crate) type Native = unsafe extern "C" fn(Env, Info) -> Value;

/// Defines a function on an object and gives it back.
///
/// # Safety
/// `env` and `object` belong to the call in progress; `data` outlives the function.
pub(crate) unsafe fn define(env: Env, object: Value, name: &CStr, native: Native, data: *mut c_void) -> Value {
    let mut function = null_mut();
    // SAFETY: the caller's promise; the name is NUL-terminated and of the given length.
    unsafe {
        let length = name.to_bytes().len().cast_signed();
        sys::napi_create_function(env, name.as_ptr(), length, Some(native), data, &mut function);
        sys::napi_set_named_property(env, object, name.as_ptr(), function);
    }
    function
}

/// The data that the function was defined with, and its first `N` arguments.
///
/// # Safety
/// `env` and `info` belong to the call in progress.
#[inline(always)]
pub(crate) unsafe fn arguments<const N: usize>(env: Env, info: Info) -> (*mut c_void, [Value; N]) {
    let mut values = [null_mut(); N];
    let (mut count, mut data) = (N, null_mut());
    // SAFETY: the caller's promise; `values` has room for `count` arguments.
    unsafe { sys::napi_get_cb_info(env, info, &mut count, values.as_mut_ptr(), null_mut(), &mut data) };
    (data, values)
}

/// Runs `body`; a panic becomes a JavaScript error, never an unwinding through Node.
#[inline(always)]
pub(crate) fn guard(env: Env, body: impl FnOnce() -> Value) -> Value {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(panic) => {
            throw(env, &describe(&*panic));
            null_mut()
        }
    }
}

#[cold]
fn describe(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the core panicked: {}; please report this with the stack", text.unwrap_or("no message"))
}

/// Throws an `Error` with code ERR_BUSKIN_ADDON.
#[cold]
pub(crate) fn throw(env: Env, message: &str) {
    let message = std::ffi::CString::new(message).unwrap_or_default();
    // SAFETY: both strings are NUL-terminated; `env` is the one of the call in progress.
    unsafe { sys::napi_throw_error(env, c"ERR_BUSKIN_ADDON".as_ptr(), message.as_ptr()) };
}

/// The memory of a typed array: where it begins and how many elements it has. Null when it is none.
///
/// # Safety
/// `env` and `value` belong to the call in progress. The memory is JavaScript's: see [`crate::bound::Bound`].
pub(crate) unsafe fn elements(env: Env, value: Value) -> (*mut c_void, usize) {
    let (mut data, mut length) = (null_mut(), 0);
    // SAFETY: the caller's promise; what is not asked for may be null.
    let status = unsafe {
        sys::napi_get_typedarray_info(env, value, null_mut(), &mut length, &mut data, null_mut(), null_mut())
    };
    if status == sys::Status::napi_ok { (data, length) } else { (null_mut(), 0) }
}

/// A number; 0 when it is none.
///
/// # Safety
/// `env` and `value` belong to the call in progress.
pub(crate) unsafe fn number(env: Env, value: Value) -> f64 {
    let mut number = 0.0;
    // SAFETY: the caller's promise.
    unsafe { sys::napi_get_value_double(env, value, &mut number) };
    number
}

/// An unsigned word; 0 when it is none.
///
/// # Safety
/// `env` and `value` belong to the call in progress.
pub(crate) unsafe fn word(env: Env, value: Value) -> u32 {
    let mut word = 0;
    // SAFETY: the caller's promise.
    unsafe { sys::napi_get_value_uint32(env, value, &mut word) };
    word
}

/// A string; empty when it is none.
///
/// # Safety
/// `env` and `value` belong to the call in progress.
pub(crate) unsafe fn text(env: Env, value: Value) -> String {
    let mut length = 0;
    // SAFETY: the caller's promise; with no buffer only the length is asked for.
    unsafe { sys::napi_get_value_string_utf8(env, value, null_mut(), 0, &mut length) };
    let mut bytes = vec![0_u8; length + 1];
    // SAFETY: the buffer has room for the text and its NUL.
    unsafe { sys::napi_get_value_string_utf8(env, value, bytes.as_mut_ptr().cast(), bytes.len(), &mut length) };
    bytes.truncate(length);
    String::from_utf8(bytes).unwrap_or_default()
}

/// A boolean.
///
/// # Safety
/// `env` belongs to the call in progress.
pub(crate) unsafe fn boolean(env: Env, value: bool) -> Value {
    let mut result = null_mut();
    // SAFETY: the caller's promise.
    unsafe { sys::napi_get_boolean(env, value, &mut result) };
    result
}

/// A number.
///
/// # Safety
/// `env` belongs to the call in progress.
pub(crate) unsafe fn double(env: Env, value: f64) -> Value {
    let mut result = null_mut();
    // SAFETY: the caller's promise.
    unsafe { sys::napi_create_double(env, value, &mut result) };
    result
}

/// A string.
///
/// # Safety
/// `env` belongs to the call in progress.
pub(crate) unsafe fn string(env: Env, value: &str) -> Value {
    let mut result = null_mut();
    // SAFETY: the caller's promise; pointer and length are those of the text.
    unsafe { sys::napi_create_string_utf8(env, value.as_ptr().cast(), value.len().cast_signed(), &mut result) };
    result
}

/// A `Float64Array` with these numbers.
///
/// # Safety
/// `env` belongs to the call in progress.
pub(crate) unsafe fn doubles(env: Env, values: &[f64]) -> Value {
    let (mut buffer, mut data, mut result) = (null_mut(), null_mut(), null_mut());
    // SAFETY: the caller's promise; the new buffer has room for the values and nobody else has it yet.
    unsafe {
        sys::napi_create_arraybuffer(env, size_of_val(values), &mut data, &mut buffer);
        if !data.is_null() && !values.is_empty() {
            std::ptr::copy_nonoverlapping(values.as_ptr(), data.cast(), values.len());
        }
        let kind = sys::TypedarrayType::float64_array;
        sys::napi_create_typedarray(env, kind, values.len(), buffer, 0, &mut result);
    }
    result
}

/// An `ArrayBuffer` with these bytes. Large ones are lent, not copied, where the host allows that; bytes that were copied
/// come back.
///
/// # Safety
/// `env` belongs to the call in progress.
pub(crate) unsafe fn buffer(env: Env, bytes: Vec<u8>) -> (Value, Option<Vec<u8>>) {
    let mut result = null_mut();
    if bytes.len() >= LENT {
        let length = bytes.len();
        let data = Box::into_raw(bytes.into_boxed_slice());
        // SAFETY: the caller's promise; the bytes are given up to the finalizer, which runs once.
        unsafe {
            let hint = Box::into_raw(Box::new(data));
            let finalizer: sys::napi_finalize = Some(return_bytes);
            let status =
                sys::napi_create_external_arraybuffer(env, data.cast(), length, finalizer, hint.cast(), &mut result);
            if status == sys::Status::napi_ok {
                return (result, None);
            }
            let bytes = Box::from_raw(*Box::from_raw(hint)); // the host has no external buffers
            return (copied(env, &bytes), None);
        }
    }
    // SAFETY: the caller's promise.
    (unsafe { copied(env, &bytes) }, Some(bytes))
}

/// From this size on bytes are lent: below it a copy is faster than a finalizer.
const LENT: usize = 256 << 10;

unsafe extern "C" fn return_bytes(_env: Env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: `buffer` gave both boxes up to this finalizer, which runs once.
    unsafe { drop(Box::from_raw(*Box::from_raw(hint.cast::<*mut [u8]>()))) };
}

/// # Safety
/// `env` belongs to the call in progress.
unsafe fn copied(env: Env, bytes: &[u8]) -> Value {
    if bytes.len() >= UNZEROED {
        // SAFETY: the caller's promise.
        let found = unsafe { unzeroed(env, bytes) };
        if let Some(buffer) = found {
            return buffer;
        }
    }
    let (mut data, mut result) = (null_mut(), null_mut());
    // SAFETY: the caller's promise; the new buffer has room for the bytes and nobody else has it yet.
    unsafe {
        sys::napi_create_arraybuffer(env, bytes.len(), &mut data, &mut result);
        if !data.is_null() && !bytes.is_empty() {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), bytes.len());
        }
    }
    result
}

/// From this size on it pays to make a Buffer for the sake of its memory. Hosts take that of smaller ones from a pool.
const UNZEROED: usize = 16 << 10;

/// The memory of a new ArrayBuffer is zeroed before the bytes are copied in; that of a Buffer is not. None when that
/// memory is not the Buffer's own.
///
/// # Safety
/// `env` belongs to the call in progress.
unsafe fn unzeroed(env: Env, bytes: &[u8]) -> Option<Value> {
    let (mut view, mut buffer, mut offset, mut length) = (null_mut(), null_mut(), 0, 0);
    // SAFETY: the caller's promise; what is not asked for may be null.
    unsafe {
        sys::napi_create_buffer_copy(env, bytes.len(), bytes.as_ptr().cast(), null_mut(), &mut view);
        sys::napi_get_typedarray_info(env, view, null_mut(), null_mut(), null_mut(), &mut buffer, &mut offset);
        sys::napi_get_arraybuffer_info(env, buffer, null_mut(), &mut length);
    }
    (offset == 0 && length == bytes.len()).then_some(buffer)
}

/// Calls a JavaScript function without arguments; what it throws stays pending.
///
/// # Safety
/// `env` may run JavaScript now; `function` belongs to it.
pub(crate) unsafe fn invoke(env: Env, function: Value) {
    let mut this = null_mut();
    // SAFETY: the caller's promise.
    unsafe {
        sys::napi_get_undefined(env, &mut this);
        sys::napi_call_function(env, this, function, 0, null(), null_mut());
    }
}
