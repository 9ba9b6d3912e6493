//! What clients were told, written down as they were told it, and held against a market's file afterwards.

use std::path::Path;
use std::sync::Mutex;

use exchange::Exchange;
use exchange_api::{
    CancelOrders, ClientError, Day, Deal, OrderOutcome, ProblemCode, ReadingOutcome, Signed, new_deal_id,
    new_salt,
};
use market::Side;
use rusqlite::{Connection, OptionalExtension as _, Params};
use units::{DealId, MarketId, MemberId, OrderId, Slot};

use crate::street::{Home, price, wh};

/// Something that a client was told, and may rely on from then on.
#[derive(Clone, Debug)]
pub enum Promise {
    Order(OrderId),
    Cancelled(OrderId),
    Reading(MemberId, Slot),
    Proposed(DealId),
    Agreed(DealId),
    Ended(DealId),
    Settled {
        cursor: i64,
        slot: Slot,
        member: MemberId,
    },
    /// A head of the log that was handed out.
    Head {
        size: u64,
        note: String,
    },
}

/// Writes promises down, each with the moment from which it holds.
pub struct Witness<'a> {
    told: Mutex<Vec<(usize, Promise)>>,
    moment: Box<dyn Fn() -> usize + Send + Sync + 'a>,
}

impl<'a> Witness<'a> {
    pub fn new(moment: impl Fn() -> usize + Send + Sync + 'a) -> Self {
        Self { told: Mutex::default(), moment: Box::new(moment) }
    }

    pub fn note(&self, promise: Promise) {
        // The moment is taken after the answer came: by then it was durable, or it was a lie.
        let moment = (self.moment)();
        self.told.lock().unwrap().push((moment, promise));
    }

