//! The commands of `wattle-exchange`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use exchange::{Access, Allocation, Audit, Exchange, ExchangeError, Failure, Invite, MarketConfig, Role};
use exchange_api::Limits;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use units::{
    AreaId, Clock as _, DayKey, KeyId, LocalDay, MarketId, MemberId, Money, Price, Slot, SystemClock,
    WattHours,
};

/// How long requests that are under way may take to finish when the exchange is stopped.
const CLOSING_TIME: Duration = Duration::from_secs(10);

/// How long a link to the operator's page may lie unused.
const LINK_VALID: Duration = Duration::from_secs(600);
/// The file in the market's folder that says where it is served.
const LISTENING: &str = "listening";

/// The market as a service.
#[derive(Parser)]
#[command(name = "wattle-exchange", version)]
pub struct Arguments {
    /// Print JSON instead of text for people.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a market in a new folder; its figures can be changed in market.toml before it is served.
    Init(Init),
    /// Serve the market until stopped by SIGTERM or SIGINT.
    Serve {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        door: DoorArguments,
    },
    /// Invite a household, or a further device of a member.
    Invite(InviteArguments),
    /// List the members with their devices.
    Members(Data),
    /// End a device's key; its orders whose gate is open are cancelled.
    Revoke {
        #[command(flatten)]
        data: Data,
        /// The key's id, as `members` lists it.
        key: KeyId,
    },
    /// List the areas of the grid.
    Areas(Data),
    /// Take the utility's readings from a CSV file; exit status 1 if rows were held.
    ImportReadings {
        #[command(flatten)]
        data: Data,
        file: PathBuf,
    },
    /// Tell the utility what each metering point traded in each slot, signed, so that no kWh is billed twice.
    ExportAllocation(ExportAllocation),
    /// Tell all members something; a served market passes it on within seconds.
    Announce {
        #[command(flatten)]
        data: Data,
        /// One line, at most 500 bytes.
        text: String,
    },
    /// Make a link that opens the operator's page in a browser, once, within ten minutes.
    OperatorLink {
        #[command(flatten)]
        data: Data,
        /// An auditor reads the same and is shown no commands.
        #[arg(long, value_enum, default_value_t = LinkRole::Operator)]
        role: LinkRole,
        /// Where the browser reaches the exchange; where it listens, if absent.
        #[arg(long, value_name = "URL")]
        address: Option<String>,
    },
    /// Write the market into one file while it is served. The file holds the exchange's key: keep it safe.
    Backup {
        #[command(flatten)]
        data: Data,
        file: PathBuf,
    },
    /// Restore a backup into an empty folder, once its books prove to hold.
    Restore {
        #[command(flatten)]
        data: Data,
        file: PathBuf,
    },
    /// Hand the log over to a new key, when the old one may be known to others. The market must not be served meanwhile.
    RotateLogKey(Data),
    /// Give the exchange another TLS key, or one from elsewhere. Members follow it by themselves. The market must not be
    /// served meanwhile.
    RenewTlsKey {
        #[command(flatten)]
        data: Data,
        /// A certificate in PEM to be known by; with a proxy, the proxy's.
        #[arg(long, value_name = "FILE")]
        certificate: Option<PathBuf>,
        /// The certificate's private key in PEM; not where a proxy has it.
        #[arg(long, value_name = "FILE", requires = "certificate")]
        key: Option<PathBuf>,
    },
    /// Add up all books, settle every slot and compute the log again to compare; exit status 1 if they do not hold.
    Audit(Data),
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LinkRole {
    Operator,
    Auditor,
}

#[derive(Args)]
struct Data {
    /// The market's folder.
    #[arg(long = "data", value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Args)]
struct Init {
    #[command(flatten)]
    data: Data,
    /// The market's id, such as lindenweg.
    #[arg(long)]
    market: MarketId,
    /// The market's name; the id if absent.
    #[arg(long)]
    name: Option<String>,
    /// The IANA zone of its local day.
    #[arg(long, default_value = "Europe/Berlin")]
    zone: String,
    /// The highest limit of an order.
    #[arg(long, default_value_t = 300_000, value_name = "MICROS")]
    cap_micros_per_kwh: i64,
    /// The lowest limit of an order.
    #[arg(long, default_value_t = 80_000, value_name = "MICROS", allow_negative_numbers = true)]
    floor_micros_per_kwh: i64,
}

#[derive(Args)]
struct DoorArguments {
    /// Address and port; port 0 takes a free one. Anything but loopback is encrypted.
    #[arg(long, value_name = "HOST:PORT")]
    listen: String,
    /// How members reach the exchange, as in the invitations: https://HOST:PORT. May be given several times.
    #[arg(long = "address", value_name = "URL")]
    addresses: Vec<String>,
    /// Encrypt on loopback as well.
    #[arg(long)]
    tls: bool,
    /// A proxy in front encrypts, with the certificate given to `renew-tls-key`, and passes the Host header on.
    #[arg(long, conflicts_with = "tls", requires = "addresses")]
    behind_proxy: bool,
}

impl DoorArguments {
    fn access(self, listening: std::net::SocketAddr) -> Access {
        let addresses = self.addresses;
        match (self.behind_proxy, self.tls || !listening.ip().is_loopback() || !addresses.is_empty()) {
            (true, _) => Access::BehindProxy { addresses },
            (false, true) => Access::Tls { addresses },
            (false, false) => Access::Plain,
        }
    }
}

#[derive(Args)]
struct ExportAllocation {
    #[command(flatten)]
    data: Data,
    /// The first slot, or the first day of the market's zone, such as 2026-06-01.
    #[arg(long, value_name = "SLOT|DAY")]
    from: String,
    /// The slot or day after the last.
    #[arg(long, value_name = "SLOT|DAY")]
    to: String,
    /// Print CSV; the signature over its bytes goes to --signature.
    #[arg(long, requires = "signature", conflicts_with = "json")]
    csv: bool,
    /// Where to write the signature of the CSV.
    #[arg(long, value_name = "FILE", requires = "csv")]
    signature: Option<PathBuf>,
}

#[derive(Args)]
struct InviteArguments {
    #[command(flatten)]
    data: Data,
    #[arg(long)]
    member: MemberId,
    /// What the grid operator calls the household's meter; absent for a further or a new device of a member.
    #[arg(long)]
    metering_point: Option<String>,
    /// The area of the grid; may be absent where there is one, and for a member.
    #[arg(long)]
    area: Option<AreaId>,
    /// What the main fuse lets through. Three times 35 A at 230 V is 24150 W.
    #[arg(long, default_value_t = 24_150)]
    fuse_w: u32,
    /// What a day's orders may cost at most, in the market's currency.
    #[arg(long, default_value = "50", value_parser = amount)]
    exposure: Money,
    /// Days until the invitation expires.
    #[arg(long, default_value_t = 7, value_name = "DAYS")]
    valid_for: u32,
    /// Where the household reaches the exchange, such as https://market.example:8400.
    #[arg(long)]
    address: String,
}

/// Runs a command; the answer is yes or no.
pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let json = arguments.json;
    match arguments.command {
        Command::Init(init) => make(&init, json),
        Command::Serve { data, door } => serve(&data.dir, door, json).await,
        Command::Invite(invite) => self::invite(invite, json).await,
        Command::Members(data) => members(&data.dir, json).await,
        Command::Revoke { data, key } => revoke(&data.dir, key, json).await,
        Command::Areas(data) => areas(&data.dir, json),
        Command::ImportReadings { data, file } => import_readings(&data.dir, &file, json).await,
        Command::ExportAllocation(export) => export_allocation(&export, json).await,
        Command::Announce { data, text } => announce(&data.dir, &text, json).await,
        Command::OperatorLink { data, role, address } => operator_link(&data.dir, role, address, json).await,
        Command::Backup { data, file } => back_up(&data.dir, &file, json),
        Command::Restore { data, file } => restore(&data.dir, &file, json).await,
        Command::RotateLogKey(data) => rotate_log_key(&data.dir, json),
        Command::RenewTlsKey { data, certificate, key } => {
            renew_tls_key(&data.dir, certificate.as_deref(), key.as_deref(), json)
        }
        Command::Audit(data) => audit(&data.dir, json).await,
    }
}

/// Returns the word for an error that a script may branch on.
pub fn code(error: &anyhow::Error) -> &'static str {
    match error.downcast_ref::<ExchangeError>() {
        Some(ExchangeError::Failure(Failure::Refused(problem))) => problem.code.word(),
        Some(ExchangeError::Config(_)) => "configuration",
        Some(ExchangeError::Exists(_)) => "exists",
        Some(ExchangeError::Locked(_)) => "locked",
        Some(ExchangeError::Backup(_)) => "backup",
        Some(ExchangeError::NotLoopback(_)) => "not_loopback",
        Some(ExchangeError::Nameless | ExchangeError::Address(_)) => "address",
        Some(ExchangeError::Tls(_)) => "tls",
        Some(ExchangeError::Store(_)) => "database",
        Some(_) => "fault",
        None => match error.downcast_ref::<Failure>() {
            Some(Failure::Refused(problem)) => problem.code.word(),
            Some(_) => "fault",
            None => "usage",
        },
    }
}

