//! What a statement must keep, in the order in which it is checked, and how it failed.

use std::fmt;

/// A step of verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The bytes are one canonical statement.
    File,
    /// A key of the log is given from outside; without one nothing is proved.
    Anchor,
    /// The log's key signed the head that the proof leads to.
    Checkpoint,
    /// Every opened entry is in the log.
    Entries,
    /// Orders, deals and readings carry the signatures of those they speak for.
    Signatures,
    /// Each slot is settled under the configuration, area and contract that governed it.
    Configuration,
    /// Settled energy is what the readings say, and registers never run backwards.
    Readings,
    /// Fills follow from the own orders and the area's price, deals from what was agreed.
    Trades,
    /// Each amount follows from energy, prices, fees and tax.
    Postings,
    /// Corrections cite the statement and the version that they correct.
    Corrections,
    /// The paper's readings, quality and lines follow from the entries.
    Lines,
    /// Cents add up, and are the exact amounts rounded by the rules.
    Rounding,
    /// The comparison with the utility alone follows.
    Comparison,
}

impl Step {
    /// All steps in their order.
    pub const ALL: [Self; 13] = [
        Self::File,
        Self::Anchor,
        Self::Checkpoint,
        Self::Entries,
        Self::Signatures,
        Self::Configuration,
        Self::Readings,
        Self::Trades,
        Self::Postings,
        Self::Corrections,
        Self::Lines,
        Self::Rounding,
        Self::Comparison,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Anchor => "anchor",
            Self::Checkpoint => "checkpoint",
            Self::Entries => "entries",
            Self::Signatures => "signatures",
            Self::Configuration => "configuration",
            Self::Readings => "readings",
            Self::Trades => "trades",
            Self::Postings => "postings",
            Self::Corrections => "corrections",
            Self::Lines => "lines",
            Self::Rounding => "rounding",
            Self::Comparison => "comparison",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a step fails: a sentence for the person who checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {detail}")]
pub struct Fault {
    pub step: Step,
    pub detail: String,
}

impl Fault {
    pub(crate) fn new(step: Step, detail: impl Into<String>) -> Self {
        Self { step, detail: detail.into() }
    }
}

/// Fails a step unless a condition holds.
pub(crate) fn ensure(holds: bool, step: Step, detail: impl FnOnce() -> String) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(Fault::new(step, detail())) }
}
