//! Faults on the wire: never a wrong value, each with its code, and values come again.

use std::time::{Duration, Instant};

use drivers::{Bus, BusSettings, Code, Device, DeviceSettings, Endpoint};

use crate::peer::Peer;
use crate::proxy::{Fault, Framing, Proxy};
use crate::truth::{codes, quick, read, read_true, rtu_server, tcp_server, units};

/// A wire before a server, and a device at its other end.
struct Wire {
    proxy: Proxy,
    device: Device,
    framing: Framing,
}

/// A late answer is waited for this long in these tests, in place of a second.
const SETTLE: Duration = Duration::from_millis(300);

impl Wire {
    async fn tcp() -> Self {
        Self::settling(SETTLE, Proxy::tcp(Framing::Tcp, tcp_server()).await.unwrap(), Framing::Tcp)
    }

    async fn rtu_over_tcp() -> Self {
        Self::settling(SETTLE, Proxy::tcp(Framing::Rtu, rtu_server()).await.unwrap(), Framing::Rtu)
    }

    async fn serial() -> Self {
        Self::settling(SETTLE, Proxy::serial(rtu_server()).await.unwrap(), Framing::Rtu)
    }

    /// Runs a story on a wire of each kind, all at once since most of it is waiting.
    async fn each_kind(story: impl AsyncFn(Self)) {
        let wires = (Self::tcp().await, Self::rtu_over_tcp().await, Self::serial().await);
        tokio::join!(story(wires.0), story(wires.1), story(wires.2));
    }

    fn settling(settle: Duration, proxy: Proxy, framing: Framing) -> Self {
        let settings = BusSettings { settle, ..BusSettings::of(&proxy.endpoint) };
        let device = Bus::open(proxy.endpoint.clone(), settings).device(1, quick());
        Self { proxy, device, framing }
    }

    /// Reads once with a fault on the first answer: the retry must give the truth.
    async fn overcomes(&self, fault: Fault, expected: Code) {
        read_true(&self.device, &[read(40, 10)]).await.unwrap();
        self.proxy.next([fault.clone()]);
        read_true(&self.device, &[read(0, 10)]).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(codes(&self.device), [expected], "{fault:?} on {}", self.proxy.endpoint);
        read_true(&self.device, &[read(60, 10)]).await.unwrap();
        assert_eq!(codes(&self.device), [], "after {fault:?} on {}", self.proxy.endpoint);
    }
}

