//! Traded against metered: who owes what, in double entry that sums to zero.

mod auction;
mod checked;
mod grid;
mod invalid;
mod journal;
mod outcome;
mod settle;
mod slot;

pub use invalid::{Fault, InvalidInput};
pub use outcome::{MemberMoney, MemberTotals, utility_only};
pub use settle::{Auction, auction_of, settle};
pub use slot::{
    Account, Deal, Fees, InvalidAccount, MemberOrder, MeteredMember, Posting, Reference, Residual,
    SettledDeal, Settlement, SlotInput, What,
};
