//! Settlements and what they add up to: every figure is the sum of its slots, to the nano.

use history::{Fill, History, HistoryError, Posting, Settlement, SettlementRecorded, Totals, What};
use market::Side;
use proptest::prelude::*;
use units::{DayKey, MarketId, Money, Price, Slot, WattHours};

use crate::support::{noon, noon_slot, settlement};

fn street() -> MarketId {
    "street".parse().unwrap()
}

fn posting(what: What, nanos: i64) -> Posting {
    Posting { reference: "order".to_owned(), what, amount: Money::from_nanos(nanos) }
}

/// Sells 250 Wh at 0.15, the rest, 100 Wh, to the utility at 0.08; half a fee of 0.01.
fn sale(cursor: i64, slot: Slot) -> Settlement {
    Settlement {
        export: WattHours::new(350),
        sold: WattHours::new(250),
        to_utility: WattHours::new(100),
        fills: vec![Fill { order: "order".parse().unwrap(), side: Side::Sell, filled: WattHours::new(250) }],
        postings: vec![
            posting(What::Energy, 250 * 150_000),
            posting(What::FeedIn, 100 * 80_000),
            posting(What::OperatorFee, -250 * 5_000),
        ],
        ..settlement(cursor, slot, 1)
    }
}

/// Buys 200 Wh at 0.15 with the same fee, and 50 Wh from the utility at 0.32.
fn purchase(cursor: i64, slot: Slot) -> Settlement {
    Settlement {
        import: WattHours::new(250),
        bought: WattHours::new(200),
        from_utility: WattHours::new(50),
        postings: vec![
            posting(What::Energy, -200 * 150_000),
            posting(What::OperatorFee, -200 * 5_000),
            posting(What::Retail, -50 * 320_000),
        ],
        ..settlement(cursor, slot, 1)
    }
}

fn june() -> std::ops::Range<DayKey> {
    "2026-06-01".parse().unwrap().."2026-07-01".parse().unwrap()
}

#[test]
fn a_settlement_comes_back_as_it_was() {
    let history = History::in_memory().unwrap();
    let settled = sale(1, noon_slot());
    assert_eq!(history.record_settlement(&settled, noon()).unwrap(), SettlementRecorded::New);
    assert_eq!(history.settlements(noon_slot()..noon_slot().next()).unwrap(), std::slice::from_ref(&settled));
    assert_eq!(history.last_settlement().unwrap(), Some(settled));
}

#[test]
fn a_settlement_that_comes_twice_counts_once() {
    let history = History::in_memory().unwrap();
    let settled = sale(1, noon_slot());
    history.record_settlement(&settled, noon()).unwrap();
    assert_eq!(history.record_settlement(&settled, noon()).unwrap(), SettlementRecorded::Same);
    assert_eq!(history.totals(june()).unwrap().slots, 1);
}

#[test]
fn an_exchange_that_tells_two_stories_is_caught_and_nothing_of_the_page_is_kept() {
    let history = History::in_memory().unwrap();
    history.record_settlement(&sale(1, noon_slot()), noon()).unwrap();
    let mut other = sale(1, noon_slot());
    other.postings[0].amount = Money::from_nanos(1);
    let page = vec![purchase(2, noon_slot().next()), other];
    let refused = history.record_settlements(&street(), page, 2, noon());
    assert!(matches!(refused, Err(HistoryError::Contradiction { .. })));
    assert_eq!(history.totals(june()).unwrap().slots, 1);
    assert_eq!(history.settlement_cursor(&street()).unwrap(), Some(1));
    let moved = Settlement { cursor: 9, ..purchase(9, noon_slot()) };
    let refused = history.record_settlement(&moved, noon());
    assert!(matches!(refused, Err(HistoryError::Contradiction { .. })), "the same version at another place");
}

#[test]
fn a_later_version_replaces_the_earlier_in_every_sum_and_both_stay() {
    let history = History::in_memory().unwrap();
    history.record_settlement(&sale(1, noon_slot()), noon()).unwrap();
    let adjusted = Settlement { version: 2, measured: false, ..purchase(2, noon_slot()) };
    history.record_settlement(&adjusted, noon()).unwrap();
    assert_eq!(history.settlements(noon_slot()..noon_slot().next()).unwrap(), [adjusted]);
    assert_eq!(history.settlement_versions(noon_slot()).unwrap().len(), 2);
    let totals = history.totals(june()).unwrap();
    assert_eq!((totals.slots, totals.measured_slots), (1, 0));
    assert_eq!((totals.sold.get(), totals.bought.get()), (0, 200));
}

#[test]
fn an_empty_page_moves_the_cursor_and_an_old_one_does_not_move_it_back() {
    let history = History::in_memory().unwrap();
    assert_eq!(history.settlement_cursor(&street()).unwrap(), None);
    history.record_settlements(&street(), Vec::new(), 41, noon()).unwrap();
    history.record_settlements(&street(), Vec::new(), 7, noon()).unwrap();
    assert_eq!(history.settlement_cursor(&street()).unwrap(), Some(41));
}

