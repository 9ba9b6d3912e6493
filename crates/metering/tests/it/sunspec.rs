//! SunSpec: chains as devices have them, and chains that no device should have.

use metering::sunspec::{Chain, Reply, Walk, WalkError};
use metering::{FoundModel, Orientation, Profile, Registers, Sample, profile};
use proptest::prelude::*;
use units::{Energy, Power, Timestamp, Voltage};

/// Registers of a device; reads that touch what is not there are answered with exception 2.
#[derive(Clone, Debug, Default)]
struct Memory {
    words: Vec<(u16, Vec<u16>)>,
    /// The longest read that is answered.
    limit: Option<u16>,
}

impl Memory {
    fn at(base: u16, blocks: &[Vec<u16>]) -> Self {
        let words = [vec![0x5375, 0x6E53], blocks.concat()].concat();
        Self { words: vec![(base, words)], limit: None }
    }

    fn read(&self, address: u16, count: u16) -> Option<&[u16]> {
        if self.limit.is_some_and(|limit| count > limit) {
            return None;
        }
        self.words.iter().find_map(|(base, words)| {
            let from = usize::from(address.checked_sub(*base)?);
            words.get(from..from + usize::from(count))
        })
    }

    fn walk(&self) -> Result<Chain, WalkError> {
        let mut walk = Walk::new();
        let mut reads = 0;
        while let Some(read) = walk.next() {
            assert_eq!((read.function, read.optional), (3, false));
            match self.read(read.address, read.count) {
                Some(words) => walk.take(Reply::Words(words)),
                None => walk.take(Reply::Exception(2)),
            }
            reads += 1;
            assert!(reads < 2000, "a walk ends");
        }
        walk.finish()
    }

    /// Reads what a profile asks for, and decodes it.
    fn sample(&self, profile: &Profile) -> Sample {
        let mut registers = Registers::new();
        for read in profile.reads() {
            if let Some(words) = self.read(read.address, read.count) {
                registers.insert(3, read.address, words);
            }
        }
        profile.decode(&registers, Timestamp::default(), Orientation::AsMeter)
    }
}

fn text(text: &str, registers: usize) -> Vec<u16> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(2 * registers, 0);
    bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

fn common(maker: &str, model: &str, serial: &str, length: u16) -> Vec<u16> {
    let mut words = vec![1, length];
    words.extend([text(maker, 16), text(model, 16), text("", 8), text("1.2", 8), text(serial, 16)].concat());
    words.resize(usize::from(length) + 2, 0);
    words
}

/// Makes a model of this length in which only these offsets hold something.
fn model(id: u16, length: u16, values: &[(usize, u16)]) -> Vec<u16> {
    let mut words = vec![0; usize::from(length) + 2];
    (words[0], words[1]) = (id, length);
    for (offset, value) in values {
        words[*offset] = *value;
    }
    words
}

const SF_NONE: u16 = 0x8000;

fn power_of_ten(power: i16) -> u16 {
    power as u16
}

/// Model 203 with this power and these powers of ten.
fn meter(watts: i16, power: i16, import: u32, energy: i16) -> Vec<u16> {
    let values = [
        (18, watts as u16),
        (22, power_of_ten(power)),
        (46, (import >> 16) as u16),
        (47, import as u16),
        (54, power_of_ten(energy)),
        (15, SF_NONE),
        (17, SF_NONE),
        (6, SF_NONE),
    ];
    model(203, 105, &values)
}

fn inverter(watts: i16) -> Vec<u16> {
    model(103, 50, &[(14, watts as u16), (25, 4242), (13, SF_NONE), (6, SF_NONE), (17, SF_NONE)])
}

fn end() -> Vec<u16> {
    vec![0xFFFF, 0]
}

fn found(name: &str, chain: &Chain) -> Vec<FoundModel> {
    profile(name).expect("it is compiled in").found_in(chain)
}

fn located(name: &str, memory: &Memory, place: usize) -> Profile {
    let profile = profile(name).expect("it is compiled in");
    let chain = memory.walk().expect("the memory holds a chain");
    profile.located(&profile.found_in(&chain)[place]).expect("the profile knows what it found")
}

#[test]
fn m21_a_chain_is_found_at_each_of_its_three_places() {
    for base in [40_000, 0, 50_000] {
        let memory = Memory::at(base, &[common("Fronius", "Symo", "1", 65), inverter(500), end()]);
        let chain = memory.walk().unwrap();
        assert_eq!((chain.base, chain.devices.len()), (base, 1));
        assert_eq!(
            memory.sample(&located("sunspec-inverter", &memory, 0)).power,
            Some(Power::from_watts(500))
        );
    }
    assert_eq!(Memory::default().walk(), Err(WalkError::NoChain));
}

