//! Profiles as data: lint, golden frames, reads, and both directions of the code.

use std::sync::Arc;

use metering::{
    Flag, Kind, Orientation, Profile, Quantity, Registers, RejectReason, Sample, profile, profiles,
};
use proptest::prelude::*;
use units::{Current, Energy, Frequency, Power, Timestamp, Voltage};

const SDM630: &str = include_str!("../../profiles/eastron-sdm630.toml");
const TEMPLATE: &str = include_str!("../../profiles/template.toml");

fn sdm630() -> &'static Profile {
    profile("eastron-sdm630").expect("it is compiled in")
}

/// Replaces a text in a good profile and returns what parsing the result complains about.
fn complaint(toml: &str, from: &str, to: &str) -> String {
    assert!(toml.contains(from), "the profile holds {from}");
    let error = Profile::parse(&toml.replace(from, to)).expect_err("the change is an error");
    error.to_string()
}

#[test]
fn every_profile_is_listed_once_and_told_from_others_by_its_name() {
    let mut names: Vec<_> = profiles().iter().map(|profile| profile.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), profiles().len());
    assert!(profile("no-such-meter").is_none());
}

/// What people and programs give to `--profile`; a name that was once given out stays.
const NAMES: [&str; 23] = [
    "eastron-sdm630",
    "eastron-sdm120",
    "eastron-sdm72",
    "carlo-gavazzi-em340",
    "carlo-gavazzi-em24",
    "carlo-gavazzi-em24-e1",
    "abb-b23",
    "schneider-iem3155",
    "janitza-umg96",
    "janitza-b23",
    "shelly-pro-3em",
    "huawei-sun2000",
    "growatt-max",
    "growatt-tlx",
    "sungrow-sg",
    "sungrow-sh",
    "victron-gx",
    "sma-native",
    "sunspec-inverter",
    "sunspec-meter",
    "solaredge-meter",
    "p1",
    "sml",
];

#[test]
fn the_names_of_profiles_are_a_promise() {
    let mut names: Vec<_> = profiles().iter().map(|profile| profile.name.as_str()).collect();
    let mut promised = NAMES.to_vec();
    names.sort_unstable();
    promised.sort_unstable();
    assert_eq!(names, promised);
}

#[test]
fn every_profile_reads_within_its_limits_and_never_across_a_value() {
    for profile in profiles() {
        let reads = profile.reads();
        for read in &reads {
            assert!(matches!(read.function, 3 | 4), "{}", profile.name);
            assert!((1..=profile.limits.max_registers).contains(&read.count), "{}: {read:?}", profile.name);
        }
        for value in profile.values() {
            let inside = |read: &metering::Read| {
                read.function == value.function
                    && read.address <= value.address
                    && value.address + value.count <= read.address + read.count
            };
            assert!(reads.iter().any(inside), "{}: {value:?} is split", profile.name);
        }
    }
}

/// Decodes words of a profile's function at an address.
fn decoded(name: &str, function: u8, blocks: &[(u16, &[u16])]) -> Sample {
    let mut registers = Registers::new();
    for (address, words) in blocks {
        registers.insert(function, *address, words);
    }
    let profile = profile(name).expect("it is compiled in");
    profile.decode(&registers, Timestamp::default(), Orientation::AsMeter)
}

#[test]
fn m16_what_a_device_marks_as_absent_is_missing_and_never_a_number() {
    let cases: &[(&str, u8, u16, &[u16])] = &[
        ("eastron-sdm630", 4, 0x34, &[0x7FC0, 0]),
        ("eastron-sdm630", 4, 0x34, &[0xFFFF, 0xFFFF]),
        ("huawei-sun2000", 3, 37113, &[0x7FFF, 0xFFFF]),
        ("sungrow-sg", 4, 5082, &[0xFFFF, 0x7FFF]),
        ("sma-native", 3, 30865, &[0x8000, 0, 0x8000, 0]),
        ("abb-b23", 3, 0x5B14, &[0x7FFF, 0xFFFF]),
        ("solaredge-meter", 3, 40206, &[0x8000, 0, 0, 0, 0]),
    ];
    for (name, function, address, words) in cases {
        assert_eq!(decoded(name, *function, &[(*address, words)]).power, None, "{name}");
    }
}

