//! Who calls: checks a request's signature, time and nonce before a handler sees it.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Uri, header};
use exchange_api::http_signature::{self, Claims, Headers, Message};
use exchange_api::{Problem, ProblemCode, paths, public_key_from_text};
use serde::de::DeserializeOwned;
use units::{KeyId, MemberId, Timestamp};

use super::refusal::Refusal;
use super::{Http, limits};
use crate::service::{Failure, refuse};
use crate::store::rows::key;

/// A request that was read and is not trusted yet.
pub(super) struct Received {
    pub method: String,
    pub target: String,
    pub headers: Headers,
    pub claims: Claims,
    pub body: Bytes,
}

/// A member whose request is genuine, timely and new.
pub(super) struct Caller {
    pub member: MemberId,
    pub key: KeyId,
    pub body: Bytes,
}

impl Caller {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        from_json(&self.body)
    }
}

impl FromRequest<Http> for Caller {
    type Rejection = Refusal;

    async fn from_request(request: Request, http: &Http) -> Result<Self, Refusal> {
        let received = Received::read(request, http).await?;
        received.check_time(http)?;
        let id = received.claims.key.clone();
        let row = http.exchange.store().read(move |db| Ok::<_, Failure>(key::find(db, &id)?)).await?;
        let Some(row) = row else {
            return Err(Problem::new(ProblemCode::UnknownKey, "Join with an invitation first.").into());
        };
        let public_key = public_key_from_text(&row.public_key)
            .map_err(|error| Problem::new(ProblemCode::Internal, error.to_string()))?;
        received.verify(&public_key)?;
        http.limits.count(&row.id, Instant::now())?;
        let (claims, until, now) =
            (received.claims.clone(), received.nonce_until(http), http.exchange.real_now());
        // Looked up again where it is written: the operator may have revoked the key just now.
        let admit = move |db: &rusqlite::Connection| {
            if key::find(db, &claims.key)?.is_some_and(|row| row.revoked_at.is_some()) {
                return refuse(ProblemCode::RevokedKey, "Ask the operator for a recovery invitation.");
            }
            if !key::take_nonce(db, &claims.key, &claims.nonce, until, now)? {
                return refuse(ProblemCode::Replayed, "Its nonce was used before. Sign each request anew.");
            }
            Ok(())
        };
        let reads_only = received.method == "GET";
        let (key, nonce) = (received.claims.key.clone(), received.claims.nonce.clone());
        if http.limits.was_admitted_unwritten(&key, &nonce) {
            return Err(Problem::new(
                ProblemCode::Replayed,
                "Its nonce was used before. Sign each request anew.",
            )
            .into());
        }
        match http.exchange.store().write(admit).await {
            // A disk that is full or fails can still be read. The nonce of a reader is kept in memory then: a
            // restart forgets it, and whoever could replay it within its two minutes learns what it asked for.
            Err(Failure::Store(error)) if reads_only && error.is_of_the_disk() => {
                http.limits.admit_unwritten(key, nonce, until, now)?;
            }
            outcome => outcome?,
        }
        Ok(Self { member: row.member, key: row.id, body: received.body })
    }
}

