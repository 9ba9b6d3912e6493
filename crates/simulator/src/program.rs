//! Runs the street, tells what happens, and ends it in order.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::json;
use simulator::street::{SlotLine, Street, StreetOptions, Summary};
use tokio::signal::unix::{SignalKind, signal};
use units::{Slot, Timestamp};

use crate::options::Options;

/// Runs the street to its end; says whether everything adds up.
pub async fn run(options: Options) -> Result<bool> {
    let (dir, _gone_at_the_end) = match &options.data {
        Some(dir) => (dir.clone(), None),
        None => {
            let dir = tempfile::tempdir().context("making a folder for the street")?;
            (dir.path().to_owned(), Some(dir))
        }
    };
    let street = Street::build(StreetOptions {
        dir,
        houses: options.houses,
        seed: options.seed,
        speed: options.speed,
        start: options.start,
        app_house: options.app_house,
        past_days: options.past_days(),
    })
    .await?;
    let outcome = live(&street, &options).await;
    // Whatever happened, the households write what they know.
    street.finish().await;
    let summary = outcome?;
    Ok(summary.holds())
}

async fn live(street: &Street, options: &Options) -> Result<Summary> {
    if options.sleepy {
        street.let_one_sleep();
    }
    tell_ready(street, options)?;
    let first = street.first_slot();
    let end = options.duration.map(|duration| street.options().start + duration);
    let mut told = first;
    tokio::select! {
        outcome = tell_slots(street, options.json, &mut told, end) => outcome?,
        () = interrupted(options.app_house.is_some()) => {}
    }
    let closed = street.close_statements().await?;
    let failed = closed.iter().filter(|statement| statement.outcome.is_err()).count();
    let summary = Summary {
        statements_verified: (closed.len() - failed) as u64,
        statements_failed: failed as u64,
        ..street.summary(first, told).await?
    };
    tell_summary(&summary, options.json)?;
    Ok(summary)
}

/// Tells each slot that begins before the end once it is settled.
async fn tell_slots(street: &Street, json: bool, next: &mut Slot, end: Option<Timestamp>) -> Result<()> {
    while end.is_none_or(|end| next.start() < end) {
        street.wait_until(next.end()).await;
        if street.wait_settled(*next).await?
            && let Some(line) = street.slot_line(*next).await?
        {
            if json { say(&serde_json::to_string(&line)?)? } else { say(&slot_text(&line))? }
        }
        *next = next.next();
    }
    Ok(())
}

fn tell_ready(street: &Street, options: &Options) -> Result<()> {
    let data = &street.options().dir;
    let exchange = street.exchange_url();
    match options.app_house {
        Some(number) => {
            let home = street
                .neighbours()
                .iter()
                .find(|neighbour| neighbour.house.plan.number == number)
                .map(|neighbour| neighbour.dir.clone());
            if options.json {
                say(&json!({ "event": "ready", "home": home, "data": data, "exchange": exchange })
                    .to_string())
            } else {
                say(&format!("The window's house lies in {}.", home.unwrap_or_default().display()))
            }
        }
        None if options.json => Ok(()),
        None => say(&format!(
            "{} houses in {}, exchange at {exchange}, {} market seconds a second.",
            options.houses,
            data.display(),
            options.speed
        )),
    }
}

fn tell_summary(summary: &Summary, json: bool) -> Result<()> {
    if json {
        return say(&serde_json::to_string(summary)?);
    }
    say(&format!(
        "{} slots, {} traded. Energy off by {}, money by {} nanos, {} house-slots worse off than with the utility alone. \
         {} statements verified and equal to the exchange's books, {} failed.",
        summary.slots,
        summary.traded_wh,
        summary.energy_imbalance_wh,
        summary.money_imbalance_nanos,
        summary.worse_off,
        summary.statements_verified,
        summary.statements_failed
    ))
}

fn slot_text(line: &SlotLine) -> String {
    let price = prices_text(line);
    let houses: Vec<String> = line
        .houses
        .iter()
        .map(|house| {
            let energy =
                |energy: Option<units::WattHours>| energy.map_or("?".to_owned(), |it| it.get().to_string());
            let traded = house.sold_wh.get() - house.bought_wh.get();
            format!("{} {}/{} {traded:+}", house.id, energy(house.import_wh), energy(house.export_wh))
        })
        .collect();
    format!("{}  {:>8}  {price:<34}  {}", line.slot, line.traded_wh.to_string(), houses.join("  "))
}

/// Tells the price of each area in which there is one.
fn prices_text(line: &SlotLine) -> String {
    let priced = line.areas.iter().filter_map(|area| Some(format!("{} {}", area.id, area.price?)));
    let prices: Vec<String> = priced.collect();
    if prices.is_empty() { "no price".to_owned() } else { prices.join("  ") }
}

/// Writes a line at once, since others read along.
fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("writing to standard output")
}

/// Waits until someone wants the street to end: a signal, or, with a window, the end of the input.
///
/// Without a window the input says nothing: in a pipeline or a service it ends at once.
async fn interrupted(with_input: bool) {
    let listen = |kind| signal(kind).ok();
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt()), listen(SignalKind::terminate()));
    tokio::select! {
        Some(()) = recv(&mut interrupt) => {}
        Some(()) = recv(&mut terminate) => {}
        () = input_ends(), if with_input => {}
        else => std::future::pending().await,
    }
}

async fn recv(signal: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    signal.as_mut()?.recv().await
}

/// Reads on a thread of its own that nobody waits for: a read of a terminal cannot be called off.
async fn input_ends() {
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Whatever is typed means nothing; an error means that the input is gone.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}
