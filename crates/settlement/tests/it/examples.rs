//! Stories of slots: what the market's rules promise, in numbers.

use serde_json::json;
use settlement::{What, utility_only};

use crate::street::{areas, input, member, nanos, order, settled, slot};

#[test]
fn without_orders_everything_goes_to_the_utility() {
    let members = [member("sun", "feeder-1", 20, 1000), member("load", "feeder-1", 700, 0)];
    let settlement = settled(slot(areas(None), &members, &[], &[], 1000));
    assert_eq!(nanos(&settlement, "member:sun", "sun", What::FeedIn), 80_000_000);
    assert_eq!(nanos(&settlement, "member:sun", "sun", What::Retail), -6_000_000);
    assert_eq!(nanos(&settlement, "utility:load", "load", What::Retail), 210_000_000);
    assert_eq!(settlement.postings.len(), 6);
}

#[test]
fn four_orders_clear_ten_thousand_and_not_thirteen() {
    let members = [
        member("b1", "feeder-1", 3000, 0),
        member("b2", "feeder-1", 7000, 0),
        member("s1", "feeder-1", 0, 5000),
        member("s2", "feeder-1", 0, 5000),
    ];
    let orders = [
        order("o1", "b1", "buy", 3000, 200_000),
        order("o2", "b2", "buy", 7000, 180_000),
        order("o3", "s1", "sell", 5000, 100_000),
        order("o4", "s2", "sell", 5000, 120_000),
    ];
    let settlement = settled(slot(areas(None), &members, &[], &orders, 0));
    let filled: Vec<_> = settlement.clearing.fills.iter().map(|fill| fill.filled.get()).collect();
    assert_eq!(filled, [3000, 7000, 5000, 5000]);
    assert!(settlement.residual.iter().all(|rest| rest.import.is_zero() && rest.export.is_zero()));
}

#[test]
fn a_member_with_a_silent_meter_holds_up_nobody() {
    let members = [
        member("silent", "feeder-1", 0, 0),
        member("sun", "feeder-1", 0, 500),
        member("load", "feeder-1", 500, 0),
    ];
    let orders = [
        order("o1", "silent", "sell", 4000, 90_000),
        order("o2", "sun", "sell", 4000, 100_000),
        order("o3", "load", "buy", 4000, 200_000),
    ];
    let settlement = settled(slot(areas(None), &members, &[], &orders, 0));
    let filled: Vec<_> =
        settlement.clearing.fills.iter().map(|fill| (fill.order.as_str(), fill.filled.get())).collect();
    assert_eq!(filled, [("o2", 500), ("o3", 500)]);
}

#[test]
fn a_member_trades_net_and_never_with_himself() {
    let members = [member("both", "feeder-1", 300, 1000), member("load", "feeder-1", 2000, 0)];
    let orders = [
        order("o1", "both", "sell", 5000, 90_000),
        order("o2", "both", "buy", 5000, 290_000),
        order("o3", "load", "buy", 5000, 200_000),
    ];
    let settlement = settled(slot(areas(None), &members, &[], &orders, 0));
    assert_eq!(nanos(&settlement, "member:both", "both", What::Retail), -300 * 300_000);
    assert_eq!(nanos(&settlement, "member:both", "both", What::FeedIn), 300 * 80_000);
    let both = input(slot(areas(None), &members, &[], &orders, 0)).members.remove(0);
    let totals = settlement.member_totals(&both).unwrap();
    assert_eq!(
        [totals.sold, totals.bought, totals.from_utility, totals.to_utility].map(|wh| wh.get()),
        [700, 0, 300, 300]
    );
}

#[test]
fn several_orders_of_a_member_share_the_meter_the_most_willing_first() {
    let members = [member("sun", "feeder-1", 0, 1000), member("load", "feeder-1", 5000, 0)];
    let orders = [
        order("dear", "sun", "sell", 800, 150_000),
        order("z-cheap", "sun", "sell", 400, 90_000),
        order("a-cheap", "sun", "sell", 400, 90_000),
        order("low", "load", "buy", 600, 160_000),
        order("high", "load", "buy", 4800, 200_000),
    ];
    let settlement = settled(slot(areas(None), &members, &[], &orders, 0));
    let filled: Vec<_> =
        settlement.clearing.fills.iter().map(|fill| (fill.order.as_str(), fill.filled.get())).collect();
    assert_eq!(filled, [("a-cheap", 400), ("dear", 200), ("high", 1000), ("z-cheap", 400)]);
}

