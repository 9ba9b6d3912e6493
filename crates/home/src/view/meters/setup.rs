//! Adding a meter: where to look, what was found, whether it tells the truth, what it shall be.

use drivers::{DataBits, Endpoint, Find, Parity, StopBits};
use serde::{Deserialize, Serialize};
use specta::Type;

use super::{DeviceView, FlagView, Instant, NettingView, RoleView, Trouble, ValuesView, WayView, Whole};
use crate::config::Role;

/// Everything behind "Add a meter".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct SetupView {
    pub ports: Vec<PortView>,
    /// The computer's own networks, which are searched only when the owner says so.
    pub networks: Vec<NetworkView>,
    pub search: Option<SearchView>,
    pub check: Option<MeterCheckView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PortView {
    /// What to ask for; a name that stays when the adapter is plugged in elsewhere, where there is one.
    pub path: String,
    /// What the adapter calls itself.
    pub name: String,
    pub stable: bool,
    /// The meter that is read over it.
    pub used_by: Option<String>,
    /// Why it cannot be opened.
    pub trouble: Option<Trouble>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct NetworkView {
    /// `192.168.1.0/24`.
    pub network: String,
    pub interface: String,
    /// How many addresses are knocked at.
    pub addresses: Whole,
}

/// Where to look. Nothing of it is guessed: ports that are listed, hosts that were named, networks after a yes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SearchAsk {
    pub ports: Vec<String>,
    /// `192.168.1.20` or `192.168.1.20:1502`.
    pub hosts: Vec<String>,
    /// One of [`SetupView::networks`].
    pub networks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct SearchView {
    pub state: SearchState,
    pub started_at: Instant,
    /// What is tried at this moment.
    pub trying: Option<String>,
    pub done: Whole,
    pub total: Whole,
    pub finds: Vec<FindView>,
    /// Places that could not be searched, and why.
    pub failures: Vec<PlaceFailure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum SearchState {
    Running,
    Done,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PlaceFailure {
    pub place: String,
    pub trouble: Trouble,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct FindView {
    /// Names the find until the next search.
    pub number: u32,
    pub device: DeviceView,
    /// What such a device usually measures.
    pub kind: RoleView,
    pub serial: Option<String>,
    /// How sure it is that the device is of this profile, from 0 to 1.
    pub confidence: f64,
    pub values: ValuesView,
    pub flags: Vec<FlagView>,
    /// Whether the device's registers net its phases.
    pub nets_phases: bool,
    /// The meter of the home that this is already.
    pub known_as: Option<String>,
}

/// A find that is read again and again before it is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct MeterCheckView {
    pub find: FindView,
    pub values: Option<ValuesView>,
    pub age_s: Option<Whole>,
    pub trouble: Option<Trouble>,
    pub readings: Whole,
    pub failed: Whole,
    pub sign: SignView,
    pub energy: EnergyCheck,
    /// What the owner told and what followed, the oldest first.
    pub evidence: Vec<EvidenceView>,
}

/// Whether the device's sign is the house's. It is never turned without a person's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum SignView {
    Unproven,
    /// Waits for the power to follow what the owner did.
    Watching,
    Right,
    /// It counts the other way round: offer to invert it.
    Reversed,
    /// One thing says so, another the opposite.
    Contradictory,
}

/// Whether the counters count what the power says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum EnergyCheck {
    /// Too little has flowed for a word.
    TooEarly,
    Agrees,
    /// They count a thousand times too much or too little: watts where watt-hours belong, or another unit.
    WrongUnit,
    /// Export rises while power flows in, or import while it flows out.
    Swapped,
    Differs,
    /// There is no counter.
    None,
    /// What stands in the place of the counter goes up and down: it is power.
    NotACounter,
}

/// What the owner tells about this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// A kettle or a heater was switched on just now: at the grid more comes in.
    SwitchedOn,
    SwitchedOff,
    /// The utility's own meter shows it.
    Importing,
    Exporting,
    /// The sun shines on the roof.
    Producing,
    Charging,
    Discharging,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EvidenceView {
    pub told: Told,
    pub at: Instant,
    pub before_milliwatts: Option<Whole>,
    pub after_milliwatts: Option<Whole>,
    pub sign: SignView,
}

/// Makes a find one of the home's meters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct AddMeterAsk {
    pub find: u32,
    pub role: RoleView,
    pub inverted: bool,
    pub netting: NettingView,
    /// The owner has read the warning and goes on.
    pub confirmed: bool,
}

/// Says that a meter was replaced, or that another device takes its place. History stays one series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ReplaceMeterAsk {
    pub meter: String,
    /// What takes its place; without it the same kind of meter at the same place.
    pub find: Option<u32>,
    pub inverted: bool,
    pub netting: NettingView,
    /// When it was replaced, RFC 3339; without it just now.
    pub at: Option<String>,
    /// What the old meter showed at the end, and the new one at the start. Both without, where nobody
    /// wrote them down: then what flowed in between is not booked.
    pub old_import_wh: Option<Whole>,
    pub old_export_wh: Option<Whole>,
    pub new_import_wh: Option<Whole>,
    pub new_export_wh: Option<Whole>,
    pub serial: Option<String>,
    pub confirmed: bool,
}

/// Reads a meter the other way round from a moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct InvertMeterAsk {
    pub meter: String,
    /// RFC 3339. A time in the past turns what was booked since; without it the past stays as it is.
    pub since: Option<String>,
}

impl FindView {
    pub(crate) fn new(number: u32, find: &Find, at: units::Timestamp, known_as: Option<String>) -> Self {
        let sample = find.observation.sample(at);
        Self {
            number,
            device: device(find),
            kind: Role::from(find.profile.kind).into(),
            serial: sample.serial.clone(),
            confidence: (find.confidence * 100.0).round() / 100.0,
            values: ValuesView::from(&sample),
            flags: sample.flags.iter().copied().map(FlagView::from).collect(),
            nets_phases: find.profile.netting,
            known_as,
        }
    }
}

fn device(find: &Find) -> DeviceView {
    let profile = &find.profile;
    DeviceView {
        profile: profile.name.clone(),
        maker: profile.maker.clone(),
        model: profile.model.clone(),
        protocol: profile.protocol.into(),
        way: WayView::from(&find.endpoint),
        place: find.endpoint.name(),
        line: line(&find.endpoint),
        unit: profile.protocol.is_asked().then_some(find.settings.unit),
        instance: Some(find.settings.instance).filter(|instance| *instance > 1),
    }
}

/// Returns a serial line as people write it.
pub(super) fn line(endpoint: &Endpoint) -> Option<String> {
    let Endpoint::Serial { line, .. } = endpoint else { return None };
    let data = if line.data_bits == DataBits::Seven { 7 } else { 8 };
    let parity = match line.parity {
        Parity::None => 'N',
        Parity::Even => 'E',
        Parity::Odd => 'O',
    };
    let stop = if line.stop_bits == StopBits::Two { 2 } else { 1 };
    Some(format!("{} {data}{parity}{stop}", line.baud))
}
