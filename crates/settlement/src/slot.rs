//! What settling one slot takes in and gives back.

use std::sync::Arc;

use market::{Area, Clearing, Side};
use serde::{Deserialize, Serialize};
use units::{AreaId, DealId, MemberId, Money, OrderId, Price, Slot, Timestamp, WattHours};

/// Everything that the settlement of one slot depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotInput {
    pub slot: Slot,
    pub areas: Vec<Area>,
    pub members: Vec<MeteredMember>,
    pub deals: Vec<Deal>,
    pub orders: Vec<MemberOrder>,
    pub fees: Fees,
}

/// A member with what its meter measured and what its own utility charges and pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeteredMember {
    pub id: MemberId,
    pub area: AreaId,
    #[serde(rename = "import_wh")]
    pub import: WattHours,
    #[serde(rename = "export_wh")]
    pub export: WattHours,
    #[serde(rename = "retail_micros_per_kwh")]
    pub retail: Price,
    #[serde(rename = "feed_in_micros_per_kwh")]
    pub feed_in: Price,
}

/// A price that two members agreed on between themselves; served before the auction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deal {
    pub id: DealId,
    pub agreed_at: Timestamp,
    pub seller: MemberId,
    pub buyer: MemberId,
    #[serde(rename = "cap_wh")]
    pub cap: WattHours,
    #[serde(rename = "price_micros_per_kwh")]
    pub price: Price,
}

/// A member's order with its all-in limit: fees are still to come off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberOrder {
    pub id: OrderId,
    pub member: MemberId,
    pub side: Side,
    #[serde(rename = "quantity_wh")]
    pub quantity: WattHours,
    #[serde(rename = "limit_price_micros_per_kwh")]
    pub limit: Price,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// Per kWh traded, in deals and auction alike; the buyer bears half, the seller half.
    #[serde(rename = "operator_micros_per_kwh")]
    pub operator: Price,
}

/// The outcome: what was traded, at what, and who owes what. The postings sum to zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    pub deals: Vec<SettledDeal>,
    pub clearing: Clearing,
    pub residual: Vec<Residual>,
    pub postings: Vec<Posting>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettledDeal {
    pub id: DealId,
    #[serde(rename = "settled_wh")]
    pub settled: WattHours,
    #[serde(rename = "grid_fee_nanos")]
    pub grid_fee: Money,
}

/// What a member's utility delivers and takes after deals and auction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    pub member: MemberId,
    #[serde(rename = "import_wh")]
    pub import: WattHours,
    #[serde(rename = "export_wh")]
    pub export: WattHours,
}

/// One line of double entry. Positive means that the account receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    pub account: Account,
    /// Id of the deal, order, member, or (for `network` and the auction) the area below the edge.
    #[serde(rename = "for")]
    pub reference: Reference,
    pub what: What,
    #[serde(rename = "nanos")]
    pub amount: Money,
}

/// What a posting is for: the text of an id, which it shares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(Arc<str>);

/// `member:ID`, `network`, `operator` or `utility:ID`: in the order in which these texts sort.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    Member(MemberId),
    Network,
    Operator,
    /// The utility, in the contract of this member.
    Utility(MemberId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Energy,
    GridFee,
    OperatorFee,
    Retail,
    FeedIn,
    Congestion,
}

impl What {
    /// Returns the word that stands for it in JSON, and by which postings sort.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::GridFee => "grid_fee",
            Self::OperatorFee => "operator_fee",
            Self::Retail => "retail",
            Self::FeedIn => "feed_in",
            Self::Congestion => "congestion",
        }
    }
}

impl Reference {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Arc<str>> for Reference {
    fn from(text: &Arc<str>) -> Self {
        Self(Arc::clone(text))
    }
}

impl From<String> for Reference {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for Reference {
    fn eq(&self, text: &str) -> bool {
        *self.0 == *text
    }
}

impl Serialize for Reference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Member(member) => write!(f, "member:{member}"),
            Self::Utility(member) => write!(f, "utility:{member}"),
            Self::Network => f.write_str("network"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an account: member:ID, utility:ID, network and operator are")]
pub struct InvalidAccount(String);

impl std::str::FromStr for Account {
    type Err = InvalidAccount;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidAccount(text.to_owned());
        match text.split_once(':') {
            Some(("member", id)) => MemberId::new(id).map(Self::Member).map_err(|_| invalid()),
            Some(("utility", id)) => MemberId::new(id).map(Self::Utility).map_err(|_| invalid()),
            None if text == "network" => Ok(Self::Network),
            None if text == "operator" => Ok(Self::Operator),
            _ => Err(invalid()),
        }
    }
}

impl Serialize for Account {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