fn make(init: &Init, json: bool) -> anyhow::Result<bool> {
    let name = init.name.clone().unwrap_or_else(|| init.market.to_string());
    let config = MarketConfig {
        zone: init.zone.clone(),
        cap_micros_per_kwh: Price::from_micros_per_kwh(init.cap_micros_per_kwh),
        floor_micros_per_kwh: Price::from_micros_per_kwh(init.floor_micros_per_kwh),
        ..MarketConfig::new(init.market.clone(), name)
    };
    Exchange::init(&init.data.dir, &config)?;
    let file = init.data.dir.join("market.toml");
    let exchange = Exchange::open_beside(&init.data.dir)?;
    let (info, tls_key_hash) = (exchange.info(), exchange.tls_key_hash()?);
    if json {
        let (log_key, exchange_key) = (info.log_key, info.exchange_key);
        println!(
            "{}",
            json!({
                "market": config.market, "config": file, "exchange_key": exchange_key, "log_key": log_key,
                "tls_key_hash": tls_key_hash
            })
        );
        return Ok(true);
    }
    println!(
        "The market \"{}\" is made. Its figures are in {}; change them before it is served.",
        config.market,
        file.display()
    );
    println!(
        "\nRecovery sheet: print it and keep it away from this computer.\n\
         Market        {}\nExchange key  {}\nLog key       {}\nTLS key hash  {tls_key_hash}\n\
         Who checks a statement or the log needs the log key. The secret halves are in {}: exchange.key, log.key,\n\
         metering.key and tls.pem. Without log.key the log cannot go on; `wattle-exchange backup` keeps them all.",
        config.market,
        info.exchange_key,
        info.log_key,
        init.data.dir.display()
    );
    Ok(true)
}

