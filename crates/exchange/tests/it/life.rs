//! The life of a slot: from open to final, through restarts, to the nano.

use exchange_api::{MemberSettlement, OrderState, SlotState};
use settlement::{Account, What};
use tokio_util::sync::CancellationToken;
use units::{MemberId, Money, Slot};

use crate::street::{Home, Street, price, slot, wh};

const NOON: &str = "2026-06-01T12:00:00Z";
const NEXT: &str = "2026-06-01T12:15:00Z";

async fn state(street: &Street, at: &str) -> SlotState {
    let one = slot(at);
    street.exchange.slots(one..one.next()).await.unwrap().slots[0].state
}

async fn settlements(home: &Home) -> Vec<MemberSettlement> {
    home.client.settlements(0, 0).await.unwrap().settlements
}

/// The mean of the lowest and highest price that supports the trade, as the market's rules say.
#[tokio::test]
async fn surplus_goes_to_the_neighbour_at_the_middle_price() {
    let street = Street::new().await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    let offer = seller.offer(slot(NEXT), 1000, 100_000).await;
    let bid = buyer.bid(slot(NEXT), 1000, 200_000).await;
    street.at("2026-06-01T12:30:00Z").await;
    for (home, registers) in [(&seller, [50, 150, 0, 700]), (&buyer, [0, 900, 0, 0])] {
        home.report(slot(NOON), None).await;
        home.report(slot(NEXT), Some(registers)).await;
    }
    street.exchange.tick().await.unwrap();
    // The seller trades net: 700 exported less 100 imported, which the utility settles.
    let sold = settlements(&seller).await.pop().unwrap();
    assert_eq!((sold.sold, sold.to_utility, sold.from_utility), (wh(600), wh(100), wh(100)));
    assert_eq!(sold.fills[0].order, offer.id);
    // The seller is wholly filled and the buyer partly: the buyer is marginal.
    assert_eq!(sold.price, Some(price(200_000)));
    let bought = settlements(&buyer).await.pop().unwrap();
    assert_eq!((bought.bought, bought.from_utility, bought.fills[0].filled), (wh(600), wh(300), wh(600)));
    assert_eq!(bought.fills[0].order, bid.id);
    let amounts: Vec<_> = bought.postings.iter().map(|it| (it.what.as_str(), it.amount.nanos())).collect();
    assert_eq!(amounts, [("energy", -600 * 200_000), ("retail", -300 * 300_000)]);
    let list = buyer.client.orders(slot(NOON), slot("2026-06-01T13:00:00Z")).await.unwrap();
    assert_eq!((list.orders[0].state, list.orders[0].filled_wh), (OrderState::Cleared, wh(600)));
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds() && audit.postings_sum_nanos == 0, "{audit:?}");
}

#[tokio::test]
async fn bids_of_3000_and_7000_against_offers_of_5000_and_5000_clear_10000() {
    let street = Street::with(|config| config.operator_fee_micros_per_kwh = price(4_201)).await;
    let mut homes = Vec::new();
    for member in ["a", "b", "c", "d"] {
        homes.push(street.home(member).await);
    }
    homes[0].bid(slot(NEXT), 3000, 250_000).await;
    homes[1].bid(slot(NEXT), 6000, 250_000).await;
    homes[2].offer(slot(NEXT), 5000, 100_000).await;
    homes[3].offer(slot(NEXT), 4000, 100_000).await;
    street.at("2026-06-01T12:30:00Z").await;
    let registers = [[0, 3000, 0, 0], [0, 6000, 0, 0], [0, 0, 0, 5000], [0, 0, 0, 4000]];
    for (home, registers) in homes.iter().zip(registers) {
        home.report(slot(NOON), None).await;
        home.report(slot(NEXT), Some(registers)).await;
    }
    street.exchange.tick().await.unwrap();
    let report = street.exchange.slot_report(slot(NEXT)).await.unwrap().unwrap();
    assert_eq!((report.traded, report.orders), (wh(9000), 4));
    let sum: i64 = report.postings.iter().map(|posting| posting.amount.nanos()).sum();
    assert_eq!(sum, 0);
    let operator: i64 = report
        .postings
        .iter()
        .filter(|posting| posting.account == Account::Operator && posting.what == What::OperatorFee)
        .map(|posting| posting.amount.nanos())
        .sum();
    assert_eq!(operator, 9000 * 4_201);
    assert!(street.exchange.audit().await.unwrap().holds());
}

