//! Market: the home's offers slot by slot, its trades of the day, its deals, and how a slot was cleared.

mod book;
mod deals;

use std::collections::HashMap;
use std::time::Duration;

use exchange_api::{MarketInfo, SlotState, SlotSummary};
use history::{Decision, HistoryError, Membership, Settlement, StoredOrder, Verdict};
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{Slot, Timestamp};

use super::{Amount, Certainty, Instant, OrderView, ReasonView, SideView, Whole};
use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::view::frame::Refusal;

pub use self::book::{
    BookAreaView, BookOrderView, BookView, CheckView, MarginalView, OwnOrderView, WouldFillView,
};
pub use self::deals::{DealErrandView, DealProposal, DealStateView, DealView};

/// How many quarter hours of the past and of the future stand in the line of slots.
const BEFORE: i64 = 6;
const AHEAD: i64 = 5;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MarketView {
    /// Missing while the home is on no market.
    pub member: Option<MemberView>,
    /// Whether orders and deals can be changed here: another program may trade for the home.
    pub can_change: bool,
    /// The quarter hours around now, the oldest first.
    pub slots: Vec<MarketSlotView>,
    /// Today's, the newest first.
    pub trades: Vec<MarketTradeView>,
    /// The newest first.
    pub deals: Vec<DealView>,
    /// The newest slot that is cleared.
    pub last_cleared: Option<Instant>,
}

/// The home as the market knows it, and what holds there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MemberView {
    pub market_name: String,
    /// By which name neighbours propose deals to this home.
    pub member: String,
    pub area: String,
    pub floor_micros_per_kwh: Option<Whole>,
    pub cap_micros_per_kwh: Option<Whole>,
    pub operator_fee_micros_per_kwh: Option<Whole>,
    /// The contract with the utility in the running quarter hour: what a deal is compared with.
    pub retail_micros_per_kwh: Option<Whole>,
    pub feed_in_micros_per_kwh: Option<Whole>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MarketSlotView {
    pub slot: Instant,
    pub ends: Instant,
    pub gate_closes: Option<Instant>,
    /// When readings are awaited no longer.
    pub readings_close: Option<Instant>,
    pub life: SlotLifeView,
    /// Those that stand or stood for it.
    pub orders: Vec<OrderView>,
    /// Where no order stands: what the rules said, and why.
    pub reasons: Vec<ReasonView>,
    pub sold_wh: Option<Whole>,
    pub bought_wh: Option<Whole>,
    pub price_micros_per_kwh: Option<Whole>,
    /// A guess of the exchange before it is cleared; it binds nobody.
    pub about_micros_per_kwh: Option<Whole>,
}

/// Where a slot is in its life, as an owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum SlotLifeView {
    /// Orders can still come and go.
    Open,
    /// The gate has closed; the quarter hour lies ahead.
    Closed,
    /// It runs.
    Running,
    /// It is over; readings are awaited.
    Delivered,
    /// Cleared: everyone's price is known, this home's books are not here yet.
    Cleared,
    Settled,
    Final,
}

/// What one order or deal came to in one slot: energy x price = amount, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MarketTradeView {
    pub slot: Instant,
    pub side: SideView,
    pub energy_wh: Whole,
    pub price_micros_per_kwh: Whole,
    pub amount: Amount,
    pub certainty: Certainty,
    /// Of the auction.
    pub order: Option<String>,
    /// Of a direct deal.
    pub deal: Option<String>,
    pub partner: Option<String>,
}

impl Home {
    /// Returns the home's place on its market.
    pub fn market(&self) -> Result<MarketView, Refusal> {
        let house = self.house()?;
        market(house).map_err(|error| history_refusal(&error))
    }
}

fn market(house: &House) -> Result<MarketView, HistoryError> {
    let Some(membership) = house.membership()? else {
        return Ok(MarketView {
            member: None,
            can_change: house.trades(),
            slots: Vec::new(),
            trades: Vec::new(),
            deals: Vec::new(),
            last_cleared: None,
        });
    };
    let today = house.today();
    let settled = house.history.settlements(today.slots())?;
    Ok(MarketView {
        member: Some(member(house, &membership)),
        can_change: house.trades(),
        slots: slots(house, &membership)?,
        trades: trades(house, &settled),
        deals: deals::deals(house, &membership)?,
        last_cleared: last_cleared(house)?.map(|slot| slot.start().into()),
    })
}

fn member(house: &House, membership: &Membership) -> MemberView {
    let market: Option<MarketInfo> = house.market();
    let rules = market.as_ref().map(|market| market.rules);
    let contract = house.prices(Slot::containing(house.now()));
    MemberView {
        market_name: membership.market_name.clone(),
        member: membership.member.to_string(),
        area: membership.area.to_string(),
        floor_micros_per_kwh: rules.map(|rules| rules.floor_micros_per_kwh.into()),
        cap_micros_per_kwh: rules.map(|rules| rules.cap_micros_per_kwh.into()),
        operator_fee_micros_per_kwh: rules.map(|rules| rules.operator_fee_micros_per_kwh.into()),
        retail_micros_per_kwh: contract.map(|prices| prices.retail.into()),
        feed_in_micros_per_kwh: contract.map(|prices| prices.feed_in.into()),
    }
}

/// Returns the newest slot that the exchange has settled for this home.
fn last_cleared(house: &House) -> Result<Option<Slot>, HistoryError> {
    Ok(house.history.last_settlement()?.map(|settled| settled.slot))
}

