//! The sum of members against the meter of their area: what it shows and they do not, nobody on the market has told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use exchange_api::{Problem, ProblemCode, Registers};
use rusqlite::Connection;
use serde::Serialize;
use units::{AreaId, Slot, WattHours};

use super::Failure;
use crate::config::MarketConfig;
use crate::service::readings::judge_border;
use crate::service::utility::UtilityRow;
use crate::store::rows::operator::{self as rows, AreaSums};
use crate::store::rows::reading::{exported, imported};
use crate::store::rows::utility::Origin;

/// An area's meter and the members behind it, over the slots of a day that both tell of.
///
/// Energy that flows within the area does not reach the meter, so what is compared is import less export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AreaMeter {
    pub area: AreaId,
    pub metering_point: String,
    /// Settled slots of which the meter's readings are known.
    pub slots: u32,
    pub meter_net_wh: WattHours,
    pub members_net_wh: WattHours,
    /// Readings of members that are missing in these slots: their energy counts as nothing.
    pub unmeasured: u32,
}

/// Compares each area that has a meter, by the settled slots in which it was read.
pub(super) fn compare(
    config: &MarketConfig,
    readings: &[(AreaId, Slot, Registers)],
    sums: &[AreaSums],
) -> Vec<AreaMeter> {
    let settled: BTreeSet<Slot> = sums.iter().map(|sum| sum.slot).collect();
    let below = below(config);
    let compare = |area: &crate::config::AreaConfig| {
        let metering_point = area.metering_point.clone()?;
        let read: BTreeMap<Slot, &Registers> = readings
            .iter()
            .filter(|(of, slot, _)| *of == area.id && settled.contains(slot))
            .map(|(_, slot, registers)| (*slot, registers))
            .collect();
        let behind = |sum: &&AreaSums| below[&area.id].contains(&sum.area) && read.contains_key(&sum.slot);
        let members = || sums.iter().filter(behind);
        let net = |registers: &&Registers| imported(registers) - exported(registers);
        Some(AreaMeter {
            area: area.id.clone(),
            metering_point,
            slots: read.len() as u32,
            meter_net_wh: read.values().map(net).fold(WattHours::ZERO, |sum, net| sum + net),
            members_net_wh: members().fold(WattHours::ZERO, |sum, it| sum + (it.import - it.export)),
            unmeasured: members().map(|it| it.unmeasured).sum(),
        })
    };
    config.areas.iter().filter_map(compare).collect()
}

/// Returns of each area the areas that its meter measures: itself and all below it.
fn below(config: &MarketConfig) -> HashMap<AreaId, BTreeSet<AreaId>> {
    let parents: HashMap<&AreaId, &AreaId> =
        config.areas.iter().filter_map(|area| Some((&area.id, area.parent.as_ref()?))).collect();
    let mut below: HashMap<AreaId, BTreeSet<AreaId>> = HashMap::new();
    for area in &config.areas {
        let mut above = Some(&area.id);
        while let Some(id) = above {
            below.entry(id.clone()).or_default().insert(area.id.clone());
            above = parents.get(id).copied();
        }
    }
    below
}

/// What became of a row of the utility's file that tells of an area's meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    New,
    Known,
}

/// Takes a row if it is of an area's meter; `None` where it is of no area.
pub(crate) fn take(
    db: &Connection,
    config: &MarketConfig,
    row: &UtilityRow,
    origin: &Origin,
) -> Result<Option<Taken>, Failure> {
    let is_it =
        |area: &&crate::config::AreaConfig| area.metering_point.as_deref() == Some(&row.metering_point);
    let Some(area) = config.areas.iter().find(is_it) else { return Ok(None) };
    if row.slot.end() > origin.received_at {
        let detail =
            format!("Slot {} ends at {}; market time is {}.", row.slot, row.slot.end(), origin.received_at);
        return Err(Problem::new(ProblemCode::ReadingTooEarly, detail).into());
    }
    if let Some(known) = rows::area_reading(db, &area.id, row.slot)? {
        if known == row.registers {
            return Ok(Some(Taken::Known));
        }
        let detail = format!("The utility told other values for slot {} before; they stay.", row.slot);
        return Err(Problem::new(ProblemCode::ReadingContradicts, detail).into());
    }
    judge(db, &area.id, row)?;
    rows::put_area_reading(db, &area.id, row.slot, &row.registers, origin)?;
    Ok(Some(Taken::New))
}

