//! A word of the desktop for what the household is worried about, while nobody looks at the window.

use home::alerts::Alert;
use tauri::{AppHandle, Manager};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::household::Household;
use crate::window;
use crate::words::Words;

/// Shows each alert of the household, of the next one too where it is opened anew.
pub async fn follow(app: AppHandle) {
    loop {
        // Its handle is given back at once: a household that is held cannot be closed.
        let (alerts, mut changes) = {
            let home = app.state::<Household>().home().await;
            (home.alerts(), home.changes())
        };
        match alerts {
            Some(alerts) => show_all(&app, alerts).await,
            // It could not be opened; its changes end when it is tried again.
            None => while !matches!(changes.recv().await, Err(RecvError::Closed)) {},
        }
    }
}

/// Shows alerts until no more can come.
async fn show_all(app: &AppHandle, mut alerts: Receiver<Alert>) {
    loop {
        match alerts.recv().await {
            Ok(alert) => show(app, &alert),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn show(app: &AppHandle, alert: &Alert) {
    let (title, body) = Words::of_the_desktop().alert(alert);
    let app = app.clone();
    // The desktop's answer, a click, may come hours later or never: it has a thread of its own, few and far between.
    let shown = std::thread::Builder::new().name("notification".to_owned()).spawn(move || {
        let notification = notify_rust::Notification::new()
            .appname("Wattle")
            .summary(&title)
            .body(&escaped(&body))
            .icon("energy.wattle.app")
            .action("default", "Wattle")
            .show();
        match notification {
            Ok(handle) => handle.wait_for_action(|action| {
                if action == "default" {
                    window::show(&app);
                }
            }),
            Err(error) => tracing::warn!(%error, title, "this desktop shows no notifications"),
        }
    });
    if let Err(error) = shown {
        tracing::warn!(%error, "no thread for a notification");
    }
}

/// Desktops read a little markup in the body; what comes from outside is text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_comes_from_outside_is_no_markup() {
        assert_eq!(super::escaped("<b>a & b</b>"), "&lt;b&gt;a &amp; b&lt;/b&gt;");
    }
}
