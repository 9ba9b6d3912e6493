//! The program itself: its commands, and what `kill -9` leaves.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use exchange_api::{DeviceKey, SlotState};
use market::Side;
use units::{Clock as _, Scale, ScaledClock, Slot, SystemClock, Timestamp};

use crate::street::Home;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wattle-exchange");
/// A slot lasts half a second.
const SPEED: f64 = 1800.0;

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn last_error(output: &Output) -> serde_json::Value {
    let text = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{output:?}"))
}

/// A served exchange, killed hard when the test ends.
pub struct Served {
    pub child: Child,
    pub address: String,
}

impl Served {
    pub fn start(dir: &str) -> Self {
        Self::start_with(dir, &[])
    }

    fn start_with(dir: &str, options: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--data", dir, "--listen", "127.0.0.1:0", "--json"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        Self { child, address: ready["listening"].as_str().unwrap().to_owned() }
    }

    /// SIGKILL: nothing is flushed, nothing is said.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn init(dir: &str) {
    let made = run(&["init", "--data", dir, "--market", "lindenweg", "--json"]);
    assert!(made.status.success(), "{made:?}");
}

pub fn invitation(dir: &str, member: &str, address: &str) -> exchange_api::Invitation {
    let meter = format!("meter-of-{member}");
    let output = run(&[
        "invite",
        "--data",
        dir,
        "--member",
        member,
        "--metering-point",
        &meter,
        "--address",
        address,
        "--json",
    ]);
    json(&output)["invitation"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_market_is_made_served_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("exchange");
    let dir = dir.to_str().unwrap();
    init(dir);
    use std::os::unix::fs::PermissionsExt as _;
    for (path, mode) in [(dir.to_owned(), 0o700), (format!("{dir}/exchange.key"), 0o600)] {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
    let again = run(&["init", "--data", dir, "--market", "lindenweg", "--json"]);
    assert_eq!(
        (again.status.code(), last_error(&again)["error"]["code"].as_str()),
        (Some(2), Some("exists"))
    );
    let mut served = Served::start(dir);
    let second = run(&["serve", "--data", dir, "--listen", "127.0.0.1:0", "--json"]);
    assert_eq!(
        (second.status.code(), last_error(&second)["error"]["code"].as_str()),
        (Some(2), Some("locked"))
    );
    // The operator's errands work beside it.
    let invitation = invitation(dir, "home-01", &served.address);
    let home = Home::new(&served.address, "home-01", DeviceKey::generate().unwrap());
    home.join(&invitation).await.unwrap();
    let members = json(&run(&["members", "--data", dir, "--json"]));
    assert_eq!(members["members"][0]["keys"][0]["key"], home.key.key_id().as_str());
    let areas = json(&run(&["areas", "--data", dir, "--json"]));
    assert_eq!(areas["areas"][0]["id"], "feeder-1");
    let revoked = run(&["revoke", "--data", dir, home.key.key_id().as_str(), "--json"]);
    assert!(revoked.status.success());
    let refused = home.client.me().await.unwrap_err();
    assert_eq!(refused.code(), Some(exchange_api::ProblemCode::RevokedKey));
    // Who lost the device gets a code for the same member; what the market knows of it need not be said again.
    let again = ["invite", "--data", dir, "--member", "home-01", "--address", &served.address, "--json"];
    let recovery = json(&run(&again))["invitation"].as_str().unwrap().parse().unwrap();
    let recovered = Home::new(&served.address, "home-01", DeviceKey::generate().unwrap());
    assert_eq!(recovered.join(&recovery).await.unwrap().metering_point, "meter-of-home-01");
    let unknown =
        run(&["invite", "--data", dir, "--member", "home-09", "--address", &served.address, "--json"]);
    assert_eq!(unknown.status.code(), Some(2));
    let audit = run(&["audit", "--data", dir, "--json"]);
    assert_eq!((audit.status.code(), json(&audit)["ok"].as_bool()), (Some(0), Some(true)));
    let link = json(&run(&["operator-link", "--data", dir, "--role", "auditor", "--json"]));
    let (page, code) = link["link"].as_str().unwrap().split_once('#').unwrap();
    assert_eq!((page, code.len()), (format!("{}/operator/login", served.address).as_str(), 22));
    assert_eq!(link["role"], "auditor");
    terminate(&served.child);
    assert!(served.child.wait().unwrap().success());
    // Nobody serves it any more, so nobody knows where.
    let link = run(&["operator-link", "--data", dir, "--json"]);
    assert_eq!((link.status.code(), last_error(&link)["error"]["code"].as_str()), (Some(2), Some("usage")));
    let named = json(&run(&["operator-link", "--data", dir, "--address", "https://box.example/", "--json"]));
    assert!(named["link"].as_str().unwrap().starts_with("https://box.example/operator/login#"), "{named}");
}

#[tokio::test]
async fn the_operators_files_go_out_and_come_in_beside_a_served_market() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let dir = path("exchange");
    init(&dir);
    let served = Served::start(&dir);
    let home = Home::new(&served.address, "home-01", DeviceKey::generate().unwrap());
    home.join(&invitation(&dir, "home-01", &served.address)).await.unwrap();
    let readings = path("readings.csv");
    std::fs::write(
        &readings,
        format!("{}\nmeter-of-home-09,2026-06-01T12:00:00Z,0,1,0,0\n", exchange::HEADER),
    )
    .unwrap();
    let imported = run(&["import-readings", "--data", &dir, &readings, "--json"]);
    let answer = json(&imported);
    assert_eq!((imported.status.code(), answer["held"][0]["reason"].as_str()), (Some(1), Some("not_found")));
    std::fs::write(&readings, "not,a,header").unwrap();
    assert_eq!(run(&["import-readings", "--data", &dir, &readings]).status.code(), Some(2));
    let export = ["export-allocation", "--data", &dir, "--from", "2026-06-01", "--to", "2026-06-02"];
    let signed = json(&run(&[&export[..], &["--json"]].concat()));
    // The local day begins two hours before that of UTC.
    assert_eq!(signed["body"]["from"], "2026-05-31T22:00:00Z");
    let signature = path("allocation.sig");
    let csv = run(&[&export[..], &["--csv", "--signature", &signature]].concat());
    let beside: exchange::DetachedSignature =
        serde_json::from_str(&std::fs::read_to_string(&signature).unwrap()).unwrap();
    let key = exchange_api::public_key_from_text(&beside.exchange_key).unwrap();
    exchange_api::verify_document(exchange::CSV_DOMAIN, &csv.stdout, &beside.signature, &key).unwrap();
    let (file, restored) = (path("market.backup"), path("restored"));
    assert!(run(&["backup", "--data", &dir, &file, "--json"]).status.success());
    assert_eq!(last_error(&run(&["backup", "--data", &dir, &file, "--json"]))["error"]["code"], "backup");
    assert!(run(&["restore", "--data", &restored, &file, "--json"]).status.success());
    let members = json(&run(&["members", "--data", &restored, "--json"]));
    assert_eq!(members["members"][0]["keys"][0]["key"], home.key.key_id().as_str());
}

fn terminate(child: &Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_wrong_folder_or_address_is_said_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let missing = run(&["serve", "--data", dir, "--listen", "127.0.0.1:0", "--json"]);
    assert_eq!(missing.status.code(), Some(2));
    assert_eq!(last_error(&missing)["error"]["code"], "configuration");
    let dir = folder.path().join("exchange");
    init(dir.to_str().unwrap());
    let open = run(&["serve", "--data", dir.to_str().unwrap(), "--listen", "0.0.0.0:0", "--json"]);
    assert_eq!((open.status.code(), last_error(&open)["error"]["code"].as_str()), (Some(2), Some("address")));
    assert!(open.stdout.is_empty());
}

#[tokio::test]
async fn on_loopback_it_encrypts_when_told_to_and_says_by_which_key() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("exchange");
    let dir = dir.to_str().unwrap();
    let made = json(&run(&["init", "--data", dir, "--market", "lindenweg", "--json"]));
    let renewed = json(&run(&["renew-tls-key", "--data", dir, "--json"]));
    assert_ne!(made["tls_key_hash"], renewed["tls_key_hash"]);
    let served = Served::start_with(dir, &["--tls"]);
    assert!(served.address.starts_with("https://127.0.0.1:"), "{}", served.address);
    let busy = run(&["renew-tls-key", "--data", dir, "--json"]);
    assert_eq!(last_error(&busy)["error"]["code"], "locked");
    let invitation = invitation(dir, "home-01", &served.address);
    assert_eq!(invitation.tls_key_hash.as_deref(), renewed["tls_key_hash"].as_str());
    let pin = exchange_api::ServerPin::of(&invitation).map(std::sync::Arc::new);
    let home = Home::pinned(&served.address, "home-01", DeviceKey::generate().unwrap(), pin);
    home.join(&invitation).await.unwrap();
}

