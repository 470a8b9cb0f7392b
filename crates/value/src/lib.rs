//! The values that isolates of a Buskin system send each other, in Rust.
//!
//! JavaScript writes the arguments of a message as bytes; `src/cores/codec` has the other half of this crate. A
//! [`Codec`] reads such bytes into [`Value`]s and writes values into bytes. Where values need not be looked into,
//! [`Message`] walks over the arguments without making them: a key is read where it lies, and a value is [`Kept`] as the
//! bytes it came as.
//!
//! Nothing is believed of bytes: every length is compared with what is left, nothing is more than [`DEEPEST`] levels
//! deep, and memory is taken as values come, not as they are announced. What is wrong is a [`DecodeError`].
//!
//! # What bytes depend on
//!
//! - The keys of objects are numbers of lists of keys (*shapes*). The system gives them, one number per list, and never
//!   takes one back: any isolate and any lane of the *same system* reads them, now and later. No other system does, so
//!   bytes are nothing to be written to a disk.
//! - In a message in which an object occurs twice, the second time is the number of the first, counted over the whole
//!   message. A [`Kept`] value counts by itself, and is counted anew wherever it is written.
//! - Large bytes lie beside a message. A [`Kept`] value has them inside.
//! - Memory that is shared, or that was given away, is handed from isolate to isolate outside the message. Nobody can
//!   keep that, and this crate cannot write it.
//! - Refs are addresses with ages, and instances of classes go by names: reading such bytes later is as good as it was.
//!
//! # Example
//!
//! What a store does with the arguments of `set(key, value)`, and what it answers to `get(key)`:
//!
//! ```
//! use buskin_value::{Codec, Message, Outside, Value};
//!
//! /// A system that has no shapes to give.
//! struct NoShapes;
//!
//! impl Outside for NoShapes {
//!     fn shape(&mut self, _keys: &str) -> Option<u16> {
//!         None
//!     }
//!     fn keys(&mut self, _shape: u16) -> Option<Box<str>> {
//!         None
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut codec = Codec::new();
//! let mut set = Vec::new();
//! codec.encode(&["user:42".into(), Value::object([("score", 7)])], &mut set, &mut NoShapes)?;
//!
//! let mut args = Message::new(&set)?;
//! assert_eq!(args.text()?, "user:42");
//! let value = args.keep_last(true, &mut codec, &mut NoShapes)?;
//!
//! let mut answer = Vec::new();
//! value.write_message(&mut answer);
//! assert_eq!(codec.decode(&answer, &mut NoShapes)?[0].get("score"), Some(&Value::Int(7)));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod bigint;
mod codec;
mod error;
mod failure;
mod input;
mod kept;
mod message;
mod read;
mod scan;
mod shapes;
mod tags;
mod text;
mod value;
mod write;

pub use bigint::BigInt;
pub use codec::{Codec, Outside};
pub use error::{DecodeError, EncodeError, Malformed};
pub use failure::{DomException, ErrorKind, ErrorValue};
pub use kept::Kept;
pub use message::{Message, ValueRef};
pub use tags::{DEEPEST, LARGE};
pub use text::Text;
pub use value::{Instance, Moved, Object, RefValue, RegExp, Value, View, ViewKind};
