//! Clears a slot exactly: greatest welfare, then greatest traded quantity, one price an area.
//!
//! From the leaves to the root, each area's curve (what it would export at each price) is merged into its
//! parent's. At the root the price is where the curve passes zero; on the way back down each area's price
//! follows from its parent's. Prices then say who is served, and who is served says which prices support it.

use units::WattHours;

use crate::book::{AreaOutcome, Book, Clearing, Fill, Side};
use crate::curve::{Crossing, Curve, Step};
use crate::grid::{EdgeCapacity, Grid};
use crate::invalid::InvalidBook;
use crate::scale::Scale;
use crate::share::{Allocation, allocate};
use crate::support::Support;

/// Clears a book.
pub fn clear(book: &Book) -> Result<Clearing, InvalidBook> {
    Ok(clear_grid(&Grid::of(book)?))
}

/// Clears what direct deals have left: `capacities` holds what each edge, in the book's order of areas, can
/// still carry; the root's is ignored. Limits may lie up to twice as far from zero as in a book as stated,
/// because fees have come off them.
pub fn clear_after_deals(book: &Book, capacities: &[EdgeCapacity]) -> Result<Clearing, InvalidBook> {
    Ok(clear_grid(&Grid::after_deals(book, capacities)?))
}

pub(crate) fn clear_grid(grid: &Grid) -> Clearing {
    let prices = prices(grid, &crossings(grid));
    let allocation = allocate(grid, &prices);
    let support = Support::of(grid, &allocation, Scale::Micros)
        .expect("fills at supporting prices are supported by them");
    outcome(grid, &allocation, &support)
}

/// Returns the welfare in nanos: limit x filled over buyers, less sellers, less fee x |flow|.
pub(crate) fn welfare(grid: &Grid, allocation: &Allocation) -> i128 {
    let traded: i128 = grid
        .orders()
        .zip(&allocation.fills)
        .filter(|(_, filled)| **filled != 0)
        .map(|((_, order), &filled)| {
            let worth = WattHours::new(filled).at_wide(order.limit);
            match order.side {
                Side::Buy => worth,
                Side::Sell => -worth,
            }
        })
        .sum();
    let fees: i128 = grid
        .edge
        .iter()
        .zip(&allocation.flows)
        .map(|(edge, &flow)| i128::from(edge.fee) * i128::from(flow.unsigned_abs()))
        .sum();
    traded - fees
}

/// From the leaves to the root: what each edge makes of the curve below it.
fn crossings(grid: &Grid) -> Vec<Crossing> {
    let mut own = steps_by_area(grid);
    let mut below: Vec<Vec<Curve>> = (0..grid.areas()).map(|_| Vec::new()).collect();
    let mut crossings: Vec<Option<Crossing>> = vec![None; grid.areas()];
    for &area in grid.top_down.iter().rev() {
        let Own { steps, bought, sold } = std::mem::take(&mut own[area]);
        let mut curve = Curve::sum(steps, bought, sold, std::mem::take(&mut below[area]));
        crossings[area] = Some(curve.cross(&grid.edge[area]));
        if let Some(parent) = grid.parent[area] {
            below[parent].push(curve);
        }
    }
    crossings.into_iter().flatten().collect()
}

/// The orders of one area as steps, and how much they would buy and sell at most.
#[derive(Default)]
struct Own {
    steps: Vec<Step>,
    bought: i64,
    sold: i64,
}

fn steps_by_area(grid: &Grid) -> Vec<Own> {
    let mut counts = vec![0; grid.areas()];
    grid.area_of.iter().for_each(|&area| counts[area as usize] += 1);
    let with_room = |&count: &usize| Own { steps: Vec::with_capacity(count), ..Own::default() };
    let mut areas: Vec<Own> = counts.iter().map(with_room).collect();
    for (area, order) in grid.orders().filter(|(_, order)| order.quantity.get() > 0) {
        let own = &mut areas[area];
        let width = order.quantity.get();
        own.steps.push(Step { price: Scale::HalfMicros.limit(order), width });
        match order.side {
            Side::Buy => own.bought += width,
            Side::Sell => own.sold += width,
        }
    }
    areas
}

/// From the root to the leaves: the least prices, in half micros, that support the optimum.
fn prices(grid: &Grid, crossings: &[Crossing]) -> Vec<i64> {
    let mut prices = vec![0; grid.areas()];
    for &area in &grid.top_down {
        // The root's edge carries nothing, so that what lies above it does not matter.
        let above = grid.parent[area].map_or(0, |parent| prices[parent]);
        prices[area] = crossings[area].least_below(above, &grid.edge[area]);
    }
    prices
}

fn outcome(grid: &Grid, allocation: &Allocation, support: &Support) -> Clearing {
    let areas = grid.book.areas.iter().zip(&allocation.flows).enumerate();
    let areas = areas.map(|(place, (area, &flow))| AreaOutcome {
        id: area.id.clone(),
        price: support.middle(place),
        flow_to_parent: WattHours::new(flow),
    });
    Clearing {
        slot: grid.book.slot,
        areas: areas.collect(),
        fills: fills(grid, allocation),
        welfare: welfare(grid, allocation),
    }
}

/// Lists the fills by order id. Ids are copied in the book's order, which is how they lie in memory.
fn fills(grid: &Grid, allocation: &Allocation) -> Vec<Fill> {
    let served = grid.by_id.iter().filter(|&&order| allocation.fills[order as usize] > 0);
    let mut place = vec![0; allocation.fills.len()];
    let mut count = 0;
    for &order in served {
        place[order as usize] = count;
        count += 1;
    }
    let mut fills: Vec<Option<Fill>> = vec![None; count];
    for ((order, &filled), place) in grid.book.orders.iter().zip(&allocation.fills).zip(place) {
        if filled > 0 {
            fills[place] = Some(Fill { order: order.id.clone(), filled: WattHours::new(filled) });
        }
    }
    fills.into_iter().flatten().collect()
}
