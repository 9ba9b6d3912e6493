//! Entries of the exchange's log that a statement opens, by domain; `docs/protocols/statement.md` fixes them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger::{Opening, Salt, SignedOpening, SigningKey, Unencodable};
use market::{Area, AreaOutcome, Side};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use units::{
    AreaId, Currency, DealId, KeyId, MarketId, MemberId, Money, OrderId, Price, Slot, Timestamp, WattHours,
};

/// An opened entry with its place in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub index: u64,
    pub domain: String,
    pub salt: Salt,
    pub body: Value,
    /// Of those who signed the body; they are not part of what the log commits to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<AuthorSignature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorSignature {
    pub key: KeyId,
    /// Ed25519, base64url without padding.
    pub signature: String,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Config(ConfigBody),
    Member(MemberBody),
    Key(KeyBody),
    Contract(ContractBody),
    ContractPrices(ContractPricesBody),
    Order(OrderBody),
    Cancel(CancelBody),
    Deal(DealBody),
    Reading(ReadingBody),
    UtilityReading(UtilityReadingBody),
    Clearing(ClearingBody),
    Settlement(SettlementBody),
    /// A change of the log's own key.
    LogKey(ledger::KeyRotation),
}

/// A body's domain line.
pub trait Domain: Serialize + DeserializeOwned {
    const DOMAIN: &'static str;
}

macro_rules! domains {
    ($($variant:ident($body:ty) = $domain:literal),* $(,)?) => {
        $(impl Domain for $body {
            const DOMAIN: &'static str = $domain;
        })*

        impl Entry {
            /// Reads the body in the form of its domain; `None` where the domain is not one of a statement.
            pub fn read(&self) -> Option<Result<Body, serde_json::Error>> {
                match self.domain.as_str() {
                    $($domain => Some(<$body>::deserialize(&self.body).map(Body::$variant)),)*
                    _ => None,
                }
            }

            /// Tells whether the body is in the one spelling of its form: no field left out that may be null,
            /// no second way to write a time or money. Where a form may say more, only what it says is compared.
            pub(crate) fn is_plainly_written(&self) -> bool {
                match self.domain.as_str() {
                    $($domain => <$body>::deserialize(&self.body).is_ok_and(|body| spells(&body, &self.body)),)*
                    _ => false,
                }
            }
        }
    };
}

fn spells(body: &impl Serialize, written: &Value) -> bool {
    let Ok(Value::Object(fields)) = serde_json::to_value(body) else { return false };
    fields.iter().all(|(name, value)| written.get(name) == Some(value))
}

domains! {
    Config(ConfigBody) = "wattle/config/v1",
    Member(MemberBody) = "wattle/member/v1",
    Key(KeyBody) = "wattle/device-key/v1",
    Contract(ContractBody) = "wattle/contract/v1",
    ContractPrices(ContractPricesBody) = "wattle/contract/v2",
    Order(OrderBody) = "wattle/order/v1",
    Cancel(CancelBody) = "wattle/cancel/v1",
    Deal(DealBody) = "wattle/deal/v1",
    Reading(ReadingBody) = "wattle/reading/v1",
    UtilityReading(UtilityReadingBody) = "wattle/utility-reading/v1",
    Clearing(ClearingBody) = "wattle/clearing/v1",
    Settlement(SettlementBody) = "wattle/settlement/v1",
    LogKey(ledger::KeyRotation) = "wattle/log-key/v1",
}

/// A version of the market's configuration, as far as money depends on it. It may say more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigBody {
    pub market: MarketId,
    pub version: u32,
    pub currency: Currency,
    #[serde(rename = "operator_fee_micros_per_kwh")]
    pub operator_fee: Price,
    pub areas: Vec<Area>,
    /// The key that signs the utility's readings, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metering_key: Option<String>,
    /// By kind of member; a kind that is missing pays and receives no tax.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tax: BTreeMap<String, TaxRates>,
}

/// Rates in millionths: 190000 is 19 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxRates {
    pub sale_ppm: u32,
    pub purchase_ppm: u32,
}

/// Where a member belongs from a slot on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberBody {
    pub market: MarketId,
    pub member: MemberId,
    pub from: Slot,
    pub area: AreaId,
    pub metering_point: String,
    /// Such as `household`; decides the tax.
    pub kind: String,
}

/// A device's key, enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyBody {
    pub market: MarketId,
    pub member: MemberId,
    /// Ed25519, base64url without padding.
    pub public_key: String,
}

/// What the member's own utility charges and pays from a slot on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractBody {
    pub market: MarketId,
    pub member: MemberId,
    pub from: Slot,
    #[serde(rename = "retail_micros_per_kwh")]
    pub retail: Price,
    #[serde(rename = "feed_in_micros_per_kwh")]
    pub feed_in: Price,
}

/// What the member's own utility charges and pays from a slot on, slot by slot, as the member signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractPricesBody {
    pub market: MarketId,
    pub member: MemberId,
    pub from: Slot,
    /// In the order of their slots, the first from the slot above; the last holds until another word.
    pub steps: Vec<PriceStep>,
}

