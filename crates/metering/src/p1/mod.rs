//! P1, the customer port of smart meters in the Netherlands, Belgium, Luxembourg, Sweden, Austria, Hungary
//! and elsewhere: readable lines from `/` to `!`, with a checksum since version 4.
//!
//! Crates for P1 refuse most real telegrams over trifles. This parser takes what the checksum vouches for,
//! and nothing else: a telegram that is broken anywhere is dropped whole, and the search goes on at the
//! next `/`.

mod line;
mod time;

use crate::telegram::{DecodeError, Hints, Telegram, Values};

/// The longest telegram that is kept while its end is awaited. The longest real ones, with a year of
/// monthly peaks and four further meters, have about 2 KiB.
const LONGEST: usize = 8 * 1024;

/// How many bytes tell a telegram's beginning: `/`, a maker's three letters, and a digit for the speed or
/// a hyphen.
const HEADER: usize = 5;

/// Takes bytes as they come and gives telegrams.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    /// What came since the `/` of a telegram; empty between telegrams.
    buffer: Vec<u8>,
}

/// What the last line of a telegram says about its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checksum {
    None,
    Is(u16),
}

impl Parser {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes in pieces of any length, and returns the telegrams that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Result<Telegram, DecodeError>> {
        let mut telegrams = Vec::new();
        for byte in bytes {
            if self.buffer.is_empty() && *byte != b'/' {
                continue;
            }
            self.buffer.push(*byte);
            if self.buffer.len() == HEADER {
                self.drop_noise();
            }
            if *byte == b'\n' {
                self.end_line(&mut telegrams);
            } else if self.buffer.len() >= LONGEST {
                self.give_up(&mut telegrams);
            }
        }
        telegrams
    }

    /// Ends the input: a telegram that has begun is truncated, unless only its last line break is missing.
    pub fn finish(&mut self) -> Vec<Result<Telegram, DecodeError>> {
        let mut telegrams = Vec::new();
        if !self.buffer.is_empty() {
            self.end_line(&mut telegrams);
        }
        if !self.buffer.is_empty() {
            telegrams.extend(starts(&self.buffer).map(|_| Err(DecodeError::Truncated)));
            self.buffer.clear();
        }
        telegrams
    }

    /// Drops a `/` that begins no telegram, up to the next one.
    fn drop_noise(&mut self) {
        if !is_header(&self.buffer) {
            let next = self.buffer.iter().skip(1).position(|byte| *byte == b'/');
            self.buffer.drain(..next.map_or(self.buffer.len(), |next| next + 1));
        }
    }

    fn end_line(&mut self, telegrams: &mut Vec<Result<Telegram, DecodeError>>) {
        let before = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let begin = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let Some((mark, checksum)) = checksum(&self.buffer[begin..]) else {
            if self.buffer.len() >= LONGEST {
                self.give_up(telegrams);
            }
            return;
        };
        let end = begin + mark;
        match checksum {
            Ok(checksum) => telegrams.extend(decode(&self.buffer[..end], checksum)),
            Err(error) => telegrams.push(Err(error)),
        }
        self.buffer.clear();
    }

    /// Drops a telegram that does not end, and goes on at the next one that has begun inside it.
    fn give_up(&mut self, telegrams: &mut Vec<Result<Telegram, DecodeError>>) {
        telegrams.push(Err(DecodeError::Truncated));
        let next = starts(&self.buffer).nth(1);
        match next {
            Some(next) => drop(self.buffer.drain(..next)),
            None => self.buffer.clear(),
        }
    }
}

/// Decodes what a file or a recording holds.
pub fn decode_p1(bytes: &[u8]) -> Vec<Result<Telegram, DecodeError>> {
    let mut parser = Parser::new();
    let mut telegrams = parser.push(bytes);
    telegrams.extend(parser.finish());
    telegrams
}

