//! The tray: how trading stands, what today came to, and the way to stop it without a window.

use home::Home;
use home::view::frame::TradingStateView;
use home::view::glance::Glance;
use tauri::image::Image;
use tauri::menu::{Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry, include_image};

use crate::household::Household;
use crate::window;
use crate::words::Words;

const RUNNING: Image<'_> = include_image!("../icons/tray-running.png");
const STOPPED: Image<'_> = include_image!("../icons/tray-stopped.png");

const OPEN: &str = "open";
const TRADING: &str = "trading";
const QUIT: &str = "quit";

/// The tray with the parts of it that change.
pub struct Tray {
    icon: TrayIcon,
    state: MenuItem<Wry>,
    trading: MenuItem<Wry>,
    words: &'static Words,
    shown: Option<Shown>,
}

/// What the tray says. It is touched only when this changes, since each touch goes to the desktop.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    Open(Glance),
    Unopened,
}

impl Tray {
    pub fn build(app: &AppHandle) -> tauri::Result<Self> {
        let words = Words::of_the_desktop();
        let item = |id, text, enabled| MenuItem::with_id(app, id, text, enabled, None::<&str>);
        let state = item("state", words.opening, false)?;
        let trading = item(TRADING, words.stop, false)?;
        let line = || PredefinedMenuItem::separator(app);
        let menu = Menu::with_items(
            app,
            &[
                &state,
                &line()?,
                &item(OPEN, words.open, true)?,
                &trading,
                &line()?,
                &item(QUIT, words.quit, true)?,
            ],
        )?;
        let icon = TrayIconBuilder::with_id("tray")
            .tooltip("Wattle")
            .icon(STOPPED)
            .menu(&menu)
            .on_menu_event(|app, event| match event.id().as_ref() {
                OPEN => window::show(app),
                TRADING => toggle_trading(app),
                QUIT => app.exit(0),
                _ => {}
            })
            .build(app)?;
        Ok(Self { icon, state, trading, words, shown: None })
    }

    /// Shows how the household stands.
    pub fn show(&mut self, home: &Home) {
        let shown = home.glance().map_or(Shown::Unopened, Shown::Open);
        if self.shown.as_ref() == Some(&shown) {
            return;
        }
        if let Err(error) = self.say(&shown) {
            tracing::warn!(%error, "the tray could not be brought up to date");
        }
        self.shown = Some(shown);
    }

    fn say(&self, shown: &Shown) -> tauri::Result<()> {
        let words = self.words;
        let Shown::Open(glance) = shown else {
            self.state.set_text(words.unopened)?;
            self.trading.set_enabled(false)?;
            return self.icon.set_icon(Some(STOPPED));
        };
        let (state, icon, action, enabled) = match glance.trading {
            TradingStateView::Running => (words.running, RUNNING, words.stop, true),
            TradingStateView::Stopped => (words.stopped, STOPPED, words.resume, true),
            TradingStateView::ReadOnly => (words.looks_on, STOPPED, words.stop, false),
        };
        let today = words.amount(glance.today_cents, &glance.currency);
        self.state.set_text(format!("{state}. {today} {}", words.today))?;
        self.trading.set_text(action)?;
        self.trading.set_enabled(enabled)?;
        self.icon.set_icon(Some(icon))
    }
}

/// Stops trading where it runs, and the other way round. What comes of it the tray hears like everyone.
fn toggle_trading(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let home = app.state::<Household>().home().await;
        let toggled = tauri::async_runtime::spawn_blocking(move || match home.glance()?.trading {
            TradingStateView::Stopped => home.resume_trading(),
            TradingStateView::Running | TradingStateView::ReadOnly => home.stop_trading(),
        });
        match toggled.await {
            Ok(Ok(_)) => {}
            Ok(Err(refusal)) => tracing::error!(code = refusal.code, "{}", refusal.message),
            Err(error) => tracing::error!(%error, "trading could not be stopped or resumed"),
        }
    });
}
