//! Many replies to one message, with backpressure.

use super::actor::Actor;
use super::ctx::Ctx;
use super::error::{AskError, Cause};
use super::isolate;
use super::promise::Promise;
use super::refs::{Call, Ref, With};
use super::reply::{self, Ask, ReplyTo, Unpark};
use super::run::{Came, Hand, To, guarded};
use super::seat::Seat;
use super::vault::{Block, Kind};
use crate::entry::flag;
use crate::sync::{Mutex, lock};
use atomic_waker::AtomicWaker;
use futures_core::Stream;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Items that are made ahead of the reader, if [`Call::buffer`] says nothing else.
const BUFFER: usize = 16;

/// How an actor answers messages of type `M` with many items.
///
/// The message is one message, and it is in hand until the handler ends, as that of any asynchronous handler: the actor handles
/// nothing else meanwhile, and [`System::idle`](super::System::idle) waits for it. A handler that is not to hold its actor up gives
/// the stream to [another one](Emitter::hand_over), or to a thread, and returns.
///
/// ```
/// use buskin_core::native::{Actor, Ctx, Emitter, StreamHandler, System};
///
/// struct Counter;
/// struct Upto(u32);
///
/// impl Actor for Counter {}
/// impl StreamHandler<Upto> for Counter {
///     type Item = u32;
///     async fn stream(&mut self, Upto(end): Upto, out: &mut Emitter<u32>, _: &mut Ctx<Self>) {
///         for n in 0..end {
///             if out.emit(n).await.is_err() {
///                 break; // nobody reads on
///             }
///         }
///     }
/// }
///
/// let system = System::new();
/// let counter = system.spawn(|| Counter).unwrap();
/// let items: Result<Vec<u32>, _> = counter.stream(Upto(100)).blocking().collect();
/// assert_eq!(items.unwrap(), (0..100).collect::<Vec<_>>());
/// ```
pub trait StreamHandler<M>: Actor {
    /// What the reader gets, again and again.
    type Item: Send + 'static;

    /// Handles one message. The stream ends when this does.
    fn stream(&mut self, message: M, out: &mut Emitter<Self::Item>, ctx: &mut Ctx<Self>) -> impl Future<Output = ()>;
}

/// What ends a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The handler.
    Handler,
    /// Whoever it was handed over to: it goes on.
    Open,
    Finished,
    /// It was dropped unfinished.
    Lost,
}

struct Pipe<T> {
    items: VecDeque<T>,
    room: usize,
    /// The reader has left.
    left: bool,
    end: End,
}

struct Channel<T> {
    pipe: Mutex<Pipe<T>>,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

/// The writing end of a stream.
pub struct Emitter<T: Send + 'static> {
    /// None: it was handed over.
    channel: Option<Arc<Channel<T>>>,
    /// It is not the handler's.
    is_free: bool,
}

/// Nobody reads the stream any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderLeft;

impl fmt::Display for ReaderLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads the stream any more")
    }
}

impl Error for ReaderLeft {}

impl<T: Send + 'static> Emitter<T> {
    /// Gives the reader an item. Waits while as many as the buffer holds are unread.
    ///
    /// # Errors
    /// The reader has left.
    pub async fn emit(&mut self, item: T) -> Result<(), ReaderLeft> {
        let channel = self.channel.as_ref().ok_or(ReaderLeft)?;
        let mut item = Some(item);
        poll_fn(move |cx| {
            let mut pipe = lock(&channel.pipe);
            if pipe.left {
                return Poll::Ready(Err(ReaderLeft));
            }
            if pipe.items.len() >= pipe.room {
                channel.writer.register(cx.waker());
                return Poll::Pending;
            }
            pipe.items.extend(item.take());
            drop(pipe);
            channel.reader.wake();
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Whether the reader has left, so that nothing need be made for it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.channel.as_ref().is_none_or(|channel| lock(&channel.pipe).left)
    }

    /// Takes the stream away from its handler: it goes on when that has returned, for whoever has this. It ends with
    /// [`finish`](Emitter::finish); dropped without that, the reader gets [`AskError::Ended`].
    #[must_use = "dropped, the reader gets an error"]
    pub fn hand_over(&mut self) -> Emitter<T> {
        let channel = self.channel.take();
        if let Some(channel) = &channel {
            lock(&channel.pipe).end = End::Open;
        }
        Emitter { channel, is_free: true }
    }

    /// Ends a stream that was handed over.
    pub fn finish(mut self) {
        self.ends(End::Finished);
    }

    fn ends(&mut self, how: End) {
        let Some(channel) = self.channel.take().filter(|_| self.is_free) else { return };
        lock(&channel.pipe).end = how;
        channel.reader.wake();
    }
}

impl<T: Send + 'static> Drop for Emitter<T> {
    fn drop(&mut self) {
        self.ends(End::Lost);
    }
}

impl<T: Send + 'static> fmt::Debug for Emitter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").field("is_closed", &self.is_closed()).finish()
    }
}

/// The reading end: a [`Stream`], and outside of core threads an [iterator](Replies::blocking). Items that were made before an error
/// come before it, and after an error nothing comes. Dropped, the handler learns that nobody reads.
#[must_use = "a stream that nobody reads is left at once"]
pub struct Replies<T: Send + 'static> {
    channel: Arc<Channel<T>>,
    /// What the handler comes to; none: it is known.
    handler: Option<Ask<()>>,
    failed: Option<AskError>,
    is_over: bool,
}

