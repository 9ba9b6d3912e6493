//! The laws of settlement, on random streets.

use std::collections::BTreeMap;

use market::{Area, Side};
use proptest::prelude::*;
use settlement::{
    Account, Deal, Fees, MemberOrder, MeteredMember, Settlement, SlotInput, What, auction_of, settle,
    utility_only,
};
use units::{AreaId, DealId, MemberId, Money, OrderId, Price, Slot, Timestamp, WattHours};

const RETAIL: i64 = 300_000;
const FEED_IN: i64 = 80_000;

fn micros(value: i64) -> Price {
    Price::from_micros_per_kwh(value)
}

/// A tree of up to five areas: each hangs under one that comes before it.
fn areas() -> impl Strategy<Value = Vec<Area>> {
    let edge = (any::<prop::sample::Index>(), 0i64..30_000, prop::option::of(0i64..1500));
    prop::collection::vec(edge, 0..5).prop_map(|edges| {
        let id = |number: usize| AreaId::new(format!("a{number}")).unwrap();
        let root = Area { id: id(0), parent: None, fee: None, capacity: None };
        let below = edges.into_iter().enumerate().map(|(number, (above, fee, capacity))| Area {
            id: id(number + 1),
            parent: Some(id(above.index(number + 1))),
            fee: Some(micros(fee)),
            capacity: Some(capacity.map(WattHours::new)),
        });
        std::iter::once(root).chain(below).collect()
    })
}

type Pick = prop::sample::Index;

fn members() -> impl Strategy<Value = Vec<(Pick, i64, i64)>> {
    let energy = || prop_oneof![2 => Just(0i64), 3 => 0i64..2000];
    prop::collection::vec((any::<Pick>(), energy(), energy()), 2..7)
}

fn limit(usual: bool) -> BoxedStrategy<i64> {
    if usual { (FEED_IN..=RETAIL).boxed() } else { (-50_000i64..400_000).boxed() }
}

fn orders(usual: bool) -> impl Strategy<Value = Vec<(Pick, bool, i64, i64)>> {
    let side = any::<bool>();
    prop::collection::vec((any::<Pick>(), side, 0i64..2500, limit(usual)), 0..10)
}

fn deals() -> impl Strategy<Value = Vec<(Pick, Pick, i64, i64, i64)>> {
    prop::collection::vec((any::<Pick>(), any::<Pick>(), 0i64..3, 0i64..1500, 0i64..300_000), 0..6)
}

/// A street. `usual`: every limit lies between feed-in and retail.
fn street(usual: bool) -> impl Strategy<Value = SlotInput> {
    (areas(), members(), orders(usual), deals(), prop_oneof![Just(0i64), 0i64..9, 0i64..5000]).prop_map(
        |(areas, members, orders, deals, operator)| {
            let members: Vec<MeteredMember> = members
                .into_iter()
                .enumerate()
                .map(|(number, (area, import, export))| MeteredMember {
                    id: MemberId::new(format!("m{number}")).unwrap(),
                    area: areas[area.index(areas.len())].id.clone(),
                    import: WattHours::new(import),
                    export: WattHours::new(export),
                    retail: micros(RETAIL),
                    feed_in: micros(FEED_IN),
                })
                .collect();
            let pick = |index: Pick| members[index.index(members.len())].id.clone();
            let orders =
                orders.into_iter().enumerate().map(|(number, (member, buys, quantity, limit))| MemberOrder {
                    id: OrderId::new(format!("o{number}")).unwrap(),
                    member: pick(member),
                    side: if buys { Side::Buy } else { Side::Sell },
                    quantity: WattHours::new(quantity),
                    limit: micros(limit),
                });
            let deals = deals.into_iter().enumerate().map(|(number, (seller, buyer, at, cap, price))| Deal {
                id: DealId::new(format!("d{number}")).unwrap(),
                agreed_at: Timestamp::from_seconds(at),
                seller: pick(seller),
                buyer: pick(buyer),
                cap: WattHours::new(cap),
                price: micros(price),
            });
            SlotInput {
                slot: Slot::from_index(2_000_000),
                orders: orders.collect(),
                deals: deals.filter(|deal| deal.seller != deal.buyer).collect(),
                areas,
                members,
                fees: Fees { operator: micros(operator) },
            }
        },
    )
}

