//! What the home will probably make and use in the next two days, from its own history and the weather, and how
//! good such words were. A forecast is never taken for a measurement.

use std::collections::BTreeMap;
use std::ops::Range;

use forecast::{
    Basis, Foretold, HouseForecast, Measured, Persistence, RoofForecast, Score, SlotWeather, WeatherCurve,
    skill,
};
use history::{ForecastOf, History, HistoryError, MeterFacts, SlotForecast};
use metering::Quality;
use units::{DayKey, Energy, LocalDay, MeterId, Percent, Slot, Timestamp, WattHours, Zone};

use crate::config::{HomeConfig, Role};

/// So far ahead is foretold.
pub const AHEAD: i64 = 2 * 96;

/// What is learned from: the house's eight weeks; a roof's forecast takes less of it.
const LEARN_DAYS: u64 = 56;

/// Forecasts of so many days are scored.
const SCORED_DAYS: i64 = 30;

/// Of what is charged so much comes out again.
const BATTERY_YIELD_PERCENT: i64 = 93;
/// A level is known when what it could be at most and at least differ by no more than this share.
const BATTERY_KNOWN_PERCENT: i64 = 8;

/// A forecast of the slots ahead.
#[derive(Clone, Debug)]
pub struct Outlook {
    pub made_at: Timestamp,
    zone: Zone,
    /// Missing where there is no roof, or nothing to go by.
    pub roof: Option<Vec<Foretold>>,
    pub house: Option<Vec<Foretold>>,
    pub battery: Option<Percent>,
    pub roof_skill: Option<Skill>,
    pub house_skill: Option<Skill>,
}

/// How good the forecasts of the last weeks were, a day ahead, against "as yesterday".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skill {
    pub slots: usize,
    /// 0 is no better than yesterday, 1 is perfect.
    pub skill: f64,
    /// The share of slots that came out between P10 and P90.
    pub within: f64,
}

/// What the meters of a home counted, slot by slot, as far as it was measured.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    pub roof: Vec<Measured>,
    pub house: Vec<Measured>,
    /// What the battery gave, less what it took.
    battery: Vec<(Slot, Energy)>,
}

impl Outlook {
    /// Foretells the slots from the running one on; nothing where the home has no history to learn from.
    pub fn make(
        config: &HomeConfig,
        history: &History,
        now: Timestamp,
    ) -> Result<Option<Self>, HistoryError> {
        let zone = config.zone();
        let today = LocalDay::containing(now, zone).key();
        let first = DayKey::new(today.date() - chrono::Days::new(LEARN_DAYS));
        let counted = Counted::read(config, history, first..today.next())?;
        if counted.house.is_empty() && counted.roof.is_empty() {
            return Ok(None);
        }
        let running = Slot::containing(now);
        let ahead = running..running.offset(AHEAD);
        let weather = weather(history, LocalDay::new(first, zone).slots().start..ahead.end)?;
        let roof = foretold_roof(config, &counted, &weather, ahead.clone());
        let house = HouseForecast::learn(zone, &counted.house, &weather, running)
            .map(|house| house.forecast(ahead, &weather));
        let scored = running.offset(-SCORED_DAYS * 96)..running;
        Ok(Some(Self {
            made_at: now,
            zone,
            roof_skill: score(history, ForecastOf::Roof, &counted.roof, scored.clone())?,
            house_skill: score(history, ForecastOf::House, &counted.house, scored)?,
            roof,
            house: house.ok(),
            battery: battery_levels(config, &counted).range(..=running).next_back().map(|(_, level)| *level),
        }))
    }

    /// Returns what is worth keeping, to be scored by what will come.
    pub fn record(&self) -> Vec<SlotForecast> {
        let of = |of: ForecastOf, foretold: &Option<Vec<Foretold>>| -> Vec<SlotForecast> {
            let row = |one: &Foretold| SlotForecast {
                slot: one.slot(),
                of,
                quantiles: [one.p10(), one.p50(), one.p90()],
            };
            foretold.iter().flatten().map(row).collect()
        };
        [of(ForecastOf::Roof, &self.roof), of(ForecastOf::House, &self.house)].concat()
    }

    /// Returns P10, P50 and P90 of what a slot leaves over before the battery; `None` beyond the forecast.
    pub fn surplus(&self, slot: Slot) -> Option<[Energy; 3]> {
        let house = find(self.house.as_ref()?, slot)?;
        let Some(roof) = &self.roof else { return Some([Energy::ZERO; 3]) };
        let roof = find(roof, slot)?;
        let over = |made: Energy, used: Energy| (made - used).max(Energy::ZERO);
        Some([over(roof.p10(), house.p90()), over(roof.p50(), house.p50()), over(roof.p90(), house.p10())])
    }

