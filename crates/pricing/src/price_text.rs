//! Prices and amounts as people write them, `0.120 EUR/kWh`, `19 %`, read exactly: no float is on the way.

use units::{Currency, Money, Price, WattHours};

use crate::formula::Share;
use crate::standing::{Per, Standing};

/// A thousand units of the currency per kWh: the market accepts no price beyond it.
const LARGEST_MICROS: i64 = 1_000_000_000;
/// A hundred thousand units of the currency a day, month or year.
const LARGEST_STANDING_MICROS: i64 = 100_000_000_000;
/// A gigawatt-hour: more than any home uses in a year.
const LARGEST_TIER_WATT_HOURS: i64 = 1_000_000_000;
/// Micros are the finest price there is.
const MOST_DECIMALS: usize = 6;

/// A text that is no price in the home's currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a price: {fault}")]
pub struct InvalidPrice {
    pub text: String,
    pub fault: PriceFault,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceFault {
    #[error("the unit is missing; write it as 0.120 {0}/kWh")]
    NoUnit(Currency),
    #[error("the unit is \"{found}\" where {expected}/kWh was expected; write it as 0.120 {expected}/kWh")]
    OtherUnit { found: String, expected: Currency },
    #[error("\"{0}\" is not a number; write digits, with a point before the decimals, as in 0.120")]
    NotANumber(String),
    #[error("it has {0} decimals, and a price has at most {MOST_DECIMALS}")]
    TooManyDecimals(usize),
    #[error("it is too large; prices go up to 1000 per kWh")]
    TooLarge,
}

/// Reads a price per kWh in a currency, such as `0.120 EUR/kWh`, exactly.
///
/// A minus sign is allowed, at most six decimals, and white space around number and unit.
pub fn parse_price(text: &str, currency: Currency) -> Result<Price, InvalidPrice> {
    parse(text.trim(), currency).map_err(|fault| InvalidPrice { text: text.to_owned(), fault })
}

/// Writes a price as [`parse_price`] reads it, with at least three decimals.
pub fn format_price(price: Price, currency: Currency) -> String {
    format!("{price} {currency}/kWh")
}

/// Reads a share such as `19 %`, with at most four decimals.
pub(crate) fn parse_share(text: &str) -> Option<Share> {
    let millionths = parse_decimal(text.trim().strip_suffix('%')?.trim_end(), 4)?;
    Share::from_millionths(millionths)
}

/// Writes a share as [`parse_share`] reads it.
pub(crate) fn format_share(share: Share) -> String {
    format!("{} %", decimal(share.millionths(), 4))
}

/// Reads an energy such as `2900 kWh`, with at most three decimals.
pub(crate) fn parse_energy(text: &str) -> Option<WattHours> {
    let watt_hours = parse_decimal(text.trim().strip_suffix("kWh")?.trim_end(), 3)?;
    (watt_hours <= LARGEST_TIER_WATT_HOURS).then(|| WattHours::new(watt_hours))
}

/// Writes an energy as [`parse_energy`] reads it.
pub(crate) fn format_energy(energy: WattHours) -> String {
    format!("{} kWh", decimal(energy.get(), 3))
}

/// Reads a standing charge such as `12.90 EUR/month`; a minus sign is allowed.
pub(crate) fn parse_standing(text: &str, currency: Currency) -> Option<Standing> {
    let (amount, per) = text.trim().rsplit_once('/')?;
    let per = match per.trim() {
        "day" => Per::Day,
        "month" => Per::Month,
        "year" => Per::Year,
        _ => return None,
    };
    let number = amount.trim_end().strip_suffix(currency.as_str())?.trim_end();
    let (sign, size) = number.strip_prefix('-').map_or((1, number), |size| (-1, size));
    let micros = parse_decimal(size, 6)?;
    (micros <= LARGEST_STANDING_MICROS)
        .then(|| Standing { amount: Money::from_nanos(sign * micros * 1000), per })
}

/// Writes a standing charge as [`parse_standing`] reads it.
pub(crate) fn format_standing(standing: &Standing, currency: Currency) -> String {
    let micros = standing.amount.nanos() / 1000;
    let sign = if micros < 0 { "-" } else { "" };
    let per = match standing.per {
        Per::Day => "day",
        Per::Month => "month",
        Per::Year => "year",
    };
    format!("{sign}{} {currency}/{per}", decimal(micros.abs(), 6))
}

/// Reads digits with at most so many decimals, without a sign, as a whole number of the last decimal.
fn parse_decimal(text: &str, decimals: usize) -> Option<i64> {
    let (whole, part) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !whole.is_empty() && digits(whole) && digits(part) && part.len() <= decimals;
    if fits { format!("{whole}{part:0<decimals$}").parse().ok() } else { None }
}

/// Writes a number of last decimals without trailing zeros.
fn decimal(value: i64, decimals: u32) -> String {
    let one = 10i64.pow(decimals);
    let text = format!("{}.{:0width$}", value / one, value % one, width = decimals as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn parse(text: &str, currency: Currency) -> Result<Price, PriceFault> {
    let end = text.find(|sign: char| sign.is_alphabetic() || sign.is_whitespace() || sign == '€');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let micros = parse_micros(number)?;
    let unit: String = unit.split_whitespace().collect();
    match unit.strip_suffix("/kWh") {
        Some(found) if found == currency.as_str() => Ok(Price::from_micros_per_kwh(micros)),
        None if unit.is_empty() => Err(PriceFault::NoUnit(currency)),
        Some(_) | None => Err(PriceFault::OtherUnit { found: unit, expected: currency }),
    }
}

fn parse_micros(number: &str) -> Result<i64, PriceFault> {
    let not_a_number = || PriceFault::NotANumber(number.to_owned());
    let (sign, size) = match number.strip_prefix('-') {
        Some(size) => (-1, size),
        None => (1, number),
    };
    let (whole, decimals) = match size.split_once('.') {
        Some((_, "")) => return Err(not_a_number()),
        Some(parts) => parts,
        None => (size, ""),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(decimals) {
        return Err(not_a_number());
    }
    if decimals.len() > MOST_DECIMALS {
        return Err(PriceFault::TooManyDecimals(decimals.len()));
    }
    let micros: i64 =
        format!("{whole}{decimals:0<MOST_DECIMALS$}").parse().map_err(|_| PriceFault::TooLarge)?;
    if micros > LARGEST_MICROS { Err(PriceFault::TooLarge) } else { Ok(sign * micros) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<i64, PriceFault> {
        parse_price(text, Currency::EUR).map(Price::micros_per_kwh).map_err(|invalid| invalid.fault)
    }

    #[test]
    fn prices_are_read_exactly() {
        assert_eq!(read("0.120 EUR/kWh"), Ok(120_000));
        assert_eq!(read(" -0.000001 EUR/kWh "), Ok(-1));
        assert_eq!(read("12EUR/kWh"), Ok(12_000_000));
        assert_eq!(read("0.3 EUR / kWh"), Ok(300_000));
        assert_eq!(read("1000.000000 EUR/kWh"), Ok(1_000_000_000));
    }

    #[test]
    fn what_is_no_price_says_why() {
        let not_a_number = |text: &str| Err(PriceFault::NotANumber(text.to_owned()));
        assert_eq!(read("0,120 EUR/kWh"), not_a_number("0,120"));
        assert_eq!(read("EUR/kWh"), not_a_number(""));
        assert_eq!(read("0. EUR/kWh"), not_a_number("0."));
        assert_eq!(read(".5 EUR/kWh"), not_a_number(".5"));
        assert_eq!(read("--1 EUR/kWh"), not_a_number("--1"));
        assert_eq!(read("+1 EUR/kWh"), not_a_number("+1"));
        assert_eq!(read("0.120"), Err(PriceFault::NoUnit(Currency::EUR)));
        assert_eq!(read("0.1200001 EUR/kWh"), Err(PriceFault::TooManyDecimals(7)));
        assert_eq!(read("1000.000001 EUR/kWh"), Err(PriceFault::TooLarge));
        assert_eq!(read("99999999999999999999 EUR/kWh"), Err(PriceFault::TooLarge));
        for found in ["ct/kWh", "CHF/kWh", "EUR", "EUR/Wh", "EUR/MWh", "€/kWh"] {
            let fault = PriceFault::OtherUnit { found: found.to_owned(), expected: Currency::EUR };
            assert_eq!(read(&format!("0.120 {found}")), Err(fault));
        }
    }

    #[test]
    fn the_message_says_what_to_write() {
        let invalid = parse_price("12 ct/kWh", Currency::EUR).unwrap_err();
        assert_eq!(
            invalid.to_string(),
            "\"12 ct/kWh\" is not a price: the unit is \"ct/kWh\" where EUR/kWh was expected; \
             write it as 0.120 EUR/kWh"
        );
    }

    #[test]
    fn shares_energies_and_standing_charges_are_read_exactly() {
        let share = |text| parse_share(text).map(Share::millionths);
        assert_eq!(
            (share("19 %"), share("5.125%"), share("100 %")),
            (Some(190_000), Some(51_250), Some(1_000_000))
        );
        assert!(["19", "-1 %", "1.00001 %", "1001 %", "%"].iter().all(|text| share(text).is_none()));
        assert_eq!(parse_energy("2900 kWh"), Some(WattHours::new(2_900_000)));
        assert!(["2900", "-1 kWh", "1 MWh"].iter().all(|text| parse_energy(text).is_none()));
        let standing = |text| parse_standing(text, Currency::EUR).map(|standing| standing.amount.nanos());
        assert_eq!(standing("12.90 EUR/month"), Some(12_900_000_000));
        assert_eq!(standing("-596.86 EUR/year"), Some(-596_860_000_000));
        assert!(
            ["12.90", "12.90 EUR", "1 GBP/day", "1 EUR/week"].iter().all(|text| standing(text).is_none())
        );
    }

    proptest! {
        #[test]
        fn amounts_are_written_as_they_are_read(
            millionths in 0i64..10_000_000, watt_hours in 0i64..1_000_000_000, micros in -100_000_000_000i64..100_000_000_000,
        ) {
            let share = Share::from_millionths(millionths).unwrap();
            prop_assert_eq!(parse_share(&format_share(share)), Some(share));
            let energy = WattHours::new(watt_hours);
            prop_assert_eq!(parse_energy(&format_energy(energy)), Some(energy));
            for per in [Per::Day, Per::Month, Per::Year] {
                let standing = Standing { amount: Money::from_nanos(micros * 1000), per };
                prop_assert_eq!(parse_standing(&format_standing(&standing, Currency::EUR), Currency::EUR), Some(standing));
            }
        }

        #[test]
        fn what_is_written_is_read_back(micros in -LARGEST_MICROS..=LARGEST_MICROS) {
            let price = Price::from_micros_per_kwh(micros);
            prop_assert_eq!(parse_price(&format_price(price, Currency::EUR), Currency::EUR), Ok(price));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,24}") {
            let _ = (parse_price(&text, Currency::EUR), parse_standing(&text, Currency::EUR));
            let _ = (parse_share(&text), parse_energy(&text));
        }
    }
}
