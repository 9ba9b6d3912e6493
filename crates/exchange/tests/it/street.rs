//! A street for tests: an exchange in a temporary folder, served on a free port, and its households.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exchange::{Access, Clocks, Exchange, Invite, MarketConfig};
use exchange_api::{
    Client, ClientSettings, Commitment, ContractPrices, DeviceKey, Invitation, JoinRequest, Limits,
    Membership, Order, OrderOutcome, PriceStep, ProblemCode, Reading, ReadingOutcome, Registers, ServerPin,
    Signed, SignedContract, SignedOrder, SignedReading, UtilityContract, new_order_id, new_salt,
};
use market::Side;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use units::{ManualClock, MarketId, MemberId, Money, Price, Slot, SystemClock, Timestamp, WattHours};

/// A day in summer, long before now, as in a simulated street.
pub fn noon() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

pub fn slot(text: &str) -> Slot {
    text.parse().unwrap()
}

pub fn price(micros: i64) -> Price {
    Price::from_micros_per_kwh(micros)
}

pub fn wh(energy: i64) -> WattHours {
    WattHours::new(energy)
}

pub fn contract() -> UtilityContract {
    UtilityContract { retail_micros_per_kwh: price(300_000), feed_in_micros_per_kwh: price(80_000) }
}

pub struct Street {
    dir: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub exchange: Exchange,
    pub address: String,
    access: Access,
    until: CancellationToken,
    server: JoinHandle<()>,
}

impl Street {
    /// Opens a new market at noon.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut MarketConfig)) -> Self {
        Self::start(Access::Plain, change, |_| {}).await.0
    }

    pub async fn reached(access: Access) -> Self {
        Self::start(access, |_| {}, |_| {}).await.0
    }

    /// As [`Self::new`], with something made of the folder before the market is opened, such as a disk of ours.
    pub async fn on_disk<T>(make: impl FnOnce(&Path) -> T) -> (Self, T) {
        Self::start(Access::Plain, |_| {}, make).await
    }

    async fn start<T>(
        access: Access,
        change: impl FnOnce(&mut MarketConfig),
        make: impl FnOnce(&Path) -> T,
    ) -> (Self, T) {
        let dir = tempfile::tempdir().unwrap();
        let mut config = MarketConfig::new(MarketId::new("lindenweg").unwrap(), "Lindenweg");
        change(&mut config);
        Exchange::init(dir.path(), &config).unwrap();
        let made = make(dir.path());
        let clock = Arc::new(ManualClock::at(noon()));
        let (exchange, address, until, server) = serve(dir.path(), &clock, &access).await;
        (Self { dir, clock, exchange, address, access, until, server }, made)
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Closes the exchange as a shutdown does and opens it again on another port.
    pub async fn restart(self) -> Self {
        let Self { dir, clock, exchange, access, until, server, .. } = self;
        until.cancel();
        server.await.unwrap();
        drop(exchange);
        let (exchange, address, until, server) = serve(dir.path(), &clock, &access).await;
        Self { dir, clock, exchange, address, access, until, server }
    }

    /// As [`Self::restart`], with something done to the folder meanwhile.
    pub async fn restart_after<T>(self, work: impl FnOnce(&Path) -> T) -> (Self, T) {
        let Self { dir, clock, exchange, access, until, server, .. } = self;
        until.cancel();
        server.await.unwrap();
        drop(exchange);
        let outcome = work(dir.path());
        let (exchange, address, until, server) = serve(dir.path(), &clock, &access).await;
        (Self { dir, clock, exchange, address, access, until, server }, outcome)
    }

    /// Moves market time and lets all that is due happen.
    pub async fn at(&self, time: &str) {
        self.clock.set(time.parse().unwrap());
        self.exchange.tick().await.unwrap();
    }

    pub async fn invite(&self, member: &str) -> Invitation {
        self.exchange.invite(self.invitation_of(member)).await.unwrap()
    }

    pub async fn invite_into(&self, member: &str, area: &str) -> Invitation {
        let invite = Invite { area: units::AreaId::new(area).unwrap(), ..self.invitation_of(member) };
        self.exchange.invite(invite).await.unwrap()
    }

    pub async fn invite_with(&self, member: &str, limits: Limits, expires: Timestamp) -> Invitation {
        let invite = Invite { limits, expires, ..self.invitation_of(member) };
        self.exchange.invite(invite).await.unwrap()
    }

    pub fn invitation_of(&self, member: &str) -> Invite {
        Invite {
            member: MemberId::new(member).unwrap(),
            area: self.exchange.config().areas[0].id.clone(),
            metering_point: format!("meter-of-{member}"),
            limits: Limits { fuse_w: 24_000, exposure: Money::from_nanos(20_000_000_000) },
            expires: SystemClock::now_plus(3600),
            address: self.address.clone(),
        }
    }

    /// Invites a household and lets it join.
    pub async fn home(&self, member: &str) -> Home {
        let invitation = self.invite(member).await;
        let home = Home::new(&self.address, member, DeviceKey::generate().unwrap());
        home.join(&invitation).await.unwrap();
        self.exchange.tick().await.unwrap();
        home
    }
}

