//! The exchange as one thing: opened on a folder, served, driven through the life of its slots.

use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::settlement::Account;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exchange_api::{
    DeviceKey, Invitation, MarketInfo, SignatureError, SlotBook, SlotList, SlotState, SlotSummary,
};
use ledger::{LogKey, VerifyingKey, key_text};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use units::{
    AreaId, DayKey, KeyId, MarketId, MemberId, Money, OrderId, ScaledClock, SharedClock, Slot, SystemClock,
    Timestamp,
};

use crate::access::{Access, host_of};
use crate::backup::BackupError;
use crate::config::{ConfigError, MarketConfig};
use crate::faults::Faults;
use crate::http::Door;
use crate::keys;
use crate::service::Failure;
use crate::service::allocation::{self, Allocation, DetachedSignature, SignedAllocation};
use crate::service::book;
use crate::service::enrol::{self, Invite};
use crate::service::events;
use crate::service::import::{self, PastSlot};
use crate::service::indicative::{self, Guesses};
use crate::service::life::{self, Step};
use crate::service::log;
use crate::service::log_audit::Keys;
use crate::service::log_start;
use crate::service::operator::{self, Moment, OperatorView, Role};
use crate::service::report::{self, Audit, SlotReport};
use crate::service::utility::{self, UtilityImport, UtilityRow, Voucher};
use crate::store::rows::{self, key, member, settlement};
use crate::store::{LogSigner, Store, StoreError};
use crate::tls::{self, Identity, TlsError};

pub(crate) const CONFIG: &str = "market.toml";
pub(crate) const DATABASE: &str = "exchange.sqlite";
pub(crate) const KEY: &str = "exchange.key";
pub(crate) const LOG_KEY: &str = "log.key";
pub(crate) const METERING_KEY: &str = "metering.key";
/// The log's next key, while it is being handed over.
const NEXT_LOG_KEY: &str = "log.key.next";
const LOCK: &str = "lock";

/// How long the life of slots sleeps at most, should the system's clock be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long it waits after a fault such as a full disk.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// How many past slots or the utility's rows share a transaction: large enough to be quick, small enough not to hold up others long.
const IMPORT_CHUNK: usize = 200;

/// The two clocks of an exchange.
#[derive(Clone, Debug)]
pub struct Clocks {
    pub market: SharedClock,
    pub real: SharedClock,
}

#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error("{0} holds a market already; choose another folder")]
    Exists(PathBuf),
    #[error("{0} is in use by another exchange; stop that one first")]
    Locked(PathBuf),
    #[error("{} is not a key of the exchange: 32 bytes in base64url", .0.display())]
    BadKey(PathBuf),
    #[error("{what} {}", file.display())]
    File {
        what: &'static str,
        file: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error(transparent)]
    Backup(BackupError),
    #[error("the system has no randomness")]
    Randomness(#[from] getrandom::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{0} can be reached from elsewhere, so the exchange speaks TLS there or not at all")]
    NotLoopback(std::net::SocketAddr),
    #[error(
        "it is not said by which address members reach the exchange; say it with --address https://HOST:PORT, as in the \
         invitations"
    )]
    Nameless,
    #[error("\"{0}\" is no address of an exchange with TLS, such as https://market.example:8400")]
    Address(String),
    #[error("serving")]
    Serve(#[source] std::io::Error),
}

/// A member as the operator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct MemberInfo {
    pub member: MemberId,
    pub area: AreaId,
    pub metering_point: String,
    pub limits: exchange_api::Limits,
    /// Market time; missing until the household has joined.
    pub joined_at: Option<Timestamp>,
    pub keys: Vec<KeyInfo>,
}

