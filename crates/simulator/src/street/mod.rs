//! The whole street at once: an exchange, houses with meters, households that trade, one clock.

mod folders;
mod friends;
mod household;
mod market;
mod memory;
mod report;
mod statements;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use exchange::{Clocks, Exchange, ExchangeError};
use home::HomeError;
use home::config::ConfigError;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use units::{Clock, ManualClock, MemberId, Scale, ScaledClock, Slot, SystemClock, Timestamp};

use crate::house::{House, HousePlan, Naps, plan_street, sleeper};
use crate::meter::{Meters, PtyError, SerialMeter, TcpMeter};
use crate::world::UtcDay;

use household::Household;

pub use market::{area as area_of, config as market_config, contracts};
pub use report::{HouseLine, SlotLine, Summary};
pub use statements::ClosedStatement;

/// A slot must last 2 s of real time, or a household cannot read, decide and report within it.
pub const HIGHEST_SPEED: f64 = 450.0;

/// How long before its first slot the street comes to life at least, in real time: the households join,
/// read their meters and place orders, so that the first slot is wholly measured.
const LEAD: Duration = Duration::from_secs(3);

/// At low speeds it takes long until the first slot's gate is near; then a later slot is the first.
const LONGEST_LEAD: Duration = Duration::from_secs(8);

/// What joining takes, in real time, beyond what each household takes to open its key.
const JOINING: Duration = Duration::from_millis(1500);
const OPENING: Duration = Duration::from_millis(100);

