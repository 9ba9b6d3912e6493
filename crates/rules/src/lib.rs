//! Price rules an owner can read aloud, and why they decided.
//!
//! A [`RuleBook`] is what `rules.toml` says. [`decide`] asks it about one slot and one side, and answers with
//! a [`Decision`] that carries its reasons, for a yes and for a no alike. A [`Past`] says what rules would have
//! earned on a home's own history, by the same decisions. Nothing here reads a clock.

mod amount_text;
mod backtest;
mod check;
mod decide;
mod hint;
mod numbers;
mod parse;
mod reason;
mod rule;
mod situation;
mod write;

pub use amount_text::InvalidAmount;
pub use backtest::{Backtest, Past, PastHome, PastSlot, Taken, Trial, suggested};
pub use check::{Finding, check, check_alone};
pub use decide::{Decision, Verdict, decide};
pub use hint::{Hint, HintCode, what_would_change};
pub use numbers::Numbers;
pub use parse::{RuleError, RuleFault};
pub use reason::{Reason, ReasonCode};
pub use rule::{Days, InvalidShare, Limit, Rule, RuleBook, Share, Side, UnknownRule};
pub use situation::{Equipment, Judged, MeterState, Outlook, Situation, Today, Trading};
