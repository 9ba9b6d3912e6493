//! How a price per kWh is composed: spot, surcharge, charges, bounds and tax, exact until the one rounding.

use std::borrow::Cow;

use units::{Price, div_half_even};

/// What one micro per kWh is counted as while a price is composed: a quarter for the mean of an hour's four
/// slots, and a millionth each for two shares in a row. So no step before the end rounds.
const EXACT: i128 = 4 * MILLION * MILLION;
const MILLION: i128 = 1_000_000;

/// A thousand units of the currency per kWh; a spot price beyond it is an error of its source.
const LARGEST_SPOT_MICROS: i64 = 1_000_000_000;

/// How a price follows from the spot price and from what the contract says, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formula {
    /// How much of the spot price is passed on, mostly all of it. `None`: the price has no part in the spot.
    pub spot: Option<Share>,
    /// A share of the size of what is passed on; it is added also where the spot price is negative.
    pub surcharge: Share,
    pub charges: Vec<Charge>,
    /// The sum before tax is not beyond these.
    pub at_most: Option<Price>,
    pub at_least: Option<Price>,
    pub tax: Share,
    pub below_zero: BelowZero,
    /// Nothing at all while the spot price is negative, as for German roofs since February 2025.
    pub zero_if_spot_negative: bool,
}

/// A price per kWh with a name, such as a grid fee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Empty where the price is all there is.
    pub name: String,
    pub price: Price,
    /// Whether the tax of the formula falls on it.
    pub taxed: bool,
}

/// A share in millionths: 19 % are 190,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(i64);

/// What bears tax where something is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BelowZero {
    /// The tax is negative too.
    #[default]
    Taxed,
    /// No tax while the taxed sum is negative.
    SumUntaxed,
    /// A negative spot price is left out of what is taxed; the charges bear it.
    SpotUntaxed,
}

/// One part of a price. The parts of a price sum to it exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: PartKind,
    /// What the contract calls it; empty where the kind says all.
    pub name: Cow<'static, str>,
    pub price: Price,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// The contract's own price.
    Price,
    Spot,
    Surcharge,
    Charge,
    /// What a lowest or highest price adds or takes.
    Bound,
    Tax,
    /// Zero because the spot price is negative.
    Suspended,
}

/// The spot price of what a contract bills at once, in quarters of a micro: one slot, or the mean of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot(i128);

impl Share {
    pub const ALL: Self = Self(MILLION as i64);

    /// Makes a share of millionths; `None` below zero and beyond ten times the whole.
    pub const fn from_millionths(millionths: i64) -> Option<Self> {
        if 0 <= millionths && millionths <= 10 * MILLION as i64 { Some(Self(millionths)) } else { None }
    }

    pub const fn millionths(self) -> i64 {
        self.0
    }

    fn of(self, exact: i128) -> i128 {
        // Exact: the amount has a factor of a million left for each share that is taken of it.
        exact / MILLION * i128::from(self.0)
    }
}

impl Spot {
    /// Takes the mean of four slots or the price of one; `None` where it is beyond reason.
    pub(crate) fn mean(prices: &[Price]) -> Option<Self> {
        let within = |price: &Price| price.micros_per_kwh().abs() <= LARGEST_SPOT_MICROS;
        let sum: i128 = prices.iter().map(|price| i128::from(price.micros_per_kwh())).sum();
        prices.iter().all(within).then_some(Self(sum * 4 / prices.len() as i128))
    }

    fn is_negative(self) -> bool {
        self.0 < 0
    }

    fn exact(self) -> i128 {
        self.0 * MILLION * MILLION
    }
}

impl Formula {
    /// Makes the formula of a price that is all there is.
    pub fn fixed(price: Price) -> Self {
        let charges = vec![Charge { name: String::new(), price, taxed: false }];
        Self { charges, ..Self::default() }
    }

    /// Returns the price where the formula is nothing else.
    pub fn as_fixed(&self) -> Option<Price> {
        let price = self.charges.first()?.price;
        (*self == Self::fixed(price)).then_some(price)
    }

