//! A wire to a real server, over TCP or two pseudo-terminals at 9600 baud, that can do to answers what
//! happens in homes.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use drivers::{Endpoint, Line};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until, timeout};

use super::random::Random;
use crate::proxy::{Fault, Framing, crc, spoil};
use crate::terminal::{Terminal, pseudo_terminal};

/// A server that takes longer than this to answer is away.
const SERVER_PATIENCE: Duration = Duration::from_secs(2);

/// What goes over the wire, and what becomes of it.
pub struct State {
    pub faults: VecDeque<Fault>,
    /// Faults without end, of so many answers in a hundred.
    pub storm: Option<(Random, u64)>,
    /// Longer reads are refused.
    pub longest: u16,
    /// The server is away, and what goes to it is lost.
    pub away: bool,
    /// Another program has the only connection.
    pub occupied: bool,
    /// Nothing comes over connections with smaller numbers: their other end forgot them.
    pub dead_below: u64,
    /// Connections that are older are ended.
    ended_below: u64,
    listens: bool,
    connections: u64,
    /// How often each function code was asked for.
    pub functions: BTreeMap<u8, u64>,
    /// How often each was asked for in frames of another kind than this line's, which go nowhere.
    pub strays: BTreeMap<u8, u64>,
    /// How often each fault happened, and when the last one did.
    pub happened: BTreeMap<&'static str, u64>,
    pub last: Instant,
    /// Each exchange, where the wire was asked to remember them.
    pub traffic: Option<Vec<Exchange>>,
}

/// One request and its answer: their lengths, and how long the server took in between.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "only the bench looks at it")]
pub struct Exchange {
    pub request: usize,
    pub answer: usize,
    pub turnaround: Duration,
}

type Shared = Arc<Mutex<State>>;

/// A wire. It ends when it is dropped.
pub struct Wire {
    /// Where the master connects.
    pub endpoint: Endpoint,
    /// Where serial adapters are listed by name.
    pub adapters: PathBuf,
    /// Where the server opens its end, on a serial line.
    pub far: Option<PathBuf>,
    shared: Shared,
    line: Option<SerialLine>,
    task: JoinHandle<()>,
}

/// What is particular of a serial line: adapters come and go, the server's end stays.
struct SerialLine {
    dev: TempDir,
    far: Arc<tokio::sync::Mutex<Terminal>>,
    plugged: u32,
}

impl Wire {
    /// Makes a wire before a server that listens on this port of the loopback.
    pub async fn tcp(port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Shared::new(Mutex::new(State::new()));
        let task = tokio::spawn(listen(listener, port, shared.clone()));
        let endpoint = Endpoint::tcp(&address.to_string())?;
        Ok(Self { endpoint, adapters: PathBuf::new(), far: None, shared, line: None, task })
    }

    /// Makes a serial line whose adapter is plugged in as `ttyUSB0`.
    pub fn serial() -> Result<Self> {
        let dev = TempDir::new()?;
        let adapters = dev.path().join("by-id");
        std::fs::create_dir(&adapters)?;
        let (far, path) = pseudo_terminal()?;
        let shared = Shared::new(Mutex::new(State::new()));
        let endpoint = Endpoint::serial(dev.path().join("ttyUSB0"), Line::default());
        let line = SerialLine { dev, far: Arc::new(tokio::sync::Mutex::new(far)), plugged: 0 };
        let task = tokio::spawn(async {});
        let mut wire = Self { endpoint, adapters, far: Some(path), shared, line: Some(line), task };
        wire.plug()?;
        Ok(wire)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap()
    }

    /// Plugs the adapter in: each time it gets another name, and keeps its serial number.
    pub fn plug(&mut self) -> Result<()> {
        let line = self.line.as_mut().context("only serial adapters are plugged")?;
        let (near, node) = pseudo_terminal()?;
        let name = line.dev.path().join(format!("ttyUSB{}", line.plugged));
        std::os::unix::fs::symlink(node, &name)?;
        std::os::unix::fs::symlink(&name, self.adapters.join("usb-Maker_Adapter_0815-if00-port0"))?;
        self.task = tokio::spawn(carry_serial(near, line.far.clone(), self.shared.clone()));
        Ok(())
    }

