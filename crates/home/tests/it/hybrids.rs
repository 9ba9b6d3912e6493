//! Inverters that measure several places: each is a meter of the home, over one connection.

use home::view::frame::MeterStateView;
use home::view::meters::RoleView;
use home::view::meters::setup::AddMeterAsk;
use metering::Kind;

use crate::rig::{Running, Served, ask, watts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r24_a_hybrid_inverter_gives_grid_and_roof_and_the_flows_use_both() {
    let (inverter, address) = Served::start("growatt-max").await;
    inverter.show_at(Kind::Grid, -1500, 100_000, 2_000_000);
    inverter.show_at(Kind::Solar, 4000, 5_000_000, 0);
    let house = Running::start();
    let search = house.search(&address).await;
    let kinds: Vec<RoleView> = search.finds.iter().map(|find| find.kind).collect();
    assert_eq!(kinds, [RoleView::Grid, RoleView::Solar], "{search:?}");

    // The roof's registers are not the grid's, whoever confirms it.
    for (find, role) in [(0, RoleView::Solar), (1, RoleView::Grid), (1, RoleView::Battery)] {
        let mistaken = AddMeterAsk { find, confirmed: true, ..ask(role) };
        assert_eq!(house.home.add_meter(&mistaken).await.unwrap_err().code, "other_part");
    }
    house.home.add_meter(&ask(RoleView::Grid)).await.unwrap();
    house.home.add_meter(&AddMeterAsk { find: 1, ..ask(RoleView::Solar) }).await.unwrap();
    for (role, shown) in [(RoleView::Grid, -1500), (RoleView::Solar, 4000)] {
        let meter = house.meter(|meter| meter.role == role && meter.state == MeterStateView::Fresh).await;
        assert_eq!((watts(&meter), meter.device.place), (Some(shown), address.clone()));
        assert!(meter.warnings.iter().all(|warning| format!("{warning:?}") != "WrongKind"));
    }
    let flows = house.home.now().unwrap().flows;
    let shown = [flows.sun_milliwatts, flows.grid_milliwatts, flows.house_milliwatts];
    assert_eq!(
        shown.map(|power| power.map(|power| power.get() / 1000)),
        [Some(4000), Some(-1500), Some(2500)]
    );
    assert_eq!(inverter.connections(), 1, "both are read over one connection");
    // It is known when it is searched for again.
    let again = house.search(&address).await;
    let known: Vec<Option<&str>> = again.finds.iter().map(|find| find.known_as.as_deref()).collect();
    assert_eq!(known, [Some("grid"), Some("solar")]);
    house.end().await;
}
