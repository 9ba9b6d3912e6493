//! Reads contracts from their tables, and says by place what it cannot read.

use units::{Currency, Hours, WattHours};

use crate::calendar::{Holiday, InvalidHoliday, parse_month_day};
use crate::contract::{Contract, InvalidContracts};
use crate::correction::Correction;
use crate::formula::{BelowZero, Charge, Formula, Share};
use crate::price_text::{InvalidPrice, parse_energy, parse_price, parse_share, parse_standing};
use crate::standing::Standing;
use crate::table::{ContractTable, FormulaTable, OneOrMany, PriceForm, TierTable, ZoneTable};
use crate::tariff::{Billing, PriceZone, Tariff, Tier, TierPeriod};
use crate::when::{Days, Months, When, quarter_hours};

/// More charges than any price has; bounds what they sum to.
const MOST_CHARGES: usize = 50;

/// What is wrong with one value of a contract, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractFault {
    #[error(transparent)]
    Price(#[from] InvalidPrice),
    #[error("\"{0}\" is no share; write it as \"19 %\", with at most four decimals, up to 1000 %")]
    Share(String),
    #[error("\"{0}\" is no standing charge; write it as \"12.90 {1}/month\", or per day or year")]
    Standing(String, Currency),
    #[error("\"{0}\" are no hours; write them as \"22:00-06:00\", on quarter hours")]
    Hours(String),
    #[error("each day is one of mon, tue, wed, thu, fri, sat, sun and holiday, and comes once")]
    Days,
    #[error(
        "each month is one of jan, feb, mar, apr, may, jun, jul, aug, sep, oct, nov and dec, and comes once"
    )]
    Months,
    #[error(transparent)]
    Holiday(#[from] InvalidHoliday),
    #[error("\"{0}\" is no billing; \"quarter_hour\" and \"hour\" are")]
    Billing(String),
    #[error("\"{0}\" is not known; \"taxed\", \"sum_untaxed\" and \"spot_untaxed\" are")]
    BelowZero(String),
    #[error("\"{0}\" is no day on which a year can start; write it as \"12-01\"")]
    YearStart(String),
    #[error("\"{0}\" is no amount for a tier; write it as \"2900 kWh/year\", or per quarter, month or day")]
    Tier(String),
    #[error("tiers stand in rising order; this one ends where an earlier one does, or before")]
    TierOrder,
    #[error("all tiers of a contract are for the same time; an earlier one is for another")]
    TierPeriod,
    #[error("it says no price; write price = \"0.300 {0}/kWh\", a charge, or spot = \"100 %\"")]
    NoPrice(Currency),
    #[error("a surcharge is a share of the spot price; add spot = \"100 %\"")]
    SurchargeWithoutSpot,
    #[error("at_least is above at_most; no price can be within both")]
    Bounds,
    #[error("it has more than {MOST_CHARGES} charges")]
    TooManyCharges,
    #[error("a charge needs a name; without one write price = \"…\" beside the charges")]
    NamelessCharge,
    #[error("the zone has no price; give it a retail or a feed_in price")]
    PricelessZone,
}

type Fault<T> = Result<T, ContractFault>;
type Read<T> = Result<T, InvalidContracts>;

/// Reads all tables: the versions in their order, and the corrections.
pub(crate) fn contracts(
    currency: Currency,
    tables: &[ContractTable],
) -> Read<(Vec<Contract>, Vec<Correction>)> {
    let (mut versions, mut corrections) = (Vec::new(), Vec::new());
    for table in tables {
        let tariff = tariff(table, currency)?;
        match &table.correction {
            None => versions.push(Contract { valid_from: table.valid_from, tariff }),
            Some(correction) => corrections.push(Correction {
                from: table.valid_from,
                until: correction.until,
                dated: correction.dated,
                reason: correction.reason.clone(),
                tariff,
            }),
        }
    }
    Ok((versions, corrections))
}

