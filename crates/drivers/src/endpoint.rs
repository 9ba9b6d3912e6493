//! Where a meter is reached: a host and port, or a serial port with its line settings.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Where a meter is reached. On paper it is the options that `wattle meter` takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Modbus TCP.
    Tcp { address: String },
    /// Serial frames through a gateway that passes bytes on.
    RtuOverTcp { address: String },
    /// A serial port.
    Serial { path: PathBuf, line: Line },
}

/// The settings of a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    pub baud: u32,
    pub data_bits: DataBits,
    pub parity: Parity,
    pub stop_bits: StopBits,
}

/// Modbus and SML have eight data bits, the P1 port before DSMR 4 has seven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataBits {
    Seven,
    #[default]
    Eight,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parity {
    #[default]
    None,
    Even,
    Odd,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopBits {
    #[default]
    One,
    Two,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    #[error("\"{0}\" is not a host and port: write it as 192.168.1.20:502")]
    Address(String),
    #[error("\"{value}\" is no value of {option}: it takes {takes}")]
    Value { option: &'static str, value: String, takes: &'static str },
    #[error("unknown option \"{0}\" of a device")]
    Unknown(String),
    #[error("no way to the device: name one of --tcp HOST:PORT, --rtu-over-tcp HOST:PORT, --serial PATH")]
    Missing,
    #[error("more than one way to the device: name only one of --tcp, --rtu-over-tcp, --serial")]
    Several,
    #[error("{0} belongs to --serial")]
    NotSerial(&'static str),
}

impl Endpoint {
    /// Makes a Modbus TCP endpoint from `HOST:PORT`.
    pub fn tcp(address: &str) -> Result<Self, InvalidEndpoint> {
        Ok(Self::Tcp { address: host_and_port(address)? })
    }

    /// Makes an endpoint of serial frames over TCP from `HOST:PORT`.
    pub fn rtu_over_tcp(address: &str) -> Result<Self, InvalidEndpoint> {
        Ok(Self::RtuOverTcp { address: host_and_port(address)? })
    }

    pub fn serial(path: impl Into<PathBuf>, line: Line) -> Self {
        Self::Serial { path: path.into(), line }
    }

    /// Returns whether frames are those of a serial line, which name neither request nor address.
    pub fn speaks_rtu(&self) -> bool {
        !matches!(self, Self::Tcp { .. })
    }

    /// Returns the same address asked in the other kind of frames; a serial port has one kind.
    pub(crate) fn in_other_frames(&self) -> Option<Self> {
        match self {
            Self::Tcp { address } => Some(Self::RtuOverTcp { address: address.clone() }),
            Self::RtuOverTcp { address } => Some(Self::Tcp { address: address.clone() }),
            Self::Serial { .. } => None,
        }
    }

    /// Returns the name that people call it by: the address, or the path.
    pub fn name(&self) -> String {
        match self {
            Self::Tcp { address } | Self::RtuOverTcp { address } => address.clone(),
            Self::Serial { path, .. } => path.display().to_string(),
        }
    }
}

impl Line {
    /// Returns the line as a profile writes it: `9600 8N1`.
    pub fn of(serial: metering::SerialLine) -> Self {
        Self {
            baud: serial.baud,
            parity: match serial.parity {
                'E' => Parity::Even,
                'O' => Parity::Odd,
                _ => Parity::None,
            },
            stop_bits: if serial.stop_bits == 2 { StopBits::Two } else { StopBits::One },
            ..Self::default()
        }
    }

    /// Returns how long so many characters take on the wire.
    pub fn time_of(&self, characters: usize) -> Duration {
        let parity = u32::from(self.parity != Parity::None);
        let stop = if self.stop_bits == StopBits::Two { 2 } else { 1 };
        let data = if self.data_bits == DataBits::Seven { 7 } else { 8 };
        let bits = (1 + data + parity + stop) * u32::try_from(characters).unwrap_or(u32::MAX / 12);
        Duration::from_secs(1).mul_f64(f64::from(bits) / f64::from(self.baud.max(1)))
    }

    /// Returns the silence that separates frames: 3.5 characters, and 1.75 ms at fast lines
    /// (Modbus over serial line, V1.02, 2.5.1.1).
    pub fn silence(&self) -> Duration {
        (self.time_of(7) / 2).max(Duration::from_micros(1750))
    }
}

impl Default for Line {
    /// 9600 8N1, what most meters leave the factory with.
    fn default() -> Self {
        Self { baud: 9600, data_bits: DataBits::Eight, parity: Parity::None, stop_bits: StopBits::One }
    }
}

impl Parity {
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Even => "even",
            Self::Odd => "odd",
        }
    }
}

impl FromStr for Parity {
    type Err = InvalidEndpoint;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::None, Self::Even, Self::Odd].into_iter().find(|parity| parity.word() == text).ok_or_else(
            || {
                let takes = "none, even or odd";
                InvalidEndpoint::Value { option: "--parity", value: text.to_owned(), takes }
            },
        )
    }
}

impl FromStr for DataBits {
    type Err = InvalidEndpoint;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "7" => Ok(Self::Seven),
            "8" => Ok(Self::Eight),
            _ => {
                Err(InvalidEndpoint::Value { option: "--data-bits", value: text.to_owned(), takes: "7 or 8" })
            }
        }
    }
}

