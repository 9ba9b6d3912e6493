//! A checked book in the form that the passes over the tree read: indices instead of ids.

use std::ops::Range;

use units::WattHours;

use crate::book::{Area, Book, Order};
use crate::by_id::{orders_by_id, ranks};
use crate::invalid::{InvalidBook, MAX_PRICE, MAX_QUANTITY, MAX_SUM};
use crate::tree::{Places, parents, places, top_down};

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
        let places = places(&book.areas)?;
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

fn check_orders(orders: &[Order], places: &Places, limits: Limits) -> Result<Vec<u32>, InvalidBook> {
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