#[test]
fn m9_a_register_that_a_variant_lacks_is_asked_for_on_its_own() {
    let reads = profile("carlo-gavazzi-em24").unwrap().reads();
    let export: Vec<_> = reads.iter().filter(|read| read.optional).map(|read| read.address).collect();
    assert_eq!(export, [0x5C]);
}

#[test]
fn m33_a_meter_that_does_not_net_its_phases_says_so() {
    let flags = |name| decoded(name, 4, &[]).flags;
    assert_eq!(flags("shelly-pro-3em"), [Flag::NotNetted]);
    assert_eq!(flags("eastron-sdm630"), []);
    let not_netting: Vec<_> = profiles().iter().filter(|profile| !profile.netting).collect();
    assert_eq!(not_netting.len(), 1);
}

#[test]
fn m27_a_huawei_inverter_that_lost_its_meter_tells_stale_values() {
    let power: (u16, &[u16]) = (37113, &[0, 500]);
    assert_eq!(decoded("huawei-sun2000", 3, &[(37100, &[1]), power]).flags, []);
    for lost in [0, 2, 0xFFFF] {
        assert_eq!(decoded("huawei-sun2000", 3, &[(37100, &[lost]), power]).flags, [Flag::Stale]);
    }
    assert_eq!(decoded("huawei-sun2000", 3, &[power]).flags, [Flag::Stale]);
}

#[test]
fn signs_are_translated_by_the_profile_alone() {
    // 1000 W into the house, as each device writes it.
    let into: &[(&str, u8, u16, &[u16])] = &[
        ("carlo-gavazzi-em340", 4, 0x28, &[10_000, 0]),
        ("abb-b23", 3, 0x5B14, &[1, 34_464]),
        ("huawei-sun2000", 3, 37113, &[0xFFFF, 0xFC18]),
        ("growatt-max", 4, 1021, &[0, 10_000, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("growatt-tlx", 4, 3041, &[0, 10_000, 0, 0]),
        ("sungrow-sg", 4, 5082, &[1000, 0]),
        ("sungrow-sh", 4, 13009, &[0xFC18, 0xFFFF]),
        ("victron-gx", 3, 2638, &[0, 500, 0, 300, 0, 200]),
        ("sma-native", 3, 30865, &[0, 1000, 0, 0]),
        ("solaredge-meter", 3, 40206, &[0xFF9C, 0, 0, 0, 1]),
    ];
    for (name, function, address, words) in into {
        let power = decoded(name, *function, &[(*address, words)]).power;
        assert_eq!(power, Some(Power::from_watts(1000)), "{name}");
    }
}

/// The meter itself tells 0.75 A without a sign.
#[test]
fn a_current_has_the_sign_of_its_phases_power() {
    let volts_amperes_watts: [f32; 9] = [230.0, 230.0, 230.0, 1.5, 0.75, 4.0, 345.0, -172.5, 920.0];
    let words: Vec<u16> = volts_amperes_watts
        .iter()
        .flat_map(|value| [(value.to_bits() >> 16) as u16, value.to_bits() as u16])
        .collect();
    let sample = decoded("eastron-sdm630", 4, &[(0, &words)]);
    let currents: Vec<f64> = sample.current.unwrap().iter().map(|current| current.as_f64()).collect();
    assert_eq!(currents, [1.5, -0.75, 4.0]);
}

#[test]
fn a_frequency_in_hundredths_is_known_by_its_size() {
    for (raw, name) in
        [(500, "carlo-gavazzi-em340"), (5000, "carlo-gavazzi-em340"), (5000, "carlo-gavazzi-em24-e1")]
    {
        let frequency = decoded(name, 4, &[(0x33, &[raw])]).frequency;
        assert_eq!(frequency, Some(Frequency::from_hertz(50)));
    }
}

#[test]
fn a_profile_says_only_what_its_protocol_has() {
    let sunspec = include_str!("../../profiles/sunspec-meter.toml");
    let sml = include_str!("../../profiles/sml.toml");
    for (toml, from, to, place) in [
        (sunspec, "models = [201", "models = [64001, 201", "sunspec.models: 64001"),
        (sunspec, "power_w = 6620.0", "power_w = 6621.0", "golden[0].expect.power_w"),
        (sunspec, "5375 6E53", "5375 6E54", "hold no chain"),
        (sml, "1B 1B 1B 1B 01", "1B 1B 1B 1B 02", "holds no telegram"),
        (sml, "power_w = -1500.0", "power_w = 1500.0", "golden[0].expect.power_w"),
        (sml, "protocol = \"sml\"", "protocol = \"modbus\"", "limits: is missing"),
        (SDM630, "protocol = \"modbus\"", "protocol = \"sunspec\"", "values: only a modbus profile"),
        (SDM630, "power = { address = 0x34", "power = { address = 0x34, scale_at = 0x60", "scale_at"),
    ] {
        let complaint = complaint(toml, from, to);
        assert!(complaint.contains(place), "{from} -> {to}: {complaint}");
    }
}

#[test]
fn every_profile_file_is_compiled_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(stem == "template" || profile(stem).is_some(), "{stem} is not listed, or is named otherwise");
    }
}

