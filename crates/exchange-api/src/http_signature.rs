//! Signs and checks requests by RFC 9421 (Ed25519), with the digest of RFC 9530 over the body.
//!
//! One profile, strictly: the label `wattle`, exactly the components `@method`, `@target-uri` and
//! `content-digest`, and exactly the parameters `created`, `expires`, `nonce`, `keyid` and `alg`.
//! Anything else is refused, so that there is one way to say a thing. Knows nothing of a web server.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use units::{KeyId, Timestamp};

use crate::key::DeviceKey;

pub const CONTENT_DIGEST: &str = "content-digest";
pub const SIGNATURE_INPUT: &str = "signature-input";
pub const SIGNATURE: &str = "signature";

const LABEL: &str = "wattle=";
const COMPONENTS: &str = r#"("@method" "@target-uri" "content-digest")"#;

/// How long a signature may be valid at most, in seconds. A nonce is remembered that long.
pub const MAX_VALIDITY_S: i64 = 600;

/// The parts of a request that are signed. An absent body is an empty one.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Absolute, with scheme, authority, path and query.
    pub target_uri: &'a str,
    pub body: &'a [u8],
}

/// The three header fields that carry a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    pub content_digest: String,
    pub signature_input: String,
    pub signature: String,
}

/// What a signature says of itself. Not to be trusted before [`verify`] said yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    pub created: Timestamp,
    pub expires: Timestamp,
    pub nonce: String,
    pub key: KeyId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestSignatureError {
    #[error("the header signature-input is not of the form that docs/protocols/signatures.md gives")]
    MalformedInput,
    #[error("the header signature is not of the form that docs/protocols/signatures.md gives")]
    MalformedSignature,
    #[error("the header content-digest is not the SHA-256 of the body")]
    Digest,
    #[error("the signature does not fit the request")]
    Wrong,
}

/// Signs a request as valid for a time from `created`, both in whole seconds.
pub fn sign(message: &Message, key: &DeviceKey, created: Timestamp, valid_s: i64, nonce: &str) -> Headers {
    let claims = Claims {
        created,
        expires: Timestamp::from_seconds(created.seconds() + valid_s),
        nonce: nonce.to_owned(),
        key: key.key_id(),
    };
    let params = params(&claims);
    let content_digest = content_digest(message.body);
    let signature = key.sign(our_base(message, &content_digest, &params).as_bytes());
    Headers {
        content_digest,
        signature_input: format!("{LABEL}{params}"),
        signature: format!("{LABEL}:{}:", STANDARD.encode(signature)),
    }
}

/// Reads what a signature claims, so that its key can be found.
pub fn claims(headers: &Headers) -> Result<Claims, RequestSignatureError> {
    let malformed = RequestSignatureError::MalformedInput;
    let params = headers.signature_input.strip_prefix(LABEL).ok_or(malformed)?;
    let mut rest = params.strip_prefix(COMPONENTS).ok_or(malformed)?;
    let mut next = |name: &str| -> Option<&str> {
        let value = rest.strip_prefix(';')?.strip_prefix(name)?.strip_prefix('=')?;
        let (value, after) = value.split_at(value.find(';').unwrap_or(value.len()));
        rest = after;
        Some(value)
    };
    let read = Claims {
        created: next("created").and_then(seconds).ok_or(malformed)?,
        expires: next("expires").and_then(seconds).ok_or(malformed)?,
        nonce: next("nonce").and_then(token).ok_or(malformed)?.to_owned(),
        key: next("keyid").and_then(token).and_then(|id| KeyId::new(id).ok()).ok_or(malformed)?,
    };
    next("alg").filter(|alg| *alg == "\"ed25519\"").ok_or(malformed)?;
    // Written again it must be what was sent: no second spelling passes, and nothing follows.
    if self::params(&read) == params { Ok(read) } else { Err(malformed) }
}

/// Checks the digest of the body and the signature, and returns the claims. Times and nonces are the caller's.
pub fn verify(
    message: &Message,
    headers: &Headers,
    key: &VerifyingKey,
) -> Result<Claims, RequestSignatureError> {
    let claims = claims(headers)?;
    if headers.content_digest != content_digest(message.body) {
        return Err(RequestSignatureError::Digest);
    }
    let signature = headers
        .signature
        .strip_prefix(LABEL)
        .and_then(|value| value.strip_prefix(':')?.strip_suffix(':'))
        .and_then(|value| STANDARD.decode(value).ok())
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
        .ok_or(RequestSignatureError::MalformedSignature)?;
    let base = our_base(message, &headers.content_digest, &params(&claims));
    key.verify_strict(base.as_bytes(), &signature).map_err(|_| RequestSignatureError::Wrong)?;
    Ok(claims)
}

/// Makes a nonce: 16 random bytes as text.
pub fn new_nonce() -> Result<String, getrandom::Error> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    Ok(URL_SAFE_NO_PAD.encode(nonce))
}

/// Returns the `content-digest` of a body: `sha-256=:...:`.
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

fn params(claims: &Claims) -> String {
    format!(
        "{COMPONENTS};created={};expires={};nonce=\"{}\";keyid=\"{}\";alg=\"ed25519\"",
        claims.created.seconds(),
        claims.expires.seconds(),
        claims.nonce,
        claims.key
    )
}

fn our_base(message: &Message, content_digest: &str, params: &str) -> String {
    let components =
        [("@method", message.method), ("@target-uri", message.target_uri), (CONTENT_DIGEST, content_digest)];
    signature_base(&components, params)
}

/// Writes the signature base of RFC 9421, section 2.5.
fn signature_base(components: &[(&str, &str)], params: &str) -> String {
    let mut base = String::new();
    for (name, value) in components {
        base.extend(["\"", name, "\": ", value, "\n"]);
    }
    base + "\"@signature-params\": " + params
}

