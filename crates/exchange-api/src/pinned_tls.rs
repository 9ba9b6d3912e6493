//! TLS that trusts one key and no authority: the key that the invitation names, or one that follows on it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use crate::invitation::Invitation;
use crate::key::public_key_from_text;
use crate::server_key::{SignedServerKey, tls_key_hash};

/// Which server is the exchange. Shared by all clients of one exchange, since the key may change while they run.
#[derive(Debug)]
pub struct ServerPin {
    /// The exchange's signing key: it says which TLS key follows on which.
    exchange_key: String,
    tls_key_hash: RwLock<String>,
}

impl ServerPin {
    /// Pins a TLS key by its hash; `exchange_key` is the exchange's Ed25519 key as the invitation names it.
    pub fn new(tls_key_hash: impl Into<String>, exchange_key: impl Into<String>) -> Self {
        Self { exchange_key: exchange_key.into(), tls_key_hash: RwLock::new(tls_key_hash.into()) }
    }

    /// Returns what an invitation pins; `None` where the exchange is on the own machine and nothing is encrypted.
    pub fn of(invitation: &Invitation) -> Option<Self> {
        let hash = invitation.tls_key_hash.as_ref()?;
        Some(Self::new(hash, &invitation.exchange_key))
    }

    /// Returns the key that is trusted now. Whoever keeps it across restarts knows it before an attacker with an
    /// older one comes.
    pub fn tls_key_hash(&self) -> String {
        self.tls_key_hash.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Pins the key that a server showed, if the exchange says that it follows on the one pinned so far.
    pub(crate) fn follow(&self, shown: &str, word: &SignedServerKey) -> bool {
        let Ok(exchange_key) = public_key_from_text(&self.exchange_key) else { return false };
        let Ok(key) = word.verify(&exchange_key) else { return false };
        let mut pinned = self.tls_key_hash.write().unwrap_or_else(PoisonError::into_inner);
        let follows = key.tls_key_hash == shown && (*pinned == shown || key.previous.contains(&pinned));
        if follows {
            *pinned = shown.to_owned();
        }
        follows
    }
}

/// Whom a connection trusts.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Nobody: only HTTP is spoken. reqwest wants a TLS configuration even so.
    Nobody,
    Pinned(Arc<ServerPin>),
    /// Anyone, and the key shown is written down. For the one question that gives nothing away.
    Anyone(Arc<Mutex<Option<String>>>),
}

/// The server showed another key than the one pinned.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the server shows the key {shown}")]
pub(crate) struct OtherKey {
    pub shown: String,
}

impl OtherKey {
    /// Finds the refusal among the causes of a connection's failure.
    pub(crate) fn among(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(Error::InvalidCertificate(CertificateError::Other(OtherError(other)))) =
                error.downcast_ref()
            {
                return other.downcast_ref::<Self>().cloned();
            }
            // An I/O error does not name what it wraps among its sources.
            let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            cause = match wrapped {
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            };
        }
        None
    }
}

/// Returns the TLS settings of a client.
pub(crate) fn configuration(trust: Trust) -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring speaks the default versions of TLS");
    match trust {
        Trust::Nobody => builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth(),
        trust => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { trust, provider }))
            .with_no_client_auth(),
    }
}

/// Looks at the key alone. Names, dates and issuers say nothing that the pin does not say better.
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("trust", &self.trust).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = tls_key_hash(&ParsedCertificate::try_from(certificate)?.subject_public_key_info());
        match &self.trust {
            Trust::Pinned(pin) if pin.tls_key_hash() == shown => Ok(ServerCertVerified::assertion()),
            Trust::Anyone(seen) => {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
                Ok(ServerCertVerified::assertion())
            }
            Trust::Pinned(_) | Trust::Nobody => {
                let other = OtherError(Arc::new(OtherKey { shown }));
                Err(Error::InvalidCertificate(CertificateError::Other(other)))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use units::MarketId;

    use super::*;
    use crate::key::DeviceKey;
    use crate::server_key::ServerKey;

    #[test]
    fn a_pin_follows_forward_and_never_back() {
        let key = DeviceKey::from_bytes(&[1; 32]);
        let word = |hash: &str, previous: &[&str], key: &DeviceKey| {
            let previous = previous.iter().map(|&hash| hash.to_owned()).collect();
            let market = MarketId::new("m").unwrap();
            SignedServerKey::sign(ServerKey { market, tls_key_hash: hash.to_owned(), previous }, key)
        };
        let pin = ServerPin::new("first", key.public_key_text());
        let stranger = DeviceKey::from_bytes(&[2; 32]);
        assert!(!pin.follow("second", &word("second", &["first"], &stranger)), "another's word");
        assert!(!pin.follow("mine", &word("second", &["first"], &key)), "another key than it shows");
        assert!(!pin.follow("second", &word("second", &[], &key)), "one that follows on nothing");
        assert!(pin.follow("third", &word("third", &["first", "second"], &key)));
        assert!(!pin.follow("second", &word("second", &["first"], &key)), "an older key");
        assert_eq!(pin.tls_key_hash(), "third");
    }
}