#[test]
fn the_template_is_a_profile() {
    let template = Profile::parse(TEMPLATE).unwrap();
    assert_eq!(template.name, "example-em1");
    let optional: Vec<_> = template.reads().into_iter().filter(|read| read.optional).collect();
    assert_eq!(optional.iter().map(|read| (read.address, read.count)).collect::<Vec<_>>(), [(0x1014, 4)]);
}

#[test]
fn a_hybrid_inverter_has_several_places_of_one_name() {
    for (name, step_wh) in [
        ("huawei-sun2000", 10),
        ("growatt-max", 100),
        ("sungrow-sg", 1000),
        ("sma-native", 1),
        ("solaredge-meter", 1),
    ] {
        let device = Arc::new(profile(name).unwrap().clone());
        let roof = device.standing_at(Kind::Solar);
        assert_eq!((roof.name.as_str(), roof.kind, roof.is_part()), (name, Kind::Solar, true));
        assert_eq!(roof.resolution(Energy::ZERO), Energy::from_watt_hours(step_wh), "{name}");
        assert_eq!((roof.limits, roof.device), (device.limits, device.device));
        assert_ne!(roof.reads(), device.reads());
        // Nothing stands where the device has nothing: then it is the device itself.
        assert_eq!(device.standing_at(Kind::Battery).kind, Kind::Grid);
        assert!(!device.standing_at(Kind::Grid).is_part());
    }
}

#[test]
fn a_part_is_linted_like_its_device() {
    for (from, to, place) in [
        ("positive = \"charge\"", "positive = \"import\"", "part[0].positive"),
        ("power_w = -1500.0", "power_w = 1500.0", "part[0].golden[0].expect.power_w"),
        ("wraps_at_wh = 99999900", "wraps_at_wh = 0", "part[0].values.import.wraps_at_wh"),
    ] {
        let complaint = complaint(TEMPLATE, from, to);
        assert!(complaint.contains(place), "{from} -> {to}: {complaint}");
    }
    let importing = TEMPLATE.replace("positive = \"charge\"", "positive = \"import\"");
    let twice = complaint(&importing, "kind = \"battery\"", "kind = \"grid\"");
    assert!(twice.contains("part[0].kind"), "{twice}");
}

#[test]
fn r05_a_counter_ends_where_its_registers_do_unless_the_profile_says_otherwise() {
    let ends = |name: &str| profile(name).unwrap().wraps_at().map(|end| end.milliwatt_hours());
    assert_eq!(ends("victron-gx"), Some((1 << 32) * 10_000), "u32, hundredths of a kilowatt-hour");
    assert_eq!(ends("carlo-gavazzi-em340"), Some((1 << 32) * 100_000), "i32, which flips its sign");
    assert_eq!(ends("sma-native"), Some((1 << 32) * 1000));
    assert_eq!(ends("sunspec-inverter"), Some((1 << 32) * 1000), "acc32");
    for never in ["eastron-sdm630", "abb-b23", "schneider-iem3155", "p1", "sml"] {
        assert_eq!(ends(never), None, "{never}: floats, 64 bits and digits do not end");
    }
    let template = Profile::parse(TEMPLATE).unwrap();
    assert_eq!(template.wraps_at(), None);
    assert_eq!(template.parts()[0].wraps_at(), Energy::from_f64(99_999_900.0));
}

