//! Clears and settles a slot in one transaction; adjusts it when a reading comes late.

use exchange_api::{AreaPrice, ReadingSource, SlotState, UtilityContract};
use rusqlite::Connection;
use settlement::{Account, Fees, MeteredMember, Posting, Settlement, SlotInput, What};
use units::{MarketId, MemberId, Money, OrderId, Slot, Timestamp, WattHours};

use super::{Failure, book, deals, governing, indicative, logged};
use crate::store::rows::reading::ReadingRow;
use crate::store::rows::settlement::{SettledAt, SettledMember};
use crate::store::rows::{deal, member, order, reading, settlement as settled, slot, utility};

/// Import and export of a slot.
type Energies = (WattHours, WattHours);

/// A slot's input with what the settlement itself does not need.
struct Gathered {
    input: SlotInput,
    market: MarketId,
    config_version: i64,
    /// In the order of the input's members.
    sources: Vec<Option<ReadingSource>>,
}

/// Clears, verifies and settles a slot whose readings are closed.
pub(crate) fn settle(db: &Connection, slot: Slot, now: Timestamp) -> Result<(), Failure> {
    let gathered = gather(db, slot)?;
    let settlement = settlement_of(&gathered.input)?;
    slot::enter(db, slot, SlotState::Cleared, now)?;
    let traded = store(db, &gathered.input, &settlement, gathered.config_version, &gathered.sources, now)?;
    slot::enter(db, slot, SlotState::Settled, now)?;
    logged::clearing(db, &gathered.market, slot)?;
    for member in &gathered.input.members {
        let at = SettledAt { member: member.id.clone(), slot, version: 1 };
        logged::settlement(db, &gathered.market, &at)?;
    }
    let price = settlement.clearing.areas.first().and_then(|area| area.price);
    tracing::info!(%slot, traded_wh = traded.get(), price = ?price.map(|it| it.to_string()), "slot settled");
    let mut late: Vec<MemberId> = reading::late(db, slot)?.into_iter().map(|(member, _)| member).collect();
    late.extend(utility::late(db, slot)?);
    late.sort_unstable();
    late.dedup();
    for member in late {
        adjust(db, &member, slot, now)?;
    }
    Ok(())
}

/// Settles an input and proves the outcome before anyone sees it.
fn settlement_of(input: &SlotInput) -> Result<Settlement, Failure> {
    let slot = input.slot;
    let invalid = |cause| Failure::Settlement { slot, cause };
    let settlement = settlement::settle(input).map_err(invalid)?;
    let auction = settlement::auction_of(input).map_err(invalid)?;
    market::verify_after_deals(&auction.book, &auction.capacities, &settlement.clearing)
        .map_err(|cause| Failure::Unverified { slot, cause })?;
    check_balance(slot, &settlement.postings)?;
    Ok(settlement)
}

fn check_balance(slot: Slot, postings: &[Posting]) -> Result<(), Failure> {
    let sum: i128 = postings.iter().map(|posting| i128::from(posting.amount.nanos())).sum();
    if sum == 0 { Ok(()) } else { Err(Failure::Unbalanced { slot, sum }) }
}

/// Returns each area's price if the slot were cleared with what meters told of it, or else told last.
pub(super) fn expected_prices(db: &Connection, slot: Slot) -> Result<Vec<AreaPrice>, Failure> {
    let told = |id: &MemberId| -> Result<_, Failure> {
        let known = figures(db, id, slot, |_| true)?;
        let since = slot.offset(-indicative::REACH_SLOTS);
        Ok(match known {
            Some(known) => Some(known),
            None => reading::measured_before(db, id, slot)?
                .filter(|reading| reading.slot >= since)
                .and_then(|reading| reading.energy())
                .map(|energy| (energy, ReadingSource::Member)),
        })
    };
    let gathered = gather_with(db, slot, told)?;
    let invalid = |cause| Failure::Settlement { slot, cause };
    let clearing = settlement::settle(&gathered.input).map_err(invalid)?.clearing;
    Ok(slot::prices(&clearing.areas))
}

