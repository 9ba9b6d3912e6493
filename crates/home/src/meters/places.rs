//! Where a meter may be: the computer's serial ports, hosts that the owner names, the computer's own
//! networks once the owner has said yes.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drivers::{Find, PORTS, Place};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::wiring::same_place;
use crate::house::House;
use crate::view::frame::{Refusal, Trouble};
use crate::view::meters::setup::{NetworkView, PortView, SearchAsk};

/// Where udev lists serial adapters by a name that stays.
const BY_ID: &str = "/dev/serial/by-id";

/// Beginnings of the names of serial ports that a meter may be plugged into. `ttyS` is left out where it
/// cannot be told from one that has no plug: every PC lists thirty of them.
const KINDS: [&str; 4] = ["ttyUSB", "ttyACM", "ttyAMA", "ttyXRUSB"];

/// A device on the own network answers in a few milliseconds, over a sleepy Wi-Fi in some hundred.
const KNOCK_TIMEOUT: Duration = Duration::from_millis(700);

/// Connections that are tried at once: a home's router remembers a few hundred.
const KNOCKS_AT_ONCE: usize = 48;

/// Larger networks are searched only around the own address.
const SMALLEST_PREFIX: u8 = 24;

/// Returns the serial ports, each once, by the name that stays where it has one.
pub fn ports(house: &House) -> Vec<PortView> {
    let dev = Path::new("/dev");
    serial_ports(Path::new(BY_ID), dev).into_iter().map(|path| port_view(house, &path)).collect()
}

fn serial_ports(by_id: &Path, dev: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| {
        let mut paths: Vec<PathBuf> =
            folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let mut ports = list(by_id);
    let named: Vec<PathBuf> = ports.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let is_port = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        KINDS.iter().any(|kind| name.starts_with(kind))
    };
    ports.extend(list(dev).into_iter().filter(is_port).filter(|path| !named.contains(path)));
    ports
}

fn port_view(house: &House, path: &Path) -> PortView {
    let text = path.display().to_string();
    let stable = path.starts_with(BY_ID);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // udev: usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0.
    let name = name.strip_prefix("usb-").unwrap_or(&name);
    let name = name.split("-if").next().unwrap_or(name).replace('_', " ");
    let config = house.config();
    let used_by = config
        .meters
        .iter()
        .find(|meter| {
            meter.serial.as_ref().is_some_and(|serial| same_place(&serial.to_string_lossy(), &text))
        })
        .map(|meter| meter.id.to_string());
    let trouble = trouble(path);
    PortView { path: text, name, stable, used_by, trouble }
}

/// Tells why a port cannot be opened, before it is searched.
fn trouble(path: &Path) -> Option<Trouble> {
    let cause = std::fs::metadata(path).err()?;
    Some(Trouble {
        code: "closed".to_owned(),
        message: format!("{} cannot be seen: {cause}.", path.display()),
    })
}

/// Returns the networks that this computer is in.
pub fn networks() -> Vec<NetworkView> {
    let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    on_link(&routes)
        .into_iter()
        .map(|(interface, network, prefix)| NetworkView {
            network: format!("{network}/{prefix}"),
            interface,
            addresses: crate::view::Whole::new(addresses(network, prefix).len() as i64),
        })
        .collect()
}

/// Reads the networks that are reached without a gateway from the kernel's table of routes.
fn on_link(routes: &str) -> Vec<(String, Ipv4Addr, u8)> {
    let address = |hex: &str| u32::from_str_radix(hex, 16).ok().map(|bits| Ipv4Addr::from(bits.swap_bytes()));
    let mut networks: Vec<(String, Ipv4Addr, u8)> = Vec::new();
    for line in routes.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [interface, destination, gateway, .., mask] = match fields.as_slice() {
            [interface, destination, gateway, _, _, _, _, mask, ..] => {
                [*interface, *destination, *gateway, *mask]
            }
            _ => continue,
        };
        let (Some(network), Some(gateway), Some(mask)) =
            (address(destination), address(gateway), address(mask))
        else {
            continue;
        };
        let prefix = u32::from(mask).count_ones() as u8;
        let home = network.is_private() || network.is_link_local();
        let known = networks.iter().any(|(_, known, _)| *known == network);
        if gateway.is_unspecified() && home && !known && (SMALLEST_PREFIX..=30).contains(&prefix) {
            networks.push((interface.to_owned(), network, prefix));
        }
    }
    networks
}

/// Returns the addresses of hosts in a network: not the network's own, not that of all.
fn addresses(network: Ipv4Addr, prefix: u8) -> Vec<Ipv4Addr> {
    let size = 1_u32 << (32 - u32::from(prefix.clamp(SMALLEST_PREFIX, 30)));
    let first = u32::from(network);
    (1..size - 1).map(|host| Ipv4Addr::from(first + host)).collect()
}

