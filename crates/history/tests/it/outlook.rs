//! Prices of the power market, weather, and what was foretold.

use history::{ForecastOf, History, SlotForecast, SlotWeather, SpotPrice};
use units::{Energy, Price, Slot};

use crate::support::{noon, noon_slot, seconds};

fn spot(slot: Slot, micros: i64) -> SpotPrice {
    SpotPrice { slot, price: Price::from_micros_per_kwh(micros) }
}

#[test]
fn a_published_price_that_comes_again_replaces_the_earlier_one_and_gaps_stay_gaps() {
    let history = History::in_memory().unwrap();
    let (one, other) = (noon_slot(), noon_slot().offset(2));
    history.record_spot_prices(&[spot(one, 80_000), spot(other, -1)], "file", noon()).unwrap();
    history.record_spot_prices(&[spot(one, 81_000)], "file", noon() + seconds(60)).unwrap();
    let known = history.spot_prices(one..other.next()).unwrap();
    assert_eq!(known, [spot(one, 81_000), spot(other, -1)]);
}

#[test]
fn a_forecast_is_kept_as_it_was_a_day_ahead() {
    let history = History::in_memory().unwrap();
    let foretell = |slot: Slot, p50: i64, at| {
        let quantiles = [p50 - 10, p50, p50 + 10].map(Energy::from_watt_hours);
        history.record_forecasts(&[SlotForecast { slot, of: ForecastOf::House, quantiles }], at).unwrap();
    };
    let kept = |slot: Slot| {
        let known = history.forecasts(ForecastOf::House, slot..slot.next()).unwrap();
        known[0].quantiles[1]
    };
    let far = noon_slot().offset(100);
    foretell(far, 100, noon());
    foretell(far, 200, noon() + seconds(900));
    assert_eq!(kept(far), Energy::from_watt_hours(200), "25 hours ahead the later word counts");
    foretell(far, 300, noon() + seconds(12 * 3600));
    assert_eq!(kept(far), Energy::from_watt_hours(200), "within a day the earlier word stays");
    let near = noon_slot().offset(4);
    foretell(near, 50, noon());
    foretell(near, 60, noon());
    assert_eq!(kept(near), Energy::from_watt_hours(50));
    assert_eq!(history.forecasts(ForecastOf::Roof, near..far.next()).unwrap(), []);
}

#[test]
fn weather_of_more_than_a_year_ago_is_dropped() {
    let history = History::in_memory().unwrap();
    let weather =
        |slot| SlotWeather { slot, global_w_m2: None, diffuse_w_m2: None, temperature_c: Some(-3.5) };
    let (old, new) = (noon_slot(), noon_slot().offset(401 * 96));
    history.record_weather(&[weather(old)], noon()).unwrap();
    assert_eq!(history.weather(old..old.next()).unwrap(), [weather(old)]);
    history.record_weather(&[weather(new)], new.start()).unwrap();
    assert_eq!(history.weather(old..new.next()).unwrap(), [weather(new)]);
}
