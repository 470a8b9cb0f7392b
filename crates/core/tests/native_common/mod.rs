//! What the tests of native actors share.
#![allow(dead_code)] // each test uses a part

use buskin_core::native::{Builder, System};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

/// A system with so many threads and the machine's clock.
pub(crate) fn system(threads: usize) -> System {
    quiet_panics();
    Builder::new().threads(threads).build()
}

/// One whose clock is moved by hand.
pub(crate) fn manual(threads: usize) -> System {
    quiet_panics();
    Builder::new().threads(threads).manual_clock().build()
}

/// Panics of actors are part of the tests: nobody is to read of them. Those of the tests' own threads are shown.
pub(crate) fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !std::thread::current().name().is_some_and(|name| name.starts_with("buskin-core")) {
                before(info);
            }
        }));
    });
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What actors say, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    /// What was said since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// What comes next; fails when nothing comes.
pub(crate) fn next<T>(from: &Receiver<T>) -> T {
    from.recv_timeout(Duration::from_secs(20)).expect("something was to come")
}

/// xorshift: the same numbers for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % n
    }
}