#[test]
fn limits_are_all_in_half_the_operator_fee_rounded_up_comes_off_each_side() {
    let members = [member("sun", "feeder-1", 0, 1001), member("load", "feeder-1", 1001, 0)];
    let orders = |sell| [order("s", "sun", "sell", 2000, sell), order("b", "load", "buy", 2000, 100_004)];
    // An odd fee of 3 is 2 a side: a seller at 100 000 asks 100 002 of the auction, the buyer bids as much.
    let settlement = settled(slot(areas(None), &members, &[], &orders(100_000), 3));
    assert_eq!(settlement.clearing.areas[1].price.unwrap().micros_per_kwh(), 100_002);
    assert_eq!(nanos(&settlement, "member:load", "b", What::Energy), -1001 * 100_002);
    assert_eq!(nanos(&settlement, "member:load", "b", What::OperatorFee), -1502);
    assert_eq!(nanos(&settlement, "member:sun", "s", What::OperatorFee), -1501);
    assert_eq!(nanos(&settlement, "operator", "b", What::OperatorFee), 1502);
    assert_eq!(nanos(&settlement, "operator", "s", What::OperatorFee), 1501);
    let settlement = settled(slot(areas(None), &members, &[], &orders(100_001), 3));
    assert!(settlement.clearing.fills.is_empty(), "one micro more and the two no longer meet");
}

#[test]
fn the_network_gets_fees_and_the_rent_of_a_full_line_under_the_area_below_the_edge() {
    let members = [member("sun", "feeder-1", 0, 1000), member("load", "feeder-2", 1000, 0)];
    let orders = [order("s", "sun", "sell", 1000, 100_000), order("b", "load", "buy", 1000, 200_000)];
    let settlement = settled(slot(areas(Some(400)), &members, &[], &orders, 0));
    let network = |area, what| nanos(&settlement, "network", area, what);
    assert_eq!(network("feeder-1", What::GridFee), 400 * 10_000);
    assert_eq!(network("feeder-2", What::GridFee), 400 * 10_000);
    let rent = network("feeder-1", What::Congestion) + network("feeder-2", What::Congestion);
    assert_eq!(rent, 400 * (200_000 - 100_000 - 20_000), "both lines are full, so both limits are prices");
    assert_eq!(nanos(&settlement, "member:sun", "s", What::Energy), 400 * 100_000);
    assert_eq!(nanos(&settlement, "member:load", "b", What::Energy), -400 * 200_000);
}

#[test]
fn what_a_member_gained_is_measured_against_the_utility_alone() {
    let members = [member("sun", "feeder-1", 0, 1000), member("load", "feeder-1", 700, 0)];
    let orders = [order("s", "sun", "sell", 1000, 100_000), order("b", "load", "buy", 1000, 200_000)];
    let slot = slot(areas(None), &members, &[], &orders, 2000);
    let settlement = settled(slot.clone());
    let members = input(slot).members;
    let price = settlement.clearing.areas[1].price.unwrap().micros_per_kwh();
    let sun = settlement.member_money(&members[0]).unwrap();
    assert_eq!(sun.earned.nanos(), 700 * (price - 1000 - 80_000));
    assert_eq!(sun.net.nanos() - utility_only(&members[0]).unwrap().nanos(), sun.earned.nanos());
    let load = settlement.member_money(&members[1]).unwrap();
    assert_eq!((load.earned.nanos(), load.saved.nanos()), (0, 700 * (300_000 - price - 1000)));
}

#[test]
fn the_answer_has_the_shape_that_others_read() {
    let members = [member("sun", "feeder-1", 0, 10), member("load", "feeder-1", 10, 0)];
    let orders = [order("s", "sun", "sell", 10, 100_000), order("b", "load", "buy", 10, 100_000)];
    let deals = [crate::street::deal("d", "2026-05-01T00:00:00Z", "sun", "load", 4, 0)];
    let settlement = settled(slot(areas(None), &members, &deals, &orders, 0));
    let answer = serde_json::to_value(&settlement).unwrap();
    assert_eq!(
        answer,
        json!({
            "deals": [{"id": "d", "settled_wh": 4, "grid_fee_nanos": "0"}],
            "clearing": {
                "slot": "2026-06-01T12:00:00Z",
                "areas": [
                    {"id": "station", "price_micros_per_kwh": 100_000, "flow_to_parent_wh": 0},
                    {"id": "feeder-1", "price_micros_per_kwh": 100_000, "flow_to_parent_wh": 0},
                    {"id": "feeder-2", "price_micros_per_kwh": 100_000, "flow_to_parent_wh": 0},
                ],
                "fills": [{"order": "b", "filled_wh": 6}, {"order": "s", "filled_wh": 6}],
                "welfare_nanos": "0",
            },
            "residual": [
                {"member": "load", "import_wh": 0, "export_wh": 0},
                {"member": "sun", "import_wh": 0, "export_wh": 0},
            ],
            "postings": [
                {"account": "member:load", "for": "b", "what": "energy", "nanos": "-600000"},
                {"account": "member:sun", "for": "s", "what": "energy", "nanos": "600000"},
            ],
        })
    );
}
