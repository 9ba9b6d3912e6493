//! Serial ports: opens one for this program alone, and finds it again under another name.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tokio_serial::{SerialPortBuilderExt, SerialStream};

use crate::endpoint::{DataBits, Line, Parity, StopBits};
use crate::trouble::Trouble;

/// Where udev names adapters by maker and serial number, whatever number the kernel gives them.
pub const BY_ID: &str = "/dev/serial/by-id";

/// A serial port by its path, and by its adapter once that was seen.
#[derive(Debug)]
pub struct Port {
    path: PathBuf,
    line: Line,
    /// Where adapters are listed by name.
    adapters: PathBuf,
    adapter: Option<PathBuf>,
}

impl Port {
    pub fn new(path: PathBuf, line: Line, adapters: PathBuf) -> Self {
        Self { path, line, adapters, adapter: None }
    }

    /// Opens the port with an exclusive lock. Must be called inside the runtime.
    ///
    /// An adapter that was open before is looked for first, since after a replug `/dev/ttyUSB0` may be
    /// `/dev/ttyUSB1`, and `/dev/ttyUSB0` another meter.
    pub fn open(&mut self) -> Result<SerialStream, Trouble> {
        let path = self.adapter.as_deref().filter(|adapter| adapter.exists()).unwrap_or(&self.path);
        let stream = open(path, self.line)?;
        self.adapter = adapter_of(path, &self.adapters).or(self.adapter.take());
        Ok(stream)
    }
}

fn open(path: &Path, line: Line) -> Result<SerialStream, Trouble> {
    probe(path)?;
    let parity = match line.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let data_bits = match line.data_bits {
        DataBits::Seven => tokio_serial::DataBits::Seven,
        DataBits::Eight => tokio_serial::DataBits::Eight,
    };
    let stop_bits = match line.stop_bits {
        StopBits::One => tokio_serial::StopBits::One,
        StopBits::Two => tokio_serial::StopBits::Two,
    };
    tokio_serial::new(path.to_string_lossy(), line.baud)
        .data_bits(data_bits)
        .parity(parity)
        .stop_bits(stop_bits)
        // Both TIOCEXCL and flock: the first does not stop root, the second not who never asks.
        .exclusive(true)
        .open_native_async()
        .map_err(|error| match error.kind() {
            tokio_serial::ErrorKind::NoDevice => Trouble::PortBusy,
            tokio_serial::ErrorKind::Io(kind) => of_io(&io::Error::new(kind, error.description)),
            _ => Trouble::Unusable(error.description),
        })
}

/// Opens the path as a plain file first: the serial library folds several errors into one.
fn probe(path: &Path) -> Result<(), Trouble> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOCTTY | libc::O_NONBLOCK);
    options.open(path).map(drop).map_err(|error| of_io(&error))
}

fn of_io(error: &io::Error) -> Trouble {
    match error.kind() {
        ErrorKind::NotFound => Trouble::Absent,
        ErrorKind::PermissionDenied => Trouble::PermissionDenied,
        ErrorKind::ResourceBusy | ErrorKind::WouldBlock => Trouble::PortBusy,
        // The node outlives its adapter for a moment.
        _ if error.raw_os_error() == Some(libc::ENXIO) || error.raw_os_error() == Some(libc::ENODEV) => {
            Trouble::Absent
        }
        _ => Trouble::Unusable(error.to_string()),
    }
}

/// Returns the name of the adapter behind a path, if udev gave it one.
fn adapter_of(path: &Path, by_id: &Path) -> Option<PathBuf> {
    let node = path.canonicalize().ok()?;
    let links = by_id.read_dir().ok()?;
    links
        .flatten()
        .map(|link| link.path())
        .find(|link| link.canonicalize().is_ok_and(|target| target == node))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_known_by_the_name_udev_gave_it() {
        let dev = tempfile::tempdir().unwrap();
        let by_id = dev.path().join("by-id");
        std::fs::create_dir(&by_id).unwrap();
        for node in ["ttyUSB0", "ttyUSB1"] {
            std::fs::write(dev.path().join(node), "").unwrap();
            std::os::unix::fs::symlink(format!("../{node}"), by_id.join(format!("usb-of-{node}"))).unwrap();
        }
        let found = adapter_of(&dev.path().join("ttyUSB1"), &by_id);
        assert_eq!(found, Some(by_id.join("usb-of-ttyUSB1")));
        assert_eq!(adapter_of(&dev.path().join("ttyUSB2"), &by_id), None);
    }

    #[test]
    fn what_the_system_says_becomes_denied_busy_and_absent() {
        let of = |errno| of_io(&io::Error::from_raw_os_error(errno));
        assert_eq!(of(libc::EACCES), Trouble::PermissionDenied);
        assert_eq!(of(libc::EPERM), Trouble::PermissionDenied);
        assert_eq!(of(libc::EBUSY), Trouble::PortBusy);
        assert_eq!((of(libc::ENOENT), of(libc::ENODEV)), (Trouble::Absent, Trouble::Absent));
    }

    #[tokio::test]
    async fn an_absent_port_and_a_file_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let absent = Port::new(dir.path().join("ttyUSB9"), Line::default(), BY_ID.into()).open();
        assert_eq!(absent.unwrap_err(), Trouble::Absent);
        std::fs::write(dir.path().join("file"), "").unwrap();
        let file = Port::new(dir.path().join("file"), Line::default(), BY_ID.into()).open();
        assert!(matches!(file.unwrap_err(), Trouble::Unusable(_)));
    }
}
