//! Modbus frames, serial and TCP: whatever comes, nothing panics, and values come only from a frame that is
//! the answer to the request.
#![no_main]

mod shared;

use drivers::frame::{Answer, Function, Request, diagnose_rtu, find_rtu, find_tcp, late_rtu};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [first, second, kind, rest @ ..] = data else { return };
    let Some(request) = request(*first, 0) else { return };
    let earlier: Vec<Request> =
        (0..second % 4).filter_map(|n| self::request(second.wrapping_add(n), u16::from(n))).collect();
    match kind % 4 {
        0 => serial(&request, &earlier, rest),
        // Bytes that are right at their end get past the checksum.
        1 => serial(&request, &earlier, &sealed(rest)),
        // And so does a frame that begins right, amid the rest.
        2 => serial(&request, &earlier, &answered(&request, rest)),
        _ => tcp(&request, rest),
    }
});

/// Units 1 to 3, both functions, and lengths that are often alike.
fn request(seed: u8, address: u16) -> Option<Request> {
    let function = if seed & 1 == 0 { Function::HoldingRegisters } else { Function::InputRegisters };
    let count = [1, 2, 4, 10, 10, 60, 124, 125][usize::from(seed >> 1 & 7)];
    Request::new(1 + (seed >> 4) % 3, function, address, count)
}

fn sealed(bytes: &[u8]) -> Vec<u8> {
    [bytes, &shared::modbus(bytes).to_le_bytes()].concat()
}

/// Returns an answer whose values, noise and successor are taken from the bytes.
fn answered(request: &Request, bytes: &[u8]) -> Vec<u8> {
    let (noise, bytes) = bytes.split_at(bytes.len().min(5));
    let (values, after) = bytes.split_at(bytes.len().min(2 * usize::from(request.count())));
    let mut frame = vec![request.unit, request.function.code(), 2 * request.count() as u8];
    frame.extend(values);
    [noise, &sealed(&frame), after].concat()
}

fn serial(request: &Request, earlier: &[Request], window: &[u8]) {
    if let Some(found) = find_rtu(request, earlier, window) {
        assert!(found.late <= earlier.len() && found.junk <= window.len());
        let frame = match &found.answer {
            Answer::Registers(words) => {
                assert_eq!(words.len(), usize::from(request.count()));
                let mut frame = vec![request.unit, request.function.code(), 2 * request.count() as u8];
                frame.extend(words.iter().flat_map(|word| word.to_be_bytes()));
                frame
            }
            Answer::Exception(code) => vec![request.unit, request.function.code() | 0x80, *code],
        };
        let frame = sealed(&frame);
        assert!(window.windows(frame.len()).any(|part| part == frame), "an answer that nobody sent");
    }
    assert!(late_rtu(earlier, window) <= earlier.len());
    diagnose_rtu(request, window);
}

fn tcp(request: &Request, stream: &[u8]) {
    let mut rest = stream;
    while let Ok(Some(frame)) = find_tcp(rest) {
        assert!((9..=rest.len()).contains(&frame.length));
        let transaction = u16::from_be_bytes([rest[0], rest[1]]);
        assert_eq!(frame.transaction, transaction);
        if let Ok(Answer::Registers(words)) = frame.answer(request, transaction) {
            assert_eq!(words.len(), usize::from(request.count()));
            assert_eq!((rest[6], rest[7]), (request.unit, request.function.code()));
        }
        assert!(frame.answer(request, transaction.wrapping_add(1)).is_err(), "another transaction's");
        rest = &rest[frame.length..];
    }
}
