//! A settled slot's book as everyone may see it, and the input from which it was settled.

use exchange_api::{ProblemCode, SlotBook};
use market::AreaOutcome;
use rusqlite::Connection;
use settlement::{Fees, MemberOrder, MeteredMember, SettledDeal, SlotInput};
use units::Slot;

use super::{Failure, governing, refuse};
use crate::store::rows::order::OrderRow;
use crate::store::rows::{deal, order, settlement as settled, slot};

/// What is stored of the input of a settled slot, and what came of its orders and deals.
pub(super) struct Stored {
    pub input: SlotInput,
    pub orders: Vec<OrderRow>,
    pub served: Vec<SettledDeal>,
}

/// Publishes the auction of a settled slot: without members, each order under a name that only its owner knows.
pub(crate) fn book(db: &Connection, wanted: Slot) -> Result<SlotBook, Failure> {
    let settled = slot::find(db, wanted)?.is_some_and(|row| row.traded.is_some());
    if !settled {
        return refuse(ProblemCode::NotFound, format!("The slot {wanted} is not settled here."));
    }
    let Stored { input, orders, .. } = stored(db, wanted)?;
    let invalid = |cause| Failure::Settlement { slot: wanted, cause };
    let auction = settlement::auction_of(&input).map_err(invalid)?;
    let clearing = settlement::settle(&input).map_err(invalid)?.clearing;
    let range = wanted..wanted.next();
    let areas: Vec<AreaOutcome> = slot::areas(db, range)?.into_iter().map(|(_, area)| area).collect();
    let filled =
        orders.iter().filter_map(|row| row.filled.filter(|it| !it.is_zero()).map(|it| (&row.id, it)));
    // What was settled is published or nothing: a book that tells another story helps nobody.
    if areas != clearing.areas || !filled.eq(clearing.fills.iter().map(|fill| (&fill.order, fill.filled))) {
        return refuse(
            ProblemCode::Internal,
            "The stored book does not lead to the stored clearing; the operator's `audit` tells more.",
        );
    }
    Ok(SlotBook::of(&auction.book, &auction.capacities, &clearing, input.fees.operator))
}

/// Reads a settled slot's input back.
pub(super) fn stored(db: &Connection, slot: Slot) -> Result<Stored, Failure> {
    let (_, config) = governing(db, slot)?;
    let orders = order::live(db, slot)?;
    let members = settled::of_slot_first(db, slot)?;
    let (entered, served): (Vec<_>, Vec<_>) = deal::settled(db, slot)?.into_iter().unzip();
    let input = SlotInput {
        slot,
        areas: config.market_areas(),
        members: members
            .into_iter()
            .map(|(id, member)| MeteredMember {
                id,
                area: member.area,
                import: member.import,
                export: member.export,
                retail: member.contract.retail_micros_per_kwh,
                feed_in: member.contract.feed_in_micros_per_kwh,
            })
            .collect(),
        deals: entered,
        orders: member_orders(&orders),
        fees: Fees { operator: config.operator_fee_micros_per_kwh },
    };
    Ok(Stored { input, orders, served })
}

pub(super) fn member_orders(orders: &[OrderRow]) -> Vec<MemberOrder> {
    let order = |row: &OrderRow| MemberOrder {
        id: row.id.clone(),
        member: row.member.clone(),
        side: row.side,
        quantity: row.quantity,
        limit: row.limit,
    };
    orders.iter().map(order).collect()
}
