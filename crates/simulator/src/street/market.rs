//! The street's market: its figures, its local grid, and whom it invites.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use exchange::{AreaConfig, ExchangeError, Invite, MarketConfig};
use exchange_api::Limits;
use pricing::{ContractTable, Contracts, OneOrMany, SlotPrices, ZoneTable, format_price};
use settlement::Fees;
use units::{AreaId, Clock, Currency, MarketId, MemberId, Money, Price, Scale, SystemClock, WattHours};

use super::StreetError;
use crate::house::{HousePlan, ZONE, feeders};
use crate::past::PastMarket;

/// What the street's utility charges and pays: all households but one have this contract.
pub(super) const CONTRACT: SlotPrices =
    SlotPrices { retail: Price::from_micros_per_kwh(320_000), feed_in: Price::from_micros_per_kwh(81_000) };

/// The household whose contract goes by the time of day.
const BY_THE_CLOCK: u32 = 4;
const DAY_RETAIL: Price = Price::from_micros_per_kwh(330_000);
const NIGHT_RETAIL: Price = Price::from_micros_per_kwh(270_000);

/// Returns a household's contract with its utility, as `home.toml` has it.
pub(super) fn contract(plan: &HousePlan) -> ContractTable {
    let price = |price| format_price(price, Currency::EUR);
    // Long before any street begins.
    let since = "2020-01-01".parse().expect("a day");
    if plan.number != BY_THE_CLOCK {
        return ContractTable::fixed(since, price(CONTRACT.retail), price(CONTRACT.feed_in));
    }
    let night = ZoneTable {
        name: "Night".to_owned(),
        hours: OneOrMany(vec!["22:00-06:00".to_owned()]),
        days: OneOrMany::default(),
        months: OneOrMany::default(),
        retail: Some(price(NIGHT_RETAIL).into()),
        feed_in: None,
    };
    let by_day = ContractTable::fixed(since, price(DAY_RETAIL), price(CONTRACT.feed_in));
    ContractTable { name: Some("Day and night".to_owned()), zones: vec![night], ..by_day }
}

/// Returns a household's contract as pricing knows it.
pub fn contracts(plan: &HousePlan) -> Contracts {
    Contracts::from_tables(Currency::EUR, ZONE, &[contract(plan)])
        .expect("the street's contracts are in order")
}

/// 3 x 25 A at 230 V.
pub(super) const FUSE_W: u32 = 17_250;

/// How long before a slot its gate closes.
pub(super) const GATE_S: u32 = 300;

/// How far a hiccup of the machine may part two samples, in real seconds: it must not be scaled up. At the
/// highest speed it is less than half a slot, so a border is never guessed from samples of another one.
const HICCUP_S: f64 = 0.9;

/// How long a late household is waited for, in real seconds. Money shows when all have reported; this is
/// for the one that never does.
const LATE_S: f64 = 10.0;

/// Far more than a street's orders come to: what the fuse lets through in all slots of a day, at retail.
const EXPOSURE: Money = Money::from_nanos(2_000 * 1_000_000_000);

/// An invitation to a simulated street need not be short-lived; it opens nothing but this folder.
const INVITED_FOR: Duration = Duration::from_secs(30 * 86_400);

/// For each line that energy crosses. From one feeder to the other that is twice as much, which is less than
/// what some houses ask more than others: so neighbours trade across, and see what it costs.
const GRID_FEE: Price = Price::from_micros_per_kwh(5_000);

/// What the line of the second feeder carries in a slot, for each house of the street. When the sun is high it
/// is less than what would flow, so that the feeders' prices part.
const LINE_WH_A_HOUSE: i64 = 20;

/// The terms of the market that a household of the street agrees to.
pub(super) fn terms_version() -> String {
    config(1, 1.0, None).terms.version
}

/// Returns the market of a street of so many houses at a speed.
pub fn config(houses: u32, speed: f64, scale: Option<Scale>) -> MarketConfig {
    let market = MarketId::new("wattle-street").expect("a short word is an id");
    let mut config = MarketConfig::new(market, "Wattle Street");
    config.zone = ZONE.name().to_owned();
    config.cap_micros_per_kwh = CONTRACT.retail;
    config.floor_micros_per_kwh = CONTRACT.feed_in;
    config.gate_s = GATE_S;
    config.border_gap_s = (HICCUP_S * speed).max(30.0) as u32;
    config.readings_close_s = (LATE_S * speed).clamp(300.0, 3600.0 * 4.0) as u32;
    config.scale = scale;
    config.areas = areas(houses);
    config
}

/// Returns the local grid: one feeder, or two under a substation, of which the second's line is tight.
fn areas(houses: u32) -> Vec<AreaConfig> {
    let root = |id| AreaConfig {
        id,
        parent: None,
        fee_micros_per_kwh: None,
        capacity_wh: None,
        metering_point: None,
    };
    if feeders(houses) == 1 {
        return vec![root(feeder(1))];
    }
    let substation = AreaId::new("substation").expect("a short word is an id");
    let line = |number, capacity_wh| AreaConfig {
        id: feeder(number),
        parent: Some(substation.clone()),
        fee_micros_per_kwh: Some(GRID_FEE),
        capacity_wh,
        metering_point: None,
    };
    let tight = WattHours::new(LINE_WH_A_HOUSE * i64::from(houses));
    vec![root(substation.clone()), line(1, None), line(2, Some(tight))]
}

fn feeder(number: u32) -> AreaId {
    AreaId::new(format!("feeder-{number}")).expect("a short word is an id")
}

/// Returns where a house is connected.
pub fn area(plan: &HousePlan) -> AreaId {
    feeder(plan.feeder)
}

/// Writes the scale of the street's clock into `market.toml`, now that it is known.
pub(super) fn begin(dir: &Path, houses: u32, scale: Scale) -> Result<(), StreetError> {
    let path = dir.join("market.toml");
    let config = config(houses, scale.speed, Some(scale));
    config.check().map_err(ExchangeError::Config)?;
    std::fs::write(&path, config.to_toml()).map_err(|cause| StreetError::File { path, cause })
}

/// Returns the market as its past knows it.
pub(super) fn past(config: &MarketConfig) -> PastMarket {
    PastMarket { areas: config.market_areas(), fees: Fees { operator: config.operator_fee_micros_per_kwh } }
}

/// A household is known on the market by the name of its folder.
pub(super) fn member(plan: &HousePlan) -> MemberId {
    MemberId::new(plan.id.clone()).expect("a short word is an id")
}

pub(super) fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

pub(super) fn invite(plan: &HousePlan, address: SocketAddr) -> Invite {
    Invite {
        member: member(plan),
        area: area(plan),
        // The form of a German metering point's name; the operator's part is one that nobody has.
        metering_point: format!("DE0000000000000000000000000000{:03}", plan.number),
        limits: Limits { fuse_w: FUSE_W, exposure: EXPOSURE },
        expires: SystemClock.now() + INVITED_FOR,
        address: url(address),
    }
}