/// The edges from an area to the root.
fn to_root(input: &SlotInput, area: &AreaId) -> Vec<usize> {
    let place = |id: &AreaId| input.areas.iter().position(|area| area.id == *id).unwrap();
    let mut edges = Vec::new();
    let mut at = place(area);
    while let Some(parent) = &input.areas[at].parent {
        edges.push(at);
        at = place(parent);
    }
    edges
}

/// Each edge that a deal crosses, and whether it does so towards the root.
fn crossed(input: &SlotInput, deal: &Deal) -> Vec<(usize, bool)> {
    let area = |member: &MemberId| &input.members.iter().find(|other| other.id == *member).unwrap().area;
    let (up, down) = (to_root(input, area(&deal.seller)), to_root(input, area(&deal.buyer)));
    let ups = up.iter().filter(|edge| !down.contains(edge)).map(|&edge| (edge, true));
    let downs = down.iter().filter(|edge| !up.contains(edge)).map(|&edge| (edge, false));
    ups.chain(downs).collect()
}

/// What deals get, computed the slow way: one Wh after the other.
fn slow_deals(input: &SlotInput) -> BTreeMap<DealId, i64> {
    let mut deals: Vec<&Deal> = input.deals.iter().collect();
    deals.sort_by_key(|deal| (deal.agreed_at, deal.id.clone()));
    let net = |member: &MeteredMember| (member.id.clone(), (member.export - member.import).get());
    let mut net: BTreeMap<MemberId, i64> = input.members.iter().map(net).collect();
    let mut flows: BTreeMap<(usize, bool), i64> = BTreeMap::new();
    let mut settled = BTreeMap::new();
    for deal in deals {
        let path = crossed(input, deal);
        let mut energy = 0;
        while energy < deal.cap.get()
            && net[&deal.seller] > 0
            && net[&deal.buyer] < 0
            && path.iter().all(|step| {
                let used = flows.get(step).copied().unwrap_or(0);
                input.areas[step.0].capacity.flatten().is_none_or(|capacity| used < capacity.get())
            })
        {
            energy += 1;
            *net.get_mut(&deal.seller).unwrap() -= 1;
            *net.get_mut(&deal.buyer).unwrap() += 1;
            path.iter().for_each(|step| *flows.entry(*step).or_default() += 1);
        }
        settled.insert(deal.id.clone(), energy);
    }
    settled
}

fn filled(settlement: &Settlement, id: &OrderId) -> i64 {
    settlement.clearing.fills.iter().find(|fill| fill.order == *id).map_or(0, |fill| fill.filled.get())
}

