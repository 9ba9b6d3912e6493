//! What is due whether energy flows or not: so much a day, a month or a year.

use chrono::{Datelike, NaiveDate};
use units::{DayKey, Money};

/// A standing charge; negative where the utility grants it, as a yearly tax credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub amount: Money,
    pub per: Per,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    Day,
    Month,
    Year,
}

impl Standing {
    /// Returns what falls on a local day, whatever its length in hours.
    ///
    /// A month's or year's charge is spread over its days so that they sum to it exactly: each day takes the
    /// difference of the share that is due by its end and by its beginning, both rounded down to a nano.
    pub fn on(&self, day: DayKey) -> Money {
        let date = day.date();
        let (ordinal, days) = match self.per {
            Per::Day => return self.amount,
            Per::Month => (date.day(), date.num_days_in_month().into()),
            Per::Year => {
                let last = NaiveDate::from_ymd_opt(date.year(), 12, 31).expect("each year has a last day");
                (date.ordinal(), last.ordinal())
            }
        };
        let due_by = |ordinal: u32| {
            let share = i128::from(self.amount.nanos()) * i128::from(ordinal);
            share.div_euclid(i128::from(days))
        };
        let due = due_by(ordinal) - due_by(ordinal - 1);
        Money::from_nanos(i64::try_from(due).expect("a day's share is no larger than the whole"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use units::DayKey;

    fn sum(standing: Standing, from: &str, to: &str) -> i64 {
        let (mut day, to): (DayKey, DayKey) = (from.parse().unwrap(), to.parse().unwrap());
        let mut total = 0;
        while day < to {
            total += standing.on(day).nanos();
            day = day.next();
        }
        total
    }

    proptest! {
        #[test]
        fn the_days_of_a_month_and_of_a_year_sum_to_the_charge(nanos in -10i64.pow(13)..10i64.pow(13)) {
            let amount = Money::from_nanos(nanos);
            let monthly = Standing { amount, per: Per::Month };
            prop_assert_eq!(sum(monthly, "2028-02-01", "2028-03-01"), nanos);
            prop_assert_eq!(sum(monthly, "2026-03-01", "2026-04-01"), nanos);
            let yearly = Standing { amount, per: Per::Year };
            prop_assert_eq!(sum(yearly, "2026-01-01", "2027-01-01"), nanos);
            prop_assert_eq!(sum(yearly, "2028-01-01", "2029-01-01"), nanos);
        }
    }
}
