//! Samples to slots: borders, gaps, restarts, resets, and the laws that hold for all of them.

use std::time::Duration;

use metering::{
    Flag, IntervalEvent, Method, Quality, Quantity, RejectReason, Sample, SlotEnergy, SlotMeter,
    SlotSettings, accepted,
};
use proptest::prelude::*;
use units::{Energy, Power, Timestamp, WattHours};

/// The start of a slot.
const NOON: i64 = 1_780_315_200;

fn settings() -> SlotSettings {
    SlotSettings::new(Power::from_watts(43_000), Energy::from_watt_hours(10))
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_seconds(NOON + second)
}

fn wh(energy: i64) -> Option<Energy> {
    Some(Energy::from_watt_hours(energy))
}

/// A sample so many seconds after noon with both registers in mWh.
fn sample(second: i64, import: i64, export: i64) -> Sample {
    let energy = |value| Some(Energy::from_milliwatt_hours(value));
    Sample { at: time(second), import: energy(import), export: energy(export), ..Sample::default() }
}

/// A house that imports 3.6 kW: 1 Wh a second, from 1,000,000 Wh at noon. Nothing is exported.
fn steady(second: i64) -> Sample {
    sample(second, 1_000_000_000 + second * 1000, 5_000_000)
}

fn push_all(meter: &mut SlotMeter, samples: impl IntoIterator<Item = Sample>) -> Vec<IntervalEvent> {
    samples.into_iter().flat_map(|sample| meter.push(&sample)).collect()
}

fn slots(events: &[IntervalEvent]) -> Vec<SlotEnergy> {
    let slot = |event: &IntervalEvent| match event {
        IntervalEvent::Slot(slot) => Some(slot.clone()),
        _ => None,
    };
    events.iter().filter_map(slot).collect()
}

fn run(samples: impl IntoIterator<Item = Sample>) -> Vec<SlotEnergy> {
    slots(&push_all(&mut SlotMeter::new(settings()), samples))
}

/// Start in seconds after noon, import in Wh, and quality of each slot.
fn summary(slots: &[SlotEnergy]) -> Vec<(i64, Option<Energy>, Quality)> {
    slots.iter().map(|slot| (slot.start.seconds() - NOON, slot.import, slot.quality)).collect()
}

#[test]
fn a_slot_between_two_samples_is_measured() {
    let slots = run((-10..=1000).step_by(7).map(|second| steady(second.into())));
    assert_eq!(summary(&slots), [(-900, wh(10), Quality::Partial), (0, wh(900), Quality::Measured)]);
    assert_eq!(slots[1].export, wh(0));
    assert_eq!((slots[1].seconds, slots[1].method), (900, Method::Counter));
    assert!(slots[1].slot().is_some());
}

#[test]
fn a_border_is_linear_between_the_samples_around_it() {
    // 10 s before noon 100 Wh, 20 s after it 103 Wh: 101 Wh at noon.
    let slots = run([
        sample(-10, 100_000, 0),
        sample(20, 103_000, 0),
        sample(880, 200_000, 0),
        sample(900, 205_000, 0),
    ]);
    assert_eq!(slots[1].borders.import_start, wh(101));
    assert_eq!(slots[1].borders.import_end, wh(205));
    assert_eq!(slots[1].import, wh(104));
}

#[test]
fn the_first_slot_is_partial_with_what_was_observed() {
    let slots = run([600, 890, 905].map(steady));
    assert_eq!(summary(&slots), [(0, wh(300), Quality::Partial)]);
}

#[test]
fn a_meter_that_starts_on_the_border_measures_its_first_slot() {
    let slots = run((0..=900).step_by(30).map(|second| steady(second.into())));
    assert_eq!(summary(&slots), [(0, wh(900), Quality::Measured)]);
}

#[test]
fn samples_31_s_apart_leave_the_border_between_them_missing() {
    let around = |gap: i64| run([0, 890, 890 + gap, 1785, 1801].map(steady));
    assert_eq!(around(30)[0].quality, Quality::Measured);
    let slots = around(31);
    assert_eq!(slots[0].quality, Quality::Recovered);
    assert_eq!((slots[0].borders.import_start, slots[0].borders.import_end), (wh(1_000_000), None));
    assert_eq!(slots[0].import, wh(900));
}

#[test]
fn a_gap_within_a_slot_whose_borders_were_seen_leaves_it_measured() {
    let slots = run([0, 10, 880, 905].map(steady));
    assert_eq!(summary(&slots), [(0, wh(900), Quality::Measured)]);
}

