//! What the desktop expects: one instance a home, closing keeps the household running, signals end it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use home::ViewName;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager, RunEvent, Wry};
use tauri_plugin_autostart::MacosLauncher;
use tauri_plugin_window_state::StateFlags;
use tauri_specta::Event;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::{Receiver, error::RecvError, error::TryRecvError};

use crate::bindings::{self, Changed};
use crate::commands::start::Visit;
use crate::household::Household;
use crate::notify;
use crate::options::{HIDDEN, Options};
use crate::tray::Tray;
use crate::window;

/// The UI hears of changes at most four times a second: more than an eye follows.
const CHANGES_EVERY: Duration = Duration::from_millis(250);

/// Runs the desktop's side until the owner quits or the program is told to end.
pub fn run(options: Options) -> anyhow::Result<()> {
    require_display()?;
    let (bindings, hidden) = (bindings::builder(), options.hidden);
    let mut app = tauri::Builder::default();
    if let Some(plugin) = single_instance(&options.data) {
        app = app.plugin(plugin);
    }
    let app = app
        .plugin(window_state())
        .plugin(tauri_plugin_autostart::init(MacosLauncher::LaunchAgent, Some(vec![HIDDEN])))
        .invoke_handler(bindings.invoke_handler())
        .manage(Household::default())
        .manage(Visit::default())
        .manage(options.clone())
        .setup(move |app| {
            bindings.mount_events(app);
            if !hidden {
                window::show(app.handle());
            }
            tauri::async_runtime::spawn(quit_when_signalled(app.handle().clone()));
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("The window cannot be opened")?;

    let living = app.handle().clone();
    let living = tauri::async_runtime::spawn(async move {
        living.state::<Household>().live(options.home()).await;
    });
    let mut living = Some(living);
    app.run_return(move |app, event| match event {
        RunEvent::Ready => follow(app),
        // Closing the window drops the web view; the household runs on until Quit.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        // The lock on the folder must be gone before another start is let through.
        RunEvent::Exit => {
            if let Some(living) = living.take() {
                app.state::<Household>().end(living);
            }
        }
        _ => {}
    });
    Ok(())
}

/// Says what to do where no window can be, instead of the toolkit's own words.
fn require_display() -> anyhow::Result<()> {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !set("DISPLAY") && !set("WAYLAND_DISPLAY") {
        bail!(
            "There is no display to open a window on. Start Wattle from a desktop, or run the household without a \
             window: wattle run --data DIR"
        );
    }
    Ok(())
}

/// Lets a second start on the same folder raise the window of the first. Other folders are other homes.
fn single_instance(data: &Path) -> Option<TauriPlugin<Wry>> {
    // A folder that cannot be made is explained in the window.
    let folder = std::fs::create_dir_all(data).and_then(|()| std::fs::metadata(data)).ok()?;
    let plugin = tauri_plugin_single_instance::Builder::new()
        .dbus_id(format!("energy.wattle.app.home_{:x}_{:x}", folder.dev(), folder.ino()))
        .callback(|app, _, _| window::show(app));
    Some(plugin.build())
}

/// Keeps place and size. Not whether it was visible: who starts a window wants to see it.
fn window_state() -> TauriPlugin<Wry> {
    let kept = StateFlags::POSITION | StateFlags::SIZE | StateFlags::MAXIMIZED | StateFlags::FULLSCREEN;
    tauri_plugin_window_state::Builder::default().with_state_flags(kept).build()
}

/// Keeps window and tray in step with the household.
fn follow(app: &AppHandle) {
    let tray = Tray::build(app).inspect_err(
        |error| tracing::warn!(%error, "this desktop has no tray; start Wattle again to see it"),
    );
    tauri::async_runtime::spawn(notify::follow(app.clone()));
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let mut tray = tray.ok();
        loop {
            follow_one(&app, tray.as_mut()).await;
            // It was closed; the next one shows other facts everywhere.
            let home = app.state::<Household>().home().await;
            drop(home);
            tell(&app, ViewName::ALL.to_vec());
        }
    });
}

/// Follows the household until it is closed. No handle of it is held while nothing is asked of it.
async fn follow_one(app: &AppHandle, mut tray: Option<&mut Tray>) {
    let mut changes = app.state::<Household>().home().await.changes();
    loop {
        if let Some(shown) = &mut tray {
            shown.show(&app.state::<Household>().home().await);
        }
        match gather(&mut changes).await {
            Some(views) => tell(app, views),
            None => return,
        }
    }
}

fn tell(app: &AppHandle, views: Vec<ViewName>) {
    if let Err(error) = (Changed { views }).emit(app) {
        tracing::warn!(%error, "the window could not be told of a change");
    }
}

/// Waits for a change and gathers what follows it closely. Returns nothing when no more can come.
async fn gather(changes: &mut Receiver<ViewName>) -> Option<Vec<ViewName>> {
    let mut views = match changes.recv().await {
        Ok(view) => vec![view],
        Err(RecvError::Lagged(_)) => ViewName::ALL.to_vec(),
        Err(RecvError::Closed) => return None,
    };
    tokio::time::sleep(CHANGES_EVERY).await;
    loop {
        match changes.try_recv() {
            Ok(view) if views.contains(&view) => {}
            Ok(view) => views.push(view),
            Err(TryRecvError::Lagged(_)) => views = ViewName::ALL.to_vec(),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(views),
        }
    }
}

/// Quits on the signals with which a desktop, a terminal or a person ends a program.
async fn quit_when_signalled(app: AppHandle) {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) =
        (signal(kinds[0]), signal(kinds[1]), signal(kinds[2]))
    else {
        tracing::warn!("signals cannot be heard; end Wattle from its tray");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
    app.exit(0);
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn changes_that_follow_closely_are_told_once() {
        let (sender, mut changes) = broadcast::channel(8);
        for view in [ViewName::Now, ViewName::Frame, ViewName::Now] {
            sender.send(view).unwrap();
        }
        assert_eq!(gather(&mut changes).await, Some(vec![ViewName::Now, ViewName::Frame]));
        drop(sender);
        assert_eq!(gather(&mut changes).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_lagged_behind_looks_at_everything_anew() {
        let (sender, mut changes) = broadcast::channel(2);
        for _ in 0..5 {
            sender.send(ViewName::Now).unwrap();
        }
        assert_eq!(gather(&mut changes).await, Some(ViewName::ALL.to_vec()));
    }
}
