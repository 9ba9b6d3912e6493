//! The household as everything else holds it: opened once, shared by tasks and use cases.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use exchange_api::{DeviceKey, MarketInfo, MarketRules};
use history::{History, HistoryError, Lock, LockError, Membership, OpenMode, Opened};
use pricing::SlotPrices;
use rules::{Judged, RuleBook};
use serde::{Deserialize, Serialize};
use specta::Type;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::{CancellationToken, DropGuard};
use units::{LocalDay, MeterId, ScaledClock, SharedClock, Slot, SystemClock, Timestamp, Zone};

use crate::alerts::Alert;
use crate::config::{
    CONFIG_FILE, ConfigError, HISTORY_FILE, HomeConfig, KEY_FILE, RULES_FILE, Role, write_in_place,
};
use crate::error::HomeError;
use crate::live::Live;
use crate::meters::{Setup, Wiring};
use crate::notary::Desk;
use crate::outlook::Outlook;
use crate::price_book::PriceBook;
use crate::profiles::{PROFILES_FOLDER, Profiles};
use crate::secrets::{self, KeyPlace, SecretError, SecretSource};
use crate::tasks;
use crate::view::frame::{NoticeCode, Refusal};

/// Where the household is and how to open it.
#[derive(Clone, Debug)]
pub struct HomeOptions {
    /// The data folder.
    pub dir: PathBuf,
    pub secrets: SecretSource,
    /// Who holds the folder, for the sentence that a second program shows.
    pub program: String,
    /// Whether to begin a new home where there is none.
    pub create: bool,
}

/// A page of the window, or its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ViewName {
    Frame,
    Now,
    Energy,
    Rules,
    Market,
    Earnings,
    Meters,
    Contracts,
    Outlook,
}

impl ViewName {
    pub const ALL: [Self; 9] = [
        Self::Frame,
        Self::Now,
        Self::Energy,
        Self::Rules,
        Self::Market,
        Self::Earnings,
        Self::Meters,
        Self::Contracts,
        Self::Outlook,
    ];
}

/// The handle of a household. Clones are cheap and mean the same household.
#[derive(Clone, Debug)]
pub struct Home {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Open(Arc<House>),
    /// It could not be opened; every question is answered with why.
    Blocked(Arc<Refusal>, broadcast::Sender<ViewName>),
}

/// An opened household.
#[derive(Debug)]
pub(crate) struct House {
    pub dir: PathBuf,
    config: RwLock<Arc<HomeConfig>>,
    profiles: RwLock<Arc<Profiles>>,
    pub clock: SharedClock,
    pub history: History,
    prices: RwLock<Arc<PriceBook>>,
    outlook: RwLock<Option<Arc<Outlook>>>,
    pub access: Access,
    pub key: Option<DeviceKey>,
    rules: RwLock<RuleBook>,
    live: Mutex<Live>,
    changes: broadcast::Sender<ViewName>,
    alerts: broadcast::Sender<Alert>,
    pub wake: Wake,
    /// The notary's, while it works or a statement is made.
    pub desk: tokio::sync::Mutex<Option<Desk>>,
    pub lines: Wiring,
    /// What is under way behind "Add a meter".
    pub setup: Setup,
    pub opened_at: Timestamp,
    /// Whether the tasks run that carry what waits.
    running: AtomicBool,
    /// Tells that the house is closed. The last field: when it goes, the lock and the history are gone.
    closed: DropGuard,
}

/// Whether this process trades.
#[derive(Debug)]
pub(crate) enum Access {
    /// The lock is held as long as the house is open.
    Trades { _lock: Lock },
    /// Another process trades, or the folder cannot be written.
    LooksOn { held_by: Option<String> },
}

/// How tasks wake each other.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    pub trader: Notify,
    pub courier: Notify,
    pub settler: Notify,
    pub notary: Notify,
    pub outlook: Notify,
}

/// Changes that a slow listener may lag behind; it then looks at everything anew.
const CHANGES: usize = 64;
/// Alerts come one at a time, hours apart.
const ALERTS: usize = 16;

/// No decision rests on a forecast that is older.
const FORESEEN_FOR: Duration = Duration::from_secs(6 * 3600);

/// How long a machine may hiccup. In a simulated street a hiccup must not count as market time.
const HICCUP_S: f64 = 2.0;

impl Home {
    /// Opens a household. Where another process trades with the folder, this one only looks on.
    pub fn open(options: HomeOptions) -> Result<Self, HomeError> {
        Ok(Self { state: State::Open(Arc::new(House::open(options)?)) })
    }

    /// Opens a household, or a handle that answers every question with why it could not be opened.
    pub fn open_or_explain(options: HomeOptions) -> Self {
        Self::open(options).unwrap_or_else(|error| {
            tracing::error!(error = crate::config::described(&error), "the household cannot be opened");
            let state = State::Blocked(Arc::new(Refusal::from(&error)), broadcast::channel(1).0);
            Self { state }
        })
    }

