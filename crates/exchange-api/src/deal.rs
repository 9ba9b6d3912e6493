//! Direct deals: a price that two members agree on, and the quarter hours that it covers.

use std::fmt;
use std::str::FromStr;

use market::Side;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use units::{DealId, LocalDay, MarketId, MemberId, Money, Price, Slot, Timestamp, WattHours, Zone};

use crate::wire::Signed;

/// What seller and buyer agree on. Both sign the same body, in which both are named.
///
/// Its id is a UUID v7 made by the one who proposes. Metered: up to the cap of what both meters show,
/// never a shortfall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Deal {
    pub id: DealId,
    pub market: MarketId,
    pub seller: MemberId,
    pub buyer: MemberId,
    /// What the buyer pays the seller; 0 is a gift. Fees of the grid come on top for the buyer.
    #[serde(rename = "price_micros_per_kwh")]
    pub price: Price,
    /// At most so much in a slot.
    #[serde(rename = "cap_wh")]
    pub cap: WattHours,
    /// At most so much in a local day of the deal's zone; `null` sets no limit.
    #[serde(rename = "cap_per_day_wh")]
    pub cap_per_day: Option<WattHours>,
    /// From Monday on, each at most once.
    pub days: Vec<Day>,
    /// `null` is all day.
    pub hours: Option<Hours>,
    /// IANA zone of days and hours.
    pub zone: String,
    pub from: Slot,
    /// The first slot after it; `null` runs until one side ends it.
    pub until: Option<Slot>,
}

pub type SignedDeal = Signed<Deal>;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
}

/// Wall-clock hours, half-open, such as `06:00-22:00`. Those that cross midnight belong to the day they began on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours(units::Hours);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" are no hours; write them as 06:00-22:00, or null for all day")]
pub struct InvalidHours(String);

impl FromStr for Hours {
    type Err = InvalidHours;
    fn from_str(text: &str) -> Result<Self, InvalidHours> {
        let read = || {
            let (from, to) = text.split_once('-')?;
            // Midnight as an end is 24:00: one spelling only, since it is signed.
            units::Hours::between(from, to).filter(|_| to != "00:00").map(Self)
        };
        read().ok_or_else(|| InvalidHours(text.to_owned()))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Hours {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hours".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$",
            "description": "Wall-clock hours, half-open; those across midnight belong to the day they began on.",
            "examples": ["06:00-22:00"]
        })
    }
}

/// What in a deal cannot be, with the field's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct InvalidDeal {
    pub field: &'static str,
    pub fault: &'static str,
}

/// When a deal is served.
#[derive(Clone, Debug)]
pub struct Schedule<'a> {
    deal: &'a Deal,
    zone: Zone,
}

impl Deal {
    /// Returns when the deal is served, or what about its times cannot be.
    pub fn schedule(&self) -> Result<Schedule<'_>, InvalidDeal> {
        let invalid = |field, fault| InvalidDeal { field, fault };
        let zone = units::zone(&self.zone)
            .map_err(|_| invalid("zone", "it is no IANA time zone such as Europe/Berlin"))?;
        if self.days.is_empty() || !self.days.is_sorted_by(|one, next| one < next) {
            return Err(invalid("days", "name at least one day, from Monday on, each once"));
        }
        if self.until.is_some_and(|until| until <= self.from) {
            return Err(invalid("until", "it must be later than from"));
        }
        Ok(Schedule { deal: self, zone })
    }

    /// Returns the side on which a member stands, if it is a party.
    pub fn side_of(&self, member: &MemberId) -> Option<Side> {
        if *member == self.seller {
            return Some(Side::Sell);
        }
        (*member == self.buyer).then_some(Side::Buy)
    }

    /// Returns the other party.
    pub fn partner_of(&self, member: &MemberId) -> &MemberId {
        if *member == self.seller { &self.buyer } else { &self.seller }
    }
}

impl Schedule<'_> {
    /// Returns whether the deal speaks of a slot, by the wall clock at its start.
    pub fn covers(&self, slot: Slot) -> bool {
        if slot < self.deal.from || self.deal.until.is_some_and(|until| slot >= until) {
            return false;
        }
        let day = self.day(slot);
        let began = match self.deal.hours {
            None => Some(day),
            Some(Hours(hours)) => {
                match hours.began_days_ago(LocalDay::minute_of_day(slot.start(), self.zone)) {
                    Some(0) => Some(day),
                    Some(_) => Some(day.previous()),
                    None => None,
                }
            }
        };
        began.is_some_and(|day| {
            let number = day.weekday().num_days_from_monday() as usize;
            self.deal.days.contains(&Day::ALL[number])
        })
    }

    /// Returns the local day in which a slot's energy counts against the daily cap.
    pub fn day(&self, slot: Slot) -> LocalDay {
        LocalDay::containing(slot.start(), self.zone)
    }
}

/// `POST /v1/deals/end`: withdraw a proposal, decline it, or end a deal from the next open gate on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EndDeal {
    pub id: DealId,
}

