//! The tree of areas: the path between two of them, its fees, and what its edges can still carry.

use std::collections::HashMap;

use market::{Area, EdgeCapacity};
use units::{AreaId, WattHours};

use crate::invalid::{self, Fault, InvalidInput};

/// Areas by their position in the input. An edge is named by the area below it.
#[derive(Debug)]
pub(crate) struct Grid {
    parents: Vec<Option<usize>>,
    depths: Vec<u32>,
    fees: Vec<i64>,
    /// What each edge can still carry; a flow one way frees nothing the other way.
    left: Vec<EdgeCapacity>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToParent,
    FromParent,
}

/// An edge that energy crosses, and which way.
pub(crate) type Step = (usize, Direction);

impl Direction {
    fn of(self, left: &mut EdgeCapacity) -> &mut Option<WattHours> {
        match self {
            Self::ToParent => &mut left.to_parent,
            Self::FromParent => &mut left.from_parent,
        }
    }
}

impl Grid {
    /// Builds the tree of the areas, each found in `places`, or says which area spoils it.
    pub(crate) fn new(areas: &[Area], places: &HashMap<&AreaId, usize>) -> Result<Self, InvalidInput> {
        let mut grid = Self {
            parents: Vec::with_capacity(areas.len()),
            depths: vec![0; areas.len()],
            fees: Vec::with_capacity(areas.len()),
            left: Vec::with_capacity(areas.len()),
        };
        if areas.iter().all(|area| area.parent.is_some()) {
            return Err(InvalidInput::new("areas", Fault::NoRoot));
        }
        let mut root: Option<&Area> = None;
        for (index, area) in areas.iter().enumerate() {
            let at = |field: &str, fault| InvalidInput::new(place(index, area, field), fault);
            match (&area.parent, root) {
                (None, Some(root)) => return Err(at("parent", Fault::SecondRoot(root.id.to_string()))),
                (None, None) => root = Some(area),
                (Some(_), _) => {}
            }
            grid.add(area, places).map_err(|(field, fault)| at(field, fault))?;
        }
        grid.measure_depths()
            .map_err(|index| InvalidInput::new(place(index, &areas[index], "parent"), Fault::Cycle))?;
        Ok(grid)
    }

    /// Returns the fee of an edge per kWh; zero at the root.
    pub(crate) fn fee(&self, edge: usize) -> i64 {
        self.fees[edge]
    }

    pub(crate) fn parent(&self, area: usize) -> Option<usize> {
        self.parents[area]
    }

    /// Returns what the edges can still carry, in the order of the areas.
    pub(crate) fn left(&self) -> &[EdgeCapacity] {
        &self.left
    }

    /// Lists the edges from one area to another: up to where the ways meet, then down.
    pub(crate) fn path(&self, from: usize, to: usize, steps: &mut Vec<Step>) {
        steps.clear();
        let (mut from, mut to) = (from, to);
        while from != to {
            if self.depths[from] >= self.depths[to] {
                steps.push((from, Direction::ToParent));
                from = self.parents[from].expect("only the root has no parent, and it is the shallowest");
            } else {
                steps.push((to, Direction::FromParent));
                to = self.parents[to].expect("only the root has no parent, and it is the shallowest");
            }
        }
    }

    /// Returns the least that the edges of a path can still carry that way, `None` without limit.
    pub(crate) fn room(&self, steps: &[Step]) -> Option<WattHours> {
        let room = |&(edge, direction): &Step| *direction.of(&mut self.left[edge].clone());
        steps.iter().filter_map(room).min()
    }

    /// Takes energy off what the edges of a path can still carry that way.
    pub(crate) fn carry(&mut self, steps: &[Step], energy: WattHours) {
        for &(edge, direction) in steps {
            if let Some(left) = direction.of(&mut self.left[edge]) {
                *left -= energy;
            }
        }
    }

    fn add(&mut self, area: &Area, places: &HashMap<&AreaId, usize>) -> Result<(), (&'static str, Fault)> {
        const FEE: &str = "fee_micros_per_kwh";
        const CAPACITY: &str = "capacity_wh";
        let Some(parent) = &area.parent else {
            return match (area.fee, area.capacity) {
                (Some(_), _) => Err((FEE, Fault::OnTheRoot)),
                (None, Some(_)) => Err((CAPACITY, Fault::OnTheRoot)),
                (None, None) => {
                    self.push(area, None, 0);
                    Ok(())
                }
            };
        };
        let Some(&parent) = places.get(parent) else {
            return Err(("parent", Fault::UnknownArea(parent.to_string())));
        };
        let fee = area.fee.ok_or((FEE, Fault::Missing("fee")))?.micros_per_kwh();
        invalid::fee(fee).map_err(|fault| (FEE, fault))?;
        let capacity = area.capacity.ok_or((CAPACITY, Fault::Missing("capacity")))?.map(WattHours::get);
        capacity.map_or(Ok(()), invalid::total).map_err(|fault| (CAPACITY, fault))?;
        self.push(area, Some(parent), fee);
        Ok(())
    }

