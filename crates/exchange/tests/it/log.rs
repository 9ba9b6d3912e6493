//! What happens is in the log, and who holds its key can prove it.

use std::collections::BTreeMap;

use exchange_api::{
    CancelOrders, Day, Deal, EntryPage, OpenedEntry, OrderOutcome, ProblemCode, ReadingOutcome, Signed,
    leaves, new_deal_id, new_salt,
};
use ledger::{Hash, KeyChain, LogKey, MemoryLog, Tile, decode_bundle};
use units::MarketId;

use crate::street::{Home, Street, price, slot, wh};

const NOON: &str = "2026-06-01T12:00:00Z";
const NEXT: &str = "2026-06-01T12:15:00Z";
const THIRD: &str = "2026-06-01T12:30:00Z";

pub fn key_of(street: &Street) -> LogKey {
    street.exchange.info().log_key.parse().unwrap()
}

/// Checks that a page is the receipt of what it holds.
fn prove(page: &EntryPage, key: &LogKey) {
    let head = KeyChain::new(key.clone()).verify(&page.checkpoint).unwrap().clone();
    page.proof.verify(&leaves(&page.entries).unwrap(), head.size, head.root).unwrap();
}

/// Reads all that a home may open, in pages of a size.
pub async fn all_entries(home: &Home, key: &LogKey, limit: usize) -> Vec<OpenedEntry> {
    let (mut entries, mut after) = (Vec::new(), None);
    loop {
        let page = home.client.entries(after, limit, 0).await.unwrap();
        prove(&page, key);
        assert!(page.entries.len() <= limit);
        assert!(page.entries.windows(2).all(|pair| pair[0].index < pair[1].index));
        after = page.next;
        if page.entries.is_empty() {
            return entries;
        }
        entries.extend(page.entries);
    }
}

fn deal_between(seller: &Home, buyer: &Home) -> Deal {
    Deal {
        id: new_deal_id(),
        market: MarketId::new("lindenweg").unwrap(),
        seller: seller.member.clone(),
        buyer: buyer.member.clone(),
        price: price(120_000),
        cap: wh(100),
        cap_per_day: None,
        days: Day::ALL.to_vec(),
        hours: None,
        zone: "Europe/Berlin".to_owned(),
        from: slot(NEXT),
        until: None,
    }
}

/// A street of three in which the slot after noon was traded, by a deal and by auction, and adjusted by the utility.
pub async fn traded() -> (Street, [Home; 3]) {
    let street = Street::with(|config| config.operator_fee_micros_per_kwh = price(4_000)).await;
    let homes = [street.home("home-01").await, street.home("home-02").await, street.home("home-03").await];
    let [seller, buyer, third] = &homes;
    let deal = deal_between(seller, buyer);
    let sign = |home: &Home| Signed::sign(deal.clone(), &home.key, new_salt().unwrap()).unwrap();
    assert_eq!(seller.client.propose_deal(&sign(seller)).await.unwrap().index, None);
    assert!(buyer.client.accept_deal(&sign(buyer)).await.unwrap().index.is_some());
    seller.offer(slot(NEXT), 700, 100_000).await;
    buyer.bid(slot(NEXT), 400, 200_000).await;
    let idle = third.bid(slot(NEXT), 100, 90_000).await;
    third.client.cancel_orders(&CancelOrders::Ids(vec![idle.id])).await.unwrap();
    street.at(THIRD).await;
    for home in &homes {
        home.report(slot(NOON), None).await;
    }
    seller.report(slot(NEXT), Some([0, 0, 0, 600])).await;
    buyer.report(slot(NEXT), Some([0, 300, 0, 0])).await;
    third.report(slot(NEXT), Some([0, 50, 0, 0])).await;
    street.exchange.tick().await.unwrap();
    let rows = format!("{}\nmeter-of-home-01,{NEXT},0,0,0,580\n", exchange::HEADER);
    let rows = exchange::parse_readings(&rows).unwrap();
    assert_eq!(street.exchange.import_readings(rows, "digest").await.unwrap().adjusted, 1);
    seller.client.end_deal(&deal.id).await.unwrap();
    (street, homes)
}

