//! The golden frames of profiles as what a server serves, and what reading them must give.

use metering::{Golden, Profile, Read, Sample};
use serde_json::{Value, json};

/// Returns each profile whose devices are asked, and what else its device measures.
pub fn asked() -> impl Iterator<Item = &'static Profile> {
    let asked = metering::profiles().iter().filter(|profile| profile.protocol.is_asked());
    asked.flat_map(|profile| std::iter::once(profile).chain(profile.parts().iter().map(AsRef::as_ref)))
}

/// Returns each of them with its frames.
pub fn frames() -> impl Iterator<Item = (&'static Profile, &'static Golden)> {
    asked().flat_map(|profile| profile.golden.iter().map(move |golden| (profile, golden)))
}

/// Returns a unit that has a frame's registers, and those that lie between them and are no values. A value
/// that the frame does not have is not there.
pub fn unit(profile: &Profile, golden: &Golden) -> Value {
    let image = golden.image();
    let covers = |read: &Read, function: u8, address: u16| {
        read.function == function && (read.address..read.address + read.count).contains(&address)
    };
    let is_there = |value: &&Read| {
        (value.address..value.address + value.count)
            .any(|address| image.get(value.function, address).is_some())
    };
    let (there, absent): (Vec<Read>, Vec<Read>) = profile.values().iter().partition(is_there);
    let is_hole = |function, address| {
        let lacking = absent.iter().any(|value| covers(value, function, address));
        let wanted = there.iter().any(|value| covers(value, function, address));
        wanted || !lacking && profile.reads().iter().any(|read| covers(read, function, address))
    };
    let mut only = Vec::new();
    for read in profile.reads() {
        for address in read.address..read.address + read.count {
            if is_hole(read.function, address) {
                only.push(json!([read.function, address, [0]]));
            }
        }
    }
    for block in &golden.registers {
        let words: Vec<u16> =
            block.words.split_whitespace().map(|word| u16::from_str_radix(word, 16).unwrap()).collect();
        only.push(json!([block.function, block.address, words]));
    }
    json!({ "only": only })
}

/// Asserts that a sample is what a frame promises.
pub fn check(name: &str, golden: &Golden, sample: &Sample) {
    let expect = &golden.expect;
    let all = |values: &Option<Vec<f64>>| values.clone().unwrap_or_default();
    let got = [
        ("power", expect.power_w, sample.power.map(units::Power::as_f64)),
        ("import", expect.import_wh, sample.import.map(units::Energy::as_f64)),
        ("export", expect.export_wh, sample.export.map(units::Energy::as_f64)),
        ("frequency", expect.frequency_hz, sample.frequency.map(units::Frequency::as_f64)),
    ];
    for (value, expected, got) in got {
        assert_eq!(got, expected, "{name}: {value}, {}", golden.about);
    }
    fn each<T: Copy>(values: &Option<Vec<T>>, get: fn(T) -> f64) -> Vec<f64> {
        values.iter().flatten().map(|value| get(*value)).collect()
    }
    let lists = [
        ("phases", all(&expect.phase_power_w), each(&sample.phase_power, units::Power::as_f64)),
        ("voltage", all(&expect.voltage_v), each(&sample.voltage, units::Voltage::as_f64)),
        ("current", all(&expect.current_a), each(&sample.current, units::Current::as_f64)),
    ];
    for (value, expected, got) in lists {
        assert_eq!(got, expected, "{name}: {value}, {}", golden.about);
    }
    assert_eq!(sample.serial, expect.serial, "{name}: {}", golden.about);
}
