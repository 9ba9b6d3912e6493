//! A year of the street, fast-forward: forecasts beat "as yesterday", and the suggested rule earns nearly what
//! hindsight would have.

use std::ops::Range;
use std::sync::Arc;

use forecast::{
    Foretold, HouseForecast, Measured, Persistence, Place, Plane, Roof, RoofForecast, SlotWeather,
    WeatherCurve, score, skill,
};
use pricing::SlotPrices;
use rules::{Backtest, Equipment, Outlook, Past, PastHome, PastSlot, RuleBook, Side, suggested};
use settlement::Fees;
use simulator::house::{House, HousePlan, PLACE, ZONE, plan_street};
use simulator::past::{PastHouse, PastMarket, tell};
use simulator::street::{area_of, market_config};
use simulator::world::{Chance, Sky, UtcDay};
use units::{Currency, Energy, MemberId, Power, Price, Slot};

const SEED: u64 = 7;
/// Of the year that is foretold and judged, the days before it are learned from.
const LEARN_DAYS: i64 = 56;
const FEE: i64 = 4_200;

fn micros(value: i64) -> Price {
    Price::from_micros_per_kwh(value)
}

/// The weather of slots as it might be foretold a day ahead: each hour is off by up to a quarter.
fn foretold_weather(slots: Range<Slot>) -> WeatherCurve {
    let sky = Sky::new(SEED, PLACE);
    let mut weather = WeatherCurve::new();
    for slot in Slot::range(slots) {
        let light = sky.light(slot.start() + Slot::LENGTH / 2);
        let error = Chance::new(SEED, &[slot.index() / 4, 77]).whole(750, 1250) as f64 / 1000.0;
        let global = (light.beam * light.sun.up.max(0.0) + light.diffuse) * error;
        let known = SlotWeather { global_w_m2: Some(global), ..SlotWeather::default() };
        weather.set(slot, known);
    }
    weather
}

fn roof_of(plan: &HousePlan) -> Roof {
    let roof = plan.roof.unwrap();
    let plane = Plane {
        peak: Power::from_watts(roof.peak_w),
        tilt_deg: roof.tilt_deg,
        azimuth_deg: roof.azimuth_deg,
    };
    let place = Place { latitude_deg: PLACE.latitude_deg, longitude_deg: PLACE.longitude_deg };
    Roof::new(place, vec![plane], Some(Power::from_watts(roof.inverter_w))).unwrap()
}

/// What a house made and used, slot by slot.
fn lived(house: &House, slots: Range<Slot>) -> (Vec<Measured>, Vec<Measured>) {
    Slot::range(slots)
        .map(|slot| {
            let (before, after) = house.slot_registers(slot);
            let made = after.produced - before.produced;
            let net = (after.import - before.import) - (after.export - before.export);
            let battery = (after.discharged - before.discharged) - (after.charged - before.charged);
            let used = (net + made + battery).max(Energy::ZERO);
            (Measured { slot, energy: made }, Measured { slot, energy: used })
        })
        .unzip()
}

/// Foretells every so many days from their beginning, with what was measured before, and returns the skill of roof
/// and house against yesterday.
fn skills(days: i64, every: usize) -> (f64, f64) {
    let plan = plan_street(SEED, 6).remove(0);
    let first: Slot = "2026-01-01T00:00:00Z".parse().unwrap();
    let begin = first.offset(LEARN_DAYS * 96);
    let end = begin.offset(days * 96);
    let (roof, known) = (roof_of(&plan), foretold_weather(first..end));
    let house = House::new(plan, SEED, UtcDay::containing(first.start()));
    let (made, used) = lived(&house, first..end);
    let (mut roofs, mut houses): (Vec<Foretold>, Vec<Foretold>) = Default::default();
    for day in (0..days).step_by(every) {
        let now = begin.offset(day * 96);
        let ahead = now..now.offset(96);
        roofs.extend(RoofForecast::learn(roof.clone(), &made, &known, now).forecast(ahead.clone(), &known));
        let learned = HouseForecast::learn(ZONE, &used, &WeatherCurve::new(), now).unwrap();
        houses.extend(learned.forecast(ahead, &WeatherCurve::new()));
    }
    let against = |foretold: &[Foretold], measured: &[Measured]| {
        let same: std::collections::HashSet<Slot> = foretold.iter().map(Foretold::slot).collect();
        let yesterday: Vec<Foretold> = Persistence::Yesterday
            .forecast(measured, begin..end)
            .into_iter()
            .filter(|one| same.contains(&one.slot()))
            .collect();
        let (words, reference) = (score(foretold, measured).unwrap(), score(&yesterday, measured).unwrap());
        assert_eq!(words.slots, reference.slots);
        skill(&words, &reference).unwrap().0
    };
    (against(&roofs, &made), against(&houses, &used))
}

