//! Open-Meteo: the weather of a place by quarter hours, as JSON.
//!
//! The format: <https://open-meteo.com/en/docs>. Radiation is the mean of the time before its instant, so the
//! value at 12:15 belongs to the slot from 12:00; temperature is that of the instant. Where there are no quarter
//! hours there are hours.

use forecast::{Place, SlotWeather, WeatherCurve};
use serde::Deserialize;
use units::{SLOT_SECONDS, Slot};

use crate::error::{FeedError, Malformed};
use crate::http::{Request, address};

const ADDRESS: &str = "https://api.open-meteo.com/v1/forecast";
const VARIABLES: &str = "shortwave_radiation,diffuse_radiation,temperature_2m";
/// Two months of quarter hours.
const MOST: usize = 6_000;

#[derive(Deserialize)]
struct Answer {
    minutely_15: Option<Series>,
    hourly: Option<Series>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Series {
    time: Vec<i64>,
    shortwave_radiation: Option<Vec<Option<f64>>>,
    diffuse_radiation: Option<Vec<Option<f64>>>,
    temperature_2m: Option<Vec<Option<f64>>>,
}

pub(crate) fn request(base: Option<&str>, place: Place) -> Result<Request, FeedError> {
    let mut url = address(base.unwrap_or(ADDRESS))?;
    // Two decimals are a kilometre: enough for clouds, and less than a house number.
    url.query_pairs_mut()
        .append_pair("latitude", &format!("{:.2}", place.latitude_deg))
        .append_pair("longitude", &format!("{:.2}", place.longitude_deg))
        .append_pair("minutely_15", VARIABLES)
        .append_pair("hourly", VARIABLES)
        .append_pair("timeformat", "unixtime")
        .append_pair("past_days", "2")
        .append_pair("forecast_days", "3");
    Ok(Request::get(url))
}

pub(crate) fn parse(bytes: &[u8]) -> Result<WeatherCurve, Malformed> {
    let answer: Answer = crate::source::json(bytes)?;
    if let Some(reason) = answer.reason {
        return Err(Malformed::Says(reason.chars().take(200).collect()));
    }
    let mut weather = WeatherCurve::new();
    // Hours first, so that quarter hours go before them.
    for (series, slots) in [(answer.hourly, 4), (answer.minutely_15, 1)] {
        if let Some(series) = series {
            series.into_slots(slots, &mut weather)?;
        }
    }
    if weather.is_empty() { Err(Malformed::Missing { what: "any weather" }) } else { Ok(weather) }
}

impl Series {
    /// Gives each value to the slots that end at its instant.
    fn into_slots(self, slots: i64, weather: &mut WeatherCurve) -> Result<(), Malformed> {
        if self.time.len() > MOST {
            return Err(Malformed::TooMany);
        }
        let lists = [
            ("shortwave_radiation", &self.shortwave_radiation, 0.0..=1500.0),
            ("diffuse_radiation", &self.diffuse_radiation, 0.0..=1500.0),
            ("temperature_2m", &self.temperature_2m, -90.0..=60.0),
        ];
        for (what, list, _) in &lists {
            if list.as_ref().is_some_and(|list| list.len() != self.time.len()) {
                return Err(Malformed::Lengths { what, other: "time" });
            }
        }
        for (index, seconds) in self.time.iter().enumerate() {
            let end = Slot::containing(crate::source::instant_s(*seconds)?);
            if seconds % SLOT_SECONDS != 0 {
                return Err(Malformed::Unaligned { from: end.to_string() });
            }
            let [global_w_m2, diffuse_w_m2, temperature_c] = lists.each_ref().map(|(_, list, possible)| {
                let value = list.as_ref().and_then(|list| list[index]);
                // What the physics of weather forbids is missing.
                value.filter(|value| possible.contains(value))
            });
            if global_w_m2.is_none() && temperature_c.is_none() {
                continue;
            }
            for back in 1..=slots {
                weather.set(end.offset(-back), SlotWeather { global_w_m2, diffuse_w_m2, temperature_c });
            }
        }
        Ok(())
    }
}
