//! The profiles that a command knows: those that are compiled in, and the owner's own.

use std::path::PathBuf;
use std::sync::Arc;

use home::profiles::{PROFILES_FOLDER, Profiles};
use metering::Profile;

use crate::failure::Failure;
use crate::household;

#[derive(clap::Args)]
pub struct ProfilesOptions {
    /// A folder with profiles of one's own [default: the folder "profiles" of the window's home]
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
}

impl ProfilesOptions {
    /// Reads the folder. Files that cannot be used are named on standard error and stop nothing.
    pub fn load(&self) -> Result<Profiles, Failure> {
        let folder = match &self.profiles {
            Some(folder) if !folder.is_dir() => {
                return Err(Failure::usage(
                    format!("There is no folder {}.", folder.display()),
                    "Name the folder in which the profiles lie.",
                ));
            }
            Some(folder) => folder.clone(),
            None => household::window_folder()
                .map_or_else(|| PathBuf::from(PROFILES_FOLDER), |home| home.join(PROFILES_FOLDER)),
        };
        let profiles = Profiles::load(&folder);
        for problem in profiles.problems() {
            eprintln!("{problem}. This profile is not used.");
        }
        Ok(profiles)
    }
}

/// Returns a profile by its name, or says where names are listed.
pub fn find(profiles: &Profiles, name: &str) -> Result<Arc<Profile>, Failure> {
    profiles.find(name).cloned().ok_or_else(|| {
        Failure::usage(format!("There is no profile \"{name}\"."), "`wattle meter profiles` lists them.")
    })
}
