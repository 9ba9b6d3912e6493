//! The vocabulary of the wire. Numbers are whole, units stand in names, times are RFC 3339 in UTC.

use market::Side;
use serde::{Deserialize, Serialize};
use units::{
    AreaId, Currency, KeyId, MarketId, MemberId, Money, OrderId, Price, Scale, Slot, Timestamp, WattHours,
};

use crate::deal::DealFill;

/// `GET /v1/market`, unsigned: what anyone may know before joining.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MarketInfo {
    pub market: MarketId,
    pub name: String,
    pub currency: Currency,
    /// IANA zone of the market's local day, in which exposure is counted.
    pub zone: String,
    pub terms: Terms,
    pub rules: MarketRules,
    /// The exchange's Ed25519 key, base64url without padding.
    pub exchange_key: String,
    /// The first key of the market's log, as C2SP's verifier key `origin+hash+base64`; later keys follow in the log.
    pub log_key: String,
    /// Market time now.
    pub market_time: Timestamp,
    /// Real time now: what the client compares its own clock with.
    pub real_time: Timestamp,
    /// Present in a simulated street, whose market time runs at this scale.
    pub scale: Option<Scale>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Terms {
    pub version: String,
    pub text: String,
}

/// The figures of `market.toml` that a household needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MarketRules {
    /// How long before a slot its gate closes.
    pub gate_s: u32,
    /// How long after a slot readings are awaited at most.
    pub readings_close_s: u32,
    /// How far apart the two samples around a slot border may lie.
    pub border_gap_s: u32,
    /// How long after a slot its settlement can change.
    pub final_after_s: u32,
    /// How far a client's clock may be off.
    pub clock_tolerance_s: u32,
    /// How many slots ahead orders are taken.
    pub horizon_slots: u32,
    pub operator_fee_micros_per_kwh: Price,
    /// The auction's floor and cap: the configuration's feed-in and retail price.
    pub floor_micros_per_kwh: Price,
    pub cap_micros_per_kwh: Price,
}

/// `POST /v1/members`, signed by the new key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    pub market: MarketId,
    /// The one-time code of the invitation.
    pub code: String,
    /// Ed25519, base64url without padding.
    pub public_key: String,
    pub device_name: String,
    /// The terms the owner agreed to.
    pub terms_version: String,
    pub contract: UtilityContract,
}

/// What the member's own utility charges and pays per kWh; what no trade covers is settled at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UtilityContract {
    pub retail_micros_per_kwh: Price,
    pub feed_in_micros_per_kwh: Price,
}

/// `PUT /v1/me/contract`: what the member's utility charges and pays from a slot on, which must not have started.
/// It takes the place of all that was said of later slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ContractPrices {
    pub market: MarketId,
    pub member: MemberId,
    pub from: Slot,
    /// The first begins with `from`, each other one after the one before it. The last holds until another word.
    pub steps: Vec<PriceStep>,
}

/// Both prices from a slot on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PriceStep {
    pub from: Slot,
    pub retail_micros_per_kwh: Price,
    pub feed_in_micros_per_kwh: Price,
}

/// The most steps of one word: eight days on which every hour has a price of its own, two with every quarter hour.
pub const MAX_PRICE_STEPS: usize = 200;

impl ContractPrices {
    /// Returns the steps with the contract of each, or `None` where they are not in order, none or too many.
    pub fn contracts(&self) -> Option<Vec<(Slot, UtilityContract)>> {
        let rising = self.steps.windows(2).all(|pair| pair[0].from < pair[1].from);
        let begins = self.steps.first().is_some_and(|step| step.from == self.from);
        let contract = |step: &PriceStep| {
            let PriceStep { from, retail_micros_per_kwh, feed_in_micros_per_kwh } = *step;
            (from, UtilityContract { retail_micros_per_kwh, feed_in_micros_per_kwh })
        };
        let fits = rising && begins && self.steps.len() <= MAX_PRICE_STEPS;
        fits.then(|| self.steps.iter().map(contract).collect())
    }
}

/// `PUT /v1/me/terms`: agree to the terms as they are now. Until then no order is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AgreeTerms {
    pub terms_version: String,
}

/// Answer to joining and to `GET /v1/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Membership {
    pub member: MemberId,
    pub area: AreaId,
    pub key: KeyId,
    pub metering_point: String,
    pub limits: Limits,
    pub contract: UtilityContract,
    pub terms_version: String,
}

