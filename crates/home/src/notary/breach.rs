//! How the log broke its promise, with what proves it.

use history::LogAlarmKind;
use serde_json::Value;

/// A broken promise of the log.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct Breach {
    pub kind: LogAlarmKind,
    /// What was found, a sentence.
    pub detail: String,
    /// Heads, proofs and entries, as they came: whoever has the log's key can check it.
    pub evidence: Value,
}

impl Breach {
    pub fn new(kind: LogAlarmKind, detail: impl Into<String>, evidence: Value) -> Self {
        Self { kind, detail: detail.into(), evidence }
    }
}
