//! P1 telegrams: versions, countries, and lines that are not what they should be.

use metering::p1::Parser;
use metering::{DecodeError, Flag, Telegram, decode_p1};
use proptest::prelude::*;
use units::{Current, Energy, Power, Timestamp, Voltage};

/// What a Dutch three-phase meter of version 5 says, without its end.
const VERSION_5: &[&str] = &[
    "/XMX5LGBBFG1009000000",
    "",
    "1-3:0.2.8(50)",
    "0-0:1.0.0(260601140000S)",
    "0-0:96.1.1(4530303331)",
    "1-0:1.8.1(001234.567*kWh)",
    "1-0:1.8.2(000765.433*kWh)",
    "1-0:2.8.1(000100.001*kWh)",
    "1-0:2.8.2(000200.002*kWh)",
    "0-0:96.14.0(0002)",
    "1-0:1.7.0(00.000*kW)",
    "1-0:2.7.0(01.193*kW)",
    "1-0:99.97.0(1)(0-0:96.7.19)(250101000000W)(0000000300*s)",
    "0-0:96.13.0()",
    "1-0:32.7.0(230.1*V)",
    "1-0:52.7.0(229.9*V)",
    "1-0:72.7.0(231.0*V)",
    "1-0:31.7.0(001*A)",
    "1-0:51.7.0(003*A)",
    "1-0:71.7.0(004*A)",
    "1-0:21.7.0(00.207*kW)",
    "1-0:22.7.0(00.000*kW)",
    "1-0:41.7.0(00.000*kW)",
    "1-0:42.7.0(00.600*kW)",
    "1-0:61.7.0(00.000*kW)",
    "1-0:62.7.0(00.800*kW)",
    "0-1:24.1.0(003)",
    "0-1:24.2.1(260601140000S)(00112.384*m3)",
    "0-2:24.1.0(007)",
    "0-2:24.2.1(260601140000S)(00872.234*m3)",
];

const VERSION_3: &[&str] = &[
    "/ISk5\\2MT382-1003",
    "",
    "0-0:96.1.1(5A424556)",
    "1-0:1.8.1(00608.400*kWh)",
    "1-0:1.8.2(00490.342*kWh)",
    "1-0:2.8.1(00000.001*kWh)",
    "1-0:2.8.2(00000.000*kWh)",
    "0-0:96.14.0(0001)",
    "1-0:1.7.0(0001.51*kW)",
    "1-0:2.7.0(0000.00*kW)",
    "0-1:24.3.0(260601140000)(08)(60)(1)(0-1:24.2.1)(m3)",
    "(00947.680)",
    "!",
];

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    })
}