fn slots(house: &House, membership: &Membership) -> Result<Vec<MarketSlotView>, HistoryError> {
    let now = house.now();
    let running = Slot::containing(now);
    let range = running.offset(-BEFORE)..running.offset(AHEAD + 1);
    let orders = house.history.orders(range.clone())?;
    let decisions = house.history.decisions(range.clone())?;
    let settled = house.history.settlements(range.clone())?;
    let settled: HashMap<Slot, &Settlement> = settled.iter().map(|settled| (settled.slot, settled)).collect();
    let told = house.live().exchange.slots.clone();
    let joined = Slot::containing(membership.joined_at);
    Ok(Slot::range(range)
        .filter(|slot| *slot >= joined)
        .map(|slot| {
            let orders: Vec<&StoredOrder> =
                orders.iter().filter(|stored| stored.order.slot == slot).collect();
            let told = told.iter().find(|told| told.slot == slot);
            slot_view(house, slot, now, &orders, &decisions, told, settled.get(&slot).copied(), membership)
        })
        .collect())
}

#[expect(
    clippy::too_many_arguments,
    reason = "one line of the page is made of all that is known of its slot"
)]
fn slot_view(
    house: &House,
    slot: Slot,
    now: Timestamp,
    orders: &[&StoredOrder],
    decisions: &[Decision],
    told: Option<&SlotSummary>,
    settled: Option<&Settlement>,
    membership: &Membership,
) -> MarketSlotView {
    let rules = house.market_rules();
    let gate = rules.map(|rules| slot.start() - Duration::from_secs(rules.gate_s.into()));
    let close = rules.map(|rules| slot.end() + Duration::from_secs(rules.readings_close_s.into()));
    let standing: Vec<OrderView> = orders
        .iter()
        .filter(|stored| super::stands(stored.state))
        .map(|stored| OrderView::from(*stored))
        .collect();
    let guess = told.and_then(|told| told.indicative.as_ref());
    let about = guess.and_then(|guess| guess.areas.iter().find(|area| area.id == membership.area));
    MarketSlotView {
        slot: slot.start().into(),
        ends: slot.end().into(),
        gate_closes: gate.map(Instant::from),
        readings_close: close.map(Instant::from),
        life: life(house, slot, now, gate, told, settled),
        reasons: if standing.is_empty() { why_none(decisions, slot) } else { Vec::new() },
        orders: standing,
        sold_wh: settled.map(|settled| settled.sold.into()),
        bought_wh: settled.map(|settled| settled.bought.into()),
        price_micros_per_kwh: settled.and_then(|settled| settled.price).map(Whole::from),
        about_micros_per_kwh: about
            .filter(|_| settled.is_none())
            .and_then(|area| area.price)
            .map(Whole::from),
    }
}

fn life(
    house: &House,
    slot: Slot,
    now: Timestamp,
    gate: Option<Timestamp>,
    told: Option<&SlotSummary>,
    settled: Option<&Settlement>,
) -> SlotLifeView {
    if settled.is_some() {
        return match super::certainty(house, slot, now, true) {
            Certainty::Final => SlotLifeView::Final,
            _ => SlotLifeView::Settled,
        };
    }
    if told.is_some_and(|told| told.state >= SlotState::Cleared) {
        return SlotLifeView::Cleared;
    }
    match gate {
        _ if slot.end() <= now => SlotLifeView::Delivered,
        _ if slot.start() <= now => SlotLifeView::Running,
        Some(gate) if gate <= now => SlotLifeView::Closed,
        _ => SlotLifeView::Open,
    }
}

/// Returns why the rules asked for nothing in a slot: the selling side's word first, since it is asked first.
fn why_none(decisions: &[Decision], slot: Slot) -> Vec<ReasonView> {
    let of_slot = |decision: &&Decision| decision.slot == slot && decision.verdict == Verdict::Nothing;
    decisions
        .iter()
        .filter(of_slot)
        .max_by_key(|decision| (decision.side, decision.decided_at))
        .map(|decision| super::rules::reasons(&decision.reasons_json))
        .unwrap_or_default()
}

fn trades(house: &House, settled: &[Settlement]) -> Vec<MarketTradeView> {
    let now = house.now();
    settled.iter().rev().flat_map(|settled| trades_of(house, settled, now)).collect()
}

/// Returns what deals and orders brought in one slot, deals first, as they are served.
pub(crate) fn trades_of(house: &House, settled: &Settlement, now: Timestamp) -> Vec<MarketTradeView> {
    let certainty = super::certainty(house, settled.slot, now, true);
    let signed = |energy: units::WattHours, price, side| {
        let amount = energy.at(price).unwrap_or_default();
        Amount::from(if side == market::Side::Sell { amount } else { -amount })
    };
    let deals = settled.deals.iter().filter(|trade| !trade.filled.is_zero()).map(|trade| MarketTradeView {
        slot: settled.slot.start().into(),
        side: trade.side.into(),
        energy_wh: trade.filled.into(),
        price_micros_per_kwh: trade.price.into(),
        amount: signed(trade.filled, trade.price, trade.side),
        certainty,
        order: None,
        deal: Some(trade.deal.to_string()),
        partner: Some(trade.partner.to_string()),
    });
    let price = settled.price.unwrap_or_default();
    let fills = settled.fills.iter().filter(|fill| !fill.filled.is_zero()).map(|fill| MarketTradeView {
        slot: settled.slot.start().into(),
        side: fill.side.into(),
        energy_wh: fill.filled.into(),
        price_micros_per_kwh: price.into(),
        amount: signed(fill.filled, price, fill.side),
        certainty,
        order: Some(fill.order.to_string()),
        deal: None,
        partner: None,
    });
    deals.chain(fills).collect()
}

/// Reads a slot as the window names it.
fn readable_slot(text: &str) -> Result<Slot, Refusal> {
    text.parse().map_err(|_| Refusal {
        code: "bad_slot".to_owned(),
        message: format!("\"{text}\" is not the start of a quarter hour."),
        hint: "Write it as 2026-06-01T12:15:00Z.".to_owned(),
    })
}
