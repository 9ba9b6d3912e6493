//! Whatever a street does, energy and money are conserved and nobody is worse off for trading.

use exchange_api::{CancelOrders, SlotState};
use market::Side;
use proptest::prelude::*;
use proptest::test_runner::Config;
use units::Slot;

use crate::street::{Home, Street, price, slot};

const HOMES: usize = 4;
const SLOTS: usize = 5;

/// What a household does about one slot.
#[derive(Clone, Debug)]
struct Deed {
    sell_at: Option<i64>,
    buy_at: Option<i64>,
    cancels: bool,
    import: i64,
    export: i64,
    report: Report,
}

#[derive(Clone, Copy, Debug)]
enum Report {
    InTime,
    Unmeasured,
    Late,
    Never,
}

fn deed() -> impl Strategy<Value = Deed> {
    let limit = || prop::option::weighted(0.7, 80_000i64..=300_000);
    let report = prop_oneof![
        6 => Just(Report::InTime),
        1 => Just(Report::Unmeasured),
        1 => Just(Report::Late),
        1 => Just(Report::Never),
    ];
    (limit(), limit(), prop::bool::weighted(0.1), 0i64..3000, 0i64..3000, report).prop_map(
        |(sell_at, buy_at, cancels, import, export, report)| Deed {
            sell_at,
            buy_at,
            cancels,
            import,
            export,
            report,
        },
    )
}

/// A home with its registers, which go on counting whether they are reported or not.
struct Metered {
    home: Home,
    import: i64,
    export: i64,
    late: Vec<(Slot, [i64; 4])>,
}

async fn live(deeds: &[Vec<Deed>], fee: i64) {
    let street = Street::with(|config| config.operator_fee_micros_per_kwh = price(fee)).await;
    let mut homes = Vec::new();
    for place in 0..HOMES {
        let home = street.home(&format!("home-{place}")).await;
        homes.push(Metered { home, import: 0, export: 0, late: Vec::new() });
    }
    let first = slot("2026-06-01T12:15:00Z");
    for (metered, place) in homes.iter().zip(0..) {
        order_ahead(&metered.home, first, deeds.iter().map(|deeds| &deeds[place])).await;
    }
    for (index, deeds) in deeds.iter().enumerate() {
        let current = first.offset(index as i64);
        street.at(&current.end().to_string()).await;
        for (metered, deed) in homes.iter_mut().zip(deeds) {
            let registers =
                [metered.import, metered.import + deed.import, metered.export, metered.export + deed.export];
            (metered.import, metered.export) = (registers[1], registers[3]);
            match deed.report {
                Report::InTime => drop(metered.home.report(current, Some(registers)).await),
                Report::Unmeasured => drop(metered.home.report(current, None).await),
                Report::Late => metered.late.push((current, registers)),
                Report::Never => {}
            }
        }
        street.exchange.tick().await.unwrap();
    }
    street.at("2026-06-01T18:00:00Z").await;
    for metered in &homes {
        for &(slot, registers) in &metered.late {
            metered.home.report(slot, Some(registers)).await;
        }
    }
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds() && audit.slots as usize >= SLOTS, "{audit:?}");
    for metered in &homes {
        check_member(&street, &metered.home).await;
    }
}

/// Places a home's orders for all slots, and changes its mind about some.
async fn order_ahead<'a>(home: &Home, first: Slot, deeds: impl Iterator<Item = &'a Deed>) {
    for (deed, index) in deeds.zip(0..) {
        let sides = [(Side::Sell, deed.sell_at), (Side::Buy, deed.buy_at)];
        for (side, limit) in sides.into_iter().filter_map(|(side, limit)| Some((side, limit?))) {
            let order = home.order(first.offset(index), side, 2500, limit);
            crate::street::assert_accepted(&home.place(order.clone()).await);
            if deed.cancels {
                home.client.cancel_orders(&CancelOrders::Ids(vec![order.id])).await.unwrap();
            }
        }
    }
}

/// Checks each newest settlement of a member against what the utility alone would have come to.
async fn check_member(street: &Street, home: &Home) {
    let page = home.client.settlements(0, 0).await.unwrap();
    for (place, settlement) in page.settlements.iter().enumerate() {
        let replaced = page.settlements[place + 1..].iter().any(|newer| newer.slot == settlement.slot);
        if replaced {
            continue;
        }
        let net: i64 = settlement.postings.iter().map(|posting| posting.amount.nanos()).sum();
        let retail = settlement.import.get() * settlement.contract.retail_micros_per_kwh.micros_per_kwh();
        let feed_in = settlement.export.get() * settlement.contract.feed_in_micros_per_kwh.micros_per_kwh();
        assert!(net >= feed_in - retail, "worse off in {settlement:?}");
        let report = street.exchange.slot_report(settlement.slot).await.unwrap().unwrap();
        assert!(report.state >= SlotState::Settled && report.version >= settlement.version);
    }
}

proptest! {
    // Each case is a street over real HTTP, about half a second.
    #![proptest_config(Config { cases: 4, max_shrink_iters: 20, failure_persistence: None, ..Config::default() })]
    #[test]
    fn a_street_conserves_energy_and_money_and_nobody_is_worse_off(
        deeds in prop::collection::vec(prop::collection::vec(deed(), HOMES), SLOTS),
        fee in 0i64..10_001,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(&deeds, fee));
    }
}