fn text(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

/// Ends a telegram with its checksum.
fn signed(lines: &[&str]) -> String {
    let body = format!("{}!", text(lines));
    format!("{body}{:04X}\r\n", crc(body.as_bytes()))
}

fn one(bytes: &[u8]) -> Telegram {
    match decode_p1(bytes).as_slice() {
        [Ok(telegram)] => telegram.clone(),
        other => panic!("one telegram, not {other:?}"),
    }
}

fn milliwatt_hours(energy: Option<Energy>) -> Option<i64> {
    energy.map(Energy::milliwatt_hours)
}

#[test]
fn m32_a_version_5_telegram_gives_sums_over_tariffs_and_power_per_phase() {
    let telegram = one(signed(VERSION_5).as_bytes());
    let sample = telegram.sample(telegram.meter_time.unwrap());
    assert_eq!(milliwatt_hours(sample.import), Some(2_000_000_000));
    assert_eq!(milliwatt_hours(sample.export), Some(300_003_000));
    assert_eq!(sample.power, Some(Power::from_watts(-1193)));
    assert_eq!(sample.phase_power, Some([207, -600, -800].map(Power::from_watts).to_vec()));
    assert_eq!(sample.voltage, Some([230_100, 229_900, 231_000].map(Voltage::from_millivolts).to_vec()));
    assert_eq!(sample.current, Some([1, -3, -4].map(Current::from_amperes).to_vec()));
    assert_eq!(sample.serial.as_deref(), Some("4530303331"));
    assert_eq!(sample.flags, []);
    assert_eq!(telegram.meter_time, Some("2026-06-01T12:00:00Z".parse().unwrap()));
}

#[test]
fn m32_every_value_is_there_by_its_code() {
    let telegram = one(signed(VERSION_5).as_bytes());
    let obis = |code: &str| {
        let value = &telegram.obis[code];
        (value.value.clone(), value.unit.clone())
    };
    let number = |value: &str, unit: &str| (value.to_owned(), Some(unit.to_owned()));
    assert_eq!(obis("1-0:1.8.1"), number("1234.567", "kWh"));
    assert_eq!(obis("0-1:24.2.1"), number("112.384", "m3"));
    assert_eq!(obis("0-2:24.2.1"), number("872.234", "m3"));
    assert_eq!(obis("0-0:96.14.0"), ("0002".into(), None));
    assert_eq!(obis("0-0:96.13.0"), (String::new(), None));
    assert_eq!(telegram.obis.len(), VERSION_5.len() - 2);
}

#[test]
fn m32_version_3_has_no_checksum_and_breaks_the_gas_value_off() {
    let telegram = one(text(VERSION_3).as_bytes());
    let sample = telegram.sample(Timestamp::from_seconds(5));
    assert_eq!(milliwatt_hours(sample.import), Some(1_098_742_000));
    assert_eq!(sample.power, Some(Power::from_watts(1510)));
    assert_eq!((telegram.meter_time, sample.at), (None, Timestamp::from_seconds(5)));
    let gas = &telegram.obis["0-1:24.3.0"];
    assert_eq!((gas.value.as_str(), gas.unit.as_deref()), ("947.680", Some("m3")));
}

#[test]
fn m32_a_hungarian_meter_tells_totals_tariffs_and_a_monthly_list() {
    let telegram = one(signed(&[
        "/SAG5SAG-METER",
        "",
        "0-0:1.0.0(260601140000S)",
        "0-0:42.0.0(53414733303832)",
        "1-0:1.8.0(000173.640*kWh)",
        "1-0:1.8.1(000047.719*kWh)",
        "1-0:1.8.2(000125.921*kWh)",
        "1-0:2.8.0(000627.177*kWh)",
        "1-0:13.7.0(0.954)",
        "1-0:14.7.0(49.98*Hz)",
        "1-0:1.7.0(00.000*kW)",
        "1-0:2.7.0(00.255*kW)",
        "0-0:98.1.0(260501000000S)(000040.777*kWh)(000008.950*kWh)",
    ])
    .as_bytes());
    let sample = telegram.sample(telegram.meter_time.unwrap());
    assert_eq!(milliwatt_hours(sample.import), Some(173_640_000));
    assert_eq!(sample.frequency.map(|frequency| frequency.millihertz()), Some(49_980));
    assert_eq!(sample.serial.as_deref(), Some("53414733303832"));
    assert_eq!(telegram.obis["0-0:98.1.0"].value, "(260501000000S)(000040.777*kWh)(000008.950*kWh)");
}

#[test]
fn m32_an_easymeter_tells_watts_and_ten_thousandths_of_a_watt_hour() {
    let telegram = one(text(&[
        "/ESY5Q3DB1024 V3.04",
        "",
        "1-0:1.8.0*255(00052185.7825309*kWh)",
        "1-0:2.8.0*255(00019949.3221493*kWh)",
        "1-0:1.7.0*255(002124.86*W)",
        "0-0:96.1.255*255(1ESY1313002565)",
        "!",
        "  25803103",
    ])
    .as_bytes());
    let sample = telegram.sample(Timestamp::default());
    assert_eq!(milliwatt_hours(sample.import), Some(52_185_782_531));
    assert_eq!(sample.power, Some(Power::from_milliwatts(2_124_860)));
    assert_eq!(telegram.obis["1-0:1.8.0"].value, "52185.7825309");
}

#[test]
fn m32_a_checksum_may_lack_its_leading_zeros() {
    let lines = |number: u32| text(&["/NWA-WARMTELINK", "", &format!("0-0:96.1.1(ADC{number})")]) + "!";
    let body = (0..).map(lines).find(|body| crc(body.as_bytes()) < 0x1000).unwrap();
    let sum = crc(body.as_bytes());
    assert!(decode_p1(format!("{body}{sum:X}\r\n").as_bytes())[0].is_ok());
    assert_eq!(decode_p1(format!("{body}{:X}\r\n", sum ^ 1).as_bytes()), [Err(DecodeError::Crc)]);
}

#[test]
fn m31_a_telegram_with_a_wrong_checksum_is_dropped_whole_and_the_next_is_read() {
    let good = signed(VERSION_5);
    let bad = good.replace("001234.567", "001234.568");
    let telegrams = decode_p1(format!("{bad}{good}").as_bytes());
    assert_eq!(telegrams.len(), 2);
    assert_eq!(telegrams[0], Err(DecodeError::Crc));
    assert!(telegrams[1].is_ok());
}

#[test]
fn m31_a_telegram_whose_checksum_was_lost_is_dropped() {
    let good = signed(VERSION_5);
    let cut = format!("{}!\r\n", good.rsplit_once('!').unwrap().0);
    assert_eq!(decode_p1(cut.as_bytes()), [Err(DecodeError::Crc)]);
}

#[test]
fn m31_two_telegrams_glued_together_give_the_whole_one() {
    let good = signed(VERSION_5);
    let (part, _) = good.split_once("8.2(").unwrap();
    let telegrams = decode_p1(format!("{part}{good}").as_bytes());
    assert_eq!(telegrams.len(), 2);
    assert_eq!(telegrams[0], Err(DecodeError::Truncated));
    assert_eq!(telegrams[1].as_ref().ok(), Some(&one(good.as_bytes())));
}

#[test]
fn m31_bytes_that_are_no_ascii_are_borne() {
    let mut bytes = b"\xFF\xFE\x80/no telegram\r\n".to_vec();
    bytes.extend(signed(VERSION_5).bytes());
    let mut body = b"/XYZ5\xE9\xFFm\xC3\r\n\r\n1-0:1.7.0(00.100*kW)\r\n0-0:96.13.0(caf\xE9)\r\n!".to_vec();
    body.extend(format!("{:04X}\r\n", crc(&body)).bytes());
    bytes.extend(body);
    let telegrams = decode_p1(&bytes);
    assert_eq!(telegrams.iter().filter(|telegram| telegram.is_ok()).count(), 2);
}

#[test]
fn m31_a_garbled_line_spoils_a_telegram_without_checksum() {
    let garbled = text(VERSION_3).replace("00608.400*kWh", "0060~.400*kWh");
    assert_eq!(decode_p1(garbled.as_bytes()), [Err(DecodeError::Malformed)]);
}

#[test]
fn m31_a_telegram_that_never_ends_does_not_fill_the_memory() {
    let endless = "1-0:1.8.1(000001.000*kWh)\r\n".repeat(2000);
    let telegrams = decode_p1(format!("/XMX5\r\n{endless}{}", signed(VERSION_5)).as_bytes());
    assert_eq!(telegrams.first(), Some(&Err(DecodeError::Truncated)));
    assert!(telegrams.last().unwrap().is_ok());
}

#[test]
fn noise_without_a_telegram_gives_nothing() {
    assert_eq!(decode_p1(b"and/or something!\r\n1-0:1.8.1(1*kWh)\r\n!ABCD\r\n"), []);
    assert_eq!(decode_p1(&[0xFF; 100_000]), []);
    assert_eq!(decode_p1(b"/IS"), []);
}

#[test]
fn what_has_begun_and_does_not_end_is_truncated() {
    let good = signed(VERSION_5);
    assert_eq!(decode_p1(&good.as_bytes()[..good.len() - 10]), [Err(DecodeError::Truncated)]);
    // Only the last line break is missing.
    assert!(decode_p1(good.trim_end().as_bytes())[0].is_ok());
}

#[test]
fn m30_a_sample_has_the_hosts_time_and_a_clock_that_is_off_is_told() {
    let telegram = one(signed(VERSION_5).as_bytes());
    let clock = telegram.meter_time.unwrap();
    for (host_is_later_s, flags) in [(30, vec![]), (31, vec![Flag::ClockOff]), (-31, vec![Flag::ClockOff])] {
        let at = Timestamp::from_millis(clock.millis() + host_is_later_s * 1000);
        let sample = telegram.sample(at);
        assert_eq!((sample.at, sample.flags), (at, flags));
    }
    let long_ago = signed(VERSION_5).replace("260601140000S", "000101000000W");
    let (body, _) = long_ago.rsplit_once('!').unwrap();
    let body = format!("{body}!");
    let telegram = one(format!("{body}{:04X}\r\n", crc(body.as_bytes())).as_bytes());
    assert_eq!(telegram.sample(clock).at, clock);
    assert_eq!(telegram.sample(clock).flags, [Flag::ClockOff]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_give_what_the_whole_gives(cuts in proptest::collection::vec(1_usize..40, 1..20)) {
        let bytes = [signed(VERSION_5), text(VERSION_3), signed(VERSION_5)].concat().into_bytes();
        let mut parser = Parser::new();
        let (mut telegrams, mut rest) = (Vec::new(), bytes.as_slice());
        for cut in cuts.iter().cycle() {
            let (piece, more) = rest.split_at((*cut).min(rest.len()));
            telegrams.extend(parser.push(piece));
            rest = more;
            if rest.is_empty() { break; }
        }
        prop_assert_eq!(telegrams, decode_p1(&bytes));
    }

    #[test]
    fn a_broken_telegram_gives_no_value(at in 0_usize..900, byte: u8) {
        let good = signed(VERSION_5).into_bytes();
        let mut bad = good.clone();
        let at = at % bad.len();
        bad[at] = byte;
        let whole = one(&good);
        prop_assert!(decode_p1(&bad).into_iter().flatten().all(|telegram| telegram == whole));
    }

    #[test]
    fn random_lines_never_panic(lines in proptest::collection::vec("[/!0-9a-z:.*()\\-\r]{0,30}", 0..20)) {
        let _ = decode_p1(format!("/XMX5\r\n{}", lines.join("\n")).as_bytes());
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = decode_p1(&[b"/XMX5".as_slice(), &bytes].concat());
    }
}
