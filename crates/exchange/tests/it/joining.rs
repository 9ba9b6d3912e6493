//! Joining by invitation, contracts, terms, keys.

use exchange_api::{ClientError, ContractPrices, DeviceKey, Limits, PriceStep, ProblemCode, Signed};
use market::Side;
use units::{MarketId, Money, SystemClock};

use crate::street::{Home, NowPlus as _, Street, assert_accepted, assert_refused, contract, price, slot};

fn stranger(street: &Street) -> Home {
    Home::new(&street.address, "home-01", DeviceKey::generate().unwrap())
}

fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ProblemCode {
    result.unwrap_err().code().unwrap()
}

#[tokio::test]
async fn an_invited_household_joins_and_is_known_by_its_key() {
    let street = Street::new().await;
    let home = stranger(&street);
    assert_eq!(code(home.client.me().await), ProblemCode::UnknownKey);
    let text = street.invite("home-01").await.to_string();
    let membership = home.join(&text.parse().unwrap()).await.unwrap();
    assert_eq!(membership.key, home.key.key_id());
    assert_eq!((membership.member, membership.contract), (home.member.clone(), contract()));
    assert_eq!(home.client.me().await.unwrap().metering_point, "meter-of-home-01");
    let info = home.client.market().await.unwrap();
    assert_eq!(info.exchange_key, text.parse::<exchange_api::Invitation>().unwrap().exchange_key);
}

#[tokio::test]
async fn a_code_joins_one_key_once() {
    let street = Street::new().await;
    let (home, other) = (stranger(&street), stranger(&street));
    let invitation = street.invite("home-01").await;
    let first = home.join(&invitation).await.unwrap();
    assert_eq!(home.join(&invitation).await.unwrap(), first);
    assert_eq!(code(other.join(&invitation).await), ProblemCode::InvalidInvitation);
}

#[tokio::test]
async fn what_is_wrong_with_joining_is_said() {
    let street = Street::new().await;
    let home = stranger(&street);
    let limits = Limits { fuse_w: 24_000, exposure: Money::from_nanos(1) };
    let expired = street.invite_with("home-01", limits, SystemClock::now_plus(-1)).await;
    assert_eq!(code(home.join(&expired).await), ProblemCode::ExpiredInvitation);
    let good = street.invite("home-01").await;
    let request = home.join_request(&good);
    let mut guessed = request.clone();
    guessed.code = "guess".to_owned();
    assert_eq!(code(home.client.join(&guessed).await), ProblemCode::InvalidInvitation);
    let mut unread = request.clone();
    unread.terms_version = "0".to_owned();
    assert_eq!(code(home.client.join(&unread).await), ProblemCode::TermsNotAgreed);
    let mut elsewhere = request.clone();
    elsewhere.market = MarketId::new("other").unwrap();
    assert_eq!(code(home.client.join(&elsewhere).await), ProblemCode::WrongMarket);
    let mut borrowed = request.clone();
    borrowed.public_key = stranger(&street).key.public_key_text();
    assert_eq!(code(home.client.join(&borrowed).await), ProblemCode::BadSignature);
    let mut mangled = request.clone();
    mangled.public_key = "AAAA".to_owned();
    assert_eq!(code(home.client.join(&mangled).await), ProblemCode::BadRequest);
    // None of this used the code up.
    home.client.join(&request).await.unwrap();
}

#[tokio::test]
async fn a_member_has_up_to_five_devices_and_each_may_trade() {
    let street = Street::new().await;
    let mut devices = vec![street.home("home-01").await];
    for _ in 0..4 {
        let device = stranger(&street);
        device.join(&street.invite("home-01").await).await.unwrap();
        devices.push(device);
    }
    let sixth = stranger(&street);
    assert_eq!(code(sixth.join(&street.invite("home-01").await).await), ProblemCode::InvalidInvitation);
    for device in &devices {
        device.offer(slot("2026-06-01T13:00:00Z"), 100, 100_000).await;
    }
    assert_eq!(street.exchange.members().await.unwrap()[0].keys.len(), 5);
}

