//! Earnings: this month so far and past months, down to slots and trades that add up.

use serde::{Deserialize, Serialize};
use specta::Type;

use chrono::Datelike;
use history::{HistoryError, Settlement, Totals, What};
use market::Side;
use units::{DayKey, LocalDay, Slot};

use super::{Amount, Certainty, Instant, QualityView, SideView, Whole};
use crate::config::Role;
use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::view::frame::Refusal;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EarningsView {
    /// `2026-06`.
    pub month: String,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub totals: TotalsView,
    /// Each local day of the month that has settled slots, oldest first. They add up to the totals.
    pub days: Vec<EarningsDay>,
    /// Slots that were measured but not yet settled: they are in no figure.
    pub provisional_slots: Whole,
}

/// Sums over settled slots. Income is positive, a charge negative.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TotalsView {
    pub sold_wh: Whole,
    pub sold: Amount,
    pub to_grid_wh: Whole,
    pub to_grid: Amount,
    pub bought_wh: Whole,
    pub bought: Amount,
    pub from_grid_wh: Whole,
    pub from_grid: Amount,
    pub fees: Amount,
    /// The sum of the five amounts.
    pub net: Amount,
    /// What the same energy would have come to with the utility alone.
    pub utility_only: Amount,
    /// Above feed-in, after fees.
    pub earned: Amount,
    /// Below retail, after fees.
    pub saved: Amount,
    pub slots: Whole,
    pub measured_slots: Whole,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EarningsDay {
    /// `2026-06-01`, a day of the home's zone.
    pub day: String,
    pub totals: TotalsView,
}

/// One day opened: its slots, which add up to the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EarningsDayView {
    pub day: String,
    pub totals: TotalsView,
    pub slots: Vec<EarningsSlot>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EarningsSlot {
    pub slot: Instant,
    pub certainty: Certainty,
    pub quality: Option<QualityView>,
    pub price_micros_per_kwh: Option<Whole>,
    pub totals: TotalsView,
    pub trades: Vec<TradeView>,
    /// More than 1 where a late reading changed it.
    pub version: Whole,
}

/// What clearing gave one of the household's orders: energy x price = amount, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TradeView {
    pub order: String,
    pub side: SideView,
    pub energy_wh: Whole,
    pub price_micros_per_kwh: Whole,
    pub amount: Amount,
}

impl Home {
    /// Returns a month, `2026-06`, or the present one.
    pub fn earnings(&self, month: Option<&str>) -> Result<EarningsView, Refusal> {
        let house = self.house()?;
        let first = match month {
            Some(month) => format!("{month}-01").parse().map_err(|_| not_a_date(month, "2026-06"))?,
            None => house.today().key().month_start(),
        };
        earnings(house, first).map_err(|error| history_refusal(&error))
    }

    /// Opens one day, `2026-06-01`: its slots and trades.
    pub fn earnings_day(&self, day: &str) -> Result<EarningsDayView, Refusal> {
        let house = self.house()?;
        let day = day.parse().map_err(|_| not_a_date(day, "2026-06-01"))?;
        earnings_day(house, day).map_err(|error| history_refusal(&error))
    }
}

fn not_a_date(text: &str, example: &str) -> Refusal {
    Refusal {
        code: "bad_date".to_owned(),
        message: format!("\"{text}\" is not a date."),
        hint: format!("Write it as {example}."),
    }
}

fn earnings(house: &House, first: DayKey) -> Result<EarningsView, HistoryError> {
    let month = first..first.next_month_start();
    let this_month = house.today().key().month_start();
    // A few years around are looked through; adding up ten for two buttons would be slow.
    let year = first.date().year();
    let months = house.history.month_totals(since(year - 2)..since(year + 3))?;
    let previous = months.iter().rev().map(|(month, _)| *month).find(|known| *known < first);
    let next = months.iter().map(|(month, _)| *month).chain([this_month]).find(|known| *known > first);
    let days = house.history.day_totals(month.clone())?;
    Ok(EarningsView {
        month: month_name(first),
        previous: previous.map(month_name),
        next: next.map(month_name),
        totals: TotalsView::from(&house.history.totals(month.clone())?),
        days: days
            .iter()
            .map(|(day, totals)| EarningsDay { day: day.to_string(), totals: TotalsView::from(totals) })
            .collect(),
        provisional_slots: Whole::new(provisional_slots(house, month)? as i64),
    })
}

/// Returns the first day of a year.
fn since(year: i32) -> DayKey {
    DayKey::new(chrono::NaiveDate::from_ymd_opt(year, 1, 1).expect("every year has a first day"))
}

