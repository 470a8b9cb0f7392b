//! The runtime under all contestants that stand on tokio.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Builder;

use crate::question::Threads;

pub(super) fn run<T: Send + 'static>(threads: Threads, work: impl Future<Output = T> + Send + 'static) -> T {
    match threads {
        Threads::One => {
            let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
            runtime.block_on(work)
        }
        Threads::All => {
            let runtime =
                Builder::new_multi_thread().worker_threads(threads.count()).enable_time().build().expect("a runtime");
            // On a worker, and not on the thread that waits for it.
            let result = runtime.block_on(async { tokio::spawn(work).await.expect("the question does not panic") });
            runtime.shutdown_background();
            result
        }
    }
}

/// A task per thread that does nothing but give way.
pub(super) fn keep_busy(threads: Threads, stop: &'static AtomicBool) {
    for _ in 0..threads.count() {
        tokio::spawn(give_way(stop));
    }
}

pub(super) async fn give_way(stop: &'static AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        tokio::task::yield_now().await;
    }
}

/// The value of a future that never waits, such as a send to a mailbox without a bound.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("this send may not wait"),
    }
}
