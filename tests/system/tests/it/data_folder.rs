//! The data folder: a second program, a newer version, damage, and a disk that cannot be written.

use std::path::Path;

use home::Home;
use home::view::frame::{NoticeCode, TradingStateView};

use crate::support::{Bench, Running, eventually, options};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_looks_on_and_says_who_trades() {
    let bench = Bench::new(60.0).await;
    let first = Running::start(&bench.dir());
    let second = Home::open(options(&bench.dir(), "the second")).unwrap();
    let trading = second.frame().unwrap().trading;
    assert_eq!(trading.state, TradingStateView::ReadOnly);
    let holder = trading.held_by.unwrap();
    assert!(holder.contains("the test") && holder.contains(&std::process::id().to_string()), "{holder}");
    let refusal = second.stop_trading().unwrap_err();
    assert_eq!(refusal.code, "read_only");
    assert!(refusal.message.contains("the test"), "{}", refusal.message);
    first.end().await;
    drop(second);
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_a_newer_version_is_left_alone_and_says_so() {
    let bench = Bench::new(60.0).await;
    Running::start(&bench.dir()).end().await;
    set_user_version(&bench.dir().join("history.sqlite"), 999);
    let before = std::fs::read(bench.dir().join("history.sqlite")).unwrap();
    let home = Home::open_or_explain(options(&bench.dir(), "the test"));
    let refusal = home.frame().unwrap_err();
    assert_eq!(refusal.code, "data_newer");
    assert!(refusal.hint.contains("newer version"), "{}", refusal.hint);
    assert_eq!(std::fs::read(bench.dir().join("history.sqlite")).unwrap(), before);
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_history_comes_back_from_its_last_good_copy_and_is_kept() {
    let bench = Bench::new(60.0).await;
    let first = Running::start(&bench.dir());
    let history = first.home.history().unwrap().clone();
    let grid = units::MeterId::new("grid").unwrap();
    eventually("a sample", Duration::from_secs(20), || history.latest_sample(&grid).unwrap().is_some()).await;
    drop(history);
    // The end makes a snapshot.
    first.end().await;
    damage(&bench.dir().join("history.sqlite"));
    let home = Home::open(options(&bench.dir(), "the test")).unwrap();
    let notice =
        home.frame().unwrap().notices.into_iter().find(|notice| notice.code == NoticeCode::HistoryRestored);
    let message = notice.expect("the owner is told").message;
    assert!(message.contains("kept as"), "{message}");
    assert!(home.history().unwrap().latest_sample(&grid).unwrap().is_some(), "the past is there");
    drop(home);
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_history_without_a_copy_is_never_silently_emptied() {
    let bench = Bench::new(60.0).await;
    Running::start(&bench.dir()).end().await;
    std::fs::remove_dir_all(bench.dir().join("snapshots")).unwrap();
    damage(&bench.dir().join("history.sqlite"));
    let before = std::fs::read(bench.dir().join("history.sqlite")).unwrap();
    let refusal = Home::open_or_explain(options(&bench.dir(), "the test")).now().unwrap_err();
    assert_eq!(refusal.code, "data_corrupt");
    assert_eq!(std::fs::read(bench.dir().join("history.sqlite")).unwrap(), before);
    bench.street.finish().await;
}

/// Root may write everywhere, so the looking-on is done by a process of another user.
#[test]
fn a_folder_that_cannot_be_written_is_shown_and_not_traded_from() {
    const MARK: &str = "WATTLE_TEST_READ_ONLY";
    if let Some(dir) = std::env::var_os(MARK) {
        let home = Home::open(options(Path::new(&dir), "the test")).unwrap();
        let frame = home.frame().unwrap();
        assert_eq!(frame.trading.state, TradingStateView::ReadOnly);
        assert!(
            frame.notices.iter().any(|notice| notice.code == NoticeCode::DataReadOnly),
            "{:?}",
            frame.notices
        );
        assert_eq!(home.stop_trading().unwrap_err().code, "read_only");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("home");
    std::fs::create_dir(&dir).unwrap();
    home::config::HomeConfig::starter().save(&dir).unwrap();
    std::fs::write(dir.join("passphrase"), "a passphrase").unwrap();
    drop(Home::open(options(&dir, "the test")).unwrap());
    readable_only(folder.path());
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "data_folder::a_folder_that_cannot_be_written_is_shown_and_not_traded_from",
        "--nocapture",
    ]);
    child.env(MARK, &dir);
    // SAFETY: geteuid cannot fail and changes nothing.
    if unsafe { libc::geteuid() } == 0 {
        use std::os::unix::process::CommandExt;
        child.uid(65534).gid(65534);
        // The test's binary may lie in root's home, which others cannot enter.
        let program = folder.path().join("program");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut outside = std::process::Command::new(program);
        outside.args(child.get_args()).env(MARK, &dir).uid(65534).gid(65534).current_dir(folder.path());
        child = outside;
    }
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn readable_only(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let home = folder.join("home");
    for entry in std::fs::read_dir(&home).unwrap() {
        let path = entry.unwrap().path();
        mode(&path, if path.is_dir() { 0o555 } else { 0o444 });
    }
    mode(&home, 0o555);
    mode(folder, 0o755);
}

/// Writes the version field of a SQLite file: four bytes at offset 60, big-endian.
fn set_user_version(path: &Path, version: u32) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[60..64].copy_from_slice(&version.to_be_bytes());
    std::fs::write(path, bytes).unwrap();
}

/// Overwrites the middle of a file.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let (from, to) = (bytes.len() / 4, bytes.len() * 3 / 4);
    bytes[from..to].fill(0xA5);
    std::fs::write(path, bytes).unwrap();
}
