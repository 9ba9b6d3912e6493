//! Where meters are looked for, and in which order: the usual first.

use std::path::PathBuf;
use std::time::Duration;

use metering::Catalogue;

use crate::endpoint::{DataBits, Endpoint, InvalidEndpoint, Line, Parity};

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Serial(PathBuf),
    /// A host, and the only port to try.
    Host {
        host: String,
        port: Option<u16>,
    },
}

/// One way of looking.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub endpoint: Endpoint,
    pub how: How,
}

#[derive(Clone, Debug)]
pub(super) enum How {
    /// Wait so long for a byte, and so long for a telegram once one came.
    Listen { first: Duration, whole: Duration },
    /// Ask each unit for two registers.
    Ask { function: u8, units: Vec<u8>, timeout: Duration, connect_delay: Duration },
}

/// A line's settings as meters leave the factory with them, and as installers change them.
const LINES: [(u32, Parity); 7] = [
    (9600, Parity::None),
    (9600, Parity::Even),
    (19_200, Parity::Even),
    (2400, Parity::None),
    (38_400, Parity::None),
    (115_200, Parity::None),
    (1200, Parity::None),
];

/// Addresses on a serial line.
const LINE_UNITS: std::ops::RangeInclusive<u8> = 1..=10;

/// What devices on a network answer to besides: SMA 126, Fronius meters 200 and 240, Kostal 71, Victron 100.
const HOST_UNITS: [u8; 5] = [126, 200, 240, 71, 100];

/// Ports of Modbus: the standard's; SolarEdge and Kostal; Huawei; gateways that pass serial frames on.
/// Then those of bridges of P1 and of optical heads.
pub const PORTS: [u16; 7] = [502, 1502, 6607, 8899, 23, 8088, 2000];

/// P1 speaks every second, before DSMR 5 every ten; SML every 1 to 4 s.
const BRIEF: Duration = Duration::from_millis(1200);
const LONG: Duration = Duration::from_secs(11);

impl Place {
    /// Reads `HOST` or `HOST:PORT`.
    pub fn host(text: &str) -> Result<Self, InvalidEndpoint> {
        let with_port = Endpoint::tcp(text).ok().and_then(|_| text.rsplit_once(':'));
        let (host, port) = match with_port {
            Some((host, port)) => (host, port.parse().ok()),
            None => (text, None),
        };
        Endpoint::tcp(&format!("{host}:502"))?;
        Ok(Self::Host { host: host.to_owned(), port })
    }

    /// Returns searches, each a list of attempts that ends with the first that finds something.
    pub(super) fn searches(&self, catalogue: &Catalogue) -> Vec<Vec<Attempt>> {
        match self {
            Self::Serial(path) => vec![on_line(path)],
            Self::Host { host, port: Some(port) } => vec![on_port(host, *port, catalogue)],
            Self::Host { host, port: None } => {
                let own = catalogue.iter().map(|profile| profile.device.tcp_port);
                let mut ports = PORTS.to_vec();
                for port in own {
                    if !ports.contains(&port) {
                        ports.push(port);
                    }
                }
                ports.into_iter().map(|port| on_port(host, port, catalogue)).collect()
            }
        }
    }
}

fn on_line(path: &std::path::Path) -> Vec<Attempt> {
    let of = |baud, parity| Line { baud, parity, ..Line::default() };
    let seven = Line { data_bits: DataBits::Seven, ..of(9600, Parity::Even) };
    let listen = |line, first| Attempt {
        endpoint: Endpoint::serial(path, line),
        how: How::Listen { first, whole: LONG },
    };
    let ask = |function| {
        LINES.map(|(baud, parity)| Attempt {
            endpoint: Endpoint::serial(path, of(baud, parity)),
            how: How::Ask {
                function,
                units: LINE_UNITS.collect(),
                timeout: Duration::from_millis(250),
                connect_delay: Duration::ZERO,
            },
        })
    };
    let fast = [(115_200, Parity::None), (9600, Parity::None)].map(|(baud, parity)| of(baud, parity));
    let mut attempts: Vec<Attempt> = fast.iter().map(|line| listen(*line, BRIEF)).collect();
    // Most devices answer both functions, with an exception at least.
    attempts.extend(ask(4));
    attempts.extend(ask(3));
    attempts.extend([fast[0], seven, fast[1]].map(|line| listen(line, LONG)));
    attempts
}

