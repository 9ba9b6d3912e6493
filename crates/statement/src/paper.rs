//! What a person reads: parties, meter readings, lines, totals. All of it follows from the evidence.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger::canonical_json;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use units::{
    AreaId, Currency, DayKey, LocalDay, MarketId, MemberId, Money, Price, Slot, Timestamp, WattHours, Zone,
};

use crate::entry::Source;
use crate::evidence::Evidence;
use crate::fault::{Fault, Step, ensure};

/// The form of the file.
pub const FORMAT: &str = "wattle/statement/v1";
/// The longest file that is read: a month of quarter hours with 32 orders in each fits.
const MAX_FILE_BYTES: usize = 128 << 20;

/// A statement: the paper and what proves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    pub format: String,
    pub paper: Paper,
    pub evidence: Evidence,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    pub header: Header,
    pub meter: MeterReadings,
    pub quality: Quality,
    pub lines: Vec<Line>,
    /// The sums of the lines.
    pub total: Line,
    pub comparison: Comparison,
    /// The settled quarter hours in their order.
    pub slots: Vec<SlotRow>,
}

/// Who, when, and in which place of the row of statements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub market: MarketId,
    pub member: MemberId,
    /// 1 for a member's first statement, then one more each time, without gaps.
    pub sequence: u32,
    /// The statement before; missing on the first.
    pub previous: Option<Previous>,
    pub period: Period,
    pub currency: Currency,
    pub issued_at: Timestamp,
    pub owner: Party,
    pub operator: Party,
    pub utility: Party,
    /// Slots of earlier statements that changed after those were final.
    pub corrections: Vec<Citation>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    pub number: String,
    /// SHA-256 of that file, base64url without padding: a statement taken out of the row shows.
    pub sha256: String,
}

/// A month of local days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// Its first day.
    pub from: DayKey,
    /// The first day after it.
    pub until: DayKey,
    pub zone: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    pub name: String,
    /// Lines of the address.
    pub address: Vec<String>,
    pub tax_number: Option<String>,
}

/// A slot of an earlier statement: settled there in one version, now in a later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    pub slot: Slot,
    /// The number of the statement that it corrects.
    pub original: String,
    pub original_version: u32,
    pub version: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterReadings {
    /// The first and the last border that the member's meter reported; missing where it reported none.
    pub opening: Option<MeterBorder>,
    pub closing: Option<MeterBorder>,
    /// What the registers counted between these in slots without a reading; the utility bills it.
    pub unread_import_wh: WattHours,
    pub unread_export_wh: WattHours,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterBorder {
    pub at: Timestamp,
    pub import_wh: WattHours,
    pub export_wh: WattHours,
}

/// How much of the month was settled, and on whose readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    pub slots: u32,
    pub settled: u32,
    pub measured_by_member: u32,
    pub measured_by_utility: u32,
    /// Settled without a reading: not traded.
    pub unmeasured: u32,
}

/// A line: exact, and in cents. Positive means that the owner receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub kind: LineKind,
    /// The deal, or the number of the statement that is corrected.
    pub reference: Option<String>,
    pub energy_wh: Option<WattHours>,
    /// Net by energy, rounded half to even; missing without energy.
    pub average_micros_per_kwh: Option<Price>,
    pub net_nanos: Money,
    pub tax_nanos: Money,
    pub gross_nanos: Money,
    pub cents: Cents,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cents {
    pub net: i64,
    pub tax: i64,
    pub gross: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// To neighbours, in the auction.
    Sold,
    SoldByDeal,
    Bought,
    BoughtByDeal,
    OperatorFee,
    GridFee,
    FromUtility,
    ToUtility,
    /// After an earlier statement was final: in the owner's favour.
    CreditNote,
    /// After an earlier statement was final: to the owner's charge.
    DebitNote,
    Total,
}

/// The month against the utility alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// What the owner would have got, or paid where negative, for the same energy.
    pub utility_only_nanos: Money,
    /// What the month came to, tax included, corrections left out.
    pub month_nanos: Money,
    pub gain_nanos: Money,
    pub gain_cents: i64,
}

/// A quarter hour as it was settled last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotRow {
    pub slot: Slot,
    pub version: u32,
    pub source: Option<Source>,
    pub area: AreaId,
    pub price_micros_per_kwh: Option<Price>,
    pub import_wh: WattHours,
    pub export_wh: WattHours,
    pub sold_wh: WattHours,
    pub bought_wh: WattHours,
    pub gross_nanos: Money,
}

