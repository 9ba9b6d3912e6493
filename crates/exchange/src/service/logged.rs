//! What each fact looks like as an entry of the log: its body is made from the stored rows, so that an audit makes it again.

use exchange_api::{
    ContractPrices, Deal, EntrySignature, Order, Reading, ReadingSource, Registers, Signable, Signed,
    UtilityContract,
};
use ledger::Salt;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Value, json};
use statement::{
    CancelBody, ClearingBody, ConfigBody, ContractBody, DealLine, Domain, FillLine, KeyBody, Kind,
    MemberBody, PostingLine, SettlementBody, Source, UtilityReadingBody,
};
use units::{DealId, KeyId, MarketId, MemberId, OrderId, Slot, Timestamp};

use super::Failure;
use super::log::{Draft, Readers, append, own_salt};
use crate::config::MarketConfig;
use crate::store::rows::config::ConfigVersion;
use crate::store::rows::deal::DealRow;
use crate::store::rows::key::KeyRow;
use crate::store::rows::member::MemberRow;
use crate::store::rows::settlement::SettledAt;
use crate::store::rows::{config, deal, settlement as settled, slot};

pub(crate) const TERMS: &str = "wattle/terms/v1";
pub(crate) const KEY_END: &str = "wattle/device-key-end/v1";
pub(crate) const DEAL_END: &str = "wattle/deal-end/v1";
pub(crate) const SLOT: &str = "wattle/slot/v1";

/// The kind of all members; a market's tax may depend on it one day.
const KIND: &str = "household";

fn value(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("a body has text keys and whole numbers")
}

/// Appends what is the exchange's own word.
fn say<B: Domain>(db: &Connection, subject: String, body: &B, readers: Readers) -> Result<u64, Failure> {
    say_as(db, B::DOMAIN, subject, value(body), readers)
}

fn say_as(
    db: &Connection,
    domain: &'static str,
    subject: String,
    body: Value,
    readers: Readers,
) -> Result<u64, Failure> {
    let (salt, signatures) = (own_salt()?, Vec::new());
    append(db, Draft { domain, subject, body, salt, signatures, readers })
}

/// Appends what a member signed, under the salt that it made.
fn keep<T: Signable>(
    db: &Connection,
    subject: String,
    body: &T,
    seals: &[Sealed],
    members: &[&MemberId],
) -> Result<u64, Failure> {
    let [.., last] = seals else { return Err(rusqlite::Error::QueryReturnedNoRows.into()) };
    let signatures = seals.iter().map(Sealed::signature).collect();
    let (domain, readers) = (T::DOMAIN, Readers::Members(members));
    append(db, Draft { domain, subject, body: value(body), salt: last.salt()?, signatures, readers })
}

/// Who signed, under which salt, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub key: KeyId,
    pub salt: String,
    pub signature: String,
}

impl<T> From<&Signed<T>> for Sealed {
    fn from(signed: &Signed<T>) -> Self {
        Self { key: signed.key.clone(), salt: signed.salt.clone(), signature: signed.signature.clone() }
    }
}

impl Sealed {
    pub(crate) fn signature(&self) -> EntrySignature {
        EntrySignature { key: self.key.clone(), signature: self.signature.clone() }
    }

    pub(crate) fn salt(&self) -> Result<Salt, Failure> {
        // Checked when the statement's signature was.
        let unreadable = || super::internal("a stored salt is not 32 bytes in base64url");
        Salt::from_text(&self.salt).ok_or_else(unreadable)
    }
}

pub(crate) fn order(db: &Connection, order: &Order, seal: &Sealed) -> Result<u64, Failure> {
    keep(db, order.id.to_string(), order, std::slice::from_ref(seal), &[&order.member])
}

pub(crate) fn cancel_body(market: &MarketId, member: &MemberId, order: &OrderId) -> CancelBody {
    CancelBody { market: market.clone(), member: member.clone(), order: order.clone() }
}