    fn push(&mut self, area: &Area, parent: Option<usize>, fee: i64) {
        self.parents.push(parent);
        self.fees.push(fee);
        self.left.push(EdgeCapacity::of(area));
    }

    /// Measures how deep each area lies, without recursion; fails with an area from which no root is reached.
    fn measure_depths(&mut self) -> Result<(), usize> {
        let mut known = vec![false; self.parents.len()];
        let mut way = Vec::new();
        for start in 0..self.parents.len() {
            let (mut at, mut depth) = (start, 0);
            while !known[at] {
                way.push(at);
                match self.parents[at] {
                    // A way longer than the number of areas has been somewhere twice.
                    Some(_) if way.len() > self.parents.len() => return Err(start),
                    Some(parent) => at = parent,
                    None => break,
                }
            }
            if known[at] {
                depth = self.depths[at] + 1;
            }
            for area in way.drain(..).rev() {
                (self.depths[area], known[area]) = (depth, true);
                depth += 1;
            }
        }
        Ok(())
    }
}

fn place(index: usize, area: &Area, field: &str) -> String {
    format!("areas[{index}] \"{}\", {field}", area.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::Price;

    fn grid(areas: &[(&str, Option<&str>, Option<i64>)]) -> Result<Grid, InvalidInput> {
        let id = |text: &str| AreaId::new(text).unwrap();
        let areas: Vec<Area> = areas
            .iter()
            .map(|&(name, parent, capacity)| Area {
                id: id(name),
                parent: parent.map(id),
                fee: parent.map(|_| Price::from_micros_per_kwh(1000)),
                capacity: parent.map(|_| capacity.map(WattHours::new)),
            })
            .collect();
        let places = areas.iter().enumerate().map(|(index, area)| (&area.id, index)).collect();
        Grid::new(&areas, &places)
    }

    #[test]
    fn a_path_goes_up_to_where_the_ways_meet_and_down() {
        let grid = grid(&[
            ("leaf", Some("feeder"), None),
            ("root", None, None),
            ("feeder", Some("root"), Some(500)),
            ("other", Some("root"), Some(300)),
        ])
        .unwrap();
        let mut steps = Vec::new();
        grid.path(0, 3, &mut steps);
        steps.sort_by_key(|step| step.0);
        assert_eq!(steps, [(0, Direction::ToParent), (2, Direction::ToParent), (3, Direction::FromParent)]);
        assert_eq!(grid.room(&steps), Some(WattHours::new(300)));
        grid.path(2, 2, &mut steps);
        assert!(steps.is_empty());
    }

    #[test]
    fn a_flow_one_way_frees_nothing_the_other_way() {
        let mut grid = grid(&[("root", None, None), ("feeder", Some("root"), Some(500))]).unwrap();
        grid.carry(&[(1, Direction::ToParent)], WattHours::new(200));
        let (to_parent, from_parent) = (Some(WattHours::new(300)), Some(WattHours::new(500)));
        assert_eq!(grid.left()[1], EdgeCapacity { to_parent, from_parent });
    }

    #[test]
    fn what_is_not_a_tree_is_refused_where_it_breaks() {
        let fault = |areas: &[_]| {
            let invalid = grid(areas).unwrap_err();
            (invalid.place, invalid.fault)
        };
        assert_eq!(fault(&[]), ("areas".into(), Fault::NoRoot));
        assert_eq!(fault(&[("a", Some("b"), None), ("b", Some("a"), None)]).1, Fault::NoRoot);
        assert_eq!(
            fault(&[("r", None, None), ("a", Some("b"), None), ("b", Some("a"), None)]),
            ("areas[1] \"a\", parent".into(), Fault::Cycle)
        );
        assert_eq!(fault(&[("r", None, None), ("s", Some("s"), None)]).1, Fault::Cycle);
        assert_eq!(fault(&[("r", None, None), ("s", None, None)]).1, Fault::SecondRoot("r".into()));
        assert_eq!(fault(&[("r", None, None), ("s", Some("t"), None)]).1, Fault::UnknownArea("t".into()));
        assert_eq!(fault(&[("r", None, None), ("s", Some("r"), Some(-1))]).1, Fault::Negative(-1));
    }

    #[test]
    fn a_chain_of_ten_thousand_areas_needs_no_deep_stack() {
        let names: Vec<String> = (0..10_000).map(|number| format!("a{number}")).collect();
        let areas: Vec<_> = (0..names.len())
            .map(|number| {
                (names[number].as_str(), number.checked_sub(1).map(|above| names[above].as_str()), None)
            })
            .rev()
            .collect();
        let grid = grid(&areas).unwrap();
        let mut steps = Vec::new();
        grid.path(0, 9_999, &mut steps);
        assert_eq!(steps.len(), 9_999);
    }
}