/// Judges the registers alone and against the neighbouring slots.
fn judge(db: &Connection, area: &AreaId, row: &UtilityRow) -> Result<(), Failure> {
    let it = &row.registers;
    if it.import_end_wh < it.import_start_wh || it.export_end_wh < it.export_start_wh {
        let detail = "A register is lower at the end of the slot than at its start.";
        return Err(Problem::new(ProblemCode::ReadingBackwards, detail).into());
    }
    if let Some(earlier) = rows::area_reading(db, area, row.slot.offset(-1))? {
        judge_border(&earlier, it, true)?;
    }
    if let Some(later) = rows::area_reading(db, area, row.slot.next())? {
        judge_border(it, &later, true)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use units::{MarketId, Price};

    use super::*;
    use crate::config::AreaConfig;

    fn area(id: &str, parent: Option<&str>, metering_point: Option<&str>) -> AreaConfig {
        AreaConfig {
            id: AreaId::new(id).unwrap(),
            parent: parent.map(|id| AreaId::new(id).unwrap()),
            fee_micros_per_kwh: parent.map(|_| Price::ZERO),
            capacity_wh: None,
            metering_point: metering_point.map(str::to_owned),
        }
    }

    fn sum(area: &str, slot: i64, import: i64, export: i64, unmeasured: u32) -> AreaSums {
        AreaSums {
            slot: Slot::from_index(slot),
            area: AreaId::new(area).unwrap(),
            sold: WattHours::ZERO,
            bought: WattHours::ZERO,
            unmeasured,
            import: WattHours::new(import),
            export: WattHours::new(export),
        }
    }

    fn read(area: &str, slot: i64, import: i64, export: i64) -> (AreaId, Slot, Registers) {
        let registers = Registers {
            import_start_wh: WattHours::new(1000),
            import_end_wh: WattHours::new(1000 + import),
            export_start_wh: WattHours::new(0),
            export_end_wh: WattHours::new(export),
        };
        (AreaId::new(area).unwrap(), Slot::from_index(slot), registers)
    }

    #[test]
    fn a_meter_is_compared_with_all_members_behind_it_in_the_slots_that_both_tell_of() {
        let mut config = MarketConfig::new(MarketId::new("m").unwrap(), "M");
        config.areas = vec![
            area("substation", None, Some("S")),
            area("feeder-1", Some("substation"), Some("F")),
            area("feeder-2", Some("substation"), None),
        ];
        let sums = [
            sum("feeder-1", 1, 500, 200, 0),
            sum("feeder-2", 1, 100, 700, 1),
            sum("feeder-1", 2, 50, 0, 0),
            // Of this slot no meter tells.
            sum("feeder-1", 3, 9, 0, 0),
        ];
        let readings = [
            read("substation", 1, 0, 250),
            read("feeder-1", 1, 330, 0),
            read("feeder-1", 2, 50, 0),
            // Not settled: nobody knows the members' sum yet.
            read("feeder-1", 4, 1, 0),
        ];
        let meters = compare(&config, &readings, &sums);
        let told: Vec<_> = meters
            .iter()
            .map(|it| {
                (it.area.as_str(), it.slots, it.meter_net_wh.get(), it.members_net_wh.get(), it.unmeasured)
            })
            .collect();
        assert_eq!(told, [("substation", 1, -250, -300, 1), ("feeder-1", 2, 380, 350, 0)]);
    }
}
