//! Modbus on the wire: builds read requests, and finds the one answer that belongs to a request.
//!
//! Pure. Everything that can be checked is: unit, function, byte count, and the CRC or the transaction id.
//! Only reading functions exist; there is no way to spell a write.

use crate::crc;

/// How many bytes of noise before a frame are tolerated. Floating lines and the turn-over of RS-485
/// drivers make 00 and FF bytes (libmodbus #304, eModbus #186); more than this is a different fault.
pub const JUNK_LIMIT: usize = 8;

/// The most registers that fit in one answer.
pub const MOST_REGISTERS: u16 = 125;

/// What a request reads. Modbus has functions that write; this program does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Function code 3.
    HoldingRegisters,
    /// Function code 4.
    InputRegisters,
}

impl Function {
    pub const fn code(self) -> u8 {
        match self {
            Self::HoldingRegisters => 3,
            Self::InputRegisters => 4,
        }
    }
}

/// A request to read registers of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub unit: u8,
    pub function: Function,
    pub address: u16,
    count: u16,
}

impl Request {
    /// Makes a request, or returns `None` if the count is not 1 to 125 or runs past register 65535.
    pub fn new(unit: u8, function: Function, address: u16, count: u16) -> Option<Self> {
        let fits = (1..=MOST_REGISTERS).contains(&count) && address.checked_add(count - 1).is_some();
        fits.then_some(Self { unit, function, address, count })
    }

    pub fn count(&self) -> u16 {
        self.count
    }

    fn pdu(&self) -> [u8; 5] {
        let ([a, b], [c, d]) = (self.address.to_be_bytes(), self.count.to_be_bytes());
        [self.function.code(), a, b, c, d]
    }

    /// Returns the frame for a serial line.
    pub fn rtu(&self) -> [u8; 8] {
        let mut frame = [0; 8];
        frame[0] = self.unit;
        frame[1..6].copy_from_slice(&self.pdu());
        let sum = crc::crc(&frame[..6]).to_le_bytes();
        frame[6..].copy_from_slice(&sum);
        frame
    }

    /// Returns the frame for Modbus TCP.
    pub fn tcp(&self, transaction: u16) -> [u8; 12] {
        let mut frame = [0; 12];
        frame[..2].copy_from_slice(&transaction.to_be_bytes());
        frame[5] = 6;
        frame[6] = self.unit;
        frame[7..].copy_from_slice(&self.pdu());
        frame
    }

    /// Returns whether a line that gets the frame of Modbus TCP as it is could take a part of it for a write.
    ///
    /// A gateway of serial frames passes on whatever comes. With transactions of [`next_transaction`] one part
    /// alone can pass for a whole request: the last eight bytes, which begin with a zero of the length, the
    /// address of all, and its six, the function that writes a register, where the count happens to be the
    /// checksum of what is before it.
    pub fn resembles_a_write(&self) -> bool {
        let frame = self.tcp(0);
        crc::holds(&frame[4..])
    }

    /// Returns a read of the same place with another length.
    pub fn of_other_length(&self) -> Self {
        let count = if self.count == 1 { 2 } else { 1 };
        Self { count, address: self.address.min(u16::MAX - 1), ..*self }
    }

    /// Returns the length of the serial frame that answers with values.
    pub fn answer_length(&self) -> usize {
        5 + 2 * usize::from(self.count)
    }

    /// Returns whether an answer with values to one could be taken for an answer to the other:
    /// a serial answer names neither the address nor the request.
    pub fn resembles(&self, other: &Self) -> bool {
        (self.unit, self.function, self.count) == (other.unit, other.function, other.count)
    }

