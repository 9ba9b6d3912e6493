//! `market.toml`: the figures and the areas of a market, with their defaults.

use std::path::Path;

use exchange_api::{MarketRules, Terms};
use market::{Area, Book, InvalidBook, MAX_PRICE};
use serde::{Deserialize, Serialize};
use units::{AreaId, Currency, MarketId, Price, Scale, Slot, WattHours, Zone};

/// The configuration of a market. Each version of it is kept, and each slot names the one that governed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketConfig {
    pub market: MarketId,
    pub name: String,
    #[serde(default = "euro")]
    pub currency: Currency,
    /// IANA zone of the market's local day, in which exposure is counted.
    pub zone: String,
    /// The auction's cap: what the configuration calls retail.
    pub cap_micros_per_kwh: Price,
    /// The auction's floor: what the configuration calls feed-in.
    pub floor_micros_per_kwh: Price,
    #[serde(default)]
    pub operator_fee_micros_per_kwh: Price,
    /// How long before a slot its gate closes.
    #[serde(default = "five_minutes")]
    pub gate_s: u32,
    /// How long after a slot readings are awaited at most.
    #[serde(default = "an_hour")]
    pub readings_close_s: u32,
    /// How far apart the two samples around a slot border may lie.
    #[serde(default = "half_a_minute")]
    pub border_gap_s: u32,
    /// How long after a slot its settlement can change.
    #[serde(default = "fourteen_days")]
    pub final_after_s: u32,
    /// How far a client's clock may be off, in real time.
    #[serde(default = "two_minutes")]
    pub clock_tolerance_s: u32,
    /// How many slots ahead orders are taken.
    #[serde(default = "a_day_of_slots")]
    pub horizon_slots: u32,
    /// Present in a simulated street: market time runs at this scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    pub terms: Terms,
    /// The local grid: a tree with one root.
    #[serde(rename = "area")]
    pub areas: Vec<AreaConfig>,
}

