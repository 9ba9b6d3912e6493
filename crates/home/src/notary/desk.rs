//! The notary's desk: fetches the log's pages, has them checked, and keeps what was found.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use exchange_api::{Client, ClientError, EntryPage, OpenedEntry, paths};
use history::{HistoryError, Log, LogAlarmKind, LogPage, LogPromise, Membership, SeenCheckpoint};
use ledger::{LogKey, SignedCheckpoint};
use serde_json::json;
use units::Timestamp;

use super::{Breach, Growth, Notary, check_page, was_kept};
use crate::convert;
use crate::house::House;

/// Entries are written together: so many at most wait, some 100 kB.
const FLUSH_AT: usize = 200;
/// Entries wait at most so long in market time; whatever is lost can be fetched again.
const FLUSH_AFTER: std::time::Duration = std::time::Duration::from_secs(3600);
/// Entries seen of late, by place: an answer may come after the entry that it speaks of.
const RECENT: usize = 2000;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Exchange(#[from] ClientError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Breach(Box<Breach>),
    #[error("{0}")]
    Key(String),
}

impl From<Breach> for Failure {
    fn from(breach: Breach) -> Self {
        Self::Breach(Box::new(breach))
    }
}

/// What the notary works on.
#[derive(Debug)]
pub struct Desk {
    pub log: Log,
    pub notary: Notary,
    next: Option<u64>,
    waiting: Vec<OpenedEntry>,
    flushed_at: Timestamp,
    recent: Recent,
    /// Promises that are in the file, loaded on opening.
    stored: Vec<u64>,
}

#[derive(Debug, Default)]
struct Recent {
    entries: HashMap<u64, OpenedEntry>,
    order: VecDeque<u64>,
}

impl Recent {
    fn put(&mut self, entry: &OpenedEntry) {
        if self.entries.insert(entry.index, entry.clone()).is_none() {
            self.order.push_back(entry.index);
        }
        while self.order.len() > RECENT {
            self.order.pop_front().map(|oldest| self.entries.remove(&oldest));
        }
    }
}

impl Desk {
    /// Opens the desk where the history left it. Without a log yet it begins with the key of the invitation.
    pub fn open(house: &House, membership: &Membership) -> Result<Self, Failure> {
        let now = house.now();
        let log = match house.history.log(&membership.market)? {
            Some(log) => log,
            None => house.history.begin_log(&membership.market, &house.invited_log_key(membership)?, now)?,
        };
        let trusted: LogKey = log.log_key.parse().map_err(|cause| {
            Failure::Key(format!("The key of the market's log that is kept here cannot be read: {cause}."))
        })?;
        let mut notary = Notary::new(trusted);
        for entry in house.history.lasting_log_entries(log.id)? {
            if let Some(opened) = convert::opened_entry(&entry) {
                notary.follow(&opened)?;
            }
        }
        if let Some(seen) = &log.checkpoint {
            let head: SignedCheckpoint = seen.note.parse().map_err(|cause| {
                Failure::Key(format!("The head of the log that is kept here cannot be read: {cause}."))
            })?;
            notary = notary.resuming(head);
        }
        let promised = house.history.log_promises_before(log.id, u64::MAX)?;
        let stored = promised.iter().map(|promise| promise.index).collect();
        house.promised(promised.into_iter());
        let (next, recent) = (log.next_index, Recent::default());
        Ok(Self { log, notary, next, waiting: Vec::new(), flushed_at: now, recent, stored })
    }

