//! How a member's meter is: judged from what was told, and when.

use std::time::Duration;

use serde::Serialize;
use units::{Slot, Timestamp};

use crate::config::MarketConfig;
use crate::store::rows::operator::{DeviceRow, HeldRow, MemberRow};

/// How long after a slot its reading is on the way: the sample after the border, and a retry or two.
const ON_ITS_WAY: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Has not joined yet.
    Invited,
    /// No device has a valid key.
    NoDevice,
    /// The first slot is not over.
    New,
    /// The newest slot that can be known is.
    Fresh,
    /// Something is missing that still comes in time.
    Late,
    /// The newest readings were held: the meter tells what cannot be.
    Held,
    /// The device speaks, its meter does not.
    Unmeasured,
    /// Nothing came in time.
    Silent,
}

impl Health {
    /// Returns whether someone should look.
    pub fn is_trouble(self) -> bool {
        match self {
            Self::Invited | Self::New | Self::Fresh | Self::Late => false,
            Self::NoDevice | Self::Held | Self::Unmeasured | Self::Silent => true,
        }
    }
}

/// Judges a member by its devices and what they told; `held` has the newest first.
pub(super) fn judge(
    config: &MarketConfig,
    member: &MemberRow,
    devices: &[DeviceRow],
    held: &[HeldRow],
    now: Timestamp,
) -> Health {
    let Some(first) = member.first_slot else { return Health::Invited };
    let newest_due = Slot::containing(now - ON_ITS_WAY).offset(-1);
    let measured = member.last_measured.as_ref().map(|last| last.slot);
    let known = measured.max(member.last_of_utility);
    if known.is_some_and(|known| known >= newest_due) {
        return Health::Fresh;
    }
    if devices.iter().all(|device| device.revoked_at.is_some()) {
        return Health::NoDevice;
    }
    if newest_due < first {
        return Health::New;
    }
    if held.iter().any(|held| measured.is_none_or(|measured| held.slot > measured)) {
        return Health::Held;
    }
    if member.last_told.is_some_and(|told| told >= newest_due) {
        return Health::Unmeasured;
    }
    let missing = known.map_or(first, |known| known.next().max(first));
    match missing.end() + Duration::from_secs(config.readings_close_s.into()) > now {
        true => Health::Late,
        false => Health::Silent,
    }
}

#[cfg(test)]
mod tests {
    use units::{AreaId, KeyId, MarketId, MemberId, WattHours};

    use super::*;
    use crate::store::rows::operator::MeasuredRow;

    fn slot(text: &str) -> Slot {
        format!("2026-06-01T{text}:00Z").parse().unwrap()
    }

    /// A member since eight o'clock, whose device told and measured up to these slots.
    fn member(told: Option<&str>, measured: Option<&str>) -> MemberRow {
        MemberRow {
            id: MemberId::new("a").unwrap(),
            area: AreaId::new("feeder-1").unwrap(),
            metering_point: "m".to_owned(),
            first_slot: Some(slot("08:00")),
            joined_at: None,
            terms_version: None,
            last_told: told.map(slot),
            last_measured: measured.map(|text| MeasuredRow {
                slot: slot(text),
                import_end: WattHours::ZERO,
                export_end: WattHours::ZERO,
                received_at: Timestamp::from_seconds(0),
            }),
            last_of_utility: None,
            measured: 0,
        }
    }

    fn device(revoked: bool) -> DeviceRow {
        DeviceRow {
            member: MemberId::new("a").unwrap(),
            key: KeyId::new("k").unwrap(),
            name: "box".to_owned(),
            enrolled_at: Timestamp::from_seconds(0),
            revoked_at: revoked.then_some(Timestamp::from_seconds(1)),
        }
    }

    fn held(text: &str) -> HeldRow {
        HeldRow {
            member: MemberId::new("a").unwrap(),
            slot: slot(text),
            received_at: Timestamp::from_seconds(0),
            reason: "beyond_fuse".to_owned(),
            detail: String::new(),
        }
    }

    fn at(time: &str, member: &MemberRow, devices: &[DeviceRow], held: &[HeldRow]) -> Health {
        let config = MarketConfig::new(MarketId::new("m").unwrap(), "M");
        let now = format!("2026-06-01T{time}Z").parse().unwrap();
        judge(&config, member, devices, held, now)
    }

    #[test]
    fn a_meter_is_fresh_until_five_minutes_after_the_next_slot_then_late_then_silent() {
        let told = member(Some("11:45"), Some("11:45"));
        for (time, health) in [
            ("12:00:01", Health::Fresh),
            ("12:19:59", Health::Fresh),
            ("12:20:00", Health::Late),
            // Readings of 12:00 close at 13:15.
            ("13:14:59", Health::Late),
            ("13:15:00", Health::Silent),
        ] {
            assert_eq!(at(time, &told, &[device(false)], &[]), health, "{time}");
        }
    }

    #[test]
    fn a_device_that_speaks_without_its_meter_is_told_from_one_that_is_silent() {
        let told = member(Some("13:45"), Some("11:45"));
        assert_eq!(at("14:10:00", &told, &[device(false)], &[]), Health::Unmeasured);
        assert_eq!(at("14:10:00", &member(None, None), &[device(false)], &[]), Health::Silent);
    }

    #[test]
    fn what_was_held_counts_until_a_newer_reading_is_taken() {
        let told = member(Some("11:45"), Some("11:45"));
        assert_eq!(at("12:30:00", &told, &[device(false)], &[held("12:00")]), Health::Held);
        let mended = member(Some("12:15"), Some("12:15"));
        assert_eq!(at("12:35:00", &mended, &[device(false)], &[held("12:00")]), Health::Fresh);
    }

    #[test]
    fn who_has_not_begun_or_has_no_key_is_not_called_silent() {
        let invited = MemberRow { first_slot: None, ..member(None, None) };
        assert_eq!(at("12:30:00", &invited, &[], &[]), Health::Invited);
        assert_eq!(at("08:10:00", &member(None, None), &[device(false)], &[]), Health::New);
        assert_eq!(at("12:30:00", &member(None, None), &[device(true)], &[]), Health::NoDevice);
        let by_utility = MemberRow { last_of_utility: Some(slot("12:15")), ..member(None, None) };
        assert_eq!(at("12:35:00", &by_utility, &[device(true)], &[]), Health::Fresh);
    }
}
