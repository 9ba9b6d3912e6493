//! Writes the street's past into the exchange's books and the households' histories.
//!
//! The exchange settles each past slot again before it takes it. The households are told the same through
//! the same figures, and one slot is compared with what the exchange would have told them.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exchange::{Exchange, PastSlot as BookedSlot};
use history::{
    AreaPrice, Decision, Fill, History, HistoryError, OpenMode, OrderChange, OutgoingOrder, Posting,
    PriceKind, Settlement, SlotPrice, SlotRow, Verdict, What,
};
use home::config::{HISTORY_FILE, Role};
use metering::{Borders, Method, Quality, SlotEnergy};
use rules::RuleBook;
use settlement::Account;
use units::{Currency, Energy, KeyId, LocalDay, MarketId, Power, Slot, Timestamp};

use super::StreetError;
use super::folders::{meter_id, meter_roles};
use super::market::{FUSE_W, GATE_S};
use crate::house::{Counters, House, HousePlan, ZONE};
use crate::past::{PastHouse, PastSlot, tell};

/// How long after a slot its money was known.
const SETTLED_AFTER: Duration = Duration::from_secs(40);

/// How long before its slot an order was made.
const ORDERED_BEFORE: Duration = Duration::from_secs(3600);

/// Returns the instant at which everything before a slot is past, and settled.
pub(super) fn tells_at(first_lived: Slot) -> Timestamp {
    first_lived.start() + SETTLED_AFTER
}

/// Lets the street have lived through the slots.
pub(super) async fn remember(
    exchange: &Exchange,
    houses: &[Arc<House>],
    dir: &Path,
    slots: Range<Slot>,
) -> Result<(), StreetError> {
    if slots.is_empty() {
        return Ok(());
    }
    let market = super::market::past(exchange.config());
    let past_houses: Vec<PastHouse> = houses.iter().map(past_house).collect();
    let told = tokio::task::spawn_blocking(move || {
        tell(&market, &past_houses, slots).collect::<Result<Vec<PastSlot>, _>>()
    });
    let past = Arc::new(joined(told.await)?);
    tracing::info!(slots = past.len(), "past told");
    let mut writers = Vec::new();
    for (place, house) in houses.iter().enumerate() {
        let (past, plan) = (Arc::clone(&past), house.plan.clone());
        let writer = Writer { market: exchange.market().clone(), place, houses: houses.len(), plan };
        let path = dir.join(&house.plan.id).join(HISTORY_FILE);
        writers.push(tokio::task::spawn_blocking(move || writer.write(&path, &past)));
    }
    exchange.import_settled(past.iter().map(booked).collect()).await?;
    tracing::info!("past booked");
    let mut last = Vec::new();
    for (writer, house) in writers.into_iter().zip(houses) {
        let written = joined(writer.await);
        last.push(written.map_err(|cause| StreetError::History { house: house.plan.id.clone(), cause })?);
    }
    tracing::info!("past remembered");
    compare(exchange, last).await
}

/// Compares what the households were told of the last slot with what the exchange tells of it.
async fn compare(exchange: &Exchange, told: Vec<Settlement>) -> Result<(), StreetError> {
    let Some(slot) = told.first().map(|settlement| settlement.slot) else { return Ok(()) };
    let differs = |what: &str| Err(StreetError::PastDiffers(format!("slot {slot}, {what}")));
    let Some(report) = exchange.slot_report(slot).await? else { return differs("which it does not know") };
    for settlement in told {
        let wire = report.members.iter().map(|(_, wire)| wire).find(|wire| wire.cursor == settlement.cursor);
        let Some(wire) = wire else { return differs("in its cursors") };
        let same_energy = (wire.import, wire.export, wire.sold, wire.bought)
            == (settlement.import, settlement.export, settlement.sold, settlement.bought);
        let same_money = wire
            .postings
            .iter()
            .map(|posting| posting.amount)
            .eq(settlement.postings.iter().map(|posting| posting.amount));
        if !same_energy || !same_money || wire.price != settlement.price {
            return differs("in its figures");
        }
    }
    Ok(())
}

