//! An operator with the database in his hands cannot rewrite what was: the audit finds it, or a member who saw a head.

use ledger::{Checkpoint, MemoryLog, Node, Opening, Salt, SigningKey};
use rusqlite::Connection;

use crate::log::{key_of, traded};
use crate::street::Street;

/// Repeatable chance.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

/// What a statement or a bill rests on, by table.
const COLUMNS: &[(&str, &[&str])] = &[
    ("log_entry", &["domain", "subject", "commitment", "salt", "body", "signatures", "everyone"]),
    ("log_node", &["hash"]),
    ("log_head", &["note"]),
    ("log_key", &["public_key"]),
    (
        "\"order\"",
        &["member", "slot", "quantity_wh", "limit_micros_per_kwh", "salt", "signature", "filled_wh"],
    ),
    ("reading", &["import_start_wh", "export_end_wh", "salt", "signature"]),
    ("utility_reading", &["import_end_wh", "export_end_wh"]),
    ("settled_member", &["settled_at_ms", "area", "import_wh", "export_wh", "sold_wh", "from_utility_wh"]),
    ("posting", &["nanos"]),
    ("slot_area", &["price_micros_per_kwh", "flow_to_parent_wh"]),
    ("deal", &["price_micros_per_kwh", "cap_wh", "zone", "served_until_slot"]),
    // The salt of the first signature hides nothing: the entry has that of the second.
    ("deal_signature", &["signature"]),
    ("member", &["area", "metering_point", "first_slot", "terms_version"]),
    ("contract", &["retail_micros_per_kwh", "feed_in_micros_per_kwh"]),
    ("device_key", &["public_key"]),
    ("config_version", &["from_slot", "metering_key"]),
];

/// The stored market in an operator's hands, who can put it back.
struct Hands {
    db: Connection,
    dice: Dice,
}

impl Hands {
    fn on(street: &Street, seed: u64) -> Self {
        let db = Connection::open(street.dir().join("exchange.sqlite")).unwrap();
        db.pragma_update(None, "synchronous", "off").unwrap();
        db.pragma_update(None, "foreign_keys", false).unwrap();
        db.execute_batch("attach ':memory:' as good").unwrap();
        for (table, _) in COLUMNS {
            db.execute_batch(&format!("create table good.{table} as select * from main.{table}")).unwrap();
        }
        Self { db, dice: Dice(seed) }
    }

    fn restore(&self, table: &str) {
        let again = format!("delete from main.{table}; insert into main.{table} select * from good.{table}");
        self.db.execute_batch(&format!("begin; {again}; commit")).unwrap();
    }

    /// Picks a row, by its place among those of the table.
    fn row(&mut self, table: &str) -> i64 {
        let rows: i64 =
            self.db.query_row(&format!("select count(*) from {table}"), [], |row| row.get(0)).unwrap();
        self.dice.roll(rows as usize) as i64
    }

    fn keys(table: &str) -> &'static str {
        match table {
            "log_node" => "level, number",
            "reading" | "utility_reading" => "member, slot",
            "posting" => "slot, version, account, reference, what",
            "slot_area" => "slot, position",
            "deal_signature" => "deal, member",
            "contract" => "member, from_slot",
            _ => "rowid",
        }
    }

    /// Changes one value, deletes one row or repeats one; says what.
    fn meddle(&mut self, table: &str, columns: &[&str]) -> Option<String> {
        let (row, keys) = (self.row(table), Self::keys(table));
        let which = format!("({keys}) = (select {keys} from {table} order by {keys} limit 1 offset {row})");
        // A head that is not the newest is no promise that the others do not keep: whoever got it still has it.
        let kinds = if table == "log_head" { 3 } else { 4 };
        let (what, sql) = match self.dice.roll(kinds) {
            3 => ("delete".to_owned(), format!("delete from {table} where {which}")),
            _ => {
                let column = self.dice.pick(columns);
                let by = 1 + self.dice.roll(9);
                // A blob and a text change in their last letters, a number by some units.
                let other = format!(
                    "case typeof({column})
                         when 'blob' then cast(substr({column}, 1, 31) || char({by}) as blob)
                         when 'text' then substr({column}, 1, length({column}) - 1) || '{by}'
                         when 'null' then null
                         else {} end",
                    if *column == "everyone" { format!("1 - {column}") } else { format!("{column} + {by}") }
                );
                (format!("change {column}"), format!("update {table} set {column} = {other} where {which}"))
            }
        };
        let select =
            format!("select count(*) from (select * from main.{table} except select * from good.{table})");
        let changed = self.db.execute(&sql, []).unwrap_or(0);
        let differs: i64 = self.db.query_row(&select, [], |row| row.get(0)).unwrap();
        let deleted = what == "delete" && changed == 1;
        // Chance may have hit the value that was there, or one that the table refuses.
        (deleted || differs > 0).then(|| format!("{what} of {table}, row {row}"))
    }
}

async fn found(street: &Street) -> bool {
    street.exchange.audit().await.is_ok_and(|audit| !audit.holds()) || street.exchange.audit().await.is_err()
}

#[tokio::test]
async fn a_thousand_edits_of_the_stored_past_are_each_found_by_the_audit() {
    let (street, _) = traded().await;
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds() && audit.log.entries > 40, "{:?}", audit.log.faults);
    let mut hands = Hands::on(&street, 20_260_601);
    let mut tried = 0;
    while tried < 1000 {
        let (table, columns) = *hands.dice.pick(COLUMNS);
        if let Some(what) = hands.meddle(table, columns) {
            assert!(found(&street).await, "{what} was not found");
            tried += 1;
        }
        hands.restore(table);
    }
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{:?}", audit.log.faults);
}

