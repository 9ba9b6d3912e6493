//! Direct deals as the window shows them, and what an owner does to them.

use std::time::Duration;

use exchange_api::{Day, Deal, Hours};
use history::{DealErrand, DealState, HistoryError, Membership, StoredDeal};
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{DealId, Price, WattHours};

use super::super::{Amount, Instant, SideView, Whole};
use crate::by_hand::DealTerms;
use crate::house::{Home, House};
use crate::view::frame::Refusal;

/// The window gives up on an answer after ten seconds; what is not answered by then waits in the outbox.
const PATIENCE: Duration = Duration::from_secs(6);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DealView {
    pub id: String,
    pub state: DealStateView,
    /// This home's.
    pub side: SideView,
    pub partner: String,
    pub price_micros_per_kwh: Whole,
    pub cap_wh: Whole,
    pub cap_per_day_wh: Option<Whole>,
    /// `mon` to `sun`; all seven mean every day.
    pub days: Vec<String>,
    /// `06:00-22:00`, or all day.
    pub hours: Option<String>,
    pub zone: String,
    pub from: Instant,
    pub until: Option<Instant>,
    /// Whether this home proposed it.
    pub mine: bool,
    pub agreed_at: Option<Instant>,
    pub served_from: Option<Instant>,
    pub served_until: Option<Instant>,
    /// Whether this home ended it, where one side did.
    pub ended_by_me: Option<bool>,
    /// What the exchange has not heard yet.
    pub errand: Option<DealErrandView>,
    /// Why the exchange said no, as it said it.
    pub problem: Option<String>,
    /// What it brought so far, of the slots that are settled here.
    pub energy_wh: Whole,
    /// Energy x price; a charge is negative.
    pub amount: Amount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum DealStateView {
    /// Proposed here; the exchange does not know it yet.
    Drafted,
    Proposed,
    Agreed,
    Ended,
    /// The exchange did not take the proposal.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum DealErrandView {
    Propose,
    Accept,
    End,
}

/// What an owner fills in to propose a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DealProposal {
    pub side: SideView,
    pub partner: String,
    pub price_micros_per_kwh: Whole,
    pub cap_wh: Whole,
    pub cap_per_day_wh: Option<Whole>,
    /// `mon` to `sun`.
    pub days: Vec<String>,
    pub hours: Option<String>,
    /// The first slot, and the first after it.
    pub from: Option<String>,
    pub until: Option<String>,
}

impl Home {
    /// Proposes a deal; without contact to the exchange it waits in the outbox.
    pub async fn propose(&self, proposal: DealProposal) -> Result<super::MarketView, Refusal> {
        self.propose_deal(terms(proposal)?, PATIENCE).await?;
        self.market()
    }

    /// Agrees to what a neighbour proposed.
    pub async fn accept(&self, deal: &str) -> Result<super::MarketView, Refusal> {
        self.accept_deal(&readable_id(deal)?, PATIENCE).await?;
        self.market()
    }

    /// Withdraws, declines or ends a deal.
    pub async fn end(&self, deal: &str) -> Result<super::MarketView, Refusal> {
        self.end_deal(&readable_id(deal)?, PATIENCE).await?;
        self.market()
    }

    /// Withdraws one open order.
    pub async fn withdraw_order(&self, order: &str) -> Result<super::MarketView, Refusal> {
        let id = order.parse().map_err(|_| unreadable(format!("\"{order}\" is not the id of an order.")))?;
        self.cancel_orders(Some(vec![id]), PATIENCE).await?;
        self.market()
    }
}

