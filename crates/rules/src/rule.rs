//! What a rule says: side, limit, when it speaks, and how much a day at most.

use chrono::{Datelike, Weekday};
use pricing::SlotPrices;
use serde::{Deserialize, Serialize};
use units::{Currency, DayKey, Hours, Percent, Price, WallTime, WattHours};

/// An owner's rules in the order in which they are asked. The first that matches a side and slot speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleBook {
    pub(crate) currency: Currency,
    pub(crate) rules: Vec<Rule>,
}

/// One sentence of the owner's, such as "offer my surplus at 12.0 ct or more, all day, at most 4 kWh a day".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Names it in decisions and in the window; no two rules share one.
    pub name: String,
    pub side: Side,
    pub limit: Limit,
    pub days: Days,
    /// Wall-clock hours in the home's zone. Missing means all day.
    pub hours: Option<Hours>,
    /// The first day.
    pub from: Option<DayKey>,
    /// The day after the last: `[from, until)`.
    pub until: Option<DayKey>,
    /// The most that it trades in a local day.
    pub cap: Option<WattHours>,
    /// What stays in the home. Needs a forecast; without one the rule does not trade.
    pub keep: Option<WattHours>,
    /// How full the battery must be. Needs its level; without it the rule does not trade.
    pub battery_at_least: Option<Percent>,
    pub enabled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Sell,
    Buy,
}

/// The worst price at which a rule trades, fees included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    At(Price),
    /// So much more than feed-in.
    AboveFeedIn(Price),
    /// So far on the way from feed-in to retail.
    ShareOfSpread(Share),
}

/// A share from 0 to 1, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share lies between 0 and 1 and has at most three decimals, as 0.5 has")]
pub struct InvalidShare;

/// The days of the week on which a rule speaks; all of them where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days([bool; 7]);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule \"{0}\"")]
pub struct UnknownRule(pub String);

impl RuleBook {
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Returns the rule of a name.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// Returns the rules with another limit in one of them; all else and their order stay.
    pub fn with_limit(&self, name: &str, limit: Limit) -> Result<Self, UnknownRule> {
        self.edited(name, |rule| rule.limit = limit)
    }

    /// Returns the rules with one of them switched on or off.
    pub fn with_enabled(&self, name: &str, enabled: bool) -> Result<Self, UnknownRule> {
        self.edited(name, |rule| rule.enabled = enabled)
    }

    fn edited(&self, name: &str, edit: impl FnOnce(&mut Rule)) -> Result<Self, UnknownRule> {
        let mut book = self.clone();
        let rule = book.rules.iter_mut().find(|rule| rule.name == name);
        edit(rule.ok_or_else(|| UnknownRule(name.to_owned()))?);
        Ok(book)
    }
}

impl Limit {
    /// Returns the price that the limit comes to. A share is rounded to the owner's favour.
    pub fn price(self, side: Side, prices: &SlotPrices) -> Price {
        match self {
            Self::At(price) => price,
            Self::AboveFeedIn(more) => prices.feed_in + more,
            Self::ShareOfSpread(share) => {
                let spread = i128::from((prices.retail - prices.feed_in).micros_per_kwh());
                let scaled = spread * i128::from(share.thousandths());
                let way = match side {
                    Side::Sell => -(-scaled).div_euclid(1000),
                    Side::Buy => scaled.div_euclid(1000),
                };
                let way = i64::try_from(way).expect("a share of a spread is no larger than the spread");
                prices.feed_in + Price::from_micros_per_kwh(way)
            }
        }
    }
}

impl Share {
    pub const fn from_thousandths(thousandths: u16) -> Result<Self, InvalidShare> {
        if thousandths <= 1000 { Ok(Self(thousandths)) } else { Err(InvalidShare) }
    }

    pub const fn thousandths(self) -> u16 {
        self.0
    }
}

impl Days {
    pub const ALL: Self = Self([true; 7]);
    /// The words for the days, Monday first.
    pub const WORDS: [&'static str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    pub(crate) const NONE: Self = Self([false; 7]);

    pub fn contains(self, day: Weekday) -> bool {
        self.0[day.num_days_from_monday() as usize]
    }

    /// Lists the words for its days, Monday first.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS.into_iter().zip(self.0).filter(|(_, within)| *within).map(|(word, _)| word)
    }

    /// Adds the day with this number, Monday is 0; says whether it was new.
    pub(crate) fn add(&mut self, number: usize) -> bool {
        !std::mem::replace(&mut self.0[number], true)
    }
}

/// Where a slot lies against the times of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Within,
    Disabled,
    OutsideHours { minute: u32, hours: Hours },
    OtherDay { day: DayKey },
    Before { from: DayKey },
    After { until: DayKey },
}

impl Rule {
    /// Says whether the rule speaks at a time. Of hours that cross midnight, the morning belongs to the day on
    /// which they began.
    pub(crate) fn when(&self, wall: WallTime) -> When {
        if !self.enabled {
            return When::Disabled;
        }
        let WallTime { mut day, minute } = wall;
        if let Some(hours) = self.hours {
            match hours.began_days_ago(minute) {
                None => return When::OutsideHours { minute, hours },
                Some(0) => {}
                Some(_) => day = day.previous(),
            }
        }
        match (self.from, self.until) {
            (Some(from), _) if day < from => When::Before { from },
            (_, Some(until)) if day >= until => When::After { until },
            _ if !self.days.contains(day.date().weekday()) => When::OtherDay { day },
            _ => When::Within,
        }
    }

    /// Says whether it speaks for every slot.
    pub(crate) fn speaks_always(&self) -> bool {
        let always = self.hours.is_none() && self.from.is_none() && self.until.is_none();
        self.enabled && always && self.days == Days::ALL
    }
}
