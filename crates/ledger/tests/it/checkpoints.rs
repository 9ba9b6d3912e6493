//! Heads of a log: who signed them, who saw them, and which key is in force.

use ledger::{
    Checkpoint, CheckpointError, Hash, KeyChain, LogKey, RotationError, Salt, SignedCheckpoint,
    SignedRotation, SigningKey,
};

const ORIGIN: &str = "log.example/street";

fn secret(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn log_key(number: u8) -> LogKey {
    LogKey::new(ORIGIN, secret(number).verifying_key()).unwrap()
}

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size, root: Hash([9; 32]) }
}

#[test]
fn a_checkpoint_travels_as_text_and_is_verified_with_the_logs_key_only() {
    let signed = checkpoint(42).sign(&secret(1)).unwrap();
    let read: SignedCheckpoint = signed.to_string().parse().unwrap();
    assert_eq!(read.verify(&log_key(1)).unwrap(), &checkpoint(42));
    assert_eq!(read.verify(&log_key(2)), Err(CheckpointError::Unsigned));
    let other = LogKey::new("log.example/other", *log_key(1).key()).unwrap();
    assert!(matches!(read.verify(&other), Err(CheckpointError::OtherLog { .. })));
}

#[test]
fn any_changed_letter_breaks_it() {
    let text = checkpoint(1234).sign(&secret(1)).unwrap().to_string();
    for place in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[place] = if bytes[place] == b'1' { b'2' } else { b'1' };
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        let accepted = changed.parse::<SignedCheckpoint>().is_ok_and(|read| read.verify(&log_key(1)).is_ok());
        assert!(!accepted, "letter {place}");
    }
}

#[test]
fn what_is_not_three_lines_is_no_checkpoint() {
    let note = |text: &str| format!("{text}\n\u{2014} log.example/street AAAAAAA=\n");
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    assert!(note(&format!("o\n7\n{root}\n")).parse::<SignedCheckpoint>().is_ok());
    let wrong = [
        format!("o\n07\n{root}\n"),
        format!("o\n+7\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("o\n7\n{}\n", &root[4..]),
        format!("o\n7\n{root}\nmore\n"),
        format!("\n7\n{root}\n"),
        "o\n7\n".to_owned(),
    ];
    for text in wrong {
        assert!(note(&text).parse::<SignedCheckpoint>().is_err(), "{text:?}");
    }
}

#[test]
fn the_reference_checkpoint_of_the_standard_is_read() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let read: SignedCheckpoint = text.parse().unwrap();
    assert_eq!(read.claimed().size, 20_852_163);
    assert_eq!(read.to_string(), text);
}

#[test]
fn members_cosign_and_a_wrong_cosignature_is_an_error() {
    let mut signed = checkpoint(42).sign(&secret(1)).unwrap();
    for (name, number, seconds) in [("home-01", 11, 1_780_000_000), ("home-02", 12, 1_780_000_060)] {
        let cosignature = signed.cosign(name, &secret(number), seconds).unwrap();
        signed.add(cosignature).unwrap();
    }
    let read: SignedCheckpoint = signed.to_string().parse().unwrap();
    read.verify(&log_key(1)).unwrap();
    let seen = read.cosignature("home-02", &secret(12).verifying_key()).unwrap().unwrap();
    assert_eq!(seen.seconds, 1_780_000_060);
    assert_eq!(read.cosignature("home-03", &secret(12).verifying_key()).unwrap(), None);
    assert_eq!(read.cosignature("home-02", &secret(11).verifying_key()).unwrap(), None);

    // A cosignature of another head does not move here.
    let elsewhere = checkpoint(43).sign(&secret(1)).unwrap();
    let mut forged = elsewhere.clone();
    forged.add(signed.cosign("home-01", &secret(11), 5).unwrap()).unwrap();
    let wrong = forged.cosignature("home-01", &secret(11).verifying_key());
    assert_eq!(wrong, Err(CheckpointError::WrongSignature));
    assert_eq!(elsewhere.cosign("home-01", &secret(11), u64::MAX), Err(CheckpointError::Time));
}

#[test]
fn the_key_in_force_signs_and_no_other() {
    let mut keys = KeyChain::new(log_key(1));
    let rotations = [
        SignedRotation::sign(ORIGIN, 10, &secret(1), &secret(2).verifying_key(), Salt([0; 32])).unwrap(),
        SignedRotation::sign(ORIGIN, 20, &secret(2), &secret(3).verifying_key(), Salt([0; 32])).unwrap(),
    ];
    for rotation in &rotations {
        let json = serde_json::to_string(rotation).unwrap();
        keys.follow(&serde_json::from_str(&json).unwrap()).unwrap();
    }
    for (size, number) in [(5, 1), (10, 1), (11, 2), (20, 2), (21, 3), (9000, 3)] {
        for signer in 1..=3 {
            let signed = checkpoint(size).sign(&secret(signer)).unwrap();
            assert_eq!(keys.verify(&signed).is_ok(), signer == number, "size {size}, key {signer}");
        }
    }
}

#[test]
fn a_change_of_key_that_the_old_key_did_not_make_is_refused() {
    let good =
        SignedRotation::sign(ORIGIN, 10, &secret(1), &secret(2).verifying_key(), Salt([0; 32])).unwrap();
    let refused = |rotation: &SignedRotation| KeyChain::new(log_key(1)).follow(rotation).unwrap_err();
    let thief =
        SignedRotation::sign(ORIGIN, 10, &secret(9), &secret(2).verifying_key(), Salt([0; 32])).unwrap();
    assert_eq!(refused(&thief), RotationError::OtherKey);
    let mut dressed = thief.clone();
    dressed.body.old_key = good.body.old_key.clone();
    assert_eq!(refused(&dressed), RotationError::Unsigned);
    let mut moved = good.clone();
    moved.body.index = 11;
    assert_eq!(refused(&moved), RotationError::Unsigned);
    let mut weak = good.clone();
    weak.body.new_key = "A".repeat(43);
    assert_eq!(refused(&weak), RotationError::Unsigned);
    let other = SignedRotation::sign("x", 10, &secret(1), &secret(2).verifying_key(), Salt([0; 32])).unwrap();
    assert_eq!(refused(&other), RotationError::OtherLog);
    let mut keys = KeyChain::new(log_key(1));
    keys.follow(&good).unwrap();
    let back =
        SignedRotation::sign(ORIGIN, 10, &secret(2), &secret(3).verifying_key(), Salt([0; 32])).unwrap();
    assert_eq!(keys.follow(&back), Err(RotationError::NotRising));
}
