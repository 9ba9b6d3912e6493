//! Meters: found, checked, added, replaced and turned round while the house runs, against a Modbus server.

use home::view::frame::MeterStateView;
use home::view::meters::journal::JournalKind;
use home::view::meters::setup::{
    AddMeterAsk, InvertMeterAsk, ReplaceMeterAsk, SearchAsk, SearchState, SignView, Told,
};
use home::view::meters::{MeterView, NettingView, RoleView};
use tokio::net::TcpListener;

use crate::rig::{Running, Served, ask, watts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r30_a_home_without_a_meter_finds_one_checks_it_and_reads_it() {
    let (sdm, address) = Served::start("eastron-sdm630").await;
    let house = Running::start();
    let search = house.search(&address).await;
    assert_eq!(search.finds.len(), 1, "{search:?}");
    assert_eq!(search.finds[0].device.profile, "eastron-sdm630");
    assert_eq!(search.done, search.total);

    house.home.start_check(0).await.unwrap();
    house.check(|check| check.readings.get() >= 2).await;
    // Something is switched on.
    house.home.tell_check(Told::SwitchedOn).await.unwrap();
    sdm.show(2300, 7_000_000, 1_000_000);
    let check = house.check(|check| check.sign != SignView::Watching).await;
    assert_eq!(check.sign, SignView::Right, "{:?}", check.evidence);

    // in the wrong place only with a word.
    let refused = house.home.add_meter(&ask(RoleView::Battery)).await.unwrap_err();
    assert_eq!(refused.code, "wrong_kind");
    // what the evidence contradicts is asked about, too.
    let reversed = AddMeterAsk { inverted: true, ..ask(RoleView::Grid) };
    assert_eq!(house.home.add_meter(&reversed).await.unwrap_err().code, "sign_reversed");

    house.home.add_meter(&ask(RoleView::Grid)).await.unwrap();
    let meter = house.meter(|meter| meter.state == MeterStateView::Fresh).await;
    assert_eq!((meter.id.as_str(), watts(&meter)), ("grid", Some(2300)));
    assert_eq!(house.home.add_meter(&ask(RoleView::Grid)).await.unwrap_err().code, "role_taken");
    // The raw registers say what the dashboard says.
    let registers = house.home.meter_registers("grid").unwrap();
    let power = registers.rows.iter().find(|row| row.name.as_deref() == Some("power")).unwrap();
    assert_eq!((power.place.as_str(), power.value.map(|value| value.get())), ("4:0x0034", Some(2_300_000)));
    // Nothing of it was typed, and it is kept.
    let kept = std::fs::read_to_string(house.folder.path().join("home.toml")).unwrap();
    assert!(kept.contains(&format!("tcp = \"{address}\"")), "{kept}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r07_a_replaced_meter_goes_on_in_one_series() {
    let (sdm, address) = Served::start("eastron-sdm630").await;
    let house = Running::start();
    house.add(&address).await;

    // The old one ends 2 kWh off its end by a slip of the pen.
    let whole = |wh: i64| serde_json::from_value(wh.into()).ok();
    let wrong = ReplaceMeterAsk {
        meter: "grid".to_owned(),
        find: None,
        inverted: false,
        netting: NettingView::Meter,
        at: None,
        old_import_wh: whole(9_000_000),
        old_export_wh: whole(1_000_000),
        new_import_wh: whole(5_000),
        new_export_wh: whole(0),
        serial: Some("A-2".to_owned()),
        confirmed: false,
    };
    assert_eq!(house.home.replace_meter(&wrong).await.unwrap_err().code, "final_reading");

    sdm.show(500, 5_000, 0);
    let right = ReplaceMeterAsk { old_import_wh: whole(7_000_002), ..wrong };
    house.home.replace_meter(&right).await.unwrap();
    let read = |meter: &MeterView| {
        meter.values.as_ref().and_then(|values| values.import_milliwatt_hours).map(|energy| energy.get())
    };
    house.meter(|meter| read(meter) == Some(5_000_000) && watts(meter) == Some(500)).await;

    let journal = house.home.meter_journal("grid").unwrap();
    let replaced = journal.entries.iter().find(|entry| entry.kind == JournalKind::Replaced).unwrap();
    assert_eq!(replaced.serial.as_deref(), Some("A-2"));
    let counters: Vec<_> =
        journal.entries.iter().filter(|entry| entry.kind == JournalKind::OtherMeter).collect();
    assert_eq!(counters.len(), 2, "{journal:?}");
    // Nothing is held, glitched or booked twice, and what the exchange sees goes on.
    assert!(journal.entries.iter().all(|entry| entry.kind != JournalKind::JumpHeld));
    let series = house.home.history().unwrap().setting("series:grid").unwrap().unwrap();
    assert!(series.contains("\"import_wh\":6995002") && series.contains("\"export_wh\":1000000"), "{series}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r17_a_meter_is_turned_round_from_a_moment_on_and_loses_nothing() {
    let (_sdm, address) = Served::start("eastron-sdm630").await;
    let house = Running::start();
    house.add(&address).await;
    let invert = InvertMeterAsk { meter: "grid".to_owned(), since: None };
    let view = house.home.invert_meter(&invert).await.unwrap();
    assert!(view.meters[0].inverted);
    let meter = house.meter(|meter| watts(meter) == Some(-300)).await;
    let values = meter.values.unwrap();
    assert_eq!(values.import_milliwatt_hours.map(|energy| energy.get()), Some(1_000_000_000));
    let journal = house.home.meter_journal("grid").unwrap();
    let entry = journal.entries.iter().find(|entry| entry.kind == JournalKind::Inverted).unwrap();
    assert!(entry.reversible && !entry.reversed);
    let undo =
        home::view::meters::journal::JournalAsk { meter: "grid".to_owned(), entry: entry.entry.clone() };
    house.home.reverse_entry(&undo).await.unwrap();
    house.meter(|meter| watts(meter) == Some(300) && !meter.inverted).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_can_be_cancelled_and_a_meter_removed() {
    let (_sdm, address) = Served::start("eastron-sdm630").await;
    let house = Running::start();
    house.add(&address).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hosts = vec![silent.local_addr().unwrap().to_string()];
    house.home.start_search(&SearchAsk { hosts, ..SearchAsk::default() }).await.unwrap();
    house.home.cancel_search().unwrap();
    let search = house.home.meter_setup().unwrap().search.unwrap();
    assert_eq!((search.state, search.finds.len()), (SearchState::Cancelled, 0));
    let view = house.home.remove_meter("grid").await.unwrap();
    assert!(view.meters.is_empty());
    assert!(house.home.history().unwrap().latest_sample(&"grid".parse().unwrap()).unwrap().is_some());
    house.end().await;
}
