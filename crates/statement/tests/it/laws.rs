//! What holds for every street: its statements verify and together are the exchange's books.

use proptest::prelude::*;
use statement::{Anchor, Citation, LineKind, Period, Previous, Statement, build, verify};

use crate::street::{self, HOUSES, Street};

fn check_street(street: &Street) -> Vec<Statement> {
    let anchor = Anchor::from(&street::log_key());
    (0..HOUSES)
        .map(|number| {
            let statement = build(street.draft(number), &street::log_key()).unwrap();
            let bytes = statement.to_bytes();
            let report = verify(&bytes, Some(&anchor));
            assert!(report.ok, "{report:#?}");
            assert_eq!(Statement::from_bytes(&bytes).unwrap(), statement);
            let total = &statement.paper.total;
            assert_eq!(i128::from(total.gross_nanos.nanos()), street.books[&street::house(number)]);
            assert_eq!(total.cents.gross, total.gross_nanos.round_to_cents());
            let lines = &statement.paper.lines;
            assert_eq!(lines.iter().map(|line| line.cents.net).sum::<i64>(), total.cents.net);
            assert_eq!(lines.iter().map(|line| line.cents.tax).sum::<i64>(), total.cents.tax);
            assert!(lines.iter().all(|line| line.cents.gross == line.cents.net + line.cents.tax));
            statement
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_houses_statement_verifies_and_their_sum_is_the_books(happenings in street::happenings(5)) {
        let mut street = Street::new();
        happenings.iter().for_each(|happening| street.run(happening));
        check_street(&street);
    }

    #[test]
    fn adjusted_slots_verify_too(
        happenings in street::happenings(3),
        number in 0..HOUSES,
        slot in 0i64..3,
        energies in prop::collection::vec((0i64..3000, 0i64..3000), 1..2),
    ) {
        let mut street = Street::new();
        happenings.iter().for_each(|happening| street.run(happening));
        for (import, export) in energies {
            street.adjust(number, street::first_slot().offset(slot), import, export);
        }
        check_street(&street);
    }
}

#[test]
fn a_day_has_its_lines_and_its_comparison() {
    let statements = check_street(&street::sample(96));
    let paper = &statements[0].paper;
    let line = |kind: LineKind| paper.lines.iter().find(|line| line.kind == kind);
    assert!(line(LineKind::Sold).unwrap().energy_wh.unwrap().get() > 0);
    assert_eq!(line(LineKind::SoldByDeal).unwrap().reference.as_deref(), Some("deal-1"));
    assert_eq!(line(LineKind::SoldByDeal).unwrap().average_micros_per_kwh.unwrap().micros_per_kwh(), 150_001);
    assert_eq!(line(LineKind::ToUtility).unwrap().average_micros_per_kwh.unwrap().micros_per_kwh(), 80_000);
    assert!(line(LineKind::Sold).unwrap().tax_nanos.nanos() > 0);
    assert!(paper.comparison.gain_cents > 0);
    assert_eq!(paper.quality.slots, 30 * 96);
    assert_eq!(paper.quality.settled, 96);
    assert_eq!(paper.quality.measured_by_member + paper.quality.unmeasured, 96);
    assert!(paper.meter.unread_import_wh.get() > 0);
    let buyer = &statements[3].paper;
    assert!(buyer.lines.iter().any(|line| line.kind == LineKind::GridFee && line.net_nanos.nanos() < 0));
}

#[test]
fn a_log_that_changed_its_key_verifies_with_the_first_one() {
    let mut street = street::sample(4);
    street.rotate(ledger::SigningKey::from_bytes(&[6; 32]));
    check_street(&street);
    street.rotate(ledger::SigningKey::from_bytes(&[7; 32]));
    check_street(&street);
}

#[test]
fn a_correction_cites_its_original_and_comes_as_a_note() {
    let mut street = street::sample(4);
    let first = build(street.draft(1), &street::log_key()).unwrap();
    let before = street.books[&street::house(1)];
    street.adjust(1, street::first_slot(), 5_000, 0);
    let mut draft = street.draft(1);
    draft.header.sequence = 2;
    draft.header.previous = Some(Previous::of(&first));
    draft.header.period = Period::month("2026-07-01".parse().unwrap(), "Europe/Berlin");
    // Only what the correction needs is opened in the later month.
    let slot = street::first_slot();
    draft.entries.retain(|entry| entry.body.get("slot").is_none_or(|at| *at == serde_json::json!(slot)));
    draft = statement::Draft { header: draft.header, ..street.draft_of(1, draft.entries) };
    draft.header.corrections =
        vec![Citation { slot, original: first.paper.header.number(), original_version: 1, version: 2 }];
    let second = build(draft.clone(), &street::log_key()).unwrap();
    let [note] = second.paper.lines.as_slice() else { panic!("{:?}", second.paper.lines) };
    assert_eq!((note.kind, note.reference.as_deref()), (LineKind::DebitNote, Some("home-02-00001")));
    assert_eq!(i128::from(note.gross_nanos.nanos()), street.books[&street::house(1)] - before);
    draft.header.corrections[0].original = "home-02-00002".to_owned();
    assert!(build(draft.clone(), &street::log_key()).is_err());
    draft.header.corrections.clear();
    assert!(build(draft, &street::log_key()).is_err());
}
