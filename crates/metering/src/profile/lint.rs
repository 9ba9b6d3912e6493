//! Makes a profile of its form, or says at which place and why not.

use std::sync::Arc;
use std::time::Duration;

use units::Energy;

use super::form::{
    AliveForm, DefaultsForm, DeviceForm, Form, Kind, LimitsForm, NamedPattern, PartForm, Pattern, PointForm,
    Positive, Protocol, ScaleForm, SunspecForm, ValuesForm,
};
use super::golden::check_golden;
use super::point::{Alive, Point, Points, Term};
use super::sunspec::{self, Models};
use super::value::{Scale, Type, Unit, WordOrder};
use super::{Device, Limits, Profile, SerialLine};

#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("the profile is not what its format asks for: {0}")]
    Syntax(#[source] toml::de::Error),
    #[error("profile {profile}, {place}: {problem}")]
    Invalid { profile: String, place: String, problem: String },
}

/// A problem and its place, before the profile's name is put on it.
pub(super) struct Finding(String, String);

pub(super) type Checked<T> = Result<T, Finding>;

pub(super) fn at<T>(place: impl Into<String>, problem: impl Into<String>) -> Checked<T> {
    Err(Finding(place.into(), problem.into()))
}

pub(super) fn check(form: Form) -> Result<Profile, ProfileError> {
    let profile = form.name.clone();
    build(form).map_err(|Finding(place, problem)| ProfileError::Invalid { profile, place, problem })
}

fn build(form: Form) -> Checked<Profile> {
    check_name(&form.name)?;
    for (place, text) in [("maker", &form.maker), ("model", &form.model), ("source", &form.source)] {
        if text.trim().is_empty() {
            return at(place, "must not be empty");
        }
    }
    let profile = Profile {
        sign: sign(form.kind, form.positive)?,
        limits: limits(form.protocol, form.limits.as_ref())?,
        device: device(&form.device)?,
        alive: form.alive.as_ref().map(|alive| alive_register(alive, &form.defaults)).transpose()?,
        points: points(&form.values, &form.defaults)?,
        sunspec: form.sunspec.as_ref().map(models).transpose()?,
        known_serial: None,
        parts: Vec::new(),
        is_part: false,
        name: form.name,
        maker: form.maker,
        model: form.model,
        kind: form.kind,
        protocol: form.protocol,
        source: form.source,
        netting: form.netting,
        golden: form.golden,
    };
    check_whole(&profile)?;
    let mut parts: Vec<Arc<Profile>> = Vec::new();
    for (index, part) in form.part.into_iter().enumerate() {
        let place = format!("part[{index}]");
        if profile.kind == part.kind || parts.iter().any(|known| known.kind == part.kind) {
            return at(format!("{place}.kind"), "the device has this place already");
        }
        let part = build_part(&profile, part, &form.defaults)
            .map_err(|Finding(key, problem)| Finding(format!("{place}.{key}"), problem))?;
        parts.push(Arc::new(part));
    }
    Ok(Profile { parts, ..profile })
}

/// Makes what else a device measures: it is asked in the same way, and its values are others.
fn build_part(device: &Profile, form: PartForm, defaults: &DefaultsForm) -> Checked<Profile> {
    if device.protocol != Protocol::Modbus {
        return at("kind", "only a modbus profile has parts; a SunSpec chain names its devices itself");
    }
    let part = Profile {
        kind: form.kind,
        model: form.model.unwrap_or_else(|| device.model.clone()),
        sign: sign(form.kind, form.positive)?,
        netting: true,
        alive: form.alive.as_ref().map(|alive| alive_register(alive, defaults)).transpose()?,
        points: points(&form.values, defaults)?,
        golden: form.golden,
        is_part: true,
        ..device.clone()
    };
    check_whole(&part)?;
    Ok(part)
}

fn check_whole(profile: &Profile) -> Checked<()> {
    check_protocol(profile)?;
    check_limits(profile)?;
    check_golden(profile)
}

fn check_name(name: &str) -> Checked<()> {
    let word =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if name.split('-').all(word) {
        return Ok(());
    }
    at("name", format!("\"{name}\" is not kebab-case: write it like eastron-sdm630"))
}