async fn serve(dir: &Path, door: DoorArguments, json: bool) -> anyhow::Result<bool> {
    let exchange = Exchange::open(dir, Exchange::market_clock(dir)?)?;
    let listener =
        TcpListener::bind(&door.listen).await.with_context(|| format!("listening on {}", door.listen))?;
    let address = listener.local_addr()?;
    let access = door.access(address);
    // Told before anything is printed: an exchange that is not safe to reach is not reached at all.
    access.check(address)?;
    let scheme = if matches!(access, Access::Tls { .. }) { "https" } else { "http" };
    let until = CancellationToken::new();
    // Before the address is printed: who reads it may stop the exchange at once.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let life = tokio::spawn({
        let (exchange, until) = (exchange.clone(), until.clone());
        async move { exchange.run_life(until).await }
    });
    let mut serving = tokio::spawn({
        let (exchange, until) = (exchange.clone(), until.clone());
        async move { exchange.serve_as(listener, &access, until).await }
    });
    let url = format!("{scheme}://{address}");
    let _listening = ListeningAt::note(dir, &url)?;
    match json {
        true => println!("{}", json!({ "market": exchange.market(), "listening": url })),
        false => println!("The market \"{}\" listens on {url}", exchange.market()),
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // It ends by itself only where it cannot serve at all.
        ended = &mut serving => { ended??; return Ok(true) }
    }
    tracing::info!("closing");
    until.cancel();
    match tokio::time::timeout(CLOSING_TIME, serving).await {
        Ok(ended) => ended??,
        Err(_) => tracing::warn!("requests were cut off after {} s", CLOSING_TIME.as_secs()),
    }
    life.await?;
    Ok(true)
}

