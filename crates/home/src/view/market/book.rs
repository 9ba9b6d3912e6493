//! One settled slot opened: supply and demand, the home's own place, and what another limit would have got.
//!
//! The exchange publishes the book; it is verified here before anything of it is shown.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use exchange_api::{PublishedAuction, SlotBook};
use history::{Membership, StoredOrder};
use market::{Explanation, Marginal};
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{AreaId, OrderId, Slot, WattHours};

use super::super::{Instant, SideView, Whole};
use super::MarketTradeView;
use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::tasks;
use crate::view::frame::Refusal;

/// The window gives up on an answer after ten seconds.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct BookView {
    pub slot: Instant,
    pub area: String,
    /// At which this home's area was cleared.
    pub price_micros_per_kwh: Option<Whole>,
    /// In the whole auction, deals aside.
    pub traded_wh: Whole,
    pub areas: Vec<BookAreaView>,
    /// Supply first, the cheapest first; then demand, the most willing first.
    pub orders: Vec<BookOrderView>,
    /// This home's, with why each got what it got.
    pub own: Vec<OwnOrderView>,
    /// What this home traded in the slot, deals among it.
    pub trades: Vec<MarketTradeView>,
    pub check: CheckView,
    pub operator_fee_micros_per_kwh: Whole,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct BookAreaView {
    pub id: String,
    pub price_micros_per_kwh: Option<Whole>,
    pub mine: bool,
    pub sold_wh: Whole,
    pub bought_wh: Whole,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct BookOrderView {
    pub side: SideView,
    pub area: String,
    pub quantity_wh: Whole,
    pub filled_wh: Whole,
    /// After half of the operator's fee.
    pub limit_micros_per_kwh: Whole,
    /// What it comes to in this home's area: with the fees of the lines between.
    pub here_micros_per_kwh: Whole,
    pub mine: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct OwnOrderView {
    pub order: String,
    pub side: SideView,
    /// As this home placed it.
    pub asked_wh: Whole,
    pub limit_micros_per_kwh: Whole,
    /// What the meter had left for it; missing where that was nothing.
    pub quantity_wh: Option<Whole>,
    pub filled_wh: Whole,
    pub marginal: MarginalView,
    /// What it would have got at other limits, each as this home would place it; by rising limit.
    pub would_fill: Vec<WouldFillView>,
}

/// What the price stops at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum MarginalView {
    /// A buyer who got a part.
    Buyer,
    /// A seller who got a part.
    Seller,
    /// A line that carries all it can.
    Capacity,
    /// Nothing: it lies between those served and those not.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct WouldFillView {
    pub limit_micros_per_kwh: Whole,
    pub filled_wh: Whole,
}

/// What this home found when it checked the clearing by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct CheckView {
    pub holds: bool,
    /// The first thing that is wrong.
    pub fault: Option<String>,
}

impl Home {
    /// Opens a settled slot, `2026-06-01T12:15:00Z`: asks the exchange for its book and checks it.
    pub async fn market_book(&self, slot: &str) -> Result<BookView, Refusal> {
        let slot = super::readable_slot(slot)?;
        let house = self.house()?.clone();
        let membership = house.member()?;
        let Some(client) = tasks::client(&house, &membership.exchange_url) else {
            house.check_trades()?;
            return Err(unavailable(
                "no_key",
                "The private key of this home is not open, so the exchange cannot be asked.",
            ));
        };
        let asked = async { client?.book(slot).await };
        let book = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(book)) => book,
            Ok(Err(error)) => {
                let code = error.code().map_or("unreachable", |code| code.word());
                return Err(unavailable(code, &format!("{}.", crate::config::described(&error))));
            }
            Err(_) => return Err(unavailable("unreachable", "The exchange does not answer.")),
        };
        house.blocking(move |house| view(house, &membership, &book)).await
    }
}

fn unavailable(code: &str, why: &str) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message: format!("How this quarter hour was cleared cannot be shown. {why}"),
        hint: "What this home traded stands in its own books and is right without it.".to_owned(),
    }
}

fn view(house: &House, membership: &Membership, published: &SlotBook) -> Result<BookView, Refusal> {
    let slot = published.slot;
    let auction = published
        .auction()
        .map_err(|error| unavailable("bad_book", &format!("The published book is unreadable: {error}.")))?;
    let orders = house.history.orders(slot..slot.next()).map_err(|error| history_refusal(&error))?;
    let settled = house.history.settlements(slot..slot.next()).map_err(|error| history_refusal(&error))?;
    let placed: Vec<&StoredOrder> =
        orders.iter().filter(|stored| stored.state == history::OrderState::Cleared).collect();
    let rows: HashMap<OrderId, OrderId> = placed
        .iter()
        .filter_map(|stored| Some((published.row_of(&stored.order.id)?.id.clone(), stored.order.id.clone())))
        .collect();
    let own = placed.iter().map(|stored| own_order(published, &auction, stored)).collect();
    let now = house.now();
    Ok(BookView {
        slot: slot.start().into(),
        area: membership.area.to_string(),
        price_micros_per_kwh: price_of(published, &membership.area),
        traded_wh: sum(published, market::Side::Sell, |_| true).into(),
        areas: areas(published, &membership.area),
        orders: book_orders(published, &membership.area, &rows),
        own,
        trades: settled.iter().flat_map(|settled| super::trades_of(house, settled, now)).collect(),
        check: check(&auction, slot, &settled, &membership.area),
        operator_fee_micros_per_kwh: published.operator_fee_micros_per_kwh.into(),
    })
}

fn price_of(book: &SlotBook, area: &AreaId) -> Option<Whole> {
    let area = book.areas.iter().find(|row| row.id == *area)?;
    area.price_micros_per_kwh.map(Whole::from)
}

