//! Statements from the command line, after the street has ended: no exchange answers any more.

use std::path::Path;

use serde_json::json;
use simulator::street::{Street, StreetOptions};

use crate::program::{Said, run};

/// Lives through a slot of two houses, closes with statements, and ends.
async fn ended_street(dir: &Path) {
    let options = StreetOptions {
        dir: dir.to_owned(),
        houses: 2,
        seed: 7,
        speed: 450.0,
        start: "2026-06-01T10:00:00Z".parse().unwrap(),
        app_house: None,
        past_days: 0,
    };
    let street = Street::build(options).await.unwrap();
    let slot = street.first_slot();
    street.wait_until(slot.end()).await;
    assert!(street.wait_settled(slot).await.unwrap());
    let closed = street.close_statements().await.unwrap();
    assert!(closed.iter().all(|statement| statement.outcome.is_ok()), "{closed:?}");
    street.finish().await;
}

#[test]
fn a_statement_is_written_and_verified_with_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = folder.path().join("street");
    runtime.block_on(ended_street(&dir));
    let home = dir.join("home-01");
    let (data, out) = (home.to_str().unwrap(), folder.path().join("out"));
    let passphrase = home.join("passphrase");
    let build = |month: &str| -> Said {
        let named = ["statement", "build", "--month", month, "--data", data];
        let rest =
            ["--out", out.to_str().unwrap(), "--passphrase-file", passphrase.to_str().unwrap(), "--json"];
        run(&[&named[..], &rest].concat())
    };
    let built = build("2026-06");
    assert_eq!(built.status, 0, "{}", built.error);
    assert_eq!(built.lines[0]["number"], "home-01-00001");
    // The exchange could not be asked for more.
    assert_eq!(built.lines[0]["up_to_date"], json!(false));
    // Nor can it without a key; what was made stays the owner's all the same.
    let keyless = folder.path().join("keyless");
    let plain = ["statement", "build", "--month", "2026-06", "--data", data, "--out"];
    let again = run(&[&plain[..], &[keyless.to_str().unwrap(), "--json"]].concat());
    assert_eq!((again.status, &again.lines[0]["sha256"]), (0, &built.lines[0]["sha256"]), "{}", again.error);
    for ending in ["json", "csv", "pdf"] {
        let name = format!("statement-2026-06.{ending}");
        let (one, other) =
            (std::fs::read(out.join(&name)).unwrap(), std::fs::read(keyless.join(&name)).unwrap());
        assert!(one == other, "{name}");
    }
    for ending in ["json", "csv", "pdf"] {
        assert!(out.join(format!("statement-2026-06.{ending}")).exists(), "{ending}");
    }
    assert_eq!((build("2026-07").status, build("June").status), (1, 1));

    let file = out.join("statement-2026-06.json");
    let path = file.to_str().unwrap();
    let with = |more: &[&str]| -> Said { run(&[&["verify", path, "--json"], more].concat()) };
    let right = with(&["--data", data]);
    assert_eq!((right.status, &right.lines[0]["ok"]), (0, &json!(true)), "{}", right.lines[0]);
    assert_eq!(right.lines[0]["share_by_source"], json!({ "member": 1.0, "utility": 0.0 }));
    let key = right.lines[0]["anchor"].as_str().unwrap().to_owned();
    assert_eq!(with(&["--log-key", &key]).status, 0);
    let unanchored = with(&[]);
    assert_eq!((unanchored.status, &unanchored.lines[0]["first_failure"]), (1, &json!("unanchored")));
    assert_eq!(with(&["--log-key", "nonsense"]).status, 2);

    let altered = std::fs::read_to_string(&file).unwrap().replacen("\"gross\":", "\"gross\":1", 1);
    std::fs::write(&file, altered).unwrap();
    let wrong = with(&["--data", data]);
    assert_eq!((wrong.status, &wrong.lines[0]["ok"]), (1, &json!(false)));
    std::fs::write(&file, "{}").unwrap();
    assert_eq!(with(&["--data", data]).status, 2);
    assert_eq!(run(&["verify", "no-such-file.json", "--json"]).status, 2);
}
