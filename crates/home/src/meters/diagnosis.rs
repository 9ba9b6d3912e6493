//! In what the home's meters contradict each other, by the slots that they booked.

use history::{HistoryError, StoredSlot};
use metering::Quality;
use units::{Energy, MeterId, Slot};

use crate::config::Role;
use crate::house::House;
use crate::view::Whole;
use crate::view::meters::{FindingCode, FindingView};

/// So many slots in a row must say so.
const SLOTS: i64 = 3;

/// 50 W over a slot, and 2 % of what flowed.
const NOISE: i64 = 12_500;

/// A roof that makes less than 100 W says little about who measures it.
const ENOUGH: i64 = 25_000;

/// What flowed in a slot in milliwatt-hours: import, production and discharge are positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Balance {
    grid: i64,
    solar: Option<i64>,
    battery: i64,
}

/// Returns what the last slots contradict each other in.
pub fn findings(house: &House) -> Vec<FindingView> {
    look(house).unwrap_or_else(|error| {
        tracing::warn!(%error, "the slots could not be held against each other");
        Vec::new()
    })
}

fn look(house: &House) -> Result<Vec<FindingView>, HistoryError> {
    let running = Slot::containing(house.now());
    // The last slot may still be on its way.
    let range = running.offset(-SLOTS - 1)..running;
    let of = |role| -> Result<Option<(MeterId, Vec<StoredSlot>)>, HistoryError> {
        let Some(meter) = house.meter_id(role) else { return Ok(None) };
        let slots = house.history.slots(&meter, range.clone())?;
        Ok(Some((meter, slots)))
    };
    let (Some(grid), solar, battery) = (of(Role::Grid)?, of(Role::Solar)?, of(Role::Battery)?) else {
        return Ok(Vec::new());
    };
    let net = |meter: &Option<(MeterId, Vec<StoredSlot>)>, slot: Slot| {
        let row = meter.as_ref()?.1.iter().find(|row| row.slot == slot)?;
        let measured = row.energy.quality == Quality::Measured;
        let import = row.energy.import.unwrap_or(Energy::ZERO);
        measured.then(|| (import - row.energy.export.unwrap_or(Energy::ZERO)).milliwatt_hours())
    };
    let grid = Some(grid);
    let mut slots = Vec::new();
    for slot in Slot::range(range) {
        let (Some(at_grid), of_solar, of_battery) =
            (net(&grid, slot), net(&solar, slot), net(&battery, slot))
        else {
            continue;
        };
        if (solar.is_some() && of_solar.is_none()) || (battery.is_some() && of_battery.is_none()) {
            continue;
        }
        let battery = of_battery.unwrap_or(0);
        slots.push((slot, Balance { grid: at_grid, solar: of_solar, battery }));
    }
    let last = slots.len().saturating_sub(SLOTS as usize);
    let slots = &slots[last..];
    if slots.len() < SLOTS as usize {
        return Ok(Vec::new());
    }
    let ids: Vec<String> =
        [&grid, &solar, &battery].into_iter().flatten().map(|(id, _)| id.to_string()).collect();
    let balances: Vec<Balance> = slots.iter().map(|(_, balance)| *balance).collect();
    let view = |(code, milliwatt_hours): (FindingCode, Option<i64>)| FindingView {
        code,
        meters: ids.clone(),
        since: slots[0].0.start().into(),
        // A quarter of an hour has four to the hour.
        milliwatts: milliwatt_hours.map(|energy| Whole::new(energy * 4)),
    };
    Ok(judge(&balances).into_iter().map(view).collect())
}

/// Names what slots in a row contradict each other in, with the energy that cannot be explained.
fn judge(slots: &[Balance]) -> Option<(FindingCode, Option<i64>)> {
    let all = |so: &dyn Fn(&Balance) -> bool| slots.iter().all(so);
    let last = slots.last()?;
    let sun = |balance: &Balance| balance.solar.unwrap_or(0);
    let noise =
        |balance: &Balance| NOISE.max((balance.grid.abs() + sun(balance).abs() + balance.battery.abs()) / 50);
    let house = |balance: &Balance| balance.grid + sun(balance) + balance.battery;
    let shines = |balance: &Balance| sun(balance) > ENOUGH;
    let has_sun = slots.iter().all(|balance| balance.solar.is_some());
    if has_sun && all(&|b| shines(b) && (b.grid.abs() - sun(b)).abs() <= noise(b)) {
        return Some((FindingCode::GridMeasuresSolar, Some(last.grid)));
    }
    // A meter that shows nothing at all while the roof's output changes measures nothing.
    let varies = slots.iter().map(sun).max()? - slots.iter().map(sun).min()? > NOISE;
    if has_sun && varies && all(&|b| shines(b) && b.grid == 0) {
        return Some((FindingCode::HouseIsProduction, Some(sun(last))));
    }
    if all(&|b| house(b) < -noise(b)) {
        let dark = has_sun && all(&|b| sun(b) <= NOISE / 10 && b.battery <= NOISE / 10);
        let code = if dark { FindingCode::ExportAtNight } else { FindingCode::HouseNegative };
        return Some((code, Some(house(last))));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(slots: [(i64, i64, i64); 3]) -> Option<FindingCode> {
        // Watts, as people think of them.
        let of = |(grid, solar, battery): (i64, i64, i64)| Balance {
            grid: grid * 250,
            solar: Some(solar * 250),
            battery: battery * 250,
        };
        judge(&slots.map(of)).map(|(code, _)| code)
    }

    #[test]
    fn r22_a_grid_meter_at_the_inverter_is_named() {
        let named = Some(FindingCode::GridMeasuresSolar);
        assert_eq!(judged([(-2000, 2000, 0), (-2500, 2510, 0), (-1800, 1790, 0)]), named);
        assert_eq!(judged([(2000, 2000, 0), (2500, 2510, 0), (1800, 1790, 0)]), named);
    }

    #[test]
    fn r22_consumption_that_is_production_is_named() {
        let named = Some(FindingCode::HouseIsProduction);
        assert_eq!(judged([(0, 2000, 0), (0, 2500, 0), (0, 1800, 0)]), named);
    }

    #[test]
    fn r22_a_house_that_produces_is_named_after_three_slots() {
        assert_eq!(
            judged([(-3000, 1000, 0), (-3000, 1000, 0), (-3100, 900, 0)]),
            Some(FindingCode::HouseNegative)
        );
        assert_eq!(judged([(-3000, 1000, 0), (200, 1000, 0), (-3100, 900, 0)]), None);
        // 2 % and 50 W are no contradiction.
        assert_eq!(judged([(-2040, 1000, 1000); 3]), None);
    }

    #[test]
    fn r16_export_at_night_is_named() {
        assert_eq!(judged([(-400, 0, 0), (-350, 0, 0), (-500, 0, 0)]), Some(FindingCode::ExportAtNight));
        assert_eq!(judged([(-400, 0, 900), (-350, 0, 800), (-500, 0, 950)]), None);
        assert_eq!(judged([(400, 0, 0), (350, 0, 0), (500, 0, 0)]), None);
    }
}