#[derive(Clone, Debug, Serialize)]
pub struct KeyInfo {
    pub key: KeyId,
    pub device_name: String,
    pub enrolled_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// A market, open. Cheap to clone; closes when the last clone goes.
#[derive(Clone, Debug)]
pub struct Exchange(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    config: MarketConfig,
    clocks: Clocks,
    key: DeviceKey,
    /// The first key of the log, by which all the world knows it.
    log_key: LogKey,
    /// What the folder signs the log's next head with.
    log_signing_key: VerifyingKey,
    /// Vouches for what the utility told.
    metering_key: DeviceKey,
    store: Store,
    /// Something happened that may make a step due.
    changed: Notify,
    /// The newest settlement's cursor.
    settled: watch::Sender<i64>,
    /// Counts what this process made happen, so that streams look.
    happened: watch::Sender<u64>,
    /// What slots may clear at, as it was told last.
    guesses: Mutex<Option<Guesses>>,
    faults: Faults,
    /// Held while this process serves; another one cannot.
    _lock: Option<File>,
}

impl Exchange {
    /// Makes a market in a folder: its configuration, key and database.
    pub fn init(dir: &Path, config: &MarketConfig) -> Result<(), ExchangeError> {
        config.check()?;
        make_private_folder(dir).map_err(file_error("making the folder", dir))?;
        let file = dir.join(CONFIG);
        if file.exists() || dir.join(DATABASE).exists() {
            return Err(ExchangeError::Exists(dir.to_owned()));
        }
        for name in [KEY, LOG_KEY, METERING_KEY] {
            keys::make(&dir.join(name))?;
        }
        tls::word(dir, &config.market, &keys::read(&dir.join(KEY))?)?;
        std::fs::write(&file, config.to_toml()).map_err(file_error("writing", &file))?;
        let now = market_clock(config).now();
        let connection_config = config.clone();
        let metering_key = keys::read(&dir.join(METERING_KEY))?.public_key_text();
        let (store, _) = open_store(dir, &config.market)?;
        store.write_now(move |db| life::record_config(db, &connection_config, &metering_key, now))?;
        Ok(())
    }

    /// Hands the log of a market that is not served over to a new key. Returns how its newest heads are signed from now on.
    pub fn rotate_log_key(dir: &Path) -> Result<LogKey, ExchangeError> {
        let config = MarketConfig::load(&dir.join(CONFIG))?;
        let _lock = take_lock(dir)?;
        // Finishes a change that was interrupted.
        drop(open_store(dir, &config.market)?);
        let (file, next) = (dir.join(LOG_KEY), dir.join(NEXT_LOG_KEY));
        let old = keys::signing_key(&keys::read(&file)?);
        let new = keys::signing_key(&keys::read_or_make(&next)?);
        let (origin, public_key) = (statement::log_origin(&config.market), new.verifying_key());
        let signer = LogSigner::new(origin.clone(), vec![old.clone(), new]);
        let store = Store::open(&dir.join(DATABASE), signer)?;
        store.write_now(move |db| log::hand_over(db, &origin, &old, &public_key))?;
        drop(store);
        std::fs::rename(&next, &file).map_err(file_error("renaming", &next))?;
        Ok(keys::log_key(&config.market, public_key))
    }

    /// Gives a market that is not served another TLS key: one from elsewhere, or a new one. Returns its hash.
    ///
    /// Members who pinned the earlier one follow, since the exchange's key signs which one follows on which.
    pub fn renew_tls_key(dir: &Path, from: Option<(&Path, Option<&Path>)>) -> Result<String, ExchangeError> {
        let config = MarketConfig::load(&dir.join(CONFIG))?;
        let _lock = take_lock(dir)?;
        let key = keys::read(&dir.join(KEY))?;
        // The present one first, so that the new one is known to follow on it.
        tls::word(dir, &config.market, &key)?;
        match from {
            Some((certificate, secret)) => tls::take(dir, certificate, secret)?,
            None => tls::make(dir)?,
        }
        Ok(tls::word(dir, &config.market, &key)?.body.tls_key_hash)
    }