fn month_name(first: DayKey) -> String {
    first.date().format("%Y-%m").to_string()
}

/// Counts slots that were measured and have no settlement yet.
fn provisional_slots(house: &House, month: std::ops::Range<DayKey>) -> Result<usize, HistoryError> {
    let Some(meter) = house.meter_id(Role::Grid) else { return Ok(0) };
    let Some(membership) = house.membership()? else { return Ok(0) };
    let slots = |day| LocalDay::new(day, house.zone()).slots().start;
    let range = slots(month.start).max(Slot::containing(membership.joined_at))..slots(month.end);
    if range.start >= range.end {
        return Ok(0);
    }
    let settled = house.history.settlements(range.clone())?;
    let settled: std::collections::HashSet<Slot> = settled.iter().map(|settled| settled.slot).collect();
    let measured = house.history.slots(&meter, range)?;
    Ok(measured.iter().filter(|row| !settled.contains(&row.slot)).count())
}

fn earnings_day(house: &House, day: DayKey) -> Result<EarningsDayView, HistoryError> {
    let slots = LocalDay::new(day, house.zone()).slots();
    let settled = house.history.settlements(slots.clone())?;
    let measured = match house.meter_id(Role::Grid) {
        Some(meter) => house.history.slots(&meter, slots)?,
        None => Vec::new(),
    };
    let quality = |slot| measured.iter().find(|row| row.slot == slot).map(|row| row.energy.quality.into());
    let now = house.now();
    Ok(EarningsDayView {
        day: day.to_string(),
        totals: TotalsView::from(&house.history.totals(day..day.next())?),
        slots: settled
            .iter()
            .map(|settled| EarningsSlot {
                slot: settled.slot.start().into(),
                certainty: super::certainty(house, settled.slot, now, true),
                quality: quality(settled.slot),
                price_micros_per_kwh: settled.price.map(Whole::from),
                totals: TotalsView::from(&totals_of(settled)),
                trades: trades(settled),
                version: Whole::new(settled.version.into()),
            })
            .collect(),
    })
}

/// Adds up one slot the way the history adds up days.
fn totals_of(settled: &Settlement) -> Totals {
    let mut totals = Totals {
        slots: 1,
        measured_slots: u32::from(settled.measured),
        import: settled.import,
        export: settled.export,
        sold: settled.sold,
        bought: settled.bought,
        from_utility: settled.from_utility,
        to_utility: settled.to_utility,
        sold_at_feed_in: settled.sold.at(settled.feed_in).unwrap_or_default(),
        bought_at_retail: settled.bought.at(settled.retail).unwrap_or_default(),
        ..Totals::default()
    };
    let sells = settled.sold > settled.bought;
    for posting in &settled.postings {
        let account = match (posting.what, sells) {
            (What::Retail, _) => &mut totals.retail,
            (What::FeedIn, _) => &mut totals.feed_in,
            (What::Energy, true) => &mut totals.sale_energy,
            (What::Energy, false) => &mut totals.purchase_energy,
            (What::GridFee | What::OperatorFee | What::Congestion | What::Tax, true) => &mut totals.sale_fees,
            (What::GridFee | What::OperatorFee | What::Congestion | What::Tax, false) => {
                &mut totals.purchase_fees
            }
        };
        *account += posting.amount;
        totals.balance += posting.amount;
    }
    totals
}

/// Returns the fills with their amounts: energy x price, exactly.
fn trades(settled: &Settlement) -> Vec<TradeView> {
    let Some(price) = settled.price else { return Vec::new() };
    let amount = |energy: units::WattHours, side| {
        let amount = energy.at(price).unwrap_or_default();
        if side == Side::Sell { amount } else { -amount }
    };
    settled
        .fills
        .iter()
        .map(|fill| TradeView {
            order: fill.order.to_string(),
            side: fill.side.into(),
            energy_wh: fill.filled.into(),
            price_micros_per_kwh: price.into(),
            amount: amount(fill.filled, fill.side).into(),
        })
        .collect()
}

impl From<&Totals> for TotalsView {
    fn from(totals: &Totals) -> Self {
        let fees = totals.sale_fees + totals.purchase_fees;
        let alone = totals.balance - totals.earned() - totals.saved();
        Self {
            sold_wh: totals.sold.into(),
            sold: totals.sale_energy.into(),
            to_grid_wh: totals.to_utility.into(),
            to_grid: totals.feed_in.into(),
            bought_wh: totals.bought.into(),
            bought: totals.purchase_energy.into(),
            from_grid_wh: totals.from_utility.into(),
            from_grid: totals.retail.into(),
            fees: fees.into(),
            net: totals.balance.into(),
            utility_only: alone.into(),
            earned: totals.earned().into(),
            saved: totals.saved().into(),
            slots: Whole::new(totals.slots.into()),
            measured_slots: Whole::new(totals.measured_slots.into()),
        }
    }
}

