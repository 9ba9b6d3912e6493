//! Other processes: this test program, started once more to play a part.

use std::path::Path;
use std::process::{Command, Stdio};

/// The part a child plays; without it the tests below have nothing to do and pass.
const PART: &str = "HISTORY_TEST_PART";
const FOLDER: &str = "HISTORY_TEST_FOLDER";

/// Returns the command that starts this program as a child with a part and a folder.
pub fn child(program: &Path, part: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--exact", "children::a_child_plays_its_part", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// Returns the command that starts this very program file.
pub fn child_of_this(part: &str, folder: &Path) -> Command {
    child(&std::env::current_exe().unwrap(), part, folder)
}

#[test]
fn a_child_plays_its_part() {
    let (Ok(part), Ok(folder)) = (std::env::var(PART), std::env::var(FOLDER)) else { return };
    let folder = Path::new(&folder);
    match part.as_str() {
        "write until killed" => crate::power_cuts::write_until_killed(folder),
        "hold the lock" => crate::lock::hold_until_told(folder),
        "write for a day" => crate::wear::write_for_a_day(folder),
        "open in a read-only folder" => crate::life::open_in_a_read_only_folder(folder),
        other => panic!("no such part: {other}"),
    }
}