fn on_port(host: &str, port: u16, catalogue: &Catalogue) -> Vec<Attempt> {
    let tcp = Endpoint::Tcp { address: format!("{host}:{port}") };
    let serial = Endpoint::RtuOverTcp { address: format!("{host}:{port}") };
    let listen = |first| Attempt { endpoint: tcp.clone(), how: How::Listen { first, whole: LONG } };
    let ask = |endpoint: &Endpoint, function, units: &[u8], timeout_ms, delay_ms| Attempt {
        endpoint: endpoint.clone(),
        how: How::Ask {
            function,
            units: units.to_vec(),
            timeout: Duration::from_millis(timeout_ms),
            connect_delay: Duration::from_millis(delay_ms),
        },
    };
    let on_line: Vec<u8> = LINE_UNITS.collect();
    let of_profiles = catalogue.iter().map(|profile| profile.device.unit);
    let mut all: Vec<u8> = Vec::new();
    for unit in LINE_UNITS.chain(HOST_UNITS).chain(of_profiles).chain([0, 255]) {
        if !all.contains(&unit) {
            all.push(unit);
        }
    }
    vec![
        listen(BRIEF),
        ask(&tcp, 3, &all, 300, 0),
        ask(&serial, 4, &on_line, 300, 0),
        // Huawei's needs 1 to 2 s after the connection was made, and is slow then.
        ask(&tcp, 3, &[1, 0, 3], 3000, 2000),
        listen(LONG),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_with_and_without_its_port() {
        let host = |host: &str, port| Place::Host { host: host.to_owned(), port };
        assert_eq!(Place::host("10.0.0.7").unwrap(), host("10.0.0.7", None));
        assert_eq!(Place::host("meter.local:1502").unwrap(), host("meter.local", Some(1502)));
        assert_eq!(Place::host("[fe80::1]").unwrap(), host("[fe80::1]", None));
        assert!(Place::host("fe80::1").is_err() && Place::host("a:0").is_err() && Place::host("").is_err());
    }

    /// It asks for register 0, where a server of Modbus TCP reads the protocol; the checksum lies where it
    /// reads the function.
    #[test]
    fn a_probe_in_serial_frames_is_no_write_to_a_server_of_modbus_tcp() {
        use crate::frame::{Function, Request};
        for attempt in on_port("host", 502, &Catalogue::built_in()) {
            let (Endpoint::RtuOverTcp { .. }, How::Ask { function, units, .. }) =
                (attempt.endpoint, attempt.how)
            else {
                continue;
            };
            assert_eq!(function, 4);
            for unit in units {
                let frame = Request::new(unit, Function::InputRegisters, 0, 2).unwrap().rtu();
                assert!(![5, 6, 15, 16, 21, 22, 23].contains(&frame[7]), "unit {unit}");
            }
        }
    }

    #[test]
    fn every_unit_that_a_profile_leaves_the_factory_with_is_asked() {
        let place = Place::host("meter:502").unwrap();
        let catalogue = Catalogue::built_in();
        let asked: Vec<u8> = place.searches(&catalogue)[0]
            .iter()
            .flat_map(|attempt| match &attempt.how {
                How::Ask { units, .. } => units.clone(),
                How::Listen { .. } => Vec::new(),
            })
            .collect();
        assert!(catalogue.iter().all(|profile| asked.contains(&profile.device.unit)));
        assert!([0, 1, 10, 71, 100, 126, 200, 240, 255].iter().all(|unit| asked.contains(unit)));
    }
}
