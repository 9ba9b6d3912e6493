//! Letting households in: invitations, joining, keys, contracts, terms.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exchange_api::{
    JoinRequest, Limits, MAX_PRICE_STEPS, Membership, ProblemCode, SignedContract, UtilityContract, key_id,
    public_key_from_text,
};
use market::MAX_PRICE;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use units::{AreaId, KeyId, MarketId, MemberId, OrderId, Slot, Timestamp};

use super::log::own_salt;
use super::logged::Sealed;
use super::{Failure, governing, logged, refuse};
use crate::config::MarketConfig;
use crate::store::rows::key::{self, KeyRow};
use crate::store::rows::member::{self, Joined, MemberRow};
use crate::store::rows::{config, order};

/// A household with a tablet, a window computer and a box needs three; five leave room.
const MAX_KEYS: usize = 5;

/// Whom to invite, and what the invitation binds them to.
#[derive(Clone, Debug)]
pub struct Invite {
    pub member: MemberId,
    pub area: AreaId,
    pub metering_point: String,
    pub limits: Limits,
    /// Real time.
    pub expires: Timestamp,
    /// Where the exchange will be reached, such as `http://127.0.0.1:8400`.
    pub address: String,
}

/// Stores an invitation. A member who exists already gets a code for a further or a new device.
pub(crate) fn invite(db: &Connection, invite: &Invite, code: &str) -> Result<(), Failure> {
    let bad = |detail: String| refuse(ProblemCode::BadRequest, detail);
    // The recorded configuration, not the file's: an area counts once the exchange was opened with it.
    let (_, config) = governing(db, Slot::from_index(i64::MAX))?;
    if !config.areas.iter().any(|area| area.id == invite.area) {
        return bad(format!(
            "the market has no area \"{}\"; `wattle-exchange areas` lists them, and one that is new in market.toml \
             counts once the exchange was started anew",
            invite.area
        ));
    }
    if is_order_id(invite.member.as_str()) {
        return bad("a member's id must not look like an order's, which is a UUID".to_owned());
    }
    if !(1..=64).contains(&invite.metering_point.len()) {
        return bad("a metering point has 1 to 64 bytes".to_owned());
    }
    if config.areas.iter().any(|area| area.metering_point.as_deref() == Some(&invite.metering_point)) {
        return bad(format!("the metering point \"{}\" is that of an area", invite.metering_point));
    }
    if invite.limits.fuse_w == 0 || invite.limits.exposure.is_negative() {
        return bad("the fuse must be positive and the exposure not negative".to_owned());
    }
    let row = MemberRow {
        id: invite.member.clone(),
        area: invite.area.clone(),
        metering_point: invite.metering_point.clone(),
        limits: invite.limits,
        joined: None,
    };
    match member::find(db, &invite.member)? {
        Some(known) if (&known.area, &known.metering_point) != (&row.area, &row.metering_point) => {
            return bad(format!(
                "member \"{}\" exists at metering point \"{}\" in area \"{}\"; another household needs another id",
                known.id, known.metering_point, known.area
            ));
        }
        Some(_) => {}
        None => {
            if let Some(other) = member::at_metering_point(db, &row.metering_point)? {
                return bad(format!(
                    "metering point \"{}\" belongs to member \"{}\"",
                    row.metering_point, other.id
                ));
            }
            member::insert(db, &row)?;
        }
    }
    key::insert_invitation(db, &code_hash(code), &invite.member, invite.expires)?;
    Ok(())
}

/// What joining needs to know of the moment.
pub(crate) struct Arrival {
    /// The key that signed the request.
    pub key: KeyId,
    pub market_now: Timestamp,
    pub real_now: Timestamp,
}