async fn serve(
    dir: &Path,
    clock: &Arc<ManualClock>,
    access: &Access,
) -> (Exchange, String, CancellationToken, JoinHandle<()>) {
    let clocks = Clocks { market: clock.clone(), real: Arc::new(SystemClock) };
    let exchange = Exchange::open_with(dir, clocks).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = if *access == Access::Plain { "http" } else { "https" };
    let address = format!("{scheme}://{}", listener.local_addr().unwrap());
    let until = CancellationToken::new();
    let server = tokio::spawn({
        let (exchange, access, until) = (exchange.clone(), access.clone(), until.clone());
        async move { exchange.serve_as(listener, &access, until).await.unwrap() }
    });
    (exchange, address, until, server)
}

pub trait NowPlus {
    fn now_plus(seconds: i64) -> Timestamp;
}

impl NowPlus for SystemClock {
    fn now_plus(seconds: i64) -> Timestamp {
        let now = units::Clock::now(&SystemClock);
        Timestamp::from_millis(now.millis() + seconds * 1000)
    }
}

/// A household's device.
pub struct Home {
    pub member: MemberId,
    pub key: DeviceKey,
    pub client: Client,
}

impl Home {
    pub fn new(address: &str, member: &str, key: DeviceKey) -> Self {
        Self::pinned(address, member, key, None)
    }

    pub fn pinned(address: &str, member: &str, key: DeviceKey, server: Option<Arc<ServerPin>>) -> Self {
        let timeout = Duration::from_secs(10);
        let settings = ClientSettings { retries: 0, timeout, server, ..ClientSettings::default() };
        let client = Client::new(address, key.clone(), settings).unwrap();
        Self { member: MemberId::new(member).unwrap(), key, client }
    }

    /// The same device, after the exchange moved to another port.
    pub fn moved_to(&self, street: &Street) -> Self {
        Self::new(&street.address, self.member.as_str(), self.key.clone())
    }

    pub fn join_request(&self, invitation: &Invitation) -> JoinRequest {
        JoinRequest {
            market: invitation.market.clone(),
            code: invitation.code.clone(),
            public_key: self.key.public_key_text(),
            device_name: "test".to_owned(),
            terms_version: "1".to_owned(),
            contract: contract(),
        }
    }

    pub async fn join(&self, invitation: &Invitation) -> Result<Membership, exchange_api::ClientError> {
        self.client.join(&self.join_request(invitation)).await
    }

