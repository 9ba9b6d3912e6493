-- From 1 to 2: the exchange's log and statements, direct deals, whose figures entered a settlement, orders placed by
-- hand, what a person did to the books of a meter.
-- The exchange's logs that this household checks: one a market, and one more each time that its owner went
-- on after the exchange had rewritten one.
create table logs (
    id integer primary key,
    market text not null,
    log_key text not null, -- the key that is trusted from the start, as C2SP writes verifier keys
    begun_at_ms integer not null,
    ended_at_ms integer, -- since then another one of the market is followed
    next_index integer, -- up to where its entries were fetched
    checkpoint text, -- the newest head seen and found consistent with all before, as the note that came
    checkpoint_size integer,
    checked_at_ms integer
) strict;

create unique index logs_present on logs (market) where ended_at_ms is null;
-- This household's opened entries of the exchange's log, and those that are everybody's, an hour or so a row.
create table log_pages (
    id integer primary key,
    log integer not null references logs (id),
    first_index integer not null,
    last_index integer not null,
    first_slot integer, -- the slots that its entries are about; missing where there is none
    last_slot integer,
    lasting integer not null check (lasting in (0, 1)), -- holds entries that are not about one slot
    entries_gz blob not null -- a line an entry, compressed: a third of the bytes
) strict;

create index log_pages_by_slot on log_pages (log, last_slot, first_slot);
-- What the exchange acknowledged, with its place in the log, until it is found there.
create table log_promises (
    id integer primary key, -- the log's id and the entry's place in it
    commitment text not null,
    what text not null,
    promised_at_ms integer not null
) strict;
-- Where the exchange's log did not keep what it promised, with the evidence. Nothing here is ever deleted.
create table log_alarms (
    id integer primary key,
    log integer not null references logs (id),
    kind text not null check (kind in ('rollback', 'fork', 'missing_entry', 'wrong_signature', 'unproved')),
    raised_at_ms integer not null,
    detail text not null,
    evidence_json text not null,
    answered_at_ms integer, -- the owner said: go on
    over_at_ms integer -- since then the log was verified again
) strict;
-- The statements this household made, in their gapless row.
create table statements (
    id integer primary key,
    market text not null,
    sequence integer not null,
    number text not null,
    month text not null,
    made_at_ms integer not null,
    log integer not null references logs (id),
    log_size integer not null, -- what the log held when it was made
    sha256 text not null,
    summary_json text not null, -- what a list shows without unpacking the file
    file_gz blob not null, -- the statement as it travels, compressed
    unique (market, sequence)
) strict;
alter table settlements add column source text check (source in ('member', 'utility'));
alter table orders add column by_owner integer not null default 0 check (by_owner in (0, 1));
create table settlement_deals (
    settlement integer not null references settlements (id),
    position integer not null,
    deal_id text not null,
    side text not null check (side in ('buy', 'sell')),
    partner text not null,
    filled_wh integer not null,
    price_micros_per_kwh integer not null,
    grid_fee_nanos integer not null, -- what the buyer paid the grid on top
    primary key (settlement, position)
) strict, without rowid;
create table deals (
    id text primary key,
    market text not null,
    terms_json text not null, -- as both sides sign it
    state text not null check (state in ('drafted', 'proposed', 'agreed', 'ended', 'refused')),
    proposed_by text not null,
    proposed_at_ms integer,
    agreed_at_ms integer,
    served_from_slot integer, -- the first slot that can be served
    served_until_slot integer, -- the first that is not served any more
    ended_by text,
    errand text check (errand in ('propose', 'accept', 'end')), -- what the exchange shall still be told
    signed_json text, -- with which signature
    problem_code text,
    problem_detail text,
    changed_at_ms integer not null
) strict, without rowid;
create table meter_edits (
    id integer primary key,
    meter integer not null references meters (number),
    made_at_ms integer not null,
    at_ms integer not null, -- from when on it counts
    kind text not null,
    undoes integer references meter_edits (id),
    detail_json text not null -- what it did, so that it can be undone
) strict;

create index meter_edits_by_meter on meter_edits (meter, id);
