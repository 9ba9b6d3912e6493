//! Meters: each device with its values, how well it is read, and what its counters did.

pub mod journal;
pub mod registers;
pub mod setup;

use drivers::Tally;
use history::HistoryError;
use metering::{Flag, Profile, Protocol, Sample};
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{Energy, LocalDay, Slot, Timestamp};

use super::frame::{MeterStateView, Refusal, Trouble};
use super::{Instant, Whole};
use crate::config::{MeterConfig, Netting, Role};
use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::meters::diagnosis;
use crate::profiles::{ProfileProblem, Profiles};

/// Days of which the coverage is shown, the present one among them.
const DAYS_SHOWN: i64 = 7;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct MetersView {
    pub at: Instant,
    pub meters: Vec<MeterView>,
    /// In what the meters contradict each other.
    pub findings: Vec<FindingView>,
    pub profiles: ProfilesView,
    /// Whether meters can be added and changed here.
    pub changeable: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct MeterView {
    /// Names the meter and its history for ever.
    pub id: String,
    pub role: RoleView,
    pub device: DeviceView,
    /// As the meter tells it.
    pub serial: Option<String>,
    /// It is read the other way round.
    pub inverted: bool,
    pub netting: NettingView,
    pub state: MeterStateView,
    pub age_s: Option<Whole>,
    /// What went wrong last, until the meter answers again.
    pub trouble: Option<Trouble>,
    /// What the dashboard shows of it, too.
    pub values: Option<ValuesView>,
    pub flags: Vec<FlagView>,
    pub warnings: Vec<MeterWarning>,
    pub every_s: Whole,
    /// The step of its counters where they stand.
    pub resolution_milliwatt_hours: Whole,
    pub requests: RequestsView,
    /// How much of each of the last days was measured, the oldest first.
    pub days: Vec<MeterDayView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum RoleView {
    Grid,
    Solar,
    Battery,
}

/// What a device is and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DeviceView {
    pub profile: String,
    pub maker: String,
    pub model: String,
    pub protocol: ProtocolView,
    pub way: WayView,
    /// Address or path.
    pub place: String,
    /// `9600 8N1` of a serial line.
    pub line: Option<String>,
    /// The Modbus address.
    pub unit: Option<u8>,
    /// Which of several meters of the device, where it is not the first.
    pub instance: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ProtocolView {
    Modbus,
    Sunspec,
    P1,
    Sml,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum WayView {
    Network,
    /// Serial frames through a gateway on the network.
    Gateway,
    Serial,
}

/// How a meter of several phases counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum NettingView {
    /// The meter's own registers net its phases, as most billing meters do.
    #[default]
    Meter,
    /// The meter counts each phase on its own, and so does the utility.
    PerPhase,
    /// The meter counts each phase on its own, the utility nets them: counted up from the netted power.
    Power,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ValuesView {
    pub at: Instant,
    /// At the grid import is positive, of a roof production, of a battery discharge.
    pub power_milliwatts: Option<Whole>,
    pub import_milliwatt_hours: Option<Whole>,
    pub export_milliwatt_hours: Option<Whole>,
    pub phase_power_milliwatts: Option<Vec<Whole>>,
    pub voltage_millivolts: Option<Vec<Whole>>,
    pub current_milliamperes: Option<Vec<Whole>>,
    pub frequency_millihertz: Option<Whole>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum FlagView {
    NotNetted,
    NoPin,
    Stale,
    ClockOff,
    LocalEcho,
    ReducedReads,
}

/// What an owner should know of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum MeterWarning {
    /// Its kind of device usually stands elsewhere.
    WrongKind,
    /// The roof seems to use power: an inverter's standby, or a meter turned round.
    NegativeProduction,
    /// Only whole kilowatt-hours are shown until the PIN is entered.
    NoPin,
    /// It counts each phase on its own, and nobody has said how the utility counts.
    NotNetted,
    /// It has no counter: energy is added up from power, which the market does not settle by.
    NoCounter,
    /// A step of its counter is more than the utility bills by in a quarter hour.
    CoarseCounter,
    ClockOff,
    /// It answers in the other kind of frames than it was set up with, and is read in those.
    OtherFrames,
}

/// What became of the requests since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Type)]
pub struct RequestsView {
    pub readings: Whole,
    pub good: Whole,
    /// The share of readings that gave no values, from 0 to 1; missing before the first.
    pub error_share: Option<f64>,
    /// Answers that came after they were given up.
    pub late: Whole,
    /// Bytes of noise around good answers.
    pub noise_bytes: Whole,
    /// By kind, those made good by a retry included.
    pub troubles: Vec<TroubleCount>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TroubleCount {
    /// As in the contract: timeout, crc, short_reply and so on.
    pub code: String,
    pub count: Whole,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct MeterDayView {
    /// `2026-06-01`, a day of the home's zone.
    pub day: String,
    pub import_milliwatt_hours: Option<Whole>,
    pub export_milliwatt_hours: Option<Whole>,
    /// Slots of the day that are over.
    pub slots: Whole,
    pub measured: Whole,
    pub recovered: Whole,
    pub estimated: Whole,
    pub partial: Whole,
    pub missing: Whole,
    /// The share that was measured, from 0 to 1; missing while no slot is over.
    pub coverage: Option<f64>,
}

/// A contradiction between meters, with its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct FindingView {
    pub code: FindingCode,
    /// The meters that it is about.
    pub meters: Vec<String>,
    pub since: Instant,
    /// How much power cannot be explained.
    pub milliwatts: Option<Whole>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// More leaves the house than comes in: one of the meters measures something else.
    HouseNegative,
    /// The grid meter shows just what the roof makes: it probably measures the roof.
    GridMeasuresSolar,
    /// The grid meter shows nothing whatever the roof makes, so the house seems to use just what it makes: the
    /// meter probably measures something else.
    HouseIsProduction,
    /// The grid exports while roof and battery give nothing: its sign is probably reversed.
    ExportAtNight,
}

impl FindingCode {
    /// Returns what it means and what to do, in a sentence or two.
    pub const fn message(self) -> &'static str {
        match self {
            Self::HouseNegative => {
                "More leaves the house than comes in, so the figures of the home are wrong. One of the meters measures \
                 something else than was chosen: compare each with its display under Meters."
            }
            Self::GridMeasuresSolar => {
                "The grid's meter shows just what the roof makes, so what is sold would be counted wrongly. It probably \
                 measures the roof: look where it is connected, then choose another under Meters."
            }
            Self::HouseIsProduction => {
                "The grid's meter shows nothing, whatever the roof makes, so nothing would be sold. It probably \
                 measures something else than the grid: look where it is connected, then choose another under Meters."
            }
            Self::ExportAtNight => {
                "Power goes out while neither roof nor battery gives any. The grid's meter is probably turned round: \
                 read it the other way round under Meters."
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ProfilesView {
    /// Where an owner's own profiles lie.
    pub folder: String,
    pub all: Vec<ProfileView>,
    /// Files there that cannot be used, and why.
    pub problems: Vec<ProfileProblemView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ProfileView {
    pub name: String,
    pub maker: String,
    pub model: String,
    pub kind: RoleView,
    pub protocol: ProtocolView,
    /// The owner's own file, where it is not built in.
    pub file: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ProfileProblemView {
    pub file: String,
    pub line: Option<u32>,
    pub reason: String,
}

impl Home {
    /// Returns the home's meters.
    pub fn meters(&self) -> Result<MetersView, Refusal> {
        let house = self.house()?;
        meters(house).map_err(|error| history_refusal(&error))
    }
}

fn meters(house: &House) -> Result<MetersView, HistoryError> {
    let now = house.now();
    let config = house.config();
    // Asked for once: each time the owner's folder is looked at.
    let profiles = house.profiles();
    let meters = config.meters.iter().map(|meter| meter_view(house, meter, &profiles, now));
    Ok(MetersView {
        at: now.into(),
        meters: meters.collect::<Result<_, _>>()?,
        findings: diagnosis::findings(house),
        profiles: profiles_view(&profiles),
        changeable: house.trades(),
    })
}

fn meter_view(
    house: &House,
    meter: &MeterConfig,
    profiles: &Profiles,
    now: Timestamp,
) -> Result<MeterView, HistoryError> {
    let profile = profiles.of(meter).map(AsRef::as_ref);
    let live = house.live();
    let known = live.meters.get(&meter.role);
    let last = known.and_then(|known| known.last.clone());
    let trouble = known.and_then(|known| known.trouble.clone());
    let tally = known.map(|known| known.tally.clone()).unwrap_or_default();
    let step = known.and_then(|known| known.resolution);
    drop(live);
    let counter = last.as_ref().and_then(|sample| sample.import).unwrap_or(Energy::ZERO);
    let resolution =
        step.or(profile.map(|profile| profile.resolution(counter))).unwrap_or(Energy::from_watt_hours(1));
    Ok(MeterView {
        id: meter.id.to_string(),
        role: meter.role.into(),
        device: device(meter, profile),
        serial: last.as_ref().and_then(|sample| sample.serial.clone()),
        inverted: meter.inverted,
        netting: meter.netting.into(),
        state: state(house, meter, last.as_ref(), now),
        age_s: last.as_ref().map(|sample| Whole::new(now.since(sample.at).as_secs() as i64)),
        trouble,
        flags: last.iter().flat_map(|sample| sample.flags.iter().copied().map(FlagView::from)).collect(),
        warnings: warnings(meter, profile, last.as_ref(), resolution, &tally),
        values: last.as_ref().map(ValuesView::from),
        every_s: Whole::new(meter.every_s.into()),
        resolution_milliwatt_hours: resolution.into(),
        requests: RequestsView::from(&tally),
        days: days(house, meter, now)?,
    })
}

fn state(house: &House, meter: &MeterConfig, last: Option<&Sample>, now: Timestamp) -> MeterStateView {
    let Some(last) = last else {
        let waited = house.has_been_silent_for_long();
        return if waited { MeterStateView::Silent } else { MeterStateView::Starting };
    };
    let age = now.since(last.at);
    if age > house.patience(crate::trading::SILENT_AFTER) {
        MeterStateView::Silent
    } else if age > house.patience(meter.every() * 3) {
        MeterStateView::Stale
    } else {
        MeterStateView::Fresh
    }
}

/// A step of a counter that is coarser than this is worth a word: 40 W over a quarter of an hour.
const COARSE: Energy = Energy::from_watt_hours(10);

fn warnings(
    meter: &MeterConfig,
    profile: Option<&Profile>,
    last: Option<&Sample>,
    resolution: Energy,
    tally: &Tally,
) -> Vec<MeterWarning> {
    let kind = profile.map(|profile| Role::from(profile.kind));
    let flagged = |flag| last.is_some_and(|sample| sample.flags.contains(&flag));
    let without = last.is_some_and(|sample| sample.import.is_none() && sample.export.is_none());
    let negative = meter.role == Role::Solar
        && last.and_then(|sample| sample.power).is_some_and(|power| power.is_negative());
    let all = [
        (MeterWarning::WrongKind, kind.is_some_and(|kind| kind != meter.role)),
        (MeterWarning::NegativeProduction, negative),
        (MeterWarning::NoPin, flagged(Flag::NoPin)),
        (MeterWarning::NotNetted, flagged(Flag::NotNetted) && meter.netting == Netting::Meter),
        (MeterWarning::NoCounter, without),
        (MeterWarning::CoarseCounter, resolution > COARSE && !without && !flagged(Flag::NoPin)),
        (MeterWarning::ClockOff, flagged(Flag::ClockOff)),
        (MeterWarning::OtherFrames, tally.other_frames),
    ];
    all.into_iter().filter_map(|(warning, so)| so.then_some(warning)).collect()
}

fn days(house: &House, meter: &MeterConfig, now: Timestamp) -> Result<Vec<MeterDayView>, HistoryError> {
    let today = house.today().key();
    let first = (1..DAYS_SHOWN).fold(today, |day, _| day.previous());
    let known = house.history.energy_by_day(&meter.id, first..today.next())?;
    let over = Slot::containing(now);
    let view = |day: &history::DayEnergy| {
        let slots = LocalDay::new(day.day, house.zone()).slots();
        let count = (slots.end.index().min(over.index()) - slots.start.index()).max(0);
        let measured = i64::from(day.measured);
        MeterDayView {
            day: day.day.to_string(),
            import_milliwatt_hours: day.import.map(Whole::from),
            export_milliwatt_hours: day.export.map(Whole::from),
            slots: Whole::new(count),
            measured: Whole::new(measured),
            recovered: Whole::new(day.recovered.into()),
            estimated: Whole::new(day.estimated.into()),
            partial: Whole::new(day.partial.into()),
            missing: Whole::new(day.missing.into()),
            coverage: (count > 0).then(|| (measured as f64 / count as f64).min(1.0)),
        }
    };
    Ok(known.iter().map(view).collect())
}

fn device(meter: &MeterConfig, profile: Option<&Profile>) -> DeviceView {
    let endpoint = profile.and_then(|profile| meter.endpoint(profile).ok());
    let asked = profile.is_some_and(|profile| profile.protocol.is_asked());
    DeviceView {
        profile: meter.profile.clone(),
        maker: profile.map(|profile| profile.maker.clone()).unwrap_or_default(),
        model: profile.map(|profile| profile.model.clone()).unwrap_or_default(),
        protocol: profile.map_or(ProtocolView::Modbus, |profile| profile.protocol.into()),
        way: endpoint.as_ref().map_or(WayView::Network, WayView::from),
        place: endpoint.as_ref().map(drivers::Endpoint::name).unwrap_or_default(),
        line: endpoint.as_ref().and_then(setup::line),
        unit: asked.then_some(meter.unit),
        instance: Some(meter.instance).filter(|instance| *instance > 1),
    }
}

fn profiles_view(profiles: &Profiles) -> ProfilesView {
    let view = |profile: &std::sync::Arc<Profile>| ProfileView {
        name: profile.name.clone(),
        maker: profile.maker.clone(),
        model: profile.model.clone(),
        kind: Role::from(profile.kind).into(),
        protocol: profile.protocol.into(),
        file: profiles.file_of(&profile.name).map(str::to_owned),
    };
    let problem = |problem: &ProfileProblem| ProfileProblemView {
        file: problem.file.clone(),
        line: problem.line.and_then(|line| u32::try_from(line).ok()),
        reason: problem.reason.clone(),
    };
    ProfilesView {
        folder: profiles.folder().display().to_string(),
        all: profiles.catalogue().iter().map(view).collect(),
        problems: profiles.problems().iter().map(problem).collect(),
    }
}

impl From<&Sample> for ValuesView {
    fn from(sample: &Sample) -> Self {
        let each = |values: Vec<i64>| values.into_iter().map(Whole::new).collect::<Vec<_>>();
        Self {
            at: sample.at.into(),
            power_milliwatts: sample.power.map(Whole::from),
            import_milliwatt_hours: sample.import.map(Whole::from),
            export_milliwatt_hours: sample.export.map(Whole::from),
            phase_power_milliwatts: sample
                .phase_power
                .as_ref()
                .map(|phases| each(phases.iter().map(|power| power.milliwatts()).collect())),
            voltage_millivolts: sample
                .voltage
                .as_ref()
                .map(|phases| each(phases.iter().map(|voltage| voltage.millivolts()).collect())),
            current_milliamperes: sample
                .current
                .as_ref()
                .map(|phases| each(phases.iter().map(|current| current.milliamperes()).collect())),
            frequency_millihertz: sample.frequency.map(|frequency| Whole::new(frequency.millihertz())),
        }
    }
}

impl From<&Tally> for RequestsView {
    fn from(tally: &Tally) -> Self {
        let count = |count: u64| Whole::new(i64::try_from(count).unwrap_or(i64::MAX >> 11));
        let trouble = |(code, times): (&drivers::Code, &u64)| TroubleCount {
            code: code.word().to_owned(),
            count: count(*times),
        };
        let failed = tally.polls.saturating_sub(tally.good);
        Self {
            readings: count(tally.polls),
            good: count(tally.good),
            error_share: (tally.polls > 0).then(|| failed as f64 / tally.polls as f64),
            late: count(tally.late),
            noise_bytes: count(tally.junk),
            troubles: tally.trouble.iter().map(trouble).collect(),
        }
    }
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        match role {
            Role::Grid => Self::Grid,
            Role::Solar => Self::Solar,
            Role::Battery => Self::Battery,
        }
    }
}

impl From<RoleView> for Role {
    fn from(role: RoleView) -> Self {
        match role {
            RoleView::Grid => Self::Grid,
            RoleView::Solar => Self::Solar,
            RoleView::Battery => Self::Battery,
        }
    }
}

impl From<Netting> for NettingView {
    fn from(netting: Netting) -> Self {
        match netting {
            Netting::Meter => Self::Meter,
            Netting::PerPhase => Self::PerPhase,
            Netting::Power => Self::Power,
        }
    }
}

impl From<NettingView> for Netting {
    fn from(netting: NettingView) -> Self {
        match netting {
            NettingView::Meter => Self::Meter,
            NettingView::PerPhase => Self::PerPhase,
            NettingView::Power => Self::Power,
        }
    }
}

impl From<Protocol> for ProtocolView {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Modbus => Self::Modbus,
            Protocol::Sunspec => Self::Sunspec,
            Protocol::P1 => Self::P1,
            Protocol::Sml => Self::Sml,
        }
    }
}

impl From<&drivers::Endpoint> for WayView {
    fn from(endpoint: &drivers::Endpoint) -> Self {
        match endpoint {
            drivers::Endpoint::Tcp { .. } => Self::Network,
            drivers::Endpoint::RtuOverTcp { .. } => Self::Gateway,
            drivers::Endpoint::Serial { .. } => Self::Serial,
        }
    }
}

impl From<Flag> for FlagView {
    fn from(flag: Flag) -> Self {
        match flag {
            Flag::NotNetted => Self::NotNetted,
            Flag::NoPin => Self::NoPin,
            Flag::Stale => Self::Stale,
            Flag::ClockOff => Self::ClockOff,
            Flag::LocalEcho => Self::LocalEcho,
            Flag::ReducedReads => Self::ReducedReads,
        }
    }
}
