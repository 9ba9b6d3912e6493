//! Checks a clearing against its book without clearing again.
//!
//! Prices prove an optimum: if every order and every edge agrees with the prices of its areas, no other fills
//! have more welfare. The same argument in half micros proves the traded quantity. Both are bounds on prices
//! that one pass to the root and one back test for contradiction; the same passes give the least and the
//! greatest price of each area, and with these what each order's share must be.

use std::fmt;

use serde::Serialize;

use crate::book::{Book, Clearing, Side};
use crate::clear::welfare;
use crate::grid::{Edge, EdgeCapacity, Grid};
use crate::invalid::InvalidBook;
use crate::scale::Scale;
use crate::share::{Allocation, allocate};
use crate::support::{Support, Unsupported, rise};

/// What a clearing must keep, in the order in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// It answers this book: its slot, its areas, its orders, by no more than they ask for.
    Bounds,
    /// What is sold in an area and below it leaves by its edge.
    Balance,
    /// No one trades at worse than his limit.
    Limit,
    /// No one with a strictly better limit than the price is left unfilled.
    Unfilled,
    /// Prices along an edge differ as its flow says.
    Edge,
    /// No edge carries more than it can.
    Capacity,
    /// The welfare is the one stated.
    Welfare,
    /// No optimum trades more.
    Volume,
    /// Each price is the middle of the least and the greatest that support the optimum.
    Price,
    /// Ties are shared as the rules say.
    Share,
}

/// The first rule that a clearing breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("the clearing breaks the rule \"{rule}\" at {place}")]
pub struct Violation {
    pub rule: Rule,
    #[serde(rename = "where")]
    pub place: String,
}

