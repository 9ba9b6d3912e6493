//! Writes contracts as the tables that they are read from.

use units::{Currency, Price};

use crate::contract::Contract;
use crate::correction::Correction;
use crate::formula::{BelowZero, Formula, Share};
use crate::price_text::{format_energy, format_price, format_share, format_standing};
use crate::table::{
    ChargeTable, ContractTable, CorrectionTable, FormulaTable, OneOrMany, PriceForm, TierTable, ZoneTable,
};
use crate::tariff::{Billing, PriceZone, Tariff, Tier, TierPeriod};
use crate::when::{Days, Months};

pub(crate) fn version(version: &Contract, currency: Currency) -> ContractTable {
    tariff(&version.tariff, version.valid_from, None, currency)
}

pub(crate) fn correction(correction: &Correction, currency: Currency) -> ContractTable {
    let table = CorrectionTable {
        until: correction.until,
        dated: correction.dated,
        reason: correction.reason.clone(),
    };
    tariff(&correction.tariff, correction.from, Some(table), currency)
}

fn tariff(
    tariff: &Tariff,
    valid_from: units::DayKey,
    correction: Option<CorrectionTable>,
    currency: Currency,
) -> ContractTable {
    let (month, day) = tariff.year_starts;
    let standing = tariff.standing.iter().map(|standing| format_standing(standing, currency));
    ContractTable {
        valid_from,
        name: tariff.name.clone(),
        retail: price(&tariff.retail, currency),
        feed_in: price(&tariff.feed_in, currency),
        standing: OneOrMany(standing.collect()),
        billing: match tariff.billing {
            Billing::QuarterHour => None,
            Billing::Hour => Some("hour".to_owned()),
        },
        holidays: OneOrMany(tariff.holidays.iter().map(ToString::to_string).collect()),
        year_starts: (tariff.year_starts != (1, 1)).then(|| format!("{month:02}-{day:02}")),
        correction,
        tiers: tariff.tiers.iter().map(|tier| tier_table(tier, tariff.tier_period, currency)).collect(),
        zones: tariff.zones.iter().map(|zone| zone_table(zone, currency)).collect(),
    }
}

fn tier_table(tier: &Tier, period: TierPeriod, currency: Currency) -> TierTable {
    let period = match period {
        TierPeriod::Day => "day",
        TierPeriod::Month => "month",
        TierPeriod::Quarter => "quarter",
        TierPeriod::Year => "year",
    };
    let up_to = format!("{}/{period}", format_energy(tier.up_to));
    TierTable { up_to, retail: price(&tier.retail, currency) }
}

fn zone_table(zone: &PriceZone, currency: Currency) -> ZoneTable {
    let when = &zone.when;
    let words = |all: bool, words: &mut dyn Iterator<Item = &'static str>| match all {
        true => OneOrMany::default(),
        false => OneOrMany(words.map(str::to_owned).collect()),
    };
    ZoneTable {
        name: zone.name.clone(),
        hours: OneOrMany(when.hours.iter().map(ToString::to_string).collect()),
        days: words(when.days == Days::ALL, &mut when.days.words()),
        months: words(when.months == Months::ALL, &mut when.months.words()),
        retail: zone.retail.as_ref().map(|formula| price(formula, currency)),
        feed_in: zone.feed_in.as_ref().map(|formula| price(formula, currency)),
    }
}

fn price(formula: &Formula, currency: Currency) -> PriceForm {
    if let Some(price) = formula.as_fixed() {
        return PriceForm::Text(format_price(price, currency));
    }
    let text = |price: Price| format_price(price, currency);
    let (nameless, named): (Vec<_>, Vec<_>) =
        formula.charges.iter().partition(|charge| charge.name.is_empty());
    let charges = named.into_iter().map(|charge| ChargeTable {
        name: charge.name.clone(),
        price: text(charge.price),
        taxed: charge.taxed,
    });
    PriceForm::Formula(Box::new(FormulaTable {
        spot: formula.spot.map(format_share),
        surcharge: (formula.surcharge != Share::default()).then(|| format_share(formula.surcharge)),
        price: nameless.first().map(|charge| text(charge.price)),
        at_most: formula.at_most.map(text),
        at_least: formula.at_least.map(text),
        tax: (formula.tax != Share::default()).then(|| format_share(formula.tax)),
        below_zero: match formula.below_zero {
            BelowZero::Taxed => None,
            BelowZero::SumUntaxed => Some("sum_untaxed".to_owned()),
            BelowZero::SpotUntaxed => Some("spot_untaxed".to_owned()),
        },
        zero_if_spot_negative: formula.zero_if_spot_negative,
        charges: charges.collect(),
    }))
}
