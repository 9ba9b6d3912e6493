//! The lock of a data folder.

use std::io::{BufRead, BufReader, Read};

use history::{Lock, LockError};

use crate::children::child_of_this;

/// The child: takes the lock, says so, and holds it until its input ends.
pub fn hold_until_told(folder: &std::path::Path) {
    let _lock = Lock::acquire(folder, "wattle run").unwrap();
    println!("locked");
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn a_second_process_is_told_who_trades_and_a_killed_one_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = child_of_this("hold the lock", folder.path()).spawn().unwrap();
    let lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with("locked")));

    let refused = Lock::acquire(folder.path(), "wattle-app").unwrap_err();
    let LockError::Held { pid, program } = &refused else { panic!("{refused}") };
    assert_eq!((*pid, program.as_str()), (other.id(), "wattle run"));
    assert!(refused.to_string().starts_with("wattle run (process "));

    other.kill().unwrap();
    other.wait().unwrap();
    Lock::acquire(folder.path(), "wattle-app").unwrap();
}

#[test]
fn a_lock_ends_with_its_value_and_names_nobody_then() {
    let folder = tempfile::tempdir().unwrap();
    let first = Lock::acquire(folder.path(), "one").unwrap();
    assert!(matches!(Lock::acquire(folder.path(), "two"), Err(LockError::Held { .. })));
    drop(first);
    assert_eq!(std::fs::read_to_string(folder.path().join("lock")).unwrap(), "");
    Lock::acquire(folder.path(), "two").unwrap();
}

#[test]
fn a_folder_that_is_not_there_cannot_be_locked() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Lock::acquire(&folder.path().join("absent"), "one");
    assert!(matches!(refused, Err(LockError::File { .. })));
}
