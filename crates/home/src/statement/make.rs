//! Makes a month's statement: the newest entries, the exchange's proof of them, and the verifier's yes.

use std::ops::Range;
use std::sync::Arc;

use ::statement::{Draft, Period, Statement, build};
use exchange_api::{Client, ClientError, EntriesProof, OpenedEntry};
use history::{HistoryError, Log, Membership, StatementRow};
use units::{DayKey, Slot};

use super::select::{Earlier, Selection, select};
use super::{header, month_start};
use crate::config::described;
use crate::convert;
use crate::error::{history_refusal, refusal};
use crate::house::{Home, House, ViewName};
use crate::notary::{Desk, Failure, check_entries, grow};
use crate::tasks::{client, look_at_log, sound_alarm};
use crate::view::frame::Refusal;

/// A statement that was made, now or before.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub row: StatementRow,
    /// It holds all that was settled of the month; false where the exchange could not be asked for more.
    pub up_to_date: bool,
}

impl Home {
    /// Makes the statement of a month, `2026-06`, or returns the one that holds all of it already.
    ///
    /// Where the exchange cannot be asked, the last one made stays the answer.
    pub async fn make_statement(&self, month: &str) -> Result<Made, Refusal> {
        let house = self.house()?.clone();
        let first = month_start(month)?;
        let membership = house.membership().map_err(|error| history_refusal(&error))?;
        let Some(membership) = membership else {
            return Err(refusal(
                "not_a_member",
                "This home is in no market, so there is nothing to state.",
                "Join one first.",
            ));
        };
        let issued = super::newest_of(&house.history, &membership.market, month)?;
        match attempt(&house, &membership, first, month).await {
            Ok(row) => Ok(Made { row, up_to_date: true }),
            Err(Obstacle::CannotAsk(why)) => issued.map(|row| Made { row, up_to_date: false }).ok_or(why),
            Err(Obstacle::Refused(why)) => Err(why),
        }
    }
}

/// What stands between a month and its statement.
enum Obstacle {
    /// The exchange cannot be asked for more: it is away, another program speaks with it, or there is no key.
    /// None of these takes away what was made before.
    CannotAsk(Refusal),
    Refused(Refusal),
}

impl Obstacle {
    fn unreachable(why: &str) -> Self {
        Self::CannotAsk(refusal(
            "unreachable",
            format!("The exchange is needed for the proof of a statement and cannot be asked: {why}."),
            "Try again when it is reached.",
        ))
    }
}

impl From<Refusal> for Obstacle {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<HistoryError> for Obstacle {
    fn from(error: HistoryError) -> Self {
        Self::Refused(history_refusal(&error))
    }
}

impl From<ClientError> for Obstacle {
    fn from(error: ClientError) -> Self {
        if error.code().is_none() {
            return Self::unreachable(&described(&error));
        }
        Self::Refused(refusal(
            error.code().map_or("exchange", |code| code.word()),
            format!("The exchange refused: {}.", described(&error).trim_end_matches('.')),
            "Ask the operator.",
        ))
    }
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Exchange(error) => error.into(),
            Failure::History(error) => error.into(),
            Failure::Breach(breach) => Self::Refused(refusal(
                "log_alarm",
                format!("The exchange's log is not what it was: {}", breach.detail),
                "Trading has stopped; the status line says what to do.",
            )),
            Failure::Key(what) => Self::Refused(refusal("log_key", what, "Ask the operator.")),
        }
    }
}

async fn attempt(
    house: &Arc<House>,
    membership: &Membership,
    first: DayKey,
    month: &str,
) -> Result<StatementRow, Obstacle> {
    house.check_trades().map_err(Obstacle::CannotAsk)?;
    let Some(client) = client(house, &membership.exchange_url).transpose()? else {
        return Err(Obstacle::CannotAsk(refusal(
            "no_key",
            "The key of this home cannot be used, and the exchange answers only what is signed with it.",
            "Unlock the keyring, or name the passphrase's file with --passphrase-file.",
        )));
    };
    look_at_log(house).await?;
    if house.unanswered_alarm()? {
        return Err(Obstacle::Refused(refusal(
            "log_alarm",
            "The exchange's log broke a promise, so no statement is made from it.",
            "Read what the status line says of the log, and go on or leave the market.",
        )));
    }
    // Nobody else asks for the log meanwhile, or numbers a statement.
    let mut place = house.desk.lock().await;
    let Some(desk) = place.as_mut() else {
        return Err(Obstacle::unreachable("its log was not read yet"));
    };
    desk.flush(house).await?;
    let plan = Plan::of(house, membership, &desk.log, first, month).await?;
    if let Some(row) = plan.holds_all() {
        return Ok(row.clone());
    }
    if plan.selection.settled == 0 {
        return Err(Obstacle::Refused(refusal(
            "nothing_settled",
            format!("Nothing of {month} is settled yet."),
            "A quarter hour is settled about an hour after its end; make the statement then.",
        )));
    }
    let proof = prove(house, &client, desk, &plan.selection).await?;
    let row = issue(house, membership, desk, plan, proof).await?;
    house.changed(ViewName::Earnings);
    Ok(row)
}

/// What there is of a month, and what was made before.
struct Plan {
    month: String,
    first: DayKey,
    rows: Vec<StatementRow>,
    selection: Selection,
    log: Log,
}

