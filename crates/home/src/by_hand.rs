//! What an owner does on the market by hand: an order, a deal, taking either back.
//!
//! Everything is signed and kept in the history before the exchange hears of it, so it works without contact. The
//! process that trades does it; another one leaves its wish to it, see [`crate::wishes`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use exchange_api::{Commitment, Day, Deal, Hours, Order, Signable, Signed, new_deal_id, new_salt};
use history::{
    DealErrand, DealState, HistoryError, Membership, OrderSelection, OrderState, OutgoingOrder, StoredDeal,
    StoredOrder,
};
use market::Side;
use pricing::ContractTable;
use rules::Trading;
use serde::{Deserialize, Serialize};
use units::{DealId, MemberId, OrderId, Price, Slot, WattHours};

use crate::error::{history_refusal, refusal};
use crate::house::{Home, House, ViewName};
use crate::tasks;
use crate::view::frame::Refusal;

/// How often it is looked whether the exchange has answered.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One thing that an owner wants of the market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "snake_case")]
pub enum Wish {
    PlaceOrder(OrderWish),
    /// All open orders where no ids are named.
    CancelOrders {
        ids: Option<Vec<OrderId>>,
    },
    ProposeDeal {
        deal: Deal,
    },
    AcceptDeal {
        id: DealId,
    },
    EndDeal {
        id: DealId,
    },
    AddContract {
        table: Box<ContractTable>,
    },
}

/// An order by hand. Its id is made before, so that whoever wishes finds it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderWish {
    pub id: OrderId,
    pub slot: Slot,
    pub side: Side,
    #[serde(rename = "quantity_wh")]
    pub quantity: WattHours,
    #[serde(rename = "limit_price_micros_per_kwh")]
    pub limit: Price,
}

/// What an owner says of a deal; the rest follows from the home and its market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealTerms {
    pub with: MemberId,
    /// This home's.
    pub side: Side,
    pub price: Price,
    pub cap: WattHours,
    pub cap_per_day: Option<WattHours>,
    /// All days where none is named.
    pub days: Vec<Day>,
    pub hours: Option<Hours>,
    /// The next slot where none is named.
    pub from: Option<Slot>,
    pub until: Option<Slot>,
}

/// What cancelling by hand came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelledByHand {
    pub cancelled: Vec<OrderId>,
    /// The exchange has not confirmed it yet.
    pub unconfirmed: Vec<OrderId>,
    /// Too late, or over already.
    pub kept: Vec<OrderId>,
}

impl Home {
    /// Places an order by hand and waits for the exchange's answer. One that is still waiting is in the outbox.
    pub async fn place_order(&self, wish: OrderWish, patience: Duration) -> Result<StoredOrder, Refusal> {
        let id = wish.id.clone();
        let until = Instant::now() + patience;
        self.fulfil(Wish::PlaceOrder(wish), until).await?;
        let stored = |house: &House| house.history.order(&id);
        let answered = |house: &House| {
            Ok(stored(house)?
                .is_some_and(|order| !matches!(order.state, OrderState::Waiting | OrderState::Sent)))
        };
        self.carried(until, answered).await?;
        stored(self.house()?).map_err(|error| history_refusal(&error))?.ok_or_else(lost)
    }

    /// Withdraws open orders, all where none is named, and waits for the exchange to let go of them.
    pub async fn cancel_orders(
        &self,
        ids: Option<Vec<OrderId>>,
        patience: Duration,
    ) -> Result<CancelledByHand, Refusal> {
        let house = self.house()?;
        let refuse = |error: HistoryError| history_refusal(&error);
        let wanted: Vec<OrderId> = match &ids {
            Some(ids) => {
                for id in ids {
                    if house.history.order(id).map_err(refuse)?.is_none() {
                        return Err(unknown("order", id.as_str()));
                    }
                }
                ids.clone()
            }
            None => {
                let open = house.history.open_orders().map_err(refuse)?;
                open.into_iter().map(|stored| stored.order.id).collect()
            }
        };
        let until = Instant::now() + patience;
        self.fulfil(Wish::CancelOrders { ids }, until).await?;
        self.carried(until, |house| Ok(house.history.cancelling_orders()?.is_empty())).await?;
        let mut outcome = CancelledByHand::default();
        for id in wanted {
            let state = house.history.order(&id).map_err(refuse)?.map(|stored| stored.state);
            match state {
                Some(OrderState::Cancelled) => outcome.cancelled.push(id),
                Some(OrderState::Cancelling | OrderState::Sent) => outcome.unconfirmed.push(id),
                _ => outcome.kept.push(id),
            }
        }
        Ok(outcome)
    }

