//! `wattle meter decode`: what a recording of a meter that speaks by itself holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use metering::{DecodeError, Flag, ObisValue, Telegram};
use serde::Serialize;
use units::Timestamp;

use super::sample::{SampleLine, Thousandths};
use crate::failure::Failure;
use crate::output::Output;
use crate::{Verdict, input};

#[derive(clap::Args)]
pub struct DecodeOptions {
    /// What the meter speaks
    protocol: Tongue,
    /// The recording, byte by byte as it came
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Tongue {
    P1,
    Sml,
}

/// A line a telegram.
#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Whole(Box<Whole>),
    Broken { telegram: usize, error: &'static str },
}

#[derive(Serialize)]
struct Whole {
    telegram: usize,
    power_w: Option<Thousandths>,
    import_wh: Option<Thousandths>,
    export_wh: Option<Thousandths>,
    phase_power_w: Option<Vec<Thousandths>>,
    serial: Option<String>,
    meter_time: Option<Timestamp>,
    flags: Vec<Flag>,
    obis: BTreeMap<String, Obis>,
}

#[derive(Serialize)]
struct Obis {
    value: String,
    unit: Option<String>,
}

/// Decodes a recording. The answer is yes if it holds a whole telegram.
pub fn decode(options: &DecodeOptions, output: Output) -> Result<Verdict, Failure> {
    let bytes = read(&options.file)?;
    let telegrams = match options.protocol {
        Tongue::P1 => metering::decode_p1(&bytes),
        Tongue::Sml => metering::decode_sml(&bytes),
    };
    let mut verdict = Verdict::No;
    for (number, telegram) in (1..).zip(telegrams) {
        if telegram.is_ok() {
            verdict = Verdict::Yes;
        }
        output.say(&Line::of(number, telegram), Line::text)?;
    }
    Ok(verdict)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|cause| input::unusable(path, cause))
}

impl Line {
    fn of(number: usize, telegram: Result<Telegram, DecodeError>) -> Self {
        let telegram = match telegram {
            Ok(telegram) => telegram,
            Err(error) => return Self::Broken { telegram: number, error: error.word() },
        };
        // A recording is of its meter's time: whether that clock was off, nobody can tell any more.
        let sample = SampleLine::from(&telegram.sample(telegram.meter_time.unwrap_or_default()));
        let obis = |(code, ObisValue { value, unit })| (code, Obis { value, unit });
        Self::Whole(Box::new(Whole {
            telegram: number,
            power_w: sample.power_w,
            import_wh: sample.import_wh,
            export_wh: sample.export_wh,
            phase_power_w: sample.phase_power_w,
            serial: sample.serial,
            meter_time: telegram.meter_time,
            flags: sample.flags,
            obis: telegram.obis.into_iter().map(obis).collect(),
        }))
    }

    fn text(&self) -> String {
        let whole = match self {
            Self::Whole(whole) => whole,
            Self::Broken { telegram, error } => return format!("Telegram {telegram}: not whole ({error})"),
        };
        let value = |value: Option<Thousandths>| value.map_or("-".to_owned(), |value| value.to_string());
        let (power, import, export) = (value(whole.power_w), value(whole.import_wh), value(whole.export_wh));
        let serial = whole.serial.as_deref().unwrap_or("-");
        let mut lines = vec![format!(
            "Telegram {}: {power} W  import {import} Wh  export {export} Wh  serial {serial}",
            whole.telegram
        )];
        lines.extend(whole.obis.iter().map(|(code, obis)| {
            let unit = obis.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
            format!("  {code:<18}{}{unit}", obis.value)
        }));
        lines.join("\n")
    }
}