#[test]
fn a_gap_is_spread_over_its_slots_and_never_one_inflated_slot() {
    let mut meter = SlotMeter::new(settings());
    let before = push_all(&mut meter, [0, 20, 300].map(steady));
    assert_eq!(slots(&before), []);
    // Half an hour without samples, in which the counter moved by 3 Wh.
    let after = meter.push(&sample(2100, 1_000_303_001, 5_000_000));
    assert_eq!(after[0], IntervalEvent::Gap { from: time(300), to: time(2100) });
    let slots = slots(&after);
    let energies: Vec<_> = slots.iter().map(|slot| slot.import.unwrap().milliwatt_hours()).collect();
    // 300 Wh before the gap and a third of 3001 mWh; then a half of it.
    assert_eq!(energies, [301_000, 1_500]);
    assert!(slots.iter().all(|slot| slot.quality == Quality::Recovered));
    assert!(slots.iter().all(|slot| slot.market_wh().is_none()));
}

#[test]
fn the_shares_of_a_gap_add_up_exactly() {
    let mut meter = SlotMeter::new(settings());
    let mut events = push_all(&mut meter, [0, 7].map(steady));
    events.extend(push_all(
        &mut meter,
        [
            sample(86_413, 1_123_456_789, 5_000_000),
            sample(86_420, 1_123_456_789, 5_000_000),
            sample(87_301, 1_123_456_789, 5_000_000),
        ],
    ));
    let total: Energy = slots(&events).iter().filter_map(|slot| slot.import).sum();
    assert_eq!(total, Energy::from_milliwatt_hours(123_456_789));
    assert_eq!(slots(&events).len(), 97);
}

#[test]
fn a_slot_waits_for_its_meter_until_patience_has_run_out() {
    let mut meter = SlotMeter::new(settings());
    assert_eq!(push_all(&mut meter, [0, 10].map(steady)), []);
    assert_eq!(meter.flush_until(time(899)), []);
    let flushed = slots(&meter.flush_until(time(2000)));
    assert_eq!(summary(&flushed), [(0, wh(10), Quality::Partial), (900, None, Quality::Missing)]);
    assert_eq!(meter.flush_until(time(2000)), [], "a slot is flushed once");
}

#[test]
fn a_flushed_slot_comes_again_when_the_counter_bridges_the_gap() {
    let mut meter = SlotMeter::new(settings());
    push_all(&mut meter, [0, 10].map(steady));
    meter.flush_until(time(2000));
    let bridged = slots(&meter.push(&steady(2700)));
    let recovered = |start| (start, wh(900), Quality::Recovered);
    assert_eq!(summary(&bridged), [recovered(0), recovered(900), recovered(1800)]);
}

#[test]
fn a_flush_before_the_first_sample_says_nothing() {
    assert_eq!(SlotMeter::new(settings()).flush_until(time(0)), []);
}

#[test]
fn late_and_repeated_samples_are_ignored_and_reported() {
    let mut meter = SlotMeter::new(settings());
    push_all(&mut meter, [0, 10].map(steady));
    for second in [10, 3] {
        let reason = RejectReason::Stale;
        let (at, quantity) = (time(second), Quantity::At);
        assert_eq!(
            meter.push(&steady(second)),
            [IntervalEvent::Rejected { at, quantity, value: None, reason }]
        );
    }
}

