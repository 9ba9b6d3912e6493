//! The prices that support given fills and flows: a lattice between a least and a greatest vector.
//!
//! A filled order bounds its area's price from one side, an unfilled one from the other, a partly filled one
//! from both. An edge bounds the rise in price along it: by the fee in each direction in which it could carry
//! more, by minus the fee where it could carry less. On a tree one pass from the leaves to the root and one
//! back make every bound exact.

use units::Price;

use crate::book::Side;
use crate::grid::{Edge, Grid};
use crate::scale::{BOUNDLESS, HORIZON, Scale};
use crate::share::Allocation;

#[derive(Debug)]
pub(crate) struct Support {
    /// Per area; prices that nothing bounds lie beyond [`HORIZON`].
    pub least: Vec<i64>,
    pub greatest: Vec<i64>,
}

/// The area at which the bounds contradict each other: no prices support these fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsupported(pub usize);

impl Support {
    pub fn of(grid: &Grid, allocation: &Allocation, scale: Scale) -> Result<Self, Unsupported> {
        let mut support = Self::of_orders(grid, &allocation.fills, scale);
        for &area in grid.top_down.iter().rev() {
            if support.least[area] > support.greatest[area] {
                return Err(Unsupported(area));
            }
            support.tell_parent(grid, allocation, scale, area);
        }
        for &area in &grid.top_down {
            support.ask_parent(grid, allocation, scale, area);
        }
        Ok(support)
    }

    /// Returns an area's price: the middle of its least and greatest supporting price, rounded down.
    pub fn middle(&self, area: usize) -> Option<Price> {
        let (least, greatest) = (self.least[area], self.greatest[area]);
        let bounded = least > -HORIZON && greatest < HORIZON;
        bounded.then(|| Price::from_micros_per_kwh((least + greatest).div_euclid(2)))
    }

    fn of_orders(grid: &Grid, fills: &[i64], scale: Scale) -> Self {
        let mut least = vec![-BOUNDLESS; grid.areas()];
        let mut greatest = vec![BOUNDLESS; grid.areas()];
        for ((area, order), &filled) in grid.orders().zip(fills) {
            let (limit, quantity) = (scale.limit(order), order.quantity.get());
            let (above, below) = match order.side {
                Side::Buy => (filled < quantity, filled > 0),
                Side::Sell => (filled > 0, filled < quantity),
            };
            if above {
                least[area] = least[area].max(limit);
            }
            if below {
                greatest[area] = greatest[area].min(limit);
            }
        }
        Self { least, greatest }
    }

    fn tell_parent(&mut self, grid: &Grid, allocation: &Allocation, scale: Scale, area: usize) {
        let Some(parent) = grid.parent[area] else { return };
        let rise = rise(&grid.edge[area], allocation.flows[area], scale);
        if let Some(least) = rise.least {
            self.least[parent] = self.least[parent].max(self.least[area] + least);
        }
        if let Some(greatest) = rise.greatest {
            self.greatest[parent] = self.greatest[parent].min(self.greatest[area] + greatest);
        }
    }

    fn ask_parent(&mut self, grid: &Grid, allocation: &Allocation, scale: Scale, area: usize) {
        let Some(parent) = grid.parent[area] else { return };
        let rise = rise(&grid.edge[area], allocation.flows[area], scale);
        if let Some(greatest) = rise.greatest {
            self.least[area] = self.least[area].max(self.least[parent] - greatest);
        }
        if let Some(least) = rise.least {
            self.greatest[area] = self.greatest[area].min(self.greatest[parent] - least);
        }
    }
}

/// How much higher the parent's price may be than the child's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rise {
    pub least: Option<i64>,
    pub greatest: Option<i64>,
}

/// Returns what a flow to the parent says about the rise in price along its edge.
pub(crate) fn rise(edge: &Edge, flow: i64, scale: Scale) -> Rise {
    let fee = scale.fee(edge);
    let greatest = (flow < edge.to_parent).then_some(if flow < 0 { -fee } else { fee });
    let least = (flow > -edge.from_parent).then_some(if flow > 0 { fee } else { -fee });
    Rise { least, greatest }
}
