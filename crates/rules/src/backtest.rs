//! What rules would have earned on a home's own past, decided by the same code as the days to come.
//!
//! The home is taken as a price taker: its energy would not have moved its area's price. That is nearly so in a
//! street of some size and too kind where the home is most of the market.

use std::time::Duration;

use units::{Money, Power, Price, Slot, WallTime, WattHours, Zone};

use crate::decide::{Decision, Verdict, decide_at};
use crate::rule::{Limit, RuleBook, Side, UnknownRule};
use crate::situation::{Equipment, MeterState, Outlook, Situation, Today, Trading};

/// What does not change from slot to slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastHome {
    pub zone: Zone,
    pub fuse: Power,
    pub equipment: Equipment,
    /// What the operator takes per kWh traded; half of it is the home's.
    pub operator_fee: Price,
}

/// A slot as it was. What is missing was not known, and trades nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastSlot {
    pub slot: Slot,
    /// Import and export where the meter measured both; only such energy trades.
    pub energy: Option<(WattHours, WattHours)>,
    pub contract: Option<pricing::SlotPrices>,
    /// What cleared in the home's area.
    pub area_price: Option<Price>,
    /// What was foretold of the time from this slot on, and how full the battery was.
    pub outlook: Outlook,
}

/// A home's past, ready to be asked about rules again and again.
#[derive(Clone, Debug)]
pub struct Past {
    home: PastHome,
    slots: Vec<(PastSlot, WallTime)>,
}

/// What rules come to over a past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backtest {
    /// Local days that have a slot.
    pub days: u32,
    pub sold: WattHours,
    pub bought: WattHours,
    /// Above what the utility would have paid for the same energy, fees taken off.
    pub earned: Money,
    /// Below what the utility would have asked for the same energy, fees added.
    pub saved: Money,
    /// What all export would have brought from the utility.
    pub feed_in_only: Money,
    /// The most that `earned` and `saved` together could have been, with each price known before.
    pub best_possible: Money,
}

/// What rules do in one slot: the decision of the side on which the meter stood, and what it trades.
///
/// A member trades net, so of the two sides of a slot only one ever can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub decision: Decision,
    pub price: Option<Price>,
    pub traded: WattHours,
}

/// One limit of a sweep, and what the rules come to with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    pub limit: Price,
    pub outcome: Backtest,
}

