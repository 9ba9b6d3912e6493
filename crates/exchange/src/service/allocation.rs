//! What the utility must not bill twice: each metering point's energy of each settled slot, by who took or gave it.

use std::ops::Range;

use exchange_api::{DeviceKey, ReadingSource, SignatureError, sign_document, sign_json};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use units::{MarketId, Slot, Timestamp, WattHours};

use super::Failure;
use crate::store::rows::{settlement, slot};

/// The domain of a signed allocation in JSON.
pub const JSON_DOMAIN: &str = "wattle/allocation/v1";
/// The domain of a signed allocation in CSV.
pub const CSV_DOMAIN: &str = "wattle/allocation-csv/v1";

/// The allocation of the slots `[from, to)` as they stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    pub market: MarketId,
    pub from: Slot,
    pub to: Slot,
    /// Market time.
    pub made_at: Timestamp,
    /// Slots that are not settled yet; a later export will have them.
    pub unsettled: Vec<Slot>,
    /// By metering point, then slot.
    pub rows: Vec<AllocationRow>,
}

/// `import - bought = residual_import` and `export - sold = residual_export`, but where an adjustment found less than was
/// traded: what is missing then stands on the other side of the residual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocationRow {
    pub metering_point: String,
    pub slot: Slot,
    /// 1, then more with each adjustment; a higher version of the same row replaces a lower one.
    pub version: u32,
    /// `final`, or it may still change.
    pub is_final: bool,
    /// Whose figures these are; `null` where nothing was measured.
    pub source: Option<ReadingSource>,
    #[serde(rename = "import_wh")]
    pub import: WattHours,
    #[serde(rename = "export_wh")]
    pub export: WattHours,
    #[serde(rename = "sold_wh")]
    pub sold: WattHours,
    #[serde(rename = "bought_wh")]
    pub bought: WattHours,
    #[serde(rename = "residual_import_wh")]
    pub residual_import: WattHours,
    #[serde(rename = "residual_export_wh")]
    pub residual_export: WattHours,
}

/// An allocation with the exchange's signature.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedAllocation {
    pub body: Allocation,
    /// The exchange's key, base64url without padding, as the invitation names it.
    pub exchange_key: String,
    pub signature: String,
}

/// The signature that lies beside a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DetachedSignature {
    pub domain: String,
    pub exchange_key: String,
    pub signature: String,
}

pub(crate) fn allocation(
    db: &Connection,
    market: &MarketId,
    slots: Range<Slot>,
    now: Timestamp,
) -> Result<Allocation, Failure> {
    let unsettled = slot::list(db, slots.clone())?.into_iter().filter(|row| row.traded.is_none());
    Ok(Allocation {
        market: market.clone(),
        from: slots.start,
        to: slots.end,
        made_at: now,
        unsettled: unsettled.map(|row| row.slot).collect(),
        rows: settlement::allocation(db, slots)?,
    })
}

impl Allocation {
    pub fn sign(self, key: &DeviceKey) -> Result<SignedAllocation, SignatureError> {
        let signature = sign_json(JSON_DOMAIN, &self, key)?;
        Ok(SignedAllocation { body: self, exchange_key: key.public_key_text(), signature })
    }

    /// Writes it as CSV for a spreadsheet or a billing system.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from(
            "metering_point,slot,version,is_final,source,import_wh,export_wh,sold_wh,bought_wh,residual_import_wh,\
             residual_export_wh\n",
        );
        for row in &self.rows {
            let source = match row.source {
                Some(ReadingSource::Member) => "member",
                Some(ReadingSource::Utility) => "utility",
                None => "",
            };
            let energies =
                [row.import, row.export, row.sold, row.bought, row.residual_import, row.residual_export]
                    .map(|energy| energy.get().to_string());
            csv += &format!(
                "{},{},{},{},{source},{}\n",
                quoted(&row.metering_point),
                row.slot,
                row.version,
                row.is_final,
                energies.join(",")
            );
        }
        csv
    }
}

/// Signs a file as it lies.
pub(crate) fn detached(domain: &str, bytes: &[u8], key: &DeviceKey) -> DetachedSignature {
    DetachedSignature {
        domain: domain.to_owned(),
        exchange_key: key.public_key_text(),
        signature: sign_document(domain, bytes, key),
    }
}

/// Quotes a field where CSV (RFC 4180) needs it.
fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
