//! SML telegrams: what German meters push, and what their makers do differently.

use metering::sml::Parser;
use metering::{DecodeError, Flag, Telegram, decode_sml};
use proptest::prelude::*;
use sml_rs::transport::encode_streaming;
use units::{Energy, Power, Timestamp};

const IMPORT: [u8; 6] = [1, 0, 1, 8, 0, 255];
const EXPORT: [u8; 6] = [1, 0, 2, 8, 0, 255];
const POWER: [u8; 6] = [1, 0, 16, 7, 0, 255];
const POWER_SIZE: [u8; 6] = [1, 0, 15, 7, 0, 255];
const SERVER: [u8; 6] = [1, 0, 96, 1, 0, 255];
const WATT: u8 = 27;
const WATT_HOUR: u8 = 30;

/// Encodes plain elements and lists.
fn plain(kind: u8, bytes: &[u8]) -> Vec<u8> {
    match u8::try_from(bytes.len() + 1) {
        Ok(length @ ..=15) => [&[kind << 4 | length], bytes].concat(),
        _ => {
            let length = bytes.len() as u8 + 2;
            [&[0x80 | kind << 4 | length >> 4, length & 15], bytes].concat()
        }
    }
}

fn octets(bytes: &[u8]) -> Vec<u8> {
    plain(0, bytes)
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    plain(5, bytes)
}

fn unsigned(bytes: &[u8]) -> Vec<u8> {
    plain(6, bytes)
}

fn list(elements: &[Vec<u8>]) -> Vec<u8> {
    [vec![0x70 | elements.len() as u8], elements.concat()].concat()
}

fn nothing() -> Vec<u8> {
    vec![0x01]
}

fn x25(bytes: &[u8]) -> u16 {
    crc(bytes, 0xFFFF) ^ 0xFFFF
}

fn kermit(bytes: &[u8]) -> u16 {
    crc(bytes, 0)
}

