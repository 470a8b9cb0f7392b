//! Who is asked.

mod actix;
mod acton;
mod buskin;
mod coerce;
mod crossbeam;
mod kameo;
mod queue;
mod ractor;
mod tokio;
mod tokio_runtime;
mod xtra;

use crate::question::{Answer, Question, Size, Threads};
use crate::questions;

pub struct Contestant {
    pub name: &'static str,
    pub answer: fn(Question, Threads, Size) -> Answer,
}

/// Buskin first; the floors come last: they promise nothing.
pub const ALL: &[Contestant] = &[
    Contestant { name: "buskin", answer: buskin::answer },
    Contestant { name: "ractor", answer: questions::answer::<ractor::Ractor> },
    Contestant { name: "kameo", answer: questions::answer::<kameo::Kameo> },
    Contestant { name: "actix", answer: questions::answer::<actix::Actix> },
    Contestant { name: "xtra", answer: questions::answer::<xtra::Xtra> },
    Contestant { name: "coerce", answer: questions::answer::<coerce::Coerce> },
    Contestant { name: "acton", answer: questions::answer::<acton::Acton> },
    Contestant { name: "tokio", answer: questions::answer::<tokio::Tokio> },
    Contestant { name: "crossbeam", answer: crossbeam::answer },
    Contestant { name: "queue", answer: questions::answer::<queue::Queue> },
];
