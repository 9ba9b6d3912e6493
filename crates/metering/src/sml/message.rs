//! The messages of a frame, taken apart without knowing their kinds.

use crate::telegram::DecodeError;

/// How deep lists lie in each other at most; real messages reach six.
const DEEPEST: u8 = 16;

/// The kind of message that carries a meter's values.
const GET_LIST_RESPONSE: u32 = 0x0701;

/// Splits a frame into messages, checks the checksum of each, and returns those with values, their
/// checksums written as `sml-rs` expects them.
///
/// The checksum is CRC-16/X-25, at Holley's DTZ541 the Kermit of the same polynomial.
pub(super) fn with_values(mut frame: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut messages = Vec::new();
    // Zeros between messages and after the last one only fill.
    while let Some(begin) = frame.iter().position(|byte| *byte != 0) {
        frame = &frame[begin..];
        let (message, kind, rest) = message(frame)?;
        if kind == GET_LIST_RESPONSE {
            messages.push(message);
        }
        frame = rest;
    }
    Ok(messages)
}

/// Takes a list of six: transaction, group, abort, body, checksum, end.
fn message(bytes: &[u8]) -> Result<(Vec<u8>, u32, &[u8]), DecodeError> {
    let malformed = || DecodeError::Malformed;
    let (element, mut at) = element(bytes, 0).ok_or_else(malformed)?;
    if element != Element::List(6) {
        return Err(DecodeError::Malformed);
    }
    for _ in 0..3 {
        at = skip(bytes, at, DEEPEST).ok_or_else(malformed)?;
    }
    let kind = kind(bytes, at).ok_or_else(malformed)?;
    let body_end = skip(bytes, at, DEEPEST).ok_or_else(malformed)?;
    let (sum, end) = unsigned(bytes, body_end).ok_or_else(malformed)?;
    if bytes.get(end) != Some(&0) {
        return Err(DecodeError::Malformed);
    }
    let body = &bytes[..body_end];
    let [x25, kermit] = [crc16(body, 0xFFFF) ^ 0xFFFF, crc16(body, 0)].map(u16::swap_bytes);
    if sum != u32::from(x25) && sum != u32::from(kermit) {
        return Err(DecodeError::Crc);
    }
    let [high, low] = x25.to_be_bytes();
    let message = [body, &[0x63, high, low, 0]].concat();
    Ok((message, kind, &bytes[end + 1..]))
}

/// Returns the kind of a message's body: the first of its two elements.
fn kind(bytes: &[u8], at: usize) -> Option<u32> {
    match element(bytes, at)? {
        (Element::List(2), at) => unsigned(bytes, at).map(|(kind, _)| kind),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    /// So many elements follow.
    List(usize),
    /// So many bytes follow.
    Plain { kind: u8, bytes: usize },
}

/// Reads the type and length of the element at a place; returns where its content begins.
fn element(bytes: &[u8], start: usize) -> Option<(Element, usize)> {
    let first = *bytes.get(start)?;
    let kind = first >> 4 & 0b111;
    let mut length = usize::from(first & 0x0F);
    let mut at = start + 1;
    let mut more = first & 0x80 != 0;
    while more {
        let next = *bytes.get(at)?;
        length = length.checked_mul(16)?.checked_add(usize::from(next & 0x0F))?;
        more = next & 0x80 != 0;
        at += 1;
    }
    if kind == 0b111 {
        return Some((Element::List(length), at));
    }
    // The length of a plain element counts the bytes in which it stands itself.
    Some((Element::Plain { kind, bytes: length.checked_sub(at - start)? }, at))
}

/// Returns where the element at a place ends.
fn skip(bytes: &[u8], start: usize, depth: u8) -> Option<usize> {
    match element(bytes, start)? {
        (Element::Plain { bytes: length, .. }, at) => {
            at.checked_add(length).filter(|end| *end <= bytes.len())
        }
        (Element::List(elements), mut at) => {
            let depth = depth.checked_sub(1)?;
            // Each element takes a byte at least, so a false count ends at the end of the bytes.
            for _ in 0..elements {
                at = skip(bytes, at, depth)?;
            }
            Some(at)
        }
    }
}

fn unsigned(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    match element(bytes, at)? {
        (Element::Plain { kind: 0b110, bytes: length @ 1..=4 }, at) => {
            let digits = bytes.get(at..at + length)?;
            Some((digits.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)), at + length))
        }
        _ => None,
    }
}

/// Returns the remainder by the polynomial 0x1021, bits reflected.
fn crc16(bytes: &[u8], start: u16) -> u16 {
    bytes.iter().fold(start, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
}