    /// Judges the part of an answer after the unit: function code, byte count, values.
    fn judge(&self, pdu: &[u8]) -> Result<Answer, Fault> {
        match *pdu {
            [code, exception] if code == self.function.code() | 0x80 => Ok(Answer::Exception(exception)),
            [code, bytes, ref values @ ..] if code == self.function.code() => {
                let wanted = 2 * usize::from(self.count);
                if usize::from(bytes) == wanted && values.len() == wanted {
                    Ok(Answer::Registers(words(values)))
                } else {
                    Err(Fault::ShortReply {
                        got: values.len().min(usize::from(bytes)) / 2,
                        wanted: self.count,
                    })
                }
            }
            [code, ..] if code & 0x7F != self.function.code() => Err(Fault::WrongFunction { got: code }),
            _ => Err(Fault::ShortReply { got: 0, wanted: self.count }),
        }
    }

    /// Returns the length of a serial answer to this request at the start of the bytes, values or exception.
    fn match_rtu(&self, bytes: &[u8]) -> Option<usize> {
        let length = match bytes {
            [unit, code, count, ..] if *unit == self.unit && *code == self.function.code() => {
                (u16::from(*count) == 2 * self.count).then(|| self.answer_length())
            }
            [unit, code, ..] if *unit == self.unit && *code == self.function.code() | 0x80 => Some(5),
            _ => None,
        }?;
        bytes.get(..length).filter(|frame| crc::holds(frame)).map(|_| length)
    }
}

/// What a device answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Registers(Vec<u16>),
    Exception(u8),
}

/// Why bytes are not an answer to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing came.
    Silence,
    /// A frame of the right form with a wrong checksum.
    Crc,
    /// Fewer registers than asked for, or another number.
    ShortReply {
        got: usize,
        wanted: u16,
    },
    WrongUnit {
        got: u8,
    },
    WrongFunction {
        got: u8,
    },
    /// An answer to a request that was never sent.
    Transaction {
        got: u16,
        wanted: u16,
    },
    /// Bytes without a frame in them.
    Garbage {
        bytes: usize,
    },
}

/// An answer found on a serial line, and what was around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub answer: Answer,
    /// Bytes of noise before and after the frame.
    pub junk: usize,
    /// The line gave our own request back first.
    pub echo: bool,
    /// How many answers to earlier requests came first; they are the oldest ones of `earlier`.
    pub late: usize,
}

/// Finds the answer to a request among the bytes that came since it was sent, on a serial line.
///
/// Skips the echo of the request, answers to earlier requests that were given up, and up to
/// [`JUNK_LIMIT`] bytes of noise before each. Returns `None` while there is no answer.
pub fn find_rtu(request: &Request, earlier: &[Request], window: &[u8]) -> Option<Found> {
    let (mut at, mut junk, echo) = skip_echo(request, window);
    let mut late = 0;
    'frames: loop {
        let rest = window.get(at..)?;
        for start in 0..=JUNK_LIMIT.min(rest.len()) {
            let candidate = &rest[start..];
            // The oldest question is answered first, so an earlier request is tried before our own
            // where it could be either.
            if let Some((skipped, length)) = match_earlier(&earlier[late..], candidate) {
                (late, at, junk) = (late + skipped, at + start + length, junk + start);
                continue 'frames;
            }
            if let Some(length) = request.match_rtu(candidate) {
                let answer = request.judge(&candidate[1..length - 2]).ok()?;
                junk += start + candidate.len() - length;
                return Some(Found { answer, junk, echo, late });
            }
        }
        return None;
    }
}

/// Returns how many of some earlier requests are over with an answer among bytes that came unasked.
pub fn late_rtu(earlier: &[Request], bytes: &[u8]) -> usize {
    let starts = (0..bytes.len()).filter_map(|start| match_earlier(earlier, &bytes[start..]));
    starts.map(|(over, _)| over).next().unwrap_or(0)
}

