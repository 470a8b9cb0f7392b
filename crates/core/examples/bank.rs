//! Supervision: accounts that fail are restarted with what their ledger knows, the bank goes on, and one that fails too often is closed.
//!
//! `cargo run -p buskin-core --example bank`
#![allow(clippy::print_stdout)]

use buskin_core::native::{
    Actor, AskError, AsyncHandler, Backoff, Cause, Ctx, Directive, Handler, Options, Ref, Restart, System,
};
use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What outlives an account's instance: a database, as it were.
type Ledger = Arc<Mutex<HashMap<&'static str, i64>>>;

struct Account {
    name: &'static str,
    balance: i64,
    ledger: Ledger,
}
struct Move(i64);
struct Balance;

impl Actor for Account {
    /// Every instance begins with what was written down.
    fn started(&mut self, _: &mut Ctx<Self>) -> Result<(), Cause> {
        self.balance = *self.ledger.lock().map_err(|_| "no ledger")?.get(self.name).ok_or("no such account")?;
        Ok(())
    }
}
impl Handler<Move> for Account {
    type Reply = i64;
    fn handle(&mut self, Move(by): Move, ctx: &mut Ctx<Self>) -> i64 {
        self.balance += by;
        if self.balance < 0 {
            ctx.fail(format!("{} is overdrawn", self.name)); // this instance is not to be trusted any more
        } else if let Ok(mut ledger) = self.ledger.lock() {
            ledger.insert(self.name, self.balance);
        }
        self.balance
    }
}
impl Handler<Balance> for Account {
    type Reply = i64;
    fn handle(&mut self, _: Balance, _: &mut Ctx<Self>) -> i64 {
        self.balance
    }
}

struct Bank {
    ledger: Ledger,
    accounts: HashMap<&'static str, Ref<Account>>,
}
struct Open(&'static str, i64);
struct Transfer(&'static str, &'static str, i64);

impl Actor for Bank {}
impl Handler<Open> for Bank {
    type Reply = Result<Ref<Account>, Cause>;
    fn handle(&mut self, Open(name, balance): Open, ctx: &mut Ctx<Self>) -> Self::Reply {
        self.ledger.lock().map_err(|_| "no ledger")?.insert(name, balance);
        let ledger = Arc::clone(&self.ledger);
        let options = Options::new().name(name).restart(Restart::Permanent);
        let account = ctx.spawn_with(&options, move || Account { name, balance: 0, ledger: Arc::clone(&ledger) })?;
        self.accounts.insert(name, account);
        ctx.watch(account, move |bank: &mut Bank, why, _| {
            println!("the account of {name} is closed: {why}");
            bank.accounts.remove(name);
        });
        Ok(account)
    }
}
/// Takes several steps, and nothing else is handled between them.
impl AsyncHandler<Transfer> for Bank {
    type Reply = Result<(), AskError>;
    async fn handle(&mut self, Transfer(from, to, sum): Transfer, _: &mut Ctx<Self>) -> Self::Reply {
        let (from, to) = (self.accounts[from], self.accounts[to]);
        from.ask(Move(-sum)).await?;
        to.ask(Move(sum)).await?;
        Ok(())
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let system = System::builder().threads(2).build();
    system.on_failure(|failure, what| println!("{}: {what:?}", failure.cause));
    let backoff = Backoff { min: Duration::from_millis(5), ..Backoff::default() };
    // the third failure of an account closes it; the others go on
    let options = Options::new()
        .name("bank")
        .backoff(backoff)
        .decide(|failure| (failure.restarts >= 2).then_some(Directive::Stop));
    let bank = system.spawn_with(&options, || Bank { ledger: Ledger::default(), accounts: HashMap::new() })?;
    let ada = bank.ask(Open("ada", 100)).wait()?.map_err(|cause| cause.to_string())?;
    let bob = bank.ask(Open("bob", 50)).wait()?.map_err(|cause| cause.to_string())?;

    bank.ask(Transfer("ada", "bob", 30)).wait()??;
    let overdrawn = bank.ask(Transfer("ada", "bob", 1_000)).wait()?;
    println!("a transfer of too much: {}", overdrawn.err().ok_or("it went through")?);
    let balances = (ada.ask(Balance).wait()?, bob.ask(Balance).wait()?);
    println!("ada has {}, bob has {}, nothing was lost", balances.0, balances.1);
    assert_eq!(balances, (70, 80));

    while bob.ask(Move(-1_000)).wait().is_err() && bob.is_alive() {}
    let closed = bob.stopped().wait()?;
    assert!(!bob.is_alive() && ada.is_alive(), "{closed}");
    system.shutdown();
    Ok(())
}
