//! What the OBIS codes of an electricity meter mean.

use units::{Current, Energy, Frequency, Power, Voltage};

use super::{Hints, Values};
use crate::sample::{Flag, Sample};

/// Codes under which meters name themselves, the most usual first.
const SERIALS: &[&str] =
    &["0-0:96.1.1", "0-0:96.1.0", "0-0:96.1.255", "0-0:42.0.0", "1-0:96.1.0", "1-0:0.0.9", "1-0:0.0.0"];

pub(super) fn sample(values: &Values, hints: &Hints) -> Sample {
    let (import, export) = (counter(values, 1), counter(values, 2));
    let power = match hints.power {
        Some(watts) => watts.thousandths(0),
        None => power(values, (import, export), hints.exports),
    };
    let phase_power = phases(|phase| phase_power(values, phase));
    let current = phases(|phase| thousandths(values, &format!("1-0:{}.7.0", 11 + 20 * phase)));
    let voltage = phases(|phase| thousandths(values, &format!("1-0:{}.7.0", 12 + 20 * phase)));
    let no_pin = hints.may_hide && hides_all_but_kilowatt_hours(power, (import, export));
    Sample {
        power: power.map(Power::from_milliwatts),
        import: import.map(Energy::from_milliwatt_hours),
        export: export.map(Energy::from_milliwatt_hours),
        current: current.map(|currents| {
            let currents = crate::profile::sign_currents(currents, phase_power.as_deref());
            currents.into_iter().map(Current::from_milliamperes).collect()
        }),
        phase_power: phase_power.map(|powers| powers.into_iter().map(Power::from_milliwatts).collect()),
        voltage: voltage.map(|voltages| voltages.into_iter().map(Voltage::from_millivolts).collect()),
        frequency: thousandths(values, "1-0:14.7.0").map(Frequency::from_millihertz),
        serial: SERIALS.iter().find_map(|code| values.text(code)).map(str::to_owned),
        flags: no_pin.then_some(Flag::NoPin).into_iter().collect(),
        ..Sample::default()
    }
}

/// Returns a counter: the total where the meter tells it, otherwise the sum over its tariffs.
fn counter(values: &Values, quantity: u8) -> Option<i64> {
    if let Some(total) = thousandths(values, &format!("1-0:{quantity}.8.0")) {
        return Some(total);
    }
    let prefix = format!("1-0:{quantity}.8.");
    let tariffs = values.codes().filter(|code| {
        code.strip_prefix(&prefix)
            .is_some_and(|rate| !rate.is_empty() && rate.bytes().all(|c| c.is_ascii_digit()))
    });
    let mut sum = None;
    for tariff in tariffs {
        sum = Some(thousandths(values, tariff)?.checked_add(sum.unwrap_or(0))?);
    }
    sum
}

/// Returns import less export. Meters tell it net, or as two numbers, or as a size without direction.
fn power(values: &Values, counters: (Option<i64>, Option<i64>), exports: Option<bool>) -> Option<i64> {
    let value = |code| thousandths(values, code);
    if let Some(net) = value("1-0:16.7.0") {
        return Some(net);
    }
    if let Some(net) = difference(value("1-0:1.7.0"), value("1-0:2.7.0")) {
        return Some(net);
    }
    // EMH writes the signed power under the first tariff of import.
    if let Some(net) = value("1-0:1.7.1") {
        return Some(net);
    }
    let size = value("1-0:15.7.0")?.checked_abs()?;
    match (exports, counters) {
        (Some(true), _) | (None, (None, Some(_))) => Some(-size),
        (Some(false), _) | (None, (Some(_), None)) => Some(size),
        // Which way nothing flows does not matter.
        (None, _) if size == 0 => Some(0),
        (None, _) => None,
    }
}

/// Returns the power of a phase, 1 to 3.
fn phase_power(values: &Values, phase: u8) -> Option<i64> {
    let value = |quantity: u8| thousandths(values, &format!("1-0:{}.7.0", quantity + 20 * phase));
    value(16).or_else(|| difference(value(1), value(2)))
}

/// Subtracts what flows out. Meters that never export leave it out.
fn difference(import: Option<i64>, export: Option<i64>) -> Option<i64> {
    match (import, export) {
        (None, None) => None,
        (import, export) => import.unwrap_or(0).checked_sub(export.unwrap_or(0)),
    }
}

/// Returns one value a phase, from the first phase without a hole; none where there is a hole.
fn phases(value: impl Fn(u8) -> Option<i64>) -> Option<Vec<i64>> {
    let values: Vec<Option<i64>> = (1..=3).map(value).collect();
    let known = values.iter().flatten().count();
    values.into_iter().take(known).collect::<Option<Vec<i64>>>().filter(|values| !values.is_empty())
}

/// Without its PIN a German meter tells whole kilowatt-hours and no power, which is of no use for
/// quarter hours.
fn hides_all_but_kilowatt_hours(power: Option<i64>, counters: (Option<i64>, Option<i64>)) -> bool {
    let mut known = [counters.0, counters.1].into_iter().flatten().peekable();
    power.is_none() && known.peek().is_some() && known.all(|counter| counter % 1_000_000 == 0)
}

/// Returns a value in thousandths of W, Wh, V, A or Hz. A value in another unit is not what its code says.
fn thousandths(values: &Values, code: &str) -> Option<i64> {
    let (number, unit) = values.number(code)?;
    let quantity = code.strip_prefix("1-0:")?;
    let (first, rest) = quantity.split_once('.')?;
    let first: u8 = first.parse().ok()?;
    let is_energy = rest.starts_with("8.");
    let power = match (unit, is_energy, first % 20) {
        ("Wh", true, _) | ("W", false, 1 | 2 | 15 | 16) | ("V", false, 12) | ("A", false, 11) => 0,
        ("Hz", false, _) if first == 14 => 0,
        ("kWh", true, _) | ("kW", false, 1 | 2 | 15 | 16) => 3,
        ("MWh", true, _) => 6,
        ("mA", false, 11) => -3,
        _ => return None,
    };
    number.thousandths(power)
}
