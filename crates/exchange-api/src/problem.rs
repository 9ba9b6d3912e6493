//! Refusals as RFC 9457 problems: a code for programs, sentences for people.

use crate::wire::{Problem, ProblemCode};

/// What a problem's `type` begins with; the code follows.
pub const TYPE_PREFIX: &str = "https://wattle.example/problems/";

impl Problem {
    /// Makes a problem. The detail says what happened, what it means and what to do.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{TYPE_PREFIX}{}", code.word()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}. {}", self.title, self.detail)
    }
}

impl std::error::Error for Problem {}

/// One table: variant, word on the wire, HTTP status, title.
macro_rules! codes {
    ($($variant:ident = $word:literal, $status:literal, $title:literal;)+) => {
        impl ProblemCode {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word for it on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Finds it by its word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }

            /// Returns the HTTP status that it is answered with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

codes! {
    BadRequest = "bad_request", 400, "The request cannot be understood";
    NotFound = "not_found", 404, "There is nothing here";
    TooLarge = "too_large", 413, "The request is too large";
    TooManyRequests = "too_many_requests", 429, "Too many at once";
    Busy = "busy", 503, "The exchange is busy";
    StorageFull = "storage_full", 507, "The exchange's disk is full";
    Unsigned = "unsigned", 401, "The request is not signed";
    BadSignature = "bad_signature", 401, "The signature does not fit";
    ClockOff = "clock_off", 401, "The clock is off";
    Replayed = "replayed", 401, "This request was already sent";
    UnknownKey = "unknown_key", 401, "The exchange does not know this key";
    RevokedKey = "revoked_key", 403, "This key was revoked";
    InvalidInvitation = "invalid_invitation", 403, "The invitation is not valid";
    ExpiredInvitation = "expired_invitation", 403, "The invitation has expired";
    TermsNotAgreed = "terms_not_agreed", 403, "The market's terms are not agreed to";
    WrongMarket = "wrong_market", 422, "This is for another market";
    NotYours = "not_yours", 403, "This is another member's";
    UnalignedSlot = "unaligned_slot", 422, "This is not the start of a quarter hour";
    PastSlot = "past_slot", 422, "The slot has begun already";
    TooFarAhead = "too_far_ahead", 422, "The slot is too far ahead";
    GateClosed = "gate_closed", 409, "The slot's gate has closed";
    OutsideCapAndFloor = "outside_cap_and_floor", 422, "The limit is outside the market's cap and floor";
    BeyondFuse = "beyond_fuse", 422, "This is more than the fuse lets through";
    BeyondExposure = "beyond_exposure", 422, "The day's orders would cost more than the agreed limit";
    NoQuantity = "no_quantity", 422, "The quantity must be positive";
    IdTaken = "id_taken", 409, "This id belongs to something else";
    ReadingBackwards = "reading_backwards", 422, "The register runs backwards";
    ReadingContradicts = "reading_contradicts", 409, "The reading contradicts an earlier one";
    ReadingTooEarly = "reading_too_early", 422, "The slot is not over yet";
    SlotFinal = "slot_final", 409, "The slot's settlement is final";
    DealWithOneself = "deal_with_oneself", 422, "Nobody deals with himself";
    DealEnded = "deal_ended", 409, "The deal has ended";
    Internal = "internal", 500, "The exchange made a mistake";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_word_everywhere() {
        for &code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.word());
            assert_eq!(ProblemCode::from_word(code.word()), Some(code));
            assert!(Problem::new(code, "x").kind.ends_with(code.word()));
        }
    }

    #[test]
    fn every_code_stands_in_the_protocol_document() {
        let document = include_str!("../../../docs/protocols/exchange-wire.md");
        for code in ProblemCode::ALL {
            let row = format!("| `{}` | {} |", code.word(), code.status());
            assert!(document.contains(&row), "docs/protocols/exchange-wire.md lacks {row}");
        }
    }
}