fn past_house(house: &Arc<House>) -> PastHouse {
    PastHouse {
        house: Arc::clone(house),
        member: super::market::member(&house.plan),
        area: super::market::area(&house.plan),
        rules: RuleBook::parse(&house.plan.terms.rules_toml(), Currency::EUR)
            .expect("the terms are written as rules"),
        contracts: super::market::contracts(&house.plan),
        fuse: Power::from_watts(FUSE_W.into()),
    }
}

fn booked(past: &PastSlot) -> BookedSlot {
    BookedSlot {
        input: past.input.clone(),
        settlement: past.settlement.clone(),
        settled_at: past.slot.end() + SETTLED_AFTER,
    }
}

/// Writes the history of one house.
struct Writer {
    market: MarketId,
    /// The house's place in the street.
    place: usize,
    houses: usize,
    plan: HousePlan,
}

impl Writer {
    /// Writes everything and returns the last settlement.
    fn write(&self, path: &Path, past: &[PastSlot]) -> Result<Settlement, HistoryError> {
        let history = History::open(path, OpenMode::ReadWrite)?;
        let now = past.last().map_or(Timestamp::default(), |last| tells_at(last.slot.next()));
        for role in meter_roles(&self.plan) {
            let rows: Vec<SlotRow> = past.iter().map(|slot| self.energy(role, slot)).collect();
            history.record_slots(&meter_id(role), &rows, now)?;
        }
        let prices: Vec<SlotPrice> = past.iter().map(|slot| self.contract_price(slot)).collect();
        history.record_prices(&prices, now)?;
        let cleared: Vec<AreaPrice> = past.iter().flat_map(area_prices).collect();
        history.record_area_prices(&cleared, now)?;
        let decisions: Vec<Decision> = past.iter().flat_map(|slot| self.decisions(slot)).collect();
        history.record_decisions(&decisions)?;
        self.write_orders(&history, past)?;
        let settlements: Vec<Settlement> =
            past.iter().enumerate().map(|(number, slot)| self.settlement(number, slot)).collect();
        let last = settlements.last().cloned().expect("a past that is written has slots");
        history.record_settlements(&self.market, settlements, last.cursor, now)?;
        Ok(last)
    }

    fn energy(&self, role: Role, past: &PastSlot) -> SlotRow {
        let (start, end) = past.registers[self.place];
        let counters = |counters: &Counters| match role {
            Role::Grid => (counters.import, counters.export),
            Role::Solar => (counters.produced, Energy::ZERO),
            Role::Battery => (counters.discharged, counters.charged),
        };
        let ((import_start, export_start), (import_end, export_end)) = (counters(&start), counters(&end));
        let energy = SlotEnergy {
            start: past.slot.start(),
            seconds: units::SLOT_SECONDS as u32,
            import: Some(import_end - import_start),
            export: Some(export_end - export_start),
            borders: Borders {
                import_start: Some(import_start),
                import_end: Some(import_end),
                export_start: Some(export_start),
                export_end: Some(export_end),
            },
            quality: Quality::Measured,
            method: Method::Counter,
        };
        SlotRow { local_day: LocalDay::containing(past.slot.start(), ZONE).key(), energy }
    }

    fn decisions(&self, past: &PastSlot) -> impl Iterator<Item = Decision> {
        past.decisions[self.place].iter().map(|decision| Decision {
            slot: decision.slot,
            side: market_side(decision.side),
            decided_at: decision.slot.start() - ORDERED_BEFORE,
            verdict: match decision.verdict {
                rules::Verdict::Offer => Verdict::Offer,
                rules::Verdict::Bid => Verdict::Bid,
                rules::Verdict::None => Verdict::Nothing,
            },
            rule: decision.rule.clone(),
            quantity: decision.quantity,
            limit: decision.limit,
            reasons_json: serde_json::to_string(&decision.reasons).expect("reasons are plain data"),
        })
    }