fn sum(book: &SlotBook, side: market::Side, counts: impl Fn(&AreaId) -> bool) -> WattHours {
    let rows = book.orders.iter().filter(|row| row.side == side && counts(&row.area));
    rows.fold(WattHours::ZERO, |sum, row| sum + row.filled_wh)
}

fn areas(book: &SlotBook, mine: &AreaId) -> Vec<BookAreaView> {
    let view = |area: &exchange_api::BookArea| BookAreaView {
        id: area.id.to_string(),
        price_micros_per_kwh: area.price_micros_per_kwh.map(Whole::from),
        mine: area.id == *mine,
        sold_wh: sum(book, market::Side::Sell, |id| *id == area.id).into(),
        bought_wh: sum(book, market::Side::Buy, |id| *id == area.id).into(),
    };
    book.areas.iter().map(view).collect()
}

fn book_orders(book: &SlotBook, mine: &AreaId, own: &HashMap<OrderId, OrderId>) -> Vec<BookOrderView> {
    let fees = fees_to(book, mine);
    let mut orders: Vec<BookOrderView> = book
        .orders
        .iter()
        .map(|row| {
            let fee = fees.get(&row.area).copied().unwrap_or_default();
            let limit = row.limit_price_micros_per_kwh.micros_per_kwh();
            BookOrderView {
                side: row.side.into(),
                area: row.area.to_string(),
                quantity_wh: row.quantity_wh.into(),
                filled_wh: row.filled_wh.into(),
                limit_micros_per_kwh: Whole::new(limit),
                here_micros_per_kwh: Whole::new(match row.side {
                    market::Side::Sell => limit + fee,
                    market::Side::Buy => limit - fee,
                }),
                mine: own.contains_key(&row.id),
            }
        })
        .collect();
    orders.sort_by_key(|order| match order.side {
        SideView::Sell => (0, order.here_micros_per_kwh.get()),
        SideView::Buy => (1, -order.here_micros_per_kwh.get()),
    });
    orders
}

/// Returns what the lines between each area and one of them cost, in micros a kWh.
fn fees_to(book: &SlotBook, mine: &AreaId) -> HashMap<AreaId, i64> {
    let mut neighbours: BTreeMap<&AreaId, Vec<(&AreaId, i64)>> = BTreeMap::new();
    for area in &book.areas {
        let Some(parent) = &area.parent else { continue };
        let fee = area.fee_micros_per_kwh.map_or(0, |fee| fee.micros_per_kwh());
        neighbours.entry(&area.id).or_default().push((parent, fee));
        neighbours.entry(parent).or_default().push((&area.id, fee));
    }
    let mut fees = HashMap::from([(mine.clone(), 0)]);
    let mut open = vec![mine];
    while let Some(area) = open.pop() {
        let so_far = fees[area];
        for (neighbour, fee) in neighbours.get(area).into_iter().flatten() {
            if !fees.contains_key(*neighbour) {
                fees.insert((*neighbour).clone(), so_far + fee);
                open.push(neighbour);
            }
        }
    }
    fees
}

fn own_order(published: &SlotBook, auction: &PublishedAuction, stored: &StoredOrder) -> OwnOrderView {
    let order = &stored.order;
    let row = published.row_of(&order.id);
    let told: Option<Explanation> = row.and_then(|row| {
        market::explain_after_deals(&auction.book, &auction.capacities, &auction.clearing, &row.id).ok()
    });
    // In the book limits are without the fee; the owner thinks of his own.
    let fee =
        row.map_or(0, |row| order.limit.micros_per_kwh() - row.limit_price_micros_per_kwh.micros_per_kwh());
    let would_fill = told.iter().flat_map(|told| &told.would_fill).map(|would| WouldFillView {
        limit_micros_per_kwh: Whole::new(would.limit.micros_per_kwh() + fee),
        filled_wh: would.filled.into(),
    });
    OwnOrderView {
        order: order.id.to_string(),
        side: order.side.into(),
        asked_wh: order.quantity.into(),
        limit_micros_per_kwh: order.limit.into(),
        quantity_wh: row.map(|row| row.quantity_wh.into()),
        filled_wh: row.map_or(WattHours::ZERO, |row| row.filled_wh).into(),
        marginal: told.as_ref().map_or(MarginalView::None, |told| told.marginal.into()),
        would_fill: would_fill.collect(),
    }
}

/// Checks the clearing against its book, and both against what this home's own books say.
fn check(
    auction: &PublishedAuction,
    slot: Slot,
    settled: &[history::Settlement],
    area: &AreaId,
) -> CheckView {
    let fault = |fault: String| CheckView { holds: false, fault: Some(fault) };
    if auction.book.slot != slot {
        return fault("the book is of another slot".to_owned());
    }
    if let Err(error) = market::verify_after_deals(&auction.book, &auction.capacities, &auction.clearing) {
        return fault(error.to_string());
    }
    let published = auction.clearing.areas.iter().find(|outcome| outcome.id == *area);
    let published = published.and_then(|outcome| outcome.price);
    if let Some(settled) = settled.first().filter(|settled| settled.price != published) {
        let text = |price: Option<units::Price>| price.map_or("none".to_owned(), |price| price.to_string());
        return fault(format!(
            "its price for this area is {}, this home was settled at {}",
            text(published),
            text(settled.price)
        ));
    }
    CheckView { holds: true, fault: None }
}

impl From<Marginal> for MarginalView {
    fn from(marginal: Marginal) -> Self {
        match marginal {
            Marginal::Buyer => Self::Buyer,
            Marginal::Seller => Self::Seller,
            Marginal::Capacity => Self::Capacity,
            Marginal::None => Self::None,
        }
    }
}
