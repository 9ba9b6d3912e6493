//! `wattle contracts list | add | check`: what the utility charges and pays, from which day on.

use std::path::{Path, PathBuf};

use history::History;
use home::config::HISTORY_FILE;
use home::contract_file::{ContractFile, read_contracts};
use home::{ContractTable, PriceBook, SlotPrices};
use serde::Serialize;
use units::{Currency, DayKey, Price, Slot};

use crate::failure::Failure;
use crate::household::{Folder, Secrets};
use crate::orders::PATIENCE;
use crate::output::Output;
use crate::{Verdict, input};

#[derive(clap::Subcommand)]
pub enum Command {
    /// List this home's contracts and what they come to now
    List(ListOptions),
    /// Put the contracts of a file in force, also while another program trades
    Add(AddOptions),
    /// Check a file of contracts without changing anything
    Check(CheckOptions),
}

#[derive(clap::Args)]
pub struct ListOptions {
    #[command(flatten)]
    folder: Folder,
}

#[derive(clap::Args)]
pub struct AddOptions {
    /// [[contract]] tables as in home.toml
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    secrets: Secrets,
}

#[derive(clap::Args)]
pub struct CheckOptions {
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    #[arg(long, default_value_t = Currency::EUR)]
    currency: Currency,
    /// The home's IANA zone
    #[arg(long, default_value = "Europe/Berlin")]
    zone: String,
}

#[derive(Serialize)]
struct Answer {
    contracts: Vec<Line>,
    corrections: Vec<Line>,
    /// Of the running quarter hour; missing where it is not known, or no home was asked.
    retail_micros_per_kwh: Option<Price>,
    feed_in_micros_per_kwh: Option<Price>,
    #[serde(skip)]
    currency: Currency,
}

#[derive(Serialize)]
struct Line {
    valid_from: DayKey,
    /// The day after its last.
    until: Option<DayKey>,
    name: Option<String>,
    kind: &'static str,
    /// The day on which a correction became known.
    dated: Option<DayKey>,
}

pub async fn run(command: Command, output: Output) -> Result<Verdict, Failure> {
    match command {
        Command::List(options) => list(&options, output),
        Command::Add(options) => add(options, output).await,
        Command::Check(options) => check(&options, output),
    }
}

fn list(options: &ListOptions, output: Output) -> Result<Verdict, Failure> {
    let config = options.folder.config()?;
    let slot = Slot::containing(options.folder.now()?);
    let history = match options.folder.path()?.join(HISTORY_FILE).exists() {
        true => options.folder.history()?,
        false => History::in_memory()?,
    };
    let prices = PriceBook::read(&config, &history, slot..slot.next())?.prices(slot).ok();
    output.say(&answer(&config.contracts, prices, config.currency), Answer::text)?;
    Ok(Verdict::Yes)
}

async fn add(options: AddOptions, output: Output) -> Result<Verdict, Failure> {
    let config = options.folder.config()?;
    let ContractFile { tables, .. } = read(&options.file, config.currency, &config.zone)?;
    let folder = options.folder;
    let home = folder.open(options.secrets, "wattle contracts")?;
    for table in tables {
        home.add_contract(table, PATIENCE).await?;
    }
    drop(home);
    list(&ListOptions { folder }, output)
}

fn check(options: &CheckOptions, output: Output) -> Result<Verdict, Failure> {
    let file = read(&options.file, options.currency, &options.zone)?;
    output.say(&answer(&file.tables, None, options.currency), Answer::text)?;
    Ok(Verdict::Yes)
}

fn read(path: &Path, currency: Currency, zone: &str) -> Result<ContractFile, Failure> {
    let zone = units::zone(zone)
        .map_err(|cause| Failure::usage(format!("--zone: {cause}."), "Such as Europe/Berlin."))?;
    read_contracts(&input::text(path)?, currency, zone).map_err(|fault| input::unusable(path, fault))
}

fn answer(tables: &[ContractTable], prices: Option<SlotPrices>, currency: Currency) -> Answer {
    let (corrections, versions): (Vec<&ContractTable>, Vec<&ContractTable>) =
        tables.iter().partition(|table| table.correction.is_some());
    let line = |table: &ContractTable, until| Line {
        valid_from: table.valid_from,
        until,
        name: table.name.clone(),
        kind: home::contract_file::kind(table),
        dated: table.correction.as_ref().map(|correction| correction.dated),
    };
    let next = versions.iter().skip(1).map(|table| Some(table.valid_from)).chain([None]);
    Answer {
        contracts: versions.iter().zip(next).map(|(table, until)| line(table, until)).collect(),
        corrections: corrections
            .iter()
            .map(|table| line(table, table.correction.as_ref().map(|correction| correction.until)))
            .collect(),
        retail_micros_per_kwh: prices.map(|prices| prices.retail),
        feed_in_micros_per_kwh: prices.map(|prices| prices.feed_in),
        currency,
    }
}

impl Answer {
    fn text(&self) -> String {
        let mut lines: Vec<String> = self.contracts.iter().map(Line::text).collect();
        if lines.is_empty() {
            lines.push("There is no contract yet; add one with `wattle contracts add FILE.toml`.".to_owned());
        }
        lines.extend(self.corrections.iter().map(|line| format!("{} (billed anew)", line.text())));
        if let (Some(retail), Some(feed_in)) = (self.retail_micros_per_kwh, self.feed_in_micros_per_kwh) {
            let currency = self.currency;
            lines.push(format!(
                "Now: {retail} {currency}/kWh from the utility, {feed_in} {currency}/kWh fed in."
            ));
        }
        lines.join("\n")
    }
}

impl Line {
    fn text(&self) -> String {
        let name = self.name.as_deref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
        let kind = match self.kind {
            "fixed" => "one price at all times",
            "time_of_use" => "by the time of day",
            "dynamic" => "follows the power market",
            _ => "with tiers",
        };
        match self.until {
            Some(until) => format!("{} until {until}{name}: {kind}", self.valid_from),
            None => format!("{} on{name}: {kind}", self.valid_from),
        }
    }
}
