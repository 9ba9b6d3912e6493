//! Chance from a seed: the same seed and name give the same numbers on every machine.

/// A sequence of numbers that look random: splitmix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Starts the sequence of a seed and a place in the street's story, such as a house and a day.
    pub fn new(seed: u64, place: &[i64]) -> Self {
        Self(place.iter().fold(mix(seed ^ GOLDEN), |state, part| mix(state ^ mix(*part as u64 ^ GOLDEN))))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Returns a number in `[0, 1)`.
    pub fn share(&mut self) -> f64 {
        to_share(self.next())
    }

    /// Returns a number in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// Returns a whole number in `[low, high]`.
    pub fn whole(&mut self, low: i64, high: i64) -> i64 {
        low + (self.share() * (high - low + 1) as f64) as i64
    }

    /// Returns true in so many of a hundred cases.
    pub fn percent(&mut self, percent: f64) -> bool {
        self.share() * 100.0 < percent
    }
}

/// A smooth function of time in `[0, 1]` that looks random: value noise between fixed instants.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    seed: u64,
    period_s: f64,
}

impl Noise {
    /// Makes one that changes its mind about once in `period_s` seconds.
    pub fn new(seed: u64, name: i64, period_s: f64) -> Self {
        Self { seed: mix(seed ^ mix(name as u64 ^ GOLDEN)), period_s }
    }

    /// Returns the value at so many seconds since 1970.
    pub fn at(&self, seconds: f64) -> f64 {
        let position = seconds / self.period_s;
        let index = position.floor();
        let part = position - index;
        let (from, to) = (self.corner(index as i64), self.corner(index as i64 + 1));
        from + (to - from) * part * part * (3.0 - 2.0 * part)
    }

    fn corner(&self, index: i64) -> f64 {
        to_share(mix(self.seed ^ mix(index as u64)))
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

fn to_share(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of splitmix64 from state 0, as published with xoshiro.
    #[test]
    fn the_sequence_is_splitmix64() {
        let mut chance = Chance(0);
        assert_eq!([chance.next(), chance.next()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }

    #[test]
    fn noise_is_smooth_and_between_zero_and_one() {
        let noise = Noise::new(7, 1, 600.0);
        let values: Vec<f64> = (0..10_000).map(|second| noise.at(1.78e9 + f64::from(second))).collect();
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
        assert!(values.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.005));
        assert!(
            values.iter().copied().fold(0.0, f64::max) - values.iter().copied().fold(1.0, f64::min) > 0.3
        );
    }

    #[test]
    fn another_place_has_another_sequence() {
        let first = |place: &[i64]| Chance::new(7, place).share();
        assert_eq!(first(&[1, 2]), first(&[1, 2]));
        assert_ne!(first(&[1, 2]), first(&[2, 1]));
    }
}
