//! A whole street: real households, a real exchange, real meters, on a clock of 450 seconds a second.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use exchange_api::SlotState;
use metering::Quality;
use settlement::Account;
use simulator::house::{Naps, sleeper};
use simulator::street::{Street, StreetError, StreetOptions};
use units::{Clock as _, Energy, MemberId, Slot, Timestamp};

fn options(dir: &Path, past_days: u32) -> StreetOptions {
    StreetOptions {
        dir: dir.to_owned(),
        houses: 4,
        seed: 7,
        speed: 450.0,
        start: "2026-06-01T10:00:00Z".parse().unwrap(),
        app_house: None,
        past_days,
    }
}

/// Lives through so many slots and returns the street.
async fn live(street: &Street, slots: i64) -> std::ops::Range<Slot> {
    let range = street.first_slot()..street.first_slot().offset(slots);
    for slot in Slot::range(range.clone()) {
        street.wait_until(slot.end()).await;
        assert!(street.wait_settled(slot).await.unwrap(), "{slot} has no members");
    }
    range
}

#[tokio::test(flavor = "multi_thread")]
async fn a_street_trades_and_everything_adds_up() {
    let dir = tempfile::tempdir().unwrap();
    let street = Street::build(options(dir.path(), 2)).await.unwrap();
    let slots = live(&street, 4).await;
    let mut traded = 0;
    for slot in Slot::range(slots.clone()) {
        let line = street.slot_line(slot).await.unwrap().unwrap();
        assert_eq!(line.houses.len(), 4);
        for house in &line.houses {
            assert_eq!(house.quality, Quality::Measured, "{slot} {house:?}");
            assert!(!house.earned_nanos.is_negative() && !house.saved_nanos.is_negative());
        }
        assert_eq!(line.areas.len(), 3);
        for area in &line.areas {
            let price = area.price.unwrap().micros_per_kwh();
            assert!((81_000..=320_000).contains(&price), "{} at {price}", area.id);
        }
        for (house, neighbour) in line.houses.iter().zip(street.neighbours()) {
            assert_eq!(house.area.as_str(), format!("feeder-{}", neighbour.house.plan.feeder));
        }
        traded += line.traded_wh.get();
    }
    assert!(traded > 0, "neighbours trade by day");

    let summary = street.summary(slots.start, slots.end).await.unwrap();
    assert_eq!(summary.slots, 4);
    assert_eq!(summary.traded_wh.get(), traded);
    assert!(summary.holds(), "{summary:?}");

    statements_are_the_books(&street, slots.clone()).await;
    // The exchange's own books hold over the past as well, which it settled again.
    let audit = street.exchange().audit().await.unwrap();
    assert!(audit.holds(), "{audit:?}");
    assert!(audit.slots >= 2 * 96 + 4);
    what_the_meters_counted_is_what_was_read(&street, slots.start);
    the_past_ends_where_life_begins(&street, slots.start);
    every_contract_was_told(&street);
    street.finish().await;
}

/// The exchange knows the prices of the slots ahead: one for a fixed contract, several for one by the clock.
fn every_contract_was_told(street: &Street) {
    for neighbour in street.neighbours() {
        let history = neighbour.history().unwrap().unwrap();
        let told = history.setting("contract_told").unwrap().unwrap_or_default();
        let steps = told.matches("\"from\"").count();
        let by_the_clock = neighbour.house.plan.number == 4;
        assert_eq!((steps > 0, steps > 1), (true, by_the_clock), "{}: {told}", neighbour.member);
    }
}

