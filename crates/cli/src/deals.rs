//! `wattle deals list | propose | accept | end`: prices that this home and a neighbour agree on.

use history::{DealErrand, StoredDeal};
use home::{Day, Deal, DealTerms, Home, Hours};
use serde::Serialize;
use units::{DealId, MemberId, Price, Slot, Timestamp, WattHours};

use crate::Verdict;
use crate::failure::Failure;
use crate::household::{Folder, Secrets, SideWord, price};
use crate::orders::{PATIENCE, Problem};
use crate::output::Output;

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the deals of this home, those that neighbours propose among them
    List(ListOptions),
    /// Propose a deal to a neighbour
    Propose(ProposeOptions),
    /// Agree to a deal that a neighbour proposed
    Accept(OneOptions),
    /// End a deal from the next open gate on; withdraw or decline a proposal
    End(OneOptions),
}

#[derive(clap::Args)]
pub struct ListOptions {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    secrets: Secrets,
}

#[derive(clap::Args)]
pub struct OneOptions {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    secrets: Secrets,
    #[arg(value_name = "ID")]
    id: DealId,
}

#[derive(clap::Args)]
pub struct ProposeOptions {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    secrets: Secrets,
    /// The neighbour, by the name that the market knows
    #[arg(long, value_name = "MEMBER")]
    with: MemberId,
    /// What this home does
    #[arg(long, value_enum)]
    side: SideWord,
    /// Such as "0.140 EUR/kWh"; 0 is a gift
    #[arg(long)]
    price: String,
    /// At most so much in a quarter hour
    #[arg(long, value_name = "WH")]
    cap_wh: i64,
    /// At most so much in a day
    #[arg(long, value_name = "WH")]
    cap_per_day_wh: Option<i64>,
    /// Days of the week, such as mon,tue [default: all]
    #[arg(long, value_delimiter = ',', value_parser = day)]
    days: Vec<Day>,
    /// Such as 06:00-22:00, by the home's clock [default: all day]
    #[arg(long)]
    hours: Option<Hours>,
    /// The first quarter hour [default: the next]
    #[arg(long, value_name = "SLOT")]
    from: Option<Slot>,
    /// The first quarter hour after it [default: until one side ends it]
    #[arg(long, value_name = "SLOT")]
    until: Option<Slot>,
}

#[derive(Serialize)]
struct Answer {
    deals: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    id: DealId,
    state: &'static str,
    seller: MemberId,
    buyer: MemberId,
    price_micros_per_kwh: Price,
    cap_wh: WattHours,
    cap_per_day_wh: Option<WattHours>,
    days: Vec<Day>,
    hours: Option<Hours>,
    zone: String,
    from: Slot,
    until: Option<Slot>,
    proposed_by: MemberId,
    agreed_at: Option<Timestamp>,
    served_from: Option<Slot>,
    served_until: Option<Slot>,
    ended_by: Option<MemberId>,
    /// What the exchange has not heard yet: propose, accept, end.
    waiting: Option<&'static str>,
    problem: Option<Problem>,
}

pub async fn run(command: Command, output: Output) -> Result<Verdict, Failure> {
    match command {
        Command::List(ListOptions { folder, secrets }) => {
            let home = folder.open(secrets, "wattle deals list")?;
            home.refresh_deals().await?;
            let deals = home.deals()?.into_iter().map(Line::of).collect::<Result<_, _>>()?;
            output.say(&Answer { deals }, Answer::text)?;
            Ok(Verdict::Yes)
        }
        Command::Propose(options) => {
            let (home, terms) = terms(options)?;
            say(home.propose_deal(terms, PATIENCE).await?, output)
        }
        Command::Accept(OneOptions { folder, secrets, id }) => {
            let home = opened(&folder, secrets, "wattle deals accept").await?;
            say(home.accept_deal(&id, PATIENCE).await?, output)
        }
        Command::End(OneOptions { folder, secrets, id }) => {
            let home = opened(&folder, secrets, "wattle deals end").await?;
            say(home.end_deal(&id, PATIENCE).await?, output)
        }
    }
}

/// Opens the home with the deals as the exchange knows them, where no other program fetches them.
async fn opened(folder: &Folder, secrets: Secrets, program: &str) -> Result<Home, Failure> {
    let home = folder.open(secrets, program)?;
    home.refresh_deals().await?;
    Ok(home)
}

fn terms(options: ProposeOptions) -> Result<(Home, DealTerms), Failure> {
    let price = match options.price.trim() {
        "0" => Price::ZERO,
        text => price(&options.folder, "--price", text)?,
    };
    let home = options.folder.open(options.secrets, "wattle deals propose")?;
    let terms = DealTerms {
        with: options.with,
        side: options.side.into(),
        price,
        cap: WattHours::new(options.cap_wh),
        cap_per_day: options.cap_per_day_wh.map(WattHours::new),
        days: options.days,
        hours: options.hours,
        from: options.from,
        until: options.until,
    };
    Ok((home, terms))
}

/// Prints what became of a deal. The answer is yes once the exchange has heard of it.
fn say(deal: StoredDeal, output: Output) -> Result<Verdict, Failure> {
    if let (None, Some(problem)) = (deal.errand, &deal.problem) {
        return Err(Failure::refused(&problem.code, &problem.detail));
    }
    let waits = deal.errand.is_some();
    output.say(&Line::of(deal)?, Line::text)?;
    Ok(if waits { Verdict::No } else { Verdict::Yes })
}

fn day(text: &str) -> Result<Day, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "write days as mon, tue, wed, thu, fri, sat, sun".to_owned())
}

impl Line {
    fn of(stored: StoredDeal) -> Result<Self, Failure> {
        let deal: Deal = serde_json::from_str(&stored.terms_json)
            .map_err(|error| Failure::system(format!("The deal {} cannot be read: {error}.", stored.id)))?;
        Ok(Self {
            id: stored.id,
            state: stored.state.word(),
            seller: deal.seller,
            buyer: deal.buyer,
            price_micros_per_kwh: deal.price,
            cap_wh: deal.cap,
            cap_per_day_wh: deal.cap_per_day,
            days: deal.days,
            hours: deal.hours,
            zone: deal.zone,
            from: deal.from,
            until: deal.until,
            proposed_by: stored.proposed_by,
            agreed_at: stored.agreed_at,
            served_from: stored.served_from,
            served_until: stored.served_until,
            ended_by: stored.ended_by,
            waiting: stored.errand.map(DealErrand::word),
            problem: stored.problem.map(Problem::from),
        })
    }

    fn text(&self) -> String {
        let Line { id, state, seller, buyer, price_micros_per_kwh: price, cap_wh, .. } = self;
        let waits = self.waiting.map_or_else(String::new, |what| {
            format!("\n  The exchange has not answered yet; \"{what}\" waits for it.")
        });
        let problem = self
            .problem
            .as_ref()
            .map_or_else(String::new, |problem| format!("\n  The exchange refused it: {}", problem.message));
        format!(
            "{id}  {state:<8}  {seller} to {buyer} at {price}, up to {cap_wh} a quarter hour{waits}{problem}"
        )
    }
}

impl Answer {
    fn text(&self) -> String {
        if self.deals.is_empty() {
            return "There are no deals.".to_owned();
        }
        self.deals.iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }
}
