//! Who gets what at given prices: everyone who is better than the margin all, those at it by shares.
//!
//! The same passes serve the clearing, which knows prices and seeks fills, and the verifier, which derives the
//! prices from the fills and asks whether these are the ones that the rules of sharing give.

use crate::book::Side;
use crate::grid::{Edge, Grid};
use crate::pro_rata::{Claim, split};
use crate::scale::Scale;

/// The rank of an area's own orders where they share with its children: before all of them.
const OWN: u32 = 0;

/// How much each order gets and each edge carries to the parent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Allocation {
    pub fills: Vec<i64>,
    pub flows: Vec<i64>,
}

/// A range of net exports: `least`, and `width` Wh at the margin above it.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    least: i64,
    width: i64,
}

/// Returns the fills that prices support, shared as the rules say, where they support several.
///
/// `prices` is a vector, in half micros, that supports an optimum on that scale.
pub(crate) fn allocate(grid: &Grid, prices: &[i64]) -> Allocation {
    let (mut fills, own, mut marginal) = serve_the_better(grid, prices);
    let (total, on_edge) = ranges(grid, prices, &own);
    let (flows, at_margin) = split_down(grid, prices, &total, &own, &on_edge);
    share_among_orders(grid, &at_margin, &mut marginal, &mut fills);
    Allocation { fills, flows }
}

/// Fills orders that are better than their area's price. Returns also what each area's own orders export
/// besides, and the orders at the margin with their area.
fn serve_the_better(grid: &Grid, prices: &[i64]) -> (Vec<i64>, Vec<Range>, Vec<(u32, u32)>) {
    let mut fills = vec![0; grid.area_of.len()];
    let mut own = vec![Range::default(); grid.areas()];
    let mut marginal = Vec::new();
    for (place, (area, order)) in grid.orders().enumerate() {
        let (quantity, limit) = (order.quantity.get(), Scale::HalfMicros.limit(order));
        let (better, sign) = match order.side {
            Side::Sell => (limit < prices[area], 1),
            Side::Buy => (limit > prices[area], -1),
        };
        if better {
            fills[place] = quantity;
            own[area].least += sign * quantity;
        } else if limit == prices[area] && quantity > 0 {
            own[area].width += quantity;
            own[area].least += (sign * quantity).min(0);
            marginal.push((area as u32, place as u32));
        }
    }
    (fills, own, marginal)
}

/// From the leaves to the root: the net exports that the prices leave open to each area with all below it,
/// and to the edge above it.
fn ranges(grid: &Grid, prices: &[i64], own: &[Range]) -> (Vec<Range>, Vec<Range>) {
    let mut total = own.to_vec();
    let mut on_edge = vec![Range::default(); grid.areas()];
    for &area in grid.top_down.iter().rev() {
        let Some(parent) = grid.parent[area] else { continue };
        let (low, high) = open_flows(&grid.edge[area], prices[parent] - prices[area]);
        let Range { least, width } = total[area];
        let (low, high) = (low.max(least), high.min(least + width));
        debug_assert!(low <= high, "the prices support no flow above {}", grid.book.areas[area].id);
        on_edge[area] = Range { least: low, width: high - low };
        total[parent].least += low;
        total[parent].width += high - low;
    }
    (total, on_edge)
}

/// Returns the least and the greatest flow to the parent that go with a rise in price along the edge.
fn open_flows(edge: &Edge, rise: i64) -> (i64, i64) {
    let fee = Scale::HalfMicros.fee(edge);
    let low = if rise > fee {
        edge.to_parent
    } else if rise > -fee {
        0
    } else {
        -edge.from_parent
    };
    let high = if rise < -fee {
        -edge.from_parent
    } else if rise < fee {
        0
    } else {
        edge.to_parent
    };
    (low, high)
}

/// From the root to the leaves: gives each edge its flow and each area's own orders what they get at the
/// margin. What is split are the Wh that orders at the margin get, sellers or buyers, whichever stand there.
fn split_down(
    grid: &Grid,
    prices: &[i64],
    total: &[Range],
    own: &[Range],
    on_edge: &[Range],
) -> (Vec<i64>, Vec<i64>) {
    let mut flows = vec![0; grid.areas()];
    let mut at_margin = vec![0; grid.areas()];
    let mut claims = Vec::new();
    for &area in &grid.top_down {
        let Range { least, width } = total[area];
        let buyers = prices[area] & 1 == 1;
        let exported = flows[area] - least;
        let amount = if buyers { width - exported } else { exported };
        let children = grid.children(area);
        claims.clear();
        claims.push(Claim::new(own[area].width, OWN));
        claims.extend(
            children.iter().map(|&child| Claim::new(on_edge[child].width, grid.area_rank[child] + 1)),
        );
        if width > 0 {
            split(amount, &mut claims);
        }
        at_margin[area] = claims[0].share;
        for (&child, claim) in children.iter().zip(&claims[1..]) {
            let exported = if buyers { claim.width - claim.share } else { claim.share };
            flows[child] = on_edge[child].least + exported;
        }
    }
    (flows, at_margin)
}

/// Shares what each area's own orders get at the margin among them.
fn share_among_orders(grid: &Grid, at_margin: &[i64], marginal: &mut [(u32, u32)], fills: &mut [i64]) {
    marginal.sort_by_key(|&(area, _)| area);
    let mut claims = Vec::new();
    for group in marginal.chunk_by(|a, b| a.0 == b.0) {
        let amount = at_margin[group[0].0 as usize];
        claims.clear();
        claims.extend(group.iter().map(|&(_, order)| {
            let order = order as usize;
            Claim::new(grid.book.orders[order].quantity.get(), grid.id_rank[order])
        }));
        split(amount, &mut claims);
        group.iter().zip(&claims).for_each(|(&(_, order), claim)| fills[order as usize] = claim.share);
    }
}
