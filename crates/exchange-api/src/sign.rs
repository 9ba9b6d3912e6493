//! Signs statements over canonical JSON behind a domain line, and checks them.
//!
//! Signed bytes: the domain (`wattle/order/v1`), a newline, the JSON of RFC 8785. The domain keeps a
//! signature of one kind from being shown as one of another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::Serialize;
use units::{DealId, OrderId};

use crate::deal::Deal;
use crate::key::{DeviceKey, key_id};
use crate::wire::{ContractPrices, Order, Reading, Signed};

/// RFC 8785 writes numbers as doubles: beyond this two numbers could share their signed bytes.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// A statement that a device can sign.
pub trait Signable: Serialize {
    /// The domain line, without its newline.
    const DOMAIN: &'static str;

    /// The numbers in it, which must be exact in the signed bytes.
    fn numbers(&self) -> Vec<i64>;
}

impl Signable for Order {
    const DOMAIN: &'static str = "wattle/order/v1";

    fn numbers(&self) -> Vec<i64> {
        vec![self.quantity.get(), self.limit.micros_per_kwh()]
    }
}

impl Signable for Reading {
    const DOMAIN: &'static str = "wattle/reading/v1";

    fn numbers(&self) -> Vec<i64> {
        let Some(registers) = &self.registers else { return Vec::new() };
        vec![
            registers.import_start_wh.get(),
            registers.import_end_wh.get(),
            registers.export_start_wh.get(),
            registers.export_end_wh.get(),
        ]
    }
}

impl Signable for ContractPrices {
    const DOMAIN: &'static str = "wattle/contract/v2";

    fn numbers(&self) -> Vec<i64> {
        let prices =
            self.steps.iter().flat_map(|step| [step.retail_micros_per_kwh, step.feed_in_micros_per_kwh]);
        prices.map(|price| price.micros_per_kwh()).collect()
    }
}

impl Signable for Deal {
    const DOMAIN: &'static str = "wattle/deal/v1";

    fn numbers(&self) -> Vec<i64> {
        let per_day = self.cap_per_day.map(|cap| cap.get());
        [self.price.micros_per_kwh(), self.cap.get()].into_iter().chain(per_day).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("a number is beyond 2^53 - 1 and could not be signed exactly")]
    NumberTooLarge,
    #[error("the salt is not 32 bytes in base64url without padding")]
    MalformedSalt,
    #[error("the signature is not 64 bytes in base64url without padding")]
    MalformedSignature,
    #[error("it names another key than the one it is checked with")]
    OtherKey,
    #[error("the signature does not fit what it claims to sign")]
    Wrong,
}

/// A statement whose signature was checked; there is no other way to get one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'a, T>(&'a Signed<T>);

impl<'a, T> Verified<'a, T> {
    pub fn body(&self) -> &'a T {
        &self.0.body
    }

    pub fn signed(&self) -> &'a Signed<T> {
        self.0
    }
}

impl<T: Signable> Signed<T> {
    /// Signs a statement. The salt comes from [`new_salt`].
    pub fn sign(body: T, key: &DeviceKey, salt: [u8; 32]) -> Result<Self, SignatureError> {
        let signature = key.sign(&signed_bytes(&body)?);
        Ok(Self {
            body,
            key: key.key_id(),
            salt: URL_SAFE_NO_PAD.encode(salt),
            signature: URL_SAFE_NO_PAD.encode(signature),
        })
    }

    /// Checks the signature over bytes derived anew from the values.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Verified<'_, T>, SignatureError> {
        if key_id(key) != self.key {
            return Err(SignatureError::OtherKey);
        }
        let salt = URL_SAFE_NO_PAD.decode(&self.salt).map_err(|_| SignatureError::MalformedSalt)?;
        if salt.len() != 32 {
            return Err(SignatureError::MalformedSalt);
        }
        let signature = URL_SAFE_NO_PAD
            .decode(&self.signature)
            .ok()
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .ok_or(SignatureError::MalformedSignature)?;
        key.verify_strict(&signed_bytes(&self.body)?, &signature).map_err(|_| SignatureError::Wrong)?;
        Ok(Verified(self))
    }
}

/// Returns the bytes that are signed for a statement.
pub fn signed_bytes<T: Signable>(body: &T) -> Result<Vec<u8>, SignatureError> {
    if body.numbers().iter().any(|number| number.unsigned_abs() > MAX_EXACT) {
        return Err(SignatureError::NumberTooLarge);
    }
    let json = serde_json_canonicalizer::to_vec(body).expect("a statement has text keys and finite numbers");
    Ok([T::DOMAIN.as_bytes(), b"\n", &json].concat())
}

