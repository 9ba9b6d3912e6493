//! Two verifiers that share no code judge the same files: this crate's, and the one in `tests/verifier`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use ledger::SigningKey;
use serde_json::{Value, json};
use statement::{Anchor, Citation, Draft, Entry, Period, Previous, Statement, build, verify};

use crate::street::{self, HOUSES, Street};

/// How many damaged copies of each file both verifiers judge.
const COPIES: usize = 300;
/// How many copies of each log with a lie in it: each is a log made anew, which takes longer.
const LIES: usize = 100;

/// Verifies each file named on a line with the key behind it, and answers on a line.
const DRIVER: &str = "
import json, sys
sys.path.insert(0, sys.argv[1])
from verify_statement import Verifier, log_key
for line in sys.stdin:
    path, key = json.loads(line)
    report = Verifier(open(path, 'rb').read(), key and log_key(key)).report()
    print(json.dumps(report), flush=True)
";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/verifier")
}

fn script() -> PathBuf {
    folder().join("verify_statement.py")
}

/// The Python of the tests, which has `cryptography`: `cargo xtask test` provides it.
fn python() -> Command {
    let python = std::env::var("WATTLE_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import cryptography"]).output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "{python} has no package cryptography, which the second verifier needs: run `cargo xtask test`, \
         which installs it, or set WATTLE_PYTHON to a Python that has tests/requirements.txt"
    );
    Command::new(python)
}

/// The second verifier as a process that judges file after file.
struct Second {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
}

impl Second {
    fn start() -> Self {
        let mut process = python()
            .args(["-c", DRIVER])
            .arg(folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, input, output: BufReader::new(output), folder: tempfile::tempdir().unwrap() }
    }

    fn verify(&mut self, file: &[u8], key: Option<&str>) -> Value {
        let path = self.folder.path().join("statement.json");
        std::fs::write(&path, file).unwrap();
        writeln!(self.input, "{}", json!([path, key])).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the second verifier ended: {line:?}"))
    }

