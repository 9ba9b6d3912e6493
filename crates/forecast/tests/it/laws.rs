//! What holds for any weather and any past.

use forecast::{HouseForecast, Measured, RoofForecast, SlotWeather, WeatherCurve};
use proptest::prelude::*;
use units::{Energy, Slot};

use crate::world::{berlin, roof};

fn any_weather() -> impl Strategy<Value = SlotWeather> {
    let value =
        prop::option::of(prop_oneof![-500.0f64..2000.0, Just(f64::NAN), Just(f64::INFINITY), Just(-1e300)]);
    (value.clone(), value.clone(), value).prop_map(|(global_w_m2, diffuse_w_m2, temperature_c)| SlotWeather {
        global_w_m2,
        diffuse_w_m2,
        temperature_c: temperature_c.map(|value| value.clamp(-80.0, 60.0)),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn quantiles_rise_and_are_never_negative(
        past in prop::collection::vec((-1_000_000i64..5_000_000, any_weather()), 0..300),
        ahead in prop::collection::vec(any_weather(), 1..100),
        start in 1_600_000_000i64..1_900_000_000,
    ) {
        let now = Slot::from_index(start / 900);
        let from = now.offset(-(past.len() as i64));
        let mut weather = WeatherCurve::new();
        weather.extend((0..).zip(&past).map(|(offset, row)| (from.offset(offset), row.1)));
        weather.extend((0..).zip(&ahead).map(|(offset, weather)| (now.offset(offset), *weather)));
        let measured: Vec<_> = (0..).zip(&past)
            .map(|(offset, row)| Measured { slot: from.offset(offset), energy: Energy::from_milliwatt_hours(row.0) })
            .collect();
        let day = now..now.offset(ahead.len() as i64);
        let roof = RoofForecast::learn(roof(), &measured, &weather, now).forecast(day.clone(), &weather);
        let house = HouseForecast::learn(berlin(), &measured, &weather, now);
        let house = house.map(|house| house.forecast(day, &weather)).unwrap_or_default();
        for one in roof.iter().chain(&house) {
            prop_assert!(Energy::ZERO <= one.p10() && one.p10() <= one.p50() && one.p50() <= one.p90());
        }
    }
}
