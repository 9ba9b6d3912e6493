//! One settled slot of one member, computed anew from what the member can see.

use std::collections::{BTreeMap, HashMap, HashSet};

use market::{Area, Side};
use units::{AreaId, OrderId, Price, Slot, WattHours, div_half_even};

use crate::book::{At, Book};
use crate::entry::{ConfigBody, Kind, OrderBody, PriceStep, SettlementBody, Source};
use crate::fault::{Fault, Step, ensure};

/// A slot's versions with what governed them.
pub(crate) struct SettledSlot<'a> {
    book: &'a Book,
    slot: Slot,
    versions: &'a BTreeMap<u32, At<SettlementBody>>,
    first: &'a At<SettlementBody>,
    config: &'a ConfigBody,
    contract: &'a PriceStep,
}

/// What an account gets for a reference and a kind, in nanos.
type Amounts = BTreeMap<(String, Kind), i128>;

impl<'a> SettledSlot<'a> {
    pub(crate) fn new(
        book: &'a Book,
        slot: Slot,
        versions: &'a BTreeMap<u32, At<SettlementBody>>,
    ) -> Result<Self, Fault> {
        let first = versions.get(&1).ok_or_else(|| {
            Fault::new(Step::Configuration, format!("{slot}: the first settlement is not opened"))
        })?;
        let config = book.config(slot, first.body.config_version)?;
        Ok(Self { book, slot, versions, first, config, contract: book.contract(slot)? })
    }

    /// Checks that every version names the configuration and the area that governed the slot.
    pub(crate) fn check_configuration(&self) -> Result<(), Fault> {
        let member = self.book.member(self.slot)?;
        for At { body, .. } in self.versions.values() {
            let same = body.config_version == self.config.version && body.area == member.area;
            self.ensure(
                same,
                Step::Configuration,
                "a version is settled under another configuration or area",
            )?;
        }
        Ok(())
    }

    /// Checks that the energy of every version is what its source read, before it was settled.
    pub(crate) fn check_readings(&self) -> Result<(), Fault> {
        for At { index, body } in self.versions.values() {
            let settled = (body.import.get(), body.export.get());
            match body.source {
                None => {
                    self.ensure(settled == (0, 0), Step::Readings, "energy is settled without a reading")?
                }
                Some(source) => {
                    let read = self.book.energy(self.slot, source)?;
                    let (place, import, export) =
                        read.ok_or_else(|| self.fault(Step::Readings, "the reading is not opened"))?;
                    self.ensure(
                        (import, export) == settled,
                        Step::Readings,
                        "other energy is settled than was read",
                    )?;
                    self.ensure(place < *index, Step::Readings, "it was settled before it was read")?;
                }
            }
        }
        Ok(())
    }

    /// Checks fills and deals: what the own orders must have got at the area's price.
    pub(crate) fn check_trades(&self) -> Result<(), Fault> {
        let first = &self.first.body;
        for At { body, .. } in self.versions.values() {
            let kept = body.fills == first.fills && body.deals == first.deals;
            self.ensure(kept, Step::Trades, "a later version trades otherwise than the slot was cleared")?;
        }
        let net = first.export.get() - first.import.get();
        let (mut sell, mut buy) = (net.max(0), (-net).max(0));
        self.check_deals(&mut sell, &mut buy)?;
        let mut fills = HashMap::new();
        for fill in &first.fills {
            let fresh = fills.insert(&fill.order, (fill.side, fill.filled.get())).is_none();
            self.ensure(
                fresh && fill.filled.get() > 0,
                Step::Trades,
                "an order is filled twice or by nothing",
            )?;
        }
        let orders = self.live_orders()?;
        for (side, left) in [(Side::Sell, sell), (Side::Buy, buy)] {
            self.check_fills(&orders, side, left, &mut fills)?;
        }
        match fills.keys().next() {
            None => Ok(()),
            Some(order) => Err(self.fault(Step::Trades, &format!("the filled order {order} is not opened"))),
        }
    }

    fn check_deals(&self, sell: &mut i64, buy: &mut i64) -> Result<(), Fault> {
        let mut seen = HashSet::new();
        for line in &self.first.body.deals {
            let fault = |detail: &str| self.fault(Step::Trades, &format!("deal {}: {detail}", line.deal));
            let deal = self.book.deals.get(&line.deal).ok_or_else(|| fault("it is not opened"))?;
            let (party, left) = match line.side {
                Side::Sell => (&deal.body.seller, &mut *sell),
                Side::Buy => (&deal.body.buyer, &mut *buy),
            };
            let holds = deal.body.from <= self.slot && deal.body.until.is_none_or(|until| self.slot < until);
            if *party != self.first.body.member || !holds || !seen.insert(&line.deal) {
                return Err(fault("it does not cover this slot and side once"));
            }
            let settled = line.settled.get();
            if !(0..=deal.body.cap.get().min(*left)).contains(&settled) {
                return Err(fault("more is settled than its cap or the meter allow"));
            }
            *left -= settled;
        }
        Ok(())
    }

