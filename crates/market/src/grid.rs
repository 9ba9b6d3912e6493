//! A checked book in the form that the passes over the tree read: indices instead of ids.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use units::{OrderId, WattHours};

use crate::book::{Area, Book, Order, Side};
use crate::invalid::{InvalidBook, MAX_PRICE, MAX_QUANTITY, MAX_SUM};

/// Stands for "no limit" on an edge: more than all quantities of a book together.
pub(crate) const UNLIMITED: i64 = i64::MAX;

/// What an edge from an area to its parent can carry, each direction for itself.
///
/// In a book both are the same. Direct deals, which are served before the auction, use up the one
/// direction and free nothing in the other, so that the auction finds two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeCapacity {
    pub to_parent: Option<WattHours>,
    pub from_parent: Option<WattHours>,
}

impl EdgeCapacity {
    /// Returns the capacity that the book states for the edge above this area; none at the root.
    pub fn of(area: &Area) -> Self {
        let stated = match area.parent {
            Some(_) => area.capacity.flatten(),
            None => Some(WattHours::new(0)),
        };
        Self { to_parent: stated, from_parent: stated }
    }
}

/// The edge from an area to its parent. The root's carries nothing, which makes it like any other top of
/// a connected part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub fee: i64,
    pub to_parent: i64,
    pub from_parent: i64,
}

pub(crate) struct Grid<'a> {
    pub book: &'a Book,
    /// Per area; `None` at the root.
    pub parent: Vec<Option<usize>>,
    pub edge: Vec<Edge>,
    /// Areas, each parent before its children, brothers and sisters side by side.
    pub top_down: Vec<usize>,
    /// Per area, where in `top_down` its children stand.
    children: Vec<Range<usize>>,
    /// Per area, its place among the areas by id.
    pub area_rank: Vec<u32>,
    /// Per order.
    pub area_of: Vec<u32>,
    /// Orders by id.
    pub by_id: Vec<u32>,
    /// Per order, its place among the orders by id.
    pub id_rank: Vec<u32>,
}

/// How far limits may lie from zero.
#[derive(Clone, Copy)]
enum Limits {
    AsStated,
    /// Half of an operator's fee has been taken off, which may push a limit beyond what a book may state.
    AfterFees,
}

impl<'a> Grid<'a> {
    pub fn of(book: &'a Book) -> Result<Self, InvalidBook> {
        let edge = edges(&book.areas, book.areas.iter().map(EdgeCapacity::of))?;
        Self::with(book, edge, Limits::AsStated)
    }

    pub fn after_deals(book: &'a Book, capacities: &[EdgeCapacity]) -> Result<Self, InvalidBook> {
        if capacities.len() != book.areas.len() {
            let (given, areas) = (capacities.len(), book.areas.len());
            return Err(InvalidBook::CapacityCount { given, areas });
        }
        edges(&book.areas, book.areas.iter().map(EdgeCapacity::of))?;
        let edge = edges(&book.areas, capacities.iter().copied())?;
        Self::with(book, edge, Limits::AfterFees)
    }

    fn with(book: &'a Book, edge: Vec<Edge>, limits: Limits) -> Result<Self, InvalidBook> {
        let mut places = HashMap::with_capacity(book.areas.len());
        for (area, stated) in book.areas.iter().enumerate() {
            if places.insert(stated.id.as_str(), area).is_some() {
                return Err(InvalidBook::DuplicateArea(stated.id.clone()));
            }
        }
        let parent = parents(&book.areas, &places)?;
        let (top_down, children) = top_down(&book.areas, &parent)?;
        let area_of = check_orders(&book.orders, &places, limits)?;
        let by_id = orders_by_id(&book.orders)?;
        let mut areas_by_id: Vec<u32> = (0..book.areas.len() as u32).collect();
        areas_by_id.sort_unstable_by_key(|&area| &book.areas[area as usize].id);
        let (area_rank, id_rank) = (ranks(&areas_by_id), ranks(&by_id));
        Ok(Self { book, parent, edge, top_down, children, area_rank, area_of, by_id, id_rank })
    }

    pub fn areas(&self) -> usize {
        self.parent.len()
    }

    pub fn children(&self, area: usize) -> &[usize] {
        &self.top_down[self.children[area].clone()]
    }

    /// Iterates over the orders with the index of their area.
    pub fn orders(&self) -> impl Iterator<Item = (usize, &'a Order)> {
        self.area_of.iter().map(|&area| area as usize).zip(&self.book.orders)
    }
}

fn edges(areas: &[Area], capacities: impl Iterator<Item = EdgeCapacity>) -> Result<Vec<Edge>, InvalidBook> {
    areas.iter().zip(capacities).map(|(area, capacity)| edge(area, capacity)).collect()
}

fn edge(area: &Area, capacity: EdgeCapacity) -> Result<Edge, InvalidBook> {
    if area.parent.is_none() {
        if area.fee.is_some() || area.capacity.is_some() {
            return Err(InvalidBook::EdgeOnRoot(area.id.clone()));
        }
        return Ok(Edge { fee: 0, to_parent: 0, from_parent: 0 });
    }
    let fee = area.fee.ok_or_else(|| InvalidBook::MissingFee(area.id.clone()))?.micros_per_kwh();
    if !(0..=MAX_PRICE).contains(&fee) {
        return Err(InvalidBook::Fee { area: area.id.clone(), fee });
    }
    if area.capacity.is_none() {
        return Err(InvalidBook::MissingCapacity(area.id.clone()));
    }
    let limit = |capacity: Option<WattHours>| match capacity.map(WattHours::get) {
        None => Ok(UNLIMITED),
        Some(capacity) if (0..=MAX_SUM).contains(&capacity) => Ok(capacity),
        Some(capacity) => Err(InvalidBook::Capacity { area: area.id.clone(), capacity }),
    };
    Ok(Edge { fee, to_parent: limit(capacity.to_parent)?, from_parent: limit(capacity.from_parent)? })
}