fn crc(bytes: &[u8], start: u16) -> u16 {
    bytes.iter().fold(start, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
}

fn message(kind: u16, body: Vec<u8>, sum: fn(&[u8]) -> u16) -> Vec<u8> {
    let body = list(&[unsigned(&kind.to_be_bytes()), body]);
    let head = [vec![0x76], octets(b"tx"), unsigned(&[0]), unsigned(&[0]), body].concat();
    let sum = sum(&head).to_le_bytes();
    [head, unsigned(&sum), vec![0]].concat()
}

fn entry(name: [u8; 6], status: Vec<u8>, unit: Option<u8>, scaler: i8, value: Vec<u8>) -> Vec<u8> {
    let unit = unit.map_or(nothing(), |unit| unsigned(&[unit]));
    let scaler = integer(&scaler.to_be_bytes());
    list(&[octets(&name), status, nothing(), unit, scaler, value, nothing()])
}

fn number(name: [u8; 6], unit: u8, scaler: i8, value: Vec<u8>) -> Vec<u8> {
    entry(name, nothing(), Some(unit), scaler, value)
}

fn server(id: &[u8]) -> Vec<u8> {
    entry(SERVER, nothing(), None, 0, octets(id))
}

/// Returns messages as a meter sends them: opened, values, closed.
fn messages(entries: &[Vec<u8>], time: Vec<u8>, sum: fn(&[u8]) -> u16) -> Vec<u8> {
    let (open, close) = (
        list(&[nothing(), nothing(), octets(b"f"), octets(b"id"), nothing(), nothing()]),
        list(&[nothing()]),
    );
    let values = list(&[nothing(), octets(b"id"), nothing(), time, list(entries), nothing(), nothing()]);
    [message(0x0101, open, sum), message(0x0701, values, sum), message(0x0201, close, sum)].concat()
}

fn frame(content: &[u8]) -> Vec<u8> {
    encode_streaming(content).collect()
}

fn telegram_of(entries: &[Vec<u8>]) -> Vec<u8> {
    frame(&messages(entries, nothing(), x25))
}

fn one(bytes: &[u8]) -> Telegram {
    match decode_sml(bytes).as_slice() {
        [Ok(telegram)] => telegram.clone(),
        other => panic!("one telegram, not {other:?}"),
    }
}

fn power(entries: &[Vec<u8>]) -> Option<Power> {
    one(&telegram_of(entries)).sample(Timestamp::default()).power
}

fn usual() -> Vec<Vec<u8>> {
    vec![
        server(b"\x0a\x01ISK\x00\x04\x11\x22\x33"),
        number(IMPORT, WATT_HOUR, -1, unsigned(&12_345_678_u32.to_be_bytes())),
        number(EXPORT, WATT_HOUR, -1, unsigned(&87_654_u32.to_be_bytes())),
        number(POWER, WATT, 0, integer(&(-1500_i32).to_be_bytes())),
        number([1, 0, 36, 7, 0, 255], WATT, 0, integer(&(-500_i16).to_be_bytes())),
        number([1, 0, 56, 7, 0, 255], WATT, 0, integer(&(-700_i16).to_be_bytes())),
        number([1, 0, 76, 7, 0, 255], WATT, 0, integer(&(-300_i16).to_be_bytes())),
    ]
}

#[test]
fn a_meter_with_its_pin_entered_tells_counters_and_power() {
    let telegram = one(&telegram_of(&usual()));
    let sample = telegram.sample(Timestamp::from_seconds(9));
    assert_eq!(sample.import, Some(Energy::from_milliwatt_hours(1_234_567_800)));
    assert_eq!(sample.export, Some(Energy::from_milliwatt_hours(8_765_400)));
    assert_eq!(sample.power, Some(Power::from_watts(-1500)));
    assert_eq!(sample.phase_power, Some([-500, -700, -300].map(Power::from_watts).to_vec()));
    assert_eq!(sample.serial.as_deref(), Some("0a0149534b0004112233"));
    assert_eq!((sample.at, sample.flags), (Timestamp::from_seconds(9), vec![]));
    let import = &telegram.obis["1-0:1.8.0"];
    assert_eq!((import.value.as_str(), import.unit.as_deref()), ("1234567.8", Some("Wh")));
}

#[test]
fn ml1_a_meter_without_its_pin_is_told_apart() {
    let id = server(b"\x0a\x01HLY\x02\x00\x0d\x6b\xe6");
    let whole = number(IMPORT, WATT_HOUR, 3, unsigned(&2324_u16.to_be_bytes()));
    let flags = |entries: &[Vec<u8>]| one(&telegram_of(entries)).sample(Timestamp::default()).flags;
    assert_eq!(flags(&[id.clone(), whole.clone()]), [Flag::NoPin]);
    assert_eq!(flags(&[id.clone(), whole, number(POWER, WATT, 0, integer(&[0]))]), []);
    assert_eq!(flags(&[id, number(IMPORT, WATT_HOUR, -1, unsigned(&[1, 2]))]), []);
}

#[test]
fn ml2_small_powers_of_certain_dzg_meters_have_no_sign() {
    let of = |number_on_the_label: u32, value: Vec<u8>| {
        let id = [b"\x0a\x01DZG\x00".as_slice(), &number_on_the_label.to_be_bytes()].concat();
        power(&[server(&id), number(POWER, WATT, -2, value)]).unwrap().milliwatts()
    };
    let two_bytes = || integer(&0x8B28_u16.to_be_bytes());
    for label in [42_000_000, 48_999_999, 55_000_000, 58_999_999] {
        assert_eq!(of(label, two_bytes()), 356_240, "{label}");
        assert_eq!(of(label, integer(&[0xF0])), 2_400, "{label}");
        assert_eq!(of(label, integer(&(-10_550_i32).to_be_bytes())), -105_500, "{label}");
    }
    for label in [41_999_999, 49_000_000, 54_999_999, 59_000_000] {
        assert_eq!(of(label, two_bytes()), -299_120, "{label}");
    }
}

#[test]
fn ml2_the_value_is_listed_as_the_meter_wrote_it() {
    let telegram = one(&telegram_of(&[
        server(b"\x0a\x01DZG\x00\x02\x82\x22\x5e"),
        number(POWER, WATT, -2, integer(&0x8B28_u16.to_be_bytes())),
    ]));
    assert_eq!(telegram.obis["1-0:16.7.0"].value, "-299.12");
}

#[test]
fn ml3_the_direction_of_an_emh_meter_is_in_its_status_word() {
    let of = |status: Vec<u8>| {
        let import = entry(IMPORT, status, Some(WATT_HOUR), -1, integer(&172_436_756_i64.to_be_bytes()));
        power(&[import, number(POWER_SIZE, WATT, -1, integer(&1266_i32.to_be_bytes()))])
    };
    assert_eq!(of(unsigned(&432_u16.to_be_bytes())), Some(Power::from_milliwatts(-126_600)));
    assert_eq!(of(unsigned(&386_u16.to_be_bytes())), Some(Power::from_milliwatts(126_600)));
}

#[test]
fn ml3_a_power_without_direction_is_missing_where_both_directions_are_counted() {
    let counters = [IMPORT, EXPORT].map(|name| number(name, WATT_HOUR, 0, unsigned(&[1, 0])));
    let size = number(POWER_SIZE, WATT, 0, integer(&[50]));
    assert_eq!(power(&[counters[0].clone(), counters[1].clone(), size.clone()]), None);
    assert_eq!(power(&[counters[0].clone(), size.clone()]), Some(Power::from_watts(50)));
    assert_eq!(power(&[counters[1].clone(), size]), Some(Power::from_watts(-50)));
}

#[test]
fn ml4_odd_widths_keep_their_sign() {
    let of = |scaler: i8, value: &[u8]| {
        power(&[number(POWER, WATT, scaler, integer(value))]).unwrap().milliwatts()
    };
    assert_eq!(of(-2, &(-78_851_i32).to_be_bytes()[1..]), -788_510);
    assert_eq!(of(0, &(-4308_i64).to_be_bytes()[2..]), -4_308_000);
    assert_eq!(of(0, &[0x7F]), 127_000);
    assert_eq!(of(0, &[0x00, 0xFF, 0xFF]), 65_535_000);
}

#[test]
fn ml5_a_holley_meter_has_another_checksum_and_writes_time_without_its_list() {
    let good = one(&frame(&messages(&usual(), unsigned(&77_u32.to_be_bytes()), kermit)));
    assert_eq!(good, one(&telegram_of(&usual())));
}

#[test]
fn ml5_a_message_with_a_wrong_checksum_is_dropped_even_in_a_whole_frame() {
    let frame = frame(&messages(&usual(), nothing(), |bytes| x25(bytes) ^ 1));
    assert_eq!(decode_sml(&frame), [Err(DecodeError::Crc)]);
}

#[test]
fn ml6_a_capture_that_starts_in_a_telegram_gives_the_next() {
    let whole = telegram_of(&usual());
    let expected = one(&whole);
    for cut in 1..whole.len() {
        let telegrams = decode_sml(&[&whole[cut..], &whole].concat());
        assert_eq!(telegrams.last(), Some(&Ok(expected.clone())), "cut at {cut}");
    }
}

#[test]
fn ml6_ambient_light_does_not_hide_a_telegram() {
    let whole = telegram_of(&usual());
    let expected = [Ok(one(&whole))];
    assert_eq!(decode_sml(&[vec![0x1B; 5], whole.clone()].concat()), expected);
    assert_eq!(decode_sml(&[vec![0x55; 200_000], whole.clone()].concat()), expected);
    assert_eq!(decode_sml(&[whole, vec![0; 100]].concat()), expected);
}

#[test]
fn ml6_a_telegram_that_never_ends_does_not_fill_the_memory() {
    let whole = telegram_of(&usual());
    let endless = [&[0x1B; 4][..], &[1; 4], &[0x55; 10_000], &whole].concat();
    let telegrams = decode_sml(&endless);
    assert_eq!(telegrams, [Err(DecodeError::Truncated), Ok(one(&whole))]);
}

#[test]
fn ml6_broken_telegrams_are_told_by_what_broke_them() {
    let whole = telegram_of(&usual());
    let mut wrong = whole.clone();
    wrong[60] ^= 4;
    assert_eq!(decode_sml(&wrong), [Err(DecodeError::Crc)]);
    assert_eq!(decode_sml(&whole[..60]), [Err(DecodeError::Truncated)]);
    assert_eq!(decode_sml(&[&whole[..60], &whole].concat())[0], Err(DecodeError::Truncated));
    assert_eq!(decode_sml(&frame(b"\x76\x05not a message")), [Err(DecodeError::Malformed)]);
    assert_eq!(decode_sml(b"no telegram"), []);
}

#[test]
fn lists_that_lie_about_their_length_are_malformed() {
    for lie in [vec![0xFF, 0x8F, 0x8F, 0x8F, 0x8F, 0x8F, 0x8F, 0x0F], vec![0x76; 2000], vec![0x8F; 64]] {
        assert_eq!(decode_sml(&frame(&lie)), [Err(DecodeError::Malformed)]);
    }
}

#[test]
fn a_message_of_an_unknown_kind_is_passed_over() {
    let strange = message(0x0301, list(&[octets(b"what is this")]), x25);
    let content = [strange, messages(&usual(), nothing(), x25)].concat();
    assert_eq!(one(&frame(&content)), one(&telegram_of(&usual())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_give_what_the_whole_gives(cuts in proptest::collection::vec(1_usize..50, 1..10)) {
        let bytes = [telegram_of(&usual()), vec![7; 9], telegram_of(&usual())].concat();
        let mut parser = Parser::new();
        let (mut telegrams, mut rest) = (Vec::new(), bytes.as_slice());
        for cut in cuts.iter().cycle() {
            let (piece, more) = rest.split_at((*cut).min(rest.len()));
            telegrams.extend(parser.push(piece));
            rest = more;
            if rest.is_empty() { break; }
        }
        prop_assert_eq!(telegrams, decode_sml(&bytes));
    }

    #[test]
    fn a_broken_telegram_gives_no_value(at: usize, byte: u8) {
        let good = telegram_of(&usual());
        let mut bad = good.clone();
        let at = at % bad.len();
        bad[at] = byte;
        let whole = one(&good);
        prop_assert!(decode_sml(&bad).into_iter().flatten().all(|telegram| telegram == whole));
    }

    #[test]
    fn random_content_in_a_whole_frame_never_panics(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x76), Just(0x77), Just(0x01), Just(0x62)], 0..300),
    ) {
        let _ = decode_sml(&frame(&bytes));
        let _ = decode_sml(&frame(&message(0x0701, bytes, x25)));
    }

    #[test]
    fn a_changed_list_with_right_checksums_never_panics(at: usize, byte: u8) {
        let mut entries = usual().concat();
        let at = at % entries.len();
        entries[at] = byte;
        let values = list(&[nothing(), octets(b"id"), nothing(), nothing(), [vec![0x77], entries].concat(), nothing(), nothing()]);
        let _ = decode_sml(&frame(&message(0x0701, values, x25)));
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x1B), Just(1)], 0..1000)) {
        let _ = decode_sml(&bytes);
        let _ = decode_sml(&[&[0x1B; 4][..], &[1; 4], &bytes].concat());
    }
}
