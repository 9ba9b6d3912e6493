//! Files of earlier releases: each opens, and what it held is there.
//!
//! `data/version-N.sql` is a file of version N as text. A change of the schema fails the first test until
//! it comes with a step and a version of its own.

use std::path::{Path, PathBuf};

use history::{DealState, ForecastOf, History, OpenMode, OrderState, PriceKind, SCHEMA_VERSION, Source};
use rusqlite::Connection;
use tempfile::TempDir;
use units::{DayKey, Energy, Slot};

use crate::support::grid;

/// Builds the file of an earlier version and opens it.
fn opened(version: u32) -> (TempDir, PathBuf, History) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/version-{version}.sql"));
    let text = std::fs::read_to_string(text).unwrap();
    Connection::open(&path).unwrap().execute_batch(&text).unwrap();
    let history = History::open(&path, OpenMode::ReadWrite).unwrap();
    (folder, path, history)
}

/// Returns the tables, indexes and views of a file without their comments and blanks.
fn form_of(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut query =
        connection.prepare("select sql from sqlite_schema where sql is not null order by name").unwrap();
    let bare = |sql: String| {
        let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
        let line = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
        // A column that was added later stands where SQLite put it, its comma on a line of its own.
        line.replace(" ,", ",").replace(" )", ")").replace("( ", "(")
    };
    query.query_map([], |row| row.get(0)).unwrap().map(|sql| bare(sql.unwrap())).collect()
}

#[test]
fn a_file_of_every_version_comes_out_in_the_present_form() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new.sqlite");
    History::open(&new, OpenMode::ReadWrite).unwrap();
    for version in 1..=SCHEMA_VERSION {
        let (_folder, path, _history) = opened(version);
        assert_eq!(form_of(&path), form_of(&new), "version {version}");
    }
}

#[test]
fn what_a_file_of_every_version_held_is_there() {
    for version in 1..=SCHEMA_VERSION {
        let (_folder, _path, history) = opened(version);
        let slot: Slot = "2026-06-01T12:00:00Z".parse().unwrap();
        let range = slot.offset(-8)..slot.offset(8);
        let samples = history.samples(&grid(), slot.start()..slot.end()).unwrap();
        assert_eq!(samples.len(), 2);
        assert_eq!(samples[0].serial.as_deref(), Some("12345678"));
        assert_eq!(history.slots(&grid(), range.clone()).unwrap().len(), 1);
        assert_eq!(history.slot_revisions(&grid(), slot).unwrap().len(), 1);
        assert_eq!(history.counter_events(&grid(), slot.start()..slot.end()).unwrap().len(), 1);
        assert_eq!(history.prices(PriceKind::Contract, range.clone()).unwrap().len(), 1);
        assert_eq!(history.area_prices(range.clone()).unwrap().len(), 1);
        assert_eq!(history.rules_now().unwrap().unwrap().toml, "# none\n");
        assert_eq!(history.decisions(range.clone()).unwrap().len(), 1);
        let orders = history.orders(range.clone()).unwrap();
        assert_eq!((orders[0].state, orders[0].filled.get()), (OrderState::Cleared, 250));
        assert_eq!(history.readings(range.clone()).unwrap().len(), 1);
        let settled = &history.settlements(range).unwrap()[0];
        assert_eq!((settled.postings.len(), settled.fills.len()), (2, 1));
        assert!(history.membership().unwrap().is_some());
        let june: DayKey = "2026-06-01".parse().unwrap();
        assert_eq!(history.totals(june..june.next_month_start()).unwrap().balance.nanos(), 36_250_000);
        let market = "street".parse().unwrap();
        assert_eq!(history.settlement_cursor(&market).unwrap(), Some(1));
        if version >= 2 {
            assert_eq!(history.meter_edits(&grid()).unwrap()[0].edit.kind, "replaced");
            let deal = &history.deals(&market).unwrap()[0];
            assert_eq!((deal.state, deal.errand), (DealState::Proposed, None));
            assert_eq!(deal.problem.as_ref().unwrap().code, "busy");
            let settled = &history.settlements(slot..slot.next()).unwrap()[0];
            assert_eq!((settled.source, settled.deals[0].filled.get()), (Some(Source::Member), 50));
            let log = history.log(&market).unwrap().unwrap();
            assert_eq!((log.next_index, log.checkpoint.unwrap().size), (Some(3), 9));
            assert_eq!(history.log_entries(log.id, slot..slot.next()).unwrap().len(), 1);
            assert_eq!(history.log_promises_before(log.id, 11).unwrap().len(), 1);
            assert_eq!(history.log_alarms().unwrap().len(), 1);
            assert_eq!(history.statement_file(&market, 1).unwrap(), Some(b"{}".to_vec()));
        }
        if version >= 3 {
            let range = slot..slot.next();
            assert_eq!(history.spot_prices(range.clone()).unwrap()[0].price.micros_per_kwh(), -5_000);
            assert_eq!(history.weather(range.clone()).unwrap()[0].global_w_m2, Some(812.5));
            let foretold = history.forecasts(ForecastOf::Roof, range).unwrap();
            assert_eq!(foretold[0].quantiles[1], Energy::from_watt_hours(400));
        }
    }
}

/// Writes one row of each table, for the file of a new release: run it by name with
/// `HISTORY_NEW_VERSION=FOLDER` and turn the file there into text with `sqlite3 FILE .dump`, adding its
/// `page_size`, `application_id` and `user_version` at the top.
#[test]
fn a_file_of_the_present_version_can_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = std::env::var_os("HISTORY_NEW_VERSION").map(PathBuf::from);
    let path = wanted.unwrap_or_else(|| folder.path().to_owned()).join("history.sqlite");
    let history = History::open(&path, OpenMode::ReadWrite).unwrap();
    crate::examples::one_row_of_each(&history);
    drop(history);
    let connection = Connection::open(&path).unwrap();
    let mut tables =
        connection.prepare("select name from sqlite_schema where type = 'table' order by name").unwrap();
    let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for name in names {
        let count = format!("select count(*) from \"{name}\"");
        let rows: i64 = connection.query_row(&count, [], |row| row.get(0)).unwrap();
        assert!(rows > 0, "{name} has no example, so its update would go untested");
    }
}
