//! A meter behind a network port: Modbus TCP for several clients at a time.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Meters;

/// More than a house needs; the next client is turned away, as real gateways do.
const MOST_CLIENTS: usize = 8;

/// Function, address, count, and what longer requests carry: the longest PDU of Modbus.
const LONGEST_PDU: usize = 253;

#[derive(Debug)]
pub struct TcpMeter {
    listener: TcpListener,
    meters: Meters,
}

impl TcpMeter {
    /// Opens a free port of this machine.
    pub async fn bind(meters: Meters) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?, meters })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the end is called, and closes every connection.
    pub async fn serve(self, end: CancellationToken) {
        let clients = TaskTracker::new();
        loop {
            let stream = tokio::select! {
                () = end.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "a client could not be accepted");
                        continue;
                    }
                },
            };
            if clients.len() >= MOST_CLIENTS {
                continue;
            }
            let (meters, end) = (self.meters.clone(), end.clone());
            clients.spawn(async move {
                let mut restarts = meters.faults().watch_restarts();
                tokio::select! {
                    () = end.cancelled() => {}
                    _ = restarts.changed() => {}
                    // A client that leaves or sends garbage ends its own connection and nothing else.
                    _ = converse(stream, &meters) => {}
                }
            });
        }
        clients.close();
        clients.wait().await;
    }
}

async fn converse(mut stream: TcpStream, meters: &Meters) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut header = [0u8; 7];
        stream.read_exact(&mut header).await?;
        let [_, _, protocol_high, protocol_low, length_high, length_low, unit] = header;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        if (protocol_high, protocol_low) != (0, 0) || !(2..=LONGEST_PDU + 1).contains(&length) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut request = vec![0; length - 1];
        stream.read_exact(&mut request).await?;
        if let Some(reply) = meters.answer(unit, &request).await {
            let mut frame = header[..4].to_vec();
            frame.extend(((reply.pdu.len() + 1) as u16).to_be_bytes());
            frame.push(reply.unit);
            frame.extend(&reply.pdu);
            stream.write_all(&frame).await?;
        }
    }
}
