//! Reads the tree of areas: who is whose parent, in an order that passes can walk.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use crate::book::Area;
use crate::invalid::InvalidBook;

/// Areas by id.
pub(crate) type Places<'a> = HashMap<&'a str, usize, BuildHasherDefault<Fnv>>;

/// Fowler, Noll and Vo's hash, 1a. Each order asks once where its area is; area ids are few, short and the
/// operator's own, so that nobody gains by making them collide.
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub(crate) fn places(areas: &[Area]) -> Result<Places<'_>, InvalidBook> {
    let mut places = Places::default();
    places.reserve(areas.len());
    for (place, area) in areas.iter().enumerate() {
        if places.insert(area.id.as_str(), place).is_some() {
            return Err(InvalidBook::DuplicateArea(area.id.clone()));
        }
    }
    Ok(places)
}

/// Returns each area's parent; exactly one has none.
pub(crate) fn parents(areas: &[Area], places: &Places) -> Result<Vec<Option<usize>>, InvalidBook> {
    let mut root: Option<&Area> = None;
    let mut parents = Vec::with_capacity(areas.len());
    for area in areas {
        parents.push(match &area.parent {
            Some(parent) => Some(*places.get(parent.as_str()).ok_or_else(|| InvalidBook::UnknownParent {
                area: area.id.clone(),
                parent: parent.clone(),
            })?),
            None => {
                if let Some(first) = root.replace(area) {
                    return Err(InvalidBook::SeveralRoots(first.id.clone(), area.id.clone()));
                }
                None
            }
        });
    }
    match root {
        Some(_) => Ok(parents),
        None => Err(InvalidBook::NoRoot),
    }
}

/// Orders the areas by waves from the root, and says where each one's children stand in that order. What no
/// wave reaches hangs on a cycle.
pub(crate) fn top_down(
    areas: &[Area],
    parent: &[Option<usize>],
) -> Result<(Vec<usize>, Vec<Range<usize>>), InvalidBook> {
    let mut first = vec![0usize; parent.len() + 1];
    parent.iter().flatten().for_each(|above| first[above + 1] += 1);
    (0..parent.len()).for_each(|area| first[area + 1] += first[area]);
    let mut next = first.clone();
    let mut by_parent = vec![0usize; parent.len()];
    for (area, above) in parent.iter().enumerate() {
        if let Some(above) = *above {
            by_parent[next[above]] = area;
            next[above] += 1;
        }
    }
    let mut order: Vec<usize> = parent.iter().position(Option::is_none).into_iter().collect();
    let mut spans = vec![None; parent.len()];
    let mut done = 0;
    while let Some(&area) = order.get(done) {
        let start = order.len();
        order.extend_from_slice(&by_parent[first[area]..first[area + 1]]);
        spans[area] = Some(start..order.len());
        done += 1;
    }
    match spans.iter().position(Option::is_none) {
        None => Ok((order, spans.into_iter().flatten().collect())),
        Some(lost) => Err(InvalidBook::Cycle(areas[on_cycle(parent, lost)].id.clone())),
    }
}

/// Walks up until an area comes again: that one lies on the cycle itself, not only below it.
fn on_cycle(parent: &[Option<usize>], start: usize) -> usize {
    let mut seen = vec![false; parent.len()];
    let mut area = start;
    while !seen[area] {
        seen[area] = true;
        match parent[area] {
            Some(above) => area = above,
            None => return area,
        }
    }
    area
}
