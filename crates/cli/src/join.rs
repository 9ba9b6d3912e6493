//! `wattle join`: shows a market's terms, and with the owner's consent lets the household enrol.

use history::{Lock, LockError};
use home::join::{JoinError, Offer};
use serde::Serialize;
use units::{Currency, MarketId, Price};

use crate::Verdict;
use crate::failure::{Failure, Status};
use crate::household::{Folder, sentence};
use crate::output::Output;

#[derive(clap::Args)]
pub struct JoinOptions {
    /// The line that the operator sent; it begins with wattle1.
    invitation: String,
    /// Agree to this version of the market's terms, as shown without this option
    #[arg(long, value_name = "VERSION")]
    agree: Option<String>,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Serialize)]
struct Answer {
    market: MarketId,
    market_name: String,
    exchange: String,
    currency: Currency,
    operator_fee_micros_per_kwh: Price,
    terms: Terms,
    agreed: bool,
    /// A program that runs for this home reads the consent only when it starts again.
    restart_needed: bool,
}

#[derive(Serialize)]
struct Terms {
    version: String,
    text: String,
}

pub async fn join(options: JoinOptions, output: Output) -> Result<Verdict, Failure> {
    let dir = options.folder.path()?;
    options.folder.config()?;
    refuse_second_market(&options.folder)?;
    let offer = home::join::look_at(&options.invitation).await.map_err(refused)?;
    offer.keep(&dir, options.agree.as_deref()).map_err(refused)?;
    let agreed = options.agree.is_some();
    let runs = matches!(
        Lock::acquire(&dir, "wattle join"),
        Err(LockError::Held { .. } | LockError::HeldSilently { .. })
    );
    output.say(&answer(offer, agreed, agreed && runs), Answer::text)?;
    // Without consent nothing is joined yet.
    Ok(if agreed { Verdict::Yes } else { Verdict::No })
}

fn refuse_second_market(folder: &Folder) -> Result<(), Failure> {
    // A home that never ran has no history and is in no market.
    let absent = !folder.path()?.join(home::config::HISTORY_FILE).exists();
    let membership = if absent { None } else { folder.history()?.membership()? };
    membership.map_or(Ok(()), |membership| {
        Err(Failure {
            code: "already_a_member".into(),
            message: format!("This home is in the market \"{}\" already.", membership.market_name),
            hint: "A home trades in one market.".into(),
            status: Status::No,
        })
    })
}

fn refused(error: JoinError) -> Failure {
    let status = match &error {
        JoinError::Invitation(_) | JoinError::Config(_) | JoinError::Currency { .. } => Status::Unusable,
        _ => Status::No,
    };
    Failure {
        code: error.code().into(),
        message: sentence(&error.described()),
        hint: error.hint().into(),
        status,
    }
}

fn answer(offer: Offer, agreed: bool, restart_needed: bool) -> Answer {
    let market = offer.market;
    Answer {
        market: market.market,
        market_name: market.name,
        exchange: offer.address,
        currency: market.currency,
        operator_fee_micros_per_kwh: market.rules.operator_fee_micros_per_kwh,
        terms: Terms { version: market.terms.version, text: market.terms.text },
        agreed,
        restart_needed,
    }
}

impl Answer {
    fn text(&self) -> String {
        let Self { market_name, operator_fee_micros_per_kwh: fee, currency, terms, .. } = self;
        let next = match (self.agreed, self.restart_needed) {
            (true, false) => {
                "You agreed. The household enrols as soon as `wattle run` or the window runs.".to_owned()
            }
            (true, true) => {
                "You agreed. Start the program that runs for this home again, so that it enrols.".to_owned()
            }
            (false, _) => {
                format!("Nothing is traded before you agree: run this again with --agree {}.", terms.version)
            }
        };
        format!(
            "{market_name}: the operator takes {fee} {currency} a kWh, half from each side.\n\nTerms, version {}:\n\n{}\n\n{next}",
            terms.version,
            terms.text.trim_end()
        )
    }
}
