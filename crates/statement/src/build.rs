//! Makes a statement; what would not verify is not made.

use ledger::{LogKey, ManyProof, SignedCheckpoint};

use crate::account::Account;
use crate::anchor::Anchor;
use crate::book::Book;
use crate::entry::Entry;
use crate::evidence::Evidence;
use crate::fault::Fault;
use crate::paper::{FORMAT, Header, Statement};
use crate::verify::{Report, verify};

/// What a statement is made of.
#[derive(Clone, Debug)]
pub struct Draft {
    pub header: Header,
    /// The member's entries of the month, the configurations, areas, keys, contracts and clearings that they
    /// use, changes of the log's key, and what corrections cite. In any order.
    pub entries: Vec<Entry>,
    pub checkpoint: SignedCheckpoint,
    /// The proof of these entries, in the order of the log, in the checkpoint's tree.
    pub proof: ManyProof,
}

/// Why a statement is not made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the entries do not make a statement")]
    Entries(#[from] Fault),
    #[error("the statement would not verify: {}", first_fault(.0))]
    Unverified(Box<Report>),
}

fn first_fault(report: &Report) -> String {
    let failed = report.steps.iter().find(|step| !step.ok);
    failed.map_or_else(String::new, |step| format!("{}: {}", step.name, step.detail))
}

/// Makes a statement of a member's month, and verifies it with the log's key before handing it out.
pub fn build(draft: Draft, log: &LogKey) -> Result<Statement, BuildError> {
    let Draft { header, mut entries, checkpoint, proof } = draft;
    entries.sort_by_key(|entry| entry.index);
    header.check()?;
    let paper = Account::new(&header, &Book::of(&header, &entries)?)?.paper()?;
    let evidence = Evidence { log_key: log.to_string(), checkpoint, proof, entries };
    let statement = Statement { format: FORMAT.to_owned(), paper, evidence };
    let report = verify(&statement.to_bytes(), Some(&Anchor::from(log)));
    if report.ok { Ok(statement) } else { Err(BuildError::Unverified(Box::new(report))) }
}
