//! `wattle meter` against a Modbus server that this project did not write.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::peer::Peer;
use crate::program::{command, run};

/// An SDM630 that exports 4321.5 W.
fn sdm630() -> Value {
    json!({ "1": { "input": {
        "0": 230.5, "2": 231.25, "4": 229.75, "6": 6.0, "8": 6.5, "10": 7.0,
        "12": -1400.0, "14": -1421.5, "16": -1500.0, "52": -4321.5, "70": 49.98, "72": 12345.678, "74": 6789.5
    } } })
}

#[test]
fn profiles_are_listed_with_their_source() {
    let said = run(&["meter", "profiles", "--json"]);
    let profiles = said.lines[0]["profiles"].as_array().unwrap();
    let sdm630 = profiles.iter().find(|profile| profile["name"] == "eastron-sdm630").unwrap();
    assert_eq!(
        (&sdm630["maker"], &sdm630["kind"], &sdm630["protocol"]),
        (&json!("Eastron"), &json!("grid"), &json!("modbus"))
    );
    assert!(sdm630["source"].as_str().unwrap().contains("mbmd"));
    assert_eq!((said.status, said.error.as_str()), (0, ""));
}

#[test]
fn a_profile_of_ones_own_is_listed_and_read_and_a_bad_one_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sdm = include_str!("../../../metering/profiles/eastron-sdm630.toml");
    let own = sdm.replace("\"eastron-sdm630\"", "\"shed-meter\"");
    std::fs::write(folder.path().join("shed.toml"), own).unwrap();
    std::fs::write(folder.path().join("broken.toml"), "name = \"x\"\nmaker =\n").unwrap();
    let profiles = folder.path().to_str().unwrap();
    let said = run(&["meter", "profiles", "--profiles", profiles, "--json"]);
    let listed = said.lines[0]["profiles"].as_array().unwrap();
    assert!(listed.iter().any(|profile| profile["name"] == "shed-meter"));
    assert!(listed.iter().any(|profile| profile["name"] == "p1"));
    assert!(said.error.starts_with("broken.toml, line 2: "), "{}", said.error);
    assert_eq!(said.status, 0);
    let peer = Peer::tcp(0, &sdm630()).unwrap();
    let read = ["meter", "read", "--profile", "shed-meter", "--profiles", profiles, "--tcp"];
    let said = run(&[&read[..], &[&peer.address(), "--json"]].concat());
    assert_eq!((said.status, &said.lines[0]["power_w"]), (0, &json!(-4321.5)));
}

#[test]
fn a_meter_is_read_once() {
    let peer = Peer::tcp(0, &sdm630()).unwrap();
    let said = run(&["meter", "read", "--profile", "eastron-sdm630", "--tcp", &peer.address(), "--json"]);
    assert_eq!((said.status, said.error.as_str()), (0, ""));
    let mut sample = said.lines[0].clone();
    let at = sample.as_object_mut().unwrap().remove("at").unwrap();
    assert!(at.as_str().unwrap().ends_with('Z'));
    // The nearest 32-bit float to 12345.678 kWh is 12345.677734375.
    let expected = json!({
        "power_w": -4321.5, "import_wh": 12345677.734, "export_wh": 6789500,
        "phase_power_w": [-1400, -1421.5, -1500], "voltage_v": [230.5, 231.25, 229.75],
        "current_a": [-6, -6.5, -7], "frequency_hz": 49.98, "serial": null, "flags": []
    });
    assert_eq!(sample, expected);
}

#[test]
fn a_meter_is_read_over_serial_frames_on_tcp_and_by_its_unit() {
    let mut units = sdm630();
    units["7"] = json!({ "input": { "52": 12.5 } });
    let peer = Peer::rtu_over_tcp(0, &units).unwrap();
    let address = peer.address();
    let said = run(&[
        "meter",
        "read",
        "--profile",
        "eastron-sdm630",
        "--rtu-over-tcp",
        &address,
        "--unit",
        "7",
        "--json",
    ]);
    assert_eq!((said.status, &said.lines[0]["power_w"]), (0, &json!(12.5)));
}

