//! A meter on a serial line: Modbus RTU behind a pseudo-terminal, with the other end at a path.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio_util::sync::CancellationToken;

use super::Meters;

/// 3.5 characters at 9600 baud: so long a silence ends a frame (Modbus over serial line V1.02, 2.5.1.1).
const SILENCE: Duration = Duration::from_micros(3650);

/// How often a line that nobody has open is looked at.
const IDLE: Duration = Duration::from_millis(20);

/// The longest frame of Modbus RTU; whatever is longer is noise.
const LONGEST_FRAME: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum PtyError {
    #[error("opening a pseudo-terminal for a simulated serial line")]
    Open(#[source] io::Error),
    #[error("placing the serial line at {}", path.display())]
    Link {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

#[derive(Debug)]
pub struct SerialMeter {
    line: AsyncFd<OwnedFd>,
    link: PathBuf,
    meters: Meters,
}

impl SerialMeter {
    /// Opens a pseudo-terminal and links `path` to it. Must be called within a tokio runtime.
    pub fn open(meters: Meters, path: &Path) -> Result<Self, PtyError> {
        let (meter_end, house_end) = open_pty().map_err(PtyError::Open)?;
        let link = |cause| PtyError::Link { path: path.to_owned(), cause };
        match fs::remove_file(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(link(cause)),
            _ => std::os::unix::fs::symlink(house_end, path).map_err(link)?,
        }
        // SAFETY: the descriptor is owned by the AsyncFd, so it stays open as long as it is registered.
        let line =
            unsafe { AsyncFd::register(meter_end) }.map_err(|refused| PtyError::Open(refused.into()))?;
        Ok(Self { line, link: path.to_owned(), meters })
    }

    /// Returns the path that a reader opens.
    pub fn path(&self) -> &Path {
        &self.link
    }

    /// Serves until the end is called, and takes the path away.
    pub async fn serve(self, end: CancellationToken) {
        let mut restarts = self.meters.faults().watch_restarts();
        loop {
            tokio::select! {
                () = end.cancelled() => break,
                // Without power the meter forgets what it was hearing.
                _ = restarts.changed() => {}
                never = self.listen() => match never {},
            }
        }
        // The directory may be gone already, and then so is the link.
        let _ = fs::remove_file(&self.link);
    }

    async fn listen(&self) -> std::convert::Infallible {
        let mut frame = Vec::with_capacity(LONGEST_FRAME);
        loop {
            let heard = if frame.is_empty() {
                Some(self.read(&mut frame).await)
            } else {
                tokio::time::timeout(SILENCE, self.read(&mut frame)).await.ok()
            };
            match heard {
                Some(Ok(())) if frame.len() <= LONGEST_FRAME => {}
                Some(Ok(())) => frame.clear(),
                // Nobody has the other end open: the kernel says so as an error.
                Some(Err(_)) => {
                    frame.clear();
                    tokio::time::sleep(IDLE).await;
                }
                None => {
                    self.answer_frame(&frame).await;
                    frame.clear();
                }
            }
        }
    }

    /// Answers a frame whose checksum holds; any other is not for anybody.
    async fn answer_frame(&self, frame: &[u8]) {
        let Some((body, sum)) = frame.split_last_chunk::<2>() else { return };
        if body.len() < 2 || crc(body).to_le_bytes() != *sum {
            return;
        }
        let Some(reply) = self.meters.answer(body[0], &body[1..]).await else { return };
        let mut answer = vec![reply.unit];
        answer.extend(&reply.pdu);
        answer.extend(crc(&answer).to_le_bytes());
        if let Err(error) = self.write(&answer).await {
            tracing::debug!(%error, "the line was closed before the meter had answered");
        }
    }

    async fn read(&self, frame: &mut Vec<u8>) -> io::Result<()> {
        let mut chunk = [0u8; LONGEST_FRAME];
        let got = loop {
            let mut ready = self.line.readable().await?;
            match ready.try_io(|line| read_fd(line.get_ref(), &mut chunk)) {
                Ok(got) => break got?,
                Err(_would_block) => {}
            }
        };
        frame.extend(&chunk[..got]);
        Ok(())
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.line.writable().await?;
            if let Ok(put) = ready.try_io(|line| write_fd(line.get_ref(), bytes)) {
                bytes = &bytes[put?..];
            }
        }
        Ok(())
    }
}

/// Opens both ends in raw mode and returns the meter's end, and where the other is.
///
/// The house's end is closed again: an end that stays open would keep the exclusive lock that a serial
/// driver puts on it, and the next reader would find the port busy.
fn open_pty() -> io::Result<(OwnedFd, PathBuf)> {
    let (mut meter_end, mut house_end) = (-1, -1);
    let null = std::ptr::null_mut();
    // SAFETY: both pointers are to live integers; name, termios and window size may be null.
    check(unsafe { libc::openpty(&mut meter_end, &mut house_end, null, null.cast(), null.cast()) })?;
    // SAFETY: openpty succeeded, so both are open and owned by nobody else.
    let (meter_end, house_end) =
        unsafe { (OwnedFd::from_raw_fd(meter_end), OwnedFd::from_raw_fd(house_end)) };
    let mut name = [0 as libc::c_char; 64];
    // SAFETY: the descriptors are open, the termios is written before it is read, and the name's length is told.
    unsafe {
        let mut termios = std::mem::zeroed::<libc::termios>();
        check(libc::tcgetattr(house_end.as_raw_fd(), &mut termios))?;
        libc::cfmakeraw(&mut termios);
        check(libc::tcsetattr(house_end.as_raw_fd(), libc::TCSANOW, &termios))?;
        match libc::ptsname_r(meter_end.as_raw_fd(), name.as_mut_ptr(), name.len()) {
            0 => {}
            code => return Err(io::Error::from_raw_os_error(code)),
        }
        for end in [&meter_end, &house_end] {
            check(libc::fcntl(end.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC))?;
        }
        check(libc::fcntl(meter_end.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK))?;
    }
    // SAFETY: ptsname_r succeeded, so the name ends with a zero within the array.
    let name = unsafe { std::ffi::CStr::from_ptr(name.as_ptr()) };
    Ok((meter_end, PathBuf::from(name.to_string_lossy().into_owned())))
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn read_fd(line: &OwnedFd, into: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the descriptor is open and the length is that of the slice.
    let got = unsafe { libc::read(line.as_raw_fd(), into.as_mut_ptr().cast(), into.len()) };
    match usize::try_from(got) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(got) => Ok(got),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

fn write_fd(line: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the descriptor is open and the length is that of the slice.
    let put = unsafe { libc::write(line.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(put).map_err(|_| io::Error::last_os_error())
}

/// CRC-16/MODBUS. The drivers have their own: a meter that shared it could not find it wrong.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |sum, byte| {
        (0..8)
            .fold(sum ^ u16::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xA001 } else { sum >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-16/MODBUS in the catalogue of parametrised CRC algorithms.
    #[test]
    fn the_catalogue_gives_4b37_for_123456789() {
        assert_eq!(crc(b"123456789"), 0x4B37);
    }
}
