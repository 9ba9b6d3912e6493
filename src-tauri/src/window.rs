//! The one window: made when it is wanted, dropped with its web view when it is closed.

use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

const LABEL: &str = "main";

/// What a start shows; from then on the size that the owner left is kept.
const SIZE: (f64, f64) = (1180.0, 800.0);
const SMALLEST: (f64, f64) = (360.0, 480.0);

/// Raises the window, or makes it where there is none. Safe from any thread.
pub fn show(app: &AppHandle) {
    let asked = app.clone();
    // Windows are made on the main thread alone, or the toolkit waits for itself.
    let outcome = app.run_on_main_thread(move || {
        if let Err(error) = raise_or_make(&asked) {
            tracing::error!(%error, "the window could not be opened");
        }
    });
    if let Err(error) = outcome {
        tracing::error!(%error, "the window could not be asked for");
    }
}

fn raise_or_make(app: &AppHandle) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(LABEL) {
        window.unminimize()?;
        window.show()?;
        return window.set_focus();
    }
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("Wattle")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SMALLEST.0, SMALLEST.1)
        .on_navigation(is_ours)
        .build()?;
    if cfg!(debug_assertions) {
        print_console(&window)?;
    }
    Ok(())
}

/// Prints what the page writes to its console, so that no error of it stays unseen in development and tests.
fn print_console(window: &WebviewWindow) -> tauri::Result<()> {
    window.with_webview(|view| {
        use webkit2gtk::{SettingsExt, WebViewExt};
        if let Some(settings) = view.inner().settings() {
            settings.set_enable_write_console_messages_to_stdout(true);
        }
    })
}

/// The window shows what it carries and nothing else, whatever a page might ask for.
fn is_ours(url: &Url) -> bool {
    url.scheme() == "tauri" && url.host_str() == Some("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_goes_nowhere_else() {
        let ours = |text: &str| is_ours(&text.parse().unwrap());
        assert!(ours("tauri://localhost/index.html#/rules"));
        for other in ["https://example.org/", "http://localhost/", "file:///etc/passwd", "tauri://evil/"] {
            assert!(!ours(other), "{other}");
        }
    }
}