    /// Lists the orders of the slot that were not cancelled; each must be in the log before its clearing.
    ///
    /// A cancellation counts before the clearing only: one that comes later must not excuse an order overlooked.
    fn live_orders(&self) -> Result<Vec<&'a OrderBody>, Fault> {
        let mut live = Vec::new();
        let clearing = self.book.clearings.get(&self.slot).map(|clearing| clearing.index);
        let in_time = |index: u64| clearing.is_some_and(|clearing| index < clearing);
        for At { index, body } in self.book.orders.get(&self.slot).map_or(&[][..], Vec::as_slice) {
            let cancelled = self.book.cancelled.get(&body.id).copied();
            if cancelled.is_some_and(|cancelled| cancelled > *index && in_time(cancelled)) {
                continue;
            }
            self.ensure(
                in_time(*index),
                Step::Trades,
                "an order was not cleared, or came after the clearing",
            )?;
            live.push(body);
        }
        Ok(live)
    }

    /// Gives the meter to the most willing orders first and compares what each got.
    fn check_fills(
        &self,
        orders: &[&OrderBody],
        side: Side,
        mut left: i64,
        fills: &mut HashMap<&OrderId, (Side, i64)>,
    ) -> Result<(), Fault> {
        let mut queue: Vec<&&OrderBody> = orders.iter().filter(|order| order.side == side).collect();
        let reluctance = |order: &OrderBody| match side {
            Side::Sell => order.limit.micros_per_kwh(),
            Side::Buy => -order.limit.micros_per_kwh(),
        };
        queue.sort_by(|one, other| (reluctance(one), &one.id).cmp(&(reluctance(other), &other.id)));
        for order in queue {
            let quantity = order.quantity.get().clamp(0, left);
            left -= quantity;
            let filled = match fills.remove(&order.id) {
                Some((found, filled)) if found == side => filled,
                Some(_) => {
                    return Err(self.fault(Step::Trades, &format!("order {} is of the other side", order.id)));
                }
                None => 0,
            };
            let due = self.due(order, quantity)?;
            self.ensure(due.contains(&filled), Step::Trades, &format!("order {} got {filled} Wh", order.id))?;
        }
        Ok(())
    }

    /// Returns between what an order may have got: all that the meter had for it, nothing, or at the margin a part.
    fn due(&self, order: &OrderBody, quantity: i64) -> Result<std::ops::RangeInclusive<i64>, Fault> {
        let Some(price) = self.price()? else { return Ok(0..=0) };
        let fee = self.config.operator_fee.micros_per_kwh();
        let half = fee - fee.div_euclid(2);
        let gain = match order.side {
            Side::Sell => price.micros_per_kwh() - (order.limit.micros_per_kwh() + half),
            Side::Buy => (order.limit.micros_per_kwh() - half) - price.micros_per_kwh(),
        };
        Ok(match gain.cmp(&0) {
            std::cmp::Ordering::Greater => quantity..=quantity,
            std::cmp::Ordering::Equal => 0..=quantity,
            std::cmp::Ordering::Less => 0..=0,
        })
    }

    /// Returns the price of the member's area; missing where there was no clearing or no price.
    pub(crate) fn price(&self) -> Result<Option<Price>, Fault> {
        let Some(At { body, index }) = self.book.clearings.get(&self.slot) else { return Ok(None) };
        let governed = body.config_version == self.config.version && *index < self.first.index;
        self.ensure(
            governed,
            Step::Trades,
            "it was cleared under another configuration, or after it was settled",
        )?;
        let area = body.areas.iter().find(|area| area.id == self.first.body.area);
        Ok(area.ok_or_else(|| self.fault(Step::Trades, "the clearing lacks the member's area"))?.price)
    }

    /// Checks that every version's amounts are those that follow.
    pub(crate) fn check_postings(&self) -> Result<(), Fault> {
        for At { body, .. } in self.versions.values() {
            let (sold, bought) = traded(body);
            let rest = rest((body.import.get().into(), body.export.get().into()), sold, bought);
            let stated = (i128::from(body.from_utility.get()), i128::from(body.to_utility.get()));
            self.ensure(rest == stated, Step::Postings, "the utility's energy is not what trades left")?;
            let mut found = Amounts::new();
            for posting in &body.postings {
                let key = (posting.reference.clone(), posting.what);
                let amount = i128::from(posting.amount.nanos());
                let fresh = found.insert(key, amount).is_none();
                self.ensure(fresh && amount != 0, Step::Postings, "an amount is posted twice, or is zero")?;
            }
            let expected = self.amounts(body)?;
            if let Some((reference, kind)) = first_difference(&expected, &found) {
                let detail = format!("the {} of {reference} is not what follows", kind.as_str());
                return Err(self.fault(Step::Postings, &detail));
            }
        }
        Ok(())
    }

    /// Computes the amounts of a version.
    fn amounts(&self, body: &SettlementBody) -> Result<Amounts, Fault> {
        let mut amounts = Amounts::new();
        for fill in &body.fills {
            let price =
                self.price()?.ok_or_else(|| self.fault(Step::Postings, "there is no price to trade at"))?;
            self.post_trade(&mut amounts, fill.order.as_str(), fill.side, fill.filled.get(), price, 0);
        }
        for line in &body.deals {
            let deal = &self
                .book
                .deals
                .get(&line.deal)
                .ok_or_else(|| self.fault(Step::Postings, "a deal is not opened"))?
                .body;
            let fee = match line.side {
                Side::Buy => self.path_fee(&body.area, &line.other_area)?,
                Side::Sell => 0,
            };
            self.post_trade(&mut amounts, line.deal.as_str(), line.side, line.settled.get(), deal.price, fee);
        }
        let member = body.member.as_str();
        post(&mut amounts, member, Kind::Retail, -body.from_utility.at_wide(self.contract.retail));
        post(&mut amounts, member, Kind::FeedIn, body.to_utility.at_wide(self.contract.feed_in));
        Ok(amounts)
    }

    fn post_trade(
        &self,
        amounts: &mut Amounts,
        id: &str,
        side: Side,
        energy: i64,
        price: Price,
        path_fee: i128,
    ) {
        let wide = WattHours::new(energy);
        let whole_fee = wide.at_wide(self.config.operator_fee);
        let (sign, fee) = match side {
            Side::Buy => (-1, whole_fee - whole_fee.div_euclid(2)),
            Side::Sell => (1, whole_fee.div_euclid(2)),
        };
        let nets = [
            (Kind::Energy, sign * wide.at_wide(price)),
            (Kind::OperatorFee, -fee),
            (Kind::GridFee, -i128::from(energy) * path_fee),
        ];
        let rate = self.tax_rate(side);
        for (kind, net) in nets {
            post(amounts, id, kind, net);
            post(amounts, id, Kind::Tax, tax(net, rate));
        }
    }

    fn tax_rate(&self, side: Side) -> u32 {
        let kind = self.book.member(self.slot).map(|member| member.kind.as_str()).unwrap_or_default();
        let rates = self.config.tax.get(kind).copied().unwrap_or_default();
        match side {
            Side::Buy => rates.purchase_ppm,
            Side::Sell => rates.sale_ppm,
        }
    }

    /// Lists a version's net amounts with their tax, as the lines of a statement take them.
    pub(crate) fn taxed(&self, body: &SettlementBody) -> Vec<Taxed> {
        let side_of: HashMap<&str, (Side, bool)> = body
            .fills
            .iter()
            .map(|fill| (fill.order.as_str(), (fill.side, false)))
            .chain(body.deals.iter().map(|line| (line.deal.as_str(), (line.side, true))))
            .collect();
        let taxed = |posting: &crate::entry::PostingLine| {
            let net = i128::from(posting.amount.nanos());
            let trade = side_of.get(posting.reference.as_str()).copied();
            let tax = trade.map_or(0, |(side, _)| tax(net, self.tax_rate(side)));
            Taxed { reference: posting.reference.clone(), kind: posting.what, trade, net, tax }
        };
        body.postings.iter().filter(|posting| posting.what != Kind::Tax).map(taxed).collect()
    }

    /// Returns what the utility alone would have paid for the same energy.
    pub(crate) fn utility_only(&self, body: &SettlementBody) -> i128 {
        body.export.at_wide(self.contract.feed_in) - body.import.at_wide(self.contract.retail)
    }

    /// Returns the version that was settled last.
    pub(crate) fn newest(&self) -> &'a SettlementBody {
        self.versions.values().next_back().map_or(&self.first.body, |at| &at.body)
    }

    pub(crate) fn version(&self, version: u32) -> Option<&'a SettlementBody> {
        self.versions.get(&version).map(|at| &at.body)
    }

    /// Returns the fees of all edges between two areas, per kWh.
    fn path_fee(&self, from: &AreaId, to: &AreaId) -> Result<i128, Fault> {
        let unknown =
            || self.fault(Step::Postings, "an area is not in the configuration, or the areas are no tree");
        let (up, down) = (self.way_up(from).ok_or_else(unknown)?, self.way_up(to).ok_or_else(unknown)?);
        let meet =
            up.iter().position(|area| down.iter().any(|other| other.id == area.id)).ok_or_else(unknown)?;
        let meet_down = down.iter().position(|area| area.id == up[meet].id).ok_or_else(unknown)?;
        let fee = |area: &&Area| area.fee.map_or(0, |fee| i128::from(fee.micros_per_kwh()));
        Ok(up[..meet].iter().map(fee).chain(down[..meet_down].iter().map(fee)).sum())
    }

    /// Lists an area and all above it; `None` where that never ends.
    fn way_up(&self, from: &AreaId) -> Option<Vec<&'a Area>> {
        let find = |id: &AreaId| self.config.areas.iter().find(|area| area.id == *id);
        let mut way = vec![find(from)?];
        while let Some(parent) = &way.last()?.parent {
            if way.len() > self.config.areas.len() {
                return None;
            }
            way.push(find(parent)?);
        }
        Some(way)
    }

    fn fault(&self, step: Step, detail: &str) -> Fault {
        Fault::new(step, format!("{}: {detail}", self.slot))
    }

    fn ensure(&self, holds: bool, step: Step, detail: &str) -> Result<(), Fault> {
        ensure(holds, step, || format!("{}: {detail}", self.slot))
    }
}