#[tokio::test]
async fn a_revoked_key_is_locked_out_and_its_open_orders_end() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let second = stranger(&street);
    second.join(&street.invite("home-01").await).await.unwrap();
    let lost = home.offer(slot("2026-06-01T13:00:00Z"), 100, 100_000).await;
    let bound = home.offer(slot("2026-06-01T12:15:00Z"), 100, 100_000).await;
    let kept = second.offer(slot("2026-06-01T13:00:00Z"), 100, 100_000).await;
    street.at("2026-06-01T12:10:00Z").await;
    let cancelled = street.exchange.revoke(home.key.key_id()).await.unwrap();
    assert_eq!(cancelled, std::slice::from_ref(&lost.id));
    assert_eq!(code(home.client.me().await), ProblemCode::RevokedKey);
    let orders =
        second.client.orders(slot("2026-06-01T12:00:00Z"), slot("2026-06-02T12:00:00Z")).await.unwrap();
    let states: Vec<_> = orders.orders.iter().map(|status| (&status.order.id, status.state)).collect();
    use exchange_api::OrderState::{Bound, Cancelled, Open};
    assert_eq!(states, [(&bound.id, Bound), (&lost.id, Cancelled), (&kept.id, Open)]);
    // What the lost device signed is of no use through another one either.
    let stolen = home.sign(home.order(slot("2026-06-01T13:00:00Z"), Side::Sell, 100, 100_000));
    assert_refused(&second.place_signed(stolen).await, ProblemCode::RevokedKey);
}

#[tokio::test]
async fn a_household_of_a_new_area_takes_part_once_the_area_is_there() {
    let street = Street::new().await;
    let old = street.home("home-01").await;
    let file = street.dir().join("market.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let area = "\n[[area]]\nid = \"feeder-2\"\nparent = \"feeder-1\"\nfee_micros_per_kwh = 5000\n";
    std::fs::write(&file, text + area).unwrap();
    let street = street.restart().await;
    let old = old.moved_to(&street);
    let invitation = street.invite_into("home-02", "feeder-2").await;
    let new = Home::new(&street.address, "home-02", DeviceKey::generate().unwrap());
    new.join(&invitation).await.unwrap();
    let traded = slot("2026-06-01T12:15:00Z");
    old.offer(traded, 1000, 100_000).await;
    new.bid(traded, 1000, 200_000).await;
    street.at("2026-06-01T12:30:00Z").await;
    old.report(slot("2026-06-01T12:00:00Z"), None).await;
    old.report(traded, Some([0, 0, 0, 400])).await;
    new.report(traded, Some([0, 400, 0, 0])).await;
    street.exchange.tick().await.unwrap();
    let first = street.exchange.slot_report(slot("2026-06-01T12:00:00Z")).await.unwrap().unwrap();
    assert_eq!((first.areas.len(), first.members.len()), (1, 1));
    let second = street.exchange.slot_report(traded).await.unwrap().unwrap();
    assert_eq!((second.areas.len(), second.traded.get()), (2, 400));
    // The line's fee is the difference between the two areas' prices, and goes to the network.
    let [near, far] = [&second.areas[0], &second.areas[1]];
    assert_eq!(far.price.unwrap() - near.price.unwrap(), price(5_000));
    assert_eq!(far.flow_to_parent.get(), -400);
    assert!(street.exchange.audit().await.unwrap().holds());
}

#[tokio::test]
async fn a_contract_changes_from_a_later_slot_on() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let change = |from| home.told(&[(from, 310_000)]);
    let past = home.client.tell_contract(&change("2026-06-01T12:00:00Z")).await;
    assert_eq!(code(past), ProblemCode::PastSlot);
    home.client.tell_contract(&change("2026-06-01T12:30:00Z")).await.unwrap();
    assert_eq!(home.client.me().await.unwrap().contract, contract());
    for (index, at) in ["12:00", "12:15", "12:30"].into_iter().enumerate() {
        let register = index as i64 * 100;
        street.clock.set(slot(&format!("2026-06-01T{at}:00Z")).end());
        home.report(slot(&format!("2026-06-01T{at}:00Z")), Some([register, register + 100, 0, 0])).await;
    }
    street.exchange.tick().await.unwrap();
    let page = home.client.settlements(0, 0).await.unwrap();
    let retail: Vec<_> = page.settlements.iter().map(|slot| slot.contract.retail_micros_per_kwh).collect();
    assert_eq!(retail, [price(300_000), price(300_000), price(310_000)]);
    let paid: Vec<_> = page.settlements.iter().map(|slot| slot.postings[0].amount.nanos()).collect();
    assert_eq!(paid, [-30_000_000, -30_000_000, -31_000_000]);
}

