//! What the roof will make.

use forecast::{Foretold, Measured, Persistence, RoofForecast, Score, WeatherCurve, score, skill};
use units::Energy;

use crate::world::{World, first, foretell, roof, world};

fn year(world: &World, weather: &WeatherCurve, every: i64) -> Vec<Foretold> {
    foretell(every, |now, day| RoofForecast::learn(roof(), &world.roof, weather, now).forecast(day, weather))
}

fn persistence(world: &World, every: i64) -> Score {
    let yesterday = foretell(every, |_, day| Persistence::Yesterday.forecast(&world.roof, day));
    score(&yesterday, &world.roof).unwrap()
}

#[test]
fn with_a_weather_forecast_the_roof_is_foretold_far_better_than_by_yesterday() {
    let world = world();
    let scored = score(&year(world, &world.weather, 9), &world.roof).unwrap();
    let (all, middle) = skill(&scored, &persistence(world, 9)).unwrap();
    println!("roof with weather: skill {all:.3}, of P50 {middle:.3}, within {:.3}", scored.within);
    assert!(all > 0.4 && middle > 0.3, "skill {all:.3}, of P50 {middle:.3}");
    assert!((0.70..=0.97).contains(&scored.within), "{:.3} came out between P10 and P90", scored.within);
}

#[test]
fn without_any_weather_it_is_still_better_than_yesterday() {
    let world = world();
    let foretold = year(world, &WeatherCurve::new(), 9);
    let scored = score(&foretold, &world.roof).unwrap();
    let (all, middle) = skill(&scored, &persistence(world, 9)).unwrap();
    println!("roof without weather: skill {all:.3}, of P50 {middle:.3}, within {:.3}", scored.within);
    // Under a sky that is mostly all blue or all grey, the middle alone can do no better than yesterday.
    assert!(all > 0.3 && middle > -0.1, "skill {all:.3}, of P50 {middle:.3}");
    let basis = foretold.iter().find(|one| !one.p50().is_zero()).unwrap().basis();
    assert!(!basis.irradiance && !basis.temperature && basis.history_days > 30, "{basis:?}");
}

#[test]
fn it_learns_of_a_hill_that_nobody_told_it_of() {
    let world = world();
    let learned = score(&year(world, &world.weather, 14), &world.roof).unwrap();
    let unlearned = foretell(14, |now, day| {
        RoofForecast::learn(roof(), &[], &world.weather, now).forecast(day, &world.weather)
    });
    assert_eq!(unlearned[48].basis().history_days, 0);
    let unlearned = score(&unlearned, &world.roof).unwrap();
    let (_, middle) = skill(&learned, &unlearned).unwrap();
    assert!(middle > 0.1, "{middle:.3}: {learned:?} {unlearned:?}");
}

#[test]
fn one_mad_reading_moves_nothing_much() {
    let world = world();
    let now = first().offset(240 * 96);
    let mut mad: Vec<Measured> = world.roof.clone();
    mad[239 * 96 + 44].energy = Energy::from_watt_hours(5_000_000);
    let total = |measured: &[Measured], weather: &WeatherCurve| -> f64 {
        let forecast = RoofForecast::learn(roof(), measured, weather, now);
        forecast.forecast(now..now.offset(96), weather).iter().map(|one| one.p50().as_f64()).sum()
    };
    for weather in [&world.weather, &WeatherCurve::new()] {
        let (sane, mad) = (total(&world.roof, weather), total(&mad, weather));
        assert!((mad / sane - 1.0).abs() < 0.1, "{mad} {sane}");
    }
}

#[test]
fn by_night_nothing_comes_and_by_day_no_more_than_the_inverter_lets_through() {
    let world = world();
    let foretold = year(world, &world.weather, 30);
    let midnight = |one: &&Foretold| one.slot().index().rem_euclid(96) == 0;
    assert!(foretold.iter().filter(midnight).all(|one| one.p90().is_zero()));
    assert!(foretold.iter().all(|one| one.p90() <= roof().most()));
}
