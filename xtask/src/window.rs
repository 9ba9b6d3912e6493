//! The real window in a desktop of its own: a display without a screen, a bus, a secret service.

use std::path::Path;

use anyhow::Result;
use clap::Args;

use crate::provision::{self, Needs};
use crate::run::build_window;
use crate::shell::{command, root, run, say, target_dir};

/// Room for the window of 1180 x 800 and what may surround it.
const SCREEN: &str = "-screen 0 1440x1000x24";

#[derive(Args)]
pub struct ScreenshotsArguments {
    /// Installs what is missing without asking.
    #[arg(long)]
    yes: bool,
}

/// Tests the way of a kilowatt-hour through the window, that of a meter into a home, and that of a new home to its first
/// trade; the pictures are kept for a person to look at.
pub fn test() -> Result<()> {
    say("Testing the real window");
    let pictures = target_dir()?.join("e2e");
    in_a_desktop("journey.test.mjs", &pictures)?;
    in_a_desktop("meters.test.mjs", &pictures)?;
    in_a_desktop("start.test.mjs", &pictures)?;
    say(&format!("Pictures of the tested window are in {}", pictures.display()));
    Ok(())
}

/// Takes the pictures of the README from the real window.
pub fn screenshots(arguments: &ScreenshotsArguments) -> Result<()> {
    provision::provision(Needs::Everything, arguments.yes)?;
    build_window()?;
    say("Taking the pictures");
    in_a_desktop("screenshots.mjs", &root().join("docs/images"))
}

fn in_a_desktop(script: &str, pictures: &Path) -> Result<()> {
    run(command("xvfb-run")
        .args(["--auto-servernum", &format!("--server-args={SCREEN}"), "dbus-run-session", "--"])
        .args(["node", "tests/e2e/run.mjs", script])
        .env("WATTLE_BINARIES", target_dir()?.join("debug"))
        .env("WATTLE_PICTURES", pictures)
        .env("TAURI_DRIVER", provision::tool("tauri-driver")?))
}
