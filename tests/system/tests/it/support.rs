//! A small street with one household that the test itself opens.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use home::config::HomeConfig;
use home::{Home, HomeOptions, SecretSource};
use simulator::street::{Street, StreetOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

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
