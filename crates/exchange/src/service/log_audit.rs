//! Computes the whole log again: the tree from its entries, its heads, and each stored fact against the entry that tells of it.

use std::collections::BTreeMap;

use exchange_api::{
    ContractPrices, Deal, OpenedEntry, Order, Reading, Signable as _, UtilityContract, public_key_from_text,
};
use ledger::{KeyChain, KeyRotation, Log, LogKey, SignedCheckpoint, SignedRotation, VerifyingKey, key_text};
use rusqlite::Connection;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;
use statement::{
    CancelBody, ClearingBody, ConfigBody, ContractBody, Domain, KeyBody, MemberBody, SettlementBody,
    UtilityReadingBody,
};
use units::{DealId, KeyId, MarketId, MemberId, OrderId, Slot};

use super::logged::{self, Sealed, TERMS};
use super::{Failure, internal};
use crate::config::MarketConfig;
use crate::exchange::chain;
use crate::store::rows::log::{self, EntryRow};
use crate::store::rows::settlement::SettledAt;
use crate::store::rows::{config, deal, key, member, order, reading, slot, utility};

/// More faults than these say nothing new.
const MOST_FAULTS: usize = 200;

/// Whether the log is one, and the stored facts are what it says. All is well without faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogAudit {
    pub entries: u64,
    /// Signed heads, each of which was computed again.
    pub heads: u64,
    /// Of the newest head, base64url.
    pub root: String,
    /// What is wrong, and where.
    pub faults: Vec<String>,
}

/// The keys by which a log is judged.
pub(crate) struct Keys {
    /// By which the world knows it.
    pub first: LogKey,
    /// With which the folder would sign the next head.
    pub signing: VerifyingKey,
}

pub(crate) fn audit(db: &Connection, market: &MarketId, keys: &Keys) -> Result<LogAudit, Failure> {
    let mut auditor = Auditor {
        db,
        market,
        faults: Vec::new(),
        tree: Log::new(),
        nodes: 0,
        keys: KeyChain::new(keys.first.clone()),
        contracts: BTreeMap::new(),
    };
    let mut heads = log::heads(db)?.into_iter().peekable();
    let count = heads.len() as u64;
    log::for_each(db, |place, row| {
        auditor.entry(place, row)?;
        let size = auditor.tree.size();
        while let Some((size, note)) = heads.next_if(|(head, _)| *head <= size) {
            auditor.head(size, &note);
        }
        Ok::<_, Failure>(())
    })?;
    for (size, _) in heads {
        auditor.fault(format!("a head of {size} entries is signed, which are not there"));
    }
    auditor.whole(keys)?;
    auditor.check_contracts()?;
    auditor.untold()?;
    let (entries, root) = (auditor.tree.size(), auditor.tree.root().to_text());
    Ok(LogAudit { entries, heads: count, root, faults: auditor.faults })
}

struct Auditor<'a> {
    db: &'a Connection,
    market: &'a MarketId,
    faults: Vec<String>,
    tree: Log,
    /// Hashes that the tree has by now.
    nodes: u64,
    keys: KeyChain,
    /// As the entries leave them, by member and first slot.
    contracts: BTreeMap<MemberId, BTreeMap<Slot, UtilityContract>>,
}