/// Appends the end of an order; the salt is the member's, or the exchange's where the operator ended it.
pub(crate) fn cancel(
    db: &Connection,
    market: &MarketId,
    member: &MemberId,
    order: &OrderId,
    salt: Salt,
) -> Result<u64, Failure> {
    let body = value(&cancel_body(market, member, order));
    let (domain, subject, signatures) = (CancelBody::DOMAIN, order.to_string(), Vec::new());
    append(db, Draft { domain, subject, body, salt, signatures, readers: Readers::Members(&[member]) })
}

pub(crate) fn of_slot(member: &MemberId, slot: Slot) -> String {
    format!("{member}/{}", slot.index())
}

pub(crate) fn reading(db: &Connection, reading: &Reading, seal: &Sealed) -> Result<u64, Failure> {
    let subject = of_slot(&reading.member, reading.slot);
    keep(db, subject, reading, std::slice::from_ref(seal), &[&reading.member])
}

pub(crate) fn utility_reading_body(
    market: &MarketId,
    metering_point: &str,
    slot: Slot,
    it: &Registers,
) -> UtilityReadingBody {
    UtilityReadingBody {
        market: market.clone(),
        metering_point: metering_point.to_owned(),
        slot,
        registers: statement::Registers {
            import_start_wh: it.import_start_wh,
            import_end_wh: it.import_end_wh,
            export_start_wh: it.export_start_wh,
            export_end_wh: it.export_end_wh,
        },
    }
}

/// Appends what the utility told, signed with the operator's metering key.
pub(crate) fn utility_reading(
    db: &Connection,
    member: &MemberId,
    body: &UtilityReadingBody,
    signature: EntrySignature,
) -> Result<u64, Failure> {
    let (domain, subject) = (UtilityReadingBody::DOMAIN, of_slot(member, body.slot));
    let (salt, signatures, readers) = (own_salt()?, vec![signature], Readers::Members(&[member]));
    append(db, Draft { domain, subject, body: value(body), salt, signatures, readers })
}

pub(crate) fn deal(db: &Connection, deal: &Deal, seals: &[Sealed]) -> Result<u64, Failure> {
    keep(db, deal.id.to_string(), deal, seals, &[&deal.seller, &deal.buyer])
}

pub(crate) fn deal_end_body(market: &MarketId, deal: &DealId, by: &MemberId, until: Slot) -> Value {
    json!({ "market": market, "deal": deal, "by": by, "until": until })
}

/// Appends the end of an agreed deal.
pub(crate) fn deal_end(db: &Connection, row: &DealRow) -> Result<(), Failure> {
    let (Some(_), Some(ended)) = (&row.agreed, &row.ended) else { return Ok(()) };
    let Deal { id, market, seller, buyer, .. } = &row.deal;
    let body = deal_end_body(market, id, &ended.by, ended.until);
    say_as(db, DEAL_END, id.to_string(), body, Readers::Members(&[seller, buyer]))?;
    Ok(())
}

pub(crate) fn member_body(market: &MarketId, row: &MemberRow, from: Slot) -> MemberBody {
    MemberBody {
        market: market.clone(),
        member: row.id.clone(),
        from,
        area: row.area.clone(),
        metering_point: row.metering_point.clone(),
        kind: KIND.to_owned(),
    }
}

pub(crate) fn member(db: &Connection, market: &MarketId, row: &MemberRow, from: Slot) -> Result<(), Failure> {
    let body = member_body(market, row, from);
    say(db, row.id.to_string(), &body, Readers::Members(&[&row.id]))?;
    Ok(())
}

pub(crate) fn key_body(market: &MarketId, row: &KeyRow) -> KeyBody {
    KeyBody { market: market.clone(), member: row.member.clone(), public_key: row.public_key.clone() }
}

pub(crate) fn device_key(db: &Connection, market: &MarketId, row: &KeyRow) -> Result<(), Failure> {
    say(db, row.id.to_string(), &key_body(market, row), Readers::Members(&[&row.member]))?;
    Ok(())
}

