//! The window of Wattle: commands, tray and wiring. What it shows and does is decided in `home`.

mod bindings;
mod commands;
mod desktop;
mod household;
mod notify;
mod options;
mod street;
mod tray;
mod window;
mod words;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::options::{Asked, Options};

/// Wrong usage, or a desktop that no window can be opened on.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("WATTLE_LOG").unwrap_or_else(|_| EnvFilter::new("warn,home=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    rustls::crypto::ring::default_provider().install_default().expect("nothing has chosen another provider");
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(WRONG)
        }
    }
}

fn start() -> anyhow::Result<()> {
    match Options::parse(std::env::args_os().skip(1))? {
        Asked::Help => println!("{}", options::HELP),
        Asked::Version => println!("wattle-app {}", env!("CARGO_PKG_VERSION")),
        Asked::Window(options) => desktop::run(options)?,
    }
    Ok(())
}