    /// Opens the market of a folder to serve it. One process does at a time.
    pub fn open(dir: &Path, market_clock: SharedClock) -> Result<Self, ExchangeError> {
        Self::open_with(dir, Clocks { market: market_clock, real: Arc::new(SystemClock) })
    }

    /// As [`Exchange::open`], with another source of real time.
    pub fn open_with(dir: &Path, clocks: Clocks) -> Result<Self, ExchangeError> {
        let config = MarketConfig::load(&dir.join(CONFIG))?;
        let lock = take_lock(dir)?;
        let exchange = Self::assemble(dir, config.clone(), clocks, Some(lock))?;
        let now = exchange.now();
        let metering_key = exchange.0.metering_key.public_key_text();
        exchange.0.store.write_now(move |db| life::record_config(db, &config, &metering_key, now))?;
        let cursor = exchange.0.store.write_now(|db| Ok::<_, Failure>(settlement::newest_cursor(db)?))?;
        exchange.0.settled.send_replace(cursor);
        Ok(exchange)
    }

    /// Opens the market of a folder beside a process that may be serving it, for the operator's errands.
    pub fn open_beside(dir: &Path) -> Result<Self, ExchangeError> {
        let config = MarketConfig::load(&dir.join(CONFIG))?;
        let clocks = Clocks { market: market_clock(&config), real: Arc::new(SystemClock) };
        Self::assemble(dir, config, clocks, None)
    }

    fn assemble(
        dir: &Path,
        config: MarketConfig,
        clocks: Clocks,
        lock: Option<File>,
    ) -> Result<Self, ExchangeError> {
        let key = keys::read(&dir.join(KEY))?;
        let metering_key = keys::read_or_make(&dir.join(METERING_KEY))?;
        let (store, log_key) = open_store(dir, &config.market)?;
        let log_signing_key = keys::read(&dir.join(LOG_KEY))?.verifying_key();
        let ((settled, _), (happened, _)) = (watch::channel(0), watch::channel(0));
        let changed = Notify::new();
        Ok(Self(Arc::new(Inner {
            dir: dir.to_owned(),
            config,
            clocks,
            key,
            log_key,
            log_signing_key,
            metering_key,
            store,
            changed,
            settled,
            happened,
            guesses: Mutex::default(),
            faults: Faults::default(),
            _lock: lock,
        })))
    }

    /// Returns the market clock that a folder's configuration asks for.
    pub fn market_clock(dir: &Path) -> Result<SharedClock, ExchangeError> {
        Ok(market_clock(&MarketConfig::load(&dir.join(CONFIG))?))
    }

    pub fn config(&self) -> &MarketConfig {
        &self.0.config
    }

    pub fn market(&self) -> &MarketId {
        &self.0.config.market
    }

    /// Returns market time.
    pub fn now(&self) -> Timestamp {
        self.0.clocks.market.now()
    }

