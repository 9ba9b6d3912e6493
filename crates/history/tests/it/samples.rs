//! Samples: written seldom, readable at once.

use history::{History, HistoryError, SAMPLES_COMMIT_AFTER};
use metering::{Flag, Sample};
use units::{Current, Energy, Frequency, Power, Timestamp, Voltage};

use crate::support::{grid, noon, sample_at, seconds};

fn full_sample(at: Timestamp) -> Sample {
    let volts = |value| Voltage::from_millivolts(value);
    Sample {
        at,
        power: Some(Power::from_milliwatts(-2_400_123)),
        import: Some(Energy::from_milliwatt_hours(1_234_567_890)),
        export: Some(Energy::from_milliwatt_hours(987_654_321)),
        phase_power: Some([-800_000, -800_100, -800_023].map(Power::from_milliwatts).to_vec()),
        voltage: Some(vec![volts(230_100), volts(231_200), volts(229_900)]),
        current: Some(vec![Current::from_milliamperes(-3_480)]),
        frequency: Some(Frequency::from_millihertz(49_987)),
        serial: Some("12345678".to_owned()),
        flags: vec![Flag::NotNetted, Flag::ReducedReads],
    }
}

#[test]
fn a_sample_comes_back_as_it_was_before_and_after_its_commit() {
    let history = History::in_memory().unwrap();
    let sample = full_sample(noon());
    history.record_sample(&grid(), &sample, noon()).unwrap();
    assert_eq!(history.latest_sample(&grid()).unwrap().as_ref(), Some(&sample));
    history.flush().unwrap();
    assert_eq!(history.latest_sample(&grid()).unwrap().as_ref(), Some(&sample));
    assert_eq!(history.samples(&grid(), noon()..noon() + seconds(1)).unwrap(), [sample]);
}

#[test]
fn what_a_meter_does_not_tell_is_missing_and_never_zero() {
    let history = History::in_memory().unwrap();
    let silent = Sample { at: noon(), ..Sample::default() };
    history.record_sample(&grid(), &silent, noon()).unwrap();
    history.flush().unwrap();
    let found = history.latest_sample(&grid()).unwrap().unwrap();
    assert_eq!(found, silent);
    assert_eq!(found.power, None);
}

#[test]
fn samples_are_read_across_the_border_of_file_and_memory_once_each() {
    let history = History::in_memory().unwrap();
    for second in 0..700 {
        let at = noon() + seconds(second);
        history.record_sample(&grid(), &sample_at(at, second as i64), at).unwrap();
    }
    // The commits at 300 and 601 s have happened, the rest waits.
    let found = history.samples(&grid(), noon() + seconds(50)..noon() + seconds(690)).unwrap();
    let watts: Vec<_> = found.iter().map(|sample| sample.power.unwrap().milliwatts() / 1000).collect();
    assert_eq!(watts, (50..690).collect::<Vec<_>>());
}

#[test]
fn samples_of_the_same_instant_are_one_sample() {
    let history = History::in_memory().unwrap();
    for watts in [100, 200] {
        history.record_sample(&grid(), &sample_at(noon(), watts), noon()).unwrap();
    }
    history.flush().unwrap();
    let found = history.samples(&grid(), noon()..noon() + seconds(1)).unwrap();
    assert_eq!(found, [sample_at(noon(), 100)]);
}

#[test]
fn each_meter_has_its_own_samples() {
    let history = History::in_memory().unwrap();
    let roof = "solar".parse().unwrap();
    history.record_sample(&grid(), &sample_at(noon(), 1), noon()).unwrap();
    history.record_sample(&roof, &sample_at(noon(), 2), noon()).unwrap();
    history.flush().unwrap();
    assert_eq!(history.latest_sample(&roof).unwrap(), Some(sample_at(noon(), 2)));
    assert_eq!(history.latest_sample(&"battery".parse().unwrap()).unwrap(), None);
}

#[test]
fn serial_number_and_flags_hold_from_the_sample_that_told_them() {
    let history = History::in_memory().unwrap();
    let at = |second| noon() + seconds(second);
    let told = |second, serial: Option<&str>, flags: &[Flag]| Sample {
        serial: serial.map(str::to_owned),
        flags: flags.to_vec(),
        ..sample_at(at(second), 1)
    };
    let samples = [told(0, Some("A"), &[]), told(10, None, &[Flag::Stale]), told(20, Some("B"), &[])];
    history.record_samples(&grid(), &samples, noon()).unwrap();
    history.flush().unwrap();
    let found = history.samples(&grid(), at(0)..at(30)).unwrap();
    let serials: Vec<_> = found.iter().map(|sample| sample.serial.as_deref().unwrap()).collect();
    assert_eq!(serials, ["A", "A", "B"]);
    assert_eq!(found[1].flags, [Flag::Stale]);
    assert!(found[2].flags.is_empty());
}

#[test]
fn a_sample_that_comes_late_says_nothing_about_those_after_it() {
    let history = History::in_memory().unwrap();
    let at = |second| noon() + seconds(second);
    history.record_samples(&grid(), &[sample_at(at(0), 1), sample_at(at(20), 1)], noon()).unwrap();
    history.flush().unwrap();
    let late = Sample { flags: vec![Flag::ClockOff], ..sample_at(at(10), 1) };
    history.record_sample(&grid(), &late, noon()).unwrap();
    history.flush().unwrap();
    let flags: Vec<_> =
        history.samples(&grid(), at(0)..at(30)).unwrap().iter().map(|sample| sample.flags.len()).collect();
    assert_eq!(flags, [0, 1, 0]);
}

#[test]
fn a_meter_of_four_phases_is_refused() {
    let history = History::in_memory().unwrap();
    let odd = Sample { voltage: Some(vec![Voltage::from_volts(230); 4]), ..sample_at(noon(), 1) };
    let refused = history.record_sample(&grid(), &odd, noon());
    assert!(matches!(refused, Err(HistoryError::TooManyPhases(4))));
}

#[test]
fn a_clock_that_was_set_back_does_not_keep_samples_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let history = History::open(&path, history::OpenMode::ReadWrite).unwrap();
    let onlooker = History::open(&path, history::OpenMode::ReadOnly).unwrap();
    history.record_sample(&grid(), &sample_at(noon(), 1), noon()).unwrap();
    assert_eq!(onlooker.latest_sample(&grid()).unwrap(), None);
    let earlier = noon() - SAMPLES_COMMIT_AFTER;
    history.record_sample(&grid(), &sample_at(earlier, 2), earlier).unwrap();
    assert_eq!(onlooker.latest_sample(&grid()).unwrap(), Some(sample_at(noon(), 1)));
}

#[test]
fn old_samples_are_forgotten_in_pieces() {
    let history = History::in_memory().unwrap();
    let samples: Vec<_> = (0..10).map(|second| sample_at(noon() + seconds(second), 1)).collect();
    history.record_samples(&grid(), &samples, noon()).unwrap();
    let before = noon() + seconds(7);
    let gone: Vec<_> = (0..3).map(|_| history.forget_samples_before(before, 5).unwrap()).collect();
    assert_eq!(gone, [5, 2, 0]);
    assert_eq!(history.samples(&grid(), noon()..noon() + seconds(60)).unwrap().len(), 3);
}
