//! Settings > Prices and weather: which sources the owner chose, and what forecasts must be told of the home.

use feeds::PriceSource;
use serde::{Deserialize, Serialize};
use specta::Type;

use super::Whole;
use crate::config::{
    BatteryConfig, HomeConfig, PlaceConfig, PlaneConfig, RoofConfig, WeatherSource, described,
};
use crate::error::refusal;
use crate::house::Home;
use crate::view::frame::Refusal;

/// What is chosen, and what is to be chosen. Whatever is missing is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Type)]
pub struct SourcesForm {
    pub prices: Option<PriceSourceForm>,
    /// The weather is asked of Open-Meteo.
    pub weather: bool,
    pub latitude_deg: Option<f64>,
    pub longitude_deg: Option<f64>,
    pub planes: Vec<PlaneForm>,
    pub inverter_w: Option<Whole>,
    pub battery_capacity_wh: Option<Whole>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PriceSourceForm {
    pub kind: PriceSourceKind,
    /// The bidding zone, country, path or address.
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum PriceSourceKind {
    EnergyCharts,
    Awattar,
    File,
    Url,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct PlaneForm {
    pub peak_w: Whole,
    pub tilt_deg: f64,
    pub azimuth_deg: f64,
}

impl Home {
    /// Returns what the owner chose.
    pub fn sources(&self) -> Result<SourcesForm, Refusal> {
        Ok(SourcesForm::of(&self.house()?.config()))
    }

    /// Chooses sources and tells of the home; they are asked at once.
    pub fn save_sources(&self, form: &SourcesForm) -> Result<SourcesForm, Refusal> {
        let house = self.house()?;
        house.check_trades()?;
        let chosen = form.clone();
        house.change_config(|config| chosen.put(config)).map_err(|error| {
            let hint = "Correct it and try again; nothing was changed.";
            refusal("bad_sources", described(&error), hint)
        })?;
        tracing::info!(prices = form.prices.is_some(), weather = form.weather, "the owner chose sources");
        house.wake.outlook.notify_one();
        house.prices_changed();
        self.sources()
    }
}

impl SourcesForm {
    fn of(config: &HomeConfig) -> Self {
        let roof = config.roof.as_ref();
        let plane = |plane: &PlaneConfig| PlaneForm {
            peak_w: Whole::new(plane.peak_w.into()),
            tilt_deg: plane.tilt_deg,
            azimuth_deg: plane.azimuth_deg,
        };
        Self {
            prices: config.prices.as_ref().and_then(PriceSourceForm::of),
            weather: config.weather.is_some(),
            latitude_deg: config.place.map(|place| place.latitude_deg),
            longitude_deg: config.place.map(|place| place.longitude_deg),
            planes: roof.map(|roof| roof.planes.iter().map(plane).collect()).unwrap_or_default(),
            inverter_w: roof.and_then(|roof| roof.inverter_w).map(|watts| Whole::new(watts.into())),
            battery_capacity_wh: config.battery.map(|battery| Whole::new(battery.capacity_wh.into())),
        }
    }

    fn put(self, config: &mut HomeConfig) {
        // What the file says beyond this form, such as an address of a service that speaks the same, stays.
        let unchanged = self.prices == config.prices.as_ref().and_then(PriceSourceForm::of);
        if !unchanged {
            config.prices = self.prices.map(PriceSource::from);
        }
        config.weather = match (self.weather, config.weather.take()) {
            (false, _) => None,
            (true, Some(known)) => Some(known),
            (true, None) => Some(WeatherSource::OpenMeteo { address: None }),
        };
        let place = self.latitude_deg.zip(self.longitude_deg);
        config.place = place.map(|(latitude_deg, longitude_deg)| PlaceConfig { latitude_deg, longitude_deg });
        let watts = |watts: Whole| u32::try_from(watts.get()).unwrap_or(0);
        let plane = |plane: &PlaneForm| PlaneConfig {
            peak_w: watts(plane.peak_w),
            tilt_deg: plane.tilt_deg,
            azimuth_deg: plane.azimuth_deg,
        };
        config.roof = (!self.planes.is_empty()).then(|| RoofConfig {
            inverter_w: self.inverter_w.map(watts),
            planes: self.planes.iter().map(plane).collect(),
        });
        config.battery =
            self.battery_capacity_wh.map(|capacity| BatteryConfig { capacity_wh: watts(capacity) });
    }
}

impl PriceSourceForm {
    /// `None` for a source that this form does not offer.
    fn of(source: &PriceSource) -> Option<Self> {
        let (kind, value) = match source {
            PriceSource::EnergyCharts { bidding_zone, .. } => {
                (PriceSourceKind::EnergyCharts, bidding_zone.clone())
            }
            PriceSource::Awattar { country, .. } => (PriceSourceKind::Awattar, country.clone()),
            PriceSource::File { path } => (PriceSourceKind::File, path.display().to_string()),
            PriceSource::Url { address } => (PriceSourceKind::Url, address.clone()),
            PriceSource::EntsoE { .. } | PriceSource::Tibber { .. } => return None,
        };
        Some(Self { kind, value })
    }
}

impl From<PriceSourceForm> for PriceSource {
    fn from(form: PriceSourceForm) -> Self {
        let value = form.value.trim().to_owned();
        match form.kind {
            PriceSourceKind::EnergyCharts => Self::EnergyCharts { bidding_zone: value, address: None },
            PriceSourceKind::Awattar => Self::Awattar { country: value, address: None },
            PriceSourceKind::File => Self::File { path: value.into() },
            PriceSourceKind::Url => Self::Url { address: value },
        }
    }
}