    pub fn count(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    /// Returns what was told, by moment.
    pub fn told(&self) -> Vec<(usize, Promise)> {
        let mut told = self.told.lock().unwrap().clone();
        told.sort_by_key(|(moment, _)| *moment);
        told
    }
}

/// Audits a market that was opened after a fault and looks up everything that was promised before it.
pub async fn judge(exchange: &Exchange, dir: &Path, promises: &[(usize, Promise)]) -> Result<(), String> {
    let audit = exchange.audit().await.map_err(|error| format!("the audit failed: {error}"))?;
    if !audit.holds() {
        return Err(format!("the books do not hold: {audit:?}"));
    }
    let db = Connection::open(dir.join("exchange.sqlite")).map_err(|error| error.to_string())?;
    for (moment, promise) in promises {
        if !kept(&db, promise).map_err(|error| error.to_string())? {
            return Err(format!("promised at {moment} and not kept: {promise:?}"));
        }
    }
    Ok(())
}

/// Returns whether something is there, once, and in the log where it has an entry of its own.
fn kept(db: &Connection, promise: &Promise) -> rusqlite::Result<bool> {
    match promise {
        Promise::Order(id) => {
            let stored = count(db, "select count(*) from \"order\" where id = ?1", [id.as_str()])?;
            Ok((stored, entries(db, "wattle/order/v1", id.as_str())?) == (1, 1))
        }
        Promise::Cancelled(id) => {
            let sql = "select count(*) from \"order\" where id = ?1 and cancelled_at_ms is not null";
            Ok((count(db, sql, [id.as_str()])?, entries(db, "wattle/cancel/v1", id.as_str())?) == (1, 1))
        }
        Promise::Reading(member, slot) => {
            let sql = "select count(*) from reading where member = ?1 and slot = ?2";
            Ok(count(db, sql, (member.as_str(), slot.index()))? == 1)
        }
        Promise::Proposed(id) => deal(db, id, "proposed_at_ms"),
        Promise::Agreed(id) => deal(db, id, "agreed_at_ms"),
        Promise::Ended(id) => deal(db, id, "ended_at_ms"),
        Promise::Settled { cursor, slot, member } => {
            let sql = "select count(*) from settled_member where cursor = ?1 and slot = ?2 and member = ?3";
            Ok(count(db, sql, (*cursor, slot.index(), member.as_str()))? == 1)
        }
        Promise::Head { size, note } => {
            // The audit computed the root of each stored head again; so this is the same history, grown.
            let sql = "select note from log_head where size = ?1";
            let stored: Option<String> = db.query_row(sql, [*size as i64], |row| row.get(0)).optional()?;
            Ok(stored.as_ref() == Some(note))
        }
    }
}

fn deal(db: &Connection, id: &DealId, since: &str) -> rusqlite::Result<bool> {
    let sql = format!("select count(*) from deal where id = ?1 and {since} is not null");
    Ok(count(db, &sql, [id.as_str()])? == 1)
}

fn entries(db: &Connection, domain: &str, subject: &str) -> rusqlite::Result<i64> {
    count(db, "select count(*) from log_entry where domain = ?1 and subject = ?2", (domain, subject))
}

fn count(db: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<i64> {
    db.prepare_cached(sql)?.query_row(params, |row| row.get(0))
}

/// Places the orders of one request in a slot, takes the first back in some cases, and asks for the log's head in others.
pub async fn trade(home: &Home, slot: Slot, number: usize, witness: &Witness<'_>) -> Result<(), ClientError> {
    let side = if home.member.as_str().ends_with(['1', '3']) { Side::Sell } else { Side::Buy };
    let limit = if side == Side::Sell { 100_000 } else { 250_000 };
    let orders = (0..1 + number % 3).map(|more| home.sign(home.order(slot, side, 10 + more as i64, limit)));
    let mut placed = Vec::new();
    for outcome in slowed(|| home.client.place_orders(orders.clone().collect())).await?.outcomes {
        match outcome {
            OrderOutcome::Accepted { id, .. } => {
                witness.note(Promise::Order(id.clone()));
                placed.push(id);
            }
            OrderOutcome::Refused { problem, .. } if problem.code == ProblemCode::GateClosed => {}
            other => panic!("{other:?}"),
        }
    }
    if number.is_multiple_of(3) && !placed.is_empty() {
        let which = CancelOrders::Ids(placed[..1].to_vec());
        if let OrderOutcome::Cancelled { id, .. } =
            slowed(|| home.client.cancel_orders(&which)).await?.outcomes.remove(0)
        {
            witness.note(Promise::Cancelled(id));
        }
    }
    if number.is_multiple_of(4) {
        let head = slowed(|| home.client.log_checkpoint()).await?;
        witness.note(Promise::Head { size: head.claimed().size, note: head.to_string() });
    }
    Ok(())
}

/// A key may send a hundred requests a second; who is told so waits a little.
async fn slowed<T, F: Future<Output = Result<T, ClientError>>>(
    call: impl Fn() -> F,
) -> Result<T, ClientError> {
    loop {
        match call().await {
            Err(error) if error.code() == Some(ProblemCode::TooManyRequests) => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            other => return other,
        }
    }
}

/// Reports a slot whose registers follow from its number, so that any two reports fit together.
pub async fn report(home: &Home, slot: Slot, first: Slot, witness: &Witness<'_>) -> Result<(), ClientError> {
    let sells = home.member.as_str().ends_with(['1', '3']);
    let (import, export) = if sells { (3, 40) } else { (40, 0) };
    let passed = slot.index() - first.index();
    let registers = [passed * import, (passed + 1) * import, passed * export, (passed + 1) * export];
    let reading = home.reading(slot, Some(registers));
    let outcomes = slowed(|| home.client.report_readings(vec![reading.clone()])).await?.outcomes;
    if matches!(outcomes[0], ReadingOutcome::Accepted { .. } | ReadingOutcome::Late { .. }) {
        witness.note(Promise::Reading(home.member.clone(), slot));
    }
    Ok(())
}

/// Proposes a deal to a neighbour, who agrees; ends it in some cases.
pub async fn agree(
    seller: &Home,
    buyer: &Home,
    from: Slot,
    ends: bool,
    witness: &Witness<'_>,
) -> Result<(), ClientError> {
    let deal = Deal {
        id: new_deal_id(),
        market: MarketId::new("lindenweg").unwrap(),
        seller: seller.member.clone(),
        buyer: buyer.member.clone(),
        price: price(120_000),
        cap: wh(5),
        cap_per_day: None,
        days: Day::ALL.to_vec(),
        hours: None,
        zone: "Europe/Berlin".to_owned(),
        from,
        until: None,
    };
    let signed = |home: &Home| Signed::sign(deal.clone(), &home.key, new_salt().unwrap()).unwrap();
    let (proposal, acceptance) = (signed(seller), signed(buyer));
    slowed(|| seller.client.propose_deal(&proposal)).await?;
    witness.note(Promise::Proposed(deal.id.clone()));
    slowed(|| buyer.client.accept_deal(&acceptance)).await?;
    witness.note(Promise::Agreed(deal.id.clone()));
    if ends {
        slowed(|| buyer.client.end_deal(&deal.id)).await?;
        witness.note(Promise::Ended(deal.id.clone()));
    }
    Ok(())
}

/// Asks what was settled after a cursor; returns the next one.
pub async fn settled(home: &Home, after: i64, witness: &Witness<'_>) -> Result<i64, ClientError> {
    let page = slowed(|| home.client.settlements(after, 0)).await?;
    for settlement in &page.settlements {
        let (cursor, slot) = (settlement.cursor, settlement.slot);
        witness.note(Promise::Settled { cursor, slot, member: home.member.clone() });
    }
    Ok(page.next)
}

/// Returns a number that a longer run sets from outside, as `cargo xtask power-cut` does.
pub fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}