    /// Pulls the adapter out.
    pub async fn unplug(&mut self) -> Result<()> {
        let line = self.line.as_mut().context("only serial adapters are pulled")?;
        std::fs::remove_file(line.dev.path().join(format!("ttyUSB{}", line.plugged)))?;
        std::fs::remove_file(self.adapters.join("usb-Maker_Adapter_0815-if00-port0"))?;
        line.plugged += 1;
        self.task.abort();
        // The port is gone once the task has let go of it.
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Ends all connections; new ones are refused unless it listens.
    pub fn hang_up(&self, listens: bool) {
        let mut state = self.state();
        state.ended_below = state.connections + 1;
        state.listens = listens;
    }

    /// Forgets all connections without a word, as a gateway that lost its power.
    pub fn forget(&self) {
        let mut state = self.state();
        state.dead_below = state.connections + 1;
        state.listens = false;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn new() -> Self {
        Self {
            faults: VecDeque::new(),
            storm: None,
            longest: 125,
            away: false,
            occupied: false,
            dead_below: 0,
            ended_below: 0,
            listens: true,
            connections: 0,
            functions: BTreeMap::new(),
            strays: BTreeMap::new(),
            happened: BTreeMap::new(),
            last: Instant::now(),
            traffic: None,
        }
    }

    /// Lets everything through again.
    pub fn clear(&mut self) {
        self.faults.clear();
        (self.storm, self.longest, self.away, self.occupied, self.listens) = (None, 125, false, false, true);
    }

    pub fn note(&mut self, fault: &'static str) {
        *self.happened.entry(fault).or_default() += 1;
        self.last = Instant::now();
    }

    /// Chooses what becomes of the answer to a request.
    fn fate(&mut self, request: &[u8], framing: Framing) -> Fault {
        let pdu = if framing == Framing::Tcp { 7 } else { 1 };
        *self.functions.entry(request[pdu]).or_default() += 1;
        let count = u16::from_be_bytes([request[pdu + 3], request[pdu + 4]]);
        if count > self.longest {
            // Devices do not agree which of the two it is.
            return Fault::Exception(2 + (request[pdu + 2] / 2) % 2);
        }
        let fault = match (self.faults.pop_front(), &mut self.storm) {
            (Some(fault), _) => fault,
            (None, Some((random, percent))) => {
                if random.below(100) < *percent {
                    random_fault(random, framing)
                } else {
                    Fault::None
                }
            }
            (None, None) => Fault::None,
        };
        if fault != Fault::None {
            self.note(name(&fault));
        }
        fault
    }
}

/// Returns what a fault is called in figures.
pub fn name(fault: &Fault) -> &'static str {
    const EXCEPTIONS: [&str; 12] = [
        "exception 0",
        "exception 1",
        "exception 2",
        "exception 3",
        "exception 4",
        "exception 5",
        "exception 6",
        "exception 7",
        "exception 8",
        "exception 9",
        "exception 10",
        "exception 11",
    ];
    match fault {
        Fault::None => "none",
        Fault::Late(by) if *by == Duration::from_millis(700) => "700 ms late",
        Fault::Late(_) => "late",
        Fault::Lost => "lost",
        Fault::Flipped => "bad crc",
        Fault::Cut(_) => "cut",
        Fault::Short => "short",
        Fault::OtherUnit => "wrong unit",
        Fault::OtherFunction => "wrong function",
        Fault::OtherTransaction => "wrong transaction",
        Fault::Echo => "echo",
        Fault::Noise { before, .. } if before.is_empty() => "noise after",
        Fault::Noise { .. } => "noise before",
        Fault::Double => "double",
        Fault::Exception(code) => EXCEPTIONS[usize::from(*code)],
        Fault::HangUp => "hang up",
    }
}

/// Chooses one of everything that can happen to an answer.
pub fn random_fault(random: &mut Random, framing: Framing) -> Fault {
    let noise = |random: &mut Random| {
        let length = 1 + random.below(8);
        (0..length).map(|_| *random.choose(&[0, 0xFF, 0x55])).collect::<Vec<u8>>()
    };
    loop {
        return match random.below(15) {
            // Nothing but TCP itself finds a flipped bit on TCP.
            0 if framing == Framing::Tcp => continue,
            0 => Fault::Flipped,
            1 => Fault::Noise { before: noise(random), after: Vec::new() },
            2 => Fault::Noise { before: Vec::new(), after: noise(random) },
            3 => Fault::Cut(1 + random.below(20) as usize),
            4 => Fault::Lost,
            5 => Fault::Late(Duration::from_millis(700)),
            6 => Fault::Late(Duration::from_millis(300 + random.below(1300))),
            7 => Fault::OtherUnit,
            8 => Fault::OtherFunction,
            9 => Fault::Echo,
            10 => Fault::Double,
            11 => Fault::Short,
            12 if framing == Framing::Rtu => continue,
            12 => Fault::OtherTransaction,
            13 => Fault::Exception(1 + random.below(11) as u8),
            _ if framing == Framing::Rtu => continue,
            _ => Fault::HangUp,
        };
    }
}

/// Takes connections while it is to listen.
async fn listen(listener: TcpListener, port: u16, shared: Shared) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    loop {
        let listens = shared.lock().unwrap().listens;
        if !listens {
            listener = None;
            sleep(Duration::from_millis(10)).await;
            continue;
        }
        let accepting = match &listener {
            Some(listener) => listener,
            None => match TcpListener::bind(address).await {
                Ok(bound) => listener.insert(bound),
                Err(error) if error.kind() == ErrorKind::AddrInUse => continue,
                Err(error) => panic!("listening again: {error}"),
            },
        };
        let Ok(Ok((client, _))) = timeout(Duration::from_millis(10), accepting.accept()).await else {
            continue;
        };
        let number = {
            let mut state = shared.lock().unwrap();
            state.connections += 1;
            if state.occupied { None } else { Some(state.connections) }
        };
        // Another program has the only connection: the client's is ended at once.
        let Some(number) = number else { continue };
        let shared = shared.clone();
        tokio::spawn(async move { drop(carry_tcp(client, port, number, shared).await) });
    }
}