#[tokio::test]
async fn each_slot_is_settled_with_the_utility_at_its_own_price() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    // A dynamic contract as it was known at noon, then tomorrow's prices: the newer word takes its place.
    let told = home.told(&[("2026-06-01T12:15:00Z", 250_000), ("2026-06-01T12:30:00Z", 400_000)]);
    home.client.tell_contract(&told).await.unwrap();
    home.client.tell_contract(&told).await.unwrap();
    let told = home.told(&[
        ("2026-06-01T12:30:00Z", -20_000),
        ("2026-06-01T12:45:00Z", 310_000),
        ("2026-06-01T13:15:00Z", 320_000),
    ]);
    home.client.tell_contract(&told).await.unwrap();
    for (index, at) in ["12:00", "12:15", "12:30", "12:45", "13:00", "13:15"].into_iter().enumerate() {
        let (at, register) = (slot(&format!("2026-06-01T{at}:00Z")), index as i64 * 100);
        street.clock.set(at.end());
        home.report(at, Some([register, register + 100, 0, 0])).await;
    }
    street.exchange.tick().await.unwrap();
    let page = home.client.settlements(0, 0).await.unwrap();
    let paid: Vec<_> =
        page.settlements.iter().map(|slot| slot.postings[0].amount.nanos() / 1_000_000).collect();
    // 100 Wh each, in thousandths of a euro: below zero the utility pays.
    assert_eq!(paid, [-30, -25, 2, -31, -31, -32]);
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{audit:?}");
}

#[tokio::test]
async fn a_contract_that_is_not_the_members_word_is_refused() {
    let street = Street::new().await;
    let (home, other) = (street.home("home-01").await, street.home("home-02").await);
    let from = slot("2026-06-01T12:30:00Z");
    let step = |from, micros| PriceStep {
        from,
        retail_micros_per_kwh: price(micros),
        feed_in_micros_per_kwh: price(80_000),
    };
    let refused = async |signer: &Home, member: &Home, steps: Vec<PriceStep>| {
        let (market, member) = (MarketId::new("lindenweg").unwrap(), member.member.clone());
        let told =
            Signed::sign(ContractPrices { market, member, from, steps }, &signer.key, [7; 32]).unwrap();
        code(home.client.tell_contract(&told).await)
    };
    assert_eq!(refused(&other, &home, vec![step(from, 1)]).await, ProblemCode::UnknownKey);
    assert_eq!(refused(&home, &other, vec![step(from, 1)]).await, ProblemCode::NotYours);
    assert_eq!(refused(&home, &home, vec![]).await, ProblemCode::BadRequest);
    assert_eq!(refused(&home, &home, vec![step(from.next(), 1)]).await, ProblemCode::BadRequest);
    let backwards = vec![step(from, 1), step(from.offset(2), 1), step(from.next(), 1)];
    assert_eq!(refused(&home, &home, backwards).await, ProblemCode::BadRequest);
    assert_eq!(refused(&home, &home, vec![step(from, 2_000_000_000)]).await, ProblemCode::BadRequest);
    let many = (0..201).map(|offset| step(from.offset(offset), 1)).collect();
    assert_eq!(refused(&home, &home, many).await, ProblemCode::BadRequest);
}

#[tokio::test]
async fn nothing_is_traded_before_new_terms_are_agreed_to() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let file = street.dir().join("market.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("version = \"1\"", "version = \"2\"")).unwrap();
    let street = street.restart().await;
    let home = home.moved_to(&street);
    let order = home.order(slot("2026-06-01T13:00:00Z"), Side::Sell, 100, 100_000);
    assert_refused(&home.place(order.clone()).await, ProblemCode::TermsNotAgreed);
    assert_eq!(code(home.client.agree_to_terms("1").await), ProblemCode::TermsNotAgreed);
    assert_eq!(home.client.agree_to_terms("2").await.unwrap().terms_version, "2");
    assert_accepted(&home.place(order).await);
}