/// A posting with the tax on it.
pub(crate) struct Taxed {
    pub reference: String,
    pub kind: Kind,
    /// The side of the trade, and whether it was a deal; missing for what the utility settles.
    pub trade: Option<(Side, bool)>,
    pub net: i128,
    pub tax: i128,
}

/// Returns what a version sold to and bought from other members.
pub(crate) fn traded(body: &SettlementBody) -> (i128, i128) {
    let fills = body.fills.iter().map(|fill| (fill.side, fill.filled));
    let deals = body.deals.iter().map(|line| (line.side, line.settled));
    fills.chain(deals).fold((0, 0), |(sold, bought), (side, energy)| match side {
        Side::Sell => (sold + i128::from(energy.get()), bought),
        Side::Buy => (sold, bought + i128::from(energy.get())),
    })
}

/// Returns what the utility delivers and takes beside what was traded.
///
/// Where a later reading exported less than was sold, it delivered what was missing; where it imported less
/// than was bought, it took the rest. So nobody gains by declaring more than his meter shows.
fn rest((import, export): (i128, i128), sold: i128, bought: i128) -> (i128, i128) {
    let (from, to) = (import - bought, export - sold);
    (from.max(0) + (-to).max(0), to.max(0) + (-from).max(0))
}

/// Rounds a tax half to even, once per posting.
fn tax(net: i128, rate_ppm: u32) -> i128 {
    div_half_even(net * i128::from(rate_ppm), 1_000_000)
}

/// Adds to an amount; one of zero is not posted.
fn post(amounts: &mut Amounts, reference: &str, kind: Kind, nanos: i128) {
    if nanos == 0 {
        return;
    }
    let key = (reference.to_owned(), kind);
    let sum = amounts.get(&key).copied().unwrap_or(0) + nanos;
    match sum {
        0 => amounts.remove(&key),
        _ => amounts.insert(key, sum),
    };
}

fn first_difference<'a>(one: &'a Amounts, other: &'a Amounts) -> Option<&'a (String, Kind)> {
    let differs = |key: &&(String, Kind)| one.get(*key) != other.get(*key);
    one.keys().chain(other.keys()).find(differs)
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::FeedIn => "feed_in",
            Self::GridFee => "grid_fee",
            Self::OperatorFee => "operator_fee",
            Self::Retail => "retail",
            Self::Tax => "tax",
        }
    }
}

/// Whose reading a version rests on, as the counts of quality take it.
pub(crate) fn count_source(source: Option<Source>, quality: &mut crate::paper::Quality) {
    match source {
        Some(Source::Member) => quality.measured_by_member += 1,
        Some(Source::Utility) => quality.measured_by_utility += 1,
        None => quality.unmeasured += 1,
    }
}