#[test]
fn m21_several_devices_of_one_chain_are_told_apart() {
    let memory = Memory::at(
        40_000,
        &[
            common("SolarEdge", "SE10K", "inv", 65),
            inverter(3000),
            common("SolarEdge", "WND", "m-1", 66),
            meter(-100, 0, 1000, 0),
            common("SolarEdge", "WND", "m-2", 65),
            meter(250, 0, 2000, 0),
            end(),
        ],
    );
    let chain = memory.walk().unwrap();
    let meters = found("sunspec-meter", &chain);
    let keys: Vec<_> = meters.iter().map(|found| (found.model.id, found.model.instance)).collect();
    assert_eq!(keys, [(203, 1), (203, 2)]);
    assert_eq!(meters[1].serial.as_deref(), Some("m-2"));
    assert_eq!(found("sunspec-inverter", &chain).len(), 1);
    let sample = memory.sample(&located("sunspec-meter", &memory, 1));
    // SolarEdge writes export as positive.
    assert_eq!(sample.power, Some(Power::from_watts(-250)));
    assert_eq!(sample.import, Some(Energy::from_watt_hours(2000)));
    assert_eq!(sample.serial.as_deref(), Some("m-2"));
}

#[test]
fn m21_models_of_the_maker_are_passed_over() {
    let blocks =
        [common("A", "B", "C", 66), model(64_110, 282, &[]), model(120, 26, &[]), meter(7, 0, 1, 0), end()];
    let memory = Memory::at(40_000, &blocks);
    assert_eq!(memory.walk().unwrap().models().count(), 3);
    assert_eq!(memory.sample(&located("sunspec-meter", &memory, 0)).power, Some(Power::from_watts(7)));
}

#[test]
fn m21_a_chain_may_end_without_an_end_or_with_half_of_one() {
    for end in [vec![], vec![0xFFFF], vec![0, 0], vec![0xFFFF, 0]] {
        let memory = Memory::at(40_000, &[common("A", "B", "C", 65), meter(7, 0, 1, 0), end]);
        assert_eq!(memory.walk().unwrap().models().count(), 1);
    }
}

#[test]
fn m8_a_device_that_takes_short_reads_tells_its_names_one_by_one() {
    let mut memory = Memory::at(40_000, &[common("Fronius", "Meter", "S-9", 65), meter(7, 0, 1, 0), end()]);
    memory.limit = Some(20);
    let chain = memory.walk().unwrap();
    let device = &chain.devices[0];
    assert_eq!((device.maker.as_deref(), device.serial.as_deref()), (Some("Fronius"), Some("S-9")));
    assert_eq!((device.version.as_deref(), device.models.len()), (Some("1.2"), 1));
}

#[test]
fn a_device_that_is_busy_has_no_short_chain() {
    let mut walk = Walk::new();
    walk.take(Reply::Words(&[0x5375, 0x6E53]));
    walk.take(Reply::Exception(6));
    assert_eq!((walk.next(), walk.finish()), (None, Err(WalkError::Exception(6))));
}

#[test]
fn m19_a_value_and_its_power_of_ten_are_never_of_two_responses() {
    let memory = Memory::at(40_000, &[common("A", "B", "C", 65), meter(7, 0, 1, 0), end()]);
    let profile = located("sunspec-meter", &memory, 0);
    let address = found("sunspec-meter", &memory.walk().unwrap())[0].model.address;
    let together = |value: u16, scale: u16| {
        let holds = |read: &metering::Read, offset: u16| {
            (read.address..read.address + read.count).contains(&(address + offset))
        };
        let all = profile.reads().into_iter().chain(profile.values());
        all.filter(|read| holds(read, value)).any(|read| holds(&read, scale))
    };
    for (value, scale) in [(18, 22), (19, 22), (46, 54), (38, 54), (8, 15), (16, 17), (3, 6)] {
        assert!(together(value, scale), "{value} and {scale}");
    }
    assert!(profile.reads().iter().all(|read| read.count <= 125));
    // What a read is cut into for a device that takes only short ones keeps them together too.
    let cut = profile.values();
    assert!(cut.iter().all(|read| read.count <= 17), "{cut:?}");
}

