//! What loom replaces: every atomic, lock and thread of the core comes from here, so that
//! `--cfg loom` can run the same code under all interleavings.

use std::sync::PoisonError;

#[cfg(loom)]
#[allow(unused_imports)] // the core does not use all of it on every feature set
pub use loom::{
    cell::UnsafeCell,
    hint,
    sync::{Arc, Mutex, MutexGuard, atomic},
    thread,
};
#[cfg(not(loom))]
#[allow(unused_imports)]
pub use std::{
    hint,
    sync::{Arc, Mutex, MutexGuard, atomic},
    thread,
};

/// Locks without regard to poison: what the core keeps under a lock is valid after every statement,
/// and a panic elsewhere must not turn into one here.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `std::cell::UnsafeCell` in the shape of loom's: access is a closure, so that loom can see
/// where it begins and where it ends.
#[cfg(not(loom))]
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
#[allow(dead_code)]
impl<T> UnsafeCell<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Unwraps the value.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

#[cfg(not(loom))]
#[allow(dead_code)]
impl<T: ?Sized> UnsafeCell<T> {
    /// Lends the pointer for reading. Who dereferences it promises that nobody writes meanwhile.
    #[inline(always)]
    pub fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    /// Lends the pointer for writing. Who dereferences it promises to be alone meanwhile.
    #[inline(always)]
    pub fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}
