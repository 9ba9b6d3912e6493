//! Settings > Contracts: what the utility charges and pays, from which day on, and what a day would have cost.

use pricing::{
    ChargeTable, ContractTable, Contracts, CorrectionTable, FormulaTable, Metered, NoPrice, OneOrMany,
    PriceForm, SpotCurve, TierTable, ZoneTable, bill,
};
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{DayKey, LocalDay, Money, Slot, WattHours};

use super::{Amount, Whole};
use crate::config::Role;
use crate::contracts::{day, unusable};
use crate::error::{history_refusal, refusal};
use crate::house::{Home, House};
use crate::view::frame::Refusal;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ContractsView {
    /// The latest first.
    pub versions: Vec<ContractView>,
    /// What the utility billed anew, the latest first.
    pub corrections: Vec<ContractForm>,
    pub currency: String,
    /// The first day on which another contract can begin.
    pub earliest: String,
    pub today: String,
    /// The last day of which energy is on record: what a preview is shown for.
    pub last_day: Option<String>,
    /// Some contract follows the power market, whose prices must come from somewhere.
    pub needs_spot: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ContractView {
    pub contract: ContractForm,
    pub state: ContractStateView,
    /// The day after its last; missing where nothing follows.
    pub until: Option<String>,
    /// Both prices of the running quarter hour, where it is in force.
    pub retail_micros_per_kwh: Option<Whole>,
    pub feed_in_micros_per_kwh: Option<Whole>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ContractStateView {
    Over,
    InForce,
    /// It can still be changed and taken back.
    Ahead,
}

/// A contract in the words of `home.toml`: prices such as `0.320 EUR/kWh`, shares such as `19 %`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ContractForm {
    pub valid_from: String,
    pub name: Option<String>,
    pub retail: PriceFormView,
    pub feed_in: PriceFormView,
    pub standing: Vec<String>,
    /// Over what the power market's price is taken: the hour's mean, or each quarter hour.
    pub by_the_hour: bool,
    pub holidays: Vec<String>,
    pub year_starts: Option<String>,
    pub tiers: Vec<TierForm>,
    pub zones: Vec<ZoneForm>,
    pub correction: Option<CorrectionForm>,
}

/// A price, or how it is composed of the power market's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PriceFormView {
    /// The contract's own price; with `spot` what is added to the power market's.
    pub price: Option<String>,
    pub spot: Option<String>,
    pub surcharge: Option<String>,
    pub charges: Vec<ChargeForm>,
    pub at_most: Option<String>,
    pub at_least: Option<String>,
    pub tax: Option<String>,
    pub below_zero: Option<String>,
    pub zero_if_spot_negative: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ChargeForm {
    pub name: String,
    pub price: String,
    pub taxed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TierForm {
    /// Such as `2900 kWh/year`.
    pub up_to: String,
    pub retail: PriceFormView,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ZoneForm {
    pub name: String,
    pub hours: Vec<String>,
    pub days: Vec<String>,
    pub months: Vec<String>,
    pub retail: Option<PriceFormView>,
    pub feed_in: Option<PriceFormView>,
}

/// Makes a contract the new bill of a time that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct CorrectionForm {
    pub until: String,
    pub dated: String,
    pub reason: String,
}

/// What one day of this home comes to with a contract, and with the one that was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ContractPreview {
    pub day: String,
    pub imported_wh: Whole,
    pub exported_wh: Whole,
    pub with_it: DayCostView,
    /// Missing where no contract held on the day.
    pub as_it_was: Option<DayCostView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DayCostView {
    pub import: Amount,
    pub export: Amount,
    pub standing: Amount,
    /// Import and standing charge less what export brings.
    pub total: Amount,
    /// Quarter hours that are not in it, because the power market's price of theirs is not known.
    pub unpriced_slots: Whole,
    /// Both prices by quarter hour, for a chart; missing where not known.
    pub slots: Vec<SlotPriceView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SlotPriceView {
    pub slot: super::Instant,
    pub retail_micros_per_kwh: Option<Whole>,
    pub feed_in_micros_per_kwh: Option<Whole>,
}

impl Home {
    /// Returns the contracts with the utility.
    pub fn contracts(&self) -> Result<ContractsView, Refusal> {
        let house = self.house()?;
        let config = house.config();
        let contracts = config.contracts().expect("the configuration was checked");
        let today = house.today();
        let last_day = last_measured_day(house)?.map(|day| day.to_string());
        Ok(ContractsView {
            versions: contracts.as_ref().map(|contracts| versions(house, contracts)).unwrap_or_default(),
            corrections: contracts.as_ref().map(corrections).unwrap_or_default(),
            currency: config.currency.to_string(),
            earliest: match &contracts {
                Some(_) => today.next().key().to_string(),
                None => DayKey::new(today.key().date() - chrono::Days::new(3653)).to_string(),
            },
            today: today.key().to_string(),
            last_day,
            needs_spot: contracts.is_some_and(|contracts| contracts.needs_spot()),
        })
    }

    /// Says what a day on record would have cost with a contract. Nothing is changed.
    pub fn preview_contract(&self, form: &ContractForm, on: &str) -> Result<ContractPreview, Refusal> {
        let house = self.house()?;
        let on = day(on)?;
        preview(house, form, on)
    }
}

fn versions(house: &House, contracts: &Contracts) -> Vec<ContractView> {
    let today = house.today().key();
    let begun = contracts.versions().iter().filter(|version| version.valid_from <= today).count();
    let prices = house.prices(Slot::containing(house.now()));
    let tables = contracts.to_tables();
    let view = |(index, table): (usize, &ContractTable)| {
        let state = match (index + 1).cmp(&begun) {
            std::cmp::Ordering::Less => ContractStateView::Over,
            std::cmp::Ordering::Equal => ContractStateView::InForce,
            std::cmp::Ordering::Greater => ContractStateView::Ahead,
        };
        let prices = prices.filter(|_| state == ContractStateView::InForce);
        ContractView {
            contract: table.into(),
            state,
            until: contracts.versions().get(index + 1).map(|next| next.valid_from.to_string()),
            retail_micros_per_kwh: prices.map(|prices| prices.retail.into()),
            feed_in_micros_per_kwh: prices.map(|prices| prices.feed_in.into()),
        }
    };
    let count = contracts.versions().len();
    tables[..count].iter().enumerate().map(view).rev().collect()
}

fn corrections(contracts: &Contracts) -> Vec<ContractForm> {
    let tables = contracts.to_tables();
    tables[contracts.versions().len()..].iter().rev().map(ContractForm::from).collect()
}

fn last_measured_day(house: &House) -> Result<Option<DayKey>, Refusal> {
    let Some(grid) = house.meter_id(Role::Grid) else { return Ok(None) };
    let last = house.history.last_slot(&grid).map_err(|error| history_refusal(&error))?;
    let today = house.today().key();
    // Today is not over; yesterday tells more.
    let of = |slot: Slot| LocalDay::containing(slot.start(), house.zone()).key();
    Ok(last.map(|row| of(row.slot)).map(|day| if day >= today { day.previous() } else { day }))
}

fn preview(house: &House, form: &ContractForm, on: DayKey) -> Result<ContractPreview, Refusal> {
    let refused = |error| history_refusal(&error);
    let config = house.config();
    // The contract as if it had begun on that day; a correction is looked at as the contract that it makes.
    let table = ContractTable { valid_from: on, correction: None, ..form.table()? };
    let tried = Contracts::from_tables(config.currency, config.zone(), &[table]).map_err(|e| unusable(&e))?;
    let slots = LocalDay::new(on, config.zone()).slots();
    let metered: Vec<Metered> = match house.meter_id(Role::Grid) {
        Some(grid) => house.history.slots(&grid, slots.clone()).map_err(refused)?,
        None => Vec::new(),
    }
    .iter()
    .map(|row| Metered {
        slot: row.slot,
        import: row.energy.import.map_or(WattHours::ZERO, |energy| energy.floor_watt_hours()),
        export: row.energy.export.map_or(WattHours::ZERO, |energy| energy.floor_watt_hours()),
    })
    .collect();
    if metered.is_empty() {
        let message = format!("This home has no quarter hour on record on {on}, so nothing can be reckoned.");
        return Err(refusal("no_past", message, "Choose a day on which its meter was read."));
    }
    let mut spot = SpotCurve::<pricing::Published>::new(config.currency);
    let around = slots.start.offset(-4)..slots.end.offset(4);
    spot.extend(
        house.history.spot_prices(around).map_err(refused)?.into_iter().map(|one| (one.slot, one.price)),
    );
    let cost = |contracts: &Contracts| day_cost(contracts, &metered, &spot, slots.clone());
    let present = config.contracts().expect("the configuration was checked");
    let as_it_was = present.filter(|present| present.on(on).is_some()).map(|present| cost(&present));
    Ok(ContractPreview {
        day: on.to_string(),
        imported_wh: metered.iter().map(|row| row.import).sum::<WattHours>().into(),
        exported_wh: metered.iter().map(|row| row.export).sum::<WattHours>().into(),
        with_it: cost(&tried)?,
        as_it_was: as_it_was.transpose()?,
    })
}

/// Bills a day. Tiers begin with the day: how much of the year's was used then depends on the contract.
fn day_cost(
    contracts: &Contracts,
    metered: &[Metered],
    spot: &SpotCurve<pricing::Published>,
    slots: std::ops::Range<Slot>,
) -> Result<DayCostView, Refusal> {
    let too_large =
        |_| refusal("too_large", "The sums of that day are beyond any home's.", "Check its meter.");
    let billed = bill(contracts, metered, spot, WattHours::ZERO).map_err(too_large)?;
    let sum = |amount: fn(&pricing::BillDay) -> Money| billed.days.iter().map(amount).sum::<Money>();
    let price = |slot| {
        let quote = contracts.prices_with(slot, spot, Some(WattHours::ZERO)).ok();
        SlotPriceView {
            slot: slot.start().into(),
            retail_micros_per_kwh: quote.map(|prices| prices.retail.into()),
            feed_in_micros_per_kwh: quote.map(|prices| prices.feed_in.into()),
        }
    };
    let unpriced = billed.unpriced.iter().filter(|(_, why)| *why != NoPrice::NoContract).count();
    Ok(DayCostView {
        import: sum(|day| day.import_cost).into(),
        export: sum(|day| day.export_income).into(),
        standing: sum(|day| day.standing).into(),
        total: billed.total().map_err(too_large)?.into(),
        unpriced_slots: Whole::new(unpriced as i64),
        slots: Slot::range(slots).map(price).collect(),
    })
}

impl ContractForm {
    /// Returns the contract as `home.toml` holds it. What its texts mean is judged where they are read.
    pub(crate) fn table(&self) -> Result<ContractTable, Refusal> {
        let correction = |correction: &CorrectionForm| {
            Ok::<_, Refusal>(CorrectionTable {
                until: day(&correction.until)?,
                dated: day(&correction.dated)?,
                reason: correction.reason.clone(),
            })
        };
        Ok(ContractTable {
            valid_from: day(&self.valid_from)?,
            name: self.name.clone().filter(|name| !name.trim().is_empty()),
            retail: (&self.retail).into(),
            feed_in: (&self.feed_in).into(),
            standing: OneOrMany(self.standing.clone()),
            billing: self.by_the_hour.then(|| "hour".to_owned()),
            holidays: OneOrMany(self.holidays.clone()),
            year_starts: self.year_starts.clone(),
            correction: self.correction.as_ref().map(correction).transpose()?,
            tiers: self
                .tiers
                .iter()
                .map(|tier| TierTable { up_to: tier.up_to.clone(), retail: (&tier.retail).into() })
                .collect(),
            zones: self.zones.iter().map(ZoneTable::from).collect(),
        })
    }
}

impl From<&ContractTable> for ContractForm {
    fn from(table: &ContractTable) -> Self {
        Self {
            valid_from: table.valid_from.to_string(),
            name: table.name.clone(),
            retail: (&table.retail).into(),
            feed_in: (&table.feed_in).into(),
            standing: table.standing.0.clone(),
            by_the_hour: table.billing.as_deref() == Some("hour"),
            holidays: table.holidays.0.clone(),
            year_starts: table.year_starts.clone(),
            tiers: table
                .tiers
                .iter()
                .map(|tier| TierForm { up_to: tier.up_to.clone(), retail: (&tier.retail).into() })
                .collect(),
            zones: table.zones.iter().map(ZoneForm::from).collect(),
            correction: table.correction.as_ref().map(|correction| CorrectionForm {
                until: correction.until.to_string(),
                dated: correction.dated.to_string(),
                reason: correction.reason.clone(),
            }),
        }
    }
}

impl From<&ZoneForm> for ZoneTable {
    fn from(zone: &ZoneForm) -> Self {
        Self {
            name: zone.name.clone(),
            hours: OneOrMany(zone.hours.clone()),
            days: OneOrMany(zone.days.clone()),
            months: OneOrMany(zone.months.clone()),
            retail: zone.retail.as_ref().map(PriceForm::from),
            feed_in: zone.feed_in.as_ref().map(PriceForm::from),
        }
    }
}

impl From<&ZoneTable> for ZoneForm {
    fn from(zone: &ZoneTable) -> Self {
        Self {
            name: zone.name.clone(),
            hours: zone.hours.0.clone(),
            days: zone.days.0.clone(),
            months: zone.months.0.clone(),
            retail: zone.retail.as_ref().map(PriceFormView::from),
            feed_in: zone.feed_in.as_ref().map(PriceFormView::from),
        }
    }
}

impl From<&PriceFormView> for PriceForm {
    fn from(form: &PriceFormView) -> Self {
        let alone = PriceFormView { price: form.price.clone(), ..PriceFormView::default() };
        match &form.price {
            Some(price) if *form == alone => Self::Text(price.clone()),
            _ => Self::Formula(Box::new(FormulaTable {
                spot: form.spot.clone(),
                surcharge: form.surcharge.clone(),
                price: form.price.clone(),
                at_most: form.at_most.clone(),
                at_least: form.at_least.clone(),
                tax: form.tax.clone(),
                below_zero: form.below_zero.clone(),
                zero_if_spot_negative: form.zero_if_spot_negative,
                charges: form
                    .charges
                    .iter()
                    .map(|charge| ChargeTable {
                        name: charge.name.clone(),
                        price: charge.price.clone(),
                        taxed: charge.taxed,
                    })
                    .collect(),
            })),
        }
    }
}

impl From<&PriceForm> for PriceFormView {
    fn from(form: &PriceForm) -> Self {
        match form {
            PriceForm::Text(price) => Self { price: Some(price.clone()), ..Self::default() },
            PriceForm::Formula(table) => Self {
                price: table.price.clone(),
                spot: table.spot.clone(),
                surcharge: table.surcharge.clone(),
                charges: table
                    .charges
                    .iter()
                    .map(|charge| ChargeForm {
                        name: charge.name.clone(),
                        price: charge.price.clone(),
                        taxed: charge.taxed,
                    })
                    .collect(),
                at_most: table.at_most.clone(),
                at_least: table.at_least.clone(),
                tax: table.tax.clone(),
                below_zero: table.below_zero.clone(),
                zero_if_spot_negative: table.zero_if_spot_negative,
            },
        }
    }
}