impl<T: Send + 'static> Replies<T> {
    /// The next item; none when that was all.
    pub async fn next(&mut self) -> Option<Result<T, AskError>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The items one after another, for a thread that may wait. A core thread must not: it gets [`AskError::OnCoreThread`].
    pub fn blocking(self) -> Blocking<T> {
        Blocking(self)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, AskError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.channel.reader.register(cx.waker());
        // first what the handler came to, then the items: what it made before is there then
        if let Some(handler) = &mut self.handler
            && let Poll::Ready(outcome) = Pin::new(handler).poll(cx)
        {
            self.handler = None;
            self.failed = outcome.err();
        }
        let mut pipe = lock(&self.channel.pipe);
        let (item, end) = (pipe.items.pop_front(), pipe.end);
        drop(pipe);
        if let Some(item) = item {
            self.channel.writer.wake();
            return Poll::Ready(Some(Ok(item)));
        }
        let failed = match end {
            _ if self.failed.is_some() => self.failed.take(),
            End::Lost => Some(AskError::Ended),
            End::Finished => None,
            End::Handler if self.handler.is_none() => None,
            End::Handler | End::Open => return Poll::Pending,
        };
        self.is_over = true;
        Poll::Ready(failed.map(Err))
    }
}

impl<T: Send + 'static> Stream for Replies<T> {
    type Item = Result<T, AskError>;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl<T: Send + 'static> Drop for Replies<T> {
    fn drop(&mut self) {
        let mut pipe = lock(&self.channel.pipe);
        pipe.left = true;
        let unread = std::mem::take(&mut pipe.items);
        drop(pipe);
        self.channel.writer.wake();
        drop(unread);
    }
}

impl<T: Send + 'static> fmt::Debug for Replies<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}

/// See [`Replies::blocking`].
#[derive(Debug)]
pub struct Blocking<T: Send + 'static>(Replies<T>);

impl<T: Send + 'static> Iterator for Blocking<T> {
    type Item = Result<T, AskError>;

    fn next(&mut self) -> Option<Self::Item> {
        if isolate::is_core_thread() && !self.0.is_over {
            self.0.is_over = true;
            return Some(Err(AskError::OnCoreThread));
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            match self.0.poll(&mut cx) {
                Poll::Ready(item) => return item,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------- messages

impl<A: Actor> Ref<A> {
    /// Sends a message and gets many replies.
    pub fn stream<M: Send + 'static>(&self, message: M) -> Replies<A::Item>
    where
        A: StreamHandler<M>,
    {
        self.with(Call::new()).stream(message)
    }
}

impl<A: Actor> With<A> {
    /// See [`Ref::stream`]. A time-out is one of the whole stream, up to the end of its handler; by default there is none.
    pub fn stream<M: Send + 'static>(&self, message: M) -> Replies<A::Item>
    where
        A: StreamHandler<M>,
    {
        let room = self.call.buffer.map_or(BUFFER, |items| items.max(1) as usize);
        let pipe = Pipe { items: VecDeque::new(), room, left: false, end: End::Handler };
        let channel =
            Arc::new(Channel { pipe: Mutex::new(pipe), reader: AtomicWaker::new(), writer: AtomicWaker::new() });
        let out = Emitter { channel: Some(Arc::clone(&channel)), is_free: false };
        let (to, share, handler) = reply::cell(isolate::asker(self.to.any().system));
        let block = Block::new(To::<A, M, Streams>::ASK, (message, to, out));
        self.to.any().call(block, share, super::run::LATER | flag::ASK, self.call.of_stream());
        Replies { channel, handler: Some(handler), failed: None, is_over: false }
    }
}

/// How a message is handled: with many replies.
struct Streams;

type Message<M, T> = (M, ReplyTo<()>, Emitter<T>);

impl<A: StreamHandler<M>, M: Send + 'static> To<A, M, Streams> {
    const ASK: &'static Kind = &Kind { run: Self::ask, lose: Self::lose, name: std::any::type_name::<M> };

    unsafe fn ask(block: Block, hand: &Hand) -> Came {
        // SAFETY: a message for a stream of these types.
        let (message, reply, mut out) = unsafe { block.take::<Message<M, A::Item>>() };
        let (mut ctx, seat) = (Ctx::<A>::new(hand), hand.seat);
        Came::Promised(Promise::new(async move {
            let run = async {
                // SAFETY: an `A`, which stays where it is, and which nobody else touches until the future is over.
                let actor = unsafe { Seat::<A>::actor(seat) };
                actor.stream(message, &mut out, &mut ctx).await;
            };
            let failed: Option<Cause> = match guarded(run).await {
                Ok(()) => match ctx.came() {
                    Came::Failed(cause) => Some(cause),
                    _ => None,
                },
                Err(cause) => Some(cause),
            };
            drop(out);
            match failed {
                None => reply.settle(Ok(())),
                Some(cause) => {
                    reply.settle(Err(AskError::Failed(cause.clone())));
                    return Err(cause);
                }
            }
            Ok(())
        }))
    }

    unsafe fn lose(block: Block, why: AskError) {
        // SAFETY: a message for a stream of these types, which nobody reads any more.
        let (message, reply, out) = unsafe { block.take::<Message<M, A::Item>>() };
        drop((message, out));
        reply.settle(Err(why));
    }
}