    /// Says whether the price depends on the power market.
    pub fn needs_spot(&self) -> bool {
        self.spot.is_some() || self.zero_if_spot_negative
    }

    /// Returns the price, or `None` where the spot price is needed and missing.
    pub(crate) fn price(&self, spot: Option<Spot>) -> Option<Price> {
        let mut total = 0;
        self.compose(spot, |_, _, exact| total += exact)?;
        Some(rounded(total))
    }

    /// Returns the parts of the price: differences of the running sum, so that they sum to the price.
    pub(crate) fn parts(&self, spot: Option<Spot>) -> Option<Vec<Part>> {
        let (mut total, mut parts) = (0, Vec::new());
        self.compose(spot, |kind, name, exact| {
            let before = rounded(total);
            total += exact;
            parts.push(Part { kind, name: Cow::Owned(name.to_owned()), price: rounded(total) - before });
        })?;
        Some(parts)
    }

    /// Hands each part to `part` in the order in which they are added up.
    fn compose(&self, spot: Option<Spot>, mut part: impl FnMut(PartKind, &str, i128)) -> Option<()> {
        if self.zero_if_spot_negative && spot?.is_negative() {
            part(PartKind::Suspended, "", 0);
            return Some(());
        }
        let mut from_market = 0;
        if let Some(share) = self.spot {
            let passed_on = share.of(spot?.exact());
            part(PartKind::Spot, "", passed_on);
            let surcharge = self.surcharge.of(passed_on.abs());
            if surcharge != 0 {
                part(PartKind::Surcharge, "", surcharge);
            }
            from_market = passed_on + surcharge;
        }
        let (mut taxed_charges, mut untaxed) = (0, 0);
        for charge in &self.charges {
            let exact = i128::from(charge.price.micros_per_kwh()) * EXACT;
            *(if charge.taxed { &mut taxed_charges } else { &mut untaxed }) += exact;
            let kind = if charge.name.is_empty() { PartKind::Price } else { PartKind::Charge };
            part(kind, &charge.name, exact);
        }
        let bound = self.bound(from_market + taxed_charges + untaxed);
        if bound != 0 {
            part(PartKind::Bound, "", bound);
        }
        let others = taxed_charges + bound;
        let tax = self.tax.of(match self.below_zero {
            BelowZero::Taxed => from_market + others,
            BelowZero::SumUntaxed => (from_market + others).max(0),
            BelowZero::SpotUntaxed => from_market.max(0) + others,
        });
        if self.tax.0 != 0 {
            part(PartKind::Tax, "", tax);
        }
        Some(())
    }

    /// Returns what the bounds add to a sum before tax.
    fn bound(&self, sum: i128) -> i128 {
        let exact = |price: Price| i128::from(price.micros_per_kwh()) * EXACT;
        let lowered = self.at_most.map_or(sum, |most| sum.min(exact(most)));
        let raised = self.at_least.map_or(lowered, |least| lowered.max(exact(least)));
        raised - sum
    }
}

