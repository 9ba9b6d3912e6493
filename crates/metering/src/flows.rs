//! Where the power of a home comes from and goes to, from the meters at grid, roof and battery.

use units::Power;

/// What one of the home's meters says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The home has none, which counts as zero.
    #[default]
    NotInstalled,
    /// The meter has not told.
    Missing,
    Power(Power),
}

/// The powers of a home: import, production and discharge are positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    pub grid: Source,
    pub solar: Source,
    pub battery: Source,
}

/// Which power goes where. A figure is missing where one of the meters it needs has not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    /// What the house uses: grid + solar + battery. Negative where the meters contradict each other.
    pub house: Option<Power>,
    /// Whether the house seems to produce: the meters were read at different instants, or one of them
    /// measures something else. Nothing is split then.
    pub contradictory: bool,
    /// What the roof's equipment uses itself at night.
    pub standby: Option<Power>,
    pub split: Option<Split>,
}

/// The power of each way. All are zero or positive; those from the roof add up to its production, those
/// to the house to its use, and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    pub solar_to_house: Power,
    pub solar_to_battery: Power,
    pub solar_to_grid: Power,
    pub battery_to_house: Power,
    pub battery_to_grid: Power,
    pub grid_to_house: Power,
    pub grid_to_battery: Power,
}

impl From<Option<Power>> for Source {
    fn from(power: Option<Power>) -> Self {
        power.map_or(Self::Missing, Self::Power)
    }
}

impl Source {
    fn power(self) -> Option<Power> {
        match self {
            Self::NotInstalled => Some(Power::ZERO),
            Self::Missing => None,
            Self::Power(power) => Some(power),
        }
    }
}

impl Flows {
    /// Returns the flows of a home.
    pub fn of(sources: Sources) -> Self {
        let (grid, solar, battery) = (sources.grid.power(), sources.solar.power(), sources.battery.power());
        let standby = solar.map(Power::exported);
        let house = grid
            .zip(solar)
            .zip(battery)
            .and_then(|((grid, solar), battery)| grid.checked_add(solar)?.checked_add(battery));
        let contradictory = house.is_some_and(Power::is_negative);
        let split = match (house, grid, solar, battery) {
            (Some(house), Some(grid), Some(solar), Some(battery)) if !contradictory => {
                Some(Split::of(house, grid, solar, battery))
            }
            _ => None,
        };
        Self { house, contradictory, standby, split }
    }

    /// Returns what the home uses of its own roof, at once or by way of the battery.
    pub fn self_use(&self) -> Option<Power> {
        self.split.map(|split| split.solar_to_house + split.solar_to_battery)
    }

    /// Returns what goes into the battery.
    pub fn to_battery(&self) -> Option<Power> {
        self.split.map(|split| split.solar_to_battery + split.grid_to_battery)
    }

    /// Returns what comes out of the battery.
    pub fn from_battery(&self) -> Option<Power> {
        self.split.map(|split| split.battery_to_house + split.battery_to_grid)
    }
}

impl Split {
    /// The roof serves the house first, then the battery, then the grid; the battery serves the house
    /// before the grid. Electrons have no owner: this is the convention by which owners read it, and by
    /// which what the battery exports is not sold as fresh sun.
    fn of(house: Power, grid: Power, solar: Power, battery: Power) -> Self {
        let (mut sun, mut stored) = (solar.imported(), battery.imported());
        let mut bought = grid.imported();
        // Standby of the roof is served like the house: it cannot come from the roof.
        let mut demand = house + solar.exported();
        let (mut charge, mut export) = (battery.exported(), grid.exported());

        let solar_to_house = draw(&mut sun, &mut demand);
        let solar_to_battery = draw(&mut sun, &mut charge);
        let solar_to_grid = draw(&mut sun, &mut export);
        let battery_to_house = draw(&mut stored, &mut demand);
        let battery_to_grid = draw(&mut stored, &mut export);
        let grid_to_house = draw(&mut bought, &mut demand);
        let grid_to_battery = draw(&mut bought, &mut charge);
        Self {
            solar_to_house,
            solar_to_battery,
            solar_to_grid,
            battery_to_house,
            battery_to_grid,
            grid_to_house,
            grid_to_battery,
        }
    }
}