fn count(entries: &[OpenedEntry]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        let name = entry.domain.strip_prefix("wattle/").and_then(|it| it.strip_suffix("/v1")).unwrap();
        *counts.entry(name).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn a_day_is_in_the_log_and_each_member_can_open_its_own_part() {
    let (street, homes) = traded().await;
    let key = key_of(&street);
    assert_eq!(key.origin(), "wattle/lindenweg");
    let seller = all_entries(&homes[0], &key, 4).await;
    let expected = BTreeMap::from([
        ("clearing", 2),
        ("config", 1),
        ("contract", 1),
        ("deal", 1),
        ("deal-end", 1),
        ("device-key", 1),
        ("member", 1),
        ("order", 1),
        ("reading", 2),
        ("settlement", 3),
        ("terms", 1),
        ("utility-reading", 1),
    ]);
    assert_eq!(count(&seller), expected);
    let third = all_entries(&homes[2], &key, 500).await;
    let counts = count(&third);
    assert_eq!((counts["order"], counts["cancel"], counts["settlement"]), (1, 1, 2));
    assert_eq!((counts.get("deal"), counts.get("utility-reading")), (None, None));
    for (home, entries) in homes.iter().zip([&seller, &all_entries(&homes[1], &key, 500).await, &third]) {
        for entry in entries {
            let text = entry.body.to_string();
            let own = homes.iter().filter(|other| other.member != home.member);
            let foreign = own.filter(|other| text.contains(other.member.as_str())).count();
            let of_both = entry.domain.starts_with("wattle/deal");
            assert!(foreign <= usize::from(of_both), "{} opens {text}", home.member);
        }
    }
}

#[tokio::test]
async fn what_is_accepted_names_its_place_and_again_the_same() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let order = home.order(slot(NEXT), market::Side::Buy, 10, 100_000);
    let signed = home.sign(order.clone());
    let OrderOutcome::Accepted { index: Some(place), .. } = home.place_signed(signed.clone()).await else {
        panic!("not accepted in the log");
    };
    let again = home.place_signed(signed.clone()).await;
    assert!(matches!(again, OrderOutcome::Accepted { index: Some(index), .. } if index == place));
    let cancel = || home.client.cancel_orders(&CancelOrders::All);
    let outcome = cancel().await.unwrap().outcomes.remove(0);
    assert_eq!(outcome, OrderOutcome::Cancelled { id: order.id.clone(), index: Some(place + 1) });
    assert_eq!(home.place(order).await, outcome);
    street.at(NEXT).await;
    let reading = home.reading(slot(NOON), Some([0, 10, 0, 0]));
    let outcome = home.client.report_readings(vec![reading]).await.unwrap().outcomes.remove(0);
    let ReadingOutcome::Accepted { index: Some(index), .. } = outcome else { panic!("{outcome:?}") };
    let entries = all_entries(&home, &key_of(&street), 500).await;
    let entry = entries.iter().find(|entry| entry.index == place).unwrap();
    assert_eq!((entry.domain.as_str(), entry.salt.to_text()), ("wattle/order/v1", signed.salt));
    assert_eq!(entry.signatures[0].signature, signed.signature);
    assert!(entries.iter().any(|entry| entry.index == index && entry.domain == "wattle/reading/v1"));
}

#[tokio::test]
async fn a_statement_without_a_salt_of_32_bytes_is_refused() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let good = home.sign(home.order(slot(NEXT), market::Side::Buy, 10, 100_000));
    for salt in ["", "AAAA", &format!("{}=", good.salt)] {
        let outcome = home.place_signed(Signed { salt: salt.to_owned(), ..good.clone() }).await;
        crate::street::assert_refused(&outcome, ProblemCode::BadSignature);
    }
    crate::street::assert_accepted(&home.place_signed(good).await);
}

#[tokio::test]
async fn strangers_follow_the_log_by_its_tiles_and_members_by_proofs() {
    let (street, [home, ..]) = traded().await;
    let key = key_of(&street);
    let first = home.client.log_checkpoint().await.unwrap();
    let old = first.verify(&key).unwrap().clone();
    for number in 0..20 {
        home.offer(slot("2026-06-01T14:00:00Z"), 1 + number, 100_000).await;
    }
    let newest = home.client.log_checkpoint().await.unwrap();
    let head = newest.verify(&key).unwrap().clone();
    assert_eq!(head.size, old.size + 20);
    let growth = home.client.log_consistency(old.size, head.size).await.unwrap();
    growth.verify(old.size, old.root, head.size, head.root).unwrap();

    let tile = Tile::new(0, 0, head.size as u16).unwrap();
    let bundle = home.client.log_tile(tile.of_entries().unwrap()).await.unwrap();
    let mut log = MemoryLog::new();
    for entry in decode_bundle(tile, &bundle).unwrap() {
        log.append(&entry);
    }
    assert_eq!(log.root(), head.root);
    let bytes = home.client.log_tile(tile).await.unwrap();
    let hashes: Vec<Hash> = tile.nodes().map(|node| log.hash(node).unwrap()).collect();
    assert_eq!(bytes, hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>());

    let indexes = vec![0, 3, 17];
    for size in [None, Some(old.size)] {
        let proof = home.client.prove_entries(indexes.clone(), size).await.unwrap();
        let head = proof.checkpoint.verify(&key).unwrap();
        let leaves: Vec<(u64, Hash)> =
            indexes.iter().map(|index| (*index, hashes[*index as usize])).collect();
        proof.proof.verify(&leaves, head.size, head.root).unwrap();
    }

    let code = |error: exchange_api::ClientError| error.code().unwrap();
    let tiles = [Tile::new(0, 0, head.size as u16 + 1).unwrap(), Tile::new(1, 0, 1).unwrap()];
    for tile in tiles {
        assert_eq!(code(home.client.log_tile(tile).await.unwrap_err()), ProblemCode::NotFound);
    }
    for (from, to) in [(0, head.size + 1), (5, 4), (u64::MAX, u64::MAX)] {
        let error = home.client.log_consistency(from, to).await.unwrap_err();
        assert_eq!(code(error), ProblemCode::BadRequest, "{from} to {to}");
    }
    for (indexes, size) in
        [(vec![head.size], None), (vec![1, 1], None), (vec![2, 1], None), (vec![0], Some(u64::MAX))]
    {
        let error = home.client.prove_entries(indexes, size).await.unwrap_err();
        assert_eq!(code(error), ProblemCode::BadRequest);
    }
    let many = (0..25_001).collect();
    assert_eq!(code(home.client.prove_entries(many, None).await.unwrap_err()), ProblemCode::TooLarge);
}