pub(crate) fn key_end_body(market: &MarketId, member: &MemberId, key: &KeyId, at: Timestamp) -> Value {
    json!({ "market": market, "member": member, "key": key, "at": at })
}

pub(crate) fn key_end(
    db: &Connection,
    market: &MarketId,
    member: &MemberId,
    key: &KeyId,
    at: Timestamp,
) -> Result<(), Failure> {
    let body = key_end_body(market, member, key, at);
    say_as(db, KEY_END, key.to_string(), body, Readers::Members(&[member]))?;
    Ok(())
}

pub(crate) fn contract_body(
    market: &MarketId,
    member: &MemberId,
    from: Slot,
    contract: &UtilityContract,
) -> ContractBody {
    ContractBody {
        market: market.clone(),
        member: member.clone(),
        from,
        retail: contract.retail_micros_per_kwh,
        feed_in: contract.feed_in_micros_per_kwh,
    }
}

pub(crate) fn contract(
    db: &Connection,
    market: &MarketId,
    member: &MemberId,
    from: Slot,
    contract: &UtilityContract,
) -> Result<(), Failure> {
    let body = contract_body(market, member, from, contract);
    say(db, of_slot(member, from), &body, Readers::Members(&[member]))?;
    Ok(())
}

/// Appends what a member's device signed of its contract.
pub(crate) fn contract_prices(db: &Connection, told: &ContractPrices, seal: &Sealed) -> Result<(), Failure> {
    let subject = of_slot(&told.member, told.from);
    keep(db, subject, told, std::slice::from_ref(seal), &[&told.member])?;
    Ok(())
}

pub(crate) fn terms_body(market: &MarketId, member: &MemberId, version: &str) -> Value {
    json!({ "market": market, "member": member, "terms_version": version })
}

pub(crate) fn terms(
    db: &Connection,
    market: &MarketId,
    member: &MemberId,
    version: &str,
) -> Result<(), Failure> {
    let body = terms_body(market, member, version);
    say_as(db, TERMS, member.to_string(), body, Readers::Members(&[member]))?;
    Ok(())
}

/// Returns all figures of a configuration; those that money depends on have the names that a statement knows.
pub(crate) fn config_body(row: &ConfigVersion, config: &MarketConfig) -> Value {
    let mut body = value(&ConfigBody {
        market: config.market.clone(),
        version: row.version as u32,
        currency: config.currency,
        operator_fee: config.operator_fee_micros_per_kwh,
        areas: config.market_areas(),
        metering_key: row.metering_key.clone(),
        tax: std::collections::BTreeMap::new(),
    });
    let rules = value(&config.rules());
    if let (Value::Object(body), Value::Object(rules)) = (&mut body, rules) {
        body.extend(rules);
        body.extend([
            ("from".to_owned(), value(&row.from)),
            ("name".to_owned(), value(&config.name)),
            ("zone".to_owned(), value(&config.zone)),
            ("terms".to_owned(), value(&config.terms)),
        ]);
    }
    body
}

pub(crate) fn config_version(
    db: &Connection,
    row: &ConfigVersion,
    config: &MarketConfig,
) -> Result<(), Failure> {
    let body = config_body(row, config);
    say_as(db, ConfigBody::DOMAIN, row.version.to_string(), body, Readers::Everyone)?;
    Ok(())
}

/// Whether a step of a slot's life is an entry of its own. Clearings and settlements have theirs, which say more.
pub(crate) fn is_step(state: exchange_api::SlotState) -> bool {
    use exchange_api::SlotState as S;
    matches!(state, S::GateClosed | S::Delivered | S::ReadingsClosed | S::Final)
}

pub(crate) fn step_subject(slot: Slot, state: exchange_api::SlotState) -> String {
    format!("{}/{}", slot.index(), crate::store::word(&state))
}

