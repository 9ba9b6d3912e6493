//! One open connection: bytes in, bytes out, and what came in that nobody has read yet.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::endpoint::Endpoint;
use crate::serial::Port;
use crate::trouble::Trouble;

/// The longest frame is 260 bytes; more than four of them unread are noise.
const INBOX_LIMIT: usize = 1040;

/// A gateway that was switched off says nothing. Probing finds it after 15 s and three more tries of 5 s.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);

/// Transactions that were given up, and whose answers may come. More than this are never out at once.
const MOST_UNANSWERED: usize = 64;

/// The way to an endpoint, ready to connect.
#[derive(Debug)]
pub enum Way {
    Tcp(String),
    Serial(Port),
}

impl Way {
    /// Returns the way to an endpoint; serial adapters are listed by name in `adapters`.
    pub fn to(endpoint: &Endpoint, adapters: &Path) -> Self {
        match endpoint {
            Endpoint::Tcp { address } | Endpoint::RtuOverTcp { address } => Self::Tcp(address.clone()),
            Endpoint::Serial { path, line } => {
                Self::Serial(Port::new(path.clone(), *line, adapters.to_owned()))
            }
        }
    }

    /// Connects within a time.
    pub async fn connect(&mut self, within: Duration) -> Result<Link, Trouble> {
        match self {
            Self::Serial(port) => port.open().map(|stream| Link::over(stream, Kind::Serial)),
            Self::Tcp(address) => match tokio::time::timeout(within, TcpStream::connect(address.as_str()))
                .await
            {
                Ok(Ok(stream)) => over_tcp(stream).map_err(|error| Trouble::Unreachable(error.to_string())),
                Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(Trouble::Refused),
                Ok(Err(error)) => Err(Trouble::Unreachable(error.to_string())),
                Err(_) => Err(Trouble::Unreachable(format!("no answer within {} ms", within.as_millis()))),
            },
        }
    }
}

fn over_tcp(stream: TcpStream) -> io::Result<Link> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(Link::over(stream, Kind::Tcp))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tcp,
    Serial,
}

/// An open connection.
pub struct Link {
    stream: Box<dyn Stream>,
    kind: Kind,
    pub inbox: Vec<u8>,
    /// Whether anything good ever came over it.
    pub proven: bool,
    /// Time-outs in a row.
    pub silences: u32,
    pub unanswered: VecDeque<u16>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Link {
    fn over(stream: impl Stream + 'static, kind: Kind) -> Self {
        Self {
            stream: Box::new(stream),
            kind,
            inbox: Vec::new(),
            proven: false,
            silences: 0,
            unanswered: VecDeque::new(),
        }
    }

    /// Waits for bytes and adds them to the inbox. Dropping the future loses none.
    pub async fn receive(&mut self) -> Result<(), Trouble> {
        let mut buffer = [0; 512];
        match self.stream.read(&mut buffer).await {
            Ok(0) => Err(self.lost("end of the stream".into())),
            Ok(length) => {
                self.inbox.extend_from_slice(&buffer[..length]);
                let excess = self.inbox.len().saturating_sub(INBOX_LIMIT);
                self.inbox.drain(..excess);
                Ok(())
            }
            Err(error) => Err(self.lost(error.to_string())),
        }
    }

    /// Takes what has come already. Returns whether there was anything.
    pub async fn receive_ready(&mut self) -> Result<bool, Trouble> {
        match tokio::time::timeout(Duration::ZERO, self.receive()).await {
            Ok(received) => received.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Sends a frame. A peer that takes nothing for so long is gone.
    pub async fn send(&mut self, frame: &[u8], within: Duration) -> Result<(), Trouble> {
        match tokio::time::timeout(within, self.stream.write_all(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(error.to_string())),
            Err(_) => Err(self.lost("it takes no bytes".into())),
        }
    }

    /// Notes a transaction whose answer is not waited for any longer.
    pub fn give_up(&mut self, transaction: u16) {
        if self.unanswered.len() == MOST_UNANSWERED {
            self.unanswered.pop_front();
        }
        self.unanswered.push_back(transaction);
    }

    /// Returns whether an answer is to a transaction that was given up.
    pub fn take_late(&mut self, transaction: u16) -> bool {
        let index = self.unanswered.iter().position(|unanswered| *unanswered == transaction);
        index.is_some_and(|index| self.unanswered.remove(index).is_some())
    }

    fn lost(&self, why: String) -> Trouble {
        match self.kind {
            Kind::Serial => Trouble::Unplugged(why),
            Kind::Tcp => Trouble::HungUp,
        }
    }
}