#[tokio::test]
async fn a_slot_without_orders_is_settled_with_the_utility() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    street.at("2026-06-01T12:15:00Z").await;
    home.report(slot(NOON), Some([100, 350, 7, 10])).await;
    street.exchange.tick().await.unwrap();
    let only = settlements(&home).await.pop().unwrap();
    assert_eq!((only.price, only.from_utility, only.to_utility), (None, wh(250), wh(3)));
    let net: i64 = only.postings.iter().map(|posting| posting.amount.nanos()).sum();
    assert_eq!(net, 3 * 80_000 - 250 * 300_000);
}

#[tokio::test]
async fn a_missing_meter_holds_up_nobody_for_longer_than_an_hour() {
    let street = Street::new().await;
    let (home, absent) = (street.home("home-01").await, street.home("home-02").await);
    street.at("2026-06-01T12:15:00Z").await;
    home.report(slot(NOON), Some([0, 100, 0, 0])).await;
    street.at("2026-06-01T13:14:59.999Z").await;
    assert_eq!(state(&street, NOON).await, SlotState::Delivered);
    street.at("2026-06-01T13:15:00Z").await;
    assert_eq!(state(&street, NOON).await, SlotState::Settled);
    let nothing = settlements(&absent).await.remove(0);
    assert_eq!((nothing.measured, nothing.import, nothing.postings.len()), (false, wh(0), 0));
}

#[tokio::test]
async fn an_exchange_closed_in_any_state_resumes_with_nothing_lost_or_doubled() {
    let mut street = Street::new().await;
    let (mut seller, mut buyer) = (street.home("home-01").await, street.home("home-02").await);
    let offer = seller.offer(slot(NEXT), 1000, 100_000).await;
    buyer.bid(slot(NEXT), 1000, 200_000).await;
    let steps = [
        ("2026-06-01T12:01:00Z", SlotState::Open),
        ("2026-06-01T12:10:00Z", SlotState::GateClosed),
        ("2026-06-01T12:30:00Z", SlotState::Delivered),
        ("2026-06-01T12:31:00Z", SlotState::Delivered),
        ("2026-06-01T13:30:00Z", SlotState::Settled),
        ("2026-06-15T12:30:00Z", SlotState::Final),
    ];
    for (index, (time, expected)) in steps.into_iter().enumerate() {
        street.at(time).await;
        assert_eq!(state(&street, NEXT).await, expected, "at {time}");
        street = street.restart().await;
        (seller, buyer) = (seller.moved_to(&street), buyer.moved_to(&street));
        street.exchange.tick().await.unwrap();
        assert_eq!(state(&street, NEXT).await, expected, "reopened at {time}");
        if index == 3 {
            seller.report(slot(NEXT), Some([0, 0, 0, 800])).await;
        }
    }
    let all = settlements(&seller).await;
    let of_slot: Vec<_> = all.iter().filter(|settlement| settlement.slot == slot(NEXT)).collect();
    assert_eq!(of_slot.len(), 1);
    // The buyer did not report, so nothing was traded and the seller's energy is the utility's.
    assert_eq!((of_slot[0].to_utility, of_slot[0].sold), (wh(800), wh(0)));
    let list = seller.client.orders(slot(NOON), slot("2026-06-01T13:00:00Z")).await.unwrap();
    assert_eq!((&list.orders[0].order, list.orders[0].state), (&offer, OrderState::Cleared));
    assert!(!settlements(&buyer).await.is_empty());
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{audit:?}");
}

/// A process can be killed after readings closed and before the slot is settled.
#[tokio::test]
async fn a_reading_between_closing_and_settling_is_late_and_not_lost() {
    let street = Street::new().await;
    let (home, absent) = (street.home("home-01").await, street.home("home-02").await);
    absent.bid(slot(NEXT), 500, 200_000).await;
    home.offer(slot(NEXT), 500, 100_000).await;
    street.at("2026-06-01T12:30:00Z").await;
    home.report(slot(NEXT), Some([0, 0, 0, 500])).await;
    let killed = rusqlite::Connection::open(street.dir().join("exchange.sqlite")).unwrap();
    let close = "update slot set state = 'readings_closed' where slot = ?1";
    assert_eq!(killed.execute(close, [slot(NEXT).index()]).unwrap(), 1);
    let outcome = absent.report(slot(NEXT), Some([0, 300, 0, 0])).await;
    assert_eq!(outcome, exchange_api::ReadingOutcome::Late { slot: slot(NEXT), index: None });
    street.exchange.tick().await.unwrap();
    let report = street.exchange.slot_report(slot(NEXT)).await.unwrap().unwrap();
    assert_eq!((report.state, report.version, report.traded), (SlotState::Adjusted, 2, wh(0)));
    let versions: Vec<_> =
        settlements(&absent).await.iter().map(|it| (it.version, it.from_utility)).collect();
    assert_eq!(versions, [(1, wh(0)), (2, wh(300))]);
    assert!(street.exchange.audit().await.unwrap().holds());
}