/// Reads what an owner asks to search. Networks come apart, since they are knocked at first.
pub fn places(ask: &SearchAsk) -> Result<(Vec<Place>, Vec<Ipv4Addr>), Refusal> {
    let ports = ask.ports.iter().map(|path| Ok(Place::Serial(PathBuf::from(path))));
    let hosts = ask.hosts.iter().map(|text| {
        Place::host(text.trim()).map_err(|cause| Refusal {
            code: "bad_address".to_owned(),
            message: format!("{cause}."),
            hint: "The address stands in the device's menu or in the router's list, such as 192.168.1.20."
                .to_owned(),
        })
    });
    let places = ports.chain(hosts).collect::<Result<Vec<_>, _>>()?;
    let own = networks();
    let mut knocked = Vec::new();
    for asked in &ask.networks {
        // Only the own ones: nobody else's network is searched, whatever is asked for.
        if !own.iter().any(|network| network.network == *asked) {
            return Err(Refusal {
                code: "unknown_network".to_owned(),
                message: format!("This computer is not in the network {asked}."),
                hint: "Name the meter's address instead.".to_owned(),
            });
        }
        let (network, prefix) = asked.split_once('/').unwrap_or((asked, "24"));
        if let (Ok(network), Ok(prefix)) = (network.parse(), prefix.parse()) {
            knocked.extend(addresses(network, prefix));
        }
    }
    if places.is_empty() && knocked.is_empty() {
        return Err(Refusal {
            code: "nowhere_to_look".to_owned(),
            message: "There is nothing to search: no port, no address, no network was named.".to_owned(),
            hint: "Plug the adapter in, or give the meter's address.".to_owned(),
        });
    }
    Ok((places, knocked))
}

/// Knocks at addresses and tells each that opens, and each that is done. Dropping the future ends it.
pub async fn knock(addresses: Vec<Ipv4Addr>, mut tell: impl FnMut(Ipv4Addr, bool)) {
    let mut waiting = addresses.into_iter();
    let mut knocking = JoinSet::new();
    loop {
        while knocking.len() < KNOCKS_AT_ONCE
            && let Some(address) = waiting.next()
        {
            knocking.spawn(async move { (address, opens(address).await) });
        }
        match knocking.join_next().await {
            Some(Ok((address, opened))) => tell(address, opened),
            Some(Err(_)) => {}
            None => return,
        }
    }
}

/// Returns whether it answers at one of the ports of meters; who answers at none of them is no meter.
async fn opens(address: Ipv4Addr) -> bool {
    for port in PORTS {
        let connected = tokio::time::timeout(KNOCK_TIMEOUT, TcpStream::connect((address, port))).await;
        match connected {
            Ok(Ok(_)) => return true,
            // Who refuses is there, and may have the next port open.
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
            _ => return false,
        }
    }
    false
}

/// Returns the meter of the home that a find is already.
pub fn known_as(house: &House, find: &Find) -> Option<String> {
    let profiles = house.profiles();
    let config = house.config();
    let is_it = |meter: &&crate::config::MeterConfig| {
        let Some(profile) = profiles.of(meter) else { return false };
        let Ok(endpoint) = meter.endpoint(profile) else { return false };
        same_place(&endpoint.name(), &find.endpoint.name())
            && endpoint.name().rsplit(':').next() == find.endpoint.name().rsplit(':').next()
            && meter.unit == find.settings.unit
            && meter.instance == find.settings.instance
            && profile.kind == find.profile.kind
    };
    config.meters.iter().find(is_it).map(|meter| meter.id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_networks_are_those_without_a_gateway() {
        let routes = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                      eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                      eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
                      docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        assert_eq!(on_link(routes), [("eth0".to_owned(), Ipv4Addr::new(192, 168, 1, 0), 24)]);
        let hosts = addresses(Ipv4Addr::new(192, 168, 1, 0), 24);
        assert_eq!((hosts.len(), hosts[0]), (254, Ipv4Addr::new(192, 168, 1, 1)));
    }

    #[test]
    fn nobody_elses_network_is_searched() {
        let ask = SearchAsk { networks: vec!["8.8.8.0/24".to_owned()], ..SearchAsk::default() };
        assert_eq!(places(&ask).unwrap_err().code, "unknown_network");
        assert_eq!(places(&SearchAsk::default()).unwrap_err().code, "nowhere_to_look");
    }

    #[test]
    fn r26_a_port_is_listed_once_by_the_name_that_stays() {
        let dev = tempfile::tempdir().unwrap();
        let by_id = dev.path().join("by-id");
        std::fs::create_dir(&by_id).unwrap();
        for node in ["ttyUSB0", "ttyACM1", "ttyS0", "null"] {
            std::fs::write(dev.path().join(node), "").unwrap();
        }
        std::os::unix::fs::symlink(dev.path().join("ttyUSB0"), by_id.join("usb-FTDI_A5")).unwrap();
        let canonical = dev.path().canonicalize().unwrap();
        let ports = serial_ports(&by_id, &canonical);
        assert_eq!(ports, [by_id.join("usb-FTDI_A5"), canonical.join("ttyACM1")]);
    }
}
