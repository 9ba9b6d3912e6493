//! TLS with the key of the invitation: everything goes through it, nobody else is believed, and a new key is followed.

use std::path::Path;
use std::sync::Arc;

use exchange::{Access, Exchange};
use exchange_api::{ClientError, DeviceKey, Event, Invitation, OrderOutcome, ServerPin};
use market::Side;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};

use crate::street::{Home, Street, slot};

fn encrypted() -> Access {
    Access::Tls { addresses: Vec::new() }
}

async fn street() -> Street {
    Street::reached(encrypted()).await
}

fn pin(invitation: &Invitation) -> Arc<ServerPin> {
    Arc::new(ServerPin::of(invitation).expect("an invitation to TLS names its key"))
}

/// A home of an invitation at an address, which may be another than the invitation's.
fn home_at(address: &str, key: &DeviceKey, pin: &Arc<ServerPin>) -> Home {
    Home::pinned(address, "home-01", key.clone(), Some(pin.clone()))
}

fn is_other_server(error: &ClientError) -> bool {
    matches!(error, ClientError::OtherServer { .. }) && !error.is_transient()
}

#[tokio::test]
async fn a_household_joins_and_trades_over_tls_and_its_events_come_through_it() {
    let street = street().await;
    let invitation = street.invite("home-01").await;
    assert_eq!(invitation.tls_key_hash.as_deref(), Some(street.exchange.tls_key_hash().unwrap().as_str()));
    // As it travels: one string.
    let invitation: Invitation = invitation.to_string().parse().unwrap();
    let key = DeviceKey::generate().unwrap();
    let home = home_at(&invitation.address, &key, &pin(&invitation));
    assert_eq!(home.join(&invitation).await.unwrap().member, home.member);
    let order = home.order(slot("2026-06-01T13:00:00Z"), Side::Sell, 500, 120_000);
    assert!(matches!(home.place(order).await, OrderOutcome::Accepted { index: Some(_), .. }));
    let mut events = home.client.events(None).await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().event, Event::Start);
    street.exchange.announce("Hello").await.unwrap();
    loop {
        if let Event::Announcement { text, .. } = events.next().await.unwrap().unwrap().event {
            assert_eq!(text, "Hello");
            break;
        }
    }
    // What does not encrypt is not answered.
    let plain = Home::new(&invitation.address.replace("https", "http"), "home-01", key.clone());
    assert!(matches!(plain.client.me().await, Err(ClientError::Unreachable { .. })));
    // Without the key nobody is asked at all.
    let unpinned = exchange_api::Client::new(&invitation.address, key, Default::default());
    assert!(matches!(unpinned, Err(ClientError::Address { .. })));
}

#[tokio::test]
async fn a_man_in_the_middle_with_another_key_is_refused_before_anything_is_sent() {
    let (street, other) = (street().await, self::street().await);
    let invitation = street.invite("home-01").await;
    let (key, pin) = (DeviceKey::generate().unwrap(), pin(&invitation));
    let lured = home_at(&other.address, &key, &pin);
    let error = lured.join(&invitation).await.unwrap_err();
    assert!(is_other_server(&error), "{error}");
    assert!(is_other_server(&lured.client.events(None).await.unwrap_err()));
    // One that passes the exchange's own word on is no better off: the word is not about the key that it has.
    let word = std::fs::read(street.dir().join("tls.json")).unwrap();
    let (other, ()) = other.restart_after(|dir| std::fs::write(dir.join("tls.json"), &word).unwrap()).await;
    let lured = home_at(&other.address, &key, &pin);
    assert!(is_other_server(&lured.join(&invitation).await.unwrap_err()));
    assert!(other.exchange.members().await.unwrap().is_empty());
    // The code was not spent.
    home_at(&street.address, &key, &pin).join(&invitation).await.unwrap();
}