#[test]
fn a_stale_sample_is_not_counted() {
    let mut meter = SlotMeter::new(settings());
    push_all(&mut meter, [0, 10].map(steady));
    let stale = Sample { flags: vec![Flag::Stale], ..steady(20) };
    let events = meter.push(&stale);
    let quantities: Vec<_> = events
        .iter()
        .map(|event| match event {
            IntervalEvent::Rejected { quantity, reason: RejectReason::Stale, .. } => *quantity,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(quantities, [Quantity::Import, Quantity::Export]);
    assert_eq!(accepted(&stale, &events), Sample { import: None, export: None, ..stale });
}

#[test]
fn a_transient_zero_costs_neither_energy_nor_the_slot() {
    let mut meter = SlotMeter::new(settings());
    let mut events = push_all(&mut meter, (0..45).map(|n| steady(n * 10)));
    let zero = meter.push(&sample(450, 0, 5_000_000));
    assert!(matches!(
        zero[..],
        [IntervalEvent::Rejected {
            quantity: Quantity::Import,
            value: Some(0),
            reason: RejectReason::Drop,
            ..
        }]
    ));
    events.extend(push_all(&mut meter, (46..=91).map(|n| steady(n * 10))));
    assert_eq!(summary(&slots(&events)), [(0, wh(900), Quality::Measured)]);
}

#[test]
fn a_jump_is_rejected_by_name_and_left_out_of_what_is_stored() {
    let mut meter = SlotMeter::new(settings());
    push_all(&mut meter, [0, 10].map(steady));
    let jump = sample(20, 18_000_000_000, 5_000_000);
    let events = meter.push(&jump);
    assert!(events.iter().any(|event| matches!(
        event,
        IntervalEvent::Rejected { quantity: Quantity::Import, reason: RejectReason::Jump, .. }
    )));
    assert_eq!(accepted(&jump, &events).import, None);
    assert_eq!(accepted(&jump, &events).export, jump.export);
}

#[test]
fn a_meter_that_restarts_at_zero_neither_creates_energy_nor_trades_the_slot() {
    let before = (0..=40).map(|n| steady(n * 10));
    let after = (41..=95).map(|n| sample(n * 10, (n - 41) * 10_000, 5_000_000));
    let slots = run(before.chain(after));
    assert_eq!(slots.len(), 1);
    // 400 s before, 490 s after: the 10 s in which it restarted are lost, and nothing else.
    assert_eq!((slots[0].import, slots[0].quality), (wh(890), Quality::Recovered));
    assert_eq!(slots[0].market_wh(), None);
}

#[test]
fn a_new_meter_goes_on_where_the_old_one_ended() {
    let serial = |sample: Sample, serial: &str| Sample { serial: Some(serial.into()), ..sample };
    let before = (0..=40).map(|n| serial(steady(n * 10), "old"));
    let after = (41..=181).map(|n| serial(sample(n * 10, 77_000_000_000 + n * 10_000, 0), "new"));
    let slots = run(before.chain(after));
    assert_eq!(summary(&slots), [(0, wh(890), Quality::Recovered), (900, wh(900), Quality::Measured)]);
    assert_eq!(slots[1].market_wh(), Some((WattHours::new(900), WattHours::ZERO)));
}

#[test]
fn a_border_at_which_the_meter_was_replaced_has_no_register() {
    let before = (0..=89).map(|n| Sample { serial: Some("old".into()), ..steady(n * 10) });
    let new = |n: i64| sample(n * 10 + 5, 77_000_000_000 + n * 10_000, 0);
    let after = (90..=185).map(|n| Sample { serial: Some("new".into()), ..new(n) });
    let slots = run(before.chain(after));
    assert_eq!((slots[0].borders.import_end, slots[1].borders.import_start), (None, None));
    assert_eq!((slots[0].quality, slots[1].quality), (Quality::Recovered, Quality::Recovered));
    assert_eq!(slots.iter().filter_map(|slot| slot.market_wh()).count(), 0);
}

#[test]
fn a_meter_replaced_at_night_is_believed_in_both_registers() {
    // Its export register stands at zero until the sun rises: it would be held for hours on its own.
    let before = (0..=40).map(|n| steady(n * 10));
    let after = (41..=181).map(|n| sample(n * 10, (n - 41) * 10_000, 0));
    let mut meter = SlotMeter::new(settings());
    let events = push_all(&mut meter, before.chain(after));
    assert_eq!(
        summary(&slots(&events)),
        [(0, wh(890), Quality::Recovered), (900, wh(900), Quality::Measured)]
    );
    let resets: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            IntervalEvent::Counter { quantity, event } => Some((*quantity, event.kind.word(), event.at)),
            _ => None,
        })
        .collect();
    assert_eq!(resets, [(Quantity::Import, "reset", time(410)), (Quantity::Export, "reset", time(410))]);
}

#[test]
fn slots_that_are_stored_for_good_do_not_come_again_after_a_restart() {
    let (mut meter, replayed) = SlotMeter::resume(settings(), time(1800), &[0, 10].map(steady));
    assert_eq!(replayed, []);
    assert_eq!(summary(&slots(&meter.push(&steady(2700)))), [(1800, wh(900), Quality::Recovered)]);
}

#[test]
fn a_meter_without_an_export_register_sells_nothing() {
    let import_only = |second| Sample { export: None, ..steady(second) };
    let slots = run((0..=31).map(|n| import_only(n * 30)));
    assert_eq!((slots[0].import, slots[0].export, slots[0].quality), (wh(900), None, Quality::Measured));
    assert_eq!(slots[0].market_wh(), Some((WattHours::new(900), WattHours::ZERO)));
}