/// Signs a document that is no statement of a member: the domain line, a newline, then its bytes.
pub fn sign_document(domain: &str, document: &[u8], key: &DeviceKey) -> String {
    URL_SAFE_NO_PAD.encode(key.sign(&document_bytes(domain, document)))
}

/// Checks the signature of a document.
pub fn verify_document(
    domain: &str,
    document: &[u8],
    signature: &str,
    key: &VerifyingKey,
) -> Result<(), SignatureError> {
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .ok()
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
        .ok_or(SignatureError::MalformedSignature)?;
    key.verify_strict(&document_bytes(domain, document), &signature).map_err(|_| SignatureError::Wrong)
}

/// As [`sign_document`], over the canonical JSON of a value.
pub fn sign_json<T: Serialize>(domain: &str, body: &T, key: &DeviceKey) -> Result<String, SignatureError> {
    Ok(sign_document(domain, &canonical(body)?, key))
}

/// Checks what [`sign_json`] signed.
pub fn verify_json<T: Serialize>(
    domain: &str,
    body: &T,
    signature: &str,
    key: &VerifyingKey,
) -> Result<(), SignatureError> {
    verify_document(domain, &canonical(body)?, signature, key)
}

/// Writes canonical JSON, unless a whole number in it would not be exact.
fn canonical<T: Serialize>(body: &T) -> Result<Vec<u8>, SignatureError> {
    fn is_exact(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => whole.unsigned_abs() <= MAX_EXACT,
                (None, Some(_)) => false,
                (None, None) => true,
            },
            serde_json::Value::Array(items) => items.iter().all(is_exact),
            serde_json::Value::Object(fields) => fields.values().all(is_exact),
            _ => true,
        }
    }
    let value = serde_json::to_value(body).expect("a document has text keys and finite numbers");
    if !is_exact(&value) {
        return Err(SignatureError::NumberTooLarge);
    }
    Ok(serde_json_canonicalizer::to_vec(&value).expect("a document has text keys and finite numbers"))
}

fn document_bytes(domain: &str, document: &[u8]) -> Vec<u8> {
    [domain.as_bytes(), b"\n", document].concat()
}

/// Makes the salt of a statement.
pub fn new_salt() -> Result<[u8; 32], getrandom::Error> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt)?;
    Ok(salt)
}

/// Makes the id of an order: a UUID v7, which sorts by when it was made.
pub fn new_order_id() -> OrderId {
    OrderId::new(uuid::Uuid::now_v7().to_string()).expect("36 letters are an id")
}