fn gather(db: &Connection, slot: Slot) -> Result<Gathered, Failure> {
    // What is late or missing enters with 0: it holds up nobody.
    gather_with(db, slot, |id| figures(db, id, slot, |reading| !reading.late))
}

fn gather_with(
    db: &Connection,
    slot: Slot,
    figures_of: impl Fn(&MemberId) -> Result<Option<(Energies, ReadingSource)>, Failure>,
) -> Result<Gathered, Failure> {
    let (config_version, config) = governing(db, slot)?;
    let mut members = Vec::new();
    let mut sources = Vec::new();
    for row in member::of_slot(db, slot)? {
        let (energy, source) = figures_of(&row.id)?.unzip();
        sources.push(source);
        members.push(metered(row.id, row.area, energy.unwrap_or_default(), row.contract));
    }
    let deals = deals::entering(db, &config, slot, |id| members.iter().any(|member| member.id == *id))?;
    let orders = book::member_orders(&order::live(db, slot)?);
    let input = SlotInput {
        slot,
        areas: config.market_areas(),
        members,
        deals,
        orders,
        fees: Fees { operator: config.operator_fee_micros_per_kwh },
    };
    Ok(Gathered { input, market: config.market, config_version, sources })
}

/// Returns a member's import and export in a slot, with who told them: the utility's word goes before the member's own.
fn figures(
    db: &Connection,
    id: &MemberId,
    slot: Slot,
    counts: impl Fn(&ReadingRow) -> bool,
) -> Result<Option<(Energies, ReadingSource)>, Failure> {
    let energy = |found: Option<ReadingRow>| found.filter(&counts).and_then(|reading| reading.energy());
    if let Some(told) = energy(utility::find(db, id, slot)?) {
        return Ok(Some((told, ReadingSource::Utility)));
    }
    Ok(energy(reading::find(db, id, slot)?).map(|told| (told, ReadingSource::Member)))
}

fn metered(
    id: MemberId,
    area: units::AreaId,
    (import, export): (WattHours, WattHours),
    contract: UtilityContract,
) -> MeteredMember {
    MeteredMember {
        id,
        area,
        import,
        export,
        retail: contract.retail_micros_per_kwh,
        feed_in: contract.feed_in_micros_per_kwh,
    }
}

/// Stores what a slot came to; returns the energy traded.
pub(super) fn store(
    db: &Connection,
    input: &SlotInput,
    settlement: &Settlement,
    config_version: i64,
    sources: &[Option<ReadingSource>],
    now: Timestamp,
) -> Result<WattHours, Failure> {
    let slot = input.slot;
    let filled: Vec<(&OrderId, WattHours)> =
        settlement.clearing.fills.iter().map(|fill| (&fill.order, fill.filled)).collect();
    order::set_filled(db, slot, &filled)?;
    for (entered, settled) in by_id(&input.deals).into_iter().zip(&settlement.deals) {
        deal::insert_settled(db, slot, entered, settled)?;
    }
    slot::insert_areas(db, slot, &settlement.clearing.areas)?;
    let mut traded = WattHours::ZERO;
    for (member, &source) in input.members.iter().zip(sources) {
        let totals = settlement.member_totals(member).unwrap_or_default();
        traded += totals.sold;
        settled::insert_member(
            db,
            &SettledMember {
                slot,
                version: 1,
                member: member.id.clone(),
                settled_at: now,
                area: member.area.clone(),
                source,
                import: member.import,
                export: member.export,
                sold: totals.sold,
                bought: totals.bought,
                from_utility: totals.from_utility,
                to_utility: totals.to_utility,
                contract: UtilityContract {
                    retail_micros_per_kwh: member.retail,
                    feed_in_micros_per_kwh: member.feed_in,
                },
            },
        )?;
    }
    settled::insert_postings(db, slot, 1, &settlement.postings)?;
    slot::set_settled(db, slot, config_version, traded)?;
    Ok(traded)
}