impl Auditor<'_> {
    fn fault(&mut self, fault: String) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }

    /// Puts an entry into the tree, and compares what it says with what is stored.
    fn entry(&mut self, place: u64, row: rusqlite::Result<EntryRow>) -> Result<(), Failure> {
        if place != self.tree.size() {
            self.fault(format!("entry {} is missing", self.tree.size()));
        }
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                self.fault(format!("entry {place} cannot be read: {error}"));
                return Ok(());
            }
        };
        for stored in self.tree.append(&row.commitment) {
            self.nodes += 1;
            match log::node(self.db, stored.node) {
                Ok(hash) if hash == stored.hash => {}
                _ => {
                    let (level, number) = (stored.node.level, stored.node.number);
                    self.fault(format!("hash {number} of level {level} is not that of its entries"));
                }
            }
        }
        let Some(opened) = &row.opened else { return Ok(()) };
        if opened.opening().commitment() != Ok(row.commitment) {
            self.fault(format!("entry {place} ({}) was changed: it opens another commitment", row.domain));
        }
        let everyone = matches!(row.domain.as_str(), ConfigBody::DOMAIN | KeyRotation::DOMAIN);
        if row.everyone != everyone {
            self.fault(format!("entry {place} ({}) is shown to others than it should be", row.domain));
        }
        if row.domain == KeyRotation::DOMAIN {
            self.rotation(place, opened);
        }
        self.compare(&row, opened);
        Ok(())
    }

    fn rotation(&mut self, place: u64, opened: &OpenedEntry) {
        let rotation = serde_json::json!({
            "body": opened.body, "salt": opened.salt,
            "signature": opened.signatures.first().map(|it| it.signature.as_str()),
        });
        let followed = SignedRotation::deserialize(rotation).map_err(|error| error.to_string());
        let followed = followed.and_then(|it| match it.body.index == place {
            true => self.keys.follow(&it).map_err(|error| error.to_string()),
            false => Err("it names another place".to_owned()),
        });
        if let Err(error) = followed {
            self.fault(format!("the change of key in entry {place}: {error}"));
        }
    }

    /// Checks a head against the tree as it stood.
    fn head(&mut self, size: u64, note: &str) {
        let signed = note.parse::<SignedCheckpoint>().map_err(|error| error.to_string());
        let checked = signed.and_then(|signed| {
            let head = self.keys.verify(&signed).map_err(|error| error.to_string())?;
            match (head.size == size && size == self.tree.size(), head.root == self.tree.root()) {
                (true, true) => Ok(()),
                (true, false) => Err("its root is not that of the entries".to_owned()),
                (false, _) => Err("it is of another size".to_owned()),
            }
        });
        if let Err(error) = checked {
            self.fault(format!("the head of {size} entries: {error}"));
        }
    }

    /// Checks what only the whole log can tell.
    fn whole(&mut self, keys: &Keys) -> Result<(), Failure> {
        if log::sealed_size(self.db)? != self.tree.size() {
            self.fault("the newest head does not hold all entries".to_owned());
        }
        if log::count_nodes(self.db)? != self.nodes {
            self.fault("there are more or fewer hashes than the tree has".to_owned());
        }
        let in_force = key_text(self.keys.newest().key());
        let stored = log::keys(self.db)?.pop().map(|(_, key)| key);
        if stored.as_ref() != Some(&in_force) || key_text(&keys.signing) != in_force {
            self.fault(
                "the key in force is not that of the folder, or not the one the entries name".to_owned(),
            );
        }
        Ok(())
    }

    fn compare(&mut self, row: &EntryRow, opened: &OpenedEntry) {
        let told = |what: &str| format!("entry {} ({} {}): {what}", row.place, row.domain, row.subject);
        match self.expected(row, opened) {
            Ok(None) => {}
            Ok(Some(Fact { body, seals })) => {
                if body != opened.body {
                    self.fault(told("what is stored differs from it"));
                }
                let signatures: Vec<_> = seals.iter().map(Sealed::signature).collect();
                let salted = seals.last().is_none_or(|seal| seal.salt == opened.salt.to_text());
                if !seals.is_empty() && (signatures != opened.signatures || !salted) {
                    self.fault(told("signature or salt differ from what is stored"));
                }
                if let Err(error) = self.check_authors(opened) {
                    self.fault(told(&error));
                }
            }
            Err(error) => {
                let cause = match &error {
                    Failure::Store(_) => "what it speaks of is not stored, or cannot be read".to_owned(),
                    other => chain(other),
                };
                self.fault(told(&cause));
            }
        }
    }

    /// Checks the signatures of those who wrote an entry.
    fn check_authors(&self, opened: &OpenedEntry) -> Result<(), String> {
        let expected = match opened.domain.as_str() {
            Order::DOMAIN | Reading::DOMAIN | UtilityReadingBody::DOMAIN | ContractPrices::DOMAIN => 1,
            Deal::DOMAIN => 2,
            KeyRotation::DOMAIN => return Ok(()),
            _ => 0,
        };
        if opened.signatures.len() != expected {
            return Err(format!("it has {} signatures instead of {expected}", opened.signatures.len()));
        }
        for signature in &opened.signatures {
            let public_key = self.author(&opened.domain, &signature.key).map_err(|error| chain(&error))?;
            let key = public_key_from_text(&public_key).map_err(|error| error.to_string())?;
            exchange_api::verify_json(&opened.domain, &opened.body, &signature.signature, &key)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn author(&self, domain: &str, id: &KeyId) -> Result<String, Failure> {
        let known = match domain {
            UtilityReadingBody::DOMAIN => config::all(self.db)?
                .into_iter()
                .filter_map(|row| row.metering_key)
                .find(|key| public_key_from_text(key).is_ok_and(|key| exchange_api::key_id(&key) == *id)),
            _ => key::find(self.db, id)?.map(|row| row.public_key),
        };
        known.ok_or_else(|| internal("its author's key is not known"))
    }

    /// Makes an entry's body anew from what is stored; `None` where a later entry took its place.
    fn expected(&mut self, row: &EntryRow, opened: &OpenedEntry) -> Result<Option<Fact>, Failure> {
        let (db, market, subject) = (self.db, self.market, row.subject.as_str());
        let missing = || Failure::from(rusqlite::Error::QueryReturnedNoRows);
        let newest = log::place_of(db, &row.domain, subject)? == Some(row.place);
        let fact = match row.domain.as_str() {
            Order::DOMAIN => {
                let (row, seal) = order::find_sealed(db, &id(subject)?)?.ok_or_else(missing)?;
                Fact { body: value(&row.to_order(market)), seals: vec![seal] }
            }
            CancelBody::DOMAIN => {
                let order: OrderId = id(subject)?;
                let row = order::find(db, &order)?.filter(|row| row.cancelled).ok_or_else(missing)?;
                Fact::own(&logged::cancel_body(market, &row.member, &order))
            }
            Reading::DOMAIN | UtilityReadingBody::DOMAIN | TERMS if !newest => return Ok(None),
            Reading::DOMAIN => {
                let (member, slot) = member_slot(subject)?;
                let found = reading::find_sealed(db, market, &member, slot)?;
                let (body, seal) = found.ok_or_else(missing)?;
                Fact { body: value(&body), seals: vec![seal] }
            }
            UtilityReadingBody::DOMAIN => {
                let (member, slot) = member_slot(subject)?;
                let registers = utility::find(db, &member, slot)?.and_then(|row| row.registers);
                let point = member::find(db, &member)?.ok_or_else(missing)?.metering_point;
                let registers = registers.ok_or_else(missing)?;
                Fact::own(&logged::utility_reading_body(market, &point, slot, &registers))
            }
            Deal::DOMAIN => {
                let deal: DealId = id(subject)?;
                let row = deal::find(db, market, &deal)?.filter(|row| row.agreed.is_some());
                Fact { body: value(&row.ok_or_else(missing)?.deal), seals: deal::seals(db, &deal)? }
            }
            logged::DEAL_END => {
                let deal: DealId = id(subject)?;
                let ended = deal::find(db, market, &deal)?.and_then(|row| row.ended).ok_or_else(missing)?;
                Fact::own(&logged::deal_end_body(market, &deal, &ended.by, ended.until))
            }
            MemberBody::DOMAIN => {
                let row = member::find(db, &id(subject)?)?.ok_or_else(missing)?;
                let first = row.joined.as_ref().ok_or_else(missing)?.first_slot;
                Fact::own(&logged::member_body(market, &row, first))
            }
            TERMS => {
                let row = member::find(db, &id(subject)?)?.ok_or_else(missing)?;
                let joined = row.joined.as_ref().ok_or_else(missing)?;
                Fact::own(&logged::terms_body(market, &row.id, &joined.terms_version))
            }
            KeyBody::DOMAIN => {
                let row = key::find(db, &id(subject)?)?.ok_or_else(missing)?;
                let key =
                    public_key_from_text(&row.public_key).map_err(|error| internal(&error.to_string()))?;
                if exchange_api::key_id(&key) != row.id {
                    return Err(internal("the stored key is not the one that its id names"));
                }
                Fact::own(&logged::key_body(market, &row))
            }
            logged::KEY_END => {
                let row = key::find(db, &id(subject)?)?.ok_or_else(missing)?;
                let at = row.revoked_at.ok_or_else(missing)?;
                Fact::own(&logged::key_end_body(market, &row.member, &row.id, at))
            }
            ContractBody::DOMAIN => {
                let body = ContractBody::deserialize(&opened.body);
                let body = body.map_err(|error| internal(&error.to_string()))?;
                if subject != logged::of_slot(&body.member, body.from) {
                    return Err(internal("it says to speak of something else"));
                }
                let contracts = self.contracts.entry(body.member).or_default();
                // A newer word replaces what was announced for later slots.
                contracts.split_off(&body.from);
                let (retail_micros_per_kwh, feed_in_micros_per_kwh) = (body.retail, body.feed_in);
                let contract = UtilityContract { retail_micros_per_kwh, feed_in_micros_per_kwh };
                contracts.insert(body.from, contract);
                return Ok(None);
            }
            ContractPrices::DOMAIN => {
                let told = ContractPrices::deserialize(&opened.body);
                let told = told.map_err(|error| internal(&error.to_string()))?;
                if subject != logged::of_slot(&told.member, told.from) {
                    return Err(internal("it says to speak of something else"));
                }
                self.check_authors(opened).map_err(|error| internal(&error))?;
                let steps = told.contracts().ok_or_else(|| internal("its steps are not in order"))?;
                let contracts = self.contracts.entry(told.member).or_default();
                contracts.split_off(&told.from);
                contracts.extend(steps);
                return Ok(None);
            }
            ConfigBody::DOMAIN => {
                let known = config::all(db)?.into_iter().find(|row| row.version.to_string() == subject);
                let row = known.ok_or_else(missing)?;
                Fact::own(&logged::config_body(&row, &MarketConfig::parse(&row.toml, "a version")?))
            }
            logged::SLOT => {
                let (slot, state) = subject.split_once('/').ok_or_else(missing)?;
                let slot = Slot::from_index(slot.parse().map_err(|_| missing())?);
                let step = slot::steps(db, slot)?.into_iter().find(|(it, _)| crate::store::word(it) == state);
                let (state, at) = step.ok_or_else(missing)?;
                Fact::own(&logged::step_body(db, market, slot, state, at)?)
            }
            ClearingBody::DOMAIN => {
                let slot = Slot::from_index(subject.parse().map_err(|_| missing())?);
                Fact::own(&logged::clearing_body(db, market, slot)?)
            }
            SettlementBody::DOMAIN => {
                let (rest, version) = subject.rsplit_once('/').ok_or_else(missing)?;
                let (member, slot) = member_slot(rest)?;
                let version = version.parse().map_err(|_| missing())?;
                Fact::own(&logged::settlement_body(db, market, &SettledAt { member, slot, version })?)
            }
            KeyRotation::DOMAIN => {
                let stored = log::keys(db)?.into_iter().find(|(place, _)| *place == row.place as i64);
                let (_, new_key) = stored.ok_or_else(missing)?;
                if opened.body["new_key"] != new_key.as_str() || subject != row.place.to_string() {
                    return Err(internal("another key or place is stored than it names"));
                }
                return Ok(None);
            }
            _ => return Err(internal("nothing of this kind belongs into the log")),
        };
        Ok(Some(fact))
    }

    fn check_contracts(&mut self) -> Result<(), Failure> {
        for row in member::all(self.db)?.into_iter().filter(|row| row.joined.is_some()) {
            let stored: BTreeMap<_, _> = member::contracts(self.db, &row.id)?.into_iter().collect();
            if self.contracts.remove(&row.id).unwrap_or_default() != stored {
                self.fault(format!("the contracts of member {} are not those of the log", row.id));
            }
        }
        if let Some(member) = self.contracts.keys().next() {
            self.fault(format!("the log has contracts of {member}, who is no member"));
        }
        Ok(())
    }

    /// Looks for facts that no entry tells of.
    fn untold(&mut self) -> Result<(), Failure> {
        for (what, sql) in UNTOLD {
            let found: Vec<String> = self
                .db
                .prepare(sql)?
                .query_map([], |row| row.get(0))?
                .take(MOST_FAULTS)
                .collect::<Result<_, _>>()?;
            for subject in found {
                self.fault(format!("{what} {subject} is stored, and no entry of the log tells of it"));
            }
        }
        Ok(())
    }
}

/// What is stored of a matter, as its entry should say it.
struct Fact {
    body: Value,
    /// Who signed it; nobody where it is the exchange's own word.
    seals: Vec<Sealed>,
}

impl Fact {
    fn own(body: &impl Serialize) -> Self {
        Self { body: value(body), seals: Vec::new() }
    }
}

fn value(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("a body has text keys and whole numbers")
}

fn id<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| internal("its subject is no id"))
}

