//! Prices in the two scales that the passes work in, and what stands for a price that nothing bounds.

use crate::book::{Order, Side};
use crate::grid::Edge;

/// Which price scale a pass works in.
///
/// The greatest traded quantity among all optima is found by raising every buyer's limit by half a micro: a
/// trade that gains nothing then gains a little, and no welfare is worth giving up for it, since an exchange
/// of one Wh changes the traded quantity by one Wh at most and the welfare by a whole micro or nothing.
/// `HalfMicros` is that scale in integers. On it a seller's limit is even and a buyer's is odd, and since fees
/// are even, every step of a curve keeps saying which of the two it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Micros,
    HalfMicros,
}

impl Scale {
    pub fn limit(self, order: &Order) -> i64 {
        let limit = order.limit.micros_per_kwh();
        match (self, order.side) {
            (Self::Micros, _) => limit,
            (Self::HalfMicros, Side::Sell) => 2 * limit,
            (Self::HalfMicros, Side::Buy) => 2 * limit + 1,
        }
    }

    pub fn fee(self, edge: &Edge) -> i64 {
        match self {
            Self::Micros => edge.fee,
            Self::HalfMicros => 2 * edge.fee,
        }
    }
}

/// Stands for a price that nothing bounds. Fees along any tree stay far below it, so that sums with it stay
/// on its side of [`HORIZON`].
pub(crate) const BOUNDLESS: i64 = 1 << 60;

/// Beyond this size a price is one that nothing bounds.
pub(crate) const HORIZON: i64 = 1 << 59;
