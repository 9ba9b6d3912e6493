//! Prices in micros per kWh, money in nanos, and the one place where anything is rounded.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::quantity::quantity;

/// An amount or a product that does not fit into 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amount is too large to account for")]
pub struct Overflow;

quantity!(
    /// A price in micros of the currency per kWh. May be negative.
    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    Price
);

impl Price {
    pub const fn from_micros_per_kwh(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros_per_kwh(self) -> i64 {
        self.0
    }

    /// Returns half of it, rounded up to a micro: the share of a fee that lies between an all-in limit and the
    /// price of an area, so that nobody trades worse than he said.
    pub const fn half_up(self) -> Self {
        Self(self.0 - self.0.div_euclid(2))
    }
}

impl fmt::Display for Price {
    /// Writes the price per kWh with at least three decimals: `0.120`, `0.081234`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, micros) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let digits = format!("{micros:06}");
        let kept = digits.trim_end_matches('0').len().max(3);
        write!(f, "{sign}{whole}.{}", &digits[..kept])
    }
}

quantity!(
    /// Money in nanos (10^-9) of the currency. In accounts positive means that the account receives.
    Money
);

impl Money {
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Returns the amount in whole cents, half to even. Only what a person reads is rounded.
    pub fn round_to_cents(self) -> i64 {
        div_half_even(i128::from(self.0), 10_000_000) as i64
    }

    /// Returns half the amount rounded up and the rest: the two shares of a halved fee.
    pub fn halves(self) -> (Self, Self) {
        let up = self.0.div_euclid(2) + self.0.rem_euclid(2);
        (Self(up), Self(self.0 - up))
    }
}

/// Money travels as a JSON string of nanos, since it outgrows what every reader of JSON can hold.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| de::Error::custom("money is a whole number of nanos in a string"))
    }
}

/// An ISO 4217 code such as `EUR`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a currency: three capital letters such as EUR are")]
pub struct InvalidCurrency(String);

impl Currency {
    pub const EUR: Self = Self(*b"EUR");

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is ASCII")
    }
}

impl std::str::FromStr for Currency {
    type Err = InvalidCurrency;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(InvalidCurrency(text.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Returns `numerator / denominator` rounded half to even. The only rounding of money in the house.
///
/// Panics where the denominator is not positive.
pub fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    assert!(denominator > 0, "the denominator is positive");
    let floor = numerator.div_euclid(denominator);
    let twice_rest = 2 * numerator.rem_euclid(denominator);
    match twice_rest.cmp(&denominator) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Greater => floor + 1,
        std::cmp::Ordering::Equal => floor + floor.rem_euclid(2),
    }
}

/// Rounds amounts to multiples of `unit` nanos so that they add up to their rounded sum.
///
/// The sum is rounded half to even; each line is rounded down, and the largest remainders, then the
/// earliest lines, get one unit more. Returns the amounts in units.
pub fn largest_remainder(amounts: &[Money], unit: i64) -> Vec<i64> {
    let unit = i128::from(unit);
    let total: i128 = amounts.iter().map(|amount| i128::from(amount.0)).sum();
    let floors: Vec<i128> = amounts.iter().map(|amount| i128::from(amount.0).div_euclid(unit)).collect();
    let missing = div_half_even(total, unit) - floors.iter().sum::<i128>();
    let mut by_remainder: Vec<usize> = (0..amounts.len()).collect();
    by_remainder.sort_by_key(|&line| std::cmp::Reverse(i128::from(amounts[line].0).rem_euclid(unit)));
    let mut rounded: Vec<i64> = floors.iter().map(|&floor| floor as i64).collect();
    for &line in by_remainder.iter().take(usize::try_from(missing).unwrap_or(0)) {
        rounded[line] += 1;
    }
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WattHours;
    use proptest::prelude::*;

    #[test]
    fn energy_times_price_is_exactly_nanos() {
        let price = Price::from_micros_per_kwh(120_000);
        assert_eq!(WattHours::new(1).at(price), Ok(Money::from_nanos(120_000)));
        assert_eq!(WattHours::new(i64::MAX).at(price), Err(Overflow));
    }

    #[test]
    fn halves_round_to_even() {
        assert_eq!([5, 15, 25, -5, -15].map(|value| div_half_even(value, 10)), [0, 2, 2, 0, -2]);
    }

    #[test]
    fn money_is_a_string_on_the_wire() {
        let money = Money::from_nanos(-42);
        assert_eq!(serde_json::to_string(&money).unwrap(), "\"-42\"");
        assert_eq!(serde_json::from_str::<Money>("\"-42\"").unwrap(), money);
        assert!(serde_json::from_str::<Money>("-42").is_err());
    }

    #[test]
    fn a_price_reads_like_a_price() {
        assert_eq!(Price::from_micros_per_kwh(120_000).to_string(), "0.120");
        assert_eq!(Price::from_micros_per_kwh(-81_234).to_string(), "-0.081234");
    }

    proptest! {
        #[test]
        fn rounded_lines_add_up_to_the_rounded_total(nanos in prop::collection::vec(-10i64.pow(14)..10i64.pow(14), 0..30)) {
            let amounts: Vec<Money> = nanos.iter().copied().map(Money::from_nanos).collect();
            let lines = largest_remainder(&amounts, 10_000_000);
            let total: Money = amounts.iter().copied().sum();
            prop_assert_eq!(lines.iter().sum::<i64>(), total.round_to_cents());
            for (line, amount) in lines.iter().zip(&amounts) {
                prop_assert!((line * 10_000_000 - amount.nanos()).abs() < 10_000_000);
            }
        }

        #[test]
        fn a_halved_fee_loses_nothing(nanos in any::<i32>()) {
            let (buyer, seller) = Money::from_nanos(nanos.into()).halves();
            prop_assert_eq!(buyer.nanos() + seller.nanos(), i64::from(nanos));
            prop_assert!(buyer.nanos() - seller.nanos() <= 1 && buyer >= seller);
        }
    }
}
