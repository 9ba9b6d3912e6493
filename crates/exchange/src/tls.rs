//! The exchange's TLS key: made with the market, pinned by every invitation, and followed when it changes.
//!
//! Key and certificate lie in one file, so that a change is one rename. What the key follows on is signed by the
//! exchange's key and lies beside it; a member that pinned an older one finds the way from there.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchange_api::{DeviceKey, ServerKey, SignedServerKey, public_key_from_text, tls_key_hash};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use tokio_rustls::TlsAcceptor;
use units::MarketId;
use zeroize::Zeroizing;

use crate::exchange::{ExchangeError, file_error, write_secret};

/// Certificate and key in PEM; the certificate alone where a proxy has the key.
pub(crate) const TLS: &str = "tls.pem";
/// The exchange's word on which key that is and which it follows on.
pub(crate) const SERVER_KEY: &str = "tls.json";

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{0} holds no certificate in PEM")]
    NoCertificate(String),
    #[error(
        "{0} holds no private key in PEM, so the exchange cannot encrypt by itself. Give it the key with `wattle-exchange \
         renew-tls-key --certificate FILE --key FILE`, or serve with --behind-proxy if a proxy has it"
    )]
    NoKey(String),
    #[error("certificate and key cannot be used for TLS")]
    Unusable(#[source] rustls::Error),
    #[error("a certificate cannot be made")]
    Make(#[source] rcgen::Error),
}

/// The certificate by which members know the server, with its key where this process has it.
pub(crate) struct Identity {
    certificates: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
}

impl Identity {
    /// Reads what lies in a market's folder; makes it in one from before there was TLS.
    pub(crate) fn read_or_make(dir: &Path) -> Result<Self, ExchangeError> {
        let file = dir.join(TLS);
        if !file.exists() {
            make(dir)?;
        }
        let pem = std::fs::read(&file).map(Zeroizing::new).map_err(file_error("reading", &file))?;
        Ok(Self::parse(&pem, &file.display().to_string())?)
    }

    fn parse(pem: &[u8], file: &str) -> Result<Self, TlsError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
        if certificates.is_empty() {
            return Err(TlsError::NoCertificate(file.to_owned()));
        }
        Ok(Self { certificates, key: PrivateKeyDer::from_pem_slice(pem).ok() })
    }

    /// Returns what members pin.
    pub(crate) fn hash(&self) -> Result<String, TlsError> {
        let parsed = ParsedCertificate::try_from(&self.certificates[0]).map_err(TlsError::Unusable)?;
        Ok(tls_key_hash(&parsed.subject_public_key_info()))
    }

    pub(crate) fn acceptor(self) -> Result<TlsAcceptor, TlsError> {
        let Some(key) = self.key else { return Err(TlsError::NoKey(TLS.to_owned())) };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_single_cert(self.certificates, key)
            .map_err(TlsError::Unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Makes key and certificate in a market's folder; an earlier key is replaced.
pub(crate) fn make(dir: &Path) -> Result<(), ExchangeError> {
    let key = rcgen::KeyPair::generate().map_err(TlsError::Make)?;
    let mut parameters = rcgen::CertificateParams::default();
    // Nobody asks for the name: the key is what is known.
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "Wattle exchange");
    let certificate = parameters.self_signed(&key).map_err(TlsError::Make)?;
    let secret = Zeroizing::new(key.serialize_der());
    let text = [pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", &secret)].concat();
    put(dir, Zeroizing::new(text).as_bytes())
}

/// Takes a certificate, and its key unless a proxy has it, into a market's folder.
pub(crate) fn take(dir: &Path, certificate: &Path, key: Option<&Path>) -> Result<(), ExchangeError> {
    let read = |file: &Path| std::fs::read(file).map(Zeroizing::new).map_err(file_error("reading", file));
    let mut text = Zeroizing::new(read(certificate)?.to_vec());
    if let Some(file) = key {
        text.push(b'\n');
        text.extend_from_slice(&read(file)?);
    }
    let identity = Identity::parse(&text, &certificate.display().to_string())?;
    identity.hash()?;
    if let Some(file) = key {
        if identity.key.is_none() {
            return Err(TlsError::NoKey(file.display().to_string()).into());
        }
        // Tells whether the two belong together.
        identity.acceptor()?;
    }
    put(dir, &text)
}

fn put(dir: &Path, text: &[u8]) -> Result<(), ExchangeError> {
    let (file, next) = (dir.join(TLS), dir.join(format!("{TLS}.next")));
    if next.exists() {
        std::fs::remove_file(&next).map_err(file_error("removing", &next))?;
    }
    write_secret(&next, text)?;
    std::fs::rename(&next, &file).map_err(file_error("renaming", &next))
}

/// Returns the exchange's word on the key that lies in the folder; says it anew where that is another one.
pub(crate) fn word(
    dir: &Path,
    market: &MarketId,
    exchange_key: &DeviceKey,
) -> Result<SignedServerKey, ExchangeError> {
    let hash = Identity::read_or_make(dir)?.hash()?;
    let file = dir.join(SERVER_KEY);
    let known = match std::fs::read(&file) {
        Ok(text) => serde_json::from_slice::<SignedServerKey>(&text).ok(),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
        Err(cause) => return Err(file_error("reading", &file)(cause)),
    };
    // What the key of another exchange signed, or a damaged file, is nothing to follow on.
    let own = public_key_from_text(&exchange_key.public_key_text()).ok();
    let known = known.filter(|word| own.is_some_and(|own| word.verify(&own).is_ok()));
    if let Some(word) = known.as_ref().filter(|word| word.body.tls_key_hash == hash) {
        return Ok(word.clone());
    }
    let mut previous = known.map_or(Vec::new(), |word| {
        let ServerKey { tls_key_hash, mut previous, .. } = word.body;
        previous.push(tls_key_hash);
        previous
    });
    // Back to an earlier key: nobody is led away from it any more.
    previous.retain(|earlier| *earlier != hash);
    let body = ServerKey { market: market.clone(), tls_key_hash: hash, previous };
    let word = SignedServerKey::sign(body, exchange_key);
    let text = serde_json::to_vec(&word).expect("a server's key is plain data");
    let next = dir.join(format!("{SERVER_KEY}.next"));
    std::fs::write(&next, text).map_err(file_error("writing", &next))?;
    std::fs::rename(&next, &file).map_err(file_error("renaming", &next))?;
    Ok(word)
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, MarketId, DeviceKey) {
        (tempfile::tempdir().unwrap(), MarketId::new("m").unwrap(), DeviceKey::from_bytes(&[1; 32]))
    }

    #[test]
    fn a_key_is_made_once_and_each_later_one_follows_on_the_earlier() {
        let (dir, market, key) = folder();
        let first = word(dir.path(), &market, &key).unwrap();
        assert_eq!(word(dir.path(), &market, &key).unwrap(), first);
        make(dir.path()).unwrap();
        let second = word(dir.path(), &market, &key).unwrap();
        assert_eq!(second.body.previous, std::slice::from_ref(&first.body.tls_key_hash));
        make(dir.path()).unwrap();
        let third = word(dir.path(), &market, &key).unwrap();
        assert_eq!(third.body.previous, [first.body.tls_key_hash, second.body.tls_key_hash]);
        assert!(Identity::read_or_make(dir.path()).unwrap().acceptor().is_ok());
    }

    #[test]
    fn a_certificate_from_elsewhere_is_taken_with_its_key_only() {
        let (dir, ..) = folder();
        let other = tempfile::tempdir().unwrap();
        make(other.path()).unwrap();
        let both = other.path().join(TLS);
        take(dir.path(), &both, None).unwrap();
        let text = std::fs::read_to_string(&both).unwrap();
        let (certificate, key) = text.split_at(text.find("-----BEGIN PRIVATE").unwrap());
        let (certificate_file, key_file) = (other.path().join("c.pem"), other.path().join("k.pem"));
        std::fs::write(&certificate_file, certificate).unwrap();
        std::fs::write(&key_file, key).unwrap();
        take(dir.path(), &certificate_file, Some(&key_file)).unwrap();
        // The proxy has the key.
        take(dir.path(), &certificate_file, None).unwrap();
        let identity = Identity::read_or_make(dir.path()).unwrap();
        assert!(matches!(identity.acceptor(), Err(TlsError::NoKey(_))));
        // A key of another certificate, and no certificate at all.
        make(dir.path()).unwrap();
        std::fs::write(&key_file, std::fs::read(dir.path().join(TLS)).unwrap()).unwrap();
        assert!(take(dir.path(), &certificate_file, Some(&key_file)).is_err());
        std::fs::write(&certificate_file, "hello").unwrap();
        assert!(take(dir.path(), &certificate_file, None).is_err());
    }
}
