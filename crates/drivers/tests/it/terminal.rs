//! One end of a pseudo-terminal, whose other end programs open and close as they like.
//!
//! A stream of `tokio-serial` will not do for that: once the other end was closed, the system says "hung
//! up" until the end is registered anew, and reading spins although another program has opened it long ago.

use std::ffi::CStr;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// While nobody has the other end open, it is looked for so often.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Our end. The terminal is gone once it is dropped.
pub struct Terminal {
    fd: Option<AsyncFd<OwnedFd>>,
    /// The wait for someone to open the other end.
    wait: Option<Pin<Box<Sleep>>>,
}

/// Makes a pseudo-terminal: our end, and the path that another program opens.
pub fn pseudo_terminal() -> io::Result<(Terminal, PathBuf)> {
    // Programs that we start must not inherit it, or it would outlive us.
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_CLOEXEC;
    // SAFETY: plain system calls; the descriptor is owned as soon as it is known to be one.
    let fd = unsafe { OwnedFd::from_raw_fd(checked(libc::posix_openpt(flags))?) };
    let mut name = [0; 128];
    // SAFETY: as above; the buffers are ours and as long as said.
    unsafe {
        checked(libc::grantpt(fd.as_raw_fd()))?;
        checked(libc::unlockpt(fd.as_raw_fd()))?;
        checked(libc::ptsname_r(fd.as_raw_fd(), name.as_mut_ptr(), name.len()))?;
        let mut settings = std::mem::zeroed();
        checked(libc::tcgetattr(fd.as_raw_fd(), &mut settings))?;
        libc::cfmakeraw(&mut settings);
        checked(libc::tcsetattr(fd.as_raw_fd(), libc::TCSANOW, &settings))?;
    }
    // SAFETY: `ptsname_r` ended it with a zero.
    let path = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned();
    Ok((Terminal { fd: Some(registered(fd)?), wait: None }, path.into()))
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn registered(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned by what registers it, and is closed with it.
    Ok(unsafe { AsyncFd::register(fd) }?)
}

impl Terminal {
    fn fd(&self) -> io::Result<&AsyncFd<OwnedFd>> {
        self.fd.as_ref().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Registers anew, which forgets that the other end was closed once.
    fn register(&mut self) -> io::Result<()> {
        if let Some(fd) = self.fd.take() {
            self.fd = Some(registered(fd.into_inner())?);
        }
        Ok(())
    }

    fn read(&self, buffer: &mut ReadBuf<'_>) -> io::Result<usize> {
        let free = buffer.initialize_unfilled();
        // SAFETY: the buffer is ours and as long as said.
        let read = unsafe { libc::read(self.fd()?.as_raw_fd(), free.as_mut_ptr().cast(), free.len()) };
        usize::try_from(read).map_err(|_| io::Error::last_os_error())
    }
}

impl AsyncRead for Terminal {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(wait.as_mut().poll(context));
                self.wait = None;
                self.register()?;
            }
            match self.read(buffer) {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(length) => {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
                // Nobody has the other end open.
                Err(error) if error.raw_os_error() == Some(libc::EIO) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut ready = ready!(self.fd()?.poll_read_ready(context))?;
                    if !ready.ready().is_read_closed() {
                        ready.clear_ready();
                        continue;
                    }
                    drop(ready);
                    // It was closed at some time; perhaps it is open again, and bytes came.
                    self.register()?;
                    if !ready!(self.fd()?.poll_read_ready(context))?.ready().is_read_closed() {
                        continue;
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            self.wait = Some(Box::pin(tokio::time::sleep(LOOK_EVERY)));
        }
    }
}

impl AsyncWrite for Terminal {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let fd = self.fd()?;
            // SAFETY: the bytes are there for as long as said.
            let written = unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
            match usize::try_from(written).map_err(|_| io::Error::last_os_error()) {
                Ok(length) => return Poll::Ready(Ok(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(fd.poll_write_ready(context))?.clear_ready();
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
