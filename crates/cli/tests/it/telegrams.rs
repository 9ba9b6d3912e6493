//! `wattle meter decode`: recordings of meters that speak by themselves.

use std::io::Write;

use serde_json::{Value, json};

use crate::program::{Said, run};

fn decode(protocol: &str, bytes: &[u8]) -> Said {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    run(&["meter", "decode", protocol, &file.path().to_string_lossy(), "--json"])
}

/// Two tariffs, one phase, no checksum: DSMR 3.
const OLD: &str = "/KMP5 KA6U001585575011\r\n\r\n0-0:96.1.1(204B413655303031)\r\n1-0:1.8.1(00185.001*kWh)\r\n\
    1-0:1.8.2(00084.002*kWh)\r\n1-0:2.8.1(00013.003*kWh)\r\n1-0:2.8.2(00019.004*kWh)\r\n0-0:96.14.0(0001)\r\n\
    1-0:1.7.0(0000.98*kW)\r\n1-0:2.7.0(0000.00*kW)\r\n!\r\n";

#[test]
fn a_telegram_is_decoded_to_sums_and_to_each_of_its_values() {
    let said = decode("p1", OLD.as_bytes());
    assert_eq!((said.status, said.lines.len()), (0, 1));
    let line = &said.lines[0];
    assert_eq!(
        (&line["telegram"], &line["power_w"], &line["import_wh"], &line["export_wh"]),
        (&json!(1), &json!(980), &json!(269_003), &json!(32_007))
    );
    assert_eq!((&line["meter_time"], &line["phase_power_w"]), (&Value::Null, &Value::Null));
    assert_eq!(line["obis"]["1-0:1.8.1"], json!({ "value": "185.001", "unit": "kWh" }));
    assert_eq!(line["obis"]["0-0:96.14.0"], json!({ "value": "0001", "unit": null }));
}

#[test]
fn a_meter_with_a_clock_tells_its_time_and_is_not_called_off() {
    let golden = metering::profile("p1").unwrap().golden[0].telegram.as_deref().unwrap();
    let said = decode("p1", golden.replace('\n', "\r\n").as_bytes());
    assert_eq!(said.lines[0]["meter_time"], "2026-06-01T12:00:00Z");
    assert_eq!(said.lines[0]["flags"], json!([]));
    assert_eq!(said.lines[0]["phase_power_w"], json!([-1193]));
}

#[test]
fn a_broken_telegram_has_a_line_and_its_neighbours_are_decoded() {
    let golden = metering::profile("p1").unwrap().golden[0].telegram.as_deref().unwrap();
    let good = golden.replace('\n', "\r\n");
    let broken = good.replace("001234.567", "001234.568");
    let said = decode("p1", [good.as_str(), &broken, &good, &good[..60]].concat().as_bytes());
    assert_eq!(said.status, 0);
    let told: Vec<Value> = said.lines.iter().map(|line| json!([line["telegram"], line["error"]])).collect();
    assert_eq!(told, [json!([1, null]), json!([2, "crc"]), json!([3, null]), json!([4, "truncated"])]);
}

#[test]
fn sml_is_decoded_with_its_decimals() {
    let digits = metering::profile("sml").unwrap().golden[0].bytes.as_deref().unwrap();
    let bytes: Vec<u8> =
        digits.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    let said = decode("sml", &bytes);
    let line = &said.lines[0];
    assert_eq!((&line["power_w"], &line["import_wh"]), (&json!(-1500), &json!(1_234_567.8)));
    assert_eq!(line["obis"]["1-0:1.8.0"], json!({ "value": "1234567.8", "unit": "Wh" }));
}

#[test]
fn noise_is_a_no_without_a_line_and_no_file_is_unusable() {
    let noise: Vec<u8> =
        (0..5000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8 & 0x7E).collect();
    for protocol in ["p1", "sml"] {
        let said = decode(protocol, &noise);
        assert_eq!((said.status, said.lines.len()), (1, 0), "{protocol}");
    }
    let said = run(&["meter", "decode", "p1", "/no/such/file", "--json"]);
    assert_eq!((said.status, &said.told_error()["code"]), (2, &json!("unusable_file")));
}
