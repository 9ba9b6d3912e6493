//! `wattle rules backtest`: what rules would have earned on this home's own past, slot by slot with reasons.

use std::path::PathBuf;

use rules::{Backtest, Past, Reason, RuleBook, Taken};
use serde::Serialize;
use units::{Currency, DayKey, Money, Price, Slot, WattHours};

use crate::failure::{Failure, Status};
use crate::household::Folder;
use crate::output::Output;
use crate::{Verdict, input};

#[derive(clap::Args)]
pub struct BacktestOptions {
    #[arg(value_name = "RULES.toml")]
    file: PathBuf,
    /// The first local day, such as 2026-06-01
    #[arg(long, value_name = "DAY")]
    from: DayKey,
    /// The day after the last
    #[arg(long, value_name = "DAY")]
    to: DayKey,
    /// With each slot's decision and its reasons
    #[arg(long)]
    slots: bool,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Serialize)]
struct Answer {
    days: u32,
    sold_wh: WattHours,
    bought_wh: WattHours,
    earned_nanos: Money,
    saved_nanos: Money,
    feed_in_only_nanos: Money,
    best_possible_nanos: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    slots: Option<Vec<Line>>,
    #[serde(skip)]
    currency: Currency,
}

#[derive(Serialize)]
struct Line {
    slot: Slot,
    decision: rules::Verdict,
    side: rules::Side,
    rule: Option<String>,
    reasons: Vec<Reason>,
    quantity_wh: Option<WattHours>,
    limit_price_micros_per_kwh: Option<Price>,
    price_micros_per_kwh: Option<Price>,
    traded_wh: WattHours,
}

/// The answer is no where the home knows nothing of these days.
pub fn backtest(options: &BacktestOptions, output: Output) -> Result<Verdict, Failure> {
    if options.from >= options.to {
        return Err(Failure::usage(
            format!("From {} to {} is no day: the day of --to is not taken in.", options.from, options.to),
            "Name a later day with --to.",
        ));
    }
    let config = options.folder.config()?;
    let text = input::text(&options.file)?;
    let book =
        RuleBook::parse(&text, config.currency).map_err(|fault| input::unusable(&options.file, fault))?;
    let history = options.folder.history()?;
    let past = home::past(&config, &history, options.from..options.to)?;
    if past.is_empty() {
        return Err(Failure {
            code: "no_past".to_owned(),
            message: format!(
                "This home has no quarter hour on record from {} to {}.",
                options.from, options.to
            ),
            hint: "Name days on which its meter was read.".to_owned(),
            status: Status::No,
        });
    }
    output.say(&answer(&past, &book, options.slots, config.currency), Answer::text)?;
    Ok(Verdict::Yes)
}

fn answer(past: &Past, book: &RuleBook, with_slots: bool, currency: Currency) -> Answer {
    let mut lines = Vec::new();
    let Backtest { days, sold, bought, earned, saved, feed_in_only, best_possible } =
        if with_slots { past.each(book, |taken| lines.push(Line::from(taken))) } else { past.run(book) };
    Answer {
        days,
        sold_wh: sold,
        bought_wh: bought,
        earned_nanos: earned,
        saved_nanos: saved,
        feed_in_only_nanos: feed_in_only,
        best_possible_nanos: best_possible,
        slots: with_slots.then_some(lines),
        currency,
    }
}

impl From<Taken> for Line {
    fn from(Taken { decision, price, traded }: Taken) -> Self {
        Self {
            slot: decision.slot,
            decision: decision.verdict,
            side: decision.side,
            rule: decision.rule,
            reasons: decision.reasons,
            quantity_wh: decision.quantity,
            limit_price_micros_per_kwh: decision.limit,
            price_micros_per_kwh: price,
            traded_wh: traded,
        }
    }
}

impl Answer {
    fn text(&self) -> String {
        let kwh = |energy: WattHours| format!("{:.1} kWh", energy.get() as f64 / 1000.0);
        let money = |amount: Money| format!("{:.2} {}", amount.nanos() as f64 / 1e9, self.currency);
        let days = if self.days == 1 { "1 day".to_owned() } else { format!("{} days", self.days) };
        let mut lines = vec![
            format!(
                "In {days} these rules would have sold {} and bought {}.",
                kwh(self.sold_wh),
                kwh(self.bought_wh)
            ),
            format!(
                "Earned above feed-in: {}. Saved below retail: {}. The best possible, both together: {}.",
                money(self.earned_nanos),
                money(self.saved_nanos),
                money(self.best_possible_nanos)
            ),
            format!("All export at feed-in alone: {}.", money(self.feed_in_only_nanos)),
        ];
        let traded = self.slots.iter().flatten().filter(|line| line.traded_wh > WattHours::ZERO);
        lines.extend(traded.map(|line| {
            let price = line.price_micros_per_kwh.unwrap_or_default();
            format!("{}  {}  at {price} {}/kWh", line.slot, kwh(line.traded_wh), self.currency)
        }));
        lines.join("\n")
    }
}
