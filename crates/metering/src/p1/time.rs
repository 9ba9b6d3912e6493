//! The meter's clock in a P1 telegram.

use units::Timestamp;

/// Reads `YYMMDDhhmmssX`, where X is S in summer and W in winter, in Central European time; `None` where
/// the date does not exist or the season is missing.
///
/// All countries whose telegrams tell the season in this way and which are known to us keep this time.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let offset = match text.as_bytes().last()? {
        b'S' => "+02:00",
        b'W' => "+01:00",
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    if digits.len() != 12 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| &digits[at..at + 2];
    let [year, month, day, hour, minute, second] = [0, 2, 4, 6, 8, 10].map(part);
    format!("20{year}-{month}-{day}T{hour}:{minute}:{second}{offset}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summer_and_winter_are_an_hour_apart() {
        let utc = |text: &str| parse(text).map(|time| time.to_string());
        assert_eq!(utc("200512135409S").as_deref(), Some("2020-05-12T11:54:09Z"));
        assert_eq!(utc("190320181403W").as_deref(), Some("2019-03-20T17:14:03Z"));
        assert_eq!(utc("000101000000W").as_deref(), Some("1999-12-31T23:00:00Z"));
    }

    #[test]
    fn a_time_that_does_not_exist_is_none() {
        for text in
            ["", "S", "200512135409", "201312135409S", "200230000000W", "2005121354é9S", "20051213540xS"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
