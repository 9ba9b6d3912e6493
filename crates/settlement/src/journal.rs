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
    /// How account and reference begin, as numbers that sort alike: most comparisons end here.
    begins: (u128, u128),
}

impl<'a> Journal<'a> {
    pub(crate) fn with_capacity(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries) }
    }

    /// Writes that an account receives an amount; pays it where the amount is negative.
    pub(crate) fn post(&mut self, account: AccountRef<'a>, reference: &'a str, what: What, nanos: i128) {
        if nanos != 0 {
            let begins = (account.begins(), begins(reference));
            self.entries.push(Entry { account, reference, what, nanos, begins });
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
        let account = || self.account.cmp(&other.account);
        let reference = || self.reference.cmp(other.reference);
        let what = || self.what.as_str().cmp(other.what.as_str());
        let (this, that) = (self.begins, other.begins);
        this.0.cmp(&that.0).then_with(account).then(this.1.cmp(&that.1)).then_with(reference).then_with(what)
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

impl AccountRef<'_> {
    /// Returns a number by which accounts sort as they do by name, but for those that begin alike.
    fn begins(self) -> u128 {
        let (kind, id) = match self {
            Self::Member(id) => (0, id.as_str()),
            Self::Network => (1, ""),
            Self::Operator => (2, ""),
            Self::Utility(id) => (3, id.as_str()),
        };
        kind << 120 | begins(id) >> 8
    }
}

/// Returns the first sixteen bytes as a number; where two differ, the texts sort as the numbers do.
fn begins(text: &str) -> u128 {
    let mut bytes = [0; 16];
    let length = text.len().min(bytes.len());
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u128::from_be_bytes(bytes)
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
    fn entries_sort_by_the_whole_text_however_they_begin() {
        let ids = ["", "-0123456789abcde", "-0123456789abcdef", "-0123456789abcdeg", "a", "ab", "é"];
        let ids = ids.map(|end| MemberId::new(format!("m{end}")).unwrap());
        let mut journal = Journal::default();
        for (account, reference) in ids.iter().rev().flat_map(|id| ids.iter().rev().map(move |of| (id, of))) {
            journal.post(AccountRef::Utility(account), reference.as_str(), What::Retail, 1);
            journal.post(AccountRef::Member(account), reference.as_str(), What::Retail, -1);
            journal.post(AccountRef::Operator, reference.as_str(), What::Retail, 1);
            journal.post(AccountRef::Network, reference.as_str(), What::Retail, -1);
        }
        let postings = journal.close().unwrap();
        assert_eq!(postings.len(), 2 * ids.len() * ids.len() + 2 * ids.len());
        assert!(postings.is_sorted_by_key(|posting| (posting.account.clone(), posting.reference.clone())));
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