/// Joins. The same code with the same key again gives the same membership.
pub(crate) fn join(
    db: &Connection,
    config: &MarketConfig,
    arrival: &Arrival,
    request: &JoinRequest,
) -> Result<Membership, Failure> {
    if request.market != config.market {
        return refuse(
            ProblemCode::WrongMarket,
            format!("This is the market \"{}\", the request is for \"{}\".", config.market, request.market),
        );
    }
    let public_key = match public_key_from_text(&request.public_key) {
        Ok(key) => key,
        Err(error) => return refuse(ProblemCode::BadRequest, format!("public_key: {error}.")),
    };
    let id = key_id(&public_key);
    if id != arrival.key {
        return refuse(ProblemCode::BadSignature, "Joining is signed by the key that joins.");
    }
    check_contract(&request.contract)?;
    if request.device_name.len() > 64 || request.device_name.chars().any(char::is_control) {
        return refuse(ProblemCode::BadRequest, "device_name: at most 64 bytes, no control characters.");
    }
    let code = code_hash(&request.code);
    let Some(invitation) = key::invitation(db, &code)? else {
        return refuse(
            ProblemCode::InvalidInvitation,
            "No invitation has this code. Ask the operator for a new one.",
        );
    };
    match &invitation.used_by {
        Some(used) if *used == id => return membership(db, &id, arrival.market_now),
        Some(_) => {
            return refuse(
                ProblemCode::InvalidInvitation,
                "The invitation was used by another device. Ask the operator for a new one.",
            );
        }
        None => {}
    }
    if arrival.real_now >= invitation.expires {
        return refuse(
            ProblemCode::ExpiredInvitation,
            format!("It was valid until {}. Ask the operator for a new one.", invitation.expires),
        );
    }
    check_terms(config, &request.terms_version)?;
    if key::find(db, &id)?.is_some() {
        return refuse(
            ProblemCode::InvalidInvitation,
            "This device has joined already. Make a new key to join again.",
        );
    }
    let keys = key::of_member(db, &invitation.member)?;
    if keys.iter().filter(|key| key.revoked_at.is_none()).count() >= MAX_KEYS {
        return refuse(
            ProblemCode::InvalidInvitation,
            format!("The member has {MAX_KEYS} devices already. Ask the operator to revoke one."),
        );
    }
    let key = KeyRow {
        id: id.clone(),
        member: invitation.member.clone(),
        public_key: request.public_key.clone(),
        name: request.device_name.clone(),
        enrolled_at: arrival.market_now,
        revoked_at: None,
    };
    key::insert(db, &key)?;
    key::use_invitation(db, &code, &id)?;
    enter(db, &config.market, &invitation.member, arrival.market_now, request)?;
    logged::device_key(db, &config.market, &key)?;
    membership(db, &id, arrival.market_now)
}

/// Makes a member of the invited, from the slot on that runs now. A further device only renews the
/// terms; the contract that it tells counts from the next slot.
fn enter(
    db: &Connection,
    market: &MarketId,
    id: &MemberId,
    now: Timestamp,
    request: &JoinRequest,
) -> Result<(), Failure> {
    let row = member::find(db, id)?.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows)?;
    let current = Slot::containing(now);
    if let Some(joined) = &row.joined {
        set_terms(db, market, id, joined, &request.terms_version)?;
        return set_contract(db, market, id, current.next(), request.contract);
    }
    let (_, config) = governing(db, current)?;
    // An area may be new in a configuration that governs later slots only.
    let first_slot = match config.areas.iter().any(|area| area.id == row.area) {
        true => current,
        false => config::latest(db)?.map_or(current, |version| version.from.max(current)),
    };
    let joined = Joined { first_slot, at: now, terms_version: request.terms_version.clone() };
    member::set_joined(db, id, &joined)?;
    logged::member(db, market, &row, first_slot)?;
    logged::terms(db, market, id, &request.terms_version)?;
    set_contract(db, market, id, first_slot, request.contract)
}

/// Returns the membership of a key's member, with the contract of the slot that runs now.
pub(crate) fn membership(db: &Connection, key: &KeyId, now: Timestamp) -> Result<Membership, Failure> {
    let unknown = || Failure::Store(rusqlite::Error::QueryReturnedNoRows.into());
    let key = key::find(db, key)?.ok_or_else(unknown)?;
    let row = member::find(db, &key.member)?.ok_or_else(unknown)?;
    let joined = row.joined.ok_or_else(unknown)?;
    let slot = Slot::containing(now).max(joined.first_slot);
    Ok(Membership {
        member: row.id.clone(),
        area: row.area,
        key: key.id,
        metering_point: row.metering_point,
        limits: row.limits,
        contract: member::contract_in(db, &row.id, slot)?.ok_or_else(unknown)?,
        terms_version: joined.terms_version,
    })
}

