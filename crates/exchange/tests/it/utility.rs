//! The utility's readings take the place of members' own, and the utility learns what was traded.

use exchange::{HEADER, UtilityImport};
use exchange_api::{
    MemberSettlement, ProblemCode, ReadingOutcome, ReadingSource, SlotState, public_key_from_text,
    verify_document, verify_json,
};

use crate::street::{Home, Street, slot, wh};

const NOON: &str = "2026-06-01T12:00:00Z";
const NEXT: &str = "2026-06-01T12:15:00Z";
const THIRD: &str = "2026-06-01T12:30:00Z";

/// Imports rows such as `home-01 SLOT 0 100 0 0`.
async fn import(street: &Street, rows: &[(&str, &str, [i64; 4])]) -> UtilityImport {
    let lines: Vec<String> = rows
        .iter()
        .map(|(member, at, [a, b, c, d])| format!("meter-of-{member},{at},{a},{b},{c},{d}"))
        .collect();
    let text = format!("{HEADER}\n{}\n", lines.join("\n"));
    let rows = exchange::parse_readings(&text).unwrap();
    street.exchange.import_readings(rows, &format!("digest of {text}")).await.unwrap()
}

async fn settlement(home: &Home, at: &str) -> MemberSettlement {
    let page = home.client.settlements(0, 0).await.unwrap();
    page.settlements.into_iter().rfind(|settlement| settlement.slot == slot(at)).unwrap()
}

fn amounts(settlement: &MemberSettlement) -> Vec<(&str, i64)> {
    settlement.postings.iter().map(|it| (it.what.as_str(), it.amount.nanos())).collect()
}

/// A street in which home-01 sold 600 of its 700 Wh to home-02 in the slot after noon.
async fn traded() -> (Street, Home, Home) {
    let street = Street::with(|config| config.final_after_s = 86_400).await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    seller.offer(slot(NEXT), 600, 100_000).await;
    buyer.bid(slot(NEXT), 1000, 200_000).await;
    street.at(THIRD).await;
    for home in [&seller, &buyer] {
        home.report(slot(NOON), None).await;
    }
    seller.report(slot(NEXT), Some([0, 0, 0, 700])).await;
    buyer.report(slot(NEXT), Some([0, 900, 0, 0])).await;
    street.exchange.tick().await.unwrap();
    assert_eq!(settlement(&buyer, NEXT).await.bought, wh(600));
    (street, seller, buyer)
}