    /// Proposes a deal to a neighbour.
    pub async fn propose_deal(&self, terms: DealTerms, patience: Duration) -> Result<StoredDeal, Refusal> {
        let deal = self.house()?.deal_of(terms)?;
        let id = deal.id.clone();
        self.do_to_deal(Wish::ProposeDeal { deal }, &id, patience).await
    }

    /// Agrees to a deal that a neighbour proposed.
    pub async fn accept_deal(&self, id: &DealId, patience: Duration) -> Result<StoredDeal, Refusal> {
        self.do_to_deal(Wish::AcceptDeal { id: id.clone() }, id, patience).await
    }

    /// Withdraws, declines or ends a deal.
    pub async fn end_deal(&self, id: &DealId, patience: Duration) -> Result<StoredDeal, Refusal> {
        self.do_to_deal(Wish::EndDeal { id: id.clone() }, id, patience).await
    }

    async fn do_to_deal(&self, wish: Wish, id: &DealId, patience: Duration) -> Result<StoredDeal, Refusal> {
        let until = Instant::now() + patience;
        self.fulfil(wish, until).await?;
        let stored = |house: &House| house.history.deal(id);
        self.carried(until, |house| Ok(stored(house)?.is_some_and(|deal| deal.errand.is_none()))).await?;
        stored(self.house()?).map_err(|error| history_refusal(&error))?.ok_or_else(lost)
    }

    /// Returns the deals of this home as they were told last, the newest first.
    pub fn deals(&self) -> Result<Vec<StoredDeal>, Refusal> {
        let house = self.house()?;
        let deals = match house.membership().map_err(|error| history_refusal(&error))? {
            Some(membership) => house.history.deals(&membership.market),
            None => Ok(Vec::new()),
        };
        deals.map_err(|error| history_refusal(&error))
    }

    /// Asks the exchange for the deals where no process does so by itself; without contact they stay as they were.
    pub async fn refresh_deals(&self) -> Result<(), Refusal> {
        let house = self.house()?;
        if house.trades() && !house.is_running() {
            tasks::look_at_deals(house).await;
        }
        Ok(())
    }

    /// Does it here, or has the process do it that trades.
    pub(crate) async fn fulfil(&self, wish: Wish, until: Instant) -> Result<(), Refusal> {
        match self.other_trader()? {
            Some(other) => self.house()?.leave_wish(&wish, &other, until).await,
            None => {
                let house = self.house()?.clone();
                house.blocking(move |house| house.grant(&wish)).await
            }
        }
    }

    /// Waits until the exchange has answered, and goes there itself where no task does; says whether it has.
    async fn carried(
        &self,
        until: Instant,
        is_done: impl Fn(&House) -> Result<bool, HistoryError>,
    ) -> Result<bool, Refusal> {
        let house: &Arc<House> = self.house()?;
        loop {
            if is_done(house).map_err(|error| history_refusal(&error))? {
                return Ok(true);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            if house.trades() && !house.is_running() {
                // A request in flight is given up with the patience; it may be sent again any time.
                drop(tokio::time::timeout(left, tasks::carry_once(house)).await);
            }
            tokio::time::sleep(LOOK_EVERY.min(left)).await;
        }
    }
}

impl House {
    /// Does what an owner wants, up to the outbox.
    pub fn grant(&self, wish: &Wish) -> Result<(), Refusal> {
        self.check_trades()?;
        match wish {
            Wish::PlaceOrder(order) => self.queue_by_hand(order)?,
            Wish::CancelOrders { ids } => {
                let selection = ids.clone().map_or(OrderSelection::All, OrderSelection::Ids);
                self.history.cancel_orders(selection, self.now()).map_err(|error| history_refusal(&error))?;
            }
            Wish::ProposeDeal { deal } => self.draft(deal)?,
            Wish::AcceptDeal { id } => self.agree_to(id)?,
            Wish::EndDeal { id } => self.end(id)?,
            Wish::AddContract { table } => self.add_contract(table)?,
        }
        self.wake.courier.notify_one();
        for view in [ViewName::Market, ViewName::Rules, ViewName::Now] {
            self.changed(view);
        }
        Ok(())
    }

