//! Double entry: what is written down in any order comes out sorted, merged and without zeros.

use std::cmp::Ordering;

use units::{MemberId, Money};

use crate::invalid::{Fault, InvalidInput};
use crate::slot::{Account, Posting, What};

/// Entries of a slot that are still to be sorted and merged.
#[derive(Debug, Default)]
pub(crate) struct Journal<'a> {
    entries: Vec<Entry<'a>>,
}

/// An account by reference; in the order in which their names sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AccountRef<'a> {
    Member(&'a MemberId),
    Network,
    Operator,
    Utility(&'a MemberId),
}

#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    account: AccountRef<'a>,
    reference: &'a str,
    what: What,
    nanos: i128,
}

impl<'a> Journal<'a> {
    pub(crate) fn with_capacity(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries) }
    }

    /// Writes that an account receives an amount; pays it where the amount is negative.
    pub(crate) fn post(&mut self, account: AccountRef<'a>, reference: &'a str, what: What, nanos: i128) {
        if nanos != 0 {
            self.entries.push(Entry { account, reference, what, nanos });
        }
    }

    /// Returns at most one posting an account, reference and kind, sorted by these three, none of zero.
    pub(crate) fn close(mut self) -> Result<Vec<Posting>, InvalidInput> {
        self.entries.sort_unstable_by(Entry::order);
        debug_assert_eq!(self.entries.iter().map(|entry| entry.nanos).sum::<i128>(), 0);
        let mut postings = Vec::with_capacity(self.entries.len());
        for same in self.entries.chunk_by(|one, other| one.order(other) == Ordering::Equal) {
            let nanos: i128 = same.iter().map(|entry| entry.nanos).sum();
            if nanos != 0 {
                postings.push(same[0].posting(nanos)?);
            }
        }
        Ok(postings)
    }
}

impl Entry<'_> {
    fn order(&self, other: &Self) -> Ordering {
        (self.account, self.reference, self.what.as_str()).cmp(&(
            other.account,
            other.reference,
            other.what.as_str(),
        ))
    }

    fn posting(&self, nanos: i128) -> Result<Posting, InvalidInput> {
        let account = Account::from(self.account);
        let amount = i64::try_from(nanos).map_err(|_| {
            let place = format!("the {} of \"{}\" for {account}", self.what.as_str(), self.reference);
            InvalidInput::new(place, Fault::Unaccountable(nanos))
        })?;
        Ok(Posting {
            account,
            reference: self.reference.to_owned(),
            what: self.what,
            amount: Money::from_nanos(amount),
        })
    }
}

impl From<AccountRef<'_>> for Account {
    fn from(account: AccountRef<'_>) -> Self {
        match account {
            AccountRef::Member(member) => Self::Member(member.clone()),
            AccountRef::Network => Self::Network,
            AccountRef::Operator => Self::Operator,
            AccountRef::Utility(member) => Self::Utility(member.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_sorted_merged_and_without_zeros() {
        let member = MemberId::new("a").unwrap();
        let mut journal = Journal::default();
        journal.post(AccountRef::Utility(&member), "a", What::Retail, 7);
        journal.post(AccountRef::Network, "x", What::GridFee, 5);
        journal.post(AccountRef::Network, "x", What::GridFee, -5);
        journal.post(AccountRef::Member(&member), "a", What::Retail, -3);
        journal.post(AccountRef::Member(&member), "a", What::FeedIn, 0);
        journal.post(AccountRef::Member(&member), "a", What::Retail, -4);
        let lines: Vec<String> = journal
            .close()
            .unwrap()
            .iter()
            .map(|posting| format!("{} {}", posting.account, posting.amount.nanos()))
            .collect();
        assert_eq!(lines, ["member:a -7", "utility:a 7"]);
    }

    #[test]
    fn an_amount_beyond_an_account_is_an_error_and_not_a_panic() {
        let member = MemberId::new("a").unwrap();
        let mut journal = Journal::default();
        journal.post(AccountRef::Member(&member), "a", What::Retail, -(1 << 70));
        journal.post(AccountRef::Utility(&member), "a", What::Retail, 1 << 70);
        let invalid = journal.close().unwrap_err();
        assert_eq!(invalid.place, "the retail of \"a\" for member:a");
    }
}
