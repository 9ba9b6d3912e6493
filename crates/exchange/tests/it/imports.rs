//! A generated past comes in whole, proved, or not at all.

use exchange::{ExchangeError, Failure, PastSlot};
use exchange_api::{SlotState, new_order_id};
use market::Side;
use settlement::{Fees, MemberOrder, MeteredMember, SlotInput};
use units::{MemberId, Slot, WattHours};

use crate::street::{Street, price, slot, wh};

fn past(street: &Street, at: Slot, energy: i64) -> PastSlot {
    let member = |id: &str, import, export| MeteredMember {
        id: MemberId::new(id).unwrap(),
        area: street.exchange.config().areas[0].id.clone(),
        import: wh(import),
        export: wh(export),
        retail: price(300_000),
        feed_in: price(80_000),
    };
    let order = |member: &str, side, limit| MemberOrder {
        id: new_order_id(),
        member: MemberId::new(member).unwrap(),
        side,
        quantity: wh(5000),
        limit: price(limit),
    };
    let input = SlotInput {
        slot: at,
        areas: street.exchange.config().market_areas(),
        members: vec![member("home-01", 0, energy), member("home-02", energy + 50, 0)],
        deals: Vec::new(),
        orders: vec![order("home-01", Side::Sell, 100_000), order("home-02", Side::Buy, 250_000)],
        fees: Fees::default(),
    };
    let settlement = settlement::settle(&input).unwrap();
    PastSlot { input, settlement, settled_at: at.end() }
}

#[tokio::test]
async fn a_past_is_there_before_its_members_join() {
    let street = Street::new().await;
    let (first, second) = (street.invite("home-01").await, street.invite("home-02").await);
    // More than a page, some of it final and some not.
    let days =
        ["2026-05-16T00:00:00Z", "2026-05-29T00:00:00Z"].map(|day| slot(day)..slot(day).offset(3 * 96));
    let slots: Vec<PastSlot> =
        days.into_iter().flat_map(Slot::range).map(|at| past(&street, at, 100)).collect();
    let count = slots.len();
    street.exchange.import_settled(slots).await.unwrap();
    let home =
        crate::street::Home::new(&street.address, "home-01", exchange_api::DeviceKey::generate().unwrap());
    home.join(&first).await.unwrap();
    let mut cursor = 0;
    let mut sold = WattHours::ZERO;
    loop {
        let page = home.client.settlements(cursor, 0).await.unwrap();
        if page.settlements.is_empty() {
            break;
        }
        sold += page.settlements.iter().map(|it| it.sold).sum();
        cursor = page.next;
    }
    assert_eq!(sold, wh(100 * count as i64));
    let summaries =
        street.exchange.slots(slot("2026-05-16T00:00:00Z")..slot("2026-05-16T00:15:00Z")).await.unwrap();
    assert_eq!(summaries.slots[0].state, SlotState::Final);
    let last = street.exchange.slot_report(slot("2026-05-31T23:45:00Z")).await.unwrap().unwrap();
    assert_eq!(last.state, SlotState::Settled);
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds() && audit.slots == count as u64, "{audit:?}");
    // The present goes on after it.
    let other =
        crate::street::Home::new(&street.address, "home-02", exchange_api::DeviceKey::generate().unwrap());
    other.join(&second).await.unwrap();
    street.exchange.tick().await.unwrap();
    home.offer(slot("2026-06-01T13:00:00Z"), 10, 100_000).await;
}

#[tokio::test]
async fn a_past_that_does_not_settle_so_is_refused_whole() {
    let street = Street::new().await;
    street.invite("home-01").await;
    street.invite("home-02").await;
    let good = past(&street, slot("2026-05-31T12:00:00Z"), 100);
    let mut forged = past(&street, slot("2026-05-31T12:15:00Z"), 100);
    forged.settlement.residual[0].export = wh(1);
    let future = past(&street, slot("2026-06-01T12:00:00Z"), 100);
    for bad in [forged, future, good.clone()] {
        let error = street.exchange.import_settled(vec![good.clone(), bad]).await.unwrap_err();
        assert!(matches!(error, Failure::Refused(_)), "{error}");
    }
    assert_eq!(street.exchange.audit().await.unwrap().slots, 0);
    street.exchange.import_settled(vec![good]).await.unwrap();
}

#[tokio::test]
async fn an_invitation_names_an_area_that_exists_and_a_meter_that_is_free() {
    let street = Street::new().await;
    street.invite("home-01").await;
    let limits = exchange_api::Limits { fuse_w: 1, exposure: units::Money::ZERO };
    let invite = |member: &str, area: &str, meter: &str| exchange::Invite {
        member: MemberId::new(member).unwrap(),
        area: units::AreaId::new(area).unwrap(),
        metering_point: meter.to_owned(),
        limits,
        expires: crate::street::noon(),
        address: street.address.clone(),
    };
    let file = street.dir().join("market.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let area = "\n[[area]]\nid = \"not-yet\"\nparent = \"feeder-1\"\nfee_micros_per_kwh = 1\n";
    std::fs::write(&file, text + area).unwrap();
    for bad in [
        invite("home-02", "nowhere", "m2"),
        invite("home-02", "not-yet", "m2"),
        invite("home-02", "feeder-1", "meter-of-home-01"),
        invite("home-01", "feeder-1", "another-meter"),
        invite("01890a5d-ac96-774b-bcce-b302099a8057", "feeder-1", "m2"),
    ] {
        let error = street.exchange.invite(bad).await.unwrap_err();
        assert!(matches!(error, ExchangeError::Failure(Failure::Refused(_))), "{error}");
    }
}
