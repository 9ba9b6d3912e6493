//! Where things are on the exchange. `docs/protocols/exchange-wire.md` says what each takes and gives.

/// `GET`, unsigned: what anyone may know of the market.
pub const MARKET: &str = "/v1/market";
/// `GET`, unsigned: which TLS key the exchange has, in its own word.
pub const SERVER_KEY: &str = "/v1/server-key";
/// `POST`: join by invitation.
pub const MEMBERS: &str = "/v1/members";
/// `GET`: one's own membership.
pub const ME: &str = "/v1/me";
/// `PUT`: what the own utility charges and pays, slot by slot from one on.
pub const CONTRACT: &str = "/v1/me/contract";
/// `PUT`: agree to the terms as they are now.
pub const TERMS: &str = "/v1/me/terms";
/// `POST` to place, `GET` to list one's own.
pub const ORDERS: &str = "/v1/orders";
/// `POST`: cancel open orders.
pub const CANCEL: &str = "/v1/orders/cancel";
/// `POST` to propose a deal, `GET` to list one's own.
pub const DEALS: &str = "/v1/deals";
/// `POST`: sign what the other side proposed.
pub const ACCEPT_DEAL: &str = "/v1/deals/accept";
/// `POST`: withdraw, decline or end.
pub const END_DEAL: &str = "/v1/deals/end";
/// `POST`: what the meter showed.
pub const READINGS: &str = "/v1/readings";
/// `GET`: the life of slots and their prices.
pub const SLOTS: &str = "/v1/slots";
/// `GET`: the book of a settled slot without names, and its clearing.
pub const BOOK: &str = "/v1/slots/{slot}/book";
/// `GET`: one's own settled slots, by cursor; waits for the next.
pub const SETTLEMENTS: &str = "/v1/settlements";
/// `GET`: what happens, as server-sent events.
pub const EVENTS: &str = "/v1/events";
/// `GET`, unsigned: the log's newest signed head, as text.
pub const LOG_CHECKPOINT: &str = "/v1/log/checkpoint";
/// `GET`, unsigned: a tile of the log, beside its `checkpoint`.
pub const LOG_TILE: &str = "/v1/log/tile/{*path}";
/// `GET`, unsigned: that the log only grew.
pub const LOG_CONSISTENCY: &str = "/v1/log/consistency";
/// `GET`: one's own entries of the log and those of the whole market, opened.
pub const ENTRIES: &str = "/v1/entries";
/// `POST`: the proof of many entries.
pub const PROVE_ENTRIES: &str = "/v1/entries/proof";

/// The most orders or readings in one request.
pub const MAX_BATCH: usize = 96;
/// The longest body that the exchange reads: a full batch of signed orders takes about 50 kB.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// The longest that `wait_s` may ask for. Proxies and routers forget a silent connection after a minute.
pub const MAX_WAIT_S: u32 = 30;
/// The most slots between `from` and `to`: a week and a day of a changing clock.
pub const MAX_SLOTS: usize = 700;
/// The most settlements on a page.
pub const PAGE: usize = 500;
/// The most opened entries on a page, and how many there are where none is asked for: some 500 kB.
pub const ENTRY_PAGE: usize = 500;
/// The most entries in one proof: a month of quarter hours with some orders each.
pub const MAX_PROVED: usize = 25_000;