/// What the operator bound the invitation to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bounds the quantity of an order and the energy of a reading in a slot.
    pub fuse_w: u32,
    /// Bounds open quantity x limit over the market's local day.
    #[serde(rename = "exposure_nanos")]
    pub exposure: Money,
}

/// An order for one slot: "up to this much of what my meter shows, at my all-in limit or better".
///
/// Its id is a UUID v7 made by the client; the same id with the same content is the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub id: OrderId,
    pub market: MarketId,
    pub member: MemberId,
    pub slot: Slot,
    #[cfg_attr(feature = "schema", schemars(with = "crate::openapi::Side"))]
    pub side: Side,
    #[serde(rename = "quantity_wh")]
    pub quantity: WattHours,
    #[serde(rename = "limit_price_micros_per_kwh")]
    pub limit: Price,
    pub commitment: Commitment,
}

/// What an order promises. Firm orders may come later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Commitment {
    /// Nothing is owed for sun that did not shine, or for energy not used.
    #[default]
    Metered,
}

/// What a meter showed in a slot: the registers at its borders in whole Wh, which telescope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Reading {
    pub market: MarketId,
    pub member: MemberId,
    pub metering_point: String,
    pub slot: Slot,
    /// Missing registers mean that the slot was not measured: its energy goes to the utility.
    pub registers: Option<Registers>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Registers {
    pub import_start_wh: WattHours,
    pub import_end_wh: WattHours,
    pub export_start_wh: WattHours,
    pub export_end_wh: WattHours,
}

/// A statement with its salt and the signature of the member's device.
///
/// Signed bytes: the domain line (`wattle/order/v1`, `wattle/reading/v1`, `wattle/deal/v1`), a newline, then the
/// canonical JSON (RFC 8785) of the body. The salt keeps the public log silent about the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Signed{T}"))]
pub struct Signed<T> {
    pub body: T,
    pub key: KeyId,
    /// 32 bytes, base64url without padding, made by whoever signs.
    pub salt: String,
    /// Ed25519, base64url without padding.
    pub signature: String,
}

pub type SignedOrder = Signed<Order>;
pub type SignedContract = Signed<ContractPrices>;
pub type SignedReading = Signed<Reading>;

/// `POST /v1/orders`: up to 96 in one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlaceOrders {
    pub orders: Vec<SignedOrder>,
}

/// Some of one's open orders, or all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CancelOrders {
    All,
    Ids(Vec<OrderId>),
}

/// What became of each order of a request, in the request's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderOutcomes {
    pub outcomes: Vec<OrderOutcome>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum OrderOutcome {
    Accepted {
        id: OrderId,
        accepted_at: Timestamp,
        /// The place of the order in the log; missing where it is older than the log.
        #[serde(default)]
        index: Option<u64>,
    },
    Cancelled {
        id: OrderId,
        /// The place of the cancellation in the log; missing where it is older than the log.
        #[serde(default)]
        index: Option<u64>,
    },
    /// Too late to cancel: the gate has closed.
    Bound {
        id: OrderId,
    },
    Refused {
        id: OrderId,
        problem: Problem,
    },
}

/// `GET /v1/orders?from=SLOT&to=SLOT`: one's own orders with their state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderList {
    pub orders: Vec<OrderStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderStatus {
    pub order: Order,
    pub accepted_at: Timestamp,
    pub state: OrderState,
    pub filled_wh: WattHours,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Can still be cancelled.
    Open,
    Cancelled,
    /// The gate has closed.
    Bound,
    Cleared,
}

