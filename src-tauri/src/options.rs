//! The command line of the window.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use home::{HomeOptions, SecretSource};

/// Starts in the tray; the desktop starts Wattle so when the owner logs in.
pub const HIDDEN: &str = "--hidden";

pub const HELP: &str = "\
The window of Wattle: sell your solar surplus to your neighbours.

Usage: wattle-app [--data DIR] [--passphrase-file FILE] [--hidden]

  --data DIR              The home's data folder; without it the one in your user folder
  --passphrase-file FILE  Opens the key file of a computer that has no system keyring
  --hidden                Starts without a window, in the tray
  --version               Prints the version";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    Window(Options),
    Help,
    Version,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub data: PathBuf,
    passphrase_file: Option<PathBuf>,
    /// Whether no window is shown yet.
    pub hidden: bool,
}

impl Options {
    pub fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Asked> {
        let (mut data, mut passphrase_file, mut hidden) = (None, None, false);
        while let Some(word) = words.next() {
            let mut value = || {
                words.next().map(PathBuf::from).with_context(|| format!("{} needs a value", word.display()))
            };
            match word.to_str() {
                Some("--data") => data = Some(value()?),
                Some("--passphrase-file") => passphrase_file = Some(value()?),
                Some(HIDDEN) => hidden = true,
                Some("--help" | "-h") => return Ok(Asked::Help),
                Some("--version" | "-V") => return Ok(Asked::Version),
                _ => bail!("{} is not known here.\n\n{HELP}", word.display()),
            }
        }
        let data = data.map_or_else(default_data, Ok)?;
        Ok(Asked::Window(Self { data, passphrase_file, hidden }))
    }

    pub fn home(&self) -> HomeOptions {
        HomeOptions {
            dir: self.data.clone(),
            secrets: SecretSource::Keyring { or_passphrase_file: self.passphrase_file.clone() },
            program: "the Wattle window".to_owned(),
            create: true,
        }
    }
}

/// Returns the folder of the freedesktop base directory specification.
fn default_data() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_DATA_HOME") {
        Some(base) if !base.is_empty() => PathBuf::from(base),
        _ => PathBuf::from(std::env::var_os("HOME").context("HOME is not set: name a folder with --data")?)
            .join(".local/share"),
    };
    Ok(base.join("wattle/home"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Asked> {
        Options::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn a_folder_and_a_passphrase_can_be_named() {
        let Asked::Window(options) = parse("--data street/home-01 --passphrase-file p").unwrap() else {
            panic!("a window is asked for")
        };
        assert_eq!(options.home().dir, PathBuf::from("street/home-01"));
        let or_passphrase_file = Some(PathBuf::from("p"));
        assert_eq!(options.home().secrets, SecretSource::Keyring { or_passphrase_file });
    }

    #[test]
    fn what_is_not_known_is_named() {
        assert!(parse("--dta x").unwrap_err().to_string().starts_with("--dta is not known"));
        assert_eq!(parse("--data").unwrap_err().to_string(), "--data needs a value");
        assert!(matches!(parse("--data x --hidden").unwrap(), Asked::Window(Options { hidden: true, .. })));
        assert_eq!(parse("--data x --help").unwrap(), Asked::Help);
    }
}
