//! `wattle run`: the household without a window, for a box that is always on.

mod teller;

use std::time::Instant;

use home::Home;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use self::teller::Teller;
use crate::Verdict;
use crate::failure::Failure;
use crate::household::{Folder, Secrets};
use crate::output::Output;

#[derive(clap::Args)]
pub struct RunOptions {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    secrets: Secrets,
}

/// Runs until a signal asks it to end, and returns when everything is written.
pub fn run(options: RunOptions, output: Output) -> Result<Verdict, Failure> {
    let began = Instant::now();
    let dir = options.folder.path()?;
    let home = options.folder.open(options.secrets, "wattle run")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // A house waits nearly always; what blocks has threads of its own.
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::system(format!("The runtime did not start: {error}.")))?;
    let mut teller = Teller::new(&home, output, began);
    runtime.block_on(async {
        // Before anything is said: who hears that it started may end it at once.
        let signals = Signals::listen()?;
        teller.started(&dir)?;
        live(home, &mut teller, signals).await
    })?;
    teller.ended()?;
    Ok(Verdict::Yes)
}

async fn live(home: Home, teller: &mut Teller, mut signals: Signals) -> Result<(), Failure> {
    let mut changes = home.changes();
    let stop = CancellationToken::new();
    let mut household = tokio::spawn({
        let (home, stop) = (home.clone(), stop.clone());
        async move { home.run(stop).await }
    });
    let outcome = loop {
        tokio::select! {
            () = signals.recv() => break Ok(()),
            ended = &mut household => return ended.map_err(|_| Failure::system("The household ended by a fault.")),
            change = changes.recv() => match change {
                Ok(view) => if let Err(failure) = teller.look(Some(view)) { break Err(failure) },
                Err(RecvError::Lagged(_)) => if let Err(failure) = teller.look(None) { break Err(failure) },
                Err(RecvError::Closed) => break Ok(()),
            },
        }
    };
    // Whatever happened, the household writes what it knows.
    stop.cancel();
    household.await.map_err(|_| Failure::system("The household ended by a fault."))?;
    outcome
}

/// The signals by which a terminal, a service manager or a person ends a program.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::system(format!("Signals cannot be heard: {error}.")))
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
