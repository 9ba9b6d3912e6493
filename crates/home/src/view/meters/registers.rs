//! What a meter sent, word by word, beside what it means: the same values that the dashboard shows.

use drivers::{Observation, Raw};
use metering::{Explained, RawRegisters};
use serde::{Deserialize, Serialize};
use specta::Type;

use super::{Instant, Whole};
use crate::house::Home;
use crate::meters::unknown_meter;
use crate::view::frame::Refusal;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RegistersView {
    pub meter: String,
    /// When it was sent; missing before the first answer.
    pub read_at: Option<Instant>,
    pub rows: Vec<RegisterRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RegisterRow {
    /// What it means: `power`, `import`, `voltage`; missing where it means nothing to the house.
    pub name: Option<String>,
    /// Which of several phases, from 1.
    pub phase: Option<u8>,
    /// Where it stands: `4:0x0034`, several with commas between, or an OBIS code.
    pub place: String,
    /// The words as hexadecimal, or the text of the telegram; missing where it was not sent.
    pub raw: Option<String>,
    /// In thousandths of the unit, with the house's sign.
    pub value: Option<Whole>,
    pub unit: Option<String>,
    /// What it says where it is no number.
    pub text: Option<String>,
}

impl Home {
    /// Returns what a meter sent last.
    pub fn meter_registers(&self, id: &str) -> Result<RegistersView, Refusal> {
        let house = self.house()?;
        let config = house.config();
        let meter =
            config.meters.iter().find(|meter| meter.id.as_str() == id).ok_or_else(|| unknown_meter(id))?;
        let live = house.live();
        let seen = live.meters.get(&meter.role).and_then(|known| known.seen.clone());
        drop(live);
        Ok(RegistersView {
            meter: id.to_owned(),
            read_at: seen.as_ref().map(|(at, _)| (*at).into()),
            rows: seen.map(|(_, observation)| rows(&observation)).unwrap_or_default(),
        })
    }
}

fn rows(observation: &Observation) -> Vec<RegisterRow> {
    match observation.raw() {
        Raw::Registers { profile, registers, orientation } => {
            profile.explain(registers, orientation).into_iter().map(register_row).collect()
        }
        Raw::Telegram(telegram) => telegram
            .obis
            .iter()
            .map(|(code, value)| RegisterRow {
                name: None,
                phase: None,
                place: code.clone(),
                raw: Some(value.value.clone()),
                value: None,
                unit: value.unit.clone(),
                text: None,
            })
            .collect(),
    }
}

fn register_row(row: Explained) -> RegisterRow {
    let place = |raw: &RawRegisters| format!("{}:0x{:04X}", raw.function, raw.address);
    let words = |raw: &RawRegisters| {
        let words = raw.words.as_ref()?;
        Some(words.iter().map(|word| format!("{word:04X}")).collect::<Vec<_>>().join(" "))
    };
    let raw: Option<Vec<String>> = row.registers.iter().map(words).collect();
    RegisterRow {
        name: Some(row.name.to_owned()),
        phase: row.phase,
        place: row.registers.iter().map(place).collect::<Vec<_>>().join(", "),
        raw: raw.filter(|raw| !raw.is_empty()).map(|raw| raw.join(", ")),
        value: row.value.map(Whole::new),
        unit: Some(row.unit.to_owned()).filter(|unit| !unit.is_empty()),
        text: row.text,
    }
}