/// An area, and the edge to its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaConfig {
    pub id: AreaId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<AreaId>,
    /// For crossing the edge; required but on the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_micros_per_kwh: Option<Price>,
    /// What the edge carries in a slot, each way; without it there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_wh: Option<WattHours>,
    /// What the grid operator calls the area's own meter, with which its members are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metering_point: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no {0}; make the market with `wattle-exchange init`, or name its folder with --data")]
    Missing(String),
    #[error("reading {file}")]
    Read {
        file: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("{file} cannot be understood")]
    Syntax {
        file: String,
        #[source]
        cause: toml::de::Error,
    },
    #[error("the market's configuration: {field} {fault}")]
    Field { field: &'static str, fault: String },
    #[error("the market's areas do not form a tree")]
    Areas(#[source] InvalidBook),
}

impl MarketConfig {
    /// Returns a market of one area with all defaults.
    pub fn new(market: MarketId, name: impl Into<String>) -> Self {
        Self {
            market,
            name: name.into(),
            currency: euro(),
            zone: "Europe/Berlin".to_owned(),
            cap_micros_per_kwh: Price::from_micros_per_kwh(300_000),
            floor_micros_per_kwh: Price::from_micros_per_kwh(80_000),
            operator_fee_micros_per_kwh: Price::ZERO,
            gate_s: five_minutes(),
            readings_close_s: an_hour(),
            border_gap_s: half_a_minute(),
            final_after_s: fourteen_days(),
            clock_tolerance_s: two_minutes(),
            horizon_slots: a_day_of_slots(),
            scale: None,
            terms: Terms { version: "1".to_owned(), text: DEFAULT_TERMS.to_owned() },
            areas: vec![AreaConfig {
                id: AreaId::new("feeder-1").expect("a short word is an id"),
                parent: None,
                fee_micros_per_kwh: None,
                capacity_wh: None,
                metering_point: None,
            }],
        }
    }

    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => ConfigError::Missing(name.clone()),
            _ => ConfigError::Read { file: name.clone(), cause },
        })?;
        Self::parse(&text, &name)
    }

    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let config: Self =
            toml::from_str(text).map_err(|cause| ConfigError::Syntax { file: file.to_owned(), cause })?;
        config.check()?;
        Ok(config)
    }

    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a configuration has no value that TOML lacks")
    }

    /// Checks what the types cannot say.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |field, fault: &str| Err(ConfigError::Field { field, fault: fault.to_owned() });
        let sizes = [
            ("cap_micros_per_kwh", self.cap_micros_per_kwh),
            ("floor_micros_per_kwh", self.floor_micros_per_kwh),
            ("operator_fee_micros_per_kwh", self.operator_fee_micros_per_kwh),
        ];
        // Half of the fee is taken off and put onto limits, which must stay within what clearing takes.
        if let Some((field, _)) =
            sizes.into_iter().find(|(_, price)| price.abs().micros_per_kwh() > MAX_PRICE / 2)
        {
            return wrong(field, "is beyond 500 per kWh");
        }
        if self.operator_fee_micros_per_kwh.is_negative() {
            return wrong("operator_fee_micros_per_kwh", "is negative");
        }
        if self.floor_micros_per_kwh > self.cap_micros_per_kwh {
            return wrong("floor_micros_per_kwh", "is above cap_micros_per_kwh");
        }
        if !(1..=672).contains(&self.horizon_slots) {
            return wrong("horizon_slots", "must lie from 1 to 672, a week");
        }
        if u64::from(self.gate_s) > u64::from(self.horizon_slots) * 900 {
            return wrong("gate_s", "leaves no slot open within horizon_slots");
        }
        if !(1..=300).contains(&self.clock_tolerance_s) {
            return wrong("clock_tolerance_s", "must lie from 1 to 300");
        }
        if units::zone(&self.zone).is_err() {
            return wrong("zone", "is no IANA time zone such as Europe/Berlin");
        }
        if self.terms.version.is_empty() {
            return wrong("terms.version", "is empty");
        }
        let mut meters = std::collections::BTreeSet::new();
        for point in self.areas.iter().filter_map(|area| area.metering_point.as_deref()) {
            if !(1..=64).contains(&point.len()) || point.contains([',', '\n', '\r']) {
                return wrong("area.metering_point", "must have 1 to 64 bytes and no comma");
            }
            if !meters.insert(point) {
                return wrong("area.metering_point", "is given to two areas");
            }
        }
        if self.scale.is_some_and(|scale| !(scale.speed.is_finite() && scale.speed > 0.0)) {
            return wrong("scale.speed", "must be above 0");
        }
        let empty = Book { slot: Slot::from_index(0), areas: self.market_areas(), orders: Vec::new() };
        market::clear(&empty).map_err(ConfigError::Areas)?;
        Ok(())
    }

    pub fn rules(&self) -> MarketRules {
        MarketRules {
            gate_s: self.gate_s,
            readings_close_s: self.readings_close_s,
            border_gap_s: self.border_gap_s,
            final_after_s: self.final_after_s,
            clock_tolerance_s: self.clock_tolerance_s,
            horizon_slots: self.horizon_slots,
            operator_fee_micros_per_kwh: self.operator_fee_micros_per_kwh,
            floor_micros_per_kwh: self.floor_micros_per_kwh,
            cap_micros_per_kwh: self.cap_micros_per_kwh,
        }
    }

    pub fn market_areas(&self) -> Vec<Area> {
        self.areas
            .iter()
            .map(|area| Area {
                id: area.id.clone(),
                parent: area.parent.clone(),
                fee: area.fee_micros_per_kwh,
                // An edge without a figure has no limit; the root has no edge.
                capacity: match (&area.parent, area.capacity_wh) {
                    (None, None) => None,
                    (_, capacity) => Some(capacity),
                },
            })
            .collect()
    }

    pub(crate) fn zone(&self) -> Zone {
        units::zone(&self.zone).expect("the zone was checked when the configuration was read")
    }
}

