//! What metered energy comes to with the utility: by local day, import, export and standing charge apart.

use units::{DayKey, Money, Overflow, Slot, WallTime, WattHours};

use crate::contract::Contracts;
use crate::kind::PriceKind;
use crate::quote::NoPrice;
use crate::spot::SpotCurve;
use crate::tariff::Tariff;

/// A sum does not fit, which takes more energy than any home has.
pub type TooLarge = Overflow;

/// What the grid meter counted in a slot. Neither is negative, and neither nets the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metered {
    pub slot: Slot,
    pub import: WattHours,
    pub export: WattHours,
}

/// A bill by local days, and the slots that it lacks because they have no price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    pub days: Vec<BillDay>,
    /// Not counted anywhere: a price that is not known is not 0.
    pub unpriced: Vec<(Slot, NoPrice)>,
}

/// One local day of a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillDay {
    pub day: DayKey,
    pub imported: WattHours,
    pub exported: WattHours,
    /// What the imported energy costs.
    pub import_cost: Money,
    /// What the exported energy brings, less `paid_to_export`.
    pub export_income: Money,
    /// What had to be paid for export in slots with a negative feed-in price: positive, the avoidable loss.
    pub paid_to_export: Money,
    /// The standing charge, once a local day.
    pub standing: Money,
}

/// Bills metered slots, which must be in the order of time and each there once.
///
/// `imported` is what was imported in the running tier period before the first slot. Days between the first
/// and the last slot bear the standing charge also where nothing was metered.
pub fn bill<K: PriceKind>(
    contracts: &Contracts,
    metered: &[Metered],
    spot: &SpotCurve<K>,
    imported: WattHours,
) -> Result<Bill, TooLarge> {
    let mut bill = Bill::default();
    let mut tiers = TierUse { used: imported, period: None };
    for row in metered {
        let (tariff, time) = match contracts.tariff_at(row.slot) {
            Ok(found) => found,
            Err(reason) => {
                bill.unpriced.push((row.slot, reason));
                continue;
            }
        };
        bill.open_day(contracts, time.day);
        tiers.enter(tariff, time.day);
        match price_slot(contracts, (tariff, time), row, spot, tiers.used)? {
            Ok(priced) => bill.add(row, priced)?,
            Err(reason) => bill.unpriced.push((row.slot, reason)),
        }
        tiers.used = tiers.used.checked_add(row.import).ok_or(Overflow)?;
    }
    Ok(bill)
}

impl Bill {
    /// Returns what is due: import and standing charge less what export brings. Negative: the utility owes.
    pub fn total(&self) -> Result<Money, TooLarge> {
        let mut total = 0;
        for day in &self.days {
            total += i128::from(day.import_cost.nanos()) + i128::from(day.standing.nanos());
            total -= i128::from(day.export_income.nanos());
        }
        i64::try_from(total).map(Money::from_nanos).map_err(|_| Overflow)
    }

    /// Begins days up to `day`, each with its standing charge.
    fn open_day(&mut self, contracts: &Contracts, day: DayKey) {
        let mut next = match self.days.last() {
            Some(last) if last.day >= day => return,
            Some(last) => last.day.next(),
            None => day,
        };
        while next <= day {
            let standing = contracts.on(next).map(|contract| contract.tariff.standing_on(next));
            self.days.push(BillDay {
                day: next,
                imported: WattHours::ZERO,
                exported: WattHours::ZERO,
                import_cost: Money::ZERO,
                export_income: Money::ZERO,
                paid_to_export: Money::ZERO,
                standing: standing.unwrap_or(Money::ZERO),
            });
            next = next.next();
        }
    }

    fn add(&mut self, row: &Metered, priced: PricedSlot) -> Result<(), TooLarge> {
        let day = self.days.last_mut().expect("the day was opened");
        let energy = |sum: WattHours, more| sum.checked_add(more).ok_or(Overflow);
        let money = |sum: Money, more| sum.checked_add(more).ok_or(Overflow);
        day.imported = energy(day.imported, row.import)?;
        day.exported = energy(day.exported, row.export)?;
        day.import_cost = money(day.import_cost, priced.cost)?;
        day.export_income = money(day.export_income, priced.income)?;
        if priced.income.is_negative() {
            day.paid_to_export = money(day.paid_to_export, -priced.income)?;
        }
        Ok(())
    }
}

struct PricedSlot {
    cost: Money,
    income: Money,
}

/// How far the running tier period is used up.
struct TierUse {
    used: WattHours,
    period: Option<DayKey>,
}

impl TierUse {
    /// Begins anew where a day lies in another period than the one before it.
    fn enter(&mut self, tariff: &Tariff, day: DayKey) {
        let period = tariff.tier_period_start(day);
        if self.period.replace(period).is_some_and(|before| before != period) {
            self.used = WattHours::ZERO;
        }
    }
}

/// Prices one slot; import that crosses the border of a tier is split at the watt-hour.
fn price_slot<K: PriceKind>(
    contracts: &Contracts,
    (tariff, time): (&Tariff, WallTime),
    row: &Metered,
    spot: &SpotCurve<K>,
    used: WattHours,
) -> Result<Result<PricedSlot, NoPrice>, TooLarge> {
    let price = |chosen| contracts.price_of((tariff, time), chosen, row.slot, Some(spot));
    let (mut cost, mut used, mut rest) = (Money::ZERO, used, row.import);
    while !rest.is_zero() {
        let chosen = match tariff.retail_at(time, Some(used)) {
            Ok(chosen) => chosen,
            Err(reason) => return Ok(Err(reason)),
        };
        let share = chosen.left.map_or(rest, |left| left.min(rest));
        let price = match price(chosen) {
            Ok(price) => price,
            Err(reason) => return Ok(Err(reason)),
        };
        cost = cost.checked_add(share.at(price)?).ok_or(Overflow)?;
        used = used.checked_add(share).ok_or(Overflow)?;
        rest -= share;
    }
    let income = match row.export.is_zero() {
        true => Money::ZERO,
        false => match price(tariff.feed_in_at(time)) {
            Ok(price) => row.export.at(price)?,
            Err(reason) => return Ok(Err(reason)),
        },
    };
    Ok(Ok(PricedSlot { cost, income }))
}
