//! Numbers as they cross: the settings of a system, counts, times.

use buskin_core::lane::Defaults;
use napi::sys::{napi_env as Env, napi_value as Value};

use crate::call;

/// # Safety
/// `env` and `array` belong to the call in progress.
pub(crate) unsafe fn settings_of(env: Env, array: Value) -> Option<[f64; 8]> {
    // SAFETY: the caller's promise.
    let (data, length) = unsafe { call::elements(env, array) };
    // SAFETY: eight numbers were checked to be there, and JavaScript does not run meanwhile.
    (length >= 8 && !data.is_null()).then(|| unsafe { *data.cast() })
}

pub(crate) fn defaults(settings: &[f64; 8]) -> Defaults {
    Defaults {
        ask_timeout: micros(settings[0]),
        capacity: unsigned(settings[1]),
        policy: unsigned(settings[2]),
        escalate: (settings[6] >= 0.0).then(|| unsigned(settings[6])),
        seed: micros(settings[7]),
    }
}

/// Counts below 2^53 are exact as JavaScript numbers.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn exact(count: u64) -> f64 {
    count as f64
}

/// A time from JavaScript; what is not finite is "never".
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a cast of a float saturates
pub(crate) fn micros(value: f64) -> u64 {
    if value.is_finite() { value as u64 } else { u64::MAX }
}

/// A word from JavaScript; Infinity is the highest.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a cast of a float saturates
pub(crate) fn unsigned(value: f64) -> u32 {
    value as u32
}