impl Plan {
    async fn of(
        house: &Arc<House>,
        membership: &Membership,
        log: &Log,
        first: DayKey,
        month: &str,
    ) -> Result<Self, Obstacle> {
        let (market, log, month) = (membership.market.clone(), log.clone(), month.to_owned());
        house
            .blocking(move |house| {
                let rows = house.history.statements(&market)?;
                if let Some(later) = rows.iter().find(|row| row.month > month)
                    && rows.iter().all(|row| row.month != month)
                {
                    return Err(Obstacle::Refused(refusal(
                        "later_statement",
                        format!(
                            "{} has a statement already, and a row of statements goes on only.",
                            later.month
                        ),
                        "What is settled anew of an earlier month is corrected in the next statement.",
                    )));
                }
                let config = house.config();
                let zone = &config.zone;
                let earlier = newest_before(&rows, &month, zone);
                let slots = slots_of(first, zone)?;
                let selection = select(&house.history, log.id, slots, &earlier)?;
                Ok(Self { month, first, rows, selection, log })
            })
            .await
    }

    /// Returns the statement that has everything of the month already, or that no newer one may replace.
    fn holds_all(&self) -> Option<&StatementRow> {
        let issued = self.rows.iter().rfind(|row| row.month == self.month)?;
        let is_last = self.rows.last().is_some_and(|last| last.month == self.month);
        let fresh = issued.log == self.log.id && issued.log_size >= self.selection.settled_until;
        (!is_last || fresh).then_some(issued)
    }
}

/// Returns the newest statement of each month before one, with its slots.
fn newest_before(rows: &[StatementRow], month: &str, zone: &str) -> Vec<Earlier> {
    let mut earlier: Vec<Earlier> = Vec::new();
    for row in rows.iter().filter(|row| row.month.as_str() < month) {
        earlier.retain(|other| other.row.month != row.month);
        if let Ok(slots) = month_start(&row.month).and_then(|first| slots_of(first, zone)) {
            earlier.push(Earlier { row: row.clone(), slots });
        }
    }
    earlier
}

fn slots_of(first: DayKey, zone: &str) -> Result<Range<Slot>, Refusal> {
    let period = Period::month(first, zone);
    period.slots().map_err(|fault| refusal("bad_month", fault.to_string(), "Choose another month."))
}

/// Asks the exchange for the proof of all entries and checks it.
async fn prove(
    house: &Arc<House>,
    client: &Client,
    desk: &mut Desk,
    selection: &Selection,
) -> Result<EntriesProof, Obstacle> {
    let indexes = selection.entries.iter().map(|entry| entry.index).collect();
    let answer = client.prove_entries(indexes, None).await?;
    let opened: Vec<OpenedEntry> = selection.entries.iter().map(convert::opened).collect();
    let checked = match desk.notary.check_signature(&answer.checkpoint) {
        Ok(()) => grow(client, &mut desk.notary, &answer.checkpoint).await,
        Err(breach) => Err(breach.into()),
    };
    let checked = checked.and_then(|()| Ok(check_entries(&opened, &answer.checkpoint, &answer.proof)?));
    match checked {
        Ok(()) => Ok(answer),
        Err(Failure::Breach(breach)) => {
            sound_alarm(house, desk.log.id, &breach).await?;
            Err(Failure::Breach(breach).into())
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Builds the statement, which verifies it, and keeps it.
async fn issue(
    house: &Arc<House>,
    membership: &Membership,
    desk: &Desk,
    plan: Plan,
    proof: EntriesProof,
) -> Result<StatementRow, Obstacle> {
    let (membership, trusted) = (membership.clone(), desk.log.log_key.clone());
    house
        .blocking(move |house| {
            let currency = house.market().map_or(house.config().currency, |market| market.currency);
            let Plan { month, first, rows, selection, log } = plan;
            let (corrections, last) = (selection.corrections, rows.last());
            let header =
                header::header(&house.config(), &membership, currency, first, corrections, last, house.now());
            let EntriesProof { checkpoint, proof } = proof;
            let log_size = checkpoint.claimed().size;
            let draft = Draft { header, entries: selection.entries, checkpoint, proof };
            let trusted = trusted.parse().map_err(|cause: ledger::InvalidKey| {
                refusal(
                    "log_key",
                    format!("The log's key that is kept here cannot be read: {cause}."),
                    "Restore a backup.",
                )
            })?;
            let built = build(draft, &trusted).map_err(|error| {
                refusal(
                    "statement",
                    format!(
                        "The exchange's entries of {month} do not make a statement: {}.",
                        described(&error)
                    ),
                    "Nothing was issued. Show this sentence to the operator.",
                )
            })?;
            let (row, file) = row_of(&built, month, log.id, log_size);
            house.history.save_statement(&row, &file)?;
            tracing::info!(number = row.number, month = row.month, "a statement was made");
            Ok(row)
        })
        .await
}

fn row_of(built: &Statement, month: String, log: i64, log_size: u64) -> (StatementRow, Vec<u8>) {
    let file = built.to_bytes();
    let header = &built.paper.header;
    let summary = ::statement::Paper { slots: Vec::new(), ..built.paper.clone() };
    let row = StatementRow {
        market: header.market.clone(),
        sequence: header.sequence,
        number: header.number(),
        month,
        made_at: header.issued_at,
        log,
        log_size,
        sha256: ::statement::Previous::of_file(header, &file).sha256,
        summary_json: serde_json::to_string(&summary).expect("a paper is plain data"),
    };
    (row, file)
}
