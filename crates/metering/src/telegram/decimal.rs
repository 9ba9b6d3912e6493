//! Numbers as telegrams write them: digits and a power of ten, exact.

use std::fmt;

/// `digits x 10^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: i64,
    exponent: i8,
}

/// The largest value that is taken for a measurement, in thousandths: what a double holds exactly.
const LARGEST: i128 = 9_000_000_000_000_000;

impl Decimal {
    pub(crate) const fn new(digits: i64, exponent: i8) -> Self {
        Self { digits, exponent }
    }

    /// Reads digits with at most one point, such as `00052185.7825309` or `-05.1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = || whole.bytes().chain(part.bytes());
        if whole.is_empty() || !digits().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let digits = digits()
            .try_fold(0_i64, |number, digit| number.checked_mul(10)?.checked_add(i64::from(digit - b'0')))?;
        let exponent = i8::try_from(part.len()).ok().filter(|places| *places <= 18)?;
        Some(Self { digits: if negative { -digits } else { digits }, exponent: -exponent })
    }

    /// Returns it times `10^power` in thousandths, to the nearest; `None` beyond measure.
    pub(crate) fn thousandths(self, power: i32) -> Option<i64> {
        let shift = i32::from(self.exponent) + power + 3;
        let digits = i128::from(self.digits);
        let scaled = match (u32::try_from(shift), u32::try_from(-shift)) {
            (Ok(up), _) if digits != 0 => digits.checked_mul(10_i128.checked_pow(up)?)?,
            (Ok(_), _) => 0,
            // A fraction this small is nothing.
            (_, Ok(down)) if down > 30 => 0,
            (_, Ok(down)) => nearest(digits, 10_i128.pow(down)),
            _ => return None,
        };
        i64::try_from(scaled).ok().filter(|_| scaled.abs() <= LARGEST)
    }
}

impl fmt::Display for Decimal {
    /// Writes every place that the meter wrote and no leading zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs();
        match usize::try_from(-i16::from(self.exponent)) {
            Ok(0) => write!(f, "{sign}{digits}"),
            Ok(places) => {
                let digits = format!("{digits:0>width$}", width = places + 1);
                let (whole, part) = digits.split_at(digits.len() - places);
                write!(f, "{sign}{whole}.{part}")
            }
            Err(_) if digits == 0 => f.write_str("0"),
            Err(_) => write!(f, "{sign}{digits}{:0>zeros$}", "", zeros = self.exponent as usize),
        }
    }
}

/// Divides to the nearest whole number, half away from zero.
fn nearest(numerator: i128, denominator: i128) -> i128 {
    let half = denominator / 2;
    if numerator < 0 { (numerator - half) / denominator } else { (numerator + half) / denominator }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_written_without_leading_zeros_and_with_its_places() {
        for (text, written) in
            [("00052185.7825309", "52185.7825309"), ("000.00", "0.00"), ("-05.1", "-5.1"), ("016", "16")]
        {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), written);
        }
        assert_eq!(Decimal::new(2324, 3).to_string(), "2324000");
        assert_eq!(Decimal::new(-5, -2).to_string(), "-0.05");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".5", "1.2.3", "1e5", "+1", "1,5", "12a", "99999999999999999999"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn thousandths_are_rounded_to_the_nearest_and_refused_beyond_measure() {
        assert_eq!(Decimal::parse("52185.7825309").unwrap().thousandths(3), Some(52_185_782_531));
        assert_eq!(Decimal::new(-15, -4).thousandths(0), Some(-2));
        assert_eq!(Decimal::new(1, 100).thousandths(3), None);
        assert_eq!(Decimal::new(0, 100).thousandths(3), Some(0));
        assert_eq!(Decimal::new(i64::MAX, -128).thousandths(0), Some(0));
    }

    proptest! {
        #[test]
        fn writing_undoes_reading(digits: i64, exponent in -18_i8..=0) {
            let number = Decimal::new(digits.max(-i64::MAX), exponent);
            prop_assert_eq!(Decimal::parse(&number.to_string()), Some(number));
        }

        #[test]
        fn any_number_can_be_scaled_and_written(digits: i64, exponent: i8, power in -6..=6) {
            let number = Decimal::new(digits, exponent);
            let _ = (number.thousandths(power), number.to_string());
        }
    }
}
