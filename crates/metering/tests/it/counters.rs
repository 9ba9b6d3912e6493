//! More stories of counters: glitches, sleep, jumps, wraps, replacements, gaps.

use metering::{BookSettings, Counter, Reading, book};
use proptest::prelude::*;
use std::time::Duration;
use units::{Energy, Power, Timestamp};

use crate::counter_vectors::{check, kinds, readings, readings_every, settings};

fn wraps_at_kwh(kwh: f64) -> BookSettings {
    BookSettings { wraps_at: Energy::from_f64(kwh * 1000.0), ..settings(2) }
}

#[test]
fn s01_no_reading_books_nothing() {
    check("", &settings(2), 0.0, 0.0, &[]);
}

#[test]
fn s02_one_reading_books_nothing() {
    check("1000", &settings(2), 0.0, 0.0, &[]);
}

#[test]
fn s03_missing_readings_before_the_first_are_no_gap_of_the_counter() {
    check("- - 1000 1001", &settings(2), 1.0, 0.0, &[]);
}

#[test]
fn s04_a_gap_that_never_ends_is_told() {
    let booked = book(&readings("1000 1001 - -"), &settings(2));
    assert_eq!((kinds(&booked), booked.events[0].after), (vec!["gap"], None));
}

#[test]
fn s05_two_transient_zeros_in_a_row_are_one_glitch() {
    check("13423.7 13423.8 0 0 13423.9", &settings(2), 0.2, 0.0, &["glitch"]);
}

#[test]
fn s06_an_inverter_asleep_at_zero_comes_back_in_the_morning() {
    check("800 801 0 0 0 0 0 0 0 0 801.2 802", &settings(2), 2.0, 0.0, &["glitch"]);
}

#[test]
fn s07_two_different_odd_readings_are_two_glitches() {
    check("13423.7 13423.8 0 99999 13423.9", &settings(2), 0.2, 0.0, &["glitch", "jump_held", "glitch"]);
}

#[test]
fn s08_a_jump_by_two_to_the_24_comes_back() {
    check("100 100.5 16877.716 101", &settings(2), 1.0, 0.0, &["jump_held", "glitch"]);
}

#[test]
fn s09_a_jump_at_the_end_is_held() {
    check("100 100.5 16877.716", &settings(2), 0.5, 16_777.216, &["jump_held"]);
}

#[test]
fn s10_three_megawatt_hours_that_stay_are_another_meter() {
    check("100 100.5 3100 3101 3102 3103", &settings(2), 3.5, 0.0, &["jump_held", "replaced"]);
}

#[test]
fn s11_a_new_serial_number_decides_at_once() {
    check("1000@a 1002@a 5400@b 5401@b", &settings(9), 3.0, 0.0, &["replaced"]);
}

#[test]
fn s12_a_new_serial_number_with_a_plausible_counter_is_another_meter_too() {
    check("1000@a 1002@a 1003@b 1004@b", &settings(2), 3.0, 0.0, &["replaced"]);
}

#[test]
fn s13_a_new_meter_at_zero_is_replaced_and_not_reset() {
    check("1000@a 1002@a 0@b 3@b", &settings(2), 5.0, 0.0, &["replaced"]);
}

#[test]
fn s14_a_serial_number_that_comes_late_confirms_what_was_held() {
    check("1000@a 1002@a 5400 5401@b", &settings(9), 3.0, 0.0, &["jump_held", "replaced"]);
}

#[test]
fn s15_a_glitch_before_a_new_serial_number_stays_a_glitch() {
    check("1000@a 1002@a 90000 5400@b 5401@b", &settings(2), 3.0, 0.0, &["jump_held", "glitch", "replaced"]);
}

#[test]
fn s16_a_serial_number_that_comes_with_a_missing_reading_counts() {
    check("1000@a 1002@a -@b 5400 5401", &settings(9), 3.0, 0.0, &["gap", "replaced"]);
}

#[test]
fn s17_a_serial_number_that_is_absent_for_a_while_changes_nothing() {
    check("1000@a 1001 1002@a", &settings(2), 2.0, 0.0, &[]);
}

#[test]
fn s18_a_dip_of_one_step_is_nothing() {
    check("20292.8 20292.7 20292.9", &settings(2), 0.1, 0.0, &["dip"]);
}

