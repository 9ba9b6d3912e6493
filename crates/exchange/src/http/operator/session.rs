//! Who has signed in to the operator's page: in this process's memory only, for some hours.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::service::operator::Role;

const COOKIE: &str = "wattle_operator";
/// A working day; then a new link is needed.
const LASTS: Duration = Duration::from_secs(12 * 3600);
/// Sessions at once: a few people with a few devices. One more ends the oldest.
const AT_ONCE: usize = 16;

/// Sessions by the digest of their token, so that comparing takes the same time whatever is guessed.
#[derive(Debug, Default)]
pub(in crate::http) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

#[derive(Debug)]
struct Session {
    role: Role,
    since: Instant,
}

impl Sessions {
    /// Begins a session and returns its token.
    pub(super) fn begin(&self, role: Role, now: Instant) -> Result<String, getrandom::Error> {
        let mut token = [0; 32];
        getrandom::fill(&mut token)?;
        let token = URL_SAFE_NO_PAD.encode(token);
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.holds(now));
        if sessions.len() >= AT_ONCE {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.since).map(|(key, _)| *key);
            oldest.map(|key| sessions.remove(&key));
        }
        sessions.insert(digest(&token), Session { role, since: now });
        Ok(token)
    }

    /// Returns whose session it is, while it holds.
    pub(super) fn role(&self, token: &str, now: Instant) -> Option<Role> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&digest(token)).filter(|session| session.holds(now)).map(|session| session.role)
    }

    pub(super) fn end(&self, token: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(token));
    }
}

impl Session {
    fn holds(&self, now: Instant) -> bool {
        now.duration_since(self.since) < LASTS
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Returns the token that a browser sends.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

/// Hidden from scripts, sent by no other site and to no other path; once encrypted never in the clear.
pub(super) fn cookie(token: &str, is_encrypted: bool) -> String {
    let secure = if is_encrypted { "; Secure" } else { "" };
    format!(
        "{COOKIE}={token}; Path=/operator; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
        LASTS.as_secs()
    )
}

pub(super) fn no_cookie() -> String {
    format!("{COOKIE}=; Path=/operator; HttpOnly; SameSite=Strict; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_session_ends_by_itself_or_when_it_is_ended() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let token = sessions.begin(Role::Auditor, start).unwrap();
        assert_eq!(sessions.role(&token, start + LASTS - Duration::from_secs(1)), Some(Role::Auditor));
        assert_eq!(sessions.role(&token, start + LASTS), None);
        assert_eq!(sessions.role("another", start), None);
        sessions.end(&token);
        assert_eq!(sessions.role(&token, start), None);
    }

    #[test]
    fn one_session_too_many_ends_the_oldest() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        let tokens: Vec<String> =
            (0..=AT_ONCE as u64).map(|second| sessions.begin(Role::Operator, at(second)).unwrap()).collect();
        assert_eq!(sessions.role(&tokens[0], at(60)), None);
        assert!(tokens[1..].iter().all(|token| sessions.role(token, at(60)).is_some()));
    }

    #[test]
    fn a_cookie_that_came_encrypted_is_never_sent_in_the_clear() {
        assert!(cookie("t", true).ends_with("; Secure"));
        assert!(!cookie("t", false).contains("Secure"));
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; wattle_operator_old=x"));
        assert_eq!(token(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("c=d; wattle_operator=secret"));
        assert_eq!(token(&headers), Some("secret"));
    }
}