/// `POST /v1/readings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportReadings {
    pub readings: Vec<SignedReading>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadingOutcomes {
    pub outcomes: Vec<ReadingOutcome>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ReadingOutcome {
    Accepted {
        slot: Slot,
        /// The place of the reading in the log; missing where it is older than the log.
        #[serde(default)]
        index: Option<u64>,
    },
    /// Came after readings closed: changes only this member's postings with the utility.
    Late {
        slot: Slot,
        #[serde(default)]
        index: Option<u64>,
    },
    /// Kept aside with the reason; it stops nobody else.
    Held {
        slot: Slot,
        problem: Problem,
    },
    Refused {
        slot: Slot,
        problem: Problem,
    },
}

/// `GET /v1/slots?from=SLOT&to=SLOT`: the life of slots, for every member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SlotList {
    pub slots: Vec<SlotSummary>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SlotSummary {
    pub slot: Slot,
    pub state: SlotState,
    /// Areas with their prices once cleared.
    pub areas: Vec<AreaPrice>,
    pub traded_wh: Option<WattHours>,
    pub orders: u32,
    /// Between gate and clearing: a guess that binds nobody.
    #[serde(default)]
    pub indicative: Option<Indicative>,
}

/// What a slot would clear at if every meter went on as its latest reading says. Made anew each minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Indicative {
    pub at: Timestamp,
    pub areas: Vec<AreaPrice>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AreaPrice {
    pub id: AreaId,
    #[serde(rename = "price_micros_per_kwh")]
    pub price: Option<Price>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SlotState {
    Open,
    GateClosed,
    Delivered,
    ReadingsClosed,
    Cleared,
    Settled,
    Adjusted,
    Final,
}

/// `GET /v1/settlements?after=CURSOR&wait_s=N`: one's own settled slots in the order they were settled.
///
/// With nothing newer the answer waits up to `wait_s` real seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SettlementPage {
    pub settlements: Vec<MemberSettlement>,
    /// Where the next request continues.
    pub next: i64,
}

/// One slot of one member, settled; a later version of the same slot replaces the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemberSettlement {
    pub cursor: i64,
    pub slot: Slot,
    /// 1, then one more with each adjustment.
    pub version: u32,
    pub settled_at: Timestamp,
    pub area: AreaId,
    #[serde(rename = "price_micros_per_kwh")]
    pub price: Option<Price>,
    /// Whether the meter's figures entered; without them everything is the utility's.
    pub measured: bool,
    /// Who told the figures; missing where nothing was measured.
    #[serde(default)]
    pub source: Option<ReadingSource>,
    #[serde(rename = "import_wh")]
    pub import: WattHours,
    #[serde(rename = "export_wh")]
    pub export: WattHours,
    #[serde(rename = "sold_wh")]
    pub sold: WattHours,
    #[serde(rename = "bought_wh")]
    pub bought: WattHours,
    #[serde(rename = "from_utility_wh")]
    pub from_utility: WattHours,
    #[serde(rename = "to_utility_wh")]
    pub to_utility: WattHours,
    pub contract: UtilityContract,
    pub fills: Vec<OrderFill>,
    /// What deals brought; sold and bought hold it too.
    #[serde(default)]
    pub deals: Vec<DealFill>,
    /// The postings on this member's account.
    pub postings: Vec<MemberPosting>,
}

/// Who vouches for a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReadingSource {
    /// Declared by the member's own device.
    Member,
    /// Told by the utility; it takes the place of the member's own.
    Utility,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderFill {
    pub order: OrderId,
    #[cfg_attr(feature = "schema", schemars(with = "crate::openapi::Side"))]
    pub side: Side,
    #[serde(rename = "filled_wh")]
    pub filled: WattHours,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemberPosting {
    #[serde(rename = "for")]
    pub reference: String,
    /// As in the postings of a settlement: energy, grid_fee, operator_fee, retail, feed_in.
    pub what: String,
    #[serde(rename = "nanos")]
    pub amount: Money,
}

/// RFC 9457. The `type` is `https://wattle.example/problems/` and the code; programs branch on the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    pub code: ProblemCode,
}

/// Why something was refused. Each has its sentence in the documentation of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    BadRequest,
    NotFound,
    TooLarge,
    TooManyRequests,
    Busy,
    StorageFull,
    Unsigned,
    BadSignature,
    ClockOff,
    Replayed,
    UnknownKey,
    RevokedKey,
    InvalidInvitation,
    ExpiredInvitation,
    TermsNotAgreed,
    WrongMarket,
    NotYours,
    UnalignedSlot,
    PastSlot,
    TooFarAhead,
    GateClosed,
    OutsideCapAndFloor,
    BeyondFuse,
    BeyondExposure,
    NoQuantity,
    IdTaken,
    ReadingBackwards,
    ReadingContradicts,
    ReadingTooEarly,
    SlotFinal,
    DealWithOneself,
    DealEnded,
    Internal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settlement_from_before_there_were_deals_is_still_read() {
        let old = r#"{"cursor":1,"slot":"2026-06-01T12:00:00Z","version":1,"settled_at":"2026-06-01T12:16:00Z",
            "area":"feeder-1","price_micros_per_kwh":null,"measured":true,"import_wh":5,"export_wh":0,"sold_wh":0,
            "bought_wh":0,"from_utility_wh":5,"to_utility_wh":0,
            "contract":{"retail_micros_per_kwh":300000,"feed_in_micros_per_kwh":80000},"fills":[],"postings":[]}"#;
        let read: MemberSettlement = serde_json::from_str(old).unwrap();
        assert_eq!((read.deals.len(), read.source), (0, None));
    }
}