/// Keeps where the exchange listens, for the errands beside it, until it ends.
struct ListeningAt(PathBuf);

impl ListeningAt {
    fn note(dir: &Path, url: &str) -> anyhow::Result<Self> {
        let file = dir.join(LISTENING);
        std::fs::write(&file, url).with_context(|| format!("writing {}", file.display()))?;
        Ok(Self(file))
    }
}

impl Drop for ListeningAt {
    fn drop(&mut self) {
        // It only saves typing: one that stays behind names an address at which nobody answers.
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn operator_link(
    dir: &Path,
    role: LinkRole,
    address: Option<String>,
    json: bool,
) -> anyhow::Result<bool> {
    let address = match address {
        Some(address) => address,
        None => std::fs::read_to_string(dir.join(LISTENING)).context(
            "the market is not served; start it with `wattle-exchange serve`, or name its address with --address",
        )?,
    };
    let role = match role {
        LinkRole::Operator => Role::Operator,
        LinkRole::Auditor => Role::Auditor,
    };
    let code = Exchange::open_beside(dir)?.operator_link(role, LINK_VALID).await?;
    let link = format!("{}/operator/login#{code}", address.trim_end_matches('/'));
    match json {
        true => println!("{}", json!({ "link": link, "role": role, "valid_s": LINK_VALID.as_secs() })),
        false => println!(
            "Open this in a browser within {} minutes; it works once:\n{link}",
            LINK_VALID.as_secs() / 60
        ),
    }
    Ok(true)
}

async fn invite(arguments: InviteArguments, json: bool) -> anyhow::Result<bool> {
    let exchange = Exchange::open_beside(&arguments.data.dir)?;
    let members = exchange.members().await?;
    let known = members.into_iter().find(|it| it.member == arguments.member);
    let known = known.map(|it| (it.area, it.metering_point));
    let (known_area, known_point) = known.unzip();
    let Some(metering_point) = arguments.metering_point.or(known_point) else {
        bail!(
            "\"{}\" is no member yet; a new household needs --metering-point, and a member is listed by \
             `wattle-exchange members`",
            arguments.member
        );
    };
    let area = match (arguments.area.or(known_area), exchange.config().areas.as_slice()) {
        (Some(area), _) => area,
        (None, [only]) => only.id.clone(),
        (None, _) => bail!("the market has several areas; name one with --area"),
    };
    let invite = Invite {
        member: arguments.member,
        area,
        metering_point,
        limits: Limits { fuse_w: arguments.fuse_w, exposure: arguments.exposure },
        expires: SystemClock.now() + Duration::from_secs(u64::from(arguments.valid_for) * 86_400),
        address: arguments.address,
    };
    let member = invite.member.clone();
    let invitation = exchange.invite(invite).await?;
    // What cannot be read back must not be handed out.
    let text = invitation.to_string();
    text.parse::<exchange_api::Invitation>()?;
    match json {
        true => {
            println!("{}", json!({ "member": member, "expires": invitation.expires, "invitation": text }))
        }
        false => println!("{text}"),
    }
    Ok(true)
}

async fn members(dir: &Path, json: bool) -> anyhow::Result<bool> {
    let members = Exchange::open_beside(dir)?.members().await?;
    if json {
        println!("{}", json!({ "members": members }));
        return Ok(true);
    }
    for member in members {
        let joined = member.joined_at.map_or("invited".to_owned(), |at| format!("joined {at}"));
        println!("{}  area {}  meter {}  {joined}", member.member, member.area, member.metering_point);
        for key in member.keys {
            let state = key.revoked_at.map_or("active".to_owned(), |at| format!("revoked {at}"));
            println!("    {}  {}  {state}", key.key, key.device_name);
        }
    }
    Ok(true)
}

async fn revoke(dir: &Path, key: KeyId, json: bool) -> anyhow::Result<bool> {
    let cancelled = Exchange::open_beside(dir)?.revoke(key.clone()).await?;
    match json {
        true => println!("{}", json!({ "key": key, "cancelled": cancelled })),
        false => println!("The key is revoked; {} open orders were cancelled.", cancelled.len()),
    }
    Ok(true)
}

fn areas(dir: &Path, json: bool) -> anyhow::Result<bool> {
    let exchange = Exchange::open_beside(dir)?;
    let areas = exchange.config().market_areas();
    if json {
        println!("{}", json!({ "areas": areas }));
        return Ok(true);
    }
    for area in areas {
        let edge = area.parent.map_or("root".to_owned(), |parent| format!("below {parent}"));
        let fee = area.fee.map_or(String::new(), |fee| format!("  fee {fee} per kWh"));
        let capacity =
            area.capacity.flatten().map_or(String::new(), |most| format!("  carries {most} a slot"));
        println!("{}  {edge}{fee}{capacity}", area.id);
    }
    Ok(true)
}

async fn import_readings(dir: &Path, file: &Path, json: bool) -> anyhow::Result<bool> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("reading {}; it must be UTF-8", file.display()))?;
    let rows = exchange::parse_readings(&text)
        .with_context(|| format!("{} cannot be used; nothing was taken from it", file.display()))?;
    let import = Exchange::open_beside(dir)?.import_readings(rows, &digest(text.as_bytes())).await?;
    let all_taken = import.held.is_empty();
    if json {
        println!("{}", serde_json::to_string(&import)?);
        return Ok(all_taken);
    }
    println!(
        "{} rows: {} count in slots to come, {} changed settled slots, {} were known.",
        import.rows, import.accepted, import.adjusted, import.known
    );
    for held in &import.held {
        println!("Held: line {}, {} at {}: {}", held.line, held.metering_point, held.slot, held.detail);
    }
    Ok(all_taken)
}

