//! Holds a folder of recorded telegrams against values that another program decoded:
//! `cargo run -p metering --example meter_data -- DIR`.
//!
//! `DIR/dsmr` and `DIR/sml` hold recordings and an `expected.json` each. Every recording is also broken a
//! thousand times: nothing may panic, and a telegram with a checksum is either one of the unbroken ones or
//! no telegram.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use metering::{DecodeError, Telegram, decode_p1, decode_sml};
use serde_json::Value;

type Decoded = Vec<Result<Telegram, DecodeError>>;
type Findings = Vec<String>;

const MUTATIONS: u64 = 1000;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: meter_data DIR");
        return ExitCode::from(2);
    };
    let checked = check(&folder.join("dsmr"), &["p1", "txt"], decode_p1, p1_findings)
        .and_then(|p1| Ok((p1, check(&folder.join("sml"), &["bin"], decode_sml, sml_findings)?)));
    let ((p1_files, mut findings), (sml_files, more)) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    findings.extend(more);
    for finding in &findings {
        println!("{finding}");
    }
    println!("{p1_files} P1 and {sml_files} SML recordings, {} findings", findings.len());
    if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns how many recordings were held against their expected values, and what did not fit.
fn check(
    folder: &Path,
    endings: &[&str],
    decode: fn(&[u8]) -> Decoded,
    compare: fn(&Decoded, &Value) -> Findings,
) -> Result<(usize, Findings), String> {
    let expected = read(&folder.join("expected.json"))?;
    let expected: Value = serde_json::from_slice(&expected).map_err(|error| error.to_string())?;
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known)));
    paths.sort();
    let mut findings = Vec::new();
    for path in &paths {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = read(path)?;
        let decoded = decode(&bytes);
        let mut found = expected.get(&name).map(|expected| compare(&decoded, expected)).unwrap_or_default();
        found.extend(mutation_findings(&bytes, &decoded, decode));
        findings.extend(found.into_iter().map(|finding| format!("{name}: {finding}")));
    }
    Ok((paths.len(), findings))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn sml_findings(decoded: &Decoded, expected: &Value) -> Findings {
    let mut findings = Vec::new();
    let good: Vec<&Telegram> = decoded.iter().flatten().collect();
    let bad = decoded.iter().filter(|telegram| **telegram == Err(DecodeError::Crc)).count();
    for (name, got) in [("frames", good.len()), ("bad", bad)] {
        if expected[name] != got {
            findings.push(format!("{name}: expected {}, got {got}", expected[name]));
        }
    }
    let values = expected["first"].as_object().into_iter().flatten();
    for (name, value) in values {
        let code = sml_code(name);
        let got = good.first().and_then(|telegram| telegram.obis.get(&code)).map(|got| got.value.as_str());
        if !is_same(got, &value[0]) {
            findings.push(format!("{code}: expected {}, got {got:?}", value[0]));
        }
    }
    findings
}

/// Makes `1-0:1.8.0` of `1.8.0` or `0100010800ff`.
fn sml_code(name: &str) -> String {
    let bytes: Option<Vec<u8>> = (name.len() == 12)
        .then(|| (0..6).map(|at| u8::from_str_radix(&name[2 * at..2 * at + 2], 16).ok()).collect())
        .flatten();
    match bytes.as_deref() {
        Some([a, b, c, d, e, 255]) => format!("{a}-{b}:{c}.{d}.{e}"),
        Some([a, b, c, d, e, f]) => format!("{a}-{b}:{c}.{d}.{e}*{f}"),
        _ => format!("1-0:{name}"),
    }
}

fn p1_findings(decoded: &Decoded, expected: &Value) -> Findings {
    let [Ok(telegram)] = decoded.as_slice() else {
        return vec![format!("expected one telegram, got {}", decoded.len())];
    };
    let mut findings = Vec::new();
    for (name, value) in expected.as_object().into_iter().flatten() {
        if name == "P1_MESSAGE_TIMESTAMP" {
            let time = value[0].as_str().and_then(|time| time.parse().ok());
            if time.is_none() || telegram.meter_time != time {
                findings.push(format!("{name}: expected {}, got {:?}", value[0], telegram.meter_time));
            }
            continue;
        }
        let Some(code) = p1_code(name) else {
            findings.push(format!("{name}: no code is known for it"));
            continue;
        };
        let got = telegram.obis.get(&code);
        let text = got.map(|got| got.value.as_str());
        let same = match &value[0] {
            // A log: as many brackets as the other program found values.
            Value::Array(items) => text.is_some_and(|text| text.matches('(').count() == items.len()),
            value => is_same(text, value),
        };
        if !same || got.and_then(|got| got.unit.as_deref()) != value[1].as_str() {
            findings.push(format!("{name} ({code}): expected {value}, got {got:?}"));
        }
    }
    findings
}