#[test]
fn a_silent_meter_is_a_no_with_its_reason() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let said = run(&["meter", "read", "--profile", "eastron-sdm630", "--tcp", &free, "--json"]);
    assert_eq!((said.status, said.lines.len()), (1, 0));
    let error = said.told_error();
    assert_eq!(error["code"], "closed");
    assert!(error["message"].as_str().unwrap().contains("the port is closed"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("Switch on Modbus TCP"), "{error}");
}

#[test]
fn wrong_usage_is_refused_before_anything_is_asked() {
    let device = ["--profile", "eastron-sdm630"];
    for (options, part) in [
        (vec!["--profile", "no-such", "--tcp", "a:502"], "no-such"),
        (device.to_vec(), "no way to the device"),
        ([&device[..], &["--tcp", "a"]].concat(), "host and port"),
        ([&device[..], &["--tcp", "a:502", "--serial", "/dev/x"]].concat(), "more than one"),
        ([&device[..], &["--tcp", "a:502", "--baud", "9600"]].concat(), "--baud belongs to --serial"),
        ([&device[..], &["--serial", "/dev/x", "--unit", "0"]].concat(), "the unit 0"),
        ([&device[..], &["--tcp", "a:502", "--units", "1"]].concat(), "--units"),
    ] {
        let said = run(&[&["meter", "read", "--json"][..], &options].concat());
        let error = said.told_error();
        assert_eq!((said.status, &error["code"]), (2, &json!("usage")), "{options:?}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
}

#[test]
fn a_watch_tells_samples_slots_rejections_and_a_summary() {
    let mut peer = Peer::tcp(0, &sdm630()).unwrap();
    let address = peer.address();
    let watch = ["meter", "watch", "--profile", "eastron-sdm630", "--tcp", &address, "--every", "250ms"];
    let mut process = command(&[&watch[..], &["--for", "4500ms", "--slot", "1s", "--json"]].concat())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(process.stdout.take().unwrap()).lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let samples = lines.iter().filter(|line: &&Value| line["event"] == "sample").count();
        if line["event"] == "sample" && samples == 12 {
            // A megawatt-hour at once is no energy.
            peer.serve(&json!({ "1": { "input": { "72": 13345.678 } } })).unwrap();
        }
        lines.push(line);
    }
    assert_eq!(process.wait().unwrap().code(), Some(0));
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    assert_eq!(of("state")[0]["state"], "connected");
    let rejected = of("rejected");
    assert_eq!((&rejected[0]["quantity"], &rejected[0]["reason"]), (&json!("import_wh"), &json!("jump")));
    let at = rejected[0]["at"].clone();
    let sample = lines.iter().find(|line| line["event"] == "sample" && line["at"] == at).unwrap();
    assert_eq!(sample["import_wh"], Value::Null, "what is rejected is not shown");
    let slots = of("slot");
    let whole: Vec<_> = slots.iter().filter(|slot| slot["quality"] == "measured").collect();
    assert!(!whole.is_empty(), "{slots:?}");
    for slot in whole {
        assert_eq!(
            (&slot["seconds"], &slot["import_wh"], &slot["method"]),
            (&json!(1), &json!(0), &json!("counter"))
        );
    }
    let summary = lines.last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["good"].as_u64().unwrap(), of("sample").len() as u64);
    assert_eq!(summary["rejected"].as_u64().unwrap(), rejected.len() as u64);
    assert_eq!(summary["trouble"], json!({}));
}

#[test]
fn a_watch_lives_through_a_restart_of_the_meter() {
    let peer = Peer::tcp(0, &sdm630()).unwrap();
    let (address, port) = (peer.address(), peer.port());
    let mut peer = Some(peer);
    let watch = ["meter", "watch", "--profile", "eastron-sdm630", "--tcp", &address, "--every", "200ms"];
    let mut process =
        command(&[&watch[..], &["--for", "60s", "--json"]].concat()).stdout(Stdio::piped()).spawn().unwrap();
    let mut states = Vec::new();
    for line in BufReader::new(process.stdout.take().unwrap()).lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if line["event"] == "state" {
            states.push(line["state"].as_str().unwrap().to_owned());
        }
        match states.len() {
            1 => peer = None,
            2 if peer.is_none() => peer = Some(Peer::tcp(port, &sdm630()).unwrap()),
            3 => break,
            _ => {}
        }
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(states, ["connected", "disconnected", "connected"]);
}