#[tokio::test]
async fn the_utilitys_word_changes_only_that_members_postings_with_its_utility() {
    let (street, seller, buyer) = traded().await;
    let before = street.exchange.slot_report(slot(NEXT)).await.unwrap().unwrap();
    // The seller declared 700; it were 650, and 600 of them stay sold.
    let taken = import(&street, &[("home-01", NEXT, [0, 0, 9000, 9650])]).await;
    assert_eq!((taken.adjusted, taken.held.len()), (1, 0));
    let after = street.exchange.slot_report(slot(NEXT)).await.unwrap().unwrap();
    assert_eq!((after.version, after.state, after.traded), (2, SlotState::Adjusted, before.traded));
    let of_others = |report: &exchange::SlotReport| {
        let own = |account: &settlement::Account| account.to_string().ends_with(":home-01");
        report.postings.iter().filter(|posting| !own(&posting.account)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(of_others(&after), of_others(&before));
    assert_eq!(after.members[1], before.members[1]);
    let adjusted = settlement(&seller, NEXT).await;
    assert_eq!(
        (adjusted.source, adjusted.export, adjusted.sold),
        (Some(ReadingSource::Utility), wh(650), wh(600))
    );
    assert_eq!(amounts(&adjusted), [("energy", 600 * 200_000), ("feed_in", 50 * 80_000)]);
    assert_eq!(settlement(&buyer, NEXT).await.source, Some(ReadingSource::Member));
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{audit:?}");
    // The same file again changes nothing.
    assert_eq!(import(&street, &[("home-01", NEXT, [0, 0, 9000, 9650])]).await.known, 1);
    assert_eq!(street.exchange.slot_report(slot(NEXT)).await.unwrap().unwrap(), after);
}

#[tokio::test]
async fn who_sold_or_bought_more_than_his_meter_shows_gains_nothing() {
    let (street, seller, buyer) = traded().await;
    // 100 Wh of what was sold came from the utility, at retail; 200 of what was bought went to it, at feed-in.
    import(&street, &[("home-01", NEXT, [0, 0, 0, 500]), ("home-02", NEXT, [0, 400, 0, 0])]).await;
    let sold = settlement(&seller, NEXT).await;
    assert_eq!((sold.from_utility, sold.to_utility), (wh(100), wh(0)));
    assert_eq!(amounts(&sold), [("energy", 600 * 200_000), ("retail", -100 * 300_000)]);
    let bought = settlement(&buyer, NEXT).await;
    assert_eq!((bought.from_utility, bought.to_utility, bought.version), (wh(0), wh(200), 3));
    assert_eq!(amounts(&bought), [("energy", -600 * 200_000), ("feed_in", 200 * 80_000)]);
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds() && audit.energy_imbalance.is_zero(), "{audit:?}");
}

#[tokio::test]
async fn a_slot_that_only_the_utility_measured_is_traded() {
    let street = Street::new().await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    seller.offer(slot(NEXT), 600, 100_000).await;
    buyer.bid(slot(NEXT), 1000, 200_000).await;
    street.at(THIRD).await;
    buyer.report(slot(NOON), None).await;
    buyer.report(slot(NEXT), Some([0, 900, 0, 0])).await;
    let taken =
        import(&street, &[("home-01", NOON, [0, 0, 0, 10]), ("home-01", NEXT, [0, 0, 10, 410])]).await;
    assert_eq!(taken.accepted, 2);
    // Nobody is awaited any more.
    street.exchange.tick().await.unwrap();
    let sold = settlement(&seller, NEXT).await;
    assert_eq!((sold.sold, sold.source, sold.version), (wh(400), Some(ReadingSource::Utility), 1));
    // The device's own word comes late and counts less.
    let late = seller.report(slot(NEXT), Some([0, 0, 0, 500])).await;
    assert_eq!(late, ReadingOutcome::Late { slot: slot(NEXT), index: None });
    assert_eq!(settlement(&seller, NEXT).await, sold);
    assert!(street.exchange.audit().await.unwrap().holds());
}

#[tokio::test]
async fn rows_that_cannot_be_are_held_and_listed_and_stop_nobody() {
    let (street, seller, _) = traded().await;
    let taken = import(
        &street,
        &[
            ("home-01", NEXT, [0, 0, 1000, 1650]),
            ("home-01", NEXT, [0, 0, 1000, 1651]),
            ("home-01", NOON, [0, 0, 0, 1001]),
            ("home-01", NOON, [0, 0, 0, 999]),
            ("home-02", NOON, [10, 9, 0, 0]),
            ("home-02", NEXT, [0, 6_002, 0, 0]),
            ("nobody", NEXT, [0, 1, 0, 0]),
            ("home-01", THIRD, [0, 1, 1650, 1650]),
            ("home-01", "2026-06-01T11:00:00Z", [0, 1, 0, 0]),
            ("home-01", NOON, [0, 0, 900, 1000]),
        ],
    )
    .await;
    let reasons: Vec<_> = taken.held.iter().map(|held| (held.line, held.reason)).collect();
    assert_eq!(
        reasons,
        [
            (3, ProblemCode::ReadingContradicts),
            (4, ProblemCode::ReadingBackwards),
            (5, ProblemCode::ReadingContradicts),
            (6, ProblemCode::ReadingBackwards),
            (7, ProblemCode::BeyondFuse),
            (8, ProblemCode::NotFound),
            (9, ProblemCode::ReadingTooEarly),
            (10, ProblemCode::PastSlot),
        ]
    );
    assert_eq!((taken.rows, taken.adjusted), (10, 2));
    assert_eq!(settlement(&seller, NOON).await.to_utility, wh(100));
    street.at("2026-06-02T12:30:00Z").await;
    let last = import(&street, &[("home-02", NEXT, [0, 900, 0, 0])]).await;
    assert_eq!(last.held[0].reason, ProblemCode::SlotFinal);
    assert!(street.exchange.audit().await.unwrap().holds());
}

#[tokio::test]
async fn the_utility_is_told_what_was_traded_and_can_check_who_says_so() {
    let (street, ..) = traded().await;
    import(&street, &[("home-01", NEXT, [0, 0, 9000, 9650])]).await;
    let allocation = street.exchange.allocation(slot(NOON)..slot("2026-06-01T13:00:00Z")).await.unwrap();
    assert_eq!(allocation.unsettled.first(), Some(&slot(THIRD)));
    let csv = allocation.to_csv();
    assert_eq!(
        csv.lines().collect::<Vec<_>>(),
        [
            "metering_point,slot,version,is_final,source,import_wh,export_wh,sold_wh,bought_wh,residual_import_wh,\
             residual_export_wh",
            "meter-of-home-01,2026-06-01T12:00:00Z,1,false,,0,0,0,0,0,0",
            "meter-of-home-01,2026-06-01T12:15:00Z,2,false,utility,0,650,600,0,0,50",
            "meter-of-home-02,2026-06-01T12:00:00Z,1,false,,0,0,0,0,0,0",
            "meter-of-home-02,2026-06-01T12:15:00Z,1,false,member,900,0,0,600,300,0",
        ]
    );
    let key = public_key_from_text(&street.exchange.info().exchange_key).unwrap();
    let beside = street.exchange.sign_csv(&csv);
    verify_document(exchange::CSV_DOMAIN, csv.as_bytes(), &beside.signature, &key).unwrap();
    let changed = csv.replace(",600,", ",601,");
    assert!(verify_document(exchange::CSV_DOMAIN, changed.as_bytes(), &beside.signature, &key).is_err());
    let text = serde_json::to_string(&street.exchange.sign_allocation(allocation).unwrap()).unwrap();
    let mut read: exchange::SignedAllocation = serde_json::from_str(&text).unwrap();
    verify_json(exchange::JSON_DOMAIN, &read.body, &read.signature, &key).unwrap();
    read.body.rows[1].sold = wh(601);
    assert!(verify_json(exchange::JSON_DOMAIN, &read.body, &read.signature, &key).is_err());
}
