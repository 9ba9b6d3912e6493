//! How a contract prices energy: base prices, zones of time, tiers of use, standing charges.

use chrono::{Datelike, Months, NaiveDate};
use units::{DayKey, Price, WallTime, WattHours};

use crate::calendar::Holiday;
use crate::formula::Formula;
use crate::quote::NoPrice;
use crate::standing::Standing;
use crate::when::When;

/// How a contract prices energy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// What the utility calls it.
    pub name: Option<String>,
    /// What a kWh costs where no zone and no tier says otherwise.
    pub retail: Formula,
    /// What an exported kWh brings where no zone says otherwise.
    pub feed_in: Formula,
    pub standing: Vec<Standing>,
    pub billing: Billing,
    /// The first one whose times hold and that has a price for the side is the one that counts.
    pub zones: Vec<PriceZone>,
    pub holidays: Vec<Holiday>,
    pub tiers: Vec<Tier>,
    pub tier_period: TierPeriod,
    /// Month and day on which the contract's year begins, for tiers.
    pub year_starts: (u32, u32),
}

/// Over what the spot price is taken: the market's slot, or the mean of the four slots of a wall-clock hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Billing {
    #[default]
    QuarterHour,
    Hour,
}

/// Other prices at certain times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceZone {
    pub name: String,
    pub when: When,
    pub retail: Option<Formula>,
    pub feed_in: Option<Formula>,
}

/// Another retail price until so much was imported in the running period. What is beyond the last tier costs
/// the base price. A zone with a retail price goes before all tiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    pub up_to: WattHours,
    pub retail: Formula,
}

/// After which time the tiers begin anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TierPeriod {
    Day,
    Month,
    /// Three months from the start of the contract's year.
    Quarter,
    #[default]
    Year,
}

/// The formula that counts in a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen<'a> {
    pub formula: &'a Formula,
    pub zone: Option<&'a str>,
    /// How much more can be imported at it; `None`: no end.
    pub left: Option<WattHours>,
}

impl Tariff {
    /// Makes the tariff with one price for buying and one for selling at all hours.
    pub fn fixed(retail: Price, feed_in: Price) -> Self {
        Self {
            name: None,
            retail: Formula::fixed(retail),
            feed_in: Formula::fixed(feed_in),
            standing: Vec::new(),
            billing: Billing::default(),
            zones: Vec::new(),
            holidays: Vec::new(),
            tiers: Vec::new(),
            tier_period: TierPeriod::default(),
            year_starts: (1, 1),
        }
    }

    /// Says whether any of its prices depends on the power market.
    pub fn needs_spot(&self) -> bool {
        let zones = self.zones.iter().flat_map(|zone| zone.retail.iter().chain(&zone.feed_in));
        let tiers = self.tiers.iter().map(|tier| &tier.retail);
        [&self.retail, &self.feed_in].into_iter().chain(zones).chain(tiers).any(Formula::needs_spot)
    }

    /// Returns how what is imported at a time is priced after `used` in the running tier period.
    pub(crate) fn retail_at(&self, time: WallTime, used: Option<WattHours>) -> Result<Chosen<'_>, NoPrice> {
        let zones = self.zones.iter().filter_map(|zone| Some((zone, zone.retail.as_ref()?)));
        if let Some((zone, formula)) = self.first_that_holds(time, zones) {
            return Ok(Chosen { formula, zone: Some(&zone.name), left: None });
        }
        if self.tiers.is_empty() {
            return Ok(Chosen { formula: &self.retail, zone: None, left: None });
        }
        let used = used.ok_or(NoPrice::UseUnknown)?;
        let tier = self.tiers.iter().find(|tier| used < tier.up_to);
        Ok(match tier {
            Some(tier) => Chosen { formula: &tier.retail, zone: None, left: Some(tier.up_to - used) },
            None => Chosen { formula: &self.retail, zone: None, left: None },
        })
    }

    /// Returns how what is exported at a time is priced.
    pub(crate) fn feed_in_at(&self, time: WallTime) -> Chosen<'_> {
        let zones = self.zones.iter().filter_map(|zone| Some((zone, zone.feed_in.as_ref()?)));
        match self.first_that_holds(time, zones) {
            Some((zone, formula)) => Chosen { formula, zone: Some(&zone.name), left: None },
            None => Chosen { formula: &self.feed_in, zone: None, left: None },
        }
    }

    /// Returns what is due on a local day whether energy flows or not.
    pub(crate) fn standing_on(&self, day: DayKey) -> units::Money {
        self.standing.iter().map(|standing| standing.on(day)).sum()
    }

    /// Returns the first day of the tier period that a day lies in.
    pub fn tier_period_start(&self, day: DayKey) -> DayKey {
        let date = day.date();
        let year_start = |year| {
            let (month, day) = self.year_starts;
            NaiveDate::from_ymd_opt(year, month, day).expect("a year does not start on a day that some lack")
        };
        let this_year = year_start(date.year());
        let start = if this_year <= date { this_year } else { year_start(date.year() - 1) };
        DayKey::new(match self.tier_period {
            TierPeriod::Day => date,
            TierPeriod::Month => return day.month_start(),
            TierPeriod::Quarter => {
                let quarters = [9, 6, 3].map(|months| start + Months::new(months));
                quarters.into_iter().find(|quarter| *quarter <= date).unwrap_or(start)
            }
            TierPeriod::Year => start,
        })
    }

    fn first_that_holds<'a>(
        &self,
        time: WallTime,
        mut zones: impl Iterator<Item = (&'a PriceZone, &'a Formula)>,
    ) -> Option<(&'a PriceZone, &'a Formula)> {
        zones.find(|(zone, _)| zone.when.holds(time, &self.holidays))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tier_periods_start_where_the_contract_says() {
        let price = Price::from_micros_per_kwh(1);
        let start = |tier_period, year_starts, day: &str| {
            let tariff = Tariff { tier_period, year_starts, ..Tariff::fixed(price, price) };
            tariff.tier_period_start(day.parse().unwrap()).to_string()
        };
        assert_eq!(start(TierPeriod::Year, (1, 1), "2026-12-31"), "2026-01-01");
        assert_eq!(start(TierPeriod::Year, (12, 1), "2026-11-30"), "2025-12-01");
        assert_eq!(start(TierPeriod::Year, (12, 1), "2026-12-01"), "2026-12-01");
        assert_eq!(start(TierPeriod::Quarter, (7, 1), "2026-06-30"), "2026-04-01");
        assert_eq!(start(TierPeriod::Quarter, (7, 1), "2026-07-01"), "2026-07-01");
        assert_eq!(start(TierPeriod::Month, (1, 1), "2026-02-28"), "2026-02-01");
        assert_eq!(start(TierPeriod::Day, (1, 1), "2026-02-28"), "2026-02-28");
    }
}
