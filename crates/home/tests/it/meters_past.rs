//! Meters with a past: turned round since a time that has gone by, and counted on over a restart.

use std::ops::Range;

use history::SlotRow;
use home::Home;
use home::view::frame::{MeterStateView, NoticeCode};
use home::view::meters::MeterView;
use home::view::meters::journal::{JournalAsk, JournalKind};
use home::view::meters::setup::InvertMeterAsk;
use metering::{Borders, Method, Quality, Sample, SlotEnergy};
use units::{Energy, LocalDay, MeterId, Power, Slot, Timestamp};

use crate::rig::{Running, Served, watts};

fn grid() -> MeterId {
    "grid".parse().unwrap()
}

fn time(text: &str) -> Timestamp {
    format!("2026-06-01T{text}:00Z").parse().unwrap()
}

fn meter(profile: &str, address: &str, more: &str) -> String {
    format!(
        "[[meter]]\nid = \"grid\"\nrole = \"grid\"\nprofile = \"{profile}\"\ntcp = \"{address}\"\n{more}\n"
    )
}

/// An hour of 300 W from the grid until the clock of the home begins, read every 30 s and booked.
fn an_hour(home: &Home) {
    let history = home.history().unwrap();
    let (from, to) = (time("09:00"), time("10:00"));
    let import = |at: Timestamp| {
        Energy::from_watt_hours(7_000_000)
            - Energy::from_milliwatt_hours(to.since(at).as_secs() as i64 * 300_000 / 3600)
    };
    let export = Energy::from_watt_hours(1_000_000);
    let at = |step: i64| from + std::time::Duration::from_secs(30 * step as u64);
    let samples: Vec<Sample> = (0..=120)
        .map(|step| Sample {
            at: at(step),
            power: Some(Power::from_watts(300)),
            import: Some(import(at(step))),
            export: Some(export),
            ..Sample::default()
        })
        .collect();
    history.record_samples(&grid(), &samples, to).unwrap();
    let rows: Vec<SlotRow> = Slot::range(Slot::containing(from)..Slot::containing(to))
        .map(|slot| SlotRow {
            local_day: LocalDay::containing(slot.start(), units::zone("Europe/Berlin").unwrap()).key(),
            energy: SlotEnergy {
                start: slot.start(),
                seconds: 900,
                import: Some(import(slot.end()) - import(slot.start())),
                export: Some(Energy::ZERO),
                borders: Borders {
                    import_start: Some(import(slot.start())),
                    import_end: Some(import(slot.end())),
                    export_start: Some(export),
                    export_end: Some(export),
                },
                quality: Quality::Measured,
                method: Method::Counter,
            },
        })
        .collect();
    history.record_slots(&grid(), &rows, to).unwrap();
}

/// Returns import and export of slots in watt-hours.
fn booked(home: &Home, during: Range<&str>) -> Vec<(i64, i64)> {
    let slots = Slot::containing(time(during.start))..Slot::containing(time(during.end));
    let wh = |energy: Option<Energy>| energy.unwrap().milliwatt_hours() / 1000;
    let rows = home.history().unwrap().slots(&grid(), slots).unwrap();
    rows.iter().map(|row| (wh(row.energy.import), wh(row.energy.export))).collect()
}

fn registers(meter: &MeterView) -> Option<(i64, i64)> {
    let values = meter.values.as_ref()?;
    Some((values.import_milliwatt_hours?.get() / 1000, values.export_milliwatt_hours?.get() / 1000))
}

