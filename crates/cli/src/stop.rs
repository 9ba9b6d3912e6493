//! `wattle stop` and `wattle resume`: the owner's hand, also while another process trades.

use std::time::Duration;

use home::Stopped;
use serde::Serialize;
use units::{OrderId, Slot};

use crate::Verdict;
use crate::failure::Failure;
use crate::household::{Folder, Secrets};
use crate::output::Output;

/// The exchange answers a cancellation in well under a second; one that does not is not there.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub struct StopOptions {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    secrets: Secrets,
}

#[derive(Serialize)]
struct StopAnswer {
    trading: &'static str,
    by: Option<String>,
    cancelled: Vec<OrderId>,
    unconfirmed: Vec<OrderId>,
    bound_slots: Vec<Slot>,
}

#[derive(Serialize)]
struct ResumeAnswer {
    trading: &'static str,
    by: Option<String>,
}

/// Stops trading and withdraws what can be withdrawn. The answer is no while the exchange has not let go.
pub async fn stop(options: StopOptions, output: Output) -> Result<Verdict, Failure> {
    let home = options.folder.open(options.secrets, "wattle stop")?;
    let Stopped { by, cancelled, unconfirmed, bound_slots } = home.stop_and_wait(PATIENCE).await?;
    let answer = StopAnswer { trading: "stopped", by, cancelled, unconfirmed, bound_slots };
    output.say(&answer, StopAnswer::text)?;
    Ok(if answer.unconfirmed.is_empty() { Verdict::Yes } else { Verdict::No })
}

pub async fn resume(options: StopOptions, output: Output) -> Result<Verdict, Failure> {
    let home = options.folder.open(options.secrets, "wattle resume")?;
    let by = home.resume_and_wait(PATIENCE).await?;
    output.say(&ResumeAnswer { trading: "running", by }, |answer| match &answer.by {
        Some(by) => format!("The rules trade again, by {by}."),
        None => "The rules trade again as soon as `wattle run` or the window runs.".to_owned(),
    })?;
    Ok(Verdict::Yes)
}

impl StopAnswer {
    fn text(&self) -> String {
        let by = self.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        let mut lines =
            vec![format!("Trading is stopped{by}; {} open orders were withdrawn.", self.cancelled.len())];
        if !self.unconfirmed.is_empty() {
            lines.push(format!(
                "{} orders could not be withdrawn yet, since the exchange does not answer. That is tried again \
                 whenever `wattle run` or the window runs.",
                self.unconfirmed.len()
            ));
        }
        if !self.bound_slots.is_empty() {
            let slots: Vec<String> = self.bound_slots.iter().map(Slot::to_string).collect();
            lines.push(format!("Their gate has closed, so these still trade: {}.", slots.join(", ")));
        }
        lines.join("\n")
    }
}
