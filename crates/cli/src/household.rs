//! The household that a command is about: its data folder, its key, and how it is opened.

use std::ffi::OsString;
use std::path::PathBuf;

use history::{History, HistoryError, OpenMode};
use home::config::{ConfigError, HISTORY_FILE, HomeConfig};
use home::view::frame::Refusal;
use home::{Home, HomeError, HomeOptions, SecretSource};
use units::{Clock, Price, ScaledClock, SystemClock, Timestamp};

use crate::failure::{Failure, Status};

#[derive(clap::Args)]
pub struct Folder {
    /// The home's data folder [default: $XDG_DATA_HOME/wattle/home, as the window's]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(clap::Args)]
pub struct Secrets {
    /// Opens the key file of a computer that has no system keyring [default: the credential
    /// "passphrase" of the service, where systemd passes one]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Folder {
    pub fn of(data: PathBuf) -> Self {
        Self { data: Some(data) }
    }

    pub fn path(&self) -> Result<PathBuf, Failure> {
        match &self.data {
            Some(data) => Ok(data.clone()),
            None => default_folder(|name| std::env::var_os(name)),
        }
    }

    /// Opens the household as `program`. Where another one trades for it, this one only looks on.
    pub fn open(&self, secrets: Secrets, program: &str) -> Result<Home, Failure> {
        let options = HomeOptions {
            dir: self.path()?,
            secrets: secrets.source(),
            program: program.to_owned(),
            create: false,
        };
        Ok(Home::open(options)?)
    }

    pub fn config(&self) -> Result<HomeConfig, Failure> {
        Ok(HomeConfig::load(&self.path()?).map_err(HomeError::from)?)
    }

    /// Opens the history for reading, whoever trades meanwhile.
    pub fn history(&self) -> Result<History, Failure> {
        let path = self.path()?.join(HISTORY_FILE);
        Ok(History::open(&path, OpenMode::ReadOnly).map_err(HomeError::from)?)
    }

    /// Returns market time of this home.
    pub fn now(&self) -> Result<Timestamp, Failure> {
        Ok(match self.config()?.simulation {
            Some(scale) => ScaledClock::new(scale).now(),
            None => SystemClock.now(),
        })
    }
}

impl Secrets {
    fn source(self) -> SecretSource {
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY")
            .map(|folder| PathBuf::from(folder).join("passphrase"))
            .filter(|file| file.exists());
        SecretSource::Keyring { or_passphrase_file: self.passphrase_file.or(credential) }
    }
}

/// A side as it is typed.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum SideWord {
    Sell,
    Buy,
}

impl From<SideWord> for market::Side {
    fn from(word: SideWord) -> Self {
        match word {
            SideWord::Sell => Self::Sell,
            SideWord::Buy => Self::Buy,
        }
    }
}

/// Reads a price in the home's currency.
pub fn price(folder: &Folder, option: &str, text: &str) -> Result<Price, Failure> {
    let currency = folder.config()?.currency;
    home::parse_price(text, currency).map_err(|error| {
        Failure::usage(format!("{option}: {error}."), format!("Write it as \"0.120 {currency}/kWh\"."))
    })
}

/// Returns the data folder of the window, where the environment tells it.
pub fn window_folder() -> Option<PathBuf> {
    default_folder(|name| std::env::var_os(name)).ok()
}

/// Returns the folder of the freedesktop base directory specification, which the window uses too.
fn default_folder(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Failure> {
    let named = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = named("XDG_DATA_HOME").or_else(|| Some(named("HOME")?.join(".local/share")));
    base.map(|base| base.join("wattle/home")).ok_or_else(|| {
        Failure::usage("HOME is not set, so the data folder is not known.", "Name a folder with --data.")
    })
}

/// A household that cannot be opened is an input that cannot be used.
impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self { status: Status::Unusable, ..Self::from(Refusal::from(&error)) }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        HomeError::from(error).into()
    }
}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        Self { status: Status::No, ..HomeError::from(error).into() }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, hint } = refusal;
        Self { code, message: sentence(&message), hint, status: Status::No }
    }
}

/// Ends a message as a sentence does and begins it as one, unless it begins with the name of a program.
pub fn sentence(message: &str) -> String {
    if message.starts_with("wattle ") {
        return format!("{}.", message.trim_end_matches('.'));
    }
    let mut letters = message.chars();
    let text: String =
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_one_of_the_window() {
        let of = |values: &[(&str, &str)]| {
            let values: Vec<_> =
                values.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            default_folder(move |asked| {
                values.iter().find(|(name, _)| name == asked).map(|(_, value)| value.into())
            })
        };
        assert_eq!(of(&[("XDG_DATA_HOME", "/x"), ("HOME", "/h")]).unwrap(), PathBuf::from("/x/wattle/home"));
        assert_eq!(
            of(&[("XDG_DATA_HOME", ""), ("HOME", "/h")]).unwrap(),
            PathBuf::from("/h/.local/share/wattle/home")
        );
        assert_eq!(of(&[]).unwrap_err().status, Status::Unusable);
    }

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("the disk is full"), "The disk is full.");
        assert_eq!(sentence("wattle run trades"), "wattle run trades.");
        assert_eq!(sentence("Stop!"), "Stop!");
        assert_eq!(sentence(""), ".");
    }
}
