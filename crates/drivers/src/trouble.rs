//! What goes wrong when a meter is read: a closed set of codes, and counters.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use metering::DecodeError;

use crate::frame::Fault;

/// The kinds of trouble. The words are the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    Timeout,
    Crc,
    ShortReply,
    WrongUnit,
    WrongFunction,
    Transaction,
    Exception,
    Closed,
    Busy,
    Permission,
    Garbage,
}

impl Code {
    /// Returns the word for it on paper and on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Crc => "crc",
            Self::ShortReply => "short_reply",
            Self::WrongUnit => "wrong_unit",
            Self::WrongFunction => "wrong_function",
            Self::Transaction => "transaction",
            Self::Exception => "exception",
            Self::Closed => "closed",
            Self::Busy => "busy",
            Self::Permission => "permission",
            Self::Garbage => "garbage",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The line is open, and nobody answered.
    Silent { waited: Duration },
    /// Something came that is not the answer.
    Fault(Fault),
    /// The device, or a gateway for it, answered with an exception.
    Exception(u8),
    /// Nothing listens on the port.
    Refused,
    /// The host cannot be reached.
    Unreachable(String),
    /// The other side ended the connection.
    HungUp,
    /// The other side ends each connection before it answers.
    HungUpAtOnce,
    /// There is no such serial port.
    Absent,
    /// The serial adapter was pulled out, or broke.
    Unplugged(String),
    /// Another program has the serial port.
    PortBusy,
    /// The user may not open the serial port.
    PermissionDenied,
    /// The port is there but does not take the line's settings, or is no serial port.
    Unusable(String),
    /// The line was taken by other units until the deadline.
    Crowded { waited: Duration },
    /// The bus was shut down.
    ShutDown,
    /// The line is open, and the meter that speaks by itself does not.
    Mute { waited: Duration },
    /// So many bytes came, and no telegram among them.
    Babble { bytes: usize },
    /// A telegram came that is not whole.
    Telegram(DecodeError),
    /// The device has no SunSpec chain.
    NoChain,
    /// The device's SunSpec chain has none of the profile's models, or not so many of them.
    NoModel,
}

impl Trouble {
    pub const fn code(&self) -> Code {
        match self {
            Self::Silent { .. } | Self::Fault(Fault::Silence) | Self::Mute { .. } => Code::Timeout,
            Self::Fault(Fault::Crc) | Self::Telegram(DecodeError::Crc) => Code::Crc,
            Self::Fault(Fault::ShortReply { .. }) | Self::Telegram(DecodeError::Truncated) => {
                Code::ShortReply
            }
            Self::Fault(Fault::WrongUnit { .. }) => Code::WrongUnit,
            Self::Fault(Fault::WrongFunction { .. }) => Code::WrongFunction,
            Self::Fault(Fault::Transaction { .. }) => Code::Transaction,
            Self::Fault(Fault::Garbage { .. })
            | Self::Babble { .. }
            | Self::Telegram(DecodeError::Malformed) => Code::Garbage,
            // It is what the device says to reads of what it does not have.
            Self::Exception(_) | Self::NoChain | Self::NoModel => Code::Exception,
            Self::PortBusy | Self::Crowded { .. } => Code::Busy,
            Self::PermissionDenied => Code::Permission,
            Self::Refused
            | Self::Unreachable(_)
            | Self::HungUp
            | Self::HungUpAtOnce
            | Self::Absent
            | Self::Unplugged(_)
            | Self::Unusable(_)
            | Self::ShutDown => Code::Closed,
        }
    }

    /// Returns whether only a person can end it, so that waiting is in vain.
    pub fn lasts(&self) -> bool {
        matches!(self, Self::PermissionDenied | Self::Unusable(_))
    }

    /// Returns whether there is no connection to ask over.
    pub fn is_disconnection(&self) -> bool {
        matches!(self.code(), Code::Closed | Code::Permission) || *self == Self::PortBusy
    }
}

/// What happened to a device's reads since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Readings that were asked for, and those that gave values.
    pub polls: u64,
    pub good: u64,
    /// Each request that failed, those made good by a retry included.
    pub trouble: BTreeMap<Code, u64>,
    /// Bytes of noise around good answers.
    pub junk: u64,
    /// Answers that came after they were given up, and were thrown away.
    pub late: u64,
    /// The adapter echoes requests.
    pub local_echo: bool,
    /// It answers in the other kind of frames than it was set up with: serial ones for Modbus TCP, or the reverse.
    pub other_frames: bool,
    /// The device takes only shorter reads than the profile's, or lacks registers.
    pub reduced_reads: bool,
}