#[test]
fn s19_repeated_dips_book_the_rise_of_the_maximum_alone() {
    check("10 10.02 10.01 10.02 10.01 10.03", &settings(2), 0.03, 0.0, &["dip", "dip"]);
}

#[test]
fn s20_a_16_bit_register_wraps_at_655_kilowatt_hours() {
    check("655.30 655.34 0.01 0.03 0.05", &wraps_at_kwh(655.36), 0.11, 0.0, &["wrap"]);
}

#[test]
fn s21_a_zero_near_the_end_of_the_register_may_still_be_a_glitch() {
    check("655.30 655.32 0 655.34", &wraps_at_kwh(655.36), 0.04, 0.0, &["glitch"]);
}

#[test]
fn s22_a_fall_from_the_middle_of_the_register_is_no_wrap() {
    check("300 301 0 1 2", &wraps_at_kwh(655.36), 3.0, 0.0, &["reset"]);
}

#[test]
fn s23_a_wrap_that_the_fuse_forbids_is_none() {
    // Through the end would be 60 kWh in an hour.
    check("609 610 14.64 15 16", &wraps_at_kwh(655.36), 17.0, 0.0, &["reset"]);
}

#[test]
fn s24_a_signed_register_flips_its_sign() {
    // 32 bits of 10 Wh, read as signed, end at 21474.83648 kWh.
    check(
        "21474.80 21474.83 -21474.83 -21474.80 -21474.79",
        &wraps_at_kwh(42_949.672_96),
        0.082_96,
        0.0,
        &["wrap"],
    );
}

#[test]
fn s25_a_24_bit_register_wraps() {
    check("16777.2 16777.21 0.004 0.01 0.02", &wraps_at_kwh(16_777.216), 0.036, 0.0, &["wrap"]);
}

#[test]
fn s26_a_reset_that_counted_before_it_was_read_keeps_that_energy() {
    check("1000 1002 0.2 3 4", &settings(2), 6.0, 0.0, &["reset"]);
}

#[test]
fn s27_a_fall_to_what_no_counter_can_reach_is_another_meter() {
    check("1000 1002 400 401 402", &settings(2), 4.0, 0.0, &["replaced"]);
}

#[test]
fn s28_a_jump_that_time_makes_plausible_is_released() {
    // 5 kWh in ten seconds cannot be; 5.01 kWh in twelve minutes can.
    let mut readings = readings_every(10, "1000 1000 1005");
    let at = Timestamp::from_seconds(1_780_000_000 + 720);
    readings.push(Reading { at, counter: Some(Energy::from_watt_hours(1_005_010)), serial: None });
    let booked = book(&readings, &settings(2));
    assert_eq!(
        (booked.booked, kinds(&booked)),
        (Energy::from_watt_hours(5010), vec!["jump_held", "jump_released"])
    );
}

#[test]
fn s29_a_register_that_is_written_each_quarter_hour_is_booked_once_it_is_confirmed() {
    // Polled every 10 s for 15 min at 1000 kWh, then 2 kWh more.
    let text = format!("{} 1002 1002 1002 1002", "1000 ".repeat(90));
    let booked = book(&readings_every(10, &text), &settings(2));
    assert_eq!(
        (booked.booked, kinds(&booked)),
        (Energy::from_watt_hours(2000), vec!["jump_held", "jump_released"])
    );
}

#[test]
fn s30_a_gap_makes_a_large_difference_plausible() {
    check("1000 - - - - - - - 1240", &settings(2), 240.0, 0.0, &["gap"]);
    check("1000 1240 1240 1240", &settings(2), 0.0, 0.0, &["jump_held", "replaced"]);
}

#[test]
fn s31_a_net_counter_that_falls_beyond_the_fuse_is_held() {
    let signed = BookSettings { signed: true, ..settings(2) };
    check("1000 998 -90000 997", &signed, -3.0, 0.0, &["glitch"]);
}

#[test]
fn s32_a_glitch_inside_a_gap_is_told_as_both() {
    check("1000 - 0 - 1001", &settings(2), 1.0, 0.0, &["gap", "gap", "glitch"]);
}

#[test]
fn s33_two_resets_in_a_row_lose_nothing() {
    check("100 101 0 10 20 0 3 4", &settings(2), 25.0, 0.0, &["reset", "reset"]);
}

