//! Direct deals: proposed by one side, agreed to by the other, ended by either, served slot by slot.

use exchange_api::{Deal, DealList, DealStatus, Problem, ProblemCode, SignedDeal};
use market::MAX_QUANTITY;
use rusqlite::Connection;
use units::{DealId, MemberId, Price, Slot, Timestamp, WattHours};

use super::life::first_open_slot;
use super::orders::judge_terms;
use super::{Failure, enrol, logged, refuse};
use crate::config::MarketConfig;
use crate::store::rows::deal::{self, Agreed, DealRow, Ended};
use crate::store::rows::member::MemberRow;
use crate::store::rows::order::{self, Seal};
use crate::store::rows::{key, member, slot};

/// What one member may have proposed and left open: a household deals with some neighbours, not with a city.
const MAX_OPEN: u32 = 32;

/// Takes a proposal; the same one again is the same.
pub(crate) fn propose(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    signed: &SignedDeal,
    now: Timestamp,
) -> Result<DealStatus, Failure> {
    let new = &signed.body;
    let proposer = judge(db, config, caller, signed)?;
    let first_open = first_open(db, config, now)?;
    if let Some(known) = deal::find(db, &config.market, &new.id)? {
        return match known.proposed_by == *caller && known.deal == *new {
            true => Ok(known.status(first_open)),
            false => id_taken(),
        };
    }
    if order::exists(db, new.id.as_str())? {
        return id_taken();
    }
    judge_terms(config, &proposer)?;
    judge_content(config, new)?;
    if new.until.is_some_and(|until| until <= first_open) {
        return over(new);
    }
    let partner = new.partner_of(caller);
    if member::find(db, partner)?.is_none_or(|row| row.joined.is_none()) {
        return refuse(ProblemCode::NotFound, format!("No member of this market is called \"{partner}\"."));
    }
    if deal::count_open(db, caller, first_open)? >= MAX_OPEN {
        let detail = format!("You have proposed {MAX_OPEN} deals that are open. End some first.");
        return refuse(ProblemCode::TooManyRequests, detail);
    }
    deal::insert(db, new, caller, now)?;
    deal::sign(db, &new.id, caller, &seal(signed), now)?;
    tracing::info!(deal = %new.id, by = %caller, "deal proposed");
    status(db, config, &new.id, first_open)
}

/// Takes the other side's signature; the deal is served from the next open gate on.
pub(crate) fn accept(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    signed: &SignedDeal,
    now: Timestamp,
) -> Result<DealStatus, Failure> {
    let id = &signed.body.id;
    // Looked for first: whose deal it is not learns nothing of it.
    let known = own(db, config, caller, id)?;
    let acceptor = judge(db, config, caller, signed)?;
    if known.deal != signed.body {
        return refuse(
            ProblemCode::IdTaken,
            "The deal was proposed with other content. Sign it as GET /v1/deals shows it.",
        );
    }
    if known.proposed_by == *caller {
        return refuse(ProblemCode::NotYours, "You proposed this deal; the other side has to agree to it.");
    }
    let first_open = first_open(db, config, now)?;
    if known.agreed.is_some() {
        return Ok(known.status(first_open));
    }
    if known.ended.is_some() || known.deal.until.is_some_and(|until| until <= first_open) {
        return over(&known.deal);
    }
    judge_terms(config, &acceptor)?;
    // Again, since the market's cap may have been lowered meanwhile.
    judge_content(config, &known.deal)?;
    deal::sign(db, id, caller, &seal(signed), now)?;
    deal::agree(db, id, &Agreed { at: now, from: first_open })?;
    logged::deal(db, &known.deal, &deal::seals(db, id)?)?;
    tracing::info!(deal = %id, from = %first_open, "deal agreed");
    status(db, config, id, first_open)
}

/// Ends a deal or a proposal; what is ended stays so.
pub(crate) fn end(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    id: &DealId,
    now: Timestamp,
) -> Result<DealStatus, Failure> {
    let known = own(db, config, caller, id)?;
    let first_open = first_open(db, config, now)?;
    if known.ended.is_none() {
        let ended = Ended { by: caller.clone(), until: first_open };
        deal::end(db, id, &ended, now)?;
        logged::deal_end(db, &DealRow { ended: Some(ended), ..known })?;
        tracing::info!(deal = %id, by = %caller, until = %first_open, "deal ended");
    }
    status(db, config, id, first_open)
}

pub(crate) fn list(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    now: Timestamp,
) -> Result<DealList, Failure> {
    let first_open = first_open(db, config, now)?;
    let deals = deal::of_member(db, &config.market, caller)?;
    Ok(DealList { deals: deals.into_iter().map(|row| row.status(first_open)).collect() })
}

