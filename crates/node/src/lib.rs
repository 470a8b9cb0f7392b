//! The binding: it translates between an isolate and the core, and decides nothing.
//!
//! Raw Node-API on the way of a message ([`call`], [`lane`]); napi-rs registers the module and pins it in memory.

mod bound;
mod call;
mod hubs;
mod isolate;
mod kinds;
mod lane;
mod libraries;
mod memory;
mod pin;
mod probe;
mod settings;
mod system;
mod threads;

use napi::bindgen_prelude::{Object, retain_current_module_for_unload_safety};

/// Called once per isolate that loads the addon.
#[napi_derive::napi(module_exports)]
pub fn exports(exports: Object<'_>, env: napi::Env) -> napi::Result<()> {
    // before the first thread starts: an isolate that ends must not unload code that other threads run
    retain_current_module_for_unload_safety();
    // SAFETY: the env and the exports object are those of the call in progress.
    unsafe {
        call::define(env.raw(), exports.raw(), c"lane", bound::make, std::ptr::null_mut());
        call::define(env.raw(), exports.raw(), c"attach", bound::attach, std::ptr::null_mut());
        call::define(env.raw(), exports.raw(), c"nativeKind", kinds::kind, std::ptr::null_mut());
        call::define(env.raw(), exports.raw(), c"nativeKinds", kinds::kinds, std::ptr::null_mut());
        call::define(env.raw(), exports.raw(), c"nativeProbe", kinds::probe, std::ptr::null_mut());
        call::define(env.raw(), exports.raw(), c"nativeLoad", kinds::load, std::ptr::null_mut());
        let layout = call::double(env.raw(), f64::from(buskin_core::LAYOUT));
        napi::sys::napi_set_named_property(env.raw(), exports.raw(), c"layout".as_ptr(), layout);
    }
    Ok(())
}

use napi::JsValue as _;
