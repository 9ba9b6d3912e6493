//! The auction of what deals have left: each member's orders share the meter, limits are freed of fees.

use market::{Book, Clearing, Order, Side};
use units::WattHours;

use crate::checked::Checked;
use crate::invalid::{Fault, InvalidInput};
use crate::settle::Left;

/// Clears what members and lines have left.
pub(crate) fn run(checked: &Checked<'_>, left: &[Left]) -> Result<Clearing, InvalidInput> {
    let book = book(checked, left);
    market::clear_after_deals(&book, checked.grid.left())
        .map_err(|invalid| InvalidInput::new("the auction", Fault::Auction(invalid)))
}

/// Makes the book of what is left: orders get what their member's meter has for them, at their limit after fees.
pub(crate) fn book(checked: &Checked<'_>, left: &[Left]) -> Book {
    let input = checked.input;
    let half_fee = input.fees.operator.half_up();
    let mut left = left.to_vec();
    let mut orders = Vec::with_capacity(input.orders.len());
    for index in by_willingness(checked) {
        let (order, member) = (&input.orders[index], checked.order_members[index]);
        let (rest, limit) = match order.side {
            Side::Buy => (&mut left[member].buy, order.limit - half_fee),
            Side::Sell => (&mut left[member].sell, order.limit + half_fee),
        };
        let quantity = order.quantity.get().min(*rest);
        *rest -= quantity;
        if quantity > 0 {
            orders.push(Order {
                id: order.id.clone(),
                area: input.members[member].area.clone(),
                side: order.side,
                quantity: WattHours::new(quantity),
                limit,
            });
        }
    }
    Book { slot: input.slot, areas: input.areas.clone(), orders }
}

/// Lists the orders by member and side, the most willing first, then by id.
fn by_willingness(checked: &Checked<'_>) -> Vec<usize> {
    let orders = &checked.input.orders;
    let mut queue: Vec<usize> = (0..orders.len()).collect();
    queue.sort_unstable_by(|&one, &other| {
        let key = |index: usize| {
            let order = &orders[index];
            let reluctance = match order.side {
                Side::Buy => -order.limit.micros_per_kwh(),
                Side::Sell => order.limit.micros_per_kwh(),
            };
            (checked.order_members[index], order.side, reluctance)
        };
        key(one).cmp(&key(other)).then_with(|| orders[one].id.cmp(&orders[other].id))
    });
    queue
}
