//! What a frame may be, by example and by law.

use proptest::prelude::*;

use super::*;

fn request(count: u16) -> Request {
    Request::new(1, Function::InputRegisters, 0x34, count).unwrap()
}

fn answer(request: &Request, values: &[u16]) -> Vec<u8> {
    let mut frame = vec![request.unit, request.function.code(), 2 * values.len() as u8];
    frame.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    seal(frame)
}

fn seal(mut frame: Vec<u8>) -> Vec<u8> {
    let sum = crc::crc(&frame).to_le_bytes();
    frame.extend(sum);
    frame
}

fn found(request: &Request, window: &[u8]) -> Option<Vec<u16>> {
    match find_rtu(request, &[], window)?.answer {
        Answer::Registers(values) => Some(values),
        Answer::Exception(_) => None,
    }
}

/// The example of the SDM630's manual: read total power, two registers from 0x34.
#[test]
fn requests_look_like_the_manual_says() {
    let manual = Request::new(1, Function::InputRegisters, 0, 2).unwrap();
    assert_eq!(manual.rtu(), [0x01, 0x04, 0x00, 0x00, 0x00, 0x02, 0x71, 0xCB]);
    assert_eq!(manual.tcp(0x0102), [1, 2, 0, 0, 0, 6, 1, 4, 0, 0, 0, 2]);
}

#[test]
fn a_request_has_1_to_125_registers_inside_the_map() {
    let new = |address, count| Request::new(1, Function::InputRegisters, address, count);
    assert!(new(0, 0).is_none() && new(0, 126).is_none() && new(65535, 2).is_none());
    assert!(new(0, 125).is_some() && new(65535, 1).is_some());
}

#[test]
fn an_answer_is_found_between_noise() {
    let window = [&[0xFF, 0x00, 0x00][..], &answer(&request(2), &[7, 8]), &[0, 0, 0]].concat();
    let found = find_rtu(&request(2), &[], &window).unwrap();
    assert_eq!(found, Found { answer: Answer::Registers(vec![7, 8]), junk: 6, echo: false, late: 0 });
}

#[test]
fn more_noise_than_a_line_makes_is_not_searched() {
    let window = [&[0; JUNK_LIMIT + 1][..], &answer(&request(2), &[7, 8])].concat();
    assert_eq!(find_rtu(&request(2), &[], &window), None);
}

#[test]
fn the_echo_of_the_request_is_skipped_and_told() {
    let window = [&request(2).rtu()[..], &answer(&request(2), &[7, 8])].concat();
    let found = find_rtu(&request(2), &[], &window).unwrap();
    assert_eq!((found.answer, found.echo), (Answer::Registers(vec![7, 8]), true));
    assert_eq!(find_rtu(&request(2), &[], &request(2).rtu()), None);
}

#[test]
fn an_answer_to_an_earlier_request_is_passed_over() {
    let window = [answer(&request(4), &[1, 2, 3, 4]), answer(&request(2), &[7, 8])].concat();
    let found = find_rtu(&request(2), &[request(6), request(4)], &window).unwrap();
    assert_eq!((found.answer, found.late), (Answer::Registers(vec![7, 8]), 2));
}

#[test]
fn an_answer_that_could_be_to_either_request_is_the_earlier_ones() {
    assert_eq!(find_rtu(&request(2), &[request(2)], &answer(&request(2), &[7, 8])), None);
}

#[test]
fn exceptions_are_answers() {
    let window = seal(vec![1, 0x84, 2]);
    assert_eq!(find_rtu(&request(2), &[], &window).unwrap().answer, Answer::Exception(2));
}

#[test]
fn each_fault_on_a_line_has_its_name() {
    let good = answer(&request(2), &[7, 8]);
    let with = |index: usize, value: u8| {
        let mut frame = good[..good.len() - 2].to_vec();
        frame[index] = value;
        seal(frame)
    };
    let mut flipped = good.clone();
    flipped[4] ^= 1;
    for (window, fault) in [
        (vec![], Fault::Silence),
        (request(2).rtu().to_vec(), Fault::Silence),
        (flipped, Fault::Crc),
        (good[..6].to_vec(), Fault::ShortReply { got: 0, wanted: 2 }),
        (answer(&request(2), &[7]), Fault::ShortReply { got: 1, wanted: 2 }),
        (with(0, 9), Fault::WrongUnit { got: 9 }),
        (with(1, 3), Fault::WrongFunction { got: 3 }),
        (vec![0xAA; 30], Fault::Garbage { bytes: 30 }),
    ] {
        assert_eq!(find_rtu(&request(2), &[], &window), None, "{window:02x?}");
        assert_eq!(diagnose_rtu(&request(2), &window), fault, "{window:02x?}");
    }
}

fn tcp(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let length = (pdu.len() as u16 + 1).to_be_bytes();
    [&transaction.to_be_bytes()[..], &[0, 0], &length, &[unit], pdu].concat()
}