    pub(crate) fn real_now(&self) -> Timestamp {
        self.0.clocks.real.now()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Returns what anyone may know of the market.
    pub fn info(&self) -> MarketInfo {
        let config = &self.0.config;
        MarketInfo {
            market: config.market.clone(),
            name: config.name.clone(),
            currency: config.currency,
            zone: config.zone.clone(),
            terms: config.terms.clone(),
            rules: config.rules(),
            exchange_key: self.0.key.public_key_text(),
            log_key: self.0.log_key.to_string(),
            market_time: self.now(),
            real_time: self.real_now(),
            scale: config.scale,
        }
    }

    /// Answers requests on loopback until cancelled; requests that are under way are finished.
    pub async fn serve(&self, listener: TcpListener, until: CancellationToken) -> Result<(), ExchangeError> {
        self.serve_as(listener, &Access::Plain, until).await
    }

    /// As [`Exchange::serve`], to whom the access lets in. Refuses an access that is not safe.
    pub async fn serve_as(
        &self,
        listener: TcpListener,
        access: &Access,
        until: CancellationToken,
    ) -> Result<(), ExchangeError> {
        let address = listener.local_addr().map_err(ExchangeError::Serve)?;
        let hosts = access.hosts(address)?;
        let server_key = self.server_key()?;
        let tls = match access {
            Access::Plain | Access::BehindProxy { .. } => None,
            Access::Tls { .. } => Some(Identity::read_or_make(&self.0.dir)?.acceptor()?),
        };
        let door = Door { hosts, scheme: access.scheme(), server_key, tls };
        crate::http::serve(self.clone(), listener, door, until).await;
        Ok(())
    }

    /// Returns the TLS key of the market's folder, in the exchange's word.
    fn server_key(&self) -> Result<exchange_api::SignedServerKey, ExchangeError> {
        tls::word(&self.0.dir, self.market(), &self.0.key)
    }

    /// Returns the hash of the TLS key that invitations pin.
    pub fn tls_key_hash(&self) -> Result<String, ExchangeError> {
        Ok(self.server_key()?.body.tls_key_hash)
    }

    /// Drives the slots through their lives until cancelled.
    pub async fn run_life(&self, until: CancellationToken) {
        loop {
            let sleep = match self.tick().await {
                Ok(next) => self.0.clocks.market.real_until(next).min(LONGEST_SLEEP),
                Err(error) => {
                    tracing::error!(error = %chain(&error), "the life of slots stands still; trying again");
                    AFTER_FAULT
                }
            };
            tokio::select! {
                () = until.cancelled() => return,
                () = self.0.changed.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Takes all steps that are due now; returns when the next one is, as far as is known.
    ///
    /// A slot that cannot move holds up no other: the fault is returned after all others moved.
    pub async fn tick(&self) -> Result<Timestamp, Failure> {
        let mut stuck = Vec::new();
        let mut fault = None;
        loop {
            let now = self.now();
            let config = self.0.config.clone();
            let due = self.0.store.read(move |db| life::due(db, &config, now)).await;
            let (mut steps, next) = due.inspect_err(|error| self.note_fault(None, error))?;
            if !stuck.contains(&Step::Extend) {
                self.0.faults.works(None);
            }
            steps.retain(|step| !stuck.contains(step));
            if steps.is_empty() {
                return fault.map_or(Ok(next), Err);
            }
            for step in steps {
                let slot = match step {
                    Step::Extend => None,
                    Step::Advance(slot) => Some(slot),
                };
                match self.take(step, now).await {
                    Ok(()) => self.0.faults.works(slot),
                    Err(error) => {
                        tracing::error!(?step, error = %chain(&error), "a step of a slot's life failed");
                        self.note_fault(slot, &error);
                        stuck.push(step);
                        fault = Some(error);
                    }
                }
            }
        }
    }

    /// Keeps a fault for the operator's page.
    fn note_fault(&self, slot: Option<Slot>, error: &Failure) {
        self.0.faults.failed(slot, self.real_now(), chain(error));
    }

    async fn take(&self, step: Step, now: Timestamp) -> Result<(), Failure> {
        let config = self.0.config.clone();
        let work = move |db: &rusqlite::Connection| {
            life::take(db, &config, step, now)?;
            Ok::<_, Failure>(settlement::newest_cursor(db)?)
        };
        let cursor = self.0.store.write(work).await?;
        self.tell(cursor);
        Ok(())
    }

    /// Tells those who wait for settlements and events.
    pub(crate) fn tell(&self, cursor: i64) {
        self.0.happened.send_modify(|count| *count += 1);
        self.0.settled.send_if_modified(|known| {
            let newer = cursor > *known;
            *known = cursor.max(*known);
            newer
        });
    }

    /// Wakes the life of slots: a reading may have been the last one awaited, or a first member has joined.
    pub(crate) fn wake(&self) {
        self.0.changed.notify_one();
    }

    /// Returns the newest settlement's cursor, and a way to wait for the next.
    pub fn settled(&self) -> watch::Receiver<i64> {
        self.0.settled.subscribe()
    }

    /// Returns a way to wait until something happens.
    pub(crate) fn happened(&self) -> watch::Receiver<u64> {
        self.0.happened.subscribe()
    }

    /// Tells all members something, on one line.
    pub async fn announce(&self, text: &str) -> Result<(), Failure> {
        let (text, now) = (text.to_owned(), self.now());
        self.0.store.write(move |db| events::announce(db, &text, now)).await?;
        self.0.happened.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Invites a household, or an existing member's further device.
    pub async fn invite(&self, invite: Invite) -> Result<Invitation, ExchangeError> {
        let tls_key_hash = match invite.address.starts_with("https://") {
            true => {
                host_of(&invite.address)?;
                Some(self.tls_key_hash()?)
            }
            false => None,
        };
        let mut code = [0; 16];
        getrandom::fill(&mut code)?;
        let code = URL_SAFE_NO_PAD.encode(code);
        let invitation = Invitation {
            address: invite.address.clone(),
            market: self.market().clone(),
            exchange_key: self.0.key.public_key_text(),
            log_key: self.0.log_key.to_string(),
            tls_key_hash,
            code: code.clone(),
            expires: invite.expires,
        };
        self.0.store.write(move |db| enrol::invite(db, &invite, &code)).await?;
        Ok(invitation)
    }

    pub async fn members(&self) -> Result<Vec<MemberInfo>, Failure> {
        let list = |db: &rusqlite::Connection| {
            let mut members = Vec::new();
            for row in member::all(db)? {
                let keys = key::of_member(db, &row.id)?.into_iter().map(|key| KeyInfo {
                    key: key.id,
                    device_name: key.name,
                    enrolled_at: key.enrolled_at,
                    revoked_at: key.revoked_at,
                });
                members.push(MemberInfo {
                    keys: keys.collect(),
                    joined_at: row.joined.map(|joined| joined.at),
                    member: row.id,
                    area: row.area,
                    metering_point: row.metering_point,
                    limits: row.limits,
                });
            }
            Ok(members)
        };
        self.0.store.read(list).await
    }

    /// Ends a key and cancels its open orders; returns which.
    pub async fn revoke(&self, key: KeyId) -> Result<Vec<OrderId>, Failure> {
        let (config, now) = (self.0.config.clone(), self.now());
        self.0.store.write(move |db| enrol::revoke(db, &config, &key, now)).await
    }

    /// Returns the life of the slots `[from, to)`, with a guess at the price of those that are not cleared.
    pub async fn slots(&self, slots: Range<Slot>) -> Result<SlotList, Failure> {
        let mut list = self.0.store.read(move |db| report::slots(db, slots)).await?;
        let is_guessed = |slot: &SlotSummary| slot.state != SlotState::Open && slot.traded_wh.is_none();
        if !list.slots.iter().any(is_guessed) {
            return Ok(list);
        }
        match self.guesses().await {
            Ok(guesses) => list
                .slots
                .iter_mut()
                .filter(|slot| is_guessed(slot))
                .for_each(|slot| slot.indicative = guesses.of(slot.slot)),
            // Without a guess the rest is still true.
            Err(error) => tracing::warn!(error = %chain(&error), "no indicative price could be made"),
        }
        Ok(list)
    }

    /// Makes the guesses once a minute, when someone asks.
    async fn guesses(&self) -> Result<Guesses, Failure> {
        let now = self.now();
        let known = || self.0.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fresh) = known().clone().filter(|guesses| guesses.are_fresh(now)) {
            return Ok(fresh);
        }
        let made = self.0.store.read(move |db| indicative::guesses(db, now)).await?;
        *known() = Some(made.clone());
        Ok(made)
    }

    /// Returns the book of a settled slot as everyone may see it.
    pub async fn book(&self, slot: Slot) -> Result<SlotBook, Failure> {
        self.0.store.read(move |db| book::book(db, slot)).await
    }

    /// Returns a settled slot as a whole; `None` where it is not settled.
    pub async fn slot_report(&self, slot: Slot) -> Result<Option<SlotReport>, Failure> {
        self.0.store.read(move |db| report::slot_report(db, slot)).await
    }

    /// Returns what every account comes to.
    pub async fn balances(&self) -> Result<Vec<(Account, Money)>, Failure> {
        self.0.store.read(|db| Ok(settlement::balances(db)?)).await
    }

    /// Adds up all books, settles every slot again, and computes the log again, to compare with what is stored.
    pub async fn audit(&self) -> Result<Audit, Failure> {
        let market = self.market().clone();
        let keys = Keys { first: self.0.log_key.clone(), signing: self.0.log_signing_key };
        self.0.store.read(move |db| report::audit(db, &market, &keys)).await
    }

    /// Keeps what an audit found, for the operator's page.
    pub async fn note_audit(&self, audit: &Audit) -> Result<(), Failure> {
        let row = rows::operator::AuditRow {
            at: self.real_now(),
            slots: audit.slots,
            entries: audit.log.entries,
            root: audit.log.root.clone(),
            fault: audit.first_fault(),
        };
        self.0.store.write(move |db| Ok(rows::operator::insert_audit(db, &row)?)).await
    }

    /// Makes a code that opens the operator's page once, within a time.
    pub async fn operator_link(&self, role: Role, valid_for: Duration) -> Result<String, ExchangeError> {
        let code = operator::new_code()?;
        let (told, now) = (code.clone(), self.real_now());
        self.0.store.write(move |db| operator::insert_link(db, &told, role, now + valid_for, now)).await?;
        Ok(code)
    }

    /// Uses a code up; returns for whom it was.
    pub(crate) async fn redeem_link(&self, code: String) -> Result<Option<Role>, Failure> {
        let asked = code.clone();
        // Looked up first, so that guessing costs no commit.
        if !self.0.store.read(move |db| operator::is_link(db, &asked)).await? {
            return Ok(None);
        }
        let now = self.real_now();
        self.0.store.write(move |db| operator::redeem_link(db, &code, now)).await
    }

    /// Returns what the operator's page shows of a day; of today if none is named.
    pub async fn operator_view(&self, day: Option<DayKey>) -> Result<OperatorView, Failure> {
        let guesses = self.guesses().await;
        let moment = Moment {
            market_now: self.now(),
            real_now: self.real_now(),
            day,
            log_key: self.0.log_key.to_string(),
            // Without a guess the rest is still true.
            guesses: guesses
                .inspect_err(
                    |error| tracing::warn!(error = %chain(error), "no indicative price could be made"),
                )
                .ok(),
            faults: self.0.faults.all(),
        };
        let config = self.0.config.clone();
        self.0.store.read(move |db| operator::view(db, &config, moment)).await
    }

    /// Takes the utility's readings of a file, which is named by its digest. The same file again changes nothing.
    pub async fn import_readings(
        &self,
        rows: Vec<UtilityRow>,
        file_sha256: &str,
    ) -> Result<UtilityImport, Failure> {
        let mut import = UtilityImport::default();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<UtilityRow> = rows.by_ref().take(IMPORT_CHUNK).collect();
            let (now, file) = (self.now(), file_sha256.to_owned());
            let voucher = Voucher { config: self.config().clone(), key: self.0.metering_key.clone() };
            let work = move |db: &rusqlite::Connection| {
                let taken = utility::take(db, &voucher, &chunk, &file, now)?;
                Ok::<_, Failure>((taken, settlement::newest_cursor(db)?))
            };
            let (taken, cursor) = self.0.store.write(work).await?;
            import.add(taken);
            self.tell(cursor);
        }
        self.wake();
        Ok(import)
    }

    /// Returns what each metering point imported, exported and traded in the slots `[from, to)`.
    pub async fn allocation(&self, slots: Range<Slot>) -> Result<Allocation, Failure> {
        let (market, now) = (self.market().clone(), self.now());
        self.0.store.read(move |db| allocation::allocation(db, &market, slots, now)).await
    }

    /// Signs an allocation with the exchange's key.
    pub fn sign_allocation(&self, allocation: Allocation) -> Result<SignedAllocation, SignatureError> {
        allocation.sign(&self.0.key)
    }

    /// Signs an allocation's CSV, as it lies, with the exchange's key.
    pub fn sign_csv(&self, csv: &str) -> DetachedSignature {
        allocation::detached(allocation::CSV_DOMAIN, csv.as_bytes(), &self.0.key)
    }

    /// Lets a generated past in. Its members must have been invited; its slots must be unknown.
    pub async fn import_settled(&self, past: Vec<PastSlot>) -> Result<(), Failure> {
        let now = self.now();
        let mut past = past.into_iter().peekable();
        while past.peek().is_some() {
            let chunk: Vec<PastSlot> = past.by_ref().take(IMPORT_CHUNK).collect();
            let work = move |db: &rusqlite::Connection| {
                import::import(db, &chunk, now)?;
                Ok::<_, Failure>(settlement::newest_cursor(db)?)
            };
            let cursor = self.0.store.write(work).await?;
            self.tell(cursor);
        }
        Ok(())
    }
}

/// Opens the database with the log's key, and begins the log where there is none. Returns the key that the world knows.
fn open_store(dir: &Path, market: &MarketId) -> Result<(Store, LogKey), ExchangeError> {
    let (file, next) = (dir.join(LOG_KEY), dir.join(NEXT_LOG_KEY));
    let mut keys = vec![keys::read_or_make(&file)?];
    if next.exists() {
        keys.push(keys::read(&next)?);
    }
    let signer = LogSigner::new(statement::log_origin(market), keys.iter().map(keys::signing_key).collect());
    let store = Store::open(&dir.join(DATABASE), signer)?;
    let public_key = keys[0].verifying_key();
    let work = move |db: &rusqlite::Connection| {
        let first = log_start::begin(db, &public_key)?;
        Ok::<_, Failure>((first, rows::log::newest_key(db)?))
    };
    let (first, newest) = store.write_now(work)?;
    // A change of key that was interrupted after its commit: only the file's name is missing.
    if keys.get(1).is_some_and(|next| newest == Some(key_text(&next.verifying_key()))) {
        std::fs::rename(&next, &file).map_err(file_error("renaming", &next))?;
    }
    let first = ledger::key_from_text(&first).map_err(|_| StoreError::LogKey)?;
    Ok((store, keys::log_key(market, first)))
}

fn market_clock(config: &MarketConfig) -> SharedClock {
    match config.scale {
        Some(scale) => Arc::new(ScaledClock::new(scale)),
        None => Arc::new(SystemClock),
    }
}

/// Writes an error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    text
}

fn take_lock(dir: &Path) -> Result<File, ExchangeError> {
    let file = dir.join(LOCK);
    let lock = File::create(&file).map_err(file_error("opening", &file))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(ExchangeError::Locked(dir.to_owned())),
        Err(std::fs::TryLockError::Error(cause)) => Err(file_error("locking", &file)(cause)),
    }
}

/// Makes a folder that only its owner enters: what it will hold tells when people are at home.
pub(crate) fn make_private_folder(dir: &Path) -> std::io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Writes a new file that only its owner reads.
pub(crate) fn write_secret(file: &Path, bytes: &[u8]) -> Result<(), ExchangeError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut handle = options.open(file).map_err(file_error("writing", file))?;
    handle.write_all(bytes).and_then(|()| handle.sync_all()).map_err(file_error("writing", file))
}

pub(crate) fn file_error<'a>(
    what: &'static str,
    file: &'a Path,
) -> impl FnOnce(std::io::Error) -> ExchangeError + 'a {
    move |cause| ExchangeError::File { what, file: file.to_owned(), cause }
}
