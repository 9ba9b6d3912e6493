//! Splits a quantity in proportion: floor, then one Wh each by the largest fraction, then by rank.

use std::cmp::Reverse;

/// One claim on a quantity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub width: i64,
    /// Decides between equal fractions; lower goes first, no two are alike.
    pub rank: u32,
    pub share: i64,
}

impl Claim {
    pub fn new(width: i64, rank: u32) -> Self {
        Self { width, rank, share: 0 }
    }
}

/// Sets each claim's share of `amount`, which lies between zero and the sum of the widths.
pub(crate) fn split(amount: i64, claims: &mut [Claim]) {
    let total: i64 = claims.iter().map(|claim| claim.width).sum();
    debug_assert!((0..=total).contains(&amount), "{amount} of {total} Wh");
    if amount == total {
        claims.iter_mut().for_each(|claim| claim.share = claim.width);
        return;
    }
    let mut left = amount;
    let mut fractions: Vec<(Reverse<i64>, u32, usize)> = Vec::with_capacity(claims.len());
    for (place, claim) in claims.iter_mut().enumerate() {
        let (share, fraction) = divide(amount, claim.width, total);
        claim.share = share;
        left -= share;
        fractions.push((Reverse(fraction), claim.rank, place));
    }
    let left = usize::try_from(left).unwrap_or(0);
    if left == 0 {
        return;
    }
    if left < fractions.len() {
        fractions.select_nth_unstable(left);
    }
    fractions[..left].iter().for_each(|&(_, _, place)| claims[place].share += 1);
}

/// Returns quotient and remainder of `amount * width / total`.
fn divide(amount: i64, width: i64, total: i64) -> (i64, i64) {
    match amount.checked_mul(width) {
        Some(product) => (product / total, product % total),
        None => {
            let (product, total) = (i128::from(amount) * i128::from(width), i128::from(total));
            ((product / total) as i64, (product % total) as i64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares(amount: i64, widths: &[i64]) -> Vec<i64> {
        let mut claims: Vec<_> =
            widths.iter().zip(0..).map(|(&width, rank)| Claim::new(width, rank)).collect();
        split(amount, &mut claims);
        claims.sort_by_key(|claim| claim.rank);
        claims.iter().map(|claim| claim.share).collect()
    }

    #[test]
    fn the_largest_fraction_gets_the_odd_watt_hour() {
        // 2/3 of 1, 2 and 3 Wh is 0.67, 1.33 and 2.
        assert_eq!(shares(4, &[1, 2, 3]), [1, 1, 2]);
    }

    #[test]
    fn equal_fractions_go_by_rank() {
        assert_eq!(shares(4, &[3, 3, 3]), [2, 1, 1]);
        assert_eq!(shares(5, &[3, 3, 3]), [2, 2, 1]);
    }

    #[test]
    fn the_larger_fraction_goes_before_the_lower_rank() {
        // 5 x 2/9 = 1.11, 5 x 7/9 = 3.89
        assert_eq!(shares(5, &[2, 7]), [1, 4]);
    }

    #[test]
    fn the_largest_quantities_do_not_overflow() {
        let most = 1 << 52;
        assert_eq!(shares(most, &[most, most - 1]), [most / 2, most / 2]);
    }

    proptest! {
        #[test]
        fn shares_add_up_and_lie_within_one_of_the_exact_quota(
            widths in prop::collection::vec(0..1i64 << 40, 1..12),
            part in 0..=1000i64,
        ) {
            let total: i64 = widths.iter().sum();
            let amount = (i128::from(total) * i128::from(part) / 1000) as i64;
            let shares = shares(amount, &widths);
            prop_assert_eq!(shares.iter().sum::<i64>(), amount);
            for (share, width) in shares.iter().zip(&widths) {
                prop_assert!(share <= width);
                let off = i128::from(*share) * i128::from(total) - i128::from(amount) * i128::from(*width);
                prop_assert!(off.abs() < i128::from(total.max(1)) || total == 0);
            }
        }
    }
}