    /// Returns what the home will probably have left over from a slot on until its local day ends.
    pub fn surplus_ahead(&self, slot: Slot) -> Option<WattHours> {
        let day = LocalDay::containing(slot.start(), self.zone).slots();
        let sum = Slot::range(slot..day.end)
            .map_while(|slot| self.surplus(slot))
            .fold(Energy::ZERO, |sum, [_, middle, _]| sum + middle);
        // A day of which the forecast knows nothing has no surplus that is known.
        self.surplus(slot).map(|_| sum.floor_watt_hours())
    }

    pub fn basis(foretold: &Option<Vec<Foretold>>) -> Option<Basis> {
        // The brightest slot says most of what it rests on.
        foretold.iter().flatten().max_by_key(|one| one.p50()).map(Foretold::basis)
    }
}

fn find(foretold: &[Foretold], slot: Slot) -> Option<&Foretold> {
    let first = foretold.first()?.slot();
    foretold.get(usize::try_from(slot.index() - first.index()).ok()?)
}

/// Foretells the roof by physics where place and panels are told, else by what it made at these times.
fn foretold_roof(
    config: &HomeConfig,
    counted: &Counted,
    weather: &WeatherCurve,
    ahead: Range<Slot>,
) -> Option<Vec<Foretold>> {
    if !config.has(Role::Solar) {
        return None;
    }
    if let Ok(Some(roof)) = config.roof() {
        let roof = RoofForecast::learn(roof, &counted.roof, weather, ahead.start);
        return Some(roof.forecast(ahead, weather));
    }
    // Without the weather: how cold it is says nothing of the sun.
    let blind = WeatherCurve::new();
    let by_the_clock = HouseForecast::learn(config.zone(), &counted.roof, &blind, ahead.start).ok()?;
    Some(by_the_clock.forecast(ahead, &blind))
}

fn weather(history: &History, slots: Range<Slot>) -> Result<WeatherCurve, HistoryError> {
    let mut weather = WeatherCurve::new();
    weather.extend(history.weather(slots)?.into_iter().map(|known| {
        let history::SlotWeather { slot, global_w_m2, diffuse_w_m2, temperature_c } = known;
        (slot, SlotWeather { global_w_m2, diffuse_w_m2, temperature_c })
    }));
    Ok(weather)
}

/// Scores what was said a day ahead, beside the day before.
fn score(
    history: &History,
    of: ForecastOf,
    measured: &[Measured],
    slots: Range<Slot>,
) -> Result<Option<Skill>, HistoryError> {
    let foretold: Vec<Foretold> = history
        .forecasts(of, slots.clone())?
        .into_iter()
        .map(|kept| Foretold::new(kept.slot, kept.quantiles, Basis::default()))
        .collect();
    let known = |score: &Option<Score>| score.as_ref().map_or(0, |score| score.slots);
    let words = forecast::score(&foretold, measured);
    // Both are scored over the same slots.
    let reference: Vec<Foretold> = Persistence::Yesterday.forecast(measured, slots);
    let same: BTreeMap<Slot, ()> = foretold.iter().map(|one| (one.slot(), ())).collect();
    let reference: Vec<Foretold> =
        reference.into_iter().filter(|one| same.contains_key(&one.slot())).collect();
    let yesterday = forecast::score(&reference, measured);
    if known(&words) < 96 {
        return Ok(None);
    }
    Ok(words.zip(yesterday).and_then(|(words, yesterday)| {
        let (skill, _) = skill(&words, &yesterday)?;
        Some(Skill { slots: words.slots, skill, within: words.within })
    }))
}

impl Counted {
    /// Reads local days, half-open. Only what was measured counts.
    pub fn read(config: &HomeConfig, history: &History, days: Range<DayKey>) -> Result<Self, HistoryError> {
        let meter = |role| config.meter_of(role).map(|meter| &meter.id);
        let meters: [Option<&MeterId>; 3] = [meter(Role::Grid), meter(Role::Solar), meter(Role::Battery)];
        let mut counted = Self::default();
        history.each_slot(meters, days, |facts| {
            let [grid, solar, battery] = facts.meters.map(|facts| facts.and_then(net));
            if let Some(made) = solar {
                counted.roof.push(Measured { slot: facts.slot, energy: made.max(Energy::ZERO) });
            }
            if let Some(given) = battery {
                counted.battery.push((facts.slot, given));
            }
            let all = |installed: Option<&MeterId>, energy: Option<Energy>| match installed {
                None => Some(Energy::ZERO),
                Some(_) => energy,
            };
            if let (Some(grid), Some(solar), Some(battery)) =
                (grid, all(meters[1], solar), all(meters[2], battery))
            {
                let used = (grid + solar + battery).max(Energy::ZERO);
                counted.house.push(Measured { slot: facts.slot, energy: used });
            }
        })?;
        Ok(counted)
    }
}

