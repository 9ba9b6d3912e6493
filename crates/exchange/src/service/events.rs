//! What happened since a place: the steps of slots, announcements, and a member's own settlements.

use std::fmt;
use std::str::FromStr;

use exchange_api::{Event, ProblemCode};
use rusqlite::Connection;
use units::{KeyId, MemberId, Timestamp};

use super::{Failure, refuse};
use crate::store::rows::{event, key, settlement};

/// The longest announcement: it must fit a notice in the app.
const LONGEST_TEXT: usize = 500;

/// A place in the stream of a member: the newest event and the newest settlement that it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    event: i64,
    settlement: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.event, self.settlement)
    }
}

impl FromStr for Place {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (event, settlement) = text.split_once('-').ok_or(())?;
        let number = |text: &str| text.parse::<u32>().map(i64::from).map_err(|_| ());
        Ok(Self { event: number(event)?, settlement: number(settlement)? })
    }
}

/// Returns the place at which nothing is new.
pub(crate) fn newest(db: &Connection) -> Result<Place, Failure> {
    Ok(Place { event: event::newest(db)?, settlement: settlement::newest_cursor(db)? })
}

/// Returns what happened after a place, each event with the place behind it, and no more than a limit of each kind.
pub(crate) fn after(
    db: &Connection,
    member: &MemberId,
    key: &KeyId,
    mut place: Place,
    limit: usize,
) -> Result<Vec<(Place, Event)>, Failure> {
    if key::find(db, key)?.is_none_or(|row| row.revoked_at.is_some()) {
        return refuse(ProblemCode::RevokedKey, "Ask the operator for a recovery invitation.");
    }
    let mut happened = Vec::new();
    for (id, event) in event::after(db, place.event, limit)? {
        place.event = id;
        happened.push((place, event));
    }
    for (cursor, event) in event::settlements_after(db, member, place.settlement, limit)? {
        place.settlement = cursor;
        happened.push((place, event));
    }
    Ok(happened)
}

pub(crate) fn announce(db: &Connection, text: &str, at: Timestamp) -> Result<(), Failure> {
    if text.trim().is_empty() || text.len() > LONGEST_TEXT || text.chars().any(char::is_control) {
        return refuse(
            ProblemCode::BadRequest,
            format!("An announcement has 1 to {LONGEST_TEXT} bytes on one line."),
        );
    }
    Ok(event::insert_announcement(db, text, at)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_from_its_text() {
        let place = Place { event: 12, settlement: 34 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "12", "-", "1-", "a-1", "-1-2", "1-2-3", "99999999999-1"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