    /// Lets both judge a file, and returns what they agree on: the first failure.
    fn agree(&mut self, file: &[u8], key: Option<&str>, what: &str) -> Option<String> {
        let anchor: Option<Anchor> = key.map(|key| key.parse().unwrap());
        let (one, other) = (verify(file, anchor.as_ref()), self.verify(file, key));
        let said = json!({"ok": one.ok, "first_failure": one.first_failure, "anchor": one.anchor,
            "share_by_source": one.share_by_source});
        for (name, value) in said.as_object().unwrap() {
            if other[name] != *value {
                let kept = std::env::temp_dir().join("wattle-verifiers-disagree.json");
                std::fs::write(&kept, file).unwrap();
                panic!("{what}: {name}\n{one:#?}\n{other:#}\nkey {key:?}, file {}", kept.display());
            }
        }
        one.first_failure
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A statement with all that its log holds, so that a lie can be logged as if it had been so from the start.
struct Sample {
    what: &'static str,
    street: Street,
    statement: Statement,
}

impl Sample {
    fn new(what: &'static str, street: Street, draft: Draft) -> Self {
        let statement = build(draft, &street::log_key()).unwrap();
        Self { what, street, statement }
    }

    fn file(&self) -> Vec<u8> {
        self.statement.to_bytes()
    }
}

/// Statements with deals, both sides, tax, adjustments, a cancellation, changes of key and a correction.
fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    let plain = ["a business that sells", "a buyer", "a seller", "a buyer with a deal across the grid"];
    for (number, what) in plain.into_iter().enumerate() {
        let street = street::sample(3);
        let draft = street.draft(number);
        samples.push(Sample::new(what, street, draft));
    }
    let mut street = street::sample(2);
    street.order_and_cancel(0);
    street.run(&std::array::from_fn(|number| street::Happening {
        import: 300 * number as i64,
        export: 700 - 200 * number as i64,
        sell_at: 120_000,
        buy_at: 260_000,
        measured: number != 2,
    }));
    street.rotate(SigningKey::from_bytes(&[6; 32]));
    street.adjust(0, street::first_slot(), 0, 100);
    street.adjust(0, street::first_slot().offset(1), 900, 1200);
    street.rotate(SigningKey::from_bytes(&[7; 32]));
    let draft = street.draft(0);
    samples.push(Sample::new("adjustments, a cancellation, two changes of key", street, draft));
    samples.push(correction());
    samples
}

fn correction() -> Sample {
    let mut street = street::sample(2);
    let first = build(street.draft(1), &street::log_key()).unwrap();
    street.adjust(1, street::first_slot(), 5_000, 0);
    let mut draft = street.draft(1);
    let slot = street::first_slot();
    draft.entries.retain(|entry| entry.body.get("slot").is_none_or(|at| *at == json!(slot)));
    let mut draft = street.draft_of(1, draft.entries);
    draft.header.sequence = 2;
    draft.header.previous = Some(Previous::of(&first));
    draft.header.period = Period::month("2026-07-01".parse().unwrap(), "Europe/Berlin");
    draft.header.corrections =
        vec![Citation { slot, original: first.paper.header.number(), original_version: 1, version: 2 }];
    Sample::new("a correction", street, draft)
}

/// Chance with a seed (splitmix64): a failure comes again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Walks down to some value within, and changes it.
    fn change(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() && self.below(15) > 0 => {
                let place = self.below(fields.len());
                if let Some(inner) = fields.values_mut().nth(place) {
                    self.change(inner);
                }
            }
            Value::Array(items) if !items.is_empty() && self.below(15) > 0 => {
                let place = self.below(items.len());
                self.change(&mut items[place]);
            }
            other => *other = self.instead_of(other),
        }
    }

    fn instead_of(&mut self, value: &Value) -> Value {
        match value {
            Value::Number(number) => {
                let number = number.as_i64().unwrap();
                let edges =
                    [number + 1, number - 1, -number, 0, 1, number * 2, 1 << 32, (1 << 53) - 1, 1 << 53];
                if self.below(12) == 0 { json!(number as f64 + 0.5) } else { json!(self.one_of(&edges)) }
            }
            Value::String(text) => {
                let nanos =
                    text.parse::<i64>().map_or_else(|_| "7".to_owned(), |nanos| (nanos - 1).to_string());
                let slot = "2026-05-31T22:15:00Z".to_owned();
                let other = ["".to_owned(), format!("{text}x"), format!("+{text}"), "home-02".to_owned()];
                let other =
                    [&other[..], &[nanos, slot, text.to_uppercase(), text.replace("Z", "+00:00")]].concat();
                if self.below(12) == 0 { Value::Null } else { json!(self.one_of(&other)) }
            }
            Value::Object(fields) => {
                let mut fields = fields.clone();
                match (self.below(2), fields.keys().next().cloned()) {
                    (0, Some(first)) => drop(fields.remove(&first)),
                    _ => drop(fields.insert("more".to_owned(), json!(1))),
                }
                Value::Object(fields)
            }
            Value::Array(items) => {
                let mut items = items.clone();
                let place = self.below(items.len());
                match self.below(4) {
                    _ if items.is_empty() => items.push(json!(1)),
                    0 => drop(items.remove(place)),
                    1 => items.insert(place, items[place].clone()),
                    2 => items.rotate_left(1),
                    _ => items.clear(),
                }
                Value::Array(items)
            }
            Value::Null => self.one_of(&[json!(1), json!("x"), json!("EUR"), json!([])]).clone(),
            Value::Bool(_) => Value::Null,
        }
    }

    /// Damages a file as someone would who has nothing but the file.
    fn damage(&mut self, file: &[u8]) -> Vec<u8> {
        let mut value: Value = serde_json::from_slice(file).unwrap();
        let entries = value["evidence"]["entries"].as_array_mut().unwrap();
        let (one, other) = (self.below(entries.len()), self.below(entries.len()));
        match self.below(10) {
            0 => drop(entries.remove(one)),
            1 => entries.insert(one, entries[other].clone()),
            2 => entries.swap(one, other),
            3 => {
                let signed = |entry: &&mut Value| entry.get("signatures").is_some();
                let mut signed: Vec<&mut Value> = entries.iter_mut().filter(signed).collect();
                let (one, other) = (self.below(signed.len()), self.below(signed.len()));
                let taken = signed[one]["signatures"].clone();
                signed[other]["signatures"] = taken;
            }
            4 => self.change(&mut value["evidence"]["proof"]),
            5 => self.change(&mut value["paper"]["lines"]),
            6 => self.change(&mut value["paper"]),
            7 => self.change(&mut value["evidence"]),
            8 => {
                let mut bytes = file.to_vec();
                let place = self.below(bytes.len());
                match self.below(3) {
                    0 => bytes.insert(place, b' '),
                    1 => bytes[place] ^= 1 << self.below(8),
                    _ => drop(bytes.remove(place)),
                }
                return bytes;
            }
            _ => self.change(&mut value),
        }
        written(&value)
    }

    /// Changes what an entry says, and logs it as if it had been so from the start: signatures and proofs are right.
    fn lie(&mut self, sample: &Sample) -> Vec<u8> {
        let mut opened = sample.statement.evidence.entries.clone();
        let place = self.below(opened.len());
        let honest = opened[place].clone();
        match self.below(8) {
            // Left out, or there a second time.
            0 => drop(opened.remove(place)),
            1 => {
                opened[place] = Entry {
                    index: honest.index,
                    ..opened[self.below(sample.statement.evidence.entries.len())].clone()
                }
            }
            _ => self.change(&mut opened[place].body),
        }
        if let Some(entry) = opened.get_mut(place).filter(|entry| entry.index == honest.index)
            && self.below(8) > 0
            && !entry.domain.contains("log-key")
        {
            *entry = signed_again(entry);
        }
        let mut street = Street::new();
        street.log = ledger::MemoryLog::new();
        street.entries = sample.street.entries.clone();
        street.key = sample.street.key.clone();
        let mut all: Vec<Entry> = street.entries.values().flatten().cloned().collect();
        all.sort_by_key(|entry| entry.index);
        all.dedup_by_key(|entry| entry.index);
        for entry in &all {
            let told = opened.iter().find(|told| told.index == entry.index).unwrap_or(entry);
            let commitment = told.opening().commitment().or_else(|_| entry.opening().commitment()).unwrap();
            street.log.append(&commitment);
        }
        let draft = street.draft_of(0, opened);
        let mut statement = sample.statement.clone();
        statement.evidence.checkpoint = draft.checkpoint;
        statement.evidence.proof = draft.proof;
        statement.evidence.entries = draft.entries;
        written(&serde_json::to_value(statement).unwrap())
    }
}

