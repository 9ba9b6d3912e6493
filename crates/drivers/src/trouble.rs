//! What goes wrong when a meter is read: a closed set of codes, a sentence for people, and counters.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::endpoint::Endpoint;
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
}

impl Trouble {
    pub const fn code(&self) -> Code {
        match self {
            Self::Silent { .. } | Self::Fault(Fault::Silence) => Code::Timeout,
            Self::Fault(Fault::Crc) => Code::Crc,
            Self::Fault(Fault::ShortReply { .. }) => Code::ShortReply,
            Self::Fault(Fault::WrongUnit { .. }) => Code::WrongUnit,
            Self::Fault(Fault::WrongFunction { .. }) => Code::WrongFunction,
            Self::Fault(Fault::Transaction { .. }) => Code::Transaction,
            Self::Fault(Fault::Garbage { .. }) => Code::Garbage,
            Self::Exception(_) => Code::Exception,
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

/// A reading that failed: where, whom, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    pub endpoint: Endpoint,
    pub unit: u8,
    pub trouble: Trouble,
}

impl ReadError {
    pub fn code(&self) -> Code {
        self.trouble.code()
    }

    /// Says what happened and what it means.
    pub fn message(&self) -> String {
        let (unit, place) = (self.unit, self.endpoint.name());
        match &self.trouble {
            Trouble::Silent { waited } => format!(
                "No answer from unit {unit} on {place} within {} ms. The connection is open, but no device with this address speaks.",
                waited.as_millis()
            ),
            Trouble::Fault(fault) => self.fault(fault),
            Trouble::Exception(code) => self.exception(*code),
            Trouble::Refused => {
                format!(
                    "Nothing listens on {place}: the port is closed. The device is there, but its Modbus server is off or on another port."
                )
            }
            Trouble::Unreachable(why) => {
                format!(
                    "{place} cannot be reached ({why}). The device is off, or the network does not lead to it."
                )
            }
            Trouble::HungUp => format!(
                "{place} ended the connection. The device or the gateway restarted, or the network dropped it."
            ),
            Trouble::HungUpAtOnce => {
                format!(
                    "{place} ends each connection before it answers. Many devices serve one program only, so another program probably uses it."
                )
            }
            Trouble::Absent => format!(
                "There is no serial port {place}. The adapter is not plugged in, or has another name."
            ),
            Trouble::Unplugged(why) => {
                format!("The serial port {place} is gone ({why}). The adapter was pulled out or lost power.")
            }
            Trouble::PortBusy => format!(
                "Another program uses the serial port {place}. Two programs on one line would disturb each other."
            ),
            Trouble::PermissionDenied => format!(
                "You may not open the serial port {place}. Your user is not in the group that owns it."
            ),
            Trouble::Unusable(why) => format!("{place} cannot be used as a serial port ({why})."),
            Trouble::Crowded { waited } => format!(
                "The line {place} was taken by other units for {} ms. Unit {unit} was not asked.",
                waited.as_millis()
            ),
            Trouble::ShutDown => format!("The connection to {place} was closed by this program."),
        }
    }

    /// Says what to do.
    pub fn hint(&self) -> String {
        let place = self.endpoint.name();
        let serial = matches!(self.endpoint, Endpoint::Serial { .. });
        match &self.trouble {
            Trouble::Silent { .. } if self.endpoint.speaks_rtu() => {
                "Check the wires (A and B may be swapped), and the unit, baud rate and parity in the meter's menu.".into()
            }
            Trouble::Silent { .. } => "Check the unit number (some devices answer only 1, 126, 200, 240 or 255); a gateway that passes serial frames on needs --rtu-over-tcp.".into(),
            Trouble::Fault(Fault::WrongUnit { got }) => {
                format!("Check that no other program asks on this line, and that no two devices share an address; or try --unit {got}.")
            }
            Trouble::Fault(_) if self.endpoint.speaks_rtu() => {
                "Check the cable, its termination and the baud rate; see that nothing else speaks on the line.".into()
            }
            Trouble::Fault(_) => {
                "Check that the port speaks Modbus TCP; a gateway that passes serial frames on needs --rtu-over-tcp.".into()
            }
            Trouble::Exception(1..=3) => "Choose the profile that fits the device.".into(),
            Trouble::Exception(10 | 11) => "Check the unit number and the wires between the gateway and the meter.".into(),
            Trouble::Exception(5 | 6) => "Read less often, or wait until the device has done its work.".into(),
            Trouble::Exception(_) => "Restart the device; if it comes again, ask its maker.".into(),
            Trouble::Refused => "Switch on Modbus TCP in the device's settings, or check the port; it is usually 502.".into(),
            Trouble::Unreachable(_) => "Check the address, the power and the network cable.".into(),
            Trouble::HungUp => "Nothing to do if values come again; it is tried again by itself.".into(),
            Trouble::HungUpAtOnce => format!("End the other program that reads {place}, or let it pass the values on."),
            Trouble::Absent => "Plug the adapter in; `ls /dev/serial/by-id` lists what is there.".into(),
            Trouble::Unplugged(_) => "Plug it in again; reading goes on by itself.".into(),
            Trouble::PortBusy => format!("End the other program; `fuser {place}` names it."),
            Trouble::PermissionDenied => {
                "Add yourself to the group (`sudo usermod -aG dialout $USER`), then log out and in again.".into()
            }
            Trouble::Unusable(_) => "Name the port of the adapter, such as /dev/ttyUSB0.".into(),
            Trouble::Crowded { .. } => "Read less often, or give some of the meters a line of their own.".into(),
            Trouble::ShutDown if serial => "Open the port again.".into(),
            Trouble::ShutDown => "Connect again.".into(),
        }
    }

    fn fault(&self, fault: &Fault) -> String {
        let (unit, place) = (self.unit, self.endpoint.name());
        match fault {
            Fault::Silence => format!("No answer from unit {unit} on {place}."),
            Fault::Crc => {
                format!("The answer of unit {unit} on {place} was damaged on the way. It was thrown away.")
            }
            Fault::ShortReply { got, wanted } => {
                format!(
                    "Unit {unit} on {place} sent {got} of {wanted} registers. The answer was thrown away."
                )
            }
            Fault::WrongUnit { got } => format!(
                "Unit {got} answered on {place} where unit {unit} was asked. The answer was thrown away."
            ),
            Fault::WrongFunction { got } => {
                format!(
                    "{place} answered with function {got}, which was not asked for. The answer was thrown away."
                )
            }
            Fault::Transaction { got, wanted } => {
                format!(
                    "{place} answered request {got} where {wanted} was asked. The connection was made anew."
                )
            }
            Fault::Garbage { bytes } => {
                format!("{place} sent {bytes} bytes that are no Modbus. They were thrown away.")
            }
        }
    }

    fn exception(&self, code: u8) -> String {
        let (unit, place) = (self.unit, self.endpoint.name());
        match code {
            1 => format!(
                "Unit {unit} on {place} does not know this kind of read (exception 1). It is another device than the profile says."
            ),
            2 | 3 => format!(
                "Unit {unit} on {place} does not have the registers that were asked for (exception {code}). It is another device than the profile says."
            ),
            5 | 6 => format!(
                "Unit {unit} on {place} is busy (exception {code}), and was so each time it was asked."
            ),
            10 => format!(
                "The gateway {place} has no way to unit {unit} (exception 10). It does not know this device."
            ),
            11 => format!("The gateway {place} says that no device answers as unit {unit} (exception 11)."),
            _ => format!("Unit {unit} on {place} answered that it failed (exception {code})."),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.message(), self.hint())
    }
}

impl std::error::Error for ReadError {}

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
    /// The device takes only shorter reads than the profile's, or lacks registers.
    pub reduced_reads: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(endpoint: &str, trouble: Trouble) -> ReadError {
        ReadError { endpoint: endpoint.parse().unwrap(), unit: 3, trouble }
    }

    #[test]
    fn no_answer_no_device_and_no_port_are_three_sentences() {
        let silent = Trouble::Silent { waited: Duration::from_millis(600) };
        let said: Vec<String> = [silent, Trouble::Exception(11), Trouble::Refused]
            .into_iter()
            .map(|trouble| error("--tcp host:502", trouble).message())
            .collect();
        assert!(said[0].starts_with("No answer from unit 3 on host:502 within 600 ms."));
        assert!(said[1].starts_with("The gateway host:502 says that no device answers as unit 3"));
        assert!(said[2].starts_with("Nothing listens on host:502: the port is closed."));
    }

    #[test]
    fn denied_busy_and_absent_ports_are_three_sentences_with_their_fix() {
        for (trouble, code, happened, fix) in [
            (Trouble::PermissionDenied, Code::Permission, "may not open", "dialout"),
            (Trouble::PortBusy, Code::Busy, "Another program", "fuser /dev/ttyUSB0"),
            (Trouble::Absent, Code::Closed, "no serial port", "/dev/serial/by-id"),
        ] {
            let error = error("--serial /dev/ttyUSB0", trouble);
            assert_eq!(error.code(), code);
            assert!(error.message().contains(happened) && error.hint().contains(fix), "{error}");
        }
    }
}