#[tokio::test]
async fn what_is_inserted_beside_the_log_is_named() {
    let (street, _) = traded().await;
    let hands = Hands::on(&street, 1);
    let insertions = [
        (
            "\"order\"",
            "insert into \"order\" select 'forged', member, slot, side, quantity_wh, limit_micros_per_kwh, key, salt,
                 signature, accepted_at_ms, cancelled_at_ms, filled_wh from \"order\" limit 1",
            "forged",
        ),
        (
            "reading",
            "insert into reading select member, slot + 5, 1, 2, 3, 4, key, salt, signature, received_at_ms, late
                 from reading limit 1",
            "reading of",
        ),
        (
            "contract",
            "insert into contract select member, from_slot + 5, 1, 2 from contract limit 1",
            "contracts of member",
        ),
        (
            "log_entry",
            "insert into log_entry select place + 1, domain, subject, commitment, salt, body, signatures, everyone
                 from log_entry order by place desc limit 1",
            "newest head",
        ),
        ("log_node", "insert into log_node values (9, 9, zeroblob(32))", "hashes"),
        ("log_head", "insert into log_head select size + 7, note from log_head limit 1", "head of"),
    ];
    for (table, sql, name) in insertions {
        assert_eq!(hands.db.execute(sql, []).unwrap(), 1);
        let audit = street.exchange.audit().await.unwrap();
        let named = audit.log.faults.iter().any(|fault| fault.contains(name));
        assert!(named && !audit.holds(), "{table}: {:?}", audit.log.faults);
        hands.restore(table);
    }
}

/// Reads what the log opens.
fn openings(db: &Connection) -> Vec<Opening> {
    db.prepare("select domain, salt, body from log_entry order by place")
        .unwrap()
        .query_map([], |row| {
            let body: String = row.get(2)?;
            let (domain, salt) = (row.get(0)?, Salt(row.get(1)?));
            Ok(Opening { domain, salt, body: serde_json::from_str(&body).unwrap() })
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// Writes another history, with all hashes and heads signed anew by the log's true key.
fn forge(db: &Connection, key: &SigningKey, openings: &[Opening], sizes: &[u64]) {
    let mut log = MemoryLog::new();
    db.execute_batch("delete from log_node; delete from log_head; delete from log_entry").unwrap();
    let restore = "insert into log_entry select * from good.log_entry where place < ?1";
    db.execute(restore, [openings.len() as i64]).unwrap();
    for (place, opening) in openings.iter().enumerate() {
        let commitment = opening.commitment().unwrap();
        let (body, salt) = (opening.body.to_string(), opening.salt.0);
        let sql = "update log_entry set commitment = ?2, body = ?3, salt = ?4 where place = ?1";
        db.execute(sql, rusqlite::params![place as i64, commitment.0, body, salt]).unwrap();
        log.append(&commitment);
        if sizes.contains(&log.size()) {
            let head =
                Checkpoint { origin: "wattle/lindenweg".to_owned(), size: log.size(), root: log.root() };
            let note = head.sign(key).unwrap().to_string();
            db.execute("insert into log_head values (?1, ?2)", rusqlite::params![log.size() as i64, note])
                .unwrap();
        }
    }
    for level in 0..64 {
        for number in 0..log.size() >> level {
            let hash = log.hash(Node::new(level, number)).unwrap();
            let sql = "insert into log_node values (?1, ?2, ?3)";
            db.execute(sql, rusqlite::params![level, number as i64, hash.0]).unwrap();
        }
    }
}

#[tokio::test]
async fn another_history_signed_by_the_true_key_is_found_by_who_saw_a_head() {
    let (street, [home, ..]) = traded().await;
    let key = key_of(&street);
    let seen = home.client.log_checkpoint().await.unwrap().verify(&key).unwrap().clone();
    let mut hands = Hands::on(&street, 7);
    let secret = std::fs::read_to_string(street.dir().join("log.key")).unwrap();
    let secret = {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(secret.trim()).unwrap()
    };
    let secret = SigningKey::from_bytes(&secret.try_into().unwrap());
    let sizes: Vec<u64> = hands
        .db
        .prepare("select size from log_head")
        .unwrap()
        .query_map([], |row| Ok(row.get::<_, i64>(0)? as u64))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let good = openings(&hands.db);
    for _ in 0..50 {
        let mut forged = good.clone();
        let place = hands.dice.roll(good.len());
        match hands.dice.roll(3) {
            // Another salt is another entry, although it says the same: the audit alone could not know.
            0 => forged[place].salt = Salt([9; 32]),
            1 => forged.swap(place, (place + 1) % good.len()),
            _ => forged.truncate(place),
        }
        forge(&hands.db, &secret, &forged, &sizes);
        let head = home.client.log_checkpoint().await;
        let caught = match head {
            // Nothing is left of the log.
            Err(_) => true,
            Ok(head) => {
                let head = head.verify(&key).unwrap().clone();
                match home.client.log_consistency(seen.size, head.size.max(seen.size)).await {
                    Err(_) => true,
                    Ok(growth) => growth.verify(seen.size, seen.root, head.size, head.root).is_err(),
                }
            }
        };
        assert!(caught, "a fork at entry {place} was not found");
    }
    forge(&hands.db, &secret, &good, &sizes);
    for table in ["log_entry", "log_node", "log_head"] {
        hands.restore(table);
    }
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{:?}", audit.log.faults);
}
