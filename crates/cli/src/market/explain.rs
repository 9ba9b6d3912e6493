//! `wattle market explain`: why an order got what it got.

use std::path::Path;

use market::{Book, Clearing, Explanation, Inexplicable, Marginal};
use units::OrderId;

use crate::failure::Failure;
use crate::output::Output;
use crate::{Verdict, input};

pub fn explain(book: &Path, clearing: &Path, order: &OrderId, output: Output) -> Result<Verdict, Failure> {
    let book = input::json::<Book>(book)?;
    let clearing = input::json::<Clearing>(clearing)?;
    let explanation =
        market::explain(&book.content, &clearing.content, order).map_err(|fault| match fault {
            Inexplicable::Book(fault) => book.refuse(fault),
            Inexplicable::Clearing(_) => clearing.refuse(fault),
            Inexplicable::UnknownOrder(id) => Failure::usage(
                format!("{} has no order \"{id}\".", book.path.display()),
                "Name an order of the book with --order.",
            ),
        })?;
    output.say(&explanation, text)?;
    Ok(Verdict::Yes)
}

fn text(explanation: &Explanation) -> String {
    let Explanation { order, filled, price, marginal, would_fill } = explanation;
    let price = price.map_or_else(
        || "Its area has no price.".to_owned(),
        |price| format!("The price of its area is {price} a kWh."),
    );
    let stops_at = match marginal {
        Marginal::Buyer => "It stops at a buyer who got a part.",
        Marginal::Seller => "It stops at a seller who got a part.",
        Marginal::Capacity => "It stops at a line that carries all it can.",
        Marginal::None => "It lies between those served and those not.",
    };
    let mut lines = vec![format!("Order {order} got {filled}. {price} {stops_at}")];
    lines.extend(
        would_fill.iter().map(|other| format!("  at {} it would have got {}", other.limit, other.filled)),
    );
    lines.join("\n")
}