/// Books the same for a meter in each quarter hour of the hour before the clock of the home begins.
fn book(home: &Home, meter: &str, import_wh: i64, export_wh: i64) {
    let rows: Vec<SlotRow> = Slot::range(Slot::containing(time("09:00"))..Slot::containing(time("10:00")))
        .map(|slot| SlotRow {
            local_day: LocalDay::containing(slot.start(), units::zone("Europe/Berlin").unwrap()).key(),
            energy: SlotEnergy {
                start: slot.start(),
                seconds: 900,
                import: Some(Energy::from_watt_hours(import_wh)),
                export: Some(Energy::from_watt_hours(export_wh)),
                borders: Borders::default(),
                quality: Quality::Measured,
                method: Method::Counter,
            },
        })
        .collect();
    home.history().unwrap().record_slots(&meter.parse().unwrap(), &rows, time("10:00")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r22_meters_that_contradict_each_other_are_told_on_every_page() {
    let (_inverter, address) = Served::start("growatt-max").await;
    let roof = format!(
        "[[meter]]\nid = \"solar\"\nrole = \"solar\"\nprofile = \"growatt-max\"\ntcp = \"{address}\""
    );
    let meters = meter("growatt-max", &address, "") + &roof;
    let told = |house: &Running| {
        let notices = house.home.frame().unwrap().notices;
        let said = notices.into_iter().find(|notice| notice.code == NoticeCode::MetersContradict);
        said.map(|notice| notice.message)
    };
    // The grid's meter shows 2 kW in while the roof makes 2 kW, hour after hour: it measures the roof.
    let house = Running::start_with(&meters, |home| {
        book(home, "grid", 500, 0);
        book(home, "solar", 500, 0);
    });
    assert!(told(&house).unwrap().contains("just what the roof makes"));
    house.end().await;
    let house = Running::start_with(&meters, |home| {
        book(home, "grid", 0, 350);
        book(home, "solar", 500, 0);
    });
    assert_eq!(told(&house), None);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r17_a_meter_is_turned_round_with_its_past_and_back() {
    let (_device, address) = Served::start("eastron-sdm630").await;
    let house = Running::start_with(&meter("eastron-sdm630", &address, ""), an_hour);
    house.meter(|meter| meter.state == MeterStateView::Fresh).await;
    assert_eq!(booked(&house.home, "09:00".."10:00"), [(75, 0); 4]);

    let ask = InvertMeterAsk { meter: "grid".to_owned(), since: Some(time("09:30").to_string()) };
    house.home.invert_meter(&ask).await.unwrap();
    house.meter(|meter| watts(meter) == Some(-300) && registers(meter) == Some((1_000_000, 7_000_000))).await;
    assert_eq!(booked(&house.home, "09:00".."10:00"), [(75, 0), (75, 0), (0, 75), (0, 75)]);
    let history = house.home.history().unwrap();
    let powers = |during: Range<&str>| {
        let samples = history.samples(&grid(), time(during.start)..time(during.end)).unwrap();
        samples.iter().map(|sample| sample.power.unwrap().milliwatts() / 1000).collect::<Vec<_>>()
    };
    assert!(powers("09:00".."09:30").iter().all(|power| *power == 300));
    assert!(powers("09:30".."10:00").iter().all(|power| *power == -300));
    // The registers that the exchange sees go on: what was import is export from the present slot on.
    let series = history.setting("series:grid").unwrap().unwrap();
    assert!(series.contains("6000000"), "{series}");

    let journal = house.home.meter_journal("grid").unwrap();
    let turned = journal.entries.iter().find(|entry| entry.kind == JournalKind::Inverted).unwrap();
    let others = [JournalKind::Glitch, JournalKind::Reset, JournalKind::OtherMeter, JournalKind::JumpHeld];
    assert!(journal.entries.iter().all(|entry| !others.contains(&entry.kind)), "{journal:?}");
    let undo = JournalAsk { meter: "grid".to_owned(), entry: turned.entry.clone() };
    house.home.reverse_entry(&undo).await.unwrap();
    house.meter(|meter| watts(meter) == Some(300) && registers(meter) == Some((7_000_000, 1_000_000))).await;
    assert_eq!(booked(&house.home, "09:00".."10:00"), [(75, 0); 4]);
    house.end().await;
}

/// A meter that counts each phase on its own: 100 Wh in on two phases while 40 Wh went out on the third are 60 Wh.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m33_a_net_counter_goes_on_over_a_restart_by_the_meters_own_difference() {
    let (device, address) = Served::start("shelly-pro-3em").await;
    device.show(0, 70_000, 10_000);
    let house = Running::start_with(&meter("shelly-pro-3em", &address, "netting = \"power\""), |_| {});
    let meter = house.meter(|meter| meter.state == MeterStateView::Fresh).await;
    assert_eq!(registers(&meter), Some((0, 0)), "it begins to count when it is read first");

    let house = house.restart(|| device.show(0, 70_100, 10_040)).await;
    house.meter(|meter| registers(meter) == Some((60, 0))).await;
    let house = house.restart(|| device.show(0, 70_110, 10_075)).await;
    house.meter(|meter| registers(meter) == Some((60, 25))).await;
    // Without a gap it is the power that counts, whatever the phases do.
    device.show(3600, 70_500, 10_400);
    let meter = house.meter(|meter| registers(meter).is_some_and(|(import, _)| import > 65)).await;
    assert_eq!(registers(&meter).map(|(_, export)| export), Some(25));
    house.end().await;
}