#[test]
fn an_sdm630_is_read_at_once() {
    let reads: Vec<_> = sdm630()
        .reads()
        .iter()
        .map(|read| (read.function, read.address, read.count, read.optional))
        .collect();
    assert_eq!(reads, [(4, 0x00, 0x4C, false)]);
}

#[test]
fn a_device_that_takes_short_reads_only_gets_several() {
    let short = SDM630.replace("max_registers = 80", "max_registers = 10");
    let reads = Profile::parse(&short).unwrap().reads();
    assert!(reads.iter().all(|read| read.count <= 10 && read.address % 2 == 0 && read.count % 2 == 0));
    let covered =
        |address| reads.iter().any(|read| (read.address..read.address + read.count).contains(&address));
    assert!([0x00, 0x11, 0x34, 0x35, 0x46, 0x49, 0x4B].into_iter().all(covered), "{reads:?}");
}

#[test]
fn an_error_names_its_place() {
    for (from, to, place) in [
        ("gap_ms = 100", "gap = 100", "unknown field `gap`"),
        ("gap_ms = 100", "gap = 100", "line 16"),
        ("function = 4\ntype", "function = 6\ntype", "values.power.function: 6 is not a read"),
        ("max_registers = 80", "max_registers = 126", "limits.max_registers"),
        ("power = { address = 0x34", "power = { address = 0x35", "address 0x0035"),
        ("unit = \"Hz\"", "unit = \"W\"", "values.frequency.unit"),
        ("positive = \"import\"", "positive = \"production\"", "positive: must be import or export for grid"),
        ("serial = \"9600 8N1\"", "serial = \"9600 7N1\"", "device.serial"),
        ("name = \"eastron-sdm630\"", "name = \"Eastron SDM630\"", "name: \"Eastron SDM630\""),
        (", resolution_wh = 10", "", "values.import.resolution_wh: is missing"),
        ("power_w = 1091.25", "power_w = 1091.0", "golden[0].expect.power_w: expected Some(1091.0)"),
        ("4488 6800", "4488 68zz", "golden[0].registers[1].words"),
        ("frequency = { address = 0x46", "frequency = { addresses = [0x46]", "values.frequency"),
        ("voltage = { addresses = [0x00, 0x02, 0x04]", "voltage = { address = 0x00", "values.voltage"),
    ] {
        let complaint = complaint(SDM630, from, to);
        assert!(complaint.contains(place), "{from} -> {to}: {complaint}");
    }
}

#[test]
fn a_profile_without_a_golden_frame_is_refused() {
    let without = SDM630.split("[[golden]]").next().unwrap();
    assert!(Profile::parse(without).unwrap_err().to_string().contains("golden: needs at least one frame"));
}

#[test]
fn a_value_of_which_one_word_is_missing_is_missing() {
    let mut registers = Registers::new();
    registers.insert(4, 0x34, &[0x4488]);
    registers.insert(4, 0x46, &[0x4248, 0x0000]);
    let sample = sdm630().decode(&registers, Timestamp::default(), Orientation::AsMeter);
    assert_eq!((sample.power, sample.frequency), (None, Some(Frequency::from_hertz(50))));
}

#[test]
fn registers_of_another_function_are_not_taken() {
    let mut registers = Registers::new();
    registers.insert(3, 0x34, &[0x4488, 0x6800]);
    assert_eq!(sdm630().decode(&registers, Timestamp::default(), Orientation::AsMeter), Sample::default());
}

#[test]
fn an_inverted_meter_swaps_signs_and_counters() {
    let registers = sdm630().golden[0].image();
    let straight = sdm630().decode(&registers, Timestamp::default(), Orientation::AsMeter);
    let inverted = sdm630().decode(&registers, Timestamp::default(), Orientation::Inverted);
    assert_eq!(inverted.power, straight.power.map(|power| -power));
    assert_eq!((inverted.import, inverted.export), (straight.export, straight.import));
    let negated = straight.phase_power.unwrap().into_iter().map(|power| -power).collect();
    assert_eq!(inverted.phase_power, Some(negated));
    assert_eq!(inverted.voltage, straight.voltage);
}