#[test]
fn each_fault_on_tcp_has_its_name() {
    let good = [4, 4, 0, 7, 0, 8];
    let judge = |stream: &[u8]| find_tcp(stream).and_then(|frame| frame.unwrap().answer(&request(2), 5));
    assert_eq!(judge(&tcp(5, 1, &good)), Ok(Answer::Registers(vec![7, 8])));
    assert_eq!(judge(&tcp(5, 1, &[0x84, 11])), Ok(Answer::Exception(11)));
    assert_eq!(judge(&tcp(6, 1, &good)), Err(Fault::Transaction { got: 6, wanted: 5 }));
    assert_eq!(judge(&tcp(5, 2, &good)), Err(Fault::WrongUnit { got: 2 }));
    assert_eq!(judge(&tcp(5, 1, &[3, 4, 0, 7, 0, 8])), Err(Fault::WrongFunction { got: 3 }));
    assert_eq!(judge(&tcp(5, 1, &[4, 2, 0, 7])), Err(Fault::ShortReply { got: 1, wanted: 2 }));
    assert_eq!(judge(&tcp(5, 1, &[4, 4, 0, 7])), Err(Fault::ShortReply { got: 1, wanted: 2 }));
    assert!(matches!(find_tcp(&[9; 9]), Err(Fault::Garbage { .. })));
    assert!(matches!(find_tcp(&tcp(5, 1, &[0; 300])), Err(Fault::Garbage { .. })));
    assert_eq!(find_tcp(&tcp(5, 1, &good)[..10]), Ok(None));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), count in 1u16..=125) {
        let _ = find_rtu(&request(count), &[request(2)], &bytes);
        let _ = diagnose_rtu(&request(count), &bytes);
        if let Ok(Some(frame)) = find_tcp(&bytes) {
            let _ = frame.answer(&request(count), 7);
        }
    }

    #[test]
    fn bytes_that_look_like_a_frame_never_panic(
        head in prop::sample::select(vec![vec![1, 4], vec![1, 0x84], vec![1, 4, 4], vec![0, 1, 0, 0, 0]]),
        tail in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let bytes = [head, tail].concat();
        let _ = (find_rtu(&request(2), &[request(2)], &bytes), diagnose_rtu(&request(2), &bytes), find_tcp(&bytes));
    }

    /// CRC-16 finds each burst of up to 16 bits; whatever else is found must be the true values.
    #[test]
    fn a_corrupted_frame_never_passes(
        values in prop::collection::vec(any::<u16>(), 1..60),
        place in any::<prop::sample::Index>(),
        burst in 1u16..,
    ) {
        let request = request(values.len() as u16);
        let mut frame = answer(&request, &values);
        let at = place.index(frame.len() - 1);
        let hit = u16::from_be_bytes([frame[at], frame[at + 1]]) ^ burst;
        frame[at..at + 2].copy_from_slice(&hit.to_be_bytes());
        prop_assert_eq!(found(&request, &frame), None);
    }

    #[test]
    fn a_cut_frame_never_passes(values in prop::collection::vec(any::<u16>(), 1..60), cut in any::<prop::sample::Index>()) {
        let request = request(values.len() as u16);
        let frame = answer(&request, &values);
        prop_assert_eq!(found(&request, &frame[..cut.index(frame.len())]), None);
    }

    #[test]
    fn noise_around_a_frame_does_not_change_it(
        values in prop::collection::vec(any::<u16>(), 1..60),
        before in prop::collection::vec(prop::sample::select(vec![0u8, 0xFF]), 0..=JUNK_LIMIT),
        after in prop::collection::vec(any::<u8>(), 0..=JUNK_LIMIT),
        echo in any::<bool>(),
    ) {
        let request = request(values.len() as u16);
        let sent = if echo { request.rtu().to_vec() } else { vec![] };
        let window = [sent, before, answer(&request, &values), after].concat();
        prop_assert_eq!(found(&request, &window), Some(values));
    }

    #[test]
    fn a_stream_in_pieces_gives_the_same_frames(values in prop::collection::vec(any::<u16>(), 1..60), cut in any::<prop::sample::Index>()) {
        let request = request(values.len() as u16);
        let pdu = &answer(&request, &values)[1..3 + 2 * values.len()];
        let stream = tcp(9, 1, pdu);
        prop_assert_eq!(find_tcp(&stream[..cut.index(stream.len())]).unwrap(), None);
        let frame = find_tcp(&stream).unwrap().unwrap();
        prop_assert_eq!(frame.length, stream.len());
        prop_assert_eq!(frame.answer(&request, 9), Ok(Answer::Registers(values)));
    }
}

/// What a line sees that gets frames of Modbus TCP as they are: every part with a right checksum.
fn parts_of_a_line(bytes: &[u8]) -> Vec<&[u8]> {
    let ends = |start: usize| (start + 4..=bytes.len()).map(move |end| (start, end));
    let parts = (0..bytes.len()).flat_map(ends).map(|(start, end)| &bytes[start..end]);
    parts.filter(|part| crc::holds(part)).collect()
}

#[test]
fn no_part_of_a_frame_of_modbus_tcp_is_a_write_on_a_serial_line() {
    const WRITES: [u8; 7] = [5, 6, 15, 16, 21, 22, 23];
    let mut transaction = 0;
    let mut odd = Vec::new();
    for unit in [0, 1, 2, 5, 6, 15, 16, 100, 247, 255] {
        for address in (0..=u16::MAX).step_by(61) {
            transaction = next_transaction(transaction);
            assert!(transaction & 0x80 != 0);
            let request = Request::new(unit, Function::InputRegisters, address, 2).unwrap();
            if request.resembles_a_write() {
                odd.push(request);
                assert!(!request.of_other_length().resembles_a_write());
                continue;
            }
            let frame = request.tcp(transaction);
            // The parts that are long enough for a write: eight bytes and more.
            let write =
                parts_of_a_line(&frame).into_iter().find(|part| part.len() >= 8 && WRITES.contains(&part[1]));
            assert_eq!(write, None, "{frame:02x?}");
        }
    }
    // One read in 16 million is one, and it is known.
    assert!(odd.iter().all(|request| crc::holds(&request.tcp(0)[4..])));
    let known = (0..=u16::MAX)
        .flat_map(|address| {
            (1..=125).filter_map(move |count| Request::new(1, Function::HoldingRegisters, address, count))
        })
        .find(Request::resembles_a_write);
    assert!(known.is_some(), "else there is nothing to guard against");
}