#[tokio::test]
async fn who_waits_for_entries_gets_them_when_they_come() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let key = key_of(&street);
    let last = all_entries(&home, &key, 500).await.pop().unwrap().index;
    let empty = home.client.entries(Some(last), 10, 0).await.unwrap();
    prove(&empty, &key);
    assert_eq!((empty.entries.len(), empty.next), (0, Some(last)));
    let (page, order) = tokio::join!(home.client.entries(Some(last), 10, 30), async {
        home.offer(slot(NEXT), 10, 100_000).await
    });
    let page = page.unwrap();
    prove(&page, &key);
    assert_eq!(page.entries[0].body["id"], order.id.as_str());
    assert_eq!(home.client.entries(Some(u64::MAX), 10, 0).await.unwrap().entries, []);
}

#[tokio::test]
async fn the_logs_key_is_handed_over_and_who_knows_the_first_follows() {
    let (street, [home, ..]) = traded().await;
    let first = key_of(&street);
    let before = home.client.log_checkpoint().await.unwrap().verify(&first).unwrap().clone();
    let (street, new) = street.restart_after(|dir| exchange::Exchange::rotate_log_key(dir).unwrap()).await;
    let home = home.moved_to(&street);
    assert_eq!(key_of(&street), first);
    home.offer(slot("2026-06-01T14:00:00Z"), 1, 100_000).await;
    let page = home.client.entries(None, 500, 0).await.unwrap();
    let rotation = page.entries.iter().find(|entry| entry.domain == "wattle/log-key/v1").unwrap();
    assert_eq!(rotation.index, before.size);
    let signed = ledger::SignedRotation {
        body: serde_json::from_value(rotation.body.clone()).unwrap(),
        salt: rotation.salt,
        signature: decode(&rotation.signatures[0].signature),
    };
    let mut keys = KeyChain::new(first);
    assert!(keys.verify(&page.checkpoint).is_err());
    keys.follow(&signed).unwrap();
    assert_eq!(keys.newest(), &new);
    let head = keys.verify(&page.checkpoint).unwrap();
    let growth = home.client.log_consistency(before.size, head.size).await.unwrap();
    growth.verify(before.size, before.root, head.size, head.root).unwrap();
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{:?}", audit.log.faults);
}

fn decode(signature: &str) -> [u8; 64] {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap().try_into().unwrap()
}

/// Takes a market's folder back to the form from before there was a log.
fn forget_the_log(dir: &std::path::Path) {
    let db = rusqlite::Connection::open(dir.join("exchange.sqlite")).unwrap();
    db.execute_batch(
        "pragma foreign_keys = off;
         drop table operator_link; drop table audit_run; drop table log_signed; drop table area_reading;
         drop index held_utility_row_by_time;
         drop table log_reader; drop table log_entry; drop table log_node; drop table log_head; drop table log_key;
         alter table config_version drop column metering_key; alter table slot drop column before_log;
         pragma user_version = 4;",
    )
    .unwrap();
    std::fs::remove_file(dir.join("log.key")).unwrap();
    std::fs::remove_file(dir.join("metering.key")).unwrap();
}

#[tokio::test]
async fn a_market_from_before_the_log_begins_it_with_what_is_there() {
    let (street, [home, ..]) = traded().await;
    let later = home.offer(slot("2026-06-01T14:00:00Z"), 5, 100_000).await;
    let (street, ()) = street.restart_after(forget_the_log).await;
    let home = home.moved_to(&street);
    let entries = all_entries(&home, &key_of(&street), 500).await;
    let expected = BTreeMap::from([
        // As it was, and with the key that vouches for the utility.
        ("config", 2),
        ("contract", 1),
        ("deal", 1),
        ("deal-end", 1),
        ("device-key", 1),
        ("member", 1),
        ("order", 1),
        ("terms", 1),
    ]);
    assert_eq!(count(&entries), expected);
    let again = home.place(later.clone()).await;
    assert!(matches!(again, OrderOutcome::Accepted { index: Some(_), .. }), "{again:?}");
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{:?}", audit.log.faults);
    // Once begun, it goes on.
    let size = audit.log.entries;
    let street = street.restart().await;
    assert_eq!(street.exchange.audit().await.unwrap().log.entries, size);
}