#[tokio::test]
async fn killed_in_the_midst_of_orders_it_keeps_every_one_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("exchange");
    let dir = dir.to_str().unwrap();
    init(dir);
    let mut served = Served::start(dir);
    let key = DeviceKey::generate().unwrap();
    let home = Home::new(&served.address, "home-01", key.clone());
    home.join(&invitation(dir, "home-01", &served.address)).await.unwrap();
    let first = Slot::containing(SystemClock.now()).offset(4);
    let (acknowledge, mut acknowledged) = tokio::sync::mpsc::unbounded_channel();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..4 {
        let (home, acknowledge) = (Home::new(&served.address, "home-01", key.clone()), acknowledge.clone());
        senders.spawn(async move {
            for number in 0.. {
                let order = home.order(first.offset((sender + number * 4) % 80), Side::Sell, 10, 100_000);
                let signed = home.sign(order.clone());
                let Ok(answer) = home.client.place_orders(vec![signed]).await else { return };
                crate::street::assert_accepted(&answer.outcomes[0]);
                acknowledge.send(order.id).unwrap();
            }
        });
    }
    drop(acknowledge);
    let mut ids = std::collections::BTreeSet::new();
    while let Some(id) = acknowledged.recv().await {
        ids.insert(id);
        if ids.len() == 40 {
            served.child.kill().unwrap();
        }
    }
    drop(served);
    let served = Served::start(dir);
    let home = Home::new(&served.address, "home-01", key);
    let list = home.client.orders(first, first.offset(100)).await.unwrap();
    let kept: std::collections::BTreeSet<_> = list.orders.into_iter().map(|status| status.order.id).collect();
    assert!(ids.len() >= 40 && ids.is_subset(&kept), "{} acknowledged, {} kept", ids.len(), kept.len());
    // An order may have been written without its answer being heard; no more than were under way.
    assert!(kept.len() <= ids.len() + 4, "{} acknowledged, {} kept", ids.len(), kept.len());
    // Each is in the log, whose root follows from its entries.
    let key = home.client.market().await.unwrap().log_key.parse().unwrap();
    let told = crate::log::all_entries(&home, &key, 500).await;
    let told = told.iter().filter(|entry| entry.domain == "wattle/order/v1");
    let told = told.map(|entry| units::OrderId::new(entry.body["id"].as_str().unwrap()).unwrap()).collect();
    assert_eq!(kept, told);
    served.kill();
    let audit = run(&["audit", "--data", dir, "--json"]);
    assert_eq!((audit.status.code(), &json(&audit)["log"]["faults"]), (Some(0), &serde_json::json!([])));
}

