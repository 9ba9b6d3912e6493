//! The first run: what an invitation leads to, and the consent with which a home joins a market.

use pricing::{ContractTable, format_price};
use rules::{RuleBook, Side};
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{LocalDay, Price};

use super::{SideView, Whole};
use crate::config::{INVITATION_FILE, MarketConfig, write_in_place};
use crate::error::{config_refusal, history_refusal, refusal};
use crate::house::{Home, House, ViewName};
use crate::join::{JoinError, Offer, look_at};
use crate::view::frame::Refusal;

/// The market that an invitation names, as it describes itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct InvitationView {
    pub market_name: String,
    pub address: String,
    pub currency: String,
    /// The market counts in the home's currency.
    pub currency_fits: bool,
    /// What the operator takes of a traded kWh, half from each side.
    pub operator_fee_micros_per_kwh: Whole,
    pub terms_version: String,
    pub terms: String,
    /// How fast its time runs, where it is a simulated street.
    pub simulated_speed: Option<f64>,
    /// What the contract with the utility says today; none where it is not known yet.
    pub contract: Option<ContractPricesView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ContractPricesView {
    pub retail_micros_per_kwh: Whole,
    pub feed_in_micros_per_kwh: Whole,
}

/// The owner's consent, and what a home that begins to trade needs besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct JoinAsk {
    pub invitation: String,
    /// The version of the terms that the owner agreed to.
    pub agreed_terms: String,
    /// What the utility takes and pays, where the home has no contract yet.
    pub contract: Option<ContractPricesView>,
    /// The first rules, where the home has none yet.
    pub rules: Vec<FirstRule>,
}

/// A rule that speaks all day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct FirstRule {
    pub name: String,
    pub side: SideView,
    pub limit_micros_per_kwh: Whole,
}

impl Home {
    /// Reads an invitation and asks its market about itself. Nothing is promised or signed by it.
    pub async fn invitation(&self, code: &str) -> Result<InvitationView, Refusal> {
        let house = self.house()?.clone();
        let offer = look_at(code.trim()).await.map_err(|error| not_joined(&error))?;
        let market = &offer.market;
        let prices = house.prices(units::Slot::containing(house.now()));
        Ok(InvitationView {
            market_name: market.name.clone(),
            address: offer.address.clone(),
            currency: market.currency.to_string(),
            currency_fits: market.currency == house.config().currency,
            operator_fee_micros_per_kwh: market.rules.operator_fee_micros_per_kwh.into(),
            terms_version: market.terms.version.clone(),
            terms: market.terms.text.clone(),
            simulated_speed: market.scale.map(|scale| scale.speed),
            contract: prices.map(|prices| ContractPricesView {
                retail_micros_per_kwh: prices.retail.into(),
                feed_in_micros_per_kwh: prices.feed_in.into(),
            }),
        })
    }

    /// Keeps the owner's consent, so that the home enrols when it is opened next. Returns whether what was
    /// recorded so far is of another time, and must be put aside.
    pub async fn join_market(&self, ask: &JoinAsk) -> Result<bool, Refusal> {
        let house = self.house()?.clone();
        house.check_trades()?;
        if let Some(member) = house.membership().map_err(|error| history_refusal(&error))? {
            return Err(refusal(
                "already_a_member",
                format!("This home is in the market \"{}\" already.", member.market_name),
                "A home trades in one market.",
            ));
        }
        let offer = look_at(ask.invitation.trim()).await.map_err(|error| not_joined(&error))?;
        let ask = ask.clone();
        house.blocking(move |house| house.agree(&offer, &ask)).await
    }

    /// Ends the first run.
    pub fn finish_start(&self) -> Result<(), Refusal> {
        let house = self.house()?;
        house.check_trades()?;
        house.change_config(|config| config.new = false).map_err(|error| config_refusal(&error))?;
        house.changed(ViewName::Frame);
        Ok(())
    }
}

