//! Files that the owner takes away: put beside what is there, never over it.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::refusal;
use crate::view::frame::Refusal;

/// A year of slots with every column is 6 MB; a month's statement with all its proofs may be twice that.
const MOST_BYTES: usize = 32 << 20;

/// What may be saved: nothing that a double click would run.
const ENDINGS: [&str; 3] = ["csv", "json", "pdf"];

/// How many files of one name are looked past before it is given up.
const MOST_COPIES: u32 = 1000;

/// Writes a table into a folder and returns the file's path. A name that is taken gets a number.
pub fn save_csv(folder: Option<&Path>, name: &str, text: &str) -> Result<String, Refusal> {
    // The page names its tables; other endings are not its to choose.
    if !name.ends_with(".csv") {
        return Err(unsaved());
    }
    save(folder, name, text.as_bytes())
}

/// Writes a file into a folder and returns its path. A name that is taken gets a number.
pub fn save(folder: Option<&Path>, name: &str, bytes: &[u8]) -> Result<String, Refusal> {
    let Some(folder) = folder else {
        return Err(refusal(
            "no_folder",
            "This computer names no folder for downloads.",
            "Set HOME, or log in again.",
        ));
    };
    let Some((stem, ending)) = plain_name(name).filter(|_| bytes.len() <= MOST_BYTES) else {
        return Err(unsaved());
    };
    match write_beside(folder, stem, ending, bytes) {
        Ok(path) => Ok(path.display().to_string()),
        Err(error) => Err(Refusal {
            code: "export_failed".to_owned(),
            message: format!("The file could not be written into {}: {error}.", folder.display()),
            hint: "Check who owns the folder and whether its disk has room, then save again.".to_owned(),
        }),
    }
}

fn unsaved() -> Refusal {
    refusal("bad_export", "This cannot be saved.", "Choose a shorter period.")
}

/// Returns the name and its ending, if it is a plain one: it comes from a page, and must not lead out of
/// the folder.
fn plain_name(name: &str) -> Option<(&str, &str)> {
    let (stem, ending) = name.rsplit_once('.').filter(|(_, ending)| ENDINGS.contains(ending))?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    (!stem.is_empty() && stem.len() <= 100 && stem.chars().all(plain)).then_some((stem, ending))
}

fn write_beside(folder: &Path, stem: &str, ending: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    for number in 1..=MOST_COPIES {
        let name =
            if number == 1 { format!("{stem}.{ending}") } else { format!("{stem} ({number}).{ending}") };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => return file.write_all(bytes).and_then(|()| file.sync_all()).map(|()| path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "too many files of this name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_table_of_the_same_name_goes_beside_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let downloads = folder.path().join("Downloads");
        let save = |text| save_csv(Some(&downloads), "wattle-energy-2026-06.csv", text).unwrap();
        let (first, second) = (save("one"), save("two"));
        assert!(first.ends_with("Downloads/wattle-energy-2026-06.csv"), "{first}");
        assert!(second.ends_with("wattle-energy-2026-06 (2).csv"), "{second}");
        assert_eq!(
            (fs::read_to_string(first).unwrap(), fs::read_to_string(second).unwrap()),
            ("one".into(), "two".into())
        );
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../x.csv", "/etc/x.csv", "x.desktop", ".csv", "a\0.csv", "a b.csv", "ä.csv"] {
            assert_eq!(save_csv(Some(folder.path()), name, "").unwrap_err().code, "bad_export", "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(save_csv(None, "x.csv", "").unwrap_err().code, "no_folder");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("taken");
        fs::write(&file, "").unwrap();
        let refused = save_csv(Some(&file), "x.csv", "").unwrap_err();
        assert_eq!(refused.code, "export_failed");
        assert!(refused.message.contains("taken"), "{}", refused.message);
    }
}
