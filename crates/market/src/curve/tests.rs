//! Chunked curves against the same curves as plain lists of single watt-hours.

use proptest::prelude::*;

use super::*;
use crate::grid::UNLIMITED;

/// Prices of single Wh by rising price, and how many of them lie left of zero.
#[derive(Clone, Debug, Default)]
struct Plain {
    prices: Vec<i64>,
    zero: usize,
}

impl Plain {
    fn sum(own: &[(i64, i64, bool)], children: Vec<Plain>) -> Self {
        let mut sum = Self::default();
        for &(price, width, buys) in own {
            sum.prices.extend((0..width).map(|_| price));
            sum.zero += if buys { width as usize } else { 0 };
        }
        for child in children {
            sum.prices.extend(child.prices);
            sum.zero += child.zero;
        }
        sum.prices.sort_unstable();
        sum
    }

    fn cross(&mut self, edge: &Edge) -> Crossing {
        let (import, export) = (self.zero as i64, (self.prices.len() - self.zero) as i64);
        let left = |at: i64| at.checked_sub(1).and_then(|at| self.prices.get(at as usize)).copied();
        let left = |at: i64| left(at).unwrap_or(-BOUNDLESS);
        let right = |at: i64| self.prices.get(at as usize).copied().unwrap_or(BOUNDLESS);
        let both = |at: i64| (left(at), right(at));
        let crossing = Crossing {
            import_full: (import >= edge.from_parent).then(|| both(import - edge.from_parent)),
            idle: both(import),
            export_full: (export >= edge.to_parent).then(|| left(import + edge.to_parent)),
        };
        let (down, up) = (import.min(edge.from_parent), export.min(edge.to_parent));
        let fee = 2 * edge.fee;
        let kept = &self.prices[(import - down) as usize..(import + up) as usize];
        let bent = kept.iter().zip(-down..).map(|(price, at)| if at < 0 { price - fee } else { price + fee });
        (self.prices, self.zero) = (bent.collect(), down as usize);
        crossing
    }
}

fn single(curve: &Curve) -> Plain {
    let mut plain = Plain { prices: Vec::new(), zero: curve.import as usize };
    curve.each(|step| plain.prices.extend((0..step.width).map(|_| step.price)));
    plain
}

fn check_form(curve: &Curve) {
    assert_eq!(curve.steps, curve.chunks.iter().map(|chunk| chunk.steps.len()).sum::<usize>());
    let width: i64 = curve.chunks.iter().map(|chunk| chunk.width).sum();
    assert_eq!(width, curve.import + curve.export);
    for chunk in &curve.chunks {
        assert!((1..2 * CHUNK).contains(&chunk.steps.len()));
        assert!(chunk.steps.iter().all(|step| step.width > 0));
        assert_eq!(chunk.width, chunk.steps.iter().map(|step| step.width).sum::<i64>());
    }
}

/// An area of a chain or its side: own steps (price, width, whether it buys), and its edge.
type Part = (Vec<(i64, i64, bool)>, (i64, i64, i64), bool);

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let step = (-20..20i64, 1..5i64, any::<bool>());
    let capacity = || prop_oneof![1 => Just(0), 3 => 1..60i64, 3 => Just(UNLIMITED)];
    let part =
        (prop::collection::vec(step, 0..6), (0..3i64, capacity(), capacity()), prop::bool::weighted(0.7));
    prop::collection::vec(part, 1..25)
}

proptest! {
    #[test]
    fn chunks_do_not_change_a_curve(parts in parts()) {
        // Each part hangs on the one before, or waits with its brothers and sisters for the next that takes all.
        let mut waiting: Vec<(Curve, Plain)> = Vec::new();
        for (own, (fee, to_parent, from_parent), takes) in parts {
            let edge = Edge { fee, to_parent, from_parent };
            let children = if takes { std::mem::take(&mut waiting) } else { Vec::new() };
            let (curves, plains) = children.into_iter().unzip();
            let steps = own.iter().map(|&(price, width, _)| Step { price, width }).collect();
            let total = |side| own.iter().filter(|step| step.2 == side).map(|step| step.1).sum();
            let mut curve = Curve::sum(steps, total(true), total(false), curves);
            let mut plain = Plain::sum(&own, plains);
            check_form(&curve);
            prop_assert_eq!(single(&curve).prices, plain.prices.clone());
            prop_assert_eq!(curve.cross(&edge), plain.cross(&edge));
            check_form(&curve);
            prop_assert_eq!(single(&curve).prices, plain.prices.clone());
            prop_assert_eq!(curve.import, plain.zero as i64);
            waiting.push((curve, plain));
        }
    }
}