    fn queue_by_hand(&self, wish: &OrderWish) -> Result<(), Refusal> {
        let membership = self.member()?;
        let Some(rules) = self.market_rules() else {
            return Err(refusal(
                "market_unknown",
                "The market's rules are not known yet, since the exchange has not answered once.",
                "Try again when it is connected.",
            ));
        };
        if self.trading().map_err(|error| history_refusal(&error))? == Trading::Stopped {
            return Err(refusal(
                "trading_stopped",
                "Trading is stopped, so no order is placed.",
                "Resume trading first.",
            ));
        }
        let gate = wish.slot.start() - Duration::from_secs(rules.gate_s.into());
        let now = self.now();
        if now >= gate {
            return Err(refusal(
                "gate_closed",
                format!("Orders for {} were taken until {gate}; it is {now} on this market.", wish.slot),
                "Choose a later quarter hour.",
            ));
        }
        if wish.quantity <= WattHours::ZERO {
            return Err(refusal("no_quantity", "An order is for at least 1 Wh.", "Name a quantity."));
        }
        let (floor, cap) = (rules.floor_micros_per_kwh, rules.cap_micros_per_kwh);
        if wish.limit < floor || wish.limit > cap {
            let message = format!("The limit {} lies outside this market's {floor} to {cap}.", wish.limit);
            return Err(refusal("outside_cap_and_floor", message, "Choose one between them."));
        }
        let order = Order {
            id: wish.id.clone(),
            market: membership.market,
            member: membership.member,
            slot: wish.slot,
            side: wish.side,
            quantity: wish.quantity,
            limit: wish.limit,
            commitment: Commitment::Metered,
        };
        let Signed { body, key, salt, signature } = self.signed(order)?;
        let outgoing = OutgoingOrder {
            id: body.id,
            market: body.market,
            member: body.member,
            slot: body.slot,
            side: body.side,
            quantity: body.quantity,
            limit: body.limit,
            key,
            salt,
            signature,
            gate,
            queued_at: now,
            by_owner: true,
        };
        self.history.queue_order(&outgoing).map_err(|error| history_refusal(&error))
    }

    /// Makes the deal of an owner's terms.
    fn deal_of(&self, terms: DealTerms) -> Result<Deal, Refusal> {
        let membership = self.member()?;
        let DealTerms { with, side, price, cap, cap_per_day, mut days, hours, from, until } = terms;
        if with == membership.member {
            let message = format!("\"{with}\" is this home itself.");
            return Err(refusal(
                "deal_with_oneself",
                message,
                "Ask your neighbour by which name the market knows it.",
            ));
        }
        if price < Price::ZERO {
            return Err(refusal("bad_deal", "A deal's price is 0, a gift, or more.", "Name another price."));
        }
        if cap <= WattHours::ZERO || cap_per_day.is_some_and(|cap| cap <= WattHours::ZERO) {
            return Err(refusal("bad_deal", "A deal is for at least 1 Wh.", "Name how much at most."));
        }
        days.sort_unstable();
        days.dedup();
        if days.is_empty() {
            days = Day::ALL.to_vec();
        }
        let (seller, buyer) = match side {
            Side::Sell => (membership.member, with),
            Side::Buy => (with, membership.member),
        };
        let deal = Deal {
            id: new_deal_id(),
            market: membership.market,
            seller,
            buyer,
            price,
            cap,
            cap_per_day,
            days,
            hours,
            zone: self.config().zone.clone(),
            from: from.unwrap_or_else(|| Slot::containing(self.now()).next()),
            until,
        };
        if let Err(error) = deal.schedule() {
            return Err(refusal("bad_deal", format!("The deal cannot be so: {error}."), "Change it."));
        }
        Ok(deal)
    }

