//! Quantiles of weighted samples.

/// The three that a forecast names.
pub(crate) const SHARES: [f64; 3] = [0.1, 0.5, 0.9];

/// Returns P10, P50 and P90 of samples `(value, weight)`, straight between their middles; `None` without any
/// weight. Samples that are not finite are left out.
pub(crate) fn quantiles(samples: &mut Vec<(f64, f64)>) -> Option<[f64; 3]> {
    samples.retain(|(value, weight)| value.is_finite() && *weight > 0.0);
    samples.sort_by(|one, other| one.0.total_cmp(&other.0));
    let total: f64 = samples.iter().map(|sample| sample.1).sum();
    let last = samples.last()?.0;
    Some(SHARES.map(|share| {
        let wanted = share * total;
        let (mut before, mut below) = (0.0, None);
        for (value, weight) in samples.iter() {
            let middle = before + weight / 2.0;
            if middle >= wanted {
                let Some((lower, at)) = below else { return *value };
                return lower + (value - lower) * (wanted - at) / (middle - at);
            }
            below = Some((*value, middle));
            before += weight;
        }
        last
    }))
}

/// Returns the median of unweighted samples.
pub(crate) fn median(samples: &mut [f64]) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_of_even_samples_lie_where_expected() {
        let mut samples: Vec<_> = (0..=100).rev().map(|value| (f64::from(value), 1.0)).collect();
        let [p10, p50, p90] = quantiles(&mut samples).unwrap();
        assert!((p10 - 9.6).abs() < 0.01 && p50 == 50.0 && (p90 - 90.4).abs() < 0.01, "{p10} {p50} {p90}");
        assert_eq!(quantiles(&mut vec![(7.0, 0.3)]), Some([7.0; 3]));
        assert_eq!(quantiles(&mut vec![(f64::NAN, 1.0), (1.0, 0.0)]), None);
    }

    proptest! {
        #[test]
        fn quantiles_rise_and_stay_within_the_samples(
            samples in prop::collection::vec((-1e6f64..1e6, 0.0f64..10.0), 1..60),
        ) {
            if let Some([p10, p50, p90]) = quantiles(&mut samples.clone()) {
                let low = samples.iter().map(|sample| sample.0).fold(f64::MAX, f64::min);
                let high = samples.iter().map(|sample| sample.0).fold(f64::MIN, f64::max);
                prop_assert!(low <= p10 && p10 <= p50 + 1e-9 && p50 <= p90 + 1e-9 && p90 <= high);
            }
        }
    }
}
