//! The master of programs 9 and 10: makes one server and its workers, and ends the server after the last of them. They are its
//! children, so they live on its thread.

use super::super::Wrong;
use super::super::stage::Place;
use super::super::tally::Tally;
use buskin_core::native::{Actor, AnyRef, Cause, Ctx, Handler, Ref};
use std::sync::Arc;

/// What is to be done.
pub(super) trait Task: Copy + Send + 'static {
    type Server: Handler<End>;
    type Worker: Handler<Work>;
    fn workers(&self) -> u32;
    fn server(&self) -> Self::Server;
    fn worker(&self, id: u32, master: Ref<Master<Self>>, server: Ref<Self::Server>) -> Self::Worker;
}

pub(super) struct Master<T: Task> {
    task: T,
    server: Option<Ref<T::Server>>,
    working: u32,
    tally: Tally,
}

pub(super) struct Work;
pub(super) struct End;
pub(super) struct Ended;

impl<T: Task> Actor for Master<T> {
    fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Cause> {
        let (master, task) = (ctx.self_ref(), self.task);
        let server = ctx.spawn(move || task.server())?;
        for id in 0..self.working {
            ctx.spawn(move || task.worker(id, master, server))?.tell(Work);
        }
        self.server = Some(server);
        Ok(())
    }
}
impl<T: Task> Handler<Ended> for Master<T> {
    type Reply = ();
    /// It ends after its server: an actor's end stops its children, and what waits for them is not handled then.
    fn handle(&mut self, _: Ended, ctx: &mut Ctx<Self>) {
        self.tally.heard();
        self.working -= 1;
        if let Some(server) = self.server.filter(|_| self.working == 0) {
            ctx.watch(server, |master, _, ctx| master.tally.exit(ctx));
            server.tell(End);
        }
    }
}

pub(super) fn begin<T: Task>(place: &Arc<Place>, task: T) -> Result<Vec<AnyRef>, Wrong> {
    let make = move || Master { task, server: None, working: task.workers(), tally: Tally::default() };
    Ok(vec![place.system.spawn_with(&place.first(), make)?.any()])
}
