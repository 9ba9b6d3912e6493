//! Prices of any length made into slots: duplicates once, conflicts settled by rule, gaps named.

use std::collections::BTreeMap;
use std::ops::Range;

use pricing::{Published, SpotCurve};
use units::{Currency, Price, SLOT_SECONDS, Slot, Timestamp};

use crate::error::Malformed;

/// Two months of quarter hours: more than any source sends at once.
pub(crate) const MOST_SLOTS: usize = 2 * 31 * 96;
/// The longest block that has one price.
const LONGEST_SLOTS: i64 = 96;

/// One price of a source, for a quarter of an hour, half an hour, an hour or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub from: Timestamp,
    pub to: Timestamp,
    pub price: Price,
    /// Of prices for the same slot those with the smallest rank count.
    pub rank: u32,
}

/// What was odd about an answer and could be settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Slots that were named more than once, with the same price.
    pub duplicates: usize,
    /// Slots with different prices.
    pub conflicts: Vec<Conflict>,
    /// Times between the first and the last slot that nobody priced.
    pub gaps: Vec<Range<Slot>>,
}

/// Two prices of a slot, and which of them counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub slot: Slot,
    pub kept: Price,
    pub dropped: Price,
}

impl Point {
    pub(crate) fn new(from: Timestamp, to: Timestamp, price: Price) -> Self {
        Self { from, to, price, rank: 0 }
    }

    /// Returns the slots that it covers wholly; a price for part of a slot would be a guess.
    fn slots(&self) -> Result<Range<Slot>, Malformed> {
        let unaligned = || Malformed::Unaligned { from: self.from.to_string() };
        let from = Slot::starting_at(self.from).map_err(|_| unaligned())?;
        let to = Slot::starting_at(self.to).map_err(|_| unaligned())?;
        let count = to.index() - from.index();
        if (1..=LONGEST_SLOTS).contains(&count) { Ok(from..to) } else { Err(unaligned()) }
    }
}

/// Settles the price of each slot, the same for the same answer in any order of its points: the smallest rank
/// counts, then the shortest block, then the earliest start, then the higher price, which promises less.
pub(crate) fn settle(
    points: &[Point],
    currency: Currency,
) -> Result<(SpotCurve<Published>, Findings), Malformed> {
    let mut best: BTreeMap<Slot, Candidate> = BTreeMap::new();
    let mut findings = Findings::default();
    let mut disputed: BTreeMap<Slot, Price> = BTreeMap::new();
    let mut named = 0;
    for point in points {
        let slots = point.slots()?;
        let blocks = slots.end.index() - slots.start.index();
        let candidate = Candidate { rank: point.rank, blocks, from: slots.start, price: point.price };
        for slot in Slot::range(slots) {
            named += 1;
            if named > 4 * MOST_SLOTS {
                return Err(Malformed::TooMany);
            }
            let Some(known) = best.get_mut(&slot) else {
                best.insert(slot, candidate);
                continue;
            };
            if known.price == candidate.price {
                findings.duplicates += 1;
            }
            let (kept, dropped) =
                if candidate.key() < known.key() { (candidate, *known) } else { (*known, candidate) };
            *known = kept;
            if kept.price != dropped.price {
                // Of several that lost, the highest is named: it does not depend on their order.
                let lost = disputed.entry(slot).or_insert(dropped.price);
                *lost = (*lost).max(dropped.price);
            }
        }
    }
    if best.len() > MOST_SLOTS {
        return Err(Malformed::TooMany);
    }
    let conflict = |(slot, dropped)| Conflict { slot, kept: best[&slot].price, dropped };
    findings.conflicts = disputed.into_iter().map(conflict).filter(|one| one.kept != one.dropped).collect();
    findings.gaps = gaps(&best);
    let mut curve = SpotCurve::new(currency);
    curve.extend(best.into_iter().map(|(slot, candidate)| (slot, candidate.price)));
    Ok((curve, findings))
}

/// Gives each of a list of instants the time until the next, and the last one as much as the one before it.
/// A hole is not filled: no block is longer than the shortest, nor than an hour.
pub(crate) fn until_the_next(starts: &[Timestamp]) -> Result<Vec<Timestamp>, Malformed> {
    let mut sorted = starts.to_vec();
    sorted.sort();
    sorted.dedup();
    let hour = 4 * SLOT_SECONDS * 1000;
    let steps = sorted.windows(2).map(|pair| pair[1].millis() - pair[0].millis());
    let shortest = steps.min().unwrap_or(hour).min(hour);
    let end_of = |index: usize| {
        let start = sorted[index].millis();
        let next = sorted.get(index + 1).map(|next| next.millis() - start);
        let before = index.checked_sub(1).map(|before| start - sorted[before].millis());
        // At a change of resolution both neighbours tell; in a hole the shorter one is right.
        let step = match (next, before) {
            (Some(next), _) if next <= hour => next,
            (_, Some(before)) if before <= hour => before,
            _ => shortest,
        };
        Timestamp::from_millis(start.saturating_add(step))
    };
    let ends: BTreeMap<Timestamp, Timestamp> =
        sorted.iter().enumerate().map(|(index, start)| (*start, end_of(index))).collect();
    Ok(starts.iter().map(|start| ends[start]).collect())
}