fn tariff(table: &ContractTable, currency: Currency) -> Read<Tariff> {
    let kind = if table.correction.is_some() { "correction" } else { "contract" };
    let contract = format!("{kind} from {}", table.valid_from);
    let at = |key: &str| format!("{contract}, {key}");
    let (tiers, tier_period) = tiers(&table.tiers, currency, &contract)?;
    Ok(Tariff {
        name: table.name.clone(),
        retail: price(&table.retail, currency).map_err(placed(at("retail")))?,
        feed_in: price(&table.feed_in, currency).map_err(placed(at("feed_in")))?,
        standing: standing(&table.standing, currency).map_err(placed(at("standing")))?,
        billing: billing(table.billing.as_deref()).map_err(placed(at("billing")))?,
        zones: zones(&table.zones, currency, &contract)?,
        holidays: holidays(&table.holidays).map_err(placed(at("holidays")))?,
        tiers,
        tier_period,
        year_starts: year_starts(table.year_starts.as_deref()).map_err(placed(at("year_starts")))?,
    })
}

fn placed(place: String) -> impl FnOnce(ContractFault) -> InvalidContracts {
    move |fault| InvalidContracts::Unreadable { place, fault }
}

fn zones(tables: &[ZoneTable], currency: Currency, contract: &str) -> Read<Vec<PriceZone>> {
    let read = |(index, table): (usize, &ZoneTable)| {
        let zone = format!("{contract}, zone {} \"{}\"", index + 1, table.name);
        let at = |key: &str| format!("{zone}, {key}");
        let side = |form: &Option<PriceForm>, key: &str| -> Read<Option<Formula>> {
            form.as_ref().map(|form| price(form, currency)).transpose().map_err(placed(at(key)))
        };
        let when = When {
            days: days(&table.days).map_err(placed(at("days")))?,
            hours: hours(&table.hours).map_err(placed(at("hours")))?,
            months: months(&table.months).map_err(placed(at("months")))?,
        };
        let (retail, feed_in) = (side(&table.retail, "retail")?, side(&table.feed_in, "feed_in")?);
        if retail.is_none() && feed_in.is_none() {
            return Err(placed(zone)(ContractFault::PricelessZone));
        }
        Ok(PriceZone { name: table.name.clone(), when, retail, feed_in })
    };
    tables.iter().enumerate().map(read).collect()
}

fn tiers(tables: &[TierTable], currency: Currency, contract: &str) -> Read<(Vec<Tier>, TierPeriod)> {
    let mut tiers: Vec<Tier> = Vec::with_capacity(tables.len());
    let mut period = None;
    for (index, table) in tables.iter().enumerate() {
        let at = |key: &str| format!("{contract}, tier {}, {key}", index + 1);
        let (up_to, its_period) = tier_end(&table.up_to).map_err(placed(at("up_to")))?;
        if *period.get_or_insert(its_period) != its_period {
            return Err(placed(at("up_to"))(ContractFault::TierPeriod));
        }
        if tiers.last().is_some_and(|before| before.up_to >= up_to) {
            return Err(placed(at("up_to"))(ContractFault::TierOrder));
        }
        let retail = price(&table.retail, currency).map_err(placed(at("retail")))?;
        tiers.push(Tier { up_to, retail });
    }
    Ok((tiers, period.unwrap_or_default()))
}

fn tier_end(text: &str) -> Fault<(WattHours, TierPeriod)> {
    let read = || {
        let (amount, period) = text.trim().rsplit_once('/')?;
        let period = match period.trim() {
            "day" => TierPeriod::Day,
            "month" => TierPeriod::Month,
            "quarter" => TierPeriod::Quarter,
            "year" => TierPeriod::Year,
            _ => return None,
        };
        parse_energy(amount).filter(|energy| !energy.is_zero()).map(|energy| (energy, period))
    };
    read().ok_or_else(|| ContractFault::Tier(text.to_owned()))
}

fn price(form: &PriceForm, currency: Currency) -> Fault<Formula> {
    match form {
        PriceForm::Text(text) => Ok(Formula::fixed(parse_price(text, currency)?)),
        PriceForm::Formula(table) => formula(table, currency),
    }
}