/// Returns import less export of a slot that was measured.
fn net(facts: MeterFacts) -> Option<Energy> {
    if facts.quality != Quality::Measured {
        return None;
    }
    match (facts.import, facts.export) {
        (None, None) => None,
        (import, export) => Some(import.unwrap_or(Energy::ZERO) - export.unwrap_or(Energy::ZERO)),
    }
}

/// Follows how full the battery was at the end of each slot, where its capacity is told.
///
/// Nobody knows how full it was when the counting began, so it is followed twice: from full and from empty. Where
/// both meet, since it was full or empty meanwhile, the level is known. A gap begins anew.
pub fn battery_levels(config: &HomeConfig, counted: &Counted) -> BTreeMap<Slot, Percent> {
    let Some(battery) = config.battery else { return BTreeMap::new() };
    let capacity = i64::from(battery.capacity_wh) * 1000;
    let mut levels = BTreeMap::new();
    let (mut most, mut least, mut last) = (capacity, 0, None);
    for (slot, given) in &counted.battery {
        if last.replace(*slot).is_some_and(|last: Slot| last.next() != *slot) {
            (most, least) = (capacity, 0);
        }
        let given = given.milliwatt_hours();
        // What is charged comes out a little less.
        let change = if given > 0 { -given } else { -given * BATTERY_YIELD_PERCENT / 100 };
        (most, least) = ((most + change).clamp(0, capacity), (least + change).clamp(0, capacity));
        if (most - least) * 100 <= capacity * BATTERY_KNOWN_PERCENT {
            let middle = i64::midpoint(most, least);
            levels.insert(slot.next(), Percent::from_thousandths(middle * 100_000 / capacity));
        }
    }
    levels
}

/// Returns for each slot of local days what was foretold to be left over from it on until its day ended.
pub fn foretold_surplus(
    history: &History,
    zone: Zone,
    has_roof: bool,
    slots: Range<Slot>,
) -> Result<BTreeMap<Slot, WattHours>, HistoryError> {
    let middle = |of| -> Result<BTreeMap<Slot, Energy>, HistoryError> {
        let known = history.forecasts(of, slots.clone())?;
        Ok(known.into_iter().map(|known| (known.slot, known.quantiles[1])).collect())
    };
    let (roof, house) = (middle(ForecastOf::Roof)?, middle(ForecastOf::House)?);
    let mut ahead = BTreeMap::new();
    let (mut day, mut sum) = (None, Energy::ZERO);
    for (slot, used) in house.iter().rev() {
        let of = LocalDay::containing(slot.start(), zone).key();
        if day.replace(of) != Some(of) {
            sum = Energy::ZERO;
        }
        let made = if has_roof { roof.get(slot).copied() } else { Some(Energy::ZERO) };
        let Some(made) = made else { continue };
        sum += (made - *used).max(Energy::ZERO);
        ahead.insert(*slot, sum.floor_watt_hours());
    }
    Ok(ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(capacity_wh: u32) -> HomeConfig {
        HomeConfig { battery: Some(crate::config::BatteryConfig { capacity_wh }), ..HomeConfig::starter() }
    }

    fn counted(given_wh: &[i64]) -> Counted {
        let first: Slot = "2026-06-01T00:00:00Z".parse().unwrap();
        let battery = (0..).zip(given_wh).map(|(at, wh)| (first.offset(at), Energy::from_watt_hours(*wh)));
        Counted { battery: battery.collect(), ..Counted::default() }
    }

    #[test]
    fn a_batterys_level_is_known_once_it_was_full_or_empty() {
        // It gives 1 kWh twice: from nothing known, that tells nothing yet.
        let levels = battery_levels(&home(10_000), &counted(&[1000, 1000]));
        assert!(levels.is_empty());
        // 11 kWh given in a row: it is empty now, whatever it was. Then 5 kWh are charged.
        let mut given = vec![1000; 11];
        given.extend([-1000; 5]);
        let levels: Vec<i64> = battery_levels(&home(10_000), &counted(&given))
            .values()
            .map(|level| level.thousandths())
            .collect();
        assert_eq!((levels.first(), levels.last()), (Some(&0), Some(&46_500)));
    }

    #[test]
    fn after_a_gap_a_batterys_level_is_not_known() {
        let mut counted = counted(&[1000; 12]);
        let (last, _) = *counted.battery.last().unwrap();
        counted.battery.push((last.offset(40), Energy::from_watt_hours(-500)));
        let levels = battery_levels(&home(10_000), &counted);
        assert_eq!(levels.range(last.offset(40)..).count(), 0);
    }

    #[test]
    fn without_a_capacity_no_level_is_guessed() {
        assert!(battery_levels(&HomeConfig::starter(), &counted(&[1000; 40])).is_empty());
    }
}