/// Returns the code of what the other program calls a value.
fn p1_code(name: &str) -> Option<String> {
    const NAMES: &[(&str, &str)] = &[
        ("P1_MESSAGE_HEADER", "1-3:0.2.8"),
        ("EQUIPMENT_IDENTIFIER", "0-0:96.1.1"),
        ("BELGIUM_EQUIPMENT_IDENTIFIER", "0-0:96.1.1"),
        ("BELGIUM_VERSION_INFORMATION", "0-0:96.1.4"),
        ("BELGIUM_CURRENT_AVERAGE_DEMAND", "1-0:1.4.0"),
        ("BELGIUM_MAXIMUM_DEMAND_MONTH", "1-0:1.6.0"),
        ("Q3D_EQUIPMENT_IDENTIFIER", "1-0:0.0.0"),
        ("Q3D_EQUIPMENT_SERIALNUMBER", "0-0:96.1.255"),
        ("Q3D_EQUIPMENT_STATE", "1-0:96.5.5"),
        ("ELECTRICITY_IMPORTED_TOTAL", "1-0:1.8.0"),
        ("ELECTRICITY_EXPORTED_TOTAL", "1-0:2.8.0"),
        ("ELECTRICITY_USED_TARIFF_1", "1-0:1.8.1"),
        ("ELECTRICITY_USED_TARIFF_2", "1-0:1.8.2"),
        ("ELECTRICITY_DELIVERED_TARIFF_1", "1-0:2.8.1"),
        ("ELECTRICITY_DELIVERED_TARIFF_2", "1-0:2.8.2"),
        ("ELECTRICITY_ACTIVE_TARIFF", "0-0:96.14.0"),
        ("CURRENT_ELECTRICITY_USAGE", "1-0:1.7.0"),
        ("CURRENT_ELECTRICITY_DELIVERY", "1-0:2.7.0"),
        ("ACTUAL_SWITCH_POSITION", "0-0:96.3.10"),
        ("ACTUAL_TRESHOLD_ELECTRICITY", "0-0:17.0.0"),
        ("LONG_POWER_FAILURE_COUNT", "0-0:96.7.9"),
        ("SHORT_POWER_FAILURE_COUNT", "0-0:96.7.21"),
        ("POWER_EVENT_FAILURE_LOG", "1-0:99.97.0"),
        ("TEXT_MESSAGE", "0-0:96.13.0"),
        ("TEXT_MESSAGE_CODE", "0-0:96.13.1"),
    ];
    const PHASES: &[(&str, u8, &str)] = &[
        ("INSTANTANEOUS_ACTIVE_POWER_L*_POSITIVE", 1, "7.0"),
        ("INSTANTANEOUS_ACTIVE_POWER_L*_NEGATIVE", 2, "7.0"),
        ("INSTANTANEOUS_CURRENT_L*", 11, "7.0"),
        ("INSTANTANEOUS_VOLTAGE_L*", 12, "7.0"),
        ("FUSE_THRESHOLD_L*", 11, "4.0"),
        ("VOLTAGE_SAG_L*_COUNT", 12, "32.0"),
        ("VOLTAGE_SWELL_L*_COUNT", 12, "36.0"),
    ];
    if let Some((_, code)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some((*code).to_owned());
    }
    PHASES.iter().find_map(|(known, quantity, rest)| {
        let phase = (1..=3_u8).find(|phase| known.replace('*', &phase.to_string()) == name)?;
        Some(format!("1-0:{}.{rest}", quantity + 20 * phase))
    })
}

/// Compares as numbers where both are, since programs write zeros differently.
fn is_same(got: Option<&str>, expected: &Value) -> bool {
    match (got, expected) {
        (got, Value::Null) => got.is_none_or(str::is_empty),
        (Some(got), Value::Number(number)) => got.parse::<f64>().ok() == number.as_f64(),
        (Some(got), Value::String(text)) => got == text,
        _ => false,
    }
}

fn mutation_findings(bytes: &[u8], whole: &Decoded, decode: fn(&[u8]) -> Decoded) -> Findings {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    // P1 telegrams before version 4 have none, and no time; every SML frame has one.
    let lacks_checksum =
        |telegram: &Telegram| telegram.obis.contains_key("0-0:96.1.255") || is_version_3(telegram);
    let has_checksum = !whole.iter().flatten().any(lacks_checksum);
    let mut findings = Vec::new();
    for mutation in 0..MUTATIONS {
        let broken = mutate(bytes, &mut random);
        let stranger = |telegram: &&Telegram| !whole.iter().flatten().any(|known| known == *telegram);
        if let Some(telegram) = decode(&broken).iter().flatten().find(stranger).filter(|_| has_checksum) {
            findings.push(format!("mutation {mutation} gave {telegram:?}"));
        }
    }
    findings
}

fn is_version_3(telegram: &Telegram) -> bool {
    telegram.obis.contains_key("0-0:96.1.1") && telegram.meter_time.is_none()
}

/// Changes a byte or loses a part, within 16 bits, which the checksum always finds, so that a telegram
/// that passes is a finding and no chance.
fn mutate(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut broken = bytes.to_vec();
    let at = random.below(broken.len());
    match random.below(4) {
        0 => broken[at] ^= 1 << random.below(8),
        1 => broken[at] = random.below(256) as u8,
        2 => broken.truncate(at),
        _ => drop(broken.drain(..at)),
    }
    broken
}

/// SplitMix64: the same breaks on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % end.max(1) as u64) as usize
    }
}