/// Returns the deals that enter a slot, each with what its day has left.
///
/// The day's cap is counted over the slots that are settled already, in whatever order that happened, so
/// it holds although a slot never waits for an earlier one.
pub(crate) fn entering(
    db: &Connection,
    config: &MarketConfig,
    slot: Slot,
    is_member: impl Fn(&MemberId) -> bool,
) -> Result<Vec<settlement::Deal>, Failure> {
    let mut entering = Vec::new();
    for row in deal::around(db, &config.market, slot)? {
        let deal = &row.deal;
        let schedule = deal.schedule().map_err(|error| unreadable(deal, &error))?;
        let Some(agreed) = &row.agreed else { continue };
        if !schedule.covers(slot) || !is_member(&deal.seller) || !is_member(&deal.buyer) {
            continue;
        }
        let cap = match deal.cap_per_day {
            None => deal.cap,
            Some(per_day) => {
                let used = deal::settled_within(db, &deal.id, schedule.day(slot).slots())?;
                deal.cap.min((per_day - used).max(WattHours::ZERO))
            }
        };
        if cap.is_zero() {
            continue;
        }
        entering.push(settlement::Deal {
            id: deal.id.clone(),
            agreed_at: agreed.at,
            seller: deal.seller.clone(),
            buyer: deal.buyer.clone(),
            cap,
            price: deal.price,
        });
    }
    Ok(entering)
}

fn judge(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    signed: &SignedDeal,
) -> Result<MemberRow, Failure> {
    let new = &signed.body;
    if new.market != config.market {
        let detail = format!("This is the market \"{}\", the deal is for \"{}\".", config.market, new.market);
        return refuse(ProblemCode::WrongMarket, detail);
    }
    if new.side_of(caller).is_none() {
        return refuse(ProblemCode::NotYours, "You are neither the deal's seller nor its buyer.");
    }
    let signer = key::find(db, &signed.key)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    if signer.revoked_at.is_some() {
        return refuse(ProblemCode::RevokedKey, "The key that signed the deal was revoked.");
    }
    Ok(member::find(db, caller)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?)
}

fn judge_content(config: &MarketConfig, new: &Deal) -> Result<(), Problem> {
    let refused = |code, detail: String| Err(Problem::new(code, detail));
    if new.seller == new.buyer {
        let detail = format!("Seller and buyer are both \"{}\".", new.seller);
        return refused(ProblemCode::DealWithOneself, detail);
    }
    if !enrol::is_order_id(new.id.as_str()) {
        let detail = "The id of a deal is a UUID of version 7 in lower case.";
        return refused(ProblemCode::BadRequest, detail.to_owned());
    }
    if new.price < Price::ZERO || new.price > config.cap_micros_per_kwh {
        let (currency, cap) = (config.currency, config.cap_micros_per_kwh);
        let detail =
            format!("The price is {} {currency}/kWh; a deal goes from 0 to {cap} {currency}/kWh.", new.price);
        return refused(ProblemCode::OutsideCapAndFloor, detail);
    }
    let caps = [Some(new.cap), new.cap_per_day];
    if caps.into_iter().flatten().any(|cap| cap <= WattHours::ZERO) {
        let detail = "A deal is over at least 1 Wh in a slot, and in a day where it names one.";
        return refused(ProblemCode::NoQuantity, detail.to_owned());
    }
    if caps.into_iter().flatten().any(|cap| cap.get() > MAX_QUANTITY) {
        return refused(ProblemCode::BadRequest, format!("A cap is at most {MAX_QUANTITY} Wh."));
    }
    match new.schedule() {
        Ok(_) => Ok(()),
        Err(error) => refused(ProblemCode::BadRequest, format!("{error}.")),
    }
}

/// Finds a deal of the caller's; another's is as if it did not exist.
fn own(db: &Connection, config: &MarketConfig, caller: &MemberId, id: &DealId) -> Result<DealRow, Failure> {
    let known = deal::find(db, &config.market, id)?.filter(|row| row.deal.side_of(caller).is_some());
    known.map_or_else(|| refuse(ProblemCode::NotFound, "None of your deals has this id."), Ok)
}

fn status(
    db: &Connection,
    config: &MarketConfig,
    id: &DealId,
    first_open: Slot,
) -> Result<DealStatus, Failure> {
    let row = deal::find(db, &config.market, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(row.status(first_open))
}

/// Returns the first slot whose gate is open by the clock and in the books, should the clock have been set back.
fn first_open(db: &Connection, config: &MarketConfig, now: Timestamp) -> Result<Slot, Failure> {
    let by_clock = first_open_slot(now, config.gate_s);
    Ok(slot::newest_closed(db)?.map_or(by_clock, |closed| closed.next().max(by_clock)))
}

fn seal(signed: &SignedDeal) -> Seal<'_> {
    Seal { key: &signed.key, salt: &signed.salt, signature: &signed.signature }
}

fn id_taken<T>() -> Result<T, Failure> {
    refuse(ProblemCode::IdTaken, "The id was used with other content. Give the new deal a new id.")
}

fn over<T>(deal: &Deal) -> Result<T, Failure> {
    let detail = format!("Nothing of deal \"{}\" can be served any more. Propose a new one.", deal.id);
    refuse(ProblemCode::DealEnded, detail)
}

/// A deal is checked before it is stored, so one that cannot be read is a fault of the file.
fn unreadable(deal: &Deal, error: &exchange_api::InvalidDeal) -> Failure {
    Problem::new(ProblemCode::Internal, format!("The stored deal \"{}\": {error}.", deal.id)).into()
}
