//! How much a sample looks like what a meter of a profile says. Physics knows more than the device tells:
//! a wrong map gives voltages of millions and frequencies of zero.

use metering::{Golden, Profile, Sample};

/// What each agreement is worth. Three phases that add up are the hardest to meet by chance.
const VOLTAGE: f64 = 0.25;
const FREQUENCY: f64 = 0.25;
const PHASES: f64 = 0.35;
/// Stands in for the phases where there is one.
const PRODUCT: f64 = 0.25;
const COUNTERS: f64 = 0.15;

/// No house takes more, and no counter of a house has run further in its life.
const MOST_POWER_W: f64 = 200_000.0;
const MOST_COUNTED_WH: f64 = 1e10;

/// Returns how sure it is that the device is of this profile, from 0 to 1: 0 if anything contradicts it.
///
/// Each golden frame is a promise of one kind of the device, and the one that fits best counts. What it
/// promises and the device does not say counts against it; what it does not promise leaves a doubt.
pub fn likeness(profile: &Profile, sample: &Sample) -> f64 {
    let (voltage, frequency, phases) = (voltage(sample), frequency(sample), phases(sample));
    let (product, counters) = (product(sample), counters(sample));
    if sample.power.is_none()
        || !is_possible(sample)
        || [voltage, frequency, phases].contains(&Mark::Contradicts)
    {
        return 0.0;
    }
    let of_frame = |golden: &Golden| {
        let promise = &golden.expect;
        let sums = promise.phase_power_w.as_ref().is_some_and(|phases| phases.len() > 1);
        let marks = [
            (promise.voltage_v.is_some(), VOLTAGE, voltage),
            (promise.frequency_hz.is_some(), FREQUENCY, frequency),
            (sums, PHASES, phases),
            (!sums && promise.current_a.is_some(), PRODUCT, product),
            (true, COUNTERS, counters),
        ];
        let (mut earned, mut promised) = (0.0, 0.0);
        for (_, weight, mark) in marks.into_iter().filter(|(promised, ..)| *promised) {
            let Mark::Worth(share) = mark else { return 0.0 };
            earned += weight * share;
            promised += weight;
        }
        (earned / promised) * (0.5 + 0.5 * promised)
    };
    profile.golden.iter().map(of_frame).fold(0.0, f64::max)
}

/// Returns whether a house can have what a sample says, as far as it says anything.
pub fn is_possible(sample: &Sample) -> bool {
    sample.power.is_none_or(|power| power.as_f64().abs() <= MOST_POWER_W)
        && counters(sample) != Mark::Contradicts
}

/// What one quantity says about the profile.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Contradicts,
    /// From nothing, since it is not told, to all.
    Worth(f64),
}

/// A phase that is not connected shows no voltage.
fn voltage(sample: &Sample) -> Mark {
    let Some(voltages) = &sample.voltage else { return Mark::Worth(0.0) };
    let volts: Vec<f64> = voltages.iter().map(|voltage| voltage.as_f64()).collect();
    let live = volts.iter().filter(|volts| (80.0..=300.0).contains(*volts)).count();
    let dead = volts.iter().filter(|volts| **volts == 0.0).count();
    if live == 0 || live + dead < volts.len() {
        return Mark::Contradicts;
    }
    Mark::Worth(if dead == 0 { 1.0 } else { 0.6 })
}

fn frequency(sample: &Sample) -> Mark {
    match sample.frequency.map(units::Frequency::as_f64) {
        None => Mark::Worth(0.0),
        Some(hertz) if (45.0..=65.0).contains(&hertz) => Mark::Worth(1.0),
        Some(_) => Mark::Contradicts,
    }
}

/// The phases add up to the total within 5 %, or 5 W where little flows.
fn phases(sample: &Sample) -> Mark {
    let (Some(power), Some(phases)) = (sample.power, &sample.phase_power) else { return Mark::Worth(0.0) };
    let (power, phases) = (power.as_f64(), phases.iter().map(|phase| phase.as_f64()).collect::<Vec<_>>());
    let largest = phases.iter().fold(power.abs(), |largest, phase| largest.max(phase.abs()));
    let differs = (power - phases.iter().sum::<f64>()).abs();
    // One phase of a single-phase meter is the total by another name.
    if phases.len() < 2 {
        return Mark::Worth(0.0);
    }
    match differs <= (0.05 * largest).max(5.0) {
        true if largest > 0.0 => Mark::Worth(1.0),
        true => Mark::Worth(0.3),
        false => Mark::Contradicts,
    }
}

/// Power is not above voltage times current.
fn product(sample: &Sample) -> Mark {
    let (Some(power), Some(voltages), Some(currents)) = (sample.power, &sample.voltage, &sample.current)
    else {
        return Mark::Worth(0.0);
    };
    let apparent: f64 = voltages
        .iter()
        .zip(currents)
        .map(|(voltage, current)| voltage.as_f64() * current.as_f64().abs())
        .sum();
    match power.as_f64().abs() <= 1.2 * apparent + 20.0 {
        true => Mark::Worth(if power.is_zero() { 0.3 } else { 0.9 }),
        false => Mark::Contradicts,
    }
}

fn counters(sample: &Sample) -> Mark {
    let counted: Vec<f64> =
        [sample.import, sample.export].into_iter().flatten().map(|energy| energy.as_f64()).collect();
    if counted.iter().any(|counted| !(0.0..=MOST_COUNTED_WH).contains(counted)) {
        return Mark::Contradicts;
    }
    Mark::Worth(match counted.iter().any(|counted| *counted > 0.0) {
        true => 1.0,
        false if counted.is_empty() => 0.0,
        false => 0.3,
    })
}

#[cfg(test)]
mod tests {
    use metering::{Orientation, Protocol, Registers, profile, profiles};
    use units::{Frequency, Power, Timestamp, Voltage};

    use super::*;

    fn golden(name: &str) -> (&'static Profile, Sample) {
        let profile = profile(name).unwrap();
        let registers: Registers = profile.golden[0].image();
        (profile, profile.decode(&registers, Timestamp::default(), Orientation::AsMeter))
    }

    #[test]
    fn each_profile_looks_most_like_its_own_golden_frame() {
        for profile in profiles().iter().filter(|profile| profile.protocol == Protocol::Modbus) {
            let (_, sample) = golden(&profile.name);
            let own = likeness(profile, &sample);
            assert!(own >= 0.5, "{}: {own}", profile.name);
        }
    }

    #[test]
    fn what_physics_forbids_is_no_likeness() {
        let (profile, sample) = golden("eastron-sdm630");
        assert!(likeness(profile, &sample) > 0.95);
        let forbidden = [
            Sample { frequency: Some(Frequency::from_hertz(44)), ..sample.clone() },
            Sample { voltage: Some(vec![Voltage::from_volts(301); 3]), ..sample.clone() },
            Sample { voltage: Some(vec![Voltage::ZERO; 3]), ..sample.clone() },
            Sample { power: sample.power.map(|power| power + Power::from_watts(100)), ..sample.clone() },
            Sample { power: None, ..sample.clone() },
        ];
        for sample in forbidden {
            assert_eq!(likeness(profile, &sample), 0.0, "{sample:?}");
        }
    }

    #[test]
    fn what_is_promised_and_not_told_counts_against_a_profile() {
        let (profile, sample) = golden("eastron-sdm630");
        let poor = Sample { voltage: None, frequency: None, ..sample };
        assert!(likeness(profile, &poor) < 0.6);
    }
}
