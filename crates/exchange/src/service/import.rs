//! Lets a generated past in, so that no chart of a simulated street opens empty.

use exchange_api::{Commitment, Order, ProblemCode, ReadingSource, SlotState};
use rusqlite::Connection;
use settlement::{Settlement, SlotInput};
use units::Timestamp;

use super::{Failure, governing, life, refuse, settling};
use crate::store::rows::{order, slot};

/// A slot that was settled elsewhere by the same pure functions.
#[derive(Clone, Debug)]
pub struct PastSlot {
    pub input: SlotInput,
    pub settlement: Settlement,
    pub settled_at: Timestamp,
}

/// Stores past slots whose members are invited. Each is settled again, and refused if the outcome differs.
pub(crate) fn import(db: &Connection, past: &[PastSlot], now: Timestamp) -> Result<(), Failure> {
    for one in past {
        import_one(db, one, now)?;
    }
    Ok(())
}

fn import_one(db: &Connection, past: &PastSlot, now: Timestamp) -> Result<(), Failure> {
    let input = &past.input;
    let (version, config) = governing(db, input.slot)?;
    let bad = |what: &str| refuse(ProblemCode::BadRequest, format!("Past slot {}: {what}.", input.slot));
    if input.slot.end() > now || past.settled_at > now {
        return bad("it is not past");
    }
    if slot::find(db, input.slot)?.is_some() {
        return bad("the exchange has this slot already");
    }
    if input.areas != config.market_areas() || input.fees.operator != config.operator_fee_micros_per_kwh {
        return bad("its areas or fees are not those of market.toml");
    }
    if !input.deals.is_empty() {
        return bad("it has deals, which are not part of a generated past");
    }
    match settlement::settle(input) {
        Ok(again) if again == past.settlement => {}
        Ok(_) => return bad("settling it again gives another outcome"),
        Err(cause) => return Err(Failure::Settlement { slot: input.slot, cause }),
    }
    let gate = life::gate(input.slot, config.gate_s);
    slot::insert(db, input.slot, gate)?;
    // Nobody signed a generated past, so it is no part of what the log proves.
    slot::set_before_log(db, input.slot)?;
    for known in &input.orders {
        let order = Order {
            id: known.id.clone(),
            market: config.market.clone(),
            member: known.member.clone(),
            slot: input.slot,
            side: known.side,
            quantity: known.quantity,
            limit: known.limit,
            commitment: Commitment::Metered,
        };
        order::insert(db, &order, None, gate, None)?;
    }
    let sources = vec![Some(ReadingSource::Member); input.members.len()];
    settling::store(db, input, &past.settlement, version, &sources, past.settled_at)?;
    slot::enter(db, input.slot, SlotState::Settled, past.settled_at)?;
    let final_at = life::final_at(input.slot, config.final_after_s);
    if final_at <= now {
        slot::enter(db, input.slot, SlotState::Final, final_at)?;
    }
    Ok(())
}
