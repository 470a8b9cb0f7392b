//! What a library and the process that loads it say to each other: C structs and functions, and bytes in between.
//!
//! A library has one function, [`ENTRY`], which gives a [`Plugin`]. All that it points to stays as long as the process. The
//! process calls the functions of a [`Kind`]; what belongs to one actor it calls from one thread at a time. None of them unwinds.
//! Arguments and replies are bytes, as of a message of [`buskin_value`]; what is handed over is borrowed for the length of the call.

use std::ffi::c_void;

/// Which of these declarations the library was built with. Any change to them is another version.
pub const VERSION: u32 = 0xb05c_0001;
/// What the function is called that gives the [`Plugin`].
pub const ENTRY: &str = "buskin_plugin";
/// No shape, and no time.
pub const NONE: u32 = u32::MAX;
/// There is no time at which an actor wants to be called.
pub const NEVER: u64 = u64::MAX;

/// The function that a library has.
pub type Entry = unsafe extern "C" fn() -> *const Plugin;

/// Borrowed bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// The first.
    pub at: *const u8,
    /// How many.
    pub length: usize,
}

impl Bytes {
    /// These bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Bytes {
        Bytes { at: bytes.as_ptr(), length: bytes.len() }
    }

    /// The bytes.
    ///
    /// # Safety
    /// They are there for as long as the caller says, and are not written meanwhile.
    #[must_use]
    pub unsafe fn get<'a>(self) -> &'a [u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.at, self.length) }
    }
}

/// What the process does for a library while that is called.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Goes to each of the functions.
    pub context: *mut c_void,
    /// The system's number of a list of keys, or [`NONE`].
    pub shape: unsafe extern "C" fn(*mut c_void, Bytes) -> u32,
    /// Hands the list of keys of a number to `take`, if there is one.
    pub keys: unsafe extern "C" fn(*mut c_void, u32, take: unsafe extern "C" fn(*mut c_void, Bytes), into: *mut c_void),
    /// The time since the system was made, in µs.
    pub now: unsafe extern "C" fn(*mut c_void) -> u64,
    /// Takes the bytes of the answer; called once at most.
    pub put: unsafe extern "C" fn(*mut c_void, Bytes),
}

/// A call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The place of the method among those of the kind.
    pub method: u32,
    /// The arguments: a message.
    pub args: Bytes,
    /// Where the actor is in the tree, in UTF-8.
    pub path: Bytes,
}

/// What a call came to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// One of [`answer`].
    pub what: u32,
    /// Of [`answer::INT`].
    pub int: i32,
    /// Of [`answer::MADE`].
    pub made: *mut c_void,
}

/// What an [`Answer`] is.
pub mod answer {
    /// `undefined`, or that all is well.
    pub const NOTHING: u32 = 0;
    /// An integer.
    pub const INT: u32 = 1;
    /// A message of one value was put.
    pub const VALUE: u32 = 2;
    /// An actor, or the items of a stream.
    pub const MADE: u32 = 3;
    /// A message of an error was put, for the caller.
    pub const REFUSED: u32 = 4;
    /// The same, and the actor failed.
    pub const FAILED: u32 = 5;
    /// Of a stream: nothing now.
    pub const WAIT: u32 = 6;
    /// Of a stream: it is over.
    pub const DONE: u32 = 7;
}

/// A method.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// What it is called, in UTF-8.
    pub name: Bytes,
    /// 1: a stream.
    pub is_stream: u32,
}

/// A kind of actors.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What it is called, in UTF-8.
    pub name: Bytes,
    /// Its methods.
    pub methods: *const Method,
    /// How many.
    pub method_count: usize,
    /// Goes to `make`.
    pub data: *const c_void,
    /// Makes an actor.
    pub make: unsafe extern "C" fn(*const c_void, *const Host, *const Call) -> Answer,
    /// Runs a method of an actor.
    pub call: unsafe extern "C" fn(*mut c_void, *const Host, *const Call) -> Answer,
    /// Begins a stream of an actor.
    pub stream: unsafe extern "C" fn(*mut c_void, *const Host, *const Call) -> Answer,
    /// The next item of a stream.
    pub next: unsafe extern "C" fn(*mut c_void, *const Host) -> Answer,
    /// Whether a stream that waited has something: 1.
    pub is_ready: unsafe extern "C" fn(*mut c_void) -> u32,
    /// When an actor wants `tick` to be called, in µs, or [`NEVER`].
    pub due: unsafe extern "C" fn(*mut c_void) -> u64,
    /// The time has come; it is so many µs now.
    pub tick: unsafe extern "C" fn(*mut c_void, *const Host, u64) -> Answer,
    /// Whether an actor is well.
    pub healthy: unsafe extern "C" fn(*mut c_void, *const Host) -> Answer,
    /// An actor is stopped.
    pub stopped: unsafe extern "C" fn(*mut c_void, *const Host) -> Answer,
    /// Drops an actor.
    pub free: unsafe extern "C" fn(*mut c_void),
    /// Drops the items of a stream.
    pub free_items: unsafe extern "C" fn(*mut c_void),
}

/// What a library has.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// [`VERSION`]. Of another version nothing else is read.
    pub version: u32,
    /// How many kinds.
    pub count: u32,
    /// The kinds.
    pub kinds: *const Kind,
}
