//! Amounts as people write them in rules: `4 kWh/day`, `1.5 kWh`, `80 %`.

use units::{Percent, WattHours};

/// A gigawatt-hour: more than any home moves, so a larger number is a slip.
const LARGEST_WATT_HOURS: i64 = 1_000_000_000;

/// A text that is no amount of the expected unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an amount here: write it as {example}, with at most three decimals")]
pub struct InvalidAmount {
    pub text: String,
    pub example: &'static str,
}

/// Reads an energy a day, such as `4 kWh/day`.
pub(crate) fn parse_energy_per_day(text: &str) -> Result<WattHours, InvalidAmount> {
    parse_energy(text, "/day", "4 kWh/day")
}

/// Reads an energy, such as `1.5 kWh`.
pub(crate) fn parse_kept_energy(text: &str) -> Result<WattHours, InvalidAmount> {
    parse_energy(text, "", "1.5 kWh")
}

/// Reads a share of a hundred, such as `80 %`.
pub(crate) fn parse_percent(text: &str) -> Result<Percent, InvalidAmount> {
    let thousandths = text.trim().strip_suffix('%').and_then(parse_thousandths);
    let within = thousandths.filter(|thousandths| *thousandths <= 100_000);
    let invalid = || InvalidAmount { text: text.to_owned(), example: "80 %" };
    within.map(Percent::from_thousandths).ok_or_else(invalid)
}

/// Writes an energy in kWh, exactly: `4 kWh`, `1.5 kWh`.
pub(crate) fn format_energy(energy: WattHours) -> String {
    format!("{} kWh", decimal(energy.get()))
}

pub(crate) fn format_percent(percent: Percent) -> String {
    format!("{} %", decimal(percent.thousandths()))
}

/// Writes thousandths as a decimal without trailing zeros.
pub(crate) fn decimal(thousandths: i64) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn parse_energy(text: &str, suffix: &str, example: &'static str) -> Result<WattHours, InvalidAmount> {
    let read = || {
        let amount = text.trim().strip_suffix(suffix)?.trim_end();
        let watt_hours = parse_thousandths(amount.strip_suffix("kWh")?)?;
        (watt_hours <= LARGEST_WATT_HOURS).then(|| WattHours::new(watt_hours))
    };
    read().ok_or_else(|| InvalidAmount { text: text.to_owned(), example })
}

/// Reads a decimal of at most three places that is not negative, in thousandths.
fn parse_thousandths(text: &str) -> Option<i64> {
    let text = text.trim();
    let (whole, decimals) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !whole.is_empty() && digits(whole) && digits(decimals) && decimals.len() <= 3;
    if fits { format!("{whole}{decimals:0<3}").parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        assert_eq!(parse_energy_per_day("4 kWh/day"), Ok(WattHours::new(4000)));
        assert_eq!(parse_energy_per_day(" 0.25kWh /day "), Ok(WattHours::new(250)));
        assert_eq!(parse_kept_energy("1.5 kWh"), Ok(WattHours::new(1500)));
        assert_eq!(parse_percent("80 %"), Ok(Percent::from_percent(80)));
        assert_eq!(parse_percent("12.5%"), Ok(Percent::from_thousandths(12_500)));
    }

    #[test]
    fn what_is_no_amount_is_refused_with_an_example() {
        for text in
            ["4", "4 kWh", "4 Wh/day", "-4 kWh/day", "4,5 kWh/day", "4.0001 kWh/day", "9999999 kWh/day"]
        {
            let refused = parse_energy_per_day(text).unwrap_err();
            assert_eq!((refused.text.as_str(), refused.example), (text, "4 kWh/day"));
        }
        assert!(["101 %", "80", "-1 %", "%"].iter().all(|text| parse_percent(text).is_err()));
        assert!(["1.5", "1.5 kWh/day", "kWh", "1. kWh"].iter().all(|text| parse_kept_energy(text).is_err()));
    }

    #[test]
    fn amounts_are_written_as_they_are_read() {
        assert_eq!(format_energy(WattHours::new(4000)), "4 kWh");
        assert_eq!(format_energy(WattHours::new(1050)), "1.05 kWh");
        assert_eq!(format_energy(WattHours::new(0)), "0 kWh");
        assert_eq!(format_percent(Percent::from_thousandths(12_500)), "12.5 %");
        assert_eq!(format_percent(Percent::from_percent(100)), "100 %");
    }
}
