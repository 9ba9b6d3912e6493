//! `wattle rules check`: whether a RULES.toml can be used, and what its owner hardly meant.
//! What it would have earned is [`crate::backtest`].

use std::path::PathBuf;

use history::History;
use home::config::{HISTORY_FILE, HomeConfig};
use home::{PriceBook, SlotPrices};
use rules::{Finding, Judged, RuleBook, Side};
use serde::Serialize;
use units::{Currency, Slot};

use crate::backtest::{BacktestOptions, backtest};
use crate::failure::Failure;
use crate::household::Folder;
use crate::output::Output;
use crate::{Verdict, input};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Check a RULES.toml; with --data also against the home's own contract
    Check(CheckOptions),
    /// Say what rules would have earned on this home's own past
    Backtest(BacktestOptions),
}

#[derive(clap::Args)]
pub struct CheckOptions {
    #[arg(value_name = "RULES.toml")]
    file: PathBuf,
    /// The currency of its prices [default: the home's with --data, else EUR]
    #[arg(long)]
    currency: Option<Currency>,
    /// The home whose contract the rules are compared with
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    ok: bool,
    rules: Vec<Line>,
    findings: Vec<Found>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    side: &'static str,
    enabled: bool,
}

#[derive(Serialize)]
struct Found {
    code: &'static str,
    rule: String,
    message: String,
}

pub fn run(command: Command, output: Output) -> Result<Verdict, Failure> {
    match command {
        Command::Check(options) => check(options, output),
        Command::Backtest(options) => backtest(&options, output),
    }
}

/// The answer is no where a rule would trade at worse than the owner's contract.
fn check(options: CheckOptions, output: Output) -> Result<Verdict, Failure> {
    let home = options.data.map(Folder::of);
    let config = home.as_ref().map(Folder::config).transpose()?;
    let of_home = config.as_ref().map_or(Currency::EUR, |config| config.currency);
    let text = input::text(&options.file)?;
    let book = RuleBook::parse(&text, options.currency.unwrap_or(of_home))
        .map_err(|fault| input::unusable(&options.file, fault))?;
    let prices =
        home.zip(config.as_ref()).map(|(home, config)| prices_now(&home, config)).transpose()?.flatten();
    // A home forecasts once it runs with a meter; its battery's level needs a capacity.
    let judged = Judged {
        surplus: config.as_ref().is_none_or(|config| !config.meters.is_empty()),
        battery: config.as_ref().is_none_or(|config| config.battery.is_some()),
    };
    let findings = match &prices {
        Some(prices) => rules::check(&book, prices, judged),
        None => rules::check_alone(&book, judged),
    };
    let ok = !findings.iter().any(|finding| matches!(finding, Finding::WorseThanContract { .. }));
    output.say(&answer(ok, &book, &findings), Answer::text)?;
    Ok(if ok { Verdict::Yes } else { Verdict::No })
}

/// Returns the prices of the running slot; missing where the home has none on record.
fn prices_now(home: &Folder, config: &HomeConfig) -> Result<Option<SlotPrices>, Failure> {
    let slot = Slot::containing(home.now()?);
    // A home that never ran has no history; its contract may tell the price all the same.
    let history = match home.path()?.join(HISTORY_FILE).exists() {
        true => home.history()?,
        false => History::in_memory()?,
    };
    Ok(PriceBook::read(config, &history, slot..slot.next())?.prices(slot).ok())
}

fn answer(ok: bool, book: &RuleBook, findings: &[Finding]) -> Answer {
    let line = |rule: &rules::Rule| Line {
        name: rule.name.clone(),
        side: match rule.side {
            Side::Sell => "sell",
            Side::Buy => "buy",
        },
        enabled: rule.enabled,
    };
    let found = |finding: &Finding| {
        let (code, rule) = match finding {
            Finding::WorseThanContract { rule, .. } => ("worse_than_contract", rule),
            Finding::NeverSpeaks { rule, .. } => ("never_speaks", rule),
            Finding::CannotJudge { rule, .. } => ("cannot_judge", rule),
        };
        Found { code, rule: rule.clone(), message: finding.to_string() }
    };
    Answer {
        ok,
        rules: book.rules().iter().map(line).collect(),
        findings: findings.iter().map(found).collect(),
    }
}

impl Answer {
    fn text(&self) -> String {
        let mut lines = vec![match self.rules.len() {
            1 => "1 rule is understood.".to_owned(),
            count => format!("{count} rules are understood."),
        }];
        lines.extend(self.findings.iter().map(|found| crate::household::sentence(&found.message)));
        lines.join("\n")
    }
}