fn terms(proposal: DealProposal) -> Result<DealTerms, Refusal> {
    let slot = |text: Option<String>| text.map(|text| super::readable_slot(&text)).transpose();
    let days = proposal.days.iter().map(|day| {
        serde_json::from_value::<Day>(serde_json::Value::from(day.as_str()))
            .map_err(|_| unreadable(format!("\"{day}\" is not a day of the week.")))
    });
    let hours = proposal.hours.as_deref().map(str::parse::<Hours>).transpose();
    Ok(DealTerms {
        with: proposal.partner.trim().parse().map_err(|_| {
            unreadable("The neighbour's name on the market is missing or too long.".to_owned())
        })?,
        side: match proposal.side {
            SideView::Buy => market::Side::Buy,
            SideView::Sell => market::Side::Sell,
        },
        price: Price::from_micros_per_kwh(proposal.price_micros_per_kwh.get()),
        cap: WattHours::new(proposal.cap_wh.get()),
        cap_per_day: proposal.cap_per_day_wh.map(|cap| WattHours::new(cap.get())),
        days: days.collect::<Result<_, _>>()?,
        hours: hours.map_err(|error| unreadable(format!("{error}.")))?,
        from: slot(proposal.from)?,
        until: slot(proposal.until)?,
    })
}

fn readable_id(text: &str) -> Result<DealId, Refusal> {
    text.parse().map_err(|_| unreadable(format!("\"{text}\" is not the id of a deal.")))
}

fn unreadable(message: String) -> Refusal {
    Refusal { code: "bad_deal".to_owned(), message, hint: "Correct it and try again.".to_owned() }
}

pub(super) fn deals(house: &House, membership: &Membership) -> Result<Vec<DealView>, HistoryError> {
    let sums = house.history.deal_totals()?;
    let view = |stored: StoredDeal| {
        let deal: Deal = match serde_json::from_str(&stored.terms_json) {
            Ok(deal) => deal,
            Err(error) => {
                tracing::warn!(deal = %stored.id, %error, "a deal lies unreadable in the history");
                return None;
            }
        };
        let sum = sums.iter().find(|sum| sum.deal == stored.id);
        Some(view(membership, &stored, &deal, sum))
    };
    Ok(house.history.deals(&membership.market)?.into_iter().filter_map(view).collect())
}

fn view(
    membership: &Membership,
    stored: &StoredDeal,
    deal: &Deal,
    sum: Option<&history::DealTotal>,
) -> DealView {
    let me = &membership.member;
    let side = deal.side_of(me).unwrap_or(market::Side::Buy);
    let start = |slot: units::Slot| Instant::from(slot.start());
    let day = |day: &Day| serde_json::to_value(day).ok()?.as_str().map(str::to_owned);
    let amount = sum.map(|sum| sum.amount).unwrap_or_default();
    DealView {
        id: stored.id.to_string(),
        state: stored.state.into(),
        side: side.into(),
        partner: deal.partner_of(me).to_string(),
        price_micros_per_kwh: deal.price.into(),
        cap_wh: deal.cap.into(),
        cap_per_day_wh: deal.cap_per_day.map(Whole::from),
        days: deal.days.iter().filter_map(day).collect(),
        hours: deal.hours.map(|hours| hours.to_string()),
        zone: deal.zone.clone(),
        from: start(deal.from),
        until: deal.until.map(start),
        mine: stored.proposed_by == *me,
        agreed_at: stored.agreed_at.map(Instant::from),
        served_from: stored.served_from.map(start),
        served_until: stored.served_until.map(start),
        ended_by_me: stored.ended_by.as_ref().map(|by| by == me),
        errand: stored.errand.map(DealErrandView::from),
        problem: stored.problem.as_ref().map(|problem| problem.detail.clone()),
        energy_wh: sum.map(|sum| sum.energy).unwrap_or_default().into(),
        amount: if side == market::Side::Sell { amount.into() } else { (-amount).into() },
    }
}

impl From<DealState> for DealStateView {
    fn from(state: DealState) -> Self {
        match state {
            DealState::Drafted => Self::Drafted,
            DealState::Proposed => Self::Proposed,
            DealState::Agreed => Self::Agreed,
            DealState::Ended => Self::Ended,
            DealState::Refused => Self::Refused,
        }
    }
}

impl From<DealErrand> for DealErrandView {
    fn from(errand: DealErrand) -> Self {
        match errand {
            DealErrand::Propose => Self::Propose,
            DealErrand::Accept => Self::Accept,
            DealErrand::End => Self::End,
        }
    }
}