/// Takes as much from a source as a use wants, and lessens both.
fn draw(source: &mut Power, want: &mut Power) -> Power {
    let power = (*source).min(*want);
    *source -= power;
    *want -= power;
    power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flows(grid: i64, solar: i64, battery: i64) -> Flows {
        let source = |watts| Source::Power(Power::from_watts(watts));
        Flows::of(Sources { grid: source(grid), solar: source(solar), battery: source(battery) })
    }

    fn watts(power: Option<Power>) -> Option<i64> {
        power.map(|power| power.milliwatts() / 1000)
    }

    #[test]
    fn the_roof_serves_the_house_then_the_battery_then_the_grid() {
        let flows = flows(-2000, 5000, -1000);
        assert_eq!(watts(flows.house), Some(2000));
        assert_eq!(watts(flows.self_use()), Some(3000));
        assert_eq!(watts(flows.to_battery()), Some(1000));
        let split = flows.split.unwrap();
        assert_eq!((split.solar_to_grid, split.battery_to_grid), (Power::from_watts(2000), Power::ZERO));
    }

    #[test]
    fn what_the_battery_exports_is_told_from_what_the_roof_exports() {
        let split = flows(-3000, 1000, 2500).split.unwrap();
        assert_eq!(split.solar_to_house, Power::from_watts(500));
        assert_eq!(split.solar_to_grid, Power::from_watts(500));
        assert_eq!(split.battery_to_grid, Power::from_watts(2500));
    }

    #[test]
    fn a_battery_that_charges_at_night_charges_from_the_grid() {
        let split = flows(3000, 0, -2500).split.unwrap();
        assert_eq!(split.grid_to_battery, Power::from_watts(2500));
        assert_eq!(split.grid_to_house, Power::from_watts(500));
    }

    #[test]
    fn a_figure_is_missing_where_a_meter_has_not_told() {
        let grid = Source::Power(Power::from_watts(300));
        let silent = Flows::of(Sources { grid, solar: Source::Missing, battery: Source::NotInstalled });
        assert_eq!((silent.house, silent.self_use(), silent.contradictory), (None, None, false));
        let without = Flows::of(Sources { grid, ..Sources::default() });
        assert_eq!((watts(without.house), watts(without.self_use())), (Some(300), Some(0)));
        assert_eq!(Flows::of(Sources { grid: None.into(), ..Sources::default() }).house, None);
    }

    #[test]
    fn a_house_that_seems_to_produce_is_flagged() {
        let flows = flows(-2000, 1500, 0);
        assert_eq!((watts(flows.house), flows.contradictory, flows.split), (Some(-500), true, None));
    }

    #[test]
    fn a_roof_that_uses_power_at_night_is_not_clipped() {
        let flows = flows(105, -5, 0);
        assert_eq!((watts(flows.house), watts(flows.standby)), (Some(100), Some(5)));
        assert_eq!(flows.split.unwrap().grid_to_house, Power::from_watts(105));
    }

    proptest! {
        #[test]
        fn what_comes_in_goes_out(grid in -20_000i64..20_000, solar in -50i64..20_000, battery in -9000i64..9000) {
            let flows = flows(grid, solar, battery);
            let Some(split) = flows.split else {
                prop_assert!(flows.contradictory);
                return Ok(());
            };
            let w = |power: Power| power.milliwatts() / 1000;
            prop_assert_eq!(w(split.solar_to_house + split.solar_to_battery + split.solar_to_grid), solar.max(0));
            prop_assert_eq!(w(split.battery_to_house + split.battery_to_grid), battery.max(0));
            prop_assert_eq!(w(split.grid_to_house + split.grid_to_battery), grid.max(0));
            let to_house = split.solar_to_house + split.battery_to_house + split.grid_to_house;
            prop_assert_eq!(Some(to_house), flows.house.zip(flows.standby).map(|(house, standby)| house + standby));
            prop_assert_eq!(w(split.solar_to_battery + split.grid_to_battery), (-battery).max(0));
            prop_assert_eq!(w(split.solar_to_grid + split.battery_to_grid), (-grid).max(0));
        }
    }
}
