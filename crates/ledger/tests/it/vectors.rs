//! The vectors of `docs/protocols/ledger.json`, which any other language can run too.

use ledger::{
    Checkpoint, Commitment, ConsistencyProof, Hash, InclusionProof, Log, ManyProof, Opening, Salt,
    SignedCheckpoint, SignedOpening, SignedRotation, SigningKey, Tile, leaf_hash,
};
use serde_json::{Value, json};

const FILE: &str = include_str!("../../../../docs/protocols/ledger.json");
const ORIGIN: &str = "log.example/street";

/// The entries of certificate transparency's reference tests.
const CT_ENTRIES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

/// Their roots at sizes 1 to 8, from the same tests.
const CT_ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The log of the vectors: entry n is 32 bytes of n.
fn log(size: u64) -> ledger::MemoryLog {
    let mut log = ledger::MemoryLog::new();
    for number in 0..size {
        log.append(&Commitment([number as u8; 32]));
    }
    log
}

/// Computes the whole document anew.
fn document() -> Value {
    let log = log(11);
    let root = |size: u64| log.root_at(size).unwrap();
    let inclusion = [(0, 1), (0, 8), (5, 8), (10, 11), (6, 11)].map(|(index, size)| {
        json!({"index": index, "size": size, "leaf": leaf_hash(&[index as u8; 32]), "root": root(size),
            "proof": log.inclusion(index, size).unwrap()})
    });
    let consistency = [(0, 5), (3, 3), (1, 8), (4, 8), (6, 8), (7, 11), (8, 11)].map(|(old, new)| {
        json!({"old_size": old, "old_root": root(old), "size": new, "root": root(new),
            "proof": log.consistency(old, new).unwrap()})
    });
    let many = [(vec![], 5), (vec![0], 1), (vec![2, 3, 9], 11), (vec![0, 4, 10], 11)].map(|(indices, size)| {
        json!({"indices": indices, "size": size, "root": root(size), "proof": log.many(&indices, size).unwrap()})
    });
    let secret = SigningKey::from_bytes(&[1; 32]);
    let member = SigningKey::from_bytes(&[3; 32]);
    let successor = SigningKey::from_bytes(&[4; 32]);
    let head = Checkpoint { origin: ORIGIN.to_owned(), size: 11, root: log.root() };
    let mut checkpoint = head.sign(&secret).unwrap();
    checkpoint.add(checkpoint.cosign("home-01", &member, 1_780_000_000).unwrap()).unwrap();
    let body = json!({"slot": "2026-06-01T12:00:00Z", "id": "é\u{20ac}\"\\\n", "quantity_wh": 1250,
        "limit_price_micros_per_kwh": -5, "none": null, "list": [true, 9007199254740991u64]});
    let opening = Opening { domain: "wattle/test/v1".to_owned(), salt: Salt([2; 32]), body };
    let signed = SignedOpening::sign(opening.clone(), &secret).unwrap();
    let key = ledger::LogKey::new(ORIGIN, secret.verifying_key()).unwrap();
    json!({
        "rfc6962": {"entries_hex": CT_ENTRIES, "roots_hex_of_sizes_1_to_8": CT_ROOTS},
        "log": "entry n is 32 bytes of the value n; 11 entries",
        "inclusion": inclusion,
        "consistency": consistency,
        "many": many,
        "opening": {
            "domain": opening.domain, "salt": opening.salt, "body": opening.body,
            "signed_bytes_hex": hex(&opening.signed_bytes().unwrap()),
            "commitment": opening.commitment().unwrap(),
            "leaf": opening.commitment().unwrap().leaf_hash(),
            "secret_hex": hex(&[1; 32]), "key": ledger::key_text(&secret.verifying_key()), "key_id": signed.key,
            "signature_hex": hex(&signed.signature),
        },
        "checkpoint": {
            "secret_hex": hex(&[1; 32]), "log_key": key.to_string(), "note": checkpoint.to_string(),
            "cosigner": "home-01", "cosigner_secret_hex": hex(&[3; 32]), "cosigned_seconds": 1_780_000_000,
        },
        "rotation": SignedRotation::sign(ORIGIN, 7, &secret, &successor.verifying_key(), Salt([2; 32])).unwrap(),
        "tiles": [
            {"level": 0, "number": 1234067, "width": 256, "path": Tile::new(0, 1_234_067, 256).unwrap().to_string()},
            {"level": 2, "number": 0, "width": 1, "path": Tile::new(2, 0, 1).unwrap().to_string()},
        ],
    })
}

#[test]
fn the_document_holds_what_this_code_computes() {
    let stored: Value = serde_json::from_str(FILE).unwrap();
    let pretty = serde_json::to_string_pretty(&document()).unwrap();
    assert!(stored == document(), "docs/protocols/ledger.json should be:\n{pretty}");
}

#[test]
fn the_roots_of_certificate_transparency_hold() {
    let mut log = Log::new();
    for (entry, root) in CT_ENTRIES.iter().zip(CT_ROOTS) {
        log.append_leaf(leaf_hash(&unhex(entry)));
        assert_eq!(hex(&log.root().0), root);
    }
}

#[test]
fn the_documents_proofs_verify_as_they_are_read() {
    let document: Value = serde_json::from_str(FILE).unwrap();
    let hash = |value: &Value| serde_json::from_value::<Hash>(value.clone()).unwrap();
    let number = |value: &Value| value.as_u64().unwrap();
    for case in document["inclusion"].as_array().unwrap() {
        let proof: InclusionProof = serde_json::from_value(case["proof"].clone()).unwrap();
        proof
            .verify(number(&case["index"]), hash(&case["leaf"]), number(&case["size"]), hash(&case["root"]))
            .unwrap();
    }
    for case in document["consistency"].as_array().unwrap() {
        let proof: ConsistencyProof = serde_json::from_value(case["proof"].clone()).unwrap();
        let old = (number(&case["old_size"]), hash(&case["old_root"]));
        proof.verify(old.0, old.1, number(&case["size"]), hash(&case["root"])).unwrap();
    }
    for case in document["many"].as_array().unwrap() {
        let proof: ManyProof = serde_json::from_value(case["proof"].clone()).unwrap();
        let leaves: Vec<(u64, Hash)> = case["indices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|index| (number(index), leaf_hash(&[number(index) as u8; 32])))
            .collect();
        proof.verify(&leaves, number(&case["size"]), hash(&case["root"])).unwrap();
    }
    let note: SignedCheckpoint = document["checkpoint"]["note"].as_str().unwrap().parse().unwrap();
    note.verify(&document["checkpoint"]["log_key"].as_str().unwrap().parse().unwrap()).unwrap();
}
