//! `wattle orders list`: what this home asked of the market, and what came of it.

use history::StoredOrder;
use serde::Serialize;
use units::{OrderId, Price, Slot, Timestamp, WattHours};

use crate::Verdict;
use crate::failure::Failure;
use crate::household::Folder;
use crate::output::Output;

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the orders of the last days and of the slots ahead
    List(ListOptions),
}

#[derive(clap::Args)]
pub struct ListOptions {
    #[command(flatten)]
    folder: Folder,
    /// How many days to look back
    #[arg(long, value_name = "N", default_value_t = 1)]
    days: u16,
}

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

#[derive(Serialize)]
struct Problem {
    code: String,
    message: String,
}

pub fn run(command: Command, output: Output) -> Result<Verdict, Failure> {
    let Command::List(options) = command;
    let running = Slot::containing(options.folder.now()?);
    let from = running.offset(-96 * i64::from(options.days));
    let orders = options.folder.history()?.orders(from..running.offset(AHEAD_SLOTS))?;
    output.say(&Answer { orders: orders.into_iter().map(Line::from).collect() }, Answer::text)?;
    Ok(Verdict::Yes)
}

impl From<StoredOrder> for Line {
    fn from(stored: StoredOrder) -> Self {
        let problem = stored.problem.map(|problem| Problem { code: problem.code, message: problem.detail });
        Self {
            id: stored.order.id,
            slot: stored.order.slot,
            side: stored.order.side,
            quantity_wh: stored.order.quantity,
            limit_price_micros_per_kwh: stored.order.limit,
            state: stored.state.word(),
            filled_wh: stored.filled,
            gate: stored.order.gate,
            problem,
        }
    }
}

impl Answer {
    fn text(&self) -> String {
        if self.orders.is_empty() {
            return "There are no orders.".to_owned();
        }
        let line = |order: &Line| {
            let side = match order.side {
                market::Side::Buy => "buy ",
                market::Side::Sell => "sell",
            };
            let Line { slot, quantity_wh, limit_price_micros_per_kwh: limit, state, filled_wh, .. } = order;
            format!("{slot}  {side}  up to {quantity_wh} at {limit}  {state:<10}  {filled_wh} filled")
        };
        self.orders.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
