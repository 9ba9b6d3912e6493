//! The end of a run on paper: each house's statement is made from the log and verified as anyone could.

use std::collections::BTreeSet;

use history::StatementRow;
use home::statement::Made;
use units::{LocalDay, MemberId, Slot};

use super::{Street, StreetError};
use crate::house::ZONE;

/// What came of a house's statement of a month.
#[derive(Clone, Debug)]
pub struct ClosedStatement {
    pub member: MemberId,
    /// `2026-06`.
    pub month: String,
    /// The statement, or why it is none: it could not be made, or a step of its verification failed.
    pub outcome: Result<StatementRow, String>,
}

impl Street {
    /// Makes the statement of every house for each month of the slots `[from, to)`, also of a month that is not
    /// over, and verifies it. A house that another program runs is left to it.
    pub async fn close_statements(&self, from: Slot, to: Slot) -> Result<Vec<ClosedStatement>, StreetError> {
        let month = |slot: Slot| LocalDay::containing(slot.start(), ZONE).key().to_string()[..7].to_owned();
        let months: BTreeSet<String> = Slot::range(from..to).map(month).collect();
        let mut closed = Vec::new();
        for neighbour in &self.neighbours {
            let Some(household) = &neighbour.household else { continue };
            let told = |cause| StreetError::Home { house: neighbour.house.plan.id.clone(), cause };
            let home = household.woken().await.map_err(told)?;
            for month in &months {
                let outcome = match home.make_statement(month).await {
                    Ok(Made { row, .. }) => verified(&home, month).map(|()| row),
                    Err(refusal) => Err(format!("{}: {}", refusal.code, refusal.message)),
                };
                if let Err(why) = &outcome {
                    tracing::error!(member = %neighbour.member, month, why, "a statement failed");
                }
                closed.push(ClosedStatement {
                    member: neighbour.member.clone(),
                    month: month.clone(),
                    outcome,
                });
            }
        }
        Ok(closed)
    }
}

fn verified(home: &home::Home, month: &str) -> Result<(), String> {
    let report = home.verify_statement(month).map_err(|refusal| refusal.message)?;
    match report.steps.iter().find(|step| !step.ok) {
        None => Ok(()),
        Some(step) => Err(format!("{}: {}", step.name, step.detail)),
    }
}