/// Why a file is no statement.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("the file is larger than {} MiB", MAX_FILE_BYTES >> 20)]
    TooLong,
    #[error("the file is not JSON of a statement")]
    Json(#[source] serde_json::Error),
    #[error("the file's form is \"{0}\", and this program reads {FORMAT}")]
    Format(String),
    #[error("the file is not in canonical form, so it was changed after it was made")]
    NotCanonical,
    #[error("the number {0} in the file is not whole")]
    Fraction(serde_json::Number),
}

impl Header {
    /// Returns the number on the paper: the member and its place in the row.
    pub fn number(&self) -> String {
        format!("{}-{:05}", self.member, self.sequence)
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        let file = |holds, detail: &str| ensure(holds, Step::File, || detail.to_owned());
        file(self.sequence > 0, "statements are counted from 1")?;
        file((self.sequence == 1) == self.previous.is_none(), "only the first statement has none before it")?;
        let before = self.previous.as_ref().map(|previous| previous.number.as_str());
        let expected = Self { sequence: self.sequence.saturating_sub(1), ..self.clone() }.number();
        file(before.is_none_or(|number| number == expected), "the statement before has another number")?;
        let hash = self.previous.as_ref().map(|previous| ledger::Hash::from_text(&previous.sha256));
        file(hash.is_none_or(|hash| hash.is_some()), "the statement before is named by no SHA-256")?;
        self.period.slots().map(|_| ())
    }
}

impl Previous {
    /// Names a statement that was made before, by its file.
    pub fn of(statement: &Statement) -> Self {
        Self::of_file(&statement.paper.header, &statement.to_bytes())
    }

    /// Names the statement of a header by the bytes of its file.
    pub fn of_file(header: &Header, file: &[u8]) -> Self {
        Self { number: header.number(), sha256: URL_SAFE_NO_PAD.encode(Sha256::digest(file)) }
    }
}

impl Period {
    /// Returns the month that a day lies in.
    pub fn month(day: DayKey, zone: &str) -> Self {
        Self { from: day.month_start(), until: day.next_month_start(), zone: zone.to_owned() }
    }

    pub(crate) fn zone(&self) -> Result<Zone, Fault> {
        units::zone(&self.zone).map_err(|unknown| Fault::new(Step::File, unknown.to_string()))
    }

    /// Returns the slots of the month, half-open.
    pub fn slots(&self) -> Result<std::ops::Range<Slot>, Fault> {
        use chrono::Datelike as _;
        let known = (1970..=9000).contains(&self.from.date().year());
        let month =
            known && self.from == self.from.month_start() && self.until == self.from.next_month_start();
        ensure(month, Step::File, || format!("{} to {} is not a month", self.from, self.until))?;
        let zone = self.zone()?;
        let first = LocalDay::new(self.from, zone).slots().start;
        Ok(first..LocalDay::new(self.until, zone).slots().start)
    }
}

impl Statement {
    /// Returns the file: canonical JSON, equal bytes for equal statements.
    pub fn to_bytes(&self) -> Vec<u8> {
        let value = serde_json::to_value(self).expect("a statement has text keys and finite numbers");
        canonical_json(&value).expect("a statement that was checked has no number beyond 2^53 - 1")
    }

    /// Reads a file. Nothing that it says is checked, but that it is written in the one canonical form:
    /// money of `"+5"` or a time with another offset would be a second spelling of the same statement.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(Unreadable::TooLong);
        }
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(Unreadable::Json)?;
        let format = value.get("format").and_then(|format| format.as_str()).unwrap_or_default();
        if format != FORMAT {
            return Err(Unreadable::Format(format.chars().take(80).collect()));
        }
        if let Some(fraction) = fraction(&value) {
            return Err(Unreadable::Fraction(fraction.clone()));
        }
        let statement = Self::deserialize(&value).map_err(Unreadable::Json)?;
        let again = serde_json::to_value(&statement).map_err(Unreadable::Json)?;
        let canonical = again == value && canonical_json(&value).is_ok_and(|canonical| canonical == bytes);
        if canonical { Ok(statement) } else { Err(Unreadable::NotCanonical) }
    }
}

/// Finds a number that is not whole: bodies may say more than this program knows, but in whole numbers.
fn fraction(value: &serde_json::Value) -> Option<&serde_json::Number> {
    use serde_json::Value;
    match value {
        Value::Number(number) => number.is_f64().then_some(number),
        Value::Array(items) => items.iter().find_map(fraction),
        Value::Object(fields) => fields.values().find_map(fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}
