//! Readings: what counts, what is held, what is late.

use exchange_api::{MemberSettlement, ProblemCode, ReadingOutcome, SlotState};

use crate::street::{Home, Street, slot, wh};

const NOON: &str = "2026-06-01T12:00:00Z";
const NEXT: &str = "2026-06-01T12:15:00Z";
const THIRD: &str = "2026-06-01T12:30:00Z";

fn held(outcome: ReadingOutcome) -> ProblemCode {
    match outcome {
        ReadingOutcome::Held { problem, .. } => problem.code,
        other => panic!("{other:?} is not held"),
    }
}

fn refused(outcome: ReadingOutcome) -> ProblemCode {
    match outcome {
        ReadingOutcome::Refused { problem, .. } => problem.code,
        other => panic!("{other:?} is not refused"),
    }
}

fn accepted(at: &str) -> ReadingOutcome {
    ReadingOutcome::Accepted { slot: slot(at), index: None }
}

#[tokio::test]
async fn a_reading_counts_once_the_slot_is_over() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    street.at("2026-06-01T12:14:00Z").await;
    assert_eq!(refused(home.report(slot(NOON), Some([0, 100, 0, 0])).await), ProblemCode::ReadingTooEarly);
    street.at("2026-06-01T12:15:01Z").await;
    assert_eq!(home.report(slot(NOON), Some([0, 100, 0, 0])).await, accepted(NOON));
    // The same again is the same, whatever its salt.
    assert_eq!(home.report(slot(NOON), Some([0, 100, 0, 0])).await, accepted(NOON));
}

#[tokio::test]
async fn what_cannot_be_is_held_and_the_first_word_stays() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    street.at("2026-06-01T13:00:00Z").await;
    assert_eq!(home.report(slot(NEXT), Some([1000, 1100, 500, 500])).await, accepted(NEXT));
    for (at, registers, code) in [
        (NEXT, Some([1000, 1101, 500, 500]), ProblemCode::ReadingContradicts),
        (NEXT, None, ProblemCode::ReadingContradicts),
        (NOON, Some([1000, 999, 500, 500]), ProblemCode::ReadingBackwards),
        (NOON, Some([-1, 1000, 500, 500]), ProblemCode::ReadingBackwards),
        // Neighbours share a border.
        (NOON, Some([900, 1001, 500, 500]), ProblemCode::ReadingBackwards),
        (NOON, Some([900, 999, 500, 500]), ProblemCode::ReadingContradicts),
        (THIRD, Some([1099, 1200, 500, 500]), ProblemCode::ReadingBackwards),
        (THIRD, Some([1100, 1200, 501, 501]), ProblemCode::ReadingContradicts),
        // 24 kW for a quarter hour are 6000 Wh, and a watt-hour for whole registers.
        (THIRD, Some([1100, 7102, 500, 500]), ProblemCode::BeyondFuse),
    ] {
        assert_eq!(held(home.report(slot(at), registers).await), code, "{at} {registers:?}");
    }
    assert_eq!(home.report(slot(NOON), Some([900, 1000, 500, 500])).await, accepted(NOON));
    assert_eq!(home.report(slot(THIRD), Some([1100, 7101, 500, 500])).await, accepted(THIRD));
}

#[tokio::test]
async fn a_held_reading_holds_up_nobody_else() {
    let street = Street::new().await;
    let (home, other) = (street.home("home-01").await, street.home("home-02").await);
    street.at("2026-06-01T12:15:00Z").await;
    held(home.report(slot(NOON), Some([10, 0, 0, 0])).await);
    other.report(slot(NOON), Some([0, 50, 0, 0])).await;
    street.at("2026-06-01T13:14:59Z").await;
    assert!(street.exchange.slot_report(slot(NOON)).await.unwrap().is_none());
    street.at("2026-06-01T13:15:00Z").await;
    let report = street.exchange.slot_report(slot(NOON)).await.unwrap().unwrap();
    assert!(!report.members[0].1.measured);
    assert_eq!(report.members[1].1.from_utility, wh(50));
}