#[tokio::test]
async fn a_long_absence_is_caught_up_slot_by_slot() {
    let street = Street::new().await;
    street.home("home-01").await;
    let street = street.restart().await;
    street.at("2026-06-01T18:00:00Z").await;
    let slots = street.exchange.slots(slot(NOON)..slot("2026-06-01T18:00:00Z")).await.unwrap().slots;
    assert_eq!(slots.len(), 24);
    let settled = slots.iter().filter(|slot| slot.state == SlotState::Settled).count();
    // Readings of the last four are still awaited.
    assert_eq!(settled, 20);
    assert!(street.exchange.audit().await.unwrap().holds());
}

#[tokio::test]
async fn the_life_of_slots_runs_by_itself_and_ends_when_told() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let until = CancellationToken::new();
    let life = tokio::spawn({
        let (exchange, until) = (street.exchange.clone(), until.clone());
        async move { exchange.run_life(until).await }
    });
    street.clock.set(slot(NOON).end());
    home.report(slot(NOON), Some([0, 10, 0, 0])).await;
    let page = home.client.settlements(0, 10).await.unwrap();
    assert_eq!(page.settlements[0].slot, slot(NOON));
    // Nothing is newer; the poll that waits is answered by the next slot.
    let (next, ()) = tokio::join!(home.client.settlements(page.next, 10), async {
        street.clock.set(slot(NEXT).end());
        home.report(slot(NEXT), Some([10, 20, 0, 0])).await;
    });
    assert_eq!(next.unwrap().settlements[0].slot, slot(NEXT));
    until.cancel();
    life.await.unwrap();
}

#[tokio::test]
async fn another_configuration_governs_slots_whose_gate_is_open() {
    let street = Street::new().await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    let traded: [Slot; 2] = [slot(NEXT), slot("2026-06-01T12:30:00Z")];
    for at in traded {
        seller.offer(at, 1000, 100_000).await;
        buyer.bid(at, 1000, 200_000).await;
    }
    street.at("2026-06-01T12:12:00Z").await;
    let file = street.dir().join("market.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let fee = "operator_fee_micros_per_kwh = ";
    std::fs::write(&file, text.replace(&format!("{fee}0"), &format!("{fee}10000"))).unwrap();
    let street = street.restart().await;
    let (seller, buyer) = (seller.moved_to(&street), buyer.moved_to(&street));
    street.at("2026-06-01T12:45:00Z").await;
    for (index, at) in traded.into_iter().enumerate() {
        let register = index as i64 * 100;
        seller.report(at, Some([0, 0, register, register + 100])).await;
        buyer.report(at, Some([register, register + 100, 0, 0])).await;
    }
    street.at("2026-06-01T13:45:00Z").await;
    let mut fees = Vec::new();
    for at in traded {
        let report = street.exchange.slot_report(at).await.unwrap().unwrap();
        let operator = report.postings.iter().filter(|posting| posting.account == Account::Operator);
        fees.push(operator.map(|posting| posting.amount).sum::<Money>());
    }
    assert_eq!(fees, [Money::ZERO, Money::from_nanos(1_000_000)]);
    assert!(street.exchange.audit().await.unwrap().holds());
}

#[tokio::test]
async fn an_audit_notices_a_forged_figure() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    street.at("2026-06-01T12:15:00Z").await;
    home.report(slot(NOON), Some([0, 100, 0, 0])).await;
    street.exchange.tick().await.unwrap();
    let forged = rusqlite::Connection::open(street.dir().join("exchange.sqlite")).unwrap();
    forged.execute("update posting set nanos = nanos + 1 where account = 'member:home-01'", []).unwrap();
    let audit = street.exchange.audit().await.unwrap();
    assert!(!audit.holds());
    assert_eq!(audit.postings_sum_nanos, 1);
    assert_eq!((&audit.unbalanced_slots, &audit.deviating_slots), (&vec![slot(NOON)], &vec![slot(NOON)]));
    let member = Account::Member(MemberId::new("home-01").unwrap());
    let balance = audit.balances.iter().find(|balance| balance.account == member).unwrap();
    assert_eq!(balance.amount, Money::from_nanos(-100 * 300_000 + 1));
}