#[test]
fn a_watch_of_a_silent_meter_ends_with_a_no() {
    let peer = Peer::rtu_over_tcp(0, &sdm630()).unwrap();
    let address = peer.address();
    let device = ["--profile", "eastron-sdm630", "--rtu-over-tcp", &address, "--unit", "9"];
    let said = run(&[&["meter", "watch", "--for", "1500ms", "--json"][..], &device].concat());
    assert_eq!(said.status, 1);
    assert_eq!(said.told_error()["code"], "timeout");
    assert_eq!(said.events("trouble")[0]["code"], "timeout");
    assert_eq!(said.events("summary")[0]["good"], 0);
}

#[test]
fn a_scan_tells_a_device_that_read_takes() {
    let peer = Peer::tcp(0, &sdm630()).unwrap();
    let said = run(&["meter", "scan", "--tcp", &peer.address(), "--json"]);
    assert_eq!((said.status, said.lines.len()), (0, 1), "{}", said.error);
    let find = &said.lines[0];
    assert_eq!(find["profile"], "eastron-sdm630");
    assert_eq!(find["sample"]["power_w"], -4321.5);
    assert!(find["confidence"].as_f64().unwrap() > 0.9);
    let device: Vec<&str> = find["device"].as_str().unwrap().split(' ').collect();
    let read = run(&[&["meter", "read", "--json"][..], &device].concat());
    assert_eq!((read.status, &read.lines[0]["power_w"]), (0, &find["sample"]["power_w"]));
}

#[test]
fn a_sunspec_meter_is_read_by_walking() {
    let profile = metering::profile("sunspec-meter").unwrap();
    let golden = &profile.golden[0];
    let words: Vec<u16> = golden.registers[0]
        .words
        .split_whitespace()
        .map(|word| u16::from_str_radix(word, 16).unwrap())
        .collect();
    let peer = Peer::tcp(0, &json!({ "240": { "only": [[3, 40000, words]] } })).unwrap();
    let device = ["--profile", "sunspec-meter", "--tcp", &peer.address(), "--unit", "240"];
    let said = run(&[&["meter", "read", "--json"][..], &device].concat());
    assert_eq!(said.lines[0]["power_w"].as_f64(), golden.expect.power_w, "{}", said.error);
    assert_eq!(said.lines[0]["serial"].as_str(), golden.expect.serial.as_deref());
    let said = run(&[&["meter", "read", "--instance", "2", "--json"][..], &device].concat());
    assert_eq!((said.status, &said.told_error()["code"]), (1, &json!("exception")));
}

#[test]
fn a_meter_that_speaks_by_itself_is_watched() {
    let bridge = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = bridge.local_addr().unwrap().to_string();
    let golden = metering::profile("p1").unwrap().golden[0].telegram.as_deref().unwrap();
    let telegram = golden.replace('\n', "\r\n");
    let speaker = std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = bridge.accept().unwrap();
        // The second is damaged. It ends when the watch does.
        for text in [telegram.clone(), telegram.replace("1-0:1.8.1(001234", "1-0:1.8.1(991234"), telegram] {
            stream.write_all(text.as_bytes()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(400));
        }
        stream
    });
    let watch = ["meter", "watch", "--profile", "p1", "--tcp", &address, "--every", "100ms", "--for", "2s"];
    let said = run(&[&watch[..], &["--json"]].concat());
    drop(speaker.join());
    assert_eq!(said.status, 0, "{}", said.error);
    let samples = said.events("sample");
    assert_eq!(samples.len(), 2);
    assert!(
        samples
            .iter()
            .all(|sample| sample["import_wh"] == 2_000_000 && sample["flags"] == json!(["clock_off"]))
    );
    assert_eq!(said.events("trouble")[0]["code"], "crc");
    assert_eq!(said.events("summary")[0]["trouble"]["crc"], 1);
}