/// Makes the id of a deal, as [`new_order_id`].
pub fn new_deal_id() -> DealId {
    DealId::new(uuid::Uuid::now_v7().to_string()).expect("36 letters are an id")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::wire::{Commitment, Registers};
    use market::Side;
    use proptest::prelude::*;
    use units::{KeyId, MarketId, MemberId, Price, WattHours};

    pub(crate) fn order() -> Order {
        Order {
            id: OrderId::new("01890a5d-ac96-774b-bcce-b302099a8057").unwrap(),
            market: MarketId::new("lindenweg").unwrap(),
            member: MemberId::new("home-01").unwrap(),
            slot: "2026-06-01T12:00:00Z".parse().unwrap(),
            side: Side::Sell,
            quantity: WattHours::new(1250),
            limit: Price::from_micros_per_kwh(120_000),
            commitment: Commitment::Metered,
        }
    }

    fn reading() -> Reading {
        Reading {
            market: MarketId::new("lindenweg").unwrap(),
            member: MemberId::new("home-01").unwrap(),
            metering_point: "DE0001".to_owned(),
            slot: "2026-06-01T12:00:00Z".parse().unwrap(),
            registers: Some(Registers {
                import_start_wh: WattHours::new(10),
                import_end_wh: WattHours::new(20),
                export_start_wh: WattHours::new(30),
                export_end_wh: WattHours::new(40),
            }),
        }
    }

    #[test]
    fn the_signed_bytes_are_a_domain_line_and_canonical_json() {
        let bytes = signed_bytes(&order()).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "wattle/order/v1\n{\"commitment\":\"metered\",\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\
             \"limit_price_micros_per_kwh\":120000,\"market\":\"lindenweg\",\"member\":\"home-01\",\
             \"quantity_wh\":1250,\"side\":\"sell\",\"slot\":\"2026-06-01T12:00:00Z\"}"
        );
    }

    #[test]
    fn the_vector_of_the_protocol_document_holds() {
        let key = DeviceKey::from_bytes(&[1; 32]);
        let signed = Signed::sign(order(), &key, [2; 32]).unwrap();
        let document = include_str!("../../../docs/protocols/signatures.md");
        for part in [&signed.signature, &signed.salt, &key.public_key_text(), signed.key.as_str()] {
            assert!(document.contains(part), "docs/protocols/signatures.md lacks {part}");
        }
    }

    #[test]
    fn the_deals_vector_of_the_protocol_document_holds() {
        use crate::deal::tests::deal;
        let document = include_str!("../../../docs/protocols/signatures.md");
        let text = String::from_utf8(signed_bytes(&deal()).unwrap()).unwrap();
        for line in text.lines() {
            assert!(document.contains(line), "docs/protocols/signatures.md lacks {line}");
        }
        for secret in [1, 3] {
            let signed = Signed::sign(deal(), &DeviceKey::from_bytes(&[secret; 32]), [2; 32]).unwrap();
            assert!(document.contains(&signed.signature), "the document lacks {}", signed.signature);
        }
    }

    #[test]
    fn a_changed_value_breaks_the_signature() {
        let key = DeviceKey::from_bytes(&[1; 32]);
        let good = Signed::sign(order(), &key, [2; 32]).unwrap();
        assert_eq!(good.verify(&key.verifying_key()).unwrap().body(), &order());
        let changes: [fn(&mut Order); 6] = [
            |order| order.quantity = WattHours::new(1251),
            |order| order.limit = Price::from_micros_per_kwh(-120_000),
            |order| order.side = Side::Buy,
            |order| order.slot = order.slot.next(),
            |order| order.member = MemberId::new("home-02").unwrap(),
            |order| order.market = MarketId::new("other").unwrap(),
        ];
        for change in changes {
            let mut signed = good.clone();
            change(&mut signed.body);
            assert_eq!(signed.verify(&key.verifying_key()), Err(SignatureError::Wrong));
        }
    }

    #[test]
    fn another_key_or_a_mangled_signature_is_refused() {
        let (key, other) = (DeviceKey::from_bytes(&[1; 32]), DeviceKey::from_bytes(&[3; 32]));
        let good = Signed::sign(reading(), &key, [2; 32]).unwrap();
        assert_eq!(good.verify(&other.verifying_key()), Err(SignatureError::OtherKey));
        let renamed = Signed { key: other.key_id(), ..good.clone() };
        assert_eq!(renamed.verify(&other.verifying_key()), Err(SignatureError::Wrong));
        let short = Signed { signature: "AAAA".to_owned(), ..good.clone() };
        assert_eq!(short.verify(&key.verifying_key()), Err(SignatureError::MalformedSignature));
        let unsalted = Signed { salt: String::new(), ..good };
        assert_eq!(unsalted.verify(&key.verifying_key()), Err(SignatureError::MalformedSalt));
    }

    #[test]
    fn a_signature_of_one_kind_is_none_of_another() {
        #[derive(Serialize)]
        #[serde(transparent)]
        struct Disguised(Order);
        impl Signable for Disguised {
            const DOMAIN: &'static str = "wattle/reading/v1";
            fn numbers(&self) -> Vec<i64> {
                self.0.numbers()
            }
        }
        let key = DeviceKey::from_bytes(&[1; 32]);
        let Signed { body, key: id, salt, signature } =
            Signed::sign(Disguised(order()), &key, [2; 32]).unwrap();
        let shown = Signed { body: body.0, key: id, salt, signature };
        assert_eq!(shown.verify(&key.verifying_key()), Err(SignatureError::Wrong));
    }

    #[test]
    fn numbers_that_a_double_cannot_hold_are_not_signed() {
        let key = DeviceKey::from_bytes(&[1; 32]);
        for number in [1 << 53, i64::MIN, i64::MAX] {
            let body = Order { quantity: WattHours::new(number), ..order() };
            assert_eq!(Signed::sign(body, &key, [2; 32]), Err(SignatureError::NumberTooLarge));
        }
    }

    #[test]
    fn order_ids_sort_by_when_they_were_made() {
        let ids: Vec<OrderId> = (0..50).map(|_| new_order_id()).collect();
        assert!(ids.is_sorted());
    }

    proptest! {
        #[test]
        fn what_travelled_as_json_still_verifies(quantity in 0i64..(1 << 40), limit in -1_000_000_000i64..1_000_000_000) {
            let key = DeviceKey::from_bytes(&[9; 32]);
            let body = Order { quantity: WattHours::new(quantity), limit: Price::from_micros_per_kwh(limit), ..order() };
            let sent = serde_json::to_string(&Signed::sign(body, &key, [4; 32]).unwrap()).unwrap();
            let received: Signed<Order> = serde_json::from_str(&sent).unwrap();
            prop_assert!(received.verify(&key.verifying_key()).is_ok());
            prop_assert_ne!(received.key, KeyId::new("x").unwrap());
        }
    }
}