/// Writes canonical JSON, also of what has no canonical form.
fn written(value: &Value) -> Vec<u8> {
    ledger::canonical_json(value).unwrap_or_else(|_| serde_json::to_vec(value).unwrap())
}

fn signed_again(entry: &Entry) -> Entry {
    let known = (0..HOUSES).map(street::device).chain([street::metering()]);
    let mut again = Entry { signatures: Vec::new(), ..entry.clone() };
    for key in known {
        let name = ledger::key_id_text(&key.verifying_key());
        if entry.signatures.iter().any(|signature| signature.key.as_str() == name) {
            again = again.clone().signed(&key).unwrap_or(again);
        }
    }
    again
}

#[test]
fn both_verifiers_say_yes_to_what_was_built_and_no_without_a_key() {
    let mut second = Second::start();
    let key = street::log_key().to_string();
    let alone = ledger::key_text(street::log_key().key());
    let other = ledger::key_text(&SigningKey::from_bytes(&[9; 32]).verifying_key());
    let elsewhere = ledger::LogKey::new("wattle/elsewhere", *street::log_key().key()).unwrap().to_string();
    for sample in samples() {
        let file = sample.file();
        assert_eq!(second.agree(&file, Some(&key), sample.what), None);
        assert_eq!(second.agree(&file, Some(&alone), sample.what), None);
        assert_eq!(second.agree(&file, None, sample.what).as_deref(), Some("unanchored"));
        assert_eq!(second.agree(&file, Some(&other), sample.what).as_deref(), Some("checkpoint"));
        assert_eq!(second.agree(&file, Some(&elsewhere), sample.what).as_deref(), Some("anchor"));
    }
}

