//! What the exchange acknowledged, and the commitment by which it must turn up in the log.

use exchange_api::{CancelRequest, DeviceKey, OpenedEntry, SignedOrder, SignedReading};
use history::LogPromise;
use ledger::{Opening, Salt, SignedOpening, SigningKey};
use serde_json::{Value, json};
use units::{MarketId, MemberId, OrderId, Timestamp};

/// Returns the promise that an acknowledged order is.
pub fn ordered(index: u64, order: &SignedOrder, now: Timestamp) -> Option<LogPromise> {
    let body = serde_json::to_value(&order.body).ok()?;
    promise(
        index,
        "wattle/order/v1",
        Salt::from_text(&order.salt)?,
        body,
        format!("order {}", order.body.id),
        now,
    )
}

/// Returns the promise that an acknowledged reading is.
pub fn reported(index: u64, reading: &SignedReading, now: Timestamp) -> Option<LogPromise> {
    let body = serde_json::to_value(&reading.body).ok()?;
    let what = format!("reading of {}", reading.body.slot);
    promise(index, "wattle/reading/v1", Salt::from_text(&reading.salt)?, body, what, now)
}

/// Returns the promise that a confirmed cancellation is.
pub fn cancelled(
    index: u64,
    request: &CancelRequest,
    (market, member, order): (&MarketId, &MemberId, &OrderId),
    now: Timestamp,
) -> Option<LogPromise> {
    let body = json!({ "market": market, "member": member, "order": order });
    let what = format!("cancellation of {order}");
    promise(index, "wattle/cancel/v1", request.salt_of(order), body, what, now)
}

/// Returns the secret from which the salts of cancellations follow: the same each time, since a cancellation
/// that is asked for twice is one entry. Only who has the device's key can compute it.
pub fn cancel_secret(key: &DeviceKey) -> Salt {
    // An Ed25519 signature is a function of key and message, and this message is signed for nothing else.
    let message =
        Opening { domain: "wattle/cancel-salts/v1".to_owned(), salt: Salt([0; 32]), body: Value::Null };
    let signed = SignedOpening::sign(message, &SigningKey::from_bytes(&key.to_bytes()));
    Salt(ledger::leaf_hash(&signed.expect("null has a canonical form").signature).0)
}

fn promise(
    index: u64,
    domain: &str,
    salt: Salt,
    body: Value,
    what: String,
    now: Timestamp,
) -> Option<LogPromise> {
    let opening = Opening { domain: domain.to_owned(), salt, body };
    let commitment = opening.commitment().ok()?.to_text();
    Some(LogPromise { index, commitment, what, promised_at: now })
}

/// Tells whether an entry is what was promised for its place.
pub fn was_kept(promise: &LogPromise, entry: &OpenedEntry) -> bool {
    let commitment = entry.opening().commitment();
    entry.index == promise.index && commitment.is_ok_and(|found| found.to_text() == promise.commitment)
}
