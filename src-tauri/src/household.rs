//! The household behind the window: opened beside it, so that a slow keyring does not delay the window.

use std::time::Duration;

use home::{Home, HomeOptions};
use tauri::async_runtime::{self, JoinHandle};
use tokio::sync::SetOnce;
use tokio_util::sync::CancellationToken;

/// How long the household may take to write what it knows. Its calls to the exchange are given up after
/// less; beyond it a disk hangs, and the desktop would end us anyway.
const FAREWELL: Duration = Duration::from_secs(20);

/// The household, once it is open; until then whoever asks waits.
#[derive(Debug, Default)]
pub struct Household {
    home: SetOnce<Home>,
    stop: CancellationToken,
}

impl Household {
    pub async fn home(&self) -> Home {
        self.home.wait().await.clone()
    }

    /// Opens the household, or a handle that answers every question with why it could not be opened, and
    /// runs it until it is told to stop.
    pub async fn live(&self, options: HomeOptions) {
        // Opening reads the disk and may wait for the keyring.
        let opened = async_runtime::spawn_blocking(move || Home::open_or_explain(options)).await;
        let home = opened.expect("opening a household answers why instead of panicking");
        // It is opened once, so the place is free.
        let _ = self.home.set(home.clone());
        home.run(self.stop.clone()).await;
    }

    /// Tells the household to stop and waits until it has written what it knows.
    pub fn end(&self, living: JoinHandle<()>) {
        self.stop.cancel();
        let ended = async_runtime::block_on(async { tokio::time::timeout(FAREWELL, living).await });
        match ended {
            Ok(Ok(())) => tracing::info!("the household has ended"),
            Ok(Err(error)) => tracing::error!(%error, "the household broke off"),
            Err(_) => tracing::error!("the household did not end in time; its last samples may be missing"),
        }
    }
}
