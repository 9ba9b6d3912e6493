//! A meter that is silent, answers for another unit, or is not there: three different sentences.

use std::time::Duration;

use home::view::frame::MeterStateView;
use simulator::meter::Fault;

use crate::support::{Bench, Running, eventually};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_meter_is_told_with_what_to_do_and_forgotten_when_it_answers() {
    let bench = Bench::new(300.0).await;
    let running = Running::start(&bench.dir());
    let status = || running.home.frame().unwrap().meter;
    eventually("the first value", LIMIT, || status().state == MeterStateView::Fresh).await;
    bench.street.neighbours()[0].meters.faults().set(Fault::Silent);
    eventually("silence is noticed", LIMIT, || {
        status().state == MeterStateView::Silent && status().trouble.is_some()
    })
    .await;
    let trouble = status().trouble.unwrap();
    assert_eq!(trouble.code, "timeout");
    assert!(trouble.message.contains("No answer from unit 1"), "{}", trouble.message);
    let now = running.home.now().unwrap();
    assert_eq!(
        (now.flows.grid_milliwatts, now.flows.house_milliwatts),
        (None, None),
        "no old value is shown as new"
    );
    bench.street.neighbours()[0].meters.faults().set(Fault::None);
    eventually("it answers again", LIMIT, || {
        status().state == MeterStateView::Fresh && status().trouble.is_none()
    })
    .await;
    running.end().await;
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_unit_is_no_value() {
    let bench = Bench::new(300.0).await;
    bench.street.neighbours()[0].meters.faults().set(Fault::WrongUnit);
    let running = Running::start(&bench.dir());
    let trouble = || running.home.frame().unwrap().meter.trouble;
    eventually("the wrong unit is noticed", LIMIT, || {
        trouble().is_some_and(|trouble| trouble.code == "wrong_unit")
    })
    .await;
    assert!(running.home.now().unwrap().flows.grid_milliwatts.is_none());
    running.end().await;
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_is_told_apart_from_a_silent_meter() {
    let bench = Bench::new(300.0).await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    bench.configure(|config| config.meters.iter_mut().for_each(|meter| meter.tcp = Some(closed.clone())));
    let running = Running::start(&bench.dir());
    let trouble = || running.home.frame().unwrap().meter.trouble;
    eventually("the closed port is noticed", LIMIT, || {
        trouble().is_some_and(|trouble| trouble.code == "closed")
    })
    .await;
    let message = trouble().unwrap().message;
    assert!(message.contains("Nothing listens"), "{message}");
    running.end().await;
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_port_that_may_not_be_opened_or_is_absent_has_its_own_sentence() {
    let bench = Bench::new(300.0).await;
    bench.configure(|config| {
        for meter in &mut config.meters {
            meter.tcp = None;
            meter.serial = Some("/dev/wattle-no-such-port".into());
        }
    });
    let running = Running::start(&bench.dir());
    let trouble = || running.home.frame().unwrap().meter.trouble;
    eventually("the absent port is noticed", LIMIT, || trouble().is_some()).await;
    let message = trouble().unwrap().message;
    assert!(message.contains("There is no serial port"), "{message}");
    running.end().await;
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_within_a_slot_loses_nothing_and_doubles_nothing() {
    // Nine seconds a slot: quick, and there is time enough for a restart between the middle and the end.
    let bench = Bench::new(100.0).await;
    let first = Running::start(&bench.dir());
    let history = first.home.history().unwrap().clone();
    let grid = units::MeterId::new("grid").unwrap();
    let measured = |history: &history::History| {
        let all = units::Slot::from_index(0)..units::Slot::from_index(4_000_000);
        let rows = history.slots(&grid, all).unwrap();
        rows.into_iter().filter(|row| row.energy.quality == metering::Quality::Measured).collect::<Vec<_>>()
    };
    eventually("a measured slot", Duration::from_secs(60), || !measured(&history).is_empty()).await;
    // Towards the middle of the next slot, away from its borders.
    let middle = |now: units::Timestamp| (300..450).contains(&now.seconds().rem_euclid(900));
    eventually("the middle of a slot", LIMIT, || middle(first.home.now_in_market().unwrap())).await;
    drop(history);
    first.end().await;

    let again = Running::start(&bench.dir());
    let history = again.home.history().unwrap().clone();
    let before = measured(&history).len();
    eventually("the interrupted slot and the next", Duration::from_secs(60), || {
        measured(&history).len() >= before + 2
    })
    .await;
    let rows = measured(&history);
    for pair in rows.windows(2).filter(|pair| pair[0].slot.next() == pair[1].slot) {
        assert_eq!(pair[0].energy.borders.import_end, pair[1].energy.borders.import_start);
        assert_eq!(pair[0].energy.borders.export_end, pair[1].energy.borders.export_start);
    }
    let gaps = rows.windows(2).filter(|pair| pair[0].slot.next() != pair[1].slot).count();
    assert_eq!(
        gaps,
        0,
        "the slot of the restart is measured: {:?}",
        rows.iter().map(|row| row.slot).collect::<Vec<_>>()
    );
    drop(history);
    again.end().await;
    bench.street.finish().await;
}
