//! A small street with one household that the test itself opens.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use exchange::{Access, Exchange, Invite};
use exchange_api::{Invitation, Limits};
use home::config::HomeConfig;
use home::{Home, HomeOptions, SecretSource};
use simulator::street::{Street, StreetOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use units::{Clock as _, SystemClock};

/// A street whose first house is left to the test.
pub struct Bench {
    pub street: Street,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// Builds a street of four at a speed: two houses have a roof, the first of them is the test's.
    pub async fn new(speed: f64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StreetOptions {
            dir: folder.path().join("street"),
            houses: 4,
            seed: 7,
            speed,
            start: "2026-06-16T10:00:00Z".parse().unwrap(),
            app_house: Some(1),
            past_days: 0,
        };
        Self { street: Street::build(options).await.unwrap(), _folder: folder }
    }

    /// Returns the data folder of the house under test.
    pub fn dir(&self) -> PathBuf {
        self.street.neighbours()[0].dir.clone()
    }

    /// Changes the household's configuration before it is opened.
    pub fn configure(&self, change: impl FnOnce(&mut HomeConfig)) {
        let mut config = HomeConfig::load(&self.dir()).unwrap();
        change(&mut config);
        config.save(&self.dir()).unwrap();
    }
}

/// Returns how to open a home of the street.
pub fn options(dir: &Path, program: &str) -> HomeOptions {
    HomeOptions {
        dir: dir.to_owned(),
        secrets: SecretSource::PassphraseFile(dir.join("passphrase")),
        program: program.to_owned(),
        create: false,
    }
}

/// A household that runs until it is ended.
pub struct Running {
    pub home: Home,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub fn start(dir: &Path) -> Self {
        let home = Home::open(options(dir, "the test")).unwrap();
        let stop = CancellationToken::new();
        let (running, until) = (home.clone(), stop.clone());
        let task = tokio::spawn(async move { running.run(until).await });
        Self { home, stop, task }
    }

    pub async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Waits until a question is answered with yes; fails with what it waited for.
pub async fn eventually(what: &str, limit: Duration, mut question: impl FnMut() -> bool) {
    let began = Instant::now();
    while !question() {
        assert!(began.elapsed() < limit, "waited {} s for: {what}", limit.as_secs());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// An exchange served by TLS, until it is ended.
pub struct Encrypted {
    pub exchange: Exchange,
    pub address: SocketAddr,
    until: CancellationToken,
    serving: JoinHandle<()>,
}

impl Encrypted {
    pub async fn at(dir: &Path, address: &str) -> Self {
        let exchange = Exchange::open(dir, Arc::new(SystemClock)).unwrap();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let until = CancellationToken::new();
        let serving = tokio::spawn({
            let (exchange, until) = (exchange.clone(), until.clone());
            let access = Access::Tls { addresses: Vec::new() };
            async move { exchange.serve_as(listener, &access, until).await.unwrap() }
        });
        Self { exchange, address, until, serving }
    }

    pub async fn invite(&self, member: &str) -> Invitation {
        let invite = Invite {
            member: units::MemberId::new(member).unwrap(),
            area: self.exchange.config().areas[0].id.clone(),
            metering_point: format!("meter-of-{member}"),
            limits: Limits { fuse_w: 24_000, exposure: units::Money::from_nanos(20_000_000_000) },
            expires: SystemClock.now() + Duration::from_secs(3600),
            address: format!("https://{}", self.address),
        };
        self.exchange.invite(invite).await.unwrap()
    }

    /// Makes a home that joins as soon as it runs.
    pub async fn ready_to_join(&self, invitation: &Invitation, dir: &Path) {
        std::fs::create_dir(dir).unwrap();
        std::fs::write(dir.join("passphrase"), "a passphrase").unwrap();
        let mut config = HomeConfig::starter();
        let valid_from = "2020-01-01".parse().unwrap();
        config.contracts = vec![pricing::ContractTable::fixed(valid_from, "0.320 EUR/kWh", "0.080 EUR/kWh")];
        config.save(dir).unwrap();
        let offer = home::join::look_at(&invitation.to_string()).await.unwrap();
        offer.keep(dir, Some(&self.exchange.config().terms.version)).unwrap();
    }

    pub async fn end(self) {
        let Self { exchange, until, serving, .. } = self;
        until.cancel();
        serving.await.unwrap();
        drop(exchange);
    }
}