/// Takes a member's word about what its utility charges and pays from a slot on.
pub(crate) fn tell_contract(
    db: &Connection,
    config: &MarketConfig,
    member: &MemberId,
    signed: &SignedContract,
    now: Timestamp,
) -> Result<(), Failure> {
    let told = &signed.body;
    if told.market != config.market {
        let detail = format!("This is the market \"{}\", it is for \"{}\".", config.market, told.market);
        return refuse(ProblemCode::WrongMarket, detail);
    }
    if told.member != *member {
        return refuse(ProblemCode::NotYours, format!("Member \"{member}\" tells its own contract only."));
    }
    let signer = key::find(db, &signed.key)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    if signer.revoked_at.is_some() {
        return refuse(ProblemCode::RevokedKey, "The key that signed the contract was revoked.");
    }
    let Some(contracts) = told.contracts() else {
        let detail = format!(
            "steps: 1 to {MAX_PRICE_STEPS} of them, in the order of their slots, the first from {}.",
            told.from
        );
        return refuse(ProblemCode::BadRequest, detail);
    };
    contracts.iter().try_for_each(|(_, contract)| check_contract(contract))?;
    if told.from.start() <= now {
        return refuse(
            ProblemCode::PastSlot,
            format!("Slot {} has begun; a contract changes from a later slot on.", told.from),
        );
    }
    let known = member::contracts(db, member)?;
    if known.iter().skip_while(|(from, _)| *from < told.from).eq(&contracts) {
        // The same word again, whose answer was lost.
        return Ok(());
    }
    member::drop_contracts_from(db, member, told.from)?;
    for (from, contract) in contracts {
        member::set_contract(db, member, from, contract)?;
    }
    logged::contract_prices(db, told, &Sealed::from(signed))
}

pub(crate) fn agree_to_terms(
    db: &Connection,
    config: &MarketConfig,
    member: &MemberId,
    version: &str,
) -> Result<(), Failure> {
    check_terms(config, version)?;
    let row = member::find(db, member)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let joined = row.joined.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    set_terms(db, &config.market, member, &joined, version)
}

fn set_terms(
    db: &Connection,
    market: &MarketId,
    member: &MemberId,
    known: &Joined,
    version: &str,
) -> Result<(), Failure> {
    if known.terms_version == version {
        return Ok(());
    }
    member::set_terms(db, member, version)?;
    logged::terms(db, market, member, version)
}

/// Ends a key, and cancels its orders whose gate is still open. Returns which.
pub(crate) fn revoke(
    db: &Connection,
    config: &MarketConfig,
    id: &KeyId,
    now: Timestamp,
) -> Result<Vec<OrderId>, Failure> {
    let Some(known) = key::find(db, id)? else {
        return refuse(
            ProblemCode::UnknownKey,
            format!("No key \"{id}\" is enrolled; `wattle-exchange members` lists them."),
        );
    };
    if known.revoked_at.is_none() {
        key::revoke(db, id, now)?;
        logged::key_end(db, &config.market, &known.member, id, now)?;
    }
    let first_open = super::life::first_open_slot(now, config.gate_s);
    let cancelled = order::live_of_key(db, id, first_open)?;
    for order in &cancelled {
        order::cancel(db, order, now)?;
        logged::cancel(db, &config.market, &known.member, order, own_salt()?)?;
    }
    Ok(cancelled)
}

/// Sets the contract from a slot on; what was announced for later slots is replaced too.
fn set_contract(
    db: &Connection,
    market: &MarketId,
    member: &MemberId,
    from: Slot,
    contract: UtilityContract,
) -> Result<(), Failure> {
    member::drop_contracts_from(db, member, from)?;
    member::set_contract(db, member, from, contract)?;
    logged::contract(db, market, member, from, &contract)
}

fn check_contract(contract: &UtilityContract) -> Result<(), Failure> {
    let prices = [
        ("retail_micros_per_kwh", contract.retail_micros_per_kwh),
        ("feed_in_micros_per_kwh", contract.feed_in_micros_per_kwh),
    ];
    for (field, price) in prices {
        if price.micros_per_kwh().unsigned_abs() > MAX_PRICE.unsigned_abs() {
            return refuse(ProblemCode::BadRequest, format!("{field} is beyond 1000 per kWh."));
        }
    }
    Ok(())
}

fn check_terms(config: &MarketConfig, version: &str) -> Result<(), Failure> {
    if version == config.terms.version {
        return Ok(());
    }
    refuse(
        ProblemCode::TermsNotAgreed,
        format!(
            "The terms are version \"{}\", agreed was \"{version}\". Read and agree to these.",
            config.terms.version
        ),
    )
}

/// Returns whether a text is the id of an order: a UUID of version 7 in lower case.
pub(crate) fn is_order_id(text: &str) -> bool {
    uuid::Uuid::try_parse(text)
        .is_ok_and(|id| id.get_version_num() == 7 && id.hyphenated().to_string() == text)
}

fn code_hash(code: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(code))
}
