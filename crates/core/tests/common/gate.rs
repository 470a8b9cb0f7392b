//! A gate at which futures wait until a thread opens it.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

#[derive(Default)]
struct Inner {
    open: bool,
    wakers: Vec<Waker>,
}

#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<Inner>>);

impl Gate {
    pub(crate) fn open(&self) {
        let wakers = {
            let mut inner = self.0.lock().unwrap();
            inner.open = true;
            std::mem::take(&mut inner.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) async fn opened(&self) {
        poll_fn(|cx| {
            let mut inner = self.0.lock().unwrap();
            if inner.open {
                return Poll::Ready(());
            }
            inner.wakers.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
