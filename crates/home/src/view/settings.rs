//! Settings: what the owner told of the home, and where its data lies.

use std::path::Path;

use serde::{Deserialize, Serialize};
use specta::Type;
use units::Currency;

use super::{Instant, Whole};
use crate::backup;
use crate::config::{HISTORY_FILE, HomeConfig, KEY_FILE};
use crate::error::{config_refusal, history_refusal, refusal};
use crate::house::{Home, House, ViewName};
use crate::view::frame::Refusal;

/// A street's transformer lets through less; more is a slip of the finger.
const MOST_FUSE_W: i64 = 1_000_000;
const LONGEST_NAME: usize = 80;

/// What the owner told of the home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct HomeSettingsView {
    pub name: String,
    /// IANA zone.
    pub zone: String,
    pub currency: String,
    /// Contracts, rules or a market count in the currency already, so it stays.
    pub currency_fixed: bool,
    pub fuse_w: Whole,
    /// Only the process that trades may change anything.
    pub changeable: bool,
}

/// What the owner tells of the home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct HomeSettingsAsk {
    pub name: String,
    pub zone: String,
    pub currency: String,
    pub fuse_w: Whole,
}

/// Where the home's data lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DataView {
    pub folder: String,
    pub history_bytes: Whole,
    /// The private key lies in the folder too, sealed; otherwise the system keyring has it.
    pub key_in_file: bool,
    /// Copies that the program makes by itself, newest first.
    pub snapshots: Vec<CopyView>,
    /// Backups in the owner's folder for downloads, newest first.
    pub backups: Vec<CopyView>,
    /// Only the process that trades may put a backup in place.
    pub changeable: bool,
}

/// A copy of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct CopyView {
    pub path: String,
    /// When it was made; of a backup, when its file was written.
    pub at: Instant,
    pub bytes: Whole,
}

impl Home {
    pub fn home_settings(&self) -> Result<HomeSettingsView, Refusal> {
        let house = self.house()?;
        let config = house.config();
        Ok(HomeSettingsView {
            name: config.name.clone(),
            zone: config.zone.clone(),
            currency: config.currency.to_string(),
            currency_fixed: house.currency_is_fixed()?,
            fuse_w: Whole::new(config.fuse_w.into()),
            changeable: house.trades(),
        })
    }

    /// Writes what the owner tells of the home. It holds from the next opening on, as everything that was
    /// made of it when the house was opened; the answer says whether anything changed.
    pub fn set_home(&self, ask: &HomeSettingsAsk) -> Result<bool, Refusal> {
        let house = self.house()?;
        house.check_trades()?;
        let before = house.config();
        let told = ask.checked(&before)?;
        if told.currency != before.currency && house.currency_is_fixed()? {
            return Err(refusal(
                "currency_fixed",
                format!("This home's contracts, rules or market count in {}.", before.currency),
                "Begin a new home for another currency.",
            ));
        }
        house
            .change_config(|config| {
                config.name = told.name.clone();
                config.zone = told.zone.clone();
                config.currency = told.currency;
                config.fuse_w = told.fuse_w;
            })
            .map_err(|error| config_refusal(&error))?;
        house.changed(ViewName::Frame);
        Ok(*house.config() != *before)
    }

    /// Returns where the data lies; `downloads` is where backups are looked for.
    pub fn data(&self, downloads: Option<&Path>) -> Result<DataView, Refusal> {
        let house = self.house()?;
        let snapshots = house.history.snapshots().map_err(|error| history_refusal(&error))?;
        let snapshots = snapshots.into_iter().map(|snapshot| CopyView {
            at: snapshot.at.into(),
            bytes: Whole::new(backup::bytes_of(&snapshot.path) as i64),
            path: snapshot.path.display().to_string(),
        });
        let folder = std::path::absolute(&house.dir).unwrap_or_else(|_| house.dir.clone());
        Ok(DataView {
            folder: folder.display().to_string(),
            history_bytes: Whole::new(backup::bytes_of(&house.dir.join(HISTORY_FILE)) as i64),
            key_in_file: house.dir.join(KEY_FILE).exists(),
            snapshots: snapshots.collect(),
            backups: downloads.map(backup::backups_in).unwrap_or_default(),
            changeable: house.trades(),
        })
    }
}

impl House {
    fn currency_is_fixed(&self) -> Result<bool, Refusal> {
        let member = self.membership().map_err(|error| history_refusal(&error))?.is_some();
        Ok(member || !self.config().contracts.is_empty() || !self.rules().rules().is_empty())
    }
}

impl HomeSettingsAsk {
    /// Returns the home as it is told, or says which part cannot be.
    fn checked(&self, before: &HomeConfig) -> Result<HomeConfig, Refusal> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(refusal(
                "bad_name",
                "A home's name has 1 to 80 letters.",
                "Write how you call the home, such as its street and number.",
            ));
        }
        units::zone(&self.zone).map_err(|cause| {
            refusal("bad_zone", cause.to_string(), "Choose the place whose clock hangs in your home.")
        })?;
        let currency: Currency = self.currency.parse().map_err(|cause: units::InvalidCurrency| {
            refusal("bad_currency", cause.to_string(), "Choose the currency of your electricity bill.")
        })?;
        let fuse_w = self.fuse_w.get();
        if !(1..=MOST_FUSE_W).contains(&fuse_w) {
            return Err(refusal(
                "bad_fuse",
                "No home's main fuse lets through that much, or that little.",
                "Read the number before the A on the main fuse.",
            ));
        }
        Ok(HomeConfig {
            name: name.to_owned(),
            zone: self.zone.clone(),
            currency,
            fuse_w: fuse_w as u32,
            ..before.clone()
        })
    }
}
