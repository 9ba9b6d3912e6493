//! The market as a service: `store/` remembers, `service/` decides, `http/` listens.
//!
//! The exchange is one SQLite file, one thread that writes it, and an HTTP server. It has
//! two clocks: market time for slots, gates and readings, real time for signatures and time-outs.

mod access;
mod backup;
mod config;
mod exchange;
mod faults;
mod http;
mod keys;
mod service;
mod store;
mod tls;

pub use access::Access;
pub use backup::{BackupError, backup, restore};
pub use config::{AreaConfig, ConfigError, MarketConfig};
pub use exchange::{Clocks, Exchange, ExchangeError, KeyInfo, MemberInfo};
pub use service::Failure;
pub use service::allocation::{
    Allocation, AllocationRow, CSV_DOMAIN, DetachedSignature, JSON_DOMAIN, SignedAllocation,
};
pub use service::enrol::Invite;
pub use service::import::PastSlot;
pub use service::log_audit::LogAudit;
pub use service::operator::{OperatorView, Role};
pub use service::report::{Audit, Balance, SlotReport};
pub use service::utility::{
    HEADER, HeldRow, InvalidFile, UtilityImport, UtilityRow, parse as parse_readings,
};
pub use store::StoreError;
pub use tls::TlsError;
