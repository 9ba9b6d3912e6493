//! A household that this program runs: it wakes, sleeps, and wakes again in the same folder.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use history::History;
use home::{Home, HomeError, HomeOptions, SecretSource};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use units::{Clock, ScaledClock, Timestamp};

use super::{Running, folders};
use crate::house::Naps;

/// The household of a data folder, awake or not.
#[derive(Debug)]
pub(super) struct Household {
    dir: PathBuf,
    /// All households of the street, which end together.
    all: Running,
    awake: Mutex<Option<Awake>>,
}

#[derive(Debug)]
struct Awake {
    home: Home,
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Household {
    pub fn asleep(dir: PathBuf, all: Running) -> Self {
        Self { dir, all, awake: Mutex::default() }
    }

    fn awake(&self) -> MutexGuard<'_, Option<Awake>> {
        self.awake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what the household remembers, while it is awake.
    pub fn history(&self) -> Option<History> {
        self.awake().as_ref().and_then(|awake| awake.home.history().cloned())
    }

    /// Returns the household, while it is awake.
    pub fn home(&self) -> Option<Home> {
        self.awake().as_ref().map(|awake| awake.home.clone())
    }

    /// Returns the household, which is woken where it sleeps.
    pub async fn woken(&self) -> Result<Home, HomeError> {
        if self.home().is_none() {
            self.wake().await?;
        }
        Ok(self.home().expect("it was woken a line above"))
    }

    /// Opens the household and lets it live until it is put to sleep or the street ends.
    pub async fn wake(&self) -> Result<(), HomeError> {
        let home = open(self.dir.clone()).await?;
        let end = self.all.end.child_token();
        let (running, until) = (home.clone(), end.clone());
        let task = self.all.tasks.spawn(async move { running.run(until).await });
        *self.awake() = Some(Awake { home, end, task });
        Ok(())
    }

    /// Ends the household as closing a lid in good order does. Returns when it has let go of its folder.
    pub async fn sleep(&self) {
        let Some(Awake { home, end, task }) = self.awake().take() else { return };
        end.cancel();
        if let Err(error) = task.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
        drop(home);
    }

    /// Sleeps at every nap until the street ends.
    pub async fn live_with_naps(self: Arc<Self>, naps: Naps, clock: Arc<ScaledClock>) {
        let mut awake_since = clock.now();
        loop {
            let nap = naps.next(awake_since);
            if !self.lasts_until(nap.start, &clock).await {
                return;
            }
            self.sleep().await;
            tracing::info!(folder = %self.dir.display(), until = %nap.end, "a household sleeps");
            if !self.lasts_until(nap.end, &clock).await {
                return;
            }
            if let Err(error) = self.wake().await {
                let error: &dyn std::error::Error = &error;
                tracing::error!(folder = %self.dir.display(), error, "a household did not wake again");
                return;
            }
            awake_since = nap.end;
        }
    }

    /// Waits for an instant; returns false if the street ends before.
    async fn lasts_until(&self, time: Timestamp, clock: &ScaledClock) -> bool {
        tokio::select! {
            () = self.all.end.cancelled() => false,
            () = super::until(clock, time) => true,
        }
    }
}

async fn open(dir: PathBuf) -> Result<Home, HomeError> {
    let options = HomeOptions {
        secrets: SecretSource::PassphraseFile(dir.join(folders::PASSPHRASE_FILE)),
        dir,
        program: "wattle-street".to_owned(),
        create: false,
    };
    // Opening stretches a passphrase and reads files.
    match tokio::task::spawn_blocking(move || Home::open(options)).await {
        Ok(opened) => opened,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