fn parents(areas: &[Area], places: &HashMap<&str, usize>) -> Result<Vec<Option<usize>>, InvalidBook> {
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
fn top_down(
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

fn check_orders(
    orders: &[Order],
    places: &HashMap<&str, usize>,
    limits: Limits,
) -> Result<Vec<u32>, InvalidBook> {
    let reach = match limits {
        Limits::AsStated => MAX_PRICE,
        Limits::AfterFees => 2 * MAX_PRICE,
    };
    let mut sum = 0;
    let mut area_of = Vec::with_capacity(orders.len());
    for order in orders {
        let area = places
            .get(order.area.as_str())
            .ok_or_else(|| InvalidBook::UnknownArea { order: order.id.clone(), area: order.area.clone() })?;
        let (quantity, limit) = (order.quantity.get(), order.limit.micros_per_kwh());
        if !(0..=MAX_QUANTITY).contains(&quantity) {
            return Err(InvalidBook::Quantity { order: order.id.clone(), quantity });
        }
        if !(-reach..=reach).contains(&limit) {
            return Err(InvalidBook::Limit { order: order.id.clone(), limit });
        }
        sum += quantity;
        if sum > MAX_SUM {
            return Err(InvalidBook::Sum(order.id.clone()));
        }
        area_of.push(*area as u32);
    }
    Ok(area_of)
}

/// Sorts the orders by id, bytewise; the first 16 bytes that differ at all decide nearly always.
fn orders_by_id(orders: &[Order]) -> Result<Vec<u32>, InvalidBook> {
    let shared = shared_prefix(orders);
    let mut keyed: Vec<(u128, u32)> =
        orders.iter().enumerate().map(|(place, order)| (key(&order.id, shared), place as u32)).collect();
    let compare = |a: &(u128, u32), b: &(u128, u32)| match a.0.cmp(&b.0) {
        Ordering::Equal => orders[a.1 as usize].id.cmp(&orders[b.1 as usize].id),
        decided => decided,
    };
    keyed.sort_unstable_by(compare);
    if let Some(twice) = keyed.windows(2).find(|pair| compare(&pair[0], &pair[1]).is_eq()) {
        return Err(InvalidBook::DuplicateOrder(orders[twice[0].1 as usize].id.clone()));
    }
    Ok(keyed.into_iter().map(|(_, place)| place).collect())
}

/// Turns a sorted list of places into the rank of each place.
fn ranks(sorted: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; sorted.len()];
    sorted.iter().zip(0..).for_each(|(&place, rank)| ranks[place as usize] = rank);
    ranks
}

fn shared_prefix(orders: &[Order]) -> usize {
    let Some((first, rest)) = orders.split_first() else { return 0 };
    let first = first.id.as_str().as_bytes();
    rest.iter().fold(first.len(), |shared, order| {
        let both = first[..shared].iter().zip(order.id.as_str().as_bytes());
        both.take_while(|(a, b)| a == b).count()
    })
}

/// The 16 bytes after the shared prefix as a number that sorts like them; a shorter id sorts first, and an
/// id that ends in zero bytes ties with it and is told apart by comparing in full.
fn key(id: &OrderId, shared: usize) -> u128 {
    let mut bytes = [0; 16];
    let rest = &id.as_str().as_bytes()[shared..];
    let kept = rest.len().min(16);
    bytes[..kept].copy_from_slice(&rest[..kept]);
    u128::from_be_bytes(bytes)
}

/// Which price scale a pass works in.
///
/// The greatest traded quantity among all optima is found by raising every buyer's limit by half a micro: a
/// trade that gains nothing then gains a little, and no welfare is worth giving up for it, since an exchange
/// of one Wh changes the traded quantity by one Wh at most and the welfare by a whole micro or nothing.
/// `HalfMicros` is that scale in integers. On it a seller's limit is even and a buyer's is odd, and since fees
/// are even, every step of a curve keeps saying which of the two it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Micros,
    HalfMicros,
}

impl Scale {
    pub fn limit(self, order: &Order) -> i64 {
        let limit = order.limit.micros_per_kwh();
        match (self, order.side) {
            (Self::Micros, _) => limit,
            (Self::HalfMicros, Side::Sell) => 2 * limit,
            (Self::HalfMicros, Side::Buy) => 2 * limit + 1,
        }
    }

    pub fn fee(self, edge: &Edge) -> i64 {
        match self {
            Self::Micros => edge.fee,
            Self::HalfMicros => 2 * edge.fee,
        }
    }
}

/// Stands for a price that nothing bounds. Fees along any tree stay far below it, so that sums with it stay
/// on its side of [`HORIZON`].
pub(crate) const BOUNDLESS: i64 = 1 << 60;

/// Beyond this size a price is one that nothing bounds.
pub(crate) const HORIZON: i64 = 1 << 59;
