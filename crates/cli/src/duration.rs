//! Times as people type them: `500ms`, `1s`, `10m`, `2h`.

use std::time::Duration;

/// Reads a time that is longer than nothing.
pub fn parse(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => 0.0,
    };
    let length =
        number.parse::<f64>().ok().and_then(|number| Duration::try_from_secs_f64(number * seconds).ok());
    length
        .filter(|length| !length.is_zero())
        .ok_or_else(|| format!("\"{text}\" is not a time: write it as 500ms, 1s, 10m or 2h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("10m"), Ok(Duration::from_secs(600)));
        for text in ["5", "s", "0s", "-1s", "1d", "1s2"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