/// Gives the market a clock that runs so fast that a test sees whole lives of slots.
pub fn speed_up(dir: &Path, origin: Timestamp) -> ScaledClock {
    let scale = Scale { market_origin: origin, real_origin: SystemClock.now(), speed: SPEED };
    let file = dir.join("market.toml");
    let mut config = exchange::MarketConfig::load(&file).unwrap();
    config.scale = Some(scale);
    // Readings close when all have reported, however slow the machine is.
    config.readings_close_s = 10_000_000;
    std::fs::write(&file, config.to_toml()).unwrap();
    ScaledClock::new(scale)
}

async fn until(clock: &ScaledClock, time: Timestamp) {
    while clock.now() < time {
        tokio::time::sleep(clock.real_until(time) + Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn killed_at_every_step_it_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("exchange");
    init(dir.to_str().unwrap());
    let clock = speed_up(&dir, "2026-06-01T12:00:00Z".parse().unwrap());
    let dir = dir.to_str().unwrap();
    let key = [DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap()];
    let homes = |address: &str| {
        [Home::new(address, "home-01", key[0].clone()), Home::new(address, "home-02", key[1].clone())]
    };

    let served = Served::start(dir);
    let [seller, buyer] = homes(&served.address);
    for home in [&seller, &buyer] {
        home.join(&invitation(dir, home.member.as_str(), &served.address)).await.unwrap();
    }
    served.kill();

    let served = Served::start(dir);
    let [seller, buyer] = homes(&served.address);
    // Far enough ahead that the gate is open however slow the machine is.
    let traded = Slot::containing(clock.now()).offset(8);
    seller.offer(traded, 1000, 100_000).await;
    buyer.bid(traded, 1000, 200_000).await;
    served.kill();

    until(&clock, traded.end()).await;
    let served = Served::start(dir);
    let [seller, buyer] = homes(&served.address);
    seller.report(traded, Some([0, 0, 0, 800])).await;
    served.kill();

    let served = Served::start(dir);
    let [_, buyer_again] = homes(&served.address);
    drop(buyer);
    buyer_again.report(traded, Some([0, 900, 0, 0])).await;
    served.kill();

    let served = Served::start(dir);
    let [seller, buyer] = homes(&served.address);
    for (home, sold, bought) in [(&seller, 800, 0), (&buyer, 0, 800)] {
        let mut cursor = 0;
        let mut found = Vec::new();
        while found.is_empty() {
            let page = home.client.settlements(cursor, 10).await.unwrap();
            cursor = page.next;
            found.extend(page.settlements.into_iter().filter(|settlement| settlement.slot == traded));
        }
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].sold.get(), found[0].bought.get()), (sold, bought));
    }
    let list = seller.client.slots(traded, traded.next()).await.unwrap();
    assert_eq!(list.slots[0].state, SlotState::Settled);
    served.kill();
    let audit = run(&["audit", "--data", dir, "--json"]);
    let answer = json(&audit);
    assert_eq!((audit.status.code(), answer["postings_sum_nanos"].as_str()), (Some(0), Some("0")));
    assert_eq!(answer["energy_imbalance_wh"], 0);
}
