//! A SunSpec profile at the addresses that a walk found.
//!
//! Offsets and types are those of the official models (github.com/sunspec/models), counted from the
//! register that holds the model's id.

use units::Energy;

use super::Profile;
use super::form::Protocol;
use super::point::{Point, Points, Term};
use super::registers::Registers;
use super::value::{Scale, Type, WordOrder};
use crate::sunspec::{Chain, Model, Reply, Walk};

/// Which models carry the device's values.
#[derive(Clone, Debug)]
pub(super) struct Models {
    pub ids: Vec<u16>,
    /// Makers whose devices mean the opposite of the profile's `positive`.
    pub opposite_makers: Vec<String>,
}

/// A model of a chain that a profile can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundModel {
    pub model: Model,
    /// What the device calls itself.
    pub maker: Option<String>,
    pub product: Option<String>,
    pub serial: Option<String>,
}

/// Where a model has what. Zero stands for what it does not have.
struct Layout {
    float: bool,
    phases: u16,
    power: u16,
    power_scale: u16,
    phase_power: u16,
    /// What flows in the positive direction, and in the other.
    import: u16,
    export: u16,
    energy_scale: u16,
    voltage: u16,
    voltage_scale: u16,
    /// Inverters write voltage and current without sign.
    signed: bool,
    current: u16,
    current_scale: u16,
    frequency: u16,
    frequency_scale: u16,
}

const INVERTER: Layout = Layout {
    float: false,
    phases: 3,
    power: 14,
    power_scale: 15,
    phase_power: 0,
    import: 24,
    export: 0,
    energy_scale: 26,
    voltage: 10,
    voltage_scale: 13,
    signed: false,
    current: 3,
    current_scale: 6,
    frequency: 16,
    frequency_scale: 17,
};

const METER: Layout = Layout {
    power: 18,
    power_scale: 22,
    phase_power: 19,
    import: 46,
    export: 38,
    energy_scale: 54,
    voltage: 8,
    voltage_scale: 15,
    signed: true,
    ..INVERTER
};

const FLOAT_INVERTER: Layout =
    Layout { float: true, power: 22, import: 32, voltage: 16, current: 4, frequency: 24, ..INVERTER };

const FLOAT_METER: Layout = Layout {
    float: true,
    power: 28,
    phase_power: 30,
    import: 68,
    export: 60,
    voltage: 12,
    current: 4,
    frequency: 26,
    ..METER
};

pub(super) fn is_known(id: u16) -> bool {
    layout(id).is_some()
}

/// Returns the layout of an inverter (101 to 103, 111 to 113) or a meter (201 to 204, 211 to 214): with
/// one phase, with two, with three; a meter's fourth kind measures three phases without a neutral.
fn layout(id: u16) -> Option<Layout> {
    let family = match id {
        101..=103 => INVERTER,
        111..=113 => FLOAT_INVERTER,
        201..=204 => METER,
        211..=214 => FLOAT_METER,
        _ => return None,
    };
    Some(Layout { phases: (id % 10).min(3), ..family })
}

impl Profile {
    /// Returns the models of a chain that this profile reads, in the chain's order. A chain holds several
    /// where several meters or inverters are behind one address.
    pub fn found_in(&self, chain: &Chain) -> Vec<FoundModel> {
        let Some(models) = &self.sunspec else { return Vec::new() };
        let known = chain.models().filter(|(_, model)| models.ids.contains(&model.id));
        let found = known.map(|(device, model)| FoundModel {
            model,
            maker: device.maker.clone(),
            product: device.model.clone(),
            serial: device.serial.clone(),
        });
        found.collect()
    }

    /// Returns the profile of a model at its place, which is read and decoded like any profile of
    /// registers. None where the profile is not of SunSpec or does not know the model.
    ///
    /// A value and its power of ten are always of one response: devices change the power with the value.
    pub fn located(&self, found: &FoundModel) -> Option<Profile> {
        let models = self.sunspec.as_ref().filter(|models| models.ids.contains(&found.model.id))?;
        let opposite = found.maker.as_deref().is_some_and(|maker| {
            let maker = maker.to_lowercase();
            models.opposite_makers.iter().any(|other| maker.contains(&other.to_lowercase()))
        });
        Some(Profile {
            protocol: Protocol::Modbus,
            sign: if opposite { -self.sign } else { self.sign },
            points: points(&layout(found.model.id)?, found.model),
            known_serial: found.serial.clone(),
            sunspec: None,
            golden: Vec::new(),
            ..self.clone()
        })
    }

    /// Walks the chain in an image of registers and returns the profile at its first model.
    pub(super) fn first_in(&self, registers: &Registers) -> Option<Profile> {
        let mut walk = Walk::new();
        while let Some(read) = walk.next() {
            match registers.words(read.function, read.address, read.count) {
                Some(words) => walk.take(Reply::Words(words)),
                None => walk.take(Reply::Exception(2)),
            }
        }
        let chain = walk.finish().ok()?;
        self.found_in(&chain).iter().find_map(|found| self.located(found))
    }
}

fn points(layout: &Layout, model: Model) -> Points {
    let (short, long) = match layout.float {
        true => (Type::F32, Type::F32),
        false => (Type::I16, Type::U32),
    };
    let unsigned = if layout.float || layout.signed { short } else { Type::U16 };
    let place =
        |kind, offset, count, scale| point(model, kind, offset, count, if layout.float { 0 } else { scale });
    let counter = |offset| {
        let point = place(long, offset, 1, layout.energy_scale)?;
        // The step is 10^scale Wh; what a counter that shows whole watt-hours has is taken.
        Some(Point { resolution: Energy::from_watt_hours(1), ..point })
    };
    Points {
        power: place(short, layout.power, 1, layout.power_scale),
        import: counter(layout.import),
        export: counter(layout.export),
        phase_power: place(short, layout.phase_power, layout.phases, layout.power_scale),
        voltage: place(unsigned, layout.voltage, layout.phases, layout.voltage_scale),
        current: place(unsigned, layout.current, layout.phases, layout.current_scale),
        frequency: place(unsigned, layout.frequency, 1, layout.frequency_scale),
        serial: None,
    }
}

/// Makes a value of `count` numbers in a row, unless it lies beyond the model's end.
fn point(model: Model, kind: Type, offset: u16, count: u16, scale: u16) -> Option<Point> {
    let registers = kind.registers();
    let end = offset.checked_add(count * registers)?.max(scale + 1);
    let fits = offset > 0 && end <= model.length.checked_add(2)? && model.address.checked_add(end).is_some();
    let term = |place: u16| vec![Term { address: model.address + offset + place * registers, minus: false }];
    fits.then(|| Point {
        function: 3,
        kind,
        words: WordOrder::Be,
        registers,
        scale: Scale { numerator: 1000, denominator: 1 },
        scale_at: (scale > 0).then(|| model.address + scale),
        absent: match kind {
            Type::I16 => vec![0x8000],
            Type::U16 => vec![0xFFFF],
            // An accumulator that is not there reads zero.
            Type::U32 => vec![0, 0xFFFF_FFFF],
            _ => Vec::new(),
        },
        optional: false,
        resolution: Energy::ZERO,
        wraps_at: None,
        tenfold_above: None,
        items: (0..count).map(term).collect(),
    })
}
