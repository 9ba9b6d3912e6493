//! A reading that failed, in sentences: what happened, what it means, what to do.

use std::fmt;

use crate::endpoint::Endpoint;
use crate::frame::Fault;
use crate::trouble::{Code, Trouble};

/// A reading that failed: where, whom, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    pub endpoint: Endpoint,
    /// None where the meter speaks by itself.
    pub unit: Option<u8>,
    pub trouble: Trouble,
}

impl ReadError {
    pub fn code(&self) -> Code {
        self.trouble.code()
    }

    /// Says what happened and what it means.
    pub fn message(&self) -> String {
        let (unit, place) = (self.who(), self.endpoint.name());
        match &self.trouble {
            Trouble::Silent { waited } => format!(
                "No answer from {unit} on {place} within {} ms. The connection is open, but no device with this address speaks.",
                waited.as_millis()
            ),
            Trouble::Fault(fault) => self.fault(fault),
            Trouble::Exception(code) => self.exception(*code),
            Trouble::Refused if self.unit.is_none() => format!(
                "Nothing listens on {place}: the port is closed. The device is there, but it passes no telegrams on, or on another port."
            ),
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
                "The line {place} was taken by other units for {} ms, so {unit} was not asked.",
                waited.as_millis()
            ),
            Trouble::Mute { waited } => format!(
                "Nothing came from the meter on {place} within {} s. The connection is open, but the meter does not speak.",
                waited.as_secs()
            ),
            Trouble::Babble { bytes } => format!(
                "{bytes} bytes came from the meter on {place}, and no telegram among them. They were thrown away."
            ),
            Trouble::Telegram(error) => {
                format!("A telegram of the meter on {place} was thrown away whole: {error}.")
            }
            Trouble::NoChain => format!(
                "{} on {place} has no SunSpec chain at 40000, 0 or 50000. It is another device than the profile says, or SunSpec is off.",
                capital(&unit)
            ),
            Trouble::NoModel => format!(
                "{} on {place} speaks SunSpec, but its chain has none of the models that the profile reads, or not so many of them.",
                capital(&unit)
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
            Trouble::Refused if self.unit.is_none() => "Check the port: bridges of P1 and of optical heads often use 23, 8088 or 2000.".into(),
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
            Trouble::Mute { .. } if serial => "Check the plug (P1: the cable must hold the request line high; SML: the optical head must sit on the meter's eye) and that the port is switched on by the grid operator; some meters speak every 10 s only.".into(),
            Trouble::Mute { .. } => "Check that the bridge has its cable in the meter and passes everything on; some meters speak every 10 s only.".into(),
            Trouble::Babble { .. } if serial => "Check --baud, --data-bits and --parity: P1 is 115200 8N1, before DSMR 4 9600 7E1; SML is 9600 8N1.".into(),
            Trouble::Babble { .. } => "Choose the profile that fits the meter (p1 or sml), or check the bridge's baud rate.".into(),
            Trouble::Telegram(_) => "Nothing to do if it happens now and then; otherwise check the cable or how the optical head sits.".into(),
            Trouble::NoChain => "Switch on SunSpec in the device's settings, check the unit number, or choose the device's own profile.".into(),
            Trouble::NoModel => "Choose sunspec-meter for a meter and sunspec-inverter for an inverter, or a smaller --instance.".into(),
            Trouble::ShutDown if serial => "Open the port again.".into(),
            Trouble::ShutDown => "Connect again.".into(),
        }
    }

    fn fault(&self, fault: &Fault) -> String {
        let (unit, place) = (self.who(), self.endpoint.name());
        match fault {
            Fault::Silence => format!("No answer from {unit} on {place}."),
            Fault::Crc => {
                format!("The answer of {unit} on {place} was damaged on the way. It was thrown away.")
            }
            Fault::ShortReply { got, wanted } => {
                format!(
                    "{} on {place} sent {got} of {wanted} registers. The answer was thrown away.",
                    capital(&unit)
                )
            }
            Fault::WrongUnit { got } => {
                format!("Unit {got} answered on {place} where {unit} was asked. The answer was thrown away.")
            }
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
        let (unit, place) = (self.who(), self.endpoint.name());
        let the_unit = capital(&unit);
        match code {
            1 => format!(
                "{the_unit} on {place} does not know this kind of read (exception 1). It is another device than the profile says."
            ),
            2 | 3 => format!(
                "{the_unit} on {place} does not have the registers that were asked for (exception {code}). It is another device than the profile says."
            ),
            5 | 6 => format!(
                "{the_unit} on {place} is busy (exception {code}), and was so each time it was asked."
            ),
            10 => format!(
                "The gateway {place} has no way to {unit} (exception 10). It does not know this device."
            ),
            11 => format!("The gateway {place} says that no device answers as {unit} (exception 11)."),
            _ => format!("{the_unit} on {place} answered that it failed (exception {code})."),
        }
    }

    /// Returns what the device is called in the middle of a sentence.
    fn who(&self) -> String {
        self.unit.map_or("the meter".to_owned(), |unit| format!("unit {unit}"))
    }
}

/// Returns what begins a sentence.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.message(), self.hint())
    }
}

impl std::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metering::DecodeError;

    use super::*;

    fn error(endpoint: &str, trouble: Trouble) -> ReadError {
        ReadError { endpoint: endpoint.parse().unwrap(), unit: Some(3), trouble }
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
    fn a_mute_meter_and_one_on_another_line_speed_are_two_sentences() {
        let said = |trouble| {
            let error = error("--serial /dev/ttyUSB0", trouble);
            (error.code(), ReadError { unit: None, ..error }.to_string())
        };
        let (code, mute) = said(Trouble::Mute { waited: Duration::from_secs(12) });
        assert!(
            code == Code::Timeout
                && mute.starts_with("Nothing came from the meter on /dev/ttyUSB0 within 12 s.")
        );
        let (code, babble) = said(Trouble::Babble { bytes: 300 });
        assert!(code == Code::Garbage && babble.contains("9600 7E1"), "{babble}");
        let codes = [DecodeError::Crc, DecodeError::Malformed, DecodeError::Truncated].map(Trouble::Telegram);
        assert_eq!(codes.map(|trouble| trouble.code()), [Code::Crc, Code::Garbage, Code::ShortReply]);
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