impl FromStr for StopBits {
    type Err = InvalidEndpoint;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1" => Ok(Self::One),
            "2" => Ok(Self::Two),
            _ => {
                Err(InvalidEndpoint::Value { option: "--stop-bits", value: text.to_owned(), takes: "1 or 2" })
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { address } => write!(f, "--tcp {address}"),
            Self::RtuOverTcp { address } => write!(f, "--rtu-over-tcp {address}"),
            Self::Serial { path, line } => {
                let stop_bits = if line.stop_bits == StopBits::Two { 2 } else { 1 };
                let (path, parity) = (path.display(), line.parity.word());
                write!(f, "--serial {path} --baud {}", line.baud)?;
                // Eight go without saying.
                if line.data_bits == DataBits::Seven {
                    f.write_str(" --data-bits 7")?;
                }
                write!(f, " --parity {parity} --stop-bits {stop_bits}")
            }
        }
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    /// Reads what `Display` writes. A path may hold spaces, but not " --".
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut found: Option<Self> = None;
        let (mut line, mut of_line) = (Line::default(), None);
        for option in format!(" {}", text.trim()).split(" --").skip(1) {
            let (name, value) = option.split_once(' ').unwrap_or((option, ""));
            let value = value.trim();
            let endpoint = match name {
                "tcp" => Self::tcp(value)?,
                "rtu-over-tcp" => Self::rtu_over_tcp(value)?,
                "serial" => Self::serial(value, line),
                "baud" => {
                    (line.baud, of_line) = (baud(value)?, Some("--baud"));
                    continue;
                }
                "data-bits" => {
                    (line.data_bits, of_line) = (value.parse()?, Some("--data-bits"));
                    continue;
                }
                "parity" => {
                    (line.parity, of_line) = (value.parse()?, Some("--parity"));
                    continue;
                }
                "stop-bits" => {
                    (line.stop_bits, of_line) = (value.parse()?, Some("--stop-bits"));
                    continue;
                }
                _ => return Err(InvalidEndpoint::Unknown(format!("--{name}"))),
            };
            if found.replace(endpoint).is_some() {
                return Err(InvalidEndpoint::Several);
            }
        }
        match (found, of_line) {
            (None, _) => Err(InvalidEndpoint::Missing),
            (Some(Self::Serial { path, .. }), _) if path.as_os_str().is_empty() => {
                Err(InvalidEndpoint::Missing)
            }
            (Some(Self::Serial { path, .. }), _) => Ok(Self::Serial { path, line }),
            (Some(_), Some(option)) => Err(InvalidEndpoint::NotSerial(option)),
            (Some(endpoint), None) => Ok(endpoint),
        }
    }
}

fn baud(text: &str) -> Result<u32, InvalidEndpoint> {
    let takes = "a number of bits a second such as 9600";
    let invalid = || InvalidEndpoint::Value { option: "--baud", value: text.to_owned(), takes };
    text.parse().ok().filter(|baud| (50..=4_000_000).contains(baud)).ok_or_else(invalid)
}

fn host_and_port(address: &str) -> Result<String, InvalidEndpoint> {
    let valid = address.rsplit_once(':').is_some_and(|(host, port)| {
        // An IPv6 address without brackets cannot be told from its port.
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let plain = !host.is_empty() && !host.contains(|c: char| c == ':' || c.is_whitespace());
        (bracketed || plain) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if valid { Ok(address.to_owned()) } else { Err(InvalidEndpoint::Address(address.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_reads_what_it_writes() {
        for text in [
            "--tcp 192.168.1.20:502",
            "--rtu-over-tcp [fe80::1]:8899",
            "--serial /dev/serial/by-id/usb a b --baud 2400 --parity even --stop-bits 2",
            "--serial /dev/ttyUSB0 --baud 9600 --data-bits 7 --parity even --stop-bits 1",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        let short = "--serial /dev/ttyUSB0".parse::<Endpoint>().unwrap();
        assert_eq!(short.to_string(), "--serial /dev/ttyUSB0 --baud 9600 --parity none --stop-bits 1");
        assert_eq!("--baud 9600 --serial /dev/ttyUSB0".parse::<Endpoint>().unwrap(), short);
    }

    #[test]
    fn what_is_no_endpoint_is_refused_by_name() {
        for (text, part) in [
            ("", "no way to the device"),
            ("--serial", "no way to the device"),
            ("--tcp host", "host and port"),
            ("--tcp fe80::1:502", "host and port"),
            ("--tcp host:0", "host and port"),
            ("--tcp a:1 --serial /dev/x", "more than one"),
            ("--tcp a:1 --baud 9600", "--baud belongs to --serial"),
            ("--serial /dev/x --parity mark", "none, even or odd"),
            ("--serial /dev/x --stop-bits 3", "1 or 2"),
            ("--serial /dev/x --data-bits 9", "7 or 8"),
            ("--serial /dev/x --baud fast", "bits a second"),
            ("--bluetooth x", "--bluetooth"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_character_of_8e1_has_eleven_bits() {
        let line = Line { baud: 11_000, parity: Parity::Even, ..Line::default() };
        assert_eq!(line.time_of(1), Duration::from_millis(1));
        assert_eq!(line.silence(), Duration::from_micros(3500));
        assert_eq!(Line { baud: 115_200, ..line }.silence(), Duration::from_micros(1750));
    }
}