pub(crate) fn step_body(
    db: &Connection,
    market: &MarketId,
    slot: Slot,
    state: exchange_api::SlotState,
    at: Timestamp,
) -> Result<Value, Failure> {
    let version = config::governing(db, slot)?.version;
    Ok(json!({ "market": market, "slot": slot, "state": state, "at": at, "config_version": version }))
}

pub(crate) fn step(
    db: &Connection,
    market: &MarketId,
    slot: Slot,
    state: exchange_api::SlotState,
    at: Timestamp,
) -> Result<(), Failure> {
    if is_step(state) {
        let body = step_body(db, market, slot, state, at)?;
        say_as(db, SLOT, step_subject(slot, state), body, Readers::Members(&[]))?;
    }
    Ok(())
}

pub(crate) fn clearing_body(db: &Connection, market: &MarketId, slot: Slot) -> Result<ClearingBody, Failure> {
    let areas = slot::areas(db, slot..slot.next())?;
    Ok(ClearingBody {
        market: market.clone(),
        slot,
        config_version: slot::config_version(db, slot)?,
        areas: areas.into_iter().map(|(_, area)| area).collect(),
    })
}

/// Appends the prices of a slot, which those may open who were settled in it.
pub(crate) fn clearing(db: &Connection, market: &MarketId, slot: Slot) -> Result<(), Failure> {
    let body = clearing_body(db, market, slot)?;
    let members: Vec<MemberId> = settled::of_slot_first(db, slot)?.into_iter().map(|(id, _)| id).collect();
    let members: Vec<&MemberId> = members.iter().collect();
    say(db, slot.index().to_string(), &body, Readers::Members(&members))?;
    Ok(())
}

pub(crate) fn settlement_subject(at: &SettledAt) -> String {
    format!("{}/{}/{}", at.member, at.slot.index(), at.version)
}

/// Makes a member's part of a slot's version from the stored rows.
pub(crate) fn settlement_body(
    db: &Connection,
    market: &MarketId,
    at: &SettledAt,
) -> Result<SettlementBody, Failure> {
    let SettledAt { member, slot, version } = at;
    let row = settled::find(db, at)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let account = settlement::Account::Member(member.clone());
    let mut deals = Vec::new();
    for fill in deal::fills(db, *slot, member)? {
        let partner = SettledAt { member: fill.partner, slot: *slot, version: 1 };
        let other = settled::find(db, &partner)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        deals.push(DealLine {
            deal: fill.deal,
            side: fill.side,
            settled: fill.filled,
            other_area: other.area,
        });
    }
    let postings = settled::postings_on(db, *slot, *version, &account)?;
    Ok(SettlementBody {
        market: market.clone(),
        member: member.clone(),
        slot: *slot,
        version: *version,
        settled_at: row.settled_at,
        config_version: slot::config_version(db, *slot)?,
        area: row.area,
        source: row.source.map(|source| match source {
            ReadingSource::Member => Source::Member,
            ReadingSource::Utility => Source::Utility,
        }),
        import: row.import,
        export: row.export,
        fills: settled::fills(db, *slot, member)?
            .into_iter()
            .map(|fill| FillLine { order: fill.order, side: fill.side, filled: fill.filled })
            .collect(),
        deals,
        from_utility: row.from_utility,
        to_utility: row.to_utility,
        postings: postings
            .into_iter()
            .map(|posting| {
                Ok(PostingLine {
                    reference: posting.reference,
                    what: kind(&posting.what)?,
                    amount: posting.amount,
                })
            })
            .collect::<Result<_, Failure>>()?,
    })
}

fn kind(what: &str) -> Result<Kind, Failure> {
    serde_json::from_value(Value::String(what.to_owned()))
        .map_err(|_| super::internal(&format!("\"{what}\" is posted on a member's account")))
}

pub(crate) fn settlement(db: &Connection, market: &MarketId, at: &SettledAt) -> Result<(), Failure> {
    let body = settlement_body(db, market, at)?;
    say(db, settlement_subject(at), &body, Readers::Members(&[&at.member]))?;
    Ok(())
}