fn formula(table: &FormulaTable, currency: Currency) -> Fault<Formula> {
    let price = |text: &Option<String>| text.as_deref().map(|text| parse_price(text, currency)).transpose();
    let formula = Formula {
        spot: table.spot.as_deref().map(share).transpose()?,
        surcharge: table.surcharge.as_deref().map(share).transpose()?.unwrap_or_default(),
        charges: charges(table, currency)?,
        at_most: price(&table.at_most)?,
        at_least: price(&table.at_least)?,
        tax: table.tax.as_deref().map(share).transpose()?.unwrap_or_default(),
        below_zero: below_zero(table.below_zero.as_deref())?,
        zero_if_spot_negative: table.zero_if_spot_negative,
    };
    if formula.spot.is_none() && formula.charges.is_empty() {
        return Err(ContractFault::NoPrice(currency));
    }
    if formula.spot.is_none() && formula.surcharge != Share::default() {
        return Err(ContractFault::SurchargeWithoutSpot);
    }
    match (formula.at_least, formula.at_most) {
        (Some(least), Some(most)) if least > most => Err(ContractFault::Bounds),
        _ => Ok(formula),
    }
}

fn charges(table: &FormulaTable, currency: Currency) -> Fault<Vec<Charge>> {
    if table.charges.len() > MOST_CHARGES {
        return Err(ContractFault::TooManyCharges);
    }
    let mut charges = Vec::with_capacity(table.charges.len() + 1);
    if let Some(text) = &table.price {
        charges.push(Charge { name: String::new(), price: parse_price(text, currency)?, taxed: true });
    }
    for charge in &table.charges {
        if charge.name.trim().is_empty() {
            return Err(ContractFault::NamelessCharge);
        }
        let price = parse_price(&charge.price, currency)?;
        charges.push(Charge { name: charge.name.clone(), price, taxed: charge.taxed });
    }
    Ok(charges)
}

fn share(text: &str) -> Fault<Share> {
    parse_share(text).ok_or_else(|| ContractFault::Share(text.to_owned()))
}

fn below_zero(text: Option<&str>) -> Fault<BelowZero> {
    match text {
        None | Some("taxed") => Ok(BelowZero::Taxed),
        Some("sum_untaxed") => Ok(BelowZero::SumUntaxed),
        Some("spot_untaxed") => Ok(BelowZero::SpotUntaxed),
        Some(other) => Err(ContractFault::BelowZero(other.to_owned())),
    }
}

fn billing(text: Option<&str>) -> Fault<Billing> {
    match text {
        None | Some("quarter_hour") => Ok(Billing::QuarterHour),
        Some("hour") => Ok(Billing::Hour),
        Some(other) => Err(ContractFault::Billing(other.to_owned())),
    }
}

fn standing(texts: &OneOrMany, currency: Currency) -> Fault<Vec<Standing>> {
    let read = |text: &String| {
        parse_standing(text, currency).ok_or_else(|| ContractFault::Standing(text.clone(), currency))
    };
    texts.0.iter().map(read).collect()
}

fn holidays(texts: &OneOrMany) -> Fault<Vec<Holiday>> {
    texts.0.iter().map(|text| text.parse().map_err(ContractFault::Holiday)).collect()
}

fn year_starts(text: Option<&str>) -> Fault<(u32, u32)> {
    let Some(text) = text else { return Ok((1, 1)) };
    // A day that only some years have cannot start each of them.
    let start = parse_month_day(text).filter(|start| *start != (2, 29));
    start.ok_or_else(|| ContractFault::YearStart(text.to_owned()))
}

fn hours(texts: &OneOrMany) -> Fault<Vec<Hours>> {
    let read = |text: &String| quarter_hours(text).ok_or_else(|| ContractFault::Hours(text.clone()));
    texts.0.iter().map(read).collect()
}

fn days(texts: &OneOrMany) -> Fault<Days> {
    if texts.is_empty() {
        return Ok(Days::ALL);
    }
    Days::from_words(texts.0.iter().map(String::as_str)).ok_or(ContractFault::Days)
}

fn months(texts: &OneOrMany) -> Fault<Months> {
    if texts.is_empty() {
        return Ok(Months::ALL);
    }
    Months::from_words(texts.0.iter().map(String::as_str)).ok_or(ContractFault::Months)
}
