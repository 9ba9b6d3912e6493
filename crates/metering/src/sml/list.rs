//! What a meter's list of values means, its maker's peculiarities included.

use sml_rs::parser::common::{ListEntry, Status, Value as Raw};
use sml_rs::parser::streaming::{ParseEvent, Parser};

use super::message;
use crate::telegram::{Decimal, DecodeError, Hints, Telegram, Value, Values};

const POWER: &str = "1-0:16.7.0";
const IMPORT_TOTAL: &str = "1-0:1.8.0";

/// Set in the status word while power flows into the grid (FNN, status word of basic meters).
const EXPORTS: u64 = 0x20;

/// Reads a frame; none where it has no values, such as an answer to a query that was not ours.
pub(super) fn telegram(frame: &[u8]) -> Result<Option<Telegram>, DecodeError> {
    let messages = message::with_values(frame)?;
    let mut values = Values::default();
    let mut hints = Hints { may_hide: true, ..Hints::default() };
    let mut unsigned = None;
    for message in &messages {
        for event in Parser::new(message) {
            let event = event.map_err(|_| DecodeError::Malformed)?;
            let ParseEvent::ListEntry(entry) = event else { continue };
            let Some(code) = code(entry.obj_name) else { continue };
            if code == POWER {
                unsigned = unsigned.or(unsigned_of_small(&entry));
            }
            if code == IMPORT_TOTAL {
                hints.exports = entry.status.as_ref().map(|status| word(status) & EXPORTS != 0);
            }
            if let Some(value) = value(&entry) {
                values.note(code, value);
            }
        }
    }
    hints.power = unsigned.filter(|_| is_dvs74_without_sign(&values));
    // The sensor's time counts seconds since the meter was installed: no clock.
    Ok((!values.is_empty()).then(|| Telegram::new(values, None, &hints)))
}

/// Writes a name of six bytes as a code; a sixth group of 255, which means nothing, is left out.
fn code(name: &[u8]) -> Option<String> {
    match name {
        [a, b, c, d, e, 255] => Some(format!("{a}-{b}:{c}.{d}.{e}")),
        [a, b, c, d, e, f] => Some(format!("{a}-{b}:{c}.{d}.{e}*{f}")),
        _ => None,
    }
}

fn value(entry: &ListEntry) -> Option<Value> {
    let number = match entry.value {
        Raw::Bytes(bytes) => return Some(Value::Text(text(bytes))),
        Raw::Bool(flag) => return Some(Value::Text(flag.to_string())),
        Raw::List(_) => return None,
        Raw::I8(number) => i64::from(number),
        Raw::I16(number) => i64::from(number),
        Raw::I32(number) => i64::from(number),
        Raw::I64(number) => number,
        Raw::U8(number) => i64::from(number),
        Raw::U16(number) => i64::from(number),
        Raw::U32(number) => i64::from(number),
        // All bits set is what some meters write for nothing; beyond 63 bits nothing is a measurement.
        Raw::U64(number) => i64::try_from(number).ok()?,
    };
    let number = Decimal::new(number, entry.scaler.unwrap_or(0));
    Some(Value::Number { number, unit: unit(entry.unit).to_owned() })
}

/// Returns octets as text where they are readable, otherwise in hexadecimal.
fn text(bytes: &[u8]) -> String {
    if !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the unit of a code of the DLMS list (IEC 62056-6-2).
fn unit(code: Option<u8>) -> &'static str {
    match code {
        Some(8) => "deg",
        Some(27) => "W",
        Some(28) => "VA",
        Some(29) => "var",
        Some(30) => "Wh",
        Some(31) => "VAh",
        Some(32) => "varh",
        Some(33) => "A",
        Some(35) => "V",
        Some(44) => "Hz",
        _ => "",
    }
}

fn word(status: &Status) -> u64 {
    match *status {
        Status::Status8(word) => word.into(),
        Status::Status16(word) => word.into(),
        Status::Status32(word) => word.into(),
        Status::Status64(word) => word,
    }
}

/// Returns a number of one or two bytes as if it had no sign.
fn unsigned_of_small(entry: &ListEntry) -> Option<Decimal> {
    let number = match entry.value {
        Raw::I8(number) => i64::from(number as u8),
        Raw::I16(number) => i64::from(number as u16),
        _ => return None,
    };
    Some(Decimal::new(number, entry.scaler.unwrap_or(0)))
}

/// Tells whether the meter is a DZG DVS74 of the years that wrote powers of one or two bytes without room
/// for their sign: 356.24 W came as -299.12 W (libsml, `sml_list.c`). Others mean their negative values.
fn is_dvs74_without_sign(values: &Values) -> bool {
    let number = values
        .text("1-0:96.1.0")
        .and_then(|id| id.strip_prefix("0a01445a47"))
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.is_some_and(|number| matches!(number, 42_000_000..=48_999_999 | 55_000_000..=58_999_999))
}