/// Every house's statement verifies, and they are the exchange's books to the nano, and stay so.
async fn statements_are_the_books(street: &Street, slots: std::ops::Range<Slot>) {
    let closed = street.close_statements().await.unwrap();
    assert_eq!(closed.len(), 4);
    // Were anything settled still, the books would run ahead meanwhile.
    street.wait_until(Slot::containing(street.clock().now()).offset(3).start()).await;
    let balances = street.exchange().audit().await.unwrap().balances;
    for statement in &closed {
        let row = statement.outcome.as_ref().unwrap();
        let neighbour = street.neighbours().iter().find(|it| it.member == statement.member).unwrap();
        let history = neighbour.history().unwrap().unwrap();
        let paper = home::statement::stored(&history, row).unwrap().paper;
        let stated: Vec<Slot> = paper.slots.iter().map(|row| row.slot).collect();
        assert!(Slot::range(slots.clone()).all(|slot| stated.contains(&slot)), "{stated:?}");
        let account = Account::Member(statement.member.clone());
        let balance = balances.iter().find(|balance| balance.account == account).unwrap();
        let lived = i128::from(balance.amount.nanos()) - past(street, &statement.member, stated[0]).await;
        assert_eq!(i128::from(paper.total.gross_nanos.nanos()), lived, "{}", statement.member);
    }
}

/// Returns what a member's books come to in the two days of generated past before its first slot on paper.
async fn past(street: &Street, member: &MemberId, first: Slot) -> i128 {
    let mut sum = 0;
    for slot in Slot::range(first.offset(-2 * 96)..first) {
        let Some(report) = street.exchange().slot_report(slot).await.unwrap() else { continue };
        let account = Account::Member(member.clone());
        let own = report.postings.iter().filter(|posting| posting.account == account);
        sum += own.map(|posting| i128::from(posting.amount.nanos())).sum::<i128>();
    }
    sum
}

/// Between two samples the border is a straight line, so the register there lies between what the meter had
/// counted so long before and after as two samples may be apart.
fn what_the_meters_counted_is_what_was_read(street: &Street, slot: Slot) {
    let gap = Duration::from_secs(street.exchange().config().border_gap_s.into());
    // A float of 24 bits steps by half a watt-hour there.
    let step = Energy::from_watt_hours(1);
    for neighbour in street.neighbours() {
        let borders = neighbour.own_slot(slot).unwrap().unwrap().borders;
        for (at, import, export) in [
            (slot.start(), borders.import_start.unwrap(), borders.export_start.unwrap()),
            (slot.end(), borders.import_end.unwrap(), borders.export_end.unwrap()),
        ] {
            let (before, after) = (neighbour.house.counters(at - gap), neighbour.house.counters(at + gap));
            assert!(before.import - step <= import && import <= after.import + step, "{borders:?}");
            assert!(before.export - step <= export && export <= after.export + step, "{borders:?}");
        }
    }
}

