//! A future that goes on with a message: it lies in the vault, as messages do, so that handlers that wait allocate nothing.

use super::error::Cause;
use super::vault::{self, Room};
use std::future::Future;
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::task::{Context, Poll};

type Going = dyn Future<Output = Result<(), Cause>>;

/// A future where it lies until it is over.
pub(crate) struct Promise {
    future: NonNull<Going>,
    /// None: it is larger than the largest block, and lies on the heap.
    room: Option<Room>,
}

impl Promise {
    pub(crate) fn new<F: Future<Output = Result<(), Cause>> + 'static>(future: F) -> Promise {
        const { assert!(align_of::<F>() <= vault::LARGEST) };
        match vault::room::<F>() {
            Some((room, at)) => {
                // SAFETY: the room is as large as an `F`, aligned for it, and ours.
                unsafe { at.write(future) };
                Promise { future: at, room: Some(room) }
            }
            None => Promise { future: NonNull::from(Box::leak(Box::new(future))), room: None },
        }
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        // SAFETY: the future is ours alone, and is not moved before it is dropped.
        unsafe { Pin::new_unchecked(self.future.as_mut()) }.poll(context)
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let Some(room) = self.room.take() else {
            // SAFETY: it came out of a box.
            return drop(unsafe { Box::from_raw(self.future.as_ptr()) });
        };
        let _room = Leaves(room); // its destructor may panic
        // SAFETY: the future is whole, and not used again.
        unsafe { ptr::drop_in_place(self.future.as_ptr()) };
    }
}

struct Leaves(Room);

impl Drop for Leaves {
    fn drop(&mut self) {
        // SAFETY: what lay there was dropped.
        unsafe { self.0.give_back() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;
    use std::task::Waker;

    struct Drops(Rc<Cell<u32>>);
    impl Drop for Drops {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    /// A future with `N` bytes that says `Pending` once.
    fn future<const N: usize>(drops: &Rc<Cell<u32>>) -> Promise {
        let dropped = Drops(Rc::clone(drops));
        let bytes = [7u8; N];
        Promise::new(async move {
            let mut once = false;
            std::future::poll_fn(|_| if std::mem::replace(&mut once, true) { Poll::Ready(()) } else { Poll::Pending })
                .await;
            let _dropped = dropped;
            assert!(bytes.iter().all(|byte| *byte == 7));
            Err(Cause::core("over"))
        })
    }

    fn goes<const N: usize>(in_vault: bool) {
        let drops = Rc::default();
        let mut promise = future::<N>(&drops);
        assert_eq!(promise.room.is_some(), in_vault);
        let mut context = Context::from_waker(Waker::noop());
        assert!(promise.poll(&mut context).is_pending());
        assert!(matches!(promise.poll(&mut context), Poll::Ready(Err(_))));
        drop(promise);
        assert_eq!(drops.get(), 1);
        drop(future::<N>(&drops)); // before it began
        assert_eq!(drops.get(), 2);
    }

    #[test]
    fn a_future_lies_in_the_vault_unless_it_is_too_large() {
        goes::<1>(true);
        goes::<1000>(true);
        goes::<30_000>(true);
        goes::<100_000>(false);
    }

    #[test]
    fn a_destructor_that_panics_gives_the_room_back() {
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                panic!("bad");
            }
        }
        let make = || {
            let bad = Bad;
            Promise::new(async move {
                let _bad = bad;
                Ok(())
            })
        };
        let promise = make();
        let at = promise.future.cast::<u8>();
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(promise))).is_err());
        let again = make();
        assert_eq!(again.future.cast::<u8>(), at, "the room is free again");
        let _stays = std::mem::ManuallyDrop::new(again);
    }
}
