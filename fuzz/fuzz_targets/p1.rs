//! P1 telegrams: whatever comes, nothing panics, and pieces give the same as the whole.
#![no_main]

mod shared;

use libfuzzer_sys::fuzz_target;
use metering::{decode_p1, p1::Parser, profile};
use units::Timestamp;

fuzz_target!(|data: &[u8]| {
    let [kind, piece, rest @ ..] = data else { return };
    match kind % 3 {
        0 => decode(rest, *piece),
        1 => decode(&sealed(rest), *piece),
        _ => decode(&changed(rest), *piece),
    }
});

/// Returns a telegram whose lines are the bytes, and whose checksum is right.
fn sealed(lines: &[u8]) -> Vec<u8> {
    let mut telegram = [b"/ISK5\\2M550T-1013\r\n\r\n", lines, b"\r\n!"].concat();
    let sum = shared::p1(&telegram);
    telegram.extend(format!("{sum:04X}\r\n").bytes());
    telegram
}

/// Returns a real meter's telegram with bytes replaced, each by its place and its new value.
fn changed(changes: &[u8]) -> Vec<u8> {
    let golden = profile("p1").and_then(|profile| profile.golden[0].telegram.as_deref()).unwrap_or_default();
    let mut telegram: Vec<u8> =
        golden.lines().flat_map(|line| [line, "\r\n"]).flat_map(str::bytes).collect();
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % telegram.len().max(1);
        telegram[at] = change[2];
    }
    // The checksum of what it is now.
    if let Some(mark) = telegram.iter().rposition(|byte| *byte == b'!') {
        let sum = shared::p1(&telegram[..=mark]);
        telegram.truncate(mark + 1);
        telegram.extend(format!("{sum:04X}\r\n").bytes());
    }
    telegram
}

fn decode(bytes: &[u8], piece: u8) {
    let whole = decode_p1(bytes);
    let mut parser = Parser::new();
    let mut pieces = Vec::new();
    for part in bytes.chunks(usize::from(piece).max(1)) {
        pieces.extend(parser.push(part));
    }
    pieces.extend(parser.finish());
    assert_eq!(whole, pieces);
    for telegram in whole.iter().flatten() {
        telegram.sample(Timestamp::default());
    }
}
