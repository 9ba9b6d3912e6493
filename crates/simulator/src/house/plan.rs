//! Who lives in the street: houses drawn from a seed.

use serde::Serialize;
use units::{Price, Zone};

use super::battery::Battery;
use super::habits::Habits;
use super::roof::Roof;
use crate::world::{Chance, Place};

/// Where the street is.
pub const PLACE: Place = Place { latitude_deg: 52.5, longitude_deg: 13.4 };

/// The zone of its wall clocks.
pub const ZONE: Zone = Zone::Europe__Berlin;

/// A house as it was built and moved into. Nothing in it changes during a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HousePlan {
    /// Counted from 1, along the street.
    pub number: u32,
    /// The feeder of the local grid that it hangs on: 1 or 2.
    pub feeder: u32,
    /// Name of the data folder and of the member: `home-01`.
    pub id: String,
    pub roof: Option<Roof>,
    pub battery: Option<Battery>,
    pub habits: Habits,
    pub terms: Terms,
    /// What the grid meter had counted when the story begins: import and export.
    pub started_at_wh: (i64, i64),
    /// How the load spreads over the phases, in percent.
    pub phase_percent: [i64; 3],
    /// The meter hangs on a serial line instead of the network.
    pub serial_line: bool,
}

/// What the household says to its neighbours, in micros per kWh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// Missing where there is nothing to sell.
    pub sell_at: Option<Price>,
    pub buy_up_to: Price,
}

impl Terms {
    /// Returns the terms as the owner would write them into `rules.toml`.
    pub fn rules_toml(&self) -> String {
        let rule = |name: &str, side: &str, price: Price| {
            format!(
                "[[rule]]\nname = \"{name}\"\nside = \"{side}\"\nlimit = {{ at = \"{price} EUR/kWh\" }}\n"
            )
        };
        let sell = self.sell_at.map(|price| rule("Sell my surplus", "sell", price));
        let buy = rule("Buy from neighbours", "buy", self.buy_up_to);
        sell.into_iter().chain([buy]).collect::<Vec<_>>().join("\n")
    }
}

/// Returns whose computer sleeps at times, where someone's does: a house that only buys, so that whoever looks
/// at a seller sees the others trade on. Never the house that another program runs.
pub fn sleeper(seed: u64, houses: u32, app_house: Option<u32>) -> Option<u32> {
    let buyers: Vec<u32> =
        (1..=houses).filter(|&number| !has_sun(number) && Some(number) != app_house).collect();
    let place = Chance::new(seed, &[7]).whole(0, buyers.len().max(1) as i64 - 1);
    buyers.get(place as usize).copied()
}

/// A street of fewer houses hangs on one feeder: two would each lack sun or buyers.
const FEWEST_FOR_TWO_FEEDERS: u32 = 4;

/// Returns how many feeders a street of so many houses has.
pub fn feeders(houses: u32) -> u32 {
    if houses < FEWEST_FOR_TWO_FEEDERS { 1 } else { 2 }
}

/// Draws a street: every other house has sun, from the first on; of these every third has a battery, from
/// the second on. Every other house without sun charges a car.
pub fn plan_street(seed: u64, houses: u32) -> Vec<HousePlan> {
    let last_with_sun = (1..=houses).rev().find(|&number| has_sun(number));
    (1..=houses)
        .map(|number| HousePlan {
            serial_line: Some(number) == last_with_sun,
            feeder: if feeders(houses) == 1 { 1 } else { draw_feeder(seed, number) },
            ..plan_house(seed, number)
        })
        .collect()
}

fn has_sun(number: u32) -> bool {
    number % 2 == 1
}

/// Deals houses to the feeders four by four: of each four, one with sun and one without come to either, so
/// that each feeder has something to sell and someone to buy. Chance says which.
fn draw_feeder(seed: u64, number: u32) -> u32 {
    let (four, pair) = ((number - 1) / 4, (number - 1) / 2 % 2);
    let swapped = Chance::new(seed, &[i64::from(four), i64::from(has_sun(number)), 5]).percent(50.0);
    1 + (pair ^ u32::from(swapped))
}

