//! The table and the print: both languages, the same bytes each time, sums that a spreadsheet finds again.

use statement::{Dialect, Statement, build, csv, pdf};

use crate::street;

#[test]
fn the_english_table_adds_up() {
    let statement = build(street::sample(8).draft(0), &street::log_key()).unwrap();
    let text = String::from_utf8(csv(&statement, Dialect::En).unwrap()).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0][6..11], ["energy (kWh)", "price (EUR/kWh)", "net (EUR)", "tax (EUR)", "gross (EUR)"]);
    let cents = |row: &[&str]| row[10].replace('.', "").parse::<i64>().unwrap();
    let sum: i64 = rows.iter().filter(|row| row[0] == "line").map(|row| cents(row)).sum();
    let total = rows.iter().find(|row| row[0] == "total").unwrap();
    assert_eq!(sum, cents(total));
    let nanos = |row: &[&str]| row[10].replace('.', "").parse::<i64>().unwrap();
    let quarters: i64 = rows.iter().filter(|row| row[0] == "quarter hour").map(|row| nanos(row)).sum();
    assert_eq!(quarters, statement.paper.total.gross_nanos.nanos());
    assert!(rows.iter().all(|row| row.len() == 14));
    assert!(text.contains("2026-06-01T00:00:00+02:00,2026-07-01T00:00:00+02:00"));
    assert!(text.ends_with("\r\n"));
}

#[test]
fn the_german_table_opens_in_a_german_spreadsheet() {
    let statement = build(street::sample(8).draft(0), &street::log_key()).unwrap();
    let bytes = csv(&statement, Dialect::De).unwrap();
    assert!(bytes.starts_with(&[0xef, 0xbb, 0xbf]));
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(";Betreibergebühr;") && text.contains(";brutto (EUR);"));
    assert!(text.lines().all(|line| line.split(';').count() == 14));
    assert!(!text.lines().nth(1).unwrap().contains('.'));
    assert_eq!(bytes, csv(&statement, Dialect::De).unwrap());
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_print_passes_both_standards_and_comes_out_the_same_again() {
    let statement = build(street::sample(8).draft(0), &street::log_key()).unwrap();
    for dialect in [Dialect::En, Dialect::De] {
        // Printing fails where krilla finds a fault against PDF/UA-1 or PDF/A-2a.
        let bytes = pdf(&statement, dialect).unwrap();
        let again = pdf(&Statement::from_bytes(&statement.to_bytes()).unwrap(), dialect).unwrap();
        assert!(bytes == again, "{dialect:?}");
        assert!(bytes.starts_with(b"%PDF-1.7") && contains(&bytes, "<pdfaid:part>2</pdfaid:part>"));
    }
    assert!(pdf(&statement, Dialect::En).unwrap() != pdf(&statement, Dialect::De).unwrap());
}

#[test]
fn names_of_any_script_and_length_and_a_hundred_lines_are_printed() {
    let mut statement = build(street::sample(8).draft(0), &street::log_key()).unwrap();
    statement.paper.header.owner.name = "\u{540d}\u{524d} \u{1f600} \u{202e}x\u{ad}".to_owned();
    statement.paper.header.owner.address = vec!["w".repeat(3000), "a ".repeat(500), String::new()];
    let line = statement.paper.lines[0].clone();
    statement.paper.lines = vec![line; 100];
    for dialect in [Dialect::En, Dialect::De] {
        pdf(&statement, dialect).unwrap();
    }
    statement.paper.lines.clear();
    statement.paper.slots.clear();
    statement.paper.meter.opening = None;
    pdf(&statement, Dialect::En).unwrap();
}

/// Writes the prints where a person can look at them: `PRINT_TO=DIR cargo test -p statement -- --ignored`.
#[test]
#[ignore = "for eyes"]
fn prints_to_look_at() {
    let Ok(folder) = std::env::var("PRINT_TO") else { return };
    let statement = build(street::sample(96).draft(0), &street::log_key()).unwrap();
    for (name, dialect) in [("en", Dialect::En), ("de", Dialect::De)] {
        let file = |end: &str| std::path::Path::new(&folder).join(format!("statement-{name}.{end}"));
        std::fs::write(file("pdf"), pdf(&statement, dialect).unwrap()).unwrap();
        std::fs::write(file("csv"), csv(&statement, dialect).unwrap()).unwrap();
    }
    std::fs::write(std::path::Path::new(&folder).join("statement.json"), statement.to_bytes()).unwrap();
}
