//! The end of a run on paper: each house's statements are made from the log, verified as anyone could, and
//! held against the exchange's books.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use history::StatementRow;
use home::Home;
use home::statement::Made;
use settlement::Account;
use units::{Clock as _, LocalDay, MemberId, Money, Slot};

use super::{Neighbour, Street, StreetError};
use crate::house::ZONE;

/// How long a house may take to tell what its computer slept through, in real time: a few requests of 96 slots.
const TELLING: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What came of a house's statement of a month.
#[derive(Clone, Debug)]
pub struct ClosedStatement {
    pub member: MemberId,
    /// `2026-06`.
    pub month: String,
    /// The statement, or why it is none: it could not be made, a step of its verification failed, or it is not
    /// what the exchange's books say.
    pub outcome: Result<StatementRow, String>,
}

/// The closed statements of one house, and what they come to.
#[derive(Default)]
struct Stated {
    closed: Vec<ClosedStatement>,
    sum: i128,
}

impl Street {
    /// Makes every house's statement of each month in which anything was settled, also of one that is not over,
    /// verifies it, and compares the house's sum with the exchange's books, to the nano.
    ///
    /// Nothing is settled any more from here on: otherwise the books would run ahead of the statements. A house
    /// that another program runs is left to it.
    pub async fn close_statements(&self) -> Result<Vec<ClosedStatement>, StreetError> {
        self.rest().await;
        let slots = self.options.first_lived()..Slot::containing(self.clock.now()).next();
        let (mut homes, mut settled) = (Vec::new(), Vec::new());
        for neighbour in &self.neighbours {
            let Some(household) = &neighbour.household else { continue };
            let told = |cause| StreetError::Home { house: neighbour.house.plan.id.clone(), cause };
            homes.push((neighbour, household.woken().await.map_err(told)?));
        }
        for slot in self.exchange.slots(slots).await?.slots {
            settled.extend(slot.traded_wh.map(|_| slot.slot));
        }
        // What comes late adjusts a settled slot at once, so all must be told before the first statement.
        if let (Some(first), Some(last)) = (settled.first(), settled.last()) {
            for (neighbour, _) in &homes {
                neighbour.told_all(*first..last.next()).await?;
            }
        }
        let months: BTreeSet<String> = settled.into_iter().map(month_of).collect();
        let books = self.books().await?;
        let mut closed = Vec::new();
        for (neighbour, home) in homes {
            let stated = state(&neighbour.member, &home, &months).await;
            let booked = books.get(&neighbour.member).copied().unwrap_or_default();
            closed.extend(compared(&neighbour.member, stated, booked));
        }
        Ok(closed)
    }

    /// Returns what the books say of each member, without the generated past, which nobody signed and no
    /// statement has.
    async fn books(&self) -> Result<BTreeMap<MemberId, i128>, StreetError> {
        let mut books = BTreeMap::new();
        let mut book = |account: Account, amount: i128| {
            if let Account::Member(member) = account {
                *books.entry(member).or_default() += amount;
            }
        };
        for (account, amount) in self.exchange.balances().await? {
            book(account, i128::from(amount.nanos()));
        }
        for slot in Slot::range(self.options.past_from()..self.options.first_lived()) {
            let Some(report) = self.exchange.slot_report(slot).await? else { continue };
            for posting in report.postings {
                book(posting.account, -i128::from(posting.amount.nanos()));
            }
        }
        Ok(books)
    }
}

impl Neighbour {
    /// Waits until the exchange was told what the house's meter showed in some slots.
    async fn told_all(&self, slots: Range<Slot>) -> Result<(), StreetError> {
        let began = Instant::now();
        while self.holds_back(slots.clone())? {
            let waited = began.elapsed();
            if waited > TELLING {
                return Err(StreetError::Silent { house: self.house.plan.id.clone(), waited });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

async fn state(member: &MemberId, home: &Home, months: &BTreeSet<String>) -> Stated {
    let mut stated = Stated::default();
    for month in months {
        let made = home.make_statement(month).await;
        let outcome = match made {
            // It joined later.
            Err(refusal) if refusal.code == "nothing_settled" => continue,
            Err(refusal) => Err(format!("{}: {}", refusal.code, refusal.message)),
            Ok(Made { up_to_date: false, .. }) => Err("the exchange was not asked for the newest".to_owned()),
            Ok(Made { row, .. }) => verified(home, month).map(|()| row),
        };
        let outcome = outcome.and_then(|row| {
            stated.sum += i128::from(total(home, &row)?.nanos());
            Ok(row)
        });
        stated.closed.push(ClosedStatement { member: member.clone(), month: month.clone(), outcome });
    }
    stated
}

/// Lets no statement of a house stand where they do not come to what the books say.
fn compared(member: &MemberId, stated: Stated, booked: i128) -> Vec<ClosedStatement> {
    let Stated { mut closed, sum } = stated;
    if sum != booked && closed.iter().all(|statement| statement.outcome.is_ok()) {
        let why = format!("the statements come to {sum} nanos and the exchange's books to {booked}");
        let none =
            || ClosedStatement { member: member.clone(), month: "-".to_owned(), outcome: Err(why.clone()) };
        match closed.is_empty() {
            true => closed.push(none()),
            false => closed.iter_mut().for_each(|statement| statement.outcome = Err(why.clone())),
        }
    }
    for ClosedStatement { month, outcome, .. } in &closed {
        if let Err(why) = outcome {
            tracing::error!(%member, month, why, "a statement failed");
        }
    }
    closed
}

fn month_of(slot: Slot) -> String {
    LocalDay::containing(slot.start(), ZONE).key().to_string()[..7].to_owned()
}

fn verified(home: &Home, month: &str) -> Result<(), String> {
    let report = home.verify_statement(month).map_err(|refusal| refusal.message)?;
    match report.steps.iter().find(|step| !step.ok) {
        None => Ok(()),
        Some(step) => Err(format!("{}: {}", step.name, step.detail)),
    }
}

fn total(home: &Home, row: &StatementRow) -> Result<Money, String> {
    let history = home.history().ok_or("the history is closed")?;
    let statement = home::statement::stored(history, row).map_err(|refusal| refusal.message)?;
    Ok(statement.paper.total.gross_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nano_more_in_the_books_lets_no_statement_of_the_house_stand() {
        let member = MemberId::new("home-01").unwrap();
        let compared = |statements: usize, sum, booked| {
            let closed = |month| ClosedStatement {
                member: member.clone(),
                month: format!("2026-{month:02}"),
                outcome: Ok(row()),
            };
            let stated = Stated { closed: (0..statements).map(closed).collect(), sum };
            let closed = compared(&member, stated, booked);
            (closed.len(), closed.iter().filter(|it| it.outcome.is_ok()).count())
        };
        assert_eq!(compared(2, -5, -5), (2, 2));
        assert_eq!(compared(2, -5, -4), (2, 0));
        assert_eq!(compared(0, 0, 0), (0, 0));
        assert_eq!(compared(0, 0, 1), (1, 0), "a house in the books without a statement");
    }

    fn row() -> StatementRow {
        StatementRow {
            market: units::MarketId::new("lindenweg").unwrap(),
            sequence: 1,
            number: "home-01-00001".to_owned(),
            month: "2026-06".to_owned(),
            made_at: units::Timestamp::default(),
            log: 1,
            log_size: 1,
            sha256: String::new(),
            summary_json: String::new(),
        }
    }
}