/// Draws one house. It does not depend on how many there are.
fn plan_house(seed: u64, number: u32) -> HousePlan {
    let mut chance = Chance::new(seed, &[i64::from(number), 1]);
    let sunny = has_sun(number);
    let roof = sunny.then(|| draw_roof(&mut chance));
    // Sunny houses are 1, 3, 5, 7: the second of every three of them.
    let battery = (number % 6 == 3).then(|| Battery { capacity_wh: chance.whole(9, 13) * 500, most_w: 3000 });
    let export_wh = if sunny { chance.whole(1_200_000, 9_000_000) } else { 0 };
    let first = chance.whole(28, 45);
    let second = chance.whole(25, 35);
    HousePlan {
        number,
        feeder: 1,
        id: format!("home-{number:02}"),
        roof,
        battery,
        habits: Habits::draw(seed, i64::from(number), number % 4 == 2),
        terms: Terms {
            sell_at: sunny.then(|| Price::from_micros_per_kwh(draw_asked(&mut chance, number))),
            buy_up_to: Price::from_micros_per_kwh(chance.whole(200, 260) * 1000),
        },
        started_at_wh: (chance.whole(900_000, 7_500_000), export_wh),
        phase_percent: [first, second, 100 - first - second],
        serial_line: false,
    }
}

/// Returns what a house asks for its surplus. The first house asks least: it is the one that is looked at,
/// and at noon, when there is more sun than need, only the cheapest sells.
fn draw_asked(chance: &mut Chance, number: u32) -> i64 {
    let (least, most) = if number == 1 { (95, 104) } else { (105, 130) };
    chance.whole(least, most) * 1000
}

fn draw_roof(chance: &mut Chance) -> Roof {
    let peak_w = chance.whole(11, 20) * 430;
    Roof {
        peak_w,
        inverter_w: peak_w / 1000 * 950,
        tilt_deg: chance.whole(20, 45) as f64,
        azimuth_deg: chance.whole(125, 235) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_houses_are_three_with_sun_one_of_them_with_a_battery() {
        let street = plan_street(7, 6);
        assert_eq!(street.iter().filter(|house| house.roof.is_some()).count(), 3);
        assert_eq!(street.iter().filter(|house| house.battery.is_some()).count(), 1);
        assert!(street.iter().all(|house| house.roof.is_some() || house.battery.is_none()));
        assert_eq!(street.iter().filter(|house| house.serial_line).count(), 1);
    }

    #[test]
    fn the_same_seed_builds_the_same_street_and_more_houses_change_none_but_the_line() {
        assert_eq!(plan_street(7, 6), plan_street(7, 6));
        assert_ne!(plan_street(7, 6), plan_street(8, 6));
        let longer = plan_street(7, 12);
        let same = |a: &HousePlan, b: &HousePlan| (a.roof, a.terms, a.feeder) == (b.roof, b.terms, b.feeder);
        assert!(plan_street(7, 6).iter().zip(&longer).all(|(a, b)| same(a, b)));
    }

    #[test]
    fn each_feeder_has_sun_and_buyers_as_soon_as_there_are_four_houses() {
        for (seed, houses) in (0..40).flat_map(|seed| (4..=12).map(move |houses| (seed, houses))) {
            let street = plan_street(seed, houses);
            for (feeder, sunny) in [(1, true), (1, false), (2, true), (2, false)] {
                let found = street.iter().any(|it| it.feeder == feeder && it.roof.is_some() == sunny);
                assert!(found, "seed {seed}, {houses} houses: feeder {feeder}, sun {sunny}");
            }
        }
        assert!(plan_street(7, 3).iter().all(|house| house.feeder == 1));
        let dealt = |seed| plan_street(seed, 6).iter().map(|house| house.feeder).collect::<Vec<_>>();
        assert!((0..40).any(|seed| dealt(seed) != dealt(7)), "the seed says who lives where");
    }

    #[test]
    fn the_one_that_sleeps_is_a_buyer_and_not_the_windows_house() {
        for seed in 0..40 {
            let sleeper = sleeper(seed, 6, Some(2)).unwrap();
            assert!([4, 6].contains(&sleeper), "{sleeper}");
        }
        assert_eq!((sleeper(7, 2, None), sleeper(7, 2, Some(2)), sleeper(7, 1, None)), (Some(2), None, None));
    }

    #[test]
    fn terms_lie_between_feed_in_and_retail() {
        for house in plan_street(3, 50) {
            let sell = house.terms.sell_at.map(|price| price.micros_per_kwh());
            assert!(sell.is_none_or(|price| (95_000..=130_000).contains(&price)));
            assert!((200_000..=260_000).contains(&house.terms.buy_up_to.micros_per_kwh()));
        }
    }
}