#[tokio::test]
async fn a_member_speaks_for_its_own_meter_only() {
    let street = Street::new().await;
    let (home, other) = (street.home("home-01").await, street.home("home-02").await);
    street.at("2026-06-01T12:15:00Z").await;
    let foreign = other.reading(slot(NOON), Some([0, 1, 0, 0]));
    assert_eq!(refused(home.report_signed(foreign).await), ProblemCode::UnknownKey);
    let mut wrong_meter = home.reading(slot(NOON), None).body;
    wrong_meter.metering_point = "meter-of-home-02".to_owned();
    let signed = exchange_api::Signed::sign(wrong_meter, &home.key, [1; 32]).unwrap();
    assert_eq!(refused(home.report_signed(signed).await), ProblemCode::NotYours);
    let before = home.reading(slot("2026-06-01T11:45:00Z"), None);
    assert_eq!(refused(home.report_signed(before).await), ProblemCode::PastSlot);
    let mut forged = home.reading(slot(NOON), Some([0, 1, 0, 0]));
    forged.body.registers.as_mut().unwrap().export_end_wh = wh(5_000);
    assert_eq!(refused(home.report_signed(forged).await), ProblemCode::BadSignature);
}

async fn newest(home: &Home) -> MemberSettlement {
    home.client.settlements(0, 0).await.unwrap().settlements.pop().unwrap()
}

#[tokio::test]
async fn a_late_reading_changes_its_members_postings_with_the_utility_only() {
    let street = Street::new().await;
    let [seller, buyer, absent] =
        [street.home("home-01").await, street.home("home-02").await, street.home("home-03").await];
    seller.offer(slot(NEXT), 1000, 100_000).await;
    buyer.bid(slot(NEXT), 1000, 200_000).await;
    absent.bid(slot(NEXT), 1000, 250_000).await;
    street.at("2026-06-01T12:30:00Z").await;
    for home in [&seller, &buyer, &absent] {
        home.report(slot(NOON), None).await;
    }
    seller.report(slot(NEXT), Some([0, 0, 0, 800])).await;
    buyer.report(slot(NEXT), Some([0, 900, 0, 0])).await;
    street.at("2026-06-01T13:30:00Z").await;
    let before = street.exchange.slot_report(slot(NEXT)).await.unwrap().unwrap();
    assert_eq!((before.version, before.traded), (1, wh(800)));
    assert_eq!(newest(&absent).await.postings, []);

    let outcome = absent.report(slot(NEXT), Some([0, 700, 0, 20])).await;
    assert_eq!(outcome, ReadingOutcome::Late { slot: slot(NEXT), index: None });
    let after = street.exchange.slot_report(slot(NEXT)).await.unwrap().unwrap();
    assert_eq!((after.version, after.state, &after.areas), (2, SlotState::Adjusted, &before.areas));
    let of_others = |report: &exchange::SlotReport| {
        let own = |account: &settlement::Account| account.to_string().ends_with(":home-03");
        report.postings.iter().filter(|posting| !own(&posting.account)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(of_others(&after), of_others(&before));
    assert_eq!(after.members[0], before.members[0]);
    let adjusted = newest(&absent).await;
    assert!(adjusted.measured && adjusted.version == 2);
    assert_eq!((adjusted.from_utility, adjusted.to_utility), (wh(700), wh(20)));
    let amounts: Vec<_> = adjusted.postings.iter().map(|it| (it.what.as_str(), it.amount.nanos())).collect();
    assert_eq!(amounts, [("feed_in", 20 * 80_000), ("retail", -700 * 300_000)]);
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{audit:?}");
    // Once more is the same; another value is held.
    assert_eq!(absent.report(slot(NEXT), Some([0, 700, 0, 20])).await, outcome);
    assert_eq!(held(absent.report(slot(NEXT), Some([0, 701, 0, 20])).await), ProblemCode::ReadingContradicts);
    assert_eq!(street.exchange.slot_report(slot(NEXT)).await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn a_slot_told_as_not_measured_may_be_measured_later_but_not_after_it_is_final() {
    let street = Street::with(|config| config.final_after_s = 7200).await;
    let home = street.home("home-01").await;
    street.at("2026-06-01T12:30:00Z").await;
    home.report(slot(NOON), None).await;
    home.report(slot(NEXT), None).await;
    street.at("2026-06-01T12:31:00Z").await;
    assert_eq!(
        home.report(slot(NOON), Some([0, 10, 0, 0])).await,
        ReadingOutcome::Late { slot: slot(NOON), index: None }
    );
    street.at("2026-06-01T14:30:00Z").await;
    assert_eq!(refused(home.report(slot(NEXT), Some([10, 20, 0, 0])).await), ProblemCode::SlotFinal);
    let states = street.exchange.slots(slot(NOON)..slot(THIRD)).await.unwrap().slots;
    assert!(states.iter().all(|slot| slot.state == SlotState::Final));
}
