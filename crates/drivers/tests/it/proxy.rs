//! A wire between master and server that does what wires do: delays, cuts, flips, echoes and makes noise.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use drivers::{Endpoint, Line};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::terminal::{Terminal, pseudo_terminal};

/// What becomes of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The answer comes this late; what follows waits behind it, as on a serial line.
    Late(Duration),
    Lost,
    /// One bit of the values is flipped.
    Flipped,
    /// Only so many bytes come.
    Cut(usize),
    /// One register less, in a frame that is right in itself.
    Short,
    /// Another unit answers, in a frame that is right in itself.
    OtherUnit,
    /// Another function answers, in a frame that is right in itself.
    OtherFunction,
    /// The answer carries another transaction.
    OtherTransaction,
    /// The request comes back before the answer.
    Echo,
    Noise {
        before: Vec<u8>,
        after: Vec<u8>,
    },
    /// The answer comes twice.
    Double,
    /// An exception comes in place of the answer.
    Exception(u8),
    HangUp,
}

/// How frames are made on this wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Tcp,
    Rtu,
}

#[derive(Default)]
struct State {
    faults: VecDeque<Fault>,
    standing: Option<Fault>,
    requests: Vec<(Instant, Vec<u8>)>,
    answers: Vec<Instant>,
    connections: usize,
}