/// The one rounding of prices: half to even, to a micro per kWh.
fn rounded(exact: i128) -> Price {
    let micros = div_half_even(exact, EXACT);
    // Spot, shares, charges and their number are bounded where they are read, far below the limits of i64.
    Price::from_micros_per_kwh(i64::try_from(micros).expect("a composed price is bounded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn price(micros: i64) -> Price {
        Price::from_micros_per_kwh(micros)
    }

    fn percent(percent: i64) -> Share {
        Share::from_millionths(percent * 10_000).unwrap()
    }

    fn charge(name: &str, micros: i64, taxed: bool) -> Charge {
        Charge { name: name.to_owned(), price: price(micros), taxed }
    }

    fn at(formula: &Formula, micros: i64) -> i64 {
        formula.price(Spot::mean(&[price(micros)])).unwrap().micros_per_kwh()
    }

    fn dynamic() -> Formula {
        let charges = vec![charge("grid", 100_000, true), charge("levy", 5_000, false)];
        Formula { spot: Some(Share::ALL), charges, tax: percent(20), ..Formula::default() }
    }

    #[test]
    fn a_negative_spot_price_is_taxed_as_the_contract_says() {
        // (-0.2 + 0.1) x 1.2 + 0.005; without tax on the sum; without tax on the spot.
        let under = |below_zero| at(&Formula { below_zero, ..dynamic() }, -200_000);
        assert_eq!(under(BelowZero::Taxed), -115_000);
        assert_eq!(under(BelowZero::SumUntaxed), -95_000);
        assert_eq!(under(BelowZero::SpotUntaxed), -75_000);
        for below_zero in [BelowZero::Taxed, BelowZero::SumUntaxed, BelowZero::SpotUntaxed] {
            assert_eq!(at(&Formula { below_zero, ..dynamic() }, 50_000), 185_000);
        }
    }

    #[test]
    fn a_surcharge_falls_on_the_size_of_the_spot_price() {
        let formula =
            Formula { surcharge: percent(3), ..Formula { spot: Some(Share::ALL), ..Formula::default() } };
        assert_eq!((at(&formula, 100_000), at(&formula, -100_000)), (103_000, -97_000));
    }

    #[test]
    fn bounds_hold_before_tax() {
        let formula = Formula { at_most: Some(price(200_000)), at_least: Some(price(0)), ..dynamic() };
        // 0.300 + 0.105 is bounded to 0.200; the levy inside it bears no tax, so 0.195 does.
        assert_eq!(at(&formula, 300_000), 200_000 + 39_000);
        let parts = formula.parts(Spot::mean(&[price(300_000)])).unwrap();
        assert!(parts.iter().any(|part| part.kind == PartKind::Bound && part.price == price(-205_000)));
    }

    #[test]
    fn a_price_that_is_suspended_is_zero_and_says_so() {
        let formula = Formula { zero_if_spot_negative: true, ..Formula::fixed(price(79_400)) };
        assert_eq!((at(&formula, 0), at(&formula, -1)), (79_400, 0));
        assert_eq!(formula.parts(Spot::mean(&[price(-1)])).unwrap()[0].kind, PartKind::Suspended);
        assert_eq!(formula.price(None), None, "an unknown spot price may be negative");
    }

    #[test]
    fn the_mean_of_an_hour_is_rounded_once_and_with_all_else() {
        let formula = Formula { spot: Some(Share::ALL), tax: percent(25), ..Formula::default() };
        // The mean is 0.5 micros; with tax 0.625, which is 1. Rounded twice it would be 0.
        let hour = Spot::mean(&[price(0), price(0), price(1), price(1)]);
        assert_eq!(formula.price(hour), Some(price(1)));
    }

    #[test]
    fn a_spot_price_beyond_reason_is_none() {
        assert_eq!(Spot::mean(&[price(LARGEST_SPOT_MICROS + 1)]), None);
        assert_eq!(Spot::mean(&[price(i64::MIN + 1)]), None);
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_price(
            spots in prop::collection::vec(-10_000_000i64..10_000_000, 4),
            charges in prop::collection::vec((-500_000i64..500_000, any::<bool>()), 0..5),
            (share, surcharge, tax) in (0i64..4_000_000, 0i64..200_000, 0i64..400_000),
            below in 0usize..3,
        ) {
            let millionths = |share| Share::from_millionths(share).unwrap();
            let formula = Formula {
                spot: Some(millionths(share)),
                surcharge: millionths(surcharge),
                charges: charges.into_iter().map(|(micros, taxed)| charge("c", micros, taxed)).collect(),
                tax: millionths(tax),
                below_zero: [BelowZero::Taxed, BelowZero::SumUntaxed, BelowZero::SpotUntaxed][below],
                ..Formula::default()
            };
            let spot = Spot::mean(&spots.into_iter().map(price).collect::<Vec<_>>());
            let sum: Price = formula.parts(spot).unwrap().into_iter().map(|part| part.price).sum();
            prop_assert_eq!(Some(sum), formula.price(spot));
        }
    }
}