/// Why a clearing is not verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    #[error(transparent)]
    Book(#[from] InvalidBook),
    #[error(transparent)]
    Violation(#[from] Violation),
}

/// Checks a clearing of a book.
pub fn verify(book: &Book, clearing: &Clearing) -> Result<(), Unverified> {
    Ok(verify_on(&Grid::of(book)?, clearing)?)
}

/// Checks a clearing of what direct deals have left; see [`crate::clear_after_deals`].
pub fn verify_after_deals(
    book: &Book,
    capacities: &[EdgeCapacity],
    clearing: &Clearing,
) -> Result<(), Unverified> {
    Ok(verify_on(&Grid::after_deals(book, capacities)?, clearing)?)
}

fn verify_on(grid: &Grid, clearing: &Clearing) -> Result<(), Violation> {
    let allocation = read(grid, clearing)?;
    check_balance(grid, &allocation)?;
    check_orders(grid, clearing, &allocation)?;
    check_edges(grid, clearing, &allocation)?;
    check_capacities(grid, &allocation)?;
    if welfare(grid, &allocation) != clearing.welfare {
        return Err(Violation { rule: Rule::Welfare, place: "welfare_nanos".to_owned() });
    }
    // Where all areas have a price, agreeing with it has proved this already.
    let support = Support::of(grid, &allocation, Scale::Micros)
        .map_err(|Unsupported(area)| at_area(grid, Rule::Unfilled, area))?;
    let with_volume = Support::of(grid, &allocation, Scale::HalfMicros)
        .map_err(|Unsupported(area)| at_area(grid, Rule::Volume, area))?;
    if let Some(area) = (0..grid.areas()).find(|&area| support.middle(area) != clearing.areas[area].price) {
        return Err(at_area(grid, Rule::Price, area));
    }
    check_shares(grid, &allocation, &allocate(grid, &with_volume.least))
}

/// Reads fills and flows; refuses what does not answer this book.
pub(crate) fn read(grid: &Grid, clearing: &Clearing) -> Result<Allocation, Violation> {
    let bounds = |place: String| Violation { rule: Rule::Bounds, place };
    if clearing.slot != grid.book.slot {
        return Err(bounds(format!("slot {}", clearing.slot)));
    }
    if clearing.areas.len() != grid.areas() {
        return Err(bounds(format!("areas: {} instead of {}", clearing.areas.len(), grid.areas())));
    }
    for (area, outcome) in grid.book.areas.iter().zip(&clearing.areas) {
        if area.id != outcome.id {
            return Err(bounds(format!("area {}, where the book has {}", outcome.id, area.id)));
        }
        if area.parent.is_none() && outcome.flow_to_parent.get() != 0 {
            return Err(bounds(format!("area {}", area.id)));
        }
    }
    let flows = clearing.areas.iter().map(|area| area.flow_to_parent.get()).collect();
    let mut fills = vec![0; grid.area_of.len()];
    // Both lists are by id, so that the orders are found by walking along them.
    let mut orders = grid.by_id.iter().map(|&order| order as usize);
    for fill in &clearing.fills {
        let order = orders
            .find(|&order| grid.book.orders[order].id >= fill.order)
            .filter(|&order| grid.book.orders[order].id == fill.order)
            .ok_or_else(|| bounds(format!("order {}", fill.order)))?;
        if !(1..=grid.book.orders[order].quantity.get()).contains(&fill.filled.get()) {
            return Err(bounds(format!("order {}", fill.order)));
        }
        fills[order] = fill.filled.get();
    }
    Ok(Allocation { fills, flows })
}

fn check_balance(grid: &Grid, allocation: &Allocation) -> Result<(), Violation> {
    let mut left = vec![0i128; grid.areas()];
    for ((area, order), &filled) in grid.orders().zip(&allocation.fills) {
        match order.side {
            Side::Sell => left[area] += i128::from(filled),
            Side::Buy => left[area] -= i128::from(filled),
        }
    }
    for (area, &flow) in allocation.flows.iter().enumerate() {
        left[area] -= i128::from(flow);
        if let Some(parent) = grid.parent[area] {
            left[parent] += i128::from(flow);
        }
    }
    match left.iter().position(|&left| left != 0) {
        None => Ok(()),
        Some(area) => Err(at_area(grid, Rule::Balance, area)),
    }
}

fn check_orders(grid: &Grid, clearing: &Clearing, allocation: &Allocation) -> Result<(), Violation> {
    for (place, ((area, order), &filled)) in grid.orders().zip(&allocation.fills).enumerate() {
        let Some(price) = clearing.areas[area].price else { continue };
        let better = match order.side {
            Side::Buy => order.limit.cmp(&price),
            Side::Sell => price.cmp(&order.limit),
        };
        if filled > 0 && better.is_lt() {
            return Err(at_order(grid, Rule::Limit, place));
        }
        if filled < order.quantity.get() && better.is_gt() {
            return Err(at_order(grid, Rule::Unfilled, place));
        }
    }
    Ok(())
}

fn check_edges(grid: &Grid, clearing: &Clearing, allocation: &Allocation) -> Result<(), Violation> {
    for (area, &flow) in allocation.flows.iter().enumerate() {
        let Some(parent) = grid.parent[area] else { continue };
        let price = |area: usize| clearing.areas[area].price.map(|price| i128::from(price.micros_per_kwh()));
        let agrees = match price(parent).zip(price(area)) {
            Some((above, below)) => {
                let allowed = rise(&grid.edge[area], flow, Scale::Micros);
                allowed.least.is_none_or(|least| above - below >= i128::from(least))
                    && allowed.greatest.is_none_or(|greatest| above - below <= i128::from(greatest))
            }
            None => flow == 0,
        };
        if !agrees {
            return Err(at_area(grid, Rule::Edge, area));
        }
    }
    Ok(())
}

fn check_capacities(grid: &Grid, allocation: &Allocation) -> Result<(), Violation> {
    let carries = |(flow, edge): (&i64, &Edge)| (-edge.from_parent..=edge.to_parent).contains(flow);
    match allocation.flows.iter().zip(&grid.edge).position(|pair| !carries(pair)) {
        None => Ok(()),
        Some(area) => Err(at_area(grid, Rule::Capacity, area)),
    }
}

fn check_shares(grid: &Grid, given: &Allocation, due: &Allocation) -> Result<(), Violation> {
    let differs = |given: &[i64], due: &[i64]| given.iter().zip(due).position(|(given, due)| given != due);
    if let Some(area) = differs(&given.flows, &due.flows) {
        return Err(at_area(grid, Rule::Share, area));
    }
    match differs(&given.fills, &due.fills) {
        None => Ok(()),
        Some(order) => Err(at_order(grid, Rule::Share, order)),
    }
}

fn at_area(grid: &Grid, rule: Rule, area: usize) -> Violation {
    Violation { rule, place: format!("area {}", grid.book.areas[area].id) }
}

fn at_order(grid: &Grid, rule: Rule, order: usize) -> Violation {
    Violation { rule, place: format!("order {}", grid.book.orders[order].id) }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bounds => "bounds",
            Self::Balance => "balance",
            Self::Limit => "limit",
            Self::Unfilled => "unfilled",
            Self::Edge => "edge",
            Self::Capacity => "capacity",
            Self::Welfare => "welfare",
            Self::Volume => "volume",
            Self::Price => "price",
            Self::Share => "share",
        })
    }
}
