//! A kind of native actors for tests: it does whatever a native actor can do to its system. Unknown until a test asks for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buskin_core::native::foreign::{Behaviour, Call, Fault, Items, Kind, Method, Reply, Step};
use buskin_value::{ErrorKind, ErrorValue};

/// The methods, in the order of their numbers; streams are the last ones.
const METHODS: [&str; 10] = ["echo", "add", "fail", "refuse", "panic", "block", "later", "thread", "deep", "path"];
const STREAMS: [&str; 2] = ["numbers", "failing"];

pub(crate) struct Probes;

impl Kind for Probes {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn methods(&self) -> Vec<Method> {
        METHODS.map(Method::call).into_iter().chain(STREAMS.map(Method::stream)).collect()
    }

    /// `from`: what it counts from; `start`: 'fail' or 'panic'.
    fn make(&self, args: &mut Call<'_>) -> Result<Box<dyn Behaviour>, Fault> {
        let count = args.optional_number("from")?.unwrap_or(0.0);
        match args.optional_text("start")?.as_deref() {
            Some("fail") => Err(failure("no start")),
            Some("panic") => panic!("no start"),
            _ => Ok(Box::new(Probe { count })),
        }
    }
}

struct Probe {
    count: f64,
}

fn failure(text: &str) -> Fault {
    Fault::failed(ErrorValue::new(ErrorKind::Error, text))
}

/// A time in ms.
fn time(call: &mut Call<'_>) -> Result<Duration, Fault> {
    let ms = call.optional_count("ms")?.unwrap_or(0);
    Ok(Duration::from_millis(ms))
}

impl Behaviour for Probe {
    fn call(&mut self, method: usize, call: &mut Call<'_>) -> Result<Reply, Fault> {
        match METHODS[method] {
            "echo" => Ok(Reply::Kept(call.keep_last()?)),
            "add" => {
                self.count += call.number("by")?;
                Ok(self.count.into())
            }
            "fail" => Err(failure(&call.text("text")?)),
            "refuse" => Err(Fault::refused(ErrorValue::new(ErrorKind::Refusal, &call.text("text")?))),
            "panic" => panic!("{}", call.text("text")?),
            "block" => {
                std::thread::sleep(time(call)?);
                Ok(Reply::Undefined)
            }
            "later" => {
                let after = Sleep::new(time(call)?);
                let value = call.optional_number("value")?.unwrap_or(0.0);
                Ok(Reply::later(async move {
                    after.await;
                    Ok(value.into())
                }))
            }
            "thread" => Ok(std::thread::current().name().unwrap_or("").into()),
            "deep" => Ok(f64::from(deep(call.optional_count("kib")?.unwrap_or(0))).into()),
            _ => Ok(call.path().into()),
        }
    }

    fn stream(&mut self, method: usize, call: &mut Call<'_>) -> Result<Box<dyn Items>, Fault> {
        let most = call.optional_count("most")?.unwrap_or(u64::MAX);
        Ok(Box::new(Numbers { at: 0, most, fails: STREAMS[method - METHODS.len()] == "failing" }))
    }
}

/// Takes so many KiB of the stack.
#[inline(never)]
fn deep(kib: u64) -> u32 {
    let frame = std::hint::black_box([1_u8; 1024]);
    if kib == 0 { 0 } else { deep(kib - 1) + u32::from(frame[0]) }
}

struct Numbers {
    at: u64,
    most: u64,
    fails: bool,
}

impl Items for Numbers {
    fn next(&mut self) -> Result<Step, Fault> {
        if self.at == self.most {
            return if self.fails { Err(failure("no more numbers")) } else { Ok(Step::Done) };
        }
        self.at += 1;
        Ok(Step::Item(crate::settings::exact(self.at).into()))
    }
}

/// Ready after a while, by a thread of its own.
struct Sleep(Arc<Mutex<(bool, Option<Waker>)>>);

impl Sleep {
    fn new(time: Duration) -> Self {
        let shared = Arc::new(Mutex::new((false, None::<Waker>)));
        let of = Arc::clone(&shared);
        std::thread::spawn(move || {
            std::thread::sleep(time);
            let mut state = of.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = true;
            if let Some(waker) = state.1.take() {
                waker.wake();
            }
        });
        Self(shared)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    }
}
