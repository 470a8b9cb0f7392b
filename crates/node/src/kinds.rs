//! What native actors there are, by name.

use std::ptr::null_mut;

use buskin_core::native::foreign;
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
        let all = foreign::kinds();
        // SAFETY: env is that of this call.
        unsafe { list(env, all.iter().map(|kind| kind.name())) }
    })
}

/// `nativeKind(name)`: its methods, and those that are read as streams; undefined when there is no such kind.
pub(crate) unsafe extern "C" fn kind(env: Env, info: Info) -> Value {
    guard(env, || {
        // SAFETY: env, info and their arguments are those of this call.
        unsafe {
            let (_, [name]) = call::arguments::<1>(env, info);
            let Some(kind) = foreign::find(&call::text(env, name)) else { return null_mut() };
            let of = |streams: bool| {
                let some = kind.methods().iter().filter(move |method| method.is_stream == streams);
                list(env, some.map(|method| &*method.name))
            };
            let (methods, streams) = (of(false), of(true));
            let mut object = null_mut();
            sys::napi_create_object(env, &mut object);
            sys::napi_set_named_property(env, object, c"methods".as_ptr(), methods);
            sys::napi_set_named_property(env, object, c"streams".as_ptr(), streams);
            object
        }
    })
}

/// `nativeProbe()`: there is the kind `probe` from now on, in this process. For tests.
pub(crate) unsafe extern "C" fn probe(env: Env, _info: Info) -> Value {
    guard(env, || {
        let known = foreign::register(crate::probe::Probes);
        // SAFETY: env is that of this call.
        unsafe { call::boolean(env, known.is_ok()) }
    })
}

/// `nativeLoad(path)`: there are the kinds of a library from now on, in this process: their names. A string says why there are none.
pub(crate) unsafe extern "C" fn load(env: Env, info: Info) -> Value {
    guard(env, || {
        // SAFETY: env, info and their arguments are those of this call.
        unsafe {
            let (_, [path]) = call::arguments::<1>(env, info);
            match crate::libraries::load(&call::text(env, path)) {
                Ok(names) => list(env, names.iter().map(String::as_str)),
                Err(why) => call::string(env, &why),
            }
        }
    })
}