#[test]
fn s34_numbers_beyond_measure_do_not_overflow() {
    let at = |place: i64| Timestamp::from_seconds(place * 3600);
    let reading = |place, value| Reading {
        at: at(place),
        counter: Some(Energy::from_milliwatt_hours(value)),
        serial: None,
    };
    let hostile = [i64::MIN, i64::MAX, 0, i64::MAX, i64::MAX - 1, i64::MAX, i64::MIN, i64::MIN, 0];
    let readings: Vec<_> = (0..).zip(hostile).map(|(place, value)| reading(place, value)).collect();
    for signed in [false, true] {
        let settings =
            BookSettings { signed, wraps_at: Some(Energy::from_milliwatt_hours(i64::MAX)), ..settings(1) };
        book(&readings, &settings);
    }
}

#[test]
fn s35_a_live_counter_is_not_believed_before_it_has_lasted() {
    let settings = settings(3);
    let mut counter = Counter::new(settings, Duration::from_secs(60));
    let booked: i64 = readings_every(10, "1000 1000 0 0.01 0.02 0.03 0.04 0.05 0.06 0.07")
        .iter()
        .map(|reading| {
            counter.push(reading).steps.iter().map(|step| step.booked.milliwatt_hours()).sum::<i64>()
        })
        .scan(0, |sum, booked| {
            *sum += booked;
            Some(*sum)
        })
        .take(8)
        .last()
        .unwrap();
    assert_eq!(booked, 0, "five more readings agree, yet only 50 s have passed");
    assert_eq!(counter.held(), Energy::from_watt_hours(50));
}

#[test]
fn s36_a_guided_replacement_is_the_last_reading_of_one_meter_and_the_first_of_the_next() {
    // The owner read 1002.4 off the old meter and 12.0 off the new one, between two polls.
    check("1000@old 1002@old 1002.4@old 12.0@new 13@new", &settings(2), 3.4, 0.0, &["replaced"]);
}

#[test]
fn s37_a_fall_before_the_last_tenth_of_the_register_is_no_wrap_however_plausible() {
    check("50 51 0 1 2", &wraps_at_kwh(65.536), 3.0, 0.0, &["reset"]);
}

/// A counter behind a fuse of 43 kW read every ten seconds, with what it truly counted.
fn true_counter() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::vec(0_i64..100_000, 2..60).prop_map(|steps| {
        steps
            .iter()
            .scan(13_423_700_000, |counter, step| {
                *counter += step;
                Some(*counter)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn a_counter_with_single_odd_readings_is_worth_its_true_difference(
        truth in true_counter(),
        odd in proptest::collection::vec((any::<proptest::sample::Index>(), 0_i64..200_000_000_000), 0..4),
    ) {
        let mut seen = truth.clone();
        for (place, value) in odd {
            let place = place.index(truth.len());
            let inner = place > 0 && place + 1 < truth.len();
            // Odd readings that are near the truth are none, and two in a row may agree with each other.
            let apart = (value - truth[place]).abs() > 2_000_000_000;
            if inner && apart && seen[place - 1] == truth[place - 1] && seen[place + 1] == truth[place + 1] {
                seen[place] = value;
            }
        }
        let readings: Vec<_> = (0..).zip(&seen).map(|(place, value)| Reading {
            at: Timestamp::from_seconds(place * 10),
            counter: Some(Energy::from_milliwatt_hours(*value)),
            serial: None,
        }).collect();
        let booked = book(&readings, &settings(2));
        let difference = truth[truth.len() - 1] - truth[0];
        prop_assert_eq!(booked.booked, Energy::from_milliwatt_hours(difference));
        prop_assert_eq!(booked.held, Energy::ZERO);
    }

    #[test]
    fn no_sequence_books_more_than_the_fuse_lets_through(
        values in proptest::collection::vec(0_i64..30_000_000, 2..40),
        confirm in 1_u32..4,
    ) {
        let readings: Vec<_> = (0..).zip(&values).map(|(place, value)| Reading {
            at: Timestamp::from_seconds(place * 60),
            counter: Some(Energy::from_milliwatt_hours(*value)),
            serial: None,
        }).collect();
        let booked = book(&readings, &settings(confirm));
        let time = Duration::from_secs(60 * (values.len() as u64 - 1));
        let limit = Power::from_watts(43_000 * 12 / 10).over(time) + Energy::from_watt_hours(20 * 2 * values.len() as i64);
        prop_assert!(booked.booked <= limit && booked.booked >= Energy::ZERO, "{:?}", booked);
    }
}