impl Past {
    /// Takes slots in any order; of two with the same time the first stays.
    pub fn new(home: PastHome, mut slots: Vec<PastSlot>) -> Self {
        slots.sort_by_key(|past| past.slot);
        slots.dedup_by_key(|past| past.slot);
        let with_wall = |past: PastSlot| (past, WallTime::at(past.slot, home.zone));
        Self { home, slots: slots.into_iter().map(with_wall).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Returns what rules come to.
    pub fn run(&self, book: &RuleBook) -> Backtest {
        self.each(book, |_| {})
    }

    /// Returns what rules come to, and shows each slot as it is decided, oldest first.
    pub fn each(&self, book: &RuleBook, mut show: impl FnMut(Taken)) -> Backtest {
        let mut total = Backtest::default();
        let mut today = None;
        let mut done = Today::default();
        for (past, wall) in &self.slots {
            if today.replace(wall.day) != Some(wall.day) {
                total.days += 1;
                done = Today::default();
            }
            let taken = self.take(book, past, *wall, done);
            total.add(past, &taken, self.home.operator_fee);
            match taken.decision.side {
                Side::Sell => done.sold += taken.traded,
                Side::Buy => done.bought += taken.traded,
            }
            show(taken);
        }
        total
    }

    /// Returns what the rules come to with each of these limits in one of them: the curve behind a slider.
    pub fn sweep(&self, book: &RuleBook, rule: &str, limits: &[Price]) -> Result<Vec<Trial>, UnknownRule> {
        let trial = |&limit: &Price| {
            let book = book.with_limit(rule, Limit::At(limit))?;
            Ok(Trial { limit, outcome: self.run(&book) })
        };
        limits.iter().map(trial).collect()
    }

    fn take(&self, book: &RuleBook, past: &PastSlot, wall: WallTime, today: Today) -> Taken {
        let PastHome { zone, fuse, equipment, operator_fee } = self.home;
        let situation = Situation {
            slot: past.slot,
            zone,
            prices: past.contract,
            equipment,
            // Whether the meter answered shows in the energy: what was not measured does not trade.
            meter: MeterState::Fresh { age: Duration::ZERO },
            trading: Trading::Running,
            fuse,
            today,
            outlook: past.outlook,
            starting_up: false,
        };
        let (side, net) = past.net().unwrap_or((self.usual_side(), WattHours::ZERO));
        let decision = decide_at(book, &situation, wall, side);
        let traded = traded(&decision, net, past.area_price, operator_fee);
        Taken { decision, price: past.area_price, traded }
    }

    /// Returns the side to speak of where the meter says nothing.
    fn usual_side(&self) -> Side {
        if self.home.equipment.can_sell { Side::Sell } else { Side::Buy }
    }
}

impl PastSlot {
    /// Returns the side on which the meter stood, and by how much.
    fn net(&self) -> Option<(Side, WattHours)> {
        let (import, export) = self.energy?;
        Some(if export > import { (Side::Sell, export - import) } else { (Side::Buy, import - export) })
    }

    /// Returns what trading so much is worth against the utility; negative where it is worse.
    fn gain(&self, side: Side, traded: WattHours, fee: Price) -> i128 {
        let (Some(price), Some(contract)) = (self.area_price, self.contract) else { return 0 };
        let fee = traded.at_wide(fee);
        match side {
            // Of an odd fee the buyer has the larger half.
            Side::Sell => traded.at_wide(price - contract.feed_in) - fee.div_euclid(2),
            Side::Buy => traded.at_wide(contract.retail - price) - (fee + 1).div_euclid(2),
        }
    }
}

/// Returns how much an order trades at a price: all or nothing, as a price taker's does. The limit is all-in,
/// so half the fee, rounded up to a micro, stands between it and the area's price.
fn traded(decision: &Decision, net: WattHours, price: Option<Price>, fee: Price) -> WattHours {
    let (Some(limit), Some(quantity), Some(price)) = (decision.limit, decision.quantity, price) else {
        return WattHours::ZERO;
    };
    let half = fee.half_up();
    let serves = match decision.verdict {
        Verdict::Offer => price >= limit + half,
        Verdict::Bid => price <= limit - half,
        Verdict::None => false,
    };
    if serves { net.min(quantity) } else { WattHours::ZERO }
}

/// A suggestion earns at least this share of what the best limit does.
const NEARLY_PERCENT: i128 = 99;

/// Returns the most demanding limit that earns nearly as much as the best one tried: a seller's highest, a buyer's
/// lowest. `None` where nothing was earned.
pub fn suggested(book: &RuleBook, rule: &str, trials: &[Trial]) -> Option<Price> {
    let best = trials.iter().map(|trial| trial.outcome.gain()).max().filter(|best| *best > 0)?;
    let nearly = |trial: &&Trial| trial.outcome.gain() * 100 >= best * NEARLY_PERCENT;
    let found = match book.rule(rule)?.side {
        Side::Sell => trials.iter().rfind(nearly),
        Side::Buy => trials.iter().find(nearly),
    };
    found.map(|trial| trial.limit)
}

impl Backtest {
    /// Returns what it is better by than the utility alone, in nanos.
    pub fn gain(&self) -> i128 {
        i128::from(self.earned.nanos()) + i128::from(self.saved.nanos())
    }

    fn add(&mut self, past: &PastSlot, taken: &Taken, fee: Price) {
        let side = taken.decision.side;
        let gain = money(past.gain(side, taken.traded, fee));
        match side {
            Side::Sell => {
                self.sold += taken.traded;
                self.earned += gain;
            }
            Side::Buy => {
                self.bought += taken.traded;
                self.saved += gain;
            }
        }
        if let (Some((_, export)), Some(contract)) = (past.energy, past.contract) {
            self.feed_in_only += money(export.at_wide(contract.feed_in));
        }
        if let Some((side, net)) = past.net() {
            self.best_possible += money(past.gain(side, net, fee).max(0));
        }
    }
}

/// A slot's energy at a price is far within 64 bits of nanos: 2^40 Wh at 1000 a kWh is 10^21, a fuse's is 10^13.
fn money(nanos: i128) -> Money {
    Money::from_nanos(i64::try_from(nanos).expect("the worth of one slot's energy fits in nanos"))
}
