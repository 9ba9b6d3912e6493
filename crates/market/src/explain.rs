//! Answers for one order: the price, what it stops at, and what another limit would have got.

use std::collections::BTreeSet;

use serde::Serialize;
use units::{OrderId, Price, WattHours};

use crate::book::{Book, Clearing, Side};
use crate::clear::clear_grid;
use crate::grid::{EdgeCapacity, Grid};
use crate::invalid::{InvalidBook, MAX_PRICE};
use crate::share::Allocation;
use crate::verify::{Violation, read};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub order: OrderId,
    #[serde(rename = "filled_wh")]
    pub filled: WattHours,
    #[serde(rename = "price_micros_per_kwh")]
    pub price: Option<Price>,
    pub marginal: Marginal,
    /// By rising limit.
    pub would_fill: Vec<WouldFill>,
}

/// What an area's price stops at, anonymously.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Marginal {
    /// A buyer who got a part.
    Buyer,
    /// A seller who got a part.
    Seller,
    /// A line that carries all it can.
    Capacity,
    /// Nothing: the price lies between those served and those not.
    None,
}

/// What the order would have got at another limit, all else the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WouldFill {
    #[serde(rename = "limit_price_micros_per_kwh")]
    pub limit: Price,
    #[serde(rename = "filled_wh")]
    pub filled: WattHours,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inexplicable {
    #[error(transparent)]
    Book(#[from] InvalidBook),
    #[error("the clearing does not answer this book: {0}")]
    Clearing(#[from] Violation),
    #[error("the book has no order \"{0}\"")]
    UnknownOrder(OrderId),
}

/// Explains what an order got. The clearing is taken as given; [`crate::verify`] says whether it is right.
pub fn explain(book: &Book, clearing: &Clearing, order: &OrderId) -> Result<Explanation, Inexplicable> {
    explain_on(book, Lines::AsStated, clearing, order)
}

/// Explains an order in the auction of what direct deals have left; see [`crate::clear_after_deals`].
pub fn explain_after_deals(
    book: &Book,
    capacities: &[EdgeCapacity],
    clearing: &Clearing,
    order: &OrderId,
) -> Result<Explanation, Inexplicable> {
    explain_on(book, Lines::Left(capacities), clearing, order)
}

/// What the lines can carry.
#[derive(Clone, Copy)]
enum Lines<'a> {
    AsStated,
    Left(&'a [EdgeCapacity]),
}

impl Lines<'_> {
    fn grid(self, book: &Book) -> Result<Grid<'_>, InvalidBook> {
        match self {
            Self::AsStated => Grid::of(book),
            Self::Left(capacities) => Grid::after_deals(book, capacities),
        }
    }
}

fn explain_on(
    book: &Book,
    lines: Lines<'_>,
    clearing: &Clearing,
    order: &OrderId,
) -> Result<Explanation, Inexplicable> {
    let grid = lines.grid(book)?;
    let allocation = read(&grid, clearing)?;
    let place = book
        .orders
        .iter()
        .position(|candidate| candidate.id == *order)
        .ok_or_else(|| Inexplicable::UnknownOrder(order.clone()))?;
    let area = grid.area_of[place] as usize;
    let price = clearing.areas[area].price;
    Ok(Explanation {
        order: order.clone(),
        filled: WattHours::new(allocation.fills[place]),
        price,
        marginal: price.map_or(Marginal::None, |_| marginal(&grid, &allocation, area)),
        would_fill: would_fill(book, lines, place, price)?,
    })
}

/// Looks at the areas whose prices move as one: those joined by lines that carry something and could carry
/// more. At the optimum they hold no partly filled buyer beside a partly filled seller, or the two would trade.
fn marginal(grid: &Grid, allocation: &Allocation, area: usize) -> Marginal {
    let (zone, full_line) = zone(grid, allocation, area);
    let partly = grid
        .orders()
        .zip(&allocation.fills)
        .find(|((area, order), filled)| zone[*area] && **filled > 0 && **filled < order.quantity.get());
    match partly {
        Some(((_, order), _)) if order.side == Side::Buy => Marginal::Buyer,
        Some(_) => Marginal::Seller,
        None if full_line => Marginal::Capacity,
        None => Marginal::None,
    }
}

/// Returns the areas whose prices move with this one's, and whether a full line leads out of them.
fn zone(grid: &Grid, allocation: &Allocation, area: usize) -> (Vec<bool>, bool) {
    let mut zone = vec![false; grid.areas()];
    let mut full_line = false;
    let mut open = vec![area];
    while let Some(area) = open.pop() {
        if std::mem::replace(&mut zone[area], true) {
            continue;
        }
        let up = grid.parent[area].map(|parent| (area, parent));
        let down = grid.children(area).iter().map(|&child| (child, child));
        for (below, neighbour) in up.into_iter().chain(down) {
            let (edge, flow) = (&grid.edge[below], allocation.flows[below]);
            let full = flow >= edge.to_parent || flow <= -edge.from_parent;
            if flow != 0 && !full {
                open.push(neighbour);
            }
            full_line |= flow != 0 && full;
        }
    }
    (zone, full_line)
}

/// Clears again with limits a micro to each side of the area's price and of the order's own limit, and at
/// the price itself.
fn would_fill(
    book: &Book,
    lines: Lines<'_>,
    place: usize,
    price: Option<Price>,
) -> Result<Vec<WouldFill>, InvalidBook> {
    let own = book.orders[place].limit.micros_per_kwh();
    let mut limits = BTreeSet::from([own - 1, own + 1]);
    if let Some(price) = price.map(Price::micros_per_kwh) {
        limits.extend([price.saturating_sub(1), price, price.saturating_add(1)]);
    }
    limits.retain(|&limit| limit != own && (-MAX_PRICE..=MAX_PRICE).contains(&limit));
    let mut book = book.clone();
    let mut answers = Vec::with_capacity(limits.len());
    for limit in limits.into_iter().map(Price::from_micros_per_kwh) {
        book.orders[place].limit = limit;
        let clearing = clear_grid(&lines.grid(&book)?);
        let order = &book.orders[place].id;
        let fill = clearing.fills.binary_search_by(|fill| fill.order.cmp(order));
        let filled = fill.map_or(WattHours::ZERO, |at| clearing.fills[at].filled);
        answers.push(WouldFill { limit, filled });
    }
    Ok(answers)
}