    /// Runs the household until it is told to stop. Returns when everything is written.
    pub async fn run(&self, stop: CancellationToken) {
        match &self.state {
            State::Open(house) => {
                tasks::run(house.clone(), stop).await;
                house.setup.end();
            }
            State::Blocked(..) => stop.cancelled().await,
        }
    }

    /// Returns a stream of which views have become old.
    pub fn changes(&self) -> broadcast::Receiver<ViewName> {
        match &self.state {
            State::Open(house) => house.changes.subscribe(),
            State::Blocked(_, changes) => changes.subscribe(),
        }
    }

    /// Returns a stream of what is worth a word of the desktop; `None` where the household is not open.
    pub fn alerts(&self) -> Option<broadcast::Receiver<Alert>> {
        self.house().ok().map(|house| house.alerts.subscribe())
    }

    /// Returns a token that is cancelled when the last handle is gone and the folder is free for another start.
    pub fn closed(&self) -> CancellationToken {
        match &self.state {
            State::Open(house) => house.closed.token().clone(),
            // It never held the folder.
            State::Blocked(..) => {
                let closed = CancellationToken::new();
                closed.cancel();
                closed
            }
        }
    }

    /// Returns the household's history, for programs that read it as a whole.
    pub fn history(&self) -> Option<&History> {
        self.house().ok().map(|house| &house.history)
    }

    /// Returns market time.
    pub fn now_in_market(&self) -> Option<Timestamp> {
        self.house().ok().map(|house| house.now())
    }

    pub(crate) fn house(&self) -> Result<&Arc<House>, Refusal> {
        match &self.state {
            State::Open(house) => Ok(house),
            State::Blocked(refusal, _) => Err(refusal.as_ref().clone()),
        }
    }
}

