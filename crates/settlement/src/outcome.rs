//! What a settlement means to one member: energy by who took or gave it, and money against the utility alone.

use units::{Money, Overflow, WattHours};

use crate::slot::{Account, MeteredMember, Residual, Settlement};

/// A member's energy of a slot by where it went or came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberTotals {
    /// To other members.
    pub sold: WattHours,
    /// From other members.
    pub bought: WattHours,
    pub from_utility: WattHours,
    pub to_utility: WattHours,
}

/// A member's money of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberMoney {
    /// The sum of the member's postings; positive means that the member receives.
    pub net: Money,
    /// What selling brought beyond feed-in, after fees. Negative where a deal was below it.
    pub earned: Money,
    /// What buying cost less than retail, after fees. Negative where it cost more.
    pub saved: Money,
}

impl Settlement {
    /// Returns where a member's energy went and came from; `None` where the member was not settled.
    pub fn member_totals(&self, member: &MeteredMember) -> Option<MemberTotals> {
        let place = self.residual.binary_search_by(|residual| residual.member.cmp(&member.id)).ok()?;
        let Residual { import, export, .. } = self.residual[place];
        Some(MemberTotals {
            sold: member.export - export,
            bought: member.import - import,
            from_utility: import,
            to_utility: export,
        })
    }

    /// Returns a member's money, and what of it is owed to the market rather than to the utility.
    ///
    /// A member trades net, so in one slot it sells or buys, and the difference to the utility alone
    /// is either earned or saved.
    pub fn member_money(&self, member: &MeteredMember) -> Result<MemberMoney, Overflow> {
        let account = Account::Member(member.id.clone());
        let first = self.postings.partition_point(|posting| posting.account < account);
        let own = self.postings[first..].iter().take_while(|posting| posting.account == account);
        let nanos: i128 = own.map(|posting| i128::from(posting.amount.nanos())).sum();
        let net = Money::from_nanos(i64::try_from(nanos).map_err(|_| Overflow)?);
        let gain = net.checked_sub(utility_only(member)?).ok_or(Overflow)?;
        let sold = self.member_totals(member).is_some_and(|totals| !totals.sold.is_zero());
        Ok(match sold {
            true => MemberMoney { net, earned: gain, saved: Money::ZERO },
            false => MemberMoney { net, earned: Money::ZERO, saved: gain },
        })
    }
}

/// Returns what a member would have received, or paid where negative, with the utility alone.
pub fn utility_only(member: &MeteredMember) -> Result<Money, Overflow> {
    let nanos = member.export.at_wide(member.feed_in) - member.import.at_wide(member.retail);
    i64::try_from(nanos).map(Money::from_nanos).map_err(|_| Overflow)
}
