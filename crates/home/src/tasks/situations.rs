//! What decisions depend on, read once for all the slots that are decided together.

use std::collections::HashMap;
use std::sync::Arc;

use history::{HistoryError, OrderState, StoredOrder};
use rules::{MeterState, Side, Situation, Today, Trading};
use units::{DayKey, LocalDay, Slot, WattHours};

use crate::config::{HomeConfig, Role};
use crate::convert::market_side;
use crate::house::House;
use crate::outlook::Outlook;
use crate::past::equipment;

/// The circumstances of the slots ahead. What is the same for all of them is read at the beginning, and what
/// counts against a daily cap once a day.
pub(crate) struct Situations<'a> {
    house: &'a House,
    config: Arc<HomeConfig>,
    orders: &'a [StoredOrder],
    meter: MeterState,
    trading: Trading,
    starting_up: bool,
    foretold: Option<Arc<Outlook>>,
    /// Some rule has a daily cap.
    capped: bool,
    days: HashMap<DayKey, DayCount>,
}

/// What counts against the caps of a day.
struct DayCount {
    traded: Today,
    /// What stands in orders or is bound.
    standing: Vec<(Slot, market::Side, WattHours)>,
}

impl<'a> Situations<'a> {
    /// Reads how the household stands now; `orders` are those of the slots that are decided.
    pub fn read(house: &'a House, orders: &'a [StoredOrder]) -> Result<Self, HistoryError> {
        Ok(Self {
            house,
            config: house.config(),
            orders,
            meter: house.meter_state(house.now()),
            trading: house.trading()?,
            starting_up: house.live().last(Role::Grid).is_none() && !house.has_been_silent_for_long(),
            foretold: house.outlook(),
            capped: house.rules().rules().iter().any(|rule| rule.cap.is_some()),
            days: HashMap::new(),
        })
    }

    /// Returns what the decision for a side of a slot depends on.
    pub fn of(&mut self, slot: Slot, side: Side) -> Result<Situation, HistoryError> {
        Ok(Situation {
            slot,
            zone: self.config.zone(),
            prices: self.house.prices(slot),
            equipment: equipment(&self.config),
            meter: self.meter,
            trading: self.trading,
            fuse: self.config.fuse(),
            today: self.today(slot)?,
            outlook: self.outlook(slot, side),
            starting_up: self.starting_up,
        })
    }

    fn outlook(&self, slot: Slot, side: Side) -> rules::Outlook {
        let stands = |stored: &StoredOrder| {
            !stored.order.by_owner
                && (stored.order.slot, stored.order.side) == (slot, market_side(side))
                && is_open(stored.state)
        };
        let foretold = self.foretold.as_deref();
        rules::Outlook {
            surplus_ahead: foretold.and_then(|outlook| outlook.surplus_ahead(slot)),
            battery: foretold.and_then(|outlook| outlook.battery),
            stands: self.orders.iter().any(stands),
        }
    }

    /// Adds up what counts against a daily cap: what was traded on the slot's day, and what stands in orders for
    /// its other slots.
    fn today(&mut self, slot: Slot) -> Result<Today, HistoryError> {
        if !self.capped {
            return Ok(Today::default());
        }
        let day = LocalDay::containing(slot.start(), self.config.zone());
        let count = match self.days.entry(day.key()) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(DayCount::read(self.house, day, self.orders)?)
            }
        };
        let mut today = count.traded;
        for (_, side, quantity) in count.standing.iter().filter(|(other, ..)| *other != slot) {
            match side {
                market::Side::Sell => today.sold += *quantity,
                market::Side::Buy => today.bought += *quantity,
            }
        }
        Ok(today)
    }
}

impl DayCount {
    fn read(house: &House, day: LocalDay, ahead: &[StoredOrder]) -> Result<Self, HistoryError> {
        let traded = house.history.totals(day.key()..day.key().next())?;
        let running = Slot::containing(house.now());
        let earlier = house.history.orders(day.slots().start..running.next())?;
        let ahead = ahead.iter().filter(|stored| stored.order.slot > running);
        let counts = |stored: &&StoredOrder| {
            day.slots().contains(&stored.order.slot)
                && (is_open(stored.state) || stored.state == OrderState::Bound)
        };
        let standing = earlier.iter().chain(ahead).filter(counts);
        let standing = standing.map(|stored| (stored.order.slot, stored.order.side, stored.order.quantity));
        Ok(Self { traded: Today { sold: traded.sold, bought: traded.bought }, standing: standing.collect() })
    }
}

/// Says whether an order may still come to something.
pub(super) fn is_open(state: OrderState) -> bool {
    matches!(state, OrderState::Waiting | OrderState::Sent | OrderState::Accepted)
}
