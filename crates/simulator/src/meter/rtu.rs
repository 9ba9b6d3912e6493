//! A meter on a serial line: Modbus RTU behind a pseudo-terminal, with the other end at a path.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::Meters;

/// 3.5 characters at 9600 baud, in whole milliseconds: so long a silence ends a frame (Modbus over serial
/// line V1.02, 2.5.1.1).
const SILENCE: Duration = Duration::from_millis(4);

/// How often a line that nobody has open, or on which nobody speaks, is looked at.
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
    line: OwnedFd,
    link: PathBuf,
    meters: Meters,
}

impl SerialMeter {
    /// Opens a pseudo-terminal and links `path` to it.
    pub fn open(meters: Meters, path: &Path) -> Result<Self, PtyError> {
        let (line, house_end) = open_pty().map_err(PtyError::Open)?;
        let link = |cause| PtyError::Link { path: path.to_owned(), cause };
        match fs::remove_file(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(link(cause)),
            _ => std::os::unix::fs::symlink(house_end, path).map_err(link)?,
        }
        Ok(Self { line, link: path.to_owned(), meters })
    }

    /// Returns the path that a reader opens.
    pub fn path(&self) -> &Path {
        &self.link
    }

    /// Serves until the end is called, and takes the path away.
    ///
    /// The line has a thread of its own: the runtime's readiness never forgets that a terminal was hung
    /// up, while this one is opened again by the next reader.
    pub async fn serve(self, end: CancellationToken) {
        let end = end.child_token();
        let _thread_ends_with_this_future = end.clone().drop_guard();
        let (ended, thread_end) = oneshot::channel::<()>();
        let runtime = Handle::current();
        let spawned = std::thread::Builder::new().name("serial meter".to_owned()).spawn(move || {
            self.listen(&runtime, &end);
            // The folder may be gone already, and the link with it.
            let _ = fs::remove_file(&self.link);
            drop(ended);
        });
        match spawned {
            // The channel only ever closes: that is the sign.
            Ok(_) => drop(thread_end.await),
            Err(error) => tracing::error!(%error, "no thread for a simulated serial line"),
        }
    }

    fn listen(&self, runtime: &Handle, end: &CancellationToken) {
        let mut restarts = self.meters.faults().watch_restarts();
        let mut frame = Vec::with_capacity(LONGEST_FRAME);
        while !end.is_cancelled() {
            let wait = if frame.is_empty() { IDLE } else { SILENCE };
            let heard = self.hear(&mut frame, wait);
            // Without power the meter forgets what it was hearing.
            if restarts.has_changed().unwrap_or(false) {
                restarts.borrow_and_update();
                frame.clear();
            }
            match heard {
                Ok(true) if frame.len() <= LONGEST_FRAME => {}
                Ok(true) => frame.clear(),
                Ok(false) if frame.is_empty() => {}
                Ok(false) => self.answer_frame(&std::mem::take(&mut frame), runtime),
                // Nobody has the other end open: the kernel says so as an error.
                Err(_) => {
                    frame.clear();
                    std::thread::sleep(IDLE);
                }
            }
        }
    }

    /// Waits for bytes and takes them; returns false where none came in time.
    fn hear(&self, frame: &mut Vec<u8>, wait: Duration) -> io::Result<bool> {
        let mut poll = libc::pollfd { fd: self.line.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one live pollfd of an open descriptor.
        match unsafe { libc::poll(&mut poll, 1, wait.as_millis() as libc::c_int) } {
            0 => return Ok(false),
            -1 => return Err(io::Error::last_os_error()),
            _ => {}
        }
        let mut chunk = [0u8; LONGEST_FRAME];
        // SAFETY: the descriptor is open and the length is that of the array.
        let got = unsafe { libc::read(self.line.as_raw_fd(), chunk.as_mut_ptr().cast(), chunk.len()) };
        match usize::try_from(got) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(got) => {
                frame.extend(&chunk[..got]);
                Ok(true)
            }
            Err(_) => Err(io::Error::last_os_error()),
        }
    }

    /// Answers a frame whose checksum holds; any other is not for anybody.
    fn answer_frame(&self, frame: &[u8], runtime: &Handle) {
        let Some((body, sum)) = frame.split_last_chunk::<2>() else { return };
        if body.len() < 2 || crc(body).to_le_bytes() != *sum {
            return;
        }
        let Some(reply) = runtime.block_on(self.meters.answer(body[0], &body[1..])) else { return };
        let mut answer = vec![reply.unit];
        answer.extend(&reply.pdu);
        answer.extend(crc(&answer).to_le_bytes());
        // SAFETY: the descriptor is open and the length is that of the vector.
        let put = unsafe { libc::write(self.line.as_raw_fd(), answer.as_ptr().cast(), answer.len()) };
        if usize::try_from(put) != Ok(answer.len()) {
            tracing::debug!("the line was closed before the meter had answered");
        }
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
    }
    // SAFETY: ptsname_r succeeded, so the name ends with a zero within the array.
    let name = unsafe { std::ffi::CStr::from_ptr(name.as_ptr()) };
    Ok((meter_end, PathBuf::from(name.to_string_lossy().into_owned())))
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
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