async fn export_allocation(export: &ExportAllocation, json: bool) -> anyhow::Result<bool> {
    let exchange = Exchange::open_beside(&export.data.dir)?;
    let zone = units::zone(&exchange.config().zone)?;
    let (from, to) = (border(&export.from, zone)?, border(&export.to, zone)?);
    anyhow::ensure!(from < to, "--to must be later than --from");
    let allocation = exchange.allocation(from..to).await?;
    if let (true, Some(file)) = (export.csv, &export.signature) {
        let csv = allocation.to_csv();
        let signature = serde_json::to_string(&exchange.sign_csv(&csv))?;
        std::fs::write(file, signature + "\n").with_context(|| format!("writing {}", file.display()))?;
        print!("{csv}");
    } else if json {
        println!("{}", serde_json::to_string(&exchange.sign_allocation(allocation)?)?);
    } else {
        tell_allocation(&allocation);
    }
    Ok(true)
}

/// Prints sums for people; `--json` and `--csv` have the rows.
fn tell_allocation(allocation: &Allocation) {
    let mut sums: std::collections::BTreeMap<&str, [WattHours; 6]> = Default::default();
    for row in &allocation.rows {
        let energies =
            [row.import, row.export, row.sold, row.bought, row.residual_import, row.residual_export];
        for (sum, energy) in sums.entry(&row.metering_point).or_default().iter_mut().zip(energies) {
            *sum += energy;
        }
    }
    for (point, [import, export, sold, bought, from_utility, to_utility]) in sums {
        println!(
            "{point}  import {import} (bought {bought}, utility {from_utility})  export {export} (sold {sold}, \
             utility {to_utility})"
        );
    }
    if !allocation.unsettled.is_empty() {
        println!("{} slots are not settled yet.", allocation.unsettled.len());
    }
}

/// Reads a slot, or a day of the market's zone as its first slot.
fn border(text: &str, zone: units::Zone) -> anyhow::Result<Slot> {
    match text.parse::<DayKey>() {
        Ok(day) => Ok(LocalDay::new(day, zone).slots().start),
        Err(_) => text.parse().with_context(|| {
            format!("\"{text}\" is neither a day such as 2026-06-01 nor the start of a slot")
        }),
    }
}

fn digest(bytes: &[u8]) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(bytes))
}

