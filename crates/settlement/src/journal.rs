//! Double entry: what is written down in any order comes out sorted, merged and without zeros.

use std::cmp::Ordering;
use std::sync::Arc;

use units::{MemberId, Money};

use crate::invalid::{Fault, InvalidInput};
use crate::slot::{Account, Posting, Reference, What};

/// Entries of a slot that are still to be sorted and merged.
#[derive(Debug)]
pub(crate) struct Journal<'a> {
    members: Vec<&'a MemberId>,
    entries: Vec<Entry<'a>>,
}

/// An account; members by their place in the slot's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountRef {
    Member(usize),
    Network,
    Operator,
    Utility(usize),
}

#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    account: AccountRef,
    reference: &'a Arc<str>,
    what: What,
    nanos: i128,
    /// How the reference begins, as a number that sorts alike: most comparisons end here.
    begins: u128,
}

impl<'a> Journal<'a> {
    /// Begins the journal of a slot with these members, no two of the same id.
    pub(crate) fn new(members: impl Iterator<Item = &'a MemberId>, entries: usize) -> Self {
        Self { members: members.collect(), entries: Vec::with_capacity(entries) }
    }

    /// Writes that an account receives an amount; pays it where the amount is negative.
    pub(crate) fn post(&mut self, account: AccountRef, reference: &'a Arc<str>, what: What, nanos: i128) {
        if nanos != 0 {
            self.entries.push(Entry { account, reference, what, nanos, begins: begins(reference) });
        }
    }

    /// Returns at most one posting an account, reference and kind, sorted by these three, none of zero.
    pub(crate) fn close(self) -> Result<Vec<Posting>, InvalidInput> {
        debug_assert_eq!(self.entries.iter().map(|entry| entry.nanos).sum::<i128>(), 0);
        let (mut sorted, starts) = self.by_account();
        let mut postings = Vec::with_capacity(sorted.len());
        for account in starts.windows(2) {
            let of_account = &mut sorted[account[0]..account[1]];
            of_account.sort_unstable_by(Entry::order);
            for same in of_account.chunk_by(|one, other| one.order(other) == Ordering::Equal) {
                let nanos: i128 = same.iter().map(|entry| entry.nanos).sum();
                if nanos != 0 {
                    postings.push(self.posting(&same[0], nanos)?);
                }
            }
        }
        Ok(postings)
    }

    /// Returns the entries with those of an account side by side, accounts in the order of their names, and where
    /// each begins. Counting does it: there are few accounts, and their order is that of the members' ids.
    fn by_account(&self) -> (Vec<Entry<'a>>, Vec<usize>) {
        let Some(&any) = self.entries.first() else { return (Vec::new(), Vec::new()) };
        let rank = ranks(&self.members);
        let place = |account: AccountRef| match account {
            AccountRef::Member(member) => rank[member],
            AccountRef::Network => rank.len(),
            AccountRef::Operator => rank.len() + 1,
            AccountRef::Utility(member) => rank.len() + 2 + rank[member],
        };
        let mut starts = vec![0; 2 * rank.len() + 3];
        self.entries.iter().for_each(|entry| starts[place(entry.account) + 1] += 1);
        (1..starts.len()).for_each(|account| starts[account] += starts[account - 1]);
        let mut next = starts.clone();
        let mut sorted = vec![any; self.entries.len()];
        for entry in &self.entries {
            let next = &mut next[place(entry.account)];
            sorted[*next] = *entry;
            *next += 1;
        }
        (sorted, starts)
    }

    fn posting(&self, entry: &Entry, nanos: i128) -> Result<Posting, InvalidInput> {
        let account = match entry.account {
            AccountRef::Member(member) => Account::Member(self.members[member].clone()),
            AccountRef::Network => Account::Network,
            AccountRef::Operator => Account::Operator,
            AccountRef::Utility(member) => Account::Utility(self.members[member].clone()),
        };
        let amount = i64::try_from(nanos).map_err(|_| {
            let place = format!("the {} of \"{}\" for {account}", entry.what.as_str(), entry.reference);
            InvalidInput::new(place, Fault::Unaccountable(nanos))
        })?;
        let reference = Reference::from(entry.reference);
        Ok(Posting { account, reference, what: entry.what, amount: Money::from_nanos(amount) })
    }
}

impl Entry<'_> {
    /// Compares two entries of one account.
    fn order(&self, other: &Self) -> Ordering {
        let reference = || self.reference.cmp(other.reference);
        let what = || self.what.as_str().cmp(other.what.as_str());
        self.begins.cmp(&other.begins).then_with(reference).then_with(what)
    }
}

/// Returns each member's place among them by id.
fn ranks(members: &[&MemberId]) -> Vec<usize> {
    let mut by_id: Vec<(u128, usize)> =
        members.iter().enumerate().map(|(place, id)| (begins(id.as_str()), place)).collect();
    by_id.sort_unstable_by(|one, other| {
        one.0.cmp(&other.0).then_with(|| members[one.1].cmp(members[other.1]))
    });
    let mut ranks = vec![0; members.len()];
    by_id.iter().enumerate().for_each(|(rank, &(_, place))| ranks[place] = rank);
    ranks
}

/// Returns the first sixteen bytes as a number; where two differ, the texts sort as the numbers do.
fn begins(text: &str) -> u128 {
    let mut bytes = [0; 16];
    let length = text.len().min(bytes.len());
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_sorted_merged_and_without_zeros() {
        let members = [MemberId::new("a").unwrap()];
        let [a, x] = ["a", "x"].map(Arc::from);
        let mut journal = Journal::new(members.iter(), 0);
        journal.post(AccountRef::Utility(0), &a, What::Retail, 7);
        journal.post(AccountRef::Network, &x, What::GridFee, 5);
        journal.post(AccountRef::Network, &x, What::GridFee, -5);
        journal.post(AccountRef::Member(0), &a, What::Retail, -3);
        journal.post(AccountRef::Member(0), &a, What::FeedIn, 0);
        journal.post(AccountRef::Member(0), &a, What::Retail, -4);
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
        let mut journal = Journal::new(ids.iter().rev(), 0);
        for (account, reference) in
            (0..ids.len()).flat_map(|member| ids.iter().rev().map(move |of| (member, of.shared())))
        {
            journal.post(AccountRef::Utility(account), reference, What::Retail, 1);
            journal.post(AccountRef::Member(account), reference, What::Retail, -1);
            journal.post(AccountRef::Operator, reference, What::Retail, 1);
            journal.post(AccountRef::Network, reference, What::Retail, -1);
        }
        let postings = journal.close().unwrap();
        assert_eq!(postings.len(), 2 * ids.len() * ids.len() + 2 * ids.len());
        assert!(postings.is_sorted_by_key(|posting| (posting.account.clone(), posting.reference.clone())));
    }

    #[test]
    fn an_amount_beyond_an_account_is_an_error_and_not_a_panic() {
        let members = [MemberId::new("a").unwrap()];
        let a = Arc::from("a");
        let mut journal = Journal::new(members.iter(), 0);
        journal.post(AccountRef::Member(0), &a, What::Retail, -(1 << 70));
        journal.post(AccountRef::Utility(0), &a, What::Retail, 1 << 70);
        let invalid = journal.close().unwrap_err();
        assert_eq!(invalid.place, "the retail of \"a\" for member:a");
    }
}
