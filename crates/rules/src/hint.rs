//! What would change a decision: for each reason that an owner can do something about, what.

use serde::{Deserialize, Serialize};

use crate::decide::{Decision, Verdict};
use crate::numbers::Numbers;
use crate::reason::{ReasonCode, codes};

/// Something that would make the decision another, with the numbers of the reason it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    pub code: HintCode,
    #[serde(flatten)]
    pub numbers: Numbers,
}

codes! {
    /// What to do, or what to wait for.
    HintCode {
        ResumeTrading = "resume_trading",
        WaitForMeter = "wait_for_meter",
        CheckMeter = "check_meter",
        AddRoofOrBattery = "add_roof_or_battery",
        AddContract = "add_contract",
        AddRule = "add_rule",
        EnableRule = "enable_rule",
        WidenHours = "widen_hours",
        AddDay = "add_day",
        StartEarlier = "start_earlier",
        EndLater = "end_later",
        RaiseDailyCap = "raise_daily_cap",
        CorrectFuse = "correct_fuse",
        LeaveOutKeep = "leave_out_keep",
        KeepLess = "keep_less",
        LeaveOutBatteryLevel = "leave_out_battery_level",
        AskForLessBattery = "ask_for_less_battery",
        /// It stands in the market: a lower selling or higher buying limit trades more often.
        ChangeLimit = "change_limit",
    }
}

/// Lists what would change a decision, in the order of its reasons. All of a no's hints must be followed if it
/// lists several blockers; of rules that were silent, one is enough.
pub fn what_would_change(decision: &Decision) -> Vec<Hint> {
    let stands = decision.verdict != Verdict::None;
    let hint = |code: ReasonCode| match code {
        ReasonCode::TradingStopped | ReasonCode::TradingPaused => Some(HintCode::ResumeTrading),
        ReasonCode::StartingUp => Some(HintCode::WaitForMeter),
        ReasonCode::MeterSilent | ReasonCode::MeterStale => Some(HintCode::CheckMeter),
        ReasonCode::NothingToSell => Some(HintCode::AddRoofOrBattery),
        ReasonCode::PriceUnknown => Some(HintCode::AddContract),
        ReasonCode::NoRuleForSide => Some(HintCode::AddRule),
        ReasonCode::RuleDisabled => Some(HintCode::EnableRule),
        ReasonCode::OutsideHours => Some(HintCode::WidenHours),
        ReasonCode::OtherDay => Some(HintCode::AddDay),
        ReasonCode::NotYet => Some(HintCode::StartEarlier),
        ReasonCode::NoLonger => Some(HintCode::EndLater),
        ReasonCode::DailyCapReached | ReasonCode::DailyCapBounds => Some(HintCode::RaiseDailyCap),
        ReasonCode::FuseLetsNothingThrough => Some(HintCode::CorrectFuse),
        ReasonCode::KeepNeedsForecast => Some(HintCode::LeaveOutKeep),
        ReasonCode::KeptForHome | ReasonCode::KeepBounds => Some(HintCode::KeepLess),
        ReasonCode::BatteryLevelUnknown => Some(HintCode::LeaveOutBatteryLevel),
        ReasonCode::BatteryTooLow => Some(HintCode::AskForLessBattery),
        ReasonCode::LimitAt | ReasonCode::LimitAboveFeedIn | ReasonCode::LimitShareOfSpread => {
            stands.then_some(HintCode::ChangeLimit)
        }
        ReasonCode::NothingToBuy
        | ReasonCode::BatteryFullEnough
        | ReasonCode::FuseBounds
        | ReasonCode::RaisedToFeedIn
        | ReasonCode::LoweredToRetail => None,
    };
    let hints = decision
        .reasons
        .iter()
        .filter_map(|reason| hint(reason.code).map(|code| Hint { code, numbers: reason.numbers }));
    hints.collect()
}
