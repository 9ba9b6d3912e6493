//! How a log begins: with its first key, and in a market from before it with what is there.

use exchange_api::SlotState;
use ledger::{VerifyingKey, key_text};
use rusqlite::Connection;
use units::{MarketId, Slot};

use super::log::own_salt;
use super::{Failure, logged};
use crate::config::MarketConfig;
use crate::store::rows::{config, deal, key, log, member, order, reading, slot};

/// Begins the log, unless it has begun. Returns the first key, by which the world knows it.
///
/// A market from before there was a log brings in its configurations, members, keys, contracts, deals, and the orders and
/// readings of slots that are not settled. What was settled by then is not told again: nobody could prove it.
pub(crate) fn begin(db: &Connection, key: &VerifyingKey) -> Result<String, Failure> {
    if let Some(first) = log::first_key(db)? {
        return Ok(first);
    }
    let first = key_text(key);
    log::insert_key(db, log::FIRST_KEY, &first)?;
    let mut market = None;
    for row in config::all(db)? {
        let config = MarketConfig::parse(&row.toml, "the stored configuration")?;
        logged::config_version(db, &row, &config)?;
        market = Some(config.market);
    }
    if let Some(market) = market {
        bring_members(db, &market)?;
        bring_deals(db, &market)?;
        for row in slot::unsettled(db)? {
            if row.state != SlotState::Cleared {
                bring_slot(db, &market, row.slot)?;
            }
        }
    }
    Ok(first)
}

fn bring_members(db: &Connection, market: &MarketId) -> Result<(), Failure> {
    for row in member::all(db)? {
        let Some(joined) = &row.joined else { continue };
        logged::member(db, market, &row, joined.first_slot)?;
        for key in key::of_member(db, &row.id)? {
            logged::device_key(db, market, &key)?;
            if let Some(at) = key.revoked_at {
                logged::key_end(db, market, &row.id, &key.id, at)?;
            }
        }
        logged::terms(db, market, &row.id, &joined.terms_version)?;
        for (from, contract) in member::contracts(db, &row.id)? {
            logged::contract(db, market, &row.id, from, &contract)?;
        }
    }
    Ok(())
}

fn bring_deals(db: &Connection, market: &MarketId) -> Result<(), Failure> {
    for row in deal::agreed(db, market)? {
        logged::deal(db, &row.deal, &deal::seals(db, &row.deal.id)?)?;
        logged::deal_end(db, &row)?;
    }
    Ok(())
}

fn bring_slot(db: &Connection, market: &MarketId, slot: Slot) -> Result<(), Failure> {
    for (row, seal) in order::sealed(db, slot)? {
        logged::order(db, &row.to_order(market), &seal)?;
        if row.cancelled {
            logged::cancel(db, market, &row.member, &row.id, own_salt()?)?;
        }
    }
    for (row, seal) in reading::sealed(db, market, slot)? {
        logged::reading(db, &row, &seal)?;
    }
    for (state, at) in slot::steps(db, slot)? {
        logged::step(db, market, slot, state, at)?;
    }
    Ok(())
}