#[test]
fn both_verifiers_judge_damaged_files_alike() {
    judge_copies(1, COPIES, |chance, sample| chance.damage(&sample.file()));
}

#[test]
fn both_verifiers_judge_what_an_exchange_could_lie_alike() {
    judge_copies(2, LIES, |chance, sample| chance.lie(sample));
}

fn judge_copies(seed: u64, copies: usize, copy: impl Fn(&mut Chance, &Sample) -> Vec<u8>) {
    let mut second = Second::start();
    let key = street::log_key().to_string();
    let mut failures = std::collections::BTreeMap::<Option<String>, usize>::new();
    for (number, sample) in samples().iter().enumerate() {
        let mut chance = Chance(seed * 1000 + number as u64);
        for turn in 0..copies {
            let file = copy(&mut chance, sample);
            // Now and then nobody has a key: what fails beside it must still be the same.
            let key = (turn % 10 > 0).then_some(key.as_str());
            let failure = second.agree(&file, key, &format!("{}, copy {turn}", sample.what));
            *failures.entry(failure).or_default() += 1;
        }
    }
    assert!(failures.len() > 5, "the copies differ in too few ways: {failures:?}");
    println!("{failures:?}");
}

#[test]
fn the_second_verifier_is_short_and_speaks_like_the_first() {
    let lines = std::fs::read_to_string(script()).unwrap().lines().count();
    assert!(lines < 400, "{lines} lines: what is to be read by eye must be short");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("statement.json");
    std::fs::write(&file, samples()[0].file()).unwrap();
    let key = street::log_key().to_string();
    let run = |arguments: &[&str]| -> Output {
        python().arg(script()).args(arguments).arg("--json").output().unwrap()
    };
    let path = file.to_str().unwrap();
    let yes = run(&[path, "--log-key", &key]);
    assert_eq!(yes.status.code(), Some(0), "{}", String::from_utf8_lossy(&yes.stderr));
    let said: Value = serde_json::from_slice(&yes.stdout).unwrap();
    let expected = serde_json::to_value(verify(&samples()[0].file(), Some(&key.parse().unwrap()))).unwrap();
    let names = |report: &Value| -> Vec<Value> {
        report["steps"].as_array().unwrap().iter().map(|step| step["name"].clone()).collect()
    };
    assert_eq!(names(&said), names(&expected));
    assert_eq!(said.as_object().unwrap().len(), expected.as_object().unwrap().len());
    assert_eq!(run(&[path]).status.code(), Some(1));
    assert_eq!(run(&[path, "--log-key", "nonsense"]).status.code(), Some(2));
    assert_eq!(run(&["no-such-file.json"]).status.code(), Some(2));
    assert_eq!(run(&[script().to_str().unwrap()]).status.code(), Some(1), "it names the form and is none");
    assert_eq!(run(&[env!("CARGO_MANIFEST_PATH")]).status.code(), Some(2));
}

/// Measures a whole month: `cargo test -p statement -- --ignored --nocapture a_month`.
#[test]
#[ignore = "takes half a minute to settle the month"]
fn a_month_takes_the_second_verifier_less_than_a_minute() {
    let file = build(street::sample(30 * 96).draft(0), &street::log_key()).unwrap().to_bytes();
    let mut second = Second::start();
    let began = std::time::Instant::now();
    let report = second.verify(&file, Some(&street::log_key().to_string()));
    let took = began.elapsed();
    assert_eq!(report["ok"], true);
    println!("{} MiB in {} ms", file.len() >> 20, took.as_millis());
    assert!(took.as_secs() < 60, "{took:?}");
}
