//! The market this household trades on, and those it left.

use rusqlite::{OptionalExtension, Row, named_params};
use units::{AreaId, KeyId, MarketId, MemberId, Money, Price, Timestamp};

use crate::error::HistoryError;
use crate::handle::History;
use crate::row;
use crate::writer::Durability;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub market: MarketId,
    pub market_name: String,
    pub exchange_url: String,
    /// The exchange's Ed25519 key, as in the invitation.
    pub exchange_key: String,
    pub member: MemberId,
    pub area: AreaId,
    /// The key of this device.
    pub key: KeyId,
    pub metering_point: String,
    pub fuse_w: u32,
    pub exposure: Money,
    pub retail: Price,
    pub feed_in: Price,
    pub terms_version: String,
    pub joined_at: Timestamp,
}

impl History {
    /// Saves the present membership, durably; changes the one of the same market.
    ///
    /// The membership of another market must be left first, or this is refused.
    pub fn save_membership(&self, membership: &Membership) -> Result<(), HistoryError> {
        let membership = membership.clone();
        self.write("saving the membership in", Durability::OnDisk, move |connection| {
            let other: Option<String> = connection
                .query_row(
                    "select market from memberships where left_at_ms is null and market <> ?1",
                    [membership.market.as_str()],
                    |row| row.get(0),
                )
                .optional()?;
            if let Some(other) = other {
                let subject = "the membership".to_owned();
                return Err(HistoryError::Contradiction { subject, detail: format!("{other} is not left") });
            }
            connection.execute(
                "insert or replace into memberships values (:market, :name, :url, :exchange_key, :member,
                    :area, :key, :point, :fuse_w, :exposure, :retail, :feed_in, :terms, :joined, null)",
                named_params! {
                    ":market": membership.market.as_str(),
                    ":name": membership.market_name,
                    ":url": membership.exchange_url,
                    ":exchange_key": membership.exchange_key,
                    ":member": membership.member.as_str(),
                    ":area": membership.area.as_str(),
                    ":key": membership.key.as_str(),
                    ":point": membership.metering_point,
                    ":fuse_w": membership.fuse_w,
                    ":exposure": membership.exposure.nanos(),
                    ":retail": membership.retail.micros_per_kwh(),
                    ":feed_in": membership.feed_in.micros_per_kwh(),
                    ":terms": membership.terms_version,
                    ":joined": membership.joined_at.millis(),
                },
            )?;
            Ok(())
        })
    }

    /// Returns the present membership.
    pub fn membership(&self) -> Result<Option<Membership>, HistoryError> {
        self.read("reading the membership from", |connection| {
            let mut query =
                connection.prepare_cached("select * from memberships where left_at_ms is null")?;
            Ok(query.query_row([], membership).optional()?)
        })
    }

    /// Notes that the household left its market, durably. What was traded there stays.
    pub fn leave_market(&self, now: Timestamp) -> Result<(), HistoryError> {
        self.write("ending the membership in", Durability::OnDisk, move |connection| {
            let sql = "update memberships set left_at_ms = ?1 where left_at_ms is null";
            connection.execute(sql, [now.millis()])?;
            Ok(())
        })
    }
}

fn membership(row: &Row) -> rusqlite::Result<Membership> {
    Ok(Membership {
        market: row::parsed(row, "market")?,
        market_name: row.get("market_name")?,
        exchange_url: row.get("exchange_url")?,
        exchange_key: row.get("exchange_key")?,
        member: row::parsed(row, "member")?,
        area: row::parsed(row, "area")?,
        key: row::parsed(row, "signing_key")?,
        metering_point: row.get("metering_point")?,
        fuse_w: row.get("fuse_w")?,
        exposure: row::money(row, "exposure_nanos")?,
        retail: row::price(row, "retail_micros_per_kwh")?,
        feed_in: row::price(row, "feed_in_micros_per_kwh")?,
        terms_version: row.get("terms_version")?,
        joined_at: row::time(row, "joined_at_ms")?,
    })
}
