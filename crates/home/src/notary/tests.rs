use exchange_api::EntrySignature;
use ledger::{Checkpoint, MemoryLog, Salt, SigningKey};

use super::*;

const ORIGIN: &str = "wattle/street";

/// A log with its entries, as an exchange keeps it.
struct Exchange {
    log: MemoryLog,
    entries: Vec<OpenedEntry>,
    key: SigningKey,
}

impl Exchange {
    fn new(entries: usize) -> Self {
        let mut exchange =
            Self { log: MemoryLog::new(), entries: Vec::new(), key: SigningKey::from_bytes(&[5; 32]) };
        (0..entries).for_each(|number| exchange.put(json!({ "n": number })));
        exchange
    }

    fn put(&mut self, body: serde_json::Value) {
        let (index, domain) = (self.log.size(), "wattle/order/v1".to_owned());
        self.append(OpenedEntry { index, domain, salt: Salt([2; 32]), body, signatures: Vec::new() });
    }

    fn append(&mut self, entry: OpenedEntry) {
        self.log.append(&entry.opening().commitment().unwrap());
        self.entries.push(entry);
    }

    fn head(&self) -> SignedCheckpoint {
        let (origin, size, root) = (ORIGIN.to_owned(), self.log.size(), self.log.root());
        Checkpoint { origin, size, root }.sign(&self.key).unwrap()
    }

    fn page(&self, indexes: &[u64]) -> EntryPage {
        EntryPage {
            entries: indexes.iter().map(|index| self.entries[*index as usize].clone()).collect(),
            next: indexes.last().copied(),
            checkpoint: self.head(),
            proof: self.log.many(indexes, self.log.size()).unwrap(),
        }
    }

    /// Hands the log over to another key.
    fn rotate(&mut self, seed: u8) {
        let new = SigningKey::from_bytes(&[seed; 32]);
        let index = self.log.size();
        let signed =
            SignedRotation::sign(ORIGIN, index, &self.key, &new.verifying_key(), Salt([3; 32])).unwrap();
        let text = serde_json::to_value(&signed).unwrap();
        let signature = EntrySignature {
            key: ledger::key_id_text(&self.key.verifying_key()).parse().unwrap(),
            signature: text["signature"].as_str().unwrap().to_owned(),
        };
        self.append(OpenedEntry {
            index,
            domain: SignedRotation::DOMAIN.to_owned(),
            salt: signed.salt,
            body: text["body"].clone(),
            signatures: vec![signature],
        });
        self.key = new;
    }
}

fn notary() -> Notary {
    let key = SigningKey::from_bytes(&[5; 32]).verifying_key();
    Notary::new(LogKey::new(ORIGIN, key).unwrap())
}

/// Takes a head as the desk does.
fn take(notary: &mut Notary, exchange: &Exchange) -> Result<(), Breach> {
    let head = exchange.head();
    notary.check_signature(&head)?;
    let proof = match notary.growth(&head)? {
        Growth::Nothing => ConsistencyProof::default(),
        Growth::Proof { from, to } => exchange.log.consistency(from, to).unwrap(),
    };
    notary.grow(head, &proof)
}

#[test]
fn a_log_that_grows_is_believed() {
    let (mut notary, mut exchange) = (notary(), Exchange::new(5));
    take(&mut notary, &exchange).unwrap();
    take(&mut notary, &exchange).unwrap();
    exchange.put(json!({ "n": "more" }));
    take(&mut notary, &exchange).unwrap();
    check_page(&exchange.page(&[1, 4, 5])).unwrap();
    check_page(&exchange.page(&[])).unwrap();
}

#[test]
fn a_log_that_shrinks_is_a_rollback() {
    let mut notary = notary();
    take(&mut notary, &Exchange::new(5)).unwrap();
    let breach = take(&mut notary, &Exchange::new(4)).unwrap_err();
    assert_eq!(breach.kind, LogAlarmKind::Rollback);
    assert!(breach.evidence["before"].is_string() && breach.evidence["now"].is_string());
}

#[test]
fn a_log_that_was_rewritten_is_a_fork() {
    let (mut notary, mut other) = (notary(), Exchange::new(4));
    take(&mut notary, &Exchange::new(5)).unwrap();
    other.put(json!({ "n": "another" }));
    assert_eq!(take(&mut notary, &other).unwrap_err().kind, LogAlarmKind::Fork);
    other.put(json!({ "n": "more" }));
    let breach = take(&mut notary, &other).unwrap_err();
    assert_eq!(breach.kind, LogAlarmKind::Fork);
    assert!(breach.evidence["proof"].is_array());
    // The head that was believed stays the measure.
    assert_eq!(notary.head(), Some(&Exchange::new(5).head()));
}

#[test]
fn a_head_of_another_key_is_not_believed() {
    let (notary, mut exchange) = (notary(), Exchange::new(5));
    exchange.key = SigningKey::from_bytes(&[6; 32]);
    let breach = notary.check_signature(&exchange.head()).unwrap_err();
    assert_eq!(breach.kind, LogAlarmKind::WrongSignature);
}

#[test]
fn a_change_of_key_is_followed_and_one_by_a_stranger_is_not() {
    let (mut known, mut exchange) = (notary(), Exchange::new(2));
    exchange.rotate(6);
    known.follow(&exchange.entries[2]).unwrap();
    take(&mut known, &exchange).unwrap();
    let mut moved = exchange.entries[2].clone();
    moved.index = 3;
    assert_eq!(notary().follow(&moved).unwrap_err().kind, LogAlarmKind::WrongSignature);
    let mut strange = Exchange::new(2);
    strange.key = SigningKey::from_bytes(&[9; 32]);
    strange.rotate(6);
    assert_eq!(notary().follow(&strange.entries[2]).unwrap_err().kind, LogAlarmKind::WrongSignature);
}

#[test]
fn an_entry_that_is_not_in_the_tree_is_unproved() {
    let exchange = Exchange::new(9);
    let mut page = exchange.page(&[1, 4]);
    page.entries[1].body = json!({ "n": "forged" });
    assert_eq!(check_page(&page).unwrap_err().kind, LogAlarmKind::Unproved);
    let mut page = exchange.page(&[1, 4]);
    page.entries.pop();
    assert_eq!(check_page(&page).unwrap_err().kind, LogAlarmKind::Unproved);
}

#[test]
fn a_promise_is_kept_by_the_very_entry_only() {
    use exchange_api::{CancelOrders, CancelRequest, DeviceKey};
    use units::{MarketId, MemberId, OrderId, Timestamp};
    let key = DeviceKey::from_bytes(&[1; 32]);
    let request = CancelRequest { orders: CancelOrders::All, salt: cancel_secret(&key) };
    assert_eq!(request.salt, cancel_secret(&key));
    let (market, member) = (MarketId::new("street").unwrap(), MemberId::new("home-01").unwrap());
    let order = OrderId::new("o").unwrap();
    let promise = cancelled(7, &request, (&market, &member, &order), Timestamp::from_seconds(0)).unwrap();
    let entry = OpenedEntry {
        index: 7,
        domain: "wattle/cancel/v1".to_owned(),
        salt: request.salt_of(&order),
        body: json!({ "market": "street", "member": "home-01", "order": "o" }),
        signatures: Vec::new(),
    };
    assert!(was_kept(&promise, &entry));
    let other = OpenedEntry {
        body: json!({ "market": "street", "member": "home-01", "order": "p" }),
        ..entry.clone()
    };
    assert!(!was_kept(&promise, &other));
    assert!(!was_kept(&promise, &OpenedEntry { index: 8, ..entry }));
}