#[test]
fn totals_tell_sold_from_bought_and_what_it_was_worth() {
    let history = History::in_memory().unwrap();
    history.record_settlement(&sale(1, noon_slot()), noon()).unwrap();
    history.record_settlement(&purchase(2, noon_slot().next()), noon()).unwrap();
    let totals = history.totals(june()).unwrap();
    let expected = Totals {
        slots: 2,
        measured_slots: 2,
        import: WattHours::new(250),
        export: WattHours::new(350),
        sold: WattHours::new(250),
        bought: WattHours::new(200),
        from_utility: WattHours::new(50),
        to_utility: WattHours::new(100),
        sale_energy: Money::from_nanos(37_500_000),
        sale_fees: Money::from_nanos(-1_250_000),
        purchase_energy: Money::from_nanos(-30_000_000),
        purchase_fees: Money::from_nanos(-1_000_000),
        retail: Money::from_nanos(-16_000_000),
        feed_in: Money::from_nanos(8_000_000),
        balance: Money::from_nanos(-2_750_000),
        sold_at_feed_in: Money::from_nanos(20_000_000),
        bought_at_retail: Money::from_nanos(64_000_000),
    };
    assert_eq!(totals, expected);
    assert_eq!(totals.earned(), Money::from_nanos(250 * (150_000 - 5_000 - 80_000)));
    assert_eq!(totals.saved(), Money::from_nanos(200 * (320_000 - 150_000 - 5_000)));
}

#[test]
fn a_day_belongs_to_the_month_its_local_date_says() {
    let history = History::in_memory().unwrap();
    // 22:00 UTC on 30 June is 1 July in Berlin.
    let last_of_june: Slot = "2026-06-30T21:45:00Z".parse().unwrap();
    history.record_settlement(&sale(1, last_of_june), noon()).unwrap();
    history.record_settlement(&sale(2, last_of_june.next()), noon()).unwrap();
    assert_eq!(history.totals(june()).unwrap().slots, 1);
    let all = "2026-01-01".parse().unwrap().."2027-01-01".parse().unwrap();
    let months = history.month_totals(all).unwrap();
    let slots: Vec<_> = months.iter().map(|(month, totals)| (month.to_string(), totals.slots)).collect();
    assert_eq!(slots, [("2026-06-01".to_owned(), 1), ("2026-07-01".to_owned(), 1)]);
}

#[test]
fn nothing_settled_is_nothing_earned() {
    assert_eq!(History::in_memory().unwrap().totals(june()).unwrap(), Totals::default());
}

#[test]
fn a_sum_that_does_not_fit_is_an_error_and_never_a_rounded_number() {
    let history = History::in_memory().unwrap();
    for (cursor, slot) in [(1, noon_slot()), (2, noon_slot().next())] {
        let mut absurd = sale(cursor, slot);
        absurd.postings[0].amount = Money::from_nanos(i64::MAX - 1);
        history.record_settlement(&absurd, noon()).unwrap();
    }
    assert!(matches!(history.totals(june()), Err(HistoryError::Sql { .. })));
    let history = History::in_memory().unwrap();
    let mut absurd = sale(1, noon_slot());
    absurd.feed_in = Price::from_micros_per_kwh(i64::MAX);
    history.record_settlement(&absurd, noon()).unwrap();
    assert!(matches!(history.totals(june()), Err(HistoryError::Sql { .. })), "a product beyond 64 bits");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn slots_add_up_to_days_months_and_the_whole(
        slots in prop::collection::btree_map(0i64..3000, (any::<bool>(), 0i64..5000, -400_000i64..400_000), 1..40)
    ) {
        let history = History::in_memory().unwrap();
        let settled: Vec<_> = (1..).zip(slots).map(|(cursor, (offset, (sells, wh, micros)))| {
            let slot = noon_slot().offset(offset);
            let mut settled = if sells { sale(cursor, slot) } else { purchase(cursor, slot) };
            let traded = if sells { &mut settled.sold } else { &mut settled.bought };
            *traded = WattHours::new(wh + 1);
            settled.postings[0].amount = Money::from_nanos((wh + 1) * micros);
            settled
        }).collect();
        history.record_settlements(&street(), settled.clone(), settled.len() as i64, noon()).unwrap();
        let year = "2026-01-01".parse().unwrap().."2027-01-01".parse().unwrap();
        let balance: Money = settled.iter().flat_map(|one| &one.postings).map(|posting| posting.amount).sum();
        let (whole, days, months) = (
            history.totals(year.clone()).unwrap(),
            history.day_totals(year.clone()).unwrap(),
            history.month_totals(year).unwrap(),
        );
        prop_assert_eq!(whole.balance, balance);
        prop_assert_eq!(days.iter().map(|(_, day)| day.balance).sum::<Money>(), balance);
        prop_assert_eq!(months.iter().map(|(_, month)| month.balance).sum::<Money>(), balance);
        prop_assert_eq!(days.iter().map(|(_, day)| day.earned()).sum::<Money>(), whole.earned());
        prop_assert_eq!(months.iter().map(|(_, month)| month.saved()).sum::<Money>(), whole.saved());
        let parts = whole.sale_energy + whole.sale_fees + whole.purchase_energy + whole.purchase_fees
            + whole.retail + whole.feed_in;
        prop_assert_eq!(parts, balance);
    }
}