const DEFAULT_TERMS: &str = "You trade what your meter shows, nothing is owed for energy that did not come. \
Readings are declared by your own device. With fewer than five members others can guess whose order is whose.";

fn euro() -> Currency {
    Currency::EUR
}
fn five_minutes() -> u32 {
    300
}
fn an_hour() -> u32 {
    3600
}
fn half_a_minute() -> u32 {
    30
}
fn fourteen_days() -> u32 {
    14 * 86_400
}
fn two_minutes() -> u32 {
    120
}
fn a_day_of_slots() -> u32 {
    96
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        market = "lindenweg"
        name = "Lindenweg"
        zone = "Europe/Berlin"
        cap_micros_per_kwh = 300000
        floor_micros_per_kwh = 80000
        terms = { version = "1", text = "Be kind." }
        [[area]]
        id = "feeder-1"
    "#;

    #[test]
    fn what_is_not_said_has_the_markets_defaults() {
        let config = MarketConfig::parse(SMALL, "market.toml").unwrap();
        let rules = config.rules();
        assert_eq!((rules.gate_s, rules.readings_close_s, rules.border_gap_s), (300, 3600, 30));
        assert_eq!((rules.final_after_s, rules.clock_tolerance_s), (1_209_600, 120));
    }

    #[test]
    fn a_configuration_comes_back_from_its_file() {
        let mut config = MarketConfig::new(MarketId::new("m").unwrap(), "M");
        config.areas.push(AreaConfig {
            id: AreaId::new("feeder-2").unwrap(),
            parent: Some(AreaId::new("feeder-1").unwrap()),
            fee_micros_per_kwh: Some(Price::from_micros_per_kwh(5_000)),
            capacity_wh: None,
            metering_point: Some("DE-SUBSTATION".to_owned()),
        });
        config.scale = Some(Scale {
            market_origin: units::Timestamp::from_seconds(1_780_000_000),
            real_origin: units::Timestamp::from_seconds(1_790_000_000),
            speed: 60.0,
        });
        assert_eq!(MarketConfig::parse(&config.to_toml(), "market.toml").unwrap(), config);
    }

    #[test]
    fn the_documents_example_is_a_configuration() {
        let document = include_str!("../../../docs/protocols/market-toml.md");
        let examples: Vec<&str> =
            document.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        let config = MarketConfig::parse(&examples.concat(), "market-toml.md").unwrap();
        assert_eq!((config.areas.len(), config.scale.unwrap().speed), (2, 60.0));
        let defaults = MarketConfig::new(config.market.clone(), "x").rules();
        let said = MarketRules { operator_fee_micros_per_kwh: Price::ZERO, ..config.rules() };
        assert_eq!(said, defaults);
    }

    #[test]
    fn a_wrong_figure_is_refused_by_name() {
        for (from, to, name) in [
            ("floor_micros_per_kwh = 80000", "floor_micros_per_kwh = 300001", "floor_micros_per_kwh"),
            ("Europe/Berlin", "Middle/Earth", "zone"),
            ("name = \"Lindenweg\"", "name = \"x\"\ncolour = \"red\"", "colour"),
            ("name = \"Lindenweg\"", "name = \"x\"\nhorizon_slots = 0", "horizon_slots"),
            (
                "id = \"feeder-1\"",
                "id = \"feeder-1\"\nparent = \"nowhere\"\nfee_micros_per_kwh = 1",
                "nowhere",
            ),
            ("id = \"feeder-1\"", "id = \"feeder-1\"\n[[area]]\nid = \"two\"", "two"),
        ] {
            let error = MarketConfig::parse(&SMALL.replace(from, to), "market.toml").unwrap_err();
            let chain = format!("{:#}", anyhow::Error::from(error));
            assert!(chain.contains(name), "{chain} does not name {name}");
        }
    }
}