/// Holds what a profile says against what its protocol needs.
fn check_protocol(profile: &Profile) -> Checked<()> {
    let is_modbus = profile.protocol == Protocol::Modbus;
    let points = &profile.points;
    match (is_modbus, profile.all_points().next()) {
        (true, _) if points.power.is_none() && points.import.is_none() => {
            return at("values", "needs at least power or import");
        }
        (false, Some(_)) => return at("values", "only a modbus profile says where its values are"),
        _ => {}
    }
    if (profile.protocol == Protocol::Sunspec) != profile.sunspec.is_some() {
        return at("sunspec", "a sunspec profile, and no other, names its models");
    }
    if profile.alive.is_some() && !is_modbus {
        return at("alive", "only a modbus profile has such a register");
    }
    Ok(())
}

fn models(form: &SunspecForm) -> Checked<Models> {
    let unknown = form.models.iter().find(|id| !sunspec::is_known(**id));
    match (form.models.is_empty(), unknown) {
        (true, _) => at("sunspec.models", "needs at least one model"),
        (_, Some(id)) => at("sunspec.models", format!("{id} is not a model that is known here")),
        (false, None) => {
            Ok(Models { ids: form.models.clone(), opposite_makers: form.opposite_makers.clone() })
        }
    }
}

/// Returns 1 where the device's positive power is ours, -1 where it is the other way round.
fn sign(kind: Kind, positive: Positive) -> Checked<i64> {
    match (kind, positive) {
        (Kind::Grid, Positive::Import)
        | (Kind::Solar, Positive::Production)
        | (Kind::Battery, Positive::Discharge) => Ok(1),
        (Kind::Grid, Positive::Export)
        | (Kind::Solar, Positive::Consumption)
        | (Kind::Battery, Positive::Charge) => Ok(-1),
        _ => at(
            "positive",
            "must be import or export for grid, production or consumption for solar, discharge or charge for battery",
        ),
    }
}

fn limits(protocol: Protocol, form: Option<&LimitsForm>) -> Checked<Limits> {
    let form = match (protocol, form) {
        (_, Some(form)) => form,
        // Meters that speak unasked are not asked.
        (Protocol::P1 | Protocol::Sml, None) => return Ok(Limits::NONE),
        (Protocol::Modbus | Protocol::Sunspec, None) => return at("limits", "is missing"),
    };
    if !(1..=125).contains(&form.max_registers) {
        return at("limits.max_registers", "Modbus allows 1 to 125");
    }
    if form.timeout_ms == 0 {
        return at("limits.timeout_ms", "must be above 0");
    }
    Ok(Limits {
        max_registers: form.max_registers,
        even: form.even,
        gap: Duration::from_millis(form.gap_ms),
        connect_delay: Duration::from_millis(form.connect_delay_ms),
        timeout: Duration::from_millis(form.timeout_ms),
        stale_after: form.stale_after_s.map(Duration::from_secs),
    })
}

fn device(form: &DeviceForm) -> Checked<Device> {
    let serial = form.serial.as_deref().map(serial_line).transpose()?;
    Ok(Device { unit: form.unit, tcp_port: form.tcp_port, serial })
}

/// Reads `9600 8N1`.
fn serial_line(text: &str) -> Checked<SerialLine> {
    let line = text.split_once(' ').and_then(|(baud, framing)| {
        let mut framing = framing.chars();
        let (bits, parity, stop) = (framing.next()?, framing.next()?, framing.next()?);
        let known = bits == '8' && "NEO".contains(parity) && "12".contains(stop) && framing.next().is_none();
        let baud = baud.parse().ok().filter(|baud| *baud > 0)?;
        known.then_some(SerialLine { baud, parity, stop_bits: if stop == '2' { 2 } else { 1 } })
    });
    match line {
        Some(line) => Ok(line),
        None => at("device.serial", format!("\"{text}\" is not a serial line: write it like \"9600 8N1\"")),
    }
}

fn alive_register(form: &AliveForm, defaults: &DefaultsForm) -> Checked<Alive> {
    if form.equals.is_empty() {
        return at("alive.equals", "needs at least one value that means alive");
    }
    let function = function(form.function.or(defaults.function), "alive.function")?;
    Ok(Alive { function, address: form.address, equals: form.equals.clone() })
}