impl House {
    fn agree(&self, offer: &Offer, ask: &JoinAsk) -> Result<bool, Refusal> {
        let config = self.config();
        offer.check(&config, Some(&ask.agreed_terms)).map_err(|error| not_joined(&error))?;
        let other_time = offer.market.scale != config.simulation;
        if other_time && !config.new {
            return Err(refusal(
                "other_time",
                "Time runs otherwise in that market than in this home, so what both write down cannot meet.",
                "Join a simulated street with a new home: name an empty folder with --data.",
            ));
        }
        let contract = match ask.contract {
            Some(prices) if config.contracts.is_empty() => Some(self.fixed_contract(prices)?),
            None if config.contracts.is_empty() => {
                return Err(refusal(
                    "no_contract",
                    "What the utility takes and pays is not known, so no trade can be compared with it.",
                    "Tell both prices; they stand on your electricity bill.",
                ));
            }
            _ => None,
        };
        let rules = self.first_rules(&ask.rules)?;
        write_in_place(&self.dir.join(INVITATION_FILE), format!("{}\n", offer.invitation()))
            .map_err(|cause| not_joined(&JoinError::Unwritable(cause)))?;
        self.change_config(|config| {
            config.market = Some(MarketConfig { agreed_terms: ask.agreed_terms.clone() });
            config.contracts.extend(contract);
            config.simulation = offer.market.scale;
        })
        .map_err(|error| config_refusal(&error))?;
        if let Some(rules) = rules {
            self.change_rules(rules, "owner").map_err(|error| history_refusal(&error))?;
        }
        tracing::info!(market = %offer.market.market, "the owner agreed to the market's terms");
        Ok(other_time)
    }

    /// Makes a contract that holds since long ago: the day of a change is told under Settings.
    fn fixed_contract(&self, prices: ContractPricesView) -> Result<ContractTable, Refusal> {
        let (retail, feed_in) = (prices.retail_micros_per_kwh.get(), prices.feed_in_micros_per_kwh.get());
        if !(1..=MOST_MICROS_PER_KWH).contains(&retail) || !(0..=retail).contains(&feed_in) {
            return Err(refusal(
                "bad_contract",
                "The utility takes more for a kWh than it pays for one, and no more than a thousand.",
                "Check both prices on your electricity bill.",
            ));
        }
        let currency = self.config().currency;
        let text = |micros| format_price(Price::from_micros_per_kwh(micros), currency);
        let since = LocalDay::containing(self.opened_at - A_YEAR, self.zone()).key();
        Ok(ContractTable::fixed(since, text(retail), text(feed_in)))
    }

    /// Returns the rules to begin with, where there are none yet.
    fn first_rules(&self, first: &[FirstRule]) -> Result<Option<RuleBook>, Refusal> {
        if first.is_empty() || !self.rules().rules().is_empty() {
            return Ok(None);
        }
        let currency = self.config().currency;
        let table = |rule: &FirstRule| {
            let side = match rule.side {
                SideView::Sell => Side::Sell,
                SideView::Buy => Side::Buy,
            };
            let price = format_price(Price::from_micros_per_kwh(rule.limit_micros_per_kwh.get()), currency);
            let mut limit = toml::Table::new();
            limit.insert("at".to_owned(), price.into());
            let mut table = toml::Table::new();
            table.insert("name".to_owned(), rule.name.clone().into());
            table.insert("side".to_owned(), toml::Value::try_from(side).expect("a side is a word"));
            table.insert("limit".to_owned(), limit.into());
            toml::Value::Table(table)
        };
        let mut rules = toml::Table::new();
        rules.insert("rule".to_owned(), first.iter().map(table).collect::<Vec<_>>().into());
        RuleBook::parse(&rules.to_string(), currency).map(Some).map_err(|error| {
            refusal("bad_rules", crate::config::described(&error), "Check the prices and the names.")
        })
    }
}

/// Prices beyond a thousand a kWh are slips of the finger.
const MOST_MICROS_PER_KWH: i64 = 1_000_000_000;
/// So that yesterday's slots have prices, too.
const A_YEAR: std::time::Duration = std::time::Duration::from_secs(366 * 86_400);

fn not_joined(error: &JoinError) -> Refusal {
    refusal(error.code(), error.described(), error.hint())
}
