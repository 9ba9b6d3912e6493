//! The weather of slots, foretold or looked back on. Each value may be missing.

use std::collections::BTreeMap;

use units::Slot;

/// The mean weather of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SlotWeather {
    /// Sun and sky together on flat ground, in W/m².
    pub global_w_m2: Option<f64>,
    /// The sky's part of it; estimated where missing.
    pub diffuse_w_m2: Option<f64>,
    pub temperature_c: Option<f64>,
}

/// Weather by slot: of the past to learn from, of the future to foretell with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeatherCurve(BTreeMap<Slot, SlotWeather>);

impl WeatherCurve {
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the weather of a slot. A value that is not finite is none.
    pub fn set(&mut self, slot: Slot, weather: SlotWeather) {
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        let weather = SlotWeather {
            global_w_m2: finite(weather.global_w_m2),
            diffuse_w_m2: finite(weather.diffuse_w_m2),
            temperature_c: finite(weather.temperature_c),
        };
        self.0.insert(slot, weather);
    }

    pub fn get(&self, slot: Slot) -> SlotWeather {
        self.0.get(&slot).copied().unwrap_or_default()
    }

    /// Iterates over the slots, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, SlotWeather)> + '_ {
        self.0.iter().map(|(slot, weather)| (*slot, *weather))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Extend<(Slot, SlotWeather)> for WeatherCurve {
    fn extend<I: IntoIterator<Item = (Slot, SlotWeather)>>(&mut self, weather: I) {
        weather.into_iter().for_each(|(slot, weather)| self.set(slot, weather));
    }
}
