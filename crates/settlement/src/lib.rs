//! Traded against metered: who owes what, in double entry that sums to zero.

mod slot;

pub use slot::{
    Account, Deal, Fees, InvalidAccount, MemberOrder, MeteredMember, Posting, Residual, SettledDeal,
    Settlement, SlotInput, What,
};
