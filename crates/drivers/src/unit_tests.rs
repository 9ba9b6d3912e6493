//! No value ever comes from the answer to another request.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::crc;
use crate::frame::{self, Answer, Function};

fn request(address: u16, count: u16) -> Request {
    Request::new(1, Function::InputRegisters, address, count).unwrap()
}

const SETTLE: Duration = Duration::from_secs(1);

#[test]
fn after_a_time_out_a_unit_gets_time_and_then_a_fence_of_another_length() {
    let start = Instant::now();
    let mut unit = Unit::default();
    assert_eq!(unit.step(&request(0, 10), start), Step::Ask);
    unit.give_up(request(0, 10), start, SETTLE);
    assert_eq!(unit.step(&request(0, 10), start), Step::Wait(start + SETTLE));
    assert_eq!(unit.step(&request(0, 10), start + SETTLE), Step::Fence(request(0, 2)));
    unit.give_up(request(0, 2), start + SETTLE, SETTLE);
    assert_eq!(unit.step(&request(0, 10), start + 2 * SETTLE), Step::Fence(request(0, 4)));
    unit.settle();
    assert_eq!(unit.step(&request(0, 10), start + 2 * SETTLE), Step::Ask);
}

#[test]
fn an_answer_that_comes_late_ends_the_wait() {
    let start = Instant::now();
    let mut unit = Unit::default();
    unit.give_up(request(0, 10), start, SETTLE);
    unit.hear_late(1);
    assert_eq!(unit.step(&request(0, 10), start), Step::Ask);
}

#[test]
fn where_the_device_refuses_fences_time_settles() {
    let start = Instant::now();
    let mut unit = Unit::default();
    unit.give_up(request(0, 2), start, Duration::ZERO);
    let Step::Fence(fence) = unit.step(&request(0, 2), start) else { panic!("a fence is due") };
    unit.refuse_fence(fence, start, SETTLE);
    assert_eq!(unit.step(&request(0, 2), start), Step::Wait(start + SETTLE));
    assert_eq!(unit.step(&request(0, 2), start + SETTLE), Step::Ask);
}

#[test]
fn a_dead_unit_rests_nine_times_as_long_as_it_took_on_a_shared_line() {
    let (start, spent) = (Instant::now(), Duration::from_secs(1));
    let dead = Trouble::Silent { waited: spent };
    let mut alone = Unit::default();
    let mut shared = Unit::default();
    for _ in 0..2 {
        alone.fail(&dead, spent, false, start);
        shared.fail(&dead, spent, true, start);
    }
    assert_eq!(alone.resting(start), None);
    assert_eq!(shared.resting(start + spent * 8), Some(&dead));
    assert_eq!(shared.resting(start + spent * 9), None);
}

/// A device that answers in order, each answer as late as it likes, some never. Its registers hold their
/// own address, so that an answer tells which request it is to.
#[derive(Default)]
struct Device {
    answers: VecDeque<(u64, Vec<u8>)>,
}

impl Device {
    fn take(&mut self, request: &Request, now: u64, delay: u64) {
        let mut frame = vec![1, 4, 2 * request.count() as u8];
        frame.extend((0..request.count()).flat_map(|offset| (request.address + offset).to_be_bytes()));
        let sum = crc::crc(&frame).to_le_bytes();
        frame.extend(sum);
        let not_before = self.answers.back().map_or(0, |(due, _)| *due);
        self.answers.push_back(((now + delay).max(not_before), frame));
    }

    fn give(&mut self, now: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some((_, frame)) = self.answers.pop_front_if(|(due, _)| *due <= now) {
            bytes.extend(frame);
        }
        bytes
    }
}

/// What becomes of one request: its delay in ms, if it is answered at all.
fn fates() -> impl Strategy<Value = Vec<(Option<u64>, u16, u16)>> {
    let delay =
        prop_oneof![3 => (0u64..100).prop_map(Some), 2 => (0u64..4000).prop_map(Some), 1 => Just(None)];
    prop::collection::vec((delay, 0u16..500, prop::sample::select(vec![2u16, 2, 4, 10, 30])), 1..60)
}

proptest! {
    #[test]
    fn however_late_answers_come_no_value_is_of_another_request(fates in fates(), timeout in 20u64..500) {
        let epoch = Instant::now();
        let at = |now: u64| epoch + Duration::from_millis(now);
        let (mut unit, mut device, mut now) = (Unit::default(), Device::default(), 0u64);
        for (delay, address, count) in fates {
            let wanted = request(address, count);
            let (asked, fence) = loop {
                match unit.step(&wanted, at(now)) {
                    Step::Ask => break (wanted, false),
                    Step::Fence(fence) => break (fence, true),
                    Step::Wait(until) => {
                        // The line is heard meanwhile, as the owner of the line does.
                        let wake = now.max((until - epoch).as_millis() as u64);
                        let next = device.answers.front().map_or(wake, |(due, _)| (*due).clamp(now, wake));
                        now = next.max(now + 1);
                        let skipped = frame::late_rtu(&unit.owed(), &device.give(now));
                        if skipped > 0 { unit.hear_late(skipped); }
                    }
                }
            };
            // What came while nobody waited is thrown away before a request.
            let early = device.give(now);
            let skipped = frame::late_rtu(&unit.owed(), &early);
            if skipped > 0 { unit.hear_late(skipped); }
            if let Some(delay) = delay { device.take(&asked, now, delay); }
            let mut window = Vec::new();
            let mut found = None;
            for tick in (0..=timeout).step_by(5) {
                window.extend(device.give(now + tick));
                found = frame::find_rtu(&asked, &unit.owed(), &window);
                if found.is_some() { now += tick; break; }
            }
            match found.map(|found| found.answer) {
                Some(Answer::Registers(values)) => {
                    let truth: Vec<u16> = (asked.address..asked.address + asked.count()).collect();
                    prop_assert_eq!(values, truth);
                    if fence { unit.settle(); }
                }
                Some(Answer::Exception(_)) => unreachable!("this device refuses nothing"),
                None => {
                    now += timeout;
                    let settle = if window.is_empty() { SETTLE } else { Duration::ZERO };
                    unit.give_up(asked, at(now), settle);
                }
            }
        }
    }
}