/// Lists deals as a settlement does.
fn by_id(deals: &[settlement::Deal]) -> Vec<&settlement::Deal> {
    let mut deals: Vec<_> = deals.iter().collect();
    deals.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    deals
}

/// Lets a late reading or the utility's in: its member's postings with the utility change, nobody else's.
pub(crate) fn adjust(db: &Connection, id: &MemberId, slot: Slot, now: Timestamp) -> Result<(), Failure> {
    let (Some(row), Some(before)) = (slot::find(db, slot)?, settled::newest(db, slot, id)?) else {
        return Ok(());
    };
    let Some((energy, source)) = figures(db, id, slot, |_| true)? else { return Ok(()) };
    if before.source == Some(source) && (before.import, before.export) == energy {
        return Ok(());
    }
    // What was traded stands, and the rest is the utility's: as if alone with it, without orders.
    let (from_utility, to_utility) = rest(energy, before.sold, before.bought);
    let (_, config) = governing(db, slot)?;
    let alone = SlotInput {
        slot,
        areas: config.market_areas(),
        members: vec![metered(id.clone(), before.area.clone(), (from_utility, to_utility), before.contract)],
        deals: Vec::new(),
        orders: Vec::new(),
        fees: Fees::default(),
    };
    let settlement = settlement_of(&alone)?;
    let version = row.version + 1;
    settled::insert_postings(db, slot, version, &deltas(db, slot, id, &settlement.postings)?)?;
    settled::insert_member(
        db,
        &SettledMember {
            slot,
            version,
            member: id.clone(),
            settled_at: now,
            area: before.area,
            source: Some(source),
            import: energy.0,
            export: energy.1,
            sold: before.sold,
            bought: before.bought,
            from_utility,
            to_utility,
            contract: before.contract,
        },
    )?;
    slot::set_version(db, slot, version)?;
    logged::settlement(db, &config.market, &SettledAt { member: id.clone(), slot, version })?;
    slot::enter(db, slot, SlotState::Adjusted, now)?;
    tracing::info!(%slot, member = %id, version, ?source, "a reading adjusted the slot");
    Ok(())
}

/// Returns what is left to the utility, to and from, where the trades stand.
///
/// Where less was exported than sold, the utility delivered what was missing, at its retail price; where less was
/// imported than bought, it took the rest, at feed-in. So nobody gains by declaring more than his meter shows.
pub(crate) fn rest(
    (import, export): (WattHours, WattHours),
    sold: WattHours,
    bought: WattHours,
) -> (WattHours, WattHours) {
    let (from, to) = (import - bought, export - sold);
    let positive = |energy: WattHours| energy.max(WattHours::ZERO);
    (positive(from) + positive(-to), positive(to) + positive(-from))
}

/// Returns what must be added to a member's postings with its utility so that they become these.
fn deltas(db: &Connection, slot: Slot, id: &MemberId, wanted: &[Posting]) -> Result<Vec<Posting>, Failure> {
    let with_utility = |posting: &Posting| matches!(posting.what, What::Retail | What::FeedIn);
    let of_member = |posting: &Posting| {
        posting.account == Account::Member(id.clone()) || posting.account == Account::Utility(id.clone())
    };
    let mut deltas = wanted.to_vec();
    for old in settled::postings(db, slot)?.into_iter().filter(|old| with_utility(old) && of_member(old)) {
        let same = |new: &&mut Posting| {
            (&new.account, &new.reference, new.what) == (&old.account, &old.reference, old.what)
        };
        match deltas.iter_mut().find(same) {
            Some(new) => new.amount -= old.amount,
            None => deltas.push(Posting { amount: -old.amount, ..old }),
        }
    }
    deltas.retain(|posting| posting.amount != Money::ZERO);
    check_balance(slot, &deltas)?;
    Ok(deltas)
}
