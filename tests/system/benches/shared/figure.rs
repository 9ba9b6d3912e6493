//! A figure beside something simpler that was measured in the same run. All benches of the house tell it so.

use serde_json::json;

pub struct Figure {
    bench: String,
    value: f64,
    unit: &'static str,
    against: Option<(String, f64)>,
}

impl Figure {
    pub fn new(bench: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { bench: bench.into(), value, unit, against: None }
    }

    pub fn against(self, name: impl Into<String>, value: f64) -> Self {
        Self { against: Some((name.into(), value)), ..self }
    }

    pub fn tell(&self, json: bool) {
        let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
        let Self { bench, value, unit, against } = self;
        if json {
            let ratio = against.as_ref().map(|(_, against)| rounded(value / against));
            let against =
                against.as_ref().map(|(name, value)| json!({ "name": name, "value": rounded(*value) }));
            let value = rounded(*value);
            println!(
                "{}",
                json!({ "bench": bench, "value": value, "unit": unit, "against": against, "ratio": ratio })
            );
        } else {
            let against = against.as_ref().map_or_else(String::new, |(name, other)| {
                format!("   {name}: {other:.3} {unit}   x {:.3}", value / other)
            });
            println!("{bench:<32} {value:>9.3} {unit}{against}");
        }
    }
}
