//! What the app and the exchange say to each other: types, paths, problems, signatures, and the client.
//!
//! Two signatures protect a request. The **body** of an order or a reading is signed once and kept
//! ([`Signed`]), so that it can be shown to anyone later. The **request** is signed each time it is
//! sent ([`http_signature`]), so that it cannot be sent again by someone who saw it.

mod book;
#[cfg(feature = "client")]
mod client;
mod deal;
mod event;
#[cfg(feature = "client")]
mod event_stream;
pub mod http_signature;
mod invitation;
mod key;
mod log;
#[cfg(feature = "schema")]
pub mod openapi;
pub mod paths;
#[cfg(feature = "client")]
mod pinned_tls;
mod problem;
mod server_key;
mod sign;
pub mod wire;

pub use book::{BookArea, BookOrder, InvalidSlotBook, PublishedAuction, SlotBook, id_in_book};
#[cfg(feature = "client")]
pub use client::{Client, ClientError, ClientSettings};
pub use deal::{
    Day, Deal, DealFill, DealList, DealState, DealStatus, EndDeal, Hours, InvalidDeal, InvalidHours,
    Schedule, SignedDeal,
};
pub use ed25519_dalek::VerifyingKey;
pub use event::{Event, LAST_EVENT_ID};
#[cfg(feature = "client")]
pub use event_stream::{EventStream, Received};
pub use invitation::{InvalidInvitation, Invitation};
pub use key::{DeviceKey, InvalidKey, key_id, public_key_from_text, public_key_text};
pub use ledger::{self, SignedCheckpoint};
pub use log::{
    CancelRequest, EntriesProof, EntryPage, EntrySignature, LogGrowth, OpenedEntry, ProveEntries, leaves,
};
#[cfg(feature = "client")]
pub use pinned_tls::ServerPin;
pub use server_key::{ServerKey, SignedServerKey, tls_key_hash};
pub use sign::{
    Signable, SignatureError, Verified, new_deal_id, new_order_id, new_salt, sign_document, sign_json,
    verify_document, verify_json,
};
pub use wire::*;
