//! The owner's own meter profiles: TOML files in the folder `profiles` of the data folder.
//!
//! A file that cannot be used is named with its line and the reason, and stops nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use metering::{Catalogue, Profile};

use crate::config::MeterConfig;

/// The folder beside `home.toml`.
pub const PROFILES_FOLDER: &str = "profiles";

/// A profile is a page of text; what is longer is something else.
const LARGEST_FILE: u64 = 256 * 1024;

/// The profiles that a home knows.
#[derive(Clone, Debug)]
pub struct Profiles {
    folder: PathBuf,
    catalogue: Catalogue,
    /// The owner's files by the name of the profile.
    files: BTreeMap<String, String>,
    problems: Vec<ProfileProblem>,
    stamp: Vec<Stamp>,
}

/// Why a file in the folder is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileProblem {
    pub file: String,
    /// From 1, as far as it can be told.
    pub line: Option<usize>,
    pub reason: String,
}

/// What tells whether a file has changed.
type Stamp = (PathBuf, u64, Option<SystemTime>);

impl Profiles {
    /// Returns the profiles that are compiled in and those of a folder, which need not exist.
    pub fn load(folder: &Path) -> Self {
        let mut profiles = Self {
            folder: folder.to_owned(),
            catalogue: Catalogue::built_in(),
            files: BTreeMap::new(),
            problems: Vec::new(),
            stamp: stamp(folder),
        };
        match toml_files(folder) {
            Ok(paths) => paths.iter().for_each(|path| profiles.take(path)),
            Err(cause) => profiles.problems.push(ProfileProblem {
                file: folder.display().to_string(),
                line: None,
                reason: format!("the folder cannot be read: {cause}"),
            }),
        }
        profiles
    }

    /// Returns whether the folder holds other files than those that were read.
    pub fn is_old(&self) -> bool {
        stamp(&self.folder) != self.stamp
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub fn find(&self, name: &str) -> Option<&Arc<Profile>> {
        self.catalogue.find(name)
    }

    /// Returns how a meter of the home is read: of a device that measures several places, what stands at the
    /// meter's.
    pub fn of(&self, meter: &MeterConfig) -> Option<&Arc<Profile>> {
        self.find(&meter.profile).map(|profile| profile.standing_at(meter.role.into()))
    }

    /// Returns the owner's file that a profile stands in; `None` for those that are compiled in.
    pub fn file_of(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(String::as_str)
    }

    /// Returns the files that are not used, and why.
    pub fn problems(&self) -> &[ProfileProblem] {
        &self.problems
    }

    fn take(&mut self, path: &Path) {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let problem = |line, reason| ProfileProblem { file: file.clone(), line, reason };
        let text = match read(path) {
            Ok(text) => text,
            Err(reason) => return self.problems.push(problem(None, reason)),
        };
        let profile = match Profile::parse(&text) {
            Ok(profile) => profile,
            Err(error) => {
                let reason = crate::config::described(&error);
                return self.problems.push(problem(error.line(&text), reason));
            }
        };
        let name = profile.name.clone();
        match self.catalogue.add(profile) {
            Ok(()) => drop(self.files.insert(name, file)),
            Err(taken) => {
                let line = text.lines().position(|line| line.trim_start().starts_with("name"));
                self.problems.push(problem(line.map(|index| index + 1), taken.to_string()));
            }
        }
    }
}

impl std::fmt::Display for ProfileProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|cause| cause.to_string())?.len();
    if length > LARGEST_FILE {
        return Err(format!("is {length} bytes long; a profile has at most {LARGEST_FILE}"));
    }
    std::fs::read_to_string(path).map_err(|cause| cause.to_string())
}

/// Returns the TOML files of a folder by their names, so that of two with one name always the same counts.
fn toml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(cause),
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    Ok(paths)
}

fn stamp(folder: &Path) -> Vec<Stamp> {
    let of = |path: PathBuf| {
        let known = std::fs::metadata(&path).ok();
        let length = known.as_ref().map_or(0, std::fs::Metadata::len);
        (path, length, known.and_then(|known| known.modified().ok()))
    };
    toml_files(folder).unwrap_or_default().into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDM: &str = include_str!("../../metering/profiles/eastron-sdm630.toml");

    #[test]
    fn a_bad_file_is_named_with_its_line_and_stops_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a-broken.toml", "name = \"x\"\nmaker = \n");
        write("b-mine.toml", &SDM.replace("\"eastron-sdm630\"", "\"shed-meter\""));
        write("c-twice.toml", SDM);
        write("notes.txt", "not a profile");
        let profiles = Profiles::load(folder.path());
        assert_eq!(profiles.file_of("shed-meter"), Some("b-mine.toml"));
        let said: Vec<(&str, Option<usize>)> =
            profiles.problems().iter().map(|problem| (problem.file.as_str(), problem.line)).collect();
        assert_eq!(said, [("a-broken.toml", Some(2)), ("c-twice.toml", Some(3))]);
        assert!(profiles.find("eastron-sdm630").is_some() && profiles.file_of("eastron-sdm630").is_none());
        assert!(!profiles.is_old());
        write("d-more.toml", "");
        assert!(profiles.is_old());
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_problem() {
        let profiles = Profiles::load(Path::new("/nowhere/profiles"));
        assert!(profiles.problems().is_empty() && profiles.find("p1").is_some());
    }
}
