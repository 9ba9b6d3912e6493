//! Settings: what is told of the home holds from the next opening, and its data comes back from a backup.

use std::path::Path;

use home::view::Whole;
use home::view::frame::Refusal;
use home::view::settings::{HomeSettingsAsk, HomeSettingsView};
use home::{Home, HomeOptions, SecretSource, backup};
use tempfile::TempDir;

fn open(dir: &Path) -> Home {
    let secrets = SecretSource::PassphraseFile(dir.join("passphrase"));
    let options = HomeOptions { dir: dir.to_owned(), secrets, program: "test".to_owned(), create: true };
    Home::open(options).unwrap()
}

fn new_home() -> (TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = open(folder.path());
    (folder, home)
}

fn told(home: &HomeSettingsView) -> HomeSettingsAsk {
    HomeSettingsAsk {
        name: home.name.clone(),
        zone: home.zone.clone(),
        currency: home.currency.clone(),
        fuse_w: home.fuse_w,
    }
}

#[test]
fn a_home_is_new_until_its_first_run_has_ended() {
    let (folder, home) = new_home();
    assert!(home.frame().unwrap().new_home);
    home.finish_start().unwrap();
    assert!(!home.frame().unwrap().new_home);
    drop(home);
    assert!(!open(folder.path()).frame().unwrap().new_home);
}

#[test]
fn what_is_told_of_the_home_is_kept_and_what_cannot_be_is_refused() {
    let (folder, home) = new_home();
    let before = home.home_settings().unwrap();
    assert!(!home.set_home(&told(&before)).unwrap(), "nothing is another");
    let ask = HomeSettingsAsk {
        name: "  Acacia Street 9 ".to_owned(),
        zone: "Europe/Vienna".to_owned(),
        currency: "CHF".to_owned(),
        fuse_w: Whole::new(34_500),
    };
    assert!(home.set_home(&ask).unwrap());
    let refused = |change: fn(&mut HomeSettingsAsk)| {
        let mut ask = ask.clone();
        change(&mut ask);
        home.set_home(&ask).unwrap_err().code
    };
    assert_eq!(refused(|ask| ask.name = " ".to_owned()), "bad_name");
    assert_eq!(refused(|ask| ask.name = "a\u{7}".to_owned()), "bad_name");
    assert_eq!(refused(|ask| ask.zone = "Europe/Atlantis".to_owned()), "bad_zone");
    assert_eq!(refused(|ask| ask.currency = "euro".to_owned()), "bad_currency");
    assert_eq!(refused(|ask| ask.fuse_w = Whole::new(0)), "bad_fuse");
    drop(home);
    let after = open(folder.path()).home_settings().unwrap();
    assert_eq!(told(&after), HomeSettingsAsk { name: "Acacia Street 9".to_owned(), ..ask });
}

#[test]
fn the_currency_stays_once_a_contract_counts_in_it() {
    let (folder, home) = new_home();
    drop(home);
    let file = folder.path().join("home.toml");
    let contract =
        "[[contract]]\nvalid_from = \"2026-01-01\"\nretail = \"0.32 EUR/kWh\"\nfeed_in = \"0.08 EUR/kWh\"\n";
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + contract).unwrap();
    let home = open(folder.path());
    let present = home.home_settings().unwrap();
    assert!(present.currency_fixed);
    let other = HomeSettingsAsk { currency: "CHF".to_owned(), ..told(&present) };
    assert_eq!(home.set_home(&other).unwrap_err().code, "currency_fixed");
}

#[test]
fn a_backup_brings_the_history_back_and_keeps_what_was_there() {
    let (folder, home) = new_home();
    let downloads = folder.path().join("downloads");
    let note = |home: &Home, value: &str| home.history().unwrap().set_setting("note", value).unwrap();
    note(&home, "before");
    let first = home.back_up(Some(&downloads)).unwrap();
    let second = home.back_up(Some(&downloads)).unwrap();
    assert_ne!(first, second, "a backup is never written over");
    let data = home.data(Some(&downloads)).unwrap();
    assert_eq!(data.backups.len(), 2);
    assert!(data.backups.iter().all(|copy| copy.bytes.get() > 0));
    note(&home, "after");

    let restore = || backup::restore(folder.path(), Path::new(&first), "test");
    assert_eq!(restore().unwrap_err().code, "locked", "nobody has the home open meanwhile");
    drop(home);
    let kept = restore().unwrap().expect("there was a history");
    assert!(kept.exists());
    let home = open(folder.path());
    assert_eq!(home.history().unwrap().setting("note").unwrap().as_deref(), Some("before"));
}

#[test]
fn a_file_that_is_no_history_changes_nothing() {
    let (folder, home) = new_home();
    home.history().unwrap().set_setting("note", "kept").unwrap();
    drop(home);
    let other = folder.path().join("shopping.sqlite");
    std::fs::write(&other, "a shopping list").unwrap();
    let refused: Refusal = backup::restore(folder.path(), &other, "test").unwrap_err();
    assert!(!refused.hint.is_empty());
    assert!(backup::restore(folder.path(), &folder.path().join("absent"), "test").is_err());
    assert_eq!(open(folder.path()).history().unwrap().setting("note").unwrap().as_deref(), Some("kept"));
}

#[test]
fn what_a_new_home_recorded_by_another_clock_is_put_aside_whole() {
    let (folder, home) = new_home();
    home.history().unwrap().set_setting("note", "of another time").unwrap();
    home.history().unwrap().snapshot(home.now_in_market().unwrap()).unwrap();
    drop(home);
    backup::put_aside(folder.path(), "test").unwrap();
    let home = open(folder.path());
    assert_eq!(home.history().unwrap().setting("note").unwrap(), None);
    let aside = std::fs::read_dir(folder.path())
        .unwrap()
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with("before-"));
    assert!(aside.unwrap().path().join("history.sqlite").exists());
}