fn points(form: &ValuesForm, defaults: &DefaultsForm) -> Checked<Points> {
    const POWER: &[Unit] = &[Unit::W, Unit::KiloW];
    const ENERGY: &[Unit] = &[Unit::Wh, Unit::KiloWh, Unit::MegaWh];
    let make = |name: &str, form: &Option<PointForm>, units: &[Unit], list: bool| {
        form.as_ref().map(|form| point(&format!("values.{name}"), form, defaults, units, list)).transpose()
    };
    let points = Points {
        power: make("power", &form.power, POWER, false)?,
        import: make("import", &form.import, ENERGY, false)?,
        export: make("export", &form.export, ENERGY, false)?,
        phase_power: make("phase_power", &form.phase_power, POWER, true)?,
        voltage: make("voltage", &form.voltage, &[Unit::V], true)?,
        current: make("current", &form.current, &[Unit::A], true)?,
        frequency: make("frequency", &form.frequency, &[Unit::Hz], false)?,
        serial: make("serial", &form.serial, &[], false)?,
    };
    Ok(points)
}

fn point(
    place: &str,
    form: &PointForm,
    defaults: &DefaultsForm,
    units: &[Unit],
    list: bool,
) -> Checked<Point> {
    let here = |key: &str| format!("{place}.{key}");
    let Some(kind) = form.r#type.or(defaults.r#type) else { return at(here("type"), "is missing") };
    let words = form.words.or(defaults.words).unwrap_or(WordOrder::Be);
    let is_text = units.is_empty();
    let registers = match (kind, form.registers) {
        (Type::Text, Some(registers @ 1..=64)) if is_text => registers,
        (Type::Text, _) if is_text => return at(here("registers"), "a text has 1 to 64 registers"),
        (Type::Text, _) => return at(here("type"), "only the serial number is a text"),
        (Type::F32, _) if is_text => return at(here("type"), "a serial number is whole or a text"),
        (_, Some(_)) => return at(here("registers"), "only a text says its length"),
        (kind, None) => kind.registers(),
    };
    let patterns = form.absent.as_ref().unwrap_or(&defaults.absent);
    Ok(Point {
        function: function(form.function.or(defaults.function), &here("function"))?,
        kind,
        words,
        registers,
        scale: scale(place, form, units)?,
        scale_at: scale_at(&here("scale_at"), form, units, kind)?,
        absent: if kind == Type::Text { Vec::new() } else { absent(&here("absent"), patterns, kind)? },
        optional: form.optional,
        resolution: resolution(place, form, units)?,
        wraps_at: wraps_at(&here("wraps_at_wh"), form.wraps_at_wh, units)?,
        tenfold_above: tenfold(&here("tenfold_above"), form.tenfold_above)?,
        items: items(place, form, list)?,
    })
}

fn function(function: Option<u8>, place: &str) -> Checked<u8> {
    match function {
        Some(function @ (3 | 4)) => Ok(function),
        Some(other) => at(place, format!("{other} is not a read: use 3 (holding) or 4 (input registers)")),
        None => at(place, "is missing"),
    }
}

fn scale(place: &str, form: &PointForm, units: &[Unit]) -> Checked<Scale> {
    if units.is_empty() {
        return Ok(Scale { numerator: 1, denominator: 1 });
    }
    let unit = match form.unit {
        Some(unit) if units.contains(&unit) => unit,
        Some(unit) => return at(format!("{place}.unit"), format!("{unit:?} is not a unit of this value")),
        None => return at(format!("{place}.unit"), "is missing"),
    };
    let fraction = match &form.scale {
        None => Some((1, 1)),
        Some(ScaleForm::Whole(whole)) => Some((*whole, 1)),
        Some(ScaleForm::Fraction(text)) => {
            text.split_once('/').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)))
        }
    };
    let scale = fraction
        .filter(|(a, b): &(i64, i64)| *a != 0 && *b > 0)
        .and_then(|(a, b)| Some(Scale { numerator: a.checked_mul(unit.thousandths())?, denominator: b }));
    match scale {
        Some(scale) => Ok(scale),
        None => {
            at(format!("{place}.scale"), "must be a whole number or a fraction such as \"1/10\", and not 0")
        }
    }
}

fn scale_at(place: &str, form: &PointForm, units: &[Unit], kind: Type) -> Checked<Option<u16>> {
    match form.scale_at {
        Some(_) if units.is_empty() || kind == Type::F32 => at(place, "only a whole number is scaled"),
        address => Ok(address),
    }
}

fn absent(place: &str, patterns: &[Pattern], kind: Type) -> Checked<Vec<u64>> {
    let ones = u64::MAX >> (64 - kind.bits());
    patterns
        .iter()
        .map(|pattern| match pattern {
            Pattern::Named(NamedPattern::Ones) => Ok(ones),
            Pattern::Named(NamedPattern::Max) => Ok(ones >> 1),
            Pattern::Named(NamedPattern::Min) => Ok((ones >> 1) + 1),
            Pattern::Bits(bits) if *bits <= ones => Ok(*bits),
            Pattern::Bits(bits) => at(place, format!("{bits:#x} is wider than the value")),
        })
        .collect()
}