impl TotalsView {
    /// Returns whether the lines add up to the net: what a test of the page relies on.
    #[cfg(test)]
    fn adds_up(totals: &Totals) -> bool {
        let lines = [totals.sale_energy, totals.feed_in, totals.purchase_energy, totals.retail];
        let sum: units::Money = lines.into_iter().sum();
        sum + totals.sale_fees + totals.purchase_fees == totals.balance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::{Fill, Posting};
    use units::{AreaId, MarketId, Money, OrderId, Price, Timestamp, WattHours};

    fn settled() -> Settlement {
        let order = OrderId::new("order").unwrap();
        let posting =
            |what, nanos| Posting { reference: "order".to_owned(), what, amount: Money::from_nanos(nanos) };
        Settlement {
            market: MarketId::new("market").unwrap(),
            cursor: 1,
            slot: Slot::from_index(1_980_000),
            version: 1,
            local_day: "2026-06-21".parse().unwrap(),
            settled_at: Timestamp::from_seconds(1),
            area: AreaId::new("feeder").unwrap(),
            price: Some(Price::from_micros_per_kwh(150_000)),
            measured: true,
            source: None,
            import: WattHours::ZERO,
            export: WattHours::new(500),
            sold: WattHours::new(400),
            bought: WattHours::ZERO,
            from_utility: WattHours::ZERO,
            to_utility: WattHours::new(100),
            retail: Price::from_micros_per_kwh(320_000),
            feed_in: Price::from_micros_per_kwh(80_000),
            fills: vec![Fill { order, side: Side::Sell, filled: WattHours::new(400) }],
            deals: Vec::new(),
            postings: vec![
                posting(What::Energy, 60_000_000),
                posting(What::OperatorFee, -2_000_000),
                posting(What::FeedIn, 8_000_000),
            ],
        }
    }

    #[test]
    fn a_slot_adds_up_and_shows_what_it_earned_above_feed_in() {
        let totals = totals_of(&settled());
        assert!(TotalsView::adds_up(&totals));
        // 400 Wh at 0.15 less 0.08 is 28 milli, less the fee of 2 milli.
        assert_eq!(totals.earned(), Money::from_nanos(26_000_000));
        let view = TotalsView::from(&totals);
        assert_eq!(view.utility_only, Money::from_nanos(40_000_000).into());
        assert_eq!(view.net, Money::from_nanos(66_000_000).into());
    }

    /// A buyer with a deal on another feeder pays the grid on top of the price; in the auction the grid's fee and
    /// a full line are in the area's price already.
    #[test]
    fn the_grids_fee_lessens_what_a_buyer_saved() {
        let posting = |reference: &str, what, nanos| Posting {
            reference: reference.to_owned(),
            what,
            amount: Money::from_nanos(nanos),
        };
        let bought = Settlement {
            import: WattHours::new(1000),
            export: WattHours::ZERO,
            sold: WattHours::ZERO,
            bought: WattHours::new(600),
            from_utility: WattHours::new(400),
            to_utility: WattHours::ZERO,
            // 100 Wh at 0.20 by the deal, with 0.01 for two lines; 500 Wh at the area's 0.15.
            postings: vec![
                posting("deal", What::Energy, -20_000_000),
                posting("deal", What::GridFee, -1_000_000),
                posting("order", What::Energy, -75_000_000),
                posting("member", What::Retail, -128_000_000),
            ],
            ..settled()
        };
        let totals = totals_of(&bought);
        assert!(TotalsView::adds_up(&totals));
        let view = TotalsView::from(&totals);
        assert_eq!(view.fees, Money::from_nanos(-1_000_000).into());
        assert_eq!(view.net, Money::from_nanos(-224_000_000).into());
        assert_eq!(view.utility_only, Money::from_nanos(-320_000_000).into());
        assert_eq!((view.saved, view.earned), (Money::from_nanos(96_000_000).into(), Money::ZERO.into()));
    }

    #[test]
    fn a_trade_is_energy_times_price() {
        let trades = trades(&settled());
        assert_eq!(trades[0].amount, Money::from_nanos(60_000_000).into());
    }
}