/// A running wire. It ends when it is dropped.
pub struct Proxy {
    pub endpoint: Endpoint,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Puts a wire before a server: Modbus TCP, or serial frames over TCP.
    pub async fn tcp(framing: Framing, server: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let endpoint = match framing {
            Framing::Tcp => Endpoint::tcp(&address)?,
            Framing::Rtu => Endpoint::rtu_over_tcp(&address)?,
        };
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                let (shared, server) = (shared.clone(), server.clone());
                tokio::spawn(async move { drop(carry(client, server, framing, shared).await) });
            }
        });
        Ok(Self { endpoint, state, task })
    }

    /// Puts a pseudo-terminal before a server of serial frames over TCP.
    pub async fn serial(server: String) -> Result<Self> {
        let (mut master, path) = pseudo_terminal()?;
        let endpoint = Endpoint::serial(path, Line { baud: 115_200, ..Line::default() });
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            loop {
                // While nobody has the port open, reading fails at once.
                drop(carry(&mut master, server.clone(), Framing::Rtu, shared.clone()).await);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Ok(Self { endpoint, state, task })
    }

    /// Lines up what becomes of the next answers.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    /// Sets what becomes of all further answers.
    pub fn always(&self, fault: Option<Fault>) {
        self.state.lock().unwrap().standing = fault;
    }

    /// Returns the requests that came, and when.
    pub fn requests(&self) -> Vec<(Instant, Vec<u8>)> {
        self.state.lock().unwrap().requests.clone()
    }

    /// Returns when answers went to the master.
    pub fn answers(&self) -> Vec<Instant> {
        self.state.lock().unwrap().answers.clone()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Carries bytes both ways between two pseudo-terminals until it is dropped.
pub fn connect_terminals(mut one: Terminal, mut other: Terminal) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            // It ends whenever one side is not open.
            drop(tokio::io::copy_bidirectional(&mut one, &mut other).await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

async fn carry<S>(client: S, server: String, framing: Framing, state: Arc<Mutex<State>>) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut requests, mut answers) = tokio::io::split(client);
    let mut upstream: Option<TcpStream> = None;
    let (send, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let read = async {
        loop {
            let mut request = vec![0; if framing == Framing::Tcp { 12 } else { 8 }];
            requests.read_exact(&mut request).await?;
            let fault = {
                let mut state = state.lock().unwrap();
                state.requests.push((Instant::now(), request.clone()));
                state.faults.pop_front().or(state.standing.clone()).unwrap_or(Fault::None)
            };
            let answer = match ask(&mut upstream, &server, &request, framing).await {
                Ok(answer) => answer,
                // A gateway whose meter is away: TCP hangs up, a line is silent.
                Err(error) if framing == Framing::Tcp => return Err(error),
                Err(_) => {
                    upstream = None;
                    continue;
                }
            };
            let delay = if let Fault::Late(delay) = fault { delay } else { Duration::ZERO };
            let Some(answer) = spoil(fault, &request, answer, framing) else { continue };
            anyhow::ensure!(!answer.is_empty(), "hang up");
            send.send((Instant::now() + delay, answer))?;
        }
        #[allow(unreachable_code)]
        anyhow::Ok(())
    };
    let write = async {
        while let Some((time, answer)) = due.recv().await {
            tokio::time::sleep_until(time.into()).await;
            answers.write_all(&answer).await?;
            state.lock().unwrap().answers.push(Instant::now());
        }
        anyhow::Ok(())
    };
    tokio::select! { done = read => done, done = write => done }
}

async fn ask(
    upstream: &mut Option<TcpStream>,
    server: &str,
    request: &[u8],
    framing: Framing,
) -> Result<Vec<u8>> {
    let stream = match upstream {
        Some(stream) => stream,
        None => upstream.insert(TcpStream::connect(server).await?),
    };
    stream.write_all(request).await?;
    let head = if framing == Framing::Tcp { 6 } else { 3 };
    let mut answer = vec![0; head];
    // A unit that is not there is silent.
    tokio::time::timeout(Duration::from_millis(500), stream.read_exact(&mut answer)).await??;
    let rest = match framing {
        Framing::Tcp => usize::from(u16::from_be_bytes([answer[4], answer[5]])),
        Framing::Rtu if answer[1] & 0x80 != 0 => 2,
        Framing::Rtu => usize::from(answer[2]) + 2,
    };
    answer.resize(head + rest, 0);
    stream.read_exact(&mut answer[head..]).await?;
    Ok(answer)
}

/// Applies a fault: `None` is silence, no bytes are the end of the connection.
pub fn spoil(fault: Fault, request: &[u8], mut answer: Vec<u8>, framing: Framing) -> Option<Vec<u8>> {
    let unit = if framing == Framing::Tcp { 6 } else { 0 };
    match fault {
        Fault::None | Fault::Late(_) => {}
        Fault::Lost => return None,
        Fault::HangUp => return Some(Vec::new()),
        Fault::Flipped => answer[unit + 4] ^= 0x10,
        Fault::Cut(length) => answer.truncate(length),
        Fault::Short => {
            let values = answer.len() - if framing == Framing::Rtu { 2 } else { 0 };
            answer.drain(values - 2..values);
            answer[unit + 2] -= 2;
            seal(&mut answer, framing);
        }
        Fault::OtherUnit => {
            answer[unit] ^= 0x40;
            seal(&mut answer, framing);
        }
        Fault::OtherFunction => {
            // 3 for 4, and 4 for 3.
            answer[unit + 1] = 7 - answer[unit + 1];
            seal(&mut answer, framing);
        }
        Fault::OtherTransaction => answer[0] ^= 0x80,
        Fault::Echo => answer = [request, &answer].concat(),
        Fault::Double => answer = answer.repeat(2),
        Fault::Exception(code) => {
            answer.truncate(unit + 2);
            answer[unit + 1] |= 0x80;
            answer.push(code);
            if framing == Framing::Rtu {
                answer.extend([0, 0]);
            }
            seal(&mut answer, framing);
        }
        Fault::Noise { before, after } => answer = [before, answer, after].concat(),
    }
    Some(answer)
}

/// Makes the length or the checksum right again.
fn seal(answer: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Tcp => {
            let length = (answer.len() - 6) as u16;
            answer[4..6].copy_from_slice(&length.to_be_bytes());
        }
        Framing::Rtu => {
            answer.truncate(answer.len() - 2);
            let sum = crc(answer).to_le_bytes();
            answer.extend(sum);
        }
    }
}

/// CRC-16/MODBUS once more, bit by bit, so that the wire does not share a mistake with the master.
pub fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8)
            .fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 })
    })
}
