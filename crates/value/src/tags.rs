//! The first byte of every value, and the limits; as in `src/cores/codec/tags.ts`.

pub(crate) const SMALL_INTS: u8 = 0x60;
pub(crate) const SHORT_TEXT: u8 = 0x60;
pub(crate) const SHORT_LIST: u8 = 0xa0;
pub(crate) const OBJECT: u8 = 0xb0;
pub(crate) const LOOSE: u8 = 0xb1;
pub(crate) const UNDEFINED: u8 = 0xb2;
pub(crate) const NULL: u8 = 0xb3;
pub(crate) const TRUE: u8 = 0xb4;
pub(crate) const FALSE: u8 = 0xb5;
pub(crate) const INT8: u8 = 0xb6;
pub(crate) const INT16: u8 = 0xb7;
pub(crate) const INT32: u8 = 0xb8;
pub(crate) const DOUBLE: u8 = 0xb9;
pub(crate) const TEXT: u8 = 0xba;
pub(crate) const SHORT_WIDE: u8 = 0xbb;
pub(crate) const WIDE: u8 = 0xbc;
pub(crate) const LIST: u8 = 0xbd;
pub(crate) const HOLE: u8 = 0xbe;
pub(crate) const AGAIN: u8 = 0xbf;
pub(crate) const REF: u8 = 0xc0;
pub(crate) const END: u8 = 0xc1;
pub(crate) const BIGINT64: u8 = 0xc2;
pub(crate) const BIGINT: u8 = 0xc3;
pub(crate) const MAP: u8 = 0xc4;
pub(crate) const SET: u8 = 0xc5;
pub(crate) const DATE: u8 = 0xc6;
pub(crate) const REGEXP: u8 = 0xc7;
pub(crate) const ERROR: u8 = 0xc8;
pub(crate) const DOM_EXCEPTION: u8 = 0xc9;
pub(crate) const VIEW: u8 = 0xca;
pub(crate) const VIEW_ATTACHED: u8 = 0xcb;
pub(crate) const VIEW_MOVED: u8 = 0xcc;
pub(crate) const BUFFER: u8 = 0xcd;
pub(crate) const BUFFER_ATTACHED: u8 = 0xce;
pub(crate) const BUFFER_MOVED: u8 = 0xcf;
pub(crate) const URL_TEXT: u8 = 0xd0;
pub(crate) const URL_PARAMS: u8 = 0xd1;
pub(crate) const BOXED: u8 = 0xd2;
pub(crate) const INSTANCE: u8 = 0xd3;
pub(crate) const REF_AT: u8 = 0xd4;

/// The first byte of a message, and that of one in which objects occur again.
pub(crate) const PLAIN: u8 = 0;
pub(crate) const NUMBERED: u8 = 1;

/// The longest text that has its length in its first byte, in code units.
pub(crate) const LONGEST_SHORT: usize = 63;

/// How many objects may stand inside each other. Reading and writing that many takes less than a mebibyte of stack.
pub const DEEPEST: u32 = 1000;

/// From this many bytes on, bytes go beside a message rather than into it.
pub const LARGE: usize = 16_384;
