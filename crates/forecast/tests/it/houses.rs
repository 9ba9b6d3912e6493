//! What the house will use.

use forecast::{Foretold, HouseForecast, Measured, NoHistory, Persistence, WeatherCurve, score, skill};
use units::{Energy, Slot};

use crate::world::{World, berlin, first, foretell, world};

fn year(world: &World, weather: &WeatherCurve, every: i64) -> Vec<Foretold> {
    foretell(every, |now, day| {
        HouseForecast::learn(berlin(), &world.house, weather, now).unwrap().forecast(day, weather)
    })
}

#[test]
fn the_house_is_foretold_better_than_by_yesterday_and_by_last_week() {
    let world = world();
    let none = WeatherCurve::new();
    for (name, weather, least) in [("with temperature", &world.weather, 0.2), ("without", &none, 0.0)] {
        let scored = score(&year(world, weather, 9), &world.house).unwrap();
        for reference in [Persistence::Yesterday, Persistence::LastWeek] {
            let naive = foretell(9, |_, day| reference.forecast(&world.house, day));
            let (all, middle) = skill(&scored, &score(&naive, &world.house).unwrap()).unwrap();
            println!(
                "house {name} against {reference:?}: skill {all:.3}, of P50 {middle:.3}, {:.3}",
                scored.within
            );
            assert!(all > 0.2 && middle > least, "{name}, {reference:?}: {all:.3} {middle:.3}");
        }
        assert!((0.65..=0.95).contains(&scored.within), "{:.3} came out between P10 and P90", scored.within);
    }
}

#[test]
fn cold_days_are_foretold_better_with_their_temperature() {
    let world = world();
    let with = score(&year(world, &world.weather, 9), &world.house).unwrap();
    let without = score(&year(world, &WeatherCurve::new(), 9), &world.house).unwrap();
    let (all, middle) = skill(&with, &without).unwrap();
    println!("house, temperature over none: {all:.3}, of P50 {middle:.3}");
    assert!(middle > 0.02, "{with:?} {without:?}");
}

#[test]
fn a_forecast_says_what_it_rested_on() {
    let world = world();
    let winter = first().offset(100 * 96);
    let basis = |weather: &WeatherCurve| {
        let forecast = HouseForecast::learn(berlin(), &world.house, weather, winter).unwrap();
        forecast.forecast(winter..winter.next(), weather)[0].basis()
    };
    let (with, without) = (basis(&world.weather), basis(&WeatherCurve::new()));
    assert!(with.temperature && !without.temperature && !with.irradiance);
    assert!((56..=57).contains(&with.history_days), "{with:?}");
    let nothing = HouseForecast::learn(berlin(), &[], &world.weather, winter);
    assert_eq!(nothing.err(), Some(NoHistory));
}

#[test]
fn one_mad_reading_moves_nothing() {
    let world = world();
    let now = first().offset(100 * 96);
    let mut mad = world.house.clone();
    mad[99 * 96 + 40].energy = Energy::from_watt_hours(5_000_000);
    let total = |measured: &[Measured]| -> f64 {
        let forecast = HouseForecast::learn(berlin(), measured, &world.weather, now).unwrap();
        forecast.forecast(now..now.offset(96), &world.weather).iter().map(|one| one.p50().as_f64()).sum()
    };
    let (sane, mad) = (total(&world.house), total(&mad));
    assert!((mad / sane - 1.0).abs() < 0.02, "{mad} {sane}");
}

#[test]
fn breakfast_stays_at_breakfast_when_the_clocks_change() {
    // A kettle at seven on the wall, each day.
    let kettle = |slot: &Slot| {
        let minute = units::LocalDay::minute_of_day(slot.start(), berlin());
        if minute == 7 * 60 { 500 } else { 30 }
    };
    let now: Slot = "2026-03-29T00:00:00Z".parse().unwrap();
    let past: Vec<Measured> = Slot::range(now.offset(-28 * 96)..now)
        .map(|slot| Measured { slot, energy: Energy::from_watt_hours(kettle(&slot)) })
        .collect();
    let weather = WeatherCurve::new();
    let forecast = HouseForecast::learn(berlin(), &past, &weather, now).unwrap();
    let foretold = forecast.forecast(now..now.offset(96), &weather);
    let peak = foretold.iter().max_by_key(|one| one.p50()).unwrap();
    // Seven o'clock of summer is five in UTC, and was six the day before.
    assert_eq!(peak.slot().to_string(), "2026-03-29T05:00:00Z");
}

#[test]
fn a_history_of_an_hour_is_little_and_no_trouble() {
    let world = world();
    let now = first().offset(4);
    let forecast = HouseForecast::learn(berlin(), &world.house, &WeatherCurve::new(), now).unwrap();
    let foretold = forecast.forecast(now..now.offset(96), &WeatherCurve::new());
    assert_eq!(foretold.len(), 96);
    assert!(foretold.iter().all(|one| !one.p50().is_zero() && one.basis().history_days == 1));
}