#[test]
fn what_is_no_number_is_told_by_name() {
    let mut registers = sdm630().golden[0].image();
    registers.insert(4, 0x34, &[0x7FC0, 0]);
    registers.insert(4, 0x48, &[0x7E96, 0x7699]);
    let expected =
        [(Quantity::Power, RejectReason::NotANumber), (Quantity::Import, RejectReason::OutOfRange)];
    assert_eq!(sdm630().defects(&registers, Orientation::AsMeter), expected);
    let inverted = sdm630().defects(&registers, Orientation::Inverted);
    assert_eq!(inverted[1], (Quantity::Export, RejectReason::OutOfRange));
    assert_eq!(sdm630().defects(&Registers::new(), Orientation::AsMeter), []);
}

#[test]
fn a_pattern_for_absent_is_no_defect() {
    let template = Profile::parse(TEMPLATE).unwrap();
    assert_eq!(template.defects(&template.golden[0].image(), Orientation::AsMeter), []);
}

#[test]
fn a_float_counter_gets_coarser_as_it_grows() {
    let at = |kilowatt_hours: i64| sdm630().resolution(Energy::from_watt_hours(kilowatt_hours * 1000));
    assert_eq!(at(100), Energy::from_watt_hours(10));
    assert_eq!(at(140_000), Energy::from_milliwatt_hours(15_625));
}

#[test]
fn a_register_that_says_dead_marks_the_sample_stale() {
    let template = Profile::parse(TEMPLATE).unwrap();
    let mut registers = template.golden[0].image();
    registers.insert(3, 0x1050, &[0]);
    let sample = template.decode(&registers, Timestamp::default(), Orientation::AsMeter);
    assert_eq!(sample.flags, [Flag::Stale]);
}

fn image(profile: &Profile, sample: &Sample) -> Registers {
    let mut registers = Registers::new();
    for (function, address, words) in profile.encode(sample) {
        registers.insert(function, address, &words);
    }
    registers
}

#[test]
fn encoding_undoes_decoding_of_every_golden_frame() {
    let template = Profile::parse(TEMPLATE).unwrap();
    for profile in profiles().iter().chain([&template]) {
        for golden in &profile.golden {
            let sample = profile.decode(&golden.image(), Timestamp::default(), Orientation::AsMeter);
            let again = profile.decode(&image(profile, &sample), Timestamp::default(), Orientation::AsMeter);
            assert_eq!(again, sample, "{}: {}", profile.name, golden.about);
        }
    }
}

proptest! {
    #[test]
    fn a_simulated_meter_shows_what_it_was_told(
        power in -50_000_000_i64..50_000_000,
        import in 0_i64..100_000_000_000,
        export in 0_i64..100_000_000_000,
        phases in proptest::collection::vec(-20_000_000_i64..20_000_000, 3),
    ) {
        let sample = Sample {
            at: Timestamp::from_seconds(1),
            power: Some(Power::from_milliwatts(power)),
            import: Some(Energy::from_milliwatt_hours(import)),
            export: Some(Energy::from_milliwatt_hours(export)),
            phase_power: Some(phases.iter().map(|power| Power::from_milliwatts(*power)).collect()),
            voltage: Some([230_100, 229_900, 231_000].map(Voltage::from_millivolts).to_vec()),
            current: Some(phases.iter().map(|power| Current::from_milliamperes(*power / 230)).collect()),
            frequency: Some(Frequency::from_millihertz(49_990)),
            ..Sample::default()
        };
        for toml in [SDM630, TEMPLATE] {
            let profile = Profile::parse(toml).unwrap();
            let shown = profile.decode(&image(&profile, &sample), sample.at, Orientation::AsMeter);
            let off = |a: Option<Energy>, b: Option<Energy>| (a.unwrap() - b.unwrap()).abs();
            prop_assert!(off(shown.import, sample.import) <= profile.resolution(sample.import.unwrap()));
            prop_assert!(off(shown.export, sample.export) <= profile.resolution(sample.export.unwrap()));
            // A float holds 24 bits: 2 W of 16 MW; the template counts tenths of a watt.
            let off = (shown.power.unwrap() - sample.power.unwrap()).abs();
            prop_assert!(off <= Power::from_milliwatts(100), "{}", off);
        }
    }
}