#[tokio::test]
async fn a_damaged_answer_is_asked_again_and_counted_by_its_kind() {
    let tcp = Wire::tcp().await;
    tcp.overcomes(Fault::OtherTransaction, Code::Transaction).await;
    drop(tcp);
    Wire::each_kind(async |wire| {
        wire.overcomes(Fault::Cut(9), Code::ShortReply).await;
        wire.overcomes(Fault::Short, Code::ShortReply).await;
        wire.overcomes(Fault::OtherUnit, Code::WrongUnit).await;
        wire.overcomes(Fault::OtherFunction, Code::WrongFunction).await;
        wire.overcomes(Fault::Lost, Code::Timeout).await;
        if wire.framing == Framing::Rtu {
            wire.overcomes(Fault::Flipped, Code::Crc).await;
            wire.overcomes(Fault::Noise { before: vec![0xAA; 20], after: vec![] }, Code::Garbage).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_again() {
    for wire in [Wire::tcp().await, Wire::rtu_over_tcp().await] {
        wire.overcomes(Fault::HangUp, Code::Closed).await;
    }
}

#[tokio::test]
async fn noise_and_echo_on_a_line_do_not_hurt() {
    for wire in [Wire::rtu_over_tcp().await, Wire::serial().await] {
        let noise = Fault::Noise { before: vec![0, 0xFF, 0], after: vec![0, 0, 0] };
        wire.proxy.next([noise, Fault::Echo]);
        for address in [0, 20] {
            read_true(&wire.device, &[read(address, 10)]).await.unwrap();
        }
        assert_eq!(codes(&wire.device), []);
        assert!(wire.device.tally().local_echo && wire.device.tally().junk >= 3);
    }
}

/// The case that gives another register's value as good elsewhere (tokio-modbus #324).
#[tokio::test]
async fn a_late_answer_is_never_taken_for_the_next_one() {
    Wire::each_kind(async |wire| {
        for late_ms in [160, 250, 400, 700] {
            wire.proxy.next([Fault::Late(Duration::from_millis(late_ms))]);
            let began = Instant::now();
            read_true(&wire.device, &[read(0, 10)]).await.ok();
            // The next request has the same length at another address.
            let mut tries = 1;
            while read_true(&wire.device, &[read(20, 10)]).await.is_err() {
                tries += 1;
            }
            assert!(tries <= 2 && began.elapsed() < Duration::from_secs(3), "{late_ms} ms, {tries} tries");
        }
        assert!(codes(&wire.device).iter().all(|code| *code == Code::Timeout));
    })
    .await;
}

/// Where no time is left for late answers, the fence alone must hold.
#[tokio::test]
async fn answers_later_than_any_patience_are_held_off_by_the_fence() {
    let wire = Wire::settling(Duration::ZERO, Proxy::serial(rtu_server()).await.unwrap(), Framing::Rtu);
    let mut good = 0;
    for poll in 0..12 {
        if poll % 3 == 0 {
            wire.proxy.next([Fault::Late(Duration::from_millis(155 + 20 * u64::from(poll)))]);
        }
        good += u32::from(read_true(&wire.device, &[read(10 * poll, 10)]).await.is_ok());
    }
    assert!(good >= 10, "{good} of 12");
    assert!(wire.device.tally().late > 0, "answers did come late");
}

/// A fifth of the answers late, others damaged, requests of equal length at changing addresses.
#[tokio::test]
async fn in_a_storm_of_faults_every_value_is_true() {
    Wire::each_kind(async |wire| {
        let mut random = 0x2545_F491_4F6C_DD1D_u64;
        let mut good = 0;
        for poll in 0..40u16 {
            let faults = std::iter::repeat_with(|| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                match random % 20 {
                    0..4 => Fault::Late(Duration::from_millis(100 + random % 250)),
                    4 => Fault::Flipped,
                    5 => Fault::Cut(7),
                    6 => Fault::OtherUnit,
                    7 => Fault::Short,
                    8 => Fault::Noise { before: vec![0xFF, 0], after: vec![0] },
                    _ => Fault::None,
                }
            });
            // On TCP nothing notices a flipped bit but TCP itself, and noise is another fault.
            let tcp = wire.framing == Framing::Tcp;
            let lost = |fault: &Fault| tcp && *fault == Fault::Flipped;
            wire.proxy.next(faults.filter(|fault| !lost(fault)).take(1));
            let reads = [read(poll * 3 % 100, 10), read(100 + poll, 2)];
            good += u32::from(read_true(&wire.device, &reads).await.is_ok());
        }
        assert!(good >= 32, "{good} of 40 on {}", wire.proxy.endpoint);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        let start = |port| match framing {
            Framing::Tcp => Peer::tcp(port, &units(&[1])).unwrap(),
            Framing::Rtu => Peer::rtu_over_tcp(port, &units(&[1])).unwrap(),
        };
        let peer = start(0);
        let (address, port) = (peer.address(), peer.port());
        let endpoint = match framing {
            Framing::Tcp => Endpoint::tcp(&address).unwrap(),
            Framing::Rtu => Endpoint::rtu_over_tcp(&address).unwrap(),
        };
        let bus = Bus::open(endpoint.clone(), BusSettings::of(&endpoint));
        let device = bus.device(1, quick());
        read_true(&device, &[read(0, 10)]).await.unwrap();
        drop(peer);
        let impatient = DeviceSettings { patience: Duration::from_millis(600), ..quick() };
        let error = bus.device(1, impatient).read(&[read(0, 10)]).await.unwrap_err();
        assert_eq!(error.code(), Code::Closed, "{error}");

        let _peer = start(port);
        let restarted = Instant::now();
        while read_true(&device, &[read(20, 10)]).await.is_err() {}
        assert!(restarted.elapsed() < Duration::from_secs(5), "{:?}", restarted.elapsed());
    }
}

/// A gateway stays up while its meter restarts: its TCP hangs up at once, or its line is silent.
#[tokio::test]
async fn a_server_that_restarts_behind_a_gateway_is_found_again() {
    let peer = Peer::tcp(0, &units(&[1])).unwrap();
    let (address, port) = (peer.address(), peer.port());
    let wire = Wire::settling(SETTLE, Proxy::tcp(Framing::Tcp, address).await.unwrap(), Framing::Tcp);
    read_true(&wire.device, &[read(0, 10)]).await.unwrap();
    drop(peer);
    let impatient = DeviceSettings { patience: Duration::from_millis(600), ..quick() };
    wire.device.bus().device(1, impatient).read(&[read(0, 10)]).await.unwrap_err();

    let _peer = Peer::tcp(port, &units(&[1])).unwrap();
    let restarted = Instant::now();
    while read_true(&wire.device, &[read(20, 10)]).await.is_err() {}
    assert!(restarted.elapsed() < Duration::from_secs(5), "{:?}", restarted.elapsed());
}

#[tokio::test]
async fn a_device_that_hangs_up_at_once_is_used_by_another_program() {
    let wire = Wire::tcp().await;
    wire.proxy.always(Some(Fault::HangUp));
    let error = wire.device.read(&[read(0, 2)]).await.unwrap_err();
    assert!(error.message().contains("another program probably uses it"), "{error}");
    let before = wire.proxy.connections();
    // After a few quick tries, one of them in serial frames, it waits, whatever is asked meanwhile.
    while wire.proxy.connections() < 5 {
        wire.device.read(&[read(0, 2)]).await.unwrap_err();
    }
    for _ in 0..20 {
        let settings = DeviceSettings { patience: Duration::from_millis(100), ..quick() };
        wire.device.bus().device(1, settings).read(&[read(0, 2)]).await.unwrap_err();
    }
    assert!(wire.proxy.connections() <= before.max(5), "{} connections", wire.proxy.connections());
}

#[tokio::test]
async fn a_dead_unit_leaves_the_line_to_the_living() {
    let wire = Wire::serial().await;
    let (living, dead) = (wire.device.clone(), wire.device.bus().device(9, quick()));
    read_true(&living, &[read(0, 10)]).await.unwrap();
    for _ in 0..2 {
        dead.read(&[read(0, 10)]).await.unwrap_err();
    }
    let asked = || wire.proxy.requests().iter().filter(|(_, request)| request[0] == 9).count();
    let before = asked();
    let (began, reads) = (Instant::now(), [read(0, 10)]);
    for _ in 0..20 {
        let (alive, gone) = tokio::join!(read_true(&living, &reads), dead.read(&reads));
        alive.unwrap();
        assert_eq!(gone.unwrap_err().code(), Code::Timeout);
    }
    // A probe is one time-out of the line; it comes at most once in ten times as long.
    let probes = began.elapsed().as_millis() / (10 * quick().timeout).as_millis() + 1;
    assert!((asked() - before) as u128 <= probes, "{} asked in {:?}", asked() - before, began.elapsed());
}
