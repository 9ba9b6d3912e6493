//! The market's log on the wire: opened entries, proofs, growth. `docs/protocols/ledger.md` fixes the log itself.

use ledger::{ConsistencyProof, Hash, ManyProof, Opening, Salt, SignedCheckpoint, Unencodable};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use units::{KeyId, OrderId};

use crate::wire::CancelOrders;

/// An entry with everything that its commitment hides, and the signatures of those who wrote it.
///
/// In JSON it is an entry of a statement's evidence. Readers keep domains that they do not know: they are in the proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenedEntry {
    /// The place in the log.
    pub index: u64,
    pub domain: String,
    /// 32 bytes, base64url without padding.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub salt: Salt,
    pub body: Value,
    /// Missing where nobody signed: the exchange's own entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<EntrySignature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EntrySignature {
    pub key: KeyId,
    /// Ed25519, base64url without padding.
    pub signature: String,
}

impl OpenedEntry {
    /// Returns what the log's commitment hides.
    pub fn opening(&self) -> Opening {
        Opening { domain: self.domain.clone(), salt: self.salt, body: self.body.clone() }
    }
}

/// Returns the leaves that opened entries are in the tree, as a proof of many takes them.
pub fn leaves(entries: &[OpenedEntry]) -> Result<Vec<(u64, Hash)>, Unencodable> {
    entries.iter().map(|entry| Ok((entry.index, entry.opening().commitment()?.leaf_hash()))).collect()
}

/// `GET /v1/entries?after=INDEX&limit=N&wait_s=S`: one's own entries and those of the whole market, in the log's order.
///
/// Without `after` it begins at the log's start. With nothing newer the answer waits up to `wait_s` real seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EntryPage {
    pub entries: Vec<OpenedEntry>,
    /// Where the next request continues, as its `after`; missing before the first entry.
    pub next: Option<u64>,
    /// The newest signed head, a C2SP note.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub checkpoint: SignedCheckpoint,
    /// That all entries of this page are in the checkpoint's tree: the page is their receipt.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub proof: ManyProof,
}

/// `POST /v1/entries/proof`: what a statement asks for all entries that it opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProveEntries {
    /// Rising, at most 25,000.
    pub indexes: Vec<u64>,
    /// The size of a checkpoint that the log has signed; the newest if absent.
    #[serde(default)]
    pub size: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EntriesProof {
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub checkpoint: SignedCheckpoint,
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub proof: ManyProof,
}

/// `GET /v1/log/consistency?from=N&to=M`: that the log of M entries grew out of the log of N.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogGrowth {
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub proof: ConsistencyProof,
}

/// `POST /v1/orders/cancel`: which orders, and the secret from which the salts of their entries follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    pub orders: CancelOrders,
    /// 32 bytes, base64url without padding, new for each request.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub salt: Salt,
}

impl CancelRequest {
    /// Returns the salt of the entry that cancels one of the orders: SHA-256 of the request's salt and the id.
    ///
    /// One request cancels many orders, and to open one entry must not open the others.
    pub fn salt_of(&self, order: &OrderId) -> Salt {
        Salt(Sha256::new().chain_update(self.salt.0).chain_update(order.as_str()).finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_of_a_request_is_cancelled_under_a_salt_of_its_own() {
        let request = CancelRequest { orders: CancelOrders::All, salt: Salt([7; 32]) };
        let other = CancelRequest { salt: Salt([8; 32]), ..request.clone() };
        let [one, two] = ["a", "b"].map(|id| OrderId::new(id).unwrap());
        assert_eq!(request.salt_of(&one), request.salt_of(&one));
        assert_ne!(request.salt_of(&one), request.salt_of(&two));
        assert_ne!(request.salt_of(&one), other.salt_of(&one));
        let sent = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<CancelRequest>(&sent).unwrap(), request);
        assert!(serde_json::from_str::<CancelRequest>("{\"orders\":\"all\"}").is_err());
    }

    #[test]
    fn an_opened_entry_is_one_of_a_statement() {
        let text = r#"{"index":12,"domain":"wattle/order/v1","salt":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
            "body":{"a":1},"signatures":[{"key":"k","signature":"s"}]}"#;
        let entry: OpenedEntry = serde_json::from_str(text).unwrap();
        assert_eq!((entry.salt, entry.signatures.len()), (Salt([2; 32]), 1));
        let commitment = entry.opening().commitment().unwrap();
        assert_eq!(leaves(&[entry]).unwrap(), [(12, commitment.leaf_hash())]);
    }
}
