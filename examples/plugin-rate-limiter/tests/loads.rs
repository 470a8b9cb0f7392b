//! The library is loaded as a process of Node's would load it, and its actors are called as isolates of JavaScript call them.
#![cfg(unix)]

#[path = "../../../crates/core/tests/js/mod.rs"]
mod js;

use buskin_core::native::foreign::{self, PluginError};
use buskin_plugin::abi;
use buskin_value::{ErrorKind, Value};
use js::{Far, Heard, STREAM, Stage};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::sync::Once;

/// The table of the library beside this test.
fn load() -> *const abi::Plugin {
    let ending = if cfg!(target_os = "macos") { "dylib" } else { "so" };
    let mut path = std::env::current_exe().expect("a path");
    path.set_file_name(format!("libplugin_rate_limiter.{ending}"));
    let path = CString::new(path.as_os_str().as_bytes()).expect("no zero in it");
    let name = CString::new(abi::ENTRY).expect("no zero in it");
    // SAFETY: the library does nothing when it is loaded, and is never unloaded; its function is of this type.
    unsafe {
        let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        assert!(!library.is_null(), "{path:?} is loaded");
        let entry = libc::dlsym(library, name.as_ptr());
        assert!(!entry.is_null(), "it has the function");
        std::mem::transmute::<*mut libc::c_void, abi::Entry>(entry)()
    }
}

fn stage() -> Stage {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let plugin = load();
        // SAFETY: it came from the library, which stays.
        let names = unsafe { foreign::register_plugin(plugin) };
        assert_eq!(names, Ok(vec!["rate-limiter".to_owned()]));
        // SAFETY: as above.
        let again = unsafe { foreign::register_plugin(plugin) };
        assert!(matches!(again, Err(PluginError::Register(_))), "its name is taken: {again:?}");
    });
    Stage::new(1, 1)
}

fn limiter(stage: &mut Stage, options: Value) -> Far {
    stage.spawn("rate-limiter", "limiter", vec![options])
}

#[test]
fn permits_run_out_and_come_back() {
    let mut stage = stage();
    let limiter = limiter(&mut stage, Value::object([("perSecond", 10), ("burst", 3)]));
    let take = |stage: &mut Stage| stage.ask(limiter, "take", &["a".into()]);
    for _ in 0..3 {
        assert_eq!(take(&mut stage), Ok(true.into()));
    }
    assert_eq!(take(&mut stage), Ok(false.into()));
    assert_eq!(stage.ask(limiter, "take", &["b".into(), Value::Int(3)]), Ok(true.into()), "another key");
    stage.advance(200);
    assert_eq!(stage.ask(limiter, "left", &["a".into()]), Ok(Value::Int(2)));
    assert_eq!(stage.ask(limiter, "reset", &["a".into()]), Ok(true.into()));
    assert_eq!(stage.ask(limiter, "left", &["a".into()]), Ok(Value::Int(3)));
    // full buckets are swept without a call
    stage.advance(20_000);
    assert_eq!(stage.ask(limiter, "reset", &["b".into()]), Ok(false.into()));
    stage.nothing_left();
}

#[test]
fn its_streams_are_read() {
    let mut stage = stage();
    let limiter = limiter(&mut stage, Value::Undefined);
    for key in ["c", "a", "b"] {
        stage.ask(limiter, "take", &[key.into()]).expect("a permit");
    }
    let corr = stage.js[0].post(limiter, Some(STREAM), "keys", &["".into()]);
    stage.run();
    let items: Vec<Value> = stage.js[0]
        .heard
        .iter()
        .filter_map(|h| if let Heard::Item(_, v) = h { Some(v.clone()) } else { None })
        .collect();
    assert_eq!(items, ["a".into(), "b".into(), "c".into()]);
    assert_eq!(stage.js[0].came(corr), Some(&Heard::Reply(corr, Value::Undefined)));
    stage.nothing_left();
}

#[test]
fn what_is_wrong_is_told_as_by_any_other_kind() {
    let mut stage = stage();
    let limiter = limiter(&mut stage, Value::Undefined);
    let error = stage.ask(limiter, "take", &[Value::Int(5)]).unwrap_err();
    assert_eq!(
        (error.kind, error.message()),
        (ErrorKind::TypeError, "rate-limiter.take: the argument 'key' is no string; give a string")
    );
    assert_eq!(error.get("actor").and_then(Value::as_str), Some("/limiter"));
    let error = stage.ask(limiter, "take", &["a".into(), Value::Int(99)]).unwrap_err();
    assert!(error.message().ends_with("give a number above 0 and up to the burst, 10"), "{}", error.message());
    assert_eq!(stage.ask(limiter, "take", &["a".into()]), Ok(true.into()), "it goes on");
    // and what cannot be made is not
    stage.js[0].restart = buskin_core::entry::restart::TEMPORARY;
    stage.js[0].spawn("rate-limiter", 1, "other", vec![Value::object([("burst", "many")])]);
    stage.run();
    let failed = stage.js[0]
        .heard
        .iter()
        .find_map(|h| if let Heard::Failed(_, told, _) = h { Some(js::text(&told[0])) } else { None });
    assert_eq!(failed.as_deref(), Some("rate-limiter.spawn: the argument 'burst' is no number above 0; give one"));
    stage.nothing_left();
}

#[test]
fn a_library_of_another_version_is_not_read() {
    let other = abi::Plugin { version: 7, count: 1, kinds: std::ptr::null() };
    // SAFETY: it is there, and of another version nothing else is read.
    let told = unsafe { foreign::register_plugin(&raw const other) };
    assert_eq!(told, Err(PluginError::Version(7)));
    // SAFETY: none is none.
    assert_eq!(unsafe { foreign::register_plugin(std::ptr::null()) }, Err(PluginError::Malformed));
}
