//! `wattle market`: clears, verifies, explains and settles a slot from files.

mod explain;
mod verify;

use std::path::{Path, PathBuf};

use market::Book;
use settlement::SlotInput;
use units::OrderId;

use crate::failure::Failure;
use crate::output::Output;
use crate::{Verdict, input};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Clear a slot: one price an area, and how much of each order is served; prints JSON
    Clear {
        /// The areas and orders of a slot
        #[arg(value_name = "BOOK.json")]
        book: PathBuf,
    },
    /// Check a clearing against its book without clearing again
    Verify {
        #[arg(value_name = "BOOK.json")]
        book: PathBuf,
        #[arg(value_name = "CLEARING.json")]
        clearing: PathBuf,
    },
    /// Explain what one order got, and what another limit would have got
    Explain {
        #[arg(value_name = "BOOK.json")]
        book: PathBuf,
        #[arg(value_name = "CLEARING.json")]
        clearing: PathBuf,
        #[arg(long, value_name = "ID")]
        order: OrderId,
    },
    /// Settle a slot from its meters: deals, the auction, the utility, and who owes what; prints JSON
    Settle {
        /// The areas, members, deals, orders and fees of a slot
        #[arg(value_name = "SLOT.json")]
        slot: PathBuf,
    },
}

pub fn run(command: Command, output: Output) -> Result<Verdict, Failure> {
    match command {
        Command::Clear { book } => clear(&book, output),
        Command::Verify { book, clearing } => verify::verify(&book, &clearing, output),
        Command::Explain { book, clearing, order } => explain::explain(&book, &clearing, &order, output),
        Command::Settle { slot } => settle(&slot, output),
    }
}

fn clear(book: &Path, output: Output) -> Result<Verdict, Failure> {
    let book = input::json::<Book>(book)?;
    let clearing = ::market::clear(&book.content).map_err(|fault| book.refuse(fault))?;
    output.json(&clearing)?;
    Ok(Verdict::Yes)
}

fn settle(slot: &Path, output: Output) -> Result<Verdict, Failure> {
    let slot = input::json::<SlotInput>(slot)?;
    let settlement = settlement::settle(&slot.content).map_err(|fault| slot.refuse(fault))?;
    output.json(&settlement)?;
    Ok(Verdict::Yes)
}