#[derive(Clone, Copy)]
struct Candidate {
    rank: u32,
    blocks: i64,
    from: Slot,
    price: Price,
}

impl Candidate {
    fn key(&self) -> (u32, i64, Slot, std::cmp::Reverse<Price>) {
        (self.rank, self.blocks, self.from, std::cmp::Reverse(self.price))
    }
}

fn gaps(best: &BTreeMap<Slot, Candidate>) -> Vec<Range<Slot>> {
    let (slots, later) = (best.keys(), best.keys().skip(1));
    slots
        .zip(later)
        .filter(|(slot, later)| slot.next() != **later)
        .map(|(slot, later)| slot.next()..*later)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(from_slot: i64, slots: i64, micros: i64, rank: u32) -> Point {
        let (from, to) = (Slot::from_index(from_slot).start(), Slot::from_index(from_slot + slots).start());
        Point { from, to, price: Price::from_micros_per_kwh(micros), rank }
    }

    fn settled(points: &[Point]) -> (Vec<(i64, i64)>, Findings) {
        let (curve, findings) = settle(points, Currency::EUR).unwrap();
        let all = Slot::from_index(i64::MIN)..Slot::from_index(i64::MAX);
        (curve.range(all).map(|(slot, price)| (slot.index(), price.micros_per_kwh())).collect(), findings)
    }

    #[test]
    fn an_hour_is_four_slots_and_a_quarter_goes_before_it() {
        let (prices, findings) = settled(&[point(0, 4, 100, 0), point(1, 1, 70, 0)]);
        assert_eq!(prices, [(0, 100), (1, 70), (2, 100), (3, 100)]);
        let price = Price::from_micros_per_kwh;
        assert_eq!(
            findings.conflicts,
            [Conflict { slot: Slot::from_index(1), kept: price(70), dropped: price(100) }]
        );
    }

    #[test]
    fn what_comes_twice_counts_once_and_gaps_are_named() {
        let (prices, findings) = settled(&[point(0, 4, 100, 0), point(0, 4, 100, 0), point(8, 4, 50, 0)]);
        assert_eq!(prices.len(), 8);
        assert_eq!((findings.duplicates, findings.conflicts.len()), (4, 0));
        assert_eq!(findings.gaps, [Slot::from_index(4)..Slot::from_index(8)]);
    }

    #[test]
    fn the_rank_goes_before_the_resolution() {
        assert_eq!(settled(&[point(0, 1, 70, 2), point(0, 4, 100, 1)]).0[0], (0, 100));
    }

    #[test]
    fn a_price_for_part_of_a_slot_is_refused() {
        let crooked = Point { to: Timestamp::from_seconds(1000), ..point(0, 1, 1, 0) };
        assert!(matches!(settle(&[crooked], Currency::EUR), Err(Malformed::Unaligned { .. })));
        assert!(matches!(settle(&[point(0, 0, 1, 0)], Currency::EUR), Err(Malformed::Unaligned { .. })));
        assert!(matches!(settle(&[point(0, 97, 1, 0)], Currency::EUR), Err(Malformed::Unaligned { .. })));
    }

    #[test]
    fn blocks_last_until_the_next_and_holes_stay_open() {
        let at = |minutes: &[i64]| {
            minutes.iter().map(|minute| Timestamp::from_seconds(minute * 60)).collect::<Vec<_>>()
        };
        assert_eq!(until_the_next(&at(&[0, 60, 120])), Ok(at(&[60, 120, 180])));
        assert_eq!(until_the_next(&at(&[0, 60, 75, 90])), Ok(at(&[60, 75, 90, 105])));
        assert_eq!(until_the_next(&at(&[0, 60, 300, 360])), Ok(at(&[60, 120, 360, 420])));
        assert_eq!(until_the_next(&at(&[30])), Ok(at(&[90])));
        assert_eq!(until_the_next(&[]), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn the_order_of_points_changes_nothing(
            points in prop::collection::vec((0i64..40, prop::sample::select(vec![1i64, 2, 4]), -3i64..3, 0u32..2), 1..30),
            seed in any::<u64>(),
        ) {
            let points: Vec<_> = points.into_iter().map(|(from, slots, price, rank)| point(from, slots, price, rank)).collect();
            let mut shuffled = points.clone();
            let mut state = seed | 1;
            for index in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                shuffled.swap(index, (state >> 33) as usize % (index + 1));
            }
            let (one, other) = (settled(&points), settled(&shuffled));
            prop_assert_eq!(&one.0, &other.0);
            prop_assert_eq!(one.1.gaps, other.1.gaps);
        }
    }
}