/// `GET /v1/deals`: the deals in which one is seller or buyer, in the order they were proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DealList {
    pub deals: Vec<DealStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DealStatus {
    pub deal: Deal,
    pub state: DealState,
    pub proposed_by: MemberId,
    pub proposed_at: Timestamp,
    /// Orders deals: the earliest agreed is served first. Missing until both have signed.
    pub agreed_at: Option<Timestamp>,
    /// The first slot that can be served: the first whose gate was open when both had signed.
    pub served_from: Option<Slot>,
    pub ended_by: Option<MemberId>,
    /// The first slot that is not served any more.
    pub served_until: Option<Slot>,
    /// The place in the log of the deal with both signatures; missing until then.
    #[serde(default)]
    pub index: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DealState {
    /// One side has signed.
    Proposed,
    /// Both sides have signed.
    Agreed,
    /// One side has ended it, or its last slot's gate has closed.
    Ended,
}

/// What a deal came to in a slot, for one of its parties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DealFill {
    pub deal: DealId,
    #[cfg_attr(feature = "schema", schemars(with = "crate::openapi::Side"))]
    pub side: Side,
    pub partner: MemberId,
    #[serde(rename = "filled_wh")]
    pub filled: WattHours,
    #[serde(rename = "price_micros_per_kwh")]
    pub price: Price,
    /// What the buyer paid the grid on top.
    #[serde(rename = "grid_fee_nanos")]
    pub grid_fee: Money,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn deal() -> Deal {
        Deal {
            id: DealId::new("01890a5d-ac96-774b-bcce-b302099a8058").unwrap(),
            market: MarketId::new("lindenweg").unwrap(),
            seller: MemberId::new("home-01").unwrap(),
            buyer: MemberId::new("home-02").unwrap(),
            price: Price::from_micros_per_kwh(150_000),
            cap: WattHours::new(500),
            cap_per_day: Some(WattHours::new(4_000)),
            days: Day::ALL.to_vec(),
            hours: None,
            zone: "Europe/Berlin".to_owned(),
            from: "2026-06-01T12:00:00Z".parse().unwrap(),
            until: None,
        }
    }

    /// Lists the slots of a range that a deal covers, as the hours of UTC.
    fn covered(deal: &Deal, from: &str, to: &str) -> Vec<String> {
        let schedule = deal.schedule().unwrap();
        let slots = Slot::range(from.parse().unwrap()..to.parse().unwrap());
        slots.filter(|slot| schedule.covers(*slot)).map(|slot| slot.to_string()).collect()
    }

    #[test]
    fn a_deal_covers_its_hours_by_the_wall_clock_of_its_zone() {
        let deal = Deal { hours: Some("15:00-15:30".parse().unwrap()), ..deal() };
        let monday = covered(&deal, "2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z");
        assert_eq!(monday, ["2026-06-01T13:00:00Z", "2026-06-01T13:15:00Z"]);
        // In winter the same wall clock is an hour later in UTC.
        let winter = covered(&deal, "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z");
        assert_eq!(winter, ["2026-12-01T14:00:00Z", "2026-12-01T14:15:00Z"]);
    }

    #[test]
    fn hours_across_midnight_belong_to_the_day_they_began_on() {
        let night = Deal {
            days: vec![Day::Mon],
            hours: Some("23:45-00:15".parse().unwrap()),
            zone: "UTC".to_owned(),
            ..deal()
        };
        let covered = covered(&night, "2026-06-01T12:00:00Z", "2026-06-08T12:00:00Z");
        assert_eq!(covered, ["2026-06-01T23:45:00Z", "2026-06-02T00:00:00Z"]);
    }

    #[test]
    fn a_deal_begins_and_ends_with_its_slots() {
        let short = Deal { until: Some("2026-06-01T12:30:00Z".parse().unwrap()), ..deal() };
        let covered = covered(&short, "2026-06-01T11:00:00Z", "2026-06-01T14:00:00Z");
        assert_eq!(covered, ["2026-06-01T12:00:00Z", "2026-06-01T12:15:00Z"]);
    }

    #[test]
    fn times_that_cannot_be_are_refused_by_field() {
        for (bad, field) in [
            (Deal { zone: "Middle/Earth".to_owned(), ..deal() }, "zone"),
            (Deal { days: Vec::new(), ..deal() }, "days"),
            (Deal { days: vec![Day::Tue, Day::Mon], ..deal() }, "days"),
            (Deal { days: vec![Day::Mon, Day::Mon], ..deal() }, "days"),
            (Deal { until: Some(deal().from), ..deal() }, "until"),
        ] {
            assert_eq!(bad.schedule().unwrap_err().field, field);
        }
    }

    #[test]
    fn hours_have_one_spelling() {
        for good in ["00:00-24:00", "06:00-22:00", "22:00-06:00", "23:59-24:00"] {
            assert_eq!(good.parse::<Hours>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "6:00-22:00",
            "06:00-06:00",
            "24:00-06:00",
            "06:60-07:00",
            "06:00-24:01",
            "06:00–22:00",
            "+6:00-07:00",
            "22:00-00:00",
        ] {
            assert!(bad.parse::<Hours>().is_err(), "{bad}");
        }
    }
}