#[test]
fn a_register_that_falls_silent_is_waited_for_and_then_partial() {
    let mut meter = SlotMeter::new(settings());
    push_all(&mut meter, (0..=10).map(|n| steady(n * 30)));
    let silent = (11..=40).map(|n| Sample { export: None, ..steady(n * 30) });
    assert_eq!(slots(&push_all(&mut meter, silent)), []);
    let flushed = slots(&meter.flush_until(time(1000)));
    assert_eq!(summary(&flushed), [(0, wh(900), Quality::Partial)]);
    let back = slots(&meter.push(&steady(1230)));
    assert_eq!(summary(&back), [(0, wh(900), Quality::Recovered)]);
}

#[test]
fn a_negative_register_is_out_of_range() {
    let mut meter = SlotMeter::new(settings());
    let events = meter.push(&sample(0, -5, 0));
    assert!(matches!(events[..], [IntervalEvent::Rejected { reason: RejectReason::OutOfRange, .. }]));
}

#[test]
fn a_clock_that_was_not_set_does_not_flood_the_house_with_slots() {
    let mut meter = SlotMeter::new(settings());
    meter.push(&Sample { at: Timestamp::from_seconds(5), ..steady(0) });
    assert!(meter.flush_until(time(0)).len() <= 366 * 96);
    let events = push_all(&mut meter, [0, 880, 900].map(steady));
    assert_eq!(summary(&slots(&events)), [(0, wh(900), Quality::Measured)]);
}

fn power_only(second: i64, watts: i64) -> Sample {
    Sample { at: time(second), power: Some(Power::from_watts(watts)), ..Sample::default() }
}

#[test]
fn a_meter_that_shows_power_alone_is_integrated() {
    let slots = run((0..=100).map(|n| power_only(n * 10, if n < 45 { 3600 } else { -7200 })));
    let slot = &slots[0];
    assert_eq!((slot.method, slot.quality), (Method::Integral, Quality::Measured));
    // 440 s at 3.6 kW, a ramp through zero of 10 s, 450 s at -7.2 kW.
    let ramp = Energy::from_milliwatt_hours(3_600_000 / 2 * 10 / 3 / 3600);
    assert_eq!(slot.import, Some(Energy::from_watt_hours(440) + ramp));
    let ramp = Energy::from_milliwatt_hours(7_200_000 / 2 * 20 / 3 / 3600);
    assert_eq!(slot.export, Some(Energy::from_watt_hours(900) + ramp));
    assert_eq!(slot.market_wh(), None);
}

#[test]
fn a_pause_in_power_is_a_gap_and_no_ramp() {
    let slots = run([0, 10, 20, 2000, 2010, 2020, 2700].map(|second| power_only(second, 3600)));
    assert_eq!(
        summary(&slots),
        [(0, wh(20), Quality::Partial), (900, None, Quality::Missing), (1800, wh(20), Quality::Partial)]
    );
}

#[test]
fn power_beyond_the_fuse_is_not_integrated() {
    let mut meter = SlotMeter::new(settings());
    let mut events =
        push_all(&mut meter, (0..=90).map(|n| power_only(n * 10, if n == 30 { 2_147_483 } else { 3600 })));
    assert!(matches!(
        events.remove(0),
        IntervalEvent::Rejected { quantity: Quantity::Power, reason: RejectReason::OutOfRange, .. }
    ));
    assert_eq!(summary(&slots(&events)), [(0, wh(900), Quality::Measured)]);
}

#[test]
fn slots_may_be_shorter_for_diagnosis() {
    let mut meter = SlotMeter::new(SlotSettings { length_s: 60, ..settings() });
    let slots = slots(&push_all(&mut meter, (0..=12).map(|n| steady(n * 10))));
    assert_eq!(summary(&slots), [(0, wh(60), Quality::Measured), (60, wh(60), Quality::Measured)]);
    assert_eq!(slots[0].seconds, 60);
    assert!(slots[0].slot().is_none());
}

/// A meter read at random times, with pauses: seconds since the one before, and mWh counted in them.
fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let step = (prop_oneof![8 => 1_i64..29, 1 => 31_i64..4000], 0_i64..12_000, 0_i64..12_000);
    proptest::collection::vec(step, 2..300).prop_map(|steps| {
        let (mut second, mut import, mut export) = (0, 1_234_567_891, 7_654_321);
        let next = |(seconds, imported, exported): (i64, i64, i64)| {
            second += seconds;
            import += imported * seconds;
            export += exported * seconds;
            sample(second, import, export)
        };
        steps.into_iter().map(next).collect()
    })
}

