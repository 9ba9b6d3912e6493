//! A slot's input, checked: every id is found once, every number is within bounds.

use std::collections::HashMap;

use units::{MemberId, WattHours};

use crate::grid::Grid;
use crate::invalid::{self, Fault, InvalidInput};
use crate::slot::{Deal, MemberOrder, MeteredMember, SlotInput};

/// The input with its ids resolved to positions.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    pub input: &'a SlotInput,
    pub grid: Grid,
    /// The area of each member.
    pub member_areas: Vec<usize>,
    /// The seller and the buyer of each deal.
    pub parties: Vec<(usize, usize)>,
    /// The member of each order.
    pub order_members: Vec<usize>,
    names: HashMap<&'a str, Named>,
}

/// What an id names. Deals, orders and members share one name space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Member(usize),
    Deal,
    Order(usize),
}

impl<'a> Checked<'a> {
    pub(crate) fn new(input: &'a SlotInput) -> Result<Self, InvalidInput> {
        let mut area_places = HashMap::with_capacity(input.areas.len());
        for (index, area) in input.areas.iter().enumerate() {
            if area_places.insert(&area.id, index).is_some() {
                let fault = Fault::DuplicateId(area.id.to_string());
                return Err(InvalidInput::new(format!("areas[{index}]"), fault));
            }
        }
        let things = input.members.len() + input.deals.len() + input.orders.len();
        let mut checked = Self {
            input,
            grid: Grid::new(&input.areas, &area_places)?,
            member_areas: Vec::with_capacity(input.members.len()),
            parties: Vec::with_capacity(input.deals.len()),
            order_members: Vec::with_capacity(input.orders.len()),
            names: HashMap::with_capacity(things),
        };
        for (index, member) in input.members.iter().enumerate() {
            let at =
                |(field, fault)| InvalidInput::new(place("members", index, member.id.as_str(), field), fault);
            checked.name(member.id.as_str(), Named::Member(index)).map_err(at)?;
            let area = area_places.get(&member.area).copied();
            let unknown = || at(("area", Fault::UnknownArea(member.area.to_string())));
            checked.member_areas.push(area.ok_or_else(unknown)?);
            check_member(member).map_err(at)?;
        }
        for (index, deal) in input.deals.iter().enumerate() {
            let at =
                |(field, fault)| InvalidInput::new(place("deals", index, deal.id.as_str(), field), fault);
            checked.name(deal.id.as_str(), Named::Deal).map_err(at)?;
            checked.add_deal(deal).map_err(at)?;
        }
        for (index, order) in input.orders.iter().enumerate() {
            let at =
                |(field, fault)| InvalidInput::new(place("orders", index, order.id.as_str(), field), fault);
            checked.name(order.id.as_str(), Named::Order(index)).map_err(at)?;
            checked.add_order(order).map_err(at)?;
        }
        check_sums(input)?;
        invalid::fee(input.fees.operator.micros_per_kwh())
            .map_err(|fault| InvalidInput::new("fees.operator_micros_per_kwh", fault))?;
        Ok(checked)
    }

    /// Returns the position of an order that the input has.
    pub(crate) fn order(&self, id: &str) -> Option<usize> {
        match self.names.get(id) {
            Some(Named::Order(index)) => Some(*index),
            Some(Named::Member(_) | Named::Deal) | None => None,
        }
    }

    fn name(&mut self, id: &'a str, named: Named) -> Result<(), (&'static str, Fault)> {
        match self.names.insert(id, named) {
            None => Ok(()),
            Some(_) => Err(("id", Fault::DuplicateId(id.to_owned()))),
        }
    }

    fn member(&self, id: &MemberId) -> Result<usize, Fault> {
        match self.names.get(id.as_str()) {
            Some(Named::Member(index)) => Ok(*index),
            Some(Named::Deal | Named::Order(_)) | None => Err(Fault::UnknownMember(id.to_string())),
        }
    }

    fn add_deal(&mut self, deal: &Deal) -> Result<(), (&'static str, Fault)> {
        let seller = self.member(&deal.seller).map_err(|fault| ("seller", fault))?;
        let buyer = self.member(&deal.buyer).map_err(|fault| ("buyer", fault))?;
        if seller == buyer {
            return Err(("buyer", Fault::DealWithOneself(deal.buyer.to_string())));
        }
        invalid::quantity(deal.cap.get()).map_err(|fault| ("cap_wh", fault))?;
        invalid::price(deal.price.micros_per_kwh()).map_err(|fault| ("price_micros_per_kwh", fault))?;
        self.parties.push((seller, buyer));
        Ok(())
    }

    fn add_order(&mut self, order: &MemberOrder) -> Result<(), (&'static str, Fault)> {
        let member = self.member(&order.member).map_err(|fault| ("member", fault))?;
        invalid::quantity(order.quantity.get()).map_err(|fault| ("quantity_wh", fault))?;
        invalid::price(order.limit.micros_per_kwh())
            .map_err(|fault| ("limit_price_micros_per_kwh", fault))?;
        self.order_members.push(member);
        Ok(())
    }
}

fn check_member(member: &MeteredMember) -> Result<(), (&'static str, Fault)> {
    invalid::total(member.import.get()).map_err(|fault| ("import_wh", fault))?;
    invalid::total(member.export.get()).map_err(|fault| ("export_wh", fault))?;
    invalid::price(member.retail.micros_per_kwh()).map_err(|fault| ("retail_micros_per_kwh", fault))?;
    invalid::price(member.feed_in.micros_per_kwh()).map_err(|fault| ("feed_in_micros_per_kwh", fault))
}

fn check_sums(input: &SlotInput) -> Result<(), InvalidInput> {
    let check = |place: &str, values: &mut dyn Iterator<Item = WattHours>| {
        let sum = values.map(|value| i128::from(value.get())).sum();
        invalid::sum(sum).map_err(|fault| InvalidInput::new(format!("{place}, summed"), fault))
    };
    check("members, import_wh", &mut input.members.iter().map(|member| member.import))?;
    check("members, export_wh", &mut input.members.iter().map(|member| member.export))?;
    check("deals, cap_wh", &mut input.deals.iter().map(|deal| deal.cap))?;
    check("orders, quantity_wh", &mut input.orders.iter().map(|order| order.quantity))
}

fn place(list: &str, index: usize, id: &str, field: &str) -> String {
    format!("{list}[{index}] \"{id}\", {field}")
}