    fn draft(&self, deal: &Deal) -> Result<(), Refusal> {
        let membership = self.member()?;
        let (terms, signed) = (json(deal), json(&self.signed(deal.clone())?));
        self.history
            .draft_deal(&membership.market, &deal.id, &membership.member, &terms, &signed, self.now())
            .map_err(|error| history_refusal(&error))
    }

    fn agree_to(&self, id: &DealId) -> Result<(), Refusal> {
        let membership = self.member()?;
        let stored = self.known_deal(id)?;
        if stored.proposed_by == membership.member {
            return Err(refusal(
                "own_proposal",
                "This home proposed the deal itself; the neighbour has to agree to it.",
                "Wait for the answer, or withdraw it.",
            ));
        }
        match stored.state {
            DealState::Agreed => return Ok(()),
            DealState::Proposed => {}
            DealState::Drafted | DealState::Ended | DealState::Refused => {
                return Err(refusal("deal_ended", "The deal has ended.", "Propose a new one."));
            }
        }
        let deal: Deal = serde_json::from_str(&stored.terms_json).map_err(|error| {
            refusal("bad_deal", format!("The deal cannot be read: {error}."), "Ask for a new proposal.")
        })?;
        let signed = json(&self.signed(deal)?);
        self.history
            .set_deal_errand(id, DealErrand::Accept, Some(signed), self.now())
            .map_err(|error| history_refusal(&error))
    }

    fn end(&self, id: &DealId) -> Result<(), Refusal> {
        self.member()?;
        if matches!(self.known_deal(id)?.state, DealState::Ended | DealState::Refused) {
            return Ok(());
        }
        self.history
            .set_deal_errand(id, DealErrand::End, None, self.now())
            .map_err(|error| history_refusal(&error))
    }

    fn known_deal(&self, id: &DealId) -> Result<StoredDeal, Refusal> {
        let found = self.history.deal(id).map_err(|error| history_refusal(&error))?;
        found.ok_or_else(|| unknown("deal", id.as_str()))
    }

    /// Returns the membership, or a refusal for a home that has none.
    pub fn member(&self) -> Result<Membership, Refusal> {
        let membership = self.membership().map_err(|error| history_refusal(&error))?;
        membership.ok_or_else(|| {
            refusal(
                "not_a_member",
                "This home is on no market yet.",
                "Join one with the invitation of its operator.",
            )
        })
    }

    fn signed<T: Signable>(&self, body: T) -> Result<Signed<T>, Refusal> {
        let Some(key) = &self.key else {
            return Err(refusal(
                "no_key",
                "The private key of this home is not open, so nothing can be signed.",
                "Unlock the system's keyring, or name the passphrase's file with --passphrase-file.",
            ));
        };
        let failed =
            |error: String| refusal("system", format!("It could not be signed: {error}."), "Try again.");
        let salt = new_salt().map_err(|error| failed(error.to_string()))?;
        Signed::sign(body, key, salt).map_err(|error| failed(error.to_string()))
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a deal is plain data")
}

fn unknown(what: &str, id: &str) -> Refusal {
    Refusal {
        code: format!("unknown_{what}"),
        message: format!("This home knows no {what} \"{id}\"."),
        hint: format!("`wattle {what}s list` shows those it knows."),
    }
}

/// What a wish was about is not there although it was granted: the history was replaced meanwhile.
fn lost() -> Refusal {
    refusal("history", "What was asked for is not in the history.", "Look at the list and try again.")
}
