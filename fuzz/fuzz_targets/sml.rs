//! SML frames: whatever comes, nothing panics, and pieces give the same as the whole.
#![no_main]

mod shared;

use libfuzzer_sys::fuzz_target;
use metering::{decode_sml, profile, sml::Parser};
use units::Timestamp;

const START: [u8; 8] = [0x1B, 0x1B, 0x1B, 0x1B, 0x01, 0x01, 0x01, 0x01];

fuzz_target!(|data: &[u8]| {
    let [kind, piece, rest @ ..] = data else { return };
    match kind % 3 {
        0 => decode(rest, *piece),
        1 => decode(&sealed(rest), *piece),
        _ => decode(&changed(rest), *piece),
    }
});

/// Returns a frame around the bytes whose checksum is right.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut frame = START.to_vec();
    for group in body.chunks(4) {
        // Four escape bytes are written twice.
        if group == [0x1B; 4] {
            frame.extend([0x1B; 4]);
        }
        frame.extend(group);
    }
    let padding = (4 - frame.len() % 4) % 4;
    frame.extend(vec![0; padding]);
    frame.extend([0x1B, 0x1B, 0x1B, 0x1B, 0x1A, padding as u8]);
    let sum = shared::sml(&frame);
    frame.extend(sum.to_le_bytes());
    frame
}

/// Returns a real meter's messages with bytes replaced, each by its place and its new value.
fn changed(changes: &[u8]) -> Vec<u8> {
    let golden = profile("sml").and_then(|profile| profile.golden[0].bytes.as_deref()).unwrap_or_default();
    let frame: Vec<u8> =
        golden.split_whitespace().filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let padding = usize::from(frame[frame.len() - 3]);
    let mut body = frame[START.len()..frame.len() - 8 - padding].to_vec();
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % body.len().max(1);
        body[at] = change[2];
    }
    sealed(&body)
}

fn decode(bytes: &[u8], piece: u8) {
    let whole = decode_sml(bytes);
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
