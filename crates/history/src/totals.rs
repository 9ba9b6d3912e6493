//! Sums over settled days. Only the latest version of each slot counts, and every sum is of integers.

use std::collections::BTreeMap;
use std::ops::Range;

use rusqlite::{Connection, Row};
use units::{DayKey, Money, WattHours};

use crate::error::HistoryError;
use crate::handle::History;
use crate::keys::slots_around;
use crate::row;

/// What a time came to. Money is positive where the household receives.
///
/// In a slot a household sells or buys, never both, so the slot tells which of the two its energy and
/// fees belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub slots: u32,
    pub measured_slots: u32,
    pub import: WattHours,
    pub export: WattHours,
    pub sold: WattHours,
    pub bought: WattHours,
    pub from_utility: WattHours,
    pub to_utility: WattHours,
    /// What neighbours paid for what was sold.
    pub sale_energy: Money,
    /// Grid fee, operator fee, congestion and tax on what was sold; negative.
    pub sale_fees: Money,
    /// What was paid to neighbours; negative.
    pub purchase_energy: Money,
    /// Fees on what was bought; negative.
    pub purchase_fees: Money,
    /// What the utility charged; negative.
    pub retail: Money,
    /// What the utility paid.
    pub feed_in: Money,
    /// All postings together.
    pub balance: Money,
    /// What the utility would have paid for what was sold.
    pub sold_at_feed_in: Money,
    /// What the utility would have charged for what was bought, as a positive amount.
    pub bought_at_retail: Money,
}

impl Totals {
    /// Returns what selling to neighbours brought above feed-in.
    pub fn earned(&self) -> Money {
        self.sale_energy + self.sale_fees - self.sold_at_feed_in
    }

    /// Returns what buying from neighbours left below retail.
    pub fn saved(&self) -> Money {
        self.bought_at_retail + self.purchase_energy + self.purchase_fees
    }
}

impl History {
    /// Returns what the local days of a range, half-open, came to together.
    pub fn totals(&self, days: Range<DayKey>) -> Result<Totals, HistoryError> {
        let by_nothing = self.totals_by("'all'", days)?;
        Ok(by_nothing.into_values().next().unwrap_or_default())
    }

    /// Returns what each local day of a range, half-open, came to; days without settlements are absent.
    pub fn day_totals(&self, days: Range<DayKey>) -> Result<Vec<(DayKey, Totals)>, HistoryError> {
        keyed_by_day(self.totals_by("local_day", days)?)
    }

    /// Returns what each month came to, by its first day, of the local days in a range, half-open.
    pub fn month_totals(&self, days: Range<DayKey>) -> Result<Vec<(DayKey, Totals)>, HistoryError> {
        keyed_by_day(self.totals_by("substr(local_day, 1, 7) || '-01'", days)?)
    }

    fn totals_by(&self, key: &str, days: Range<DayKey>) -> Result<BTreeMap<String, Totals>, HistoryError> {
        self.read("adding up settlements of", |connection| {
            let around = slots_around(&days);
            let (from, to) = (around.start.index(), around.end.index());
            let asked = (days.start.to_string(), days.end.to_string(), from, to);
            let mut totals = energy_by(connection, key, &asked)?;
            add_money_by(connection, key, &asked, &mut totals)?;
            Ok(totals)
        })
    }
}

fn keyed_by_day(totals: BTreeMap<String, Totals>) -> Result<Vec<(DayKey, Totals)>, HistoryError> {
    let day = |key: String| {
        key.parse().map_err(|_| HistoryError::Contradiction {
            subject: "a local day".to_owned(),
            detail: format!("\"{key}\" is not a date"),
        })
    };
    totals.into_iter().map(|(key, totals)| Ok((day(key)?, totals))).collect()
}

/// Local days from and to, and slots from and to that hold them.
type DaysAsked = (String, String, i64, i64);

/// Adds up energy. `sum` fails where it leaves 64 bits; a product that does so becomes a float, which
/// no column here reads. So nothing is ever wrapped or rounded.
fn energy_by(
    connection: &Connection,
    key: &str,
    days: &DaysAsked,
) -> rusqlite::Result<BTreeMap<String, Totals>> {
    let sql = format!(
        "select {key} as key, count(*) as slots, sum(measured) as measured_slots,
            sum(import_wh) as import_wh, sum(export_wh) as export_wh,
            sum(sold_wh) as sold_wh, sum(bought_wh) as bought_wh,
            sum(from_utility_wh) as from_utility_wh, sum(to_utility_wh) as to_utility_wh,
            sum(sold_wh * feed_in_micros_per_kwh) as sold_at_feed_in_nanos,
            sum(bought_wh * retail_micros_per_kwh) as bought_at_retail_nanos
         from latest_settlements where local_day >= ?1 and local_day < ?2 and slot_index >= ?3 and slot_index < ?4 group by key"
    );
    let mut query = connection.prepare_cached(&sql)?;
    query.query_map(days.clone(), |row| Ok((row.get("key")?, energy(row)?)))?.collect()
}

fn energy(row: &Row) -> rusqlite::Result<Totals> {
    Ok(Totals {
        slots: row.get("slots")?,
        measured_slots: row.get("measured_slots")?,
        import: row::watt_hours(row, "import_wh")?,
        export: row::watt_hours(row, "export_wh")?,
        sold: row::watt_hours(row, "sold_wh")?,
        bought: row::watt_hours(row, "bought_wh")?,
        from_utility: row::watt_hours(row, "from_utility_wh")?,
        to_utility: row::watt_hours(row, "to_utility_wh")?,
        sold_at_feed_in: row::money(row, "sold_at_feed_in_nanos")?,
        bought_at_retail: row::money(row, "bought_at_retail_nanos")?,
        ..Totals::default()
    })
}

fn add_money_by(
    connection: &Connection,
    key: &str,
    days: &DaysAsked,
    totals: &mut BTreeMap<String, Totals>,
) -> rusqlite::Result<()> {
    let sql = format!(
        "select {key} as key,
            sum(iif(what = 'energy' and sold_wh > 0, amount_nanos, 0)) as sale_energy,
            sum(iif(what = 'energy' and sold_wh = 0, amount_nanos, 0)) as purchase_energy,
            sum(iif(what not in ('energy', 'retail', 'feed_in') and sold_wh > 0, amount_nanos, 0)) as sale_fees,
            sum(iif(what not in ('energy', 'retail', 'feed_in') and sold_wh = 0, amount_nanos, 0))
                as purchase_fees,
            sum(iif(what = 'retail', amount_nanos, 0)) as retail,
            sum(iif(what = 'feed_in', amount_nanos, 0)) as feed_in,
            sum(amount_nanos) as balance
         from latest_settlements join settlement_postings on settlement = id
         where local_day >= ?1 and local_day < ?2 and slot_index >= ?3 and slot_index < ?4 group by key"
    );
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query(days.clone())?;
    while let Some(row) = rows.next()? {
        let total = totals.entry(row.get("key")?).or_default();
        total.sale_energy = row::money(row, "sale_energy")?;
        total.sale_fees = row::money(row, "sale_fees")?;
        total.purchase_energy = row::money(row, "purchase_energy")?;
        total.purchase_fees = row::money(row, "purchase_fees")?;
        total.retail = row::money(row, "retail")?;
        total.feed_in = row::money(row, "feed_in")?;
        total.balance = row::money(row, "balance")?;
    }
    Ok(())
}