/// Reads whole seconds since 1970. Twelve digits reach the year 33658.
fn seconds(text: &str) -> Option<Timestamp> {
    let digits = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok().map(Timestamp::from_seconds)).flatten()
}

/// Reads a quoted word of base64url letters, which need no escapes.
fn token(text: &str) -> Option<&str> {
    let word = text.strip_prefix('"')?.strip_suffix('"')?;
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    ((1..=64).contains(&word.len()) && plain).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 9421, appendix B.1.4: test-key-ed25519.
    fn rfc_key() -> DeviceKey {
        let secret = STANDARD.decode("n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=").unwrap();
        DeviceKey::from_bytes(&secret.try_into().unwrap())
    }

    #[test]
    fn the_vector_of_rfc_9421_b_2_6_holds() {
        let components = [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ];
        let params = r#"("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
        let signature = rfc_key().sign(signature_base(&components, params).as_bytes());
        assert_eq!(
            STANDARD.encode(signature),
            "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
        );
        assert_eq!(
            STANDARD.encode(rfc_key().verifying_key().as_bytes()),
            "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
        );
    }

    #[test]
    fn the_digest_is_that_of_rfc_9530() {
        assert_eq!(
            content_digest(b"{\"hello\": \"world\"}"),
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
        );
    }

    const MESSAGE: Message = Message {
        method: "POST",
        target_uri: "http://127.0.0.1:8400/v1/orders?x=1",
        body: b"{\"orders\":[]}",
    };

    fn signed() -> Headers {
        sign(&MESSAGE, &rfc_key(), Timestamp::from_seconds(1_780_000_000), 60, "c2FsdA-_")
    }

    #[test]
    fn the_vector_of_the_protocol_document_holds() {
        let headers = signed();
        let document = include_str!("../../../docs/protocols/signatures.md");
        for part in [&headers.content_digest, &headers.signature_input, &headers.signature] {
            assert!(document.contains(part.as_str()), "docs/protocols/signatures.md lacks {part}");
        }
    }

    #[test]
    fn a_signed_request_verifies_and_says_who_and_when() {
        let claims = verify(&MESSAGE, &signed(), &rfc_key().verifying_key()).unwrap();
        assert_eq!(claims.key, rfc_key().key_id());
        assert_eq!(claims.nonce, "c2FsdA-_");
        assert_eq!(claims.created, Timestamp::from_seconds(1_780_000_000));
        assert_eq!(claims.expires, Timestamp::from_seconds(1_780_000_060));
    }

    #[test]
    fn changing_any_part_is_noticed() {
        let key = rfc_key().verifying_key();
        let check = |message: &Message, headers: &Headers| verify(message, headers, &key).unwrap_err();
        use RequestSignatureError::{Digest, MalformedInput, MalformedSignature, Wrong};
        assert_eq!(check(&Message { method: "PUT", ..MESSAGE }, &signed()), Wrong);
        assert_eq!(
            check(&Message { target_uri: "http://127.0.0.1:8400/v1/orders", ..MESSAGE }, &signed()),
            Wrong
        );
        assert_eq!(
            check(&Message { target_uri: "https://127.0.0.1:8400/v1/orders?x=1", ..MESSAGE }, &signed()),
            Wrong
        );
        assert_eq!(check(&Message { body: b"{\"orders\":[1]}", ..MESSAGE }, &signed()), Digest);
        let other_body = Message { body: b"{}", ..MESSAGE };
        assert_eq!(check(&other_body, &Headers { content_digest: content_digest(b"{}"), ..signed() }), Wrong);
        for (from, to, error) in [
            ("created=1780000000", "created=1780000001", Wrong),
            ("expires=1780000060", "expires=1780009999", Wrong),
            ("c2FsdA-_", "c2FsdA-A", Wrong),
            ("alg=\"ed25519\"", "alg=\"hmac-sha256\"", MalformedInput),
            ("created=1780000000", "created=+1780000000", MalformedInput),
            ("created=1780000000", "created=01780000000", MalformedInput),
            (" \"content-digest\"", "", MalformedInput),
            ("wattle=", "other=", MalformedInput),
            ("\"@method\"", "\"@method\" ", MalformedInput),
        ] {
            let input = signed().signature_input.replacen(from, to, 1);
            assert_eq!(
                check(&MESSAGE, &Headers { signature_input: input, ..signed() }),
                error,
                "{from} -> {to}"
            );
        }
        let trailing = signed().signature_input + ";tag=\"x\"";
        assert_eq!(check(&MESSAGE, &Headers { signature_input: trailing, ..signed() }), MalformedInput);
        let cut = Headers { signature: "wattle=:AAAA:".to_owned(), ..signed() };
        assert_eq!(check(&MESSAGE, &cut), MalformedSignature);
        let other = DeviceKey::from_bytes(&[8; 32]).verifying_key();
        assert_eq!(verify(&MESSAGE, &signed(), &other), Err(Wrong));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(input in "\\PC{0,120}", signature in "\\PC{0,120}") {
            let headers = Headers { signature_input: input, signature, ..signed() };
            prop_assert!(verify(&MESSAGE, &headers, &rfc_key().verifying_key()).is_err());
        }

        #[test]
        fn any_body_and_target_round_trip(body in prop::collection::vec(any::<u8>(), 0..200), query in "[a-z0-9=&%]{0,30}") {
            let target = format!("http://localhost:1/v1/slots?{query}");
            let message = Message { method: "GET", target_uri: &target, body: &body };
            let headers = sign(&message, &rfc_key(), Timestamp::from_seconds(5), 60, &new_nonce().unwrap());
            prop_assert!(verify(&message, &headers, &rfc_key().verifying_key()).is_ok());
        }
    }
}