/// Pushes a last sample a slot later, so that every slot with energy is given, and one on its border.
fn closing(samples: &[Sample]) -> Sample {
    let last = samples.last().expect("a meter was read");
    let end = (last.at.seconds() / 900 + 1) * 900;
    Sample { at: Timestamp::from_seconds(end), ..last.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn slots_telescope_to_the_register(samples in samples(), flush: bool) {
        let mut meter = SlotMeter::new(settings());
        let mut given: std::collections::BTreeMap<Timestamp, SlotEnergy> = Default::default();
        for sample in samples.iter().chain([&closing(&samples)]) {
            let patience = if flush { meter.flush_until(sample.at) } else { Vec::new() };
            for slot in slots(&patience).into_iter().chain(slots(&meter.push(sample))) {
                given.insert(slot.start, slot);
            }
        }
        let (first, last) = (&samples[0], samples.last().unwrap());
        let import: Energy = given.values().filter_map(|slot| slot.import).sum();
        let export: Energy = given.values().filter_map(|slot| slot.export).sum();
        prop_assert_eq!(import, last.import.unwrap() - first.import.unwrap());
        prop_assert_eq!(export, last.export.unwrap() - first.export.unwrap());
        for slot in given.values().filter(|slot| slot.quality == Quality::Measured) {
            let registers = slot.borders.import_end.zip(slot.borders.import_start);
            prop_assert_eq!(slot.import, registers.map(|(end, start)| end - start));
        }
        let starts: Vec<_> = given.keys().map(|start| start.seconds()).collect();
        prop_assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == 900), "no slot is left out");
    }

    #[test]
    fn slots_come_in_order_and_once(samples in samples()) {
        let starts: Vec<_> = run(samples).iter().map(|slot| slot.start).collect();
        prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn market_watt_hours_telescope_over_measured_slots(samples in samples()) {
        for run in run(samples).chunk_by(|a, b| a.quality == b.quality) {
            if run[0].quality != Quality::Measured { continue }
            let sold: WattHours = run.iter().map(|slot| slot.market_wh().unwrap().0).sum();
            let (first, last) = (run[0].borders.import_start.unwrap(), run[run.len() - 1].borders.import_end.unwrap());
            prop_assert_eq!(sold, last.floor_watt_hours() - first.floor_watt_hours());
            prop_assert!(run.windows(2).all(|pair| pair[0].borders.import_end == pair[1].borders.import_start));
        }
    }

    #[test]
    fn a_restart_anywhere_loses_and_doubles_nothing(
        mut samples in samples(),
        cut: proptest::sample::Index,
        zeros in proptest::collection::vec(any::<proptest::sample::Index>(), 0..4),
    ) {
        for zero in zeros {
            let place = zero.index(samples.len()).max(1);
            samples[place].import = Some(Energy::ZERO);
        }
        let whole = run(samples.clone());
        let cut = cut.index(samples.len());
        let (mut before, mut given) = (SlotMeter::new(settings()), std::collections::BTreeMap::new());
        let mut stored = Vec::new();
        for sample in &samples[..cut] {
            let events = before.push(sample);
            given.extend(slots(&events).into_iter().map(|slot| (slot.start, slot)));
            stored.push(accepted(sample, &events));
        }
        let first = Timestamp::from_seconds(samples[0].at.seconds() / 900 * 900);
        let from = given.keys().last().map_or(first, |last| *last + Duration::from_secs(900));
        // What is stored reaches back to a believed sample before `from`.
        let reach = stored.iter().rposition(|sample| sample.at <= from && sample.import.is_some()).unwrap_or(0);
        let (mut after, replayed) = SlotMeter::resume(settings(), from, &stored[reach..]);
        let rest = push_all(&mut after, samples[cut..].iter().cloned());
        for slot in slots(&replayed).into_iter().chain(slots(&rest)) {
            prop_assert!(given.insert(slot.start, slot).is_none(), "doubled");
        }
        prop_assert_eq!(given.into_values().collect::<Vec<_>>(), whole);
    }

    #[test]
    fn hostile_samples_do_not_panic_and_slots_stay_within_the_fuse(
        values in proptest::collection::vec((1_i64..5000, any::<Option<i64>>(), 0_i64..90_000_000), 1..60),
    ) {
        let mut meter = SlotMeter::new(settings());
        let mut second = 0;
        for (step, import, export) in values {
            second += step;
            let import = import.map(Energy::from_milliwatt_hours);
            for slot in slots(&meter.push(&Sample { import, ..sample(second, 0, export) })) {
                // 43 kW x 1.2 x 15 min, and two steps of the counter at each sample.
                for energy in [slot.import, slot.export].into_iter().flatten() {
                    prop_assert!(!energy.is_negative() && energy <= Energy::from_watt_hours(12_900 + 20 * 60));
                }
            }
        }
    }
}
