//! Prices of the wire as exact numbers: decimals are read digit by digit, no float is on the way.

use serde_json::Number;
use units::{Price, div_half_even};

use crate::error::Malformed;

/// Digits behind the point that are kept before the one rounding.
const DECIMALS: usize = 12;
/// A thousand units of the currency per kWh; nothing was ever near it.
const LARGEST_MICROS: i128 = 1_000_000_000;
/// The longest number that is read.
const LONGEST: usize = 40;

/// Reads a price per MWh, half to even to a micro per kWh.
pub(crate) fn per_mwh(text: &str) -> Result<Price, Malformed> {
    price(text, 1_000)
}

/// Reads a price per kWh, half to even to a micro.
pub(crate) fn per_kwh(text: &str) -> Result<Price, Malformed> {
    price(text, 1_000_000)
}

/// Returns a JSON number as the decimal that its writer most likely wrote.
pub(crate) fn text_of(number: &Number) -> String {
    match number.as_f64() {
        // Rust's `Display` writes the shortest decimal that reads back the same, and never an exponent.
        Some(value) if !number.is_i64() && !number.is_u64() => value.to_string(),
        _ => number.to_string(),
    }
}

fn price(text: &str, micros_per_unit: i128) -> Result<Price, Malformed> {
    let refused = || Malformed::value(text, "a price");
    let exact = decimal(text.trim()).ok_or_else(refused)? * micros_per_unit;
    let micros = div_half_even(exact, 10i128.pow(DECIMALS as u32));
    let within = Some(micros).filter(|micros| micros.abs() <= LARGEST_MICROS);
    within.and_then(|micros| i64::try_from(micros).ok()).map(Price::from_micros_per_kwh).ok_or_else(refused)
}

/// Reads a decimal in units of its last kept digit; digits beyond are cut off.
fn decimal(text: &str) -> Option<i128> {
    if text.len() > LONGEST {
        return None;
    }
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => (-1, size),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = size.split_once('.').unwrap_or((size, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && part.is_empty() || !digits(whole) || !digits(part) || whole.len() > 12 {
        return None;
    }
    let part = &part[..part.len().min(DECIMALS)];
    format!("{whole}{part:0<DECIMALS$}").parse::<i128>().ok().map(|size| sign * size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mwh(text: &str) -> Option<i64> {
        per_mwh(text).ok().map(Price::micros_per_kwh)
    }

    #[test]
    fn prices_are_read_digit_by_digit() {
        assert_eq!(
            (mwh("84.21"), mwh("-12.5"), mwh("0"), mwh(" 7 ")),
            (Some(84_210), Some(-12_500), Some(0), Some(7_000))
        );
        assert_eq!((mwh("0.0005"), mwh("0.0015"), mwh("0.00051")), (Some(0), Some(2), Some(1)));
        assert_eq!(per_kwh("0.2999999").map(Price::micros_per_kwh), Ok(300_000));
        for text in ["", "-", ".", "1,5", "1e3", "NaN", "inf", "1000001", "9999999999999", "--1", "1.2.3"] {
            assert_eq!(mwh(text), None, "{text}");
        }
    }

    #[test]
    fn json_numbers_are_the_decimals_that_were_written() {
        let text = |json: &str| text_of(&serde_json::from_str(json).unwrap());
        assert_eq!(
            (text("84.21"), text("-0.1"), text("7"), text("1e-7")),
            ("84.21".into(), "-0.1".into(), "7".into(), "0.0000001".into())
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,50}") {
            let _ = (per_mwh(&text), per_kwh(&text));
        }

        #[test]
        fn three_decimals_per_mwh_are_exact(micros in -1_000_000_000i64..1_000_000_000) {
            let sign = if micros < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:03}", micros.abs() / 1000, micros.abs() % 1000);
            prop_assert_eq!(mwh(&text), Some(micros));
        }
    }
}