fn member_slot(subject: &str) -> Result<(MemberId, Slot), Failure> {
    let parts = subject.rsplit_once('/').and_then(|(member, slot)| Some((member, slot.parse().ok()?)));
    let (member, slot) = parts.ok_or_else(|| internal("its subject is no member and slot"))?;
    Ok((id(member)?, Slot::from_index(slot)))
}

/// Facts with the query that finds those without an entry. Slots from before the log are not asked for.
const UNTOLD: &[(&str, &str)] = &[
    (
        "order",
        "select id from \"order\" as fact where not exists (select 1 from log_entry
             where domain = 'wattle/order/v1' and subject = fact.id)
         and not exists (select 1 from slot where slot.slot = fact.slot and before_log = 1)",
    ),
    (
        "the end of order",
        "select id from \"order\" as fact where cancelled_at_ms is not null and not exists (select 1 from log_entry
             where domain = 'wattle/cancel/v1' and subject = fact.id)
         and not exists (select 1 from slot where slot.slot = fact.slot and before_log = 1)",
    ),
    (
        "the reading of",
        "select member || '/' || slot from reading as fact where not exists (select 1 from log_entry
             where domain = 'wattle/reading/v1' and subject = fact.member || '/' || fact.slot)
         and not exists (select 1 from slot where slot.slot = fact.slot and before_log = 1)",
    ),
    (
        "the utility's reading of",
        "select member || '/' || slot from utility_reading as fact where not exists (select 1 from log_entry
             where domain = 'wattle/utility-reading/v1' and subject = fact.member || '/' || fact.slot)
         and not exists (select 1 from slot where slot.slot = fact.slot and before_log = 1)",
    ),
    (
        "the settlement of",
        "select member || '/' || slot || '/' || version from settled_member as fact
         where not exists (select 1 from log_entry where domain = 'wattle/settlement/v1'
             and subject = fact.member || '/' || fact.slot || '/' || fact.version)
         and not exists (select 1 from slot where slot.slot = fact.slot and before_log = 1)",
    ),
    (
        "the clearing of slot",
        "select distinct cast(slot as text) from slot_area as fact where not exists (select 1 from log_entry
             where domain = 'wattle/clearing/v1' and subject = cast(fact.slot as text))
         and not exists (select 1 from slot where slot.slot = fact.slot and before_log = 1)",
    ),
    (
        "slot",
        "select cast(slot as text) || ', said to be older than the log,' from slot as fact where before_log = 1
         and exists (select 1 from log_entry where domain = 'wattle/clearing/v1'
             and subject = cast(fact.slot as text))",
    ),
    (
        "the step",
        "select slot || '/' || state from slot_step as fact
         where state in ('gate_closed', 'delivered', 'readings_closed', 'final')
         and not exists (select 1 from log_entry where domain = 'wattle/slot/v1'
             and subject = fact.slot || '/' || fact.state)
         and not exists (select 1 from slot where slot.slot = fact.slot and before_log = 1)",
    ),
    (
        "deal",
        "select id from deal as fact where agreed_at_ms is not null and not exists (select 1 from log_entry
             where domain = 'wattle/deal/v1' and subject = fact.id)",
    ),
    (
        "the end of deal",
        "select id from deal as fact where agreed_at_ms is not null and ended_at_ms is not null
         and not exists (select 1 from log_entry where domain = 'wattle/deal-end/v1' and subject = fact.id)",
    ),
    (
        "member",
        "select id from member as fact where first_slot is not null and not exists (select 1 from log_entry
             where domain = 'wattle/member/v1' and subject = fact.id)",
    ),
    (
        "device key",
        "select id from device_key as fact where not exists (select 1 from log_entry
             where domain = 'wattle/device-key/v1' and subject = fact.id)",
    ),
    (
        "the end of device key",
        "select id from device_key as fact where revoked_at_ms is not null and not exists (select 1 from log_entry
             where domain = 'wattle/device-key-end/v1' and subject = fact.id)",
    ),
    (
        "configuration",
        "select cast(version as text) from config_version as fact where not exists (select 1 from log_entry
             where domain = 'wattle/config/v1' and subject = cast(fact.version as text))",
    ),
];
