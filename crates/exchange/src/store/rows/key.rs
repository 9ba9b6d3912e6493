//! Device keys, the codes that enrol them, and the nonces they have used.

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use units::{KeyId, MemberId, Timestamp};

use crate::store::column::Columns as _;

#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    pub id: KeyId,
    pub member: MemberId,
    pub public_key: String,
    pub name: String,
    pub enrolled_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

pub(crate) fn insert(db: &Connection, key: &KeyRow) -> Result<()> {
    db.prepare_cached(
        "insert into device_key (id, member, public_key, name, enrolled_at_ms) values (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        key.id.as_str(),
        key.member.as_str(),
        key.public_key,
        key.name,
        key.enrolled_at.millis()
    ])?;
    Ok(())
}

const COLUMNS: &str = "select id, member, public_key, name, enrolled_at_ms, revoked_at_ms from device_key";

pub(crate) fn find(db: &Connection, id: &KeyId) -> Result<Option<KeyRow>> {
    db.prepare_cached(&format!("{COLUMNS} where id = ?1"))?.query_row([id.as_str()], read).optional()
}

pub(crate) fn of_member(db: &Connection, member: &MemberId) -> Result<Vec<KeyRow>> {
    db.prepare_cached(&format!("{COLUMNS} where member = ?1 order by enrolled_at_ms, id"))?
        .query_map([member.as_str()], read)?
        .collect()
}

pub(crate) fn revoke(db: &Connection, id: &KeyId, at: Timestamp) -> Result<()> {
    db.execute(
        "update device_key set revoked_at_ms = ?2 where id = ?1 and revoked_at_ms is null",
        params![id.as_str(), at.millis()],
    )?;
    Ok(())
}

fn read(row: &rusqlite::Row) -> Result<KeyRow> {
    Ok(KeyRow {
        id: row.text("id")?,
        member: row.text("member")?,
        public_key: row.get("public_key")?,
        name: row.get("name")?,
        enrolled_at: row.time("enrolled_at_ms")?,
        revoked_at: row.get::<_, Option<i64>>("revoked_at_ms")?.map(Timestamp::from_millis),
    })
}

pub(crate) struct InvitationRow {
    pub member: MemberId,
    pub expires: Timestamp,
    pub used_by: Option<KeyId>,
}

pub(crate) fn insert_invitation(
    db: &Connection,
    code_sha256: &str,
    member: &MemberId,
    expires: Timestamp,
) -> Result<()> {
    db.execute(
        "insert into invitation (code_sha256, member, expires_real_ms) values (?1, ?2, ?3)",
        params![code_sha256, member.as_str(), expires.millis()],
    )?;
    Ok(())
}

pub(crate) fn invitation(db: &Connection, code_sha256: &str) -> Result<Option<InvitationRow>> {
    let sql = "select member, expires_real_ms, used_by from invitation where code_sha256 = ?1";
    db.prepare_cached(sql)?
        .query_row([code_sha256], |row| {
            Ok(InvitationRow {
                member: row.text("member")?,
                expires: row.time("expires_real_ms")?,
                used_by: row.optional_text("used_by")?,
            })
        })
        .optional()
}

pub(crate) fn use_invitation(db: &Connection, code_sha256: &str, key: &KeyId) -> Result<()> {
    db.execute(
        "update invitation set used_by = ?2 where code_sha256 = ?1",
        params![code_sha256, key.as_str()],
    )?;
    Ok(())
}

/// Takes a nonce; returns whether it is new. Forgets those that no valid request can carry any more.
pub(crate) fn take_nonce(
    db: &Connection,
    key: &KeyId,
    nonce: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    db.prepare_cached("delete from nonce where until_real_ms < ?1")?.execute([now.millis()])?;
    let taken = db
        .prepare_cached("insert or ignore into nonce (key, nonce, until_real_ms) values (?1, ?2, ?3)")?
        .execute(params![key.as_str(), nonce, until.millis()])?;
    Ok(taken == 1)
}
