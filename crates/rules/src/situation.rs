//! What a decision depends on besides the rules: one slot, and how the home stands.

use std::time::Duration;

use pricing::SlotPrices;
use units::{Percent, Power, Slot, Timestamp, WattHours, Zone};

use crate::rule::Side;

/// Everything that [`crate::decide`] knows of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// The slot to decide for; it lies ahead.
    pub slot: Slot,
    pub zone: Zone,
    /// The contract's prices in the slot. Without them nothing is traded: unknown is not cheap.
    pub prices: Option<SlotPrices>,
    pub equipment: Equipment,
    pub meter: MeterState,
    pub trading: Trading,
    /// What the main fuse lets through, either way.
    pub fuse: Power,
    pub today: Today,
    pub outlook: Outlook,
    /// True until the grid meter and the contract's prices have been read once since the start.
    pub starting_up: bool,
}

/// What is foretold or read beside the meters, for the conditions of rules that ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What the home will probably have left over from this slot on until its local day ends: the sum of the
    /// middle forecasts, where the roof makes more than the house uses. Missing without a forecast.
    pub surplus_ahead: Option<WattHours>,
    /// How full the battery is.
    pub battery: Option<Percent>,
    /// Whether an order of this slot and side stands already. It is not withdrawn for a forecast that moved a
    /// little.
    pub stands: bool,
}

/// What the home's conditions can be judged by, where rules are checked before they are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// There is a forecast of the home's surplus.
    pub surplus: bool,
    /// The battery's level is known.
    pub battery: bool,
}

/// What the home has on its side of the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equipment {
    /// It has a roof or a battery that can export.
    pub can_sell: bool,
    pub can_buy: bool,
}

/// How old the grid meter's last good sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeterState {
    Fresh {
        age: Duration,
    },
    /// Late, but within what a slot's border forgives. Trading goes on.
    Stale {
        age: Duration,
    },
    /// So late that the slot would not count as measured. `None`: never heard of.
    Silent {
        age: Option<Duration>,
    },
}

/// Whether the owner lets the home trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trading {
    Running,
    Stopped,
    /// Slots that start before `until` are left out; later ones are decided as ever.
    Paused {
        until: Timestamp,
    },
}

/// Energy of the slot's local day that counts against a rule's daily cap, besides this very slot: what was
/// traded, and what may still be.
///
/// An order stands for as much as the fuse lets through, which is mostly far more than it will trade. Counting
/// it in full would leave slots beside it without an order, so who fills this in counts, where it knows better:
/// of a slot that was delivered and not settled, no more than the meter showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Today {
    pub sold: WattHours,
    pub bought: WattHours,
}

impl Today {
    pub(crate) fn of(self, side: Side) -> WattHours {
        match side {
            Side::Sell => self.sold,
            Side::Buy => self.bought,
        }
    }
}