async fn announce(dir: &Path, text: &str, json: bool) -> anyhow::Result<bool> {
    Exchange::open_beside(dir)?.announce(text).await?;
    match json {
        true => println!("{}", json!({ "announced": text })),
        false => println!("It is told to all members."),
    }
    Ok(true)
}

fn back_up(dir: &Path, file: &Path, json: bool) -> anyhow::Result<bool> {
    exchange::backup(dir, file)?;
    match json {
        true => println!("{}", json!({ "file": file })),
        false => println!(
            "The market is in {}. It holds the exchange's key: who reads it can sign as the exchange.",
            file.display()
        ),
    }
    Ok(true)
}

async fn restore(dir: &Path, file: &Path, json: bool) -> anyhow::Result<bool> {
    let audit = exchange::restore(dir, file).await?;
    match json {
        true => println!("{}", json!({ "data": dir, "slots": audit.slots, "postings": audit.postings })),
        false => println!(
            "The market is restored in {}: {} settled slots were settled again, and the books hold.",
            dir.display(),
            audit.slots
        ),
    }
    Ok(true)
}

fn rotate_log_key(dir: &Path, json: bool) -> anyhow::Result<bool> {
    let key = Exchange::rotate_log_key(dir)?;
    match json {
        true => println!("{}", json!({ "newest_log_key": key.to_string() })),
        false => println!(
            "The log is signed with a new key from now on: {key}\nThe old key has signed that in the log, so \
             invitations and statements keep naming the first one. Make a new backup."
        ),
    }
    Ok(true)
}

fn renew_tls_key(
    dir: &Path,
    certificate: Option<&Path>,
    key: Option<&Path>,
    json: bool,
) -> anyhow::Result<bool> {
    let hash = Exchange::renew_tls_key(dir, certificate.map(|certificate| (certificate, key)))?;
    match json {
        true => println!("{}", json!({ "tls_key_hash": hash })),
        false => println!(
            "The exchange has a new TLS key from its next start on: {hash}\nMembers follow it by themselves, since the \
             exchange's key signed it. Invitations that were not used yet name the old one, which leads to the new one. \
             Make a new backup."
        ),
    }
    Ok(true)
}

async fn audit(dir: &Path, json: bool) -> anyhow::Result<bool> {
    let exchange = Exchange::open_beside(dir)?;
    let audit: Audit = exchange.audit().await?;
    // The answer stands, whether the operator's page can show it later or not.
    if let Err(error) = exchange.note_audit(&audit).await {
        tracing::warn!(%error, "the audit could not be noted for the operator's page");
    }
    let holds = audit.holds();
    if json {
        let mut answer = serde_json::to_value(&audit)?;
        answer["ok"] = holds.into();
        println!("{answer}");
        return Ok(holds);
    }
    println!(
        "{} settled slots, {} postings, which sum to {} nanos.",
        audit.slots, audit.postings, audit.postings_sum_nanos
    );
    println!("{} slots do not sum to zero.", audit.unbalanced_slots.len());
    println!("{} are unaccounted for.", audit.energy_imbalance);
    println!("{} slots differ from what settling them again gives.", audit.deviating_slots.len());
    println!(
        "The log has {} entries under {} signed heads; its root is {}.",
        audit.log.entries, audit.log.heads, audit.log.root
    );
    for fault in &audit.log.faults {
        println!("In the log: {fault}.");
    }
    println!("{}", if holds { "The books hold." } else { "The books do NOT hold." });
    Ok(holds)
}

/// Reads an amount of the currency such as `50` or `12.50`.
fn amount(text: &str) -> Result<Money, String> {
    let wrong = || format!("\"{text}\" is not an amount such as 50 or 12.50");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 9 {
        return Err(wrong());
    }
    let nanos = format!("{whole}{part:0<9}").parse().map_err(|_| wrong())?;
    Ok(Money::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_exact() {
        assert_eq!(amount("50"), Ok(Money::from_nanos(50_000_000_000)));
        assert_eq!(amount("12.5"), Ok(Money::from_nanos(12_500_000_000)));
        for wrong in ["", "-1", "1,5", ".5", "1.0000000001", "99999999999999"] {
            assert!(amount(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }
}
