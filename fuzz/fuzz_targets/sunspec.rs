//! SunSpec: whatever registers a device shows, a walk ends, and what it finds is read and decoded without
//! panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use metering::sunspec::{Reply, Walk};
use metering::{Orientation, Registers, profile};
use units::Timestamp;

/// Where chains begin.
const BASES: [u16; 3] = [40_000, 0, 50_000];

fuzz_target!(|data: &[u8]| {
    let [place, limit, rest @ ..] = data else { return };
    let base = BASES[usize::from(place % 3)];
    let longest = if *limit == 0 { u16::MAX } else { u16::from(*limit) };
    let mut words: Vec<u16> = vec![0x5375, 0x6E53];
    words.extend(rest.chunks(2).map(|pair| u16::from_be_bytes([pair[0], *pair.last().unwrap_or(&0)])));
    // Lengths that the bytes tell rarely fit; a bit of the first byte makes models of usual sizes.
    if place & 0x80 != 0 {
        words = models(rest);
    }
    let read = |address: u16, count: u16| {
        let from = usize::from(address.checked_sub(base)?);
        words.get(from..from + usize::from(count)).filter(|_| count <= longest)
    };

    let mut walk = Walk::new();
    let mut reads = 0;
    while let Some(next) = walk.next() {
        assert!((1..=125).contains(&next.count) && next.function == 3);
        match read(next.address, next.count) {
            Some(words) => walk.take(Reply::Words(words)),
            None => walk.take(Reply::Exception(2)),
        }
        reads += 1;
        assert!(reads < 2000, "a walk ends");
    }
    let Ok(chain) = walk.finish() else { return };
    for name in ["sunspec-meter", "sunspec-inverter"] {
        let Some(profile) = profile(name) else { panic!("{name} is compiled in") };
        for found in profile.found_in(&chain) {
            let Some(located) = profile.located(&found) else { continue };
            let mut registers = Registers::new();
            for next in located.reads() {
                assert!((1..=125).contains(&next.count));
                if let Some(words) = read(next.address, next.count) {
                    registers.insert(next.function, next.address, words);
                }
            }
            let sample = located.decode(&registers, Timestamp::default(), Orientation::AsMeter);
            let defects = located.defects(&registers, Orientation::AsMeter);
            assert!(sample.power.is_none_or(|power| power.as_f64().is_finite()) && defects.len() < 100);
        }
    }
});

/// Makes a chain of models that exist, with the bytes as their registers.
fn models(bytes: &[u8]) -> Vec<u16> {
    const SIZES: [(u16, usize); 8] =
        [(1, 66), (1, 65), (103, 50), (113, 60), (203, 105), (213, 124), (64_001, 12), (101, 50)];
    let mut words = vec![0x5375, 0x6E53];
    let mut bytes = bytes.iter().copied();
    while let Some(kind) = bytes.next() {
        let (id, length) = SIZES[usize::from(kind % 8)];
        words.extend([id, length as u16]);
        for _ in 0..length {
            words.push(u16::from_be_bytes([bytes.next().unwrap_or(0), bytes.next().unwrap_or(0x80)]));
        }
        if words.len() > 4000 {
            break;
        }
    }
    words.extend([0xFFFF, 0]);
    words
}