    /// Fetches and checks all that is new, and looks for what was acknowledged.
    pub async fn catch_up(&mut self, house: &Arc<House>, client: &Client) -> Result<(), Failure> {
        // What was below this head was there to be fetched by every request since.
        let mut surely_fetched = self.size();
        let mut missing_before = None;
        loop {
            let page = client.entries(self.next, paths::ENTRY_PAGE, 0).await?;
            let more = page.entries.len() >= paths::ENTRY_PAGE;
            self.take(client, page, more).await?;
            if self.waiting.len() >= FLUSH_AT && more {
                self.flush(house).await?;
            }
            if more {
                continue;
            }
            let missing = self.look_for_promises(house, surely_fetched)?;
            match missing {
                Some(promise) if missing_before.as_ref() == Some(&promise) => {
                    return Err(self.not_there(house, &promise).into());
                }
                // An entry may have come between the page and its head: one more look tells.
                Some(promise) => missing_before = Some(promise),
                None if self.owes_below(house, self.size()) => {}
                None => break,
            }
            surely_fetched = self.size();
        }
        let due = house.now() >= self.flushed_at + FLUSH_AFTER;
        if due || self.waiting.len() >= FLUSH_AT || self.log.checkpoint.is_none() {
            self.flush(house).await?;
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        self.notary.head().map_or(0, |head| head.claimed().size)
    }

    /// Checks a page and takes it in.
    async fn take(&mut self, client: &Client, page: EntryPage, more: bool) -> Result<(), Failure> {
        let mut notary = self.notary.clone();
        page.entries.iter().try_for_each(|entry| notary.follow(entry))?;
        if let Err(breach) = notary.check_signature(&page.checkpoint) {
            // The key may have changed in an entry that is on a later page.
            let mut ahead = notary.clone();
            let found = more && look_ahead(client, &mut ahead, &page).await?;
            if !found {
                return Err(breach.into());
            }
        }
        grow(client, &mut notary, &page.checkpoint).await?;
        check_page(&page)?;
        self.notary = notary;
        self.next = page.next.or(self.next);
        for entry in page.entries {
            self.recent.put(&entry);
            self.waiting.push(entry);
        }
        Ok(())
    }

    /// Drops promises that were kept, and returns the first that was not though it must be there.
    fn look_for_promises(&mut self, house: &House, surely: u64) -> Result<Option<LogPromise>, Failure> {
        let promises = house.live().log.promises.clone();
        for promise in promises.iter().filter(|promise| promise.index < self.size()) {
            let entry = match self.recent.entries.get(&promise.index) {
                Some(entry) => Some(entry.clone()),
                None => house
                    .history
                    .log_entry(self.log.id, promise.index)?
                    .and_then(|entry| convert::opened_entry(&entry)),
            };
            match entry {
                Some(entry) if was_kept(promise, &entry) => {
                    house.live().log.promises.retain(|other| other != promise);
                }
                Some(_) => return Ok(Some(promise.clone())),
                None if promise.index < surely => return Ok(Some(promise.clone())),
                None => {}
            }
        }
        Ok(None)
    }

    fn owes_below(&self, house: &House, size: u64) -> bool {
        house.live().log.promises.iter().any(|promise| promise.index < size)
    }

    /// Makes the alarm of a promise that was broken; it is not looked for again.
    fn not_there(&self, house: &House, promise: &LogPromise) -> Breach {
        house.live().log.promises.retain(|other| other != promise);
        let found = self.recent.entries.get(&promise.index);
        let what = if found.is_some() { "another entry stands there" } else { "it is not there" };
        let detail = format!(
            "The exchange acknowledged the {} as entry {} of its log, and {what}.",
            promise.what, promise.index
        );
        let evidence = json!({
            "promised": {
                "index": promise.index,
                "commitment": promise.commitment,
                "what": promise.what,
                "at": promise.promised_at,
            },
            "checkpoint": self.notary.head(),
            "found": found,
        });
        Breach::new(LogAlarmKind::MissingEntry, detail, evidence)
    }

    /// Writes what waits.
    pub async fn flush(&mut self, house: &Arc<House>) -> Result<(), HistoryError> {
        let Some(head) = self.notary.head() else { return Ok(()) };
        let now = house.now();
        let checkpoint = SeenCheckpoint { note: head.to_string(), size: self.size(), checked_at: now };
        let (waiting, next, log) = (std::mem::take(&mut self.waiting), self.next, self.log.id);
        let open = house.live().log.promises.clone();
        let kept = self.stored.extract_if(.., |index| open.iter().all(|promise| promise.index != *index));
        let kept: Vec<u64> = kept.collect();
        let seen = checkpoint.clone();
        house
            .blocking(move |house| match next {
                Some(next_index) => {
                    let entries = waiting
                        .iter()
                        .map(|entry| convert::log_entry(&house.history, entry))
                        .collect::<Result<_, _>>()?;
                    house
                        .history
                        .record_log_page(log, LogPage { entries, next_index, checkpoint: seen, kept })
                }
                None => house.history.record_checkpoint(log, seen),
            })
            .await?;
        (self.log.checkpoint, self.flushed_at) = (Some(checkpoint), now);
        Ok(())
    }

    /// Writes what waits and what was acknowledged and not found yet, at the end.
    pub async fn close(mut self, house: &Arc<House>) -> Result<(), HistoryError> {
        self.flush(house).await?;
        let (log, open) = (self.log.id, house.live().log.promises.clone());
        house.blocking(move |house| house.history.record_log_promises(log, open)).await
    }
}

/// Fetches the proof of growth that a signed head needs, and takes the head.
pub async fn grow(client: &Client, notary: &mut Notary, head: &SignedCheckpoint) -> Result<(), Failure> {
    let proof = match notary.growth(head)? {
        Growth::Nothing => Default::default(),
        Growth::Proof { from, to } => client.log_consistency(from, to).await?,
    };
    Ok(notary.grow(head.clone(), &proof)?)
}

/// Looks through later pages for the change of key by which a head is signed.
async fn look_ahead(client: &Client, notary: &mut Notary, page: &EntryPage) -> Result<bool, Failure> {
    let mut next = page.next;
    loop {
        let later = client.entries(next, paths::ENTRY_PAGE, 0).await?;
        later.entries.iter().try_for_each(|entry| notary.follow(entry))?;
        if notary.check_signature(&page.checkpoint).is_ok() {
            return Ok(true);
        }
        if later.entries.len() < paths::ENTRY_PAGE {
            return Ok(false);
        }
        next = later.next;
    }
}
