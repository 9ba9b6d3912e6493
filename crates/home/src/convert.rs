//! Between the vocabularies: the wire's, the history's, the rules'.

use exchange_api as wire;
use history::{
    CounterEvent, DealNews, DealState, DealTrade, Decision, History, HistoryError, LogEntry, OutgoingOrder,
    Posting, Register, Settlement, Source, StoredOrder, Verdict, What,
};
use metering::Quantity;
use units::{LocalDay, MarketId, OrderId, Slot, Zone};

/// Returns what the history keeps of a counter's event; power has no counter.
pub fn counter_event(quantity: Quantity, event: &metering::CounterEvent) -> Option<CounterEvent> {
    let register = match quantity {
        Quantity::Import => Register::Import,
        Quantity::Export => Register::Export,
        Quantity::At | Quantity::Power => return None,
    };
    let kind = event.kind.word().to_owned();
    Some(CounterEvent { at: event.at, register, kind, before: event.before, after: event.after })
}

pub fn market_side(side: rules::Side) -> market::Side {
    match side {
        rules::Side::Buy => market::Side::Buy,
        rules::Side::Sell => market::Side::Sell,
    }
}

/// Returns what the history keeps of a decision.
pub fn decision(decision: &rules::Decision, now: units::Timestamp) -> Decision {
    Decision {
        slot: decision.slot,
        side: market_side(decision.side),
        decided_at: now,
        verdict: match decision.verdict {
            rules::Verdict::Offer => Verdict::Offer,
            rules::Verdict::Bid => Verdict::Bid,
            rules::Verdict::None => Verdict::Nothing,
        },
        rule: decision.rule.clone(),
        quantity: decision.quantity,
        limit: decision.limit,
        reasons_json: serde_json::to_string(&decision.reasons).expect("reasons are plain data"),
    }
}

/// Returns a stored order as it was signed.
pub fn signed_order(stored: &StoredOrder) -> wire::SignedOrder {
    let OutgoingOrder { id, market, member, slot, side, quantity, limit, key, salt, signature, .. } =
        stored.order.clone();
    wire::Signed {
        body: wire::Order {
            id,
            market,
            member,
            slot,
            side,
            quantity,
            limit,
            commitment: wire::Commitment::Metered,
        },
        key,
        salt,
        signature,
    }
}

/// Returns what the history keeps of a settled slot, or what in it is not understood.
pub fn settlement(
    market: &MarketId,
    zone: Zone,
    settled: wire::MemberSettlement,
) -> Result<Settlement, String> {
    let posting = |posting: wire::MemberPosting| {
        let what = What::from_word(&posting.what)
            .ok_or_else(|| format!("a posting is about \"{}\"", posting.what))?;
        Ok(Posting { reference: posting.reference, what, amount: posting.amount })
    };
    let postings = settled.postings.into_iter().map(posting).collect::<Result<_, String>>()?;
    let fill =
        |fill: wire::OrderFill| history::Fill { order: fill.order, side: fill.side, filled: fill.filled };
    Ok(Settlement {
        market: market.clone(),
        cursor: settled.cursor,
        slot: settled.slot,
        version: settled.version,
        local_day: LocalDay::containing(settled.slot.start(), zone).key(),
        settled_at: settled.settled_at,
        area: settled.area,
        price: settled.price,
        measured: settled.measured,
        source: settled.source.map(|source| match source {
            wire::ReadingSource::Member => Source::Member,
            wire::ReadingSource::Utility => Source::Utility,
        }),
        import: settled.import,
        export: settled.export,
        sold: settled.sold,
        bought: settled.bought,
        from_utility: settled.from_utility,
        to_utility: settled.to_utility,
        retail: settled.contract.retail_micros_per_kwh,
        feed_in: settled.contract.feed_in_micros_per_kwh,
        fills: settled.fills.into_iter().map(fill).collect(),
        deals: settled.deals.into_iter().map(deal_trade).collect(),
        postings,
    })
}

fn deal_trade(fill: wire::DealFill) -> DealTrade {
    DealTrade {
        deal: fill.deal,
        side: fill.side,
        partner: fill.partner,
        filled: fill.filled,
        price: fill.price,
        grid_fee: fill.grid_fee,
    }
}

/// Returns what the history keeps of the exchange's word about a deal.
pub fn deal_news(status: &wire::DealStatus) -> DealNews {
    DealNews {
        id: status.deal.id.clone(),
        terms_json: serde_json::to_string(&status.deal).expect("a deal is plain data"),
        state: match status.state {
            wire::DealState::Proposed => DealState::Proposed,
            wire::DealState::Agreed => DealState::Agreed,
            wire::DealState::Ended => DealState::Ended,
        },
        proposed_by: status.proposed_by.clone(),
        proposed_at: status.proposed_at,
        agreed_at: status.agreed_at,
        served_from: status.served_from,
        served_until: status.served_until,
        ended_by: status.ended_by.clone(),
    }
}

/// Returns what the history keeps of an opened entry of the log.
pub fn log_entry(history: &History, entry: &wire::OpenedEntry) -> Result<LogEntry, HistoryError> {
    Ok(LogEntry {
        index: entry.index,
        domain: entry.domain.clone(),
        slot: slot_of(history, entry)?,
        salt: entry.salt.to_text(),
        body: entry.body.to_string(),
        signatures: serde_json::to_string(&entry.signatures).expect("signatures are plain data"),
    })
}

/// Returns the slot that an entry is about; a cancellation is about its order's, as far as that is known here.
fn slot_of(history: &History, entry: &wire::OpenedEntry) -> Result<Option<Slot>, HistoryError> {
    match entry.domain.as_str() {
        "wattle/order/v1"
        | "wattle/reading/v1"
        | "wattle/utility-reading/v1"
        | "wattle/clearing/v1"
        | "wattle/settlement/v1" => Ok(entry.body["slot"].as_str().and_then(|slot| slot.parse().ok())),
        "wattle/cancel/v1" => {
            let order = entry.body["order"].as_str().and_then(|order| OrderId::new(order).ok());
            let order = order.map(|order| history.order(&order)).transpose()?.flatten();
            Ok(order.map(|stored| stored.order.slot))
        }
        _ => Ok(None),
    }
}

/// Returns an entry of the log as it came; `None` where what is kept of it cannot be read.
pub fn opened_entry(entry: &LogEntry) -> Option<wire::OpenedEntry> {
    Some(wire::OpenedEntry {
        index: entry.index,
        domain: entry.domain.clone(),
        salt: ledger::Salt::from_text(&entry.salt)?,
        body: serde_json::from_str(&entry.body).ok()?,
        signatures: serde_json::from_str(&entry.signatures).ok()?,
    })
}

/// Returns an entry of the log as a statement opens it.
pub fn statement_entry(entry: &LogEntry) -> Option<::statement::Entry> {
    Some(::statement::Entry {
        index: entry.index,
        domain: entry.domain.clone(),
        salt: ledger::Salt::from_text(&entry.salt)?,
        body: serde_json::from_str(&entry.body).ok()?,
        signatures: serde_json::from_str(&entry.signatures).ok()?,
    })
}

/// Returns an entry of a statement as the exchange sends it.
pub fn opened(entry: &::statement::Entry) -> wire::OpenedEntry {
    let signature = |signature: &::statement::AuthorSignature| wire::EntrySignature {
        key: signature.key.clone(),
        signature: signature.signature.clone(),
    };
    wire::OpenedEntry {
        index: entry.index,
        domain: entry.domain.clone(),
        salt: entry.salt,
        body: entry.body.clone(),
        signatures: entry.signatures.iter().map(signature).collect(),
    }
}