impl Received {
    /// Reads a request within the limits of body and time.
    pub(super) async fn read(request: Request, http: &Http) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let target = target(&parts.uri, &parts.headers, http)?;
        let headers = signature_headers(&parts.headers)?;
        let claims = http_signature::claims(&headers)
            .map_err(|error| Problem::new(ProblemCode::BadSignature, format!("{error}.")))?;
        let reading = axum::body::to_bytes(body, paths::MAX_BODY_BYTES);
        let body = match tokio::time::timeout(limits::REQUEST_TIMEOUT, reading).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => {
                let detail = format!("A body has at most {} bytes.", paths::MAX_BODY_BYTES);
                return Err(Problem::new(ProblemCode::TooLarge, detail));
            }
            Err(_) => return Err(Problem::new(ProblemCode::Busy, "The body came too slowly.")),
        };
        Ok(Self { method: parts.method.to_string(), target, headers, claims, body })
    }

    /// Checks that the request was signed about now, by real time.
    pub(super) fn check_time(&self, http: &Http) -> Result<(), Problem> {
        let (created, expires) = (self.claims.created, self.claims.expires);
        if !(0..=http_signature::MAX_VALIDITY_S).contains(&(expires.seconds() - created.seconds())) {
            let detail = format!("A signature is valid for at most {} s.", http_signature::MAX_VALIDITY_S);
            return Err(Problem::new(ProblemCode::BadSignature, detail));
        }
        let now = http.exchange.real_now();
        let tolerance = tolerance(http);
        if created.since(now).max(now.since(created)) > tolerance || now > expires {
            let detail = format!(
                "The request says {created}, the exchange's clock {now}; they may differ by {} s. \
                 Set this computer's clock, then try again.",
                tolerance.as_secs()
            );
            return Err(Problem::new(ProblemCode::ClockOff, detail));
        }
        Ok(())
    }

    pub(super) fn verify(&self, key: &exchange_api::VerifyingKey) -> Result<(), Problem> {
        let message = Message { method: &self.method, target_uri: &self.target, body: &self.body };
        match http_signature::verify(&message, &self.headers, key) {
            Ok(_) => Ok(()),
            Err(error) => Err(Problem::new(ProblemCode::BadSignature, format!("{error}."))),
        }
    }

    /// Returns until when the nonce must be remembered: as long as the request could pass the check of time.
    pub(super) fn nonce_until(&self, http: &Http) -> Timestamp {
        self.claims.expires.max(self.claims.created + tolerance(http))
    }
}

fn tolerance(http: &Http) -> Duration {
    Duration::from_secs(http.exchange.config().clock_tolerance_s.into())
}

/// Returns the absolute address that the client asked for.
pub(super) fn target(uri: &Uri, headers: &HeaderMap, http: &Http) -> Result<String, Problem> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !http.hosts.contains(host) {
        let detail = format!("This exchange is not called \"{host}\". Use the address of the invitation.");
        return Err(Problem::new(ProblemCode::BadRequest, detail));
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok(format!("{}://{host}{path}", http.scheme))
}

fn signature_headers(headers: &HeaderMap) -> Result<Headers, Problem> {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
            (Some(value), None) => Ok(value.to_owned()),
            _ => Err(Problem::new(
                ProblemCode::Unsigned,
                format!("The header {name} is needed, exactly once."),
            )),
        }
    };
    Ok(Headers {
        content_digest: one(http_signature::CONTENT_DIGEST)?,
        signature_input: one(http_signature::SIGNATURE_INPUT)?,
        signature: one(http_signature::SIGNATURE)?,
    })
}

/// Reads a body; names the place where it is wrong.
pub(super) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let unaligned = serde_json::from_slice(body).ok().and_then(|value| unaligned_slot(&value));
        match unaligned {
            Some(slot) => Problem::new(
                ProblemCode::UnalignedSlot,
                format!("\"{slot}\" is not a slot: slots start at minutes 0, 15, 30 and 45."),
            ),
            None => Problem::new(ProblemCode::BadRequest, format!("The body: {error}.")),
        }
    })
}

/// Finds a field `slot` or `from` that is a time and not the start of a slot.
fn unaligned_slot(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Array(items) => items.iter().find_map(unaligned_slot),
        serde_json::Value::Object(fields) => fields.iter().find_map(|(name, value)| match value.as_str() {
            Some(text) if name == "slot" || name == "from" => is_unaligned(text).then(|| text.to_owned()),
            _ => unaligned_slot(value),
        }),
        _ => None,
    }
}

pub(super) fn is_unaligned(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok_and(|time| units::Slot::starting_at(time).is_err())
}