impl House {
    fn open(options: HomeOptions) -> Result<Self, HomeError> {
        let HomeOptions { dir, secrets, program, create } = options;
        let config = load_config(&dir, create)?;
        let clock: SharedClock = match config.simulation {
            Some(scale) => Arc::new(ScaledClock::new(scale)),
            None => Arc::new(SystemClock),
        };
        let profiles = Profiles::load(&dir.join(PROFILES_FOLDER));
        let now = clock.now();
        let mut live = Live::default();
        let access = take_access(&dir, &program, &mut live)?;
        let history = open_history(&dir, &access, now, &mut live)?;
        let rules = load_rules(&dir, &config, &history, now)?;
        let key = match access {
            Access::Trades { .. } => open_key(&secrets, &dir, &mut live),
            Access::LooksOn { .. } => None,
        };
        let prices = PriceBook::read(&config, &history, priced_around(now))?;
        live.exchange.market = stored_market(&history)?;
        Ok(Self {
            dir,
            config: RwLock::new(Arc::new(config)),
            profiles: RwLock::new(Arc::new(profiles)),
            clock,
            history,
            prices: RwLock::new(Arc::new(prices)),
            outlook: RwLock::default(),
            access,
            key,
            rules: RwLock::new(rules),
            live: Mutex::new(live),
            changes: broadcast::channel(CHANGES).0,
            alerts: broadcast::channel(ALERTS).0,
            wake: Wake::default(),
            desk: tokio::sync::Mutex::default(),
            lines: Wiring::default(),
            setup: Setup::default(),
            opened_at: now,
            running: AtomicBool::new(false),
            closed: CancellationToken::new().drop_guard(),
        })
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the market time of a moment that passed: now, less the real time since.
    pub fn time_of(&self, moment: Instant) -> Timestamp {
        self.now() - moment.elapsed().mul_f64(self.clock.speed())
    }

    /// Returns what the owner told the house, as it is in force at this moment.
    pub fn config(&self) -> Arc<HomeConfig> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what the owner told the house: in the file, and for whoever asks from now on.
    ///
    /// The file is read anew, since another program may have written to it.
    pub fn change_config(&self, change: impl FnOnce(&mut HomeConfig)) -> Result<(), ConfigError> {
        let mut present = self.config.write().unwrap_or_else(PoisonError::into_inner);
        let mut config = HomeConfig::load(&self.dir)?;
        change(&mut config);
        config
            .check(&self.profiles())
            .map_err(|what| ConfigError::Invalid { path: self.dir.join(CONFIG_FILE), what })?;
        config.save(&self.dir)?;
        *present = Arc::new(config);
        Ok(())
    }

    /// Returns the profiles that are known, those among them that the owner has put into the folder since.
    pub fn profiles(&self) -> Arc<Profiles> {
        let known = self.profiles.read().unwrap_or_else(PoisonError::into_inner).clone();
        if !known.is_old() {
            return known;
        }
        let fresh = Arc::new(Profiles::load(known.folder()));
        *self.profiles.write().unwrap_or_else(PoisonError::into_inner) = fresh.clone();
        fresh
    }

    /// Returns the meter that has a role in the home.
    pub fn meter_id(&self, role: Role) -> Option<MeterId> {
        self.config().meter_of(role).map(|meter| meter.id.clone())
    }

    pub fn zone(&self) -> Zone {
        self.config().zone()
    }

    pub fn today(&self) -> LocalDay {
        LocalDay::containing(self.now(), self.zone())
    }

    pub fn trades(&self) -> bool {
        matches!(self.access, Access::Trades { .. })
    }

    /// Returns whether the tasks run that carry what waits.
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    pub fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::Relaxed);
    }

    pub fn live(&self) -> MutexGuard<'_, Live> {
        // What a panicking task left there is still the best that is known.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn rules(&self) -> RuleBook {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other rules in force: in the file, in the history, and for the next decision.
    pub fn change_rules(&self, book: RuleBook, who: &str) -> Result<(), HistoryError> {
        let text = book.to_toml();
        self.history.save_rules(&text, who, self.now())?;
        let path = self.dir.join(RULES_FILE);
        write_in_place(&path, &text).map_err(|cause| HistoryError::File {
            attempt: "writing",
            path,
            cause,
        })?;
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = book;
        self.wake.trader.notify_one();
        self.changed(ViewName::Rules);
        Ok(())
    }

    /// Tells whoever listens that a view is old.
    pub fn changed(&self, view: ViewName) {
        // Nobody listens while no window is open.
        let _ = self.changes.send(view);
    }

    /// Tells the owner, by whatever shows alerts.
    pub fn alert(&self, alert: Alert) {
        tracing::info!(?alert, "an alert");
        let _ = self.alerts.send(alert);
    }

    /// Returns what a kWh costs and brings in a slot; `None` where it is not known, which is never 0.
    pub fn prices(&self, slot: Slot) -> Option<SlotPrices> {
        let book = self.price_book();
        if book.covers(slot) {
            return book.prices(slot).ok();
        }
        match PriceBook::read(&self.config(), &self.history, slot..slot.next()) {
            Ok(book) => book.prices(slot).ok(),
            Err(error) => {
                tracing::error!(%error, %slot, "the prices of a slot could not be read");
                None
            }
        }
    }

    /// Returns the contracts with what their prices of these days depend on.
    pub fn price_book(&self) -> Arc<PriceBook> {
        self.prices.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what was foretold last, unless that was long ago.
    pub fn outlook(&self) -> Option<Arc<Outlook>> {
        let outlook = self.outlook.read().unwrap_or_else(PoisonError::into_inner).clone();
        outlook.filter(|outlook| self.now().since(outlook.made_at) < self.patience(FORESEEN_FOR))
    }

    pub fn set_outlook(&self, outlook: Outlook) {
        *self.outlook.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(outlook));
    }

    /// Says what conditions of rules can be judged by.
    pub fn judged(&self) -> Judged {
        let outlook = self.outlook();
        Judged {
            surplus: outlook.as_ref().is_some_and(|outlook| outlook.house.is_some()),
            battery: outlook.is_some_and(|outlook| outlook.battery.is_some()),
        }
    }

    /// Reads anew what the prices of these days depend on.
    pub fn renew_prices(&self) -> Result<(), HistoryError> {
        let book = PriceBook::read(&self.config(), &self.history, priced_around(self.now()))?;
        *self.prices.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(book);
        Ok(())
    }

    pub fn market(&self) -> Option<MarketInfo> {
        self.live().exchange.market.clone()
    }

    pub fn market_rules(&self) -> Option<MarketRules> {
        self.live().exchange.market.as_ref().map(|market| market.rules)
    }

    pub fn membership(&self) -> Result<Option<Membership>, HistoryError> {
        self.history.membership()
    }

    /// Stretches a time of patience by a hiccup of the machine, where market time runs faster.
    pub fn patience(&self, patience: Duration) -> Duration {
        if self.clock.speed() > 1.0 {
            patience.max(Duration::from_secs_f64(HICCUP_S * self.clock.speed()))
        } else {
            patience
        }
    }

    /// Runs what blocks on a thread that may.
    pub async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let house = self.clone();
        match tokio::task::spawn_blocking(move || work(&house)).await {
            Ok(answer) => answer,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Returns the slots of which the prices are kept at hand: yesterday, and as far ahead as any price is published.
fn priced_around(now: Timestamp) -> Range<Slot> {
    let running = Slot::containing(now);
    running.offset(-2 * 96)..running.offset(4 * 96)
}

const MARKET_SETTING: &str = "market_info";

/// Returns what the market said of itself last, so that a start without the exchange knows its rules.
pub(crate) fn stored_market(history: &History) -> Result<Option<MarketInfo>, HistoryError> {
    // A form that an older version wrote is asked for anew.
    Ok(history.setting(MARKET_SETTING)?.and_then(|text| serde_json::from_str(&text).ok()))
}

impl House {
    /// Keeps what the market says of itself.
    pub fn store_market(&self, market: &MarketInfo) -> Result<(), HistoryError> {
        let known = self.live().exchange.market.replace(market.clone());
        // The times in it change with each answer; only the rest is worth a write.
        let timeless = |market: &MarketInfo| MarketInfo {
            market_time: Timestamp::default(),
            real_time: Timestamp::default(),
            ..market.clone()
        };
        if known.as_ref().map(timeless) == Some(timeless(market)) {
            return Ok(());
        }
        let text = serde_json::to_string(market).expect("a market's description is plain data");
        self.history.set_setting(MARKET_SETTING, &text)
    }
}

fn load_config(dir: &std::path::Path, create: bool) -> Result<HomeConfig, HomeError> {
    if create && !dir.join(crate::config::CONFIG_FILE).exists() {
        std::fs::create_dir_all(dir).map_err(|cause| HomeError::Folder { path: dir.to_owned(), cause })?;
        HomeConfig::starter().save(dir)?;
    }
    Ok(HomeConfig::load(dir)?)
}

fn take_access(dir: &std::path::Path, program: &str, live: &mut Live) -> Result<Access, HomeError> {
    match Lock::acquire(dir, program) {
        Ok(lock) => Ok(Access::Trades { _lock: lock }),
        Err(LockError::Held { pid, program }) => {
            Ok(Access::LooksOn { held_by: Some(format!("{program} (process {pid})")) })
        }
        Err(LockError::HeldSilently { .. }) => {
            Ok(Access::LooksOn { held_by: Some("another program".to_owned()) })
        }
        Err(LockError::File { cause, .. }) if is_unwritable(&cause) => {
            live.notice(
                NoticeCode::DataReadOnly,
                format!(
                    "The data folder {} cannot be written. Nothing is recorded or traded; what is there is shown. \
                     Check who owns it and whether its disk is mounted for writing, then start again.",
                    dir.display()
                ),
            );
            Ok(Access::LooksOn { held_by: None })
        }
        Err(error) => Err(HomeError::Lock(error)),
    }
}

fn is_unwritable(cause: &std::io::Error) -> bool {
    matches!(cause.kind(), std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem)
}

fn open_history(
    dir: &std::path::Path,
    access: &Access,
    now: Timestamp,
    live: &mut Live,
) -> Result<History, HomeError> {
    let path = dir.join(HISTORY_FILE);
    if let Access::LooksOn { .. } = access {
        return Ok(History::open(&path, OpenMode::ReadOnly)?);
    }
    let (history, opened) = History::open_or_restore(&path, now)?;
    if let Opened::Restored { snapshot_at, kept_as } = opened {
        let kept = kept_as
            .map_or_else(String::new, |path| format!(" The damaged file is kept as {}.", path.display()));
        live.notice(
            NoticeCode::HistoryRestored,
            format!(
                "The history was damaged and came back from the copy of {snapshot_at}. What happened since is fetched \
                 again from the exchange and the meter's counters, as far as they know it.{kept}"
            ),
        );
    }
    Ok(history)
}

fn load_rules(
    dir: &std::path::Path,
    config: &HomeConfig,
    history: &History,
    now: Timestamp,
) -> Result<RuleBook, HomeError> {
    let path = dir.join(RULES_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(cause) => return Err(HomeError::Rules(cause.to_string())),
    };
    let book = RuleBook::parse(&text, config.currency)
        .map_err(|error| HomeError::Rules(crate::config::described(&error)))?;
    if history.is_writable() {
        history.save_rules(&book.to_toml(), "file", now)?;
    }
    Ok(book)
}

fn open_key(source: &SecretSource, dir: &std::path::Path, live: &mut Live) -> Option<DeviceKey> {
    let place = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    match secrets::open_or_create(source, &dir.join(KEY_FILE), &place.to_string_lossy()) {
        Ok((key, KeyPlace::Keyring)) => Some(key),
        Ok((key, KeyPlace::SealedFile)) => {
            live.notice(
                NoticeCode::KeyInFile,
                "This computer offers no system keyring. The private key lies in the file key.sealed, which only the \
                 passphrase opens. Keep the passphrase; without it the key is lost.",
            );
            Some(key)
        }
        Err(error) => {
            let code =
                if matches!(error, SecretError::Locked) { NoticeCode::KeyLocked } else { NoticeCode::NoKey };
            tracing::warn!(error = crate::config::described(&error), "no key to sign with");
            live.notice(code, crate::config::described(&error));
            None
        }
    }
}
