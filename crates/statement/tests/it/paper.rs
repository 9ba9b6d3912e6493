//! The table: both dialects, the same bytes each time, sums that a spreadsheet finds again.

use statement::{Dialect, build, csv};

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