/// The first house's past: what its meter counted and what its area paid.
fn past_slots(slots: Range<Slot>) -> Vec<PastSlot> {
    let areas = market_config(6, 450.0, None).market_areas();
    let market = PastMarket { areas, fees: Fees { operator: micros(FEE) } };
    let contract = SlotPrices { retail: micros(320_000), feed_in: micros(81_000) };
    let first_day = UtcDay::containing(slots.start.start());
    let houses: Vec<PastHouse> = plan_street(SEED, 6)
        .into_iter()
        .map(|plan| PastHouse {
            member: MemberId::new(plan.id.clone()).unwrap(),
            area: area_of(&plan),
            rules: RuleBook::parse(&plan.terms.rules_toml(), Currency::EUR).unwrap(),
            contracts: simulator::street::contracts(&plan),
            fuse: Power::from_watts(17_250),
            house: Arc::new(House::new(plan, SEED, first_day)),
        })
        .collect();
    let area = houses[0].area.clone();
    tell(&market, &houses, slots)
        .map(|past| {
            let past = past.unwrap();
            let own = &past.input.members[0];
            let price = past.settlement.clearing.areas.iter().find(|outcome| outcome.id == area);
            PastSlot {
                slot: past.slot,
                energy: Some((own.import, own.export)),
                contract: Some(contract),
                area_price: price.and_then(|outcome| outcome.price),
                outlook: Outlook::default(),
            }
        })
        .collect()
}

/// Takes each month the limits that the month before suggests, and returns which share of the best possible the
/// months come to.
fn suggested_share(months: usize) -> f64 {
    const MONTH: usize = 30 * 96;
    let first: Slot = "2026-01-01T00:00:00Z".parse().unwrap();
    let slots = past_slots(first..first.offset(((months + 1) * MONTH) as i64));
    let home = || PastHome {
        zone: ZONE,
        fuse: Power::from_watts(17_250),
        equipment: Equipment { can_sell: true, can_buy: true },
        operator_fee: micros(FEE),
    };
    let limits: Vec<Price> = (81..=320).step_by(5).map(|thousandths| micros(thousandths * 1_000)).collect();
    let (mut earned, mut best) = (0i128, 0i128);
    for month in 1..=months {
        let of = |month: usize| Past::new(home(), slots[month * MONTH..(month + 1) * MONTH].to_vec());
        let (before, now) = (of(month - 1), of(month));
        let mut book = RuleBook::parse(
            "[[rule]]\nname = \"Sell\"\nside = \"sell\"\nlimit = { at = \"0.120 EUR/kWh\" }\n\n\
             [[rule]]\nname = \"Buy\"\nside = \"buy\"\nlimit = { at = \"0.240 EUR/kWh\" }\n",
            Currency::EUR,
        )
        .unwrap();
        for (rule, side) in [("Sell", Side::Sell), ("Buy", Side::Buy)] {
            assert_eq!(book.rule(rule).unwrap().side, side);
            let trials = before.sweep(&book, rule, &limits).unwrap();
            if let Some(limit) = suggested(&book, rule, &trials) {
                book = book.with_limit(rule, rules::Limit::At(limit)).unwrap();
            }
        }
        let outcome: Backtest = now.run(&book);
        earned += outcome.gain();
        best += i128::from(outcome.best_possible.nanos());
    }
    earned as f64 / best as f64
}

#[test]
fn forecasts_of_roof_and_house_are_better_than_yesterday() {
    let (roof, house) = skills(28, 4);
    assert!(roof > 0.0 && house > 0.0, "roof {roof:.3}, house {house:.3}");
}

#[test]
fn the_rule_that_last_month_suggests_earns_most_of_what_hindsight_would() {
    let share = suggested_share(2);
    assert!(share >= 0.9, "{share:.3}");
}

/// Prints the figures of a whole year: `cargo test -p simulator --test it -- --ignored --nocapture a_whole_year`.
#[test]
#[ignore = "a year takes minutes without optimisation"]
fn a_whole_year_keeps_both_promises() {
    let (roof, house) = skills(365, 1);
    println!("skill against yesterday over 365 days: roof {roof:.3}, house {house:.3}");
    assert!(roof > 0.0 && house > 0.0);
    let share = suggested_share(12);
    println!("the suggested rule earned {share:.3} of the best possible over 12 months");
    assert!(share >= 0.9);
}