    /// Orders of a past that never was bear no signature: nobody ever signed them.
    fn write_orders(&self, history: &History, past: &[PastSlot]) -> Result<(), HistoryError> {
        let member = super::market::member(&self.plan);
        let key = KeyId::new("generated").expect("a short word is an id");
        let own = |slot: &PastSlot| -> Vec<OutgoingOrder> {
            let orders = slot.input.orders.iter().filter(|order| order.member == member);
            let order = |order: &settlement::MemberOrder| OutgoingOrder {
                id: order.id.clone(),
                market: self.market.clone(),
                member: order.member.clone(),
                slot: slot.slot,
                side: order.side,
                quantity: order.quantity,
                limit: order.limit,
                key: key.clone(),
                salt: String::new(),
                signature: String::new(),
                gate: slot.slot.start() - Duration::from_secs(GATE_S.into()),
                queued_at: slot.slot.start() - ORDERED_BEFORE,
                by_owner: false,
            };
            orders.map(order).collect()
        };
        let orders: Vec<OutgoingOrder> = past.iter().flat_map(own).collect();
        history.queue_orders(&orders)?;
        let accepted = orders
            .into_iter()
            .map(|order| (order.id, OrderChange::Accepted { accepted_at: order.queued_at }))
            .collect();
        // Clearing, which comes with the settlements, marks them once more.
        history.mark_orders(accepted, tells_at(past[0].slot)).map(drop)
    }

    /// Returns what the exchange tells this house of a slot.
    fn settlement(&self, number: usize, past: &PastSlot) -> Settlement {
        let member = &past.input.members[self.place];
        let totals = past.settlement.member_totals(member).unwrap_or_default();
        let account = Account::Member(member.id.clone());
        let mut postings: Vec<Posting> = past
            .settlement
            .postings
            .iter()
            .filter(|posting| posting.account == account)
            .map(|posting| Posting {
                reference: posting.reference.to_string(),
                what: what(posting.what),
                amount: posting.amount,
            })
            .collect();
        postings.sort_by(|one, other| {
            (&one.reference, one.what.word()).cmp(&(&other.reference, other.what.word()))
        });
        let outcome = past.settlement.clearing.areas.iter().find(|area| area.id == member.area);
        Settlement {
            market: self.market.clone(),
            // The exchange counts its rows from 1, slot by slot and house by house.
            cursor: (number * self.houses + self.place + 1) as i64,
            slot: past.slot,
            version: 1,
            local_day: LocalDay::containing(past.slot.start(), ZONE).key(),
            settled_at: past.slot.end() + SETTLED_AFTER,
            area: member.area.clone(),
            price: outcome.and_then(|area| area.price),
            measured: true,
            source: Some(history::Source::Member),
            import: member.import,
            export: member.export,
            sold: totals.sold,
            bought: totals.bought,
            from_utility: totals.from_utility,
            to_utility: totals.to_utility,
            retail: member.retail,
            feed_in: member.feed_in,
            fills: self.fills(past),
            // Neighbours agree on deals only once the street lives.
            deals: Vec::new(),
            postings,
        }
    }

    fn fills(&self, past: &PastSlot) -> Vec<Fill> {
        let member = &past.input.members[self.place].id;
        let own = past.input.orders.iter().filter(|order| order.member == *member);
        let filled = |order: &settlement::MemberOrder| {
            let fill = past.settlement.clearing.fills.iter().find(|fill| fill.order == order.id)?;
            Some(Fill { order: order.id.clone(), side: order.side, filled: fill.filled })
        };
        own.filter_map(filled).collect()
    }

    fn contract_price(&self, past: &PastSlot) -> SlotPrice {
        let member = &past.input.members[self.place];
        SlotPrice {
            slot: past.slot,
            kind: PriceKind::Contract,
            retail: Some(member.retail),
            feed_in: Some(member.feed_in),
        }
    }
}

fn area_prices(past: &PastSlot) -> impl Iterator<Item = AreaPrice> {
    let slot = past.slot;
    past.settlement.clearing.areas.iter().map(move |area| AreaPrice {
        slot,
        area: area.id.clone(),
        price: area.price,
    })
}

fn market_side(side: rules::Side) -> market::Side {
    match side {
        rules::Side::Sell => market::Side::Sell,
        rules::Side::Buy => market::Side::Buy,
    }
}

fn what(what: settlement::What) -> What {
    match what {
        settlement::What::Energy => What::Energy,
        settlement::What::GridFee => What::GridFee,
        settlement::What::OperatorFee => What::OperatorFee,
        settlement::What::Retail => What::Retail,
        settlement::What::FeedIn => What::FeedIn,
        settlement::What::Congestion => What::Congestion,
    }
}

fn joined<T>(outcome: Result<T, tokio::task::JoinError>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
