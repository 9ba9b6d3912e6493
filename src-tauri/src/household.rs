//! The household behind the window: opened beside it, so that a slow keyring does not delay the window, and
//! opened anew when what it was opened with has changed.

use std::time::Duration;

use home::{Home, HomeOptions};
use tauri::async_runtime::{self, JoinHandle};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// How long the household may take to write what it knows. Its calls to the exchange are given up after
/// less; beyond it a disk hangs, and the desktop would end us anyway.
const FAREWELL: Duration = Duration::from_secs(20);

/// The household, while it is open; until then whoever asks waits.
#[derive(Debug)]
pub struct Household {
    home: watch::Sender<Option<Home>>,
    errands: mpsc::Sender<Errand>,
    waiting: Mutex<mpsc::Receiver<Errand>>,
    stop: CancellationToken,
}

/// What is done while the household is closed, and who waits until it is open again.
struct Errand {
    work: Box<dyn FnOnce(&mut HomeOptions) + Send>,
    opened: oneshot::Sender<()>,
}

impl std::fmt::Debug for Errand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Errand").finish_non_exhaustive()
    }
}

impl Default for Household {
    fn default() -> Self {
        // One at a time: who comes second waits.
        let (errands, waiting) = mpsc::channel(1);
        Self {
            home: watch::Sender::new(None),
            errands,
            waiting: Mutex::new(waiting),
            stop: CancellationToken::new(),
        }
    }
}

impl Household {
    pub async fn home(&self) -> Home {
        let mut opened = self.home.subscribe();
        // Its sender lives as long as we do.
        let home = opened.wait_for(Option::is_some).await.ok().and_then(|home| home.clone());
        match home {
            Some(home) => home,
            None => std::future::pending().await,
        }
    }

    /// Opens the household, or a handle that answers every question with why it could not be opened, and
    /// runs it until it is told to stop. In between it may be closed for an errand and opened again.
    pub async fn live(&self, mut options: HomeOptions) {
        let mut errands = self.waiting.lock().await;
        let mut opened: Option<oneshot::Sender<()>> = None;
        loop {
            // Opening reads the disk and may wait for the keyring.
            let asked = options.clone();
            let home = async_runtime::spawn_blocking(move || Home::open_or_explain(asked)).await;
            let home = home.expect("opening a household answers why instead of panicking");
            self.home.send_replace(Some(home.clone()));
            if let Some(opened) = opened.take() {
                // Who asked may have gone with the window.
                let _ = opened.send(());
            }
            let errand = self.run(home, &mut errands).await;
            let Some(Errand { work, opened: waits }) = errand else { return };
            let worked = async_runtime::spawn_blocking(move || {
                work(&mut options);
                options
            });
            options = worked.await.expect("an errand answers why instead of panicking");
            opened = Some(waits);
        }
    }

    /// Runs the household until it is stopped or an errand comes, and closes it.
    async fn run(&self, home: Home, errands: &mut mpsc::Receiver<Errand>) -> Option<Errand> {
        let stop = self.stop.child_token();
        let (runs, told) = (home.clone(), stop.clone());
        // Its handle of the household goes when it has ended.
        let running = async move { runs.run(told).await };
        tokio::pin!(running);
        let errand = tokio::select! {
            () = &mut running => None,
            errand = errands.recv() => errand,
        };
        errand.as_ref()?;
        stop.cancel();
        running.await;
        self.home.send_replace(None);
        let closed = home.closed();
        drop(home);
        if tokio::time::timeout(FAREWELL, closed.cancelled()).await.is_err() {
            tracing::error!("something still holds the household; it opens beside it and looks on");
        }
        errand
    }

    /// Closes the household, does something to its folder or to how it is opened, and opens it again.
    pub async fn reopen<T: Send + 'static>(
        &self,
        between: impl FnOnce(&mut HomeOptions) -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = oneshot::channel();
        let (opened, is_open) = oneshot::channel();
        let work = Box::new(move |options: &mut HomeOptions| drop(answer.send(between(options))));
        let sent = self.errands.send(Errand { work, opened }).await;
        let (Ok(()), Ok(answer), Ok(())) = (sent, answered.await, is_open.await) else {
            // The program ends, and with it whoever asked.
            return std::future::pending().await;
        };
        answer
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use home::SecretSource;

    use super::*;

    fn options(dir: &std::path::Path) -> HomeOptions {
        HomeOptions {
            dir: dir.to_owned(),
            secrets: SecretSource::PassphraseFile(dir.join("none")),
            program: "the test".to_owned(),
            create: true,
        }
    }

    #[tokio::test]
    async fn what_could_not_be_opened_is_opened_once_the_reason_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("home.toml"), "name = ").unwrap();
        let household = Arc::new(Household::default());
        let living = tokio::spawn({
            let (household, options) = (household.clone(), options(folder.path()));
            async move { household.live(options).await }
        });
        assert_eq!(household.home().await.frame().unwrap_err().code, "bad_configuration");
        std::fs::remove_file(folder.path().join("home.toml")).unwrap();
        let said = household.reopen(|options| options.program.clone()).await;
        assert_eq!(said, "the test");
        assert!(household.home().await.frame().unwrap().new_home);

        // The folder is its own again each time, never held by the one before.
        household.reopen(|_| ()).await;
        let held_by = household.home().await.frame().unwrap().trading.held_by;
        assert_eq!(held_by, None);
        household.stop.cancel();
        living.await.unwrap();
    }
}