fn sum_for(settlement: &Settlement, account: &Account, reference: &str) -> i64 {
    let own = settlement.postings.iter().filter(|posting| posting.account == *account);
    own.filter(|posting| posting.reference.as_str() == reference).map(|posting| posting.amount.nanos()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_slot_sums_to_zero_in_sorted_postings_none_of_zero(input in street(false)) {
        let settlement = settle(&input).unwrap();
        let total: Money = settlement.postings.iter().map(|posting| posting.amount).sum();
        prop_assert_eq!(total, Money::ZERO);
        prop_assert!(settlement.postings.iter().all(|posting| !posting.amount.is_zero()));
        let keys: Vec<_> = settlement.postings.iter()
            .map(|posting| (posting.account.to_string(), posting.reference.clone(), posting.what.as_str()))
            .collect();
        prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn energy_is_conserved_for_each_member_and_on_the_street(input in street(false)) {
        let settlement = settle(&input).unwrap();
        let mut street = 0;
        for member in &input.members {
            let totals = settlement.member_totals(member).unwrap();
            prop_assert_eq!(totals.sold + totals.to_utility, member.export);
            prop_assert_eq!(totals.bought + totals.from_utility, member.import);
            let parts = [totals.sold, totals.bought, totals.from_utility, totals.to_utility];
            prop_assert!(parts.iter().all(|part| !part.is_negative()));
            prop_assert!(totals.sold.is_zero() || totals.bought.is_zero(), "a member trades net");
            let traded = |side: Side| {
                let orders = input.orders.iter().filter(|order| order.member == member.id && order.side == side);
                let auction: i64 = orders.map(|order| filled(&settlement, &order.id)).sum();
                let deals = input.deals.iter().filter(|deal| match side {
                    Side::Sell => deal.seller == member.id,
                    Side::Buy => deal.buyer == member.id,
                });
                let settled = |id: &DealId| settlement.deals.iter().find(|deal| deal.id == *id).unwrap().settled.get();
                auction + deals.map(|deal| settled(&deal.id)).sum::<i64>()
            };
            prop_assert_eq!((totals.sold.get(), totals.bought.get()), (traded(Side::Sell), traded(Side::Buy)));
            street += totals.sold.get() - totals.bought.get();
        }
        prop_assert_eq!(street, 0);
    }

    #[test]
    fn nobody_trades_at_worse_than_his_all_in_limit(input in street(false)) {
        let settlement = settle(&input).unwrap();
        for order in &input.orders {
            let got = sum_for(&settlement, &Account::Member(order.member.clone()), order.id.as_str());
            let at_limit = filled(&settlement, &order.id) * order.limit.micros_per_kwh();
            match order.side {
                Side::Buy => prop_assert!(-got <= at_limit, "{order:?} paid {}", -got),
                Side::Sell => prop_assert!(got >= at_limit, "{order:?} got {got}"),
            }
        }
    }

    #[test]
    fn nobody_is_worse_off_than_with_the_utility_alone(mut input in street(true)) {
        input.deals.clear();
        let settlement = settle(&input).unwrap();
        for member in &input.members {
            let money = settlement.member_money(member).unwrap();
            prop_assert!(money.net >= utility_only(member).unwrap(), "{member:?}: {money:?}");
            prop_assert!(!money.earned.is_negative() && !money.saved.is_negative());
        }
    }

    #[test]
    fn deals_get_what_serving_them_watt_hour_by_watt_hour_gives(input in street(false)) {
        let settlement = settle(&input).unwrap();
        let got: BTreeMap<_, _> =
            settlement.deals.iter().map(|deal| (deal.id.clone(), deal.settled.get())).collect();
        prop_assert_eq!(&got, &slow_deals(&input));
        for (deal, settled) in input.deals.iter().map(|deal| (deal, got[&deal.id])) {
            let fee: i64 = crossed(&input, deal).iter()
                .map(|step| input.areas[step.0].fee.unwrap().micros_per_kwh()).sum();
            let stated = settlement.deals.iter().find(|other| other.id == deal.id).unwrap().grid_fee;
            prop_assert_eq!(stated.nanos(), fee * settled);
        }
    }

    #[test]
    fn deals_and_auction_together_stay_within_each_line(input in street(false)) {
        let settlement = settle(&input).unwrap();
        let mut flows = vec![[0i64; 2]; input.areas.len()];
        for deal in &input.deals {
            let settled = settlement.deals.iter().find(|other| other.id == deal.id).unwrap().settled.get();
            for (edge, up) in crossed(&input, deal) {
                flows[edge][usize::from(up)] += settled;
            }
        }
        for (edge, outcome) in settlement.clearing.areas.iter().enumerate() {
            let flow = outcome.flow_to_parent.get();
            let way = usize::from(flow > 0);
            flows[edge][way] += flow.abs();
            if let Some(capacity) = input.areas[edge].capacity.flatten() {
                prop_assert!(flows[edge].iter().all(|flow| *flow <= capacity.get()), "{:?}", input.areas[edge].id);
            }
            let area = input.areas[edge].id.as_str();
            let rent = settlement.postings.iter()
                .any(|posting| posting.what == What::Congestion && posting.reference.as_str() == area);
            let full = input.areas[edge].capacity.flatten().is_some_and(|capacity| flows[edge][way] == capacity.get());
            prop_assert!(full || !rent, "a rent on a line that is not full");
        }
    }

    #[test]
    fn the_auction_that_others_verify_is_the_one_that_was_cleared(input in street(false)) {
        let auction = auction_of(&input).unwrap();
        let settlement = settle(&input).unwrap();
        prop_assert_eq!(market::verify_after_deals(&auction.book, &auction.capacities, &settlement.clearing), Ok(()));
    }

    #[test]
    fn the_network_gets_the_fee_of_every_crossing_and_never_a_negative_rent(input in street(false)) {
        let settlement = settle(&input).unwrap();
        let network = settlement.postings.iter().filter(|posting| posting.account == Account::Network);
        let (fees, rents): (Vec<_>, Vec<_>) = network.partition(|posting| posting.what == What::GridFee);
        prop_assert!(rents.iter().all(|posting| posting.what == What::Congestion && !posting.amount.is_negative()));
        let auction = settlement.clearing.areas.iter().zip(&input.areas).map(|(outcome, area)| {
            outcome.flow_to_parent.get().abs() * area.fee.map_or(0, Price::micros_per_kwh)
        });
        let deals = settlement.deals.iter().map(|deal| deal.grid_fee.nanos());
        let expected: i64 = auction.chain(deals).sum();
        prop_assert_eq!(fees.iter().map(|posting| posting.amount.nanos()).sum::<i64>(), expected);
    }

    #[test]
    fn values_at_their_bounds_settle_or_are_refused_without_panic(
        mut input in street(false),
        shift in 0u32..44,
        price in prop_oneof![Just(1i64), Just(1000), Just(-1000), Just(1_000_000_000)],
    ) {
        for member in &mut input.members {
            member.import = WattHours::new(member.import.get() << shift);
            member.export = WattHours::new(member.export.get() << shift);
            member.retail = micros(price);
        }
        for order in &mut input.orders {
            order.quantity = WattHours::new((order.quantity.get() << shift).min(1 << 40));
            order.limit = micros(order.limit.micros_per_kwh().signum() * price);
        }
        for deal in &mut input.deals {
            deal.cap = WattHours::new((deal.cap.get() << shift).min(1 << 40));
            deal.price = micros(-price);
        }
        input.fees.operator = micros(price.abs());
        if let Ok(settlement) = settle(&input) {
            let total: i128 = settlement.postings.iter().map(|posting| i128::from(posting.amount.nanos())).sum();
            prop_assert_eq!(total, 0);
        } else {
            let largest = input.members.iter().map(|member| member.import.get().max(member.export.get())).max();
            let size = i128::from(largest.unwrap()) * i128::from(price.abs().max(400_000));
            prop_assert!(size > i128::from(i64::MAX) / 12 || largest.unwrap() > 1 << 50, "refused for nothing");
        }
    }

    #[test]
    fn the_operator_gets_the_fee_on_all_that_is_traded(input in street(false)) {
        let settlement = settle(&input).unwrap();
        let operator = settlement.postings.iter().filter(|posting| posting.account == Account::Operator);
        let got: i64 = operator.map(|posting| posting.amount.nanos()).sum();
        let deals: i64 = settlement.deals.iter().map(|deal| deal.settled.get()).sum();
        let fills: i64 = settlement.clearing.fills.iter().map(|fill| fill.filled.get()).sum();
        let fee = input.fees.operator.micros_per_kwh();
        // Each fill is one side: half the fee, which rounding moves by at most half a nano a fill.
        let twice = 2 * got - fee * (2 * deals + fills);
        prop_assert!(twice.abs() <= settlement.clearing.fills.len() as i64, "{twice}");
    }

    #[test]
    fn the_order_of_the_input_is_irrelevant(input in street(false), turn in 0usize..7) {
        let mut turned = input.clone();
        turned.members.reverse();
        turned.orders.reverse();
        turned.deals.reverse();
        let count = turned.orders.len().max(1);
        turned.orders.rotate_left(turn.min(count - 1));
        prop_assert_eq!(settle(&turned).unwrap(), settle(&input).unwrap());
        turned.areas.reverse();
        let (mut one, mut other) = (settle(&turned).unwrap(), settle(&input).unwrap());
        one.clearing.areas.sort_by(|a, b| a.id.cmp(&b.id));
        other.clearing.areas.sort_by(|a, b| a.id.cmp(&b.id));
        prop_assert_eq!(one, other);
    }
}