#[test]
fn m19_a_power_of_ten_that_changes_changes_no_value() {
    for (watts, power) in [(5000, 0), (500, 1), (50, 2), (5, 3)] {
        let memory = Memory::at(40_000, &[common("A", "B", "C", 65), meter(watts, power, 77, power), end()]);
        let sample = memory.sample(&located("sunspec-meter", &memory, 0));
        assert_eq!(sample.power, Some(Power::from_watts(5000)));
    }
    let memory = Memory::at(40_000, &[common("A", "B", "C", 65), meter(-12_345, -2, 77, -1), end()]);
    let sample = memory.sample(&located("sunspec-meter", &memory, 0));
    assert_eq!(sample.power, Some(Power::from_milliwatts(-123_450)));
    assert_eq!(sample.import, Some(Energy::from_milliwatt_hours(7_700)));
}

#[test]
fn m20_a_power_of_ten_that_is_none_makes_its_values_absent() {
    for power in [i16::MIN, -11, 11, 1000] {
        let memory = Memory::at(40_000, &[common("A", "B", "C", 65), meter(5, power, 77, power), end()]);
        let sample = memory.sample(&located("sunspec-meter", &memory, 0));
        assert_eq!((sample.power, sample.import, sample.voltage), (None, None, None), "{power}");
    }
}

#[test]
fn m16_what_a_model_does_not_have_is_absent() {
    let memory = Memory::at(40_000, &[common("A", "B", "C", 65), meter(i16::MIN, 0, 0, 0), end()]);
    let sample = memory.sample(&located("sunspec-meter", &memory, 0));
    assert_eq!((sample.power, sample.import, sample.export), (None, None, None));
    let nothing = f32::NAN.to_bits();
    let float = model(213, 124, &[(28, (nothing >> 16) as u16), (29, nothing as u16)]);
    let memory = Memory::at(40_000, &[common("A", "B", "C", 65), float, end()]);
    assert_eq!(memory.sample(&located("sunspec-meter", &memory, 0)).power, None);
}

#[test]
fn a_model_with_one_phase_has_one_voltage() {
    let single = model(201, 105, &[(8, 2301), (15, power_of_ten(-1)), (18, 42)]);
    let memory = Memory::at(40_000, &[common("A", "B", "C", 65), single, end()]);
    let sample = memory.sample(&located("sunspec-meter", &memory, 0));
    assert_eq!(sample.voltage, Some(vec![Voltage::from_millivolts(230_100)]));
}

#[test]
fn a_model_that_is_shorter_than_it_should_be_has_what_fits() {
    let memory = Memory::at(40_000, &[common("A", "B", "C", 65), model(203, 21, &[(18, 42)]), end()]);
    let sample = memory.sample(&located("sunspec-meter", &memory, 0));
    assert_eq!((sample.power, sample.import), (Some(Power::from_watts(42)), None));
}

#[test]
fn an_inverters_production_is_positive_and_counted_under_import() {
    let memory = Memory::at(40_000, &[common("A", "B", "C", 65), inverter(1500), end()]);
    let sample = memory.sample(&located("sunspec-inverter", &memory, 0));
    assert_eq!((sample.power, sample.export), (Some(Power::from_watts(1500)), None));
    assert_eq!(sample.import, Some(Energy::from_watt_hours(4242)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_memory_never_panics_and_the_walk_ends(
        base in prop_oneof![Just(40_000_u16), Just(0), Just(50_000)],
        words in proptest::collection::vec(prop_oneof![
            any::<u16>(), Just(1), Just(65), 0_u16..8, 101_u16..104, 201_u16..205, 211_u16..215
        ], 0..400),
        limit in proptest::option::of(1_u16..125),
    ) {
        let memory = Memory { limit, ..Memory::at(base, &[words]) };
        if let Ok(chain) = memory.walk() {
            for name in ["sunspec-meter", "sunspec-inverter"] {
                for found in found(name, &chain) {
                    let profile = profile(name).unwrap().located(&found).unwrap();
                    let _ = memory.sample(&profile);
                }
            }
        }
    }

    #[test]
    fn answers_of_a_wrong_length_never_panic(answers in proptest::collection::vec(
        proptest::collection::vec(any::<u16>(), 0..70), 0..50)) {
        let mut walk = Walk::new();
        walk.take(Reply::Words(&[0x5375, 0x6E53]));
        answers.iter().for_each(|words| walk.take(Reply::Words(words)));
        let _ = walk.finish();
    }

    #[test]
    fn a_model_at_the_end_of_the_address_space_never_panics(address: u16, length: u16, id in 201_u16..215) {
        let model = metering::sunspec::Model { id, instance: 1, address, length };
        let found = FoundModel { model, maker: None, product: None, serial: None };
        if let Some(profile) = profile("sunspec-meter").unwrap().located(&found) {
            let _ = (profile.reads(), profile.values());
        }
    }
}