/// Both prices from a slot on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceStep {
    pub from: Slot,
    #[serde(rename = "retail_micros_per_kwh")]
    pub retail: Price,
    #[serde(rename = "feed_in_micros_per_kwh")]
    pub feed_in: Price,
}

/// An order as the member signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderBody {
    pub id: OrderId,
    pub market: MarketId,
    pub member: MemberId,
    pub slot: Slot,
    pub side: Side,
    #[serde(rename = "quantity_wh")]
    pub quantity: WattHours,
    #[serde(rename = "limit_price_micros_per_kwh")]
    pub limit: Price,
    pub commitment: String,
}

/// The end of an order before its gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    pub market: MarketId,
    pub member: MemberId,
    pub order: OrderId,
}

/// A deal as both parties signed it, as far as money depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealBody {
    pub id: DealId,
    pub market: MarketId,
    pub seller: MemberId,
    pub buyer: MemberId,
    #[serde(rename = "price_micros_per_kwh")]
    pub price: Price,
    #[serde(rename = "cap_wh")]
    pub cap: WattHours,
    pub from: Slot,
    pub until: Option<Slot>,
}

/// What the member's meter showed, signed by its reporting device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadingBody {
    pub market: MarketId,
    pub member: MemberId,
    pub metering_point: String,
    pub slot: Slot,
    pub registers: Option<Registers>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registers {
    pub import_start_wh: WattHours,
    pub import_end_wh: WattHours,
    pub export_start_wh: WattHours,
    pub export_end_wh: WattHours,
}

/// What the utility measured, signed with the operator's metering key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UtilityReadingBody {
    pub market: MarketId,
    pub metering_point: String,
    pub slot: Slot,
    pub registers: Registers,
}

/// Prices of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearingBody {
    pub market: MarketId,
    pub slot: Slot,
    pub config_version: u32,
    pub areas: Vec<AreaOutcome>,
}

/// Whose reading a settlement rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Member,
    Utility,
}

/// One member's part of a settled slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementBody {
    pub market: MarketId,
    pub member: MemberId,
    pub slot: Slot,
    /// 1, then one more with each adjustment of the slot.
    pub version: u32,
    pub settled_at: Timestamp,
    pub config_version: u32,
    pub area: AreaId,
    /// Missing where no reading entered: then the energy is zero.
    pub source: Option<Source>,
    #[serde(rename = "import_wh")]
    pub import: WattHours,
    #[serde(rename = "export_wh")]
    pub export: WattHours,
    pub fills: Vec<FillLine>,
    pub deals: Vec<DealLine>,
    #[serde(rename = "from_utility_wh")]
    pub from_utility: WattHours,
    #[serde(rename = "to_utility_wh")]
    pub to_utility: WattHours,
    /// On the member's own account.
    pub postings: Vec<PostingLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FillLine {
    pub order: OrderId,
    pub side: Side,
    #[serde(rename = "filled_wh")]
    pub filled: WattHours,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DealLine {
    pub deal: DealId,
    pub side: Side,
    #[serde(rename = "settled_wh")]
    pub settled: WattHours,
    /// Where the other party is: the path to it has fees.
    pub other_area: AreaId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostingLine {
    #[serde(rename = "for")]
    pub reference: String,
    pub what: Kind,
    #[serde(rename = "nanos")]
    pub amount: Money,
}

/// What a posting on a member's account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Energy,
    FeedIn,
    GridFee,
    OperatorFee,
    Retail,
    Tax,
}

impl Entry {
    /// Opens an entry that nobody has to sign: the exchange's own.
    pub fn new<B: Domain>(index: u64, salt: Salt, body: &B) -> Self {
        let body = serde_json::to_value(body).expect("a body has text keys and whole numbers");
        Self { index, domain: B::DOMAIN.to_owned(), salt, body, signatures: Vec::new() }
    }

    /// Adds an author's signature.
    pub fn signed(mut self, key: &SigningKey) -> Result<Self, Unencodable> {
        let signed = SignedOpening::sign(self.opening(), key)?;
        let key = KeyId::new(signed.key).expect("43 letters are an id");
        self.signatures.push(AuthorSignature { key, signature: URL_SAFE_NO_PAD.encode(signed.signature) });
        Ok(self)
    }

    /// Returns what the log's commitment hides.
    pub fn opening(&self) -> Opening {
        Opening { domain: self.domain.clone(), salt: self.salt, body: self.body.clone() }
    }
}

impl AuthorSignature {
    /// Returns the 64 bytes, or `None` where the text is none.
    pub(crate) fn bytes(&self) -> Option<[u8; 64]> {
        // 64 bytes are 86 letters.
        (self.signature.len() == 86).then(|| URL_SAFE_NO_PAD.decode(&self.signature).ok())??.try_into().ok()
    }
}
