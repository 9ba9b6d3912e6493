//! Prices as people write them, `0.120 EUR/kWh`, read exactly: no float is on the way.

use units::{Currency, Price};

/// A thousand units of the currency per kWh: the market accepts no price beyond it.
const LARGEST_MICROS: i64 = 1_000_000_000;
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

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in -LARGEST_MICROS..=LARGEST_MICROS) {
            let price = Price::from_micros_per_kwh(micros);
            prop_assert_eq!(parse_price(&format_price(price, Currency::EUR), Currency::EUR), Ok(price));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,24}") {
            let _ = parse_price(&text, Currency::EUR);
        }
    }
}