#[tokio::test]
async fn members_follow_a_new_key_and_none_goes_back_to_an_old_one() {
    let street = street().await;
    let (invitation, late) = (street.invite("home-01").await, street.invite("home-02").await);
    let (key, pin) = (DeviceKey::generate().unwrap(), pin(&invitation));
    let member = home_at(&street.address, &key, &pin);
    member.join(&invitation).await.unwrap();
    let old = std::fs::read(street.dir().join("tls.pem")).unwrap();
    let old_word = std::fs::read(street.dir().join("tls.json")).unwrap();
    let renew = |dir: &Path| Exchange::renew_tls_key(dir, None).unwrap();
    let (street, first) = street.restart_after(renew).await;
    let (street, second) = street.restart_after(renew).await;
    assert_eq!(street.exchange.tls_key_hash().unwrap(), second);
    let member = home_at(&street.address, &key, &pin);
    member.client.me().await.unwrap();
    assert_eq!((pin.tls_key_hash(), second != first), (second.clone(), true));
    // An invitation from before the change leads to the new key as well.
    let late_pin = self::pin(&late);
    let newcomer = DeviceKey::generate().unwrap();
    let newcomer = Home::pinned(&street.address, "home-02", newcomer, Some(late_pin.clone()));
    newcomer.join(&late).await.unwrap();
    assert_eq!(late_pin.tls_key_hash(), second);
    // Who stole the first key finds nobody who still believes it.
    let (thief, ()) = street
        .restart_after(|dir| {
            std::fs::write(dir.join("tls.pem"), &old).unwrap();
            std::fs::write(dir.join("tls.json"), &old_word).unwrap();
        })
        .await;
    let lured = home_at(&thief.address, &key, &pin);
    assert!(is_other_server(&lured.client.me().await.unwrap_err()));
}

/// Encrypts with a certificate of its own and passes on to an exchange.
async fn proxy(pem: &[u8], to: String) -> String {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    let tls = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (tls, to) = (tls.clone(), to.clone());
            tokio::spawn(async move {
                let (Ok(mut from), Ok(mut to)) = (tls.accept(stream).await, TcpStream::connect(to).await)
                else {
                    return;
                };
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_proxy_may_encrypt_for_it_with_a_certificate_of_its_own() {
    let elsewhere = street().await;
    let pem = std::fs::read(elsewhere.dir().join("tls.pem")).unwrap();
    let street = Street::new().await;
    let dir = street.dir().to_owned();
    let certificate = dir.join("proxy.pem");
    let text = String::from_utf8(pem.clone()).unwrap();
    std::fs::write(&certificate, &text[..text.find("-----BEGIN PRIVATE").unwrap()]).unwrap();
    let (street, _) =
        street.restart_after(|dir| Exchange::renew_tls_key(dir, Some((&certificate, None))).unwrap()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = listener.local_addr().unwrap();
    let address = proxy(&pem, behind.to_string()).await;
    let served = street.exchange.clone();
    let access = Access::BehindProxy { addresses: vec![address.clone()] };
    tokio::spawn(async move { served.serve_as(listener, &access, Default::default()).await.unwrap() });
    let invite = exchange::Invite { address: address.clone(), ..street.invitation_of("home-01") };
    let invitation = street.exchange.invite(invite).await.unwrap();
    let key = DeviceKey::generate().unwrap();
    home_at(&address, &key, &pin(&invitation)).join(&invitation).await.unwrap();
    // Past the proxy it does not answer: nothing would be encrypted, and nothing is signed for that name.
    let past = Home::new(&format!("http://{behind}"), "home-01", key);
    assert_eq!(past.client.me().await.unwrap_err().code(), Some(exchange_api::ProblemCode::BadRequest));
    // And without the key it cannot encrypt by itself.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = street.exchange.serve_as(listener, &encrypted(), Default::default()).await.unwrap_err();
    assert!(matches!(refused, exchange::ExchangeError::Tls(exchange::TlsError::NoKey(_))), "{refused}");
}

#[tokio::test]
async fn a_backup_keeps_the_key() {
    let street = street().await;
    let folder = tempfile::tempdir().unwrap();
    let (file, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    exchange::backup(street.dir(), &file).unwrap();
    exchange::restore(&restored, &file).await.unwrap();
    for name in ["tls.pem", "tls.json"] {
        assert_eq!(
            std::fs::read(restored.join(name)).unwrap(),
            std::fs::read(street.dir().join(name)).unwrap()
        );
    }
}
