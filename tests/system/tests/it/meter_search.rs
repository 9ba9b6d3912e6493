//! The meters of a simulated home are found, added and read, and nothing is typed but the address.

use std::time::Duration;

use drivers::Place;
use home::config::HomeConfig;
use home::view::frame::MeterStateView;
use home::view::meters::setup::{AddMeterAsk, SearchAsk, SearchState, SearchView};
use home::view::meters::{NettingView, RoleView};

use crate::support::{Bench, Running, eventually};

const LIMIT: Duration = Duration::from_secs(90);

/// How the street wires its houses.
const UNITS: [(u8, RoleView); 2] = [(1, RoleView::Grid), (2, RoleView::Solar)];

#[tokio::test(flavor = "multi_thread")]
async fn the_meters_of_a_home_are_found_added_and_read() {
    let bench = Bench::new(300.0).await;
    let address = HomeConfig::load(&bench.dir()).unwrap().meters[0].tcp.clone().unwrap();
    bench.configure(|config| config.meters.clear());
    // What `wattle meter scan` does.
    let mut scanned = Vec::new();
    let place = Place::host(&address).unwrap();
    drivers::scan(&place, |find| scanned.push((find.settings.unit, find.profile.name.clone())))
        .await
        .unwrap();

    let running = Running::start(&bench.dir());
    let ask = SearchAsk { hosts: vec![address.clone()], ..SearchAsk::default() };
    running.home.start_search(&ask).await.unwrap();
    let search = || running.home.meter_setup().unwrap().search.unwrap();
    eventually("the search", LIMIT, || search().state == SearchState::Done).await;
    let SearchView { finds, .. } = search();
    let found: Vec<_> =
        finds.iter().map(|find| (find.device.unit.unwrap(), find.device.profile.clone())).collect();
    assert_eq!(found, scanned, "the window finds what the command does");
    assert!(found.len() >= UNITS.len() && found.iter().all(|(_, profile)| profile == "eastron-sdm630"));

    for (unit, role) in UNITS {
        let find = finds.iter().find(|find| find.device.unit == Some(unit)).unwrap().number;
        // An SDM630 usually stands at the grid, so it is asked whether it stands at a roof.
        let confirmed = role != RoleView::Grid;
        let ask = AddMeterAsk { find, role, inverted: false, netting: NettingView::Meter, confirmed };
        running.home.add_meter(&ask).await.unwrap();
    }
    let meters = || running.home.meters().unwrap().meters;
    eventually("readings of both", LIMIT, || {
        let meters = meters();
        let read = |meter: &home::view::meters::MeterView| {
            meter.state == MeterStateView::Fresh && meter.requests.good.get() >= 5
        };
        meters.len() == UNITS.len() && meters.iter().all(read)
    })
    .await;
    assert!(
        meters().iter().all(|meter| meter.device.place == address && meter.requests.error_share == Some(0.0))
    );
    let now = running.home.now().unwrap();
    assert!(now.has_sun && now.flows.sun_milliwatts.is_some() && now.flows.house_milliwatts.is_some());
    // And it goes into the books: the counters rise, and the first whole slot is measured.
    let grid = units::MeterId::new("grid").unwrap();
    let history = running.home.history().unwrap();
    let all = units::Slot::from_index(0)..units::Slot::from_index(4_000_000);
    eventually("a measured slot", LIMIT, || {
        let slots = history.slots(&grid, all.clone()).unwrap();
        slots.iter().any(|slot| slot.energy.quality == metering::Quality::Measured)
    })
    .await;
    running.end().await;
    bench.street.finish().await;
}