    /// Signs retail prices from slots on; feed-in stays.
    pub fn told(&self, steps: &[(&str, i64)]) -> SignedContract {
        let step = |(from, retail): &(&str, i64)| PriceStep {
            from: slot(from),
            retail_micros_per_kwh: price(*retail),
            feed_in_micros_per_kwh: price(80_000),
        };
        let body = ContractPrices {
            market: MarketId::new("lindenweg").unwrap(),
            member: self.member.clone(),
            from: slot(steps[0].0),
            steps: steps.iter().map(step).collect(),
        };
        Signed::sign(body, &self.key, new_salt().unwrap()).unwrap()
    }

    pub fn order(&self, slot: Slot, side: Side, energy: i64, limit: i64) -> Order {
        Order {
            id: new_order_id(),
            market: MarketId::new("lindenweg").unwrap(),
            member: self.member.clone(),
            slot,
            side,
            quantity: wh(energy),
            limit: price(limit),
            commitment: Commitment::Metered,
        }
    }

    pub fn sign(&self, order: Order) -> SignedOrder {
        Signed::sign(order, &self.key, new_salt().unwrap()).unwrap()
    }

    /// Places one order and returns what became of it.
    pub async fn place(&self, order: Order) -> OrderOutcome {
        self.place_signed(self.sign(order)).await
    }

    pub async fn place_signed(&self, order: SignedOrder) -> OrderOutcome {
        self.client.place_orders(vec![order]).await.unwrap().outcomes.remove(0)
    }

    pub async fn offer(&self, slot: Slot, energy: i64, limit: i64) -> Order {
        let order = self.order(slot, Side::Sell, energy, limit);
        assert_accepted(&self.place(order.clone()).await);
        order
    }

    pub async fn bid(&self, slot: Slot, energy: i64, limit: i64) -> Order {
        let order = self.order(slot, Side::Buy, energy, limit);
        assert_accepted(&self.place(order.clone()).await);
        order
    }

    pub fn reading(&self, slot: Slot, registers: Option<[i64; 4]>) -> SignedReading {
        let registers = registers.map(|[import_start, import_end, export_start, export_end]| Registers {
            import_start_wh: wh(import_start),
            import_end_wh: wh(import_end),
            export_start_wh: wh(export_start),
            export_end_wh: wh(export_end),
        });
        let body = Reading {
            market: MarketId::new("lindenweg").unwrap(),
            member: self.member.clone(),
            metering_point: format!("meter-of-{}", self.member),
            slot,
            registers,
        };
        Signed::sign(body, &self.key, new_salt().unwrap()).unwrap()
    }

    /// Reports a slot's registers: import from, to, export from, to.
    pub async fn report(&self, slot: Slot, registers: Option<[i64; 4]>) -> ReadingOutcome {
        self.report_signed(self.reading(slot, registers)).await
    }

    pub async fn report_signed(&self, reading: SignedReading) -> ReadingOutcome {
        placeless(self.client.report_readings(vec![reading]).await.unwrap().outcomes.remove(0))
    }
}

/// Leaves out where a reading that counts is in the log, so that outcomes are compared by the rest.
fn placeless(outcome: ReadingOutcome) -> ReadingOutcome {
    match outcome {
        ReadingOutcome::Accepted { slot, index: Some(_) } => ReadingOutcome::Accepted { slot, index: None },
        ReadingOutcome::Late { slot, index: Some(_) } => ReadingOutcome::Late { slot, index: None },
        ReadingOutcome::Accepted { .. } | ReadingOutcome::Late { .. } => {
            panic!("{outcome:?} is not in the log")
        }
        other => other,
    }
}

pub fn assert_accepted(outcome: &OrderOutcome) {
    assert!(matches!(outcome, OrderOutcome::Accepted { .. }), "{outcome:?}");
}

pub fn assert_refused(outcome: &OrderOutcome, code: ProblemCode) {
    match outcome {
        OrderOutcome::Refused { problem, .. } => assert_eq!(problem.code, code, "{problem}"),
        other => panic!("{other:?} instead of a refusal for {}", code.word()),
    }
}
