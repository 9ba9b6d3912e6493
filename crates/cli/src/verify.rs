//! `wattle verify`: computes a statement anew from its own evidence. No server is asked.

use std::path::{Path, PathBuf};

use history::{History, OpenMode};
use home::HomeError;
use home::config::HISTORY_FILE;
use statement::{Anchor, FORMAT, InvalidAnchor, Report, verify as verify_file};
use units::MarketId;

use crate::Verdict;
use crate::failure::{Failure, Status};
use crate::output::Output;

#[derive(clap::Args)]
pub struct VerifyOptions {
    /// The statement, as JSON
    file: PathBuf,
    /// The key of the market's log, from the invitation or the operator
    #[arg(long, value_name = "KEY", conflicts_with = "data")]
    log_key: Option<String>,
    /// The data folder of a home that joined the market: it holds the key of its invitation
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub fn verify(options: &VerifyOptions, output: Output) -> Result<Verdict, Failure> {
    let file = std::fs::read(&options.file).map_err(|cause| Failure {
        code: "unreadable".into(),
        message: format!("{} cannot be read: {cause}.", options.file.display()),
        hint: "Name a statement that was saved as JSON.".into(),
        status: Status::Unusable,
    })?;
    if !claims_to_be_a_statement(&file) {
        return Err(Failure {
            code: "no_statement".into(),
            message: format!("{} is not a statement.", options.file.display()),
            hint: "Name a statement that was saved as JSON; the PDF and the table prove nothing.".into(),
            status: Status::Unusable,
        });
    }
    let anchor = match (&options.log_key, &options.data) {
        (Some(key), _) => Some(key.parse().map_err(|error: InvalidAnchor| {
            Failure::usage(format!("{}.", error.to_string().trim_end_matches('.')), "")
        })?),
        (None, Some(dir)) => Some(pinned(dir, &file)?),
        (None, None) => None,
    };
    let report = verify_file(&file, anchor.as_ref());
    output.say(&report, text)?;
    Ok(if report.ok { Verdict::Yes } else { Verdict::No })
}

/// A statement that was damaged or altered is one still, and the answer about it is no.
fn claims_to_be_a_statement(file: &[u8]) -> bool {
    file.windows(FORMAT.len()).any(|part| part == FORMAT.as_bytes())
}

/// Returns the key that a home pinned on joining the statement's market, or its own market where the
/// statement names none.
fn pinned(dir: &Path, file: &[u8]) -> Result<Anchor, Failure> {
    let history = History::open(&dir.join(HISTORY_FILE), OpenMode::ReadOnly).map_err(HomeError::from)?;
    let named = serde_json::from_slice::<serde_json::Value>(file).ok();
    let named = named.and_then(|file| MarketId::new(file["paper"]["header"]["market"].as_str()?).ok());
    let market = match named {
        Some(market) => Some(market),
        None => history.membership()?.map(|membership| membership.market),
    };
    let anchor =
        market.map(|market| home::statement::pinned_anchor(&history, &market)).transpose()?.flatten();
    anchor.ok_or_else(|| Failure {
        code: "no_log_key".into(),
        message: format!("The home in {} knows no key of this market's log.", dir.display()),
        hint: "Give the key with --log-key; it is in the invitation, and the operator has it.".into(),
        status: Status::Unusable,
    })
}

fn text(report: &Report) -> String {
    let step = |step: &statement::StepReport| {
        let mark = if step.ok { "yes" } else { "NO " };
        format!("{mark}  {:<14} {}", step.name, step.detail)
    };
    let mut lines: Vec<String> = report.steps.iter().map(step).collect();
    let shares = report.share_by_source;
    lines.push(format!(
        "Readings: {:.0} % declared by the member, {:.0} % by the utility.",
        100.0 * shares.member,
        100.0 * shares.utility
    ));
    lines.push(match report.first_failure.as_deref() {
        None => "The statement is right.".to_owned(),
        Some("unanchored") => {
            "Not proved: give the key of the market's log with --log-key, or a home's folder with --data."
                .to_owned()
        }
        Some(step) => format!("The statement is wrong: {step}."),
    });
    lines.join("\n")
}
