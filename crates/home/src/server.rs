//! Which server is the exchange: the key that the invitation names, or the one that followed on it.

use std::sync::Arc;

use exchange_api::ServerPin;
use history::HistoryError;
use serde::{Deserialize, Serialize};

use crate::house::House;
use crate::tasks;

const SETTING: &str = "server_key";

/// A pin, and where it comes from.
#[derive(Clone, Debug)]
pub struct TrustedServer {
    origin: Origin,
    pin: Arc<ServerPin>,
    /// What is on disk already.
    kept: String,
}

/// What the invitation said. Another invitation is another beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    address: String,
    exchange_key: String,
    tls_key_hash: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    origin: Origin,
    tls_key_hash: String,
}

impl House {
    /// Returns what a connection to an address must show; `None` where no invitation names a key.
    pub fn server_pin(&self, address: &str) -> Option<Arc<ServerPin>> {
        let invitation = tasks::read_invitation(self).ok().flatten().filter(|it| it.address == address);
        let invited = invitation.and_then(|invitation| {
            let tls_key_hash = invitation.tls_key_hash?;
            Some(Origin { address: invitation.address, exchange_key: invitation.exchange_key, tls_key_hash })
        });
        let is_of = |origin: &Origin| match &invited {
            Some(invited) => origin == invited,
            // The invitation may be gone once it was used.
            None => origin.address == address,
        };
        if let Some(known) = self.live().exchange.server.as_ref().filter(|known| is_of(&known.origin)) {
            return Some(known.pin.clone());
        }
        let kept = self.history.setting(SETTING).ok().flatten();
        let kept =
            kept.and_then(|text| serde_json::from_str::<Kept>(&text).ok()).filter(|kept| is_of(&kept.origin));
        let (origin, hash, kept) = match (kept, invited) {
            (Some(kept), _) => (kept.origin, kept.tls_key_hash.clone(), kept.tls_key_hash),
            (None, Some(invited)) => (invited.clone(), invited.tls_key_hash, String::new()),
            (None, None) => return None,
        };
        let pin = Arc::new(ServerPin::new(hash, &origin.exchange_key));
        self.live().exchange.server = Some(TrustedServer { origin, pin: pin.clone(), kept });
        Some(pin)
    }

    /// Keeps the key that is trusted now, so that a start later nobody with an older one is believed.
    pub fn keep_server_pin(&self) -> Result<(), HistoryError> {
        let Some(server) = self.live().exchange.server.clone() else { return Ok(()) };
        let tls_key_hash = server.pin.tls_key_hash();
        if tls_key_hash == server.kept {
            return Ok(());
        }
        if !server.kept.is_empty() {
            tracing::info!(
                tls_key_hash,
                "the exchange has a new TLS key, which follows on the one known so far"
            );
        }
        let kept = Kept { origin: server.origin, tls_key_hash: tls_key_hash.clone() };
        let text = serde_json::to_string(&kept).expect("a pin is plain data");
        self.history.set_setting(SETTING, &text)?;
        if let Some(server) = &mut self.live().exchange.server {
            server.kept = tls_key_hash;
        }
        Ok(())
    }
}
