//! Why something did not come about.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What an actor failed with.
#[derive(Clone)]
pub struct Cause(Arc<Inner>);

enum Inner {
    /// It panicked; what the panic said.
    Panic(Box<str>),
    /// It said so itself.
    Error(Box<dyn Error + Send + Sync>),
    /// The core gave it up: it was late, or one that it depends on failed.
    Core(&'static str),
}

impl Cause {
    /// What a panic left.
    pub(crate) fn panic(payload: &(dyn Any + Send)) -> Cause {
        let text =
            payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Cause(Arc::new(Inner::Panic(text.unwrap_or("a panic without words").into())))
    }

    pub(crate) fn core(why: &'static str) -> Cause {
        Cause(Arc::new(Inner::Core(why)))
    }

    /// Whether it was a panic.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(*self.0, Inner::Panic(_))
    }

    /// The error that the actor failed with, if it was one of this type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match &*self.0 {
            Inner::Error(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Cause {
    fn from(error: E) -> Self {
        Cause(Arc::new(Inner::Error(error.into())))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Panic(text) => write!(f, "panicked: {text}"),
            Inner::Error(error) => error.fmt(f),
            Inner::Core(why) => f.write_str(why),
        }
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cause({self})")
    }
}

/// Why a message will not be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lost {
    /// There never was such an actor.
    NoSuchActor,
    /// It has ended or is ending.
    Stopped,
    /// Its mailbox was full.
    MailboxFull,
    /// Its mailbox was full, and drops.
    Dropped,
    /// Its time to live was over.
    Expired,
    /// It has no handler for that.
    NoHandler,
    /// Where it lived is gone.
    IsolateLost,
    /// The sender took it back.
    Aborted,
}

impl Lost {
    /// Of [`crate::entry::dead`].
    pub(crate) fn of(number: u32) -> Lost {
        use crate::entry::dead;
        match number {
            dead::NO_SUCH_ACTOR => Lost::NoSuchActor,
            dead::MAILBOX_FULL => Lost::MailboxFull,
            dead::DROPPED => Lost::Dropped,
            dead::EXPIRED => Lost::Expired,
            dead::NO_HANDLER => Lost::NoHandler,
            dead::ISOLATE_LOST => Lost::IsolateLost,
            dead::ABORTED => Lost::Aborted,
            _ => Lost::Stopped,
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lost::NoSuchActor => "there is no such actor; a ref of another system leads nowhere",
            Lost::Stopped => "the actor has stopped",
            Lost::MailboxFull => "the mailbox is full; use `send`, which waits, or a larger capacity",
            Lost::Dropped => "the mailbox is full and drops messages",
            Lost::Expired => "its time to live was over before it was handled",
            Lost::NoHandler => "the actor has no handler for it",
            Lost::IsolateLost => "the thread that the actor lived on is gone",
            Lost::Aborted => "the sender took it back",
        })
    }
}

impl Error for Lost {}

/// Why an ask has no reply.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AskError {
    /// The message was not handled.
    Lost(Lost),
    /// The handler failed.
    Failed(Cause),
    /// No reply came in time. `deadlock`: it could not, because the actors wait for each other in a circle.
    TimedOut {
        /// See above.
        deadlock: bool,
    },
    /// The system has ended, or the actor ended while it handled the message.
    Ended,
    /// A core thread must not wait: `.await` the ask there, or use [`Ctx::ask_then`](super::Ctx::ask_then).
    OnCoreThread,
    /// The calling thread is no core thread, so there is no system that could do it.
    NoSystem,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::Lost(why) => why.fmt(f),
            AskError::Failed(cause) => write!(f, "the handler failed: {cause}"),
            AskError::TimedOut { deadlock: false } => f.write_str("no reply in time"),
            AskError::TimedOut { deadlock: true } => {
                f.write_str("no reply can come: the actors wait for each other in a circle")
            }
            AskError::Ended => f.write_str("the actor, or the system, ended before the reply"),
            AskError::NoSystem => f.write_str("this is no core thread: call it in a handler, or in a future of one"),
            AskError::OnCoreThread => f.write_str("a core thread must not wait for a reply: await it, or use ask_then"),
        }
    }
}

impl Error for AskError {}

impl From<Lost> for AskError {
    fn from(why: Lost) -> Self {
        AskError::Lost(why)
    }
}

/// Why there is no actor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnError {
    /// Another actor under the same parent has the name.
    NameTaken(String),
    /// The name is empty or has a `/`.
    BadName(String),
    /// A system holds no more than 67 million actors.
    Full,
    /// The system has ended.
    Ended,
    /// An option has a value that it cannot have.
    Option {
        /// Which.
        name: &'static str,
        /// What it has to be.
        remedy: &'static str,
    },
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::NameTaken(name) => {
                write!(
                    f,
                    "the name '{name}' is taken: choose another, or stop the actor that has it and wait until it has ended"
                )
            }
            SpawnError::BadName(name) => write!(f, "'{name}' is no name: a name is not empty and has no '/'"),
            SpawnError::Full => f.write_str("every index is in use: stop actors that are not needed"),
            SpawnError::Ended => f.write_str("the system has ended"),
            SpawnError::Option { name, remedy } => write!(f, "the option {name}: {remedy}"),
        }
    }
}

impl Error for SpawnError {}

/// Why an actor ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// It was stopped.
    Normal,
    /// Its parent or the system ended.
    Shutdown,
    /// It was killed, or was past its deadline.
    Killed,
    /// It failed.
    Failed(Cause),
    /// Where it lived is gone.
    Lost,
    /// It ended too long ago to remember.
    Unknown,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Normal => f.write_str("stopped"),
            Reason::Shutdown => f.write_str("its parent or the system ended"),
            Reason::Killed => f.write_str("killed"),
            Reason::Failed(cause) => write!(f, "failed: {cause}"),
            Reason::Lost => f.write_str("where it lived is gone"),
            Reason::Unknown => f.write_str("ended before"),
        }
    }
}
