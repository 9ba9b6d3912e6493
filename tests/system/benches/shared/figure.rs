//! A figure beside something simpler that was measured in the same run.

use serde_json::json;

pub struct Figure {
    bench: &'static str,
    value: f64,
    unit: &'static str,
    against: Option<(&'static str, f64)>,
}

impl Figure {
    pub fn new(bench: &'static str, value: f64, unit: &'static str) -> Self {
        Self { bench, value, unit, against: None }
    }

    pub fn against(self, name: &'static str, value: f64) -> Self {
        Self { against: Some((name, value)), ..self }
    }

    pub fn tell(&self, json: bool) {
        let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
        let Self { bench, value, unit, .. } = self;
        if json {
            let against = self.against.map(|(name, value)| json!({ "name": name, "value": rounded(value) }));
            let ratio = self.against.map(|(_, against)| rounded(value / against));
            let value = rounded(*value);
            println!(
                "{}",
                json!({ "bench": bench, "value": value, "unit": unit, "against": against, "ratio": ratio })
            );
        } else {
            let against = self.against.map_or_else(String::new, |(name, other)| {
                format!("   {name}: {other:.3} {unit}   x {:.2}", value / other)
            });
            println!("{bench:<28} {value:>9.3} {unit}{against}");
        }
    }
}
