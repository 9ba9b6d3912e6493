//! Why a decision fell as it did: a code with its numbers. The sentences are the window's.

use serde::{Deserialize, Serialize};

use crate::numbers::Numbers;

/// One thing that decided, as `{"code": "fuse_bounds", "fuse_wh": 4330}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub code: ReasonCode,
    #[serde(flatten)]
    pub numbers: Numbers,
}

/// Declares codes with the words they have in JSON.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// Every code there is; the window has a sentence for each.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the word that stands for it in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
    };
}
pub(crate) use codes;

codes! {
    /// What decided. The first group says no whatever the rules say, the second is about one rule's times
    /// (`rule_number` counts from 1 in the file's order), the third about the rule that spoke.
    ReasonCode {
        TradingStopped = "trading_stopped",
        /// `until_unix_s`.
        TradingPaused = "trading_paused",
        StartingUp = "starting_up",
        /// `age_s`, absent where the meter was never heard of.
        MeterSilent = "meter_silent",
        NothingToSell = "nothing_to_sell",
        NothingToBuy = "nothing_to_buy",
        PriceUnknown = "price_unknown",
        NoRuleForSide = "no_rule_for_side",

        RuleDisabled = "rule_disabled",
        /// `minute_of_day`, `from_minute`, `to_minute`.
        OutsideHours = "outside_hours",
        /// `weekday`, Monday is 1.
        OtherDay = "other_day",
        /// `from_yyyymmdd`.
        NotYet = "not_yet",
        /// `until_yyyymmdd`, the day after the rule's last.
        NoLonger = "no_longer",

        /// `limit_price_micros_per_kwh`.
        LimitAt = "limit_at",
        /// `feed_in_micros_per_kwh`, `above_micros_per_kwh`, `limit_price_micros_per_kwh`.
        LimitAboveFeedIn = "limit_above_feed_in",
        /// `feed_in_micros_per_kwh`, `retail_micros_per_kwh`, `share_thousandths`, `limit_price_micros_per_kwh`.
        LimitShareOfSpread = "limit_share_of_spread",
        /// The rule asked for less than the utility pays: `asked_micros_per_kwh`, `feed_in_micros_per_kwh`.
        RaisedToFeedIn = "raised_to_feed_in",
        /// The rule would pay more than the utility asks: `asked_micros_per_kwh`, `retail_micros_per_kwh`.
        LoweredToRetail = "lowered_to_retail",
        /// The quantity is what the fuse lets through in a slot: `fuse_wh`.
        FuseBounds = "fuse_bounds",
        FuseLetsNothingThrough = "fuse_lets_nothing_through",
        /// `cap_wh`, `already_wh`, `rest_wh`.
        DailyCapBounds = "daily_cap_bounds",
        /// `cap_wh`, `already_wh`.
        DailyCapReached = "daily_cap_reached",
        /// `keep_wh`: nothing here knows yet what the home will have left over.
        KeepNeedsForecast = "keep_needs_forecast",
        /// What is left of today's surplus is for the home: `keep_wh`, `expected_surplus_wh`.
        KeptForHome = "kept_for_home",
        /// The quantity is what is expected beyond what is kept: `keep_wh`, `expected_surplus_wh`, `rest_wh`.
        KeepBounds = "keep_bounds",
        /// `battery_at_least_thousandths_percent`: the battery's level is not known.
        BatteryLevelUnknown = "battery_level_unknown",
        /// `battery_at_least_thousandths_percent`, `battery_thousandths_percent`.
        BatteryTooLow = "battery_too_low",
        /// It is full enough: the same numbers.
        BatteryFullEnough = "battery_full_enough",
        /// Trading goes on with a late meter: `age_s`.
        MeterStale = "meter_stale",
    }
}

impl Reason {
    pub(crate) fn new<const N: usize>(code: ReasonCode, numbers: [(&'static str, i64); N]) -> Self {
        Self { code, numbers: Numbers::of(numbers) }
    }

    /// Returns one of its numbers.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.numbers.get(name)
    }
}
