//! Makes a small market with half a day behind it and something of everything that can go wrong, for the browser test of
//! the operator's page: `operator_market DIR`. Its clock goes on from there, as fast as any other.
//!
//! Names are hostile where the exchange lets them be.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../tests/it/street.rs"]
mod street;

use std::path::{Path, PathBuf};

use exchange::{AreaConfig, MarketConfig};
use exchange_api::{JoinRequest, SignedOrder};
use market::Side;
use units::{AreaId, Clock as _, Scale, Slot, SystemClock, Timestamp};

use street::{Home, Street, price, slot, wh};

const FIRST: &str = "2026-06-01T06:00:00Z";
const QUARTERS: i64 = 24;
/// Ten minutes past noon.
const END: &str = "2026-06-01T12:10:00Z";
const HOSTILE_AREA: &str = "feeder-<i onclick=broken=1>2</i>";
const HOSTILE_MEMBER: &str = "<img src=x onerror=broken=1>";
const HOSTILE_NAME: &str = "Linden\u{202e}weg <script>window.broken = 1</script>";

/// A home and the registers of its meter.
struct House {
    home: Home,
    import: i64,
    export: i64,
}

/// What is wrong with a home from a quarter hour on.
#[derive(Clone, Copy, PartialEq)]
enum Ailment {
    None,
    Silent,
    Unmeasured,
    Backwards,
}

#[tokio::main]
async fn main() {
    let dir = PathBuf::from(std::env::args_os().nth(1).expect("a folder to make the market in"));
    let street = Street::with(configure).await;
    street.clock.set(FIRST.parse().unwrap());
    let mut houses = Vec::new();
    for number in 1..=12 {
        let (member, area) = match number {
            8 => (HOSTILE_MEMBER.to_owned(), HOSTILE_AREA),
            _ => (format!("home-{number:02}"), if number % 2 == 0 { HOSTILE_AREA } else { "feeder-1" }),
        };
        houses.push(House { home: join(&street, &member, area).await, import: 4_000, export: 900 });
    }
    let first = slot(FIRST).offset(1);
    for (number, house) in houses.iter().enumerate() {
        let orders: Vec<SignedOrder> = (0..QUARTERS + 8)
            .map(|quarter| house.home.sign(order(house, number as i64, first, quarter)))
            .collect();
        house.home.client.place_orders(orders).await.unwrap();
    }
    for quarter in 0..QUARTERS - 1 {
        let now = first.offset(quarter);
        street.clock.set(now.end() + std::time::Duration::from_secs(20));
        street.exchange.tick().await.unwrap();
        for (number, house) in houses.iter_mut().enumerate() {
            report(house, number as i64, now, quarter).await;
        }
        street.exchange.tick().await.unwrap();
        if quarter == 20 {
            street.exchange.revoke(houses[11].home.key.key_id()).await.unwrap();
        }
    }
    read_the_area(&street, first).await;
    street.invite_into("\"><svg onload=broken=1>", "feeder-1").await;
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{audit:?}");
    street.exchange.note_audit(&audit).await.unwrap();
    // Closed meanwhile, so that the files are whole.
    let (_street, ()) = street.restart_after(|from| copy(from, &dir)).await;
    go_on(&dir);
}

fn configure(config: &mut MarketConfig) {
    let id = |text: &str| AreaId::new(text).unwrap();
    let below = |text: &str, capacity_wh| AreaConfig {
        id: id(text),
        parent: Some(id("substation")),
        fee_micros_per_kwh: Some(price(5_000)),
        capacity_wh,
        metering_point: None,
    };
    config.name = HOSTILE_NAME.to_owned();
    config.operator_fee_micros_per_kwh = price(4_200);
    let substation = AreaConfig { id: id("substation"), metering_point: None, ..config.areas.remove(0) };
    let first = AreaConfig { metering_point: Some("DE-FEEDER-1".to_owned()), ..below("feeder-1", None) };
    config.areas = vec![substation, first, below(HOSTILE_AREA, Some(wh(900)))];
}

async fn join(street: &Street, member: &str, area: &str) -> Home {
    let invitation = street.invite_into(member, area).await;
    let home = Home::new(&street.address, member, exchange_api::DeviceKey::generate().unwrap());
    let device_name = format!("<b onmouseover=broken=1>box of {}</b>", member.len());
    let request = JoinRequest { device_name, ..home.join_request(&invitation) };
    home.client.join(&request).await.unwrap();
    street.exchange.tick().await.unwrap();
    home
}

/// Every third home has no roof; sellers are modest in the morning and want less at noon.
fn order(house: &House, number: i64, first: Slot, quarter: i64) -> exchange_api::Order {
    let at = first.offset(quarter);
    match number % 3 {
        0 => house.home.order(at, Side::Buy, 700, 240_000 - 3_000 * number),
        _ => house.home.order(at, Side::Sell, 900, 150_000 - 2_500 * quarter + 1_000 * number),
    }
}

/// Watt-hours in and out of a home in a quarter hour.
fn energy(number: i64, quarter: i64) -> (i64, i64) {
    match number % 3 {
        0 => (240 + 17 * number + 9 * (quarter % 5), 0),
        _ => (10 * (number % 2), (quarter + 1) * 22 + 5 * number),
    }
}

fn ailment(number: i64, quarter: i64) -> Ailment {
    match number {
        8 if quarter >= 21 => Ailment::Backwards,
        9 if quarter >= 18 => Ailment::Unmeasured,
        10 if quarter >= 16 => Ailment::Silent,
        11 if quarter > 20 => Ailment::Silent,
        _ => Ailment::None,
    }
}

async fn report(house: &mut House, number: i64, at: Slot, quarter: i64) {
    let (import, export) = energy(number, quarter);
    let registers = [house.import, house.import + import, house.export, house.export + export];
    match ailment(number, quarter) {
        Ailment::Silent => return,
        Ailment::Unmeasured => drop(house.home.report(at, None).await),
        Ailment::Backwards => drop(house.home.report(at, Some([100, 200, 0, 0])).await),
        Ailment::None => drop(house.home.report(at, Some(registers)).await),
    }
    (house.import, house.export) = (registers[1], registers[3]);
}

/// The utility's file: the feeder's meter for three hours, and a line of a meter that nobody knows.
async fn read_the_area(street: &Street, first: Slot) {
    let mut file = exchange::HEADER.to_owned() + "\n";
    let (mut import, mut export) = (70_000, 20_000);
    for quarter in 0..12 {
        let (taken, given) = (610, 30 + quarter * 40);
        file += &format!(
            "DE-FEEDER-1,{},{import},{},{export},{}\n",
            first.offset(quarter),
            import + taken,
            export + given
        );
        (import, export) = (import + taken, export + given);
    }
    file += &format!("<a href=//evil.example>DE-?</a>,{first},0,1,0,0\n");
    let rows = exchange::parse_readings(&file).unwrap();
    street.exchange.import_readings(rows, "the-file").await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Lets the market's clock go on from the end of the story.
fn go_on(dir: &Path) {
    let file = dir.join("market.toml");
    let mut config = MarketConfig::load(&file).unwrap();
    let market_origin: Timestamp = END.parse().unwrap();
    config.scale = Some(Scale { market_origin, real_origin: SystemClock.now(), speed: 1.0 });
    std::fs::write(&file, config.to_toml()).unwrap();
}