/// What a street is made of.
#[derive(Clone, Debug)]
pub struct StreetOptions {
    /// Holds `exchange/`, `home-01/` and so on; must not hold a street yet.
    pub dir: PathBuf,
    pub houses: u32,
    pub seed: u64,
    /// Market seconds in a real second, 1 to 450.
    pub speed: f64,
    /// Market time at which the first whole slot begins.
    pub start: Timestamp,
    /// The number of the house that another program runs.
    pub app_house: Option<u32>,
    /// How many days of past the street remembers.
    pub past_days: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum StreetError {
    #[error("{0}")]
    Options(String),
    #[error("{} holds a street already, and a street begins anew each time: name an empty folder with --data, or remove that one", .0.display())]
    Inhabited(PathBuf),
    #[error("writing {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("opening a port of this machine")]
    Port(#[source] std::io::Error),
    #[error("writing the configuration of {house}")]
    Config {
        house: String,
        #[source]
        cause: ConfigError,
    },
    #[error("opening the household {house}")]
    Home {
        house: String,
        #[source]
        cause: HomeError,
    },
    #[error("the history of {house}")]
    History {
        house: String,
        #[source]
        cause: history::HistoryError,
    },
    #[error("the exchange of the street")]
    Exchange(#[source] Box<ExchangeError>),
    #[error("the books of the street's exchange")]
    Books(#[source] Box<exchange::Failure>),
    #[error("the serial line of {house}")]
    SerialLine {
        house: String,
        #[source]
        cause: PtyError,
    },
    #[error("settling the street's past")]
    Past(#[from] settlement::InvalidInput),
    #[error("{house} did not tell the exchange what its meter showed, though it had {} s", waited.as_secs())]
    Silent { house: String, waited: Duration },
    #[error("the exchange keeps the past differently from what the households were told: {0}")]
    PastDiffers(String),
}

impl From<ExchangeError> for StreetError {
    fn from(error: ExchangeError) -> Self {
        Self::Exchange(Box::new(error))
    }
}

impl From<exchange::Failure> for StreetError {
    fn from(error: exchange::Failure) -> Self {
        Self::Books(Box::new(error))
    }
}

/// A street that lives until it is ended.
#[derive(Debug)]
pub struct Street {
    options: StreetOptions,
    neighbours: Vec<Neighbour>,
    exchange: Exchange,
    address: SocketAddr,
    clock: Arc<ScaledClock>,
    households: Running,
    grid: Running,
    /// The life of the exchange's slots, which can come to rest while all else goes on.
    life: Running,
    /// The exchange's way to the net, which can be cut.
    door: std::sync::Mutex<Arc<Running>>,
}

/// One house of the street with everything in it.
#[derive(Debug)]
pub struct Neighbour {
    pub house: Arc<House>,
    pub member: MemberId,
    pub meters: Meters,
    /// Its data folder.
    pub dir: PathBuf,
    /// Missing where another program runs the household.
    household: Option<Arc<Household>>,
}

/// Tasks that end together.
#[derive(Clone, Debug, Default)]
struct Running {
    tasks: TaskTracker,
    end: CancellationToken,
}

impl Running {
    async fn finish(&self) {
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl StreetOptions {
    /// Says what cannot be simulated.
    pub fn check(&self) -> Result<(), StreetError> {
        let refuse = |why: String| Err(StreetError::Options(why));
        let speed = self.speed;
        if !(1.0..=HIGHEST_SPEED).contains(&speed) {
            return refuse(format!(
                "A speed of {speed} cannot be simulated: a slot must last at least 2 s of real time, so --speed lies between 1 and {HIGHEST_SPEED}."
            ));
        }
        if !(1..=200).contains(&self.houses) {
            return refuse(format!(
                "A street of {} houses cannot be simulated: --houses lies between 1 and 200.",
                self.houses
            ));
        }
        if self.past_days > 366 {
            return refuse(format!(
                "{} days of past are too many: --past-days is at most 366.",
                self.past_days
            ));
        }
        match self.app_house {
            Some(number) if !(1..=self.houses).contains(&number) => refuse(format!(
                "There is no house {number} in a street of {}: name another with --app-house.",
                self.houses
            )),
            _ => Ok(()),
        }
    }

    /// Returns the first slot that is not past: the one in which the households come to life.
    fn first_lived(&self) -> Slot {
        Slot::containing(self.start - self.lead().mul_f64(self.speed))
    }

    /// Returns how long before the start the clock begins: long enough to join before the first gate.
    fn lead(&self) -> Duration {
        let gate = Duration::from_secs(market::GATE_S.into()).div_f64(self.speed);
        (gate + JOINING).clamp(LEAD, LONGEST_LEAD) + OPENING * self.houses
    }

    fn past_from(&self) -> Slot {
        self.first_lived().offset(-96 * i64::from(self.past_days))
    }

    fn plans(&self) -> Vec<HousePlan> {
        plan_street(self.seed, self.houses)
    }
}

impl Street {
    /// Builds the street and brings it to life. What it remembers is written before its clock begins.
    pub async fn build(options: StreetOptions) -> Result<Self, StreetError> {
        options.check()?;
        folders::refuse_inhabited(&options.dir)?;
        // A day earlier than it remembers: batteries have charged once, meters have counted.
        let first_day = UtcDay::containing(options.past_from().start()).minus(1);
        let houses: Vec<Arc<House>> = options
            .plans()
            .into_iter()
            .map(|plan| Arc::new(House::new(plan, options.seed, first_day)))
            .collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(StreetError::Port)?;
        let address = listener.local_addr().map_err(StreetError::Port)?;
        let exchange_dir = options.dir.join("exchange");
        prepare(&options, &houses, &exchange_dir, address).await?;

        let scale = Scale {
            market_origin: options.start,
            real_origin: SystemClock.now() + options.lead(),
            speed: options.speed,
        };
        market::begin(&exchange_dir, options.houses, scale)?;
        let clock = Arc::new(ScaledClock::new(scale));
        let exchange = Exchange::open(&exchange_dir, clock.clone())?;
        let (grid, households, life) = (Running::default(), Running::default(), Running::default());
        let mut neighbours = Vec::new();
        for house in houses {
            let dir = options.dir.join(&house.plan.id);
            let meters = Meters::new(Arc::clone(&house), clock.clone());
            let line = serve_meters(&meters, &house.plan, &dir, &grid).await?;
            folders::write_config(&house.plan, &dir, &line, scale)?;
            let member = market::member(&house.plan);
            let ours = options.app_house != Some(house.plan.number);
            let household = ours.then(|| Arc::new(Household::asleep(dir.clone(), households.clone())));
            neighbours.push(Neighbour { house, member, meters, dir, household });
        }
        let door = std::sync::Mutex::default();
        let street = Self { options, neighbours, exchange, address, clock, households, grid, life, door };
        street.open_exchange(listener);
        street.open_homes().await?;
        if let Some(friends) = friends::Friends::of(&street.neighbours) {
            street.households.tasks.spawn(friends.agree(street.households.end.child_token()));
        }
        Ok(street)
    }

    pub fn options(&self) -> &StreetOptions {
        &self.options
    }

    pub fn neighbours(&self) -> &[Neighbour] {
        &self.neighbours
    }

    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Returns where the exchange answers.
    pub fn exchange_url(&self) -> String {
        market::url(self.address)
    }

    pub fn clock(&self) -> &ScaledClock {
        &self.clock
    }

    /// Returns the first slot that is reported: the one that begins at the start.
    pub fn first_slot(&self) -> Slot {
        let slot = Slot::containing(self.options.start);
        if slot.start() == self.options.start { slot } else { slot.next() }
    }

    /// Waits until market time shows an instant.
    pub async fn wait_until(&self, time: Timestamp) {
        until(&self.clock, time).await;
    }

    /// Waits until the exchange has settled a slot that is over; returns false where it never will, since
    /// nobody was a member before the slot's gate.
    pub async fn wait_settled(&self, slot: Slot) -> Result<bool, StreetError> {
        let mut news = self.exchange.settled();
        loop {
            news.borrow_and_update();
            if self.exchange.slot_report(slot).await?.is_some() {
                return Ok(true);
            }
            if self.exchange.slots(slot..slot.next()).await?.slots.is_empty() {
                return Ok(false);
            }
            // The exchange outlives this call, since the street holds it.
            let _ = news.changed().await;
        }
    }

    /// Lets one household's computer sleep at times from now on, and returns whose. Its energy is then the
    /// utility's; nobody else's trades change but in who is there to trade with.
    pub fn let_one_sleep(&self) -> Option<&Neighbour> {
        let StreetOptions { seed, houses, app_house, .. } = self.options;
        let number = sleeper(seed, houses, app_house)?;
        let neighbour = self.neighbours.iter().find(|it| it.house.plan.number == number)?;
        let household = Arc::clone(neighbour.household.as_ref()?);
        let naps = Naps::of(seed, number);
        self.households.tasks.spawn(household.live_with_naps(naps, Arc::clone(&self.clock)));
        Some(neighbour)
    }

    /// Ends the households first, so that each writes what it knows, then the exchange and the meters.
    pub async fn finish(self) {
        self.households.finish().await;
        self.cut_exchange().await;
        self.rest().await;
        self.grid.finish().await;
    }

    /// Lets the exchange settle nothing from now on; it still answers, and the households live on.
    async fn rest(&self) {
        self.life.finish().await;
    }

    /// Takes the exchange off the net, as a cut line would; its books go on.
    pub async fn cut_exchange(&self) {
        let door = self.door.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        door.finish().await;
    }

    /// Brings a cut exchange back at its address.
    pub async fn mend_exchange(&self) -> Result<(), StreetError> {
        self.serve(TcpListener::bind(self.address).await.map_err(StreetError::Port)?);
        Ok(())
    }

    fn serve(&self, listener: TcpListener) {
        let door = Arc::new(Running::default());
        let (exchange, end) = (self.exchange.clone(), door.end.clone());
        door.tasks.spawn(async move {
            if let Err(error) = exchange.serve(listener, end).await {
                tracing::error!(%error, "the exchange stopped serving");
            }
        });
        *self.door.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = door;
    }

    fn open_exchange(&self, listener: TcpListener) {
        self.serve(listener);
        let (exchange, end) = (self.exchange.clone(), self.life.end.clone());
        self.life.tasks.spawn(async move { exchange.run_life(end).await });
    }

    async fn open_homes(&self) -> Result<(), StreetError> {
        for neighbour in &self.neighbours {
            let Some(household) = &neighbour.household else { continue };
            household.wake().await.map_err(|cause| {
                let house = neighbour.house.plan.id.clone();
                StreetError::Home { house, cause }
            })?;
        }
        Ok(())
    }
}

/// Makes the folders, invites everyone, and lets the street remember its past.
async fn prepare(
    options: &StreetOptions,
    houses: &[Arc<House>],
    exchange_dir: &Path,
    address: SocketAddr,
) -> Result<(), StreetError> {
    Exchange::init(exchange_dir, &market::config(options.houses, options.speed, None))?;
    let before = memory::tells_at(options.first_lived());
    let clocks = Clocks { market: Arc::new(ManualClock::at(before)), real: Arc::new(SystemClock) };
    let exchange = Exchange::open_with(exchange_dir, clocks)?;
    for house in houses {
        let invitation = exchange.invite(market::invite(&house.plan, address)).await?;
        folders::write_home(&house.plan, &options.dir.join(&house.plan.id), &invitation)?;
    }
    let slots = options.past_from()..options.first_lived();
    memory::remember(&exchange, houses, &options.dir, slots).await
}

/// Serves the meters of a house and returns where they are read.
async fn serve_meters(
    meters: &Meters,
    plan: &HousePlan,
    dir: &Path,
    grid: &Running,
) -> Result<folders::Line, StreetError> {
    let end = grid.end.clone();
    if plan.serial_line {
        let path = std::path::absolute(dir.join("meter.tty"))
            .map_err(|cause| StreetError::File { path: dir.to_owned(), cause })?;
        let meter = SerialMeter::open(meters.clone(), &path)
            .map_err(|cause| StreetError::SerialLine { house: plan.id.clone(), cause })?;
        grid.tasks.spawn(meter.serve(end));
        return Ok(folders::Line::Serial(path));
    }
    let meter = TcpMeter::bind(meters.clone()).await.map_err(StreetError::Port)?;
    let address = meter.address().map_err(StreetError::Port)?;
    grid.tasks.spawn(meter.serve(end));
    Ok(folders::Line::Tcp(address))
}

/// Waits until market time shows an instant.
async fn until(clock: &ScaledClock, time: Timestamp) {
    loop {
        match clock.real_until(time) {
            Duration::ZERO => return,
            left => tokio::time::sleep(left).await,
        }
    }
}