/// Every household remembers each past slot as settled, by the same figures as the exchange.
fn the_past_ends_where_life_begins(street: &Street, first: Slot) {
    for neighbour in street.neighbours() {
        let history = neighbour.history().unwrap().unwrap();
        let settled = history.settlements(first.offset(-200)..first).unwrap();
        let by_slot: BTreeMap<Slot, u32> = settled.iter().map(|it| (it.slot, it.version)).collect();
        assert!(by_slot.len() >= 2 * 96, "{} slots", by_slot.len());
        assert!(settled.iter().any(|it| !it.sold.is_zero() || !it.bought.is_zero()));
        let decided = history.decisions(first.offset(-50)..first.offset(-49)).unwrap();
        assert_eq!(decided.len(), 2);
        let orders = history.orders(first.offset(-50)..first.offset(-49)).unwrap();
        assert!(orders.iter().all(|order| order.state == history::OrderState::Cleared), "{orders:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_meter_holds_up_nobody_and_makes_no_energy() {
    let dir = tempfile::tempdir().unwrap();
    let street = Street::build(options(dir.path(), 0)).await.unwrap();
    let first = street.first_slot();
    street.wait_until(first.start()).await;
    let faults = street.neighbours()[1].meters.faults().clone();
    faults.set(simulator::meter::Fault::Silent);
    street.wait_until(first.end()).await;
    faults.set(simulator::meter::Fault::None);
    let slots = live(&street, 2).await;
    let line = street.slot_line(first).await.unwrap().unwrap();
    assert_ne!(line.houses[1].quality, Quality::Measured);
    assert_eq!((line.houses[1].bought_wh.get(), line.houses[1].import_wh), (0, None));
    let state = street.exchange().slots(first..first.next()).await.unwrap().slots[0].state;
    assert!(state >= SlotState::Settled);
    let summary = street.summary(slots.start, slots.end).await.unwrap();
    assert!(summary.holds(), "{summary:?}");
    street.finish().await;
}

/// Returns the sleeping house's first short nap in June.
fn short_nap(seed: u64, house: u32) -> std::ops::Range<Timestamp> {
    let naps = Naps::of(seed, house);
    let mut awake = "2026-06-01T00:00:00Z".parse().unwrap();
    loop {
        let nap = naps.next(awake);
        if nap.end < nap.start + Duration::from_secs(2400) {
            return nap;
        }
        awake = nap.end;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computer_that_sleeps_trades_nothing_meanwhile_and_goes_on_when_it_wakes() {
    let dir = tempfile::tempdir().unwrap();
    let nap = short_nap(7, sleeper(7, 4, None).unwrap());
    let (from, to) = (Slot::containing(nap.start), Slot::containing(nap.end));
    let start = from.start();
    let street = Street::build(StreetOptions { start, ..options(dir.path(), 0) }).await.unwrap();
    let sleeper = street.let_one_sleep().unwrap();
    let slots = from..to.offset(2);
    let mut others_traded = 0;
    for slot in Slot::range(slots.clone()) {
        street.wait_until(slot.end()).await;
        assert!(street.wait_settled(slot).await.unwrap());
        let line = street.slot_line(slot).await.unwrap().unwrap();
        for house in &line.houses {
            let asleep = house.id == sleeper.member && slot <= to;
            assert_eq!(house.quality == Quality::Measured, !asleep, "{slot} {house:?}");
            if asleep {
                assert_eq!((house.import_wh, house.bought_wh.get(), house.saved_nanos.nanos()), (None, 0, 0));
            } else {
                others_traded += house.bought_wh.get();
            }
        }
    }
    assert!(others_traded > 0, "the neighbours trade on");
    // The meter counted on meanwhile: what it showed after the nap is where the next slot begins.
    let woken = sleeper.own_slot(to.next()).unwrap().unwrap().borders.import_start.unwrap();
    let counted = sleeper.house.counters(to.end()).import - sleeper.house.counters(from.start()).import;
    assert!(counted > Energy::ZERO && woken > sleeper.house.counters(nap.start).import);
    let summary = street.summary(slots.start, slots.end).await.unwrap();
    assert!(summary.holds(), "{summary:?}");
    let audit = street.exchange().audit().await.unwrap();
    assert!(audit.holds(), "{audit:?}");
    street.finish().await;
}

#[tokio::test]
async fn what_cannot_be_simulated_is_refused_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let refused = async |change: fn(&mut StreetOptions)| {
        let mut options = options(dir.path(), 0);
        change(&mut options);
        Street::build(options).await.unwrap_err().to_string()
    };
    assert!(refused(|options| options.speed = 451.0).await.contains("at least 2 s of real time"));
    assert!(refused(|options| options.speed = f64::NAN).await.contains("--speed"));
    assert!(refused(|options| options.houses = 0).await.contains("--houses"));
    assert!(refused(|options| options.app_house = Some(5)).await.contains("no house 5"));
    std::fs::create_dir(dir.path().join("exchange")).unwrap();
    let inhabited = Street::build(options(dir.path(), 0)).await.unwrap_err();
    assert!(matches!(inhabited, StreetError::Inhabited(_)), "{inhabited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_house_of_a_window_is_left_to_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let street = Street::build(StreetOptions { app_house: Some(1), ..options(dir.path(), 0) }).await.unwrap();
    let neighbour = &street.neighbours()[0];
    assert!(neighbour.history().unwrap().is_none());
    for file in ["home.toml", "rules.toml", "invitation.txt", "passphrase"] {
        assert!(neighbour.dir.join(file).exists(), "{file}");
    }
    let config = home::config::HomeConfig::load(&neighbour.dir).unwrap();
    assert_eq!(config.simulation, Some(street.clock().scale()));
    let slots = live(&street, 1).await;
    assert_eq!(street.slot_line(slots.start).await.unwrap().unwrap().houses.len(), 3);
    street.finish().await;
}
