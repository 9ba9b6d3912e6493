//! No answer of a stranger makes a parser panic, and what it takes is bounded.

use feeds::{PriceSource, parse, parse_weather};
use proptest::prelude::*;
use units::{Currency, Slot};

use crate::shapes::{awattar, charts, entsoe, own, publication, series, tibber};

fn sources() -> [PriceSource; 5] {
    [entsoe(), charts(), awattar(), tibber(), own()]
}

fn good() -> Vec<String> {
    vec![
        publication(&series(1, "A03", "PT15M", &[(1, "84.21"), (5, "-3"), (96, "0")])),
        r#"{"unix_seconds":[1780264800,1780265700],"price":[84.21,null],"unit":"EUR / MWh"}"#.into(),
        r#"{"data":[{"start_timestamp":1780264800000,"end_timestamp":1780268400000,"marketprice":84.21,"unit":"Eur/MWh"}]}"#.into(),
        r#"{"data":{"viewer":{"homes":[{"currentSubscription":{"priceInfo":{"today":[{"energy":0.1,"startsAt":"2026-06-01T00:00:00+02:00","currency":"EUR"}],"tomorrow":[]}}}]}}}"#.into(),
        "time;until;price_per_kwh\n2026-06-01T00:00:00+02:00;;0,08\n2026-06-01T01:00:00+02:00;;0,09\n".into(),
        r#"[{"time":"2026-06-01T00:00:00+02:00","price_per_kwh":0.08421}]"#.into(),
        r#"{"minutely_15":{"time":[1780308000],"shortwave_radiation":[612.5],"temperature_2m":[18.4]}}"#.into(),
    ]
}

fn read_all(bytes: &[u8]) {
    for source in sources() {
        if let Ok((curve, _)) = parse(&source, bytes, Currency::EUR) {
            assert!(!curve.is_empty() && curve.len() <= 2 * 31 * 96);
            let ever = Slot::from_index(i64::MIN)..Slot::from_index(i64::MAX);
            assert!(curve.range(ever).all(|(_, price)| price.micros_per_kwh().abs() <= 1_000_000_000));
        }
    }
    let _ = parse_weather(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn a_good_answer_with_any_bytes_changed_is_read_or_refused(
        which in 0usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = good().swap_remove(which).into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_all(&bytes);
    }

    #[test]
    fn a_good_answer_with_any_number_in_it_is_read_or_refused(
        which in 0usize..7,
        number in prop_oneof![any::<i64>().prop_map(|number| number.to_string()), any::<f64>().prop_map(|number| number.to_string())],
        at in any::<prop::sample::Index>(),
    ) {
        let text = good().swap_remove(which);
        let digits: Vec<(usize, &str)> = text.match_indices(|sign: char| sign.is_ascii_digit()).collect();
        let (from, _) = digits[at.index(digits.len())];
        let to = from + text[from..].find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len() - from);
        read_all(format!("{}{number}{}", &text[..from], &text[to..]).as_bytes());
    }

    #[test]
    fn a_torn_answer_is_read_or_refused(which in 0usize..7, at in any::<prop::sample::Index>()) {
        let text = good().swap_remove(which);
        read_all(&text.as_bytes()[..at.index(text.len())]);
    }
}
