//! What the exchange settled for this household, version by version. Nothing is overwritten.

use std::ops::Range;

use market::Side;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use units::{AreaId, DayKey, DealId, MarketId, MemberId, Money, OrderId, Price, Slot, Timestamp, WattHours};

use crate::error::HistoryError;
use crate::handle::History;
use crate::orders::{OrderChange, OrderState, mark};
use crate::row::{self, worded};
use crate::settings;
use crate::writer::Durability;

/// One slot of this household, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    pub market: MarketId,
    /// Its place in the exchange's order.
    pub cursor: i64,
    pub slot: Slot,
    /// 1, then one more with each adjustment.
    pub version: u32,
    pub local_day: DayKey,
    pub settled_at: Timestamp,
    pub area: AreaId,
    /// Missing where nothing supported a price.
    pub price: Option<Price>,
    /// Whether the meter's figures entered.
    pub measured: bool,
    /// Who told the figures; missing where nothing was measured, or where it was not told.
    pub source: Option<Source>,
    pub import: WattHours,
    pub export: WattHours,
    pub sold: WattHours,
    pub bought: WattHours,
    pub from_utility: WattHours,
    pub to_utility: WattHours,
    /// The household's own contract in the slot.
    pub retail: Price,
    pub feed_in: Price,
    pub fills: Vec<Fill>,
    /// What direct deals brought; `sold` and `bought` hold it too.
    pub deals: Vec<DealTrade>,
    pub postings: Vec<Posting>,
}

/// How much of an order was served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    pub order: OrderId,
    pub side: Side,
    pub filled: WattHours,
}

/// What a direct deal came to in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealTrade {
    pub deal: DealId,
    /// This household's.
    pub side: Side,
    pub partner: MemberId,
    pub filled: WattHours,
    pub price: Price,
    /// What the buyer paid the grid on top.
    pub grid_fee: Money,
}

/// What a deal brought in all settled slots: energy, and energy x price, positive on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealTotal {
    pub deal: DealId,
    pub energy: WattHours,
    pub amount: Money,
}

worded!(
    /// Who told the figures of a slot.
    Source {
        /// This household's own device.
        Member = "member",
        /// The utility, whose word goes first.
        Utility = "utility",
    }
);

/// A posting on this household's account. Positive: it receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The id of the order, deal, member or area it is for.
    pub reference: String,
    pub what: What,
    pub amount: Money,
}

worded!(
    /// What a posting is about.
    What {
        Energy = "energy",
        GridFee = "grid_fee",
        OperatorFee = "operator_fee",
        Retail = "retail",
        FeedIn = "feed_in",
        Congestion = "congestion",
        Tax = "tax",
    }
);

/// What recording a settlement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettlementRecorded {
    New,
    /// It came before.
    Same,
}