fn resolution(place: &str, form: &PointForm, units: &[Unit]) -> Checked<Energy> {
    let is_energy = units.contains(&Unit::Wh);
    match form.resolution_wh {
        Some(watt_hours) if is_energy && watt_hours > 0.0 => match Energy::from_f64(watt_hours) {
            Some(resolution) if !resolution.is_zero() => Ok(resolution),
            _ => at(format!("{place}.resolution_wh"), "is out of range"),
        },
        Some(_) if is_energy => at(format!("{place}.resolution_wh"), "must be above 0"),
        Some(_) => at(format!("{place}.resolution_wh"), "only a counter has a resolution"),
        None if is_energy => {
            at(format!("{place}.resolution_wh"), "is missing: the step of the counter in Wh")
        }
        None => Ok(Energy::ZERO),
    }
}

fn wraps_at(place: &str, watt_hours: Option<f64>, units: &[Unit]) -> Checked<Option<Energy>> {
    match watt_hours {
        None => Ok(None),
        Some(_) if !units.contains(&Unit::Wh) => at(place, "only a counter begins anew"),
        Some(watt_hours) => match Energy::from_f64(watt_hours).filter(|_| watt_hours >= 1000.0) {
            Some(size) => Ok(Some(size)),
            None => at(place, "must be at least 1000: a counter that ends sooner cannot be followed"),
        },
    }
}

fn tenfold(place: &str, above: Option<f64>) -> Checked<Option<i64>> {
    match above {
        None => Ok(None),
        Some(above) if above > 0.0 && above < 1e9 => Ok(Some((above * 1000.0) as i64)),
        Some(_) => at(place, "must be above 0"),
    }
}

fn items(place: &str, form: &PointForm, list: bool) -> Checked<Vec<Vec<Term>>> {
    let plus = |address: &u16| Term { address: *address, minus: false };
    let minus = |address: &u16| Term { address: *address, minus: true };
    match (list, form.address, &form.addresses, &form.minus_addresses) {
        (false, Some(address), None, None) => {
            let terms =
                std::iter::once(&address).chain(&form.plus).map(plus).chain(form.minus.iter().map(minus));
            Ok(vec![terms.collect()])
        }
        (false, ..) => at(place, "needs one address, and plus and minus where it is a sum or a difference"),
        (true, None, Some(addresses), subtracted)
            if form.plus.is_empty() && form.minus.is_empty() && (1..=3).contains(&addresses.len()) =>
        {
            let subtracted = subtracted.as_deref().unwrap_or_default();
            if !subtracted.is_empty() && subtracted.len() != addresses.len() {
                return at(format!("{place}.minus_addresses"), "must be as many as addresses");
            }
            let item = |(index, address): (usize, &u16)| {
                [plus(address)].into_iter().chain(subtracted.get(index).map(minus)).collect()
            };
            Ok(addresses.iter().enumerate().map(item).collect())
        }
        (true, ..) => at(place, "needs addresses: one to three, one a phase"),
    }
}

/// Returns the registers from a value to its power of ten, both included.
fn reach(address: u16, registers: u16, scale: u16) -> u32 {
    let (address, scale) = (u32::from(address), u32::from(scale));
    (address + u32::from(registers)).max(scale + 1) - address.min(scale)
}

fn check_limits(profile: &Profile) -> Checked<()> {
    let limit = u32::from(profile.limits.max_registers);
    for point in profile.all_points() {
        for term in point.items.iter().flatten() {
            let place = format!("values, address {:#06x}", term.address);
            if point.registers > profile.limits.max_registers {
                return at(place, "the value is longer than limits.max_registers");
            }
            if u32::from(term.address) + u32::from(point.registers) > 0x1_0000 {
                return at(place, "the value reaches beyond the last register");
            }
            if point.scale_at.is_some_and(|scale| reach(term.address, point.registers, scale) > limit) {
                return at(place, "the value and its scale_at do not fit into one read");
            }
            if profile.limits.even && (term.address % 2 != 0 || point.registers % 2 != 0) {
                return at(place, "limits.even asks for even addresses and lengths");
            }
        }
    }
    Ok(())
}
