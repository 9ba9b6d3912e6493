//! A believable past: what the street would have traded, by the same pure crates that trade now.
//!
//! Meters, rules, clearing and settlement are asked slot by slot as they would have been at the time.
//! Nothing here touches a file; the street writes what is told here.

mod order_id;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use market::Area;
use pricing::{Contracts, SlotPrices};
use rules::{Decision, Equipment, MeterState, Outlook, RuleBook, Situation, Today, Trading};
use settlement::{Fees, InvalidInput, MemberOrder, MeteredMember, Settlement, SlotInput};
use units::{AreaId, MemberId, Power, Slot};

use crate::house::{Counters, House, ZONE};

/// What a household of the past brought to the market.
#[derive(Clone, Debug)]
pub struct PastHouse {
    pub house: Arc<House>,
    pub member: MemberId,
    pub area: AreaId,
    pub rules: RuleBook,
    pub contracts: Contracts,
    pub fuse: Power,
}

/// The market of the past: its areas and fees.
#[derive(Clone, Debug)]
pub struct PastMarket {
    pub areas: Vec<Area>,
    pub fees: Fees,
}

/// One slot of the street's past.
#[derive(Clone, Debug)]
pub struct PastSlot {
    pub slot: Slot,
    /// What each house's meters counted at both borders, in the order of the houses.
    pub registers: Vec<(Counters, Counters)>,
    /// What each house's rules said, first about selling, then about buying.
    pub decisions: Vec<[Decision; 2]>,
    pub input: SlotInput,
    pub settlement: Settlement,
}

/// How old a meter's sample was when the rules were asked: a sample comes every ten seconds.
const SAMPLE_AGE: Duration = Duration::from_secs(5);

/// Tells the past, slot by slot.
pub fn tell(
    market: &PastMarket,
    houses: &[PastHouse],
    slots: Range<Slot>,
) -> impl Iterator<Item = Result<PastSlot, InvalidInput>> {
    Slot::range(slots).map(move |slot| {
        let registers = houses.iter().map(|house| house.house.slot_registers(slot)).collect();
        let decisions: Vec<[Decision; 2]> = houses.iter().map(|house| house.decide(slot)).collect();
        let input = SlotInput {
            slot,
            areas: market.areas.clone(),
            members: houses.iter().map(|house| house.metered(slot)).collect(),
            deals: Vec::new(),
            orders: houses.iter().zip(&decisions).flat_map(|(house, said)| house.orders(said)).collect(),
            fees: market.fees,
        };
        let settlement = settlement::settle(&input)?;
        Ok(PastSlot { slot, registers, decisions, input, settlement })
    })
}

impl PastHouse {
    fn decide(&self, slot: Slot) -> [Decision; 2] {
        let situation = Situation {
            slot,
            zone: ZONE,
            prices: Some(self.prices(slot)),
            equipment: Equipment { can_sell: self.house.plan.roof.is_some(), can_buy: true },
            meter: MeterState::Fresh { age: SAMPLE_AGE },
            trading: Trading::Running,
            fuse: self.fuse,
            // The street's rules have no daily cap, so what was traded before counts for nothing.
            today: Today::default(),
            outlook: Outlook::default(),
            starting_up: false,
        };
        [rules::Side::Sell, rules::Side::Buy].map(|side| rules::decide(&self.rules, &situation, side))
    }

    /// Returns what the utility charges and pays; the street's contracts began long before any past.
    fn prices(&self, slot: Slot) -> SlotPrices {
        self.contracts.prices(slot).expect("the street's contracts tell the price of each slot")
    }

    fn metered(&self, slot: Slot) -> MeteredMember {
        let (import, export) = self.house.market_energy(slot);
        let prices = self.prices(slot);
        MeteredMember {
            id: self.member.clone(),
            area: self.area.clone(),
            import,
            export,
            retail: prices.retail,
            feed_in: prices.feed_in,
        }
    }

    /// Returns the orders that decisions came to.
    fn orders(&self, decisions: &[Decision; 2]) -> Vec<MemberOrder> {
        let order = |decision: &Decision| {
            let (quantity, limit) = decision.quantity.zip(decision.limit)?;
            Some(MemberOrder {
                id: order_id::of(decision.slot, decision.side, self.house.plan.number),
                member: self.member.clone(),
                side: match decision.side {
                    rules::Side::Sell => market::Side::Sell,
                    rules::Side::Buy => market::Side::Buy,
                },
                quantity,
                limit,
            })
        };
        decisions.iter().filter_map(order).collect()
    }
}