impl History {
    /// Records a settlement, durably; see [`Self::record_settlements`].
    pub fn record_settlement(
        &self,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<SettlementRecorded, HistoryError> {
        let next = settlement.cursor;
        let market = settlement.market.clone();
        let outcomes = self.record_settlements(&market, vec![settlement.clone()], next, now)?;
        Ok(outcomes[0])
    }

    /// Records a page of settlements and where the next page begins, in one durable commit.
    ///
    /// The orders it serves, and those of its slots that were bound, are marked cleared. A settlement
    /// that came before is left as it is; one with the same cursor, or the same slot and version, and
    /// other content is a [`HistoryError::Contradiction`]: the exchange has told two stories.
    pub fn record_settlements(
        &self,
        market: &MarketId,
        settlements: Vec<Settlement>,
        next: i64,
        now: Timestamp,
    ) -> Result<Vec<SettlementRecorded>, HistoryError> {
        let market = market.clone();
        self.write("recording settlements in", Durability::OnDisk, move |connection| {
            let outcomes = settlements.iter().map(|settlement| record(connection, settlement, now)).collect();
            let reached = cursor(connection, &market)?.unwrap_or(i64::MIN).max(next);
            settings::put(connection, &cursor_key(&market), &reached.to_string())?;
            outcomes
        })
    }

    /// Returns up to where the settlements of a market were fetched.
    pub fn settlement_cursor(&self, market: &MarketId) -> Result<Option<i64>, HistoryError> {
        self.read("reading a setting from", |connection| Ok(cursor(connection, market)?))
    }

    /// Returns the latest version of each settled slot in a range, half-open, oldest first.
    pub fn settlements(&self, range: Range<Slot>) -> Result<Vec<Settlement>, HistoryError> {
        self.select_settlements(
            "select * from latest_settlements where slot_index >= ?1 and slot_index < ?2
             order by slot_index",
            range,
        )
    }

    /// Returns what each deal brought in all settled slots, of the latest version of each.
    pub fn deal_totals(&self) -> Result<Vec<DealTotal>, HistoryError> {
        self.read("adding up deals of", |connection| {
            let mut query = connection.prepare_cached(
                "select deal_id, sum(filled_wh) as energy_wh,
                    sum(filled_wh * settlement_deals.price_micros_per_kwh) as amount_nanos
                 from latest_settlements join settlement_deals on settlement = id group by deal_id",
            )?;
            let rows = query.query_map([], |row| {
                Ok(DealTotal {
                    deal: row::parsed(row, "deal_id")?,
                    energy: row::watt_hours(row, "energy_wh")?,
                    amount: row::money(row, "amount_nanos")?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns every version of a slot's settlement, oldest first.
    pub fn settlement_versions(&self, slot: Slot) -> Result<Vec<Settlement>, HistoryError> {
        self.select_settlements(
            "select * from settlements where slot_index >= ?1 and slot_index < ?2 order by version, id",
            slot..slot.next(),
        )
    }

    /// Returns the latest settled slot.
    pub fn last_settlement(&self) -> Result<Option<Settlement>, HistoryError> {
        let newest: Option<i64> = self.read("reading settlements from", |connection| {
            Ok(connection.query_row("select max(slot_index) from settlements", [], |row| row.get(0))?)
        })?;
        let Some(slot) = newest.map(Slot::from_index) else { return Ok(None) };
        Ok(self.settlements(slot..slot.next())?.pop())
    }

    fn select_settlements(&self, sql: &str, range: Range<Slot>) -> Result<Vec<Settlement>, HistoryError> {
        self.read("reading settlements from", |connection| {
            let mut query = connection.prepare_cached(sql)?;
            let rows = query.query_map((range.start.index(), range.end.index()), |row| {
                Ok((row.get::<_, i64>("id")?, stored(row)?))
            })?;
            rows.map(|row| {
                let (id, settlement) = row?;
                Ok(with_lines(connection, id, settlement)?)
            })
            .collect()
        })
    }
}

fn cursor_key(market: &MarketId) -> String {
    format!("settlement_cursor/{market}")
}

fn cursor(connection: &Connection, market: &MarketId) -> rusqlite::Result<Option<i64>> {
    Ok(settings::get(connection, &cursor_key(market))?.and_then(|text| text.parse().ok()))
}

fn record(
    connection: &Connection,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<SettlementRecorded, HistoryError> {
    if let Some(present) = find(connection, settlement)? {
        return if present == *settlement {
            Ok(SettlementRecorded::Same)
        } else {
            Err(HistoryError::Contradiction {
                subject: format!("the settlement of {}, version {}", settlement.slot, settlement.version),
                detail: format!("it came as {present:?} and now as {settlement:?}"),
            })
        };
    }
    let id = put(connection, settlement, now)?;
    put_lines(connection, id, settlement)?;
    clear_orders(connection, settlement, now)?;
    Ok(SettlementRecorded::New)
}

fn find(connection: &Connection, settlement: &Settlement) -> rusqlite::Result<Option<Settlement>> {
    let present = connection
        .prepare_cached(
            "select * from settlements
             where market = ?1 and (cursor = ?2 or (slot_index = ?3 and version = ?4))",
        )?
        .query_row(
            (settlement.market.as_str(), settlement.cursor, settlement.slot.index(), settlement.version),
            |row| Ok((row.get::<_, i64>("id")?, stored(row)?)),
        )
        .optional()?;
    present.map(|(id, present)| with_lines(connection, id, present)).transpose()
}

fn put(connection: &Connection, settlement: &Settlement, now: Timestamp) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "insert into settlements values (null, :market, :cursor, :slot, :version, :day, :settled, :now,
                :area, :price, :measured, :import, :export, :sold, :bought, :from_utility, :to_utility,
                :retail, :feed_in, :source)",
        )?
        .execute(named_params! {
            ":market": settlement.market.as_str(),
            ":cursor": settlement.cursor,
            ":slot": settlement.slot.index(),
            ":version": settlement.version,
            ":day": settlement.local_day.to_string(),
            ":settled": settlement.settled_at.millis(),
            ":now": now.millis(),
            ":area": settlement.area.as_str(),
            ":price": settlement.price.map(Price::micros_per_kwh),
            ":measured": settlement.measured,
            ":import": settlement.import.get(),
            ":export": settlement.export.get(),
            ":sold": settlement.sold.get(),
            ":bought": settlement.bought.get(),
            ":from_utility": settlement.from_utility.get(),
            ":to_utility": settlement.to_utility.get(),
            ":retail": settlement.retail.micros_per_kwh(),
            ":feed_in": settlement.feed_in.micros_per_kwh(),
            ":source": settlement.source.map(Source::word),
        })?;
    Ok(connection.last_insert_rowid())
}

fn put_lines(connection: &Connection, id: i64, settlement: &Settlement) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("insert into settlement_postings values (?1, ?2, ?3, ?4, ?5)")?;
    for (position, posting) in (0i64..).zip(&settlement.postings) {
        let (what, amount) = (posting.what.word(), posting.amount.nanos());
        insert.execute((id, position, &posting.reference, what, amount))?;
    }
    let mut insert = connection.prepare_cached("insert into settlement_fills values (?1, ?2, ?3, ?4, ?5)")?;
    for (position, fill) in (0i64..).zip(&settlement.fills) {
        let (side, filled) = (row::side_word(fill.side), fill.filled.get());
        insert.execute((id, position, fill.order.as_str(), side, filled))?;
    }
    let mut insert =
        connection.prepare_cached("insert into settlement_deals values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for (position, trade) in (0i64..).zip(&settlement.deals) {
        insert.execute((
            id,
            position,
            trade.deal.as_str(),
            row::side_word(trade.side),
            trade.partner.as_str(),
            trade.filled.get(),
            trade.price.micros_per_kwh(),
            trade.grid_fee.nanos(),
        ))?;
    }
    Ok(())
}

/// Marks what the settlement served, and the slot's other bound orders, as cleared.
fn clear_orders(
    connection: &Connection,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<(), HistoryError> {
    // A clearing is never repeated, so later versions change no fills.
    let unserved = connection
        .prepare_cached(
            "select id from orders where market = ?1 and slot_index = ?2 and state in ('accepted', 'bound')",
        )?
        .query_map((settlement.market.as_str(), settlement.slot.index()), |row| row::parsed(row, "id"))?
        .collect::<rusqlite::Result<Vec<OrderId>>>()?;
    for id in unserved {
        mark(connection, &id, &OrderChange::Cleared { filled: WattHours::ZERO }, now)?;
    }
    for Fill { order, filled, .. } in &settlement.fills {
        match mark(connection, order, &OrderChange::Cleared { filled: *filled }, now) {
            Ok(OrderState::Cleared) => {}
            Ok(state) => {
                tracing::warn!(%order, state = state.word(), "the exchange served an order that was at an end here")
            }
            // Placed from another device, or before this file was restored from a snapshot.
            Err(HistoryError::UnknownOrder(_)) => {
                tracing::warn!(%order, "the exchange served an order not known here")
            }
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

fn with_lines(connection: &Connection, id: i64, settlement: Settlement) -> rusqlite::Result<Settlement> {
    let postings = connection
        .prepare_cached("select * from settlement_postings where settlement = ?1 order by position")?
        .query_map([id], |row| {
            Ok(Posting {
                reference: row.get("reference")?,
                what: row::word(row, "what", What::from_word)?,
                amount: row::money(row, "amount_nanos")?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let fills = connection
        .prepare_cached("select * from settlement_fills where settlement = ?1 order by position")?
        .query_map([id], |row| {
            Ok(Fill {
                order: row::parsed(row, "order_id")?,
                side: row::side(row)?,
                filled: row::watt_hours(row, "filled_wh")?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let deals = connection
        .prepare_cached("select * from settlement_deals where settlement = ?1 order by position")?
        .query_map([id], |row| {
            Ok(DealTrade {
                deal: row::parsed(row, "deal_id")?,
                side: row::side(row)?,
                partner: row::parsed(row, "partner")?,
                filled: row::watt_hours(row, "filled_wh")?,
                price: row::price(row, "price_micros_per_kwh")?,
                grid_fee: row::money(row, "grid_fee_nanos")?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Settlement { fills, deals, postings, ..settlement })
}

fn stored(row: &Row) -> rusqlite::Result<Settlement> {
    Ok(Settlement {
        market: row::parsed(row, "market")?,
        cursor: row.get("cursor")?,
        slot: row::slot(row)?,
        version: row.get("version")?,
        local_day: row::day(row)?,
        settled_at: row::time(row, "settled_at_ms")?,
        area: row::parsed(row, "area")?,
        price: row::optional_price(row, "price_micros_per_kwh")?,
        measured: row.get("measured")?,
        source: row::optional_word(row, "source", Source::from_word)?,
        import: row::watt_hours(row, "import_wh")?,
        export: row::watt_hours(row, "export_wh")?,
        sold: row::watt_hours(row, "sold_wh")?,
        bought: row::watt_hours(row, "bought_wh")?,
        from_utility: row::watt_hours(row, "from_utility_wh")?,
        to_utility: row::watt_hours(row, "to_utility_wh")?,
        retail: row::price(row, "retail_micros_per_kwh")?,
        feed_in: row::price(row, "feed_in_micros_per_kwh")?,
        fills: Vec::new(),
        deals: Vec::new(),
        postings: Vec::new(),
    })
}