/// Says why a window holds no answer, once waiting is over.
pub fn diagnose_rtu(request: &Request, window: &[u8]) -> Fault {
    let (at, _, _) = skip_echo(request, window);
    let rest = &window[at.min(window.len())..];
    if rest.is_empty() {
        return Fault::Silence;
    }
    let starts = || (0..=JUNK_LIMIT.min(rest.len())).map(|start| &rest[start..]);
    if let Some(frame) = starts().find_map(whole_frame) {
        return match frame[0] {
            unit if unit != request.unit => Fault::WrongUnit { got: unit },
            _ => request.judge(&frame[1..frame.len() - 2]).err().unwrap_or(Fault::Crc),
        };
    }
    let ours = |bytes: &&[u8]| {
        bytes.len() >= 2 && bytes[0] == request.unit && bytes[1] & 0x7F == request.function.code()
    };
    match starts().find(ours) {
        Some(frame) if frame[1] & 0x80 != 0 && frame.len() >= 5 => Fault::Crc,
        Some(frame) if frame[1] & 0x80 == 0 && frame.len() >= request.answer_length() => Fault::Crc,
        Some(frame) => Fault::ShortReply { got: frame.len().saturating_sub(5) / 2, wanted: request.count },
        // A frame whose first bytes were hit looks like nothing at all; its length gives it away.
        None if rest.len() == request.answer_length() => Fault::Crc,
        None => Fault::Garbage { bytes: rest.len() },
    }
}

/// Returns the transaction after another one. Its second byte is no function of Modbus, so that a line that gets
/// the frame as it is does not take it for one.
pub fn next_transaction(transaction: u16) -> u16 {
    transaction.wrapping_add(1) | 0x80
}

/// A frame of Modbus TCP at the start of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpFrame {
    pub transaction: u16,
    unit: u8,
    pdu: Vec<u8>,
    /// How many bytes of the stream it took.
    pub length: usize,
}

/// Takes a frame off the start of a stream: `None` while it is not complete.
pub fn find_tcp(stream: &[u8]) -> Result<Option<TcpFrame>, Fault> {
    let garbage = Fault::Garbage { bytes: stream.len() };
    if stream.iter().skip(2).take(2).any(|protocol| *protocol != 0) {
        return Err(garbage);
    }
    let Some((header, _)) = stream.split_first_chunk::<7>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    // Unit and at least two bytes; at most unit, function, count and 250 bytes of values.
    if !(3..=254).contains(&length) {
        return Err(garbage);
    }
    Ok(stream.get(7..6 + length).map(|pdu| TcpFrame {
        transaction: u16::from_be_bytes([header[0], header[1]]),
        unit: header[6],
        pdu: pdu.to_vec(),
        length: 6 + length,
    }))
}

impl TcpFrame {
    /// Returns the answer to a request, if this is one.
    pub fn answer(&self, request: &Request, transaction: u16) -> Result<Answer, Fault> {
        if self.transaction != transaction {
            return Err(Fault::Transaction { got: self.transaction, wanted: transaction });
        }
        if self.unit != request.unit {
            return Err(Fault::WrongUnit { got: self.unit });
        }
        request.judge(&self.pdu)
    }
}

/// Returns where the answer may start, the noise before the echo, and whether there was an echo.
fn skip_echo(request: &Request, window: &[u8]) -> (usize, usize, bool) {
    let sent = request.rtu();
    match (0..=JUNK_LIMIT).find(|start| window.get(*start..).is_some_and(|rest| rest.starts_with(&sent))) {
        Some(start) => (start + sent.len(), start, true),
        None => (0, 0, false),
    }
}

/// Returns how many earlier requests are over with the frame at the start, and its length.
fn match_earlier(earlier: &[Request], bytes: &[u8]) -> Option<(usize, usize)> {
    earlier.iter().enumerate().find_map(|(index, request)| {
        // An exception could be the answer to anything; the caller treats it with care.
        let length = request.match_rtu(bytes).filter(|length| *length == request.answer_length())?;
        Some((index + 1, length))
    })
}

/// Returns a frame with a right checksum at the start of the bytes, as long as it says it is.
fn whole_frame(bytes: &[u8]) -> Option<&[u8]> {
    let length = match bytes {
        [_, code, ..] if code & 0x80 != 0 => 5,
        [_, _, count, ..] => 5 + usize::from(*count),
        _ => return None,
    };
    bytes.get(..length).filter(|frame| crc::holds(frame))
}

fn words(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
