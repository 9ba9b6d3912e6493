//! `wattle orders list | place | cancel`: what this home asks of the market, and what comes of it.

use std::time::Duration;

use history::{OrderState, ProblemNote, StoredOrder};
use home::OrderWish;
use serde::Serialize;
use units::{OrderId, Price, Slot, Timestamp, WattHours};

use crate::Verdict;
use crate::failure::Failure;
use crate::household::{Folder, Secrets, SideWord, price};
use crate::output::Output;

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the orders of the last days and of the slots ahead
    List(ListOptions),
    /// Place one order by hand, also while another program trades; the rules leave it alone
    Place(PlaceOptions),
    /// Withdraw open orders, also while another program trades
    Cancel(CancelOptions),
}

#[derive(clap::Args)]
pub struct ListOptions {
    #[command(flatten)]
    folder: Folder,
    /// How many days to look back
    #[arg(long, value_name = "N", default_value_t = 1)]
    days: u16,
}

#[derive(clap::Args)]
pub struct PlaceOptions {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    secrets: Secrets,
    /// The quarter hour, such as 2026-06-01T12:15:00Z
    #[arg(long)]
    slot: Slot,
    #[arg(long, value_enum)]
    side: SideWord,
    /// Up to this much of what the meter shows
    #[arg(long, value_name = "WH")]
    quantity_wh: i64,
    /// All-in, such as "0.120 EUR/kWh"
    #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
    limit: String,
}

#[derive(clap::Args)]
pub struct CancelOptions {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    secrets: Secrets,
    /// Those to withdraw
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<OrderId>,
    /// Every open order; the rules may place new ones, which `wattle stop` prevents
    #[arg(long)]
    all: bool,
}

/// The exchange answers in well under a second, a program that trades looks for wishes once a second.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The market takes no orders further ahead.
const AHEAD_SLOTS: i64 = 96;

#[derive(Serialize)]
struct Answer {
    orders: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    id: OrderId,
    slot: Slot,
    side: market::Side,
    quantity_wh: WattHours,
    limit_price_micros_per_kwh: Price,
    state: &'static str,
    filled_wh: WattHours,
    /// From then on it can no longer be withdrawn.
    gate: Timestamp,
    problem: Option<Problem>,
}

/// Why the exchange said no.
#[derive(Serialize)]
pub struct Problem {
    pub code: String,
    pub message: String,
}

impl From<ProblemNote> for Problem {
    fn from(note: ProblemNote) -> Self {
        Self { code: note.code, message: note.detail }
    }
}

pub async fn run(command: Command, output: Output) -> Result<Verdict, Failure> {
    match command {
        Command::List(options) => list(&options, output),
        Command::Place(options) => place(options, output).await,
        Command::Cancel(options) => cancel(options, output).await,
    }
}

/// The answer is yes once the exchange has the order.
async fn place(options: PlaceOptions, output: Output) -> Result<Verdict, Failure> {
    let PlaceOptions { folder, secrets, slot, side, quantity_wh, limit } = options;
    let limit = price(&folder, "--limit", &limit)?;
    let home = folder.open(secrets, "wattle orders place")?;
    let quantity = WattHours::new(quantity_wh);
    let wish = OrderWish { id: home::new_order_id(), slot, side: side.into(), quantity, limit };
    let placed = home.place_order(wish, PATIENCE).await?;
    if let (OrderState::Refused, Some(problem)) = (placed.state, &placed.problem) {
        return Err(Failure::refused(&problem.code, &problem.detail));
    }
    let there = matches!(placed.state, OrderState::Accepted | OrderState::Bound | OrderState::Cleared);
    output.say(&Line::from(placed), |line| {
        let waits = "\nThe exchange has not answered yet; the order waits until its gate closes.";
        format!("{}{}", line.text(), if there { "" } else { waits })
    })?;
    Ok(if there { Verdict::Yes } else { Verdict::No })
}

#[derive(Serialize)]
struct Cancelled {
    cancelled: Vec<OrderId>,
    /// The exchange has not let go of them yet.
    unconfirmed: Vec<OrderId>,
    /// Their gate has closed, or they are over.
    kept: Vec<OrderId>,
}

/// The answer is yes if nothing of what was named stands.
async fn cancel(options: CancelOptions, output: Output) -> Result<Verdict, Failure> {
    let CancelOptions { folder, secrets, ids, all } = options;
    let home = folder.open(secrets, "wattle orders cancel")?;
    let outcome = home.cancel_orders((!all).then_some(ids), PATIENCE).await?;
    let answer =
        Cancelled { cancelled: outcome.cancelled, unconfirmed: outcome.unconfirmed, kept: outcome.kept };
    output.say(&answer, |answer| {
        let mut lines = vec![format!("{} orders were withdrawn.", answer.cancelled.len())];
        let told = [
            (&answer.unconfirmed, "are withdrawn as soon as the exchange answers"),
            (&answer.kept, "can no longer be withdrawn, or were over before"),
        ];
        lines.extend(told.iter().filter(|(ids, _)| !ids.is_empty()).map(|(ids, what)| {
            let ids: Vec<&str> = ids.iter().map(OrderId::as_str).collect();
            format!("These {what}: {}.", ids.join(", "))
        }));
        lines.join("\n")
    })?;
    let done = answer.unconfirmed.is_empty() && answer.kept.is_empty();
    Ok(if done { Verdict::Yes } else { Verdict::No })
}

fn list(options: &ListOptions, output: Output) -> Result<Verdict, Failure> {
    let running = Slot::containing(options.folder.now()?);
    let from = running.offset(-96 * i64::from(options.days));
    let orders = options.folder.history()?.orders(from..running.offset(AHEAD_SLOTS))?;
    output.say(&Answer { orders: orders.into_iter().map(Line::from).collect() }, Answer::text)?;
    Ok(Verdict::Yes)
}

impl From<StoredOrder> for Line {
    fn from(stored: StoredOrder) -> Self {
        Self {
            id: stored.order.id,
            slot: stored.order.slot,
            side: stored.order.side,
            quantity_wh: stored.order.quantity,
            limit_price_micros_per_kwh: stored.order.limit,
            state: stored.state.word(),
            filled_wh: stored.filled,
            gate: stored.order.gate,
            problem: stored.problem.map(Problem::from),
        }
    }
}

impl Answer {
    fn text(&self) -> String {
        if self.orders.is_empty() {
            return "There are no orders.".to_owned();
        }
        self.orders.iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }
}

impl Line {
    fn text(&self) -> String {
        let side = match self.side {
            market::Side::Buy => "buy ",
            market::Side::Sell => "sell",
        };
        let Line { slot, quantity_wh, limit_price_micros_per_kwh: limit, state, filled_wh, .. } = self;
        format!("{slot}  {side}  up to {quantity_wh} at {limit}  {state:<10}  {filled_wh} filled")
    }
}