/// Finds the `!` that ends a telegram in a line, its place and what follows it: nothing, or one to four
/// hexadecimal digits, since some meters leave out leading zeros.
fn checksum(line: &[u8]) -> Option<(usize, Result<Checksum, DecodeError>)> {
    let mark = line.iter().rposition(|byte| *byte == b'!')?;
    let rest = line[mark + 1..].trim_ascii_end();
    let read = match rest {
        [] => Ok(Checksum::None),
        digits if digits.len() <= 4 && digits.iter().all(u8::is_ascii_hexdigit) => {
            let digits = digits.iter().map(|digit| char::from(*digit).to_digit(16).unwrap_or(0));
            Ok(Checksum::Is(digits.fold(0, |sum, digit| sum << 4 | digit) as u16))
        }
        // In the middle of a line it is a text's own mark.
        _ if mark > 0 => return None,
        _ => Err(DecodeError::Malformed),
    };
    Some((mark, read))
}

/// Decodes from `/` up to the `!`.
///
/// A line may hold several beginnings: cables drop out, and the next telegram is glued to the rest of the
/// one before. The checksum tells which beginning belongs to the end.
fn decode(bytes: &[u8], checksum: Checksum) -> Vec<Result<Telegram, DecodeError>> {
    let starts: Vec<usize> = starts(bytes).collect();
    let whole = match checksum {
        Checksum::None => starts.last().copied(),
        // The mark itself is under the checksum.
        Checksum::Is(sum) => starts.iter().copied().find(|start| crc16(&bytes[*start..], sum)),
    };
    let before = starts.iter().filter(|start| whole.is_none_or(|whole| **start < whole)).count();
    let mut telegrams: Vec<_> = (0..before).map(|_| Err(DecodeError::Truncated)).collect();
    match whole {
        Some(start) => telegrams.push(telegram(&bytes[start..], checksum)),
        // The last beginning is the one whose end this was.
        None => {
            telegrams.pop();
            telegrams.push(Err(DecodeError::Crc));
        }
    }
    telegrams
}

/// Returns where telegrams begin.
fn starts(bytes: &[u8]) -> impl Iterator<Item = usize> {
    (0..bytes.len()).filter(|start| is_header(&bytes[*start..]))
}

fn is_header(bytes: &[u8]) -> bool {
    let Some([b'/', maker @ .., speed]) = bytes.get(..HEADER) else { return false };
    maker.iter().all(u8::is_ascii_alphanumeric) && (speed.is_ascii_digit() || *speed == b'-')
}

fn telegram(bytes: &[u8], checksum: Checksum) -> Result<Telegram, DecodeError> {
    // Makers put bytes beyond ASCII into names; they are no values.
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let mut values = Values::default();
    let mut lines = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        // Version 2 and 3 break the gas meter's value off to a line of its own.
        let continued = lines.next_if(|next| next.starts_with('(')).unwrap_or_default();
        match line::parse(line, continued) {
            Some((code, value)) => values.note(code, value),
            // Nothing vouches for the other lines of a telegram in which one is garbled.
            None if checksum == Checksum::None => return Err(DecodeError::Malformed),
            None => {}
        }
    }
    if checksum == Checksum::None {
        if values.is_empty() {
            return Err(DecodeError::Malformed);
        }
        if has_checksum(&values) {
            return Err(DecodeError::Crc);
        }
    }
    let meter_time = values.text("0-0:1.0.0").and_then(time::parse);
    Ok(Telegram::new(values, meter_time, &Hints::default()))
}

/// Tells whether a telegram is of a version with a checksum, so that its lack is a defect: Dutch ones from
/// version 4 and Belgian ones name their version, and none of the older ones tells the time.
fn has_checksum(values: &Values) -> bool {
    let dutch = values.text("1-3:0.2.8").is_some_and(|version| version >= "40");
    dutch || values.text("0-0:96.1.4").is_some() || values.text("0-0:1.0.0").is_some()
}

/// Tells whether the CRC-16/ARC of the bytes and the `!` after them is `sum`.
fn crc16(bytes: &[u8], sum: u16) -> bool {
    let step = |crc: u16, byte: &u8| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    };
    bytes.iter().chain(b"!").fold(0, step) == sum
}