async fn carry_tcp(client: TcpStream, port: u16, number: u64, shared: Shared) -> Result<()> {
    client.set_nodelay(true)?;
    let server = TcpStream::connect(("127.0.0.1", port)).await?;
    server.set_nodelay(true)?;
    let ended = async {
        while shared.lock().unwrap().ended_below <= number {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        carried = carry(client, server, Framing::Tcp, None, number, &shared) => carried,
        () = ended => Ok(()),
    }
}

async fn carry_serial(near: Terminal, far: Arc<tokio::sync::Mutex<Terminal>>, shared: Shared) {
    let (mut near, mut far) = (near, far.lock().await);
    loop {
        // While nobody has the port open, reading fails at once.
        drop(carry(&mut near, &mut *far, Framing::Rtu, Some(Line::default()), u64::MAX, &shared).await);
        sleep(Duration::from_millis(5)).await;
    }
}

/// Carries requests and answers until one side ends.
async fn carry<N, F>(
    near: N,
    mut far: F,
    framing: Framing,
    line: Option<Line>,
    number: u64,
    shared: &Shared,
) -> Result<()>
where
    N: AsyncRead + AsyncWrite + Unpin,
    F: AsyncRead + AsyncWrite + Unpin,
{
    let (mut requests, mut answers) = tokio::io::split(near);
    let (send, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let read = async {
        loop {
            let mut request = vec![0; 8];
            requests.read_exact(&mut request).await?;
            if framing == Framing::Tcp {
                // A scan also tries whether it is a gateway of serial frames. One that asks for register 0 looks
                // like the beginning of a frame of TCP, but for its checksum.
                let is_serial = crc(&request[..6]).to_le_bytes() == request[6..8];
                if is_serial || request[2..4] != [0, 0] {
                    *shared.lock().unwrap().strays.entry(request[1]).or_default() += 1;
                    continue;
                }
                request.resize(12, 0);
                requests.read_exact(&mut request[8..]).await?;
            }
            if let Some(line) = line {
                sleep(line.time_of(request.len())).await;
            }
            let (fault, is_dead, away) = {
                let mut state = shared.lock().unwrap();
                let is_dead = number < state.dead_below;
                (state.fate(&request, framing), is_dead, state.away)
            };
            if is_dead || away && framing == Framing::Rtu {
                continue;
            }
            let asked = Instant::now();
            let answer = match ask(&mut far, &request, framing, line.is_some()).await {
                Ok(answer) => answer,
                // A gateway whose meter is away: TCP hangs up, a line is silent.
                Err(error) if framing == Framing::Tcp => return Err(error),
                Err(_) => {
                    // A line keeps nothing: what was asked of a deaf device is gone, not answered later.
                    let mut lost = [0; 64];
                    while matches!(timeout(Duration::ZERO, requests.read(&mut lost)).await, Ok(Ok(1..))) {}
                    continue;
                }
            };
            let turnaround = asked.elapsed();
            if let Some(traffic) = &mut shared.lock().unwrap().traffic {
                traffic.push(Exchange { request: request.len(), answer: answer.len(), turnaround });
            }
            let delay = if let Fault::Late(delay) = fault { delay } else { Duration::ZERO };
            let refused = answer[if framing == Framing::Tcp { 7 } else { 1 }] & 0x80 != 0;
            let fault = if refused { Fault::None } else { fault };
            let Some(answer) = spoil(fault, &request, answer, framing) else { continue };
            ensure!(!answer.is_empty(), "hang up");
            send.send((Instant::now() + delay, answer))?;
        }
        #[allow(unreachable_code)]
        anyhow::Ok(())
    };
    let write = async {
        while let Some((time, answer)) = due.recv().await {
            sleep_until(time.into()).await;
            match line {
                None => answers.write_all(&answer).await?,
                Some(line) => trickle(&mut answers, &answer, line).await?,
            }
        }
        anyhow::Ok(())
    };
    tokio::select! { done = read => done, done = write => done }
}

/// Writes bytes when a line of this speed would have carried them.
async fn trickle(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8], line: Line) -> Result<()> {
    let began = Instant::now();
    let mut written = 0;
    while written < bytes.len() {
        sleep_until((began + line.time_of(written + 1)).into()).await;
        let passed = (began.elapsed().as_secs_f64() / line.time_of(1).as_secs_f64()) as usize;
        let until = passed.clamp(written + 1, bytes.len());
        to.write_all(&bytes[written..until]).await?;
        written = until;
    }
    Ok(())
}

/// Asks the server, and takes its answer as it is.
async fn ask<F>(far: &mut F, request: &[u8], framing: Framing, drains: bool) -> Result<Vec<u8>>
where
    F: AsyncRead + AsyncWrite + Unpin,
{
    let mut rest = [0; 512];
    // What an earlier server left behind is nobody's answer.
    while drains && matches!(timeout(Duration::ZERO, far.read(&mut rest)).await, Ok(Ok(1..))) {}
    far.write_all(request).await?;
    let answer = async {
        let head = if framing == Framing::Tcp { 6 } else { 3 };
        let mut answer = vec![0; head];
        far.read_exact(&mut answer).await?;
        let rest = match framing {
            Framing::Tcp => usize::from(u16::from_be_bytes([answer[4], answer[5]])),
            Framing::Rtu if answer[1] & 0x80 != 0 => 2,
            Framing::Rtu => usize::from(answer[2]) + 2,
        };
        answer.resize(head + rest, 0);
        far.read_exact(&mut answer[head..]).await?;
        anyhow::Ok(answer)
    };
    let answer = timeout(SERVER_PATIENCE, answer).await.context("the server is silent")??;
    let from = if framing == Framing::Tcp { 6 } else { 0 };
    if answer.get(from) != request.get(from) {
        bail!("the server answered for another unit");
    }
    Ok(answer)
}
