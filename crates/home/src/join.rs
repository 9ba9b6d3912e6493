//! Joining a market: the invitation is read, the market shows its terms, the owner agrees.
//!
//! The running household enrols by itself as soon as the invitation and the consent lie in its folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exchange_api::{Client, ClientError, ClientSettings, DeviceKey, Invitation, MarketInfo, ServerPin};
use units::{Clock, SystemClock, Timestamp};

use crate::config::{ConfigError, HomeConfig, INVITATION_FILE, MarketConfig, write_in_place};

/// An exchange that is there answers in well under a second.
const TIMEOUT: Duration = Duration::from_secs(8);

/// What an invitation leads to.
#[derive(Clone, Debug)]
pub struct Offer {
    pub address: String,
    pub market: MarketInfo,
    invitation: String,
}

#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("this is no invitation")]
    Invitation(#[from] exchange_api::InvalidInvitation),
    #[error("the invitation ended at {0}")]
    Expired(Timestamp),
    #[error("the market cannot be asked for its terms")]
    Exchange(#[from] ClientError),
    #[error("the exchange shows another key than the invitation names; nothing was written")]
    OtherKey,
    #[error("the market's terms are of version {present}, not {agreed}")]
    OtherTerms { present: String, agreed: String },
    #[error("the market counts in {market}, this home in {home}")]
    Currency { market: units::Currency, home: units::Currency },
    #[error("the system gave no randomness: {0}")]
    NoRandomness(getrandom::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the invitation cannot be kept in the data folder")]
    Unwritable(#[source] std::io::Error),
}

impl JoinError {
    /// Returns a code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invitation(_) => "invalid_invitation",
            Self::Expired(_) => "expired_invitation",
            Self::Exchange(ClientError::OtherServer { .. }) => "other_key",
            Self::Exchange(_) => "unreachable",
            Self::OtherKey => "other_key",
            Self::OtherTerms { .. } => "terms_not_agreed",
            Self::Currency { .. } => "other_currency",
            Self::NoRandomness(_) => "system",
            Self::Config(_) => "bad_configuration",
            Self::Unwritable(_) => "data_read_only",
        }
    }

    /// Says what to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Invitation(_) => "Copy the whole line that begins with wattle1.",
            Self::Expired(_) => "Ask the operator for a new one.",
            Self::Exchange(ClientError::OtherServer { .. }) => {
                "Do not go on; ask the operator what happened."
            }
            Self::Exchange(_) => "Check the internet connection and try again.",
            Self::OtherKey => "Do not go on; ask the operator what happened.",
            Self::OtherTerms { .. } => {
                "Read the present terms with `wattle join` and agree to their version."
            }
            Self::Currency { .. } => "Correct the currency in home.toml, or ask for the right market.",
            Self::NoRandomness(_) => "Try again.",
            Self::Config(_) => "Correct home.toml in the data folder, or name another folder with --data.",
            Self::Unwritable(_) => "Check who owns the data folder and whether its disk has room.",
        }
    }

    /// Returns the error with its causes in one sentence.
    pub fn described(&self) -> String {
        let text = crate::config::described(self);
        let mut letters = text.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}

/// Reads an invitation and asks its market about itself. Nothing is signed with the household's key.
pub async fn look_at(invitation: &str) -> Result<Offer, JoinError> {
    let parsed: Invitation = invitation.parse()?;
    if parsed.expires <= SystemClock.now() {
        return Err(JoinError::Expired(parsed.expires));
    }
    let server = ServerPin::of(&parsed).map(Arc::new);
    let settings = ClientSettings { timeout: TIMEOUT, retries: 1, clock: Arc::new(SystemClock), server };
    let passer_by = DeviceKey::generate().map_err(JoinError::NoRandomness)?;
    let market = Client::new(&parsed.address, passer_by, settings)?.market().await?;
    if market.exchange_key != parsed.exchange_key {
        return Err(JoinError::OtherKey);
    }
    Ok(Offer { address: parsed.address.clone(), market, invitation: parsed.to_string() })
}

impl Offer {
    /// Keeps the invitation in a home's folder, and the consent to the terms where it was given.
    pub fn keep(&self, dir: &Path, agreed: Option<&str>) -> Result<(), JoinError> {
        let mut config = HomeConfig::load(dir)?;
        self.check(&config, agreed)?;
        write_in_place(&dir.join(INVITATION_FILE), format!("{}\n", self.invitation))
            .map_err(JoinError::Unwritable)?;
        if let Some(agreed) = agreed {
            config.market = Some(MarketConfig { agreed_terms: agreed.to_owned() });
            config.save(dir)?;
        }
        Ok(())
    }

    /// Returns the line that the operator sent.
    pub(crate) fn invitation(&self) -> &str {
        &self.invitation
    }

    /// Says why a home cannot join so.
    pub(crate) fn check(&self, config: &HomeConfig, agreed: Option<&str>) -> Result<(), JoinError> {
        if config.currency != self.market.currency {
            return Err(JoinError::Currency { market: self.market.currency, home: config.currency });
        }
        if let Some(agreed) = agreed.filter(|agreed| *agreed != self.market.terms.version) {
            let present = self.market.terms.version.clone();
            return Err(JoinError::OtherTerms { present, agreed: agreed.to_owned() });
        }
        Ok(())
    }
}
